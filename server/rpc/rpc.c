// Connects the transport with calls: a request gets a call, an arena and a view, and its reply goes back.
#include "rpc/rpc.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "rpc/metrics.h"
#include "rpc/watch.h"

enum {
    ARENAS_KEPT = 64,
    TIMED_PART = 16, // of the calls, so that the others need not look at the clock
    WATCH_PART = 4   // of max_calls: so many may wait for a change
};

// Room for one call in flight, used again and again: the call, and where its reply goes.
struct slot {
    struct call call;
    struct rpc *rpc;
    struct transport_return_path return_path;
    struct slot *next; // in the list of idle ones
    bool is_timed;
    uint64_t begun_ns; // when it is timed
};

struct rpc {
    struct call_server server;
    struct arena_pool *arenas;
    const char **urls;
    enum rpc_ceiling *ceilings; // by listener
    pthread_mutex_t lock;       // guards what follows
    pthread_cond_t idle;        // nothing is busy
    struct slot *idle_slots;
    size_t busy;
    unsigned turn; // of those that are timed
};

// --- a slot for each request in flight

static struct slot *make_slot(struct rpc *rpc)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        return NULL;
    slot->rpc = rpc;
    slot->call.server = &rpc->server;
    if (registry_view_open(rpc->server.registry, &slot->call.view) == STATUS_OK)
        return slot;
    free(slot);
    return NULL;
}

static void give_back(struct slot *slot)
{
    struct rpc *rpc = slot->rpc;
    arena_pool_give(rpc->arenas, slot->call.arena);
    slot->call.arena = NULL;
    pthread_mutex_lock(&rpc->lock);
    slot->next = rpc->idle_slots;
    rpc->idle_slots = slot;
    if (--rpc->busy == 0)
        pthread_cond_signal(&rpc->idle);
    pthread_mutex_unlock(&rpc->lock);
}

// Returns an idle slot or a new one; NULL when memory or the store's readers are out.
static struct slot *take_slot(struct rpc *rpc)
{
    pthread_mutex_lock(&rpc->lock);
    struct slot *slot = rpc->idle_slots;
    if (slot != NULL)
        rpc->idle_slots = slot->next;
    rpc->busy++;
    const bool is_timed = rpc->turn++ % TIMED_PART == 0;
    pthread_mutex_unlock(&rpc->lock);
    if (slot == NULL)
        slot = make_slot(rpc);
    if (slot == NULL) {
        pthread_mutex_lock(&rpc->lock);
        rpc->busy--;
        pthread_mutex_unlock(&rpc->lock);
        return NULL;
    }
    slot->is_timed = is_timed;
    slot->call.arena = arena_pool_take(rpc->arenas);
    if (slot->call.arena != NULL)
        return slot;
    give_back(slot);
    return NULL;
}

// --- requests and replies

// Packs the reply straight into the connection's output.
static void reply(struct call *call, struct transport_return_path *return_path)
{
    size_t size = call_reply_size(call);
    uint8_t *room = transport_reply_begin(return_path, size);
    if (room == NULL)
        return;
    call_reply_write(call, room);
    transport_reply_end(return_path, size);
}

static void finish(struct call *call)
{
    struct slot *slot = CONTAINER_OF(call, struct slot, call);
    reply(call, &slot->return_path);
    if (slot->is_timed && call->route != NULL && (call->route->marks & ROUTE_DECIDES) != 0)
        durations_note(&slot->rpc->server.decision_time, clock_span_ns() - slot->begun_ns);
    give_back(slot);
}

static bool is_gone(struct call *call)
{
    return transport_return_path_is_gone(&CONTAINER_OF(call, struct slot, call)->return_path);
}

static void refuse(struct rpc *rpc, const struct transport_request *request)
{
    struct call call = {.server = &rpc->server};
    struct transport_return_path return_path = request->return_path;
    (void)route_refuse_overloaded(&call, request->bytes);
    reply(&call, &return_path);
}

static void serve(void *context, const struct transport_request *request)
{
    struct rpc *rpc = context;
    struct slot *slot = request->overloaded ? NULL : take_slot(rpc);
    if (slot == NULL) {
        refuse(rpc, request);
        return;
    }
    struct call *call = &slot->call;
    slot->begun_ns = slot->is_timed ? clock_span_ns() : 0;
    slot->return_path = request->return_path;
    call->peer = request->peer;
    call->ceiling = rpc->ceilings[request->peer->listener];
    call->received_ms = request->received_ms;
    call->finish = finish;
    call->is_gone = is_gone;
    // A pending call may have been answered by now, and its slot may hold another one.
    if (route_serve(call, request->bytes) == CALL_DONE)
        finish(call);
}

// --- who is an operator

static enum status set_operators(struct rpc *rpc, const uint32_t *uids, size_t count, struct status_failure *failure)
{
    struct call_operators *fresh = malloc(sizeof *fresh + count * sizeof *uids);
    if (fresh == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    struct call_operators *before = atomic_load(&rpc->server.operators);
    *fresh = (struct call_operators){.older = before, .count = count};
    if (count > 0)
        memcpy(fresh->uids, uids, count * sizeof *uids);
    atomic_store_explicit(&rpc->server.operators, fresh, memory_order_release);
    return STATUS_OK;
}

enum status rpc_reload(struct rpc *rpc, const uint32_t *operator_uids, size_t count, struct status_failure *failure)
{
    enum status status = transport_reload(rpc->server.transport, failure);
    return status == STATUS_OK ? set_operators(rpc, operator_uids, count, failure) : status;
}

// --- the room

static bool open_watch(struct rpc *rpc, const struct rpc_options *options)
{
    const struct call_watch_options watch = {.registry = options->registry,
                                             .clock = options->clock,
                                             .queue = rpc->server.queue,
                                             .calls_max = options->transport.max_calls / WATCH_PART};
    return call_watch_open(&watch, &rpc->server.watch) == STATUS_OK;
}

static enum status fill(struct rpc *rpc, const struct rpc_options *options, struct status_failure *failure)
{
    struct call_server *server = &rpc->server;
    pthread_mutex_init(&rpc->lock, NULL);
    pthread_cond_init(&rpc->idle, NULL);
    server->registry = options->registry;
    server->authorizer = options->authorizer;
    server->meters = options->meters;
    server->usage = options->usage;
    server->secret = options->secret;
    server->zones = options->zones;
    server->clock = options->clock;
    server->log = options->log;
    server->access_log = options->access_log;
    server->tls_peers = options->tls_peers;
    server->tls_peer_count = options->tls_peer_count;
    server->own_uid = (uint32_t)geteuid();
    server->opened_ms = clock_now_ms(options->clock);
    rpc->arenas = arena_pool_new(CALL_BUDGET, ARENAS_KEPT);
    rpc->urls = calloc(options->listener_count, sizeof *rpc->urls);
    rpc->ceilings = calloc(options->listener_count, sizeof *rpc->ceilings);
    if (rpc->arenas == NULL || rpc->urls == NULL || rpc->ceilings == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    for (size_t i = 0; i < options->listener_count; i++) {
        rpc->urls[i] = options->listeners[i].url;
        rpc->ceilings[i] = options->listeners[i].ceiling;
    }
    if (call_queue_open(&server->queue) != STATUS_OK || !open_watch(rpc, options))
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory or threads");
    return set_operators(rpc, options->operator_uids, options->operator_uid_count, failure);
}

static enum status open_transport(struct rpc *rpc, const struct rpc_options *options, struct status_failure *failure)
{
    struct transport_options transport = options->transport;
    transport.urls = rpc->urls;
    transport.url_count = options->listener_count;
    transport.request_max = CALL_REQUEST_MAX;
    transport.clock = options->clock;
    transport.log = options->log;
    transport.serve = serve;
    transport.context = rpc;
    return transport_open(&transport, &rpc->server.transport, failure);
}

static void wipe(struct rpc *rpc)
{
    call_watch_close(rpc->server.watch);
    call_queue_close(rpc->server.queue);
    struct call_operators *operators = atomic_load(&rpc->server.operators);
    while (operators != NULL) {
        struct call_operators *older = operators->older;
        free(operators);
        operators = older;
    }
    while (rpc->idle_slots != NULL) {
        struct slot *slot = rpc->idle_slots;
        rpc->idle_slots = slot->next;
        store_view_close(slot->call.view);
        free(slot);
    }
    arena_pool_free(rpc->arenas);
    pthread_mutex_destroy(&rpc->lock);
    pthread_cond_destroy(&rpc->idle);
    free(rpc->urls);
    free(rpc->ceilings);
    free(rpc);
}

enum status rpc_open(const struct rpc_options *options, struct rpc **out, struct status_failure *failure)
{
    *out = NULL;
    struct rpc *rpc = calloc(1, sizeof *rpc);
    if (rpc == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    enum status status = fill(rpc, options, failure);
    if (status == STATUS_OK)
        status = open_transport(rpc, options, failure);
    if (status != STATUS_OK) {
        wipe(rpc);
        return status;
    }
    transport_start(rpc->server.transport);
    *out = rpc;
    return STATUS_OK;
}

void rpc_log_decisions(struct rpc *rpc, uint32_t every)
{
    atomic_store(&rpc->server.access_log, every);
}

size_t rpc_metrics(struct rpc *rpc, char out[RPC_METRICS_MAX])
{
    return metrics_write(&rpc->server, out);
}

void rpc_close(struct rpc *rpc)
{
    if (rpc == NULL)
        return;
    atomic_store(&rpc->server.draining, true);
    call_watch_stop(rpc->server.watch);
    if (!transport_close(rpc->server.transport))
        return;
    pthread_mutex_lock(&rpc->lock);
    while (rpc->busy > 0) // the reply has left, and a thread is about to give the slot back
        pthread_cond_wait(&rpc->idle, &rpc->lock);
    pthread_mutex_unlock(&rpc->lock);
    wipe(rpc);
}
