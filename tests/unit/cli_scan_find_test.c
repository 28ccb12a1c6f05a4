// Tokens in streams of bytes.
#include "support/scan_tokens.h"

#include <stdio.h>
#include <stdlib.h>

// One that posternd made.
static const char genuine[] = "postern_pub_test_13feg1WzmNvJcxiqUqqWRyeaL581ogdBwaZmClloxHjw3rvztOgW4lvL082O89l2";

static struct scan_find find;

// Feeds the text in pieces of that size.
static struct seen search_as(enum scan_reading reading, const char *text, size_t size, size_t piece)
{
    struct seen seen = {.count = 0};
    scan_find_begin(&find, reading, note_seen, &seen);
    for (size_t at = 0; at < size; at += piece)
        scan_find_feed(&find, text + at, size - at < piece ? size - at : piece);
    return seen;
}

static struct seen search(const char *text, size_t size, size_t piece)
{
    return search_as(SCAN_PLAIN, text, size, piece);
}

static struct seen search_text(const char *text)
{
    return search(text, strlen(text), strlen(text));
}

static void assert_found(const char *text, const char *token)
{
    struct seen seen = search_text(text);
    assert_seen(&seen, token);
}

static void a_token_of_posternd_is_found(void **state)
{
    (void)state;
    struct seen seen = search_text(genuine);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.tokens[0].text, genuine);
    assert_string_equal(seen.tokens[0].key_id, "key_13feg1WzmNvJcxi");
    assert_true(seen.tokens[0].is_public);
    assert_false(seen.tokens[0].is_live);
    assert_int_equal(seen.tokens[0].line, 1);
}

static void type_and_environment_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool is_public, is_live;
    } kinds[] = {{"acme_live_", false, true},
                 {"acme_test_", false, false},
                 {"acme_pub_live_", true, true},
                 {"acme_pub_test_", true, false}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char token[TOKEN_ROOM];
        make_token(kinds[i].head, (unsigned)i, token);
        struct seen seen = search_text(token);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.tokens[0].is_public, kinds[i].is_public);
        assert_int_equal(seen.tokens[0].is_live, kinds[i].is_live);
        assert_memory_equal(seen.tokens[0].key_id + 4, token + strlen(kinds[i].head), 15);
    }
}

static void any_prefix_is_found(void **state)
{
    (void)state;
    static const char *const heads[] = {"ab_live_", "a1_live_", "abcdefghij0123456789_live_", "publive_test_",
                                        "abcdefghij0123456789_pub_test_"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char token[TOKEN_ROOM];
        make_token(heads[i], 7, token);
        assert_found(token, token);
    }
}

static void what_stands_around_does_not_matter(void **state)
{
    (void)state;
    static const char *const around[] = {"%s",        "KEY=%s;",    "\"\\n%s\\n\"", "zzzz%szzzz", "0%s0",  "_%s_",
                                         "a_live_%s", "%%3D%s%%26", "acme_%s",      "\xff%s\xff", "\n%s\n"};
    char token[TOKEN_ROOM], text[2 * TOKEN_ROOM];
    make_token("acme_live_", 3, token);
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        const char *at = strstr(around[i], "%s");
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - around[i]), around[i], token, at + 2);
        assert_found(text, token);
    }
}

static void a_token_is_found_wherever_pieces_are_cut(void **state)
{
    (void)state;
    char token[TOKEN_ROOM], text[2 * TOKEN_ROOM];
    make_token("abcdefghij0123456789_pub_live_", 5, token); // as long as one may be
    int size = snprintf(text, sizeof text, "some_longer_text_that_is_before_it=%s_and_after", token);
    for (size_t piece = 1; piece <= (size_t)size; piece++) {
        struct seen seen = search(text, (size_t)size, piece);
        assert_int_equal(seen.count, 1);
        assert_string_equal(seen.tokens[0].text, token);
    }
}

static void one_wrong_character_is_no_token(void **state)
{
    (void)state;
    char token[TOKEN_ROOM];
    make_token("acme_live_", 9, token);
    for (size_t i = 0; token[i] != '\0'; i++) {
        char right = token[i];
        token[i] = right == 'a' ? 'b' : 'a';
        assert_int_equal(search_text(token).count, 0);
        token[i] = right;
    }
    token[strlen(token) - 1] = '\0'; // one is missing
    assert_int_equal(search_text(token).count, 0);
}

static void what_has_no_prefix_of_two_is_no_token(void **state)
{
    (void)state;
    static const char *const heads[] = {"_live_", "a_live_", "1_live_", "acme_Live_", "acme_prod_", "ACME_live_"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char token[TOKEN_ROOM];
        make_token(heads[i], 11, token);
        assert_int_equal(search_text(token).count, 0);
    }
}

static void several_tokens_are_all_found(void **state)
{
    (void)state;
    char one[TOKEN_ROOM], two[TOKEN_ROOM], text[4 * TOKEN_ROOM];
    make_token("acme_live_", 1, one);
    make_token("other_test_", 2, two);
    snprintf(text, sizeof text, "%s%s\n%s,%s", one, two, two, one);
    struct seen seen = search_text(text);
    assert_int_equal(seen.count, 4);
    assert_string_equal(seen.tokens[0].text, one);
    assert_string_equal(seen.tokens[1].text, two);
    assert_int_equal(seen.tokens[1].line, 1);
    assert_string_equal(seen.tokens[2].text, two);
    assert_int_equal(seen.tokens[2].line, 2);
    assert_string_equal(seen.tokens[3].text, one);
}

static void lines_are_counted_through_long_streams(void **state)
{
    (void)state;
    enum { LINES = 100000 };
    static const char line[] = "nothing_live_here_test_\n";
    size_t size = sizeof line - 1, whole = LINES * size;
    char *text = malloc(whole + TOKEN_ROOM);
    assert_non_null(text);
    for (size_t i = 0; i < LINES; i++)
        memcpy(text + i * size, line, size);
    char token[TOKEN_ROOM];
    make_token("acme_live_", 13, token);
    memcpy(text + whole, token, strlen(token));
    const size_t pieces[] = {1000, 32768, SCAN_KEPT_SIZE, whole + TOKEN_ROOM};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct seen seen = search(text, whole + strlen(token), pieces[i]);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.tokens[0].line, LINES + 1);
    }
    free(text);
}

static void binary_bytes_are_searched_too(void **state)
{
    (void)state;
    char token[TOKEN_ROOM], bytes[3 * TOKEN_ROOM] = {0};
    make_token("acme_live_", 17, token);
    memset(bytes, 0xFF, TOKEN_ROOM);
    memcpy(bytes + 2 * TOKEN_ROOM - 1, token, strlen(token)); // zeros on both sides
    struct seen seen = search(bytes, sizeof bytes, sizeof bytes);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.tokens[0].text, token);
}

// Writes `token` with `between` after each `every` characters.
static size_t split(const char *token, size_t every, const char *between, char *text)
{
    size_t size = 0;
    for (size_t i = 0; token[i] != '\0'; i++) {
        if (i > 0 && i % every == 0)
            size += (size_t)sprintf(text + size, "%s", between);
        text[size++] = token[i];
    }
    text[size] = '\0';
    return size;
}

static void a_token_split_by_what_no_token_has_is_found(void **state)
{
    (void)state;
    static const char *const between[] = {"\n",  "\r\n",    "\\\n", "\\",         "\\\r\n    ",   "=\r\n",
                                          "\n+", "\n-    ", "\n> ", "\" \\\n \"", "\xE2\x80\x8B", "\xC2\xAD"};
    char token[TOKEN_ROOM], text[2048];
    make_token("acme_live_", 23, token);
    for (size_t i = 0; i < sizeof between / sizeof between[0]; i++)
        for (size_t every = 7; every < 80; every++) {
            split(token, every, between[i], text);
            assert_found(text, token);
        }
}

static void a_split_token_is_where_it_begins(void **state)
{
    (void)state;
    char token[TOKEN_ROOM], text[2048] = "one\ntwo\n";
    make_token("acme_live_", 29, token);
    split(token, 10, "\n", text + strlen(text));
    assert_int_equal(search_text(text).tokens[0].line, 3);
}

// In a text within quotation marks an end of line is often written as two characters.
static void escapes_between_its_characters_are_left_out_by_a_reading_of_their_own(void **state)
{
    (void)state;
    static const char *const escapes[] = {"\\n", "\\r\\n", "\\n\\t"};
    char token[TOKEN_ROOM], text[2048];
    make_token("acme_live_", 31, token);
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        size_t size = split(token, 40, escapes[i], text);
        for (size_t piece = 1; piece <= size; piece++) {
            struct seen seen = search_as(SCAN_ESCAPED, text, size, piece);
            assert_seen(&seen, token);
        }
        assert_int_equal(search(text, size, size).count, 0);
    }
    snprintf(text, sizeof text, "\\n%s\\n", token); // not in it: the plain reading has found it
    assert_int_equal(search_as(SCAN_ESCAPED, text, strlen(text), 5).count, 0);
    assert_found(text, token);
}

static void a_token_in_wide_characters_of_either_order_is_found(void **state)
{
    (void)state;
    char token[TOKEN_ROOM], text[4 * TOKEN_ROOM] = {0};
    make_token("acme_pub_test_", 37, token);
    for (size_t width = 2; width <= 4; width += 2)
        for (size_t offset = 0; offset < width; offset++) {
            size_t size = width * strlen(token);
            memset(text, 0, sizeof text);
            for (size_t i = 0; token[i] != '\0'; i++)
                text[i * width + offset] = token[i];
            struct seen seen = search(text, size, 3);
            assert_seen(&seen, token);
        }
}

static void a_new_stream_knows_nothing_of_the_one_before(void **state)
{
    (void)state;
    char token[TOKEN_ROOM];
    struct seen seen = {.count = 0};
    make_token("acme_live_", 19, token);
    scan_find_begin(&find, SCAN_PLAIN, note_seen, &seen);
    scan_find_feed(&find, token, 30);
    scan_find_begin(&find, SCAN_PLAIN, note_seen, &seen);
    scan_find_feed(&find, token + 30, strlen(token) - 30);
    assert_int_equal(seen.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_of_posternd_is_found),
        cmocka_unit_test(type_and_environment_are_told_apart),
        cmocka_unit_test(any_prefix_is_found),
        cmocka_unit_test(what_stands_around_does_not_matter),
        cmocka_unit_test(a_token_is_found_wherever_pieces_are_cut),
        cmocka_unit_test(one_wrong_character_is_no_token),
        cmocka_unit_test(what_has_no_prefix_of_two_is_no_token),
        cmocka_unit_test(several_tokens_are_all_found),
        cmocka_unit_test(lines_are_counted_through_long_streams),
        cmocka_unit_test(binary_bytes_are_searched_too),
        cmocka_unit_test(a_token_split_by_what_no_token_has_is_found),
        cmocka_unit_test(a_split_token_is_where_it_begins),
        cmocka_unit_test(escapes_between_its_characters_are_left_out_by_a_reading_of_their_own),
        cmocka_unit_test(a_token_in_wide_characters_of_either_order_is_found),
        cmocka_unit_test(a_new_stream_knows_nothing_of_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
