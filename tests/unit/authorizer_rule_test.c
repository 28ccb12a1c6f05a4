// The rules before any limit: which reason wins, and what each rule looks at.
#include "authorizer/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

struct scene {
    struct authorizer_question question;
    struct registry_key key;
    struct registry_account account;
    struct slice networks[1];
    struct rule_facts facts;
};

// A key that is allowed everything that the question asks.
static struct scene *good_scene(void)
{
    static struct scene s;
    s = (struct scene){0};
    s.question.token = slice_text("token");
    s.account.id = slice_text("acme");
    s.key.account = s.account.id;
    s.key.type = KEY_TYPE_SECRET;
    s.key.environment = KEY_ENVIRONMENT_TEST;
    s.key.facts.created_at_ms = 1;
    s.key.addresses = s.networks;
    s.facts = (struct rule_facts){.question = &s.question,
                                  .subject = AUTHORIZER_BY_TOKEN,
                                  .key_known = true,
                                  .key = &s.key,
                                  .account = &s.account,
                                  .now_ms = NOW_MS};
    return &s;
}

static void good_key_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(rule_evaluate(&good_scene()->facts), REASON_ALLOWED);
}

// Breaks every rule from the last to the first: each newly broken one has a lower number and must win.
static void lowest_broken_rule_wins(void **state)
{
    (void)state;
    struct scene *s = good_scene();
    s->networks[0] = slice_text("10.0.0.0/8");
    s->key.address_count = 1;
    assert_int_equal(rule_evaluate(&s->facts), REASON_ADDRESS_NOT_ALLOWED);
    s->question.secret_only = true;
    s->key.type = KEY_TYPE_PUBLIC;
    assert_int_equal(rule_evaluate(&s->facts), REASON_SECRET_KEY_REQUIRED);
    s->question.environment = KEY_ENVIRONMENT_LIVE;
    assert_int_equal(rule_evaluate(&s->facts), REASON_WRONG_ENVIRONMENT);
    s->question.account = slice_text("other");
    assert_int_equal(rule_evaluate(&s->facts), REASON_WRONG_ACCOUNT);
    s->account.suspended = true;
    assert_int_equal(rule_evaluate(&s->facts), REASON_ACCOUNT_SUSPENDED);
    s->key.facts.disabled = true;
    assert_int_equal(rule_evaluate(&s->facts), REASON_DISABLED_API_KEY);
    s->key.facts.expires_at_ms = NOW_MS;
    assert_int_equal(rule_evaluate(&s->facts), REASON_EXPIRED_API_KEY);
    s->key.facts.revoked_at_ms = 5;
    assert_int_equal(rule_evaluate(&s->facts), REASON_REVOKED_API_KEY);
    s->facts.key_known = false;
    assert_int_equal(rule_evaluate(&s->facts), REASON_INVALID_API_KEY);
    s->question.token = slice_empty();
    assert_int_equal(rule_evaluate(&s->facts), REASON_MISSING_API_KEY);
}

static void address_list_without_an_address_refuses(void **state)
{
    (void)state;
    struct scene *s = good_scene();
    s->networks[0] = slice_text("10.0.0.0/8");
    s->key.address_count = 1;
    assert_int_equal(rule_evaluate(&s->facts), REASON_ADDRESS_NOT_ALLOWED);
    s->question.names_no_address = true;
    assert_int_equal(rule_evaluate(&s->facts), REASON_ALLOWED);
    s->question.names_no_address = false;
    s->question.remote_address = slice_text("10.1.2.3");
    assert_int_equal(rule_evaluate(&s->facts), REASON_ALLOWED);
    s->question.remote_address = slice_text("::ffff:10.1.2.3");
    assert_int_equal(rule_evaluate(&s->facts), REASON_ALLOWED);
    s->question.remote_address = slice_text("11.1.2.3");
    assert_int_equal(rule_evaluate(&s->facts), REASON_ADDRESS_NOT_ALLOWED);
}

static void account_budget_looks_at_no_key(void **state)
{
    (void)state;
    struct scene *s = good_scene();
    s->facts.subject = AUTHORIZER_BY_ACCOUNT;
    s->facts.key_known = false;
    s->facts.key = NULL;
    s->question.token = slice_empty();
    s->question.account = s->account.id;
    assert_int_equal(rule_evaluate(&s->facts), REASON_ALLOWED);
    s->account.suspended = true;
    assert_int_equal(rule_evaluate(&s->facts), REASON_ACCOUNT_SUSPENDED);
}

// What was charged can be given back whatever has become of the key: only whose it is has to be known.
static void refund_asks_only_whose_key_it_is(void **state)
{
    (void)state;
    struct scene *s = good_scene();
    s->question.mode = LIMIT_REFUND;
    s->networks[0] = slice_text("10.0.0.0/8");
    s->key.address_count = 1;
    s->account.suspended = true;
    s->key.facts.disabled = true;
    s->key.facts.expires_at_ms = NOW_MS;
    s->key.facts.revoked_at_ms = 5;
    assert_int_equal(rule_evaluate(&s->facts), REASON_ALLOWED);
    s->facts.key_known = false;
    assert_int_equal(rule_evaluate(&s->facts), REASON_INVALID_API_KEY);
    s->question.token = slice_empty();
    assert_int_equal(rule_evaluate(&s->facts), REASON_MISSING_API_KEY);
    s->facts.subject = AUTHORIZER_BY_ACCOUNT;
    assert_int_equal(rule_evaluate(&s->facts), REASON_ALLOWED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_key_is_allowed),
        cmocka_unit_test(lowest_broken_rule_wins),
        cmocka_unit_test(address_list_without_an_address_refuses),
        cmocka_unit_test(account_budget_looks_at_no_key),
        cmocka_unit_test(refund_asks_only_whose_key_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
