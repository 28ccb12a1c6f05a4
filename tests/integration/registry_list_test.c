// Pages of keys.
#include "support/registry_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KEYS = 2500 }; // more than one page may examine

// 2,500 keys in the accounts acme (1,500) and globex (1,000), asked for all at once; every fourth expires, every tenth
// is revoked. Made once for all tests, none of which changes them.
static int set_up(void **state)
{
    struct registry_fixture *fixture = calloc(1, sizeof *fixture);
    struct ask *asks[KEYS];
    const char *accounts[] = {"acme", "globex", "acme-2"};
    fixture_make(fixture);
    fixture_furnish(fixture, "acme");
    for (size_t i = 0; i < 3; i++) {
        struct ask *put = ask_for_account(fixture, accounts[i], "free");
        put->command.ask.put_account.max_keys = KEYS;
        fixture_demand(ask_run(fixture, put) == STATUS_OK, "no account");
    }
    for (size_t i = 0; i < KEYS; i++) {
        asks[i] = ask_for_key(fixture, i % 5 < 3 ? "acme" : "globex");
        asks[i]->command.ask.create.facts.expires_at_ms = i % 4 == 0 ? FIXTURE_START_MS + 1000 + i : 0;
        ask_start(fixture, asks[i]);
    }
    for (size_t i = 0; i < KEYS; i++)
        fixture_demand(ask_wait(asks[i]) == STATUS_OK, asks[i]->command.failure.message);
    for (size_t i = 0; i < KEYS; i += 10)
        fixture_demand(ask_run(fixture, ask_to_revoke(fixture, asks[i]->command.result.key.id, "")) == STATUS_OK,
                       "not revoked");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

// Follows the pages to the end; checks order, account and page size on the way. Returns how many keys there were.
static size_t walk(struct registry_fixture *fixture, struct registry_list query, size_t *pages)
{
    size_t count = 0;
    uint8_t last[KEY_ID_SIZE] = {0};
    uint64_t last_ms = 0;
    bool by_expiry = query.expires_before_ms != 0 && query.account.size == 0;
    *pages = 0;
    for (bool more = true; more; (*pages)++) {
        struct registry_page page;
        arena_reset(fixture->arena);
        assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &page), STATUS_OK);
        assert_true(page.count <= query.page_size);
        for (size_t i = 0; i < page.count; i++) {
            uint64_t key_ms = by_expiry ? page.keys[i].facts.expires_at_ms : 0;
            assert_true(key_ms >= last_ms);
            assert_true(key_ms > last_ms || memcmp(page.keys[i].id, last, KEY_ID_SIZE) > 0);
            last_ms = key_ms;
            memcpy(last, page.keys[i].id, KEY_ID_SIZE);
            if (query.account.size > 0)
                assert_true(slice_equal(page.keys[i].account, query.account));
        }
        count += page.count;
        more = page.more;
        query.after_set = true;
        query.after_expires_at_ms = page.last_expires_at_ms;
        memcpy(query.after, page.last, KEY_ID_SIZE);
    }
    return count;
}

static struct registry_list all_keys(size_t page_size)
{
    return (struct registry_list){.page_size = page_size, .page_bytes_max = SIZE_MAX, .now_ms = FIXTURE_START_MS};
}

static void pages_cover_every_key_once(void **state)
{
    const size_t sizes[] = {1, 7, 100, 499, 500};
    for (size_t i = 0; i < 5; i++) {
        size_t pages = 0;
        assert_int_equal(walk(*state, all_keys(sizes[i]), &pages), KEYS);
        assert_int_equal(pages, (KEYS + sizes[i] - 1) / sizes[i]);
    }
}

static void pages_of_an_account_cover_its_keys_alone(void **state)
{
    const struct {
        const char *account;
        size_t keys;
    } expected[] = {{"acme", 1500}, {"globex", 1000}, {"acme-2", 0}, {"acm", 0}, {"unknown", 0}};
    for (size_t i = 0; i < 5; i++) {
        size_t pages = 0;
        struct registry_list query = all_keys(70);
        query.account = slice_text(expected[i].account);
        assert_int_equal(walk(*state, query, &pages), expected[i].keys);
    }
}

static void impossible_account_has_no_keys(void **state)
{
    char name[600];
    size_t pages = 0;
    struct registry_list query = all_keys(10);
    memset(name, 'a', sizeof name);
    query.account = slice_make(name, sizeof name);
    assert_int_equal(walk(*state, query, &pages), 0);
}

static void filters_leave_out_what_does_not_match(void **state)
{
    size_t pages = 0;
    struct registry_list query = all_keys(500);
    query.state = KEY_STATE_REVOKED;
    assert_int_equal(walk(*state, query, &pages), 250);
    query.state = KEY_STATE_ACTIVE;
    assert_int_equal(walk(*state, query, &pages), 2250);
    query.now_ms = FIXTURE_START_MS + 10 * KEYS; // all that can expire have
    assert_int_equal(walk(*state, query, &pages), 1750);
    query.state = KEY_STATE_EXPIRED;
    assert_int_equal(walk(*state, query, &pages), 500); // revoked beats expired
    query = all_keys(500);
    query.environment = KEY_ENVIRONMENT_LIVE;
    assert_int_equal(walk(*state, query, &pages), 0);
    query.environment = KEY_ENVIRONMENT_TEST;
    assert_int_equal(walk(*state, query, &pages), KEYS);
    query.expires_before_ms = FIXTURE_START_MS + 1000 + 8;
    assert_int_equal(walk(*state, query, &pages), 2); // 0 and 4
    query.expires_after_ms = FIXTURE_START_MS + 1000 + 4;
    assert_int_equal(walk(*state, query, &pages), 1); // 4
    query.expires_after_ms++;
    assert_int_equal(walk(*state, query, &pages), 0);
    query.expires_before_ms = 0;
    query.expires_after_ms = FIXTURE_START_MS;
    size_t expiring = walk(*state, query, &pages);
    query.expires_after_ms = FIXTURE_START_MS + 1000 + 1;
    assert_int_equal(walk(*state, query, &pages), expiring - 1); // without 0
    assert_in_range(expiring, 2, KEYS - 1);                      // and without those that do not expire
    query = all_keys(500);
    query.created_before_ms = FIXTURE_START_MS;
    assert_int_equal(walk(*state, query, &pages), 0);
    query.created_before_ms = FIXTURE_START_MS + 1;
    assert_int_equal(walk(*state, query, &pages), KEYS);
}

static void page_stops_before_it_gets_too_large(void **state)
{
    struct registry_fixture *fixture = *state;
    size_t pages = 0;
    struct registry_list query = all_keys(500);
    query.page_bytes_max = 10000;
    assert_int_equal(walk(fixture, query, &pages), KEYS);
    assert_in_range(pages, 25, 250);
    query.page_bytes_max = 1; // one key at least, or it would never end
    assert_int_equal(walk(fixture, query, &pages), KEYS);
    assert_int_equal(pages, KEYS);
}

static void continuing_behind_an_id_that_is_not_there_works(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_page first;
    struct registry_page next;
    struct registry_list query = all_keys(2);
    query.account = slice_text("acme");
    assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &first), STATUS_OK);
    query.after_set = true;
    memcpy(query.after, first.keys[0].id, KEY_ID_SIZE);
    for (size_t i = KEY_ID_SIZE; i-- > 0 && ++query.after[i] == 0;) // the next id: between the two, most likely
        continue;
    assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &next), STATUS_OK);
    assert_memory_equal(next.keys[0].id, first.keys[1].id, KEY_ID_SIZE);
}

static void page_examines_a_bounded_number_of_records(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_page page;
    struct registry_list query = all_keys(10);
    query.environment = KEY_ENVIRONMENT_LIVE; // there are none
    assert_int_equal(registry_list_keys(fixture_look(fixture), &query, fixture->arena, &page), STATUS_OK);
    assert_int_equal(page.count, 0);
    assert_true(page.more);
    size_t pages = 0;
    assert_int_equal(walk(fixture, query, &pages), 0);
    assert_int_equal(pages, 2);
}

static void page_without_memory_says_so(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_page page;
    struct registry_list query = all_keys(100);
    for (size_t budget = 0; budget < 60000; budget += 5000) {
        struct arena *small = arena_new(budget);
        assert_int_equal(registry_list_keys(fixture_look(fixture), &query, small, &page), STATUS_RESOURCE_EXHAUSTED);
        arena_free(small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_cover_every_key_once),
        cmocka_unit_test(pages_of_an_account_cover_its_keys_alone),
        cmocka_unit_test(impossible_account_has_no_keys),
        cmocka_unit_test(filters_leave_out_what_does_not_match),
        cmocka_unit_test(page_stops_before_it_gets_too_large),
        cmocka_unit_test(continuing_behind_an_id_that_is_not_there_works),
        cmocka_unit_test(page_examines_a_bounded_number_of_records),
        cmocka_unit_test(page_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
