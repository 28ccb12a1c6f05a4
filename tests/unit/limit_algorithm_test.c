// Each algorithm against a log of everything that it has admitted, over random schedules.

#include "limit/algorithm.h"
#include "unit/limit_fake.h"
#include "unit/zone_file.h"

enum { STEPS = 250, SCHEDULES = 1500 };

struct admission {
    uint64_t t;
    uint64_t cost;
};

// One limit under test, what it has admitted, and how its clock moves.
struct run {
    const struct limit_algorithm_functions *functions;
    enum limit_algorithm algorithm;
    struct limit_rate rate;
    union limit_state state;
    uint64_t t;
    uint64_t random;
    struct admission log[STEPS];
    size_t count;
};

enum { ZONES = 6 };
static struct zone *zones[ZONES]; // of calendar periods; the last one is UTC

static int open_zones(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"};
    for (size_t i = 0; i < 3; i++)
        zones[i] = zone_of_system(names[i]);
    zones[3] = zone_new_fixed(-42420);
    zones[4] = zone_new_fixed(42360);
    return 0;
}

static int close_zones(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZONES; i++)
        zone_free(zones[i]);
    return 0;
}

static const enum limit_algorithm algorithms[] = {LIMIT_FIXED_WINDOW, LIMIT_SLIDING_WINDOW, LIMIT_TOKEN_BUCKET};

static uint64_t random_amount(uint64_t *random)
{
    static const uint64_t scales[] = {5, 20, 255, 256, 65535, 70000, UINT32_MAX, UINT64_C(1) << 40, LIMIT_AMOUNT_MAX};
    return 1 + fake_below(random, scales[fake_below(random, sizeof scales / sizeof scales[0])]);
}

static struct limit_rate random_rate(enum limit_algorithm algorithm, uint64_t *random)
{
    static const uint64_t windows_s[] = {1, 7, 60, 61, 90, 3600, 86400, LIMIT_WINDOW_S_MAX};
    struct limit_rate rate = {.amount = random_amount(random)};
    rate.window_ms = windows_s[fake_below(random, sizeof windows_s / sizeof windows_s[0])] * 1000;
    if (algorithm == LIMIT_TOKEN_BUCKET)
        rate.burst = 1 + fake_below(random, fake_below(random, 2) == 0 ? rate.amount : 10);
    if (algorithm == LIMIT_FIXED_WINDOW && fake_below(random, 4) == 0) {
        static const enum limit_period periods[] = {LIMIT_MONTH, LIMIT_YEAR, LIMIT_WEEK};
        rate.period = periods[fake_below(random, 3)];
        rate.window_ms = rate.period == LIMIT_WEEK ? 604800000 : 0;
        rate.zone = zones[fake_below(random, ZONES)];
    }
    return rate;
}

static void begin_run(struct run *run, enum limit_algorithm algorithm, uint64_t seed)
{
    *run = (struct run){.functions = limit_algorithm_of(algorithm), .algorithm = algorithm, .random = seed};
    run->rate = random_rate(algorithm, &run->random);
    run->t = FAKE_START_MS + fake_below(&run->random, 100000000);
    assert_true(run->functions->load(&run->state, &run->rate, run->t, NULL));
}

static void end_run(struct run *run)
{
    if (run->functions->wipe != NULL)
        run->functions->wipe(&run->state);
}

static uint64_t capacity(const struct run *run)
{
    return limit_capacity(run->algorithm, &run->rate);
}

// Mostly small steps, some of a window's length, and boundaries met exactly.
static uint64_t random_step(struct run *run)
{
    uint64_t window_ms = run->rate.window_ms > 0 ? run->rate.window_ms : UINT64_C(31) * 86400000;
    switch (fake_below(&run->random, 8)) {
    case 0:
        return 0;
    case 1:
        return fake_below(&run->random, 2 * window_ms);
    case 2:
        return window_ms - run->t % window_ms;
    case 3:
        return window_ms;
    default:
        return fake_below(&run->random, window_ms / 8 + 1);
    }
}

static uint64_t random_cost(struct run *run)
{
    uint64_t most = fake_below(&run->random, 3) == 0 ? capacity(run) : capacity(run) / 16 + 1;
    return 1 + fake_below(&run->random, most);
}

static void move(struct run *run, uint64_t t)
{
    run->t = t;
    run->functions->sync(&run->state, &run->rate, t);
}

static bool fits(const struct run *run, uint64_t cost)
{
    return run->functions->fits(&run->state, &run->rate, run->t, cost);
}

static void admit(struct run *run, uint64_t cost)
{
    run->functions->spend(&run->state, &run->rate, run->t, cost);
    run->log[run->count++] = (struct admission){run->t, cost};
}

static uint64_t admitted_between(const struct run *run, uint64_t from, uint64_t to)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < run->count; i++)
        if (run->log[i].t >= from && run->log[i].t <= to)
            sum += run->log[i].cost;
    return sum;
}

// The state at another time, without touching the run's own.
static void copy_at(struct run *copy, const struct run *run, uint64_t t)
{
    struct limit_record record = {0};
    *copy = *run;
    if (run->algorithm == LIMIT_SLIDING_WINDOW) {
        run->functions->save(&run->state, &record);
        assert_true(run->functions->load(&copy->state, &run->rate, run->t, &record));
    }
    move(copy, t);
}

// --- what must be exact at every step

static void check_remaining(const struct run *run)
{
    uint64_t remaining = run->functions->remaining(&run->state, &run->rate, run->t);
    assert_true(remaining <= capacity(run));
    assert_true(remaining == 0 || fits(run, remaining));
    assert_false(fits(run, remaining + 1));
}

static void check_reset(const struct run *run)
{
    struct run copy;
    uint64_t reset = run->functions->reset(&run->state, &run->rate, run->t);
    assert_true(reset >= run->t);
    copy_at(&copy, run, reset);
    assert_true(fits(&copy, capacity(run)));
    assert_int_equal(run->functions->used(&copy.state, &run->rate, reset), 0);
    end_run(&copy);
    if (fits(run, capacity(run)) || reset == run->t)
        return;
    copy_at(&copy, run, reset - 1);
    assert_false(fits(&copy, capacity(run)));
    end_run(&copy);
}

static void check_retry(const struct run *run, uint64_t cost)
{
    struct run copy;
    uint64_t retry = run->functions->retry(&run->state, &run->rate, run->t, cost);
    assert_true(retry > run->t);
    copy_at(&copy, run, retry);
    assert_true(fits(&copy, cost));
    end_run(&copy);
    copy_at(&copy, run, retry - 1);
    assert_false(fits(&copy, cost));
    end_run(&copy);
}

// --- the promise of each algorithm, and that it is not stricter than it says

static void check_fixed(const struct run *run, uint64_t cost)
{
    const struct limit_fixed_state *fixed = &run->state.fixed;
    assert_true(fixed->begin_ms <= run->t && run->t < fixed->end_ms);
    uint64_t used = admitted_between(run, fixed->begin_ms, fixed->end_ms - 1);
    assert_true(used <= run->rate.amount);
    assert_int_equal(fits(run, cost), used + cost <= run->rate.amount);
}

// What an amount's ring has, and its sub-windows.
static uint64_t slots_of(uint64_t amount)
{
    return amount <= UINT16_MAX ? 61 : amount <= UINT32_MAX ? 31 : 16;
}

static uint64_t reach_of(const struct limit_rate *rate, uint64_t slots)
{
    return (rate->window_ms + 59) / 60 * (60 / (slots - 1)) * slots;
}

static void check_sliding(const struct run *run, uint64_t cost)
{
    assert_int_equal(run->state.sliding.slots, slots_of(run->rate.amount));
    assert_true(admitted_between(run, run->t - run->rate.window_ms, run->t) <= run->rate.amount);
    uint64_t touched = admitted_between(run, run->t - reach_of(&run->rate, slots_of(run->rate.amount)) + 1, run->t);
    if (touched + cost <= run->rate.amount)
        assert_true(fits(run, cost));
}

// (sum - burst) * window <= interval * amount, for every interval that ends with the newest admission
static void check_bucket(const struct run *run)
{
    limit_wide sum = 0;
    for (size_t i = run->count; i > 0; i--) {
        const struct admission *first = &run->log[i - 1];
        sum += first->cost;
        limit_wide refill = (limit_wide)(run->log[run->count - 1].t - first->t) * run->rate.amount;
        if (sum > run->rate.burst)
            assert_true((sum - run->rate.burst) * run->rate.window_ms <= refill);
    }
}

static void check_promise(const struct run *run, uint64_t cost)
{
    if (run->algorithm == LIMIT_FIXED_WINDOW)
        check_fixed(run, cost);
    else if (run->algorithm == LIMIT_SLIDING_WINDOW)
        check_sliding(run, cost);
    else
        check_bucket(run);
}

static void run_schedule(enum limit_algorithm algorithm, uint64_t seed)
{
    struct run run;
    begin_run(&run, algorithm, seed);
    for (int step = 0; step < STEPS; step++) {
        move(&run, run.t + random_step(&run));
        uint64_t cost = random_cost(&run);
        check_promise(&run, cost);
        check_remaining(&run);
        if (fits(&run, cost))
            admit(&run, cost);
        else
            check_retry(&run, cost);
        check_reset(&run);
        check_promise(&run, cost);
    }
    end_run(&run);
}

static void fixed_window_never_holds_more_than_the_amount(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
        run_schedule(LIMIT_FIXED_WINDOW, seed);
}

static void no_interval_of_a_sliding_window_holds_more_than_the_amount(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
        run_schedule(LIMIT_SLIDING_WINDOW, seed);
}

static void no_interval_of_a_bucket_holds_more_than_burst_and_refill(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
        run_schedule(LIMIT_TOKEN_BUCKET, seed);
}

// The same virtual scheduling with plain numbers in ticks of 1/amount milliseconds.
static void bucket_does_not_drift_from_exact_arithmetic(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        struct run run;
        begin_run(&run, LIMIT_TOKEN_BUCKET, seed);
        limit_wide tat = (limit_wide)run.t * run.rate.amount;
        for (int step = 0; step < STEPS; step++) {
            move(&run, run.t + random_step(&run));
            uint64_t cost = random_cost(&run);
            limit_wide now = (limit_wide)run.t * run.rate.amount;
            limit_wide next = (tat > now ? tat : now) + (limit_wide)cost * run.rate.window_ms;
            bool want = next <= now + (limit_wide)run.rate.burst * run.rate.window_ms;
            assert_int_equal(fits(&run, cost), want);
            if (!want)
                continue;
            admit(&run, cost);
            tat = next;
        }
    }
}

static void client_at_exactly_the_limit_is_admitted_sixty_of_sixtyone_times(void **state)
{
    (void)state;
    struct limit_rate rate = {.amount = 60, .window_ms = 60000};
    union limit_state sliding;
    uint64_t admitted = 0, calls = 61 * 100;
    assert_true(limit_sliding_window.load(&sliding, &rate, FAKE_START_MS, NULL));
    for (uint64_t i = 0; i < calls; i++) {
        uint64_t t = FAKE_START_MS + i * 1000;
        limit_sliding_window.sync(&sliding, &rate, t);
        if (!limit_sliding_window.fits(&sliding, &rate, t, 1))
            continue;
        limit_sliding_window.spend(&sliding, &rate, t, 1);
        admitted++;
    }
    assert_int_equal(admitted, calls * 60 / 61);
    limit_sliding_window.wipe(&sliding);
}

// --- records

static void stored_state_is_never_more_generous_and_hardly_stricter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        enum limit_algorithm algorithm = algorithms[seed % 3];
        struct run run, back;
        begin_run(&run, algorithm, seed);
        for (int step = 0; step < 20; step++) {
            move(&run, run.t + random_step(&run));
            uint64_t cost = random_cost(&run);
            if (fits(&run, cost))
                admit(&run, cost);
        }
        struct limit_record record = {.algorithm = algorithm};
        run.functions->save(&run.state, &record);
        back = run;
        assert_true(run.functions->load(&back.state, &run.rate, run.t, &record));
        uint64_t reset = run.functions->reset(&run.state, &run.rate, run.t);
        uint64_t back_reset = run.functions->reset(&back.state, &run.rate, run.t);
        assert_true(back_reset == reset || (algorithm == LIMIT_TOKEN_BUCKET && back_reset == reset + 1));
        uint64_t remaining = run.functions->remaining(&run.state, &run.rate, run.t);
        uint64_t back_remaining = run.functions->remaining(&back.state, &run.rate, run.t);
        assert_true(back_remaining <= remaining);
        if (algorithm != LIMIT_TOKEN_BUCKET)
            assert_int_equal(back_remaining, remaining);
        else // at most 2^-32 ms and one tick are lost
            assert_true(remaining - back_remaining <= 2 + (run.rate.amount >> 32) / run.rate.window_ms);
        end_run(&back);
        end_run(&run);
    }
}

static void ring_of_another_size_counts_as_spent_in_its_newest_part(void **state)
{
    (void)state;
    struct limit_rate rate = {.amount = 100, .window_ms = 60000};
    struct limit_record record = {.index = FAKE_START_MS / 1000, .counters = {30, 0, 12}, .counter_count = 3};
    union limit_state sliding;
    assert_true(limit_sliding_window.load(&sliding, &rate, FAKE_START_MS, &record));
    assert_int_equal(limit_sliding_window.remaining(&sliding, &rate, FAKE_START_MS), 58);
    assert_int_equal(limit_sliding_window.reset(&sliding, &rate, FAKE_START_MS), FAKE_START_MS / 1000 * 1000 + 61000);
    limit_sliding_window.wipe(&sliding);
}

static void window_that_has_begun_is_not_left_for_an_earlier_one(void **state)
{
    (void)state;
    struct limit_rate rate = {.amount = 10, .window_ms = 60000};
    uint64_t t = FAKE_START_MS / 60000 * 60000;
    struct limit_record record = {.index = t / 60000, .used = 10};
    union limit_state fixed;
    assert_true(limit_fixed_window.load(&fixed, &rate, t - 1, &record)); // the clock's fence has been taken away
    assert_false(limit_fixed_window.fits(&fixed, &rate, t - 1, 1));
    limit_fixed_window.sync(&fixed, &rate, t + 59999);
    assert_false(limit_fixed_window.fits(&fixed, &rate, t + 59999, 1));
    limit_fixed_window.sync(&fixed, &rate, t + 60000);
    assert_true(limit_fixed_window.fits(&fixed, &rate, t + 60000, 10));
}

// --- a reservation that was lost

static void lost_reservation_counts_as_spent_now(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct limit_algorithm_functions *functions = limit_algorithm_of(algorithms[i]);
        struct limit_rate rate = {.amount = 100, .burst = 100, .window_ms = 60000};
        uint64_t t = FAKE_START_MS / 60000 * 60000;
        union limit_state one;
        assert_true(functions->load(&one, &rate, t, NULL));
        functions->spend(&one, &rate, t, 40);
        assert_true(functions->forfeit(&one, &rate, t, 12));
        assert_int_equal(functions->remaining(&one, &rate, t), 48);
        if (functions->wipe != NULL)
            functions->wipe(&one);
    }
}

static void loss_beyond_the_limit_leaves_nothing_but_does_not_last_longer_than_a_window(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct limit_algorithm_functions *functions = limit_algorithm_of(algorithms[i]);
        struct limit_rate rate = {.amount = 100, .burst = 100, .window_ms = 60000};
        uint64_t t = FAKE_START_MS / 60000 * 60000;
        union limit_state one;
        assert_true(functions->load(&one, &rate, t, NULL));
        functions->spend(&one, &rate, t, 95);
        assert_true(functions->forfeit(&one, &rate, t, 200));
        assert_int_equal(functions->remaining(&one, &rate, t), 0);
        functions->sync(&one, &rate, t + 61000);
        assert_int_equal(functions->remaining(&one, &rate, t + 61000), 100);
        if (functions->wipe != NULL)
            functions->wipe(&one);
    }
}

static void small_burst_at_a_high_rate_is_soon_back_after_a_loss(void **state)
{
    (void)state;
    struct limit_rate rate = {.amount = 1000000, .burst = 10, .window_ms = 60000};
    union limit_state bucket;
    assert_true(limit_token_bucket.load(&bucket, &rate, FAKE_START_MS, NULL));
    assert_true(limit_token_bucket.forfeit(&bucket, &rate, FAKE_START_MS, 125000));
    assert_int_equal(limit_token_bucket.remaining(&bucket, &rate, FAKE_START_MS), 0);
    assert_int_equal(limit_token_bucket.reset(&bucket, &rate, FAKE_START_MS), FAKE_START_MS + 1);
}

// --- limits that change

static void limit_that_was_lowered_and_is_raised_again_has_not_forgotten(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct limit_algorithm_functions *functions = limit_algorithm_of(algorithms[i]);
        struct limit_rate high = {.amount = 1000, .burst = 1000, .window_ms = 60000};
        struct limit_rate low = {.amount = 10, .burst = 10, .window_ms = 60000};
        uint64_t t = FAKE_START_MS / 60000 * 60000;
        union limit_state one;
        struct limit_record record = {0};
        assert_true(functions->load(&one, &high, t, NULL));
        functions->spend(&one, &high, t, 700);
        functions->sync(&one, &low, t);
        assert_int_equal(functions->remaining(&one, &low, t), algorithms[i] == LIMIT_TOKEN_BUCKET ? 3 : 0);
        functions->save(&one, &record);
        if (functions->wipe != NULL)
            functions->wipe(&one);
        assert_true(functions->load(&one, &low, t, &record)); // a crash while it is low
        assert_true(functions->forfeit(&one, &low, t, 1));
        if (functions->reserve != NULL)
            assert_true(functions->reserve(&one, high.amount));
        functions->sync(&one, &high, t);
        assert_true(functions->remaining(&one, &high, t) < 300);
        assert_true(functions->remaining(&one, &high, t) >= (algorithms[i] == LIMIT_TOKEN_BUCKET ? 200 : 299));
        if (functions->wipe != NULL)
            functions->wipe(&one);
    }
}

static void raising_the_amount_widens_the_counters_and_keeps_them(void **state)
{
    (void)state;
    static const uint64_t amounts[] = {200, 60000, 4000000000, LIMIT_AMOUNT_MAX};
    struct limit_rate rate = {.amount = amounts[0], .window_ms = 60000};
    union limit_state sliding;
    uint64_t t = FAKE_START_MS;
    assert_true(limit_sliding_window.load(&sliding, &rate, t, NULL));
    for (size_t i = 0; i < 4; i++) {
        rate.amount = amounts[i];
        assert_true(limit_sliding_window.reserve(&sliding, rate.amount));
        assert_int_equal(sliding.sliding.width, (size_t)1 << i);
        t += 1000;
        limit_sliding_window.sync(&sliding, &rate, t);
        limit_sliding_window.spend(&sliding, &rate, t, limit_sliding_window.remaining(&sliding, &rate, t));
        assert_false(limit_sliding_window.fits(&sliding, &rate, t, 1));
    }
    assert_true(limit_sliding_window.reserve(&sliding, 1));
    assert_int_equal(sliding.sliding.width, 8);
    limit_sliding_window.wipe(&sliding);
}

static void reload(struct run *run)
{
    struct limit_record record = {.algorithm = run->algorithm};
    run->functions->save(&run->state, &record);
    run->functions->wipe(&run->state);
    assert_true(run->functions->load(&run->state, &run->rate, run->t, &record));
}

// The amount goes up and down over the bounds between the rings, and the state to disk and back.
static void no_interval_holds_more_than_the_amount_when_the_ring_becomes_coarser(void **state)
{
    (void)state;
    static const uint64_t amounts[] = {200, 60000, 70000, 1000000, UINT64_C(6000000000)};
    uint64_t switches = 0, admissions = 0;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        struct run run;
        begin_run(&run, LIMIT_SLIDING_WINDOW, seed);
        for (int step = 0; step < STEPS; step++) {
            move(&run, run.t + random_step(&run));
            size_t slots = run.state.sliding.slots;
            if (fake_below(&run.random, 8) == 0) {
                run.rate.amount = amounts[fake_below(&run.random, 5)];
                assert_true(run.functions->reserve(&run.state, run.rate.amount));
                move(&run, run.t);
            }
            if (fake_below(&run.random, 8) == 0)
                reload(&run);
            switches += run.state.sliding.slots != slots;
            uint64_t cost = random_cost(&run);
            if (fits(&run, cost)) {
                admit(&run, cost);
                assert_true(admitted_between(&run, run.t - run.rate.window_ms, run.t) <= run.rate.amount);
                admissions++;
            } else
                assert_true(admitted_between(&run, run.t - reach_of(&run.rate, 16) + 1, run.t) + cost >
                            run.rate.amount);
        }
        end_run(&run);
    }
    assert_true(switches > SCHEDULES && admissions > 20 * SCHEDULES);
}

static void ring_becomes_coarser_exactly_and_finer_only_when_it_is_empty(void **state)
{
    (void)state;
    struct limit_rate rate = {.amount = 200, .window_ms = 60000};
    union limit_state sliding;
    uint64_t t = FAKE_START_MS / 4000 * 4000; // the first of four sub-windows that become one
    assert_true(limit_sliding_window.load(&sliding, &rate, t, NULL));
    for (int i = 0; i < 4; i++) {
        limit_sliding_window.sync(&sliding, &rate, t + (uint64_t)i * 1000);
        limit_sliding_window.spend(&sliding, &rate, t, 1);
    }
    t += 3000;
    static const uint64_t amounts[] = {65535, 65536, UINT32_MAX, UINT64_C(1) << 32, 200};
    static const size_t slots[] = {61, 31, 31, 16, 16};
    for (size_t i = 0; i < 5; i++) {
        rate.amount = amounts[i];
        assert_true(limit_sliding_window.reserve(&sliding, rate.amount));
        limit_sliding_window.sync(&sliding, &rate, t);
        assert_int_equal(sliding.sliding.slots, slots[i]);
        assert_int_equal(limit_sliding_window.remaining(&sliding, &rate, t), rate.amount - 4);
        assert_int_equal(limit_sliding_window.reset(&sliding, &rate, t), t + 61000);
        struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW};
        limit_sliding_window.save(&sliding, &record);
        assert_int_equal(record.counter_count, slots[i]);
    }
    struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW};
    limit_sliding_window.save(&sliding, &record);
    limit_sliding_window.wipe(&sliding);
    assert_true(limit_sliding_window.load(&sliding, &rate, t + 60999, &record));
    assert_int_equal(sliding.sliding.slots, 16);
    limit_sliding_window.sync(&sliding, &rate, t + 61000);
    assert_int_equal(limit_sliding_window.used(&sliding, &rate, t + 61000), 0);
    limit_sliding_window.save(&sliding, &record);
    limit_sliding_window.wipe(&sliding);
    assert_true(limit_sliding_window.load(&sliding, &rate, t + 61000, &record));
    assert_int_equal(sliding.sliding.slots, 61);
    limit_sliding_window.wipe(&sliding);
}

static void rescaling_a_bucket_never_makes_it_fuller(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (int i = 0; i < 20000; i++) {
        struct limit_rate rate = {.amount = random_amount(&random), .window_ms = 60000};
        rate.burst = rate.amount;
        union limit_state bucket;
        assert_true(limit_token_bucket.load(&bucket, &rate, FAKE_START_MS, NULL));
        limit_token_bucket.spend(&bucket, &rate, FAKE_START_MS, 1 + fake_below(&random, rate.amount));
        struct limit_bucket_state before = bucket.bucket;
        rate.amount = random_amount(&random);
        limit_token_bucket.sync(&bucket, &rate, FAKE_START_MS);
        const struct limit_bucket_state *after = &bucket.bucket;
        assert_true(after->fraction < after->scale);
        assert_true(after->tat_ms >= before.tat_ms && after->tat_ms <= before.tat_ms + 1);
        limit_wide ms = after->tat_ms - before.tat_ms;
        limit_wide part = (limit_wide)after->fraction * before.scale + ms * before.scale * after->scale;
        assert_true(part >= (limit_wide)before.fraction * after->scale);
        assert_true(part < (limit_wide)before.fraction * after->scale + before.scale);
    }
}

static void forbidden_resource_fits_nothing_and_can_be_allowed_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct limit_algorithm_functions *functions = limit_algorithm_of(algorithms[i]);
        struct limit_rate none = {.window_ms = 60000}, some = {.amount = 7, .burst = 7, .window_ms = 60000};
        union limit_state one;
        assert_true(functions->load(&one, &none, FAKE_START_MS, NULL));
        assert_false(functions->fits(&one, &none, FAKE_START_MS, 1));
        assert_int_equal(functions->remaining(&one, &none, FAKE_START_MS), 0);
        assert_true(functions->reset(&one, &none, FAKE_START_MS) >= FAKE_START_MS);
        functions->sync(&one, &some, FAKE_START_MS);
        assert_true(functions->fits(&one, &some, FAKE_START_MS, 7));
        if (functions->wipe != NULL)
            functions->wipe(&one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_window_never_holds_more_than_the_amount),
        cmocka_unit_test(no_interval_of_a_sliding_window_holds_more_than_the_amount),
        cmocka_unit_test(no_interval_of_a_bucket_holds_more_than_burst_and_refill),
        cmocka_unit_test(bucket_does_not_drift_from_exact_arithmetic),
        cmocka_unit_test(client_at_exactly_the_limit_is_admitted_sixty_of_sixtyone_times),
        cmocka_unit_test(stored_state_is_never_more_generous_and_hardly_stricter),
        cmocka_unit_test(ring_of_another_size_counts_as_spent_in_its_newest_part),
        cmocka_unit_test(window_that_has_begun_is_not_left_for_an_earlier_one),
        cmocka_unit_test(lost_reservation_counts_as_spent_now),
        cmocka_unit_test(loss_beyond_the_limit_leaves_nothing_but_does_not_last_longer_than_a_window),
        cmocka_unit_test(small_burst_at_a_high_rate_is_soon_back_after_a_loss),
        cmocka_unit_test(limit_that_was_lowered_and_is_raised_again_has_not_forgotten),
        cmocka_unit_test(raising_the_amount_widens_the_counters_and_keeps_them),
        cmocka_unit_test(no_interval_holds_more_than_the_amount_when_the_ring_becomes_coarser),
        cmocka_unit_test(ring_becomes_coarser_exactly_and_finer_only_when_it_is_empty),
        cmocka_unit_test(rescaling_a_bucket_never_makes_it_fuller),
        cmocka_unit_test(forbidden_resource_fits_nothing_and_can_be_allowed_again),
    };
    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
