// The purge: what is removed, what stays, and that tokens are refused as before.
#include "support/registry_asks.h"
#include "support/registry_raw.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static void purge_some(struct registry_fixture *fixture, uint64_t dead_before_ms, struct registry_purge_walk *walk)
{
    struct status_failure failure = {.message = ""};
    if (registry_purge_some(fixture->registry, dead_before_ms, walk, &failure) != STATUS_OK)
        fail_msg("%s", failure.message);
}

// All keys, once. How many were purged.
static uint64_t purge(struct registry_fixture *fixture, uint64_t dead_before_ms)
{
    struct registry_purge_walk walk = {.count = 0};
    do
        purge_some(fixture, dead_before_ms, &walk);
    while (walk.after_set);
    return walk.count;
}

static struct ask *make_key(struct registry_fixture *fixture)
{
    struct ask *made = ask_for_key(fixture, "acme");
    struct registry_key *create = &made->command.ask.create;
    create->metadata = arena_array(made->command.arena, 1, sizeof *create->metadata);
    create->metadata[0] = (struct registry_entry){.key = slice_text("team"), .value = slice_text("ingest")};
    create->metadata_count = 1;
    ask_for_scopes(made, (const char *const[]){"admin"}, 1);
    EXPECT_OK(fixture, made);
    return made;
}

static void long_revoked_key_leaves_what_refuses_its_token(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *dead = make_key(fixture);
    struct ask *alive = make_key(fixture);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(dead), "leaked"));
    fixture_wait(fixture, DAY_MS);
    uint64_t seq = seq_now(fixture);
    assert_int_equal(purge(fixture, FIXTURE_START_MS + 1), 1);
    assert_int_equal(seq_now(fixture), seq + 1); // a change like any other
    struct registry_key key = find_key(fixture, made_id(dead));
    assert_true(key.purged && key.deleted);
    assert_int_equal(key.version, seq + 1);
    assert_int_equal(key.name.size + key.created_by.size + key.revoke_reason.size + key.prefix.size, 0);
    assert_int_equal(key.scope_count + key.metadata_count + key.limit_count + key.address_count, 0);
    assert_text(key.account, "acme");
    assert_int_equal(key.facts.revoked_at_ms, FIXTURE_START_MS);
    assert_int_equal(state_of(fixture, made_id(dead)), KEY_STATE_REVOKED);
    assert_true(registry_token_matches(fixture->registry, &key, dead->command.result.token));
    assert_int_equal(list_keys(fixture, "acme").count, 1);
    assert_int_equal(state_of(fixture, made_id(alive)), KEY_STATE_ACTIVE);
    assert_text(find_key(fixture, made_id(alive)).metadata[0].value, "ingest");
    EXPECT(fixture, ask_to_revoke(fixture, made_id(dead), ""), STATUS_NOT_FOUND, "revoke.key_id", "there is no key");
    assert_sound(fixture);
}

static void purged_key_is_not_purged_again(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *dead = make_key(fixture);
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(dead)));
    fixture_wait(fixture, DAY_MS);
    assert_int_equal(purge(fixture, FIXTURE_START_MS + 1), 1);
    uint64_t seq = seq_now(fixture);
    assert_int_equal(purge(fixture, FIXTURE_START_MS + 1), 0);
    assert_int_equal(seq_now(fixture), seq);
}

static void each_way_of_dying_counts_from_its_moment(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
    struct ask *with_account = ask_for_key(fixture, "globex");
    EXPECT_OK(fixture, with_account);
    struct ask *expired = ask_for_key(fixture, "acme");
    expired->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 20;
    EXPECT_OK(fixture, expired);
    struct ask *revoked = make_key(fixture);
    struct ask *future = ask_for_key(fixture, "acme");
    future->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 2 * DAY_MS;
    EXPECT_OK(fixture, future);
    struct ask *disabled = make_key(fixture);
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(disabled)));
    fixture_wait(fixture, 10);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(revoked), ""));
    fixture_wait(fixture, 20);
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "globex", "")); // at 30
    struct ask *later = ask_for_key(fixture, "globex");
    EXPECT_OK(fixture, later);
    fixture_wait(fixture, DAY_MS);
    const struct {
        const struct ask *ask;
        uint64_t dead_ms;
    } cases[] = {{revoked, 10}, {expired, 20}, {with_account, 30}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(purge(fixture, FIXTURE_START_MS + cases[i].dead_ms), 0);
        assert_int_equal(purge(fixture, FIXTURE_START_MS + cases[i].dead_ms + 1), 1);
        assert_true(find_key(fixture, made_id(cases[i].ask)).purged);
    }
    assert_int_equal(purge(fixture, UINT64_MAX), 0); // what works, or may work again, stays
    assert_int_equal(state_of(fixture, made_id(future)), KEY_STATE_ACTIVE);
    assert_int_equal(state_of(fixture, made_id(expired)), KEY_STATE_EXPIRED); // as before
    assert_int_equal(state_of(fixture, made_id(with_account)), KEY_STATE_REVOKED);
    assert_sound(fixture);
}

static void earlier_of_two_deaths_counts(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = ask_for_key(fixture, "acme");
    made->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 10;
    EXPECT_OK(fixture, made);
    fixture_wait(fixture, DAY_MS);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(made), ""));
    assert_int_equal(purge(fixture, FIXTURE_START_MS + 11), 1);
}

static void purge_takes_a_part_at_a_time_and_reaches_every_key(void **state)
{
    enum { COUNT = 1200 };
    struct registry_fixture *fixture = *state;
    struct ask *asks[COUNT];
    fixture_furnish(fixture, "acme");
    struct ask *put = ask_for_account(fixture, "acme", "");
    put->command.ask.put_account.max_keys = COUNT;
    EXPECT_OK(fixture, put);
    for (size_t i = 0; i < COUNT; i++) {
        asks[i] = ask_for_key(fixture, "acme");
        asks[i]->command.ask.create.facts.expires_at_ms = i % 12 == 0 ? FIXTURE_START_MS + 1 : 0;
        ask_start(fixture, asks[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(ask_wait(asks[i]), STATUS_OK);
    fixture_wait(fixture, DAY_MS);
    struct registry_purge_walk walk = {.count = 0};
    purge_some(fixture, 1, &walk);
    assert_true(walk.after_set); // though there was nothing to purge
    walk = (struct registry_purge_walk){.count = 0};
    uint64_t seq = seq_now(fixture);
    size_t calls = 0;
    do {
        uint64_t before = walk.count;
        purge_some(fixture, FIXTURE_START_MS + 2, &walk);
        assert_in_range(walk.count - before, 0, REGISTRY_PURGE_MAX);
        calls++;
    } while (walk.after_set);
    assert_int_equal(walk.count, COUNT / 12);
    assert_in_range(calls, COUNT / 500, COUNT / 500 + COUNT / 12 / REGISTRY_PURGE_MAX + 1);
    assert_in_range(seq_now(fixture) - seq, 4, calls);
    assert_int_equal(purge(fixture, FIXTURE_START_MS + 2), 0); // from the beginning again
    assert_sound(fixture);
}

static void purge_of_largest_keys_fits(void **state)
{
    enum { COUNT = REGISTRY_PURGE_MAX + 1 };
    struct registry_fixture *fixture = *state;
    static char text[REGISTRY_TEXT_MAX];
    fixture_furnish(fixture, "acme");
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT; i++) {
        struct ask *made = ask_for_key(fixture, "acme");
        struct registry_key *create = &made->command.ask.create;
        create->metadata = arena_array(made->command.arena, REGISTRY_METADATA_MAX, sizeof *create->metadata);
        create->metadata_count = REGISTRY_METADATA_MAX;
        create->addresses = arena_array(made->command.arena, REGISTRY_ADDRESSES_MAX, sizeof *create->addresses);
        create->address_count = REGISTRY_ADDRESSES_MAX;
        for (size_t j = 0; j < REGISTRY_METADATA_MAX; j++)
            create->metadata[j] = (struct registry_entry){slice_make(text, 10 + j), slice_make(text, sizeof text)};
        for (size_t j = 0; j < REGISTRY_ADDRESSES_MAX; j++)
            create->addresses[j] = slice_text("2001:db8:1111:2222:3333:4444:5555:6666/128");
        create->facts.expires_at_ms = FIXTURE_START_MS + 1;
        EXPECT_OK(fixture, made);
    }
    fixture_wait(fixture, DAY_MS);
    assert_int_equal(purge(fixture, FIXTURE_START_MS + 2), COUNT);
    assert_sound(fixture);
}

static void purge_makes_room_in_the_count_of_keys(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    make_key(fixture);
    EXPECT_OK(fixture, ask_to_revoke_all(fixture, "acme", ""));
    fixture_wait(fixture, DAY_MS);
    assert_int_equal(purge(fixture, FIXTURE_START_MS + 1), 1);
    assert_sound(fixture); // the count is right
    fixture_close(fixture);
    uint8_t key[511];
    assert_int_equal(raw_key_at(fixture->path, "key_count", 0, key), 0);
    assert_int_equal(raw_key_at(fixture->path, "key_by_account", 0, key), 0);
    fixture_open(fixture);
}

static void purge_that_meets_a_damaged_key_fails_by_that_and_not_by_its_commit(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_purge_walk walk = {0};
    struct status_failure failure = {.message = ""};
    uint8_t id[KEY_ID_SIZE];
    fixture_furnish(fixture, "acme");
    memcpy(id, fixture_key(fixture, "acme")->command.result.key.id, sizeof id);
    fixture_close(fixture);
    raw_put(fixture->path, "key", slice_make(id, sizeof id), slice_text("damaged"));
    fixture_open(fixture);
    assert_int_equal(registry_purge_some(fixture->registry, UINT64_MAX, &walk, &failure), STATUS_DATA_LOSS);
    assert_string_not_equal(failure.message, "");
    assert_int_equal(walk.count, 0);
    assert_int_equal(registry_health(fixture->registry).last_commit, STATUS_OK);
}

// --- idempotency records

static size_t purge_idempotency_records(struct registry_fixture *fixture, size_t min)
{
    size_t count = 0;
    struct status_failure failure = {.message = ""};
    if (registry_purge_idempotency(fixture->registry, min, &count, &failure) != STATUS_OK)
        fail_msg("%s", failure.message);
    return count;
}

static void make_idempotency_records(struct registry_fixture *fixture, size_t count)
{
    struct ask **asks = calloc(count, sizeof(struct ask *));
    assert_non_null(asks);
    for (size_t i = 0; i < count; i++) {
        asks[i] = ask_for_tier(fixture, "other", false);
        if (i % 3 == 2)
            asks[i]->command.caller.name = slice_text("uid:1000");
        ask_start(fixture, asks[i]);
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ask_wait(asks[i]), STATUS_OK);
    free(asks);
}

static void purge_removes_old_idempotency_records_in_one_change(void **state)
{
    enum { COUNT = 100 };
    struct registry_fixture *fixture = *state;
    uint8_t key[511];
    make_idempotency_records(fixture, COUNT);
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS - 1);
    assert_int_equal(purge_idempotency_records(fixture, 1), 0);
    assert_int_equal(seq_now(fixture), COUNT); // nothing to do is no change
    fixture_wait(fixture, 1);
    assert_int_equal(purge_idempotency_records(fixture, COUNT + 1), 0);
    assert_int_equal(purge(fixture, 1), 0); // that of keys leaves them alone
    assert_int_equal(seq_now(fixture), COUNT);
    assert_int_equal(purge_idempotency_records(fixture, COUNT), COUNT);
    assert_int_equal(seq_now(fixture), COUNT + 1);
    assert_int_equal(purge_idempotency_records(fixture, 1), 0);
    assert_int_equal(seq_now(fixture), COUNT + 1);
    assert_sound(fixture);
    fixture_close(fixture);
    assert_int_equal(raw_key_at(fixture->path, "replay", 0, key), 0); // and none of the purge itself
    assert_int_equal(raw_key_at(fixture->path, "replay_by_time", 0, key), 0);
    assert_int_equal(raw_key_at(fixture->path, "replay_count", 0, key), 0);
    fixture_open(fixture);
}

static void purge_of_many_idempotency_records_takes_the_oldest_first(void **state)
{
    enum { MORE = 200, YOUNG = 3 };
    struct registry_fixture *fixture = *state;
    struct ask *oldest = ask_for_tier(fixture, "other", false);
    EXPECT_OK(fixture, oldest);
    fixture_wait(fixture, 1);
    make_idempotency_records(fixture, REGISTRY_PURGE_IDEMPOTENCY_MAX + MORE - 1);
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS - 1);
    make_idempotency_records(fixture, YOUNG);
    assert_int_equal(purge_idempotency_records(fixture, 1), 1);
    fixture_wait(fixture, 1);
    uint64_t seq = seq_now(fixture);
    assert_int_equal(purge_idempotency_records(fixture, REGISTRY_PURGE_IDEMPOTENCY_MAX),
                     REGISTRY_PURGE_IDEMPOTENCY_MAX);
    assert_sound(fixture);
    assert_int_equal(purge_idempotency_records(fixture, 1), MORE - 1);
    assert_int_equal(purge_idempotency_records(fixture, 1), 0);
    assert_int_equal(seq_now(fixture), seq + 2);
    assert_sound(fixture); // with the counts of both callers
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS);
    assert_int_equal(purge_idempotency_records(fixture, 1), YOUNG);
}

static void only_operators_purge(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *ask = ask_new(fixture, REGISTRY_PURGE);
    ask_as_admin(ask, "acme");
    EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "", "operator");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(long_revoked_key_leaves_what_refuses_its_token),
        ASKS_TEST(purged_key_is_not_purged_again),
        ASKS_TEST(each_way_of_dying_counts_from_its_moment),
        ASKS_TEST(earlier_of_two_deaths_counts),
        ASKS_TEST(purge_takes_a_part_at_a_time_and_reaches_every_key),
        ASKS_TEST(purge_of_largest_keys_fits),
        ASKS_TEST(purge_makes_room_in_the_count_of_keys),
        ASKS_TEST(purge_that_meets_a_damaged_key_fails_by_that_and_not_by_its_commit),
        ASKS_TEST(purge_removes_old_idempotency_records_in_one_change),
        ASKS_TEST(purge_of_many_idempotency_records_takes_the_oldest_first),
        ASKS_TEST(only_operators_purge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
