// Formats a line on the stack and writes it with one write(2), so that lines of several threads do not mix.
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 1024, LINE_MS = 1000, LINES_AT_ONCE = 10 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static size_t write_head(char *out, size_t size, enum log_level level)
{
    struct timespec now = {0};
    struct tm parts = {0};
    char moment[32] = "";
    if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &parts) != NULL)
        (void)strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S", &parts);
    int used = snprintf(out, size, "%s.%03dZ %s ", moment, (int)(now.tv_nsec / 1000000), level_names[level]);
    return used > 0 ? (size_t)used : 0;
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (level > log->level)
        return;
    int saved_errno = errno;
    char line[LINE_SIZE];
    size_t head = write_head(line, sizeof line, level), room = sizeof line - head - 1;
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line + head, room, format, arguments);
    va_end(arguments);
    size_t used = head + (wanted < 0 ? 0 : (size_t)wanted < room ? (size_t)wanted : room - 1);
    for (size_t i = head; i < used; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7F)
            line[i] = '?';
    line[used++] = '\n';
    ssize_t written;
    do
        written = write(log->fd, line, used);
    while (written < 0 && errno == EINTR);
    errno = saved_errno; // the caller may be about to report it
}

int log_level_parse(const char *text)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(text, level_names[i]) == 0)
            return (int)i;
    return -1;
}

// This is the generic cell rate algorithm of ITU-T I.371.
bool log_may(struct log_limit *limit)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t next = atomic_load(&limit->next_ms), begin;
    do {
        begin = next > now_ms ? next : now_ms;
        if (begin - now_ms > (LINES_AT_ONCE - 1) * LINE_MS)
            return false;
    } while (!atomic_compare_exchange_weak(&limit->next_ms, &next, begin + LINE_MS));
    return true;
}
