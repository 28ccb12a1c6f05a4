#include "exchange.h"

#include <string.h>

enum {
    // A request waits for a connection on one channel for this long at once, so that it soon sees a new one.
    WAIT_MS_MAX = 200,
    // A channel that had no connection for this long, though one was wanted and somebody listens, is replaced: when nng
    // has lost the ability to reconnect that is the way out.
    UNSENT_MS_MAX = 750,
    // So is one over which nothing has come back for this long, if its peer may have vanished: the kernel alone would
    // take a quarter of an hour.
    SILENT_MS_MAX = 2000
};

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

// Notes that something failed; true for one caller when it has been failing for that long.
static bool is_overdue(atomic_uint_least64_t *since, uint64_t span_ms)
{
    uint64_t now = postern_now_ms();
    uint64_t first = 0;
    if (atomic_compare_exchange_strong(since, &first, now))
        return false;
    return now - first >= span_ms && atomic_compare_exchange_strong(since, &first, now);
}

static enum postern_outcome send_request(struct postern *client, struct postern_slot *slot, nng_msg *message,
                                         uint64_t deadline_ms)
{
    struct postern_channel *channel = slot->channel;
    uint64_t left = left_until(deadline_ms);
    uint64_t none = 0;
    atomic_compare_exchange_strong(&channel->unsent_since, &none, postern_now_ms());
    int rv = send_message(slot, message, left < WAIT_MS_MAX ? left : WAIT_MS_MAX);
    if (rv == 0) {
        atomic_store(&channel->unsent_since, 0);
        return POSTERN_GOT_REPLY;
    }
    if (rv != NNG_ETIMEDOUT)
        return rv == NNG_ENOMEM ? POSTERN_NO_MEMORY : POSTERN_NOT_SENT;
    if (is_overdue(&channel->unsent_since, UNSENT_MS_MAX))
        postern_channel_replace(client, channel);
    return POSTERN_NOT_CONNECTED;
}

static enum postern_outcome await_reply(struct postern *client, struct postern_slot *slot, uint64_t timeout_ms,
                                        nng_msg **reply)
{
    struct postern_channel *channel = slot->channel;
    int rv = receive_message(slot, timeout_ms, reply);
    if (rv == 0) {
        atomic_store(&channel->silent_since, 0);
        return POSTERN_GOT_REPLY;
    }
    if (rv != NNG_ETIMEDOUT)
        return rv == NNG_ENOMEM ? POSTERN_NO_MEMORY : POSTERN_LOST;
    if (client->may_vanish && is_overdue(&channel->silent_since, SILENT_MS_MAX))
        postern_channel_replace(client, channel);
    return POSTERN_SILENT;
}

static enum postern_outcome exchange(struct postern *client, struct postern_slot *slot, nng_msg *message,
                                     uint64_t deadline_ms, uint64_t patience_ms, nng_msg **reply)
{
    enum postern_outcome outcome = send_request(client, slot, message, deadline_ms);
    if (outcome != POSTERN_GOT_REPLY)
        return outcome;
    uint64_t left = left_until(deadline_ms);
    return await_reply(client, slot, left < patience_ms ? left : patience_ms, reply);
}

enum postern_outcome postern_exchange(struct postern *client, const Postern__V1__Request *request, uint64_t deadline_ms,
                                      uint64_t patience_ms, nng_msg **reply)
{
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, postern__v1__request__get_packed_size(request)) != 0)
        return POSTERN_NO_MEMORY;
    postern__v1__request__pack(request, nng_msg_body(message));
    struct postern_slot *slot = postern_slot_take(client);
    if (slot == NULL) {
        postern_message_wipe(message);
        return POSTERN_NO_MEMORY;
    }
    enum postern_outcome outcome = exchange(client, slot, message, deadline_ms, patience_ms, reply);
    postern_slot_give(client, slot);
    return outcome;
}
