// Keys whose tokens were made elsewhere.
#include "support/registry_catalogue.h"

#include "registry/state.h"

static struct ask *ask_to_import(struct registry_fixture *fixture, const char *const *tokens, size_t count)
{
    struct ask *ask = ask_new(fixture, REGISTRY_IMPORT);
    struct registry_import *import = &ask->command.ask.import;
    import->keys = arena_array(ask->command.arena, count, sizeof *import->keys);
    fixture_demand(import->keys != NULL, "no memory");
    import->count = count;
    for (size_t i = 0; i < count; i++) {
        secret_sha256(slice_text(tokens[i]), import->keys[i].sha256);
        import->keys[i].key = (struct registry_key){.account = slice_text("acme"),
                                                    .name = slice_text("old"),
                                                    .environment = KEY_ENVIRONMENT_TEST,
                                                    .type = KEY_TYPE_SECRET};
    }
    return ask;
}

static struct ask *import_one(struct registry_fixture *fixture, const char *token)
{
    struct ask *ask = ask_to_import(fixture, &token, 1);
    EXPECT_OK(fixture, ask);
    return ask;
}

static struct registry_presented present(struct registry_fixture *fixture, struct slice token)
{
    struct registry_presented presented;
    assert_int_equal(
        registry_find_presented(fixture->registry, fixture_look(fixture), token, fixture->arena, &presented),
        STATUS_OK);
    return presented;
}

// --- finding by token

static void own_token_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = fixture_key(fixture, "acme");
    struct registry_presented presented = present(fixture, made->command.result.token);
    assert_true(presented.known);
    assert_true(presented.id_known);
    assert_memory_equal(presented.id, made->command.result.key.id, KEY_ID_SIZE);
    assert_text(presented.key.account, "acme");
}

static void wrong_secret_tells_the_id_and_no_more(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct slice token = fixture_key(fixture, "acme")->command.result.token;
    char changed[KEY_TOKEN_MAX];
    memcpy(changed, token.data, token.size);
    changed[token.size - 10] = changed[token.size - 10] == 'a' ? 'b' : 'a';
    struct registry_presented presented = present(fixture, slice_make(changed, token.size));
    assert_false(presented.known);
    assert_true(presented.id_known);
}

static void every_bit_of_a_token_counts(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct slice token = fixture_key(fixture, "acme")->command.result.token;
    uint8_t changed[KEY_TOKEN_MAX];
    for (size_t bit = 0; bit < 8 * token.size; bit++) {
        memcpy(changed, token.data, token.size);
        changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(present(fixture, slice_make(changed, token.size)).known);
    }
}

static void imported_token_is_found_whatever_its_shape(void **state)
{
    struct registry_fixture *fixture = *state;
    char longest[KEY_TOKEN_MAX + 1];
    memset(longest, 'x', KEY_TOKEN_MAX);
    longest[KEY_TOKEN_MAX] = '\0';
    const char *const tokens[] = {"sk_live_0123456789abcdef", "00000000-0000-4000-8000-000000000000", longest};
    fixture_furnish(fixture, "acme");
    assert_false(present(fixture, slice_text(tokens[0])).known);
    struct ask *ask = ask_to_import(fixture, tokens, 3);
    EXPECT_OK(fixture, ask);
    assert_int_equal(ask->command.result.key_count, 3);
    assert_int_equal(ask->command.result.skipped, 0);
    for (size_t i = 0; i < 3; i++) {
        struct registry_presented presented = present(fixture, slice_text(tokens[i]));
        assert_true(presented.known);
        assert_true(presented.key.imported);
        assert_memory_equal(presented.key.id, ask->command.result.keys[i].id, KEY_ID_SIZE);
        assert_true(registry_token_matches(fixture->registry, &presented.key, slice_text(tokens[i])));
        assert_false(registry_token_matches(fixture->registry, &presented.key, slice_text("sk_live_other")));
    }
    assert_false(present(fixture, slice_text("sk_live_0123456789abcdeg")).known);
    assert_sound(fixture);
}

// The token of another installation has the shape of ours.
static void imported_token_of_our_shape_is_found(void **state)
{
    struct registry_fixture *fixture = *state;
    char text[KEY_TOKEN_MAX + 1];
    struct key_token token = {
        .prefix = slice_text("other"), .type = KEY_TYPE_SECRET, .environment = KEY_ENVIRONMENT_TEST, .secret = {9}};
    key_id_make(7, (const uint8_t[9]){1, 2, 3, 4, 5, 6, 7, 8, 9}, token.id);
    key_token_format(&token, text);
    fixture_furnish(fixture, "acme");
    import_one(fixture, text);
    assert_true(present(fixture, slice_text(text)).known);
}

static void imported_key_is_found_under_the_master_secret_of_its_day(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_key key;
    uint8_t sha256[SECRET_HASH_SIZE];
    fixture_furnish(fixture, "acme");
    import_one(fixture, "sk_live_0123456789abcdef");
    secret_sha256(slice_text("sk_live_0123456789abcdef"), sha256);
    assert_int_equal(find_imported(fixture->registry, fixture_look(fixture), sha256, fixture->arena, &key), STATUS_OK);
    assert_int_equal(key.master_id, 1);
    sha256[0] ^= 1;
    assert_int_equal(find_imported(fixture->registry, fixture->view, sha256, fixture->arena, &key), STATUS_NOT_FOUND);
}

// --- what an imported key can do

static void imported_key_is_revoked_by_its_token(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = import_one(fixture, "sk_live_0123456789abcdef");
    struct ask *revoke = ask_new(fixture, REGISTRY_REVOKE);
    revoke->command.caller = (struct registry_caller){.name = slice_text("holder")};
    revoke->command.ask.revoke.by_token = true;
    revoke->command.ask.revoke.token = slice_text("sk_live_0123456789abcdef");
    EXPECT_OK(fixture, revoke);
    assert_int_equal(state_of(fixture, made->command.result.keys[0].id), KEY_STATE_REVOKED);
    assert_true(present(fixture, slice_text("sk_live_0123456789abcdef")).known);
}

static void imported_key_rolls_to_one_of_ours(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *made = import_one(fixture, "sk_live_0123456789abcdef");
    struct ask *roll = ask_to_roll(fixture, made->command.result.keys[0].id);
    EXPECT_OK(fixture, roll);
    assert_false(roll->command.result.key.imported);
    assert_true(slice_starts_with(roll->command.result.token, slice_text("acme_test_")));
    assert_true(present(fixture, roll->command.result.token).known);
    assert_int_equal(present(fixture, slice_text("sk_live_0123456789abcdef")).key.facts.has_successor, true);
    assert_sound(fixture);
}

static void imported_key_gets_the_default_scopes(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    mark_scope(fixture, "read", SCOPE_DEFAULT);
    struct ask *made = import_one(fixture, "sk_live_0123456789abcdef");
    assert_int_equal(made->command.result.keys[0].scope_count, 1);
}

static void token_is_nowhere_in_the_store(void **state)
{
    struct registry_fixture *fixture = *state;
    uint8_t sha256[SECRET_HASH_SIZE];
    fixture_furnish(fixture, "acme");
    import_one(fixture, "sk_live_0123456789abcdef");
    secret_sha256(slice_text("sk_live_0123456789abcdef"), sha256);
    fixture_close(fixture);
    char path[PATH_MAX];
    FILE *file = fopen(tempdir_join(&fixture->directory, "registry/data.mdb", path), "rb");
    assert_non_null(file);
    uint8_t *bytes = malloc((size_t)16 * 1024 * 1024);
    assert_non_null(bytes);
    size_t size = fread(bytes, 1, (size_t)16 * 1024 * 1024, file);
    fclose(file);
    assert_non_null(memmem(bytes, size, "acme", 4)); // something was read
    assert_null(memmem(bytes, size, "0123456789abcdef", 16));
    assert_null(memmem(bytes, size, sha256, sizeof sha256));
    free(bytes);
}

// --- batches

static void batch_is_all_or_nothing(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *const tokens[] = {"first-token-of-three", "second-token-of-three", "third-token-of-three"};
    fixture_furnish(fixture, "acme");
    uint64_t seq = seq_now(fixture);
    struct ask *ask = ask_to_import(fixture, tokens, 3);
    ask->command.ask.import.keys[2].key.account = slice_text("globex");
    EXPECT(fixture, ask, STATUS_NOT_FOUND, "import.keys[2].key.account", "globex");
    assert_int_equal(seq_now(fixture), seq);
    assert_false(present(fixture, slice_text(tokens[0])).known);
}

static void fault_is_named_by_its_place(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *const tokens[] = {"first-token-of-three", "second-token-of-three"};
    fixture_furnish(fixture, "acme");
    struct ask *live = ask_to_import(fixture, tokens, 2);
    live->command.ask.import.keys[1].key.environment = KEY_ENVIRONMENT_LIVE;
    EXPECT(fixture, live, STATUS_FAILED_PRECONDITION, "import.keys[1].key.environment", "live");
    struct ask *late = ask_to_import(fixture, tokens, 2);
    late->command.ask.import.keys[1].key.facts.expires_at_ms = FIXTURE_START_MS;
    EXPECT(fixture, late, STATUS_INVALID_ARGUMENT, "import.keys[1].key.expires_at_ms", "past");
    struct ask *scope = ask_to_import(fixture, tokens, 2);
    scope->command.ask.import.keys[1].key.scopes = (struct slice[]){slice_text("raed")};
    scope->command.ask.import.keys[1].key.scope_count = 1;
    EXPECT(fixture, scope, STATUS_NOT_FOUND, "import.keys[1].key.scopes[0]", "raed");
}

static void what_is_there_is_skipped(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *const tokens[] = {"first-token-of-three", "second-token-of-three", "first-token-of-three"};
    fixture_furnish(fixture, "acme");
    import_one(fixture, tokens[1]);
    struct ask *ask = ask_to_import(fixture, tokens, 3);
    EXPECT_OK(fixture, ask);
    assert_int_equal(ask->command.result.key_count, 1);
    assert_int_equal(ask->command.result.skipped, 2);
    uint64_t seq = seq_now(fixture);
    struct ask *again = ask_to_import(fixture, tokens, 3);
    EXPECT_OK(fixture, again);
    assert_int_equal(again->command.result.key_count, 0);
    assert_int_equal(again->command.result.skipped, 3);
    assert_int_equal(seq_now(fixture), seq); // nothing changed
    assert_sound(fixture);
}

static void token_of_another_account_is_refused(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
    import_one(fixture, "first-token-of-three");
    struct ask *ask = ask_to_import(fixture, (const char *const[]){"second-token-of-three", "first-token-of-three"}, 2);
    ask->command.ask.import.keys[1].key.account = slice_text("globex");
    EXPECT(fixture, ask, STATUS_ALREADY_EXISTS, "import.keys[1].key.account", "acme");
    ask = ask_to_import(fixture, (const char *const[]){"third-token-of-three", "third-token-of-three"}, 2);
    ask->command.ask.import.keys[1].key.account = slice_text("globex");
    EXPECT(fixture, ask, STATUS_INVALID_ARGUMENT, "import.keys[1].key.account", "acme");
    assert_false(present(fixture, slice_text("third-token-of-three")).known);
}

static void token_of_our_own_is_skipped_for_its_account_and_refused_for_another(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", ""));
    struct ask *made = fixture_key(fixture, "acme");
    struct ask *ask = ask_to_import(fixture, (const char *const[]){"it-is-not-looked-at"}, 1);
    struct registry_import_key *key = &ask->command.ask.import.keys[0];
    key->is_ours = true;
    memcpy(key->our_id, made->command.result.key.id, sizeof key->our_id);
    EXPECT_OK(fixture, ask);
    assert_int_equal(ask->command.result.skipped, 1);
    struct ask *other = ask_to_import(fixture, (const char *const[]){"it-is-not-looked-at"}, 1);
    other->command.ask.import.keys[0] = *key;
    other->command.ask.import.keys[0].key.account = slice_text("globex");
    EXPECT(fixture, other, STATUS_ALREADY_EXISTS, "import.keys[0].key.account", "acme");
}

static void largest_batch_goes_in_at_once(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *tokens[REGISTRY_IMPORT_MAX + 1];
    char texts[REGISTRY_IMPORT_MAX + 1][32];
    for (size_t i = 0; i < REGISTRY_IMPORT_MAX + 1; i++) {
        snprintf(texts[i], sizeof texts[i], "token-number-%zu", i);
        tokens[i] = texts[i];
    }
    fixture_furnish(fixture, "acme");
    EXPECT(fixture, ask_to_import(fixture, tokens, REGISTRY_IMPORT_MAX + 1), STATUS_INVALID_ARGUMENT, "import.keys",
           "65");
    struct ask *ask = ask_to_import(fixture, tokens, REGISTRY_IMPORT_MAX);
    EXPECT_OK(fixture, ask);
    assert_int_equal(ask->command.result.key_count, REGISTRY_IMPORT_MAX);
    assert_int_equal(list_keys(fixture, "acme").count, REGISTRY_IMPORT_MAX);
    assert_sound(fixture);
}

static void batch_stays_within_max_keys(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *const tokens[] = {"first-token-of-three", "second-token-of-three", "third-token-of-three"};
    fixture_furnish(fixture, "acme");
    struct ask *put = ask_for_account(fixture, "acme", "");
    put->command.ask.put_account.max_keys = 3;
    EXPECT_OK(fixture, put);
    struct ask *used = fixture_key(fixture, "acme");
    EXPECT(fixture, ask_to_import(fixture, tokens, 3), STATUS_RESOURCE_EXHAUSTED, "import.keys", "max_keys of 3");
    EXPECT_OK(fixture, ask_to_revoke(fixture, used->command.result.key.id, "to make room"));
    EXPECT_OK(fixture, ask_to_import(fixture, tokens, 3));
}

static void only_operators_import(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *ask = ask_to_import(fixture, (const char *const[]){"first-token-of-three"}, 1);
    ask_as_admin(ask, "acme");
    EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "", "operator");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(own_token_is_found),
        ASKS_TEST(wrong_secret_tells_the_id_and_no_more),
        ASKS_TEST(every_bit_of_a_token_counts),
        ASKS_TEST(imported_token_is_found_whatever_its_shape),
        ASKS_TEST(imported_token_of_our_shape_is_found),
        ASKS_TEST(imported_key_is_found_under_the_master_secret_of_its_day),
        ASKS_TEST(imported_key_is_revoked_by_its_token),
        ASKS_TEST(imported_key_rolls_to_one_of_ours),
        ASKS_TEST(imported_key_gets_the_default_scopes),
        ASKS_TEST(token_is_nowhere_in_the_store),
        ASKS_TEST(batch_is_all_or_nothing),
        ASKS_TEST(fault_is_named_by_its_place),
        ASKS_TEST(what_is_there_is_skipped),
        ASKS_TEST(token_of_another_account_is_refused),
        ASKS_TEST(token_of_our_own_is_skipped_for_its_account_and_refused_for_another),
        ASKS_TEST(largest_batch_goes_in_at_once),
        ASKS_TEST(batch_stays_within_max_keys),
        ASKS_TEST(only_operators_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
