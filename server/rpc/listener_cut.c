#include "rpc/listener_cut.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool has_address(int fd, const struct listener_address *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } local = {.any = {0}};
    socklen_t size = sizeof local;
    if (getsockname(fd, &local.any, &size) != 0)
        return false;
    switch (address->kind) {
    case LISTENER_IPC:
        return local.any.sa_family == AF_UNIX && strcmp(local.un.sun_path, listener_address_path(address)) == 0;
    case LISTENER_TCP:
        return (local.any.sa_family == AF_INET && ntohs(local.in.sin_port) == address->port) ||
               (local.any.sa_family == AF_INET6 && ntohs(local.in6.sin6_port) == address->port);
    case LISTENER_INPROC:
        return false;
    }
    return false;
}

static bool is_accepted(int fd, const struct listener_address *address)
{
    int listens = 1;
    socklen_t size = sizeof listens;
    return has_address(fd, address) && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens == 0;
}

// Calls `visit` for each accepted connection until it says false.
static void walk(const struct listener_address *address, bool (*visit)(int fd, void *context), void *context)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return;
    bool go_on = true;
    for (const struct dirent *entry; go_on && (entry = readdir(directory)) != NULL;) {
        int fd = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? (int)strtol(entry->d_name, NULL, 10) : -1;
        if (fd >= 0 && is_accepted(fd, address))
            go_on = visit(fd, context);
    }
    closedir(directory);
}

void listener_cut_new(const struct listener_address *address)
{
    if (address->kind == LISTENER_IPC)
        (void)unlink(listener_address_path(address));
}

static bool cut(int fd, void *context)
{
    size_t *count = context;
    *count += shutdown(fd, SHUT_RD) == 0 ? 1 : 0;
    return true;
}

size_t listener_cut_all(const struct listener_address *address)
{
    size_t count = 0;
    walk(address, cut, &count);
    return count;
}
