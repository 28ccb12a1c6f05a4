// A scripted server for tests of the client: a real REP socket that plays the remote side, faults included.
//
// For every request it calls the test's script, which fills the reply in and says what to do. It remembers what it saw.
#ifndef SUPPORT_CLIENT_PEER_H
#define SUPPORT_CLIENT_PEER_H

#include "postern.pb-c.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum peer_act {
    PEER_ANSWER,     // send the reply, with the request's request_id
    PEER_ANSWER_RAW, // send the reply as the script made it
    PEER_IGNORE,     // never answer
    PEER_HANG_UP,    // close the connection without an answer
    PEER_GARBAGE,    // send bytes that are no message
    PEER_NOTHING     // send an empty message
};

enum { PEER_CONTEXTS = 8, PEER_SEEN_MAX = 64 };

// What one request said, as far as tests look.
struct peer_seen {
    uint8_t request_id[16];
    size_t request_id_size;
    uint8_t charge_id[16];
    size_t charge_id_size;
    char credential[64];
    uint32_t timeout_ms;
    uint32_t call;
    uint32_t pipe;
};

struct peer;

struct peer_context {
    struct peer *peer;
    nng_ctx context;
    nng_aio *aio;
    bool sending;
};

// Text as a field of a message; it must outlive the message.
static inline ProtobufCBinaryData peer_text(const char *text)
{
    union {
        const char *text;
        uint8_t *bytes;
    } same = {.text = text};
    return (ProtobufCBinaryData){.data = same.bytes, .len = strlen(text)};
}

static inline bool peer_is(ProtobufCBinaryData field, const char *text)
{
    return field.len == strlen(text) && memcmp(field.data, text, field.len) == 0;
}

// `n` counts the requests from 0. `reply` is initialized; what it is made to point to must outlive the script's return.
typedef enum peer_act peer_script(void *context, unsigned n, const Postern__V1__Request *request,
                                  Postern__V1__Reply *reply);

struct peer {
    nng_socket socket;
    nng_listener listener;
    peer_script *script;
    void *context;
    pthread_mutex_t lock;
    unsigned count;
    struct peer_seen seen[PEER_SEEN_MAX];
    struct peer_context contexts[PEER_CONTEXTS];
};

static inline void peer_copy(ProtobufCBinaryData from, uint8_t *to, size_t room, size_t *size)
{
    *size = from.len;
    if (from.len > 0)
        memcpy(to, from.data, from.len < room ? from.len : room);
}

static inline unsigned peer_note(struct peer *peer, const Postern__V1__Request *request, uint32_t pipe)
{
    struct peer_seen seen = {.timeout_ms = request->timeout_ms, .call = request->call_case, .pipe = pipe};
    size_t size;
    peer_copy(request->request_id, seen.request_id, sizeof seen.request_id, &seen.request_id_size);
    peer_copy(request->credential, (uint8_t *)seen.credential, sizeof seen.credential - 1, &size);
    if (request->call_case == POSTERN__V1__REQUEST__CALL_VERIFY)
        peer_copy(request->verify->charge_id, seen.charge_id, sizeof seen.charge_id, &seen.charge_id_size);
    if (request->call_case == POSTERN__V1__REQUEST__CALL_RATE_CHECK)
        peer_copy(request->rate_check->charge_id, seen.charge_id, sizeof seen.charge_id, &seen.charge_id_size);
    pthread_mutex_lock(&peer->lock);
    unsigned n = peer->count++;
    if (n < PEER_SEEN_MAX)
        peer->seen[n] = seen;
    pthread_mutex_unlock(&peer->lock);
    return n;
}

static inline void peer_receive(struct peer_context *at)
{
    at->sending = false;
    nng_ctx_recv(at->context, at->aio);
}

static inline void peer_send(struct peer_context *at, const void *bytes, size_t size)
{
    nng_msg *message = NULL;
    nng_msg_alloc(&message, size);
    if (size > 0)
        memcpy(nng_msg_body(message), bytes, size);
    at->sending = true;
    nng_aio_set_msg(at->aio, message);
    nng_ctx_send(at->context, at->aio);
}

static inline void peer_send_reply(struct peer_context *at, const Postern__V1__Reply *reply)
{
    size_t size = postern__v1__reply__get_packed_size(reply);
    uint8_t *bytes = malloc(size + 1);
    postern__v1__reply__pack(reply, bytes);
    peer_send(at, bytes, size);
    free(bytes);
}

static inline void peer_answer(struct peer_context *at, nng_msg *message)
{
    struct peer *peer = at->peer;
    nng_pipe pipe = nng_msg_get_pipe(message);
    Postern__V1__Request *request = postern__v1__request__unpack(NULL, nng_msg_len(message), nng_msg_body(message));
    if (request == NULL)
        abort(); // the client must never send this
    unsigned n = peer_note(peer, request, (uint32_t)nng_pipe_id(pipe));
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    reply.server_time_ms = 1;
    switch (peer->script(peer->context, n, request, &reply)) {
    case PEER_ANSWER:
        reply.request_id = request->request_id;
        peer_send_reply(at, &reply);
        break;
    case PEER_ANSWER_RAW:
        peer_send_reply(at, &reply);
        break;
    case PEER_IGNORE:
        peer_receive(at);
        break;
    case PEER_HANG_UP:
        nng_pipe_close(pipe);
        peer_receive(at);
        break;
    case PEER_GARBAGE:
        peer_send(at, "\xff\xff\xff\xff garbage", 12);
        break;
    case PEER_NOTHING:
        peer_send(at, NULL, 0);
        break;
    }
    postern__v1__request__free_unpacked(request, NULL);
}

static inline void peer_turn(void *context)
{
    struct peer_context *at = context;
    int rv = nng_aio_result(at->aio);
    if (rv == NNG_ECLOSED || rv == NNG_ECANCELED)
        return;
    if (at->sending || rv != 0) {
        if (at->sending && rv != 0)
            nng_msg_free(nng_aio_get_msg(at->aio));
        peer_receive(at);
        return;
    }
    nng_msg *message = nng_aio_get_msg(at->aio);
    peer_answer(at, message);
    nng_msg_free(message);
}

static inline void peer_start(struct peer *peer, const char *url, peer_script *script, void *context)
{
    *peer = (struct peer){.script = script, .context = context};
    pthread_mutex_init(&peer->lock, NULL);
    assert_int_equal(nng_rep0_open(&peer->socket), 0);
    assert_int_equal(nng_listen(peer->socket, url, &peer->listener, 0), 0);
    for (size_t i = 0; i < PEER_CONTEXTS; i++) {
        struct peer_context *at = &peer->contexts[i];
        at->peer = peer;
        assert_int_equal(nng_aio_alloc(&at->aio, peer_turn, at), 0);
        assert_int_equal(nng_ctx_open(&at->context, peer->socket), 0);
        peer_receive(at);
    }
}

static inline void peer_stop(struct peer *peer)
{
    for (size_t i = 0; i < PEER_CONTEXTS; i++)
        nng_aio_stop(peer->contexts[i].aio);
    nng_close(peer->socket);
    for (size_t i = 0; i < PEER_CONTEXTS; i++)
        nng_aio_free(peer->contexts[i].aio);
    pthread_mutex_destroy(&peer->lock);
}

static inline unsigned peer_count(struct peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    unsigned count = peer->count;
    pthread_mutex_unlock(&peer->lock);
    return count;
}

// The n-th request that it saw.
static inline struct peer_seen peer_saw(struct peer *peer, unsigned n)
{
    assert_true(n < peer_count(peer) && n < PEER_SEEN_MAX);
    pthread_mutex_lock(&peer->lock);
    struct peer_seen seen = peer->seen[n];
    pthread_mutex_unlock(&peer->lock);
    return seen;
}

#endif
