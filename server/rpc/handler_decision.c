#include <string.h>

#include "rpc/handler.h"
#include "rpc/wire.h"

// Two callers' ids never meet: who it is (a uid, a key id or a certificate's subject, told apart by the first byte),
// then the 16 bytes.
enum { CALLER_NOBODY, CALLER_UID, CALLER_KEY, CALLER_SUBJECT, CALLER_SIZE = 16, WIRE_CHARGE_ID_SIZE = 16 };
_Static_assert((int)CALLER_SIZE + (int)WIRE_CHARGE_ID_SIZE == (int)LIMIT_CHARGE_ID_SIZE, "caller and id fill it");
_Static_assert(1 + (int)KEY_ID_SIZE <= (int)CALLER_SIZE, "a key id fits");

static void write_caller(const struct call *call, uint8_t out[CALLER_SIZE])
{
    if (call->caller.key != NULL) {
        out[0] = CALLER_KEY;
        memcpy(&out[1], call->caller.key->id, KEY_ID_SIZE);
    } else if (call->peer->has_uid) {
        out[0] = CALLER_UID;
        memcpy(&out[1], &call->peer->uid, sizeof call->peer->uid);
    } else if (call->peer->subject[0] != '\0') {
        uint8_t digest[SECRET_HASH_SIZE];
        secret_digest(slice_text(call->peer->subject), digest);
        out[0] = CALLER_SUBJECT;
        memcpy(&out[1], digest, CALLER_SIZE - 1);
    }
}

bool handler_charge_id(const struct call *call, struct arena *arena, ProtobufCBinaryData id, struct slice *out)
{
    *out = slice_empty();
    if (id.len == 0)
        return true;
    uint8_t *bytes = arena_array(arena, LIMIT_CHARGE_ID_SIZE, 1);
    if (bytes == NULL)
        return false;
    write_caller(call, bytes);
    memcpy(&bytes[CALLER_SIZE], id.data, WIRE_CHARGE_ID_SIZE); // its size was checked
    *out = slice_make(bytes, LIMIT_CHARGE_ID_SIZE);
    return true;
}

static void settle(struct handler_decision *decision)
{
    struct call *call = decision->call;
    const struct authorizer_call *ask = &decision->ask;
    if (ask->status != STATUS_OK) {
        call->word = ask->word;
        call_fail_note(call, ask->status, &ask->note);
        return;
    }
    call->reply.seq = ask->decision.seq;
    if (!decision->answer(call, &ask->decision))
        call_fail_memory(call);
}

// On the meters' writer thread. Nobody else holds the call now.
static void resume(struct authorizer_call *ask, enum status status)
{
    struct handler_decision *decision = ask->context;
    struct call *call = decision->call;
    if (status != STATUS_OK)
        call_fail(call, status, NULL,
                  "the meters cannot be written now (disk failing, or full?); nothing was charged: retry, and look at "
                  "the log of posternd if it lasts");
    else if (call_is_late(call))
        call_fail(call, STATUS_DEADLINE_EXCEEDED, "timeout_ms",
                  "the meters were not written within %u ms; nothing was charged", call->request->timeout_ms);
    else if (authorizer_decide(call->server->authorizer, ask) == AUTHORIZER_WAITING)
        return;
    else
        settle(decision);
    call->finish(call);
}

struct handler_decision *handler_decision_new(struct call *call)
{
    struct handler_decision *decision = arena_array(call->arena, 1, sizeof *decision);
    if (decision == NULL)
        return NULL;
    struct authorizer_call *ask = &decision->ask;
    decision->call = call;
    ask->arena = call->arena;
    ask->view = call->view;
    ask->min_seq = call->request->min_seq;
    ask->resume = resume;
    ask->context = decision;
    return decision;
}

enum call_progress handler_decide(struct handler_decision *decision)
{
    // After WAITING the decision may already be answered, on another thread.
    if (authorizer_decide(decision->call->server->authorizer, &decision->ask) == AUTHORIZER_WAITING)
        return CALL_PENDING;
    settle(decision);
    return CALL_DONE;
}
