// Batches, their order and their outcome; the map when it is full.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/store_fixture.h"

#include <pthread.h>
#include <time.h>

enum { MAP_SIZE = 64 * 1024 * 1024, SMALL_MAP_SIZE = 1024 * 1024 };

static int set_up(void **state)
{
    static struct store_fixture fixture;
    fixture_make(&fixture, MAP_SIZE);
    fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

static int set_up_small_map(void **state)
{
    static struct store_fixture fixture;
    fixture_make(&fixture, SMALL_MAP_SIZE);
    fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    return 0;
}

// --- a counter that is read and written in one job

static void count_one(struct store_txn *txn, void *context)
{
    uint64_t *seen = context;
    uint64_t count = 0;
    struct slice value;
    if (store_get(txn, TABLE_FIRST, slice_text("counter"), &value) == STATUS_OK) {
        memcpy(&count, value.data, sizeof count);
    }
    count++;
    store_put(txn, TABLE_FIRST, slice_text("counter"), slice_make(&count, sizeof count));
    if (seen != NULL) {
        *seen = count;
    }
}

static uint64_t counter(struct store *store)
{
    uint64_t count = 0;
    struct slice value;
    struct store_txn *view = NULL;
    assert_int_equal(store_view_open(store, &view), STATUS_OK);
    assert_int_equal(store_view_begin(view), STATUS_OK);
    if (store_get(view, TABLE_FIRST, slice_text("counter"), &value) == STATUS_OK) {
        assert_int_equal(value.size, sizeof count);
        memcpy(&count, value.data, sizeof count);
    }
    store_view_end(view);
    store_view_close(view);
    return count;
}

static void jobs_of_one_batch_see_each_other_in_order(void **state)
{
    enum { JOBS = 100 };
    struct store_fixture *fixture = *state;
    static struct call calls[JOBS];
    uint64_t seen[JOBS] = {0};
    struct gate gate;

    gate_shut(fixture->store, &gate);
    for (size_t i = 0; i < JOBS; i++) {
        call_submit(fixture->store, &calls[i], count_one, &seen[i]);
    }
    gate_open(&gate);
    gate_wait(&gate);
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(call_wait(&calls[i]), STATUS_OK);
        assert_int_equal(seen[i], i + 1);
    }
    assert_int_equal(store_health(fixture->store).commits, 1);
    assert_int_equal(store_health(fixture->store).jobs, JOBS + 1);
}

static void done_comes_in_the_order_of_submission(void **state)
{
    enum { JOBS = 1500 }; // more than one batch holds
    struct store_fixture *fixture = *state;
    static struct call calls[JOBS];
    atomic_uint order = 0;
    struct gate gate;

    gate_shut(fixture->store, &gate);
    for (size_t i = 0; i < JOBS; i++) {
        call_submit(fixture->store, &calls[i], count_one, NULL);
        calls[i].order = &order; // the writer stands at the gate
    }
    gate_open(&gate);
    gate_wait(&gate);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(call_wait(&calls[i]), STATUS_OK);
        assert_int_equal(calls[i].place, i);
    }
    assert_int_equal(store_health(fixture->store).commits, 3);
}

static void urgent_jobs_overtake_those_that_wait_and_leave_them_half(void **state)
{
    enum { JOBS = 600, URGENT = 300, HALF = 256 }; // of a batch
    struct store_fixture *fixture = *state;
    static struct call calls[JOBS], urgent[URGENT];
    atomic_uint order = 0;
    struct gate gate;

    gate_shut(fixture->store, &gate);
    for (size_t i = 0; i < JOBS; i++) {
        call_submit(fixture->store, &calls[i], count_one, NULL);
        calls[i].order = &order;
    }
    for (size_t i = 0; i < URGENT; i++) {
        call_submit_as(fixture->store, &urgent[i], true, count_one, NULL);
        urgent[i].order = &order;
    }
    gate_open(&gate);
    gate_wait(&gate);
    for (unsigned i = 0; i < URGENT; i++) {
        assert_int_equal(call_wait(&urgent[i]), STATUS_OK);
        assert_int_equal(urgent[i].place, i < HALF ? i : i + HALF);
    }
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(call_wait(&calls[i]), STATUS_OK);
        assert_int_equal(calls[i].place, i < HALF ? i + HALF : i + URGENT);
    }
}

static void parties_take_turns_however_much_one_of_them_asks_for(void **state)
{
    enum { FLOOD = 1500, FEW = 10 };
    struct store_fixture *fixture = *state;
    static struct call flood[FLOOD], few[FEW];
    atomic_uint order = 0;
    struct gate gate;

    gate_shut(fixture->store, &gate);
    for (size_t i = 0; i < FLOOD; i++) {
        call_submit_job(fixture->store, &flood[i], (struct store_job){.party = 1}, count_one, NULL);
        flood[i].order = &order;
    }
    for (size_t i = 0; i < FEW; i++) {
        call_submit_job(fixture->store, &few[i], (struct store_job){.party = 2}, count_one, NULL);
        few[i].order = &order;
    }
    gate_open(&gate);
    gate_wait(&gate);
    for (unsigned i = 0; i < FEW; i++) {
        assert_int_equal(call_wait(&few[i]), STATUS_OK);
        assert_in_range(few[i].place, 2 * i, 2 * i + 1);
    }
    for (unsigned i = 0; i < FLOOD; i++) {
        assert_int_equal(call_wait(&flood[i]), STATUS_OK);
        assert_true(i == 0 || flood[i].place > flood[i - 1].place);
    }
}

static void a_commit_outlives_closing_and_opening(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(call_now(fixture->store, count_one, NULL), STATUS_OK);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(counter(fixture->store), 1);
    assert_int_equal(call_now(fixture->store, count_one, NULL), STATUS_OK);
    assert_int_equal(counter(fixture->store), 2);
}

// Opens the gate when closing has probably begun; too early does no harm.
static void *open_gate_later(void *context)
{
    const struct timespec moment = {.tv_nsec = 50000000};
    nanosleep(&moment, NULL);
    gate_open(context);
    return NULL;
}

static void closing_finishes_every_queued_job(void **state)
{
    enum { JOBS = 2000 };
    struct store_fixture *fixture = *state;
    static struct call calls[JOBS];
    struct gate gate;

    gate_shut(fixture->store, &gate);
    for (size_t i = 0; i < JOBS; i++) {
        call_submit(fixture->store, &calls[i], count_one, NULL);
    }
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_gate_later, &gate), 0);
    fixture_close(fixture);
    assert_int_equal(pthread_join(opener, NULL), 0);
    gate_wait(&gate);
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(calls[i].done_count, 1);
        assert_int_equal(call_wait(&calls[i]), STATUS_OK);
    }
    fixture_open(fixture);
    assert_int_equal(counter(fixture->store), JOBS);
}

// --- many producers

enum { PRODUCERS = 16, JOBS_EACH = 200 };

static void *produce(void *context)
{
    struct store *store = context;
    size_t failed = 0;
    for (int i = 0; i < JOBS_EACH; i++) {
        failed += call_now(store, count_one, NULL) == STATUS_OK ? 0 : 1;
    }
    return failed == 0 ? NULL : context;
}

static void every_job_of_sixteen_producers_counts_once(void **state)
{
    struct store_fixture *fixture = *state;
    pthread_t threads[PRODUCERS];
    for (size_t i = 0; i < PRODUCERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, produce, fixture->store), 0);
    }
    for (size_t i = 0; i < PRODUCERS; i++) {
        void *result = fixture;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(counter(fixture->store), PRODUCERS * JOBS_EACH);
    const struct store_health health = store_health(fixture->store);
    assert_int_equal(health.jobs, PRODUCERS * JOBS_EACH);
    assert_true(health.commits <= PRODUCERS * JOBS_EACH);
    assert_int_equal(health.last_commit, STATUS_OK);
}

// --- a job that submits itself again

struct loop {
    struct store_job job;
    struct store *store;
    unsigned left;
    sem_t done;
};

static void loop_run(struct store_job *job, struct store_txn *txn)
{
    (void)job;
    count_one(txn, NULL);
}

static void loop_done(struct store_job *job, enum status status)
{
    struct loop *loop = (struct loop *)job;
    loop->left--;
    if (loop->left > 0 && status == STATUS_OK) {
        store_submit(loop->store, job);
        return;
    }
    sem_post(&loop->done);
}

static void done_may_submit_again(void **state)
{
    struct store_fixture *fixture = *state;
    struct loop loop = {.job = {.run = loop_run, .done = loop_done}, .store = fixture->store, .left = 10};
    sem_init(&loop.done, 0, 0);
    store_submit(fixture->store, &loop.job);
    while (sem_wait(&loop.done) != 0) {
    }
    sem_destroy(&loop.done);
    assert_int_equal(loop.left, 0);
    assert_int_equal(counter(fixture->store), 10);
}

// --- errors in a batch

static void put_without_key(struct store_txn *txn, void *context)
{
    (void)context;
    store_put(txn, TABLE_FIRST, slice_empty(), slice_text("value"));
}

static void put_with_long_key(struct store_txn *txn, void *context)
{
    static const char key[STORE_KEY_MAX + 1];
    (void)context;
    store_put(txn, TABLE_FIRST, slice_make(key, sizeof key), slice_text("value"));
}

static void a_bad_key_fails_the_whole_batch(void **state)
{
    struct store_fixture *fixture = *state;
    struct call before;
    struct call bad;
    struct call later;
    struct gate gate;
    uint64_t seen_later = 0;

    gate_shut(fixture->store, &gate);
    call_submit(fixture->store, &before, count_one, NULL);
    call_submit(fixture->store, &bad, put_without_key, NULL);
    call_submit(fixture->store, &later, count_one, &seen_later);
    gate_open(&gate);
    gate_wait(&gate);
    assert_int_equal(call_wait(&before), STATUS_UNAVAILABLE);
    assert_int_equal(call_wait(&bad), STATUS_UNAVAILABLE);
    assert_int_equal(call_wait(&later), STATUS_UNAVAILABLE);
    assert_int_equal(seen_later, 0);
    assert_int_equal(counter(fixture->store), 0);
    assert_int_equal(store_health(fixture->store).last_commit, STATUS_UNAVAILABLE);

    assert_int_equal(call_now(fixture->store, put_with_long_key, NULL), STATUS_UNAVAILABLE);
    assert_int_equal(call_now(fixture->store, count_one, NULL), STATUS_OK);
    assert_int_equal(counter(fixture->store), 1);
}

static void read_only(struct store_txn *txn, void *context)
{
    struct slice value;
    *(enum status *)context = store_get(txn, TABLE_FIRST, slice_text("absent"), &value);
    store_delete(txn, TABLE_FIRST, slice_text("absent"));
}

static void a_batch_that_writes_nothing_is_no_commit(void **state)
{
    struct store_fixture *fixture = *state;
    enum status seen = STATUS_OK;
    assert_int_equal(call_now(fixture->store, put_without_key, NULL), STATUS_UNAVAILABLE);
    assert_int_equal(call_now(fixture->store, read_only, &seen), STATUS_OK);
    assert_int_equal(seen, STATUS_NOT_FOUND);
    assert_int_equal(store_health(fixture->store).commits, 0);
    assert_int_equal(store_health(fixture->store).last_commit, STATUS_UNAVAILABLE);
}

// --- a full map

static void put_big(struct store_txn *txn, void *context)
{
    static const uint8_t big[8000];
    const unsigned *number = context;
    store_put(txn, TABLE_SECOND, slice_make(number, sizeof *number), slice_make(big, sizeof big));
}

static void delete_big(struct store_txn *txn, void *context)
{
    const unsigned *number = context;
    store_delete(txn, TABLE_SECOND, slice_make(number, sizeof *number));
}

static unsigned fill(struct store *store)
{
    enum status status = STATUS_OK;
    unsigned number = 0;
    while (status == STATUS_OK && number < 10000) {
        number++;
        status = call_now(store, put_big, &number);
    }
    assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
    return number;
}

static void a_full_map_stops_writing_but_not_reading(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(call_now(fixture->store, count_one, NULL), STATUS_OK);
    const unsigned number = fill(fixture->store);
    const unsigned stored = number - 1;
    const struct store_health full = store_health(fixture->store);
    assert_int_equal(full.last_commit, STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(full.map_size_bytes, SMALL_MAP_SIZE);
    assert_true(full.map_used_bytes > SMALL_MAP_SIZE / 100 * 80);
    assert_true(full.map_used_bytes <= SMALL_MAP_SIZE);
    assert_int_equal(call_now(fixture->store, put_big, &(unsigned){number}), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(fixture_log_count(fixture, "cannot write"), 1);
    assert_int_equal(fixture_log_count(fixture, "are in use"), 1);
    assert_int_equal(counter(fixture->store), 1);

    for (unsigned i = 1; i <= stored; i++) {
        assert_int_equal(call_now(fixture->store, delete_big, &(unsigned){i}), STATUS_OK);
    }
    assert_int_equal(call_now(fixture->store, count_one, NULL), STATUS_OK);
    assert_int_equal(counter(fixture->store), 2);
    assert_int_equal(store_health(fixture->store).last_commit, STATUS_OK);
    assert_true(store_health(fixture->store).map_used_bytes < SMALL_MAP_SIZE / 2);
    assert_int_equal(fixture_log_count(fixture, "accepted again"), 1);

    assert_true(fill(fixture->store) >= stored / 2);
    assert_int_equal(fixture_log_count(fixture, "cannot write"), 2);
    assert_int_equal(fixture_log_count(fixture, "are in use"), 2);
}

// Each round is room for a little and then none again: the log says so a few times, not twice a second for ever.
static void a_full_map_has_room_for_urgent_jobs(void **state)
{
    struct store_fixture *fixture = *state;
    struct call call;
    fixture_close(fixture);
    fixture->options.reserve_bytes = SMALL_MAP_SIZE / 8;
    fixture_open(fixture);
    unsigned last = fill(fixture->store), next = last + 1;
    assert_int_equal(store_health(fixture->store).map_size_bytes, SMALL_MAP_SIZE);
    assert_true(store_health(fixture->store).map_used_bytes < SMALL_MAP_SIZE + SMALL_MAP_SIZE / 8);
    assert_int_equal(call_now(fixture->store, put_big, &next), STATUS_RESOURCE_EXHAUSTED);
    call_submit_as(fixture->store, &call, true, put_big, &next);
    assert_int_equal(call_wait(&call), STATUS_OK);
    // Room that urgent jobs have made is for all.
    for (unsigned n = 1; n < last; n++) {
        call_submit_as(fixture->store, &call, true, delete_big, &n);
        assert_int_equal(call_wait(&call), STATUS_OK);
    }
    assert_int_equal(call_now(fixture->store, put_big, &next), STATUS_OK);
}

static void writing_that_comes_and_goes_does_not_fill_the_log(void **state)
{
    struct store_fixture *fixture = *state;
    enum { ROUNDS = 40 };
    unsigned number = fill(fixture->store);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        assert_int_equal(call_now(fixture->store, delete_big, &(unsigned){number - i}), STATUS_OK);
        while (call_now(fixture->store, put_big, &(unsigned){number - i}) == STATUS_OK &&
               call_now(fixture->store, put_big, &(unsigned){number + i}) == STATUS_OK) {
        }
    }
    assert_true(fixture_log_count(fixture, "cannot write") >= 2);
    assert_true(fixture_log_count(fixture, "cannot write") <= 6);
    assert_true(fixture_log_count(fixture, "accepted again") <= 6);
}

static void a_map_more_than_four_fifths_full_is_told_at_open(void **state)
{
    struct store_fixture *fixture = *state;
    fill(fixture->store);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_log_count(fixture, "are in use"), 2);
    assert_true(store_health(fixture->store).map_used_bytes > SMALL_MAP_SIZE / 100 * 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_of_one_batch_see_each_other_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(done_comes_in_the_order_of_submission, set_up, tear_down),
        cmocka_unit_test_setup_teardown(urgent_jobs_overtake_those_that_wait_and_leave_them_half, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parties_take_turns_however_much_one_of_them_asks_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_outlives_closing_and_opening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_finishes_every_queued_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_job_of_sixteen_producers_counts_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(done_may_submit_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_key_fails_the_whole_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_that_writes_nothing_is_no_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_map_stops_writing_but_not_reading, set_up_small_map, tear_down),
        cmocka_unit_test_setup_teardown(a_full_map_has_room_for_urgent_jobs, set_up_small_map, tear_down),
        cmocka_unit_test_setup_teardown(writing_that_comes_and_goes_does_not_fill_the_log, set_up_small_map, tear_down),
        cmocka_unit_test_setup_teardown(a_map_more_than_four_fifths_full_is_told_at_open, set_up_small_map, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
