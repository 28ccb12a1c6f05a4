// Adds up counts by reason and costs by resource in fixed space. Names of resources become small numbers, because a
// tally has room for eight costs and not for eight names; there are few names, and none is forgotten while the daemon
// runs.
#include "usage/sums.h"

#include <string.h>

// --- names of resources

void usage_resources_init(struct usage_resources *resources)
{
    memset(resources, 0, sizeof *resources);
    pthread_mutex_init(&resources->mutex, NULL); // cannot fail with default attributes
    resources->names[0].size = sizeof USAGE_OTHER - 1;
    memcpy(resources->names[0].text, USAGE_OTHER, sizeof USAGE_OTHER - 1);
}

void usage_resources_wipe(struct usage_resources *resources)
{
    pthread_mutex_destroy(&resources->mutex);
}

struct slice usage_resource_name(const struct usage_resources *resources, uint16_t number)
{
    const struct usage_resource *name = &resources->names[number];
    return slice_make(name->text, name->size);
}

// Returns the name's number; or 0, and the slot where the name belongs.
static uint16_t search(struct usage_resources *resources, struct slice name, size_t *slot)
{
    *slot = slice_hash(name, SLICE_HASH_SEED) & (USAGE_RESOURCE_SLOTS - 1);
    for (;; *slot = (*slot + 1) & (USAGE_RESOURCE_SLOTS - 1)) {
        // Acquire: a thread that sees the number sees the name, too.
        uint16_t number = atomic_load_explicit(&resources->slots[*slot], memory_order_acquire);
        if (number == 0 || slice_equal(usage_resource_name(resources, number), name))
            return number;
    }
}

// New names are rare, so their accounts are counted anew for each.
static bool has_share(const struct usage_resources *resources, uint64_t account_hash)
{
    size_t owned = 0;
    for (size_t i = 1; i <= resources->count; i++)
        owned += resources->names[i].account_hash == account_hash ? 1 : 0;
    return owned < (size_t)(account_hash != 0 ? USAGE_RESOURCES_SHARE : USAGE_RESOURCES_STORED);
}

static uint16_t add(struct usage_resources *resources, struct slice account, struct slice name, size_t slot)
{
    uint64_t account_hash = account.size > 0 ? slice_hash(account, SLICE_HASH_SEED) | 1 : 0;
    if (resources->count == USAGE_RESOURCES_MAX || !has_share(resources, account_hash))
        return 0;
    uint16_t number = (uint16_t)++resources->count;
    resources->names[number].account_hash = account_hash;
    resources->names[number].size = (uint8_t)name.size;
    memcpy(resources->names[number].text, name.data, name.size);
    atomic_store_explicit(&resources->slots[slot], number, memory_order_release);
    return number;
}

uint16_t usage_resource_number(struct usage_resources *resources, struct slice account, struct slice name)
{
    if (name.size == 0 || name.size > USAGE_RESOURCE_MAX || slice_equal(name, slice_text(USAGE_OTHER)))
        return 0;
    size_t slot;
    uint16_t number = search(resources, name, &slot);
    if (number != 0)
        return number;
    pthread_mutex_lock(&resources->mutex);
    number = search(resources, name, &slot);
    if (number == 0)
        number = add(resources, account, name, slot);
    pthread_mutex_unlock(&resources->mutex);
    return number;
}

// --- sums

void usage_sums_add_cost(struct usage_sums *sums, uint16_t resource, uint64_t cost)
{
    size_t i = 0;
    while (i < sums->cost_count && sums->resources[i] != resource)
        i++;
    if (resource == 0 || i == USAGE_COSTS) {
        sums->other_cost = usage_add(sums->other_cost, cost);
        return;
    }
    if (i == sums->cost_count) {
        sums->resources[i] = resource;
        sums->costs[i] = 0;
        sums->cost_count++;
    }
    sums->costs[i] = usage_add(sums->costs[i], cost);
}

void usage_sums_add(struct usage_sums *sums, const struct usage_sums *more)
{
    for (size_t i = 0; i < REASON_COUNT; i++)
        sums->counts[i] = usage_add(sums->counts[i], more->counts[i]);
    for (size_t i = 0; i < more->cost_count; i++)
        usage_sums_add_cost(sums, more->resources[i], more->costs[i]);
    sums->other_cost = usage_add(sums->other_cost, more->other_cost);
    sums->would_refuse = usage_add(sums->would_refuse, more->would_refuse);
}

uint64_t usage_sums_refusals(const struct usage_sums *sums)
{
    uint64_t refusals = 0;
    for (size_t i = 1; i < REASON_COUNT; i++)
        refusals = usage_add(refusals, sums->counts[i]);
    return refusals;
}
_Static_assert(REASON_ALLOWED == 1, "and the first reason: all others are refusals");

uint64_t usage_sums_calls(const struct usage_sums *sums)
{
    return usage_add(sums->counts[0], usage_sums_refusals(sums));
}

// --- tallies

void usage_sums_from_tally(const struct usage_tally *tally, struct usage_resources *resources, struct usage_sums *out)
{
    memset(out, 0, sizeof *out);
    out->would_refuse = tally->would_refuse;
    for (size_t i = 0; i < tally->count_count; i++) {
        size_t index = reason_index(tally->counts[i].reason);
        if (index < REASON_COUNT)
            out->counts[index] = usage_add(out->counts[index], tally->counts[i].count);
    }
    for (size_t i = 0; i < tally->cost_count; i++)
        usage_sums_add_cost(out, usage_resource_number(resources, slice_empty(), tally->costs[i].resource),
                            tally->costs[i].cost);
}

static bool tally_counts(const struct usage_sums *sums, struct arena *arena, struct usage_tally *out)
{
    size_t count = 0;
    for (size_t i = 0; i < REASON_COUNT; i++)
        count += sums->counts[i] > 0 ? 1 : 0;
    out->counts = arena_array(arena, count, sizeof *out->counts);
    if (out->counts == NULL)
        return false;
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (sums->counts[i] > 0)
            out->counts[out->count_count++] = (struct usage_count){reason_at(i), sums->counts[i]};
    }
    return true;
}

static bool tally_costs(const struct usage_sums *sums, const struct usage_resources *resources, struct arena *arena,
                        struct usage_tally *out)
{
    size_t count = (size_t)sums->cost_count + (sums->other_cost > 0 ? 1 : 0);
    out->costs = arena_array(arena, count, sizeof *out->costs);
    if (out->costs == NULL)
        return false;
    for (size_t i = 0; i < sums->cost_count; i++)
        out->costs[out->cost_count++] =
            (struct usage_cost){usage_resource_name(resources, sums->resources[i]), sums->costs[i]};
    if (sums->other_cost > 0)
        out->costs[out->cost_count++] = (struct usage_cost){usage_resource_name(resources, 0), sums->other_cost};
    return true;
}

bool usage_sums_to_tally(const struct usage_sums *sums, const struct usage_resources *resources, struct arena *arena,
                         struct usage_tally *out)
{
    *out = (struct usage_tally){.would_refuse = sums->would_refuse};
    return tally_counts(sums, arena, out) && tally_costs(sums, resources, arena, out);
}
