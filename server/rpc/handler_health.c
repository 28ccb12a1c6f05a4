#include <stdio.h>

#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

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
