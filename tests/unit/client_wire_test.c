// The tables between the public structs and the protocol leave nothing out.
#include "../../client/src/accounts.c"
#include "../../client/src/authorization.c"
#include "../../client/src/keys.c"
#include "../../client/src/operations.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct postern_method *const methods[] = {
    &verify_method,         &verify_batch_method, &rate_check_method,  &create_method,        &get_method,
    &list_method,           &update_method,       &roll_method,        &revoke_method,        &import_method,
    &delete_method,         &put_account_method,  &get_account_method, &list_accounts_method, &revoke_all_method,
    &delete_account_method, &put_tier_method,     &list_tiers_method,  &delete_tier_method,   &put_scope_method,
    &list_scopes_method,    &delete_scope_method, &health_method,      &stats_method,         &get_usage_method,
    &list_changes_method,   &reset_meters_method,
};
enum { METHODS = sizeof methods / sizeof methods[0], CALLS_BEGIN = 16 };

// Calls that are not offered yet, and fields that a call sees to by itself.
static const char *const calls_left_out[] = {"backup", "get_operation"};
static const char *const fields_left_out[] = {
    "VerifyRequest.charge_id",
    "RateCheckRequest.charge_id",
    "UpdateRequest.update_mask",
    "RollRequest.grace_ms",
    "RollRequest.expires_at_ms",
    "ImportKey.sha256",
    "Custom.limits",
    "VerifyReply.binding_meter",
    "RateCheckReply.binding_meter",
    "VerifyBatchReply.replies",
    "VerifyBatchReply.statuses",
};

static bool is_listed(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

// Members of a oneof have one place: texts tell by their number whose it is.
static bool is_row_of(const struct postern_row *row, const ProtobufCFieldDescriptor *field)
{
    if (row->wire != field->offset)
        return false;
    return row->kind == POSTERN_KIND_CHOICE ? row->choice == field->id
                                            : (row->element != NULL) == (field->type == PROTOBUF_C_TYPE_MESSAGE);
}

static size_t rows_of(const struct postern_table *table, const ProtobufCFieldDescriptor *field)
{
    size_t count = 0;
    for (const struct postern_row *row = table->rows; row->kind != POSTERN_KIND_END; row++)
        count += is_row_of(row, field);
    return count;
}

static void check_table(const struct postern_table *table)
{
    for (unsigned i = 0; i < table->wire->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &table->wire->fields[i];
        char name[128];
        snprintf(name, sizeof name, "%s.%s", table->wire->short_name, field->name);
        bool is_left_out = is_listed(name, fields_left_out, sizeof fields_left_out / sizeof fields_left_out[0]);
        if (rows_of(table, field) != !is_left_out)
            fail_msg("%s has %zu rows", name, rows_of(table, field));
    }
    for (const struct postern_row *row = table->rows; row->kind != POSTERN_KIND_END; row++)
        if (row->element != NULL)
            check_table(row->element);
}

static void every_field_of_a_message_has_its_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < METHODS; i++) {
        check_table(methods[i]->request);
        check_table(methods[i]->reply);
    }
}

static const struct postern_method *method_of(uint32_t tag)
{
    for (size_t i = 0; i < METHODS; i++)
        if ((uint32_t)methods[i]->tag == tag)
            return methods[i];
    return NULL;
}

// In both envelopes its messages have the number of the method.
static void every_call_of_the_protocol_has_a_method(void **state)
{
    (void)state;
    for (unsigned i = 0; i < postern__v1__request__descriptor.n_fields; i++) {
        const ProtobufCFieldDescriptor *asked = &postern__v1__request__descriptor.fields[i];
        if (asked->id < CALLS_BEGIN)
            continue;
        const ProtobufCFieldDescriptor *answered =
            protobuf_c_message_descriptor_get_field(&postern__v1__reply__descriptor, asked->id);
        const struct postern_method *method = method_of(asked->id);
        if (is_listed(asked->name, calls_left_out, sizeof calls_left_out / sizeof calls_left_out[0]))
            continue;
        assert_non_null(method);
        assert_non_null(answered);
        assert_ptr_equal(method->request->wire, asked->descriptor);
        assert_ptr_equal(method->reply->wire, answered->descriptor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_a_message_has_its_row),
        cmocka_unit_test(every_call_of_the_protocol_has_a_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
