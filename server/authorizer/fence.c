// The clock's fence: its mark in the store, and what happens when somebody sets the wall clock.
//
// Whatever has been answered by the daemon's time must stay true: a window that is over stays over, a key that has
// expired stays expired. So the mark is on disk before the first answer and before the daemon's time follows a wall
// clock that was set forward, and again every second while anybody is answered.
#include "authorizer/internal.h"

enum { CLOCK_ARENA_BYTES = 64 * 1024 };

static enum status read_mark(struct store_txn *view, struct clock_mark *out)
{
    struct slice bytes;
    enum status status = store_get(view, TABLE_CLOCK, slice_text("mark"), &bytes);
    if (status != STATUS_OK)
        return status;
    struct arena *arena = arena_new(CLOCK_ARENA_BYTES);
    if (arena == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    status = registry_unpack_clock(bytes, arena, out);
    arena_free(arena);
    return status;
}

enum status authorizer_load_clock(struct store *meters, struct clock_mark *out)
{
    struct store_txn *view = NULL;
    enum status status = store_view_open(meters, &view);
    if (status == STATUS_OK)
        status = store_view_begin(view);
    if (status == STATUS_OK) {
        status = read_mark(view, out);
        store_view_end(view);
    }
    store_view_close(view);
    return status;
}

// --- the wall clock

static int64_t magnitude(int64_t ms)
{
    return ms < 0 ? -ms : ms;
}

// Between two runs: the daemon's time has gone on without it.
static void note_jump_before(struct authorizer *a)
{
    int64_t ahead_ms = clock_ahead_ms(a->clock);
    if (magnitude(ahead_ms) <= FENCE_SLACK_MS)
        return;
    atomic_fetch_add(&a->clock_jumps, 1);
    if (ahead_ms > 0)
        log_line(a->log, LOG_LEVEL_WARNING,
                 "the wall clock is %lld ms behind the daemon's, which never goes back; if the daemon's is the wrong "
                 "one, stop it and run posternd --clear-clock",
                 (long long)ahead_ms);
}

// Custom subjects alone need no registry.
static uint64_t count_commits(const struct authorizer *a)
{
    return a->registry != NULL ? registry_health(a->registry).commits : 0;
}

void fence_open(struct authorizer *a)
{
    a->wall_offset_ms = clock_wall_offset_ms(a->clock);
    a->registry_commits = count_commits(a);
    note_jump_before(a);
    flush_mark(a);
}

uint64_t fence_promise_ms(struct authorizer *a)
{
    int64_t ahead_ms = clock_ahead_ms(a->clock);
    return ahead_ms < -FENCE_SLACK_MS ? (uint64_t)-ahead_ms : 0;
}

void fence_follow(struct authorizer *a, uint64_t promised_ms)
{
    uint64_t moved_ms = promised_ms > 0 ? clock_follow_wall(a->clock, FENCE_SLACK_MS, promised_ms) : 0;
    if (moved_ms != 0)
        log_line(a->log, LOG_LEVEL_WARNING, "the wall clock is %llu ms ahead of the daemon's; following it",
                 (unsigned long long)moved_ms);
}

// Set forward beyond the daemon's time, it is followed by the next flush, which says so.
static void note_jump(struct authorizer *a, int64_t step_ms)
{
    int64_t ahead_ms = clock_ahead_ms(a->clock);
    atomic_fetch_add(&a->clock_jumps, 1);
    if (ahead_ms > 0)
        log_line(a->log, LOG_LEVEL_WARNING,
                 "the wall clock was set %s by %lld ms; the daemon's goes on, %lld ms ahead of it",
                 step_ms < 0 ? "back" : "forward", (long long)magnitude(step_ms), (long long)ahead_ms);
}

static void watch_wall(struct authorizer *a)
{
    uint64_t offset_ms = clock_wall_offset_ms(a->clock);
    int64_t step_ms = (int64_t)(offset_ms - a->wall_offset_ms);
    a->wall_offset_ms = offset_ms;
    if (magnitude(step_ms) > FENCE_SLACK_MS)
        note_jump(a, step_ms);
}

// --- the ticker

void fence_note_use(struct authorizer *a)
{
    if (!atomic_load_explicit(&a->in_use, memory_order_relaxed))
        atomic_store(&a->in_use, true);
}

// Limits, decisions that came to none, and changes: all carry the daemon's time.
static bool take_in_use(struct authorizer *a)
{
    uint64_t commits = count_commits(a);
    bool changed = commits != a->registry_commits;
    a->registry_commits = commits;
    bool limited = limit_take_in_use(a->limits);
    return atomic_exchange(&a->in_use, false) || limited || changed;
}

void authorizer_tick(struct authorizer *a)
{
    watch_wall(a);
    if (take_in_use(a) || fence_promise_ms(a) > 0)
        flush_request_mark(a);
}
