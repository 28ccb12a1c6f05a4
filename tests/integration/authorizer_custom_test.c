// Meters of custom subjects: their bound, the sweep, and that more of them than fit in memory are all kept.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "authorizer/authorizer.h"
#include "meter/record.h"
#include "support/limit_text.h"
#include "support/registry_fixture.h"

enum { AMOUNT = 8, WINDOW_MS = 61000, SPARE_MS = 1000, TABLE_CUSTOM = 2, TABLES = 3 };

struct world {
    struct registry_fixture registry;
    char path[PATH_MAX];
    struct log log;
    struct store *store;
    struct meter_cache *meters;
    struct authorizer *authorizer;
    struct meter_options options;
    struct limit limit;
    struct arena *arena;
};

// --- opening

static void open_authorizer(struct world *world)
{
    struct status_failure failure = {.message = ""};
    world->options.store = world->store;
    world->options.clock = world->registry.clock;
    world->options.log = &world->log;
    assert_int_equal(meter_open(&world->options, &world->meters, &failure), STATUS_OK);
    struct authorizer_options options = {
        .registry = world->registry.registry, .meters = world->meters, .clock = world->registry.clock};
    assert_int_equal(authorizer_open(&options, &world->authorizer, &failure), STATUS_OK);
}

static void open_meters(struct world *world)
{
    struct status_failure failure = {.message = ""};
    struct store_options options = {.path = tempdir_join(&world->registry.directory, "meters", world->path),
                                    .tables = meter_tables,
                                    .table_count = meter_table_count,
                                    .map_size_bytes = (size_t)64 << 20,
                                    .max_readers = 8,
                                    .log = &world->log};
    assert_int_equal(meter_table_count, TABLES);
    assert_int_equal(store_open(&options, &world->store, &failure), STATUS_OK);
}

static struct world *open_world(uint64_t max_custom_meters)
{
    struct status_failure failure = {0};
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    fixture_make(&world->registry);
    world->log = (struct log){.level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO};
    world->arena = arena_new((size_t)16 << 20);
    assert_int_equal(limit_text_read("tries=8/min", &world->limit, &failure), STATUS_OK);
    world->options.max_custom = max_custom_meters;
    open_meters(world);
    return world;
}

static void close_world(struct world *world)
{
    authorizer_close(world->authorizer);
    meter_close(world->meters);
    store_close(world->store);
    arena_free(world->arena);
    fixture_remove(&world->registry);
    free(world);
}

static void restart(struct world *world)
{
    authorizer_close(world->authorizer);
    meter_close(world->meters);
    open_authorizer(world);
}

// --- asking

struct asking {
    struct authorizer_batch batch; // first: resume gets it
    struct authorizer_call call;   // all of it
    sem_t resumed;
};

static void resume(struct authorizer_batch *batch, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    sem_post(&((struct asking *)batch)->resumed);
}

// Charges one try of an identifier, or only asks how it stands.
static enum status ask(struct world *world, const char *identifier, bool peek, struct asking *asking)
{
    char name[64] = "login";
    size_t size = strlen(identifier);
    struct limit_charge charge = {slice_text("tries"), 1};
    memcpy(name + 6, identifier, size);
    memset(asking, 0, sizeof *asking);
    arena_reset(world->arena);
    sem_init(&asking->resumed, 0, 0);
    asking->batch =
        (struct authorizer_batch){.calls = &asking->call, .call_count = 1, .arena = world->arena, .resume = resume};
    asking->call = (struct authorizer_call){
        .subject = AUTHORIZER_BY_CUSTOM,
        .custom = {.name = slice_make(name, 6 + size), .limits = &world->limit, .limit_count = 1},
        .question = {.charges = &charge, .charge_count = 1, .peek = peek}};
    while (authorizer_decide(world->authorizer, &asking->batch) == AUTHORIZER_WAITING)
        sem_wait(&asking->resumed);
    sem_destroy(&asking->resumed);
    return asking->batch.status != STATUS_OK ? asking->batch.status : asking->call.status;
}

static void charge(struct world *world, const char *identifier)
{
    struct asking asking;
    assert_int_equal(ask(world, identifier, false, &asking), STATUS_OK);
    assert_int_equal(asking.call.decision.reason, REASON_ALLOWED);
}

static uint64_t remaining(struct world *world, const char *identifier)
{
    struct asking asking;
    assert_int_equal(ask(world, identifier, true, &asking), STATUS_OK);
    return asking.call.decision.meters[0].standing.remaining;
}

static void assert_no_room(struct world *world, const char *identifier)
{
    struct asking asking;
    assert_int_equal(ask(world, identifier, false, &asking), STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(asking.call.failure.field, "custom.identifier");
    assert_non_null(strstr(asking.call.failure.message, "--max-custom-meters"));
}

// --- the writer

struct work {
    struct store_job job; // first: run and done get it
    const struct limit_record *records;
    size_t record_count;
    uint64_t count; // of records in the table, after it
    sem_t done;
    struct arena *arena;
};

static struct slice name_record(size_t n, struct limit_name *out)
{
    char subject[32];
    struct status_failure failure = {0};
    struct limit_applicable applicable = {.subject = LIMIT_OF_CUSTOM};
    assert_int_equal(limit_text_read("tries=8/min", &applicable.limit, &failure), STATUS_OK);
    applicable.subject_id = slice_make(subject, (size_t)snprintf(subject, sizeof subject, "login %zu", n));
    subject[5] = '\0';
    limit_name_of(&applicable, out);
    return slice_make(out->bytes, out->size);
}

static void run_work(struct store_job *job, struct store_txn *txn)
{
    struct work *work = (struct work *)job;
    struct limit_name name;
    struct slice bytes;
    for (size_t i = 0; i < work->record_count; i++) {
        assert_true(meter_record_pack(&work->records[i], work->arena, &bytes));
        store_put(txn, TABLE_CUSTOM, name_record(i, &name), bytes);
    }
    assert_int_equal(store_count(txn, TABLE_CUSTOM, &work->count), STATUS_OK);
}

static void work_done(struct store_job *job, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    sem_post(&((struct work *)job)->done);
}

// Puts records of identifiers "0", "1", … into the store; returns how many it then has. Jobs that were submitted before
// are done by then.
static uint64_t put(struct world *world, const struct limit_record *records, size_t count)
{
    struct work work = {.job = {.run = run_work, .done = work_done}, .records = records, .record_count = count};
    work.arena = arena_new((size_t)4 << 20);
    sem_init(&work.done, 0, 0);
    store_submit(world->store, &work.job);
    sem_wait(&work.done);
    sem_destroy(&work.done);
    arena_free(work.arena);
    return work.count;
}

static uint64_t count_records(struct world *world)
{
    return put(world, NULL, 0);
}

// While the table is nearly full a sweep that was begun earlier goes on, and then comes behind the first count.
static uint64_t sweep(struct world *world)
{
    meter_sweep_custom(world->meters);
    (void)count_records(world);
    return count_records(world);
}

// A ring in which `used` was counted at `t_ms`.
static struct limit_record record_of(uint64_t t_ms, uint64_t used, uint64_t reserved)
{
    struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW, .t_ms = t_ms, .amount = AMOUNT};
    record.index = t_ms / 1000;
    record.counter_count = 61;
    record.counters[record.index % 61] = used;
    record.reserved = reserved;
    return record;
}

// --- tests

static void new_identifier_beyond_the_bound_is_refused_by_name_and_known_ones_go_on(void **state)
{
    (void)state;
    struct world *world = open_world(3);
    open_authorizer(world);
    charge(world, "0");
    charge(world, "1");
    charge(world, "2");
    assert_no_room(world, "3");
    assert_no_room(world, "4");
    charge(world, "1");
    restart(world);
    assert_no_room(world, "3");
    charge(world, "0");
    assert_int_equal(remaining(world, "0"), AMOUNT - 2);
    assert_int_equal(remaining(world, "1"), AMOUNT - 2);
    assert_int_equal(meter_stats(world->meters).custom_meters, 3);
    close_world(world);
}

static void room_comes_back_when_an_identifier_has_recovered(void **state)
{
    (void)state;
    struct world *world = open_world(2);
    open_authorizer(world);
    charge(world, "0");
    fixture_wait(&world->registry, 30000);
    charge(world, "1");
    restart(world); // nothing is in memory now
    assert_int_equal(sweep(world), 2);
    assert_no_room(world, "2");
    fixture_wait(&world->registry, WINDOW_MS - 30000);
    assert_int_equal(sweep(world), 1); // "0" only
    charge(world, "2");
    assert_int_equal(remaining(world, "1"), AMOUNT - 1);
    assert_no_room(world, "0");
    close_world(world);
}

static void identifier_that_has_not_recovered_is_never_forgotten(void **state)
{
    (void)state;
    struct world *world = open_world(1000);
    open_authorizer(world);
    for (int i = 0; i < AMOUNT; i++)
        charge(world, "0");
    restart(world);
    for (uint64_t passed_ms = 0; passed_ms < WINDOW_MS - SPARE_MS; passed_ms += SPARE_MS) {
        assert_int_equal(sweep(world), 1);
        fixture_wait(&world->registry, SPARE_MS);
    }
    assert_int_equal(remaining(world, "0"), 0);
    close_world(world);
}

static void what_a_crash_has_lost_recovers_from_the_restart_on(void **state)
{
    (void)state;
    struct world *world = open_world(1000);
    uint64_t now_ms = clock_now_ms(world->registry.clock);
    struct limit_record records[] = {record_of(now_ms - 5 * WINDOW_MS, AMOUNT, 1),
                                     record_of(now_ms - 5 * WINDOW_MS, AMOUNT, 0)};
    assert_int_equal(put(world, records, 2), 2);
    open_authorizer(world);
    assert_int_equal(sweep(world), 1);
    fixture_wait(&world->registry, WINDOW_MS - SPARE_MS);
    assert_int_equal(sweep(world), 1);
    fixture_wait(&world->registry, SPARE_MS);
    assert_int_equal(sweep(world), 0);
    close_world(world);
}

static void meter_in_memory_keeps_its_record(void **state)
{
    (void)state;
    struct world *world = open_world(1000);
    open_authorizer(world);
    charge(world, "0");
    fixture_wait(&world->registry, WINDOW_MS);
    assert_int_equal(sweep(world), 1);
    restart(world); // writes that it is at rest: then there is no record
    assert_int_equal(count_records(world), 0);
    close_world(world);
}

static void sweep_goes_through_the_whole_table_when_it_is_nearly_full(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    struct world *world = open_world(MANY);
    struct limit_record *records = calloc(MANY, sizeof *records);
    assert_non_null(records);
    uint64_t now_ms = clock_now_ms(world->registry.clock);
    for (size_t i = 0; i < MANY; i++)
        records[i] = record_of(now_ms, i % 10 == 0, 0); // one in ten is in use
    assert_int_equal(put(world, records, MANY), MANY);
    open_authorizer(world);
    assert_no_room(world, "nobody");
    meter_sweep_custom(world->meters); // goes on by itself, for as long as that is so
    for (int runs = 0; runs < 100 && count_records(world) >= MANY - MANY / 8; runs++)
        ;
    assert_in_range(count_records(world), MANY / 2, MANY - MANY / 8 - 1);
    for (int runs = 0; runs < 100 && count_records(world) > MANY / 10; runs++)
        meter_sweep_custom(world->meters);
    assert_int_equal(count_records(world), MANY / 10);
    charge(world, "nobody");
    assert_int_equal(remaining(world, "2990"), AMOUNT - 1);
    free(records);
    close_world(world);
}

// Asks until there is room in memory: what has to be written first is on disk when count_records returns.
static struct asking ask_patiently(struct world *world, int n, bool peek)
{
    struct asking asking;
    char identifier[16];
    (void)snprintf(identifier, sizeof identifier, "%d", n);
    fixture_wait(&world->registry, 1);
    count_records(world);
    for (int tries = 0; ask(world, identifier, peek, &asking) == STATUS_RESOURCE_EXHAUSTED; tries++) {
        assert_int_equal(tries, 0);
        assert_string_equal(asking.call.failure.field, "");
        count_records(world);
    }
    assert_int_equal(asking.call.status, STATUS_OK);
    return asking;
}

static void more_meters_than_fit_in_memory_are_all_kept(void **state)
{
    (void)state;
    enum { MANY = 600, RESIDENT = 64 };
    struct world *world = open_world(1000);
    struct status_failure failure = {0};
    world->options.max_resident = RESIDENT;
    assert_int_equal(limit_text_read("tries=8/hour:token_bucket", &world->limit, &failure), STATUS_OK);
    open_authorizer(world);
    for (int i = 0; i < 2 * MANY; i++) {
        assert_int_equal(ask_patiently(world, i % MANY, false).call.decision.reason, REASON_ALLOWED);
        assert_in_range(meter_stats(world->meters).limits.meters, 1, 2 * RESIDENT);
    }
    assert_int_equal(count_records(world), MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(ask_patiently(world, i, true).call.decision.meters[0].standing.remaining, AMOUNT - 2);
    close_world(world);
}

static void no_custom_subjects_when_the_bound_is_zero(void **state)
{
    (void)state;
    struct world *world = open_world(0);
    struct asking asking;
    struct limit_record record = record_of(clock_now_ms(world->registry.clock), 1, 0);
    assert_int_equal(put(world, &record, 1), 1);
    open_authorizer(world);
    assert_int_equal(ask(world, "0", false, &asking), STATUS_FAILED_PRECONDITION);
    assert_string_equal(asking.call.failure.field, "custom");
    assert_int_equal(sweep(world), 1);
    close_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_identifier_beyond_the_bound_is_refused_by_name_and_known_ones_go_on),
        cmocka_unit_test(room_comes_back_when_an_identifier_has_recovered),
        cmocka_unit_test(identifier_that_has_not_recovered_is_never_forgotten),
        cmocka_unit_test(what_a_crash_has_lost_recovers_from_the_restart_on),
        cmocka_unit_test(meter_in_memory_keeps_its_record),
        cmocka_unit_test(sweep_goes_through_the_whole_table_when_it_is_nearly_full),
        cmocka_unit_test(more_meters_than_fit_in_memory_are_all_kept),
        cmocka_unit_test(no_custom_subjects_when_the_bound_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
