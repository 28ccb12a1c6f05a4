// Clients of nng as anyone writes them, and a device of nng between them and the daemon.
//
//   req_client URL CONTEXTS CALLS   the request's bytes from standard input; on each of so many contexts of one REQ
//                                   socket so many calls, one after the other; prints how many were answered, and exits
//                                   with 1 when one was not
//   req_client device FRONT BACK    listens on FRONT, dials BACK, and carries what comes until it is killed; prints
//                                   "ready"
//
// TLS_CA names the authority of a tls+tcp:// URL.
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXTS_MAX = 256, REQUEST_MAX = 65536, WAIT_MS = 60000 };

struct request {
    size_t size;
    char bytes[REQUEST_MAX];
};

struct caller {
    pthread_t thread;
    nng_socket socket;
    const struct request *request;
    size_t calls, answered;
};

static void check(int code, const char *what)
{
    if (code == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, nng_strerror(code));
    exit(EXIT_FAILURE);
}

static void trust(nng_dialer dialer)
{
    const char *ca = getenv("TLS_CA");
    nng_tls_config *config = NULL;
    if (ca == NULL)
        return;
    check(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), "TLS");
    check(nng_tls_config_ca_file(config, ca), ca);
    check(nng_tls_config_server_name(config, "localhost"), "localhost");
    check(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), "TLS");
    nng_tls_config_free(config);
}

static void dial(nng_socket socket, const char *url)
{
    nng_dialer dialer;
    check(nng_dialer_create(&dialer, socket, url), url);
    if (strncmp(url, "tls", 3) == 0)
        trust(dialer);
    check(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), url); // it goes on trying, and calls wait for it
}

// One to and fro on a context: send, then receive, each to its end.
static size_t call_once(nng_ctx context, nng_aio *aio, const struct request *request)
{
    nng_msg *message = NULL;
    check(nng_msg_alloc(&message, request->size), "a message");
    memcpy(nng_msg_body(message), request->bytes, request->size);
    nng_aio_set_msg(aio, message);
    nng_ctx_send(context, aio);
    nng_aio_wait(aio);
    check(nng_aio_result(aio), "sending");
    nng_ctx_recv(context, aio);
    nng_aio_wait(aio);
    check(nng_aio_result(aio), "receiving");
    message = nng_aio_get_msg(aio);
    size_t size = nng_msg_len(message);
    nng_msg_free(message);
    return size;
}

static void *call_many(void *argument)
{
    struct caller *caller = argument;
    nng_ctx context;
    nng_aio *aio = NULL;
    check(nng_ctx_open(&context, caller->socket), "a context");
    check(nng_aio_alloc(&aio, NULL, NULL), "an aio");
    nng_aio_set_timeout(aio, WAIT_MS);
    for (size_t i = 0; i < caller->calls; i++)
        caller->answered += call_once(context, aio, caller->request) > 0 ? 1 : 0;
    nng_aio_free(aio);
    nng_ctx_close(context);
    return NULL;
}

static int call(const char *url, size_t contexts, size_t calls)
{
    static struct request request;
    static struct caller callers[CONTEXTS_MAX];
    nng_socket socket;
    size_t answered = 0;
    request.size = fread(request.bytes, 1, sizeof request.bytes, stdin);
    check(nng_req0_open(&socket), "a socket");
    dial(socket, url);
    for (size_t i = 0; i < contexts; i++) {
        callers[i] = (struct caller){.socket = socket, .request = &request, .calls = calls};
        if (pthread_create(&callers[i].thread, NULL, call_many, &callers[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < contexts; i++) {
        pthread_join(callers[i].thread, NULL);
        answered += callers[i].answered;
    }
    printf("%zu\n", answered);
    nng_close(socket);
    return answered == contexts * calls ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int carry(const char *front_url, const char *back_url)
{
    nng_socket front, back;
    check(nng_rep0_open_raw(&front), "a raw REP socket");
    check(nng_req0_open_raw(&back), "a raw REQ socket");
    dial(back, back_url);
    check(nng_listen(front, front_url, NULL, 0), front_url);
    puts("ready");
    fflush(stdout);
    check(nng_device(front, back), "the device");
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    if (argc == 4 && strcmp(argv[1], "device") == 0)
        return carry(argv[2], argv[3]);
    if (argc == 4 && strtoul(argv[2], NULL, 10) <= CONTEXTS_MAX)
        return call(argv[1], strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
    fprintf(stderr, "usage: req_client URL CONTEXTS CALLS <REQUEST | req_client device FRONT BACK\n");
    return 2;
}
