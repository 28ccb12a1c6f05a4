// What the clients of a crash test were told, in files that survive them.
//
// One ledger per worker: one line per fact, appended before (attempts) or after (acknowledgements) the call.
//   "C <n> <key id> <token>"  the creation of the worker's n-th key was acknowledged
//   "A <n>"                   its revocation is about to be asked for
//   "R <n>"                   and was acknowledged
#ifndef SUPPORT_LEDGER_H
#define SUPPORT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

enum { LEDGER_TOKEN_MAX = 256, LEDGER_ID_MAX = 31 };

struct ledger_key {
    char id[LEDGER_ID_MAX + 1];
    char token[LEDGER_TOKEN_MAX + 1];
    bool revoking; // may be revoked
    bool revoked;  // is
};

struct ledger {
    struct ledger_key *keys;
    size_t count;
};

// False when the file cannot be read or holds another line; an unfinished last line is left out.
bool ledger_read(const char *path, struct ledger *out) __attribute__((warn_unused_result));
void ledger_wipe(struct ledger *ledger);

#endif
