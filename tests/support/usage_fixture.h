// Usage on a store in a temporary directory, with a clock that the test moves.
//
// Threads: the fixture belongs to the test's thread; the clock may be read by any.
#ifndef SUPPORT_USAGE_FIXTURE_H
#define SUPPORT_USAGE_FIXTURE_H

#include "support/store_fixture.h"
#include "usage/usage.h"

enum { USAGE_TEST_BASE = 1 };

#define USAGE_TEST_HOUR UINT64_C(3600000)
#define USAGE_TEST_DAY  UINT64_C(86400000)
// A Monday, 00:00 UTC.
#define USAGE_TEST_START UINT64_C(1700438400000)

// --- the fixture

struct usage_fixture {
    struct store_fixture store;
    _Atomic uint64_t now_ms;
    struct clock *clock;
    struct usage_options options;
    struct usage *usage;
    struct store_txn *view;
    struct arena *arena;
};

static inline uint64_t usage_fixture_read_ms(void *context)
{
    return atomic_load(&((struct usage_fixture *)context)->now_ms);
}

static inline void usage_fixture_demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "usage fixture: %s\n", what);
    abort();
}

static inline void usage_fixture_open(struct usage_fixture *fixture)
{
    struct status_failure failure = {.message = ""};
    fixture_open(&fixture->store);
    fixture->options.store = fixture->store.store;
    usage_fixture_demand(usage_open(&fixture->options, &fixture->usage, &failure) == STATUS_OK, failure.message);
    usage_fixture_demand(store_view_open(fixture->store.store, &fixture->view) == STATUS_OK, "no view");
}

// Nothing is opened yet, so that a test may change the options or fork.
static inline void usage_fixture_make(struct usage_fixture *fixture)
{
    // The first table is somebody else's.
    static const char *tables[USAGE_TEST_BASE + USAGE_TABLES];
    memset(fixture, 0, sizeof *fixture);
    fixture_make(&fixture->store, (size_t)256 * 1024 * 1024);
    tables[0] = "other";
    memcpy(&tables[USAGE_TEST_BASE], usage_tables, sizeof usage_tables);
    fixture->store.options.tables = tables;
    fixture->store.options.table_count = USAGE_TEST_BASE + USAGE_TABLES;
    atomic_store(&fixture->now_ms, USAGE_TEST_START);
    struct clock_source source = {
        .boot_ms = usage_fixture_read_ms, .wall_ms = usage_fixture_read_ms, .context = fixture};
    fixture->clock = clock_new(source, NULL);
    fixture->arena = arena_new((size_t)16 * 1024 * 1024);
    usage_fixture_demand(fixture->clock != NULL && fixture->arena != NULL, "no memory");
    fixture->options = (struct usage_options){.table_base = USAGE_TEST_BASE,
                                              .clock = fixture->clock,
                                              .log = &fixture->store.log,
                                              .retention_days = 90,
                                              .max_entries = 4096};
}

static inline void usage_fixture_close(struct usage_fixture *fixture)
{
    store_view_close(fixture->view);
    fixture->view = NULL;
    usage_close(fixture->usage);
    fixture->usage = NULL;
    fixture_close(&fixture->store);
}

static inline void usage_fixture_remove(struct usage_fixture *fixture)
{
    if (fixture->usage != NULL)
        usage_fixture_close(fixture);
    fixture_remove(&fixture->store);
    arena_free(fixture->arena);
    clock_free(fixture->clock);
}

static inline void usage_fixture_wait(struct usage_fixture *fixture, uint64_t span_ms)
{
    atomic_fetch_add(&fixture->now_ms, span_ms);
}

static inline void usage_fixture_no_work(struct store_txn *txn, void *context)
{
    (void)txn;
    (void)context;
}

// A tick and everything that it set going: each job may submit one more.
static inline void usage_fixture_tick(struct usage_fixture *fixture)
{
    usage_tick(fixture->usage);
    for (unsigned i = 0; i < 64; i++)
        status_ignore(call_now(fixture->store.store, usage_fixture_no_work, NULL), "only its turn matters");
}

// --- noting

struct usage_test_key {
    uint8_t id[USAGE_KEY_ID_SIZE];
};

static inline struct usage_test_key usage_test_key(uint32_t number)
{
    struct usage_test_key key = {{'k', 'e', 'y'}};
    memcpy(key.id + 4, &number, sizeof number);
    return key;
}

static inline struct usage_decision usage_fixture_decision(struct usage_fixture *fixture,
                                                           const struct usage_test_key *key, const char *account,
                                                           enum reason reason)
{
    static const struct usage_cost one_request = {.resource = {.data = (const uint8_t *)"requests", .size = 8},
                                                  .cost = 1};
    return (struct usage_decision){.key_id = key != NULL ? key->id : NULL,
                                   .account = slice_text(account),
                                   .reason = reason,
                                   .charges = &one_request,
                                   .charge_count = 1,
                                   .remote_address = slice_text("192.0.2.1"),
                                   .now_ms = clock_now_ms(fixture->clock)};
}

static inline void usage_fixture_note(struct usage_fixture *fixture, const struct usage_test_key *key,
                                      const char *account, enum reason reason)
{
    struct usage_decision event = usage_fixture_decision(fixture, key, account, reason);
    usage_note(fixture->usage, &event);
}

// --- reading

static inline struct store_txn *usage_fixture_look(struct usage_fixture *fixture)
{
    store_view_end(fixture->view);
    usage_fixture_demand(store_view_begin(fixture->view) == STATUS_OK, "the view does not begin");
    return fixture->view;
}

static inline struct usage_report usage_fixture_read(struct usage_fixture *fixture, const struct usage_query *query)
{
    struct usage_report report;
    struct status_failure failure = {.message = ""};
    enum status status =
        usage_read(fixture->usage, usage_fixture_look(fixture), query, fixture->arena, &report, &failure);
    usage_fixture_demand(status == STATUS_OK, failure.message);
    return report;
}

static inline struct usage_query usage_test_of_key(const struct usage_test_key *key)
{
    return (struct usage_query){.subject = {USAGE_OF_KEY, slice_make(key->id, sizeof key->id)}};
}

static inline struct usage_query usage_test_of_account(const char *account)
{
    return (struct usage_query){.subject = {USAGE_OF_ACCOUNT, slice_text(account)}};
}

static inline uint64_t usage_test_count(const struct usage_tally *tally, enum reason reason)
{
    for (size_t i = 0; i < tally->count_count; i++) {
        if (tally->counts[i].reason == reason)
            return tally->counts[i].count;
    }
    return 0;
}

static inline uint64_t usage_test_cost(const struct usage_tally *tally, const char *resource)
{
    for (size_t i = 0; i < tally->cost_count; i++) {
        if (slice_equal(tally->costs[i].resource, slice_text(resource)))
            return tally->costs[i].cost;
    }
    return 0;
}

// Over all buckets.
static inline uint64_t usage_fixture_total(struct usage_fixture *fixture, const struct usage_query *query,
                                           enum reason reason)
{
    struct usage_report report = usage_fixture_read(fixture, query);
    uint64_t total = 0;
    for (size_t i = 0; i < report.bucket_count; i++)
        total += usage_test_count(&report.buckets[i].tally, reason);
    return total;
}

#endif
