// A custom subject begins anew: its meters in memory, with what is set aside, queued or in flight.

#include "unit/limit_account.h"

static void open_custom(struct world *world, const char *text)
{
    open_world(world, false);
    add_applicable(world, text)->subject = LIMIT_OF_CUSTOM;
    install(world, "tries");
}

static bool waits(struct world *world, struct client *client)
{
    *client = client_of(world, "tries", 1);
    return ask(client) == LIMIT_WAIT;
}

static void meter_of_every_algorithm_begins_full(void **state)
{
    (void)state;
    static const char *const texts[] = {"tries=80/hour", "tries=80/day", "tries=80/hour:token_bucket"};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_custom(&world, texts[i]);
        spend(&world, "tries", 50);
        assert_int_equal(remaining(&world, "tries"), 30);
        assert_true(limit_renew(world.table, acme()));
        assert_int_equal(remaining(&world, "tries"), 80);
        spend(&world, "tries", 80);
        assert_int_equal(remaining(&world, "tries"), 0);
        close_world(&world);
    }
}

static void nothing_is_set_aside_any_more(void **state)
{
    (void)state;
    struct world world;
    struct client client;
    open_custom(&world, "tries=80/hour");
    spend(&world, "tries", 1); // of ten that the disk has set aside
    assert_true(limit_renew(world.table, acme()));
    assert_true(waits(&world, &client));
    assert_int_equal(commit(&world, STATUS_OK), 1);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    assert_int_equal(remaining(&world, "tries"), 79);
    close_world(&world);
}

static void record_in_flight_sets_nothing_aside(void **state)
{
    (void)state;
    struct world world;
    struct client first, second;
    open_custom(&world, "tries=80/hour");
    spend(&world, "tries", 50);
    spend(&world, "tries", 8); // asks for more ahead of need
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_non_null(batch);
    assert_true(limit_renew(world.table, acme()));
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    assert_true(waits(&world, &first));
    assert_true(waits(&world, &second));
    assert_int_equal(commit(&world, STATUS_OK), 1);
    assert_int_equal(remaining(&world, "tries"), 78);
    close_world(&world);
}

static void call_that_waits_is_charged_anew(void **state)
{
    (void)state;
    struct world world;
    struct client client;
    open_custom(&world, "tries=80/hour");
    spend(&world, "tries", 79);
    client = client_of(&world, "tries", 1);
    assert_int_equal(ask(&client), LIMIT_WAIT);
    assert_true(limit_renew(world.table, acme()));
    assert_int_equal(commit(&world, STATUS_OK), 1);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    assert_int_equal(remaining(&world, "tries"), 79);
    close_world(&world);
}

static void others_keep_what_they_have_spent(void **state)
{
    (void)state;
    struct world world;
    open_custom(&world, "tries=80/hour");
    spend(&world, "tries", 50);
    assert_true(limit_renew(world.table, slice_text("acm")));
    assert_true(limit_renew(world.table, slice_text("acme2")));
    assert_int_equal(remaining(&world, "tries"), 30);
    world.applicables[0].subject = LIMIT_OF_ACCOUNT; // of the same name
    install(&world, "tries");
    spend(&world, "tries", 50);
    assert_true(limit_renew(world.table, acme()));
    assert_int_equal(remaining(&world, "tries"), 30);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meter_of_every_algorithm_begins_full), cmocka_unit_test(nothing_is_set_aside_any_more),
        cmocka_unit_test(record_in_flight_sets_nothing_aside),  cmocka_unit_test(call_that_waits_is_charged_anew),
        cmocka_unit_test(others_keep_what_they_have_spent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
