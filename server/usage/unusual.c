// Assesses whether an hour is unusual, by the method that usage.h describes ("unusual activity").
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "usage/usage.h"

enum {
    DAY_HOURS = 24,
    WEEK_DAYS = 7,
    DAYS = 28,
    YOUNG_HOURS = 3 * DAY_HOURS, // a younger key is compared with all its hours
    WEEKDAY_SAMPLES_MIN = 6,     // two weeks of three hours
    CALLS_MIN = 20,
    REFUSALS_MIN = 10,
    HOUR_MS = 3600 * 1000
};
_Static_assert((int)DAYS * 3 <= (int)USAGE_BASELINE_MAX && (int)YOUNG_HOURS <= (int)USAGE_BASELINE_MAX,
               "all samples fit");

static const double z_max = 5.0;
static const double ratio_min = 3.0;
static const double mad_to_deviation = 1.4826; // 1 / (quantile 3/4 of the normal distribution)

// --- which hours

static size_t young_hours(uint32_t hour, uint32_t known, struct usage_sample samples[USAGE_BASELINE_MAX])
{
    for (uint32_t i = 0; i < known; i++)
        samples[i] = (struct usage_sample){.hour = hour - 1 - i};
    return known;
}

size_t usage_baseline(uint32_t hour, uint32_t first_hour, struct usage_sample samples[USAGE_BASELINE_MAX])
{
    if (hour <= first_hour)
        return 0;
    uint32_t known = hour - first_hour - 1; // without the first hour, which is not whole
    if (known < DAY_HOURS)
        return 0;
    if (known < YOUNG_HOURS)
        return young_hours(hour, known, samples);
    size_t count = 0;
    for (uint32_t day = 1; day <= DAYS; day++) {
        for (uint32_t ago = day * DAY_HOURS - 1; ago <= day * DAY_HOURS + 1; ago++) {
            if (ago <= known)
                samples[count++] = (struct usage_sample){.hour = hour - ago};
        }
    }
    return count;
}

// --- one count against its samples

struct series {
    double values[USAGE_BASELINE_MAX]; // transformed
    size_t count;
};

static double transform(uint64_t count)
{
    return 2.0 * sqrt((double)count + 0.375);
}

static uint64_t untransform(double y)
{
    double count = y * y / 4.0 - 0.375;
    return count > 0.0 ? (uint64_t)(count + 0.5) : 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct series *series)
{
    struct series sorted = *series;
    qsort(sorted.values, sorted.count, sizeof sorted.values[0], compare);
    size_t half = sorted.count / 2;
    return sorted.count % 2 == 1 ? sorted.values[half] : (sorted.values[half - 1] + sorted.values[half]) / 2.0;
}

static double noise(const struct series *series, double level)
{
    struct series deviations = {.count = series->count};
    double n = (double)series->count;
    for (size_t i = 0; i < series->count; i++)
        deviations.values[i] = fabs(series->values[i] - level);
    double deviation = mad_to_deviation * n / (n - 0.8) * median(&deviations);
    return fmax(deviation, 1.0) * (1.0 + 4.0 / n);
}

static bool sticks_out(const struct series *series, uint64_t count)
{
    double level = median(series);
    return transform(count) - level > z_max * noise(series, level) &&
           (double)count >= ratio_min * (double)untransform(level);
}

// --- the verdict

// Is the sample on the same weekday as `hour`, give or take one hour?
static bool is_same_weekday(uint32_t hour, uint32_t sample_hour)
{
    return (hour - sample_hour + 1) / DAY_HOURS % WEEK_DAYS == 0;
}

static uint64_t value_of(const struct usage_sample *sample, enum usage_flag flag)
{
    return flag == USAGE_VOLUME_UP ? sample->calls : sample->refusals;
}

static void assess_count(const struct usage_past *past, enum usage_flag flag, uint64_t least, uint64_t *usual,
                         unsigned *flags)
{
    struct series all = {.count = 0};
    struct series weekday = {.count = 0};
    for (size_t i = 0; i < past->sample_count; i++) {
        const struct usage_sample *sample = &past->samples[i];
        double y = transform(value_of(sample, flag));
        all.values[all.count++] = y;
        if (is_same_weekday(past->now.hour, sample->hour))
            weekday.values[weekday.count++] = y;
    }
    uint64_t count = value_of(&past->now, flag);
    *usual = untransform(median(&all));
    if (count >= least && sticks_out(&all, count) &&
        (weekday.count < WEEKDAY_SAMPLES_MIN || sticks_out(&weekday, count)))
        *flags |= flag;
}

static uint32_t hour_of(uint64_t ms)
{
    return (uint32_t)(ms / HOUR_MS);
}

static uint64_t count_new_networks(const struct usage_past *past)
{
    uint64_t count = 0;
    for (size_t i = 0; i < past->last.network_count; i++)
        count += hour_of(past->last.networks[i].first_ms) == past->now.hour ? 1 : 0;
    return count;
}

// Did this hour bring a new network to a key that seldom has one: fewer than one a week, beyond its first?
static bool has_new_address(const struct usage_past *past)
{
    uint64_t new_count = count_new_networks(past);
    uint64_t met = past->last.networks_met;
    uint64_t met_before = met > new_count ? met - new_count : 0;
    uint64_t known_days = (past->now.hour - hour_of(past->last.first_ms)) / DAY_HOURS;
    return new_count > 0 && met_before > 0 && met_before * WEEK_DAYS <= known_days + WEEK_DAYS;
}

bool usage_may_stand_out(const struct usage_past *past)
{
    return past->now.calls >= CALLS_MIN || past->now.refusals >= REFUSALS_MIN || count_new_networks(past) > 0;
}

void usage_assess(const struct usage_past *past, struct usage_verdict *out)
{
    *out = (struct usage_verdict){.calls = past->now.calls, .refusals = past->now.refusals};
    out->assessed = past->sample_count > 0;
    if (!out->assessed)
        return;
    assess_count(past, USAGE_VOLUME_UP, CALLS_MIN, &out->usual_calls, &out->flags);
    assess_count(past, USAGE_REFUSALS_UP, REFUSALS_MIN, &out->usual_refusals, &out->flags);
    if (has_new_address(past))
        out->flags |= USAGE_NEW_ADDRESS;
}
