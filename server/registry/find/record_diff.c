// Says what a change did to a record, for people: the record before and after become lists of named text fields, and
// the diff keeps those that differ. Secrets and hashes are never among the fields.
#include "registry/find/record_diff.h"

#include "registry/pack/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// --- fields

struct builder {
    struct arena *arena;
    struct diff_fields *text;
    bool out_of_memory;
};

static void add_field(struct builder *builder, const char *name, struct slice value, bool says_nothing)
{
    struct diff_fields *text = builder->text;
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

// Joins the texts with a space between each two.
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

static void add_limits(struct builder *builder, const char *name, const struct limit *limits, size_t count)
{
    char text[LIMIT_PER_RECORD_MAX][LIMIT_TEXT_MAX + 1];
    struct slice slices[LIMIT_PER_RECORD_MAX];
    for (size_t i = 0; i < count && i < LIMIT_PER_RECORD_MAX; i++)
        slices[i] = slice_make(text[i], limit_format(&limits[i], text[i]));
    add_texts(builder, name, slices, count < LIMIT_PER_RECORD_MAX ? count : LIMIT_PER_RECORD_MAX);
}

// "metadata.KEY" of each.
static void add_entries(struct builder *builder, const char *list, const struct registry_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(list) + 1 + entries[i].key.size + 1;
        char *name = arena_alloc(builder->arena, size);
        builder->out_of_memory |= name == NULL;
        if (name == NULL)
            return;
        (void)snprintf(name, size, "%s.%.*s", list, SLICE_ARGS(entries[i].key));
        add_field(builder, name, entries[i].value, false);
    }
}

// --- records

static void add_parts(struct builder *builder, const struct record_field *field, const void *member, size_t count)
{
    const void *list;
    memcpy(&list, member, sizeof list);
    if (field->kind == RECORD_TEXTS)
        add_texts(builder, field->name, list, count);
    else if (field->part == &pack_limit_schema)
        add_limits(builder, field->name, list, count);
    else
        add_entries(builder, field->name, list, count);
}

static void add_member(struct builder *builder, const struct record_field *field, const uint8_t *plain)
{
    const void *member = plain + field->at;
    const void *beside = plain + field->count_at;
    switch (field->kind) {
    case RECORD_FORMAT_NUMBER:
        break;
    case RECORD_ID:
        add_id(builder, field->name, true, member);
        break;
    case RECORD_OPTIONAL_ID:
        add_id(builder, field->name, *(const bool *)beside, member);
        break;
    case RECORD_TEXT:
        add(builder, field->name, *(const struct slice *)member);
        break;
    case RECORD_BOOL:
        add_bool(builder, field->name, *(const bool *)member);
        break;
    case RECORD_OFF:
        add_bool(builder, field->name, !*(const bool *)member);
        break;
    case RECORD_U32:
        if (field->words != NULL)
            add(builder, field->name, slice_text(field->words[*(const uint32_t *)member]));
        else
            add_number(builder, field->name, *(const uint32_t *)member);
        break;
    case RECORD_U64:
        add_number(builder, field->name, *(const uint64_t *)member);
        break;
    case RECORD_TEXTS:
    case RECORD_PARTS:
        add_parts(builder, field, member, *(const size_t *)beside);
        break;
    }
}

static void add_environments(struct builder *builder, const struct registry_account *account)
{
    struct slice environments[2];
    size_t count = 0;
    if (account->allows_test)
        environments[count++] = slice_text("test");
    if (account->allows_live)
        environments[count++] = slice_text("live");
    add_texts(builder, "environments", environments, count);
}

bool diff_fields(const struct image *image, struct arena *arena, struct diff_fields *out)
{
    struct builder builder = {.arena = arena, .text = out};
    const struct record_field *field = registry_schema(image->kind)->fields;
    out->count = 0;
    out->identity = image->kind == REGISTRY_TIER || image->kind == REGISTRY_SCOPE ? 1 : 0;
    if (image->kind == REGISTRY_ACCOUNT)
        add_environments(&builder, &image->of.account);
    for (; field->kind != RECORD_FORMAT_NUMBER; field++)
        add_member(&builder, field, (const uint8_t *)&image->of);
    return !builder.out_of_memory;
}

// --- differences

static bool differs(const struct diff_fields *text, size_t i, const struct diff_fields *other)
{
    const struct registry_entry *field = &text->fields[i];
    if (other == NULL)
        return !text->says_nothing[i];
    for (size_t j = 0; j < other->count; j++)
        if (slice_equal(other->fields[j].key, field->key))
            return !slice_equal(other->fields[j].value, field->value);
    return true;
}

// Copies the fields of `text` that differ in `other`.
static bool take_differing(const struct diff_fields *text, const struct diff_fields *other, struct arena *arena,
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

bool diff_records(const struct diff_fields *before, const struct diff_fields *after, struct arena *arena,
                  struct record_diff *out)
{
    *out = (struct record_diff){.before_count = 0};
    return (before == NULL || take_differing(before, after, arena, &out->before, &out->before_count, &out->bytes)) &&
           (after == NULL || take_differing(after, before, arena, &out->after, &out->after_count, &out->bytes));
}
