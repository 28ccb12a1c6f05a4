// The fields of keys, accounts, tiers and scopes, once: packing, unpacking, differences between records and what the
// wire says of them all read these schemas. A new field is one row here, beside its member in stored.h and in the
// messages. Its name is that of the stored message's member and so of the wire's, unless the row says another one. What
// comes behind the format is no part of what people see of a change.
#include "registry/pack/pack.h"

#include <records.pb-c.h>
#include <stddef.h>

// The versions of clang-format lay these macros out differently.
// clang-format off
#define KIND(type, member)                                                                                             \
    _Generic(((type *)NULL)->member,                                                                                   \
        bool: RECORD_BOOL,                                                                                             \
        uint32_t: RECORD_U32,                                                                                          \
        uint64_t: RECORD_U64,                                                                                          \
        struct slice: RECORD_TEXT,                                                                                     \
        struct slice *: RECORD_TEXTS,                                                                                  \
        struct limit *: RECORD_PARTS,                                                                                  \
        struct registry_entry *: RECORD_PARTS)
// Where a field is in the plain struct and in the stored message.
#define AT(type, member, message, stored) .at = offsetof(type, member), .stored_at = offsetof(message, stored)
#define FIELD(type, member, message, stored)                                                                           \
    .name = #stored, .kind = KIND(type, member), AT(type, member, message, stored)
#define LIST(type, member, counter, message, stored, most)                                                             \
    FIELD(type, member, message, stored), .count_at = offsetof(type, counter),                                         \
                                          .stored_count_at = offsetof(message, n_##stored), .max = (most)
#define FORMAT(message) .name = "format", .kind = RECORD_FORMAT_NUMBER, .stored_at = offsetof(message, format)
#define COUNT(list)     (sizeof(list) / sizeof *(list))
// clang-format on

// --- parts of records

#define LIMIT(member) FIELD(struct limit, member, Postern__Records__LimitRecord, member)
static const struct record_field limit_fields[] = {
    {LIMIT(resource)}, {LIMIT(algorithm)}, {LIMIT(amount)},    {LIMIT(window_s)},
    {LIMIT(period)},   {LIMIT(burst)},     {LIMIT(unlimited)}, {LIMIT(shadow)},
};

static bool is_limit_sound(const void *plain)
{
    const struct limit *limit = plain;
    unsigned lowest = limit->unlimited ? 0 : LIMIT_FIXED_WINDOW;
    return (unsigned)limit->algorithm >= lowest && (unsigned)limit->algorithm <= LIMIT_TOKEN_BUCKET &&
           (unsigned)limit->period <= LIMIT_TOTAL;
}

const struct record_schema pack_limit_schema = {
    .fields = limit_fields,
    .count = COUNT(limit_fields),
    .size = sizeof(struct limit),
    .stored = &postern__records__limit_record__descriptor,
    .is_sound = is_limit_sound,
};

#define ENTRY(member) FIELD(struct registry_entry, member, Postern__Records__EntryRecord, member)
static const struct record_field entry_fields[] = {{ENTRY(key)}, {ENTRY(value)}};

static const struct record_schema entry_schema = {
    .fields = entry_fields,
    .count = COUNT(entry_fields),
    .size = sizeof(struct registry_entry),
    .stored = &postern__records__entry_record__descriptor,
};

// --- key

#define KEY(member, stored)    FIELD(struct registry_key, member, Postern__Records__KeyRecord, stored)
#define KEY_AT(member, stored) AT(struct registry_key, member, Postern__Records__KeyRecord, stored)
#define KEY_ID(member, stored) .kind = RECORD_ID, .max = KEY_ID_SIZE, KEY_AT(member, stored)
#define KEY_OPTIONAL_ID(member, flag, stored)                                                                          \
    .kind = RECORD_OPTIONAL_ID, .max = KEY_ID_SIZE, .count_at = offsetof(struct registry_key, flag),                   \
    KEY_AT(member, stored)
#define KEY_LIST(member, counter, stored, most)                                                                        \
    LIST(struct registry_key, member, counter, Postern__Records__KeyRecord, stored, most)

static const char *const environments[] = {NULL, "test", "live"};
static const char *const types[] = {NULL, "secret", "public"};

static const struct record_field key_fields[] = {
    {KEY(name, name)},
    {KEY(environment, environment), .words = environments},
    {KEY(type, type), .words = types},
    {KEY_LIST(scopes, scope_count, scopes, ACCOUNT_SCOPES_PER_KEY_MAX)},
    {KEY(prefix, prefix)},
    {KEY(imported, imported)},
    {KEY(facts.created_at_ms, created_at_ms)},
    {KEY(created_by, created_by)},
    {KEY(facts.expires_at_ms, expires_at_ms)},
    {KEY(facts.not_before_ms, not_before_ms)},
    {.name = "enabled", .kind = RECORD_OFF, KEY_AT(facts.disabled, disabled)},
    {KEY(facts.revoked_at_ms, revoked_at_ms)},
    {KEY(revoke_reason, revoke_reason)},
    {KEY(deleted, deleted)},
    {KEY(purged, purged)},
    {.name = "successor_key_id", KEY_OPTIONAL_ID(successor, facts.has_successor, successor)},
    {.name = "predecessor_key_id", KEY_OPTIONAL_ID(predecessor, has_predecessor, predecessor)},
    {.name = "lineage_id", KEY_ID(lineage, lineage)},
    {KEY_LIST(limits, limit_count, limits, LIMIT_PER_RECORD_MAX), .part = &pack_limit_schema},
    {KEY_LIST(addresses, address_count, allowed_addresses, REGISTRY_ADDRESSES_MAX)},
    {KEY_LIST(metadata, metadata_count, metadata, REGISTRY_METADATA_MAX), .part = &entry_schema},
    {KEY(meter_resets, meter_resets)},
    {FORMAT(Postern__Records__KeyRecord)},
    {.name = "key_id", KEY_ID(id, key_id)},
    {KEY(account, account)},
    {KEY(version, version)},
    {KEY(life, life)},
    {KEY(expiry_set_at_ms, expiry_set_at_ms)}, // beside the change that set it there is nothing to say
    {KEY(public_token, public_token)},
    {KEY(master_id, master_id)},
    {.name = "token_hash", .kind = RECORD_ID, .max = SECRET_HASH_SIZE, KEY_AT(token_hash, token_hash)},
};

static bool is_key_sound(const void *plain)
{
    const struct registry_key *key = plain;
    return key->environment >= KEY_ENVIRONMENT_TEST && key->environment <= KEY_ENVIRONMENT_LIVE &&
           key->type >= KEY_TYPE_SECRET && key->type <= KEY_TYPE_PUBLIC;
}

// --- account

#define ACCOUNT(member, stored) FIELD(struct registry_account, member, Postern__Records__AccountRecord, stored)
#define ACCOUNT_LIST(member, counter, most)                                                                            \
    LIST(struct registry_account, member, counter, Postern__Records__AccountRecord, member, most)

static const struct record_field account_fields[] = {
    {ACCOUNT(display_name, display_name)},
    {ACCOUNT(tier, tier)},
    {ACCOUNT(suspended, suspended)},
    {ACCOUNT_LIST(limits, limit_count, LIMIT_PER_RECORD_MAX), .part = &pack_limit_schema},
    {ACCOUNT(time_zone, time_zone)},
    {ACCOUNT(max_keys, max_keys)},
    {ACCOUNT(no_default_public_key, no_default_public_key)},
    {ACCOUNT(created_at_ms, created_at_ms)},
    {ACCOUNT(revoked_before_ms, revoked_before_ms)},
    {ACCOUNT(revoke_reason, revoke_reason)},
    {ACCOUNT(deleted, deleted)},
    {ACCOUNT_LIST(metadata, metadata_count, REGISTRY_METADATA_MAX), .part = &entry_schema},
    {ACCOUNT(meter_resets, meter_resets)},
    {FORMAT(Postern__Records__AccountRecord)},
    {ACCOUNT(id, account)},
    {ACCOUNT(allows_test, allows_test)}, // people and the wire have one list of environments
    {ACCOUNT(allows_live, allows_live)},
    {ACCOUNT(version, version)},
    {ACCOUNT(life, life)},
};

// --- tier

#define TIER(member, stored) FIELD(struct registry_tier, member, Postern__Records__TierRecord, stored)

static const struct record_field tier_fields[] = {
    {TIER(name, tier)},
    {LIST(struct registry_tier, limits, limit_count, Postern__Records__TierRecord, limits, LIMIT_PER_RECORD_MAX),
     .part = &pack_limit_schema},
    {TIER(time_zone, time_zone)},
    {TIER(is_default, is_default)},
    {FORMAT(Postern__Records__TierRecord)},
    {TIER(version, version)},
};

// --- scope

#define SCOPE(member, stored) FIELD(struct registry_scope, member, Postern__Records__ScopeRecord, stored)

static const struct record_field scope_fields[] = {
    {SCOPE(name, scope)},
    {SCOPE(description, description)},
    {LIST(struct registry_scope, implies, implies_count, Postern__Records__ScopeRecord, implies,
          ACCOUNT_SCOPE_IMPLIES_MAX)},
    {SCOPE(is_default, is_default)},
    {SCOPE(public_safe, public_safe)},
    {FORMAT(Postern__Records__ScopeRecord)},
    {SCOPE(version, version)},
};

// --- all of them

static const struct record_schema schemas[] = {
    [REGISTRY_KEY] = {key_fields, COUNT(key_fields), sizeof(struct registry_key),
                      &postern__records__key_record__descriptor, is_key_sound},
    [REGISTRY_ACCOUNT] = {account_fields, COUNT(account_fields), sizeof(struct registry_account),
                          &postern__records__account_record__descriptor, NULL},
    [REGISTRY_TIER] = {tier_fields, COUNT(tier_fields), sizeof(struct registry_tier),
                       &postern__records__tier_record__descriptor, NULL},
    [REGISTRY_SCOPE] = {scope_fields, COUNT(scope_fields), sizeof(struct registry_scope),
                        &postern__records__scope_record__descriptor, NULL},
};

const struct record_schema *registry_schema(enum registry_record_kind kind)
{
    return &schemas[kind];
}

enum status unpack_image(enum registry_record_kind kind, struct slice bytes, struct arena *arena, struct image *out)
{
    out->kind = kind;
    out->removed = false;
    return record_unpack(&schemas[kind], bytes, arena, &out->of);
}

bool pack_image(const struct image *image, struct arena *arena, struct slice *out)
{
    return record_pack(&schemas[image->kind], &image->of, arena, out);
}

enum status unpack_key(struct slice bytes, struct arena *arena, struct registry_key *out)
{
    return record_unpack(&schemas[REGISTRY_KEY], bytes, arena, out);
}

enum status unpack_account(struct slice bytes, struct arena *arena, struct registry_account *out)
{
    return record_unpack(&schemas[REGISTRY_ACCOUNT], bytes, arena, out);
}

enum status unpack_scope(struct slice bytes, struct arena *arena, struct registry_scope *out)
{
    return record_unpack(&schemas[REGISTRY_SCOPE], bytes, arena, out);
}
