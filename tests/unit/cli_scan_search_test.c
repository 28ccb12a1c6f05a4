// Tokens in streams, however they are written.
#include "support/scan_tokens.h"

#include "scan/search.h"

#include <stdio.h>
#include <stdlib.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct scan_search search;

static struct seen search_in_pieces(const char *text, size_t size, size_t piece)
{
    struct seen seen = {.count = 0};
    scan_search_begin(&search, note_seen, &seen);
    for (size_t at = 0; at < size; at += piece)
        scan_search_feed(&search, text + at, size - at < piece ? size - at : piece);
    scan_search_finish(&search);
    return seen;
}

static struct seen search_text(const char *text)
{
    return search_in_pieces(text, strlen(text), strlen(text));
}

// Without padding; a new line begins behind `width` characters, as `fold` writes it.
static size_t encode(const char *bytes, size_t size, const char digits[65], size_t width, const char *fold, char *text)
{
    size_t length = 0, column = 0;
    for (size_t bit = 0; bit < 8 * size; bit += 6) {
        unsigned first = (unsigned char)bytes[bit / 8],
                 second = bit / 8 + 1 < size ? (unsigned char)bytes[bit / 8 + 1] : 0;
        if (column++ == width) {
            length += (size_t)sprintf(text + length, "%s", fold);
            column = 1;
        }
        text[length++] = digits[(first << 8 | second) >> (10 - bit % 8) & 63];
    }
    text[length] = '\0';
    return length;
}

static void a_token_in_base64_is_found_at_each_of_the_three_places(void **state)
{
    (void)state;
    static const char *const before[] = {"", "k", "ke", "key", "key=", "{\"k\":"};
    static const char *const after[] = {"", "\n", ";;", "\xFF\xFE\xFD"};
    char token[TOKEN_ROOM], bytes[2 * TOKEN_ROOM], text[4 * TOKEN_ROOM];
    make_token("acme_live_", 3, token);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 4; j++)
            for (size_t k = 0; k < 2; k++) {
                int size = snprintf(bytes, sizeof bytes, "%s%s%s", before[i], token, after[j]);
                encode(bytes, (size_t)size, k == 0 ? standard : for_urls, 76, "\r\n", text);
                struct seen seen = search_text(text);
                assert_seen(&seen, token);
                assert_true(seen.tokens[0].is_base64);
            }
}

static void what_stands_before_and_behind_the_base64_does_not_matter(void **state)
{
    (void)state;
    static const char *const around[] = {"%s=", "Authorization: Basic %s==\r\nHost: x", "a %s b", "ab%sab", "abc %s",
                                         "%s"};
    char token[TOKEN_ROOM], encoded[4 * TOKEN_ROOM], text[6 * TOKEN_ROOM];
    make_token("acme_test_", 5, token);
    encode(token, strlen(token), standard, 1000, "", encoded);
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        const char *at = strstr(around[i], "%s");
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - around[i]), around[i], encoded, at + 2);
        struct seen seen = search_text(text);
        assert_seen(&seen, token);
    }
}

static void folded_base64_is_read_as_one(void **state)
{
    (void)state;
    static const char *const folds[] = {"\n", "\r\n", "\n    ", "\\n", "\\r\\n", "\" \\\n \"", "\n> "};
    char token[TOKEN_ROOM], text[2048];
    make_token("acme_live_", 7, token);
    for (size_t i = 0; i < sizeof folds / sizeof folds[0]; i++)
        for (size_t width = 4; width < 80; width += 3) {
            size_t size = encode(token, strlen(token), standard, width, folds[i], text);
            for (size_t piece = 1; piece < 9; piece++) {
                struct seen seen = search_in_pieces(text, size, piece);
                assert_seen(&seen, token);
            }
        }
}

// Writes base64 of the token as lines of a hunk: each behind its marks.
static void write_hunk(const char *token, const char *header, const char *marks, size_t width, char *text)
{
    char fold[16];
    snprintf(fold, sizeof fold, "\n%s", marks);
    int size = sprintf(text, "%s%s%s", header, fold, "    data: ");
    size += (int)encode(token, strlen(token), standard, width, fold, text + size);
    sprintf(text + size, "\n");
}

static void base64_that_is_folded_in_a_diff_is_read_without_the_marks(void **state)
{
    (void)state;
    static const struct {
        const char *header, *marks;
    } rows[] = {{"@@ -1,5 +1,7 @@", "+"},
                {"@@ -1,5 +1,7 @@ static int f(void)", "-"},
                {"--- a\n+++ b\n@@ -0,0 +1 @@", "+"},
                {"@@ -1 +1 @@", "+    "},
                {"@@ -1 +1 @@\n+\n\\ No newline", "+"},
                {"@@@ -1,2 -1,2 +1,3 @@@", "++"},
                {"@@@ -1,2 -1,2 +1,3 @@@", " +"},
                {"@@ -1 +1 @@\r", "+"},
                {"*** 1,2 ****", "+ "},
                {"*** 1,2 ****", "! "},
                {"1a2,3", "> "},
                {"items:", "  - "}};
    static const size_t widths[] = {4, 7, 64, 76};
    char token[TOKEN_ROOM], text[2048];
    make_token("acme_live_", 19, token);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t n = 0; n < sizeof widths / sizeof widths[0]; n++)
            for (size_t piece = 1; piece < 6; piece++) {
                write_hunk(token, rows[i].header, rows[i].marks, widths[n], text);
                struct seen seen = search_in_pieces(text, strlen(text), piece);
                assert_seen(&seen, token);
            }
}

static void lines_are_those_of_the_stream(void **state)
{
    (void)state;
    char token[TOKEN_ROOM], text[2048] = "one\ntwo\n\n";
    make_token("acme_live_", 11, token);
    encode(token, strlen(token), standard, 64, "\n", text + strlen(text));
    struct seen seen = search_text(text);
    assert_seen(&seen, token);
    assert_in_range(seen.tokens[0].line, 4, 5);
}

// As PowerShell's -EncodedCommand has it.
static void base64_of_utf16_is_read(void **state)
{
    (void)state;
    char token[TOKEN_ROOM], wide[2 * TOKEN_ROOM] = {0}, text[1024];
    make_token("acme_live_", 13, token);
    for (size_t i = 0; token[i] != '\0'; i++)
        wide[2 * i] = token[i];
    encode(wide, 2 * strlen(token), standard, 1000, "", text);
    struct seen seen = search_text(text);
    assert_seen(&seen, token);
}

static void a_plain_token_is_found_once(void **state)
{
    (void)state;
    char token[TOKEN_ROOM], text[2 * TOKEN_ROOM];
    make_token("acme_live_", 17, token);
    snprintf(text, sizeof text, "\\nKEY=\"%s\\n\"\n", token);
    struct seen seen = search_text(text);
    assert_seen(&seen, token);
    assert_false(seen.tokens[0].is_base64);
    snprintf(text, sizeof text, "KEY=%.30s\\n%s", token, token + 30);
    seen = search_text(text);
    assert_seen(&seen, token);
}

static void noise_has_no_token(void **state)
{
    (void)state;
    enum { NOISE_SIZE = 1 << 20 };
    char *noise = malloc(NOISE_SIZE);
    unsigned seed = 1;
    assert_non_null(noise);
    for (size_t i = 0; i < NOISE_SIZE; i++, seed = seed * 1103515245 + 12345)
        noise[i] = (char)(seed >> 16);
    assert_int_equal(search_in_pieces(noise, NOISE_SIZE, 65536).count, 0);
    for (size_t i = 0; i < NOISE_SIZE; i++)
        noise[i] = standard[(unsigned char)noise[i] % 64];
    assert_int_equal(search_in_pieces(noise, NOISE_SIZE, 65536).count, 0);
    free(noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_in_base64_is_found_at_each_of_the_three_places),
        cmocka_unit_test(what_stands_before_and_behind_the_base64_does_not_matter),
        cmocka_unit_test(folded_base64_is_read_as_one),
        cmocka_unit_test(base64_that_is_folded_in_a_diff_is_read_without_the_marks),
        cmocka_unit_test(lines_are_those_of_the_stream),
        cmocka_unit_test(base64_of_utf16_is_read),
        cmocka_unit_test(a_plain_token_is_found_once),
        cmocka_unit_test(noise_has_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
