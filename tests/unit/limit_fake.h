// What the limit tests share: a clock that moves by hand, a repeatable source of numbers, and limits from their text.
#ifndef UNIT_LIMIT_FAKE_H
#define UNIT_LIMIT_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "limit/limit.h"
#include "support/limit_text.h"
#include "unit/fake_random.h"

#define FAKE_START_MS UINT64_C(1700000000000) // 2023-11-14T22:13:20Z

struct fake_time {
    _Atomic uint64_t boot_ms;
    _Atomic uint64_t wall_ms;
};

static inline uint64_t fake_boot_ms(void *context)
{
    return ((struct fake_time *)context)->boot_ms;
}

static inline uint64_t fake_wall_ms(void *context)
{
    return ((struct fake_time *)context)->wall_ms;
}

static inline void fake_advance(struct fake_time *time, uint64_t by_ms)
{
    time->boot_ms += by_ms;
    time->wall_ms += by_ms;
}

static inline struct clock_source fake_source(struct fake_time *time)
{
    return (struct clock_source){.boot_ms = fake_boot_ms, .wall_ms = fake_wall_ms, .context = time, .boot_id = {1}};
}

static inline struct limit fake_limit(const char *text)
{
    struct limit limit;
    struct status_failure failure = {0};
    if (limit_text_read(text, &limit, &failure) != STATUS_OK)
        fail_msg("%s: %s %s", text, failure.field, failure.message);
    return limit;
}

#endif
