// Reads ahead. nng 1.5.2 asks the kernel twice for each message, once for the frame's header and once for its body; a
// client that has many calls outstanding has more of them waiting in the socket. Here one read takes what is there, up
// to a small buffer, and the next ones are served from it: less than one system call for two. Linked only with that
// version's archive, by --wrap (server/CMakeLists.txt), where `readv` is how its connections read, and nothing else
// does. They read until EAGAIN before they wait for the socket, so nothing is ever left lying in a buffer.
//
// Threads: nng reads a connection under that connection's lock, and closes its descriptor when nobody reads any more.
// Memory: AHEAD_BYTES per connection that has sent something, until it is closed. What was taken out is wiped: requests
// carry tokens.
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum {
    AHEAD_BYTES = 4096,
    AHEAD_PIECES_MAX = 8, // of one read; nng asks for two at most
    AHEAD_FD_MAX = 16384  // connections with a higher descriptor read as they always did
};

struct ahead {
    size_t begin;
    size_t end;
    char bytes[AHEAD_BYTES];
};

ssize_t __real_readv(int fd, const struct iovec *pieces, int count);
int __real_close(int fd);
ssize_t __wrap_readv(int fd, const struct iovec *pieces, int count);
int __wrap_close(int fd);

// By descriptor, as that is all a read knows of its connection.
static _Atomic(struct ahead *) *place_of(int fd)
{
    static _Atomic(struct ahead *) places[AHEAD_FD_MAX];
    return fd >= 0 && fd < AHEAD_FD_MAX ? &places[fd] : NULL;
}

static struct ahead *ahead_of(int fd)
{
    _Atomic(struct ahead *) *place = place_of(fd);
    if (place == NULL)
        return NULL;
    struct ahead *ahead = atomic_load_explicit(place, memory_order_acquire);
    if (ahead != NULL)
        return ahead;
    ahead = malloc(sizeof *ahead);
    if (ahead != NULL)
        ahead->begin = ahead->end = 0;
    atomic_store_explicit(place, ahead, memory_order_release);
    return ahead;
}

static ssize_t take(struct ahead *ahead, const struct iovec *pieces, int count)
{
    size_t taken = 0;
    for (int i = 0; i < count && ahead->begin < ahead->end; i++) {
        size_t size = ahead->end - ahead->begin;
        if (size > pieces[i].iov_len)
            size = pieces[i].iov_len;
        memcpy(pieces[i].iov_base, ahead->bytes + ahead->begin, size);
        explicit_bzero(ahead->bytes + ahead->begin, size);
        ahead->begin += size;
        taken += size;
    }
    return (ssize_t)taken;
}

// What was asked for first; what else there is goes into the buffer.
static ssize_t read_more(int fd, struct ahead *ahead, const struct iovec *pieces, int count)
{
    struct iovec all[AHEAD_PIECES_MAX + 1];
    size_t asked = 0;
    for (int i = 0; i < count; i++) {
        all[i] = pieces[i];
        asked += pieces[i].iov_len;
    }
    all[count] = (struct iovec){.iov_base = ahead->bytes, .iov_len = sizeof ahead->bytes};
    ssize_t got = __real_readv(fd, all, count + 1);
    ahead->begin = ahead->end = 0;
    if (got <= 0 || (size_t)got <= asked)
        return got;
    ahead->end = (size_t)got - asked;
    return (ssize_t)asked;
}

ssize_t __wrap_readv(int fd, const struct iovec *pieces, int count)
{
    struct ahead *ahead = count <= AHEAD_PIECES_MAX ? ahead_of(fd) : NULL;
    if (ahead == NULL)
        return __real_readv(fd, pieces, count);
    if (ahead->begin < ahead->end)
        return take(ahead, pieces, count);
    return read_more(fd, ahead, pieces, count);
}

// The next connection with this number is another one.
int __wrap_close(int fd)
{
    _Atomic(struct ahead *) *place = place_of(fd);
    struct ahead *ahead = place != NULL ? atomic_exchange(place, NULL) : NULL;
    if (ahead != NULL)
        explicit_bzero(ahead->bytes, sizeof ahead->bytes);
    free(ahead);
    return __real_close(fd);
}
