// The lower bound: was there a reason for each refusal?
#include "support/limit_proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t MS_US = 1000, SLEW_US = 100000;
static const int64_t SUB_WINDOWS = 60; // a sliding window refuses early by at most one of these (docs/limits.md)
enum { SHOWN_MAX = 5 };

// The first of the charges, by `after`, that ended at `from_us` or later.
static size_t first_ended(const struct proof_charges *charges, int64_t from_us)
{
    size_t low = 0, high = charges->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (charges->at[middle].after_us < from_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// What may have been charged in [from_us, to_us], but for units that another window than `window` has taken.
static int64_t charged_between(const struct proof_meter *meter, int64_t from_us, int64_t to_us, int64_t window)
{
    int64_t sum = 0;

    for (size_t i = first_ended(&meter->possible, from_us); i < meter->possible.count; i++) {
        const struct proof_charge *charge = &meter->possible.at[i];
        bool elsewhere = window != -1 && charge->window != -1 && charge->window != window;
        sum += charge->before_us <= to_us && !elsewhere ? charge->cost : 0;
    }
    return sum;
}

static int64_t window_refused_in(const struct proof_meter *meter, const struct limit_call_entry *entry)
{
    for (int i = 0; i < entry->reset_count; i++)
        if (strcmp(entry->resets[i].meter, meter->match) == 0)
            return (entry->resets[i].reset_at_ms * MS_US + meter->window_us / 2) / meter->window_us - 1;
    return -1;
}

static bool may_be_full_fixed(const struct proof *proof, const struct proof_meter *meter,
                              const struct limit_call_entry *entry, int64_t cost)
{
    int64_t window = window_refused_in(meter, entry);
    int64_t begin_us = window * meter->window_us - proof->offset_us - SLEW_US;

    return charged_between(meter, begin_us, entry->after_us, window) + cost > meter->amount;
}

static bool may_be_full_sliding(const struct proof_meter *meter, const struct limit_call_entry *entry, int64_t cost)
{
    int64_t sub_window_us = ((meter->window_us / MS_US + SUB_WINDOWS - 1) / SUB_WINDOWS) * MS_US;
    int64_t from_us = entry->before_us - SUB_WINDOWS * sub_window_us - sub_window_us - MS_US;

    return charged_between(meter, from_us, entry->after_us, -1) + cost > meter->amount;
}

// The debt before the call, then what may have been charged while it ran. It was decided somewhere in it, so the debt
// then may have been larger by what flows back during the call.
static bool may_be_full_bucket(const struct proof_meter *meter, const struct limit_call_entry *entry, int64_t cost)
{
    size_t i = first_ended(&meter->possible, entry->after_us);
    int64_t full = meter->burst * meter->window_us;
    int64_t debt =
        i > 0 ? meter->debts[i - 1] - (entry->before_us - meter->possible.at[i - 1].after_us) * meter->amount : 0;

    debt = debt > 0 ? debt : 0;
    for (; i < meter->possible.count; i++)
        if (meter->possible.at[i].before_us <= entry->after_us)
            debt += meter->possible.at[i].cost * meter->window_us;
    return debt + MS_US * meter->amount + cost * meter->window_us > full;
}

static bool may_be_full(const struct proof *proof, const struct proof_meter *meter,
                        const struct limit_call_entry *entry, int64_t cost)
{
    switch (meter->algorithm) {
    case PROOF_FIXED:
        return may_be_full_fixed(proof, meter, entry, cost);
    case PROOF_SLIDING:
        return may_be_full_sliding(meter, entry, cost);
    case PROOF_BUCKET:
        return may_be_full_bucket(meter, entry, cost);
    }
    return false;
}

// By one of its limits at least.
static bool is_justified(const struct proof *proof, const struct limit_call_entry *entry)
{
    for (size_t i = 0; i < proof->meter_count; i++) {
        const struct proof_meter *meter = &proof->meters[i];
        int64_t cost = meter->cost_of[entry->call];
        if (cost > 0 && may_be_full(proof, meter, entry, cost))
            return true;
    }
    return false;
}

size_t proof_find_unjustified_refusals(struct proof *proof)
{
    size_t found = 0;

    for (size_t i = 0; i < proof->ledger.count; i++) {
        const struct limit_call_entry *entry = &proof->ledger.entries[i];
        if (entry->verdict != 'D')
            continue;
        proof->refusals++;
        if (is_justified(proof, entry))
            continue;
        if (found++ < SHOWN_MAX)
            fprintf(stderr, "call %d: REFUSED WITHOUT A REASON between %" PRId64 " and %" PRId64 " us\n", entry->call,
                    entry->before_us, entry->after_us);
    }
    return found;
}
