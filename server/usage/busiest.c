// Finds the busiest subjects of an hour among those in memory. One walk over all shards keeps the best so far in a
// small set; counts that only the store has are added afterwards.
#include <stdlib.h>
#include <string.h>

#include "usage/internal.h"

enum { RANKS_MAX = 256, SCRATCH_BYTES = 256 * 1024 };

struct rank {
    uint64_t calls;
    uint64_t refusals;
    bool whole; // memory has all of its counts
    uint8_t id_size;
    uint8_t id[USAGE_ACCOUNT_MAX];
};

// A heap with the fewest calls on top, so that entering is fast whatever the order of the table: a shard is locked
// meanwhile.
struct ranking {
    struct rank ranks[RANKS_MAX];
    size_t count;
    size_t max;
};

// --- the heap

static void swap(struct rank *a, struct rank *b)
{
    struct rank kept = *a;
    *a = *b;
    *b = kept;
}

static void rise(struct ranking *ranking, size_t at)
{
    struct rank *ranks = ranking->ranks;
    for (; at > 0 && ranks[at].calls < ranks[(at - 1) / 2].calls; at = (at - 1) / 2)
        swap(&ranks[at], &ranks[(at - 1) / 2]);
}

static void sink(struct ranking *ranking)
{
    struct rank *ranks = ranking->ranks;
    for (size_t at = 0, child = 1; child < ranking->count; child = 2 * at + 1) {
        if (child + 1 < ranking->count && ranks[child + 1].calls < ranks[child].calls)
            child++;
        if (ranks[at].calls <= ranks[child].calls)
            return;
        swap(&ranks[at], &ranks[child]);
        at = child;
    }
}

static void enter(struct ranking *ranking, const struct usage_entry *entry)
{
    struct rank rank = {.calls = usage_sums_calls(&entry->sums), .whole = entry->loaded, .id_size = entry->id_size};
    bool full = ranking->count == ranking->max;
    if (full && ranking->ranks[0].calls >= rank.calls)
        return;
    rank.refusals = usage_sums_refusals(&entry->sums);
    memcpy(rank.id, entry->id, sizeof rank.id);
    ranking->ranks[full ? 0 : ranking->count++] = rank;
    if (full)
        sink(ranking);
    else
        rise(ranking, ranking->count - 1);
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

// --- what memory does not know

// A subject that comes back after a rest begins at 0 until its next write.
static enum status complete(struct usage *usage, const struct usage_busy *busy, struct ranking *ranking)
{
    struct usage_sums sums;
    enum status status = STATUS_OK;
    struct arena *scratch = arena_new(SCRATCH_BYTES);
    if (scratch == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; status == STATUS_OK && i < ranking->count; i++) {
        struct rank *rank = &ranking->ranks[i];
        struct usage_subject subject = {busy->kind, slice_make(rank->id, rank->id_size)};
        if (rank->whole)
            continue;
        status = usage_sum_hour(usage, busy->view, usage_hour_of(busy->now_ms), subject, scratch, &sums);
        if (status != STATUS_OK)
            break;
        rank->calls = usage_sums_calls(&sums);
        rank->refusals = usage_sums_refusals(&sums);
    }
    arena_free(scratch);
    return status;
}

// --- handing out

// Sorts by calls, most first; subjects with as many calls have a fixed order.
static int compare(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->calls != y->calls)
        return x->calls > y->calls ? -1 : 1;
    return slice_compare(slice_make(x->id, x->id_size), slice_make(y->id, y->id_size));
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

enum status usage_busiest(struct usage *usage, const struct usage_busy *busy, struct arena *arena,
                          struct usage_rank **out, size_t *count)
{
    struct ranking ranking = {.max = busy->max < RANKS_MAX ? busy->max : RANKS_MAX};
    *out = NULL;
    *count = 0;
    if (busy->max == 0)
        return STATUS_OK;
    for (size_t i = 0; i < usage->shard_count; i++)
        enter_shard(&ranking, &usage->shards[i], busy->kind, usage_hour_of(busy->now_ms));
    enum status status = complete(usage, busy, &ranking);
    if (status != STATUS_OK)
        return status;
    qsort(ranking.ranks, ranking.count, sizeof ranking.ranks[0], compare);
    return hand_out(&ranking, arena, out, count);
}
