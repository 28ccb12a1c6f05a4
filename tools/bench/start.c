// Fills a store with keys through real Create calls, then measures how long posternd needs from exec to the first
// answered Health, and its memory, over several clean restarts. The page cache is warm.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "daemon.h"
#include "report.h"
#include "sample.h"

enum { ROUNDS_MAX = 64, KEYS_PER_ACCOUNT = 100, RANDOM_VERIFIES = 10000, NAME_SIZE = 32 };

// posternd closes a connection that leaves 64 replies unread, and a group commit answers many calls at once: so 256
// outstanding calls come over four connections.
enum { OUTSTANDING = 256, CONNECTIONS = 4 };

static const double START_TARGET_MS = 100;
static const double MEMORY_TARGET_MIB = 64;

struct measured {
    double start_ms[ROUNDS_MAX];
    double idle_mib[ROUNDS_MAX]; // after the first Health
    double used_mib[ROUNDS_MAX]; // after Verify of random keys
    double verifies_per_s[ROUNDS_MAX];
};

struct bench {
    const struct options *options;
    struct daemon daemon;
    char (*tokens)[DAEMON_TOKEN_MAX + 1]; // one for each key
    uint64_t first;                       // offset into the shuffled order of keys
    struct load_result filled;
    struct measured measured;
};

static void account_of(uint64_t key, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "account-%llu", (unsigned long long)(key / KEYS_PER_ACCOUNT));
}

// --- filling

static nng_msg *make_account(void *context, uint64_t n)
{
    char name[NAME_SIZE];
    (void)context;
    account_of(n * KEYS_PER_ACCOUNT, name);
    return wire_put_account(name, "bench", KEYS_PER_ACCOUNT);
}

static bool check_ok(void *context, uint64_t n, const uint8_t *reply, size_t size)
{
    (void)context;
    (void)n;
    return wire_is_ok(reply, size);
}

static nng_msg *make_key(void *context, uint64_t n)
{
    char account[NAME_SIZE];
    char name[NAME_SIZE];
    (void)context;
    account_of(n, account);
    snprintf(name, sizeof name, "key %llu", (unsigned long long)n);
    return wire_create(account, name, NULL);
}

static bool keep_token(void *context, uint64_t n, const uint8_t *reply, size_t size)
{
    struct bench *bench = context;
    return daemon_read_token(reply, size, bench->tokens[n]);
}

static bool run(struct bench *bench, struct load_plan plan, struct load_result *result)
{
    plan.url = bench->daemon.url;
    plan.server = &bench->daemon.process;
    plan.connections = CONNECTIONS;
    plan.outstanding = OUTSTANDING;
    plan.context = bench;
    return load_run(&plan, result);
}

static bool fill(struct bench *bench)
{
    nng_socket socket;
    struct load_result result;
    const Postern__V1__Limit limit = wire_ample_limit(POSTERN__V1__ALGORITHM__ALGORITHM_FIXED_WINDOW);
    const uint64_t accounts = (bench->options->keys + KEYS_PER_ACCOUNT - 1) / KEYS_PER_ACCOUNT;
    if (!daemon_start(&bench->daemon) || !load_connect(bench->daemon.url, &bench->daemon.process, &socket))
        return false;
    const bool ready = daemon_must(socket, wire_put_tier("bench", &limit, 1), "put tier");
    nng_close(socket);
    const struct load_plan put = {.calls = accounts, .make = make_account, .check = check_ok};
    const struct load_plan create = {.calls = bench->options->keys, .make = make_key, .check = keep_token};
    return ready && run(bench, put, &result) && load_is_clean("put account", &result) &&
           run(bench, create, &bench->filled) && load_is_clean("create", &bench->filled) && daemon_stop(&bench->daemon);
}

// --- measuring

static double rss_anon_mib(const struct bench *bench)
{
    return (double)process_rss_anon_kib(bench->daemon.process.pid) / 1024;
}

static bool start(struct bench *bench, double *start_ms)
{
    nng_socket socket;
    const uint64_t began_ns = process_now_ns();
    if (!daemon_start(&bench->daemon) || !load_connect(bench->daemon.url, &bench->daemon.process, &socket))
        return false;
    const bool healthy = daemon_must(socket, wire_health(), "health");
    *start_ms = (double)(process_now_ns() - began_ns) / 1e6;
    nng_close(socket);
    return healthy;
}

// Spread over the whole store, and over other keys in every round.
static nng_msg *make_verify(void *context, uint64_t n)
{
    const struct bench *bench = context;
    const uint64_t stride = UINT64_C(2654435761); // prime
    const uint64_t key = (bench->first + n * stride) % bench->options->keys;
    return wire_verify(bench->tokens[key], NULL, NULL);
}

static bool measure_once(struct bench *bench, size_t round)
{
    struct measured *measured = &bench->measured;
    struct load_result result;
    if (!start(bench, &measured->start_ms[round]))
        return false;
    measured->idle_mib[round] = rss_anon_mib(bench);
    uint32_t first = 0;
    random_fill(&first, sizeof first);
    bench->first = first;
    const struct load_plan verify = {.calls = RANDOM_VERIFIES, .make = make_verify, .check = sample_check};
    if (!run(bench, verify, &result) || !load_is_clean("verify", &result))
        return false;
    measured->used_mib[round] = rss_anon_mib(bench);
    measured->verifies_per_s[round] = (double)result.answered / result.seconds;
    return daemon_stop(&bench->daemon);
}

static bool measure_all(struct bench *bench)
{
    for (size_t round = 0; round < bench->options->rounds; round++) {
        if (!measure_once(bench, round))
            return false;
    }
    return true;
}

static void print(struct bench *bench)
{
    struct report report;
    struct measured *measured = &bench->measured;
    const size_t rounds = (size_t)bench->options->rounds;
    report_open(&report, "start", bench->options->json);
    report_figure(&report, "keys", "keys", "in the store", 0, (double)bench->options->keys);
    report_figure(&report, "creates_per_s", "create, 256 outstanding", "calls/s", 0,
                  (double)bench->filled.answered / bench->filled.seconds);
    report_figure(&report, "create_p50", "create, p50", "ms", 1,
                  histogram_percentile(&bench->filled.latency, 0.50) / 1e6);
    report_figure(&report, "create_p99", "create, p99", "ms", 1,
                  histogram_percentile(&bench->filled.latency, 0.99) / 1e6);
    report_series(&report, "start_rounds", "exec to first Health", "ms", measured->start_ms, rounds);
    report_figure(&report, "random_verifies_per_s", "verify, random keys, cold", "calls/s", 0,
                  histogram_median(measured->verifies_per_s, rounds));
    report_target(&report, "start_ms", "exec to first Health, median", "ms",
                  histogram_median(measured->start_ms, rounds), REPORT_BELOW, START_TARGET_MS);
    report_target(&report, "rss_anon_mib", "RssAnon after Health", "MiB", histogram_median(measured->idle_mib, rounds),
                  REPORT_BELOW, MEMORY_TARGET_MIB);
    report_target(&report, "rss_anon_used_mib", "RssAnon after 10000 verifies", "MiB",
                  histogram_median(measured->used_mib, rounds), REPORT_BELOW, MEMORY_TARGET_MIB);
    report_close(&report, bench->daemon.dir);
}

int bench_start(const struct options *options)
{
    struct bench *bench = process_need(1, sizeof *bench);
    bench->options = options;
    bench->tokens = process_need(options->keys, sizeof *bench->tokens);
    const bool measured = daemon_prepare(options, &bench->daemon) && fill(bench) && measure_all(bench);
    if (measured)
        print(bench);
    daemon_clean_up(&bench->daemon, measured);
    free(bench->tokens);
    free(bench);
    return measured ? 0 : 1;
}
