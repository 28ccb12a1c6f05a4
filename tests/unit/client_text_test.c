// Numbers in text from outside, as libpostern reads them.
#include "../../client/src/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_number(const char *text, size_t digits, uint64_t expected)
{
    uint64_t number = 77;
    assert_int_equal(postern_text_digits(text, strlen(text), &number), digits);
    assert_int_equal(number, expected);
}

static void digits_are_read_up_to_the_first_other_byte(void **state)
{
    (void)state;
    assert_number("0", 1, 0);
    assert_number("65535", 5, 65535);
    assert_number("0042min", 4, 42);
    assert_number("18446744073709551615", 20, UINT64_MAX);
}

static void nothing_but_digits_is_a_number(void **state)
{
    (void)state;
    const char *const texts[] = {"", " 1", "+1", "-1", "x", "/", ":"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_number(texts[i], 0, 0);
}

static void a_number_that_does_not_fit_becomes_the_largest_one(void **state)
{
    (void)state;
    assert_number("18446744073709551616", 20, UINT64_MAX);
    assert_number("99999999999999999999", 20, UINT64_MAX);
    assert_number("1844674407370955161600000000000000000000", 40, UINT64_MAX);
}

static void no_byte_behind_the_text_is_read(void **state)
{
    (void)state;
    uint64_t number;
    assert_int_equal(postern_text_digits("1234", 2, &number), 2);
    assert_int_equal(number, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_read_up_to_the_first_other_byte),
        cmocka_unit_test(nothing_but_digits_is_a_number),
        cmocka_unit_test(a_number_that_does_not_fit_becomes_the_largest_one),
        cmocka_unit_test(no_byte_behind_the_text_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
