// A third address for the transport's fixture, tls+tcp, with a certificate of its own, and peers that speak TLS there.
//
// Threads: a peer belongs to one at a time.
#ifndef SUPPORT_TRANSPORT_TLS_H
#define SUPPORT_TRANSPORT_TLS_H

#include "support/transport_fixture.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

struct transport_tls {
    char certificate[PATH_MAX], key[PATH_MAX], url[48];
    const char *urls[3];
    struct stream_place place;
    SSL_CTX *context;
};

struct transport_tls_peer {
    struct stream_peer plain;
    SSL *ssl;
};

// Between transport_fixture_open and _serve. The certificate is in the fixture's directory.
static inline void transport_tls_add(struct transport_tls *tls, struct transport_fixture *fixture)
{
    char command[3 * PATH_MAX];
    const char *directory = fixture->directory.path;
    (void)snprintf(command, sizeof command,
                   "cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                   "-subj /CN=localhost -keyout key -out certificate 2>/dev/null && chmod 600 key",
                   directory);
    transport_fixture_demand(system(command) == 0, "no certificate");
    (void)signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL
    fixture->options.tls = (struct transport_tls_options){
        .certificate_file = tempdir_join(&fixture->directory, "certificate", tls->certificate),
        .key_file = tempdir_join(&fixture->directory, "key", tls->key)};
    tls->place = (struct stream_place){.port = free_port()};
    (void)snprintf(tls->url, sizeof tls->url, "tls+tcp://127.0.0.1:%u", tls->place.port);
    memcpy(tls->urls, fixture->urls, sizeof fixture->urls);
    tls->urls[2] = tls->url;
    fixture->options.urls = tls->urls;
    fixture->options.url_count = 3;
    tls->context = SSL_CTX_new(TLS_client_method());
    transport_fixture_demand(tls->context != NULL, "no TLS");
}

static inline void transport_tls_remove(struct transport_tls *tls)
{
    SSL_CTX_free(tls->context);
}

// Shakes hands and says nothing more. A wait for the other side ends like that of a plain peer.
static inline struct transport_tls_peer transport_tls_dial(const struct transport_tls *tls)
{
    const struct timeval wait = {.tv_sec = STREAM_PEER_WAIT_MS / 1000};
    struct transport_tls_peer peer = {.plain = stream_peer_dial(tls->place), .ssl = SSL_new(tls->context)};
    raw_peer_demand(setsockopt(peer.plain.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0);
    raw_peer_demand(peer.ssl != NULL && SSL_set_fd(peer.ssl, peer.plain.fd) == 1 && SSL_connect(peer.ssl) == 1);
    return peer;
}

static inline bool transport_tls_write(const struct transport_tls_peer *peer, const void *bytes, size_t size)
{
    size_t written = 0;
    ERR_clear_error();
    return SSL_write_ex(peer->ssl, bytes, size, &written) == 1 && written == size;
}

static inline bool transport_tls_read(const struct transport_tls_peer *peer, void *out, size_t size)
{
    uint8_t *to = out;
    ERR_clear_error();
    for (size_t used = 0, got = 0; used < size; used += got)
        if (SSL_read_ex(peer->ssl, to + used, size - used, &got) != 1)
            return false;
    return true;
}

static inline struct transport_tls_peer transport_tls_open(const struct transport_tls *tls)
{
    static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t answer[sizeof hello];
    struct transport_tls_peer peer = transport_tls_dial(tls);
    raw_peer_demand(transport_tls_write(&peer, hello, sizeof hello) &&
                    transport_tls_read(&peer, answer, sizeof answer));
    return peer;
}

static inline bool transport_tls_ask(const struct transport_tls_peer *peer, uint32_t number, const void *body,
                                     size_t size)
{
    uint8_t frame[STREAM_PEER_PREFIX_MAX + 64];
    raw_peer_demand(size <= 64);
    return transport_tls_write(peer, frame, stream_peer_frame(&peer->plain, number, body, size, frame));
}

// False when the connection was closed, or nothing came.
static inline bool transport_tls_receive(const struct transport_tls_peer *peer, struct stream_reply *out)
{
    uint8_t prefix[12];
    uint64_t length = 0;
    if (!transport_tls_read(peer, prefix, sizeof prefix))
        return false;
    for (size_t i = 0; i < 8; i++)
        length = length << 8 | prefix[i];
    raw_peer_demand(length >= 4 && length - 4 <= out->room);
    out->number =
        (uint32_t)(prefix[8] & 0x7F) << 24 | (uint32_t)prefix[9] << 16 | (uint32_t)prefix[10] << 8 | prefix[11];
    out->size = (size_t)length - 4;
    return transport_tls_read(peer, out->body, out->size);
}

static inline bool transport_tls_is_served(const struct transport_tls_peer *peer, uint32_t number)
{
    uint8_t body[16];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    return transport_tls_ask(peer, number, "e, please", 9) && transport_tls_receive(peer, &reply) &&
           reply.number == number && reply.size == 9 && memcmp(body, "e, please", 9) == 0;
}

static inline void transport_tls_close(struct transport_tls_peer *peer)
{
    SSL_free(peer->ssl);
    stream_peer_close(&peer->plain);
}

#endif
