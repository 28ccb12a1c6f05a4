// Takes one call from its bytes to its handler: decode, find the route, find the caller, check bounds, handle. The
// table of calls says who may make each, and which handler answers it.
#include "rpc/authority.h"
#include "rpc/check.h"
#include "rpc/codec.h"
#include "rpc/handler.h"
#include "rpc/queue.h"
#include "rpc/wire.h"

enum { TRACEPARENT_MAX = 128, DECODED_AT_ONCE = 1024 };

// --- the table

#define CALL(member) POSTERN__V1__REQUEST__CALL_##member

enum { CHANGES = ROUTE_CHANGES, COSTLY = ROUTE_COSTLY, DECIDES = ROUTE_DECIDES };

// Operators may change all keys, an account-admin those of its own account.

// An account-admin looks at what is left, which its handler checks.
enum { ANY_CHECKER = AUTHORITY_VERIFY | AUTHORITY_RATECHECK | AUTHORITY_ADMIN };

static const struct route routes[] = {
    [CALL(VERIFY)] = {"verify", AUTHORITY_VERIFY, DECIDES, handler_verify, 0},
    [CALL(VERIFY_BATCH)] = {"verify_batch", AUTHORITY_VERIFY, DECIDES, handler_verify_batch, 0},
    [CALL(RATE_CHECK)] = {"rate_check", ANY_CHECKER, DECIDES, handler_rate_check, 0},

    [CALL(CREATE)] = {"create", AUTHORITY_KEEPERS, CHANGES, handler_create, 0},
    [CALL(GET)] = {"get", AUTHORITY_KEEPERS, 0, handler_get, 0},
    [CALL(LIST)] = {"list", AUTHORITY_KEEPERS, COSTLY, handler_list, 0},
    [CALL(UPDATE)] = {"update", AUTHORITY_KEEPERS, CHANGES, handler_update, 0},
    [CALL(ROLL)] = {"roll", AUTHORITY_KEEPERS, CHANGES, handler_roll, 0},
    [CALL(REVOKE)] = {"revoke", 0, CHANGES, handler_revoke, 0}, // anyone: the holder of a token may revoke it
    [CALL(IMPORT)] = {"import", AUTHORITY_OPERATOR, CHANGES | COSTLY, handler_import, 0},
    [CALL(DELETE)] = {"delete", AUTHORITY_KEEPERS, CHANGES, handler_delete, 0},

    [CALL(PUT_ACCOUNT)] = {"put_account", AUTHORITY_OPERATOR, CHANGES, handler_put, REGISTRY_ACCOUNT},
    [CALL(GET_ACCOUNT)] = {"get_account", AUTHORITY_KEEPERS, 0, handler_get_account, REGISTRY_ACCOUNT},
    [CALL(LIST_ACCOUNTS)] = {"list_accounts", AUTHORITY_OPERATOR, COSTLY, handler_list_named, REGISTRY_ACCOUNT},
    [CALL(PUT_TIER)] = {"put_tier", AUTHORITY_OPERATOR, CHANGES, handler_put, REGISTRY_TIER},
    [CALL(LIST_TIERS)] = {"list_tiers", AUTHORITY_OPERATOR, COSTLY, handler_list_named, REGISTRY_TIER},
    [CALL(PUT_SCOPE)] = {"put_scope", AUTHORITY_OPERATOR, CHANGES, handler_put, REGISTRY_SCOPE},
    [CALL(LIST_SCOPES)] = {"list_scopes", AUTHORITY_KEEPERS, COSTLY, handler_list_named, REGISTRY_SCOPE},
    [CALL(REVOKE_ALL)] = {"revoke_all", AUTHORITY_OPERATOR, CHANGES, handler_revoke_all, REGISTRY_ACCOUNT},
    [CALL(DELETE_ACCOUNT)] = {"delete_account", AUTHORITY_OPERATOR, CHANGES, handler_delete_named, REGISTRY_ACCOUNT},
    [CALL(DELETE_TIER)] = {"delete_tier", AUTHORITY_OPERATOR, CHANGES, handler_delete_named, REGISTRY_TIER},
    [CALL(DELETE_SCOPE)] = {"delete_scope", AUTHORITY_OPERATOR, CHANGES, handler_delete_named, REGISTRY_SCOPE},

    [CALL(RESET_METERS)] = {"reset_meters", AUTHORITY_KEEPERS, CHANGES, handler_reset_meters, 0},

    [CALL(HEALTH)] = {"health", 0, 0, handler_health, 0},
    [CALL(STATS)] = {"stats", AUTHORITY_OPERATOR, COSTLY, handler_stats, 0},
    [CALL(GET_USAGE)] = {"get_usage", AUTHORITY_KEEPERS, COSTLY, handler_get_usage, 0},
    [CALL(LIST_CHANGES)] = {"list_changes", AUTHORITY_KEEPERS, COSTLY, handler_list_changes, 0},
    [CALL(BACKUP)] = {"backup", AUTHORITY_OPERATOR, 0, NULL, 0},
    [CALL(GET_OPERATION)] = {"get_operation", AUTHORITY_OPERATOR, 0, NULL, 0},
};

const struct route *route_find(Postern__V1__Request__CallCase which)
{
    size_t index = (size_t)which;
    return index < sizeof routes / sizeof *routes && routes[index].name != NULL ? &routes[index] : NULL;
}

// --- what is checked of every call

static enum status check_envelope(const struct call *call, struct status_failure *failure)
{
    const Postern__V1__Request *request = call->request;
    struct slice trace = wire_slice(request->traceparent);
    if ((call->route->marks & ROUTE_CHANGES) != 0 && request->request_id.len != REGISTRY_REQUEST_ID_SIZE)
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

// --- the way of a call

static enum call_progress refuse_unreadable(struct call *call, struct slice bytes)
{
    struct slice id = codec_salvage_id(bytes);
    if (id.size > REGISTRY_REQUEST_ID_SIZE)
        id.size = 0;
    if (!arena_copy(call->arena, id, &id))
        id = slice_empty();
    call->reply.request_id = wire_text(id);
    if (call->failure.message[0] != '\0')
        return call_fail_status(call, STATUS_INVALID_ARGUMENT);
    return call_fail(call, STATUS_INVALID_ARGUMENT, NULL,
                     "the bytes are no postern.v1.Request, or it has more fields than one request may have");
}

// A message of a few bytes may take a hundred times as many in memory. What could take more than the small budget is
// looked through first: only a call that keeps all bounds gets the large one, and none is decoded twice.
static Postern__V1__Request *decode(struct call *call, struct slice bytes)
{
    bool is_small = bytes.size <= DECODED_AT_ONCE;
    call->failure.message[0] = '\0';
    if (!is_small && check_excess(bytes, &call->failure) != STATUS_OK)
        return NULL;
    arena_set_budget(call->arena, is_small ? CALL_DECODE_BUDGET : CALL_DECODE_MAX);
    Postern__V1__Request *request = codec_decode(call->arena, bytes);
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
    call->caller.name[0] = '\0';
    call->status_reason = NULL;
    call->retry_after_ms = 0;
    call->wait = (struct call_wait){.tries = 0};
    call->packed = slice_empty();
}

enum call_progress route_refuse_overloaded(struct call *call, struct slice bytes)
{
    begin(call);
    struct slice id = codec_salvage_id(bytes);
    call->reply.request_id = wire_text(id.size <= REGISTRY_REQUEST_ID_SIZE ? id : slice_empty());
    call->status_reason = "OVERLOADED";
    call->retry_after_ms = CALL_OVERLOADED_RETRY_MS;
    return call_fail(call, STATUS_RESOURCE_EXHAUSTED, NULL,
                     "there is too much to do (calls in flight, connections or memory; see Stats): nothing was done, "
                     "ask again");
}

enum call_progress route_serve(struct call *call, struct slice bytes)
{
    begin(call);
    if (bytes.size > CALL_REQUEST_MAX)
        return call_fail(call, STATUS_INVALID_ARGUMENT, NULL, "a request has at most %d bytes", CALL_REQUEST_MAX);
    call->request = decode(call, bytes);
    if (call->request == NULL)
        return refuse_unreadable(call, bytes);
    call->reply.request_id = call->request->request_id;
    if (call_is_late(call))
        return call_refuse_late(call);
    if (atomic_load_explicit(&call->server->draining, memory_order_relaxed))
        return call_fail(call, STATUS_UNAVAILABLE, NULL, "the daemon is stopping; ask again");
    call->route = route_find(call->request->call_case);
    if (call->route == NULL)
        return refuse_no_call(call);
    enum status status = admit(call);
    if (status != STATUS_OK)
        return call_fail_status(call, status);
    bool waits = (call->route->marks & ROUTE_COSTLY) != 0 && call->server->queue != NULL;
    return waits ? call_queue_add(call->server->queue, call) : call->route->handle(call);
}
