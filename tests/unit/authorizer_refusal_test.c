// Refusals by tier and resource: nobody makes the metrics grow.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authorizer/internal.h"

static struct authorizer *new_authorizer(void)
{
    struct authorizer *authorizer = NULL;
    struct status_failure failure;
    assert_int_equal(authorizer_open(&(struct authorizer_options){.usage = NULL}, &authorizer, &failure), STATUS_OK);
    return authorizer;
}

static void refuse(struct authorizer *authorizer, const char *tier, const char *resource, enum limit_subject subject)
{
    struct authorizer_meter meters[2] = {[1] = {.subject = subject}};
    meters[1].limit.resource = slice_text(resource);
    struct authorizer_decision *decision = calloc(1, sizeof *decision);
    assert_non_null(decision);
    decision->account.tier = slice_text(tier);
    decision->meters = meters;
    decision->meter_count = 2;
    decision->binding_meter = 2;
    refusal_note(&authorizer->refusals, decision);
    free(decision);
}

// Returns UINT64_MAX when there is no such pair.
static uint64_t count_of(struct authorizer *authorizer, const char *tier, const char *resource)
{
    struct authorizer_refusal refusals[AUTHORIZER_REFUSALS_MAX + 1];
    size_t count = authorizer_list_refusals(authorizer, refusals);
    assert_true(count <= AUTHORIZER_REFUSALS_MAX + 1);
    for (size_t i = 0; i < count; i++)
        if (slice_equal(refusals[i].tier, slice_text(tier)) && slice_equal(refusals[i].resource, slice_text(resource)))
            return refusals[i].count;
    return UINT64_MAX;
}

static void refusals_are_counted_by_tier_and_resource(void **state)
{
    (void)state;
    struct authorizer *authorizer = new_authorizer();
    refuse(authorizer, "free", "requests", LIMIT_OF_ACCOUNT);
    refuse(authorizer, "free", "requests", LIMIT_OF_ACCOUNT);
    refuse(authorizer, "free", "tokens", LIMIT_OF_ACCOUNT);
    refuse(authorizer, "", "requests", LIMIT_OF_ACCOUNT); // an account without a tier
    assert_int_equal(count_of(authorizer, "free", "requests"), 2);
    assert_int_equal(count_of(authorizer, "free", "tokens"), 1);
    assert_int_equal(count_of(authorizer, "", "requests"), 1);
    assert_int_equal(count_of(authorizer, "", ""), UINT64_MAX);
    authorizer_close(authorizer);
}

static void keys_own_limits_make_no_pair(void **state)
{
    (void)state;
    struct authorizer *authorizer = new_authorizer();
    refuse(authorizer, "free", "made-up", LIMIT_OF_KEY);
    assert_int_equal(count_of(authorizer, "free", "made-up"), UINT64_MAX);
    assert_int_equal(count_of(authorizer, "", ""), 1);
    refuse(authorizer, "free", "requests", LIMIT_OF_ACCOUNT);
    refuse(authorizer, "free", "requests", LIMIT_OF_KEY);
    assert_int_equal(count_of(authorizer, "free", "requests"), 2);
    authorizer_close(authorizer);
}

static void pairs_beyond_the_maximum_are_counted_as_one(void **state)
{
    (void)state;
    struct authorizer *authorizer = new_authorizer();
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < AUTHORIZER_REFUSALS_MAX + 50; i++) {
            char tier[16];
            (void)snprintf(tier, sizeof tier, "tier%u", i);
            refuse(authorizer, tier, "requests", LIMIT_OF_ACCOUNT);
        }
    assert_int_equal(count_of(authorizer, "tier0", "requests"), 2);
    assert_int_equal(count_of(authorizer, "tier255", "requests"), 2);
    assert_int_equal(count_of(authorizer, "tier256", "requests"), UINT64_MAX);
    assert_int_equal(count_of(authorizer, "", ""), 100);
    authorizer_close(authorizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_counted_by_tier_and_resource),
        cmocka_unit_test(keys_own_limits_make_no_pair),
        cmocka_unit_test(pairs_beyond_the_maximum_are_counted_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
