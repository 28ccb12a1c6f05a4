// Callers of one meter who do not agree about its limit: nobody keeps the others waiting, and nothing is
// admitted twice.

#include "unit/limit_world.h"

// Asks with a limit of its own, and asks again when woken.
struct caller {
    struct limit_waiter waiter; // first: woken gets it
    struct world *world;
    struct limit_applicable applicable;
    uint64_t cost;
    bool peek;
    bool relaxed;
    struct limit_answer answer;
    enum limit_verdict verdict;
    struct caller *before; // asks just before this one asks again
};

static enum limit_verdict call(struct caller *caller)
{
    struct limit_charge charge = {caller->applicable.limit.resource, caller->cost};
    struct limit_call ask = {.owner = caller->applicable.subject_id,
                             .applicables = &caller->applicable,
                             .applicable_count = 1,
                             .charges = &charge,
                             .charge_count = 1,
                             .peek = caller->peek,
                             .relaxed = caller->relaxed};
    do {
        limit_decide(caller->world->table, &ask, 1, &caller->waiter, &caller->answer);
        world_install(caller->world, &ask, &caller->answer);
    } while (caller->answer.verdict == LIMIT_ABSENT);
    return caller->verdict = caller->answer.verdict;
}

static void woken(struct limit_waiter *waiter, enum status status)
{
    struct caller *caller = (struct caller *)waiter;
    assert_int_equal(status, STATUS_OK);
    if (caller->before != NULL)
        call(caller->before);
    call(caller);
}

static struct caller caller_of(struct world *world, const char *limit, uint64_t cost)
{
    return (struct caller){.waiter = {.wake = woken},
                           .world = world,
                           .applicable = {.limit = fake_limit(limit),
                                          .subject = LIMIT_OF_CUSTOM,
                                          .subject_id = slice_text("ip 192.0.2.1")},
                           .cost = cost};
}

static void callers_with_different_buckets_are_all_served(void **state)
{
    (void)state;
    static const char *const limits[] = {"requests=600/min:token_bucket,burst=100",
                                         "requests=600/min:token_bucket,burst=50",
                                         "requests=300/min:token_bucket,burst=100"};
    struct world world;
    struct caller callers[9];
    world_open(&world);
    for (size_t i = 0; i < 9; i++) {
        callers[i] = caller_of(&world, limits[i % 3], 1);
        assert_int_equal(call(&callers[i]), LIMIT_WAIT);
    }
    for (int commits = 0; commits < 3; commits++)
        world_commit(&world, STATUS_OK);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(callers[i].verdict, LIMIT_ADMITTED);
    world_close(&world);
}

// The caller that has waited longest comes first, so that no stream of others can stand in the way for ever.
static void caller_with_another_bucket_is_served_however_many_others_come(void **state)
{
    (void)state;
    static const char *const limits[] = {"requests=60/min:token_bucket,burst=9", "requests=60/min:token_bucket,burst=8",
                                         "requests=60/min:token_bucket,burst=7"};
    enum { ROUNDS = 6, NEW = 2 };
    struct world world;
    struct caller others[ROUNDS][NEW];
    world_open(&world);
    struct caller first = caller_of(&world, limits[0], 1);
    struct caller second = caller_of(&world, limits[1], 1);
    call(&first);
    call(&second);
    for (size_t round = 0; round < ROUNDS; round++) {
        struct limit_write_batch *batch = limit_collect(world.table);
        for (size_t i = 0; i < NEW; i++) {
            others[round][i] = caller_of(&world, limits[(round + i) % 3], 1);
            call(&others[round][i]);
        }
        world_finish(&world, batch, STATUS_OK);
        if (round == 1)
            assert_int_equal(second.verdict, LIMIT_ADMITTED);
    }
    while (world_commit(&world, STATUS_OK) > 0)
        ;
    for (size_t i = 0; i < ROUNDS * NEW; i++)
        assert_true(others[i / NEW][i % NEW].verdict != LIMIT_WAIT);
    world_close(&world);
}

static void question_with_another_bucket_takes_nothing_from_what_is_set_aside(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    struct caller caller = caller_of(&world, "requests=600/min:token_bucket,burst=100", 1);
    call(&caller);
    while (world_commit(&world, STATUS_OK) > 0)
        ;
    struct caller other = caller_of(&world, "requests=300/min:token_bucket,burst=100", 1);
    other.peek = true;
    assert_int_equal(call(&other), LIMIT_ADMITTED);
    other.peek = false;
    other.cost = 101;
    assert_int_equal(call(&other), LIMIT_TOO_COSTLY);
    assert_int_equal(call(&caller), LIMIT_ADMITTED);
    world_close(&world);
}

// Asked with a limit that is used up between every waiting and its commit.
static void refused_caller_with_a_small_limit_keeps_nobody_waiting(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"requests=100/min", "requests=8/min"},
                                           {"requests=100/h:fixed_window", "requests=8/h:fixed_window"},
                                           {"requests=100/min:token_bucket", "requests=8000/min:token_bucket,burst=8"}};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        world_open(&world);
        struct caller small = caller_of(&world, pairs[i][1], 8);
        struct caller caller = caller_of(&world, pairs[i][0], 30);
        call(&small);
        world_commit(&world, STATUS_OK);
        assert_int_equal(small.verdict, LIMIT_ADMITTED);
        assert_int_equal(call(&caller), LIMIT_WAIT);
        for (int commits = 0; commits < 2 && caller.verdict == LIMIT_WAIT; commits++) {
            assert_int_equal(call(&small), LIMIT_DENIED);
            world_commit(&world, STATUS_OK);
        }
        assert_int_equal(caller.verdict, LIMIT_ADMITTED);
        world_close(&world);
    }
}

static void relaxed_caller_with_another_bucket_keeps_nobody_waiting(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    struct caller caller = caller_of(&world, "requests=600/min:token_bucket,burst=100", 1);
    struct caller relaxed = caller_of(&world, "requests=600/min:token_bucket,burst=90", 1);
    relaxed.relaxed = true;
    caller.before = &relaxed;
    for (int i = 0; i < 3; i++) {
        call(&caller);
        struct limit_write_batch *batch = limit_collect(world.table);
        assert_int_equal(call(&relaxed), LIMIT_ADMITTED);
        world_finish(&world, batch, STATUS_OK);
        assert_int_equal(caller.verdict, LIMIT_ADMITTED);
    }
    world_close(&world);
}

// What was set aside for a shorter unit or a smaller burst must not pay for longer or more of them.
static void crash_between_callers_with_different_buckets_forgets_nothing(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    struct caller fast = caller_of(&world, "requests=6000/min:token_bucket,burst=100", 100);
    struct caller slow = caller_of(&world, "requests=60/min:token_bucket,burst=50", 50);
    call(&fast);
    call(&slow);
    for (int commits = 0; commits < 2; commits++)
        world_commit(&world, STATUS_OK);
    assert_int_equal(fast.verdict, LIMIT_ADMITTED);
    assert_true(slow.verdict == LIMIT_DENIED); // 100 units of 10 ms are one of a second
    slow.cost = 49;
    call(&slow);
    world_commit(&world, STATUS_OK);
    assert_int_equal(slow.verdict, LIMIT_ADMITTED);
    world_crash(&world);
    assert_int_equal(call(&fast), LIMIT_DENIED);
    assert_true(fast.answer.retry_after_ms >= 49000);
    slow.cost = 1;
    assert_int_equal(call(&slow), LIMIT_DENIED);
    world_close(&world);
}

static void fast_forward(struct world *world)
{
    fake_advance(&world->time, UINT64_C(3600000));
}

static void units_set_aside_for_one_bucket_are_not_spent_under_another(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    struct caller fast = caller_of(&world, "requests=6000/min:token_bucket,burst=100", 1);
    struct caller slow = caller_of(&world, "requests=60/min:token_bucket,burst=50", 1);
    struct caller relaxed = slow, newcomer = slow;
    relaxed.relaxed = true;
    call(&fast);
    world_commit(&world, STATUS_OK);
    assert_int_equal(call(&slow), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_int_equal(call(&newcomer), LIMIT_WAIT); // the record for it is not on disk yet
    world_finish(&world, batch, STATUS_OK);
    assert_int_equal(slow.verdict, LIMIT_ADMITTED);
    assert_int_equal(newcomer.verdict, LIMIT_ADMITTED);
    fast_forward(&world);
    for (int i = 0; i < 4; i++) // the next ones are fetched ahead
        assert_int_equal(call(&slow), LIMIT_ADMITTED);
    batch = limit_collect(world.table);
    assert_non_null(batch);
    relaxed.applicable.limit = fake_limit("requests=6/min:token_bucket,burst=5");
    assert_int_equal(call(&relaxed), LIMIT_ADMITTED);
    world_finish(&world, batch, STATUS_OK);
    fast_forward(&world);
    relaxed.relaxed = false;
    assert_int_equal(call(&relaxed), LIMIT_WAIT);
    while (world_commit(&world, STATUS_OK) > 0)
        ;
    assert_int_equal(relaxed.verdict, LIMIT_ADMITTED);
    world_close(&world);
}

static void goes_away(struct limit_waiter *waiter, enum status status)
{
    (void)waiter;
    assert_int_equal(status, STATUS_OK);
}

// Somebody for whom much was set aside has gone, and then the disk is asked for little.
static void record_covers_all_that_is_left_when_less_is_wanted(void **state)
{
    (void)state;
    struct world world;
    struct slice name;
    const struct limit_record *record = NULL;
    bool empty = false;
    world_open(&world);
    struct caller gone = caller_of(&world, "requests=80/min:fixed_window", 30);
    gone.waiter.wake = goes_away;
    assert_int_equal(call(&gone), LIMIT_WAIT);
    world_commit(&world, STATUS_OK);
    fake_advance(&world.time, 60000);
    struct caller caller = caller_of(&world, "requests=80/min:fixed_window", 1);
    assert_int_equal(call(&caller), LIMIT_WAIT); // for a time in this window
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_int_equal(limit_write_batch_count(batch), 1);
    limit_write_batch_at(batch, 0, &name, &record, &empty);
    assert_int_equal(record->reserved, 30);
    world_finish(&world, batch, STATUS_OK);
    caller.cost = 29;
    assert_int_equal(call(&caller), LIMIT_ADMITTED);
    world_close(&world);
}

// A caller that waited is told that the limit is used up. What has used it up is written all the same.
static void relaxed_charge_is_written_when_nobody_waits_any_more(void **state)
{
    (void)state;
    struct world world;
    bool empty = false;
    world_open(&world);
    struct caller first = caller_of(&world, "requests=2/min", 1), second = first, relaxed = first;
    relaxed.cost = 2;
    relaxed.relaxed = true;
    assert_int_equal(call(&first), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_int_equal(call(&second), LIMIT_WAIT);
    assert_int_equal(call(&relaxed), LIMIT_ADMITTED);
    world_finish(&world, batch, STATUS_OK);
    assert_int_equal(first.verdict, LIMIT_DENIED);
    assert_int_equal(second.verdict, LIMIT_DENIED);
    batch = limit_collect(world.table);
    assert_non_null(batch);
    struct slice name;
    const struct limit_record *record = NULL;
    limit_write_batch_at(batch, 0, &name, &record, &empty);
    assert_int_equal(record->counters[record->index % record->counter_count], 2);
    world_finish(&world, batch, STATUS_OK);
    world_close(&world);
}

// --- several calls as one

// Two calls as one decision, each with a limit of its own on the same meter.
struct group {
    struct limit_waiter waiter; // first: woken_group gets it
    struct world *world;
    struct limit_applicable applicables[2];
    struct limit_charge charges[2];
    struct limit_answer answers[2];
    enum limit_verdict verdict;
};

static enum limit_verdict call_group(struct group *group)
{
    struct limit_call calls[2];
    for (size_t i = 0; i < 2; i++)
        calls[i] = (struct limit_call){.owner = group->applicables[i].subject_id,
                                       .applicables = &group->applicables[i],
                                       .applicable_count = 1,
                                       .charges = &group->charges[i],
                                       .charge_count = 1};
    do {
        group->verdict = limit_decide(group->world->table, calls, 2, &group->waiter, group->answers);
        for (size_t i = 0; i < 2; i++)
            world_install(group->world, &calls[i], &group->answers[i]);
    } while (group->verdict == LIMIT_ABSENT);
    return group->verdict;
}

static void woken_group(struct limit_waiter *waiter, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    call_group((struct group *)waiter);
}

// As of a key that was rolled, when the new one's limit has been changed: both count on one meter.
static void atomic_calls_with_different_buckets_are_served_and_obey_the_smaller(void **state)
{
    (void)state;
    static const char *const limits[2] = {"requests=600/min:token_bucket,burst=20",
                                          "requests=60/min:token_bucket,burst=30"};
    for (size_t first = 0; first < 2; first++) {
        struct world world;
        world_open(&world);
        struct group group = {.waiter = {.wake = woken_group}, .world = &world};
        for (size_t i = 0; i < 2; i++) {
            group.applicables[i] = caller_of(&world, limits[(first + i) % 2], 1).applicable;
            group.charges[i] = (struct limit_charge){group.applicables[i].limit.resource, 10};
        }
        call_group(&group);
        for (int commits = 0; commits < 2 && group.verdict == LIMIT_WAIT; commits++)
            world_commit(&world, STATUS_OK);
        assert_int_equal(group.verdict, LIMIT_ADMITTED);
        assert_int_equal(group.answers[1].standings[0].remaining, 0);
        assert_int_equal(group.answers[1].standings[0].reset_at_ms - group.answers[1].now_ms, 20000);
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_with_different_buckets_are_all_served),
        cmocka_unit_test(caller_with_another_bucket_is_served_however_many_others_come),
        cmocka_unit_test(question_with_another_bucket_takes_nothing_from_what_is_set_aside),
        cmocka_unit_test(refused_caller_with_a_small_limit_keeps_nobody_waiting),
        cmocka_unit_test(relaxed_caller_with_another_bucket_keeps_nobody_waiting),
        cmocka_unit_test(crash_between_callers_with_different_buckets_forgets_nothing),
        cmocka_unit_test(units_set_aside_for_one_bucket_are_not_spent_under_another),
        cmocka_unit_test(record_covers_all_that_is_left_when_less_is_wanted),
        cmocka_unit_test(relaxed_charge_is_written_when_nobody_waits_any_more),
        cmocka_unit_test(atomic_calls_with_different_buckets_are_served_and_obey_the_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
