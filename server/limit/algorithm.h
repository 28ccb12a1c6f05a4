// The three algorithms behind one table of functions: state + now + cost in, answer out.
//
// Everything is pure: no clock, no locks, no I/O; only `load` and `reserve` allocate (the sliding window's counters).
// Time: `t` is daemon time in milliseconds and never goes back for one state. `sync` comes before every other function.
// Specification: docs/limits.md, "Meter".
#ifndef LIMIT_ALGORITHM_H
#define LIMIT_ALGORITHM_H

#include "limit/limit.h"

// Products of amounts (53 bits) and windows in milliseconds (32 bits) are kept exactly.
__extension__ typedef unsigned __int128 limit_wide;

// What an algorithm needs to know about a limit.
struct limit_rate {
    uint64_t amount;
    uint64_t burst;
    uint64_t window_ms; // 0 for periods without a fixed length
    enum limit_period period;
    const struct zone *zone; // of calendar periods; NULL: UTC, and of all others
};

struct limit_fixed_state {
    uint64_t used;     // counted until the window's end
    uint64_t begin_ms; // what was spent before it is not given back
    uint64_t end_ms;
    uint64_t held; // counted until `held_until_ms`, since a change of the zone
    uint64_t held_until_ms;
    const struct zone *zone;
};

struct limit_sliding_state {
    uint64_t index; // of the newest sub-window
    uint64_t sum;
    void *counters; // `slots` integers of `width` bytes, sub-window s at s % slots
    uint32_t width;
    uint32_t slots; // N + 1
};

struct limit_bucket_state {
    uint64_t tat_ms;   // theoretical arrival time, whole milliseconds
    uint64_t fraction; // and 1 / scale parts of one
    uint64_t scale;    // the amount, when it is not 0
};

union limit_state {
    struct limit_fixed_state fixed;
    struct limit_sliding_state sliding;
    struct limit_bucket_state bucket;
};

// An amount that was spent, for taking it back.
struct limit_spent {
    uint64_t t_ms; // when; what lies ahead of the state's time means now
    uint64_t cost;
    uint64_t kept;   // so much of the cost stays spent
    uint64_t amount; // of the limit then
};

struct limit_algorithm_functions {
    // Starts from a record, or from rest when it is NULL. False when memory is out.
    bool (*load)(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                 const struct limit_record *record);
    void (*save)(const union limit_state *state, struct limit_record *record);
    void (*wipe)(union limit_state *state); // NULL: the state owns nothing
    // Makes room for counting up to `ceiling`. False when memory is out; then nothing has changed. NULL: always room.
    bool (*reserve)(union limit_state *state, uint64_t ceiling);
    // Makes room for counting `cost` more, whatever the limit. Otherwise as `reserve`.
    bool (*reserve_more)(union limit_state *state, uint64_t cost);
    void (*sync)(union limit_state *state, const struct limit_rate *rate, uint64_t t);
    bool (*fits)(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost);
    // Counts `cost`, whether it fits or not: only `reserve`d ceilings bound it.
    void (*spend)(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost);
    // Takes back what the meter still counts of it, so that no more is left than if it had never been spent. False when
    // that is nothing. It is the exact inverse of `spend` for what was spent just now, in the reverse order.
    bool (*refund)(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                   const struct limit_spent *spent);
    // Takes back so many units of whatever is counted, the newest first; no more than there are.
    void (*take_back)(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t units);
    // Is the window that it was spent in still counted? NULL: always.
    bool (*is_current)(const union limit_state *state, const struct limit_rate *rate, const struct limit_spent *spent);
    uint64_t (*remaining)(const union limit_state *state, const struct limit_rate *rate, uint64_t t);
    // Counts at least `used` units as if they were spent now; those that are counted already are among them. False when
    // memory is out.
    bool (*raise)(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t used);
    // Returns how many units are counted, rounded up; 0: it is at rest.
    uint64_t (*used)(const union limit_state *state, const struct limit_rate *rate, uint64_t t);
    // Returns when it is full again, if nothing more is spent.
    uint64_t (*reset)(const union limit_state *state, const struct limit_rate *rate, uint64_t t);
    // Returns the earliest time at which `cost` (at most a whole limit) fits, if nothing more is spent. Only for a cost
    // that does not fit now.
    uint64_t (*retry)(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost);
    // Counts what a crash forfeits of a reservation as spent at `t`. False when memory is out.
    bool (*forfeit)(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t reserved);
    const char *name;
};

extern const struct limit_algorithm_functions limit_fixed_window;
extern const struct limit_algorithm_functions limit_sliding_window;
extern const struct limit_algorithm_functions limit_token_bucket;

// Returns how many sub-windows a sliding window for this amount has in its ring when it begins.
size_t limit_sliding_slots(uint64_t amount);

// Returns the calendar period that has so many seconds; LIMIT_NO_PERIOD when none has. `window_s` is above 0.
enum limit_period limit_period_of(uint32_t window_s);

// Returns the algorithm's functions; never NULL for a complete limit's algorithm.
const struct limit_algorithm_functions *limit_algorithm_of(enum limit_algorithm algorithm);

// Returns the most that can ever fit at once: the burst of a bucket, or else the amount.
static inline uint64_t limit_capacity(enum limit_algorithm algorithm, const struct limit_rate *rate)
{
    return algorithm == LIMIT_TOKEN_BUCKET ? rate->burst : rate->amount;
}

static inline uint64_t limit_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline uint64_t limit_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t limit_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
