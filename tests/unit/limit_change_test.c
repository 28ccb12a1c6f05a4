// Limits that change while something is spent under them.

#include "unit/limit_account.h"

// Spends 60 of a burst of 100 after a record that set 75 aside, and returns that record: what a crash would leave.
static struct limit_record spend_behind_a_record(struct world *world)
{
    bool empty = false;
    install(world, "requests");
    struct client client = client_of(world, "requests", 1);
    assert_int_equal(ask(&client), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world->table);
    struct limit_record record = *only_record(batch, &empty);
    limit_write_batch_end(world->table, batch, STATUS_OK, clock_now_ms(world->clock));
    client.cost = 59;
    assert_int_equal(ask(&client), LIMIT_ADMITTED);
    return record;
}

static void burst_lowered_before_a_crash_and_raised_after_it_forgets_nothing(void **state)
{
    (void)state;
    static const char *const lowered[] = {"requests=600/min:token_bucket,burst=5", "requests=0/min:token_bucket",
                                          "requests=6000/min:token_bucket,burst=100"};
    for (size_t i = 0; i < 3; i++) {
        struct world before, after;
        open_world(&before, false);
        add_applicable(&before, "requests=600/min:token_bucket,burst=100");
        struct limit_record record = spend_behind_a_record(&before);
        assert_int_equal(record.amount, 600);
        assert_int_equal(record.burst, 100);
        close_world(&before);
        open_world(&after, false);
        struct limit_applicable *applicable = add_applicable(&after, lowered[i]);
        assert_int_equal(peek(&after, "requests", 1), LIMIT_ABSENT);
        assert_true(limit_install(after.table, acme(), applicable, &(struct limit_found){.record = &record},
                                  after.answer.generation));
        peek(&after, "requests", 1);
        applicable->limit = fake_limit("requests=600/min:token_bucket,burst=100");
        assert_int_equal(remaining(&after, "requests"), 25);
        close_world(&after);
    }
}

static void bucket_whose_limit_has_changed_is_written_before_it_is_spent_from(void **state)
{
    (void)state;
    struct world world;
    bool empty = false;
    open_world(&world, false);
    struct limit_applicable *applicable = add_applicable(&world, "requests=600/min:token_bucket,burst=100");
    spend_behind_a_record(&world);
    while (commit(&world, STATUS_OK) > 0)
        ;
    struct client client = client_of(&world, "requests", 1);
    applicable->limit = fake_limit("requests=300/min:token_bucket,burst=100");
    assert_int_equal(ask(&client), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_int_equal(only_record(batch, &empty)->amount, 300);
    applicable->limit = fake_limit("requests=150/min:token_bucket,burst=100");
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    assert_int_equal(client.verdict, LIMIT_WAIT); // it has changed again
    commit(&world, STATUS_OK);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    assert_int_equal(ask(&client), LIMIT_ADMITTED);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_lowered_before_a_crash_and_raised_after_it_forgets_nothing),
        cmocka_unit_test(bucket_whose_limit_has_changed_is_written_before_it_is_spent_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
