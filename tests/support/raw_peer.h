// A peer that speaks the SP protocol by hand: 8 bytes of handshake each way, then messages of a type byte, a 64-bit
// length and the body; a request begins with 4 bytes of id. For what a proper client never does.
//
// Threads: any; buffers of whole frames are static, so one sender and one receiver at a time.
#ifndef SUPPORT_RAW_PEER_H
#define SUPPORT_RAW_PEER_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { RAW_PEER_HANDSHAKE_SIZE = 8, RAW_PEER_HEADER_SIZE = 9, RAW_PEER_ID_SIZE = 4, RAW_PEER_WAIT_MS = 10000 };

// Request { health {} }
static const uint8_t raw_peer_health[] = {0x82, 0x04, 0x00};

static inline void raw_peer_demand(bool holds)
{
    if (holds)
        return;
    fprintf(stderr, "raw peer: cannot go on: %s\n", strerror(errno));
    abort();
}

static inline uint64_t raw_peer_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline int raw_peer_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    raw_peer_demand(size < sizeof address.sun_path);
    memcpy(address.sun_path, path, size + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    raw_peer_demand(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

// Bytes read before the time is over; less than `size` when the peer is gone, too.
static inline size_t raw_peer_read(int fd, void *out, size_t size, int timeout_ms)
{
    uint8_t *to = out;
    size_t used = 0;
    uint64_t end_ms = raw_peer_now_ms() + (uint64_t)timeout_ms;
    while (used < size) {
        uint64_t now = raw_peer_now_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (now >= end_ms || poll(&wait, 1, (int)(end_ms - now)) != 1)
            break;
        ssize_t got = recv(fd, to + used, size - used, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    return used;
}

static inline bool raw_peer_shake_hands(int fd, int timeout_ms)
{
    static const uint8_t hello[RAW_PEER_HANDSHAKE_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t answer[RAW_PEER_HANDSHAKE_SIZE];
    return send(fd, hello, sizeof hello, MSG_NOSIGNAL) == (ssize_t)sizeof hello &&
           raw_peer_read(fd, answer, sizeof answer, timeout_ms) == sizeof answer;
}

static inline int raw_peer_open(const char *path)
{
    int fd = raw_peer_connect(path);
    raw_peer_demand(fd >= 0);
    raw_peer_demand(raw_peer_shake_hands(fd, RAW_PEER_WAIT_MS));
    return fd;
}

static inline void raw_peer_write_header(uint8_t out[RAW_PEER_HEADER_SIZE], uint64_t size)
{
    out[0] = 1;
    for (int i = 0; i < 8; i++)
        out[1 + i] = (uint8_t)(size >> (56 - 8 * i));
}

// False when the peer has closed the connection.
static inline bool raw_peer_send(int fd, const void *body, size_t size)
{
    static uint8_t frame[RAW_PEER_HEADER_SIZE + RAW_PEER_ID_SIZE + 1024 * 1024 + 64];
    raw_peer_demand(size <= sizeof frame - RAW_PEER_HEADER_SIZE - RAW_PEER_ID_SIZE);
    raw_peer_write_header(frame, size + RAW_PEER_ID_SIZE);
    memcpy(frame + RAW_PEER_HEADER_SIZE, "\x80\0\0\1", RAW_PEER_ID_SIZE);
    memcpy(frame + RAW_PEER_HEADER_SIZE + RAW_PEER_ID_SIZE, body, size);
    for (size_t sent = 0, all = RAW_PEER_HEADER_SIZE + RAW_PEER_ID_SIZE + size; sent < all;) {
        ssize_t part = send(fd, frame + sent, all - sent, MSG_NOSIGNAL);
        if (part <= 0)
            return false;
        sent += (size_t)part;
    }
    return true;
}

// Size of the reply's body without its id; 0 when none came.
static inline size_t raw_peer_receive(int fd, int timeout_ms)
{
    static uint8_t body[1024 * 1024 + 64];
    uint8_t header[RAW_PEER_HEADER_SIZE];
    uint64_t size = 0;
    if (raw_peer_read(fd, header, sizeof header, timeout_ms) != sizeof header)
        return 0;
    for (int i = 1; i < RAW_PEER_HEADER_SIZE; i++)
        size = size << 8 | header[i];
    raw_peer_demand(size > RAW_PEER_ID_SIZE && size <= sizeof body);
    return raw_peer_read(fd, body, (size_t)size, timeout_ms) == size ? (size_t)size - RAW_PEER_ID_SIZE : 0;
}

static inline bool raw_peer_is_closed(int fd)
{
    uint8_t byte;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, RAW_PEER_WAIT_MS) != 1)
        return false;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static inline bool raw_peer_is_served(const char *path, int timeout_ms)
{
    int fd = raw_peer_connect(path);
    bool served = fd >= 0 && raw_peer_shake_hands(fd, timeout_ms) &&
                  raw_peer_send(fd, raw_peer_health, sizeof raw_peer_health) && raw_peer_receive(fd, timeout_ms) > 0;
    if (fd >= 0)
        close(fd);
    return served;
}

#endif
