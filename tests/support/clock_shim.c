// Preloaded into posternd: another wall clock, and another boot, than the machine's.
//
// CLOCK_SHIM names a file of two 64-bit numbers in the machine's byte order: milliseconds that CLOCK_REALTIME is ahead,
// and that CLOCK_BOOTTIME is. It is mapped, so that what a test writes there acts at once. CLOCK_SHIM_BOOT names a file
// that is read in place of /proc/sys/kernel/random/boot_id.
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WALL, BOOT, NUMBERS };

static const volatile int64_t *offsets_ms;

__attribute__((constructor)) static void map_offsets(void)
{
    const char *path = getenv("CLOCK_SHIM");
    long fd = path != NULL ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd >= 0 ? mmap(NULL, NUMBERS * sizeof(int64_t), PROT_READ, MAP_SHARED, (int)fd, 0) : MAP_FAILED;

    if (map == MAP_FAILED) {
        dprintf(STDERR_FILENO, "clock_shim: CLOCK_SHIM names no file of two numbers\n");
        abort();
    }
    close((int)fd);
    offsets_ms = map;
}

static void add_ms(struct timespec *time, int64_t ms)
{
    int64_t ns = time->tv_nsec + ms % 1000 * 1000000;
    int64_t carry = ns < 0 ? -1 : ns / 1000000000;

    time->tv_sec += (time_t)(ms / 1000 + carry);
    time->tv_nsec = (long)(ns - carry * 1000000000);
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, id, time);

    if (result == 0 && offsets_ms != NULL && id == CLOCK_REALTIME)
        add_ms(time, offsets_ms[WALL]);
    if (result == 0 && offsets_ms != NULL && id == CLOCK_BOOTTIME)
        add_ms(time, offsets_ms[BOOT]);
    return result;
}

int open(const char *path, int flags, ...)
{
    const char *boot = getenv("CLOCK_SHIM_BOOT");
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (boot != NULL && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
        path = boot;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
