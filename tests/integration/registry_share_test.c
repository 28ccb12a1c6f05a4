// An account's share of the registry: its own keys cannot fill the store, and what ends keys always works.
#include "registry/table.h"
#include "support/registry_asks.h"
#include "support/registry_raw.h"

enum { MAP_BYTES = 2 * 1024 * 1024, SHARE_BYTES = MAP_BYTES / REGISTRY_SHARES, UPDATES_MAX = 400 };

static struct ask *make_admin(struct registry_fixture *fixture, const char *account)
{
    struct ask *ask = ask_for_key(fixture, account);
    ask_for_scopes(ask, (const char *const[]){"postern:account-admin"}, 1);
    EXPECT_OK(fixture, ask);
    return ask;
}

// Sets metadata of nearly the largest size, another each time.
static struct ask *ask_to_fill(struct registry_fixture *fixture, const struct ask *key, unsigned n)
{
    struct ask *ask = ask_to_update(fixture, key->command.result.key.id, "metadata");
    struct registry_entry *entry = arena_array(ask->command.arena, 1, sizeof *entry);
    char *value = arena_array(ask->command.arena, REGISTRY_METADATA_BYTES_MAX, 1);
    int size = snprintf(value, REGISTRY_METADATA_BYTES_MAX, "%0*u", 500, n);
    *entry = (struct registry_entry){.key = slice_text("k"), .value = slice_make(value, (size_t)size)};
    ask->command.ask.update.key.metadata = entry;
    ask->command.ask.update.key.metadata_count = 1;
    return ask;
}

// Returns how many updates were made until the share was used up.
static unsigned fill(struct registry_fixture *fixture, const struct ask *key, const struct ask *admin)
{
    for (unsigned n = 1; n < UPDATES_MAX; n++) {
        struct ask *ask = ask_to_fill(fixture, key, n);
        ask_as_key(ask, admin);
        enum status status = ask_run(fixture, ask);
        (void)fixture_look(fixture); // an old view would keep all pages
        if (status == STATUS_RESOURCE_EXHAUSTED) {
            assert_non_null(strstr(ask->command.failure.message, "131072 bytes"));
            assert_non_null(strstr(ask->command.failure.message, "revoking and deleting go on"));
            return n - 1;
        }
        assert_int_equal(status, STATUS_OK);
    }
    return UPDATES_MAX;
}

static uint64_t written(struct registry_fixture *fixture, const char *account)
{
    struct slice value;
    uint64_t number = 0;
    if (store_get(fixture_look(fixture), TABLE_WRITTEN, slice_text(account), &value) == STATUS_OK)
        assert_true(table_number_read(value, &number));
    return number;
}

static void accounts_own_keys_write_their_share_and_no_more(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
    struct ask *admin = make_admin(fixture, "acme"), *other = make_admin(fixture, "globex");
    struct ask *key = ask_for_key(fixture, "acme"), *others = ask_for_key(fixture, "globex");
    EXPECT_OK(fixture, key);
    EXPECT_OK(fixture, others);
    assert_int_equal(written(fixture, "acme"), 0); // all of that were operators
    unsigned updates = fill(fixture, key, admin);
    assert_in_range(updates, SHARE_BYTES / 2000, UPDATES_MAX - 1);
    assert_in_range(written(fixture, "acme"), SHARE_BYTES - 2000, SHARE_BYTES);
    struct ask *asks[] = {ask_to_fill(fixture, others, 1), ask_to_fill(fixture, key, 5000)};
    ask_as_key(asks[0], other);  // another account,
    EXPECT_OK(fixture, asks[0]); // and an operator
    EXPECT_OK(fixture, asks[1]); // have shares of their own
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(fill(fixture, key, admin), 0); // over a restart, too
}

static void what_ends_keys_works_beyond_the_share(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *admin = make_admin(fixture, "acme");
    struct ask *keys[3];
    for (size_t i = 0; i < 3; i++)
        EXPECT_OK(fixture, keys[i] = ask_for_key(fixture, "acme"));
    (void)fill(fixture, keys[0], admin);
    struct ask *asks[] = {ask_to_disable(fixture, keys[0]->command.result.key.id),
                          ask_to_revoke(fixture, keys[1]->command.result.key.id, "leaked"),
                          ask_to_delete(fixture, keys[2]->command.result.key.id),
                          ask_to_revoke(fixture, admin->command.result.key.id, "itself")};
    for (size_t i = 0; i < 4; i++) {
        ask_as_key(asks[i], admin);
        EXPECT_OK(fixture, asks[i]);
    }
}

static void new_account_by_an_old_id_has_a_share_of_its_own(void **state)
{
    struct registry_fixture *fixture = *state;
    struct status_failure failure = {.message = ""};
    uint64_t entries = 0;
    fixture_furnish(fixture, "acme");
    struct ask *admin = make_admin(fixture, "acme");
    struct ask *key = ask_for_key(fixture, "acme");
    EXPECT_OK(fixture, key);
    unsigned updates = fill(fixture, key, admin);
    assert_int_equal(registry_fsck(fixture->registry, &entries, &failure), STATUS_OK);
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", "gone"));
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "acme"));
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", ""));
    assert_int_equal(written(fixture, "acme"), 0);
    admin = make_admin(fixture, "acme");
    EXPECT_OK(fixture, key = ask_for_key(fixture, "acme"));
    assert_in_range(fill(fixture, key, admin), updates - 2, updates + 2);
    assert_int_equal(registry_fsck(fixture->registry, &entries, &failure), STATUS_OK);
}

// A store of an older version has no such table: its changes are counted when it is opened.
static void older_stores_changes_are_counted_at_the_start(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *admin = make_admin(fixture, "acme"), *key = ask_for_key(fixture, "acme");
    EXPECT_OK(fixture, key);
    struct ask *ask = ask_to_fill(fixture, key, 1);
    ask_as_key(ask, admin);
    EXPECT_OK(fixture, ask);
    uint64_t before = written(fixture, "acme");
    assert_true(before > 500);
    fixture_close(fixture);
    raw_delete(fixture->path, table_names[TABLE_WRITTEN], slice_text("acme"));
    raw_delete(fixture->path, table_names[TABLE_META], table_meta_written());
    fixture_open(fixture);
    assert_int_equal(written(fixture, "acme"), before);
}

static int set_up(void **state)
{
    struct registry_fixture *fixture = calloc(1, sizeof *fixture);
    fixture_make(fixture);
    fixture_close(fixture);
    fixture->map_size_bytes = MAP_BYTES;
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

int main(void)
{
#define SHARE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, asks_tear_down)
    const struct CMUnitTest tests[] = {
        SHARE_TEST(accounts_own_keys_write_their_share_and_no_more),
        SHARE_TEST(what_ends_keys_works_beyond_the_share),
        SHARE_TEST(new_account_by_an_old_id_has_a_share_of_its_own),
        SHARE_TEST(older_stores_changes_are_counted_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
