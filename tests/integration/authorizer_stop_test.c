// What becomes of calls and of a clean stop when the store does not come to the meters' write: because it does not
// begin, or because somebody else's job breaks the transaction they share.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "authorizer/authorizer.h"
#include "meter/internal.h"
#include "support/limit_text.h"
#include "support/registry_fixture.h"

enum { ROUNDS_MAX = 2000000, PATIENCE_S = 120 };

// Breaks every transaction before the jobs behind it are run. It and they come again in the same order.
struct breaker {
    struct store_job job; // first: run and done get it
    struct store *store;
    struct meter_cache *stopping; // NULL, or breaks nothing before that is being closed
    atomic_int rounds_left;
    sem_t done;
};

// Holds the writer until everything stands in its place behind it.
struct gate {
    struct store_job job; // first: run gets it
    sem_t reached;
    sem_t opened;
};

struct world {
    struct registry_fixture registry;
    char path[PATH_MAX];
    struct log log;
    struct store *store;
    struct meter_cache *meters;
    struct authorizer *authorizer;
    struct limit limit;
    struct arena *arena;
    struct gate gate;
    struct breaker breaker;
};

// --- opening

static void start(struct world *world)
{
    struct status_failure failure = {.message = ""};
    struct meter_options meters = {
        .store = world->store, .clock = world->registry.clock, .log = &world->log, .max_custom = 100};
    assert_int_equal(meter_open(&meters, &world->meters, &failure), STATUS_OK);
    struct authorizer_options options = {
        .registry = world->registry.registry, .meters = world->meters, .clock = world->registry.clock};
    assert_int_equal(authorizer_open(&options, &world->authorizer, &failure), STATUS_OK);
}

static void stop(struct world *world)
{
    authorizer_close(world->authorizer);
    meter_close(world->meters);
    world->authorizer = NULL;
    world->meters = NULL;
}

static int make_world(void **state)
{
    struct status_failure failure = {.message = ""};
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    fixture_make(&world->registry);
    world->log = (struct log){.level = LOG_LEVEL_ERROR, .fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};
    world->arena = arena_new((size_t)1 << 20);
    assert_int_equal(limit_text_read("tries=80/h", &world->limit, &failure), STATUS_OK);
    struct store_options options = {.path = tempdir_join(&world->registry.directory, "meters", world->path),
                                    .tables = meter_tables,
                                    .table_count = meter_table_count,
                                    .map_size_bytes = (size_t)64 << 20,
                                    .max_readers = 8,
                                    .log = &world->log};
    assert_int_equal(store_open(&options, &world->store, &failure), STATUS_OK);
    start(world);
    *state = world;
    return 0;
}

static int drop_world(void **state)
{
    struct world *world = *state;
    stop(world);
    store_close(world->store);
    arena_free(world->arena);
    close(world->log.fd);
    fixture_remove(&world->registry);
    free(world);
    return 0;
}

// --- the breaker

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static void gate_run(struct store_job *job, struct store_txn *txn)
{
    struct gate *gate = (struct gate *)job;
    (void)txn;
    sem_post(&gate->reached);
    wait_for(&gate->opened);
}

static void gate_done(struct store_job *job, enum status status)
{
    (void)job;
    assert_int_equal(status, STATUS_OK);
}

static void break_run(struct store_job *job, struct store_txn *txn)
{
    static const uint8_t too_long[600] = {1};
    struct breaker *breaker = (struct breaker *)job;
    while (breaker->stopping != NULL && !atomic_load(&breaker->stopping->write_behind.stopping))
        sched_yield();
    breaker->stopping = NULL; // it may be gone the next time
    store_put(txn, 0, slice_make(too_long, sizeof too_long), slice_text("x"));
}

static void break_done(struct store_job *job, enum status status)
{
    struct breaker *breaker = (struct breaker *)job;
    assert_int_not_equal(status, STATUS_OK);
    if (atomic_fetch_sub(&breaker->rounds_left, 1) > 1)
        store_submit(breaker->store, job);
    else
        sem_post(&breaker->done);
}

// For `rounds` transactions, from release_writer on.
static void break_store(struct world *world, int rounds, struct meter_cache *stopping)
{
    struct breaker *breaker = &world->breaker;
    world->gate = (struct gate){.job = {.run = gate_run, .done = gate_done}};
    *breaker =
        (struct breaker){.job = {.run = break_run, .done = break_done}, .store = world->store, .stopping = stopping};
    atomic_store(&breaker->rounds_left, rounds);
    sem_init(&world->gate.reached, 0, 0);
    sem_init(&world->gate.opened, 0, 0);
    sem_init(&breaker->done, 0, 0);
    store_submit(world->store, &world->gate.job);
    wait_for(&world->gate.reached);
    store_submit(world->store, &breaker->job);
}

static void release_writer(struct world *world)
{
    sem_post(&world->gate.opened);
}

// Returns how many rounds were left.
static int mend_store(struct world *world)
{
    int left = atomic_exchange(&world->breaker.rounds_left, 1);
    if (left < 1)
        atomic_store(&world->breaker.rounds_left, left);
    wait_for(&world->breaker.done);
    sem_destroy(&world->breaker.done);
    sem_destroy(&world->gate.opened);
    sem_destroy(&world->gate.reached);
    return left;
}

// --- asking

struct asking {
    struct authorizer_batch batch; // first: resume gets it
    struct authorizer_call call;   // all of it
    struct limit_charge charge;
    sem_t resumed;
    enum status status;
};

static void resume(struct authorizer_batch *batch, enum status status)
{
    ((struct asking *)batch)->status = status;
    sem_post(&((struct asking *)batch)->resumed);
}

static void prepare(struct world *world, struct asking *asking, bool peek)
{
    memset(asking, 0, sizeof *asking);
    sem_init(&asking->resumed, 0, 0);
    asking->charge = (struct limit_charge){slice_text("tries"), 1};
    asking->batch =
        (struct authorizer_batch){.calls = &asking->call, .call_count = 1, .arena = world->arena, .resume = resume};
    asking->call = (struct authorizer_call){
        .subject = AUTHORIZER_BY_CUSTOM,
        .custom = {.name = slice_text("login somebody"), .limits = &world->limit, .limit_count = 1},
        .question = {.charges = &asking->charge, .charge_count = 1, .peek = peek}};
}

static void charge(struct world *world)
{
    struct asking asking;
    prepare(world, &asking, false);
    while (authorizer_decide(world->authorizer, &asking.batch) == AUTHORIZER_WAITING)
        wait_for(&asking.resumed);
    assert_int_equal(asking.batch.status, STATUS_OK);
    assert_int_equal(asking.call.status, STATUS_OK);
    assert_int_equal(asking.call.decision.reason, REASON_ALLOWED);
}

static uint64_t remaining(struct world *world)
{
    struct asking asking;
    prepare(world, &asking, true);
    assert_int_equal(authorizer_decide(world->authorizer, &asking.batch), AUTHORIZER_DONE);
    assert_int_equal(asking.batch.status, STATUS_OK);
    assert_int_equal(asking.call.status, STATUS_OK);
    return asking.call.decision.meters[0].standing.remaining;
}

// --- tests

static void call_is_told_when_the_store_does_not_come_to_its_charge(void **state)
{
    struct world *world = *state;
    struct asking asking;
    break_store(world, ROUNDS_MAX, NULL);
    prepare(world, &asking, false);
    assert_int_equal(authorizer_decide(world->authorizer, &asking.batch), AUTHORIZER_WAITING);
    release_writer(world);
    wait_for(&asking.resumed);
    assert_int_equal(asking.status, STATUS_UNAVAILABLE);
    assert_true(mend_store(world) > 1);
    charge(world);
    assert_int_equal(remaining(world), 79);
}

static void clean_stop_does_not_wait_for_a_store_that_does_not_begin(void **state)
{
    struct world *world = *state;
    charge(world);
    break_store(world, ROUNDS_MAX, world->meters);
    meter_tick(world->meters); // its write is behind the breaker
    release_writer(world);
    stop(world);
    assert_true(mend_store(world) > 1);
    start(world);
    assert_int_equal(remaining(world), 70); // as after a crash
}

static void clean_stop_is_tried_again_when_another_job_breaks_the_transaction(void **state)
{
    struct world *world = *state;
    charge(world);
    break_store(world, 4, world->meters);
    meter_tick(world->meters);
    release_writer(world);
    stop(world);
    mend_store(world);
    start(world);
    assert_int_equal(remaining(world), 79);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(call_is_told_when_the_store_does_not_come_to_its_charge, make_world,
                                        drop_world),
        cmocka_unit_test_setup_teardown(clean_stop_does_not_wait_for_a_store_that_does_not_begin, make_world,
                                        drop_world),
        cmocka_unit_test_setup_teardown(clean_stop_is_tried_again_when_another_job_breaks_the_transaction, make_world,
                                        drop_world),
    };
    alarm(PATIENCE_S); // a test that waits for ever fails
    return cmocka_run_group_tests(tests, NULL, NULL);
}
