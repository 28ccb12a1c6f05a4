// A log of the charges that can be repeated or settled: the newest of each shard, by the id that their caller gave
// them.
//
// Threads: the holder of the shard's lock.
#ifndef LIMIT_CHARGE_LOG_H
#define LIMIT_CHARGE_LOG_H

#include "limit/limit.h"

struct limit_shard;

// One applicable limit: what it was charged, and how it stood then.
struct limit_logged_part {
    uint64_t name; // hash of the meter's name
    uint64_t cost;
    uint64_t limit; // 0: unlimited
    uint64_t remaining;
    uint64_t reset_at_ms;
};

struct limit_logged_charge {
    struct limit_logged_charge *next; // of its bucket
    uint64_t hash;                    // of id and owner
    uint64_t owner;                   // hash of the owner alone
    uint64_t charges;                 // hash of the resources and costs
    uint64_t key;                     // hash of the key whose own limits were charged; 0: there were none
    uint64_t settled;                 // the same of those that it was settled to
    uint64_t debt;                    // the number of what was taken beyond what the disk had set aside; 0: nothing
    uint64_t t_ms;
    uint8_t id[LIMIT_CHARGE_ID_SIZE];
    bool given_back;      // or settled to nothing
    bool is_settled;      // not by a refund
    enum limit_mode mode; // by which it was made: CONSUME, OVERDRAW or REFUND_AMOUNT
    bool is_lasting;
    uint8_t applicable_count;
    struct limit_logged_part applicables[];
};

struct limit_ring {
    struct limit_logged_charge **places;
    size_t next; // to be overwritten
};

// One ring for each kind, over one hash table; each is allocated when the first charge has to be kept.
struct limit_charge_log {
    struct limit_ring rings[2]; // by is_lasting
    struct limit_logged_charge **buckets;
};

// Returns the hash of the charge that the call names, by its id and owner. The next two take it as `hash`.
uint64_t limit_charge_log_hash(const struct limit_table *table, const struct limit_call *call);
// Returns the charge that the call names, or NULL.
struct limit_logged_charge *limit_charge_log_find(const struct limit_shard *shard, const struct limit_call *call,
                                                  uint64_t hash);
// Returns the hash of the call's resources and costs, in whatever order.
uint64_t limit_charge_log_hash_charges(const struct limit_table *table, const struct limit_call *call);
// Does the call name the key whose own limits were charged, if there were any?
bool limit_charge_log_is_of_key(const struct limit_table *table, const struct limit_logged_charge *logged,
                                const struct limit_call *call);
// Are the call's charges the same, in whatever order?
bool limit_charge_log_is_same(const struct limit_table *table, const struct limit_logged_charge *logged,
                              const struct limit_call *call);
// Allocates the entry for a charge that the call names and is about to make; NULL when memory is out. It belongs to the
// caller until limit_charge_log_append, which cannot fail, takes it.
struct limit_logged_charge *limit_charge_log_prepare(const struct limit_table *table, struct limit_shard *shard,
                                                     const struct limit_call *call, uint64_t hash);
void limit_charge_log_fill(const struct limit_table *table, struct limit_logged_charge *logged,
                           const struct limit_call *call, const struct limit_answer *answer);
// Gives the entry to the shard, which may free its oldest one.
void limit_charge_log_append(struct limit_shard *shard, struct limit_logged_charge *logged);
// Returns what `applicable` was charged, or NULL. `matched` has a bit for each part that it has returned before; 0 at
// first.
const struct limit_logged_part *limit_charge_log_part(const struct limit_table *table,
                                                      const struct limit_logged_charge *logged,
                                                      const struct limit_applicable *applicable, uint32_t *matched);
// Forgets all charges of an owner.
void limit_charge_log_forget(const struct limit_table *table, struct limit_shard *shard, struct slice owner);
void limit_charge_log_wipe(struct limit_charge_log *charges);

#endif
