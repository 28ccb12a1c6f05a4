#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "account/account.h"
#include "support/scope_catalogue.h"

enum { GRANTS_MAX = 8 };

static const char *const entries[] = {
    "reader: telemetry:read billing:read",
    "writer: reader telemetry:write",
    "boss: writer staff",
    "staff: hr:read",
    "superuser: reader admin",
    "ring-a: ring-b",
    "ring-b: ring-c ring-a",
    "ring-c: ring-a deep",
    "selfish: selfish",
    "left: bottom",
    "right: bottom",
    "top: left right",
    "bottom: end",
    "role:wide: billing:pay",
    "wild: telemetry:*",
    "sneaky: postern:operator postern:* hop",
    "hop: postern:verify",
    "postern:verify: telemetry:read",
    "dangling: gone reader",
    "nothing: ",
    NULL,
};

// Splits "a b c"; "" gives none.
static size_t split(const char *text, struct slice out[GRANTS_MAX])
{
    size_t count = 0;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        assert_true(count < GRANTS_MAX);
        out[count++] = slice_make(text, size);
        text += size + (text[size] == ' ');
    }
    return count;
}

struct asking {
    struct scope_catalogue catalogue;
    struct account_scope_source source;
};

static int set_up(void **state)
{
    static struct asking asking;
    memset(&asking, 0, sizeof asking);
    asking.catalogue.entries = entries;
    asking.source = (struct account_scope_source){.find = scope_catalogue_find, .context = &asking.catalogue};
    asking.source.arena = arena_new(64 * 1024);
    *state = &asking;
    return asking.source.arena == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct asking *asking = *state;
    arena_free(asking->source.arena);
    return 0;
}

// One need by itself.
static enum status cover_one(const struct account_scope_source *source, const struct slice *grants, size_t grant_count,
                             struct slice needed, bool *covered)
{
    struct account_scope_need need = {.scope = needed, .covered = *covered};
    enum status status = account_scopes_cover_each(source, grants, grant_count, &need, 1);
    *covered = need.covered;
    return status;
}

static enum status ask(struct asking *asking, const char *grants, const char *needed, bool *covered)
{
    struct slice list[GRANTS_MAX];
    size_t count = split(grants, list);
    *covered = true; // must be overwritten
    asking->catalogue.calls = 0;
    asking->catalogue.asked[0] = '\0';
    arena_reset(asking->source.arena);
    return cover_one(&asking->source, list, count, slice_text(needed), covered);
}

static void expect(struct asking *asking, const char *grants, const char *needed, bool wanted)
{
    bool covered = false;
    assert_int_equal(ask(asking, grants, needed, &covered), STATUS_OK);
    if (covered != wanted)
        fail_msg("\"%s\" %s \"%s\"", grants, wanted ? "misses" : "covers", needed);
}

static void grants_cover_what_they_imply(void **state)
{
    static const struct {
        const char *grants, *needed;
        bool covered;
    } rows[] = {
        {"reader", "telemetry:read", true},
        {"reader", "billing:read", true},
        {"reader", "telemetry:write", false},
        {"writer", "billing:read", true},
        {"boss", "billing:read", true},
        {"boss", "writer", true},
        {"boss", "hr:read", true},
        {"hr:read", "staff", false}, // never upwards
        {"staff reader", "billing:read", true},
        {"staff nothing", "billing:read", false},
        {"unknown", "billing:read", false},
        {"dangling", "billing:read", true},
        {"dangling", "gone", true},
        {"", "billing:read", false},
        // Circles end.
        {"ring-a", "deep", true},
        {"ring-b", "deep", true},
        {"ring-a", "billing:read", false},
        {"selfish", "billing:read", false},
        // Whoever implies the administrator is one.
        {"superuser", "anything:at:all", true},
        {"superuser", "a:*", true},
        {"reader", "anything:at:all", false},
        // A wildcard covers by name only, and takes no part in implication.
        {"role:*", "role:wide", true},
        {"role:*", "billing:pay", false},
        {"role:wide", "billing:pay", true},
        {"wild", "telemetry:read", false},
        {"wild", "telemetry:*", false},
        {"reader", "telemetry:*", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(*state, rows[i].grants, rows[i].needed, rows[i].covered);
}

static void reserved_scopes_are_never_implied_and_imply_nothing(void **state)
{
    struct asking *asking = *state;
    static const char *const reserved[] = {"postern:operator", "postern:verify", "postern:account-admin", "postern:*"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        expect(asking, "admin superuser sneaky hop postern:ratecheck postern:verify:*", reserved[i], false);
        assert_int_equal(asking->catalogue.calls, 0); // there is nothing to ask
        expect(asking, reserved[i], reserved[i], true);
    }
    expect(asking, "postern:*", "postern:verify", false);
    expect(asking, "postern:verify", "telemetry:read", false);
    expect(asking, "sneaky", "telemetry:read", false);
}

static void grant_that_covers_by_name_asks_nobody(void **state)
{
    struct asking *asking = *state;
    struct account_scope_source no_arena = asking->source;
    no_arena.arena = NULL;
    static const char *const grants[] = {"boss telemetry:read", "boss telemetry:*", "boss admin"};
    for (size_t i = 0; i < sizeof grants / sizeof *grants; i++) {
        struct slice list[GRANTS_MAX];
        bool covered = false;
        size_t count = split(grants[i], list);
        assert_int_equal(cover_one(&no_arena, list, count, slice_text("telemetry:read"), &covered), STATUS_OK);
        assert_true(covered);
    }
    assert_int_equal(asking->catalogue.calls, 0);
}

static void catalogue_is_asked_level_by_level_once_each_and_no_further_than_needed(void **state)
{
    struct asking *asking = *state;
    expect(asking, "top boss", "missing", false);
    assert_string_equal(asking->catalogue.asked, "top boss left right writer staff bottom reader telemetry:write "
                                                 "hr:read end telemetry:read billing:read ");
    expect(asking, "boss top", "staff", true);
    assert_string_equal(asking->catalogue.asked, "boss ");
    expect(asking, "ring-a ring-a", "missing", false);
    assert_string_equal(asking->catalogue.asked, "ring-a ring-b ring-c deep ");
    expect(asking, "telemetry:* postern:verify nothing", "missing", false);
    assert_string_equal(asking->catalogue.asked, "nothing ");
}

static void failing_catalogue_is_a_failure_not_a_refusal(void **state)
{
    struct asking *asking = *state;
    static const enum status failures[] = {STATUS_UNAVAILABLE, STATUS_DATA_LOSS, STATUS_RESOURCE_EXHAUSTED};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        for (asking->catalogue.fail_at = 1; asking->catalogue.fail_at <= 6; asking->catalogue.fail_at++) {
            bool covered = true;
            asking->catalogue.failure = failures[i];
            assert_int_equal(ask(asking, "boss", "missing", &covered), failures[i]);
            assert_false(covered);
        }
}

static void more_implied_scopes_than_there_is_room_for_is_an_internal_error(void **state)
{
    struct asking *asking = *state;
    bool covered = true;
    asking->catalogue.extra = ACCOUNT_SCOPE_IMPLIES_MAX;
    assert_int_equal(ask(asking, "reader", "missing", &covered), STATUS_INTERNAL);
    assert_false(covered);
}

// --- several needs

static void several_needs_are_decided_each_in_one_walk(void **state)
{
    struct asking *asking = *state;
    const struct slice grants[] = {slice_text("boss"), slice_text("telemetry:*"), slice_text("postern:verify")};
    struct account_scope_need needs[] = {
        {slice_text("hr:read"), false},         {slice_text("missing"), true},
        {slice_text("telemetry:x"), false},     {slice_text("billing:read"), false},
        {slice_text("postern:verify"), false},  {slice_text("staff"), false},
        {slice_text("postern:operator"), true},
    };
    static const bool wanted[] = {true, false, true, true, true, true, false};
    assert_int_equal(account_scopes_cover_each(&asking->source, grants, 3, needs, 7), STATUS_OK);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(needs[i].covered, wanted[i]);
    assert_string_equal(asking->catalogue.asked,
                        "boss writer staff reader telemetry:write hr:read telemetry:read billing:read ");
    assert_int_equal(account_scopes_cover_each(&asking->source, grants, 3, NULL, 0), STATUS_OK);
}

static void failure_leaves_no_need_covered(void **state)
{
    struct asking *asking = *state;
    const struct slice grants[] = {slice_text("boss")};
    struct account_scope_need needs[] = {
        {slice_text("boss"), true}, {slice_text("missing"), true}, {slice_text("boss"), true}};
    asking->catalogue.fail_at = 3;
    asking->catalogue.failure = STATUS_UNAVAILABLE;
    assert_int_equal(account_scopes_cover_each(&asking->source, grants, 1, needs, 3), STATUS_UNAVAILABLE);
    for (size_t i = 0; i < 3; i++)
        assert_false(needs[i].covered);
}

// --- never a scope beyond its own

static enum status ask_within(struct asking *asking, const char *inner, const char *outer, bool *within)
{
    struct slice inner_list[GRANTS_MAX], outer_list[GRANTS_MAX];
    struct account_grant_list a = {.grants = inner_list, .count = split(inner, inner_list)};
    struct account_grant_list b = {.grants = outer_list, .count = split(outer, outer_list)};
    *within = true;
    arena_reset(asking->source.arena);
    return account_grants_within(&asking->source, a, b, within);
}

static void grants_are_within_those_that_cover_all_they_can_do(void **state)
{
    static const struct {
        const char *inner, *outer;
        bool within;
    } rows[] = {
        {"", "", true},
        {"", "read", true},
        {"read", "", false},
        {"read", "read", true},
        {"read write", "read", false},
        {"write read", "read", false},
        {"read write", "x write read", true},
        // A wildcard needs the same, a wider one or the administrator.
        {"a:*", "a:*", true},
        {"a:b:*", "a:*", true},
        {"a:*", "a:b:*", false},
        {"a:*", "a:b a:c", false},
        {"a:*", "admin", true},
        {"a:*", "superuser", true},
        {"a:b", "a:*", true},
        {"a", "a:*", false},
        {"admin", "admin", true},
        {"admin", "superuser", true},
        {"admin", "a:* reader boss", false},
        {"superuser", "admin", true},
        {"superuser", "reader", false},
        // Through the catalogue, on both sides.
        {"reader", "boss", true},
        {"boss", "reader", false},
        {"reader staff", "boss", true},
        {"telemetry:read hr:read", "boss", true},
        {"reader", "telemetry:read billing:read", false}, // the scope itself is not held: it may grow
        {"ring-a", "ring-b", true},
        {"role:wide", "role:*", false}, // it implies billing:pay, which is not covered
        {"role:wide", "role:* billing:*", true},
        {"role:wide", "role:wide", true},
        {"dangling", "dangling", true},
        // Reserved ones exactly.
        {"postern:verify", "postern:verify", true},
        {"postern:verify", "postern:operator", false},
        {"postern:verify", "admin superuser postern:* postern:verify:* sneaky hop", false},
        {"postern:*", "postern:verify postern:operator admin", false},
        {"sneaky", "sneaky", true},
        {"read postern:operator", "admin", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool within = false;
        assert_int_equal(ask_within(*state, rows[i].inner, rows[i].outer, &within), STATUS_OK);
        if (within != rows[i].within)
            fail_msg("\"%s\" %s within \"%s\"", rows[i].inner, within ? "is" : "is not", rows[i].outer);
    }
}

static void failure_is_never_within(void **state)
{
    struct asking *asking = *state;
    bool within = false;
    assert_int_equal(ask_within(asking, "writer staff", "boss", &within), STATUS_OK);
    assert_true(within);
    size_t calls = asking->catalogue.calls;
    assert_true(calls > 5);
    asking->catalogue.failure = STATUS_DATA_LOSS;
    for (asking->catalogue.fail_at = 1; asking->catalogue.fail_at <= calls; asking->catalogue.fail_at++) {
        asking->catalogue.calls = 0;
        assert_int_equal(ask_within(asking, "writer staff", "boss", &within), STATUS_DATA_LOSS);
        assert_false(within);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(grants_cover_what_they_imply),
        TEST(reserved_scopes_are_never_implied_and_imply_nothing),
        TEST(grant_that_covers_by_name_asks_nobody),
        TEST(catalogue_is_asked_level_by_level_once_each_and_no_further_than_needed),
        TEST(failing_catalogue_is_a_failure_not_a_refusal),
        TEST(more_implied_scopes_than_there_is_room_for_is_an_internal_error),
        TEST(several_needs_are_decided_each_in_one_walk),
        TEST(failure_leaves_no_need_covered),
        TEST(grants_are_within_those_that_cover_all_they_can_do),
        TEST(failure_is_never_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
