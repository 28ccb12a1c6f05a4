// The n-th write or sync of the data file fails under LMDB, as it does when the disk breaks or is full. These
// definitions stand before the C library's and forward to them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/store_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAP_SIZE = 16 * 1024 * 1024 };

#define EXPORTED __attribute__((visibility("default")))

// First call that fails (from 1; 0 = none), how many do, and with what. A short write is code 0.
static struct fault {
    atomic_bool meta_only; // count nothing but the writes of LMDB's meta pages: after those it refuses to go on
    atomic_int first;
    atomic_int count;
    atomic_int code;
    atomic_int seen;
} fault;

static void arm(int first, int count, int code)
{
    fault.count = count;
    fault.code = code;
    fault.seen = 0;
    fault.meta_only = false;
    fault.first = first;
}

static void arm_meta_page(void)
{
    arm(0, 1, EIO);
    fault.meta_only = true;
    fault.first = 1;
}

static void disarm(void)
{
    fault.first = 0;
}

static bool fails(bool is_meta)
{
    if (fault.first == 0 || (fault.meta_only && !is_meta)) {
        return false;
    }
    const int number = atomic_fetch_add(&fault.seen, 1) + 1;
    return number >= fault.first && number - fault.first < fault.count;
}

static int fail_sync(void)
{
    errno = fault.code == 0 ? EIO : fault.code;
    return -1;
}

static ssize_t fail_write(void)
{
    if (fault.code == 0) {
        return 1;
    }
    errno = fault.code;
    return -1;
}

static void find_next(const char *name, void *function, size_t size)
{
    void *address = dlsym(RTLD_NEXT, name);
    if (address == NULL) {
        abort();
    }
    memcpy(function, &address, size);
}

EXPORTED ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    ssize_t (*next)(int, const void *, size_t, off_t);
    find_next("pwrite", &next, sizeof next);
    // The first two pages. They are written whole only when the file is made.
    const bool is_meta = offset < 2 * sysconf(_SC_PAGESIZE);
    return fails(is_meta) ? fail_write() : next(fd, data, size, offset);
}

EXPORTED ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t (*next)(int, const struct iovec *, int);
    find_next("writev", &next, sizeof next);
    return fails(false) ? fail_write() : next(fd, parts, count);
}

EXPORTED int fdatasync(int fd)
{
    int (*next)(int);
    find_next("fdatasync", &next, sizeof next);
    return fails(false) ? fail_sync() : next(fd);
}

// --- the writes of one commit, one after the other

static const struct pair before = {TABLE_FIRST, "before", "value"};
static const struct pair during = {TABLE_FIRST, "during", "value"};
static const struct pair later = {TABLE_SECOND, "later", "value"};

static void put_const_pair(struct store_txn *txn, const struct pair *pair)
{
    store_put(txn, pair->table, slice_text(pair->key), slice_text(pair->value));
}

static void put_before(struct store_txn *txn, void *context)
{
    (void)context;
    put_const_pair(txn, &before);
}

static void put_during(struct store_txn *txn, void *context)
{
    (void)context;
    put_const_pair(txn, &during);
}

static void put_later(struct store_txn *txn, void *context)
{
    (void)context;
    put_const_pair(txn, &later);
}

static enum status look_up(struct store_txn *view, const struct pair *pair)
{
    struct slice value;
    assert_int_equal(store_view_begin(view), STATUS_OK);
    const enum status status = store_get(view, pair->table, slice_text(pair->key), &value);
    store_view_end(view);
    return status;
}

// True when the fault was reached.
static bool run_commit(int first, int count, int code)
{
    struct store_fixture fixture;
    struct store_txn *view = NULL;
    fixture_make(&fixture, MAP_SIZE);
    fixture_open(&fixture);
    assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_OK);
    assert_int_equal(store_view_open(fixture.store, &view), STATUS_OK);
    assert_int_equal(look_up(view, &before), STATUS_OK);

    arm(first, count, code);
    struct call call;
    call_submit(fixture.store, &call, put_during, NULL);
    const enum status status = call_wait(&call);
    const bool reached = fault.seen >= first;
    assert_int_equal(call.done_count, 1);
    assert_int_equal(status, reached ? STATUS_UNAVAILABLE : STATUS_OK);
    assert_int_equal(store_health(fixture.store).last_commit, status);
    disarm();

    if (count == 1) { // then it has recovered by itself, and a view goes on as if nothing had been
        assert_int_equal(look_up(view, &before), STATUS_OK);
        assert_int_equal(look_up(view, &during), reached ? STATUS_NOT_FOUND : STATUS_OK);
    }
    assert_int_equal(call_now(fixture.store, put_later, NULL), STATUS_OK);
    assert_int_equal(look_up(view, &before), STATUS_OK);
    assert_int_equal(look_up(view, &later), STATUS_OK);
    store_view_close(view);

    fixture_close(&fixture);
    fixture_open(&fixture);
    assert_int_equal(store_view_open(fixture.store, &view), STATUS_OK);
    assert_int_equal(look_up(view, &before), STATUS_OK);
    assert_int_equal(look_up(view, &later), STATUS_OK);
    store_view_close(view);
    fixture_remove(&fixture);
    return reached;
}

static void fail_each_write(int count)
{
    static const int codes[] = {EIO, ENOSPC, 0};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        int first = 1;
        while (run_commit(first, count, codes[i])) {
            first++;
            assert_true(first < 20);
        }
        assert_true(first > 3); // pages, sync, meta page
    }
}

static void a_write_that_fails_once_costs_one_batch(void **state)
{
    (void)state;
    fail_each_write(1);
}

static void a_disk_that_recovers_is_written_again(void **state)
{
    (void)state;
    fail_each_write(INT_MAX);
}

// --- a fatal error while a snapshot is held

static void a_held_snapshot_is_not_pulled_away(void **state)
{
    struct store_fixture fixture;
    struct store_txn *view = NULL;
    struct slice value;
    (void)state;
    fixture_make(&fixture, MAP_SIZE);
    fixture_open(&fixture);
    assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_OK);
    assert_int_equal(store_view_open(fixture.store, &view), STATUS_OK);
    assert_int_equal(store_view_begin(view), STATUS_OK);

    arm_meta_page();
    assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_UNAVAILABLE);
    disarm();
    assert_int_equal(store_get(view, before.table, slice_text(before.key), &value), STATUS_OK);
    assert_true(slice_equal(value, slice_text(before.value)));
    store_view_end(view);

    assert_int_equal(store_view_begin(view), STATUS_UNAVAILABLE);
    assert_int_equal(call_now(fixture.store, put_later, NULL), STATUS_OK); // opens again first
    assert_int_equal(look_up(view, &later), STATUS_OK);
    store_view_close(view);
    fixture_remove(&fixture);
}

static void a_store_that_was_moved_away_is_not_begun_anew(void **state)
{
    struct store_fixture fixture;
    struct store_txn *view = NULL;
    struct store_txn *other_view = NULL;
    char aside[PATH_MAX];
    (void)state;
    fixture_make(&fixture, MAP_SIZE);
    fixture_open(&fixture);
    assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_OK);
    assert_int_equal(store_view_open(fixture.store, &view), STATUS_OK);
    assert_int_equal(rename(fixture.path, tempdir_join(&fixture.directory, "aside", aside)), 0);

    arm_meta_page();
    assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_UNAVAILABLE);
    disarm();
    assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_UNAVAILABLE);
    assert_int_equal(store_view_begin(view), STATUS_UNAVAILABLE);
    assert_int_equal(store_view_open(fixture.store, &other_view), STATUS_OK);
    assert_int_equal(store_view_begin(other_view), STATUS_UNAVAILABLE);
    store_check_readers(fixture.store);
    assert_int_equal(fixture_log_count(&fixture, "cannot open the store again"), 1);

    assert_int_equal(rename(aside, fixture.path), 0);
    assert_int_equal(call_now(fixture.store, put_later, NULL), STATUS_OK);
    assert_int_equal(look_up(view, &before), STATUS_OK);
    assert_int_equal(look_up(other_view, &later), STATUS_OK);
    store_view_close(view);
    store_view_close(other_view);
    fixture_remove(&fixture);
}

// --- readers that go on throughout

struct reader {
    struct store *store;
    atomic_bool stop;
    atomic_uint wrong;
    atomic_uint read;
};

static void *read_on(void *context)
{
    struct reader *reader = context;
    struct store_txn *view = NULL;
    struct slice value;
    while (!reader->stop) {
        if (view == NULL && store_view_open(reader->store, &view) != STATUS_OK) {
            reader->wrong++;
            break;
        }
        if (store_view_begin(view) != STATUS_OK) {
            continue; // opening again takes a moment
        }
        const bool right = store_get(view, before.table, slice_text(before.key), &value) == STATUS_OK &&
                           slice_equal(value, slice_text(before.value));
        reader->wrong += right ? 0 : 1;
        reader->read++;
        store_view_end(view);
        if (reader->read % 64 == 0) {
            store_view_close(view);
            view = NULL;
        }
        store_check_readers(reader->store);
    }
    store_view_close(view);
    return NULL;
}

static void readers_go_on_while_the_store_opens_again(void **state)
{
    enum { READERS = 3, ROUNDS = 50 };
    struct store_fixture fixture;
    struct reader reader = {.stop = false};
    pthread_t threads[READERS];
    (void)state;
    fixture_make(&fixture, MAP_SIZE);
    fixture_open(&fixture);
    assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_OK);
    reader.store = fixture.store;
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reader), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        arm_meta_page();
        assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_UNAVAILABLE);
        disarm();
        assert_int_equal(call_now(fixture.store, put_before, NULL), STATUS_OK);
    }
    reader.stop = true;
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(reader.wrong, 0);
    assert_true(reader.read > 0);
    fixture_remove(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_that_fails_once_costs_one_batch),
        cmocka_unit_test(a_disk_that_recovers_is_written_again),
        cmocka_unit_test(a_held_snapshot_is_not_pulled_away),
        cmocka_unit_test(a_store_that_was_moved_away_is_not_begun_anew),
        cmocka_unit_test(readers_go_on_while_the_store_opens_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
