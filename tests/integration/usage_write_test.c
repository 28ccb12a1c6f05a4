// What reaches the disk and when, what a crash loses, what leaves memory and disk, and many threads at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/usage_fixture.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READERS_MAX = 16 }; // more than the fixture's store has

static int set_up_closed(void **state)
{
    static struct usage_fixture fixture;
    usage_fixture_make(&fixture);
    *state = &fixture;
    return 0;
}

static int set_up(void **state)
{
    set_up_closed(state);
    usage_fixture_open(*state);
    return 0;
}

static int tear_down(void **state)
{
    usage_fixture_remove(*state);
    return 0;
}

static const struct usage_test_key ours = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};

static size_t records_in(struct store_txn *view, unsigned table)
{
    struct store_cursor *cursor;
    struct slice key;
    struct slice value;
    size_t count = 0;
    assert_int_equal(store_cursor_open(view, USAGE_TEST_BASE + table, &cursor), STATUS_OK);
    for (enum status status = store_cursor_seek(cursor, slice_make("", 1), &key, &value); status == STATUS_OK;
         status = store_cursor_next(cursor, &key, &value))
        count++;
    store_cursor_close(cursor);
    return count;
}

static size_t records(struct usage_fixture *fixture, unsigned table)
{
    return records_in(usage_fixture_look(fixture), table);
}

// --- writing

static void a_bad_option_is_named(void **state)
{
    struct usage_fixture *fixture = *state;
    struct status_failure failure;
    struct usage *usage;
    struct usage_options options = fixture->options;
    options.retention_days = 0;
    assert_int_equal(usage_open(&options, &usage, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.field, "retention_days");
    options.retention_days = 90;
    options.max_entries = 0;
    assert_int_equal(usage_open(&options, &usage, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.field, "max_entries");
    options.max_entries = 1;
    usage_close(NULL);
}

static void nothing_is_written_before_a_tick_nor_without_a_change(void **state)
{
    struct usage_fixture *fixture = *state;
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    assert_int_equal(usage_stats(fixture->usage).waiting, 2);
    assert_int_equal(records(fixture, 0), 0);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).waiting, 0);
    assert_int_equal(usage_stats(fixture->usage).written, 2);
    assert_int_equal(records(fixture, 0), 2);
    assert_int_equal(records(fixture, 1), 1);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).written, 2);
}

static void a_round_larger_than_a_job_is_written_whole(void **state)
{
    struct usage_fixture *fixture = *state;
    for (uint32_t i = 0; i < 1000; i++) {
        struct usage_test_key key = usage_test_key(i);
        usage_fixture_note(fixture, &key, "acme", REASON_ALLOWED);
    }
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).waiting, 0);
    assert_int_equal(records(fixture, 0), 1001);
    assert_int_equal(records(fixture, 1), 1000);
}

// The child dies without closing anything; the parent looks at what it left.
static void a_crash_loses_only_what_came_after_the_last_tick(void **state)
{
    struct usage_fixture *fixture = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        usage_fixture_open(fixture);
        for (unsigned i = 0; i < 10; i++)
            usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
        usage_fixture_tick(fixture);
        usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    usage_fixture_open(fixture);
    struct usage_query query = usage_test_of_account("acme");
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 10);
}

static void what_is_on_disk_and_what_is_new_add_up_at_any_moment(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_query query = usage_test_of_account("acme");
    uint64_t expected = 0;
    for (unsigned round = 0; round < 40; round++) {
        usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
        expected++;
        if (round % 3 == 0)
            usage_fixture_tick(fixture);
        if (round % 5 == 0) // long enough to leave memory
            usage_fixture_wait(fixture, 130 * 1000);
        if (round % 11 == 0) {
            usage_fixture_close(fixture);
            usage_fixture_open(fixture);
        }
        assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), expected);
        assert_int_equal(usage_stats(fixture->usage).overflow, 0);
    }
}

static void touched_while_being_written_is_written_again(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_query query = usage_test_of_account("acme");
    struct gate gate;
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    // Behind our job in the same batch: it holds the commit, when ours has run.
    struct gate before;
    gate_shut(fixture->store.store, &before);
    usage_tick(fixture->usage);
    sem_init(&gate.entered, 0, 0);
    sem_init(&gate.open, 0, 0);
    call_submit(fixture->store.store, &gate.call, gate_work, &gate);
    gate_open(&before);
    gate_wait(&before);
    sem_wait(&gate.entered);
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 2);
    gate_open(&gate);
    gate_wait(&gate);
    assert_int_equal(usage_stats(fixture->usage).waiting, 2);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).waiting, 0);
    usage_fixture_close(fixture);
    usage_fixture_open(fixture);
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 2);
}

// What stands in the store is no record.
static void damage(struct store_txn *txn, void *context)
{
    const char *account = context;
    uint32_t hour = (uint32_t)(USAGE_TEST_START / USAGE_TEST_HOUR);
    uint8_t key[32] = {(uint8_t)(hour >> 24), (uint8_t)(hour >> 16), (uint8_t)(hour >> 8), (uint8_t)hour,
                       USAGE_OF_ACCOUNT};
    memcpy(key + 5, account, strlen(account));
    store_put(txn, USAGE_TEST_BASE, slice_make(key, 5 + strlen(account)), slice_text("?"));
    store_put(txn, USAGE_TEST_BASE + 1, slice_make(ours.id, sizeof ours.id), slice_text("?"));
}

static void damaged_records_are_logged_and_begin_anew(void **state)
{
    static char account[] = "acme";
    struct usage_fixture *fixture = *state;
    struct usage_query query = usage_test_of_account(account);
    struct usage_last last;
    assert_int_equal(call_now(fixture->store.store, damage, account), STATUS_OK);
    assert_int_equal(usage_fixture_read(fixture, &query).bucket_count, 0);
    assert_int_equal(usage_last_used(fixture->usage, fixture->view, ours.id, &last), STATUS_DATA_LOSS);
    assert_int_equal(usage_stats(fixture->usage).damaged, 2);
    assert_int_equal(fixture_log_count(&fixture->store, "is damaged or of another version"), 1);
    usage_fixture_note(fixture, &ours, account, REASON_ALLOWED);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).waiting, 0);
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 1);
    assert_int_equal(usage_last_used(fixture->usage, fixture->view, ours.id, &last), STATUS_OK);
}

// --- leaving memory

static void entries_at_rest_leave_memory_and_come_back(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_query query = usage_test_of_key(&ours);
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    usage_fixture_tick(fixture);
    usage_fixture_wait(fixture, 119 * 1000);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).entries, 2);
    usage_fixture_wait(fixture, 1000);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).entries, 0);
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 2);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 2);
}

static void what_the_disk_does_not_have_stays_in_memory(void **state)
{
    struct usage_fixture *fixture = *state;
    struct gate gate;
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    gate_shut(fixture->store.store, &gate);
    for (unsigned i = 0; i < 10; i++) {
        usage_fixture_wait(fixture, 130 * 1000);
        usage_tick(fixture->usage);
    }
    assert_int_equal(usage_stats(fixture->usage).entries, 2);
    gate_open(&gate);
    gate_wait(&gate);
}

static void note_account(struct usage_fixture *fixture, unsigned number)
{
    char account[16];
    snprintf(account, sizeof account, "a%u", number);
    usage_fixture_note(fixture, NULL, account, REASON_ALLOWED);
}

static uint64_t total_of(struct usage_fixture *fixture, unsigned number)
{
    char account[16];
    snprintf(account, sizeof account, "a%u", number);
    struct usage_query query = usage_test_of_account(account);
    return usage_fixture_total(fixture, &query, REASON_ALLOWED);
}

static void a_full_table_makes_room_with_what_has_rested_longest(void **state)
{
    struct usage_fixture *fixture = *state;
    fixture->options.max_entries = 8;
    usage_fixture_open(fixture);
    for (unsigned i = 0; i < 8; i++) {
        note_account(fixture, i);
        usage_fixture_tick(fixture);
        usage_fixture_wait(fixture, 1000);
    }
    note_account(fixture, 0); // not at rest any more
    usage_fixture_tick(fixture);
    usage_fixture_wait(fixture, 1000);
    for (unsigned i = 8; i < 15; i++)
        note_account(fixture, i);
    struct usage_stats stats = usage_stats(fixture->usage);
    assert_int_equal(stats.entries, 8);
    assert_int_equal(stats.waiting, 7);
    assert_int_equal(stats.overflow, 0);
    uint64_t written = stats.written;
    note_account(fixture, 0);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).overflow, 0); // it was there
    assert_int_equal(usage_stats(fixture->usage).written, written + 8);
    for (unsigned i = 0; i < 15; i++)
        assert_int_equal(total_of(fixture, i), i == 0 ? 3 : 1);
}

static void counts_without_room_are_visible(void **state)
{
    struct usage_fixture *fixture = *state;
    fixture->options.max_entries = 8;
    usage_fixture_open(fixture);
    for (unsigned i = 0; i < 12; i++)
        note_account(fixture, i);
    struct usage_stats stats = usage_stats(fixture->usage);
    assert_int_equal(stats.entries, 8);
    assert_int_equal(stats.overflow, 4);
    assert_int_equal(stats.noted, 12);
    usage_fixture_tick(fixture);
    assert_int_equal(fixture_log_count(&fixture->store, "4 counts found no room"), 1);
    // Just written: a reader's view may be from before.
    note_account(fixture, 12);
    assert_int_equal(usage_stats(fixture->usage).overflow, 5);
    usage_fixture_tick(fixture);
    assert_int_equal(fixture_log_count(&fixture->store, "found no room"), 1);
    usage_fixture_wait(fixture, 1000);
    note_account(fixture, 12);
    assert_int_equal(usage_stats(fixture->usage).overflow, 5);
    assert_int_equal(total_of(fixture, 12), 1);
}

// --- leaving the disk

static void hours_older_than_is_kept_are_removed_in_small_steps(void **state)
{
    struct usage_fixture *fixture = *state;
    fixture->options.retention_days = 2;
    usage_fixture_open(fixture);
    for (uint32_t i = 0; i < 1200; i++) {
        struct usage_test_key key = usage_test_key(i);
        usage_fixture_note(fixture, &key, "acme", REASON_ALLOWED);
    }
    usage_fixture_tick(fixture);
    usage_fixture_wait(fixture, 2 * USAGE_TEST_DAY);
    usage_fixture_note(fixture, &ours, "acme", REASON_RATE_LIMITED);
    usage_fixture_tick(fixture);
    assert_int_equal(records(fixture, 0), 1203); // exactly two days old is kept
    usage_fixture_wait(fixture, USAGE_TEST_HOUR);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).removed, 512);
    usage_fixture_tick(fixture);
    usage_fixture_tick(fixture);
    usage_fixture_tick(fixture);
    assert_int_equal(usage_stats(fixture->usage).removed, 1201);
    assert_int_equal(records(fixture, 0), 2);
    assert_int_equal(records(fixture, 1), 1201); // the last use stays
    struct usage_query query = usage_test_of_account("acme");
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), 0);
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_RATE_LIMITED), 1);
}

// --- many threads

enum { THREADS = 4, NOTES = 20000, THREAD_KEYS = 50 };

static void *note_many(void *context)
{
    struct usage_fixture *fixture = context;
    for (uint32_t i = 0; i < NOTES; i++) {
        struct usage_test_key key = usage_test_key(i % THREAD_KEYS);
        usage_fixture_note(fixture, &key, "acme", i % 4 == 0 ? REASON_RATE_LIMITED : REASON_ALLOWED);
    }
    return NULL;
}

static uint64_t calls_of_the_busiest(struct usage_fixture *fixture)
{
    struct usage_rank *ranks;
    size_t count = 0;
    struct usage_busy busy = {usage_fixture_look(fixture), USAGE_OF_ACCOUNT, clock_now_ms(fixture->clock), 5};
    assert_int_equal(usage_busiest(fixture->usage, &busy, fixture->arena, &ranks, &count), STATUS_OK);
    return count > 0 ? ranks[0].calls : 0;
}

static void no_count_is_lost_between_threads_and_the_writer(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_query query = usage_test_of_account("acme");
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, note_many, fixture), 0);
    uint64_t before = 0, busiest = 0;
    for (unsigned i = 0; i < 200; i++) {
        usage_tick(fixture->usage);
        arena_reset(fixture->arena);
        uint64_t now = usage_fixture_total(fixture, &query, REASON_ALLOWED);
        assert_true(now >= before);
        before = now;
        now = calls_of_the_busiest(fixture);
        assert_true(now >= busiest && now <= usage_stats(fixture->usage).noted);
        busiest = now;
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    usage_fixture_close(fixture);
    usage_fixture_open(fixture);
    assert_int_equal(usage_fixture_total(fixture, &query, REASON_ALLOWED), THREADS * NOTES / 4 * 3);
    uint64_t of_keys = 0;
    for (uint32_t i = 0; i < THREAD_KEYS; i++) {
        struct usage_test_key key = usage_test_key(i);
        struct usage_query of_key = usage_test_of_key(&key);
        of_keys += usage_fixture_total(fixture, &of_key, REASON_ALLOWED);
        of_keys += usage_fixture_total(fixture, &of_key, REASON_RATE_LIMITED);
    }
    assert_int_equal(of_keys, THREADS * NOTES);
}

// --- views

static void views_that_have_ended_serve_the_next_readers(void **state)
{
    struct usage_fixture *fixture = *state;
    struct usage_view views[READERS_MAX];
    size_t count = 0;
    while (count < READERS_MAX && usage_view_begin(fixture->usage, &views[count]) == STATUS_OK)
        count++;
    assert_in_range(count, 2, READERS_MAX - 1); // as many as the store has readers for
    assert_null(views[count].usage);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(records_in(views[i].txn, 0), 0);
        usage_view_end(&views[i]);
        assert_null(views[i].usage);
    }
    usage_fixture_note(fixture, &ours, "acme", REASON_ALLOWED);
    usage_fixture_tick(fixture);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(usage_view_begin(fixture->usage, &views[i]), STATUS_OK);
        assert_int_equal(records_in(views[i].txn, 0), 2); // of the key and of the account
    }
    for (size_t i = 0; i < count; i++)
        usage_view_end(&views[i]);
}

static void where_no_usage_is_kept_there_is_no_view(void **state)
{
    (void)state;
    struct usage_view view;
    assert_int_equal(usage_view_begin(NULL, &view), STATUS_OK);
    assert_null(view.usage);
    usage_view_end(&view);
}

#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define IN_CLOSED(test)  cmocka_unit_test_setup_teardown(test, set_up_closed, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FIXTURE(a_bad_option_is_named),
        IN_FIXTURE(nothing_is_written_before_a_tick_nor_without_a_change),
        IN_FIXTURE(a_round_larger_than_a_job_is_written_whole),
        IN_CLOSED(a_crash_loses_only_what_came_after_the_last_tick),
        IN_FIXTURE(what_is_on_disk_and_what_is_new_add_up_at_any_moment),
        IN_FIXTURE(touched_while_being_written_is_written_again),
        IN_FIXTURE(damaged_records_are_logged_and_begin_anew),
        IN_FIXTURE(entries_at_rest_leave_memory_and_come_back),
        IN_FIXTURE(what_the_disk_does_not_have_stays_in_memory),
        IN_CLOSED(a_full_table_makes_room_with_what_has_rested_longest),
        IN_CLOSED(counts_without_room_are_visible),
        IN_CLOSED(hours_older_than_is_kept_are_removed_in_small_steps),
        IN_FIXTURE(no_count_is_lost_between_threads_and_the_writer),
        IN_FIXTURE(views_that_have_ended_serve_the_next_readers),
        IN_FIXTURE(where_no_usage_is_kept_there_is_no_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
