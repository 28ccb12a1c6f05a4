// One listening socket, some loops that take connections from it, and workers for what has to wait.
#include "server.h"

#include "loop.h"
#include "worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

struct server {
    int listener;
    struct worker_pool *workers;
    unsigned loop_count;
    struct loop *loops[];
};

// A descriptor that listens, or -1. `port`: where.
static int listen_at(const struct sockaddr_storage *address, unsigned *port)
{
    const int yes = 1;
    struct sockaddr_storage bound = {0};
    socklen_t size = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)address, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
        int failure = errno;
        if (fd >= 0)
            (void)close(fd);
        errno = failure;
        return -1;
    }
    *port = ntohs(bound.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)&bound)->sin6_port
                                              : ((const struct sockaddr_in *)(const void *)&bound)->sin_port);
    return fd;
}

static bool start(struct server *server, const struct gateway *gateway, unsigned *port)
{
    const struct options *options = &gateway->options;
    server->listener = listen_at(&options->listen_address, port);
    if (server->listener < 0) {
        log_line(&gateway->log, LOG_LEVEL_ERROR, "cannot listen on %s: %s", options->listen, strerror(errno));
        return false;
    }
    server->workers = worker_start(options->workers);
    if (server->workers == NULL) {
        log_line(&gateway->log, LOG_LEVEL_ERROR, "cannot start %u threads", options->workers);
        return false;
    }
    for (; server->loop_count < options->threads; server->loop_count++) {
        struct loop *loop = loop_start(gateway, server->listener, worker_add, server->workers);
        if (loop == NULL)
            return false;
        server->loops[server->loop_count] = loop;
    }
    return true;
}

struct server *server_start(const struct gateway *gateway, unsigned *port)
{
    struct server *server = calloc(1, sizeof *server + gateway->options.threads * sizeof server->loops[0]);
    if (server == NULL)
        return NULL;
    server->listener = -1;
    if (start(server, gateway, port))
        return server;
    server_stop(server);
    return NULL;
}

void server_stop(struct server *server)
{
    if (server == NULL)
        return;
    for (unsigned i = 0; i < server->loop_count; i++)
        loop_stop(server->loops[i]);
    worker_stop(server->workers);
    if (server->listener >= 0)
        (void)close(server->listener);
    free(server);
}
