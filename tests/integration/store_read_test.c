// Views, cursors, and what a store makes on the disk.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/store_fixture.h"

#include <sys/stat.h>

enum { MAP_SIZE = 16 * 1024 * 1024 };

static int set_up(void **state)
{
    static struct store_fixture fixture;
    fixture_make(&fixture, MAP_SIZE);
    fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

static int set_up_unopened(void **state)
{
    static struct store_fixture fixture;
    fixture_make(&fixture, MAP_SIZE);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    return 0;
}

static void put(struct store_fixture *fixture, unsigned table, const char *key, const char *value)
{
    struct pair pair = {table, key, value};
    assert_int_equal(call_now(fixture->store, put_pair, &pair), STATUS_OK);
}

static struct store_txn *open_view(struct store_fixture *fixture)
{
    struct store_txn *view = NULL;
    assert_int_equal(store_view_open(fixture->store, &view), STATUS_OK);
    return view;
}

static void assert_value(struct store_txn *txn, unsigned table, const char *key, const char *expected)
{
    struct slice value;
    assert_int_equal(store_get(txn, table, slice_text(key), &value), STATUS_OK);
    assert_true(slice_equal(value, slice_text(expected)));
}

static void assert_absent(struct store_txn *txn, unsigned table, struct slice key)
{
    struct slice value = slice_text("before");
    assert_int_equal(store_get(txn, table, key, &value), STATUS_NOT_FOUND);
    assert_int_equal(value.size, 0);
}

// --- views

static void a_view_does_not_see_later_commits_until_renewed(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_txn *view = open_view(fixture);
    put(fixture, TABLE_FIRST, "key", "old");
    assert_int_equal(store_view_begin(view), STATUS_OK);
    put(fixture, TABLE_FIRST, "key", "new");
    put(fixture, TABLE_FIRST, "other", "value");
    assert_value(view, TABLE_FIRST, "key", "old");
    assert_absent(view, TABLE_FIRST, slice_text("other"));
    store_view_end(view);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    assert_value(view, TABLE_FIRST, "key", "new");
    assert_value(view, TABLE_FIRST, "other", "value");
    store_view_end(view);
    store_view_close(view);
}

static void a_view_can_be_closed_while_it_is_begun(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_txn *view = open_view(fixture);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    store_view_close(view);
    store_view_close(NULL);
}

static void tables_are_apart(void **state)
{
    struct store_fixture *fixture = *state;
    put(fixture, TABLE_FIRST, "key", "one");
    put(fixture, TABLE_SECOND, "key", "two");
    struct pair pair = {TABLE_FIRST, "key", NULL};
    assert_int_equal(call_now(fixture->store, delete_pair, &pair), STATUS_OK);
    assert_int_equal(call_now(fixture->store, delete_pair, &pair), STATUS_OK);
    struct store_txn *view = open_view(fixture);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    assert_absent(view, TABLE_FIRST, slice_text("key"));
    assert_value(view, TABLE_SECOND, "key", "two");
    store_view_close(view);
}

static uint64_t count_of(struct store_txn *txn, unsigned table)
{
    uint64_t count = 0;
    assert_int_equal(store_count(txn, table, &count), STATUS_OK);
    return count;
}

static void a_table_knows_how_many_records_it_has(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_txn *view = open_view(fixture);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    assert_int_equal(count_of(view, TABLE_FIRST), 0);
    put(fixture, TABLE_FIRST, "key", "one");
    put(fixture, TABLE_FIRST, "key", "two");
    put(fixture, TABLE_FIRST, "other", "value");
    assert_int_equal(count_of(view, TABLE_FIRST), 0); // as it was when it began
    store_view_end(view);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    assert_int_equal(count_of(view, TABLE_FIRST), 2);
    assert_int_equal(count_of(view, TABLE_SECOND), 0);
    store_view_close(view);
}

static void keys_that_cannot_exist_are_not_found(void **state)
{
    static const char key[STORE_KEY_MAX + 1];
    struct store_fixture *fixture = *state;
    struct store_txn *view = open_view(fixture);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    assert_absent(view, TABLE_FIRST, slice_empty());
    assert_absent(view, TABLE_FIRST, slice_make(key, sizeof key));
    store_view_close(view);
}

static void put_longest_key(struct store_txn *txn, void *context)
{
    static const char key[STORE_KEY_MAX];
    (void)context;
    store_put(txn, TABLE_FIRST, slice_make(key, sizeof key), slice_empty());
}

static void the_longest_key_and_the_empty_value_are_kept(void **state)
{
    static const char key[STORE_KEY_MAX];
    struct store_fixture *fixture = *state;
    assert_int_equal(call_now(fixture->store, put_longest_key, NULL), STATUS_OK);
    struct store_txn *view = open_view(fixture);
    struct slice value = slice_text("before");
    assert_int_equal(store_view_begin(view), STATUS_OK);
    assert_int_equal(store_get(view, TABLE_FIRST, slice_make(key, sizeof key), &value), STATUS_OK);
    assert_int_equal(value.size, 0);
    store_view_close(view);
}

static void more_views_than_readers_are_refused(void **state)
{
    enum { VIEWS_MAX = 200 };
    struct store_fixture *fixture = *state;
    struct store_txn *views[VIEWS_MAX] = {NULL};
    size_t count = 0;
    while (count < VIEWS_MAX && store_view_open(fixture->store, &views[count]) == STATUS_OK) {
        count++;
    }
    assert_true(count >= fixture->options.max_readers && count < VIEWS_MAX);
    assert_int_equal(store_view_open(fixture->store, &views[count]), STATUS_RESOURCE_EXHAUSTED);
    assert_null(views[count]);
    store_check_readers(fixture->store); // frees dead ones only
    store_view_close(views[--count]);
    assert_int_equal(store_view_open(fixture->store, &views[count]), STATUS_OK);
    count++;
    while (count > 0) {
        store_view_close(views[--count]);
    }
}

// --- cursors

static void assert_at(enum status status, struct slice key, struct slice value, const char *expected_key,
                      const char *expected_value)
{
    assert_int_equal(status, STATUS_OK);
    assert_true(slice_equal(key, slice_text(expected_key)));
    assert_true(slice_equal(value, slice_text(expected_value)));
}

static void walk(struct store_txn *txn)
{
    static const char beyond[STORE_KEY_MAX + 1] = "b";
    struct slice key;
    struct slice value;
    struct store_cursor *cursor = NULL;
    assert_int_equal(store_cursor_open(txn, TABLE_FIRST, &cursor), STATUS_OK);
    assert_at(store_cursor_seek(cursor, slice_text("b"), &key, &value), key, value, "b", "2");
    assert_at(store_cursor_next(cursor, &key, &value), key, value, "d", "4");
    assert_int_equal(store_cursor_next(cursor, &key, &value), STATUS_NOT_FOUND);
    assert_int_equal(store_cursor_next(cursor, &key, &value), STATUS_NOT_FOUND);
    assert_int_equal(key.size, 0);
    assert_at(store_cursor_seek(cursor, slice_text("c"), &key, &value), key, value, "d", "4");
    assert_at(store_cursor_seek(cursor, slice_make(beyond, sizeof beyond), &key, &value), key, value, "d", "4");
    assert_int_equal(store_cursor_seek(cursor, slice_text("e"), &key, &value), STATUS_NOT_FOUND);
    assert_int_equal(store_cursor_next(cursor, &key, &value), STATUS_NOT_FOUND);
    assert_at(store_cursor_seek(cursor, slice_empty(), &key, &value), key, value, "a", "1");
    store_cursor_close(cursor);
    store_cursor_close(NULL);
}

static void put_walk(struct store_fixture *fixture)
{
    put(fixture, TABLE_FIRST, "d", "4");
    put(fixture, TABLE_FIRST, "a", "1");
    put(fixture, TABLE_FIRST, "b", "2");
    put(fixture, TABLE_SECOND, "c", "3");
}

static void a_cursor_walks_in_key_order(void **state)
{
    struct store_fixture *fixture = *state;
    put_walk(fixture);
    struct store_txn *view = open_view(fixture);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    walk(view);
    store_view_close(view);
}

// cmocka's asserts jump, which a job must not: it reports what it saw.
static void walk_in_job(struct store_txn *txn, void *context)
{
    unsigned *count = context;
    struct slice key;
    struct slice value;
    struct store_cursor *cursor = NULL;
    store_put(txn, TABLE_FIRST, slice_text("c"), slice_text("3"));
    if (store_cursor_open(txn, TABLE_FIRST, &cursor) != STATUS_OK) {
        return;
    }
    enum status status = store_cursor_seek(cursor, slice_empty(), &key, &value);
    while (status == STATUS_OK) {
        (*count)++;
        status = store_cursor_next(cursor, &key, &value);
    }
    store_cursor_close(cursor);
}

static void a_cursor_in_a_job_sees_the_jobs_writes(void **state)
{
    struct store_fixture *fixture = *state;
    unsigned count = 0;
    put_walk(fixture);
    assert_int_equal(call_now(fixture->store, walk_in_job, &count), STATUS_OK);
    assert_int_equal(count, 4);
}

static void put_many(struct store_txn *txn, void *context)
{
    const unsigned *count = context;
    for (unsigned i = 0; i < *count; i++) {
        char key[16];
        snprintf(key, sizeof key, "%08u", i);
        store_put(txn, TABLE_FIRST, slice_text(key), slice_text("a value that fills map pages"));
    }
}

static void a_cursor_visits_every_key_of_many_map_pages_once(void **state)
{
    struct store_fixture *fixture = *state;
    unsigned count = 5000;
    struct slice key;
    struct slice value;
    struct store_cursor *cursor = NULL;
    assert_int_equal(call_now(fixture->store, put_many, &count), STATUS_OK);
    struct store_txn *view = open_view(fixture);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    assert_int_equal(store_cursor_open(view, TABLE_FIRST, &cursor), STATUS_OK);
    enum status status = store_cursor_seek(cursor, slice_empty(), &key, &value);
    for (unsigned i = 0; i < count; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%08u", i);
        assert_at(status, key, value, expected, "a value that fills map pages");
        status = store_cursor_next(cursor, &key, &value);
    }
    assert_int_equal(status, STATUS_NOT_FOUND);
    assert_int_equal(store_cursor_next(cursor, &key, &value), STATUS_NOT_FOUND);
    assert_int_equal(store_cursor_seek(cursor, slice_text("x"), &key, &value), STATUS_NOT_FOUND);
    assert_int_equal(store_cursor_next(cursor, &key, &value), STATUS_NOT_FOUND);
    store_cursor_close(cursor);
    store_view_close(view);
}

static void an_empty_table_has_no_first_key(void **state)
{
    struct store_fixture *fixture = *state;
    struct slice key;
    struct slice value;
    struct store_cursor *cursor = NULL;
    struct store_txn *view = open_view(fixture);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    assert_int_equal(store_cursor_open(view, TABLE_FIRST, &cursor), STATUS_OK);
    assert_int_equal(store_cursor_seek(cursor, slice_empty(), &key, &value), STATUS_NOT_FOUND);
    store_cursor_close(cursor);
    store_view_close(view);
}

// --- files

static mode_t mode_of(const struct store_fixture *fixture, const char *name)
{
    char path[PATH_MAX];
    struct stat facts;
    assert_int_equal(stat(tempdir_join(&fixture->directory, name, path), &facts), 0);
    return facts.st_mode & 07777;
}

static void files_are_private_whatever_the_umask(void **state)
{
    struct store_fixture *fixture = *state;
    const mode_t before = umask(0);
    fixture_open(fixture);
    umask(before);
    assert_int_equal(mode_of(fixture, "store"), 0700);
    assert_int_equal(mode_of(fixture, "store/data.mdb"), 0600);
    assert_int_equal(mode_of(fixture, "store/lock.mdb"), 0600);
}

static void files_that_others_may_read_are_closed_to_them(void **state)
{
    struct store_fixture *fixture = *state;
    char path[PATH_MAX];
    fixture_open(fixture);
    fixture_close(fixture);
    assert_int_equal(chmod(tempdir_join(&fixture->directory, "store/data.mdb", path), 0644), 0);
    assert_int_equal(chmod(tempdir_join(&fixture->directory, "store/lock.mdb", path), 0666), 0);
    fixture_open(fixture);
    assert_int_equal(mode_of(fixture, "store/data.mdb"), 0600);
    assert_int_equal(mode_of(fixture, "store/lock.mdb"), 0600);
}

static void assert_does_not_open(struct store_fixture *fixture, const char *cause)
{
    struct status_failure failure = {0};
    assert_int_equal(store_open(&fixture->options, &fixture->store, &failure), STATUS_UNAVAILABLE);
    assert_null(fixture->store);
    assert_non_null(strstr(failure.message, fixture->options.path));
    assert_non_null(strstr(failure.message, cause));
}

static void a_store_under_a_missing_directory_does_not_open(void **state)
{
    struct store_fixture *fixture = *state;
    char path[PATH_MAX];
    fixture->options.path = tempdir_join(&fixture->directory, "missing/store", path);
    assert_does_not_open(fixture, "No such file or directory");
}

static void a_file_in_the_stores_place_does_not_open(void **state)
{
    struct store_fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_does_not_open(fixture, "Not a directory");
}

static void a_foreign_data_file_does_not_open(void **state)
{
    struct store_fixture *fixture = *state;
    char path[PATH_MAX];
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    FILE *file = fopen(tempdir_join(&fixture->directory, "store/data.mdb", path), "w");
    assert_non_null(file);
    for (int i = 0; i < 16384; i++) {
        assert_int_equal(fputc('x', file), 'x');
    }
    assert_int_equal(fclose(file), 0);
    assert_does_not_open(fixture, "not an LMDB file");
}

static void a_map_too_large_for_the_machine_does_not_open(void **state)
{
    struct store_fixture *fixture = *state;
    struct status_failure failure = {0};
    fixture->options.map_size_bytes = (size_t)1 << 60;
    assert_int_not_equal(store_open(&fixture->options, &fixture->store, &failure), STATUS_OK);
    assert_non_null(strstr(failure.message, "map"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_view_does_not_see_later_commits_until_renewed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_view_can_be_closed_while_it_is_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_are_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_knows_how_many_records_it_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_cannot_exist_are_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_longest_key_and_the_empty_value_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_views_than_readers_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_walks_in_key_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_in_a_job_sees_the_jobs_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_visits_every_key_of_many_map_pages_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_table_has_no_first_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_private_whatever_the_umask, set_up_unopened, tear_down),
        cmocka_unit_test_setup_teardown(files_that_others_may_read_are_closed_to_them, set_up_unopened, tear_down),
        cmocka_unit_test_setup_teardown(a_store_under_a_missing_directory_does_not_open, set_up_unopened, tear_down),
        cmocka_unit_test_setup_teardown(a_file_in_the_stores_place_does_not_open, set_up_unopened, tear_down),
        cmocka_unit_test_setup_teardown(a_foreign_data_file_does_not_open, set_up_unopened, tear_down),
        cmocka_unit_test_setup_teardown(a_map_too_large_for_the_machine_does_not_open, set_up_unopened, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
