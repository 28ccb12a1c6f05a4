// RateCheck of custom subjects, whose limits come with the call: over the wire, with the real meters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rpc_charges.h"

static char closed_url[PATH_MAX + 8];
static char tcp_url[RPC_FIXTURE_TCP_URL_SIZE];

static int set_up(void **state)
{
    static struct rpc_fixture fixture;
    static struct rpc_listener listeners[4];
    rpc_fixture_open(&fixture);
    rpc_fixture_tcp_url(tcp_url);
    memcpy(listeners, fixture.listeners, sizeof fixture.listeners);
    listeners[2] = (struct rpc_listener){tcp_url, RPC_OPERATOR};
    (void)snprintf(closed_url, sizeof closed_url, "ipc://%s", rpc_fixture_join(&fixture, "closed"));
    listeners[3] = (struct rpc_listener){closed_url, RPC_ANYONE};
    fixture.options.listeners = listeners;
    fixture.options.listener_count = 4;
    rpc_fixture_serve(&fixture);
    (void)assert_ok(rpc_fixture_put_tier(&fixture, "free", 100));
    put_account(&fixture, "acme");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

// The fixture's client, from now on at this address.
static void dial(struct rpc_fixture *fixture, const char *url)
{
    nng_close(fixture->client);
    fixture->client = rpc_fixture_dial(url);
}

// --- asking

static Postern__V1__Limit *limit_of(struct rpc_fixture *fixture, const char *resource, uint64_t amount,
                                    uint32_t window_s)
{
    Postern__V1__Limit *limit = take(fixture, 1, sizeof *limit);
    postern__v1__limit__init(limit);
    limit->resource = rpc_fixture_text(resource);
    limit->amount = amount;
    limit->window_s = window_s;
    return limit;
}

// With room for nine limits, of which there is one: 10 `requests` an hour; it charges `cost` of them.
static Postern__V1__RateCheckRequest custom_of(struct rpc_fixture *fixture, const char *name, const char *identifier,
                                               uint64_t cost)
{
    Postern__V1__RateCheckRequest check = check_of(fixture, "", cost, nothing());
    Postern__V1__Custom *custom = take(fixture, 1, sizeof *custom);
    postern__v1__custom__init(custom);
    custom->namespace_ = rpc_fixture_text(name);
    custom->identifier = rpc_fixture_text(identifier);
    custom->limits = take(fixture, 9, sizeof *custom->limits);
    custom->limits[0] = limit_of(fixture, "requests", 10, 3600);
    custom->n_limits = 1;
    check.subject_case = SUBJECT(CUSTOM);
    check.custom = custom;
    return check;
}

static uint64_t left(struct rpc_fixture *fixture, const Postern__V1__RateCheckRequest *check)
{
    Postern__V1__RateCheckRequest peek = *check;
    peek.mode = MODE(PEEK);
    return assert_ok(check_as(fixture, nothing(), &peek))->rate_check->meters[0]->remaining;
}

static void assert_bad(struct rpc_fixture *fixture, const Postern__V1__RateCheckRequest *check, const char *field)
{
    assert_status(check_as(fixture, nothing(), check), STATUS_INVALID_ARGUMENT, field);
}

// --- what it does

static void custom_subject_is_held_to_the_limits_of_the_call(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "192.0.2.1", 4);
    const Postern__V1__RateCheckReply *reply = checked(fixture, &check, REASON_ALLOWED);
    assert_int_equal(reply->account.len + reply->key_id.len + reply->tier.len, 0);
    assert_int_equal(reply->n_meters, 1);
    assert_int_equal(reply->binding_meter, 1);
    assert_int_equal(reply->meters[0]->subject, POSTERN__V1__SUBJECT__SUBJECT_CUSTOM);
    assert_int_equal(reply->meters[0]->limit, 10);
    assert_int_equal(reply->meters[0]->remaining, 6);
    assert_int_equal(reply->meters[0]->window_s, 3600);
    assert_true(reply->meters[0]->reset_at_ms > clock_wall_ms(fixture->clock));
    checked(fixture, &check, REASON_ALLOWED);
    reply = checked(fixture, &check, REASON_RATE_LIMITED);
    assert_int_equal(reply->http_status, 429);
    assert_true(reply->retry_after_ms > 0 && reply->retry_after_ms <= UINT64_C(3600) * 1000 + 60000);
    assert_int_equal(left(fixture, &check), 2);
}

static void same_identifier_in_another_namespace_is_another_subject(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char *const names[][2] = {{"a", "b"}, {"b", "a"}, {"a", "a"}, {"ab", "b"}, {"a", "bb"}, {"a", "B"}};
    for (size_t i = 0; i < 6; i++) {
        Postern__V1__RateCheckRequest check = custom_of(fixture, names[i][0], names[i][1], 7);
        checked(fixture, &check, REASON_ALLOWED);
        checked(fixture, &check, REASON_RATE_LIMITED);
    }
}

static void namespace_is_no_account(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "acme", "acme", 7);
    checked(fixture, &check, REASON_ALLOWED);
    assert_int_equal(left_of(fixture, "acme"), 100);
}

static void another_amount_acts_on_the_next_call_and_keeps_what_was_spent(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 8);
    checked(fixture, &check, REASON_ALLOWED);
    check.custom->limits[0]->amount = 15;
    checked(fixture, &check, REASON_RATE_LIMITED);
    assert_int_equal(left(fixture, &check), 7);
    check.custom->limits[0]->amount = 16;
    checked(fixture, &check, REASON_ALLOWED);
    check.custom->limits[0]->amount = 5;
    assert_int_equal(left(fixture, &check), 0);
    check.custom->limits[0]->window_s = 60; // another meter
    check.charges = charge_of(fixture, "requests", 5);
    checked(fixture, &check, REASON_ALLOWED);
}

static void all_limits_of_the_call_apply_and_are_charged_together(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 3);
    check.custom->limits[1] = limit_of(fixture, "requests", 5, 60);
    check.custom->limits[2] = limit_of(fixture, "bytes", 100, 3600);
    check.custom->n_limits = 3;
    const Postern__V1__RateCheckReply *reply = checked(fixture, &check, REASON_ALLOWED);
    assert_int_equal(reply->n_meters, 2); // `bytes` was not charged
    assert_int_equal(reply->binding_meter, 2);
    reply = checked(fixture, &check, REASON_RATE_LIMITED);
    assert_int_equal(reply->binding_meter, 2);
    assert_int_equal(reply->meters[0]->remaining, 7);
    check.custom->n_limits = 1; // without the narrow one
    checked(fixture, &check, REASON_ALLOWED);
    check.charges = charge_of(fixture, "bytes", 1);
    const Postern__V1__Reply *undeclared = check_as(fixture, nothing(), &check);
    assert_status(undeclared, STATUS_NOT_FOUND, "rate_check.charges[0].resource");
    assert_true(says(undeclared, "custom.limits"));
}

static void cost_above_the_limit_is_never_retried(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 11);
    assert_int_equal(checked(fixture, &check, REASON_COST_EXCEEDS_LIMIT)->retry_after_ms, 0);
    check.custom->limits[0]->amount = 0; // forbidden
    check.charges = charge_of(fixture, "requests", 1);
    assert_int_equal(checked(fixture, &check, REASON_COST_EXCEEDS_LIMIT)->retry_after_ms, 0);
    check.custom->limits[0]->amount = 10;
    assert_int_equal(left(fixture, &check), 10);
}

static void unlimited_resource_is_allowed(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1000);
    check.custom->limits[0] = limit_of(fixture, "requests", 0, 0);
    check.custom->limits[0]->unlimited = true;
    assert_true(checked(fixture, &check, REASON_ALLOWED)->meters[0]->unlimited);
}

static void every_algorithm_may_be_asked_for(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 10);
    for (int algorithm = 1; algorithm <= 3; algorithm++) {
        check.custom->limits[0]->algorithm = (Postern__V1__Algorithm)algorithm;
        checked(fixture, &check, REASON_ALLOWED);
        checked(fixture, &check, REASON_RATE_LIMITED);
    }
    check.custom->limits[0] = limit_of(fixture, "requests", 10, 0);
    check.custom->limits[0]->period = POSTERN__V1__PERIOD__PERIOD_MONTH;
    checked(fixture, &check, REASON_ALLOWED);
    checked(fixture, &check, REASON_RATE_LIMITED);
}

static void what_was_spent_outlives_a_restart(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest strict = custom_of(fixture, "login", "ann", 7);
    Postern__V1__RateCheckRequest relaxed = custom_of(fixture, "login", "bob", 7);
    relaxed.custom->relaxed = true;
    checked(fixture, &strict, REASON_ALLOWED);
    checked(fixture, &relaxed, REASON_ALLOWED);
    rpc_fixture_restart(fixture);
    assert_int_equal(left(fixture, &strict), 3);
    assert_int_equal(left(fixture, &relaxed), 3);
    checked(fixture, &strict, REASON_RATE_LIMITED);
    checked(fixture, &relaxed, REASON_RATE_LIMITED);
}

static void charge_id_and_refund_are_of_the_subject(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest ann = custom_of(fixture, "login", "ann", 7);
    Postern__V1__RateCheckRequest bob = custom_of(fixture, "login", "bob", 7);
    ann.charge_id = bob.charge_id = charge_id(fixture, 'a');
    for (int i = 0; i < 3; i++) {
        checked(fixture, &ann, REASON_ALLOWED);
        checked(fixture, &bob, REASON_ALLOWED);
    }
    ann.mode = MODE(REFUND);
    ann.n_charges = 0;
    assert_int_equal(checked(fixture, &ann, REASON_ALLOWED)->meters[0]->remaining, 10);
    assert_nothing_to_give_back(check_as(fixture, nothing(), &ann), "rate_check.charge_id", "CHARGE_GIVEN_BACK");
    assert_int_equal(left(fixture, &bob), 3);
}

static void custom_subjects_are_not_in_the_usage(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__StatsRequest stats = POSTERN__V1__STATS_REQUEST__INIT;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 6);
    checked(fixture, &check, REASON_ALLOWED);
    checked(fixture, &check, REASON_RATE_LIMITED);
    const Postern__V1__StatsReply *reply = assert_ok(ask(fixture, nothing(), ASK(STATS), &stats))->stats;
    assert_int_equal(reply->decisions, 0);
    assert_true(reply->meters->decisions >= 2);
}

// --- bad input

static void subject_is_named_in_full(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "", "ann", 1);
    assert_bad(fixture, &check, "rate_check.custom.namespace");
    static const char *const names[] = {"Login", "-a", "a b", "a\001", "log\303\266n"};
    for (size_t i = 0; i < 5; i++) {
        check.custom->namespace_ = rpc_fixture_text(names[i]);
        assert_bad(fixture, &check, "rate_check.custom.namespace");
    }
    char text[130];
    memset(text, 'a', sizeof text);
    check.custom->namespace_ = (ProtobufCBinaryData){65, (uint8_t *)text};
    assert_bad(fixture, &check, "rate_check.custom.namespace");
    check.custom->namespace_.len = 64;
    check.custom->identifier = nothing();
    assert_bad(fixture, &check, "rate_check.custom.identifier");
    check.custom->identifier = (ProtobufCBinaryData){129, (uint8_t *)text};
    assert_bad(fixture, &check, "rate_check.custom.identifier");
    check.custom->identifier.len = 128;
    checked(fixture, &check, REASON_ALLOWED);
    static uint8_t bytes[][4] = {{'a', 0, 'b', 'c'}, {'a', '\n', 'b', 'c'}, {'a', 0xFF, 'b', 'c'}};
    for (size_t i = 0; i < 3; i++) {
        check.custom->identifier = (ProtobufCBinaryData){4, bytes[i]};
        assert_bad(fixture, &check, "rate_check.custom.identifier");
    }
    check.custom = NULL;
    check.subject_case = SUBJECT(_NOT_SET);
    assert_bad(fixture, &check, "rate_check.subject");
}

static void limits_of_the_call_are_checked(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1);
    Postern__V1__Custom *custom = check.custom;
    custom->n_limits = 0;
    assert_bad(fixture, &check, "rate_check.custom.limits");
    for (uint32_t i = 0; i < 9; i++)
        custom->limits[i] = limit_of(fixture, "requests", 10, 60 + i);
    custom->n_limits = 9;
    assert_bad(fixture, &check, "rate_check.custom.limits");
    custom->n_limits = 8;
    assert_int_equal(checked(fixture, &check, REASON_ALLOWED)->n_meters, 8);
    custom->limits[2]->window_s = 0;
    assert_bad(fixture, &check, "rate_check.custom.limits[2].window_s");
    custom->limits[2]->window_s = 31 * 86400 + 1;
    assert_bad(fixture, &check, "rate_check.custom.limits[2].window_s");
    custom->limits[2] = limit_of(fixture, "requests", LIMIT_AMOUNT_MAX + 1, 100);
    assert_bad(fixture, &check, "rate_check.custom.limits[2].amount");
    custom->limits[2] = limit_of(fixture, "", 10, 100);
    assert_bad(fixture, &check, "rate_check.custom.limits[2].resource");
    custom->limits[2] = limit_of(fixture, "requests", 10, 100);
    custom->limits[2]->period = POSTERN__V1__PERIOD__PERIOD_DAY; // of another length
    assert_bad(fixture, &check, "rate_check.custom.limits[2].window_s");
    assert_int_equal(custom->n_limits, 8);
}

static void limits_of_the_call_do_not_contradict_each_other(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1);
    Postern__V1__Custom *custom = check.custom;
    custom->limits[1] = limit_of(fixture, "bytes", 20, 3600);
    custom->limits[2] = limit_of(fixture, "requests", 20, 3600);
    custom->n_limits = 3;
    assert_bad(fixture, &check, "rate_check.custom.limits[2]");
    custom->limits[2]->algorithm = POSTERN__V1__ALGORITHM__ALGORITHM_SLIDING_WINDOW; // what the first one is by default
    assert_bad(fixture, &check, "rate_check.custom.limits[2]");
    custom->limits[2]->algorithm = POSTERN__V1__ALGORITHM__ALGORITHM_TOKEN_BUCKET;
    checked(fixture, &check, REASON_ALLOWED);
    custom->limits[2] = limit_of(fixture, "requests", 0, 0);
    custom->limits[2]->unlimited = true;
    assert_bad(fixture, &check, "rate_check.custom.limits[2]");
    custom->limits[0] = custom->limits[2];
    assert_bad(fixture, &check, "rate_check.custom.limits[2]");
}

static void charges_are_bounded(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1);
    Postern__V1__Charge *charges[10];
    for (size_t i = 0; i < 10; i++)
        charges[i] = charge_of(fixture, "requests", 1)[0];
    check.charges = charges;
    check.n_charges = 10;
    assert_bad(fixture, &check, "rate_check.charges");
    check.n_charges = 8;
    assert_int_equal(checked(fixture, &check, REASON_ALLOWED)->meters[0]->remaining, 2);
    charges[7]->cost = LIMIT_AMOUNT_MAX + 1;
    assert_bad(fixture, &check, "rate_check.charges[7].cost");
    check.n_charges = 0;
    assert_bad(fixture, &check, "rate_check.charges");
}

// --- who may ask, and of what state

static ProtobufCBinaryData credential_of(struct rpc_fixture *fixture, const char *scope)
{
    const char *const scopes[3] = {scope};
    return make(fixture, "acme", scopes)->api_key;
}

static void verifiers_of_either_kind_may_charge_custom_subjects_and_no_admin(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1);
    assert_ok(check_as(fixture, credential_of(fixture, "postern:verify"), &check));
    assert_ok(check_as(fixture, credential_of(fixture, "postern:ratecheck"), &check));
    ProtobufCBinaryData admin = credential_of(fixture, "postern:account-admin");
    assert_status(check_as(fixture, admin, &check), STATUS_PERMISSION_DENIED, "");
    check.mode = POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_PEEK;
    assert_status(check_as(fixture, admin, &check), STATUS_PERMISSION_DENIED, "");
    check.mode = POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_UNSPECIFIED;
    assert_int_equal(left(fixture, &check), 8);
}

static void custom_subject_waits_for_the_registry_that_was_asked_for(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1);
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    request.call_case = ASK(RATE_CHECK);
    request.rate_check = &check;
    request.min_seq = 1000000;
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_UNAVAILABLE, "min_seq");
    request.min_seq = 1;
    const Postern__V1__Reply *reply = assert_ok(rpc_fixture_ask(fixture, &request));
    assert_true(reply->rate_check->allowed && reply->seq >= 1);
}

// Off ipc nobody is known without a credential; and a listener gives no more than its ceiling.
static void nobody_charges_without_authority(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1);
    ProtobufCBinaryData verifier = credential_of(fixture, "postern:verify");
    check.charge_id = charge_id(fixture, 'a');
    for (int mode = 0; mode <= MODE(REFUND); mode++) {
        check.mode = (Postern__V1__RateCheckMode)mode;
        dial(fixture, tcp_url);
        assert_status(check_as(fixture, nothing(), &check), STATUS_UNAUTHENTICATED, "credential");
        dial(fixture, closed_url);
        assert_status(check_as(fixture, nothing(), &check), STATUS_PERMISSION_DENIED, "");
        assert_status(check_as(fixture, verifier, &check), STATUS_PERMISSION_DENIED, "");
    }
    dial(fixture, tcp_url);
    check.mode = MODE(CONSUME);
    assert_int_equal(assert_ok(check_as(fixture, verifier, &check))->rate_check->meters[0]->remaining, 9);
}

static void installation_may_count_no_custom_subjects(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1);
    fixture->max_custom_meters = 0;
    rpc_fixture_restart(fixture);
    assert_status(check_as(fixture, nothing(), &check), STATUS_FAILED_PRECONDITION, "rate_check.custom");
}

static void custom_subjects_beyond_the_bound_are_refused_and_the_others_go_on(void **state)
{
    struct rpc_fixture *fixture = *state;
    fixture->max_custom_meters = 3;
    rpc_fixture_restart(fixture);
    Postern__V1__RateCheckRequest check[4];
    static const char *const names[] = {"ann", "bob", "cy", "di"};
    for (size_t i = 0; i < 3; i++) {
        check[i] = custom_of(fixture, "login", names[i], 1);
        checked(fixture, &check[i], REASON_ALLOWED);
    }
    check[3] = custom_of(fixture, "login", names[3], 1);
    assert_status(check_as(fixture, nothing(), &check[3]), STATUS_RESOURCE_EXHAUSTED, "rate_check.custom.identifier");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(checked(fixture, &check[i], REASON_ALLOWED)->meters[0]->remaining, 8);
    assert_int_equal(left_of(fixture, "acme"), 100); // accounts are not counted among them
}

// --- at once

static void eight_who_drain_one_subject_get_what_the_limit_gives(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { ASKERS = 8, TURNS = 50, AMOUNT = 123 };
    struct asker askers[ASKERS];
    Postern__V1__RateCheckRequest check = custom_of(fixture, "login", "ann", 1);
    unsigned allowed = 0;
    check.custom->limits[0]->amount = AMOUNT;
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){
            .bytes = request_of(fixture, ASK(RATE_CHECK), &check), .turns = TURNS, .note = count_decision};
        asker_start(fixture, &askers[i]);
    }
    for (size_t i = 0; i < ASKERS; i++) {
        asker_join(&askers[i]);
        assert_int_equal(askers[i].failed, 0);
        allowed += askers[i].allowed;
    }
    assert_int_equal(allowed, AMOUNT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(custom_subject_is_held_to_the_limits_of_the_call),
        TEST(same_identifier_in_another_namespace_is_another_subject),
        TEST(namespace_is_no_account),
        TEST(another_amount_acts_on_the_next_call_and_keeps_what_was_spent),
        TEST(all_limits_of_the_call_apply_and_are_charged_together),
        TEST(cost_above_the_limit_is_never_retried),
        TEST(unlimited_resource_is_allowed),
        TEST(every_algorithm_may_be_asked_for),
        TEST(what_was_spent_outlives_a_restart),
        TEST(charge_id_and_refund_are_of_the_subject),
        TEST(custom_subjects_are_not_in_the_usage),
        TEST(subject_is_named_in_full),
        TEST(limits_of_the_call_are_checked),
        TEST(limits_of_the_call_do_not_contradict_each_other),
        TEST(charges_are_bounded),
        TEST(verifiers_of_either_kind_may_charge_custom_subjects_and_no_admin),
        TEST(custom_subject_waits_for_the_registry_that_was_asked_for),
        TEST(nobody_charges_without_authority),
        TEST(installation_may_count_no_custom_subjects),
        TEST(custom_subjects_beyond_the_bound_are_refused_and_the_others_go_on),
        TEST(eight_who_drain_one_subject_get_what_the_limit_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
