#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "rpc/page_token.h"
#include "support/tempdir.h"

static const char position[] = "where it ended";

struct fixture {
    struct tempdir directory;
    struct secret *secret;
    struct page_token_binding binding;
    uint8_t token[PAGE_TOKEN_MAX];
    size_t size;
};

static void open_secret(const struct tempdir *directory, struct secret **secret)
{
    char path[PATH_MAX];
    struct status_failure failure;
    assert_int_equal(secret_open(tempdir_join(directory, "keyring", path), true, secret, NULL, &failure), STATUS_OK);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.directory = tempdir_make();
    open_secret(&fixture.directory, &fixture.secret);
    fixture.binding = (struct page_token_binding){slice_text("list"), slice_text("query"), slice_text("uid:0")};
    assert_int_equal(
        page_token_format(fixture.secret, &fixture.binding, slice_text(position), fixture.token, &fixture.size),
        STATUS_OK);
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

static bool parses(const struct fixture *fixture, const struct page_token_binding *binding, struct slice token)
{
    struct slice found;
    return page_token_parse(fixture->secret, binding, token, &found) && slice_equal(found, slice_text(position));
}

static struct slice whole(const struct fixture *fixture)
{
    return slice_make(fixture->token, fixture->size);
}

static void token_says_where_the_page_ended(void **state)
{
    const struct fixture *fixture = *state;
    assert_true(parses(fixture, &fixture->binding, whole(fixture)));
}

static void token_is_bound_to_call_query_and_caller(void **state)
{
    const struct fixture *fixture = *state;
    struct page_token_binding other_call = {slice_text("list_changes"), slice_text("query"), slice_text("uid:0")};
    struct page_token_binding other_query = {slice_text("list"), slice_text("query2"), slice_text("uid:0")};
    struct page_token_binding other_caller = {slice_text("list"), slice_text("query"), slice_text("uid:1")};
    struct page_token_binding shifted = {slice_text("list"), slice_text("queryu"), slice_text("id:0")};
    struct page_token_binding moved = {slice_text("listquery"), slice_text(""), slice_text("uid:0")};
    assert_false(parses(fixture, &other_call, whole(fixture)));
    assert_false(parses(fixture, &moved, whole(fixture)));
    assert_false(parses(fixture, &other_query, whole(fixture)));
    assert_false(parses(fixture, &other_caller, whole(fixture)));
    assert_false(parses(fixture, &shifted, whole(fixture)));
}

static void changed_token_is_refused(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < fixture->size; i++) {
        struct slice found;
        fixture->token[i] ^= 1;
        assert_false(page_token_parse(fixture->secret, &fixture->binding, whole(fixture), &found));
        fixture->token[i] ^= 1;
    }
    assert_true(parses(fixture, &fixture->binding, whole(fixture)));
}

static void token_of_another_size_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    uint8_t longer[PAGE_TOKEN_MAX + 1] = {0};
    struct slice found;
    memcpy(longer, fixture->token, fixture->size);
    assert_false(page_token_parse(fixture->secret, &fixture->binding, slice_make(longer, fixture->size + 1), &found));
    assert_false(page_token_parse(fixture->secret, &fixture->binding, slice_make(longer, sizeof longer), &found));
    for (size_t size = 0; size < fixture->size; size++)
        assert_false(page_token_parse(fixture->secret, &fixture->binding, slice_make(fixture->token, size), &found));
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
    uint8_t token[PAGE_TOKEN_MAX];
    size_t size;
    struct page_token_binding binding = {slice_text("list"), slice_make(large, sizeof large), slice_text("uid:0")};
    assert_int_equal(page_token_format(fixture->secret, &binding, slice_text(position), token, &size),
                     STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(
        page_token_format(fixture->secret, &fixture->binding, slice_make(large, PAGE_POSITION_MAX + 1), token, &size),
        STATUS_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_says_where_the_page_ended),
        cmocka_unit_test(token_is_bound_to_call_query_and_caller),
        cmocka_unit_test(changed_token_is_refused),
        cmocka_unit_test(token_of_another_size_is_refused),
        cmocka_unit_test(token_of_another_installation_is_refused),
        cmocka_unit_test(query_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
