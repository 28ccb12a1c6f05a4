#include "support/limit_proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Of times that were rounded to milliseconds, and of a wall clock that time synchronisation slews meanwhile.
static const int64_t MS_US = 1000, SLEW_US = 100000;

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// -------------------------------------------------------------------------------------------------- daemon time

// Each answer says that the daemon's clock showed server_ms at some moment of the call.
static bool find_offset(struct proof *proof)
{
    int64_t at_least = INT64_MIN, at_most = INT64_MAX;

    for (size_t i = 0; i < proof->ledger.count; i++) {
        const struct limit_call_entry *entry = &proof->ledger.entries[i];
        if (entry->verdict == 'U')
            continue;
        at_least = larger(at_least, entry->server_ms * MS_US - entry->after_us);
        at_most = smaller(at_most, (entry->server_ms + 1) * MS_US - entry->before_us);
    }
    proof->offset_us = at_least;
    if (at_least <= at_most)
        return true;
    fprintf(stderr,
            "the daemon's clock went back or jumped by %" PRId64 " us against CLOCK_BOOTTIME (was the machine's clock "
            "set during the test?)\n",
            at_least - at_most);
    return false;
}

// The number of the fixed window that ends at reset_at; -1 when that is far from where a window ends. The daemon reads
// two clocks to say it, and may be held up between them.
static int64_t window_of(const struct proof_meter *meter, int64_t reset_at_ms)
{
    int64_t end_us = reset_at_ms * MS_US;
    int64_t number = (end_us + meter->window_us / 2) / meter->window_us;
    return llabs(end_us - number * meter->window_us) <= meter->window_us / 4 ? number - 1 : -1;
}

static int64_t window_said(const struct proof_meter *meter, const struct limit_call_entry *entry)
{
    for (int i = 0; i < entry->reset_count; i++)
        if (strcmp(entry->resets[i].meter, meter->match) == 0)
            return window_of(meter, entry->resets[i].reset_at_ms);
    return -1;
}

// Can the daemon have decided inside this window?
static bool is_window_of_call(const struct proof *proof, const struct proof_meter *meter,
                              const struct proof_charge *charge)
{
    int64_t begin_us = charge->window * meter->window_us - proof->offset_us;
    return charge->after_us + SLEW_US >= begin_us && charge->before_us - SLEW_US < begin_us + meter->window_us;
}

// ------------------------------------------------------------------------------------------------------ charges

static bool add_charge(struct proof_charges *charges, struct proof_charge charge)
{
    if ((charges->count & (charges->count - 1)) == 0) {
        size_t room = charges->count == 0 ? 1 : charges->count * 2;
        struct proof_charge *more = realloc(charges->at, room * sizeof(*more));

        if (more == NULL)
            return false;
        charges->at = more;
    }
    charges->at[charges->count++] = charge;
    return true;
}

static int by_before(const void *a, const void *b)
{
    int64_t one = ((const struct proof_charge *)a)->before_us, other = ((const struct proof_charge *)b)->before_us;
    return (one > other) - (one < other);
}

static int by_after(const void *a, const void *b)
{
    int64_t one = ((const struct proof_charge *)a)->after_us, other = ((const struct proof_charge *)b)->after_us;
    return (one > other) - (one < other);
}

static bool met_kill(const struct proof *proof, const struct limit_call_entry *entry)
{
    for (size_t i = 0; i < proof->kill_count; i++)
        if (entry->before_us <= proof->kills[i].end_us && entry->after_us >= proof->kills[i].begin_us)
            return true;
    return false;
}

// A busy daemon may read a call when its client has given up, and counts the call's patience from there. It has read it
// when it answers a later one of that client, or it is dead.
static int64_t charged_until(const struct proof *proof, const struct limit_call_entry *entry)
{
    const struct limit_call_entry *end = proof->ledger.entries + proof->ledger.count, *next = entry + 1;
    int64_t until_us = INT64_MAX;

    while (next < end && next->client == entry->client && next->verdict == 'U')
        next++;
    if (next < end && next->client == entry->client)
        until_us = next->after_us + LIMIT_CALL_TIMEOUT_MS * MS_US;
    for (size_t i = 0; i < proof->kill_count; i++)
        if (proof->kills[i].begin_us >= entry->after_us)
            until_us = smaller(until_us, proof->kills[i].end_us);
    return until_us;
}

// One call: charged when it was admitted; and perhaps once more, before its daemon was killed or its answer was lost.
static bool add_call(const struct proof *proof, struct proof_meter *meter, const struct limit_call_entry *entry)
{
    struct proof_charge charge = {entry->before_us, entry->after_us, meter->cost_of[entry->call], -1};
    struct proof_charge unsaid = charge;
    bool good = true;

    if (entry->verdict == 'U')
        unsaid.after_us = charged_until(proof, entry);

    if (charge.cost == 0)
        return true;
    if (meter->algorithm == PROOF_FIXED && entry->verdict != 'U')
        charge.window = window_said(meter, entry);
    if (meter->algorithm == PROOF_FIXED && entry->verdict != 'U' && !is_window_of_call(proof, meter, &charge)) {
        fprintf(stderr, "%s: an answer between %" PRId64 " and %" PRId64 " us names window %" PRId64 "\n", meter->name,
                entry->before_us, entry->after_us, charge.window);
        return false;
    }
    meter->denied += entry->verdict == 'D';
    if (entry->verdict == 'A')
        good = add_charge(&meter->admitted, charge) && add_charge(&meter->possible, charge);
    if (entry->verdict == 'U' || met_kill(proof, entry))
        good = good && add_charge(&meter->possible, unsaid);
    return good;
}

// R' at most: a reservation, or what all clients waited for at once; never more than fits.
static int64_t largest_reservation(const struct proof *proof, const struct proof_meter *meter)
{
    int64_t cost = 0, fits = meter->algorithm == PROOF_BUCKET ? meter->burst : meter->amount;

    for (int i = 0; i < PROOF_CALLS_MAX; i++)
        cost = larger(cost, meter->cost_of[i]);
    return smaller(fits, larger(larger(1, meter->amount / 8), proof->clients * cost));
}

// When the next daemon has surely loaded the meter: at its first answer.
static int64_t first_answer_after(const struct proof *proof, const struct proof_meter *meter, int64_t dead_us)
{
    int64_t first_us = INT64_MAX;

    for (size_t i = 0; i < proof->ledger.count; i++) {
        const struct limit_call_entry *entry = &proof->ledger.entries[i];
        if (entry->verdict != 'U' && entry->before_us >= dead_us && meter->cost_of[entry->call] > 0)
            first_us = smaller(first_us, entry->after_us);
    }
    return first_us;
}

static bool add_crashes(const struct proof *proof, struct proof_meter *meter)
{
    bool good = true;

    for (size_t i = 0; i < proof->kill_count && good; i++) {
        struct proof_charge lost = {.before_us = proof->kills[i].begin_us, .window = -1};
        lost.after_us = first_answer_after(proof, meter, proof->kills[i].end_us);
        lost.cost = largest_reservation(proof, meter);
        good = add_charge(&meter->possible, lost);
    }
    return good;
}

// A bucket's debt, in units times window, after each possible charge made as late as it can have been. Making a charge
// later never makes a later debt smaller; and no debt is above a full one.
static bool add_up_debts(struct proof_meter *meter)
{
    int64_t debt = 0, last_us = 0;

    meter->debts = calloc(meter->possible.count + 1, sizeof(*meter->debts));
    for (size_t i = 0; i < meter->possible.count && meter->debts != NULL; i++) {
        const struct proof_charge *charge = &meter->possible.at[i];
        int64_t passed_us = smaller(charge->after_us - last_us, meter->burst * meter->window_us / meter->amount + 1);

        debt = larger(0, debt - passed_us * meter->amount) + charge->cost * meter->window_us;
        meter->debts[i] = debt = smaller(debt, meter->burst * meter->window_us);
        last_us = charge->after_us;
    }
    return meter->debts != NULL;
}

static bool prepare_meter(const struct proof *proof, struct proof_meter *meter)
{
    for (size_t i = 0; i < proof->ledger.count; i++)
        if (!add_call(proof, meter, &proof->ledger.entries[i]))
            return false;
    if (!add_crashes(proof, meter) || meter->admitted.count == 0) {
        fprintf(stderr, "%s: nobody was ever admitted\n", meter->name);
        return false;
    }
    qsort(meter->admitted.at, meter->admitted.count, sizeof(*meter->admitted.at), by_before);
    qsort(meter->possible.at, meter->possible.count, sizeof(*meter->possible.at), by_after);
    return meter->algorithm != PROOF_BUCKET || add_up_debts(meter);
}

bool proof_prepare(struct proof *proof)
{
    if (!find_offset(proof))
        return false;
    for (size_t i = 0; i < proof->meter_count; i++)
        if (!prepare_meter(proof, &proof->meters[i]))
            return false;
    return true;
}

void proof_wipe(struct proof *proof)
{
    for (size_t i = 0; i < proof->meter_count; i++) {
        free(proof->meters[i].admitted.at);
        free(proof->meters[i].possible.at);
        free(proof->meters[i].debts);
    }
    limit_ledger_wipe(&proof->ledger);
    free(proof->meters);
    free(proof->kills);
}

// -------------------------------------------------------------------------------------------------- upper bound

static size_t complain(const struct proof_meter *meter, int64_t units, int64_t allowed, int64_t from_us, int64_t to_us)
{
    fprintf(stderr,
            "%s: OVER-ADMITTED: %" PRId64 " units between %" PRId64 " and %" PRId64 " us (%" PRId64
            " ms), at most %" PRId64 " are allowed\n",
            meter->name, units, from_us, to_us, (to_us - from_us) / MS_US, allowed);
    return 1;
}

// Windows as the answers name them, and as their times alone do.
static size_t check_fixed(const struct proof *proof, struct proof_meter *meter)
{
    const struct proof_charges *admitted = &meter->admitted;
    int64_t first = INT64_MAX, last = 0;
    size_t found = 0;

    for (size_t i = 0; i < admitted->count; i++) {
        first = smaller(first, admitted->at[i].window);
        last = larger(last, admitted->at[i].window);
    }
    for (int64_t window = first; window <= last; window++) {
        int64_t begin_us = window * meter->window_us - proof->offset_us, end_us = begin_us + meter->window_us;
        int64_t named = 0, timed = 0;
        for (size_t i = 0; i < admitted->count; i++) {
            const struct proof_charge *charge = &admitted->at[i];
            named += charge->window == window ? charge->cost : 0;
            timed += charge->before_us >= begin_us + MS_US && charge->after_us < end_us - MS_US ? charge->cost : 0;
        }
        if (larger(named, timed) > meter->amount)
            found += complain(meter, larger(named, timed), meter->amount, begin_us, end_us);
        meter->windows += named > 0;
        meter->full_windows += named == meter->amount;
        meter->largest = larger(meter->largest, named);
    }
    return found;
}

// Every interval of the window's length that begins with a call.
static size_t check_sliding(struct proof_meter *meter)
{
    const struct proof_charges *admitted = &meter->admitted;
    size_t found = 0;
    int64_t counted_to_us = INT64_MIN;

    for (size_t i = 0; i < admitted->count; i++) {
        int64_t from_us = admitted->at[i].before_us, to_us = from_us + meter->window_us, units = 0;
        for (size_t j = i; j < admitted->count && admitted->at[j].before_us <= to_us; j++)
            units += admitted->at[j].after_us <= to_us ? admitted->at[j].cost : 0;
        if (units > meter->amount)
            found += complain(meter, units, meter->amount, from_us, to_us);
        meter->largest = larger(meter->largest, units);
        if (from_us < counted_to_us)
            continue;
        counted_to_us = to_us;
        meter->windows++;
        meter->full_windows += units == meter->amount;
    }
    return found;
}

// Every interval from the beginning of a call to the end of one: at most burst + rate * its length.
static size_t check_bucket(struct proof_meter *meter)
{
    const struct proof_charges *admitted = &meter->admitted;
    struct proof_charge *by_end = malloc(admitted->count * sizeof(*by_end));
    size_t found = 0;

    if (by_end == NULL)
        return complain(meter, 0, 0, 0, 0);
    memcpy(by_end, admitted->at, admitted->count * sizeof(*by_end));
    qsort(by_end, admitted->count, sizeof(*by_end), by_after);
    for (size_t i = 0; i < admitted->count; i++) {
        int64_t from_us = admitted->at[i].before_us, units = 0;
        for (size_t j = 0; j < admitted->count; j++) {
            if (by_end[j].before_us < from_us)
                continue;
            int64_t passed_us = by_end[j].after_us - from_us + MS_US;
            units += by_end[j].cost;
            int64_t allowed = meter->burst + passed_us * meter->amount / meter->window_us;
            if (units > allowed)
                found += complain(meter, units, allowed, from_us, by_end[j].after_us);
            meter->largest = larger(meter->largest, units - passed_us * meter->amount / meter->window_us);
        }
    }
    free(by_end);
    return found;
}

size_t proof_find_over_admissions(struct proof *proof)
{
    size_t found = 0;

    for (size_t i = 0; i < proof->meter_count; i++) {
        struct proof_meter *meter = &proof->meters[i];
        switch (meter->algorithm) {
        case PROOF_FIXED:
            found += check_fixed(proof, meter);
            break;
        case PROOF_SLIDING:
            found += check_sliding(meter);
            break;
        case PROOF_BUCKET:
            found += check_bucket(meter);
            break;
        }
    }
    return found;
}
