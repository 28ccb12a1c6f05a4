// The rows of top: calls per second from two looks.
#include "top_rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct postern_stats_reply look(const struct postern_busy *accounts, size_t count, uint64_t uptime_ms)
{
    return (struct postern_stats_reply){
        .accounts = accounts, .account_count = count, .uptime_ms = uptime_ms, .hour_start_ms = 3600000};
}

static void assert_rate(double rate, double expected)
{
    assert_true(rate > expected - 0.001 && rate < expected + 0.001);
}

static void one_look_has_no_rates_and_is_in_the_order_of_the_hour(void **state)
{
    (void)state;
    const struct postern_busy accounts[] = {{.account = "a", .key_id = "", .calls = 5},
                                            {.account = "b", .key_id = "", .calls = 9}};
    struct postern_stats_reply now = look(accounts, 2, 1000);
    struct top_view view;
    top_rank(&now, NULL, TOP_ACCOUNTS, &view);
    assert_false(view.has_rates);
    assert_int_equal(view.count, 2);
    assert_string_equal(view.rows[0].busy->account, "b");
    assert_false(view.rows[0].has_rate);
}

static void the_fastest_come_first_whatever_the_hour_says(void **state)
{
    (void)state;
    const struct postern_busy earlier[] = {{.account = "a", .key_id = "", .calls = 1000},
                                           {.account = "b", .key_id = "", .calls = 9}};
    const struct postern_busy later[] = {{.account = "new", .key_id = "", .calls = 2000},
                                         {.account = "a", .key_id = "", .calls = 1001},
                                         {.account = "b", .key_id = "", .calls = 24, .refusals = 6}};
    struct postern_stats_reply before = look(earlier, 2, 1000), now = look(later, 3, 1500);
    struct top_view view;
    before.decisions = 100, now.decisions = 116, now.refusals = 1;
    top_rank(&now, &before, TOP_ACCOUNTS, &view);
    assert_true(view.has_rates);
    assert_int_equal(view.interval_ms, 500);
    assert_rate(view.calls_per_s, 32);
    assert_rate(view.refusals_per_s, 2);
    assert_string_equal(view.rows[0].busy->account, "b");
    assert_rate(view.rows[0].calls_per_s, 30);
    assert_rate(top_share(view.rows[0].busy), 25);
    assert_string_equal(view.rows[1].busy->account, "a");
    assert_rate(view.rows[1].calls_per_s, 2);
    assert_false(view.rows[2].has_rate); // its calls may be older than the look before
}

static void a_new_hour_begins_anew(void **state)
{
    (void)state;
    const struct postern_busy earlier[] = {{.account = "a", .key_id = "", .calls = 1000}};
    const struct postern_busy later[] = {{.account = "a", .key_id = "", .calls = 7}};
    struct postern_stats_reply before = look(earlier, 1, 1000), now = look(later, 1, 2000);
    struct top_view view;
    now.hour_start_ms += 3600000;
    top_rank(&now, &before, TOP_ACCOUNTS, &view);
    assert_rate(view.rows[0].calls_per_s, 7);
}

static void looks_at_two_runs_are_not_compared(void **state)
{
    (void)state;
    const struct postern_busy accounts[] = {{.account = "a", .key_id = "", .calls = 1000}};
    struct postern_stats_reply before = look(accounts, 1, 5000), now = look(accounts, 1, 20);
    struct top_view view;
    top_rank(&now, &before, TOP_ACCOUNTS, &view);
    assert_false(view.has_rates);
    now.uptime_ms = 9000; // the new run has come far already
    before.decisions = 7;
    top_rank(&now, &before, TOP_ACCOUNTS, &view);
    assert_false(view.has_rates);
}

static void keys_are_told_apart_by_their_ids(void **state)
{
    (void)state;
    const struct postern_busy earlier[] = {{.account = "a", .key_id = "key_1", .calls = 10},
                                           {.account = "a", .key_id = "key_2", .calls = 20}};
    const struct postern_busy later[] = {{.account = "a", .key_id = "key_2", .calls = 30},
                                         {.account = "a", .key_id = "key_1", .calls = 15}};
    struct postern_stats_reply before = look(NULL, 0, 1000), now = look(NULL, 0, 2000);
    struct top_view view;
    before.keys = earlier, before.key_count = 2, now.keys = later, now.key_count = 2;
    top_rank(&now, &before, TOP_KEYS, &view);
    assert_int_equal(view.count, 2);
    assert_rate(view.rows[0].calls_per_s, 10);
    assert_rate(view.rows[1].calls_per_s, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_look_has_no_rates_and_is_in_the_order_of_the_hour),
        cmocka_unit_test(the_fastest_come_first_whatever_the_hour_says),
        cmocka_unit_test(a_new_hour_begins_anew),
        cmocka_unit_test(looks_at_two_runs_are_not_compared),
        cmocka_unit_test(keys_are_told_apart_by_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
