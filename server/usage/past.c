// Collects a key's past from memory and disk, for the assessment of an hour.
#include <string.h>

#include "usage/internal.h"

enum { SCRATCH_BYTES = 256 * 1024 };

struct look_back {
    struct usage *usage;
    struct store_txn *view;
    struct usage_subject key;
    struct arena *scratch;
};

static enum status fill(const struct look_back *look, struct usage_sample *sample)
{
    struct usage_sums sums;
    enum status status = usage_sum_hour(look->usage, look->view, sample->hour, look->key, look->scratch, &sums);
    if (status == STATUS_OK) {
        sample->calls = usage_sums_calls(&sums);
        sample->refusals = usage_sums_refusals(&sums);
    }
    return status;
}

static enum status fill_samples(const struct look_back *look, struct usage_past *past)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < past->sample_count; i++)
        status = fill(look, &past->samples[i]);
    return status;
}

// Hours that were removed by age must not count as hours without calls.
static uint32_t first_hour_kept(const struct usage *usage, uint64_t first_ms)
{
    uint32_t first = usage_hour_of(first_ms);
    uint32_t oldest = usage_oldest_hour(usage, clock_now_ms(usage->options.clock));
    return first > oldest ? first : oldest;
}

static enum status assess(struct look_back *look, uint64_t at_ms, enum usage_depth depth, struct usage_verdict *out)
{
    struct usage_past past = {.now.hour = usage_hour_of(at_ms)};
    enum status status = usage_last_used(look->usage, look->view, look->key.id.data, &past.last);
    if (status == STATUS_OK)
        status = fill(look, &past.now);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    if (depth == USAGE_ASSESS_ALL || usage_may_stand_out(&past))
        past.sample_count =
            usage_baseline(past.now.hour, first_hour_kept(look->usage, past.last.first_ms), past.samples);
    status = fill_samples(look, &past);
    if (status == STATUS_OK)
        usage_assess(&past, out);
    return status;
}

enum status usage_unusual(struct usage *usage, struct store_txn *view, const uint8_t key_id[USAGE_KEY_ID_SIZE],
                          uint64_t at_ms, enum usage_depth depth, struct usage_verdict *out)
{
    struct look_back look = {.usage = usage, .view = view, .scratch = arena_new(SCRATCH_BYTES)};
    look.key = (struct usage_subject){USAGE_OF_KEY, slice_make(key_id, USAGE_KEY_ID_SIZE)};
    *out = (struct usage_verdict){0};
    if (look.scratch == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    enum status status = assess(&look, at_ms, depth, out);
    arena_free(look.scratch);
    return status;
}
