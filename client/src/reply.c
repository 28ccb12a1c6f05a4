// The bytes of a reply come from a server that may be anything. Here they are unpacked within bounds and their text is
// made valid. All that a reply points to lies in one memory, the reply box, which the caller frees with the reply.
#include "reply.h"

#include "wire.h"

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

enum postern_status postern_status_of(uint32_t code)
{
    return code <= POSTERN_UNAUTHENTICATED ? (enum postern_status)code : POSTERN_UNKNOWN;
}
