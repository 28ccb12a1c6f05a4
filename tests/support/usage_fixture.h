// Usage on a store in a temporary directory, with a clock that the test moves and a codec of its own.
//
// The codec is plain: a format byte, then the members one after the other, numbers as eight bytes of the machine.
// Threads: the fixture belongs to the test's thread; the clock may be read by any.
#ifndef SUPPORT_USAGE_FIXTURE_H
#define SUPPORT_USAGE_FIXTURE_H

#include "support/store_fixture.h"
#include "usage/usage.h"

enum { USAGE_TEST_BASE = 1, USAGE_TEST_FORMAT = 7, USAGE_TEST_RECORD_MAX = 2048 };

#define USAGE_TEST_HOUR UINT64_C(3600000)
#define USAGE_TEST_DAY  UINT64_C(86400000)
// A Monday, 00:00 UTC.
#define USAGE_TEST_START UINT64_C(1700438400000)

// --- the codec

struct usage_test_bytes {
    uint8_t *data;
    size_t size;
    size_t at;
};

static inline void usage_test_put(struct usage_test_bytes *bytes, const void *data, size_t size)
{
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static inline void usage_test_put_number(struct usage_test_bytes *bytes, uint64_t number)
{
    usage_test_put(bytes, &number, sizeof number);
}

static inline bool usage_test_get(struct usage_test_bytes *bytes, void *data, size_t size)
{
    if (bytes->size - bytes->at < size)
        return false;
    memcpy(data, bytes->data + bytes->at, size);
    bytes->at += size;
    return true;
}

static inline uint64_t usage_test_get_number(struct usage_test_bytes *bytes)
{
    uint64_t number = 0;
    return usage_test_get(bytes, &number, sizeof number) ? number : 0;
}

static inline bool usage_test_begin(struct usage_test_bytes *bytes, struct arena *arena)
{
    static const uint8_t format = USAGE_TEST_FORMAT;
    *bytes = (struct usage_test_bytes){.data = arena_alloc(arena, USAGE_TEST_RECORD_MAX)};
    if (bytes->data == NULL)
        return false;
    usage_test_put(bytes, &format, 1);
    return true;
}

// A copy in the arena: nothing may point into the record.
static inline enum status usage_test_open(struct usage_test_bytes *bytes, struct slice record, struct arena *arena)
{
    struct slice copy;
    if (!arena_copy(arena, record, &copy))
        return STATUS_RESOURCE_EXHAUSTED;
    *bytes = (struct usage_test_bytes){.data = (uint8_t *)(uintptr_t)copy.data, .size = copy.size, .at = 1};
    return copy.size > 0 && copy.data[0] == USAGE_TEST_FORMAT ? STATUS_OK : STATUS_DATA_LOSS;
}

static inline bool usage_test_pack_tally(const struct usage_tally *tally, struct arena *arena, struct slice *out)
{
    struct usage_test_bytes bytes;
    if (!usage_test_begin(&bytes, arena))
        return false;
    usage_test_put_number(&bytes, tally->count_count);
    for (size_t i = 0; i < tally->count_count; i++) {
        usage_test_put_number(&bytes, tally->counts[i].reason);
        usage_test_put_number(&bytes, tally->counts[i].count);
    }
    usage_test_put_number(&bytes, tally->cost_count);
    for (size_t i = 0; i < tally->cost_count; i++) {
        usage_test_put_number(&bytes, tally->costs[i].resource.size);
        usage_test_put(&bytes, tally->costs[i].resource.data, tally->costs[i].resource.size);
        usage_test_put_number(&bytes, tally->costs[i].amount);
    }
    *out = slice_make(bytes.data, bytes.size);
    return true;
}

static inline enum status usage_test_unpack_tally(struct slice record, struct arena *arena, struct usage_tally *out)
{
    struct usage_test_bytes bytes;
    *out = (struct usage_tally){0};
    enum status status = usage_test_open(&bytes, record, arena);
    if (status != STATUS_OK)
        return status;
    out->count_count = usage_test_get_number(&bytes);
    out->counts = arena_array(arena, out->count_count, sizeof *out->counts);
    for (size_t i = 0; i < out->count_count; i++) {
        out->counts[i].reason = (uint32_t)usage_test_get_number(&bytes);
        out->counts[i].count = usage_test_get_number(&bytes);
    }
    out->cost_count = usage_test_get_number(&bytes);
    out->costs = arena_array(arena, out->cost_count, sizeof *out->costs);
    for (size_t i = 0; i < out->cost_count; i++) {
        size_t size = usage_test_get_number(&bytes);
        out->costs[i].resource = slice_make(bytes.data + bytes.at, size);
        bytes.at += size;
        out->costs[i].amount = usage_test_get_number(&bytes);
    }
    return STATUS_OK;
}

static inline bool usage_test_pack_last(const struct usage_last *last, struct arena *arena, struct slice *out)
{
    struct usage_test_bytes bytes;
    if (!usage_test_begin(&bytes, arena))
        return false;
    usage_test_put_number(&bytes, last->first_ms);
    usage_test_put_number(&bytes, last->last_ms);
    usage_test_put_number(&bytes, last->networks_met);
    usage_test_put_number(&bytes, last->network_count);
    usage_test_put(&bytes, last->networks, last->network_count * sizeof last->networks[0]);
    usage_test_put_number(&bytes, last->address_size);
    usage_test_put(&bytes, last->address, last->address_size);
    *out = slice_make(bytes.data, bytes.size);
    return true;
}

static inline enum status usage_test_unpack_last(struct slice record, struct arena *arena, struct usage_last *out)
{
    struct usage_test_bytes bytes;
    *out = (struct usage_last){0};
    enum status status = usage_test_open(&bytes, record, arena);
    if (status != STATUS_OK)
        return status;
    out->first_ms = usage_test_get_number(&bytes);
    out->last_ms = usage_test_get_number(&bytes);
    out->networks_met = usage_test_get_number(&bytes);
    out->network_count = usage_test_get_number(&bytes);
    if (!usage_test_get(&bytes, out->networks, out->network_count * sizeof out->networks[0]))
        return STATUS_DATA_LOSS;
    out->address_size = (uint8_t)usage_test_get_number(&bytes);
    return usage_test_get(&bytes, out->address, out->address_size) ? STATUS_OK : STATUS_DATA_LOSS;
}

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
    struct status_note note = {.message = ""};
    fixture_open(&fixture->store);
    fixture->options.store = fixture->store.store;
    usage_fixture_demand(usage_open(&fixture->options, &fixture->usage, &note) == STATUS_OK, note.message);
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
    fixture->options = (struct usage_options){
        .table_base = USAGE_TEST_BASE,
        .clock = fixture->clock,
        .log = &fixture->store.log,
        .retention_days = 90,
        .max_entries = 4096,
        .codec = {usage_test_pack_tally, usage_test_unpack_tally, usage_test_pack_last, usage_test_unpack_last}};
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

static inline struct usage_event usage_fixture_event(struct usage_fixture *fixture, const struct usage_test_key *key,
                                                     const char *account, enum reason reason)
{
    static const struct usage_cost one_request = {.resource = {.data = (const uint8_t *)"requests", .size = 8},
                                                  .amount = 1};
    return (struct usage_event){.key_id = key != NULL ? key->id : NULL,
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
    struct usage_event event = usage_fixture_event(fixture, key, account, reason);
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
    struct status_note note = {.message = ""};
    enum status status = usage_read(fixture->usage, usage_fixture_look(fixture), query, fixture->arena, &report, &note);
    usage_fixture_demand(status == STATUS_OK, note.message);
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
            return tally->costs[i].amount;
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
