// What work really cost: a charge that is settled to less, to more or to nothing, and charges that no limit refuses.

#include "unit/limit_world.h"

static const char *const each_algorithm[] = {"requests=60/min:fixed_window", "requests=60/min:sliding_window",
                                             "requests=60/min:token_bucket"};
enum { ALGORITHMS = 3, WINDOW_MS = 60000 };

static void open_with(struct world *world, const char *text)
{
    world_open(world);
    world_applicable(world, "acme", text);
}

static struct client acme(struct world *world, uint64_t cost, unsigned id)
{
    struct client client = client_of(world, "acme", "requests", cost, id);
    client.is_lasting = true;
    return client;
}

static void charge(struct world *world, uint64_t cost, unsigned id)
{
    struct client client = acme(world, cost, id);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
}

static struct client settling(struct world *world, uint64_t cost, unsigned id)
{
    struct client client = acme(world, cost, id);
    client.mode = LIMIT_SETTLE;
    return client;
}

// With as many commits as it takes.
static enum limit_verdict settle(struct world *world, uint64_t cost, unsigned id)
{
    struct client client = settling(world, cost, id);
    return client_decide(&client);
}

static enum limit_verdict refund(struct world *world, unsigned id)
{
    struct client client = acme(world, 1, id);
    return client_refund(&client);
}

static void overdraw(struct world *world, uint64_t cost, unsigned id)
{
    struct client client = acme(world, cost, id);
    client.mode = LIMIT_OVERDRAW;
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
}

static enum limit_verdict ask(struct world *world, uint64_t cost)
{
    struct client client = acme(world, cost, 0);
    return client_decide(&client);
}

// --- less

static void what_was_not_used_is_given_back_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 10, 1);
        struct client client = settling(&world, 4, 1);
        assert_int_equal(client_ask(&client), LIMIT_ADMITTED); // without the disk
        assert_int_equal(client.answer.standings[0].remaining, 56);
        assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
        assert_int_equal(client.answer.standings[0].remaining, 56);
        assert_int_equal(settle(&world, 5, 1), LIMIT_OTHER_CHARGE);
        assert_int_equal(refund(&world, 1), LIMIT_OTHER_CHARGE);
        assert_int_equal(world_remaining(&world, "acme"), 56);
        world_close(&world);
    }
}

static void settled_to_nothing_it_is_a_refund(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    charge(&world, 10, 1);
    assert_int_equal(settle(&world, 0, 1), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 60);
    assert_int_equal(settle(&world, 0, 1), LIMIT_ADMITTED);
    assert_int_equal(settle(&world, 3, 1), LIMIT_GIVEN_BACK);
    assert_int_equal(refund(&world, 1), LIMIT_GIVEN_BACK);
    struct client again = acme(&world, 10, 1);
    assert_int_equal(client_ask(&again), LIMIT_GIVEN_BACK);
    world_close(&world);
}

static void a_settled_charge_that_is_repeated_gets_its_first_answer(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    charge(&world, 10, 1);
    assert_int_equal(settle(&world, 4, 1), LIMIT_ADMITTED);
    struct client again = acme(&world, 10, 1);
    assert_int_equal(client_ask(&again), LIMIT_ADMITTED);
    assert_true(again.answer.repeated);
    assert_int_equal(again.answer.standings[0].remaining, 50);
    assert_int_equal(world_remaining(&world, "acme"), 56);
    world_close(&world);
}

// A bucket of 1/s: 10 were charged, 5 s have passed, 4 were used. Charged 4 at first, they would have flowed back.
static void a_bucket_keeps_what_has_flowed_back_of_a_settled_charge(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min:token_bucket");
    charge(&world, 60, 1);
    fake_advance(&world.time, 5000);
    assert_int_equal(settle(&world, 50, 1), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 15);
    fake_advance(&world.time, 2 * WINDOW_MS);
    charge(&world, 10, 2);
    fake_advance(&world.time, 5000);
    assert_int_equal(settle(&world, 4, 2), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 60);
    world_close(&world);
}

// --- more

static void a_debt_is_answered_when_it_is_on_disk_and_survives_a_crash(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 10, 1);
        struct client client = settling(&world, 100, 1);
        assert_int_equal(client_ask(&client), LIMIT_WAIT);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED); // it counts at once
        assert_int_equal(world_commit(&world, STATUS_OK), 1);
        assert_int_equal(client.verdict, LIMIT_ADMITTED);
        assert_int_equal(client.answer.standings[0].remaining, 0);
        assert_int_equal(settle(&world, 100, 1), LIMIT_ADMITTED);
        assert_int_equal(settle(&world, 99, 1), LIMIT_OTHER_CHARGE);
        world_crash(&world);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        assert_int_equal(world_remaining(&world, "acme"), 0);
        world_owner(&world, "acme")->applicables[0].limit.amount = 100; // still below the debt
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        world_close(&world);
    }
}

static void a_debt_is_paid_off_in_the_algorithms_own_way(void **state)
{
    (void)state;
    static const uint64_t debts_ms[ALGORITHMS] = {WINDOW_MS, WINDOW_MS + WINDOW_MS / 60, 60000};
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 10, 1);
        assert_int_equal(settle(&world, 119, 1), LIMIT_ADMITTED);
        struct client denied = acme(&world, 1, 0);
        assert_int_equal(client_ask(&denied), LIMIT_DENIED);
        assert_int_equal(denied.answer.retry_after_ms, debts_ms[i]);
        fake_advance(&world.time, debts_ms[i] - 1);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        fake_advance(&world.time, 1);
        assert_int_equal(ask(&world, 1), LIMIT_ADMITTED);
        world_close(&world);
    }
}

// The record in flight was made before the debt, though in the same millisecond.
static void a_record_from_before_the_debt_does_not_answer_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 10, 1);
        struct client other = acme(&world, 20, 0), client = settling(&world, 100, 1);
        assert_int_equal(client_ask(&other), LIMIT_WAIT);
        struct limit_write_batch *batch = limit_collect(world.table);
        assert_int_equal(client_ask(&client), LIMIT_WAIT);
        world_finish(&world, batch, STATUS_OK);
        assert_int_equal(other.verdict, LIMIT_DENIED);
        assert_int_equal(client.verdict, LIMIT_WAIT);
        world_commit(&world, STATUS_OK);
        assert_int_equal(client.verdict, LIMIT_ADMITTED);
        world_close(&world);
    }
}

static void a_debt_whose_commit_fails_is_finished_by_asking_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 10, 1);
        struct client client = settling(&world, 100, 1);
        assert_int_equal(client_ask(&client), LIMIT_WAIT);
        world_commit(&world, STATUS_UNAVAILABLE);
        assert_int_equal(client.status, STATUS_UNAVAILABLE);
        assert_int_equal(world_commit(&world, STATUS_OK), 0);
        struct client again = settling(&world, 100, 1);
        assert_int_equal(client_ask(&again), LIMIT_WAIT);
        world_commit(&world, STATUS_OK);
        assert_int_equal(again.verdict, LIMIT_ADMITTED);
        world_crash(&world);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        world_close(&world);
    }
}

// Debts of others that come meanwhile do not keep an older one waiting.
static void who_settles_waits_for_no_more_than_two_commits(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    struct client clients[4];
    for (unsigned i = 0; i < 4; i++)
        charge(&world, 1, i + 1);
    for (unsigned i = 0; i < 4; i++) {
        clients[i] = settling(&world, 100, i + 1);
        struct limit_write_batch *batch = limit_collect(world.table);
        assert_int_equal(client_ask(&clients[i]), LIMIT_WAIT);
        world_finish(&world, batch, STATUS_OK);
        if (i > 0)
            assert_int_equal(clients[i - 1].verdict, LIMIT_ADMITTED);
    }
    world_close(&world);
}

static void what_was_set_aside_already_needs_no_disk(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 1, 1); // of 7 that the disk has set aside
        struct client client = settling(&world, 5, 1);
        assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
        assert_int_equal(client.answer.standings[0].remaining, 55);
        world_crash(&world);
        assert_true(world_remaining(&world, "acme") <= 55);
        world_close(&world);
    }
}

static void a_meter_that_was_forgotten_comes_back_with_its_debt(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 10, 1);
        world_forget_all(&world);
        assert_int_equal(settle(&world, 100, 1), LIMIT_ADMITTED);
        world_forget_all(&world);
        assert_int_equal(settle(&world, 100, 1), LIMIT_ADMITTED);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        world_close(&world);
    }
}

// --- what is not settled

static void a_window_that_is_over_is_not_settled(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        charge(&world, 10, 1);
        charge(&world, 10, 2);
        fake_advance(&world.time, WINDOW_MS + WINDOW_MS / 60);
        assert_int_equal(settle(&world, 100, 1), LIMIT_WINDOW_OVER);
        assert_int_equal(settle(&world, 1, 2), LIMIT_WINDOW_OVER);
        assert_int_equal(world_remaining(&world, "acme"), 60);
        world_close(&world);
    }
}

static void a_charge_is_settled_in_the_run_that_made_it(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    charge(&world, 10, 1);
    assert_int_equal(settle(&world, 100, 2), LIMIT_NO_CHARGE);
    world_crash(&world);
    assert_int_equal(settle(&world, 100, 1), LIMIT_NO_CHARGE);
    world_close(&world);
}

static void resources_that_are_not_named_stay_as_charged(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    world_applicable(&world, "acme", "tokens=1000/min");
    world_applicable(&world, "acme", "bytes=1000/min");
    struct client both = acme(&world, 1, 1);
    both.charges[both.charge_count++] = (struct limit_charge){slice_text("tokens"), 500};
    assert_int_equal(client_decide(&both), LIMIT_ADMITTED);
    struct client client = client_of(&world, "acme", "bytes", 700, 1);
    client.mode = LIMIT_SETTLE;
    assert_int_equal(client_decide(&client), LIMIT_OTHER_CHARGE);
    client.charges[0] = (struct limit_charge){slice_text("tokens"), 700};
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    assert_int_equal(world_remaining_of(&world, "acme", "requests", 0), 59);
    assert_int_equal(world_remaining_of(&world, "acme", "tokens", 0), 300);
    world_close(&world);
}

static void a_settled_limit_that_was_changed_counts_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct limit *limit = &world_owner(&world, "acme")->applicables[0].limit;
        charge(&world, 10, 1);
        charge(&world, 10, 2);
        limit->amount = limit->burst = 0;
        assert_int_equal(settle(&world, 70, 1), LIMIT_ADMITTED);
        assert_int_equal(settle(&world, 5, 2), LIMIT_ADMITTED);
        limit->amount = limit->burst = 60;
        if (limit->algorithm != LIMIT_TOKEN_BUCKET)
            limit->burst = 0;
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        world_close(&world);
    }
}

// --- overdrawing

static void an_overdraw_is_admitted_beyond_the_limit_and_on_disk(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client client = acme(&world, 200, 1);
        client.mode = LIMIT_OVERDRAW;
        assert_int_equal(client_ask(&client), LIMIT_WAIT);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        world_commit(&world, STATUS_OK);
        assert_int_equal(client.verdict, LIMIT_ADMITTED);
        assert_false(client.answer.repeated); // by its own second try
        assert_int_equal(client.answer.standings[0].remaining, 0);
        world_crash(&world);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        world_close(&world);
    }
}

static void an_overdraw_is_charged_once_under_its_id(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min:token_bucket");
    overdraw(&world, 90, 1);
    struct client again = acme(&world, 90, 1), plain = again, dearer = acme(&world, 91, 1);
    again.mode = dearer.mode = LIMIT_OVERDRAW;
    assert_int_equal(client_ask(&again), LIMIT_ADMITTED);
    assert_true(again.answer.repeated);
    assert_int_equal(client_ask(&plain), LIMIT_OTHER_CHARGE);
    assert_int_equal(client_ask(&dearer), LIMIT_OTHER_CHARGE);
    fake_advance(&world.time, 31000);
    assert_int_equal(world_remaining(&world, "acme"), 1);
    assert_int_equal(refund(&world, 1), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 60);
    world_close(&world);
}

static void an_overdraw_names_resources_that_are_declared(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    struct client client = client_of(&world, "acme", "reqests", 1, 1);
    client.mode = LIMIT_OVERDRAW;
    assert_int_equal(client_ask(&client), LIMIT_UNDECLARED);
    world_close(&world);
}

static void a_limit_of_nothing_can_be_overdrawn_and_given_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct limit *limit = &world_owner(&world, "acme")->applicables[0].limit;
        limit->amount = limit->burst = 0;
        overdraw(&world, 100, 1);
        assert_int_equal(refund(&world, 1), LIMIT_ADMITTED);
        assert_int_equal(ask(&world, 1), LIMIT_TOO_COSTLY);
        world_close(&world);
    }
}

// The largest costs, again and again, of the smallest limit: nothing wraps around.
static void no_debt_is_too_large_to_be_counted(void **state)
{
    (void)state;
    static const char *const texts[] = {"requests=1/min:fixed_window", "requests=1/min:sliding_window",
                                        "requests=1/min:token_bucket", "requests=9007199254740991/min:sliding_window"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct world world;
        open_with(&world, texts[i]);
        for (unsigned n = 1; n <= 3000; n++) {
            overdraw(&world, LIMIT_AMOUNT_MAX, n);
            if (n % 500 == 0)
                fake_advance(&world.time, 7000);
            assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        }
        world_crash(&world);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        assert_int_equal(world_remaining(&world, "acme"), 0);
        fake_advance(&world.time, 3 * WINDOW_MS);
        assert_int_equal(ask(&world, 1), i == 2 ? LIMIT_DENIED : LIMIT_ADMITTED);
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_used_is_given_back_once),
        cmocka_unit_test(settled_to_nothing_it_is_a_refund),
        cmocka_unit_test(a_settled_charge_that_is_repeated_gets_its_first_answer),
        cmocka_unit_test(a_bucket_keeps_what_has_flowed_back_of_a_settled_charge),
        cmocka_unit_test(a_debt_is_answered_when_it_is_on_disk_and_survives_a_crash),
        cmocka_unit_test(a_debt_is_paid_off_in_the_algorithms_own_way),
        cmocka_unit_test(a_record_from_before_the_debt_does_not_answer_it),
        cmocka_unit_test(a_debt_whose_commit_fails_is_finished_by_asking_again),
        cmocka_unit_test(who_settles_waits_for_no_more_than_two_commits),
        cmocka_unit_test(what_was_set_aside_already_needs_no_disk),
        cmocka_unit_test(a_meter_that_was_forgotten_comes_back_with_its_debt),
        cmocka_unit_test(a_window_that_is_over_is_not_settled),
        cmocka_unit_test(a_charge_is_settled_in_the_run_that_made_it),
        cmocka_unit_test(resources_that_are_not_named_stay_as_charged),
        cmocka_unit_test(a_settled_limit_that_was_changed_counts_on),
        cmocka_unit_test(an_overdraw_is_admitted_beyond_the_limit_and_on_disk),
        cmocka_unit_test(an_overdraw_is_charged_once_under_its_id),
        cmocka_unit_test(an_overdraw_names_resources_that_are_declared),
        cmocka_unit_test(a_limit_of_nothing_can_be_overdrawn_and_given_back),
        cmocka_unit_test(no_debt_is_too_large_to_be_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
