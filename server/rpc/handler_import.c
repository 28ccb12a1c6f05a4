// Import: keys whose tokens were made elsewhere.
#include "rpc/handler.h"
#include "rpc/wire.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_MIN = 16, SCRATCH_BYTES = 256 * 1024 };

// The keys of the call, on their way to the command.
struct reading {
    struct call *call;
    struct arena *scratch; // of one record
    struct status_failure failure;
};

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

// A token that begins or ends like this is presented by nobody: clients trim what they send, and a gateway takes the
// word away.
static bool is_presentable(struct slice token)
{
    static const char spaces[] = " \t\r\n\v\f", bearer[] = "bearer ";
    const char *text = (const char *)token.data;
    return memchr(spaces, text[0], sizeof spaces - 1) == NULL &&
           memchr(spaces, text[token.size - 1], sizeof spaces - 1) == NULL &&
           strncasecmp(text, bearer, sizeof bearer - 1) != 0;
}

// Looks whether the token is one of our own. Such a key stays what it is: what is read now holds when the call is
// decided.
static enum status find_ours(struct reading *reading, struct slice token, struct registry_import_key *out)
{
    struct call *call = reading->call;
    struct registry_presented found = {.known = false};
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK) {
        arena_reset(reading->scratch);
        status = registry_find_presented(call->server->registry, call->view, token, reading->scratch, &found);
        store_view_end(call->view);
    }
    out->is_ours = status == STATUS_OK && found.known && !found.key.imported;
    if (out->is_ours)
        memcpy(out->our_id, found.key.id, sizeof out->our_id);
    return status;
}

// Clear text goes no further than this: only its hash does.
static enum status read_clear(struct reading *reading, ProtobufCBinaryData text, struct registry_import_key *out)
{
    struct slice token = wire_slice(text);
    enum status status;
    if (token.size < TOKEN_MIN || token.size > KEY_TOKEN_MAX)
        status = status_fail(&reading->failure, STATUS_INVALID_ARGUMENT, "api_key",
                             "the token has %zu bytes: it needs %d to %d, as shorter ones can be guessed", token.size,
                             TOKEN_MIN, KEY_TOKEN_MAX);
    else if (!is_presentable(token))
        status = status_fail(&reading->failure, STATUS_INVALID_ARGUMENT, "api_key",
                             "there is white space around the token, or \"Bearer\" before it: nobody presents it so; "
                             "give the token alone");
    else if ((status = find_ours(reading, token, out)) != STATUS_OK)
        status = status_fail(&reading->failure, status, "api_key", "the registry cannot be read now");
    secret_sha256(token, out->sha256);
    secret_wipe(text.data, text.len);
    return status;
}

static enum status read_token(struct reading *reading, Postern__V1__ImportKey *from, struct registry_import_key *out)
{
    switch (from->token_case) {
    case POSTERN__V1__IMPORT_KEY__TOKEN_SHA256:
        if (from->sha256.len != SECRET_HASH_SIZE)
            return status_fail(&reading->failure, STATUS_INVALID_ARGUMENT, "sha256",
                               "a SHA-256 has 32 bytes, this has %zu", from->sha256.len);
        memcpy(out->sha256, from->sha256.data, SECRET_HASH_SIZE);
        return STATUS_OK;
    case POSTERN__V1__IMPORT_KEY__TOKEN_API_KEY:
        return read_clear(reading, from->api_key, out);
    default:
        return status_fail(&reading->failure, STATUS_INVALID_ARGUMENT, "sha256",
                           "the token is missing: give its sha256, or itself in api_key");
    }
}

static enum status read_key(struct reading *reading, Postern__V1__ImportKey *from, struct registry_import_key *out)
{
    struct status_failure inner = {0};
    enum status status = read_token(reading, from, out);
    if (status != STATUS_OK)
        return status;
    if (from->key == NULL)
        return status_fail(&reading->failure, STATUS_INVALID_ARGUMENT, "key", "the key's own fields are missing");
    status = handler_read_create(reading->call, from->key, &out->key, &inner);
    if (status == STATUS_OK)
        return STATUS_OK;
    char field[sizeof inner.field];
    (void)snprintf(field, sizeof field, "key.%.*s", (int)sizeof field - 8, inner.field);
    return status_fail(&reading->failure, status, field, "%s", inner.message);
}

static enum call_progress fail_key(struct call *call, enum status status, size_t i,
                                   const struct status_failure *failure)
{
    char field[sizeof failure->field];
    (void)snprintf(field, sizeof field, "import.keys[%zu].%.*s", i, (int)sizeof field - 48, failure->field);
    return call_fail(call, status, field, "%s: %s", field, failure->message);
}

static enum call_progress read_and_submit(struct reading *reading, struct handler_change *change)
{
    struct call *call = reading->call;
    const Postern__V1__ImportRequest *request = call->request->import;
    struct registry_import *ask = &change->command.ask.import;
    ask->count = request->n_keys;
    ask->keys = arena_array(call->arena, request->n_keys, sizeof *ask->keys);
    if (ask->keys == NULL)
        return call_fail_memory(call);
    for (size_t i = 0; i < request->n_keys; i++) {
        enum status status = read_key(reading, request->keys[i], &ask->keys[i]);
        if (status != STATUS_OK)
            return fail_key(call, status, i, &reading->failure);
    }
    change->answer = answer_import;
    return handler_submit(change);
}

enum call_progress handler_import(struct call *call)
{
    if (call->request->import->n_keys == 0)
        return call_fail_member(call, "keys", "is empty: give the keys to import");
    struct handler_change *change = handler_change_new(call, REGISTRY_IMPORT);
    struct reading reading = {.call = call, .scratch = arena_new(SCRATCH_BYTES)};
    enum call_progress progress =
        change != NULL && reading.scratch != NULL ? read_and_submit(&reading, change) : call_fail_memory(call);
    arena_free(reading.scratch); // the call may be another thread's now
    return progress;
}
