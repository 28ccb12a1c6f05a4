// A limit whose time zone changes: what was spent goes on to count, and no window is opened twice.

#include "limit/calendar.h"
#include "unit/limit_world.h"
#include "unit/zone_file.h"

enum { ZONES = 7, AMOUNT = 60, HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };
static const char *const names[ZONES - 1] = {"Europe/Berlin",      "America/New_York", "Australia/Lord_Howe",
                                             "Pacific/Kiritimati", "Etc/GMT+12",       "America/St_Johns"};
static struct zone *zones[ZONES]; // the last one is UTC
#define BERLIN zones[0]

static int open_zones(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZONES - 1; i++)
        zones[i] = zone_of_system(names[i]);
    return 0;
}

static int close_zones(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZONES; i++)
        zone_free(zones[i]);
    return 0;
}

static struct limit_applicable *open_with(struct world *world, const char *text)
{
    world_open(world);
    return world_applicable(world, "acme", text);
}

static enum limit_verdict ask(struct world *world, uint64_t cost)
{
    struct client client = client_of(world, "acme", "requests", cost, 0);
    return client_decide(&client);
}

static struct limit_standing look(struct world *world, uint64_t cost)
{
    struct client client = client_of(world, "acme", "requests", cost, 0);
    client.peek = true;
    client_ask(&client);
    return client.answer.standings[0];
}

static void settle_all(struct world *world)
{
    while (world_commit(world, STATUS_OK) > 0)
        ;
}

static uint64_t now_ms(const struct world *world)
{
    return clock_now_ms(world->clock);
}

static uint64_t end_of(const struct limit *limit, const struct zone *zone, uint64_t t)
{
    struct limit_rate rate = {.window_ms = (uint64_t)limit->window_s * 1000, .period = limit->period, .zone = zone};
    return limit_calendar_window(&rate, t).end_ms;
}

// What happens between two changes.
static void (*const between[])(struct world *world) = {settle_all, world_forget_all, world_crash};
enum { BETWEEN = 3 };

static void windows_are_those_of_the_zone(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=60/day"); // 2023-11-14T00:00:00Z, 01:00 there
    applicable->zone = BERLIN;
    assert_int_equal(ask(&world, AMOUNT), LIMIT_ADMITTED);
    assert_int_equal(look(&world, 1).reset_at_ms, now_ms(&world) + 23 * HOUR_MS);
    fake_advance(&world.time, 23 * HOUR_MS - 1);
    assert_int_equal(ask(&world, 1), LIMIT_DENIED);
    fake_advance(&world.time, 1);
    assert_int_equal(ask(&world, AMOUNT), LIMIT_ADMITTED);
    world_close(&world);
}

// At noon in UTC, from each zone to each: all is spent, and stays so until both windows are over.
static void what_was_spent_counts_until_the_later_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < (size_t)ZONES * ZONES * BETWEEN; i++) {
        struct world world;
        struct limit_applicable *applicable = open_with(&world, "requests=60/day");
        const struct zone *from = zones[i % ZONES], *to = zones[i / ZONES % ZONES];
        fake_advance(&world.time, 12 * HOUR_MS);
        applicable->zone = from;
        assert_int_equal(ask(&world, AMOUNT), LIMIT_ADMITTED);
        settle_all(&world);
        uint64_t t = now_ms(&world), end_ms = end_of(&applicable->limit, from, t);
        uint64_t later_ms = limit_max(end_ms, end_of(&applicable->limit, to, t));
        applicable->zone = to;
        assert_int_equal(look(&world, 1).remaining, 0);
        assert_int_equal(look(&world, 1).retry_at_ms, later_ms);
        assert_int_equal(look(&world, 1).reset_at_ms, later_ms);
        settle_all(&world); // the change is on disk without a charge
        between[i / ZONES / ZONES](&world);
        assert_int_equal(look(&world, 1).retry_at_ms, later_ms);
        fake_advance(&world.time, later_ms - 1 - now_ms(&world));
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        fake_advance(&world.time, 1);
        assert_int_equal(ask(&world, AMOUNT), LIMIT_ADMITTED);
        world_close(&world);
    }
}

// Berlin's day ends an hour before that of UTC. What was spent in both is held for that hour, and Berlin's new day has
// it beside its own.
static void a_window_that_was_left_admits_one_amount(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=60/day");
    fake_advance(&world.time, 12 * HOUR_MS);
    assert_int_equal(ask(&world, 20), LIMIT_ADMITTED);
    settle_all(&world);
    applicable->zone = BERLIN;
    assert_int_equal(ask(&world, 10), LIMIT_ADMITTED);
    fake_advance(&world.time, 11 * HOUR_MS);
    assert_int_equal(look(&world, 1).remaining, 30); // Berlin's 15 November
    assert_int_equal(ask(&world, 30), LIMIT_ADMITTED);
    assert_int_equal(ask(&world, 1), LIMIT_DENIED);
    assert_int_equal(look(&world, 30).retry_at_ms, now_ms(&world) + HOUR_MS); // UTC's 14 November is over
    assert_int_equal(look(&world, 31).retry_at_ms, now_ms(&world) + DAY_MS);
    fake_advance(&world.time, HOUR_MS);
    assert_int_equal(look(&world, 1).remaining, 30);
    assert_int_equal(ask(&world, 30), LIMIT_ADMITTED);
    fake_advance(&world.time, 23 * HOUR_MS);
    assert_int_equal(look(&world, 1).remaining, AMOUNT);
    world_close(&world);
}

// There and back, many times within one window: it ends as if nothing had been changed, and one amount is all.
static void going_back_and_forth_neither_frees_nor_locks(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=60/day");
    uint64_t begin_ms = now_ms(&world), admitted = 0;
    applicable->zone = zones[4]; // twelve hours behind
    for (int i = 0; i < 60; i++) {
        applicable->zone = i % 2 == 0 ? NULL : BERLIN;
        admitted += ask(&world, 7) == LIMIT_ADMITTED ? 7 : 0;
        between[i % BETWEEN](&world);
        fake_advance(&world.time, 20 * 60000);
    }
    assert_true(admitted <= AMOUNT);
    fake_advance(&world.time, begin_ms + 23 * HOUR_MS - 1 - now_ms(&world));
    applicable->zone = NULL;
    assert_true(look(&world, 1).remaining < 7);
    fake_advance(&world.time, HOUR_MS + 1);
    assert_int_equal(look(&world, 1).remaining, AMOUNT);
    world_close(&world);
}

// A unit that was set aside in one zone would be charged in that one after a crash.
static void nothing_is_spent_in_another_zone_before_the_disk_knows(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=80/day");
    assert_int_equal(ask(&world, 3), LIMIT_ADMITTED); // of the ten that are set aside
    settle_all(&world);
    applicable->zone = BERLIN;
    struct client client = client_of(&world, "acme", "requests", 1, 0);
    assert_int_equal(client_ask(&client), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    applicable->zone = zones[1];
    struct client other = client_of(&world, "acme", "requests", 1, 0);
    assert_int_equal(client_ask(&other), LIMIT_WAIT);
    world_finish(&world, batch, STATUS_OK);
    assert_int_equal(client.verdict, LIMIT_WAIT); // what was written is of a zone that is left
    settle_all(&world);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    assert_int_equal(other.verdict, LIMIT_ADMITTED);
    world_close(&world);
}

// What a crash forfeits was spent in the zone of the record, and counts until the end of its window.
static void a_crash_charges_in_the_zone_of_the_record(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=80/day");
    fake_advance(&world.time, 12 * HOUR_MS);
    assert_int_equal(ask(&world, 1), LIMIT_ADMITTED);
    settle_all(&world);
    uint64_t end_ms = now_ms(&world) + 12 * HOUR_MS;
    fake_advance(&world.time, DAY_MS); // the record is of a window that is over, and seven are spent without another
    world.mark = clock_mark(world.clock);
    limit_note_durable(world.table, world.mark.high_ms);
    struct client client = client_of(&world, "acme", "requests", 7, 0);
    assert_int_equal(client_ask(&client), LIMIT_ADMITTED);
    world_crash(&world);
    applicable->zone = BERLIN;
    assert_true(look(&world, 1).remaining <= 80 - 7);
    uint64_t left = look(&world, 1).remaining;
    assert_int_equal(ask(&world, left), LIMIT_ADMITTED);
    fake_advance(&world.time, 11 * HOUR_MS + 60000); // Berlin has a new day, and that of UTC is not over
    assert_true(now_ms(&world) < end_ms + DAY_MS);
    assert_int_equal(look(&world, 1).remaining, 0);
    world_close(&world);
}

static void charges_of_before_a_change_are_given_back_after_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZONES; i++) {
        struct world world;
        struct limit_applicable *applicable = open_with(&world, "requests=60/day");
        fake_advance(&world.time, 12 * HOUR_MS);
        struct client client = client_of(&world, "acme", "requests", 20, 1);
        assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
        assert_int_equal(ask(&world, 10), LIMIT_ADMITTED);
        applicable->zone = zones[i];
        assert_int_equal(ask(&world, 30), LIMIT_ADMITTED);
        assert_int_equal(client_refund(&client), LIMIT_ADMITTED);
        assert_int_equal(look(&world, 1).remaining, 20);
        world_close(&world);
    }
}

// Not when the window that it was charged in is over, even if the new zone's window began before the charge.
static void charges_of_a_window_that_is_over_are_not_given_back(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=60/day");
    applicable->zone = zones[4]; // ends at 12:00 in UTC
    struct client client = client_of(&world, "acme", "requests", 20, 1);
    assert_int_equal(client_decide(&client), LIMIT_ADMITTED);
    fake_advance(&world.time, 13 * HOUR_MS);
    applicable->zone = NULL;
    assert_int_equal(ask(&world, AMOUNT), LIMIT_ADMITTED);
    assert_int_equal(client_refund(&client), LIMIT_WINDOW_OVER);
    assert_int_equal(look(&world, 1).remaining, 0);
    world_close(&world);
}

static void another_algorithm_takes_over_what_is_held(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=60/day");
    fake_advance(&world.time, 12 * HOUR_MS);
    assert_int_equal(ask(&world, 40), LIMIT_ADMITTED);
    applicable->zone = BERLIN;
    assert_int_equal(ask(&world, 10), LIMIT_ADMITTED);
    settle_all(&world);
    applicable->limit = fake_limit("requests=60/24h:token_bucket");
    assert_int_equal(look(&world, 1).remaining, 10);
    assert_int_equal(ask(&world, 10), LIMIT_ADMITTED);
    settle_all(&world);
    fake_advance(&world.time, 11 * HOUR_MS + 60000);
    applicable->limit = fake_limit("requests=60/day");
    assert_true(look(&world, 1).remaining <= 30); // 50 are held for nearly an hour, and count as spent now
    world_close(&world);
}

static void records_of_older_versions_have_the_window_s_number(void **state)
{
    (void)state;
    struct limit_rate day = {.amount = 60, .window_ms = DAY_MS, .period = LIMIT_DAY};
    uint64_t t = FAKE_START_MS / DAY_MS * DAY_MS + 5;
    struct limit_record record = {.index = t / DAY_MS, .used = 60, .t_ms = t};
    union limit_state state_;
    (void)state;
    assert_true(limit_fixed_window.load(&state_, &day, t, &record));
    assert_int_equal(limit_fixed_window.remaining(&state_, &day, t), 0);
    assert_int_equal(limit_fixed_window.reset(&state_, &day, t), t - 5 + DAY_MS);
}

// --- at random, against a list of all that was admitted

enum { STEPS = 150, SEEDS = 1000 };

struct unit_group {
    uint64_t cost;
    uint64_t t_ms;
    uint64_t until_ms; // must count until then
};

struct model {
    struct world world;
    struct limit_applicable *applicable;
    uint64_t random;
    uint64_t in_force_ms; // since when the zone has been
    struct unit_group groups[STEPS];
    size_t count;
};

static uint64_t counted_at(const struct model *m, uint64_t t, uint64_t *until_ms)
{
    uint64_t sum = 0;
    *until_ms = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (m->groups[i].until_ms <= t || m->groups[i].cost == 0)
            continue;
        sum += m->groups[i].cost;
        *until_ms = limit_max(*until_ms, m->groups[i].until_ms);
    }
    return sum;
}

// A window that its zone was in force for from its begin has one amount, whatever was before.
static void check_window(const struct model *m, uint64_t t)
{
    const struct limit *limit = &m->applicable->limit;
    struct limit_rate rate = {
        .window_ms = (uint64_t)limit->window_s * 1000, .period = limit->period, .zone = m->applicable->zone};
    struct limit_span window = limit_calendar_window(&rate, t);
    uint64_t sum = 0;
    for (size_t i = 0; i < m->count && m->in_force_ms <= window.begin_ms; i++)
        sum += m->groups[i].t_ms >= window.begin_ms ? m->groups[i].cost : 0;
    assert_true(sum <= AMOUNT);
}

// Each charge has its number as its id.
static void spend(struct model *m)
{
    uint64_t cost = 1 + fake_below(&m->random, 25), until_ms;
    struct client client = client_of(&m->world, "acme", "requests", cost, (unsigned)m->count + 1);
    if (client_decide(&client) != LIMIT_ADMITTED)
        return;
    uint64_t t = now_ms(&m->world), counted = counted_at(m, t, &until_ms);
    assert_true(counted + cost <= AMOUNT);
    until_ms = limit_max(until_ms, end_of(&m->applicable->limit, m->applicable->zone, t));
    m->groups[m->count++] = (struct unit_group){cost, t, until_ms};
    check_window(m, t);
}

// What does not count any more must not make room.
static void give_back(struct model *m)
{
    size_t newest = limit_min(m->count, 6), i = newest > 0 ? m->count - 1 - fake_below(&m->random, newest) : 0;
    struct client client = client_of(&m->world, "acme", "requests", m->groups[i].cost, (unsigned)i + 1);
    if (m->count > 0 && client_refund(&client) == LIMIT_ADMITTED && m->groups[i].until_ms > now_ms(&m->world))
        m->groups[i].cost = 0;
}

static void change_zone(struct model *m)
{
    bool looks = fake_below(&m->random, 2) == 0; // or the change is the first that the meter sees of this moment
    uint64_t remaining = looks ? look(&m->world, 1).remaining : 0, until_ms, t = now_ms(&m->world);
    const struct zone *zone = zones[fake_below(&m->random, ZONES)];
    if (zone == m->applicable->zone)
        return;
    m->applicable->zone = zone;
    m->in_force_ms = t;
    uint64_t left = look(&m->world, 1).remaining;
    assert_true(!looks || left == remaining);
    settle_all(&m->world);
    (void)counted_at(m, t, &until_ms);
    until_ms = limit_max(until_ms, end_of(&m->applicable->limit, m->applicable->zone, t));
    for (size_t i = 0; i < m->count; i++)
        if (m->groups[i].until_ms > t)
            m->groups[i].until_ms = until_ms;
}

// No more is free than what the list leaves, and nothing counts longer than a period and what a jump of the clock adds.
static void check_view(struct model *m, uint64_t longest_ms)
{
    uint64_t until_ms;
    struct limit_standing view = look(&m->world, AMOUNT);
    assert_true(view.remaining + counted_at(m, now_ms(&m->world), &until_ms) <= AMOUNT);
    assert_true(view.reset_at_ms <= now_ms(&m->world) + longest_ms);
}

static void changes_at_random_open_no_window_twice(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t period_ms;
    } limits[] = {{"requests=60/day", DAY_MS},
                  {"requests=60/hour:fixed_window", HOUR_MS},
                  {"requests=60/week", 7 * (uint64_t)DAY_MS},
                  {"requests=60/month", 31 * (uint64_t)DAY_MS}};
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        struct model m = {.random = seed + 1};
        uint64_t period_ms = limits[seed % 4].period_ms;
        m.applicable = open_with(&m.world, limits[seed % 4].text);
        m.applicable->zone = zones[fake_below(&m.random, ZONES)];
        for (unsigned step = 0; step < STEPS; step++) {
            switch (fake_below(&m.random, 9)) {
            case 0:
                change_zone(&m);
                break;
            case 1:
                between[fake_below(&m.random, BETWEEN)](&m.world);
                break;
            case 2:
            case 3:
                fake_advance(&m.world.time, fake_below(&m.random, period_ms / 3));
                break;
            case 4:
                give_back(&m);
                break;
            default:
                spend(&m);
            }
            if (fake_below(&m.random, 2) == 0)
                check_view(&m, period_ms + HOUR_MS);
        }
        assert_true(m.count > 0);
        world_close(&m.world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_those_of_the_zone),
        cmocka_unit_test(what_was_spent_counts_until_the_later_end),
        cmocka_unit_test(a_window_that_was_left_admits_one_amount),
        cmocka_unit_test(going_back_and_forth_neither_frees_nor_locks),
        cmocka_unit_test(nothing_is_spent_in_another_zone_before_the_disk_knows),
        cmocka_unit_test(a_crash_charges_in_the_zone_of_the_record),
        cmocka_unit_test(charges_of_before_a_change_are_given_back_after_it),
        cmocka_unit_test(charges_of_a_window_that_is_over_are_not_given_back),
        cmocka_unit_test(another_algorithm_takes_over_what_is_held),
        cmocka_unit_test(records_of_older_versions_have_the_window_s_number),
        cmocka_unit_test(changes_at_random_open_no_window_twice),
    };
    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
