// Parses the addresses to listen on, and clears the way for a socket: a path that a living program or another file has
// is never taken.
#include "transport/address.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

enum { HANDSHAKE_SIZE = 8, HANDSHAKE_TIMEOUT_MS = 500 };

static const char ipc_scheme[] = "ipc://";
static const char tcp_scheme[] = "tcp://";
static const char tls_scheme[] = "tls+tcp://";

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

// --- tcp

enum { HOST_SIZE = 128, PORT_DIGITS_MAX = 5 };

// Checks the port, and takes the host.
static bool split(const char *address, char host[HOST_SIZE])
{
    const char *colon = strrchr(address, ':');
    uint64_t number = 0;
    if (colon == NULL || colon - address >= HOST_SIZE)
        return false;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    struct slice port = slice_text(colon + 1);
    return port.size <= PORT_DIGITS_MAX && text_take_number(&port, &number) && port.size == 0 && number > 0 &&
           number <= 65535;
}

// Looks at the text only: a name is looked up again when we listen on it, and may then be another address.
static bool is_loopback(const char *host)
{
    bool v4 = starts_with(host, "127.") && strspn(host, "0123456789.") == strlen(host);
    return v4 || strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static enum status parse_tcp(const char *url, bool allow_plain_tcp, struct address *out, struct status_failure *failure)
{
    const bool is_tls = out->kind == ADDRESS_TLS;
    const char *scheme = is_tls ? tls_scheme : tcp_scheme;
    char host[HOST_SIZE];
    if (!split(url + strlen(scheme), host))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "%s is not %sHOST:PORT with a port from 1 to 65535",
                           url, scheme);
    if (!is_tls && !is_loopback(host) && !allow_plain_tcp)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "%s can be reached, unencrypted, from other machines: use tls+tcp://, ipc:// or 127.0.0.1, "
                           "or allow it with --allow-plain-tcp",
                           url);
    return STATUS_OK;
}

// --- ipc

const char *address_path(const struct address *address)
{
    return address->url + strlen(ipc_scheme);
}

static enum status parse_ipc(const char *url, struct status_failure *failure)
{
    size_t size = strlen(url) - strlen(ipc_scheme);
    if (size == 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "%s names no file; write for example ipc:///run/postern/postern.sock", url);
    if (size > ADDRESS_PATH_MAX)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "the path in %s has %zu bytes; a socket's path has at most %d", url, size, ADDRESS_PATH_MAX);
    return STATUS_OK;
}

enum status address_parse(const char *url, bool allow_plain_tcp, struct address *out, struct status_failure *failure)
{
    if (strlen(url) >= sizeof out->url)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "an address has at most %zu bytes",
                           sizeof out->url - 1);
    memcpy(out->url, url, strlen(url) + 1);
    out->kind = starts_with(url, tls_scheme) ? ADDRESS_TLS : starts_with(url, tcp_scheme) ? ADDRESS_TCP : ADDRESS_IPC;
    if (out->kind != ADDRESS_IPC)
        return parse_tcp(url, allow_plain_tcp, out, failure);
    if (starts_with(url, ipc_scheme))
        return parse_ipc(url, failure);
    if (starts_with(url, "abstract://"))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "%s: abstract sockets have no permissions and are not offered; use ipc:///PATH", url);
    return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                       "%s: only ipc:///PATH, tls+tcp://HOST:PORT and tcp://HOST:PORT are offered", url);
}

// Makes the directory of a socket, if only that is missing, for the daemon's user and the socket's group.
static enum status make_directory(const char *url, const char *path, const gid_t *group, struct status_failure *failure)
{
    char directory[ADDRESS_PATH_MAX + 1];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return STATUS_OK;
    memcpy(directory, path, (size_t)(slash - path));
    directory[slash - path] = '\0';
    if (access(directory, F_OK) == 0 || errno != ENOENT)
        return STATUS_OK;
    mode_t mask = umask(027);
    bool made = mkdir(directory, 0750) == 0 || errno == EEXIST;
    umask(mask);
    if (!made)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                           "cannot listen on %s: its directory is missing and cannot be made: %s: make it, for the "
                           "daemon's user",
                           url, strerror(errno));
    if (group == NULL || chown(directory, (uid_t)-1, *group) == 0)
        return STATUS_OK;
    int code = errno;
    (void)rmdir(directory); // otherwise the next start would find it and use it as it is
    return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                       "cannot give %s to the group of --socket-group (%lu): %s: the daemon's user has to be a member "
                       "of it",
                       directory, (unsigned long)*group, strerror(code));
}

// Greets a program that answers. We leave only after its whole greeting, as every client does: the listener of another
// program (nng 1.5.2) may not survive a peer that leaves earlier.
static void greet(int fd)
{
    static const char request_peer[HANDSHAKE_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    char answer[HANDSHAKE_SIZE];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (send(fd, request_peer, sizeof request_peer, MSG_NOSIGNAL) == (ssize_t)sizeof request_peer &&
        poll(&wait, 1, HANDSHAKE_TIMEOUT_MS) == 1)
        (void)!recv(fd, answer, sizeof answer, MSG_WAITALL);
}

// Does a program answer on this socket? Returns 0 when nobody does, EADDRINUSE when somebody does, or why that cannot
// be seen.
static int find_server(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int code = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    if (code == 0)
        greet(fd);
    close(fd);
    if (code == ECONNREFUSED)
        return 0;
    return code == EACCES || code == EPERM ? code : EADDRINUSE;
}

static enum status check_socket(const struct address *address, struct status_failure *failure)
{
    int code = find_server(address_path(address));
    if (code == 0)
        return STATUS_OK;
    if (code == EADDRINUSE)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                           "cannot listen on %s: another program listens there; stop it or choose another path",
                           address->url);
    return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                       "cannot listen on %s: the socket there cannot be looked at: %s: if no program listens there any "
                       "more, remove it",
                       address->url, strerror(code));
}

enum status address_prepare(const struct address *address, const gid_t *group, struct status_failure *failure)
{
    struct stat facts;
    if (address->kind != ADDRESS_IPC)
        return STATUS_OK;
    const char *path = address_path(address);
    enum status status = make_directory(address->url, path, group, failure);
    if (status != STATUS_OK)
        return status;
    if (lstat(path, &facts) != 0) {
        if (errno == ENOENT)
            return STATUS_OK;
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "cannot listen on %s: %s", address->url, strerror(errno));
    }
    if (!S_ISSOCK(facts.st_mode))
        return status_fail(
            failure, STATUS_UNAVAILABLE, NULL,
            "cannot listen on %s: there is something else than a socket; remove it or choose another path",
            address->url);
    return check_socket(address, failure);
}
