// Writes behind: the tallies that changed since the last round go to the store in jobs of bounded size, so that other
// writers get their turn. An entry is written whole, with what the store had of it added once; so a write that may or
// may not have landed is simply repeated.
#include "base/container.h"
#include "usage/internal.h"

static struct usage *owner_of(struct store_job *job)
{
    return CONTAINER_OF(job, struct usage, behind.job);
}

// --- collecting

static void take_from(struct usage_write_behind *behind, struct usage_shard *shard, size_t max)
{
    pthread_mutex_lock(&shard->mutex);
    while (behind->batch_count < max) {
        struct usage_entry *entry = usage_take_dirty(shard);
        if (entry == NULL)
            break;
        behind->batch[behind->batch_count++] = entry;
    }
    pthread_mutex_unlock(&shard->mutex);
}

// Each job goes on at the shard where the last one stopped, so that a busy shard cannot hold up the others.
static void collect(struct usage *usage, struct usage_write_behind *behind)
{
    size_t max = behind->left < USAGE_BATCH_MAX ? behind->left : USAGE_BATCH_MAX;
    for (size_t i = 0; i < usage->shard_count && behind->batch_count < max; i++) {
        take_from(behind, &usage->shards[behind->next_shard], max);
        if (behind->batch_count < max)
            behind->next_shard = (behind->next_shard + 1) & (usage->shard_count - 1);
    }
}

// --- writing

static void look(struct usage_shard *shard, const struct usage_entry *entry, struct usage_entry *out)
{
    pthread_mutex_lock(&shard->mutex);
    *out = *entry;
    pthread_mutex_unlock(&shard->mutex);
}

// Makes the entry whole: it adds the store's tally, so that from now on the entry has everything.
static bool load(struct usage *usage, struct store_txn *txn, struct usage_shard *shard, struct usage_entry *entry,
                 struct usage_entry *copy)
{
    struct usage_sums stored;
    enum status status = usage_load_hour(usage, txn, copy->hour, usage_subject_of(copy), usage->behind.arena, &stored);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return false;
    pthread_mutex_lock(&shard->mutex);
    usage_sums_add(&entry->sums, &stored);
    entry->loaded = true;
    *copy = *entry;
    pthread_mutex_unlock(&shard->mutex);
    return true;
}

static bool write_hour(struct usage *usage, struct store_txn *txn, const struct usage_entry *copy)
{
    struct usage_tally tally;
    struct slice bytes;
    struct usage_hour_key key;
    struct arena *arena = usage->behind.arena;
    bool packed =
        usage_sums_to_tally(&copy->sums, &usage->resources, arena, &tally) && usage_pack_tally(&tally, arena, &bytes);
    if (packed) {
        usage_hour_key(copy->hour, usage_subject_of(copy), &key);
        store_put(txn, usage->options.table_base + USAGE_TABLE_HOUR, slice_make(key.bytes, key.size), bytes);
    }
    arena_reset(arena);
    return packed;
}

static bool write_last(struct usage *usage, struct store_txn *txn, const struct usage_entry *copy)
{
    struct usage_last last;
    struct slice bytes;
    struct slice key = slice_make(copy->id, copy->id_size);
    struct arena *arena = usage->behind.arena;
    enum status status = usage_load_last(usage, txn, key, arena, &last);
    if (status == STATUS_DATA_LOSS)
        log_line(usage->options.log, LOG_LEVEL_ERROR, "usage: the last use of a key is damaged; it begins anew");
    else if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return false;
    usage_last_merge(&last, &copy->trace);
    bool packed = usage_pack_last(&last, arena, &bytes);
    if (packed)
        store_put(txn, usage->options.table_base + USAGE_TABLE_LAST, key, bytes);
    arena_reset(arena);
    return packed;
}

static bool write_entry(struct usage *usage, struct store_txn *txn, struct usage_entry *entry)
{
    // The hash of an entry in the batch does not change.
    struct usage_shard *shard = usage_shard(usage, entry->hash);
    struct usage_entry copy;
    look(shard, entry, &copy);
    if (!copy.loaded && !load(usage, txn, shard, entry, &copy))
        return false;
    return write_hour(usage, txn, &copy) && (copy.trace.first_ms == 0 || write_last(usage, txn, &copy));
}

static void run(struct store_job *job, struct store_txn *txn)
{
    struct usage *usage = owner_of(job);
    struct usage_write_behind *behind = &usage->behind;
    collect(usage, behind);
    while (behind->written_count < behind->batch_count && write_entry(usage, txn, behind->batch[behind->written_count]))
        behind->written_count++;
}

// --- afterwards

// An entry that was not written, or may not be on disk, waits again.
static void end_batch(struct usage *usage, struct usage_write_behind *behind, enum status status)
{
    uint64_t now_ms = clock_now_ms(usage->options.clock);
    for (size_t i = 0; i < behind->batch_count; i++) {
        struct usage_shard *shard = usage_shard(usage, behind->batch[i]->hash);
        pthread_mutex_lock(&shard->mutex);
        usage_end_write(shard, behind->batch[i], status == STATUS_OK && i < behind->written_count, now_ms);
        pthread_mutex_unlock(&shard->mutex);
    }
    if (status == STATUS_OK)
        atomic_fetch_add(&usage->written, behind->written_count);
}

static void end(struct usage *usage, enum status status)
{
    pthread_mutex_lock(&usage->job_mutex);
    usage->writing = false;
    usage->last_write = status;
    pthread_cond_broadcast(&usage->job_ended);
    pthread_mutex_unlock(&usage->job_mutex);
}

static void done(struct store_job *job, enum status status)
{
    struct usage *usage = owner_of(job);
    struct usage_write_behind *behind = &usage->behind;
    if (status == STATUS_OK && behind->written_count < behind->batch_count)
        status = STATUS_RESOURCE_EXHAUSTED;
    end_batch(usage, behind, status);
    bool more = status == STATUS_OK && behind->batch_count > 0 && behind->left > behind->batch_count;
    behind->left -= behind->batch_count;
    behind->batch_count = 0;
    behind->written_count = 0;
    if (more)
        store_submit(usage->options.store, &behind->job);
    else
        end(usage, status);
}

static size_t count_dirty(struct usage *usage)
{
    size_t count = 0;
    for (size_t i = 0; i < usage->shard_count; i++) {
        pthread_mutex_lock(&usage->shards[i].mutex);
        count += usage->shards[i].dirty.count;
        pthread_mutex_unlock(&usage->shards[i].mutex);
    }
    return count;
}

void usage_write_behind_start(struct usage *usage)
{
    size_t left = count_dirty(usage);
    pthread_mutex_lock(&usage->job_mutex);
    bool start = left > 0 && !usage->writing;
    usage->writing |= start;
    pthread_mutex_unlock(&usage->job_mutex);
    if (!start)
        return;
    usage->behind.left = left;
    usage->behind.job.run = run;
    usage->behind.job.done = done;
    store_submit(usage->options.store, &usage->behind.job);
}
