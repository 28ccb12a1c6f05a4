// The few system calls that the whole library shares. A pending call has a futex word of its own, so that one thread
// can be woken without any lock; so libc's conditions do not fit.
#include "system.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t postern_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool postern_random(void *out, size_t size_bytes)
{
    for (;;) {
        ssize_t got = getrandom(out, size_bytes, 0); // up to 256 bytes come whole
        if (got == (ssize_t)size_bytes)
            return true;
        if (got >= 0 || errno != EINTR)
            return false;
    }
}

void postern_sleep_until(_Atomic uint32_t *word, uint32_t value, uint64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    (void)syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

void postern_wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
