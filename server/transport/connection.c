// Makes, ends and frees a connection. Several threads may hold it, so the last of them hands it to the reaper.
#include "transport/connection.h"

#include <arpa/inet.h>
#include <nng/supplemental/util/platform.h>
#include <nng/transport/ipc/ipc.h>
#include <stdlib.h>
#include <string.h>

enum { CIPHER_SIZE = 16 * 1024 + 512 };

// --- holding and ending

void connection_release(struct transport_connection *connection)
{
    if (atomic_fetch_sub(&connection->holders, 1) == 1)
        transport_give_to_reaper(connection->transport, connection);
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
    if (connection->poll_aio != NULL)
        nng_aio_free(connection->poll_aio);
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

bool connection_is_unidentified(const struct transport_connection *connection)
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
           buffer_reserve(&connection->in, TRANSPORT_BUFFER_SMALL) &&
           buffer_reserve(&connection->filling, FRAME_GREETING_SIZE) &&
           nng_aio_alloc(&connection->receive_aio, receive_done, connection) == 0 &&
           nng_aio_alloc(&connection->send_aio, output_sent, connection) == 0 &&
           nng_aio_alloc(&connection->try_aio, NULL, NULL) == 0 &&
           nng_aio_alloc(&connection->poll_aio, NULL, NULL) == 0;
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
    atomic_store(&connection->holders, 2); // the reading role, and this function until both roles have begun
    transport_add(transport, connection);
    output_flush(connection);
    receive_begin(connection);
    connection_release(connection);
    return true;
}
