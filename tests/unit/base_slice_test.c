#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

#define LITERAL(text) slice_make(text, sizeof(text) - 1) // with the NULs inside

static const struct slice good_texts[] = {
    {NULL, 0},
    {(const uint8_t *)" ~", 2},
    {(const uint8_t *)"\xC2\xA0", 2},         // U+00A0, the first after the C1 controls
    {(const uint8_t *)"\xDF\xBF", 2},         // U+07FF
    {(const uint8_t *)"\xE0\xA0\x80", 3},     // U+0800, the smallest of three bytes
    {(const uint8_t *)"\xED\x9F\xBF", 3},     // U+D7FF, before the surrogates
    {(const uint8_t *)"\xEE\x80\x80", 3},     // U+E000, after them
    {(const uint8_t *)"\xF0\x90\x80\x80", 4}, // U+10000
    {(const uint8_t *)"\xF4\x8F\xBF\xBF", 4}, // U+10FFFF
};

static const struct slice bad_texts[] = {
    {(const uint8_t *)"a\0b", 3},             // NUL
    {(const uint8_t *)"\n", 1},               // C0
    {(const uint8_t *)"\x1F", 1},             //
    {(const uint8_t *)"\x7F", 1},             // DEL
    {(const uint8_t *)"\xC2\x80", 2},         // C1
    {(const uint8_t *)"\xC2\x9F", 2},         //
    {(const uint8_t *)"\xC0\xAF", 2},         // overlong '/'
    {(const uint8_t *)"\xC1\xBF", 2},         //
    {(const uint8_t *)"\xE0\x80\xAF", 3},     //
    {(const uint8_t *)"\xE0\x9F\xBF", 3},     //
    {(const uint8_t *)"\xF0\x80\x80\xAF", 4}, //
    {(const uint8_t *)"\xF0\x8F\xBF\xBF", 4}, //
    {(const uint8_t *)"\xED\xA0\x80", 3},     // surrogates
    {(const uint8_t *)"\xED\xBF\xBF", 3},     //
    {(const uint8_t *)"\xF4\x90\x80\x80", 4}, // above U+10FFFF
    {(const uint8_t *)"\xF5\x80\x80\x80", 4}, //
    {(const uint8_t *)"\xFF", 1},             //
    {(const uint8_t *)"\x80", 1},             // continuation without a lead
    {(const uint8_t *)"\xC3", 1},             // cut
    {(const uint8_t *)"\xE2\x82", 2},         //
    {(const uint8_t *)"\xF0\x9F\x98", 3},     //
    {(const uint8_t *)"\xC3(", 2},            // wrong continuation
    {(const uint8_t *)"\xE2\x82(", 3},        //
    {(const uint8_t *)"\xF0\x9F\x98(", 4},    //
};

// A heap copy of the exact size lets ASan see a read beyond it.
static bool is_text_exactly(struct slice s)
{
    uint8_t *copy = malloc(s.size > 0 ? s.size : 1);
    assert_non_null(copy);
    if (s.size > 0)
        memcpy(copy, s.data, s.size);
    bool result = slice_is_text(slice_make(copy, s.size));
    free(copy);
    return result;
}

static void valid_text_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_texts / sizeof *good_texts; i++)
        if (!is_text_exactly(good_texts[i]))
            fail_msg("good text %zu was refused", i);
}

static void overlong_surrogate_control_and_cut_text_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_texts / sizeof *bad_texts; i++)
        if (is_text_exactly(bad_texts[i]))
            fail_msg("bad text %zu was accepted", i);
}

static void bad_character_in_the_middle_is_found(void **state)
{
    (void)state;
    assert_true(slice_is_text(LITERAL("a\xC3\xA9z")));
    assert_false(slice_is_text(LITERAL("a\xC3\xA9\x01z")));
}

static void scrubbed_text_is_text_and_keeps_what_was_good(void **state)
{
    (void)state;
    char text[] = "a\x1B[31m\xC3\xA9\xC2\x9B"
                  "b\xE2\x82";
    slice_scrub(text, sizeof text - 1);
    assert_string_equal(text, "a?[31m\xC3\xA9??b??");
    for (size_t i = 0; i < sizeof bad_texts / sizeof *bad_texts; i++) {
        char copy[8];
        memcpy(copy, bad_texts[i].data, bad_texts[i].size);
        slice_scrub(copy, bad_texts[i].size);
        assert_true(slice_is_text(slice_make(copy, bad_texts[i].size)));
    }
}

static void equal_needs_same_size_and_bytes(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_empty(), slice_text("")));
    assert_true(slice_equal(slice_text(NULL), slice_empty()));
    assert_true(slice_equal(slice_text("abc"), slice_text("abc")));
    assert_false(slice_equal(slice_text("abc"), slice_text("abd")));
    assert_false(slice_equal(slice_text("abc"), slice_text("ab")));
    assert_false(slice_equal(LITERAL("a\0b"), LITERAL("a\0c")));
}

static void order_is_by_bytes_then_shorter_first(void **state)
{
    (void)state;
    assert_int_equal(slice_compare(slice_text("a"), slice_text("a")), 0);
    assert_int_equal(slice_compare(slice_empty(), slice_empty()), 0);
    assert_true(slice_compare(slice_empty(), slice_text("a")) < 0);
    assert_true(slice_compare(slice_text("a"), slice_text("ab")) < 0);
    assert_true(slice_compare(slice_text("ab"), slice_text("a")) > 0);
    assert_true(slice_compare(slice_text("b"), slice_text("ab")) > 0);
    assert_true(slice_compare(slice_text("\xFF"), slice_text("a")) > 0);
}

static void prefix_is_recognized(void **state)
{
    (void)state;
    assert_true(slice_starts_with(slice_text("key_1"), slice_text("key_")));
    assert_true(slice_starts_with(slice_text("key_"), slice_text("key_")));
    assert_true(slice_starts_with(slice_text("x"), slice_empty()));
    assert_false(slice_starts_with(slice_text("key"), slice_text("key_")));
    assert_false(slice_starts_with(slice_text("Key_1"), slice_text("key_")));
}

static void names_keep_their_bounds(void **state)
{
    (void)state;
    assert_true(slice_is_name(slice_text("a"), 64));
    assert_true(slice_is_name(slice_text("0.a_b-c"), 64));
    assert_true(slice_is_name(slice_text("abcd"), 4));
    assert_false(slice_is_name(slice_text("abcde"), 4));
    assert_false(slice_is_name(slice_empty(), 64));
    static const char *const bad[] = {"A", "aB", "_a", "-a", ".a", "a b", "a:b", "a/b", "a\xC3\xA9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(slice_is_name(slice_text(bad[i]), 64));
    assert_false(slice_is_name(LITERAL("a\0"), 64));
}

// Every size up to three rounds, with and without each of its bytes changed.
static void seeded_hash_depends_on_seed_size_and_every_byte(void **state)
{
    (void)state;
    const uint64_t seed = SLICE_HASH_SEED; // as random ones are: small ones meet zeros
    uint8_t bytes[49] = {0};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint64_t hash = slice_hash(slice_make(bytes, size), seed);
        assert_true(hash == slice_hash(slice_make(bytes, size), seed));
        assert_true(hash != slice_hash(slice_make(bytes, size), seed + 2));
        assert_true(size == 0 || hash != slice_hash(slice_make(bytes, size - 1), seed));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = 1;
            assert_true(hash != slice_hash(slice_make(bytes, size), seed));
            bytes[i] = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_is_accepted),
        cmocka_unit_test(overlong_surrogate_control_and_cut_text_is_refused),
        cmocka_unit_test(bad_character_in_the_middle_is_found),
        cmocka_unit_test(scrubbed_text_is_text_and_keeps_what_was_good),
        cmocka_unit_test(equal_needs_same_size_and_bytes),
        cmocka_unit_test(order_is_by_bytes_then_shorter_first),
        cmocka_unit_test(prefix_is_recognized),
        cmocka_unit_test(names_keep_their_bounds),
        cmocka_unit_test(seeded_hash_depends_on_seed_size_and_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
