// Packs and unpacks what records the changes: a change with its images, a link of the chain, its head, how a store is
// recognized, and idempotency records. Bounds that the rest of the daemon relies on are checked when bytes are
// unpacked.
#include "registry/pack/pack.h"

#include <records.pb-c.h>

// --- change

// Every member of the union is a pointer to a message, and its number is the record's.
static bool write_image(const struct image *from, struct arena *arena, Postern__Records__ImageRecord *to)
{
    const struct record_schema *schema = registry_schema(from->kind);
    postern__records__image_record__init(to);
    to->removed = from->removed;
    to->record_case = (Postern__Records__ImageRecord__RecordCase)from->kind;
    to->key = record_write(schema, &from->of, schema->stored, arena);
    return to->key != NULL;
}

static enum status read_image(const Postern__Records__ImageRecord *from, struct arena *arena, struct image *to)
{
    if (from->record_case == POSTERN__RECORDS__IMAGE_RECORD__RECORD__NOT_SET)
        return STATUS_DATA_LOSS;
    to->kind = (enum registry_record_kind)from->record_case;
    to->removed = from->removed != 0;
    return record_read(registry_schema(to->kind), &from->key->base, arena, &to->of);
}

bool pack_change(const struct change *change, struct arena *arena, struct slice *out)
{
    *out = slice_empty();
    Postern__Records__ChangeRecord record = POSTERN__RECORDS__CHANGE_RECORD__INIT;
    Postern__Records__ImageRecord *images = arena_array(arena, change->image_count, sizeof *images);
    record.images = arena_array(arena, change->image_count, sizeof *record.images);
    if (images == NULL || record.images == NULL)
        return false;
    for (size_t i = 0; i < change->image_count; i++) {
        if (!write_image(&change->images[i], arena, &images[i]))
            return false;
        record.images[i] = &images[i];
    }
    record.format = RECORD_FORMAT;
    record.seq = change->seq;
    record.time_ms = change->time_ms;
    record.actor = record_to_bytes(change->actor);
    record.on_behalf_of = record_to_bytes(change->on_behalf_of);
    record.kind = (uint32_t)change->kind;
    record.n_images = change->image_count;
    record.idempotency_before_ms = change->idempotency_before_ms;
    record.idempotency_count = (uint32_t)change->idempotency_count;
    return record_pack_message(&record.base, arena, out);
}

// Only a purge removes replies, and says which.
static bool is_idempotency_sound(const Postern__Records__ChangeRecord *record)
{
    return (record->idempotency_count > 0) == (record->idempotency_before_ms > 0) &&
           record->idempotency_count <= REGISTRY_PURGE_IDEMPOTENCY_MAX &&
           (record->idempotency_count == 0 || record->kind == REGISTRY_PURGE);
}

enum status unpack_change(struct slice bytes, struct arena *arena, struct change *out)
{
    enum status status;
    const Postern__Records__ChangeRecord *record =
        record_unpack_message(&postern__records__change_record__descriptor, bytes, arena, &status);
    if (record == NULL)
        return status;
    if (record->format != RECORD_FORMAT || record->kind < REGISTRY_CREATE || record->kind > REGISTRY_RESET_METERS ||
        !is_idempotency_sound(record))
        return STATUS_DATA_LOSS;
    *out = (struct change){.seq = record->seq,
                           .time_ms = record->time_ms,
                           .actor = record_from_bytes(record->actor),
                           .on_behalf_of = record_from_bytes(record->on_behalf_of),
                           .kind = (enum registry_command_kind)record->kind,
                           .images = arena_array(arena, record->n_images, sizeof *out->images),
                           .image_count = record->n_images,
                           .idempotency_before_ms = record->idempotency_before_ms,
                           .idempotency_count = record->idempotency_count};
    if (out->images == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < record->n_images && status == STATUS_OK; i++)
        status = read_image(record->images[i], arena, &out->images[i]);
    return status;
}

// --- chain, head, masters, format

bool pack_link(const struct chain_link *link, struct arena *arena, struct slice *out)
{
    Postern__Records__ChainRecord record = POSTERN__RECORDS__CHAIN_RECORD__INIT;
    record.format = RECORD_FORMAT;
    record.change = record_to_bytes(link->change);
    record.master_id = link->master_id;
    record.mac = record_to_bytes(slice_make(link->mac, SECRET_HASH_SIZE));
    return record_pack_message(&record.base, arena, out);
}

enum status unpack_link(struct slice bytes, struct arena *arena, struct chain_link *out)
{
    enum status status;
    const Postern__Records__ChainRecord *record =
        record_unpack_message(&postern__records__chain_record__descriptor, bytes, arena, &status);
    if (record == NULL)
        return status;
    out->change = record_from_bytes(record->change);
    out->master_id = record->master_id;
    bool valid = record->format == RECORD_FORMAT && record_copy_exact(record->mac, SECRET_HASH_SIZE, out->mac);
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}

size_t pack_head(const struct chain_head *head, uint8_t out[PACK_HEAD_MAX])
{
    // Tags, 1 byte of format, at most 10 of seq, 32 of mac and its length.
    _Static_assert(3 + 1 + 10 + 1 + SECRET_HASH_SIZE <= PACK_HEAD_MAX, "a head always fits");
    Postern__Records__HeadRecord record = POSTERN__RECORDS__HEAD_RECORD__INIT;
    record.format = RECORD_FORMAT;
    record.seq = head->seq;
    record.mac = record_to_bytes(slice_make(head->mac, SECRET_HASH_SIZE));
    return protobuf_c_message_pack(&record.base, out);
}

enum status unpack_head(struct slice bytes, struct chain_head *out)
{
    _Alignas(16) uint8_t buffer[256];
    const Postern__Records__HeadRecord *record =
        record_unpack_small(&postern__records__head_record__descriptor, bytes, buffer, sizeof buffer);
    bool valid =
        record != NULL && record->format == RECORD_FORMAT && record_copy_exact(record->mac, SECRET_HASH_SIZE, out->mac);
    out->seq = valid ? record->seq : 0;
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}

bool pack_master(const uint8_t check[SECRET_HASH_SIZE], struct arena *arena, struct slice *out)
{
    Postern__Records__MasterRecord record = POSTERN__RECORDS__MASTER_RECORD__INIT;
    record.format = RECORD_FORMAT;
    record.check = record_to_bytes(slice_make(check, SECRET_HASH_SIZE));
    return record_pack_message(&record.base, arena, out);
}

enum status unpack_master(struct slice bytes, struct arena *arena, uint8_t out[SECRET_HASH_SIZE])
{
    enum status status;
    const Postern__Records__MasterRecord *record =
        record_unpack_message(&postern__records__master_record__descriptor, bytes, arena, &status);
    if (record == NULL)
        return status;
    bool valid = record->format == RECORD_FORMAT && record_copy_exact(record->check, SECRET_HASH_SIZE, out);
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}

bool pack_format(uint32_t format, struct arena *arena, struct slice *out)
{
    Postern__Records__StoreRecord record = POSTERN__RECORDS__STORE_RECORD__INIT;
    record.format = format;
    return record_pack_message(&record.base, arena, out);
}

enum status unpack_format(struct slice bytes, struct arena *arena, uint32_t *out)
{
    enum status status;
    const Postern__Records__StoreRecord *record =
        record_unpack_message(&postern__records__store_record__descriptor, bytes, arena, &status);
    *out = record != NULL ? record->format : 0;
    return status;
}

// --- idempotency records

// Over the record as it is without its digest.
static bool digest_idempotency(const Postern__Records__IdempotencyRecord *record, struct arena *arena,
                               uint8_t out[SECRET_HASH_SIZE])
{
    struct slice bytes;
    Postern__Records__IdempotencyRecord bare = *record;
    bare.digest = record_to_bytes(slice_empty());
    if (!record_pack_message(&bare.base, arena, &bytes))
        return false;
    secret_digest(bytes, out);
    return true;
}

bool pack_idempotency(const struct idempotency_record *idempotency, struct arena *arena, struct slice *out)
{
    uint8_t digest[SECRET_HASH_SIZE];
    Postern__Records__IdempotencyRecord record = POSTERN__RECORDS__IDEMPOTENCY_RECORD__INIT;
    record.format = RECORD_FORMAT;
    record.time_ms = idempotency->time_ms;
    record.master_id = idempotency->master_id;
    record.call_digest = record_to_bytes(slice_make(idempotency->call_digest, SECRET_HASH_SIZE));
    record.sealed_reply = record_to_bytes(idempotency->sealed_reply);
    *out = slice_empty();
    if (!digest_idempotency(&record, arena, digest))
        return false;
    record.digest = record_to_bytes(slice_make(digest, sizeof digest));
    return record_pack_message(&record.base, arena, out);
}

enum status unpack_idempotency(struct slice bytes, struct arena *arena, struct idempotency_record *out)
{
    enum status status;
    uint8_t stored[SECRET_HASH_SIZE];
    uint8_t actual[SECRET_HASH_SIZE];
    const Postern__Records__IdempotencyRecord *record =
        record_unpack_message(&postern__records__idempotency_record__descriptor, bytes, arena, &status);
    if (record == NULL)
        return status;
    out->time_ms = record->time_ms;
    out->master_id = record->master_id;
    out->sealed_reply = record_from_bytes(record->sealed_reply);
    bool valid =
        record->format == RECORD_FORMAT && record_copy_exact(record->call_digest, SECRET_HASH_SIZE, out->call_digest) &&
        record_copy_exact(record->digest, SECRET_HASH_SIZE, stored) && record->sealed_reply.len >= SECRET_SEAL_OVERHEAD;
    if (valid && !digest_idempotency(record, arena, actual))
        return STATUS_RESOURCE_EXHAUSTED;
    valid = valid && secret_equal(stored, actual);
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}
