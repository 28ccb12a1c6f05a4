// Writes Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4). Every
// label has a small set of values: nothing here grows with accounts, keys or callers. No value needs an escape: names
// of tiers and resources have none of the characters.
#include "rpc/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct writer {
    char *out;
    size_t used;
    bool is_full;
};

static void add(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct writer *writer, const char *format, ...)
{
    const size_t room = RPC_METRICS_MAX - writer->used;
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(writer->out + writer->used, room, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= room)
        writer->is_full = true;
    else
        writer->used += (size_t)size;
}

// --- the parts of the format

enum { COUNTER, GAUGE, HISTOGRAM };

static void add_head(struct writer *writer, const char *name, int type, const char *help)
{
    static const char *const types[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};
    add(writer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

struct metric {
    const char *name;
    int type;
    const char *help;
    uint64_t value;
};

static void add_metrics(struct writer *writer, const struct metric *metrics, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_head(writer, metrics[i].name, metrics[i].type, metrics[i].help);
        add(writer, "%s %" PRIu64 "\n", metrics[i].name, metrics[i].value);
    }
}

#define ADD_METRICS(writer, ...)                                                                                       \
    add_metrics(writer, (const struct metric[]){__VA_ARGS__},                                                          \
                sizeof((const struct metric[]){__VA_ARGS__}) / sizeof(struct metric))

static void add_seconds(struct writer *writer, const char *name, const char *help, int64_t span_ms)
{
    add_head(writer, name, GAUGE, help);
    add(writer, "%s %.3f\n", name, (double)span_ms / 1000);
}

// `labels`: "" or "store=\"registry\",".
static void add_histogram(struct writer *writer, const char *name, const char *labels,
                          const struct durations *durations)
{
    uint64_t count = 0;
    const size_t bare = labels[0] != '\0' ? strlen(labels) - 1 : 0; // without its comma
    for (size_t i = 0; i <= DURATIONS_BOUNDS; i++) {
        count += atomic_load_explicit(&durations->counts[i], memory_order_relaxed);
        add(writer, "%s_bucket{%sle=\"", name, labels);
        if (i < DURATIONS_BOUNDS)
            add(writer, "%g\"} %" PRIu64 "\n", (double)durations_bounds_ns[i] / 1e9, count);
        else
            add(writer, "+Inf\"} %" PRIu64 "\n", count);
    }
    const char *open = bare > 0 ? "{" : "", *shut = bare > 0 ? "}" : "";
    const uint64_t sum_ns = atomic_load_explicit(&durations->sum_ns, memory_order_relaxed);
    add(writer, "%s_sum%s%.*s%s %.9f\n", name, open, (int)bare, labels, shut, (double)sum_ns / 1e9);
    add(writer, "%s_count%s%.*s%s %" PRIu64 "\n", name, open, (int)bare, labels, shut, count);
}

// --- what was decided

static void add_decisions(struct writer *writer, const struct call_server *server)
{
    if (server->usage == NULL)
        return;
    const struct usage_stats stats = usage_stats(server->usage);
    add_head(writer, "postern_decisions_total", COUNTER,
             "Decisions by reason, without peeks, repeated charges and custom subjects.");
    for (size_t i = 0; i < REASON_COUNT; i++)
        add(writer, "postern_decisions_total{reason=\"%s\"} %" PRIu64 "\n", reason_name(reason_at(i)),
            stats.reasons[i].count);
    ADD_METRICS(
        writer,
        {"postern_shadow_refusals_total", COUNTER, "Decisions that a shadow limit would have refused.",
         stats.would_refuse},
        {"postern_usage_tallies", GAUGE, "Hourly tallies in memory.", stats.entries},
        {"postern_usage_tallies_max", GAUGE, "Hourly tallies that fit in memory.", stats.entries_max},
        {"postern_usage_tallies_waiting", GAUGE, "Tallies that the disk does not have yet.", stats.waiting},
        {"postern_usage_lost_total", COUNTER, "Counts of usage that found no room and are missing.", stats.overflow},
        {"postern_usage_written_total", COUNTER, "Tallies written to disk.", stats.written},
        {"postern_usage_damaged_total", COUNTER, "Stored tallies that were found damaged.", stats.damaged});
}

static void add_refusals(struct writer *writer, const struct call_server *server)
{
    struct authorizer_refusal refusals[AUTHORIZER_REFUSALS_MAX + 1];
    const size_t count = authorizer_list_refusals(server->authorizer, refusals);
    add_head(writer, "postern_limit_refusals_total", COUNTER,
             "Decisions that a limit refused, by the account's tier and the limit's resource; without either: others.");
    for (size_t i = 0; i < count; i++)
        add(writer, "postern_limit_refusals_total{tier=\"%.*s\",resource=\"%.*s\"} %" PRIu64 "\n",
            SLICE_ARGS(refusals[i].tier), SLICE_ARGS(refusals[i].resource), refusals[i].count);
}

static void add_limits(struct writer *writer, const struct meter_stats *stats)
{
    const struct limit_table_stats *limits = &stats->limits;
    ADD_METRICS(
        writer,
        {"postern_limit_asks_total", COUNTER, "How often limits were asked, peeks and repetitions included.",
         limits->decisions},
        {"postern_limit_waits_total", COUNTER, "Of them, how often the answer was to wait for the disk.",
         limits->waits},
        {"postern_reservations_total", COUNTER, "Meters handed to the disk, each with what is reserved for it.",
         limits->records},
        {"postern_meters", GAUGE, "Meters of limits in memory.", limits->meters},
        {"postern_meters_bytes", GAUGE, "Memory that they take.", limits->bytes},
        {"postern_custom_meters", GAUGE, "Meters of custom subjects on disk, as last counted.", stats->custom_meters},
        {"postern_custom_callers", GAUGE, "Callers that have made them.", stats->custom_makers});
}

// --- what it holds

static void add_stores(struct writer *writer, const struct store_health *registry, const struct store_health *meters)
{
    const struct {
        const char *labels;
        const struct store_health *health;
    } stores[] = {{"store=\"registry\",", registry}, {"store=\"meters\",", meters}};
    const struct {
        struct metric metric;
        size_t offset;
    } rows[] = {
        {{"postern_store_used_bytes", GAUGE, "Pages of the store's map in use.", 0},
         offsetof(struct store_health, map_used_bytes)},
        {{"postern_store_size_bytes", GAUGE, "The map's size: when it is full, changes stop.", 0},
         offsetof(struct store_health, map_size_bytes)},
        {{"postern_store_commits_total", COUNTER, "Commits.", 0}, offsetof(struct store_health, commits)},
        {{"postern_store_jobs_total", COUNTER, "Jobs of the writer; those of a commit share one flush.", 0},
         offsetof(struct store_health, jobs)},
    };
    enum { STORES = sizeof stores / sizeof *stores };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        const struct metric *metric = &rows[row].metric;
        add_head(writer, metric->name, metric->type, metric->help);
        for (size_t i = 0; i < STORES; i++) {
            uint64_t value = 0;
            memcpy(&value, (const char *)stores[i].health + rows[row].offset, sizeof value);
            add(writer, "%s{%.*s} %" PRIu64 "\n", metric->name, (int)strlen(stores[i].labels) - 1, stores[i].labels,
                value);
        }
    }
    add_head(writer, "postern_store_writable", GAUGE, "1 when the last commit worked, 0 when it failed.");
    for (size_t i = 0; i < STORES; i++)
        add(writer, "postern_store_writable{%.*s} %d\n", (int)strlen(stores[i].labels) - 1, stores[i].labels,
            stores[i].health->last_commit == STATUS_OK);
    add_head(writer, "postern_store_commit_duration_seconds", HISTOGRAM,
             "Of a batch of the writer, from its first job to the end of its flush.");
    for (size_t i = 0; i < STORES; i++)
        add_histogram(writer, "postern_store_commit_duration_seconds", stores[i].labels, stores[i].health->commit_time);
    add_head(writer, "postern_store_fsync_duration_seconds", HISTOGRAM,
             "Of the flush alone: writing the pages and waiting for the disk (fsync).");
    for (size_t i = 0; i < STORES; i++)
        add_histogram(writer, "postern_store_fsync_duration_seconds", stores[i].labels, stores[i].health->flush_time);
}

static void add_keys(struct writer *writer, const struct call_server *server)
{
    const struct registry_key_counts counts = registry_key_counts(server->registry);
    if (counts.counted_ms == 0)
        return;
    add_head(writer, "postern_keys", GAUGE, "Keys by state, without deleted ones, as last counted.");
    for (int state = KEY_STATE_ACTIVE; state <= KEY_STATE_PENDING; state++)
        add(writer, "postern_keys{state=\"%s\"} %" PRIu64 "\n", key_state_name((enum key_state)state),
            counts.by_state[state]);
    add_head(writer, "postern_keys_expiring", GAUGE,
             "Of the active, disabled and pending ones, those that expire within so many days.");
    add(writer, "postern_keys_expiring{days=\"7\"} %" PRIu64 "\n", counts.expire_in_7_days);
    add(writer, "postern_keys_expiring{days=\"30\"} %" PRIu64 "\n", counts.expire_in_30_days);
    add_head(writer, "postern_keys_old", GAUGE, "Of them, those that were made longer ago than so many days.");
    add(writer, "postern_keys_old{days=\"90\"} %" PRIu64 "\n", counts.older_than_90_days);
    add_seconds(writer, "postern_keys_age_seconds", "How long ago these counts of keys were begun.",
                (int64_t)(clock_now_ms(server->clock) - counts.counted_ms));
}

// --- who asks

static void add_connections(struct writer *writer, const struct call_server *server)
{
    const struct transport_stats stats = transport_stats(server->transport);
    const struct {
        const char *cause;
        uint64_t count;
    } closed[] = {{"no_greeting", stats.closed_no_greeting}, {"bad_frame", stats.closed_bad_frame},
                  {"half_frame", stats.closed_half_frame},   {"stuck", stats.closed_stuck},
                  {"no_memory", stats.closed_memory},        {"displaced", stats.displaced}};
    ADD_METRICS(
        writer, {"postern_connections", GAUGE, "Open connections.", stats.connections},
        {"postern_calls_in_flight", GAUGE, "Calls that are not answered yet.", stats.calls_in_flight},
        {"postern_connection_memory_bytes", GAUGE, "Buffers of all connections.", stats.memory_bytes},
        {"postern_connections_accepted_total", COUNTER, "Connections that were accepted.", stats.accepted},
        {"postern_connections_refused_total", COUNTER, "Connections that came when all were taken.",
         stats.connections_refused},
        {"postern_requests_total", COUNTER, "Requests.", stats.requests},
        {"postern_requests_overloaded_total", COUNTER, "Requests beyond a bound: nothing was done.", stats.overloaded},
        {"postern_requests_expired_total", COUNTER, "Requests whose time had passed before they were begun.",
         atomic_load_explicit(&server->expired, memory_order_relaxed)},
        {"postern_tls_failures_total", COUNTER, "TLS handshakes and sessions that failed.", stats.tls_failures},
        {"postern_accept_failures_total", COUNTER, "Connections that waited for want of descriptors or memory.",
         stats.accept_failures});
    add_head(writer, "postern_connections_closed_total", COUNTER, "Connections that the daemon closed, by cause.");
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        add(writer, "postern_connections_closed_total{cause=\"%s\"} %" PRIu64 "\n", closed[i].cause, closed[i].count);
}

static void add_daemon(struct writer *writer, const struct call_server *server, const struct meter_stats *stats)
{
    const uint64_t now_ms = clock_now_ms(server->clock);
    add_head(writer, "postern_build_info", GAUGE, "The version of posternd.");
    add(writer, "postern_build_info{version=\"%s\"} 1\n", POSTERN_VERSION);
    add_seconds(writer, "postern_uptime_seconds", "Since posternd has started.", (int64_t)(now_ms - server->opened_ms));
    add_seconds(writer, "postern_written_timestamp_seconds", "When these figures were written, by the wall clock.",
                (int64_t)clock_wall_ms(server->clock));
    add_seconds(writer, "postern_clock_ahead_seconds", "How far the daemon's time is ahead of the wall clock.",
                clock_ahead_ms(server->clock));
    ADD_METRICS(writer,
                {"postern_clock_jumps_total", COUNTER, "How often the wall clock was set.", stats->clock_jumps});
}

size_t metrics_write(const struct call_server *server, char out[RPC_METRICS_MAX])
{
    struct writer writer = {.out = out};
    const struct meter_stats stats = meter_stats(server->meters);
    const struct store_health registry = registry_health(server->registry);
    add_daemon(&writer, server, &stats);
    add_decisions(&writer, server);
    add_refusals(&writer, server);
    add_head(&writer, "postern_decision_duration_seconds", HISTOGRAM,
             "Of Verify, VerifyBatch and RateCheck, from the request to the reply; of every sixteenth call.");
    add_histogram(&writer, "postern_decision_duration_seconds", "", &server->decision_time);
    add_limits(&writer, &stats);
    add_stores(&writer, &registry, &stats.store);
    add_keys(&writer, server);
    add_connections(&writer, server);
    return writer.is_full ? 0 : writer.used;
}
