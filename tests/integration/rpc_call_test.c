#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "base/reason.h"
#include "rpc/call.h"
#include "support/rpc_fixture.h"

static int set_up(void **state)
{
    static struct rpc_fixture fixture;
    rpc_fixture_open(&fixture);
    rpc_fixture_serve(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

static void assert_status(const Postern__V1__Reply *reply, enum status status, const char *field)
{
    const Postern__V1__Status *found = reply->status;
    struct slice place = slice_make(found->field.data, found->field.len);
    if (found->code != (uint32_t)status || !slice_equal(place, slice_text(field)))
        fail_msg("wanted %s at \"%s\", got %u at \"%.*s\": %.*s", status_name(status), field, found->code,
                 SLICE_ARGS(place), SLICE_ARGS(slice_make(found->message.data, found->message.len)));
    if (status != STATUS_OK) {
        assert_int_equal(reply->result_case, POSTERN__V1__REPLY__RESULT__NOT_SET);
        assert_int_not_equal(found->message.len, 0);
    }
}

static void assert_ok(const Postern__V1__Reply *reply)
{
    assert_status(reply, STATUS_OK, "");
}

static void assert_text(ProtobufCBinaryData found, const char *text)
{
    struct slice s = slice_make(found.data, found.len);
    if (!slice_equal(s, slice_text(text)))
        fail_msg("wanted \"%s\", got \"%.*s\"", text, SLICE_ARGS(s));
}

// A tier of `amount` requests an hour, the account acme, and a key of it.
static Postern__V1__CreateReply *make_key(struct rpc_fixture *fixture, uint64_t amount)
{
    assert_ok(rpc_fixture_put_tier(fixture, "free", amount));
    assert_ok(rpc_fixture_put_account(fixture, "acme"));
    Postern__V1__Reply *reply = rpc_fixture_create(fixture, "acme", "first");
    assert_ok(reply);
    assert_int_equal(reply->result_case, POSTERN__V1__REPLY__RESULT_CREATE);
    return reply->create;
}

static void assert_reason(const Postern__V1__Reply *reply, enum reason reason)
{
    assert_ok(reply);
    assert_int_equal(reply->result_case, POSTERN__V1__REPLY__RESULT_VERIFY);
    assert_int_equal(reply->verify->reason, reason);
    assert_int_equal(reply->verify->allowed, reason == REASON_ALLOWED);
    assert_int_equal(reply->verify->http_status, reason_http_status(reason));
}

// --- the main job

static void key_is_created_verified_and_revoked(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *create = make_key(fixture, 1000);
    assert_int_equal(create->key->state, POSTERN__V1__KEY_STATE__KEY_STATE_ACTIVE);
    assert_int_equal(create->key->environment, POSTERN__V1__ENVIRONMENT__ENVIRONMENT_TEST);
    assert_int_equal(create->key->type, POSTERN__V1__KEY_TYPE__KEY_TYPE_SECRET);
    assert_true(create->key->enabled);
    assert_memory_equal(create->api_key.data, "acme_test_", 10);

    Postern__V1__Reply *reply = rpc_fixture_verify(fixture, create->api_key);
    assert_reason(reply, REASON_ALLOWED);
    assert_text(reply->verify->account, "acme");
    assert_text(reply->verify->tier, "free");
    assert_text(reply->verify->key_name, "first");
    assert_int_equal(reply->seq, 3);
    assert_int_equal(reply->verify->n_meters, 1);
    assert_text(reply->verify->meters[0]->resource, "requests");
    assert_int_equal(reply->verify->meters[0]->limit, 1000);
    assert_int_equal(reply->verify->meters[0]->remaining, 999);
    assert_int_equal(reply->verify->binding_meter, 1);

    reply = rpc_fixture_revoke(fixture, create->key->key_id);
    assert_ok(reply);
    assert_int_equal(reply->revoke->key->state, POSTERN__V1__KEY_STATE__KEY_STATE_REVOKED);
    assert_text(reply->revoke->key->revoke_reason, "leaked");
    assert_int_equal(reply->seq, 4);
    assert_reason(rpc_fixture_verify(fixture, create->api_key), REASON_REVOKED_API_KEY);
}

static void limit_is_reached_exactly(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *create = make_key(fixture, 5);
    for (uint64_t i = 0; i < 5; i++)
        assert_reason(rpc_fixture_verify(fixture, create->api_key), REASON_ALLOWED);
    Postern__V1__Reply *reply = rpc_fixture_verify(fixture, create->api_key);
    assert_reason(reply, REASON_RATE_LIMITED);
    assert_true(reply->verify->retry_after_ms > 0);
    assert_int_equal(reply->verify->meters[0]->remaining, 0);
}

static void refusals_carry_their_details(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *create = make_key(fixture, 5);
    Postern__V1__Reply *reply = rpc_fixture_verify(fixture, rpc_fixture_text(""));
    assert_reason(reply, REASON_MISSING_API_KEY);
    assert_int_equal(reply->status->n_details, 1);
    assert_text(reply->status->details[0]->key, "header");
    assert_text(reply->status->details[0]->value, "Authorization");

    ProtobufCBinaryData wrong = create->api_key; // its last character belongs to the checksum
    wrong.data[wrong.len - 1] = wrong.data[wrong.len - 1] == '0' ? '1' : '0';
    reply = rpc_fixture_verify(fixture, wrong);
    assert_reason(reply, REASON_INVALID_API_KEY);
    assert_text(reply->status->details[0]->key, "key_id");
    assert_int_equal(reply->verify->key_id.len, create->key->key_id.len);
    assert_int_equal(reply->verify->account.len, 0); // nothing is told of the key

    reply = rpc_fixture_verify(fixture, rpc_fixture_text("\xFF-not-a-token"));
    assert_reason(reply, REASON_INVALID_API_KEY);
    assert_int_equal(reply->status->n_details, 0);

    reply = rpc_fixture_verify(fixture, rpc_fixture_text("\xFF not a token"));
    assert_reason(reply, REASON_INVALID_API_KEY);
    assert_int_equal(reply->status->n_details, 1);
    assert_text(reply->status->details[0]->key, "hint");
    assert_text(reply->status->details[0]->value, "has white space");
}

static void expired_key_says_since_when(void **state)
{
    struct rpc_fixture *fixture = *state;
    (void)make_key(fixture, 5);
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.account = rpc_fixture_text("acme");
    create.name = rpc_fixture_text("short");
    create.expires_at_ms = clock_now_ms(fixture->clock) + 60000;
    request.call_case = POSTERN__V1__REQUEST__CALL_CREATE;
    request.create = &create;
    Postern__V1__Reply *created = rpc_fixture_ask(fixture, &request);
    assert_ok(created);
    Postern__V1__Reply *reply = rpc_fixture_verify(fixture, created->create->api_key);
    assert_int_equal(reply->verify->reason, POSTERN__V1__REASON__REASON_ALLOWED);
    atomic_fetch_add(&fixture->ahead_ms, 60000);
    reply = rpc_fixture_verify(fixture, created->create->api_key);
    assert_int_equal(reply->verify->reason, POSTERN__V1__REASON__REASON_EXPIRED_API_KEY);
    assert_true(reply->server_time_ms >= create.expires_at_ms);
    assert_text(reply->status->details[0]->key, "expired_at");
    char wanted[40];
    time_t at_s = (time_t)(create.expires_at_ms / 1000);
    struct tm parts;
    assert_non_null(gmtime_r(&at_s, &parts));
    strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S", &parts);
    assert_memory_equal(reply->status->details[0]->value.data, wanted, strlen(wanted));
}

// --- retries

static void repeated_change_gets_the_first_reply(void **state)
{
    struct rpc_fixture *fixture = *state;
    (void)make_key(fixture, 5);
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.account = rpc_fixture_text("acme");
    create.name = rpc_fixture_text("once");
    request.call_case = POSTERN__V1__REQUEST__CALL_CREATE;
    request.create = &create;
    struct slice bytes = rpc_fixture_pack(fixture, &request);
    struct slice first = rpc_fixture_exchange(fixture, fixture->client, bytes);
    struct slice second = rpc_fixture_exchange(fixture, fixture->client, bytes);
    assert_true(slice_equal(first, second));
    assert_int_equal(rpc_fixture_read(fixture, first)->request_id.len, RPC_FIXTURE_ID_SIZE);
}

static void request_id_of_another_call_is_refused(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__PutTierRequest tier = POSTERN__V1__PUT_TIER_REQUEST__INIT;
    tier.tier = rpc_fixture_text("one");
    request.call_case = POSTERN__V1__REQUEST__CALL_PUT_TIER;
    request.put_tier = &tier;
    assert_ok(rpc_fixture_ask(fixture, &request));
    tier.tier = rpc_fixture_text("two");
    assert_int_equal(rpc_fixture_ask(fixture, &request)->status->code, STATUS_ALREADY_EXISTS);
}

static void change_without_request_id_is_refused(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__PutTierRequest tier = POSTERN__V1__PUT_TIER_REQUEST__INIT;
    tier.tier = rpc_fixture_text("one");
    request.call_case = POSTERN__V1__REQUEST__CALL_PUT_TIER;
    request.put_tier = &tier;
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_INVALID_ARGUMENT, "request_id");
    request.request_id = rpc_fixture_text("fifteen bytes !");
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_INVALID_ARGUMENT, "request_id");
}

// --- bad input

static void missing_members_are_named(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    request.call_case = POSTERN__V1__REQUEST__CALL_CREATE;
    request.create = &create;
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_INVALID_ARGUMENT, "create.account");
    create.account = rpc_fixture_text("acme");
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_INVALID_ARGUMENT, "create.name");
    Postern__V1__RevokeRequest revoke = POSTERN__V1__REVOKE_REQUEST__INIT;
    request.call_case = POSTERN__V1__REQUEST__CALL_REVOKE;
    request.revoke = &revoke;
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_INVALID_ARGUMENT, "revoke.key_id");
    Postern__V1__RateCheckRequest rate_check = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    request.call_case = POSTERN__V1__REQUEST__CALL_RATE_CHECK;
    request.rate_check = &rate_check;
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_INVALID_ARGUMENT, "rate_check.charges");
}

static void incomplete_limit_is_named(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__PutTierRequest tier = POSTERN__V1__PUT_TIER_REQUEST__INIT;
    Postern__V1__Limit good = POSTERN__V1__LIMIT__INIT, bad = POSTERN__V1__LIMIT__INIT;
    Postern__V1__Limit *limits[] = {&good, &bad};
    good.resource = rpc_fixture_text("requests");
    good.amount = 10;
    good.window_s = 60;
    bad = good;
    bad.window_s = 0;
    tier.tier = rpc_fixture_text("free");
    tier.limits = limits;
    tier.n_limits = 2;
    request.call_case = POSTERN__V1__REQUEST__CALL_PUT_TIER;
    request.put_tier = &tier;
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_INVALID_ARGUMENT, "put_tier.limits[1].window_s");
}

static Postern__V1__Reply *ask_bytes(struct rpc_fixture *fixture, const void *bytes, size_t size)
{
    return rpc_fixture_read(fixture, rpc_fixture_exchange(fixture, fixture->client, slice_make(bytes, size)));
}

static void unknown_parts_are_told_apart(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const uint8_t unknown_call[] = {0x0A, 0x01, 'i', 0xA2, 0x06, 0x00};     // tag 100
    static const uint8_t unknown_envelope[] = {0x72, 0x01, 'x', 0x82, 0x04, 0x00}; // tag 14, and health
    static const uint8_t unknown_inside[] = {0x82, 0x01, 0x03, 0xD8, 0x07, 0x01};  // tag 123 in verify
    static const uint8_t unknown_deeper[] = {0x82, 0x01, 0x05, 0x3A, 0x03, 0xD8, 0x07, 0x01};
    Postern__V1__Reply *reply = ask_bytes(fixture, unknown_call, sizeof unknown_call);
    assert_status(reply, STATUS_UNIMPLEMENTED, "call");
    assert_text(reply->request_id, "i");
    assert_ok(ask_bytes(fixture, unknown_envelope, sizeof unknown_envelope));
    assert_status(ask_bytes(fixture, unknown_inside, sizeof unknown_inside), STATUS_UNIMPLEMENTED, "verify");
    assert_status(ask_bytes(fixture, unknown_deeper, sizeof unknown_deeper), STATUS_UNIMPLEMENTED, "verify.charges[0]");
    assert_status(ask_bytes(fixture, "", 0), STATUS_INVALID_ARGUMENT, "call");
    reply = ask_bytes(fixture,
                      "\x0A\x03"
                      "abc\xFF",
                      6);
    assert_status(reply, STATUS_INVALID_ARGUMENT, "");
    assert_text(reply->request_id, "abc");
}

static void random_bytes_always_get_a_reply(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct arena *whole = fixture->arena;
    uint8_t bytes[256];
    fixture->arena = arena_new((size_t)1 << 20);
    for (int i = 0; i < 10000; i++) {
        random_fill(bytes, sizeof bytes);
        size_t size = bytes[0];
        bytes[0] = i % 3 == 0 ? 0x82 : bytes[1]; // a third begins like a Verify
        if (i % 3 == 0)
            bytes[1] = 0x01;
        (void)ask_bytes(fixture, bytes, size);
        arena_reset(fixture->arena);
    }
    arena_free(fixture->arena);
    fixture->arena = whole;
    assert_true(rpc_fixture_health(fixture)->health->serving);
}

static void request_that_unfolds_is_refused_at_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { SUBMESSAGES = 30000 };
    static uint8_t bytes[2 * SUBMESSAGES + 5] = {0x82, 0x01, 0xE0, 0xD4, 0x03}; // verify of 60,000 bytes
    for (size_t i = 0; i < SUBMESSAGES; i++)
        bytes[5 + 2 * i] = 0x3A; // an empty charge
    uint64_t begin_ms = clock_now_ms(fixture->clock);
    assert_status(ask_bytes(fixture, bytes, sizeof bytes), STATUS_INVALID_ARGUMENT, "verify.charges");
    for (size_t i = 0; i < SUBMESSAGES; i++)
        bytes[5 + 2 * i] = 0x7A; // an empty field 15, of which nobody knows how many there may be
    assert_status(ask_bytes(fixture, bytes, sizeof bytes), STATUS_INVALID_ARGUMENT, "");
    assert_true(clock_now_ms(fixture->clock) - begin_ms < 10000);
}

// --- authority and state

static void credential_that_is_not_valid_is_refused_even_for_operators(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__HealthRequest health = POSTERN__V1__HEALTH_REQUEST__INIT;
    request.credential = rpc_fixture_text("nonsense");
    request.call_case = POSTERN__V1__REQUEST__CALL_HEALTH;
    request.health = &health;
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_UNAUTHENTICATED, "credential");
}

static void newer_state_than_there_is_is_unavailable(void **state)
{
    struct rpc_fixture *fixture = *state;
    assert_ok(rpc_fixture_put_tier(fixture, "free", 5));
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__HealthRequest health = POSTERN__V1__HEALTH_REQUEST__INIT;
    request.call_case = POSTERN__V1__REQUEST__CALL_HEALTH;
    request.health = &health;
    request.min_seq = 1;
    Postern__V1__Reply *reply = rpc_fixture_ask(fixture, &request);
    assert_ok(reply);
    assert_int_equal(reply->seq, 1);
    request.min_seq = 2;
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_UNAVAILABLE, "min_seq");
}

static void operator_sees_the_health_of_the_stores(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__Reply *reply = rpc_fixture_health(fixture);
    assert_ok(reply);
    assert_true(reply->health->serving);
    assert_text(reply->health->version, POSTERN_VERSION);
    assert_text(reply->health->store, "ok");
}

// --- reading

static void key_is_read_by_its_id(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *create = make_key(fixture, 5);
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__GetRequest get = POSTERN__V1__GET_REQUEST__INIT;
    request.call_case = POSTERN__V1__REQUEST__CALL_GET;
    request.get = &get;
    get.key_id = create->key->key_id;
    Postern__V1__Reply *reply = rpc_fixture_ask(fixture, &request);
    assert_ok(reply);
    assert_text(reply->get->key->name, "first");
    assert_int_equal(reply->get->key->public_token.len, 0);
    get.key_id = rpc_fixture_text("key_000000000000001");
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_NOT_FOUND, "get.key_id");
    get.key_id = rpc_fixture_text("");
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_INVALID_ARGUMENT, "get.key_id");
}

static Postern__V1__Reply *list(struct rpc_fixture *fixture, const char *account, uint32_t page_size,
                                ProtobufCBinaryData page_token)
{
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__ListRequest ask = POSTERN__V1__LIST_REQUEST__INIT;
    ask.account = rpc_fixture_text(account);
    ask.page_size = page_size;
    ask.page_token = page_token;
    request.call_case = POSTERN__V1__REQUEST__CALL_LIST;
    request.list = &ask;
    return rpc_fixture_ask(fixture, &request);
}

static void pages_show_every_key_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { KEYS = 7 };
    (void)make_key(fixture, 5);
    for (int i = 1; i < KEYS; i++)
        assert_ok(rpc_fixture_create(fixture, "acme", "another"));
    size_t seen = 0;
    ProtobufCBinaryData token = {0, NULL};
    char last[32] = "";
    do {
        Postern__V1__Reply *reply = list(fixture, "acme", 3, token);
        assert_ok(reply);
        assert_true(reply->list->n_keys <= 3);
        for (size_t i = 0; i < reply->list->n_keys; i++, seen++) {
            char id[32] = "";
            memcpy(id, reply->list->keys[i]->key_id.data, reply->list->keys[i]->key_id.len);
            assert_true(strcmp(last, id) < 0); // in the order of ids, so none twice
            memcpy(last, id, sizeof last);
        }
        token = reply->list->next_page_token;
    } while (token.len > 0);
    assert_int_equal(seen, KEYS);
}

static void page_token_of_another_query_is_refused(void **state)
{
    struct rpc_fixture *fixture = *state;
    (void)make_key(fixture, 5);
    assert_ok(rpc_fixture_create(fixture, "acme", "another"));
    ProtobufCBinaryData token = list(fixture, "acme", 1, (ProtobufCBinaryData){0, NULL})->list->next_page_token;
    assert_true(token.len > 0);
    assert_ok(list(fixture, "acme", 2, token)); // the size may change
    assert_status(list(fixture, "", 1, token), STATUS_INVALID_ARGUMENT, "list.page_token");
    token.data[token.len - 1] ^= 1;
    assert_status(list(fixture, "acme", 1, token), STATUS_INVALID_ARGUMENT, "list.page_token");
    assert_status(list(fixture, "acme", 1, rpc_fixture_text("x")), STATUS_INVALID_ARGUMENT, "list.page_token");
}

// --- rate checks

static void rate_check_charges_and_peeks(void **state)
{
    struct rpc_fixture *fixture = *state;
    (void)make_key(fixture, 5);
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__RateCheckRequest ask = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    Postern__V1__Charge charge = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[] = {&charge};
    charge.resource = rpc_fixture_text("requests");
    charge.cost = 3;
    ask.subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT;
    ask.account = rpc_fixture_text("acme");
    ask.charges = charges;
    ask.n_charges = 1;
    request.call_case = POSTERN__V1__REQUEST__CALL_RATE_CHECK;
    request.rate_check = &ask;
    Postern__V1__Reply *reply = rpc_fixture_ask(fixture, &request);
    assert_ok(reply);
    assert_true(reply->rate_check->allowed);
    assert_text(reply->rate_check->account, "acme");
    assert_int_equal(reply->rate_check->meters[0]->remaining, 2);
    ask.mode = POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_PEEK;
    charge.cost = 2;
    assert_true(rpc_fixture_ask(fixture, &request)->rate_check->allowed);
    assert_int_equal(rpc_fixture_ask(fixture, &request)->rate_check->meters[0]->remaining, 2);
    charge.cost = 6;
    assert_int_equal(rpc_fixture_ask(fixture, &request)->rate_check->reason, REASON_COST_EXCEEDS_LIMIT);
    charge.resource = rpc_fixture_text("productions");
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_NOT_FOUND, "rate_check.charges[0].resource");
    ask.account = rpc_fixture_text("nobody");
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_NOT_FOUND, "rate_check.account");
}

// --- many at once

static void sixty_four_outstanding_calls_are_all_answered(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { OUTSTANDING = 64 };
    (void)make_key(fixture, 10);
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    Postern__V1__RateCheckRequest ask = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    Postern__V1__Charge charge = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[] = {&charge};
    charge.resource = rpc_fixture_text("requests");
    ask.subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT;
    ask.account = rpc_fixture_text("acme");
    ask.charges = charges;
    ask.n_charges = 1;
    request.call_case = POSTERN__V1__REQUEST__CALL_RATE_CHECK;
    request.rate_check = &ask;
    struct slice bytes = rpc_fixture_pack(fixture, &request);
    nng_ctx contexts[OUTSTANDING];
    nng_aio *operations[OUTSTANDING];
    for (size_t i = 0; i < OUTSTANDING; i++) {
        nng_msg *msg;
        assert_int_equal(nng_ctx_open(&contexts[i], fixture->client), 0);
        assert_int_equal(nng_aio_alloc(&operations[i], NULL, NULL), 0);
        nng_aio_set_timeout(operations[i], RPC_FIXTURE_TIMEOUT_MS);
        assert_int_equal(nng_msg_alloc(&msg, bytes.size), 0);
        memcpy(nng_msg_body(msg), bytes.data, bytes.size);
        nng_aio_set_msg(operations[i], msg);
        nng_ctx_send(contexts[i], operations[i]);
    }
    for (size_t i = 0; i < OUTSTANDING; i++) {
        nng_aio_wait(operations[i]);
        assert_int_equal(nng_aio_result(operations[i]), 0);
        nng_ctx_recv(contexts[i], operations[i]);
    }
    size_t allowed = 0;
    for (size_t i = 0; i < OUTSTANDING; i++) {
        nng_aio_wait(operations[i]);
        assert_int_equal(nng_aio_result(operations[i]), 0);
        nng_msg *msg = nng_aio_get_msg(operations[i]);
        Postern__V1__Reply *reply = rpc_fixture_read(fixture, slice_make(nng_msg_body(msg), nng_msg_len(msg)));
        assert_ok(reply);
        allowed += reply->rate_check->allowed ? 1 : 0;
        nng_msg_free(msg);
        nng_aio_free(operations[i]);
        nng_ctx_close(contexts[i]);
    }
    assert_int_equal(allowed, 10); // never more than the limit, and all of it
}

// --- calls that come too late, or too many

// Served as if it had been received so many milliseconds ago.
static uint32_t serve_after(struct rpc_fixture *fixture, uint64_t waited_ms, uint32_t timeout_ms, uint64_t *expired)
{
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__HealthRequest health = POSTERN__V1__HEALTH_REQUEST__INIT;
    struct transport_peer peer = {.has_uid = true};
    struct call_server server = {.registry = fixture->registry,
                                 .authorizer = fixture->authorizer,
                                 .meters = fixture->meters,
                                 .secret = fixture->secret,
                                 .clock = fixture->clock,
                                 .log = &fixture->log};
    struct call call = {.server = &server, .peer = &peer, .ceiling = RPC_OPERATOR};
    request.call_case = POSTERN__V1__REQUEST__CALL_HEALTH;
    request.health = &health;
    request.timeout_ms = timeout_ms;
    call.received_ms = clock_boot_ms(fixture->clock) - waited_ms;
    call.arena = arena_new(CALL_BUDGET);
    assert_non_null(call.arena);
    assert_int_equal(registry_view_open(fixture->registry, &call.view), STATUS_OK);
    assert_int_equal(route_serve(&call, rpc_fixture_pack(fixture, &request)), CALL_DONE);
    uint32_t code = call.reply.status->code;
    *expired = atomic_load(&server.expired);
    store_view_close(call.view);
    arena_free(call.arena);
    return code;
}

static void call_whose_time_had_passed_before_it_was_begun_is_not_worked_on(void **state)
{
    uint64_t expired = 0;
    assert_int_equal(serve_after(*state, 60000, 1000, &expired), STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(expired, 1);
    assert_int_equal(serve_after(*state, 60000, 0, &expired), STATUS_OK); // it waits as long as it takes
    assert_int_equal(serve_after(*state, 0, 60000, &expired), STATUS_OK);
    assert_int_equal(expired, 0);
}

// The daemon's time follows a wall clock that is set forward; but nobody has waited for so long.
static void call_is_not_late_because_the_clock_was_set_forward(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct call_server server = {.clock = fixture->clock};
    Postern__V1__Request request = rpc_fixture_request(fixture);
    struct call call = {.server = &server, .request = &request, .received_ms = clock_boot_ms(fixture->clock)};
    request.timeout_ms = 60000;
    uint64_t before_ms = clock_now_ms(fixture->clock);
    atomic_store(&fixture->wall_ahead_ms, 86400000);
    (void)clock_follow_wall(fixture->clock, 0, UINT64_MAX);
    assert_true(clock_now_ms(fixture->clock) > before_ms + 86400000 / 2); // the two clocks tick at different moments
    assert_false(call_is_late(&call));
}

static void refusal_for_want_of_room_says_when_to_come_again(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct call_server server = {.clock = fixture->clock, .log = &fixture->log};
    struct call call = {.server = &server};
    Postern__V1__Request request = rpc_fixture_request(fixture);
    struct slice bytes = rpc_fixture_pack(fixture, &request);
    bytes.size = 2 + RPC_FIXTURE_ID_SIZE; // the rest has not come yet
    assert_int_equal(route_refuse_overloaded(&call, bytes), CALL_DONE);
    assert_int_equal(call.reply.status->code, STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(call.reply.status->retry_after_ms, CALL_OVERLOADED_RETRY_MS);
    assert_memory_equal(call.reply.status->reason.data, "OVERLOADED", strlen("OVERLOADED"));
    assert_int_equal(call.reply.request_id.len, RPC_FIXTURE_ID_SIZE);
    assert_memory_equal(call.reply.request_id.data, request.request_id.data, RPC_FIXTURE_ID_SIZE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(call_whose_time_had_passed_before_it_was_begun_is_not_worked_on),
        TEST(call_is_not_late_because_the_clock_was_set_forward),
        TEST(refusal_for_want_of_room_says_when_to_come_again),
        TEST(key_is_created_verified_and_revoked),
        TEST(limit_is_reached_exactly),
        TEST(refusals_carry_their_details),
        TEST(expired_key_says_since_when),
        TEST(repeated_change_gets_the_first_reply),
        TEST(request_id_of_another_call_is_refused),
        TEST(change_without_request_id_is_refused),
        TEST(missing_members_are_named),
        TEST(incomplete_limit_is_named),
        TEST(unknown_parts_are_told_apart),
        TEST(random_bytes_always_get_a_reply),
        TEST(request_that_unfolds_is_refused_at_once),
        TEST(credential_that_is_not_valid_is_refused_even_for_operators),
        TEST(newer_state_than_there_is_is_unavailable),
        TEST(operator_sees_the_health_of_the_stores),
        TEST(key_is_read_by_its_id),
        TEST(pages_show_every_key_once),
        TEST(page_token_of_another_query_is_refused),
        TEST(rate_check_charges_and_peeks),
        TEST(sixty_four_outstanding_calls_are_all_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
