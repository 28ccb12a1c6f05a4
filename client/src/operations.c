// Health, ListChanges.
#include "call.h"
#include "wire.h"

// ------------------------------------------------------------------------------------------------------ Health

static void *health_of(struct postern_reply_box *box)
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
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, request != NULL ? &request->call : &none, &ask, error);
    if (status != POSTERN_OK)
        return status;
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_HEALTH;
    ask.request.health = &wire;
    status = postern_ask_answer(client, &ask, health_of, &made, error);
    *reply = made;
    return status;
}

// ------------------------------------------------------------------------------------------------- ListChanges

static void list_changes_to_wire(struct postern_ask *ask, const struct postern_list_changes_request *request,
                                 Postern__V1__ListChangesRequest *wire)
{
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

static void *list_changes_of(struct postern_reply_box *box)
{
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

enum postern_status postern_list_changes(struct postern *client, const struct postern_list_changes_request *request,
                                         struct postern_list_changes_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__ListChangesRequest wire;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    list_changes_to_wire(&ask, request, &wire);
    status = postern_ask_answer(client, &ask, list_changes_of, &made, error);
    *reply = made;
    return status;
}
