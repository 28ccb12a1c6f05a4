// Stats.
#include "call.h"
#include "error.h"
#include "wire.h"

static struct postern_meter_stats meters_of(const Postern__V1__MeterStats *wire)
{
    const Postern__V1__MeterStats none = POSTERN__V1__METER_STATS__INIT;
    if (wire == NULL)
        wire = &none;
    return (struct postern_meter_stats){.meters = wire->meters,
                                        .bytes = wire->bytes,
                                        .decisions = wire->decisions,
                                        .waits = wire->waits,
                                        .records = wire->records,
                                        .custom_meters = wire->custom_meters};
}

static struct postern_usage_stats usage_of(const Postern__V1__UsageStats *wire)
{
    const Postern__V1__UsageStats none = POSTERN__V1__USAGE_STATS__INIT;
    if (wire == NULL)
        wire = &none;
    return (struct postern_usage_stats){.entries = wire->entries,
                                        .entries_max = wire->entries_max,
                                        .waiting = wire->waiting,
                                        .overflow = wire->overflow,
                                        .written = wire->written,
                                        .removed = wire->removed,
                                        .damaged = wire->damaged};
}

static struct postern_connection_stats connections_of(const Postern__V1__ConnectionStats *wire)
{
    const Postern__V1__ConnectionStats none = POSTERN__V1__CONNECTION_STATS__INIT;
    if (wire == NULL)
        wire = &none;
    return (struct postern_connection_stats){.connections = wire->connections,
                                             .calls_in_flight = wire->calls_in_flight,
                                             .memory_bytes = wire->memory_bytes,
                                             .accepted = wire->accepted,
                                             .requests = wire->requests,
                                             .overloaded = wire->overloaded,
                                             .expired = wire->expired,
                                             .refused = wire->refused,
                                             .closed_no_greeting = wire->closed_no_greeting,
                                             .closed_bad_frame = wire->closed_bad_frame,
                                             .closed_half_frame = wire->closed_half_frame,
                                             .closed_stuck = wire->closed_stuck,
                                             .closed_no_memory = wire->closed_no_memory,
                                             .tls_failures = wire->tls_failures,
                                             .accept_failures = wire->accept_failures};
}

static const struct postern_store_stats *stores_of(struct postern_arena *arena, Postern__V1__StoreStats *const *wire,
                                                   size_t count)
{
    struct postern_store_stats *stores = postern_arena_array(arena, count, sizeof *stores);
    for (size_t i = 0; stores != NULL && i < count; i++)
        stores[i] = (struct postern_store_stats){.name = postern_text_of(wire[i]->name),
                                                 .used_bytes = wire[i]->used_bytes,
                                                 .size_bytes = wire[i]->size_bytes,
                                                 .commits = wire[i]->commits,
                                                 .jobs = wire[i]->jobs,
                                                 .last_commit = postern_text_of(wire[i]->last_commit)};
    return stores;
}

static const struct postern_busy *busiest_of(struct postern_arena *arena, Postern__V1__Busy *const *wire, size_t count)
{
    struct postern_busy *busiest = postern_arena_array(arena, count, sizeof *busiest);
    for (size_t i = 0; busiest != NULL && i < count; i++)
        busiest[i] = (struct postern_busy){.account = postern_text_of(wire[i]->account),
                                           .key_id = postern_text_of(wire[i]->key_id),
                                           .key_name = postern_text_of(wire[i]->key_name),
                                           .calls = wire[i]->calls,
                                           .refusals = wire[i]->refusals};
    return busiest;
}

static void fill_totals(const Postern__V1__StatsReply *wire, struct postern_stats_reply *reply)
{
    reply->version = postern_text_of(wire->version);
    reply->uptime_ms = wire->uptime_ms;
    reply->decisions = wire->decisions;
    reply->refusals = wire->refusals;
    reply->meters = meters_of(wire->meters);
    reply->usage = usage_of(wire->usage);
    reply->connections = connections_of(wire->connections);
    reply->clock_ahead_ms = wire->clock_ahead_ms;
    reply->clock_jumps = wire->clock_jumps;
    reply->hour_start_ms = wire->hour_start_ms;
}

static void *stats_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__StatsReply *wire = (const Postern__V1__StatsReply *)box->result;
    struct postern_stats_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    fill_totals(wire, reply);
    reply->counters = postern_counters_of(&box->arena, wire->counters, wire->n_counters);
    reply->counter_count = wire->n_counters;
    reply->stores = stores_of(&box->arena, wire->stores, wire->n_stores);
    reply->store_count = wire->n_stores;
    reply->accounts = busiest_of(&box->arena, wire->accounts, wire->n_accounts);
    reply->account_count = wire->n_accounts;
    reply->keys = busiest_of(&box->arena, wire->keys, wire->n_keys);
    reply->key_count = wire->n_keys;
    return reply;
}

static enum postern_status stats_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_stats_request *request = from;
    Postern__V1__StatsRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__stats_request__init(wire);
    wire->top = request->top;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_STATS;
    ask->request.stats = wire;
    return POSTERN_OK;
}

static void deliver_stats(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_stats_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method stats_method = {stats_to_wire, stats_of, deliver_stats};

enum postern_status postern_stats(struct postern *client, const struct postern_stats_request *request,
                                  struct postern_stats_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &stats_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_stats_start(struct postern *client, const struct postern_stats_request *request,
                                        void (*done)(void *context, struct postern_stats_reply *reply,
                                                     const struct postern_error *error),
                                        void *context, struct postern_error *error)
{
    return postern_start(client, &stats_method, request, (postern_done *)done, context, error);
}
