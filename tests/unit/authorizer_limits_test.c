// Which limits apply: overrides replace, a key's own limits add.
#include "authorizer/internal.h"
#include "support/limit_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct limit parsed(const char *text)
{
    struct limit limit;
    assert_int_equal(limit_text_read(text, &limit, NULL), STATUS_OK);
    return limit;
}

static void override_replaces_and_key_limit_adds(void **state)
{
    (void)state;
    struct limit of_tier[] = {parsed("requests=10/min"), parsed("requests=100/day")};
    struct limit of_account[] = {parsed("requests=500/min"), parsed("productions=3/day")};
    struct limit of_key[] = {parsed("requests=5/min")};
    struct registry_tier tier = {.limits = of_tier, .limit_count = 2};
    struct registry_account account = {.id = slice_text("acme"), .limits = of_account, .limit_count = 2};
    struct registry_key key = {.limits = of_key, .limit_count = 1};
    struct limit_applicable applicables[LIMIT_APPLICABLE_MAX];

    assert_int_equal(applicable_limits(&tier, &account, &key, account.id, applicables), 4);
    assert_int_equal(applicables[0].limit.amount, 100);
    assert_int_equal(applicables[1].limit.amount, 500);
    assert_int_equal(applicables[2].limit.amount, 3);
    assert_int_equal(applicables[2].subject, LIMIT_OF_ACCOUNT);
    assert_int_equal(applicables[3].limit.amount, 5);
    assert_int_equal(applicables[3].subject, LIMIT_OF_KEY);
    assert_true(applicables[3].subject_id.data == key.lineage);
}

static void override_with_another_algorithm_replaces_too(void **state)
{
    (void)state;
    struct limit of_tier[] = {parsed("requests=10/min")};
    struct limit of_account[] = {parsed("requests=20/min:token_bucket,burst=5")};
    struct registry_tier tier = {.limits = of_tier, .limit_count = 1};
    struct registry_account account = {.id = slice_text("acme"), .limits = of_account, .limit_count = 1};
    struct limit_applicable applicables[LIMIT_APPLICABLE_MAX];

    assert_int_equal(applicable_limits(&tier, &account, NULL, account.id, applicables), 1);
    assert_int_equal(applicables[0].limit.algorithm, LIMIT_TOKEN_BUCKET);
}

static void custom_subjects_limits_come_with_the_call(void **state)
{
    (void)state;
    struct limit limits[] = {parsed("requests=10/min"), parsed("bytes=100/day")};
    struct authorizer_custom custom = {
        .name = slice_make("login\0ann", 9), .limits = limits, .limit_count = 2, .relaxed = true};
    struct limit_applicable applicables[LIMIT_APPLICABLE_MAX];

    assert_int_equal(applicable_custom_limits(&custom, applicables), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(applicables[i].limit.amount, limits[i].amount);
        assert_int_equal(applicables[i].subject, LIMIT_OF_CUSTOM);
        assert_true(slice_equal(applicables[i].subject_id, custom.name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(override_replaces_and_key_limit_adds),
        cmocka_unit_test(override_with_another_algorithm_replaces_too),
        cmocka_unit_test(custom_subjects_limits_come_with_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
