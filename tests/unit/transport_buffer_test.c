#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "transport/buffer.h"

enum { UNIT = 4096, MANY = 64 * UNIT };

struct fixture {
    struct buffer_budget budget;
    struct buffer buffer;
    uint8_t next_in, next_out; // what is put in and has to come out
};

static size_t used(struct fixture *fixture)
{
    return atomic_load(&fixture->budget.used_bytes);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return 1;
    fixture->budget.max_bytes = MANY;
    fixture->buffer.budget = &fixture->budget;
    *state = fixture;
    return 0;
}

// Nothing that was counted may be forgotten.
static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    buffer_wipe(&fixture->buffer);
    const size_t left = used(fixture);
    free(fixture);
    return left == 0 ? 0 : 1;
}

static void put(struct fixture *fixture, size_t size)
{
    struct buffer *buffer = &fixture->buffer;
    assert_true(buffer_reserve(buffer, size));
    assert_true(buffer_room(buffer) >= size);
    for (size_t i = 0; i < size; i++)
        buffer->data[buffer->end++] = fixture->next_in++;
}

static void look(struct fixture *fixture)
{
    struct slice bytes = buffer_bytes(&fixture->buffer);
    for (size_t i = 0; i < bytes.size; i++)
        assert_int_equal(bytes.data[i], (uint8_t)(fixture->next_out + i));
}

static void take(struct fixture *fixture, size_t size)
{
    look(fixture);
    buffer_take(&fixture->buffer, size);
    fixture->next_out = (uint8_t)(fixture->next_out + size);
    look(fixture);
}

// --- in and out

static void empty_buffer_has_nothing_and_costs_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(buffer_size(&fixture->buffer), 0);
    assert_int_equal(buffer_room(&fixture->buffer), 0);
    assert_true(buffer_reserve(&fixture->buffer, 0));
    assert_int_equal(used(fixture), 0);
    buffer_shrink(&fixture->buffer, 0);
    buffer_wipe(&fixture->buffer);
    assert_int_equal(used(fixture), 0);
}

static void bytes_come_out_in_the_order_they_went_in(void **state)
{
    struct fixture *fixture = *state;
    for (size_t round = 1; round < 200; round++) {
        put(fixture, 37 * round % 1000);
        take(fixture, buffer_size(&fixture->buffer) * (round % 4) / 3);
    }
    take(fixture, buffer_size(&fixture->buffer));
    assert_int_equal(buffer_size(&fixture->buffer), 0);
}

static void what_fits_is_moved_to_the_front_and_not_grown(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, UNIT);
    take(fixture, UNIT - 10);
    const uint8_t *data = fixture->buffer.data;
    put(fixture, UNIT - 10);
    assert_ptr_equal(fixture->buffer.data, data);
    assert_int_equal(fixture->buffer.capacity, UNIT);
    assert_int_equal(used(fixture), UNIT);
    assert_int_equal(buffer_size(&fixture->buffer), UNIT);
    look(fixture);
}

static void what_does_not_fit_grows_to_twice_or_to_what_is_wanted(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1);
    assert_int_equal(fixture->buffer.capacity, UNIT);
    put(fixture, UNIT);
    assert_int_equal(fixture->buffer.capacity, 2 * UNIT);
    put(fixture, 5 * UNIT);
    assert_int_equal(fixture->buffer.capacity, 7 * UNIT);
    assert_int_equal(used(fixture), 7 * UNIT);
    look(fixture);
}

static void buffer_that_was_emptied_begins_at_its_front_again(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 100);
    take(fixture, 100);
    assert_int_equal(buffer_room(&fixture->buffer), UNIT);
}

// --- the budget

static void over_the_budget_nothing_changes(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 3 * UNIT);
    take(fixture, 5);
    struct buffer before = fixture->buffer;
    assert_false(buffer_reserve(&fixture->buffer, MANY));
    assert_memory_equal(&before, &fixture->buffer, sizeof before);
    assert_int_equal(used(fixture), 3 * UNIT);
    look(fixture);
    assert_true(buffer_reserve(&fixture->buffer, 5)); // what fits is not refused
}

static void budget_is_shared(void **state)
{
    struct fixture *fixture = *state;
    struct buffer other = {.budget = &fixture->budget};
    assert_true(buffer_reserve(&other, MANY - UNIT));
    assert_false(buffer_reserve(&fixture->buffer, UNIT + 1));
    assert_true(buffer_reserve(&fixture->buffer, UNIT));
    assert_int_equal(used(fixture), MANY);
    buffer_wipe(&other);
    assert_int_equal(used(fixture), UNIT);
    assert_true(buffer_reserve(&fixture->buffer, UNIT + 1));
}

// While it grows both the old and the new one are there.
static void growing_is_counted_with_what_it_grows_from(void **state)
{
    struct fixture *fixture = *state;
    assert_true(buffer_reserve(&fixture->buffer, MANY / 2 + UNIT));
    fixture->buffer.end = 1;
    fixture->buffer.data[0] = 0;
    assert_false(buffer_reserve(&fixture->buffer, MANY / 2 + UNIT));
    assert_int_equal(used(fixture), MANY / 2 + UNIT);
}

struct crowd {
    struct buffer_budget *budget;
    atomic_bool over;
};

static void *reserve_and_wipe(void *context)
{
    struct crowd *crowd = context;
    struct buffer buffer = {.budget = crowd->budget};
    for (size_t i = 0; i < 2000; i++) {
        if (buffer_reserve(&buffer, (i % 40 + 1) * UNIT) && buffer.capacity > crowd->budget->max_bytes)
            atomic_store(&crowd->over, true);
        if (i % 3 == 0)
            buffer_wipe(&buffer);
    }
    buffer_wipe(&buffer);
    return NULL;
}

static void budget_of_many_threads_returns_to_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct crowd crowd = {.budget = &fixture->budget};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reserve_and_wipe, &crowd), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_false(atomic_load(&crowd.over));
    assert_int_equal(used(fixture), 0);
}

// --- shrinking, swapping, wiping

static void only_an_empty_buffer_that_is_too_large_gives_memory_back(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 4 * UNIT);
    buffer_shrink(&fixture->buffer, UNIT);
    assert_int_equal(used(fixture), 4 * UNIT);
    look(fixture);
    take(fixture, 4 * UNIT);
    buffer_shrink(&fixture->buffer, 4 * UNIT);
    assert_int_equal(used(fixture), 4 * UNIT);
    buffer_shrink(&fixture->buffer, 4 * UNIT - 1);
    assert_int_equal(used(fixture), 0);
    put(fixture, 10); // and can be used again
    look(fixture);
}

static void swapped_buffers_keep_what_is_theirs(void **state)
{
    struct fixture *fixture = *state;
    struct buffer other = {.budget = &fixture->budget};
    put(fixture, 100);
    buffer_swap(&fixture->buffer, &other);
    assert_int_equal(buffer_size(&fixture->buffer), 0);
    assert_int_equal(buffer_size(&other), 100);
    assert_int_equal(used(fixture), UNIT);
    buffer_swap(&fixture->buffer, &other);
    look(fixture);
    buffer_wipe(&other);
    assert_int_equal(used(fixture), UNIT);
}

static bool holds_secret(const struct buffer *buffer)
{
    return buffer->capacity >= 6 && memmem(buffer->data, buffer->capacity, "secret", 6) != NULL;
}

static void put_text(struct fixture *fixture, const char *text)
{
    size_t size = strlen(text);
    assert_true(buffer_reserve(&fixture->buffer, size));
    memcpy(fixture->buffer.data + fixture->buffer.end, text, size);
    fixture->buffer.end += size;
}

// The rest of the memory is made known first: it comes from malloc as it is.
static void prepare(struct fixture *fixture)
{
    assert_true(buffer_reserve(&fixture->buffer, UNIT));
    memset(fixture->buffer.data, '.', fixture->buffer.capacity);
}

static void what_was_taken_is_wiped(void **state)
{
    struct fixture *fixture = *state;
    prepare(fixture);
    put_text(fixture, "secret and more");
    assert_true(holds_secret(&fixture->buffer));
    buffer_take(&fixture->buffer, 6);
    assert_false(holds_secret(&fixture->buffer));
    assert_int_equal(buffer_size(&fixture->buffer), 9);
}

// At each distance from the front: apart from where it was, and overlapping it.
static void what_was_moved_is_wiped_where_it_was(void **state)
{
    struct fixture *fixture = *state;
    for (size_t front = 1; front < 20; front++) {
        prepare(fixture);
        fixture->buffer.end = front;
        put_text(fixture, "secret, twelve");
        buffer_take(&fixture->buffer, front);
        assert_true(buffer_reserve(&fixture->buffer, UNIT - 14));
        assert_int_equal(fixture->buffer.begin, 0);
        assert_memory_equal(fixture->buffer.data, "secret, twelve", 14);
        for (size_t i = 14; i < front + 14; i++)
            assert_int_equal(fixture->buffer.data[i], 0);
        buffer_take(&fixture->buffer, 14);
        assert_false(holds_secret(&fixture->buffer));
        buffer_wipe(&fixture->buffer);
    }
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(empty_buffer_has_nothing_and_costs_nothing),
        WITH(bytes_come_out_in_the_order_they_went_in),
        WITH(what_fits_is_moved_to_the_front_and_not_grown),
        WITH(what_does_not_fit_grows_to_twice_or_to_what_is_wanted),
        WITH(buffer_that_was_emptied_begins_at_its_front_again),
        WITH(over_the_budget_nothing_changes),
        WITH(budget_is_shared),
        WITH(growing_is_counted_with_what_it_grows_from),
        WITH(budget_of_many_threads_returns_to_nothing),
        WITH(only_an_empty_buffer_that_is_too_large_gives_memory_back),
        WITH(swapped_buffers_keep_what_is_theirs),
        WITH(what_was_taken_is_wiped),
        WITH(what_was_moved_is_wiped_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
