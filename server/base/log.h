// One line per event on stderr, for the service manager's journal. Never a token, a secret or a request_id.
//
// Threads: any; a line is one write(2).
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// "<time> <level> message name=value"; logfmt, where time, level and message are such pairs, too; an object of JSON.
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log {
    _Atomic enum log_level level; // lines above it are dropped; may be changed at any time, as may the format
    _Atomic enum log_format format;
    int fd;
};

// Writes a line, with '?' for every control character. A NULL log drops everything.
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// What programs look for in a line.
struct log_field {
    const char *name;   // letters and '_'
    struct slice value; // text; an empty one is left out, and so is what finds no room in the line
};
// Writes a line with such fields behind its message.
void log_event(const struct log *log, enum log_level level, const char *message, const struct log_field *fields,
               size_t count);

// Bounds lines that anybody can cause as often as they like: ten at once, then one a second. Zero it before its use.
struct log_limit {
    _Atomic uint64_t next_ms;
};
// Says whether one more line may be written now. `now_ms` is the time of any clock that does not go back.
bool log_may(struct log_limit *limit, uint64_t now_ms);

// Turns "error", "warning", "info" or "debug" into the level; -1 for anything else.
int log_level_parse(const char *text);
// Turns "text", "logfmt" or "json" into the format; -1 for anything else.
int log_format_parse(const char *text);

#endif
