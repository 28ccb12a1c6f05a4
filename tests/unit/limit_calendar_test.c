#include <time.h>

#include "limit/calendar.h"
#include "unit/limit_fake.h"
#include "unit/zone_file.h"

static uint64_t utc_ms(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    return (uint64_t)timegm(&tm) * 1000;
}

static struct limit_span span_at(const struct limit_rate *rate, uint64_t t)
{
    struct limit_span span = limit_calendar_window(rate, t);
    assert_true(span.begin_ms <= t && t < span.end_ms);
    return span;
}

static void assert_span(struct limit_span span, uint64_t begin_ms, uint64_t end_ms)
{
    assert_int_equal(span.begin_ms, begin_ms);
    assert_int_equal(span.end_ms, end_ms);
}

static void free_zone(const struct limit_rate *rate)
{
    zone_free((struct zone *)(uintptr_t)rate->zone); // the test's own
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
    struct zone *east = zone_new_fixed(2 * 3600), *west = zone_new_fixed(-5 * 3600), *half = zone_new_fixed(19800);
    struct limit_rate day = {.period = LIMIT_DAY, .window_ms = 86400000, .zone = east};
    assert_span(span_at(&day, utc_ms(2024, 6, 1, 21, 59)), utc_ms(2024, 5, 31, 22, 0), utc_ms(2024, 6, 1, 22, 0));
    assert_span(span_at(&day, utc_ms(2024, 6, 1, 22, 0)), utc_ms(2024, 6, 1, 22, 0), utc_ms(2024, 6, 2, 22, 0));
    struct limit_rate month = {.period = LIMIT_MONTH, .zone = west};
    assert_span(span_at(&month, utc_ms(2024, 3, 1, 4, 59)), utc_ms(2024, 2, 1, 5, 0), utc_ms(2024, 3, 1, 5, 0));
    assert_span(span_at(&month, utc_ms(2024, 3, 1, 5, 0)), utc_ms(2024, 3, 1, 5, 0), utc_ms(2024, 4, 1, 5, 0));
    struct limit_rate hour = {.period = LIMIT_HOUR, .window_ms = 3600000, .zone = half};
    assert_span(span_at(&hour, utc_ms(2024, 6, 1, 10, 29)), utc_ms(2024, 6, 1, 9, 30), utc_ms(2024, 6, 1, 10, 30));
    zone_free(east);
    zone_free(west);
    zone_free(half);
}

static void weeks_begin_on_mondays(void **state)
{
    (void)state;
    struct limit_rate week = {.period = LIMIT_WEEK, .window_ms = 7 * UINT64_C(86400000)};
    // 2026-11-30 is a Monday; week 53 of 2026 goes into 2027.
    assert_span(span_at(&week, utc_ms(2026, 11, 30, 0, 0)), utc_ms(2026, 11, 30, 0, 0), utc_ms(2026, 12, 7, 0, 0));
    assert_span(span_at(&week, utc_ms(2026, 11, 29, 23, 59)), utc_ms(2026, 11, 23, 0, 0), utc_ms(2026, 11, 30, 0, 0));
    assert_span(span_at(&week, utc_ms(2027, 1, 1, 12, 0)), utc_ms(2026, 12, 28, 0, 0), utc_ms(2027, 1, 4, 0, 0));
    struct zone *east = zone_new_fixed(3600);
    week.zone = east;
    assert_span(span_at(&week, utc_ms(2026, 11, 29, 23, 0)), utc_ms(2026, 11, 29, 23, 0), utc_ms(2026, 12, 6, 23, 0));
    zone_free(east);
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
    struct zone *west = zone_new_fixed(-5 * 3600);
    year.zone = west;
    assert_span(span_at(&year, utc_ms(2028, 1, 1, 4, 59)), utc_ms(2027, 1, 1, 5, 0), utc_ms(2028, 1, 1, 5, 0));
    zone_free(west);
}

static void a_total_never_ends(void **state)
{
    (void)state;
    struct limit_rate total = {.period = LIMIT_TOTAL};
    assert_span(span_at(&total, utc_ms(1970, 1, 1, 0, 0)), 0, LIMIT_NEVER_MS);
    assert_span(span_at(&total, utc_ms(9999, 12, 31, 23, 59)), 0, LIMIT_NEVER_MS);
}

static void plain_windows_are_counted_from_the_epoch(void **state)
{
    (void)state;
    struct limit_rate rate = {.window_ms = 90000};
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
        rate.zone = zone_new_fixed(((int32_t)fake_below(&random, 2 * 840) - 840) * 60);
        uint64_t t = 86400000 + fake_below(&random, UINT64_C(6000000000000));
        uint64_t index = limit_calendar_index(&rate, t);
        struct limit_span span = limit_calendar_span(&rate, index);
        assert_true(span.begin_ms <= t && t < span.end_ms);
        assert_int_equal(limit_calendar_span(&rate, index + 1).begin_ms, span.end_ms);
        assert_int_equal(limit_calendar_index(&rate, span.end_ms), index + 1);
        assert_span(limit_calendar_window(&rate, t), span.begin_ms, span.end_ms);
        free_zone(&rate);
    }
}

// --- zones whose clocks are put forward and back

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

static struct limit_rate rate_in(const char *zone, enum limit_period period)
{
    static const uint64_t windows[] = {[LIMIT_MINUTE] = 60000,
                                       [LIMIT_HOUR] = HOUR_MS,
                                       [LIMIT_DAY] = DAY_MS,
                                       [LIMIT_WEEK] = UINT64_C(7) * DAY_MS,
                                       [LIMIT_TOTAL] = 0};
    return (struct limit_rate){.period = period, .window_ms = windows[period], .zone = zone_of_system(zone)};
}

static void days_have_23_and_25_hours(void **state)
{
    (void)state;
    struct limit_rate day = rate_in("Europe/Berlin", LIMIT_DAY);
    assert_span(span_at(&day, utc_ms(2026, 3, 29, 12, 0)), utc_ms(2026, 3, 28, 23, 0), utc_ms(2026, 3, 29, 22, 0));
    assert_span(span_at(&day, utc_ms(2026, 3, 28, 23, 0)), utc_ms(2026, 3, 28, 23, 0), utc_ms(2026, 3, 29, 22, 0));
    assert_span(span_at(&day, utc_ms(2026, 10, 25, 22, 59)), utc_ms(2026, 10, 24, 22, 0), utc_ms(2026, 10, 25, 23, 0));
    assert_span(span_at(&day, utc_ms(2026, 7, 1, 22, 0)), utc_ms(2026, 7, 1, 22, 0), utc_ms(2026, 7, 2, 22, 0));
    free_zone(&day);
    struct limit_rate week = rate_in("America/New_York", LIMIT_WEEK); // of 167 hours
    assert_span(span_at(&week, utc_ms(2026, 3, 8, 12, 0)), utc_ms(2026, 3, 2, 5, 0), utc_ms(2026, 3, 9, 4, 0));
    week.period = LIMIT_MONTH;
    assert_span(span_at(&week, utc_ms(2026, 11, 15, 0, 0)), utc_ms(2026, 11, 1, 4, 0), utc_ms(2026, 12, 1, 5, 0));
    week.period = LIMIT_YEAR;
    assert_span(span_at(&week, utc_ms(2026, 7, 1, 0, 0)), utc_ms(2026, 1, 1, 5, 0), utc_ms(2027, 1, 1, 5, 0));
    free_zone(&week);
    struct limit_rate late = rate_in("Europe/Berlin", LIMIT_DAY); // by the rule, beyond what tzdata lists
    assert_span(span_at(&late, utc_ms(2100, 3, 28, 12, 0)), utc_ms(2100, 3, 27, 23, 0), utc_ms(2100, 3, 28, 22, 0));
    free_zone(&late);
}

static void midnights_that_do_not_exist_or_come_twice_part_days(void **state)
{
    (void)state;
    struct limit_rate day = rate_in("America/Sao_Paulo", LIMIT_DAY); // 2018-11-04 began at 01:00
    assert_span(span_at(&day, utc_ms(2018, 11, 4, 3, 0)), utc_ms(2018, 11, 4, 3, 0), utc_ms(2018, 11, 5, 2, 0));
    assert_span(span_at(&day, utc_ms(2018, 11, 4, 2, 59)), utc_ms(2018, 11, 3, 3, 0), utc_ms(2018, 11, 4, 3, 0));
    // 2018-02-17 was 25 hours long: at midnight it was 23:00 again.
    assert_span(span_at(&day, utc_ms(2018, 2, 18, 2, 30)), utc_ms(2018, 2, 17, 2, 0), utc_ms(2018, 2, 18, 3, 0));
    free_zone(&day);
    day = rate_in("America/St_Johns", LIMIT_DAY); // 2010-11-07 at 00:01 it was the day before, 23:01, again
    assert_span(span_at(&day, utc_ms(2010, 11, 7, 2, 30)), utc_ms(2010, 11, 7, 2, 30), utc_ms(2010, 11, 8, 3, 30));
    assert_span(span_at(&day, utc_ms(2010, 11, 7, 3, 0)), utc_ms(2010, 11, 7, 2, 30), utc_ms(2010, 11, 8, 3, 30));
    free_zone(&day);
    day = rate_in("Pacific/Apia", LIMIT_DAY); // had no 2011-12-30
    assert_span(span_at(&day, utc_ms(2011, 12, 30, 9, 59)), utc_ms(2011, 12, 29, 10, 0), utc_ms(2011, 12, 30, 10, 0));
    assert_span(span_at(&day, utc_ms(2011, 12, 30, 10, 0)), utc_ms(2011, 12, 30, 10, 0), utc_ms(2011, 12, 31, 10, 0));
    free_zone(&day);
}

static void hours_that_come_twice_are_two(void **state)
{
    (void)state;
    struct limit_rate hour = rate_in("Europe/Berlin", LIMIT_HOUR);
    assert_span(span_at(&hour, utc_ms(2026, 10, 25, 0, 30)), utc_ms(2026, 10, 25, 0, 0), utc_ms(2026, 10, 25, 1, 0));
    assert_span(span_at(&hour, utc_ms(2026, 10, 25, 1, 30)), utc_ms(2026, 10, 25, 1, 0), utc_ms(2026, 10, 25, 2, 0));
    hour.period = LIMIT_MINUTE;
    hour.window_ms = 60000;
    assert_span(span_at(&hour, utc_ms(2026, 10, 25, 1, 30)), utc_ms(2026, 10, 25, 1, 30), utc_ms(2026, 10, 25, 1, 31));
    free_zone(&hour);
    hour = rate_in("Asia/Kolkata", LIMIT_HOUR);
    assert_span(span_at(&hour, utc_ms(2026, 6, 1, 10, 29)), utc_ms(2026, 6, 1, 9, 30), utc_ms(2026, 6, 1, 10, 30));
    free_zone(&hour);
    hour = rate_in("Australia/Lord_Howe", LIMIT_HOUR); // half an hour comes twice, and is cut off in spring
    assert_span(span_at(&hour, utc_ms(2026, 4, 4, 14, 59)), utc_ms(2026, 4, 4, 14, 0), utc_ms(2026, 4, 4, 15, 0));
    assert_span(span_at(&hour, utc_ms(2026, 4, 4, 15, 0)), utc_ms(2026, 4, 4, 15, 0), utc_ms(2026, 4, 4, 15, 30));
    assert_span(span_at(&hour, utc_ms(2026, 4, 4, 15, 30)), utc_ms(2026, 4, 4, 15, 30), utc_ms(2026, 4, 4, 16, 30));
    assert_span(span_at(&hour, utc_ms(2026, 10, 3, 15, 29)), utc_ms(2026, 10, 3, 14, 30), utc_ms(2026, 10, 3, 15, 30));
    assert_span(span_at(&hour, utc_ms(2026, 10, 3, 15, 30)), utc_ms(2026, 10, 3, 15, 30), utc_ms(2026, 10, 3, 16, 0));
    free_zone(&hour);
}

static const char *const jumping[] = {"Europe/Berlin",     "America/New_York",  "Australia/Lord_Howe",
                                      "America/St_Johns",  "America/Sao_Paulo", "Pacific/Apia",
                                      "Africa/Casablanca", "Asia/Gaza"};
enum { JUMPING = sizeof jumping / sizeof jumping[0] };

// Each moment is in one window: those that are walked through follow each other, and who asks in one finds it.
static void windows_of_every_zone_have_no_gaps_and_do_not_overlap(void **state)
{
    (void)state;
    uint64_t random = 11;
    for (size_t i = 0; i < (size_t)JUMPING * LIMIT_YEAR; i++) {
        struct limit_rate rate = rate_in(jumping[i % JUMPING], (enum limit_period)(1 + i / JUMPING));
        for (int run = 0; run < 20; run++) {
            uint64_t t = utc_ms(1971, 1, 1, 0, 0) + fake_below(&random, UINT64_C(4000000000000)); // to 2097
            struct limit_span span = span_at(&rate, t);
            for (int n = 0; n < 60; n++) {
                uint64_t inside = span.begin_ms + fake_below(&random, span.end_ms - span.begin_ms);
                assert_span(span_at(&rate, inside), span.begin_ms, span.end_ms);
                assert_span(span_at(&rate, span.end_ms - 1), span.begin_ms, span.end_ms);
                uint64_t index = limit_calendar_index(&rate, span.begin_ms);
                struct limit_span next = span_at(&rate, span.end_ms);
                assert_int_equal(next.begin_ms, span.end_ms);
                assert_true(limit_calendar_index(&rate, next.begin_ms) >= index);
                span = next;
            }
        }
        free_zone(&rate);
    }
}

// Around every jump: a day begins where the local date of the C library grows beyond all that were before.
static void days_begin_where_the_c_library_has_a_new_date(void **state)
{
    (void)state;
    for (size_t i = 0; i < JUMPING; i++) {
        struct limit_rate day = rate_in(jumping[i], LIMIT_DAY);
        assert_int_equal(setenv("TZ", jumping[i], 1), 0);
        tzset();
        long newest = 0;
        uint64_t begin_ms = 0;
        for (time_t t = (time_t)(utc_ms(2010, 1, 1, 0, 0) / 1000); t < (time_t)(utc_ms(2012, 2, 1, 0, 0) / 1000);
             t += 60) {
            struct tm tm;
            assert_non_null(localtime_r(&t, &tm));
            long date = tm.tm_year * 400L + tm.tm_yday;
            if (date > newest && newest > 0)
                begin_ms = (uint64_t)t * 1000;
            newest = date > newest ? date : newest;
            if (begin_ms > 0 && t % 1200 == 0)
                assert_int_equal(span_at(&day, (uint64_t)t * 1000).begin_ms, begin_ms);
        }
        free_zone(&day);
    }
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
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
        cmocka_unit_test(plain_windows_are_counted_from_the_epoch),
        cmocka_unit_test(windows_are_without_gaps_and_in_order),
        cmocka_unit_test(days_have_23_and_25_hours),
        cmocka_unit_test(midnights_that_do_not_exist_or_come_twice_part_days),
        cmocka_unit_test(hours_that_come_twice_are_two),
        cmocka_unit_test(windows_of_every_zone_have_no_gaps_and_do_not_overlap),
        cmocka_unit_test(days_begin_where_the_c_library_has_a_new_date),
        cmocka_unit_test(absurd_window_numbers_of_a_damaged_record_stay_far_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
