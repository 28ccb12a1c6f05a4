// Calls of the wire in one line each, with or without a credential, and what tests say of their replies. Beside
// rpc_fixture.h, which owns all memory.
#ifndef SUPPORT_RPC_ASKS_H
#define SUPPORT_RPC_ASKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/reason.h"
#include "support/rpc_fixture.h"

#define ASK(member) POSTERN__V1__REQUEST__CALL_##member

static inline ProtobufCBinaryData nothing(void)
{
    return (ProtobufCBinaryData){0, NULL};
}

static inline struct slice slice_of(ProtobufCBinaryData bytes)
{
    return slice_make(bytes.data, bytes.len);
}

// --- what came back

static inline void assert_status(const Postern__V1__Reply *reply, enum status status, const char *field)
{
    const Postern__V1__Status *found = reply->status;
    if (found->code != (uint32_t)status || !slice_equal(slice_of(found->field), slice_text(field)))
        fail_msg("wanted %s at \"%s\", got %s at \"%.*s\": %.*s", status_name(status), field,
                 status_name((enum status)found->code), SLICE_ARGS(slice_of(found->field)),
                 SLICE_ARGS(slice_of(found->message)));
    if (status == STATUS_OK)
        return;
    assert_int_equal(reply->result_case, POSTERN__V1__REPLY__RESULT__NOT_SET);
    assert_int_not_equal(found->message.len, 0);
}

static inline const Postern__V1__Reply *assert_ok(const Postern__V1__Reply *reply)
{
    assert_status(reply, STATUS_OK, "");
    return reply;
}

static inline void assert_text(ProtobufCBinaryData found, const char *text)
{
    if (!slice_equal(slice_of(found), slice_text(text)))
        fail_msg("wanted \"%s\", got \"%.*s\"", text, SLICE_ARGS(slice_of(found)));
}

static inline bool says(const Postern__V1__Reply *reply, const char *words)
{
    char message[512] = "";
    size_t size = reply->status->message.len;
    memcpy(message, reply->status->message.data, size < sizeof message ? size : sizeof message - 1);
    return strstr(message, words) != NULL;
}

// --- asking

// `message` is the call's; a fresh request_id and the credential (nothing(): none) go with it.
static inline const Postern__V1__Reply *ask(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                            Postern__V1__Request__CallCase which, const void *message)
{
    Postern__V1__Request request = rpc_fixture_request(fixture);
    request.credential = credential;
    request.call_case = which;
    request.verify = (Postern__V1__VerifyRequest *)(uintptr_t)message; // whichever member it is
    return rpc_fixture_ask(fixture, &request);
}

static inline ProtobufCBinaryData *texts(struct rpc_fixture *fixture, const char *const *from, size_t count)
{
    ProtobufCBinaryData *list = arena_array(fixture->arena, count, sizeof *list);
    rpc_fixture_demand(list != NULL, "out of memory");
    for (size_t i = 0; i < count; i++)
        list[i] = rpc_fixture_text(from[i]);
    return list;
}

// One limit of an hour on `requests`.
static inline Postern__V1__Limit **hourly(struct rpc_fixture *fixture, uint64_t amount)
{
    Postern__V1__Limit *limit = arena_array(fixture->arena, 1, sizeof *limit);
    Postern__V1__Limit **list = arena_array(fixture->arena, 1, sizeof *list);
    rpc_fixture_demand(limit != NULL && list != NULL, "out of memory");
    postern__v1__limit__init(limit);
    limit->resource = rpc_fixture_text("requests");
    limit->amount = amount;
    limit->window_s = 3600;
    list[0] = limit;
    return list;
}

// A request for a key; up to three scopes, NULL-terminated when fewer.
static inline Postern__V1__CreateRequest create_of(struct rpc_fixture *fixture, const char *account,
                                                   const char *const scopes[3])
{
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.account = rpc_fixture_text(account);
    create.name = rpc_fixture_text("a key");
    while (create.n_scopes < 3 && scopes != NULL && scopes[create.n_scopes] != NULL)
        create.n_scopes++;
    if (create.n_scopes > 0)
        create.scopes = texts(fixture, scopes, create.n_scopes);
    return create;
}

// Made by the operator.
static inline const Postern__V1__CreateReply *make(struct rpc_fixture *fixture, const char *account,
                                                   const char *const scopes[3])
{
    Postern__V1__CreateRequest create = create_of(fixture, account, scopes);
    return assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create;
}

static inline const Postern__V1__Reply *put_scope(struct rpc_fixture *fixture, const char *name, const char *implied)
{
    Postern__V1__PutScopeRequest put = POSTERN__V1__PUT_SCOPE_REQUEST__INIT;
    put.scope = rpc_fixture_text(name);
    put.description = rpc_fixture_text("what it allows");
    put.n_implies = implied != NULL ? 1 : 0;
    put.implies = implied != NULL ? texts(fixture, &implied, 1) : NULL;
    return ask(fixture, nothing(), ASK(PUT_SCOPE), &put);
}

// Both environments; an account's settings are replaced as a whole.
static inline Postern__V1__PutAccountRequest account_of(const char *name)
{
    static Postern__V1__Environment both[] = {POSTERN__V1__ENVIRONMENT__ENVIRONMENT_TEST,
                                              POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE};
    Postern__V1__PutAccountRequest put = POSTERN__V1__PUT_ACCOUNT_REQUEST__INIT;
    put.account = rpc_fixture_text(name);
    put.environments = both;
    put.n_environments = 2;
    put.no_default_public_key = true;
    return put;
}

static inline void put_account(struct rpc_fixture *fixture, const char *name)
{
    Postern__V1__PutAccountRequest put = account_of(name);
    (void)assert_ok(ask(fixture, nothing(), ASK(PUT_ACCOUNT), &put));
}

// Serves the accounts acme and other, each with so many `requests` an hour.
static inline void open_with_accounts(struct rpc_fixture *fixture, uint64_t amount)
{
    rpc_fixture_open(fixture);
    rpc_fixture_serve(fixture);
    (void)assert_ok(rpc_fixture_put_tier(fixture, "free", amount));
    put_account(fixture, "acme");
    put_account(fixture, "other");
}

static inline const Postern__V1__Reply *update_scopes(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                                      ProtobufCBinaryData key_id, const char *const scopes[3])
{
    static const char *const mask[] = {"scopes"};
    Postern__V1__UpdateRequest update = POSTERN__V1__UPDATE_REQUEST__INIT;
    Postern__V1__CreateRequest lists = create_of(fixture, "acme", scopes);
    update.key_id = key_id;
    update.update_mask = texts(fixture, mask, 1);
    update.n_update_mask = 1;
    update.scopes = lists.scopes;
    update.n_scopes = lists.n_scopes;
    return ask(fixture, credential, ASK(UPDATE), &update);
}

static inline const Postern__V1__Reply *set_enabled(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                                    ProtobufCBinaryData key_id, bool enabled)
{
    static const char *const mask[] = {"enabled"};
    Postern__V1__UpdateRequest update = POSTERN__V1__UPDATE_REQUEST__INIT;
    update.key_id = key_id;
    update.update_mask = texts(fixture, mask, 1);
    update.n_update_mask = 1;
    update.enabled = enabled;
    return ask(fixture, credential, ASK(UPDATE), &update);
}

static inline const Postern__V1__Reply *roll_key(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                                 ProtobufCBinaryData key_id)
{
    Postern__V1__RollRequest request = POSTERN__V1__ROLL_REQUEST__INIT;
    request.key_id = key_id;
    return ask(fixture, credential, ASK(ROLL), &request);
}

static inline const Postern__V1__Reply *revoke_key(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                                   ProtobufCBinaryData key_id)
{
    Postern__V1__RevokeRequest request = POSTERN__V1__REVOKE_REQUEST__INIT;
    request.which_case = POSTERN__V1__REVOKE_REQUEST__WHICH_KEY_ID;
    request.key_id = key_id;
    return ask(fixture, credential, ASK(REVOKE), &request);
}

static inline const Postern__V1__Reply *delete_key(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                                   ProtobufCBinaryData key_id)
{
    Postern__V1__DeleteRequest request = POSTERN__V1__DELETE_REQUEST__INIT;
    request.key_id = key_id;
    return ask(fixture, credential, ASK(DELETE), &request);
}

static inline const Postern__V1__Reply *get_key(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                                ProtobufCBinaryData key_id)
{
    Postern__V1__GetRequest request = POSTERN__V1__GET_REQUEST__INIT;
    request.key_id = key_id;
    return ask(fixture, credential, ASK(GET), &request);
}

#endif
