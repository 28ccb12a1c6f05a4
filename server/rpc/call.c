// The reply of one call: every failure becomes one here, and a finished one becomes bytes.
#include "rpc/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rpc/advice.h"
#include "rpc/codec.h"
#include "rpc/wire.h"

#define TIMEOUT_FIELD "timeout_ms" // of the envelope; no call has a field of this name

// --- failures

// What went wrong here is a warning. What callers did wrong is for whoever looks for it, without the message, which may
// repeat what they have sent.
static void log_failure(const struct call *call, enum status status)
{
    const bool is_ours = status == STATUS_INTERNAL || status == STATUS_DATA_LOSS;
    const struct log_field fields[] = {
        {"call", slice_text(call->route != NULL ? call->route->name : NULL)},
        {"status", slice_text(status_name(status))},
        {"error", slice_text(is_ours ? call->failure.message : NULL)},
        {"field", slice_text(call->route != NULL ? call->failure.field : NULL)},
        {"caller", slice_text(call->caller.name)},
        {"trace", call_trace_id(call)},
    };
    log_event(call->server->log, is_ours ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "call failed", fields,
              sizeof fields / sizeof *fields);
}

enum call_progress call_fail_status(struct call *call, enum status status)
{
    Postern__V1__Reply *reply = &call->reply;
    advice_name_who_may(call->failure.message, sizeof call->failure.message, call->caller.authorities);
    reply->result_case = POSTERN__V1__REPLY__RESULT__NOT_SET;
    reply->status = &call->status;
    call->packed = slice_empty();
    postern__v1__status__init(&call->status);
    call->status.retry_after_ms = call->retry_after_ms;
    call->status.code = (uint32_t)status;
    call->status.message = wire_text(slice_text(call->failure.message));
    call->status.field = wire_text(slice_text(call->failure.field));
    call->status.reason = wire_text(slice_text(call->status_reason));
    log_failure(call, status);
    return CALL_DONE;
}

enum call_progress call_fail(struct call *call, enum status status, const char *field, const char *format, ...)
{
    char message[sizeof call->failure.message];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return call_fail_status(call, status_fail(&call->failure, status, field, "%s", message));
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
    return call_fail_status(call, status_fail(&call->failure, STATUS_INVALID_ARGUMENT, path, "%s %s", path, message));
}

enum call_progress call_fail_failure(struct call *call, enum status status, const struct status_failure *failure)
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
    return timeout_ms > 0 && clock_boot_ms(call->server->clock) - call->received_ms > timeout_ms;
}

enum call_progress call_refuse_late(struct call *call)
{
    atomic_fetch_add_explicit(&call->server->expired, 1, memory_order_relaxed);
    return call_fail_status(call, call_fail_late_as(call, &call->failure));
}

enum status call_fail_late_as(const struct call *call, struct status_failure *failure)
{
    char span[TEXT_TIME_SIZE];
    return status_fail(failure, STATUS_DEADLINE_EXCEEDED, TIMEOUT_FIELD,
                       "its time of %s has passed: nothing was done, nothing was charged",
                       text_format_span(call->request->timeout_ms, span));
}
