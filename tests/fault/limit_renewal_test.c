// There is no memory to let a meter begin anew: then it stays as it was, and the renewal says so.

#include <stdlib.h>

#include "unit/limit_account.h"

// The source that allocates is compiled in here, so that its allocations can be made to fail.
static bool fails;

static void *fake_calloc(size_t count, size_t size)
{
    return fails ? NULL : calloc(count, size);
}

#define calloc fake_calloc
#include "limit/sliding_window.c"
#undef calloc

static void meter_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, false);
    add_applicable(&world, "tries=80/hour")->subject = LIMIT_OF_CUSTOM;
    install(&world, "tries");
    spend(&world, "tries", 50);
    fails = true;
    assert_false(limit_renew(world.table, acme()));
    fails = false;
    assert_int_equal(remaining(&world, "tries"), 30);
    assert_true(limit_renew(world.table, acme()));
    assert_int_equal(remaining(&world, "tries"), 80);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(meter_without_memory_stays_as_it_was)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
