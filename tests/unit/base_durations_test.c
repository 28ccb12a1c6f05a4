#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/durations.h"

static void span_is_counted_in_the_first_bucket_that_holds_it(void **state)
{
    (void)state;
    struct durations durations = {.sum_ns = 0};
    for (size_t i = 0; i < DURATIONS_BOUNDS; i++) {
        durations_note(&durations, durations_bounds_ns[i]);
        durations_note(&durations, durations_bounds_ns[i] + 1);
    }
    assert_int_equal(durations.counts[0], 1);
    for (size_t i = 1; i < DURATIONS_BOUNDS; i++)
        assert_int_equal(durations.counts[i], 2);
    assert_int_equal(durations.counts[DURATIONS_BOUNDS], 1);
}

static void bounds_grow_and_the_sum_is_of_all(void **state)
{
    (void)state;
    struct durations durations = {.sum_ns = 0};
    for (size_t i = 1; i < DURATIONS_BOUNDS; i++)
        assert_true(durations_bounds_ns[i - 1] < durations_bounds_ns[i]);
    durations_note(&durations, 0);
    durations_note(&durations, 7);
    durations_note(&durations, UINT64_C(60000000000));
    assert_int_equal(durations.sum_ns, UINT64_C(60000000007));
    assert_int_equal(durations.counts[0], 2);
    assert_int_equal(durations.counts[DURATIONS_BOUNDS], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_is_counted_in_the_first_bucket_that_holds_it),
        cmocka_unit_test(bounds_grow_and_the_sum_is_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
