// Remembers what was charged under an id, so that a repeated call gets its first answer and a charge can be settled.
//
// The problem: a caller who got no answer asks again, and must be charged once; a caller whose work failed wants back
// what it took, or says what it cost in the end, once. So each shard logs the newest charges that came with an id: what
// each of the call's limits was charged, and how it stood then. There are two rings, for charges that live shortly (a
// Verify that may be resent) and for those that last (work that may be given back late), so that many of the former do
// not displace the latter; both share one hash table. The log is in memory only: a charge that is lost with it may be
// charged twice or not given back, but more than a limit is never admitted.
#include "limit/charge_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "limit/attempt.h"

enum { LOGGED_PER_SHARD = LIMIT_CHARGES_LOGGED / LIMIT_SHARD_COUNT };
_Static_assert((LOGGED_PER_SHARD & (LOGGED_PER_SHARD - 1)) == 0, "a power of two");
_Static_assert(LIMIT_APPLICABLE_MAX <= 32, "a bit for each applicable");

// --- hashes

static uint64_t hash_of_two(const struct limit_table *table, uint64_t a, uint64_t b)
{
    uint64_t both[] = {a, b};
    return limit_table_hash(table, slice_make((const uint8_t *)both, sizeof both));
}

uint64_t limit_charge_log_hash(const struct limit_table *table, const struct limit_call *call)
{
    assert(call->charge_id.size == LIMIT_CHARGE_ID_SIZE);
    return hash_of_two(table, limit_table_hash(table, call->charge_id), limit_table_hash(table, call->owner));
}

static uint64_t hash_of_name(const struct limit_table *table, const struct limit_applicable *applicable)
{
    struct limit_name name;
    limit_name_of(applicable, &name);
    return limit_table_hash(table, limit_name_slice(&name));
}

static bool comes_again(const struct limit_call *call, size_t n)
{
    for (size_t i = n + 1; i < call->charge_count; i++)
        if (slice_equal(call->charges[i].resource, call->charges[n].resource))
            return true;
    return false;
}

// Only a settled cost can be 0.
static uint64_t cost_of(const struct limit_call *call, struct slice resource)
{
    uint64_t cost = 0;
    bool is_exact = call->mode == LIMIT_SETTLE && limit_names_cost(call, resource, &cost);
    return is_exact ? cost : limit_cost_of(call, resource);
}

// Sums over the resources, so that their order does not matter.
uint64_t limit_charge_log_hash_charges(const struct limit_table *table, const struct limit_call *call)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < call->charge_count; i++) {
        struct slice resource = call->charges[i].resource;
        if (!comes_again(call, i))
            hash += hash_of_two(table, limit_table_hash(table, resource), cost_of(call, resource));
    }
    return hash;
}

// --- the ring

static bool open_charges(struct limit_charge_log *charges, bool is_lasting)
{
    struct limit_ring *ring = &charges->rings[is_lasting];
    if (ring->places == NULL)
        ring->places = calloc(LOGGED_PER_SHARD, sizeof(struct limit_logged_charge *));
    if (charges->buckets == NULL)
        charges->buckets = calloc(LOGGED_PER_SHARD, sizeof(struct limit_logged_charge *));
    return ring->places != NULL && charges->buckets != NULL;
}

static void drop(struct limit_charge_log *charges, struct limit_logged_charge *logged)
{
    struct limit_logged_charge **at = &charges->buckets[logged->hash & (LOGGED_PER_SHARD - 1)];
    while (*at != logged)
        at = &(*at)->next;
    *at = logged->next;
    free(logged);
}

struct limit_logged_charge *limit_charge_log_find(const struct limit_shard *shard, const struct limit_call *call,
                                                  uint64_t hash)
{
    if (shard->charges.buckets == NULL)
        return NULL;
    struct limit_logged_charge *logged = shard->charges.buckets[hash & (LOGGED_PER_SHARD - 1)];
    while (logged != NULL &&
           !(logged->hash == hash && memcmp(logged->id, call->charge_id.data, sizeof logged->id) == 0))
        logged = logged->next;
    return logged;
}

void limit_charge_log_append(struct limit_shard *shard, struct limit_logged_charge *logged)
{
    struct limit_charge_log *charges = &shard->charges;
    struct limit_ring *ring = &charges->rings[logged->is_lasting];
    struct limit_logged_charge **place = &ring->places[ring->next];
    struct limit_logged_charge **bucket = &charges->buckets[logged->hash & (LOGGED_PER_SHARD - 1)];
    if (*place != NULL)
        drop(charges, *place);
    *place = logged;
    logged->next = *bucket;
    *bucket = logged;
    ring->next = (ring->next + 1) % LOGGED_PER_SHARD;
}

static void forget_in_ring(struct limit_charge_log *charges, struct limit_ring *ring, uint64_t owner)
{
    for (size_t i = 0; ring->places != NULL && i < LOGGED_PER_SHARD; i++) {
        if (ring->places[i] == NULL || ring->places[i]->owner != owner)
            continue;
        drop(charges, ring->places[i]);
        ring->places[i] = NULL;
    }
}

void limit_charge_log_forget(const struct limit_table *table, struct limit_shard *shard, struct slice owner)
{
    uint64_t hash = limit_table_hash(table, owner);
    forget_in_ring(&shard->charges, &shard->charges.rings[false], hash);
    forget_in_ring(&shard->charges, &shard->charges.rings[true], hash);
}

static void wipe_ring(struct limit_ring *ring)
{
    for (size_t i = 0; ring->places != NULL && i < LOGGED_PER_SHARD; i++)
        free(ring->places[i]);
    free(ring->places);
}

void limit_charge_log_wipe(struct limit_charge_log *charges)
{
    wipe_ring(&charges->rings[false]);
    wipe_ring(&charges->rings[true]);
    free(charges->buckets);
    *charges = (struct limit_charge_log){0};
}

// --- one charge

bool limit_charge_log_is_same(const struct limit_table *table, const struct limit_logged_charge *logged,
                              const struct limit_call *call)
{
    return logged->charges == limit_charge_log_hash_charges(table, call);
}

// Never 0.
static uint64_t hash_of_key(const struct limit_table *table, struct slice lineage)
{
    return limit_table_hash(table, lineage) | 1;
}

bool limit_charge_log_is_of_key(const struct limit_table *table, const struct limit_logged_charge *logged,
                                const struct limit_call *call)
{
    return logged->key == 0 || (call->key.size > 0 && logged->key == hash_of_key(table, call->key));
}

static bool charges_key(const struct limit_call *call)
{
    for (size_t i = 0; i < call->applicable_count && i < LIMIT_APPLICABLE_MAX; i++)
        if (call->applicables[i].subject == LIMIT_OF_KEY &&
            limit_cost_of(call, call->applicables[i].limit.resource) > 0)
            return true;
    return false;
}

static size_t count_charged(const struct limit_call *call)
{
    size_t count = 0;
    for (size_t i = 0; i < call->applicable_count && i < LIMIT_APPLICABLE_MAX; i++)
        count += limit_cost_of(call, call->applicables[i].limit.resource) > 0;
    return count;
}

struct limit_logged_charge *limit_charge_log_prepare(const struct limit_table *table, struct limit_shard *shard,
                                                     const struct limit_call *call, uint64_t hash)
{
    size_t count = count_charged(call);
    struct limit_logged_charge *logged = calloc(1, sizeof *logged + count * sizeof logged->applicables[0]);
    if (logged == NULL || !open_charges(&shard->charges, call->is_lasting)) {
        free(logged);
        return NULL;
    }
    logged->hash = hash;
    logged->owner = limit_table_hash(table, call->owner);
    logged->charges = limit_charge_log_hash_charges(table, call);
    memcpy(logged->id, call->charge_id.data, sizeof logged->id);
    logged->is_lasting = call->is_lasting;
    logged->mode = call->mode;
    logged->key = charges_key(call) ? hash_of_key(table, call->key) : 0;
    return logged;
}

void limit_charge_log_fill(const struct limit_table *table, struct limit_logged_charge *logged,
                           const struct limit_call *call, const struct limit_answer *answer)
{
    logged->t_ms = answer->now_ms;
    logged->applicable_count = (uint8_t)answer->standing_count;
    for (size_t i = 0; i < answer->standing_count; i++) {
        const struct limit_standing *standing = &answer->standings[i];
        logged->applicables[i] = (struct limit_logged_part){
            .name = hash_of_name(table, standing->applicable),
            .cost = standing->would_refuse ? 0 : limit_cost_of(call, standing->applicable->limit.resource),
            .limit = standing->limit,
            .remaining = standing->remaining,
            .reset_at_ms = standing->reset_at_ms,
        };
    }
}

const struct limit_logged_part *limit_charge_log_part(const struct limit_table *table,
                                                      const struct limit_logged_charge *logged,
                                                      const struct limit_applicable *applicable, uint32_t *matched)
{
    uint64_t name = hash_of_name(table, applicable);
    for (size_t i = 0; i < logged->applicable_count; i++) {
        if (logged->applicables[i].name == name && (*matched & UINT32_C(1) << i) == 0) {
            *matched |= UINT32_C(1) << i;
            return &logged->applicables[i];
        }
    }
    return NULL;
}
