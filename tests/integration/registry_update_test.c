// Updating keys: what a mask sets, what stays, what is refused, and two updates at once.
#include "support/registry_asks.h"

enum { HOUR_MS = 60 * 60 * 1000 };

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

// A key with something in every field that can be set.
static struct ask *make_key(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "acme");
    struct ask *made = ask_for_key(fixture, "acme");
    struct registry_key *create = &made->command.ask.create;
    create->addresses = arena_array(made->command.arena, 1, sizeof *create->addresses);
    create->addresses[0] = slice_text("10.0.0.0/8");
    create->address_count = 1;
    create->metadata = arena_array(made->command.arena, 1, sizeof *create->metadata);
    create->metadata[0] = (struct registry_entry){.key = slice_text("team"), .value = slice_text("ingest")};
    create->metadata_count = 1;
    create->facts.expires_at_ms = FIXTURE_START_MS + HOUR_MS;
    ask_for_scopes(made, (const char *const[]){"admin"}, 1);
    ask_for_limit(made, "requests=5/min");
    EXPECT_OK(fixture, made);
    return made;
}

static struct ask *ask_for_name(struct registry_fixture *fixture, const struct ask *made, const char *name)
{
    struct ask *ask = ask_to_update(fixture, made_id(made), "name");
    ask->command.ask.update.key.name = slice_text(name);
    return ask;
}

static struct ask *ask_for_expiry(struct registry_fixture *fixture, const struct ask *made, uint64_t expires_at_ms)
{
    struct ask *ask = ask_to_update(fixture, made_id(made), "expires_at_ms");
    ask->command.ask.update.key.facts.expires_at_ms = expires_at_ms;
    return ask;
}

static bool is(const char *one, const char *other)
{
    return strcmp(one, other) == 0;
}

static void update_sets_what_its_mask_names_and_nothing_else(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    for (size_t i = 0; i < ASK_SETTINGS; i++) {
        struct registry_key before = find_key(fixture, made_id(made));
        struct ask *ask = ask_to_update(fixture, made_id(made), ask_settings[i]); // all values are empty, 0 or false
        EXPECT_OK(fixture, ask);
        struct registry_key after = find_key(fixture, made_id(made));
        assert_int_equal(after.version, ask->command.seq);
        assert_int_equal(after.name.size, is(ask_settings[i], "name") ? 0 : before.name.size);
        assert_int_equal(after.scope_count, is(ask_settings[i], "scopes") ? 0 : before.scope_count);
        assert_int_equal(after.metadata_count, is(ask_settings[i], "metadata") ? 0 : before.metadata_count);
        assert_int_equal(after.facts.expires_at_ms,
                         is(ask_settings[i], "expires_at_ms") ? 0 : before.facts.expires_at_ms);
        assert_int_equal(after.address_count, is(ask_settings[i], "allowed_addresses") ? 0 : before.address_count);
        assert_int_equal(after.limit_count, is(ask_settings[i], "limits") ? 0 : before.limit_count);
        assert_int_equal(after.facts.disabled, is(ask_settings[i], "enabled"));
    }
    assert_sound(fixture);
}

static void update_sets_nothing_that_is_for_good(void **state)
{
    static const char *const others[] = {"colour", "account", "token_hash", "revoked_at_ms", "version", "key_id"};
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    EXPECT(fixture, ask_to_update(fixture, made_id(made), ""), STATUS_INVALID_ARGUMENT, "update.update_mask", "empty");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct ask *ask = ask_to_update(fixture, made_id(made), others[i]);
        EXPECT(fixture, ask, STATUS_INVALID_ARGUMENT, "update.update_mask[0]", "none of name");
    }
    assert_sound(fixture);
}

static void update_sets_everything_at_once(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *ask =
        ask_to_update(fixture, made_id(made), "name scopes metadata expires_at_ms allowed_addresses limits enabled");
    struct registry_key *update = &ask->command.ask.update.key;
    struct slice addresses[] = {slice_text("192.168.0.0/16"), slice_text("::1")};
    struct registry_entry metadata[] = {{.key = slice_text("owner"), .value = slice_text("ops")}};
    update->name = slice_text("nightly");
    update->addresses = addresses;
    update->address_count = 2;
    update->metadata = metadata;
    update->metadata_count = 1;
    update->facts.expires_at_ms = FIXTURE_START_MS + 2 * HOUR_MS;
    update->facts.disabled = false;
    ask_for_scopes(ask, (const char *const[]){"postern:verify", "admin"}, 2);
    ask_for_limit(ask, "requests=7/min");
    EXPECT_OK(fixture, ask);
    struct registry_key key = find_key(fixture, made_id(made));
    assert_text(key.name, "nightly");
    assert_text(key.scopes[0], "postern:verify");
    assert_text(key.addresses[1], "::1");
    assert_text(key.metadata[0].key, "owner");
    assert_int_equal(key.limits[0].amount, 7);
    assert_int_equal(key.facts.expires_at_ms, FIXTURE_START_MS + 2 * HOUR_MS);
    assert_false(key.facts.disabled);
    assert_int_equal(key.facts.created_at_ms, FIXTURE_START_MS);
    assert_true(registry_token_matches(fixture->registry, &key, made->command.result.token));
    assert_text(ask->command.result.key.name, "nightly");
    assert_text(ask->command.result.account.id, "acme");
}

static void disabled_key_is_enabled_again(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    EXPECT_OK(fixture, ask_to_disable(fixture, made_id(made)));
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_DISABLED);
    struct ask *enable = ask_to_update(fixture, made_id(made), "enabled");
    enable->command.ask.update.key.facts.disabled = false;
    EXPECT_OK(fixture, enable);
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_ACTIVE);
}

static void two_updates_in_one_batch_see_each_other(void **state)
{
    struct registry_fixture *fixture = *state;
    sem_t started;
    sem_t release;
    assert_int_equal(sem_init(&started, 0, 0), 0);
    assert_int_equal(sem_init(&release, 0, 0), 0);
    struct ask *made = make_key(fixture);
    uint64_t commits = registry_health(fixture->registry).commits;
    struct ask *holder = ask_for_tier(fixture, "held", false);
    holder->started = &started;
    holder->release = &release;
    ask_start(fixture, holder);
    sem_wait(&started); // the writer stands still: what comes now is the next batch
    struct ask *first = ask_for_name(fixture, made, "first");
    struct ask *second = ask_for_name(fixture, made, "second");
    struct ask *third = ask_for_name(fixture, made, "third");
    first->command.if_version = made->command.seq;
    second->command.if_version = made->command.seq;
    ask_start(fixture, first);
    ask_start(fixture, second);
    ask_start(fixture, third); // any version
    sem_post(&release);
    assert_int_equal(ask_wait(holder), STATUS_OK);
    assert_int_equal(ask_wait(first), STATUS_OK);
    assert_int_equal(ask_wait(second), STATUS_ABORTED);
    assert_string_equal(second->command.failure.field, "update.if_version");
    assert_int_equal(ask_wait(third), STATUS_OK);
    assert_int_equal(registry_health(fixture->registry).commits, commits + 2);
    struct registry_key key = find_key(fixture, made_id(made));
    assert_text(key.name, "third");
    assert_sound(fixture);
    sem_destroy(&started);
    sem_destroy(&release);
}

static void key_in_a_final_state_is_not_updated(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(made), ""));
    EXPECT(fixture, ask_for_name(fixture, made, "x"), STATUS_FAILED_PRECONDITION, "update.key_id", "REVOKED");
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(made)));
    EXPECT(fixture, ask_for_name(fixture, made, "x"), STATUS_FAILED_PRECONDITION, "update.key_id", "deleted");
    struct ask *brief = ask_for_key(fixture, "acme");
    brief->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 1;
    EXPECT_OK(fixture, brief);
    fixture_wait(fixture, 1);
    EXPECT(fixture, ask_for_expiry(fixture, brief, 0), STATUS_FAILED_PRECONDITION, "update.key_id", "EXPIRED");
    assert_text(find_key(fixture, made_id(made)).name, "prod-ingest");
}

static void expiry_is_set_to_the_future_or_never(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    EXPECT(fixture, ask_for_expiry(fixture, made, FIXTURE_START_MS), STATUS_INVALID_ARGUMENT, "update.expires_at_ms",
           "in the past");
    EXPECT_OK(fixture, ask_for_expiry(fixture, made, FIXTURE_START_MS + 1));
    EXPECT_OK(fixture, ask_for_expiry(fixture, made, 0));
    fixture_wait(fixture, 10 * HOUR_MS);
    assert_int_equal(state_of(fixture, made_id(made)), KEY_STATE_ACTIVE);
}

static void expiry_of_a_rolled_key_only_gets_shorter(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    EXPECT_OK(fixture, ask_to_roll_within(fixture, made_id(made), 1000));
    const uint64_t end_ms = FIXTURE_START_MS + 1000;
    EXPECT(fixture, ask_for_expiry(fixture, made, end_ms + 1), STATUS_FAILED_PRECONDITION, "update.expires_at_ms",
           "earlier");
    EXPECT(fixture, ask_for_expiry(fixture, made, 0), STATUS_FAILED_PRECONDITION, "update.expires_at_ms", "earlier");
    EXPECT_OK(fixture, ask_for_expiry(fixture, made, end_ms));
    EXPECT_OK(fixture, ask_for_expiry(fixture, made, end_ms - 1));
    EXPECT_OK(fixture, ask_for_name(fixture, made, "old one")); // the rest may be set
}

static void unknown_scope_is_refused_by_name(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    struct ask *ask = ask_to_update(fixture, made_id(made), "scopes");
    ask_for_scopes(ask, (const char *const[]){"admin", "jobs:read"}, 2);
    EXPECT(fixture, ask, STATUS_NOT_FOUND, "update.scopes[1]", "jobs:read");
    struct ask *name = ask_for_name(fixture, made, "x"); // scopes that are not in the mask do not matter
    ask_for_scopes(name, (const char *const[]){"jobs:read"}, 1);
    EXPECT_OK(fixture, name);
    assert_text(find_key(fixture, made_id(made)).scopes[0], "admin");
}

static void unknown_and_foreign_keys_look_the_same(void **state)
{
    struct registry_fixture *fixture = *state;
    const uint8_t unknown[KEY_ID_SIZE] = {1, 2, 3};
    struct ask *made = make_key(fixture);
    EXPECT(fixture, ask_to_disable(fixture, unknown), STATUS_NOT_FOUND, "update.key_id", "there is no key");
    struct ask *foreign = ask_to_disable(fixture, made_id(made));
    ask_as_admin(foreign, "globex");
    EXPECT(fixture, foreign, STATUS_NOT_FOUND, "update.key_id", "there is no key");
}

static void update_fails_cleanly_for_every_memory_budget(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *made = make_key(fixture);
    uint64_t seq = seq_now(fixture);
    enum status status = STATUS_RESOURCE_EXHAUSTED;
    for (size_t budget = 64; status != STATUS_OK; budget += 64) {
        struct ask *ask = ask_to_disable(fixture, made_id(made));
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
        ASKS_TEST(update_sets_what_its_mask_names_and_nothing_else),
        ASKS_TEST(update_sets_nothing_that_is_for_good),
        ASKS_TEST(update_sets_everything_at_once),
        ASKS_TEST(disabled_key_is_enabled_again),
        ASKS_TEST(two_updates_in_one_batch_see_each_other),
        ASKS_TEST(key_in_a_final_state_is_not_updated),
        ASKS_TEST(expiry_is_set_to_the_future_or_never),
        ASKS_TEST(expiry_of_a_rolled_key_only_gets_shorter),
        ASKS_TEST(unknown_scope_is_refused_by_name),
        ASKS_TEST(unknown_and_foreign_keys_look_the_same),
        ASKS_TEST(update_fails_cleanly_for_every_memory_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
