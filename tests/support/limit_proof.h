// Proofs about limits from what clients were told, without a line of the daemon's code.
//
// Of every admitted call only this is used: it was decided somewhere in [before, after]. Upper bound: more than the
// limit inside one window is proved when both ends of more than the limit's units are inside. Lower bound: a refusal is
// justified when everything that may have been charged by then leaves no room for its cost: admitted calls, calls
// without an answer, and for each crash what was set aside at most (docs/limits.md, "Reservation and writing": R').
// Times: CLOCK_BOOTTIME in microseconds. The daemon's time is that plus `offset_us`, which no crash may change.
#ifndef SUPPORT_LIMIT_PROOF_H
#define SUPPORT_LIMIT_PROOF_H

#include "support/limit_ledger.h"

enum { PROOF_CALLS_MAX = 32, PROOF_NAME_MAX = 31 };

enum proof_algorithm { PROOF_FIXED, PROOF_SLIDING, PROOF_BUCKET };

struct proof_kill {
    int64_t begin_us; // alive before
    int64_t end_us;   // dead after
};

// Units that were charged, or may have been.
struct proof_charge {
    int64_t before_us;
    int64_t after_us;
    int64_t cost;
    int64_t window; // PROOF_FIXED: its number, -1 when nobody said
};

struct proof_charges {
    struct proof_charge *at;
    size_t count;
};

struct proof_meter {
    // from the specification
    char name[PROOF_NAME_MAX + 1];
    char match[LIMIT_MATCH_MAX + 1]; // as in the ledger
    enum proof_algorithm algorithm;
    int64_t amount;
    int64_t burst;
    int64_t window_us;
    int64_t cost_of[PROOF_CALLS_MAX]; // 0: the call does not charge it
    // from the ledgers
    struct proof_charges admitted; // by `before`
    struct proof_charges possible; // by `after`; all that may have been charged, `admitted` included
    int64_t *debts;                // PROOF_BUCKET: at most, after each of `possible`
    size_t denied;
    // figures
    size_t windows;      // that somebody was admitted in
    size_t full_windows; // in which the limit was used up
    int64_t largest;     // units proved to be inside one window
};

struct proof {
    struct limit_ledger ledger; // of all clients
    struct proof_kill *kills;
    size_t kill_count;
    struct proof_meter *meters;
    size_t meter_count;
    int64_t clients;
    int64_t offset_us; // daemon time minus CLOCK_BOOTTIME
    size_t refusals;
};

// Fills everything below "from the ledgers". False (said on stderr) when memory is out or an answer makes no sense.
bool proof_prepare(struct proof *proof) __attribute__((warn_unused_result));
void proof_wipe(struct proof *proof);

// Each says on stderr what it found, and returns how often.
size_t proof_find_over_admissions(struct proof *proof);
size_t proof_find_unjustified_refusals(struct proof *proof);

#endif
