// The table of running meters, as the files of this room share it: name.c says what a meter is called, table.c finds
// and keeps meters, recovery.c reads their records, eviction.c brings them into memory and lets them go, decide.c and
// spend.c decide, carry_over.c takes along what was spent under another algorithm, standing.c says how things stand
// afterwards, charge_log.c remembers what was charged, settle.c corrects it, collect.c and reservation.c set units
// aside on disk.
//
// Locks: one mutex per shard; an owner's meters are all in one shard, so one lock makes the decision of one call
// atomic. Only limit_decide of several calls holds several locks, which it takes in the order of the shards.
#ifndef LIMIT_TABLE_H
#define LIMIT_TABLE_H

#include <pthread.h>
#include <stdatomic.h>

enum { LIMIT_NAME_SHADOW = 0x80 }; // in the byte of a name that has the period

#include "limit/algorithm.h"
#include "limit/charge_log.h"

enum { LIMIT_WINDOW_BITS = 0x3fffff, LIMIT_MAGNITUDE_BITS = 0x7f, LIMIT_ALGORITHM_BITS = 3, LIMIT_PERIOD_BITS = 7 };
_Static_assert(LIMIT_WINDOW_S_MAX <= (unsigned)LIMIT_WINDOW_BITS &&
                   (int)LIMIT_MAGNITUDE_MAX <= (int)LIMIT_MAGNITUDE_BITS &&
                   (int)LIMIT_TOKEN_BUCKET <= (int)LIMIT_ALGORITHM_BITS && (int)LIMIT_TOTAL <= (int)LIMIT_PERIOD_BITS,
               "they fit into the members of a meter");

enum { LIMIT_SHARD_COUNT = 64, LIMIT_CACHE_LINE = 64, LIMIT_FORGOTTEN_MAX = 64 };

struct limit_meter;

// What a meter needs only while a write is queued or in flight.
struct limit_write {
    struct limit_meter *next_queued;
    uint64_t wanted;  // sum of the costs that wait
    uint64_t waiters; // calls in the shard's queue that need this meter
    uint64_t first;   // the number of the waiter that came first
    uint64_t amount;  // of the limit under which that one waits
    uint64_t burst;   // of the same limit
    uint64_t spent;   // since the snapshot in flight
    // Numbers of debts: of the oldest that no durable record has (0: unknown), and of the oldest since the snapshot in
    // flight (0: none). Only while the meter owes.
    uint64_t debt;
    uint64_t new_debt;
    bool queued;
    bool behind;     // units were spent without waiting, and no record covers them
    bool spanning;   // some of its waiters are in another shard's queue
    bool in_batch;   // from limit_collect to the end of limit_write_batch_end
    bool in_flight;  // until the commit's result is known
    bool serving;    // waiters of the batch in flight, or just being woken, come before newcomers
    uint64_t served; // sum of their costs
};

struct limit_meter {
    struct limit_meter *next;  // of its bucket
    struct limit_write *write; // NULL: limit_meter_is_idle
    uint64_t t_ms;             // never goes back
    uint64_t amount;           // of the limit that was last spent under, or that is being written
    uint64_t burst;            // of the same limit
    uint64_t left;             // may be spent without asking the disk, under this limit
    uint64_t durable_ms;       // time of the newest record known to be on disk; 0: there is none
    union limit_state state;
    uint32_t hash;
    unsigned window_s : 22; // never change, nor do hash, maker and name: they are read without the lock
    unsigned algorithm : 2;
    unsigned period : 3;
    uint32_t maker; // as in its record
    uint16_t name_size;
    unsigned magnitude : 7; // as in its record; this and all behind it: under the lock
    bool uncertain : 1;     // a commit failed: nobody knows what is on disk
    bool dirty : 1;         // the record on disk, if any, is not the exact state
    bool retiring : 1;      // it leaves memory once its exact state is on disk
    bool owes : 1;          // a debt was counted that no durable record has
    bool superseded : 1;    // its limit may have been spent from under another algorithm since (carry_over.c)
    bool shared : 1;        // another algorithm's limit applied to the same call
    bool admitted : 1;      // may be charged once more without a record (limit_install)
    uint8_t name[];
};

// Returns how much memory a meter takes. A name is longer than what is behind the last member.
static inline size_t limit_meter_size(size_t name_size)
{
    return offsetof(struct limit_meter, name) + name_size;
}

struct limit_shard {
    _Alignas(LIMIT_CACHE_LINE) pthread_mutex_t mutex;
    struct limit_meter **buckets;
    size_t bucket_count; // a power of two
    size_t meter_count;
    size_t meter_bytes;
    size_t hand;                             // the bucket where the last search for a meter to evict ended
    uint64_t generation;                     // grows when a meter is forgotten
    uint32_t forgotten[LIMIT_FORGOTTEN_MAX]; // hashes of the newest; number n at n % LIMIT_FORGOTTEN_MAX
    struct limit_meter *first_queued, *last_queued;
    size_t queued_count;
    struct limit_waiter *first_waiter, *last_waiter;
    struct limit_charge_log charges;
    uint64_t debts; // ever counted: each has a number
    uint64_t decisions;
    uint64_t waits;
    uint64_t records;
};

struct limit_table {
    struct clock *clock;
    const struct zone *zone; // of calendar periods, where an applicable limit has none
    bool relaxed;
    bool relaxed_on_failure;
    size_t shard_max_meters; // of max_meters; 0 = no bound
    uint64_t hash_seed;
    _Atomic uint64_t durable_ms;     // H: the newest clock mark on disk
    _Atomic size_t queued_count;     // in all shards
    _Atomic uint64_t waiter_count;   // ever queued
    _Atomic bool failing;            // the last commit did
    struct limit_write_batch *batch; // the writer's
    struct limit_shard shards[LIMIT_SHARD_COUNT];
};

// The key by which a meter is found.
struct limit_lookup {
    struct limit_name name;
    uint32_t hash;
};

struct limit_shard *limit_table_shard(struct limit_table *table, struct slice owner);
// Hashes with a secret seed, so that a stranger cannot make names collide.
uint64_t limit_table_hash(const struct limit_table *table, struct slice bytes);
void limit_table_look(const struct limit_table *table, const struct limit_applicable *applicable,
                      struct limit_lookup *out);
struct limit_meter *limit_table_find(const struct limit_shard *shard, const struct limit_lookup *lookup);
void limit_table_look_name(const struct limit_table *table, struct slice name, struct limit_lookup *out);
// Inserts a meter. False when memory is out; then the meter still belongs to the caller.
bool limit_table_insert(struct limit_shard *shard, struct limit_meter *meter);
void limit_meter_free(struct limit_meter *meter);
// Takes a meter out of its shard and frees it.
void limit_table_forget(struct limit_shard *shard, struct limit_meter *meter);

// Reads a state back from its record, or begins at rest when it is NULL: what was reserved counts as spent at `t`, and
// it is synced to that. False when memory is out; then the state is to be wiped all the same.
bool limit_recover(union limit_state *state, enum limit_algorithm algorithm, const struct limit_rate *rate, uint64_t t,
                   const struct limit_record *record);
// Gives how many units the record, read back at `t`, counts at `now_ms`. False when the name is not one of
// limit_name_of, or memory is out.
bool limit_used_by_record(struct slice name, const struct limit_record *record, uint64_t t, uint64_t now_ms,
                          uint64_t *used);
// Makes the meter count at least as much as each of the records of its former meters. False when memory is out.
bool limit_carry_over_records(const struct limit_table *table, const struct limit_shard *shard,
                              struct limit_meter *meter, const struct limit_found *found);
// Returns the time zone of a record, whose meter counts in this period.
static inline const struct zone *limit_record_zone(const struct limit_record *record, enum limit_period period)
{
    return record->algorithm == LIMIT_FIXED_WINDOW && limit_period_is_local(period) ? record->zone : NULL;
}

const struct limit_algorithm_functions *limit_meter_functions(const struct limit_meter *meter);
// Returns the time zone of an applicable limit; NULL when it needs none.
const struct zone *limit_zone_of(const struct limit_table *table, const struct limit_applicable *applicable);
// Returns the rate of its limit, in the zone that it is in, for the writer, which has no applicable limit.
struct limit_rate limit_meter_rate(const struct limit_meter *meter);
// Makes that nothing is spent before a record with the present state is durable: what the disk has set aside, or is
// about to, does not cover it.
void limit_void_reservation(struct limit_meter *meter);
// Does the record have the meter's limit? The units of a bucket are times, and how long a unit lasts depends on the
// limit. Units that a crash loses are charged under the record's limit, so another limit must be written before
// anything is spent under it.
bool limit_is_rate_of_record(const struct limit_meter *meter, const struct limit_record *record);
static inline bool limit_is_same_rate(const struct limit_meter *meter, uint64_t amount, uint64_t burst)
{
    return meter->algorithm != LIMIT_TOKEN_BUCKET || (meter->amount == amount && meter->burst == burst);
}
// Condition F of docs/limits.md: a window is spent from only when a time inside it is on disk. Otherwise a crash after
// the wall clock was set back could bring the window before it to life again. True for meters without a fixed window.
bool limit_is_window_durable(const struct limit_table *table, const struct limit_meter *meter);
// Makes this the meter's rate. Callers may differ about it, or not know of a change yet. So it is taken only when units
// are spent, or set aside for the one who waits longest; asking with another limit can keep nobody waiting.
void limit_take_rate(struct limit_meter *meter, const struct limit_rate *rate);
size_t limit_meter_bytes(const struct limit_meter *meter); // malloc overhead included

// Notes under which limit units are spent, and by whom: only the smallest is remembered, and only its magnitude. Of
// what anybody but its maker has charged no part is little.
static inline void limit_note_magnitude(struct limit_meter *meter, const struct limit_rate *rate, uint32_t maker)
{
    uint64_t smallest = meter->algorithm == LIMIT_TOKEN_BUCKET ? limit_min(rate->amount, rate->burst) : rate->amount;
    bool is_makers = maker == meter->maker && smallest > 1;
    unsigned magnitude = is_makers ? 64 - (unsigned)__builtin_clzll(smallest) : 1;
    if (meter->magnitude == 0 || magnitude < meter->magnitude)
        meter->magnitude = magnitude & LIMIT_MAGNITUDE_BITS;
}

// Returns R, how much is set aside at once.
static inline uint64_t limit_reservation(uint64_t amount)
{
    return limit_max(1, amount / 8);
}

// Is nothing of the meter queued or being written, and does nobody wait for it?
static inline bool limit_meter_is_idle(const struct limit_meter *meter)
{
    return meter->write == NULL;
}

// --- debts: what was counted without units that the disk had set aside. It is forgotten by a crash until a record has
// it

// May a crash forget the debt of this number?
static inline bool limit_may_lose_debt(const struct limit_meter *meter, uint64_t number)
{
    return meter->owes && (meter->write == NULL || meter->write->debt <= number);
}
// Counts a debt; call it after limit_write_open, which may have failed.
static inline void limit_note_debt(struct limit_meter *meter, uint64_t number)
{
    struct limit_write *write = meter->write;
    if (write != NULL && !meter->owes)
        write->debt = number;
    if (write != NULL && write->in_flight && write->new_debt == 0)
        write->new_debt = number;
    meter->owes = true;
}
// The record in flight is durable, and has every debt but those since its snapshot.
static inline void limit_note_record(struct limit_meter *meter)
{
    meter->owes = meter->write->new_debt > 0;
    meter->write->debt = meter->write->new_debt;
}

// --- writes

// Allocates meter->write unless it is there. False when memory is out.
bool limit_write_open(struct limit_meter *meter);
// Frees meter->write when the meter is neither queued nor in a batch.
void limit_write_close(struct limit_meter *meter);
// Takes a shard's waiters out of its queue, and all meters out of the queue to be written.
struct limit_waiter *limit_take_waiters(struct limit_shard *shard);
void limit_clear_queue(struct limit_table *table, struct limit_shard *shard);
// A meter's window is another time zone's now: nothing is spent before the disk knows, and it is told soon.
void limit_note_rezoned(struct limit_table *table, struct limit_shard *shard, struct limit_meter *meter);
// Queues a meter for the writer, after limit_write_open; does nothing when it is queued already.
void limit_write_queue(struct limit_table *table, struct limit_shard *shard, struct limit_meter *meter);

#endif
