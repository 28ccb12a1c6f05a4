// A TLS side of tests: certificates made by the openssl command, and sessions of the server's side over a socket.
#ifndef SUPPORT_TLS_PEER_H
#define SUPPORT_TLS_PEER_H

#include "sp_peer.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdio.h>

// Runs the command in the directory; what it says goes to a log there.
static inline void tls_run(const char *directory, const char *command)
{
    char line[2304];
    snprintf(line, sizeof line, "cd '%s' && (%s) >>log 2>&1", directory, command);
    if (system(line) != 0)
        fail_msg("failed, see %s/log: %s", directory, command);
}

// NAME.crt and NAME.key of an authority.
static inline void tls_make_authority(const char *directory, const char *name)
{
    char command[512];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=%s' -keyout %s.key -out %s.crt", name, name,
             name);
    tls_run(directory, command);
}

enum tls_period { TLS_GOOD_NOW, TLS_EXPIRED };

// NAME.crt and NAME.key, signed by the authority, for the subject alternative names.
static inline void tls_make(const char *directory, const char *name, const char *authority, const char *alternatives,
                            enum tls_period period)
{
    static const char *const spans[] = {
        [TLS_GOOD_NOW] = "-days 2", [TLS_EXPIRED] = "-startdate 20250101000000Z -enddate 20250102000000Z"};
    char command[2048];
    snprintf(
        command, sizeof command,
        "openssl req -newkey rsa:2048 -nodes -subj '/CN=%s' -keyout %s.key -out %s.csr && : >index && "
        "printf 'subjectAltName=%s\n' >%s.ext && "
        "printf '[ca]\ndefault_ca=tests\n[tests]\ndatabase=index\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\n"
        "policy=any\n[any]\ncommonName=supplied\n' >settings && "
        "openssl ca -batch -notext -create_serial -config settings -in %s.csr -cert %s.crt -keyfile %s.key %s "
        "-extfile %s.ext -out %s.crt",
        name, name, name, alternatives, name, name, authority, authority, spans[period], name, name);
    tls_run(directory, command);
}

// A server's context with NAME's certificate; `client_authority` NULL: clients need none.
static inline SSL_CTX *tls_server(const char *directory, const char *name, const char *client_authority)
{
    char file[256];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    snprintf(file, sizeof file, "%s/%s.crt", directory, name);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(context, file), 1);
    snprintf(file, sizeof file, "%s/%s.key", directory, name);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM), 1);
    if (client_authority != NULL) {
        snprintf(file, sizeof file, "%s/%s.crt", directory, client_authority);
        assert_int_equal(SSL_CTX_load_verify_locations(context, file, NULL), 1);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return context;
}

static inline bool tls_read(SSL *ssl, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        int got = SSL_read(ssl, at, (int)size);
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static inline struct sp_request tls_take(SSL *ssl)
{
    struct sp_request taken = {.request = NULL};
    uint8_t head[8], *bytes = malloc(SP_FRAME_MAX);
    if (tls_read(ssl, head, sizeof head)) {
        size_t size = (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
        if (size >= 4 && size <= SP_FRAME_MAX && tls_read(ssl, bytes, size)) {
            memcpy(taken.id, bytes, 4);
            taken.request = postern__v1__request__unpack(NULL, size - 4, bytes + 4);
        }
    }
    free(bytes);
    return taken;
}

// Shakes hands, greets and answers until the client goes; counts the requests, each before it is answered, and the
// connections that had one.
static inline void tls_answer_all(SSL_CTX *context, int fd, atomic_uint *connections, atomic_uint *requests)
{
    bool is_first = true;
    SSL *ssl = SSL_new(context);
    uint8_t greeting[SP_GREETING], frame[512];
    SSL_set_fd(ssl, fd);
    bool good = SSL_accept(ssl) == 1 && SSL_write(ssl, sp_greeting, SP_GREETING) == SP_GREETING &&
                tls_read(ssl, greeting, sizeof greeting);
    struct sp_request taken = {.request = NULL};
    while (good && (taken = tls_take(ssl)).request != NULL) {
        atomic_fetch_add(connections, is_first);
        is_first = false;
        atomic_fetch_add(requests, 1);
        size_t size = sp_answer(&taken, false, frame);
        good = SSL_write(ssl, frame, (int)size) == (int)size;
    }
    SSL_free(ssl);
    ERR_clear_error();
}

static inline void tls_answer_on(SSL_CTX *context, int fd)
{
    atomic_uint connections = 0, requests = 0;
    tls_answer_all(context, fd, &connections, &requests);
}

#endif
