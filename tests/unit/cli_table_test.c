// Tables for people, as they come to a pipe.
#include "table.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char shown[4096];

// What the table prints on standard output, into `shown`.
static void print(struct table *table)
{
    int before = dup(STDOUT_FILENO);
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    table_print(table);
    fflush(stdout);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    close(before);
    rewind(file);
    shown[fread(shown, 1, sizeof shown - 1, file)] = '\0';
    fclose(file);
}

static void columns_stand_straight_and_to_the_right_where_they_should(void **state)
{
    (void)state;
    struct table *table = table_new("NAME\t>COUNT\t+TEXT");
    table_add(table, "%s\t%d\t%s", "日本語", 7, "a");
    table_add(table, "%s\t%d\t%s", "e\xCC\x81tude", 12345, "b");
    print(table);
    assert_string_equal(shown, "NAME    COUNT  TEXT\n"
                               "日本語      7  a\n"
                               "e\xCC\x81tude   12345  b\n");
    table_free(table);
}

static void control_characters_are_shown_and_not_sent(void **state)
{
    (void)state;
    struct table *table = table_new("NAME\tOTHER");
    table_add(table, "%s\t%s", "a\033[2Jb\nc", "\x9B\x7F\xFF\xC2\x9B");
    print(table);
    for (const char *at = shown; *at != '\0'; at++)
        assert_true((*at >= ' ' && *at <= '~') || *at == '\n');
    assert_non_null(strstr(shown, "a\\x1b[2Jb\\x0ac"));
    table_free(table);
}

static void in_a_pipe_no_cell_is_cut(void **state)
{
    (void)state;
    char text[1001] = "";
    memset(text, 'x', sizeof text - 1);
    struct table *table = table_new("-NAME\t+TEXT\tLAST");
    table_add(table, "%s\t%s\t%s", text, text, "end");
    print(table);
    size_t end = strlen(shown);
    assert_true(end > 2000);
    assert_string_equal(shown + end - 6, "  end\n");
    assert_ptr_equal(strchr(strchr(shown, '\n') + 1, '\n'), shown + end - 1);
    table_free(table);
}

static void the_head_comes_once_and_columns_only_get_wider(void **state)
{
    (void)state;
    struct table *table = table_new("A\tB");
    print(table);
    assert_string_equal(shown, ""); // no rows, no head
    table_add(table, "a long one\tb");
    print(table);
    assert_string_equal(shown, "A           B\na long one  b\n");
    table_add(table, "a\tb");
    print(table);
    assert_string_equal(shown, "a           b\n");
    table_free(table);
}

static void cells_beyond_the_heads_are_left_out(void **state)
{
    (void)state;
    struct table *table = table_new("A\tB");
    table_add(table, "a\tb\tc");
    print(table);
    assert_string_equal(shown, "A  B\na  b\n");
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_stand_straight_and_to_the_right_where_they_should),
        cmocka_unit_test(control_characters_are_shown_and_not_sent),
        cmocka_unit_test(in_a_pipe_no_cell_is_cut),
        cmocka_unit_test(the_head_comes_once_and_columns_only_get_wider),
        cmocka_unit_test(cells_beyond_the_heads_are_left_out),
    };
    setlocale(LC_CTYPE, "C.UTF-8"); // as main does
    return cmocka_run_group_tests(tests, NULL, NULL);
}
