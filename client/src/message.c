// The bytes of one call: its request, and what came for it.
#include "client.h"
#include "error.h"
#include "flight_parts.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_TAG = 3 << 3, TIMEOUT_BYTES = 5 };

// ----------------------------------------------------------------------------------------------------- request

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

void postern_bytes_wipe(uint8_t *bytes, size_t size)
{
    if (bytes != NULL)
        explicit_bzero(bytes, size);
    free(bytes);
}

void postern_flight_wipe(struct postern_flight *flight)
{
    postern_bytes_wipe(flight->frame, POSTERN_FRAME_PREFIX + flight->size);
    postern_bytes_wipe(flight->reply, flight->reply_size);
    flight->frame = flight->reply = NULL;
}

// As a varint of always the same size, which protobuf allows.
void postern_flight_set_timeout(struct postern_flight *flight, uint64_t left_ms)
{
    uint8_t *at = flight->frame + flight->timeout_at;
    uint32_t value = left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX;
    if (*at++ != TIMEOUT_TAG)
        return; // cannot be
    for (unsigned i = 0; i < TIMEOUT_BYTES; i++)
        at[i] = (uint8_t)((value >> (7 * i) & 0x7F) | (i + 1 < TIMEOUT_BYTES ? 0x80 : 0));
}

// ------------------------------------------------------------------------------------------------------ answer

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
    postern_bytes_wipe(flight->reply, flight->reply_size);
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
