// posternd: builds the objects, hands them down, waits for a signal, closes in reverse.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main.h"

enum {
    SPARE_READERS = 32,
    USAGE_ENTRIES_MAX = 128 * 1024, // 64 MiB, taken as they are needed
    MISUSED = 2                     // exit status
};

// --- the rooms

static bool open_secret(struct daemon *daemon)
{
    struct status_failure failure = {0};
    bool created = false;
    bool may_create = !daemon->config.inspect && !registry_exists(daemon->registry_path);
    if (secret_open(daemon->config.secrets, may_create, &daemon->secret, &created, &failure) != STATUS_OK)
        return main_complain(daemon, &failure);
    if (created)
        log_line(&daemon->log, LOG_LEVEL_WARNING,
                 "made a new keyring %s: keep a copy in a safe place, without it no key can be checked",
                 daemon->config.secrets);
    return true;
}

static bool open_meters_store(struct daemon *daemon)
{
    struct status_failure failure = {0};
    if (meter_table_count + USAGE_TABLES > MAIN_METERS_TABLES_MAX)
        return false;
    memcpy(daemon->meters_tables, meter_tables, meter_table_count * sizeof meter_tables[0]);
    memcpy(daemon->meters_tables + meter_table_count, usage_tables, sizeof usage_tables);
    struct store_options options = {
        .path = daemon->meters_path,
        .tables = daemon->meters_tables,
        .table_count = meter_table_count + USAGE_TABLES,
        .map_size_bytes = daemon->config.meters_map_bytes,
        .max_readers = daemon->config.max_calls + SPARE_READERS,
        .log = &daemon->log,
    };
    return store_open(&options, &daemon->meters_store, &failure) == STATUS_OK || main_complain(daemon, &failure);
}

static bool open_clock(struct daemon *daemon)
{
    struct clock_mark mark;
    enum status status = meter_load_clock(daemon->meters_store, &mark);
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

static bool open_registry(struct daemon *daemon)
{
    struct status_failure failure = {0};
    struct registry_options options = {
        .path = daemon->registry_path,
        .map_size_bytes = daemon->config.registry_map_bytes,
        .max_readers = daemon->config.max_calls + SPARE_READERS,
        .secret = daemon->secret,
        .clock = daemon->clock,
        .default_prefix = slice_text(daemon->config.default_prefix),
        .log = &daemon->log,
        .witness_path = main_witness_of(daemon),
        .idempotency_retention_ms = (uint64_t)daemon->config.idempotency_retention_minutes * 60 * 1000,
    };
    return registry_open(&options, &daemon->registry, &failure) == STATUS_OK || main_complain(daemon, &failure);
}

// Every account may have a zone of its own, so tzdata is wanted even where the installation has an offset.
static bool find_zone(const struct daemon *daemon, const struct config *config, struct zone_table *zones,
                      const struct zone **out)
{
    struct status_failure failure = {0};
    char offset[16];
    int32_t offset_s = config->utc_offset_s, size_s = offset_s < 0 ? -offset_s : offset_s;
    (void)snprintf(offset, sizeof offset, "%c%02d:%02d", offset_s < 0 ? '-' : '+', size_s / 3600, size_s % 3600 / 60);
    struct slice name = slice_text(config->time_zone);
    if (name.size == 0)
        return offset_s == 0 || zone_find(zones, slice_text(offset), out);
    if (zone_load(zones, name, out, &failure) == STATUS_OK)
        return true;
    log_line(&daemon->log, LOG_LEVEL_ERROR, "--time-zone %s: %s", config->time_zone, failure.message);
    return false;
}

static bool open_zones(struct daemon *daemon)
{
    daemon->zones = zone_table_new(NULL, &daemon->log);
    return daemon->zones != NULL && find_zone(daemon, &daemon->config, daemon->zones, &daemon->zone);
}

static bool open_usage(struct daemon *daemon)
{
    struct status_failure failure = {0};
    struct usage_options options = {
        .store = daemon->meters_store,
        .table_base = (unsigned)meter_table_count,
        .clock = daemon->clock,
        .log = &daemon->log,
        .zone = daemon->zone,
        .retention_days = daemon->config.usage_retention_days,
        .max_entries = USAGE_ENTRIES_MAX,
    };
    return usage_open(&options, &daemon->usage, &failure) == STATUS_OK || main_complain(daemon, &failure);
}

static bool open_meters(struct daemon *daemon)
{
    struct status_failure failure = {0};
    struct meter_options options = {
        .store = daemon->meters_store,
        .clock = daemon->clock,
        .log = &daemon->log,
        .zones = {daemon->zones, daemon->zone},
        .relaxed = daemon->config.relaxed_durability,
        .relaxed_on_failure = daemon->config.relaxed_on_store_failure,
        .max_resident = daemon->config.max_resident_meters,
        .max_custom = daemon->config.max_custom_meters,
    };
    if (options.relaxed)
        log_line(&daemon->log, LOG_LEVEL_WARNING,
                 "durability is relaxed: after a crash, limits may admit again what was spent shortly before");
    return meter_open(&options, &daemon->meters, &failure) == STATUS_OK || main_complain(daemon, &failure);
}

static bool open_authorizer(struct daemon *daemon)
{
    struct status_failure failure = {0};
    struct authorizer_options options = {
        .registry = daemon->registry,
        .meters = daemon->meters,
        .usage = daemon->usage,
        .clock = daemon->clock,
        .zones = daemon->zones,
    };
    return authorizer_open(&options, &daemon->authorizer, &failure) == STATUS_OK || main_complain(daemon, &failure);
}

_Static_assert((int)CONFIG_SUBJECT_MAX == (int)RPC_SUBJECT_MAX, "what may be configured can be bound");
_Static_assert(CONFIG_ACCESS_OFF == RPC_LOG_NONE && CONFIG_ACCESS_REFUSALS == RPC_LOG_REFUSALS, "and logged");

static enum rpc_ceiling ceiling_of(enum config_ceiling ceiling)
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

// Returns NULL for an empty text.
static const char *or_none(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static struct transport_options transport_of(const struct config *config)
{
    return (struct transport_options){
        .allow_plain_tcp = config->allow_plain_tcp,
        .socket_mode = config->socket_mode,
        .socket_group = or_none(config->socket_group),
        .tls = {.certificate_file = or_none(config->tls_certificate),
                .key_file = or_none(config->tls_key),
                .client_ca_file = or_none(config->tls_client_ca),
                .client_required = config->tls_client_required},
        .max_calls = config->max_calls,
        .memory_max_bytes = config->connection_memory_bytes,
    };
}

// What would be refused later is a mistake of the flags or the file, and is said before anything is made.
static bool check(const struct daemon *daemon, const struct config *config)
{
    struct status_failure failure = {0};
    const struct transport_options options = transport_of(config);
    for (size_t i = 0; i < config->listener_count; i++)
        if (transport_check_url(&options, config->listeners[i].url, &failure) != STATUS_OK)
            return main_complain(daemon, &failure);
    const struct zone *zone = NULL;
    struct zone_table *zones = zone_table_new(NULL, &daemon->log);
    bool is_good = zones != NULL && find_zone(daemon, config, zones, &zone);
    zone_table_free(zones);
    return is_good;
}

static bool open_rpc(struct daemon *daemon)
{
    struct status_failure failure = {0};
    const struct config *config = &daemon->config;
    struct rpc_listener listeners[CONFIG_LISTENERS_MAX];
    for (size_t i = 0; i < config->tls_peer_count; i++)
        daemon->tls_peers[i] =
            (struct rpc_tls_peer){config->tls_peers[i].subject, ceiling_of(config->tls_peers[i].authority)};
    for (size_t i = 0; i < config->listener_count; i++)
        listeners[i] = (struct rpc_listener){config->listeners[i].url, ceiling_of(config->listeners[i].ceiling)};
    struct rpc_options options = {
        .listeners = listeners,
        .listener_count = config->listener_count,
        .operator_uids = config->operator_uids,
        .operator_uid_count = config->operator_uid_count,
        .tls_peers = daemon->tls_peers,
        .tls_peer_count = config->tls_peer_count,
        .transport = transport_of(config),
        .registry = daemon->registry,
        .authorizer = daemon->authorizer,
        .meters = daemon->meters,
        .usage = daemon->usage,
        .secret = daemon->secret,
        .zones = daemon->zones,
        .clock = daemon->clock,
        .log = &daemon->log,
        .access_log = config->access_log,
    };
    options.transport.max_connections = daemon->max_connections;
    return rpc_open(&options, &daemon->rpc, &failure) == STATUS_OK || main_complain(daemon, &failure);
}

static bool open_state(struct daemon *daemon)
{
    if (!main_join(daemon->registry_path, daemon->config.data, "registry") ||
        !main_join(daemon->meters_path, daemon->config.data, "meters") || !main_name_witness(daemon))
        return false;
    return main_lock_directory(daemon) && open_secret(daemon) && open_meters_store(daemon) && open_clock(daemon) &&
           open_registry(daemon);
}

static void close_all(struct daemon *daemon)
{
    main_close_metrics(daemon);
    rpc_close(daemon->rpc);
    scheduler_close(daemon->scheduler);
    main_close_watchdog(daemon);
    authorizer_close(daemon->authorizer);
    meter_close(daemon->meters);
    usage_close(daemon->usage);
    registry_close(daemon->registry);
    store_close(daemon->meters_store);
    clock_free(daemon->clock);
    secret_close(daemon->secret);
    zone_table_free(daemon->zones);
    if (daemon->lock_fd >= 0)
        close(daemon->lock_fd);
}

// --- what the program does

// Takes over what is logged and how, operators and certificates, which can change without a stop. An error changes
// nothing.
static void reload(struct daemon *daemon)
{
    struct status_failure failure = {0};
    struct config fresh;
    log_line(&daemon->log, LOG_LEVEL_INFO, "reloading: what is logged and how, operator uids, certificates");
    if (config_load(daemon->argument_count, daemon->arguments, &fresh) != CONFIG_RUN || !check(daemon, &fresh)) {
        log_line(&daemon->log, LOG_LEVEL_ERROR, "reloading failed: the configuration is wrong; nothing has changed");
        return;
    }
    if (rpc_reload(daemon->rpc, fresh.operator_uids, fresh.operator_uid_count, &failure) != STATUS_OK) {
        log_line(&daemon->log, LOG_LEVEL_ERROR, "reloading failed: %s; nothing has changed", failure.message);
        return;
    }
    daemon->log.level = fresh.log_level;
    daemon->log.format = fresh.log_format;
    rpc_log_decisions(daemon->rpc, fresh.access_log);
    log_line(&daemon->log, LOG_LEVEL_INFO, "reloaded%s",
             config_needs_restart(&daemon->config, &fresh) ? "; what else has changed in the file needs a restart"
                                                           : "");
}

// Waits for a signal that ends the daemon; 0 when waiting has failed.
static int wait_for_end(struct daemon *daemon, const sigset_t *signals)
{
    int number = 0;
    while (sigwait(signals, &number) == 0) {
        if (number != SIGHUP)
            return number;
        main_notify("RELOADING=1");
        reload(daemon);
        main_notify("READY=1");
    }
    return 0;
}

static int serve(struct daemon *daemon, const sigset_t *signals)
{
    if (!check(daemon, &daemon->config))
        return MISUSED;
    main_fit_connections(daemon);
    main_refuse_sockets(daemon);
    if (!open_zones(daemon) || !open_state(daemon) || !open_usage(daemon) || !open_meters(daemon) ||
        !open_authorizer(daemon) || !main_open_watchdog(daemon) || !main_open_scheduler(daemon) || !open_rpc(daemon) ||
        !main_open_metrics(daemon))
        return EXIT_FAILURE;
    main_say_ready(daemon);
    int signal_number = wait_for_end(daemon, signals);
    if (signal_number == 0)
        return EXIT_FAILURE;
    log_line(&daemon->log, LOG_LEVEL_INFO, "stopping: signal %d", signal_number);
    main_notify("STOPPING=1");
    return EXIT_SUCCESS;
}

// Does the directory have a registry? Offline work must not make one.
static bool holds_registry(const char *data)
{
    char path[MAIN_PATH_SIZE];
    if (main_join(path, data, "registry") && registry_exists(path))
        return true;
    printf("%s: holds no registry; give the directory that --data names, or a backup\n", data);
    return false;
}

static int reset_clock(struct daemon *daemon)
{
    const char *data = daemon->config.data;
    if (!holds_registry(data))
        return EXIT_FAILURE;
    if (main_join(daemon->meters_path, data, "meters") && main_lock_directory(daemon) && open_meters_store(daemon))
        return main_reset_clock(daemon);
    printf("%s: cannot be opened\n", data);
    return EXIT_FAILURE;
}

static int inspect(struct daemon *daemon)
{
    const char *data = daemon->config.data;
    if (!holds_registry(data))
        return EXIT_FAILURE;
    if (!open_state(daemon)) {
        printf("%s: cannot be opened\n", data);
        return EXIT_FAILURE;
    }
    uint64_t entries = 0;
    struct status_failure failure = {0};
    enum status status = registry_fsck(daemon->registry, &entries, &failure);
    if (status != STATUS_OK) {
        printf("%s: %s: %s\n", data, status_name(status), failure.message);
        return EXIT_FAILURE;
    }
    printf("%s: OK, %llu changes\n", data, (unsigned long long)entries);
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    struct daemon daemon = {.argument_count = argc,
                            .arguments = argv,
                            .lock_fd = -1,
                            .log = {.level = LOG_LEVEL_INFO, .fd = STDERR_FILENO}};
    sigset_t signals;
    main_block_signals(&signals); // first of all: a SIGHUP that comes early waits, and does not end the daemon
    switch (config_load(argc, argv, &daemon.config)) {
    case CONFIG_EXIT_OK:
        return EXIT_SUCCESS;
    case CONFIG_MISUSED:
        return MISUSED;
    case CONFIG_RUN:
        break;
    }
    daemon.log.level = daemon.config.log_level;
    daemon.log.format = daemon.config.log_format;
    umask(077);
    main_forbid_cores();
    bool is_offline = daemon.config.inspect || daemon.config.reset_clock;
    int result = daemon.config.inspect       ? inspect(&daemon)
                 : daemon.config.reset_clock ? reset_clock(&daemon)
                                             : serve(&daemon, &signals);
    close_all(&daemon);
    transport_end_process();
    if (result == EXIT_SUCCESS && !is_offline)
        log_line(&daemon.log, LOG_LEVEL_INFO, "stopped");
    return result;
}
