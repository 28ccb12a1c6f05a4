// What the clients of a test of limits were told: limit_worker writes it, limit_check reads it.
//
// One line per call, appended when the call is over; times are CLOCK_BOOTTIME in microseconds, which a daemon of the
// same machine counts by too:
//   "<before> <after> <call> <verdict> <server_ms> <n> <meter>=<reset_at_ms> ..."
// `call` numbers the lines of the worker's plan. Verdict: A admitted, D denied, U no answer (it may have been charged).
// `server_ms` is the daemon's own time when it answered. A meter is "resource/algorithm/window_s/subject", numbers of
// the wire.
#ifndef SUPPORT_LIMIT_LEDGER_H
#define SUPPORT_LIMIT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIMIT_METERS_MAX = 4, LIMIT_MATCH_MAX = 64, LIMIT_LINE_MAX = 1024 };

// Of each call. Shorter than the library's patience with one attempt: only a lost connection makes it ask twice.
enum { LIMIT_CALL_TIMEOUT_MS = 450 };

struct limit_reset {
    char meter[LIMIT_MATCH_MAX + 1];
    int64_t reset_at_ms;
};

struct limit_call_entry {
    int64_t before_us;
    int64_t after_us;
    int64_t server_ms;
    int client; // which file of the ledger
    int call;
    char verdict;
    int reset_count;
    struct limit_reset resets[LIMIT_METERS_MAX];
};

struct limit_ledger {
    struct limit_call_entry *entries; // of each client in the order of its calls
    size_t count;
    int clients;
};

// Adds the file's entries. False when it cannot be read or holds another line; an unfinished last line is left out.
bool limit_ledger_read(const char *path, struct limit_ledger *ledger) __attribute__((warn_unused_result));
void limit_ledger_wipe(struct limit_ledger *ledger);

#endif
