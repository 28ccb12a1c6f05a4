// Import.
#include "call.h"
#include "error.h"
#include "wire.h"

#include <stdio.h>

// Messages of one key.
struct import_wire {
    Postern__V1__ImportKey key;
    Postern__V1__CreateRequest create;
};

static enum postern_status token_to_wire(const struct postern_import_key *key, size_t index,
                                         Postern__V1__ImportKey *wire, struct postern_error *error)
{
    if ((key->sha256 != NULL) == (key->api_key != NULL)) {
        char field[64];
        snprintf(field, sizeof field, "import.keys[%zu].token", index);
        return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, field, "give exactly one of sha256 and api_key");
    }
    if (key->sha256 != NULL) {
        wire->token_case = POSTERN__V1__IMPORT_KEY__TOKEN_SHA256;
        wire->sha256 = postern_wire_bytes(key->sha256, POSTERN_SHA256_SIZE);
    } else {
        wire->token_case = POSTERN__V1__IMPORT_KEY__TOKEN_API_KEY;
        wire->api_key = postern_wire_text(key->api_key);
    }
    return POSTERN_OK;
}

static enum postern_status import_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_import_request *request = from;
    Postern__V1__ImportRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__import_request__init(wire);
    struct import_wire *parts = postern_arena_array(&ask->arena, request->key_count, sizeof *parts);
    enum postern_status status = POSTERN_OK;
    wire->keys = postern_arena_array(&ask->arena, request->key_count, sizeof wire->keys[0]);
    for (size_t i = 0; parts != NULL && wire->keys != NULL && status == POSTERN_OK && i < request->key_count; i++) {
        postern__v1__import_key__init(&parts[i].key);
        status = token_to_wire(&request->keys[i], i, &parts[i].key, error);
        postern_wire_create(&ask->arena, &request->keys[i].key, &parts[i].create);
        parts[i].key.key = &parts[i].create;
        wire->keys[i] = &parts[i].key;
    }
    wire->n_keys = request->key_count;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_IMPORT;
    ask->request.import = wire;
    return status;
}

static void *import_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__ImportReply *wire = (const Postern__V1__ImportReply *)box->result;
    struct postern_import_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->keys = postern_keys_of(&box->arena, wire->keys, wire->n_keys);
    reply->key_count = wire->n_keys;
    reply->skipped = wire->skipped;
    return reply;
}

static void deliver_import(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_import_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method import_method = {import_to_wire, import_of, deliver_import};

enum postern_status postern_import(struct postern *client, const struct postern_import_request *request,
                                   struct postern_import_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &import_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_import_start(struct postern *client, const struct postern_import_request *request,
                                         void (*done)(void *context, struct postern_import_reply *reply,
                                                      const struct postern_error *error),
                                         void *context, struct postern_error *error)
{
    return postern_start(client, &import_method, request, (postern_done *)done, context, error);
}
