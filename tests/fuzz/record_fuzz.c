// Stored records, as a damaged disk or a wrong file would give them. The first byte chooses the kind. What is accepted
// has to be packed and read again alike.
#include <stdlib.h>
#include <string.h>

#include "meter/record.h"
#include "registry/pack/pack.h"
#include "usage/usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 12, BUDGET = 1024 * 1024 };

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void try_meter(struct slice bytes, struct arena *arena)
{
    struct limit_record record, again;
    struct slice packed;
    if (meter_record_unpack(bytes, NULL, arena, &record) != STATUS_OK)
        return;
    demand(record.counter_count <= LIMIT_COUNTERS_MAX);
    demand(meter_record_pack(&record, arena, &packed));
    demand(meter_record_unpack(packed, NULL, arena, &again) == STATUS_OK);
    demand(memcmp(&record, &again, sizeof record) == 0);
}

static void try_clock(struct slice bytes, struct arena *arena)
{
    struct clock_mark mark, again;
    struct slice packed;
    if (meter_mark_unpack(bytes, arena, &mark) != STATUS_OK)
        return;
    demand(meter_mark_pack(&mark, arena, &packed));
    demand(meter_mark_unpack(packed, arena, &again) == STATUS_OK);
    demand(mark.boot_ms == again.boot_ms && mark.high_ms == again.high_ms);
}

static void try_change(struct slice bytes, struct arena *arena)
{
    struct change change;
    struct slice packed;
    if (unpack_change(bytes, arena, &change) == STATUS_OK && pack_change(&change, arena, &packed))
        demand(unpack_change(packed, arena, &change) != STATUS_DATA_LOSS);
}

// Each kind once; statuses are free, memory is not.
static void try_kind(unsigned kind, struct slice bytes, struct arena *arena)
{
    struct image image;
    struct chain_link link;
    struct idempotency_record idempotency;
    struct chain_head head;
    struct usage_tally tally;
    struct usage_last last;
    uint32_t format;
    switch (kind) {
    case 0:
        try_meter(bytes, arena);
        return;
    case 1:
        try_clock(bytes, arena);
        return;
    case 2:
        try_change(bytes, arena);
        return;
    case 3: // a key
    case 4: // an account
    case 5: // a tier
    case 6: // a scope
        status_ignore(unpack_image((enum registry_record_kind)(kind - 2), bytes, arena, &image), "any answer is fine");
        return;
    case 7:
        status_ignore(unpack_link(bytes, arena, &link), "any answer is fine");
        return;
    case 8:
        status_ignore(unpack_idempotency(bytes, arena, &idempotency), "any answer is fine");
        return;
    case 10:
        status_ignore(usage_unpack_tally(bytes, arena, &tally), "any answer is fine");
        return;
    case 11:
        status_ignore(usage_unpack_last(bytes, arena, &last), "any answer is fine");
        return;
    default:
        status_ignore(unpack_head(bytes, &head), "any answer is fine");
        status_ignore(unpack_format(bytes, arena, &format), "any answer is fine");
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = size > 0 ? arena_new(BUDGET) : NULL;
    if (arena == NULL)
        return 0;
    try_kind(data[0] % KINDS, slice_make(data + 1, size - 1), arena);
    arena_free(arena);
    return 0;
}
