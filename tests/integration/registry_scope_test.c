// The catalogue of scopes, what it lets keys be granted, and pages of names.
#include "support/registry_catalogue.h"

// --- the catalogue

static void scope_is_found_as_it_was_put(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_scope scope;
    struct ask *ask = ask_to_put_scope(fixture, "orders:read", "orders:list");
    ask->command.ask.put_scope.description = slice_text("Read orders");
    ask->command.ask.put_scope.is_default = true;
    EXPECT_OK(fixture, ask);
    assert_text(ask->command.result.scope.name, "orders:read");
    assert_int_equal(find_scope(fixture, "orders:read", &scope), STATUS_OK);
    assert_text(scope.description, "Read orders");
    assert_int_equal(scope.implies_count, 1);
    assert_text(scope.implies[0], "orders:list");
    assert_true(scope.is_default);
    assert_false(scope.public_safe);
    assert_int_equal(scope.version, ask->command.seq);
    assert_int_equal(find_scope(fixture, "orders", &scope), STATUS_NOT_FOUND);
}

static void scope_is_replaced_as_a_whole(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_scope scope;
    EXPECT_OK(fixture, ask_to_put_scope(fixture, "read", "list"));
    mark_scope(fixture, "read", SCOPE_DEFAULT);
    assert_int_equal(find_scope(fixture, "read", &scope), STATUS_OK);
    assert_int_equal(scope.implies_count, 0);
    assert_true(scope.is_default);
    assert_sound(fixture);
}

static void scope_of_another_version_is_not_replaced(void **state)
{
    struct registry_fixture *fixture = *state;
    put_scope(fixture, "read", NULL);
    struct ask *late = ask_to_put_scope(fixture, "read", NULL);
    late->command.if_version = 77;
    EXPECT(fixture, late, STATUS_ABORTED, "put_scope.if_version", "77");
    struct ask *gone = ask_to_delete_scope(fixture, "read");
    gone->command.if_version = 77;
    EXPECT(fixture, gone, STATUS_ABORTED, "delete_scope.if_version", "77");
}

static void names_of_the_daemon_are_not_put(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *const names[] = {"admin", "postern:verify", "postern:operator", "postern:mine"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        EXPECT(fixture, ask_to_put_scope(fixture, names[i], NULL), STATUS_INVALID_ARGUMENT, "put_scope.scope",
               names[i]);
}

static void reserved_names_and_wildcards_are_not_implied(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *const names[] = {"postern:verify", "postern:*", "orders:*", "*"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        EXPECT(fixture, ask_to_put_scope(fixture, "role", names[i]), STATUS_INVALID_ARGUMENT, "put_scope.implies[0]",
               names[i]);
}

static void scopes_may_imply_each_other_in_a_circle(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    put_scope(fixture, "a", "b");
    put_scope(fixture, "b", "c");
    put_scope(fixture, "c", "a");
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_for_scopes(ask, (const char *const[]){"a", "c"}, 2);
    EXPECT_OK(fixture, ask);
    assert_sound(fixture);
}

static void only_operators_change_the_catalogue(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *put = ask_to_put_scope(fixture, "read", NULL);
    ask_as_admin(put, "acme");
    EXPECT(fixture, put, STATUS_PERMISSION_DENIED, "", "operator");
    struct ask *gone = ask_to_delete_scope(fixture, "read");
    ask_as_admin(gone, "acme");
    EXPECT(fixture, gone, STATUS_PERMISSION_DENIED, "", "operator");
}

static void deleted_scope_is_gone_and_may_come_back(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_scope scope;
    mark_scope(fixture, "read", SCOPE_DEFAULT);
    struct ask *gone = ask_to_delete_scope(fixture, "read");
    EXPECT_OK(fixture, gone);
    assert_text(gone->command.result.scope.name, "read");
    assert_int_equal(find_scope(fixture, "read", &scope), STATUS_NOT_FOUND);
    assert_sound(fixture);
    EXPECT(fixture, ask_to_delete_scope(fixture, "read"), STATUS_NOT_FOUND, "delete_scope.scope", "scope list");
    put_scope(fixture, "read", NULL);
    assert_int_equal(find_scope(fixture, "read", &scope), STATUS_OK);
    assert_false(scope.is_default);
    assert_sound(fixture);
}

static void catalogue_has_a_bound(void **state)
{
    struct registry_fixture *fixture = *state;
    struct ask *asks[ACCOUNT_CATALOGUE_MAX];
    char name[16];
    for (size_t i = 0; i < ACCOUNT_CATALOGUE_MAX; i++) {
        snprintf(name, sizeof name, "s%zu", i);
        asks[i] = ask_to_put_scope(fixture, name, NULL);
        arena_set_budget(asks[i]->command.arena, (size_t)64 * 1024);
        ask_start(fixture, asks[i]);
    }
    for (size_t i = 0; i < ACCOUNT_CATALOGUE_MAX; i++)
        assert_int_equal(ask_wait(asks[i]), STATUS_OK);
    EXPECT(fixture, ask_to_put_scope(fixture, "more", NULL), STATUS_RESOURCE_EXHAUSTED, "put_scope.scope", "4096");
    put_scope(fixture, "s7", "s8"); // one that is there may change
    EXPECT_OK(fixture, ask_to_delete_scope(fixture, "s9"));
    put_scope(fixture, "more", NULL);
}

static void defaults_have_a_bound(void **state)
{
    struct registry_fixture *fixture = *state;
    char name[16];
    for (size_t i = 0; i < ACCOUNT_SCOPES_PER_KEY_MAX; i++) {
        snprintf(name, sizeof name, "s%zu", i);
        mark_scope(fixture, name, SCOPE_DEFAULT);
    }
    EXPECT(fixture, ask_to_mark_scope(fixture, "more", SCOPE_DEFAULT), STATUS_RESOURCE_EXHAUSTED,
           "put_scope.is_default", "64");
    mark_scope(fixture, "s7", SCOPE_DEFAULT); // has the mark already
    mark_scope(fixture, "s8", 0);
    mark_scope(fixture, "more", SCOPE_DEFAULT);
    fixture_furnish(fixture, "acme");
    assert_int_equal(fixture_key(fixture, "acme")->command.result.key.scope_count, 64);
    assert_sound(fixture);
}

// --- what is safe for public keys implies nothing that is not

static struct ask *safe_implying(struct registry_fixture *fixture, const char *name, const char *implied)
{
    struct ask *ask = ask_to_put_scope(fixture, name, implied);
    ask->command.ask.put_scope.public_safe = true;
    return ask;
}

static void public_safe_scope_implies_public_safe_ones_only(void **state)
{
    struct registry_fixture *fixture = *state;
    put_scope(fixture, "write", NULL);
    mark_scope(fixture, "read", SCOPE_PUBLIC_SAFE);
    EXPECT(fixture, safe_implying(fixture, "role", "write"), STATUS_FAILED_PRECONDITION, "put_scope.implies[0]",
           "write");
    EXPECT(fixture, safe_implying(fixture, "role", "unknown"), STATUS_FAILED_PRECONDITION, "put_scope.implies[0]",
           "unknown");
    EXPECT(fixture, safe_implying(fixture, "role", "admin"), STATUS_FAILED_PRECONDITION, "put_scope.implies[0]",
           "admin");
    EXPECT_OK(fixture, safe_implying(fixture, "role", "read"));
    EXPECT_OK(fixture, safe_implying(fixture, "role", "role"));
}

static void scope_stays_public_safe_while_such_a_one_implies_it(void **state)
{
    struct registry_fixture *fixture = *state;
    mark_scope(fixture, "read", SCOPE_PUBLIC_SAFE);
    EXPECT_OK(fixture, safe_implying(fixture, "role", "read"));
    EXPECT(fixture, ask_to_mark_scope(fixture, "read", 0), STATUS_FAILED_PRECONDITION, "put_scope.public_safe",
           "\"role\"");
    EXPECT(fixture, ask_to_delete_scope(fixture, "read"), STATUS_FAILED_PRECONDITION, "delete_scope.scope", "\"role\"");
    put_scope(fixture, "role", "read"); // itself not public-safe any more
    EXPECT_OK(fixture, ask_to_mark_scope(fixture, "read", 0));
    EXPECT_OK(fixture, ask_to_delete_scope(fixture, "read"));
}

// --- grants

static struct ask *ask_for_grant(struct registry_fixture *fixture, const char *scope, enum key_type type)
{
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_for_scopes(ask, (const char *const[]){"read", scope}, 2);
    ask->command.ask.create.type = type;
    return ask;
}

static void furnish(struct registry_fixture *fixture)
{
    fixture_furnish(fixture, "acme");
    mark_scope(fixture, "read", SCOPE_PUBLIC_SAFE);
    mark_scope(fixture, "orders:read", 0);
    mark_scope(fixture, "orders:write", 0);
}

static void known_scopes_and_wildcards_are_granted(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *const granted[] = {"orders:read",    "orders:*",          "admin",
                                   "postern:verify", "postern:ratecheck", "postern:account-admin"};
    furnish(fixture);
    for (size_t i = 0; i < sizeof granted / sizeof granted[0]; i++)
        EXPECT_OK(fixture, ask_for_grant(fixture, granted[i], KEY_TYPE_SECRET));
}

static void unknown_scope_is_refused_by_name(void **state)
{
    struct registry_fixture *fixture = *state;
    const char *const refused[] = {"orders", "orders:delete", "order:*", "orders:read:*", "postern:all", "postern:*"};
    furnish(fixture);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        EXPECT(fixture, ask_for_grant(fixture, refused[i], KEY_TYPE_SECRET), STATUS_NOT_FOUND, "create.scopes[1]",
               i == 5 ? "postern:" : strtok(strdupa(refused[i]), "*"));
}

static void operator_scope_is_for_the_operators_account_only(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    EXPECT(fixture, ask_for_grant(fixture, "postern:operator", KEY_TYPE_SECRET), STATUS_INVALID_ARGUMENT,
           "create.scopes[1]", "--account postern");
    struct ask *ask = ask_for_key(fixture, "postern");
    ask_for_scopes(ask, (const char *const[]){"postern:operator"}, 1);
    EXPECT_OK(fixture, ask);
}

static void public_key_holds_public_safe_scopes_only(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    const struct {
        const char *scope;
        enum status status;
    } refused[] = {{"orders:read", STATUS_FAILED_PRECONDITION},
                   {"orders:*", STATUS_INVALID_ARGUMENT},
                   {"admin", STATUS_INVALID_ARGUMENT},
                   {"postern:verify", STATUS_INVALID_ARGUMENT}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        EXPECT(fixture, ask_for_grant(fixture, refused[i].scope, KEY_TYPE_PUBLIC), refused[i].status,
               "create.scopes[1]", refused[i].scope);
    struct ask *ask = ask_for_key(fixture, "acme");
    ask->command.ask.create.type = KEY_TYPE_PUBLIC;
    ask_for_scopes(ask, (const char *const[]){"read"}, 1);
    EXPECT_OK(fixture, ask);
}

static void key_without_scopes_gets_the_default_ones(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    assert_int_equal(fixture_key(fixture, "acme")->command.result.key.scope_count, 0);
    mark_scope(fixture, "read", SCOPE_DEFAULT | SCOPE_PUBLIC_SAFE);
    mark_scope(fixture, "write", SCOPE_DEFAULT);
    mark_scope(fixture, "erase", 0);
    struct registry_key key = fixture_key(fixture, "acme")->command.result.key;
    assert_int_equal(key.scope_count, 2);
    assert_text(key.scopes[0], "read");
    assert_text(key.scopes[1], "write");
    struct ask *public = ask_for_key(fixture, "acme");
    public->command.ask.create.type = KEY_TYPE_PUBLIC;
    EXPECT_OK(fixture, public);
    assert_int_equal(public->command.result.key.scope_count, 1);
    assert_text(public->command.result.key.scopes[0], "read");
}

static void account_admin_gives_defaults_within_its_own(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    mark_scope(fixture, "read", SCOPE_DEFAULT);
    mark_scope(fixture, "write", SCOPE_DEFAULT);
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, (const char *const[]){"postern:account-admin", "read"}, 2);
    EXPECT_OK(fixture, admin);
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_as_key(ask, admin);
    EXPECT_OK(fixture, ask);
    assert_int_equal(ask->command.result.key.scope_count, 1);
    assert_text(ask->command.result.key.scopes[0], "read");
}

static void reserved_scope_is_granted_by_operators_only(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, (const char *const[]){"postern:account-admin", "postern:verify", "admin"}, 3);
    EXPECT_OK(fixture, admin);
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_as_key(ask, admin);
    ask_for_scopes(ask, (const char *const[]){"admin", "postern:verify"}, 2);
    EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "create.scopes[1]", "operators");
}

static void role_beyond_what_a_wildcard_covers_is_not_given_away(void **state)
{
    struct registry_fixture *fixture = *state;
    furnish(fixture);
    put_scope(fixture, "orders:all", "erase");
    struct ask *admin = ask_for_key(fixture, "acme");
    ask_for_scopes(admin, (const char *const[]){"postern:account-admin", "orders:*"}, 2);
    EXPECT_OK(fixture, admin);
    struct ask *ask = ask_for_key(fixture, "acme");
    ask_as_key(ask, admin);
    ask_for_scopes(ask, (const char *const[]){"orders:read", "orders:all"}, 2);
    EXPECT(fixture, ask, STATUS_PERMISSION_DENIED, "create.scopes[1]", "orders:all");
}

// Two of one batch see each other.
static void scope_may_be_granted_in_the_batch_that_made_it(void **state)
{
    struct registry_fixture *fixture = *state;
    fixture_furnish(fixture, "acme");
    sem_t started;
    sem_t release;
    assert_int_equal(sem_init(&started, 0, 0) | sem_init(&release, 0, 0), 0);
    struct ask *first = ask_for_tier(fixture, "slow", false);
    first->started = &started;
    first->release = &release;
    struct ask *put = ask_to_put_scope(fixture, "read", NULL);
    struct ask *create = ask_for_key(fixture, "acme");
    ask_for_scopes(create, (const char *const[]){"read"}, 1);
    ask_start(fixture, first);
    sem_wait(&started);
    ask_start(fixture, put);
    ask_start(fixture, create);
    sem_post(&release);
    assert_int_equal(ask_wait(first), STATUS_OK);
    assert_int_equal(ask_wait(put), STATUS_OK);
    assert_int_equal(ask_wait(create), STATUS_OK);
    sem_destroy(&started);
    sem_destroy(&release);
}

// --- pages

static void scopes_come_in_pages_by_name(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_names_page page;
    struct registry_names_query query = {.page_size = 2};
    const char *const names[] = {"a", "a:b", "b", "c"};
    for (size_t i = 4; i > 0; i--)
        put_scope(fixture, names[i - 1], NULL);
    assert_int_equal(registry_list_names(fixture_look(fixture), REGISTRY_SCOPE, &query, fixture->arena, &page),
                     STATUS_OK);
    const struct registry_scope *scopes = page.items;
    assert_int_equal(page.count, 2);
    assert_true(page.more);
    assert_text(scopes[0].name, "a");
    assert_text(scopes[1].name, "a:b");
    assert_text(page.last, "a:b");
    query.after = page.last;
    assert_int_equal(registry_list_names(fixture->view, REGISTRY_SCOPE, &query, fixture->arena, &page), STATUS_OK);
    scopes = page.items;
    assert_int_equal(page.count, 2);
    assert_false(page.more);
    assert_text(scopes[1].name, "c");
}

static void page_goes_on_behind_a_name_that_is_gone(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_names_page page;
    EXPECT_OK(fixture, ask_for_tier(fixture, "free", false));
    EXPECT_OK(fixture, ask_for_tier(fixture, "paid", false));
    struct registry_names_query query = {.after = slice_text("gold"), .page_size = 10};
    assert_int_equal(registry_list_names(fixture_look(fixture), REGISTRY_TIER, &query, fixture->arena, &page),
                     STATUS_OK);
    const struct registry_tier *tiers = page.items;
    assert_int_equal(page.count, 1);
    assert_text(tiers[0].name, "paid");
    assert_false(page.more);
}

static void deleted_accounts_are_left_out_of_pages(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_names_page page;
    fixture_furnish(fixture, "acme");
    EXPECT_OK(fixture, ask_for_account(fixture, "globex", "free"));
    EXPECT_OK(fixture, ask_for_account(fixture, "initech", "free"));
    EXPECT_OK(fixture, ask_to_delete_named(fixture, REGISTRY_DELETE_ACCOUNT, "globex"));
    struct registry_names_query query = {.page_size = 10};
    assert_int_equal(registry_list_names(fixture_look(fixture), REGISTRY_ACCOUNT, &query, fixture->arena, &page),
                     STATUS_OK);
    const struct registry_account *accounts = page.items;
    assert_int_equal(page.count, 2);
    assert_text(accounts[0].id, "acme");
    assert_text(accounts[1].id, "initech");
    assert_false(page.more);
}

static void page_ends_where_its_bytes_do(void **state)
{
    struct registry_fixture *fixture = *state;
    struct registry_names_page page;
    EXPECT_OK(fixture, ask_for_tier(fixture, "free", false));
    EXPECT_OK(fixture, ask_for_tier(fixture, "paid", false));
    struct registry_names_query query = {.page_size = 10, .page_bytes_max = 10};
    assert_int_equal(registry_list_names(fixture_look(fixture), REGISTRY_TIER, &query, fixture->arena, &page),
                     STATUS_OK);
    assert_int_equal(page.count, 1);
    assert_true(page.more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(scope_is_found_as_it_was_put),
        ASKS_TEST(scope_is_replaced_as_a_whole),
        ASKS_TEST(scope_of_another_version_is_not_replaced),
        ASKS_TEST(names_of_the_daemon_are_not_put),
        ASKS_TEST(reserved_names_and_wildcards_are_not_implied),
        ASKS_TEST(scopes_may_imply_each_other_in_a_circle),
        ASKS_TEST(only_operators_change_the_catalogue),
        ASKS_TEST(deleted_scope_is_gone_and_may_come_back),
        ASKS_TEST(catalogue_has_a_bound),
        ASKS_TEST(defaults_have_a_bound),
        ASKS_TEST(public_safe_scope_implies_public_safe_ones_only),
        ASKS_TEST(scope_stays_public_safe_while_such_a_one_implies_it),
        ASKS_TEST(known_scopes_and_wildcards_are_granted),
        ASKS_TEST(unknown_scope_is_refused_by_name),
        ASKS_TEST(operator_scope_is_for_the_operators_account_only),
        ASKS_TEST(public_key_holds_public_safe_scopes_only),
        ASKS_TEST(key_without_scopes_gets_the_default_ones),
        ASKS_TEST(account_admin_gives_defaults_within_its_own),
        ASKS_TEST(reserved_scope_is_granted_by_operators_only),
        ASKS_TEST(role_beyond_what_a_wildcard_covers_is_not_given_away),
        ASKS_TEST(scope_may_be_granted_in_the_batch_that_made_it),
        ASKS_TEST(scopes_come_in_pages_by_name),
        ASKS_TEST(page_goes_on_behind_a_name_that_is_gone),
        ASKS_TEST(deleted_accounts_are_left_out_of_pages),
        ASKS_TEST(page_ends_where_its_bytes_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
