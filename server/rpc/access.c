// The access log: a line for each decision, or for some. It names keys and accounts, and never what the caller has sent
// as a token.
#include "rpc/handler.h"
#include "rpc/wire.h"

static bool is_hex(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!(text.data[i] >= '0' && text.data[i] <= '9') && !(text.data[i] >= 'a' && text.data[i] <= 'f'))
            return false;
    return true;
}

// W3C Trace Context, version 00: "00-" trace id "-" parent id "-" flags, and later ones begin so. Nothing else of what
// callers write there comes into the log.
struct slice call_trace_id(const struct call *call)
{
    enum { ID_AT = 3, ID_SIZE = 32, SIZE_MIN = 55 };
    const struct slice text = call->request != NULL ? wire_slice(call->request->traceparent) : slice_empty();
    if (text.size < SIZE_MIN || text.data[ID_AT - 1] != '-' || text.data[ID_AT + ID_SIZE] != '-')
        return slice_empty();
    const struct slice id = slice_make(text.data + ID_AT, ID_SIZE);
    return is_hex(id) ? id : slice_empty();
}

static bool is_wanted(struct call_server *server, bool is_allowed)
{
    const uint32_t every = atomic_load_explicit(&server->access_log, memory_order_relaxed);
    if (every == RPC_LOG_NONE || !is_allowed || every == 1)
        return every != RPC_LOG_NONE;
    return every != RPC_LOG_REFUSALS &&
           atomic_fetch_add_explicit(&server->allowed_number, 1, memory_order_relaxed) % every == 0;
}

void handler_log_decision(const struct call *call, const struct authorizer_call *ask)
{
    const struct authorizer_decision *d = &ask->decision;
    char key_id[KEY_ID_TEXT_SIZE + 1] = "";
    if (ask->question.peek || !is_wanted(call->server, d->reason == REASON_ALLOWED))
        return;
    if (d->has_key_id)
        key_id_format(d->key_id, key_id);
    const struct log_field fields[] = {
        {"call", slice_text(call->route->name)},
        {"reason", slice_text(reason_name(d->reason))},
        {"key", slice_text(key_id)},
        {"account", d->has_account ? d->account.id : slice_empty()},
        {"caller", slice_text(call->caller.name)},
        {"trace", call_trace_id(call)},
    };
    log_event(call->server->log, LOG_LEVEL_INFO, "decision", fields, sizeof fields / sizeof *fields);
}
