// A call has to end by its deadline with an answer or a definite error, while connections break and daemons restart.
//
// A pending call goes through these states:
//
//   QUEUED    waits for a connection, in the order of the calls (client->queue)
//   SENT      has an id on the connection, whose low bits are its place in client->slots
//   PAUSED    is to be sent again, not before wake_ms
//   ANSWERED  its owner reads the reply, without the lock; when that says "again", it is PAUSED
//   DONE      its `error` says how it ended
//
// Three things move it:
//
//   the clock       (look_at_clock) wake_ms is the next moment at which anything has to happen to the call, so one
//                   comparison finds a deadline that has passed, a pause that is over, and an answer that is too late.
//                   Then the call is sent again; posternd knows a repeated change by its request_id.
//   the connection  (send_queued, postern_pending_lose) takes what is queued; when it breaks, what was sent is paused.
//   the answer      (receive.c, answer.c) ends the call, or says that it is to be sent again.
//
// postern_pending_step does all that can be done now without waiting, and is called after every change. Pauses double
// up to half a second, with jitter; so do those between two attempts to connect, up to a quarter.
//
// Two flags matter when a call fails: `error` holds the latest cause, which is reported if the deadline comes first;
// `unsure` says that posternd may have carried the call out, so that the error says that its outcome is unknown.
//
// Lists: a call that is not answered is in client->waiting (doubly linked: next, previous). `after` links it in one
// more list at a time: the queue or, in an event loop, those that are finished and not delivered.
#include "pending.h"

#include "error.h"
#include "handle.h"
#include "system.h"

#include <limits.h>
#include <string.h>

enum {
    PATIENCE_MS_MIN = 500,        // for one answer; else a quarter of what is left
    BACKOFF_MS_MAX = 500,         // between two tries of a call
    CONNECT_BACKOFF_MS_MAX = 250, // between two of the connection
    // When nothing has come for so long, its peer may have vanished (not over ipc): the kernel alone would take a
    // quarter of an hour to say so.
    SILENT_MS_MAX = 2000,
    REQUEST_ID_BIT = INT_MIN,
    TIMEOUT_TAG = 3 << 3, // of timeout_ms in a request
    TIMEOUT_BYTES = 5
};

// ------------------------------------------------------------------------------------------------------- lists

static void note_timer(struct postern *client, const struct postern_pending *pending)
{
    if (pending->is_async && pending->wake_ms < client->timer_ms)
        client->timer_ms = pending->wake_ms;
}

static void enqueue(struct postern *client, struct postern_pending *pending)
{
    pending->state = POSTERN_PENDING_QUEUED;
    pending->wake_ms = pending->deadline_ms;
    pending->after = NULL;
    *client->queue_end = pending;
    client->queue_end = &pending->after;
    note_timer(client, pending);
}

static void unqueue(struct postern *client, struct postern_pending *pending)
{
    struct postern_pending **place = &client->queue;
    while (*place != NULL && *place != pending)
        place = &(*place)->after;
    if (*place == NULL)
        return;
    *place = pending->after;
    if (client->queue_end == &pending->after)
        client->queue_end = place;
}

static void free_slot(struct postern *client, struct postern_pending *pending)
{
    struct postern_pending **slot = &client->slots[pending->id % POSTERN_PENDING_MAX];
    if (pending->id != 0 && *slot == pending)
        *slot = NULL;
    pending->id = 0;
}

void postern_pending_forget(struct postern *client, struct postern_pending *pending)
{
    if (pending->state == POSTERN_PENDING_QUEUED)
        unqueue(client, pending);
    free_slot(client, pending);
    if (pending->previous != NULL)
        pending->previous->next = pending->next;
    else if (client->waiting == pending)
        client->waiting = pending->next;
    if (pending->next != NULL)
        pending->next->previous = pending->previous;
    pending->next = pending->previous = NULL;
}

static void start_waiting(struct postern *client, struct postern_pending *pending)
{
    pending->next = client->waiting;
    pending->previous = NULL;
    if (client->waiting != NULL)
        client->waiting->previous = pending;
    client->waiting = pending;
}

void postern_pending_end_as(struct postern *client, struct postern_pending *pending, enum postern_pending_state state)
{
    postern_pending_forget(client, pending);
    pending->state = state;
    if (!pending->is_async)
        return;
    pending->after = NULL;
    *client->finished_end = pending;
    client->finished_end = &pending->after;
}

void postern_pending_begin(struct postern *client, struct postern_pending *pending, uint64_t now_ms)
{
    pending->deadline_ms = now_ms + pending->ask->timeout_ms;
    pending->backoff_ms = POSTERN_BACKOFF_MS_MIN;
    start_waiting(client, pending);
    enqueue(client, pending);
}

// ---------------------------------------------------------------------------------------------------- failures

void postern_pending_note_unsure(struct postern_pending *pending)
{
    static const char hint[] = "; the change may have been made all the same: look before you repeat it";
    struct postern_error *error = &pending->error;
    error->outcome_unknown = true;
    size_t size = strlen(error->message);
    if (pending->ask->method->changes_registry)
        postern_copy_text(error->message + size, sizeof error->message - size, hint);
}

void postern_pending_wake(struct postern_pending *pending, enum postern_signal signal)
{
    if (pending->is_async)
        return;
    _Atomic uint32_t *word = &pending->signal;
    atomic_store_explicit(word, signal, memory_order_release);
    postern_wake(word);
}

void postern_pending_finish(struct postern *client, struct postern_pending *pending)
{
    if (pending->unsure)
        postern_pending_note_unsure(pending);
    postern_pending_end_as(client, pending, POSTERN_PENDING_DONE);
    postern_pending_wake(pending, POSTERN_LOOK);
}

void postern_pending_cancel(struct postern *client, struct postern_pending *pending)
{
    pending->unsure = pending->unsure || pending->state == POSTERN_PENDING_SENT;
    postern_fail(&pending->error, POSTERN_CANCELLED, "the handle was closed before the answer came");
    postern_pending_finish(client, pending);
}

// Between half of the span and the whole, so that clients that failed together do not come back together.
static uint64_t jittered(struct postern *client, uint64_t span_ms)
{
    uint32_t random = 0;
    if (!postern_client_random(client, &random, sizeof random))
        return span_ms;
    return span_ms - random % (span_ms / 2 + 1);
}

static uint64_t doubled(uint64_t span_ms, uint64_t max_ms)
{
    return span_ms * 2 < max_ms ? span_ms * 2 : max_ms;
}

// Sends it again after a pause, or ends it with its error when the deadline would pass meanwhile.
static void pause_call(struct postern *client, struct postern_pending *pending, uint64_t now_ms)
{
    uint64_t pause = jittered(client, pending->backoff_ms);
    if (pause < pending->error.retry_after_ms)
        pause = pending->error.retry_after_ms;
    pending->backoff_ms = doubled(pending->backoff_ms, BACKOFF_MS_MAX);
    if (now_ms + pause >= pending->deadline_ms) {
        postern_pending_finish(client, pending);
        return;
    }
    free_slot(client, pending);
    pending->state = POSTERN_PENDING_PAUSED;
    pending->wake_ms = now_ms + pause;
    note_timer(client, pending);
    postern_pending_wake(pending, POSTERN_LOOK);
}

void postern_pending_again(struct postern *client, struct postern_pending *pending, uint64_t now_ms)
{
    start_waiting(client, pending);
    pause_call(client, pending, now_ms);
}

static void take_cause(struct postern *client, struct postern_pending *pending)
{
    const struct postern_link_failure *failure = &client->link.failure;
    pending->error = (struct postern_error){.status = failure->status};
    postern_copy_text(pending->error.message, sizeof pending->error.message, failure->message);
}

static void lose_call(struct postern *client, struct postern_pending *pending, uint64_t now_ms)
{
    switch (pending->state) {
    case POSTERN_PENDING_SENT:
        take_cause(client, pending);
        pending->unsure = true;
        pause_call(client, pending, now_ms);
        return;
    case POSTERN_PENDING_QUEUED:
        take_cause(client, pending);
        if (client->link.failure.final || client->fail_fast)
            postern_pending_finish(client, pending);
        return;
    case POSTERN_PENDING_PAUSED:
    case POSTERN_PENDING_ANSWERED:
    case POSTERN_PENDING_DONE:
        return;
    }
}

void postern_pending_lose(struct postern *client, uint64_t now_ms)
{
    struct postern_pending *pending = client->waiting;
    client->retry_ms = now_ms + jittered(client, client->backoff_ms);
    client->backoff_ms = doubled(client->backoff_ms, CONNECT_BACKOFF_MS_MAX);
    while (pending != NULL) {
        struct postern_pending *next = pending->next;
        lose_call(client, pending, now_ms);
        pending = next;
    }
}

// ------------------------------------------------------------------------------------------------------- clock

static void expire(struct postern *client, struct postern_pending *pending)
{
    if (pending->state == POSTERN_PENDING_SENT) {
        pending->unsure = true;
        postern_fail(&pending->error, POSTERN_DEADLINE_EXCEEDED, "posternd at %s did not answer within %g s",
                     client->url, pending->ask->timeout_ms / 1000.0);
    } else if (pending->error.status == POSTERN_OK) {
        const bool is_connected = client->link.state == POSTERN_LINK_GREETING;
        postern_fail(&pending->error, POSTERN_UNAVAILABLE, "cannot reach posternd at %s: %s within %g s%s", client->url,
                     is_connected ? "it takes connections and does not answer" : "no connection",
                     pending->ask->timeout_ms / 1000.0,
                     is_connected ? "; look at its log" : ": is that its address, and does a firewall let it through?");
    }
    postern_pending_finish(client, pending);
}

// No answer for too long: it is asked again.
static void give_up_waiting(struct postern *client, struct postern_pending *pending, uint64_t now_ms)
{
    bool may_vanish = client->target.scheme != POSTERN_IPC;
    if (may_vanish && now_ms - client->link.heard_ms >= SILENT_MS_MAX && client->link.state == POSTERN_LINK_UP)
        postern_link_break(&client->link);
    pending->unsure = true;
    postern_fail(&pending->error, POSTERN_DEADLINE_EXCEEDED, "posternd at %s did not answer within %g s", client->url,
                 pending->ask->timeout_ms / 1000.0);
    pause_call(client, pending, now_ms);
}

static void look_at_clock(struct postern *client, struct postern_pending *pending, uint64_t now_ms)
{
    if (now_ms < pending->wake_ms)
        return;
    if (now_ms >= pending->deadline_ms)
        expire(client, pending);
    else if (pending->state == POSTERN_PENDING_SENT)
        give_up_waiting(client, pending, now_ms);
    else if (pending->state == POSTERN_PENDING_PAUSED)
        enqueue(client, pending);
}

static void look_at_all(struct postern *client, uint64_t now_ms)
{
    if (now_ms < client->timer_ms)
        return;
    client->timer_ms = UINT64_MAX;
    struct postern_pending *pending = client->waiting;
    while (pending != NULL) {
        struct postern_pending *next = pending->next;
        look_at_clock(client, pending, now_ms);
        pending = next;
    }
    for (pending = client->waiting; pending != NULL; pending = pending->next)
        note_timer(client, pending);
}

// ----------------------------------------------------------------------------------------------------- sending

// Writes a varint that always has the same size, which protobuf allows.
static void set_timeout(struct postern_pending *pending, uint64_t left_ms)
{
    uint8_t *at = pending->frame + pending->timeout_at;
    uint32_t value = left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX;
    if (*at++ != TIMEOUT_TAG)
        return; // cannot be
    for (unsigned i = 0; i < TIMEOUT_BYTES; i++)
        at[i] = (uint8_t)((value >> (7 * i) & 0x7F) | (i + 1 < TIMEOUT_BYTES ? 0x80 : 0));
}

// False: the connection has as many calls as it may have.
static bool take_slot(struct postern *client, struct postern_pending *pending)
{
    for (unsigned tries = 0; tries < POSTERN_PENDING_MAX; tries++) {
        uint32_t id = ++client->last_id | (uint32_t)REQUEST_ID_BIT;
        struct postern_pending **slot = &client->slots[id % POSTERN_PENDING_MAX];
        if (*slot != NULL)
            continue;
        *slot = pending;
        pending->id = id;
        return true;
    }
    return false;
}

// How long an answer may take. A wait that was asked for is no failure to answer.
static uint64_t patience_ms(const struct postern_pending *pending, uint64_t left_ms)
{
    uint64_t wait_ms = pending->ask->wait_ms < left_ms ? pending->ask->wait_ms : left_ms;
    uint64_t quarter_ms = (left_ms - wait_ms) / 4;
    return wait_ms + (quarter_ms > PATIENCE_MS_MIN ? quarter_ms : PATIENCE_MS_MIN);
}

static void send_queued(struct postern *client, uint64_t now_ms)
{
    while (client->queue != NULL && client->link.state == POSTERN_LINK_UP) {
        struct postern_pending *pending = client->queue;
        uint64_t left = pending->deadline_ms > now_ms ? pending->deadline_ms - now_ms : 1;
        uint64_t patience = patience_ms(pending, left);
        if (!take_slot(client, pending))
            return;
        unqueue(client, pending);
        set_timeout(pending, left);
        pending->state = POSTERN_PENDING_SENT;
        pending->wake_ms = now_ms + (patience < left ? patience : left);
        note_timer(client, pending);
        if (!postern_link_add(&client->link, pending->id, pending->frame, pending->size)) {
            postern_fail_memory(&pending->error);
            postern_pending_finish(client, pending);
        }
    }
}

static void flush(struct postern *client)
{
    struct postern_link_piece piece;
    bool sends = postern_link_begin_send(&client->link, &piece);
    while (sends) {
        pthread_mutex_unlock(&client->lock);
        ptrdiff_t sent = postern_link_send(&piece);
        pthread_mutex_lock(&client->lock);
        sends = postern_link_sent(&client->link, sent, &piece);
    }
}

static void fail_queued(struct postern *client)
{
    while (client->queue != NULL) {
        struct postern_pending *pending = client->queue;
        take_cause(client, pending);
        postern_pending_finish(client, pending);
    }
}

// Not before retry_ms; except when the first call would end before that without any cause to report.
static bool may_connect(const struct postern *client, uint64_t now_ms)
{
    const struct postern_pending *first = client->queue;
    return now_ms >= client->retry_ms ||
           (first->error.status == POSTERN_OK && first->deadline_ms <= client->retry_ms && !client->fail_fast);
}

void postern_pending_step(struct postern *client, struct postern_pending *pending, uint64_t now_ms)
{
    struct postern_link *link = &client->link;
    if (pending == NULL)
        look_at_all(client, now_ms);
    else if (pending->state != POSTERN_PENDING_ANSWERED && pending->state != POSTERN_PENDING_DONE)
        look_at_clock(client, pending, now_ms);
    if (link->state == POSTERN_LINK_DOWN && client->queue != NULL) {
        if (may_connect(client, now_ms) && !postern_link_connect(link, now_ms))
            postern_pending_lose(client, now_ms);
        else if (link->state == POSTERN_LINK_DOWN && client->fail_fast)
            fail_queued(client);
    }
    send_queued(client, now_ms);
    flush(client);
}
