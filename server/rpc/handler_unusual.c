// What stands out in the running hour of a key.
#include "rpc/handler.h"

static const struct {
    enum usage_flag flag;
    Postern__V1__Unusual wire;
} flags[] = {{USAGE_VOLUME_UP, POSTERN__V1__UNUSUAL__UNUSUAL_VOLUME},
             {USAGE_REFUSALS_UP, POSTERN__V1__UNUSUAL__UNUSUAL_REFUSALS},
             {USAGE_NEW_ADDRESS, POSTERN__V1__UNUSUAL__UNUSUAL_NEW_ADDRESS}};

enum { FLAGS = sizeof flags / sizeof flags[0], HOUR_MS = 3600 * 1000 };

static bool fill(struct arena *arena, const struct usage_verdict *verdict, uint64_t at_ms, Postern__V1__Key *out)
{
    out->unusual = arena_array(arena, FLAGS, sizeof *out->unusual);
    out->activity = arena_alloc(arena, sizeof *out->activity);
    if (out->unusual == NULL || out->activity == NULL)
        return false;
    for (size_t i = 0; i < FLAGS; i++) {
        if ((verdict->flags & flags[i].flag) != 0)
            out->unusual[out->n_unusual++] = flags[i].wire;
    }
    postern__v1__activity__init(out->activity);
    out->activity->hour_start_ms = at_ms - at_ms % HOUR_MS;
    out->activity->calls = verdict->calls;
    out->activity->refusals = verdict->refusals;
    out->activity->judged = verdict->judged;
    out->activity->usual_calls = verdict->usual_calls;
    out->activity->usual_refusals = verdict->usual_refusals;
    return true;
}

// A damaged record of a key's last use does not hide the key; it cannot be judged.
enum status handler_fill_unusual(struct call *call, const struct handler_judge *judge, const uint8_t id[KEY_ID_SIZE],
                                 Postern__V1__Key *out)
{
    struct usage_verdict verdict = {0};
    const struct authorizer_usage *usage = judge->usage;
    bool all = judge->which == HANDLER_UNUSUAL_ALL;
    enum status status = STATUS_OK;
    if (judge->which == HANDLER_UNUSUAL_NOT || usage->usage == NULL)
        return STATUS_OK;
    if (all)
        status = usage_unusual(usage->usage, usage->view, id, judge->at_ms, &verdict);
    else
        status = usage_unusual_only(usage->usage, usage->view, id, judge->at_ms, &verdict);
    if (status != STATUS_OK && status != STATUS_DATA_LOSS)
        return status;
    if (!all && verdict.flags == 0)
        return STATUS_OK;
    return fill(call->arena, &verdict, judge->at_ms, out) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}
