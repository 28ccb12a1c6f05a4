// Asks posternd about tokens without any use of them: a Verify that peeks, and that needs a scope which no key can
// hold, so that it never comes to any limit. Its answer has the id that the key has here.
#include "scan/key_state.h"

#include <string.h>

// Returns the state that the reason tells. *works: it works, or may work again. The compiler sees when one of the
// protocol is missing here.
static const char *state_of(enum postern_reason reason, bool is_rolled, bool *works)
{
    *works = true;
    switch (reason) {
    case POSTERN_REASON_MISSING_API_KEY:
    case POSTERN_REASON_INVALID_API_KEY:
        *works = false;
        return "UNKNOWN";
    case POSTERN_REASON_REVOKED_API_KEY:
        *works = false;
        return "REVOKED";
    case POSTERN_REASON_EXPIRED_API_KEY:
        *works = false;
        return "EXPIRED";
    case POSTERN_REASON_DISABLED_API_KEY:
        return "DISABLED";
    case POSTERN_REASON_NOT_YET_VALID_API_KEY:
        return "PENDING";
    case POSTERN_REASON_ACCOUNT_SUSPENDED:
        return "SUSPENDED";
    // These refuse this question, and not the key.
    case POSTERN_REASON_WRONG_ACCOUNT:
    case POSTERN_REASON_WRONG_ENVIRONMENT:
    case POSTERN_REASON_SECRET_KEY_REQUIRED:
    case POSTERN_REASON_ADDRESS_NOT_ALLOWED:
    case POSTERN_REASON_INSUFFICIENT_SCOPE:
    case POSTERN_REASON_RATE_LIMITED:
    case POSTERN_REASON_COST_EXCEEDS_LIMIT:
    case POSTERN_REASON_ALLOWED:
    case POSTERN_REASON_UNSPECIFIED:
        break;
    }
    return is_rolled ? "ROLLING" : "ACTIVE"; // and what a newer posternd may say
}

static void copy_key(struct key_state *key, const char *key_id, const char *account, const char *name)
{
    if (key_id[0] != '\0')
        snprintf(key->key_id, sizeof key->key_id, "%.*s", (int)sizeof key->key_id - 1, key_id);
    snprintf(key->account, sizeof key->account, "%.*s", (int)sizeof key->account - 1, account);
    snprintf(key->name, sizeof key->name, "%.*s", (int)sizeof key->name - 1, name);
}

static bool ask_about(struct cli *cli, const struct scan_token *token, struct key_state *key)
{
    static const char *const scopes[] = {"postern:scan"};
    const struct postern_verify_request request = {
        .api_key = token->text, .peek = true, .scopes = scopes, .scope_count = sizeof scopes / sizeof scopes[0]};
    struct postern_verify_reply *reply = NULL;
    bool answered = postern_verify(cli->client, &request, &reply, &cli->error) == POSTERN_OK;
    if (answered) {
        memcpy(key->key_id, token->key_id, sizeof key->key_id);
        key->state = state_of(reply->reason, reply->successor_key_id[0] != '\0', &key->works);
        copy_key(key, reply->key_id, reply->account, reply->key_name);
    }
    postern_reply_free(reply);
    return answered;
}

static bool revoke_token(struct cli *cli, const struct scan_token *token, struct key_state *key)
{
    const char *reason = argument_text(cli, "reason");
    const struct postern_revoke_request request = {.api_key = token->text,
                                                   .reason = reason != NULL ? reason : "found by postern scan"};
    struct postern_revoke_reply *reply = NULL;
    if (postern_revoke(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return false;
    copy_key(key, reply->key.key_id, reply->key.account, reply->key.name);
    key->state = "REVOKED";
    key->revoked = true;
    postern_reply_free(reply);
    return true;
}

static size_t place_for(const struct scan_token *token)
{
    size_t hash = 0;
    for (const char *at = token->text + strlen(token->text) - 6; *at != '\0'; at++)
        hash = hash * 62 + (unsigned char)*at;
    return hash % KEY_STATES_REMEMBERED;
}

struct key_state *key_state_ask(struct inquiry *inquiry, const struct scan_token *token)
{
    struct key_state *key = &inquiry->remembered[place_for(token)];
    if (strcmp(key->token, token->text) == 0)
        return key;
    explicit_bzero(key, sizeof *key);
    if (!ask_about(inquiry->cli, token, key))
        return NULL;
    if (inquiry->revokes && key->works && !token->is_public && !revoke_token(inquiry->cli, token, key))
        return NULL;
    memcpy(key->token, token->text, sizeof key->token);
    return key;
}
