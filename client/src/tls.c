// OpenSSL, which usually owns the socket, works on two memory BIOs here: what came is written into one, what is to be
// sent is read from the other. So TLS is a step between buffers, never blocks, and the link keeps the socket. Most of
// the file explains failures: a certificate that is not trusted is the commonest mistake when TLS is set up.
#include "tls.h"

#include "error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 16 * 1024, OTHERS = 077, ERROR_SIZE = 320, NAME_MAX_BYTES = 128, DATE_MAX_BYTES = 40 };

struct postern_tls {
    SSL_CTX *context;
    char *server_name;
    char *ca_file; // NULL: the system's authorities
};

struct postern_tls_session {
    const struct postern_tls *tls;
    SSL *ssl;
    BIO *from_peer; // both belong to ssl
    BIO *to_peer;
    bool final;
    char error[ERROR_SIZE];
};

// ------------------------------------------------------------------------------------------------------- files

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

// Says what is wrong with a file that OpenSSL could not use.
static enum postern_status explain_file(const char *what, const char *path, struct postern_error *error)
{
    unsigned long code = ERR_peek_last_error();
    if (access(path, R_OK) != 0)
        return postern_fail(error, POSTERN_INVALID_ARGUMENT, "%s %s cannot be read: %s", what, path, strerror(errno));
    if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
        return postern_fail(error, POSTERN_INVALID_ARGUMENT, "%s %s does not belong to the certificate", what, path);
    return postern_fail(error, POSTERN_INVALID_ARGUMENT, "%s %s cannot be used: it is not PEM, encrypted, or damaged",
                        what, path);
}

static enum postern_status explain_no_key(const char *certificate, struct postern_error *error)
{
    return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                        "the TLS certificate %s holds no key that can be used: name the key's file (tls_key_file, "
                        "POSTERN_TLS_KEY)",
                        certificate);
}

static void date_of(const ASN1_TIME *time, char text[DATE_MAX_BYTES])
{
    BIO *memory = BIO_new(BIO_s_mem());
    int size = memory != NULL && ASN1_TIME_print(memory, time) == 1 ? BIO_read(memory, text, DATE_MAX_BYTES - 1) : 0;
    text[size > 0 ? size : 0] = '\0';
    BIO_free(memory);
}

static enum postern_status check_dates(const struct postern_tls *tls, const char *path, struct postern_error *error)
{
    char date[DATE_MAX_BYTES];
    const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(tls->context));
    if (X509_cmp_current_time(end) >= 0)
        return POSTERN_OK;
    date_of(end, date);
    return postern_fail(error, POSTERN_INVALID_ARGUMENT, "the TLS certificate %s expired on %s: get a new one", path,
                        date);
}

static enum postern_status load_authorities(struct postern_tls *tls, const char *path, struct postern_error *error)
{
    if (!is_given(path)) {
        (void)SSL_CTX_set_default_verify_paths(tls->context); // where there are none, the handshake says so
        return POSTERN_OK;
    }
    if (SSL_CTX_load_verify_file(tls->context, path) != 1)
        return explain_file("the TLS authorities' file", path, error);
    tls->ca_file = strdup(path);
    return tls->ca_file != NULL ? POSTERN_OK : postern_fail_memory(error);
}

// A key that others can read is theirs, too. What cannot be looked at is explained when it cannot be read either.
static enum postern_status check_mode(const char *path, struct postern_error *error)
{
    struct stat facts;
    if (stat(path, &facts) != 0 || (facts.st_mode & OTHERS) == 0)
        return POSTERN_OK;
    return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                        "the TLS key %s can be read by others (mode %03o): chmod 600 it", path,
                        (unsigned)facts.st_mode & 0777);
}

// Asks nobody for the password of an encrypted key.
static int no_password(char *password, int size, int is_for_writing, void *context)
{
    (void)password;
    (void)size;
    (void)is_for_writing;
    (void)context;
    return -1;
}

static enum postern_status load_identity(struct postern_tls *tls, const struct postern_tls_files *files,
                                         struct postern_error *error)
{
    const char *certificate = files->certificate;
    const char *key = is_given(files->key) ? files->key : certificate;
    if (!is_given(certificate) && !is_given(key))
        return POSTERN_OK;
    if (!is_given(certificate))
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "a TLS key without a certificate: give the certificate's file as well");
    if (SSL_CTX_use_certificate_chain_file(tls->context, certificate) != 1)
        return explain_file("the TLS certificate", certificate, error);
    SSL_CTX_set_default_passwd_cb(tls->context, no_password);
    if (SSL_CTX_use_PrivateKey_file(tls->context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls->context) != 1)
        return is_given(files->key) ? explain_file("the TLS key", key, error) : explain_no_key(certificate, error);
    enum postern_status status = check_mode(key, error);
    return status == POSTERN_OK ? check_dates(tls, certificate, error) : status;
}

enum postern_status postern_tls_open(const struct postern_tls_files *files, struct postern_tls **tls,
                                     struct postern_error *error)
{
    struct postern_tls *made = calloc(1, sizeof *made);
    *tls = NULL;
    if (made == NULL)
        return postern_fail_memory(error);
    ERR_clear_error();
    made->server_name = strdup(files->server_name);
    made->context = SSL_CTX_new(TLS_client_method());
    if (made->server_name == NULL || made->context == NULL) {
        postern_tls_close(made);
        return postern_fail_memory(error);
    }
    (void)SSL_CTX_set_min_proto_version(made->context, TLS1_2_VERSION);
    SSL_CTX_set_options(made->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(made->context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    enum postern_status status = load_authorities(made, files->ca, error);
    if (status == POSTERN_OK)
        status = load_identity(made, files, error);
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
    free(tls->ca_file);
    free(tls);
}

// ------------------------------------------------------------------------------------------ posternd's certificate

static void fail_finally(struct postern_tls_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail_finally(struct postern_tls_session *session, const char *format, ...)
{
    va_list arguments;
    session->final = true;
    va_start(arguments, format);
    (void)vsnprintf(session->error, sizeof session->error, format, arguments);
    va_end(arguments);
}

static void explain_untrusted(struct postern_tls_session *session, const char *subject, const char *issuer)
{
    fail_finally(session,
                 "its certificate \"%s\" is signed by \"%s\", which %s%s does not trust: name that "
                 "authority's file (tls_ca_file, POSTERN_TLS_CA)",
                 subject, issuer, session->tls->ca_file != NULL ? "" : "the system",
                 session->tls->ca_file != NULL ? session->tls->ca_file : "");
}

static void explain_certificate(struct postern_tls_session *session, X509 *certificate, int why)
{
    char subject[NAME_MAX_BYTES] = "?", issuer[NAME_MAX_BYTES] = "?", date[DATE_MAX_BYTES] = "?";
    if (certificate != NULL) {
        X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
        X509_NAME_oneline(X509_get_issuer_name(certificate), issuer, sizeof issuer);
        date_of(X509_get0_notAfter(certificate), date);
    }
    switch (why) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        fail_finally(session, "its certificate \"%s\" expired on %s", subject, date);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        fail_finally(session,
                     "its certificate \"%s\" is not for the host \"%s\": use the name that it is for in the "
                     "URL, or give it as tls_server_name",
                     subject, session->tls->server_name);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        explain_untrusted(session, subject, issuer);
        break;
    default:
        fail_finally(session, "its certificate \"%s\" is refused: %s", subject, X509_verify_cert_error_string(why));
    }
}

static int on_verify(int is_good, X509_STORE_CTX *store)
{
    if (is_good)
        return 1;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct postern_tls_session *session = SSL_get_app_data(ssl);
    // The one that is presented, wherever in its chain it failed.
    explain_certificate(session, X509_STORE_CTX_get0_cert(store), X509_STORE_CTX_get_error(store));
    return 0;
}

// ---------------------------------------------------------------------------------------------------- sessions

static bool expect_host(const struct postern_tls_session *session)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address = inet_pton(AF_INET, session->tls->server_name, address) == 1 ||
                      inet_pton(AF_INET6, session->tls->server_name, address) == 1;
    if (is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session->ssl), session->tls->server_name) == 1;
    SSL_set_hostflags(session->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(session->ssl, session->tls->server_name) == 1 &&
           SSL_set_tlsext_host_name(session->ssl, session->tls->server_name) == 1;
}

static bool set_up(struct postern_tls_session *session)
{
    session->ssl = SSL_new(session->tls->context);
    session->from_peer = BIO_new(BIO_s_mem());
    session->to_peer = BIO_new(BIO_s_mem());
    if (session->ssl == NULL || session->from_peer == NULL || session->to_peer == NULL) {
        BIO_free(session->from_peer);
        BIO_free(session->to_peer);
        return false;
    }
    (void)BIO_set_mem_eof_return(session->from_peer, -1); // empty is not the end
    (void)BIO_set_mem_eof_return(session->to_peer, -1);
    SSL_set_bio(session->ssl, session->from_peer, session->to_peer);
    SSL_set_app_data(session->ssl, session);
    SSL_set_verify(session->ssl, SSL_VERIFY_PEER, on_verify);
    SSL_set_connect_state(session->ssl);
    return expect_host(session);
}

struct postern_tls_session *postern_tls_session_new(struct postern_tls *tls)
{
    struct postern_tls_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->tls = tls;
    if (set_up(session))
        return session;
    postern_tls_session_free(session);
    return NULL;
}

void postern_tls_session_free(struct postern_tls_session *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    free(session);
}

// Why the session failed, as far as its certificate was not the reason.
static void note_failure(struct postern_tls_session *session)
{
    unsigned long code = ERR_peek_error();
    const char *text = ERR_reason_error_string(code);
    int why = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    text = text != NULL ? text : "no reason given";
    if (session->error[0] != '\0')
        return;
    if ((SSL_get_shutdown(session->ssl) & SSL_RECEIVED_SHUTDOWN) != 0 && code == 0) {
        (void)snprintf(session->error, sizeof session->error, "the TLS connection was closed");
        return;
    }
    if (why == SSL_R_WRONG_VERSION_NUMBER || why == SSL_R_HTTP_REQUEST || why == SSL_R_PACKET_LENGTH_TOO_LONG)
        fail_finally(session, "what answers there does not speak TLS: use tcp:// if that is meant");
    else if (why == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED)
        fail_finally(session, "it wants a certificate of ours: give tls_certificate_file and tls_key_file");
    else if (why >= SSL_AD_REASON_OFFSET)
        fail_finally(session, "it refuses our certificate, or how we ask: %s", text);
    else
        (void)snprintf(session->error, sizeof session->error, "the TLS connection failed: %s", text);
    ERR_clear_error();
}

// Nothing to do but to wait for more bytes.
static bool waits(const struct postern_tls_session *session, int result)
{
    int code = SSL_get_error(session->ssl, result);
    return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE;
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
