#include "rpc/listener.h"

#include <errno.h>
#include <nng/protocol/reqrep0/req.h>
#include <string.h>
#include <time.h>

#include "rpc/listener_cut.h"

// nng before 1.6 stops accepting for good when a peer closes its connection before the handshake is done
// (listener_nng.c puts that right in 1.5.2). Old connections go on, new clients hang. Whatever may do the same: each
// listener is asked for its health as a client would, and one that has failed twice in a row is closed and opened anew.
// That cuts its connections, so a listener that is only slow must not be taken for a dead one: alive is who has
// accepted a connection.
enum { ROUND_MS = 700, CONNECT_MS = 1000, REPLY_MS = 500, FAILURES_MAX = 2, CUT_WAIT_MS = 300 };

// Longer than the probe and the opening of one listener take, so that who has not ended by then is held by nng.
enum { STOP_S = 3 };

// Request { health {} }, as in proto/postern.proto: tag 64, length-delimited, empty.
static const uint8_t health_request[] = {0x82, 0x04, 0x00};

static void exchange(nng_socket socket)
{
    nng_msg *msg = NULL;
    if (nng_msg_alloc(&msg, sizeof health_request) != 0)
        return;
    memcpy(nng_msg_body(msg), health_request, sizeof health_request);
    if (nng_sendmsg(socket, msg, 0) != 0) {
        nng_msg_free(msg);
        return;
    }
    // Waits for the reply before closing, so that the probe itself never leaves in the middle of anything.
    if (nng_recvmsg(socket, &msg, 0) == 0)
        nng_msg_free(msg);
}

static void probe(const char *url)
{
    nng_socket socket;
    if (nng_req0_open(&socket) != 0)
        return;
    if (nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, CONNECT_MS) == 0 &&
        nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, REPLY_MS) == 0 &&
        nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE) == 0 &&
        nng_dial(socket, url, NULL, NNG_FLAG_NONBLOCK) == 0)
        exchange(socket);
    nng_close(socket);
}

void listener_cut_slot(struct rpc *rpc, const struct listener_slot *slot)
{
    if (listener_cut_all(&slot->address) > 0)
        (void)!listener_pipes_wait_empty(&rpc->pipes, CUT_WAIT_MS); // other slots' connections may well stay
}

static void reopen(struct rpc *rpc, struct listener_slot *slot)
{
    struct status_note note = {0};
    nng_listener listener = {.id = atomic_exchange(&slot->id, 0)};
    if (listener.id != 0) {
        listener_cut_slot(rpc, slot);
        nng_listener_close(listener);
    }
    if (listener_start(rpc, slot, &note) == STATUS_OK) {
        log_line(rpc->server.log, LOG_LEVEL_WARNING, "%s had stopped to accept connections and was opened anew",
                 slot->address.url);
        slot->failures = 0;
    } else {
        log_line(rpc->server.log, LOG_LEVEL_ERROR, "%s", note.message); // tried again in the next round
    }
}

static void watch(struct rpc *rpc, struct listener_slot *slot)
{
    if (slot->address.kind == LISTENER_INPROC)
        return; // nobody outside can reach it
    uint64_t before = atomic_load(&slot->accepted);
    if (atomic_load(&slot->id) != 0)
        probe(slot->address.probe_url);
    if (atomic_load(&slot->accepted) != before) {
        slot->failures = 0;
        return;
    }
    if (++slot->failures >= FAILURES_MAX)
        reopen(rpc, slot);
}

static struct timespec next_round(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += ROUND_MS * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000L;
    at.tv_nsec %= 1000000000L;
    return at;
}

// False when it was told to stop.
static bool wait_until(struct rpc *rpc, const struct timespec *at)
{
    int code = 0;
    pthread_mutex_lock(&rpc->stop_lock);
    while (!rpc->stopping && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&rpc->stop_wake, &rpc->stop_lock, at);
    bool stopping = rpc->stopping;
    pthread_mutex_unlock(&rpc->stop_lock);
    return !stopping;
}

static bool is_stopping(struct rpc *rpc)
{
    pthread_mutex_lock(&rpc->stop_lock);
    bool stopping = rpc->stopping;
    pthread_mutex_unlock(&rpc->stop_lock);
    return stopping;
}

static void watch_until_stopped(struct rpc *rpc)
{
    struct timespec round = next_round();
    while (wait_until(rpc, &round)) {
        for (size_t i = 0; i < rpc->slot_count && !is_stopping(rpc); i++)
            watch(rpc, &rpc->slots[i]);
        round = next_round();
    }
}

static void *run(void *context)
{
    struct rpc *rpc = context;
    watch_until_stopped(rpc);
    pthread_mutex_lock(&rpc->stop_lock);
    rpc->watchdog_ended = true;
    pthread_cond_broadcast(&rpc->stop_wake);
    pthread_mutex_unlock(&rpc->stop_lock);
    return NULL;
}

enum status listener_watchdog_start(struct rpc *rpc, struct status_note *note)
{
    int code = pthread_create(&rpc->watchdog, NULL, run, rpc);
    if (code != 0)
        return status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "cannot start a thread: %s", strerror(code));
    rpc->watchdog_runs = true;
    return STATUS_OK;
}

bool listener_watchdog_stop(struct rpc *rpc)
{
    int code = 0;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_S;
    pthread_mutex_lock(&rpc->stop_lock);
    rpc->stopping = true;
    pthread_cond_broadcast(&rpc->stop_wake);
    while (!rpc->watchdog_ended && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&rpc->stop_wake, &rpc->stop_lock, &until);
    bool ended = rpc->watchdog_ended;
    pthread_mutex_unlock(&rpc->stop_lock);
    if (ended)
        pthread_join(rpc->watchdog, NULL);
    else
        pthread_detach(rpc->watchdog);
    return ended;
}
