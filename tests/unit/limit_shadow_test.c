// Shadow limits: they count what they would admit, say what they would refuse, and decide nothing.
#include "unit/limit_account.h"

static struct limit_charge one_request(void)
{
    return (struct limit_charge){slice_text("requests"), 1};
}

// The n-th answer's view of the shadow limit, which is the first applicable one.
static const struct limit_standing *standing_of_shadow(const struct world *world)
{
    assert_true(world->answer.standings[0].applicable->limit.shadow);
    return &world->answer.standings[0];
}

static void open_with_shadow(struct world *world, const char *shadow, const char *limit)
{
    open_world(world, false);
    add_applicable(world, shadow);
    if (limit != NULL)
        add_applicable(world, limit);
    install(world, "requests");
}

static void it_never_refuses_and_counts_what_it_would_admit(void **state)
{
    (void)state;
    struct world world;
    open_with_shadow(&world, "requests=3/day:shadow", NULL);
    struct limit_charge charge = one_request();
    struct client client = client_of(&world, "requests", 1);
    for (unsigned i = 1; i <= 10; i++) {
        assert_int_equal(decide(&world, &charge, 1, false, &client.waiter), LIMIT_ADMITTED);
        assert_int_equal(standing_of_shadow(&world)->remaining, i < 3 ? 3 - i : 0);
        assert_int_equal(standing_of_shadow(&world)->would_refuse, i > 3);
        assert_int_equal(world.answer.binding, 0);
        assert_int_equal(world.answer.retry_after_ms, 0);
    }
    close_world(&world);
}

static void it_has_a_meter_of_its_own_beside_the_limit_that_holds(void **state)
{
    (void)state;
    struct world world;
    open_with_shadow(&world, "requests=2/day:shadow", "requests=5/day");
    assert_int_equal(limit_table_stats(world.table).meters, 2);
    unsigned refused_by_shadow = 0;
    for (unsigned i = 0; i < 5; i++) {
        spend(&world, "requests", 1);
        assert_int_equal(peek(&world, "requests", 1), i < 4 ? LIMIT_ADMITTED : LIMIT_DENIED);
        refused_by_shadow += standing_of_shadow(&world)->would_refuse ? 1 : 0;
        assert_int_equal(world.answer.binding, 2);
    }
    assert_int_equal(refused_by_shadow, 4); // peeks after 2, 3, 4 and 5
    assert_int_equal(world.answer.standings[1].remaining, 0);
    close_world(&world);
}

static void call_that_the_other_limit_refuses_is_not_counted_on_it(void **state)
{
    (void)state;
    struct world world;
    open_with_shadow(&world, "requests=9/day:shadow", "requests=1/day");
    struct limit_charge charge = one_request();
    struct client client = client_of(&world, "requests", 1);
    spend(&world, "requests", 1);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(decide(&world, &charge, 1, false, &client.waiter), LIMIT_DENIED);
    assert_int_equal(standing_of_shadow(&world)->remaining, 8);
    close_world(&world);
}

static void cost_beyond_all_of_it_is_no_refusal(void **state)
{
    (void)state;
    struct world world;
    open_with_shadow(&world, "requests=3/min:token_bucket,burst=2:shadow", NULL);
    struct limit_charge charge = {slice_text("requests"), 1000};
    struct client client = client_of(&world, "requests", 1000);
    assert_int_equal(decide(&world, &charge, 1, false, &client.waiter), LIMIT_ADMITTED);
    assert_true(standing_of_shadow(&world)->would_refuse);
    assert_int_equal(standing_of_shadow(&world)->remaining, 2);
    close_world(&world);
}

static void calls_of_a_batch_see_what_those_before_them_took_of_it(void **state)
{
    (void)state;
    enum { CALLS = 4 };
    struct world world;
    open_with_shadow(&world, "requests=2/day:shadow", NULL);
    struct limit_charge charge = one_request();
    struct limit_call calls[CALLS];
    struct limit_answer answers[CALLS];
    struct client client = client_of(&world, "requests", 1);
    for (size_t i = 0; i < CALLS; i++)
        calls[i] = (struct limit_call){.owner = acme(),
                                       .applicables = world.applicables,
                                       .applicable_count = world.applicable_count,
                                       .charges = &charge,
                                       .charge_count = 1};
    assert_int_equal(limit_decide(world.table, calls, CALLS, &client.waiter, answers), LIMIT_ADMITTED);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(answers[i].standings[0].would_refuse, i >= 2);
    assert_int_equal(remaining(&world, "requests"), 0);
    close_world(&world);
}

static void nobody_waits_for_the_disk_because_of_it(void **state)
{
    (void)state;
    struct world world;
    open_with_shadow(&world, "requests=1000/day:shadow", NULL);
    struct limit_charge charge = one_request();
    struct client client = client_of(&world, "requests", 1);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(decide(&world, &charge, 1, false, &client.waiter), LIMIT_ADMITTED);
    assert_true(commit(&world, STATUS_OK) > 0); // it is written behind all the same
    assert_int_equal(remaining(&world, "requests"), 0);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_never_refuses_and_counts_what_it_would_admit),
        cmocka_unit_test(it_has_a_meter_of_its_own_beside_the_limit_that_holds),
        cmocka_unit_test(call_that_the_other_limit_refuses_is_not_counted_on_it),
        cmocka_unit_test(cost_beyond_all_of_it_is_no_refusal),
        cmocka_unit_test(calls_of_a_batch_see_what_those_before_them_took_of_it),
        cmocka_unit_test(nobody_waits_for_the_disk_because_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
