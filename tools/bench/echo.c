#include "echo.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { REPLY_MAX = 64 * 1024, CONTEXTS_MAX = 4096 };

struct reply {
    unsigned char bytes[REPLY_MAX];
    size_t size;
};

struct worker {
    nng_ctx ctx;
    nng_aio *aio;
    bool sending;
    const struct reply *reply;
};

static void fail(const char *what, int error)
{
    fprintf(stderr, "postern-bench echo-server: %s: %s\n", what, nng_strerror(error));
    exit(1);
}

static void receive(struct worker *worker)
{
    worker->sending = false;
    nng_ctx_recv(worker->ctx, worker->aio);
}

static void answer(struct worker *worker)
{
    nng_msg *message = NULL;
    nng_msg_free(nng_aio_get_msg(worker->aio));
    const int error = nng_msg_alloc(&message, 0);
    if (error != 0 || nng_msg_append(message, worker->reply->bytes, worker->reply->size) != 0)
        fail("memory", NNG_ENOMEM);
    nng_aio_set_msg(worker->aio, message);
    worker->sending = true;
    nng_ctx_send(worker->ctx, worker->aio);
}

static void advance(void *argument)
{
    struct worker *worker = argument;
    const int error = nng_aio_result(worker->aio);
    if (error == NNG_ECLOSED)
        return;
    if (error != 0 && worker->sending)
        nng_msg_free(nng_aio_get_msg(worker->aio));
    if (error != 0 || worker->sending)
        receive(worker);
    else
        answer(worker);
}

static void read_reply(const char *path, struct reply *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    out->size = fread(out->bytes, 1, sizeof out->bytes, file);
    fclose(file);
}

int echo_serve(int argc, char *const argv[])
{
    static struct reply reply; // too large for a stack; this process does nothing else
    const long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    if (count < 1 || count > CONTEXTS_MAX) {
        fprintf(stderr, "usage: postern-bench " ECHO_COMMAND " URL FILE CONTEXTS\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    read_reply(argv[1], &reply);
    nng_socket socket;
    int error = nng_rep0_open(&socket);
    if (error == 0)
        error = nng_listen(socket, argv[0], NULL, 0);
    if (error != 0)
        fail(argv[0], error);
    struct worker *workers = calloc((size_t)count, sizeof *workers);
    for (long i = 0; workers != NULL && i < count && error == 0; i++) {
        workers[i].reply = &reply;
        error = nng_ctx_open(&workers[i].ctx, socket);
        if (error == 0)
            error = nng_aio_alloc(&workers[i].aio, advance, &workers[i]);
        if (error == 0)
            receive(&workers[i]);
    }
    if (workers == NULL || error != 0)
        fail("contexts", error != 0 ? error : NNG_ENOMEM);
    for (;;)
        pause();
}
