// Account-admins: nothing beyond their own account and their own key, as both are when the change is made.
#include "support/registry_asks.h"

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static void put_scope(struct registry_fixture *fixture, const char *name, const char *implied)
{
    struct ask *ask = ask_new(fixture, REGISTRY_PUT_SCOPE);
    struct registry_scope *scope = &ask->command.ask.put_scope;
    scope->name = ask_copy(ask, name);
    if (implied != NULL) {
        scope->implies = arena_array(ask->command.arena, 1, sizeof *scope->implies);
        scope->implies[0] = ask_copy(ask, implied);
        scope->implies_count = 1;
    }
    EXPECT_OK(fixture, ask);
}

static const char *const admin_scopes[] = {"postern:account-admin", "jobs:*"};

static void furnish(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "acme");
    struct ask *put = ask_for_account(fixture, "acme", "");
    put->command.ask.put_account.allows_test = true;
    put->command.ask.put_account.allows_live = true;
    EXPECT_OK(fixture, put);
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
    put_scope(fixture, "orders:read", NULL);
    put_scope(fixture, "jobs:read", NULL);
    put_scope(fixture, "jobs:all", "orders:read");
}

// A test key with admin_scopes, made by an operator.
static struct ask *make_admin(struct registry_fixture *fixture)
{
    furnish(fixture);
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_for_scopes(ask, admin_scopes, 2);
    EXPECT_OK(fixture, ask);
    return ask;
}

static struct ask *ask_for_key_as(struct registry_fixture *fixture, const struct ask *admin, const char *scope)
{
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_as_key(ask, admin);
    if (scope != NULL)
        ask_for_scopes(ask, &scope, 1);
    return ask;
}

// --- scopes

static void scopes_within_its_own_are_passed_on(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    struct ask *ask = ask_for_key_as(fixture, admin, "jobs:read");
    EXPECT_OK(fixture, ask);
    assert_text(find_key(fixture, made_id(ask)).scopes[0], "jobs:read");
    EXPECT_OK(fixture, ask_for_key_as(fixture, admin, "jobs:*"));
    EXPECT_OK(fixture, ask_for_key_as(fixture, admin, NULL));
}

static void scope_beyond_its_own_is_refused_by_name(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    EXPECT(fixture, ask_for_key_as(fixture, admin, "orders:read"), STATUS_PERMISSION_DENIED, "create.scopes[0]",
           "orders:read");
    EXPECT(fixture, ask_for_key_as(fixture, admin, "admin"), STATUS_PERMISSION_DENIED, "create.scopes[0]", "admin");
    EXPECT(fixture, ask_for_key_as(fixture, admin, "jobs:all"), STATUS_PERMISSION_DENIED, "create.scopes[0]",
           "jobs:all"); // implies orders:read
    EXPECT(fixture, ask_for_key_as(fixture, admin, "postern:account-admin"), STATUS_PERMISSION_DENIED,
           "create.scopes[0]", "operators");
}

static void update_gives_no_scope_beyond_its_own(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    struct ask *made = ask_for_key_as(fixture, admin, "jobs:read");
    EXPECT_OK(fixture, made);
    struct ask *more = ask_to_update(fixture, made_id(made), "scopes");
    ask_as_key(more, admin);
    ask_for_scopes(more, (const char *const[]){"jobs:read", "orders:read"}, 2);
    EXPECT(fixture, more, STATUS_PERMISSION_DENIED, "update.scopes[1]", "orders:read");
    struct ask *fits = ask_to_update(fixture, made_id(made), "scopes");
    ask_as_key(fits, admin);
    ask_for_scopes(fits, (const char *const[]){"jobs:*"}, 1);
    EXPECT_OK(fixture, fits);
}

static void scopes_count_as_they_are_now(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    struct ask *less = ask_to_update(fixture, made_id(admin), "scopes");
    ask_for_scopes(less, admin_scopes, 1);
    EXPECT_OK(fixture, less);
    EXPECT(fixture, ask_for_key_as(fixture, admin, "jobs:read"), STATUS_PERMISSION_DENIED, "create.scopes[0]",
           "jobs:read"); // the credential was looked at before
}

static void broader_key_is_neither_rolled_nor_enabled(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    struct ask *broad = ask_for_key(fixture, "acme");
    ask_for_scopes(broad, (const char *const[]){"orders:read"}, 1);
    EXPECT_OK(fixture, broad);
    struct ask *roll = ask_to_roll(fixture, made_id(broad));
    ask_as_key(roll, admin);
    EXPECT(fixture, roll, STATUS_PERMISSION_DENIED, "roll.key_id", "orders:read");
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(broad)));
    struct ask *enable = ask_to_update(fixture, made_id(broad), "enabled");
    enable->command.ask.update.key.facts.disabled = false;
    ask_as_key(enable, admin);
    EXPECT(fixture, enable, STATUS_PERMISSION_DENIED, "update.key_id", "orders:read");
    assert_int_equal(state_of(fixture, made_id(broad)), KEY_STATE_DISABLED);
    struct ask *revoke = ask_to_revoke(fixture, made_id(broad), ""); // but revoked, as that gives nothing
    ask_as_key(revoke, admin);
    EXPECT_OK(fixture, revoke);
}

static void admin_rolls_its_own_key(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    struct ask *roll = ask_to_roll(fixture, made_id(admin));
    ask_as_key(roll, admin);
    EXPECT_OK(fixture, roll);
    assert_text(roll->command.result.key.scopes[0], "postern:account-admin");
    struct ask *next = ask_for_key_as(fixture, roll, "jobs:read"); // and goes on with the new one
    EXPECT_OK(fixture, next);
    struct ask *brief = ask_for_key_as(fixture, admin, "jobs:read"); // the old one works for the grace
    brief->command.ask.create.facts.expires_at_ms = find_key(fixture, made_id(admin)).facts.expires_at_ms;
    EXPECT_OK(fixture, brief); // and makes nothing that lasts longer
    EXPECT(fixture, ask_for_key_as(fixture, admin, "jobs:read"), STATUS_PERMISSION_DENIED, "create.expires_at_ms",
           "outlive");
}

// --- environment

static void test_key_makes_test_keys_only(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    struct ask *live = ask_for_key_as(fixture, admin, NULL);
    live->command.ask.create.environment = KEY_ENVIRONMENT_LIVE;
    EXPECT(fixture, live, STATUS_PERMISSION_DENIED, "create.environment", "test key");
    struct ask *made = ask_for_key(fixture, "acme");
    made->command.ask.create.environment = KEY_ENVIRONMENT_LIVE;
    EXPECT_OK(fixture, made);
    struct ask *roll = ask_to_roll(fixture, made_id(made));
    ask_as_key(roll, admin);
    EXPECT(fixture, roll, STATUS_PERMISSION_DENIED, "roll.key_id", "test key");
    struct ask *disable = ask_to_disable(fixture, made_id(made));
    ask_as_key(disable, admin);
    EXPECT(fixture, disable, STATUS_PERMISSION_DENIED, "update.key_id", "test key");
}

static void live_key_makes_both(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *admin = ask_for_key(fixture, "acme");
    admin->command.ask.create.environment = KEY_ENVIRONMENT_LIVE;
    ask_for_scopes(admin, admin_scopes, 2);
    EXPECT_OK(fixture, admin);
    EXPECT_OK(fixture, ask_for_key_as(fixture, admin, NULL));
    struct ask *live = ask_for_key_as(fixture, admin, NULL);
    live->command.ask.create.environment = KEY_ENVIRONMENT_LIVE;
    EXPECT_OK(fixture, live);
}

// --- limits

static void limits_of_its_own_key_bind_the_keys_it_makes(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, admin_scopes, 2);
    ask_for_limit(admin, "requests=60/min");
    EXPECT_OK(fixture, admin);
    const struct {
        const char *limit;
        bool fits;
    } cases[] = {
        {NULL, false},
        {"requests=60/min", true},
        {"requests=0/min", true},
        {"requests=61/min", false},
        {"requests=60/s", false},
        {"requests=60/hour", false},
        {"jobs=60/min", false},
        {"requests=unlimited", false},
        {"requests=59/min", true},
        // Another algorithm is another meter, and lets other schedules pass: each a full limit more.
        {"requests=60/min:fixed_window", false},
        {"requests=60/60s:fixed_window", false},
        {"requests=60/min:token_bucket", false},
        {"requests=30/min:token_bucket,burst=60", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ask *ask = ask_for_key_as(fixture, admin, NULL);
        if (cases[i].limit != NULL)
            ask_for_limit(ask, cases[i].limit);
        if (cases[i].fits)
            EXPECT_OK(fixture, ask);
        else
            EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "create.limits", "requests=60/min");
    }
}

static struct ask *make_limited_admin(struct registry_fixture *fixture, const char *limit)
{
    furnish(fixture);
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, admin_scopes, 2);
    ask_for_limit(admin, limit);
    EXPECT_OK(fixture, admin);
    return admin;
}

// A bucket is within a bucket whose rate and burst are not below its own.
static void buckets_are_compared_by_rate_and_burst(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_limited_admin(fixture, "requests=60/min:token_bucket,burst=10");
    const struct {
        const char *limit;
        bool fits;
    } cases[] = {
        {"requests=60/min:token_bucket,burst=10", true},  {"requests=60/min:token_bucket,burst=11", false},
        {"requests=30/min:token_bucket,burst=10", true},  {"requests=30/min:token_bucket,burst=30", false},
        {"requests=61/min:token_bucket,burst=10", false}, {"requests=10/min", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ask *ask = ask_for_key_as(fixture, admin, NULL);
        ask_for_limit(ask, cases[i].limit);
        if (cases[i].fits)
            EXPECT_OK(fixture, ask);
        else
            EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "create.limits", "burst=10");
    }
}

// 60 as a sliding window, 60 more as a bucket, 60 more as a fixed window, in a tenth of a second.
static void limit_is_not_evaded_by_another_algorithm(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_limited_admin(fixture, "requests=60/min");
    struct ask *made = ask_for_key_as(fixture, admin, NULL);
    ask_for_limit(made, "requests=60/min");
    EXPECT_OK(fixture, made);
    static const char *const others[] = {"requests=60/min:token_bucket", "requests=60/60s:fixed_window"};
    for (size_t i = 0; i < 2; i++) {
        struct ask *other = ask_to_update(fixture, made_id(made), "limits");
        ask_as_key(other, admin);
        ask_for_limit(other, others[i]);
        EXPECT(fixture, other, STATUS_PERMISSION_DENIED, "update.limits", "requests=60/min");
    }
}

// --- its own key

static void admin_changes_its_own_key_by_roll_and_revoke_alone(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_limited_admin(fixture, "requests=60/min");
    for (size_t i = 0; i < ASK_SETTINGS; i++) {
        struct ask *update = ask_to_update(fixture, made_id(admin), ask_settings[i]);
        update->command.ask.update.key.name = slice_text("me");
        ask_as_key(update, admin);
        EXPECT(fixture, update, STATUS_PERMISSION_DENIED, "update.key_id", "the key that you call with");
    }
    struct ask *hide = ask_to_delete(fixture, made_id(admin));
    ask_as_key(hide, admin);
    EXPECT(fixture, hide, STATUS_PERMISSION_DENIED, "delete.key_id", "the key that you call with");
    struct ask *roll = ask_to_roll(fixture, made_id(admin));
    ask_as_key(roll, admin);
    EXPECT_OK(fixture, roll);
    struct ask *revoke = ask_to_revoke(fixture, made_id(roll), "");
    ask_as_key(revoke, roll);
    EXPECT_OK(fixture, revoke);
}

// --- expiry and addresses

static struct ask *make_pinned_admin(struct registry_fixture *fixture, uint64_t expires_at_ms)
{
    furnish(fixture);
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, admin_scopes, 2);
    admin->command.ask.create.facts.expires_at_ms = expires_at_ms;
    EXPECT_OK(fixture, admin);
    return admin;
}

static void admin_that_expires_makes_nothing_that_outlives_it(void **state)
{
    struct registry_fixture *fixture = *state;
    uint64_t end_ms = atomic_load(&fixture->now_ms) + 4000;
    struct ask *admin = make_pinned_admin(fixture, end_ms);
    EXPECT(fixture, ask_for_key_as(fixture, admin, NULL), STATUS_PERMISSION_DENIED, "create.expires_at_ms", "outlive");
    struct ask *late = ask_for_key_as(fixture, admin, NULL);
    late->command.ask.create.facts.expires_at_ms = end_ms + 1;
    EXPECT(fixture, late, STATUS_PERMISSION_DENIED, "create.expires_at_ms", "outlive");
    struct ask *made = ask_for_key_as(fixture, admin, NULL);
    made->command.ask.create.facts.expires_at_ms = end_ms;
    EXPECT_OK(fixture, made);
    struct ask *longer = ask_to_update(fixture, made_id(made), "expires_at_ms");
    ask_as_key(longer, admin);
    EXPECT(fixture, longer, STATUS_PERMISSION_DENIED, "update.expires_at_ms", "outlive"); // never
    struct ask *roll = ask_to_roll(fixture, made_id(admin));
    ask_as_key(roll, admin);
    EXPECT_OK(fixture, roll);
    assert_int_equal(find_key(fixture, made_id(roll)).facts.expires_at_ms, end_ms);
    struct ask *operators = fixture_key(fixture, "acme"); // never expires
    struct ask *name = ask_to_update(fixture, made_id(operators), "name");
    name->command.ask.update.key.name = slice_text("mine");
    ask_as_key(name, admin);
    EXPECT(fixture, name, STATUS_PERMISSION_DENIED, "update.key_id", "outlive");
}

static void ask_for_address(struct ask *ask, const char *network)
{
    bool updates = ask->command.kind == REGISTRY_UPDATE;
    struct registry_key *key = updates ? &ask->command.ask.update.key : &ask->command.ask.create;
    key->addresses = arena_array(ask->command.arena, 1, sizeof *key->addresses);
    key->addresses[0] = ask_copy(ask, network);
    key->address_count = 1;
}

static void admin_that_is_pinned_makes_nothing_that_reaches_further(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, admin_scopes, 2);
    ask_for_address(admin, "192.0.2.0/24");
    EXPECT_OK(fixture, admin);
    EXPECT(fixture, ask_for_key_as(fixture, admin, NULL), STATUS_PERMISSION_DENIED, "create.allowed_addresses",
           "anywhere");
    static const char *const beyond[] = {"192.0.0.0/16", "192.0.3.1", "0.0.0.0/0", "::/0", "::ffff:192.0.3.1"};
    static const char *const within[] = {"192.0.2.0/24", "192.0.2.128/25", "192.0.2.7", "::ffff:192.0.2.9"};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        struct ask *ask = ask_for_key_as(fixture, admin, NULL);
        ask_for_address(ask, beyond[i]);
        EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "create.allowed_addresses", beyond[i]);
    }
    struct ask *made = NULL;
    for (size_t i = 0; i < sizeof within / sizeof within[0]; i++) {
        made = ask_for_key_as(fixture, admin, NULL);
        ask_for_address(made, within[i]);
        EXPECT_OK(fixture, made);
    }
    struct ask *free_it = ask_to_update(fixture, made_id(made), "allowed_addresses");
    ask_as_key(free_it, admin);
    EXPECT(fixture, free_it, STATUS_PERMISSION_DENIED, "update.allowed_addresses", "anywhere");
}

static void unlimited_of_its_own_binds_nothing(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, admin_scopes, 2);
    ask_for_limit(admin, "requests=unlimited");
    EXPECT_OK(fixture, admin);
    EXPECT_OK(fixture, ask_for_key_as(fixture, admin, NULL));
}

// --- elsewhere

static void other_accounts_and_settings_are_out_of_reach(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    struct ask *other = ask_for_key(fixture, "globex");
    ask_as_key(other, admin);
    EXPECT(fixture, other, STATUS_NOT_FOUND, "create.account", "no account \"globex\"");
    struct ask *theirs = fixture_key(fixture, "globex");
    struct ask *disable = ask_to_disable(fixture, made_id(theirs));
    ask_as_key(disable, admin);
    EXPECT(fixture, disable, STATUS_NOT_FOUND, "update.key_id", "there is no key");
    struct ask *settings = ask_for_account(fixture, "acme", "");
    settings->command.ask.put_account.max_keys = 100000;
    ask_as_key(settings, admin);
    EXPECT(fixture, settings, STATUS_PERMISSION_DENIED, "", "operator");
    struct ask *all = ask_to_revoke_all(fixture, "acme", "");
    ask_as_key(all, admin);
    EXPECT(fixture, all, STATUS_PERMISSION_DENIED, "", "operator");
}

static void admin_without_a_key_makes_none(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_as_admin(ask, "acme"); // no key
    EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "create.account", "credential");
}

// --- the credential at the moment of the change

static void credential_that_stopped_working_meanwhile_changes_nothing(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *admin = make_admin(fixture);
    struct ask *before = ask_for_key_as(fixture, admin, NULL);
    EXPECT_OK(fixture, before);

    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(admin)));
    EXPECT(fixture, ask_for_key_as(fixture, admin, NULL), STATUS_UNAUTHENTICATED, "credential", "DISABLED");
    struct ask *enable = ask_to_update(fixture, made_id(admin), "enabled");
    enable->command.ask.update.key.facts.disabled = false;
    ask_as_key(enable, admin); // not by itself
    EXPECT(fixture, enable, STATUS_UNAUTHENTICATED, "credential", "DISABLED");
    enable = ask_to_update(fixture, made_id(admin), "enabled");
    enable->command.ask.update.key.facts.disabled = false;
    EXPECT_OK(fixture, enable);

    struct ask *suspend = ask_for_account(fixture, "acme", "");
    suspend->command.ask.put_account.suspended = true;
    EXPECT_OK(fixture, suspend);
    EXPECT(fixture, ask_for_key_as(fixture, admin, NULL), STATUS_UNAUTHENTICATED, "credential", "suspended");
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", ""));

    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", ""));
    EXPECT(fixture, ask_for_key_as(fixture, admin, NULL), STATUS_UNAUTHENTICATED, "credential", "REVOKED");
    EXPECT(fixture, ask_again(fixture, before), STATUS_UNAUTHENTICATED, "credential", "REVOKED"); // no reply either
    struct ask unknown = *admin;
    unknown.command.result.key.id[4] ^= 1;
    EXPECT(fixture, ask_for_key_as(fixture, &unknown, NULL), STATUS_UNAUTHENTICATED, "credential", "unknown");
}

static void operators_credential_is_looked_at_again_too(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *operator= ask_for_key(fixture, "postern");
    ask_for_scopes(operator,(const char *const[]){"postern:operator"}, 1);
    EXPECT_OK(fixture, operator);
    struct ask *ask = ask_for_key_as(fixture, operator, "admin");
    ask->command.caller.is_operator = true;
    EXPECT_OK(fixture, ask);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(operator), ""));
    struct ask *late = ask_for_key_as(fixture, operator, NULL);
    late->command.caller.is_operator = true;
    EXPECT(fixture, late, STATUS_UNAUTHENTICATED, "credential", "REVOKED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(scopes_within_its_own_are_passed_on),
        ASKS_TEST(scope_beyond_its_own_is_refused_by_name),
        ASKS_TEST(update_gives_no_scope_beyond_its_own),
        ASKS_TEST(scopes_count_as_they_are_now),
        ASKS_TEST(broader_key_is_neither_rolled_nor_enabled),
        ASKS_TEST(admin_rolls_its_own_key),
        ASKS_TEST(test_key_makes_test_keys_only),
        ASKS_TEST(live_key_makes_both),
        ASKS_TEST(limits_of_its_own_key_bind_the_keys_it_makes),
        ASKS_TEST(buckets_are_compared_by_rate_and_burst),
        ASKS_TEST(limit_is_not_evaded_by_another_algorithm),
        ASKS_TEST(admin_changes_its_own_key_by_roll_and_revoke_alone),
        ASKS_TEST(admin_that_expires_makes_nothing_that_outlives_it),
        ASKS_TEST(admin_that_is_pinned_makes_nothing_that_reaches_further),
        ASKS_TEST(unlimited_of_its_own_binds_nothing),
        ASKS_TEST(other_accounts_and_settings_are_out_of_reach),
        ASKS_TEST(admin_without_a_key_makes_none),
        ASKS_TEST(credential_that_stopped_working_meanwhile_changes_nothing),
        ASKS_TEST(operators_credential_is_looked_at_again_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
