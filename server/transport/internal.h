// What the files of the room share.
//
//   transport.c    opens, reloads, closes; the list of connections
//   listener.c     one address: listens and accepts
//   connection.c   one connection: its life
//   receive.c      bytes received, and when to look for more
//   input.c        bytes received to requests
//   output.c       replies to bytes sent
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
    COUNTS
};

struct listener {
    struct transport *transport;
    size_t index;
    struct address address;
    nng_stream_listener *stream;
    nng_aio *aio;
    bool resting; // after a failure; the aio is a pause
};

struct transport {
    struct transport_options options;
    struct listener *listeners;
    struct tls *tls; // NULL without
    atomic_uint_fast64_t counts[COUNTS];
    struct log_limit complaints; // lines about peers
    struct buffer_budget memory;
    atomic_size_t calls;       // in flight
    atomic_bool polls;         // a thread polls for more of its peer's requests
    atomic_bool deaf;          // is about to close: no more requests are begun
    atomic_size_t connections; // those that are closed and not yet freed included
    atomic_size_t seats;       // taken, of max_connections: a connection takes one when it greets
    // Under the lock:
    pthread_mutex_t lock;
    pthread_cond_t changed; // something to reap, or nobody left
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

// Is more in use than so many quarters of the memory? Frames that are not whole may take half of it, so that what
// nobody finishes does not refuse others' calls; new work is refused beyond three quarters, and the rest is for replies
// and newcomers.
static inline bool transport_memory_is_over(const struct transport *transport, size_t quarters)
{
    return atomic_load_explicit(&transport->memory.used_bytes, memory_order_relaxed) / quarters >
           transport->options.memory_max_bytes / 4;
}

// A line about a peer. There may be any number of them, so not every one is logged.
void transport_complain(struct transport *transport, const char *format, ...) __attribute__((format(printf, 2, 3)));

// --- connections (connection.c)

// Takes the stream over, greets it and serves it from now on. False: memory is out, and the stream is still the
// caller's.
bool connection_start(struct transport *transport, const struct listener *listener, nng_stream *stream);
bool connection_is_stranger(const struct transport_connection *connection); // has not greeted, and could be cut
bool connection_is_busy(struct transport_connection *connection);           // serves, or something has not left yet
void connection_release(struct transport_connection *connection);           // gives a reference back
// Closes it; what it has outstanding fails. The caller holds a reference, or the transport's lock.
void connection_cut(struct transport_connection *connection);
void connection_free(struct transport_connection *connection); // by the reaper, when nobody holds it

// --- the list of them (transport.c)

// Links of the list, under the transport's lock; the newest connection is first.
struct transport_links {
    struct transport_connection *newer, *older;
};
struct transport_links *connection_links(struct transport_connection *connection);
// The oldest connection that has not greeted goes, if there is one.
void transport_cut_stranger(struct transport *transport);
// Makes room when all connections are taken. False: the newcomer goes.
bool transport_admit(struct transport *transport);
void transport_add(struct transport *transport, struct transport_connection *connection);
// One of max_connections seats. False: all are taken.
bool transport_take_seat(struct transport *transport);
void transport_leave_seat(struct transport *transport);
// From any thread, when the last reference has gone.
void transport_bury(struct transport *transport, struct transport_connection *connection);

// --- listeners (listener.c)

STATUS_MUST_CHECK enum status listener_open(struct listener *listener, struct status_note *note);
void listener_accept(struct listener *listener);
void listener_stop(struct listener *listener); // takes no more
void listener_close(struct listener *listener);

#endif
