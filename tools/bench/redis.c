// Starts redis-server with the decision as a Lua script, and asks it over hiredis.
#include "redis.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMEOUT_S = 60, START_TIMEOUT_S = 300, KEY_LIFE_S = 365 * 86400 };

// Answers {1, account, left this minute, left today}, or {0, why not}. As in posternd the token itself is not stored,
// and only a call that fits all limits is charged.
static const char script[] =
    "local key = redis.call('HMGET', 'key:' .. redis.sha1hex(ARGV[1]),\n"
    "                       'account', 'expires_at', 'revoked', 'scopes', 'per_minute', 'per_day')\n"
    "if not key[1] then return {0, 'NOT_FOUND'} end\n"
    "if key[3] == '1' then return {0, 'REVOKED'} end\n"
    "local now = tonumber(redis.call('TIME')[1])\n"
    "local expires_at = tonumber(key[2])\n"
    "if expires_at ~= 0 and now >= expires_at then return {0, 'EXPIRED'} end\n"
    "if not string.find(key[4], ' ' .. ARGV[2] .. ' ', 1, true) then return {0, 'INSUFFICIENT_SCOPE'} end\n"
    "local minute = 'minute:' .. key[1] .. ':' .. math.floor(now / 60)\n"
    "local day = 'day:' .. key[1] .. ':' .. math.floor(now / 86400)\n"
    "local used = redis.call('MGET', minute, day)\n"
    "local left_minute = tonumber(key[5]) - (tonumber(used[1]) or 0) - 1\n"
    "local left_day = tonumber(key[6]) - (tonumber(used[2]) or 0) - 1\n"
    "if left_minute < 0 or left_day < 0 then return {0, 'RATE_LIMITED'} end\n"
    "if redis.call('INCR', minute) == 1 then redis.call('EXPIRE', minute, 120) end\n"
    "if redis.call('INCR', day) == 1 then redis.call('EXPIRE', day, 172800) end\n"
    "return {1, key[1], left_minute, left_day}\n";

static const char store_key[] =
    "return redis.call('HSET', 'key:' .. redis.sha1hex(ARGV[1]), 'account', 'bench', 'expires_at', ARGV[3],\n"
    "                  'revoked', '0', 'scopes', ' ' .. ARGV[2] .. ' ', 'per_minute', '1000000000',\n"
    "                  'per_day', '1000000000000')";

// --- the caller

struct line {
    redisContext *context;
    char *command; // as it goes over the wire
    int size;
};

static redisContext *connect_to(const char *path, char failure[WIRE_TEXT_MAX])
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    redisContext *context = redisConnectUnixWithTimeout(path, timeout);
    if (context != NULL && context->err == 0 && redisSetTimeout(context, timeout) == REDIS_OK)
        return context;
    snprintf(failure, WIRE_TEXT_MAX, "%s", context != NULL ? context->errstr : "memory is out");
    if (context != NULL)
        redisFree(context);
    return NULL;
}

// NULL: it failed, and `failure` says why.
static redisReply *take_reply(redisContext *context, void *reply, char failure[WIRE_TEXT_MAX])
{
    redisReply *found = reply;
    if (found != NULL && found->type != REDIS_REPLY_ERROR)
        return found;
    snprintf(failure, WIRE_TEXT_MAX, "%s", found != NULL ? found->str : context->errstr);
    if (found != NULL)
        freeReplyObject(found);
    return NULL;
}

static void close_line(void *argument)
{
    struct line *line = argument;
    if (line->context != NULL)
        redisFree(line->context);
    if (line->command != NULL)
        redisFreeCommand(line->command);
    free(line);
}

static void *open_line(const struct caller_target *target, char failure[WIRE_TEXT_MAX])
{
    struct line *line = process_need(1, sizeof *line);
    redisReply *loaded = NULL;
    line->context = connect_to(target->url, failure);
    if (line->context != NULL)
        loaded = take_reply(line->context, redisCommand(line->context, "SCRIPT LOAD %s", script), failure);
    if (loaded != NULL) {
        line->size =
            redisFormatCommand(&line->command, "EVALSHA %s 0 %s %s", loaded->str, target->token, target->scope);
        freeReplyObject(loaded);
        if (line->size > 0)
            return line;
        snprintf(failure, WIRE_TEXT_MAX, "memory is out");
    }
    close_line(line);
    return NULL;
}

static bool ask(void *argument, char failure[WIRE_TEXT_MAX])
{
    struct line *line = argument;
    void *received = NULL;
    if (redisAppendFormattedCommand(line->context, line->command, (size_t)line->size) == REDIS_OK)
        (void)redisGetReply(line->context, &received); // a failure leaves NULL
    redisReply *reply = take_reply(line->context, received, failure);
    if (reply == NULL)
        return false;
    const bool decided = reply->type == REDIS_REPLY_ARRAY && reply->elements > 1;
    const bool allowed = decided && reply->element[0]->integer == 1;
    if (!allowed)
        snprintf(failure, WIRE_TEXT_MAX, "refused: %s", decided ? reply->element[1]->str : "not a decision");
    freeReplyObject(reply);
    return allowed;
}

const struct caller_kind caller_redis = {.name = "redis", .open = open_line, .ask = ask, .close = close_line};

// --- the server

static bool wait_until_it_serves(struct redis *redis)
{
    const uint64_t began_ns = process_now_ns();
    char failure[WIRE_TEXT_MAX] = "it has ended";
    while (process_runs(&redis->process) && process_now_ns() - began_ns < START_TIMEOUT_S * UINT64_C(1000000000)) {
        redisContext *context = connect_to(redis->socket, failure);
        if (context != NULL) {
            redisFree(context);
            return true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fprintf(stderr, "postern-bench: redis-server does not serve: %s\n", failure);
    return false;
}

bool redis_start(struct redis *redis, const char *dir, const char *log_path)
{
    // clang-format off
    static const char *const words[] = {"redis-server", "--unixsocket", NULL, "--dir", NULL, "--port", "0",
                                        "--unixsocketperm", "700", "--save", "", "--appendonly", "no",
                                        "--daemonize", "no", "--loglevel", "warning"};
    // clang-format on
    enum { COUNT = sizeof words / sizeof words[0], SOCKET = 2, DIR = 4 };
    char *argv[COUNT + 1] = {NULL};
    snprintf(redis->socket, sizeof redis->socket, "%s/redis", dir);
    memcpy(argv, words, sizeof words); // posix_spawn does not write to them
    argv[SOCKET] = redis->socket;
    memcpy(&argv[DIR], &dir, sizeof dir);
    if (!process_start(argv, log_path, &redis->process)) {
        fprintf(stderr, "postern-bench: redis-server is one of the peers: install Debian's package redis-server\n");
        return false;
    }
    return wait_until_it_serves(redis);
}

bool redis_put_key(const struct redis *redis, const char *token, const char *scope)
{
    char failure[WIRE_TEXT_MAX] = "";
    char expires_at[24];
    redisReply *reply = NULL;
    snprintf(expires_at, sizeof expires_at, "%lld", (long long)time(NULL) + KEY_LIFE_S);
    redisContext *context = connect_to(redis->socket, failure);
    if (context != NULL) {
        void *received = redisCommand(context, "EVAL %s 0 %s %s %s", store_key, token, scope, expires_at);
        reply = take_reply(context, received, failure);
        redisFree(context);
    }
    if (reply == NULL) {
        fprintf(stderr, "postern-bench: redis-server: %s\n", failure);
        return false;
    }
    freeReplyObject(reply);
    return true;
}
