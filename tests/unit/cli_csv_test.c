// Comma-separated values.
#include "import/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct import_csv csv;

static void open_bytes(const char *bytes, size_t size)
{
    FILE *in = tmpfile();
    assert_non_null(in);
    assert_int_equal(fwrite(bytes, 1, size, in), size);
    rewind(in);
    import_csv_begin(&csv, in);
}

static void open_text(const char *text)
{
    open_bytes(text, strlen(text));
}

static void done(void)
{
    fclose(csv.in);
    import_csv_end(&csv);
}

// The next row's fields with "|" between them.
static void assert_row(const char *expected)
{
    char text[512] = "";
    assert_int_equal(import_csv_read(&csv), IMPORT_ROW);
    for (size_t i = 0; i < csv.count; i++) {
        strcat(text, i > 0 ? "|" : "");
        strcat(text, csv.fields[i]);
    }
    assert_string_equal(text, expected);
}

static void rows_end_with_either_line_end_or_with_the_input(void **state)
{
    (void)state;
    open_text("a,b\r\nc,d\ne,f");
    assert_row("a|b");
    assert_int_equal(csv.line, 1);
    assert_row("c|d");
    assert_row("e|f");
    assert_int_equal(csv.line, 3);
    assert_int_equal(import_csv_read(&csv), IMPORT_END);
    assert_int_equal(import_csv_read(&csv), IMPORT_END);
    done();
}

static void empty_fields_and_blanks_are_kept_and_empty_lines_skipped(void **state)
{
    (void)state;
    open_text("\n\r\n, a ,\n\n\"\"\n");
    assert_row("| a |");
    assert_int_equal(csv.line, 3);
    assert_int_equal(csv.count, 3);
    assert_row("");
    assert_int_equal(csv.count, 1);
    assert_int_equal(csv.line, 5);
    assert_int_equal(import_csv_read(&csv), IMPORT_END);
    done();
}

static void quoted_fields_hold_commas_quotes_and_line_ends(void **state)
{
    (void)state;
    open_text("\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\nnext,1,2\n");
    assert_row("a,b|say \"hi\"|two\nlines");
    assert_int_equal(csv.line, 1);
    assert_row("next|1|2");
    assert_int_equal(csv.line, 3);
    done();
}

static void assert_wrong(const char *text, const char *why)
{
    open_text(text);
    assert_int_equal(import_csv_read(&csv), IMPORT_WRONG);
    assert_non_null(strstr(csv.wrong, why));
    assert_int_equal(csv.line, 1);
    done();
}

static void what_is_no_csv_is_refused_and_says_why(void **state)
{
    (void)state;
    assert_wrong("a,b\"c\n", "in the middle of a field");
    assert_wrong("\"a\"b,c\n", "in the middle of a field");
    assert_wrong("\"a,b\nc\n", "never closed");
    assert_wrong("a\rb\n", "carriage return");
}

static void a_nul_is_no_text(void **state)
{
    (void)state;
    open_bytes("a\0b,c\nd,e\n", 10);
    assert_int_equal(import_csv_read(&csv), IMPORT_WRONG);
    assert_non_null(strstr(csv.wrong, "NUL"));
    assert_row("d|e");
    done();
}

static void reading_goes_on_behind_a_wrong_line(void **state)
{
    (void)state;
    open_text("good,1\nba\"d,2\ngood,3\n");
    assert_row("good|1");
    assert_int_equal(import_csv_read(&csv), IMPORT_WRONG);
    assert_int_equal(csv.line, 2);
    assert_row("good|3");
    assert_int_equal(csv.line, 3);
    done();
}

static void a_row_has_its_bound(void **state)
{
    (void)state;
    char *text = malloc(CSV_ROW_SIZE_MAX + 16);
    assert_non_null(text);
    memset(text, 'x', CSV_ROW_SIZE_MAX);
    strcpy(text + CSV_ROW_SIZE_MAX, "\nnext\n");
    open_text(text); // with its NUL it is one too long
    assert_int_equal(import_csv_read(&csv), IMPORT_WRONG);
    assert_non_null(strstr(csv.wrong, "65536"));
    assert_row("next");
    done();
    open_text(text + 1);
    assert_int_equal(import_csv_read(&csv), IMPORT_ROW);
    assert_int_equal(strlen(csv.fields[0]), CSV_ROW_SIZE_MAX - 1);
    done();
    free(text);
}

static void the_first_row_tells_what_separates_the_fields(void **state)
{
    (void)state;
    open_text("a;b;c\n1,5;\"2;3\";4\nba\"d;2\n5;6;7\n");
    assert_row("a|b|c");
    assert_row("1,5|2;3|4");
    assert_int_equal(import_csv_read(&csv), IMPORT_WRONG);
    assert_row("5|6|7");
    done();
    open_text("\"a;x\"\t\"b,y\"\n1;2\t3\n");
    assert_row("a;x|b,y");
    assert_row("1;2|3");
    done();
    open_text("alone\n1;2\n3,4\n"); // of one column there is none
    assert_row("alone");
    assert_row("1;2");
    assert_row("3|4");
    done();
}

static void a_row_has_at_most_64_fields(void **state)
{
    (void)state;
    char text[2 * CSV_FIELDS_MAX + 8];
    memset(text, ',', sizeof text);
    strcpy(text + CSV_FIELDS_MAX, "\nnext\n");
    open_text(text); // 65 fields
    assert_int_equal(import_csv_read(&csv), IMPORT_WRONG);
    assert_row("next");
    done();
    open_text(text + 1);
    assert_int_equal(import_csv_read(&csv), IMPORT_ROW);
    assert_int_equal(csv.count, CSV_FIELDS_MAX);
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_end_with_either_line_end_or_with_the_input),
        cmocka_unit_test(empty_fields_and_blanks_are_kept_and_empty_lines_skipped),
        cmocka_unit_test(quoted_fields_hold_commas_quotes_and_line_ends),
        cmocka_unit_test(what_is_no_csv_is_refused_and_says_why),
        cmocka_unit_test(a_nul_is_no_text),
        cmocka_unit_test(reading_goes_on_behind_a_wrong_line),
        cmocka_unit_test(a_row_has_its_bound),
        cmocka_unit_test(the_first_row_tells_what_separates_the_fields),
        cmocka_unit_test(a_row_has_at_most_64_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
