// The check of a whole store: sound after many changes, and no flipped byte escapes it.
#include "registry/chain/chain.h"
#include "registry/table.h"
#include "support/registry_fixture.h"
#include "support/registry_raw.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { COMMANDS = 500 };

static void purge_idempotency_records(struct registry_fixture *fixture)
{
    size_t count = 0;
    struct status_failure failure = {.message = ""};
    fixture_demand(registry_purge_idempotency(fixture->registry, 1, &count, &failure) == STATUS_OK, failure.message);
}

// 500 commands of all kinds over a few accounts and tiers, repeatable.
static void make_changes(struct registry_fixture *fixture)
{
    static const char *const accounts[] = {"acme", "acme-2", "globex", "initech"};
    static const char *const tiers[] = {"free", "paid", "gold"};
    uint8_t ids[COMMANDS][KEY_ID_SIZE];
    size_t id_count = 0;
    fixture_furnish(fixture, "acme");
    for (size_t i = 0; i < 4; i++)
        fixture_demand(ask_run(fixture, ask_for_account(fixture, accounts[i], "free")) == STATUS_OK, "account");
    for (size_t i = 6; i < COMMANDS; i++) {
        struct ask *ask = NULL;
        fixture_wait(fixture, 3000); // replies expire on the way
        if (i % 50 == 0)
            purge_idempotency_records(fixture);
        if (i % 7 == 0)
            ask = ask_for_tier(fixture, tiers[i % 3], i % 2 == 0);
        else if (i % 11 == 0)
            ask = ask_for_account(fixture, accounts[i % 4], "free");
        else if (i % 3 == 0 && id_count > 0)
            ask = ask_to_revoke(fixture, ids[i % id_count], "mixed");
        else
            ask = ask_for_key(fixture, accounts[i % 4]);
        fixture_demand(ask_run(fixture, ask) == STATUS_OK, ask->command.failure.message);
        if (ask->command.kind == REGISTRY_CREATE)
            memcpy(ids[id_count++], ask->command.result.key.id, KEY_ID_SIZE);
    }
}

static int set_up(void **state)
{
    struct registry_fixture *fixture = calloc(1, sizeof *fixture);
    fixture_make(fixture);
    make_changes(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

// What opening and checking say together.
static enum status inspect(struct registry_fixture *fixture, struct status_failure *failure)
{
    enum status status = fixture_try_open(fixture, failure);
    if (status == STATUS_OK)
        status = registry_fsck(fixture->registry, NULL, failure);
    fixture_close(fixture);
    return status;
}

static void assert_found(struct registry_fixture *fixture, const char *what, size_t at)
{
    struct status_failure failure = {.message = ""};
    enum status status = inspect(fixture, &failure);
    if (status != STATUS_DATA_LOSS)
        fail_msg("%s, byte %zu: %s \"%s\"", what, at, status_name(status), failure.message);
    assert_int_not_equal(failure.message[0], '\0');
}

static void assert_sound(struct registry_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    enum status status = inspect(fixture, &failure);
    if (status != STATUS_OK)
        fail_msg("%s", failure.message);
}

static void mixed_changes_leave_a_sound_store(void **state)
{
    struct registry_fixture *fixture = *state;
    struct status_failure failure = {.message = ""};
    uint64_t entries = 0;
    uint64_t seq = 0;
    assert_int_equal(registry_fsck(fixture->registry, &entries, &failure), STATUS_OK);
    assert_int_equal(registry_seq(fixture_look(fixture), &seq), STATUS_OK);
    assert_int_equal(entries, seq);
    assert_in_range(seq, 300, COMMANDS);
    fixture_close(fixture);
    assert_sound(fixture);
}

// As a daemon would that removes what it must not: a link whose MAC is right.
static void forge_purge(struct registry_fixture *fixture, uint64_t before_ms, size_t records)
{
    struct slice packed, link;
    struct chain_head head, next;
    uint8_t bytes[PACK_HEAD_MAX];
    uint64_t now_ms = atomic_load(&fixture->now_ms);
    assert_int_equal(chain_read_head(fixture_look(fixture), &head), STATUS_OK);
    struct change change = {.seq = head.seq + 1,
                            .time_ms = now_ms,
                            .actor = slice_text("posternd"),
                            .kind = REGISTRY_PURGE,
                            .idempotency_before_ms = before_ms,
                            .idempotency_count = records};
    struct table_key key = table_change_key(change.seq);
    assert_true(pack_change(&change, fixture->arena, &packed));
    assert_int_equal(chain_extend(fixture->secret, &head, packed, fixture->arena, &link, &next), STATUS_OK);
    fixture_close(fixture);
    raw_put(fixture->path, "change", table_slice(&key), link);
    raw_put(fixture->path, "meta", table_meta_head(), slice_make(bytes, pack_head(&next, bytes)));
}

static void assert_reported(struct registry_fixture *fixture, const char *word)
{
    struct status_failure failure = {.message = ""};
    assert_int_equal(inspect(fixture, &failure), STATUS_DATA_LOSS);
    if (strstr(failure.message, word) == NULL)
        fail_msg("%s", failure.message);
}

static void purge_of_young_idempotency_records_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    forge_purge(fixture, atomic_load(&fixture->now_ms) + 1, 1);
    assert_reported(fixture, "not old");
    fixture_open(fixture);
}

static void change_of_nothing_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    forge_purge(fixture, 0, 0);
    assert_reported(fixture, "changed nothing");
    fixture_open(fixture);
}

static void purge_without_a_number_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    forge_purge(fixture, 1, 0);
    assert_reported(fixture, "holds something else");
    fixture_open(fixture);
}

// Flips bytes all over the value of the table's n-th row, one at a time.
static void flip_row(struct registry_fixture *fixture, const char *table, size_t n, size_t step)
{
    uint8_t bytes[511];
    struct slice key = slice_make(bytes, raw_key_at(fixture->path, table, n, bytes));
    assert_true(key.size > 0);
    size_t size = 1;
    for (size_t at = 0; at < size; at += step) {
        size = raw_flip(fixture->path, table, key, at);
        assert_found(fixture, table, at);
        raw_flip(fixture->path, table, key, at);
    }
}

static void flipped_byte_is_found_in_every_kind_of_row(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_close(fixture);
    flip_row(fixture, "change", 0, 13);
    flip_row(fixture, "change", 150, 13);
    flip_row(fixture, "key", 17, 9);
    flip_row(fixture, "account", 1, 5);
    flip_row(fixture, "tier", 0, 5);
    flip_row(fixture, "key_count", 2, 1);
    flip_row(fixture, "key_live", 3, 1);
    flip_row(fixture, "replay_count", 0, 1);
    assert_sound(fixture);
}

static void flipped_byte_is_found_in_meta(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_close(fixture);
    raw_flip(fixture->path, "meta", slice_text("head"), 3);
    assert_found(fixture, "head", 3);
    raw_flip(fixture->path, "meta", slice_text("head"), 3);
    assert_int_equal(raw_flip(fixture->path, "meta", slice_text("default_tier"), 2), 4);
    assert_found(fixture, "default_tier", 2);
    raw_flip(fixture->path, "meta", slice_text("default_tier"), 2);
    assert_sound(fixture);
}

// Takes the n-th row away, or puts it under a key with one bit flipped.
static void lose_and_move_row(struct registry_fixture *fixture, const char *table, size_t n)
{
    uint8_t bytes[511];
    uint8_t value[4096];
    struct slice key = slice_make(bytes, raw_key_at(fixture->path, table, n, bytes));
    assert_true(key.size > 0);
    struct raw raw = raw_begin(fixture->path, table);
    MDB_val at = raw_val(key);
    MDB_val data;
    raw_demand(mdb_get(raw.txn, raw.table, &at, &data), "get");
    assert_true(data.mv_size <= sizeof value);
    struct slice kept = slice_make(value, data.mv_size);
    memcpy(value, data.mv_data, data.mv_size);
    raw_end(&raw);

    raw_delete(fixture->path, table, key);
    assert_found(fixture, table, 0);
    bytes[key.size - 1] ^= 1;
    raw_put(fixture->path, table, key, kept);
    assert_found(fixture, table, 1);
    raw_delete(fixture->path, table, key);
    bytes[key.size - 1] ^= 1;
    raw_put(fixture->path, table, key, kept);
}

static void lost_and_moved_rows_are_found(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *tables[] = {"key",    "account",        "tier",         "change",
                            "replay", "replay_by_time", "replay_count", "key_by_account"};
    fixture_close(fixture);
    for (size_t i = 0; i < 8; i++)
        lose_and_move_row(fixture, tables[i], 0);
    lose_and_move_row(fixture, "key_count", 1);
    lose_and_move_row(fixture, "key_live", 7);
    lose_and_move_row(fixture, "key_by_account", 100);
    assert_sound(fixture);
}

static void older_store_gets_its_index_of_live_keys(void **state)
{
    struct registry_fixture *fixture = *state;
    uint8_t bytes[511];
    size_t size, rows = 0;
    fixture_close(fixture);
    while ((size = raw_key_at(fixture->path, "key_live", 0, bytes)) > 0) {
        raw_delete(fixture->path, "key_live", slice_make(bytes, size));
        rows++;
    }
    assert_true(rows > 0);
    raw_delete(fixture->path, "meta", slice_text("live"));
    assert_sound(fixture);
    size_t made = 0;
    while (raw_key_at(fixture->path, "key_live", made, bytes) > 0)
        made++;
    assert_int_equal(made, rows);
}

static void scope_that_no_change_made_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_close(fixture);
    raw_put(fixture->path, "scope", slice_text("admin"), slice_text("x"));
    assert_found(fixture, "scope", 0);
}

static void count_for_an_account_without_keys_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    uint8_t zero[TABLE_NUMBER_SIZE] = {0};
    fixture_close(fixture);
    raw_put(fixture->path, "key_count", slice_text("nobody"), slice_make(zero, sizeof zero));
    assert_found(fixture, "key_count", 0);
}

// Old records, once valid, are put back: nothing is malformed, yet it must not pass.
static void record_set_back_to_an_older_state_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    struct slice old_key;
    struct slice old_account;
    struct ask *made = fixture_key(fixture, "globex");
    const uint8_t *id = made->command.result.key.id;
    struct image key = {.kind = REGISTRY_KEY, .of.key = made->command.result.key};
    struct image account = {.kind = REGISTRY_ACCOUNT, .of.account = made->command.result.account};
    assert_true(pack_image(&key, fixture->arena, &old_key));
    assert_true(pack_image(&account, fixture->arena, &old_account));
    assert_int_equal(ask_run(fixture, ask_to_revoke(fixture, id, "leaked")), STATUS_OK);
    struct ask *suspend = ask_for_account(fixture, "globex", "");
    suspend->command.ask.put_account.suspended = true;
    assert_int_equal(ask_run(fixture, suspend), STATUS_OK);
    fixture_close(fixture);
    assert_sound(fixture);
    raw_put(fixture->path, "account", slice_text("globex"), old_account);
    assert_found(fixture, "account", 0);
    raw_put(fixture->path, "key", slice_make(id, KEY_ID_SIZE), old_key);
    assert_found(fixture, "key", 0);
}

static void note_names_the_record_and_the_change(void **state)
{
    struct registry_fixture *fixture = *state;
    struct status_failure failure = {.message = ""};
    struct table_key seventh = table_change_key(7);
    fixture_close(fixture);
    raw_flip(fixture->path, "change", table_slice(&seventh), 30);
    assert_int_equal(inspect(fixture, &failure), STATUS_DATA_LOSS);
    assert_non_null(strstr(failure.message, "change 7 "));
    raw_flip(fixture->path, "change", table_slice(&seventh), 30);
    raw_delete(fixture->path, "account", slice_text("globex"));
    assert_int_equal(inspect(fixture, &failure), STATUS_DATA_LOSS);
    assert_non_null(strstr(failure.message, "account globex"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(mixed_changes_leave_a_sound_store),
        TEST(flipped_byte_is_found_in_every_kind_of_row),
        TEST(flipped_byte_is_found_in_meta),
        TEST(lost_and_moved_rows_are_found),
        TEST(older_store_gets_its_index_of_live_keys),
        TEST(scope_that_no_change_made_is_found),
        TEST(count_for_an_account_without_keys_is_found),
        TEST(record_set_back_to_an_older_state_is_found),
        TEST(note_names_the_record_and_the_change),
        TEST(purge_of_young_idempotency_records_is_found),
        TEST(change_of_nothing_is_found),
        TEST(purge_without_a_number_is_found),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
