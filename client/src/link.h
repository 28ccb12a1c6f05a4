// One connection to posternd: a socket, TLS where the URL says so, and the SP req/rep protocol (docs/protocol.md).
//
// Nothing here waits, but for the look-up of a host's name. Threads: the handle's lock is held, except where a function
// says otherwise.
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

// INVALID_ARGUMENT: the URL is none that works here. Fills scheme, path, host and port of `target`, whose url is set.
enum postern_status postern_target_parse(struct postern_target *target, struct postern_error *error);

enum postern_link_state {
    POSTERN_LINK_DOWN,
    POSTERN_LINK_CONNECTING,
    POSTERN_LINK_GREETING, // the handshake of TLS included
    POSTERN_LINK_UP
};

// Why the last attempt or connection failed.
struct postern_link_failure {
    enum postern_status status;
    bool final; // it would fail again in the same way
    char message[sizeof((struct postern_error *)NULL)->message];
};

struct addrinfo;

struct postern_link {
    const struct postern_target *target;
    enum postern_link_state state;
    int fd;
    struct addrinfo *addresses; // of the host, and the one that is tried
    struct addrinfo *address;
    struct postern_tls *tls; // the files of tls+tcp, which whoever makes the link reads
    struct postern_tls_session *session;
    uint64_t began_ms; // when it began to connect
    uint64_t heard_ms; // when something came last
    bool blocks;       // recv may wait, for at most POSTERN_LINK_TICK_MS
    bool writing;      // somebody sends `flying`, without the lock
    int orphan_fd;     // was closed meanwhile: he does it
    bool broken;       // a send has failed
    struct postern_buffer in;
    struct postern_buffer cipher; // with TLS: as received
    struct postern_buffer out;    // greeting and requests
    struct postern_buffer sealed; // with TLS: the same, encrypted
    struct postern_buffer flying; // what is being sent
    struct postern_link_failure failure;
};

enum { POSTERN_LINK_TICK_MS = 100 };

void postern_link_init(struct postern_link *link, const struct postern_target *target, bool blocks);
// Begins to connect. False: it failed, see `failure`.
bool postern_link_connect(struct postern_link *link, uint64_t now_ms);
// Closes, wipes. What the server is told is left to the kernel.
void postern_link_close(struct postern_link *link);
void postern_link_wipe(struct postern_link *link);    // for good
void postern_link_abandon(struct postern_link *link); // closes the descriptor and forgets the rest

short postern_link_events(const struct postern_link *link); // for poll
// Goes on, when poll has said something. False: it failed.
bool postern_link_advance(struct postern_link *link, uint64_t now_ms);

// Adds a request: `frame` has POSTERN_FRAME_PREFIX bytes of room in front of `size` bytes of message. False: no memory.
enum { POSTERN_FRAME_PREFIX = 1 + 8 + 4 };
bool postern_link_add(struct postern_link *link, uint32_t id, uint8_t *frame, size_t size);
// What to send next. False: there is nothing, or somebody sends already.
struct postern_link_piece {
    int fd;
    const uint8_t *bytes;
    size_t size;
};
bool postern_link_begin_send(struct postern_link *link, struct postern_link_piece *piece);
// Without the lock: how much the kernel took, 0 when it takes nothing now, -1 when it never will.
ptrdiff_t postern_link_send(const struct postern_link_piece *piece);
// Then with it. As begin_send: goes on as long as that is true.
bool postern_link_sent(struct postern_link *link, ptrdiff_t sent, struct postern_link_piece *piece);
// Makes the thread that reads see the end of the connection; it closes.
void postern_link_break(struct postern_link *link);

// Receives once, without the lock, by the one thread that reads. May wait for POSTERN_LINK_TICK_MS if `may_wait`. As
// recv(2); -1 with EAGAIN: nothing yet.
ptrdiff_t postern_link_receive(struct postern_link *link, bool may_wait);
// What it received; `size` as it returned. False: the connection is over.
bool postern_link_received(struct postern_link *link, ptrdiff_t size, int code, uint64_t now_ms);

struct postern_link_reply {
    uint32_t id;
    const uint8_t *bytes; // until the next call
    size_t size;
    size_t frame_size;
};
enum postern_link_next { POSTERN_NEXT_REPLY, POSTERN_NEXT_NONE, POSTERN_NEXT_BAD };
// The first reply of what has been received; postern_link_take gives it up.
enum postern_link_next postern_link_next(struct postern_link *link, struct postern_link_reply *reply);
void postern_link_take(struct postern_link *link, const struct postern_link_reply *reply);

// --- between connect.c, which begins and ends it, and link.c, which sends and receives: each of these closes it, notes
// why, and returns false

bool postern_link_fail(struct postern_link *link, enum postern_status status, bool final, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool postern_link_fail_memory(struct postern_link *link);
bool postern_link_fail_stranger(struct postern_link *link); // what answers is not posternd
bool postern_link_fail_tls(struct postern_link *link);

#endif
