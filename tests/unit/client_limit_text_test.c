// The text form of limits.
#include "postern/postern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct postern_limit parsed(const char *text)
{
    struct postern_limit limit;
    struct postern_error error;
    if (postern_limit_parse(text, &limit, &error) != POSTERN_OK)
        fail_msg("%s: %s", text, error.message);
    return limit;
}

static void a_short_window_leaves_the_algorithm_to_the_server(void **state)
{
    (void)state;
    struct postern_limit limit = parsed("requests=60/min");
    assert_string_equal(limit.resource, "requests");
    assert_int_equal(limit.amount, 60);
    assert_int_equal(limit.window_s, 60);
    assert_int_equal(limit.period, POSTERN_PERIOD_UNSPECIFIED);
    assert_int_equal(limit.algorithm, POSTERN_ALGORITHM_UNSPECIFIED);
    assert_false(limit.unlimited);
}

static void one_day_and_one_month_are_calendar_periods(void **state)
{
    (void)state;
    const char *const texts[] = {"x=5/day", "x=5/d", "x=5/1day", "x=5/day:fixed_window"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct postern_limit limit = parsed(texts[i]);
        assert_int_equal(limit.period, POSTERN_PERIOD_DAY);
        assert_int_equal(limit.window_s, 0);
    }
    assert_int_equal(parsed("x=5/month").period, POSTERN_PERIOD_MONTH);
    assert_int_equal(parsed("x=5/2d").window_s, 2 * 86400);
    assert_int_equal(parsed("x=5/day:sliding_window").window_s, 86400);
    assert_int_equal(parsed("x=5/24h").window_s, 86400);
}

static void a_minute_is_a_calendar_period_only_with_fixed_window(void **state)
{
    (void)state;
    assert_int_equal(parsed("x=5/min:fixed_window").period, POSTERN_PERIOD_MINUTE);
    assert_int_equal(parsed("x=5/hour:fixed_window").period, POSTERN_PERIOD_HOUR);
    assert_int_equal(parsed("x=5/60s:fixed_window").period, POSTERN_PERIOD_UNSPECIFIED);
    assert_int_equal(parsed("x=5/60s:fixed_window").window_s, 60);
    assert_int_equal(parsed("x=5/hour").period, POSTERN_PERIOD_UNSPECIFIED);
}

static void weeks_and_plurals_are_known_as_in_spans(void **state)
{
    (void)state;
    assert_int_equal(parsed("x=5/week").period, POSTERN_PERIOD_WEEK);
    assert_int_equal(parsed("x=5/2weeks").window_s, 1209600);
    assert_int_equal(parsed("x=5/3days").window_s, 259200);
    assert_int_equal(parsed("x=5/90mins").window_s, 5400);
}

static void every_word_for_a_window_is_known(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint32_t window_s;
    } cases[] = {{"x=1/s", 1},      {"x=1/sec", 1},     {"x=1/second", 1}, {"x=1/90s", 90},    {"x=1/m", 60},
                 {"x=1/5min", 300}, {"x=1/minute", 60}, {"x=1/h", 3600},   {"x=1/hour", 3600}, {"x=1/31d", 2678400}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(parsed(cases[i].text).window_s, cases[i].window_s);
}

static void a_token_bucket_may_have_a_burst(void **state)
{
    (void)state;
    struct postern_limit limit = parsed("requests=300/min:token_bucket,burst=50");
    assert_int_equal(limit.algorithm, POSTERN_ALGORITHM_TOKEN_BUCKET);
    assert_int_equal(limit.burst, 50);
    assert_int_equal(parsed("requests=300/min:token_bucket").burst, 0);
}

static void unlimited_and_forbidden_have_their_own_words(void **state)
{
    (void)state;
    assert_true(parsed("requests=unlimited").unlimited);
    assert_int_equal(parsed("requests=0/day").amount, 0);
    assert_false(parsed("requests=0/day").unlimited);
    assert_true(parsed("x=9007199254740991/day").amount == POSTERN_AMOUNT_MAX);
}

static void wrong_text_is_refused_with_a_message_that_shows_it(void **state)
{
    (void)state;
    const struct {
        const char *text, *says;
    } cases[] = {
        {"", "\"=\""},
        {"requests", "\"=\""},
        {"=60/min", "name of a resource"},
        {"Requests=60/min", "a-z 0-9"},
        {"-x=60/min", "begins with"},
        {"x=60", "\"/\""},
        {"x=/min", "number is missing"},
        {"x=six/min", "not a whole number"},
        {"x=-1/min", "not a whole number"},
        {"x=9007199254740992/min", "larger than"},
        {"x=99999999999999999999999999/min", "larger than"},
        {"x=60/", "s sec second"},
        {"x=60/fortnight", "fortnight"},
        {"x=60/5", "s sec second"},
        {"x=60/0s", "at least 1 second"},
        {"x=60/32d", "at most 31 days"},
        {"x=60/99999999999999d", "at most 31 days"},
        {"x=60/2month", "30d"},
        {"x=60/month:sliding_window", "30d"},
        {"x=60/min:leaky", "leaky"},
        {"x=60/min:", "fixed_window"},
        {"x=60/min:token_bucket,", "burst=N"},
        {"x=60/min:token_bucket,burst", "burst=N"},
        {"x=60/min:token_bucket,size=5", "burst=N"},
        {"x=60/min:token_bucket,burst=0", "at least 1"},
        {"x=60/min:sliding_window,burst=5", "only token_bucket"},
        {"x=unlimited/day", "whole number"},
        {"x=60/min ", "min \""},
        {"re quests=60/min", "re quests"},
        {"x=", "\"/\""},
        {"x=1.5/min", "1.5"},
        {"x=18446744073709551617/min", "18446744073709551617"},
        {"x=60/fortnight", "fortnight"},
        {"x=60/99999999999999999999s", "larger than"},
        {"x=60/min:token_bucket,burst=many", "many"},
        {"x=60/month:token_bucket", "fixed_window"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct postern_limit limit;
        struct postern_error error;
        assert_int_equal(postern_limit_parse(cases[i].text, &limit, &error), POSTERN_INVALID_ARGUMENT);
        if (strstr(error.message, cases[i].says) == NULL)
            fail_msg("\"%s\": %s", cases[i].text, error.message);
        assert_string_equal(error.field, "limit");
        assert_non_null(strstr(error.message, "requests=60/min")); // an example of how to do it
        assert_int_equal(limit.resource[0], '\0');
    }
}

static void a_name_of_64_bytes_fits_and_one_of_65_does_not(void **state)
{
    (void)state;
    char text[80];
    memset(text, 'a', sizeof text);
    memcpy(text + 64, "=1/s", 5);
    assert_int_equal(strlen(parsed(text).resource), 64);
    memset(text, 'a', 65);
    memcpy(text + 65, "=1/s", 5);
    struct postern_limit limit;
    assert_int_equal(postern_limit_parse(text, &limit, NULL), POSTERN_INVALID_ARGUMENT);
}

static void bytes_that_are_no_text_are_refused_without_harm(void **state)
{
    (void)state;
    static const char alphabet[] = "requsts=60/min:token_bucket,burst=5\xff\0 dayh1";
    uint64_t random = 7;
    for (int i = 0; i < 50000; i++) {
        char text[48];
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t size = (random >> 33) % sizeof text;
        for (size_t at = 0; at < size; at++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            text[at] = alphabet[(random >> 33) % sizeof alphabet];
        }
        text[size] = '\0';
        struct postern_limit limit;
        struct postern_error error;
        if (postern_limit_parse(text, &limit, &error) != POSTERN_OK)
            assert_true(error.field[0] != '\0' && error.message[0] != '\0');
    }
}

static void no_text_at_all_is_refused(void **state)
{
    (void)state;
    struct postern_limit limit;
    assert_int_equal(postern_limit_parse(NULL, &limit, NULL), POSTERN_INVALID_ARGUMENT);
}

static void assert_formats(struct postern_limit limit, const char *expected)
{
    char text[POSTERN_LIMIT_TEXT_MAX + 1];
    size_t size = postern_limit_format(&limit, text);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
}

static void formatting_gives_back_the_canonical_text(void **state)
{
    (void)state;
    const char *const texts[] = {"requests=60/min",
                                 "requests=2000/day",
                                 "x=10/90s",
                                 "x=10/5min",
                                 "x=10/2h",
                                 "x=10/24h",
                                 "x=10/day:sliding_window",
                                 "x=10/month",
                                 "x=10/min:fixed_window",
                                 "x=10/60s:fixed_window",
                                 "x=10/hour:fixed_window",
                                 "requests=300/min:token_bucket,burst=50",
                                 "requests=300/min:token_bucket",
                                 "requests=unlimited",
                                 "requests=0/day"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_formats(parsed(texts[i]), texts[i]);
    assert_formats(parsed("x=1/1d"), "x=1/day");
    assert_formats(parsed("x=1/3600s"), "x=1/hour");
}

// The server completes a limit: it names the algorithm, and a period's window.
static void what_the_server_completed_reads_as_it_was_written(void **state)
{
    (void)state;
    struct postern_limit limit = parsed("requests=60/min");
    limit.algorithm = POSTERN_ALGORITHM_SLIDING_WINDOW;
    assert_formats(limit, "requests=60/min");
    limit = parsed("requests=2000/day");
    limit.algorithm = POSTERN_ALGORITHM_FIXED_WINDOW;
    limit.window_s = 86400;
    assert_formats(limit, "requests=2000/day");
    limit = parsed("requests=300/min:token_bucket");
    limit.burst = 300;
    assert_formats(limit, "requests=300/min:token_bucket");
    limit = parsed("x=1/2h");
    limit.algorithm = POSTERN_ALGORITHM_FIXED_WINDOW;
    assert_formats(limit, "x=1/2h");
}

// Parsing what was formatted gives the same limit, for every window and algorithm.
static void formatting_and_parsing_are_inverse(void **state)
{
    (void)state;
    const uint32_t windows[] = {1, 59, 60, 61, 3599, 3600, 7200, 86399, 86400, 172800, 2678400};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        for (int algorithm = 1; algorithm <= 3; algorithm++) {
            struct postern_limit limit = {
                .resource = "x", .amount = 7, .window_s = windows[i], .algorithm = (enum postern_algorithm)algorithm};
            char text[POSTERN_LIMIT_TEXT_MAX + 1];
            postern_limit_format(&limit, text);
            struct postern_limit again = parsed(text);
            if (again.algorithm == POSTERN_ALGORITHM_UNSPECIFIED) // as the server chooses
                again.algorithm =
                    again.window_s <= 3600 ? POSTERN_ALGORITHM_SLIDING_WINDOW : POSTERN_ALGORITHM_FIXED_WINDOW;
            assert_int_equal(again.window_s, limit.window_s);
            assert_int_equal(again.algorithm, limit.algorithm);
            assert_int_equal(again.period, POSTERN_PERIOD_UNSPECIFIED);
        }
}

static void the_longest_limit_fits_its_text(void **state)
{
    (void)state;
    struct postern_limit limit = {.algorithm = POSTERN_ALGORITHM_TOKEN_BUCKET,
                                  .amount = UINT64_MAX,
                                  .burst = UINT64_MAX - 1,
                                  .window_s = UINT32_MAX};
    memset(limit.resource, 'r', POSTERN_RESOURCE_MAX);
    char text[POSTERN_LIMIT_TEXT_MAX + 1];
    assert_in_range(postern_limit_format(&limit, text), 100, POSTERN_LIMIT_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_window_leaves_the_algorithm_to_the_server),
        cmocka_unit_test(one_day_and_one_month_are_calendar_periods),
        cmocka_unit_test(a_minute_is_a_calendar_period_only_with_fixed_window),
        cmocka_unit_test(weeks_and_plurals_are_known_as_in_spans),
        cmocka_unit_test(every_word_for_a_window_is_known),
        cmocka_unit_test(a_token_bucket_may_have_a_burst),
        cmocka_unit_test(unlimited_and_forbidden_have_their_own_words),
        cmocka_unit_test(wrong_text_is_refused_with_a_message_that_shows_it),
        cmocka_unit_test(a_name_of_64_bytes_fits_and_one_of_65_does_not),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_without_harm),
        cmocka_unit_test(no_text_at_all_is_refused),
        cmocka_unit_test(formatting_gives_back_the_canonical_text),
        cmocka_unit_test(what_the_server_completed_reads_as_it_was_written),
        cmocka_unit_test(formatting_and_parsing_are_inverse),
        cmocka_unit_test(the_longest_limit_fits_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
