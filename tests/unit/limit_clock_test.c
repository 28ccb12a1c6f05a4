// Time goes on while a decision is made: one call is decided at one moment, whatever it asks of the clock.
#include "unit/limit_world.h"

// A clock that is later each time it is read.
struct ticking {
    uint64_t boot_ms;
    uint64_t step_ms;
    size_t reads;
};

static uint64_t tick(void *context)
{
    struct ticking *ticking = context;
    ticking->reads++;
    return ticking->boot_ms += ticking->step_ms;
}

static uint64_t stand_still(void *context)
{
    (void)context;
    return FAKE_START_MS / 86400000 * 86400000; // a midnight
}

static void open_ticking(struct world *world, struct ticking *ticking)
{
    *ticking = (struct ticking){.boot_ms = 5000};
    *world = (struct world){.woken = 0};
    world->clock = clock_new(
        (struct clock_source){.boot_ms = tick, .wall_ms = stand_still, .context = ticking, .boot_id = {1}}, NULL);
    world->table = limit_table_new(&(struct limit_table_options){.clock = world->clock});
    assert_true(world->clock != NULL && world->table != NULL);
    limit_note_durable(world->table, clock_now_ms(world->clock));
    world_applicable(world, "acme", "requests=100/min:fixed_window");
    world_applicable(world, "acme", "requests=1000/min:sliding_window");
    world_applicable(world, "acme", "productions=100/min:fixed_window");
    world_applicable(world, "acme", "productions=500/min:token_bucket,burst=50");
}

static struct client asking_for_both(struct world *world, unsigned id)
{
    struct client client = client_of(world, "acme", "requests", 1, id);
    client.charges[client.charge_count++] = (struct limit_charge){slice_text("productions"), 1};
    return client;
}

static void decision_reads_the_clock_once(void **state)
{
    (void)state;
    struct world world;
    struct ticking ticking;
    open_ticking(&world, &ticking);
    struct client client = asking_for_both(&world, 1);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    ticking.reads = 0;
    struct client second = asking_for_both(&world, 2);
    assert_int_equal(client_ask(&second), LIMIT_ADMITTED);
    assert_int_equal(ticking.reads, 1);
    second.peek = true;
    assert_int_equal(client_ask(&second), LIMIT_ADMITTED);
    assert_int_equal(ticking.reads, 2);
    assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
    assert_int_equal(ticking.reads, 3);
    world_close(&world);
}

// The window ends between two looks at the clock: a call that looked twice would charge one limit in the old window,
// and the other one in the new.
static void all_limits_of_a_call_are_charged_in_the_same_window(void **state)
{
    (void)state;
    struct world world;
    struct ticking ticking;
    open_ticking(&world, &ticking);
    struct client client = asking_for_both(&world, 0);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    uint64_t end_ms = client.answer.standings[0].reset_at_ms;
    assert_int_equal(client.answer.standings[2].reset_at_ms, end_ms);
    uint64_t now_ms = clock_now_ms(world.clock);
    ticking.boot_ms += end_ms - now_ms - 2;
    ticking.step_ms = 1; // the next look sees the last millisecond
    assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
    assert_int_equal(client.answer.now_ms, end_ms - 1);
    assert_int_equal(client.answer.standings[0].reset_at_ms, end_ms);
    assert_int_equal(client.answer.standings[2].reset_at_ms, end_ms);
    assert_int_equal(client.answer.standings[0].remaining, 98);
    assert_int_equal(client.answer.standings[2].remaining, 98);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decision_reads_the_clock_once),
        cmocka_unit_test(all_limits_of_a_call_are_charged_in_the_same_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
