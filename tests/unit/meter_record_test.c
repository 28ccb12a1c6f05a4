// The stored messages of the store `meters/`: they come back as they were, and what is broken is refused.
#include "meter/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/zone_file.h"

static int make_arena(void **state)
{
    *state = arena_new((size_t)4 * 1024 * 1024);
    return *state == NULL;
}

static int free_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static void meter_comes_back_as_it_was(void **state)
{
    struct arena *arena = *state;
    struct slice bytes;
    struct limit_record back;
    struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW,
                                  .t_ms = 1,
                                  .amount = LIMIT_AMOUNT_MAX,
                                  .burst = 6,
                                  .reserved = 2,
                                  .index = 3,
                                  .used = 4,
                                  .begin_ms = 7,
                                  .end_ms = 8,
                                  .held = 9,
                                  .held_until_ms = 10,
                                  .counter_count = LIMIT_COUNTERS_MAX,
                                  .tat_ms = 5,
                                  .tat_fraction = UINT64_MAX,
                                  .maker = UINT32_MAX,
                                  .magnitude = LIMIT_MAGNITUDE_MAX};
    for (size_t i = 0; i < LIMIT_COUNTERS_MAX; i++)
        record.counters[i] = i * LIMIT_AMOUNT_MAX / LIMIT_COUNTERS_MAX;
    assert_true(meter_record_pack(&record, arena, &bytes));
    assert_int_equal(meter_record_unpack(bytes, NULL, arena, &back), STATUS_OK);
    assert_memory_equal(&back, &record, sizeof record);
}

static void magnitude_that_cannot_be_is_refused(void **state)
{
    struct slice bytes;
    struct limit_record record = {.algorithm = LIMIT_FIXED_WINDOW, .maker = 1, .magnitude = LIMIT_MAGNITUDE_MAX + 1};
    assert_true(meter_record_pack(&record, *state, &bytes));
    assert_int_equal(meter_record_unpack(bytes, NULL, *state, &record), STATUS_DATA_LOSS);
}

// By its name. One that is gone, or that an older version did not write, is the installation's.
static void time_zone_comes_back_by_its_name(void **state)
{
    struct arena *arena = *state;
    static const char *const names[] = {"Europe/Berlin", "+02:00", ZONE_UTC};
    struct zone *elsewhere = zone_new_fixed(3600), *gone = zone_put_back_at(0);
    struct meter_zones zones = {zone_table_new(NULL, NULL), elsewhere};
    struct limit_record record = {.algorithm = LIMIT_FIXED_WINDOW}, back;
    struct slice bytes;
    assert_non_null(zones.table);
    for (size_t i = 0; i < 3; i++) {
        assert_true(zone_find(zones.table, slice_text(names[i]), &record.zone) &&
                    meter_record_pack(&record, arena, &bytes));
        assert_int_equal(meter_record_unpack(bytes, &zones, arena, &back), STATUS_OK);
        assert_ptr_equal(back.zone, record.zone);
    }
    record.zone = gone;
    assert_true(meter_record_pack(&record, arena, &bytes));
    assert_int_equal(meter_record_unpack(bytes, &zones, arena, &back), STATUS_OK);
    assert_ptr_equal(back.zone, elsewhere);
    record.algorithm = LIMIT_TOKEN_BUCKET; // has none, as records of older versions
    assert_true(meter_record_pack(&record, arena, &bytes));
    assert_int_equal(meter_record_unpack(bytes, &zones, arena, &back), STATUS_OK);
    assert_ptr_equal(back.zone, elsewhere);
    zone_table_free(zones.table);
    zone_free(elsewhere);
    zone_free(gone);
}

static void clock_mark_comes_back_as_it_was(void **state)
{
    struct arena *arena = *state;
    struct slice bytes;
    struct clock_mark back;
    struct clock_mark mark = {.boot_id = {1, 2, 3}, .boot_ms = 4, .high_ms = UINT64_MAX};
    assert_true(meter_mark_pack(&mark, arena, &bytes));
    assert_int_equal(meter_mark_unpack(bytes, arena, &back), STATUS_OK);
    assert_memory_equal(&back, &mark, sizeof mark);
}

// --- what is refused

enum { METER, MARK, KINDS };

static enum status unpack_any(int which, struct slice bytes, struct arena *arena)
{
    struct limit_record meter;
    struct clock_mark mark;
    return which == METER ? meter_record_unpack(bytes, NULL, arena, &meter) : meter_mark_unpack(bytes, arena, &mark);
}

static void every_record_of_another_format_is_refused(void **state)
{
    const uint8_t newer[] = {0x08, 0x02}; // field 1 = 2
    const uint8_t none[] = {0x10, 0x01};  // field 2 = 1
    for (int which = METER; which < KINDS; which++) {
        assert_int_equal(unpack_any(which, slice_make(newer, sizeof newer), *state), STATUS_DATA_LOSS);
        assert_int_equal(unpack_any(which, slice_make(none, sizeof none), *state), STATUS_DATA_LOSS);
        assert_int_equal(unpack_any(which, slice_empty(), *state), STATUS_DATA_LOSS);
    }
}

static void altered_and_truncated_records_are_refused_or_harmless(void **state)
{
    struct arena *scratch = arena_new((size_t)1024 * 1024);
    struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW, .counter_count = LIMIT_COUNTERS_MAX};
    struct slice whole;
    memset(record.counters, 0x55, sizeof record.counters);
    assert_true(meter_record_pack(&record, *state, &whole));
    for (int which = METER; which < KINDS; which++) {
        for (size_t i = 0; i < whole.size; i++) {
            uint8_t *part = malloc(whole.size);
            memcpy(part, whole.data, whole.size);
            part[i] ^= (uint8_t)(1U << i % 8);
            enum status altered = unpack_any(which, slice_make(part, whole.size), scratch);
            assert_true(altered == STATUS_OK || altered == STATUS_DATA_LOSS);
            free(part);
            part = malloc(i + 1);
            memcpy(part + 1, whole.data, i); // ends where the memory ends
            enum status truncated = unpack_any(which, slice_make(part + 1, i), scratch);
            assert_true(truncated == STATUS_OK || truncated == STATUS_DATA_LOSS);
            free(part);
            arena_reset(scratch);
        }
    }
    arena_free(scratch);
}

static void arena_that_is_out_is_no_loss_of_data(void **state)
{
    struct arena *small = arena_new(64);
    struct limit_record record = {.algorithm = LIMIT_SLIDING_WINDOW, .counter_count = LIMIT_COUNTERS_MAX};
    struct limit_record back;
    struct slice bytes;
    assert_true(meter_record_pack(&record, *state, &bytes));
    if (small != NULL)
        assert_int_equal(meter_record_unpack(bytes, NULL, small, &back), STATUS_RESOURCE_EXHAUSTED);
    arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(meter_comes_back_as_it_was, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(magnitude_that_cannot_be_is_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(time_zone_comes_back_by_its_name, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(clock_mark_comes_back_as_it_was, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(every_record_of_another_format_is_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(altered_and_truncated_records_are_refused_or_harmless, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(arena_that_is_out_is_no_loss_of_data, make_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
