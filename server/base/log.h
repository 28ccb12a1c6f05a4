// One line per event on stderr, for the service manager's journal. Never a token, a secret or a request_id.
//
// Threads: any; a line is one write(2).
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
    _Atomic enum log_level level; // lines above it are dropped; may be changed at any time
    int fd;
};

// "<time> <level> message"; control characters in the message are replaced by '?'. A NULL log drops everything.
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// For lines that a stranger can cause as often as he likes: ten at once, and one a second afterwards. False: no more
// now. Zeroed before the first. `now_ms` is of any clock that does not go back.
struct log_limit {
    _Atomic uint64_t next_ms;
};
bool log_may(struct log_limit *limit, uint64_t now_ms);

// "error", "warning", "info", "debug" -> level; -1 for anything else.
int log_level_parse(const char *text);

#endif
