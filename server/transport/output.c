// The sending half of a connection. Replies are packed into `filling` while `flying` is under way, then the two change
// places: one send takes all that is ready.
#include "transport/connection.h"

#include <nng/supplemental/util/platform.h>
#include <string.h>

enum {
    KEPT = 16 * 1024,    // of an empty buffer
    RECORD = 16 * 1024,  // what one record of TLS holds
    FLIGHT = 128 * 1024, // of TLS, in one send
};

static size_t waiting(const struct transport_connection *connection)
{
    return buffer_size(&connection->filling) + buffer_size(&connection->flying);
}

// All that TLS has for the peer. False: memory is out.
static bool take_cipher(struct transport_connection *connection)
{
    struct buffer *flying = &connection->flying;
    size_t size = tls_session_pending(connection->tls);
    if (size > 0 && !buffer_reserve(flying, size))
        return false;
    if (size > 0)
        flying->end += tls_session_take(connection->tls, flying->data + flying->end, size);
    return true;
}

// Before the handshake is over, TLS has something to send, and replies wait. No more than a flight is taken at once:
// what lies inside of TLS is in no budget. Without memory for any of it the peer would wait in vain.
static bool encrypt(struct transport_connection *connection)
{
    struct buffer *filling = &connection->filling, *flying = &connection->flying;
    bool has_room = take_cipher(connection);
    for (size_t taken = 1; taken > 0 && has_room && buffer_size(flying) < FLIGHT;) {
        struct slice bytes = buffer_bytes(filling);
        bytes.size = bytes.size < RECORD ? bytes.size : RECORD;
        taken = tls_session_write(connection->tls, bytes);
        if (taken > 0)
            buffer_take(filling, taken);
        has_room = take_cipher(connection);
    }
    buffer_shrink(filling, KEPT);
    if (!has_room && buffer_size(flying) == 0) {
        transport_count(connection->transport, COUNT_MEMORY);
        connection->hang_up = true;
    }
    return buffer_size(flying) > 0;
}

// Moves what waits to where it is sent from. False: nothing waits.
static bool load(struct transport_connection *connection)
{
    if (connection->tls != NULL)
        return encrypt(connection);
    buffer_swap(&connection->filling, &connection->flying);
    return buffer_size(&connection->flying) > 0;
}

// The caller holds the sending role.
static void send_on(struct transport_connection *connection)
{
    struct slice bytes = buffer_bytes(&connection->flying);
    nng_iov iov = {.iov_buf = connection->flying.data + connection->flying.begin, .iov_len = bytes.size};
    atomic_fetch_add(&connection->holders, 1);
    nng_aio_set_iov(connection->send_aio, 1, &iov); // one part always fits
    nng_aio_set_timeout(connection->send_aio, TRANSPORT_STUCK_MS);
    nng_stream_send(connection->stream, connection->send_aio);
    connection_settle(connection, connection->send_aio);
}

void output_kick(struct transport_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool starts = !connection->sending && !atomic_load(&connection->closed) && load(connection);
    if (starts) {
        connection->sending = true;
        atomic_fetch_add(&connection->holders, 1);
    }
    bool ends = !connection->sending && connection->hang_up;
    pthread_mutex_unlock(&connection->lock);
    if (starts)
        send_on(connection);
    else if (ends)
        connection_cut(connection);
}

bool output_is_over_mark(struct transport_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool over = waiting(connection) > TRANSPORT_OUTPUT_MARK;
    pthread_mutex_unlock(&connection->lock);
    return over;
}

bool output_pauses(struct transport_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool pauses = connection->sending && waiting(connection) > TRANSPORT_OUTPUT_MARK;
    connection->paused = pauses;
    pthread_mutex_unlock(&connection->lock);
    if (pauses)
        connection_release(connection);
    return pauses;
}

struct after_send {
    bool sends_on;
    bool resumes; // the reading role
    bool ends;
};

static struct after_send note_sent(struct transport_connection *connection, size_t size)
{
    struct after_send after = {.sends_on = true};
    pthread_mutex_lock(&connection->lock);
    buffer_take(&connection->flying, size);
    if (buffer_size(&connection->flying) == 0) {
        buffer_shrink(&connection->flying, KEPT);
        after.sends_on = connection->sending = load(connection);
    }
    after.resumes = connection->paused && waiting(connection) <= TRANSPORT_OUTPUT_MARK;
    if (after.resumes) {
        connection->paused = false;
        atomic_fetch_add(&connection->holders, 1);
    }
    after.ends = !after.sends_on && connection->hang_up;
    pthread_mutex_unlock(&connection->lock);
    return after;
}

static void end_sending(struct transport_connection *connection, int code)
{
    pthread_mutex_lock(&connection->lock);
    connection->sending = false;
    pthread_mutex_unlock(&connection->lock);
    if (code == NNG_ETIMEDOUT) {
        transport_count(connection->transport, COUNT_STUCK);
        log_line(connection->transport->options.log, LOG_LEVEL_INFO,
                 "closed a connection that does not read its replies");
    }
    connection_cut(connection);
    connection_release(connection);
}

// What the peer owes of a frame he could not send while he was not read from.
static void resume_reading(struct transport_connection *connection)
{
    if (connection->began_ms > 0)
        connection->began_ms = nng_clock();
    connection_read_again(connection);
}

void output_sent(void *context)
{
    struct transport_connection *connection = context;
    int code = nng_aio_result(connection->send_aio);
    if (code != 0 || atomic_load(&connection->closed)) {
        end_sending(connection, code);
        return;
    }
    struct after_send after = note_sent(connection, nng_aio_count(connection->send_aio));
    if (after.resumes)
        resume_reading(connection);
    if (after.ends)
        connection_cut(connection);
    if (after.sends_on)
        send_on(connection);
    else
        connection_release(connection);
}

// --- replies

// Called with the lock held. Without room the lock is given back, and the call ends.
static uint8_t *reserve(struct transport_way *way, size_t size)
{
    struct transport_connection *connection = way->connection;
    size_t prefix = frame_prefix_size(&connection->rule, way->ids_size);
    bool heard = !atomic_load(&connection->closed);
    if (heard && buffer_reserve(&connection->filling, prefix + size))
        return connection->filling.data + connection->filling.end + prefix;
    pthread_mutex_unlock(&connection->lock);
    if (heard) {
        transport_count(connection->transport, COUNT_MEMORY);
        connection_cut(connection);
    }
    connection_end_call(connection);
    return NULL;
}

uint8_t *transport_reply_begin(struct transport_way *way, size_t size)
{
    pthread_mutex_lock(&way->connection->lock);
    return reserve(way, size);
}

uint8_t *transport_reply_resize(struct transport_way *way, size_t size)
{
    return reserve(way, size);
}

void transport_reply_end(struct transport_way *way, struct slice reply)
{
    struct transport_connection *connection = way->connection;
    struct buffer *filling = &connection->filling;
    uint8_t *out = filling->data + filling->end;
    size_t prefix = frame_prefix_size(&connection->rule, way->ids_size);
    frame_write_prefix(&connection->rule, slice_make(way->ids, way->ids_size), reply.size, out);
    memmove(out + prefix, reply.data, reply.size); // packed from the end of its room
    filling->end += prefix + reply.size;
    bool kicks = !connection->serving && !connection->sending;
    pthread_mutex_unlock(&connection->lock);
    if (kicks)
        output_kick(connection);
    connection_end_call(connection);
}
