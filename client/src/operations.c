// Health, ListChanges.
#include "call.h"
#include "error.h"
#include "wire.h"

// ------------------------------------------------------------------------------------------------------ Health

static void *health_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
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

static enum postern_status health_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    (void)from;
    Postern__V1__HealthRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__health_request__init(wire);
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_HEALTH;
    ask->request.health = wire;
    return POSTERN_OK;
}

static void deliver_health(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_health_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method health_method = {health_to_wire, health_of, deliver_health};

enum postern_status postern_health(struct postern *client, const struct postern_health_request *request,
                                   struct postern_health_reply **reply, struct postern_error *error)
{
    const struct postern_health_request none = {.call = {0}};
    void *made = NULL;
    enum postern_status status = postern_run(client, &health_method, request != NULL ? request : &none, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_health_start(struct postern *client, const struct postern_health_request *request,
                                         void (*done)(void *context, struct postern_health_reply *reply,
                                                      const struct postern_error *error),
                                         void *context, struct postern_error *error)
{
    const struct postern_health_request none = {.call = {0}};
    return postern_start(client, &health_method, request != NULL ? request : &none, (postern_done *)done, context,
                         error);
}

// ------------------------------------------------------------------------------------------------- ListChanges

static enum postern_status list_changes_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_list_changes_request *request = from;
    Postern__V1__ListChangesRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__list_changes_request__init(wire);
    wire->page_size = request->page_size;
    wire->page_token = postern_wire_bytes(request->page_token, request->page_token_size);
    wire->from_ms = request->from_ms;
    wire->to_ms = request->to_ms;
    wire->actor = postern_wire_text(request->actor);
    wire->account = postern_wire_text(request->account);
    wire->key_id = postern_wire_text(request->key_id);
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_LIST_CHANGES;
    ask->request.list_changes = wire;
    return POSTERN_OK;
}

static void change_of(struct postern_arena *arena, const Postern__V1__Change *wire, struct postern_change *change)
{
    *change = (struct postern_change){.seq = wire->seq,
                                      .time_ms = wire->time_ms,
                                      .actor = postern_text_of(wire->actor),
                                      .on_behalf_of = postern_text_of(wire->on_behalf_of),
                                      .what = postern_text_of(wire->what),
                                      .account = postern_text_of(wire->account),
                                      .key_id = postern_text_of(wire->key_id),
                                      .before = postern_entries_of(arena, wire->before, wire->n_before),
                                      .before_count = wire->n_before,
                                      .after = postern_entries_of(arena, wire->after, wire->n_after),
                                      .after_count = wire->n_after};
}

static void *list_changes_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__ListChangesReply *wire = (const Postern__V1__ListChangesReply *)box->result;
    struct postern_list_changes_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    struct postern_change *changes = postern_arena_array(&box->arena, wire->n_changes, sizeof *changes);
    for (size_t i = 0; changes != NULL && i < wire->n_changes; i++)
        change_of(&box->arena, wire->changes[i], &changes[i]);
    reply->changes = changes;
    reply->change_count = wire->n_changes;
    reply->next_page_token = wire->next_page_token.data;
    reply->next_page_token_size = wire->next_page_token.len;
    return reply;
}

static void deliver_list_changes(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_list_changes_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method list_changes_method = {list_changes_to_wire, list_changes_of, deliver_list_changes};

enum postern_status postern_list_changes(struct postern *client, const struct postern_list_changes_request *request,
                                         struct postern_list_changes_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &list_changes_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_list_changes_start(struct postern *client,
                                               const struct postern_list_changes_request *request,
                                               void (*done)(void *context, struct postern_list_changes_reply *reply,
                                                            const struct postern_error *error),
                                               void *context, struct postern_error *error)
{
    return postern_start(client, &list_changes_method, request, (postern_done *)done, context, error);
}
