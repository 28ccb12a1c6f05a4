// A server of plain sockets for tests of the client: it says byte by byte what a test wants, wrong things included.
//
// One thread takes one connection after the other and has the test's `talk` deal with it.
#ifndef SUPPORT_SP_PEER_H
#define SUPPORT_SP_PEER_H

#include "postern.pb-c.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { SP_FRAME_MAX = 128 * 1024, SP_GREETING = 8, SP_HEAD = 9 };

static const uint8_t sp_greeting[SP_GREETING] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

struct sp_peer;
// `nth` counts the connections from 0. The connection is closed when it returns.
typedef void sp_talk(struct sp_peer *peer, int fd, unsigned nth);

struct sp_peer {
    int listener;
    sp_talk *talk;
    void *context;
    pthread_t thread;
};

static inline void *sp_serve(void *context)
{
    struct sp_peer *peer = context;
    for (unsigned nth = 0;; nth++) {
        int fd = accept(peer->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        peer->talk(peer, fd, nth);
        close(fd);
    }
}

static inline int sp_listen_ipc(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, strlen(path));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 64), 0);
    return listener;
}

// On 127.0.0.1, at a port of the system's choice.
static inline int sp_listen_tcp(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return listener;
}

static inline void sp_start(struct sp_peer *peer, int listener, sp_talk *talk, void *context)
{
    *peer = (struct sp_peer){.listener = listener, .talk = talk, .context = context};
    assert_int_equal(pthread_create(&peer->thread, NULL, sp_serve, peer), 0);
}

// When no client is connected any more.
static inline void sp_stop(struct sp_peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}

static inline bool sp_write(int fd, const void *bytes, size_t size)
{
    return send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static inline bool sp_read(int fd, void *bytes, size_t size)
{
    return recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

static inline bool sp_greet(int fd)
{
    uint8_t theirs[SP_GREETING];
    return sp_write(fd, sp_greeting, sizeof sp_greeting) && sp_read(fd, theirs, sizeof theirs);
}

// A request as it came; `request` is NULL when the connection has ended.
struct sp_request {
    uint8_t id[4];
    Postern__V1__Request *request;
};

static inline struct sp_request sp_take(int fd)
{
    struct sp_request taken = {.request = NULL};
    uint8_t head[SP_HEAD], *bytes = malloc(SP_FRAME_MAX);
    if (sp_read(fd, head, sizeof head)) {
        size_t size = (size_t)head[6] << 16 | (size_t)head[7] << 8 | head[8];
        if (size >= 4 && size <= SP_FRAME_MAX && sp_read(fd, bytes, size)) {
            memcpy(taken.id, bytes, 4);
            taken.request = postern__v1__request__unpack(NULL, size - 4, bytes + 4);
        }
    }
    free(bytes);
    return taken;
}

// The frame of the answer to a Health or a Verify, the latter with the account that was asked for. Frees the request.
// `ipc`: with the byte 01 in front.
static inline size_t sp_answer(struct sp_request *taken, bool ipc, uint8_t frame[512])
{
    Postern__V1__HealthReply healthy = POSTERN__V1__HEALTH_REPLY__INIT;
    Postern__V1__VerifyReply allowed = POSTERN__V1__VERIFY_REPLY__INIT;
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    healthy.serving = allowed.allowed = true;
    reply.server_time_ms = 1;
    reply.request_id = taken->request->request_id;
    reply.result_case = (Postern__V1__Reply__ResultCase)taken->request->call_case;
    if (taken->request->call_case == POSTERN__V1__REQUEST__CALL_VERIFY) {
        allowed.account = taken->request->verify->account;
        reply.verify = &allowed;
    } else {
        reply.health = &healthy;
    }
    size_t at = 0, size = 4 + postern__v1__reply__get_packed_size(&reply);
    if (ipc)
        frame[at++] = 1;
    memset(frame + at, 0, 6);
    frame[at + 6] = (uint8_t)(size >> 8);
    frame[at + 7] = (uint8_t)size;
    memcpy(frame + at + 8, taken->id, 4);
    postern__v1__reply__pack(&reply, frame + at + 12);
    postern__v1__request__free_unpacked(taken->request, NULL);
    taken->request = NULL;
    return at + 8 + size;
}

static inline bool sp_send_answer(int fd, struct sp_request *taken)
{
    uint8_t frame[512];
    return sp_write(fd, frame, sp_answer(taken, true, frame));
}

// Answers all that comes, until the client goes.
static inline void sp_answer_on(int fd)
{
    for (struct sp_request taken = sp_take(fd); taken.request != NULL; taken = sp_take(fd))
        if (!sp_send_answer(fd, &taken))
            return;
}

#endif
