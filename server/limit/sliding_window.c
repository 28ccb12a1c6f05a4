// The sliding window: how much was used in the last window_s, at any moment.
//
// The problem: no interval of the window's length may ever hold more than the limit, and yet a meter cannot remember
// every use. So uses are counted in a ring of sub-windows, and every sub-window that the interval touches counts in
// full: a use is forgotten at most one sub-window late, and never early.
#include <stdlib.h>
#include <string.h>

#include "limit/algorithm.h"

// N sub-windows cover the window, and the ring has one more slot because an interval of that length can touch N + 1 of
// them. Rings of larger counters have fewer and longer sub-windows, each made of whole finer ones, so that slots merge
// exactly: uses of all merged slots count as uses of the newest, and so never leave too soon.
enum { N_FINE = LIMIT_COUNTERS_MAX - 1, N_WIDE = N_FINE / 2, N_WIDEST = N_FINE / 4 };

static size_t slots_for(size_t width)
{
    if (width <= sizeof(uint16_t))
        return N_FINE + 1;
    return width == sizeof(uint32_t) ? N_WIDE + 1 : N_WIDEST + 1;
}

static bool is_ring(size_t slots)
{
    return slots == N_FINE + 1 || slots == N_WIDE + 1 || slots == N_WIDEST + 1;
}

// Returns how many of the finest sub-windows one sub-window of this ring holds.
static uint64_t fineness(size_t slots)
{
    return N_FINE / (slots - 1);
}

static uint64_t slot_ms(const struct limit_sliding_state *sliding, const struct limit_rate *rate)
{
    return (rate->window_ms + N_FINE - 1) / N_FINE * fineness(sliding->slots);
}

static uint64_t counter_at(const struct limit_sliding_state *sliding, uint64_t slot)
{
    size_t at = (size_t)(slot % sliding->slots);
    switch (sliding->width) {
    case sizeof(uint8_t):
        return ((const uint8_t *)sliding->counters)[at];
    case sizeof(uint16_t):
        return ((const uint16_t *)sliding->counters)[at];
    case sizeof(uint32_t):
        return ((const uint32_t *)sliding->counters)[at];
    default:
        return ((const uint64_t *)sliding->counters)[at];
    }
}

static void set_counter(struct limit_sliding_state *sliding, uint64_t slot, uint64_t value)
{
    size_t at = (size_t)(slot % sliding->slots);
    switch (sliding->width) {
    case sizeof(uint8_t):
        ((uint8_t *)sliding->counters)[at] = (uint8_t)value;
        return;
    case sizeof(uint16_t):
        ((uint16_t *)sliding->counters)[at] = (uint16_t)value;
        return;
    case sizeof(uint32_t):
        ((uint32_t *)sliding->counters)[at] = (uint32_t)value;
        return;
    default:
        ((uint64_t *)sliding->counters)[at] = value;
    }
}

static size_t width_for(uint64_t ceiling)
{
    if (ceiling <= UINT8_MAX)
        return sizeof(uint8_t);
    if (ceiling <= UINT16_MAX)
        return sizeof(uint16_t);
    return ceiling <= UINT32_MAX ? sizeof(uint32_t) : sizeof(uint64_t);
}

size_t limit_sliding_slots(uint64_t amount)
{
    return slots_for(width_for(amount));
}

static bool open_ring(struct limit_sliding_state *sliding, size_t width, size_t slots)
{
    *sliding = (struct limit_sliding_state){.width = (uint32_t)width, .slots = (uint32_t)slots};
    sliding->counters = calloc(slots, width);
    return sliding->counters != NULL;
}

// Where the sum would overflow, both stay below it together, so that the counters always add up to the sum.
static void add_to_counter(struct limit_sliding_state *sliding, uint64_t slot, uint64_t cost)
{
    cost = limit_min(cost, UINT64_MAX - sliding->sum);
    set_counter(sliding, slot, counter_at(sliding, slot) + cost);
    sliding->sum += cost;
}

// Takes the counters of a record whose ring is as fine as this empty one, or finer.
static void take_counters(struct limit_sliding_state *sliding, const struct limit_record *record)
{
    size_t count = record->counter_count;
    uint64_t merged = fineness(sliding->slots) / fineness(count);
    sliding->index = record->index / merged;
    for (size_t age = 0; age < count; age++) {
        uint64_t slot = record->index < age ? sliding->index : (record->index - age) / merged;
        add_to_counter(sliding, slot, record->counters[(record->index % count + count - age) % count]);
    }
}

static void sliding_save(const union limit_state *state, struct limit_record *record)
{
    const struct limit_sliding_state *sliding = &state->sliding;
    record->index = sliding->index;
    record->counter_count = sliding->slots;
    for (uint64_t slot = 0; slot < sliding->slots; slot++)
        record->counters[slot] = counter_at(sliding, slot);
}

// Counters only get wider: after a limit is lowered, uses stay in the longer sub-windows that they were counted in.
static bool sliding_reserve(union limit_state *state, uint64_t ceiling)
{
    struct limit_sliding_state *sliding = &state->sliding, wider;
    size_t width = width_for(ceiling);
    struct limit_record record;
    if (width <= sliding->width)
        return true;
    if (!open_ring(&wider, width, limit_min(slots_for(width), sliding->slots)))
        return false;
    sliding_save(state, &record);
    take_counters(&wider, &record);
    free(sliding->counters);
    *sliding = wider;
    return true;
}

static bool sliding_reserve_more(union limit_state *state, uint64_t cost)
{
    return sliding_reserve(state, limit_add(state->sliding.sum, cost));
}

static void forget_all(struct limit_sliding_state *sliding)
{
    memset(sliding->counters, 0, (size_t)sliding->slots * sliding->width);
    sliding->sum = 0;
}

static void sliding_sync(union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    struct limit_sliding_state *sliding = &state->sliding;
    uint64_t index = t / slot_ms(sliding, rate);
    if (index <= sliding->index)
        return;
    if (index - sliding->index >= sliding->slots) {
        forget_all(sliding);
        sliding->index = index;
        return;
    }
    while (sliding->index < index && sliding->sum > 0) {
        sliding->index++;
        sliding->sum -= counter_at(sliding, sliding->index);
        set_counter(sliding, sliding->index, 0);
    }
    sliding->index = index;
}

static uint64_t sum_of(const struct limit_record *record)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < record->counter_count && i < LIMIT_COUNTERS_MAX; i++)
        sum = limit_add(sum, record->counters[i]);
    return sum;
}

// Only an empty ring becomes finer again. The counters of a ring of unknown size cannot be placed in time: all of them
// count as spent in the newest sub-window.
static bool sliding_load(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                         const struct limit_record *record)
{
    struct limit_sliding_state *sliding = &state->sliding;
    uint64_t sum = record != NULL ? sum_of(record) : 0;
    size_t width = width_for(limit_max(rate->amount, sum));
    bool has_ring = sum > 0 && is_ring(record->counter_count);
    size_t slots = has_ring ? limit_min(slots_for(width), record->counter_count) : slots_for(width);
    if (!open_ring(sliding, width, slots))
        return false;
    if (has_ring)
        take_counters(sliding, record);
    sliding_sync(state, rate, t);
    if (!has_ring)
        add_to_counter(sliding, sliding->index, sum);
    return true;
}

static void sliding_wipe(union limit_state *state)
{
    free(state->sliding.counters);
    state->sliding = (struct limit_sliding_state){0};
}

static bool sliding_fits(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    (void)t;
    return cost <= rate->amount && state->sliding.sum <= rate->amount - cost;
}

static void sliding_spend(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    (void)rate;
    (void)t;
    add_to_counter(&state->sliding, state->sliding.index, cost);
}

static uint64_t slot_of(const struct limit_sliding_state *sliding, const struct limit_rate *rate,
                        const struct limit_spent *spent)
{
    return limit_min(spent->t_ms / slot_ms(sliding, rate), sliding->index);
}

static bool sliding_is_current(const union limit_state *state, const struct limit_rate *rate,
                               const struct limit_spent *spent)
{
    const struct limit_sliding_state *sliding = &state->sliding;
    return sliding->index - slot_of(sliding, rate, spent) < sliding->slots;
}

// Takes back only from the sub-window that it was spent in, while that is in the ring.
static bool sliding_refund(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                           const struct limit_spent *spent)
{
    (void)t;
    struct limit_sliding_state *sliding = &state->sliding;
    uint64_t slot = slot_of(sliding, rate, spent);
    if (!sliding_is_current(state, rate, spent))
        return false;
    uint64_t cost = limit_min(spent->cost - spent->kept, counter_at(sliding, slot));
    set_counter(sliding, slot, counter_at(sliding, slot) - cost);
    sliding->sum -= cost;
    return cost > 0;
}

static void sliding_take_back(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t units)
{
    (void)rate;
    (void)t;
    struct limit_sliding_state *sliding = &state->sliding;
    uint64_t rest = limit_min(units, sliding->sum);
    sliding->sum -= rest;
    for (uint64_t age = 0; age < sliding->slots && rest > 0; age++) {
        uint64_t slot = sliding->index + sliding->slots - age;
        uint64_t taken = limit_min(rest, counter_at(sliding, slot));
        set_counter(sliding, slot, counter_at(sliding, slot) - taken);
        rest -= taken;
    }
}

static uint64_t sliding_remaining(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)t;
    return state->sliding.sum < rate->amount ? rate->amount - state->sliding.sum : 0;
}

static uint64_t sliding_reset(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    const struct limit_sliding_state *sliding = &state->sliding;
    if (sliding->sum == 0)
        return t;
    for (uint64_t age = 0; age < sliding->slots; age++)
        if (counter_at(sliding, sliding->index + sliding->slots - age) > 0)
            return (sliding->index + sliding->slots - age) * slot_ms(sliding, rate);
    return t;
}

// Walks from the oldest sub-window on, until those that will have left the ring make enough room.
static uint64_t sliding_retry(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    const struct limit_sliding_state *sliding = &state->sliding;
    uint64_t rest = sliding->sum;
    if (cost > rate->amount)
        return t;
    for (uint64_t slot = sliding->index + 1; slot <= sliding->index + sliding->slots; slot++) {
        rest -= counter_at(sliding, slot); // slot - slots has this place in the ring
        if (rest <= rate->amount - cost)
            return slot * slot_ms(sliding, rate);
    }
    return t;
}

// The sum may exceed the amount: that may have been lowered since the reservation was written, and be raised again.
static bool sliding_forfeit(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t reserved)
{
    if (!sliding_reserve_more(state, reserved))
        return false;
    sliding_spend(state, rate, t, reserved);
    return true;
}

// The units are dated anew, the youngest first, so that they are forgotten a whole window from now.
static bool sliding_raise(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t used)
{
    (void)rate;
    (void)t;
    struct limit_sliding_state *sliding = &state->sliding;
    if (!sliding_reserve(state, limit_max(sliding->sum, used)))
        return false;
    uint64_t rest = used - limit_min(used, counter_at(sliding, sliding->index));
    for (uint64_t age = 1; age < sliding->slots && rest > 0; age++) {
        uint64_t slot = sliding->index + sliding->slots - age;
        uint64_t moved = limit_min(rest, counter_at(sliding, slot));
        set_counter(sliding, slot, counter_at(sliding, slot) - moved);
        set_counter(sliding, sliding->index, counter_at(sliding, sliding->index) + moved);
        rest -= moved;
    }
    add_to_counter(sliding, sliding->index, rest);
    return true;
}

static uint64_t sliding_used(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)rate;
    (void)t;
    return state->sliding.sum;
}

const struct limit_algorithm_functions limit_sliding_window = {
    .load = sliding_load,
    .save = sliding_save,
    .wipe = sliding_wipe,
    .reserve = sliding_reserve,
    .reserve_more = sliding_reserve_more,
    .sync = sliding_sync,
    .fits = sliding_fits,
    .spend = sliding_spend,
    .refund = sliding_refund,
    .take_back = sliding_take_back,
    .is_current = sliding_is_current,
    .remaining = sliding_remaining,
    .raise = sliding_raise,
    .used = sliding_used,
    .reset = sliding_reset,
    .retry = sliding_retry,
    .forfeit = sliding_forfeit,
    .name = "sliding_window",
};
