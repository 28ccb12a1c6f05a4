// The calls that change and show keys, accounts, tiers, scopes and the audit chain, over the wire.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rpc_asks.h"

enum { HOUR_MS = 3600 * 1000 };

static int set_up(void **state)
{
    static struct rpc_fixture fixture;
    rpc_fixture_open(&fixture);
    rpc_fixture_serve(&fixture);
    (void)assert_ok(rpc_fixture_put_tier(&fixture, "free", 1000));
    put_account(&fixture, "acme");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

static enum reason reason_of(struct rpc_fixture *fixture, ProtobufCBinaryData token)
{
    return (enum reason)assert_ok(rpc_fixture_verify(fixture, token))->verify->reason;
}

// --- update

static Postern__V1__UpdateRequest update_of(struct rpc_fixture *fixture, ProtobufCBinaryData key_id,
                                            const char *const *mask, size_t count)
{
    Postern__V1__UpdateRequest update = POSTERN__V1__UPDATE_REQUEST__INIT;
    update.key_id = key_id;
    update.update_mask = texts(fixture, mask, count);
    update.n_update_mask = count;
    return update;
}

static void update_sets_what_its_mask_names_and_nothing_else(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char *const mask[] = {"name", "expires_at_ms", "metadata", "allowed_addresses", "limits"};
    static const char *const networks[] = {"10.0.0.0/8"};
    const Postern__V1__Key *key = make(fixture, "acme", NULL)->key;
    Postern__V1__UpdateRequest update = update_of(fixture, key->key_id, mask, 5);
    Postern__V1__Entry entry = POSTERN__V1__ENTRY__INIT;
    Postern__V1__Entry *entries[] = {&entry};
    entry.key = rpc_fixture_text("team");
    entry.value = rpc_fixture_text("blue");
    update.name = rpc_fixture_text("renamed");
    update.expires_at_ms = clock_now_ms(fixture->clock) + HOUR_MS;
    update.metadata = entries;
    update.n_metadata = 1;
    update.allowed_addresses = texts(fixture, networks, 1);
    update.n_allowed_addresses = 1;
    update.limits = hourly(fixture, 7);
    update.n_limits = 1;
    update.enabled = false; // not in the mask
    const Postern__V1__Key *changed = assert_ok(ask(fixture, nothing(), ASK(UPDATE), &update))->update->key;
    assert_text(changed->name, "renamed");
    assert_int_equal(changed->expires_at_ms, update.expires_at_ms);
    assert_text(changed->metadata[0]->value, "blue");
    assert_text(changed->allowed_addresses[0], "10.0.0.0/8");
    assert_int_equal(changed->limits[0]->amount, 7);
    assert_true(changed->enabled);
    assert_true(changed->version > key->version);
    // and one field alone takes nothing away
    update = update_of(fixture, key->key_id, mask, 1);
    update.name = rpc_fixture_text("again");
    changed = assert_ok(ask(fixture, nothing(), ASK(UPDATE), &update))->update->key;
    assert_int_equal(changed->n_metadata + changed->n_limits + changed->n_allowed_addresses, 3);
}

static void update_mask_is_checked(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char *const wrong[] = {"enabled", "type"}, *const name[] = {"name"};
    ProtobufCBinaryData id = make(fixture, "acme", NULL)->key->key_id;
    Postern__V1__UpdateRequest update = update_of(fixture, id, wrong, 2);
    assert_status(ask(fixture, nothing(), ASK(UPDATE), &update), STATUS_INVALID_ARGUMENT, "update.update_mask[1]");
    update = update_of(fixture, id, wrong, 0);
    assert_status(ask(fixture, nothing(), ASK(UPDATE), &update), STATUS_INVALID_ARGUMENT, "update.update_mask");
    update = update_of(fixture, id, name, 1);
    assert_status(ask(fixture, nothing(), ASK(UPDATE), &update), STATUS_INVALID_ARGUMENT, "update.name");
    update = update_of(fixture, nothing(), name, 1);
    assert_status(ask(fixture, nothing(), ASK(UPDATE), &update), STATUS_INVALID_ARGUMENT, "update.key_id");
    update = update_of(fixture, id, name, 1);
    update.name = rpc_fixture_text("x");
    update.if_version = 1;
    assert_status(ask(fixture, nothing(), ASK(UPDATE), &update), STATUS_ABORTED, "update.if_version");
}

static void disabled_key_is_refused_until_it_is_enabled(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *made = make(fixture, "acme", NULL);
    (void)assert_ok(set_enabled(fixture, nothing(), made->key->key_id, false));
    assert_int_equal(reason_of(fixture, made->api_key), REASON_DISABLED_API_KEY);
    (void)assert_ok(set_enabled(fixture, nothing(), made->key->key_id, true));
    assert_int_equal(reason_of(fixture, made->api_key), REASON_ALLOWED);
}

// --- roll

static void roll_hands_over_and_verify_tells_of_it(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *old = make(fixture, "acme", NULL);
    const Postern__V1__RollReply *rolled = assert_ok(roll_key(fixture, nothing(), old->key->key_id))->roll;
    assert_true(slice_equal(slice_of(rolled->key->predecessor_key_id), slice_of(old->key->key_id)));
    assert_true(slice_equal(slice_of(rolled->predecessor->successor_key_id), slice_of(rolled->key->key_id)));
    assert_true(slice_equal(slice_of(rolled->key->lineage_id), slice_of(old->key->lineage_id)));
    assert_int_equal(rolled->predecessor->state, POSTERN__V1__KEY_STATE__KEY_STATE_ROLLING);
    uint64_t left_ms = rolled->predecessor->expires_at_ms - clock_now_ms(fixture->clock);
    assert_in_range(left_ms, 12 * (uint64_t)HOUR_MS - 60000, 12 * (uint64_t)HOUR_MS);

    const Postern__V1__VerifyReply *verified = assert_ok(rpc_fixture_verify(fixture, old->api_key))->verify;
    assert_true(verified->allowed);
    assert_true(slice_equal(slice_of(verified->successor_key_id), slice_of(rolled->key->key_id)));
    assert_int_equal(verified->expires_at_ms, rolled->predecessor->expires_at_ms);
    verified = assert_ok(rpc_fixture_verify(fixture, rolled->api_key))->verify;
    assert_true(verified->allowed);
    assert_int_equal(verified->successor_key_id.len, 0);
    assert_int_equal(verified->meters[0]->remaining, 998); // one budget
    assert_status(roll_key(fixture, nothing(), old->key->key_id), STATUS_FAILED_PRECONDITION, "roll.key_id");
}

static void roll_without_grace_ends_the_old_key_at_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *old = make(fixture, "acme", NULL);
    Postern__V1__RollRequest request = POSTERN__V1__ROLL_REQUEST__INIT;
    request.key_id = old->key->key_id;
    request.grace_case = POSTERN__V1__ROLL_REQUEST__GRACE_GRACE_MS;
    request.grace_ms = UINT64_C(2592000001);
    assert_status(ask(fixture, nothing(), ASK(ROLL), &request), STATUS_INVALID_ARGUMENT, "roll.grace_ms");
    request.grace_ms = 0;
    ProtobufCBinaryData next = assert_ok(ask(fixture, nothing(), ASK(ROLL), &request))->roll->api_key;
    assert_int_equal(reason_of(fixture, old->api_key), REASON_EXPIRED_API_KEY);
    assert_int_equal(reason_of(fixture, next), REASON_ALLOWED);
}

// --- delete

static void deleted_key_is_gone_and_its_token_revoked(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *made = make(fixture, "acme", NULL);
    const Postern__V1__Reply *reply = assert_ok(delete_key(fixture, nothing(), made->key->key_id));
    assert_int_equal(reply->delete_->key->state, POSTERN__V1__KEY_STATE__KEY_STATE_REVOKED);
    assert_int_equal(reason_of(fixture, made->api_key), REASON_REVOKED_API_KEY);
    assert_status(get_key(fixture, nothing(), made->key->key_id), STATUS_NOT_FOUND, "get.key_id");
    assert_status(delete_key(fixture, nothing(), made->key->key_id), STATUS_NOT_FOUND, "delete.key_id");
}

// --- import

static Postern__V1__ImportKey import_of(Postern__V1__CreateRequest *create, const char *token)
{
    Postern__V1__ImportKey key = POSTERN__V1__IMPORT_KEY__INIT;
    key.token_case = POSTERN__V1__IMPORT_KEY__TOKEN_API_KEY;
    key.api_key = rpc_fixture_text(token);
    key.key = create;
    return key;
}

static const Postern__V1__Reply *import_keys(struct rpc_fixture *fixture, Postern__V1__ImportKey **keys, size_t count)
{
    Postern__V1__ImportRequest request = POSTERN__V1__IMPORT_REQUEST__INIT;
    request.keys = keys;
    request.n_keys = count;
    return ask(fixture, nothing(), ASK(IMPORT), &request);
}

static void imported_tokens_verify_and_are_skipped_the_next_time(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char clear[] = "sk_test_4eC39HqLyjWDarjtT1zdp7dc", hashed[] = "AKIAIOSFODNN7EXAMPLE";
    uint8_t sha256[SECRET_HASH_SIZE];
    Postern__V1__CreateRequest create = create_of(fixture, "acme", NULL);
    Postern__V1__ImportKey first = import_of(&create, clear), second = import_of(&create, hashed);
    Postern__V1__ImportKey *keys[] = {&first, &second};
    secret_sha256(slice_text(hashed), sha256);
    second.token_case = POSTERN__V1__IMPORT_KEY__TOKEN_SHA256;
    second.sha256 = (ProtobufCBinaryData){sizeof sha256, sha256};
    const Postern__V1__Reply *reply = assert_ok(import_keys(fixture, keys, 2));
    assert_int_equal(reply->import->n_keys, 2);
    assert_int_equal(reply->import->skipped, 0);
    assert_int_equal(reason_of(fixture, rpc_fixture_text(clear)), REASON_ALLOWED);
    assert_int_equal(reason_of(fixture, rpc_fixture_text(hashed)), REASON_ALLOWED);
    assert_int_equal(reason_of(fixture, rpc_fixture_text("AKIAIOSFODNN7EXAMPLF")), REASON_INVALID_API_KEY);
    reply = assert_ok(import_keys(fixture, keys, 2));
    assert_int_equal(reply->import->n_keys, 0);
    assert_int_equal(reply->import->skipped, 2);
}

static void import_names_the_entry_that_is_wrong_and_takes_none(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__CreateRequest good = create_of(fixture, "acme", NULL), bad = good;
    Postern__V1__ImportKey first = import_of(&good, "a token long enough"), second = import_of(&bad, "too short");
    Postern__V1__ImportKey *keys[] = {&first, &second};
    assert_status(import_keys(fixture, keys, 2), STATUS_INVALID_ARGUMENT, "import.keys[1].api_key");
    second = import_of(&bad, "another that is long enough");
    bad.name = nothing();
    assert_status(import_keys(fixture, keys, 2), STATUS_INVALID_ARGUMENT, "import.keys[1].key.name");
    bad = good;
    bad.limits = hourly(fixture, 5);
    bad.limits[0]->window_s = 0;
    bad.n_limits = 1;
    assert_status(import_keys(fixture, keys, 2), STATUS_INVALID_ARGUMENT, "import.keys[1].key.limits[0].window_s");
    bad = good;
    bad.account = rpc_fixture_text("nobody");
    assert_status(import_keys(fixture, keys, 2), STATUS_NOT_FOUND, "import.keys[1].key.account");
    second.key = NULL;
    assert_status(import_keys(fixture, keys, 2), STATUS_INVALID_ARGUMENT, "import.keys[1].key");
    second.token_case = POSTERN__V1__IMPORT_KEY__TOKEN__NOT_SET;
    assert_status(import_keys(fixture, keys, 2), STATUS_INVALID_ARGUMENT, "import.keys[1].sha256");
    assert_status(import_keys(fixture, NULL, 0), STATUS_INVALID_ARGUMENT, "import.keys");
    assert_int_equal(reason_of(fixture, rpc_fixture_text("a token long enough")), REASON_INVALID_API_KEY);
}

static void import_refuses_a_token_that_nobody_presents(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char *const texts[] = {" a token long enough", "a token long enough\n", "Bearer a token long enough",
                                        "bearer a token long enough", "\ta token long enough"};
    Postern__V1__CreateRequest good = create_of(fixture, "acme", NULL);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Postern__V1__ImportKey key = import_of(&good, texts[i]);
        Postern__V1__ImportKey *keys[] = {&key};
        assert_status(import_keys(fixture, keys, 1), STATUS_INVALID_ARGUMENT, "import.keys[0].api_key");
    }
}

// --- accounts

static void new_account_comes_with_a_public_key(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__PutAccountRequest put = account_of("shop");
    put.no_default_public_key = false;
    const Postern__V1__Reply *reply = assert_ok(ask(fixture, nothing(), ASK(PUT_ACCOUNT), &put));
    const Postern__V1__Key *key = reply->put_account->default_public_key;
    assert_non_null(key);
    assert_int_equal(key->type, POSTERN__V1__KEY_TYPE__KEY_TYPE_PUBLIC);
    assert_int_equal(reason_of(fixture, key->public_token), REASON_ALLOWED);
    reply = assert_ok(ask(fixture, nothing(), ASK(PUT_ACCOUNT), &put)); // not for one that was there
    assert_null(reply->put_account->default_public_key);
    Postern__V1__GetRequest get = POSTERN__V1__GET_REQUEST__INIT;
    get.key_id = key->key_id;
    reply = assert_ok(ask(fixture, nothing(), ASK(GET), &get));
    assert_true(slice_equal(slice_of(reply->get->key->public_token), slice_of(key->public_token)));
}

static void account_is_read_listed_and_deleted(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char *const names[] = {"acme", "b", "c", "d", "e"};
    for (size_t i = 1; i < 5; i++)
        put_account(fixture, names[i]);
    Postern__V1__GetAccountRequest get = POSTERN__V1__GET_ACCOUNT_REQUEST__INIT;
    get.account = rpc_fixture_text("c");
    const Postern__V1__Reply *reply = assert_ok(ask(fixture, nothing(), ASK(GET_ACCOUNT), &get));
    assert_int_equal(reply->get_account->account->n_environments, 2);
    Postern__V1__ListAccountsRequest list = POSTERN__V1__LIST_ACCOUNTS_REQUEST__INIT;
    list.page_size = 2;
    size_t seen = 0;
    do {
        reply = assert_ok(ask(fixture, nothing(), ASK(LIST_ACCOUNTS), &list));
        for (size_t i = 0; i < reply->list_accounts->n_accounts; i++)
            assert_text(reply->list_accounts->accounts[i]->account, names[seen++]);
        list.page_token = reply->list_accounts->next_page_token;
    } while (list.page_token.len > 0);
    assert_int_equal(seen, 5);

    ProtobufCBinaryData token = make(fixture, "c", NULL)->api_key;
    Postern__V1__DeleteAccountRequest delete = POSTERN__V1__DELETE_ACCOUNT_REQUEST__INIT;
    Postern__V1__RevokeAllRequest all = POSTERN__V1__REVOKE_ALL_REQUEST__INIT;
    delete.account = all.account = get.account;
    assert_status(ask(fixture, nothing(), ASK(DELETE_ACCOUNT), &delete), STATUS_FAILED_PRECONDITION,
                  "delete_account.account");
    (void)assert_ok(ask(fixture, nothing(), ASK(REVOKE_ALL), &all));
    (void)assert_ok(ask(fixture, nothing(), ASK(DELETE_ACCOUNT), &delete));
    assert_int_equal(reason_of(fixture, token), REASON_REVOKED_API_KEY);
    assert_status(ask(fixture, nothing(), ASK(GET_ACCOUNT), &get), STATUS_NOT_FOUND, "get_account.account");
}

static void revoke_all_ends_all_keys_of_the_account_in_one_change(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData tokens[3];
    for (size_t i = 0; i < 3; i++)
        tokens[i] = make(fixture, "acme", NULL)->api_key;
    uint64_t before = assert_ok(rpc_fixture_health(fixture))->seq;
    Postern__V1__RevokeAllRequest all = POSTERN__V1__REVOKE_ALL_REQUEST__INIT;
    all.account = rpc_fixture_text("acme");
    all.reason = rpc_fixture_text("laptop stolen");
    const Postern__V1__Reply *reply = assert_ok(ask(fixture, nothing(), ASK(REVOKE_ALL), &all));
    assert_int_equal(reply->seq, before + 1);
    assert_int_not_equal(reply->revoke_all->account->revoked_before_ms, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(reason_of(fixture, tokens[i]), REASON_REVOKED_API_KEY);
    assert_int_equal(reason_of(fixture, make(fixture, "acme", NULL)->api_key), REASON_ALLOWED);
}

// --- tiers and scopes

static void tiers_are_listed_and_deleted_when_unused(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__ListTiersRequest list = POSTERN__V1__LIST_TIERS_REQUEST__INIT;
    Postern__V1__DeleteTierRequest delete = POSTERN__V1__DELETE_TIER_REQUEST__INIT;
    (void)assert_ok(rpc_fixture_put_tier(fixture, "gold", 5));
    list.page_size = 1;
    const Postern__V1__Reply *reply = assert_ok(ask(fixture, nothing(), ASK(LIST_TIERS), &list));
    assert_text(reply->list_tiers->tiers[0]->tier, "free");
    list.page_token = reply->list_tiers->next_page_token;
    reply = assert_ok(ask(fixture, nothing(), ASK(LIST_TIERS), &list));
    assert_text(reply->list_tiers->tiers[0]->tier, "gold");
    assert_int_equal(reply->list_tiers->tiers[0]->limits[0]->amount, 5);
    assert_int_equal(reply->list_tiers->next_page_token.len, 0);
    Postern__V1__ListScopesRequest other = POSTERN__V1__LIST_SCOPES_REQUEST__INIT; // another call's page
    other.page_token = list.page_token;
    assert_status(ask(fixture, nothing(), ASK(LIST_SCOPES), &other), STATUS_INVALID_ARGUMENT, "list_scopes.page_token");
    delete.tier = rpc_fixture_text("free");
    assert_status(ask(fixture, nothing(), ASK(DELETE_TIER), &delete), STATUS_FAILED_PRECONDITION, "delete_tier.tier");
    delete.tier = rpc_fixture_text("gold");
    (void)assert_ok(ask(fixture, nothing(), ASK(DELETE_TIER), &delete));
    assert_status(ask(fixture, nothing(), ASK(DELETE_TIER), &delete), STATUS_NOT_FOUND, "delete_tier.tier");
}

static void scopes_are_put_listed_granted_and_deleted(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char *const unknown[3] = {"docs:write", "docs:paint"};
    const Postern__V1__Reply *reply = assert_ok(put_scope(fixture, "docs:write", "docs:read"));
    assert_text(reply->put_scope->scope->description, "what it allows");
    assert_text(reply->put_scope->scope->implies[0], "docs:read");
    (void)assert_ok(put_scope(fixture, "docs:read", NULL));
    Postern__V1__ListScopesRequest list = POSTERN__V1__LIST_SCOPES_REQUEST__INIT;
    reply = assert_ok(ask(fixture, nothing(), ASK(LIST_SCOPES), &list));
    assert_int_equal(reply->list_scopes->n_scopes, 2);
    assert_text(reply->list_scopes->scopes[0]->scope, "docs:read");
    Postern__V1__CreateRequest create = create_of(fixture, "acme", unknown);
    reply = ask(fixture, nothing(), ASK(CREATE), &create);
    assert_status(reply, STATUS_NOT_FOUND, "create.scopes[1]");
    assert_true(says(reply, "docs:paint"));
    create.n_scopes = 1;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    static const char *const needed[] = {"docs:read"};
    verify.api_key = assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create->api_key;
    verify.scopes = texts(fixture, needed, 1);
    verify.n_scopes = 1;
    assert_true(assert_ok(ask(fixture, nothing(), ASK(VERIFY), &verify))->verify->allowed);
    Postern__V1__DeleteScopeRequest delete = POSTERN__V1__DELETE_SCOPE_REQUEST__INIT;
    delete.scope = rpc_fixture_text("docs:read");
    (void)assert_ok(ask(fixture, nothing(), ASK(DELETE_SCOPE), &delete));
    assert_status(ask(fixture, nothing(), ASK(DELETE_SCOPE), &delete), STATUS_NOT_FOUND, "delete_scope.scope");
}

// --- lists

static const Postern__V1__ListReply *list_keys(struct rpc_fixture *fixture, Postern__V1__ListRequest *list)
{
    return assert_ok(ask(fixture, nothing(), ASK(LIST), list))->list;
}

static void keys_are_listed_by_expiry_page_by_page(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { KEYS = 6 };
    uint64_t now_ms = clock_now_ms(fixture->clock), last_ms = 0;
    put_account(fixture, "other");
    for (uint64_t i = 0; i < KEYS; i++) {
        Postern__V1__CreateRequest create = create_of(fixture, i % 2 == 0 ? "acme" : "other", NULL);
        create.expires_at_ms = now_ms + (KEYS - i) * HOUR_MS;
        (void)assert_ok(ask(fixture, nothing(), ASK(CREATE), &create));
    }
    (void)make(fixture, "acme", NULL); // never expires
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.expires_before_ms = now_ms + 4 * (uint64_t)HOUR_MS + 1;
    list.page_size = 1;
    size_t seen = 0;
    do {
        const Postern__V1__ListReply *page = list_keys(fixture, &list);
        for (size_t i = 0; i < page->n_keys; i++, seen++) {
            assert_true(page->keys[i]->expires_at_ms > last_ms);
            last_ms = page->keys[i]->expires_at_ms;
        }
        list.page_token = page->next_page_token;
    } while (list.page_token.len > 0);
    assert_int_equal(seen, 4);
}

static void lists_are_filtered(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *rolled = make(fixture, "acme", NULL), *disabled = make(fixture, "acme", NULL);
    (void)assert_ok(roll_key(fixture, nothing(), rolled->key->key_id));
    (void)assert_ok(set_enabled(fixture, nothing(), disabled->key->key_id, false));
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.state = POSTERN__V1__KEY_STATE__KEY_STATE_ROLLING;
    assert_int_equal(list_keys(fixture, &list)->n_keys, 1);
    list.state = POSTERN__V1__KEY_STATE__KEY_STATE_DISABLED;
    assert_int_equal(list_keys(fixture, &list)->n_keys, 1);
    list.state = POSTERN__V1__KEY_STATE__KEY_STATE_UNSPECIFIED;
    list.environment = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE;
    assert_int_equal(list_keys(fixture, &list)->n_keys, 0);
    list.environment = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_UNSPECIFIED;
    list.created_before_ms = rolled->key->created_at_ms;
    assert_int_equal(list_keys(fixture, &list)->n_keys, 0);
    list.created_before_ms = 0;
    list.last_rolled_before_ms = clock_now_ms(fixture->clock) + HOUR_MS;
    assert_int_equal(list_keys(fixture, &list)->n_keys, 2); // the rolled one has been followed
}

// --- the audit chain

static const Postern__V1__Entry *find_entry(Postern__V1__Entry *const *entries, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal(slice_of(entries[i]->key), slice_text(key)))
            return entries[i];
    return NULL;
}

static void changes_say_who_did_what_to_which_key(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *made = make(fixture, "acme", NULL);
    (void)make(fixture, "acme", NULL);
    (void)assert_ok(set_enabled(fixture, nothing(), made->key->key_id, false));
    (void)assert_ok(revoke_key(fixture, nothing(), made->key->key_id));
    static const char *const what[] = {"create", "update", "revoke"};
    char actor[32];
    (void)snprintf(actor, sizeof actor, "uid:%u", (unsigned)geteuid());
    Postern__V1__ListChangesRequest list = POSTERN__V1__LIST_CHANGES_REQUEST__INIT;
    list.key_id = made->key->key_id;
    list.actor = rpc_fixture_text(actor);
    list.page_size = 1;
    size_t seen = 0;
    uint64_t seq = 0;
    do {
        const Postern__V1__ListChangesReply *page =
            assert_ok(ask(fixture, nothing(), ASK(LIST_CHANGES), &list))->list_changes;
        for (size_t i = 0; i < page->n_changes; i++) {
            const Postern__V1__Change *change = page->changes[i];
            assert_true(seen < 3);
            assert_text(change->what, what[seen++]);
            assert_text(change->actor, actor);
            assert_true(change->seq > seq);
            seq = change->seq;
            if (seen == 2) {
                assert_non_null(find_entry(change->before, change->n_before, "enabled"));
                assert_text(find_entry(change->after, change->n_after, "enabled")->value, "false");
            }
        }
        list.page_token = page->next_page_token;
    } while (list.page_token.len > 0);
    assert_int_equal(seen, 3);
    list.key_id = rpc_fixture_text("key_x");
    assert_status(ask(fixture, nothing(), ASK(LIST_CHANGES), &list), STATUS_INVALID_ARGUMENT, "list_changes.key_id");
    list.key_id = nothing();
    list.actor = rpc_fixture_text("uid:4294967295");
    assert_int_equal(assert_ok(ask(fixture, nothing(), ASK(LIST_CHANGES), &list))->list_changes->n_changes, 0);
}

static void count_all(struct rpc_fixture *fixture, size_t *key_count, size_t *change_count)
{
    Postern__V1__ListRequest keys = POSTERN__V1__LIST_REQUEST__INIT;
    Postern__V1__ListChangesRequest changes = POSTERN__V1__LIST_CHANGES_REQUEST__INIT;
    *key_count = *change_count = 0;
    keys.page_size = changes.page_size = 500;
    do {
        const Postern__V1__ListReply *page = list_keys(fixture, &keys);
        *key_count += page->n_keys;
        keys.page_token = page->next_page_token;
    } while (keys.page_token.len > 0);
    do {
        const Postern__V1__ListChangesReply *page =
            assert_ok(ask(fixture, nothing(), ASK(LIST_CHANGES), &changes))->list_changes;
        *change_count += page->n_changes;
        changes.page_token = page->next_page_token;
    } while (changes.page_token.len > 0);
}

// The same key again and again, in batches.
static void import_many(struct rpc_fixture *fixture, Postern__V1__CreateRequest *create, size_t count, size_t at_once)
{
    enum { ONCE_MAX = 64 };
    Postern__V1__ImportKey keys[ONCE_MAX];
    Postern__V1__ImportKey *list[ONCE_MAX];
    uint8_t hashes[ONCE_MAX][SECRET_HASH_SIZE];
    for (size_t done = 0; done < count; done += at_once) {
        random_fill(hashes, sizeof hashes);
        for (size_t i = 0; i < at_once; i++) {
            postern__v1__import_key__init(&keys[i]);
            keys[i].token_case = POSTERN__V1__IMPORT_KEY__TOKEN_SHA256;
            keys[i].sha256 = (ProtobufCBinaryData){SECRET_HASH_SIZE, hashes[i]};
            keys[i].key = create;
            list[i] = &keys[i];
        }
        (void)assert_ok(import_keys(fixture, list, at_once));
    }
}

// Pages are full by their bytes.
static void pages_of_large_records_fit_a_reply(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { KEYS = 500, VALUE = 2030 };
    static uint8_t value[VALUE];
    Postern__V1__CreateRequest create = create_of(fixture, "acme", NULL);
    Postern__V1__Entry entry = POSTERN__V1__ENTRY__INIT;
    Postern__V1__Entry *entries[] = {&entry};
    size_t key_count, change_count;
    memset(value, 'x', sizeof value);
    entry.key = rpc_fixture_text("k");
    entry.value = (ProtobufCBinaryData){VALUE, value};
    create.metadata = entries;
    create.n_metadata = 1;
    import_many(fixture, &create, KEYS, 25);
    count_all(fixture, &key_count, &change_count);
    assert_int_equal(key_count, KEYS);
    assert_int_equal(change_count, KEYS + 2); // tier and account
}

// Pages are full by their number, and their many parts take much more memory than their bytes.
static void pages_of_many_small_parts_fit_a_requests_memory(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { KEYS = 500, SCOPES = 64, ENTRIES = 16, ADDRESSES = 32, LIMITS = 8 };
    char names[SCOPES][4];
    const char *scopes[SCOPES], *networks[ADDRESSES];
    Postern__V1__Entry entry[ENTRIES];
    Postern__V1__Entry *entries[ENTRIES];
    Postern__V1__Limit *limits[LIMITS];
    Postern__V1__CreateRequest create = create_of(fixture, "acme", NULL);
    size_t key_count, change_count;
    for (size_t i = 0; i < SCOPES; i++) {
        (void)snprintf(names[i], sizeof names[i], "s%zu", i % SCOPES);
        scopes[i] = names[i];
        (void)assert_ok(put_scope(fixture, scopes[i], NULL));
    }
    for (size_t i = 0; i < ENTRIES; i++) {
        postern__v1__entry__init(&entry[i]);
        entry[i].key = rpc_fixture_text(names[i]);
        entries[i] = &entry[i];
    }
    for (size_t i = 0; i < ADDRESSES; i++)
        networks[i] = "::/0";
    for (size_t i = 0; i < LIMITS; i++) {
        limits[i] = hourly(fixture, 1)[0];
        limits[i]->window_s = (uint32_t)i + 1;
    }
    create.scopes = texts(fixture, scopes, SCOPES);
    create.allowed_addresses = texts(fixture, networks, ADDRESSES);
    create.limits = limits;
    create.metadata = entries;
    create.n_scopes = SCOPES;
    create.n_allowed_addresses = ADDRESSES;
    create.n_limits = LIMITS;
    create.n_metadata = ENTRIES;
    import_many(fixture, &create, KEYS, 10);
    count_all(fixture, &key_count, &change_count);
    assert_int_equal(key_count, KEYS);
    assert_int_equal(change_count, KEYS + SCOPES + 2);
}

// --- batches

static void batch_is_answered_in_order_each_by_itself(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *good = make(fixture, "acme", NULL), *revoked = make(fixture, "acme", NULL);
    (void)assert_ok(revoke_key(fixture, nothing(), revoked->key->key_id));
    Postern__V1__VerifyRequest verify[5];
    Postern__V1__VerifyRequest *calls[5];
    Postern__V1__Charge charge = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[] = {&charge};
    charge.resource = rpc_fixture_text("typing-error");
    for (size_t i = 0; i < 5; i++) {
        postern__v1__verify_request__init(&verify[i]);
        verify[i].api_key = i == 1 ? revoked->api_key : good->api_key;
        calls[i] = &verify[i];
    }
    verify[2].charges = charges;
    verify[2].n_charges = 1;
    verify[3].api_key = nothing();
    Postern__V1__VerifyBatchRequest batch = POSTERN__V1__VERIFY_BATCH_REQUEST__INIT;
    batch.calls = calls;
    batch.n_calls = 5;
    const Postern__V1__VerifyBatchReply *reply =
        assert_ok(ask(fixture, nothing(), ASK(VERIFY_BATCH), &batch))->verify_batch;
    static const enum reason reasons[] = {REASON_ALLOWED, REASON_REVOKED_API_KEY, 0, REASON_MISSING_API_KEY,
                                          REASON_ALLOWED};
    assert_int_equal(reply->n_replies, 5);
    assert_int_equal(reply->n_statuses, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(reply->replies[i]->reason, reasons[i]);
        assert_int_equal(reply->replies[i]->allowed, reasons[i] == REASON_ALLOWED);
        assert_int_equal(reply->statuses[i]->code, i == 2 ? STATUS_NOT_FOUND : STATUS_OK);
    }
    assert_text(reply->statuses[2]->field, "verify_batch.calls[2].charges[0].resource");
    assert_text(reply->statuses[3]->details[0]->key, "header");
    assert_int_equal(reply->replies[4]->meters[0]->remaining, 998); // the first one's charge counts
    assert_text(reply->replies[4]->account, "acme");

    batch.n_calls = 0;
    assert_status(ask(fixture, nothing(), ASK(VERIFY_BATCH), &batch), STATUS_INVALID_ARGUMENT, "verify_batch.calls");
}

static void batch_never_goes_beyond_a_limit(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { CALLS = 64, LIMIT = 40 };
    (void)assert_ok(rpc_fixture_put_tier(fixture, "free", LIMIT));
    ProtobufCBinaryData token = make(fixture, "acme", NULL)->api_key;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    Postern__V1__VerifyRequest *calls[CALLS];
    Postern__V1__VerifyBatchRequest batch = POSTERN__V1__VERIFY_BATCH_REQUEST__INIT;
    verify.api_key = token;
    for (size_t i = 0; i < CALLS; i++)
        calls[i] = &verify;
    batch.calls = calls;
    batch.n_calls = CALLS;
    const Postern__V1__VerifyBatchReply *reply =
        assert_ok(ask(fixture, nothing(), ASK(VERIFY_BATCH), &batch))->verify_batch;
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(reply->replies[i]->reason, i < LIMIT ? REASON_ALLOWED : REASON_RATE_LIMITED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(update_sets_what_its_mask_names_and_nothing_else),
        TEST(update_mask_is_checked),
        TEST(disabled_key_is_refused_until_it_is_enabled),
        TEST(roll_hands_over_and_verify_tells_of_it),
        TEST(roll_without_grace_ends_the_old_key_at_once),
        TEST(deleted_key_is_gone_and_its_token_revoked),
        TEST(imported_tokens_verify_and_are_skipped_the_next_time),
        TEST(import_names_the_entry_that_is_wrong_and_takes_none),
        TEST(import_refuses_a_token_that_nobody_presents),
        TEST(new_account_comes_with_a_public_key),
        TEST(account_is_read_listed_and_deleted),
        TEST(revoke_all_ends_all_keys_of_the_account_in_one_change),
        TEST(tiers_are_listed_and_deleted_when_unused),
        TEST(scopes_are_put_listed_granted_and_deleted),
        TEST(keys_are_listed_by_expiry_page_by_page),
        TEST(lists_are_filtered),
        TEST(changes_say_who_did_what_to_which_key),
        TEST(pages_of_large_records_fit_a_reply),
        TEST(pages_of_many_small_parts_fit_a_requests_memory),
        TEST(batch_is_answered_in_order_each_by_itself),
        TEST(batch_never_goes_beyond_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
