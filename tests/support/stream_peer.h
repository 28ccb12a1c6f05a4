// A peer of the transport over ipc or tcp that speaks the SP protocol by hand, and may stop at any byte.
//
// Threads: one at a time for each peer; one that sends and one that receives may be two.
#ifndef SUPPORT_STREAM_PEER_H
#define SUPPORT_STREAM_PEER_H

#include "support/raw_peer.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>

enum {
    STREAM_PEER_WAIT_MS = 60000, // for what has to come; only a machine that stands still is slower
    STREAM_PEER_PREFIX_MAX = 1 + 8 + 4
};

// Where it connects to.
struct stream_place {
    const char *path; // NULL: the port
    uint16_t port;
};

struct stream_peer {
    int fd;
    bool has_type;
};

struct stream_reply {
    uint32_t number;
    size_t size;
    uint8_t *body; // the receiver's; at most `room`
    size_t room;
};

static inline int stream_peer_socket(struct stream_place place)
{
    int fd = socket(place.path != NULL ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    raw_peer_demand(fd >= 0);
    return fd;
}

// A unix socket whose backlog is full says so, and is asked again.
static inline void stream_peer_connect(int fd, struct stream_place place)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(place.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr *address = place.path != NULL ? (const void *)&un : (const void *)&in;
    socklen_t size = place.path != NULL ? sizeof un : sizeof in;
    const int yes = 1;
    if (place.path != NULL) {
        raw_peer_demand(strlen(place.path) < sizeof un.sun_path);
        memcpy(un.sun_path, place.path, strlen(place.path) + 1);
    } else
        raw_peer_demand(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
    while (connect(fd, address, size) != 0) {
        raw_peer_demand(errno == EAGAIN || errno == EINTR);
        sched_yield();
    }
}

static inline struct stream_peer stream_peer_dial(struct stream_place place)
{
    struct stream_peer peer = {.fd = stream_peer_socket(place), .has_type = place.path != NULL};
    stream_peer_connect(peer.fd, place);
    return peer;
}

static inline bool stream_peer_greet(const struct stream_peer *peer)
{
    return raw_peer_shake_hands(peer->fd, STREAM_PEER_WAIT_MS);
}

static inline struct stream_peer stream_peer_open(struct stream_place place)
{
    struct stream_peer peer = stream_peer_dial(place);
    raw_peer_demand(stream_peer_greet(&peer));
    return peer;
}

static inline void stream_peer_close(struct stream_peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
}

// Without the usual good-bye: over tcp an RST goes out.
static inline void stream_peer_reset(struct stream_peer *peer)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    stream_peer_close(peer);
}

// Bytes written to `out`, which has room for STREAM_PEER_PREFIX_MAX + size.
static inline size_t stream_peer_frame(const struct stream_peer *peer, uint32_t number, const void *body, size_t size,
                                       uint8_t *out)
{
    size_t used = 0;
    const uint64_t length = 4 + size;
    if (peer->has_type)
        out[used++] = 1;
    for (int shift = 56; shift >= 0; shift -= 8)
        out[used++] = (uint8_t)(length >> shift);
    out[used++] = (uint8_t)(0x80 | number >> 24);
    for (int shift = 16; shift >= 0; shift -= 8)
        out[used++] = (uint8_t)(number >> shift);
    if (size > 0)
        memcpy(out + used, body, size);
    return used + size;
}

// False when the connection was closed meanwhile.
static inline bool stream_peer_write(const struct stream_peer *peer, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    for (size_t sent = 0; sent < size;) {
        ssize_t part = send(peer->fd, from + sent, size - sent, MSG_NOSIGNAL);
        if (part <= 0 && errno != EINTR)
            return false;
        sent += part > 0 ? (size_t)part : 0;
    }
    return true;
}

static inline bool stream_peer_ask(const struct stream_peer *peer, uint32_t number, const void *body, size_t size)
{
    uint8_t *frame = malloc(STREAM_PEER_PREFIX_MAX + size);
    raw_peer_demand(frame != NULL);
    bool sent = stream_peer_write(peer, frame, stream_peer_frame(peer, number, body, size, frame));
    free(frame);
    return sent;
}

// False when the connection was closed, or nothing came.
static inline bool stream_peer_receive(const struct stream_peer *peer, struct stream_reply *out)
{
    uint8_t prefix[STREAM_PEER_PREFIX_MAX];
    const size_t type = peer->has_type ? 1 : 0, prefix_size = type + 8 + 4;
    uint64_t length = 0;
    if (raw_peer_read(peer->fd, prefix, prefix_size, STREAM_PEER_WAIT_MS) != prefix_size)
        return false;
    raw_peer_demand(!peer->has_type || prefix[0] == 1);
    for (size_t i = 0; i < 8; i++)
        length = length << 8 | prefix[type + i];
    raw_peer_demand(length >= 4 && length - 4 <= out->room);
    out->number = 0;
    for (size_t i = 0; i < 4; i++)
        out->number = out->number << 8 | prefix[type + 8 + i];
    raw_peer_demand((out->number & 0x80000000u) != 0);
    out->number &= 0x7FFFFFFFu;
    out->size = (size_t)length - 4;
    return raw_peer_read(peer->fd, out->body, out->size, STREAM_PEER_WAIT_MS) == out->size;
}

// What was not sent by the other end stays readable until the end is seen.
static inline bool stream_peer_is_closed(const struct stream_peer *peer)
{
    uint8_t bytes[4096];
    const uint64_t begin_ms = raw_peer_now_ms();
    while (raw_peer_now_ms() - begin_ms < STREAM_PEER_WAIT_MS) {
        struct pollfd wait = {.fd = peer->fd, .events = POLLIN};
        if (poll(&wait, 1, STREAM_PEER_WAIT_MS) != 1)
            return false;
        ssize_t got = recv(peer->fd, bytes, sizeof bytes, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return true;
    }
    return false;
}

// Whether what was sent over ipc has been read by the other end.
static inline bool stream_peer_was_read(const struct stream_peer *peer)
{
    int unread = 1;
    raw_peer_demand(ioctl(peer->fd, SIOCOUTQ, &unread) == 0);
    return unread == 0;
}

#endif
