// What the files of the room share.
//
// A file calls only files that come later in this list.
//
//   transport.c    opens, reloads, closes; the reaper
//   listener.c     one address: listens and accepts
//   admit.c        makes room for a newcomer and begins its connection
//   receive.c      receives bytes, and decides when to look for more
//   input.c        turns received bytes into requests
//   output.c       turns replies into bytes that are sent
//   connection.c   holds, ends and frees one connection
//   peers.c        what all connections share: their list, their seats
//   buffer.c       bytes on their way, within a bound over all connections
//   frame.c        the SP protocol (pure)
//   address.c      which addresses are offered
//   tls.c          TLS between frames and stream; alone knows OpenSSL
#ifndef TRANSPORT_INTERNAL_H
#define TRANSPORT_INTERNAL_H

#include "transport/address.h"
#include "transport/buffer.h"
#include "transport/frame.h"
#include "transport/tls.h"
#include "transport/transport.h"

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

// Members of struct transport_stats that only grow.
enum transport_count {
    COUNT_ACCEPTED,
    COUNT_REQUESTS,
    COUNT_OVERLOADED,
    COUNT_REFUSED,
    COUNT_NO_GREETING,
    COUNT_BAD_FRAME,
    COUNT_HALF_FRAME,
    COUNT_STUCK,
    COUNT_MEMORY,
    COUNT_TLS,
    COUNT_ACCEPT_FAILED,
    COUNT_DISPLACED,
    COUNTS
};

enum { TRANSPORT_CALLERS = 4096 };

struct listener {
    struct transport *transport;
    size_t index;
    struct address address;
    nng_stream_listener *stream;
    nng_aio *aio;
    bool resting; // it pauses after a failure; the aio is the pause
};

struct transport {
    struct transport_options options;
    struct listener *listeners;
    struct tls *tls; // NULL without TLS
    atomic_uint_fast64_t counts[COUNTS];
    struct log_limit complaints; // lines about peers; what any number of them can cause has a limit of its own
    struct log_limit crowds;     // lines that all connections are taken
    struct log_limit shortages;  // lines about accepts that failed
    struct buffer_budget memory;
    atomic_size_t calls;       // in flight
    atomic_bool polls;         // a thread polls for more of its peer's requests
    atomic_bool input_ended;   // it is about to close: no more requests are begun
    atomic_size_t connections; // including those that are closed and not yet freed
    atomic_size_t seats;       // how many of max_connections are taken: a connection takes one when it greets
    uint64_t caller_seed;
    atomic_uint caller_seats[TRANSPORT_CALLERS]; // of them, by the hash of the caller; two with one hash are one
    // Guarded by the lock.
    pthread_mutex_t lock;
    pthread_cond_t changed; // there is something to reap, or no connection is left
    struct transport_connection *first;
    struct transport_connection *dead; // to be freed
    bool reaper_runs;
    bool reaper_ends;
    pthread_t reaper;
};

static inline void transport_count(struct transport *transport, enum transport_count what)
{
    atomic_fetch_add_explicit(&transport->counts[what], 1, memory_order_relaxed);
}

// Is more in use than so many quarters of the memory? Frames that are not whole may take half of it, so that unfinished
// ones do not take the place of others' calls. New work is refused beyond three quarters; the rest is for replies and
// newcomers.
static inline bool transport_memory_is_over(const struct transport *transport, size_t quarters)
{
    return atomic_load_explicit(&transport->memory.used_bytes, memory_order_relaxed) / quarters >
           transport->options.memory_max_bytes / 4;
}

// --- peers.c

// Logs a line about peers. Unidentified peers can cause any number of these, so `limit` lets only some through.
void transport_complain(struct transport *transport, struct log_limit *limit, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Links of the list, under the transport's lock; the newest connection is first.
struct transport_links {
    struct transport_connection *newer, *older;
};
void transport_add(struct transport *transport, struct transport_connection *connection);
// A caller is a user (ipc), an IPv4 address, or an IPv6 network of 64 bits, which is what one host usually has. Returns
// the index of its seats.
size_t transport_caller(const struct transport *transport, const struct transport_peer *peer);
// Takes one of max_connections seats. False when all are taken.
bool transport_take_seat(struct transport *transport, size_t caller);
void transport_leave_seat(struct transport *transport, size_t caller);
// Returns the caller with the most seats.
size_t transport_greediest(const struct transport *transport);
// Hands a connection without references to the reaper. Any thread.
void transport_give_to_reaper(struct transport *transport, struct transport_connection *connection);

// --- connection.c

bool connection_is_unidentified(const struct transport_connection *connection); // it has not greeted, and could be cut
bool connection_is_seatless(const struct transport_connection *connection);     // it has no seat, and could be cut
bool connection_is_busy(struct transport_connection *connection);               // it serves, or has replies to send
void connection_release(struct transport_connection *connection);               // gives a reference back
// Closes it; its outstanding operations fail. The caller holds a reference, or the transport's lock.
void connection_cut(struct transport_connection *connection);
void connection_free(struct transport_connection *connection); // by the reaper, when nobody holds it

// --- admit.c

// Cuts the oldest connection of that kind, if there is one.
void admit_cut_oldest(struct transport *transport, bool (*is_of_kind)(const struct transport_connection *connection));
// Makes room for a newcomer when all connections are taken. False when that fails.
bool admit_newcomer(struct transport *transport);
// Takes the stream over, greets it and serves it from now on. False when memory is out; then the stream still belongs
// to the caller.
bool admit_stream(struct transport *transport, const struct listener *listener, nng_stream *stream);

// --- listener.c

// Errors:
//   UNAVAILABLE         it cannot listen there, or give the socket to its group
//   RESOURCE_EXHAUSTED  memory is out
STATUS_MUST_CHECK enum status listener_find_group(const char *name, gid_t *out, struct status_failure *failure);
STATUS_MUST_CHECK enum status listener_open(struct listener *listener, struct status_failure *failure);
void listener_accept(struct listener *listener);
void listener_stop(struct listener *listener); // takes no more
void listener_close(struct listener *listener);

#endif
