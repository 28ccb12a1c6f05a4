// Shares of custom subjects and their removal, over the wire: who is one caller, and who may remove what.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rpc_charges.h"

enum { BOUND = 64, CROWDED = 60 };

static int set_up(void **state)
{
    static struct rpc_fixture fixture;
    rpc_fixture_open(&fixture);
    rpc_fixture_serve(&fixture);
    fixture.max_custom_meters = BOUND;
    rpc_fixture_restart(&fixture);
    (void)assert_ok(rpc_fixture_put_tier(&fixture, "free", 100));
    put_account(&fixture, "acme");
    put_account(&fixture, "globex");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

// --- asking

static ProtobufCBinaryData credential_of(struct rpc_fixture *fixture, const char *account, const char *scope,
                                         const char *other)
{
    const char *const scopes[3] = {scope, other};
    return make(fixture, account, scopes)->api_key;
}

// Charges 1 of so many an hour.
static Postern__V1__RateCheckRequest check_for(struct rpc_fixture *fixture, const char *space, const char *identifier,
                                               uint64_t amount)
{
    Postern__V1__RateCheckRequest check = check_of(fixture, "", 1, nothing());
    Postern__V1__Custom *custom = take(fixture, 1, sizeof *custom);
    postern__v1__custom__init(custom);
    custom->limits = take(fixture, 1, sizeof *custom->limits);
    custom->limits[0] = take(fixture, 1, sizeof *custom->limits[0]);
    postern__v1__limit__init(custom->limits[0]);
    custom->limits[0]->resource = rpc_fixture_text("requests");
    custom->limits[0]->amount = amount;
    custom->limits[0]->window_s = 3600;
    custom->n_limits = 1;
    custom->namespace_ = rpc_fixture_text(space);
    custom->identifier = rpc_fixture_text(identifier);
    check.subject_case = SUBJECT(CUSTOM);
    check.custom = custom;
    return check;
}

static const Postern__V1__Reply *charge(struct rpc_fixture *fixture, ProtobufCBinaryData credential, const char *space,
                                        const char *identifier)
{
    Postern__V1__RateCheckRequest check = check_for(fixture, space, identifier, 10);
    return check_as(fixture, credential, &check);
}

static uint64_t left_after(struct rpc_fixture *fixture, const char *space, const char *identifier)
{
    return assert_ok(charge(fixture, nothing(), space, identifier))->rate_check->meters[0]->remaining;
}

// Makes up names until one is refused; returns how many were not.
static size_t flood(struct rpc_fixture *fixture, ProtobufCBinaryData credential)
{
    char identifier[32];
    for (size_t count = 0;; count++) {
        (void)snprintf(identifier, sizeof identifier, "%zu", count);
        const Postern__V1__Reply *reply = charge(fixture, credential, "spam", identifier);
        if (reply->status->code == STATUS_OK && count <= BOUND)
            continue;
        assert_status(reply, STATUS_RESOURCE_EXHAUSTED, "rate_check.custom.identifier");
        assert_true(reply->status->retry_after_ms > 0);
        assert_text(reply->status->reason, "SHARE_USED_UP");
        return count;
    }
}

static const Postern__V1__Reply *remove_as(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                           const char *space, const char *identifier)
{
    Postern__V1__ResetMetersRequest reset = POSTERN__V1__RESET_METERS_REQUEST__INIT;
    reset.namespace_ = rpc_fixture_text(space);
    reset.identifier = rpc_fixture_text(identifier);
    return ask(fixture, credential, ASK(RESET_METERS), &reset);
}

// --- who is one caller

static void user_who_makes_up_names_keeps_out_no_key_and_no_other_namespace(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData verifier = credential_of(fixture, "acme", "postern:verify", NULL);
    Postern__V1__StatsRequest stats = POSTERN__V1__STATS_REQUEST__INIT;
    assert_int_equal(flood(fixture, nothing()), CROWDED);
    assert_true(says(charge(fixture, nothing(), "spam", "new"), "your share"));
    assert_ok(charge(fixture, verifier, "spam", "new"));
    assert_ok(charge(fixture, nothing(), "login", "new"));
    assert_int_equal(left_after(fixture, "spam", "0"), 8); // who is known goes on
    assert_int_equal(assert_ok(ask(fixture, nothing(), ASK(STATS), &stats))->stats->meters->custom_callers, 2);
}

static void all_keys_of_an_account_are_one_caller_also_after_a_restart(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData one = credential_of(fixture, "acme", "postern:verify", NULL);
    ProtobufCBinaryData two = credential_of(fixture, "acme", "postern:ratecheck", NULL);
    ProtobufCBinaryData other = credential_of(fixture, "globex", "postern:verify", NULL);
    assert_int_equal(flood(fixture, one), CROWDED);
    assert_status(charge(fixture, two, "spam", "two"), STATUS_RESOURCE_EXHAUSTED, "rate_check.custom.identifier");
    rpc_fixture_restart(fixture);
    assert_status(charge(fixture, two, "spam", "two"), STATUS_RESOURCE_EXHAUSTED, "rate_check.custom.identifier");
    assert_ok(charge(fixture, other, "spam", "other"));
    assert_ok(charge(fixture, nothing(), "spam", "user"));
}

// --- removing

static void operator_removes_a_subject_and_makes_room(void **state)
{
    struct rpc_fixture *fixture = *state;
    assert_int_equal(flood(fixture, nothing()), CROWDED);
    assert_int_equal(assert_ok(remove_as(fixture, nothing(), "spam", "0"))->reset_meters->meters, 1);
    assert_int_equal(left_after(fixture, "spam", "0"), 9);
    assert_int_equal(left_after(fixture, "spam", "1"), 8);
    assert_int_equal(assert_ok(remove_as(fixture, nothing(), "spam", "1"))->reset_meters->meters, 1);
    assert_ok(charge(fixture, nothing(), "spam", "new"));
    assert_int_equal(assert_ok(remove_as(fixture, nothing(), "spam", "nobody"))->reset_meters->meters, 0);
    rpc_fixture_restart(fixture);
    assert_int_equal(left_after(fixture, "spam", "0"), 8);
}

// Nobody who charges meanwhile fails, and nobody gets more than the limit between two removals.
static void subject_is_removed_while_eight_charge_it(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { ASKERS = 8, TURNS = 100, AMOUNT = 40, REMOVALS = 10 };
    struct asker askers[ASKERS];
    Postern__V1__RateCheckRequest check = check_for(fixture, "login", "ann", AMOUNT);
    unsigned allowed = 0;
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){
            .bytes = request_of(fixture, ASK(RATE_CHECK), &check), .turns = TURNS, .note = count_decision};
        asker_start(fixture, &askers[i]);
    }
    for (size_t i = 0; i < REMOVALS; i++)
        assert_ok(remove_as(fixture, nothing(), "login", "ann"));
    for (size_t i = 0; i < ASKERS; i++) {
        asker_join(&askers[i]);
        assert_int_equal(askers[i].failed, 0);
        allowed += askers[i].allowed;
    }
    assert_in_range(allowed, AMOUNT, (REMOVALS + 1) * AMOUNT);
    assert_ok(remove_as(fixture, nothing(), "login", "ann"));
    assert_int_equal(assert_ok(check_as(fixture, nothing(), &check))->rate_check->meters[0]->remaining, AMOUNT - 1);
    rpc_fixture_restart(fixture);
    assert_int_equal(assert_ok(check_as(fixture, nothing(), &check))->rate_check->meters[0]->remaining, AMOUNT - 2);
}

static void nobody_else_removes_a_subject(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData admin = credential_of(fixture, "acme", "postern:account-admin", "postern:meter-reset");
    ProtobufCBinaryData verifier = credential_of(fixture, "acme", "postern:ratecheck", NULL);
    assert_ok(charge(fixture, nothing(), "login", "ann"));
    const Postern__V1__Reply *refused = remove_as(fixture, admin, "login", "ann");
    assert_status(refused, STATUS_PERMISSION_DENIED, "");
    assert_true(says(refused, "operator"));
    assert_status(remove_as(fixture, verifier, "login", "ann"), STATUS_PERMISSION_DENIED, "");
    assert_int_equal(left_after(fixture, "login", "ann"), 8);
}

static void subject_to_remove_is_named_in_full_and_alone(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__ResetMetersRequest reset = POSTERN__V1__RESET_METERS_REQUEST__INIT;
    assert_status(remove_as(fixture, nothing(), "login", ""), STATUS_INVALID_ARGUMENT, "reset_meters.identifier");
    assert_status(remove_as(fixture, nothing(), "", "ann"), STATUS_INVALID_ARGUMENT, "reset_meters.namespace");
    assert_status(remove_as(fixture, nothing(), "Login", "ann"), STATUS_INVALID_ARGUMENT, "reset_meters.namespace");
    reset.namespace_ = rpc_fixture_text("login");
    reset.identifier = rpc_fixture_text("ann");
    reset.resource = rpc_fixture_text("requests");
    assert_status(ask(fixture, nothing(), ASK(RESET_METERS), &reset), STATUS_INVALID_ARGUMENT,
                  "reset_meters.namespace");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(user_who_makes_up_names_keeps_out_no_key_and_no_other_namespace),
        TEST(all_keys_of_an_account_are_one_caller_also_after_a_restart),
        TEST(operator_removes_a_subject_and_makes_room),
        TEST(subject_is_removed_while_eight_charge_it),
        TEST(nobody_else_removes_a_subject),
        TEST(subject_to_remove_is_named_in_full_and_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
