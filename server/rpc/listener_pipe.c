#include "rpc/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "rpc/listener_write.h"

bool listener_pipes_init(struct listener_pipes *pipes, size_t connections_max, size_t workers)
{
    *pipes = (struct listener_pipes){.bucket_count = 64, .workers = workers};
    while (pipes->bucket_count < connections_max)
        pipes->bucket_count *= 2;
    pipes->buckets = calloc(pipes->bucket_count, sizeof(struct listener_pipe *));
    pipes->entries = calloc(connections_max, sizeof *pipes->entries);
    for (size_t i = 0; pipes->entries != NULL && i < connections_max; i++) {
        pipes->entries[i].next = pipes->free;
        pipes->free = &pipes->entries[i];
    }
    pthread_mutex_init(&pipes->lock, NULL); // cannot fail on Linux without attributes
    pthread_cond_init(&pipes->idle, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pipes->empty, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return pipes->buckets != NULL && pipes->entries != NULL;
}

void listener_pipes_wipe(struct listener_pipes *pipes)
{
    pthread_mutex_destroy(&pipes->lock);
    pthread_cond_destroy(&pipes->idle);
    pthread_cond_destroy(&pipes->empty);
    free(pipes->buckets);
    free(pipes->entries);
}

// The place that points to the entry, or to the end of its bucket.
static struct listener_pipe **place_of(struct listener_pipes *pipes, uint32_t id)
{
    struct listener_pipe **place = &pipes->buckets[id & (pipes->bucket_count - 1)];
    while (*place != NULL && (*place)->id != id)
        place = &(*place)->next;
    return place;
}

bool listener_pipes_add(struct listener_pipes *pipes, uint32_t id, const struct call_peer *peer)
{
    pthread_mutex_lock(&pipes->lock);
    struct listener_pipe *entry = pipes->free;
    if (entry != NULL) {
        pipes->free = entry->next;
        struct listener_pipe **place = place_of(pipes, id);
        *entry = (struct listener_pipe){.id = id, .peer = *peer};
        *place = entry;
        pipes->count++;
    }
    pthread_mutex_unlock(&pipes->lock);
    return entry != NULL;
}

void listener_pipes_remove(struct listener_pipes *pipes, uint32_t id)
{
    pthread_mutex_lock(&pipes->lock);
    struct listener_pipe **place = place_of(pipes, id);
    struct listener_pipe *entry = *place;
    if (entry != NULL) {
        *place = entry->next;
        entry->next = pipes->free;
        pipes->free = entry;
        if (--pipes->count == 0)
            pthread_cond_signal(&pipes->empty);
    }
    pthread_mutex_unlock(&pipes->lock);
}

bool listener_pipes_enter(struct listener_pipes *pipes, uint32_t id, struct call_peer *peer)
{
    pthread_mutex_lock(&pipes->lock);
    pipes->in_flight++;
    const struct listener_pipe *entry = *place_of(pipes, id);
    bool heard = entry != NULL && !entry->muted;
    if (heard)
        *peer = entry->peer;
    pthread_mutex_unlock(&pipes->lock);
    return heard;
}

#ifdef LISTENER_KNOWS_STUCK
static bool may_be_stuck(const struct listener_pipe *entry)
{
    return listener_write_is_stuck(entry->id);
}
#else
// What has left already, while the thread that did it (nng has at most 16, and two writers) has not come to say so,
// must not count against a peer that reads.
static bool may_be_stuck(const struct listener_pipe *entry)
{
    enum { UNTOLD_MAX = 32 };
    return entry->unsent >= UNTOLD_MAX;
}
#endif

static bool has_too_many(const struct listener_pipes *pipes, const struct listener_pipe *entry)
{
    if (!may_be_stuck(entry))
        return false;
    return entry->unsent >= LISTENER_UNSENT_MAX || entry->unsent >= pipes->workers - pipes->sending;
}

bool listener_pipes_begin_send(struct listener_pipes *pipes, uint32_t id)
{
    pthread_mutex_lock(&pipes->lock);
    struct listener_pipe *entry = *place_of(pipes, id);
    if (entry != NULL && has_too_many(pipes, entry))
        entry->muted = true;
    bool may_send = entry != NULL && !entry->muted;
    if (may_send) {
        entry->unsent++;
        pipes->sending++;
    }
    pthread_mutex_unlock(&pipes->lock);
    return may_send;
}

bool listener_pipes_cut(struct listener_pipes *pipes, uint32_t id)
{
    pthread_mutex_lock(&pipes->lock);
    struct listener_pipe *entry = *place_of(pipes, id);
    bool first = entry != NULL && !entry->cut;
    if (entry != NULL)
        entry->muted = entry->cut = true;
    pthread_mutex_unlock(&pipes->lock);
    return first;
}

void listener_pipes_leave(struct listener_pipes *pipes, uint32_t id, bool sending)
{
    pthread_mutex_lock(&pipes->lock);
    struct listener_pipe *entry = sending ? *place_of(pipes, id) : NULL;
    if (entry != NULL && entry->unsent > 0)
        entry->unsent--;
    pipes->sending -= sending ? 1 : 0;
    if (--pipes->in_flight == 0)
        pthread_cond_signal(&pipes->idle);
    pthread_mutex_unlock(&pipes->lock);
}

void listener_pipes_wait_idle(struct listener_pipes *pipes)
{
    pthread_mutex_lock(&pipes->lock);
    while (pipes->in_flight > 0)
        pthread_cond_wait(&pipes->idle, &pipes->lock);
    pthread_mutex_unlock(&pipes->lock);
}

bool listener_pipes_wait_empty(struct listener_pipes *pipes, unsigned timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int code = 0;
    pthread_mutex_lock(&pipes->lock);
    while (pipes->count > 0 && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&pipes->empty, &pipes->lock, &until);
    bool empty = pipes->count == 0;
    pthread_mutex_unlock(&pipes->lock);
    return empty;
}
