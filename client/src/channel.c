#include "channel.h"

#include <nng/protocol/reqrep0/req.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
    REPLY_BYTES_MAX = 1024 * 1024 + 4, // with the transport's request id
    RECONNECT_MS_MIN = 10,
    RECONNECT_MS_MAX = 250
};

static void slot_free(struct postern_slot *slot)
{
    nng_ctx_close(slot->context);
    nng_aio_free(slot->aio);
    free(slot);
}

struct postern_slot *postern_slot_new(struct postern_channel *channel)
{
    struct postern_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        return NULL;
    slot->channel = channel;
    if (nng_aio_alloc(&slot->aio, NULL, NULL) != 0) {
        free(slot);
        return NULL;
    }
    if (nng_ctx_open(&slot->context, channel->socket) != 0) {
        nng_aio_free(slot->aio);
        free(slot);
        return NULL;
    }
    return slot;
}

// The library repeats by itself, because it has to stop at the deadline: so the socket must not.
static int set_options(nng_socket socket)
{
    int rv = nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (rv == 0)
        rv = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, REPLY_BYTES_MAX);
    if (rv == 0)
        rv = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    if (rv == 0)
        rv = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    return rv;
}

int postern_channel_open(const char *url, struct postern_channel **channel)
{
    struct postern_channel *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NNG_ENOMEM;
    int rv = nng_req0_open(&made->socket);
    if (rv != 0) {
        free(made);
        return rv;
    }
    rv = set_options(made->socket);
    if (rv == 0)
        rv = nng_dial(made->socket, url, NULL, NNG_FLAG_NONBLOCK);
    if (rv != 0) {
        nng_close(made->socket);
        free(made);
        return rv;
    }
    *channel = made;
    return 0;
}

// May never return; see the header.
static void channel_close(struct postern_channel *channel)
{
    struct postern_slot *slot = channel->idle;
    while (slot != NULL) {
        struct postern_slot *next = slot->next;
        slot_free(slot);
        slot = next;
    }
    nng_close(channel->socket);
    free(channel);
}

// ------------------------------------------------------------------------------------------------------- closer

struct postern_closer {
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct postern_channel *queue;
    bool running;
    unsigned owners; // the client, and the thread while it runs
};

struct postern_closer *postern_closer_new(void)
{
    struct postern_closer *closer = calloc(1, sizeof *closer);
    pthread_condattr_t attributes;
    if (closer == NULL)
        return NULL;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&closer->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&closer->lock, NULL);
    closer->owners = 1;
    return closer;
}

// Gives the lock back, and the closer when this was its last owner.
static void drop(struct postern_closer *closer)
{
    bool last = --closer->owners == 0;
    pthread_mutex_unlock(&closer->lock);
    if (!last)
        return;
    pthread_cond_destroy(&closer->idle);
    pthread_mutex_destroy(&closer->lock);
    free(closer);
}

static void *close_all(void *context)
{
    struct postern_closer *closer = context;
    pthread_mutex_lock(&closer->lock);
    while (closer->queue != NULL) {
        struct postern_channel *channel = closer->queue;
        closer->queue = channel->next;
        pthread_mutex_unlock(&closer->lock);
        channel_close(channel);
        pthread_mutex_lock(&closer->lock);
    }
    closer->running = false;
    pthread_cond_signal(&closer->idle);
    drop(closer);
    return NULL;
}

static bool start_thread(struct postern_closer *closer)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, close_all, closer) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

void postern_closer_give(struct postern_closer *closer, struct postern_channel *channel)
{
    pthread_mutex_lock(&closer->lock);
    channel->next = closer->queue;
    closer->queue = channel;
    if (!closer->running && start_thread(closer)) {
        closer->running = true;
        closer->owners++;
    }
    pthread_mutex_unlock(&closer->lock); // without a thread it stays in the queue for the next attempt
}

void postern_closer_free(struct postern_closer *closer, uint32_t patience_ms)
{
    if (closer == NULL)
        return;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(patience_ms / 1000);
    until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&closer->lock);
    while (closer->running && pthread_cond_timedwait(&closer->idle, &closer->lock, &until) == 0)
        continue;
    drop(closer);
}
