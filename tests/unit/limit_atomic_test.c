// Several calls as one decision: all are charged, or none.

#include "unit/limit_world.h"

struct group {
    struct limit_waiter waiter; // first: wake gets it
    struct world *world;
    struct client members[LIMIT_CALLS_MAX];
    size_t count;
    struct limit_answer answers[LIMIT_CALLS_MAX];
    enum limit_verdict verdict;
    enum status status;
    size_t woken_as;
};

static enum limit_verdict ask(struct group *group)
{
    struct limit_call calls[LIMIT_CALLS_MAX];
    for (size_t i = 0; i < group->count; i++)
        calls[i] = client_call(&group->members[i]);
    do {
        group->verdict = limit_decide(group->world->table, calls, group->count, &group->waiter, group->answers);
        for (size_t i = 0; i < group->count; i++)
            world_install(group->world, &calls[i], &group->answers[i]);
    } while (group->verdict == LIMIT_ABSENT);
    return group->verdict;
}

static void wake(struct limit_waiter *waiter, enum status status)
{
    struct group *group = (struct group *)waiter;
    group->status = status;
    group->woken_as = ++group->world->woken;
    if (status == STATUS_OK)
        ask(group);
}

static struct group *new_group(struct world *world)
{
    struct group *group = calloc(1, sizeof *group);
    assert_non_null(group);
    group->waiter.wake = wake;
    group->world = world;
    return group;
}

static struct client *add(struct group *group, const char *owner, uint64_t cost, unsigned id)
{
    struct client *client = &group->members[group->count++];
    *client = client_of(group->world, owner, "requests", cost, id);
    return client;
}

static enum limit_verdict decide(struct group *group)
{
    ask(group);
    for (int i = 0; i < 3 && group->verdict == LIMIT_WAIT; i++)
        world_commit(group->world, STATUS_OK);
    return group->verdict;
}

static void assert_verdicts(const struct group *group, const enum limit_verdict *verdicts)
{
    for (size_t i = 0; i < group->count; i++)
        assert_int_equal(group->answers[i].verdict, verdicts[i]);
}

static const char *const each_algorithm[] = {"requests=10/min:fixed_window", "requests=10/min:sliding_window",
                                             "requests=10/min:token_bucket"};

// --- all or none

static void calls_of_several_owners_are_all_charged_or_none(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    world_applicable(&world, "globex", "requests=5/day");
    world_applicable(&world, "initech", "requests=300/min:token_bucket");
    struct group *group = new_group(&world);
    add(group, "acme", 4, 0);
    add(group, "globex", 6, 0);
    add(group, "initech", 8, 0);
    assert_int_equal(ask(group), LIMIT_DENIED);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_ADMITTED, LIMIT_TOO_COSTLY, LIMIT_ADMITTED});
    world_spend(&world, "globex", "requests", 1);
    group->members[1].charges[0].cost = 5;
    assert_int_equal(ask(group), LIMIT_DENIED);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_ADMITTED, LIMIT_DENIED, LIMIT_ADMITTED});
    assert_int_equal(group->answers[1].retry_after_ms, 86400000);
    assert_int_equal(world_remaining(&world, "acme"), 10);
    assert_int_equal(world_remaining(&world, "globex"), 4);
    assert_int_equal(world_remaining(&world, "initech"), 300);
    group->members[1].charges[0].cost = 4;
    assert_int_equal(decide(group), LIMIT_ADMITTED);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_ADMITTED, LIMIT_ADMITTED, LIMIT_ADMITTED});
    assert_int_equal(group->answers[0].standings[0].remaining, 6);
    assert_int_equal(world_remaining(&world, "acme"), 6);
    assert_int_equal(world_remaining(&world, "globex"), 0);
    assert_int_equal(world_remaining(&world, "initech"), 292);
    free(group);
    world_close(&world);
}

static void calls_on_one_meter_add_up(void **state)
{
    (void)state;
    static const uint64_t after[] = {6, 2, 0};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        world_open(&world);
        world_applicable(&world, "acme", each_algorithm[i]);
        struct group *group = new_group(&world);
        for (size_t n = 0; n < 3; n++)
            add(group, "acme", 4, 0);
        assert_int_equal(ask(group), LIMIT_DENIED);
        assert_verdicts(group, (enum limit_verdict[]){LIMIT_ADMITTED, LIMIT_ADMITTED, LIMIT_DENIED});
        assert_int_equal(group->answers[2].standings[0].remaining, 2);
        assert_int_equal(world_remaining(&world, "acme"), 10);
        group->members[2].charges[0].cost = 2;
        assert_int_equal(decide(group), LIMIT_ADMITTED);
        for (size_t n = 0; n < 3; n++)
            assert_int_equal(group->answers[n].standings[0].remaining, after[n]);
        assert_int_equal(world_remaining(&world, "acme"), 0);
        free(group);
        world_close(&world);
    }
}

static void refused_call_costs_those_behind_it_nothing(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    struct group *group = new_group(&world);
    add(group, "acme", 8, 1);
    add(group, "acme", 5, 2);
    add(group, "acme", 2, 3);
    assert_int_equal(ask(group), LIMIT_DENIED);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_ADMITTED, LIMIT_DENIED, LIMIT_ADMITTED});
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(client_refund(&group->members[i]), LIMIT_NO_CHARGE);
    assert_int_equal(world_remaining(&world, "acme"), 10);
    free(group);
    world_close(&world);
}

static void refusal_leaves_every_meter_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {"requests=7000/h:token_bucket,burst=50", "requests=70/min:sliding_window",
                                        "requests=70/min:fixed_window"};
    uint64_t random = 1;
    struct world world;
    world_open(&world);
    for (size_t i = 0; i < 3; i++)
        world_applicable(&world, "acme", texts[i]);
    world_applicable(&world, "globex", "requests=3/day");
    struct group *group = new_group(&world);
    for (size_t round = 0; round < 2000; round++) {
        struct client before = client_of(&world, "acme", "requests", 1, 0), after = before;
        before.peek = after.peek = true;
        fake_advance(&world.time, fake_below(&random, 900));
        if (fake_below(&random, 4) == 0) {
            struct client spender = client_of(&world, "acme", "requests", 1 + fake_below(&random, 5), 0);
            client_decide(&spender);
        }
        client_ask(&before);
        bool dirty = limit_write_wanted(world.table);
        group->count = 0;
        for (size_t n = 1 + fake_below(&random, 5); n > 0; n--)
            add(group, "acme", 1 + fake_below(&random, 3), 0);
        add(group, "globex", 4, 0);
        assert_int_equal(ask(group), LIMIT_DENIED);
        client_ask(&after);
        assert_int_equal(limit_write_wanted(world.table), dirty);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(after.answer.standings[i].remaining, before.answer.standings[i].remaining);
            assert_int_equal(after.answer.standings[i].reset_at_ms, before.answer.standings[i].reset_at_ms);
            assert_int_equal(after.answer.standings[i].retry_at_ms, before.answer.standings[i].retry_at_ms);
        }
    }
    free(group);
    world_close(&world);
}

static void refusal_writes_nothing_and_leaves_what_was_set_aside(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=80/min"); // 10 at once
    struct group *group = new_group(&world);
    add(group, "acme", 5, 0);
    add(group, "acme", 80, 0);
    world_spend(&world, "acme", "requests", 1);
    assert_int_equal(ask(group), LIMIT_DENIED);
    assert_false(limit_write_wanted(world.table));
    struct client next = client_of(&world, "acme", "requests", 9, 0);
    assert_int_equal(client_ask(&next), LIMIT_ADMITTED);
    free(group);
    world_close(&world);
}

static void most_calls_at_once_with_the_last_one_too_many(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=63/min");
    world_applicable(&world, "globex", "requests=100/min");
    struct group *group = new_group(&world);
    for (unsigned i = 0; i < LIMIT_CALLS_MAX; i++)
        add(group, "acme", 1, i + 1);
    assert_int_equal(ask(group), LIMIT_DENIED);
    assert_int_equal(group->answers[LIMIT_CALLS_MAX - 2].verdict, LIMIT_ADMITTED);
    assert_int_equal(group->answers[LIMIT_CALLS_MAX - 1].verdict, LIMIT_DENIED);
    group->members[LIMIT_CALLS_MAX - 1].owner = "globex";
    assert_int_equal(decide(group), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 0);
    assert_int_equal(world_remaining(&world, "globex"), 99);
    group->count = 0;
    assert_int_equal(ask(group), LIMIT_ADMITTED);
    free(group);
    world_close(&world);
}

// Over random limits: a millisecond before the time that the refusal names it is still refused, and then admitted, if
// nobody else spends in the meantime.
static void refused_calls_are_admitted_exactly_when_the_refusal_says(void **state)
{
    (void)state;
    static const char *const texts[] = {"requests=1/min:fixed_window", "requests=1/90s:sliding_window",
                                        "requests=1/h:token_bucket"};
    uint64_t random = 1;
    for (int round = 0; round < 300; round++) {
        struct world world;
        world_open(&world);
        struct group *group = new_group(&world);
        for (size_t i = 0; i < 3; i++) {
            struct limit *limit = &world_applicable(&world, "acme", texts[i])->limit;
            limit->amount = 8 + fake_below(&random, i < 2 ? 60 : 3000);
            limit->burst = i < 2 ? 0 : 4 + fake_below(&random, 30);
        }
        add(group, "acme", 1 + fake_below(&random, 3), 0);
        while (decide(group) == LIMIT_ADMITTED)
            fake_advance(&world.time, fake_below(&random, 4000));
        uint64_t retry_ms = group->answers[0].retry_after_ms;
        assert_true(group->verdict == LIMIT_DENIED && retry_ms > 0);
        fake_advance(&world.time, retry_ms - 1);
        assert_int_equal(ask(group), LIMIT_DENIED);
        assert_int_equal(group->answers[0].retry_after_ms, 1);
        fake_advance(&world.time, 1);
        assert_int_equal(decide(group), LIMIT_ADMITTED);
        free(group);
        world_close(&world);
    }
}

// --- nothing decided

static void calls_at_fault_are_named_and_nothing_is_charged(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    struct group *group = new_group(&world);
    add(group, "acme", 1, 0);
    add(group, "acme", 1, 7);
    assert_int_equal(decide(group), LIMIT_ADMITTED);
    group->members[1].charges[0].cost = 2;
    assert_int_equal(ask(group), LIMIT_OTHER_CHARGE);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_UNDECIDED, LIMIT_OTHER_CHARGE});
    group->members[1].charges[1] = (struct limit_charge){slice_text("request"), 1};
    group->members[1].charge_count = 2;
    assert_int_equal(ask(group), LIMIT_UNDECLARED);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_UNDECIDED, LIMIT_UNDECLARED});
    assert_int_equal(group->answers[1].charge, 1);
    assert_int_equal(world_remaining(&world, "acme"), 8);
    free(group);
    world_close(&world);
}

static void all_meters_that_are_not_in_memory_are_named_at_once(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    static const char *const owners[] = {"acme", "globex", "initech"};
    struct group *group = new_group(&world);
    struct limit_call calls[3];
    for (size_t i = 0; i < 3; i++) {
        world_applicable(&world, owners[i], "requests=10/min");
        calls[i] = client_call(add(group, owners[i], 1, 0));
    }
    struct client first = client_of(&world, "acme", "requests", 1, 0);
    client_decide(&first);
    assert_int_equal(limit_decide(world.table, calls, 3, &group->waiter, group->answers), LIMIT_ABSENT);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_UNDECIDED, LIMIT_ABSENT, LIMIT_ABSENT});
    assert_int_equal(group->answers[0].absent_count, 0);
    assert_int_equal(group->answers[1].absent_count, 1);
    assert_int_equal(group->answers[2].absent_count, 1);
    assert_int_equal(decide(group), LIMIT_ADMITTED);
    free(group);
    world_close(&world);
}

static void peeks_together_add_up_and_change_nothing(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    struct group *group = new_group(&world);
    for (unsigned i = 0; i < 2; i++)
        add(group, "acme", 5, 1)->peek = true;
    assert_int_equal(ask(group), LIMIT_ADMITTED);
    assert_int_equal(group->answers[0].standings[0].remaining, 10);
    assert_int_equal(group->answers[1].standings[0].remaining, 5);
    add(group, "acme", 1, 0)->peek = true;
    assert_int_equal(ask(group), LIMIT_DENIED);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_ADMITTED, LIMIT_ADMITTED, LIMIT_DENIED});
    assert_false(limit_write_wanted(world.table));
    assert_null(limit_collect_exact(world.table));
    assert_int_equal(world_remaining(&world, "acme"), 10);
    free(group);
    world_close(&world);
}

// --- waiting

static void one_commit_serves_all_calls(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=80/min"); // 10 at once
    world_applicable(&world, "acme", "requests=200/day");
    world_applicable(&world, "globex", "requests=80/min");
    world_applicable(&world, "initech", "requests=80/min");
    struct group *group = new_group(&world);
    add(group, "initech", 1, 0);
    add(group, "acme", 8, 0);
    add(group, "globex", 1, 0);
    add(group, "acme", 8, 0);
    assert_int_equal(ask(group), LIMIT_WAIT);
    assert_true(group->answers[0].write_wanted);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_WAIT, LIMIT_WAIT, LIMIT_WAIT, LIMIT_WAIT});
    assert_int_equal(world_commit(&world, STATUS_OK), 4);
    assert_int_equal(group->woken_as, 1);
    assert_int_equal(group->verdict, LIMIT_ADMITTED);
    assert_int_equal(world.woken, 1);
    assert_int_equal(world_remaining(&world, "acme"), 64);
    assert_int_equal(world_remaining(&world, "globex"), 79);
    free(group);
    world_close(&world);
}

static void newcomers_stand_behind_a_group_that_waits(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=80/min");
    world_applicable(&world, "globex", "requests=5/min");
    world_spend(&world, "acme", "requests", 1); // 9 are left of what was set aside
    struct group *group = new_group(&world);
    add(group, "acme", 1, 0);
    add(group, "globex", 5, 0);
    assert_int_equal(ask(group), LIMIT_WAIT);
    struct client single = client_of(&world, "acme", "requests", 9, 0); // with the group's one it is not enough
    struct client denied = client_of(&world, "globex", "requests", 1, 0);
    assert_int_equal(client_ask(&single), LIMIT_WAIT);
    assert_int_equal(client_ask(&denied), LIMIT_WAIT);
    world_commit(&world, STATUS_OK);
    assert_int_equal(group->verdict, LIMIT_ADMITTED);
    assert_int_equal(single.verdict, LIMIT_ADMITTED);
    assert_int_equal(denied.verdict, LIMIT_DENIED);
    free(group);
    world_close(&world);
}

static void group_stands_behind_those_who_wait_already(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=5/min");
    world_applicable(&world, "globex", "requests=80/min");
    struct client first = client_of(&world, "acme", "requests", 5, 0);
    assert_int_equal(client_ask(&first), LIMIT_WAIT);
    struct group *group = new_group(&world);
    add(group, "globex", 5, 0);
    add(group, "acme", 1, 0);
    assert_int_equal(ask(group), LIMIT_WAIT);
    world_commit(&world, STATUS_OK);
    assert_int_equal(first.verdict, LIMIT_ADMITTED);
    assert_int_equal(group->verdict, LIMIT_DENIED);
    assert_int_equal(world_remaining(&world, "globex"), 80);
    free(group);
    world_close(&world);
}

// Whatever shards they are in: also when the lowest one has nothing to write.
static void group_is_woken_wherever_its_owners_are(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        char names[3][12];
        struct world world;
        world_open(&world);
        struct group *group = new_group(&world);
        for (unsigned n = 0; n < 3; n++) {
            snprintf(names[n], sizeof names[n], "o%u-%u", i, n);
            world_applicable(&world, names[n],
                             n == 1   ? "requests=10/min"
                             : n == 0 ? "requests=unlimited"
                                      : "requests=9/day");
        }
        struct client repeated = client_of(&world, names[2], "requests", 1, 7);
        assert_int_equal(client_decide(&repeated), LIMIT_ADMITTED);
        add(group, names[0], 1, 0);
        add(group, names[2], 1, 7);
        add(group, names[1], 1, 0);
        assert_int_equal(ask(group), LIMIT_WAIT);
        world_commit(&world, STATUS_OK);
        assert_int_equal(group->verdict, LIMIT_ADMITTED);
        assert_true(group->answers[1].repeated);
        assert_int_equal(world_remaining(&world, names[1]), 9);
        free(group);
        world_close(&world);
    }
}

// Its place at a meter is kept until the commit that serves the others as well.
static void nobody_takes_a_groups_place_while_it_waits_for_another_owner(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) { // the shards' order is another one each time
        struct world world;
        world_open(&world);
        world_applicable(&world, "acme", "requests=15/min"); // nothing is fetched ahead
        world_applicable(&world, "globex", "requests=15/min");
        struct client first = client_of(&world, "acme", "requests", 4, 1), again = first;
        struct client second = client_of(&world, "acme", "requests", 1, 0), third = second;
        assert_int_equal(client_ask(&first), LIMIT_WAIT);
        assert_int_equal(client_ask(&again), LIMIT_WAIT); // so that 4 are left
        struct limit_write_batch *batch = limit_collect(world.table);
        struct group *group = new_group(&world);
        add(group, "acme", 1, 0);
        add(group, "globex", 1, 0);
        assert_int_equal(ask(group), LIMIT_WAIT);
        assert_int_equal(client_ask(&second), LIMIT_WAIT);
        world_finish(&world, batch, STATUS_OK);
        assert_int_equal(first.verdict, LIMIT_ADMITTED);
        third.charges[0].cost = 3;
        client_ask(&third);
        world_commit(&world, STATUS_OK);
        assert_int_equal(group->verdict, LIMIT_ADMITTED);
        assert_int_equal(second.verdict, LIMIT_ADMITTED);
        assert_int_equal(third.verdict, LIMIT_ADMITTED);
        assert_int_equal(world_remaining(&world, "acme"), 6);
        free(group);
        world_close(&world);
    }
}

static void group_is_told_of_a_failed_commit_and_of_a_stop(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    world_applicable(&world, "globex", "requests=10/min");
    struct group *group = new_group(&world);
    add(group, "acme", 1, 1);
    add(group, "globex", 1, 2);
    assert_int_equal(ask(group), LIMIT_WAIT);
    world_commit(&world, STATUS_UNAVAILABLE);
    assert_int_equal(group->woken_as, 1);
    assert_int_equal(group->status, STATUS_UNAVAILABLE);
    assert_int_equal(client_refund(&group->members[0]), LIMIT_NO_CHARGE);
    assert_int_equal(ask(group), LIMIT_WAIT);
    world_finish(&world, limit_collect_exact(world.table), STATUS_OK);
    assert_int_equal(group->woken_as, 2);
    assert_int_equal(group->status, STATUS_UNAVAILABLE);
    assert_int_equal(world_remaining(&world, "acme"), 10);
    free(group);
    world_close(&world);
}

static void relaxed_calls_wait_only_for_the_others(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    world_applicable(&world, "globex", "requests=10/min");
    struct group *group = new_group(&world);
    add(group, "acme", 1, 0)->relaxed = true;
    add(group, "globex", 1, 0)->relaxed = true;
    assert_int_equal(ask(group), LIMIT_ADMITTED);
    assert_true(group->answers[0].write_wanted);
    world_commit(&world, STATUS_OK);
    group->members[1].relaxed = false;
    group->members[1].charges[0].cost = 5;
    assert_int_equal(decide(group), LIMIT_ADMITTED);
    assert_true(group->woken_as > 0);
    assert_int_equal(world_remaining(&world, "acme"), 8);
    assert_int_equal(world_remaining(&world, "globex"), 4);
    free(group);
    world_close(&world);
}

// --- charge ids

static void group_that_is_repeated_is_answered_again_and_charged_once(void **state)
{
    (void)state;
    static const uint64_t after[] = {6, 5, 0};
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    world_applicable(&world, "globex", "requests=10/min");
    struct group *group = new_group(&world);
    add(group, "acme", 4, 1);
    add(group, "globex", 5, 1);
    add(group, "acme", 6, 2);
    assert_int_equal(decide(group), LIMIT_ADMITTED);
    for (size_t i = 0; i < 3; i++)
        assert_false(group->answers[i].repeated);
    assert_int_equal(ask(group), LIMIT_ADMITTED);
    for (size_t i = 0; i < 3; i++) {
        assert_true(group->answers[i].repeated);
        assert_int_equal(group->answers[i].standings[0].remaining, after[i]);
    }
    assert_int_equal(world_remaining(&world, "acme"), 0);
    assert_int_equal(client_refund(&group->members[0]), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 4);
    assert_int_equal(ask(group), LIMIT_GIVEN_BACK);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_GIVEN_BACK, LIMIT_UNDECIDED, LIMIT_UNDECIDED});
    free(group);
    world_close(&world);
}

static void one_id_twice_in_a_group_is_charged_once(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    world_applicable(&world, "globex", "requests=10/min");
    struct group *group = new_group(&world);
    add(group, "acme", 6, 1);
    add(group, "globex", 6, 1); // of another owner
    add(group, "acme", 6, 1);
    assert_int_equal(decide(group), LIMIT_ADMITTED);
    assert_false(group->answers[0].repeated);
    assert_false(group->answers[1].repeated);
    assert_true(group->answers[2].repeated);
    assert_int_equal(group->answers[2].standings[0].remaining, 4);
    assert_int_equal(world_remaining(&world, "acme"), 4);
    assert_int_equal(client_refund(&group->members[2]), LIMIT_ADMITTED);
    assert_int_equal(client_refund(&group->members[0]), LIMIT_GIVEN_BACK);
    group->count = 0;
    add(group, "acme", 2, 3);
    add(group, "acme", 3, 3);
    assert_int_equal(ask(group), LIMIT_OTHER_CHARGE);
    assert_verdicts(group, (enum limit_verdict[]){LIMIT_UNDECIDED, LIMIT_OTHER_CHARGE});
    assert_int_equal(client_refund(&group->members[0]), LIMIT_NO_CHARGE);
    assert_int_equal(world_remaining(&world, "acme"), 10);
    free(group);
    world_close(&world);
}

static void group_and_single_call_that_wait_with_one_id_charge_once(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world_applicable(&world, "acme", "requests=10/min");
    world_applicable(&world, "globex", "requests=10/min");
    struct group *group = new_group(&world);
    add(group, "globex", 2, 0);
    add(group, "acme", 6, 1);
    struct client single = client_of(&world, "acme", "requests", 6, 1);
    assert_int_equal(ask(group), LIMIT_WAIT);
    assert_int_equal(client_ask(&single), LIMIT_WAIT);
    world_commit(&world, STATUS_OK);
    assert_int_equal(group->verdict, LIMIT_ADMITTED);
    assert_int_equal(single.verdict, LIMIT_ADMITTED);
    assert_true(group->answers[1].repeated != single.answer.repeated);
    assert_int_equal(world_remaining(&world, "acme"), 4);
    assert_int_equal(world_remaining(&world, "globex"), 8);
    free(group);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_several_owners_are_all_charged_or_none),
        cmocka_unit_test(calls_on_one_meter_add_up),
        cmocka_unit_test(refused_call_costs_those_behind_it_nothing),
        cmocka_unit_test(refusal_leaves_every_meter_as_it_was),
        cmocka_unit_test(refusal_writes_nothing_and_leaves_what_was_set_aside),
        cmocka_unit_test(refused_calls_are_admitted_exactly_when_the_refusal_says),
        cmocka_unit_test(most_calls_at_once_with_the_last_one_too_many),
        cmocka_unit_test(calls_at_fault_are_named_and_nothing_is_charged),
        cmocka_unit_test(all_meters_that_are_not_in_memory_are_named_at_once),
        cmocka_unit_test(peeks_together_add_up_and_change_nothing),
        cmocka_unit_test(one_commit_serves_all_calls),
        cmocka_unit_test(newcomers_stand_behind_a_group_that_waits),
        cmocka_unit_test(group_stands_behind_those_who_wait_already),
        cmocka_unit_test(group_is_woken_wherever_its_owners_are),
        cmocka_unit_test(nobody_takes_a_groups_place_while_it_waits_for_another_owner),
        cmocka_unit_test(group_is_told_of_a_failed_commit_and_of_a_stop),
        cmocka_unit_test(relaxed_calls_wait_only_for_the_others),
        cmocka_unit_test(group_that_is_repeated_is_answered_again_and_charged_once),
        cmocka_unit_test(one_id_twice_in_a_group_is_charged_once),
        cmocka_unit_test(group_and_single_call_that_wait_with_one_id_charge_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
