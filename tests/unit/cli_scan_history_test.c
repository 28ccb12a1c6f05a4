// Where one is in the output of `git log -p`.
#include "scan/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HASH "0123456789abcdef0123456789abcdef01234567"

// Feeds line by line, each in pieces of that size.
static void feed(struct scan_history *history, const char *text, size_t piece)
{
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        size_t line = end != NULL ? (size_t)(end - text) + 1 : strlen(text);
        for (size_t at = 0; at < line; at += piece)
            scan_history_feed(history, text + at, line - at < piece ? line - at : piece);
        text += line;
    }
}

static void commit_and_file_are_followed(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 60; piece += 7) {
        struct scan_history history = {0};
        feed(&history, "commit " HASH " (HEAD -> main)\nAuthor: a\n\ndiff --git a/x b/x\n--- a/x\n+++ b/dir/x\n+line\n",
             piece);
        assert_string_equal(history.commit, HASH);
        assert_string_equal(history.path, "dir/x");
        feed(&history, "--- a/gone\n+++ /dev/null\n-line\n", piece);
        assert_string_equal(history.path, "gone");
        feed(&history, "+++ b/y\ncommit 89abcdef\n", piece);
        assert_string_equal(history.commit, "89abcdef");
        assert_string_equal(history.path, "");
    }
}

static void what_only_looks_so_is_ignored(void **state)
{
    (void)state;
    struct scan_history history = {0};
    feed(&history, "    commit " HASH "\ncommit to it\ncommit abc\ncommit " HASH HASH "\n-commit " HASH "\n", 100);
    assert_string_equal(history.commit, "");
    assert_string_equal(history.path, "");
}

static void long_lines_and_binary_bytes_do_no_harm(void **state)
{
    (void)state;
    struct scan_history history = {0};
    char line[4096];
    memset(line, 'x', sizeof line);
    memcpy(line, "+++ b/", 6);
    line[sizeof line - 1] = '\n';
    scan_history_feed(&history, line, sizeof line);
    assert_int_equal(strlen(history.path), sizeof history.path - 1);
    memset(line, 0, sizeof line);
    scan_history_feed(&history, line, sizeof line);
    scan_history_feed(&history, "\n", 1);
    feed(&history, "commit " HASH "\n", 5);
    assert_string_equal(history.commit, HASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commit_and_file_are_followed),
        cmocka_unit_test(what_only_looks_so_is_ignored),
        cmocka_unit_test(long_lines_and_binary_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
