#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"

enum { BUDGET = 64 * 1024 };

static size_t fill(struct arena *arena, size_t size)
{
    size_t count = 0;
    while (arena_alloc(arena, size) != NULL)
        count++;
    return count;
}

static void small_pieces_use_exactly_the_budget(void **state)
{
    (void)state;
    struct arena *arena = arena_new(BUDGET);
    assert_non_null(arena);
    assert_int_equal(fill(arena, 16), BUDGET / 16);
    assert_null(arena_alloc(arena, 1));
    arena_reset(arena);
    assert_int_equal(fill(arena, 16), BUDGET / 16);
    arena_free(arena);
}

static void piece_beyond_the_budget_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct arena *arena = arena_new(BUDGET);
    assert_null(arena_alloc(arena, BUDGET + 1));
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_alloc(arena, SIZE_MAX - 15));
    assert_non_null(arena_alloc(arena, BUDGET - ARENA_FIRST_BLOCK_SIZE));
    assert_non_null(arena_alloc(arena, ARENA_FIRST_BLOCK_SIZE / 2));
    arena_free(arena);
}

static void budget_below_the_first_block_holds(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64);
    assert_int_equal(fill(arena, 16), 4);
    arena_free(arena);
}

static void pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena *arena = arena_new(BUDGET);
    uint8_t *last = NULL;
    for (size_t size = 0; size < 300; size++) {
        uint8_t *piece = arena_alloc(arena, size);
        assert_non_null(piece);
        assert_int_equal((uintptr_t)piece % 16, 0);
        assert_ptr_not_equal(piece, last);
        memset(piece, (int)size, size);
        if (size > 1)
            assert_int_equal(last[size - 2], (uint8_t)(size - 1)); // the one before is unharmed
        last = piece;
    }
    arena_free(arena);
}

static void lowered_budget_stops_and_raised_budget_goes_on(void **state)
{
    (void)state;
    struct arena *arena = arena_new(BUDGET);
    assert_non_null(arena_alloc(arena, 1024));
    arena_set_budget(arena, 512);
    assert_null(arena_alloc(arena, 1));
    arena_set_budget(arena, 1040);
    assert_non_null(arena_alloc(arena, 16));
    assert_null(arena_alloc(arena, 1));
    arena_set_budget(arena, 4 * BUDGET);
    assert_non_null(arena_alloc(arena, 2 * BUDGET));
    arena_free(arena);
}

static void reset_wipes_and_keeps_the_first_block(void **state)
{
    (void)state;
    struct arena *arena = arena_new(BUDGET);
    uint8_t *first = arena_alloc(arena, 100);
    memset(first, 0xAA, 100);
    assert_non_null(arena_alloc(arena, 20000)); // a second block
    arena_reset(arena);
    uint8_t *again = arena_alloc(arena, 100);
    assert_ptr_equal(again, first);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
    arena_free(arena);
}

static void array_is_zeroed_and_checks_its_product(void **state)
{
    (void)state;
    struct arena *arena = arena_new(BUDGET);
    uint64_t *numbers = arena_array(arena, 100, sizeof *numbers);
    assert_non_null(numbers);
    for (size_t i = 0; i < 100; i++)
        assert_true(numbers[i] == 0);
    assert_null(arena_array(arena, SIZE_MAX / 8 + 1, 16));
    assert_null(arena_array(arena, SIZE_MAX / 2, 2));
    assert_non_null(arena_array(arena, 0, 8));
    arena_free(arena);
}

static void copy_is_a_copy_or_empty(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64);
    char text[] = "hello";
    struct slice copy;
    assert_true(arena_copy(arena, slice_text(text), &copy));
    text[0] = 'j';
    assert_true(slice_equal(copy, slice_text("hello")));
    assert_true(arena_copy(arena, slice_empty(), &copy));
    assert_int_equal(copy.size, 0);
    char large[128] = {0};
    copy = slice_text("rest");
    assert_false(arena_copy(arena, slice_make(large, sizeof large), &copy));
    assert_int_equal(copy.size, 0);
    assert_null(copy.data);
    arena_free(arena);
}

static void pool_reuses_up_to_keep_and_restores_the_budget(void **state)
{
    (void)state;
    struct arena_pool *pool = arena_pool_new(1024, 1);
    struct arena *a = arena_pool_take(pool);
    struct arena *b = arena_pool_take(pool);
    assert_ptr_not_equal(a, b);
    assert_int_equal(fill(a, 16), 64);
    arena_set_budget(a, 16);
    arena_pool_give(pool, a);
    arena_pool_give(pool, b); // one more than it keeps
    arena_pool_give(pool, NULL);
    struct arena *again = arena_pool_take(pool);
    assert_ptr_equal(again, a);
    assert_int_equal(fill(again, 16), 64);
    arena_pool_give(pool, again);
    arena_pool_free(pool);
    arena_pool_free(NULL);
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_pieces_use_exactly_the_budget),
        cmocka_unit_test(piece_beyond_the_budget_is_refused_and_changes_nothing),
        cmocka_unit_test(budget_below_the_first_block_holds),
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(lowered_budget_stops_and_raised_budget_goes_on),
        cmocka_unit_test(reset_wipes_and_keeps_the_first_block),
        cmocka_unit_test(array_is_zeroed_and_checks_its_product),
        cmocka_unit_test(copy_is_a_copy_or_empty),
        cmocka_unit_test(pool_reuses_up_to_keep_and_restores_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
