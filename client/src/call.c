// Each call takes the same way: the request's table makes a message (begin), which is packed into a frame;
// pending.c sends it and gets an answer or an error; the reply's table makes the public reply of that (make_reply), or
// the policy does where posternd could not be asked. postern_run waits in between, postern_start returns and leaves
// the end to postern_process.
#include "call.h"

#include "buffer.h"
#include "container.h"
#include "error.h"
#include "handle.h"
#include "pending.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_BUDGET_BYTES = 4 * 1024 * 1024 }; // far more than 64 KiB on the wire can need

// A call, and in an event loop the callback that gets its answer.
struct call {
    struct postern_pending pending;
    struct postern_ask ask;
    postern_done *done;
    void *context;
};

// ---------------------------------------------------------------------------------------------------- request

// Makes the envelope. INTERNAL when the system has no randomness.
static enum postern_status init_ask(struct postern *client, const struct postern_call *options, struct postern_ask *ask,
                                    struct postern_error *error)
{
    uint8_t random[2 * POSTERN_ID_SIZE];
    postern_lock(client);
    bool has_random = postern_client_random(client, random, sizeof random);
    pthread_mutex_unlock(&client->lock);
    if (!has_random)
        return postern_fail(error, POSTERN_INTERNAL, "the system gave no random bytes: %s", strerror(errno));
    memcpy(ask->request_id, options->request_id != NULL ? options->request_id : random, POSTERN_ID_SIZE);
    memcpy(ask->charge_id, random + POSTERN_ID_SIZE, POSTERN_ID_SIZE);
    ask->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : client->timeout_ms;
    postern__v1__request__init(&ask->request);
    ask->request.request_id = postern_wire_bytes(ask->request_id, POSTERN_ID_SIZE);
    ask->request.credential = postern_wire_text(options->api_key != NULL ? options->api_key : client->api_key);
    ask->request.traceparent = postern_wire_text(options->traceparent);
    ask->request.min_seq = options->min_seq;
    return POSTERN_OK;
}

// Where timeout_ms stands: it is set anew each time that the request is sent.
static size_t find_timeout(const Postern__V1__Request *request)
{
    size_t at = 2 + request->request_id.len; // its size is one byte
    if (request->credential.len > 0)
        at += (request->credential.len < 0x80     ? 2U
               : request->credential.len < 0x4000 ? 3U
                                                  : 4U) +
              request->credential.len;
    return at;
}

// Makes the bytes of the request.
static enum postern_status pack(struct postern_pending *pending, struct postern_error *error)
{
    struct postern_ask *ask = pending->ask;
    if (ask->arena.failed)
        return postern_fail_memory(error);
    ask->request.timeout_ms = UINT32_MAX; // takes all of its five bytes
    pending->size = postern__v1__request__get_packed_size(&ask->request);
    if (pending->size > POSTERN_REQUEST_MAX)
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "the request has %zu bytes, at most %d are allowed: send less at once", pending->size,
                            POSTERN_REQUEST_MAX);
    pending->frame = malloc(POSTERN_FRAME_PREFIX + pending->size);
    if (pending->frame == NULL)
        return postern_fail_memory(error);
    postern__v1__request__pack(&ask->request, pending->frame + POSTERN_FRAME_PREFIX);
    pending->timeout_at = POSTERN_FRAME_PREFIX + find_timeout(&ask->request);
    return POSTERN_OK;
}

static enum postern_status begin(struct postern *client, const struct postern_method *method, const void *request,
                                 struct call *call, struct postern_error *error)
{
    static const struct postern_call no_options;
    struct postern_ask *ask = &call->ask;
    *call = (struct call){.pending.ask = ask, .ask = {.method = method, .arena.budget_bytes = REQUEST_BUDGET_BYTES}};
    *error = (struct postern_error){0};
    if (request == NULL && method->request->rows->kind == POSTERN_KIND_END)
        request = &no_options;
    enum postern_status status = init_ask(client, request, ask, error);
    if (status != POSTERN_OK)
        return status;
    void *message = postern_wire_message(&ask->arena, method->request, request);
    if (ask->arena.failed)
        return postern_fail_memory(error);
    ask->request.call_case = method->tag;
    ask->request.health = message; // all members of the union are message pointers
    if (method->complete != NULL)
        status = method->complete(ask, request, message, error);
    return status == POSTERN_OK ? pack(&call->pending, error) : status;
}

static void wipe(struct call *call)
{
    postern_bytes_wipe(call->pending.frame, POSTERN_FRAME_PREFIX + call->pending.size);
    postern_bytes_wipe(call->pending.reply, call->pending.reply_size);
    postern_arena_wipe(&call->ask.arena);
}

// ------------------------------------------------------------------------------------------------------- reply

bool postern_policy_decides(enum postern_policy policy, enum postern_status status)
{
    bool could_not_ask = status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED;
    return could_not_ask && policy == POSTERN_FAIL_OPEN;
}

static void *read_answer(const struct postern_answer *answer, struct postern_error *error)
{
    const struct postern_method *method = answer->ask->method;
    struct postern_reply_box *box = answer->box;
    void *reply = postern_reply_new(box, method->reply->size);
    if (reply == NULL)
        return NULL;
    postern_wire_read(&box->arena, method->reply, box->result, reply);
    bool is_whole = method->finish == NULL || method->finish(answer, reply, error) == POSTERN_OK;
    return is_whole && !box->arena.failed ? reply : NULL;
}

// What the policy answers. NULL when memory is out.
static struct postern_reply_box *open_reply(const struct postern_ask *ask)
{
    void *result;
    struct postern_reply_box *box = postern_reply_made(ask->method->reply->wire, &result);
    if (box == NULL)
        return NULL;
    ask->method->open(ask, &box->arena, result);
    if (!box->arena.failed)
        return box;
    postern_reply_box_free(box);
    return NULL;
}

// Makes the public reply of a call that is DONE. Where posternd could not be asked and the policy grants, the reply is
// the policy's, and *error keeps the cause. NULL when the call has failed: *error says why.
static void *make_reply(struct postern *client, const struct call *call, struct postern_error *error)
{
    const struct postern_method *method = call->ask.method;
    struct postern_answer answer = {.ask = &call->ask, .box = call->pending.box, .policy = client->policy};
    struct postern_error why = {0};
    *error = call->pending.error;
    answer.by_policy =
        method->open != NULL && !call->ask.comes_afterwards && postern_policy_decides(client->policy, error->status);
    if (answer.by_policy)
        answer.box = open_reply(&call->ask);
    else if (error->status != POSTERN_OK)
        return NULL;
    void *reply = answer.box != NULL ? read_answer(&answer, &why) : NULL;
    if (reply != NULL)
        return reply;
    postern_reply_box_free(answer.box);
    if (why.status == POSTERN_OK)
        postern_fail_memory(&why);
    *error = why;
    return NULL;
}

// ------------------------------------------------------------------------------------------------- in threads

static enum postern_status refuse_mode(const struct postern *client, struct postern_error *error)
{
    if (client->event_loop)
        return postern_fail(error, POSTERN_FAILED_PRECONDITION,
                            "this handle was opened for an event loop and never waits: use the call's _start form, or "
                            "another handle without `event_loop`");
    return postern_fail(error, POSTERN_FAILED_PRECONDITION,
                        "this handle waits for its answers: open one with `event_loop` for calls that are started");
}

enum postern_status postern_run(struct postern *client, const struct postern_method *method, const void *request,
                                void **reply, struct postern_error *error)
{
    struct postern_error unwanted;
    struct call call;
    error = error != NULL ? error : &unwanted;
    *reply = NULL;
    if (client->event_loop)
        return refuse_mode(client, error);
    if (begin(client, method, request, &call, error) == POSTERN_OK) {
        postern_pending_wait(client, &call.pending);
        *reply = make_reply(client, &call, error);
    }
    wipe(&call);
    return *reply != NULL ? POSTERN_OK : error->status;
}

// ----------------------------------------------------------------------------------------------- in event loops

// Replaces the request, which points to the caller's strings, by a copy: unpacked from the packed bytes.
static enum postern_status own_request(struct call *call, struct postern_error *error)
{
    struct postern_ask *ask = &call->ask;
    ProtobufCAllocator allocator = postern_arena_allocator(&ask->arena);
    Postern__V1__Request *own =
        postern__v1__request__unpack(&allocator, call->pending.size, call->pending.frame + POSTERN_FRAME_PREFIX);
    if (own == NULL)
        return postern_fail_memory(error);
    ask->request = *own;
    return POSTERN_OK;
}

static void free_call(struct call *call)
{
    wipe(call);
    free(call);
}

enum postern_status postern_start(struct postern *client, const struct postern_method *method, const void *request,
                                  postern_done *done, void *context, struct postern_error *error)
{
    struct postern_error unwanted;
    error = error != NULL ? error : &unwanted;
    if (!client->event_loop)
        return refuse_mode(client, error);
    struct call *call = malloc(sizeof *call);
    if (call == NULL)
        return postern_fail_memory(error);
    enum postern_status status = begin(client, method, request, call, error);
    if (status == POSTERN_OK)
        status = own_request(call, error);
    if (status != POSTERN_OK) {
        free_call(call);
        return status;
    }
    call->done = done;
    call->context = context;
    call->pending.is_async = true;
    postern_lock(client);
    postern_pending_begin(client, &call->pending, postern_now_ms());
    client->has_gathered = client->gathers;
    if (!client->gathers)
        postern_pending_step(client, NULL, postern_now_ms());
    pthread_mutex_unlock(&client->lock);
    return POSTERN_OK;
}

static void deliver(struct postern *client, struct call *call)
{
    struct postern_error error;
    void *reply = make_reply(client, call, &error);
    call->ask.method->deliver(call->done, call->context, reply, &error);
    free_call(call);
}

static struct postern_pending *take_finished(struct postern *client)
{
    struct postern_pending *pending = client->finished;
    if (pending != NULL)
        client->finished = pending->after;
    if (client->finished == NULL)
        client->finished_end = &client->finished;
    return pending;
}

// Calls the callbacks of all calls that are finished, each without the lock.
static void deliver_finished(struct postern *client)
{
    struct postern_pending *pending;
    while ((pending = take_finished(client)) != NULL) {
        pthread_mutex_unlock(&client->lock);
        bool is_done = pending->state == POSTERN_PENDING_DONE || postern_pending_read(client, pending);
        if (is_done)
            deliver(client, POSTERN_CONTAINER_OF(pending, struct call, pending));
        pthread_mutex_lock(&client->lock);
        if (!is_done)
            postern_pending_again(client, pending, postern_now_ms());
    }
}

void postern_process(struct postern *client)
{
    if (!client->event_loop)
        return;
    postern_lock(client);
    client->has_gathered = false;
    postern_pending_receive(client);
    postern_pending_step(client, NULL, postern_now_ms());
    deliver_finished(client);
    postern_pending_step(client, NULL, postern_now_ms());
    pthread_mutex_unlock(&client->lock);
}

void postern_cancel_all(struct postern *client)
{
    pthread_mutex_lock(&client->lock);
    while (client->waiting != NULL)
        postern_pending_cancel(client, client->waiting);
    deliver_finished(client);
    pthread_mutex_unlock(&client->lock);
}

// Nobody of this process has asked: its parent did.
void postern_forget_all(struct postern *client)
{
    struct postern_pending *pending;
    while ((pending = client->waiting) != NULL) {
        postern_pending_forget(client, pending);
        if (pending->is_async)
            free_call(POSTERN_CONTAINER_OF(pending, struct call, pending));
    }
    while ((pending = take_finished(client)) != NULL)
        free_call(POSTERN_CONTAINER_OF(pending, struct call, pending));
}
