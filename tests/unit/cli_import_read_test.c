// Rows of an import, from JSON Lines and from CSV.
#include "import/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN      "an-old-token-of-another-system"
#define HEX        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of "abc", FIPS 180-2
#define BASE64     "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
#define BASE64_URL "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"

static struct import_reader *reader;
static struct pool pool;
static struct import_row row;

static int set_up(void **state)
{
    (void)state;
    reader = malloc(sizeof *reader);
    return reader == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free(reader);
    return 0;
}

static bool begin(const char *text, enum import_format format)
{
    FILE *in = tmpfile();
    assert_non_null(in);
    assert_int_equal(fwrite(text, 1, strlen(text), in), strlen(text));
    rewind(in);
    return import_begin(reader, in, format);
}

static void done(void)
{
    fclose(reader->in);
    pool_wipe(&pool);
    import_end(reader);
}

static void assert_row(size_t line)
{
    enum import_result result = import_read(reader, &pool, &row);
    if (result != IMPORT_ROW)
        fail_msg("%s", reader->wrong);
    assert_int_equal(row.line, line);
}

static void assert_wrong_row(size_t line, const char *why)
{
    assert_int_equal(import_read(reader, &pool, &row), IMPORT_WRONG);
    assert_int_equal(row.line, line);
    if (strstr(reader->wrong, why) == NULL)
        fail_msg("it said: %s", reader->wrong);
}

static void assert_end(void)
{
    assert_int_equal(import_read(reader, &pool, &row), IMPORT_END);
}

// One row of JSON, which is wrong.
static void assert_wrong_json(const char *text, const char *why)
{
    assert_true(begin(text, IMPORT_FORMAT_JSON));
    assert_wrong_row(1, why);
    assert_null(strstr(reader->wrong, TOKEN));
    done();
}

static void assert_digest_of_abc(void)
{
    assert_non_null(row.key.sha256);
    assert_int_equal(row.key.sha256[0], 0xBA);
    assert_int_equal(row.key.sha256[16], 0xB0);
    assert_int_equal(row.key.sha256[31], 0xAD);
}

// -------------------------------------------------------------------------------------------------------------- JSON

static void every_field_of_a_json_object_is_read(void **state)
{
    (void)state;
    assert_true(begin("{\"token\": \"" TOKEN "\", \"account\": \"acme\", \"name\": \"ingest\", \"env\": \"live\","
                      "\"type\": \"public\", \"scopes\": [\"a:b\", \"c\"], \"expires\": 2211616800250,"
                      "\"prefix\": \"acme\", \"limits\": [\"requests=60/min\"], \"addresses\": [\"10.0.0.0/8\"],"
                      "\"metadata\": {\"team\": \"core\"}}\n",
                      IMPORT_FORMAT_UNKNOWN));
    assert_row(1);
    const struct postern_create_request *key = &row.key.key;
    assert_string_equal(row.key.api_key, TOKEN);
    assert_null(row.key.sha256);
    assert_string_equal(key->account, "acme");
    assert_string_equal(key->name, "ingest");
    assert_int_equal(key->environment, POSTERN_ENVIRONMENT_LIVE);
    assert_int_equal(key->type, POSTERN_KEY_TYPE_PUBLIC);
    assert_int_equal(key->scope_count, 2);
    assert_string_equal(key->scopes[0], "a:b");
    assert_string_equal(key->scopes[1], "c");
    assert_true(key->expires_at_ms == UINT64_C(2211616800250));
    assert_string_equal(key->prefix, "acme");
    assert_int_equal(key->limit_count, 1);
    assert_int_equal(key->limits[0].amount, 60);
    assert_string_equal(key->allowed_addresses[0], "10.0.0.0/8");
    assert_string_equal(key->metadata[0].key, "team");
    assert_string_equal(key->metadata[0].value, "core");
    assert_end();
    done();
}

static void a_digest_comes_in_hex_or_base64(void **state)
{
    (void)state;
    assert_true(begin("{\"sha256\": \"" HEX "\", \"account\": \"a\", \"name\": \"n\"}\n"
                      "{\"sha256\": \"" BASE64 "\", \"account\": \"a\", \"name\": \"n\"}\n"
                      "{\"sha256\": \"" BASE64_URL "\", \"account\": \"a\", \"name\": \"n\"}\n"
                      "{\"sha256\": \"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\","
                      "\"account\": \"a\", \"name\": \"n\"}",
                      IMPORT_FORMAT_UNKNOWN));
    for (size_t line = 1; line <= 4; line++) {
        assert_row(line);
        assert_digest_of_abc();
        assert_null(row.key.api_key);
    }
    assert_end();
    done();
    assert_wrong_json("{\"sha256\": \"abc\"}", "64 digits");
    assert_wrong_json("{\"sha256\": \"" HEX "00\"}", "64 digits");
    assert_wrong_json("{\"sha256\": \"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1=\"}", "Base64"); // bits left over
}

static void lines_are_counted_blank_ones_too(void **state)
{
    (void)state;
    assert_true(begin("\n  \r\n{\"token\": \"" TOKEN "\", \"account\": \"a\", \"name\": \"n\"}\r\n\n\nnonsense\n"
                      "{\"token\": \"" TOKEN "\", \"account\": \"a\", \"name\": \"n\", \"expires\": null}",
                      IMPORT_FORMAT_UNKNOWN));
    assert_row(3);
    assert_wrong_row(6, "no JSON object");
    assert_row(7);
    assert_int_equal(row.key.key.expires_at_ms, 0);
    assert_end();
    done();
}

static void what_is_wrong_with_an_object_is_said(void **state)
{
    (void)state;
    assert_wrong_json("{\"account\": \"a\", \"name\": \"n\"}", "neither token nor sha256");
    assert_wrong_json("{\"token\": \"" TOKEN "\", \"sha256\": \"" HEX "\"}", "both token and sha256");
    assert_wrong_json("{\"token\": \"" TOKEN "\", \"name\": \"n\"}", "--account");
    assert_wrong_json("{\"token\": \"" TOKEN "\", \"account\": \"a\"}", "--name");
    assert_wrong_json("{\"scoped\": []}", "no field \"scoped\"");
    assert_wrong_json("{\"env\": \"staging\"}", "\"staging\"");
    assert_wrong_json("{\"type\": 3}", "type that does not belong");
    assert_wrong_json("{\"scopes\": [1]}", "an entry that is no text");
    assert_wrong_json("{\"expires\": 1700000000}", "\"1700000000\" is no time");
    assert_wrong_json("{\"expires\": \"soon\"}", "\"soon\"");
    assert_wrong_json("{\"expires\": \"2027-02-31T00:00:00Z\"}", "there is no 31 February 2027");
    assert_wrong_json("{\"expires\": \"2027-04-31\"}", "there is no 31 April 2027");
    assert_wrong_json("{\"limits\": \"requests=60/fortnight\"}", "requests=60/min");
    assert_wrong_json("{\"metadata\": {\"a\": 1}}", "no text");
    assert_wrong_json("{\"name\": \"a\", \"name\": \"b\"}", "twice");
    assert_wrong_json("3", "no JSON object");
    assert_wrong_json("{\"name\": \"" TOKEN "\"", "no JSON object"); // cut short; must not be shown
    assert_wrong_json("{\"env\": \"" TOKEN "\"}", "\"...\"");        // fields mixed up
}

static void a_line_has_its_bound(void **state)
{
    (void)state;
    char *text = malloc(CSV_ROW_SIZE_MAX + 256);
    assert_non_null(text);
    memset(text, ' ', CSV_ROW_SIZE_MAX + 8);
    text[0] = '{';
    strcpy(text + CSV_ROW_SIZE_MAX + 8, "}\n{\"token\": \"" TOKEN "\", \"account\": \"a\", \"name\": \"n\"}\n");
    assert_true(begin(text, IMPORT_FORMAT_UNKNOWN));
    assert_wrong_row(1, "longer than");
    assert_row(2);
    assert_end();
    done();
    free(text);
}

static void an_array_says_how_to_make_lines_of_it(void **state)
{
    (void)state;
    assert_false(begin("[{\"token\": 1}]", IMPORT_FORMAT_UNKNOWN));
    assert_non_null(strstr(reader->wrong, "jq"));
    done();
}

// --------------------------------------------------------------------------------------------------------------- CSV

static void columns_are_named_by_the_first_line(void **state)
{
    (void)state;
    assert_true(begin("\xEF\xBB\xBFname,sha256,account,scopes,limits,metadata.team,metadata,expires\r\n"
                      "\"in, gest\"," HEX ",acme,\"a:b c,d\",requests=60/min;requests=9/day,core,x=1;y=2,never\r\n"
                      "plain," BASE64 ",acme,,,,,\r\n",
                      IMPORT_FORMAT_UNKNOWN));
    assert_row(2);
    const struct postern_create_request *key = &row.key.key;
    assert_digest_of_abc();
    assert_string_equal(key->name, "in, gest");
    assert_int_equal(key->scope_count, 3);
    assert_string_equal(key->scopes[2], "d");
    assert_int_equal(key->limit_count, 2);
    assert_int_equal(key->limits[1].amount, 9);
    assert_int_equal(key->metadata_count, 3);
    assert_string_equal(key->metadata[0].key, "team");
    assert_string_equal(key->metadata[2].key, "y");
    assert_string_equal(key->metadata[2].value, "2");
    assert_row(3);
    assert_int_equal(row.key.key.scope_count, 0);
    assert_int_equal(row.key.key.metadata_count, 0);
    assert_end();
    done();
}

static void a_row_that_does_not_fit_the_columns_is_wrong(void **state)
{
    (void)state;
    assert_true(begin("token,account,name\n" TOKEN ",acme\n\"" TOKEN "\",\"acme\",\"two\nlines\"\n" TOKEN ",a,b\"c\n"
                      "x,acme,n,more\n" TOKEN ",acme,n\n",
                      IMPORT_FORMAT_UNKNOWN));
    assert_wrong_row(2, "2 fields");
    assert_row(3);
    assert_wrong_row(5, "quotation mark");
    assert_wrong_row(6, "4 fields");
    assert_row(7);
    assert_end();
    done();
}

static void unknown_columns_are_refused(void **state)
{
    (void)state;
    assert_false(begin("token,owner\n", IMPORT_FORMAT_UNKNOWN));
    assert_non_null(strstr(reader->wrong, "column 2, \"owner\""));
    done();
    assert_false(begin("token,name,api_key\n", IMPORT_FORMAT_UNKNOWN));
    assert_non_null(strstr(reader->wrong, "twice"));
    done();
    assert_false(begin(TOKEN ",acme,n\n", IMPORT_FORMAT_UNKNOWN)); // no first line with names
    assert_non_null(strstr(reader->wrong, "column 1"));
    assert_null(strstr(reader->wrong, TOKEN));
    done();
}

static void semicolons_and_blanks_around_fields_are_understood(void **state)
{
    (void)state;
    assert_true(begin("token; account ;name;scopes\n  Bearer " TOKEN " ; acme;a, b;read;\n", IMPORT_FORMAT_UNKNOWN));
    assert_wrong_row(2, "5 fields"); // of a list in a field as well: quote it
    assert_end();
    done();
    assert_true(
        begin("token; account ;name;scopes\n  Bearer " TOKEN " ; acme; a, b ;\"read;write\"\n", IMPORT_FORMAT_UNKNOWN));
    assert_row(2);
    assert_string_equal(row.key.api_key, TOKEN);
    assert_int_equal(row.token_findings, IMPORT_TOKEN_SPACE | IMPORT_TOKEN_BEARER);
    assert_string_equal(row.key.key.account, "acme");
    assert_string_equal(row.key.key.name, " a, b ");
    assert_int_equal(row.key.key.scope_count, 2);
    assert_end();
    done();
}

static void a_column_that_is_none_gets_a_hint(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        const char *hint;
    } columns[] = {{"id|secret,account\n", "name the column token"},
                   {"name,key_hash\n", "name the column sha256"},
                   {"secret\n", "name the column token"}};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        assert_false(begin(columns[i].input, IMPORT_FORMAT_UNKNOWN));
        assert_non_null(strstr(reader->wrong, columns[i].hint));
        done();
    }
}

static void what_is_not_said_is_taken_from_the_start(void **state)
{
    (void)state;
    assert_true(begin("token,environment\n" TOKEN ",\n" TOKEN ",test\n", IMPORT_FORMAT_CSV));
    reader->start =
        (struct postern_create_request){.account = "acme", .name = "old", .environment = POSTERN_ENVIRONMENT_LIVE};
    assert_row(2);
    assert_string_equal(row.key.key.account, "acme");
    assert_string_equal(row.key.key.name, "old");
    assert_int_equal(row.key.key.environment, POSTERN_ENVIRONMENT_LIVE);
    assert_row(3);
    assert_int_equal(row.key.key.environment, POSTERN_ENVIRONMENT_TEST);
    assert_end();
    done();
}

static void a_span_counts_from_the_time_that_was_given(void **state)
{
    (void)state;
    assert_true(begin("token,account,name,expires\n" TOKEN ",a,n,2w\n" TOKEN ",a,n,2040-01-31\n", IMPORT_FORMAT_CSV));
    reader->now_ms = UINT64_C(1800000000000);
    assert_row(2);
    assert_true(row.key.key.expires_at_ms == UINT64_C(1801209600000));
    assert_row(3);
    assert_true(row.key.key.expires_at_ms == UINT64_C(2211580800000));
    assert_end();
    done();
}

static void no_input_is_no_row(void **state)
{
    (void)state;
    assert_true(begin("", IMPORT_FORMAT_UNKNOWN));
    assert_end();
    done();
    assert_true(begin("token,account,name\n", IMPORT_FORMAT_UNKNOWN));
    assert_end();
    done();
}

static void lists_have_the_bounds_of_the_protocol(void **state)
{
    (void)state;
    char text[1024] = "{\"scopes\": \"";
    for (int i = 0; i < 65; i++)
        strcat(text, "a:b ");
    strcat(text, "\"}");
    assert_wrong_json(text, "more than 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_a_json_object_is_read),
        cmocka_unit_test(a_digest_comes_in_hex_or_base64),
        cmocka_unit_test(lines_are_counted_blank_ones_too),
        cmocka_unit_test(what_is_wrong_with_an_object_is_said),
        cmocka_unit_test(a_line_has_its_bound),
        cmocka_unit_test(an_array_says_how_to_make_lines_of_it),
        cmocka_unit_test(columns_are_named_by_the_first_line),
        cmocka_unit_test(a_row_that_does_not_fit_the_columns_is_wrong),
        cmocka_unit_test(unknown_columns_are_refused),
        cmocka_unit_test(semicolons_and_blanks_around_fields_are_understood),
        cmocka_unit_test(a_column_that_is_none_gets_a_hint),
        cmocka_unit_test(what_is_not_said_is_taken_from_the_start),
        cmocka_unit_test(a_span_counts_from_the_time_that_was_given),
        cmocka_unit_test(no_input_is_no_row),
        cmocka_unit_test(lists_have_the_bounds_of_the_protocol),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
