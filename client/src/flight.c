#include "flight.h"

#include "client.h"
#include "error.h"
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS_MIN = 500, // for one answer; else a quarter of what is left
    BACKOFF_MS_MIN = 10,
    BACKOFF_MS_MAX = 500,         // between two tries of a call
    CONNECT_BACKOFF_MS_MAX = 250, // between two of the connection
    // When nothing has come for so long, its peer may have vanished (not over ipc): the kernel alone would take a
    // quarter of an hour to say so.
    SILENT_MS_MAX = 2000,
    WAKE_MAX = 64,
    REQUEST_ID_BIT = INT_MIN,
    TIMEOUT_TAG = 3 << 3,
    TIMEOUT_BYTES = 5
};

uint64_t postern_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// ------------------------------------------------------------------------------------------------------- wakes

// Only the address is used: the flight may be gone by now.
static void wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void postern_flight_sleep(struct postern_flight *flight, uint64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    (void)syscall(SYS_futex, &flight->signal, FUTEX_WAIT_BITSET_PRIVATE, POSTERN_SLEEP, &until, NULL,
                  FUTEX_BITSET_MATCH_ANY);
}

void postern_flight_tell(struct postern_flight *flight, enum postern_signal signal)
{
    if (flight->is_async)
        return;
    _Atomic uint32_t *word = &flight->signal;
    atomic_store_explicit(word, signal, memory_order_release);
    wake(word);
}

// ------------------------------------------------------------------------------------------------------- frame

// Where timeout_ms stands: it is set anew each time that the request is sent.
static size_t find_timeout(const Postern__V1__Request *request)
{
    size_t at = 2 + request->request_id.len; // its size is one byte
    if (request->credential.len > 0)
        at += (request->credential.len < 0x80 ? 2U : 3U) + request->credential.len;
    return at;
}

enum postern_status postern_flight_init(struct postern_flight *flight, struct postern_ask *ask,
                                        struct postern_error *error)
{
    *flight = (struct postern_flight){.ask = ask};
    if (ask->arena.failed)
        return postern_fail_memory(error);
    ask->request.timeout_ms = UINT32_MAX; // takes all of its five bytes
    flight->size = postern__v1__request__get_packed_size(&ask->request);
    if (flight->size > POSTERN_REQUEST_MAX)
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "the request has %zu bytes, at most %d are allowed: send less at once", flight->size,
                            POSTERN_REQUEST_MAX);
    flight->frame = malloc(POSTERN_FRAME_PREFIX + flight->size);
    if (flight->frame == NULL)
        return postern_fail_memory(error);
    postern__v1__request__pack(&ask->request, flight->frame + POSTERN_FRAME_PREFIX);
    flight->timeout_at = POSTERN_FRAME_PREFIX + find_timeout(&ask->request);
    return POSTERN_OK;
}

static void wipe_bytes(uint8_t *bytes, size_t size)
{
    if (bytes != NULL)
        explicit_bzero(bytes, size);
    free(bytes);
}

void postern_flight_wipe(struct postern_flight *flight)
{
    wipe_bytes(flight->frame, POSTERN_FRAME_PREFIX + flight->size);
    wipe_bytes(flight->reply, flight->reply_size);
    flight->frame = flight->reply = NULL;
}

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

static void stop_waiting(struct postern *client, struct postern_flight *flight)
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

void postern_flight_forget(struct postern *client, struct postern_flight *flight)
{
    stop_waiting(client, flight);
}

// The owner finds it in this state, in an event loop among those to be delivered.
static void end_as(struct postern *client, struct postern_flight *flight, enum postern_flight_state state)
{
    stop_waiting(client, flight);
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
    flight->backoff_ms = BACKOFF_MS_MIN;
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
    if (flight->ask->changes_registry)
        postern_copy_text(error->message + size, sizeof error->message - size, hint);
}

static void finish(struct postern *client, struct postern_flight *flight)
{
    if (flight->unsure)
        note_unsure(flight);
    end_as(client, flight, POSTERN_FLIGHT_DONE);
    postern_flight_tell(flight, POSTERN_LOOK);
}

void postern_flight_cancel(struct postern *client, struct postern_flight *flight)
{
    flight->unsure = flight->unsure || flight->state == POSTERN_FLIGHT_SENT;
    postern_fail(&flight->error, POSTERN_CANCELLED, "the handle was closed before the answer came");
    finish(client, flight);
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
        finish(client, flight);
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
            finish(client, flight);
        return;
    case POSTERN_FLIGHT_PAUSED:
    case POSTERN_FLIGHT_ANSWERED:
    case POSTERN_FLIGHT_DONE:
        return;
    }
}

// The connection is gone, or there is none: link.failure says why.
static void lose(struct postern *client, uint64_t now_ms)
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
    finish(client, flight);
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

// False: as many are in flight as may be.
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
            finish(client, flight);
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
        finish(client, flight);
    }
}

// Not before its time, but for a call that would end before that and not even know why.
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
            lose(client, now_ms);
        else if (link->state == POSTERN_LINK_DOWN && client->fail_fast)
            fail_queued(client);
    }
    send_queued(client, now_ms);
    flush(client);
}

// --------------------------------------------------------------------------------------------------- receiving

static void hand_over(struct postern *client, const struct postern_link_reply *reply, struct postern_flight *flight)
{
    flight->reply = malloc(reply->size > 0 ? reply->size : 1);
    if (flight->reply == NULL) {
        postern_fail_memory(&flight->error);
        flight->unsure = true;
        finish(client, flight);
        return;
    }
    if (reply->size > 0)
        memcpy(flight->reply, reply->bytes, reply->size);
    flight->reply_size = reply->size;
    end_as(client, flight, POSTERN_FLIGHT_ANSWERED);
}

// Answers to calls that were given up are skipped.
static void take_replies(struct postern *client, const struct postern_flight *own, uint64_t now_ms)
{
    struct postern_link_reply reply;
    _Atomic uint32_t *woken[WAKE_MAX];
    size_t count = 0;
    enum postern_link_next next = POSTERN_NEXT_NONE;
    while (count < WAKE_MAX && (next = postern_link_next(&client->link, &reply)) == POSTERN_NEXT_REPLY) {
        struct postern_flight *flight = client->slots[reply.id % POSTERN_IN_FLIGHT_MAX];
        if (flight != NULL && flight->id == reply.id) {
            hand_over(client, &reply, flight);
            if (flight != own && !flight->is_async && flight->state == POSTERN_FLIGHT_ANSWERED) {
                woken[count++] = &flight->signal;
                atomic_store_explicit(&flight->signal, POSTERN_ANSWER, memory_order_release);
            }
        }
        postern_link_take(&client->link, &reply);
    }
    if (count > 0) { // they do not need the lock, and are not to wait for it
        pthread_mutex_unlock(&client->lock);
        for (size_t i = 0; i < count; i++)
            wake(woken[i]);
        pthread_mutex_lock(&client->lock);
    }
    if (next == POSTERN_NEXT_BAD)
        lose(client, now_ms);
    else if (count == WAKE_MAX)
        take_replies(client, own, now_ms);
}

// What was received, or why not.
static void note_received(struct postern *client, const struct postern_flight *own, ptrdiff_t size, int code)
{
    struct postern_link *link = &client->link;
    uint64_t now = postern_now_ms();
    bool was_up = link->state == POSTERN_LINK_UP;
    if (!postern_link_received(link, size, code, now) || !postern_link_advance(link, now)) {
        lose(client, now);
        return;
    }
    if (!was_up && link->state == POSTERN_LINK_UP) {
        client->backoff_ms = BACKOFF_MS_MIN;
        client->retry_ms = 0;
    }
    take_replies(client, own, now);
}

static int as_poll_ms(uint64_t span_ms)
{
    return span_ms < INT_MAX ? (int)span_ms : INT_MAX;
}

void postern_flights_wait(struct postern *client, struct postern_flight *flight, uint64_t until_ms)
{
    struct postern_link *link = &client->link;
    uint64_t now = postern_now_ms();
    if (until_ms <= now || link->state == POSTERN_LINK_DOWN)
        return;
    struct pollfd ready = {.fd = link->fd, .events = postern_link_events(link)};
    bool waits_inside = link->state == POSTERN_LINK_UP && ready.events == POLLIN &&
                        until_ms - now >= 2 * (uint64_t)POSTERN_LINK_TICK_MS;
    uint64_t span = until_ms - now < POSTERN_LINK_TICK_MS ? until_ms - now : POSTERN_LINK_TICK_MS;
    ptrdiff_t size = -1;
    int code = EAGAIN;
    pthread_mutex_unlock(&client->lock);
    if (waits_inside || (poll(&ready, 1, as_poll_ms(span)) > 0 && (ready.revents & ~POLLOUT) != 0)) {
        size = postern_link_receive(link, waits_inside);
        code = errno;
    }
    pthread_mutex_lock(&client->lock);
    note_received(client, flight, size, code);
}

void postern_flights_poll(struct postern *client)
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

// ----------------------------------------------------------------------------------------------------- answers

// posternd's own failure, as it reported it.
static void note_failure(const Postern__V1__Status *status, struct postern_error *error)
{
    *error = (struct postern_error){
        .status = postern_status_of(status->code), .answered = true, .retry_after_ms = status->retry_after_ms};
    postern_copy_text(error->reason, sizeof error->reason, postern_text_of(status->reason));
    postern_copy_text(error->field, sizeof error->field, postern_text_of(status->field));
    postern_copy_text(error->message, sizeof error->message, postern_text_of(status->message));
    if (error->message[0] == '\0')
        postern_copy_text(error->message, sizeof error->message, "posternd gave no explanation; its log may have one");
}

// A request that posternd could not read has a failure without request_id for its answer.
static bool answers_this(const struct postern_ask *ask, const Postern__V1__Reply *reply)
{
    if (reply->request_id.len == 0 && reply->status != NULL && reply->status->code != 0)
        return true;
    return reply->request_id.len == POSTERN_ID_SIZE &&
           memcmp(reply->request_id.data, ask->request_id, POSTERN_ID_SIZE) == 0;
}

// Nothing was done, and it says when to come again.
static bool asks_to_repeat(const struct postern_error *error)
{
    return error->status == POSTERN_UNAVAILABLE ||
           (error->status == POSTERN_RESOURCE_EXHAUSTED && strcmp(error->reason, "OVERLOADED") == 0);
}

// True: the error, or its absence, is final.
static bool read_reply(struct postern *client, struct postern_flight *flight)
{
    bool memory = false;
    struct postern_error *error = &flight->error;
    flight->box =
        postern_reply_unpack(flight->reply, flight->reply_size, (uint32_t)flight->ask->request.call_case, &memory);
    if (flight->box == NULL && memory) {
        postern_fail_memory(error);
        error->outcome_unknown = true;
        return true;
    }
    if (flight->box == NULL || !answers_this(flight->ask, flight->box->wire)) {
        flight->unsure = true;
        postern_fail(error, POSTERN_UNAVAILABLE,
                     "what answers at %s is not posternd, or a newer one than this program understands", client->url);
        return false;
    }
    const Postern__V1__Status *status = flight->box->wire->status;
    *error = (struct postern_error){0};
    if (status == NULL || status->code == 0)
        return true;
    note_failure(status, error);
    return !asks_to_repeat(error);
}

bool postern_flight_read(struct postern *client, struct postern_flight *flight)
{
    bool is_final = read_reply(client, flight);
    wipe_bytes(flight->reply, flight->reply_size);
    flight->reply = NULL;
    if (is_final) { // repeated changes are told apart by their request_id
        flight->error.outcome_unknown |=
            flight->unsure && flight->ask->works_once && strcmp(flight->error.reason, "CHARGE_GIVEN_BACK") == 0;
        flight->state = POSTERN_FLIGHT_DONE;
    }
    if (flight->error.status != POSTERN_OK || !is_final) {
        postern_reply_box_free(flight->box);
        flight->box = NULL;
    }
    return is_final;
}
