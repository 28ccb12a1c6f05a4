// Opens and closes the transport: its listeners, its memory, its clock thread and its counts.
#include "transport/connection.h"

#include <nng/supplemental/util/platform.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/thread.h"

enum {
    CALLS_MS = 10000, // the most that calls in flight may take at the end
    FLUSH_MS = 5000,  // the most that peers may take to read what was answered
    QUIET_MS = 20,    // nothing to send for so long: they have had time to see it before they are closed
    LOOK_MS = 2
};

// --- the reaper

// A thread of its own frees them: an nng callback may not wait for callbacks.
static void *reap(void *context)
{
    struct transport *transport = context;
    pthread_mutex_lock(&transport->lock);
    while (!transport->reaper_ends || transport->dead != NULL) {
        struct transport_connection *connection = transport->dead;
        if (connection == NULL) {
            pthread_cond_wait(&transport->changed, &transport->lock);
            continue;
        }
        transport->dead = connection->links.older;
        pthread_mutex_unlock(&transport->lock);
        connection_free(connection);
        atomic_fetch_sub(&transport->connections, 1);
        pthread_mutex_lock(&transport->lock);
    }
    pthread_mutex_unlock(&transport->lock);
    return NULL;
}

// --- opening

static enum status fill(struct transport *transport, struct status_failure *failure)
{
    const struct transport_options *options = &transport->options;
    pthread_mutex_init(&transport->lock, NULL);
    pthread_cond_init(&transport->changed, NULL);
    transport->memory.max_bytes = options->memory_max_bytes;
    random_fill(&transport->caller_seed, sizeof transport->caller_seed);
    transport->listeners = calloc(options->url_count, sizeof *transport->listeners);
    if (transport->listeners == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (options->tls.certificate_file != NULL)
        return tls_open(&options->tls, &transport->tls, failure);
    return STATUS_OK;
}

static enum status parse_url(const struct transport_options *options, const char *url, struct address *out,
                             struct status_failure *failure)
{
    enum status status = address_parse(url, options->allow_plain_tcp, out, failure);
    if (status == STATUS_OK && out->kind == ADDRESS_TLS && options->tls.certificate_file == NULL)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                           "%s needs a certificate: give --tls-certificate FILE and --tls-key FILE", url);
    return status;
}

enum status transport_check_url(const struct transport_options *options, const char *url,
                                struct status_failure *failure)
{
    struct address address;
    gid_t group;
    enum status status = parse_url(options, url, &address, failure);
    if (status != STATUS_OK || address.kind != ADDRESS_IPC || options->socket_group == NULL)
        return status;
    return listener_find_group(options->socket_group, &group, failure);
}

static enum status parse(struct transport *transport, struct status_failure *failure)
{
    const struct transport_options *options = &transport->options;
    for (size_t i = 0; i < options->url_count; i++) {
        struct listener *listener = &transport->listeners[i];
        listener->transport = transport;
        listener->index = i;
        enum status status = parse_url(options, options->urls[i], &listener->address, failure);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status listen_on_all(struct transport *transport, struct status_failure *failure)
{
    for (size_t i = 0; i < transport->options.url_count; i++) {
        enum status status = listener_open(&transport->listeners[i], failure);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status transport_open(const struct transport_options *options, struct transport **out,
                           struct status_failure *failure)
{
    *out = NULL;
    struct transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    transport->options = *options;
    enum status status = fill(transport, failure);
    if (status == STATUS_OK)
        status = parse(transport, failure);
    if (status == STATUS_OK)
        status = listen_on_all(transport, failure);
    if (status == STATUS_OK && thread_start(&transport->reaper, "reaper", reap, transport) != 0)
        status = status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "cannot start a thread");
    transport->reaper_runs = status == STATUS_OK;
    if (status == STATUS_OK)
        *out = transport;
    else
        (void)transport_close(transport); // it has no calls
    return status;
}

void transport_start(struct transport *transport)
{
    for (size_t i = 0; i < transport->options.url_count; i++)
        listener_accept(&transport->listeners[i]);
}

enum status transport_reload(struct transport *transport, struct status_failure *failure)
{
    return transport->tls != NULL ? tls_reload(transport->tls, failure) : STATUS_OK;
}

// --- closing

static bool somebody_is_busy(struct transport *transport)
{
    bool busy = false;
    pthread_mutex_lock(&transport->lock);
    for (struct transport_connection *at = transport->first; at != NULL && !busy; at = at->links.older)
        busy = connection_is_busy(at);
    pthread_mutex_unlock(&transport->lock);
    return busy;
}

// Exact when no request is begun any more. Nobody serves: no more calls. No calls: all replies wait or have left.
// Nobody sends: they have.
static bool is_done(struct transport *transport)
{
    return !somebody_is_busy(transport) && atomic_load(&transport->calls) == 0 && !somebody_is_busy(transport);
}

// Calls in flight end, their replies leave. Peers that go on asking meanwhile are answered for a while, too, and then
// not heard any more: no request is begun whose reply would be cut off.
static void drain(struct transport *transport)
{
    uint64_t begin = nng_clock();
    while (atomic_load(&transport->calls) > 0 && nng_clock() - begin < CALLS_MS)
        nng_msleep(LOOK_MS);
    begin = nng_clock();
    for (uint64_t busy = begin; nng_clock() - busy < QUIET_MS && nng_clock() - begin < FLUSH_MS;) {
        nng_msleep(LOOK_MS);
        if (!is_done(transport))
            busy = nng_clock();
    }
    atomic_store(&transport->input_ended, true);
    for (begin = nng_clock(); !is_done(transport) && nng_clock() - begin < FLUSH_MS;)
        nng_msleep(LOOK_MS);
}

static void cut_all(struct transport *transport)
{
    pthread_mutex_lock(&transport->lock);
    for (struct transport_connection *at = transport->first; at != NULL; at = at->links.older)
        connection_cut(at);
    pthread_mutex_unlock(&transport->lock);
}

// False when a call in flight does not end: then what it may still look at stays until the process ends.
static bool end_connections(struct transport *transport)
{
    uint64_t begin = nng_clock();
    drain(transport);
    cut_all(transport);
    while (atomic_load(&transport->connections) > 0 && nng_clock() - begin < CALLS_MS + 3 * FLUSH_MS)
        nng_msleep(LOOK_MS);
    if (atomic_load(&transport->connections) > 0) {
        log_line(transport->options.log, LOG_LEVEL_WARNING, "calls in flight do not end; they end with the process");
        return false;
    }
    pthread_mutex_lock(&transport->lock);
    transport->reaper_ends = true;
    pthread_cond_signal(&transport->changed);
    pthread_mutex_unlock(&transport->lock);
    pthread_join(transport->reaper, NULL);
    return true;
}

bool transport_close(struct transport *transport)
{
    if (transport == NULL)
        return true;
    const size_t count = transport->listeners != NULL ? transport->options.url_count : 0;
    for (size_t i = 0; i < count; i++)
        listener_stop(&transport->listeners[i]);
    for (size_t i = 0; i < count; i++)
        listener_close(&transport->listeners[i]);
    if (transport->reaper_runs && !end_connections(transport))
        return false;
    tls_close(transport->tls);
    pthread_cond_destroy(&transport->changed);
    pthread_mutex_destroy(&transport->lock);
    free(transport->listeners);
    free(transport);
    return true;
}

void transport_end_process(void)
{
    nng_fini();
}

struct transport_stats transport_stats(struct transport *transport)
{
    uint64_t counts[COUNTS];
    for (size_t i = 0; i < COUNTS; i++)
        counts[i] = atomic_load_explicit(&transport->counts[i], memory_order_relaxed);
    return (struct transport_stats){
        .connections = atomic_load(&transport->connections),
        .calls_in_flight = atomic_load(&transport->calls),
        .memory_bytes = atomic_load(&transport->memory.used_bytes),
        .accepted = counts[COUNT_ACCEPTED],
        .requests = counts[COUNT_REQUESTS],
        .overloaded = counts[COUNT_OVERLOADED],
        .connections_refused = counts[COUNT_REFUSED],
        .closed_no_greeting = counts[COUNT_NO_GREETING],
        .closed_bad_frame = counts[COUNT_BAD_FRAME],
        .closed_half_frame = counts[COUNT_HALF_FRAME],
        .closed_stuck = counts[COUNT_STUCK],
        .closed_memory = counts[COUNT_MEMORY],
        .tls_failures = counts[COUNT_TLS],
        .accept_failures = counts[COUNT_ACCEPT_FAILED],
        .displaced = counts[COUNT_DISPLACED],
    };
}
