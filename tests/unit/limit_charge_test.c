// Charges by their id: answered again, given back, forgotten.

#include "unit/limit_world.h"

static const char *const each_algorithm[] = {"requests=60/min:fixed_window", "requests=60/min:sliding_window",
                                             "requests=60/min:token_bucket"};

static struct client acme(struct world *world, uint64_t cost, unsigned id)
{
    return client_of(world, "acme", "requests", cost, id);
}

static void open_with(struct world *world, const char *text)
{
    world_open(world);
    world_applicable(world, "acme", text);
}

// --- the same charge again

static void charge_that_is_repeated_is_answered_again_and_charged_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client first = acme(&world, 10, 1);
        assert_int_equal(client_decide(&first), LIMIT_ADMITTED);
        assert_false(first.answer.repeated);
        world_spend(&world, "acme", "requests", 20);
        fake_advance(&world.time, 500);
        struct client again = acme(&world, 10, 1);
        assert_int_equal(client_ask(&again), LIMIT_ADMITTED);
        assert_true(again.answer.repeated);
        assert_int_equal(again.answer.standing_count, 1);
        assert_int_equal(again.answer.binding, 1);
        assert_int_equal(again.answer.standings[0].limit, 60);
        assert_int_equal(again.answer.standings[0].remaining, 50);
        assert_int_equal(again.answer.standings[0].reset_at_ms, first.answer.standings[0].reset_at_ms);
        assert_int_equal(again.answer.now_ms, first.answer.now_ms + 500);
        assert_int_equal(world_remaining(&world, "acme"), 30);
        world_close(&world);
    }
}

static void charge_is_answered_again_when_nothing_is_left(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=10/day");
    struct client first = acme(&world, 10, 1);
    assert_int_equal(client_decide(&first), LIMIT_ADMITTED);
    struct client other = acme(&world, 10, 2);
    assert_int_equal(client_ask(&other), LIMIT_DENIED);
    assert_int_equal(client_ask(&first), LIMIT_ADMITTED);
    assert_int_equal(first.answer.standings[0].remaining, 0);
    world_close(&world);
}

static void refused_charge_is_not_kept(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=10/min:fixed_window");
    world_spend(&world, "acme", "requests", 5);
    struct client client = acme(&world, 6, 1);
    assert_int_equal(client_ask(&client), LIMIT_DENIED);
    assert_int_equal(client_refund(&client), LIMIT_NO_CHARGE);
    fake_advance(&world.time, 60000);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    assert_false(client.answer.repeated);
    assert_int_equal(world_remaining(&world, "acme"), 4);
    world_close(&world);
}

static void two_that_wait_with_one_id_charge_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client one = acme(&world, 7, 1), two = acme(&world, 7, 1), other = acme(&world, 7, 2);
        assert_int_equal(client_ask(&one), LIMIT_WAIT);
        assert_int_equal(client_ask(&two), LIMIT_WAIT);
        assert_int_equal(client_ask(&other), LIMIT_WAIT);
        assert_int_equal(world_commit(&world, STATUS_OK), 1);
        assert_int_equal(one.verdict, LIMIT_ADMITTED);
        assert_int_equal(two.verdict, LIMIT_ADMITTED);
        assert_int_equal(other.verdict, LIMIT_ADMITTED);
        assert_false(one.answer.repeated);
        assert_true(two.answer.repeated);
        assert_false(other.answer.repeated);
        assert_int_equal(two.answer.standings[0].remaining, 53);
        assert_int_equal(world_remaining(&world, "acme"), 46);
        world_close(&world);
    }
}

static void peek_does_not_see_charge_ids(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    struct client peek = acme(&world, 10, 1);
    peek.peek = true;
    assert_int_equal(client_ask(&peek), LIMIT_ADMITTED);
    assert_int_equal(client_refund(&peek), LIMIT_NO_CHARGE);
    struct client client = acme(&world, 10, 1);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    assert_int_equal(client_ask(&peek), LIMIT_ADMITTED);
    assert_false(peek.answer.repeated);
    assert_int_equal(peek.answer.standings[0].remaining, 50);
    world_close(&world);
}

static void id_with_other_costs_or_resources_is_another_charge(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    world_applicable(&world, "acme", "productions=5/day");
    struct client first = acme(&world, 2, 1);
    assert_int_equal(client_decide(&first), LIMIT_ADMITTED);
    struct client dearer = acme(&world, 3, 1), elsewhere = client_of(&world, "acme", "productions", 2, 1);
    assert_int_equal(client_ask(&dearer), LIMIT_OTHER_CHARGE);
    assert_int_equal(client_ask(&elsewhere), LIMIT_OTHER_CHARGE);
    struct client both = first;
    both.charges[both.charge_count++] = elsewhere.charges[0];
    assert_int_equal(client_ask(&both), LIMIT_OTHER_CHARGE);
    struct limit_call call = client_call(&dearer);
    call.mode = LIMIT_REFUND;
    limit_settle(world.table, &call, NULL, &dearer.answer);
    assert_int_equal(dearer.answer.verdict, LIMIT_OTHER_CHARGE);
    assert_int_equal(world_remaining(&world, "acme"), 58);
    world_close(&world);
}

static void order_and_split_of_charges_do_not_matter(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    world_applicable(&world, "acme", "productions=5/day");
    struct client first = acme(&world, 2, 1);
    first.charges[first.charge_count++] = (struct limit_charge){slice_text("productions"), 1};
    assert_int_equal(client_decide(&first), LIMIT_ADMITTED);
    struct client again = client_of(&world, "acme", "productions", 0, 1);
    again.charges[again.charge_count++] = (struct limit_charge){slice_text("requests"), 2};
    assert_int_equal(client_ask(&again), LIMIT_ADMITTED);
    assert_true(again.answer.repeated);
    assert_int_equal(again.answer.standing_count, 2);
    assert_int_equal(again.answer.standings[1].remaining, 4);
    assert_int_equal(again.answer.binding, 2);
    struct client whole = acme(&world, 4, 2), split = acme(&world, 1, 2);
    assert_int_equal(client_decide(&whole), LIMIT_ADMITTED);
    split.charges[split.charge_count++] = (struct limit_charge){slice_text("requests"), 3};
    assert_int_equal(client_ask(&split), LIMIT_ADMITTED);
    assert_true(split.answer.repeated);
    world_close(&world);
}

static void id_is_its_owners_alone(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    for (unsigned i = 0; i < 600; i++) { // some of them in one shard
        char name[8];
        snprintf(name, sizeof name, "o%u", i);
        world.owners[0] = (struct world_owner){.name = name};
        world.owner_count = 1;
        world_applicable(&world, name, "requests=60/min");
        struct client client = client_of(&world, name, "requests", 1 + i % 2, 1);
        client.relaxed = true;
        assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
        assert_false(client.answer.repeated);
    }
    world_close(&world);
}

static void repeat_names_the_limits_that_still_apply(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    struct limit_applicable *day = world_applicable(&world, "acme", "requests=100/day");
    struct client client = acme(&world, 10, 1);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    assert_int_equal(client.answer.binding, 1);
    world.owners[0].applicables[0].limit = fake_limit("requests=5/min"); // lowered: the same meter
    *day = (struct limit_applicable){.limit = fake_limit("requests=500/h"),
                                     .subject = LIMIT_OF_ACCOUNT,
                                     .subject_id = slice_text("acme")}; // another meter
    assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
    assert_true(client.answer.repeated);
    assert_int_equal(client.answer.standing_count, 1);
    assert_int_equal(client.answer.standings[0].limit, 60);
    assert_int_equal(client.answer.standings[0].remaining, 50);
    world_close(&world);
}

static void limits_on_one_meter_are_told_apart_in_a_repeat_and_given_back_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        world_applicable(&world, "acme", each_algorithm[i])->limit.amount = 40;
        struct client client = acme(&world, 10, 1);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        struct limit_standing standings[2] = {client.answer.standings[0], client.answer.standings[1]};
        assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
        assert_int_equal(client.answer.standing_count, 2);
        for (size_t n = 0; n < 2; n++) {
            assert_int_equal(client.answer.standings[n].limit, n == 0 ? 60 : 40);
            assert_int_equal(client.answer.standings[n].remaining, standings[n].remaining);
            assert_int_equal(client.answer.standings[n].reset_at_ms, standings[n].reset_at_ms);
        }
        uint64_t before = world_remaining(&world, "acme");
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        assert_int_equal(client.answer.standing_count, 2);
        assert_int_equal(world_remaining(&world, "acme"), before + 10);
        world_close(&world);
    }
}

static void repeat_needs_no_meters(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    struct client client = acme(&world, 10, 1);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    world_forget_all(&world);
    assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
    assert_true(client.answer.repeated);
    assert_int_equal(limit_table_stats(world.table).meters, 0);
    world_close(&world);
}

static void charge_without_any_limit_is_kept_too(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=unlimited");
    struct client client = acme(&world, 1000, 1);
    assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
    assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
    assert_true(client.answer.repeated);
    assert_int_equal(client.answer.standing_count, 1);
    assert_int_equal(client.answer.binding, 0);
    assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
    assert_int_equal(client_refund(&client), LIMIT_GIVEN_BACK);
    world_close(&world);
}

// --- giving back

static void charge_is_given_back_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        world_spend(&world, "acme", "requests", 30);
        struct client client = acme(&world, 10, 1);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        assert_int_equal(client.answer.standing_count, 1);
        assert_int_equal(client.answer.standings[0].remaining, 30);
        assert_int_equal(client.answer.binding, 1);
        assert_int_equal(world_remaining(&world, "acme"), 30);
        assert_int_equal(client_refund(&client), LIMIT_GIVEN_BACK);
        assert_int_equal(client_ask(&client), LIMIT_GIVEN_BACK);
        assert_int_equal(world_remaining(&world, "acme"), 30);
        struct client other = acme(&world, 10, 2);
        assert_int_equal(client_refund(&other), LIMIT_NO_CHARGE);
        world_close(&world);
    }
}

static void what_was_given_back_can_be_spent_again_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client client = acme(&world, 20, 1), whole = acme(&world, 41, 0);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        world_spend(&world, "acme", "requests", 20);
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        assert_int_equal(client_decide(&whole), LIMIT_DENIED);
        whole.charges[0].cost = 40;
        assert_int_equal(client_decide(&whole), LIMIT_ADMITTED);
        assert_int_equal(world_remaining(&world, "acme"), 0);
        world_close(&world);
    }
}

static void every_limit_of_the_charge_gets_its_part_back(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    world_applicable(&world, "acme", "requests=100/day");
    world_applicable(&world, "acme", "requests=300/min:token_bucket,burst=50");
    world_applicable(&world, "acme", "productions=5/day");
    struct client client = acme(&world, 10, 1);
    client.charges[client.charge_count++] = (struct limit_charge){slice_text("productions"), 2};
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
    assert_int_equal(client.answer.standing_count, 4);
    static const uint64_t full[] = {60, 100, 50, 5};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(client.answer.standings[i].remaining, full[i]);
    world_close(&world);
}

static void window_that_is_over_takes_nothing_back_but_the_longer_one_does(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min:fixed_window");
    struct client minute = acme(&world, 10, 1);
    assert_int_equal(client_decide(&minute), LIMIT_ADMITTED);
    fake_advance(&world.time, 60000);
    assert_int_equal(client_refund(&minute), LIMIT_WINDOW_OVER);
    assert_int_equal(client_refund(&minute), LIMIT_WINDOW_OVER);
    world_applicable(&world, "acme", "requests=100/day");
    struct client both = acme(&world, 10, 2);
    assert_int_equal(client_decide(&both), LIMIT_ADMITTED);
    fake_advance(&world.time, 60000);
    world_spend(&world, "acme", "requests", 7);
    assert_int_equal(client_refund(&both), LIMIT_ADMITTED);
    assert_int_equal(world_remaining_of(&world, "acme", "requests", 0), 53);
    assert_int_equal(world_remaining_of(&world, "acme", "requests", 1), 93);
    world_close(&world);
}

static void sliding_window_takes_back_until_the_charge_leaves_it(void **state)
{
    (void)state;
    for (uint64_t late_ms = 60000; late_ms <= 61000; late_ms += 1000) {
        struct world world;
        open_with(&world, "requests=60/min:sliding_window");
        struct client client = acme(&world, 10, 1);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        fake_advance(&world.time, 30000);
        world_spend(&world, "acme", "requests", 20);
        fake_advance(&world.time, late_ms - 30000);
        bool over = late_ms == 61000; // its sub-window has left the ring
        assert_int_equal(world_remaining(&world, "acme"), over ? 40 : 30);
        assert_int_equal(client_refund(&client), over ? LIMIT_WINDOW_OVER : LIMIT_ADMITTED);
        assert_int_equal(world_remaining(&world, "acme"), 40);
        world_close(&world);
    }
}

static void bucket_takes_back_what_has_not_flowed_back_by_itself(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min:token_bucket"); // one unit a second
    struct client early = acme(&world, 10, 1), late = acme(&world, 10, 2);
    assert_int_equal(client_decide(&early), LIMIT_ADMITTED);
    fake_advance(&world.time, 4000);
    assert_int_equal(world_remaining(&world, "acme"), 54);
    assert_int_equal(client_refund(&early), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 60);
    assert_int_equal(client_decide(&late), LIMIT_ADMITTED);
    world_spend(&world, "acme", "requests", 30);
    fake_advance(&world.time, 4000);
    assert_int_equal(world_remaining(&world, "acme"), 24);
    assert_int_equal(client_refund(&late), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 30); // 6 of 10: without the charge, 30 - 4 would be owed
    world_close(&world);
}

static void bucket_that_has_filled_again_takes_nothing_back(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min:token_bucket");
    struct client client = acme(&world, 10, 1);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    fake_advance(&world.time, 10000);
    world_spend(&world, "acme", "requests", 30);
    assert_int_equal(client_refund(&client), LIMIT_WINDOW_OVER);
    assert_int_equal(world_remaining(&world, "acme"), 30);
    world_close(&world);
}

static void refund_never_lifts_above_the_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client client = acme(&world, 10, 1);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        world.owners[0].applicables[0].limit.amount = 5; // lowered meanwhile
        world.owners[0].applicables[0].limit.burst = 5;
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        assert_int_equal(world_remaining(&world, "acme"), 5);
        fake_advance(&world.time, 3600000);
        assert_int_equal(world_remaining(&world, "acme"), 5);
        world_close(&world);
    }
}

// What was charged under a limit of one rate is time, of which the other rate makes more or fewer units.
static void bucket_gives_back_the_time_that_was_charged_when_its_rate_has_changed(void **state)
{
    (void)state;
    for (uint64_t amount = 6; amount <= 600; amount *= 100) {
        struct world world;
        open_with(&world, "requests=60/min:token_bucket");
        struct client client = acme(&world, 10, 1);
        world_spend(&world, "acme", "requests", 20);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED); // 30 seconds are owed, of which 10 are the client's
        struct limit *limit = &world.owners[0].applicables[0].limit;
        limit->amount = amount;
        limit->burst = amount;
        uint64_t units = 20 * amount / 60; // in 20 seconds
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        assert_int_equal(client.answer.standings[0].remaining, amount - units);
        world_close(&world);
    }
}

static void refund_writes_nothing_and_adds_nothing_to_what_is_set_aside(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=80/min"); // 10 at once
    struct client client = acme(&world, 10, 1), next = acme(&world, 1, 0);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    while (world_commit(&world, STATUS_OK) > 0)
        ;
    world_spend(&world, "acme", "requests", 2);
    size_t written = limit_table_stats(world.table).records;
    assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
    assert_int_equal(limit_table_stats(world.table).records, written);
    assert_false(limit_write_wanted(world.table));
    uint64_t count = 0;
    while (client_ask(&next) == LIMIT_ADMITTED)
        count++;
    assert_int_equal(next.verdict, LIMIT_WAIT);
    assert_int_equal(count, 8);
    world_commit(&world, STATUS_OK);
    assert_int_equal(next.verdict, LIMIT_ADMITTED);
    world_close(&world);
}

static void crash_after_a_refund_counts_the_charge_and_is_never_more_generous(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client client = acme(&world, 40, 1);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        while (world_commit(&world, STATUS_OK) > 0)
            ;
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        assert_int_equal(world_remaining(&world, "acme"), 60);
        world_crash(&world);
        assert_true(world_remaining(&world, "acme") <= 20);
        assert_int_equal(client_refund(&client), LIMIT_NO_CHARGE);
        world_close(&world);
    }
}

static void refund_reaches_the_disk_with_the_next_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client client = acme(&world, 40, 1);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        while (world_commit(&world, STATUS_OK) > 0)
            ;
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        world_finish(&world, limit_collect_exact(world.table), STATUS_OK); // a clean stop
        world_crash(&world);
        assert_int_equal(world_remaining(&world, "acme"), 60);
        world_close(&world);
    }
}

static void refund_while_a_record_is_in_flight_is_counted_on_neither_side_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client client = acme(&world, 7, 1), next = acme(&world, 7, 0);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        assert_int_equal(client_ask(&next), LIMIT_WAIT);
        struct limit_write_batch *batch = limit_collect(world.table);
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        world_finish(&world, batch, STATUS_OK);
        assert_int_equal(next.verdict, LIMIT_ADMITTED);
        assert_int_equal(world_remaining(&world, "acme"), 53);
        world_spend(&world, "acme", "requests", 53);
        world_crash(&world);
        assert_int_equal(world_remaining(&world, "acme"), 0);
        world_close(&world);
    }
}

static void charge_is_given_back_after_its_meters_were_forgotten(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, each_algorithm[i]);
        struct client client = acme(&world, 10, 1);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        world_forget_all(&world);
        struct limit_call call = client_call(&client);
        call.mode = LIMIT_REFUND;
        limit_settle(world.table, &call, NULL, &client.answer);
        assert_int_equal(client.answer.verdict, LIMIT_ABSENT);
        assert_int_equal(client.answer.absent_count, 1);
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        assert_int_equal(client.answer.standings[0].remaining, 60);
        assert_int_equal(client_refund(&client), LIMIT_GIVEN_BACK);
        world_forget_all(&world); // and that is written, though nothing else has happened since
        assert_int_equal(world_remaining(&world, "acme"), 60);
        world_close(&world);
    }
}

static void refund_keeps_a_meter_that_is_being_written_off(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    struct client client = acme(&world, 10, 1);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    limit_evict_idle(world.table, 0);
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
    world_finish(&world, batch, STATUS_OK);
    assert_int_equal(limit_table_stats(world.table).meters, 1);
    assert_int_equal(world_remaining(&world, "acme"), 60);
    limit_evict_idle(world.table, 0); // the disk does not know the refund yet: it must be written before
    assert_int_equal(limit_table_stats(world.table).meters, 1);
    world_commit(&world, STATUS_OK);
    assert_int_equal(limit_table_stats(world.table).meters, 0);
    assert_int_equal(world_remaining(&world, "acme"), 60);
    world_close(&world);
}

static void limit_that_applies_no_longer_is_left_alone(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/min");
    struct client client = acme(&world, 10, 1);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    world.owners[0].applicables[0].limit = fake_limit("requests=60/h");
    assert_int_equal(client_refund(&client), LIMIT_WINDOW_OVER);
    world.owners[0].applicables[0].limit = fake_limit("requests=60/min");
    assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 60);
    world_close(&world);
}

// --- bounds

static void oldest_charges_are_forgotten_and_can_be_charged_again(void **state)
{
    (void)state;
    enum { PER_SHARD = LIMIT_CHARGES_LOGGED / 64 };
    struct world world;
    open_with(&world, "requests=1000000/min");
    struct client client = acme(&world, 1, 0);
    client.relaxed = client.has_id = true;
    for (unsigned id = 1; id <= PER_SHARD + 1; id++) {
        memcpy(client.id, &id, sizeof id);
        assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
        assert_false(client.answer.repeated);
    }
    for (unsigned id = 2; id <= PER_SHARD + 1; id += PER_SHARD - 1) {
        memcpy(client.id, &id, sizeof id);
        assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
        assert_true(client.answer.repeated);
    }
    unsigned first = 1;
    memcpy(client.id, &first, sizeof first);
    assert_int_equal(client_refund(&client), LIMIT_NO_CHARGE);
    assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
    assert_false(client.answer.repeated);
    assert_int_equal(world_remaining(&world, "acme"), 1000000 - PER_SHARD - 2);
    world_close(&world);
}

static void charges_that_last_are_not_displaced_by_the_others(void **state)
{
    (void)state;
    enum { PER_SHARD = LIMIT_CHARGES_LOGGED / 64 };
    struct world world;
    open_with(&world, "requests=1000000/min");
    struct client job = acme(&world, 7, 4 * PER_SHARD), client = acme(&world, 1, 0);
    job.relaxed = job.is_lasting = client.relaxed = client.has_id = true;
    assert_int_equal(client_ask(&job), LIMIT_ADMITTED);
    for (unsigned id = 1; id <= 2 * PER_SHARD; id++) {
        memcpy(client.id, &id, sizeof id);
        assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
    }
    assert_int_equal(client_refund(&job), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 1000000 - 2 * PER_SHARD);
    world_close(&world);
}

// --- relaxed calls, changed limits

static void relaxed_call_does_not_wait_but_is_written(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=10/min");
    struct client relaxed = acme(&world, 3, 0), strict = acme(&world, 3, 0);
    relaxed.relaxed = true;
    assert_int_equal(client_ask(&relaxed), LIMIT_ADMITTED);
    assert_true(relaxed.answer.write_wanted);
    assert_int_equal(client_ask(&strict), LIMIT_WAIT);
    assert_int_equal(client_ask(&relaxed), LIMIT_ADMITTED); // also past those who wait
    assert_int_equal(world_commit(&world, STATUS_OK), 1);
    assert_int_equal(strict.verdict, LIMIT_ADMITTED);
    assert_int_equal(client_ask(&relaxed), LIMIT_DENIED);
    while (world_commit(&world, STATUS_OK) > 0)
        ;
    world_crash(&world);
    assert_true(world_remaining(&world, "acme") <= 1);
    world_close(&world);
}

static void relaxed_call_that_is_given_back_leaves_the_rest_spent(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=10/min");
    struct client relaxed = acme(&world, 3, 1);
    relaxed.relaxed = true;
    assert_int_equal(client_ask(&relaxed), LIMIT_ADMITTED);
    world_spend(&world, "acme", "requests", 4);
    assert_int_equal(client_refund(&relaxed), LIMIT_ADMITTED);
    assert_int_equal(world_remaining(&world, "acme"), 6);
    world_close(&world);
}

static void limit_that_is_raised_lowered_and_raised_keeps_what_was_spent(void **state)
{
    (void)state;
    static const uint64_t amounts[] = {100000, 20, 0, 300, 60};
    for (size_t i = 0; i < 2; i++) { // a bucket's units change with its rate
        struct world world;
        open_with(&world, each_algorithm[i]);
        world_spend(&world, "acme", "requests", 50);
        for (size_t n = 0; n < sizeof amounts / sizeof amounts[0]; n++) {
            world.owners[0].applicables[0].limit.amount = amounts[n];
            assert_int_equal(world_remaining(&world, "acme"), amounts[n] < 50 ? 0 : amounts[n] - 50);
            world_forget_all(&world);
        }
        struct client client = acme(&world, 11, 0);
        assert_int_equal(client_decide(&client), LIMIT_DENIED);
        client.charges[0].cost = 10;
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        world_close(&world);
    }
}

static void bucket_whose_rate_is_raised_lowered_and_raised_owes_the_same_time(void **state)
{
    (void)state;
    static const uint64_t amounts[] = {6000, 120, 0, 600, 60};
    struct world world;
    open_with(&world, each_algorithm[2]);
    world_spend(&world, "acme", "requests", 30); // 30 seconds
    for (size_t n = 0; n < sizeof amounts / sizeof amounts[0]; n++) {
        world.owners[0].applicables[0].limit.amount = world.owners[0].applicables[0].limit.burst = amounts[n];
        assert_int_equal(world_remaining(&world, "acme"), amounts[n] / 2);
        world_forget_all(&world);
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charge_that_is_repeated_is_answered_again_and_charged_once),
        cmocka_unit_test(charge_is_answered_again_when_nothing_is_left),
        cmocka_unit_test(refused_charge_is_not_kept),
        cmocka_unit_test(two_that_wait_with_one_id_charge_once),
        cmocka_unit_test(peek_does_not_see_charge_ids),
        cmocka_unit_test(id_with_other_costs_or_resources_is_another_charge),
        cmocka_unit_test(order_and_split_of_charges_do_not_matter),
        cmocka_unit_test(id_is_its_owners_alone),
        cmocka_unit_test(repeat_names_the_limits_that_still_apply),
        cmocka_unit_test(limits_on_one_meter_are_told_apart_in_a_repeat_and_given_back_once),
        cmocka_unit_test(repeat_needs_no_meters),
        cmocka_unit_test(charge_without_any_limit_is_kept_too),
        cmocka_unit_test(charge_is_given_back_once),
        cmocka_unit_test(what_was_given_back_can_be_spent_again_and_no_more),
        cmocka_unit_test(every_limit_of_the_charge_gets_its_part_back),
        cmocka_unit_test(window_that_is_over_takes_nothing_back_but_the_longer_one_does),
        cmocka_unit_test(sliding_window_takes_back_until_the_charge_leaves_it),
        cmocka_unit_test(bucket_takes_back_what_has_not_flowed_back_by_itself),
        cmocka_unit_test(bucket_that_has_filled_again_takes_nothing_back),
        cmocka_unit_test(refund_never_lifts_above_the_limit),
        cmocka_unit_test(bucket_gives_back_the_time_that_was_charged_when_its_rate_has_changed),
        cmocka_unit_test(refund_writes_nothing_and_adds_nothing_to_what_is_set_aside),
        cmocka_unit_test(crash_after_a_refund_counts_the_charge_and_is_never_more_generous),
        cmocka_unit_test(refund_reaches_the_disk_with_the_next_record),
        cmocka_unit_test(refund_while_a_record_is_in_flight_is_counted_on_neither_side_twice),
        cmocka_unit_test(charge_is_given_back_after_its_meters_were_forgotten),
        cmocka_unit_test(refund_keeps_a_meter_that_is_being_written_off),
        cmocka_unit_test(limit_that_applies_no_longer_is_left_alone),
        cmocka_unit_test(oldest_charges_are_forgotten_and_can_be_charged_again),
        cmocka_unit_test(charges_that_last_are_not_displaced_by_the_others),
        cmocka_unit_test(relaxed_call_does_not_wait_but_is_written),
        cmocka_unit_test(relaxed_call_that_is_given_back_leaves_the_rest_spent),
        cmocka_unit_test(limit_that_is_raised_lowered_and_raised_keeps_what_was_spent),
        cmocka_unit_test(bucket_whose_rate_is_raised_lowered_and_raised_owes_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
