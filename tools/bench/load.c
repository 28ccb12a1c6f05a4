// Keeps calls outstanding by as many contexts of nng, each a lane that asks again when its reply has been checked.
#include "load.h"

#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALL_TIMEOUT_MS = 60000, START_TIMEOUT_S = 300, CONNECT_TIMEOUT_S = 60, CONNECTIONS_MAX = 16 };

// A context of a REQ socket: one call at a time, the next one as soon as the reply has been checked.
struct lane {
    struct load *load;
    nng_ctx ctx;
    nng_aio *aio;
    bool open;
    bool sending;
    uint64_t n; // of the call under way
    uint64_t began_ns;
    uint64_t answered, failed, last_ns;
    struct histogram latency;
};

struct load {
    const struct load_plan *plan;
    nng_socket sockets[CONNECTIONS_MAX];
    unsigned socket_count;
    struct lane *lanes;
    uint64_t deadline_ns;
    _Atomic uint64_t next;
    pthread_mutex_t mutex; // guards the rest
    pthread_cond_t idle;
    unsigned busy;
    char failure[WIRE_TEXT_MAX];
};

static void note_failure(struct load *load, const char *text)
{
    pthread_mutex_lock(&load->mutex);
    if (load->failure[0] == '\0')
        snprintf(load->failure, sizeof load->failure, "%s", text);
    pthread_mutex_unlock(&load->mutex);
}

static void stop_lane(struct lane *lane)
{
    pthread_mutex_lock(&lane->load->mutex);
    if (--lane->load->busy == 0)
        pthread_cond_signal(&lane->load->idle);
    pthread_mutex_unlock(&lane->load->mutex);
}

static void fail_lane(struct lane *lane, const char *text)
{
    lane->failed++;
    note_failure(lane->load, text);
    stop_lane(lane);
}

static bool is_over(const struct lane *lane, uint64_t now_ns)
{
    return lane->answered + lane->failed > 0 && now_ns >= lane->load->deadline_ns;
}

static void begin_call(struct lane *lane, uint64_t now_ns)
{
    struct load *load = lane->load;
    lane->n = atomic_fetch_add_explicit(&load->next, 1, memory_order_relaxed);
    if (load->plan->calls != 0 ? lane->n >= load->plan->calls : is_over(lane, now_ns)) {
        stop_lane(lane);
        return;
    }
    nng_msg *message = load->plan->make(load->plan->context, lane->n);
    if (message == NULL) {
        fail_lane(lane, "memory is out");
        return;
    }
    lane->sending = true;
    lane->began_ns = now_ns;
    nng_aio_set_msg(lane->aio, message);
    nng_ctx_send(lane->ctx, lane->aio);
}

static void end_call(struct lane *lane)
{
    const struct load_plan *plan = lane->load->plan;
    nng_msg *message = nng_aio_get_msg(lane->aio);
    const uint64_t now_ns = process_now_ns();
    if (plan->check(plan->context, lane->n, nng_msg_body(message), nng_msg_len(message))) {
        lane->answered++;
        histogram_note(&lane->latency, now_ns - lane->began_ns);
    } else {
        char text[WIRE_TEXT_MAX];
        lane->failed++;
        wire_describe(nng_msg_body(message), nng_msg_len(message), text);
        note_failure(lane->load, text);
    }
    nng_msg_free(message);
    lane->last_ns = now_ns;
    begin_call(lane, now_ns);
}

static void advance(void *argument)
{
    struct lane *lane = argument;
    const int error = nng_aio_result(lane->aio);
    if (error != 0) {
        if (lane->sending)
            nng_msg_free(nng_aio_get_msg(lane->aio));
        fail_lane(lane, nng_strerror(error));
        return;
    }
    if (!lane->sending) {
        end_call(lane);
        return;
    }
    lane->sending = false;
    nng_ctx_recv(lane->ctx, lane->aio);
}

static int open_lane(struct load *load, unsigned index)
{
    struct lane *lane = &load->lanes[index];
    lane->load = load;
    int error = nng_ctx_open(&lane->ctx, load->sockets[index % load->socket_count]);
    if (error != 0)
        return error;
    lane->open = true;
    error = nng_aio_alloc(&lane->aio, advance, lane);
    if (error == 0)
        nng_aio_set_timeout(lane->aio, CALL_TIMEOUT_MS);
    return error;
}

static bool open_all(struct load *load)
{
    const struct load_plan *plan = load->plan;
    int error = 0;
    for (; load->socket_count < plan->connections; load->socket_count++) {
        if (!load_connect(plan->url, plan->server, &load->sockets[load->socket_count]))
            return false;
    }
    load->lanes = process_need(plan->outstanding, sizeof *load->lanes);
    for (unsigned i = 0; i < plan->outstanding && error == 0; i++)
        error = open_lane(load, i);
    if (error != 0)
        fprintf(stderr, "postern-bench: cannot open %u contexts: %s\n", plan->outstanding, nng_strerror(error));
    return error == 0;
}

static void close_all(struct load *load)
{
    for (unsigned i = 0; load->lanes != NULL && i < load->plan->outstanding; i++) {
        struct lane *lane = &load->lanes[i];
        if (lane->aio != NULL)
            nng_aio_stop(lane->aio);
        if (lane->open)
            nng_ctx_close(lane->ctx);
        nng_aio_free(lane->aio);
    }
    for (unsigned i = 0; i < load->socket_count; i++)
        nng_close(load->sockets[i]);
    free(load->lanes);
}

static void run_all(struct load *load)
{
    const uint64_t now_ns = process_now_ns();
    load->busy = load->plan->outstanding;
    load->deadline_ns = now_ns + (uint64_t)(load->plan->seconds * 1e9);
    for (unsigned i = 0; i < load->plan->outstanding; i++)
        begin_call(&load->lanes[i], process_now_ns());
    pthread_mutex_lock(&load->mutex);
    while (load->busy > 0)
        pthread_cond_wait(&load->idle, &load->mutex);
    pthread_mutex_unlock(&load->mutex);
}

static void add_up(const struct load *load, uint64_t began_ns, struct load_result *result)
{
    uint64_t last_ns = began_ns;
    for (unsigned i = 0; i < load->plan->outstanding; i++) {
        const struct lane *lane = &load->lanes[i];
        result->answered += lane->answered;
        result->failed += lane->failed;
        histogram_add(&result->latency, &lane->latency);
        if (lane->last_ns > last_ns)
            last_ns = lane->last_ns;
    }
    result->seconds = (double)(last_ns - began_ns) / 1e9;
    memcpy(result->failure, load->failure, sizeof result->failure);
}

bool load_run(const struct load_plan *plan, struct load_result *result)
{
    struct load load = {.plan = plan, .mutex = PTHREAD_MUTEX_INITIALIZER, .idle = PTHREAD_COND_INITIALIZER};
    *result = (struct load_result){0};
    const bool ready = open_all(&load);
    if (ready) {
        const uint64_t began_ns = process_now_ns();
        run_all(&load);
        add_up(&load, began_ns, result);
    }
    close_all(&load);
    return ready;
}

bool load_is_clean(const char *what, const struct load_result *result)
{
    if (result->failed > 0)
        fprintf(stderr, "postern-bench: %s: %llu of %llu calls failed; the first: %s\n", what,
                (unsigned long long)result->failed, (unsigned long long)(result->failed + result->answered),
                result->failure);
    return result->failed == 0;
}

// --- one call at a time

static int open_socket(nng_socket *out)
{
    int error = nng_req0_open(out);
    if (error != 0)
        return error;
    error = nng_socket_set_ms(*out, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (error == 0)
        error = nng_socket_set_ms(*out, NNG_OPT_SENDTIMEO, CALL_TIMEOUT_MS);
    if (error == 0)
        error = nng_socket_set_ms(*out, NNG_OPT_RECVTIMEO, CALL_TIMEOUT_MS);
    if (error != 0)
        nng_close(*out);
    return error;
}

bool load_connect(const char *url, struct process *server, nng_socket *out)
{
    const uint64_t began_ns = process_now_ns();
    const uint64_t patience_ns = (server != NULL ? START_TIMEOUT_S : CONNECT_TIMEOUT_S) * UINT64_C(1000000000);
    int error = open_socket(out);
    if (error != 0) {
        fprintf(stderr, "postern-bench: cannot open a socket: %s\n", nng_strerror(error));
        return false;
    }
    while ((error = nng_dial(*out, url, NULL, 0)) != 0) {
        const bool gone = server != NULL && !process_runs(server);
        if (gone || process_now_ns() - began_ns > patience_ns) {
            fprintf(stderr, "postern-bench: %s: %s\n", url, gone ? "the server has ended" : nng_strerror(error));
            nng_close(*out);
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    return true;
}

nng_msg *load_ask(nng_socket socket, nng_msg *request)
{
    nng_msg *reply = NULL;
    int error = request == NULL ? NNG_ENOMEM : nng_sendmsg(socket, request, 0);
    if (error != 0)
        nng_msg_free(request);
    else
        error = nng_recvmsg(socket, &reply, 0);
    if (error != 0)
        fprintf(stderr, "postern-bench: a call failed: %s\n", nng_strerror(error));
    return error == 0 ? reply : NULL;
}
