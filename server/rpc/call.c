// Takes one call from its bytes to its reply: decode, check bounds, find the route, find the caller, handle. Every
// failure becomes a reply here.
#include "rpc/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rpc/authority.h"
#include "rpc/check.h"
#include "rpc/codec.h"
#include "rpc/wire.h"

enum { TRACEPARENT_MAX = 128 };

#define TIMEOUT_FIELD "timeout_ms" // of the envelope; no call has a field of this name

// --- failures

enum call_progress call_failed(struct call *call, enum status status)
{
    Postern__V1__Reply *reply = &call->reply;
    reply->result_case = POSTERN__V1__REPLY__RESULT__NOT_SET;
    reply->status = &call->status;
    call->packed = slice_empty();
    postern__v1__status__init(&call->status);
    call->status.retry_after_ms = call->retry_after_ms;
    call->status.code = (uint32_t)status;
    call->status.message = wire_text(slice_text(call->failure.message));
    call->status.field = wire_text(slice_text(call->failure.field));
    call->status.reason = wire_text(slice_text(call->word));
    if (status == STATUS_INTERNAL || status == STATUS_DATA_LOSS) {
        struct slice trace = call->request != NULL ? wire_slice(call->request->traceparent) : slice_empty();
        log_line(call->server->log, LOG_LEVEL_WARNING, "%s: %s: %s (trace %.*s)",
                 call->route != NULL ? call->route->name : "request", status_name(status), call->failure.message,
                 SLICE_ARGS(trace));
    }
    return CALL_DONE;
}

enum call_progress call_fail(struct call *call, enum status status, const char *field, const char *format, ...)
{
    char message[sizeof call->failure.message];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return call_failed(call, status_fail(&call->failure, status, field, "%s", message));
}

enum call_progress call_fail_member(struct call *call, const char *member, const char *format, ...)
{
    char message[sizeof call->failure.message];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    char path[sizeof call->failure.field];
    (void)snprintf(path, sizeof path, "%s.%s", call->route->name, member);
    return call_failed(call, status_fail(&call->failure, STATUS_INVALID_ARGUMENT, path, "%s %s", path, message));
}

enum call_progress call_fail_with(struct call *call, enum status status, const struct status_failure *failure)
{
    char path[CALL_FIELD_PATH_SIZE];
    (void)call_field_path(call, "", failure, path);
    const char *message = failure->message[0] != '\0' ? failure->message : status_name(status);
    return call_fail(call, status, path, "%s", message);
}

struct slice call_field_path(const struct call *call, const char *part, const struct status_failure *failure,
                             char out[CALL_FIELD_PATH_SIZE])
{
    bool is_whole = failure->field[0] == '\0' || strcmp(failure->field, TIMEOUT_FIELD) == 0;
    if (is_whole)
        (void)snprintf(out, CALL_FIELD_PATH_SIZE, "%s", failure->field);
    else
        (void)snprintf(out, CALL_FIELD_PATH_SIZE, "%s.%s%s", call->route->name, part, failure->field);
    return slice_text(out);
}

enum call_progress call_fail_memory(struct call *call)
{
    return call_fail(call, STATUS_RESOURCE_EXHAUSTED, NULL, "the answer needs more memory than one request may use");
}

// --- the envelope

void call_stamp(const struct call *call, Postern__V1__Reply *reply)
{
    uint64_t now_ms = clock_now_ms(call->server->clock);
    reply->server_time_ms = now_ms > 0 ? now_ms : 1; // a Reply is never empty
}

// Every member of the union is a pointer to a message.
void *call_member(const struct call *call, const char *name)
{
    return wire_member(&call->request->verify->base, name);
}

// Results have the tags of their calls, and all are pointers to messages.
void *call_result_new(const struct call *call, struct arena *arena, Postern__V1__Reply *reply)
{
    const ProtobufCMessageDescriptor *descriptor =
        protobuf_c_message_descriptor_get_field(&postern__v1__reply__descriptor, call->request->call_case)->descriptor;
    void *result = arena_alloc(arena, descriptor->sizeof_message);
    if (result == NULL)
        return NULL;
    protobuf_c_message_init(descriptor, result);
    reply->result_case = (Postern__V1__Reply__ResultCase)call->request->call_case;
    reply->verify = result; // whichever member it is
    return result;
}

size_t call_reply_size(struct call *call)
{
    if (call->packed.size > 0)
        return call->packed.size;
    call_stamp(call, &call->reply);
    size_t size = postern__v1__reply__get_packed_size(&call->reply);
    if (size <= CALL_REPLY_MAX)
        return size;
    call_fail(call, STATUS_INTERNAL, NULL, "the answer is larger than %d bytes", CALL_REPLY_MAX);
    return postern__v1__reply__get_packed_size(&call->reply);
}

void call_reply_write(const struct call *call, uint8_t *out)
{
    if (call->packed.size > 0)
        memcpy(out, call->packed.data, call->packed.size);
    else
        postern__v1__reply__pack(&call->reply, out);
}

bool call_is_late(const struct call *call)
{
    uint32_t timeout_ms = call->request->timeout_ms;
    return timeout_ms > 0 && clock_now_ms(call->server->clock) - call->received_ms > timeout_ms;
}

enum status call_note_late(const struct call *call, struct status_failure *failure)
{
    return status_fail(failure, STATUS_DEADLINE_EXCEEDED, TIMEOUT_FIELD,
                       "its %u ms have passed: nothing was done, nothing was charged", call->request->timeout_ms);
}

static enum status check_envelope(const struct call *call, struct status_failure *failure)
{
    const Postern__V1__Request *request = call->request;
    struct slice trace = wire_slice(request->traceparent);
    if (call->route->changes && request->request_id.len != REGISTRY_REQUEST_ID_SIZE)
        return status_fail(
            failure, STATUS_INVALID_ARGUMENT, "request_id",
            "%s changes the registry: it needs a request_id of 16 random bytes, which makes a retry safe",
            call->route->name);
    if (request->request_id.len > REGISTRY_REQUEST_ID_SIZE)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "request_id", "request_id has more than 16 bytes");
    if (trace.size > TRACEPARENT_MAX || !slice_is_text(trace))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "traceparent",
                           "traceparent is not text of at most %d bytes", TRACEPARENT_MAX);
    return STATUS_OK;
}

// The registry's state only gets newer, so a state that is new enough here stays so for the rest of the call.
static enum status check_min_seq(struct call *call)
{
    uint64_t seq = 0, wanted = call->request->min_seq;
    if (wanted == 0)
        return STATUS_OK;
    enum status status = store_view_begin(call->view);
    if (status != STATUS_OK)
        return status_fail(&call->failure, status, NULL, "the registry cannot be read now");
    status = registry_seq(call->view, &seq);
    store_view_end(call->view);
    if (status != STATUS_OK)
        return status_fail(&call->failure, status, NULL, "the registry cannot be read now");
    if (seq >= wanted)
        return STATUS_OK;
    return status_fail(&call->failure, STATUS_UNAVAILABLE, "min_seq", "the registry is at %llu, not yet at %llu",
                       (unsigned long long)seq, (unsigned long long)wanted);
}

// --- the walk

static enum call_progress refuse_unreadable(struct call *call, struct slice bytes)
{
    struct slice id = codec_salvage_id(bytes);
    if (id.size > REGISTRY_REQUEST_ID_SIZE)
        id.size = 0;
    if (!arena_copy(call->arena, id, &id))
        id = slice_empty();
    call->reply.request_id = wire_text(id);
    if (call->failure.message[0] != '\0')
        return call_failed(call, STATUS_INVALID_ARGUMENT);
    return call_fail(call, STATUS_INVALID_ARGUMENT, NULL,
                     "the bytes are no postern.v1.Request, or it has more fields than one request may have");
}

// Takes a small budget, which is enough for almost all calls. Only a call that keeps all bounds gets the large one.
static Postern__V1__Request *decode(struct call *call, struct slice bytes)
{
    arena_set_budget(call->arena, CALL_DECODE_BUDGET);
    Postern__V1__Request *request = codec_decode(call->arena, bytes);
    call->failure.message[0] = '\0';
    if (request == NULL && check_excess(bytes, &call->failure) == STATUS_OK) {
        arena_reset(call->arena);
        arena_set_budget(call->arena, CALL_DECODE_MAX);
        request = codec_decode(call->arena, bytes);
    }
    arena_set_budget(call->arena, CALL_BUDGET);
    return request;
}

static enum call_progress refuse_no_call(struct call *call)
{
    if (codec_has_unknown_call(call->request))
        return call_fail(call, STATUS_UNIMPLEMENTED, "call", "the request makes a call that this server does not know");
    return call_fail(call, STATUS_INVALID_ARGUMENT, "call",
                     "the request makes no call: set one member of `call`, e.g. verify");
}

static enum status admit(struct call *call)
{
    enum status status = authority_resolve(call);
    if (status == STATUS_OK)
        status = authority_require(call, call->route->needs);
    if (status == STATUS_OK && call->route->handle == NULL)
        status = status_fail(&call->failure, STATUS_UNIMPLEMENTED, "call", "this server does not offer %s",
                             call->route->name);
    if (status == STATUS_OK)
        status = check_envelope(call, &call->failure);
    // Every member of the union is a pointer to a message, so any of them gives the call's.
    if (status == STATUS_OK)
        status = check_call(call->route->name, (const ProtobufCMessage *)call->request->verify, &call->failure);
    if (status == STATUS_OK)
        status = check_min_seq(call);
    return status;
}

// Clears what the call before has left.
static void begin(struct call *call)
{
    postern__v1__reply__init(&call->reply);
    postern__v1__status__init(&call->status);
    call->reply.status = &call->status;
    call->request = NULL;
    call->route = NULL;
    call->word = NULL;
    call->retry_after_ms = 0;
    call->packed = slice_empty();
}

// Refuses a call that has waited for its turn for longer than its caller waits for the answer.
static enum call_progress refuse_late(struct call *call)
{
    atomic_fetch_add_explicit(&call->server->expired, 1, memory_order_relaxed);
    return call_failed(call, call_note_late(call, &call->failure));
}

enum call_progress call_refuse_overloaded(struct call *call, struct slice bytes)
{
    begin(call);
    struct slice id = codec_salvage_id(bytes);
    call->reply.request_id = wire_text(id.size <= REGISTRY_REQUEST_ID_SIZE ? id : slice_empty());
    call->word = "OVERLOADED";
    call->retry_after_ms = CALL_OVERLOADED_RETRY_MS;
    return call_fail(call, STATUS_RESOURCE_EXHAUSTED, NULL,
                     "there is too much to do (calls in flight, connections or memory; see Stats): nothing was done, "
                     "ask again");
}

enum call_progress call_serve(struct call *call, struct slice bytes)
{
    begin(call);
    if (bytes.size > CALL_REQUEST_MAX)
        return call_fail(call, STATUS_INVALID_ARGUMENT, NULL, "a request has at most %d bytes", CALL_REQUEST_MAX);
    call->request = decode(call, bytes);
    if (call->request == NULL)
        return refuse_unreadable(call, bytes);
    call->reply.request_id = call->request->request_id;
    if (call_is_late(call))
        return refuse_late(call);
    if (atomic_load_explicit(&call->server->draining, memory_order_relaxed))
        return call_fail(call, STATUS_UNAVAILABLE, NULL, "the daemon is stopping; ask again");
    call->route = route_find(call->request->call_case);
    if (call->route == NULL)
        return refuse_no_call(call);
    enum status status = admit(call);
    if (status != STATUS_OK)
        return call_failed(call, status);
    return call->route->handle(call);
}
