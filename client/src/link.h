// One connection to posternd: a socket, TLS where the URL says so, and the SP req/rep protocol (docs/protocol.md).
//
// Nothing here waits, except for the look-up of a host's name. Threads: the handle's lock is held, except where a
// function says otherwise.
#ifndef POSTERN_LINK_H
#define POSTERN_LINK_H

#include "buffer.h"
#include "postern/postern.h"
#include "tls.h"

enum postern_scheme { POSTERN_IPC, POSTERN_TCP, POSTERN_TLS_TCP };

struct postern_target {
    enum postern_scheme scheme;
    const char *url;
    const char *path;             // of ipc; points into the URL
    char host[256], port[8];      // of the others
    struct postern_tls_files tls; // texts of the handle
};

// Reads target->url into its scheme, path, host and port.
// Errors: INVALID_ARGUMENT when the URL is empty, malformed, or of a scheme that the client does not support.
enum postern_status postern_target_parse(struct postern_target *target, struct postern_error *error);

enum postern_link_state {
    POSTERN_LINK_DOWN,
    POSTERN_LINK_CONNECTING,
    POSTERN_LINK_GREETING, // the handshake of TLS included
    POSTERN_LINK_UP
};

// Why the last attempt or the last connection failed.
struct postern_link_failure {
    enum postern_status status;
    bool final; // another attempt would fail in the same way
    char message[sizeof((struct postern_error *)NULL)->message];
};

struct addrinfo;

struct postern_link {
    const struct postern_target *target;
    enum postern_link_state state;
    int fd;
    struct addrinfo *addresses; // of the host, and the one that is tried
    struct addrinfo *address;
    struct postern_tls *tls; // for tls+tcp: what postern_tls_open read; set by the maker of the link, owned by the link
    struct postern_tls_session *session;
    uint64_t began_ms;   // when it began to connect
    uint64_t attempt_ms; // how long it may take until it is greeted
    uint64_t heard_ms;   // when something came last
    bool blocks;         // recv may wait, for at most POSTERN_LINK_TICK_MS
    bool writing;        // a thread sends `sending`, without the lock
    int orphan_fd; // the link was closed while that thread was sending: the thread closes this descriptor; -1: none
    bool broken;   // a send has failed
    struct postern_buffer in;
    struct postern_buffer cipher;  // with TLS: as received
    struct postern_buffer out;     // greeting and requests
    struct postern_buffer sealed;  // with TLS: the same, encrypted
    struct postern_buffer sending; // what is being sent
    struct postern_link_failure failure;
};

enum { POSTERN_LINK_TICK_MS = 100 };

// Makes a link that is not connected.
void postern_link_init(struct postern_link *link, const struct postern_target *target, bool blocks);
// Begins to connect.
// Errors: false when that fails at once; link->failure says why, and the link is down.
bool postern_link_connect(struct postern_link *link, uint64_t now_ms);
// Closes the connection and wipes its buffers; TLS sends no farewell. It may be connected again.
void postern_link_close(struct postern_link *link);
// The same, and frees what the files of TLS gave. It is not used again.
void postern_link_wipe(struct postern_link *link);
// Closes the descriptor and leaves the buffers as they are, which may be half changed.
void postern_link_abandon(struct postern_link *link);

// The events that poll has to wait for.
short postern_link_events(const struct postern_link *link);
// Takes the next step of connecting, after poll, and looks whether connecting takes too long.
// Errors: false when connecting has failed; link->failure says why, and the link is down.
bool postern_link_advance(struct postern_link *link, uint64_t now_ms);

enum { POSTERN_FRAME_PREFIX = 1 + 8 + 4 };
// Adds a request to what is to be sent. `frame` has room for the prefix in front of the message's `size` bytes.
// Errors: false when memory is out.
bool postern_link_add(struct postern_link *link, uint32_t id, uint8_t *frame, size_t size);
struct postern_link_piece {
    int fd;
    const uint8_t *bytes;
    size_t size;
};
// Begins to send: tells what. One thread sends at a time (link.c).
// Errors: false when there is nothing to send, or another thread is sending.
bool postern_link_begin_send(struct postern_link *link, struct postern_link_piece *piece);
// Sends once, without the lock. Returns how much the kernel took: 0 when its buffer is full, -1 when the connection is
// broken.
ptrdiff_t postern_link_send(const struct postern_link_piece *piece);
// Notes what postern_link_send returned, with the lock again, and tells what to send next. The thread calls send and
// this one in turn while it returns true.
// Errors: false as postern_link_begin_send; also when the kernel's buffer is full.
bool postern_link_sent(struct postern_link *link, ptrdiff_t sent, struct postern_link_piece *piece);
// Shuts the connection down. The thread that receives sees its end and closes it.
void postern_link_break(struct postern_link *link);

// Receives once, without the lock. Only one thread at a time may. With `may_wait` it waits for POSTERN_LINK_TICK_MS at
// most.
// Errors: as recv(2): 0 at the end of the connection; -1 and errno, which is EAGAIN when nothing has come.
ptrdiff_t postern_link_receive(struct postern_link *link, bool may_wait);
// Takes in what postern_link_receive returned; `code` is errno.
// Errors: false when the connection is lost; link->failure says why, and the link is down.
bool postern_link_received(struct postern_link *link, ptrdiff_t size, int code, uint64_t now_ms);

struct postern_link_reply {
    uint32_t id;
    const uint8_t *bytes; // valid until postern_link_take
    size_t size;
    size_t frame_size;
};
enum postern_link_next { POSTERN_NEXT_REPLY, POSTERN_NEXT_NONE, POSTERN_NEXT_BAD };
// Finds the first reply of what has been received. NEXT_NONE: none is whole yet. NEXT_BAD: the peer does not speak the
// protocol; link->failure says so, and the link is down.
enum postern_link_next postern_link_next(struct postern_link *link, struct postern_link_reply *reply);
// Drops that reply.
void postern_link_take(struct postern_link *link, const struct postern_link_reply *reply);

// --- of connect.c, for link.c: each closes the link, notes why in link->failure, and returns false

bool postern_link_fail(struct postern_link *link, enum postern_status status, bool final, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool postern_link_fail_memory(struct postern_link *link);
bool postern_link_fail_stranger(struct postern_link *link); // what answers is not posternd
bool postern_link_fail_tls(struct postern_link *link);

#endif
