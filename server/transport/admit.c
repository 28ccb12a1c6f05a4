// Admits newcomers: makes room for one, makes its connection and begins to serve it.
#include "transport/connection.h"

#include <arpa/inet.h>
#include <nng/supplemental/util/platform.h>
#include <nng/transport/ipc/ipc.h>
#include <stdlib.h>
#include <string.h>

enum { CIPHER_SIZE = 16 * 1024 + 512 };

// --- room

// What is in the list is not freed as long as the lock is held.
void admit_cut_oldest(struct transport *transport, bool (*is_of_kind)(const struct transport_connection *connection))
{
    struct transport_connection *found = NULL;
    pthread_mutex_lock(&transport->lock);
    for (struct transport_connection *at = transport->first; at != NULL; at = at->links.older)
        if (is_of_kind(at))
            found = at;
    if (found != NULL)
        connection_cut(found);
    pthread_mutex_unlock(&transport->lock);
}

bool admit_newcomer(struct transport *transport)
{
    const size_t max = transport->options.max_connections;
    size_t count = atomic_load(&transport->connections);
    if (count < max)
        return true;
    transport_count(transport, COUNT_REFUSED);
    transport_complain(
        transport, &transport->crowds,
        "all %zu connections are taken: raise --max-connections, or look who holds them (ss -xp, ss -tp)", max);
    // Those that greet and ask nothing must not fill the places beyond the maximum: a newcomer may have a right to a
    // seat.
    const bool is_crowded = count >= max + TRANSPORT_CONNECTIONS_BEYOND_MAX / 2;
    admit_cut_oldest(transport, is_crowded ? connection_is_seatless : connection_is_unidentified);
    return count < max + TRANSPORT_CONNECTIONS_BEYOND_MAX;
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

bool admit_stream(struct transport *transport, const struct listener *listener, nng_stream *stream)
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
    connection->format = (struct frame_format){.has_type = listener->address.kind == ADDRESS_IPC,
                                               .body_max = transport->options.request_max};
    connection->began_ms = nng_clock();
    identify(connection, listener);
    connection->caller = transport_caller(transport, &connection->peer);
    memcpy(connection->filling.data, frame_greeting, sizeof frame_greeting);
    connection->filling.end = sizeof frame_greeting;
    atomic_store(&connection->holders, 2); // the reading role, and this function until both roles have begun
    transport_add(transport, connection);
    output_flush(connection);
    receive_begin(connection);
    connection_release(connection);
    return true;
}
