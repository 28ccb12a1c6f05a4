// The index of expiries, and lists by expiry and by age.
#include "support/registry_asks.h"
#include "support/registry_raw.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, KEYS = 40 };

static const uint8_t *made_id(const struct ask *ask)
{
    return ask->command.result.key.id;
}

static struct ask *make_key(struct registry_fixture *fixture, const char *account, uint64_t expires_at_ms)
{
    struct ask *ask = ask_for_key(fixture, account);
    ask->command.ask.create.facts.expires_at_ms = expires_at_ms;
    EXPECT_OK(fixture, ask);
    return ask;
}

static struct registry_list within(struct registry_fixture *fixture, uint64_t expires_before_ms)
{
    return (struct registry_list){.expires_before_ms = expires_before_ms,
                                  .page_size = REGISTRY_PAGE_MAX,
                                  .page_bytes_max = SIZE_MAX,
                                  .now_ms = atomic_load(&fixture->now_ms)};
}

static struct registry_page find_page(struct registry_fixture *fixture, const struct registry_list *query)
{
    struct registry_page page;
    assert_int_equal(registry_list_keys(fixture_look(fixture), query, fixture->arena, &page), STATUS_OK);
    return page;
}

// How many keys there are, over all pages; each expires no earlier than the one before it.
static size_t walk(struct registry_fixture *fixture, struct registry_list query)
{
    size_t count = 0;
    uint64_t last_ms = 0;
    for (bool more = true; more;) {
        struct registry_page page = find_page(fixture, &query);
        assert_true(page.count <= query.page_size);
        for (size_t i = 0; i < page.count; i++) {
            assert_true(page.keys[i].facts.expires_at_ms >= last_ms);
            assert_true(page.keys[i].facts.expires_at_ms < query.expires_before_ms);
            last_ms = page.keys[i].facts.expires_at_ms;
        }
        count += page.count;
        more = page.more;
        query.after_set = true;
        query.after_expires_at_ms = page.last_expires_at_ms;
        memcpy(query.after, page.last, KEY_ID_SIZE);
    }
    return count;
}

static void furnish(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
}

// --- by expiry

static void keys_are_listed_in_the_order_of_their_expiries(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    for (size_t i = 0; i < KEYS; i++) // two keys a day, in no order; every eighth never expires
        make_key(fixture, i % 2 == 0 ? "acme" : "globex",
                 i % 8 == 0 ? 0 : FIXTURE_START_MS + (1 + i * 7 % 20) * DAY_MS);
    for (size_t page_size = 1; page_size <= KEYS; page_size *= 3) {
        struct registry_list query = within(fixture, UINT64_MAX);
        query.page_size = page_size;
        assert_int_equal(walk(fixture, query), KEYS - KEYS / 8);
    }
    assert_sound(fixture);
}

static void moment_itself_is_not_before_it(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *first = make_key(fixture, "acme", FIXTURE_START_MS + 10);
    make_key(fixture, "acme", FIXTURE_START_MS + 11);
    struct registry_list query = within(fixture, FIXTURE_START_MS + 11);
    struct registry_page page = find_page(fixture, &query);
    assert_int_equal(page.count, 1);
    assert_memory_equal(page.keys[0].id, made_id(first), KEY_ID_SIZE);
    assert_int_equal(page.last_expires_at_ms, FIXTURE_START_MS + 10);
    assert_false(page.more);
    query.expires_before_ms = FIXTURE_START_MS + 10;
    assert_int_equal(find_page(fixture, &query).count, 0);
}

static void keys_that_work_are_found_without_those_that_expired(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *dead = make_key(fixture, "acme", FIXTURE_START_MS + 9);
    struct ask *alive = make_key(fixture, "acme", FIXTURE_START_MS + 11);
    fixture_wait(fixture, 10);
    struct registry_list query = within(fixture, FIXTURE_START_MS + 100);
    assert_int_equal(find_page(fixture, &query).count, 2);
    query.state = KEY_STATE_ACTIVE;
    struct registry_page page = find_page(fixture, &query);
    assert_int_equal(page.count, 1);
    assert_memory_equal(page.keys[0].id, made_id(alive), KEY_ID_SIZE);
    query.state = KEY_STATE_EXPIRED;
    page = find_page(fixture, &query);
    assert_int_equal(page.count, 1);
    assert_memory_equal(page.keys[0].id, made_id(dead), KEY_ID_SIZE);
}

static void list_of_an_account_by_expiry_has_its_keys_alone(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    make_key(fixture, "globex", FIXTURE_START_MS + 10);
    struct ask *own = make_key(fixture, "acme", FIXTURE_START_MS + 10);
    make_key(fixture, "acme", 0);
    struct registry_list query = within(fixture, FIXTURE_START_MS + 100);
    query.account = slice_text("acme");
    struct registry_page page = find_page(fixture, &query);
    assert_int_equal(page.count, 1);
    assert_memory_equal(page.keys[0].id, made_id(own), KEY_ID_SIZE);
}

static void other_filters_hold_as_well(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    make_key(fixture, "acme", FIXTURE_START_MS + 10);
    struct registry_list query = within(fixture, FIXTURE_START_MS + 100);
    query.environment = KEY_ENVIRONMENT_LIVE;
    assert_int_equal(find_page(fixture, &query).count, 0);
    query.environment = KEY_ENVIRONMENT_TEST;
    query.created_before_ms = FIXTURE_START_MS;
    assert_int_equal(find_page(fixture, &query).count, 0);
    query.created_before_ms = FIXTURE_START_MS + 1;
    assert_int_equal(find_page(fixture, &query).count, 1);
}

// --- the index follows the keys

static size_t count_expiring(struct registry_fixture *fixture, uint64_t expires_before_ms)
{
    struct registry_list query = within(fixture, expires_before_ms);
    assert_sound(fixture);
    return find_page(fixture, &query).count;
}

static void index_follows_every_change_of_an_expiry(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *made = make_key(fixture, "acme", FIXTURE_START_MS + 10);
    const struct {
        uint64_t expires_at_ms;
        size_t before_20; // keys that expire before the 20th millisecond
        size_t ever;
    } steps[] = {{FIXTURE_START_MS + 30, 0, 1}, {0, 0, 0}, {FIXTURE_START_MS + 5, 1, 1}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct ask *ask = ask_to_update(fixture, made_id(made), "expires_at_ms");
        ask->command.ask.update.key.facts.expires_at_ms = steps[i].expires_at_ms;
        EXPECT_OK(fixture, ask);
        assert_int_equal(count_expiring(fixture, FIXTURE_START_MS + 20), steps[i].before_20);
        assert_int_equal(count_expiring(fixture, UINT64_MAX), steps[i].ever);
    }
}

static void rolled_keys_enter_the_index_and_deleted_ones_leave_it(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *made = make_key(fixture, "acme", 0);
    assert_int_equal(count_expiring(fixture, UINT64_MAX), 0);
    EXPECT_OK(fixture, ask_to_roll_within(fixture, made_id(made), 1000));
    assert_int_equal(count_expiring(fixture, FIXTURE_START_MS + 1001), 1);
    EXPECT_OK(fixture, ask_to_revoke(fixture, made_id(made), "")); // revoked ones stay
    assert_int_equal(count_expiring(fixture, UINT64_MAX), 1);
    EXPECT_OK(fixture, ask_to_delete(fixture, made_id(made)));
    assert_int_equal(count_expiring(fixture, UINT64_MAX), 0);
    uint8_t entry[511];
    fixture_close(fixture);
    assert_int_equal(raw_key_at(fixture->path, "key_by_expiry", 0, entry), 0);
    fixture_open(fixture);
}

static void page_goes_on_where_it_stopped_though_the_key_has_moved(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *first = make_key(fixture, "acme", FIXTURE_START_MS + 10);
    struct ask *second = make_key(fixture, "acme", FIXTURE_START_MS + 20);
    struct registry_list query = within(fixture, UINT64_MAX);
    query.page_size = 1;
    struct registry_page page = find_page(fixture, &query);
    assert_true(page.more);
    struct ask *ask = ask_to_update(fixture, made_id(first), "expires_at_ms");
    ask->command.ask.update.key.facts.expires_at_ms = FIXTURE_START_MS + 30;
    EXPECT_OK(fixture, ask);
    query.after_set = true;
    query.after_expires_at_ms = page.last_expires_at_ms;
    memcpy(query.after, page.last, KEY_ID_SIZE);
    page = find_page(fixture, &query);
    assert_memory_equal(page.keys[0].id, made_id(second), KEY_ID_SIZE);
}

// --- by last roll

static void keys_that_were_not_rolled_for_long_are_found(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    struct ask *stale = make_key(fixture, "acme", 0);
    struct ask *rolled = make_key(fixture, "acme", 0);
    fixture_wait(fixture, DAY_MS);
    EXPECT_OK(fixture, ask_to_roll(fixture, made_id(rolled)));
    struct registry_list query = within(fixture, 0);
    query.last_rolled_before_ms = FIXTURE_START_MS + DAY_MS;
    struct registry_page page = find_page(fixture, &query);
    assert_int_equal(page.count, 1); // neither the rolled one nor its successor
    assert_memory_equal(page.keys[0].id, made_id(stale), KEY_ID_SIZE);
    query.last_rolled_before_ms = FIXTURE_START_MS;
    assert_int_equal(find_page(fixture, &query).count, 0);
    query.last_rolled_before_ms = FIXTURE_START_MS + DAY_MS + 1;
    assert_int_equal(find_page(fixture, &query).count, 2); // the successor is that old as well
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(keys_are_listed_in_the_order_of_their_expiries),
        ASKS_TEST(moment_itself_is_not_before_it),
        ASKS_TEST(keys_that_work_are_found_without_those_that_expired),
        ASKS_TEST(list_of_an_account_by_expiry_has_its_keys_alone),
        ASKS_TEST(other_filters_hold_as_well),
        ASKS_TEST(index_follows_every_change_of_an_expiry),
        ASKS_TEST(rolled_keys_enter_the_index_and_deleted_ones_leave_it),
        ASKS_TEST(page_goes_on_where_it_stopped_though_the_key_has_moved),
        ASKS_TEST(keys_that_were_not_rolled_for_long_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
