// What is like what, when somebody has mistyped it.
#include "similar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_distance_counts_single_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},         {"verify", "verify", 0}, {"verfy", "verify", 1}, {"verifyy", "verify", 1},
        {"tier", "teir", 1}, {"abc", "", 3},          {"", "ab", 2},          {"scope put", "scpoe pt", 2},
        {"ca", "abc", 3},    {"list", "lost", 1},     {"ab", "ba", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(similar_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(similar_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}

static void what_is_too_long_is_like_nothing(void **state)
{
    (void)state;
    char a[SIMILAR_SIZE_MAX + 1], b[SIMILAR_SIZE_MAX];
    memset(a, 'a', sizeof a);
    memset(b, 'a', sizeof b);
    a[sizeof a - 1] = '\0';
    b[sizeof b - 1] = '\0';
    assert_int_equal(similar_distance(a, a), SIMILAR_SIZE_MAX);
    assert_int_equal(similar_distance(a, b), SIMILAR_SIZE_MAX);
    assert_int_equal(similar_distance(b, b), 0);
    assert_int_equal(similar_distance(b, ""), sizeof b - 1);
}

static const char *best_of(const char *word, const char *const *candidates)
{
    struct similar similar = {0};
    for (; *candidates != NULL; candidates++)
        similar_offer(&similar, word, *candidates);
    return similar.best;
}

static void the_nearest_is_offered_and_of_equals_the_first(void **state)
{
    (void)state;
    static const char *const commands[] = {"get", "list", "tier put", "tier get", "roll", NULL};
    assert_string_equal(best_of("teir put", commands), "tier put");
    assert_string_equal(best_of("tier got", commands), "tier get");
    assert_string_equal(best_of("lst", commands), "list");
    assert_string_equal(best_of("tier xet", commands), "tier get");
}

static void what_is_unlike_all_gets_no_offer(void **state)
{
    (void)state;
    static const char *const commands[] = {"get", "list", "top", NULL};
    assert_null(best_of("revoke", commands));
    assert_null(best_of("gt", commands)); // two letters may be anything
    assert_null(best_of("lsit x", commands));
    assert_null(best_of("", commands));
    assert_null(best_of("toop!", (const char *const[]){NULL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_distance_counts_single_mistakes),
        cmocka_unit_test(what_is_too_long_is_like_nothing),
        cmocka_unit_test(the_nearest_is_offered_and_of_equals_the_first),
        cmocka_unit_test(what_is_unlike_all_gets_no_offer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
