#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "postern.pb-c.h"
#include "rpc/check.h"

// Bytes of a literal, which may hold NULs. Checking does not write to them.
#define BYTES(literal) sizeof(literal) - 1, (uint8_t *)(uintptr_t)(literal)

static ProtobufCBinaryData text(const char *s)
{
    return (ProtobufCBinaryData){strlen(s), (uint8_t *)(uintptr_t)s};
}

static ProtobufCBinaryData repeat(char c, size_t size)
{
    static uint8_t buffer[4096];
    assert_true(size <= sizeof buffer);
    memset(buffer, c, size);
    return (ProtobufCBinaryData){size, buffer};
}

static void expect(const char *name, const void *message, enum status status, const char *field)
{
    struct status_failure failure = {0};
    enum status found = check_call(name, message, &failure);
    if (found != status || strcmp(failure.field, field) != 0)
        fail_msg("%s: wanted %s at \"%s\", got %s at \"%s\": %s", name, status_name(status), field, status_name(found),
                 failure.field, failure.message);
    if (status != STATUS_OK && strstr(failure.message, field) == NULL)
        fail_msg("message does not name the field: %s", failure.message);
}

static void refused(const char *name, const void *message, const char *field)
{
    expect(name, message, STATUS_INVALID_ARGUMENT, field);
}

static void accepted(const char *name, const void *message)
{
    expect(name, message, STATUS_OK, "");
}

// --- texts

static void empty_calls_keep_all_bounds(void **state)
{
    (void)state;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    Postern__V1__RateCheckRequest rate_check = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    accepted("verify", &verify);
    accepted("create", &create);
    accepted("rate_check", &rate_check);
}

static void names_are_checked_where_they_stand(void **state)
{
    (void)state;
    static const char *const bad[] = {"Acme", "-acme", ".a", "a b", "a/b", "\xC3\xA9", "a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
        verify.account = text(bad[i]);
        refused("verify", &verify, "verify.account");
        Postern__V1__PutTierRequest tier = POSTERN__V1__PUT_TIER_REQUEST__INIT;
        tier.tier = text(bad[i]);
        refused("put_tier", &tier, "put_tier.tier");
        Postern__V1__PutAccountRequest account = POSTERN__V1__PUT_ACCOUNT_REQUEST__INIT;
        account.tier = text(bad[i]);
        refused("put_account", &account, "put_account.tier");
    }
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.account = repeat('a', 64);
    accepted("verify", &verify);
    verify.account = repeat('a', 65);
    refused("verify", &verify, "verify.account");
}

static void texts_are_utf8_without_controls(void **state)
{
    (void)state;
    static const ProtobufCBinaryData bad[] = {{BYTES("a\0b")},         {BYTES("a\nb")},     {BYTES("\x7F")},
                                              {BYTES("\xFF")},         {BYTES("\xC2\x85")}, {BYTES("\xC0\x80")},
                                              {BYTES("\xED\xA0\x80")}, {BYTES("half \xC3")}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
        create.name = bad[i];
        refused("create", &create, "create.name");
        Postern__V1__RevokeRequest revoke = POSTERN__V1__REVOKE_REQUEST__INIT;
        revoke.reason = bad[i];
        refused("revoke", &revoke, "revoke.reason");
        Postern__V1__PutAccountRequest account = POSTERN__V1__PUT_ACCOUNT_REQUEST__INIT;
        account.display_name = bad[i];
        refused("put_account", &account, "put_account.display_name");
    }
}

static void names_and_reasons_have_at_most_128_bytes(void **state)
{
    (void)state;
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.name = repeat('n', 128);
    accepted("create", &create);
    create.name = repeat('n', 129);
    refused("create", &create, "create.name");
    Postern__V1__PutScopeRequest scope = POSTERN__V1__PUT_SCOPE_REQUEST__INIT;
    scope.description = repeat('n', 129);
    refused("put_scope", &scope, "put_scope.description");
}

static void presented_token_may_be_any_bytes(void **state)
{
    (void)state;
    static const ProtobufCBinaryData any[] = {{BYTES("a\0b")}, {BYTES("\xFF\xFE")}, {BYTES("\n")}};
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
        verify.api_key = any[i];
        accepted("verify", &verify);
    }
    verify.api_key = repeat('k', 4096);
    accepted("verify", &verify);
}

static void scopes_are_needed_exactly_and_granted_widely(void **state)
{
    (void)state;
    ProtobufCBinaryData scopes[65];
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    verify.scopes = create.scopes = scopes;
    verify.n_scopes = create.n_scopes = 2;
    scopes[0] = text("read");
    scopes[1] = text("read:*");
    accepted("create", &create);
    refused("verify", &verify, "verify.scopes[1]");
    scopes[1] = text("Read");
    refused("create", &create, "create.scopes[1]");
    scopes[1] = text(""); // an element of a list is never unset
    refused("verify", &verify, "verify.scopes[1]");
    scopes[1] = repeat('s', 65);
    refused("verify", &verify, "verify.scopes[1]");
    for (size_t i = 0; i < 65; i++)
        scopes[i] = text("read");
    verify.n_scopes = 64;
    accepted("verify", &verify);
    verify.n_scopes = 65;
    refused("verify", &verify, "verify.scopes");
    Postern__V1__PutScopeRequest put = POSTERN__V1__PUT_SCOPE_REQUEST__INIT;
    put.scope = text("read:*");
    refused("put_scope", &put, "put_scope.scope");
    put.scope = text("read");
    put.implies = scopes;
    put.n_implies = 65;
    refused("put_scope", &put, "put_scope.implies");
}

static void prefix_and_key_id_have_their_shapes(void **state)
{
    (void)state;
    static const char *const bad_prefixes[] = {"pub", "a", "Acme", "1a", "ac-me", "abcdefghijklmnopqrstu"};
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    for (size_t i = 0; i < sizeof bad_prefixes / sizeof *bad_prefixes; i++) {
        create.prefix = text(bad_prefixes[i]);
        refused("create", &create, "create.prefix");
    }
    create.prefix = text("acme2");
    accepted("create", &create);
    static const char *const bad_ids[] = {"key_",
                                          "key_00000000000000",
                                          "key_0000000000000000",
                                          "Key_000000000000000",
                                          "key_zzzzzzzzzzzzzzz",
                                          "key_00000000000000-"};
    Postern__V1__GetRequest get = POSTERN__V1__GET_REQUEST__INIT;
    for (size_t i = 0; i < sizeof bad_ids / sizeof *bad_ids; i++) {
        get.key_id = text(bad_ids[i]);
        refused("get", &get, "get.key_id");
    }
    get.key_id = text("key_000000000000001");
    accepted("get", &get);
}

static void networks_are_checked_and_addresses_are_not(void **state)
{
    (void)state;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.remote_address = text("unknown");
    accepted("verify", &verify);
    ProtobufCBinaryData networks[33];
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.allowed_addresses = networks;
    create.n_allowed_addresses = 3;
    networks[0] = text("10.0.0.0/8");
    networks[1] = text("2001:db8::/32");
    networks[2] = text("192.0.2.7");
    accepted("create", &create);
    networks[2] = text("10.0.0.1/8");
    refused("create", &create, "create.allowed_addresses[2]");
    for (size_t i = 0; i < 33; i++)
        networks[i] = text("10.0.0.0/8");
    create.n_allowed_addresses = 33;
    refused("create", &create, "create.allowed_addresses");
}

// --- numbers

static void amounts_and_moments_are_bounded(void **state)
{
    (void)state;
    const uint64_t amount_max = UINT64_C(9007199254740991), moment_max = UINT64_C(253402300799999);
    Postern__V1__Limit limit = POSTERN__V1__LIMIT__INIT;
    Postern__V1__Limit *limits[9] = {&limit, &limit, &limit, &limit, &limit, &limit, &limit, &limit, &limit};
    Postern__V1__PutTierRequest tier = POSTERN__V1__PUT_TIER_REQUEST__INIT;
    tier.limits = limits;
    tier.n_limits = 8;
    limit.resource = text("requests");
    limit.amount = amount_max;
    accepted("put_tier", &tier);
    limit.amount = amount_max + 1;
    refused("put_tier", &tier, "put_tier.limits[0].amount");
    limit.amount = 1;
    limit.burst = UINT64_MAX;
    refused("put_tier", &tier, "put_tier.limits[0].burst");
    limit.burst = 0;
    limit.window_s = 2678401;
    refused("put_tier", &tier, "put_tier.limits[0].window_s");
    limit.window_s = 60;
    tier.n_limits = 9;
    refused("put_tier", &tier, "put_tier.limits");
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.expires_at_ms = moment_max;
    accepted("create", &create);
    create.expires_at_ms = moment_max + 1;
    refused("create", &create, "create.expires_at_ms");
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.page_size = 501;
    refused("list", &list, "list.page_size");
    list.page_size = 500;
    list.expires_before_ms = moment_max + 1;
    refused("list", &list, "list.expires_before_ms");
    Postern__V1__RollRequest roll = POSTERN__V1__ROLL_REQUEST__INIT;
    roll.grace_case = POSTERN__V1__ROLL_REQUEST__GRACE_GRACE_MS;
    roll.grace_ms = UINT64_C(2592000001);
    refused("roll", &roll, "roll.grace_ms");
    roll.grace_ms = 0;
    accepted("roll", &roll);
}

static void costs_and_charges_are_bounded(void **state)
{
    (void)state;
    Postern__V1__Charge good = POSTERN__V1__CHARGE__INIT, bad = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[9] = {&good, &good, &bad, &good, &good, &good, &good, &good, &good};
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.charges = charges;
    verify.n_charges = 3;
    good.resource = text("requests");
    bad.resource = text("Requests");
    refused("verify", &verify, "verify.charges[2].resource");
    bad.resource = text("requests");
    bad.cost = UINT64_C(1) << 53;
    refused("verify", &verify, "verify.charges[2].cost");
    bad.cost = 1;
    verify.n_charges = 8;
    accepted("verify", &verify);
    verify.n_charges = 9;
    refused("verify", &verify, "verify.charges");
}

static void unknown_enum_numbers_are_refused(void **state)
{
    (void)state;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.environment = (Postern__V1__Environment)3;
    refused("verify", &verify, "verify.environment");
    verify.environment = (Postern__V1__Environment)-1;
    refused("verify", &verify, "verify.environment");
    Postern__V1__Environment environments[2] = {POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE,
                                                (Postern__V1__Environment)9};
    Postern__V1__PutAccountRequest account = POSTERN__V1__PUT_ACCOUNT_REQUEST__INIT;
    account.environments = environments;
    account.n_environments = 2;
    refused("put_account", &account, "put_account.environments[1]");
    Postern__V1__RateCheckRequest rate_check = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    rate_check.mode = (Postern__V1__RateCheckMode)6;
    refused("rate_check", &rate_check, "rate_check.mode");
}

static void ids_have_their_size_or_are_absent(void **state)
{
    (void)state;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.charge_id = repeat('i', 16);
    accepted("verify", &verify);
    verify.charge_id = repeat('i', 15);
    refused("verify", &verify, "verify.charge_id");
    verify.charge_id = repeat('i', 17);
    refused("verify", &verify, "verify.charge_id");
    verify.charge_id = repeat('\0', 16); // somebody forgot to fill it in
    refused("verify", &verify, "verify.charge_id");
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.page_token = repeat('\xFF', 256);
    accepted("list", &list);
    list.page_token = repeat('\xFF', 257);
    refused("list", &list, "list.page_token");
}

// --- metadata

static void metadata_is_unique_and_small(void **state)
{
    (void)state;
    enum { COUNT = 17 };
    static const char *const names[COUNT] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                             "j", "k", "l", "m", "n", "o", "p", "q"};
    Postern__V1__Entry entries[COUNT];
    Postern__V1__Entry *list[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        postern__v1__entry__init(&entries[i]);
        entries[i].key = text(names[i]);
        list[i] = &entries[i];
    }
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.metadata = list;
    create.n_metadata = 16;
    accepted("create", &create);
    create.n_metadata = 17;
    refused("create", &create, "create.metadata");
    create.n_metadata = 3;
    entries[2].key = text("a");
    refused("create", &create, "create.metadata[2]");
    entries[2].key = text("");
    refused("create", &create, "create.metadata[2]");
    entries[2].key = repeat('k', 65);
    refused("create", &create, "create.metadata[2].key");
    entries[2].key = text("k");
    entries[2].value = text("a\tb");
    refused("create", &create, "create.metadata[2].value");
    entries[2].value = repeat('v', 2048 - 3);
    accepted("create", &create);
    entries[2].value = repeat('v', 2048 - 2);
    refused("create", &create, "create.metadata");
}

// --- unknown fields, depth

static void unknown_field_inside_a_call_is_unimplemented(void **state)
{
    (void)state;
    ProtobufCMessageUnknownField unknown = {.tag = 99, .wire_type = PROTOBUF_C_WIRE_TYPE_VARINT};
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.base.n_unknown_fields = 1;
    verify.base.unknown_fields = &unknown;
    expect("verify", &verify, STATUS_UNIMPLEMENTED, "verify");
    Postern__V1__Charge charge = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[] = {&charge};
    charge.base.n_unknown_fields = 1;
    charge.base.unknown_fields = &unknown;
    Postern__V1__RateCheckRequest rate_check = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    rate_check.charges = charges;
    rate_check.n_charges = 1;
    expect("rate_check", &rate_check, STATUS_UNIMPLEMENTED, "rate_check.charges[0]");
}

static void members_of_a_oneof_are_checked_when_set(void **state)
{
    (void)state;
    Postern__V1__Limit limit = POSTERN__V1__LIMIT__INIT;
    Postern__V1__Limit *limits[] = {&limit};
    Postern__V1__Custom custom = POSTERN__V1__CUSTOM__INIT;
    custom.namespace_ = text("logins");
    custom.limits = limits;
    custom.n_limits = 1;
    limit.resource = text("Bad");
    Postern__V1__RateCheckRequest request = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    request.subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_CUSTOM;
    request.custom = &custom;
    refused("rate_check", &request, "rate_check.custom.limits[0].resource");
    request.subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT;
    request.account = text("Bad");
    refused("rate_check", &request, "rate_check.account");
    request.subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT__NOT_SET;
    accepted("rate_check", &request);
}

// --- the table covers the protocol

static void every_field_has_a_bound(const ProtobufCMessageDescriptor *message)
{
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        const struct check_bound *bound = check_bound_find(field->name);
        bool known = field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_BYTES ||
                     field->type == PROTOBUF_C_TYPE_ENUM || field->type == PROTOBUF_C_TYPE_BOOL ||
                     field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_UINT32;
        if (!known)
            fail_msg("%s.%s has a type that the walk does not know", message->name, field->name);
        if (field->type == PROTOBUF_C_TYPE_BYTES && bound == NULL)
            fail_msg("%s.%s has no bound", message->name, field->name);
        if (field->label == PROTOBUF_C_LABEL_REPEATED && (bound == NULL || bound->count_max == 0))
            fail_msg("%s.%s has no bound on its elements", message->name, field->name);
        const char *end = strstr(field->name, "_ms");
        if (end != NULL && (bound == NULL || (bound->kind != CHECK_SPAN && bound->kind != CHECK_MOMENT)))
            fail_msg("%s.%s is a time without a bound", message->name, field->name);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            every_field_has_a_bound(field->descriptor);
    }
}

static void table_covers_all_calls(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *request = &postern__v1__request__descriptor;
    unsigned calls = 0;
    for (unsigned i = 0; i < request->n_fields; i++)
        if (request->fields[i].type == PROTOBUF_C_TYPE_MESSAGE) {
            every_field_has_a_bound(request->fields[i].descriptor);
            calls++;
        }
    assert_int_equal(calls, 29);
}

// --- bytes that are not decoded yet

static void add_field(uint8_t *bytes, size_t *size, unsigned tag, const void *value, size_t value_size)
{
    uint64_t numbers[] = {tag << 3 | 2, value_size};
    for (size_t i = 0; i < 2; i++) {
        for (; numbers[i] >= 0x80; numbers[i] >>= 7)
            bytes[(*size)++] = (uint8_t)(numbers[i] | 0x80);
        bytes[(*size)++] = (uint8_t)numbers[i];
    }
    memcpy(bytes + *size, value, value_size);
    *size += value_size;
}

// `count` times the field `tag`, in messages within messages: `outer` has their tags, the innermost first.
static void expect_excess(size_t count, unsigned tag, const unsigned *outer, const char *field)
{
    static uint8_t buffers[2][80000];
    size_t size = 0;
    unsigned at = 0;
    struct status_failure failure = {.field = ""};
    for (size_t i = 0; i < count; i++)
        add_field(buffers[at], &size, tag, "a", 1);
    for (; *outer != 0; outer++) {
        size_t wrapped = 0;
        add_field(buffers[1 - at], &wrapped, *outer, buffers[at], size);
        at = 1 - at;
        size = wrapped;
    }
    enum status status = check_excess(slice_make(buffers[at], size), &failure);
    assert_string_equal(failure.field, field);
    assert_int_equal(status, field[0] != '\0' ? STATUS_INVALID_ARGUMENT : STATUS_OK);
    if (status != STATUS_OK)
        assert_non_null(strstr(failure.message, "more elements than"));
}

static void list_that_is_much_too_long_is_named(void **state)
{
    (void)state;
    expect_excess(10000, 5, (const unsigned[]){32, 0}, "create.scopes");
    expect_excess(65, 5, (const unsigned[]){32, 0}, "create.scopes");
    expect_excess(64, 5, (const unsigned[]){32, 0}, "");
    expect_excess(1000, 8, (const unsigned[]){32, 0}, "create.metadata");
    expect_excess(1000, 9, (const unsigned[]){32, 0}, "create.limits");
    expect_excess(9, 2, (const unsigned[]){51, 0}, "put_tier.limits");
    expect_excess(9, 2, (const unsigned[]){51, 0}, "put_tier.limits");
    expect_excess(65, 5, (const unsigned[]){3, 1, 38, 0}, "import.keys[0].key.scopes");
    expect_excess(65, 2, (const unsigned[]){1, 17, 0}, "verify_batch.calls[0].scopes");
    expect_excess(10000, 1, (const unsigned[]){17, 0}, "verify_batch.calls");
    expect_excess(10000, 5, (const unsigned[]){4000, 0}, ""); // a call that nobody knows
    expect_excess(10000, 4000, (const unsigned[]){32, 0}, "");
}

// Each of them would be merged with the one before it, which takes longer than to decide.
static void field_that_comes_again_and_again_is_named(void **state)
{
    (void)state;
    static uint8_t bytes[40000];
    struct status_failure failure = {.field = ""};
    size_t size = 0;
    for (size_t i = 0; i < 16; i++)
        add_field(bytes, &size, 16, "", 0); // verify
    assert_int_equal(check_excess(slice_make(bytes, size), &failure), STATUS_OK);
    for (size_t i = 0; i < 10000; i++)
        add_field(bytes, &size, 16, "", 0);
    assert_int_equal(check_excess(slice_make(bytes, size), &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.field, "verify");
    assert_non_null(strstr(failure.message, "comes more often than 16"));
}

static void bytes_that_are_no_message_have_no_list(void **state)
{
    (void)state;
    struct status_failure failure;
    static const char *const texts[] = {"", "\xFF", "\x82\x02\xFF\xFF", "\x82\x02\x7F\x2A", "not at all"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(check_excess(slice_text(texts[i]), &failure), STATUS_OK);
}

static void path_that_is_too_long_is_cut(void **state)
{
    (void)state;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.account = text("Bad");
    char name[200];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct status_failure failure;
    assert_int_equal(check_call(name, &verify.base, &failure), STATUS_INVALID_ARGUMENT);
    assert_int_equal(strlen(failure.field), sizeof failure.field - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_calls_keep_all_bounds),
        cmocka_unit_test(names_are_checked_where_they_stand),
        cmocka_unit_test(texts_are_utf8_without_controls),
        cmocka_unit_test(names_and_reasons_have_at_most_128_bytes),
        cmocka_unit_test(presented_token_may_be_any_bytes),
        cmocka_unit_test(scopes_are_needed_exactly_and_granted_widely),
        cmocka_unit_test(prefix_and_key_id_have_their_shapes),
        cmocka_unit_test(networks_are_checked_and_addresses_are_not),
        cmocka_unit_test(amounts_and_moments_are_bounded),
        cmocka_unit_test(costs_and_charges_are_bounded),
        cmocka_unit_test(unknown_enum_numbers_are_refused),
        cmocka_unit_test(ids_have_their_size_or_are_absent),
        cmocka_unit_test(metadata_is_unique_and_small),
        cmocka_unit_test(unknown_field_inside_a_call_is_unimplemented),
        cmocka_unit_test(members_of_a_oneof_are_checked_when_set),
        cmocka_unit_test(table_covers_all_calls),
        cmocka_unit_test(list_that_is_much_too_long_is_named),
        cmocka_unit_test(field_that_comes_again_and_again_is_named),
        cmocka_unit_test(bytes_that_are_no_message_have_no_list),
        cmocka_unit_test(path_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
