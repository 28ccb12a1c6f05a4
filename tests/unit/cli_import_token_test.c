// What the text of a token to import says.
#include "import/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_token(const char *text, const char *token, unsigned findings)
{
    size_t size = strlen(text);
    unsigned found_out = 0;
    const char *found = import_token_find(text, &size, &found_out);
    assert_int_equal(size, strlen(token));
    assert_memory_equal(found, token, size);
    assert_int_equal(found_out, findings);
}

static void white_space_around_a_token_is_taken_away(void **state)
{
    (void)state;
    static const char *const texts[] = {" secret", "secret ", "\tsecret\r\n", "\xC2\xA0secret\xC2\xA0",
                                        "  secret\xE2\x80\x8B\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_token(texts[i], "secret", IMPORT_TOKEN_SPACE);
    assert_token("\xEF\xBB\xBFsecret", "secret", IMPORT_TOKEN_MARK);
    assert_token("\xEF\xBB\xBF secret", "secret", IMPORT_TOKEN_MARK | IMPORT_TOKEN_SPACE);
    assert_token("secret", "secret", 0);
    assert_token("two words", "two words", 0);
    assert_token(" \t ", "", IMPORT_TOKEN_SPACE);
    assert_token("", "", 0);
}

static void bearer_before_a_token_is_taken_away(void **state)
{
    (void)state;
    assert_token("Bearer secret", "secret", IMPORT_TOKEN_BEARER);
    assert_token("bearer   secret", "secret", IMPORT_TOKEN_BEARER);
    assert_token(" BEARER\tsecret ", "secret", IMPORT_TOKEN_BEARER | IMPORT_TOKEN_SPACE);
    assert_token("Bearersecret", "Bearersecret", 0);
    assert_token("Bearer", "Bearer", 0);
    assert_token("Bearer ", "Bearer", IMPORT_TOKEN_SPACE);
}

static void quotation_marks_and_the_name_of_the_header_are_taken_away(void **state)
{
    (void)state;
    assert_token("\"secret\"", "secret", IMPORT_TOKEN_QUOTES);
    assert_token("'secret'", "secret", IMPORT_TOKEN_QUOTES);
    assert_token(" ' secret ' ", "secret", IMPORT_TOKEN_QUOTES | IMPORT_TOKEN_SPACE);
    assert_token("\"Bearer secret\"", "secret", IMPORT_TOKEN_QUOTES | IMPORT_TOKEN_BEARER);
    assert_token("Authorization: Bearer secret", "secret", IMPORT_TOKEN_HEADER | IMPORT_TOKEN_BEARER);
    assert_token("authorization:bearer 'secret'", "secret",
                 IMPORT_TOKEN_HEADER | IMPORT_TOKEN_BEARER | IMPORT_TOKEN_QUOTES);
    assert_token("\"\"", "", IMPORT_TOKEN_QUOTES);
    assert_token("sec\"ret", "sec\"ret", 0);
    assert_token("Authorizationsecret", "Authorizationsecret", 0);
}

static void a_quotation_mark_on_one_side_is_seen(void **state)
{
    (void)state;
    assert_token("\"secret", "\"secret", IMPORT_TOKEN_ONE_QUOTE);
    assert_token("secret'", "secret'", IMPORT_TOKEN_ONE_QUOTE);
    assert_token("\"secret'", "\"secret'", IMPORT_TOKEN_ONE_QUOTE);
    assert_token("\"", "\"", IMPORT_TOKEN_ONE_QUOTE);
}

static void an_id_before_the_secret_is_seen_and_stays(void **state)
{
    (void)state;
    assert_token("17|x0Yq", "17|x0Yq", IMPORT_TOKEN_ID_BEFORE);
    assert_token("|x0Yq", "|x0Yq", 0);
    assert_token("a|x0Yq", "a|x0Yq", 0);
    assert_token("17x0Yq", "17x0Yq", 0);
}

static void what_is_like_a_digest_is_seen(void **state)
{
    (void)state;
    static const char digest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_token(digest, digest, IMPORT_TOKEN_DIGEST);
    assert_token(digest + 1, digest + 1, 0);
    assert_token("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                 "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_around_a_token_is_taken_away),
        cmocka_unit_test(bearer_before_a_token_is_taken_away),
        cmocka_unit_test(quotation_marks_and_the_name_of_the_header_are_taken_away),
        cmocka_unit_test(a_quotation_mark_on_one_side_is_seen),
        cmocka_unit_test(an_id_before_the_secret_is_seen_and_stays),
        cmocka_unit_test(what_is_like_a_digest_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
