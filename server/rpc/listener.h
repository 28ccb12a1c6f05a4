// Room-private, of the listener's files only: they alone know nng.
//
//   listener.c           sockets: open, drain, close
//   listener_worker.c    one context and one aio each: receive, handle, send
//   listener_pipe.c      who is at the other end, and how many replies he has not read
//   listener_watchdog.c  notices a listener that has stopped to accept, and peers that do not read
//   listener_cut.c       ends connections without nng
//   listener_nng.c       puts defects of nng 1.5.2 right
//   listener_read.c      reads ahead
//   listener_write.c     knows who does not read
#ifndef RPC_LISTENER_H
#define RPC_LISTENER_H

#include <nng/nng.h>
#include <pthread.h>

#include "rpc/call.h"
#include "rpc/listener_address.h"

// A connection whose peer does not read, and that lets more replies pile up than LISTENER_UNSENT_MAX, or than there are
// workers left for all others, is closed: each waiting reply holds a worker. Measured with one client that never reads:
// others' p99 501 ms without this rule, 1.4 ms with it. Who reads is not cut, however slow this machine is, unless a
// reply does not leave within LISTENER_SEND_TIMEOUT_MS. The maximum is 64 for the client, and 32 for replies that have
// left already without anybody having said so.
enum { LISTENER_UNSENT_MAX = 64 + 32, LISTENER_SEND_TIMEOUT_MS = 1000 };

// --- connections

struct listener_pipe {
    uint32_t id;
    uint32_t unsent; // replies whose sending has begun and not ended
    bool muted;      // it is not answered any more
    bool cut;        // and is being closed
    struct call_peer peer;
    struct listener_pipe *next; // in its bucket, or in the free list
};

// Connections by pipe id, and the number of calls in flight. One mutex, held for a few instructions.
struct listener_pipes {
    pthread_mutex_t lock;
    pthread_cond_t idle;  // nothing in flight
    pthread_cond_t empty; // no connection
    struct listener_pipe *entries;
    struct listener_pipe **buckets;
    struct listener_pipe *free;
    size_t bucket_count; // a power of two
    size_t count;
    size_t workers; // in all
    size_t sending; // of them
    uint64_t in_flight;
};

bool listener_pipes_init(struct listener_pipes *pipes, size_t connections_max, size_t workers);
void listener_pipes_wipe(struct listener_pipes *pipes);
// False when there are connections_max already.
bool listener_pipes_add(struct listener_pipes *pipes, uint32_t id, const struct call_peer *peer);
void listener_pipes_remove(struct listener_pipes *pipes, uint32_t id);
// A call begins: counts it. False when the connection is gone or muted: the call is not answered, but must leave all
// the same.
bool listener_pipes_enter(struct listener_pipes *pipes, uint32_t id, struct call_peer *peer);
// A reply is about to be sent. False when the connection is muted, or is now, because it would be one too many.
bool listener_pipes_begin_send(struct listener_pipes *pipes, uint32_t id);
// The connection is to be closed. True the first time: by whoever was told so.
bool listener_pipes_cut(struct listener_pipes *pipes, uint32_t id);
// The call has ended; `sending`: begin_send was true.
void listener_pipes_leave(struct listener_pipes *pipes, uint32_t id, bool sending);
void listener_pipes_wait_idle(struct listener_pipes *pipes);
// False when there are still connections after that time.
bool listener_pipes_wait_empty(struct listener_pipes *pipes, unsigned timeout_ms);

// --- addresses

struct listener_slot {
    struct listener_address address;
    enum rpc_authority ceiling;
    atomic_uint id;                // of the nng listener, 0 = none
    atomic_uint_fast64_t accepted; // connections, those turned away included: it is alive
    unsigned failures;             // in a row; the watchdog's
};

struct listener_worker;

struct rpc {
    struct call_server server;
    uint32_t *operator_uids;
    int socket_mode;
    nng_socket socket;
    bool socket_open;
    struct listener_slot *slots;
    size_t slot_count;
    struct listener_pipes pipes;
    struct arena_pool *arenas;
    struct listener_worker *workers;
    size_t worker_count;
    pthread_t watchdog;
    bool watchdog_runs;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_wake;
    bool stopping;
    bool watchdog_ended;
};

// Listens on the slot's address; UNAVAILABLE with a note.
STATUS_MUST_CHECK enum status listener_start(struct rpc *rpc, struct listener_slot *slot, struct status_note *note);

STATUS_MUST_CHECK enum status listener_workers_open(struct rpc *rpc, size_t count, struct status_note *note);
void listener_workers_start(struct rpc *rpc);
void listener_workers_close(struct rpc *rpc); // after the socket was closed

STATUS_MUST_CHECK enum status listener_watchdog_start(struct rpc *rpc, struct status_note *note);
// False when it does not come back from nng: then it is left alone, and nng must not be asked to close.
STATUS_MUST_CHECK bool listener_watchdog_stop(struct rpc *rpc);
// Ends the connections of a slot and waits a moment for nng to notice.
void listener_cut_slot(struct rpc *rpc, const struct listener_slot *slot);

#endif
