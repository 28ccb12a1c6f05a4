// A small daemon of one thread that waits in one place: whoever connects to its socket sends tokens, one a line, and is
// told for each whether it may. Any number of visitors have their questions under way over one connection to posternd.
//
//     epoll SOCKET          POSTERN_URL says where posternd is
#include <postern/postern.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 300, EVENTS_MAX = 64 };

struct daemon {
    int epoll;
    int listener;
    struct postern *client;
    int client_fd; // that epoll watches; -1: none
};

// Asks one question at a time: while it waits for the answer epoll does not watch it, so that it is not freed
// meanwhile.
struct visitor {
    struct daemon *daemon;
    int fd;
    size_t size;
    char line[LINE_MAX_BYTES];
};

static void watch(struct daemon *daemon, int operation, int fd, uint32_t events, void *whom)
{
    struct epoll_event event = {.events = events, .data.ptr = whom};
    if (epoll_ctl(daemon->epoll, operation, fd, &event) != 0 && operation != EPOLL_CTL_DEL) {
        perror("epoll_ctl");
        exit(1);
    }
}

// ------------------------------------------------------------------------------------------------------ visitors

static void leave(struct visitor *visitor)
{
    close(visitor->fd); // which takes it out of epoll too
    free(visitor);
}

static void ask_next(struct visitor *visitor);

static void on_answer(void *context, struct postern_verify_reply *reply, const struct postern_error *error)
{
    struct visitor *visitor = context;
    char text[LINE_MAX_BYTES];
    if (reply == NULL)
        snprintf(text, sizeof text, "failed %s\n", postern_status_name(error->status));
    else if (reply->allowed)
        snprintf(text, sizeof text, "allowed %s\n", reply->account);
    else
        snprintf(text, sizeof text, "refused %s\n", postern_reason_name(reply->reason));
    postern_reply_free(reply);
    // One line: there is room for it, or the visitor does not read.
    if (send(visitor->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        leave(visitor);
    else
        ask_next(visitor);
}

// The next whole line is asked about, or more is read.
static void ask_next(struct visitor *visitor)
{
    struct daemon *daemon = visitor->daemon;
    char *end = memchr(visitor->line, '\n', visitor->size);
    if (end == NULL) {
        watch(daemon, EPOLL_CTL_ADD, visitor->fd, EPOLLIN, visitor);
        return;
    }
    *end = '\0';
    const struct postern_verify_request request = {.api_key = visitor->line}; // it is copied
    if (postern_verify_start(daemon->client, &request, on_answer, visitor, NULL) != POSTERN_OK) {
        leave(visitor);
        return;
    }
    size_t used = (size_t)(end + 1 - visitor->line);
    visitor->size -= used;
    memmove(visitor->line, end + 1, visitor->size);
}

static void on_input(struct visitor *visitor)
{
    watch(visitor->daemon, EPOLL_CTL_DEL, visitor->fd, 0, NULL);
    size_t room = sizeof visitor->line - visitor->size;
    ssize_t got = room > 0 ? recv(visitor->fd, visitor->line + visitor->size, room, MSG_DONTWAIT) : 0;
    if (got <= 0) {
        leave(visitor);
        return;
    }
    visitor->size += (size_t)got;
    ask_next(visitor);
}

static void on_visitor(struct daemon *daemon)
{
    struct visitor *visitor = calloc(1, sizeof *visitor);
    int fd = accept(daemon->listener, NULL, NULL);
    if (visitor == NULL || fd < 0) {
        free(visitor);
        return;
    }
    *visitor = (struct visitor){.daemon = daemon, .fd = fd};
    watch(daemon, EPOLL_CTL_ADD, fd, EPOLLIN, visitor);
}

// -------------------------------------------------------------------------------------------------------- the loop

// What the handle waits for may have changed, its descriptor as well.
static void watch_client(struct daemon *daemon)
{
    unsigned wants = postern_events(daemon->client);
    uint32_t events = ((wants & POSTERN_WANT_READ) != 0 ? (uint32_t)EPOLLIN : 0) |
                      ((wants & POSTERN_WANT_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
    if (daemon->client_fd >= 0)
        watch(daemon, EPOLL_CTL_DEL, daemon->client_fd, 0, NULL); // it may be closed already
    daemon->client_fd = postern_fd(daemon->client);
    if (daemon->client_fd >= 0)
        watch(daemon, EPOLL_CTL_ADD, daemon->client_fd, events, daemon->client);
}

static void run(struct daemon *daemon)
{
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        watch_client(daemon);
        int count = epoll_wait(daemon->epoll, events, EVENTS_MAX, (int)postern_wait_ms(daemon->client));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == daemon)
                on_visitor(daemon);
            else if (events[i].data.ptr != daemon->client)
                on_input(events[i].data.ptr);
        }
        postern_process(daemon->client); // once for all that was started, whatever woke us
    }
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    if (bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 || listen(listener, SOMAXCONN) != 0) {
        perror(path);
        exit(1);
    }
    return listener;
}

int main(int argc, char **argv)
{
    struct daemon daemon = {.epoll = epoll_create1(EPOLL_CLOEXEC), .client_fd = -1};
    struct postern_error error;
    if (argc != 2)
        return fprintf(stderr, "usage: epoll SOCKET\n"), 2;
    if (postern_open(&(struct postern_options){.event_loop = true}, &daemon.client, &error) != POSTERN_OK)
        return fprintf(stderr, "epoll: %s\n", error.message), 1;
    daemon.listener = listen_at(argv[1]);
    watch(&daemon, EPOLL_CTL_ADD, daemon.listener, EPOLLIN, &daemon);
    run(&daemon);
    return 0;
}
