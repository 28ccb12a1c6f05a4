// Verify calls per second by nng's REQ over one ipc connection, beside a bare nng echo server with messages of about
// the same size; what a limit and a charge_id cost. They take turns within each round, with the same load generator.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "echo.h"
#include "report.h"
#include "sample.h"

enum { ROUNDS_MAX = 64, WARM_UP_S = 1 };
enum side { ECHO, LIMITED, CHARGED, UNLIMITED, SIDES };

static const double TARGET = 0.7;

static const struct {
    const char *key, *label;
} names[SIDES] = {[ECHO] = {"echo", "echo"},
                  [LIMITED] = {"verify", "verify"},
                  [CHARGED] = {"charge_id", "verify, charge_id"},
                  [UNLIMITED] = {"unlimited", "verify, unlimited"}};

struct measured {
    double per_second[ROUNDS_MAX];
    uint64_t calls;
    double server_cpu_s; // what the server's process used for them
    struct histogram latency;
};

struct bench {
    const struct options *options;
    struct daemon daemon;
    struct echo echo;
    struct sample requests[SIDES]; // of Verify
    struct measured measured[SIDES];
};

static bool parse_algorithm(const char *name, Postern__V1__Algorithm *out)
{
    static const char *const known[] = {[POSTERN__V1__ALGORITHM__ALGORITHM_FIXED_WINDOW] = "fixed_window",
                                        [POSTERN__V1__ALGORITHM__ALGORITHM_SLIDING_WINDOW] = "sliding_window",
                                        [POSTERN__V1__ALGORITHM__ALGORITHM_TOKEN_BUCKET] = "token_bucket"};
    for (unsigned i = 1; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], name) == 0) {
            *out = (Postern__V1__Algorithm)i;
            return true;
        }
    }
    fprintf(stderr, "postern-bench: --algorithm %s: fixed_window, sliding_window or token_bucket is wanted\n", name);
    return false;
}

static bool make_key(nng_socket socket, const char *name, Postern__V1__Algorithm algorithm,
                     char token[DAEMON_TOKEN_MAX + 1])
{
    const Postern__V1__Limit limit = wire_ample_limit(algorithm);
    return daemon_must(socket, wire_put_tier(name, &limit, 1), "put tier") &&
           daemon_must(socket, wire_put_account(name, name, 10), "put account") &&
           daemon_create(socket, name, NULL, token);
}

static bool make_keys(struct bench *bench, nng_socket socket, Postern__V1__Algorithm algorithm)
{
    char token[DAEMON_TOKEN_MAX + 1];
    return make_key(socket, "limited", algorithm, token) &&
           sample_verify(token, NULL, false, &bench->requests[LIMITED]) &&
           sample_verify(token, NULL, true, &bench->requests[CHARGED]) &&
           make_key(socket, "unlimited", POSTERN__V1__ALGORITHM__ALGORITHM_UNSPECIFIED, token) &&
           sample_verify(token, NULL, false, &bench->requests[UNLIMITED]);
}

static bool start_servers(struct bench *bench)
{
    nng_socket socket;
    struct daemon *daemon = &bench->daemon;
    Postern__V1__Algorithm algorithm;
    if (!parse_algorithm(bench->options->algorithm, &algorithm) || !daemon_start(daemon) ||
        !load_connect(daemon->url, &daemon->process, &socket))
        return false;
    const bool ready = make_keys(bench, socket, algorithm);
    nng_close(socket);
    return ready && echo_start(&bench->echo, daemon->dir, (unsigned)bench->options->outstanding, daemon->log);
}

static bool measure(struct bench *bench, enum side side, double seconds, struct load_result *result)
{
    struct load_plan plan = {.url = bench->daemon.url,
                             .server = &bench->daemon.process,
                             .make = sample_make,
                             .check = sample_check,
                             .context = &bench->requests[side]};
    if (side == ECHO)
        plan = (struct load_plan){
            .url = bench->echo.url, .server = &bench->echo.process, .make = echo_make, .check = echo_check};
    plan.connections = 1;
    plan.outstanding = (unsigned)bench->options->outstanding;
    plan.seconds = seconds;
    return load_run(&plan, result) && load_is_clean(names[side].label, result);
}

static bool measure_round(struct bench *bench, enum side side, uint64_t round)
{
    struct measured *measured = &bench->measured[side];
    struct load_result result;
    const pid_t server = side == ECHO ? bench->echo.process.pid : bench->daemon.process.pid;
    const double cpu_s = process_cpu_s(server);
    if (!measure(bench, side, bench->options->seconds, &result))
        return false;
    measured->server_cpu_s += process_cpu_s(server) - cpu_s;
    measured->calls += result.answered;
    measured->per_second[round] = (double)result.answered / result.seconds;
    histogram_add(&measured->latency, &result.latency);
    return true;
}

static bool measure_all(struct bench *bench)
{
    struct load_result result;
    for (enum side side = 0; side < SIDES; side++) {
        if (!measure(bench, side, WARM_UP_S, &result))
            return false;
    }
    for (uint64_t round = 0; round < bench->options->rounds; round++) {
        for (enum side side = 0; side < SIDES; side++) {
            if (!measure_round(bench, side, round))
                return false;
        }
    }
    return true;
}

static void print_side(struct report *report, const char *key, const char *label, const char *what, const char *unit,
                       int decimals, double value)
{
    char full_key[64];
    char full_label[64];
    snprintf(full_key, sizeof full_key, "%s_%s", key, what);
    snprintf(full_label, sizeof full_label, "%s, %s", label, what);
    report_figure(report, full_key, full_label, unit, decimals, value);
}

static void print(struct bench *bench)
{
    struct report report;
    double medians[SIDES];
    report_open(&report, "verify", bench->options->json);
    report_text(&report, "algorithm", "limit", bench->options->algorithm);
    report_figure(&report, "outstanding", "outstanding calls", "on one connection", 0,
                  (double)bench->options->outstanding);
    report_text(&report, "placement", "placement",
                bench->echo.process.cpu > 0 ? "each server on one processor, the load on the others"
                                            : "as the kernel likes");
    report_figure(&report, "request_bytes", "request", "bytes", 0, (double)bench->requests[LIMITED].size);
    report_figure(&report, "echo_bytes", "echo, request and reply", "bytes", 0, ECHO_SIZE);
    for (enum side side = 0; side < SIDES; side++) {
        struct measured *measured = &bench->measured[side];
        char key[64];
        snprintf(key, sizeof key, "%s_rounds", names[side].key);
        report_series(&report, key, names[side].label, "calls/s", measured->per_second, (size_t)bench->options->rounds);
        medians[side] = histogram_median(measured->per_second, (size_t)bench->options->rounds);
        print_side(&report, names[side].key, names[side].label, "median", "calls/s", 0, medians[side]);
        print_side(&report, names[side].key, names[side].label, "p50", "us", 0,
                   histogram_percentile(&measured->latency, 0.50) / 1e3);
        print_side(&report, names[side].key, names[side].label, "p99", "us", 0,
                   histogram_percentile(&measured->latency, 0.99) / 1e3);
        print_side(&report, names[side].key, names[side].label, "server_cpu", "us/call", 1,
                   1e6 * measured->server_cpu_s / (double)measured->calls);
    }
    report_figure(&report, "charge_id_ratio", "charge_id / verify", "", 2, medians[CHARGED] / medians[LIMITED]);
    report_figure(&report, "unlimited_ratio", "unlimited / echo", "", 2, medians[UNLIMITED] / medians[ECHO]);
    report_target(&report, "ratio", "verify / echo", "", medians[LIMITED] / medians[ECHO], REPORT_AT_LEAST, TARGET);
    report_close(&report, bench->daemon.dir);
}

int bench_verify(const struct options *options)
{
    struct bench *bench = process_need(1, sizeof *bench);
    bool measured = false;
    bench->options = options;
    if (daemon_prepare(options, &bench->daemon)) {
        bench->echo.process.cpu = bench->daemon.process.cpu = options->anywhere ? 0 : process_spare_cpu();
        measured = start_servers(bench) && measure_all(bench) && daemon_stop(&bench->daemon);
        process_kill(&bench->echo.process);
        daemon_clean_up(&bench->daemon, measured);
    }
    if (measured)
        print(bench);
    free(bench);
    return measured ? 0 : 1;
}
