// What the files of the program itself share: main.c builds the rooms and closes them, main_process.c handles the
// process, its data directory and the clock reset, main_task.c has the scheduler's tasks, main_watchdog.c that of the
// service manager's watchdog, main_metrics.c writes the metrics to a file.
#ifndef MAIN_H
#define MAIN_H

#include <signal.h>

#include "authorizer/authorizer.h"
#include "config/config.h"
#include "meter/meter.h"
#include "registry/registry.h"
#include "rpc/rpc.h"
#include "scheduler/scheduler.h"
#include "usage/usage.h"

enum { MAIN_PATH_SIZE = 512, MAIN_METERS_TABLES_MAX = 8 };

struct daemon {
    int argument_count; // kept to read the configuration again
    char **arguments;
    struct config config;
    uint32_t max_connections; // as many of the configured ones as there are files for
    struct log log;
    int lock_fd;
    char registry_path[MAIN_PATH_SIZE];
    char meters_path[MAIN_PATH_SIZE];
    char witness_path[MAIN_PATH_SIZE];
    struct zone_table *zones;
    const struct zone *zone; // the installation's
    struct secret *secret;
    const char *meters_tables[MAIN_METERS_TABLES_MAX]; // tables of the meters, then of the usage
    struct store *meters_store;
    struct clock *clock;
    struct registry *registry;
    struct registry_purge_walk purge_walk;
    enum status last_purge;
    uint64_t idempotency_purged_ms; // when a purge last took any number of records
    enum status last_idempotency_purge;
    enum status last_checkpoint;
    enum status last_key_count;
    struct usage *usage;
    struct meter_cache *meters;
    uint64_t registry_commits; // at the last tick
    struct authorizer *authorizer;
    struct store_txn *watchdog_view; // NULL when nobody watches
    struct arena *watchdog_arena;
    struct scheduler *scheduler;
    struct rpc_tls_peer tls_peers[CONFIG_TLS_PEERS_MAX];
    struct rpc *rpc;
    struct main_metrics *metrics;
};

// Logs the failure; always returns false.
bool main_complain(const struct daemon *daemon, const struct status_failure *failure);
// Makes DIRECTORY/NAME. False when it is too long; nobody logs that, because config has bounded the directory.
bool main_join(char out[MAIN_PATH_SIZE], const char *directory, const char *name);
bool main_name_witness(struct daemon *daemon);
// Returns the witness file that the registry is compared with, or NULL.
const char *main_witness_of(const struct daemon *daemon);
// Makes the data directory and takes its lock; false, with the reason in the log, when another daemon has it.
bool main_lock_directory(struct daemon *daemon);
void main_forbid_cores(void);
void main_fit_connections(struct daemon *daemon);
void main_block_signals(sigset_t *signals);
void main_notify(const char *state);
void main_say_ready(const struct daemon *daemon);
void main_refuse_sockets(const struct daemon *daemon);
bool main_open_scheduler(struct daemon *daemon);
// Begins to write the metrics to their file, if there is to be one; rpc is open, and is closed later.
bool main_open_metrics(struct daemon *daemon);
void main_close_metrics(struct daemon *daemon);
// Returns the number that a variable of the environment is; 0: it is not set, or no number.
uint64_t main_environment_number(const char *name);
// How often the service manager is to be told that the daemon decides; 0: it does not watch.
uint64_t main_watchdog_ms(void);
bool main_open_watchdog(struct daemon *daemon);
void main_feed_watchdog(void *context); // a task; the context is the daemon
void main_close_watchdog(struct daemon *daemon);
// Takes the daemon's time back and says what it did; the store of the meters is open. Returns the exit status.
int main_reset_clock(struct daemon *daemon);

#endif
