// Listens on one address and accepts its connections. After an accept that failed it pauses, so that a lack of
// descriptors does not make it spin.
#include <errno.h>
#include <grp.h>
#include <nng/transport/ipc/ipc.h>
#include <string.h>
#include <unistd.h>

#include "transport/internal.h"

enum { REST_MS = 20 }; // pause after an accept that failed: descriptors or memory are out

static enum status fail(const struct listener *listener, int code, struct status_failure *failure)
{
    const char *hint = "";
    if (code == NNG_EADDRINUSE)
        hint = ": another program listens there; stop it or choose another address";
    else if (listener->address.kind == ADDRESS_IPC)
        hint = ": the parent of its directory has to exist, and the daemon's user must be able to write there";
    else if (code == NNG_EADDRINVAL)
        hint = ": give an address, or a host's name, of this machine";
    return status_fail(failure, STATUS_UNAVAILABLE, NULL, "cannot listen on %s: %s%s", listener->address.url,
                       nng_strerror(code), hint);
}

// nng is given the tcp part of a tls+tcp address.
static const char *stream_url(const struct address *address)
{
    return address->kind == ADDRESS_TLS ? strstr(address->url, "tcp://") : address->url;
}

static enum status listen_on(struct listener *listener, struct status_failure *failure)
{
    const struct transport_options *options = &listener->transport->options;
    int code = nng_stream_listener_alloc(&listener->stream, stream_url(&listener->address));
    if (code == 0 && listener->address.kind == ADDRESS_IPC)
        code = nng_stream_listener_set_int(listener->stream, NNG_OPT_IPC_PERMISSIONS, (int)options->socket_mode);
    else if (code == 0)
        code = nng_stream_listener_set_bool(listener->stream, NNG_OPT_TCP_NODELAY, true);
    if (code == 0 && listener->address.kind != ADDRESS_IPC) // a peer whose machine is gone must not keep its seat
        code = nng_stream_listener_set_bool(listener->stream, NNG_OPT_TCP_KEEPALIVE, true);
    if (code == 0)
        code = nng_stream_listener_listen(listener->stream);
    return code == 0 ? STATUS_OK : fail(listener, code, failure);
}

enum status listener_find_group(const char *name, gid_t *out, struct status_failure *failure)
{
    errno = 0;
    const struct group *group = getgrnam(name); // not thread-safe, but only main's thread asks
    if (group == NULL)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                           "there is no group \"%s\" to give sockets to%s%s: make it (groupadd), or name another", name,
                           errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    *out = group->gr_gid;
    return STATUS_OK;
}

static enum status give_to_group(const struct listener *listener, gid_t group, struct status_failure *failure)
{
    const char *path = address_path(&listener->address);
    if (chown(path, (uid_t)-1, group) == 0)
        return STATUS_OK;
    return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                       "cannot give %s to the group %s: %s: the daemon's user has to be a member of it", path,
                       listener->transport->options.socket_group, strerror(errno));
}

static void on_accepted(void *context);

enum status listener_open(struct listener *listener, struct status_failure *failure)
{
    gid_t group = 0;
    const bool has_group = listener->address.kind == ADDRESS_IPC && listener->transport->options.socket_group != NULL;
    enum status status =
        has_group ? listener_find_group(listener->transport->options.socket_group, &group, failure) : STATUS_OK;
    if (status == STATUS_OK)
        status = address_prepare(&listener->address, has_group ? &group : NULL, failure);
    if (status == STATUS_OK && nng_aio_alloc(&listener->aio, on_accepted, listener) != 0)
        status = status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == STATUS_OK)
        status = listen_on(listener, failure);
    if (status == STATUS_OK && has_group)
        status = give_to_group(listener, group, failure);
    return status;
}

void listener_accept(struct listener *listener)
{
    listener->resting = false;
    nng_stream_listener_accept(listener->stream, listener->aio);
}

static void log_failure(struct transport *transport, int code)
{
    const char *hint = code == NNG_ENOFILES ? ": raise the limit of open files (LimitNOFILE)"
                       : code == NNG_ENOMEM ? ": give the daemon more, or lower --max-connections"
                                            : "";
    transport_complain(transport, &transport->shortages, "cannot accept a connection: %s%s", nng_strerror(code), hint);
}

static void rest(struct listener *listener, int code)
{
    transport_count(listener->transport, COUNT_ACCEPT_FAILED);
    log_failure(listener->transport, code);
    admit_cut_oldest(listener->transport, connection_is_unidentified); // this frees a descriptor
    listener->resting = true;
    nng_sleep_aio(REST_MS, listener->aio);
}

static void take(struct listener *listener, nng_stream *stream)
{
    struct transport *transport = listener->transport;
    transport_count(transport, COUNT_ACCEPTED);
    bool admitted = admit_newcomer(transport);
    if (admitted && admit_stream(transport, listener, stream))
        return;
    if (admitted) {
        transport_count(transport, COUNT_MEMORY);
        log_failure(transport, NNG_ENOMEM);
    }
    nng_stream_close(stream);
    nng_stream_free(stream);
}

static void on_accepted(void *context)
{
    struct listener *listener = context;
    int code = nng_aio_result(listener->aio);
    if (code == NNG_ECLOSED || code == NNG_ECANCELED)
        return; // it is being stopped
    if (code == 0 && !listener->resting)
        take(listener, nng_aio_get_output(listener->aio, 0));
    if (code == 0)
        listener_accept(listener);
    else if (code == NNG_ECONNABORTED || code == NNG_ECONNRESET || code == NNG_EAGAIN)
        listener_accept(listener); // the peer has gone already
    else
        rest(listener, code);
}

void listener_stop(struct listener *listener)
{
    if (listener->stream != NULL)
        nng_stream_listener_close(listener->stream);
    if (listener->aio != NULL)
        nng_aio_stop(listener->aio); // waits for its callback, and aborts what it is about to start
}

void listener_close(struct listener *listener)
{
    if (listener->aio != NULL)
        nng_aio_free(listener->aio); // before the stream, as in connection_free
    if (listener->stream != NULL)
        nng_stream_listener_free(listener->stream);
    listener->stream = NULL;
    listener->aio = NULL;
}
