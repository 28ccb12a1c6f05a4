#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/random.h"
#include "key/base62.h"
#include "key/key.h"

// Made with Python: int.from_bytes, divmod by 62, zlib.crc32.
static const char secret_token[] = "acme_live_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09v";
static const char public_token[] = "acme_pub_test_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt0ishhU";
static const char zero_token[] = "a1_test_00000000000000000000000000000000000000000000000000000000002utAqS";
static const char largest_token[] = "ab_live_OxCfCxAVrGN2P67yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp10OHvOX";

// A heap copy of the exact size lets ASan see a read beyond it.
static bool parse_exactly(struct slice text, struct key_token *out, bool *id_known)
{
    uint8_t *copy = malloc(text.size > 0 ? text.size : 1);
    assert_non_null(copy);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    bool ok = key_token_parse(slice_make(copy, text.size), out, id_known);
    free(copy);
    out->prefix = slice_empty();
    return ok;
}

static bool is_token(const char *text)
{
    struct key_token token;
    return parse_exactly(slice_text(text), &token, NULL);
}

static void expect_parts(const char *text, const char *prefix, enum key_type type, enum key_environment environment,
                         const uint8_t id[KEY_ID_SIZE], const uint8_t secret[KEY_SECRET_SIZE])
{
    struct key_token token;
    bool id_known = false;
    char again[KEY_TOKEN_MAX + 1];
    assert_true(key_token_parse(slice_text(text), &token, &id_known));
    assert_true(id_known);
    assert_true(slice_equal(token.prefix, slice_text(prefix)));
    assert_int_equal(token.type, type);
    assert_int_equal(token.environment, environment);
    assert_memory_equal(token.id, id, KEY_ID_SIZE);
    assert_memory_equal(token.secret, secret, KEY_SECRET_SIZE);
    assert_int_equal(key_token_format(&token, again), strlen(text));
    assert_string_equal(again, text);
}

static void known_tokens_are_read_and_written(void **state)
{
    (void)state;
    uint8_t id[KEY_ID_SIZE], secret[KEY_SECRET_SIZE];
    for (uint8_t i = 0; i < KEY_ID_SIZE; i++)
        id[i] = (uint8_t)(i + 1);
    for (uint8_t i = 0; i < KEY_SECRET_SIZE; i++)
        secret[i] = (uint8_t)(0xA0 + i);
    expect_parts(secret_token, "acme", KEY_TYPE_SECRET, KEY_ENVIRONMENT_LIVE, id, secret);
    expect_parts(public_token, "acme", KEY_TYPE_PUBLIC, KEY_ENVIRONMENT_TEST, id, secret);
    memset(id, 0, sizeof id);
    memset(secret, 0, sizeof secret);
    expect_parts(zero_token, "a1", KEY_TYPE_SECRET, KEY_ENVIRONMENT_TEST, id, secret);
    memset(id, 0xFF, sizeof id);
    memset(secret, 0xFF, sizeof secret);
    expect_parts(largest_token, "ab", KEY_TYPE_SECRET, KEY_ENVIRONMENT_LIVE, id, secret);
}

static void random_tokens_survive_the_round_trip(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"ab", "acme", "abcdefghijklmnopqrst", "p0"};
    for (unsigned round = 0; round < 2000; round++) {
        struct key_token token = {.prefix = slice_text(prefixes[round % 4]),
                                  .type = round % 3 == 0 ? KEY_TYPE_PUBLIC : KEY_TYPE_SECRET,
                                  .environment = round % 2 == 0 ? KEY_ENVIRONMENT_LIVE : KEY_ENVIRONMENT_TEST};
        random_fill(token.id, sizeof token.id);
        random_fill(token.secret, sizeof token.secret);
        char text[KEY_TOKEN_MAX + 1];
        assert_true(key_token_format(&token, text) <= KEY_TOKEN_MAX);
        expect_parts(text, prefixes[round % 4], token.type, token.environment, token.id, token.secret);
    }
}

static void every_changed_character_is_refused(void **state)
{
    (void)state;
    static const char *const originals[] = {secret_token, public_token};
    for (size_t which = 0; which < 2; which++) {
        char text[128];
        size_t size = strlen(originals[which]);
        memcpy(text, originals[which], size + 1);
        for (size_t at = 0; at < size; at++) {
            for (int c = 0; c < 256; c++) {
                struct key_token token;
                text[at] = (char)c;
                if (c != (unsigned char)originals[which][at] && parse_exactly(slice_make(text, size), &token, NULL))
                    fail_msg("character %zu changed to 0x%02X was accepted", at, (unsigned)c);
            }
            text[at] = originals[which][at];
        }
    }
}

static void every_cut_lengthened_and_shifted_token_is_refused(void **state)
{
    (void)state;
    struct key_token token;
    size_t size = sizeof secret_token - 1;
    for (size_t cut = 0; cut < size; cut++) {
        assert_false(parse_exactly(slice_make(secret_token, cut), &token, NULL));
        assert_false(parse_exactly(slice_make(secret_token + size - cut, cut), &token, NULL));
    }
    assert_false(parse_exactly(slice_make(secret_token, size + 1), &token, NULL)); // with its NUL
    assert_false(is_token("acme_live_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09v0"));
    assert_false(parse_exactly(slice_empty(), &token, NULL));
}

// Head and first 58 body characters with the checksum that belongs to them, so that only the shape can be at fault.
static const char *with_checksum(const char *covered, char out[400])
{
    uint32_t checksum = (uint32_t)crc32(0, (const Bytef *)covered, (uInt)strlen(covered));
    uint8_t bytes[4] = {(uint8_t)(checksum >> 24), (uint8_t)(checksum >> 16), (uint8_t)(checksum >> 8),
                        (uint8_t)checksum};
    char digits[7] = {0};
    base62_write(bytes, sizeof bytes, digits, 6);
    assert_true(snprintf(out, 400, "%s%s", covered, digits) > 0);
    return out;
}

#define ID_ZERO     "000000000000000"
#define SECRET_ZERO "0000000000000000000000000000000000000000000"

static void wrong_shapes_with_right_checksums_are_refused(void **state)
{
    (void)state;
    char text[400];
    assert_true(is_token(with_checksum("ab_live_" ID_ZERO SECRET_ZERO, text))); // the helper itself works
    assert_true(is_token(with_checksum("ab_pub_live_" ID_ZERO SECRET_ZERO, text)));
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
        char covered[300];
        assert_true(snprintf(covered, sizeof covered, "%s" ID_ZERO SECRET_ZERO, heads[i]) > 0);
        if (is_token(with_checksum(covered, text)))
            fail_msg("%s was accepted", text);
    }
    assert_false(is_token(with_checksum("ab_live_" ID_ZERO SECRET_ZERO "0", text)));
    assert_false(is_token(with_checksum("ab_live_" ID_ZERO "000000000000000000000000000000000000000000", text)));
    assert_false(is_token(with_checksum("ab_live_" ID_ZERO "_" SECRET_ZERO, text)));
    assert_false(is_token(with_checksum("ab_live_" ID_ZERO "00000000000000000000000000000000000000000_0", text)));
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    char text[400];
    static const char *const secrets[] = {
        "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp2", // 2^256
        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    };
    static const char *const ids[] = {
        "OxCfCxAVrGN2P68", // 2^88
        "zzzzzzzzzzzzzzz",
    };
    for (size_t i = 0; i < 2; i++) {
        char covered[300];
        assert_true(snprintf(covered, sizeof covered, "ab_live_" ID_ZERO "%s", secrets[i]) > 0);
        assert_false(is_token(with_checksum(covered, text)));
        assert_true(snprintf(covered, sizeof covered, "ab_live_%s" SECRET_ZERO, ids[i]) > 0);
        assert_false(is_token(with_checksum(covered, text)));
    }
    // The checksum itself plus 2^32: the same value in 32 bits.
    assert_true(is_token(zero_token));
    assert_false(is_token("a1_test_0000000000000000000000000000000000000000000000000000000000zzzzzz"));
    assert_false(is_token("a1_test_00000000000000000000000000000000000000000000000000000000007bYQ2W"));
}

static void over_long_text_is_refused(void **state)
{
    (void)state;
    struct key_token token;
    char text[5000];
    memset(text, 'a', sizeof text);
    assert_false(parse_exactly(slice_make(text, sizeof text), &token, NULL));
    memset(text, '_', sizeof text);
    assert_false(parse_exactly(slice_make(text, sizeof text), &token, NULL));
}

static void key_id_of_a_damaged_token_is_still_told(void **state)
{
    (void)state;
    struct key_token whole, token;
    bool id_known = false;
    assert_true(key_token_parse(slice_text(secret_token), &whole, NULL));
    static const char *const damaged[] = {
        "acme_live_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09w", // checksum
        "acme_live_065eoDiDgza8qaZc5cSI",                                             // cut
        "acme_live_065eoDiDgza8qaZ!!",                                                // garbage after it
        "acme_test_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09v", // another environment
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        assert_false(parse_exactly(slice_text(damaged[i]), &token, &id_known));
        assert_true(id_known);
        assert_memory_equal(token.id, whole.id, KEY_ID_SIZE);
    }
    static const char *const unknown[] = {"", "acme", "acme_live_065eoDiDgza8qa", "acme_live_zzzzzzzzzzzzzzz0000",
                                          "acme_prod_065eoDiDgza8qaZ"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        id_known = true;
        assert_false(parse_exactly(slice_text(unknown[i]), &token, &id_known));
        assert_false(id_known);
    }
}

static void refused_token_leaves_no_secret_behind(void **state)
{
    (void)state;
    struct key_token token;
    static const uint8_t zero[KEY_SECRET_SIZE];
    memset(&token, 0xAA, sizeof token);
    assert_false(parse_exactly(slice_text("acme_live_065eoDiDgza8qaZc5cSIt5FoB9dCM1EVZmr4QGXqS05UImBrUYPTaIaxIt3pP09w"),
                               &token, NULL));
    assert_memory_equal(token.secret, zero, sizeof zero);
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
        cmocka_unit_test(random_tokens_survive_the_round_trip),
        cmocka_unit_test(every_changed_character_is_refused),
        cmocka_unit_test(every_cut_lengthened_and_shifted_token_is_refused),
        cmocka_unit_test(wrong_shapes_with_right_checksums_are_refused),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(over_long_text_is_refused),
        cmocka_unit_test(key_id_of_a_damaged_token_is_still_told),
        cmocka_unit_test(refused_token_leaves_no_secret_behind),
        cmocka_unit_test(prefixes_keep_their_bounds),
        cmocka_unit_test(key_ids_are_read_and_written),
        cmocka_unit_test(wrong_key_ids_are_refused),
        cmocka_unit_test(key_id_carries_slot_and_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
