// Asks posternd about tokens without any use of them: a Verify that peeks, and that needs a scope which no key can
// hold, so that it never comes to any limit. Its answer has the id that the key has here.
#include "scan/verdict.h"

#include <string.h>

struct standing {
    const char *state;
    bool works; // or may work again
};

// What the reason says of the key. The compiler sees when one of the protocol is missing here.
static struct standing standing_of(enum postern_reason reason, bool is_rolled)
{
    switch (reason) {
    case POSTERN_REASON_MISSING_API_KEY:
    case POSTERN_REASON_INVALID_API_KEY:
        return (struct standing){"UNKNOWN", false};
    case POSTERN_REASON_REVOKED_API_KEY:
        return (struct standing){"REVOKED", false};
    case POSTERN_REASON_EXPIRED_API_KEY:
        return (struct standing){"EXPIRED", false};
    case POSTERN_REASON_DISABLED_API_KEY:
        return (struct standing){"DISABLED", true};
    case POSTERN_REASON_NOT_YET_VALID_API_KEY:
        return (struct standing){"PENDING", true};
    case POSTERN_REASON_ACCOUNT_SUSPENDED:
        return (struct standing){"SUSPENDED", true};
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
    return (struct standing){is_rolled ? "ROLLING" : "ACTIVE", true}; // and what a newer posternd may say
}

static void copy_key(struct verdict *verdict, const char *key_id, const char *account, const char *name)
{
    if (key_id[0] != '\0')
        snprintf(verdict->key_id, sizeof verdict->key_id, "%.*s", (int)sizeof verdict->key_id - 1, key_id);
    snprintf(verdict->account, sizeof verdict->account, "%.*s", (int)sizeof verdict->account - 1, account);
    snprintf(verdict->name, sizeof verdict->name, "%.*s", (int)sizeof verdict->name - 1, name);
}

static bool ask_about(struct cli *cli, const struct scan_token *token, struct verdict *verdict)
{
    static const char *const scopes[] = {"postern:scan"};
    const struct postern_verify_request request = {
        .api_key = token->text, .peek = true, .scopes = scopes, .scope_count = sizeof scopes / sizeof scopes[0]};
    struct postern_verify_reply *reply = NULL;
    bool answered = postern_verify(cli->client, &request, &reply, &cli->error) == POSTERN_OK;
    if (answered) {
        memcpy(verdict->key_id, token->key_id, sizeof verdict->key_id);
        const struct standing standing = standing_of(reply->reason, reply->successor_key_id[0] != '\0');
        verdict->state = standing.state;
        verdict->works = standing.works;
        copy_key(verdict, reply->key_id, reply->account, reply->key_name);
    }
    postern_reply_free(reply);
    return answered;
}

static bool revoke_token(struct cli *cli, const struct scan_token *token, struct verdict *verdict)
{
    const char *reason = argument_text(cli, "reason");
    const struct postern_revoke_request request = {.api_key = token->text,
                                                   .reason = reason != NULL ? reason : "found by postern scan"};
    struct postern_revoke_reply *reply = NULL;
    if (postern_revoke(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return false;
    copy_key(verdict, reply->key.key_id, reply->key.account, reply->key.name);
    verdict->state = "REVOKED";
    verdict->revoked = true;
    postern_reply_free(reply);
    return true;
}

static size_t place_for(const struct scan_token *token)
{
    size_t hash = 0;
    for (const char *at = token->text + strlen(token->text) - 6; *at != '\0'; at++)
        hash = hash * 62 + (unsigned char)*at;
    return hash % VERDICT_REMEMBERED;
}

struct verdict *verdict_ask(struct inquiry *inquiry, const struct scan_token *token)
{
    struct verdict *verdict = &inquiry->remembered[place_for(token)];
    if (strcmp(verdict->token, token->text) == 0)
        return verdict;
    explicit_bzero(verdict, sizeof *verdict);
    if (!ask_about(inquiry->cli, token, verdict))
        return NULL;
    if (inquiry->revokes && verdict->works && !token->is_public && !revoke_token(inquiry->cli, token, verdict))
        return NULL;
    memcpy(verdict->token, token->text, sizeof verdict->token);
    return verdict;
}
