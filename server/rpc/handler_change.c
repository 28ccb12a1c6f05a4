// Hands a change to the registry, and makes its reply inside the transaction that commits it.
#include <string.h>

#include "base/random.h"
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/watch.h"
#include "rpc/wire.h"

// Inside the writer's transaction: the reply's bytes, which are also kept for a retry.
static bool encode(struct registry_command *command)
{
    const struct handler_change *change = command->context;
    Postern__V1__Reply reply;
    Postern__V1__Status status;
    postern__v1__reply__init(&reply);
    postern__v1__status__init(&status);
    reply.request_id = wire_text(command->request_id);
    reply.status = &status;
    reply.seq = command->seq;
    call_stamp(change->call, &reply);
    return change->answer(change, &reply) && record_pack_message(&reply.base, command->arena, &command->reply);
}

// After the commit. A change that is on disk is answered as done, however long the caller wanted to wait.
static void done(struct registry_command *command)
{
    const struct handler_change *change = command->context;
    struct call *call = change->call;
    call_watch_wake(call->server->watch);
    if (command->status == STATUS_OK)
        call->packed = command->reply;
    else
        call_fail(call, command->status, command->failure.field, "%s", command->failure.message);
    call->finish(call);
}

// It is stored for a while, and a call may carry a token that was made elsewhere and can be guessed: so with a key, and
// one that stays the same while the keyring grows.
static bool key_digest(const struct secret *secret, uint8_t digest[SECRET_HASH_SIZE])
{
    static const char purpose[] = "call digest"; // page tokens begin otherwise
    uint8_t content[sizeof purpose + SECRET_HASH_SIZE];
    memcpy(content, purpose, sizeof purpose);
    memcpy(content + sizeof purpose, digest, SECRET_HASH_SIZE);
    return secret_page_mac(secret, secret_id_at(secret, 0), slice_make(content, sizeof content), digest) == STATUS_OK;
}

// The same call gives the same digest: the tag, then the call's own bytes. Unknown fields were refused before.
static bool digest_call(struct call *call, uint8_t out[SECRET_HASH_SIZE])
{
    Postern__V1__Request bare;
    struct slice bytes;
    postern__v1__request__init(&bare);
    bare.call_case = call->request->call_case;
    bare.verify = call->request->verify; // whichever member it is
    if (!record_pack_message(&bare.base, call->arena, &bytes))
        return false;
    secret_digest(bytes, out);
    return key_digest(call->server->secret, out);
}

// Only an account-admin has an account of its own to change.
static struct slice own_account(const struct call *call)
{
    return (call->caller.authorities & AUTHORITY_ADMIN) != 0 ? call->caller.account : slice_empty();
}

struct handler_change *handler_change_new(struct call *call, enum registry_command_kind kind)
{
    struct handler_change *change = arena_array(call->arena, 1, sizeof *change);
    if (change == NULL)
        return NULL;
    struct registry_command *command = &change->command;
    change->call = call;
    command->kind = kind;
    command->caller.name = slice_text(call->caller.name);
    command->caller.is_operator = (call->caller.authorities & AUTHORITY_OPERATOR) != 0;
    command->caller.account = own_account(call);
    command->caller.key = call->caller.key;
    command->request_id = wire_slice(call->request->request_id);
    command->arena = call->arena;
    const uint64_t *if_version = call_member(call, "if_version");
    command->if_version = if_version != NULL ? *if_version : 0;
    command->encode = encode;
    command->done = done;
    command->context = change;
    random_fill(command->random, sizeof command->random);
    return digest_call(call, command->call_digest) ? change : NULL;
}

enum call_progress handler_submit(struct handler_change *change)
{
    registry_submit(change->call->server->registry, &change->command);
    return CALL_PENDING;
}

bool handler_answer_key(const struct handler_change *change, Postern__V1__Reply *reply)
{
    const struct registry_result *result = &change->command.result;
    struct arena *arena = change->command.arena;
    ProtobufCMessage *out = call_result_new(change->call, arena, reply);
    if (out == NULL)
        return false;
    ProtobufCBinaryData *token = wire_member(out, "api_key");
    if (token != NULL)
        *token = wire_text(result->token);
    return wire_set(out, "key", wire_key(arena, &result->key, result->account.revoked_before_ms, result->now_ms));
}
