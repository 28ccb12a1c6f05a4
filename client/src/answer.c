// What came for a pending call may be its answer, posternd's failure, or something that is no answer to it at all. Here
// that is told apart: the call is done, or it has to be sent again.
#include "buffer.h"
#include "error.h"
#include "handle.h"
#include "pending.h"

#include <string.h>

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

// A request that posternd could not read has a failure without request_id for its answer. Its own time stands in every
// reply; a request that somebody sends back would be a reply else.
static bool answers_this(const struct postern_ask *ask, const Postern__V1__Reply *reply)
{
    if (reply->server_time_ms == 0)
        return false;
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
static bool read_reply(struct postern *client, struct postern_pending *pending)
{
    bool memory = false;
    struct postern_error *error = &pending->error;
    pending->box =
        postern_reply_unpack(pending->reply, pending->reply_size, (uint32_t)pending->ask->request.call_case, &memory);
    if (pending->box == NULL && memory) {
        postern_fail_memory(error);
        error->outcome_unknown = true;
        return true;
    }
    if (pending->box == NULL || !answers_this(pending->ask, pending->box->wire)) { // to ask again would not help
        postern_fail(error, POSTERN_UNAVAILABLE,
                     "what answers at %s is not posternd, or a newer one than this program understands: is the URL "
                     "right?",
                     client->url);
        postern_pending_note_unsure(pending);
        return true;
    }
    const Postern__V1__Status *status = pending->box->wire->status;
    *error = (struct postern_error){0};
    if (status == NULL || status->code == 0)
        return true;
    note_failure(status, error);
    return !asks_to_repeat(error);
}

bool postern_pending_read(struct postern *client, struct postern_pending *pending)
{
    bool is_final = read_reply(client, pending);
    postern_bytes_wipe(pending->reply, pending->reply_size);
    pending->reply = NULL;
    if (is_final) { // repeated changes are told apart by their request_id
        pending->error.outcome_unknown |=
            pending->unsure && pending->ask->works_once && strcmp(pending->error.reason, "CHARGE_GIVEN_BACK") == 0;
        pending->state = POSTERN_PENDING_DONE;
    }
    if (pending->error.status != POSTERN_OK || !is_final) {
        postern_reply_box_free(pending->box);
        pending->box = NULL;
    }
    return is_final;
}
