// posternd: builds the objects, hands them down, waits for a signal, closes in reverse.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "authorizer/authorizer.h"
#include "config/config.h"
#include "registry/registry.h"
#include "rpc/rpc.h"
#include "scheduler/scheduler.h"
#include "usage/usage.h"

enum {
    PATH_SIZE = 512,
    SPARE_FILES = 64,
    PLENTY_OF_FILES = 65536,
    SPARE_READERS = 32,
    TICK_MS = 1000,
    USAGE_TICK_MS = 500,
    IDLE_METERS_MS = 60 * 1000,
    READERS_MS = 60 * 1000,
    CHECKPOINT_MS = 60 * 1000,
    PURGE_MS = 5 * 1000,
    METERS_TABLES_MAX = 8,
    USAGE_ENTRIES_MAX = 128 * 1024 // 64 MiB, taken as they are needed
};

#define DAY_MS (UINT64_C(24) * 60 * 60 * 1000)

struct daemon {
    struct config config;
    struct log log;
    int lock_fd;
    char registry_path[PATH_SIZE];
    char meters_path[PATH_SIZE];
    char witness_path[PATH_SIZE];
    struct secret *secret;
    const char *meters_tables[METERS_TABLES_MAX]; // the authorizer's, then the usage's
    struct store *meters;
    struct clock *clock;
    struct registry *registry;
    struct registry_purge_walk purge_walk;
    enum status last_purge;
    enum status last_checkpoint;
    struct usage *usage;
    struct authorizer *authorizer;
    struct scheduler *scheduler;
    struct rpc *rpc;
};

static bool complain(const struct daemon *daemon, const struct status_note *note)
{
    log_line(&daemon->log, LOG_LEVEL_ERROR, "%s", note->message);
    return false;
}

// --- the data directory

static bool join(char out[PATH_SIZE], const char *directory, const char *name)
{
    int size = snprintf(out, PATH_SIZE, "%s/%s", directory, name);
    return size > 0 && size < PATH_SIZE;
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

// The lock is held before anything else is touched, the socket included: of two daemons on one directory the second
// must not disturb the first. The kernel gives it back when the process ends, however it ends.
static bool lock_directory(struct daemon *daemon)
{
    const char *data = daemon->config.data;
    char path[PATH_SIZE];
    if (!daemon->config.check && mkdir(data, 0700) != 0 && errno != EEXIST) {
        log_line(&daemon->log, LOG_LEVEL_ERROR, "cannot make the data directory %s: %s", data, strerror(errno));
        return false;
    }
    if (join(path, data, "lock"))
        daemon->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (daemon->lock_fd < 0) {
        log_line(&daemon->log, LOG_LEVEL_ERROR, "cannot open %s: %s", path, strerror(errno));
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

// --- the process

// Memory holds tokens: no core file, and none through a pipe either (a limit of 1 is how the kernel is told that; 0
// would still start a core handler). See core(5).
static void forbid_cores(void)
{
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
    if (setrlimit(RLIMIT_CORE, &limit) != 0) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit); // the hard limit may be 0 already, which is as good
    }
}

// One descriptor for each connection; when the system gives fewer, fewer connections are taken.
static void fit_connections(struct daemon *daemon)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted = (rlim_t)daemon->config.max_connections + SPARE_FILES;
    // nng before 1.6 loses descriptors when peers kill a listener (rpc/listener_watchdog.c): far more than are needed.
    rlim_t plenty = wanted > PLENTY_OF_FILES ? wanted : PLENTY_OF_FILES;
    if (limit.rlim_cur < plenty) {
        limit.rlim_cur = limit.rlim_max < plenty ? limit.rlim_max : plenty;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
            return;
    }
    if (limit.rlim_cur >= wanted)
        return;
    daemon->config.max_connections =
        limit.rlim_cur > 2 * SPARE_FILES ? (uint32_t)limit.rlim_cur - SPARE_FILES : SPARE_FILES;
    log_line(&daemon->log, LOG_LEVEL_WARNING, "only %u connections: the limit of open files is %llu",
             daemon->config.max_connections, (unsigned long long)limit.rlim_cur);
}

// Blocked before any thread exists, so that all inherit it and sigwait in main is the only one to take them.
static void block_signals(sigset_t *stop)
{
    sigemptyset(stop);
    sigaddset(stop, SIGTERM);
    sigaddset(stop, SIGINT);
    sigaddset(stop, SIGHUP);
    pthread_sigmask(SIG_BLOCK, stop, NULL);
    signal(SIGPIPE, SIG_IGN);
}

// sd_notify(3)'s protocol: one datagram to the socket that the service manager names.
static void notify(const char *state)
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

// --- the rooms

static bool open_secret(struct daemon *daemon)
{
    struct status_note note = {0};
    bool created = false;
    bool may_create = !daemon->config.check && !registry_exists(daemon->registry_path);
    if (secret_open(daemon->config.secrets, may_create, &daemon->secret, &created, &note) != STATUS_OK)
        return complain(daemon, &note);
    if (created)
        log_line(&daemon->log, LOG_LEVEL_WARNING,
                 "made a new keyring %s: keep a copy in a safe place, without it no key can be checked",
                 daemon->config.secrets);
    return true;
}

static bool open_meters(struct daemon *daemon)
{
    struct status_note note = {0};
    if (authorizer_table_count + USAGE_TABLES > METERS_TABLES_MAX)
        return false;
    memcpy(daemon->meters_tables, authorizer_tables, authorizer_table_count * sizeof authorizer_tables[0]);
    memcpy(daemon->meters_tables + authorizer_table_count, usage_tables, sizeof usage_tables);
    struct store_options options = {
        .path = daemon->meters_path,
        .tables = daemon->meters_tables,
        .table_count = authorizer_table_count + USAGE_TABLES,
        .map_size_bytes = daemon->config.meters_map_bytes,
        .max_readers = daemon->config.contexts + SPARE_READERS,
        .log = &daemon->log,
    };
    return store_open(&options, &daemon->meters, &note) == STATUS_OK || complain(daemon, &note);
}

static bool open_clock(struct daemon *daemon)
{
    struct clock_mark mark;
    enum status status = authorizer_load_clock(daemon->meters, &mark);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        log_line(&daemon->log, LOG_LEVEL_ERROR, "cannot read the clock's mark in %s: %s", daemon->meters_path,
                 status_name(status));
        return false;
    }
    daemon->clock = clock_new(clock_system_source(), status == STATUS_OK ? &mark : NULL);
    if (daemon->clock == NULL)
        log_line(&daemon->log, LOG_LEVEL_ERROR, "out of memory");
    return daemon->clock != NULL;
}

// Beside the keyring, and so apart from the store that it watches.
static bool name_witness(struct daemon *daemon)
{
    char directory[PATH_SIZE] = ".";
    const char *secrets = daemon->config.secrets;
    const char *slash = strrchr(secrets, '/');
    size_t size = slash != NULL ? (size_t)(slash - secrets) : 0;
    if (slash != NULL)
        memcpy(directory, secrets, size + 1);
    directory[slash != NULL ? size : 1] = '\0';
    return join(daemon->witness_path, directory, "witness");
}

// A backup is older than the witness, and may be: what is checked against another directory's keyring is not held
// against its witness.
static const char *witness_of(const struct daemon *daemon)
{
    size_t size = strlen(daemon->config.data);
    bool is_inside = strncmp(daemon->config.secrets, daemon->config.data, size) == 0 &&
                     (size == 0 || daemon->config.secrets[size] == '/');
    return !daemon->config.check || is_inside ? daemon->witness_path : NULL;
}

static bool open_registry(struct daemon *daemon)
{
    struct status_note note = {0};
    struct registry_options options = {
        .path = daemon->registry_path,
        .map_size_bytes = daemon->config.registry_map_bytes,
        .max_readers = daemon->config.contexts + SPARE_READERS,
        .secret = daemon->secret,
        .clock = daemon->clock,
        .default_prefix = slice_text(daemon->config.default_prefix),
        .log = &daemon->log,
        .witness_path = witness_of(daemon),
    };
    return registry_open(&options, &daemon->registry, &note) == STATUS_OK || complain(daemon, &note);
}

static bool open_usage(struct daemon *daemon)
{
    struct status_note note = {0};
    struct usage_options options = {
        .store = daemon->meters,
        .table_base = (unsigned)authorizer_table_count,
        .clock = daemon->clock,
        .log = &daemon->log,
        .utc_offset_s = daemon->config.utc_offset_s,
        .retention_days = daemon->config.usage_retention_days,
        .max_entries = USAGE_ENTRIES_MAX,
        .codec = {registry_pack_usage_tally, registry_unpack_usage_tally, registry_pack_usage_last,
                  registry_unpack_usage_last},
    };
    return usage_open(&options, &daemon->usage, &note) == STATUS_OK || complain(daemon, &note);
}

static bool open_authorizer(struct daemon *daemon)
{
    struct status_note note = {0};
    struct authorizer_options options = {
        .registry = daemon->registry,
        .meters = daemon->meters,
        .usage = daemon->usage,
        .clock = daemon->clock,
        .log = &daemon->log,
        .utc_offset_s = daemon->config.utc_offset_s,
        .relaxed = daemon->config.relaxed_durability,
    };
    if (options.relaxed)
        log_line(&daemon->log, LOG_LEVEL_WARNING,
                 "durability is relaxed: after a crash, limits may admit again what was spent shortly before");
    return authorizer_open(&options, &daemon->authorizer, &note) == STATUS_OK || complain(daemon, &note);
}

static void tick(void *context)
{
    struct daemon *daemon = context;
    authorizer_tick(daemon->authorizer);
}

static void write_usage(void *context)
{
    struct daemon *daemon = context;
    usage_tick(daemon->usage);
}

// Said when it begins to fail and when it works again, not each time.
static void say_change(const struct daemon *daemon, enum status *last, enum status status, const char *what,
                       const struct status_note *note)
{
    if (status != *last && status != STATUS_OK)
        log_line(&daemon->log, LOG_LEVEL_WARNING, "%s: %s: %s", what, status_name(status), note->message);
    else if (status != *last)
        log_line(&daemon->log, LOG_LEVEL_INFO, "%s: works again", what);
    *last = status;
}

static void write_checkpoint(void *context)
{
    struct daemon *daemon = context;
    struct status_note note = {0};
    enum status status = registry_checkpoint(daemon->registry, &note);
    say_change(daemon, &daemon->last_checkpoint, status, "writing the witness file", &note);
}

static void purge_keys(void *context)
{
    struct daemon *daemon = context;
    struct status_note note = {0};
    uint64_t now_ms = clock_now_ms(daemon->clock);
    uint64_t kept_ms = daemon->config.key_retention_days * DAY_MS;
    if (kept_ms == 0 || now_ms <= kept_ms)
        return;
    enum status status = registry_purge_some(daemon->registry, now_ms - kept_ms, &daemon->purge_walk, &note);
    say_change(daemon, &daemon->last_purge, status, "purging dead keys", &note);
}

static void forget_idle_meters(void *context)
{
    struct daemon *daemon = context;
    authorizer_forget_idle(daemon->authorizer);
}

static void check_readers(void *context)
{
    struct daemon *daemon = context;
    registry_check_readers(daemon->registry);
    store_check_readers(daemon->meters);
}

static bool open_scheduler(struct daemon *daemon)
{
    const struct scheduler_task tasks[] = {
        {.name = "tick", .interval_ms = TICK_MS, .run = tick, .context = daemon},
        {.name = "usage", .interval_ms = USAGE_TICK_MS, .run = write_usage, .context = daemon},
        {.name = "checkpoint", .interval_ms = CHECKPOINT_MS, .run = write_checkpoint, .context = daemon},
        {.name = "purge", .interval_ms = PURGE_MS, .run = purge_keys, .context = daemon},
        {.name = "reader check", .interval_ms = READERS_MS, .run = check_readers, .context = daemon},
        {.name = "idle meters", .interval_ms = IDLE_METERS_MS, .run = forget_idle_meters, .context = daemon},
    };
    if (scheduler_open(tasks, sizeof tasks / sizeof *tasks, &daemon->log, &daemon->scheduler) == STATUS_OK)
        return true;
    log_line(&daemon->log, LOG_LEVEL_ERROR, "cannot start the scheduler: no memory or no thread");
    return false;
}

static enum rpc_authority ceiling_of(enum config_ceiling ceiling)
{
    switch (ceiling) {
    case CONFIG_MAX_ANYONE:
        return RPC_ANYONE;
    case CONFIG_MAX_VERIFIER:
        return RPC_VERIFIER;
    case CONFIG_MAX_ACCOUNT_ADMIN:
        return RPC_ACCOUNT_ADMIN;
    case CONFIG_MAX_OPERATOR:
        return RPC_OPERATOR;
    }
    return RPC_ANYONE;
}

static bool open_rpc(struct daemon *daemon)
{
    struct status_note note = {0};
    const struct config *config = &daemon->config;
    struct rpc_listener listeners[CONFIG_LISTENERS_MAX];
    for (size_t i = 0; i < config->listener_count; i++)
        listeners[i] = (struct rpc_listener){config->listeners[i].url, ceiling_of(config->listeners[i].ceiling)};
    struct rpc_options options = {
        .listeners = listeners,
        .listener_count = config->listener_count,
        .operator_uids = config->operator_uids,
        .operator_uid_count = config->operator_uid_count,
        .contexts = config->contexts,
        .max_connections = config->max_connections,
        .socket_mode = config->socket_mode,
        .allow_plain_tcp = config->allow_plain_tcp,
        .registry = daemon->registry,
        .authorizer = daemon->authorizer,
        .secret = daemon->secret,
        .clock = daemon->clock,
        .log = &daemon->log,
    };
    return rpc_open(&options, &daemon->rpc, &note) == STATUS_OK || complain(daemon, &note);
}

static bool open_state(struct daemon *daemon)
{
    if (!join(daemon->registry_path, daemon->config.data, "registry") ||
        !join(daemon->meters_path, daemon->config.data, "meters") || !name_witness(daemon))
        return false;
    return lock_directory(daemon) && open_secret(daemon) && open_meters(daemon) && open_clock(daemon) &&
           open_registry(daemon);
}

static void close_all(struct daemon *daemon)
{
    rpc_close(daemon->rpc);
    scheduler_close(daemon->scheduler);
    authorizer_close(daemon->authorizer);
    usage_close(daemon->usage);
    registry_close(daemon->registry);
    store_close(daemon->meters);
    clock_free(daemon->clock);
    secret_close(daemon->secret);
    if (daemon->lock_fd >= 0)
        close(daemon->lock_fd);
}

// --- what the program does

static void say_ready(const struct daemon *daemon)
{
    char urls[CONFIG_LISTENERS_MAX * 64] = "";
    size_t used = 0;
    for (size_t i = 0; i < daemon->config.listener_count && used < sizeof urls; i++) {
        int size =
            snprintf(urls + used, sizeof urls - used, "%s%s", i > 0 ? ", " : "", daemon->config.listeners[i].url);
        used += size > 0 ? (size_t)size : 0;
    }
    log_line(&daemon->log, LOG_LEVEL_INFO, "ready: listening on %s", urls);
    notify("READY=1");
}

static int serve(struct daemon *daemon, const sigset_t *stop)
{
    fit_connections(daemon);
    if (!open_state(daemon) || !open_usage(daemon) || !open_authorizer(daemon) || !open_scheduler(daemon) ||
        !open_rpc(daemon))
        return EXIT_FAILURE;
    say_ready(daemon);
    int signal_number = 0;
    if (sigwait(stop, &signal_number) != 0)
        return EXIT_FAILURE;
    log_line(&daemon->log, LOG_LEVEL_INFO, "stopping: signal %d", signal_number);
    notify("STOPPING=1");
    return EXIT_SUCCESS;
}

static int check(struct daemon *daemon)
{
    const char *data = daemon->config.data;
    char path[PATH_SIZE];
    if (!join(path, data, "registry") || !registry_exists(path)) {
        printf("%s: holds no registry; give the directory that --data names, or a backup\n", data);
        return EXIT_FAILURE;
    }
    if (!open_state(daemon)) {
        printf("%s: cannot be opened\n", data);
        return EXIT_FAILURE;
    }
    uint64_t entries = 0;
    struct status_note note = {0};
    enum status status = registry_check(daemon->registry, &entries, &note);
    if (status != STATUS_OK) {
        printf("%s: %s: %s\n", data, status_name(status), note.message);
        return EXIT_FAILURE;
    }
    printf("%s: OK, %llu changes\n", data, (unsigned long long)entries);
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    struct daemon daemon = {.lock_fd = -1, .log = {.level = LOG_LEVEL_INFO, .fd = STDERR_FILENO}};
    switch (config_load(argc, argv, &daemon.config)) {
    case CONFIG_EXIT_OK:
        return EXIT_SUCCESS;
    case CONFIG_MISUSED:
        return 2;
    case CONFIG_RUN:
        break;
    }
    daemon.log.level = daemon.config.log_level;
    sigset_t stop;
    block_signals(&stop);
    umask(077);
    forbid_cores();
    int result = daemon.config.check ? check(&daemon) : serve(&daemon, &stop);
    close_all(&daemon);
    if (result == EXIT_SUCCESS && !daemon.config.check)
        log_line(&daemon.log, LOG_LEVEL_INFO, "stopped");
    return result;
}
