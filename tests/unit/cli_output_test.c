// Times for people.
#include "cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { S = 1000, MIN = 60 * S, H = 60 * MIN };
static const uint64_t day = UINT64_C(24) * H, now = UINT64_C(1800000000000);

static void assert_when(uint64_t moment_ms, const char *expected)
{
    char buffer[OUTPUT_TIME_SIZE];
    assert_string_equal(output_when(moment_ms, now, "never", buffer), expected);
}

static void moments_are_told_from_now(void **state)
{
    (void)state;
    assert_when(0, "never");
    assert_when(now, "now");
    assert_when(now - 400, "now");
    assert_when(now - 5 * S, "5 s ago");
    assert_when(now + 119 * S, "in 119 s");
    assert_when(now - 2 * MIN, "2 min ago");
    assert_when(now + 90 * MIN, "in 90 min");
    assert_when(now - 12 * H, "12 h ago");
    assert_when(now + 2 * day, "in 2 days");
    assert_when(now - 400 * day, "400 days ago");
}

static void a_span_that_has_just_begun_is_told_whole(void **state)
{
    (void)state;
    assert_when(now + 20 * day - 30, "in 20 days");
    assert_when(now + 2 * day - 900, "in 2 days");
    assert_when(now + 12 * H - 50, "in 12 h");
    assert_when(now + 2 * MIN - 40, "in 2 min");
}

static void assert_span(uint64_t span_ms, const char *expected)
{
    char buffer[OUTPUT_TIME_SIZE];
    assert_string_equal(output_span(span_ms, buffer), expected);
}

static void a_span_is_told_in_words_and_never_too_short(void **state)
{
    (void)state;
    assert_span(0, "0.0 s");
    assert_span(42401, "42.5 s");
    assert_span(2 * MIN, "2 min");
    assert_span(2 * MIN + 1, "2 min 1 s");
    assert_span(UINT64_C(42793500), "11 h 54 min"); // not 42793.5 s
    assert_span(30 * day, "30 days");
    assert_span(2 * day + 1, "2 days 1 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_told_from_now),
        cmocka_unit_test(a_span_that_has_just_begun_is_told_whole),
        cmocka_unit_test(a_span_is_told_in_words_and_never_too_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
