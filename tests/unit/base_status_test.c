#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/reason.h"
#include "base/slice.h"
#include "base/status.h"

static void note_says_field_and_message(void **state)
{
    (void)state;
    struct status_failure failure;
    assert_int_equal(status_fail(&failure, STATUS_NOT_FOUND, "get.key_id", "no key %d", 7), STATUS_NOT_FOUND);
    assert_string_equal(failure.field, "get.key_id");
    assert_string_equal(failure.message, "no key 7");
}

static void note_and_field_are_optional(void **state)
{
    (void)state;
    struct status_failure failure;
    assert_int_equal(status_fail(NULL, STATUS_ABORTED, "a", "b"), STATUS_ABORTED);
    assert_int_equal(status_fail(&failure, STATUS_ABORTED, NULL, "b"), STATUS_ABORTED);
    assert_string_equal(failure.field, "");
}

static void long_texts_are_cut_and_stay_text(void **state)
{
    (void)state;
    struct status_failure failure;
    char text[600];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 3);
    (void)status_fail(&failure, STATUS_INTERNAL, text, "%s", text);
    assert_int_equal(strlen(failure.field), sizeof failure.field - 1);
    assert_int_equal(strlen(failure.message), sizeof failure.message - 1);
    assert_true(slice_is_text(slice_text(failure.field))); // 95 and 255 bytes: both cut a character in two
    assert_true(slice_is_text(slice_text(failure.message)));
}

static void control_characters_do_not_get_into_a_note(void **state)
{
    (void)state;
    struct status_failure failure;
    (void)status_fail(&failure, STATUS_INTERNAL, "a\nb", "\x1B[2J%s", "x");
    assert_string_equal(failure.field, "a?b");
    assert_string_equal(failure.message, "?[2Jx");
}

static void every_status_has_its_canonical_name(void **state)
{
    (void)state;
    static const char *const names[] = {
        "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(status_name((enum status)i), names[i]);
}

static void every_reason_has_name_and_http_status(void **state)
{
    (void)state;
    static const struct {
        enum reason reason;
        const char *name;
        unsigned http;
    } rows[] = {
        {REASON_ALLOWED, "ALLOWED", 200},
        {REASON_MISSING_API_KEY, "MISSING_API_KEY", 401},
        {REASON_INVALID_API_KEY, "INVALID_API_KEY", 401},
        {REASON_REVOKED_API_KEY, "REVOKED_API_KEY", 401},
        {REASON_EXPIRED_API_KEY, "EXPIRED_API_KEY", 401},
        {REASON_DISABLED_API_KEY, "DISABLED_API_KEY", 401},
        {REASON_ACCOUNT_SUSPENDED, "ACCOUNT_SUSPENDED", 403},
        {REASON_WRONG_ACCOUNT, "WRONG_ACCOUNT", 403},
        {REASON_WRONG_ENVIRONMENT, "WRONG_ENVIRONMENT", 403},
        {REASON_SECRET_KEY_REQUIRED, "SECRET_KEY_REQUIRED", 403},
        {REASON_ADDRESS_NOT_ALLOWED, "ADDRESS_NOT_ALLOWED", 403},
        {REASON_INSUFFICIENT_SCOPE, "INSUFFICIENT_SCOPE", 403},
        {REASON_RATE_LIMITED, "RATE_LIMITED", 429},
        {REASON_COST_EXCEEDS_LIMIT, "COST_EXCEEDS_LIMIT", 429},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(reason_name(rows[i].reason), rows[i].name);
        assert_int_equal(reason_http_status(rows[i].reason), rows[i].http);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(note_says_field_and_message),
        cmocka_unit_test(note_and_field_are_optional),
        cmocka_unit_test(long_texts_are_cut_and_stay_text),
        cmocka_unit_test(control_characters_do_not_get_into_a_note),
        cmocka_unit_test(every_status_has_its_canonical_name),
        cmocka_unit_test(every_reason_has_name_and_http_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
