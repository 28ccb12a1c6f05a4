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

// Starts it and stores a key that holds `scope`, in an account with a limit a minute and one a day that is never
// reached. False: printed on stderr, with the package that is missing.
bool redis_start(struct redis *redis, const char *dir, const char *log_path, const struct caller_target *key);

#endif
