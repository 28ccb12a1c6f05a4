// Says what a change did to a record, for people: the record before and after become lists of named text fields, and
// the diff keeps those that differ. Secrets and hashes are never among the fields.
#include "registry/find/record_diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// --- fields

struct builder {
    struct arena *arena;
    struct record_fields *text;
    bool out_of_memory;
};

static void add_field(struct builder *builder, const char *name, struct slice value, bool says_nothing)
{
    struct record_fields *text = builder->text;
    if (text->count == RECORD_FIELDS_MAX)
        return;
    text->fields[text->count] = (struct registry_entry){.key = slice_text(name), .value = value};
    text->says_nothing[text->count++] = says_nothing;
}

static void add(struct builder *builder, const char *name, struct slice value)
{
    add_field(builder, name, value, value.size == 0);
}

static void add_bool(struct builder *builder, const char *name, bool value)
{
    add_field(builder, name, slice_text(value ? "true" : "false"), !value);
}

static void add_number(struct builder *builder, const char *name, uint64_t value)
{
    enum { DIGITS_MAX = 20 };
    char *digits = arena_alloc(builder->arena, DIGITS_MAX + 1);
    builder->out_of_memory |= digits == NULL;
    if (digits != NULL)
        add_field(builder, name, slice_make(digits, (size_t)snprintf(digits, DIGITS_MAX + 1, "%" PRIu64, value)),
                  value == 0);
}

static void add_id(struct builder *builder, const char *name, bool is_set, const uint8_t id[KEY_ID_SIZE])
{
    char *text = arena_alloc(builder->arena, KEY_ID_TEXT_SIZE + 1);
    builder->out_of_memory |= text == NULL;
    if (text == NULL)
        return;
    key_id_format(id, text);
    add(builder, name, slice_make(text, is_set ? KEY_ID_TEXT_SIZE : 0));
}

// With a space between each two.
static void add_texts(struct builder *builder, const char *name, const struct slice *texts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += texts[i].size + 1;
    uint8_t *joined = arena_alloc(builder->arena, size);
    builder->out_of_memory |= joined == NULL;
    if (joined == NULL)
        return;
    size = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            joined[size++] = ' ';
        if (texts[i].size > 0)
            memcpy(joined + size, texts[i].data, texts[i].size);
        size += texts[i].size;
    }
    add(builder, name, slice_make(joined, size));
}

static void add_limits(struct builder *builder, const struct limit *limits, size_t count)
{
    char text[LIMIT_PER_OWNER_MAX][LIMIT_TEXT_MAX + 1];
    struct slice slices[LIMIT_PER_OWNER_MAX];
    for (size_t i = 0; i < count && i < LIMIT_PER_OWNER_MAX; i++)
        slices[i] = slice_make(text[i], limit_format(&limits[i], text[i]));
    add_texts(builder, "limits", slices, count < LIMIT_PER_OWNER_MAX ? count : LIMIT_PER_OWNER_MAX);
}

static void add_metadata(struct builder *builder, const struct registry_entry *entries, size_t count)
{
    static const char prefix[] = "metadata.";
    enum { PREFIX_SIZE = sizeof prefix - 1 };
    for (size_t i = 0; i < count; i++) {
        size_t size = PREFIX_SIZE + entries[i].key.size;
        char *name = arena_alloc(builder->arena, size + 1);
        builder->out_of_memory |= name == NULL;
        if (name == NULL)
            return;
        memcpy(name, prefix, PREFIX_SIZE);
        if (entries[i].key.size > 0)
            memcpy(name + PREFIX_SIZE, entries[i].key.data, entries[i].key.size);
        name[size] = '\0';
        add_field(builder, name, entries[i].value, false);
    }
}

// --- records

static void add_key(struct builder *builder, const struct registry_key *key)
{
    add(builder, "name", key->name);
    add(builder, "environment", slice_text(key->environment == KEY_ENVIRONMENT_LIVE ? "live" : "test"));
    add(builder, "type", slice_text(key->type == KEY_TYPE_PUBLIC ? "public" : "secret"));
    add_texts(builder, "scopes", key->scopes, key->scope_count);
    add(builder, "prefix", key->prefix);
    add_bool(builder, "imported", key->imported);
    add_number(builder, "created_at_ms", key->facts.created_at_ms);
    add(builder, "created_by", key->created_by);
    add_number(builder, "expires_at_ms", key->facts.expires_at_ms);
    add_bool(builder, "enabled", !key->facts.disabled);
    add_number(builder, "revoked_at_ms", key->facts.revoked_at_ms);
    add(builder, "revoke_reason", key->revoke_reason);
    add_bool(builder, "deleted", key->deleted);
    add_bool(builder, "purged", key->purged);
    add_id(builder, "successor_key_id", key->facts.has_successor, key->successor);
    add_id(builder, "predecessor_key_id", key->has_predecessor, key->predecessor);
    add_id(builder, "lineage_id", true, key->lineage);
    add_limits(builder, key->limits, key->limit_count);
    add_texts(builder, "allowed_addresses", key->addresses, key->address_count);
    add_metadata(builder, key->metadata, key->metadata_count);
}

static void add_account(struct builder *builder, const struct registry_account *account)
{
    struct slice environments[2];
    size_t count = 0;
    if (account->allows_test)
        environments[count++] = slice_text("test");
    if (account->allows_live)
        environments[count++] = slice_text("live");
    add(builder, "display_name", account->display_name);
    add(builder, "tier", account->tier);
    add_texts(builder, "environments", environments, count);
    add_bool(builder, "suspended", account->suspended);
    add_limits(builder, account->limits, account->limit_count);
    add_number(builder, "max_keys", account->max_keys);
    add_bool(builder, "no_default_public_key", account->no_default_public_key);
    add_number(builder, "created_at_ms", account->created_at_ms);
    add_number(builder, "revoked_before_ms", account->revoked_before_ms);
    add(builder, "revoke_reason", account->revoke_reason);
    add_bool(builder, "deleted", account->deleted);
    add_metadata(builder, account->metadata, account->metadata_count);
}

static void add_tier(struct builder *builder, const struct registry_tier *tier)
{
    builder->text->identity = 1;
    add(builder, "tier", tier->name);
    add_limits(builder, tier->limits, tier->limit_count);
    add_bool(builder, "is_default", tier->is_default);
}

static void add_scope(struct builder *builder, const struct registry_scope *scope)
{
    builder->text->identity = 1;
    add(builder, "scope", scope->name);
    add(builder, "description", scope->description);
    add_texts(builder, "implies", scope->implies, scope->implies_count);
    add_bool(builder, "is_default", scope->is_default);
    add_bool(builder, "public_safe", scope->public_safe);
}

bool record_fields(const struct image *image, struct arena *arena, struct record_fields *out)
{
    struct builder builder = {.arena = arena, .text = out};
    out->count = 0;
    out->identity = 0;
    switch (image->kind) {
    case IMAGE_KEY:
        add_key(&builder, &image->of.key);
        break;
    case IMAGE_ACCOUNT:
        add_account(&builder, &image->of.account);
        break;
    case IMAGE_TIER:
        add_tier(&builder, &image->of.tier);
        break;
    case IMAGE_SCOPE:
        add_scope(&builder, &image->of.scope);
        break;
    }
    return !builder.out_of_memory;
}

// --- differences

static bool differs(const struct record_fields *text, size_t i, const struct record_fields *other)
{
    const struct registry_entry *field = &text->fields[i];
    if (other == NULL)
        return !text->says_nothing[i];
    for (size_t j = 0; j < other->count; j++)
        if (slice_equal(other->fields[j].key, field->key))
            return !slice_equal(other->fields[j].value, field->value);
    return true;
}

// What of `text` is not the same in `other`.
static bool take_differing(const struct record_fields *text, const struct record_fields *other, struct arena *arena,
                           struct registry_entry **out, size_t *count, size_t *bytes)
{
    *count = 0;
    *out = arena_array(arena, text->count, sizeof **out);
    for (size_t i = 0; i < text->count && *out != NULL; i++) {
        const struct registry_entry *field = &text->fields[i];
        if (i >= text->identity && !differs(text, i, other))
            continue;
        struct registry_entry *copy = &(*out)[(*count)++];
        if (!arena_copy(arena, field->key, &copy->key) || !arena_copy(arena, field->value, &copy->value))
            return false;
        *bytes += field->key.size + field->value.size;
    }
    return *out != NULL;
}

bool record_diff(const struct record_fields *before, const struct record_fields *after, struct arena *arena,
                 struct record_diff *out)
{
    *out = (struct record_diff){.before_count = 0};
    return (before == NULL || take_differing(before, after, arena, &out->before, &out->before_count, &out->bytes)) &&
           (after == NULL || take_differing(after, before, arena, &out->after, &out->after_count, &out->bytes));
}
