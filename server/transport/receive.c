// The reading role: receives bytes, has their requests served (input.c), and goes on.
#include "transport/connection.h"

#include <nng/supplemental/util/platform.h>
#include <sched.h>

enum {
    LARGE = 64 * 1024,      // buffer of a connection that asks much at once
    SMALL_READS = 64,       // after so many small reads in a row the larger buffer is given back
    SHRINK_AFTER_MS = 1000, // and also after this time without a read
    POLLS_MAX = 32,         // they take 50 to 100 us
    POLL_TRIAL = 64         // a peer that was not worth polling is tried again after so many receives
};

static void end_reading(struct transport_connection *connection)
{
    connection_cut(connection);
    connection_release(connection);
}

static void fail_reading(struct transport_connection *connection, enum transport_count why)
{
    struct transport *transport = connection->transport;
    transport_count(transport, why);
    if (why == COUNT_MEMORY)
        transport_complain(transport, &transport->shortages,
                           "closed a connection: out of memory: give the daemon more, or lower --max-connections");
    end_reading(connection);
}

static bool has_large_buffers(const struct transport_connection *connection)
{
    return connection->in.capacity > TRANSPORT_BUFFER_SMALL;
}

static nng_duration left_of(uint64_t began_ms, uint64_t span_ms)
{
    uint64_t passed = nng_clock() - began_ms;
    return passed < span_ms ? (nng_duration)(span_ms - passed) : 0; // 0: at once, even when bytes are there
}

static nng_duration patience(const struct transport_connection *connection)
{
    if (!connection->seated)
        return left_of(connection->began_ms, TRANSPORT_GREETING_MS);
    if (connection->began_ms > 0)
        return left_of(connection->began_ms, TRANSPORT_FRAME_MS);
    return has_large_buffers(connection) ? SHRINK_AFTER_MS : NNG_DURATION_INFINITE;
}

// Reads in larger pieces from a peer that sends much at once, as long as it does. Without memory for that it is only
// slower.
static void fit_buffer(struct transport_connection *connection)
{
    struct buffer *in = &connection->in;
    if (connection->small_reads >= SMALL_READS)
        buffer_shrink(in, TRANSPORT_BUFFER_SMALL);
    else if (connection->reads_filled && in->capacity == TRANSPORT_BUFFER_SMALL &&
             !transport_memory_is_over(connection->transport, 2))
        (void)!buffer_reserve(in, LARGE - buffer_size(in));
}

static struct buffer *received_to(struct transport_connection *connection)
{
    return connection->tls != NULL ? &connection->cipher : &connection->in;
}

static bool prepare_room(struct transport_connection *connection)
{
    fit_buffer(connection);
    return buffer_reserve(received_to(connection), 1);
}

static void set_iov(struct transport_connection *connection, nng_aio *aio)
{
    struct buffer *to = received_to(connection);
    nng_iov iov = {.iov_buf = to->data + to->end, .iov_len = buffer_room(to)};
    nng_aio_set_iov(aio, 1, &iov); // one part always fits
}

void receive_begin(struct transport_connection *connection)
{
    if (!prepare_room(connection)) {
        fail_reading(connection, COUNT_MEMORY);
        return;
    }
    atomic_fetch_add(&connection->holders, 1);
    set_iov(connection, connection->receive_aio);
    nng_aio_set_timeout(connection->receive_aio, patience(connection));
    nng_stream_recv(connection->stream, connection->receive_aio);
    connection_started(connection, connection->receive_aio);
}

// --- after a receive

static void hang_up(struct transport_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    connection->hang_up = true;
    pthread_mutex_unlock(&connection->lock);
    output_flush(connection);
    connection_release(connection);
}

// Ends the connection after the alert that tells the peer why has left.
static void fail_tls(struct transport_connection *connection)
{
    transport_count(connection->transport, COUNT_TLS);
    transport_complain(connection->transport, &connection->transport->complaints, "TLS with %s failed: %s",
                       connection->peer.address, tls_session_error(connection->tls));
    hang_up(connection);
}

static void set_serving(struct transport_connection *connection, bool serving)
{
    pthread_mutex_lock(&connection->lock);
    connection->serving = serving;
    pthread_mutex_unlock(&connection->lock);
}

// Notes since when the peer owes the rest of a frame, or of a record of TLS, which may have no byte of a frame.
static void note_part(struct transport_connection *connection)
{
    bool has_part = buffer_size(&connection->in) > 0 || connection->skip > 0 ||
                    (connection->tls != NULL && tls_session_has_part(connection->tls));
    if (!connection->seated)
        return;
    if (!has_part)
        connection->began_ms = 0;
    else if (connection->began_ms == 0)
        connection->began_ms = nng_clock();
}

// Serves what was received; the caller holds the reading role. True when the caller still holds it and reads on.
static bool read_on(struct transport_connection *connection)
{
    set_serving(connection, true);
    enum input_next next = input_serve(connection);
    set_serving(connection, false);
    if (connection->tls != NULL && tls_session_has_failed(connection->tls)) {
        fail_tls(connection);
        return false;
    }
    if (connection->tls != NULL && tls_session_has_ended(connection->tls)) {
        hang_up(connection);
        return false;
    }
    output_flush(connection);
    switch (next) {
    case INPUT_RECEIVE:
        note_part(connection);
        return true;
    case INPUT_AGAIN:
        if (!output_pauses(connection))
            connection_read_again(connection);
        return false;
    case INPUT_HANG_UP:
        hang_up(connection);
        return false;
    case INPUT_ENDED:
        connection_release(connection);
        return false;
    case INPUT_STOP:
        end_reading(connection);
        return false;
    }
    return false;
}

static void take_received(struct transport_connection *connection, size_t size)
{
    struct buffer *to = received_to(connection);
    to->end += size;
    atomic_store_explicit(&connection->received_ms, clock_boot_ms(connection->transport->options.clock),
                          memory_order_relaxed);
    connection->small_reads = size <= TRANSPORT_BUFFER_SMALL / 2 ? connection->small_reads + 1 : 0;
    connection->reads_filled = buffer_room(to) == 0;
    if (connection->tls != NULL) {
        tls_session_feed(connection->tls, buffer_bytes(to), connection->peer.subject);
        buffer_take(to, buffer_size(to));
    }
}

// --- busy polling
//
// A request that arrives while nng waits for it wakes two threads in turn, nng's poller and the one that calls
// receive_done, which takes longer than a decision. So after serving a peer, the thread asks some more times, at once,
// whether there is more, and lets other threads run between two tries. One thread at a time polls, and only peers whose
// last request came in time for it. So an idle daemon stays idle, and a daemon with few requests does not waste time.

static bool begin_polling(struct transport_connection *connection)
{
    bool owes_part = connection->began_ms > 0;                 // nng watches the peer's time for it
    if (owes_part || connection->served >= TRANSPORT_TURN_MAX) // others may be waiting
        return false;
    if (connection->polls == 0 && ++connection->unpolled % POLL_TRIAL != 0)
        return false;
    return !atomic_exchange_explicit(&connection->transport->polls, true, memory_order_acquire);
}

// The operation is cancelled at once, so it has ended when this returns, as in output.c.
static size_t receive_at_once(struct transport_connection *connection)
{
    nng_stream_recv(connection->stream, connection->poll_aio);
    nng_aio_cancel(connection->poll_aio);
    nng_aio_wait(connection->poll_aio);
    return nng_aio_count(connection->poll_aio);
}

// Polls for more. True when bytes were received. An error will show again in the receive that follows.
static bool poll_receive(struct transport_connection *connection)
{
    size_t size = 0;
    if (!prepare_room(connection) || !begin_polling(connection))
        return false;
    set_iov(connection, connection->poll_aio);
    const unsigned polls = connection->polls > 0 ? connection->polls : POLLS_MAX;
    for (unsigned i = 0; i < polls && size == 0; i++) {
        if (i > 0)
            sched_yield();
        size = receive_at_once(connection);
    }
    atomic_store_explicit(&connection->transport->polls, false, memory_order_release);
    connection->polls = size > 0 ? POLLS_MAX : polls / 2;
    if (size > 0)
        take_received(connection, size);
    return size > 0;
}

// Goes on with a connection that has greeted without a seat and asked nothing so far, if there is a seat now.
static void wait_on(struct transport_connection *connection)
{
    if (!connection_sit_down(connection)) {
        end_reading(connection);
        return;
    }
    connection->began_ms = 0;
    note_part(connection);
    receive_begin(connection);
}

static void note_timeout(struct transport_connection *connection)
{
    if (!atomic_load(&connection->greeted))
        fail_reading(connection, COUNT_NO_GREETING);
    else if (!connection->seated)
        wait_on(connection);
    else if (connection->began_ms > 0)
        fail_reading(connection, COUNT_HALF_FRAME);
    else {
        connection->small_reads = SMALL_READS;
        receive_begin(connection);
    }
}

void receive_done(void *context)
{
    struct transport_connection *connection = context;
    int code = nng_aio_result(connection->receive_aio);
    if (code == NNG_ETIMEDOUT && !atomic_load(&connection->closed)) {
        note_timeout(connection);
        return;
    }
    if (code != 0 || atomic_load(&connection->closed)) {
        end_reading(connection);
        return;
    }
    size_t size = nng_aio_count(connection->receive_aio);
    if (size > 0) // otherwise connection_read_again has called this
        take_received(connection, size);
    connection->served = 0;
    while (read_on(connection))
        if (!poll_receive(connection)) {
            receive_begin(connection);
            return;
        }
}
