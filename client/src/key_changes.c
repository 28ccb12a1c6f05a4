// Update, Roll, Revoke, Delete.
#include "call.h"
#include "error.h"
#include "wire.h"

// ------------------------------------------------------------------------------------------------------ Update

static void set_update_mask(struct postern_arena *arena, unsigned fields, Postern__V1__UpdateRequest *wire)
{
    static const struct {
        enum postern_update_field field;
        const char *path;
    } paths[] = {{POSTERN_UPDATE_NAME, "name"},
                 {POSTERN_UPDATE_SCOPES, "scopes"},
                 {POSTERN_UPDATE_METADATA, "metadata"},
                 {POSTERN_UPDATE_EXPIRES_AT, "expires_at_ms"},
                 {POSTERN_UPDATE_ALLOWED_ADDRESSES, "allowed_addresses"},
                 {POSTERN_UPDATE_LIMITS, "limits"},
                 {POSTERN_UPDATE_ENABLED, "enabled"}};
    const size_t count = sizeof paths / sizeof paths[0];
    wire->update_mask = postern_arena_array(arena, count, sizeof wire->update_mask[0]);
    for (size_t i = 0; wire->update_mask != NULL && i < count; i++)
        if ((fields & paths[i].field) != 0)
            wire->update_mask[wire->n_update_mask++] = postern_wire_text(paths[i].path);
}

static enum postern_status update_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_update_request *request = from;
    Postern__V1__UpdateRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__update_request__init(wire);
    struct postern_arena *arena = &ask->arena;
    wire->key_id = postern_wire_text(request->key_id);
    wire->if_version = request->if_version;
    set_update_mask(arena, request->fields, wire);
    wire->name = postern_wire_text(request->name);
    wire->scopes = postern_wire_texts(arena, request->scopes, request->scope_count);
    wire->n_scopes = request->scope_count;
    wire->metadata = postern_wire_entries(arena, request->metadata, request->metadata_count);
    wire->n_metadata = request->metadata_count;
    wire->expires_at_ms = request->expires_at_ms;
    wire->allowed_addresses = postern_wire_texts(arena, request->allowed_addresses, request->allowed_address_count);
    wire->n_allowed_addresses = request->allowed_address_count;
    wire->limits = postern_wire_limits(arena, request->limits, request->limit_count);
    wire->n_limits = request->limit_count;
    wire->enabled = request->enabled;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_UPDATE;
    ask->request.update = wire;
    return POSTERN_OK;
}

static void *update_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__UpdateReply *wire = (const Postern__V1__UpdateReply *)box->result;
    struct postern_update_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        postern_key_of(&box->arena, wire->key, &reply->key);
    return reply;
}

static void deliver_update(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_update_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method update_method = {update_to_wire, update_of, deliver_update};

enum postern_status postern_update(struct postern *client, const struct postern_update_request *request,
                                   struct postern_update_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &update_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_update_start(struct postern *client, const struct postern_update_request *request,
                                         void (*done)(void *context, struct postern_update_reply *reply,
                                                      const struct postern_error *error),
                                         void *context, struct postern_error *error)
{
    return postern_start(client, &update_method, request, (postern_done *)done, context, error);
}

// -------------------------------------------------------------------------------------------------------- Roll

static enum postern_status roll_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_roll_request *request = from;
    Postern__V1__RollRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__roll_request__init(wire);
    wire->key_id = postern_wire_text(request->key_id);
    if (request->has_grace) {
        wire->grace_case = POSTERN__V1__ROLL_REQUEST__GRACE_GRACE_MS;
        wire->grace_ms = request->grace_ms;
    }
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_ROLL;
    ask->request.roll = wire;
    return POSTERN_OK;
}

static void *roll_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__RollReply *wire = (const Postern__V1__RollReply *)box->result;
    struct postern_roll_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->api_key = postern_text_of(wire->api_key);
    postern_key_of(&box->arena, wire->key, &reply->key);
    postern_key_of(&box->arena, wire->predecessor, &reply->predecessor);
    return reply;
}

static void deliver_roll(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_roll_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method roll_method = {roll_to_wire, roll_of, deliver_roll};

enum postern_status postern_roll(struct postern *client, const struct postern_roll_request *request,
                                 struct postern_roll_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &roll_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_roll_start(struct postern *client, const struct postern_roll_request *request,
                                       void (*done)(void *context, struct postern_roll_reply *reply,
                                                    const struct postern_error *error),
                                       void *context, struct postern_error *error)
{
    return postern_start(client, &roll_method, request, (postern_done *)done, context, error);
}

// ------------------------------------------------------------------------------------------------------ Revoke

static enum postern_status revoke_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_revoke_request *request = from;
    Postern__V1__RevokeRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__revoke_request__init(wire);
    if ((request->key_id != NULL) == (request->api_key != NULL))
        return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, "revoke.which",
                                  "give exactly one of key_id and api_key");
    if (request->key_id != NULL) {
        wire->which_case = POSTERN__V1__REVOKE_REQUEST__WHICH_KEY_ID;
        wire->key_id = postern_wire_text(request->key_id);
    } else {
        wire->which_case = POSTERN__V1__REVOKE_REQUEST__WHICH_API_KEY;
        wire->api_key = postern_wire_text(request->api_key);
    }
    wire->reason = postern_wire_text(request->reason);
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_REVOKE;
    ask->request.revoke = wire;
    return POSTERN_OK;
}

static void *revoke_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__RevokeReply *wire = (const Postern__V1__RevokeReply *)box->result;
    struct postern_revoke_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        postern_key_of(&box->arena, wire->key, &reply->key);
    return reply;
}

static void deliver_revoke(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_revoke_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method revoke_method = {revoke_to_wire, revoke_of, deliver_revoke};

enum postern_status postern_revoke(struct postern *client, const struct postern_revoke_request *request,
                                   struct postern_revoke_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &revoke_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_revoke_start(struct postern *client, const struct postern_revoke_request *request,
                                         void (*done)(void *context, struct postern_revoke_reply *reply,
                                                      const struct postern_error *error),
                                         void *context, struct postern_error *error)
{
    return postern_start(client, &revoke_method, request, (postern_done *)done, context, error);
}

// ------------------------------------------------------------------------------------------------------ Delete

static void *delete_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__DeleteReply *wire = (const Postern__V1__DeleteReply *)box->result;
    struct postern_delete_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        postern_key_of(&box->arena, wire->key, &reply->key);
    return reply;
}

static enum postern_status delete_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_delete_request *request = from;
    Postern__V1__DeleteRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__delete_request__init(wire);
    wire->key_id = postern_wire_text(request->key_id);
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_DELETE;
    ask->request.delete_ = wire;
    return POSTERN_OK;
}

static void deliver_delete(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_delete_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method delete_method = {delete_to_wire, delete_of, deliver_delete};

enum postern_status postern_delete(struct postern *client, const struct postern_delete_request *request,
                                   struct postern_delete_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &delete_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_delete_start(struct postern *client, const struct postern_delete_request *request,
                                         void (*done)(void *context, struct postern_delete_reply *reply,
                                                      const struct postern_error *error),
                                         void *context, struct postern_error *error)
{
    return postern_start(client, &delete_method, request, (postern_done *)done, context, error);
}
