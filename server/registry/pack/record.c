// Packs and unpacks keys, accounts, tiers and scopes. Stored messages and the plain structs of stored.h are translated
// field by field, so the rest of the room never sees a protobuf message. Bounds are checked when bytes are unpacked.
#include "registry/pack/pack.h"

#include "registry/pack/field.h"

// --- key

static bool copy_optional_id(ProtobufCBinaryData from, bool *is_set, uint8_t to[KEY_ID_SIZE])
{
    *is_set = from.len != 0;
    return from.len == 0 || record_copy_exact(from, KEY_ID_SIZE, to);
}

static bool read_key_fields(const Postern__Records__KeyRecord *from, struct registry_key *to)
{
    *to = (struct registry_key){
        .account = record_from_bytes(from->account),
        .name = record_from_bytes(from->name),
        .environment = (enum key_environment)from->environment,
        .type = (enum key_type)from->type,
        .facts = {.created_at_ms = from->created_at_ms,
                  .expires_at_ms = from->expires_at_ms,
                  .revoked_at_ms = from->revoked_at_ms,
                  .disabled = from->disabled != 0},
        .deleted = from->deleted != 0,
        .created_by = record_from_bytes(from->created_by),
        .revoke_reason = record_from_bytes(from->revoke_reason),
        .scope_count = from->n_scopes,
        .limit_count = from->n_limits,
        .address_count = from->n_allowed_addresses,
        .metadata_count = from->n_metadata,
        .version = from->version,
        .public_token = record_from_bytes(from->public_token),
        .prefix = record_from_bytes(from->prefix),
        .imported = from->imported != 0,
        .purged = from->purged != 0,
        .master_id = from->master_id,
    };
    return from->format == RECORD_FORMAT && record_copy_exact(from->key_id, KEY_ID_SIZE, to->id) &&
           record_copy_exact(from->lineage, KEY_ID_SIZE, to->lineage) &&
           record_copy_exact(from->token_hash, SECRET_HASH_SIZE, to->token_hash) &&
           copy_optional_id(from->successor, &to->facts.has_successor, to->successor) &&
           copy_optional_id(from->predecessor, &to->has_predecessor, to->predecessor) &&
           from->environment >= KEY_ENVIRONMENT_TEST && from->environment <= KEY_ENVIRONMENT_LIVE &&
           from->type >= KEY_TYPE_SECRET && from->type <= KEY_TYPE_PUBLIC;
}

enum status pack_read_key(const Postern__Records__KeyRecord *from, struct arena *arena, struct registry_key *to)
{
    if (!read_key_fields(from, to))
        return STATUS_DATA_LOSS;
    enum status status = pack_read_texts(from->scopes, from->n_scopes, ACCOUNT_SCOPES_PER_KEY_MAX, arena, &to->scopes);
    if (status == STATUS_OK)
        status = pack_read_texts(from->allowed_addresses, from->n_allowed_addresses, REGISTRY_ADDRESSES_MAX, arena,
                                 &to->addresses);
    if (status == STATUS_OK)
        status = pack_read_limits(from->limits, from->n_limits, arena, &to->limits);
    if (status == STATUS_OK)
        status = pack_read_entries(from->metadata, from->n_metadata, arena, &to->metadata);
    return status;
}

bool pack_write_key(const struct registry_key *from, struct arena *arena, Postern__Records__KeyRecord *to)
{
    postern__records__key_record__init(to);
    to->format = RECORD_FORMAT;
    to->key_id = record_to_bytes(slice_make(from->id, KEY_ID_SIZE));
    to->account = record_to_bytes(from->account);
    to->name = record_to_bytes(from->name);
    to->environment = (uint32_t)from->environment;
    to->type = (uint32_t)from->type;
    to->created_at_ms = from->facts.created_at_ms;
    to->created_by = record_to_bytes(from->created_by);
    to->expires_at_ms = from->facts.expires_at_ms;
    to->revoked_at_ms = from->facts.revoked_at_ms;
    to->revoke_reason = record_to_bytes(from->revoke_reason);
    to->disabled = from->facts.disabled;
    to->deleted = from->deleted;
    to->successor = record_to_bytes(slice_make(from->successor, from->facts.has_successor ? KEY_ID_SIZE : 0));
    to->predecessor = record_to_bytes(slice_make(from->predecessor, from->has_predecessor ? KEY_ID_SIZE : 0));
    to->lineage = record_to_bytes(slice_make(from->lineage, KEY_ID_SIZE));
    to->version = from->version;
    to->public_token = record_to_bytes(from->public_token);
    to->prefix = record_to_bytes(from->prefix);
    to->imported = from->imported;
    to->purged = from->purged;
    to->master_id = from->master_id;
    to->token_hash = record_to_bytes(slice_make(from->token_hash, SECRET_HASH_SIZE));
    to->n_scopes = from->scope_count;
    to->n_allowed_addresses = from->address_count;
    to->n_limits = from->limit_count;
    to->n_metadata = from->metadata_count;
    return pack_write_texts(from->scopes, from->scope_count, arena, &to->scopes) &&
           pack_write_texts(from->addresses, from->address_count, arena, &to->allowed_addresses) &&
           pack_write_limits(from->limits, from->limit_count, arena, &to->limits) &&
           pack_write_entries(from->metadata, from->metadata_count, arena, &to->metadata);
}

// --- account

enum status pack_read_account(const Postern__Records__AccountRecord *from, struct arena *arena,
                              struct registry_account *to)
{
    if (from->format != RECORD_FORMAT)
        return STATUS_DATA_LOSS;
    *to = (struct registry_account){
        .id = record_from_bytes(from->account),
        .display_name = record_from_bytes(from->display_name),
        .tier = record_from_bytes(from->tier),
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
        .revoke_reason = record_from_bytes(from->revoke_reason),
        .deleted = from->deleted != 0,
    };
    enum status status = pack_read_limits(from->limits, from->n_limits, arena, &to->limits);
    return status == STATUS_OK ? pack_read_entries(from->metadata, from->n_metadata, arena, &to->metadata) : status;
}

bool pack_write_account(const struct registry_account *from, struct arena *arena, Postern__Records__AccountRecord *to)
{
    postern__records__account_record__init(to);
    to->format = RECORD_FORMAT;
    to->account = record_to_bytes(from->id);
    to->display_name = record_to_bytes(from->display_name);
    to->tier = record_to_bytes(from->tier);
    to->allows_test = from->allows_test;
    to->allows_live = from->allows_live;
    to->suspended = from->suspended;
    to->max_keys = from->max_keys;
    to->no_default_public_key = from->no_default_public_key;
    to->created_at_ms = from->created_at_ms;
    to->version = from->version;
    to->revoked_before_ms = from->revoked_before_ms;
    to->revoke_reason = record_to_bytes(from->revoke_reason);
    to->deleted = from->deleted;
    to->n_limits = from->limit_count;
    to->n_metadata = from->metadata_count;
    return pack_write_limits(from->limits, from->limit_count, arena, &to->limits) &&
           pack_write_entries(from->metadata, from->metadata_count, arena, &to->metadata);
}

// --- tier

enum status pack_read_tier(const Postern__Records__TierRecord *from, struct arena *arena, struct registry_tier *to)
{
    if (from->format != RECORD_FORMAT)
        return STATUS_DATA_LOSS;
    *to = (struct registry_tier){.name = record_from_bytes(from->tier),
                                 .limit_count = from->n_limits,
                                 .is_default = from->is_default != 0,
                                 .version = from->version};
    return pack_read_limits(from->limits, from->n_limits, arena, &to->limits);
}

bool pack_write_tier(const struct registry_tier *from, struct arena *arena, Postern__Records__TierRecord *to)
{
    postern__records__tier_record__init(to);
    to->format = RECORD_FORMAT;
    to->tier = record_to_bytes(from->name);
    to->is_default = from->is_default;
    to->version = from->version;
    to->n_limits = from->limit_count;
    return pack_write_limits(from->limits, from->limit_count, arena, &to->limits);
}

// --- scope

enum status pack_read_scope(const Postern__Records__ScopeRecord *from, struct arena *arena, struct registry_scope *to)
{
    if (from->format != RECORD_FORMAT)
        return STATUS_DATA_LOSS;
    *to = (struct registry_scope){.name = record_from_bytes(from->scope),
                                  .description = record_from_bytes(from->description),
                                  .implies_count = from->n_implies,
                                  .is_default = from->is_default != 0,
                                  .public_safe = from->public_safe != 0,
                                  .version = from->version};
    return pack_read_texts(from->implies, from->n_implies, REGISTRY_IMPLIES_MAX, arena, &to->implies);
}

bool pack_write_scope(const struct registry_scope *from, struct arena *arena, Postern__Records__ScopeRecord *to)
{
    postern__records__scope_record__init(to);
    to->format = RECORD_FORMAT;
    to->scope = record_to_bytes(from->name);
    to->description = record_to_bytes(from->description);
    to->is_default = from->is_default;
    to->public_safe = from->public_safe;
    to->version = from->version;
    to->n_implies = from->implies_count;
    return pack_write_texts(from->implies, from->implies_count, arena, &to->implies);
}

// --- records by themselves

enum status unpack_key(struct slice bytes, struct arena *arena, struct registry_key *out)
{
    enum status status;
    const Postern__Records__KeyRecord *record =
        record_unpack_message(&postern__records__key_record__descriptor, bytes, arena, &status);
    return record != NULL ? pack_read_key(record, arena, out) : status;
}

enum status unpack_account(struct slice bytes, struct arena *arena, struct registry_account *out)
{
    enum status status;
    const Postern__Records__AccountRecord *record =
        record_unpack_message(&postern__records__account_record__descriptor, bytes, arena, &status);
    return record != NULL ? pack_read_account(record, arena, out) : status;
}

enum status unpack_tier(struct slice bytes, struct arena *arena, struct registry_tier *out)
{
    enum status status;
    const Postern__Records__TierRecord *record =
        record_unpack_message(&postern__records__tier_record__descriptor, bytes, arena, &status);
    return record != NULL ? pack_read_tier(record, arena, out) : status;
}

enum status unpack_scope(struct slice bytes, struct arena *arena, struct registry_scope *out)
{
    enum status status;
    const Postern__Records__ScopeRecord *record =
        record_unpack_message(&postern__records__scope_record__descriptor, bytes, arena, &status);
    return record != NULL ? pack_read_scope(record, arena, out) : status;
}

enum status unpack_image(enum image_kind kind, struct slice bytes, struct arena *arena, struct image *out)
{
    out->kind = kind;
    out->removed = false;
    switch (kind) {
    case IMAGE_KEY:
        return unpack_key(bytes, arena, &out->of.key);
    case IMAGE_ACCOUNT:
        return unpack_account(bytes, arena, &out->of.account);
    case IMAGE_TIER:
        return unpack_tier(bytes, arena, &out->of.tier);
    case IMAGE_SCOPE:
        return unpack_scope(bytes, arena, &out->of.scope);
    }
    return STATUS_DATA_LOSS;
}

bool pack_image(const struct image *image, struct arena *arena, struct slice *out)
{
    union {
        Postern__Records__KeyRecord key;
        Postern__Records__AccountRecord account;
        Postern__Records__TierRecord tier;
        Postern__Records__ScopeRecord scope;
    } record;
    *out = slice_empty();
    switch (image->kind) {
    case IMAGE_KEY:
        return pack_write_key(&image->of.key, arena, &record.key) && record_pack_message(&record.key.base, arena, out);
    case IMAGE_ACCOUNT:
        return pack_write_account(&image->of.account, arena, &record.account) &&
               record_pack_message(&record.account.base, arena, out);
    case IMAGE_TIER:
        return pack_write_tier(&image->of.tier, arena, &record.tier) &&
               record_pack_message(&record.tier.base, arena, out);
    case IMAGE_SCOPE:
        return pack_write_scope(&image->of.scope, arena, &record.scope) &&
               record_pack_message(&record.scope.base, arena, out);
    }
    return false;
}
