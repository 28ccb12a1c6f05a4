// Counts refusals by limits, by the account's tier and the resource. What callers name must not make the metrics grow:
// there are at most so many pairs, and what is beyond them is counted as one, without names.
#include "authorizer/internal.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * AUTHORIZER_REFUSALS_MAX, MASK = SLOTS - 1 };
_Static_assert((SLOTS & MASK) == 0, "a power of two");

struct refusal_entry {
    atomic_uint_fast64_t count;
    struct slice tier, resource;
    uint8_t bytes[];
};

static struct refusal_entry *find(struct refusals *refusals, struct slice tier, struct slice resource, size_t *slot)
{
    *slot = (slice_hash(tier, SLICE_HASH_SEED) ^ slice_hash(resource, ~SLICE_HASH_SEED)) & MASK;
    for (;; *slot = (*slot + 1) & MASK) { // half of the slots stay empty
        struct refusal_entry *entry = atomic_load_explicit(&refusals->slots[*slot], memory_order_acquire);
        if (entry == NULL || (slice_equal(entry->tier, tier) && slice_equal(entry->resource, resource)))
            return entry;
    }
}

static struct refusal_entry *new_entry(struct slice tier, struct slice resource)
{
    struct refusal_entry *entry = calloc(1, sizeof *entry + tier.size + resource.size);
    if (entry == NULL)
        return NULL;
    if (tier.size > 0)
        memcpy(entry->bytes, tier.data, tier.size);
    memcpy(entry->bytes + tier.size, resource.data, resource.size);
    entry->tier = slice_make(entry->bytes, tier.size);
    entry->resource = slice_make(entry->bytes + tier.size, resource.size);
    return entry;
}

// Returns NULL when there are enough, or no memory.
static struct refusal_entry *add(struct refusals *refusals, struct slice tier, struct slice resource)
{
    size_t slot;
    pthread_mutex_lock(&refusals->mutex);
    struct refusal_entry *entry = find(refusals, tier, resource, &slot);
    if (entry == NULL && refusals->count < AUTHORIZER_REFUSALS_MAX)
        entry = new_entry(tier, resource);
    if (entry != NULL && atomic_load_explicit(&refusals->slots[slot], memory_order_relaxed) == NULL) {
        atomic_store_explicit(&refusals->slots[slot], entry, memory_order_release);
        refusals->count++;
    }
    pthread_mutex_unlock(&refusals->mutex);
    return entry;
}

void refusal_note(struct refusals *refusals, const struct authorizer_decision *d)
{
    size_t slot;
    if (d->binding_meter == 0)
        return;
    const struct authorizer_meter *meter = &d->meters[d->binding_meter - 1];
    const struct slice tier = d->account.tier, resource = meter->limit.resource;
    struct refusal_entry *entry = find(refusals, tier, resource, &slot);
    // An account-admin may make up resources for its keys. Those of tiers and accounts are the operators'.
    if (entry == NULL && meter->subject == LIMIT_OF_ACCOUNT)
        entry = add(refusals, tier, resource);
    atomic_fetch_add_explicit(entry != NULL ? &entry->count : &refusals->others, 1, memory_order_relaxed);
}

size_t authorizer_list_refusals(struct authorizer *a, struct authorizer_refusal out[AUTHORIZER_REFUSALS_MAX + 1])
{
    size_t count = 0;
    struct refusals *refusals = &a->refusals;
    for (size_t i = 0; i < SLOTS && count < AUTHORIZER_REFUSALS_MAX; i++) {
        struct refusal_entry *entry = atomic_load_explicit(&refusals->slots[i], memory_order_acquire);
        if (entry != NULL)
            out[count++] = (struct authorizer_refusal){entry->tier, entry->resource, atomic_load(&entry->count)};
    }
    const uint64_t others = atomic_load(&refusals->others);
    if (others > 0)
        out[count++] = (struct authorizer_refusal){slice_empty(), slice_empty(), others};
    return count;
}

void refusals_init(struct refusals *refusals)
{
    pthread_mutex_init(&refusals->mutex, NULL);
}

void refusals_wipe(struct refusals *refusals)
{
    for (size_t i = 0; i < SLOTS; i++)
        free(atomic_load(&refusals->slots[i]));
    pthread_mutex_destroy(&refusals->mutex);
}
