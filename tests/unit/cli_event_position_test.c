// Where a reader of events is, as text.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "event_position.h"

static void assert_same(const char *text, const char *expected)
{
    struct event_position position;
    char again[EVENT_POSITION_SIZE];
    assert_true(event_position_parse(text, &position));
    event_position_format(&position, again);
    assert_string_equal(again, expected);
    event_position_wipe(&position);
}

static void text_and_position_are_the_same(void **state)
{
    (void)state;
    assert_same("17/1796050000000/1796047200000", "17/1796050000000/1796047200000");
    assert_same("17.2/0/0", "17.2/0/0");
    assert_same("0/1.0123456789abcDE/3600000+0123456789abcDE3+abcde01234ABCDE7",
                "0/1.0123456789abcDE/3600000+0123456789abcDE3+abcde01234ABCDE7");
    assert_same("18446744073709551615.18446744073709551615/18446744073709551615.0123456789abcDE/18446744073709551615",
                "18446744073709551615.18446744073709551615/18446744073709551615.0123456789abcDE/18446744073709551615");
}

static void sequence_alone_has_no_times(void **state)
{
    struct event_position position;
    (void)state;
    assert_true(event_position_parse("17", &position));
    assert_int_equal(position.seq, 17);
    assert_false(position.has_times);
    assert_true(event_position_parse("17/0/0", &position));
    assert_true(position.has_times);
}

static void what_is_no_position_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "now",
                                        "-1",
                                        "17 ",
                                        "17.",
                                        "0.1",
                                        "17/",
                                        "17/1",
                                        "17/1/",
                                        "17/1./2",
                                        "17/1.key/2",
                                        "17/1/2+",
                                        "17/1/2+0123456789abcDE",
                                        "17/1/2+0123456789abcDE0",
                                        "17/1/2+0123456789abcDE8",
                                        "17/1/2+0123456789abc-E1",
                                        "18446744073709551616/0/0",
                                        "17/1/2+0123456789abcDE1x"};
    struct event_position position;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (event_position_parse(texts[i], &position))
            fail_msg("\"%s\" was taken", texts[i]);
}

static void flag_of_a_key_is_seen_once_in_an_hour(void **state)
{
    struct event_position position = {0};
    (void)state;
    event_position_turn(&position, 3600000);
    assert_int_equal(event_position_see(&position, "key_0123456789abcDE", 1), 1);
    assert_int_equal(event_position_see(&position, "key_0123456789abcDE", 1), 0);
    assert_int_equal(event_position_see(&position, "key_0123456789abcDE", 5), 4);
    assert_int_equal(event_position_see(&position, "key_1123456789abcDE", 5), 5);
    assert_int_equal(event_position_see(&position, "no key id", 5), 0);
    event_position_turn(&position, 7200000);
    assert_int_equal(event_position_see(&position, "key_0123456789abcDE", 1), 1);
    event_position_wipe(&position);
}

static void text_fits_however_many_were_seen(void **state)
{
    struct event_position position = {.seq = UINT64_MAX, .parts = UINT64_MAX, .expiry_ms = UINT64_MAX};
    struct event_position read;
    char key_id[24], text[EVENT_POSITION_SIZE];
    (void)state;
    event_position_turn(&position, UINT64_MAX);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key_id, sizeof key_id, "key_%015u", i);
        assert_int_equal(event_position_see(&position, key_id, 7), 7);
    }
    memcpy(position.expiry_key, "0123456789abcDE", sizeof position.expiry_key);
    event_position_format(&position, text);
    assert_true(event_position_parse(text, &read));
    assert_int_equal(read.seen_count, EVENT_SEEN_TOLD);
    assert_int_equal(event_position_see(&read, "key_000000000000999", 7), 0);
    assert_int_equal(event_position_see(&read, "key_000000000000000", 7), 7);
    event_position_wipe(&position);
    event_position_wipe(&read);
}

static void notice_is_printed_up_to_the_position_and_not_behind_it(void **state)
{
    struct event_position position = {.expiry_ms = 100};
    (void)state;
    assert_true(event_position_has_expiry(&position, 99, "zzzzzzzzzzzzzzz"));
    assert_true(event_position_has_expiry(&position, 100, "zzzzzzzzzzzzzzz"));
    assert_false(event_position_has_expiry(&position, 101, "000000000000000"));
    memcpy(position.expiry_key, "0123456789abcDE", sizeof position.expiry_key);
    assert_true(event_position_has_expiry(&position, 100, "0123456789abcDE"));
    assert_false(event_position_has_expiry(&position, 100, "0123456789abcDF"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_position_are_the_same),
        cmocka_unit_test(sequence_alone_has_no_times),
        cmocka_unit_test(what_is_no_position_is_refused),
        cmocka_unit_test(flag_of_a_key_is_seen_once_in_an_hour),
        cmocka_unit_test(text_fits_however_many_were_seen),
        cmocka_unit_test(notice_is_printed_up_to_the_position_and_not_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
