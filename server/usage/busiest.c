#include <string.h>

#include "usage/internal.h"

enum { RANKS_MAX = 256 };

struct rank {
    uint64_t calls;
    uint64_t refusals;
    uint8_t id_size;
    uint8_t id[USAGE_ACCOUNT_MAX];
};

struct ranking {
    struct rank ranks[RANKS_MAX]; // most calls first
    size_t count;
    size_t max;
};

static void enter(struct ranking *ranking, const struct usage_entry *entry)
{
    struct rank rank = {.calls = usage_sums_calls(&entry->sums), .id_size = entry->id_size};
    if (ranking->count == ranking->max && ranking->ranks[ranking->count - 1].calls >= rank.calls)
        return;
    rank.refusals = usage_sums_refusals(&entry->sums);
    memcpy(rank.id, entry->id, sizeof rank.id);
    if (ranking->count < ranking->max)
        ranking->count++;
    size_t at = ranking->count - 1;
    for (; at > 0 && ranking->ranks[at - 1].calls < rank.calls; at--)
        ranking->ranks[at] = ranking->ranks[at - 1];
    ranking->ranks[at] = rank;
}

static void enter_shard(struct ranking *ranking, struct usage_shard *shard, enum usage_kind kind, uint32_t hour)
{
    pthread_mutex_lock(&shard->mutex);
    for (size_t i = 0; i < shard->entry_count; i++) {
        const struct usage_entry *entry = &shard->entries[i];
        if (entry->state != USAGE_FREE && entry->kind == kind && entry->hour == hour)
            enter(ranking, entry);
    }
    pthread_mutex_unlock(&shard->mutex);
}

static enum status hand_out(const struct ranking *ranking, struct arena *arena, struct usage_rank **out, size_t *count)
{
    *out = arena_array(arena, ranking->count, sizeof **out);
    if (*out == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (; *count < ranking->count; ++*count) {
        const struct rank *rank = &ranking->ranks[*count];
        struct usage_rank *to = &(*out)[*count];
        to->calls = rank->calls;
        to->refusals = rank->refusals;
        if (!arena_copy(arena, slice_make(rank->id, rank->id_size), &to->id))
            return STATUS_RESOURCE_EXHAUSTED;
    }
    return STATUS_OK;
}

enum status usage_busiest(struct usage *usage, enum usage_kind kind, uint64_t now_ms, size_t max, struct arena *arena,
                          struct usage_rank **out, size_t *count)
{
    struct ranking ranking = {.max = max < RANKS_MAX ? max : RANKS_MAX};
    *out = NULL;
    *count = 0;
    if (max == 0)
        return STATUS_OK;
    for (size_t i = 0; i < usage->shard_count; i++)
        enter_shard(&ranking, &usage->shards[i], kind, usage_hour_of(now_ms));
    return hand_out(&ranking, arena, out, count);
}
