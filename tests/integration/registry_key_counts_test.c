// How many keys there are by state and age, counted a part at a time.
#include "support/registry_asks.h"

#define DAY_MS (UINT64_C(24) * 60 * 60 * 1000)

enum { CHANGED_MS = 5000, AGED_MS = 60000 };

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static struct ask *make_key(struct registry_fixture *fixture, uint64_t expires_in_ms)
{
    struct ask *ask = ask_for_key(fixture, "acme");
    if (expires_in_ms > 0)
        ask->command.ask.create.facts.expires_at_ms = atomic_load(&fixture->now_ms) + expires_in_ms;
    EXPECT_OK(fixture, ask);
    return ask;
}

// Counts what one call counts.
static struct registry_key_counts count(struct registry_fixture *fixture)
{
    assert_int_equal(registry_count_keys(fixture->registry), STATUS_OK);
    return registry_key_counts(fixture->registry);
}

static uint64_t all(const struct registry_key_counts *counts)
{
    uint64_t sum = 0;
    for (int state = 0; state <= KEY_STATE_PENDING; state++)
        sum += counts->by_state[state];
    return sum;
}

static void keys_are_counted_by_their_state(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    assert_int_equal(registry_key_counts(fixture->registry).counted_ms, 0);
    const struct registry_key_counts before = count(fixture);
    assert_int_equal(before.counted_ms, FIXTURE_START_MS);
    make_key(fixture, 0);
    make_key(fixture, 1);
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(make_key(fixture, 0))));
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(make_key(fixture, 0)), "leaked"));
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(make_key(fixture, 0))));
    EXPECT_OK(fixture, ask_to_roll_within(fixture, made_id(make_key(fixture, 0)), DAY_MS));
    struct ask *pending = ask_for_key(fixture, "acme");
    pending->command.ask.create.facts.not_before_ms = FIXTURE_START_MS + DAY_MS;
    EXPECT_OK(fixture, pending);
    fixture_wait(fixture, CHANGED_MS);
    const struct registry_key_counts counts = count(fixture);
    assert_int_equal(counts.by_state[KEY_STATE_ACTIVE], before.by_state[KEY_STATE_ACTIVE] + 2); // one is a successor
    assert_int_equal(counts.by_state[KEY_STATE_EXPIRED], 1);
    assert_int_equal(counts.by_state[KEY_STATE_DISABLED], 1);
    assert_int_equal(counts.by_state[KEY_STATE_REVOKED], 1);
    assert_int_equal(counts.by_state[KEY_STATE_ROLLING], 1);
    assert_int_equal(counts.by_state[KEY_STATE_PENDING], 1);
    assert_int_equal(all(&counts), all(&before) + 7); // the deleted one is left out
}

static void keys_of_an_account_that_is_gone_are_revoked(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    make_key(fixture, 0);
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", "closed"));
    const struct registry_key_counts counts = count(fixture);
    assert_true(all(&counts) > 0);
    assert_int_equal(counts.by_state[KEY_STATE_REVOKED], all(&counts));
}

static void expiries_and_ages_are_of_keys_that_have_no_successor(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    make_key(fixture, 7 * DAY_MS);
    make_key(fixture, 7 * DAY_MS + 1);
    make_key(fixture, 30 * DAY_MS);
    make_key(fixture, 30 * DAY_MS + 1);
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(make_key(fixture, DAY_MS))));
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(make_key(fixture, DAY_MS)), "leaked"));
    EXPECT_OK(fixture, ask_to_roll_within(fixture, made_id(make_key(fixture, 0)), DAY_MS));
    struct registry_key_counts counts = count(fixture);
    assert_int_equal(counts.expire_in_7_days, 2);
    assert_int_equal(counts.expire_in_30_days, 4);
    assert_int_equal(counts.older_than_90_days, 0);
    const uint64_t lasting = counts.by_state[KEY_STATE_ACTIVE] - 4;
    fixture_wait(fixture, 90 * DAY_MS);
    assert_int_equal(count(fixture).older_than_90_days, 0);
    fixture_wait(fixture, AGED_MS);
    counts = count(fixture);
    assert_int_equal(counts.older_than_90_days, lasting); // the others have expired
    assert_int_equal(counts.expire_in_30_days, 0);
}

static void they_are_counted_again_after_a_change_or_a_minute(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    const uint64_t counted_ms = count(fixture).counted_ms;
    fixture_wait(fixture, AGED_MS - 1);
    assert_int_equal(count(fixture).counted_ms, counted_ms);
    fixture_wait(fixture, 1);
    assert_int_equal(count(fixture).counted_ms, counted_ms + AGED_MS);
    make_key(fixture, 0);
    fixture_wait(fixture, CHANGED_MS - 1);
    assert_int_equal(count(fixture).counted_ms, counted_ms + AGED_MS);
    fixture_wait(fixture, 1);
    assert_int_equal(count(fixture).counted_ms, counted_ms + AGED_MS + CHANGED_MS);
}

static void many_are_counted_in_parts_and_known_at_the_end(void **state)
{
    enum { ACCOUNTS = 3, EACH = 700 };
    struct registry_fixture *fixture = *state;
    static const char *const accounts[ACCOUNTS] = {"acme", "globex", "initech"};
    fixture_furnish(fixture, accounts[0]);
    for (size_t i = 1; i < ACCOUNTS; i++)
        EXPECT_OK(fixture, ask_for_account(fixture, accounts[i], ""));
    const uint64_t before = list_keys(fixture, "acme").count;
    struct ask **asks = calloc(ACCOUNTS * EACH, sizeof *asks);
    assert_non_null(asks);
    for (size_t i = 0; i < ACCOUNTS * EACH; i++) {
        asks[i] = ask_for_key(fixture, accounts[i % ACCOUNTS]);
        ask_start(fixture, asks[i]);
    }
    for (size_t i = 0; i < ACCOUNTS * EACH; i++)
        assert_int_equal(ask_wait(asks[i]), STATUS_OK);
    free(asks);
    struct registry_key_counts counts = count(fixture);
    assert_int_equal(counts.counted_ms, 0); // there are more than it counts at once
    counts = count(fixture);
    assert_int_equal(counts.by_state[KEY_STATE_ACTIVE], ACCOUNTS * EACH + ACCOUNTS * before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(keys_are_counted_by_their_state),
        ASKS_TEST(keys_of_an_account_that_is_gone_are_revoked),
        ASKS_TEST(expiries_and_ages_are_of_keys_that_have_no_successor),
        ASKS_TEST(they_are_counted_again_after_a_change_or_a_minute),
        ASKS_TEST(many_are_counted_in_parts_and_known_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
