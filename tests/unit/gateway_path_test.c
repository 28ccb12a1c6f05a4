// Paths that servers may read in two ways are refused; the others fit patterns by their decoded segments.
#include "path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct pool pool;

static int set_up(void **state)
{
    (void)state;
    pool_init(&pool);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pool_wipe(&pool);
    return 0;
}

static void plain_paths_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *clean;
    } rows[] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a/b/", "/a/b/"},
        {"/%61dmin", "/admin"},
        {"/a%20b", "/a b"},
        {"/100%25", "/100%"},
        {"/a...b/..c/.d", "/a...b/..c/.d"},
        {"/\xC3\xA4%C3%A4", "/\xC3\xA4\xC3\xA4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = NULL, *clean = path_clean(&pool, rows[i].path, &why);
        assert_non_null(clean);
        assert_string_equal(clean, rows[i].clean);
        assert_null(why);
    }
}

static void paths_with_two_meanings_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",        "a",           "http://x/a", "//a",       "/a//b",   "/a//",       "/.",     "/..",
        "/a/../b", "/a/./b",      "/a/..",      "/%2e%2e/b", "/%2E./b", "/a/%2e",     "/a%2fb", "/a%2Fb",
        "/a%5cb",  "/a\\b",       "/a;b/c",     "/a%00",     "/a%0a",   "/a\x01",     "/a%",    "/a%2",
        "/a%zz",   "/%252e%252e", "/a%252fb",   "/a#b",      "/a?b",    "/a/%2e%2e/", "/a\x7F", "/%25%32%65",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const char *why = NULL;
        if (path_clean(&pool, paths[i], &why) != NULL)
            fail_msg("%s was taken", paths[i]);
        assert_non_null(why);
    }
}

static void patterns_fit_whole_segments(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *path;
        bool fits;
        const char *segment; // the first
        const char *rest;
    } rows[] = {
        {"/", "/", true, NULL, NULL},
        {"/a", "/a", true, NULL, NULL},
        {"/a", "/a/", true, NULL, NULL},
        {"/a/", "/a", true, NULL, NULL},
        {"/a", "/ab", false, NULL, NULL},
        {"/ab", "/a", false, NULL, NULL},
        {"/a", "/a/b", false, NULL, NULL},
        {"/a/b", "/a", false, NULL, NULL},
        {"/a/*", "/a/b", true, "b", NULL},
        {"/a/*", "/a", false, NULL, NULL},
        {"/a/*", "/a/", false, NULL, NULL},
        {"/a/*/c", "/a/b/c", true, "b", NULL},
        {"/a/*/c", "/a/b/d", false, NULL, NULL},
        {"/a/**", "/a", true, NULL, ""},
        {"/a/**", "/a/", true, NULL, "/"},
        {"/a/**", "/a/b/c", true, NULL, "/b/c"},
        {"/a/**", "/ab", false, NULL, NULL},
        {"/**", "/", true, NULL, "/"},
        {"/**", "/a", true, NULL, "/a"},
        {"/*/**", "/x/y", true, "x", "/y"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *segments[2] = {NULL, NULL};
        struct path_match match = {.segments = segments, .segment_max = 2};
        if (path_fits(&pool, rows[i].pattern, rows[i].path, &match) != rows[i].fits)
            fail_msg("%s and %s", rows[i].pattern, rows[i].path);
        if (rows[i].segment != NULL)
            assert_string_equal(segments[0], rows[i].segment);
        if (rows[i].rest != NULL)
            assert_string_equal(match.rest, rows[i].rest);
        else if (rows[i].fits)
            assert_null(match.rest);
    }
}

static void patterns_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"/", "/a", "/*", "/**", "/a/*/b/**", "/a b"};
    static const char *const bad[] = {"", "a", "/a*", "/**/a", "/*a/b", "/a//b", "/%2e", "/a\\b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(path_check_pattern(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(path_check_pattern(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_paths_are_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_with_two_meanings_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns_fit_whole_segments, set_up, tear_down),
        cmocka_unit_test(patterns_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
