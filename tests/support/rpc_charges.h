// Charges over the wire: Verify and RateCheck with charges and charge ids, and many who ask at once. Beside rpc_asks.h.
#ifndef SUPPORT_RPC_CHARGES_H
#define SUPPORT_RPC_CHARGES_H

#include "support/rpc_asks.h"

#include <pthread.h>

#define MODE(name)    POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_##name
#define SUBJECT(name) POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_##name

static inline void *take(struct rpc_fixture *fixture, size_t count, size_t size)
{
    void *memory = arena_array(fixture->arena, count, size);
    rpc_fixture_demand(memory != NULL, "out of memory");
    return memory;
}

// 16 times the letter.
static inline ProtobufCBinaryData charge_id(struct rpc_fixture *fixture, char letter)
{
    uint8_t *bytes = take(fixture, RPC_FIXTURE_ID_SIZE, 1);
    memset(bytes, letter, RPC_FIXTURE_ID_SIZE);
    return (ProtobufCBinaryData){RPC_FIXTURE_ID_SIZE, bytes};
}

static inline Postern__V1__Charge **charge_of(struct rpc_fixture *fixture, const char *resource, uint64_t cost)
{
    Postern__V1__Charge **list = take(fixture, 1, sizeof *list);
    list[0] = take(fixture, 1, sizeof *list[0]);
    postern__v1__charge__init(list[0]);
    list[0]->resource = rpc_fixture_text(resource);
    list[0]->cost = cost;
    return list;
}

// --- Verify

// One call; `id` may be nothing().
static inline Postern__V1__VerifyRequest *verify_for(struct rpc_fixture *fixture, ProtobufCBinaryData token,
                                                     uint64_t cost, ProtobufCBinaryData id)
{
    Postern__V1__VerifyRequest *verify = take(fixture, 1, sizeof *verify);
    postern__v1__verify_request__init(verify);
    verify->api_key = token;
    verify->charges = charge_of(fixture, "requests", cost);
    verify->n_charges = 1;
    verify->charge_id = id;
    return verify;
}

static inline const Postern__V1__VerifyReply *verify_as(struct rpc_fixture *fixture,
                                                        const Postern__V1__VerifyRequest *verify, enum reason reason)
{
    const Postern__V1__VerifyReply *reply = assert_ok(ask(fixture, nothing(), ASK(VERIFY), verify))->verify;
    assert_int_equal(reply->reason, reason);
    assert_int_equal(reply->allowed, reason == REASON_ALLOWED);
    return reply;
}

// --- RateCheck

// Of an account's requests; `cost` 0: without charges.
static inline Postern__V1__RateCheckRequest check_of(struct rpc_fixture *fixture, const char *account, uint64_t cost,
                                                     ProtobufCBinaryData id)
{
    Postern__V1__RateCheckRequest check = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    check.subject_case = SUBJECT(ACCOUNT);
    check.account = rpc_fixture_text(account);
    check.charge_id = id;
    if (cost == 0)
        return check;
    check.charges = charge_of(fixture, "requests", cost);
    check.n_charges = 1;
    return check;
}

static inline const Postern__V1__Reply *check_as(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                                 const Postern__V1__RateCheckRequest *check)
{
    return ask(fixture, credential, ASK(RATE_CHECK), check);
}

static inline const Postern__V1__RateCheckReply *checked(struct rpc_fixture *fixture,
                                                         const Postern__V1__RateCheckRequest *check, enum reason reason)
{
    const Postern__V1__RateCheckReply *reply = assert_ok(check_as(fixture, nothing(), check))->rate_check;
    assert_int_equal(reply->reason, reason);
    assert_int_equal(reply->allowed, reason == REASON_ALLOWED);
    return reply;
}

static inline Postern__V1__RateCheckRequest refund_of(struct rpc_fixture *fixture, const char *account,
                                                      ProtobufCBinaryData id)
{
    Postern__V1__RateCheckRequest check = check_of(fixture, account, 0, id);
    check.mode = MODE(REFUND);
    return check;
}

// What is left of an account's requests.
static inline uint64_t left_of(struct rpc_fixture *fixture, const char *account)
{
    Postern__V1__RateCheckRequest check = check_of(fixture, account, 1, nothing());
    check.mode = MODE(PEEK);
    const Postern__V1__RateCheckReply *reply = assert_ok(check_as(fixture, nothing(), &check))->rate_check;
    return reply->meters[0]->remaining;
}

static inline void assert_nothing_to_give_back(const Postern__V1__Reply *reply, const char *field, const char *word)
{
    assert_status(reply, STATUS_FAILED_PRECONDITION, field);
    assert_text(reply->status->reason, word);
}

// --- many at once

// A client of its own, which sends the same bytes `turns` times and sees to its answers.
struct asker {
    pthread_t thread;
    nng_socket client;
    struct slice bytes;
    unsigned turns;
    void (*note)(struct asker *asker, const Postern__V1__Reply *reply); // in the asker's thread
    unsigned allowed;
    unsigned refused;
    unsigned failed;
    uint32_t code; // of the last failure, as the next two
    char field[64];
    char message[256];
};

static inline void *run_asker(void *context)
{
    struct asker *asker = context;
    for (unsigned i = 0; i < asker->turns; i++) {
        nng_msg *msg = NULL;
        rpc_fixture_demand(nng_msg_alloc(&msg, asker->bytes.size) == 0, "out of memory");
        memcpy(nng_msg_body(msg), asker->bytes.data, asker->bytes.size);
        rpc_fixture_demand(nng_sendmsg(asker->client, msg, 0) == 0, "cannot send");
        rpc_fixture_demand(nng_recvmsg(asker->client, &msg, 0) == 0, "no reply");
        Postern__V1__Reply *reply = postern__v1__reply__unpack(NULL, nng_msg_len(msg), nng_msg_body(msg));
        rpc_fixture_demand(reply != NULL && reply->status != NULL, "the reply is broken");
        asker->note(asker, reply);
        postern__v1__reply__free_unpacked(reply, NULL);
        nng_msg_free(msg);
    }
    return NULL;
}

static inline void asker_start(struct rpc_fixture *fixture, struct asker *asker)
{
    asker->client = rpc_fixture_dial(fixture->url);
    rpc_fixture_demand(pthread_create(&asker->thread, NULL, run_asker, asker) == 0, "no thread");
}

static inline void asker_join(struct asker *asker)
{
    pthread_join(asker->thread, NULL);
    nng_close(asker->client);
}

static inline void asker_note_failure(struct asker *asker, const Postern__V1__Status *status)
{
    asker->failed++;
    asker->code = status->code;
    (void)snprintf(asker->field, sizeof asker->field, "%.*s", (int)status->field.len, (const char *)status->field.data);
    (void)snprintf(asker->message, sizeof asker->message, "%.*s", (int)status->message.len,
                   (const char *)status->message.data);
}

// A note: counts decisions of Verify and RateCheck.
static inline void count_decision(struct asker *asker, const Postern__V1__Reply *reply)
{
    bool is_verify = reply->result_case == POSTERN__V1__REPLY__RESULT_VERIFY;
    if (reply->status->code != 0) {
        asker_note_failure(asker, reply->status);
    } else if (is_verify ? reply->verify->allowed : reply->rate_check->allowed) {
        asker->allowed++;
    } else {
        asker->refused++;
    }
}

static inline struct slice request_of(struct rpc_fixture *fixture, Postern__V1__Request__CallCase which,
                                      const void *message)
{
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    request.call_case = which;
    request.verify = (Postern__V1__VerifyRequest *)(uintptr_t)message; // whichever member it is
    return rpc_fixture_pack(fixture, &request);
}

#endif
