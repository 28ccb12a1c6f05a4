// What all threads of a handle share: its lock, its store of random bytes, and what fork does to both.
//
// A child process inherits the handle with its parent's connection and calls, and perhaps in the middle of a change by
// a thread that the child does not have. The child must not send on that connection, nor repeat ids that the parent has
// drawn. It notices at its first call, because the fork guard is zeroed in it; then the handle is made anew (renew).
// Random bytes are drawn 2 KiB at a time, because each request needs 32.
#include "handle.h"

#include "system.h"

#include <string.h>
#include <sys/mman.h>

bool postern_client_random(struct postern *client, void *out, size_t size)
{
    struct postern_fork_guard *guard = client->guard;
    uint8_t *to = out;
    while (size > 0) {
        if (guard->random_left == 0) {
            for (size_t at = 0; at < sizeof guard->random; at += 256)
                if (!postern_random(guard->random + at, 256))
                    return false;
            guard->random_left = sizeof guard->random;
        }
        size_t part = size < guard->random_left ? size : guard->random_left;
        uint8_t *from = guard->random + (sizeof guard->random - guard->random_left);
        memcpy(to, from, part);
        explicit_bzero(from, part);
        guard->random_left -= (uint32_t)part;
        to += part;
        size -= part;
    }
    return true;
}

static struct postern_fork_guard *guard_new(void)
{
    struct postern_fork_guard *guard =
        mmap(NULL, sizeof *guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard == MAP_FAILED)
        return NULL;
    if (madvise(guard, sizeof *guard, MADV_WIPEONFORK) != 0) { // since Linux 4.14
        munmap(guard, sizeof *guard);
        return NULL;
    }
    guard->is_ours = 1;
    return guard;
}

static void empty_lists(struct postern *client)
{
    client->waiting = client->queue = client->finished = NULL;
    client->queue_end = &client->queue;
    client->finished_end = &client->finished;
    client->timer_ms = UINT64_MAX;
}

bool postern_handle_init(struct postern *client)
{
    pthread_mutex_init(&client->lock, NULL); // cannot fail on Linux without attributes
    empty_lists(client);
    client->guard = guard_new();
    return client->guard != NULL;
}

void postern_handle_wipe(struct postern *client)
{
    if (client->guard != NULL) {
        explicit_bzero(client->guard, sizeof *client->guard);
        munmap(client->guard, sizeof *client->guard);
    }
    pthread_mutex_destroy(&client->lock);
}

// This process got the handle by fork. What the parent has outstanding stays the parent's: of its connection only this
// process's descriptor is closed. When another thread of the parent was inside a call at that moment, its lists and
// buffers may be half changed: they are left alone.
static void renew(struct postern *client)
{
    bool is_whole = pthread_mutex_trylock(&client->lock) == 0;
    if (!is_whole) { // whoever holds it is not in this process
        pthread_mutex_init(&client->lock, NULL);
        pthread_mutex_lock(&client->lock);
    }
    client->guard->is_ours = 1;
    client->has_leader = false;
    client->link.writing = false;
    if (is_whole) {
        client->forget_calls(client);
        postern_link_close(&client->link);
    } else {
        postern_link_abandon(&client->link);
    }
    empty_lists(client);
    memset(client->slots, 0, sizeof client->slots);
    client->retry_ms = 0;
}

void postern_lock(struct postern *client)
{
    if (client->guard->is_ours == 0)
        renew(client);
    else
        pthread_mutex_lock(&client->lock);
}
