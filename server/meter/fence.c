// The clock's fence: its mark in the store, and what happens when somebody sets the wall clock.
//
// Whatever has been answered by the daemon's time must stay true: a window that is over stays over, a key that has
// expired stays expired. So the mark is on disk before the first answer and before the daemon's time follows a wall
// clock that was set forward, and again every second while anybody is answered.
#include "base/text.h"
#include "meter/internal.h"
#include "meter/record.h"

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
    status = meter_mark_unpack(bytes, arena, out);
    arena_free(arena);
    return status;
}

enum status meter_load_clock(struct store *store, struct clock_mark *out)
{
    struct store_txn *view = NULL;
    enum status status = store_view_open(store, &view);
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

// Notes that the wall clock was set between two runs, and logs it when the daemon's time is now ahead of it.
static void note_jump_before(struct meter_cache *cache)
{
    char ahead[TEXT_TIME_SIZE];
    int64_t ahead_ms = clock_ahead_ms(cache->clock);
    if (magnitude(ahead_ms) <= FENCE_SLACK_MS)
        return;
    atomic_fetch_add(&cache->clock_jumps, 1);
    if (ahead_ms > 0)
        log_line(cache->log, LOG_LEVEL_WARNING,
                 "the wall clock is %s behind the daemon's, which never goes back; if the daemon's is the wrong one, "
                 "stop it and run posternd --clear-clock",
                 text_format_span((uint64_t)ahead_ms, ahead));
}

void fence_begin(struct meter_cache *cache)
{
    cache->wall_offset_ms = clock_wall_offset_ms(cache->clock);
    note_jump_before(cache);
}

uint64_t fence_promise_ms(struct meter_cache *cache)
{
    int64_t ahead_ms = clock_ahead_ms(cache->clock);
    return ahead_ms < -FENCE_SLACK_MS ? (uint64_t)-ahead_ms : 0;
}

void fence_follow(struct meter_cache *cache, uint64_t promised_ms)
{
    uint64_t moved_ms = promised_ms > 0 ? clock_follow_wall(cache->clock, FENCE_SLACK_MS, promised_ms) : 0;
    char moved[TEXT_TIME_SIZE];
    if (moved_ms != 0)
        log_line(cache->log, LOG_LEVEL_WARNING, "the wall clock is %s ahead of the daemon's; following it",
                 text_format_span(moved_ms, moved));
}

// Notes that the wall clock was set, and logs it when the daemon's time is now ahead of it. When it is behind, the next
// write follows the wall clock and logs that.
static void note_jump(struct meter_cache *cache, int64_t step_ms)
{
    char step[TEXT_TIME_SIZE], ahead[TEXT_TIME_SIZE];
    int64_t ahead_ms = clock_ahead_ms(cache->clock);
    atomic_fetch_add(&cache->clock_jumps, 1);
    if (ahead_ms > 0)
        log_line(cache->log, LOG_LEVEL_WARNING, "the wall clock was set %s by %s; the daemon's goes on, %s ahead of it",
                 step_ms < 0 ? "back" : "forward", text_format_span((uint64_t)magnitude(step_ms), step),
                 text_format_span((uint64_t)ahead_ms, ahead));
}

void fence_watch_wall(struct meter_cache *cache)
{
    uint64_t offset_ms = clock_wall_offset_ms(cache->clock);
    int64_t step_ms = (int64_t)(offset_ms - cache->wall_offset_ms);
    cache->wall_offset_ms = offset_ms;
    if (magnitude(step_ms) > FENCE_SLACK_MS)
        note_jump(cache, step_ms);
}
