// A meter's state is read back from its record.
//
// The problem: the record says what was used when it was written, and what was set aside to be spent after that. After
// a crash nobody knows how much of it was. So all of it counts as spent, at the time at which it is read, and under the
// limit that it was set aside under: what a unit of a bucket is depends on that, and so the end of a window on its time
// zone. So a meter comes back in the zone of its record; the next decision moves it to another one (fixed_window.c).
#include "limit/table.h"

// Returns the rate that a record was written under; today's rate for a record of an older version.
static struct limit_rate rate_then(const struct limit_rate *today, const struct limit_record *record)
{
    struct limit_rate rate = *today;
    if (record->algorithm == LIMIT_TOKEN_BUCKET && record->amount > 0) {
        rate.amount = record->amount;
        rate.burst = record->burst;
    }
    return rate;
}

bool limit_recover(union limit_state *state, enum limit_algorithm algorithm, const struct limit_rate *rate, uint64_t t,
                   const struct limit_record *record)
{
    const struct limit_algorithm_functions *functions = limit_algorithm_of(algorithm);
    if (record == NULL)
        return functions->load(state, rate, t, NULL);
    struct limit_rate then = rate_then(rate, record);
    if (!functions->load(state, &then, t, record) || !functions->forfeit(state, &then, t, record->reserved))
        return false;
    functions->sync(state, rate, t);
    return true;
}

// --- records of meters that are not in memory

// False when the name is not one of limit_name_of.
static bool read_rate(struct slice name, const struct limit_record *record, struct limit_rate *out)
{
    enum { AFTER_ID = 6 }; // algorithm, period and window
    size_t at = name.size > 1 ? (size_t)name.data[1] + 2 : 0;
    if (at == 0 || name.size < at + AFTER_ID || name.data[at] != (uint8_t)record->algorithm)
        return false;
    unsigned period = name.data[at + 1] & ~(unsigned)LIMIT_NAME_SHADOW;
    if (period > LIMIT_TOTAL)
        return false;
    uint32_t window_s = 0;
    for (size_t i = 0; i < 4; i++)
        window_s = window_s << 8 | name.data[at + 2 + i];
    *out = (struct limit_rate){.amount = record->amount,
                               .burst = record->burst,
                               .window_ms = (uint64_t)window_s * 1000,
                               .period = (enum limit_period)period,
                               .zone = limit_record_zone(record, (enum limit_period)period)};
    return window_s <= LIMIT_WINDOW_S_MAX && (window_s > 0) == limit_period_has_length(out->period);
}

bool limit_used_by_record(struct slice name, const struct limit_record *record, uint64_t t, uint64_t now_ms,
                          uint64_t *used)
{
    struct limit_rate rate;
    union limit_state state = {0};
    if (!read_rate(name, record, &rate))
        return false;
    const struct limit_algorithm_functions *functions = limit_algorithm_of(record->algorithm);
    bool recovered = limit_recover(&state, record->algorithm, &rate, t, record);
    if (recovered) {
        functions->sync(&state, &rate, now_ms);
        *used = functions->used(&state, &rate, now_ms);
    }
    if (functions->wipe != NULL)
        functions->wipe(&state);
    return recovered;
}

bool limit_record_at_rest(struct slice name, const struct limit_record *record, uint64_t start_ms, uint64_t now_ms)
{
    uint64_t used = 0, t = record->reserved > 0 ? limit_max(record->t_ms, start_ms) : record->t_ms;
    return t <= now_ms && limit_used_by_record(name, record, t, now_ms, &used) && used == 0;
}

bool limit_record_is_cheap(struct slice name, const struct limit_record *record, uint64_t start_ms, uint64_t now_ms,
                           unsigned shift)
{
    uint64_t used = 0, t = record->reserved > 0 ? limit_max(record->t_ms, start_ms) : record->t_ms;
    if (record->maker == 0 || record->magnitude == 0 || record->magnitude > LIMIT_MAGNITUDE_MAX || t > now_ms)
        return false;
    uint64_t bound = (UINT64_C(1) << (record->magnitude - 1)) >> shift;
    return bound > 0 && limit_used_by_record(name, record, t, now_ms, &used) && used <= bound;
}
