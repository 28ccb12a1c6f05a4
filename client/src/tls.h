// TLS between frames and socket. Only tls.c knows OpenSSL.
//
// Why OpenSSL: it is kept, both Debian 12 and 13 have it, it works on memory alone, so that it never blocks, and it
// checks host names and addresses itself. TLS 1.2 and 1.3.
#ifndef POSTERN_TLS_H
#define POSTERN_TLS_H

#include "buffer.h"
#include "postern/postern.h"

struct postern_tls_files {
    const char *ca;          // empty: the system's authorities
    const char *certificate; // empty: the client shows no certificate
    const char *key;
    const char *server_name; // the name or address that the server's certificate must have
};

// What the files hold. Threads: the handle's lock is held.
struct postern_tls;
// Reads the files.
// Errors:
//   INVALID_ARGUMENT    a file cannot be used; the error names it and says why
//   RESOURCE_EXHAUSTED  memory is out
enum postern_status postern_tls_open(const struct postern_tls_files *files, struct postern_tls **tls,
                                     struct postern_error *error);
void postern_tls_close(struct postern_tls *tls); // NULL-safe

// One connection.
struct postern_tls_session;
// Begins a session; nothing is sent yet.
// Errors: NULL when memory is out.
struct postern_tls_session *postern_tls_session_new(struct postern_tls *tls);
void postern_tls_session_free(struct postern_tls_session *session); // NULL-safe; the peer is not told
// Takes what has come, adds to `plain` what it says, and to `out` what TLS itself has to send.
// Errors: false when the session has failed; postern_tls_session_error says why.
bool postern_tls_session_feed(struct postern_tls_session *session, struct postern_buffer *cipher,
                              struct postern_buffer *plain, struct postern_buffer *out);
// Encrypts all of `plain` to `out`. Before the handshake is over it stays where it is.
// Errors: false as above.
bool postern_tls_session_write(struct postern_tls_session *session, struct postern_buffer *plain,
                               struct postern_buffer *out);
bool postern_tls_session_is_ready(const struct postern_tls_session *session); // the handshake is over
// Says why the session has failed. *final becomes true when the next connection would fail in the same way.
const char *postern_tls_session_error(struct postern_tls_session *session, bool *final);

#endif
