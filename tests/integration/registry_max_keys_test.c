// max_keys: an account's live keys are counted, and the count agrees with the records whatever was done to them.
#include "support/registry_asks.h"
#include "support/registry_raw.h"

#include "registry/table.h"

enum { MAX_KEYS = 6, STEPS = 400, IDS_MAX = 2 * STEPS, SEEDS = 6 };

struct history {
    struct registry_fixture *fixture;
    uint64_t random;
    uint8_t ids[IDS_MAX][KEY_ID_SIZE];
    size_t count;
};

static uint64_t below(struct history *history, uint64_t bound)
{
    history->random = history->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (history->random >> 33) % bound;
}

static void allow(struct registry_fixture *fixture, uint32_t max_keys)
{
    struct ask *put = ask_for_account(fixture, "acme", "");
    put->command.ask.put_account.max_keys = max_keys;
    assert_int_equal(ask_run(fixture, put), STATUS_OK);
}

static void look_again(struct registry_fixture *fixture)
{
    store_view_end(fixture->view);
    assert_int_equal(store_view_begin(fixture->view), STATUS_OK);
}

// By the records alone.
static size_t count_live(struct history *history)
{
    struct registry_fixture *fixture = history->fixture;
    uint64_t now_ms = atomic_load(&fixture->now_ms);
    size_t live = 0;
    struct registry_account account;
    look_again(fixture);
    assert_int_equal(registry_find_account(fixture->view, slice_text("acme"), fixture->arena, &account), STATUS_OK);
    for (size_t i = 0; i < history->count; i++) {
        struct registry_key key;
        assert_int_equal(registry_find_key(fixture->view, history->ids[i], fixture->arena, &key), STATUS_OK);
        enum key_state state = key_state(&key.facts, account.revoked_before_ms, now_ms);
        live += state != KEY_STATE_REVOKED && state != KEY_STATE_EXPIRED ? 1 : 0;
    }
    arena_reset(fixture->arena);
    return live;
}

static void remember(struct history *history, const struct ask *ask)
{
    assert_true(history->count < IDS_MAX);
    memcpy(history->ids[history->count++], ask->command.result.key.id, KEY_ID_SIZE);
}

static const uint8_t *any_id(struct history *history)
{
    return history->count > 0 ? history->ids[below(history, history->count)] : NULL;
}

static void create(struct history *history)
{
    struct registry_fixture *fixture = history->fixture;
    bool fits = count_live(history) < MAX_KEYS;
    struct ask *ask = ask_for_key(fixture, "acme");
    if (below(history, 4) > 0)
        ask->command.ask.create.facts.expires_at_ms = atomic_load(&fixture->now_ms) + 1 + below(history, 300);
    assert_int_equal(ask_run(fixture, ask), fits ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED);
    if (fits)
        remember(history, ask);
}

static void revoke(struct history *history)
{
    const uint8_t *id = any_id(history);
    if (id != NULL)
        assert_int_equal(ask_run(history->fixture, ask_to_revoke(history->fixture, id, "")), STATUS_OK);
}

// Also of keys that have expired, or were revoked; then it may be refused.
static void move_expiry(struct history *history)
{
    const uint8_t *id = any_id(history);
    if (id == NULL)
        return;
    struct ask *ask = ask_to_update(history->fixture, id, "expires_at_ms");
    if (below(history, 4) > 0)
        ask->command.ask.update.key.facts.expires_at_ms =
            atomic_load(&history->fixture->now_ms) + 1 + below(history, 300);
    (void)ask_run(history->fixture, ask);
}

static void roll(struct history *history)
{
    const uint8_t *id = any_id(history);
    if (id == NULL)
        return;
    struct ask *ask = ask_to_roll_within(history->fixture, id, below(history, 2) * 100);
    if (ask_run(history->fixture, ask) == STATUS_OK)
        remember(history, ask);
}

static void go_on(struct history *history)
{
    fixture_wait(history->fixture, 1 + below(history, 100));
}

static void begin_again(struct history *history)
{
    fixture_close(history->fixture);
    fixture_open(history->fixture);
}

static void revoke_all(struct history *history)
{
    struct ask *ask = ask_to_revoke_all(history->fixture, "acme", "");
    if (below(history, 2) == 0) // the older ones only
        ask->command.ask.revoke_all.created_before_ms = atomic_load(&history->fixture->now_ms) - below(history, 100);
    assert_int_equal(ask_run(history->fixture, ask), STATUS_OK);
}

static void take_steps(struct history *history)
{
    static void (*const steps[])(struct history *) = {create, create, create, create,      create,      go_on,
                                                      go_on,  revoke, roll,   move_expiry, move_expiry, create};
    enum { COUNT = sizeof steps / sizeof steps[0] };
    for (size_t step = 0; step < STEPS; step++) {
        uint64_t rare = below(history, 40);
        if (rare == 0)
            begin_again(history);
        else if (rare == 1)
            revoke_all(history);
        else
            steps[below(history, COUNT)](history);
        if (step % 50 == 0)
            assert_sound(history->fixture);
    }
    assert_sound(history->fixture);
}

static void count_agrees_with_the_records(void **state)
{
    struct registry_fixture *fixture = *state;
    static struct history history;
    fixture_furnish(fixture, "acme");
    allow(fixture, MAX_KEYS);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        history = (struct history){.fixture = fixture, .random = seed};
        print_message("seed %d\n", (int)seed);
        assert_int_equal(ask_run(fixture, ask_to_revoke_all(fixture, "acme", "")), STATUS_OK);
        fixture_wait(fixture, 1);
        take_steps(&history);
    }
}

static struct table_count stored_count(struct registry_fixture *fixture)
{
    struct table_count count;
    fixture_close(fixture);
    struct raw raw = raw_begin(fixture->path, "key_count");
    MDB_val key = raw_val(slice_text("acme")), value;
    raw_demand(mdb_get(raw.txn, raw.table, &key, &value), "get");
    assert_true(table_count_read(slice_make(value.mv_data, value.mv_size), &count));
    raw_end(&raw);
    fixture_open(fixture);
    return count;
}

static void refused_create_leaves_the_count_behind(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    for (unsigned i = 0; i < 3; i++) {
        struct ask *brief = ask_for_key(fixture, "acme");
        brief->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 10;
        assert_int_equal(ask_run(fixture, brief), STATUS_OK);
    }
    fixture_key(fixture, "acme");
    allow(fixture, 1);
    assert_int_equal(stored_count(fixture).count, 4);
    fixture_wait(fixture, 10);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_RESOURCE_EXHAUSTED);
    struct table_count count = stored_count(fixture);
    assert_int_equal(count.count, 1);
    assert_int_equal(count.expires_after_ms, FIXTURE_START_MS + 10);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_RESOURCE_EXHAUSTED);
    assert_sound(fixture);
}

static void count_of_an_older_version_is_read(void **state)
{
    struct registry_fixture *fixture = *state;
    uint8_t bytes[TABLE_NUMBER_SIZE];
    fixture_furnish(fixture, "acme");
    struct ask *brief = ask_for_key(fixture, "acme");
    brief->command.ask.create.facts.expires_at_ms = FIXTURE_START_MS + 10;
    assert_int_equal(ask_run(fixture, brief), STATUS_OK);
    fixture_key(fixture, "acme");
    allow(fixture, 2);
    fixture_close(fixture);
    table_number_write(2, bytes);
    raw_put(fixture->path, "key_count", slice_text("acme"), slice_make(bytes, sizeof bytes));
    fixture_open(fixture);
    assert_sound(fixture);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_RESOURCE_EXHAUSTED);
    fixture_wait(fixture, 10);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_OK);
    assert_int_equal(ask_run(fixture, ask_for_key(fixture, "acme")), STATUS_RESOURCE_EXHAUSTED);
    assert_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(count_agrees_with_the_records),
        ASKS_TEST(refused_create_leaves_the_count_behind),
        ASKS_TEST(count_of_an_older_version_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
