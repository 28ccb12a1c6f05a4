#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"

static const uint64_t hour_ms = 3600 * 1000;
static const uint64_t start_ms = UINT64_C(1800000000000);

struct machine {
    _Atomic uint64_t boot_ms;
    _Atomic uint64_t wall_ms;
};

static uint64_t machine_boot_ms(void *context)
{
    return ((struct machine *)context)->boot_ms;
}

static uint64_t machine_wall_ms(void *context)
{
    return ((struct machine *)context)->wall_ms;
}

static struct clock_source source_of(struct machine *machine, uint8_t boot)
{
    struct clock_source source = {.boot_ms = machine_boot_ms, .wall_ms = machine_wall_ms, .context = machine};
    memset(source.boot_id, boot, sizeof source.boot_id);
    return source;
}

static void pass(struct machine *machine, uint64_t duration_ms)
{
    machine->boot_ms += duration_ms;
    machine->wall_ms += duration_ms;
}

static void fresh_clock_starts_at_wall_time_and_follows_boot_time(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 5000, .wall_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    assert_true(clock_now_ms(clock) == start_ms);
    pass(&machine, 250);
    assert_true(clock_now_ms(clock) == start_ms + 250);
    assert_true(clock_ahead_ms(clock) == 0);
    clock_free(clock);
    clock_free(NULL);
}

static void wall_clock_set_back_an_hour_does_not_move_it(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 5000, .wall_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    machine.wall_ms -= hour_ms;
    assert_true(clock_follow_wall(clock, 0, UINT64_MAX) == 0);
    assert_true(clock_now_ms(clock) == start_ms);
    assert_true(clock_wall_ms(clock) == start_ms - hour_ms);
    assert_true(clock_ahead_ms(clock) == (int64_t)hour_ms);
    clock_free(clock);
}

static void wall_clock_set_forward_moves_it_beyond_the_slack_only(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 5000, .wall_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    machine.wall_ms += 100;
    assert_true(clock_ahead_ms(clock) == -100);
    assert_true(clock_follow_wall(clock, 100, UINT64_MAX) == 0);
    assert_true(clock_now_ms(clock) == start_ms);
    machine.wall_ms += 1;
    assert_true(clock_follow_wall(clock, 100, UINT64_MAX) == 101);
    assert_true(clock_now_ms(clock) == start_ms + 101);
    assert_true(clock_follow_wall(clock, 0, UINT64_MAX) == 0);
    clock_free(clock);
}

// A crash between the mark and the move must find the mark ahead: so it moves only as far as was promised.
static void clock_follows_no_further_than_was_promised(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 5000, .wall_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    machine.wall_ms += 2 * hour_ms;
    assert_true(clock_follow_wall(clock, 100, hour_ms) == hour_ms);
    assert_true(clock_now_ms(clock) == start_ms + hour_ms);
    assert_true(clock_follow_wall(clock, 100, 0) == 0);
    assert_true(clock_follow_wall(clock, 100, 3 * hour_ms) == hour_ms);
    clock_free(clock);
}

static void setting_the_wall_clock_changes_its_offset_and_passing_time_does_not(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 5000, .wall_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    uint64_t offset_ms = clock_wall_offset_ms(clock);
    pass(&machine, hour_ms);
    assert_true(clock_wall_offset_ms(clock) == offset_ms);
    machine.wall_ms -= 2 * hour_ms;
    assert_true(clock_wall_offset_ms(clock) == offset_ms - 2 * hour_ms);
    machine.wall_ms = 10; // before the machine was started, as far as the wall clock knows
    assert_true(clock_wall_offset_ms(clock) + machine.boot_ms == 10);
    clock_free(clock);
}

static void restart_in_the_same_boot_ignores_the_wall_clock(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 5000, .wall_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    pass(&machine, 1000);
    struct clock_mark mark = clock_mark(clock);
    assert_true(mark.boot_ms == 6000 && mark.high_ms == start_ms + 1000 && mark.boot_id[0] == 1);
    clock_free(clock);
    pass(&machine, 40);
    machine.wall_ms += hour_ms;
    clock = clock_new(source_of(&machine, 1), &mark);
    assert_true(clock_now_ms(clock) == start_ms + 1040);
    clock_free(clock);
}

static void reboot_takes_the_later_of_wall_time_and_mark(void **state)
{
    (void)state;
    struct clock_mark mark = {.boot_ms = 90000, .high_ms = start_ms};
    memset(mark.boot_id, 1, sizeof mark.boot_id);
    struct machine machine = {.boot_ms = 100000, .wall_ms = start_ms - hour_ms};
    struct clock *clock = clock_new(source_of(&machine, 2), &mark);
    assert_true(clock_now_ms(clock) == start_ms + CLOCK_REBOOT_MS);
    clock_free(clock);
    machine.wall_ms = start_ms + hour_ms;
    clock = clock_new(source_of(&machine, 2), &mark);
    assert_true(clock_now_ms(clock) == start_ms + hour_ms);
    clock_free(clock);
}

static void unknown_or_impossible_boot_counts_as_a_reboot(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 100000, .wall_ms = start_ms + hour_ms};
    struct clock_mark unknown = {.boot_ms = 90000, .high_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 0), &unknown);
    assert_true(clock_now_ms(clock) == start_ms + hour_ms);
    clock_free(clock);
    struct clock_mark later = {.boot_ms = 100001, .high_ms = start_ms};
    memset(later.boot_id, 1, sizeof later.boot_id);
    clock = clock_new(source_of(&machine, 1), &later);
    assert_true(clock_now_ms(clock) == start_ms + hour_ms);
    clock_free(clock);
}

static void wall_clock_near_1970_is_survived(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 100000, .wall_ms = 10};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    assert_true(clock_now_ms(clock) == 10);
    machine.wall_ms = start_ms;
    assert_true(clock_follow_wall(clock, 1000, UINT64_MAX) == start_ms - 10);
    assert_true(clock_now_ms(clock) == start_ms);
    clock_free(clock);
}

// Both clocks are cut to milliseconds, at different moments: a midnight must not be told as a millisecond after it.
static void the_same_moment_is_told_the_same_way_however_the_reads_fall(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 5000, .wall_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    for (uint64_t off_ms = 0; off_ms <= 2 * CLOCK_SAME_MS; off_ms++) {
        machine.wall_ms = start_ms - CLOCK_SAME_MS + off_ms;
        assert_true(clock_to_wall_ms(clock, start_ms + hour_ms) == start_ms + hour_ms);
    }
    machine.wall_ms = start_ms + CLOCK_SAME_MS + 1;
    assert_true(clock_to_wall_ms(clock, start_ms + hour_ms) == machine.wall_ms + hour_ms);
    machine.wall_ms = start_ms - CLOCK_SAME_MS - 1;
    assert_true(clock_to_wall_ms(clock, start_ms + hour_ms) == machine.wall_ms + hour_ms);
    clock_free(clock);
}

static void daemon_times_are_shown_as_wall_times(void **state)
{
    (void)state;
    struct machine machine = {.boot_ms = 5000, .wall_ms = start_ms};
    struct clock *clock = clock_new(source_of(&machine, 1), NULL);
    machine.wall_ms -= hour_ms;
    assert_true(clock_to_wall_ms(clock, start_ms + 500) == start_ms - hour_ms + 500);
    assert_true(clock_to_wall_ms(clock, start_ms - 500) == start_ms - hour_ms - 500);
    assert_true(clock_to_wall_ms(clock, UINT64_MAX) <= UINT64_MAX - hour_ms);
    machine.wall_ms = 100;
    assert_true(clock_to_wall_ms(clock, start_ms - 100) == 0);
    assert_true(clock_to_wall_ms(clock, start_ms - 101) == 0);
    assert_true(clock_to_wall_ms(clock, start_ms - 99) == 1);
    machine.wall_ms = start_ms + hour_ms;
    assert_true(clock_to_wall_ms(clock, UINT64_MAX) == UINT64_MAX);
    clock_free(clock);
}

static void system_clock_knows_its_boot(void **state)
{
    (void)state;
    static const uint8_t unknown[16];
    struct clock_source source = clock_system_source();
    assert_memory_not_equal(source.boot_id, unknown, sizeof unknown);
    struct clock *clock = clock_new(source, NULL);
    assert_true(clock_now_ms(clock) > UINT64_C(1600000000000));
    struct clock_mark mark = clock_mark(clock);
    clock_free(clock);
    clock = clock_new(source, &mark);
    assert_true(clock_now_ms(clock) >= mark.high_ms && clock_now_ms(clock) < mark.high_ms + hour_ms);
    clock_free(clock);
}

struct interrupted {
    struct machine machine;
    struct clock *clock;
    bool armed;
};

// While one follower holds the wall time that it has just read, another one moves the clock further.
static uint64_t interrupted_wall_ms(void *context)
{
    struct interrupted *interrupted = context;
    uint64_t wall_ms = interrupted->machine.wall_ms;
    if (interrupted->armed) {
        interrupted->armed = false;
        interrupted->machine.wall_ms += hour_ms;
        assert_true(clock_follow_wall(interrupted->clock, 0, UINT64_MAX) == hour_ms + 1);
    }
    return wall_ms;
}

static void follower_that_comes_late_does_not_move_it_back(void **state)
{
    (void)state;
    struct interrupted interrupted = {.machine = {.boot_ms = 5000, .wall_ms = start_ms}};
    struct clock_source source = source_of(&interrupted.machine, 1);
    source.wall_ms = interrupted_wall_ms;
    source.context = &interrupted; // starts with the machine
    interrupted.clock = clock_new(source, NULL);
    interrupted.machine.wall_ms += 1;
    interrupted.armed = true;
    assert_true(clock_follow_wall(interrupted.clock, 0, UINT64_MAX) == 0);
    assert_true(clock_now_ms(interrupted.clock) == start_ms + hour_ms + 1);
    clock_free(interrupted.clock);
}

enum { READERS = 3, ROUNDS = 20000 };

struct race {
    struct clock *clock;
    struct machine machine;
    _Atomic uint64_t highest_ms;
    atomic_bool went_back;
};

static void *read_many(void *argument)
{
    struct race *race = argument;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t seen = atomic_load(&race->highest_ms);
        uint64_t now = clock_now_ms(race->clock);
        if (now < seen)
            race->went_back = true;
        while (seen < now && !atomic_compare_exchange_weak(&race->highest_ms, &seen, now)) {
        }
    }
    return NULL;
}

static void *follow_many(void *argument)
{
    struct race *race = argument;
    for (int i = 0; i < ROUNDS; i++) {
        race->machine.wall_ms += (uint64_t)(i % 7);
        clock_follow_wall(race->clock, 2, UINT64_MAX);
    }
    return NULL;
}

static void no_thread_sees_time_go_back(void **state)
{
    (void)state;
    struct race race = {.machine = {.wall_ms = start_ms}};
    race.clock = clock_new(source_of(&race.machine, 1), NULL);
    pthread_t threads[READERS + 2];
    for (int i = 0; i < READERS + 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < READERS ? read_many : follow_many, &race), 0);
    for (int i = 0; i < READERS + 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(race.went_back);
    clock_follow_wall(race.clock, 0, UINT64_MAX);
    assert_true(clock_now_ms(race.clock) == race.machine.wall_ms); // followed, and never moved beyond the wall clock
    clock_free(race.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_clock_starts_at_wall_time_and_follows_boot_time),
        cmocka_unit_test(wall_clock_set_back_an_hour_does_not_move_it),
        cmocka_unit_test(wall_clock_set_forward_moves_it_beyond_the_slack_only),
        cmocka_unit_test(clock_follows_no_further_than_was_promised),
        cmocka_unit_test(setting_the_wall_clock_changes_its_offset_and_passing_time_does_not),
        cmocka_unit_test(restart_in_the_same_boot_ignores_the_wall_clock),
        cmocka_unit_test(reboot_takes_the_later_of_wall_time_and_mark),
        cmocka_unit_test(unknown_or_impossible_boot_counts_as_a_reboot),
        cmocka_unit_test(wall_clock_near_1970_is_survived),
        cmocka_unit_test(the_same_moment_is_told_the_same_way_however_the_reads_fall),
        cmocka_unit_test(daemon_times_are_shown_as_wall_times),
        cmocka_unit_test(system_clock_knows_its_boot),
        cmocka_unit_test(follower_that_comes_late_does_not_move_it_back),
        cmocka_unit_test(no_thread_sees_time_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
