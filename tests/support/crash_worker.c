// Creates and revokes keys until it is told to stop, and writes down what posternd acknowledged.
//
//   crash_worker URL LEDGER NAME HOLD    until SIGTERM; exit 0 unless a call failed in a way that no crash explains.
//                                        Begins nothing new while the file HOLD exists
#include "postern/postern.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEYS_MAX = 100000, PATIENT_MS = 600000, HASTY_MS = 150, PAUSE_US = 8000 };

struct worker {
    struct postern *client;
    int ledger;
    const char *name;
    const char *hold;
    unsigned dice;
    char (*ids)[32]; // of acknowledged keys
    bool *asked;     // its revocation was asked for
    size_t count;
    unsigned calls; // makes names unique
};

static volatile sig_atomic_t stopping;

static void on_sigterm(int signal)
{
    (void)signal;
    stopping = 1;
}

static unsigned roll(struct worker *worker, unsigned sides)
{
    worker->dice = worker->dice * 1103515245u + 12345u;
    return (worker->dice >> 16) % sides;
}

// One write, so that a line is there as a whole or not at all.
__attribute__((format(printf, 2, 3))) static void note(struct worker *worker, const char *format, ...)
{
    char line[512];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (size <= 0 || (size_t)size >= sizeof(line) || write(worker->ledger, line, (size_t)size) != size) {
        perror("crash_worker: ledger");
        exit(2);
    }
}

// Most calls wait until the daemon is back and then repeat themselves; some give up and never learn what happened.
static struct postern_call patience(struct worker *worker)
{
    return (struct postern_call){.timeout_ms = roll(worker, 8) == 0 ? HASTY_MS : PATIENT_MS};
}

// The daemon is never away for as long as a patient call waits.
static bool expected(enum postern_status status, const struct postern_call *call)
{
    if (call->timeout_ms == PATIENT_MS)
        return status == POSTERN_OK;
    return status == POSTERN_OK || status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED;
}

static bool create_key(struct worker *worker)
{
    char name[64];
    struct postern_create_request ask = {.call = patience(worker), .account = "crash", .name = name};
    struct postern_create_reply *reply = NULL;
    struct postern_error error;
    enum postern_status status;

    snprintf(name, sizeof(name), "%s-%u", worker->name, worker->calls++);
    status = postern_create(worker->client, &ask, &reply, &error);
    if (status == POSTERN_OK) {
        note(worker, "C %zu %s %s\n", worker->count, reply->key.key_id, reply->api_key);
        snprintf(worker->ids[worker->count++], sizeof(worker->ids[0]), "%s", reply->key.key_id);
    } else if (!expected(status, &ask.call)) {
        fprintf(stderr, "crash_worker: create: %s: %s\n", postern_status_name(status), error.message);
    }
    postern_reply_free(reply);
    return expected(status, &ask.call);
}

static bool revoke_key(struct worker *worker, size_t n)
{
    struct postern_revoke_request ask = {
        .call = patience(worker), .key_id = worker->ids[n], .reason = "a test of crashes"};
    struct postern_revoke_reply *reply = NULL;
    struct postern_error error;
    enum postern_status status;

    note(worker, "A %zu\n", n);
    worker->asked[n] = true;
    status = postern_revoke(worker->client, &ask, &reply, &error);
    if (status == POSTERN_OK)
        note(worker, "R %zu\n", n);
    else if (!expected(status, &ask.call))
        fprintf(stderr, "crash_worker: revoke: %s: %s\n", postern_status_name(status), error.message);
    postern_reply_free(reply);
    return expected(status, &ask.call);
}

static bool step(struct worker *worker)
{
    size_t n = worker->count > 0 ? roll(worker, (unsigned)worker->count) : 0;

    if (access(worker->hold, F_OK) == 0)
        return true;
    if (roll(worker, 2) == 0 && worker->count > 0 && !worker->asked[n])
        return revoke_key(worker, n);
    return create_key(worker);
}

static bool set_up(struct worker *worker, const char *url, const char *ledger)
{
    struct postern_options options = {.url = url, .timeout_ms = PATIENT_MS};
    struct postern_error error;

    worker->ledger = open(ledger, O_WRONLY | O_CREAT | O_APPEND, 0600);
    worker->ids = calloc(KEYS_MAX, sizeof(*worker->ids));
    worker->asked = calloc(KEYS_MAX, sizeof(*worker->asked));
    if (worker->ledger < 0 || worker->ids == NULL || worker->asked == NULL) {
        perror("crash_worker");
        return false;
    }
    if (postern_open(&options, &worker->client, &error) != POSTERN_OK) {
        fprintf(stderr, "crash_worker: %s\n", error.message);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct worker worker = {.ledger = -1};
    bool good = true;
    size_t i;

    if (argc != 5) {
        fputs("usage: crash_worker URL LEDGER NAME HOLD\n", stderr);
        return 2;
    }
    worker.name = argv[3];
    worker.hold = argv[4];
    for (i = 0; argv[3][i] != '\0'; i++)
        worker.dice = worker.dice * 31 + (unsigned char)argv[3][i];
    if (!set_up(&worker, argv[1], argv[2]))
        return 2;
    signal(SIGTERM, on_sigterm);
    while (!stopping && good && worker.count < KEYS_MAX) {
        good = step(&worker);
        usleep(PAUSE_US);
    }
    postern_close(worker.client);
    close(worker.ledger);
    free(worker.ids);
    free(worker.asked);
    return good ? 0 : 1;
}
