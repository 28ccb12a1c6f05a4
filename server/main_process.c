// Handles the process and its data directory: lock, signals, limits, the service manager.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "main.h"

// Descriptors for the stores' files, listeners, nng itself, and connections beyond the maximum, which are told that
// all are taken.
enum { SPARE_FILES = 64 + TRANSPORT_CONNECTIONS_BEYOND_MAX };

bool main_complain(const struct daemon *daemon, const struct status_failure *failure)
{
    log_line(&daemon->log, LOG_LEVEL_ERROR, "%s", failure->message);
    return false;
}

// --- the data directory

bool main_join(char out[MAIN_PATH_SIZE], const char *directory, const char *name)
{
    int size = snprintf(out, MAIN_PATH_SIZE, "%s/%s", directory, name);
    return size > 0 && size < MAIN_PATH_SIZE;
}

static void say_who_holds(const struct daemon *daemon)
{
    char owner[16] = "";
    ssize_t size = pread(daemon->lock_fd, owner, sizeof owner - 1, 0);
    owner[size > 0 ? strspn(owner, "0123456789") : 0] = '\0';
    log_line(&daemon->log, LOG_LEVEL_ERROR,
             "another posternd (pid %s) is using %s: stop it first, or give this one a directory of its own",
             owner[0] != '\0' ? owner : "unknown", daemon->config.data);
}

// The lock is taken before anything else is touched, even the socket: a second daemon on the same directory must not
// disturb the first one. The kernel releases it when the process ends, in whatever way.
bool main_lock_directory(struct daemon *daemon)
{
    const char *data = daemon->config.data;
    char path[MAIN_PATH_SIZE];
    if (!daemon->config.inspect && mkdir(data, 0700) != 0 && errno != EEXIST) {
        log_line(&daemon->log, LOG_LEVEL_ERROR,
                 "cannot make the data directory %s: %s: make it, owned by the daemon's user, or choose another one",
                 data, strerror(errno));
        return false;
    }
    if (main_join(path, data, "lock"))
        daemon->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (daemon->lock_fd < 0) {
        log_line(&daemon->log, LOG_LEVEL_ERROR, "cannot open %s: %s: give --data a directory of the daemon's own user",
                 path, strerror(errno));
        return false;
    }
    if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        say_who_holds(daemon);
        return false;
    }
    char owner[16];
    int size = snprintf(owner, sizeof owner, "%ld\n", (long)getpid());
    if (ftruncate(daemon->lock_fd, 0) != 0 || pwrite(daemon->lock_fd, owner, (size_t)size, 0) != size)
        log_line(&daemon->log, LOG_LEVEL_WARNING, "cannot write to %s: %s", path, strerror(errno));
    return true;
}

// The witness file is beside the keyring, and so apart from the store that it watches.
bool main_name_witness(struct daemon *daemon)
{
    char directory[MAIN_PATH_SIZE] = ".";
    const char *secrets = daemon->config.secrets;
    const char *slash = strrchr(secrets, '/');
    size_t size = slash != NULL ? (size_t)(slash - secrets) : 0;
    if (slash != NULL)
        memcpy(directory, secrets, size + 1);
    directory[slash != NULL ? size : 1] = '\0';
    return main_join(daemon->witness_path, directory, "witness");
}

// A backup may be older than the witness. So --check of a directory whose keyring is elsewhere ignores the witness.
const char *main_witness_of(const struct daemon *daemon)
{
    size_t size = strlen(daemon->config.data);
    bool is_inside = strncmp(daemon->config.secrets, daemon->config.data, size) == 0 &&
                     (size == 0 || daemon->config.secrets[size] == '/');
    return !daemon->config.inspect || is_inside ? daemon->witness_path : NULL;
}

// --- the process

// Memory holds tokens, so there must be no core file, and none through a pipe either: a limit of 1 tells the kernel so,
// while 0 would still start a core handler. See core(5).
void main_forbid_cores(void)
{
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
    if (setrlimit(RLIMIT_CORE, &limit) != 0) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit); // the hard limit may be 0 already, which is as good
    }
}

// Each connection takes a descriptor; when the system gives fewer, fewer connections are taken.
void main_fit_connections(struct daemon *daemon)
{
    struct rlimit limit;
    daemon->max_connections = daemon->config.max_connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted = (rlim_t)daemon->config.max_connections + SPARE_FILES;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
            return;
    }
    if (limit.rlim_cur >= wanted)
        return;
    const uint32_t fit =
        limit.rlim_cur > 2 * SPARE_FILES ? (uint32_t)limit.rlim_cur - SPARE_FILES : (uint32_t)limit.rlim_cur / 2;
    if (fit >= daemon->max_connections)
        return;
    daemon->max_connections = fit > 0 ? fit : 1;
    log_line(&daemon->log, LOG_LEVEL_WARNING, "only %u connections: the limit of open files is %llu",
             daemon->max_connections, (unsigned long long)limit.rlim_cur);
}

// Blocks signals before any thread exists, so that all threads inherit this and only sigwait in main takes them. When
// the daemon was started with SIGHUP ignored (nohup), it stays ignored.
void main_block_signals(sigset_t *signals)
{
    struct sigaction hangup;
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

// Speaks the protocol of sd_notify(3): one datagram to the socket that the service manager names.
void main_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    size_t size = strlen(path);
    memcpy(address.sun_path, path, size);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, address_size);
    close(fd);
}

uint64_t main_environment_number(const char *name)
{
    const char *text = getenv(name);
    uint64_t number;
    struct slice rest = slice_text(text != NULL ? text : "");
    return text_take_number(&rest, &number) && rest.size == 0 ? number : 0;
}

// Says that sockets which the service manager hands over (sd_listen_fds(3)) are not used: nng listens itself, and can
// be given none.
void main_refuse_sockets(const struct daemon *daemon)
{
    uint64_t count = main_environment_number("LISTEN_FDS");
    if (count == 0 || main_environment_number("LISTEN_PID") != (uint64_t)getpid())
        return;
    log_line(&daemon->log, LOG_LEVEL_WARNING,
             "the service manager hands over %" PRIu64 " socket%s (LISTEN_FDS), which posternd cannot take: it listens "
             "on what --listen names; disable the .socket unit",
             count, count > 1 ? "s" : "");
}

// --- the daemon's clock

// To the second.
static const char *stamp(uint64_t ms, char out[TEXT_TIME_SIZE])
{
    return text_format_moment(ms - ms % 1000, out);
}

static int say_nothing_to_do(const char *data, const struct meter_clock_reset *reset)
{
    char daemon[TEXT_TIME_SIZE], wall[TEXT_TIME_SIZE];
    printf("%s: nothing to reset: the daemon's time is %s, the wall clock says %s\n", data,
           stamp(reset->old_ms, daemon), stamp(reset->new_ms, wall));
    return EXIT_SUCCESS;
}

static int say_reset(const char *data, const struct meter_clock_reset *reset)
{
    char before[TEXT_TIME_SIZE], now[TEXT_TIME_SIZE];
    printf("%s: the daemon's time was %s and is %s now, the wall clock's\n", data, stamp(reset->old_ms, before),
           stamp(reset->new_ms, now));
    printf("%s: of %" PRIu64 " stored limits %" PRIu64 " were from the future and begin afresh: each may admit once "
           "more what it had admitted already\n",
           data, reset->meters, reset->dropped);
    printf("%s: changes made meanwhile keep their times, and keys that expired only then are valid again: see "
           "postern audit --from %s\n",
           data, now);
    return EXIT_SUCCESS;
}

int main_reset_clock(struct daemon *daemon)
{
    struct meter_clock_reset reset;
    const char *data = daemon->config.data;
    enum status status = meter_reset_clock(daemon->meters_store, clock_system_source(), &reset);
    if (status == STATUS_OK)
        return say_reset(data, &reset);
    if (status == STATUS_FAILED_PRECONDITION)
        return say_nothing_to_do(data, &reset);
    if (status == STATUS_NOT_FOUND)
        printf("%s: holds no clock's mark: no daemon has served from it yet, and there is nothing to reset\n", data);
    else
        printf("%s: the clock cannot be reset: %s: what the log says must be mended first; then run this again\n", data,
               status_name(status));
    return EXIT_FAILURE;
}

void main_say_ready(const struct daemon *daemon)
{
    char urls[CONFIG_LISTENERS_MAX * 64] = "";
    size_t used = 0;
    for (size_t i = 0; i < daemon->config.listener_count && used < sizeof urls; i++) {
        int size =
            snprintf(urls + used, sizeof urls - used, "%s%s", i > 0 ? ", " : "", daemon->config.listeners[i].url);
        used += size > 0 ? (size_t)size : 0;
    }
    log_line(&daemon->log, LOG_LEVEL_INFO, "ready: listening on %s", urls);
    main_notify("READY=1");
}
