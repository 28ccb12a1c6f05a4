// What a store must be like to be opened, and what it keeps.
#include "registry/pack/pack.h"
#include "registry/table.h"
#include "support/registry_fixture.h"
#include "support/registry_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct registry_fixture *fixture = calloc(1, sizeof *fixture);
    fixture_make(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static void assert_refused(struct registry_fixture *fixture, enum status status, const char *word)
{
    struct status_failure failure = {.message = ""};
    assert_int_equal(fixture_try_open(fixture, &failure), status);
    assert_null(fixture->registry);
    if (strstr(failure.message, word) == NULL || strstr(failure.message, fixture->path) == NULL)
        fail_msg("\"%s\" does not say \"%s\" and the path", failure.message, word);
}

static void reopened_registry_has_kept_everything(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_key key;
    struct registry_account account;
    struct registry_tier tier;
    uint64_t seq = 0;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *gone = fixture_key(fixture, "acme");
    assert_int_equal(ask_run(fixture, ask_to_revoke(fixture, gone->command.result.key.id, "leaked")), STATUS_OK);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(registry_seq(fixture->view, &seq), STATUS_OK);
    assert_int_equal(seq, 5);
    assert_int_equal(registry_find_key(fixture->view, made->command.result.key.id, fixture->arena, &key), STATUS_OK);
    assert_true(registry_token_matches(fixture->registry, &key, made->command.result.token));
    assert_int_equal(registry_find_key(fixture->view, gone->command.result.key.id, fixture->arena, &key), STATUS_OK);
    assert_int_equal(key.facts.revoked_at_ms, FIXTURE_START_MS);
    assert_int_equal(registry_find_account(fixture->view, slice_text("acme"), fixture->arena, &account), STATUS_OK);
    assert_true(slice_equal(account.tier, slice_text("free")));
    assert_int_equal(registry_find_tier(fixture->view, slice_text("free"), fixture->arena, &tier), STATUS_OK);
    assert_true(tier.is_default);
    struct ask *next = fixture_key(fixture, "acme");
    assert_int_equal(next->command.seq, 6);
}

static void empty_registry_opens_again(void **state)
{
    struct registry_fixture *fixture = *state;
    uint64_t seq = 1;
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(registry_seq(fixture->view, &seq), STATUS_OK);
    assert_int_equal(seq, 0);
}

static void another_keyring_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_close(fixture);
    fixture_open_secret(fixture, "other-secrets/keyring");
    assert_refused(fixture, STATUS_FAILED_PRECONDITION, "keyring");
    fixture_open_secret(fixture, "secrets/keyring");
    fixture_open(fixture);
}

static void keyring_without_an_older_master_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_close(fixture);
    struct table_key key = table_meta_check(99);
    uint8_t check[SECRET_HASH_SIZE] = {1};
    struct slice value;
    assert_true(pack_master(check, fixture->arena, &value));
    raw_put(fixture->path, "meta", table_slice(&key), value);
    assert_refused(fixture, STATUS_FAILED_PRECONDITION, "master secret 99");
}

static void store_of_a_newer_format_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    struct slice value;
    fixture_close(fixture);
    assert_true(pack_format(2, fixture->arena, &value));
    raw_put(fixture->path, "meta", slice_text("format"), value);
    assert_refused(fixture, STATUS_FAILED_PRECONDITION, "format 2");
}

static void store_of_no_format_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_close(fixture);
    raw_put(fixture->path, "meta", slice_text("format"), slice_empty());
    assert_refused(fixture, STATUS_DATA_LOSS, "damaged");
}

static void head_that_does_not_fit_its_last_entry_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    for (size_t at = 0; at < 38; at++) { // every byte of it
        raw_flip(fixture->path, "meta", slice_text("head"), at);
        assert_refused(fixture, STATUS_DATA_LOSS, "chain");
        raw_flip(fixture->path, "meta", slice_text("head"), at);
    }
    fixture_open(fixture);
}

static void last_entry_that_was_altered_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    struct table_key last = table_change_key(2);
    raw_flip(fixture->path, "change", table_slice(&last), 20);
    assert_refused(fixture, STATUS_DATA_LOSS, "change 2");
}

static void chain_that_was_cut_or_extended_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    struct table_key beyond = table_change_key(3);
    raw_put(fixture->path, "change", table_slice(&beyond), slice_text("more"));
    assert_refused(fixture, STATUS_DATA_LOSS, "chain");
    raw_delete(fixture->path, "change", table_slice(&beyond));
    struct table_key last = table_change_key(2);
    raw_delete(fixture->path, "change", table_slice(&last));
    assert_refused(fixture, STATUS_DATA_LOSS, "chain");
}

static void chain_without_its_head_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    fixture_close(fixture);
    raw_delete(fixture->path, "meta", slice_text("head"));
    assert_refused(fixture, STATUS_DATA_LOSS, "chain");
}

// Opening must not take longer with more keys.
static void opening_does_not_look_at_the_keys(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_key key;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    fixture_key(fixture, "acme");
    const uint8_t *id = made->command.result.key.id;
    fixture_close(fixture);
    raw_put(fixture->path, "key", slice_make(id, KEY_ID_SIZE), slice_text("broken"));
    fixture_open(fixture);
    assert_int_equal(registry_find_key(fixture->view, id, fixture->arena, &key), STATUS_DATA_LOSS);
    struct ask *revoke = ask_to_revoke(fixture, id, "");
    assert_int_equal(ask_run(fixture, revoke), STATUS_DATA_LOSS);
    assert_non_null(strstr(revoke->command.failure.message, "--check"));
}

// A record under another one's key must not pass for it.
static void record_in_another_records_place_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_key key;
    struct registry_account account;
    struct registry_tier tier;
    struct registry_scope scope;
    struct slice bytes;
    const uint8_t elsewhere[KEY_ID_SIZE] = {1, 2, 3};
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    fixture_close(fixture);
    struct image image = {.kind = REGISTRY_KEY, .of.key = made->command.result.key};
    image.of.key.prefix = slice_empty(); // the default one was the registry's
    assert_true(pack_image(&image, fixture->arena, &bytes));
    raw_put(fixture->path, "key", slice_make(elsewhere, KEY_ID_SIZE), bytes);
    image = (struct image){.kind = REGISTRY_ACCOUNT, .of.account = made->command.result.account};
    assert_true(pack_image(&image, fixture->arena, &bytes));
    raw_put(fixture->path, "account", slice_text("globex"), bytes);
    image = (struct image){.kind = REGISTRY_TIER, .of.tier = {.name = slice_text("free")}};
    assert_true(pack_image(&image, fixture->arena, &bytes));
    raw_put(fixture->path, "tier", slice_text("paid"), bytes);
    image = (struct image){.kind = REGISTRY_SCOPE, .of.scope = {.name = slice_text("read")}};
    assert_true(pack_image(&image, fixture->arena, &bytes));
    raw_put(fixture->path, "scope", slice_text("write"), bytes);
    fixture_open(fixture);
    assert_int_equal(registry_find_key(fixture->view, elsewhere, fixture->arena, &key), STATUS_DATA_LOSS);
    assert_int_equal(registry_find_account(fixture->view, slice_text("globex"), fixture->arena, &account),
                     STATUS_DATA_LOSS);
    assert_int_equal(registry_find_tier(fixture->view, slice_text("paid"), fixture->arena, &tier), STATUS_DATA_LOSS);
    assert_int_equal(registry_find_scope(fixture->view, slice_text("write"), fixture->arena, &scope), STATUS_DATA_LOSS);
}

static void prefix_of_another_shape_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_close(fixture);
    const char *prefixes[] = {"", "A", "pub", "a_b", "abcdefghijklmnopqrstuvwxyz"};
    for (size_t i = 0; i < 5; i++) {
        struct status_failure failure = {.message = ""};
        struct registry *registry = NULL;
        struct registry_options options = {.path = fixture->path,
                                           .map_size_bytes = (size_t)16 * 1024 * 1024,
                                           .max_readers = 8,
                                           .secret = fixture->secret,
                                           .clock = fixture->clock,
                                           .default_prefix = slice_text(prefixes[i])};
        assert_int_equal(registry_open(&options, &registry, &failure), STATUS_INVALID_ARGUMENT);
        assert_null(registry);
        assert_string_equal(failure.field, "default_prefix");
    }
}

static void registry_exists_only_where_something_is(void **state)
{
    struct registry_fixture *fixture = *state;
    char path[PATH_MAX];
    assert_true(registry_exists(fixture->path));
    assert_false(registry_exists(tempdir_join(&fixture->directory, "nothing", path)));
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(registry_exists(path));
    assert_true(registry_exists(fixture->keyring)); // a file: not ours to overlook
}

static void close_finishes_what_was_submitted(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *asks[50];
    struct registry_key key;
    fixture_furnish(fixture, "acme");
    for (size_t i = 0; i < 50; i++) {
        asks[i] = ask_for_key(fixture, "acme");
        ask_start(fixture, asks[i]);
    }
    fixture_close(fixture);
    fixture_open(fixture);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(ask_wait(asks[i]), STATUS_OK);
        const uint8_t *id = asks[i]->command.result.key.id;
        assert_int_equal(registry_find_key(fixture->view, id, fixture->arena, &key), STATUS_OK);
    }
}

static void health_counts_commits(void **state)
{
    struct registry_fixture *fixture = *state;
    uint64_t before = registry_health(fixture->registry).commits;
    fixture_furnish(fixture, "acme");
    struct store_health health = registry_health(fixture->registry);
    assert_int_equal(health.last_commit, STATUS_OK);
    assert_int_equal(health.commits, before + 2);
    registry_check_readers(fixture->registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(reopened_registry_has_kept_everything),
        TEST(empty_registry_opens_again),
        TEST(another_keyring_is_refused),
        TEST(keyring_without_an_older_master_is_refused),
        TEST(store_of_a_newer_format_is_refused),
        TEST(store_of_no_format_is_refused),
        TEST(head_that_does_not_fit_its_last_entry_is_refused),
        TEST(last_entry_that_was_altered_is_refused),
        TEST(chain_that_was_cut_or_extended_is_refused),
        TEST(chain_without_its_head_is_refused),
        TEST(opening_does_not_look_at_the_keys),
        TEST(record_in_another_records_place_is_refused),
        TEST(prefix_of_another_shape_is_refused),
        TEST(registry_exists_only_where_something_is),
        TEST(close_finishes_what_was_submitted),
        TEST(health_counts_commits),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
