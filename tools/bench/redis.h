// The other yardstick: Redis with the decision as a Lua script, as one does it without posternd. Debian's redis-server
// on a unix socket, nothing kept on disk; caller_redis asks it over hiredis.
//
// Threads: one; caller_redis as caller.h says.
#ifndef BENCH_REDIS_H
#define BENCH_REDIS_H

#include "caller.h"
#include "process.h"

struct redis {
    struct process process;
    char socket[120];
};

// Returns when it serves. False: printed on stderr, with the package that is missing.
bool redis_start(struct redis *redis, const char *dir, const char *log_path);
// Stores a key that holds `scope`, of an account with a limit a minute and one a day that are never reached. False:
// printed on stderr.
bool redis_put_key(const struct redis *redis, const char *token, const char *scope);

#endif
