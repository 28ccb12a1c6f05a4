// Giving back, in each algorithm, against a log of all that was admitted and is not given back, over random schedules.

#include "limit/algorithm.h"
#include "unit/limit_fake.h"

enum { STEPS = 200, SCHEDULES = 2000 };

struct admission {
    struct limit_spent spent;
    bool given_back;
};

struct run {
    const struct limit_algorithm_functions *functions;
    enum limit_algorithm algorithm;
    struct limit_rate rate;
    union limit_state state;
    uint64_t t;
    uint64_t random;
    struct admission log[STEPS];
    size_t count;
    bool changes;        // the amount, and with it the ring
    limit_wide withheld; // by a bucket, at most: what may have flowed back by itself. In its ticks
};

static uint64_t below(struct run *run, uint64_t bound)
{
    return fake_below(&run->random, bound);
}

static uint64_t random_amount(struct run *run)
{
    static const uint64_t scales[] = {5, 20, 255, 256, 70000, UINT32_MAX, UINT64_C(1) << 40, LIMIT_AMOUNT_MAX};
    return 1 + below(run, scales[below(run, sizeof scales / sizeof scales[0])]);
}

static void begin_run(struct run *run, enum limit_algorithm algorithm, uint64_t seed)
{
    static const uint64_t windows_s[] = {1, 7, 60, 61, 3600, 86400, LIMIT_WINDOW_S_MAX};
    *run = (struct run){.functions = limit_algorithm_of(algorithm), .algorithm = algorithm, .random = seed};
    run->rate.amount = random_amount(run);
    run->rate.window_ms = windows_s[below(run, sizeof windows_s / sizeof windows_s[0])] * 1000;
    if (algorithm == LIMIT_TOKEN_BUCKET)
        run->rate.burst = 1 + below(run, below(run, 2) == 0 ? run->rate.amount : 10);
    run->t = FAKE_START_MS + below(run, 100000000);
    assert_true(run->functions->load(&run->state, &run->rate, run->t, NULL));
}

static void end_run(struct run *run)
{
    if (run->functions->wipe != NULL)
        run->functions->wipe(&run->state);
}

static uint64_t random_step(struct run *run)
{
    switch (below(run, 8)) {
    case 0:
    case 1:
        return 0;
    case 2:
        return below(run, 2 * run->rate.window_ms);
    case 3:
        return run->rate.window_ms - run->t % run->rate.window_ms;
    default:
        return below(run, run->rate.window_ms / 8 + 1);
    }
}

static uint64_t random_cost(struct run *run)
{
    uint64_t most = limit_capacity(run->algorithm, &run->rate);
    return 1 + below(run, below(run, 3) == 0 ? most : most / 8 + 1);
}

static void move(struct run *run, uint64_t by_ms)
{
    run->t += by_ms;
    run->functions->sync(&run->state, &run->rate, run->t);
}

static void admit(struct run *run, uint64_t cost)
{
    if (!run->functions->fits(&run->state, &run->rate, run->t, cost))
        return;
    run->functions->spend(&run->state, &run->rate, run->t, cost);
    run->log[run->count++].spent = (struct limit_spent){.t_ms = run->t, .cost = cost, .amount = run->rate.amount};
}

// --- what the log says

static uint64_t sum_between(const struct run *run, uint64_t from, uint64_t to)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < run->count; i++)
        if (!run->log[i].given_back && run->log[i].spent.t_ms >= from && run->log[i].spent.t_ms <= to)
            sum += run->log[i].spent.cost;
    return sum;
}

// The first moment of which the algorithm still counts everything.
static uint64_t counted_from(const struct run *run)
{
    const struct limit_sliding_state *sliding = &run->state.sliding;
    if (run->algorithm == LIMIT_FIXED_WINDOW)
        return run->t - run->t % run->rate.window_ms;
    uint64_t slot_ms = (run->rate.window_ms + 59) / 60 * (60 / (sliding->slots - 1));
    return (run->t / slot_ms - (sliding->slots - 1)) * slot_ms;
}

static void check_window(const struct run *run)
{
    uint64_t used = sum_between(run, counted_from(run), run->t);
    uint64_t remaining = run->functions->remaining(&run->state, &run->rate, run->t);
    assert_true(used <= run->rate.amount);
    assert_int_equal(remaining, run->rate.amount - used);
}

static limit_wide debt(const struct run *run)
{
    const struct limit_bucket_state *bucket = &run->state.bucket;
    return bucket->tat_ms < run->t ? 0 : (limit_wide)(bucket->tat_ms - run->t) * bucket->scale + bucket->fraction;
}

// The debt if nothing else had ever been spent than what is not given back, or than everything.
static limit_wide recomputed_debt(const struct run *run, bool everything)
{
    limit_wide owed = 0;
    uint64_t t = run->t;
    for (size_t i = 0; i <= run->count; i++) {
        uint64_t now = i < run->count ? run->log[i].spent.t_ms : run->t;
        limit_wide drained = i > 0 ? (limit_wide)(now - t) * run->rate.amount : 0;
        owed = owed > drained ? owed - drained : 0;
        t = now;
        if (i < run->count && (everything || !run->log[i].given_back))
            owed += (limit_wide)run->log[i].spent.cost * run->rate.window_ms;
    }
    return owed;
}

static void check_bucket(const struct run *run)
{
    limit_wide owed = debt(run), least = recomputed_debt(run, false);
    assert_true(owed >= least);
    assert_true(owed <= least + run->withheld);
    assert_true(owed <= recomputed_debt(run, true));
}

// Any interval d holds at most burst + d * amount / window of what is not given back.
static void check_promise_of_bucket(const struct run *run)
{
    for (size_t last = 0; last < run->count; last++) {
        limit_wide sum = 0;
        for (size_t i = last + 1; i > 0; i--) {
            const struct limit_spent *spent = &run->log[i - 1].spent;
            sum += run->log[i - 1].given_back ? 0 : spent->cost;
            limit_wide refill = (limit_wide)(run->log[last].spent.t_ms - spent->t_ms) * run->rate.amount;
            if (sum > run->rate.burst)
                assert_true((sum - run->rate.burst) * run->rate.window_ms <= refill);
        }
    }
}

static void check(const struct run *run)
{
    if (run->algorithm == LIMIT_TOKEN_BUCKET)
        check_bucket(run);
    else
        check_window(run);
}

// --- schedules

static void note_withheld(struct run *run, const struct limit_spent *spent)
{
    limit_wide passed = (limit_wide)(run->t - spent->t_ms) * run->rate.amount;
    limit_wide cost = (limit_wide)spent->cost * run->rate.window_ms;
    run->withheld += passed < cost ? passed : cost;
}

static void give_back(struct run *run)
{
    struct admission *admission = run->count > 0 ? &run->log[below(run, run->count)] : NULL;
    if (admission == NULL || admission->given_back)
        return;
    bool counts = run->algorithm == LIMIT_TOKEN_BUCKET || admission->spent.t_ms >= counted_from(run);
    bool given = run->functions->refund(&run->state, &run->rate, run->t, &admission->spent);
    if (run->algorithm != LIMIT_TOKEN_BUCKET && !run->changes)
        assert_int_equal(given, counts);
    admission->given_back = given || run->algorithm == LIMIT_TOKEN_BUCKET;
    note_withheld(run, &admission->spent);
}

static void run_schedule(enum limit_algorithm algorithm, uint64_t seed)
{
    struct run run;
    begin_run(&run, algorithm, seed);
    for (int step = 0; step < STEPS; step++) {
        move(&run, random_step(&run));
        if (below(&run, 5) < 2)
            give_back(&run);
        else
            admit(&run, random_cost(&run));
        check(&run);
    }
    if (algorithm == LIMIT_TOKEN_BUCKET)
        check_promise_of_bucket(&run);
    end_run(&run);
}

static void fixed_window_counts_exactly_what_is_not_given_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
        run_schedule(LIMIT_FIXED_WINDOW, seed);
}

static void sliding_window_counts_exactly_what_is_not_given_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
        run_schedule(LIMIT_SLIDING_WINDOW, seed);
}

static void bucket_owes_at_least_what_is_not_given_back_and_hardly_more(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
        run_schedule(LIMIT_TOKEN_BUCKET, seed);
}

// --- limits that change

enum { PARTS = 1 << 20 }; // of a millisecond

// The debt if nothing else had ever been spent than what is not given back, rounded down.
static limit_wide recomputed_parts(const struct run *run)
{
    limit_wide owed = 0;
    uint64_t t = run->t;
    for (size_t i = 0; i <= run->count; i++) {
        uint64_t now = i < run->count ? run->log[i].spent.t_ms : run->t;
        limit_wide drained = i > 0 ? (limit_wide)(now - t) * PARTS : 0;
        owed = owed > drained ? owed - drained : 0;
        t = now;
        if (i < run->count && !run->log[i].given_back)
            owed += (limit_wide)run->log[i].spent.cost * run->rate.window_ms * PARTS / run->log[i].spent.amount;
    }
    return owed;
}

static void bucket_whose_rate_changes_gives_back_no_more_time_than_was_charged(void **state)
{
    (void)state;
    static const uint64_t amounts[] = {1, 7, 60, 999, 60000, 1000003, UINT64_C(1) << 40};
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        struct run run;
        begin_run(&run, LIMIT_TOKEN_BUCKET, seed);
        run.rate.window_ms = 60000;
        for (int step = 0; step < STEPS; step++) {
            move(&run, random_step(&run) / 8);
            run.rate.amount = run.rate.burst = amounts[below(&run, sizeof amounts / sizeof amounts[0])];
            move(&run, 0);
            if (below(&run, 3) > 0)
                admit(&run, random_cost(&run));
            else
                give_back(&run);
            limit_wide owed = (debt(&run) * PARTS + run.rate.amount - 1) / run.rate.amount;
            assert_true(owed >= recomputed_parts(&run));
        }
        end_run(&run);
    }
}

// Rings of another size and all: what is not given back never exceeds the amount of that time in any window.
static void windows_whose_amount_changes_hold_no_more_than_was_allowed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2 * SCHEDULES; seed++) {
        struct run run;
        begin_run(&run, seed % 2 == 0 ? LIMIT_FIXED_WINDOW : LIMIT_SLIDING_WINDOW, seed);
        run.changes = true;
        for (int step = 0; step < STEPS; step++) {
            move(&run, random_step(&run));
            if (below(&run, 8) == 0)
                run.rate.amount = random_amount(&run);
            assert_true(run.functions->reserve == NULL || run.functions->reserve(&run.state, run.rate.amount));
            move(&run, 0);
            uint64_t from = run.t - (seed % 2 == 0 ? run.t % run.rate.window_ms : run.rate.window_ms);
            size_t count = run.count;
            if (below(&run, 5) < 3)
                admit(&run, random_cost(&run));
            else if (run.count > 0)
                give_back(&run);
            if (run.count > count)
                assert_true(sum_between(&run, from, run.t) <= run.rate.amount);
        }
        end_run(&run);
    }
}

// --- the inverse

static void save(const struct run *run, struct limit_record *record)
{
    *record = (struct limit_record){0};
    run->functions->save(&run->state, record);
}

static void what_was_just_spent_is_unspent_exactly(void **state)
{
    (void)state;
    static const enum limit_algorithm algorithms[] = {LIMIT_FIXED_WINDOW, LIMIT_SLIDING_WINDOW, LIMIT_TOKEN_BUCKET};
    struct limit_record before, after;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        struct run run;
        begin_run(&run, algorithms[seed % 3], seed);
        for (int step = 0; step < STEPS; step++) {
            move(&run, random_step(&run));
            admit(&run, random_cost(&run));
            size_t count = run.count;
            save(&run, &before);
            bool in_debt = run.algorithm != LIMIT_TOKEN_BUCKET || debt(&run) > 0;
            for (int n = 0; n < 3 && run.count < STEPS; n++)
                admit(&run, random_cost(&run));
            while (run.count > count) {
                struct limit_spent now = {
                    .t_ms = UINT64_MAX, .cost = run.log[--run.count].spent.cost, .amount = run.rate.amount};
                assert_true(run.functions->refund(&run.state, &run.rate, run.t, &now));
            }
            save(&run, &after);
            if (in_debt)
                assert_memory_equal(&before, &after, sizeof before);
            else
                assert_true(debt(&run) == 0);
        }
        end_run(&run);
    }
}

// As a state that was loaded with a time ahead of the clock's.
static void state_ahead_of_the_time_is_unspent_exactly_too(void **state)
{
    (void)state;
    static const enum limit_algorithm algorithms[] = {LIMIT_FIXED_WINDOW, LIMIT_SLIDING_WINDOW, LIMIT_TOKEN_BUCKET};
    for (size_t i = 0; i < 3; i++) {
        struct run run;
        struct limit_record before, after;
        begin_run(&run, algorithms[i], i + 1);
        admit(&run, 1);
        move(&run, 5 * run.rate.window_ms);
        admit(&run, 1);
        run.t -= 3 * run.rate.window_ms;
        save(&run, &before);
        run.functions->spend(&run.state, &run.rate, run.t, 1);
        struct limit_spent now = {.t_ms = UINT64_MAX, .cost = 1, .amount = run.rate.amount};
        assert_true(run.functions->refund(&run.state, &run.rate, run.t, &now));
        save(&run, &after);
        assert_memory_equal(&before, &after, sizeof before);
        end_run(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_window_counts_exactly_what_is_not_given_back),
        cmocka_unit_test(sliding_window_counts_exactly_what_is_not_given_back),
        cmocka_unit_test(bucket_owes_at_least_what_is_not_given_back_and_hardly_more),
        cmocka_unit_test(bucket_whose_rate_changes_gives_back_no_more_time_than_was_charged),
        cmocka_unit_test(windows_whose_amount_changes_hold_no_more_than_was_allowed),
        cmocka_unit_test(what_was_just_spent_is_unspent_exactly),
        cmocka_unit_test(state_ahead_of_the_time_is_unspent_exactly_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
