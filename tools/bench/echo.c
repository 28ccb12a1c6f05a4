// The yardstick for transport: an nng server that sends back what it gets, and its caller.
#include "echo.h"

#include <nng/protocol/reqrep0/rep.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "caller.h"

enum { CONTEXTS_MAX = 4096 };

// --- the server

struct worker {
    nng_ctx ctx;
    nng_aio *aio;
    bool sending;
};

static void fail(const char *what, int error)
{
    fprintf(stderr, "postern-bench " ECHO_COMMAND ": %s: %s\n", what, nng_strerror(error));
    exit(1);
}

// The message that was received is the one that is sent.
static void advance(void *argument)
{
    struct worker *worker = argument;
    const int error = nng_aio_result(worker->aio);
    if (error == NNG_ECLOSED)
        return;
    if (error != 0 && worker->sending)
        nng_msg_free(nng_aio_get_msg(worker->aio));
    worker->sending = error == 0 && !worker->sending;
    if (worker->sending)
        nng_ctx_send(worker->ctx, worker->aio);
    else
        nng_ctx_recv(worker->ctx, worker->aio);
}

int echo_serve(int argc, char *const argv[])
{
    const long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (count < 1 || count > CONTEXTS_MAX) {
        fprintf(stderr, "usage: postern-bench " ECHO_COMMAND " URL CONTEXTS\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    nng_socket socket;
    int error = nng_rep0_open(&socket);
    if (error == 0)
        error = nng_listen(socket, argv[0], NULL, 0);
    if (error != 0)
        fail(argv[0], error);
    struct worker *workers = process_need((size_t)count, sizeof *workers);
    for (long i = 0; i < count && error == 0; i++) {
        error = nng_ctx_open(&workers[i].ctx, socket);
        if (error == 0)
            error = nng_aio_alloc(&workers[i].aio, advance, &workers[i]);
        if (error == 0)
            nng_ctx_recv(workers[i].ctx, workers[i].aio);
    }
    if (error != 0)
        fail("contexts", error);
    for (;;)
        pause();
}

bool echo_start(struct echo *echo, const char *dir, unsigned contexts, const char *log_path)
{
    static char command[] = ECHO_COMMAND;
    char program[PROCESS_PATH_MAX];
    char count[16];
    char *argv[] = {program, command, echo->url, count, NULL};
    nng_socket socket;
    snprintf(echo->url, sizeof echo->url, "ipc://%s/echo", dir);
    snprintf(count, sizeof count, "%u", contexts);
    if (!process_neighbour(NULL, program) || !process_start(argv, log_path, &echo->process) ||
        !load_connect(echo->url, &echo->process, &socket))
        return false;
    nng_close(socket);
    return true;
}

// --- clients

static const uint8_t message[ECHO_SIZE] = "What is sent here comes back as it is";

nng_msg *echo_make(void *context, uint64_t n)
{
    nng_msg *made = NULL;
    (void)context;
    (void)n;
    if (nng_msg_alloc(&made, sizeof message) == 0)
        memcpy(nng_msg_body(made), message, sizeof message);
    return made;
}

bool echo_check(void *context, uint64_t n, const uint8_t *reply, size_t size)
{
    (void)context;
    (void)n;
    return size == sizeof message && memcmp(reply, message, size) == 0;
}

static void *open_line(const struct caller_target *target, char failure[WIRE_TEXT_MAX])
{
    nng_socket *socket = process_need(1, sizeof *socket);
    if (load_connect(target->url, NULL, socket))
        return socket;
    snprintf(failure, WIRE_TEXT_MAX, "no connection to the echo server");
    free(socket);
    return NULL;
}

static bool ask(void *line, char failure[WIRE_TEXT_MAX])
{
    const nng_socket *socket = line;
    uint8_t request[ECHO_SIZE];
    uint8_t reply[ECHO_SIZE];
    size_t size = sizeof reply;
    memcpy(request, message, sizeof request);
    int error = nng_send(*socket, request, sizeof request, 0);
    if (error == 0)
        error = nng_recv(*socket, reply, &size, 0);
    if (error == 0 && echo_check(NULL, 0, reply, size))
        return true;
    snprintf(failure, WIRE_TEXT_MAX, "echo: %s", error != 0 ? nng_strerror(error) : "not what was sent");
    return false;
}

static void close_line(void *line)
{
    nng_close(*(nng_socket *)line);
    free(line);
}

const struct caller_kind caller_echo = {.name = "echo", .open = open_line, .ask = ask, .close = close_line};
