// Zones of tzdata: known jumps, the C library as an oracle, rules beyond the list, damaged files.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "unit/fake_random.h"
#include "unit/zone_file.h"

static int64_t utc_s(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    return (int64_t)timegm(&tm);
}

static void known_jumps_are_found(void **state)
{
    (void)state;
    enum { H = 3600, M = 60 };
    const struct {
        const char *name;
        int64_t at_s;
        int32_t before_s, after_s;
    } jumps[] = {
        {"Europe/Berlin", utc_s(2026, 3, 29, 1, 0), H, 2 * H},
        {"Europe/Berlin", utc_s(2026, 10, 25, 1, 0), 2 * H, H},
        {"America/New_York", utc_s(2026, 3, 8, 7, 0), -5 * H, -4 * H},
        {"America/New_York", utc_s(2026, 11, 1, 6, 0), -4 * H, -5 * H},
        {"Australia/Lord_Howe", utc_s(2026, 4, 4, 15, 0), 11 * H, 10 * H + 30 * M},
        {"Australia/Lord_Howe", utc_s(2026, 10, 3, 15, 30), 10 * H + 30 * M, 11 * H},
        {"America/St_Johns", utc_s(2026, 3, 8, 5, 30), -3 * H - 30 * M, -2 * H - 30 * M},
        {"America/St_Johns", utc_s(2010, 11, 7, 2, 31), -2 * H - 30 * M, -3 * H - 30 * M}, // 00:01 there
        {"Pacific/Apia", utc_s(2011, 12, 30, 10, 0), -10 * H, 14 * H},
        {"America/Sao_Paulo", utc_s(2018, 11, 4, 3, 0), -3 * H, -2 * H}, // midnight there
        {"Europe/Dublin", utc_s(2026, 10, 25, 1, 0), H, 0},
        {"Europe/Berlin", utc_s(2100, 3, 28, 1, 0), H, 2 * H}, // by the rule
        {"Europe/Berlin", utc_s(2100, 10, 31, 1, 0), 2 * H, H},
        {"Australia/Sydney", utc_s(2100, 4, 3, 16, 0), 11 * H, 10 * H},
    };
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        struct zone *zone = zone_of_system(jumps[i].name);
        struct zone_segment before = zone_at(zone, jumps[i].at_s - 1), after = zone_at(zone, jumps[i].at_s);
        assert_int_equal(before.offset_s, jumps[i].before_s);
        assert_int_equal(before.end_s, jumps[i].at_s);
        assert_int_equal(after.offset_s, jumps[i].after_s);
        assert_int_equal(after.begin_s, jumps[i].at_s);
        assert_string_equal(zone_name(zone), jumps[i].name);
        zone_free(zone);
    }
    struct zone *kolkata = zone_of_system("Asia/Kolkata");
    assert_int_equal(zone_at(kolkata, utc_s(2026, 6, 1, 0, 0)).offset_s, 5 * H + 30 * M);
    assert_int_equal(zone_at(kolkata, utc_s(2026, 6, 1, 0, 0)).end_s, INT64_MAX);
    zone_free(kolkata);
}

static const char *const oracle_names[] = {
    "Europe/Berlin",       "Europe/Dublin",     "Europe/London",
    "Europe/Moscow",       "Africa/Casablanca", "Africa/Cairo",
    "Africa/Monrovia",     "America/New_York",  "America/St_Johns",
    "America/Sao_Paulo",   "America/Caracas",   "America/Nuuk",
    "America/Los_Angeles", "America/Havana",    "America/Asuncion",
    "Antarctica/Troll",    "Asia/Kolkata",      "Asia/Kathmandu",
    "Asia/Tehran",         "Asia/Gaza",         "Asia/Pyongyang",
    "Asia/Tokyo",          "Asia/Manila",       "Asia/Beirut",
    "Australia/Lord_Howe", "Australia/Sydney",  "Pacific/Apia",
    "Pacific/Kiritimati",  "Pacific/Chatham",   "Pacific/Kwajalein",
    "Pacific/Marquesas",   "Etc/GMT+12",        "Etc/UTC",
};
enum { ORACLES = sizeof oracle_names / sizeof oracle_names[0] };

static int32_t offset_by_c_library(int64_t t_s)
{
    struct tm tm;
    time_t t = (time_t)t_s;
    assert_non_null(localtime_r(&t, &tm));
    return (int32_t)tm.tm_gmtoff;
}

static void use_zone_of_c_library(const char *name)
{
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
}

// Random times, and both sides of every jump until 2100.
static void every_offset_agrees_with_the_c_library(void **state)
{
    (void)state;
    enum { TIMES = 3000 };
    uint64_t random = 5;
    for (size_t i = 0; i < ORACLES; i++) {
        struct zone *zone = zone_of_system(oracle_names[i]);
        use_zone_of_c_library(oracle_names[i]);
        for (int n = 0; n < TIMES; n++) {
            int64_t t_s = utc_s(1920, 1, 1, 0, 0) + (int64_t)fake_below(&random, UINT64_C(20000000000)); // to 2553
            assert_int_equal(zone_at(zone, t_s).offset_s, offset_by_c_library(t_s));
        }
        for (int64_t t_s = utc_s(1970, 1, 1, 0, 0); t_s < utc_s(2100, 1, 1, 0, 0);) {
            struct zone_segment segment = zone_at(zone, t_s);
            assert_true(segment.begin_s <= t_s && t_s < segment.end_s);
            assert_int_equal(segment.offset_s, offset_by_c_library(t_s));
            t_s = segment.end_s;
            if (t_s == INT64_MAX)
                break;
            assert_int_equal(segment.offset_s, offset_by_c_library(t_s - 1));
        }
        zone_free(zone);
    }
    use_zone_of_c_library("UTC");
}

static int64_t local_of(const struct zone *zone, int64_t t_s)
{
    return t_s + zone_at(zone, t_s).offset_s;
}

// The first one: nothing before it shows that time or a later one.
static void a_local_time_has_one_first_moment(void **state)
{
    (void)state;
    enum { TIMES = 400, STEP_S = 900, BEFORE = 5 * 24 * 4 };
    uint64_t random = 6;
    for (size_t i = 0; i < ORACLES; i++) {
        struct zone *zone = zone_of_system(oracle_names[i]);
        for (int n = 0; n < TIMES; n++) {
            int64_t local_s = (int64_t)fake_below(&random, 60000) * 86400; // midnights, to 2134
            int64_t t_s = zone_first_at(zone, local_s);
            assert_true(local_of(zone, t_s) >= local_s);
            assert_true(local_of(zone, t_s - 1) < local_s);
            for (int64_t before = 1; before < (n % 20 == 0 ? BEFORE : 8); before++)
                assert_true(local_of(zone, t_s - before * STEP_S) < local_s);
        }
        zone_free(zone);
    }
    struct zone *apia = zone_of_system("Pacific/Apia"); // had no 30 December 2011
    assert_int_equal(zone_first_at(apia, utc_s(2011, 12, 30, 0, 0)), utc_s(2011, 12, 30, 10, 0));
    assert_int_equal(zone_first_at(apia, utc_s(2011, 12, 31, 0, 0)), utc_s(2011, 12, 30, 10, 0));
    zone_free(apia);
    struct zone *johns = zone_of_system("America/St_Johns"); // at 00:01 it was 23:01 again
    assert_int_equal(zone_first_at(johns, utc_s(2010, 11, 7, 0, 0)), utc_s(2010, 11, 7, 2, 30));
    zone_free(johns);
    assert_int_equal(zone_first_at(NULL, 86400), 86400);
}

static void fixed_offsets_never_jump(void **state)
{
    (void)state;
    struct zone *zone = zone_new_fixed(-(3 * 3600 + 30 * 60));
    assert_string_equal(zone_name(zone), "-03:30");
    assert_int_equal(zone_at(zone, 0).offset_s, -12600);
    assert_int_equal(zone_first_at(zone, 0), 12600);
    zone_free(zone);
    assert_string_equal(zone_name(NULL), ZONE_UTC);
}

// --- rules

static enum status parse_with_footer(const char *footer, struct zone **out)
{
    struct zone_image image;
    zone_image_make(&image, footer);
    return zone_parse(slice_text("Test/Zone"), slice_make(image.bytes, image.size), out);
}

static void rules_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const footers[] = {
        "UTC0",
        "<+0330>-3:30",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",           // daylight time that is behind
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",      // a time before the day
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", // the south, half an hour
        "EST5EDT,J60/2,J300/2",                 // without a leap day
        "EST5EDT,59/2,300/2:30:30",             // with it
        "<+04>-4<+05>,M9.3.4/24,M10.4.4/50",    // hours behind the day
    };
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof footers / sizeof footers[0]; i++) {
        struct zone *zone = NULL;
        assert_int_equal(parse_with_footer(footers[i], &zone), STATUS_OK);
        use_zone_of_c_library(footers[i]);
        for (int n = 0; n < 3000; n++) {
            int64_t t_s = 86400 * 800 + (int64_t)fake_below(&random, UINT64_C(20000000000));
            assert_int_equal(zone_at(zone, t_s).offset_s, offset_by_c_library(t_s));
        }
        zone_free(zone);
    }
    use_zone_of_c_library("UTC");
}

static void daylight_time_all_year_has_no_gap(void **state)
{
    (void)state;
    struct zone *zone = NULL;
    assert_int_equal(parse_with_footer("ABC3EDT4,0/0,J365/23", &zone), STATUS_OK);
    for (int64_t t_s = utc_s(2026, 12, 30, 0, 0); t_s < utc_s(2027, 1, 3, 0, 0); t_s += 600)
        assert_int_equal(zone_at(zone, t_s).offset_s, -4 * 3600);
    zone_free(zone);
}

// The jumps of two years cross over: segments follow each other all the same, with one offset at each moment.
static void rules_that_cross_the_turn_of_the_year_have_no_gap(void **state)
{
    (void)state;
    static const char *const footers[] = {"ABC1EDT4,0/1,J365/23", "ABC-5EDT-7,J365/167,0/-167",
                                          "ABC0EDT-1,0/-167,0/167"};
    for (size_t i = 0; i < sizeof footers / sizeof footers[0]; i++) {
        struct zone *zone = NULL;
        assert_int_equal(parse_with_footer(footers[i], &zone), STATUS_OK);
        for (int64_t t_s = utc_s(2026, 1, 1, 0, 0); t_s < utc_s(2046, 1, 1, 0, 0);) {
            struct zone_segment segment = zone_at(zone, t_s), end = zone_at(zone, segment.end_s - 1);
            assert_true(segment.begin_s <= t_s && t_s < segment.end_s);
            assert_int_equal(end.offset_s, segment.offset_s);
            assert_int_equal(zone_at(zone, segment.end_s).begin_s, segment.end_s);
            t_s = segment.end_s;
        }
        zone_free(zone);
    }
}

static void what_is_no_rule_is_refused(void **state)
{
    (void)state;
    static const char *const footers[] = {
        "C",
        "CET",
        "CET-",
        "CET-26",
        "<+03-3",
        "CET-1CEST",
        "CET-1CEST,",
        "CET-1C,M3.5.0,M10.5.0",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J300",
        "CET-1CEST,366,10",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0x",
        "CET-1:60",
        "CET-99999999999999999999",
        "CET24CEST-26:59,M3.5.0,M10.5.0",
    };
    for (size_t i = 0; i < sizeof footers / sizeof footers[0]; i++) {
        struct zone *zone = NULL;
        assert_int_equal(parse_with_footer(footers[i], &zone), STATUS_DATA_LOSS);
        assert_null(zone);
    }
}

// --- damage

static enum status parse(const uint8_t *bytes, size_t size)
{
    struct zone *zone = NULL;
    uint8_t *exact = malloc(size > 0 ? size : 1); // the sanitizer sees a read beyond it
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    enum status status = zone_parse(slice_text("Test/Zone"), slice_make(exact, size), &zone);
    assert_true((status == STATUS_OK) == (zone != NULL));
    zone_free(zone);
    free(exact);
    return status;
}

static void files_that_are_cut_anywhere_are_refused(void **state)
{
    (void)state;
    static uint8_t bytes[ZONE_FILE_MAX];
    size_t size = zone_read_system("Europe/Berlin", bytes);
    assert_int_equal(parse(bytes, size), STATUS_OK);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(parse(bytes, cut), STATUS_DATA_LOSS);
}

static void absurd_counts_are_refused(void **state)
{
    (void)state;
    static uint8_t bytes[ZONE_FILE_MAX];
    size_t size = zone_read_system("America/New_York", bytes);
    for (size_t at = 20; at < 44; at++) {
        for (size_t header = 0; header < 2; header++) {
            uint8_t *byte = &bytes[at + (header == 0 ? 0 : zone_second_header(bytes))];
            uint8_t kept = *byte;
            *byte = 0xff;
            assert_int_equal(parse(bytes, size), STATUS_DATA_LOSS);
            *byte = kept;
        }
    }
    assert_int_equal(parse(bytes, size), STATUS_OK);
}

static void files_with_a_damaged_byte_are_refused_or_stay_within_bounds(void **state)
{
    (void)state;
    static uint8_t bytes[ZONE_FILE_MAX];
    size_t size = zone_read_system("Pacific/Apia", bytes);
    uint64_t random = 8;
    for (int i = 0; i < 20000; i++) {
        uint8_t *byte = &bytes[fake_below(&random, size)];
        uint8_t kept = *byte;
        struct zone *zone = NULL;
        *byte = (uint8_t)fake_random(&random);
        if (zone_parse(slice_text("Test/Zone"), slice_make(bytes, size), &zone) == STATUS_OK) {
            int64_t t_s = (int64_t)fake_below(&random, UINT64_C(10000000000));
            struct zone_segment segment = zone_at(zone, t_s);
            assert_true(segment.begin_s <= t_s && t_s < segment.end_s);
            int64_t first_s = zone_first_at(zone, t_s);
            assert_true(first_s + 26 * 3600 >= t_s && first_s <= t_s + 26 * 3600);
        }
        zone_free(zone);
        *byte = kept;
    }
}

static void other_kinds_of_files_are_refused(void **state)
{
    (void)state;
    struct zone_image image;
    zone_image_make(&image, "UTC0");
    assert_int_equal(parse(image.bytes, image.size), STATUS_OK);
    image.bytes[4] = image.bytes[48] = '\0'; // version 1 has no rule
    assert_int_equal(parse(image.bytes, image.size), STATUS_DATA_LOSS);
    zone_image_make(&image, "UTC0");
    image.bytes[0] = 't';
    assert_int_equal(parse(image.bytes, image.size), STATUS_DATA_LOSS);
    zone_image_make_leap(&image); // as below right/
    assert_int_equal(parse(image.bytes, image.size), STATUS_DATA_LOSS);
    zone_image_make_offset(&image, 26 * 3600);
    assert_int_equal(parse(image.bytes, image.size), STATUS_DATA_LOSS);
    zone_image_make_offset(&image, 26 * 3600 - 1);
    assert_int_equal(parse(image.bytes, image.size), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_jumps_are_found),
        cmocka_unit_test(every_offset_agrees_with_the_c_library),
        cmocka_unit_test(a_local_time_has_one_first_moment),
        cmocka_unit_test(fixed_offsets_never_jump),
        cmocka_unit_test(rules_agree_with_the_c_library),
        cmocka_unit_test(daylight_time_all_year_has_no_gap),
        cmocka_unit_test(rules_that_cross_the_turn_of_the_year_have_no_gap),
        cmocka_unit_test(what_is_no_rule_is_refused),
        cmocka_unit_test(files_that_are_cut_anywhere_are_refused),
        cmocka_unit_test(absurd_counts_are_refused),
        cmocka_unit_test(files_with_a_damaged_byte_are_refused_or_stay_within_bounds),
        cmocka_unit_test(other_kinds_of_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
