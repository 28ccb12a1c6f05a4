// From a URL to a connection that has been greeted, in steps that never wait but for a name's look-up
// (postern_link_connect begins, each postern_link_advance goes on): a host may have several addresses, which are tried
// in turn. A failed connection is the first thing that a new user sees, so most of the file finds out why it failed and
// says what to do.
#include "link.h"

#include "error.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    // For connecting and being greeted; it takes less than one where all is well. Who is connected and not greeted by
    // then gets twice as long at the next attempt: a machine that has too much to do would otherwise begin the same TLS
    // handshakes again and again, and end none.
    ATTEMPT_MS = 2000,
    ATTEMPT_MS_MAX = 16000,
    KEEPALIVE_S = 30,
    NAME_SHOWN_MAX = 64,
    NAME_BUFFER_BYTES = 4096
};

static const uint8_t our_greeting[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

// --------------------------------------------------------------------------------------------------------- URL

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static enum postern_status split_host(struct postern_target *target, const char *address, struct postern_error *error)
{
    const char *colon = strrchr(address, ':');
    size_t size = colon != NULL ? (size_t)(colon - address) : 0;
    const char *port = colon != NULL ? colon + 1 : "";
    if (size > 2 && address[0] == '[' && address[size - 1] == ']') { // [::1]
        address++;
        size -= 2;
    }
    uint64_t number;
    const size_t digits = postern_text_digits(port, strlen(port), &number);
    const bool is_port = digits < sizeof target->port - 1 && port[digits] == '\0' && number >= 1 && number <= 65535;
    if (size == 0 || size >= sizeof target->host || !is_port)
        return postern_fail(
            error, POSTERN_INVALID_ARGUMENT,
            "cannot use the URL \"%.200s\": give one like tcp://HOST:PORT or ipc:///run/postern/postern.sock",
            target->url);
    memcpy(target->host, address, size);
    target->host[size] = '\0';
    memcpy(target->port, port, strlen(port) + 1);
    return POSTERN_OK;
}

enum postern_status postern_target_parse(struct postern_target *target, struct postern_error *error)
{
    const char *url = target->url;
    const size_t path_max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (url[0] == '\0')
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "no URL: set POSTERN_URL or give one, e.g. ipc:///run/postern/postern.sock");
    if (strchr(url, ';') != NULL)
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "\"%.200s\": what comes after the \";\" is only for posternd --listen; leave it out", url);
    if (starts_with(url, "ipc://") && url[6] != '\0') {
        target->scheme = POSTERN_IPC;
        target->path = url + 6;
        if (strlen(target->path) > path_max)
            return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                                "the path of a socket has at most %zu bytes, this one has %zu: use a shorter one",
                                path_max, strlen(target->path));
        return POSTERN_OK;
    }
    target->scheme = starts_with(url, "tls+") ? POSTERN_TLS_TCP : POSTERN_TCP;
    if (starts_with(url, "tcp://") || starts_with(url, "tls+tcp://"))
        return split_host(target, strstr(url, "://") + 3, error);
    return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                        "\"%.200s\" is not a URL that works here: give ipc:///PATH, tcp://HOST:PORT or "
                        "tls+tcp://HOST:PORT",
                        url);
}

// ---------------------------------------------------------------------------------------------------- failures

bool postern_link_fail(struct postern_link *link, enum postern_status status, bool final, const char *format, ...)
{
    va_list arguments;
    link->failure = (struct postern_link_failure){.status = status, .final = final};
    va_start(arguments, format);
    (void)vsnprintf(link->failure.message, sizeof link->failure.message, format, arguments);
    va_end(arguments);
    postern_link_close(link);
    return false;
}

bool postern_link_fail_memory(struct postern_link *link)
{
    return postern_link_fail(link, POSTERN_RESOURCE_EXHAUSTED, true, "out of memory");
}

static void name_user(uid_t uid, char name[NAME_SHOWN_MAX])
{
    char buffer[NAME_BUFFER_BYTES];
    struct passwd entry, *found = NULL;
    snprintf(name, NAME_SHOWN_MAX, "%lu", (unsigned long)uid);
    if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
        postern_copy_text(name, NAME_SHOWN_MAX, found->pw_name);
}

static void name_group(gid_t gid, char name[NAME_SHOWN_MAX])
{
    char buffer[NAME_BUFFER_BYTES];
    struct group entry, *found = NULL;
    snprintf(name, NAME_SHOWN_MAX, "%lu", (unsigned long)gid);
    if (getgrgid_r(gid, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
        postern_copy_text(name, NAME_SHOWN_MAX, found->gr_name);
}

// Finds what denies access: the socket, or the first of its directories that cannot be entered. Shortens `path` to it.
// False when nothing can be seen at all.
static bool find_barrier(char *path, struct stat *barrier)
{
    while (stat(path, barrier) != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path)
            return false;
        *slash = '\0';
    }
    return true;
}

static bool fail_permission(struct postern_link *link)
{
    char barrier[256], me[NAME_SHOWN_MAX], user[NAME_SHOWN_MAX], group[NAME_SHOWN_MAX];
    struct stat status;
    postern_copy_text(barrier, sizeof barrier, link->target->path);
    name_user(geteuid(), me);
    if (!find_barrier(barrier, &status))
        return postern_link_fail(link, POSTERN_PERMISSION_DENIED, true,
                                 "cannot reach posternd at %s: permission denied for user %s", link->target->url, me);
    name_user(status.st_uid, user);
    name_group(status.st_gid, group);
    const char *what = S_ISSOCK(status.st_mode) ? "the socket" : "the directory";
    if (status.st_gid == 0)
        return postern_link_fail(
            link, POSTERN_PERMISSION_DENIED, true,
            "cannot reach posternd at %s: permission denied for user %s: %s %s has mode %04o, owner %s and group %s; "
            "start posternd with --socket-group, and be a member of that group",
            link->target->url, me, what, barrier, (unsigned)(status.st_mode & 07777), user, group);
    return postern_link_fail(
        link, POSTERN_PERMISSION_DENIED, true,
        "cannot reach posternd at %s: permission denied for user %s: %s %s has mode %04o, owner %s and group %s; "
        "run as a member of that group (usermod -aG %s %s, then log in again)",
        link->target->url, me, what, barrier, (unsigned)(status.st_mode & 07777), user, group, group, me);
}

static const char *explain_refused(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISSOCK(status.st_mode) ? "that is no socket"
                                                                 : "nobody listens on that socket";
}

static bool fail_connect(struct postern_link *link, int code)
{
    const char *url = link->target->url;
    bool is_ipc = link->target->scheme == POSTERN_IPC;
    if (is_ipc && (code == EACCES || code == EPERM))
        return fail_permission(link);
    if (code == EMFILE || code == ENFILE)
        return postern_link_fail(link, POSTERN_RESOURCE_EXHAUSTED, false,
                                 "cannot reach posternd at %s: %s: close some, or raise the limit (ulimit -n)", url,
                                 strerror(code));
    if (is_ipc && code == EAGAIN)
        return postern_link_fail(
            link, POSTERN_UNAVAILABLE, false,
            "cannot reach posternd at %s: too many are waiting to be taken: it is busy, or stopped", url);
    const char *what = code == ENOENT                   ? "there is no such socket"
                       : is_ipc && code == ECONNREFUSED ? explain_refused(link->target->path)
                                                        : strerror(code);
    return postern_link_fail(link, POSTERN_UNAVAILABLE, false,
                             "cannot reach posternd at %s: %s: is it running? (posternd --data DIR --listen %s)", url,
                             what, url);
}

bool postern_link_fail_stranger(struct postern_link *link)
{
    return postern_link_fail(link, POSTERN_UNAVAILABLE, true, "what answers at %s is not posternd: is the URL right%s?",
                             link->target->url, link->target->scheme == POSTERN_TCP ? ", and is it without TLS" : "");
}

bool postern_link_fail_tls(struct postern_link *link)
{
    bool final = false;
    char why[330];
    (void)snprintf(why, sizeof why, "%s", postern_tls_session_error(link->session, &final));
    return postern_link_fail(link, POSTERN_UNAVAILABLE, final, "cannot reach posternd at %s: %s", link->target->url,
                             why);
}

// --------------------------------------------------------------------------------------------------- beginning

void postern_link_init(struct postern_link *link, const struct postern_target *target, bool blocks)
{
    *link = (struct postern_link){.target = target, .fd = -1, .orphan_fd = -1, .blocks = blocks};
    link->attempt_ms = ATTEMPT_MS;
}

// While somebody sends, the descriptor's number must not become another's.
static void close_socket(struct postern_link *link)
{
    if (link->writing && link->fd >= 0 && link->orphan_fd < 0)
        link->orphan_fd = link->fd;
    else if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

void postern_link_close(struct postern_link *link)
{
    close_socket(link);
    if (link->addresses != NULL)
        freeaddrinfo(link->addresses);
    link->addresses = link->address = NULL;
    postern_tls_session_free(link->session);
    link->session = NULL;
    postern_buffer_wipe(&link->in);
    postern_buffer_wipe(&link->cipher);
    postern_buffer_wipe(&link->out);
    postern_buffer_wipe(&link->sealed);
    if (!link->writing) // else the thread that sends wipes it
        postern_buffer_wipe(&link->sending);
    link->broken = false;
    link->state = POSTERN_LINK_DOWN;
}

void postern_link_abandon(struct postern_link *link)
{
    const struct postern_target *target = link->target;
    struct postern_tls *tls = link->tls;
    bool blocks = link->blocks;
    close_socket(link);
    postern_link_init(link, target, blocks);
    link->tls = tls;
}

void postern_link_wipe(struct postern_link *link)
{
    postern_link_close(link);
    postern_tls_close(link->tls);
    link->tls = NULL;
}

// From now on recv may wait, so that one call takes one send and one receive.
static void set_waiting(struct postern_link *link)
{
    struct timeval tick = {.tv_usec = POSTERN_LINK_TICK_MS * 1000};
    if (!link->blocks)
        return;
    (void)setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
    (void)fcntl(link->fd, F_SETFL, fcntl(link->fd, F_GETFL) & ~O_NONBLOCK);
}

static void set_tcp_options(int fd)
{
    const int yes = 1, idle_s = KEEPALIVE_S;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
}

// The socket is connected.
static bool begin_greeting(struct postern_link *link)
{
    link->state = POSTERN_LINK_GREETING;
    set_waiting(link);
    if (link->target->scheme != POSTERN_IPC)
        set_tcp_options(link->fd);
    if (!postern_buffer_add(&link->out, our_greeting, sizeof our_greeting))
        return postern_link_fail_memory(link);
    if (link->target->scheme != POSTERN_TLS_TCP)
        return true;
    link->session = postern_tls_session_new(link->tls);
    if (link->session == NULL)
        return postern_link_fail_memory(link);
    return postern_tls_session_feed(link->session, &link->cipher, &link->in, &link->sealed) ||
           postern_link_fail_tls(link);
}

static bool connect_ipc(struct postern_link *link)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, link->target->path, strlen(link->target->path));
    link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->fd < 0 || connect(link->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return fail_connect(link, errno); // with a full backlog EAGAIN, at once
    return begin_greeting(link);
}

// Tries the host's addresses, one after the other, from link->address on.
static bool connect_next(struct postern_link *link, int code)
{
    for (; link->address != NULL; link->address = link->address->ai_next) {
        const struct addrinfo *at = link->address;
        close_socket(link);
        link->fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
        if (link->fd >= 0 && connect(link->fd, at->ai_addr, at->ai_addrlen) == 0)
            return begin_greeting(link);
        code = errno;
        if (link->fd >= 0 && code == EINPROGRESS) {
            link->state = POSTERN_LINK_CONNECTING;
            return true;
        }
    }
    return fail_connect(link, code);
}

static bool connect_tcp(struct postern_link *link)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    const struct postern_target *target = link->target;
    int code = getaddrinfo(target->host, target->port, &wanted, &link->addresses);
    if (code == EAI_SYSTEM)
        return fail_connect(link, errno);
    if (code != 0)
        return postern_link_fail(link, POSTERN_UNAVAILABLE, false,
                                 "cannot reach posternd at %s: the host %s is not found: %s", target->url, target->host,
                                 gai_strerror(code));
    link->address = link->addresses;
    return connect_next(link, ECONNREFUSED);
}

bool postern_link_connect(struct postern_link *link, uint64_t now_ms)
{
    link->began_ms = link->heard_ms = now_ms;
    return link->target->scheme == POSTERN_IPC ? connect_ipc(link) : connect_tcp(link);
}

static bool is_connected(struct postern_link *link)
{
    int code = 0;
    socklen_t size = sizeof code;
    struct pollfd ready = {.fd = link->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) == 0)
        return true; // not yet
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
        code = errno;
    if (code == 0)
        return begin_greeting(link);
    link->address = link->address->ai_next;
    return connect_next(link, code);
}

short postern_link_events(const struct postern_link *link)
{
    bool sends =
        postern_buffer_size(&link->sending) > 0 || postern_buffer_size(&link->sealed) > 0 ||
        (postern_buffer_size(&link->out) > 0 && (link->session == NULL || postern_tls_session_is_ready(link->session)));
    if (link->state == POSTERN_LINK_CONNECTING)
        return POLLOUT;
    return (short)(POLLIN | (sends ? POLLOUT : 0));
}

bool postern_link_advance(struct postern_link *link, uint64_t now_ms)
{
    if (link->state == POSTERN_LINK_CONNECTING && !is_connected(link))
        return false;
    bool is_connecting = link->state == POSTERN_LINK_CONNECTING;
    if (link->state == POSTERN_LINK_UP)
        link->attempt_ms = ATTEMPT_MS;
    if (link->state == POSTERN_LINK_UP || now_ms - link->began_ms <= (is_connecting ? ATTEMPT_MS : link->attempt_ms))
        return true;
    if (!is_connecting && link->attempt_ms < ATTEMPT_MS_MAX)
        link->attempt_ms *= 2;
    return postern_link_fail(link, POSTERN_UNAVAILABLE, false,
                             "cannot reach posternd at %s: it takes connections and does not answer; look at its log",
                             link->target->url);
}
