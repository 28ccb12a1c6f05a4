// Plain structs to stored bytes and back. Private to the room.
//
// Packing is false when the arena is out. What unpacking makes points into the arena only, never into the bytes.
// Threads: everything here is pure.
#ifndef REGISTRY_PACK_PACK_H
#define REGISTRY_PACK_PACK_H

#include "record/record.h"
#include "registry/change.h"

enum { PACK_HEAD_MAX = 64 };

// One link of the audit chain as stored.
struct chain_link {
    struct slice change; // a packed change
    uint32_t master_id;
    uint8_t mac[SECRET_HASH_SIZE];
};

struct chain_head {
    uint64_t seq; // 0: nothing was changed yet
    uint8_t mac[SECRET_HASH_SIZE];
};

struct idempotency_record {
    uint64_t time_ms;
    uint32_t master_id;
    uint8_t call_digest[SECRET_HASH_SIZE];
    struct slice sealed_reply;
};

extern const struct record_schema pack_limit_schema; // to tell limits from other parts of a record

// Errors of all of these:
//   DATA_LOSS           the bytes do not decode, are of another format, or break a bound that the daemon relies on
//   RESOURCE_EXHAUSTED  the arena is out
// The record inside an image, as its table holds it.
bool pack_image(const struct image *image, struct arena *arena, struct slice *out) __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status unpack_image(enum registry_record_kind kind, struct slice bytes, struct arena *arena,
                                           struct image *out);
STATUS_MUST_CHECK enum status unpack_key(struct slice bytes, struct arena *arena, struct registry_key *out);
STATUS_MUST_CHECK enum status unpack_account(struct slice bytes, struct arena *arena, struct registry_account *out);
STATUS_MUST_CHECK enum status unpack_scope(struct slice bytes, struct arena *arena, struct registry_scope *out);
bool pack_change(const struct change *change, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status unpack_change(struct slice bytes, struct arena *arena, struct change *out);
bool pack_link(const struct chain_link *link, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status unpack_link(struct slice bytes, struct arena *arena, struct chain_link *out);
bool pack_idempotency(const struct idempotency_record *idempotency, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status unpack_idempotency(struct slice bytes, struct arena *arena,
                                                 struct idempotency_record *out);
bool pack_master(const uint8_t check[SECRET_HASH_SIZE], struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status unpack_master(struct slice bytes, struct arena *arena, uint8_t out[SECRET_HASH_SIZE]);
// The store's format, whatever it is.
bool pack_format(uint32_t format, struct arena *arena, struct slice *out) __attribute__((warn_unused_result));
STATUS_MUST_CHECK enum status unpack_format(struct slice bytes, struct arena *arena, uint32_t *out);

// These need no arena: the head is read for every reply, and its writing must not fail. pack_head returns the size.
// Errors: DATA_LOSS, as above.
size_t pack_head(const struct chain_head *head, uint8_t out[PACK_HEAD_MAX]);
STATUS_MUST_CHECK enum status unpack_head(struct slice bytes, struct chain_head *out);

#endif
