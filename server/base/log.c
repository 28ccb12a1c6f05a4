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

enum { LINE_SIZE = 1024, FIELD_MAX = 200, TIME_SIZE = 40, LINE_MS = 1000, LINES_AT_ONCE = 10 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char *const format_names[] = {"text", "logfmt", "json"};

// --- the line: what does not fit is cut, and its end still fits

enum { END_SIZE = 3 }; // "}, a quotation mark, a newline

struct line {
    char text[LINE_SIZE];
    size_t used;
};

static bool add_bytes(struct line *line, const char *bytes, size_t size)
{
    if (line->used + size + END_SIZE > sizeof line->text)
        return false;
    memcpy(line->text + line->used, bytes, size);
    line->used += size;
    return true;
}

static bool add_text(struct line *line, const char *text)
{
    return add_bytes(line, text, strlen(text));
}

// Returns the size of the UTF-8 character at the start; the text is scrubbed.
static size_t size_of_character(struct slice text)
{
    size_t size = 1;
    while (size < text.size && (text.data[size] & 0xC0) == 0x80)
        size++;
    return size;
}

// Escapes what ends a string of JSON, or of logfmt. False when it was cut.
static bool add_escaped(struct line *line, struct slice text)
{
    while (text.size > 0) {
        const size_t size = size_of_character(text);
        const bool is_special = text.data[0] == '"' || text.data[0] == '\\';
        char escaped[8] = {'\\'};
        memcpy(escaped + 1, text.data, size < sizeof escaped - 1 ? size : sizeof escaped - 1);
        if (!add_bytes(line, is_special ? escaped : escaped + 1, is_special ? size + 1 : size))
            return false;
        text = slice_make(text.data + size, text.size - size);
    }
    return true;
}

static bool add_quoted(struct line *line, struct slice text)
{
    const bool is_whole = add_text(line, "\"") && add_escaped(line, text);
    line->text[line->used++] = '"'; // there is room for the end
    return is_whole;
}

static bool is_bare(struct slice value)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] <= ' ' || value.data[i] >= 0x7F || strchr("\"=\\", value.data[i]) != NULL)
            return false;
    return value.size > 0;
}

static bool add_pair(struct line *line, enum log_format format, const char *name, struct slice value)
{
    if (format == LOG_FORMAT_JSON)
        return add_text(line, line->used > 0 ? ", \"" : "{\"") && add_text(line, name) && add_text(line, "\": ") &&
               add_quoted(line, value);
    if (!add_text(line, line->used > 0 ? " " : "") || !add_text(line, name) || !add_text(line, "="))
        return false;
    return is_bare(value) ? add_bytes(line, (const char *)value.data, value.size) : add_quoted(line, value);
}

static void add_field(struct line *line, enum log_format format, const struct log_field *field)
{
    char text[FIELD_MAX];
    const size_t used = line->used, size = field->value.size < sizeof text ? field->value.size : sizeof text;
    if (size == 0)
        return;
    memcpy(text, field->value.data, size);
    slice_scrub(text, size);
    if (!add_pair(line, format, field->name, slice_make(text, size)))
        line->used = used;
}

static struct slice format_time(char out[TIME_SIZE])
{
    const uint64_t now_ms = clock_raw_wall_ms();
    const time_t now_s = (time_t)(now_ms / 1000);
    struct tm parts = {0};
    if (gmtime_r(&now_s, &parts) == NULL)
        return slice_empty();
    const size_t used = strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    const int rest = snprintf(out + used, TIME_SIZE - used, ".%03uZ", (unsigned)(now_ms % 1000));
    return slice_make(out, rest > 0 && (size_t)rest < TIME_SIZE - used ? used + (size_t)rest : used);
}

// The message is scrubbed: one event stays one line, and no escape sequence reaches a terminal.
static void begin_line(struct line *line, enum log_format format, enum log_level level, struct slice message)
{
    char time[TIME_SIZE];
    const struct slice now = format_time(time), name = slice_text(level_names[level]);
    if (format == LOG_FORMAT_TEXT) {
        const struct slice parts[] = {now, slice_text(" "), name, slice_text(" ")};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            (void)add_bytes(line, (const char *)parts[i].data, parts[i].size);
        const size_t room = sizeof line->text - END_SIZE - line->used;
        (void)add_bytes(line, (const char *)message.data, message.size < room ? message.size : room);
        return;
    }
    (void)add_pair(line, format, "time", now);
    (void)add_pair(line, format, "level", name);
    (void)add_pair(line, format, "message", message);
}

static void write_line(const struct log *log, enum log_level level, struct slice message,
                       const struct log_field *fields, size_t count)
{
    struct line line = {.used = 0};
    const enum log_format format = log->format;
    begin_line(&line, format, level, message);
    for (size_t i = 0; i < count; i++)
        add_field(&line, format, &fields[i]);
    if (format == LOG_FORMAT_JSON)
        line.text[line.used++] = '}';
    line.text[line.used++] = '\n';
    ssize_t written;
    do
        written = write(log->fd, line.text, line.used);
    while (written < 0 && errno == EINTR);
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (log == NULL || level > log->level)
        return;
    const int saved_errno = errno;
    char message[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    const int wanted = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const size_t size = wanted < 0 ? 0 : (size_t)wanted < sizeof message ? (size_t)wanted : sizeof message - 1;
    slice_scrub(message, size);
    write_line(log, level, slice_make(message, size), NULL, 0);
    errno = saved_errno; // the caller may be about to report it
}

void log_event(const struct log *log, enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    if (log == NULL || level > log->level)
        return;
    const int saved_errno = errno;
    write_line(log, level, slice_text(message), fields, count);
    errno = saved_errno;
}

static int find(const char *const *names, size_t count, const char *text)
{
    for (size_t i = 0; text != NULL && i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return (int)i;
    return -1;
}

int log_format_parse(const char *text)
{
    return find(format_names, sizeof format_names / sizeof *format_names, text);
}

int log_level_parse(const char *text)
{
    return find(level_names, sizeof level_names / sizeof *level_names, text);
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
