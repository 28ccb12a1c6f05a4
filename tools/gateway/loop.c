// One epoll set has the one of libmicrohttpd, the connection to posternd and the alarm for the end. All requests that
// have come meanwhile are asked about before the next wait, so that under load many share each turn.
#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 4,               // there are three descriptors
    CONNECTION_BYTES = 16 * 1024, // for the head of a request, and for that of its answer
    STOP_TURNS = 500,             // that many turns the end waits for those who are slow,
    STOP_TURN_MS = 10             // each so long
};

struct loop {
    struct exchange_home home;
    struct MHD_Daemon *daemon;
    atomic_bool is_told_to_stop;
    int epoll;
    int client_fd; // that epoll watches; -1: none
    unsigned client_events;
    pthread_t thread;
    bool has_thread;
};

// ------------------------------------------------------------------------------------------------------ the turns

static bool watch(const struct loop *loop, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ||
           (errno == EEXIST && epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) == 0);
}

// Watches the connection to posternd as libpostern wants it now. One that was closed has left the set by itself, also
// when another one has its number.
static void watch_client(struct loop *loop)
{
    int fd = postern_fd(loop->home.client);
    unsigned events = postern_events(loop->home.client);
    uint32_t wanted =
        ((events & POSTERN_WANT_READ) != 0 ? EPOLLIN : 0U) | ((events & POSTERN_WANT_WRITE) != 0 ? EPOLLOUT : 0U);
    if (fd >= 0)
        (void)watch(loop, fd, wanted);
    loop->client_fd = fd;
    loop->client_events = events;
}

static int wait_ms(struct loop *loop)
{
    MHD_UNSIGNED_LONG_LONG http_ms = 0;
    int64_t client_ms = postern_wait_ms(loop->home.client);
    int64_t least = MHD_get_timeout(loop->daemon, &http_ms) == MHD_YES && http_ms < 60000 ? (int64_t)http_ms : 60000;
    if (client_ms >= 0 && client_ms < least)
        least = client_ms;
    return loop->home.is_stopping && least > STOP_TURN_MS ? STOP_TURN_MS : (int)least;
}

static void turn(struct loop *loop)
{
    struct epoll_event events[EVENTS_MAX];
    if (loop->client_fd != postern_fd(loop->home.client) || loop->client_events != postern_events(loop->home.client))
        watch_client(loop);
    eventfd_t alarms = 0;
    int count = epoll_wait(loop->epoll, events, EVENTS_MAX, wait_ms(loop));
    for (int i = 0; i < count; i++)
        if (events[i].data.fd == loop->home.alarm)
            (void)eventfd_read(loop->home.alarm, &alarms);
    (void)MHD_run(loop->daemon);
    postern_process(loop->home.client);
    if (loop->home.has_resumed)
        (void)MHD_run(loop->daemon);
    loop->home.has_resumed = false;
}

static void *run(void *context)
{
    struct loop *loop = context;
    while (!atomic_load(&loop->is_told_to_stop))
        turn(loop);
    loop->home.is_stopping = true;
    int listener = MHD_quiesce_daemon(loop->daemon);
    for (int i = 0; loop->home.suspended > 0 || (i < STOP_TURNS && loop->home.count > 0); i++)
        turn(loop);
    (void)close(listener);
    return NULL;
}

// -------------------------------------------------------------------------------------------------- start and stop

static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void log_library(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void log_library(void *context, const char *format, va_list arguments)
{
    const struct gateway *gateway = context;
    char text[512];
    int size = vsnprintf(text, sizeof text, format, arguments);
    size_t used = size > 0 && (size_t)size < sizeof text ? (size_t)size : 0;
    log_line(&gateway->log, LOG_LEVEL_DEBUG, "libmicrohttpd: %.*s", (int)(used - (used > 0 && text[used - 1] == '\n')),
             text);
}

static struct MHD_Daemon *start_http(struct loop *loop, int listener)
{
    const struct options *options = &loop->home.gateway->options;
    union {
        const struct gateway *read_only;
        void *context;
    } gateway = {loop->home.gateway};
    const unsigned flags = MHD_USE_EPOLL | MHD_USE_TURBO | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;
    return MHD_start_daemon(flags, 0, NULL, NULL, exchange_take, &loop->home, MHD_OPTION_EXTERNAL_LOGGER, log_library,
                            gateway.context, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
                            options->connections, MHD_OPTION_CONNECTION_TIMEOUT, options->idle_s,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT,
                            1, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, &loop->home, MHD_OPTION_NOTIFY_COMPLETED,
                            exchange_end, NULL, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
}

static bool start(struct loop *loop, int listener)
{
    const struct gateway *gateway = loop->home.gateway;
    struct postern_options options = gateway_client_options(gateway);
    struct postern_error error;
    int own_listener = dup(listener); // libmicrohttpd closes it
    options.event_loop = options.gather = true;
    if (own_listener >= 0 && (loop->daemon = start_http(loop, own_listener)) == NULL)
        (void)close(own_listener);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->home.alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->daemon == NULL || loop->epoll < 0 || loop->home.alarm < 0 || !watch(loop, loop->home.alarm, EPOLLIN) ||
        !watch(loop, MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EPOLLIN)) {
        log_line(&gateway->log, LOG_LEVEL_ERROR, "cannot serve HTTP: %s", strerror(errno));
        return false;
    }
    if (postern_open(&options, &loop->home.client, &error) != POSTERN_OK) {
        log_line(&gateway->log, LOG_LEVEL_ERROR, "cannot ask posternd: %s", error.message);
        return false;
    }
    loop->has_thread = pthread_create(&loop->thread, NULL, run, loop) == 0;
    if (!loop->has_thread)
        log_line(&gateway->log, LOG_LEVEL_ERROR, "cannot start a thread");
    return loop->has_thread;
}

struct loop *loop_start(const struct gateway *gateway, int listener,
                        void (*hand_over)(void *context, struct exchange *exchange), void *context)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->home = (struct exchange_home){.gateway = gateway, .hand_over = hand_over, .context = context};
    loop->epoll = loop->home.alarm = loop->client_fd = -1;
    if (start(loop, listener))
        return loop;
    loop_stop(loop);
    return NULL;
}

void loop_stop(struct loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->has_thread) {
        atomic_store(&loop->is_told_to_stop, true);
        (void)eventfd_write(loop->home.alarm, 1);
        (void)pthread_join(loop->thread, NULL);
    }
    if (loop->daemon != NULL)
        MHD_stop_daemon(loop->daemon);
    postern_close(loop->home.client);
    if (loop->epoll >= 0)
        (void)close(loop->epoll);
    if (loop->home.alarm >= 0)
        (void)close(loop->home.alarm);
    free(loop);
}
