// Spans and moments in text.
#include "cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS UINT64_C(1800000000000)
#define DAY_MS UINT64_C(86400000)

static struct value_moment moment;

static void assert_moment(const char *text, uint64_t expected_ms)
{
    if (!value_moment(text, false, NOW_MS, &moment))
        fail_msg("\"%s\": %s", text, moment.wrong);
    if (moment.ms != expected_ms)
        fail_msg("\"%s\" is %llu, not %llu", text, (unsigned long long)moment.ms, (unsigned long long)expected_ms);
}

static void assert_none(const char *text, const char *why)
{
    if (value_moment(text, false, NOW_MS, &moment))
        fail_msg("\"%s\" was taken as %llu", text, (unsigned long long)moment.ms);
    if (strstr(moment.wrong, why) == NULL)
        fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, moment.wrong, why);
}

static void dates_and_times_are_read(void **state)
{
    (void)state;
    assert_moment("2040-01-31T12:00:00.250+02:00", UINT64_C(2211616800250));
    assert_moment("2040-01-31T10:00:00Z", UINT64_C(2211616800000));
    assert_moment("2040-01-31t10:00:00.1239z", UINT64_C(2211616800123));
    assert_moment("2040-01-31 07:30:00-02:30", UINT64_C(2211616800000));
    assert_false(moment.is_utc_assumed);
    assert_moment("2040-01-31 10:00:00", UINT64_C(2211616800000));
    assert_true(moment.is_utc_assumed);
    assert_moment("2040-01-31", UINT64_C(2211580800000));
    assert_true(moment.is_utc_assumed);
    assert_moment("2028-02-29", UINT64_C(1835395200000));
    assert_moment("2000-02-29", UINT64_C(951782400000));
    assert_moment("9999-12-31T23:59:59.999Z", UINT64_C(253402300799999));
}

static void a_date_that_does_not_exist_is_refused_by_its_name(void **state)
{
    (void)state;
    assert_none("2027-02-31T00:00:00Z", "there is no 31 February 2027, which has 28 days");
    assert_none("2027-02-31", "there is no 31 February 2027");
    assert_none("2027-04-31 12:00:00", "there is no 31 April 2027, which has 30 days");
    assert_none("2027-02-29", "there is no 29 February 2027");
    assert_none("2100-02-29", "there is no 29 February 2100");
    assert_none("2027-13-01", "there is no month 13");
    assert_none("2027-00-10", "there is no month 0");
    assert_none("2027-01-00", "there is no 0 January 2027");
    assert_none("2027-01-31T24:00:00Z", "there is no hour 24");
    assert_none("2027-01-31T12:60:00Z", "there is no minute 60");
    assert_none("2027-01-31T12:00:61Z", "there is no second 61");
    assert_none("2027-01-31T12:00:00+25:00", "there is no zone +25:00");
    assert_none("1969-12-31", "between the years 1970 and 9999");
}

static void spans_count_from_now(void **state)
{
    (void)state;
    assert_moment("2w", NOW_MS + 14 * DAY_MS);
    assert_moment("90d", NOW_MS + 90 * DAY_MS);
    assert_moment("1week", NOW_MS + 7 * DAY_MS);
    assert_moment("3weeks", NOW_MS + 21 * DAY_MS);
    assert_true(value_moment("2d", true, NOW_MS, &moment));
    assert_true(moment.ms == NOW_MS - 2 * DAY_MS);
    assert_true(value_moment("90000d", true, NOW_MS, &moment));
    assert_true(moment.ms == 1); // long before
    static const char *const of_calendar[] = {"1month", "2months", "1mo", "3mos", "1M",    "1Mo",
                                              "1y",     "1Y",      "1yr", "2yrs", "1year", "2YEARS"};
    for (size_t i = 0; i < sizeof of_calendar / sizeof of_calendar[0]; i++)
        assert_none(of_calendar[i], "months and years differ in length: write days");
    assert_none("1yearly", "give a span");
    assert_true(moment.is_unlike_any);
    assert_none("2925000d", "the latest moment is 9999-12-31T23:59:59Z, so that a span is ");
    assert_none("90000000d", "d at most");
    assert_none("9999999999999999d", "d at most");
    assert_true(value_moment("9999999999999999d", true, NOW_MS, &moment));
    assert_true(moment.ms == 1); // long before
}

static void never_and_unix_milliseconds_are_moments(void **state)
{
    (void)state;
    assert_moment("never", 0);
    assert_moment("2211616800250", UINT64_C(2211616800250));
    assert_none("1700000000", "Unix milliseconds");
    assert_none("", "give a span");
    assert_none("soon", "give a span");
    assert_none("2027-1-31", "give a span");
    assert_none("2027-01-31T", "give a span");
    assert_none("2027-01-31T12:00:00.Z", "give a span");
    assert_none("2027-01-31 ", "give a span");
    assert_none(" 2027-01-31", "give a span");
    assert_none("99999999999999999999999999", "give a span");
}

static void every_word_of_a_span_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } spans[] = {
        {"500ms", 500},    {"0s", 0},
        {"1sec", 1000},    {"2seconds", 2000},
        {"3m", 180000},    {"3min", 180000},
        {"2mins", 120000}, {"1minute", 60000},
        {"1h", 3600000},   {"2hours", 7200000},
        {"1d", 86400000},  {"10days", 864000000},
        {"1w", 604800000}, {"2weeks", 1209600000},
    };
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        uint64_t ms;
        if (!value_span(spans[i].text, &ms) || ms != spans[i].ms)
            fail_msg("%s", spans[i].text);
    }
    static const char *const wrong[] = {"",    "d",   "1",    "1 d",    "-1d",
                                        "1dd", "1ds", "1.5h", "1month", "18446744073709551615d"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t ms;
        if (value_span(wrong[i], &ms))
            fail_msg("\"%s\" was taken", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_and_times_are_read),
        cmocka_unit_test(a_date_that_does_not_exist_is_refused_by_its_name),
        cmocka_unit_test(spans_count_from_now),
        cmocka_unit_test(never_and_unix_milliseconds_are_moments),
        cmocka_unit_test(every_word_of_a_span_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
