#include "call.h"

#include "error.h"
#include "exchange.h"
#include "wire.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum {
    REQUEST_BUDGET_BYTES = 4 * 1024 * 1024, // far more than 64 KiB on the wire can need
    PATIENCE_MS_MIN = 500,                  // for one reply; else a quarter of what is left
    BACKOFF_MS_MIN = 10,
    BACKOFF_MS_MAX = 500
};

// ---------------------------------------------------------------------------------------------------- request

bool postern_random(void *out, size_t size_bytes)
{
    for (;;) {
        ssize_t got = getrandom(out, size_bytes, 0); // up to 256 bytes come whole
        if (got == (ssize_t)size_bytes)
            return true;
        if (got >= 0 || errno != EINTR)
            return false;
    }
}

enum postern_status postern_id_make(uint8_t id[POSTERN_ID_SIZE], struct postern_error *error)
{
    if (error != NULL)
        *error = (struct postern_error){0};
    if (postern_random(id, POSTERN_ID_SIZE))
        return POSTERN_OK;
    return postern_fail(error, POSTERN_INTERNAL, "the system gave no random bytes: %s", strerror(errno));
}

enum postern_status postern_ask_init(struct postern *client, const struct postern_call *options,
                                     struct postern_ask *ask, struct postern_error *error)
{
    *ask = (struct postern_ask){.arena = {.budget_bytes = REQUEST_BUDGET_BYTES}};
    if (error != NULL)
        *error = (struct postern_error){0};
    uint8_t random[2 * POSTERN_ID_SIZE];
    if (!postern_random(random, sizeof random))
        return postern_fail(error, POSTERN_INTERNAL, "the system gave no random bytes: %s", strerror(errno));
    memcpy(ask->request_id, options->request_id != NULL ? options->request_id : random, POSTERN_ID_SIZE);
    memcpy(ask->charge_id, random + POSTERN_ID_SIZE, POSTERN_ID_SIZE);
    ask->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : client->timeout_ms;
    postern__v1__request__init(&ask->request);
    ask->request.request_id = postern_wire_bytes(ask->request_id, POSTERN_ID_SIZE);
    ask->request.credential = postern_wire_text(client->api_key);
    ask->request.traceparent = postern_wire_text(options->traceparent);
    ask->request.min_seq = options->min_seq;
    return POSTERN_OK;
}

void postern_ask_wipe(struct postern_ask *ask)
{
    postern_arena_wipe(&ask->arena);
}

// ----------------------------------------------------------------------------------------------------- answer

enum postern_status postern_status_of(uint32_t code)
{
    return code <= POSTERN_UNAUTHENTICATED ? (enum postern_status)code : POSTERN_UNKNOWN;
}

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

// What came of one attempt, beside the error.
enum attempt {
    DONE,   // the error (or its absence) is final
    WAITED, // not carried out, and it has waited already: repeat at once
    AGAIN,  // not carried out: repeat
    UNSURE  // sent, and it may have been carried out: repeat
};

static enum attempt read_reply(const struct postern *client, const struct postern_ask *ask, nng_msg *message,
                               struct postern_reply_box **box, struct postern_error *error)
{
    bool memory = false;
    *box = postern_reply_unpack(nng_msg_body(message), nng_msg_len(message), (uint32_t)ask->request.call_case, &memory);
    postern_message_wipe(message);
    if (*box == NULL && memory) {
        postern_fail_memory(error);
        error->outcome_unknown = true;
        return DONE;
    }
    if (*box == NULL || !answers_this(ask, (*box)->wire)) {
        postern_fail(error, POSTERN_UNAVAILABLE,
                     "what answers at %s is not posternd, or a newer one than this program understands", client->url);
        return UNSURE;
    }
    const Postern__V1__Status *status = (*box)->wire->status;
    if (status == NULL || status->code == 0) {
        *error = (struct postern_error){0};
        return DONE;
    }
    note_failure(status, error);
    return error->status == POSTERN_UNAVAILABLE ? AGAIN : DONE;
}

// -------------------------------------------------------------------------------------------------- repetition

static enum attempt attempt_once(struct postern *client, struct postern_ask *ask, uint64_t deadline_ms,
                                 struct postern_reply_box **box, struct postern_error *error)
{
    uint64_t now = postern_now_ms();
    uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
    uint64_t patience = left / 4 > PATIENCE_MS_MIN ? left / 4 : PATIENCE_MS_MIN;
    ask->request.timeout_ms = left > 0 ? (uint32_t)left : 1;
    nng_msg *message = NULL;
    enum postern_outcome outcome = postern_exchange(client, &ask->request, deadline_ms, patience, &message);
    switch (outcome) {
    case POSTERN_GOT_REPLY:
        return read_reply(client, ask, message, box, error);
    case POSTERN_NOT_CONNECTED:
    case POSTERN_NOT_SENT:
        postern_fail(error, POSTERN_UNAVAILABLE,
                     "cannot reach posternd at %s: is it running? (posternd --data DIR --listen %s)", client->url,
                     client->url);
        return outcome == POSTERN_NOT_CONNECTED ? WAITED : AGAIN;
    case POSTERN_LOST:
        postern_fail(error, POSTERN_UNAVAILABLE, "the connection to posternd at %s was lost before the answer came",
                     client->url);
        return UNSURE;
    case POSTERN_SILENT:
        postern_fail(error, POSTERN_DEADLINE_EXCEEDED, "posternd at %s did not answer within %u ms", client->url,
                     ask->timeout_ms);
        return UNSURE;
    case POSTERN_NO_MEMORY:
        break;
    }
    postern_fail_memory(error);
    return DONE;
}

// Between half of the span and the whole, so that clients that failed together do not come back together.
static uint64_t jittered(uint64_t span_ms)
{
    uint32_t random = 0;
    if (!postern_random(&random, sizeof random))
        return span_ms;
    return span_ms - random % (span_ms / 2 + 1);
}

static void sleep_ms(uint64_t span_ms)
{
    struct timespec left = {.tv_sec = (time_t)(span_ms / 1000), .tv_nsec = (long)(span_ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

// False when the deadline would pass meanwhile.
static bool pause_before_repeating(uint64_t *backoff_ms, uint32_t retry_after_ms, uint64_t deadline_ms)
{
    uint64_t pause = jittered(*backoff_ms);
    if (pause < retry_after_ms)
        pause = retry_after_ms;
    *backoff_ms = *backoff_ms * 2 < BACKOFF_MS_MAX ? *backoff_ms * 2 : BACKOFF_MS_MAX;
    if (postern_now_ms() + pause >= deadline_ms)
        return false;
    sleep_ms(pause);
    return true;
}

static void note_unsure(const struct postern_ask *ask, struct postern_error *error)
{
    static const char hint[] = "; the change may have been made all the same: look before you repeat it";
    error->outcome_unknown = true;
    size_t size = strlen(error->message);
    if (ask->changes_registry)
        postern_copy_text(error->message + size, sizeof error->message - size, hint);
}

static void repeat_until_done(struct postern *client, struct postern_ask *ask, struct postern_reply_box **box,
                              struct postern_error *error)
{
    uint64_t deadline = postern_now_ms() + ask->timeout_ms;
    uint64_t backoff = BACKOFF_MS_MIN;
    bool unsure = false;
    for (;;) {
        enum attempt attempt = attempt_once(client, ask, deadline, box, error);
        if (attempt == DONE) { // a definite answer; repeated changes are told apart by their request_id
            error->outcome_unknown |= unsure && ask->works_once && strcmp(error->reason, "CHARGE_GIVEN_BACK") == 0;
            return;
        }
        unsure = unsure || attempt == UNSURE;
        if (*box != NULL) {
            postern_reply_box_free(*box);
            *box = NULL;
        }
        if (attempt == WAITED && postern_now_ms() < deadline)
            continue;
        if (!pause_before_repeating(&backoff, error->retry_after_ms, deadline))
            break;
    }
    if (unsure)
        note_unsure(ask, error);
}

// ----------------------------------------------------------------------------------------------------- perform

static enum postern_status check_request(struct postern_ask *ask, struct postern_error *error)
{
    if (ask->arena.failed)
        return postern_fail_memory(error);
    ask->request.timeout_ms = UINT32_MAX; // as large as it may become
    size_t size = postern__v1__request__get_packed_size(&ask->request);
    if (size > POSTERN_REQUEST_MAX)
        return postern_fail(error, POSTERN_INVALID_ARGUMENT,
                            "the request has %zu bytes, at most %d are allowed: send less at once", size,
                            POSTERN_REQUEST_MAX);
    return POSTERN_OK;
}

enum postern_status postern_ask_perform(struct postern *client, struct postern_ask *ask, struct postern_reply_box **box,
                                        struct postern_error *error)
{
    struct postern_error unwanted;
    error = error != NULL ? error : &unwanted;
    *box = NULL;
    enum postern_status status = check_request(ask, error);
    if (status != POSTERN_OK)
        return status;
    repeat_until_done(client, ask, box, error);
    if (error->status != POSTERN_OK) {
        postern_reply_box_free(*box);
        *box = NULL;
    }
    return error->status;
}

enum postern_status postern_ask_finish(struct postern_reply_box *box, void *reply, struct postern_error *error)
{
    if (reply != NULL && !box->arena.failed)
        return POSTERN_OK;
    postern_reply_box_free(box);
    return postern_fail_memory(error);
}

enum postern_status postern_ask_answer(struct postern *client, struct postern_ask *ask,
                                       void *(*make)(struct postern_reply_box *box), void **reply,
                                       struct postern_error *error)
{
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_perform(client, ask, &box, error);
    postern_ask_wipe(ask);
    if (status != POSTERN_OK)
        return status;
    void *made = make(box);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}
