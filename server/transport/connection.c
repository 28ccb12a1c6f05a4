// Ends and frees a connection. Several threads may hold it, so the last of them hands it to the reaper.
#include "transport/connection.h"

#include <nng/supplemental/util/platform.h>
#include <stdlib.h>

// --- holding and ending

void connection_release(struct transport_connection *connection)
{
    if (atomic_fetch_sub(&connection->holders, 1) == 1)
        transport_give_to_reaper(connection->transport, connection);
}

static void leave_seat(struct transport_connection *connection)
{
    if (atomic_exchange(&connection->seated, false))
        transport_leave_seat(connection->transport, connection->caller);
}

void connection_cut(struct transport_connection *connection)
{
    if (atomic_exchange(&connection->closed, true))
        return;
    leave_seat(connection); // at once: others need not wait for the reaper
    nng_stream_close(connection->stream);
    nng_aio_abort(connection->receive_aio, NNG_ECLOSED);
    nng_aio_abort(connection->send_aio, NNG_ECLOSED);
}

void connection_started(struct transport_connection *connection, nng_aio *aio)
{
    if (atomic_load(&connection->closed))
        nng_aio_abort(aio, NNG_ECLOSED);
    connection_release(connection);
}

void connection_read_again(struct transport_connection *connection)
{
    if (nng_aio_begin(connection->receive_aio))
        nng_aio_finish(connection->receive_aio, 0);
    else {
        connection_cut(connection);
        connection_release(connection);
    }
}

void connection_end_call(struct transport_connection *connection)
{
    atomic_fetch_sub(&connection->calls, 1);
    atomic_fetch_sub(&connection->transport->calls, 1);
    connection_release(connection);
}

static bool is_idle(struct transport_connection *connection, uint64_t before_ms)
{
    return atomic_load(&connection->seated) && !atomic_load(&connection->closed) &&
           atomic_load_explicit(&connection->received_ms, memory_order_relaxed) <= before_ms &&
           atomic_load(&connection->calls) == 0 && !connection_is_busy(connection);
}

// Under the transport's lock.
static struct transport_connection *find_longest_idle(const struct transport *transport, size_t caller)
{
    const uint64_t now_ms = clock_boot_ms(transport->options.clock);
    uint64_t before_ms = now_ms > TRANSPORT_IDLE_MS ? now_ms - TRANSPORT_IDLE_MS : 0;
    struct transport_connection *found = NULL;
    for (struct transport_connection *at = transport->first; at != NULL; at = at->links.older)
        if (at->caller == caller && is_idle(at, before_ms)) {
            found = at;
            before_ms = atomic_load_explicit(&at->received_ms, memory_order_relaxed);
        }
    return found;
}

// All seats are taken. So that no caller can keep all others out, and none itself, a seat is taken from a connection
// that has been idle for long: of whoever has most seats, if that are more than the newcomer's caller has, or else of
// its own caller. Nothing is lost with it: no call of it is in flight.
static bool displace(struct transport_connection *newcomer)
{
    struct transport *transport = newcomer->transport;
    const size_t own = newcomer->caller, greediest = transport_greediest(transport);
    const atomic_uint *seats = transport->caller_seats;
    struct transport_connection *found = NULL;
    pthread_mutex_lock(&transport->lock);
    if (atomic_load(&seats[greediest]) > atomic_load(&seats[own]) + 1)
        found = find_longest_idle(transport, greediest);
    if (found == NULL)
        found = find_longest_idle(transport, own);
    const size_t loser = found != NULL ? found->caller : own;
    bool gave = found != NULL && atomic_exchange(&found->seated, false);
    if (gave)
        connection_cut(found);
    pthread_mutex_unlock(&transport->lock);
    if (!gave)
        return false;
    transport_count(transport, COUNT_DISPLACED);
    atomic_fetch_sub(&transport->caller_seats[loser], 1);
    atomic_fetch_add(&transport->caller_seats[own], 1);
    return true;
}

bool connection_sit_down(struct transport_connection *connection)
{
    if (atomic_load(&connection->seated))
        return true;
    if (atomic_load(&connection->closed) ||
        (!transport_take_seat(connection->transport, connection->caller) && !displace(connection)))
        return false;
    atomic_store(&connection->seated, true);
    return true;
}

void connection_free(struct transport_connection *connection)
{
    leave_seat(connection); // that it took while it was cut
    // The operations before the stream: nng's thread that ends what takes too long may be about to cancel one, whether
    // or not it has ended meanwhile. To stop an operation does not wait for that thread; to free it does.
    nng_aio *const operations[] = {connection->receive_aio, connection->send_aio, connection->try_aio,
                                   connection->poll_aio};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (operations[i] != NULL) {
            nng_aio_stop(operations[i]);
            nng_aio_free(operations[i]);
        }
    if (connection->stream != NULL)
        nng_stream_free(connection->stream);
    buffer_wipe(&connection->in);
    buffer_wipe(&connection->cipher);
    buffer_wipe(&connection->filling);
    buffer_wipe(&connection->flying);
    tls_session_free(connection->tls);
    pthread_mutex_destroy(&connection->lock);
    free(connection);
}

bool connection_is_unidentified(const struct transport_connection *connection)
{
    return !atomic_load(&connection->greeted) && !atomic_load(&connection->closed);
}

bool connection_is_seatless(const struct transport_connection *connection)
{
    return !atomic_load(&connection->seated) && !atomic_load(&connection->closed);
}

bool connection_is_busy(struct transport_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    bool busy = connection->sending || connection->serving || buffer_size(&connection->filling) > 0;
    pthread_mutex_unlock(&connection->lock);
    return busy && !atomic_load(&connection->closed);
}
