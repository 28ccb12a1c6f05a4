// Looks after calls that wait for a change.
//
// A commit wakes the thread, which compares the registry's sequence with what each call has seen. Those that have not
// seen the newest go to the queue, whose threads handle them again: they may find nothing that they want, and wait once
// more. So that many small commits do not keep the queue busy, a call that has looked in vain rests for a moment. The
// thread also looks once a second by itself: for peers that have gone, and for changes of the daemon's own.
#include "rpc/watch.h"

#include "base/random.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SHARES = 1024,
    LOOK_MS = 1000,       // from one look to the next, at most
    REST_MS = 100,        // of a call that has looked in vain
    ANSWER_MS = 1000,     // before the caller's timeout the answer leaves
    FULL_RETRY_MS = 1000, // when to come again while all places are taken
    NS_PER_MS = 1000000
};

struct call_watch {
    struct call_watch_options options;
    uint64_t seed;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t wake;
    struct call *first;
    size_t count;
    bool stopping;
    uint16_t shares[SHARES]; // of those that wait, by the hash of the caller's name
};

static uint16_t *share_of(struct call_watch *watch, const struct call *call)
{
    return &watch->shares[slice_hash(slice_text(call->caller.name), watch->seed) % SHARES];
}

// --- one look at those that wait

// What has become of calls that waited, as lists.
struct outcome {
    struct call *ended;
    struct call *woken;
    uint64_t next_ms; // when the next look is due, in daemon time
};

static bool has_ended(const struct call_watch *watch, struct call *call, uint64_t now_ms)
{
    return watch->stopping || now_ms >= call->wait.until_ms || call->is_gone(call);
}

static void move(struct call_watch *watch, struct call **place, struct call **to)
{
    struct call *call = *place;
    *place = call->next;
    call->next = *to;
    *to = call;
    watch->count--;
    --*share_of(watch, call);
}

// Leaves a call where it is, until then at least; returns the place of the next one.
static struct call **stay(struct call **place, uint64_t due_ms, struct outcome *outcome)
{
    if (due_ms < outcome->next_ms)
        outcome->next_ms = due_ms;
    return &(*place)->next;
}

static struct outcome look(struct call_watch *watch, uint64_t now_ms)
{
    struct outcome outcome = {.next_ms = now_ms + LOOK_MS};
    uint64_t seq = registry_committed_seq(watch->options.registry);
    for (struct call **place = &watch->first; *place != NULL;) {
        struct call *call = *place;
        bool has_news = seq > call->wait.seen_seq && call->wait.rest_ms < call->wait.until_ms;
        uint64_t due_ms = has_news ? call->wait.rest_ms : call->wait.until_ms;
        if (has_ended(watch, call, now_ms))
            move(watch, place, &outcome.ended);
        else if (now_ms >= due_ms)
            move(watch, place, &outcome.woken);
        else
            place = stay(place, due_ms, &outcome);
    }
    return outcome;
}

static void hand_over(struct call_watch *watch, const struct outcome *outcome)
{
    for (struct call *call = outcome->ended, *next; call != NULL; call = next) {
        next = call->next;
        call->finish(call);
    }
    for (struct call *call = outcome->woken, *next; call != NULL; call = next) {
        next = call->next;
        call_queue_add_again(watch->options.queue, call);
    }
}

// --- the thread

// Waits until it is woken, for at most so long.
static void rest(struct call_watch *watch, uint64_t span_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + span_ms % 1000 * NS_PER_MS;
    until.tv_sec += (time_t)(span_ms / 1000 + ns / 1000 / NS_PER_MS);
    until.tv_nsec = (long)(ns % (1000ULL * NS_PER_MS));
    (void)pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
}

static void *watch_main(void *context)
{
    struct call_watch *watch = context;
    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping || watch->first != NULL) {
        uint64_t now_ms = clock_boot_ms(watch->options.clock);
        struct outcome outcome = look(watch, now_ms);
        if (outcome.ended != NULL || outcome.woken != NULL) {
            pthread_mutex_unlock(&watch->lock);
            hand_over(watch, &outcome);
            pthread_mutex_lock(&watch->lock);
        } else if (watch->first == NULL) {
            pthread_cond_wait(&watch->wake, &watch->lock);
        } else {
            rest(watch, outcome.next_ms - now_ms);
        }
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

// --- the door

static enum call_progress refuse(struct call *call, const char *whose)
{
    call->status_reason = "SHARE_USED_UP";
    call->retry_after_ms = FULL_RETRY_MS;
    return call_fail(call, STATUS_RESOURCE_EXHAUSTED, NULL,
                     "%s wait for changes already, as many as may: ask again when one has ended, or without wait_ms",
                     whose);
}

// Until when it may wait. Its answer has to arrive before the caller gives up.
static uint64_t until(const struct call *call, uint64_t now_ms, uint32_t wait_ms)
{
    uint64_t until_ms = now_ms + wait_ms;
    uint32_t timeout_ms = call->request->timeout_ms;
    uint32_t before_ms = timeout_ms / 4 < ANSWER_MS ? timeout_ms / 4 : ANSWER_MS;
    uint64_t latest_ms = call->received_ms + timeout_ms - before_ms;
    return timeout_ms > 0 && latest_ms < until_ms ? latest_ms : until_ms;
}

// Takes a place. *whose are the calls that have taken all of them, or NULL.
static bool take_place(struct call_watch *watch, struct call *call, const char **whose)
{
    uint16_t *share = share_of(watch, call);
    *whose = watch->count >= watch->options.calls_max ? "many calls"
             : *share >= CALL_WATCH_SHARE             ? "64 calls of yours"
                                                      : NULL;
    if (*whose != NULL || watch->stopping)
        return false;
    ++*share;
    watch->count++;
    call->next = watch->first;
    watch->first = call;
    pthread_cond_signal(&watch->wake);
    return true;
}
_Static_assert((int)CALL_WATCH_SHARE == 64, "as the words of a refusal say");

enum call_progress call_watch_add(struct call_watch *watch, struct call *call, uint64_t seen_seq, uint32_t wait_ms)
{
    uint64_t now_ms = clock_boot_ms(watch->options.clock);
    bool is_first = call->wait.tries++ == 0;
    const char *whose = NULL;
    if (is_first)
        call->wait.until_ms = until(call, now_ms, wait_ms);
    call->wait.rest_ms = is_first ? now_ms : now_ms + REST_MS;
    call->wait.seen_seq = seen_seq;
    if (now_ms >= call->wait.until_ms || call->wait.tries > CALL_WATCH_TRIES)
        return CALL_DONE;
    pthread_mutex_lock(&watch->lock);
    bool waits = take_place(watch, call, &whose);
    pthread_mutex_unlock(&watch->lock);
    if (waits)
        return CALL_PENDING;
    return whose != NULL && is_first ? refuse(call, whose) : CALL_DONE;
}

void call_watch_wake(struct call_watch *watch)
{
    if (watch == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}

static void init_wake(struct call_watch *watch)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes); // none of these fails
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&watch->lock, NULL);
}

enum status call_watch_open(const struct call_watch_options *options, struct call_watch **out)
{
    struct call_watch *watch = calloc(1, sizeof *watch);
    *out = watch;
    if (watch == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    watch->options = *options;
    random_fill(&watch->seed, sizeof watch->seed);
    init_wake(watch);
    watch->runs = thread_start(&watch->thread, "rpc-watch", watch_main, watch) == 0;
    if (watch->runs)
        return STATUS_OK;
    call_watch_close(watch);
    *out = NULL;
    return STATUS_RESOURCE_EXHAUSTED;
}

void call_watch_stop(struct call_watch *watch)
{
    if (watch == NULL || !watch->runs)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    watch->runs = false;
}

void call_watch_close(struct call_watch *watch)
{
    if (watch == NULL)
        return;
    call_watch_stop(watch);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}
