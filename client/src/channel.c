#include "channel.h"

#include <nng/protocol/reqrep0/req.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    STUCK_MS = 500,                    // closing takes a few ms
    GREETING_MS = 20,                  // to be greeted takes less than one
    REPLY_BYTES_MAX = 1024 * 1024 + 4, // with the transport's request id
    RECONNECT_MS_MIN = 10,
    RECONNECT_MS_MAX = 250
};

uint64_t postern_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

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
        rv = nng_dial(made->socket, url, &made->dialer, NNG_FLAG_NONBLOCK);
    if (rv != 0) {
        nng_close(made->socket);
        free(made);
        return rv;
    }
    *channel = made;
    return 0;
}

void postern_channel_stop(struct postern_channel *channel)
{
    nng_dialer_close(channel->dialer); // a second time it does nothing
}

// Somebody accepts. It greets and waits for the answer before it goes: some listeners of nng do not survive a visitor
// who does not.
static bool accepts(const struct sockaddr_un *address)
{
    static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool served = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
                  send(fd, hello, sizeof hello, MSG_NOSIGNAL) == (ssize_t)sizeof hello;
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    if (served)
        (void)poll(&answer, 1, GREETING_MS);
    close(fd);
    return served;
}

bool postern_channel_is_served(const char *url)
{
    static const char scheme[] = "ipc://";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(url);
    if (strncmp(url, scheme, strlen(scheme)) != 0 || size - strlen(scheme) >= sizeof address.sun_path)
        return true; // not known without waiting
    memcpy(address.sun_path, url + strlen(scheme), size - strlen(scheme));
    return accepts(&address);
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
    uint64_t closing_since; // the channel that it is at, monotonic ms
    unsigned owners;        // the client, and the thread while it runs
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
        closer->closing_since = postern_now_ms();
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
        closer->closing_since = postern_now_ms();
        closer->owners++;
    }
    pthread_mutex_unlock(&closer->lock); // without a thread it stays in the queue for the next attempt
}

bool postern_closer_is_stuck(struct postern_closer *closer)
{
    pthread_mutex_lock(&closer->lock);
    bool stuck = closer->running && postern_now_ms() - closer->closing_since >= STUCK_MS;
    pthread_mutex_unlock(&closer->lock);
    return stuck;
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
