// What operators watch: Health, Stats, GetUsage, ListChanges.
#include "call.h"

static const struct postern_table postern_counter_table = TABLE(counter, ROWS(ROW(counter, name), ROW(counter, value)));

// ------------------------------------------------------------------------------------------------------ Health

POSTERN_CALL(health, HEALTH, ROWS(ROW_NONE),
             ROWS(ROW(health_reply, serving), ROW(health_reply, version), ROW(health_reply, uptime_ms),
                  ROW(health_reply, store), ROW(health_reply, clock_ahead_ms), ROW(health_reply, clock_jumps)),
             .changes_registry = false);

// ------------------------------------------------------------------------------------------------------- Stats

static const struct postern_table postern_meter_stats_table =
    TABLE(meter_stats,
          ROWS(ROW(meter_stats, meters), ROW(meter_stats, bytes), ROW(meter_stats, decisions), ROW(meter_stats, waits),
               ROW(meter_stats, records), ROW(meter_stats, custom_meters), ROW(meter_stats, custom_callers)));

static const struct postern_table postern_usage_stats_table =
    TABLE(usage_stats, ROWS(ROW(usage_stats, entries), ROW(usage_stats, entries_max), ROW(usage_stats, waiting),
                            ROW(usage_stats, overflow), ROW(usage_stats, written), ROW(usage_stats, removed),
                            ROW(usage_stats, damaged), ROW(usage_stats, would_refuse)));

static const struct postern_table postern_store_stats_table =
    TABLE(store_stats, ROWS(ROW(store_stats, name), ROW(store_stats, used_bytes), ROW(store_stats, size_bytes),
                            ROW(store_stats, commits), ROW(store_stats, jobs), ROW(store_stats, last_commit)));

static const struct postern_table postern_busy_table = TABLE(
    busy, ROWS(ROW(busy, account), ROW(busy, key_id), ROW(busy, key_name), ROW(busy, calls), ROW(busy, refusals)));

static const struct postern_table postern_connection_stats_table =
    TABLE(connection_stats,
          ROWS(ROW(connection_stats, connections), ROW(connection_stats, calls_in_flight),
               ROW(connection_stats, memory_bytes), ROW(connection_stats, accepted), ROW(connection_stats, requests),
               ROW(connection_stats, overloaded), ROW(connection_stats, expired), ROW(connection_stats, refused),
               ROW(connection_stats, closed_no_greeting), ROW(connection_stats, closed_bad_frame),
               ROW(connection_stats, closed_half_frame), ROW(connection_stats, closed_stuck),
               ROW(connection_stats, closed_no_memory), ROW(connection_stats, tls_failures),
               ROW(connection_stats, accept_failures), ROW(connection_stats, displaced)));

POSTERN_CALL(stats, STATS, ROWS(ROW(stats_request, top), ROW(stats_request, metrics)),
             ROWS(ROW_STRUCTS(stats_reply, counters, counter_count, counter), ROW(stats_reply, version),
                  ROW(stats_reply, uptime_ms), ROW(stats_reply, decisions), ROW(stats_reply, refusals),
                  ROW_STRUCT(stats_reply, meters, meter_stats), ROW_STRUCT(stats_reply, usage, usage_stats),
                  ROW_STRUCTS(stats_reply, stores, store_count, store_stats), ROW(stats_reply, clock_ahead_ms),
                  ROW(stats_reply, clock_jumps), ROW(stats_reply, hour_start_ms),
                  ROW_STRUCTS(stats_reply, accounts, account_count, busy),
                  ROW_STRUCTS(stats_reply, keys, key_count, busy),
                  ROW_STRUCT(stats_reply, connections, connection_stats),
                  ROW_TEXTS(stats_reply, metrics, metrics_count)),
             .changes_registry = false);

// ---------------------------------------------------------------------------------------- GetUsage, ListChanges

// When both subjects are given, the key wins.
static const struct postern_table postern_usage_bucket_table =
    TABLE(usage_bucket, ROWS(ROW(usage_bucket, start_ms), ROW_STRUCTS(usage_bucket, reasons, reason_count, counter),
                             ROW_STRUCTS(usage_bucket, costs, cost_count, counter), ROW(usage_bucket, would_refuse)));
POSTERN_CALL(get_usage, GET_USAGE,
             ROWS(ROW_CHOICE(get_usage_request, subject, account, POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_ACCOUNT),
                  ROW_CHOICE(get_usage_request, subject, key_id, POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_KEY_ID),
                  ROW(get_usage_request, from_ms), ROW(get_usage_request, to_ms), ROW(get_usage_request, bucket_s),
                  ROW(get_usage_request, life)),
             ROWS(ROW_STRUCTS(get_usage_reply, buckets, bucket_count, usage_bucket)), .changes_registry = false);

static const struct postern_table postern_change_table = TABLE(
    change, ROWS(ROW(change, seq), ROW(change, time_ms), ROW(change, actor), ROW(change, on_behalf_of),
                 ROW(change, what), ROW(change, account), ROW(change, key_id),
                 ROW_STRUCTS(change, before, before_count, entry), ROW_STRUCTS(change, after, after_count, entry)));

static enum postern_status complete_list_changes(struct postern_ask *ask, const void *from, void *to,
                                                 struct postern_error *error)
{
    const struct postern_list_changes_request *request = from;
    (void)to;
    (void)error;
    ask->wait_ms = request->wait_ms;
    ask->timeout_ms = ask->timeout_ms < UINT32_MAX - ask->wait_ms ? ask->timeout_ms + ask->wait_ms : UINT32_MAX;
    return POSTERN_OK;
}

POSTERN_CALL(list_changes, LIST_CHANGES,
             ROWS(ROWS_PAGE(list_changes_request), ROW(list_changes_request, from_ms), ROW(list_changes_request, to_ms),
                  ROW(list_changes_request, actor), ROW(list_changes_request, account),
                  ROW(list_changes_request, key_id), ROW(list_changes_request, after_seq),
                  ROW(list_changes_request, wait_ms)),
             ROWS(ROW_STRUCTS(list_changes_reply, changes, change_count, change), ROWS_NEXT_PAGE(list_changes_reply)),
             .changes_registry = false, .complete = complete_list_changes);
