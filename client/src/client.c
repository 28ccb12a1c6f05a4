#include "client.h"

#include "error.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { CLOSE_MS_MAX = 1000 }; // how long postern_close waits; it takes a few ms

// ------------------------------------------------------------------------------------------------------- slots

struct postern_slot *postern_slot_take(struct postern *client)
{
    pthread_mutex_lock(&client->lock);
    struct postern_channel *channel = client->channel;
    struct postern_slot *slot = channel->idle;
    if (slot != NULL)
        channel->idle = slot->next;
    channel->users++;
    pthread_mutex_unlock(&client->lock);
    if (slot == NULL)
        slot = postern_slot_new(channel);
    if (slot != NULL)
        return slot;
    pthread_mutex_lock(&client->lock);
    channel->users--; // and if it was retired meanwhile, it stays: memory is out anyway
    pthread_mutex_unlock(&client->lock);
    return NULL;
}

void postern_slot_give(struct postern *client, struct postern_slot *slot)
{
    struct postern_channel *channel = slot->channel;
    pthread_mutex_lock(&client->lock);
    slot->next = channel->idle;
    channel->idle = slot;
    channel->users--;
    bool finished = channel->retired && channel->users == 0;
    pthread_mutex_unlock(&client->lock);
    if (finished)
        postern_closer_give(client->closer, channel);
}

void postern_channel_replace(struct postern *client, struct postern_channel *channel)
{
    struct postern_channel *fresh = NULL;
    if (!postern_channel_is_served(client->url)) {
        if (postern_closer_is_stuck(client->closer))
            postern_channel_stop(channel);
        return;
    }
    if (postern_channel_open(client->url, &fresh) != 0)
        return;
    pthread_mutex_lock(&client->lock);
    bool in_use = client->channel == channel;
    if (in_use) {
        client->channel = fresh;
        channel->retired = true;
    }
    struct postern_channel *unused = in_use ? channel : fresh;
    bool finished = unused->users == 0;
    pthread_mutex_unlock(&client->lock);
    if (in_use)
        postern_channel_stop(channel);
    if (finished)
        postern_closer_give(client->closer, unused);
}

// ----------------------------------------------------------------------------------------------------- connect

static enum postern_status explain(const struct postern *client, int rv, struct postern_error *error)
{
    if (rv == NNG_ENOMEM)
        return postern_fail_memory(error);
    return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                        "cannot use the URL \"%s\" (%s): give one like ipc:///run/postern/postern.sock", client->url,
                        nng_strerror(rv));
}

// nng starts its threads at its first use; they must not take signals that are meant for the program.
static enum postern_status connect_without_signals(struct postern *client, struct postern_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rv = postern_channel_open(client->url, &client->channel);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv == 0 ? POSTERN_OK : explain(client, rv, error);
}

// ------------------------------------------------------------------------------------------------------ handle

static void wipe(struct postern *client)
{
    postern_closer_free(client->closer, CLOSE_MS_MAX);
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
    client->closer = postern_closer_new();
    if (client->url == NULL || client->api_key == NULL || client->closer == NULL) {
        wipe(client);
        return NULL;
    }
    client->may_vanish = strstr(client->url, "tcp://") != NULL;
    return client;
}

// Known schemes only: `abstract://` has no permissions, a typing error should say so, and TLS cannot be set up yet.
static bool has_scheme(const char *url)
{
    static const char *const schemes[] = {"ipc://", "tcp://", "inproc://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);
        if (strncmp(url, schemes[i], size) == 0 && url[size] != '\0')
            return true;
    }
    return false;
}

static enum postern_status check_url(const char *url, struct postern_error *error)
{
    const size_t path_max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (url[0] == '\0')
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "no URL: set POSTERN_URL or give one, e.g. ipc:///run/postern/postern.sock");
    if (!has_scheme(url))
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "\"%.200s\" is not a URL that works here: give ipc:///PATH or tcp://HOST:PORT", url);
    if (strchr(url, ';') != NULL)
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "\"%.200s\": what comes after the \";\" is only for posternd --listen; leave it out", url);
    if (strncmp(url, "ipc://", 6) == 0 && strlen(url + 6) > path_max)
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "the path of a socket has at most %zu bytes, this one has %zu: use a shorter one", path_max,
                            strlen(url + 6));
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
    postern_closer_give(client->closer, client->channel);
    wipe(client);
}

const char *postern_url(const struct postern *client)
{
    return client->url;
}
