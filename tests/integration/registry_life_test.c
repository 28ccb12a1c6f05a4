// A new account under the id of a deleted one: it sees and inherits nothing of the former life.
#include "support/registry_asks.h"

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static struct ask *make_admin(struct registry_fixture *fixture)
{
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_for_scopes(ask, (const char *const[]){"postern:account-admin"}, 1);
    EXPECT_OK(fixture, ask);
    return ask;
}

// The account with a key, its end, and another account by the same id, all in one millisecond. Returns the former key.
static struct ask *begin_another_life(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "acme");
    struct ask *former = ask_for_key(fixture, "acme");
    former->command.ask.create.name = slice_text("secret");
    EXPECT_OK(fixture, former);
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", "gone"));
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"));
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", ""));
    return former;
}

static size_t count_keys(struct registry_fixture *fixture, bool this_life)
{
    struct registry_page page;
    struct registry_list query = {.account = slice_text("acme"),
                                  .this_life = this_life,
                                  .page_size = REGISTRY_PAGE_MAX,
                                  .page_bytes_max = SIZE_MAX,
                                  .now_ms = atomic_load(&fixture->now_ms)};
    assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &page), STATUS_OK);
    return page.count;
}

static void former_keys_are_listed_for_operators_alone(void **state)
{
    struct registry_fixture *fixture = *state;
    begin_another_life(fixture);
    make_admin(fixture);
    assert_int_equal(count_keys(fixture, true), 1);
    assert_int_equal(count_keys(fixture, false), 2);
}

static void former_keys_are_not_there_for_the_new_accounts_admin(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *former = begin_another_life(fixture);
    struct ask *admin = make_admin(fixture);
    struct ask *asks[] = {ask_to_update(fixture, made_id(former), "enabled"), ask_to_roll(fixture, made_id(former)),
                          ask_to_revoke(fixture, made_id(former), ""), ask_to_delete(fixture, made_id(former))};
    static const char *const fields[] = {"update.key_id", "roll.key_id", "revoke.key_id", "delete.key_id"};
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        ask_as_key(asks[i], admin);
        EXPECT(fixture, asks[i], STATUS_NOT_FOUND, fields[i], "there is no key");
    }
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(former))); // an operator still finds it
    assert_sound(fixture);
}

static struct registry_changes_page list_changes(struct registry_fixture *fixture, bool this_life)
{
    struct registry_changes_page page;
    struct registry_changes_query query = {.account = slice_text("acme"), .this_life = this_life, .page_size = 100};
    assert_int_equal(registry_list_changes(fixture->registry, fixture_look(fixture), &query, fixture->arena, &page),
                     STATUS_OK);
    return page;
}

static bool has_field(const struct registry_change_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->after_count; i++)
        if (slice_equal(entry->after[i].key, slice_text(name)))
            return true;
    return false;
}

static void changes_begin_with_the_account(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *former = begin_another_life(fixture);
    uint64_t life = seq_now(fixture);
    struct ask *admin = make_admin(fixture);
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(former))); // a change of this time, of a key of the other
    struct registry_changes_page page = list_changes(fixture, true);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.items[0].seq, life);
    assert_int_equal(page.items[0].before_count, 0); // as if there had been no account before
    assert_false(has_field(&page.items[0], "revoked_before_ms"));
    assert_false(has_field(&page.items[0], "revoke_reason"));
    assert_memory_equal(page.items[1].key_id, made_id(admin), KEY_ID_SIZE);
    assert_int_equal(list_changes(fixture, false).count, 7); // operators see both lives
}

static void what_is_counted_has_the_name_of_the_life(void **state)
{
    struct registry_fixture *fixture = *state;
    uint8_t names[2][REGISTRY_LIFE_NAME_MAX];
    fixture_furnish(fixture, "acme");
    struct registry_account first = find_account(fixture, "acme");
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"));
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", ""));
    struct registry_account second = find_account(fixture, "acme");
    struct slice former = registry_life_name(&first, names[0]), present = registry_life_name(&second, names[1]);
    assert_false(slice_equal(former, present));
    assert_text(registry_life_account(former), "acme");
    assert_text(registry_life_account(present), "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", "")); // a change does not begin a life
    assert_int_equal(find_account(fixture, "acme").life, second.life);
    struct registry_account old = {.id = slice_text("acme")}; // of an older version
    assert_text(registry_life_name(&old, names[0]), "acme");
}

// Records of older versions number no lives: there the moment of the account's making tells.
static void accounts_of_older_versions_know_their_keys_by_time(void **state)
{
    (void)state;
    struct registry_account account = {.created_at_ms = 1000, .revoked_before_ms = 999};
    struct registry_key former = {.facts.created_at_ms = 999}, own = {.facts.created_at_ms = 1000};
    assert_false(registry_is_of_life(&account, &former));
    assert_true(registry_is_of_life(&account, &own));
    struct registry_account first = {.created_at_ms = 1000}; // nobody had the id before; the clock was taken back
    assert_true(registry_is_of_life(&first, &former));
    struct registry_account numbered = {.created_at_ms = 1000, .life = 7};
    assert_false(registry_is_of_life(&numbered, &own));
    own.life = 7;
    own.facts.created_at_ms = 1; // an operator has taken the clock back
    assert_true(registry_is_of_life(&numbered, &own));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(former_keys_are_listed_for_operators_alone),
        ASKS_TEST(former_keys_are_not_there_for_the_new_accounts_admin),
        ASKS_TEST(changes_begin_with_the_account),
        ASKS_TEST(what_is_counted_has_the_name_of_the_life),
        cmocka_unit_test(accounts_of_older_versions_know_their_keys_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
