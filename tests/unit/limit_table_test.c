#include "unit/limit_account.h"

// --- verdicts

static void resource_that_no_limit_declares_is_named_and_nothing_is_charged(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    install(&world, "requests");
    struct limit_charge charges[] = {{slice_text("requests"), 1}, {slice_text("request"), 1}};
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(decide(&world, charges, 2, false, &client.waiter), LIMIT_UNDECLARED);
    assert_int_equal(world.answer.charge, 1);
    assert_int_equal(remaining(&world, "requests"), 60);
    close_world(&world);
}

static void meters_that_are_not_in_memory_are_named(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    add_applicable(&world, "productions=5/day");
    add_applicable(&world, "requests=2000/day");
    assert_int_equal(peek(&world, "requests", 1), LIMIT_ABSENT);
    assert_int_equal(world.answer.absent_count, 2);
    assert_ptr_equal(world.answer.absent[0], &world.applicables[0]);
    assert_ptr_equal(world.answer.absent[1], &world.applicables[2]);
    install_absent(&world);
    assert_int_equal(peek(&world, "requests", 1), LIMIT_ADMITTED);
    assert_int_equal(limit_table_stats(world.table).meters, 2);
    close_world(&world);
}

static void install_from_before_a_meter_was_forgotten_is_ignored(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    assert_int_equal(peek(&world, "requests", 1), LIMIT_ABSENT);
    uint64_t old = world.answer.generation;
    install_absent(&world);
    assert_int_equal(limit_evict_idle(world.table, 0), 1);
    assert_true(limit_install(world.table, acme(), &world.applicables[0], NULL, old));
    assert_int_equal(peek(&world, "requests", 1), LIMIT_ABSENT);
    assert_int_not_equal(world.answer.generation, old);
    install_absent(&world);
    assert_int_equal(peek(&world, "requests", 1), LIMIT_ADMITTED);
    close_world(&world);
}

static void second_install_changes_nothing(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    install(&world, "requests");
    spend(&world, "requests", 3);
    struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW, .reserved = 50};
    assert_true(limit_install(world.table, acme(), &world.applicables[0], &(struct limit_found){.record = &record},
                              world.answer.generation));
    assert_int_equal(remaining(&world, "requests"), 57);
    close_world(&world);
}

static void cost_above_a_whole_limit_is_too_costly_even_when_it_is_also_used_up(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=300/min:token_bucket,burst=5");
    install(&world, "requests");
    spend(&world, "requests", 5);
    struct client client = client_of(&world, "requests", 6);
    assert_int_equal(ask(&client), LIMIT_TOO_COSTLY);
    assert_int_equal(world.answer.standing_count, 1);
    assert_int_equal(world.answer.standings[0].retry_at_ms, 0);
    assert_int_equal(world.answer.binding, 1);
    client.cost = 1;
    assert_int_equal(ask(&client), LIMIT_DENIED);
    client.cost = UINT64_MAX;
    assert_int_equal(ask(&client), LIMIT_TOO_COSTLY);
    close_world(&world);
}

static void forbidden_resource_is_too_costly(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=0/day");
    install(&world, "requests");
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(ask(&client), LIMIT_TOO_COSTLY);
    assert_int_equal(world.answer.standings[0].limit, 0);
    close_world(&world);
}

static void denied_call_says_when_to_come_back_and_that_is_exact(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=10/min:fixed_window");
    add_applicable(&world, "requests=60/min:token_bucket,burst=10");
    install(&world, "requests");
    fake_advance(&world.time, 15000);
    spend(&world, "requests", 10);
    struct client client = client_of(&world, "requests", 10);
    assert_int_equal(ask(&client), LIMIT_DENIED);
    assert_int_equal(world.answer.standing_count, 2);
    assert_int_equal(world.answer.binding, 1);
    assert_int_equal(world.answer.retry_after_ms, 45000);
    assert_int_equal(world.answer.standings[0].retry_at_ms, world.answer.now_ms + 45000);
    assert_int_equal(world.answer.standings[1].retry_at_ms, world.answer.now_ms + 10000);
    assert_int_equal(world.answer.standings[1].reset_at_ms, world.answer.now_ms + 10000);
    fake_advance(&world.time, 44999);
    assert_int_equal(ask(&client), LIMIT_DENIED);
    fake_advance(&world.time, 1);
    spend(&world, "requests", 10);
    close_world(&world);
}

static void several_limits_are_charged_together_or_not_at_all(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    add_applicable(&world, "requests=100/day");
    add_applicable(&world, "productions=1/day");
    struct limit_charge charges[] = {{slice_text("productions"), 1}, {slice_text("requests"), 2}};
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(decide(&world, charges, 2, false, &client.waiter), LIMIT_ABSENT);
    install_absent(&world);
    spend(&world, "productions", 1);
    assert_int_equal(decide(&world, charges, 2, false, &client.waiter), LIMIT_DENIED);
    assert_int_equal(world.answer.standing_count, 3);
    assert_int_equal(world.answer.binding, 3);
    assert_int_equal(world.answer.standings[0].remaining, 60);
    assert_int_equal(world.answer.standings[1].remaining, 100);
    spend(&world, "requests", 2);
    assert_int_equal(remaining(&world, "requests"), 58);
    assert_int_equal(world.answer.standings[1].remaining, 98);
    close_world(&world);
}

static void charges_on_one_resource_add_up_without_overflow(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    install(&world, "requests");
    struct client client = client_of(&world, "requests", 1);
    struct limit_charge most[] = {{slice_text("requests"), UINT64_MAX}, {slice_text("requests"), UINT64_MAX}};
    assert_int_equal(decide(&world, most, 2, false, &client.waiter), LIMIT_TOO_COSTLY);
    struct limit_charge charges[] = {
        {slice_text("requests"), 0}, {slice_text("requests"), 20}, {slice_text("requests"), 9}};
    assert_int_equal(decide(&world, charges, 3, false, &client.waiter), LIMIT_WAIT);
    client.cost = 30; // what it asks for when woken
    commit(&world, STATUS_OK);
    assert_int_equal(remaining(&world, "requests"), 30);
    close_world(&world);
}

static void unlimited_resource_is_declared_and_never_refused(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=unlimited");
    struct client client = client_of(&world, "requests", LIMIT_AMOUNT_MAX);
    assert_int_equal(ask(&client), LIMIT_ADMITTED);
    assert_int_equal(world.answer.standing_count, 1);
    assert_int_equal(world.answer.standings[0].limit, 0);
    assert_int_equal(world.answer.binding, 0);
    assert_int_equal(limit_table_stats(world.table).meters, 0);
    close_world(&world);
}

static void two_limits_on_one_meter_are_both_obeyed_and_charged_once(void **state)
{
    (void)state;
    static const char *const texts[][2] = {{"requests=40/min", "requests=10/min"},
                                           {"requests=10/day", "requests=40/day"},
                                           {"requests=40/min:token_bucket", "requests=50/min:token_bucket,burst=10"}};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_world(&world, false);
        add_applicable(&world, texts[i][0]);
        add_applicable(&world, texts[i][1]);
        assert_int_equal(peek(&world, "requests", 1), LIMIT_ABSENT);
        install_absent(&world);
        spend(&world, "requests", 4);
        assert_int_equal(limit_table_stats(world.table).meters, 1);
        assert_int_equal(remaining(&world, "requests"), 6);
        assert_int_equal(world.answer.standing_count, 2);
        spend(&world, "requests", 6);
        struct client client = client_of(&world, "requests", 1);
        assert_int_equal(ask(&client), LIMIT_DENIED);
        close_world(&world);
    }
}

static void peek_changes_nothing(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    install(&world, "requests");
    for (int i = 0; i < 200; i++)
        assert_int_equal(peek(&world, "requests", 60), LIMIT_ADMITTED);
    assert_int_equal(world.answer.standings[0].remaining, 60);
    assert_false(world.answer.write_wanted);
    assert_false(limit_write_wanted(world.table));
    assert_null(limit_collect(world.table));
    assert_null(limit_collect_exact(world.table));
    spend(&world, "requests", 60);
    assert_int_equal(peek(&world, "requests", 1), LIMIT_DENIED);
    close_world(&world);
}

static void peek_without_charges_shows_every_limit(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    add_applicable(&world, "productions=0/day");
    add_applicable(&world, "bytes=unlimited");
    install(&world, "requests");
    install(&world, "productions");
    spend(&world, "requests", 60);
    assert_int_equal(decide(&world, NULL, 0, true, NULL), LIMIT_ADMITTED);
    assert_int_equal(world.answer.standing_count, 3);
    assert_int_equal(world.answer.standings[0].remaining, 0);
    assert_int_equal(world.answer.standings[1].limit, 0);
    assert_true(world.answer.standings[2].applicable->limit.unlimited);
    close_world(&world);
}

static void call_without_charges_is_admitted(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=0/day");
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(decide(&world, NULL, 0, false, &client.waiter), LIMIT_ADMITTED);
    assert_int_equal(world.answer.standing_count, 0);
    close_world(&world);
}

static void amount_can_change_at_any_time_and_what_was_spent_stays(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    struct limit_applicable *applicable = add_applicable(&world, "requests=60/min");
    install(&world, "requests");
    spend(&world, "requests", 50);
    applicable->limit.amount = 10;
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(ask(&client), LIMIT_DENIED);
    applicable->limit.amount = 100000; // wider counters
    assert_int_equal(remaining(&world, "requests"), 99950);
    spend(&world, "requests", 99950);
    assert_int_equal(ask(&client), LIMIT_DENIED);
    fake_advance(&world.time, 30000);
    assert_int_equal(remaining(&world, "requests"), 0);
    fake_advance(&world.time, 32000); // with 30 sub-windows of two seconds
    assert_int_equal(remaining(&world, "requests"), 100000);
    close_world(&world);
}

// --- waiting

static void new_meter_waits_for_the_disk_once(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=80/min");
    install(&world, "requests");
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(ask(&client), LIMIT_WAIT);
    assert_true(world.answer.write_wanted);
    assert_int_equal(world.answer.standing_count, 0);
    assert_int_equal(commit(&world, STATUS_OK), 1);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    for (int i = 0; i < 4; i++) // of the 10 that were set aside
        assert_int_equal(ask(&client), LIMIT_ADMITTED);
    assert_int_equal(limit_table_stats(world.table).waits, 1);
    close_world(&world);
}

static void waiters_are_woken_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    install(&world, "requests");
    struct client clients[WAITERS];
    for (size_t i = 0; i < WAITERS; i++) {
        clients[i] = client_of(&world, "requests", 10);
        assert_int_equal(ask(&clients[i]), LIMIT_WAIT);
    }
    assert_int_equal(commit(&world, STATUS_OK), 1);
    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(clients[i].woken_as, i + 1);
        assert_int_equal(clients[i].verdict, i < 6 ? LIMIT_ADMITTED : LIMIT_DENIED);
    }
    close_world(&world);
}

static void one_commit_serves_all_who_wait_and_fit(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=60/min");
    install(&world, "requests");
    struct client big = client_of(&world, "requests", 50), small = client_of(&world, "requests", 9);
    assert_int_equal(ask(&big), LIMIT_WAIT);
    assert_int_equal(ask(&small), LIMIT_WAIT);
    commit(&world, STATUS_OK);
    assert_int_equal(big.verdict, LIMIT_ADMITTED);
    assert_int_equal(small.verdict, LIMIT_ADMITTED);
    close_world(&world);
}

static void newcomer_queues_behind_those_who_wait(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=80/min");
    install(&world, "requests");
    spend(&world, "requests", 3); // 7 are left
    struct client big = client_of(&world, "requests", 20), small = client_of(&world, "requests", 1);
    assert_int_equal(ask(&big), LIMIT_WAIT);
    assert_int_equal(ask(&small), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    struct client late = client_of(&world, "requests", 1);
    assert_int_equal(ask(&late), LIMIT_WAIT);
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    assert_int_equal(big.verdict, LIMIT_ADMITTED);
    assert_int_equal(small.verdict, LIMIT_ADMITTED);
    assert_int_equal(late.verdict, LIMIT_WAIT);
    assert_true(limit_write_wanted(world.table));
    commit(&world, STATUS_OK);
    assert_int_equal(late.verdict, LIMIT_ADMITTED);
    close_world(&world);
}

static void woken_waiter_comes_before_one_who_arrives_while_it_is_woken(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=10/min");
    install(&world, "requests");
    struct client first = client_of(&world, "requests", 10), newcomer = client_of(&world, "requests", 10);
    first.newcomer = &newcomer;
    assert_int_equal(ask(&first), LIMIT_WAIT);
    commit(&world, STATUS_OK);
    assert_int_equal(first.verdict, LIMIT_ADMITTED);
    assert_int_equal(newcomer.verdict, LIMIT_DENIED);
    assert_int_equal(limit_table_stats(world.table).waits, 2); // it had come first, and waited for the other one
    assert_int_equal(commit(&world, STATUS_OK), 0);            // but not for the disk: nothing is left to set aside
    close_world(&world);
}

static void newcomer_does_not_wait_where_there_is_enough_for_all_who_came_before(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=80/min");
    add_applicable(&world, "productions=5/min");
    install(&world, "requests");
    install(&world, "productions");
    spend(&world, "requests", 1); // 9 are left
    struct limit_charge both[] = {{slice_text("requests"), 2}, {slice_text("productions"), 1}};
    struct client first = client_of(&world, "requests", 2);
    assert_int_equal(decide(&world, both, 2, false, &first.waiter), LIMIT_WAIT); // for productions
    struct client small = client_of(&world, "requests", 7), next = client_of(&world, "requests", 1);
    assert_int_equal(ask(&small), LIMIT_ADMITTED); // 2 are left, for the first one
    assert_int_equal(ask(&next), LIMIT_WAIT);
    commit(&world, STATUS_OK);
    assert_int_equal(first.verdict, LIMIT_ADMITTED);
    assert_int_equal(next.verdict, LIMIT_ADMITTED);
    close_world(&world);
}

static void who_comes_during_a_commit_that_brings_enough_does_not_wait_for_the_next(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=2000/min");
    install(&world, "requests");
    struct client first = client_of(&world, "requests", 1), late[16];
    assert_int_equal(ask(&first), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    for (size_t i = 0; i < 16; i++) {
        late[i] = client_of(&world, "requests", 1);
        assert_int_equal(ask(&late[i]), LIMIT_WAIT);
    }
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock)); // 250 are set aside
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(late[i].verdict, LIMIT_ADMITTED);
        assert_int_equal(late[i].woken_as, i + 2);
    }
    assert_false(limit_write_wanted(world.table)); // their places are given up
    assert_int_equal(ask(&first), LIMIT_ADMITTED);
    close_world(&world);
}

static void woken_waiter_that_asks_late_still_comes_before_those_who_queue(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=80/min");
    install(&world, "requests");
    struct client slow = client_of(&world, "requests", 1), newcomer = client_of(&world, "requests", 20);
    assert_int_equal(ask(&slow), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    slow.newcomer = NULL;
    struct client woken = slow;
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock)); // asks at once: 9 are left
    assert_int_equal(slow.verdict, LIMIT_ADMITTED);
    assert_int_equal(ask(&newcomer), LIMIT_WAIT);
    woken.waiter.woken = true; // as limit_write_batch_end leaves it for one that has not asked yet
    assert_int_equal(ask(&woken), LIMIT_ADMITTED);
    assert_int_equal(ask(&woken), LIMIT_WAIT); // but only once
    commit(&world, STATUS_OK);
    assert_int_equal(newcomer.verdict, LIMIT_ADMITTED);
    assert_int_equal(woken.verdict, LIMIT_ADMITTED);
    close_world(&world);
}

static void failed_commit_is_told_to_those_who_wait_and_the_next_call_tries_again(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=80/min");
    install(&world, "requests");
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(ask(&client), LIMIT_WAIT);
    commit(&world, STATUS_INTERNAL);
    assert_int_equal(client.status, STATUS_UNAVAILABLE);
    assert_int_equal(client.verdict, LIMIT_WAIT);
    assert_false(limit_write_wanted(world.table));
    assert_int_equal(remaining(&world, "requests"), 80);
    assert_int_equal(ask(&client), LIMIT_WAIT);
    commit(&world, STATUS_OK);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    close_world(&world);
}

static void what_is_left_can_be_spent_while_the_disk_fails_and_no_more(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=80/min");
    install(&world, "requests");
    spend(&world, "requests", 1);
    struct client client = client_of(&world, "requests", 1);
    int admitted = 0;
    while (ask(&client) == LIMIT_ADMITTED) {
        admitted++;
        commit(&world, STATUS_UNAVAILABLE);
    }
    assert_int_equal(admitted, 9);
    assert_int_equal(client.verdict, LIMIT_WAIT);
    commit(&world, STATUS_UNAVAILABLE);
    assert_int_equal(client.status, STATUS_UNAVAILABLE);
    close_world(&world);
}

static void while_the_disk_fails_calls_go_on_where_that_is_wanted_and_wait_again_when_it_works(void **state)
{
    (void)state;
    struct world world;
    open_world_with(&world, (struct limit_table_options){.relaxed_on_failure = true});
    add_applicable(&world, "requests=80/min");
    install(&world, "requests");
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(ask(&client), LIMIT_WAIT);
    commit(&world, STATUS_UNAVAILABLE);
    assert_int_equal(client.status, STATUS_OK);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    for (int admitted = 1; admitted < 80; admitted++)
        assert_int_equal(ask(&client), LIMIT_ADMITTED);
    assert_int_equal(ask(&client), LIMIT_DENIED); // it is no less a limit
    assert_true(limit_write_wanted(world.table));
    world.time.boot_ms += 62000;
    assert_int_equal(ask(&client), LIMIT_ADMITTED);
    commit(&world, STATUS_OK);
    client.cost = 20;
    assert_int_equal(ask(&client), LIMIT_WAIT);
    commit(&world, STATUS_OK);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    close_world(&world);
}

// --- reservation

static void next_reservation_is_fetched_when_half_is_gone(void **state)
{
    (void)state;
    struct world world;
    bool empty = false;
    open_world(&world, false);
    add_applicable(&world, "requests=80/min");
    install(&world, "requests");
    spend(&world, "requests", 1);
    struct client client = client_of(&world, "requests", 1);
    for (int i = 2; i <= 5; i++) {
        assert_false(limit_write_wanted(world.table));
        assert_int_equal(ask(&client), LIMIT_ADMITTED);
        assert_int_equal(world.answer.write_wanted, i == 5);
    }
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_int_equal(only_record(batch, &empty)->reserved, 10);
    assert_int_equal(ask(&client), LIMIT_ADMITTED); // 4 of the old 5 are left
    assert_int_equal(ask(&client), LIMIT_ADMITTED);
    assert_false(world.answer.write_wanted);
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    for (int i = 0; i < 8; i++) // 10 - 2
        assert_int_equal(ask(&client), LIMIT_ADMITTED);
    struct limit_write_batch *next = limit_collect(world.table);
    assert_int_equal(ask(&client), LIMIT_WAIT);
    limit_write_batch_end(world.table, next, STATUS_OK, clock_now_ms(world.clock));
    commit(&world, STATUS_OK);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    close_world(&world);
}

static void record_covers_what_is_left_and_what_waits(void **state)
{
    (void)state;
    struct world world;
    bool empty = false;
    open_world(&world, false);
    struct limit_applicable *applicable = add_applicable(&world, "requests=800/min");
    install(&world, "requests");
    spend(&world, "requests", 1); // 99 are left
    applicable->limit.amount = 80;
    struct client first = client_of(&world, "requests", 79), second = client_of(&world, "requests", 79);
    assert_int_equal(ask(&first), LIMIT_ADMITTED); // 20 are left
    applicable->limit.amount = 240;
    first.cost = second.cost = 90;
    assert_int_equal(ask(&first), LIMIT_WAIT);
    assert_int_equal(ask(&second), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_int_equal(only_record(batch, &empty)->reserved, 160); // of 180 that wait, 160 remain
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    assert_int_equal(first.verdict, LIMIT_ADMITTED);
    assert_int_equal(second.verdict, LIMIT_DENIED);
    applicable->limit.amount = 160; // R is now 20, but 70 are left
    struct client peeking = client_of(&world, "requests", 55);
    applicable->limit.amount = 4000;
    assert_int_equal(ask(&peeking), LIMIT_ADMITTED); // 15 are left
    batch = limit_collect(world.table);
    assert_int_equal(only_record(batch, &empty)->reserved, 500);
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    close_world(&world);
}

static void recover_and_check(const char *text, const struct limit_record *record)
{
    struct world world;
    open_world(&world, false);
    add_applicable(&world, text);
    assert_int_equal(peek(&world, "requests", 1), LIMIT_ABSENT);
    assert_true(limit_install(world.table, acme(), &world.applicables[0], &(struct limit_found){.record = record},
                              world.answer.generation));
    assert_int_equal(remaining(&world, "requests"), 65);
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(ask(&client), LIMIT_WAIT); // nothing is set aside
    close_world(&world);
}

static void crash_charges_all_of_the_last_reservation(void **state)
{
    (void)state;
    static const char *const texts[] = {"requests=80/min", "requests=80/day", "requests=80/min:token_bucket"};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        bool empty = true;
        open_world(&world, false);
        add_applicable(&world, texts[i]);
        install(&world, "requests");
        struct client client = client_of(&world, "requests", 1);
        spend(&world, "requests", 4);
        assert_int_equal(ask(&client), LIMIT_ADMITTED);
        struct limit_write_batch *batch = limit_collect(world.table);
        struct limit_record record = *only_record(batch, &empty);
        assert_false(empty);
        limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
        assert_int_equal(record.reserved, 10);
        close_world(&world);
        recover_and_check(texts[i], &record);
        recover_and_check(texts[i], &record); // nothing was written, so nothing adds up
    }
}

static void clean_stop_forfeits_nothing(void **state)
{
    (void)state;
    struct world before, after;
    struct slice name;
    const struct limit_record *record = NULL;
    bool empty = false;
    open_world(&before, false);
    open_world(&after, false);
    add_applicable(&before, "requests=80/min");
    add_applicable(&after, "requests=80/min");
    add_applicable(&before, "productions=80/min:token_bucket");
    install(&before, "requests");
    install(&before, "productions");
    spend(&before, "requests", 5);
    spend(&before, "productions", 1);
    fake_advance(&before.time, 1000); // the bucket is full again
    while (commit(&before, STATUS_OK) > 0)
        ;
    struct client client = client_of(&before, "requests", 40);
    assert_int_equal(ask(&client), LIMIT_WAIT); // too late
    struct limit_write_batch *batch = limit_collect_exact(before.table);
    assert_int_equal(limit_write_batch_count(batch), 2);
    for (size_t i = 0; i < 2; i++) {
        limit_write_batch_at(batch, i, &name, &record, &empty);
        assert_int_equal(record->reserved, 0);
        assert_int_equal(empty, record->algorithm == LIMIT_TOKEN_BUCKET);
        if (empty)
            continue;
        assert_int_equal(peek(&after, "requests", 1), LIMIT_ABSENT);
        assert_true(limit_install(after.table, acme(), &after.applicables[0], &(struct limit_found){.record = record},
                                  after.answer.generation));
        assert_int_equal(remaining(&after, "requests"), 75);
    }
    client.cost = 1;
    struct client late = client_of(&before, "requests", 1);
    assert_int_equal(ask(&late), LIMIT_WAIT); // nothing is admitted behind the snapshot's back
    limit_write_batch_end(before.table, batch, STATUS_OK, clock_now_ms(before.clock));
    assert_int_equal(client.status, STATUS_UNAVAILABLE);
    struct limit_write_batch *rest = limit_collect_exact(before.table);
    limit_write_batch_end(before.table, rest, STATUS_OK, clock_now_ms(before.clock));
    assert_int_equal(late.status, STATUS_UNAVAILABLE);
    assert_null(limit_collect_exact(before.table));
    close_world(&before);
    close_world(&after);
}

static void window_is_not_spent_from_before_a_time_inside_it_is_on_disk(void **state)
{
    (void)state;
    static const char *const texts[] = {"requests=80/min:fixed_window", "requests=80/60s:fixed_window",
                                        "requests=80/day", "requests=80/month"};
    for (size_t i = 0; i < 4; i++) {
        struct world world;
        open_world(&world, false);
        add_applicable(&world, texts[i]);
        install(&world, "requests");
        spend(&world, "requests", 1);
        struct client client = client_of(&world, "requests", 1);
        assert_int_equal(ask(&client), LIMIT_ADMITTED);
        fake_advance(&world.time, world.answer.standings[0].reset_at_ms - world.answer.now_ms);
        assert_int_equal(peek(&world, "requests", 1), LIMIT_ADMITTED);
        assert_int_equal(ask(&client), LIMIT_WAIT); // though 8 are left
        uint64_t begin_ms = world.answer.now_ms;
        struct client other = client_of(&world, "requests", 1);
        limit_note_durable(world.table, begin_ms - 1);
        assert_int_equal(ask(&other), LIMIT_WAIT);
        commit(&world, STATUS_OK);
        assert_int_equal(client.verdict, LIMIT_ADMITTED);
        assert_int_equal(other.verdict, LIMIT_ADMITTED);
        fake_advance(&world.time, world.answer.standings[0].reset_at_ms - world.answer.now_ms);
        limit_note_durable(world.table, clock_now_ms(world.clock)); // the ticker was first
        assert_int_equal(ask(&client), LIMIT_ADMITTED);
        while (commit(&world, STATUS_OK) > 0)
            ;
        close_world(&world);
    }
}

static void relaxed_mode_does_not_wait_but_writes(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, true);
    add_applicable(&world, "requests=10/min");
    add_applicable(&world, "requests=800/day");
    install(&world, "requests");
    struct client client = client_of(&world, "requests", 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask(&client), LIMIT_ADMITTED);
        if (i == 0)
            assert_int_equal(commit(&world, STATUS_OK), 2);
    }
    assert_true(limit_write_wanted(world.table));
    assert_int_equal(ask(&client), LIMIT_DENIED);
    commit(&world, STATUS_OK);
    close_world(&world);
}

// --- the table

static void idle_meters_are_forgotten_after_their_exact_state_is_written(void **state)
{
    (void)state;
    struct world world;
    bool empty = false;
    open_world(&world, false);
    add_applicable(&world, "requests=80/day");
    install(&world, "requests");
    spend(&world, "requests", 3);
    fake_advance(&world.time, 999);
    assert_int_equal(limit_evict_idle(world.table, 1000), 0);
    fake_advance(&world.time, 1);
    assert_int_equal(limit_evict_idle(world.table, 1000), 1);
    struct limit_write_batch *batch = limit_collect(world.table);
    struct limit_record record = *only_record(batch, &empty);
    assert_false(empty);
    assert_int_equal(record.reserved, 0);
    assert_int_equal(record.used, 3);
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    assert_int_equal(limit_table_stats(world.table).meters, 0);
    assert_int_equal(limit_table_stats(world.table).bytes, 0);
    assert_int_equal(peek(&world, "requests", 1), LIMIT_ABSENT);
    assert_true(limit_install(world.table, acme(), &world.applicables[0], &(struct limit_found){.record = &record},
                              world.answer.generation));
    assert_int_equal(remaining(&world, "requests"), 77);
    close_world(&world);
}

static void meter_that_is_asked_for_while_it_is_written_off_stays(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=80/day");
    install(&world, "requests");
    spend(&world, "requests", 3);
    assert_int_equal(limit_evict_idle(world.table, 0), 1);
    struct limit_write_batch *batch = limit_collect(world.table);
    struct client client = client_of(&world, "requests", 1);
    assert_int_equal(ask(&client), LIMIT_WAIT); // what was left has been given back
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    assert_int_equal(limit_table_stats(world.table).meters, 1);
    commit(&world, STATUS_OK);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    assert_int_equal(remaining(&world, "requests"), 76);
    close_world(&world);
}

static void meter_of_a_failed_commit_is_kept_until_a_commit_succeeds(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "requests=80/day");
    install(&world, "requests");
    spend(&world, "requests", 3);
    assert_int_equal(limit_evict_idle(world.table, 0), 1);
    commit(&world, STATUS_UNAVAILABLE);
    assert_int_equal(limit_table_stats(world.table).meters, 1);
    assert_int_equal(remaining(&world, "requests"), 77);
    assert_int_equal(limit_evict_idle(world.table, 0), 1);
    commit(&world, STATUS_OK);
    assert_int_equal(limit_table_stats(world.table).meters, 0);
    close_world(&world);
}

static size_t bytes_of(const char *text)
{
    struct world world;
    open_world(&world, false);
    struct limit_applicable *applicable = add_applicable(&world, text);
    applicable->subject_id = slice_text("customer-account"); // with it, a name of 32 bytes
    install(&world, "requests");
    struct limit_name name;
    limit_name_of(applicable, &name);
    assert_int_equal(name.size, 32);
    size_t bytes = limit_table_stats(world.table).bytes;
    close_world(&world);
    return bytes;
}

static void meters_are_small(void **state)
{
    (void)state;
    assert_in_range(bytes_of("requests=1000000/day"), 1, 160);
    assert_in_range(bytes_of("requests=1000000/min:token_bucket"), 1, 160);
    assert_in_range(bytes_of("requests=255/min"), 1, 320);
    assert_in_range(bytes_of("requests=65535/min"), 1, 320);
    assert_in_range(bytes_of("requests=65536/min"), 1, 320);
    assert_in_range(bytes_of("requests=5000000000/min"), 1, 320);
}

static void name_says_subject_resource_algorithm_and_window_but_not_the_amount(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "requests=60/min",
        "request=60/min",
        "requests=60/min:token_bucket",
        "requests=60/min:fixed_window",
        "requests=60/60s:fixed_window",
        "requests=60/hour",
        "requests=60/month",
    };
    enum { COUNT = sizeof texts / sizeof texts[0] };
    struct limit_name names[COUNT + 2];
    for (size_t i = 0; i < COUNT + 2; i++) {
        struct limit_applicable applicable = {.limit = fake_limit(texts[i < COUNT ? i : 0]),
                                              .subject_id = slice_text("a")};
        applicable.subject = i == COUNT ? LIMIT_OF_KEY : LIMIT_OF_ACCOUNT;
        applicable.subject_id = slice_text(i == COUNT + 1 ? "ar" : "a");
        limit_name_of(&applicable, &names[i]);
        for (size_t j = 0; j < i; j++)
            assert_false(
                slice_equal(slice_make(names[i].bytes, names[i].size), slice_make(names[j].bytes, names[j].size)));
    }
    struct limit_applicable other = {.limit = fake_limit("requests=61/min"), .subject = LIMIT_OF_ACCOUNT};
    other.subject_id = slice_text("a");
    struct limit_name name;
    limit_name_of(&other, &name);
    assert_true(slice_equal(slice_make(name.bytes, name.size), slice_make(names[0].bytes, names[0].size)));
}

static void many_owners_have_each_their_own_meters(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    struct limit_applicable applicable = {.limit = fake_limit("requests=8/min"), .subject = LIMIT_OF_ACCOUNT};
    struct limit_charge charge = {slice_text("requests"), 1};
    char owner[16];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            applicable.subject_id = slice_make(owner, (size_t)snprintf(owner, sizeof owner, "owner%d", i));
            struct limit_call call = {.owner = applicable.subject_id,
                                      .applicables = &applicable,
                                      .applicable_count = 1,
                                      .charges = &charge,
                                      .charge_count = 1,
                                      .peek = true};
            limit_decide(world.table, &call, 1, NULL, &world.answer);
            assert_int_equal(world.answer.verdict, round == 0 ? LIMIT_ABSENT : LIMIT_ADMITTED);
            if (round == 0)
                assert_true(limit_install(world.table, call.owner, &applicable, NULL, world.answer.generation));
        }
    }
    assert_int_equal(limit_table_stats(world.table).meters, 5000);
    assert_int_equal(limit_table_stats(world.table).decisions, 10000);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resource_that_no_limit_declares_is_named_and_nothing_is_charged),
        cmocka_unit_test(meters_that_are_not_in_memory_are_named),
        cmocka_unit_test(install_from_before_a_meter_was_forgotten_is_ignored),
        cmocka_unit_test(second_install_changes_nothing),
        cmocka_unit_test(cost_above_a_whole_limit_is_too_costly_even_when_it_is_also_used_up),
        cmocka_unit_test(forbidden_resource_is_too_costly),
        cmocka_unit_test(denied_call_says_when_to_come_back_and_that_is_exact),
        cmocka_unit_test(several_limits_are_charged_together_or_not_at_all),
        cmocka_unit_test(charges_on_one_resource_add_up_without_overflow),
        cmocka_unit_test(unlimited_resource_is_declared_and_never_refused),
        cmocka_unit_test(two_limits_on_one_meter_are_both_obeyed_and_charged_once),
        cmocka_unit_test(peek_changes_nothing),
        cmocka_unit_test(peek_without_charges_shows_every_limit),
        cmocka_unit_test(call_without_charges_is_admitted),
        cmocka_unit_test(amount_can_change_at_any_time_and_what_was_spent_stays),
        cmocka_unit_test(new_meter_waits_for_the_disk_once),
        cmocka_unit_test(waiters_are_woken_in_the_order_in_which_they_came),
        cmocka_unit_test(one_commit_serves_all_who_wait_and_fit),
        cmocka_unit_test(newcomer_queues_behind_those_who_wait),
        cmocka_unit_test(woken_waiter_comes_before_one_who_arrives_while_it_is_woken),
        cmocka_unit_test(newcomer_does_not_wait_where_there_is_enough_for_all_who_came_before),
        cmocka_unit_test(who_comes_during_a_commit_that_brings_enough_does_not_wait_for_the_next),
        cmocka_unit_test(woken_waiter_that_asks_late_still_comes_before_those_who_queue),
        cmocka_unit_test(failed_commit_is_told_to_those_who_wait_and_the_next_call_tries_again),
        cmocka_unit_test(what_is_left_can_be_spent_while_the_disk_fails_and_no_more),
        cmocka_unit_test(while_the_disk_fails_calls_go_on_where_that_is_wanted_and_wait_again_when_it_works),
        cmocka_unit_test(next_reservation_is_fetched_when_half_is_gone),
        cmocka_unit_test(record_covers_what_is_left_and_what_waits),
        cmocka_unit_test(crash_charges_all_of_the_last_reservation),
        cmocka_unit_test(clean_stop_forfeits_nothing),
        cmocka_unit_test(window_is_not_spent_from_before_a_time_inside_it_is_on_disk),
        cmocka_unit_test(relaxed_mode_does_not_wait_but_writes),
        cmocka_unit_test(idle_meters_are_forgotten_after_their_exact_state_is_written),
        cmocka_unit_test(meter_that_is_asked_for_while_it_is_written_off_stays),
        cmocka_unit_test(meter_of_a_failed_commit_is_kept_until_a_commit_succeeds),
        cmocka_unit_test(meters_are_small),
        cmocka_unit_test(name_says_subject_resource_algorithm_and_window_but_not_the_amount),
        cmocka_unit_test(many_owners_have_each_their_own_meters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
