// Sums of counts by reason and costs by resource, in fixed space; and numbers for the names of resources.
//
// Threads: names may be looked up from any thread; sums belong to their holder.
#ifndef USAGE_SUMS_H
#define USAGE_SUMS_H

#include <pthread.h>
#include <stdatomic.h>

#include "usage/usage.h"

// --- names of resources. Limits declare them, so there are few; a run of the daemon never forgets one. Where there are
// no limits a caller chooses them, so each account has a share: none can turn the names of all others into USAGE_OTHER.
enum {
    USAGE_RESOURCE_SLOTS = 2048,
    USAGE_RESOURCES_SHARE = 64,                      // names that one account is the first to use
    USAGE_RESOURCES_STORED = USAGE_RESOURCES_MAX / 2 // names that come from the disk alone
};
_Static_assert(USAGE_RESOURCE_SLOTS >= 2 * USAGE_RESOURCES_MAX, "a search ends soon at an empty slot");

struct usage_resource {
    uint64_t account_hash; // hash of the account that used it first; 0: it comes from the disk
    uint8_t size;
    char text[USAGE_RESOURCE_MAX];
};

struct usage_resources {
    pthread_mutex_t mutex; // of those who add a name
    size_t count;
    _Atomic uint16_t slots[USAGE_RESOURCE_SLOTS]; // number of the name that hashes there, 0 = none
    struct usage_resource names[USAGE_RESOURCES_MAX + 1];
};

void usage_resources_init(struct usage_resources *resources);
void usage_resources_wipe(struct usage_resources *resources);
// Returns the name's number, which it gives to a new name; 0, the number of USAGE_OTHER, when the table or the
// account's share is full or the name is not valid. `account` is empty for a name that comes from the disk.
uint16_t usage_resource_number(struct usage_resources *resources, struct slice account, struct slice name);
struct slice usage_resource_name(const struct usage_resources *resources, uint16_t number);

// --- sums
struct usage_sums {
    uint64_t counts[REASON_COUNT]; // by reason_index
    uint8_t cost_count;
    uint16_t resources[USAGE_COSTS];
    uint64_t costs[USAGE_COSTS];
    uint64_t other_cost;
    uint64_t would_refuse;
};

void usage_sums_add_cost(struct usage_sums *sums, uint16_t resource, uint64_t cost);
void usage_sums_add(struct usage_sums *sums, const struct usage_sums *more);
uint64_t usage_sums_calls(const struct usage_sums *sums);
uint64_t usage_sums_refusals(const struct usage_sums *sums);

void usage_sums_from_tally(const struct usage_tally *tally, struct usage_resources *resources, struct usage_sums *out);
// False when the arena is out.
bool usage_sums_to_tally(const struct usage_sums *sums, const struct usage_resources *resources, struct arena *arena,
                         struct usage_tally *out) __attribute__((warn_unused_result));

static inline uint64_t usage_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

#endif
