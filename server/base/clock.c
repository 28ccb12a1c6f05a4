// Decisions must not be undone by a wall clock that is set back. So the daemon's time follows the kernel's boot time,
// which never goes back, and the wall clock only moves it forward.
#include "base/clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

// L = boot time + offset, modulo 2^64 (the offset is "negative" when the wall clock is near 1970). The kernel's boot
// time never goes back and the offset only grows, so L never goes back either: not in one thread, and not between a
// thread and another one that learns of its reading.
struct clock {
    struct clock_source source;
    _Atomic uint64_t offset_ms;
};

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0)
        abort(); // Linux always has these clocks; a daemon without time must not decide anything
    return now;
}

static uint64_t read_ms(clockid_t id)
{
    const struct timespec now = read_clock(id);
    return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_span_ns(void)
{
    const struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t system_boot_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_BOOTTIME);
}

uint64_t clock_raw_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

static uint64_t system_wall_ms(void *context)
{
    (void)context;
    return clock_raw_wall_ms();
}

// Turns "xxxxxxxx-xxxx-…" into 16 bytes; false when the text is not a UUID.
static bool parse_uuid(const char *text, uint8_t out[16])
{
    struct slice rest = slice_text(text);
    for (size_t i = 0; i < 16; i++) {
        while (rest.size > 0 && rest.data[0] == '-')
            rest = slice_make(rest.data + 1, rest.size - 1);
        if (!text_take_hex(&rest, &out[i], 1))
            return false;
    }
    return rest.size == 0 || rest.data[0] == '\n';
}

static void read_boot_id(uint8_t out[16])
{
    char text[64] = {0};
    memset(out, 0, 16);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t size = read(fd, text, sizeof text - 1);
    (void)close(fd); // read only
    if (size <= 0 || !parse_uuid(text, out))
        memset(out, 0, 16);
}

struct clock_source clock_system_source(void)
{
    struct clock_source source = {.boot_ms = system_boot_ms, .wall_ms = system_wall_ms};
    read_boot_id(source.boot_id);
    return source;
}

// A boot id that could not be read (all zero) proves nothing, so it counts as another boot.
static bool is_same_boot(const struct clock_mark *mark, const uint8_t boot_id[16], uint64_t boot_ms)
{
    static const uint8_t unknown[16];
    return memcmp(mark->boot_id, boot_id, 16) == 0 && memcmp(boot_id, unknown, 16) != 0 && boot_ms >= mark->boot_ms;
}

static uint64_t first_now_ms(const struct clock_mark *stored, const struct clock_source *source, uint64_t boot_ms)
{
    uint64_t wall_ms = source->wall_ms(source->context);
    if (stored == NULL)
        return wall_ms;
    if (is_same_boot(stored, source->boot_id, boot_ms))
        return stored->high_ms + (boot_ms - stored->boot_ms);
    uint64_t least_ms = stored->high_ms + CLOCK_REBOOT_MS;
    return wall_ms > least_ms ? wall_ms : least_ms;
}

struct clock *clock_new(struct clock_source source, const struct clock_mark *stored)
{
    struct clock *clock = calloc(1, sizeof *clock);
    if (clock == NULL)
        return NULL;
    clock->source = source;
    uint64_t boot_ms = source.boot_ms(source.context);
    atomic_init(&clock->offset_ms, first_now_ms(stored, &source, boot_ms) - boot_ms);
    return clock;
}

void clock_free(struct clock *clock)
{
    free(clock);
}

uint64_t clock_boot_ms(struct clock *clock)
{
    return clock->source.boot_ms(clock->source.context);
}

uint64_t clock_now_ms(struct clock *clock)
{
    return atomic_load(&clock->offset_ms) + clock_boot_ms(clock);
}

uint64_t clock_wall_ms(struct clock *clock)
{
    return clock->source.wall_ms(clock->source.context);
}

uint64_t clock_to_wall_ms(struct clock *clock, uint64_t at_ms)
{
    uint64_t now_ms = clock_now_ms(clock);
    uint64_t wall_ms = clock_wall_ms(clock);
    if (now_ms - wall_ms + CLOCK_SAME_MS <= 2 * CLOCK_SAME_MS) // modulo 2^64: |now - wall| is at most that
        return at_ms;
    if (at_ms < now_ms)
        return now_ms - at_ms < wall_ms ? wall_ms - (now_ms - at_ms) : 0;
    return at_ms - now_ms <= UINT64_MAX - wall_ms ? wall_ms + (at_ms - now_ms) : UINT64_MAX;
}

struct clock_mark clock_mark(struct clock *clock)
{
    uint64_t offset_ms = atomic_load(&clock->offset_ms);
    struct clock_mark mark = {.boot_ms = clock_boot_ms(clock)};
    mark.high_ms = offset_ms + mark.boot_ms;
    memcpy(mark.boot_id, clock->source.boot_id, sizeof mark.boot_id);
    return mark;
}

uint64_t clock_follow_wall(struct clock *clock, uint64_t slack_ms, uint64_t promised_ms)
{
    uint64_t offset_ms = atomic_load(&clock->offset_ms);
    for (;;) {
        uint64_t wall_ms = clock_wall_ms(clock); // read before L, so that L is not moved beyond it
        uint64_t now_ms = offset_ms + clock_boot_ms(clock);
        if (wall_ms <= now_ms || wall_ms - now_ms <= slack_ms)
            return 0;
        uint64_t moved_ms = wall_ms - now_ms < promised_ms ? wall_ms - now_ms : promised_ms;
        if (atomic_compare_exchange_weak(&clock->offset_ms, &offset_ms, offset_ms + moved_ms))
            return moved_ms;
    }
}

uint64_t clock_wall_offset_ms(struct clock *clock)
{
    return clock_wall_ms(clock) - clock_boot_ms(clock);
}

int64_t clock_ahead_ms(struct clock *clock)
{
    return (int64_t)(clock_now_ms(clock) - clock_wall_ms(clock)); // modulo 2^64 gives the sign
}
