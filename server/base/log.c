// Formats a line on the stack and writes it with one write(2), so that lines of several threads do not mix.
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slice.h"

enum { LINE_SIZE = 1024, LINE_MS = 1000, LINES_AT_ONCE = 10 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};

// This and write_message return how many bytes they have written, always less than `size`.
static size_t write_head(char *out, size_t size, enum log_level level)
{
    uint64_t now_ms = clock_raw_wall_ms();
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm parts = {0};
    if (gmtime_r(&now_s, &parts) == NULL)
        return 0;
    size_t used = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &parts);
    int rest = snprintf(out + used, size - used, ".%03uZ %s ", (unsigned)(now_ms % 1000), level_names[level]);
    return rest > 0 && (size_t)rest < size - used ? used + (size_t)rest : used;
}

static size_t write_message(char *out, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static size_t write_message(char *out, size_t size, const char *format, va_list arguments)
{
    int wanted = vsnprintf(out, size, format, arguments);
    if (wanted < 0)
        return 0;
    size_t used = (size_t)wanted < size ? (size_t)wanted : size - 1;
    slice_scrub(out, used); // one event stays one line, and no escape sequence reaches a terminal
    return used;
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (log == NULL || level > log->level)
        return;
    int saved_errno = errno;
    char line[LINE_SIZE];
    size_t used = write_head(line, sizeof line - 1, level);
    va_list arguments;
    va_start(arguments, format);
    used += write_message(line + used, sizeof line - 1 - used, format, arguments);
    va_end(arguments);
    line[used++] = '\n';
    ssize_t written;
    do
        written = write(log->fd, line, used);
    while (written < 0 && errno == EINTR);
    errno = saved_errno; // the caller may be about to report it
}

int log_level_parse(const char *text)
{
    for (size_t i = 0; text != NULL && i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(text, level_names[i]) == 0)
            return (int)i;
    return -1;
}

// This is the generic cell rate algorithm of ITU-T I.371.
bool log_may(struct log_limit *limit, uint64_t now_ms)
{
    uint64_t next = atomic_load(&limit->next_ms), begin;
    do {
        begin = next > now_ms ? next : now_ms;
        if (begin - now_ms > (LINES_AT_ONCE - 1) * LINE_MS)
            return false;
    } while (!atomic_compare_exchange_weak(&limit->next_ms, &next, begin + LINE_MS));
    return true;
}
