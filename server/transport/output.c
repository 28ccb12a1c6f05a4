// The sending half of a connection. Replies are packed into `filling` while `flying` is under way, then the two change
// places: one send takes all that is ready.
#include "transport/connection.h"

#include <nng/supplemental/util/platform.h>

enum {
    KEPT = 16 * 1024,       // of an empty buffer
    TLS_RECORD = 16 * 1024, // bytes that one record of TLS holds
    FLIGHT = 128 * 1024,    // of TLS, in one send
};

static size_t waiting(const struct transport_connection *connection)
{
    return buffer_size(&connection->filling) + buffer_size(&connection->flying);
}

// Takes all encrypted bytes that TLS has for the peer. False when memory is out.
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

// Encrypts replies; until the handshake is over they wait, and TLS sends bytes of its own. At most one flight is taken
// at once, because bytes inside of TLS are in no budget. When there is no memory even for a part, the connection ends,
// because the peer would wait in vain.
static bool encrypt(struct transport_connection *connection)
{
    struct buffer *filling = &connection->filling, *flying = &connection->flying;
    bool has_room = take_cipher(connection);
    for (size_t taken = 1; taken > 0 && has_room && buffer_size(flying) < FLIGHT;) {
        struct slice bytes = buffer_bytes(filling);
        bytes.size = bytes.size < TLS_RECORD ? bytes.size : TLS_RECORD;
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

// Moves waiting replies to the buffer that is sent. False when nothing waits.
static bool load(struct transport_connection *connection)
{
    if (connection->tls != NULL)
        return encrypt(connection);
    buffer_swap(&connection->filling, &connection->flying);
    return buffer_size(&connection->flying) > 0;
}

static void set_iov(struct transport_connection *connection, nng_aio *aio)
{
    nng_iov iov = {.iov_buf = connection->flying.data + connection->flying.begin,
                   .iov_len = buffer_size(&connection->flying)};
    nng_aio_set_iov(aio, 1, &iov); // one part always fits
}

// Sends as much as the kernel takes at once, without a callback, which would wake another thread for each batch of
// replies. 0: it takes nothing now, or never again. The operation is cancelled at once, so it has ended when this
// returns; bytes that it has written are counted all the same.
static size_t send_at_once(struct transport_connection *connection)
{
    set_iov(connection, connection->try_aio);
    nng_stream_send(connection->stream, connection->try_aio);
    nng_aio_cancel(connection->try_aio);
    nng_aio_wait(connection->try_aio);
    return nng_aio_count(connection->try_aio);
}

// Starts a send and hands the sending role to nng; output_sent goes on.
static void send_in_time(struct transport_connection *connection)
{
    atomic_fetch_add(&connection->holders, 1);
    set_iov(connection, connection->send_aio);
    nng_aio_set_timeout(connection->send_aio, TRANSPORT_STUCK_MS);
    nng_stream_send(connection->stream, connection->send_aio);
    connection_started(connection, connection->send_aio);
}

// Takes the sending role, when there is something to send and nobody has it.
static bool begin_sending(struct transport_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool begins = !connection->sending && !atomic_load(&connection->closed) && load(connection);
    if (begins) {
        connection->sending = true;
        atomic_fetch_add(&connection->holders, 1);
    }
    bool ends = !connection->sending && connection->hang_up;
    pthread_mutex_unlock(&connection->lock);
    if (ends)
        connection_cut(connection);
    return begins;
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

// Reads on. The peer could not send the rest of a frame while it was not read from, so its time begins again.
static void resume_reading(struct transport_connection *connection)
{
    if (connection->began_ms > 0)
        connection->began_ms = nng_clock();
    connection_read_again(connection);
}

// Notes how much has left. True when there is more to send; then the caller keeps the sending role.
static bool note_sent(struct transport_connection *connection, size_t size)
{
    pthread_mutex_lock(&connection->lock);
    buffer_take(&connection->flying, size);
    if (buffer_size(&connection->flying) == 0) {
        buffer_shrink(&connection->flying, KEPT);
        connection->sending = load(connection);
    }
    bool goes_on = connection->sending;
    bool resumes = connection->paused && waiting(connection) <= TRANSPORT_OUTPUT_MARK;
    if (resumes) {
        connection->paused = false;
        atomic_fetch_add(&connection->holders, 1);
    }
    bool ends = !goes_on && connection->hang_up;
    pthread_mutex_unlock(&connection->lock);
    if (resumes)
        resume_reading(connection);
    if (ends)
        connection_cut(connection);
    return goes_on;
}

void output_flush(struct transport_connection *connection)
{
    if (!begin_sending(connection))
        return;
    for (size_t size; (size = send_at_once(connection)) > 0;)
        if (!note_sent(connection, size)) {
            connection_release(connection);
            return;
        }
    send_in_time(connection);
}

static void end_sending(struct transport_connection *connection, int code)
{
    pthread_mutex_lock(&connection->lock);
    connection->sending = false;
    pthread_mutex_unlock(&connection->lock);
    if (code == NNG_ETIMEDOUT) {
        transport_count(connection->transport, COUNT_STUCK);
        transport_complain(connection->transport, &connection->transport->complaints,
                           "closed a connection that does not read its replies");
    }
    connection_cut(connection);
    connection_release(connection);
}

void output_sent(void *context)
{
    struct transport_connection *connection = context;
    int code = nng_aio_result(connection->send_aio);
    if (code != 0 || atomic_load(&connection->closed)) {
        end_sending(connection, code);
        return;
    }
    if (note_sent(connection, nng_aio_count(connection->send_aio)))
        send_in_time(connection);
    else
        connection_release(connection);
}

// --- replies

bool transport_return_path_is_gone(const struct transport_return_path *return_path)
{
    return atomic_load(&return_path->connection->closed);
}

uint8_t *transport_reply_begin(struct transport_return_path *return_path, size_t size)
{
    struct transport_connection *connection = return_path->connection;
    size_t prefix = frame_prefix_size(&connection->format, return_path->ids_size);
    pthread_mutex_lock(&connection->lock);
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

void transport_reply_end(struct transport_return_path *return_path, size_t size)
{
    struct transport_connection *connection = return_path->connection;
    struct buffer *filling = &connection->filling;
    frame_write_prefix(&connection->format, slice_make(return_path->ids, return_path->ids_size), size,
                       filling->data + filling->end);
    filling->end += frame_prefix_size(&connection->format, return_path->ids_size) + size;
    bool begins = !connection->serving && !connection->sending;
    pthread_mutex_unlock(&connection->lock);
    if (begins && begin_sending(connection))
        send_in_time(connection); // not at once: this thread may make more replies, and they leave together
    connection_end_call(connection);
}
