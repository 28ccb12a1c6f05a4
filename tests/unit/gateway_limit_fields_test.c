// RateLimit and RateLimit-Policy are Lists of Structured Fields: what is made is read again by the algorithm of RFC
// 9651 (4.2), which the vectors of its examples check first.
#include "limit_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// ------------------------------------------------------------------------------------- a reader of Structured Fields

static bool is_key_begin(char c)
{
    return (c >= 'a' && c <= 'z') || c == '*';
}

static bool is_key(char c)
{
    return is_key_begin(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool read_integer(const char **at)
{
    size_t sign = **at == '-', digits = strspn(*at + sign, "0123456789");
    *at += sign + digits;
    return digits >= 1 && digits <= 15;
}

static bool read_string(const char **at)
{
    if (*(*at)++ != '"')
        return false;
    for (;; (*at)++) {
        if (**at == '"')
            return ++*at, true;
        if (**at == '\\' && *++*at != '"' && **at != '\\')
            return false;
        if (**at < ' ' || **at > '~')
            return false;
    }
}

static bool read_parameters(const char **at)
{
    while (**at == ';') {
        ++*at;
        *at += strspn(*at, " ");
        if (!is_key_begin(**at))
            return false;
        while (is_key(**at))
            ++*at;
        if (**at == '=' && (++*at, true) && !(**at == '"' ? read_string(at) : read_integer(at)))
            return false;
    }
    return true;
}

// A List of Strings or Integers with parameters; true when the whole text is one.
static bool is_list(const char *text)
{
    text += strspn(text, " ");
    while (*text != '\0') {
        if (!(*text == '"' ? read_string(&text) : read_integer(&text)) || !read_parameters(&text))
            return false;
        text += strspn(text, " \t");
        if (*text == '\0')
            return true;
        if (*text++ != ',')
            return false;
        text += strspn(text, " \t");
        if (*text == '\0')
            return false; // a comma at the end
    }
    return true;
}

static void the_reader_knows_the_vectors(void **state)
{
    (void)state;
    static const char *const good[] = {
        "1",
        "42",
        "-42",
        "0",
        "999999999999999",
        "\"foo bar\"",
        "\"\"",
        "\"foo \\\"bar\\\" \\\\ baz\"",
        "1;a;b=4",
        "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400",
        "\"default\";r=50;t=30",
        "1,42",
        "1 , 42",
        "1\t,\t42",
    };
    static const char *const bad[] = {
        "1,",           "1,,42",       ",1",
        "\"foo",        "\"foo \\,\"", "\"f\x01o\"",
        "\"\xC3\xBC\"", "--0",         "1000000000000000",
        "\"a\" b",      "\"a\";Q=1",   "\"a\";q=",
        "\"a\";q =1",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!is_list(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (is_list(bad[i]))
            fail_msg("%s", bad[i]);
}

// -------------------------------------------------------------------------------------------------------- what is made

static const char *value_of(const struct http_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->field_count; i++)
        if (strcmp(answer->fields[i].name, name) == 0)
            return answer->fields[i].value;
    return NULL;
}

static struct pool pool;

static struct http_answer fields_of(const struct postern_meter *meters, size_t count,
                                    const struct postern_meter *binding)
{
    struct http_answer answer = {.pool = &pool};
    limit_fields_add(&answer, meters, count, binding, 1000000);
    return answer;
}

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

static void all_limits_are_said_and_the_binding_one(void **state)
{
    (void)state;
    const struct postern_meter meters[] = {
        {.resource = "requests", .window_s = 60, .limit = 10, .remaining = 3, .reset_at_ms = 1030001},
        {.resource = "requests", .period = POSTERN_PERIOD_DAY, .limit = 100, .remaining = 99, .reset_at_ms = 2000000},
        {.resource = "credits", .period = POSTERN_PERIOD_TOTAL, .limit = 5000, .remaining = 4000},
        {.resource = "requests", .window_s = 90, .limit = 7, .remaining = 7, .subject = POSTERN_SUBJECT_KEY},
        {.resource = "free", .unlimited = true},
        {.resource = "tried", .window_s = 60, .limit = 1, .shadow = true},
    };
    const struct http_answer answer = fields_of(meters, 6, &meters[0]);
    assert_string_equal(value_of(&answer, "RateLimit-Policy"),
                        "\"requests/60s\";q=10;w=60, \"requests/day\";q=100;w=86400, \"credits/total\";q=5000, "
                        "\"key:requests/90s\";q=7;w=90");
    assert_string_equal(value_of(&answer, "RateLimit"),
                        "\"requests/60s\";r=3;t=31, \"requests/day\";r=99;t=1000, \"credits/total\";r=4000, "
                        "\"key:requests/90s\";r=7");
    assert_string_equal(value_of(&answer, "X-RateLimit-Limit"), "10");
    assert_string_equal(value_of(&answer, "X-RateLimit-Remaining"), "3");
    assert_string_equal(value_of(&answer, "X-RateLimit-Reset"), "1031");
    assert_true(is_list(value_of(&answer, "RateLimit")) && is_list(value_of(&answer, "RateLimit-Policy")));
}

static void unlimited_says_nothing(void **state)
{
    (void)state;
    const struct postern_meter meter = {.resource = "requests", .unlimited = true};
    const struct http_answer answer = fields_of(&meter, 1, &meter);
    assert_int_equal(answer.field_count, 0);
}

// Also of resources that no posternd would have, and of the largest amounts.
static void whatever_the_names_are_the_fields_are_lists(void **state)
{
    (void)state;
    char name[POSTERN_RESOURCE_MAX + 1] = "";
    srand(7);
    for (int round = 0; round < 2000; round++) {
        size_t size = 1 + (size_t)rand() % POSTERN_RESOURCE_MAX;
        memset(name, 0, sizeof name);
        for (size_t i = 0; i < size; i++)
            name[i] = (char)(1 + rand() % 255);
        const struct postern_meter meters[] = {
            {.resource = name, .window_s = UINT32_MAX, .limit = UINT64_MAX, .remaining = UINT64_MAX},
            {.resource = name, .limit = POSTERN_AMOUNT_MAX, .period = POSTERN_PERIOD_YEAR, .reset_at_ms = UINT64_MAX},
        };
        const struct http_answer answer = fields_of(meters, 2, &meters[1]);
        if (!is_list(value_of(&answer, "RateLimit")) || !is_list(value_of(&answer, "RateLimit-Policy")))
            fail_msg("%s", value_of(&answer, "RateLimit"));
        pool_wipe(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_knows_the_vectors),
        cmocka_unit_test_setup_teardown(all_limits_are_said_and_the_binding_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unlimited_says_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_the_names_are_the_fields_are_lists, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
