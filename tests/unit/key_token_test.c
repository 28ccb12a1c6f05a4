#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "key/key.h"

// Made with Python: int.from_bytes, divmod by 62, zlib.crc32.
static const char secret_token[] = "acme_live_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09v";
static const char public_token[] = "acme_pub_test_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt0ishhU";
static const char zero_token[] = "a1_test_00000000000000000000000000000000000000000000000000000000002utAqS";
static const char largest_token[] = "ab_live_OxCfCxAVrGN2P67yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp10OHvOX";

// A heap copy of the exact size lets ASan see a read beyond it.
static bool find_exactly(struct slice text, uint8_t id[KEY_ID_SIZE], bool *whole)
{
    uint8_t *copy = malloc(text.size > 0 ? text.size : 1);
    assert_non_null(copy);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    bool found = key_token_find_id(slice_make(copy, text.size), id, whole);
    free(copy);
    return found;
}

static bool is_whole(struct slice text)
{
    uint8_t id[KEY_ID_SIZE];
    bool whole = false;
    return find_exactly(text, id, &whole) && whole;
}

static void expect_token(const struct key_token *token, const char *text)
{
    char written[KEY_TOKEN_MAX + 1];
    uint8_t id[KEY_ID_SIZE];
    bool whole = false;
    assert_int_equal(key_token_format(token, written), strlen(text));
    assert_string_equal(written, text);
    assert_true(find_exactly(slice_text(text), id, &whole));
    assert_true(whole);
    assert_memory_equal(id, token->id, KEY_ID_SIZE);
}

static void known_tokens_are_read_and_written(void **state)
{
    (void)state;
    struct key_token token = {
        .prefix = slice_text("acme"), .type = KEY_TYPE_SECRET, .environment = KEY_ENVIRONMENT_LIVE};
    for (uint8_t i = 0; i < KEY_ID_SIZE; i++)
        token.id[i] = (uint8_t)(i + 1);
    for (uint8_t i = 0; i < KEY_SECRET_SIZE; i++)
        token.secret[i] = (uint8_t)(0xA0 + i);
    expect_token(&token, secret_token);
    token.type = KEY_TYPE_PUBLIC;
    token.environment = KEY_ENVIRONMENT_TEST;
    expect_token(&token, public_token);
    token =
        (struct key_token){.prefix = slice_text("a1"), .type = KEY_TYPE_SECRET, .environment = KEY_ENVIRONMENT_TEST};
    expect_token(&token, zero_token);
    token.prefix = slice_text("ab");
    token.environment = KEY_ENVIRONMENT_LIVE;
    memset(token.id, 0xFF, sizeof token.id);
    memset(token.secret, 0xFF, sizeof token.secret);
    expect_token(&token, largest_token);
}

static void every_cut_lengthened_and_shifted_token_is_not_whole(void **state)
{
    (void)state;
    size_t size = sizeof secret_token - 1;
    for (size_t cut = 0; cut < size; cut++) {
        assert_false(is_whole(slice_make(secret_token, cut)));
        assert_true(is_whole(slice_make(secret_token + size - cut, cut)) == (cut >= size - 2)); // of another prefix
    }
    assert_false(is_whole(slice_make(secret_token, size + 1))); // with its NUL
    assert_false(is_whole(slice_text("acme_live_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09v0")));
    assert_false(is_whole(slice_empty()));
}

#define ID_ZERO   "000000000000000"
#define REST_ZERO "0000000000000000000000000000000000000000000000000" // secret and checksum

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    assert_true(is_whole(slice_text("ab_live_" ID_ZERO REST_ZERO)));
    assert_true(is_whole(slice_text("ab_pub_live_" ID_ZERO REST_ZERO)));
    static const char *const heads[] = {
        "",
        "_",
        "live_",
        "_live_",
        "ab_",
        "ab_live",
        "pub_live_",
        "pub_pub_live_",
        "ab_live_pub_",
        "ab_pub_",
        "ab_pub_pub_live_",
        "ab__live_",
        "ab_live__",
        "_ab_live_",
        "ab_LIVE_",
        "Ab_live_",
        "1b_live_",
        "a_live_",
        "a-b_live_",
        "ab_prod_",
        "ab_lives_",
        "ab_liv_",
        "ab_public_live_",
        "ab_pub__live_",
        "ab_live_test_",
        "abcdefghijklmnopqrstu_live_",
        " ab_live_",
        "ab_li ve_",
        "live_ab_",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char text[300];
        assert_true(snprintf(text, sizeof text, "%s" ID_ZERO REST_ZERO, heads[i]) > 0);
        if (is_whole(slice_text(text)))
            fail_msg("%s was accepted", text);
    }
    assert_false(is_whole(slice_text("ab_live_" ID_ZERO REST_ZERO "0")));
    assert_false(is_whole(slice_text("ab_live_" ID_ZERO "_" REST_ZERO)));
    assert_false(is_whole(slice_text("ab_live_OxCfCxAVrGN2P68" REST_ZERO))); // 2^88
    assert_false(is_whole(slice_text("ab_live_zzzzzzzzzzzzzzz" REST_ZERO)));
}

static void what_is_pasted_with_a_token_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hint;
    } pasted[] = {
        {"Bearer acme_live_0", "begins with Bearer"},
        {"bearer\tacme_live_0", "begins with Bearer"},
        {" acme_live_0", "has white space"},
        {"acme_live_0\n", "has white space"},
        {"acme_live_\r\n0", "has white space"},
        {"acme_live_0\xC2\xA0", "has white space"}, // U+00A0, as pages and mails have it
        {"\xE2\x80\x8B"
         "acme_live_0",
         "has white space"},                            // U+200B
        {"acme_live_0\xE2\x80\xAF", "has white space"}, // U+202F
        {"acme_live_0\xE3\x80\x80", "has white space"}, // U+3000
        {"acme\xC2\xA1", NULL},
        {"acme\xE2\x80\x90", NULL}, // a hyphen
        {"acme\xE2\x80", NULL},
        {"acme\xC2", NULL},
        {"\xEF\xBB\xBF_live_0", "has a byte order mark"},
        {"acme\xEF\xBB\xBF", "has a byte order mark"},
        {"\xEF\xBB\xBF acme_live_0", "has a byte order mark"},
        {"Bearer", NULL},
        {"Bearer_live_0", NULL},
        {"acme_live_0\xEF\xBB", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof pasted / sizeof *pasted; i++) {
        const char *hint = key_token_hint(slice_text(pasted[i].text));
        if (pasted[i].hint == NULL)
            assert_null(hint);
        else
            assert_string_equal(hint, pasted[i].hint);
    }
    assert_null(key_token_hint(slice_text(secret_token)));
}

static void over_long_text_is_refused(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'a', sizeof text);
    assert_false(is_whole(slice_make(text, sizeof text)));
    memset(text, '_', sizeof text);
    assert_false(is_whole(slice_make(text, sizeof text)));
}

static void key_id_of_a_damaged_token_is_still_told(void **state)
{
    (void)state;
    static const uint8_t expected[KEY_ID_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, zero[KEY_ID_SIZE];
    uint8_t id[KEY_ID_SIZE];
    bool whole;
    static const char *const damaged[] = {
        "acme_live_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09w", // checksum
        "acme_live_065eoDiDgza8qaZc5cSI",                                             // cut
        "acme_live_065eoDiDgza8qaZ!!",                                                // garbage after it
        "acme_test_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09v", // another environment
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        assert_true(find_exactly(slice_text(damaged[i]), id, &whole));
        assert_memory_equal(id, expected, sizeof id);
    }
    static const char *const unknown[] = {"", "acme", "acme_live_065eoDiDgza8qa", "acme_live_zzzzzzzzzzzzzzz0000",
                                          "acme_prod_065eoDiDgza8qaZ"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_false(find_exactly(slice_text(unknown[i]), id, &whole));
        assert_false(whole);
        assert_memory_equal(id, zero, sizeof id);
    }
}

static void prefixes_keep_their_bounds(void **state)
{
    (void)state;
    static const char *const good[] = {"ab", "a0", "acme", "abcdefghijklmnopqrst", "publ", "live", "test", "key"};
    static const char *const bad[] = {"", "a", "0a", "Ab", "aB", "a_b", "a-b", "pub", "abcdefghijklmnopqrstu", "a b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(key_prefix_is_valid(slice_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(key_prefix_is_valid(slice_text(bad[i])));
}

static void key_ids_are_read_and_written(void **state)
{
    (void)state;
    uint8_t id[KEY_ID_SIZE], again[KEY_ID_SIZE];
    char text[KEY_ID_TEXT_SIZE + 1];
    for (uint8_t i = 0; i < KEY_ID_SIZE; i++)
        id[i] = (uint8_t)(i + 1);
    key_id_format(id, text);
    assert_string_equal(text, "key_065eoDiDgza8qaZ");
    for (int round = 0; round < 1000; round++) {
        random_fill(id, sizeof id);
        key_id_format(id, text);
        assert_int_equal(strlen(text), KEY_ID_TEXT_SIZE);
        assert_true(key_id_parse(slice_text(text), again));
        assert_memory_equal(id, again, sizeof id);
    }
}

static void wrong_key_ids_are_refused(void **state)
{
    (void)state;
    uint8_t id[KEY_ID_SIZE];
    assert_true(key_id_parse(slice_text("key_OxCfCxAVrGN2P67"), id));
    static const char *const bad[] = {"",
                                      "key_",
                                      "key_OxCfCxAVrGN2P68",
                                      "key_zzzzzzzzzzzzzzz",
                                      "key_065eoDiDgza8qa",
                                      "key_065eoDiDgza8qaZ0",
                                      "Key_065eoDiDgza8qaZ",
                                      "key-065eoDiDgza8qaZ",
                                      "key_065eoDiDgza8qa_",
                                      "065eoDiDgza8qaZ",
                                      " key_065eoDiDgza8qa"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(key_id_parse(slice_text(bad[i]), id));
}

static void key_id_carries_slot_and_random_bytes(void **state)
{
    (void)state;
    static const uint8_t random[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint8_t id[KEY_ID_SIZE];
    key_id_make(0x2DB4, random, id);
    assert_int_equal(id[0], 0x2D);
    assert_int_equal(id[1], 0xB4);
    assert_memory_equal(id + 2, random, sizeof random);
    key_id_make(0xFFFF, random, id);
    assert_int_equal(id[0], 0x3F); // 14 bits
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_tokens_are_read_and_written),
        cmocka_unit_test(every_cut_lengthened_and_shifted_token_is_not_whole),
        cmocka_unit_test(wrong_shapes_are_refused),
        cmocka_unit_test(what_is_pasted_with_a_token_is_seen),
        cmocka_unit_test(over_long_text_is_refused),
        cmocka_unit_test(key_id_of_a_damaged_token_is_still_told),
        cmocka_unit_test(prefixes_keep_their_bounds),
        cmocka_unit_test(key_ids_are_read_and_written),
        cmocka_unit_test(wrong_key_ids_are_refused),
        cmocka_unit_test(key_id_carries_slot_and_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
