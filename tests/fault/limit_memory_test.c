// The n-th allocation of the meter table fails, for every n: nobody is admitted too much, lost or left waiting.

#include <stdlib.h>

#include "base/container.h"
#include "unit/limit_fake.h"

// The sources that allocate are compiled in here, so that their allocations can be made to fail.
static size_t allocations, failing_allocation;
static bool all_fail;

static bool allocation_fails(void)
{
    return ++allocations == failing_allocation || all_fail;
}

static void *fake_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : calloc(count, size);
}

static void *fake_malloc(size_t size)
{
    return allocation_fails() ? NULL : malloc(size);
}

static void *fake_aligned_alloc(size_t alignment, size_t size)
{
    return allocation_fails() ? NULL : aligned_alloc(alignment, size);
}

#define calloc        fake_calloc
#define malloc        fake_malloc
#define aligned_alloc fake_aligned_alloc
#include "limit/carry_over.c"
#include "limit/charge_log.c"
#include "limit/collect.c"
#include "limit/decide.c"
#include "limit/eviction.c"
#include "limit/recovery.c"
#include "limit/reservation.c"
#include "limit/settle.c"
#include "limit/sliding_window.c"
#include "limit/spend.c"
#include "limit/table.c"
#undef calloc
#undef malloc
#undef aligned_alloc

enum { CALLS = 30, TRIES_MAX = 4 };

struct world {
    struct fake_time time;
    struct clock *clock;
    struct limit_table *table;
    struct limit_applicable applicables[3];
    struct limit_waiter waiter;
    struct limit_answer answer;
    size_t woken;
    size_t refused; // for want of memory
};

static void note_wake(struct limit_waiter *waiter, enum status status)
{
    struct world *world = CONTAINER_OF(waiter, struct world, waiter);
    assert_int_equal(status, STATUS_OK);
    world->woken++;
}

static enum limit_verdict ask(struct world *world, bool peek)
{
    struct limit_charge charge = {slice_text("requests"), 1};
    struct limit_call call = {.owner = slice_text("acme"),
                              .applicables = world->applicables,
                              .applicable_count = 3,
                              .charges = &charge,
                              .charge_count = 1,
                              .peek = peek};
    limit_decide(world->table, &call, 1, peek ? NULL : &world->waiter, &world->answer);
    return world->answer.verdict;
}

static void install_absent(struct world *world)
{
    for (size_t i = 0; i < world->answer.absent_count; i++)
        world->refused +=
            !limit_install(world->table, slice_text("acme"), world->answer.absent[i], NULL, world->answer.generation);
}

// Until the waiter is woken: a batch for which there is no memory stays queued.
static void commit_until_woken(struct world *world)
{
    size_t woken = world->woken;
    for (int i = 0; i < TRIES_MAX && world->woken == woken; i++) {
        struct limit_write_batch *batch = limit_collect(world->table);
        if (batch != NULL)
            limit_write_batch_end(world->table, batch, STATUS_OK, clock_now_ms(world->clock));
        else
            world->refused++;
    }
    assert_int_equal(world->woken, woken + 1);
}

static uint64_t remaining(struct world *world)
{
    return ask(world, true) == LIMIT_ABSENT ? UINT64_MAX : world->answer.standings[0].remaining;
}

// Tries until the call is decided. Each refusal for want of memory must have changed nothing.
static enum limit_verdict decide(struct world *world)
{
    for (int i = 0; i < 3 * TRIES_MAX; i++) {
        uint64_t before = remaining(world);
        switch (ask(world, false)) {
        case LIMIT_ABSENT:
            install_absent(world);
            break;
        case LIMIT_WAIT:
            commit_until_woken(world);
            break;
        case LIMIT_NO_MEMORY:
            world->refused++;
            assert_true(before == UINT64_MAX || remaining(world) == before);
            break;
        case LIMIT_ADMITTED:
        case LIMIT_DENIED:
        case LIMIT_TOO_COSTLY:
        case LIMIT_UNDECLARED:
        case LIMIT_OTHER_CHARGE:
        case LIMIT_UNDECIDED:
        case LIMIT_NO_CHARGE:
        case LIMIT_GIVEN_BACK:
        case LIMIT_OTHER_KEY:
        case LIMIT_WINDOW_OVER:
            return world->answer.verdict;
        }
    }
    return LIMIT_NO_MEMORY;
}

static void make_applicables(struct world *world)
{
    static const char *const texts[3] = {"requests=20/min", "requests=100/day", "requests=60/min:token_bucket"};
    for (size_t i = 0; i < 3; i++) {
        world->applicables[i] = (struct limit_applicable){.limit = fake_limit(texts[i]), .subject = LIMIT_OF_ACCOUNT};
        world->applicables[i].subject_id = slice_text("acme");
    }
}

static void stop(struct world *world)
{
    limit_evict_idle(world->table, 0);
    struct limit_write_batch *batch = limit_collect(world->table);
    if (batch != NULL)
        limit_write_batch_end(world->table, batch, STATUS_OK, clock_now_ms(world->clock));
    batch = limit_collect_exact(world->table);
    if (batch != NULL)
        limit_write_batch_end(world->table, batch, STATUS_OK, clock_now_ms(world->clock));
}

// Returns how often memory was wanting.
static size_t run(size_t failing)
{
    struct world world = {.time = {.boot_ms = 1, .wall_ms = FAKE_START_MS}, .waiter = {.wake = note_wake}};
    make_applicables(&world);
    world.clock = clock_new(fake_source(&world.time), NULL);
    allocations = 0;
    failing_allocation = failing;
    world.table = limit_table_new(&(struct limit_table_options){.clock = world.clock});
    size_t admitted = 0;
    for (int i = 0; i < CALLS && world.table != NULL; i++) {
        world.applicables[0].limit.amount = i < 10 ? 20 : 1000; // wider counters on the way
        admitted += decide(&world) == LIMIT_ADMITTED;
    }
    if (world.table != NULL) {
        assert_int_equal(admitted, CALLS);
        assert_int_equal(remaining(&world), 1000 - CALLS);
        stop(&world);
    }
    world.refused += world.table == NULL;
    limit_table_free(world.table);
    clock_free(world.clock);
    return world.refused;
}

static void no_failed_allocation_loses_or_doubles_anything(void **state)
{
    (void)state;
    assert_int_equal(run(0), 0);
    size_t count = allocations, noticed = 0;
    assert_true(count > 20);
    for (size_t n = 1; n <= count; n++)
        noticed += run(n) > 0;
    assert_true(noticed >
                count / 4); // the others were prefetches, larger tables and clean stops: done later or without
}

// --- no memory at all while a batch is made

enum { CROWD = 4, CROWD_METERS = 20 }; // more meters than there is memory for

struct crowded {
    struct limit_waiter waiter;
    struct limit_applicable applicables[CROWD_METERS];
    char names[CROWD_METERS][16];
    enum status status;
    bool is_awake;
};

static void wake_one(struct limit_waiter *waiter, enum status status)
{
    struct crowded *one = (struct crowded *)(void *)waiter;
    one->status = status;
    one->is_awake = true;
}

static enum limit_verdict ask_one(struct limit_table *table, struct crowded *one, size_t number)
{
    struct limit_answer answer;
    struct limit_call call = {.owner = slice_text("acme"),
                              .applicables = one->applicables,
                              .applicable_count = CROWD_METERS,
                              .charges = &(struct limit_charge){slice_text("requests"), 1},
                              .charge_count = 1};
    for (size_t i = 0; i < CROWD_METERS; i++) { // an account and many keys, so to say
        (void)snprintf(one->names[i], sizeof one->names[i], "%zu-%zu", number, i);
        one->applicables[i] = (struct limit_applicable){
            .limit = fake_limit("requests=40/min"), .subject = LIMIT_OF_KEY, .subject_id = slice_text(one->names[i])};
    }
    one->waiter.wake = wake_one;
    for (;;) {
        if (limit_decide(table, &call, 1, &one->waiter, &answer) != LIMIT_ABSENT)
            return answer.verdict;
        for (size_t i = 0; i < answer.absent_count; i++)
            assert_true(limit_install(table, call.owner, answer.absent[i], NULL, answer.generation));
    }
}

static void end_batch(struct limit_table *table, struct clock *clock, size_t count)
{
    all_fail = true;
    struct limit_write_batch *batch = limit_collect(table);
    all_fail = false;
    assert_non_null(batch);
    assert_int_equal(limit_write_batch_count(batch), count);
    limit_write_batch_end(table, batch, STATUS_OK, clock_now_ms(clock));
}

// What there is memory for is written; all others who wait are told, so that the memory that they hold comes back.
static void without_memory_few_are_written_and_of_many_each_is_told(void **state)
{
    (void)state;
    struct fake_time time = {.boot_ms = 1, .wall_ms = FAKE_START_MS};
    struct crowded crowd[CROWD] = {0};
    failing_allocation = 0;
    struct clock *clock = clock_new(fake_source(&time), NULL);
    struct limit_table *table = limit_table_new(&(struct limit_table_options){.clock = clock});
    assert_int_equal(ask_one(table, &crowd[0], 0), LIMIT_WAIT);
    end_batch(table, clock, CROWD_METERS);
    assert_true(crowd[0].is_awake);
    assert_int_equal(crowd[0].status, STATUS_OK);
    assert_int_equal(ask_one(table, &crowd[0], 0), LIMIT_ADMITTED);
    while (limit_write_wanted(table))
        limit_write_batch_end(table, limit_collect(table), STATUS_OK, clock_now_ms(clock));
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = (struct crowded){0};
        assert_int_equal(ask_one(table, &crowd[i], 10 + i), LIMIT_WAIT);
    }
    end_batch(table, clock, 0);
    assert_false(limit_write_wanted(table)); // it would only fail again
    for (size_t i = 0; i < CROWD; i++) {
        assert_true(crowd[i].is_awake);
        assert_int_equal(crowd[i].status, STATUS_UNAVAILABLE);
        assert_int_equal(ask_one(table, &crowd[i], 10 + i), LIMIT_WAIT);
    }
    limit_write_batch_end(table, limit_collect(table), STATUS_OK, clock_now_ms(clock));
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(ask_one(table, &crowd[i], 10 + i), LIMIT_ADMITTED);
    // The clean stop's batch has no memory either: who waits is told.
    struct crowded late = {0};
    assert_int_equal(ask_one(table, &late, 20), LIMIT_WAIT);
    all_fail = true;
    struct limit_write_batch *batch = limit_collect_exact(table);
    all_fail = false;
    limit_write_batch_end(table, batch, STATUS_OK, clock_now_ms(clock));
    assert_true(late.is_awake);
    assert_int_equal(late.status, STATUS_UNAVAILABLE);
    limit_table_free(table);
    clock_free(clock);
}

// --- an atomic batch, with charge ids

static const char *const owners[2] = {"acme", "globex"};

struct pair {
    uint8_t ids[2][LIMIT_CHARGE_ID_SIZE];
    struct limit_applicable applicables[2];
    struct limit_charge charge;
    struct limit_call calls[2];
    struct limit_answer answers[2];
};

static void make_pair(struct pair *pair, uint8_t number)
{
    *pair = (struct pair){.charge = {slice_text("requests"), 1 + number % 7}};
    for (size_t i = 0; i < 2; i++) {
        memset(pair->ids[i], number, sizeof pair->ids[i]);
        pair->applicables[i] =
            (struct limit_applicable){.limit = fake_limit("requests=200/min"), .subject = LIMIT_OF_ACCOUNT};
        pair->applicables[i].subject_id = slice_text(owners[i]);
        pair->calls[i] = (struct limit_call){.owner = slice_text(owners[i]),
                                             .applicables = &pair->applicables[i],
                                             .applicable_count = 1,
                                             .charges = &pair->charge,
                                             .charge_count = 1,
                                             .charge_id = slice_make(pair->ids[i], sizeof pair->ids[i])};
    }
}

static void install_pair(struct world *world, const struct pair *pair)
{
    for (size_t i = 0; i < 2; i++)
        for (size_t n = 0; n < pair->answers[i].absent_count; n++)
            world->refused += !limit_install(world->table, pair->calls[i].owner, pair->answers[i].absent[n], NULL,
                                             pair->answers[i].generation);
}

static enum limit_verdict decide_pair(struct world *world, struct pair *pair)
{
    enum limit_verdict verdict = LIMIT_NO_MEMORY;
    for (int i = 0; i < 3 * TRIES_MAX; i++) {
        verdict = limit_decide(world->table, pair->calls, 2, &world->waiter, pair->answers);
        if (verdict == LIMIT_ABSENT)
            install_pair(world, pair);
        else if (verdict == LIMIT_WAIT)
            commit_until_woken(world);
        else if (verdict == LIMIT_NO_MEMORY)
            world->refused++;
        else
            break;
    }
    return verdict;
}

static uint64_t left_of(struct world *world, struct pair *pair, size_t n)
{
    struct limit_call peek = pair->calls[n];
    peek.peek = true;
    peek.mode = LIMIT_CONSUME;
    while (limit_decide(world->table, &peek, 1, NULL, &pair->answers[n]) == LIMIT_NO_MEMORY)
        world->refused++; // one allocation fails
    assert_int_equal(pair->answers[n].verdict, LIMIT_ADMITTED);
    return pair->answers[n].standings[0].remaining;
}

// Pairs that are charged, asked for again, and every other time given back by one of the two.
static void charge_pairs(struct world *world)
{
    uint64_t left[2] = {200, 200};
    struct pair pair;
    for (uint8_t number = 1; number <= CALLS; number++) {
        make_pair(&pair, number);
        assert_int_equal(decide_pair(world, &pair), LIMIT_ADMITTED);
        assert_false(pair.answers[0].repeated);
        assert_int_equal(decide_pair(world, &pair), LIMIT_ADMITTED);
        assert_true(pair.answers[0].repeated && pair.answers[1].repeated);
        struct limit_call refund = pair.calls[number % 2];
        refund.mode = LIMIT_REFUND;
        limit_settle(world->table, &refund, NULL, &pair.answers[0]);
        assert_int_equal(pair.answers[0].verdict, LIMIT_ADMITTED);
        left[(number + 1) % 2] -= pair.charge.cost;
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(left_of(world, &pair, i), left[i]);
    }
}

static size_t run_pairs(size_t failing)
{
    struct world world = {.time = {.boot_ms = 1, .wall_ms = FAKE_START_MS}, .waiter = {.wake = note_wake}};
    world.clock = clock_new(fake_source(&world.time), NULL);
    allocations = 0;
    failing_allocation = failing;
    world.table = limit_table_new(&(struct limit_table_options){.clock = world.clock});
    if (world.table != NULL)
        charge_pairs(&world);
    world.refused += world.table == NULL;
    limit_table_free(world.table);
    clock_free(world.clock);
    return world.refused;
}

static void no_failed_allocation_charges_one_of_two_or_either_twice(void **state)
{
    (void)state;
    assert_int_equal(run_pairs(0), 0);
    size_t count = allocations, noticed = 0;
    assert_true(count > 4 * CALLS);
    for (size_t n = 1; n <= count; n++)
        noticed += run_pairs(n) > 0;
    assert_true(noticed > count / 2);
}

// --- settled, beyond the limit

// Tries as decide_pair does, for the first call alone.
static enum limit_verdict settle_first(struct world *world, struct pair *pair)
{
    enum limit_verdict verdict = LIMIT_NO_MEMORY;
    for (int i = 0; i < 3 * TRIES_MAX; i++) {
        verdict = limit_settle(world->table, &pair->calls[0], &world->waiter, &pair->answers[0]);
        if (verdict == LIMIT_ABSENT)
            install_pair(world, pair);
        else if (verdict == LIMIT_WAIT)
            commit_until_woken(world);
        else if (verdict == LIMIT_NO_MEMORY)
            world->refused++;
        else
            break;
    }
    return verdict;
}

// Overdraws that are settled to more, for which the counters become wider, and in the end to less.
static void settle_all(struct world *world)
{
    struct pair pair;
    uint64_t spent = 0;
    for (uint8_t number = 1; number <= CALLS; number++) {
        uint64_t cost = (uint64_t)1 << number, settled = number < CALLS ? cost * 3 : 1;
        make_pair(&pair, number);
        pair.answers[1].absent_count = 0;
        pair.charge.cost = cost;
        pair.calls[0].mode = LIMIT_OVERDRAW;
        assert_int_equal(settle_first(world, &pair), LIMIT_ADMITTED);
        pair.charge.cost = settled;
        pair.calls[0].mode = LIMIT_SETTLE;
        assert_int_equal(settle_first(world, &pair), LIMIT_ADMITTED);
        assert_int_equal(settle_first(world, &pair), LIMIT_ADMITTED);
        pair.applicables[0].limit.amount = LIMIT_AMOUNT_MAX;
        spent += settled;
        assert_int_equal(left_of(world, &pair, 0), LIMIT_AMOUNT_MAX - spent);
    }
}

static size_t run_settlements(size_t failing)
{
    struct world world = {.time = {.boot_ms = 1, .wall_ms = FAKE_START_MS}, .waiter = {.wake = note_wake}};
    world.clock = clock_new(fake_source(&world.time), NULL);
    allocations = 0;
    failing_allocation = failing;
    world.table = limit_table_new(&(struct limit_table_options){.clock = world.clock});
    if (world.table != NULL)
        settle_all(&world);
    world.refused += world.table == NULL;
    limit_table_free(world.table);
    clock_free(world.clock);
    return world.refused;
}

static void no_failed_allocation_settles_in_part_or_twice(void **state)
{
    (void)state;
    assert_int_equal(run_settlements(0), 0);
    size_t count = allocations, noticed = 0;
    assert_true(count > CALLS);
    for (size_t n = 1; n <= count; n++)
        noticed += run_settlements(n) > 0;
    assert_true(noticed > count / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_failed_allocation_loses_or_doubles_anything),
                                       cmocka_unit_test(without_memory_few_are_written_and_of_many_each_is_told),
                                       cmocka_unit_test(no_failed_allocation_charges_one_of_two_or_either_twice),
                                       cmocka_unit_test(no_failed_allocation_settles_in_part_or_twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
