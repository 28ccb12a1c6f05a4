// What the files of the room share. Entries live in shards. Each shard has one list of entries that wait for the writer
// and one of entries at rest, so that nobody has to search for an entry to write or to drop.
#ifndef USAGE_INTERNAL_H
#define USAGE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "usage/sums.h"
#include "usage/usage.h"

enum {
    USAGE_CACHE_LINE = 64,
    USAGE_SHARDS_MAX = 64,
    USAGE_SHARD_ENTRIES_MIN = 256, // a table with fewer entries has fewer shards, so that each keeps some room
    USAGE_BATCH_MAX = 256,         // per job, because other jobs wait for it
    USAGE_SWEEP_MAX = 512,
    USAGE_REST_MS = 120 * 1000, // an entry that has rested for so long leaves memory
    USAGE_VIEW_MS = 1000,       // no entry leaves earlier: a view begun before the commit may still be read
    USAGE_DROPS_MAX = 256,      // per shard and tick
    USAGE_HOUR_MS = 3600 * 1000,
    USAGE_HOUR_KEY_MAX = 4 + 1 + USAGE_ACCOUNT_MAX,
    USAGE_NETWORKS_HOT = 4,
    USAGE_VIEWS_MAX = 16
};

enum usage_table { USAGE_TABLE_HOUR, USAGE_TABLE_LAST };

// The uses of a key that one entry has noted.
struct usage_trace {
    uint64_t first_ms; // 0: none
    uint64_t last_ms;
    char address[USAGE_ADDRESS_MAX];
    uint8_t address_size;
    uint8_t network_count;
    bool network_is_current;                           // networks[0] is that of `address`, last seen at `last_ms`
    struct usage_network networks[USAGE_NETWORKS_HOT]; // most recent first
};

enum usage_state {
    USAGE_FREE,
    USAGE_DIRTY,   // in the list of entries that wait for the writer
    USAGE_WRITING, // in the writer's batch and in no list
    USAGE_CLEAN    // stored, and in the list of entries at rest, the longest first
};

// The members are in the order of use, because noting should touch few cache lines.
struct usage_entry {
    _Alignas(USAGE_CACHE_LINE) struct usage_entry *chain; // next in its bucket, or in the free list
    uint32_t hash;
    uint32_t hour;
    uint8_t kind;
    uint8_t id_size;
    uint8_t state;
    bool again;  // touched while it was being written
    bool loaded; // it holds the whole tally; otherwise the store's tally, if any, must still be added
    uint8_t id[USAGE_ACCOUNT_MAX];
    struct usage_sums sums;
    struct usage_trace trace;
    struct usage_entry *previous;
    struct usage_entry *next;
    uint64_t clean_ms; // when it was stored
};
_Static_assert(sizeof(struct usage_entry) == 512, "what the door says about memory");

struct usage_list {
    struct usage_entry *first;
    struct usage_entry *last;
    size_t count;
};

struct usage_shard {
    _Alignas(USAGE_CACHE_LINE) pthread_mutex_t mutex;
    struct usage_entry **buckets;
    size_t bucket_count;          // a power of two
    uint64_t would_refuse;        // as `noted`: decisions that a shadow limit did not fit
    uint64_t noted[REASON_COUNT]; // decisions by reason_index, each by the shard of its account
    uint64_t overflow;
    struct usage_entry *entries;
    size_t entry_max;
    size_t entry_count; // ever taken from `entries`
    struct usage_entry *free;
    size_t in_use;
    struct usage_list dirty;
    struct usage_list clean;
};

// The key by which an entry is found.
struct usage_lookup {
    uint32_t hash;
    uint32_t hour;
    struct usage_subject subject;
};

struct usage_write_behind {
    struct store_job job;
    struct arena *arena;
    size_t left; // tallies that this round still has to write
    size_t next_shard;
    struct usage_entry *batch[USAGE_BATCH_MAX];
    size_t batch_count;
    size_t written_count; // of the batch, from its start
};

struct usage_sweep {
    struct store_job job;
    uint32_t before;     // hours before this one are removed
    uint32_t done_until; // no hour before this one is left
    uint8_t keys[USAGE_SWEEP_MAX][USAGE_HOUR_KEY_MAX];
    uint8_t sizes[USAGE_SWEEP_MAX];
    size_t count;
    bool complete;
};

struct usage {
    struct usage_options options;
    uint64_t hash_seed;
    size_t shard_count; // a power of two
    struct usage_shard *shards;
    struct usage_resources resources;
    atomic_uint_fast64_t written;
    atomic_uint_fast64_t removed;
    atomic_uint_fast64_t damaged;

    pthread_mutex_t job_mutex; // guards the three below; never taken together with a shard's
    pthread_cond_t job_ended;
    bool writing;
    bool sweeping;
    enum status last_write;

    pthread_mutex_t views_mutex;              // guards the two below
    struct store_txn *views[USAGE_VIEWS_MAX]; // not begun
    size_t view_count;

    struct usage_write_behind behind; // used by the writer while `writing`
    struct usage_sweep sweep;         // used by the writer while `sweeping`
    uint64_t overflow_logged;         // used by the ticker: what the log has said
    uint32_t overflow_hour;
};

// --- table.c. The caller holds the mutex of the shard that it hands in.
struct usage_lookup usage_lookup(const struct usage *usage, struct usage_subject subject, uint32_t hour);
struct usage_shard *usage_shard(const struct usage *usage, uint32_t hash);
struct usage_entry *usage_find(const struct usage_shard *shard, const struct usage_lookup *lookup);
// Makes a new entry, empty and dirty; NULL when there is no room.
struct usage_entry *usage_take(struct usage_shard *shard, const struct usage_lookup *lookup, uint64_t now_ms);
void usage_touch(struct usage_shard *shard, struct usage_entry *entry); // it must be written (again)
struct usage_entry *usage_take_dirty(struct usage_shard *shard);        // the one that waits longest, now WRITING
void usage_end_write(struct usage_shard *shard, struct usage_entry *entry, bool landed, uint64_t now_ms);
void usage_drop_rested(struct usage_shard *shard, uint64_t now_ms);
enum status usage_shards_open(struct usage *usage); // Errors: RESOURCE_EXHAUSTED when memory is out.
void usage_shards_close(struct usage *usage);       // also after usage_shards_open has failed half-way

// --- view.c
void usage_views_close(struct usage *usage);

// --- write_behind.c and sweep.c
void usage_write_behind_start(struct usage *usage); // does nothing while a round is under way
void usage_sweep_start(struct usage *usage, uint32_t before);

// --- record.c: the records of the tables.
struct usage_hour_key {
    uint8_t bytes[USAGE_HOUR_KEY_MAX];
    size_t size;
};
void usage_hour_key(uint32_t hour, struct usage_subject subject, struct usage_hour_key *out);
// Reads the record of an hour, without what memory has. A record that does not decode is logged.
// Errors:
//   NOT_FOUND           there is none, or it does not decode
//   RESOURCE_EXHAUSTED  the scratch arena is out
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status usage_load_hour(struct usage *usage, struct store_txn *txn, uint32_t hour,
                                              struct usage_subject subject, struct arena *scratch,
                                              struct usage_sums *out);
// Reads the last use of a key, without what memory has.
// Errors:
//   DATA_LOSS  the record does not decode
//   others     as usage_load_hour
STATUS_MUST_CHECK enum status usage_load_last(struct usage *usage, struct store_txn *txn, struct slice key_id,
                                              struct arena *scratch, struct usage_last *out);
// Adds up memory and disk for an hour; the sums are 0 when there is nothing.
// Errors:
//   RESOURCE_EXHAUSTED  the scratch arena is out
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status usage_sum_hour(struct usage *usage, struct store_txn *view, uint32_t hour,
                                             struct usage_subject subject, struct arena *scratch,
                                             struct usage_sums *out);

// --- trace.c: uses; pure.
void usage_trace_note(struct usage_trace *trace, struct slice address, uint64_t now_ms);
// Adds what the trace knows; doing it twice changes nothing.
void usage_last_merge(struct usage_last *last, const struct usage_trace *trace);

static inline uint32_t usage_hour_of(uint64_t ms)
{
    return (uint32_t)(ms / USAGE_HOUR_MS);
}

// Returns the oldest hour that is kept.
static inline uint32_t usage_oldest_hour(const struct usage *usage, uint64_t now_ms)
{
    uint64_t kept_ms = (uint64_t)usage->options.retention_days * 24 * USAGE_HOUR_MS;
    return now_ms > kept_ms ? usage_hour_of(now_ms - kept_ms) : 0;
}

static inline struct usage_subject usage_subject_of(const struct usage_entry *entry)
{
    return (struct usage_subject){(enum usage_kind)entry->kind, slice_make(entry->id, entry->id_size)};
}

#endif
