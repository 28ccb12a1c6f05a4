// A simulated machine, and the checker, which knows only what was admitted, given back and settled, and the limits.
#ifndef UNIT_LIMIT_SIMULATION_H
#define UNIT_LIMIT_SIMULATION_H

#include "unit/limit_fake.h"

enum {
    ACCOUNTS = 2,
    APPLICABLES = 4,
    CLIENTS = 24,
    STORED_MAX = ACCOUNTS * APPLICABLES,
    CHARGES_MAX = 2,
    STEPS = 600,
    ADMISSIONS_MAX = 16384,
    RETRY_MAX = 60,
    LOADS_MAX = 64, // of one call
    BATCH_MAX = 3,
    NAMED_MAX = 48, // charges with an id that are remembered
    SHARDS = 64,
    FALL_BACK_MAX_MS = 600000 // daemon time falls back less than this
};

struct stored {
    bool present;
    struct limit_name name;
    struct limit_record record;
};

// What a crash leaves.
struct disk {
    struct stored meters[STORED_MAX];
    struct clock_mark mark;
    bool has_mark;
};

struct admission {
    uint64_t t;       // daemon time
    uint64_t elapsed; // time as the checker measures it
    uint64_t cost;
    uint64_t amount; // of the limit then
    uint64_t burst;
    bool relaxed;
    bool given_back; // or relaxed, and from before a restart: whether it still counts is left open
    bool is_debt;    // no limit was asked
    bool pending;    // a debt that was not answered yet: whether it counts is left open
};

// One limit of one account, and all that it has ever admitted.
struct subject_limit {
    struct limit limit;
    struct admission log[ADMISSIONS_MAX];
    size_t count;
};

struct world;

struct request {
    size_t account;
    struct limit_charge charges[CHARGES_MAX];
    size_t charge_count;
    uint64_t id;                       // 0: none
    enum { AS_IS, HALF, DOUBLE } view; // of the limits: callers may not agree about them
    bool relaxed;
    bool overdraws;
};

// What the checker knows of a charge with an id.
struct named {
    struct request request;
    uint64_t admitted_in; // this run of the daemon; 0: never
    bool given_back;
    bool is_settled;
    uint64_t settled[CHARGES_MAX]; // what each of its charges cost in the end
    size_t log_at[APPLICABLES];    // index + 1 in the limits' logs; 0: not charged
    size_t debt_at[APPLICABLES];   // likewise, of what waits to be on disk
};

struct client {
    struct limit_waiter waiter; // first: wake gets it
    struct world *world;
    struct request requests[BATCH_MAX];
    struct limit_applicable applicables[BATCH_MAX][APPLICABLES]; // as its requests see them
    size_t request_count;
    bool settles; // the charge that its request names, to the costs of its request
    bool busy;
    bool woken; // has to ask again
    bool lazy;  // asks again some time after it was woken
    int waits;
};

struct world {
    uint64_t seed;
    uint64_t random;
    struct fake_time time;
    uint64_t real_ms; // true time that has passed
    uint64_t elapsed_ms, seen_real_ms, seen_t;
    uint8_t boot_id;
    struct clock *clock;
    struct limit_table *table;
    struct disk disk, disk_after;    // disk_after: when the commit in flight lands
    struct limit_write_batch *batch; // in flight
    uint64_t batch_durable_ms;
    struct limit_applicable applicables[ACCOUNTS][APPLICABLES];
    size_t applicable_count[ACCOUNTS];
    struct subject_limit limits[ACCOUNTS][APPLICABLES];
    struct client clients[CLIENTS];
    struct named named[NAMED_MAX];
    uint64_t ids, runs;
    size_t max_meters;
    uint64_t scale;   // of amounts and costs: large ones are counted in fewer and wider sub-windows
    bool disagrees;   // callers differ about the limits
    bool has_relaxed; // some do not wait
    bool calm; // no accidents, no lazy clients, no window ends during a commit: then nobody waits for more than two
    int longest_wait;
    uint64_t admissions, crashes, repeats, refunds, settlements, debts;
    char violation[LIMIT_TEXT_MAX + 64]; // the first
};

__extension__ typedef unsigned __int128 wide;

static const char *const account_names[ACCOUNTS] = {"acme", "globex"};

static inline uint64_t below(struct world *world, uint64_t bound)
{
    return fake_below(&world->random, bound);
}

static inline bool happens(struct world *world, uint64_t one_in)
{
    return below(world, one_in) == 0;
}

// --- the checker: the promises of limit/limit.h, from the log alone

static inline void note_violation(struct world *world, const struct limit *limit, const char *what)
{
    char text[LIMIT_TEXT_MAX + 1];
    limit_format(limit, text);
    if (world->violation[0] == '\0')
        snprintf(world->violation, sizeof world->violation, "%s: %s", text, what);
}

// Intervals are measured in true time, plus whatever the daemon's time has jumped ahead of it: a wall clock that moves
// forward is believed. After a reboot behind a wall clock that was set back, daemon time falls back to the last durable
// mark; true time goes on, and so does this.
static inline void observe_time(struct world *world)
{
    uint64_t t = clock_now_ms(world->clock), passed = world->real_ms - world->seen_real_ms;
    uint64_t moved = t > world->seen_t ? t - world->seen_t : 0;
    world->elapsed_ms += moved > passed ? moved : passed;
    world->seen_real_ms = world->real_ms;
    world->seen_t = t;
}

static inline uint64_t window_ms(const struct limit *limit)
{
    return limit->window_s * UINT64_C(1000);
}

static inline bool counts(const struct admission *admission)
{
    return !admission->given_back && !admission->pending;
}

// No more in its window, or in the interval of a window's length that ends with it, than was allowed at that time.
static inline void check_newest(struct world *world, const struct subject_limit *subject)
{
    const struct limit *limit = &subject->limit;
    const struct admission *newest = &subject->log[subject->count - 1];
    bool fixed = limit->algorithm == LIMIT_FIXED_WINDOW;
    uint64_t sum = 0, reach_ms = fixed ? FALL_BACK_MAX_MS : window_ms(limit);
    for (size_t i = subject->count; i > 0; i--) {
        const struct admission *admission = &subject->log[i - 1];
        if (admission->elapsed + reach_ms < newest->elapsed)
            break;
        if (counts(admission) && (!fixed || admission->t / window_ms(limit) == newest->t / window_ms(limit)))
            sum += admission->cost;
    }
    if (sum > newest->amount)
        note_violation(world, limit, "more than the amount");
}

// Any interval d holds at most burst + d * amount / window: what a bucket that never crashes would admit. Its debt is
// kept as time, in 2^-20 ms, so that it outlives changes of the limit; the roundings are in the daemon's favour.
static inline void check_bucket(struct world *world, const struct subject_limit *subject)
{
    wide unit = (wide)window_ms(&subject->limit) << 20, full_at = 0;
    for (size_t i = 0; i < subject->count; i++) {
        const struct admission *a = &subject->log[i];
        if (!counts(a) || a->amount == 0)
            continue;
        wide now = (wide)a->elapsed << 20;
        full_at = (full_at > now ? full_at : now) + a->cost * unit / a->amount;
        if (!a->is_debt && full_at > now + a->burst * unit / a->amount + subject->count)
            note_violation(world, &subject->limit, "more than burst and refill");
    }
}

static inline void check_buckets(struct world *world)
{
    for (size_t i = 0; i < ACCOUNTS; i++)
        for (size_t j = 0; j < world->applicable_count[i]; j++)
            if (world->limits[i][j].limit.algorithm == LIMIT_TOKEN_BUCKET)
                check_bucket(world, &world->limits[i][j]);
}

static inline uint64_t cost_on(const struct request *request, const struct limit *limit)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < request->charge_count; i++)
        if (slice_equal(request->charges[i].resource, limit->resource))
            cost += request->charges[i].cost;
    return cost;
}

static inline void note_named_violation(struct world *world, const struct request *request, const char *what)
{
    note_violation(world, &world->limits[request->account][0].limit, what);
}

static inline uint64_t viewed(uint64_t number, const struct request *request)
{
    switch (request->view) {
    case AS_IS:
        return number;
    case HALF:
        return (number + 1) / 2;
    case DOUBLE:
        return number * 2;
    }
    return number;
}

static inline struct limit limit_seen_by(const struct world *world, const struct request *request, size_t n)
{
    struct limit limit = world->applicables[request->account][n].limit;
    limit.amount = viewed(limit.amount, request);
    limit.burst = viewed(limit.burst, request);
    return limit;
}

static inline struct named *find_named(struct world *world, uint64_t id)
{
    for (size_t i = 0; i < NAMED_MAX && id > 0; i++)
        if (world->named[i].request.id == id)
            return &world->named[i];
    return NULL;
}

static inline bool was_admitted(const struct world *world, const struct named *named)
{
    return named->admitted_in == world->runs;
}

// True: the charge was made now.
static inline bool check_named(struct world *world, const struct request *request, const struct limit_answer *answer)
{
    struct named *named = find_named(world, request->id);
    if (named == NULL) { // the checker has forgotten it
        if (answer->repeated && request->id == 0)
            note_named_violation(world, request, "a charge without an id was repeated");
        return !answer->repeated;
    }
    if (answer->repeated != was_admitted(world, named))
        note_named_violation(world, request, answer->repeated ? "repeated before it was made" : "charged twice");
    if (was_admitted(world, named) && named->given_back)
        note_named_violation(world, request, "admitted again after it was given back");
    if (!was_admitted(world, named))
        named->given_back = named->is_settled = false; // in an earlier run
    world->repeats += answer->repeated;
    named->admitted_in = world->runs;
    return !answer->repeated;
}

// Adds what a limit of the request's account was charged at daemon time `t`; then the request's id leads to it.
static inline struct admission *add_admission(struct world *world, const struct request *request, size_t n, uint64_t t,
                                              uint64_t cost)
{
    struct subject_limit *subject = &world->limits[request->account][n];
    const struct limit limit = limit_seen_by(world, request, n);
    assert_true(subject->count < ADMISSIONS_MAX);
    struct admission *admission = &subject->log[subject->count++];
    *admission = (struct admission){.t = t,
                                    .elapsed = world->elapsed_ms,
                                    .cost = cost,
                                    .amount = limit.amount,
                                    .burst = limit.burst,
                                    .relaxed = request->relaxed};
    return admission;
}

static inline void note_admission(struct world *world, const struct request *request, const struct limit_answer *answer)
{
    observe_time(world);
    if (!check_named(world, request, answer))
        return;
    struct named *named = find_named(world, request->id);
    world->admissions++;
    for (size_t i = 0; i < world->applicable_count[request->account]; i++) {
        struct subject_limit *subject = &world->limits[request->account][i];
        uint64_t cost = cost_on(request, &subject->limit);
        if (cost == 0)
            continue;
        (void)add_admission(world, request, i, answer->now_ms, cost);
        if (named != NULL)
            named->log_at[i] = subject->count;
        if (subject->limit.algorithm != LIMIT_TOKEN_BUCKET)
            check_newest(world, subject);
    }
}

// What cannot be taken back any more lies in a window that is over, where it makes no difference, or has flowed back.
static inline void note_refund(struct world *world, struct named *named)
{
    if (!was_admitted(world, named) || named->given_back || named->is_settled)
        note_named_violation(world, &named->request, "given back twice, or without having been charged");
    named->given_back = true;
    world->refunds++;
    for (size_t i = 0; i < world->applicable_count[named->request.account]; i++)
        if (named->log_at[i] > 0)
            world->limits[named->request.account][i].log[named->log_at[i] - 1].given_back = true;
}

// --- what is counted beyond a limit, and waits for the disk: it counts from then on, once it is answered

static inline void note_debt(struct world *world, struct named *named, size_t n, uint64_t t, uint64_t cost)
{
    struct admission *debt = add_admission(world, &named->request, n, t, cost);
    debt->is_debt = debt->pending = true;
    named->debt_at[n] = world->limits[named->request.account][n].count;
    world->debts++;
}

static inline void note_overdraw(struct world *world, struct named *named, const struct limit_answer *answer)
{
    observe_time(world);
    named->given_back = named->is_settled = false;
    named->admitted_in = world->runs;
    for (size_t i = 0; i < world->applicable_count[named->request.account]; i++) {
        uint64_t cost = cost_on(&named->request, &world->limits[named->request.account][i].limit);
        if (cost > 0)
            note_debt(world, named, i, answer->now_ms, cost);
        named->log_at[i] = named->debt_at[i];
    }
}

// More is taken from the window that was charged, if that is not over; whether it is, only the daemon knows exactly.
static inline void note_more(struct world *world, struct named *named, size_t n, uint64_t t, uint64_t cost)
{
    const struct subject_limit *subject = &world->limits[named->request.account][n];
    const struct admission *charge = &subject->log[named->log_at[n] - 1];
    switch (subject->limit.algorithm) {
    case LIMIT_FIXED_WINDOW:
        note_debt(world, named, n, charge->t, cost);
        break;
    case LIMIT_SLIDING_WINDOW:
        if (world->elapsed_ms <= charge->elapsed + window_ms(&subject->limit))
            note_debt(world, named, n, t, cost);
        break;
    case LIMIT_TOKEN_BUCKET:
        note_debt(world, named, n, t, cost);
    }
}

// The charge becomes what `settled` costs. Less may be spent by others at once.
static inline void note_settlement(struct world *world, struct named *named, const struct request *settled,
                                   const struct limit_answer *answer)
{
    uint64_t all = 0;
    observe_time(world);
    world->settlements++;
    named->is_settled = true;
    for (size_t i = 0; i < settled->charge_count; i++)
        all += named->settled[i] = settled->charges[i].cost;
    named->given_back = all == 0;
    for (size_t i = 0; i < world->applicable_count[settled->account]; i++) {
        struct subject_limit *subject = &world->limits[settled->account][i];
        uint64_t then = cost_on(&named->request, &subject->limit), now = cost_on(settled, &subject->limit);
        if (named->log_at[i] > 0 && now > then)
            note_more(world, named, i, answer->now_ms, now - then);
        if (named->log_at[i] > 0 && now < then)
            subject->log[named->log_at[i] - 1].cost = now;
    }
}

static inline void note_answered(struct world *world, struct named *named)
{
    for (size_t i = 0; i < world->applicable_count[named->request.account]; i++) {
        if (named->debt_at[i] > 0)
            world->limits[named->request.account][i].log[named->debt_at[i] - 1].pending = false;
        named->debt_at[i] = 0;
    }
}

#endif
