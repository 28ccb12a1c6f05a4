// Costly calls, one after the other on a few threads.
//
// The problem: a list, a page of changes or usage, an import may take a thousand times as long as a decision. Where
// such calls ran at once, a few of them would hold all threads that receive, and decisions would wait for them. So they
// wait in a queue instead, and only as many as there are threads here run at a time. A caller who asks for more than
// its share at once is told to come again: then the wait of all others is bounded. Callers are told apart by a hash of
// their names; two with one hash have one share, and because of the seed nobody can look for such a name.
#include "rpc/queue.h"

#include "base/random.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS = 2, SHARES = 1024 };

struct call_queue {
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t wake;
    struct call *first;
    struct call *last;
    bool stopping;
    uint16_t shares[SHARES]; // in use, by the hash of the caller's name
    uint64_t seed;
    pthread_t threads[THREADS];
    size_t thread_count;
};

static uint16_t *share_of(struct call_queue *queue, const struct call *call)
{
    return &queue->shares[slice_hash(slice_text(call->caller.name), queue->seed) % SHARES];
}

// --- the threads

// Takes the next call; NULL when there will be no more.
static struct call *take(struct call_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->stopping)
        pthread_cond_wait(&queue->wake, &queue->lock);
    struct call *call = queue->first;
    if (call != NULL)
        queue->first = call->next;
    pthread_mutex_unlock(&queue->lock);
    return call;
}

static void give_back(struct call_queue *queue, uint16_t *share)
{
    if (share == NULL)
        return;
    pthread_mutex_lock(&queue->lock);
    --*share;
    pthread_mutex_unlock(&queue->lock);
}

static void *queue_main(void *context)
{
    struct call_queue *queue = context;
    for (struct call *call; (call = take(queue)) != NULL;) {
        // A call that waits again may soon be another one's.
        uint16_t *share = call->has_share ? share_of(queue, call) : NULL;
        enum call_progress progress = call_is_late(call) ? call_refuse_late(call) : call->route->handle(call);
        give_back(queue, share);
        if (progress == CALL_DONE)
            call->finish(call);
    }
    return NULL;
}

// --- the door

static void append(struct call_queue *queue, struct call *call, bool has_share)
{
    call->has_share = has_share;
    call->next = NULL;
    if (queue->first != NULL)
        queue->last->next = call;
    else
        queue->first = call;
    queue->last = call;
    pthread_cond_signal(&queue->wake);
}

void call_queue_add_again(struct call_queue *queue, struct call *call)
{
    pthread_mutex_lock(&queue->lock);
    append(queue, call, false);
    pthread_mutex_unlock(&queue->lock);
}

enum call_progress call_queue_add(struct call_queue *queue, struct call *call)
{
    pthread_mutex_lock(&queue->lock);
    uint16_t *share = share_of(queue, call);
    bool has_share = *share < CALL_QUEUE_SHARE;
    if (has_share) {
        ++*share;
        append(queue, call, true);
    }
    pthread_mutex_unlock(&queue->lock);
    if (has_share)
        return CALL_PENDING;
    call->status_reason = "SHARE_USED_UP";
    call->retry_after_ms = CALL_OVERLOADED_RETRY_MS;
    return call_fail(call, STATUS_RESOURCE_EXHAUSTED, NULL,
                     "%d calls of yours that may take long are waiting already: ask again when one is answered",
                     CALL_QUEUE_SHARE);
}

enum status call_queue_open(struct call_queue **out)
{
    struct call_queue *queue = calloc(1, sizeof *queue);
    *out = queue;
    if (queue == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    pthread_mutex_init(&queue->lock, NULL); // neither fails with default attributes
    pthread_cond_init(&queue->wake, NULL);
    random_fill(&queue->seed, sizeof queue->seed);
    while (queue->thread_count < THREADS &&
           thread_start(&queue->threads[queue->thread_count], "rpc-queue", queue_main, queue) == 0)
        queue->thread_count++;
    if (queue->thread_count == THREADS)
        return STATUS_OK;
    call_queue_close(queue);
    *out = NULL;
    return STATUS_RESOURCE_EXHAUSTED;
}

void call_queue_close(struct call_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < queue->thread_count; i++)
        pthread_join(queue->threads[i], NULL);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->wake);
    free(queue);
}
