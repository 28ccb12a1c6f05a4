#include "rpc/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/util/platform.h>
#include <nng/transport/ipc/ipc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rpc/listener_cut.h"

enum { FLUSH_MS = 100, CLOSE_S = 3, ARENAS_KEPT = 64, REQUEST_ID_SIZE = 4 };

// --- connections come and go

static struct listener_slot *find_slot(struct rpc *rpc, nng_pipe pipe)
{
    int id = nng_listener_id(nng_pipe_listener(pipe));
    for (size_t i = 0; id > 0 && i < rpc->slot_count; i++)
        if (atomic_load(&rpc->slots[i].id) == (unsigned)id)
            return &rpc->slots[i];
    return NULL;
}

// Where the peer is; empty when the connection does not say.
static void read_address(nng_pipe pipe, char out[CALL_ADDRESS_SIZE])
{
    nng_sockaddr address;
    const char *text = NULL;
    if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) != 0)
        address.s_family = NNG_AF_UNSPEC;
    if (address.s_family == NNG_AF_INET)
        text = inet_ntop(AF_INET, &address.s_in.sa_addr, out, CALL_ADDRESS_SIZE);
    else if (address.s_family == NNG_AF_INET6)
        text = inet_ntop(AF_INET6, address.s_in6.sa_addr, out, CALL_ADDRESS_SIZE);
    if (text == NULL)
        out[0] = '\0';
}

static struct call_peer identify(const struct rpc *rpc, const struct listener_slot *slot, nng_pipe pipe)
{
    struct call_peer peer = {.ceiling = slot->ceiling};
    uint64_t uid = 0;
    if (slot->address.kind == LISTENER_IPC && nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0) {
        peer.has_uid = true;
        peer.uid = (uint32_t)uid;
    } else if (slot->address.kind == LISTENER_INPROC) { // this very process
        peer.has_uid = true;
        peer.uid = rpc->server.own_uid;
    } else if (slot->address.kind == LISTENER_TCP) {
        read_address(pipe, peer.address);
    }
    return peer;
}

// Before the protocol knows of the pipe, so that no request can be there before its peer is known.
static void on_add(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct rpc *rpc = context;
    (void)event;
    struct listener_slot *slot = find_slot(rpc, pipe);
    if (slot == NULL || atomic_load(&rpc->server.draining)) {
        nng_pipe_close(pipe);
        return;
    }
    atomic_fetch_add(&slot->accepted, 1);
    struct call_peer peer = identify(rpc, slot, pipe);
    if (!listener_pipes_add(&rpc->pipes, (uint32_t)nng_pipe_id(pipe), &peer))
        nng_pipe_close(pipe);
}

static void on_remove(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct rpc *rpc = context;
    (void)event;
    listener_pipes_remove(&rpc->pipes, (uint32_t)nng_pipe_id(pipe));
}

// --- addresses

static enum status fail_address(const struct listener_slot *slot, int code, struct status_note *note)
{
    const char *hint = "";
    if (code == NNG_EADDRINUSE)
        hint = ": another program listens there; stop it or choose another address";
    else if (slot->address.kind == LISTENER_IPC)
        hint = ": its directory has to exist, and the daemon's user must be able to write there";
    return status_fail(note, STATUS_UNAVAILABLE, NULL, "cannot listen on %s: %s%s", slot->address.url,
                       nng_strerror(code), hint);
}

enum status listener_start(struct rpc *rpc, struct listener_slot *slot, struct status_note *note)
{
    nng_listener listener;
    int code = nng_listener_create(&listener, rpc->socket, slot->address.url);
    if (code != 0)
        return fail_address(slot, code, note);
    if (slot->address.kind == LISTENER_IPC)
        code = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, rpc->socket_mode);
    atomic_store(&slot->id, (unsigned)nng_listener_id(listener)); // before the first connection
    if (code == 0)
        code = nng_listener_start(listener, 0);
    if (code == 0)
        return STATUS_OK;
    atomic_store(&slot->id, 0);
    nng_listener_close(listener);
    return fail_address(slot, code, note);
}

static enum status open_socket(struct rpc *rpc, struct status_note *note)
{
    int code = nng_rep0_open(&rpc->socket);
    rpc->socket_open = code == 0;
    // Unlimited by default: a header that claims 10 GB would be allocated. It counts the 4 bytes of the protocol.
    if (code == 0)
        code = nng_socket_set_size(rpc->socket, NNG_OPT_RECVMAXSZ, CALL_REQUEST_MAX + REQUEST_ID_SIZE);
    if (code == 0)
        code = nng_pipe_notify(rpc->socket, NNG_PIPE_EV_ADD_PRE, on_add, rpc);
    if (code == 0)
        code = nng_pipe_notify(rpc->socket, NNG_PIPE_EV_REM_POST, on_remove, rpc);
    if (code == 0)
        return STATUS_OK;
    return status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "cannot open a socket: %s", nng_strerror(code));
}

static enum status parse_slots(struct rpc *rpc, const struct rpc_options *options, struct status_note *note)
{
    for (size_t i = 0; i < options->listener_count; i++) {
        struct listener_slot *slot = &rpc->slots[i];
        slot->ceiling = options->listeners[i].ceiling;
        enum status status =
            listener_address_parse(options->listeners[i].url, options->allow_plain_tcp, &slot->address, note);
        if (status == STATUS_OK)
            status = listener_address_is_free(&slot->address, note);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status start_slots(struct rpc *rpc, struct status_note *note)
{
    for (size_t i = 0; i < rpc->slot_count; i++) {
        enum status status = listener_start(rpc, &rpc->slots[i], note);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

// --- the room

static bool fill(struct rpc *rpc, const struct rpc_options *options)
{
    pthread_mutex_init(&rpc->stop_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&rpc->stop_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bool pipes = listener_pipes_init(&rpc->pipes, options->max_connections, options->contexts);
    rpc->slots = calloc(options->listener_count, sizeof *rpc->slots);
    rpc->slot_count = options->listener_count;
    rpc->operator_uids = calloc(options->operator_uid_count + 1, sizeof *rpc->operator_uids);
    rpc->arenas = arena_pool_new(CALL_BUDGET, ARENAS_KEPT);
    rpc->socket_mode = (int)options->socket_mode;
    if (!pipes || rpc->slots == NULL || rpc->operator_uids == NULL || rpc->arenas == NULL)
        return false;
    if (options->operator_uid_count > 0)
        memcpy(rpc->operator_uids, options->operator_uids, options->operator_uid_count * sizeof *rpc->operator_uids);
    struct call_server *server = &rpc->server;
    server->registry = options->registry;
    server->authorizer = options->authorizer;
    server->secret = options->secret;
    server->clock = options->clock;
    server->log = options->log;
    server->operator_uids = rpc->operator_uids;
    server->operator_uid_count = options->operator_uid_count;
    server->own_uid = (uint32_t)geteuid();
    server->opened_ms = clock_now_ms(options->clock);
    return true;
}

enum status rpc_open(const struct rpc_options *options, struct rpc **out, struct status_note *note)
{
    *out = NULL;
    struct rpc *rpc = calloc(1, sizeof *rpc);
    if (rpc == NULL)
        return status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    enum status status = STATUS_OK;
    if (!fill(rpc, options))
        status = status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == STATUS_OK)
        status = parse_slots(rpc, options, note);
    if (status == STATUS_OK)
        status = open_socket(rpc, note);
    if (status == STATUS_OK)
        status = listener_workers_open(rpc, options->contexts, note);
    if (status == STATUS_OK)
        status = start_slots(rpc, note);
    if (status == STATUS_OK)
        status = listener_watchdog_start(rpc, note);
    if (status != STATUS_OK) {
        rpc_close(rpc);
        return status;
    }
    listener_workers_start(rpc);
    *out = rpc;
    return STATUS_OK;
}

// A send that has succeeded is not yet delivered, hence the pause. Then the connections are cut, so that nng closes
// with no read under way (listener_cut.h).
static void drain(struct rpc *rpc)
{
    atomic_store(&rpc->server.draining, true);
    for (size_t i = 0; i < rpc->slot_count; i++)
        if (atomic_load(&rpc->slots[i].id) != 0)
            listener_cut_new(&rpc->slots[i].address);
    listener_pipes_wait_idle(&rpc->pipes);
    nng_msleep(FLUSH_MS);
    for (size_t i = 0; i < rpc->slot_count; i++)
        listener_cut_slot(rpc, &rpc->slots[i]);
}

static void *close_socket(void *context)
{
    struct rpc *rpc = context;
    nng_close(rpc->socket);
    pthread_mutex_lock(&rpc->stop_lock);
    rpc->socket_open = false;
    pthread_cond_signal(&rpc->stop_wake); // of the watchdog, which has ended
    pthread_mutex_unlock(&rpc->stop_lock);
    return NULL;
}

static bool wait_closed(struct rpc *rpc)
{
    int code = 0;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CLOSE_S;
    pthread_mutex_lock(&rpc->stop_lock);
    while (rpc->socket_open && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&rpc->stop_wake, &rpc->stop_lock, &until);
    bool closed = !rpc->socket_open;
    pthread_mutex_unlock(&rpc->stop_lock);
    return closed;
}

// False when nng does not come to an end. That must not keep the daemon from closing its stores, so nng is then left to
// the end of the process, with everything that its callbacks may still look at.
static bool close_socket_in_time(struct rpc *rpc)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, close_socket, rpc) != 0) {
        nng_close(rpc->socket);
        return true;
    }
    if (wait_closed(rpc)) {
        pthread_join(thread, NULL);
        return true;
    }
    pthread_detach(thread);
    return false;
}

void rpc_close(struct rpc *rpc)
{
    if (rpc == NULL)
        return;
    bool closed = true;
    if (rpc->watchdog_runs) {
        closed = listener_watchdog_stop(rpc);
        drain(rpc);
    }
    closed = closed && (!rpc->socket_open || close_socket_in_time(rpc));
    if (!closed)
        log_line(rpc->server.log, LOG_LEVEL_WARNING, "connections did not close in time; they end with the process");
    listener_workers_close(rpc);
    if (!closed)
        return;
    nng_fini();
    arena_pool_free(rpc->arenas);
    listener_pipes_wipe(&rpc->pipes);
    pthread_mutex_destroy(&rpc->stop_lock);
    pthread_cond_destroy(&rpc->stop_wake);
    free(rpc->operator_uids);
    free(rpc->slots);
    free(rpc);
}
