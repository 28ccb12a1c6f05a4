#include "registry/record.h"

#include <records.pb-c.h>
#include <string.h>

// --- memory of the unpacker

// Unpacking takes its memory from an arena, or from a small buffer where there is none.
struct memory {
    ProtobufCAllocator allocator;
    struct arena *arena;
    uint8_t *buffer;
    size_t left;
    bool out; // a NULL was handed out: tells "no memory" from "does not decode"
};

static void *take_arena(void *context, size_t size)
{
    struct memory *memory = context;
    void *taken = arena_alloc(memory->arena, size);
    memory->out |= taken == NULL;
    return taken;
}

static void *take_buffer(void *context, size_t size)
{
    enum { ALIGNMENT = 16 };
    struct memory *memory = context;
    if (size > memory->left) {
        memory->out = true;
        return NULL;
    }
    void *taken = memory->buffer;
    size_t step = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    step = step < memory->left ? step : memory->left;
    memory->buffer += step;
    memory->left -= step;
    return taken;
}

static void give_nothing(void *context, void *pointer)
{
    (void)context;
    (void)pointer;
}

// NULL: does not decode, or *status is RESOURCE_EXHAUSTED.
static void *unpack(const ProtobufCMessageDescriptor *descriptor, struct slice bytes, struct arena *arena,
                    enum status *status)
{
    struct memory memory = {.allocator = {.alloc = take_arena, .free = give_nothing}, .arena = arena};
    memory.allocator.allocator_data = &memory;
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &memory.allocator, bytes.size, bytes.data);
    *status = message != NULL ? STATUS_OK : memory.out ? STATUS_RESOURCE_EXHAUSTED : STATUS_DATA_LOSS;
    return message;
}

static bool pack(const ProtobufCMessage *message, struct arena *arena, struct slice *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(arena, size);
    *out = slice_empty();
    if (bytes == NULL)
        return false;
    *out = slice_make(bytes, protobuf_c_message_pack(message, bytes));
    return true;
}

// --- parts

static struct slice from_bytes(ProtobufCBinaryData bytes)
{
    return slice_make(bytes.data, bytes.len);
}

static ProtobufCBinaryData to_bytes(struct slice slice)
{
    // The message type serves both directions and is therefore not const; packing only reads.
    return (ProtobufCBinaryData){.len = slice.size, .data = (uint8_t *)(uintptr_t)slice.data};
}

// Exactly `size` bytes, else false.
static bool copy_exact(ProtobufCBinaryData from, size_t size, uint8_t *to)
{
    if (from.len != size)
        return false;
    memcpy(to, from.data, size);
    return true;
}

static bool copy_optional_id(ProtobufCBinaryData from, bool *is_set, uint8_t to[KEY_ID_SIZE])
{
    *is_set = from.len != 0;
    return from.len == 0 || copy_exact(from, KEY_ID_SIZE, to);
}

// *to stays NULL for an empty array.
static enum status read_texts(const ProtobufCBinaryData *from, size_t count, size_t count_max, struct arena *arena,
                              struct slice **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > count_max)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        (*to)[i] = from_bytes(from[i]);
    return STATUS_OK;
}

static bool write_texts(const struct slice *from, size_t count, struct arena *arena, ProtobufCBinaryData **to)
{
    *to = arena_array(arena, count, sizeof **to);
    for (size_t i = 0; *to != NULL && i < count; i++)
        (*to)[i] = to_bytes(from[i]);
    return *to != NULL;
}

static enum status read_entries(Postern__Records__EntryRecord *const *from, size_t count, struct arena *arena,
                                struct registry_entry **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > REGISTRY_METADATA_MAX)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        (*to)[i] = (struct registry_entry){.key = from_bytes(from[i]->key), .value = from_bytes(from[i]->value)};
    return STATUS_OK;
}

static bool write_entries(const struct registry_entry *from, size_t count, struct arena *arena,
                          Postern__Records__EntryRecord ***to)
{
    Postern__Records__EntryRecord *records = arena_array(arena, count, sizeof *records);
    *to = arena_array(arena, count, sizeof **to);
    if (records == NULL || *to == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        postern__records__entry_record__init(&records[i]);
        records[i].key = to_bytes(from[i].key);
        records[i].value = to_bytes(from[i].value);
        (*to)[i] = &records[i];
    }
    return true;
}

static bool read_limit(const Postern__Records__LimitRecord *from, struct limit *to)
{
    *to = (struct limit){.resource = from_bytes(from->resource),
                         .algorithm = (enum limit_algorithm)from->algorithm,
                         .amount = from->amount,
                         .window_s = from->window_s,
                         .period = (enum limit_period)from->period,
                         .burst = from->burst,
                         .unlimited = from->unlimited != 0};
    uint32_t lowest = to->unlimited ? 0 : LIMIT_FIXED_WINDOW;
    return from->algorithm >= lowest && from->algorithm <= LIMIT_TOKEN_BUCKET && from->period <= LIMIT_MONTH;
}

static enum status read_limits(Postern__Records__LimitRecord *const *from, size_t count, struct arena *arena,
                               struct limit **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > LIMIT_PER_OWNER_MAX)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        if (!read_limit(from[i], &(*to)[i]))
            return STATUS_DATA_LOSS;
    return STATUS_OK;
}

static bool write_limits(const struct limit *from, size_t count, struct arena *arena,
                         Postern__Records__LimitRecord ***to)
{
    Postern__Records__LimitRecord *records = arena_array(arena, count, sizeof *records);
    *to = arena_array(arena, count, sizeof **to);
    if (records == NULL || *to == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        postern__records__limit_record__init(&records[i]);
        records[i].resource = to_bytes(from[i].resource);
        records[i].algorithm = (uint32_t)from[i].algorithm;
        records[i].amount = from[i].amount;
        records[i].window_s = from[i].window_s;
        records[i].period = (uint32_t)from[i].period;
        records[i].burst = from[i].burst;
        records[i].unlimited = from[i].unlimited;
        (*to)[i] = &records[i];
    }
    return true;
}

// --- key

static bool read_key_fields(const Postern__Records__KeyRecord *from, struct registry_key *to)
{
    *to = (struct registry_key){
        .account = from_bytes(from->account),
        .name = from_bytes(from->name),
        .environment = (enum key_environment)from->environment,
        .type = (enum key_type)from->type,
        .facts = {.created_at_ms = from->created_at_ms,
                  .expires_at_ms = from->expires_at_ms,
                  .revoked_at_ms = from->revoked_at_ms,
                  .disabled = from->disabled != 0},
        .deleted = from->deleted != 0,
        .created_by = from_bytes(from->created_by),
        .revoke_reason = from_bytes(from->revoke_reason),
        .scope_count = from->n_scopes,
        .limit_count = from->n_limits,
        .address_count = from->n_allowed_addresses,
        .metadata_count = from->n_metadata,
        .version = from->version,
        .public_token = from_bytes(from->public_token),
        .master_id = from->master_id,
    };
    return from->format == RECORD_FORMAT && copy_exact(from->key_id, KEY_ID_SIZE, to->id) &&
           copy_exact(from->lineage, KEY_ID_SIZE, to->lineage) &&
           copy_exact(from->token_hash, SECRET_HASH_SIZE, to->token_hash) &&
           copy_optional_id(from->successor, &to->facts.has_successor, to->successor) &&
           copy_optional_id(from->predecessor, &to->has_predecessor, to->predecessor) &&
           from->environment >= KEY_ENVIRONMENT_TEST && from->environment <= KEY_ENVIRONMENT_LIVE &&
           from->type >= KEY_TYPE_SECRET && from->type <= KEY_TYPE_PUBLIC;
}

static enum status read_key(const Postern__Records__KeyRecord *from, struct arena *arena, struct registry_key *to)
{
    if (!read_key_fields(from, to))
        return STATUS_DATA_LOSS;
    enum status status = read_texts(from->scopes, from->n_scopes, ACCOUNT_SCOPES_PER_KEY_MAX, arena, &to->scopes);
    if (status == STATUS_OK)
        status = read_texts(from->allowed_addresses, from->n_allowed_addresses, REGISTRY_ADDRESSES_MAX, arena,
                            &to->addresses);
    if (status == STATUS_OK)
        status = read_limits(from->limits, from->n_limits, arena, &to->limits);
    if (status == STATUS_OK)
        status = read_entries(from->metadata, from->n_metadata, arena, &to->metadata);
    return status;
}

static bool write_key(const struct registry_key *from, struct arena *arena, Postern__Records__KeyRecord *to)
{
    postern__records__key_record__init(to);
    to->format = RECORD_FORMAT;
    to->key_id = to_bytes(slice_make(from->id, KEY_ID_SIZE));
    to->account = to_bytes(from->account);
    to->name = to_bytes(from->name);
    to->environment = (uint32_t)from->environment;
    to->type = (uint32_t)from->type;
    to->created_at_ms = from->facts.created_at_ms;
    to->created_by = to_bytes(from->created_by);
    to->expires_at_ms = from->facts.expires_at_ms;
    to->revoked_at_ms = from->facts.revoked_at_ms;
    to->revoke_reason = to_bytes(from->revoke_reason);
    to->disabled = from->facts.disabled;
    to->deleted = from->deleted;
    to->successor = to_bytes(slice_make(from->successor, from->facts.has_successor ? KEY_ID_SIZE : 0));
    to->predecessor = to_bytes(slice_make(from->predecessor, from->has_predecessor ? KEY_ID_SIZE : 0));
    to->lineage = to_bytes(slice_make(from->lineage, KEY_ID_SIZE));
    to->version = from->version;
    to->public_token = to_bytes(from->public_token);
    to->master_id = from->master_id;
    to->token_hash = to_bytes(slice_make(from->token_hash, SECRET_HASH_SIZE));
    to->n_scopes = from->scope_count;
    to->n_allowed_addresses = from->address_count;
    to->n_limits = from->limit_count;
    to->n_metadata = from->metadata_count;
    return write_texts(from->scopes, from->scope_count, arena, &to->scopes) &&
           write_texts(from->addresses, from->address_count, arena, &to->allowed_addresses) &&
           write_limits(from->limits, from->limit_count, arena, &to->limits) &&
           write_entries(from->metadata, from->metadata_count, arena, &to->metadata);
}

// --- account

static enum status read_account(const Postern__Records__AccountRecord *from, struct arena *arena,
                                struct registry_account *to)
{
    if (from->format != RECORD_FORMAT)
        return STATUS_DATA_LOSS;
    *to = (struct registry_account){
        .id = from_bytes(from->account),
        .display_name = from_bytes(from->display_name),
        .tier = from_bytes(from->tier),
        .allows_test = from->allows_test != 0,
        .allows_live = from->allows_live != 0,
        .suspended = from->suspended != 0,
        .limit_count = from->n_limits,
        .max_keys = from->max_keys,
        .no_default_public_key = from->no_default_public_key != 0,
        .metadata_count = from->n_metadata,
        .created_at_ms = from->created_at_ms,
        .version = from->version,
        .revoked_before_ms = from->revoked_before_ms,
    };
    enum status status = read_limits(from->limits, from->n_limits, arena, &to->limits);
    return status == STATUS_OK ? read_entries(from->metadata, from->n_metadata, arena, &to->metadata) : status;
}

static bool write_account(const struct registry_account *from, struct arena *arena, Postern__Records__AccountRecord *to)
{
    postern__records__account_record__init(to);
    to->format = RECORD_FORMAT;
    to->account = to_bytes(from->id);
    to->display_name = to_bytes(from->display_name);
    to->tier = to_bytes(from->tier);
    to->allows_test = from->allows_test;
    to->allows_live = from->allows_live;
    to->suspended = from->suspended;
    to->max_keys = from->max_keys;
    to->no_default_public_key = from->no_default_public_key;
    to->created_at_ms = from->created_at_ms;
    to->version = from->version;
    to->revoked_before_ms = from->revoked_before_ms;
    to->n_limits = from->limit_count;
    to->n_metadata = from->metadata_count;
    return write_limits(from->limits, from->limit_count, arena, &to->limits) &&
           write_entries(from->metadata, from->metadata_count, arena, &to->metadata);
}

// --- tier

static enum status read_tier(const Postern__Records__TierRecord *from, struct arena *arena, struct registry_tier *to)
{
    if (from->format != RECORD_FORMAT)
        return STATUS_DATA_LOSS;
    *to = (struct registry_tier){.name = from_bytes(from->tier),
                                 .limit_count = from->n_limits,
                                 .is_default = from->is_default != 0,
                                 .version = from->version};
    return read_limits(from->limits, from->n_limits, arena, &to->limits);
}

static bool write_tier(const struct registry_tier *from, struct arena *arena, Postern__Records__TierRecord *to)
{
    postern__records__tier_record__init(to);
    to->format = RECORD_FORMAT;
    to->tier = to_bytes(from->name);
    to->is_default = from->is_default;
    to->version = from->version;
    to->n_limits = from->limit_count;
    return write_limits(from->limits, from->limit_count, arena, &to->limits);
}

// --- records by themselves

enum status record_unpack_key(struct slice bytes, struct arena *arena, struct registry_key *out)
{
    enum status status;
    const Postern__Records__KeyRecord *record =
        unpack(&postern__records__key_record__descriptor, bytes, arena, &status);
    return record != NULL ? read_key(record, arena, out) : status;
}

enum status record_unpack_account(struct slice bytes, struct arena *arena, struct registry_account *out)
{
    enum status status;
    const Postern__Records__AccountRecord *record =
        unpack(&postern__records__account_record__descriptor, bytes, arena, &status);
    return record != NULL ? read_account(record, arena, out) : status;
}

enum status record_unpack_tier(struct slice bytes, struct arena *arena, struct registry_tier *out)
{
    enum status status;
    const Postern__Records__TierRecord *record =
        unpack(&postern__records__tier_record__descriptor, bytes, arena, &status);
    return record != NULL ? read_tier(record, arena, out) : status;
}

enum status record_unpack_image(enum image_kind kind, struct slice bytes, struct arena *arena, struct image *out)
{
    out->kind = kind;
    switch (kind) {
    case IMAGE_KEY:
        return record_unpack_key(bytes, arena, &out->of.key);
    case IMAGE_ACCOUNT:
        return record_unpack_account(bytes, arena, &out->of.account);
    case IMAGE_TIER:
        return record_unpack_tier(bytes, arena, &out->of.tier);
    }
    return STATUS_DATA_LOSS;
}

bool record_pack_image(const struct image *image, struct arena *arena, struct slice *out)
{
    union {
        Postern__Records__KeyRecord key;
        Postern__Records__AccountRecord account;
        Postern__Records__TierRecord tier;
    } record;
    *out = slice_empty();
    switch (image->kind) {
    case IMAGE_KEY:
        return write_key(&image->of.key, arena, &record.key) && pack(&record.key.base, arena, out);
    case IMAGE_ACCOUNT:
        return write_account(&image->of.account, arena, &record.account) && pack(&record.account.base, arena, out);
    case IMAGE_TIER:
        return write_tier(&image->of.tier, arena, &record.tier) && pack(&record.tier.base, arena, out);
    }
    return false;
}

// --- change

static bool write_image(const struct image *from, struct arena *arena, Postern__Records__ImageRecord *to)
{
    postern__records__image_record__init(to);
    switch (from->kind) {
    case IMAGE_KEY:
        to->record_case = POSTERN__RECORDS__IMAGE_RECORD__RECORD_KEY;
        to->key = arena_alloc(arena, sizeof *to->key);
        return to->key != NULL && write_key(&from->of.key, arena, to->key);
    case IMAGE_ACCOUNT:
        to->record_case = POSTERN__RECORDS__IMAGE_RECORD__RECORD_ACCOUNT;
        to->account = arena_alloc(arena, sizeof *to->account);
        return to->account != NULL && write_account(&from->of.account, arena, to->account);
    case IMAGE_TIER:
        to->record_case = POSTERN__RECORDS__IMAGE_RECORD__RECORD_TIER;
        to->tier = arena_alloc(arena, sizeof *to->tier);
        return to->tier != NULL && write_tier(&from->of.tier, arena, to->tier);
    }
    return false;
}

static enum status read_image(const Postern__Records__ImageRecord *from, struct arena *arena, struct image *to)
{
    switch (from->record_case) {
    case POSTERN__RECORDS__IMAGE_RECORD__RECORD_KEY:
        to->kind = IMAGE_KEY;
        return read_key(from->key, arena, &to->of.key);
    case POSTERN__RECORDS__IMAGE_RECORD__RECORD_ACCOUNT:
        to->kind = IMAGE_ACCOUNT;
        return read_account(from->account, arena, &to->of.account);
    case POSTERN__RECORDS__IMAGE_RECORD__RECORD_TIER:
        to->kind = IMAGE_TIER;
        return read_tier(from->tier, arena, &to->of.tier);
    case POSTERN__RECORDS__IMAGE_RECORD__RECORD__NOT_SET:
    case _POSTERN__RECORDS__IMAGE_RECORD__RECORD__CASE_IS_INT_SIZE:
        break;
    }
    return STATUS_DATA_LOSS;
}

bool record_pack_change(const struct change *change, struct arena *arena, struct slice *out)
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
    record.actor = to_bytes(change->actor);
    record.kind = (uint32_t)change->kind;
    record.n_images = change->image_count;
    return pack(&record.base, arena, out);
}

enum status record_unpack_change(struct slice bytes, struct arena *arena, struct change *out)
{
    enum status status;
    const Postern__Records__ChangeRecord *record =
        unpack(&postern__records__change_record__descriptor, bytes, arena, &status);
    if (record == NULL)
        return status;
    if (record->format != RECORD_FORMAT || record->kind < REGISTRY_CREATE || record->kind > REGISTRY_PUT_TIER)
        return STATUS_DATA_LOSS;
    *out = (struct change){.seq = record->seq,
                           .time_ms = record->time_ms,
                           .actor = from_bytes(record->actor),
                           .kind = (enum registry_command_kind)record->kind,
                           .images = arena_array(arena, record->n_images, sizeof *out->images),
                           .image_count = record->n_images};
    if (out->images == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < record->n_images && status == STATUS_OK; i++)
        status = read_image(record->images[i], arena, &out->images[i]);
    return status;
}

// --- chain, head, masters, format

bool record_pack_link(const struct record_link *link, struct arena *arena, struct slice *out)
{
    Postern__Records__ChainRecord record = POSTERN__RECORDS__CHAIN_RECORD__INIT;
    record.format = RECORD_FORMAT;
    record.change = to_bytes(link->change);
    record.master_id = link->master_id;
    record.mac = to_bytes(slice_make(link->mac, SECRET_HASH_SIZE));
    return pack(&record.base, arena, out);
}

enum status record_unpack_link(struct slice bytes, struct arena *arena, struct record_link *out)
{
    enum status status;
    const Postern__Records__ChainRecord *record =
        unpack(&postern__records__chain_record__descriptor, bytes, arena, &status);
    if (record == NULL)
        return status;
    out->change = from_bytes(record->change);
    out->master_id = record->master_id;
    bool valid = record->format == RECORD_FORMAT && copy_exact(record->mac, SECRET_HASH_SIZE, out->mac);
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}

size_t record_pack_head(const struct record_head *head, uint8_t out[RECORD_HEAD_MAX])
{
    // Tags, 1 byte of format, at most 10 of seq, 32 of mac and its length.
    _Static_assert(3 + 1 + 10 + 1 + SECRET_HASH_SIZE <= RECORD_HEAD_MAX, "a head always fits");
    Postern__Records__HeadRecord record = POSTERN__RECORDS__HEAD_RECORD__INIT;
    record.format = RECORD_FORMAT;
    record.seq = head->seq;
    record.mac = to_bytes(slice_make(head->mac, SECRET_HASH_SIZE));
    return protobuf_c_message_pack(&record.base, out);
}

enum status record_unpack_head(struct slice bytes, struct record_head *out)
{
    _Alignas(16) uint8_t buffer[256];
    struct memory memory = {
        .allocator = {.alloc = take_buffer, .free = give_nothing}, .buffer = buffer, .left = sizeof buffer};
    memory.allocator.allocator_data = &memory;
    const Postern__Records__HeadRecord *record =
        postern__records__head_record__unpack(&memory.allocator, bytes.size, bytes.data);
    bool valid =
        record != NULL && record->format == RECORD_FORMAT && copy_exact(record->mac, SECRET_HASH_SIZE, out->mac);
    out->seq = valid ? record->seq : 0;
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}

bool record_pack_master(const uint8_t check[SECRET_HASH_SIZE], struct arena *arena, struct slice *out)
{
    Postern__Records__MasterRecord record = POSTERN__RECORDS__MASTER_RECORD__INIT;
    record.format = RECORD_FORMAT;
    record.check = to_bytes(slice_make(check, SECRET_HASH_SIZE));
    return pack(&record.base, arena, out);
}

enum status record_unpack_master(struct slice bytes, struct arena *arena, uint8_t out[SECRET_HASH_SIZE])
{
    enum status status;
    const Postern__Records__MasterRecord *record =
        unpack(&postern__records__master_record__descriptor, bytes, arena, &status);
    if (record == NULL)
        return status;
    bool valid = record->format == RECORD_FORMAT && copy_exact(record->check, SECRET_HASH_SIZE, out);
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}

bool record_pack_format(uint32_t format, struct arena *arena, struct slice *out)
{
    Postern__Records__StoreRecord record = POSTERN__RECORDS__STORE_RECORD__INIT;
    record.format = format;
    return pack(&record.base, arena, out);
}

enum status record_unpack_format(struct slice bytes, struct arena *arena, uint32_t *out)
{
    enum status status;
    const Postern__Records__StoreRecord *record =
        unpack(&postern__records__store_record__descriptor, bytes, arena, &status);
    *out = record != NULL ? record->format : 0;
    return status;
}

// --- replay

bool record_pack_replay(const struct record_replay *replay, struct arena *arena, struct slice *out)
{
    Postern__Records__ReplayRecord record = POSTERN__RECORDS__REPLAY_RECORD__INIT;
    record.format = RECORD_FORMAT;
    record.time_ms = replay->time_ms;
    record.master_id = replay->master_id;
    record.call_digest = to_bytes(slice_make(replay->call_digest, SECRET_HASH_SIZE));
    record.sealed_reply = to_bytes(replay->sealed_reply);
    return pack(&record.base, arena, out);
}

enum status record_unpack_replay(struct slice bytes, struct arena *arena, struct record_replay *out)
{
    enum status status;
    const Postern__Records__ReplayRecord *record =
        unpack(&postern__records__replay_record__descriptor, bytes, arena, &status);
    if (record == NULL)
        return status;
    out->time_ms = record->time_ms;
    out->master_id = record->master_id;
    out->sealed_reply = from_bytes(record->sealed_reply);
    bool valid = record->format == RECORD_FORMAT &&
                 copy_exact(record->call_digest, SECRET_HASH_SIZE, out->call_digest) &&
                 record->sealed_reply.len >= SECRET_SEAL_OVERHEAD;
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}

// --- the store `meters/`

bool registry_pack_meter(const struct limit_record *record, struct arena *arena, struct slice *out)
{
    Postern__Records__MeterRecord message = POSTERN__RECORDS__METER_RECORD__INIT;
    message.format = RECORD_FORMAT;
    message.algorithm = (uint32_t)record->algorithm;
    message.t_ms = record->t_ms;
    message.reserved = record->reserved;
    message.index = record->index;
    message.used = record->used;
    message.n_counters = record->counter_count;
    message.counters = (uint64_t *)(uintptr_t)record->counters; // only read, as in to_bytes
    message.tat_ms = record->tat_ms;
    message.tat_fraction = record->tat_fraction;
    return pack(&message.base, arena, out);
}

enum status registry_unpack_meter(struct slice bytes, struct arena *arena, struct limit_record *out)
{
    enum status status;
    const Postern__Records__MeterRecord *message =
        unpack(&postern__records__meter_record__descriptor, bytes, arena, &status);
    if (message == NULL)
        return status;
    if (message->format != RECORD_FORMAT || message->n_counters > LIMIT_COUNTERS_MAX ||
        message->algorithm < LIMIT_FIXED_WINDOW || message->algorithm > LIMIT_TOKEN_BUCKET)
        return STATUS_DATA_LOSS;
    *out = (struct limit_record){.algorithm = (enum limit_algorithm)message->algorithm,
                                 .t_ms = message->t_ms,
                                 .reserved = message->reserved,
                                 .index = message->index,
                                 .used = message->used,
                                 .counter_count = message->n_counters,
                                 .tat_ms = message->tat_ms,
                                 .tat_fraction = message->tat_fraction};
    if (message->n_counters > 0)
        memcpy(out->counters, message->counters, message->n_counters * sizeof out->counters[0]);
    return STATUS_OK;
}

bool registry_pack_clock(const struct clock_mark *mark, struct arena *arena, struct slice *out)
{
    Postern__Records__ClockRecord message = POSTERN__RECORDS__CLOCK_RECORD__INIT;
    message.format = RECORD_FORMAT;
    message.boot_id = to_bytes(slice_make(mark->boot_id, sizeof mark->boot_id));
    message.boot_ms = mark->boot_ms;
    message.high_ms = mark->high_ms;
    return pack(&message.base, arena, out);
}

enum status registry_unpack_clock(struct slice bytes, struct arena *arena, struct clock_mark *out)
{
    enum status status;
    const Postern__Records__ClockRecord *message =
        unpack(&postern__records__clock_record__descriptor, bytes, arena, &status);
    if (message == NULL)
        return status;
    out->boot_ms = message->boot_ms;
    out->high_ms = message->high_ms;
    bool valid = message->format == RECORD_FORMAT && copy_exact(message->boot_id, sizeof out->boot_id, out->boot_id);
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}
