// posternd and libpostern beside what one would use instead: a bare nng REQ/REP pair, which only carries the message,
// and Redis with the decision as a Lua script. All of them run at once and are measured in turns, round by round; a
// figure is the median of the rounds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"
#include "daemon.h"
#include "echo.h"
#include "pipeline.h"
#include "redis.h"
#include "report.h"

enum { ROUNDS_MAX = 64, OUTSTANDING = 64, THREADS = 64, PROCESSES = 8 };

#define WARM_UP 0.2 // of a measurement, before the first round
#define SCOPE   "orders.read"

// Whoever is compared with another stands next to it, so that both see the same machine.
enum side {
    POSTERN_LOOP,
    ECHO_CONTEXTS,
    POSTERN_CONTEXTS,
    POSTERN_ONE,
    ECHO_ONE,
    REDIS_ONE,
    POSTERN_THREADS,
    REDIS_THREADS,
    POSTERN_PROCESSES,
    ECHO_PROCESSES,
    SIDES
};

enum quantity { PER_SECOND, P50_US, CPU_US, QUANTITIES };

struct series {
    double rounds[QUANTITIES][ROUNDS_MAX];
    size_t count;
};

struct bench {
    const struct options *options;
    struct daemon daemon;
    struct echo echo;
    struct redis redis;
    char token[DAEMON_TOKEN_MAX + 1];
    struct sample verify;
    struct load_result result; // of the measurement under way
    struct series series[SIDES];
};

// --- how each side is measured

enum server { POSTERND, ECHO, REDIS };

struct way {
    const char *key, *label;
    enum server server;
    bool (*measure)(struct bench *bench, const struct way *way, double seconds); // false: printed on stderr
    unsigned at_once;                                                            // calls that are under way
};

static const struct caller_kind *const kinds[] = {
    [POSTERND] = &caller_postern, [ECHO] = &caller_echo, [REDIS] = &caller_redis};

static bool loop(struct bench *bench, const struct way *way, double seconds)
{
    const struct pipeline_plan plan = {
        .url = bench->daemon.url, .verify = &bench->verify, .outstanding = way->at_once, .seconds = seconds};
    return pipeline_run(&plan, &bench->result);
}

static bool contexts(struct bench *bench, const struct way *way, double seconds)
{
    struct load_plan plan = {.url = bench->daemon.url,
                             .server = &bench->daemon.process,
                             .make = sample_make,
                             .check = sample_check,
                             .context = &bench->verify};
    if (way->server == ECHO)
        plan = (struct load_plan){
            .url = bench->echo.url, .server = &bench->echo.process, .make = echo_make, .check = echo_check};
    plan.connections = 1;
    plan.outstanding = way->at_once;
    plan.seconds = seconds;
    return load_run(&plan, &bench->result);
}

static struct caller_target target_of(const struct bench *bench, enum server server)
{
    const char *const urls[] = {
        [POSTERND] = bench->daemon.url, [ECHO] = bench->echo.url, [REDIS] = bench->redis.socket};
    return (struct caller_target){.url = urls[server], .token = bench->token, .scope = SCOPE};
}

static bool threads(struct bench *bench, const struct way *way, double seconds)
{
    const struct caller_plan plan = {.kind = kinds[way->server],
                                     .target = target_of(bench, way->server),
                                     .threads = way->at_once,
                                     .seconds = seconds};
    return caller_run(&plan, &bench->result);
}

static bool processes(struct bench *bench, const struct way *way, double seconds)
{
    const struct crowd_plan plan = {.kind = kinds[way->server],
                                    .target = target_of(bench, way->server),
                                    .processes = way->at_once,
                                    .seconds = seconds,
                                    .log_path = bench->daemon.log};
    return crowd_run(&plan, &bench->result);
}

static const struct way sides[SIDES] = {
    [POSTERN_LOOP] = {"postern_loop", "posternd, 64 outstanding", POSTERND, loop, OUTSTANDING},
    [ECHO_CONTEXTS] = {"echo_contexts", "nng pair, 64 outstanding", ECHO, contexts, OUTSTANDING},
    [POSTERN_CONTEXTS] = {"postern_contexts", "posternd, nng REQ, 64 outstanding", POSTERND, contexts, OUTSTANDING},
    [POSTERN_ONE] = {"postern_one", "libpostern, one", POSTERND, threads, 1},
    [ECHO_ONE] = {"echo_one", "nng pair, one", ECHO, threads, 1},
    [REDIS_ONE] = {"redis_one", "Redis, one", REDIS, threads, 1},
    [POSTERN_THREADS] = {"postern_threads", "libpostern, 64 threads", POSTERND, threads, THREADS},
    [REDIS_THREADS] = {"redis_threads", "Redis, 64 threads", REDIS, threads, THREADS},
    [POSTERN_PROCESSES] = {"postern_processes", "libpostern, 8 processes", POSTERND, processes, PROCESSES},
    [ECHO_PROCESSES] = {"echo_processes", "nng pair, 8 processes", ECHO, processes, PROCESSES},
};

static pid_t server_of(const struct bench *bench, enum side side)
{
    const pid_t pids[] = {
        [POSTERND] = bench->daemon.process.pid, [ECHO] = bench->echo.process.pid, [REDIS] = bench->redis.process.pid};
    return pids[sides[side].server];
}

// --- rounds

static bool measure(struct bench *bench, enum side side, double seconds)
{
    return sides[side].measure(bench, &sides[side], seconds) && load_is_clean(sides[side].label, &bench->result);
}

static bool measure_round(struct bench *bench, enum side side)
{
    struct series *series = &bench->series[side];
    const struct load_result *result = &bench->result;
    const pid_t server = server_of(bench, side);
    const double cpu_s = process_cpu_s(server);
    if (!measure(bench, side, bench->options->seconds))
        return false;
    const size_t round = series->count++;
    series->rounds[PER_SECOND][round] = (double)result->answered / result->seconds;
    series->rounds[P50_US][round] = histogram_percentile(&result->latency, 0.50) / 1e3;
    series->rounds[CPU_US][round] = 1e6 * (process_cpu_s(server) - cpu_s) / (double)result->answered;
    return true;
}

static bool measure_all(struct bench *bench)
{
    for (enum side side = 0; side < SIDES; side++) {
        if (!measure(bench, side, bench->options->seconds * WARM_UP))
            return false;
    }
    for (uint64_t round = 0; round < bench->options->rounds; round++) {
        for (enum side side = 0; side < SIDES; side++) {
            if (!measure_round(bench, side))
                return false;
        }
    }
    return true;
}

// --- the servers

static bool make_key(struct bench *bench, nng_socket socket)
{
    Postern__V1__Limit limits[2];
    limits[0] = limits[1] = wire_ample_limit(POSTERN__V1__ALGORITHM__ALGORITHM_FIXED_WINDOW);
    limits[1].window_s = 86400;
    limits[1].amount *= 1000;
    return daemon_must(socket, wire_put_scope(SCOPE), "put scope") &&
           daemon_must(socket, wire_put_tier("bench", limits, 2), "put tier") &&
           daemon_must(socket, wire_put_account("bench", "bench", 10), "put account") &&
           daemon_create(socket, "bench", SCOPE, bench->token) &&
           sample_verify(bench->token, SCOPE, true, &bench->verify);
}

static bool start_servers(struct bench *bench)
{
    nng_socket socket;
    struct daemon *daemon = &bench->daemon;
    if (!redis_start(&bench->redis, daemon->dir, daemon->log) ||
        !echo_start(&bench->echo, daemon->dir, OUTSTANDING, daemon->log) || !daemon_start(daemon) ||
        !load_connect(daemon->url, &daemon->process, &socket))
        return false;
    const bool made = make_key(bench, socket);
    nng_close(socket);
    return made && redis_put_key(&bench->redis, bench->token, SCOPE);
}

// --- the table

static const struct {
    const char *key, *label, *unit;
    enum side ours, theirs;
    enum quantity quantity;
    enum report_bound bound;
    double floor;
} rows[] = {
    {"outstanding", "Verify, 64 outstanding on one connection / nng pair", "calls/s", POSTERN_LOOP, ECHO_CONTEXTS,
     PER_SECOND, REPORT_AT_LEAST, 3.0},
    {"nng_client", "the same by nng's REQ / nng pair", "calls/s", POSTERN_CONTEXTS, ECHO_CONTEXTS, PER_SECOND,
     REPORT_AT_LEAST, 1.0},
    {"one_nng", "libpostern, one call at a time, p50 / nng pair", "us", POSTERN_ONE, ECHO_ONE, P50_US, REPORT_AT_MOST,
     0.45},
    {"one_redis", "the same / Redis+Lua", "us", POSTERN_ONE, REDIS_ONE, P50_US, REPORT_AT_MOST, 0.8},
    {"threads", "libpostern, 64 threads, one handle / Redis+Lua", "calls/s", POSTERN_THREADS, REDIS_THREADS, PER_SECOND,
     REPORT_AT_LEAST, 2.5},
    {"processes", "8 processes, one call at a time / nng pair", "calls/s", POSTERN_PROCESSES, ECHO_PROCESSES,
     PER_SECOND, REPORT_AT_LEAST, 2.5},
    {"server_cpu", "server's CPU a call, 64 outstanding / nng pair", "us", POSTERN_LOOP, ECHO_CONTEXTS, CPU_US,
     REPORT_AT_MOST, 0.5},
};

static double median(const struct bench *bench, enum side side, enum quantity quantity)
{
    double sorted[ROUNDS_MAX];
    const struct series *series = &bench->series[side];
    memcpy(sorted, series->rounds[quantity], sizeof sorted);
    return histogram_median(sorted, series->count);
}

static void print(struct bench *bench)
{
    struct report report;
    report_open(&report, "compare", bench->options->json);
    report_figure(&report, "seconds", "each measured for", "s a round", 2, bench->options->seconds);
    report_figure(&report, "rounds", "median of", "rounds", 0, (double)bench->options->rounds);
    for (enum side side = 0; side < SIDES; side++) {
        char key[64];
        snprintf(key, sizeof key, "%s_rounds", sides[side].key);
        report_series(&report, key, sides[side].label, "calls/s", bench->series[side].rounds[PER_SECOND],
                      bench->series[side].count);
    }
    report_comparison_head(&report);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct report_comparison row = {.key = rows[i].key,
                                              .label = rows[i].label,
                                              .unit = rows[i].unit,
                                              .ours = median(bench, rows[i].ours, rows[i].quantity),
                                              .theirs = median(bench, rows[i].theirs, rows[i].quantity),
                                              .bound = rows[i].bound,
                                              .target = rows[i].floor};
        report_comparison(&report, &row);
    }
    report_close(&report, bench->daemon.dir);
}

int bench_compare(const struct options *options)
{
    struct bench *bench = process_need(1, sizeof *bench);
    bool measured = false;
    bench->options = options;
    if (daemon_prepare(options, &bench->daemon)) {
        measured = start_servers(bench) && measure_all(bench) && daemon_stop(&bench->daemon);
        process_kill(&bench->redis.process);
        process_kill(&bench->echo.process);
        daemon_clean_up(&bench->daemon, measured);
    }
    if (measured)
        print(bench);
    free(bench);
    return measured ? 0 : 1;
}
