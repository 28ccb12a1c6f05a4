// Spends from limits until it is told to stop, and writes down every answer with the time before and after the call.
//
//   limit_worker URL LEDGER PLAN SEED    until SIGTERM; exit 0 unless an answer came that no crash explains
//
// PLAN: one call per line, "TOKEN resource=cost[,resource=cost]...". They are made in random order, one at a time. What
// is written: support/limit_ledger.h.
#include "postern/postern.h"
#include "support/limit_ledger.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_US = 3000, CALLS_MAX = 32, CHARGES_MAX = 4, TOKEN_MAX = 256, WORDS_MAX = 200 };

struct planned_call {
    char token[TOKEN_MAX + 1];
    char words[WORDS_MAX + 1]; // the resources point into it
    struct postern_charge charges[CHARGES_MAX];
    size_t charge_count;
};

struct worker {
    struct postern *client;
    int ledger;
    uint64_t dice;
    struct planned_call calls[CALLS_MAX];
    size_t count;
};

static volatile sig_atomic_t stopping;

static void on_sigterm(int signal)
{
    (void)signal;
    stopping = 1;
}

// splitmix64 (https://prng.di.unimi.it/splitmix64.c)
static size_t roll(struct worker *worker, size_t sides)
{
    uint64_t z = (worker->dice += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((z ^ (z >> 31)) % sides);
}

static int64_t boot_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// ------------------------------------------------------------------------------------------------------- plan

static bool read_charges(struct planned_call *call)
{
    char *rest = NULL;

    for (char *word = strtok_r(call->words, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(word, '=');

        if (equals == NULL || call->charge_count == CHARGES_MAX)
            return false;
        *equals = '\0';
        call->charges[call->charge_count++] =
            (struct postern_charge){.resource = word, .cost = strtoull(equals + 1, NULL, 10)};
    }
    return call->charge_count > 0;
}

static bool read_plan(struct worker *worker, const char *path)
{
    FILE *file = fopen(path, "r");
    bool good = file != NULL;

    while (good && worker->count < CALLS_MAX) {
        struct planned_call *call = &worker->calls[worker->count];

        if (fscanf(file, "%256s %200s", call->token, call->words) != 2)
            break;
        good = read_charges(call);
        worker->count++;
    }
    if (file != NULL)
        fclose(file);
    return good && worker->count > 0;
}

// ----------------------------------------------------------------------------------------------------- ledger

static int add_meter(char *out, size_t room, const struct postern_meter *meter)
{
    return snprintf(out, room, " %s/%d/%" PRIu32 "/%d=%" PRIu64, meter->resource, (int)meter->algorithm,
                    meter->window_s, (int)meter->subject, meter->reset_at_ms);
}

// One write, so that a line is there as a whole or not at all.
static bool note(const struct worker *worker, int64_t before_us, int64_t after_us, size_t call,
                 const struct postern_verify_reply *reply)
{
    char line[LIMIT_LINE_MAX];
    size_t meters = reply != NULL ? reply->meter_count : 0;
    int size = snprintf(line, sizeof(line), "%" PRId64 " %" PRId64 " %zu %c %" PRIu64 " %zu", before_us, after_us, call,
                        reply == NULL    ? 'U'
                        : reply->allowed ? 'A'
                                         : 'D',
                        reply != NULL ? reply->base.server_time_ms : 0, meters);

    for (size_t i = 0; i < meters && size > 0 && (size_t)size < sizeof(line) - 2; i++)
        size += add_meter(line + size, sizeof(line) - (size_t)size, &reply->meters[i]);
    if (size <= 0 || (size_t)size >= sizeof(line) - 1) {
        fputs("limit_worker: an answer with too many meters\n", stderr);
        return false;
    }
    line[size++] = '\n';
    if (write(worker->ledger, line, (size_t)size) == size)
        return true;
    perror("limit_worker: ledger");
    return false;
}

// ------------------------------------------------------------------------------------------------------ calls

static bool is_expected(enum postern_status status, const struct postern_verify_reply *reply)
{
    if (status != POSTERN_OK)
        return status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED;
    return reply->reason == POSTERN_REASON_ALLOWED || reply->reason == POSTERN_REASON_RATE_LIMITED;
}

static bool step(struct worker *worker)
{
    size_t n = roll(worker, worker->count);
    const struct planned_call *call = &worker->calls[n];
    struct postern_verify_request ask = {.call = {.timeout_ms = LIMIT_CALL_TIMEOUT_MS},
                                         .api_key = call->token,
                                         .charges = call->charges,
                                         .charge_count = call->charge_count};
    struct postern_verify_reply *reply = NULL;
    struct postern_error error;
    int64_t before_us = boot_us();
    enum postern_status status = postern_verify(worker->client, &ask, &reply, &error);
    bool good = is_expected(status, reply);

    if (!good)
        fprintf(stderr, "limit_worker: call %zu: %s: %s %s\n", n, postern_status_name(status), error.message,
                reply != NULL ? postern_reason_name(reply->reason) : "");
    else
        good = note(worker, before_us, boot_us(), n, reply);
    postern_reply_free(reply);
    return good;
}

static bool set_up(struct worker *worker, char **argv)
{
    struct postern_options options = {.url = argv[1]};
    struct postern_error error;

    worker->dice = strtoull(argv[4], NULL, 10);
    if (!read_plan(worker, argv[3])) {
        fprintf(stderr, "limit_worker: %s is no plan\n", argv[3]);
        return false;
    }
    worker->ledger = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (worker->ledger < 0) {
        perror("limit_worker: ledger");
        return false;
    }
    if (postern_open(&options, &worker->client, &error) == POSTERN_OK)
        return true;
    fprintf(stderr, "limit_worker: %s\n", error.message);
    return false;
}

int main(int argc, char **argv)
{
    static struct worker worker;
    bool good = true;

    if (argc != 5) {
        fputs("usage: limit_worker URL LEDGER PLAN SEED\n", stderr);
        return 2;
    }
    signal(SIGTERM, on_sigterm);
    if (!set_up(&worker, argv))
        return 2;
    while (!stopping && good) {
        good = step(&worker);
        usleep((useconds_t)roll(&worker, 2 * PAUSE_US));
    }
    postern_close(worker.client);
    close(worker.ledger);
    return good ? 0 : 1;
}
