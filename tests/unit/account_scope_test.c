#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "account/account.h"

#define TEN "abcdefghij"

static void expect(bool wanted, bool got, const char *what)
{
    if (wanted != got)
        fail_msg("\"%s\" was %s", what, got ? "accepted" : "refused");
}

static void account_ids_keep_their_bounds(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "0", "acme", "acme.eu-1_x", TEN TEN TEN TEN TEN TEN "abcd"};
    static const char *const bad[] = {"",      ".a",  "-a",  "_a",          "Acme",
                                      "ac me", "a:b", "a/b", "acm\xC3\xA9", TEN TEN TEN TEN TEN TEN "abcde"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        expect(true, slice_is_name(slice_text(good[i]), ACCOUNT_ID_MAX), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(false, slice_is_name(slice_text(bad[i]), ACCOUNT_ID_MAX), bad[i]);
    }
}

static void only_the_account_postern_is_reserved(void **state)
{
    (void)state;
    static const char *const others[] = {"", "poster", "posterns", "postern.x", "postern:", "Postern", "acme"};
    assert_true(account_id_is_reserved(slice_text("postern")));
    assert_true(slice_is_name(slice_text("postern"), ACCOUNT_ID_MAX));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect(false, account_id_is_reserved(slice_text(others[i])), others[i]);
}

static void built_in_scopes_are_these_five(void **state)
{
    (void)state;
    static const char *const good[] = {"admin", "postern:verify", "postern:ratecheck", "postern:account-admin",
                                       "postern:operator"};
    static const char *const bad[] = {"",         "adm",       "admin:x",         "postern",
                                      "postern:", "postern:*", "postern:verifyx", "read"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        expect(true, account_scope_is_builtin(slice_text(good[i])), good[i]);
        expect(true, account_scope_is_valid(slice_text(good[i])), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(false, account_scope_is_builtin(slice_text(bad[i])), bad[i]);
}

static void one_covering_grant_of_several_is_enough(void **state)
{
    (void)state;
    const struct slice grants[] = {slice_text("read"), slice_text("telemetry:*"), slice_text("write")};
    assert_true(account_grants_cover(grants, 3, slice_text("telemetry:read")));
    assert_true(account_grants_cover(grants, 3, slice_text("write")));
    assert_false(account_grants_cover(grants, 2, slice_text("write")));
    assert_false(account_grants_cover(NULL, 0, slice_text("write")));
}

static void scopes_keep_their_bounds(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a",
        "read",
        "telemetry:read",
        "a:b:c",
        "a:-",
        "a:.x:_y",
        "0.a_b-c:9",
        "postern:verify",
        TEN TEN TEN TEN TEN TEN ":abc",
    };
    static const char *const bad[] = {
        "",  ":",   "a:",  ":a",  "a::b", "a:b:", "-a",  ".a:b",
        "A", "a:B", "a b", "a:*", "*",    "a:b*", "a\n", TEN TEN TEN TEN TEN TEN ":abcd",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect(true, account_scope_is_valid(slice_text(good[i])), good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(false, account_scope_is_valid(slice_text(bad[i])), bad[i]);
    assert_false(account_scope_is_valid(slice_empty()));
}

static void grants_may_end_in_a_wildcard(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a:b", "a:*", "a:b:*", "0:*", TEN TEN TEN TEN TEN TEN "ab:*"};
    static const char *const bad[] = {"",      "*",    ":*",   "a*",  "a:b*",  "*:a",
                                      "a:*:b", "a:**", "a::*", "A:*", "a:*:*", TEN TEN TEN TEN TEN TEN "abc:*"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect(true, account_grant_is_valid(slice_text(good[i])), good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(false, account_grant_is_valid(slice_text(bad[i])), bad[i]);
    assert_false(account_grant_is_valid(slice_empty()));
}

static void only_the_postern_namespace_is_reserved(void **state)
{
    (void)state;
    assert_true(account_scope_is_reserved(slice_text("postern:operator")));
    assert_true(account_scope_is_reserved(slice_text("postern:*")));
    assert_false(account_scope_is_reserved(slice_text("postern")));
    assert_false(account_scope_is_reserved(slice_text("posterns:operator")));
    assert_false(account_scope_is_reserved(slice_text("x:postern:operator")));
    assert_false(account_scope_is_reserved(slice_empty()));
}

static const struct {
    const char *grant, *needed;
    bool covers;
} rows[] = {
    {"read", "read", true},
    {"read", "write", false},
    {"read", "read:x", false},
    {"read:x", "read", false},
    {"telemetry:*", "telemetry:read", true},
    {"telemetry:*", "telemetry:read:all", true},
    {"telemetry:*", "telemetry", false},
    {"telemetry:*", "telemetry:", false},
    {"telemetry:*", "telemetryx:read", false},
    {"telemetry:*", "x:telemetry:read", false},
    {"telemetry:*", "telemetry:*", true},
    {"telemetry:*", "telemetry:read:*", true},
    {"telemetry:read:*", "telemetry:*", false},
    {"a:b:*", "a:b:c", true},
    {"a:b:*", "a:b", false},
    {"a:b:*", "a:c:b", false},
    {"*", "read", false},
    {":*", ":a", false},
    {"", "read", false},
    {"read", "", false},
    // The reserved namespace is matched exactly.
    {"postern:verify", "postern:verify", true},
    {"postern:*", "postern:verify", false},
    {"postern:verify:*", "postern:verify:x", false},
    {"*", "postern:verify", false},
    {"postern:*", "postern:*:x", false},
    {"admin", "postern:operator", false},
    {"admin", "postern:*", false},
    // Everything else is the administrator's.
    {"admin", "read", true},
    {"admin", "telemetry:read:all", true},
    {"admin", "telemetry:*", true},
    {"admin", "admin", true},
    {"admin", "postern", true},
    {"admin:*", "read", false},
    {"administrator", "read", false},
    {"x:admin", "read", false},
    {"telemetry:*", "admin", false},
};

static void grant_covers_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (account_grant_covers(slice_text(rows[i].grant), slice_text(rows[i].needed)) != rows[i].covers)
            fail_msg("\"%s\" %s \"%s\"", rows[i].grant, rows[i].covers ? "misses" : "covers", rows[i].needed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account_ids_keep_their_bounds),
        cmocka_unit_test(only_the_account_postern_is_reserved),
        cmocka_unit_test(scopes_keep_their_bounds),
        cmocka_unit_test(grants_may_end_in_a_wildcard),
        cmocka_unit_test(only_the_postern_namespace_is_reserved),
        cmocka_unit_test(built_in_scopes_are_these_five),
        cmocka_unit_test(grant_covers_what_the_table_says),
        cmocka_unit_test(one_covering_grant_of_several_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
