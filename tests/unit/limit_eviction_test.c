// Meters leave memory when there are too many, and come back.

#include "unit/limit_account.h"

enum { SHARDS = 64 };

// Like open_world, with `share` meters in each shard.
static void open_crowded(struct world *world, size_t share)
{
    open_world(world, false);
    limit_table_free(world->table);
    world->table = limit_table_new(&(struct limit_table_options){.clock = world->clock, .max_meters = share * SHARDS});
    assert_non_null(world->table);
    limit_note_durable(world->table, clock_now_ms(world->clock));
}

// Asks for the meter of one resource and installs it if it is absent. False when there was no room.
static bool bring(struct world *world, const char *resource, const struct limit_record *record)
{
    return peek(world, resource, 1) != LIMIT_ABSENT ||
           limit_install(world->table, acme(), world->answer.absent[0], &(struct limit_found){.record = record},
                         world->answer.generation);
}

static bool is_resident(struct world *world, size_t applicable)
{
    struct limit_name name;
    limit_name_of(&world->applicables[applicable], &name);
    return limit_is_resident(world->table, acme(), slice_make(name.bytes, name.size));
}

// Asks for 20,000 meters, one every `pace_ms`.
static void bring_many(struct world *world, uint64_t pace_ms)
{
    struct limit_applicable applicable = {.limit = fake_limit("requests=60/min"), .subject = LIMIT_OF_CUSTOM};
    struct limit_charge charge = {slice_text("requests"), 1};
    char owner[24];
    for (int i = 0; i < 20000; i++) {
        applicable.subject_id = slice_make(owner, (size_t)snprintf(owner, sizeof owner, "owner%d", i));
        struct limit_call call = {.owner = applicable.subject_id,
                                  .applicables = &applicable,
                                  .applicable_count = 1,
                                  .charges = &charge,
                                  .charge_count = 1,
                                  .peek = true};
        limit_decide(world->table, &call, 1, NULL, &world->answer);
        assert_int_equal(world->answer.verdict, LIMIT_ABSENT);
        assert_true(limit_install(world->table, call.owner, &applicable, NULL, world->answer.generation));
        limit_decide(world->table, &call, 1, NULL, &world->answer);
        assert_int_equal(world->answer.verdict, LIMIT_ADMITTED);
        fake_advance(&world->time, pace_ms);
    }
    assert_false(limit_write_wanted(world->table)); // nothing was spent, so nothing had to be written
}

// So slowly that whoever comes finds all others at rest, in whatever shards chance has put them: each shard has its
// share and no more.
static void meters_at_rest_make_room_for_others(void **state)
{
    (void)state;
    struct world world;
    open_crowded(&world, 8);
    bring_many(&world, 100);
    assert_int_equal(limit_table_stats(world.table).meters, 8 * SHARDS);
    close_world(&world);
}

// Faster, some shards get more at a time than their share: twice that is the bound.
static void meters_hardly_at_rest_make_room_before_there_are_twice_as_many(void **state)
{
    (void)state;
    struct world world;
    open_crowded(&world, 8);
    bring_many(&world, 1);
    assert_in_range(limit_table_stats(world.table).meters, 8 * SHARDS / 2, 2 * 8 * SHARDS);
    close_world(&world);
}

static void one_at_rest_longest_goes_first(void **state)
{
    (void)state;
    struct world world;
    static const char *const texts[] = {"one=60/min", "two=60/min", "three=60/min", "four=60/min"};
    static const char *const names[] = {"one", "two", "three", "four"};
    open_crowded(&world, 3);
    for (size_t i = 0; i < 4; i++)
        add_applicable(&world, texts[i]);
    for (size_t i = 0; i < 3; i++) {
        assert_true(bring(&world, names[i], NULL));
        fake_advance(&world.time, 200);
    }
    assert_int_equal(peek(&world, "one", 1), LIMIT_ADMITTED); // so "two" rests longest
    fake_advance(&world.time, 200);
    assert_true(bring(&world, "four", NULL));
    assert_true(is_resident(&world, 0));
    assert_false(is_resident(&world, 1));
    assert_true(is_resident(&world, 2));
    assert_true(is_resident(&world, 3));
    close_world(&world);
}

static void meter_that_was_just_asked_for_stays_while_there_is_room_for_twice_as_many(void **state)
{
    (void)state;
    struct world world;
    open_crowded(&world, 1);
    add_applicable(&world, "one=60/min");
    add_applicable(&world, "two=60/min");
    add_applicable(&world, "three=60/min");
    assert_true(bring(&world, "one", NULL));
    assert_true(bring(&world, "two", NULL));
    assert_true(is_resident(&world, 0));
    assert_false(bring(&world, "three", NULL));
    fake_advance(&world.time, 1);
    assert_true(bring(&world, "three", NULL));
    assert_true(is_resident(&world, 2));
    close_world(&world);
}

static void meter_that_waits_or_is_in_flight_or_uncertain_is_not_let_go(void **state)
{
    (void)state;
    struct world world;
    open_crowded(&world, 1);
    add_applicable(&world, "one=80/min");
    add_applicable(&world, "two=80/min");
    add_applicable(&world, "three=80/min");
    struct client one = client_of(&world, "one", 1), two = client_of(&world, "two", 1);
    assert_true(bring(&world, "one", NULL) && bring(&world, "two", NULL));
    assert_int_equal(ask(&one), LIMIT_WAIT);
    assert_int_equal(ask(&two), LIMIT_WAIT);
    fake_advance(&world.time, 1000);
    assert_false(bring(&world, "three", NULL)); // somebody waits
    struct limit_write_batch *batch = limit_collect(world.table);
    assert_false(bring(&world, "three", NULL)); // in flight
    limit_write_batch_end(world.table, batch, STATUS_UNAVAILABLE, 0);
    fake_advance(&world.time, 1000);
    assert_false(bring(&world, "three", NULL)); // uncertain: to be written first
    assert_true(limit_write_wanted(world.table));
    assert_int_equal(commit(&world, STATUS_UNAVAILABLE), 2);
    fake_advance(&world.time, 1000);
    assert_false(bring(&world, "three", NULL));
    assert_int_equal(limit_table_stats(world.table).meters, 2);
    assert_int_equal(commit(&world, STATUS_OK), 2);
    assert_int_equal(limit_table_stats(world.table).meters, 0);
    assert_true(bring(&world, "three", NULL));
    close_world(&world);
}

static void meter_that_is_let_go_is_written_exactly_and_forfeits_nothing(void **state)
{
    (void)state;
    struct world world;
    open_crowded(&world, 1);
    add_applicable(&world, "one=80/min");
    add_applicable(&world, "two=80/min");
    assert_true(bring(&world, "one", NULL));
    spend(&world, "one", 5);
    while (commit(&world, STATUS_OK) > 0)
        ;
    fake_advance(&world.time, 200);
    assert_true(bring(&world, "two", NULL)); // beyond the share: the other one has to be written first
    assert_true(is_resident(&world, 0));
    bool empty = true;
    struct limit_write_batch *batch = limit_collect(world.table);
    struct limit_record record = *only_record(batch, &empty);
    assert_int_equal(record.reserved, 0);
    limit_write_batch_end(world.table, batch, STATUS_OK, clock_now_ms(world.clock));
    assert_false(is_resident(&world, 0));
    assert_true(bring(&world, "one", &record));
    assert_int_equal(remaining(&world, "one"), 75);
    close_world(&world);
}

static void install_is_ignored_only_when_that_very_meter_has_left(void **state)
{
    (void)state;
    struct world world;
    open_crowded(&world, 1);
    add_applicable(&world, "one=80/min");
    add_applicable(&world, "two=80/min");
    assert_true(bring(&world, "one", NULL));
    fake_advance(&world.time, 200);
    assert_int_equal(peek(&world, "two", 1), LIMIT_ABSENT);
    uint64_t generation = world.answer.generation;
    assert_true(limit_install(world.table, acme(), &world.applicables[1], NULL, generation)); // "one" leaves
    assert_false(is_resident(&world, 0));
    assert_true(limit_install(world.table, acme(), &world.applicables[0], NULL, generation));
    assert_false(is_resident(&world, 0)); // its record may be older than that
    fake_advance(&world.time, 200);
    assert_true(limit_install(world.table, acme(), &world.applicables[1], NULL, generation));
    assert_true(is_resident(&world, 1));
    close_world(&world);
}

// --- records of meters that are not in memory

static struct limit_record random_record(const struct limit_applicable *applicable, uint64_t start_ms, uint64_t *random)
{
    struct limit_record record = {.algorithm = applicable->limit.algorithm,
                                  .t_ms = start_ms - fake_below(random, 200000),
                                  .amount = applicable->limit.amount,
                                  .burst = applicable->limit.burst};
    record.reserved = fake_below(random, 2) * fake_below(random, 10);
    record.used = fake_below(random, 3);
    record.index = record.t_ms / 60000;
    if (record.algorithm == LIMIT_SLIDING_WINDOW) {
        record.index = record.t_ms / 1000;
        record.counter_count = 61;
        record.counters[fake_below(random, 61)] = fake_below(random, 3);
    }
    record.tat_ms = record.t_ms + fake_below(random, 60000);
    return record;
}

// The reference is the meter itself: brought into memory when the program started, and asked now.
static bool is_full_again(struct world *world, const struct limit_record *record, uint64_t rest_ms)
{
    bool full = false;
    peek(world, "requests", 1);
    assert_true(limit_install(world->table, acme(), &world->applicables[0], &(struct limit_found){.record = record},
                              world->answer.generation));
    fake_advance(&world->time, rest_ms);
    peek(world, "requests", 1);
    full = world->answer.standings[0].reset_at_ms <= world->answer.now_ms ||
           (world->applicables[0].limit.algorithm == LIMIT_FIXED_WINDOW && world->answer.standings[0].remaining == 80);
    return full;
}

static void record_is_at_rest_when_its_meter_would_be(void **state)
{
    (void)state;
    static const char *const texts[] = {"requests=80/60s:fixed_window", "requests=80/min",
                                        "requests=80/min:token_bucket"};
    uint64_t random = 3, rested = 0, busy = 0;
    for (int i = 0; i < 3000; i++) {
        struct world world;
        struct limit_name name;
        open_world(&world, false);
        const struct limit_applicable *applicable = add_applicable(&world, texts[i % 3]);
        limit_name_of(applicable, &name);
        uint64_t start_ms = clock_now_ms(world.clock);
        struct limit_record record = random_record(applicable, start_ms, &random);
        uint64_t rest_ms = fake_below(&random, 130000);
        bool full = is_full_again(&world, &record, rest_ms);
        bool at_rest = limit_record_at_rest(slice_make(name.bytes, name.size), &record, start_ms, start_ms + rest_ms);
        assert_int_equal(at_rest, full);
        rested += at_rest;
        busy += !at_rest;
        close_world(&world);
    }
    assert_true(rested > 300 && busy > 300);
}

static void record_in_doubt_is_not_at_rest(void **state)
{
    (void)state;
    struct world world;
    struct limit_name name;
    open_world(&world, false);
    limit_name_of(add_applicable(&world, "requests=80/min"), &name);
    struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW, .t_ms = 1, .amount = 80, .counter_count = 61};
    uint64_t now_ms = clock_now_ms(world.clock);
    assert_true(limit_record_at_rest(slice_make(name.bytes, name.size), &record, 0, now_ms));
    for (size_t size = 0; size < 12; size++) // cut in its middle; the resource comes behind
        assert_false(limit_record_at_rest(slice_make(name.bytes, size), &record, 0, now_ms));
    record.algorithm = LIMIT_FIXED_WINDOW; // not what the name says
    assert_false(limit_record_at_rest(slice_make(name.bytes, name.size), &record, 0, now_ms));
    record.algorithm = LIMIT_SLIDING_WINDOW;
    record.t_ms = now_ms + 1; // of a time that has not come
    assert_false(limit_record_at_rest(slice_make(name.bytes, name.size), &record, 0, now_ms));
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meters_at_rest_make_room_for_others),
        cmocka_unit_test(meters_hardly_at_rest_make_room_before_there_are_twice_as_many),
        cmocka_unit_test(one_at_rest_longest_goes_first),
        cmocka_unit_test(meter_that_was_just_asked_for_stays_while_there_is_room_for_twice_as_many),
        cmocka_unit_test(meter_that_waits_or_is_in_flight_or_uncertain_is_not_let_go),
        cmocka_unit_test(meter_that_is_let_go_is_written_exactly_and_forfeits_nothing),
        cmocka_unit_test(install_is_ignored_only_when_that_very_meter_has_left),
        cmocka_unit_test(record_is_at_rest_when_its_meter_would_be),
        cmocka_unit_test(record_in_doubt_is_not_at_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
