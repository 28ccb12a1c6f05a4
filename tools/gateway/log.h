// One line per event on stderr, of the form that posternd's have. Never a token.
//
// Threads: any; a line is one write(2).
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
    enum log_level level; // lines above it are dropped
    int fd;
};

// Writes the line "<time> <level> message", with '?' for every control character.
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Bounds lines that anybody can cause as often as they like: ten at once, then one a second. Zero it before its use.
struct log_limit {
    _Atomic uint64_t next_ms;
};
// Says whether one more line may be written now.
bool log_may(struct log_limit *limit);

// Turns "error", "warning", "info" or "debug" into the level; -1 for anything else.
int log_level_parse(const char *text);

#endif
