// Charge ids, refunds and settling: over the wire, with the real meters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rpc_charges.h"

enum { LIMIT = 100 };

static int set_up(void **state)
{
    static struct rpc_fixture fixture;
    open_with_accounts(&fixture, LIMIT);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

static ProtobufCBinaryData credential_of(struct rpc_fixture *fixture, const char *account, const char *scope)
{
    const char *const scopes[3] = {scope};
    return make(fixture, account, scopes)->api_key;
}

// --- repeating a charge

static void repeated_verify_charges_once_and_answers_the_same_meters(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData token = make(fixture, "acme", NULL)->api_key;
    const Postern__V1__VerifyRequest *first = verify_for(fixture, token, 5, charge_id(fixture, 'a'));
    const Postern__V1__Meter *meter = verify_as(fixture, first, REASON_ALLOWED)->meters[0];
    verify_as(fixture, verify_for(fixture, token, 7, nothing()), REASON_ALLOWED);
    const Postern__V1__VerifyReply *again = verify_as(fixture, first, REASON_ALLOWED);
    assert_int_equal(meter->remaining, LIMIT - 5);
    assert_int_equal(again->n_meters, 1);
    assert_int_equal(again->meters[0]->remaining, LIMIT - 5);
    assert_int_equal(again->meters[0]->limit, LIMIT);
    assert_int_equal(again->binding_meter, 1);
    assert_text(again->account, "acme");
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 12);
}

static void repeated_rate_check_charges_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 30, charge_id(fixture, 'a'));
    for (int i = 0; i < 5; i++)
        assert_int_equal(checked(fixture, &check, REASON_ALLOWED)->meters[0]->remaining, LIMIT - 30);
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 30);
    check.charge_id = charge_id(fixture, 'b');
    assert_int_equal(checked(fixture, &check, REASON_ALLOWED)->meters[0]->remaining, LIMIT - 60);
}

static void verify_without_charges_is_one_request_also_when_repeated(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData token = make(fixture, "acme", NULL)->api_key;
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.api_key = token;
    verify.charge_id = charge_id(fixture, 'a');
    verify_as(fixture, &verify, REASON_ALLOWED);
    verify_as(fixture, &verify, REASON_ALLOWED);
    verify_as(fixture, verify_for(fixture, token, 1, verify.charge_id), REASON_ALLOWED); // the same, spelt out
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 1);
}

static void repeated_verify_of_a_revoked_key_is_refused(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    const Postern__V1__VerifyRequest *verify = verify_for(fixture, key->api_key, 5, charge_id(fixture, 'a'));
    verify_as(fixture, verify, REASON_ALLOWED);
    (void)assert_ok(revoke_key(fixture, nothing(), key->key->key_id));
    assert_int_equal(verify_as(fixture, verify, REASON_REVOKED_API_KEY)->n_meters, 0);
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 5);
}

static void repeated_charge_is_allowed_when_nothing_is_left(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", LIMIT, charge_id(fixture, 'a'));
    checked(fixture, &check, REASON_ALLOWED);
    checked(fixture, &check, REASON_ALLOWED);
    check.charge_id = nothing();
    checked(fixture, &check, REASON_RATE_LIMITED);
}

static void charge_id_of_another_charge_is_an_error_that_charges_nothing(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData token = make(fixture, "acme", NULL)->api_key, id = charge_id(fixture, 'a');
    verify_as(fixture, verify_for(fixture, token, 5, id), REASON_ALLOWED);
    const Postern__V1__Reply *reply = ask(fixture, nothing(), ASK(VERIFY), verify_for(fixture, token, 6, id));
    assert_status(reply, STATUS_ALREADY_EXISTS, "verify.charge_id");
    assert_true(says(reply, "make a new charge_id"));
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 6, id);
    assert_status(check_as(fixture, nothing(), &check), STATUS_ALREADY_EXISTS, "rate_check.charge_id");
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 5);
}

static void refused_charge_is_not_kept(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", LIMIT, nothing());
    checked(fixture, &check, REASON_ALLOWED);
    check = check_of(fixture, "acme", 5, charge_id(fixture, 'a'));
    checked(fixture, &check, REASON_RATE_LIMITED);
    (void)assert_ok(rpc_fixture_put_tier(fixture, "free", LIMIT + 7));
    checked(fixture, &check, REASON_ALLOWED);
    assert_int_equal(left_of(fixture, "acme"), 2);
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'b'));
    check = check_of(fixture, "acme", 50, charge_id(fixture, 'b'));
    checked(fixture, &check, REASON_RATE_LIMITED);
    assert_nothing_to_give_back(check_as(fixture, nothing(), &refund), "rate_check.charge_id", "CHARGE_UNKNOWN");
}

static void charge_id_is_one_callers_own(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData one = credential_of(fixture, "acme", "postern:ratecheck");
    ProtobufCBinaryData two = credential_of(fixture, "acme", "postern:ratecheck");
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 10, charge_id(fixture, 'a'));
    ProtobufCBinaryData callers[] = {nothing(), one, two};
    for (size_t i = 0; i < 6; i++)
        assert_true(assert_ok(check_as(fixture, callers[i % 3], &check))->rate_check->allowed);
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 30);
}

static void charge_id_is_of_one_account(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char *const accounts[] = {"acme", "other"};
    for (size_t i = 0; i < 4; i++) {
        Postern__V1__RateCheckRequest check = check_of(fixture, accounts[i % 2], 10, charge_id(fixture, 'a'));
        checked(fixture, &check, REASON_ALLOWED);
    }
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 10);
    assert_int_equal(left_of(fixture, "other"), LIMIT - 10);
}

static void peek_does_not_look_at_its_charge_id(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData token = make(fixture, "acme", NULL)->api_key, id = charge_id(fixture, 'a');
    Postern__V1__VerifyRequest *peek = verify_for(fixture, token, LIMIT, id);
    peek->peek = true;
    verify_as(fixture, peek, REASON_ALLOWED);
    verify_as(fixture, verify_for(fixture, token, 1, id), REASON_ALLOWED); // the peek has not kept it
    verify_as(fixture, peek, REASON_RATE_LIMITED);
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 1);
}

static void charge_id_has_16_bytes_that_are_not_all_zero(void **state)
{
    struct rpc_fixture *fixture = *state;
    static uint8_t bytes[17] = {1};
    static const size_t sizes[] = {1, 15, 17};
    ProtobufCBinaryData token = make(fixture, "acme", NULL)->api_key;
    Postern__V1__VerifyRequest *verify = verify_for(fixture, token, 1, nothing());
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 1, nothing());
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, token, 1, nothing()), verify};
    Postern__V1__VerifyBatchRequest batch = POSTERN__V1__VERIFY_BATCH_REQUEST__INIT;
    batch.calls = calls;
    batch.n_calls = 2;
    for (size_t i = 0; i < 4; i++) {
        bool zero = i == 3;
        verify->charge_id = zero ? charge_id(fixture, '\0') : (ProtobufCBinaryData){sizes[i], bytes};
        check.charge_id = verify->charge_id;
        const Postern__V1__Reply *reply = ask(fixture, nothing(), ASK(VERIFY), verify);
        assert_status(reply, STATUS_INVALID_ARGUMENT, "verify.charge_id");
        assert_true(says(reply, "16 random bytes"));
        assert_status(check_as(fixture, nothing(), &check), STATUS_INVALID_ARGUMENT, "rate_check.charge_id");
        assert_status(ask(fixture, nothing(), ASK(VERIFY_BATCH), &batch), STATUS_INVALID_ARGUMENT,
                      "verify_batch.calls[1].charge_id");
    }
    assert_int_equal(left_of(fixture, "acme"), LIMIT);
}

static void calls_of_a_batch_with_one_charge_id_charge_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData token = make(fixture, "acme", NULL)->api_key;
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, token, 5, charge_id(fixture, 'a')),
                                           verify_for(fixture, token, 5, charge_id(fixture, 'a')),
                                           verify_for(fixture, token, 6, charge_id(fixture, 'a'))};
    Postern__V1__VerifyBatchRequest batch = POSTERN__V1__VERIFY_BATCH_REQUEST__INIT;
    batch.calls = calls;
    batch.n_calls = 3;
    const Postern__V1__VerifyBatchReply *reply =
        assert_ok(ask(fixture, nothing(), ASK(VERIFY_BATCH), &batch))->verify_batch;
    assert_true(reply->replies[0]->allowed && reply->replies[1]->allowed && !reply->replies[2]->allowed);
    assert_int_equal(reply->statuses[2]->code, STATUS_ALREADY_EXISTS);
    assert_text(reply->statuses[2]->field, "verify_batch.calls[2].charge_id");
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 5);
}

static void charge_ids_are_forgotten_over_a_restart_and_charge_again(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 10, charge_id(fixture, 'a'));
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    checked(fixture, &check, REASON_ALLOWED);
    rpc_fixture_restart(fixture);
    assert_nothing_to_give_back(check_as(fixture, nothing(), &refund), "rate_check.charge_id", "CHARGE_UNKNOWN");
    checked(fixture, &check, REASON_ALLOWED);
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 20);
}

// --- usage

static uint64_t counted(struct rpc_fixture *fixture, bool costs, const char *name)
{
    Postern__V1__GetUsageRequest get = POSTERN__V1__GET_USAGE_REQUEST__INIT;
    uint64_t sum = 0;
    get.bucket_s = 86400;
    get.subject_case = POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_ACCOUNT;
    get.account = rpc_fixture_text("acme");
    const Postern__V1__GetUsageReply *usage = assert_ok(ask(fixture, nothing(), ASK(GET_USAGE), &get))->get_usage;
    for (size_t i = 0; i < usage->n_buckets; i++) {
        const Postern__V1__UsageBucket *bucket = usage->buckets[i];
        for (size_t j = 0; j < (costs ? bucket->n_costs : bucket->n_reasons); j++) {
            const Postern__V1__Counter *counter = costs ? bucket->costs[j] : bucket->reasons[j];
            sum += slice_equal(slice_of(counter->name), slice_text(name)) ? counter->value : 0;
        }
    }
    return sum;
}

static void repeated_charges_and_refunds_leave_no_trace_in_the_usage(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 10, charge_id(fixture, 'a'));
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    for (int i = 0; i < 3; i++)
        checked(fixture, &check, REASON_ALLOWED);
    checked(fixture, &refund, REASON_ALLOWED);
    assert_int_equal(counted(fixture, false, "ALLOWED"), 1);
    assert_int_equal(counted(fixture, true, "requests"), 10);
}

// --- refunds

static void refund_gives_back_the_whole_charge_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 30, charge_id(fixture, 'a'));
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    checked(fixture, &check, REASON_ALLOWED);
    const Postern__V1__RateCheckReply *reply = checked(fixture, &refund, REASON_ALLOWED);
    assert_int_equal(reply->http_status, 200);
    assert_text(reply->account, "acme");
    assert_int_equal(reply->n_meters, 1);
    assert_int_equal(reply->meters[0]->remaining, LIMIT);
    assert_nothing_to_give_back(check_as(fixture, nothing(), &refund), "rate_check.charge_id", "CHARGE_GIVEN_BACK");
    assert_int_equal(left_of(fixture, "acme"), LIMIT);
    // Neither is it charged a second time, nor allowed for nothing.
    assert_status(check_as(fixture, nothing(), &check), STATUS_ALREADY_EXISTS, "rate_check.charge_id");
    assert_int_equal(left_of(fixture, "acme"), LIMIT);
}

static void what_was_given_back_can_be_spent_again_and_no_more(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 60, charge_id(fixture, 'a'));
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    checked(fixture, &check, REASON_ALLOWED);
    check = check_of(fixture, "acme", 40, charge_id(fixture, 'b'));
    checked(fixture, &check, REASON_ALLOWED);
    checked(fixture, &refund, REASON_ALLOWED);
    check = check_of(fixture, "acme", 61, nothing());
    checked(fixture, &check, REASON_RATE_LIMITED);
    check = check_of(fixture, "acme", 60, nothing());
    checked(fixture, &check, REASON_ALLOWED);
}

static void refund_names_the_same_charges_or_none(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 30, charge_id(fixture, 'a'));
    checked(fixture, &check, REASON_ALLOWED);
    check.mode = MODE(REFUND);
    check.charges = charge_of(fixture, "requests", 29);
    assert_nothing_to_give_back(check_as(fixture, nothing(), &check), "rate_check.charges", "CHARGE_DIFFERS");
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 30);
    check.charges = charge_of(fixture, "requests", 30);
    checked(fixture, &check, REASON_ALLOWED);
    assert_int_equal(left_of(fixture, "acme"), LIMIT);
}

static void refund_is_for_the_caller_and_the_account_that_charged(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData other_caller = credential_of(fixture, "acme", "postern:ratecheck");
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 30, charge_id(fixture, 'a'));
    checked(fixture, &check, REASON_ALLOWED);
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    assert_nothing_to_give_back(check_as(fixture, other_caller, &refund), "rate_check.charge_id", "CHARGE_UNKNOWN");
    refund.account = rpc_fixture_text("other");
    assert_nothing_to_give_back(check_as(fixture, nothing(), &refund), "rate_check.charge_id", "CHARGE_UNKNOWN");
    refund.account = rpc_fixture_text("nobody");
    assert_status(check_as(fixture, nothing(), &refund), STATUS_NOT_FOUND, "rate_check.account");
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 30);
}

static void refund_says_what_it_needs(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", nothing());
    assert_status(check_as(fixture, nothing(), &refund), STATUS_INVALID_ARGUMENT, "rate_check.charge_id");
    refund.charge_id = charge_id(fixture, 'a');
    refund.subject_case = SUBJECT(_NOT_SET);
    assert_status(check_as(fixture, nothing(), &refund), STATUS_INVALID_ARGUMENT, "rate_check.subject");
}

// Whatever has become of a key, its token still says whose charge it was.
static void what_a_key_was_charged_is_given_back_after_it_was_revoked(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    for (char id = 'a'; id <= 'c'; id++)
        verify_as(fixture, verify_for(fixture, key->api_key, 10, charge_id(fixture, id)), REASON_ALLOWED);
    (void)assert_ok(revoke_key(fixture, nothing(), key->key->key_id));
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    checked(fixture, &refund, REASON_ALLOWED);
    refund = refund_of(fixture, "acme", charge_id(fixture, 'b'));
    refund.subject_case = SUBJECT(API_KEY);
    refund.api_key = key->api_key;
    checked(fixture, &refund, REASON_ALLOWED);
    refund = refund_of(fixture, "acme", charge_id(fixture, 'c'));
    refund.subject_case = SUBJECT(KEY_ID);
    refund.key_id = key->key->key_id;
    checked(fixture, &refund, REASON_ALLOWED);
    assert_int_equal(left_of(fixture, "acme"), LIMIT);
}

// A charge is given back as a whole: where a key's own limits were charged, too, by naming that key.
static void refund_of_a_keys_own_limits_names_the_key(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__CreateRequest create = create_of(fixture, "acme", NULL);
    create.limits = hourly(fixture, 50);
    create.n_limits = 1;
    const Postern__V1__CreateReply *key = assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create;
    for (char id = 'a'; id <= 'b'; id++)
        verify_as(fixture, verify_for(fixture, key->api_key, 10, charge_id(fixture, id)), REASON_ALLOWED);
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    assert_nothing_to_give_back(check_as(fixture, nothing(), &refund), "rate_check.charge_id", "CHARGE_OF_KEY");
    for (char id = 'a'; id <= 'b'; id++) {
        uint64_t left = id == 'a' ? 10 : 0;
        refund = refund_of(fixture, "acme", charge_id(fixture, id));
        refund.subject_case = SUBJECT(KEY_ID);
        refund.key_id = key->key->key_id;
        const Postern__V1__RateCheckReply *reply = checked(fixture, &refund, REASON_ALLOWED);
        assert_int_equal(reply->n_meters, 2);
        assert_int_equal(reply->meters[0]->remaining, LIMIT - left);
        assert_int_equal(reply->meters[1]->remaining, 50 - left);
        assert_int_equal(reply->meters[1]->subject, POSTERN__V1__SUBJECT__SUBJECT_KEY);
    }
}

static void refund_by_a_token_that_is_nobodys_is_refused(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    refund.subject_case = SUBJECT(API_KEY);
    refund.api_key = rpc_fixture_text("acme_test_nonsense");
    checked(fixture, &refund, REASON_INVALID_API_KEY);
    refund.api_key = nothing();
    checked(fixture, &refund, REASON_MISSING_API_KEY);
}

static void refund_for_a_deleted_account_finds_no_limits(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__DeleteAccountRequest account = POSTERN__V1__DELETE_ACCOUNT_REQUEST__INIT;
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    verify_as(fixture, verify_for(fixture, key->api_key, 10, charge_id(fixture, 'a')), REASON_ALLOWED);
    account.account = rpc_fixture_text("acme");
    (void)assert_ok(revoke_key(fixture, nothing(), key->key->key_id));
    (void)assert_ok(ask(fixture, nothing(), ASK(DELETE_ACCOUNT), &account));
    assert_status(check_as(fixture, nothing(), &refund), STATUS_NOT_FOUND, "rate_check.account");
    refund.subject_case = SUBJECT(API_KEY);
    refund.api_key = key->api_key;
    assert_nothing_to_give_back(check_as(fixture, nothing(), &refund), "rate_check.charge_id", "CHARGE_WINDOW_OVER");
}

static void refund_takes_the_authority_of_a_charge(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData admin = credential_of(fixture, "acme", "postern:account-admin");
    ProtobufCBinaryData other_caller = credential_of(fixture, "other", "postern:account-admin");
    ProtobufCBinaryData verifier = credential_of(fixture, "acme", "postern:verify");
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 5, charge_id(fixture, 'a'));
    assert_status(check_as(fixture, admin, &refund), STATUS_PERMISSION_DENIED, "");
    assert_status(check_as(fixture, admin, &check), STATUS_PERMISSION_DENIED, ""); // may look, and charge nothing
    assert_status(check_as(fixture, other_caller, &refund), STATUS_PERMISSION_DENIED, "");
    assert_true(assert_ok(check_as(fixture, verifier, &check))->rate_check->allowed);
    assert_true(assert_ok(check_as(fixture, verifier, &refund))->rate_check->allowed);
    refund.account = rpc_fixture_text("other");
    assert_status(check_as(fixture, verifier, &refund), STATUS_NOT_FOUND, "rate_check.account");
}

// A fixed window of a second, of a custom subject. Asks until it is full again: then it is another window.
static void refund_after_the_window_is_refused(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__Custom custom = POSTERN__V1__CUSTOM__INIT;
    Postern__V1__RateCheckRequest check = check_of(fixture, "", 5, charge_id(fixture, 'a'));
    custom.namespace_ = rpc_fixture_text("tests");
    custom.identifier = rpc_fixture_text("window");
    custom.limits = hourly(fixture, 10);
    custom.limits[0]->window_s = 1;
    custom.limits[0]->algorithm = POSTERN__V1__ALGORITHM__ALGORITHM_FIXED_WINDOW;
    custom.n_limits = 1;
    check.subject_case = SUBJECT(CUSTOM);
    check.custom = &custom;
    checked(fixture, &check, REASON_ALLOWED);
    check.mode = MODE(PEEK);
    while (checked(fixture, &check, REASON_ALLOWED)->meters[0]->remaining < 10)
        ;
    check.mode = MODE(REFUND);
    assert_nothing_to_give_back(check_as(fixture, nothing(), &check), "rate_check.charge_id", "CHARGE_WINDOW_OVER");
}

// --- at once

static void eight_who_repeat_one_charge_at_once_charge_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { ASKERS = 8, TURNS = 20 };
    struct asker askers[ASKERS];
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 20, charge_id(fixture, 'a'));
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){
            .bytes = request_of(fixture, ASK(RATE_CHECK), &check), .turns = TURNS, .note = count_decision};
        asker_start(fixture, &askers[i]);
    }
    for (size_t i = 0; i < ASKERS; i++) {
        asker_join(&askers[i]);
        assert_int_equal(askers[i].allowed, TURNS);
    }
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 20);
}

static void eight_who_refund_one_charge_at_once_get_it_back_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { ASKERS = 8 };
    struct asker askers[ASKERS];
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 20, charge_id(fixture, 'a'));
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "acme", charge_id(fixture, 'a'));
    unsigned given = 0;
    checked(fixture, &check, REASON_ALLOWED);
    check.charge_id = nothing();
    checked(fixture, &check, REASON_ALLOWED);
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] =
            (struct asker){.bytes = request_of(fixture, ASK(RATE_CHECK), &refund), .turns = 1, .note = count_decision};
        asker_start(fixture, &askers[i]);
    }
    for (size_t i = 0; i < ASKERS; i++) {
        asker_join(&askers[i]);
        given += askers[i].allowed;
        assert_true(askers[i].allowed == 1 || askers[i].code == STATUS_FAILED_PRECONDITION);
    }
    assert_int_equal(given, 1);
    assert_int_equal(left_of(fixture, "acme"), LIMIT - 20);
}

// --- settling

static Postern__V1__RateCheckRequest settle_of(struct rpc_fixture *fixture, uint64_t cost, ProtobufCBinaryData id)
{
    Postern__V1__RateCheckRequest check = check_of(fixture, "acme", 1, id);
    check.mode = MODE(SETTLE);
    check.charges[0]->cost = cost;
    return check;
}

static void charge_is_settled_once_to_less_or_more(void **state)
{
    struct rpc_fixture *fixture = *state;
    uint64_t before = left_of(fixture, "acme");
    Postern__V1__RateCheckRequest charge = check_of(fixture, "acme", 5, charge_id(fixture, 'a'));
    checked(fixture, &charge, REASON_ALLOWED);
    Postern__V1__RateCheckRequest less = settle_of(fixture, 2, charge_id(fixture, 'a'));
    checked(fixture, &less, REASON_ALLOWED);
    checked(fixture, &less, REASON_ALLOWED);
    assert_int_equal(left_of(fixture, "acme"), before - 2);
    Postern__V1__RateCheckRequest again = settle_of(fixture, 3, charge_id(fixture, 'a'));
    const Postern__V1__Reply *reply = check_as(fixture, nothing(), &again);
    assert_nothing_to_give_back(reply, "rate_check.charges", "CHARGE_DIFFERS");
    charge.charge_id = charge_id(fixture, 'b');
    checked(fixture, &charge, REASON_ALLOWED);
    Postern__V1__RateCheckRequest more = settle_of(fixture, 100000, charge_id(fixture, 'b'));
    assert_int_equal(checked(fixture, &more, REASON_ALLOWED)->meters[0]->remaining, 0);
    charge.charge_id = nothing();
    charge.charges[0]->cost = 1;
    checked(fixture, &charge, REASON_RATE_LIMITED);
}

static void settling_says_what_it_needs(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__RateCheckRequest settle = settle_of(fixture, 2, nothing());
    assert_status(check_as(fixture, nothing(), &settle), STATUS_INVALID_ARGUMENT, "rate_check.charge_id");
    settle.charge_id = charge_id(fixture, 'a');
    assert_nothing_to_give_back(check_as(fixture, nothing(), &settle), "rate_check.charge_id", "CHARGE_UNKNOWN");
    settle.overdraw = true;
    assert_status(check_as(fixture, nothing(), &settle), STATUS_INVALID_ARGUMENT, "rate_check.overdraw");
    settle.overdraw = false;
    settle.n_charges = 0;
    assert_status(check_as(fixture, nothing(), &settle), STATUS_INVALID_ARGUMENT, "rate_check.charges");
    Postern__V1__RateCheckRequest overdraw = check_of(fixture, "acme", 1, nothing());
    overdraw.overdraw = true;
    overdraw.mode = MODE(PEEK);
    assert_status(check_as(fixture, nothing(), &overdraw), STATUS_INVALID_ARGUMENT, "rate_check.overdraw");
}

static void overdraw_needs_no_id_and_is_charged_once_with_one(void **state)
{
    struct rpc_fixture *fixture = *state;
    uint64_t before = left_of(fixture, "acme");
    Postern__V1__RateCheckRequest overdraw = check_of(fixture, "acme", 2, nothing());
    overdraw.overdraw = true;
    checked(fixture, &overdraw, REASON_ALLOWED);
    checked(fixture, &overdraw, REASON_ALLOWED);
    assert_int_equal(left_of(fixture, "acme"), before - 4);
    overdraw.charge_id = charge_id(fixture, 'a');
    overdraw.charges[0]->cost = 100000;
    for (int i = 0; i < 2; i++)
        assert_int_equal(checked(fixture, &overdraw, REASON_ALLOWED)->meters[0]->remaining, 0);
    overdraw.overdraw = false;
    assert_status(check_as(fixture, nothing(), &overdraw), STATUS_ALREADY_EXISTS, "rate_check.charge_id");
    assert_int_equal(left_of(fixture, "acme"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(repeated_verify_charges_once_and_answers_the_same_meters),
        TEST(repeated_rate_check_charges_once),
        TEST(verify_without_charges_is_one_request_also_when_repeated),
        TEST(repeated_verify_of_a_revoked_key_is_refused),
        TEST(repeated_charge_is_allowed_when_nothing_is_left),
        TEST(charge_id_of_another_charge_is_an_error_that_charges_nothing),
        TEST(refused_charge_is_not_kept),
        TEST(charge_id_is_one_callers_own),
        TEST(charge_id_is_of_one_account),
        TEST(peek_does_not_look_at_its_charge_id),
        TEST(charge_id_has_16_bytes_that_are_not_all_zero),
        TEST(calls_of_a_batch_with_one_charge_id_charge_once),
        TEST(charge_ids_are_forgotten_over_a_restart_and_charge_again),
        TEST(repeated_charges_and_refunds_leave_no_trace_in_the_usage),
        TEST(refund_gives_back_the_whole_charge_once),
        TEST(what_was_given_back_can_be_spent_again_and_no_more),
        TEST(refund_names_the_same_charges_or_none),
        TEST(refund_is_for_the_caller_and_the_account_that_charged),
        TEST(refund_says_what_it_needs),
        TEST(what_a_key_was_charged_is_given_back_after_it_was_revoked),
        TEST(refund_of_a_keys_own_limits_names_the_key),
        TEST(refund_by_a_token_that_is_nobodys_is_refused),
        TEST(refund_for_a_deleted_account_finds_no_limits),
        TEST(refund_takes_the_authority_of_a_charge),
        TEST(refund_after_the_window_is_refused),
        TEST(eight_who_repeat_one_charge_at_once_charge_once),
        TEST(eight_who_refund_one_charge_at_once_get_it_back_once),
        TEST(charge_is_settled_once_to_less_or_more),
        TEST(settling_says_what_it_needs),
        TEST(overdraw_needs_no_id_and_is_charged_once_with_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
