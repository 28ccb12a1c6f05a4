#include "unit/limit_fake.h"

static void each_text_means_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct limit want;
    } cases[] = {
        {"r=60/min", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 60, .window_s = 60}},
        {"r=60/m", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 60, .window_s = 60}},
        {"r=60/1minute", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 60, .window_s = 60}},
        {"r=10/s", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 10, .window_s = 1}},
        {"r=10/90s", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 10, .window_s = 90}},
        {"r=10/5min", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 10, .window_s = 300}},
        {"r=10/hour", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 10, .window_s = 3600}},
        {"r=10/2h", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 10, .window_s = 7200}},
        {"r=2000/day", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 2000, .window_s = 86400, .period = LIMIT_DAY}},
        {"r=2000/24h", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 2000, .window_s = 86400, .period = LIMIT_DAY}},
        {"r=9/month", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .period = LIMIT_MONTH}},
        {"r=9/1month", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .period = LIMIT_MONTH}},
        {"r=9/week", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .window_s = 604800, .period = LIMIT_WEEK}},
        {"r=9/w", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .window_s = 604800, .period = LIMIT_WEEK}},
        {"r=9/2w", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .window_s = 1209600}},
        {"r=9/7d", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .window_s = 604800}},
        {"r=9/week:sliding_window", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 9, .window_s = 604800}},
        {"r=9/year", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .period = LIMIT_YEAR}},
        {"r=9/total", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .period = LIMIT_TOTAL}},
        {"r=9/30d", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 9, .window_s = 2592000}},
        {"r=0/day", {.algorithm = LIMIT_FIXED_WINDOW, .window_s = 86400, .period = LIMIT_DAY}},
        {"r=60/min:fixed_window",
         {.algorithm = LIMIT_FIXED_WINDOW, .amount = 60, .window_s = 60, .period = LIMIT_MINUTE}},
        {"r=60/60s:fixed_window", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 60, .window_s = 60}},
        {"r=60/24h:fixed_window", {.algorithm = LIMIT_FIXED_WINDOW, .amount = 60, .window_s = 86400}},
        {"r=60/day:sliding_window", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 60, .window_s = 86400}},
        {"r=300/min:token_bucket,burst=50",
         {.algorithm = LIMIT_TOKEN_BUCKET, .amount = 300, .window_s = 60, .burst = 50}},
        {"r=300/min:token_bucket", {.algorithm = LIMIT_TOKEN_BUCKET, .amount = 300, .window_s = 60, .burst = 300}},
        {"r=60/min:shadow", {.algorithm = LIMIT_SLIDING_WINDOW, .amount = 60, .window_s = 60, .shadow = true}},
        {"r=300/min:token_bucket,burst=50:shadow",
         {.algorithm = LIMIT_TOKEN_BUCKET, .amount = 300, .window_s = 60, .burst = 50, .shadow = true}},
        {"r=unlimited", {.unlimited = true}},
        {"r=9007199254740991/31d", {.algorithm = LIMIT_FIXED_WINDOW, .amount = LIMIT_AMOUNT_MAX, .window_s = 2678400}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct limit *want = &cases[i].want;
        struct limit got;
        enum status status = limit_text_read(cases[i].text, &got, NULL);
        if (status != STATUS_OK || got.algorithm != want->algorithm || got.amount != want->amount ||
            got.window_s != want->window_s || got.period != want->period || got.shadow != want->shadow ||
            got.burst != want->burst || got.unlimited != want->unlimited)
            fail_msg("%s: read as %d %d, amount %llu, window %u, period %d, burst %llu", cases[i].text, (int)status,
                     (int)got.algorithm, (unsigned long long)got.amount, got.window_s, (int)got.period,
                     (unsigned long long)got.burst);
        assert_true(slice_equal(got.resource, slice_text("r")));
    }
}

static void canonical_text_is_the_shortest_usual_one(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"requests=60/1m", "requests=60/min"},
        {"requests=60/60s:sliding_window", "requests=60/min"},
        {"requests=2000/24h", "requests=2000/day"},
        {"requests=5/86400s:fixed_window", "requests=5/24hour:fixed_window"},
        {"requests=5/3600s:fixed_window", "requests=5/60min:fixed_window"},
        {"requests=5/h:fixed_window", "requests=5/hour:fixed_window"},
        {"requests=5/120s", "requests=5/2min"},
        {"requests=5/sec", "requests=5/s"},
        {"requests=5/2d:sliding_window", "requests=5/2day:sliding_window"},
        {"requests=300/min:token_bucket", "requests=300/min:token_bucket,burst=300"},
        {"requests=1/month:fixed_window", "requests=1/month"},
        {"requests=unlimited", "requests=unlimited"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[LIMIT_TEXT_MAX + 1];
        struct limit limit = fake_limit(cases[i][0]);
        assert_int_equal(limit_format(&limit, text), strlen(cases[i][1]));
        assert_string_equal(text, cases[i][1]);
    }
}

static struct limit random_limit(uint64_t *random)
{
    static const uint32_t windows[] = {1, 59, 60, 61, 90, 3599, 3600, 3601, 7200, 86399, 86400, 86401, 172800, 2678400};
    struct limit limit = {.resource = slice_text("some.resource_9")};
    limit.algorithm = (enum limit_algorithm)fake_below(random, 4);
    limit.amount = fake_random(random) >> (11 + fake_below(random, 53));
    if (fake_below(random, 8) == 0) {
        limit = (struct limit){.resource = limit.resource, .unlimited = true};
    } else if (limit.algorithm == LIMIT_FIXED_WINDOW && fake_below(random, 2) == 0) {
        limit.period = (enum limit_period)(1 + fake_below(random, LIMIT_TOTAL));
    } else {
        limit.window_s = fake_below(random, 2) == 0 ? windows[fake_below(random, sizeof windows / sizeof windows[0])]
                                                    : (uint32_t)(1 + fake_below(random, LIMIT_WINDOW_S_MAX));
        if (limit.algorithm == LIMIT_TOKEN_BUCKET && limit.amount > 0)
            limit.burst = fake_below(random, 3) == 0 ? 0 : 1 + fake_below(random, limit.amount);
    }
    limit.shadow = !limit.unlimited && fake_below(random, 4) == 0;
    return limit;
}

static void text_of_any_limit_reads_back_as_the_same_limit(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 20000; i++) {
        struct limit limit = random_limit(&random);
        struct limit back;
        struct status_failure failure = {0};
        char text[LIMIT_TEXT_MAX + 1];
        assert_int_equal(limit_complete(&limit, &failure), STATUS_OK);
        size_t size = limit_format(&limit, text);
        assert_true(size <= LIMIT_TEXT_MAX && size == strlen(text));
        if (limit_text_read(text, &back, &failure) != STATUS_OK || !limit_same_meter(&limit, &back) ||
            back.amount != limit.amount || back.burst != limit.burst)
            fail_msg("%s does not read back: %s %s", text, failure.field, failure.message);
    }
}

static void longest_limit_fits_its_text(void **state)
{
    (void)state;
    char resource[LIMIT_RESOURCE_MAX + 1];
    memset(resource, 'x', LIMIT_RESOURCE_MAX);
    resource[LIMIT_RESOURCE_MAX] = '\0';
    struct limit limit = {.resource = slice_text(resource),
                          .algorithm = LIMIT_TOKEN_BUCKET,
                          .amount = LIMIT_AMOUNT_MAX,
                          .window_s = 2678399,
                          .burst = LIMIT_AMOUNT_MAX};
    char text[LIMIT_TEXT_MAX + 1];
    assert_int_equal(limit_complete(&limit, NULL), STATUS_OK);
    size_t size = limit_format(&limit, text);
    assert_int_equal(size, strlen(text));
    assert_non_null(strstr(text, ",burst=9007199254740991"));
}

// Mistakes in the text itself are libpostern's to name (client_limit_text_test.c).
static void each_mistake_in_what_was_read_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field, *shown;
    } cases[] = {
        {"requests=0/min:token_bucket,burst=5", "burst", "forbidden"},
        {"requests=1/31d:token_bucket,burst=1000", "burst", "ten years"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct limit limit;
        struct status_failure failure = {0};
        assert_int_equal(limit_text_read(cases[i].text, &limit, &failure), STATUS_INVALID_ARGUMENT);
        if (strcmp(failure.field, cases[i].field) != 0 || strstr(failure.message, cases[i].shown) == NULL)
            fail_msg("%s: got %s: %s", cases[i].text, failure.field, failure.message);
    }
    static const char *const names[] = {"", "Requests", "re quests", "-x"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct limit limit = {.resource = slice_text(names[i]), .amount = 60, .window_s = 60};
        struct status_failure failure = {0};
        assert_int_equal(limit_complete(&limit, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.field, "resource");
    }
    struct limit month = {
        .resource = slice_text("r"), .algorithm = LIMIT_TOKEN_BUCKET, .amount = 60, .period = LIMIT_MONTH};
    struct status_failure failure = {0};
    assert_int_equal(limit_complete(&month, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.field, "period");
    assert_non_null(strstr(failure.message, "fixed_window"));
}

static void incomplete_limits_are_completed_or_refused(void **state)
{
    (void)state;
    struct limit month = {.resource = slice_text("r"), .amount = 5, .period = LIMIT_MONTH};
    assert_int_equal(limit_complete(&month, NULL), STATUS_OK);
    assert_int_equal(month.algorithm, LIMIT_FIXED_WINDOW);
    assert_int_equal(month.window_s, 0);
    struct limit hour = {.resource = slice_text("r"), .amount = 5, .period = LIMIT_HOUR};
    assert_int_equal(limit_complete(&hour, NULL), STATUS_OK);
    assert_int_equal(hour.window_s, 3600);
    static const struct {
        struct limit limit;
        const char *field;
    } bad[] = {
        {{.algorithm = 4, .amount = 1, .window_s = 1}, "algorithm"},
        {{.amount = 1, .period = 8}, "period"},
        {{.amount = 1}, "window_s"},
        {{.amount = 1, .window_s = LIMIT_WINDOW_S_MAX + 1}, "window_s"},
        {{.amount = 1, .window_s = 61, .period = LIMIT_MINUTE}, "window_s"},
        {{.amount = 1, .window_s = 60, .period = LIMIT_MONTH}, "window_s"},
        {{.amount = 1, .algorithm = LIMIT_SLIDING_WINDOW, .period = LIMIT_DAY}, "period"},
        {{.amount = LIMIT_AMOUNT_MAX + 1, .window_s = 1}, "amount"},
        {{.amount = 1, .window_s = 1, .burst = 1}, "burst"},
        {{.amount = 1, .unlimited = true}, "amount"},
        {{.window_s = 1, .unlimited = true}, "window_s"},
        {{.period = LIMIT_DAY, .unlimited = true}, "period"},
        {{.burst = 1, .unlimited = true}, "burst"},
        {{.shadow = true, .unlimited = true}, "shadow"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct limit limit = bad[i].limit;
        struct status_failure failure = {0};
        limit.resource = slice_text("r");
        assert_int_equal(limit_complete(&limit, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.field, bad[i].field);
    }
}

static void meter_is_told_by_window_and_algorithm_not_by_amount(void **state)
{
    (void)state;
    struct limit a = fake_limit("requests=60/min"), b = fake_limit("requests=90/min");
    struct limit bucket = fake_limit("requests=60/min:token_bucket"), hour = fake_limit("requests=60/hour");
    struct limit other = fake_limit("productions=60/min"), free = fake_limit("requests=unlimited");
    struct limit month = fake_limit("requests=60/month");
    assert_true(limit_same_meter(&a, &b));
    assert_false(limit_same_meter(&a, &bucket));
    assert_true(limit_same_window(&a, &bucket));
    assert_false(limit_same_window(&a, &hour));
    assert_false(limit_same_window(&a, &other));
    assert_false(limit_same_window(&free, &month));
    assert_true(limit_same_window(&free, &free));
}

static void limit_is_within_another_on_the_same_meter_alone(void **state)
{
    (void)state;
    static const struct {
        const char *inner, *outer;
        bool within;
    } cases[] = {
        {"r=60/min", "r=60/min", true},
        {"r=59/min", "r=60/min", true},
        {"r=61/min", "r=60/min", false},
        {"r=0/min", "r=60/min", true},
        {"r=60/min", "s=60/min", false},
        {"r=60/2min", "r=60/min", false}, // stricter, but not said to be
        // Each of them lets 60 more pass in the moment in which the other refuses.
        {"r=60/min:fixed_window", "r=60/min", false},
        {"r=60/min:token_bucket", "r=60/min", false},
        {"r=60/min", "r=60/min:token_bucket", false},
        {"r=60/day", "r=60/24h:fixed_window", false}, // a UTC offset makes them differ
        {"r=30/min:token_bucket,burst=5", "r=60/min:token_bucket,burst=5", true},
        {"r=60/min:token_bucket,burst=6", "r=60/min:token_bucket,burst=5", false},
        {"r=unlimited", "r=60/min", false},
        // The ring of more than 65,535 has half as many sub-windows, each of which counts for longer.
        {"r=65535/min", "r=65535/min", true},
        {"r=65535/min", "r=65536/min", false},
        {"r=65536/min", "r=70000/min", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct limit inner = fake_limit(cases[i].inner), outer = fake_limit(cases[i].outer);
        if (limit_is_within(&inner, &outer) != cases[i].within)
            fail_msg("%s, %s", cases[i].inner, cases[i].outer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_means_what_it_says),
        cmocka_unit_test(canonical_text_is_the_shortest_usual_one),
        cmocka_unit_test(text_of_any_limit_reads_back_as_the_same_limit),
        cmocka_unit_test(longest_limit_fits_its_text),
        cmocka_unit_test(each_mistake_in_what_was_read_is_named),
        cmocka_unit_test(incomplete_limits_are_completed_or_refused),
        cmocka_unit_test(meter_is_told_by_window_and_algorithm_not_by_amount),
        cmocka_unit_test(limit_is_within_another_on_the_same_meter_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
