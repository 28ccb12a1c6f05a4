// Reading what a server sent, which may be anything, and showing it field by field.
#include "../../client/src/reply.h"
#include "../../client/src/text.h"
#include "postern/postern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// ------------------------------------------------------------------------------------------- a visitor that writes

struct transcript {
    char text[8192];
    size_t size;
};

static void say(void *context, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(void *context, const char *name, const char *format, ...)
{
    struct transcript *to = context;
    if (name != NULL)
        to->size += (size_t)snprintf(to->text + to->size, sizeof to->text - to->size, "%s:", name);
    va_list arguments;
    va_start(arguments, format);
    to->size += (size_t)vsnprintf(to->text + to->size, sizeof to->text - to->size, format, arguments);
    va_end(arguments);
    assert_true(to->size < sizeof to->text);
}

static void on_object_begin(void *context, const char *name)
{
    say(context, name, "{");
}

static void on_object_end(void *context)
{
    say(context, NULL, "}");
}

static void on_list_begin(void *context, const char *name)
{
    say(context, name, "[");
}

static void on_list_end(void *context)
{
    say(context, NULL, "]");
}

static void on_text(void *context, const char *name, const char *text)
{
    say(context, name, "'%s' ", text);
}

static void on_integer(void *context, const char *name, int64_t value)
{
    say(context, name, "%lld ", (long long)value);
}

static void on_boolean(void *context, const char *name, bool value)
{
    say(context, name, "%s ", value ? "true" : "false");
}

static void on_absent(void *context, const char *name)
{
    say(context, name, "null ");
}

static void walk(const void *reply, struct transcript *to)
{
    *to = (struct transcript){0};
    const struct postern_visitor visitor = {to,      on_object_begin, on_object_end, on_list_begin, on_list_end,
                                            on_text, on_integer,      on_boolean,    on_absent};
    postern_reply_walk(reply, &visitor);
}

// ------------------------------------------------------------------------------------------------------ helpers

static ProtobufCBinaryData bytes_of(char *text, size_t size)
{
    return (ProtobufCBinaryData){.data = (uint8_t *)text, .len = size};
}

static struct postern_reply_base *unpacked(const Postern__V1__Reply *reply, uint32_t tag)
{
    size_t size = postern__v1__reply__get_packed_size(reply);
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    postern__v1__reply__pack(reply, bytes);
    bool memory;
    struct postern_reply_box *box = postern_reply_unpack(bytes, size, tag, &memory);
    free(bytes);
    return box != NULL ? postern_reply_new(box, sizeof(struct postern_reply_base)) : NULL;
}

// -------------------------------------------------------------------------------------------------------- tests

static void a_walk_shows_every_field_zeros_included(void **state)
{
    (void)state;
    Postern__V1__RateCheckReply result = POSTERN__V1__RATE_CHECK_REPLY__INIT;
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    reply.result_case = POSTERN__V1__REPLY__RESULT_RATE_CHECK;
    reply.rate_check = &result;
    struct postern_reply_base *base = unpacked(&reply, POSTERN__V1__REPLY__RESULT_RATE_CHECK);
    assert_non_null(base);
    struct transcript seen;
    walk(base, &seen);
    assert_string_equal(seen.text, "{allowed:false reason:'UNSPECIFIED' http_status:0 account:'' key_id:'' tier:'' "
                                   "meters:[]binding_meter:0 retry_after_ms:0 }");
    postern_reply_free(base);
}

static void a_walk_goes_into_lists_and_names_enums_without_prefix(void **state)
{
    (void)state;
    char resource[] = "requests", scope[] = "a:b";
    Postern__V1__Meter meter = POSTERN__V1__METER__INIT;
    Postern__V1__Meter *meters[] = {&meter};
    ProtobufCBinaryData scopes[] = {bytes_of(scope, 3)};
    Postern__V1__VerifyReply result = POSTERN__V1__VERIFY_REPLY__INIT;
    meter.resource = bytes_of(resource, 8);
    meter.algorithm = POSTERN__V1__ALGORITHM__ALGORITHM_TOKEN_BUCKET;
    meter.limit = UINT64_MAX;
    meter.subject = POSTERN__V1__SUBJECT__SUBJECT_KEY;
    result.allowed = true;
    result.reason = POSTERN__V1__REASON__REASON_REVOKED_API_KEY;
    result.environment = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE;
    result.type = (Postern__V1__KeyType)77;
    result.n_scopes = 1;
    result.scopes = scopes;
    result.n_meters = 1;
    result.meters = meters;
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    reply.result_case = POSTERN__V1__REPLY__RESULT_VERIFY;
    reply.verify = &result;
    struct postern_reply_base *base = unpacked(&reply, POSTERN__V1__REPLY__RESULT_VERIFY);
    assert_non_null(base);
    struct transcript seen;
    walk(base, &seen);
    assert_string_equal(seen.text,
                        "{allowed:true reason:'REVOKED_API_KEY' http_status:0 key_id:'' key_name:'' account:'' tier:'' "
                        "environment:'LIVE' type:77 scopes:['a:b' ]missing_scopes:[]metadata:[]expires_at_ms:0 "
                        "meters:[{resource:'requests' algorithm:'TOKEN_BUCKET' window_s:0 period:'UNSPECIFIED' "
                        "limit:9223372036854775807 remaining:0 reset_at_ms:0 retry_after_ms:0 subject:'KEY' "
                        "unlimited:false burst:0 shadow:false would_refuse:false }]binding_meter:0 retry_after_ms:0 "
                        "successor_key_id:'' }");
    postern_reply_free(base);
}

static void a_walk_shows_absent_objects_and_page_tokens_as_base64(void **state)
{
    (void)state;
    char token[] = {0, (char)0xff, 'x', 'y'};
    Postern__V1__ListReply result = POSTERN__V1__LIST_REPLY__INIT;
    result.next_page_token = bytes_of(token, 4);
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    reply.result_case = POSTERN__V1__REPLY__RESULT_LIST;
    reply.list = &result;
    struct postern_reply_base *base = unpacked(&reply, POSTERN__V1__REPLY__RESULT_LIST);
    struct transcript seen;
    walk(base, &seen);
    assert_string_equal(seen.text, "{keys:[]next_page_token:'AP94eQ==' complete_until_ms:0 }");
    postern_reply_free(base);

    Postern__V1__GetReply get = POSTERN__V1__GET_REPLY__INIT;
    reply.result_case = POSTERN__V1__REPLY__RESULT_GET;
    reply.get = &get;
    base = unpacked(&reply, POSTERN__V1__REPLY__RESULT_GET);
    walk(base, &seen);
    assert_string_equal(seen.text, "{key:null }");
    postern_reply_free(base);
}

static void text_from_outside_cannot_end_early_or_steer_a_terminal(void **state)
{
    (void)state;
    char account[] = {'a', 0, 'b', 0x1b, '[', (char)0xff, (char)0xc3, (char)0xa9, 0x7f, (char)0xc2, (char)0x85};
    Postern__V1__RateCheckReply result = POSTERN__V1__RATE_CHECK_REPLY__INIT;
    result.account = bytes_of(account, sizeof account);
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    reply.result_case = POSTERN__V1__REPLY__RESULT_RATE_CHECK;
    reply.rate_check = &result;
    struct postern_reply_base *base = unpacked(&reply, POSTERN__V1__REPLY__RESULT_RATE_CHECK);
    struct transcript seen;
    walk(base, &seen);
    assert_non_null(strstr(seen.text, "account:'a?b?[?\xc3\xa9?\?\?'"));
    postern_reply_free(base);
}

static void scrubbing_keeps_valid_utf8_and_nothing_else(void **state)
{
    (void)state;
    const struct {
        const char *text, *expected;
    } cases[] = {
        {"plain ~", "plain ~"},       {"\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xc0\xaf", "??"},           // overlong
        {"\xe0\x80\xaf", "???"},      // overlong
        {"\xed\xa0\x80", "???"},      // surrogate
        {"\xf4\x90\x80\x80", "????"}, // above U+10FFFF
        {"\xe2\x82", "??"},           // cut short
        {"\xe2\x82x", "??x"},         // cut short by another
        {"a\nb\tc", "a?b?c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t text[16];
        size_t size = strlen(cases[i].text);
        memcpy(text, cases[i].text, size);
        postern_text_scrub(text, size);
        assert_memory_equal(text, cases[i].expected, size);
    }
}

static void a_result_of_another_call_is_no_answer(void **state)
{
    (void)state;
    Postern__V1__HealthReply result = POSTERN__V1__HEALTH_REPLY__INIT;
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    reply.result_case = POSTERN__V1__REPLY__RESULT_HEALTH;
    reply.health = &result;
    assert_null(unpacked(&reply, POSTERN__V1__REPLY__RESULT_VERIFY));
    Postern__V1__Reply empty = POSTERN__V1__REPLY__INIT;
    assert_null(unpacked(&empty, POSTERN__V1__REPLY__RESULT_VERIFY));
}

// 1 MiB of empty meters would become 60 MiB of messages.
static void a_small_reply_cannot_take_much_memory(void **state)
{
    (void)state;
    enum { METERS = 500000 };
    uint8_t *bytes = malloc(16 + 2 * METERS);
    assert_non_null(bytes);
    size_t size = 0;
    bytes[size++] = 0x82; // tag 16, length-delimited
    bytes[size++] = 1;
    for (uint32_t length = 2 * METERS; length > 0; length >>= 7)
        bytes[size++] = (uint8_t)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    for (size_t i = 0; i < METERS; i++) {
        bytes[size++] = 14 << 3 | 2;
        bytes[size++] = 0;
    }
    bool memory = false;
    assert_null(postern_reply_unpack(bytes, size, POSTERN__V1__REPLY__RESULT_VERIFY, &memory));
    assert_true(memory);
    free(bytes);
}

static size_t make_reply(uint8_t *bytes, size_t room)
{
    char text[] = "text";
    Postern__V1__Limit limit = POSTERN__V1__LIMIT__INIT;
    Postern__V1__Limit *limits[] = {&limit, &limit};
    ProtobufCBinaryData texts[] = {bytes_of(text, 4), bytes_of(text, 4)};
    Postern__V1__Key key = POSTERN__V1__KEY__INIT;
    Postern__V1__Key *keys[] = {&key, &key};
    Postern__V1__ListReply list = POSTERN__V1__LIST_REPLY__INIT;
    Postern__V1__Entry entry = POSTERN__V1__ENTRY__INIT;
    Postern__V1__Entry *details[] = {&entry};
    Postern__V1__Status status = POSTERN__V1__STATUS__INIT;
    Postern__V1__Reply reply = POSTERN__V1__REPLY__INIT;
    limit.resource = key.key_id = key.name = entry.key = entry.value = status.message = texts[0];
    limit.amount = 12345678;
    key.n_limits = key.n_scopes = 2;
    key.limits = limits;
    key.scopes = texts;
    list.n_keys = 2;
    list.keys = keys;
    status.n_details = 1;
    status.details = details;
    reply.status = &status;
    reply.result_case = POSTERN__V1__REPLY__RESULT_LIST;
    reply.list = &list;
    assert_in_range(postern__v1__reply__get_packed_size(&reply), 50, room);
    return postern__v1__reply__pack(&reply, bytes);
}

// Any single byte changed, any length: it is an answer or not, but it never does harm (the sanitizers watch).
static void mangled_replies_do_no_harm(void **state)
{
    (void)state;
    uint8_t whole[512];
    size_t size = make_reply(whole, sizeof whole);
    size_t answers = 0;
    for (size_t at = 0; at < size; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t bytes[512];
            memcpy(bytes, whole, size);
            bytes[at] = (uint8_t)value;
            bool memory;
            struct postern_reply_box *box =
                postern_reply_unpack(bytes, value == 0 ? at : size, POSTERN__V1__REPLY__RESULT_LIST, &memory);
            void *reply = box != NULL ? postern_reply_new(box, sizeof(struct postern_reply_base)) : NULL;
            struct transcript seen;
            if (reply != NULL && box->result != NULL)
                walk(reply, &seen);
            answers += reply != NULL;
            postern_reply_free(reply);
        }
    assert_in_range(answers, 1, size * 256 - 1);
}

static void names_are_those_of_the_protocol(void **state)
{
    (void)state;
    assert_string_equal(postern_reason_name(POSTERN_REASON_COST_EXCEEDS_LIMIT), "COST_EXCEEDS_LIMIT");
    assert_string_equal(postern_reason_name((enum postern_reason)99), "UNKNOWN");
    assert_string_equal(postern_key_state_name(POSTERN_KEY_STATE_ROLLING), "ROLLING");
    assert_string_equal(postern_environment_name(POSTERN_ENVIRONMENT_TEST), "TEST");
    assert_string_equal(postern_key_type_name(POSTERN_KEY_TYPE_PUBLIC), "PUBLIC");
    assert_string_equal(postern_period_name(POSTERN_PERIOD_MONTH), "MONTH");
    assert_string_equal(postern_subject_name(POSTERN_SUBJECT_CUSTOM), "CUSTOM");
    assert_string_equal(postern_status_name(POSTERN_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_string_equal(postern_status_name((enum postern_status)17), "UNKNOWN");
    // The public numbers are the wire's.
    assert_int_equal(POSTERN_RATE_CHECK_REFUND, POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_REFUND);
    assert_int_equal(POSTERN_RATE_CHECK_SETTLE, POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_SETTLE);
    assert_int_equal(POSTERN_RATE_CHECK_REFUND_AMOUNT, POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_REFUND_AMOUNT);
    assert_int_equal(POSTERN_ALGORITHM_TOKEN_BUCKET, POSTERN__V1__ALGORITHM__ALGORITHM_TOKEN_BUCKET);
    assert_int_equal(POSTERN_REASON_INSUFFICIENT_SCOPE, POSTERN__V1__REASON__REASON_INSUFFICIENT_SCOPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_shows_every_field_zeros_included),
        cmocka_unit_test(a_walk_goes_into_lists_and_names_enums_without_prefix),
        cmocka_unit_test(a_walk_shows_absent_objects_and_page_tokens_as_base64),
        cmocka_unit_test(text_from_outside_cannot_end_early_or_steer_a_terminal),
        cmocka_unit_test(scrubbing_keeps_valid_utf8_and_nothing_else),
        cmocka_unit_test(a_result_of_another_call_is_no_answer),
        cmocka_unit_test(a_small_reply_cannot_take_much_memory),
        cmocka_unit_test(mangled_replies_do_no_harm),
        cmocka_unit_test(names_are_those_of_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
