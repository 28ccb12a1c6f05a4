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
//   the connection  (send_queued, postern_flights_lose) takes what is queued; when it breaks, what was sent is paused.
//   the answer      (receive.c, reply.c) ends the call, or says that it is to be sent again.
//
// postern_flights_step does all that can be done now without waiting, and is called after every change. Pauses double
// up to half a second, with jitter; so do those between two attempts to connect, up to a quarter.
//
// Two flags matter when a call fails: `error` holds the latest cause, which is reported if the deadline comes first;
// `unsure` says that posternd may have carried the call out, so that the error says that its outcome is unknown.
//
// Lists: a call that is not answered is in client->waiting (doubly linked: next, previous). `after` links it in one
// more list at a time: the queue or, in an event loop, those that are finished and not delivered.
#include "flight.h"

#include "client.h"
#include "error.h"

#include <limits.h>
#include <string.h>
#include <time.h>

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

uint64_t postern_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// ------------------------------------------------------------------------------------------------------- lists

static void note_timer(struct postern *client, const struct postern_flight *flight)
{
    if (flight->is_async && flight->wake_ms < client->timer_ms)
        client->timer_ms = flight->wake_ms;
}

static void enqueue(struct postern *client, struct postern_flight *flight)
{
    flight->state = POSTERN_FLIGHT_QUEUED;
    flight->wake_ms = flight->deadline_ms;
    flight->after = NULL;
    *client->queue_end = flight;
    client->queue_end = &flight->after;
    note_timer(client, flight);
}

static void unqueue(struct postern *client, struct postern_flight *flight)
{
    struct postern_flight **place = &client->queue;
    while (*place != NULL && *place != flight)
        place = &(*place)->after;
    if (*place == NULL)
        return;
    *place = flight->after;
    if (client->queue_end == &flight->after)
        client->queue_end = place;
}

static void free_slot(struct postern *client, struct postern_flight *flight)
{
    struct postern_flight **slot = &client->slots[flight->id % POSTERN_IN_FLIGHT_MAX];
    if (flight->id != 0 && *slot == flight)
        *slot = NULL;
    flight->id = 0;
}

void postern_flight_forget(struct postern *client, struct postern_flight *flight)
{
    if (flight->state == POSTERN_FLIGHT_QUEUED)
        unqueue(client, flight);
    free_slot(client, flight);
    if (flight->previous != NULL)
        flight->previous->next = flight->next;
    else if (client->waiting == flight)
        client->waiting = flight->next;
    if (flight->next != NULL)
        flight->next->previous = flight->previous;
    flight->next = flight->previous = NULL;
}

static void start_waiting(struct postern *client, struct postern_flight *flight)
{
    flight->next = client->waiting;
    flight->previous = NULL;
    if (client->waiting != NULL)
        client->waiting->previous = flight;
    client->waiting = flight;
}

void postern_flight_end_as(struct postern *client, struct postern_flight *flight, enum postern_flight_state state)
{
    postern_flight_forget(client, flight);
    flight->state = state;
    if (!flight->is_async)
        return;
    flight->after = NULL;
    *client->finished_end = flight;
    client->finished_end = &flight->after;
}

void postern_flight_begin(struct postern *client, struct postern_flight *flight, uint64_t now_ms)
{
    flight->deadline_ms = now_ms + flight->ask->timeout_ms;
    flight->backoff_ms = POSTERN_BACKOFF_MS_MIN;
    start_waiting(client, flight);
    enqueue(client, flight);
}

// ---------------------------------------------------------------------------------------------------- failures

static void note_unsure(struct postern_flight *flight)
{
    static const char hint[] = "; the change may have been made all the same: look before you repeat it";
    struct postern_error *error = &flight->error;
    error->outcome_unknown = true;
    size_t size = strlen(error->message);
    if (flight->ask->method->changes_registry)
        postern_copy_text(error->message + size, sizeof error->message - size, hint);
}

void postern_flight_finish(struct postern *client, struct postern_flight *flight)
{
    if (flight->unsure)
        note_unsure(flight);
    postern_flight_end_as(client, flight, POSTERN_FLIGHT_DONE);
    postern_flight_tell(flight, POSTERN_LOOK);
}

void postern_flight_cancel(struct postern *client, struct postern_flight *flight)
{
    flight->unsure = flight->unsure || flight->state == POSTERN_FLIGHT_SENT;
    postern_fail(&flight->error, POSTERN_CANCELLED, "the handle was closed before the answer came");
    postern_flight_finish(client, flight);
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
static void pause_flight(struct postern *client, struct postern_flight *flight, uint64_t now_ms)
{
    uint64_t pause = jittered(client, flight->backoff_ms);
    if (pause < flight->error.retry_after_ms)
        pause = flight->error.retry_after_ms;
    flight->backoff_ms = doubled(flight->backoff_ms, BACKOFF_MS_MAX);
    if (now_ms + pause >= flight->deadline_ms) {
        postern_flight_finish(client, flight);
        return;
    }
    free_slot(client, flight);
    flight->state = POSTERN_FLIGHT_PAUSED;
    flight->wake_ms = now_ms + pause;
    note_timer(client, flight);
    postern_flight_tell(flight, POSTERN_LOOK);
}

void postern_flight_again(struct postern *client, struct postern_flight *flight, uint64_t now_ms)
{
    start_waiting(client, flight);
    pause_flight(client, flight, now_ms);
}

static void take_cause(struct postern *client, struct postern_flight *flight)
{
    const struct postern_link_failure *failure = &client->link.failure;
    flight->error = (struct postern_error){.status = failure->status};
    postern_copy_text(flight->error.message, sizeof flight->error.message, failure->message);
}

static void lose_flight(struct postern *client, struct postern_flight *flight, uint64_t now_ms)
{
    switch (flight->state) {
    case POSTERN_FLIGHT_SENT:
        take_cause(client, flight);
        flight->unsure = true;
        pause_flight(client, flight, now_ms);
        return;
    case POSTERN_FLIGHT_QUEUED:
        take_cause(client, flight);
        if (client->link.failure.final || client->fail_fast)
            postern_flight_finish(client, flight);
        return;
    case POSTERN_FLIGHT_PAUSED:
    case POSTERN_FLIGHT_ANSWERED:
    case POSTERN_FLIGHT_DONE:
        return;
    }
}

void postern_flights_lose(struct postern *client, uint64_t now_ms)
{
    struct postern_flight *flight = client->waiting;
    client->retry_ms = now_ms + jittered(client, client->backoff_ms);
    client->backoff_ms = doubled(client->backoff_ms, CONNECT_BACKOFF_MS_MAX);
    while (flight != NULL) {
        struct postern_flight *next = flight->next;
        lose_flight(client, flight, now_ms);
        flight = next;
    }
}

// ------------------------------------------------------------------------------------------------------- clock

static void expire(struct postern *client, struct postern_flight *flight)
{
    if (flight->state == POSTERN_FLIGHT_SENT) {
        flight->unsure = true;
        postern_fail(&flight->error, POSTERN_DEADLINE_EXCEEDED, "posternd at %s did not answer within %u ms",
                     client->url, flight->ask->timeout_ms);
    } else if (flight->error.status == POSTERN_OK) {
        postern_fail(&flight->error, POSTERN_UNAVAILABLE, "cannot reach posternd at %s: no connection within %u ms",
                     client->url, flight->ask->timeout_ms);
    }
    postern_flight_finish(client, flight);
}

// No answer for too long: it is asked again.
static void give_up_waiting(struct postern *client, struct postern_flight *flight, uint64_t now_ms)
{
    bool may_vanish = client->target.scheme != POSTERN_IPC;
    if (may_vanish && now_ms - client->link.heard_ms >= SILENT_MS_MAX && client->link.state == POSTERN_LINK_UP)
        postern_link_break(&client->link);
    flight->unsure = true;
    postern_fail(&flight->error, POSTERN_DEADLINE_EXCEEDED, "posternd at %s did not answer within %u ms", client->url,
                 flight->ask->timeout_ms);
    pause_flight(client, flight, now_ms);
}

static void look_at_clock(struct postern *client, struct postern_flight *flight, uint64_t now_ms)
{
    if (now_ms < flight->wake_ms)
        return;
    if (now_ms >= flight->deadline_ms)
        expire(client, flight);
    else if (flight->state == POSTERN_FLIGHT_SENT)
        give_up_waiting(client, flight, now_ms);
    else if (flight->state == POSTERN_FLIGHT_PAUSED)
        enqueue(client, flight);
}

static void look_at_all(struct postern *client, uint64_t now_ms)
{
    if (now_ms < client->timer_ms)
        return;
    client->timer_ms = UINT64_MAX;
    struct postern_flight *flight = client->waiting;
    while (flight != NULL) {
        struct postern_flight *next = flight->next;
        look_at_clock(client, flight, now_ms);
        flight = next;
    }
    for (flight = client->waiting; flight != NULL; flight = flight->next)
        note_timer(client, flight);
}

// ----------------------------------------------------------------------------------------------------- sending

// As a varint of always the same size, which protobuf allows.
static void set_timeout(struct postern_flight *flight, uint64_t left_ms)
{
    uint8_t *at = flight->frame + flight->timeout_at;
    uint32_t value = left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX;
    if (*at++ != TIMEOUT_TAG)
        return; // cannot be
    for (unsigned i = 0; i < TIMEOUT_BYTES; i++)
        at[i] = (uint8_t)((value >> (7 * i) & 0x7F) | (i + 1 < TIMEOUT_BYTES ? 0x80 : 0));
}

// False: the connection has as many calls as it may have.
static bool take_slot(struct postern *client, struct postern_flight *flight)
{
    for (unsigned tries = 0; tries < POSTERN_IN_FLIGHT_MAX; tries++) {
        uint32_t id = ++client->last_id | (uint32_t)REQUEST_ID_BIT;
        struct postern_flight **slot = &client->slots[id % POSTERN_IN_FLIGHT_MAX];
        if (*slot != NULL)
            continue;
        *slot = flight;
        flight->id = id;
        return true;
    }
    return false;
}

static void send_queued(struct postern *client, uint64_t now_ms)
{
    while (client->queue != NULL && client->link.state == POSTERN_LINK_UP) {
        struct postern_flight *flight = client->queue;
        uint64_t left = flight->deadline_ms > now_ms ? flight->deadline_ms - now_ms : 1;
        uint64_t patience = left / 4 > PATIENCE_MS_MIN ? left / 4 : PATIENCE_MS_MIN;
        if (!take_slot(client, flight))
            return;
        unqueue(client, flight);
        set_timeout(flight, left);
        flight->state = POSTERN_FLIGHT_SENT;
        flight->wake_ms = now_ms + (patience < left ? patience : left);
        note_timer(client, flight);
        if (!postern_link_add(&client->link, flight->id, flight->frame, flight->size)) {
            postern_fail_memory(&flight->error);
            postern_flight_finish(client, flight);
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
        struct postern_flight *flight = client->queue;
        take_cause(client, flight);
        postern_flight_finish(client, flight);
    }
}

// Not before retry_ms; except when the first call would end before that without any cause to report.
static bool may_connect(const struct postern *client, uint64_t now_ms)
{
    const struct postern_flight *first = client->queue;
    return now_ms >= client->retry_ms ||
           (first->error.status == POSTERN_OK && first->deadline_ms <= client->retry_ms && !client->fail_fast);
}

void postern_flights_step(struct postern *client, struct postern_flight *flight, uint64_t now_ms)
{
    struct postern_link *link = &client->link;
    if (flight == NULL)
        look_at_all(client, now_ms);
    else if (flight->state != POSTERN_FLIGHT_ANSWERED && flight->state != POSTERN_FLIGHT_DONE)
        look_at_clock(client, flight, now_ms);
    if (link->state == POSTERN_LINK_DOWN && client->queue != NULL) {
        if (may_connect(client, now_ms) && !postern_link_connect(link, now_ms))
            postern_flights_lose(client, now_ms);
        else if (link->state == POSTERN_LINK_DOWN && client->fail_fast)
            fail_queued(client);
    }
    send_queued(client, now_ms);
    flush(client);
}
