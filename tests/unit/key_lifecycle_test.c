#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "key/key.h"

enum { CREATED = 1000, EXPIRES = 5000 };

static const struct {
    const char *what;
    struct key_facts facts;
    uint64_t revoked_before_ms;
    uint64_t now_ms;
    enum key_state wanted;
} rows[] = {
    {"plain", {CREATED, 0, 0, 0, false, false}, 0, 4000, KEY_STATE_ACTIVE},
    {"never expires", {CREATED, 0, 0, 0, false, false}, 0, UINT64_MAX, KEY_STATE_ACTIVE},
    {"last millisecond", {CREATED, EXPIRES, 0, 0, false, false}, 0, EXPIRES - 1, KEY_STATE_ACTIVE},
    {"expires now", {CREATED, EXPIRES, 0, 0, false, false}, 0, EXPIRES, KEY_STATE_EXPIRED},
    {"expired", {CREATED, EXPIRES, 0, 0, false, false}, 0, EXPIRES + 1, KEY_STATE_EXPIRED},
    {"disabled", {CREATED, EXPIRES, 0, 0, true, false}, 0, 4000, KEY_STATE_DISABLED},
    {"rolling", {CREATED, EXPIRES, 0, 0, false, true}, 0, EXPIRES - 1, KEY_STATE_ROLLING},
    {"rolled out", {CREATED, EXPIRES, 0, 0, false, true}, 0, EXPIRES, KEY_STATE_EXPIRED},
    {"disabled beats rolling", {CREATED, EXPIRES, 0, 0, true, true}, 0, 4000, KEY_STATE_DISABLED},
    {"expired beats disabled", {CREATED, EXPIRES, 0, 0, true, true}, 0, EXPIRES, KEY_STATE_EXPIRED},
    {"not yet", {CREATED, EXPIRES, 2000, 0, false, false}, 0, 1999, KEY_STATE_PENDING},
    {"from now on", {CREATED, EXPIRES, 2000, 0, false, false}, 0, 2000, KEY_STATE_ACTIVE},
    {"disabled beats not yet", {CREATED, EXPIRES, 2000, 0, true, false}, 0, 1999, KEY_STATE_DISABLED},
    {"revoked beats not yet", {CREATED, EXPIRES, 2000, 1500, false, false}, 0, 1999, KEY_STATE_REVOKED},
    {"revoked", {CREATED, 0, 0, 2000, false, false}, 0, 4000, KEY_STATE_REVOKED},
    {"revoked a moment ahead of this clock", {CREATED, 0, 0, 4001, false, false}, 0, 4000, KEY_STATE_REVOKED},
    {"revoked beats all", {CREATED, EXPIRES, 0, 2000, true, true}, 0, EXPIRES, KEY_STATE_REVOKED},
    {"created after the account's revocation", {CREATED, 0, 0, 0, false, false}, CREATED - 1, 4000, KEY_STATE_ACTIVE},
    {"created at it", {CREATED, 0, 0, 0, false, false}, CREATED, 4000, KEY_STATE_REVOKED},
    {"created before it", {CREATED, 0, 0, 0, false, false}, CREATED + 1, 4000, KEY_STATE_REVOKED},
    {"account revocation beats expiry", {CREATED, EXPIRES, 0, 0, true, true}, CREATED, EXPIRES, KEY_STATE_REVOKED},
    {"created at 0, no account revocation", {0, 0, 0, 0, false, false}, 0, 4000, KEY_STATE_ACTIVE},
};

static void state_follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum key_state got = key_state(&rows[i].facts, rows[i].revoked_before_ms, rows[i].now_ms);
        if (got != rows[i].wanted)
            fail_msg("%s: %s", rows[i].what, key_state_name(got));
    }
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(key_state_name(KEY_STATE_ACTIVE), "ACTIVE");
    assert_string_equal(key_state_name(KEY_STATE_ROLLING), "ROLLING");
    assert_string_equal(key_state_name(KEY_STATE_DISABLED), "DISABLED");
    assert_string_equal(key_state_name(KEY_STATE_EXPIRED), "EXPIRED");
    assert_string_equal(key_state_name(KEY_STATE_REVOKED), "REVOKED");
    assert_string_equal(key_state_name(KEY_STATE_PENDING), "PENDING");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_follows_the_table),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
