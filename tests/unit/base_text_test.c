// Numbers and bytes in text.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/text.h"

static void number_is_taken_and_the_rest_stays(void **state)
{
    (void)state;
    uint64_t number = 0;
    struct slice rest = slice_text("0042 keys");
    assert_true(text_take_number(&rest, &number));
    assert_true(number == 42);
    assert_true(slice_equal(rest, slice_text(" keys")));
    rest = slice_text("18446744073709551615");
    assert_true(text_take_number(&rest, &number));
    assert_true(number == UINT64_MAX && rest.size == 0);
}

static void what_is_no_number_or_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " 1", "-1", "+1", "x", "18446744073709551616", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t number = 0;
        struct slice rest = slice_text(bad[i]);
        if (text_take_number(&rest, &number))
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void hex_goes_there_and_back(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0x9a, 0xff};
    uint8_t back[sizeof bytes];
    char text[2 * sizeof bytes + 1];
    text_format_hex(bytes, sizeof bytes, text);
    assert_string_equal(text, "000ff09aff");
    struct slice rest = slice_text("000ff09aff0");
    assert_true(text_take_hex(&rest, back, sizeof back));
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_int_equal(rest.size, 1);
}

static void other_digits_and_too_few_are_no_hex(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "0g00", "00g0", "FF00", "000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t out[2];
        struct slice rest = slice_text(bad[i]);
        if (text_take_hex(&rest, out, sizeof out))
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void times_are_written_for_people(void **state)
{
    (void)state;
    char out[TEXT_TIME_SIZE];
    assert_string_equal(text_format_moment(UINT64_C(1769860800000), out), "2026-01-31T12:00:00Z");
    assert_string_equal(text_format_moment(UINT64_C(1769860800050), out), "2026-01-31T12:00:00.050Z");
    assert_string_equal(text_format_moment(UINT64_C(253402300799999), out), "9999-12-31T23:59:59.999Z");
    static const struct {
        uint64_t ms;
        const char *text;
    } spans[] = {
        {0, "0 s"},
        {1, "0.001 s"},
        {12500, "12.5 s"},
        {60000, "1 min"},
        {61999, "1 min 1 s"},
        {7260000, "2 h 1 min"},
        {86400000, "1 day"},
        {UINT64_C(2592000000), "30 days"},
        {UINT64_C(2678400001), "31 days"},
        {UINT64_C(2674800000), "30 days 23 h"},
    };
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        assert_string_equal(text_format_span(spans[i].ms, out), spans[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_is_taken_and_the_rest_stays),
        cmocka_unit_test(what_is_no_number_or_does_not_fit_is_refused),
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(other_digits_and_too_few_are_no_hex),
        cmocka_unit_test(times_are_written_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
