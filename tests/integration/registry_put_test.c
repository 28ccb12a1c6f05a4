// Putting accounts, tiers and scopes: what a put was not told about stays.
#include "support/registry_asks.h"

static void ask_for_mask(struct ask *ask, const char *const *names, size_t count)
{
    struct slice *mask = arena_array(ask->command.arena, count, sizeof *mask);
    for (size_t i = 0; i < count; i++)
        mask[i] = ask_copy(ask, names[i]);
    ask->command.mask = mask;
    ask->command.mask_count = count;
}

#define ASK_FOR_MASK(ask, ...)                                                                                         \
    ask_for_mask(ask, (const char *const[]){__VA_ARGS__},                                                              \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static struct limit *limit_of(struct ask *ask, const char *text)
{
    struct limit *limit = arena_array(ask->command.arena, 1, sizeof *limit);
    struct status_failure failure = {.message = ""};
    fixture_demand(limit_text_read(text, limit, &failure) == STATUS_OK, failure.message);
    return limit;
}

// An account with everything set.
static void put_full_account(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "other");
    struct ask *put = ask_for_account(fixture, "acme", "free");
    struct registry_account *account = &put->command.ask.put_account;
    account->display_name = slice_text("Acme");
    account->allows_live = true;
    account->max_keys = 7;
    account->limits = limit_of(put, "requests=5/min");
    account->limit_count = 1;
    account->metadata = arena_array(put->command.arena, 1, sizeof *account->metadata);
    account->metadata[0] = (struct registry_entry){slice_text("team"), slice_text("a")};
    account->metadata_count = 1;
    EXPECT_OK(fixture, put);
}

static void suspend(struct registry_fixture *fixture, bool suspended)
{
    struct ask *ask = ask_for_account(fixture, "acme", "");
    ask->command.ask.put_account.suspended = suspended;
    ASK_FOR_MASK(ask, "suspended");
    EXPECT_OK(fixture, ask);
}

static void put_does_not_lift_a_suspension(void **state)
{
    struct registry_fixture *fixture = *state;
    put_full_account(fixture);
    suspend(fixture, true);
    EXPECT_OK(fixture, ask_for_tier(fixture, "big", false));
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", "big")); // as a client does that knows no masks
    struct registry_account account = find_account(fixture, "acme");
    assert_true(account.suspended);
    assert_text(account.tier, "big");
    assert_int_equal(account.limit_count, 0); // all else it replaces
    struct ask *name = ask_for_account(fixture, "acme", "");
    name->command.ask.put_account.display_name = slice_text("A");
    ASK_FOR_MASK(name, "display_name");
    EXPECT_OK(fixture, name);
    assert_true(find_account(fixture, "acme").suspended);
    suspend(fixture, false);
    assert_false(find_account(fixture, "acme").suspended);
}

static void client_without_masks_still_suspends(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_for_account(fixture, "acme", "");
    ask->command.ask.put_account.suspended = true;
    EXPECT_OK(fixture, ask);
    assert_true(find_account(fixture, "acme").suspended);
}

static void suspending_keeps_all_else(void **state)
{
    struct registry_fixture *fixture = *state;
    put_full_account(fixture);
    suspend(fixture, true);
    struct registry_account account = find_account(fixture, "acme");
    assert_true(account.suspended && account.allows_live && !account.allows_test);
    assert_text(account.display_name, "Acme");
    assert_text(account.tier, "free");
    assert_int_equal(account.max_keys, 7);
    assert_int_equal(account.limit_count, 1);
    assert_int_equal(account.metadata_count, 1);
    assert_true(account.no_default_public_key);
}

static void account_that_is_not_there_is_not_suspended(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_for_account(fixture, "acmee", "");
    ask->command.ask.put_account.suspended = true;
    ASK_FOR_MASK(ask, "suspended");
    EXPECT(fixture, ask, STATUS_NOT_FOUND, "put_account.account", "acmee");
}

static void mask_sets_what_it_names_of_an_account(void **state)
{
    struct registry_fixture *fixture = *state;
    put_full_account(fixture);
    struct ask *ask = ask_for_account(fixture, "acme", "");
    ask->command.ask.put_account.max_keys = 9;
    ask->command.ask.put_account.allows_test = true; // what the wire makes of no environments
    ASK_FOR_MASK(ask, "account", "max_keys", "limits");
    EXPECT_OK(fixture, ask);
    struct registry_account account = find_account(fixture, "acme");
    assert_int_equal(account.max_keys, 9);
    assert_int_equal(account.limit_count, 0); // named, and empty
    assert_true(account.allows_live && !account.allows_test);
    assert_text(account.display_name, "Acme");
    struct ask *environments = ask_for_account(fixture, "acme", "");
    environments->command.ask.put_account.allows_test = true;
    ASK_FOR_MASK(environments, "environments", "tier");
    EXPECT_OK(fixture, environments);
    account = find_account(fixture, "acme");
    assert_true(account.allows_test && !account.allows_live);
    assert_int_equal(account.tier.size, 0); // by the mask it has none
    assert_sound(fixture);
}

static void name_alone_makes_what_is_not_there_and_changes_nothing_else(void **state)
{
    struct registry_fixture *fixture = *state;
    put_full_account(fixture);
    for (int i = 0; i < 2; i++) {
        const char *id = i == 0 ? "acme" : "fresh";
        struct ask *ask = ask_for_account(fixture, id, "");
        ASK_FOR_MASK(ask, "account");
        EXPECT_OK(fixture, ask);
    }
    assert_text(find_account(fixture, "acme").display_name, "Acme");
    assert_int_equal(find_account(fixture, "acme").limit_count, 1);
    struct registry_account fresh = find_account(fixture, "fresh");
    assert_text(fresh.tier, "free"); // the default
    assert_true(fresh.allows_test && fresh.max_keys == ACCOUNT_DEFAULT_MAX_KEYS);
}

static void mask_sets_what_it_names_of_a_tier(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_tier tier;
    EXPECT_OK(fixture, ask_for_tier(fixture, "free", true));
    struct ask *ask = ask_for_tier(fixture, "free", false);
    ask->command.ask.put_tier.limits = limit_of(ask, "exports=1/day");
    ask->command.ask.put_tier.limit_count = 1;
    ASK_FOR_MASK(ask, "tier", "limits");
    EXPECT_OK(fixture, ask);
    assert_int_equal(registry_find_tier(fixture_look(fixture), slice_text("free"), fixture->arena, &tier), STATUS_OK);
    assert_true(tier.is_default);
    assert_text(tier.limits[0].resource, "exports");
    struct ask *mark = ask_for_tier(fixture, "free", false);
    mark->command.ask.put_tier.limit_count = 0;
    ASK_FOR_MASK(mark, "is_default");
    EXPECT_OK(fixture, mark);
    assert_int_equal(registry_find_tier(fixture_look(fixture), slice_text("free"), fixture->arena, &tier), STATUS_OK);
    assert_false(tier.is_default);
    assert_int_equal(tier.limit_count, 1);
    assert_sound(fixture);
}

static void mask_sets_what_it_names_of_a_scope(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_scope scope;
    struct ask *put = ask_new(fixture, REGISTRY_PUT_SCOPE);
    struct slice implied = slice_text("jobs:run");
    put->command.ask.put_scope = (struct registry_scope){.name = slice_text("worker"),
                                                         .description = slice_text("works"),
                                                         .implies = &implied,
                                                         .implies_count = 1,
                                                         .is_default = true};
    EXPECT_OK(fixture, put);
    struct ask *ask = ask_new(fixture, REGISTRY_PUT_SCOPE);
    ask->command.ask.put_scope.name = slice_text("worker");
    ASK_FOR_MASK(ask, "is_default");
    EXPECT_OK(fixture, ask);
    assert_int_equal(registry_find_scope(fixture_look(fixture), slice_text("worker"), fixture->arena, &scope),
                     STATUS_OK);
    assert_false(scope.is_default);
    assert_text(scope.description, "works");
    assert_int_equal(scope.implies_count, 1);
    assert_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(put_does_not_lift_a_suspension),
        ASKS_TEST(client_without_masks_still_suspends),
        ASKS_TEST(suspending_keeps_all_else),
        ASKS_TEST(account_that_is_not_there_is_not_suspended),
        ASKS_TEST(mask_sets_what_it_names_of_an_account),
        ASKS_TEST(name_alone_makes_what_is_not_there_and_changes_nothing_else),
        ASKS_TEST(mask_sets_what_it_names_of_a_tier),
        ASKS_TEST(mask_sets_what_it_names_of_a_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
