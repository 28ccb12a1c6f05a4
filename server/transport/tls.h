// Room-private: TLS between frames and stream. Only tls.c knows OpenSSL.
//
// Why OpenSSL, and not nng's own tls+tcp: with nng 1.5.2 the subject of a client's certificate cannot be read, and
// certificates cannot be changed while a listener listens. So nng carries the bytes (tcp), and OpenSSL reads and writes
// them in memory; TLS 1.2 and 1.3.
#ifndef TRANSPORT_TLS_H
#define TRANSPORT_TLS_H

#include "base/slice.h"
#include "transport/transport.h"

// The certificates in use. Threads: any.
struct tls;
// Errors:
//   UNAVAILABLE         a file cannot be used; the failure names it and says what is wrong with it
//   RESOURCE_EXHAUSTED  memory is out
STATUS_MUST_CHECK enum status tls_open(const struct transport_tls_options *options, struct tls **out,
                                       struct status_failure *failure);
// Reads the files again, for sessions that begin later.
// Errors: as tls_open; then nothing has changed.
STATUS_MUST_CHECK enum status tls_reload(struct tls *tls, struct status_failure *failure);
void tls_close(struct tls *tls); // NULL-safe; sessions may still be there

// One connection. Threads: any.
struct tls_session;
struct tls_session *tls_session_new(struct tls *tls); // NULL when memory is out
void tls_session_free(struct tls_session *session);   // NULL-safe
// Takes encrypted bytes from the peer. When the handshake is over, `subject` has the name of the peer's certificate, if
// there is one.
void tls_session_feed(struct tls_session *session, struct slice bytes, char subject[TRANSPORT_SUBJECT_SIZE]);
// Reads decrypted bytes. Returns 0 when there are no more for now.
size_t tls_session_read(struct tls_session *session, uint8_t *out, size_t room);
// Encrypts bytes. Returns how many were taken: all, or none while the handshake lasts.
size_t tls_session_write(struct tls_session *session, struct slice bytes);
// Takes encrypted bytes for the peer, and says how many there are.
size_t tls_session_pending(struct tls_session *session);
size_t tls_session_take(struct tls_session *session, uint8_t *out, size_t room);
// Has the session ended, and why?
bool tls_session_has_failed(struct tls_session *session);
bool tls_session_has_ended(struct tls_session *session); // the peer has said that it sends nothing more
// Was the last record not whole, when tls_session_read returned 0?
bool tls_session_has_part(struct tls_session *session);
const char *tls_session_error(struct tls_session *session); // lives as long as the session

#endif
