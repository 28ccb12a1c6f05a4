// What sticks out of a key's own history; and how often a customer with an ordinary daily pattern is flagged.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usage/usage.h"

enum { HOUR_MS = 3600 * 1000, DAY = 24, NOW = 480000 };

// --- pasts with a level

static void make_past(struct usage_past *past, uint32_t days_known, uint64_t calls, uint64_t refusals)
{
    memset(past, 0, sizeof *past);
    past->now = (struct usage_sample){.hour = NOW, .calls = calls, .refusals = refusals};
    past->last.first_ms = (uint64_t)(NOW - days_known * DAY - 1) * HOUR_MS;
    past->last.networks_met = 1;
    past->last.network_count = 1;
    past->last.networks[0] =
        (struct usage_network){.network = 1, .first_ms = past->last.first_ms, .last_ms = (uint64_t)NOW * HOUR_MS};
    past->sample_count = usage_baseline(NOW, NOW - days_known * DAY - 1, past->samples);
    for (size_t i = 0; i < past->sample_count; i++) {
        past->samples[i].calls = calls;
        past->samples[i].refusals = refusals;
    }
}

static unsigned flags_of(const struct usage_past *past)
{
    struct usage_verdict verdict;
    usage_assess(past, &verdict);
    assert_true(verdict.assessed);
    return verdict.flags;
}

static void a_key_is_not_assessed_on_its_first_day(void **state)
{
    (void)state;
    struct usage_past past;
    struct usage_verdict verdict;
    make_past(&past, 0, 1000, 1000);
    usage_assess(&past, &verdict);
    assert_false(verdict.assessed);
    assert_int_equal(verdict.flags, 0);
    assert_int_equal(usage_baseline(NOW, NOW + 5, past.samples), 0);
    assert_int_equal(usage_baseline(NOW, NOW - 24, past.samples), 0);
    assert_int_equal(usage_baseline(NOW, NOW - 25, past.samples), 24);
}

static void the_baseline_is_the_same_time_of_day_of_four_weeks(void **state)
{
    (void)state;
    struct usage_sample samples[USAGE_BASELINE_MAX];
    size_t count = usage_baseline(NOW, NOW - 100 * DAY, samples);
    assert_int_equal(count, 84);
    for (size_t i = 0; i < count; i++) {
        uint32_t ago = NOW - samples[i].hour;
        assert_true((ago + 1) % DAY <= 2);
        assert_in_range(ago, 23, 28 * DAY + 1);
    }
    assert_int_equal(usage_baseline(NOW, NOW - 3 * DAY - 1, samples), 8); // not the first hour, nor one before it
    assert_int_equal(usage_baseline(NOW, NOW - 3 * DAY, samples), 71);
}

static void the_usual_is_not_flagged(void **state)
{
    (void)state;
    struct usage_past past;
    make_past(&past, 30, 1000, 50);
    assert_int_equal(flags_of(&past), 0);
}

static void volume_up_is_flagged_and_shows_the_usual(void **state)
{
    (void)state;
    struct usage_past past;
    struct usage_verdict verdict;
    make_past(&past, 30, 100, 0);
    past.now.calls = 400;
    usage_assess(&past, &verdict);
    assert_int_equal(verdict.flags, USAGE_VOLUME_UP);
    assert_int_equal(verdict.calls, 400);
    assert_int_equal(verdict.usual_calls, 100);
}

static void refusals_up_are_flagged_without_more_volume(void **state)
{
    (void)state;
    struct usage_past past;
    make_past(&past, 30, 1000, 2);
    past.now.refusals = 300;
    assert_int_equal(flags_of(&past), USAGE_REFUSALS_UP);
}

static void small_numbers_and_less_than_thrice_the_usual_are_not_flagged(void **state)
{
    (void)state;
    struct usage_past past;
    make_past(&past, 30, 0, 0);
    past.now.calls = 19;
    past.now.refusals = 9;
    assert_int_equal(flags_of(&past), 0);
    make_past(&past, 30, 100000, 0);
    past.now.calls = 299000;
    assert_int_equal(flags_of(&past), 0);
    past.now.calls = 301000;
    assert_int_equal(flags_of(&past), USAGE_VOLUME_UP);
}

static void an_incident_in_the_past_does_not_hide_the_next(void **state)
{
    (void)state;
    struct usage_past past;
    make_past(&past, 30, 100, 0);
    for (size_t i = 0; i < past.sample_count; i += 5)
        past.samples[i].calls = 1000000;
    past.now.calls = 400;
    assert_int_equal(flags_of(&past), USAGE_VOLUME_UP);
}

static void what_is_usual_on_this_weekday_is_not_flagged(void **state)
{
    (void)state;
    struct usage_past past;
    make_past(&past, 30, 10, 0);
    past.now.calls = 5000;
    assert_int_equal(flags_of(&past), USAGE_VOLUME_UP);
    for (size_t i = 0; i < past.sample_count; i++) {
        uint32_t ago = NOW - past.samples[i].hour;
        if ((ago + 1) / DAY % 7 == 0)
            past.samples[i].calls = 5000;
    }
    assert_int_equal(flags_of(&past), 0);
}

// --- addresses

static void meet(struct usage_past *past, uint64_t first_ms)
{
    struct usage_last *last = &past->last;
    last->networks[last->network_count++] =
        (struct usage_network){.network = 100 + last->network_count, .first_ms = first_ms, .last_ms = first_ms};
    last->networks_met++;
}

static void a_network_first_seen_in_this_hour_is_flagged(void **state)
{
    (void)state;
    struct usage_past past;
    make_past(&past, 30, 100, 0);
    meet(&past, (uint64_t)(NOW - 1) * HOUR_MS);
    assert_int_equal(flags_of(&past), 0);
    meet(&past, (uint64_t)NOW * HOUR_MS + 5);
    assert_int_equal(flags_of(&past), USAGE_NEW_ADDRESS);
}

static void a_key_that_roams_is_not_flagged(void **state)
{
    (void)state;
    struct usage_past past;
    make_past(&past, 30, 100, 0);
    meet(&past, (uint64_t)NOW * HOUR_MS + 5);
    past.last.networks_met = 40;
    assert_int_equal(flags_of(&past), 0);
}

static void the_first_network_of_a_key_is_not_new(void **state)
{
    (void)state;
    struct usage_past past;
    make_past(&past, 30, 100, 0);
    past.last.networks[0].first_ms = (uint64_t)NOW * HOUR_MS;
    assert_int_equal(flags_of(&past), 0);
}

// --- a synthetic trace

struct source {
    uint64_t state;
};

// SplitMix64 (Steele, Lea, Flood 2014).
static uint64_t next(struct source *source)
{
    uint64_t z = (source->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(struct source *source)
{
    return ((double)(next(source) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct source *source)
{
    return sqrt(-2.0 * log(uniform(source))) * cos(6.283185307179586 * uniform(source));
}

static uint64_t poisson(struct source *source, double mean)
{
    if (mean > 200.0) {
        double value = mean + sqrt(mean) * normal(source);
        return value > 0.0 ? (uint64_t)(value + 0.5) : 0;
    }
    uint64_t count = 0;
    for (double product = uniform(source), end = exp(-mean); product > end; product *= uniform(source))
        count++;
    return count;
}

enum { TRACE_DAYS = 70, TRACE_HOURS = TRACE_DAYS * DAY, TRACE_KEYS = 300 };

struct trace {
    double rate[TRACE_HOURS];
    uint64_t calls[TRACE_HOURS];
    uint64_t refusals[TRACE_HOURS];
};

// A customer: 0.1 to 10,000 calls an hour at noon, quiet nights, quieter weekends, days that are busier than others by
// a fifth, hours by a fifth (log-normal) on top of the Poisson noise, growth of up to 2 % a day; up to 5 % refused.
static void make_trace(struct source *source, struct trace *trace)
{
    double peak = pow(10.0, 5.0 * uniform(source) - 1.0);
    double night = 0.05 + 0.9 * uniform(source);
    double weekend = 0.1 + 0.9 * uniform(source);
    double growth = 0.02 * uniform(source);
    double refused = 0.05 * uniform(source);
    double phase = 24.0 * uniform(source);
    double busy = 1.0;
    for (size_t h = 0; h < TRACE_HOURS; h++) {
        if (h % DAY == 0)
            busy = exp(0.2 * normal(source)) * (h / DAY % 7 >= 5 ? weekend : 1.0);
        double wave = 0.5 + 0.5 * cos(6.283185307179586 * ((double)(h % DAY) - phase) / 24.0);
        trace->rate[h] = peak * (night + (1.0 - night) * wave) * busy * exp(growth * (double)h / (double)DAY) *
                         exp(0.2 * normal(source));
        trace->refusals[h] = poisson(source, trace->rate[h] * refused);
        trace->calls[h] = poisson(source, trace->rate[h] * (1.0 - refused)) + trace->refusals[h];
    }
}

static void look_back(const struct trace *trace, size_t hour, struct usage_past *past)
{
    memset(past, 0, sizeof *past);
    past->now = (struct usage_sample){(uint32_t)hour, trace->calls[hour], trace->refusals[hour]};
    past->sample_count = usage_baseline((uint32_t)hour, 0, past->samples);
    for (size_t i = 0; i < past->sample_count; i++) {
        past->samples[i].calls = trace->calls[past->samples[i].hour];
        past->samples[i].refusals = trace->refusals[past->samples[i].hour];
    }
}

struct score {
    unsigned assessed;
    unsigned volume;
    unsigned refusals;
    unsigned young; // alarms in the first two weeks
    unsigned attacks;
    unsigned found;
};

static void score_hour(struct source *source, const struct trace *trace, size_t hour, struct score *score)
{
    struct usage_past past;
    struct usage_verdict verdict;
    look_back(trace, hour, &past);
    usage_assess(&past, &verdict);
    score->assessed += verdict.assessed ? 1 : 0;
    score->volume += (verdict.flags & USAGE_VOLUME_UP) != 0 ? 1 : 0;
    score->refusals += (verdict.flags & USAGE_REFUSALS_UP) != 0 ? 1 : 0;
    score->young += verdict.flags != 0 && hour < 14 * DAY ? 1 : 0;
    if (hour < 14 * DAY || hour % 7 != 0)
        return;
    // Somebody else uses the key as well: ten times the usual, at least 200 calls.
    past.now.calls += poisson(source, fmax(9.0 * trace->rate[hour], 200.0));
    usage_assess(&past, &verdict);
    score->attacks++;
    score->found += (verdict.flags & USAGE_VOLUME_UP) != 0 ? 1 : 0;
}

static void false_alarms_are_rare_and_abuse_is_found(void **state)
{
    (void)state;
    static struct trace trace;
    struct source source = {.state = 20240611};
    struct score score = {0};
    for (unsigned key = 0; key < TRACE_KEYS; key++) {
        make_trace(&source, &trace);
        for (size_t hour = 1; hour < TRACE_HOURS; hour++)
            score_hour(&source, &trace, hour, &score);
    }
    double alarms = (double)score.volume + (double)score.refusals;
    print_message(
        "%u hours of %d keys: %u false alarms of volume, %u of refusals, %u of them in the first two weeks; one"
        " per %.0f key-days; %u of %u abuses found (%.2f %%)\n",
        score.assessed, TRACE_KEYS, score.volume, score.refusals, score.young,
        (double)score.assessed / 24.0 / fmax(alarms, 1.0), score.found, score.attacks,
        100.0 * (double)score.found / (double)score.attacks);
    assert_true(alarms / (double)score.assessed < 1.0 / (24.0 * 1000.0));
    assert_true((double)score.found / (double)score.attacks > 0.93);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_not_assessed_on_its_first_day),
        cmocka_unit_test(the_baseline_is_the_same_time_of_day_of_four_weeks),
        cmocka_unit_test(the_usual_is_not_flagged),
        cmocka_unit_test(volume_up_is_flagged_and_shows_the_usual),
        cmocka_unit_test(refusals_up_are_flagged_without_more_volume),
        cmocka_unit_test(small_numbers_and_less_than_thrice_the_usual_are_not_flagged),
        cmocka_unit_test(an_incident_in_the_past_does_not_hide_the_next),
        cmocka_unit_test(what_is_usual_on_this_weekday_is_not_flagged),
        cmocka_unit_test(a_network_first_seen_in_this_hour_is_flagged),
        cmocka_unit_test(a_key_that_roams_is_not_flagged),
        cmocka_unit_test(the_first_network_of_a_key_is_not_new),
        cmocka_unit_test(false_alarms_are_rare_and_abuse_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
