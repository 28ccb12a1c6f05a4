// The tables of fields against the messages that they are for: a field that a message has and no row knows would be
// lost without a word.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "postern.pb-c.h"
#include "record/record.h"
#include "registry/registry.h"

#include <string.h>

static const struct record_schema *schema_of_list(const struct record_schema *schema, const char *list)
{
    for (size_t i = 0; i < schema->count; i++)
        if (strcmp(schema->fields[i].name, list) == 0)
            return schema->fields[i].part;
    return NULL;
}

static bool fits(const struct record_field *row, const ProtobufCFieldDescriptor *field)
{
    bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
    switch (row->kind) {
    case RECORD_ID:
    case RECORD_OPTIONAL_ID:
    case RECORD_TEXT:
        return field->type == PROTOBUF_C_TYPE_BYTES && !is_list;
    case RECORD_BOOL:
    case RECORD_OFF:
        return field->type == PROTOBUF_C_TYPE_BOOL && !is_list;
    case RECORD_FORMAT_NUMBER:
        return field->type == PROTOBUF_C_TYPE_UINT32 && !is_list;
    case RECORD_U32:
        return (field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_ENUM) && !is_list;
    case RECORD_U64:
        return field->type == PROTOBUF_C_TYPE_UINT64 && !is_list;
    case RECORD_TEXTS:
        return field->type == PROTOBUF_C_TYPE_BYTES && is_list;
    case RECORD_PARTS:
        return field->type == PROTOBUF_C_TYPE_MESSAGE && is_list && row->part != NULL;
    }
    return false;
}

// --- what is stored

static void compare_stored(const struct record_schema *schema)
{
    const ProtobufCMessageDescriptor *message = schema->stored;
    assert_int_equal(schema->count, message->n_fields);
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        const struct record_field *found = NULL;
        for (size_t j = 0; j < schema->count; j++)
            if (schema->fields[j].stored_at == field->offset)
                found = &schema->fields[j];
        if (found == NULL || !fits(found, field))
            fail_msg("%s.%s is not as its row says", message->short_name, field->name);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            assert_int_equal(found->stored_count_at, field->quantifier_offset);
            assert_true(found->max > 0);
        }
        if (found->kind == RECORD_PARTS)
            assert_ptr_equal(found->part->stored, field->descriptor);
    }
}

static void every_stored_field_has_a_row(void **state)
{
    (void)state;
    for (int kind = REGISTRY_KEY; kind <= REGISTRY_SCOPE; kind++)
        compare_stored(registry_schema((enum registry_record_kind)kind));
    compare_stored(schema_of_list(registry_schema(REGISTRY_KEY), "limits"));
    compare_stored(schema_of_list(registry_schema(REGISTRY_KEY), "metadata"));
}

// Differences end at the format.
static void every_record_has_one_format(void **state)
{
    (void)state;
    for (int kind = REGISTRY_KEY; kind <= REGISTRY_SCOPE; kind++) {
        const struct record_schema *schema = registry_schema((enum registry_record_kind)kind);
        size_t count = 0;
        for (size_t i = 0; i < schema->count; i++)
            count += schema->fields[i].kind == RECORD_FORMAT_NUMBER ? 1 : 0;
        assert_int_equal(count, 1);
    }
}

static void nothing_secret_is_shown(void **state)
{
    (void)state;
    for (const struct record_field *row = registry_schema(REGISTRY_KEY)->fields; row->kind != RECORD_FORMAT_NUMBER;
         row++)
        assert_true(strcmp(row->name, "token_hash") != 0 && strcmp(row->name, "public_token") != 0);
}

// --- the wire

// `others`: members that somebody else fills or reads.
static void compare_wire(const struct record_schema *schema, const ProtobufCMessageDescriptor *message,
                         const char *const *others)
{
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        bool is_other = false;
        const struct record_field *found = NULL;
        for (size_t j = 0; others[j] != NULL; j++)
            is_other |= strcmp(others[j], field->name) == 0;
        for (size_t j = 0; j < schema->count; j++)
            if (strcmp(schema->fields[j].name, field->name) == 0 && schema->fields[j].kind > RECORD_OPTIONAL_ID)
                found = &schema->fields[j];
        if (is_other == (found != NULL) || (found != NULL && !fits(found, field)))
            fail_msg("%s.%s has no row, or is not as its row says", message->short_name, field->name);
    }
}

static void every_field_on_the_wire_has_a_row(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const version[] = {"if_version", "update_mask", NULL};
    static const char *const of_account[] = {"environments", NULL};
    static const char *const of_put_account[] = {"environments", "if_version", "update_mask", NULL};
    static const char *const of_update[] = {"key_id", "if_version", "update_mask", NULL};
    static const char *const of_key[] = {"key_id",
                                         "state",
                                         "successor_key_id",
                                         "predecessor_key_id",
                                         "lineage_id",
                                         "last_used_at_ms",
                                         "last_used_address",
                                         "unusual",
                                         "activity",
                                         NULL};
    (void)state;
    compare_wire(registry_schema(REGISTRY_TIER), &postern__v1__tier__descriptor, none);
    compare_wire(registry_schema(REGISTRY_TIER), &postern__v1__put_tier_request__descriptor, version);
    compare_wire(registry_schema(REGISTRY_SCOPE), &postern__v1__scope__descriptor, none);
    compare_wire(registry_schema(REGISTRY_SCOPE), &postern__v1__put_scope_request__descriptor, version);
    compare_wire(registry_schema(REGISTRY_ACCOUNT), &postern__v1__account__descriptor, of_account);
    compare_wire(registry_schema(REGISTRY_ACCOUNT), &postern__v1__put_account_request__descriptor, of_put_account);
    compare_wire(registry_schema(REGISTRY_KEY), &postern__v1__key__descriptor, of_key);
    compare_wire(registry_schema(REGISTRY_KEY), &postern__v1__create_request__descriptor, none);
    compare_wire(registry_schema(REGISTRY_KEY), &postern__v1__update_request__descriptor, of_update);
    compare_wire(schema_of_list(registry_schema(REGISTRY_KEY), "limits"), &postern__v1__limit__descriptor, none);
    compare_wire(schema_of_list(registry_schema(REGISTRY_KEY), "metadata"), &postern__v1__entry__descriptor, none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stored_field_has_a_row),
        cmocka_unit_test(every_record_has_one_format),
        cmocka_unit_test(nothing_secret_is_shown),
        cmocka_unit_test(every_field_on_the_wire_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
