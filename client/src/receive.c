// Many threads wait for answers on one connection, and only one can receive: the leader (handle.h, LEADER AND
// FOLLOWERS). The others sleep, each on its own futex word (`signal`), until the leader has their answer or stops
// leading.
//
// A thread in wait_for_answer first does what can be done without waiting (postern_pending_step). Then, if nobody leads
// and there is a connection, it leads: it waits for bytes without the lock and hands each reply to the call that it
// answers (take_replies). If its own call is answered, it leaves, and wakes one of those that still wait
// (pass_the_lead), who finds that nobody leads. Otherwise it follows: it sleeps until it is woken or until its wake_ms.
//
// A woken thread whose word says ANSWER owns its call again and needs no lock: the reply is already there. The leader
// sets the word with the lock, but makes the system call without it, for many at once, so that nobody wakes up just to
// wait for the lock. From the moment at which the word is set the call may be gone: only its address is used.
#include "error.h"
#include "handle.h"
#include "pending.h"
#include "system.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { WAKE_MAX = 64 };

// --------------------------------------------------------------------------------------------------- receiving

static void hand_over(struct postern *client, const struct postern_link_reply *reply, struct postern_pending *pending)
{
    pending->reply = malloc(reply->size > 0 ? reply->size : 1);
    if (pending->reply == NULL) {
        postern_fail_memory(&pending->error);
        pending->unsure = true;
        postern_pending_finish(client, pending);
        return;
    }
    if (reply->size > 0)
        memcpy(pending->reply, reply->bytes, reply->size);
    pending->reply_size = reply->size;
    postern_pending_end_as(client, pending, POSTERN_PENDING_ANSWERED);
}

// Answers to calls that were given up are skipped.
static void take_replies(struct postern *client, const struct postern_pending *own, uint64_t now_ms)
{
    struct postern_link_reply reply;
    _Atomic uint32_t *woken[WAKE_MAX];
    size_t count = 0;
    enum postern_link_next next = POSTERN_NEXT_NONE;
    while (count < WAKE_MAX && (next = postern_link_next(&client->link, &reply)) == POSTERN_NEXT_REPLY) {
        struct postern_pending *pending = client->slots[reply.id % POSTERN_PENDING_MAX];
        if (pending != NULL && pending->id == reply.id) {
            hand_over(client, &reply, pending);
            if (pending != own && !pending->is_async && pending->state == POSTERN_PENDING_ANSWERED) {
                woken[count++] = &pending->signal;
                atomic_store_explicit(&pending->signal, POSTERN_ANSWER, memory_order_release);
            }
        }
        postern_link_take(&client->link, &reply);
    }
    if (count > 0) { // they do not need the lock, and are not to wait for it
        pthread_mutex_unlock(&client->lock);
        for (size_t i = 0; i < count; i++)
            postern_wake(woken[i]);
        pthread_mutex_lock(&client->lock);
    }
    if (next == POSTERN_NEXT_BAD)
        postern_pending_lose(client, now_ms);
    else if (count == WAKE_MAX)
        take_replies(client, own, now_ms);
}

// What was received, or why not.
static void note_received(struct postern *client, const struct postern_pending *own, ptrdiff_t size, int code)
{
    struct postern_link *link = &client->link;
    uint64_t now = postern_now_ms();
    bool was_up = link->state == POSTERN_LINK_UP;
    if (!postern_link_received(link, size, code, now) || !postern_link_advance(link, now)) {
        postern_pending_lose(client, now);
        return;
    }
    if (!was_up && link->state == POSTERN_LINK_UP) {
        client->backoff_ms = POSTERN_BACKOFF_MS_MIN;
        client->retry_ms = 0;
    }
    take_replies(client, own, now);
}

static int as_poll_ms(uint64_t span_ms)
{
    return span_ms < INT_MAX ? (int)span_ms : INT_MAX;
}

// Receives for all, until `until_ms` at most; the lock is given back meanwhile. Only the leader, while there is a
// connection.
static void wait_and_receive(struct postern *client, struct postern_pending *pending, uint64_t until_ms)
{
    struct postern_link *link = &client->link;
    uint64_t now = postern_now_ms();
    if (until_ms <= now || link->state == POSTERN_LINK_DOWN)
        return;
    struct pollfd ready = {.fd = link->fd, .events = postern_link_events(link)};
    bool receives = link->state != POSTERN_LINK_CONNECTING; // it would take the error that says why connecting failed
    bool waits_inside = link->state == POSTERN_LINK_UP && ready.events == POLLIN &&
                        until_ms - now >= 2 * (uint64_t)POSTERN_LINK_TICK_MS;
    uint64_t span = until_ms - now < POSTERN_LINK_TICK_MS ? until_ms - now : POSTERN_LINK_TICK_MS;
    ptrdiff_t size = -1;
    int code = EAGAIN;
    pthread_mutex_unlock(&client->lock);
    if (waits_inside || (poll(&ready, 1, as_poll_ms(span)) > 0 && receives && (ready.revents & ~POLLOUT) != 0)) {
        size = postern_link_receive(link, waits_inside);
        code = errno;
    }
    pthread_mutex_lock(&client->lock);
    note_received(client, pending, size, code);
}

void postern_pending_receive(struct postern *client)
{
    struct postern_link *link = &client->link;
    if (link->state == POSTERN_LINK_DOWN)
        return;
    ptrdiff_t size = -1;
    int code = EAGAIN;
    if (link->state != POSTERN_LINK_CONNECTING) {
        size = postern_link_receive(link, false);
        code = errno;
    }
    note_received(client, NULL, size, code);
}

// ----------------------------------------------------------------------------------------------------- leading

// Wakes one of the waiting threads when nobody leads any more: it becomes the leader.
static void pass_the_lead(struct postern *client)
{
    if (!client->has_leader && client->waiting != NULL)
        postern_pending_wake(client->waiting, POSTERN_LOOK);
}

// Sleeps until somebody wakes it, wake_ms comes, or another attempt to connect is due. Gives the lock back. True: the
// answer has come, and the call is its owner's.
static bool follow(struct postern *client, struct postern_pending *pending)
{
    bool is_down = client->link.state == POSTERN_LINK_DOWN && client->queue != NULL;
    uint64_t until = is_down && client->retry_ms < pending->wake_ms ? client->retry_ms : pending->wake_ms;
    atomic_store_explicit(&pending->signal, POSTERN_SLEEP, memory_order_relaxed);
    pthread_mutex_unlock(&client->lock);
    postern_sleep_until(&pending->signal, POSTERN_SLEEP, until);
    return atomic_load_explicit(&pending->signal, memory_order_acquire) == POSTERN_ANSWER;
}

// Called with the lock, returns without it. True: the call is ANSWERED; false: it is DONE.
static bool wait_for_answer(struct postern *client, struct postern_pending *pending)
{
    for (;;) {
        postern_pending_step(client, pending, postern_now_ms());
        if (pending->state == POSTERN_PENDING_ANSWERED || pending->state == POSTERN_PENDING_DONE)
            break;
        if (client->has_leader || client->link.state == POSTERN_LINK_DOWN) {
            if (follow(client, pending))
                return true;
            pthread_mutex_lock(&client->lock);
            continue;
        }
        client->has_leader = true;
        wait_and_receive(client, pending, pending->wake_ms);
        client->has_leader = false;
    }
    pass_the_lead(client);
    bool answered = pending->state == POSTERN_PENDING_ANSWERED;
    pthread_mutex_unlock(&client->lock);
    return answered;
}

void postern_pending_wait(struct postern *client, struct postern_pending *pending)
{
    postern_lock(client);
    postern_pending_begin(client, pending, postern_now_ms());
    while (wait_for_answer(client, pending) && !postern_pending_read(client, pending)) {
        pthread_mutex_lock(&client->lock);
        postern_pending_again(client, pending, postern_now_ms());
    }
}
