// Deleting keys: revoked and hidden, for ever.
#include "support/registry_asks.h"

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static struct ask *make_key(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "acme");
    return fixture_key(fixture, "acme");
}

static void deleted_key_is_revoked_and_hidden(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *other = fixture_key(fixture, "acme");
    fixture_wait(fixture, 10);
    struct ask *ask = ask_to_delete(fixture, made_id(made));
    EXPECT_OK(fixture, ask);
    assert_true(ask->command.result.key.deleted);
    assert_text(ask->command.result.account.id, "acme");
    struct registry_key key = find_key(fixture, made_id(made));
    assert_int_equal(key.facts.revoked_at_ms, FIXTURE_START_MS + 10);
    assert_int_equal(key.version, ask->command.seq);
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_REVOKED);
    assert_true(registry_token_matches(fixture->registry, &key, made->command.result.token)); // refused as revoked
    struct registry_page page = list_keys(fixture, "acme");
    assert_int_equal(page.count, 1);
    assert_memory_equal(page.keys[0].id, made_id(other), KEY_ID_SIZE);
    assert_int_equal(list_keys(fixture, "").count, 1);
    assert_sound(fixture);
}

static void deleting_keeps_when_and_why_a_key_was_revoked(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(made), "leaked"));
    fixture_wait(fixture, 10);
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(made)));
    struct registry_key key = find_key(fixture, made_id(made));
    assert_int_equal(key.facts.revoked_at_ms, FIXTURE_START_MS);
    assert_text(key.revoke_reason, "leaked");
}

static void deleted_key_is_not_there_any_more(void **state)
{
    struct registry_fixture *fixture = *state;
    const uint8_t unknown[KEY_ID_SIZE] = {1, 2, 3};
    struct ask *made = make_key(fixture);
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(made)));
    EXPECT(fixture, ask_to_delete(fixture, made_id(made)), STATUS_NOT_FOUND, "delete.key_id", "there is no key");
    EXPECT(fixture, ask_to_revoke(fixture, made_id(made), ""), STATUS_NOT_FOUND, "revoke.key_id", "there is no key");
    EXPECT(fixture, ask_to_delete(fixture, unknown), STATUS_NOT_FOUND, "delete.key_id", "there is no key");
}

static void repeated_delete_gives_the_first_reply(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *ask = ask_to_delete(fixture, made_id(made));
    EXPECT_OK(fixture, ask);
    struct ask *again = ask_again(fixture, ask);
    EXPECT_OK(fixture, again);
    assert_true(again->command.is_retry);
    assert_true(slice_equal(again->command.reply, ask->command.reply));
}

static void repeated_revoke_gives_the_first_reply_even_of_a_key_that_was_deleted(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *revoke = ask_to_revoke(fixture, made_id(made), "");
    EXPECT_OK(fixture, revoke);
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(made)));
    struct ask *again = ask_again(fixture, revoke);
    EXPECT_OK(fixture, again);
    assert_true(again->command.is_retry);
}

static void deleting_another_version_is_aborted(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *wrong = ask_to_delete(fixture, made_id(made));
    wrong->command.if_version = made->command.seq + 1;
    EXPECT(fixture, wrong, STATUS_ABORTED, "delete.if_version", "read it again");
    struct ask *right = ask_to_delete(fixture, made_id(made));
    right->command.if_version = made->command.seq;
    EXPECT_OK(fixture, right);
}

static void keys_of_another_account_cannot_be_deleted(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *foreign = ask_to_delete(fixture, made_id(made));
    ask_as_admin(foreign, "globex");
    EXPECT(fixture, foreign, STATUS_NOT_FOUND, "delete.key_id", "there is no key");
    struct ask *own = ask_to_delete(fixture, made_id(made));
    ask_as_admin(own, "acme");
    EXPECT_OK(fixture, own);
}

static void deleted_key_makes_room(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *one = ask_for_account(fixture, "acme", "");
    one->command.ask.put_account.max_keys = 1;
    EXPECT_OK(fixture, one);
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(made)));
    EXPECT_OK(fixture, ask_for_key(fixture, "acme"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(deleted_key_is_revoked_and_hidden),
        ASKS_TEST(deleting_keeps_when_and_why_a_key_was_revoked),
        ASKS_TEST(deleted_key_is_not_there_any_more),
        ASKS_TEST(repeated_delete_gives_the_first_reply),
        ASKS_TEST(repeated_revoke_gives_the_first_reply_even_of_a_key_that_was_deleted),
        ASKS_TEST(deleting_another_version_is_aborted),
        ASKS_TEST(keys_of_another_account_cannot_be_deleted),
        ASKS_TEST(deleted_key_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
