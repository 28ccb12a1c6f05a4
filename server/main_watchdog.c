// Tells the service manager that the daemon decides: WATCHDOG=1, as sd_watchdog_enabled(3) asks for it.
//
// The problem: a daemon that hangs looks alive from outside. So a task of the scheduler asks for a decision as callers
// do, about a token that is nobody's, and goes through the locks of all meters. Only when both have ended well the
// service manager hears of it; when it hears nothing for WatchdogSec it starts the daemon anew. The question peeks, so
// it leaves no trace, and it writes nothing: a disk that is full is mended by no restart.
#include <stdlib.h>
#include <unistd.h>

#include "main.h"

enum {
    WATCHDOG_PART = 3, // of the interval that is allowed: two questions may come late
    WATCHDOG_ARENA_BYTES = 256 * 1024,
    US_IN_MS = 1000
};

static bool can_decide(struct daemon *daemon)
{
    struct authorizer_call call = {.subject = AUTHORIZER_BY_TOKEN,
                                   .question = {.token = slice_text("watchdog"), .peek = true}};
    struct authorizer_batch batch = {
        .calls = &call, .call_count = 1, .view = daemon->watchdog_view, .arena = daemon->watchdog_arena};
    enum authorizer_progress progress = authorizer_decide(daemon->authorizer, &batch);
    bool decided = progress == AUTHORIZER_DONE && batch.status == STATUS_OK && call.status == STATUS_OK;
    arena_reset(daemon->watchdog_arena);
    (void)meter_stats(daemon->meters);
    return decided;
}

void main_feed_watchdog(void *context)
{
    if (can_decide(context))
        main_notify("WATCHDOG=1");
}

uint64_t main_watchdog_ms(void)
{
    uint64_t pid = main_environment_number("WATCHDOG_PID"), us = main_environment_number("WATCHDOG_USEC");
    if (us == 0 || (pid != 0 && pid != (uint64_t)getpid()))
        return 0;
    uint64_t ms = us / US_IN_MS / WATCHDOG_PART;
    return ms > 0 ? ms : 1;
}

bool main_open_watchdog(struct daemon *daemon)
{
    if (main_watchdog_ms() == 0)
        return true;
    daemon->watchdog_arena = arena_new(WATCHDOG_ARENA_BYTES);
    if (daemon->watchdog_arena != NULL && registry_view_open(daemon->registry, &daemon->watchdog_view) == STATUS_OK)
        return true;
    log_line(&daemon->log, LOG_LEVEL_ERROR, "cannot open what the watchdog needs: out of memory");
    return false;
}

void main_close_watchdog(struct daemon *daemon)
{
    store_view_close(daemon->watchdog_view);
    arena_free(daemon->watchdog_arena);
}
