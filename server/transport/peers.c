// What all connections of a transport share: the list of them, their seats, and the log's lines about peers.
//
// Nothing here looks into a connection but at its links. So every other file of the room may call this one.
#include "transport/connection.h"

#include <arpa/inet.h>
#include <nng/supplemental/util/platform.h>
#include <stdarg.h>
#include <stdio.h>

void transport_complain(struct transport *transport, struct log_limit *limit, const char *format, ...)
{
    char text[512];
    va_list arguments;
    if (!log_may(limit, nng_clock()))
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_line(transport->options.log, LOG_LEVEL_INFO, "%s", text);
}

// --- the list

static struct transport_connection **older_of(struct transport *transport, struct transport_connection *connection)
{
    struct transport_connection *newer = connection->links.newer;
    return newer != NULL ? &newer->links.older : &transport->first;
}

void transport_add(struct transport *transport, struct transport_connection *connection)
{
    pthread_mutex_lock(&transport->lock);
    struct transport_links *links = &connection->links;
    links->older = transport->first;
    if (transport->first != NULL)
        transport->first->links.newer = connection;
    transport->first = connection;
    atomic_fetch_add(&transport->connections, 1);
    pthread_mutex_unlock(&transport->lock);
}

// Under the lock.
static void unlink_connection(struct transport *transport, struct transport_connection *connection)
{
    struct transport_links *links = &connection->links;
    *older_of(transport, connection) = links->older;
    if (links->older != NULL)
        links->older->links.newer = links->newer;
    *links = (struct transport_links){NULL, NULL};
}

void transport_give_to_reaper(struct transport *transport, struct transport_connection *connection)
{
    pthread_mutex_lock(&transport->lock);
    unlink_connection(transport, connection);
    connection->links.older = transport->dead;
    transport->dead = connection;
    pthread_cond_signal(&transport->changed);
    pthread_mutex_unlock(&transport->lock);
}

// --- seats

size_t transport_caller(const struct transport *transport, const struct transport_peer *peer)
{
    struct in6_addr v6;
    struct slice name = peer->has_uid ? slice_make(&peer->uid, sizeof peer->uid) : slice_text(peer->address);
    if (!peer->has_uid && inet_pton(AF_INET6, peer->address, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6))
        name = slice_make(&v6, sizeof v6 / 2);
    return slice_hash(name, transport->caller_seed) % TRANSPORT_CALLERS;
}

bool transport_take_seat(struct transport *transport, size_t caller)
{
    size_t taken = atomic_load(&transport->seats);
    while (taken < transport->options.max_connections)
        if (atomic_compare_exchange_weak(&transport->seats, &taken, taken + 1)) {
            atomic_fetch_add(&transport->caller_seats[caller], 1);
            return true;
        }
    return false;
}

void transport_leave_seat(struct transport *transport, size_t caller)
{
    atomic_fetch_sub(&transport->caller_seats[caller], 1);
    atomic_fetch_sub(&transport->seats, 1);
}

size_t transport_greediest(const struct transport *transport)
{
    size_t found = 0;
    for (size_t i = 1; i < TRANSPORT_CALLERS; i++)
        if (atomic_load(&transport->caller_seats[i]) > atomic_load(&transport->caller_seats[found]))
            found = i;
    return found;
}
