// Knows which peers do not read: the kernel takes no more for them. That a reply has not left yet says less; on a busy
// machine nng's threads may just not have come to it, and who reads must not be cut for that. Linked only with nng
// 1.5.2's archive, by --wrap (server/CMakeLists.txt), where `sendmsg` is how connections write.
//
// Threads: any. nng writes a connection under that connection's lock. A place is shared by pipes whose ids are far
// apart: then one of them is taken for one that reads, and the time limit for sending ends it.
#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "rpc/listener_write.h"

enum { WRITE_FD_MAX = 16384, WRITE_PLACES = 16384 };

struct writes {
    _Atomic uint32_t pipe_of[WRITE_FD_MAX]; // who wrote last, by descriptor
    _Atomic uint32_t stuck[WRITE_PLACES];   // by the low bits of the pipe's id
};

ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);

static struct writes *writes(void)
{
    static struct writes all;
    return &all;
}

static _Atomic uint32_t *place_of(uint32_t pipe_id)
{
    return &writes()->stuck[pipe_id % WRITE_PLACES];
}

// The pipe that this thread is sending for, between nni_pipe_send's begin and end; else 0.
static uint32_t *current(void)
{
    static _Thread_local uint32_t pipe_id;
    return &pipe_id;
}

void listener_write_for(uint32_t pipe_id)
{
    *current() = pipe_id;
}

bool listener_write_is_stuck(uint32_t pipe_id)
{
    return atomic_load_explicit(place_of(pipe_id), memory_order_relaxed) == pipe_id;
}

// Goes on without nni_pipe_send when the socket has room again: then the descriptor says who it is.
static uint32_t pipe_of(int fd)
{
    _Atomic uint32_t *place = &writes()->pipe_of[fd];
    if (*current() != 0)
        atomic_store_explicit(place, *current(), memory_order_relaxed);
    return atomic_load_explicit(place, memory_order_relaxed);
}

static void note(uint32_t pipe_id, bool is_stuck)
{
    if (is_stuck)
        atomic_store_explicit(place_of(pipe_id), pipe_id, memory_order_relaxed);
    else if (listener_write_is_stuck(pipe_id))
        atomic_store_explicit(place_of(pipe_id), 0, memory_order_relaxed);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    ssize_t sent = __real_sendmsg(fd, msg, flags);
    if (fd < 0 || fd >= WRITE_FD_MAX)
        return sent;
    uint32_t pipe_id = pipe_of(fd);
    if (pipe_id != 0)
        note(pipe_id, sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
    return sent;
}
