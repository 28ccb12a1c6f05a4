// An amount that is given back without a charge: once, on disk, and never more than is counted. And charges of a key's
// own limits, which that key alone gives back.

#include "unit/limit_world.h"

static const char *const each_algorithm[] = {"requests=60/min:fixed_window", "requests=60/min:sliding_window",
                                             "requests=60/min:token_bucket"};
enum { ALGORITHMS = 3, SECOND_MS = 1000 };

static void open_with(struct world *world, const char *text)
{
    world_open(world);
    world_applicable(world, "acme", text);
}

static struct client acme(struct world *world, uint64_t cost, unsigned id, enum limit_mode mode)
{
    struct client client = client_of(world, "acme", "requests", cost, id);
    client.is_lasting = true;
    client.mode = mode;
    return client;
}

static void charge(struct world *world, uint64_t cost, unsigned id)
{
    struct client client = acme(world, cost, id, LIMIT_CONSUME);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
}

static void take_back(struct world *world, uint64_t amount, unsigned id)
{
    struct client client = acme(world, amount, id, LIMIT_REFUND_AMOUNT);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
}

static void an_amount_is_given_back_and_a_crash_leaves_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 50, 1);
        struct client client = acme(&world, 20, 2, LIMIT_REFUND_AMOUNT);
        assert_int_equal(client_ask(&client), LIMIT_WAIT);
        world_commit(&world, STATUS_OK);
        assert_int_equal(client.verdict, LIMIT_ADMITTED);
        assert_false(client.answer.repeated); // by its own second try
        assert_int_equal(client.answer.standings[0].remaining, 30);
        assert_int_equal(world_remaining(&world, "acme"), 30);
        world_crash(&world);
        assert_true(world_remaining(&world, "acme") >= 30 - 60 / 8); // but for what a crash forfeits
        assert_true(world_remaining(&world, "acme") <= 30);
        world_close(&world);
    }
}

static void no_more_is_given_back_than_is_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        take_back(&world, 5, 1);
        assert_int_equal(world_remaining(&world, "acme"), 60);
        charge(&world, 50, 2);
        take_back(&world, LIMIT_AMOUNT_MAX, 3);
        assert_int_equal(world_remaining(&world, "acme"), 60);
        charge(&world, 60, 4);
        struct client client = acme(&world, 1, 5, LIMIT_CONSUME);
        assert_int_equal(client_decide(&client), LIMIT_DENIED);
        world_close(&world);
    }
}

static void it_is_given_back_once_under_its_id(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 50, 1);
        take_back(&world, 10, 2);
        struct client again = acme(&world, 10, 2, LIMIT_REFUND_AMOUNT), more = acme(&world, 11, 2, LIMIT_REFUND_AMOUNT);
        assert_int_equal(client_ask(&again), LIMIT_ADMITTED);
        assert_true(again.answer.repeated);
        assert_int_equal(client_ask(&more), LIMIT_OTHER_CHARGE);
        assert_int_equal(world_remaining(&world, "acme"), 20);
        world_close(&world);
    }
}

static void after_a_failed_commit_the_same_call_finishes_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 50, 1);
        struct client client = acme(&world, 20, 2, LIMIT_REFUND_AMOUNT), again = client;
        assert_int_equal(client_ask(&client), LIMIT_WAIT);
        world_commit(&world, STATUS_UNAVAILABLE);
        assert_int_equal(client.status, STATUS_UNAVAILABLE);
        assert_int_equal(client_decide(&again), LIMIT_ADMITTED);
        assert_int_equal(world_remaining(&world, "acme"), 30);
        world_crash(&world);
        assert_true(world_remaining(&world, "acme") >= 30 - 60 / 8);
        world_close(&world);
    }
}

static void an_amount_is_no_charge(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    charge(&world, 50, 1);
    take_back(&world, 10, 2);
    static const enum limit_mode modes[] = {LIMIT_CONSUME, LIMIT_OVERDRAW, LIMIT_SETTLE, LIMIT_REFUND};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct client client = acme(&world, 10, 2, modes[i]);
        assert_int_equal(client_ask(&client), LIMIT_OTHER_CHARGE);
    }
    struct client charged = acme(&world, 50, 1, LIMIT_REFUND_AMOUNT), typo = acme(&world, 1, 3, LIMIT_REFUND_AMOUNT);
    assert_int_equal(client_ask(&charged), LIMIT_OTHER_CHARGE);
    typo.charges[0].resource = slice_text("reqests");
    assert_int_equal(client_ask(&typo), LIMIT_UNDECLARED);
    assert_int_equal(world_remaining(&world, "acme"), 20);
    world_close(&world);
}

static void the_newest_of_a_sliding_window_is_given_back_first(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min:sliding_window");
    charge(&world, 10, 1);
    fake_advance(&world.time, 30 * SECOND_MS);
    charge(&world, 10, 2);
    take_back(&world, 15, 3);
    assert_int_equal(world_remaining(&world, "acme"), 55);
    fake_advance(&world.time, 31 * SECOND_MS); // the older ten would be over, and so are the five that stayed
    assert_int_equal(world_remaining(&world, "acme"), 60);
    world_close(&world);
}

static void what_is_held_since_a_debt_is_given_back_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client client = acme(&world, 200, 1, LIMIT_OVERDRAW);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        take_back(&world, 150, 2);
        assert_int_equal(world_remaining(&world, "acme"), 10);
        world_close(&world);
    }
}

// --- a key's own limits

static struct client of_key(struct world *world, const char *key, uint64_t cost, enum limit_mode mode)
{
    struct client client = acme(world, cost, 1, mode);
    client.key = key;
    return client;
}

static void a_charge_of_a_keys_own_limits_is_settled_by_that_key_alone(void **state)
{
    (void)state;
    static const enum limit_mode modes[] = {LIMIT_SETTLE, LIMIT_REFUND};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct world world;
        open_with(&world, "requests=100/day");
        struct limit_applicable *own = world_applicable(&world, "acme", "requests=50/day");
        own->subject = LIMIT_OF_KEY;
        own->subject_id = slice_text("key-1");
        struct client client = of_key(&world, "key-1", 10, LIMIT_CONSUME);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        struct client by_account = of_key(&world, NULL, 10, modes[i]), by_other = of_key(&world, "key-2", 10, modes[i]);
        world_owner(&world, "acme")->applicable_count = 1; // as the account's name finds them
        assert_int_equal(client_ask(&by_account), LIMIT_OTHER_KEY);
        assert_int_equal(client_ask(&by_other), LIMIT_OTHER_KEY);
        world_owner(&world, "acme")->applicable_count = 2;
        struct client whole = of_key(&world, "key-1", 10, modes[i]);
        assert_int_equal(client_ask(&whole), LIMIT_ADMITTED);
        assert_int_equal(whole.answer.standing_count, 2);
        assert_int_equal(whole.answer.standings[1].remaining, modes[i] == LIMIT_REFUND ? 50 : 40);
        world_close(&world);
    }
}

static void a_charge_without_limits_of_the_key_is_settled_by_the_account(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=100/day");
    struct client client = of_key(&world, "key-1", 10, LIMIT_CONSUME), refund = of_key(&world, NULL, 10, LIMIT_REFUND);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    assert_int_equal(client_ask(&refund), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 100);
    world_close(&world);
}

// --- shadows

static void what_no_limit_refuses_a_shadow_counts_too(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min:shadow");
    struct client client = acme(&world, 90, 1, LIMIT_OVERDRAW), next = acme(&world, 1, 2, LIMIT_CONSUME);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    assert_false(client.answer.standings[0].would_refuse);
    assert_int_equal(client_decide(&next), LIMIT_ADMITTED);
    assert_true(next.answer.standings[0].would_refuse); // as a limit would
    struct client less = acme(&world, 60, 1, LIMIT_SETTLE);
    assert_int_equal(client_decide(&less), LIMIT_ADMITTED);
    assert_false(less.answer.standings[0].would_refuse);
    take_back(&world, 10, 3);
    assert_int_equal(world_remaining(&world, "acme"), 10);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_amount_is_given_back_and_a_crash_leaves_it),
        cmocka_unit_test(no_more_is_given_back_than_is_counted),
        cmocka_unit_test(it_is_given_back_once_under_its_id),
        cmocka_unit_test(after_a_failed_commit_the_same_call_finishes_it),
        cmocka_unit_test(an_amount_is_no_charge),
        cmocka_unit_test(the_newest_of_a_sliding_window_is_given_back_first),
        cmocka_unit_test(what_is_held_since_a_debt_is_given_back_too),
        cmocka_unit_test(a_charge_of_a_keys_own_limits_is_settled_by_that_key_alone),
        cmocka_unit_test(a_charge_without_limits_of_the_key_is_settled_by_the_account),
        cmocka_unit_test(what_no_limit_refuses_a_shadow_counts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
