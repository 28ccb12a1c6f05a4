// The life of a connection, and its reading role: receive, have served what is there (input.c), and go on.
#include "transport/connection.h"

#include <arpa/inet.h>
#include <nng/supplemental/util/platform.h>
#include <nng/transport/ipc/ipc.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL = 4096,      // what a connection that is idle or asks little keeps
    LARGE = 64 * 1024, // of one that asks much at once
    SMALL_READS = 64,  // so many in a row give a larger buffer back
    SETTLE_MS = 1000,  // and so does this time without any
    CIPHER_SIZE = 16 * 1024 + 512
};

// --- holding and ending

void connection_release(struct transport_connection *connection)
{
    if (atomic_fetch_sub(&connection->holders, 1) == 1)
        transport_bury(connection->transport, connection);
}

void connection_cut(struct transport_connection *connection)
{
    if (atomic_exchange(&connection->closed, true))
        return;
    nng_stream_close(connection->stream);
    nng_aio_abort(connection->receive_aio, NNG_ECLOSED);
    nng_aio_abort(connection->send_aio, NNG_ECLOSED);
}

void connection_settle(struct transport_connection *connection, nng_aio *aio)
{
    if (atomic_load(&connection->closed))
        nng_aio_abort(aio, NNG_ECLOSED);
    connection_release(connection);
}

void connection_end_call(struct transport_connection *connection)
{
    atomic_fetch_sub(&connection->calls, 1);
    atomic_fetch_sub(&connection->transport->calls, 1);
    connection_release(connection);
}

bool connection_sit_down(struct transport_connection *connection)
{
    if (!connection->seated)
        connection->seated = transport_take_seat(connection->transport);
    return connection->seated;
}

void connection_free(struct transport_connection *connection)
{
    if (connection->seated)
        transport_leave_seat(connection->transport);
    if (connection->receive_aio != NULL)
        nng_aio_stop(connection->receive_aio);
    if (connection->send_aio != NULL)
        nng_aio_stop(connection->send_aio);
    if (connection->try_aio != NULL)
        nng_aio_free(connection->try_aio);
    if (connection->stream != NULL)
        nng_stream_free(connection->stream);
    if (connection->receive_aio != NULL)
        nng_aio_free(connection->receive_aio);
    if (connection->send_aio != NULL)
        nng_aio_free(connection->send_aio);
    buffer_wipe(&connection->in);
    buffer_wipe(&connection->cipher);
    buffer_wipe(&connection->filling);
    buffer_wipe(&connection->flying);
    tls_session_free(connection->tls);
    pthread_mutex_destroy(&connection->lock);
    free(connection);
}

struct transport_links *connection_links(struct transport_connection *connection)
{
    return &connection->links;
}

bool connection_is_stranger(const struct transport_connection *connection)
{
    return !atomic_load(&connection->greeted) && !atomic_load(&connection->closed);
}

bool connection_is_busy(struct transport_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool busy = connection->sending || connection->serving || buffer_size(&connection->filling) > 0;
    pthread_mutex_unlock(&connection->lock);
    return busy && !atomic_load(&connection->closed);
}

// --- receiving

static void end_reading(struct transport_connection *connection)
{
    connection_cut(connection);
    connection_release(connection);
}

static void fail_reading(struct transport_connection *connection, enum transport_count why)
{
    transport_count(connection->transport, why);
    end_reading(connection);
}

static bool has_large_buffers(const struct transport_connection *connection)
{
    return connection->in.capacity > SMALL;
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
    return has_large_buffers(connection) ? SETTLE_MS : NNG_DURATION_INFINITE;
}

// Who sends much at once is read from in larger pieces, as long as he does. Without memory for it he is only slower.
static void fit_buffer(struct transport_connection *connection)
{
    struct buffer *in = &connection->in;
    if (connection->small_reads >= SMALL_READS)
        buffer_shrink(in, SMALL);
    else if (connection->reads_filled && in->capacity == SMALL)
        (void)!buffer_reserve(in, LARGE - buffer_size(in));
}

// The caller holds the reading role; from here on it is nng's.
static void receive(struct transport_connection *connection)
{
    struct buffer *to = connection->tls != NULL ? &connection->cipher : &connection->in;
    fit_buffer(connection);
    if (!buffer_reserve(to, 1)) {
        fail_reading(connection, COUNT_MEMORY);
        return;
    }
    nng_iov iov = {.iov_buf = to->data + to->end, .iov_len = buffer_room(to)};
    atomic_fetch_add(&connection->holders, 1);
    nng_aio_set_iov(connection->receive_aio, 1, &iov); // one part always fits
    nng_aio_set_timeout(connection->receive_aio, patience(connection));
    nng_stream_recv(connection->stream, connection->receive_aio);
    connection_settle(connection, connection->receive_aio);
}

// As if nothing had been received: the callback comes again, behind those of others that wait.
void connection_read_again(struct transport_connection *connection)
{
    if (nng_aio_begin(connection->receive_aio))
        nng_aio_finish(connection->receive_aio, 0);
    else
        end_reading(connection);
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

// The alert that says why leaves first.
static void fail_tls(struct transport_connection *connection)
{
    transport_count(connection->transport, COUNT_TLS);
    log_line(connection->transport->options.log, LOG_LEVEL_INFO, "TLS with %s failed: %s", connection->peer.address,
             tls_session_error(connection->tls));
    hang_up(connection);
}

static void set_serving(struct transport_connection *connection, bool serving)
{
    pthread_mutex_lock(&connection->lock);
    connection->serving = serving;
    pthread_mutex_unlock(&connection->lock);
}

// From when on the peer owes the rest of a frame.
static void note_part(struct transport_connection *connection)
{
    bool has_part = buffer_size(&connection->in) > 0 || connection->skip > 0;
    if (connection->seated && has_part && connection->began_ms == 0)
        connection->began_ms = nng_clock();
}

// The caller holds the reading role.
static void read_on(struct transport_connection *connection)
{
    set_serving(connection, true);
    enum input_next next = input_serve(connection);
    set_serving(connection, false);
    if (connection->tls != NULL && tls_session_has_failed(connection->tls)) {
        fail_tls(connection);
        return;
    }
    output_flush(connection);
    switch (next) {
    case INPUT_RECEIVE:
        note_part(connection);
        receive(connection);
        return;
    case INPUT_AGAIN:
        if (!output_pauses(connection))
            connection_read_again(connection);
        return;
    case INPUT_HANG_UP:
        hang_up(connection);
        return;
    case INPUT_REST:
        connection_release(connection);
        return;
    case INPUT_STOP:
        end_reading(connection);
        return;
    }
}

static void take_received(struct transport_connection *connection, size_t size)
{
    struct buffer *to = connection->tls != NULL ? &connection->cipher : &connection->in;
    to->end += size;
    connection->received_ms = clock_now_ms(connection->transport->options.clock);
    connection->small_reads = size <= SMALL / 2 ? connection->small_reads + 1 : 0;
    connection->reads_filled = buffer_room(to) == 0;
    if (connection->tls != NULL) {
        tls_session_feed(connection->tls, buffer_bytes(to), connection->peer.subject);
        buffer_take(to, buffer_size(to));
    }
}

// It has asked nothing so far. Counted it was when it came.
static void wait_on(struct transport_connection *connection)
{
    if (!connection_sit_down(connection)) {
        end_reading(connection);
        return;
    }
    connection->began_ms = 0;
    note_part(connection);
    receive(connection);
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
        receive(connection);
    }
}

static void on_received(void *context)
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
    if (size > 0) // else it is connection_read_again
        take_received(connection, size);
    read_on(connection);
}

// --- the beginning

static void identify(struct transport_connection *connection, const struct listener *listener)
{
    struct transport_peer *peer = &connection->peer;
    nng_sockaddr address;
    uint64_t uid = 0;
    peer->listener = listener->index;
    if (listener->address.kind == ADDRESS_IPC) {
        peer->has_uid = nng_stream_get_uint64(connection->stream, NNG_OPT_IPC_PEER_UID, &uid) == 0;
        peer->uid = (uint32_t)uid;
        return;
    }
    if (nng_stream_get_addr(connection->stream, NNG_OPT_REMADDR, &address) != 0)
        return;
    if (address.s_family == NNG_AF_INET)
        (void)inet_ntop(AF_INET, &address.s_in.sa_addr, peer->address, sizeof peer->address);
    else if (address.s_family == NNG_AF_INET6)
        (void)inet_ntop(AF_INET6, address.s_in6.sa_addr, peer->address, sizeof peer->address);
}

static bool fill(struct transport_connection *connection, const struct listener *listener)
{
    struct buffer_budget *memory = &connection->transport->memory;
    connection->in.budget = connection->cipher.budget = memory;
    connection->filling.budget = connection->flying.budget = memory;
    bool is_tls = listener->address.kind == ADDRESS_TLS;
    if (is_tls)
        connection->tls = tls_session_new(connection->transport->tls);
    return (!is_tls || (connection->tls != NULL && buffer_reserve(&connection->cipher, CIPHER_SIZE))) &&
           buffer_reserve(&connection->in, SMALL) && buffer_reserve(&connection->filling, FRAME_GREETING_SIZE) &&
           nng_aio_alloc(&connection->receive_aio, on_received, connection) == 0 &&
           nng_aio_alloc(&connection->send_aio, output_sent, connection) == 0 &&
           nng_aio_alloc(&connection->try_aio, NULL, NULL) == 0;
}

bool connection_start(struct transport *transport, const struct listener *listener, nng_stream *stream)
{
    struct transport_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return false;
    connection->transport = transport;
    pthread_mutex_init(&connection->lock, NULL); // cannot fail on Linux without attributes
    if (!fill(connection, listener)) {
        connection_free(connection);
        return false;
    }
    connection->stream = stream;
    connection->rule = (struct frame_rule){.has_type = listener->address.kind == ADDRESS_IPC,
                                           .body_max = transport->options.request_max};
    connection->began_ms = nng_clock();
    identify(connection, listener);
    memcpy(connection->filling.data, frame_greeting, sizeof frame_greeting);
    connection->filling.end = sizeof frame_greeting;
    atomic_store(&connection->holders, 2); // the reading role, and until both have begun
    transport_add(transport, connection);
    output_flush(connection);
    receive(connection);
    connection_release(connection);
    return true;
}
