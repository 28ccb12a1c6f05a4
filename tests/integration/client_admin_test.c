// The calls that administer, against a scripted server: what is asked arrives, what is answered is read.
#include "postern/postern.h"
#include "support/client_peer.h"

#include <stdio.h>
#include <unistd.h>

enum { LONG_MS = 60000 };

static char directory[] = "/tmp/postern-admin-XXXXXX";
static char url[64];

// What the peer answers with; the scripts fill them in.
static struct {
    Postern__V1__Key key, other;
    Postern__V1__Key *keys[2];
    Postern__V1__Account account;
    Postern__V1__Account *accounts[1];
    Postern__V1__Tier tier;
    Postern__V1__Tier *tiers[1];
    Postern__V1__Scope scope;
    Postern__V1__Scope *scopes[1];
    Postern__V1__Entry entry;
    Postern__V1__Entry *entries[1];
    Postern__V1__Change change;
    Postern__V1__Change *changes[1];
    Postern__V1__UpdateReply update;
    Postern__V1__RollReply roll;
    Postern__V1__DeleteReply delete;
    Postern__V1__ImportReply import;
    Postern__V1__GetAccountReply get_account;
    Postern__V1__ListAccountsReply list_accounts;
    Postern__V1__RevokeAllReply revoke_all;
    Postern__V1__DeleteAccountReply delete_account;
    Postern__V1__ListTiersReply list_tiers;
    Postern__V1__DeleteTierReply delete_tier;
    Postern__V1__PutScopeReply put_scope;
    Postern__V1__ListScopesReply list_scopes;
    Postern__V1__DeleteScopeReply delete_scope;
    Postern__V1__ListChangesReply list_changes;
    Postern__V1__VerifyReply verify[2];
    Postern__V1__VerifyReply *verifies[2];
    Postern__V1__VerifyBatchReply verify_batch;
} made;

static ProtobufCBinaryData implied[1];

static void make_records(void)
{
    postern__v1__key__init(&made.key);
    postern__v1__key__init(&made.other);
    made.key.key_id = peer_text("key_new");
    made.other.key_id = peer_text("key_old");
    made.keys[0] = &made.key;
    made.keys[1] = &made.other;
    postern__v1__account__init(&made.account);
    made.account.account = peer_text("acme");
    made.account.revoked_before_ms = 7;
    made.accounts[0] = &made.account;
    postern__v1__tier__init(&made.tier);
    made.tier.tier = peer_text("free");
    made.tiers[0] = &made.tier;
    implied[0] = peer_text("jobs:read");
    postern__v1__scope__init(&made.scope);
    made.scope.scope = peer_text("worker");
    made.scope.implies = implied;
    made.scope.n_implies = 1;
    made.scope.public_safe = true;
    made.scopes[0] = &made.scope;
    postern__v1__entry__init(&made.entry);
    made.entry.key = peer_text("name");
    made.entry.value = peer_text("x");
    made.entries[0] = &made.entry;
    postern__v1__change__init(&made.change);
    made.change.seq = 9;
    made.change.actor = peer_text("uid:0");
    made.change.after = made.entries;
    made.change.n_after = 1;
    made.changes[0] = &made.change;
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(url, sizeof url, "ipc://%s/socket", directory);
    make_records();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nng_fini();
    return rmdir(directory);
}

// ----------------------------------------------------------------------------------------------------------- harness

static struct peer peer;
static struct postern *client;
static struct postern_error error;

static void start(peer_script *script, bool *right)
{
    const struct postern_options options = {.url = url, .timeout_ms = LONG_MS};
    *right = false;
    peer_start(&peer, url, script, right);
    assert_int_equal(postern_open(&options, &client, &error), POSTERN_OK);
}

static void stop(void)
{
    postern_close(client);
    peer_stop(&peer);
}

// Every change has its request_id.
static void assert_asked(bool right)
{
    assert_true(right);
    assert_int_equal(peer_saw(&peer, 0).request_id_size, POSTERN_ID_SIZE);
}

// -------------------------------------------------------------------------------------------------------------- keys

static enum peer_act on_update(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    (void)n;
    const Postern__V1__UpdateRequest *asked = request->update;
    *(bool *)right = peer_is(asked->key_id, "key_old") && asked->if_version == 4 && asked->n_update_mask == 3 &&
                     peer_is(asked->update_mask[0], "scopes") && peer_is(asked->update_mask[1], "expires_at_ms") &&
                     peer_is(asked->update_mask[2], "enabled") && asked->n_scopes == 1 &&
                     peer_is(asked->scopes[0], "jobs:run") && asked->expires_at_ms == 12 && asked->enabled &&
                     asked->name.len == 0;
    postern__v1__update_reply__init(&made.update);
    made.update.key = &made.key;
    reply->result_case = POSTERN__V1__REPLY__RESULT_UPDATE;
    reply->update = &made.update;
    return PEER_ANSWER;
}

static void an_update_names_what_it_sets(void **state)
{
    (void)state;
    bool right;
    const char *const scopes[] = {"jobs:run"};
    const struct postern_update_request request = {.key_id = "key_old",
                                                   .if_version = 4,
                                                   .fields = POSTERN_UPDATE_ENABLED | POSTERN_UPDATE_SCOPES |
                                                             POSTERN_UPDATE_EXPIRES_AT,
                                                   .scopes = scopes,
                                                   .scope_count = 1,
                                                   .expires_at_ms = 12,
                                                   .enabled = true};
    struct postern_update_reply *reply = NULL;
    start(on_update, &right);
    assert_int_equal(postern_update(client, &request, &reply, &error), POSTERN_OK);
    assert_asked(right);
    assert_string_equal(reply->key.key_id, "key_new");
    postern_reply_free(reply);
    stop();
}

// The first request has a grace of 0, the second none.
static enum peer_act on_roll(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    const Postern__V1__RollRequest *asked = request->roll;
    bool has_grace = asked->grace_case == POSTERN__V1__ROLL_REQUEST__GRACE_GRACE_MS;
    *(bool *)right = peer_is(asked->key_id, "key_old") && has_grace == (n == 0) && asked->grace_ms == 0;
    postern__v1__roll_reply__init(&made.roll);
    made.roll.api_key = peer_text("acme_live_token");
    made.roll.key = &made.key;
    made.roll.predecessor = &made.other;
    reply->result_case = POSTERN__V1__REPLY__RESULT_ROLL;
    reply->roll = &made.roll;
    return PEER_ANSWER;
}

static void a_grace_of_nothing_is_told_from_no_grace(void **state)
{
    (void)state;
    bool right;
    start(on_roll, &right);
    for (int i = 0; i < 2; i++) {
        const struct postern_roll_request request = {.key_id = "key_old", .has_grace = i == 0};
        struct postern_roll_reply *reply = NULL;
        right = false;
        assert_int_equal(postern_roll(client, &request, &reply, &error), POSTERN_OK);
        assert_asked(right);
        assert_string_equal(reply->api_key, "acme_live_token");
        assert_string_equal(reply->key.key_id, "key_new");
        assert_string_equal(reply->predecessor.key_id, "key_old");
        postern_reply_free(reply);
    }
    stop();
}

static enum peer_act on_delete(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    (void)n;
    *(bool *)right = peer_is(request->delete_->key_id, "key_old") && request->delete_->if_version == 3;
    postern__v1__delete_reply__init(&made.delete);
    made.delete.key = &made.other;
    reply->result_case = POSTERN__V1__REPLY__RESULT_DELETE;
    reply->delete_ = &made.delete;
    return PEER_ANSWER;
}

static void a_key_is_deleted(void **state)
{
    (void)state;
    bool right;
    const struct postern_delete_request request = {.key_id = "key_old", .if_version = 3};
    struct postern_delete_reply *reply = NULL;
    start(on_delete, &right);
    assert_int_equal(postern_delete(client, &request, &reply, &error), POSTERN_OK);
    assert_asked(right);
    assert_string_equal(reply->key.key_id, "key_old");
    postern_reply_free(reply);
    stop();
}

static enum peer_act on_import(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    (void)n;
    const Postern__V1__ImportRequest *asked = request->import;
    *(bool *)right =
        asked->n_keys == 2 && asked->keys[0]->token_case == POSTERN__V1__IMPORT_KEY__TOKEN_SHA256 &&
        asked->keys[0]->sha256.len == POSTERN_SHA256_SIZE && peer_is(asked->keys[0]->key->account, "acme") &&
        asked->keys[1]->token_case == POSTERN__V1__IMPORT_KEY__TOKEN_API_KEY &&
        peer_is(asked->keys[1]->api_key, "an-old-token-of-another") && peer_is(asked->keys[1]->key->name, "two");
    postern__v1__import_reply__init(&made.import);
    made.import.keys = made.keys;
    made.import.n_keys = 1;
    made.import.skipped = 1;
    reply->result_case = POSTERN__V1__REPLY__RESULT_IMPORT;
    reply->import = &made.import;
    return PEER_ANSWER;
}

static void keys_are_imported_by_digest_or_token(void **state)
{
    (void)state;
    bool right;
    const uint8_t digest[POSTERN_SHA256_SIZE] = {1, 2, 3};
    const struct postern_import_key keys[] = {
        {.sha256 = digest, .key = {.account = "acme", .name = "one"}},
        {.api_key = "an-old-token-of-another", .key = {.account = "acme", .name = "two"}}};
    const struct postern_import_request request = {.keys = keys, .key_count = 2};
    struct postern_import_reply *reply = NULL;
    start(on_import, &right);
    assert_int_equal(postern_import(client, &request, &reply, &error), POSTERN_OK);
    assert_asked(right);
    assert_int_equal(reply->key_count, 1);
    assert_string_equal(reply->keys[0].key_id, "key_new");
    assert_int_equal(reply->skipped, 1);
    postern_reply_free(reply);
    const struct postern_import_key neither[] = {keys[0], {.key = {.account = "acme"}}};
    const struct postern_import_request wrong = {.keys = neither, .key_count = 2};
    assert_int_equal(postern_import(client, &wrong, &reply, &error), POSTERN_INVALID_ARGUMENT);
    assert_null(reply);
    assert_string_equal(error.field, "import.keys[1].token");
    assert_int_equal(peer_count(&peer), 1);
    stop();
}

// ---------------------------------------------------------------------------------------------------------- accounts

static enum peer_act on_account(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    (void)n;
    reply->result_case = (Postern__V1__Reply__ResultCase)request->call_case;
    if (request->call_case == POSTERN__V1__REQUEST__CALL_GET_ACCOUNT) {
        *(bool *)right = peer_is(request->get_account->account, "acme");
        postern__v1__get_account_reply__init(&made.get_account);
        made.get_account.account = &made.account;
        reply->get_account = &made.get_account;
    } else if (request->call_case == POSTERN__V1__REQUEST__CALL_REVOKE_ALL) {
        *(bool *)right = peer_is(request->revoke_all->account, "acme") && request->revoke_all->created_before_ms == 5 &&
                         peer_is(request->revoke_all->reason, "leak");
        postern__v1__revoke_all_reply__init(&made.revoke_all);
        made.revoke_all.account = &made.account;
        reply->revoke_all = &made.revoke_all;
    } else {
        *(bool *)right = peer_is(request->delete_account->account, "acme") && request->delete_account->if_version == 6;
        postern__v1__delete_account_reply__init(&made.delete_account);
        made.delete_account.account = &made.account;
        reply->delete_account = &made.delete_account;
    }
    return PEER_ANSWER;
}

static void an_account_is_read_revoked_and_deleted(void **state)
{
    (void)state;
    bool right;
    struct postern_get_account_reply *got = NULL;
    struct postern_revoke_all_reply *revoked = NULL;
    struct postern_delete_account_reply *deleted = NULL;
    start(on_account, &right);
    const struct postern_get_account_request get = {.account = "acme"};
    assert_int_equal(postern_get_account(client, &get, &got, &error), POSTERN_OK);
    assert_true(right);
    assert_string_equal(got->account.account, "acme");
    postern_reply_free(got);
    right = false;
    const struct postern_revoke_all_request revoke = {.account = "acme", .created_before_ms = 5, .reason = "leak"};
    assert_int_equal(postern_revoke_all(client, &revoke, &revoked, &error), POSTERN_OK);
    assert_true(right);
    assert_int_equal(revoked->account.revoked_before_ms, 7);
    postern_reply_free(revoked);
    right = false;
    const struct postern_delete_account_request delete = {.account = "acme", .if_version = 6};
    assert_int_equal(postern_delete_account(client, &delete, &deleted, &error), POSTERN_OK);
    assert_true(right);
    postern_reply_free(deleted);
    stop();
}

// ------------------------------------------------------------------------------------------------------------- lists

static bool is_next_page(uint32_t page_size, ProtobufCBinaryData token)
{
    return page_size == 3 && peer_is(token, "before");
}

static enum peer_act on_list(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    (void)n;
    reply->result_case = (Postern__V1__Reply__ResultCase)request->call_case;
    if (request->call_case == POSTERN__V1__REQUEST__CALL_LIST_ACCOUNTS) {
        *(bool *)right = is_next_page(request->list_accounts->page_size, request->list_accounts->page_token);
        postern__v1__list_accounts_reply__init(&made.list_accounts);
        made.list_accounts.accounts = made.accounts;
        made.list_accounts.n_accounts = 1;
        made.list_accounts.next_page_token = peer_text("next");
        reply->list_accounts = &made.list_accounts;
    } else if (request->call_case == POSTERN__V1__REQUEST__CALL_LIST_TIERS) {
        *(bool *)right = is_next_page(request->list_tiers->page_size, request->list_tiers->page_token);
        postern__v1__list_tiers_reply__init(&made.list_tiers);
        made.list_tiers.tiers = made.tiers;
        made.list_tiers.n_tiers = 1;
        reply->list_tiers = &made.list_tiers;
    } else {
        *(bool *)right = is_next_page(request->list_scopes->page_size, request->list_scopes->page_token);
        postern__v1__list_scopes_reply__init(&made.list_scopes);
        made.list_scopes.scopes = made.scopes;
        made.list_scopes.n_scopes = 1;
        reply->list_scopes = &made.list_scopes;
    }
    return PEER_ANSWER;
}

static void lists_come_in_pages(void **state)
{
    (void)state;
    bool right;
    const uint8_t *token = (const uint8_t *)"before";
    struct postern_list_accounts_reply *accounts = NULL;
    struct postern_list_tiers_reply *tiers = NULL;
    struct postern_list_scopes_reply *scopes = NULL;
    start(on_list, &right);
    const struct postern_list_accounts_request ask_accounts = {
        .page_size = 3, .page_token = token, .page_token_size = 6};
    assert_int_equal(postern_list_accounts(client, &ask_accounts, &accounts, &error), POSTERN_OK);
    assert_true(right);
    assert_int_equal(accounts->account_count, 1);
    assert_string_equal(accounts->accounts[0].account, "acme");
    assert_int_equal(accounts->next_page_token_size, 4);
    assert_memory_equal(accounts->next_page_token, "next", 4);
    postern_reply_free(accounts);
    right = false;
    const struct postern_list_tiers_request ask_tiers = {.page_size = 3, .page_token = token, .page_token_size = 6};
    assert_int_equal(postern_list_tiers(client, &ask_tiers, &tiers, &error), POSTERN_OK);
    assert_true(right);
    assert_string_equal(tiers->tiers[0].tier, "free");
    assert_int_equal(tiers->next_page_token_size, 0);
    postern_reply_free(tiers);
    right = false;
    const struct postern_list_scopes_request ask_scopes = {.page_size = 3, .page_token = token, .page_token_size = 6};
    assert_int_equal(postern_list_scopes(client, &ask_scopes, &scopes, &error), POSTERN_OK);
    assert_true(right);
    assert_string_equal(scopes->scopes[0].implies[0], "jobs:read");
    assert_true(scopes->scopes[0].public_safe);
    postern_reply_free(scopes);
    stop();
}

static enum peer_act on_changes(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    (void)n;
    const Postern__V1__ListChangesRequest *asked = request->list_changes;
    *(bool *)right = is_next_page(asked->page_size, asked->page_token) && asked->from_ms == 1 && asked->to_ms == 2 &&
                     peer_is(asked->actor, "uid:0") && peer_is(asked->account, "acme") &&
                     peer_is(asked->key_id, "key_old");
    postern__v1__list_changes_reply__init(&made.list_changes);
    made.list_changes.changes = made.changes;
    made.list_changes.n_changes = 1;
    reply->result_case = POSTERN__V1__REPLY__RESULT_LIST_CHANGES;
    reply->list_changes = &made.list_changes;
    return PEER_ANSWER;
}

static void changes_are_listed(void **state)
{
    (void)state;
    bool right;
    const struct postern_list_changes_request request = {.page_size = 3,
                                                         .page_token = (const uint8_t *)"before",
                                                         .page_token_size = 6,
                                                         .from_ms = 1,
                                                         .to_ms = 2,
                                                         .actor = "uid:0",
                                                         .account = "acme",
                                                         .key_id = "key_old"};
    struct postern_list_changes_reply *reply = NULL;
    start(on_changes, &right);
    assert_int_equal(postern_list_changes(client, &request, &reply, &error), POSTERN_OK);
    assert_true(right);
    assert_int_equal(reply->change_count, 1);
    assert_int_equal(reply->changes[0].seq, 9);
    assert_string_equal(reply->changes[0].actor, "uid:0");
    assert_int_equal(reply->changes[0].before_count, 0);
    assert_string_equal(reply->changes[0].after[0].value, "x");
    postern_reply_free(reply);
    stop();
}

// --------------------------------------------------------------------------------------------------- what is seen

static enum peer_act on_unusual(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    static Postern__V1__Unusual unusual[] = {POSTERN__V1__UNUSUAL__UNUSUAL_REFUSALS, (Postern__V1__Unusual)77};
    static Postern__V1__Activity activity;
    static Postern__V1__Key judged, other;
    static Postern__V1__Key *keys[] = {&judged, &other};
    static Postern__V1__ListReply list;
    (void)n;
    *(bool *)right = request->list->unusual && request->list->with_unusual;
    postern__v1__activity__init(&activity);
    activity.calls = 30, activity.refusals = 20, activity.usual_calls = 3, activity.usual_refusals = 1;
    activity.judged = true, activity.hour_start_ms = 3600000;
    postern__v1__key__init(&judged);
    postern__v1__key__init(&other);
    judged.unusual = unusual, judged.n_unusual = 2, judged.activity = &activity;
    postern__v1__list_reply__init(&list);
    list.keys = keys, list.n_keys = 2;
    reply->result_case = POSTERN__V1__REPLY__RESULT_LIST;
    reply->list = &list;
    return PEER_ANSWER;
}

static void what_is_unusual_about_a_key_is_read(void **state)
{
    (void)state;
    bool right;
    const struct postern_list_request request = {.unusual = true, .with_unusual = true};
    struct postern_list_reply *reply = NULL;
    start(on_unusual, &right);
    assert_int_equal(postern_list(client, &request, &reply, &error), POSTERN_OK);
    assert_true(right);
    const struct postern_key *key = &reply->keys[0];
    assert_int_equal(key->unusual_count, 2);
    assert_string_equal(postern_unusual_name(key->unusual[0]), "REFUSALS");
    assert_string_equal(postern_unusual_name(key->unusual[1]), "UNKNOWN"); // of a newer posternd
    assert_int_equal(key->activity->hour_start_ms, 3600000);
    assert_int_equal(key->activity->calls, 30);
    assert_int_equal(key->activity->refusals, 20);
    assert_int_equal(key->activity->usual_calls, 3);
    assert_int_equal(key->activity->usual_refusals, 1);
    assert_true(key->activity->judged);
    assert_null(reply->keys[1].activity);
    assert_int_equal(reply->keys[1].unusual_count, 0);
    postern_reply_free(reply);
    stop();
}

static enum peer_act on_stats(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    static Postern__V1__StatsReply stats;
    static Postern__V1__MeterStats meters;
    static Postern__V1__StoreStats store;
    static Postern__V1__StoreStats *stores[] = {&store};
    static Postern__V1__Busy busy;
    static Postern__V1__Busy *keys[] = {&busy};
    (void)n;
    *(bool *)right = request->stats->top == 7;
    postern__v1__stats_reply__init(&stats);
    postern__v1__meter_stats__init(&meters);
    postern__v1__store_stats__init(&store);
    postern__v1__busy__init(&busy);
    meters.meters = 3, meters.bytes = 400;
    store.name = peer_text("registry"), store.jobs = 9;
    busy.key_id = peer_text("key_old"), busy.calls = 11, busy.refusals = 2;
    stats.version = peer_text("9.9"), stats.decisions = 12, stats.clock_ahead_ms = -5;
    stats.meters = &meters, stats.stores = stores, stats.n_stores = 1, stats.keys = keys, stats.n_keys = 1;
    reply->result_case = POSTERN__V1__REPLY__RESULT_STATS;
    reply->stats = &stats;
    return PEER_ANSWER;
}

static void stats_are_read_also_where_parts_are_missing(void **state)
{
    (void)state;
    bool right;
    const struct postern_stats_request request = {.top = 7};
    struct postern_stats_reply *reply = NULL;
    start(on_stats, &right);
    assert_int_equal(postern_stats(client, &request, &reply, &error), POSTERN_OK);
    assert_true(right);
    assert_string_equal(reply->version, "9.9");
    assert_int_equal(reply->decisions, 12);
    assert_int_equal(reply->clock_ahead_ms, -5);
    assert_int_equal(reply->meters.bytes, 400);
    assert_int_equal(reply->usage.entries, 0);
    assert_string_equal(reply->stores[0].name, "registry");
    assert_int_equal(reply->stores[0].jobs, 9);
    assert_int_equal(reply->account_count, 0);
    assert_string_equal(reply->keys[0].key_id, "key_old");
    assert_string_equal(reply->keys[0].account, "");
    assert_int_equal(reply->keys[0].refusals, 2);
    postern_reply_free(reply);
    stop();
}

// --------------------------------------------------------------------------------------------------------- catalogue

static enum peer_act on_catalogue(void *right, unsigned n, const Postern__V1__Request *request,
                                  Postern__V1__Reply *reply)
{
    (void)n;
    reply->result_case = (Postern__V1__Reply__ResultCase)request->call_case;
    if (request->call_case == POSTERN__V1__REQUEST__CALL_PUT_SCOPE) {
        const Postern__V1__PutScopeRequest *asked = request->put_scope;
        *(bool *)right = peer_is(asked->scope, "worker") && peer_is(asked->description, "works") &&
                         asked->n_implies == 1 && peer_is(asked->implies[0], "jobs:read") && asked->is_default &&
                         asked->public_safe;
        postern__v1__put_scope_reply__init(&made.put_scope);
        made.put_scope.scope = &made.scope;
        reply->put_scope = &made.put_scope;
    } else if (request->call_case == POSTERN__V1__REQUEST__CALL_DELETE_SCOPE) {
        *(bool *)right = peer_is(request->delete_scope->scope, "worker") && request->delete_scope->if_version == 2;
        postern__v1__delete_scope_reply__init(&made.delete_scope);
        made.delete_scope.scope = &made.scope;
        reply->delete_scope = &made.delete_scope;
    } else {
        *(bool *)right = peer_is(request->delete_tier->tier, "free") && request->delete_tier->if_version == 2;
        postern__v1__delete_tier_reply__init(&made.delete_tier);
        reply->delete_tier = &made.delete_tier; // without the tier: an old server may leave things out
    }
    return PEER_ANSWER;
}

static void scopes_and_tiers_are_put_and_deleted(void **state)
{
    (void)state;
    bool right;
    const char *const implies[] = {"jobs:read"};
    struct postern_put_scope_reply *put = NULL;
    struct postern_delete_scope_reply *scope = NULL;
    struct postern_delete_tier_reply *tier = NULL;
    start(on_catalogue, &right);
    const struct postern_put_scope_request ask_put = {.scope = "worker",
                                                      .description = "works",
                                                      .implies = implies,
                                                      .implies_count = 1,
                                                      .is_default = true,
                                                      .public_safe = true};
    assert_int_equal(postern_put_scope(client, &ask_put, &put, &error), POSTERN_OK);
    assert_asked(right);
    assert_string_equal(put->scope.scope, "worker");
    postern_reply_free(put);
    right = false;
    const struct postern_delete_scope_request ask_scope = {.scope = "worker", .if_version = 2};
    assert_int_equal(postern_delete_scope(client, &ask_scope, &scope, &error), POSTERN_OK);
    assert_true(right);
    postern_reply_free(scope);
    right = false;
    const struct postern_delete_tier_request ask_tier = {.tier = "free", .if_version = 2};
    assert_int_equal(postern_delete_tier(client, &ask_tier, &tier, &error), POSTERN_OK);
    assert_true(right);
    assert_string_equal(tier->tier.tier, "");
    postern_reply_free(tier);
    stop();
}

// ----------------------------------------------------------------------------------------------------------- batches

static enum peer_act on_batch(void *right, unsigned n, const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    const Postern__V1__VerifyBatchRequest *asked = request->verify_batch;
    *(bool *)right = asked->atomic && asked->n_calls == 2 && peer_is(asked->calls[0]->api_key, "one") &&
                     asked->calls[0]->charge_id.len == POSTERN_ID_SIZE && asked->calls[1]->peek &&
                     asked->calls[1]->charge_id.len == 0;
    for (size_t i = 0; i < 2; i++) {
        postern__v1__verify_reply__init(&made.verify[i]);
        made.verifies[i] = &made.verify[i];
    }
    made.verify[0].allowed = true;
    made.verify[1].reason = POSTERN__V1__REASON__REASON_REVOKED_API_KEY;
    postern__v1__verify_batch_reply__init(&made.verify_batch);
    made.verify_batch.replies = made.verifies;
    made.verify_batch.n_replies = n == 0 ? 2 : 1;
    reply->result_case = POSTERN__V1__REPLY__RESULT_VERIFY_BATCH;
    reply->verify_batch = &made.verify_batch;
    return PEER_ANSWER;
}

static const struct postern_verify_request batch_calls[] = {{.api_key = "one"}, {.api_key = "two", .peek = true}};
static const struct postern_verify_batch_request batch = {.calls = batch_calls, .call_count = 2, .atomic = true};

static void a_batch_is_answered_call_by_call(void **state)
{
    (void)state;
    bool right;
    struct postern_verify_batch_reply *reply = NULL;
    start(on_batch, &right);
    assert_int_equal(postern_verify_batch(client, &batch, &reply, &error), POSTERN_OK);
    assert_true(right);
    assert_int_equal(reply->reply_count, 2);
    assert_true(reply->replies[0].allowed && reply->replies[0].has_charge_id);
    assert_false(reply->replies[1].allowed || reply->replies[1].has_charge_id);
    assert_int_equal(reply->replies[1].reason, POSTERN_REASON_REVOKED_API_KEY);
    postern_reply_free(reply);
    // With an answer missing nobody knows whose the others are.
    assert_int_equal(postern_verify_batch(client, &batch, &reply, &error), POSTERN_INTERNAL);
    assert_null(reply);
    stop();
}

static void open_policy_answers_every_call_of_a_batch(void **state)
{
    (void)state;
    const struct postern_options options = {.url = url, .timeout_ms = 100, .policy = POSTERN_FAIL_OPEN};
    struct postern_verify_batch_reply *reply = NULL;
    assert_int_equal(postern_open(&options, &client, &error), POSTERN_OK);
    assert_int_equal(postern_verify_batch(client, &batch, &reply, &error), POSTERN_OK);
    assert_int_equal(reply->reply_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(reply->replies[i].allowed && reply->replies[i].decided_by_policy);
    assert_int_equal(error.status, POSTERN_UNAVAILABLE);
    postern_reply_free(reply);
    postern_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_names_what_it_sets),
        cmocka_unit_test(a_grace_of_nothing_is_told_from_no_grace),
        cmocka_unit_test(a_key_is_deleted),
        cmocka_unit_test(keys_are_imported_by_digest_or_token),
        cmocka_unit_test(an_account_is_read_revoked_and_deleted),
        cmocka_unit_test(lists_come_in_pages),
        cmocka_unit_test(changes_are_listed),
        cmocka_unit_test(what_is_unusual_about_a_key_is_read),
        cmocka_unit_test(stats_are_read_also_where_parts_are_missing),
        cmocka_unit_test(scopes_and_tiers_are_put_and_deleted),
        cmocka_unit_test(a_batch_is_answered_call_by_call),
        cmocka_unit_test(open_policy_answers_every_call_of_a_batch),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
