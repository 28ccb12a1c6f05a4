// Runs OpenSSL over memory: nng carries the encrypted bytes, and a session turns them into what the peer said. The
// files are checked before they are used, so that a bad reload changes nothing.
#include "transport/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ERROR_SIZE = 192, OTHERS = 077 };

struct tls {
    struct transport_tls_options options;
    pthread_mutex_t lock; // guards the context in use
    SSL_CTX *context;
};

struct tls_session {
    pthread_mutex_t lock; // receiving and sending threads meet here
    SSL *ssl;
    BIO *from_peer; // both belong to ssl
    BIO *to_peer;
    bool heard; // the peer's first byte
    bool failed;
    bool ended;    // the peer sends nothing more
    bool has_part; // of a record
    char error[ERROR_SIZE];
};

// --- the files

// Returns the newest reason of OpenSSL's queue, in words; empties the queue.
static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
    bool is_vague = ERR_GET_LIB(code) == ERR_LIB_PEM || (code != 0 && ERR_GET_REASON(code) == ERR_R_PEM_LIB);
    ERR_clear_error();
    return text == NULL || is_vague ? "it holds none in PEM form, or is damaged" : text;
}

// Refuses an encrypted key: nobody is there to give its pass phrase, least of all at a reload.
static int refuse_encrypted(char *password, int size, int is_for_writing, void *was_asked)
{
    (void)password;
    (void)size;
    (void)is_for_writing;
    *(bool *)was_asked = true;
    return -1;
}

static enum status load_key(SSL_CTX *context, const struct transport_tls_options *options,
                            struct status_failure *failure)
{
    bool is_encrypted = false;
    SSL_CTX_set_default_passwd_cb(context, refuse_encrypted);
    SSL_CTX_set_default_passwd_cb_userdata(context, &is_encrypted);
    int loaded = SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    if (is_encrypted)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                           "the TLS key %s is encrypted, and nobody is there to give its pass phrase: decrypt it "
                           "(openssl pkey -in %s -out FILE)",
                           options->key_file, options->key_file);
    if (loaded != 1 && ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "the TLS key %s cannot be used: %s", options->key_file,
                           reason());
    if (loaded != 1 || SSL_CTX_check_private_key(context) != 1)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                           "the TLS key %s cannot be used with the certificate %s: %s", options->key_file,
                           options->certificate_file, reason());
    return STATUS_OK;
}

static enum status look_at(const char *path, const char *what, struct status_failure *failure)
{
    struct stat facts;
    if (access(path, R_OK) != 0 || stat(path, &facts) != 0)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "cannot read the %s %s: %s", what, path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "the %s %s is not a file", what, path);
    return STATUS_OK;
}

static enum status look_at_key(const char *path, struct status_failure *failure)
{
    struct stat facts;
    enum status status = look_at(path, "TLS key", failure);
    if (status == STATUS_OK && stat(path, &facts) == 0 && (facts.st_mode & OTHERS) != 0)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                           "the TLS key %s can be read by others (mode %03o): chmod 600 it", path,
                           (unsigned)facts.st_mode & 0777);
    return status;
}

static enum status check_dates(SSL_CTX *context, const char *path, struct status_failure *failure)
{
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "the TLS certificate %s has expired: renew it", path);
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL,
                           "the TLS certificate %s is not valid yet: look at this machine's clock", path);
    return STATUS_OK;
}

static enum status load_own(SSL_CTX *context, const struct transport_tls_options *options,
                            struct status_failure *failure)
{
    enum status status = look_at(options->certificate_file, "TLS certificate", failure);
    if (status == STATUS_OK)
        status = look_at_key(options->key_file, failure);
    if (status != STATUS_OK)
        return status;
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate_file) != 1)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "the TLS certificate %s cannot be used: %s",
                           options->certificate_file, reason());
    status = load_key(context, options, failure);
    return status == STATUS_OK ? check_dates(context, options->certificate_file, failure) : status;
}

static enum status load_clients(SSL_CTX *context, const struct transport_tls_options *options,
                                struct status_failure *failure)
{
    const char *path = options->client_ca_file;
    if (path == NULL)
        return STATUS_OK;
    enum status status = look_at(path, "CA file of TLS clients", failure);
    if (status != STATUS_OK)
        return status;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (names == NULL || SSL_CTX_load_verify_file(context, path) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "the CA file of TLS clients %s cannot be used: %s", path,
                           reason());
    }
    SSL_CTX_set_client_CA_list(context, names); // takes them over
    int required = options->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, NULL);
    return STATUS_OK;
}

static enum status load(const struct transport_tls_options *options, SSL_CTX **out, struct status_failure *failure)
{
    static const uint8_t session_context[] = "postern"; // sessions with client certificates need a name
    *out = NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ERR_clear_error();
    enum status status = load_own(context, options, failure);
    if (status == STATUS_OK)
        status = load_clients(context, options, failure);
    if (status == STATUS_OK)
        *out = context;
    else
        SSL_CTX_free(context);
    return status;
}

enum status tls_open(const struct transport_tls_options *options, struct tls **out, struct status_failure *failure)
{
    *out = NULL;
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory");
    tls->options = *options;
    enum status status = load(options, &tls->context, failure);
    if (status != STATUS_OK) {
        free(tls);
        return status;
    }
    pthread_mutex_init(&tls->lock, NULL);
    *out = tls;
    return STATUS_OK;
}

enum status tls_reload(struct tls *tls, struct status_failure *failure)
{
    SSL_CTX *fresh = NULL;
    enum status status = load(&tls->options, &fresh, failure);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = fresh;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old); // sessions hold their own
    return STATUS_OK;
}

void tls_close(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

// --- sessions

static bool fill(struct tls_session *session, struct tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    session->ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    if (session->ssl == NULL)
        return false;
    session->from_peer = BIO_new(BIO_s_mem());
    session->to_peer = BIO_new(BIO_s_mem());
    if (session->from_peer == NULL || session->to_peer == NULL) {
        BIO_free(session->from_peer);
        BIO_free(session->to_peer);
        return false;
    }
    (void)BIO_set_mem_eof_return(session->from_peer, -1); // an empty BIO is not the end of the stream
    (void)BIO_set_mem_eof_return(session->to_peer, -1);
    SSL_set_bio(session->ssl, session->from_peer, session->to_peer);
    SSL_set_accept_state(session->ssl);
    return true;
}

struct tls_session *tls_session_new(struct tls *tls)
{
    struct tls_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    pthread_mutex_init(&session->lock, NULL);
    if (fill(session, tls))
        return session;
    tls_session_free(session);
    return NULL;
}

void tls_session_free(struct tls_session *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

static void fail(struct tls_session *session)
{
    long verified = SSL_get_verify_result(session->ssl);
    session->failed = true;
    if (verified != X509_V_OK)
        (void)snprintf(session->error, sizeof session->error, "the client's certificate is refused: %s",
                       X509_verify_cert_error_string(verified));
    else
        (void)snprintf(session->error, sizeof session->error, "%s", reason());
    ERR_clear_error();
}

// Did the operation stop only because more bytes must come?
static bool waits(struct tls_session *session, int result)
{
    int code = SSL_get_error(session->ssl, result);
    if (code == SSL_ERROR_ZERO_RETURN) // the peer has closed its side: later bytes would never be read
        session->ended = true;
    return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE || code == SSL_ERROR_ZERO_RETURN;
}

// Reads the subject; empty without a certificate. A certificate that is not valid makes the handshake fail before this.
static void read_subject(struct tls_session *session, char subject[TRANSPORT_SUBJECT_SIZE])
{
    X509 *certificate = SSL_get1_peer_certificate(session->ssl);
    BIO *text = certificate != NULL ? BIO_new(BIO_s_mem()) : NULL;
    subject[0] = '\0';
    if (text != NULL && X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        char *bytes = NULL;
        long size = BIO_get_mem_data(text, &bytes);
        if (size > 0 && size < TRANSPORT_SUBJECT_SIZE) {
            memcpy(subject, bytes, (size_t)size);
            subject[size] = '\0';
        }
    }
    BIO_free(text);
    X509_free(certificate);
}

// Ends a session whose peer begins with anything but a record of a handshake. OpenSSL would say nothing, and a peer
// that speaks plain SP waits for a word: it gets an alert, protocol_version (RFC 8446, 5.1 and 6), as a record in the
// clear.
static void refuse_plain(struct tls_session *session, struct slice bytes)
{
    static const uint8_t handshake = 0x16, alert[] = {0x15, 3, 1, 0, 2, 2, 70};
    bool is_plain = !session->heard && bytes.size > 0 && bytes.data[0] != handshake;
    session->heard = true;
    if (!is_plain)
        return;
    session->failed = true;
    (void)snprintf(session->error, sizeof session->error, "it speaks no TLS: tls+tcp:// has to stand in its URL");
    (void)BIO_write(session->to_peer, alert, sizeof alert);
}

void tls_session_feed(struct tls_session *session, struct slice bytes, char subject[TRANSPORT_SUBJECT_SIZE])
{
    pthread_mutex_lock(&session->lock);
    ERR_clear_error();
    refuse_plain(session, bytes);
    if (!session->failed && BIO_write(session->from_peer, bytes.data, (int)bytes.size) != (int)bytes.size)
        fail(session);
    if (!session->failed && !SSL_is_init_finished(session->ssl)) {
        int result = SSL_do_handshake(session->ssl);
        if (result == 1)
            read_subject(session, subject);
        else if (!waits(session, result))
            fail(session);
    }
    pthread_mutex_unlock(&session->lock);
}

size_t tls_session_read(struct tls_session *session, uint8_t *out, size_t room)
{
    size_t got = 0;
    pthread_mutex_lock(&session->lock);
    if (!session->failed && SSL_is_init_finished(session->ssl)) {
        ERR_clear_error();
        int result = SSL_read_ex(session->ssl, out, room, &got);
        if (result != 1 && !waits(session, result))
            fail(session);
        session->has_part = SSL_has_pending(session->ssl) == 1 || strcmp(SSL_rstate_string(session->ssl), "RB") == 0;
    }
    pthread_mutex_unlock(&session->lock);
    return got;
}

size_t tls_session_write(struct tls_session *session, struct slice bytes)
{
    size_t taken = 0;
    pthread_mutex_lock(&session->lock);
    if (bytes.size > 0 && !session->failed && SSL_is_init_finished(session->ssl)) {
        ERR_clear_error();
        int result = SSL_write_ex(session->ssl, bytes.data, bytes.size, &taken);
        if (result != 1 && !waits(session, result))
            fail(session);
    }
    pthread_mutex_unlock(&session->lock);
    return taken;
}

size_t tls_session_pending(struct tls_session *session)
{
    pthread_mutex_lock(&session->lock);
    size_t size = BIO_ctrl_pending(session->to_peer);
    pthread_mutex_unlock(&session->lock);
    return size;
}

size_t tls_session_take(struct tls_session *session, uint8_t *out, size_t room)
{
    size_t got = 0;
    pthread_mutex_lock(&session->lock);
    if (BIO_read_ex(session->to_peer, out, room, &got) != 1)
        got = 0;
    pthread_mutex_unlock(&session->lock);
    return got;
}

static bool look(struct tls_session *session, const bool *at)
{
    pthread_mutex_lock(&session->lock);
    bool value = *at;
    pthread_mutex_unlock(&session->lock);
    return value;
}

bool tls_session_has_failed(struct tls_session *session)
{
    return look(session, &session->failed);
}

bool tls_session_has_ended(struct tls_session *session)
{
    return look(session, &session->ended);
}

bool tls_session_has_part(struct tls_session *session)
{
    return look(session, &session->has_part);
}

const char *tls_session_error(struct tls_session *session)
{
    return session->error;
}
