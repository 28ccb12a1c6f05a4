// Accounts: the default public key, the operators' own account, the end of accounts and tiers.
#include "support/registry_asks.h"

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static struct ask *ask_for_account_with_key(struct registry_fixture *fixture, const char *id)
{
    struct ask *ask = ask_for_account(fixture, id, "");
    ask->command.ask.put_account.no_default_public_key = false;
    return ask;
}

static struct ask *ask_for_scope(struct registry_fixture *fixture, const char *name, bool is_default, bool public_safe)
{
    struct ask *ask = ask_new(fixture, REGISTRY_PUT_SCOPE);
    ask->command.ask.put_scope =
        (struct registry_scope){.name = ask_copy(ask, name), .is_default = is_default, .public_safe = public_safe};
    return ask;
}

static struct ask *ask_for_operator_key(struct registry_fixture *fixture)
{
    struct ask *ask = ask_for_key(fixture, "postern");
    ask_for_scopes(ask, (const char *const[]){"postern:operator"}, 1);
    return ask;
}

// --- the default public key

static void new_account_gets_a_public_key_in_the_same_change(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "other");
    EXPECT_OK(fixture, ask_for_scope(fixture, "catalogue:read", true, true));
    EXPECT_OK(fixture, ask_for_scope(fixture, "orders:write", true, false));
    EXPECT_OK(fixture, ask_for_scope(fixture, "prices:read", false, true));
    uint64_t seq = seq_now(fixture);
    struct ask *ask = ask_for_account_with_key(fixture, "acme");
    EXPECT_OK(fixture, ask);
    assert_int_equal(seq_now(fixture), seq + 1);
    assert_true(ask->command.result.has_default_public_key);
    struct registry_key key = find_key(fixture, ask->command.result.default_public_key.id);
    assert_text(key.account, "acme");
    assert_text(key.name, "Default public key");
    assert_text(key.created_by, "uid:0");
    assert_int_equal(key.type, KEY_TYPE_PUBLIC);
    assert_int_equal(key.environment, KEY_ENVIRONMENT_TEST);
    assert_int_equal(key.scope_count, 1); // marked as default and as public-safe
    assert_text(key.scopes[0], "catalogue:read");
    assert_int_equal(key.version, ask->command.seq);
    assert_true(slice_starts_with(key.public_token, slice_text("acme_pub_test_")));
    assert_true(registry_token_matches(fixture->registry, &key, key.public_token));
    assert_int_equal(list_keys(fixture, "acme").count, 1);
    assert_sound(fixture);
}

static void default_public_key_can_be_switched_off(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "other");
    struct ask *ask = ask_for_account(fixture, "acme", "");
    EXPECT_OK(fixture, ask);
    assert_false(ask->command.result.has_default_public_key);
    assert_int_equal(list_keys(fixture, "acme").count, 0);
}

static void account_that_exists_gets_no_public_key(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme"); // without one
    struct ask *ask = ask_for_account_with_key(fixture, "acme");
    EXPECT_OK(fixture, ask);
    assert_false(ask->command.result.has_default_public_key);
    assert_int_equal(list_keys(fixture, "acme").count, 0);
}

static void account_for_live_keys_alone_gets_a_live_one(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "other");
    struct ask *ask = ask_for_account_with_key(fixture, "acme");
    ask->command.ask.put_account.allows_live = true;
    EXPECT_OK(fixture, ask);
    assert_int_equal(ask->command.result.default_public_key.environment, KEY_ENVIRONMENT_LIVE);
}

static void default_public_key_counts_towards_max_keys(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "other");
    struct ask *ask = ask_for_account_with_key(fixture, "acme");
    ask->command.ask.put_account.max_keys = 1;
    EXPECT_OK(fixture, ask);
    EXPECT(fixture, ask_for_key(fixture, "acme"), STATUS_RESOURCE_EXHAUSTED, "create.account", "max_keys");
}

// --- the operators' own account

static void operators_account_comes_with_its_first_key(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = ask_for_operator_key(fixture); // an empty store: no tier, no account
    made->command.ask.create.environment = KEY_ENVIRONMENT_LIVE;
    EXPECT_OK(fixture, made);
    assert_int_equal(seq_now(fixture), 1);
    struct registry_account account = find_account(fixture, "postern");
    assert_int_equal(account.tier.size, 0);
    assert_true(account.allows_test && account.allows_live);
    assert_int_equal(account.version, 1);
    assert_text(made->command.result.account.id, "postern");
    EXPECT_OK(fixture, ask_for_operator_key(fixture)); // a test key; the account is there now
    assert_int_equal(find_account(fixture, "postern").version, 1);
    assert_int_equal(list_keys(fixture, "postern").count, 2);
    assert_sound(fixture);
}

static void refused_key_does_not_open_the_operators_account(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_account account;
    struct ask *late = ask_for_operator_key(fixture);
    late->command.ask.create.facts.expires_at_ms = 1;
    EXPECT(fixture, late, STATUS_INVALID_ARGUMENT, "create.expires_at_ms", "in the past");
    struct ask *admin = ask_for_operator_key(fixture);
    ask_as_admin(admin, "postern");
    EXPECT(fixture, admin, STATUS_NOT_FOUND, "create.account", "no account \"postern\"");
    assert_int_equal(registry_find_account(fixture_look(fixture), slice_text("postern"), fixture->arena, &account),
                     STATUS_NOT_FOUND);
}

static void operators_account_cannot_be_set_up_or_deleted(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    for (int i = 0; i < 2; i++) { // neither before it is there nor after
        EXPECT(fixture, ask_for_account(fixture, "postern", "free"), STATUS_FAILED_PRECONDITION, "put_account.account",
               "postern create");
        EXPECT(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "postern"), STATUS_FAILED_PRECONDITION,
               "delete_account.account", "cannot be");
        EXPECT_OK(fixture, ask_for_operator_key(fixture));
    }
}

// --- the end of an account

static void account_with_working_keys_is_not_deleted(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(made))); // it could be enabled again
    EXPECT(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"), STATUS_FAILED_PRECONDITION,
           "delete_account.account", "revoke-all");
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", ""));
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"));
}

static void deleted_account_is_hidden_and_its_keys_stay_revoked(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_account account;
    fixture_furnish(fixture, "acme");
    struct ask *revoked = fixture_key(fixture, "acme");
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", ""));
    fixture_wait(fixture, 1);
    struct ask *expired = ask_for_key(fixture, "acme");
    expired->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 5;
    EXPECT_OK(fixture, expired);
    fixture_wait(fixture, 10);
    struct ask *ask = ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme");
    EXPECT_OK(fixture, ask);
    assert_text(ask->command.result.account.id, "acme");
    assert_text(ask->command.result.account.tier, "free"); // as it was
    assert_int_equal(registry_find_account(fixture_look(fixture), slice_text("acme"), fixture->arena, &account),
                     STATUS_NOT_FOUND);
    assert_int_equal(registry_find_any_account(fixture_look(fixture), slice_text("acme"), fixture->arena, &account),
                     STATUS_OK);
    assert_true(account.deleted);
    assert_int_equal(account.tier.size, 0);
    assert_int_equal(state_of(fixture, made_id(revoked)), KEY_STATE_REVOKED);
    assert_int_equal(state_of(fixture, made_id(expired)), KEY_STATE_REVOKED);
    EXPECT(fixture, ask_for_key(fixture, "acme"), STATUS_NOT_FOUND, "create.account", "no account \"acme\"");
    EXPECT(fixture, ask_to_revoke_all(fixture, "acme", ""), STATUS_NOT_FOUND, "revoke_all.account", "\"acme\"");
    EXPECT(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"), STATUS_NOT_FOUND,
           "delete_account.account", "\"acme\"");
    assert_sound(fixture);
}

static void account_made_anew_does_not_revive_old_keys(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *old = fixture_key(fixture, "acme");
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", ""));
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"));
    struct ask *put = ask_for_account_with_key(fixture, "acme"); // in the same millisecond
    put->command.ask.put_account.max_keys = 2;
    EXPECT_OK(fixture, put);
    assert_true(put->command.result.has_default_public_key);
    assert_int_equal(state_of(fixture, put->command.result.default_public_key.id), KEY_STATE_ACTIVE);
    struct ask *fresh = fixture_key(fixture, "acme");
    assert_int_equal(state_of(fixture, made_id(fresh)), KEY_STATE_ACTIVE);
    assert_int_equal(state_of(fixture, made_id(old)), KEY_STATE_REVOKED);
    struct registry_account account = find_account(fixture, "acme");
    assert_text(account.tier, "free");
    assert_int_equal(account.version, put->command.seq);
    assert_sound(fixture);
}

static void account_made_anew_is_a_new_one(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"));
    fixture_wait(fixture, 10);
    struct ask *versioned = ask_for_account(fixture, "acme", "");
    versioned->command.if_version = seq_now(fixture);
    EXPECT(fixture, versioned, STATUS_ABORTED, "put_account.if_version", "no such record");
    EXPECT_OK(fixture, ask_for_tier(fixture, "free", false)); // no default any more
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", ""));
    assert_int_equal(find_account(fixture, "acme").tier.size, 0); // nor does it come back with the old one
    assert_int_equal(find_account(fixture, "acme").created_at_ms, FIXTURE_START_MS + 10);
}

static void ends_of_accounts_and_tiers_mind_the_version_and_the_caller(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    const struct {
        enum registry_command_kind kind;
        const char *name;
        const char *field;
    } cases[] = {{REGISTRY_DELETE_ACCOUNT, "acme", "delete_account.if_version"},
                 {REGISTRY_DELETE_TIER, "free", "delete_tier.if_version"}};
    for (size_t i = 0; i < 2; i++) {
        struct ask *wrong = ask_to_delete_named(fixture, cases[i].kind, cases[i].name);
        wrong->command.if_version = 77;
        EXPECT(fixture, wrong, STATUS_ABORTED, cases[i].field, "read it again");
        struct ask *admin = ask_to_delete_named(fixture, cases[i].kind, cases[i].name);
        ask_as_admin(admin, "acme");
        EXPECT(fixture, admin, STATUS_PERMISSION_DENIED, "", "operator");
        EXPECT_OK(fixture, ask_to_delete_named(fixture, cases[i].kind, cases[i].name));
    }
}

// --- the end of a tier

static void tier_in_use_is_not_deleted(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_tier tier;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_tier(fixture, "paid", false));
    EXPECT_OK(fixture, ask_for_account(fixture, "zeta", "paid"));
    EXPECT(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_TIER, "paid"), STATUS_FAILED_PRECONDITION,
           "delete_tier.tier", "\"zeta\"");
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "zeta"));
    struct ask *ask = ask_to_delete_named(fixture, REGISTRY_DELETE_TIER, "paid");
    EXPECT_OK(fixture, ask);
    assert_text(ask->command.result.tier.name, "paid");
    assert_int_equal(registry_find_tier(fixture_look(fixture), slice_text("paid"), fixture->arena, &tier),
                     STATUS_NOT_FOUND);
    EXPECT(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_TIER, "paid"), STATUS_NOT_FOUND, "delete_tier.tier",
           "\"paid\"");
    EXPECT(fixture, ask_for_account(fixture, "zeta", "paid"), STATUS_NOT_FOUND, "put_account.tier", "\"paid\"");
    assert_sound(fixture);
}

static void default_tier_may_be_deleted_when_nobody_is_on_it(void **state)
{
    struct registry_fixture *fixture = *state;
    EXPECT_OK(fixture, ask_for_tier(fixture, "free", true));
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_TIER, "free"));
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", ""));
    EXPECT_OK(fixture, ask_for_tier(fixture, "paid", true));
    EXPECT_OK(fixture, ask_for_tier(fixture, "free", false));
    assert_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(new_account_gets_a_public_key_in_the_same_change),
        ASKS_TEST(default_public_key_can_be_switched_off),
        ASKS_TEST(account_that_exists_gets_no_public_key),
        ASKS_TEST(account_for_live_keys_alone_gets_a_live_one),
        ASKS_TEST(default_public_key_counts_towards_max_keys),
        ASKS_TEST(operators_account_comes_with_its_first_key),
        ASKS_TEST(refused_key_does_not_open_the_operators_account),
        ASKS_TEST(operators_account_cannot_be_set_up_or_deleted),
        ASKS_TEST(account_with_working_keys_is_not_deleted),
        ASKS_TEST(deleted_account_is_hidden_and_its_keys_stay_revoked),
        ASKS_TEST(account_made_anew_does_not_revive_old_keys),
        ASKS_TEST(account_made_anew_is_a_new_one),
        ASKS_TEST(ends_of_accounts_and_tiers_mind_the_version_and_the_caller),
        ASKS_TEST(tier_in_use_is_not_deleted),
        ASKS_TEST(default_tier_may_be_deleted_when_nobody_is_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
