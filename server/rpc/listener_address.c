#include "rpc/listener_address.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HANDSHAKE_SIZE = 8, HANDSHAKE_TIMEOUT_MS = 500 };

static const char ipc_scheme[] = "ipc://";
static const char tcp_scheme[] = "tcp://";
static const char inproc_scheme[] = "inproc://";

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

// --- tcp

struct host_port {
    char host[128];
    char port[6];
    uint16_t port_number;
};

static bool split(const char *address, struct host_port *out)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= sizeof out->host || strlen(colon + 1) >= sizeof out->port)
        return false;
    memcpy(out->host, address, (size_t)(colon - address));
    out->host[colon - address] = '\0';
    memcpy(out->port, colon + 1, strlen(colon + 1) + 1);
    long port = strspn(out->port, "0123456789") == strlen(out->port) ? strtol(out->port, NULL, 10) : 0;
    out->port_number = (uint16_t)port;
    return port > 0 && port <= 65535;
}

static bool is_any(const char *host)
{
    return host[0] == '\0' || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "[::]") == 0;
}

// By its text only: a name is looked up again when it is listened on, and may then be something else.
static bool is_loopback(const char *host)
{
    bool v4 = starts_with(host, "127.") && strspn(host, "0123456789.") == strlen(host);
    return v4 || strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static enum status parse_tcp(const char *url, bool allow_plain_tcp, struct listener_address *out,
                             struct status_note *note)
{
    struct host_port parts;
    if (!split(url + strlen(tcp_scheme), &parts))
        return status_fail(note, STATUS_INVALID_ARGUMENT, NULL, "%s is not tcp://HOST:PORT with a port from 1 to 65535",
                           url);
    if (!is_loopback(parts.host) && !allow_plain_tcp)
        return status_fail(note, STATUS_INVALID_ARGUMENT, NULL,
                           "%s can be reached, unencrypted, from other machines: use ipc:// or 127.0.0.1, or allow it "
                           "with --allow-plain-tcp",
                           url);
    out->kind = LISTENER_TCP;
    out->port = parts.port_number;
    const char *local = strcmp(parts.host, "[::]") == 0 ? "[::1]" : "127.0.0.1";
    (void)snprintf(out->probe_url, sizeof out->probe_url, "tcp://%s:%s", is_any(parts.host) ? local : parts.host,
                   parts.port);
    return STATUS_OK;
}

// --- ipc

const char *listener_address_path(const struct listener_address *address)
{
    return address->url + strlen(ipc_scheme);
}

static enum status parse_ipc(const char *url, struct listener_address *out, struct status_note *note)
{
    size_t size = strlen(url) - strlen(ipc_scheme);
    if (size == 0)
        return status_fail(note, STATUS_INVALID_ARGUMENT, NULL,
                           "%s names no file; write for example ipc:///run/postern/postern.sock", url);
    if (size > LISTENER_PATH_MAX)
        return status_fail(note, STATUS_INVALID_ARGUMENT, NULL,
                           "the path in %s has %zu bytes; a socket's path has at most %d", url, size,
                           LISTENER_PATH_MAX);
    out->kind = LISTENER_IPC;
    return STATUS_OK;
}

enum status listener_address_parse(const char *url, bool allow_plain_tcp, struct listener_address *out,
                                   struct status_note *note)
{
    if (strlen(url) >= sizeof out->url)
        return status_fail(note, STATUS_INVALID_ARGUMENT, NULL, "an address has at most %zu bytes",
                           sizeof out->url - 1);
    *out = (struct listener_address){.kind = LISTENER_INPROC};
    memcpy(out->url, url, strlen(url) + 1);
    memcpy(out->probe_url, url, strlen(url) + 1);
    if (starts_with(url, ipc_scheme))
        return parse_ipc(url, out, note);
    if (starts_with(url, tcp_scheme))
        return parse_tcp(url, allow_plain_tcp, out, note);
    if (starts_with(url, inproc_scheme))
        return STATUS_OK;
    if (starts_with(url, "abstract://"))
        return status_fail(note, STATUS_INVALID_ARGUMENT, NULL,
                           "%s: abstract sockets have no permissions and are not offered; use ipc:///PATH", url);
    if (starts_with(url, "tls+tcp://"))
        return status_fail(note, STATUS_INVALID_ARGUMENT, NULL,
                           "%s: this version does not offer tls+tcp; use ipc:///PATH, or tcp://127.0.0.1:PORT behind a "
                           "tunnel",
                           url);
    return status_fail(note, STATUS_INVALID_ARGUMENT, NULL, "%s: only ipc:///PATH and tcp://HOST:PORT are offered",
                       url);
}

// Does a program answer on this socket? It must be left as every client leaves it, after the whole handshake of the SP
// protocol: a connection that is closed before that can stop its listener for good.
static bool is_served(const char *path)
{
    static const char request_peer[HANDSHAKE_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool served = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno != ECONNREFUSED;
    if (served && send(fd, request_peer, sizeof request_peer, MSG_NOSIGNAL) == (ssize_t)sizeof request_peer) {
        char answer[HANDSHAKE_SIZE];
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, HANDSHAKE_TIMEOUT_MS) == 1)
            (void)!recv(fd, answer, sizeof answer, MSG_WAITALL);
    }
    close(fd);
    return served;
}

enum status listener_address_is_free(const struct listener_address *address, struct status_note *note)
{
    struct stat facts;
    if (address->kind != LISTENER_IPC)
        return STATUS_OK;
    const char *path = listener_address_path(address);
    if (lstat(path, &facts) != 0) {
        if (errno == ENOENT)
            return STATUS_OK;
        return status_fail(note, STATUS_UNAVAILABLE, NULL, "cannot listen on %s: %s", address->url, strerror(errno));
    }
    if (!S_ISSOCK(facts.st_mode))
        return status_fail(
            note, STATUS_UNAVAILABLE, NULL,
            "cannot listen on %s: there is something else than a socket; remove it or choose another path",
            address->url);
    if (is_served(path))
        return status_fail(note, STATUS_UNAVAILABLE, NULL,
                           "cannot listen on %s: another program listens there; stop it or choose another path",
                           address->url);
    return STATUS_OK;
}
