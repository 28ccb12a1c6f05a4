// The audit chain, listed: who changed what, and what it was before.
#include "support/registry_catalogue.h"
#include "support/registry_raw.h"

#include "registry/table.h"

static struct registry_changes_page list(struct registry_fixture *fixture, struct registry_changes_query query)
{
    struct registry_changes_page page;
    query.page_size = query.page_size > 0 ? query.page_size : 500;
    assert_int_equal(registry_list_changes(fixture->registry, fixture_look(fixture), &query, fixture->arena, &page),
                     STATUS_OK);
    return page;
}

static struct registry_changes_page list_all(struct registry_fixture *fixture)
{
    return list(fixture, (struct registry_changes_query){.after_seq = 0});
}

static struct registry_change_entry newest(struct registry_fixture *fixture)
{
    struct registry_changes_page page = list_all(fixture);
    assert_in_range(page.count, 1, 500);
    return page.items[page.count - 1];
}

// The value of a field, or NULL when it is not there.
static const struct slice *value_of(const struct registry_entry *entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal(entries[i].key, slice_text(name)))
            return &entries[i].value;
    return NULL;
}

static void assert_field(const struct registry_change_entry *entry, const char *name, const char *before,
                         const char *after)
{
    const struct slice *was = value_of(entry->before, entry->before_count, name);
    const struct slice *is = value_of(entry->after, entry->after_count, name);
    assert_true((was != NULL) == (before != NULL));
    assert_true((is != NULL) == (after != NULL));
    if (was != NULL)
        assert_text(*was, before);
    if (is != NULL)
        assert_text(*is, after);
}

// --- what an entry says

static void new_records_show_what_they_hold(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct registry_changes_page page = list_all(fixture);
    assert_int_equal(page.count, 3);
    assert_false(page.more);
    assert_int_equal(page.last_seq, 3);
    assert_string_equal(page.items[0].what, "put_tier");
    assert_int_equal(page.items[0].account.size, 0);
    assert_field(&page.items[0], "tier", NULL, "free");
    assert_field(&page.items[0], "limits", NULL, "requests=60/min");
    assert_field(&page.items[0], "is_default", NULL, "true");
    assert_string_equal(page.items[1].what, "put_account");
    assert_text(page.items[1].account, "acme");
    assert_field(&page.items[1], "tier", NULL, "free");
    assert_field(&page.items[1], "environments", NULL, "test");
    assert_field(&page.items[1], "suspended", NULL, NULL); // false says nothing
    assert_string_equal(page.items[2].what, "create");
    assert_text(page.items[2].actor, "uid:0");
    assert_int_equal(page.items[2].on_behalf_of.size, 0);
    assert_int_equal(page.items[2].time_ms, FIXTURE_START_MS);
    assert_true(page.items[2].has_key_id);
    assert_memory_equal(page.items[2].key_id, made->command.result.key.id, KEY_ID_SIZE);
    assert_text(page.items[2].account, "acme");
    assert_field(&page.items[2], "name", NULL, "prod-ingest");
    assert_field(&page.items[2], "enabled", NULL, "true");
    assert_int_equal(page.items[2].before_count, 0);
}

static void text_that_reads_like_nothing_is_shown(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = ask_for_key(fixture, "acme");
    struct registry_key *create = &made->command.ask.create;
    struct registry_entry metadata[] = {{slice_text("beta"), slice_text("false")},
                                        {slice_text("shard"), slice_text("0")},
                                        {slice_text("note"), slice_empty()}};
    create->name = slice_text("0");
    create->metadata = metadata;
    create->metadata_count = 3;
    EXPECT_OK(fixture, made);
    struct registry_change_entry change = newest(fixture);
    assert_field(&change, "name", NULL, "0");
    assert_field(&change, "metadata.beta", NULL, "false");
    assert_field(&change, "metadata.shard", NULL, "0");
    assert_field(&change, "metadata.note", NULL, ""); // that there is one says something
    assert_field(&change, "expires_at_ms", NULL, NULL);
    assert_field(&change, "deleted", NULL, NULL);
    assert_field(&change, "revoke_reason", NULL, NULL);
}

static void changed_record_shows_what_differs(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *update = ask_to_update(fixture, made->command.result.key.id, "name metadata limits");
    struct registry_entry entry = {.key = slice_text("owner"), .value = slice_text("ops")};
    update->command.ask.update.key.name = slice_text("ingest");
    update->command.ask.update.key.metadata = &entry;
    update->command.ask.update.key.metadata_count = 1;
    ask_for_limit(update, "requests=5/min");
    EXPECT_OK(fixture, update);
    struct registry_change_entry change = newest(fixture);
    assert_string_equal(change.what, "update");
    assert_int_equal(change.before_count, 2);
    assert_int_equal(change.after_count, 3);
    assert_field(&change, "name", "prod-ingest", "ingest");
    assert_field(&change, "limits", "", "requests=5/min");
    assert_field(&change, "metadata.owner", NULL, "ops");
    EXPECT_OK(fixture, ask_to_revoke(fixture, made->command.result.key.id, "leaked"));
    change = newest(fixture);
    assert_string_equal(change.what, "revoke");
    assert_field(&change, "revoke_reason", "", "leaked");
    assert_field(&change, "revoked_at_ms", "0", "1700000000");
    assert_int_equal(change.after_count, 2);
}

static void removed_record_shows_what_it_was(void **state)
{
    struct registry_fixture *fixture = *state;
    EXPECT_OK(fixture, ask_to_put_scope(fixture, "read", "list"));
    EXPECT_OK(fixture, ask_to_delete_scope(fixture, "read"));
    struct registry_change_entry change = newest(fixture);
    assert_string_equal(change.what, "delete_scope");
    assert_field(&change, "scope", "read", NULL);
    assert_field(&change, "implies", "list", NULL);
    put_scope(fixture, "read", NULL); // begins anew
    change = newest(fixture);
    assert_int_equal(change.before_count, 0);
    assert_field(&change, "scope", NULL, "read");
    mark_scope(fixture, "read", SCOPE_PUBLIC_SAFE);
    change = newest(fixture);
    assert_field(&change, "public_safe", "false", "true");
    assert_field(&change, "scope", "read", "read"); // which one it is about
}

static void purge_shows_how_many_replies_are_gone(void **state)
{
    struct registry_fixture *fixture = *state;
    size_t count = 0;
    struct status_failure failure = {.message = ""};
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    fixture_wait(fixture, REGISTRY_IDEMPOTENCY_MS);
    assert_int_equal(registry_purge_idempotency(fixture->registry, 1, &count, &failure), STATUS_OK);
    struct registry_change_entry change = newest(fixture);
    assert_string_equal(change.what, "purge");
    assert_text(change.actor, "posternd");
    assert_int_equal(change.seq, 4);
    assert_false(change.has_key_id);
    assert_int_equal(change.account.size + change.after_count, 0);
    assert_int_equal(change.before_count, 2);
    assert_field(&change, "idempotency_records", "3", NULL);
    assert_field(&change, "made_before_ms", "1700000001", NULL);
    struct registry_changes_query of_key = {.has_key_id = true};
    memcpy(of_key.key_id, made->command.result.key.id, KEY_ID_SIZE);
    assert_int_equal(list(fixture, of_key).count, 1);
    assert_int_equal(list(fixture, (struct registry_changes_query){.account = slice_text("acme")}).count, 2);
    assert_int_equal(list(fixture, (struct registry_changes_query){.actor = slice_text("posternd")}).count, 1);
    assert_int_equal(list(fixture, (struct registry_changes_query){.actor = slice_text("uid:0")}).count, 3);
}

static void roll_shows_both_keys(void **state)
{
    struct registry_fixture *fixture = *state;
    char text[KEY_ID_TEXT_SIZE + 1];
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *roll = ask_to_roll(fixture, made->command.result.key.id);
    EXPECT_OK(fixture, roll);
    struct registry_changes_page page =
        list(fixture, (struct registry_changes_query){.after_seq = seq_now(fixture) - 1});
    assert_int_equal(page.count, 2);
    assert_int_equal(page.items[0].seq, page.items[1].seq);
    key_id_format(roll->command.result.key.id, text);
    assert_field(&page.items[0], "successor_key_id", "", text);
    key_id_format(made->command.result.key.id, text);
    assert_field(&page.items[1], "predecessor_key_id", NULL, text);
}

static void change_by_a_key_says_for_whom(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, (const char *const[]){"postern:account-admin"}, 1);
    EXPECT_OK(fixture, admin);
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_as_key(ask, admin);
    EXPECT_OK(fixture, ask);
    struct registry_change_entry change = newest(fixture);
    assert_true(slice_equal(change.actor, ask->command.caller.name));
    assert_text(change.on_behalf_of, "acme");
}

// Neither tokens nor what is stored instead of them.
static void no_secret_is_listed(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    fixture_key(fixture, "acme");
    struct registry_change_entry change = newest(fixture);
    for (size_t i = 0; i < change.after_count; i++) {
        assert_false(slice_starts_with(change.after[i].value, slice_text("acme_test_")));
        assert_false(slice_starts_with(change.after[i].key, slice_text("token")));
    }
    assert_null(value_of(change.after, change.after_count, "version"));
}

// --- filters

static void furnish_two(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "acme");                           // 1, 2
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", "")); // 3
    fixture_wait(fixture, 1000);
    fixture_key(fixture, "acme");   // 4
    fixture_key(fixture, "globex"); // 5
    fixture_wait(fixture, 1000);
    fixture_key(fixture, "acme"); // 6
}

static void assert_seqs(struct registry_changes_page page, const uint64_t *seqs, size_t count)
{
    assert_int_equal(page.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(page.items[i].seq, seqs[i]);
}

static void changes_of_one_account_are_found(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish_two(fixture);
    struct registry_changes_query query = {.account = slice_text("acme")};
    assert_seqs(list(fixture, query), (const uint64_t[]){2, 4, 6}, 3);
    query.account = slice_text("globex");
    assert_seqs(list(fixture, query), (const uint64_t[]){3, 5}, 2);
    query.account = slice_text("glob");
    assert_int_equal(list(fixture, query).count, 0);
}

static void changes_of_one_key_are_found(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish_two(fixture);
    struct registry_key key = list_keys(fixture, "globex").keys[0];
    EXPECT_OK(fixture, ask_to_revoke(fixture, key.id, ""));
    struct registry_changes_query query = {.has_key_id = true};
    memcpy(query.key_id, key.id, KEY_ID_SIZE);
    assert_seqs(list(fixture, query), (const uint64_t[]){5, 7}, 2);
    query.account = slice_text("acme"); // somebody else's
    assert_int_equal(list(fixture, query).count, 0);
    query.account = slice_empty();
    query.key_id[3] ^= 1;
    assert_int_equal(list(fixture, query).count, 0);
}

static void changes_of_one_actor_are_found(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish_two(fixture);
    struct ask *other = ask_for_tier(fixture, "paid", false);
    other->command.caller.name = slice_text("uid:1000");
    EXPECT_OK(fixture, other);
    assert_seqs(list(fixture, (struct registry_changes_query){.actor = slice_text("uid:1000")}), (const uint64_t[]){7},
                1);
}

static void changes_of_a_time_are_found(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish_two(fixture);
    struct registry_changes_query query = {.from_ms = FIXTURE_START_MS + 1};
    assert_seqs(list(fixture, query), (const uint64_t[]){4, 5, 6}, 3);
    query.from_ms = FIXTURE_START_MS + 1000;
    assert_seqs(list(fixture, query), (const uint64_t[]){4, 5, 6}, 3);
    query.to_ms = FIXTURE_START_MS + 2000;
    assert_seqs(list(fixture, query), (const uint64_t[]){4, 5}, 2);
    query.account = slice_text("acme");
    assert_seqs(list(fixture, query), (const uint64_t[]){4}, 1);
    query = (struct registry_changes_query){.from_ms = FIXTURE_START_MS + 5000};
    assert_int_equal(list(fixture, query).count, 0);
    query = (struct registry_changes_query){.to_ms = FIXTURE_START_MS};
    assert_int_equal(list(fixture, query).count, 0);
}

// --- pages

static void pages_go_on_where_the_last_one_ended(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish_two(fixture);
    struct registry_changes_query query = {.page_size = 4};
    struct registry_changes_page page = list(fixture, query);
    assert_seqs(page, (const uint64_t[]){1, 2, 3, 4}, 4);
    assert_true(page.more);
    query.after_seq = page.last_seq;
    page = list(fixture, query);
    assert_seqs(page, (const uint64_t[]){5, 6}, 2);
    assert_false(page.more);
    query = (struct registry_changes_query){.page_size = 2, .account = slice_text("acme")};
    page = list(fixture, query);
    assert_seqs(page, (const uint64_t[]){2, 4}, 2);
    assert_true(page.more);
    query.after_seq = page.last_seq;
    page = list(fixture, query);
    assert_seqs(page, (const uint64_t[]){6}, 1);
    assert_false(page.more);
    query.after_seq = UINT64_MAX;
    assert_int_equal(list(fixture, query).count, 0);
}

static void page_ends_between_two_changes(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish_two(fixture);
    EXPECT_OK(fixture, ask_for_tier(fixture, "paid", true)); // takes the mark from "free": two records
    struct registry_changes_query query = {.after_seq = 5, .page_size = 2};
    struct registry_changes_page page = list(fixture, query);
    assert_seqs(page, (const uint64_t[]){6, 7, 7}, 3);
    assert_false(page.more);
    query = (struct registry_changes_query){.page_size = 500, .page_bytes_max = 1};
    page = list(fixture, query);
    assert_int_equal(page.count, 1);
    assert_true(page.more);
}

static void empty_chain_has_an_empty_page(void **state)
{
    struct registry_changes_page page = list_all(*state);
    assert_int_equal(page.count, 0);
    assert_false(page.more);
}

static void altered_change_is_not_listed(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_changes_page page;
    struct registry_changes_query query = {.page_size = 10};
    furnish_two(fixture);
    fixture_close(fixture);
    struct table_key key = table_change_key(2);
    raw_flip(fixture->path, "change", table_slice(&key), 12);
    fixture_open(fixture);
    assert_int_equal(registry_list_changes(fixture->registry, fixture->view, &query, fixture->arena, &page),
                     STATUS_DATA_LOSS);
    query.after_seq = 2; // those behind it are as they were
    assert_int_equal(registry_list_changes(fixture->registry, fixture->view, &query, fixture->arena, &page), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(new_records_show_what_they_hold),
        ASKS_TEST(text_that_reads_like_nothing_is_shown),
        ASKS_TEST(changed_record_shows_what_differs),
        ASKS_TEST(removed_record_shows_what_it_was),
        ASKS_TEST(roll_shows_both_keys),
        ASKS_TEST(purge_shows_how_many_replies_are_gone),
        ASKS_TEST(change_by_a_key_says_for_whom),
        ASKS_TEST(no_secret_is_listed),
        ASKS_TEST(changes_of_one_account_are_found),
        ASKS_TEST(changes_of_one_key_are_found),
        ASKS_TEST(changes_of_one_actor_are_found),
        ASKS_TEST(changes_of_a_time_are_found),
        ASKS_TEST(pages_go_on_where_the_last_one_ended),
        ASKS_TEST(page_ends_between_two_changes),
        ASKS_TEST(empty_chain_has_an_empty_page),
        ASKS_TEST(altered_change_is_not_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
