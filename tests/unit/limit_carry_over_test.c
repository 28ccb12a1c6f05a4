// A limit that changes its algorithm: what was spent under one counts under the other, as long as either remembers it.

#include "unit/limit_world.h"

static const char *const each_algorithm[] = {"requests=60/60s:fixed_window", "requests=60/min:fixed_window",
                                             "requests=60/60s:sliding_window", "requests=60/60s:token_bucket"};
enum { ALGORITHMS = 4, AMOUNT = 60, WINDOW_MS = 60000 };

static struct limit_applicable *open_with(struct world *world, const char *text)
{
    world_open(world);
    return world_applicable(world, "acme", text);
}

static void change(struct limit_applicable *applicable, const char *text)
{
    applicable->limit = fake_limit(text);
}

static enum limit_verdict ask(struct world *world, uint64_t cost)
{
    struct client client = client_of(world, "acme", "requests", cost, 0);
    return client_decide(&client);
}

static void settle_all(struct world *world)
{
    while (world_commit(world, STATUS_OK) > 0)
        ;
}

// What happens between two changes.
static void (*const between[])(struct world *world) = {settle_all, world_forget_all, world_crash};
enum { BETWEEN = 3 };

// Sixty of sixty under one algorithm; none is left under another; a window later all are.
static void what_was_spent_is_spent_under_every_other_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < (size_t)ALGORITHMS * ALGORITHMS * BETWEEN; i++) {
        size_t from = i % ALGORITHMS, to = i / ALGORITHMS % ALGORITHMS;
        struct world world;
        struct limit_applicable *applicable = open_with(&world, each_algorithm[from]);
        assert_int_equal(ask(&world, AMOUNT), LIMIT_ADMITTED);
        settle_all(&world);
        between[i / ALGORITHMS / ALGORITHMS](&world);
        change(applicable, each_algorithm[to]);
        assert_int_equal(world_remaining(&world, "acme"), 0);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        fake_advance(&world.time, 2 * WINDOW_MS);
        assert_int_equal(world_remaining(&world, "acme"), AMOUNT);
        world_close(&world);
    }
}

// There and back: a meter that was left with half of its limit has nothing more than the one that was used meanwhile.
static void change_there_and_back_admits_no_more_than_the_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < (size_t)ALGORITHMS * ALGORITHMS * BETWEEN; i++) {
        size_t from = i % ALGORITHMS, to = i / ALGORITHMS % ALGORITHMS;
        struct world world;
        struct limit_applicable *applicable = open_with(&world, each_algorithm[from]);
        assert_int_equal(ask(&world, AMOUNT / 2), LIMIT_ADMITTED);
        settle_all(&world);
        change(applicable, each_algorithm[to]);
        uint64_t left = world_remaining(&world, "acme");
        assert_int_equal(left, AMOUNT / 2);
        assert_int_equal(ask(&world, left), LIMIT_ADMITTED);
        settle_all(&world);
        between[i / ALGORITHMS / ALGORITHMS](&world);
        change(applicable, each_algorithm[from]);
        assert_int_equal(world_remaining(&world, "acme"), 0);
        assert_int_equal(ask(&world, 1), LIMIT_DENIED);
        world_close(&world);
    }
}

static void other_subjects_windows_and_resources_are_not_concerned(void **state)
{
    (void)state;
    static const char *const others[] = {"requests=60/61s:token_bucket", "tokens=60/60s:token_bucket",
                                         "requests=60/60s:token_bucket:shadow"};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        open_with(&world, "requests=60/60s:sliding_window");
        assert_int_equal(ask(&world, AMOUNT), LIMIT_ADMITTED);
        settle_all(&world);
        change(&world.owners[0].applicables[0], others[i]);
        const char *resource = i == 1 ? "tokens" : "requests";
        assert_int_equal(world_remaining_of(&world, "acme", resource, 0), AMOUNT);
        world_close(&world);
    }
    struct world world;
    struct limit_applicable *custom = open_with(&world, "requests=60/60s:sliding_window");
    custom->subject = LIMIT_OF_CUSTOM; // its callers need not agree
    assert_int_equal(ask(&world, AMOUNT), LIMIT_ADMITTED);
    settle_all(&world);
    change(custom, "requests=60/60s:token_bucket");
    assert_int_equal(world_remaining(&world, "acme"), AMOUNT);
    world_close(&world);
}

// A bucket and a window beside each other: the bucket's units flow back, and the window's do not burden it. When only
// one of them stays, and is then changed to the other, that one has the units of both.
static void limits_of_one_call_are_charged_each_by_itself(void **state)
{
    (void)state;
    struct world world;
    open_with(&world, "requests=60/60s:sliding_window");
    world_applicable(&world, "acme", "requests=60/60s:token_bucket,burst=20");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ask(&world, 20), LIMIT_ADMITTED);
        settle_all(&world);
        world_forget_all(&world);
        fake_advance(&world.time, 20000);
    }
    assert_int_equal(world_remaining_of(&world, "acme", "requests", 0), 20);
    assert_int_equal(world_remaining_of(&world, "acme", "requests", 1), 20);
    world.owners[0].applicable_count = 1;
    assert_int_equal(ask(&world, 20), LIMIT_ADMITTED);
    settle_all(&world);
    change(&world.owners[0].applicables[0], "requests=60/60s:token_bucket");
    assert_int_equal(world_remaining(&world, "acme"), 0);
    world_close(&world);
}

// Units that were set aside before others were taken over do not cover what is spent beside these: after a crash nobody
// would know of it.
static void what_was_set_aside_before_is_not_spent_after(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=80/60s:sliding_window");
    assert_int_equal(ask(&world, 3), LIMIT_ADMITTED); // of the ten that are set aside
    settle_all(&world);
    change(applicable, "requests=80/60s:token_bucket");
    assert_int_equal(ask(&world, 60), LIMIT_ADMITTED);
    settle_all(&world);
    change(applicable, "requests=80/60s:sliding_window");
    struct client client = client_of(&world, "acme", "requests", 1, 0);
    assert_int_equal(client_ask(&client), LIMIT_WAIT);
    settle_all(&world);
    assert_int_equal(client.verdict, LIMIT_ADMITTED);
    world_close(&world);
}

static void what_is_being_set_aside_is_not_spent_after(void **state)
{
    (void)state;
    struct world world;
    struct limit_applicable *applicable = open_with(&world, "requests=8000/60s:token_bucket");
    assert_int_equal(ask(&world, 1), LIMIT_ADMITTED); // of the thousand that are set aside
    settle_all(&world);
    change(applicable, "requests=8000/60s:sliding_window");
    struct client early = client_of(&world, "acme", "requests", 1, 0), late = early;
    assert_int_equal(client_ask(&early), LIMIT_WAIT);
    struct limit_write_batch *batch = limit_collect(world.table);
    change(applicable, "requests=8000/60s:token_bucket");
    struct client other = client_of(&world, "acme", "requests", 100, 0);
    other.relaxed = true; // which does not wait for the commit
    assert_int_equal(client_ask(&other), LIMIT_ADMITTED);
    change(applicable, "requests=8000/60s:sliding_window");
    assert_int_equal(client_ask(&late), LIMIT_WAIT);
    world_finish(&world, batch, STATUS_OK);
    assert_int_equal(early.verdict, LIMIT_WAIT); // woken, and short again
    assert_int_equal(late.verdict, LIMIT_WAIT);
    settle_all(&world);
    assert_int_equal(early.verdict, LIMIT_ADMITTED);
    assert_int_equal(late.verdict, LIMIT_ADMITTED);
    world_close(&world);
}

// Over any changes, crashes and evictions: one aligned window of calls never holds more than the limit while windows of
// both kinds take turns, and no more than twice the limit when a bucket is one of them, whose units flow back.
static void changes_at_random_admit_no_more_than_one_limit_would(void **state)
{
    (void)state;
    enum { SEEDS = 300, STEPS = 120 };
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        uint64_t random = seed + 1;
        size_t kinds = seed % 2 == 0 ? 3 : ALGORITHMS; // without the bucket, or with it
        struct world world;
        struct limit_applicable *applicable = open_with(&world, each_algorithm[0]);
        uint64_t window = 0, admitted = 0;
        for (unsigned step = 0; step < STEPS; step++) {
            uint64_t now = clock_now_ms(world.clock) / WINDOW_MS;
            if (now != window)
                admitted = 0;
            window = now;
            uint64_t cost = 1 + fake_below(&random, 20);
            switch (fake_below(&random, 6)) {
            case 0:
                change(applicable, each_algorithm[fake_below(&random, kinds)]);
                break;
            case 1:
                between[fake_below(&random, BETWEEN)](&world);
                break;
            case 2:
                fake_advance(&world.time, fake_below(&random, WINDOW_MS / 4));
                break;
            default:
                if (ask(&world, cost) == LIMIT_ADMITTED)
                    admitted += cost;
            }
            assert_true(admitted <= (kinds == ALGORITHMS ? 2 : 1) * AMOUNT);
        }
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_spent_is_spent_under_every_other_algorithm),
        cmocka_unit_test(change_there_and_back_admits_no_more_than_the_limit),
        cmocka_unit_test(other_subjects_windows_and_resources_are_not_concerned),
        cmocka_unit_test(limits_of_one_call_are_charged_each_by_itself),
        cmocka_unit_test(what_was_set_aside_before_is_not_spent_after),
        cmocka_unit_test(what_is_being_set_aside_is_not_spent_after),
        cmocka_unit_test(changes_at_random_admit_no_more_than_one_limit_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
