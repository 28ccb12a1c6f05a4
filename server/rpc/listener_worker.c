#include <stdlib.h>

#include "rpc/listener.h"

// One context and one aio; nng allows it one operation at a time, so the worker belongs to whoever holds the operation:
// nng while it receives or sends, the callback while it handles, a store's writer while the call is pending.
enum worker_state { WORKER_RECEIVES, WORKER_SENDS };

struct listener_worker {
    struct rpc *rpc;
    enum worker_state state;
    nng_ctx ctx;
    bool ctx_open;
    nng_aio *aio;
    uint32_t pipe_id;
    struct call call;
};

static void wipe_and_free(nng_msg *msg)
{
    if (msg == NULL)
        return;
    secret_wipe(nng_msg_body(msg), nng_msg_len(msg)); // requests and replies carry tokens
    nng_msg_free(msg);
}

// After this the worker is nng's.
static void receive(struct listener_worker *worker)
{
    worker->state = WORKER_RECEIVES;
    nng_aio_set_timeout(worker->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(worker->ctx, worker->aio);
}

// The call's reply as a message, packed straight into it; NULL when memory is out.
static nng_msg *take_reply(struct listener_worker *worker)
{
    struct call *call = &worker->call;
    nng_msg *msg = NULL;
    if (nng_msg_alloc(&msg, call_reply_size(call)) == 0)
        call_reply_write(call, nng_msg_body(msg));
    arena_pool_give(worker->rpc->arenas, call->arena); // a worker that sends holds none
    call->arena = NULL;
    return msg;
}

// It does not read its replies: they go with it, and the workers that they hold are free.
static void close_pipe(const struct listener_worker *worker)
{
    nng_pipe pipe = {.id = worker->pipe_id};
    if (!listener_pipes_cut(&worker->rpc->pipes, worker->pipe_id))
        return;
    if (nng_pipe_close(pipe) == 0)
        log_line(worker->rpc->server.log, LOG_LEVEL_INFO, "closed a connection that does not read its replies");
}

// Nobody gets an answer to this call. After this the worker is nng's.
static void drop(struct listener_worker *worker)
{
    struct rpc *rpc = worker->rpc;
    uint32_t pipe_id = worker->pipe_id;
    receive(worker);
    listener_pipes_leave(&rpc->pipes, pipe_id, false); // last: the room may be closed once nobody is in flight
}

// After this the worker is nng's. Any thread.
static void send_reply(struct listener_worker *worker)
{
    struct rpc *rpc = worker->rpc;
    nng_msg *msg = take_reply(worker);
    if (msg == NULL || !listener_pipes_begin_send(&rpc->pipes, worker->pipe_id)) {
        wipe_and_free(msg);
        close_pipe(worker);
        drop(worker);
        return;
    }
    worker->state = WORKER_SENDS;
    nng_aio_set_timeout(worker->aio, LISTENER_SEND_TIMEOUT_MS);
    nng_aio_set_msg(worker->aio, msg);
    nng_ctx_send(worker->ctx, worker->aio);
}

static void finish(struct call *call)
{
    send_reply((struct listener_worker *)(void *)((uint8_t *)call - offsetof(struct listener_worker, call)));
}

static enum call_progress refuse_without_arena(struct call *call)
{
    call_begin(call);
    return call_fail(call, STATUS_UNAVAILABLE, NULL, "the daemon is out of memory; ask again");
}

static void handle(struct listener_worker *worker, nng_msg *msg)
{
    struct rpc *rpc = worker->rpc;
    struct call *call = &worker->call;
    worker->pipe_id = (uint32_t)nng_pipe_id(nng_msg_get_pipe(msg));
    if (!listener_pipes_enter(&rpc->pipes, worker->pipe_id, &call->peer)) {
        wipe_and_free(msg);
        drop(worker);
        return;
    }
    enum call_progress progress;
    call->arena = arena_pool_take(rpc->arenas);
    if (call->arena != NULL)
        progress = call_serve(call, slice_make(nng_msg_body(msg), nng_msg_len(msg)));
    else
        progress = refuse_without_arena(call);
    // A pending call may be answered and the worker busy with the next one already. What was decoded is a copy.
    wipe_and_free(msg);
    if (progress == CALL_DONE)
        send_reply(worker);
}

static void after_receive(struct listener_worker *worker)
{
    int code = nng_aio_result(worker->aio);
    if (code == NNG_ECLOSED || code == NNG_ECANCELED)
        return; // the socket is being closed
    if (code != 0) {
        receive(worker);
        return;
    }
    nng_msg *msg = nng_aio_get_msg(worker->aio);
    nng_aio_set_msg(worker->aio, NULL);
    handle(worker, msg);
}

static void after_send(struct listener_worker *worker)
{
    int code = nng_aio_result(worker->aio);
    struct rpc *rpc = worker->rpc;
    if (code != 0) {
        wipe_and_free(nng_aio_get_msg(worker->aio)); // still ours
        nng_aio_set_msg(worker->aio, NULL);
    }
    if (code == NNG_ETIMEDOUT)
        close_pipe(worker);
    listener_pipes_leave(&rpc->pipes, worker->pipe_id, true);
    receive(worker);
}

static void on_event(void *context)
{
    struct listener_worker *worker = context;
    switch (worker->state) {
    case WORKER_RECEIVES:
        after_receive(worker);
        return;
    case WORKER_SENDS:
        after_send(worker);
        return;
    }
}

static enum status open_worker(struct rpc *rpc, struct listener_worker *worker, struct status_note *note)
{
    worker->rpc = rpc;
    worker->call.server = &rpc->server;
    worker->call.finish = finish;
    int code = nng_aio_alloc(&worker->aio, on_event, worker);
    if (code == 0)
        code = nng_ctx_open(&worker->ctx, rpc->socket);
    if (code != 0)
        return status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "cannot make a worker: %s", nng_strerror(code));
    worker->ctx_open = true;
    enum status status = registry_view_open(rpc->server.registry, &worker->call.view);
    if (status != STATUS_OK)
        return status_fail(note, status, NULL, "cannot open a view of the registry for each worker: %s",
                           status_name(status));
    return STATUS_OK;
}

enum status listener_workers_open(struct rpc *rpc, size_t count, struct status_note *note)
{
    rpc->workers = calloc(count, sizeof *rpc->workers);
    if (rpc->workers == NULL)
        return status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    rpc->worker_count = count;
    for (size_t i = 0; i < count; i++) {
        enum status status = open_worker(rpc, &rpc->workers[i], note);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

void listener_workers_start(struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->worker_count; i++)
        receive(&rpc->workers[i]);
}

void listener_workers_close(struct rpc *rpc)
{
    for (size_t i = 0; i < rpc->worker_count; i++)
        if (rpc->workers[i].aio != NULL)
            nng_aio_stop(rpc->workers[i].aio); // waits for its callback
    for (size_t i = 0; i < rpc->worker_count; i++) {
        if (rpc->workers[i].aio != NULL)
            nng_aio_free(rpc->workers[i].aio);
        store_view_close(rpc->workers[i].call.view);
    }
    free(rpc->workers);
    rpc->workers = NULL;
    rpc->worker_count = 0;
}
