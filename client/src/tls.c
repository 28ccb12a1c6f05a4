#include "tls.h"

#include "error.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 16 * 1024, ERROR_SIZE = 256 };

struct postern_tls {
    SSL_CTX *context;
    char *server_name;
    bool is_address;
};

struct postern_tls_session {
    SSL *ssl;
    BIO *from_peer; // both belong to ssl
    BIO *to_peer;
    bool final;
    char error[ERROR_SIZE];
};

// The newest reason of OpenSSL's queue, in words; empties the queue.
static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return text != NULL ? text : "not in PEM form";
}

// ------------------------------------------------------------------------------------------------------- files

static enum postern_status look_at(const char *path, const char *what, struct postern_error *error)
{
    if (access(path, R_OK) == 0)
        return POSTERN_OK;
    return postern_fail(error, POSTERN_FAILED_PRECONDITION, "cannot read the %s %s: %s", what, path, strerror(errno));
}

static enum postern_status load_ca(SSL_CTX *context, const char *path, struct postern_error *error)
{
    if (path[0] == '\0')
        return SSL_CTX_set_default_verify_paths(context) == 1
                   ? POSTERN_OK
                   : postern_fail(error, POSTERN_FAILED_PRECONDITION, "cannot use the system's certificates: %s",
                                  reason());
    enum postern_status status = look_at(path, "CA file", error);
    if (status == POSTERN_OK && SSL_CTX_load_verify_file(context, path) != 1)
        return postern_fail(error, POSTERN_FAILED_PRECONDITION, "the CA file %s cannot be used: %s", path, reason());
    return status;
}

static enum postern_status load_own(SSL_CTX *context, const struct postern_tls_files *files,
                                    struct postern_error *error)
{
    if (files->certificate[0] == '\0' && files->key[0] == '\0')
        return POSTERN_OK;
    if (files->certificate[0] == '\0' || files->key[0] == '\0')
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "a client's certificate needs its key, and a key its "
                            "certificate: give both, or none");
    enum postern_status status = look_at(files->certificate, "certificate", error);
    if (status == POSTERN_OK)
        status = look_at(files->key, "key", error);
    if (status != POSTERN_OK)
        return status;
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
        return postern_fail(error, POSTERN_FAILED_PRECONDITION, "the certificate %s cannot be used: %s",
                            files->certificate, reason());
    if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return postern_fail(error, POSTERN_FAILED_PRECONDITION, "the key %s cannot be used with the certificate %s: %s",
                            files->key, files->certificate, reason());
    return POSTERN_OK;
}

enum postern_status postern_tls_open(const struct postern_tls_files *files, struct postern_tls **tls,
                                     struct postern_error *error)
{
    struct postern_tls *made = calloc(1, sizeof *made);
    *tls = NULL;
    if (made == NULL)
        return postern_fail_memory(error);
    made->server_name = strdup(files->server_name);
    made->context = SSL_CTX_new(TLS_client_method());
    if (made->server_name == NULL || made->context == NULL) {
        postern_tls_close(made);
        return postern_fail_memory(error);
    }
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(files->server_name);
    made->is_address = address != NULL;
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    (void)SSL_CTX_set_min_proto_version(made->context, TLS1_2_VERSION);
    SSL_CTX_set_options(made->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(made->context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(made->context, SSL_VERIFY_PEER, NULL);
    enum postern_status status = load_ca(made->context, files->ca, error);
    if (status == POSTERN_OK)
        status = load_own(made->context, files, error);
    if (status == POSTERN_OK)
        *tls = made;
    else
        postern_tls_close(made);
    return status;
}

void postern_tls_close(struct postern_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls->server_name);
    free(tls);
}

// ---------------------------------------------------------------------------------------------------- sessions

static bool set_server(SSL *ssl, const struct postern_tls *tls)
{
    if (tls->is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->server_name) == 1;
    return SSL_set1_host(ssl, tls->server_name) == 1 && SSL_set_tlsext_host_name(ssl, tls->server_name) == 1;
}

struct postern_tls_session *postern_tls_session_new(struct postern_tls *tls)
{
    struct postern_tls_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->ssl = SSL_new(tls->context);
    session->from_peer = BIO_new(BIO_s_mem());
    session->to_peer = BIO_new(BIO_s_mem());
    if (session->ssl == NULL || session->from_peer == NULL || session->to_peer == NULL ||
        !set_server(session->ssl, tls)) {
        BIO_free(session->from_peer);
        BIO_free(session->to_peer);
        postern_tls_session_free(session);
        return NULL;
    }
    (void)BIO_set_mem_eof_return(session->from_peer, -1); // empty is not the end
    (void)BIO_set_mem_eof_return(session->to_peer, -1);
    SSL_set_bio(session->ssl, session->from_peer, session->to_peer);
    SSL_set_connect_state(session->ssl);
    return session;
}

void postern_tls_session_free(struct postern_tls_session *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    free(session);
}

static void note_failure(struct postern_tls_session *session)
{
    long verified = SSL_get_verify_result(session->ssl);
    unsigned long code = ERR_peek_last_error();
    int alert = ERR_GET_REASON(code);
    if (verified != X509_V_OK) {
        session->final = true;
        snprintf(session->error, sizeof session->error, "the server's certificate is refused: %s",
                 X509_verify_cert_error_string(verified));
    } else if (alert >= SSL_AD_REASON_OFFSET) {
        session->final = true;
        snprintf(session->error, sizeof session->error,
                 "the server refuses us: %s (is a client's certificate needed, "
                 "and is ours of an authority that it knows?)",
                 reason());
    } else {
        snprintf(session->error, sizeof session->error, "%s (is TLS spoken there?)", reason());
    }
    ERR_clear_error();
}

// Nothing to do but to wait for more bytes.
static bool waits(const struct postern_tls_session *session, int result)
{
    int code = SSL_get_error(session->ssl, result);
    return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE || code == SSL_ERROR_ZERO_RETURN;
}

static bool take_output(struct postern_tls_session *session, struct postern_buffer *out)
{
    size_t size = BIO_ctrl_pending(session->to_peer), got = 0;
    if (size == 0)
        return true;
    if (!postern_buffer_reserve(out, size) || BIO_read_ex(session->to_peer, out->data + out->end, size, &got) != 1)
        return false;
    out->end += got;
    return true;
}

static bool read_all(struct postern_tls_session *session, struct postern_buffer *plain)
{
    for (;;) {
        size_t got = 0;
        if (!postern_buffer_reserve(plain, PIECE))
            return false;
        int result = SSL_read_ex(session->ssl, plain->data + plain->end, postern_buffer_room(plain), &got);
        plain->end += got;
        if (result != 1)
            return waits(session, result);
    }
}

bool postern_tls_session_feed(struct postern_tls_session *session, struct postern_buffer *cipher,
                              struct postern_buffer *plain, struct postern_buffer *out)
{
    bool fine = true;
    size_t size = postern_buffer_size(cipher);
    ERR_clear_error();
    if (size > 0)
        fine = BIO_write(session->from_peer, cipher->data + cipher->begin, (int)size) == (int)size;
    postern_buffer_take(cipher, size);
    if (fine && !SSL_is_init_finished(session->ssl)) {
        int result = SSL_do_handshake(session->ssl);
        fine = result == 1 || waits(session, result);
    }
    if (fine && SSL_is_init_finished(session->ssl))
        fine = read_all(session, plain);
    if (!fine)
        note_failure(session);
    return take_output(session, out) && fine; // an alert says why to the other side
}

bool postern_tls_session_write(struct postern_tls_session *session, struct postern_buffer *plain,
                               struct postern_buffer *out)
{
    while (postern_buffer_size(plain) > 0 && SSL_is_init_finished(session->ssl)) {
        size_t taken = 0;
        ERR_clear_error();
        if (SSL_write_ex(session->ssl, plain->data + plain->begin, postern_buffer_size(plain), &taken) != 1) {
            note_failure(session);
            return false;
        }
        postern_buffer_take(plain, taken);
    }
    return take_output(session, out);
}

bool postern_tls_session_is_ready(const struct postern_tls_session *session)
{
    return SSL_is_init_finished(session->ssl) != 0;
}

const char *postern_tls_session_error(struct postern_tls_session *session, bool *final)
{
    *final = session->final;
    return session->error;
}
