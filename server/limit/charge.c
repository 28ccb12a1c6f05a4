// What was charged under an id, so that a call that is repeated is answered again and a charge can be given back.
//
// The problem: a caller who got no answer asks again, and must be charged once; a caller whose work failed wants back
// what it took, once. So each shard logs the newest charges that came with an id: what each of the call's limits was
// charged, and how it stood then. There are two rings, for charges that live shortly (a Verify that may be resent) and
// for those that last (work that may be given back late), so that many of the former do not displace the latter; both
// share one hash table. The log is in memory only: what is lost with it can be charged twice or is not given back,
// which never admits more than a limit.
#include "limit/charge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "limit/table.h"

enum { KEPT = LIMIT_CHARGES_KEPT / LIMIT_SHARD_COUNT };
_Static_assert((KEPT & (KEPT - 1)) == 0, "a power of two");
_Static_assert(LIMIT_TERMS_MAX <= 32, "a bit for each term");

// --- what a call charges

size_t limit_find_undeclared(const struct limit_call *call)
{
    for (size_t i = 0; i < call->charge_count; i++) {
        size_t term = 0;
        while (term < call->term_count && !slice_equal(call->charges[i].resource, call->terms[term].limit.resource))
            term++;
        if (term == call->term_count)
            return i;
    }
    return call->charge_count;
}

uint64_t limit_cost_of(const struct limit_call *call, struct slice resource)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < call->charge_count; i++)
        if (slice_equal(call->charges[i].resource, resource))
            cost = limit_add(cost, limit_max(1, call->charges[i].cost));
    return cost;
}

// --- hashes

static uint64_t hash_of_two(const struct limit_table *table, uint64_t a, uint64_t b)
{
    uint64_t both[] = {a, b};
    return limit_table_hash(table, slice_make((const uint8_t *)both, sizeof both));
}

static uint64_t hash_of_id(const struct limit_table *table, const struct limit_call *call)
{
    assert(call->charge_id.size == LIMIT_CHARGE_ID_SIZE);
    return hash_of_two(table, limit_table_hash(table, call->charge_id), limit_table_hash(table, call->owner));
}

static uint64_t hash_of_name(const struct limit_table *table, const struct limit_term *term)
{
    struct limit_name name;
    limit_name_of(term, &name);
    return limit_table_hash(table, slice_make(name.bytes, name.size));
}

static bool comes_again(const struct limit_call *call, size_t n)
{
    for (size_t i = n + 1; i < call->charge_count; i++)
        if (slice_equal(call->charges[i].resource, call->charges[n].resource))
            return true;
    return false;
}

// A sum over the resources, so that their order does not matter.
static uint64_t hash_of_charges(const struct limit_table *table, const struct limit_call *call)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < call->charge_count; i++) {
        struct slice resource = call->charges[i].resource;
        if (!comes_again(call, i))
            hash += hash_of_two(table, limit_table_hash(table, resource), limit_cost_of(call, resource));
    }
    return hash;
}

// --- the ring

static bool open_charges(struct limit_charges *charges, bool is_lasting)
{
    struct limit_ring *ring = &charges->rings[is_lasting];
    if (ring->places == NULL)
        ring->places = calloc(KEPT, sizeof(struct limit_kept *));
    if (charges->buckets == NULL)
        charges->buckets = calloc(KEPT, sizeof(struct limit_kept *));
    return ring->places != NULL && charges->buckets != NULL;
}

static void drop(struct limit_charges *charges, struct limit_kept *kept)
{
    struct limit_kept **at = &charges->buckets[kept->hash & (KEPT - 1)];
    while (*at != kept)
        at = &(*at)->next;
    *at = kept->next;
    free(kept);
}

struct limit_kept *limit_charge_find(const struct limit_table *table, const struct limit_shard *shard,
                                     const struct limit_call *call)
{
    if (shard->charges.buckets == NULL)
        return NULL;
    uint64_t hash = hash_of_id(table, call);
    struct limit_kept *kept = shard->charges.buckets[hash & (KEPT - 1)];
    while (kept != NULL && !(kept->hash == hash && memcmp(kept->id, call->charge_id.data, sizeof kept->id) == 0))
        kept = kept->next;
    return kept;
}

void limit_charge_keep(struct limit_shard *shard, struct limit_kept *kept)
{
    struct limit_charges *charges = &shard->charges;
    struct limit_ring *ring = &charges->rings[kept->is_lasting];
    struct limit_kept **place = &ring->places[ring->next];
    struct limit_kept **bucket = &charges->buckets[kept->hash & (KEPT - 1)];
    if (*place != NULL)
        drop(charges, *place);
    *place = kept;
    kept->next = *bucket;
    *bucket = kept;
    ring->next = (ring->next + 1) % KEPT;
}

static void wipe_ring(struct limit_ring *ring)
{
    for (size_t i = 0; ring->places != NULL && i < KEPT; i++)
        free(ring->places[i]);
    free(ring->places);
}

void limit_charges_wipe(struct limit_charges *charges)
{
    wipe_ring(&charges->rings[false]);
    wipe_ring(&charges->rings[true]);
    free(charges->buckets);
    *charges = (struct limit_charges){0};
}

// --- one charge

bool limit_charge_is_same(const struct limit_table *table, const struct limit_kept *kept, const struct limit_call *call)
{
    return kept->charges == hash_of_charges(table, call);
}

static size_t count_charged(const struct limit_call *call)
{
    size_t count = 0;
    for (size_t i = 0; i < call->term_count && i < LIMIT_TERMS_MAX; i++)
        count += limit_cost_of(call, call->terms[i].limit.resource) > 0;
    return count;
}

struct limit_kept *limit_charge_new(const struct limit_table *table, struct limit_shard *shard,
                                    const struct limit_call *call)
{
    size_t count = count_charged(call);
    struct limit_kept *kept = calloc(1, sizeof *kept + count * sizeof kept->terms[0]);
    if (kept == NULL || !open_charges(&shard->charges, call->is_lasting)) {
        free(kept);
        return NULL;
    }
    kept->hash = hash_of_id(table, call);
    kept->charges = hash_of_charges(table, call);
    memcpy(kept->id, call->charge_id.data, sizeof kept->id);
    kept->is_lasting = call->is_lasting;
    return kept;
}

void limit_charge_note(const struct limit_table *table, struct limit_kept *kept, const struct limit_call *call,
                       const struct limit_answer *answer)
{
    kept->t_ms = answer->now_ms;
    kept->term_count = (uint8_t)answer->view_count;
    for (size_t i = 0; i < answer->view_count; i++) {
        const struct limit_view *view = &answer->views[i];
        kept->terms[i] = (struct limit_kept_term){
            .name = hash_of_name(table, view->term),
            .cost = limit_cost_of(call, view->term->limit.resource),
            .limit = view->limit,
            .remaining = view->remaining,
            .reset_at_ms = view->reset_at_ms,
        };
    }
}

const struct limit_kept_term *limit_charge_term(const struct limit_table *table, const struct limit_kept *kept,
                                                const struct limit_term *term, uint32_t *matched)
{
    uint64_t name = hash_of_name(table, term);
    for (size_t i = 0; i < kept->term_count; i++) {
        if (kept->terms[i].name == name && (*matched & UINT32_C(1) << i) == 0) {
            *matched |= UINT32_C(1) << i;
            return &kept->terms[i];
        }
    }
    return NULL;
}
