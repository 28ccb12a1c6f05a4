// Health: does it serve? Stats: what the daemon has done and holds, and who is busiest.
#include <stdio.h>
#include <string.h>

#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/metrics.h"
#include "rpc/wire.h"

enum { HOUR_MS = 3600 * 1000, STORES = 2 };

// --- health

static const char *describe(const struct store_health *health)
{
    if (health->last_commit != STATUS_OK)
        return status_name(health->last_commit);
    return health->map_used_bytes > health->map_size_bytes / 5 * 4 ? "more than 80 % full" : NULL;
}

static bool describe_stores(struct call *call, const struct meter_stats *stats, struct slice *out)
{
    enum { TEXT_SIZE = 128 };
    struct store_health registry = registry_health(call->server->registry);
    const char *of_registry = describe(&registry), *of_meters = describe(&stats->store);
    *out = slice_text("ok");
    if (of_registry == NULL && of_meters == NULL)
        return true;
    char *text = arena_alloc(call->arena, TEXT_SIZE);
    if (text == NULL)
        return false;
    (void)snprintf(text, TEXT_SIZE, "registry: %s; meters: %s", of_registry != NULL ? of_registry : "ok",
                   of_meters != NULL ? of_meters : "ok");
    *out = slice_text(text);
    return true;
}

static bool fill_details(struct call *call, Postern__V1__HealthReply *reply)
{
    struct slice stores;
    struct meter_stats stats = meter_stats(call->server->meters);
    if (!describe_stores(call, &stats, &stores))
        return false;
    reply->version = wire_text(slice_text(POSTERN_VERSION));
    reply->uptime_ms = clock_now_ms(call->server->clock) - call->server->opened_ms;
    reply->store = wire_text(stores);
    reply->clock_ahead_ms = clock_ahead_ms(call->server->clock);
    reply->clock_jumps = stats.clock_jumps;
    return true;
}

static bool read_seq(struct call *call)
{
    if (store_view_begin(call->view) != STATUS_OK)
        return false;
    enum status status = registry_seq(call->view, &call->reply.seq);
    store_view_end(call->view);
    return status == STATUS_OK;
}

enum call_progress handler_health(struct call *call)
{
    Postern__V1__HealthReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL)
        return call_fail_memory(call);
    reply->serving = read_seq(call);
    if ((call->caller.authorities & AUTHORITY_OPERATOR) == 0)
        call->reply.seq = 0; // how many changes there were is nobody else's business
    else if (!fill_details(call, reply))
        return call_fail_memory(call);
    return CALL_DONE;
}

// --- stats: since the start

static bool fill_counters(struct arena *arena, const struct usage_stats *stats, Postern__V1__StatsReply *reply)
{
    Postern__V1__Counter *counters = arena_array(arena, REASON_COUNT, sizeof *counters);
    reply->counters = arena_array(arena, REASON_COUNT, sizeof *reply->counters);
    if (counters == NULL || reply->counters == NULL)
        return false;
    for (size_t i = 0; i < REASON_COUNT; i++) {
        const struct usage_count *from = &stats->reasons[i];
        Postern__V1__Counter *counter = &counters[reply->n_counters];
        if (from->count == 0)
            continue;
        postern__v1__counter__init(counter);
        counter->name = wire_text(slice_text(reason_name((enum reason)from->reason)));
        counter->value = from->count;
        reply->counters[reply->n_counters++] = counter;
        reply->decisions += from->count;
        reply->refusals += from->reason == REASON_ALLOWED ? 0 : from->count;
    }
    return true;
}

// --- what it holds

static bool fill_meters(struct arena *arena, const struct meter_stats *stats, Postern__V1__StatsReply *reply)
{
    const struct limit_table_stats *limits = &stats->limits;
    Postern__V1__MeterStats *meters = arena_alloc(arena, sizeof *meters);
    if (meters == NULL)
        return false;
    postern__v1__meter_stats__init(meters);
    meters->meters = limits->meters;
    meters->bytes = limits->bytes;
    meters->decisions = limits->decisions;
    meters->waits = limits->waits;
    meters->records = limits->records;
    meters->custom_meters = stats->custom_meters;
    meters->custom_callers = stats->custom_makers;
    reply->meters = meters;
    return true;
}

static bool fill_usage(struct arena *arena, const struct usage_stats *stats, Postern__V1__StatsReply *reply)
{
    Postern__V1__UsageStats *usage = arena_alloc(arena, sizeof *usage);
    if (usage == NULL)
        return false;
    postern__v1__usage_stats__init(usage);
    usage->entries = stats->entries;
    usage->entries_max = stats->entries_max;
    usage->waiting = stats->waiting;
    usage->overflow = stats->overflow;
    usage->written = stats->written;
    usage->removed = stats->removed;
    usage->damaged = stats->damaged;
    usage->would_refuse = stats->would_refuse;
    reply->usage = usage;
    return true;
}

static bool add_store(struct arena *arena, const char *name, const struct store_health *health,
                      Postern__V1__StatsReply *reply)
{
    Postern__V1__StoreStats *store = arena_alloc(arena, sizeof *store);
    if (store == NULL)
        return false;
    postern__v1__store_stats__init(store);
    store->name = wire_text(slice_text(name));
    store->used_bytes = health->map_used_bytes;
    store->size_bytes = health->map_size_bytes;
    store->commits = health->commits;
    store->jobs = health->jobs;
    store->last_commit = wire_text(slice_text(status_name(health->last_commit)));
    reply->stores[reply->n_stores++] = store;
    return true;
}

static bool fill_stores(struct call *call, const struct meter_stats *stats, Postern__V1__StatsReply *reply)
{
    struct store_health registry = registry_health(call->server->registry);
    reply->stores = arena_array(call->arena, STORES, sizeof *reply->stores);
    return reply->stores != NULL && add_store(call->arena, "registry", &registry, reply) &&
           add_store(call->arena, "meters", &stats->store, reply);
}

static bool fill_connections(const struct call *call, Postern__V1__StatsReply *reply)
{
    const struct transport_stats stats = transport_stats(call->server->transport);
    Postern__V1__ConnectionStats *out = arena_alloc(call->arena, sizeof *out);
    if (out == NULL)
        return false;
    postern__v1__connection_stats__init(out);
    out->connections = stats.connections;
    out->calls_in_flight = stats.calls_in_flight;
    out->memory_bytes = stats.memory_bytes;
    out->accepted = stats.accepted;
    out->requests = stats.requests;
    out->overloaded = stats.overloaded;
    out->expired = atomic_load_explicit(&call->server->expired, memory_order_relaxed);
    out->refused = stats.connections_refused;
    out->closed_no_greeting = stats.closed_no_greeting;
    out->closed_bad_frame = stats.closed_bad_frame;
    out->closed_half_frame = stats.closed_half_frame;
    out->closed_stuck = stats.closed_stuck;
    out->closed_no_memory = stats.closed_memory;
    out->tls_failures = stats.tls_failures;
    out->accept_failures = stats.accept_failures;
    out->displaced = stats.displaced;
    reply->connections = out;
    return true;
}

// --- who is busiest

static Postern__V1__Busy *new_busy(struct arena *arena, const struct usage_rank *rank)
{
    Postern__V1__Busy *busy = arena_alloc(arena, sizeof *busy);
    if (busy == NULL)
        return NULL;
    postern__v1__busy__init(busy);
    busy->calls = rank->calls;
    busy->refusals = rank->refusals;
    return busy;
}

static bool name_account(struct call *call, const struct usage_rank *rank, Postern__V1__Busy *busy)
{
    (void)call;
    busy->account = wire_text(registry_life_account(rank->id));
    return true;
}

// A key that cannot be read any more is still shown by its id.
static bool name_key(struct call *call, const struct usage_rank *rank, Postern__V1__Busy *busy)
{
    struct registry_key key;
    enum status status = registry_find_key(call->view, rank->id.data, call->arena, &key);
    if (status == STATUS_OK) {
        busy->account = wire_text(key.account);
        busy->key_name = wire_text(key.name);
    }
    return status != STATUS_RESOURCE_EXHAUSTED && wire_key_id(call->arena, rank->id.data, &busy->key_id);
}

struct kind {
    enum usage_kind kind;
    bool (*name)(struct call *call, const struct usage_rank *rank, Postern__V1__Busy *busy);
};

static enum status list_busiest(struct call *call, const struct usage_view *usage, const struct kind *kind,
                                Postern__V1__Busy ***out, size_t *out_count)
{
    struct usage_rank *ranks;
    size_t count = 0;
    struct usage_busy query = {usage->txn, kind->kind, clock_now_ms(call->server->clock), call->request->stats->top};
    enum status status = usage_busiest(usage->usage, &query, call->arena, &ranks, &count);
    if (status != STATUS_OK)
        return status;
    *out = arena_array(call->arena, count, sizeof **out);
    for (size_t i = 0; *out != NULL && i < count; i++) {
        Postern__V1__Busy *busy = new_busy(call->arena, &ranks[i]);
        if (busy == NULL || !kind->name(call, &ranks[i], busy))
            return STATUS_RESOURCE_EXHAUSTED;
        (*out)[(*out_count)++] = busy;
    }
    return *out != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

static enum status fill_busiest(struct call *call, const struct usage_view *usage, Postern__V1__StatsReply *reply)
{
    static const struct kind accounts = {USAGE_OF_ACCOUNT, name_account}, keys = {USAGE_OF_KEY, name_key};
    enum status status = store_view_begin(call->view);
    if (status != STATUS_OK)
        return status;
    status = list_busiest(call, usage, &accounts, &reply->accounts, &reply->n_accounts);
    if (status == STATUS_OK)
        status = list_busiest(call, usage, &keys, &reply->keys, &reply->n_keys);
    return handler_end_view(call, status);
}

// --- the call

static enum status fill_of_usage(struct call *call, Postern__V1__StatsReply *reply)
{
    struct usage_view usage;
    enum status status = usage_view_begin(call->server->usage, &usage);
    if (status != STATUS_OK || usage.usage == NULL)
        return status;
    struct usage_stats stats = usage_stats(usage.usage);
    bool filled = fill_counters(call->arena, &stats, reply) && fill_usage(call->arena, &stats, reply);
    status = filled ? fill_busiest(call, &usage, reply) : STATUS_RESOURCE_EXHAUSTED;
    usage_view_end(&usage);
    return status;
}

static bool fill_metrics(struct call *call, Postern__V1__StatsReply *reply)
{
    if (!call->request->stats->metrics)
        return true;
    char *text = arena_alloc(call->arena, RPC_METRICS_MAX);
    if (text == NULL)
        return false;
    const char *end = text + metrics_write(call->server, text);
    size_t lines = 0;
    for (const char *at = text; at < end; at++)
        lines += *at == '\n' ? 1 : 0;
    reply->metrics = arena_array(call->arena, lines, sizeof *reply->metrics);
    for (const char *at = text; reply->metrics != NULL && reply->n_metrics < lines; reply->n_metrics++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        reply->metrics[reply->n_metrics] = wire_text(slice_make(at, (size_t)(line_end - at)));
        at = line_end + 1;
    }
    return reply->metrics != NULL;
}

static bool fill_of_daemon(struct call *call, Postern__V1__StatsReply *reply)
{
    struct meter_stats stats = meter_stats(call->server->meters);
    uint64_t now_ms = clock_now_ms(call->server->clock);
    reply->version = wire_text(slice_text(POSTERN_VERSION));
    reply->uptime_ms = now_ms - call->server->opened_ms;
    reply->clock_ahead_ms = clock_ahead_ms(call->server->clock);
    reply->clock_jumps = stats.clock_jumps;
    reply->hour_start_ms = now_ms - now_ms % HOUR_MS;
    return fill_meters(call->arena, &stats, reply) && fill_stores(call, &stats, reply) &&
           fill_connections(call, reply) && fill_metrics(call, reply);
}

enum call_progress handler_stats(struct call *call)
{
    arena_set_budget(call->arena, CALL_LIST_BUDGET); // for no longer than the call is handled: it never waits
    Postern__V1__StatsReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL)
        return call_fail_memory(call);
    enum status status = fill_of_daemon(call, reply) ? fill_of_usage(call, reply) : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_RESOURCE_EXHAUSTED)
        return call_fail_memory(call);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the usage cannot be read: %s", status_name(status));
    return CALL_DONE;
}
