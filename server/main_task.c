// The scheduler's tasks for the daemon, and how often each runs.
#include "main.h"

enum {
    TICK_MS = 1000,
    USAGE_TICK_MS = 500,
    IDLE_METERS_MS = 60 * 1000,
    CUSTOM_METERS_MS = 1000,
    READERS_MS = 60 * 1000,
    CHECKPOINT_MS = 60 * 1000,
    PURGE_MS = 5 * 1000,
    KEY_COUNTS_MS = 1000,
    IDEMPOTENCY_MS = 500,
    IDEMPOTENCY_FEW_MS = 60 * 1000,
    IDEMPOTENCY_WORK_MS = 300
};

#define DAY_MS (UINT64_C(24) * 60 * 60 * 1000)

static void tick(void *context)
{
    struct daemon *daemon = context;
    uint64_t commits = registry_health(daemon->registry).commits;
    if (commits != daemon->registry_commits)
        meter_note_use(daemon->meters); // changes carry the daemon's time, as decisions do
    daemon->registry_commits = commits;
    meter_tick(daemon->meters);
}

static void write_usage(void *context)
{
    struct daemon *daemon = context;
    usage_tick(daemon->usage);
}

// Logs when a task begins to fail and when it works again, not each time.
static void say_change(const struct daemon *daemon, enum status *last, enum status status, const char *what,
                       const struct status_failure *failure)
{
    if (status != *last && status != STATUS_OK)
        log_line(&daemon->log, LOG_LEVEL_WARNING, "%s: %s: %s", what, status_name(status), failure->message);
    else if (status != *last)
        log_line(&daemon->log, LOG_LEVEL_INFO, "%s: works again", what);
    *last = status;
}

static void write_checkpoint(void *context)
{
    struct daemon *daemon = context;
    struct status_failure failure = {0};
    enum status status = registry_checkpoint(daemon->registry, &failure);
    say_change(daemon, &daemon->last_checkpoint, status, "writing the witness file", &failure);
}

static void purge_keys(void *context)
{
    struct daemon *daemon = context;
    struct status_failure failure = {0};
    uint64_t now_ms = clock_now_ms(daemon->clock);
    uint64_t kept_ms = daemon->config.key_retention_days * DAY_MS;
    if (kept_ms == 0 || now_ms <= kept_ms)
        return;
    enum status status = registry_purge_some(daemon->registry, now_ms - kept_ms, &daemon->purge_walk, &failure);
    say_change(daemon, &daemon->last_purge, status, "purging dead keys", &failure);
}

// Purges a thousand at a time and goes on while there are more, as long as other tasks can wait. Fewer records wait for
// a minute, because a change is larger than the few records that it would remove.
static void purge_idempotency_records(void *context)
{
    struct daemon *daemon = context;
    struct status_failure failure = {0};
    uint64_t now_ms = clock_now_ms(daemon->clock);
    bool takes_few = now_ms - daemon->idempotency_purged_ms >= IDEMPOTENCY_FEW_MS;
    size_t count = 0;
    enum status status;
    do
        status = registry_purge_idempotency(daemon->registry, takes_few ? 1 : REGISTRY_PURGE_IDEMPOTENCY_MAX, &count,
                                            &failure);
    while (status == STATUS_OK && count == REGISTRY_PURGE_IDEMPOTENCY_MAX &&
           clock_now_ms(daemon->clock) - now_ms < IDEMPOTENCY_WORK_MS);
    if (takes_few)
        daemon->idempotency_purged_ms = now_ms;
    say_change(daemon, &daemon->last_idempotency_purge, status, "purging old idempotency records", &failure);
}

static void count_keys(void *context)
{
    struct daemon *daemon = context;
    struct status_failure failure = {0};
    enum status status = registry_count_keys(daemon->registry);
    say_change(daemon, &daemon->last_key_count, status, "counting keys for the metrics", &failure);
}

static void evict_idle_meters(void *context)
{
    struct daemon *daemon = context;
    meter_evict_idle(daemon->meters);
}

static void sweep_custom_meters(void *context)
{
    struct daemon *daemon = context;
    meter_sweep_custom(daemon->meters);
}

static void check_readers(void *context)
{
    struct daemon *daemon = context;
    registry_check_readers(daemon->registry);
    store_check_readers(daemon->meters_store);
}

bool main_open_scheduler(struct daemon *daemon)
{
    daemon->registry_commits = registry_health(daemon->registry).commits;
    const struct scheduler_task tasks[] = {
        {.name = "tick", .interval_ms = TICK_MS, .run = tick, .context = daemon},
        {.name = "usage", .interval_ms = USAGE_TICK_MS, .run = write_usage, .context = daemon},
        {.name = "checkpoint", .interval_ms = CHECKPOINT_MS, .run = write_checkpoint, .context = daemon},
        {.name = "purge", .interval_ms = PURGE_MS, .run = purge_keys, .context = daemon},
        {.name = "purge idempotency records",
         .interval_ms = IDEMPOTENCY_MS,
         .run = purge_idempotency_records,
         .context = daemon},
        {.name = "key counts", .interval_ms = KEY_COUNTS_MS, .run = count_keys, .context = daemon},
        {.name = "reader check", .interval_ms = READERS_MS, .run = check_readers, .context = daemon},
        {.name = "custom meters", .interval_ms = CUSTOM_METERS_MS, .run = sweep_custom_meters, .context = daemon},
        {.name = "idle meters", .interval_ms = IDLE_METERS_MS, .run = evict_idle_meters, .context = daemon},
        {.name = "watchdog", .interval_ms = main_watchdog_ms(), .run = main_feed_watchdog, .context = daemon},
    };
    size_t unwatched = main_watchdog_ms() == 0; // then without the last one
    if (scheduler_open(tasks, sizeof tasks / sizeof *tasks - unwatched, &daemon->log, &daemon->scheduler) == STATUS_OK)
        return true;
    log_line(&daemon->log, LOG_LEVEL_ERROR, "cannot start the scheduler: no memory or no thread");
    return false;
}
