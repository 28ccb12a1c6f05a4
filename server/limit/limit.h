// Limits: their text, their bounds, three algorithms, and the table of running meters with its reservations.
//
// Algorithms (each a pure file: state + now + cost in, answer out; specification: docs/limits.md):
//   fixed_window    at most `amount` per aligned window: a calendar period (minute to year, in a time zone), all time
//                   (total), or floor(t / window). Two adjacent windows may together hold 2 * amount around the
//                   boundary. A change of the zone opens no window twice.
//   sliding_window  at most `amount` in *any* interval of window_s: a ring of N + 1 sub-windows of a window / N; every
//                   sub-window that the interval touches counts. Early refusal is bounded by one sub-window. N is 60,
//                   for amounts above 65,535 it is 30 and above 4,294,967,295 it is 15: larger counters, but fewer.
//                   After a lower amount N stays until nothing is counted any more.
//   token_bucket    GCRA (ITU-T I.371): rate amount / window_s, at most `burst` at once. Any interval d holds at most
//                   burst + d * rate.
//
// Reservation. Memory spends only what disk has set aside. `limit_decide` never writes and never waits: when a meter
// has nothing set aside it answers LIMIT_WAIT, queues the meter and the waiter, and the caller hands limit_collect's
// batch to the writer, then limit_write_batch_end. After a crash all of the last reservation counts as spent
// (limit_install).
// Does no I/O. Owns: the meters.
// Threads: everything on a table may be called from any thread; a shard's mutex is held only inside each call, never
// over a callback. limit_collect and limit_write_batch_end: by the writer thread, strictly in turn.
//
// Time: the clock handed in at limit_table_new is read inside the lock, once per decision.
#ifndef LIMIT_LIMIT_H
#define LIMIT_LIMIT_H

#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "zone/zone.h"

#define LIMIT_AMOUNT_MAX   UINT64_C(9007199254740991) // 2^53 - 1
#define LIMIT_WINDOW_S_MAX UINT32_C(2678400)          // 31 days

enum {
    LIMIT_RESOURCE_MAX = 64,
    LIMIT_TEXT_MAX = 160,
    LIMIT_PER_RECORD_MAX = 8,  // per tier, account, key
    LIMIT_APPLICABLE_MAX = 24, // that can apply to one call
    LIMIT_CHARGES_MAX = 8,
    LIMIT_NAME_MAX = 400, // bytes of a meter's name
    LIMIT_CHARGE_ID_SIZE = 32,
    LIMIT_CHARGES_LOGGED = 131072, // charges of a kind that can be repeated or settled, in all
    LIMIT_CALLS_MAX = 64,          // decided as one
    LIMIT_COUNTERS_MAX = 61,
    LIMIT_MAGNITUDE_MAX = 64
};

// Numbers of the wire.
enum limit_algorithm { LIMIT_FIXED_WINDOW = 1, LIMIT_SLIDING_WINDOW = 2, LIMIT_TOKEN_BUCKET = 3 };
enum limit_period {
    LIMIT_NO_PERIOD = 0,
    LIMIT_MINUTE = 1,
    LIMIT_HOUR = 2,
    LIMIT_DAY = 3,
    LIMIT_MONTH = 4,
    LIMIT_WEEK = 5, // from Monday (ISO 8601)
    LIMIT_YEAR = 6,
    LIMIT_TOTAL = 7 // one window, which never ends
};
// Do the period's windows depend on the time zone?
static inline bool limit_period_is_local(enum limit_period period)
{
    return period != LIMIT_NO_PERIOD && period != LIMIT_TOTAL;
}
// When a window ends that never does: beyond every time of the wire.
#define LIMIT_NEVER_MS UINT64_C(0x3fffffffffffffff)
enum limit_subject { LIMIT_OF_ACCOUNT = 1, LIMIT_OF_KEY = 2, LIMIT_OF_CUSTOM = 3 };

struct limit {
    struct slice resource; // points into the parsed text, request or record
    enum limit_algorithm algorithm;
    uint64_t amount;
    uint32_t window_s; // 0 only for unlimited and for periods without a fixed length
    enum limit_period period;
    uint64_t burst; // token_bucket only
    bool unlimited; // then everything but the resource is 0
    bool shadow;    // never refuses: a call that does not fit is not counted on it, and is told so
};

// --- text and bounds

// Has every window of the period as many seconds?
static inline bool limit_period_has_length(enum limit_period period)
{
    return period != LIMIT_MONTH && period != LIMIT_YEAR && period != LIMIT_TOTAL;
}

// Writes the canonical text of a complete limit, which libpostern reads as the same limit. Returns its length.
size_t limit_format(const struct limit *limit, char out[LIMIT_TEXT_MAX + 1]);
// Checks bounds and fills defaults in (algorithm, window of a period, burst).
// Errors: INVALID_ARGUMENT; failure->field is the member's name ("resource", "amount", "window_s", "period", "burst").
STATUS_MUST_CHECK enum status limit_complete(struct limit *limit, struct status_failure *failure);
// Do the two count on the same meter: same resource, algorithm and window, and both shadow limits or none? An override
// replaces the tier's limit with the same resource and window, whatever the algorithm: limit_same_window.
bool limit_same_meter(const struct limit *a, const struct limit *b);
bool limit_same_window(const struct limit *a, const struct limit *b);
// Is every schedule of calls that fits `inner` one that `outer` would let pass? Both are complete, `outer` is not
// unlimited. Only limits on the same meter are compared, others are never within.
bool limit_is_within(const struct limit *inner, const struct limit *outer);
const char *limit_algorithm_name(enum limit_algorithm algorithm); // "fixed_window" …

// --- meters

struct limit_table;

struct limit_table_options {
    struct clock *clock;
    const struct zone *zone; // of calendar periods, where an applicable limit has none
    bool relaxed;            // do not wait for the disk; a crash may admit again what was spent
    bool relaxed_on_failure; // the same from a commit that failed to the next one that did not
    uint64_t hash_seed;      // 0: a random one. A given one makes a simulation repeatable, and collisions possible
    // Meters in memory, a 64th part of them in each shard; 0 = no bound. Beyond it those at rest longest leave memory,
    // if need be after they are written: up to twice as many are there while these writes are under way.
    size_t max_meters;
};

struct limit_table *limit_table_new(const struct limit_table_options *options); // NULL when memory is out
void limit_table_free(struct limit_table *table);                               // no call may wait; NULL-safe

// One limit that applies to a call.
struct limit_applicable {
    struct limit limit; // complete
    enum limit_subject subject;
    struct slice subject_id; // name of an account's life, 11 bytes of lineage, or a custom name; at most 200 bytes
    const struct zone *zone; // of its calendar period; NULL: the table's
};

struct limit_charge {
    struct slice resource;
    uint64_t cost; // 0 means 1
};

// What is asked for: a decision before the work, or what the work really cost, or an amount that is given back
// (limit_settle).
enum limit_mode { LIMIT_CONSUME, LIMIT_OVERDRAW, LIMIT_SETTLE, LIMIT_REFUND, LIMIT_REFUND_AMOUNT };

// A question: all its charges, over all applicable limits that declare their resource, are one decision.
struct limit_call {
    struct slice owner; // a life of an account, or a custom name: all its meters are in one shard, under one lock
    const struct limit_applicable *applicables;
    size_t applicable_count;
    const struct limit_charge *charges;
    size_t charge_count;
    bool peek;    // decide and report only; without charges, report of all applicable limits
    bool relaxed; // as the table's option, for this call
    // LIMIT_CHARGE_ID_SIZE bytes that name caller and charge, or empty; ignored when peeking. A second call with the
    // same id for the same owner gets the first one's answer and spends nothing. Memory keeps the newest
    // LIMIT_CHARGES_LOGGED of each kind (a share of them per shard): forgetting one can only charge twice, or make that
    // it cannot be settled. Refusals are not kept.
    struct slice charge_id;
    struct slice key; // lineage of the key that the subject names; empty: none. See LIMIT_OTHER_KEY
    bool is_lasting;  // the kind: the charge may be settled late, so many short ones must not displace it
    enum limit_mode mode;
    uint32_t maker; // of a custom subject: who makes its meters, when there are none yet; 0: nobody in particular
};

enum limit_verdict {
    LIMIT_ADMITTED,
    LIMIT_DENIED,     // does not fit now: RATE_LIMITED
    LIMIT_TOO_COSTLY, // cost above a whole limit: COST_EXCEEDS_LIMIT
    LIMIT_UNDECLARED, // a charge's resource is in no applicable limit; answer->charge names it
    LIMIT_WAIT,       // the waiter was queued: ask again from the top when it is woken
    LIMIT_UNDECIDED,  // of an answer only: the decision ended before this call, or by the fault of another one
    // Meters are not in memory, or are and a charge would make their first record (of those with a maker): read
    // answer->absent from the store, limit_install each, ask again.
    LIMIT_ABSENT,
    LIMIT_NO_MEMORY,
    LIMIT_OTHER_CHARGE, // charge_id names a charge of other resources or costs, or one that was settled to others
    LIMIT_GIVEN_BACK,   // charge_id names a charge that was given back: neither charged again nor given back twice
    // from limit_settle only
    LIMIT_NO_CHARGE,  // charge_id names no charge that is known here
    LIMIT_OTHER_KEY,  // a key's own limits were charged, too, and the call does not name that key
    LIMIT_WINDOW_OVER // the window that was charged is over: nothing is left to give back, or to add to
};

// How one charged limit stands, after the decision. Times are daemon time L (clock_to_wall_ms makes wall times).
struct limit_standing {
    const struct limit_applicable *applicable;
    uint64_t limit;
    uint64_t remaining;
    uint64_t reset_at_ms; // full again then, if nothing more is spent
    uint64_t retry_at_ms; // this cost fits then; 0 = fits now or never
    bool would_refuse;    // a shadow limit, which this call does not fit
};

struct limit_name {
    uint8_t bytes[LIMIT_NAME_MAX];
    size_t size;
};

static inline struct slice limit_name_slice(const struct limit_name *name)
{
    return slice_make(name->bytes, name->size);
}

struct limit_answer {
    enum limit_verdict verdict;
    uint64_t now_ms;         // L of the decision
    uint64_t retry_after_ms; // LIMIT_DENIED: largest retry_at - now of the denying meters; 0: it will never fit
    size_t standing_count; // ADMITTED, DENIED, TOO_COSTLY: one per charged limit, in the order of the applicable limits
    struct limit_standing standings[LIMIT_APPLICABLE_MAX];
    size_t binding;    // index + 1 in standings of the one that decides (denies, or has the least remaining), 0 = none
    size_t charge;     // LIMIT_UNDECLARED
    bool repeated;     // ADMITTED: by an earlier call with this charge_id; the standings are that call's
    bool write_wanted; // the table has something for the writer now (also with ADMITTED: a prefetch)
    uint64_t generation; // LIMIT_ABSENT: hand it to limit_install
    size_t absent_count;
    const struct limit_applicable *absent[LIMIT_APPLICABLE_MAX];
};

// A waiter waits for a commit. The caller owns it, zeroes it before the first try, and keeps it for the call's next
// tries: a woken waiter comes before newcomers. It is queued from LIMIT_WAIT until `wake` is called.
struct limit_waiter {
    void (*wake)(struct limit_waiter *waiter, enum status status); // OK: ask again; UNAVAILABLE: the disk failed
    // Used by the table only.
    struct limit_waiter *next;
    bool woken;      // by a commit, and has not asked again since
    bool is_applied; // what it waits for has been counted by its call, and is not on disk yet
    uint64_t number; // growing in the order of arrival
};

// Decides one call or several (at most LIMIT_CALLS_MAX; all of them peeks, or none), of any owners, as one: all are
// charged or none. `waiter` may be NULL for peeks only. For one call it allocates nothing and takes one lock.
// Returns
//   LIMIT_ADMITTED  all are charged;
//   LIMIT_DENIED    at least one is refused; answers[n].verdict (ADMITTED, DENIED or TOO_COSTLY) says how each would
//                   have been decided, in their order, as if refused ones cost nothing;
//   LIMIT_WAIT      the waiter is queued: all answers say so; decide again from the top when it is woken;
//   UNDECLARED, OTHER_CHARGE, GIVEN_BACK, ABSENT (install what any of the answers names), NO_MEMORY: the answers of the
//                   calls at fault carry that verdict, and all others LIMIT_UNDECIDED.
// Every answer's write_wanted is the same. ADMITTED spends and WAIT queues; nothing else changes what is left.
// First come, first served: a call that finds others waiting for a meter that it needs joins the queue, unless there is
// enough for all of them and for it. A waiter has a place at every meter of its calls, so it waits for at most two
// commits, the one under way and the next, unless a window ends, a limit changes or the disk fails meanwhile. A waiter
// for meters of several owners may, rarely, have to wait twice. Callers of one meter may differ about its limit: each
// obeys its own. When they differ about a bucket's limit, a commit serves those who agree with the one who has waited
// longest, and calls of one decision obey the smaller amount and burst.
enum limit_verdict limit_decide(struct limit_table *table, const struct limit_call *calls, size_t count,
                                struct limit_waiter *waiter, struct limit_answer *answers);

// Counts what work really cost, by call->mode. call->charge_id is needed.
//   LIMIT_SETTLE    The charge of that id becomes what `charges` say, where a cost of 0 is none; resources that they do
//                   not name stay as charged. Less gives the rest back, and never lifts above the limit. More is taken
//                   beyond the limit if need be: until that is paid off, nothing fits. Once: the same again gets the
//                   same answer.
//   LIMIT_REFUND    The charge becomes nothing. Without `charges` it is the whole charge; otherwise they must be the
//                   same as then.
//   LIMIT_OVERDRAW  A new charge, beyond the limit if need be. The same again gets the first one's answer.
//   LIMIT_REFUND_AMOUNT
//                   What `charges` say is given back of whatever is counted, the newest first, and no more than that;
//                   shadow limits give back, too. The same again gets the first one's answer. It waits as a debt does.
// A limit neither gives nor takes when its fixed_window has ended or the sub-window of the charge has left the ring. A
// token_bucket keeps what has flowed back by itself, and takes more at any time.
// Returns, and answers,
//   LIMIT_ADMITTED  it is done, with standings of the applicable limits that are charged;
//   LIMIT_WAIT      it is counted, but a crash would forget what was taken: the waiter is queued, ask again when it is
//                   woken. When it was woken with a failure, asking again with the same id goes on from there;
//   NO_CHARGE, OTHER_KEY, GIVEN_BACK, OTHER_CHARGE, WINDOW_OVER, UNDECLARED (of an overdraw or an amount), ABSENT or
//   NO_MEMORY.
// Giving a charge back writes nothing at once, so it never waits (`waiter` may be NULL for a refund), and a crash may
// undo it.
enum limit_verdict limit_settle(struct limit_table *table, const struct limit_call *call, struct limit_waiter *waiter,
                                struct limit_answer *answer);

// A meter's state as it is stored. `reserved` is R', what a crash forfeits.
struct limit_record {
    enum limit_algorithm algorithm;
    uint64_t t_ms;
    uint64_t amount; // of the limit when it was written; both 0 in records of older versions
    uint64_t burst;
    uint64_t reserved;
    uint64_t index; // fixed_window: the window, all that older versions have; sliding_window: the newest slot's number
    // fixed_window
    uint64_t used;
    uint64_t begin_ms; // both 0 in records of older versions
    uint64_t end_ms;
    uint64_t held; // counted until held_until_ms
    uint64_t held_until_ms;
    const struct zone *zone;               // that the window is of, if its period is local
    uint64_t counters[LIMIT_COUNTERS_MAX]; // sliding_window: slot s is at s % counter_count (N + 1)
    size_t counter_count;
    uint64_t tat_ms;       // token_bucket: theoretical arrival time, whole milliseconds
    uint64_t tat_fraction; // and 2^-32 parts of one, rounded up: they do not depend on the amount
    uint32_t maker;        // as in the call that made the meter; 0 also in records of older versions
    // Of the smallest limit that it was spent under: 1 + its binary logarithm; 1 also once anybody but its maker has
    // spent; 0: nobody has.
    uint8_t magnitude;
};

// A meter that a limit would have with another algorithm: what was spent under it goes on to count when the algorithm
// changes.
struct limit_former {
    struct limit_name name;
    struct limit_record record;
};

enum { LIMIT_FORMERS_MAX = 3 }; // a fixed window may be a calendar period or not

// What the store has of a meter.
struct limit_found {
    const struct limit_record *record;  // NULL: nothing
    const struct limit_former *formers; // those that have a record
    size_t former_count;
    uint32_t maker; // the call's, for a meter without a record
};

// Makes the names of the meters that the call's applicable limit would have with other algorithms. Returns how many:
// none of a custom subject, and not those that another limit of the call has; *alone says whether there is such a one.
size_t limit_formers(const struct limit_call *call, const struct limit_applicable *applicable,
                     struct limit_name out[LIMIT_FORMERS_MAX], bool *alone);

// Puts a meter into memory as after a crash: synced to now, `reserved` counted as spent, nothing set aside. `found` may
// be NULL, for nothing; `applicable` and `owner` are those of the call. When the meter is there already, it only
// may be charged without a record now. Nothing is done when `generation` is old (a meter was evicted since: ask again).
// False when memory is out, or max_meters is reached and no meter can leave at once; those that must be
// written first are queued: try again after that write.
bool limit_install(struct limit_table *table, struct slice owner, const struct limit_applicable *applicable,
                   const struct limit_found *found, uint64_t generation);
// Is the meter of this name in memory? Only records of absent meters may be removed.
bool limit_is_resident(struct limit_table *table, struct slice owner, struct slice name);
// Is the record, recovered at `start_ms` (what was reserved counts as spent then), at rest again by `now_ms`? Then the
// record can be removed without a loss. `name` says window and algorithm. False when in doubt.
bool limit_record_at_rest(struct slice name, const struct limit_record *record, uint64_t start_ms, uint64_t now_ms);
// Has the record, recovered in the same way, at most a 2^shift-th of every limit that it was ever spent under counted
// by `now_ms`? So little is lost when it is removed. False when in doubt, for a record without a maker, and when
// anybody else has spent.
bool limit_record_is_cheap(struct slice name, const struct limit_record *record, uint64_t start_ms, uint64_t now_ms,
                           unsigned shift);
// Lets everything that memory knows of a custom subject begin anew: its meters, and the charges of it that were logged.
// Records of it that somebody is just reading are not installed. False when memory is out; then do it again.
bool limit_renew(struct limit_table *table, struct slice owner) __attribute__((warn_unused_result));
// Makes the name of an applicable limit's meter, its key in the store: subject, resource, algorithm and window, never
// the amount.
void limit_name_of(const struct limit_applicable *applicable, struct limit_name *out);

// --- the writer's side

struct limit_write_batch;

// Takes every queued meter and its waiters, each shard under its lock. NULL when there is nothing. When memory is out
// for a shard, its meters are not written, and its waiters are woken with UNAVAILABLE when the batch ends; with what
// the table has set aside for that, one shard's few meters are always written.
struct limit_write_batch *limit_collect(struct limit_table *table);
// Takes every meter's exact state, with reserved = 0: for a clean stop, when no call or batch is in flight any more.
struct limit_write_batch *limit_collect_exact(struct limit_table *table);
size_t limit_write_batch_count(const struct limit_write_batch *batch);
// Gives the n-th record to write; name and record live until limit_write_batch_end. `empty`: the meter is at rest, so
// the record may be deleted instead (only from limit_collect_exact, or of a meter that is leaving memory).
void limit_write_batch_at(const struct limit_write_batch *batch, size_t n, struct slice *name,
                          const struct limit_record **record, bool *empty);
// Ends the batch after its commit: sets what may be spent, then wakes the batch's waiters in their order, outside all
// locks. The batch is gone then. `status` is the commit's; `durable_ms` is the clock's mark H that it carried.
void limit_write_batch_end(struct limit_table *table, struct limit_write_batch *batch, enum status status,
                           uint64_t durable_ms);
// Notes that a commit without a batch has carried H (the ticker's).
void limit_note_durable(struct limit_table *table, uint64_t durable_ms);
// Is there more to collect? Ask after limit_write_batch_end, and submit again.
bool limit_write_wanted(struct limit_table *table);

// Gives back the memory of meters that nobody has asked about for `idle_ms`: at once where the disk knows the exact
// state, otherwise after a commit that carries it, so that nothing is forfeited (limit_write_wanted). The next call on
// such a meter is LIMIT_ABSENT. Called now and then by the scheduler; looks at every meter. Returns how many have left
// or are queued for it.
size_t limit_evict_idle(struct limit_table *table, uint64_t idle_ms);

struct limit_table_stats {
    size_t meters;
    size_t bytes; // of the meters, malloc overhead included
    uint64_t decisions;
    uint64_t waits;
    uint64_t records; // collected for writing
};
struct limit_table_stats limit_table_stats(struct limit_table *table);

#endif
