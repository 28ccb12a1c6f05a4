// Starts every call that libpostern has once, in an event loop, against a real daemon whose operator this is.
//
//   start_all URL    prints a line for each: its name, its status and, of a failure, why; exits with 1 when one failed
//
// Each call waits for the one before, because most need what that one made.
#include "postern/postern.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct postern *client;
    bool over;   // the call that was started
    bool failed; // any
    char key_id[64], token[256];
};

static void note(struct run *run, const char *name, bool has_reply, const struct postern_error *error)
{
    bool right = has_reply && error->status == POSTERN_OK;
    printf("%s %s %s\n", name, postern_status_name(error->status), error->message);
    run->failed = run->failed || !right || run->over; // each callback is called once
    run->over = true;
}

static void finish(struct run *run, const char *name, enum postern_status begun, const struct postern_error *error)
{
    if (begun != POSTERN_OK)
        note(run, name, false, error);
    while (!run->over) {
        unsigned wants = postern_events(run->client);
        struct pollfd ready = {.fd = postern_fd(run->client),
                               .events = (short)(((wants & POSTERN_WANT_READ) != 0 ? POLLIN : 0) |
                                                 ((wants & POSTERN_WANT_WRITE) != 0 ? POLLOUT : 0))};
        (void)poll(&ready, 1, (int)postern_wait_ms(run->client));
        postern_process(run->client);
    }
}

// Defines NAME(run, request), which starts the call and waits for its end; KEEP looks at the reply.
#define CALL(name, keep)                                                                                               \
    static void on_##name(void *context, struct postern_##name##_reply *reply, const struct postern_error *error)      \
    {                                                                                                                  \
        struct run *run = context;                                                                                     \
        note(run, #name, reply != NULL, error);                                                                        \
        if (reply != NULL)                                                                                             \
            keep;                                                                                                      \
        postern_reply_free(reply);                                                                                     \
    }                                                                                                                  \
    static void name(struct run *run, struct postern_##name##_request request)                                         \
    {                                                                                                                  \
        struct postern_error error;                                                                                    \
        run->over = false;                                                                                             \
        finish(run, #name, postern_##name##_start(run->client, &request, on_##name, run, &error), &error);             \
    }

static void keep_key(struct run *run, const char *key_id, const char *token)
{
    (void)snprintf(run->key_id, sizeof run->key_id, "%s", key_id);
    (void)snprintf(run->token, sizeof run->token, "%s", token);
}

static void expect(struct run *run, const char *what, bool holds)
{
    if (!holds)
        printf("%s: not what was asked for\n", what);
    run->failed = run->failed || !holds;
}

CALL(put_tier, expect(run, "put_tier", strcmp(reply->tier.tier, "free") == 0))
CALL(put_account, expect(run, "put_account", strcmp(reply->account.account, "acme") == 0))
CALL(put_scope, expect(run, "put_scope", strcmp(reply->scope.scope, "jobs:read") == 0))
CALL(create, keep_key(run, reply->key.key_id, reply->api_key))
CALL(verify, expect(run, "verify", reply->allowed))
CALL(verify_batch, expect(run, "verify_batch", reply->reply_count == 1))
CALL(rate_check, expect(run, "rate_check", reply->allowed))
CALL(get, expect(run, "get", strcmp(reply->key.key_id, run->key_id) == 0))
CALL(list, expect(run, "list", reply->key_count > 0))
CALL(update, expect(run, "update", strcmp(reply->key.name, "other") == 0))
CALL(roll, keep_key(run, reply->key.key_id, reply->api_key))
CALL(import, expect(run, "import", reply->key_count == 1))
CALL(get_account, expect(run, "get_account", strcmp(reply->account.account, "acme") == 0))
CALL(list_accounts, expect(run, "list_accounts", reply->account_count > 0))
CALL(list_tiers, expect(run, "list_tiers", reply->tier_count > 0))
CALL(list_scopes, expect(run, "list_scopes", reply->scope_count > 0))
CALL(get_usage, expect(run, "get_usage", reply->base.server_time_ms > 0))
CALL(list_changes, expect(run, "list_changes", reply->change_count > 0))
CALL(reset_meters, expect(run, "reset_meters", reply->base.server_time_ms > 0))
CALL(revoke, expect(run, "revoke", reply->key.state == POSTERN_KEY_STATE_REVOKED))
CALL(delete, expect(run, "delete", reply->base.server_time_ms > 0))
CALL(revoke_all, expect(run, "revoke_all", reply->base.server_time_ms > 0))
CALL(delete_account, expect(run, "delete_account", reply->base.server_time_ms > 0))
CALL(delete_tier, expect(run, "delete_tier", reply->base.server_time_ms > 0))
CALL(delete_scope, expect(run, "delete_scope", reply->base.server_time_ms > 0))
CALL(health, expect(run, "health", reply->serving))
CALL(stats, expect(run, "stats", reply->decisions > 0))

static void make_things(struct run *run)
{
    static const struct postern_limit limit = {
        .resource = "requests", .algorithm = POSTERN_ALGORITHM_FIXED_WINDOW, .amount = 1000, .window_s = 60};
    put_tier(run, (struct postern_put_tier_request){.tier = "free", .limits = &limit, .limit_count = 1});
    put_scope(run, (struct postern_put_scope_request){.scope = "jobs:read", .description = "may look at jobs"});
    put_account(run, (struct postern_put_account_request){.account = "acme", .tier = "free"});
    create(run, (struct postern_create_request){.account = "acme", .name = "first"});
}

static void decide(struct run *run)
{
    static const struct postern_charge charge = {.resource = "requests", .cost = 1};
    const struct postern_verify_request one = {.api_key = run->token};
    verify(run, one);
    verify_batch(run, (struct postern_verify_batch_request){.calls = &one, .call_count = 1});
    rate_check(run, (struct postern_rate_check_request){.api_key = run->token, .charges = &charge, .charge_count = 1});
}

static void look(struct run *run)
{
    get(run, (struct postern_get_request){.key_id = run->key_id});
    list(run, (struct postern_list_request){.account = "acme"});
    get_account(run, (struct postern_get_account_request){.account = "acme"});
    list_accounts(run, (struct postern_list_accounts_request){.page_size = 10});
    list_tiers(run, (struct postern_list_tiers_request){.page_size = 10});
    list_scopes(run, (struct postern_list_scopes_request){.page_size = 10});
    get_usage(run, (struct postern_get_usage_request){.account = "acme"});
    list_changes(run, (struct postern_list_changes_request){.account = "acme"});
    health(run, (struct postern_health_request){.call = {.timeout_ms = 0}});
    stats(run, (struct postern_stats_request){.top = 1});
}

static void change_and_remove(struct run *run)
{
    static const struct postern_import_key old = {.api_key = "an-old-token-of-another-service",
                                                  .key = {.account = "acme", .name = "old"}};
    update(run, (struct postern_update_request){.key_id = run->key_id, .fields = POSTERN_UPDATE_NAME, .name = "other"});
    roll(run, (struct postern_roll_request){.key_id = run->key_id});
    import(run, (struct postern_import_request){.keys = &old, .key_count = 1});
    reset_meters(run, (struct postern_reset_meters_request){.account = "acme", .resource = "requests"});
    revoke(run, (struct postern_revoke_request){.key_id = run->key_id});
    delete (run, (struct postern_delete_request){.key_id = run->key_id});
    revoke_all(run, (struct postern_revoke_all_request){.account = "acme"});
    delete_account(run, (struct postern_delete_account_request){.account = "acme"});
    delete_tier(run, (struct postern_delete_tier_request){.tier = "free"});
    delete_scope(run, (struct postern_delete_scope_request){.scope = "jobs:read"});
}

int main(int argc, char **argv)
{
    struct run run = {.failed = false};
    struct postern_error error;
    if (argc != 2)
        return fprintf(stderr, "usage: start_all URL\n"), 2;
    const struct postern_options options = {.url = argv[1], .timeout_ms = 60000, .event_loop = true};
    if (postern_open(&options, &run.client, &error) != POSTERN_OK)
        return fprintf(stderr, "start_all: %s\n", error.message), 1;
    make_things(&run);
    decide(&run);
    look(&run);
    change_and_remove(&run);
    postern_close(run.client);
    return run.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
