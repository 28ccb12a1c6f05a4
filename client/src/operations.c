// Health.
#include "call.h"
#include "wire.h"

static struct postern_health_reply *health_of(struct postern_reply_box *box)
{
    const Postern__V1__HealthReply *wire = (const Postern__V1__HealthReply *)box->result;
    struct postern_health_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->serving = wire->serving != 0;
    reply->version = postern_text_of(wire->version);
    reply->uptime_ms = wire->uptime_ms;
    reply->store = postern_text_of(wire->store);
    reply->clock_ahead_ms = wire->clock_ahead_ms;
    reply->clock_jumps = wire->clock_jumps;
    return reply;
}

enum postern_status postern_health(struct postern *client, const struct postern_health_request *request,
                                   struct postern_health_reply **reply, struct postern_error *error)
{
    const struct postern_call none = {0};
    struct postern_ask ask;
    Postern__V1__HealthRequest wire = POSTERN__V1__HEALTH_REQUEST__INIT;
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, request != NULL ? &request->call : &none, &ask, error);
    if (status != POSTERN_OK)
        return status;
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_HEALTH;
    ask.request.health = &wire;
    status = postern_ask_perform(client, &ask, &box, error);
    postern_ask_wipe(&ask);
    if (status != POSTERN_OK)
        return status;
    struct postern_health_reply *made = health_of(box);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}
