// RevokeAll: one change that revokes every key made up to a moment.
#include "support/registry_asks.h"

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static void every_key_of_the_account_is_revoked_by_one_change(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *keys[20];
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
    struct ask *other = fixture_key(fixture, "globex");
    for (size_t i = 0; i < 20; i++)
        keys[i] = fixture_key(fixture, "acme");
    uint64_t seq = seq_now(fixture);
    fixture_wait(fixture, 10);
    struct ask *ask = ask_to_revoke_all(fixture, "acme", "breach");
    EXPECT_OK(fixture, ask);
    assert_int_equal(seq_now(fixture), seq + 1);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(state_of(fixture, made_id(keys[i])), KEY_STATE_REVOKED);
    assert_int_equal(state_of(fixture, made_id(other)), KEY_STATE_ACTIVE);
    struct registry_account account = find_account(fixture, "acme");
    assert_int_equal(account.revoked_before_ms, FIXTURE_START_MS + 10);
    assert_text(account.revoke_reason, "breach");
    assert_int_equal(account.version, ask->command.seq);
    assert_int_equal(ask->command.result.account.revoked_before_ms, FIXTURE_START_MS + 10);
    assert_sound(fixture);
}

static void keys_made_later_work_even_in_the_same_millisecond(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *before = fixture_key(fixture, "acme");
    struct ask *rolled = fixture_key(fixture, "acme");
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", ""));
    struct ask *after = fixture_key(fixture, "acme");
    assert_int_equal(state_of(fixture, made_id(before)), KEY_STATE_REVOKED);
    assert_int_equal(state_of(fixture, made_id(after)), KEY_STATE_ACTIVE);
    struct ask *roll = ask_to_roll(fixture, made_id(after));
    EXPECT_OK(fixture, roll);
    assert_int_equal(state_of(fixture, made_id(roll)), KEY_STATE_ACTIVE);
    EXPECT(fixture, ask_to_roll(fixture, made_id(rolled)), STATUS_FAILED_PRECONDITION, "roll.key_id", "REVOKED");
    EXPECT(fixture, ask_to_disable(fixture, made_id(rolled)), STATUS_FAILED_PRECONDITION, "update.key_id", "REVOKED");
}

static void only_keys_made_up_to_the_moment_are_revoked(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *keys[3];
    fixture_furnish(fixture, "acme");
    for (size_t i = 0; i < 3; i++) {
        keys[i] = fixture_key(fixture, "acme");
        fixture_wait(fixture, 10);
    }
    struct ask *ask = ask_to_revoke_all(fixture, "acme", "");
    ask->command.ask.revoke_all.created_before_ms = FIXTURE_START_MS + 10;
    EXPECT_OK(fixture, ask);
    assert_int_equal(state_of(fixture, made_id(keys[0])), KEY_STATE_REVOKED);
    assert_int_equal(state_of(fixture, made_id(keys[1])), KEY_STATE_REVOKED);
    assert_int_equal(state_of(fixture, made_id(keys[2])), KEY_STATE_ACTIVE);
}

static void what_was_revoked_stays_revoked(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", "first"));
    uint64_t seq = seq_now(fixture);
    struct ask *earlier = ask_to_revoke_all(fixture, "acme", "second");
    earlier->command.ask.revoke_all.created_before_ms = 5;
    EXPECT_OK(fixture, earlier);
    assert_int_equal(seq_now(fixture), seq); // nothing changed
    assert_text(find_account(fixture, "acme").revoke_reason, "first");
    EXPECT_OK(fixture, ask_for_account(fixture, "acme", "")); // nor do new settings bring it back
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_REVOKED);
    assert_text(find_account(fixture, "acme").revoke_reason, "first");
}

static void keys_that_are_yet_to_be_made_cannot_be_revoked(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_to_revoke_all(fixture, "acme", "");
    ask->command.ask.revoke_all.created_before_ms = FIXTURE_START_MS + 1;
    EXPECT(fixture, ask, STATUS_INVALID_ARGUMENT, "revoke_all.created_before_ms", "in the future");
}

static void unknown_account_is_named(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    EXPECT(fixture, ask_to_revoke_all(fixture, "acm", ""), STATUS_NOT_FOUND, "revoke_all.account", "\"acm\"");
}

static void only_operators_revoke_all(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_to_revoke_all(fixture, "acme", "");
    ask_as_admin(ask, "acme");
    EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "", "operator");
}

static void revoked_keys_make_room(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *put = ask_for_account(fixture, "acme", "");
    put->command.ask.put_account.max_keys = 2;
    EXPECT_OK(fixture, put);
    fixture_key(fixture, "acme");
    fixture_key(fixture, "acme");
    EXPECT(fixture, ask_for_key(fixture, "acme"), STATUS_RESOURCE_EXHAUSTED, "create.account", "max_keys");
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", ""));
    fixture_key(fixture, "acme");
    fixture_key(fixture, "acme");
    EXPECT(fixture, ask_for_key(fixture, "acme"), STATUS_RESOURCE_EXHAUSTED, "create.account", "max_keys");
    assert_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(every_key_of_the_account_is_revoked_by_one_change),
        ASKS_TEST(keys_made_later_work_even_in_the_same_millisecond),
        ASKS_TEST(only_keys_made_up_to_the_moment_are_revoked),
        ASKS_TEST(what_was_revoked_stays_revoked),
        ASKS_TEST(keys_that_are_yet_to_be_made_cannot_be_revoked),
        ASKS_TEST(unknown_account_is_named),
        ASKS_TEST(only_operators_revoke_all),
        ASKS_TEST(revoked_keys_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
