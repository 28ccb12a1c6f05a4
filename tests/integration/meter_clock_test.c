// The clock's fence in the store: what is on disk before the daemon's time moves, and how an operator takes it back.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meter/meter.h"
#include "meter/record.h"
#include "support/limit_text.h"
#include "support/tempdir.h"

enum { TABLE_METER, TABLE_CLOCK, TABLE_CUSTOM, TABLES, MANY = 1500 };

static const uint64_t start_ms = UINT64_C(1800000000000);
static const uint64_t hour_ms = 3600 * 1000;

struct machine {
    _Atomic uint64_t boot_ms;
    _Atomic uint64_t wall_ms;
};

struct world {
    struct tempdir directory;
    char path[PATH_MAX];
    struct log log;
    struct machine machine;
    struct store *store;
    struct clock *clock;
    struct meter_cache *meters;
};

static uint64_t boot_ms(void *context)
{
    return ((struct machine *)context)->boot_ms;
}

static uint64_t wall_ms(void *context)
{
    return ((struct machine *)context)->wall_ms;
}

static struct clock_source source_of(struct world *world)
{
    struct clock_source source = {.boot_ms = boot_ms, .wall_ms = wall_ms, .context = &world->machine};
    memset(source.boot_id, 1, sizeof source.boot_id);
    return source;
}

static void open_store(struct world *world)
{
    struct status_failure failure = {.message = ""};
    struct store_options options = {.path = tempdir_join(&world->directory, "meters", world->path),
                                    .tables = meter_tables,
                                    .table_count = meter_table_count,
                                    .map_size_bytes = (size_t)64 << 20,
                                    .max_readers = 8,
                                    .log = &world->log};
    assert_int_equal(meter_table_count, TABLES);
    assert_int_equal(store_open(&options, &world->store, &failure), STATUS_OK);
}

static int make_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->directory = tempdir_make();
    world->log = (struct log){.level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO};
    world->machine = (struct machine){.boot_ms = 5000, .wall_ms = start_ms};
    open_store(world);
    *state = world;
    return 0;
}

static struct clock_mark stored_mark(struct world *world)
{
    struct clock_mark mark;
    assert_int_equal(meter_load_clock(world->store, &mark), STATUS_OK);
    return mark;
}

static void start(struct world *world)
{
    struct clock_mark mark;
    struct status_failure failure = {.message = ""};
    enum status status = meter_load_clock(world->store, &mark);
    assert_true(status == STATUS_OK || status == STATUS_NOT_FOUND);
    world->clock = clock_new(source_of(world), status == STATUS_OK ? &mark : NULL);
    struct meter_options options = {.store = world->store, .clock = world->clock, .log = &world->log, .max_custom = 8};
    assert_int_equal(meter_open(&options, &world->meters, &failure), STATUS_OK);
}

static void stop(struct world *world)
{
    meter_close(world->meters);
    clock_free(world->clock);
    world->meters = NULL;
    world->clock = NULL;
}

static int drop_world(void **state)
{
    struct world *world = *state;
    stop(world);
    store_close(world->store);
    tempdir_remove(&world->directory);
    free(world);
    return 0;
}

// --- writing beside the cache

struct put {
    struct store_job job;
    unsigned table;
    size_t count;
    uint64_t first_ms; // record n is from first_ms + n
    bool counts;       // only how many there are
    sem_t done;
};

static size_t count_table(struct store_txn *txn, unsigned table)
{
    uint64_t count = 0;
    assert_int_equal(store_count(txn, table, &count), STATUS_OK);
    return (size_t)count;
}

static void put_run(struct store_job *job, struct store_txn *txn)
{
    struct put *put = (struct put *)job;
    struct arena *arena = arena_new((size_t)4 << 20);
    for (size_t i = 0; i < put->count && !put->counts; i++) {
        char name[32];
        int size = snprintf(name, sizeof name, "%06zu", i * 7919 % 1000003);
        struct limit_record record = {.algorithm = LIMIT_FIXED_WINDOW, .t_ms = put->first_ms + i, .used = 1};
        struct slice bytes;
        assert_true(meter_record_pack(&record, arena, &bytes));
        store_put(txn, put->table, slice_make(name, (size_t)size), bytes);
    }
    if (put->counts)
        put->count = count_table(txn, put->table);
    arena_free(arena);
}

static void put_done(struct store_job *job, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    sem_post(&((struct put *)job)->done);
}

static size_t run_put(struct world *world, struct put put)
{
    put.job = (struct store_job){.run = put_run, .done = put_done};
    sem_init(&put.done, 0, 0);
    store_submit(world->store, &put.job);
    sem_wait(&put.done);
    sem_destroy(&put.done);
    return put.count;
}

static void put_records(struct world *world, unsigned table, uint64_t first_ms)
{
    (void)run_put(world, (struct put){.table = table, .count = MANY, .first_ms = first_ms});
}

static size_t count_records(struct world *world, unsigned table)
{
    return run_put(world, (struct put){.table = table, .counts = true});
}

// Until the writer has done what was submitted before, and what that submitted again as it ended.
static void drain(struct world *world)
{
    (void)count_records(world, TABLE_CLOCK);
    (void)count_records(world, TABLE_CLOCK);
}

// --- the fence

static void mark_is_on_disk_before_the_first_answer(void **state)
{
    struct world *world = *state;
    start(world);
    assert_true(stored_mark(world).high_ms == start_ms);
    stop(world);
    world->machine.boot_ms += 10 * hour_ms; // same boot: the wall clock is not asked
    start(world);
    assert_true(stored_mark(world).high_ms == start_ms + 10 * hour_ms);
    assert_true(meter_stats(world->meters).clock_jumps == 1); // it should have gone on as well
}

static void wall_clock_set_forward_is_followed_once_that_is_on_disk(void **state)
{
    struct world *world = *state;
    start(world);
    world->machine.wall_ms += hour_ms;
    assert_true(clock_now_ms(world->clock) == start_ms);
    meter_tick(world->meters);
    drain(world);
    assert_true(clock_now_ms(world->clock) == start_ms + hour_ms);
    assert_true(stored_mark(world).high_ms == start_ms + hour_ms);
    assert_true(meter_stats(world->meters).clock_jumps == 1);
    meter_tick(world->meters);
    assert_true(meter_stats(world->meters).clock_jumps == 1);
}

// A call that waits for its charge. Its waker, the writer at the end of the write, sets the wall clock and ticks.
struct late {
    struct limit_waiter waiter; // first: tick_late gets it
    struct world *world;
    sem_t resumed;
};

static void tick_late(struct limit_waiter *waiter, enum status status)
{
    struct late *late = (struct late *)waiter;
    assert_int_equal(status, STATUS_OK);
    late->world->machine.wall_ms += hour_ms;
    meter_tick(late->world->meters);
    sem_post(&late->resumed);
}

static void tick_while_a_write_is_ending_is_not_lost(void **state)
{
    struct world *world = *state;
    struct late late = {.waiter = {.wake = tick_late}, .world = world};
    struct limit_applicable applicable = {.subject = LIMIT_OF_CUSTOM, .subject_id = slice_text("a")};
    struct limit_charge charge = {slice_text("tries"), 1};
    struct limit_call call = {.owner = slice_text("a"),
                              .applicables = &applicable,
                              .applicable_count = 1,
                              .charges = &charge,
                              .charge_count = 1};
    struct limit_answer answer;
    struct status_failure failure = {.message = ""};
    struct meter_load load = {.failure = &failure};
    struct arena *arena = arena_new((size_t)1 << 20);
    assert_int_equal(limit_text_read("tries=8/min", &applicable.limit, NULL), STATUS_OK);
    start(world);
    sem_init(&late.resumed, 0, 0);
    assert_int_equal(meter_decide(world->meters, arena, &call, 1, &late.waiter, &answer, &load), LIMIT_WAIT);
    sem_wait(&late.resumed);
    drain(world);
    assert_true(clock_now_ms(world->clock) == start_ms + hour_ms);
    assert_true(stored_mark(world).high_ms == start_ms + hour_ms);
    sem_destroy(&late.resumed);
    arena_free(arena);
    stop(world);
}

static void wall_clock_that_was_ahead_between_runs_is_followed_at_the_start(void **state)
{
    struct world *world = *state;
    start(world);
    stop(world);
    world->machine.wall_ms += hour_ms;
    start(world);
    drain(world);
    assert_true(clock_now_ms(world->clock) == start_ms + hour_ms);
    assert_true(stored_mark(world).high_ms == start_ms + hour_ms);
    assert_true(meter_stats(world->meters).clock_jumps == 1);
}

static void every_setting_of_the_wall_clock_is_counted_once(void **state)
{
    struct world *world = *state;
    start(world);
    static const int64_t steps_ms[] = {-3600000, -172800000, 3600000, -1001, 1001};
    for (uint32_t i = 0; i < sizeof steps_ms / sizeof steps_ms[0]; i++) {
        world->machine.wall_ms += (uint64_t)steps_ms[i];
        meter_tick(world->meters);
        meter_tick(world->meters);
        assert_int_equal(meter_stats(world->meters).clock_jumps, i + 1);
        assert_true(clock_now_ms(world->clock) == start_ms);
    }
    world->machine.wall_ms += 1000; // slewed, or read a little later
    meter_tick(world->meters);
    assert_int_equal(meter_stats(world->meters).clock_jumps, 5);
    stop(world);
    start(world); // behind the daemon's time
    assert_int_equal(meter_stats(world->meters).clock_jumps, 1);
}

static void idle_daemon_writes_no_mark(void **state)
{
    struct world *world = *state;
    start(world);
    world->machine.boot_ms += 5000;
    world->machine.wall_ms += 5000;
    meter_tick(world->meters);
    drain(world);
    assert_true(stored_mark(world).high_ms == start_ms);
}

// --- taking the time back

static enum status reset_clock(struct world *world, struct meter_clock_reset *reset)
{
    return meter_reset_clock(world->store, source_of(world), reset);
}

static void reset_drops_what_is_from_the_future_and_nothing_else(void **state)
{
    struct world *world = *state;
    struct meter_clock_reset reset;
    start(world);
    world->machine.wall_ms += 1000 * hour_ms;
    meter_tick(world->meters);
    stop(world);
    world->machine.wall_ms = start_ms + 700;
    put_records(world, TABLE_METER, start_ms); // 0 to 700 ms: not from the future
    put_records(world, TABLE_CUSTOM, start_ms + 701);
    assert_int_equal(reset_clock(world, &reset), STATUS_OK);
    assert_true(reset.old_ms == start_ms + 1000 * hour_ms && reset.new_ms == start_ms + 700);
    assert_int_equal(reset.meters, 2 * MANY);
    assert_int_equal(reset.dropped, 2 * MANY - 701);
    assert_int_equal(count_records(world, TABLE_METER), 701);
    assert_int_equal(count_records(world, TABLE_CUSTOM), 0);
    assert_true(stored_mark(world).high_ms == start_ms + 700);
    start(world);
    assert_true(clock_now_ms(world->clock) == start_ms + 700);
    assert_int_equal(meter_stats(world->meters).clock_jumps, 0);
}

static void clock_that_is_not_ahead_is_left_alone(void **state)
{
    struct world *world = *state;
    struct meter_clock_reset reset;
    assert_int_equal(reset_clock(world, &reset), STATUS_NOT_FOUND);
    start(world);
    stop(world);
    put_records(world, TABLE_METER, start_ms + hour_ms);
    assert_int_equal(reset_clock(world, &reset), STATUS_FAILED_PRECONDITION);
    assert_true(reset.old_ms == start_ms && reset.new_ms == start_ms);
    assert_int_equal(count_records(world, TABLE_METER), MANY);
}

int main(void)
{
#define world_test(test) cmocka_unit_test_setup_teardown(test, make_world, drop_world)
    const struct CMUnitTest tests[] = {
        world_test(mark_is_on_disk_before_the_first_answer),
        world_test(wall_clock_set_forward_is_followed_once_that_is_on_disk),
        world_test(tick_while_a_write_is_ending_is_not_lost),
        world_test(wall_clock_that_was_ahead_between_runs_is_followed_at_the_start),
        world_test(every_setting_of_the_wall_clock_is_counted_once),
        world_test(idle_daemon_writes_no_mark),
        world_test(reset_drops_what_is_from_the_future_and_nothing_else),
        world_test(clock_that_is_not_ahead_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
