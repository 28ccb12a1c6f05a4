#include "client.h"

#include "error.h"
#include "exchange.h"

#include <nng/protocol/reqrep0/req.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLY_BYTES_MAX = 1024 * 1024 + 4, // with the transport's request id
    RECONNECT_MS_MIN = 10,
    RECONNECT_MS_MAX = 500
};

// ------------------------------------------------------------------------------------------------------- slots

static void slot_free(struct postern_slot *slot)
{
    nng_ctx_close(slot->context);
    nng_aio_free(slot->aio);
    free(slot);
}

static struct postern_slot *slot_new(struct postern *client)
{
    struct postern_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        return NULL;
    if (nng_aio_alloc(&slot->aio, NULL, NULL) != 0) {
        free(slot);
        return NULL;
    }
    if (nng_ctx_open(&slot->context, client->socket) != 0) {
        nng_aio_free(slot->aio);
        free(slot);
        return NULL;
    }
    return slot;
}

struct postern_slot *postern_slot_take(struct postern *client)
{
    pthread_mutex_lock(&client->lock);
    struct postern_slot *slot = client->idle;
    if (slot != NULL)
        client->idle = slot->next;
    pthread_mutex_unlock(&client->lock);
    return slot != NULL ? slot : slot_new(client);
}

void postern_slot_give(struct postern *client, struct postern_slot *slot)
{
    pthread_mutex_lock(&client->lock);
    slot->next = client->idle;
    client->idle = slot;
    pthread_mutex_unlock(&client->lock);
}

// ------------------------------------------------------------------------------------------------------ socket

// Known schemes only: `abstract://` has no permissions, and a typing error should say so.
static bool is_url(const char *url)
{
    static const char *const schemes[] = {"ipc://", "tcp://", "tls+tcp://", "inproc://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);
        if (strncmp(url, schemes[i], size) == 0 && url[size] != '\0')
            return true;
    }
    return false;
}

static void note_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct postern *client = context;
    uint_least32_t gone = pipe.id;
    if (event != NNG_PIPE_EV_ADD_POST) {
        atomic_compare_exchange_strong(&client->pipe, &gone, 0);
        return;
    }
    atomic_store(&client->silent_since, 0);
    atomic_store(&client->pipe, pipe.id);
}

// The library repeats by itself, because it has to stop at the deadline: so the socket must not.
static int set_options(struct postern *client)
{
    nng_socket socket = client->socket;
    int rv = nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (rv == 0)
        rv = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, REPLY_BYTES_MAX);
    if (rv == 0)
        rv = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    if (rv == 0)
        rv = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    if (rv == 0)
        rv = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, note_pipe, client);
    if (rv == 0)
        rv = nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, note_pipe, client);
    return rv;
}

static enum postern_status explain(const struct postern *client, int rv, struct postern_error *error)
{
    if (rv == NNG_ENOMEM)
        return postern_fail_memory(error);
    return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                        "cannot use the URL \"%s\" (%s): give one like ipc:///run/postern/postern.sock", client->url,
                        nng_strerror(rv));
}

static enum postern_status connect_in_background(struct postern *client, struct postern_error *error)
{
    int rv = nng_req0_open(&client->socket);
    if (rv != 0)
        return explain(client, rv, error);
    nng_dialer dialer;
    rv = set_options(client);
    if (rv == 0)
        rv = nng_dialer_create(&dialer, client->socket, client->url);
    if (rv == 0 && client->may_vanish)
        (void)nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true); // help, not a need
    if (rv == 0)
        rv = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    if (rv == 0)
        return POSTERN_OK;
    nng_close(client->socket);
    return explain(client, rv, error);
}

// nng starts its threads at its first use; they must not take signals that are meant for the program.
static enum postern_status connect_without_signals(struct postern *client, struct postern_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    enum postern_status status = connect_in_background(client, error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

// ------------------------------------------------------------------------------------------------------ handle

static void wipe(struct postern *client)
{
    if (client->api_key != NULL)
        explicit_bzero(client->api_key, strlen(client->api_key));
    free(client->api_key);
    free(client->url);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

static const char *or_environment(const char *text, const char *name)
{
    const char *value = text != NULL ? text : getenv(name);
    return value != NULL ? value : "";
}

// A handle that is not connected yet; NULL when memory is out.
static struct postern *handle_new(const struct postern_options *options)
{
    struct postern *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    if (pthread_mutex_init(&client->lock, NULL) != 0) {
        free(client);
        return NULL;
    }
    client->url = strdup(or_environment(options->url, "POSTERN_URL"));
    client->api_key = strdup(or_environment(options->api_key, "POSTERN_API_KEY"));
    client->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : POSTERN_TIMEOUT_MS_DEFAULT;
    client->policy = options->policy;
    if (client->url == NULL || client->api_key == NULL) {
        wipe(client);
        return NULL;
    }
    client->may_vanish = strstr(client->url, "tcp://") != NULL;
    return client;
}

static enum postern_status check_url(const char *url, struct postern_error *error)
{
    if (url[0] == '\0')
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "no URL: set POSTERN_URL or give one, e.g. ipc:///run/postern/postern.sock");
    if (!is_url(url))
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "\"%s\" is not a URL of posternd: give ipc:///PATH, tcp://HOST:PORT or tls+tcp://HOST:PORT",
                            url);
    return POSTERN_OK;
}

enum postern_status postern_open(const struct postern_options *options, struct postern **client,
                                 struct postern_error *error)
{
    const struct postern_options defaults = {0};
    *client = NULL;
    if (error != NULL)
        *error = (struct postern_error){0};
    struct postern *made = handle_new(options != NULL ? options : &defaults);
    if (made == NULL)
        return postern_fail_memory(error);
    enum postern_status status = check_url(made->url, error);
    if (status == POSTERN_OK)
        status = connect_without_signals(made, error);
    if (status != POSTERN_OK) {
        wipe(made);
        return status;
    }
    *client = made;
    return POSTERN_OK;
}

void postern_close(struct postern *client)
{
    if (client == NULL)
        return;
    struct postern_slot *slot = client->idle;
    while (slot != NULL) {
        struct postern_slot *next = slot->next;
        slot_free(slot);
        slot = next;
    }
    nng_close(client->socket);
    wipe(client);
}

const char *postern_url(const struct postern *client)
{
    return client->url;
}
