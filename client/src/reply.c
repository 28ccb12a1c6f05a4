// The bytes of a reply come from a server that may be anything. Here they are unpacked within bounds and their text is
// made valid. All that a reply points to lies in one memory, the reply box, which the caller frees with the reply.
//
// Then the answer to a pending call is read: does it answer this request, and is it final or to be asked again?
#include "reply.h"

#include "client.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

// A reply of 1 MiB may hold some hundred thousand empty messages; what honest ones need is far below this.
enum { REPLY_BUDGET_BYTES = 32 * 1024 * 1024 };

static struct postern_reply_box *box_new(void)
{
    struct postern_arena arena = {.budget_bytes = REPLY_BUDGET_BYTES};
    struct postern_reply_box *box = postern_arena_take(&arena, sizeof *box);
    if (box != NULL)
        box->arena = arena;
    return box;
}

void postern_reply_box_free(const struct postern_reply_box *box)
{
    if (box == NULL)
        return;
    struct postern_arena arena = box->arena;
    postern_arena_wipe(&arena);
}

// The message that the oneof holds, NULL when it is another than `tag`. All members of the union are message pointers.
static const ProtobufCMessage *result_of(const Postern__V1__Reply *wire, uint32_t tag)
{
    if ((uint32_t)wire->result_case != tag || wire->health == NULL)
        return NULL;
    return &wire->health->base;
}

struct postern_reply_box *postern_reply_unpack(const uint8_t *bytes, size_t size, uint32_t tag, bool *memory)
{
    *memory = true;
    struct postern_reply_box *box = box_new();
    if (box == NULL)
        return NULL;
    ProtobufCAllocator allocator = postern_arena_allocator(&box->arena);
    Postern__V1__Reply *wire = postern__v1__reply__unpack(&allocator, size, bytes);
    *memory = box->arena.failed;
    if (wire == NULL)
        goto failed;
    postern_scrub(&wire->base);
    box->wire = wire;
    box->result = result_of(wire, tag);
    bool failure = wire->status != NULL && wire->status->code != 0;
    if (box->result == NULL && !failure)
        goto failed;
    return box;
failed:
    postern_reply_box_free(box);
    return NULL;
}

struct postern_reply_box *postern_reply_made(const ProtobufCMessageDescriptor *kind, void **result)
{
    struct postern_reply_box *box = box_new();
    if (box == NULL)
        return NULL;
    Postern__V1__Reply *wire = postern_arena_take(&box->arena, sizeof *wire);
    ProtobufCMessage *message = postern_arena_take(&box->arena, kind->sizeof_message);
    if (wire == NULL || message == NULL) {
        postern_reply_box_free(box);
        return NULL;
    }
    postern__v1__reply__init(wire);
    protobuf_c_message_init(kind, message);
    box->wire = wire;
    box->result = *result = message;
    return box;
}

struct postern_reply_base postern_reply_base_of(struct postern_reply_box *box, const Postern__V1__Status *status)
{
    struct postern_reply_base base = {.seq = box->wire->seq, .server_time_ms = box->wire->server_time_ms};
    if (status != NULL) {
        base.details = postern_wire_read_list(&box->arena, &postern_entry_table, status->details, status->n_details);
        base.detail_count = status->n_details;
    }
    return base;
}

void *postern_reply_new(struct postern_reply_box *box, size_t size_bytes)
{
    struct postern_reply_base *base = postern_arena_take(&box->arena, size_bytes);
    if (base == NULL)
        return NULL;
    *base = postern_reply_base_of(box, box->wire->status);
    base->box = box;
    return base;
}

void postern_reply_free(void *reply)
{
    const struct postern_reply_base *base = reply;
    if (base != NULL) // what is part of another reply has no box
        postern_reply_box_free(base->box);
}

// ------------------------------------------------------------------------------------------------------ answer

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

void postern_bytes_wipe(uint8_t *bytes, size_t size)
{
    if (bytes != NULL)
        explicit_bzero(bytes, size);
    free(bytes);
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
