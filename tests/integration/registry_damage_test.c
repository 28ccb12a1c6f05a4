// Whatever the daemon stores: one changed byte, one row lost or moved, and opening or checking finds it.
#include "support/registry_catalogue.h"
#include "support/registry_raw.h"

#include "registry/change.h"
#include "registry/table.h"

static struct ask *ask_to_import(struct registry_fixture *fixture, const char *token)
{
    struct ask *ask = ask_new(fixture, REGISTRY_IMPORT);
    struct registry_import *import = &ask->command.ask.import;
    import->keys = arena_array(ask->command.arena, 1, sizeof *import->keys);
    fixture_demand(import->keys != NULL, "no memory");
    import->count = 1;
    secret_sha256(slice_text(token), import->keys[0].sha256);
    import->keys[0].key = (struct registry_key){.account = slice_text("acme"),
                                                .name = slice_text("old"),
                                                .environment = KEY_ENVIRONMENT_TEST,
                                                .type = KEY_TYPE_SECRET};
    return ask;
}

static void change_as_admin(struct registry_fixture *fixture)
{
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, (const char *const[]){"postern:account-admin", "read"}, 2);
    EXPECT_OK(fixture, admin);
    struct ask *own = ask_to_disable(fixture, fixture_key(fixture, "acme")->command.result.key.id);
    ask_as_key(own, admin);
    EXPECT_OK(fixture, own);
}

static void change_keys(struct registry_fixture *fixture)
{
    struct ask *expiring = ask_for_key(fixture, "acme");
    expiring->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 86400000;
    EXPECT_OK(fixture, expiring);
    struct ask *public = ask_for_key(fixture, "acme");
    public->command.ask.create.type = KEY_TYPE_PUBLIC;
    EXPECT_OK(fixture, public);
    struct ask *made = fixture_key(fixture, "acme");
    EXPECT_OK(fixture, ask_to_disable(fixture, made->command.result.key.id));
    EXPECT_OK(fixture, ask_to_delete(fixture, made->command.result.key.id));
    EXPECT_OK(fixture, ask_to_roll(fixture, expiring->command.result.key.id));
    EXPECT_OK(fixture, ask_to_revoke(fixture, public->command.result.key.id, "leaked"));
    EXPECT_OK(fixture, ask_to_import(fixture, "sk_live_0123456789abcdef"));
    EXPECT_OK(fixture, ask_to_import(fixture, "sk_live_fedcba9876543210"));
}

// At least one row in every table, and one change of every kind that leaves something behind.
static int set_up(void **state)
{
    asks_set_up(state);
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
    EXPECT_OK(fixture, ask_for_tier(fixture, "paid", false));
    EXPECT_OK(fixture, ask_for_tier(fixture, "gone", false));
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_TIER, "gone"));
    mark_scope(fixture, "read", SCOPE_DEFAULT | SCOPE_PUBLIC_SAFE);
    put_scope(fixture, "role", "read");
    put_scope(fixture, "gone", NULL);
    EXPECT_OK(fixture, ask_to_delete_scope(fixture, "gone"));
    change_keys(fixture);
    change_as_admin(fixture);
    fixture_key(fixture, "globex");
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "globex", "break-in"));
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "globex"));
    assert_sound(fixture);
    fixture_close(fixture);
    return 0;
}

// --- inspecting

static enum status inspect(struct registry_fixture *fixture, struct status_failure *failure)
{
    enum status status = fixture_try_open(fixture, failure);
    if (status == STATUS_OK)
        status = registry_fsck(fixture->registry, NULL, failure);
    fixture_close(fixture);
    return status;
}

static void assert_found(struct registry_fixture *fixture, const char *table, size_t row, size_t at)
{
    struct status_failure failure = {.message = ""};
    enum status status = inspect(fixture, &failure);
    if (status != STATUS_DATA_LOSS && status != STATUS_FAILED_PRECONDITION)
        fail_msg("table %s, row %zu, byte %zu: %s \"%s\"", table, row, at, status_name(status), failure.message);
    assert_int_not_equal(failure.message[0], '\0');
}

static void assert_mended(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    if (inspect(fixture, &failure) != STATUS_OK)
        fail_msg("%s", failure.message);
}

// --- rows

struct row {
    uint8_t key_bytes[STORE_KEY_MAX];
    uint8_t value_bytes[8192];
    struct slice key;
    struct slice value;
};

static bool read_row(struct registry_fixture *fixture, const char *table, size_t n, struct row *out)
{
    size_t size = raw_key_at(fixture->path, table, n, out->key_bytes);
    if (size == 0)
        return false;
    out->key = slice_make(out->key_bytes, size);
    struct raw raw = raw_begin(fixture->path, table);
    MDB_val at = raw_val(out->key);
    MDB_val data;
    raw_demand(mdb_get(raw.txn, raw.table, &at, &data), "get");
    assert_in_range(data.mv_size, 0, sizeof out->value_bytes);
    if (data.mv_size > 0)
        memcpy(out->value_bytes, data.mv_data, data.mv_size);
    out->value = slice_make(out->value_bytes, data.mv_size);
    raw_end(&raw);
    return true;
}

static void flip_all_over(struct registry_fixture *fixture, const char *table, size_t n, const struct row *row)
{
    size_t step = n == 0 ? 7 : 41;
    for (size_t at = n % step; at < row->value.size; at += step) {
        raw_flip(fixture->path, table, row->key, at);
        assert_found(fixture, table, n, at);
        raw_flip(fixture->path, table, row->key, at);
    }
}

static void lose_and_move(struct registry_fixture *fixture, const char *table, size_t n, struct row *row)
{
    uint8_t *last = &row->key_bytes[row->key.size - 1];
    raw_delete(fixture->path, table, row->key);
    assert_found(fixture, table, n, 0);
    *last ^= 0x80;
    raw_put(fixture->path, table, row->key, row->value);
    assert_found(fixture, table, n, 1);
    raw_delete(fixture->path, table, row->key);
    *last ^= 0x80;
    raw_put(fixture->path, table, row->key, row->value);
}

static void changed_byte_is_found_in_every_kind_of_entry(void **state)
{
    struct registry_fixture *fixture = *state;
    struct row row;
    for (size_t table = 0; table < TABLE_COUNT; table++) {
        size_t n = 0;
        for (; read_row(fixture, table_names[table], n, &row); n++)
            flip_all_over(fixture, table_names[table], n, &row);
        if (n == 0)
            fail_msg("the table %s is empty: put something there", table_names[table]);
    }
    assert_mended(fixture);
}

// But for what is made again at each start: the store's format and the check value of the keyring.
static void lost_and_moved_rows_are_found_in_every_table(void **state)
{
    struct registry_fixture *fixture = *state;
    struct row row;
    for (size_t table = 0; table < TABLE_COUNT; table++)
        for (size_t n = 0; table != TABLE_META && n < 3 && read_row(fixture, table_names[table], n, &row); n++)
            lose_and_move(fixture, table_names[table], n, &row);
    assert_mended(fixture);
}

static void removed_record_that_comes_back_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    struct row row;
    fixture_open(fixture);
    put_scope(fixture, "a", NULL);
    fixture_close(fixture);
    assert_true(read_row(fixture, "scope", 0, &row));
    assert_text(row.key, "a");
    fixture_open(fixture);
    EXPECT_OK(fixture, ask_to_delete_scope(fixture, "a"));
    fixture_close(fixture);
    assert_mended(fixture);
    raw_put(fixture->path, "scope", row.key, row.value);
    assert_found(fixture, "scope", 0, 0);
}

static void lost_name_of_the_default_tier_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    raw_delete(fixture->path, "meta", table_meta_default_tier());
    assert_found(fixture, "meta", 0, 0);
}

static void index_entry_that_no_change_made_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    struct table_key by_record = table_by_record_key(REGISTRY_TIER, slice_text("free"), 0);
    struct table_key by_account = table_by_account_change_key(slice_text("acme"), 1);
    raw_put(fixture->path, "change_by_record", table_slice(&by_record), slice_empty());
    assert_found(fixture, "change_by_record", 0, 0);
    raw_delete(fixture->path, "change_by_record", table_slice(&by_record));
    raw_put(fixture->path, "change_by_account", table_slice(&by_account), slice_empty());
    assert_found(fixture, "change_by_account", 0, 0);
}

#define DAMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, asks_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DAMAGE_TEST(changed_byte_is_found_in_every_kind_of_entry),
        DAMAGE_TEST(lost_and_moved_rows_are_found_in_every_table),
        DAMAGE_TEST(removed_record_that_comes_back_is_found),
        DAMAGE_TEST(lost_name_of_the_default_tier_is_found),
        DAMAGE_TEST(index_entry_that_no_change_made_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
