// The tallies in memory. An entry is found by subject and hour in a shard with a mutex of its own. It is in one of two
// lists: entries that wait for the writer, and entries at rest, the longest first. So nobody has to search for an entry
// to write or to drop.
#include "usage/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// --- finding

// All hours of a subject share a bucket, so that all entries of a key are found together.
struct usage_lookup usage_lookup(const struct usage *usage, struct usage_subject subject, uint32_t hour)
{
    uint64_t hash = slice_hash(subject.id, usage->hash_seed ^ (uint64_t)subject.kind << 32);
    return (struct usage_lookup){.hash = (uint32_t)(hash ^ (hash >> 32)), .hour = hour, .subject = subject};
}

struct usage_shard *usage_shard(const struct usage *usage, uint32_t hash)
{
    return &usage->shards[(hash >> 26) & (usage->shard_count - 1)];
}
_Static_assert(USAGE_SHARDS_MAX == 1 << (32 - 26), "the upper bits choose the shard, the lower ones the bucket");

static struct usage_entry **bucket_of(const struct usage_shard *shard, uint32_t hash)
{
    return &shard->buckets[hash & (shard->bucket_count - 1)];
}

struct usage_entry *usage_find(const struct usage_shard *shard, const struct usage_lookup *lookup)
{
    struct usage_entry *entry = *bucket_of(shard, lookup->hash);
    while (entry != NULL &&
           !(entry->hash == lookup->hash && entry->hour == lookup->hour && entry->kind == lookup->subject.kind &&
             slice_equal(slice_make(entry->id, entry->id_size), lookup->subject.id)))
        entry = entry->chain;
    return entry;
}

// --- lists

static void append(struct usage_list *list, struct usage_entry *entry)
{
    entry->previous = list->last;
    entry->next = NULL;
    if (list->last != NULL)
        list->last->next = entry;
    else
        list->first = entry;
    list->last = entry;
    list->count++;
}

static void take_out(struct usage_list *list, struct usage_entry *entry)
{
    if (entry->previous != NULL)
        entry->previous->next = entry->next;
    else
        list->first = entry->next;
    if (entry->next != NULL)
        entry->next->previous = entry->previous;
    else
        list->last = entry->previous;
    list->count--;
}

// --- entries come and go

static void free_entry(struct usage_shard *shard, struct usage_entry *entry)
{
    struct usage_entry **at = bucket_of(shard, entry->hash);
    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    take_out(&shard->clean, entry);
    entry->state = USAGE_FREE;
    entry->chain = shard->free;
    shard->free = entry;
    shard->in_use--;
}

static bool drop_first(struct usage_shard *shard, uint64_t now_ms, uint64_t rest_ms)
{
    struct usage_entry *first = shard->clean.first;
    if (first == NULL || usage_add(first->clean_ms, rest_ms) > now_ms)
        return false;
    free_entry(shard, first);
    return true;
}

void usage_drop_rested(struct usage_shard *shard, uint64_t now_ms)
{
    size_t left = USAGE_DROPS_MAX; // others wait for the mutex
    while (left > 0 && drop_first(shard, now_ms, USAGE_REST_MS))
        left--;
}

static struct usage_entry *unused(struct usage_shard *shard, uint64_t now_ms)
{
    if (shard->free == NULL && shard->entry_count < shard->entry_max)
        return &shard->entries[shard->entry_count++];
    if (shard->free == NULL && !drop_first(shard, now_ms, USAGE_VIEW_MS))
        return NULL;
    struct usage_entry *entry = shard->free;
    shard->free = entry->chain;
    return entry;
}

struct usage_entry *usage_take(struct usage_shard *shard, const struct usage_lookup *lookup, uint64_t now_ms)
{
    struct usage_entry *entry = unused(shard, now_ms);
    if (entry == NULL)
        return NULL;
    memset(entry, 0, sizeof *entry);
    entry->hash = lookup->hash;
    entry->hour = lookup->hour;
    entry->kind = (uint8_t)lookup->subject.kind;
    entry->id_size = (uint8_t)lookup->subject.id.size;
    if (entry->id_size > 0)
        memcpy(entry->id, lookup->subject.id.data, entry->id_size);
    struct usage_entry **bucket = bucket_of(shard, lookup->hash);
    entry->chain = *bucket;
    *bucket = entry;
    entry->state = USAGE_DIRTY;
    append(&shard->dirty, entry);
    shard->in_use++;
    return entry;
}

void usage_touch(struct usage_shard *shard, struct usage_entry *entry)
{
    switch ((enum usage_state)entry->state) {
    case USAGE_FREE:
    case USAGE_DIRTY:
        return;
    case USAGE_WRITING:
        entry->again = true;
        return;
    case USAGE_CLEAN:
        take_out(&shard->clean, entry);
        entry->state = USAGE_DIRTY;
        append(&shard->dirty, entry);
        return;
    }
}

struct usage_entry *usage_take_dirty(struct usage_shard *shard)
{
    struct usage_entry *entry = shard->dirty.first;
    if (entry == NULL)
        return NULL;
    take_out(&shard->dirty, entry);
    entry->state = USAGE_WRITING;
    entry->again = false;
    return entry;
}

void usage_end_write(struct usage_shard *shard, struct usage_entry *entry, bool landed, uint64_t now_ms)
{
    if (!landed || entry->again) {
        entry->state = USAGE_DIRTY;
        append(&shard->dirty, entry);
        return;
    }
    entry->state = USAGE_CLEAN;
    entry->clean_ms = now_ms;
    append(&shard->clean, entry);
}

// --- shards

static bool open_shard(struct usage_shard *shard, size_t entry_max)
{
    pthread_mutex_init(&shard->mutex, NULL); // cannot fail with default attributes
    shard->entry_max = entry_max;
    shard->bucket_count = 1;
    while (shard->bucket_count < entry_max)
        shard->bucket_count *= 2;
    shard->buckets = calloc(shard->bucket_count, sizeof(struct usage_entry *));
    // The entries' memory is set aside here, and given by the system where it is used.
    void *entries =
        mmap(NULL, entry_max * sizeof *shard->entries, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shard->entries = entries != MAP_FAILED ? entries : NULL;
    return shard->buckets != NULL && shard->entries != NULL;
}

enum status usage_shards_open(struct usage *usage)
{
    size_t max = usage->options.max_entries;
    size_t count = 1;
    while (count < USAGE_SHARDS_MAX && max / (count * 2) >= USAGE_SHARD_ENTRIES_MIN)
        count *= 2;
    usage->shards = aligned_alloc(USAGE_CACHE_LINE, count * sizeof *usage->shards);
    if (usage->shards == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    memset(usage->shards, 0, count * sizeof *usage->shards);
    usage->shard_count = count;
    bool open = true;
    for (size_t i = 0; i < count; i++)
        open = open_shard(&usage->shards[i], max / count + (i < max % count ? 1 : 0)) && open;
    return open ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

void usage_shards_close(struct usage *usage)
{
    for (size_t i = 0; i < usage->shard_count; i++) {
        free(usage->shards[i].buckets);
        if (usage->shards[i].entries != NULL)
            munmap(usage->shards[i].entries, usage->shards[i].entry_max * sizeof(struct usage_entry));
        pthread_mutex_destroy(&usage->shards[i].mutex);
    }
    free(usage->shards);
}
