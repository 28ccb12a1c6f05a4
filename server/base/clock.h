// The one fenced clock: daemon time L never goes back, over restarts and whatever the wall clock does.
//
// L is in Unix milliseconds. In the process it follows CLOCK_BOOTTIME; the wall clock only ever moves it forward
// (clock_follow_wall). After a restart in the same boot L = H + (boottime now - boottime at H), after a reboot
// L = max(wall, H + CLOCK_REBOOT_MS), where H is the stored mark. Specification: docs/limits.md,
// "Clock". CLOCK_REBOOT_MS is there because H may be a second behind the last answer, and no machine boots in less.
// Threads: all but new/free may be called from any thread; no locks, no system call but clock_gettime.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CLOCK_REBOOT_MS = 2000,
    CLOCK_SAME_MS = 2 // two clocks, cut to milliseconds and read one after the other, may differ by this much
};

struct clock;

// The clock's stored state, which keeps the fence over a restart.
struct clock_mark {
    uint8_t boot_id[16];
    uint64_t boot_ms; // CLOCK_BOOTTIME at high_ms
    uint64_t high_ms; // L
};

// Where the raw times come from; tests bring their own.
struct clock_source {
    uint64_t (*boot_ms)(void *context);
    uint64_t (*wall_ms)(void *context);
    void *context;
    uint8_t boot_id[16];
};

// The operating system: CLOCK_BOOTTIME, CLOCK_REALTIME and /proc/sys/kernel/random/boot_id.
struct clock_source clock_system_source(void);

// Makes the clock that goes on from the `stored` mark; with NULL (a fresh store) L starts at wall time. NULL when
// memory is out.
struct clock *clock_new(struct clock_source source, const struct clock_mark *stored);
void clock_free(struct clock *clock); // NULL-safe

uint64_t clock_now_ms(struct clock *clock); // L; never less than an earlier answer
uint64_t clock_wall_ms(struct clock *clock);
// CLOCK_BOOTTIME in milliseconds: for how long somebody waits. It is no time of day, and nobody can set it.
uint64_t clock_boot_ms(struct clock *clock);
// Returns the wall-clock time at which daemon time will be `at_ms`: wall now + (at_ms - L now). While the two clocks
// agree to CLOCK_SAME_MS it is `at_ms` itself, so that the same moment is told in the same way each time.
uint64_t clock_to_wall_ms(struct clock *clock, uint64_t at_ms);
struct clock_mark clock_mark(struct clock *clock); // high_ms = L now

// Moves L forward to the wall clock when that is ahead by more than `slack_ms`, but by no more than `promised_ms`: a
// mark with high_ms = L + promised_ms must be on disk before. Returns by how many milliseconds L has moved; the caller
// logs it.
uint64_t clock_follow_wall(struct clock *clock, uint64_t slack_ms, uint64_t promised_ms);
// Returns wall clock minus CLOCK_BOOTTIME, modulo 2^64. Only setting the wall clock changes it fast.
uint64_t clock_wall_offset_ms(struct clock *clock);
// Returns how far L is ahead of the wall clock (negative: behind).
int64_t clock_ahead_ms(struct clock *clock);

// Returns the wall clock as it is, for log lines only: no decision may use it.
uint64_t clock_raw_wall_ms(void);

// Returns CLOCK_MONOTONIC in nanoseconds: for how long the daemon's own work takes, in its metrics only.
uint64_t clock_span_ns(void);

#endif
