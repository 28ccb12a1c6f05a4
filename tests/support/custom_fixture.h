// Meters of custom subjects on a store in a temporary directory, with a clock that the test moves.
//
// Threads: the fixture belongs to the test's thread; a gate holds the store's writer meanwhile.
#ifndef SUPPORT_CUSTOM_FIXTURE_H
#define SUPPORT_CUSTOM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meter/internal.h"
#include "meter/record.h"
#include "support/limit_text.h"
#include "support/tempdir.h"

enum { ANN = 11, BOB = 22, CY = 33 }; // callers

#define CUSTOM_START_MS UINT64_C(1800000000000)

struct custom_fixture {
    struct tempdir directory;
    char path[PATH_MAX];
    struct log log;
    _Atomic uint64_t now_ms;
    struct store *store;
    struct clock *clock;
    struct meter_options options;
    struct meter_cache *meters;
    struct limit limit; // of the next question
    struct arena *arena;
};

// --- opening and closing

static inline uint64_t custom_read_ms(void *context)
{
    return atomic_load(&((struct custom_fixture *)context)->now_ms);
}

static inline void custom_open(struct custom_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    fixture->options.store = fixture->store;
    fixture->options.clock = fixture->clock;
    fixture->options.log = &fixture->log;
    assert_int_equal(meter_open(&fixture->options, &fixture->meters, &failure), STATUS_OK);
}

static inline struct custom_fixture *custom_make(uint64_t max_custom, const char *limit)
{
    struct custom_fixture *fixture = calloc(1, sizeof *fixture);
    struct status_failure failure = {.message = ""};
    assert_non_null(fixture);
    fixture->directory = tempdir_make();
    fixture->log = (struct log){.level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO};
    fixture->now_ms = CUSTOM_START_MS;
    struct store_options options = {.path = tempdir_join(&fixture->directory, "meters", fixture->path),
                                    .tables = meter_tables,
                                    .table_count = meter_table_count,
                                    .map_size_bytes = (size_t)64 << 20,
                                    .max_readers = 8,
                                    .log = &fixture->log};
    assert_int_equal(store_open(&options, &fixture->store, &failure), STATUS_OK);
    struct clock_source source = {.boot_ms = custom_read_ms, .wall_ms = custom_read_ms, .context = fixture};
    fixture->clock = clock_new(source, NULL);
    fixture->arena = arena_new((size_t)4 << 20);
    fixture->options.max_custom = max_custom;
    assert_int_equal(limit_text_read(limit, &fixture->limit, &failure), STATUS_OK);
    return fixture;
}

static inline void custom_restart(struct custom_fixture *fixture)
{
    meter_close(fixture->meters);
    custom_open(fixture);
}

static inline void custom_remove(struct custom_fixture *fixture)
{
    meter_close(fixture->meters);
    store_close(fixture->store);
    clock_free(fixture->clock);
    arena_free(fixture->arena);
    tempdir_remove(&fixture->directory);
    free(fixture);
}

// --- asking

// One call, which may wait.
struct custom_ask {
    struct limit_waiter waiter; // first: wake gets it
    char subject[LIMIT_NAME_MAX];
    struct limit_applicable applicable;
    struct limit_charge charge;
    struct limit_call call;
    struct limit_answer answer;
    struct status_failure failure;
    struct meter_load load;
    sem_t woken;
};

static inline void custom_wake(struct limit_waiter *waiter, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    sem_post(&((struct custom_ask *)waiter)->woken);
}

static inline struct slice custom_subject(const char *space, const char *identifier, char out[LIMIT_NAME_MAX])
{
    int size = snprintf(out, LIMIT_NAME_MAX, "%s%c%s", space, '\0', identifier);
    return slice_make(out, (size_t)size);
}

static inline void custom_ask_init(const struct custom_fixture *fixture, struct custom_ask *ask, uint32_t maker,
                                   const char *space, const char *identifier, uint64_t cost)
{
    *ask = (struct custom_ask){.waiter = {.wake = custom_wake}};
    struct slice subject = custom_subject(space, identifier, ask->subject);
    ask->applicable = (struct limit_applicable){fixture->limit, LIMIT_OF_CUSTOM, subject, NULL};
    ask->charge = (struct limit_charge){fixture->limit.resource, cost};
    ask->call = (struct limit_call){.owner = subject,
                                    .applicables = &ask->applicable,
                                    .applicable_count = 1,
                                    .charges = &ask->charge,
                                    .charge_count = 1,
                                    .peek = cost == 0,
                                    .maker = maker};
    ask->load.failure = &ask->failure;
    sem_init(&ask->woken, 0, 0);
}

static inline enum limit_verdict custom_try(struct custom_fixture *fixture, struct custom_ask *ask)
{
    arena_reset(fixture->arena);
    ask->failure.message[0] = '\0';
    return meter_decide(fixture->meters, fixture->arena, &ask->call, 1, &ask->waiter, &ask->answer, &ask->load);
}

static inline enum limit_verdict custom_finish(struct custom_fixture *fixture, struct custom_ask *ask,
                                               enum limit_verdict verdict)
{
    while (verdict == LIMIT_WAIT) {
        sem_wait(&ask->woken);
        verdict = custom_try(fixture, ask);
    }
    sem_destroy(&ask->woken);
    return verdict;
}

// May this caller charge one unit? Otherwise *ask says why not.
static inline bool custom_charges(struct custom_fixture *fixture, struct custom_ask *ask, uint32_t maker,
                                  const char *space, const char *identifier)
{
    custom_ask_init(fixture, ask, maker, space, identifier, 1);
    enum limit_verdict verdict = custom_finish(fixture, ask, custom_try(fixture, ask));
    assert_true(verdict == LIMIT_ADMITTED || verdict == LIMIT_ABSENT);
    assert_int_equal(verdict == LIMIT_ABSENT, ask->load.status == STATUS_RESOURCE_EXHAUSTED);
    return verdict == LIMIT_ADMITTED;
}

static inline uint64_t custom_left(struct custom_fixture *fixture, const char *space, const char *identifier)
{
    struct custom_ask ask;
    custom_ask_init(fixture, &ask, 0, space, identifier, 0);
    assert_int_equal(custom_finish(fixture, &ask, custom_try(fixture, &ask)), LIMIT_ADMITTED);
    return ask.answer.standings[0].remaining;
}

// --- the writer

// A job that a test waits for.
struct custom_job {
    struct store_job job; // first: run and done get it
    struct custom_fixture *fixture;
    const char *space, *identifier;
    struct limit_record record;
    size_t count; // of records to put, of identifiers "0", "1", … or behind `first`
    size_t first;
    uint64_t records; // in the table, after it
    bool found;       // the record of `space` and `identifier`, which is `record`
    sem_t done;
};

static inline struct slice custom_record_name(const struct custom_fixture *fixture, const char *space,
                                              const char *identifier, struct limit_name *out)
{
    char text[LIMIT_NAME_MAX];
    struct slice subject = custom_subject(space, identifier, text);
    struct limit_applicable applicable = {fixture->limit, LIMIT_OF_CUSTOM, subject, NULL};
    limit_name_of(&applicable, out);
    return slice_make(out->bytes, out->size);
}

static inline void custom_job_run(struct store_job *of, struct store_txn *txn)
{
    struct custom_job *job = (struct custom_job *)of;
    struct limit_name name;
    struct slice bytes;
    char identifier[32];
    struct arena *arena = arena_new((size_t)4 << 20);
    for (size_t i = job->first; i < job->first + job->count; i++) {
        (void)snprintf(identifier, sizeof identifier, "%zu", i);
        assert_true(meter_record_pack(&job->record, arena, &bytes));
        store_put(txn, TABLE_CUSTOM, custom_record_name(job->fixture, job->space, identifier, &name), bytes);
    }
    struct slice key = slice_empty();
    if (job->identifier != NULL)
        key = custom_record_name(job->fixture, job->space, job->identifier, &name);
    if (key.size > 0 && store_get(txn, TABLE_CUSTOM, key, &bytes) == STATUS_OK)
        job->found = meter_record_unpack(bytes, NULL, arena, &job->record) == STATUS_OK;
    assert_int_equal(store_count(txn, TABLE_CUSTOM, &job->records), STATUS_OK);
    arena_free(arena);
}

static inline void custom_job_done(struct store_job *job, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    sem_post(&((struct custom_job *)job)->done);
}

static inline struct custom_job custom_run_job(struct custom_fixture *fixture, struct custom_job job)
{
    job.fixture = fixture;
    job.job = (struct store_job){.run = custom_job_run, .done = custom_job_done};
    sem_init(&job.done, 0, 0);
    store_submit(fixture->store, &job.job);
    sem_wait(&job.done);
    sem_destroy(&job.done);
    return job;
}

// How many records there are. Jobs that were submitted before are done by then.
static inline uint64_t custom_records(struct custom_fixture *fixture)
{
    return custom_run_job(fixture, (struct custom_job){.count = 0}).records;
}

static inline bool custom_has_record(struct custom_fixture *fixture, const char *space, const char *identifier)
{
    return custom_run_job(fixture, (struct custom_job){.space = space, .identifier = identifier}).found;
}

// Holds the writer until it is opened.
struct custom_gate {
    struct store_job job; // first: run and done get it
    sem_t reached, opened, done;
};

static inline void custom_gate_run(struct store_job *job, struct store_txn *txn)
{
    (void)txn;
    sem_post(&((struct custom_gate *)job)->reached);
    sem_wait(&((struct custom_gate *)job)->opened);
}

static inline void custom_gate_done(struct store_job *job, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    sem_post(&((struct custom_gate *)job)->done);
}

static inline void custom_gate_submit_as(struct custom_fixture *fixture, struct custom_gate *gate,
                                         void (*run)(struct store_job *, struct store_txn *),
                                         void (*done)(struct store_job *, enum status))
{
    *gate = (struct custom_gate){.job = {.run = run, .done = done}};
    sem_init(&gate->reached, 0, 0);
    sem_init(&gate->opened, 0, 0);
    sem_init(&gate->done, 0, 0);
    store_submit(fixture->store, &gate->job);
}

static inline void custom_gate_submit(struct custom_fixture *fixture, struct custom_gate *gate)
{
    custom_gate_submit_as(fixture, gate, custom_gate_run, custom_gate_done);
}

static inline void custom_gate_open(struct custom_gate *gate)
{
    sem_post(&gate->opened);
    sem_wait(&gate->done);
    sem_destroy(&gate->reached);
    sem_destroy(&gate->opened);
    sem_destroy(&gate->done);
}

#endif
