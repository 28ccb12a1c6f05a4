// Verify calls per second over one ipc connection, beside a bare nng echo server that answers requests of the same
// size with the same bytes. The two take turns within each round, with the same load generator.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "echo.h"
#include "report.h"

#include "base/random.h"

enum { ROUNDS_MAX = 64, MESSAGE_MAX = 4096, WARM_UP_S = 1 };
enum side { ECHO, LIMITED, CHARGED, UNLIMITED, SIDES };

// The same as posternd's default number of contexts.
#define ECHO_CONTEXTS "256"

static const double TARGET = 0.7;

static const struct {
    const char *key, *label;
} names[SIDES] = {[ECHO] = {"echo", "echo"},
                  [LIMITED] = {"verify", "verify"},
                  [CHARGED] = {"charge_id", "verify, charge_id"},
                  [UNLIMITED] = {"unlimited", "verify, unlimited"}};

struct message {
    uint8_t bytes[MESSAGE_MAX];
    size_t size;
    size_t charge_id_at; // made anew for each call; 0 = it has none
};

struct measured {
    double per_second[ROUNDS_MAX];
    uint64_t calls;
    double server_cpu_s; // what the server's process used for them
    struct histogram latency;
};

struct bench {
    const struct options *options;
    struct daemon daemon;
    struct process echo;
    char echo_url[120];
    char reply_path[112];
    struct message requests[SIDES];
    size_t reply_size;
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

static bool take_message(nng_msg *message, struct message *out)
{
    if (message == NULL || nng_msg_len(message) > sizeof out->bytes)
        return false;
    out->size = nng_msg_len(message);
    memcpy(out->bytes, nng_msg_body(message), out->size);
    nng_msg_free(message);
    return true;
}

static bool make_key(nng_socket socket, const char *name, Postern__V1__Algorithm algorithm,
                     char token[DAEMON_TOKEN_MAX + 1])
{
    const Postern__V1__Limit limit = wire_ample_limit(algorithm);
    return daemon_must(socket, wire_put_tier(name, &limit), "put tier") &&
           daemon_must(socket, wire_put_account(name, name, 10), "put account") && daemon_create(socket, name, token);
}

// A Verify with a charge_id, and where in its bytes the id is.
static bool take_charged(const char *token, struct message *request)
{
    uint8_t id[WIRE_CHARGE_ID_SIZE];
    random_fill(id, sizeof id);
    if (!take_message(wire_verify(token, id), request))
        return false;
    const uint8_t *found = memmem(request->bytes, request->size, id, sizeof id);
    request->charge_id_at = found != NULL ? (size_t)(found - request->bytes) : 0;
    return found != NULL;
}

static bool make_keys(struct bench *bench, nng_socket socket, Postern__V1__Algorithm algorithm)
{
    char token[DAEMON_TOKEN_MAX + 1];
    return make_key(socket, "limited", algorithm, token) &&
           take_message(wire_verify(token, NULL), &bench->requests[LIMITED]) &&
           take_charged(token, &bench->requests[CHARGED]) &&
           make_key(socket, "unlimited", POSTERN__V1__ALGORITHM__ALGORITHM_UNSPECIFIED, token) &&
           take_message(wire_verify(token, NULL), &bench->requests[UNLIMITED]);
}

// One real Verify: its reply is what the echo server will say.
static bool record_reply(struct bench *bench, nng_socket socket)
{
    nng_msg *request = NULL;
    struct message reply = {.size = 0};
    if (nng_msg_alloc(&request, 0) != 0 ||
        nng_msg_append(request, bench->requests[LIMITED].bytes, bench->requests[LIMITED].size) != 0)
        return false;
    if (!take_message(load_ask(socket, request), &reply))
        return false;
    if (!wire_is_allowed(reply.bytes, reply.size)) {
        char text[WIRE_TEXT_MAX];
        wire_describe(reply.bytes, reply.size, text);
        fprintf(stderr, "postern-bench: verify: %s\n", text);
        return false;
    }
    bench->reply_size = reply.size;
    FILE *file = fopen(bench->reply_path, "wb");
    const bool written = file != NULL && fwrite(reply.bytes, 1, reply.size, file) == reply.size;
    if ((file != NULL && fclose(file) != 0) || !written) {
        perror(bench->reply_path);
        return false;
    }
    return true;
}

static bool prepare_keys(struct bench *bench)
{
    nng_socket socket;
    Postern__V1__Algorithm algorithm;
    if (!parse_algorithm(bench->options->algorithm, &algorithm) || !daemon_start(&bench->daemon) ||
        !load_connect(bench->daemon.url, &bench->daemon.process, &socket))
        return false;
    const bool ready = make_keys(bench, socket, algorithm) && record_reply(bench, socket);
    bench->requests[ECHO] = bench->requests[LIMITED];
    nng_close(socket);
    return ready;
}

static bool start_echo(struct bench *bench)
{
    static char command[] = ECHO_COMMAND;
    static char contexts[] = ECHO_CONTEXTS;
    char program[PROCESS_PATH_MAX];
    char *argv[] = {program, command, bench->echo_url, bench->reply_path, contexts, NULL};
    nng_socket socket;
    if (!process_neighbour(NULL, program) || !process_start(argv, bench->daemon.log, &bench->echo) ||
        !load_connect(bench->echo_url, &bench->echo, &socket))
        return false;
    nng_close(socket);
    return true;
}

static nng_msg *make(void *context, uint64_t n)
{
    const struct message *request = context;
    nng_msg *message = NULL;
    (void)n;
    if (nng_msg_alloc(&message, request->size) != 0)
        return NULL;
    uint8_t *bytes = nng_msg_body(message);
    memcpy(bytes, request->bytes, request->size);
    if (request->charge_id_at > 0)
        random_fill(bytes + request->charge_id_at, WIRE_CHARGE_ID_SIZE);
    return message;
}

static bool check(void *context, uint64_t n, const uint8_t *reply, size_t size)
{
    (void)context;
    (void)n;
    return wire_is_allowed(reply, size);
}

static bool measure(struct bench *bench, enum side side, uint64_t seconds, struct load_result *result)
{
    const struct load_plan plan = {.url = side == ECHO ? bench->echo_url : bench->daemon.url,
                                   .connections = 1,
                                   .outstanding = (unsigned)bench->options->outstanding,
                                   .seconds = seconds,
                                   .make = make,
                                   .check = check,
                                   .context = &bench->requests[side]};
    return load_run(&plan, result) && load_is_clean(names[side].label, result);
}

static bool measure_round(struct bench *bench, enum side side, uint64_t round)
{
    struct measured *measured = &bench->measured[side];
    struct load_result result;
    const pid_t server = side == ECHO ? bench->echo.pid : bench->daemon.process.pid;
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
                bench->echo.cpu > 0 ? "each server on one processor, the load on the others" : "as the kernel likes");
    report_figure(&report, "request_bytes", "request", "bytes", 0, (double)bench->requests[LIMITED].size);
    report_figure(&report, "reply_bytes", "reply", "bytes", 0, (double)bench->reply_size);
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
    struct bench *bench = calloc(1, sizeof *bench);
    bool measured = false;
    if (bench == NULL)
        return 1;
    bench->options = options;
    if (!daemon_prepare(options, &bench->daemon))
        goto out;
    bench->echo.cpu = bench->daemon.process.cpu = options->anywhere ? 0 : process_spare_cpu();
    snprintf(bench->echo_url, sizeof bench->echo_url, "ipc://%s/echo", bench->daemon.dir);
    snprintf(bench->reply_path, sizeof bench->reply_path, "%s/reply", bench->daemon.dir);
    measured = prepare_keys(bench) && start_echo(bench) && measure_all(bench) && daemon_stop(&bench->daemon);
    if (measured)
        print(bench);
out:
    process_kill(&bench->echo);
    daemon_clean_up(&bench->daemon, measured);
    free(bench);
    return measured ? 0 : 1;
}
