// Import: keys whose tokens were made elsewhere.
#include "rpc/handler.h"
#include "rpc/wire.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_MIN = 16 };

static bool answer_import(const struct handler_change *change, Postern__V1__Reply *reply)
{
    const struct registry_result *result = &change->command.result;
    struct arena *arena = change->command.arena;
    Postern__V1__ImportReply *import = call_result_new(change->call, arena, reply);
    if (import == NULL)
        return false;
    import->skipped = (uint32_t)result->skipped;
    import->keys = arena_array(arena, result->key_count, sizeof *import->keys);
    if (import->keys == NULL)
        return false;
    for (size_t i = 0; i < result->key_count; i++) {
        import->keys[i] = wire_key(arena, &result->keys[i], 0, result->now_ms); // just made: none is revoked
        if (import->keys[i] == NULL)
            return false;
    }
    import->n_keys = result->key_count;
    return true;
}

// Clear text goes no further than this: only its hash does.
static enum status read_token(Postern__V1__ImportKey *from, uint8_t out[SECRET_HASH_SIZE],
                              struct status_failure *failure)
{
    switch (from->token_case) {
    case POSTERN__V1__IMPORT_KEY__TOKEN_SHA256:
        if (from->sha256.len != SECRET_HASH_SIZE)
            return status_fail(failure, STATUS_INVALID_ARGUMENT, "sha256", "a SHA-256 has 32 bytes, this has %zu",
                               from->sha256.len);
        memcpy(out, from->sha256.data, SECRET_HASH_SIZE);
        return STATUS_OK;
    case POSTERN__V1__IMPORT_KEY__TOKEN_API_KEY:
        if (from->api_key.len < TOKEN_MIN || from->api_key.len > KEY_TOKEN_MAX)
            return status_fail(failure, STATUS_INVALID_ARGUMENT, "api_key",
                               "the token has %zu bytes: it needs %d to %d, as shorter ones can be guessed",
                               from->api_key.len, TOKEN_MIN, KEY_TOKEN_MAX);
        secret_sha256(wire_slice(from->api_key), out);
        secret_wipe(from->api_key.data, from->api_key.len);
        return STATUS_OK;
    default:
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "sha256",
                           "the token is missing: give its sha256, or itself in api_key");
    }
}

static enum status read_key(struct call *call, Postern__V1__ImportKey *from, struct registry_import_key *out,
                            struct status_failure *failure)
{
    struct status_failure inner = {0};
    enum status status = read_token(from, out->sha256, failure);
    if (status != STATUS_OK)
        return status;
    if (from->key == NULL)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "key", "the key's own fields are missing");
    status = handler_read_create(call, from->key, &out->key, &inner);
    if (status == STATUS_OK)
        return STATUS_OK;
    char field[sizeof inner.field];
    (void)snprintf(field, sizeof field, "key.%.*s", (int)sizeof field - 8, inner.field);
    return status_fail(failure, status, field, "%s", inner.message);
}

static enum call_progress fail_key(struct call *call, enum status status, size_t i,
                                   const struct status_failure *failure)
{
    char field[sizeof failure->field];
    (void)snprintf(field, sizeof field, "import.keys[%zu].%.*s", i, (int)sizeof field - 48, failure->field);
    return call_fail(call, status, field, "%s: %s", field, failure->message);
}

enum call_progress handler_import(struct call *call)
{
    const Postern__V1__ImportRequest *request = call->request->import;
    if (request->n_keys == 0)
        return call_fail_member(call, "keys", "is empty: give the keys to import");
    struct handler_change *change = handler_change_new(call, REGISTRY_IMPORT);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_import *ask = &change->command.ask.import;
    ask->count = request->n_keys;
    ask->keys = arena_array(call->arena, request->n_keys, sizeof *ask->keys);
    if (ask->keys == NULL)
        return call_fail_memory(call);
    for (size_t i = 0; i < request->n_keys; i++) {
        struct status_failure failure = {0};
        enum status status = read_key(call, request->keys[i], &ask->keys[i], &failure);
        if (status != STATUS_OK)
            return fail_key(call, status, i, &failure);
    }
    change->answer = answer_import;
    return handler_submit(change);
}
