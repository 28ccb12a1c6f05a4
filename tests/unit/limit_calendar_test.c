#include <time.h>

#include "limit/calendar.h"
#include "unit/limit_fake.h"

static uint64_t utc_ms(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    return (uint64_t)timegm(&tm) * 1000;
}

static struct limit_span span_at(const struct limit_rate *rate, uint64_t t)
{
    return limit_calendar_span(rate, limit_calendar_index(rate, t));
}

static void assert_span(struct limit_span span, uint64_t begin_ms, uint64_t end_ms)
{
    assert_int_equal(span.begin_ms, begin_ms);
    assert_int_equal(span.end_ms, end_ms);
}

static void months_have_their_lengths(void **state)
{
    (void)state;
    struct limit_rate month = {.period = LIMIT_MONTH};
    assert_span(span_at(&month, utc_ms(2024, 2, 29, 23, 59)), utc_ms(2024, 2, 1, 0, 0), utc_ms(2024, 3, 1, 0, 0));
    assert_span(span_at(&month, utc_ms(2023, 2, 28, 23, 59)), utc_ms(2023, 2, 1, 0, 0), utc_ms(2023, 3, 1, 0, 0));
    assert_span(span_at(&month, utc_ms(2000, 2, 29, 0, 0)), utc_ms(2000, 2, 1, 0, 0), utc_ms(2000, 3, 1, 0, 0));
    assert_span(span_at(&month, utc_ms(2100, 2, 28, 0, 0)), utc_ms(2100, 2, 1, 0, 0), utc_ms(2100, 3, 1, 0, 0));
    assert_span(span_at(&month, utc_ms(2025, 12, 31, 23, 59)), utc_ms(2025, 12, 1, 0, 0), utc_ms(2026, 1, 1, 0, 0));
    assert_span(span_at(&month, utc_ms(2025, 4, 30, 12, 0)), utc_ms(2025, 4, 1, 0, 0), utc_ms(2025, 5, 1, 0, 0));
}

static void every_month_for_two_centuries_agrees_with_the_c_library(void **state)
{
    (void)state;
    struct limit_rate month = {.period = LIMIT_MONTH};
    for (int year = 1970; year < 2170; year++) {
        for (int number = 1; number <= 12; number++) {
            uint64_t begin_ms = utc_ms(year, number, 1, 0, 0), end_ms = utc_ms(year, number + 1, 1, 0, 0);
            assert_span(span_at(&month, begin_ms), begin_ms, end_ms);
            assert_span(span_at(&month, end_ms - 1), begin_ms, end_ms);
        }
    }
}

static void offset_moves_the_boundaries_of_days_and_months(void **state)
{
    (void)state;
    struct limit_rate day = {.period = LIMIT_DAY, .window_ms = 86400000, .utc_offset_s = 2 * 3600};
    assert_span(span_at(&day, utc_ms(2024, 6, 1, 21, 59)), utc_ms(2024, 5, 31, 22, 0), utc_ms(2024, 6, 1, 22, 0));
    assert_span(span_at(&day, utc_ms(2024, 6, 1, 22, 0)), utc_ms(2024, 6, 1, 22, 0), utc_ms(2024, 6, 2, 22, 0));
    struct limit_rate month = {.period = LIMIT_MONTH, .utc_offset_s = -5 * 3600};
    assert_span(span_at(&month, utc_ms(2024, 3, 1, 4, 59)), utc_ms(2024, 2, 1, 5, 0), utc_ms(2024, 3, 1, 5, 0));
    assert_span(span_at(&month, utc_ms(2024, 3, 1, 5, 0)), utc_ms(2024, 3, 1, 5, 0), utc_ms(2024, 4, 1, 5, 0));
    struct limit_rate hour = {.period = LIMIT_HOUR, .window_ms = 3600000, .utc_offset_s = 5 * 3600 + 1800};
    assert_span(span_at(&hour, utc_ms(2024, 6, 1, 10, 29)), utc_ms(2024, 6, 1, 9, 30), utc_ms(2024, 6, 1, 10, 30));
}

static void weeks_begin_on_mondays(void **state)
{
    (void)state;
    struct limit_rate week = {.period = LIMIT_WEEK, .window_ms = 7 * UINT64_C(86400000)};
    // 2026-11-30 is a Monday; week 53 of 2026 goes into 2027.
    assert_span(span_at(&week, utc_ms(2026, 11, 30, 0, 0)), utc_ms(2026, 11, 30, 0, 0), utc_ms(2026, 12, 7, 0, 0));
    assert_span(span_at(&week, utc_ms(2026, 11, 29, 23, 59)), utc_ms(2026, 11, 23, 0, 0), utc_ms(2026, 11, 30, 0, 0));
    assert_span(span_at(&week, utc_ms(2027, 1, 1, 12, 0)), utc_ms(2026, 12, 28, 0, 0), utc_ms(2027, 1, 4, 0, 0));
    week.utc_offset_s = 3600;
    assert_span(span_at(&week, utc_ms(2026, 11, 29, 23, 0)), utc_ms(2026, 11, 29, 23, 0), utc_ms(2026, 12, 6, 23, 0));
}

static void years_have_their_lengths(void **state)
{
    (void)state;
    struct limit_rate year = {.period = LIMIT_YEAR};
    for (int number = 1970; number < 2170; number++) {
        uint64_t begin_ms = utc_ms(number, 1, 1, 0, 0), end_ms = utc_ms(number + 1, 1, 1, 0, 0);
        assert_span(span_at(&year, begin_ms), begin_ms, end_ms);
        assert_span(span_at(&year, end_ms - 1), begin_ms, end_ms);
    }
    year.utc_offset_s = -5 * 3600;
    assert_span(span_at(&year, utc_ms(2028, 1, 1, 4, 59)), utc_ms(2027, 1, 1, 5, 0), utc_ms(2028, 1, 1, 5, 0));
}

static void a_total_never_ends(void **state)
{
    (void)state;
    struct limit_rate total = {.period = LIMIT_TOTAL, .utc_offset_s = 3600};
    assert_span(span_at(&total, utc_ms(1970, 1, 1, 0, 0)), 0, LIMIT_NEVER_MS);
    assert_span(span_at(&total, utc_ms(9999, 12, 31, 23, 59)), 0, LIMIT_NEVER_MS);
}

static void plain_windows_are_counted_from_the_epoch_whatever_the_offset(void **state)
{
    (void)state;
    struct limit_rate rate = {.window_ms = 90000, .utc_offset_s = 3600};
    assert_span(span_at(&rate, 90000 * UINT64_C(17)), 90000 * UINT64_C(17), 90000 * UINT64_C(18));
    assert_span(span_at(&rate, 90000 * UINT64_C(18) - 1), 90000 * UINT64_C(17), 90000 * UINT64_C(18));
}

static void windows_are_without_gaps_and_in_order(void **state)
{
    (void)state;
    static const uint64_t windows[] = {0, 60000, 3600000, 86400000, 604800000, 0};
    static const enum limit_period periods[] = {LIMIT_MONTH, LIMIT_MINUTE, LIMIT_HOUR,
                                                LIMIT_DAY,   LIMIT_WEEK,   LIMIT_YEAR};
    uint64_t random = 3;
    for (int i = 0; i < 100000; i++) {
        size_t kind = fake_below(&random, 6);
        struct limit_rate rate = {.period = periods[kind], .window_ms = windows[kind]};
        rate.utc_offset_s = (int32_t)fake_below(&random, 2 * 50400) - 50400;
        uint64_t t = 86400000 + fake_below(&random, UINT64_C(6000000000000));
        uint64_t index = limit_calendar_index(&rate, t);
        struct limit_span span = limit_calendar_span(&rate, index);
        assert_true(span.begin_ms <= t && t < span.end_ms);
        assert_int_equal(limit_calendar_span(&rate, index + 1).begin_ms, span.end_ms);
        assert_int_equal(limit_calendar_index(&rate, span.end_ms), index + 1);
    }
}

static void absurd_window_numbers_of_a_damaged_record_stay_far_away(void **state)
{
    (void)state;
    struct limit_rate month = {.period = LIMIT_MONTH}, minute = {.window_ms = 60000};
    static const enum limit_period others[] = {LIMIT_WEEK, LIMIT_YEAR, LIMIT_TOTAL};
    for (size_t i = 0; i < 3; i++) {
        struct limit_rate rate = {.period = others[i], .window_ms = 604800000};
        assert_true(limit_calendar_span(&rate, UINT64_MAX).end_ms > utc_ms(9999, 1, 1, 0, 0));
        assert_int_equal(limit_calendar_span(&rate, 0).begin_ms, 0);
    }
    assert_true(limit_calendar_span(&month, UINT64_MAX).end_ms > utc_ms(9999, 1, 1, 0, 0));
    assert_true(limit_calendar_span(&minute, UINT64_MAX).end_ms > utc_ms(9999, 1, 1, 0, 0));
    assert_int_equal(limit_calendar_span(&month, 0).begin_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(months_have_their_lengths),
        cmocka_unit_test(every_month_for_two_centuries_agrees_with_the_c_library),
        cmocka_unit_test(offset_moves_the_boundaries_of_days_and_months),
        cmocka_unit_test(weeks_begin_on_mondays),
        cmocka_unit_test(years_have_their_lengths),
        cmocka_unit_test(a_total_never_ends),
        cmocka_unit_test(plain_windows_are_counted_from_the_epoch_whatever_the_offset),
        cmocka_unit_test(windows_are_without_gaps_and_in_order),
        cmocka_unit_test(absurd_window_numbers_of_a_damaged_record_stay_far_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
