// Carries requests in and replies out: listeners, connections, the SP req/rep protocol and TLS. Knows no message.
//
// Each request comes as its bytes, its peer, and one way to reply: now or later, from any thread, in any order.
// Owns: listeners, connections, their buffers. The only room that knows nng (only its byte streams) and OpenSSL.
// Threads: transport_open, _reload and _close from main; `serve` is called in nng's callback threads, for one
// connection by one thread at a time, and must not block.
//
// No peer can harm the others. A peer whose output is above TRANSPORT_OUTPUT_MARK is not read from, and is closed when
// it takes nothing for TRANSPORT_STUCK_MS. A connection is also closed when its greeting takes longer than
// TRANSPORT_GREETING_MS, when a frame takes longer than TRANSPORT_FRAME_MS, or when a frame's header claims more than
// the bound. Calls in flight, connections and memory have bounds; requests beyond them come with `overloaded` set and
// must be refused. When all connections are taken, the oldest one that has not greeted is closed first; where all have,
// a newcomer gets the place of the connection that has been idle longest (TRANSPORT_IDLE_MS at least) of whoever has
// the most, or else of its own caller. A caller is a user over ipc, else an IPv4 address or an IPv6 /64.
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "base/clock.h"
#include "base/log.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    TRANSPORT_ADDRESS_SIZE = 46,
    TRANSPORT_SUBJECT_SIZE = 256,
    TRANSPORT_URL_SIZE = 256,
    TRANSPORT_IDS_MAX = 64, // bytes of the protocol's ids in front of one request
    TRANSPORT_OUTPUT_MARK = 256 * 1024,
    TRANSPORT_TURN_MAX = 64,               // requests of one connection in a row, while others wait
    TRANSPORT_CONNECTION_CALLS = 1024,     // in flight, of one connection
    TRANSPORT_CONNECTIONS_BEYOND_MAX = 64, // connections beyond max_connections, to tell them that all are taken
    TRANSPORT_GREETING_MS = 5000,          // the handshake of TLS included
    TRANSPORT_FRAME_MS = 10000,
    TRANSPORT_STUCK_MS = 10000,
    TRANSPORT_IDLE_MS = 30000 // without a byte received: it may lose its place to a newcomer
};

struct transport;
struct transport_connection;

// The program at the other end. Does not change while a request of it is in flight.
struct transport_peer {
    size_t listener; // index of the address that it has connected to
    bool has_uid;    // ipc
    uint32_t uid;
    char address[TRANSPORT_ADDRESS_SIZE]; // IPv4 or IPv6; empty over ipc
    char subject[TRANSPORT_SUBJECT_SIZE]; // of its verified certificate, as in RFC 2253; empty without one
};

// The return path of one request. Exactly one reply ends it: begin and end, or a begin that returned NULL.
struct transport_return_path {
    struct transport_connection *connection;
    size_t ids_size;
    uint8_t ids[TRANSPORT_IDS_MAX];
};

struct transport_request {
    struct slice bytes;                // valid until serve returns
    const struct transport_peer *peer; // valid until the reply
    struct transport_return_path return_path;
    uint64_t received_ms; // clock_boot_ms when its last byte was read
    bool overloaded;      // a bound is reached: refuse it without any work
};

struct transport_tls_options {
    const char *certificate_file; // PEM: the certificate and its chain. NULL: no TLS
    const char *key_file;         // PEM
    const char *client_ca_file;   // PEM; NULL: client certificates are not asked for
    bool client_required;         // otherwise a client without a certificate is served, too
};

struct transport_options {
    const char *const *urls;
    size_t url_count;
    bool allow_plain_tcp; // beyond loopback
    unsigned socket_mode;
    const char *socket_group; // NULL: the daemon's
    struct transport_tls_options tls;
    size_t request_max; // bytes
    size_t max_connections;
    size_t max_calls;        // in flight, of all connections
    size_t memory_max_bytes; // of all connections' buffers
    struct clock *clock;
    const struct log *log;
    void (*serve)(void *context, const struct transport_request *request);
    void *context;
};

// Would transport_open take this URL with these options (whose own URLs do not count)? Makes nothing.
// Errors:
//   INVALID_ARGUMENT  the URL is not offered; the failure says why and what to give
//   UNAVAILABLE       there is no such group
STATUS_MUST_CHECK enum status transport_check_url(const struct transport_options *options, const char *url,
                                                  struct status_failure *failure);
// Listens when it returns OK; serves after transport_start.
// Errors:
//   UNAVAILABLE         an address or a file cannot be used; the failure names it and says why and what to do
//   INVALID_ARGUMENT    a URL is not offered
//   RESOURCE_EXHAUSTED  there is no memory or no thread
STATUS_MUST_CHECK enum status transport_open(const struct transport_options *options, struct transport **out,
                                             struct status_failure *failure);
void transport_start(struct transport *transport);
// Reads the certificates again, for connections that come later. After an error the old ones stay.
// Errors:
//   UNAVAILABLE         a file cannot be used; the failure names it
//   RESOURCE_EXHAUSTED  memory is out
STATUS_MUST_CHECK enum status transport_reload(struct transport *transport, struct status_failure *failure);
// Takes no more connections, serves the open ones until nothing is in flight and every reply has left (at most some
// seconds), then closes them. False when a call in flight did not end; then everything that it may use stays until the
// process ends. NULL-safe.
bool transport_close(struct transport *transport);
// Ends what nng keeps for the process. Nothing of this room may be used afterwards.
void transport_end_process(void);

// Gives room for a reply of `size` bytes in the connection's output, and locks the connection until
// transport_reply_end, which the same thread calls at once. NULL when nobody will read it (the peer is gone, or memory
// is out); then the return path has ended.
uint8_t *transport_reply_begin(struct transport_return_path *return_path, size_t size)
    __attribute__((warn_unused_result));
// Sends the reply of `size` bytes in that room, and ends the return path.
void transport_reply_end(struct transport_return_path *return_path, size_t size);

// Has the peer of this request gone? Then nobody will read a reply.
bool transport_return_path_is_gone(const struct transport_return_path *return_path);

// The first three are of now; all others count since the start.
struct transport_stats {
    uint64_t connections;
    uint64_t calls_in_flight;
    uint64_t memory_bytes;
    uint64_t accepted;
    uint64_t requests;
    uint64_t overloaded;          // requests beyond a bound
    uint64_t connections_refused; // connections that came when all were taken
    uint64_t closed_no_greeting;  // its greeting was late, or of another protocol
    uint64_t closed_bad_frame;
    uint64_t closed_half_frame; // its frame was not whole in time
    uint64_t closed_stuck;      // it took no output
    uint64_t closed_memory;     // there was no memory for its replies
    uint64_t tls_failures;
    uint64_t accept_failures; // descriptors or memory were out
    uint64_t displaced;       // it was idle when all places were taken and somebody came
};
struct transport_stats transport_stats(struct transport *transport);

#endif
