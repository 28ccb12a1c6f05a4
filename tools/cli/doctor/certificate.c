// Reads certificates for their last day alone: whether one is to be trusted is what every other command finds out.
#include "doctor/certificate.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { DAYS_LEAST = 14, CONNECT_S = 5 };

static void say_expiry(struct report *report, const char *of, X509 *certificate)
{
    int days = 0, seconds = 0;
    struct tm end = {0};
    const ASN1_TIME *last = X509_get0_notAfter(certificate);
    if (ASN1_TIME_diff(&days, &seconds, NULL, last) != 1 || ASN1_TIME_to_tm(last, &end) != 1) {
        report_add(report, REPORT_WRONG, "certificate", NULL, "%s: its end cannot be read", of);
        return;
    }
    bool is_over = days < 0 || seconds < 0, is_soon = days < DAYS_LEAST;
    report_add(report, is_soon ? REPORT_WRONG : REPORT_OK, "certificate",
               is_soon ? "renew it; posternd reads its own again on SIGHUP" : NULL, "%s: %s %04d-%02d-%02d (%d days)",
               of, is_over ? "it ran out on" : "good until", end.tm_year + 1900, end.tm_mon + 1, end.tm_mday, days);
}

void certificate_check_file(struct report *report, const char *what, const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    const char *of = cli_format(report->cli, "%s %s", what, path);
    if (certificate != NULL)
        say_expiry(report, of, certificate);
    else
        report_add(report, REPORT_NOTE, "certificate", NULL, "%s: it cannot be read, or is no PEM", of);
    X509_free(certificate);
    if (file != NULL)
        fclose(file);
}

// Connects and shakes hands, without any trust.
static BIO *connect_to(SSL_CTX *context, const char *place)
{
    static const struct timeval patience = {.tv_sec = CONNECT_S};
    int descriptor = -1;
    SSL *ssl = NULL;
    BIO *bio = BIO_new_ssl_connect(context);
    if (bio == NULL || BIO_get_ssl(bio, &ssl) != 1)
        goto out;
    char host[256], copy[256]; // OpenSSL's macro wants it without const
    snprintf(host, sizeof host, "%.*s", (int)(strrchr(place, ':') - place), place);
    SSL_set_tlsext_host_name(ssl, host);
    snprintf(copy, sizeof copy, "%s", place);
    BIO_set_conn_hostname(bio, copy);
    BIO *plain = BIO_next(bio);
    BIO_set_nbio(plain, 1);
    if (BIO_do_connect_retry(plain, CONNECT_S, 0) != 1 || BIO_get_fd(plain, &descriptor) < 0)
        goto out;
    BIO_socket_nbio(descriptor, 0);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)BIO_do_handshake(bio); // the certificate comes before what may fail, as where a client's is required
    return bio;
out:
    BIO_free_all(bio);
    return NULL;
}

void certificate_check_url(struct report *report, const char *url)
{
    const char *place = strstr(url, "://") + 3;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    BIO *bio = context != NULL && strchr(place, ':') != NULL ? connect_to(context, place) : NULL;
    SSL *ssl = NULL;
    X509 *shown = bio != NULL && BIO_get_ssl(bio, &ssl) == 1 ? SSL_get1_peer_certificate(ssl) : NULL;
    if (shown != NULL)
        say_expiry(report, cli_format(report->cli, "what is shown at %s", url), shown);
    else
        report_add(report, REPORT_NOTE, "certificate", NULL, "none is shown at %s", url);
    X509_free(shown);
    BIO_free_all(bio);
    SSL_CTX_free(context);
}
