#include "exchange.h"

#include <string.h>

// A connection over which nothing has come back for this long is given up, if its peer may have vanished: the kernel
// alone would take a quarter of an hour.
enum { SILENCE_MS_MAX = 2000 };

uint64_t postern_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void postern_message_wipe(nng_msg *message)
{
    if (message == NULL)
        return;
    explicit_bzero(nng_msg_body(message), nng_msg_len(message));
    nng_msg_free(message);
}

static nng_duration as_duration(uint64_t span_ms)
{
    return span_ms < INT32_MAX ? (nng_duration)span_ms : INT32_MAX;
}

static uint64_t left_until(uint64_t deadline_ms)
{
    uint64_t now = postern_now_ms();
    return deadline_ms > now ? deadline_ms - now : 0;
}

static int send_message(struct postern_slot *slot, nng_msg *message, uint64_t timeout_ms)
{
    nng_aio_set_msg(slot->aio, message);
    nng_aio_set_timeout(slot->aio, as_duration(timeout_ms));
    nng_ctx_send(slot->context, slot->aio);
    nng_aio_wait(slot->aio);
    int rv = nng_aio_result(slot->aio);
    if (rv != 0)
        postern_message_wipe(nng_aio_get_msg(slot->aio)); // sent, it is the socket's
    nng_aio_set_msg(slot->aio, NULL);
    return rv;
}

static int receive_message(struct postern_slot *slot, uint64_t timeout_ms, nng_msg **message)
{
    nng_aio_set_timeout(slot->aio, as_duration(timeout_ms));
    nng_ctx_recv(slot->context, slot->aio);
    nng_aio_wait(slot->aio);
    int rv = nng_aio_result(slot->aio);
    if (rv == 0)
        *message = nng_aio_get_msg(slot->aio);
    nng_aio_set_msg(slot->aio, NULL);
    return rv;
}

// Reconnects when the peer seems to have vanished. Calls in flight on the connection see it as lost and repeat.
static void note_silence(struct postern *client)
{
    uint64_t now = postern_now_ms();
    uint64_t since = 0;
    if (atomic_compare_exchange_strong(&client->silent_since, &since, now) || !client->may_vanish)
        return;
    uint32_t pipe = atomic_load(&client->pipe);
    if (now - since < SILENCE_MS_MAX || pipe == 0)
        return;
    atomic_store(&client->silent_since, 0);
    (void)nng_pipe_close((nng_pipe){.id = pipe}); // fails only when it is gone already
}

static enum postern_outcome await_reply(struct postern *client, struct postern_slot *slot, uint64_t timeout_ms,
                                        nng_msg **reply)
{
    int rv = receive_message(slot, timeout_ms, reply);
    if (rv == 0) {
        atomic_store(&client->silent_since, 0);
        return POSTERN_GOT_REPLY;
    }
    if (rv == NNG_ETIMEDOUT) {
        note_silence(client);
        return POSTERN_SILENT;
    }
    return rv == NNG_ENOMEM ? POSTERN_NO_MEMORY : POSTERN_LOST;
}

enum postern_outcome postern_exchange(struct postern *client, struct postern_slot *slot,
                                      const Postern__V1__Request *request, uint64_t deadline_ms, uint64_t patience_ms,
                                      nng_msg **reply)
{
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, postern__v1__request__get_packed_size(request)) != 0)
        return POSTERN_NO_MEMORY;
    postern__v1__request__pack(request, nng_msg_body(message));
    int rv = send_message(slot, message, left_until(deadline_ms));
    if (rv == NNG_ENOMEM)
        return POSTERN_NO_MEMORY;
    if (rv != 0)
        return POSTERN_NOT_CONNECTED;
    uint64_t left = left_until(deadline_ms);
    return await_reply(client, slot, left < patience_ms ? left : patience_ms, reply);
}
