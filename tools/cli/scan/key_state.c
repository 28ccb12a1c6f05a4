// Asks posternd about tokens without any use of them: a Verify that peeks, and that needs a scope which no key can
// hold, so that it never comes to any limit. Its answer has the id that the key has here.
#include "scan/key_state.h"

#include <string.h>

static void state_of(const struct postern_verify_reply *reply, struct key_state *key)
{
    static const struct {
        enum postern_reason reason;
        bool works;
        const char *state;
    } states[] = {
        {POSTERN_REASON_REVOKED_API_KEY, false, "REVOKED"},  {POSTERN_REASON_EXPIRED_API_KEY, false, "EXPIRED"},
        {POSTERN_REASON_MISSING_API_KEY, false, "UNKNOWN"},  {POSTERN_REASON_INVALID_API_KEY, false, "UNKNOWN"},
        {POSTERN_REASON_DISABLED_API_KEY, true, "DISABLED"}, {POSTERN_REASON_ACCOUNT_SUSPENDED, true, "SUSPENDED"}};
    // Any other reason refuses this question, and not the key.
    key->works = true;
    key->state = reply->successor_key_id[0] != '\0' ? "ROLLING" : "ACTIVE";
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i].reason == reply->reason) {
            key->works = states[i].works;
            key->state = states[i].state;
        }
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
        state_of(reply, key);
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

const struct key_state *key_state_ask(struct inquiry *inquiry, const struct scan_token *token)
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
