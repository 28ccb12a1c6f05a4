#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "rpc/page.h"
#include "support/tempdir.h"

static const uint8_t last_id[KEY_ID_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

struct fixture {
    struct tempdir directory;
    struct secret *secret;
    struct page_binding binding;
    uint8_t token[PAGE_TOKEN_SIZE];
};

static void open_secret(const struct tempdir *directory, struct secret **secret)
{
    char path[PATH_MAX];
    struct status_note note;
    assert_int_equal(secret_open(tempdir_join(directory, "keyring", path), true, secret, NULL, &note), STATUS_OK);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.directory = tempdir_make();
    open_secret(&fixture.directory, &fixture.secret);
    fixture.binding = (struct page_binding){slice_text("query"), slice_text("uid:0")};
    assert_int_equal(page_token_format(fixture.secret, &fixture.binding, last_id, fixture.token), STATUS_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    secret_close(fixture->secret);
    tempdir_remove(&fixture->directory);
    return 0;
}

static bool parses(const struct fixture *fixture, const struct page_binding *binding, struct slice token)
{
    uint8_t last[KEY_ID_SIZE];
    return page_token_parse(fixture->secret, binding, token, last) && memcmp(last, last_id, KEY_ID_SIZE) == 0;
}

static struct slice whole(const struct fixture *fixture)
{
    return slice_make(fixture->token, PAGE_TOKEN_SIZE);
}

static void token_says_where_the_page_ended(void **state)
{
    const struct fixture *fixture = *state;
    assert_true(parses(fixture, &fixture->binding, whole(fixture)));
}

static void token_is_bound_to_query_and_caller(void **state)
{
    const struct fixture *fixture = *state;
    struct page_binding other_query = {slice_text("query2"), slice_text("uid:0")};
    struct page_binding other_caller = {slice_text("query"), slice_text("uid:1")};
    struct page_binding shifted = {slice_text("queryu"), slice_text("id:0")};
    assert_false(parses(fixture, &other_query, whole(fixture)));
    assert_false(parses(fixture, &other_caller, whole(fixture)));
    assert_false(parses(fixture, &shifted, whole(fixture)));
}

static void changed_token_is_refused(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < PAGE_TOKEN_SIZE; i++) {
        fixture->token[i] ^= 1;
        uint8_t last[KEY_ID_SIZE];
        assert_false(page_token_parse(fixture->secret, &fixture->binding, whole(fixture), last));
        fixture->token[i] ^= 1;
    }
    assert_true(parses(fixture, &fixture->binding, whole(fixture)));
}

static void token_of_another_size_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    uint8_t longer[PAGE_TOKEN_SIZE + 1] = {0};
    memcpy(longer, fixture->token, PAGE_TOKEN_SIZE);
    assert_false(parses(fixture, &fixture->binding, slice_make(longer, sizeof longer)));
    for (size_t size = 0; size < PAGE_TOKEN_SIZE; size++)
        assert_false(parses(fixture, &fixture->binding, slice_make(fixture->token, size)));
}

static void token_of_another_installation_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct fixture other = {.directory = tempdir_make()};
    open_secret(&other.directory, &other.secret);
    assert_false(parses(&other, &fixture->binding, whole(fixture)));
    secret_close(other.secret);
    tempdir_remove(&other.directory);
}

static void query_that_does_not_fit_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    static uint8_t large[4096];
    uint8_t token[PAGE_TOKEN_SIZE];
    struct page_binding binding = {slice_make(large, sizeof large), slice_text("uid:0")};
    assert_int_equal(page_token_format(fixture->secret, &binding, last_id, token), STATUS_RESOURCE_EXHAUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_says_where_the_page_ended),
        cmocka_unit_test(token_is_bound_to_query_and_caller),
        cmocka_unit_test(changed_token_is_refused),
        cmocka_unit_test(token_of_another_size_is_refused),
        cmocka_unit_test(token_of_another_installation_is_refused),
        cmocka_unit_test(query_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
