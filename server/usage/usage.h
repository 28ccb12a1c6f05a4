// What was answered to whom, how often and when last: tallies per key and account by the hour, and what is unusual in
// them.
//
// Owns: a table of tallies in memory, bounded, and two tables of the store `meters/` (usage_tables) to which it is
// written behind. Nothing here decides anything: when it fails, calls go on and only their counts are at stake.
//
// What is kept. One tally per subject and hour: counts by reason, and the cost of admitted calls by resource. Hours
// are those of the Unix epoch; a report of days adds up their hours. Days are not stored: the key of a stored hour
// begins with the hour, so the records of the running hour lie together and a second's batch touches a few map pages,
// however many keys there are. Tallies of days would add a second set of writes, and only make a report of 90 days
// faster (2,160 lookups, some milliseconds). An hour of one subject takes about 90 bytes on disk, so a key that is busy
// at every hour of 90 days takes 190 KB. Also kept, as long as the key is: its last use and the networks it was used
// from.
//
// Crash. usage_tick writes the memory: a crash loses what was noted since the last tick and while its write was going
// on. With a tick every half second that is less than a second, on a disk that keeps up. Each entry of the table holds
// the whole tally of its hour (the store's counts are added before its first write), and the whole tally is written. So
// a commit that may or may not have landed is simply repeated: nothing is lost, nothing is counted twice.
//
// Memory. `max_entries` tallies of 512 bytes each, taken from the system as they are needed. An entry that is on disk
// and was not touched for two minutes leaves memory; when there is no room, the entry that has rested longest leaves.
// When none is at rest, the count is lost for its subject and goes to stats.overflow, with a warning in the log.
//
// Threads: noting, reading and stats from any thread; tick by one at a time. A shard's mutex is held only inside a
// call, never over I/O. Reading takes a view of the store that the caller has begun not more than a second ago; 90 days
// by the hour hold it for some milliseconds, everything else for microseconds.
// Time: an event brings its own; the clock handed in says which hours are too old to keep.
#ifndef USAGE_USAGE_H
#define USAGE_USAGE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/reason.h"
#include "store/store.h"
#include "zone/zone.h"

struct usage;

enum {
    USAGE_TABLES = 2,
    USAGE_KEY_ID_SIZE = 11,
    USAGE_ACCOUNT_MAX = 72, // an id of 64 bytes and 8 of its life
    USAGE_RESOURCE_MAX = 64,
    USAGE_ADDRESS_MAX = 45,    // of an IPv6 address with an IPv4 tail
    USAGE_COSTS = 8,           // resources told apart in one tally; what is beyond is counted as USAGE_OTHER
    USAGE_NETWORKS = 8,        // a key's most recent ones
    USAGE_RESOURCES_MAX = 1000 // names told apart in one run
};

#define USAGE_OTHER "(other)" // no name of a resource has brackets

// --- what is stored

struct usage_count {
    uint32_t reason; // enum reason
    uint64_t count;
};

struct usage_cost {
    struct slice resource;
    uint64_t cost;
};

// A record of the table `usage_hour`; packing keeps all of it, in any order. Zeros are left out. It has at most
// REASON_COUNT counts and USAGE_COSTS + 1 costs; reasons that this version does not know are dropped.
struct usage_tally {
    struct usage_count *counts;
    size_t count_count;
    struct usage_cost *costs;
    size_t cost_count;
    uint64_t would_refuse; // calls that a shadow limit did not fit
};

// An IPv4 address, or the /64 of an IPv6 address, which stays while a client changes its privacy address (RFC 8981).
// The number is the upper half of the IPv6 address; for an IPv4 address it is 0xffffffff and the address.
struct usage_network {
    uint64_t network;
    uint64_t first_ms;
    uint64_t last_ms;
};

// A record of the table `usage_last`; packing keeps all of it, the networks in their order (most recent first).
struct usage_last {
    uint64_t first_ms; // the first use that was noted
    uint64_t last_ms;
    uint64_t networks_met; // how many networks were new when they came
    size_t network_count;
    struct usage_network networks[USAGE_NETWORKS];
    uint8_t address_size;
    char address[USAGE_ADDRESS_MAX]; // of the last use; empty when none was given
};

// Pack to bytes and unpack; pure. Packing returns false when the arena is out. Unpacked records point into the arena
// only.
// Errors of all of these:
//   DATA_LOSS           the bytes do not decode, are of another format, or hold more than fits
//   RESOURCE_EXHAUSTED  the arena is out
bool usage_pack_tally(const struct usage_tally *tally, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status usage_unpack_tally(struct slice bytes, struct arena *arena, struct usage_tally *out);
bool usage_pack_last(const struct usage_last *last, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status usage_unpack_last(struct slice bytes, struct arena *arena, struct usage_last *out);

// Keys of the tables: hour since the epoch (4 bytes, big-endian), kind (1 byte: enum usage_kind), id; and the key id.
extern const char *const usage_tables[USAGE_TABLES];

// --- opening and closing

struct usage_options {
    struct store *store; // outlives the usage, as do the others; opened with usage_tables among its tables
    unsigned table_base; // index of the first of them
    struct clock *clock;
    const struct log *log;
    const struct zone *zone; // of days; a part of an hour counts to the day in which the hour begins
    uint32_t retention_days; // 1 to 3650
    size_t max_entries;      // at least 1
};

// Errors:
//   INVALID_ARGUMENT    an option is out of its bounds; failure->field names it
//   RESOURCE_EXHAUSTED  memory is out
STATUS_MUST_CHECK enum status usage_open(const struct usage_options *options, struct usage **out,
                                         struct status_failure *failure);
// Writes what is left, waits for the commit, and logs a loss. Calls and views must have ended. NULL-safe.
void usage_close(struct usage *usage);

// Hands changed tallies to the store's writer (at most 256 per job, so that others get their turn), takes entries at
// rest out of memory, and removes up to 512 hours that are too old. Never blocks. For the scheduler, every half second.
void usage_tick(struct usage *usage);

// --- noting

struct usage_decision {
    const uint8_t *key_id; // USAGE_KEY_ID_SIZE bytes of a key that exists, or NULL; never an id that a stranger made up
    struct slice account;  // its name (registry_life_name); empty: unknown, and counted for the empty name
    enum reason reason;
    const struct usage_cost *charges; // counted when the reason is ALLOWED; 0 counts as 1
    size_t charge_count;
    bool would_refuse;           // a shadow limit does not fit the call
    struct slice remote_address; // text; empty = not given
    uint64_t now_ms;
};

// Counts one decision for its key and its account. It is a *use* of the key, with time and address, when the key itself
// was good: allowed, or refused for another reason (403, 429). Peeks, scans and health checks are not noted. No I/O, no
// allocation.
void usage_note(struct usage *usage, const struct usage_decision *event);

// --- reading

enum usage_kind { USAGE_OF_ACCOUNT = 1, USAGE_OF_KEY = 2 };

// The usage with a snapshot of its store, for the functions below that take both. `usage` is NULL where none is kept;
// then there is no snapshot.
struct usage_view {
    struct usage *usage;
    struct store_txn *txn;
};
// Begins to read; end it within a second. `usage` may be NULL. After an error there is nothing to end. Any thread.
// Errors:
//   RESOURCE_EXHAUSTED  memory or the store's readers are out
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status usage_view_begin(struct usage *usage, struct usage_view *out);
void usage_view_end(struct usage_view *view);

struct usage_subject {
    enum usage_kind kind;
    struct slice id; // account, possibly empty, or USAGE_KEY_ID_SIZE bytes
};

// Finds the last use of a key, in memory and on disk.
// Errors:
//   NOT_FOUND           it was never used
//   DATA_LOSS           its record does not decode
//   UNAVAILABLE         the store cannot be read
//   RESOURCE_EXHAUSTED  memory is out
STATUS_MUST_CHECK enum status usage_last_used(struct usage *usage, struct store_txn *view,
                                              const uint8_t key_id[USAGE_KEY_ID_SIZE], struct usage_last *out);

struct usage_query {
    struct usage_subject subject;
    uint64_t from_ms;  // 0, or longer ago than is kept: from the oldest kept hour on
    uint64_t to_ms;    // 0, or in the future: up to now
    uint32_t bucket_s; // 3600 or 86400; 0 = 3600
};

struct usage_bucket {
    uint64_t start_ms;
    struct usage_tally tally;
};

struct usage_report {
    struct usage_bucket *buckets; // in the order of time; those without a call are left out
    size_t bucket_count;
};

// Reads the whole buckets that the span [from_ms, to_ms) touches. Everything in *out is in the arena, except names of
// resources, which live as long as the usage. An hour whose record is damaged is left out and logged.
// Errors:
//   INVALID_ARGUMENT    the query is wrong (failure->field: "bucket_s", "to_ms")
//   RESOURCE_EXHAUSTED  memory or the arena is out
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status usage_read(struct usage *usage, struct store_txn *view, const struct usage_query *query,
                                         struct arena *arena, struct usage_report *out, struct status_failure *failure);

struct usage_busy {
    struct store_txn *view;
    enum usage_kind kind;
    uint64_t now_ms; // chooses the hour that holds it
    size_t max;      // up to 256
};

struct usage_rank {
    struct slice id; // in the arena
    uint64_t calls;  // in the hour
    uint64_t refusals;
};

// Finds the busiest subjects of an hour, most calls first, among those in memory (active in the last two minutes).
// Looks at the whole table.
// Errors:
//   RESOURCE_EXHAUSTED  memory or the arena is out
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status usage_busiest(struct usage *usage, const struct usage_busy *busy, struct arena *arena,
                                            struct usage_rank **out, size_t *count);

struct usage_stats {
    size_t entries;
    size_t entries_max;
    size_t waiting;                           // entries that the store does not have yet
    uint64_t noted;                           // decisions
    struct usage_count reasons[REASON_COUNT]; // decisions by reason
    uint64_t overflow;                        // counts (one for the key, one for the account) that found no room
    uint64_t written;                         // tallies, each time they were written
    uint64_t removed;                         // hours, by age
    uint64_t damaged;                         // records that did not decode
    uint64_t would_refuse;                    // decisions that a shadow limit did not fit
};
struct usage_stats usage_stats(struct usage *usage);

// --- unusual activity

// Method. Each key is compared with itself. The samples are the hours at the same time of day, and the hour before and
// after, of the last 28 days (at most 84); of a key that is known for less than three days, all its hours; one that is
// known for less than a day is not assessed. Counts go through Anscombe's transform y = 2 sqrt(x + 3/8) (Anscombe,
// Biometrika 35, 1948), in which the noise of a Poisson count is 1 at every level. Their median and MAD stand for level
// and noise, because an incident in the past must not hide the next (Hampel, JASA 69, 1974; the modified z-score of
// Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993); the MAD is scaled by 1.4826 n / (n - 0.8) (Croux and
// Rousseeuw, 1992). Noise is never taken for less than 1, the Poisson floor, and is widened by 1 + 4 / n, since a MAD
// of few samples is often too small. Where there are two weeks of them, the samples of the same weekday must say so
// too. The running hour is compared as far as it has come with whole hours: a flag may be late, but not early.
//   volume up     z > 5, at least 20 calls, and at least three times the usual
//   refusals up   the same of the refusals, at least 10 of them
//   new address   a network first seen in this hour, of a key that is known for a day and has met less than one new
//                 network a week since then (a key that roams is not flagged)
// Measured by tests/unit/usage_unusual_test.c on 300 keys with days, weekends, growth and more than Poisson noise: one
// false alarm per key in three and a half years; ten times the usual is found in 94 of 100 hours (what is missed is
// mostly a weekend that becomes as busy as a weekday).
enum { USAGE_BASELINE_MAX = 84 };

enum usage_flag { USAGE_VOLUME_UP = 1, USAGE_REFUSALS_UP = 2, USAGE_NEW_ADDRESS = 4 };

struct usage_sample {
    uint32_t hour; // since the epoch
    uint64_t calls;
    uint64_t refusals;
};

struct usage_past {
    struct usage_sample now; // the hour to be assessed
    struct usage_last last;
    struct usage_sample samples[USAGE_BASELINE_MAX]; // the hours that usage_baseline names
    size_t sample_count;
};

struct usage_verdict {
    bool assessed;  // false: known for less than a day
    unsigned flags; // of enum usage_flag
    uint64_t calls; // of the hour
    uint64_t refusals;
    uint64_t usual_calls; // medians
    uint64_t usual_refusals;
};

// Chooses the hours to compare `hour` with, for a key first used in `first_hour`, and puts them into samples[].hour.
// Returns how many; 0 when it is too early to assess. Pure.
size_t usage_baseline(uint32_t hour, uint32_t first_hour, struct usage_sample samples[USAGE_BASELINE_MAX]);
// Compares the hour with its samples. Pure.
void usage_assess(const struct usage_past *past, struct usage_verdict *out);

// Could the hour be flagged at all, whatever its samples are? Needs `now` and `last` only. Pure.
bool usage_may_stand_out(const struct usage_past *past);

// Which keys are assessed: all that were used, or those whose hour could be flagged; the others cost two lookups.
enum usage_depth { USAGE_ASSESS_ALL, USAGE_ASSESS_IF_UNUSUAL };
// Assesses the hour of a key that holds `at_ms`, from memory and disk: up to 85 lookups. A key that was never used is
// not assessed. Both depths give the same flags.
// Errors: as usage_last_used, except NOT_FOUND.
STATUS_MUST_CHECK enum status usage_unusual(struct usage *usage, struct store_txn *view,
                                            const uint8_t key_id[USAGE_KEY_ID_SIZE], uint64_t at_ms,
                                            enum usage_depth depth, struct usage_verdict *out);

#endif
