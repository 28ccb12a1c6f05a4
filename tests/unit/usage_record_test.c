// Tallies and last uses, to stored bytes and back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "usage/usage.h"

static int make_arena(void **state)
{
    *state = arena_new(1024 * 1024);
    return *state != NULL ? 0 : -1;
}

static int free_arena(void **state)
{
    arena_free(*state);
    return 0;
}

// A changed copy must not change what was read: nothing may point into the record.
static enum status reread_tally(struct arena *arena, struct slice bytes, struct usage_tally *out)
{
    uint8_t copy[2048];
    assert_true(bytes.size <= sizeof copy);
    memcpy(copy, bytes.data, bytes.size);
    enum status status = usage_unpack_tally(slice_make(copy, bytes.size), arena, out);
    memset(copy, 0xAA, sizeof copy);
    return status;
}

static void tally_comes_back_as_it_was(void **state)
{
    struct usage_count counts[] = {{REASON_ALLOWED, UINT64_MAX}, {REASON_RATE_LIMITED, 3}, {99, 1}};
    struct usage_cost costs[] = {{slice_text("requests"), 12}, {slice_text(USAGE_OTHER), 1}};
    const struct usage_tally tally = {counts, 3, costs, 2, 7};
    struct usage_tally back;
    struct slice bytes;
    assert_true(usage_pack_tally(&tally, *state, &bytes));
    assert_int_equal(reread_tally(*state, bytes, &back), STATUS_OK);
    assert_int_equal(back.count_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(back.counts[i].reason, counts[i].reason);
        assert_int_equal(back.counts[i].count, counts[i].count);
    }
    assert_int_equal(back.cost_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(slice_equal(back.costs[i].resource, costs[i].resource));
        assert_int_equal(back.costs[i].cost, costs[i].cost);
    }
    assert_int_equal(back.would_refuse, 7);
}

static void empty_tally_comes_back_empty(void **state)
{
    const struct usage_tally tally = {0};
    struct usage_tally back;
    struct slice bytes;
    assert_true(usage_pack_tally(&tally, *state, &bytes));
    assert_int_equal(usage_unpack_tally(bytes, *state, &back), STATUS_OK);
    assert_int_equal(back.count_count, 0);
    assert_int_equal(back.cost_count, 0);
}

static enum status unpack_wide(struct arena *arena, size_t counts, size_t costs)
{
    struct usage_count count[REASON_COUNT + 1];
    struct usage_cost cost[USAGE_COSTS + 2];
    const struct usage_tally tally = {count, counts, cost, costs, 0};
    struct usage_tally back;
    struct slice bytes;
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
        count[i] = (struct usage_count){(uint32_t)i + 1, 1};
    for (size_t i = 0; i < sizeof cost / sizeof *cost; i++)
        cost[i] = (struct usage_cost){slice_text("requests"), 1};
    assert_true(usage_pack_tally(&tally, arena, &bytes));
    return usage_unpack_tally(bytes, arena, &back);
}

static void tally_that_holds_more_than_fits_is_refused(void **state)
{
    assert_int_equal(unpack_wide(*state, REASON_COUNT, USAGE_COSTS + 1), STATUS_OK);
    assert_int_equal(unpack_wide(*state, REASON_COUNT + 1, 0), STATUS_DATA_LOSS);
    assert_int_equal(unpack_wide(*state, 0, USAGE_COSTS + 2), STATUS_DATA_LOSS);
}

static struct usage_last some_last(size_t networks)
{
    struct usage_last last = {.first_ms = 1, .last_ms = UINT64_MAX, .networks_met = 70, .network_count = networks};
    for (size_t i = 0; i < networks; i++)
        last.networks[i] = (struct usage_network){UINT64_MAX - i, i, i + 1};
    last.address_size = USAGE_ADDRESS_MAX;
    memset(last.address, 'f', USAGE_ADDRESS_MAX);
    return last;
}

static void last_use_comes_back_as_it_was(void **state)
{
    const struct usage_last last = some_last(USAGE_NETWORKS);
    struct usage_last back;
    struct slice bytes;
    assert_true(usage_pack_last(&last, *state, &bytes));
    assert_int_equal(usage_unpack_last(bytes, *state, &back), STATUS_OK);
    assert_int_equal(back.first_ms, last.first_ms);
    assert_int_equal(back.last_ms, last.last_ms);
    assert_int_equal(back.networks_met, last.networks_met);
    assert_int_equal(back.network_count, USAGE_NETWORKS);
    assert_memory_equal(back.networks, last.networks, sizeof last.networks);
    assert_int_equal(back.address_size, USAGE_ADDRESS_MAX);
    assert_memory_equal(back.address, last.address, USAGE_ADDRESS_MAX);
}

// The format is the first member: tag 1, its number in the byte behind.
static void other_formats_and_broken_bytes_are_refused(void **state)
{
    struct usage_last last = some_last(2);
    const struct usage_tally tally = {0};
    struct usage_tally tally_back;
    struct slice bytes;
    uint8_t changed[512];
    assert_true(usage_pack_last(&last, *state, &bytes));
    assert_true(bytes.size <= sizeof changed);
    memcpy(changed, bytes.data, bytes.size);
    assert_int_equal(usage_unpack_last(slice_make(changed, bytes.size - 1), *state, &last), STATUS_DATA_LOSS);
    changed[1] = 2;
    assert_int_equal(usage_unpack_last(slice_make(changed, bytes.size), *state, &last), STATUS_DATA_LOSS);
    assert_true(usage_pack_tally(&tally, *state, &bytes));
    memcpy(changed, bytes.data, bytes.size);
    changed[1] = 2;
    assert_int_equal(usage_unpack_tally(slice_make(changed, bytes.size), *state, &tally_back), STATUS_DATA_LOSS);
    assert_int_equal(usage_unpack_tally(slice_empty(), *state, &tally_back), STATUS_DATA_LOSS);
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(tally_comes_back_as_it_was),
        WITH_ARENA(empty_tally_comes_back_empty),
        WITH_ARENA(tally_that_holds_more_than_fits_is_refused),
        WITH_ARENA(last_use_comes_back_as_it_was),
        WITH_ARENA(other_formats_and_broken_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
