// Meters that are reset: a change of the account's record, and of a key's.
#include "support/registry_asks.h"

#include <inttypes.h>

static struct ask *ask_to_reset(struct registry_fixture *fixture, const char *account, const char *resource)
{
    struct ask *ask = ask_new(fixture, REGISTRY_RESET_METERS);
    ask->command.ask.reset_meters.account = ask_copy(ask, account);
    ask->command.ask.reset_meters.resource = ask_copy(ask, resource);
    return ask;
}

static struct ask *ask_to_reset_key(struct registry_fixture *fixture, const struct ask *maker, const char *resource)
{
    struct ask *ask = ask_to_reset(fixture, "", resource);
    ask->command.ask.reset_meters.by_key = true;
    memcpy(ask->command.ask.reset_meters.key_id, maker->command.result.key.id, KEY_ID_SIZE);
    return ask;
}

// An override of the account for each resource, "r0" to "r<count - 1>".
static void limit_account(struct registry_fixture *fixture, const char *id, size_t first, size_t count)
{
    struct ask *ask = ask_for_account(fixture, id, "");
    struct registry_account *account = &ask->command.ask.put_account;
    account->limits = arena_array(ask->command.arena, count, sizeof *account->limits);
    account->limit_count = count;
    for (size_t i = 0; i < count; i++) {
        char text[32];
        struct status_failure failure = {.message = ""};
        (void)snprintf(text, sizeof text, "r%zu=5/day", first + i);
        fixture_demand(limit_text_read(text, &account->limits[i], &failure) == STATUS_OK, failure.message);
        account->limits[i].resource = ask_copy(ask, strtok(text, "="));
    }
    EXPECT_OK(fixture, ask);
}

static void assert_reset_by(struct slice resets, const char *resource, uint64_t seq)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, seq);
    assert_text(registry_reset_of(resets, slice_text(resource)), seq > 0 ? digits : "");
}

static void a_reset_is_noted_with_its_change_and_leaves_other_resources_alone(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    limit_account(fixture, "acme", 1, 2);
    struct ask *first = ask_to_reset(fixture, "acme", "requests"), *second = ask_to_reset(fixture, "acme", "r1"),
               *third = ask_to_reset(fixture, "acme", "requests");
    EXPECT_OK(fixture, first);
    assert_reset_by(find_account(fixture, "acme").meter_resets, "requests", first->command.seq);
    EXPECT_OK(fixture, second);
    EXPECT_OK(fixture, third);
    struct slice resets = find_account(fixture, "acme").meter_resets;
    assert_reset_by(resets, "requests", third->command.seq);
    assert_reset_by(resets, "r1", second->command.seq);
    assert_reset_by(resets, "r", 0);
    assert_reset_by(resets, "r2", 0);
    assert_true(third->command.seq > first->command.seq);
    assert_sound(fixture);
}

static void a_repeated_reset_is_one_change(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *first = ask_to_reset(fixture, "acme", "requests");
    EXPECT_OK(fixture, first);
    struct ask *again = ask_again(fixture, first);
    EXPECT_OK(fixture, again);
    assert_true(again->command.is_retry);
    assert_reset_by(find_account(fixture, "acme").meter_resets, "requests", first->command.seq);
}

static void a_put_keeps_what_was_reset_and_another_life_begins_without(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *reset = ask_to_reset(fixture, "acme", "requests");
    EXPECT_OK(fixture, reset);
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", ""));
    assert_reset_by(find_account(fixture, "acme").meter_resets, "requests", reset->command.seq);
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"));
    EXPECT(fixture, ask_to_reset(fixture, "acme", "requests"), STATUS_NOT_FOUND, "reset_meters.account", "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", ""));
    assert_reset_by(find_account(fixture, "acme").meter_resets, "requests", 0);
}

static void a_keys_own_limits_are_reset_with_it_and_stay_so_over_a_roll(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *plain = fixture_key(fixture, "acme"), *own = ask_for_key(fixture, "acme");
    ask_for_limit(own, "requests=3/day");
    EXPECT_OK(fixture, own);
    struct ask *reset = ask_to_reset_key(fixture, own, "requests");
    EXPECT_OK(fixture, reset);
    assert_reset_by(find_account(fixture, "acme").meter_resets, "requests", reset->command.seq);
    assert_reset_by(find_key(fixture, own->command.result.key.id).meter_resets, "requests", reset->command.seq);
    struct ask *rolled = ask_to_roll(fixture, own->command.result.key.id);
    EXPECT_OK(fixture, rolled);
    assert_reset_by(find_key(fixture, rolled->command.result.key.id).meter_resets, "requests", reset->command.seq);
    EXPECT_OK(fixture, ask_to_reset_key(fixture, plain, "requests")); // it has none of its own
    assert_reset_by(find_key(fixture, plain->command.result.key.id).meter_resets, "requests", 0);
    EXPECT(fixture, ask_to_reset_key(fixture, plain, "reqests"), STATUS_NOT_FOUND, "reset_meters.resource", "reqests");
    EXPECT_OK(fixture, ask_to_delete(fixture, plain->command.result.key.id));
    EXPECT(fixture, ask_to_reset_key(fixture, plain, "requests"), STATUS_NOT_FOUND, "reset_meters.key_id", "no ");
    assert_sound(fixture);
}

static void an_admin_resets_its_own_account_with_the_scope_for_it(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
    struct ask *plain = ask_for_key(fixture, "acme"), *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(plain, (const char *const[]){"postern:account-admin"}, 1);
    ask_for_scopes(admin, (const char *const[]){"postern:account-admin", "postern:meter-reset"}, 2);
    EXPECT_OK(fixture, plain);
    EXPECT_OK(fixture, admin);
    struct ask *ask = ask_to_reset(fixture, "acme", "requests");
    ask_as_key(ask, plain);
    EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "", "postern:meter-reset");
    ask = ask_to_reset(fixture, "acme", "requests");
    ask_as_key(ask, admin);
    EXPECT_OK(fixture, ask);
    ask = ask_to_reset(fixture, "globex", "requests");
    ask_as_key(ask, admin);
    EXPECT(fixture, ask, STATUS_NOT_FOUND, "reset_meters.account", "globex");
}

// Each costs room in the record.
static void sixteen_resources_of_an_account_can_be_reset(void **state)
{
    struct registry_fixture *fixture = *state;
    char name[8];
    fixture_furnish(fixture, "acme");
    for (size_t i = 0; i < 17; i++) {
        limit_account(fixture, "acme", i, 1);
        (void)snprintf(name, sizeof name, "r%zu", i);
        struct ask *ask = ask_to_reset(fixture, "acme", name);
        if (i < 16)
            EXPECT_OK(fixture, ask);
        else
            EXPECT(fixture, ask, STATUS_RESOURCE_EXHAUSTED, "reset_meters.resource", "16");
    }
    limit_account(fixture, "acme", 0, 1);
    struct ask *again = ask_to_reset(fixture, "acme", "r0");
    EXPECT_OK(fixture, again);
    struct slice resets = find_account(fixture, "acme").meter_resets;
    assert_reset_by(resets, "r0", again->command.seq);
    assert_true(registry_reset_of(resets, slice_text("r15")).size > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(a_reset_is_noted_with_its_change_and_leaves_other_resources_alone),
        ASKS_TEST(a_repeated_reset_is_one_change),
        ASKS_TEST(a_put_keeps_what_was_reset_and_another_life_begins_without),
        ASKS_TEST(a_keys_own_limits_are_reset_with_it_and_stay_so_over_a_roll),
        ASKS_TEST(an_admin_resets_its_own_account_with_the_scope_for_it),
        ASKS_TEST(sixteen_resources_of_an_account_can_be_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
