// Opens and closes a handle, and tells an event loop what to wait for.
#include "call.h"
#include "error.h"
#include "handle.h"
#include "pending.h"
#include "system.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------------ handle

static void wipe(struct postern *client)
{
    postern_link_wipe(&client->link);
    for (size_t i = 0; i < sizeof client->texts / sizeof client->texts[0]; i++) {
        if (client->texts[i] != NULL)
            explicit_bzero(client->texts[i], strlen(client->texts[i]));
        free(client->texts[i]);
    }
    postern_handle_wipe(client);
    free(client);
}

// A copy of the text, or of the environment's; the first free place of `texts` owns it. NULL when memory is out.
static char *keep(struct postern *client, const char *text, const char *name)
{
    size_t at = 0;
    if (text == NULL)
        text = getenv(name);
    while (client->texts[at] != NULL)
        at++;
    client->texts[at] = strdup(text != NULL ? text : "");
    return client->texts[at];
}

// A file or echo may add something to the end of a token, which is no part of it.
static void trim_end(char *text)
{
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
        text[--size] = '\0';
}

static bool keep_texts(struct postern *client, const struct postern_options *options)
{
    struct postern_tls_files *tls = &client->target.tls;
    client->url = client->target.url = keep(client, options->url, "POSTERN_URL");
    char *api_key = keep(client, options->api_key, "POSTERN_API_KEY");
    if (api_key != NULL)
        trim_end(api_key);
    client->api_key = api_key;
    tls->ca = keep(client, options->tls_ca_file, "POSTERN_TLS_CA");
    tls->certificate = keep(client, options->tls_certificate_file, "POSTERN_TLS_CERT");
    tls->key = keep(client, options->tls_key_file, "POSTERN_TLS_KEY");
    tls->server_name = keep(client, options->tls_server_name, "POSTERN_TLS_SERVER_NAME");
    return client->url != NULL && client->api_key != NULL && tls->ca != NULL && tls->certificate != NULL &&
           tls->key != NULL && tls->server_name != NULL;
}

// A handle that is not connected; NULL when memory is out.
static struct postern *handle_new(const struct postern_options *options)
{
    struct postern *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->link.fd = client->link.orphan_fd = -1;
    client->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : POSTERN_TIMEOUT_MS_DEFAULT;
    client->policy = options->policy;
    client->event_loop = options->event_loop;
    client->fail_fast = options->fail_fast;
    client->gathers = options->gather;
    client->backoff_ms = POSTERN_BACKOFF_MS_MIN;
    client->forget_calls = postern_forget_all;
    if (postern_handle_init(client) && keep_texts(client, options))
        return client;
    wipe(client);
    return NULL;
}

// The files of TLS are read now, so that a mistake is told at once.
static enum postern_status prepare(struct postern *client, struct postern_error *error)
{
    struct postern_target *target = &client->target;
    enum postern_status status = postern_target_parse(target, error);
    if (status != POSTERN_OK)
        return status;
    if (target->tls.server_name[0] == '\0')
        target->tls.server_name = target->host;
    postern_link_init(&client->link, target, !client->event_loop);
    return target->scheme == POSTERN_TLS_TCP ? postern_tls_open(&target->tls, &client->link.tls, error) : POSTERN_OK;
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
    enum postern_status status = prepare(made, error);
    if (status == POSTERN_OK)
        *client = made;
    else
        wipe(made);
    return status;
}

void postern_close(struct postern *client)
{
    if (client == NULL)
        return;
    postern_lock(client); // in a child process it forgets the parent's calls
    pthread_mutex_unlock(&client->lock);
    postern_cancel_all(client);
    wipe(client);
}

const char *postern_url(const struct postern *client)
{
    return client->url;
}

enum postern_status postern_id_make(uint8_t id[POSTERN_ID_SIZE], struct postern_error *error)
{
    if (error != NULL)
        *error = (struct postern_error){0};
    if (postern_random(id, POSTERN_ID_SIZE))
        return POSTERN_OK;
    return postern_fail(error, POSTERN_INTERNAL, "the system gave no random bytes: %s", strerror(errno));
}

// ------------------------------------------------------------------------------------------------- event loops

int postern_fd(const struct postern *client)
{
    return client->event_loop && client->guard->is_ours != 0 ? client->link.fd : -1;
}

unsigned postern_events(const struct postern *client)
{
    if (postern_fd(client) < 0)
        return 0;
    short events = postern_link_events(&client->link);
    return ((events & POLLIN) != 0 ? (unsigned)POSTERN_WANT_READ : 0) |
           ((events & POLLOUT) != 0 ? (unsigned)POSTERN_WANT_WRITE : 0);
}

int64_t postern_wait_ms(const struct postern *client)
{
    uint64_t now = postern_now_ms(), at = client->waiting != NULL ? client->timer_ms : UINT64_MAX;
    const struct postern_link *link = &client->link;
    if (!client->event_loop || client->finished != NULL || client->has_gathered)
        return client->event_loop ? 0 : -1;
    if (client->queue != NULL && link->state == POSTERN_LINK_DOWN && client->retry_ms < at)
        at = client->retry_ms;
    if (link->state != POSTERN_LINK_DOWN && link->state != POSTERN_LINK_UP && now + POSTERN_LINK_TICK_MS < at)
        at = now + POSTERN_LINK_TICK_MS; // an attempt to connect has an end of its own
    if (at == UINT64_MAX)
        return -1;
    return at > now ? (int64_t)(at - now) : 0;
}
