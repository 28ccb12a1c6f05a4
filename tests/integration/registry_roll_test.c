// Rolling keys: the successor, the grace, and what may not be rolled.
#include "base/text.h"
#include "support/registry_asks.h"

enum { HOUR_MS = 60 * 60 * 1000 };

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static struct ask *make_key(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "acme");
    return fixture_key(fixture, "acme");
}

static void successor_takes_over_everything_but_the_token(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = ask_for_key(fixture, "acme");
    struct registry_key *create = &made->command.ask.create;
    struct slice addresses[] = {slice_text("10.0.0.0/8")};
    struct registry_entry metadata[] = {{.key = slice_text("team"), .value = slice_text("ingest")}};
    create->addresses = addresses;
    create->address_count = 1;
    create->metadata = metadata;
    create->metadata_count = 1;
    create->prefix = slice_text("shop");
    ask_for_scopes(made, (const char *const[]){"admin"}, 1);
    ask_for_limit(made, "requests=5/min");
    EXPECT_OK(fixture, made);
    fixture_wait(fixture, 10);
    struct ask *roll = ask_to_roll(fixture, made_id(made));
    EXPECT_OK(fixture, roll);

    struct registry_key next = find_key(fixture, made_id(roll));
    assert_text(next.name, "prod-ingest");
    assert_text(next.account, "acme");
    assert_text(next.created_by, "uid:0");
    assert_int_equal(next.facts.created_at_ms, FIXTURE_START_MS + 10);
    assert_int_equal(next.facts.expires_at_ms, 0);
    assert_int_equal(next.environment, KEY_ENVIRONMENT_TEST);
    assert_int_equal(next.type, KEY_TYPE_SECRET);
    assert_int_equal(next.scope_count, 1);
    assert_text(next.scopes[0], "admin");
    assert_int_equal(next.limit_count, 1);
    assert_int_equal(next.limits[0].amount, 5);
    assert_text(next.addresses[0], "10.0.0.0/8");
    assert_text(next.metadata[0].value, "ingest");
    assert_text(next.prefix, "shop");
    assert_int_equal(next.version, roll->command.seq);
    assert_memory_equal(next.lineage, made_id(made), KEY_ID_SIZE);
    assert_true(next.has_predecessor);
    assert_memory_equal(next.predecessor, made_id(made), KEY_ID_SIZE);
    assert_true(registry_token_matches(fixture->registry, &next, roll->command.result.token));
    assert_false(registry_token_matches(fixture->registry, &next, made->command.result.token));
    assert_true(slice_starts_with(roll->command.result.token, slice_text("shop_test_")));
    assert_sound(fixture);
}

static void rolled_key_works_for_the_grace_and_expires(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    uint64_t seq = seq_now(fixture);
    struct ask *roll = ask_to_roll(fixture, made_id(made));
    EXPECT_OK(fixture, roll);
    assert_int_equal(seq_now(fixture), seq + 1); // one change
    struct registry_key old = find_key(fixture, made_id(made));
    assert_int_equal(old.facts.expires_at_ms, FIXTURE_START_MS + 12 * HOUR_MS);
    assert_memory_equal(old.successor, made_id(roll), KEY_ID_SIZE);
    assert_int_equal(old.version, roll->command.seq);
    assert_memory_equal(roll->command.result.predecessor.id, made_id(made), KEY_ID_SIZE);
    assert_int_equal(roll->command.result.predecessor.facts.expires_at_ms, FIXTURE_START_MS + 12 * HOUR_MS);
    fixture_wait(fixture, 12 * HOUR_MS - 1);
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_ROLLING);
    fixture_wait(fixture, 1);
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_EXPIRED);
    assert_int_equal(state_of(fixture, made_id(roll)), KEY_STATE_ACTIVE);
}

static void grace_may_be_nothing_up_to_30_days(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *never = ask_to_roll_within(fixture, made_id(made), REGISTRY_GRACE_MAX_MS + 1);
    EXPECT(fixture, never, STATUS_INVALID_ARGUMENT, "roll.grace_ms", "30 days");
    struct ask *at_once = ask_to_roll_within(fixture, made_id(made), 0);
    EXPECT_OK(fixture, at_once);
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_EXPIRED);
    struct ask *long_one = ask_to_roll_within(fixture, made_id(at_once), REGISTRY_GRACE_MAX_MS);
    EXPECT_OK(fixture, long_one);
    assert_int_equal(find_key(fixture, made_id(at_once)).facts.expires_at_ms, FIXTURE_START_MS + REGISTRY_GRACE_MAX_MS);
}

static void grace_never_lengthens_a_keys_life(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = ask_for_key(fixture, "acme");
    made->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + HOUR_MS;
    EXPECT_OK(fixture, made);
    struct ask *roll = ask_to_roll(fixture, made_id(made));
    EXPECT_OK(fixture, roll);
    assert_int_equal(find_key(fixture, made_id(made)).facts.expires_at_ms, FIXTURE_START_MS + HOUR_MS);
    assert_int_equal(find_key(fixture, made_id(roll)).facts.expires_at_ms, FIXTURE_START_MS + HOUR_MS);
}

static void lineage_is_kept_over_several_rolls(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *first = make_key(fixture);
    struct ask *second = ask_to_roll(fixture, made_id(first));
    EXPECT_OK(fixture, second);
    struct ask *third = ask_to_roll(fixture, made_id(second));
    EXPECT_OK(fixture, third);
    struct registry_key last = find_key(fixture, made_id(third));
    assert_memory_equal(last.lineage, made_id(first), KEY_ID_SIZE);
    assert_memory_equal(last.predecessor, made_id(second), KEY_ID_SIZE);
    assert_false(last.facts.has_successor);
    assert_sound(fixture);
}

static void key_that_was_rolled_is_not_rolled_again(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *roll = ask_to_roll(fixture, made_id(made));
    char text[KEY_ID_TEXT_SIZE + 1];
    EXPECT_OK(fixture, roll);
    key_id_format(made_id(roll), text);
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", text);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(roll), "")); // also then
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", "ROLLING");
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", "postern create");
}

// Is it refused with this advice about the key?
static void assert_advice(struct registry_fixture *fixture, struct ask *ask, const char *before, const uint8_t *id,
                          const char *after)
{
    char text[KEY_ID_TEXT_SIZE + 1], advice[160];
    key_id_format(id, text);
    (void)snprintf(advice, sizeof advice, "%s %s%s", before, text, after);
    bool is_roll = ask->command.kind == REGISTRY_ROLL;
    EXPECT(fixture, ask, STATUS_FAILED_PRECONDITION, is_roll ? "roll.key_id" : "update.expires_at_ms", advice);
}

static struct ask *ask_for_longer(struct registry_fixture *fixture, const struct ask *made)
{
    struct ask *ask = ask_to_update(fixture, made_id(made), "expires_at_ms");
    ask->command.ask.update.key.facts.expires_at_ms = FIXTURE_START_MS + UINT64_C(1000) * HOUR_MS;
    return ask;
}

struct chain {
    struct ask *first, *second, *third;
};

// The second of three is rolled with this grace, the first with twelve hours.
static struct chain make_chain(struct registry_fixture *fixture, uint64_t grace_ms)
{
    struct chain chain = {.first = make_key(fixture)};
    chain.second = ask_to_roll(fixture, made_id(chain.first));
    EXPECT_OK(fixture, chain.second);
    chain.third = ask_to_roll_within(fixture, made_id(chain.second), grace_ms);
    EXPECT_OK(fixture, chain.third);
    return chain;
}

static void only_a_key_that_can_be_rolled_is_advised_to_be(void **state)
{
    struct registry_fixture *fixture = *state;
    struct chain chain = make_chain(fixture, 6 * HOUR_MS);
    assert_advice(fixture, ask_to_roll(fixture, made_id(chain.first)), "roll that one, with: postern roll",
                  made_id(chain.third), "");
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(chain.third))); // the second works, and cannot be rolled
    assert_advice(fixture, ask_to_roll(fixture, made_id(chain.first)), "postern enable", made_id(chain.third), "");
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(chain.third), ""));
    for (int i = 0; i < 2; i++) {
        EXPECT(fixture, ask_to_roll(fixture, made_id(chain.first)), STATUS_FAILED_PRECONDITION, "roll.key_id",
               "no successor of it can be rolled: make a new key with: postern create");
        EXPECT_OK(fixture, ask_to_disable(fixture, made_id(chain.second))); // enabled again it would not help either
    }
}

static void key_that_works_later_and_was_rolled_is_not_advised_to_be_rolled(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *next = ask_to_roll(fixture, made_id(made));
    EXPECT_OK(fixture, next);
    struct ask *later = ask_to_update(fixture, made_id(next), "not_before_ms");
    later->command.ask.update.key.facts.not_before_ms = FIXTURE_START_MS + HOUR_MS;
    EXPECT_OK(fixture, later);
    assert_advice(fixture, ask_to_roll(fixture, made_id(made)), "postern update", made_id(next), " --no-not-before");
    assert_advice(fixture, ask_for_longer(fixture, made), "from then on, use", made_id(next), ""); // it works by then
    struct ask *last = ask_to_roll(fixture, made_id(next));
    EXPECT_OK(fixture, last);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(last), ""));
    EXPECT(fixture, ask_to_roll(fixture, made_id(next)), STATUS_FAILED_PRECONDITION, "roll.key_id", "postern create");
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", "postern create");
}

static void only_a_key_that_works_then_is_advised_to_be_used(void **state)
{
    struct registry_fixture *fixture = *state;
    struct chain chain = make_chain(fixture, HOUR_MS);
    assert_advice(fixture, ask_for_longer(fixture, chain.first), "from then on, use", made_id(chain.third), "");
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(chain.third), "")); // the second works now, and not then
    EXPECT(fixture, ask_for_longer(fixture, chain.first), STATUS_FAILED_PRECONDITION, "update.expires_at_ms",
           "no successor of it works then: make a new key with: postern create");
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(chain.second)));
    EXPECT(fixture, ask_for_longer(fixture, chain.first), STATUS_FAILED_PRECONDITION, "update.expires_at_ms",
           "no successor of it works then: make a new key with: postern create");
}

static void end_of_a_successor_is_told_with_the_advice_to_use_it(void **state)
{
    struct registry_fixture *fixture = *state;
    struct chain chain = make_chain(fixture, 13 * HOUR_MS);
    char end[TEXT_TIME_SIZE], until[160];
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(chain.third), ""));
    (void)snprintf(until, sizeof until, ", which works until %s",
                   text_format_moment(FIXTURE_START_MS + UINT64_C(13) * HOUR_MS, end));
    assert_advice(fixture, ask_for_longer(fixture, chain.first), "from then on, use", made_id(chain.second), until);
}

// More rolls than are walked over.
static void newest_of_very_many_successors_is_not_denied(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture), *last = made;
    for (int i = 0; i < 65; i++) {
        struct ask *roll = ask_to_roll_within(fixture, made_id(last), last == made ? HOUR_MS : 0);
        EXPECT_OK(fixture, roll);
        last = roll;
    }
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id",
           "so many rolls came after it that the newest successor is not looked up: find it with: postern list");
    EXPECT(fixture, ask_for_longer(fixture, made), STATUS_FAILED_PRECONDITION, "update.expires_at_ms", "postern list");
}

static void revoking_either_side_leaves_the_other(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *roll = ask_to_roll(fixture, made_id(made));
    EXPECT_OK(fixture, roll);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(made), "leaked"));
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_REVOKED);
    assert_int_equal(state_of(fixture, made_id(roll)), KEY_STATE_ACTIVE);
    struct ask *again = ask_to_roll(fixture, made_id(roll));
    EXPECT_OK(fixture, again);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(again), "leaked"));
    assert_int_equal(state_of(fixture, made_id(roll)), KEY_STATE_ROLLING);
}

static void only_a_working_key_is_rolled(void **state)
{
    struct registry_fixture *fixture = *state;
    const uint8_t unknown[KEY_ID_SIZE] = {1, 2, 3};
    struct ask *made = make_key(fixture);
    EXPECT(fixture, ask_to_roll(fixture, unknown), STATUS_NOT_FOUND, "roll.key_id", "there is no key");
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(made)));
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", "DISABLED");
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(made), ""));
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", "REVOKED");
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(made)));
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", "deleted");
    struct ask *brief = ask_for_key(fixture, "acme");
    brief->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 1;
    EXPECT_OK(fixture, brief);
    fixture_wait(fixture, 1);
    EXPECT(fixture, ask_to_roll(fixture, made_id(brief)), STATUS_FAILED_PRECONDITION, "roll.key_id", "EXPIRED");
}

static void rolling_another_version_is_aborted(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *old = ask_to_roll(fixture, made_id(made));
    old->command.if_version = made->command.seq + 1;
    EXPECT(fixture, old, STATUS_ABORTED, "roll.if_version", "read it again");
    struct ask *right = ask_to_roll(fixture, made_id(made));
    right->command.if_version = made->command.seq;
    EXPECT_OK(fixture, right);
}

static void account_must_allow_the_successor(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *live = ask_for_account(fixture, "acme", "");
    live->command.ask.put_account.allows_live = true;
    EXPECT_OK(fixture, live);
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", "test keys");
    struct ask *suspend = ask_for_account(fixture, "acme", "");
    suspend->command.ask.put_account.suspended = true;
    EXPECT_OK(fixture, suspend);
    EXPECT(fixture, ask_to_roll(fixture, made_id(made)), STATUS_FAILED_PRECONDITION, "roll.key_id", "suspended");
}

static void both_sides_count_towards_max_keys_while_both_work(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *one = ask_for_account(fixture, "acme", "");
    one->command.ask.put_account.max_keys = 1;
    EXPECT_OK(fixture, one);
    EXPECT(fixture, ask_to_roll_within(fixture, made_id(made), 1), STATUS_RESOURCE_EXHAUSTED, "roll.key_id",
           "max_keys");
    struct ask *at_once = ask_to_roll_within(fixture, made_id(made), 0);
    EXPECT_OK(fixture, at_once);
    EXPECT(fixture, ask_for_key(fixture, "acme"), STATUS_RESOURCE_EXHAUSTED, "create.account", "max_keys");
    assert_sound(fixture);
}

static void successor_of_a_public_key_is_public(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = ask_for_key(fixture, "acme");
    made->command.ask.create.type = KEY_TYPE_PUBLIC;
    EXPECT_OK(fixture, made);
    struct ask *roll = ask_to_roll(fixture, made_id(made));
    EXPECT_OK(fixture, roll);
    struct registry_key next = find_key(fixture, made_id(roll));
    assert_true(slice_starts_with(next.public_token, slice_text("acme_pub_test_")));
    assert_true(slice_equal(next.public_token, roll->command.result.token));
}

static void repeated_roll_gives_the_first_reply(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *roll = ask_to_roll(fixture, made_id(made));
    EXPECT_OK(fixture, roll);
    struct ask *again = ask_again(fixture, roll);
    EXPECT_OK(fixture, again);
    assert_true(again->command.is_retry);
    assert_true(slice_equal(again->command.reply, roll->command.reply));
    assert_int_equal(list_keys(fixture, "acme").count, 2);
}

static void keys_of_another_account_cannot_be_rolled(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *foreign = ask_to_roll(fixture, made_id(made));
    ask_as_admin(foreign, "globex");
    EXPECT(fixture, foreign, STATUS_NOT_FOUND, "roll.key_id", "there is no key");
}

static void roll_fails_cleanly_for_every_memory_budget(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    uint64_t seq = seq_now(fixture);
    enum status status = STATUS_RESOURCE_EXHAUSTED;
    for (size_t budget = 64; status != STATUS_OK; budget += 64) {
        struct ask *ask = ask_to_roll(fixture, made_id(made));
        arena_set_budget(ask->command.arena, budget);
        status = ask_run(fixture, ask);
        assert_true(status == STATUS_OK || status == STATUS_RESOURCE_EXHAUSTED);
        assert_int_equal(seq_now(fixture), status == STATUS_OK ? seq + 1 : seq);
    }
    assert_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(successor_takes_over_everything_but_the_token),
        ASKS_TEST(rolled_key_works_for_the_grace_and_expires),
        ASKS_TEST(grace_may_be_nothing_up_to_30_days),
        ASKS_TEST(grace_never_lengthens_a_keys_life),
        ASKS_TEST(lineage_is_kept_over_several_rolls),
        ASKS_TEST(key_that_was_rolled_is_not_rolled_again),
        ASKS_TEST(only_a_key_that_can_be_rolled_is_advised_to_be),
        ASKS_TEST(key_that_works_later_and_was_rolled_is_not_advised_to_be_rolled),
        ASKS_TEST(only_a_key_that_works_then_is_advised_to_be_used),
        ASKS_TEST(end_of_a_successor_is_told_with_the_advice_to_use_it),
        ASKS_TEST(newest_of_very_many_successors_is_not_denied),
        ASKS_TEST(revoking_either_side_leaves_the_other),
        ASKS_TEST(only_a_working_key_is_rolled),
        ASKS_TEST(rolling_another_version_is_aborted),
        ASKS_TEST(account_must_allow_the_successor),
        ASKS_TEST(both_sides_count_towards_max_keys_while_both_work),
        ASKS_TEST(successor_of_a_public_key_is_public),
        ASKS_TEST(repeated_roll_gives_the_first_reply),
        ASKS_TEST(keys_of_another_account_cannot_be_rolled),
        ASKS_TEST(roll_fails_cleanly_for_every_memory_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
