// Calls of libpostern against a scripted server: repetition, deadlines, policy, many threads.
#include "postern/postern.h"
#include "support/client_peer.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

// Far above what anything here takes; only a call that hangs reaches it.
enum { LONG_MS = 60000, GIVEN_MS = 4000 };

static char directory[] = "/tmp/postern-client-XXXXXX";
static char url[64];

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct postern *opened(const char *at, uint32_t timeout_ms, enum postern_policy policy)
{
    struct postern *client = NULL;
    struct postern_error error;
    const struct postern_options options = {.url = at, .timeout_ms = timeout_ms, .policy = policy};
    if (postern_open(&options, &client, &error) != POSTERN_OK)
        fail_msg("%s", error.message);
    return client;
}

static ProtobufCBinaryData text_data(const char *text)
{
    union {
        const char *text;
        uint8_t *bytes;
    } same = {.text = text};
    return (ProtobufCBinaryData){.data = same.bytes, .len = strlen(text)};
}

// ----------------------------------------------------------------------------------------------------- scripts

static Postern__V1__VerifyReply allowed_verify;
static Postern__V1__CreateReply created;
static Postern__V1__Key created_key;
static Postern__V1__HealthReply healthy;
static Postern__V1__RateCheckReply allowed_rate;

static int set_up(void **state)
{
    (void)state;
    postern__v1__verify_reply__init(&allowed_verify);
    allowed_verify.allowed = true;
    allowed_verify.reason = POSTERN__V1__REASON__REASON_ALLOWED;
    postern__v1__key__init(&created_key);
    created_key.key_id = text_data("key_0123456789abcde");
    postern__v1__create_reply__init(&created);
    created.api_key = text_data("acme_live_token");
    created.key = &created_key;
    postern__v1__health_reply__init(&healthy);
    healthy.serving = true;
    postern__v1__rate_check_reply__init(&allowed_rate);
    allowed_rate.allowed = true;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(url, sizeof url, "ipc://%s/socket", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nng_fini();
    return rmdir(directory);
}

// The right result for the call.
static enum peer_act answer(const Postern__V1__Request *request, Postern__V1__Reply *reply)
{
    reply->result_case = (Postern__V1__Reply__ResultCase)request->call_case;
    if (request->call_case == POSTERN__V1__REQUEST__CALL_VERIFY)
        reply->verify = &allowed_verify;
    else if (request->call_case == POSTERN__V1__REQUEST__CALL_CREATE)
        reply->create = &created;
    else if (request->call_case == POSTERN__V1__REQUEST__CALL_RATE_CHECK)
        reply->rate_check = &allowed_rate;
    else
        reply->health = &healthy;
    return PEER_ANSWER;
}

static enum peer_act always_answer(void *context, unsigned n, const Postern__V1__Request *request,
                                   Postern__V1__Reply *reply)
{
    (void)context;
    (void)n;
    return answer(request, reply);
}

// Does *context with the first two requests, then answers. PEER_ANSWER_RAW: the right answer, but to another request.
static enum peer_act answer_the_third(void *context, unsigned n, const Postern__V1__Request *request,
                                      Postern__V1__Reply *reply)
{
    const enum peer_act *first = context;
    enum peer_act act = answer(request, reply);
    reply->request_id = text_data("anotherrequestid");
    return n < 2 ? *first : act;
}

static enum peer_act never_answer(void *context, unsigned n, const Postern__V1__Request *request,
                                  Postern__V1__Reply *reply)
{
    (void)context;
    (void)n;
    (void)request;
    (void)reply;
    return PEER_IGNORE;
}

static enum peer_act always_fail(void *context, unsigned n, const Postern__V1__Request *request,
                                 Postern__V1__Reply *reply)
{
    (void)n;
    (void)request;
    reply->status = context;
    return PEER_ANSWER;
}

static enum peer_act fail_the_first(void *context, unsigned n, const Postern__V1__Request *request,
                                    Postern__V1__Reply *reply)
{
    return n == 0 ? always_fail(context, n, request, reply) : answer(request, reply);
}

// ------------------------------------------------------------------------------------------------- repetition

static void assert_same_ids(struct peer *peer, unsigned count)
{
    struct peer_seen first = peer_saw(peer, 0);
    assert_int_equal(first.request_id_size, 16);
    for (unsigned n = 1; n < count; n++) {
        struct peer_seen later = peer_saw(peer, n);
        assert_int_equal(later.request_id_size, 16);
        assert_memory_equal(first.request_id, later.request_id, 16);
        assert_int_equal(first.charge_id_size, later.charge_id_size);
        assert_memory_equal(first.charge_id, later.charge_id, 16);
    }
}

static void assert_created_after(enum peer_act first)
{
    struct peer peer;
    peer_start(&peer, url, answer_the_third, &first);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    struct postern_create_reply *reply = NULL;
    struct postern_error error;
    const struct postern_create_request request = {.account = "acme", .name = "n"};
    assert_int_equal(postern_create(client, &request, &reply, &error), POSTERN_OK);
    assert_string_equal(reply->api_key, "acme_live_token");
    assert_string_equal(reply->key.key_id, "key_0123456789abcde");
    assert_string_equal(reply->key.name, "");
    postern_reply_free(reply);
    assert_int_equal(peer_count(&peer), 3);
    assert_same_ids(&peer, 3);
    postern_close(client);
    peer_stop(&peer);
}

static void a_lost_connection_is_repeated_with_the_same_request_id(void **state)
{
    (void)state;
    assert_created_after(PEER_HANG_UP);
}

// No posternd gives it, so to ask again would not help.
static void assert_told_by_the_first_answer(enum peer_act first)
{
    struct peer peer;
    peer_start(&peer, url, answer_the_third, &first);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    struct postern_create_reply *reply = NULL;
    struct postern_error error;
    const struct postern_create_request request = {.account = "acme", .name = "n"};
    assert_int_equal(postern_create(client, &request, &reply, &error), POSTERN_UNAVAILABLE);
    assert_null(reply);
    assert_true(error.outcome_unknown);
    assert_non_null(strstr(error.message, "is not posternd, or a newer one"));
    assert_non_null(strstr(error.message, "the change may have been made all the same"));
    assert_int_equal(peer_count(&peer), 1);
    postern_close(client);
    peer_stop(&peer);
}

static void an_answer_that_is_no_message_ends_the_call(void **state)
{
    (void)state;
    assert_told_by_the_first_answer(PEER_GARBAGE);
    assert_told_by_the_first_answer(PEER_NOTHING);
}

static void an_answer_to_another_request_ends_the_call(void **state)
{
    (void)state;
    assert_told_by_the_first_answer(PEER_ANSWER_RAW);
}

static enum peer_act answer_the_second(void *context, unsigned n, const Postern__V1__Request *request,
                                       Postern__V1__Reply *reply)
{
    (void)context;
    return n == 0 ? PEER_IGNORE : answer(request, reply);
}

static void a_verify_without_an_answer_is_repeated_with_the_same_charge_id(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, url, answer_the_second, NULL);
    struct postern *client = opened(url, 4000, POSTERN_FAIL_CLOSED); // the first answer is awaited for one second
    struct postern_verify_reply *reply = NULL;
    const struct postern_verify_request request = {.api_key = "token"};
    assert_int_equal(postern_verify(client, &request, &reply, NULL), POSTERN_OK);
    assert_true(reply->allowed);
    assert_false(reply->decided_by_policy);
    assert_true(reply->has_charge_id);
    assert_same_ids(&peer, 2);
    assert_int_equal(peer_saw(&peer, 0).charge_id_size, 16);
    assert_memory_equal(peer_saw(&peer, 0).charge_id, reply->charge_id, 16);
    postern_reply_free(reply);
    postern_close(client);
    peer_stop(&peer);
}

static void a_peek_carries_no_charge_id_and_a_callers_own_is_kept(void **state)
{
    (void)state;
    const uint8_t mine[POSTERN_ID_SIZE] = "0123456789abcde";
    struct peer peer;
    peer_start(&peer, url, always_answer, NULL);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    struct postern_verify_reply *reply = NULL;
    const struct postern_verify_request peek = {.peek = true};
    assert_int_equal(postern_verify(client, &peek, &reply, NULL), POSTERN_OK);
    assert_false(reply->has_charge_id);
    postern_reply_free(reply);
    const struct postern_verify_request own = {.call = {.request_id = mine}, .charge_id = mine};
    assert_int_equal(postern_verify(client, &own, &reply, NULL), POSTERN_OK);
    postern_reply_free(reply);
    assert_int_equal(peer_saw(&peer, 0).charge_id_size, 0);
    assert_memory_equal(peer_saw(&peer, 1).charge_id, mine, POSTERN_ID_SIZE);
    assert_memory_equal(peer_saw(&peer, 1).request_id, mine, POSTERN_ID_SIZE);
    postern_close(client);
    peer_stop(&peer);
}

static void unavailable_is_repeated_after_the_span_that_it_names(void **state)
{
    (void)state;
    Postern__V1__Status status = POSTERN__V1__STATUS__INIT;
    status.code = POSTERN_UNAVAILABLE;
    status.retry_after_ms = 300;
    struct peer peer;
    peer_start(&peer, url, fail_the_first, &status);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    struct postern_health_reply *reply = NULL;
    uint64_t before = now_ms();
    assert_int_equal(postern_health(client, NULL, &reply, NULL), POSTERN_OK);
    assert_true(now_ms() - before >= 300);
    assert_true(reply->serving);
    postern_reply_free(reply);
    assert_same_ids(&peer, 2);
    postern_close(client);
    peer_stop(&peer);
}

static void every_other_status_is_final_and_tells_what_the_server_said(void **state)
{
    (void)state;
    Postern__V1__Status status = POSTERN__V1__STATUS__INIT;
    status.code = POSTERN_NOT_FOUND;
    status.message = text_data("no account \"acme\": make it first");
    status.field = text_data("create.account");
    status.reason = text_data("NO_ACCOUNT");
    struct peer peer;
    peer_start(&peer, url, always_fail, &status);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_OPEN);
    struct postern_create_reply *reply = NULL;
    struct postern_error error;
    const struct postern_create_request request = {.account = "acme"};
    assert_int_equal(postern_create(client, &request, &reply, &error), POSTERN_NOT_FOUND);
    assert_null(reply);
    assert_int_equal(error.status, POSTERN_NOT_FOUND);
    assert_true(error.answered);
    assert_false(error.outcome_unknown);
    assert_string_equal(error.message, "no account \"acme\": make it first");
    assert_string_equal(error.field, "create.account");
    assert_string_equal(error.reason, "NO_ACCOUNT");
    assert_int_equal(peer_count(&peer), 1);
    postern_close(client);
    peer_stop(&peer);
}

// --------------------------------------------------------------------------------------------------- deadlines

static void a_server_that_never_answers_is_given_up_at_the_deadline(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, url, never_answer, NULL);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    struct postern_create_reply *reply = NULL;
    struct postern_error error;
    uint64_t before = now_ms();
    const struct postern_create_request request = {.call = {.timeout_ms = GIVEN_MS}, .account = "acme"};
    assert_int_equal(postern_create(client, &request, &reply, &error), POSTERN_DEADLINE_EXCEEDED);
    uint64_t took = now_ms() - before;
    assert_null(reply);
    assert_in_range(took, GIVEN_MS - 200, LONG_MS - 1);
    assert_false(error.answered);
    assert_true(error.outcome_unknown);
    assert_non_null(strstr(error.message, url));
    assert_non_null(strstr(error.message, "look before you repeat it"));
    assert_true(peer_count(&peer) >= 2); // asked again meanwhile
    assert_same_ids(&peer, 2);
    assert_in_range(peer_saw(&peer, 0).timeout_ms, 1, GIVEN_MS);
    assert_true(peer_saw(&peer, 1).timeout_ms < peer_saw(&peer, 0).timeout_ms);
    postern_close(client);
    peer_stop(&peer);
}

static void nobody_at_the_url_is_unavailable_and_says_what_to_do(void **state)
{
    (void)state;
    struct postern *client = opened(url, 200, POSTERN_FAIL_CLOSED);
    struct postern_health_reply *reply = NULL;
    struct postern_error error;
    uint64_t before = now_ms();
    assert_int_equal(postern_health(client, NULL, &reply, &error), POSTERN_UNAVAILABLE);
    assert_in_range(now_ms() - before, 150, LONG_MS);
    assert_false(error.answered);
    assert_false(error.outcome_unknown);
    assert_non_null(strstr(error.message, "cannot reach posternd at ipc://"));
    assert_non_null(strstr(error.message, "posternd --data DIR --listen"));
    postern_close(client);
}

static void waiting_longer_than_the_deadline_is_not_begun(void **state)
{
    (void)state;
    Postern__V1__Status status = POSTERN__V1__STATUS__INIT;
    status.code = POSTERN_UNAVAILABLE;
    status.message = text_data("draining");
    status.retry_after_ms = 10 * LONG_MS;
    struct peer peer;
    peer_start(&peer, url, always_fail, &status);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    struct postern_health_reply *reply = NULL;
    struct postern_error error;
    uint64_t before = now_ms();
    assert_int_equal(postern_health(client, NULL, &reply, &error), POSTERN_UNAVAILABLE);
    assert_true(now_ms() - before < LONG_MS);
    assert_true(error.answered);
    assert_int_equal(error.retry_after_ms, 10 * LONG_MS);
    assert_string_equal(error.message, "draining");
    postern_close(client);
    peer_stop(&peer);
}

// ------------------------------------------------------------------------------------------------ (re)connection

static void *ask_health(void *context)
{
    struct postern_health_reply *reply = NULL;
    enum postern_status status = postern_health(context, NULL, &reply, NULL);
    postern_reply_free(reply);
    return status == POSTERN_OK ? context : NULL;
}

static void a_call_waits_for_a_server_that_comes_late(void **state)
{
    (void)state;
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    pthread_t caller;
    assert_int_equal(pthread_create(&caller, NULL, ask_health, client), 0);
    struct peer peer;
    peer_start(&peer, url, always_answer, NULL);
    void *result = NULL;
    pthread_join(caller, &result);
    assert_ptr_equal(result, client);
    postern_close(client);
    peer_stop(&peer);
}

static void a_restarted_server_is_found_again(void **state)
{
    (void)state;
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    for (int run = 0; run < 3; run++) {
        struct peer peer;
        peer_start(&peer, url, always_answer, NULL);
        assert_ptr_equal(ask_health(client), client);
        peer_stop(&peer);
    }
    postern_close(client);
}

// Answers only on a connection that is not the first.
static enum peer_act dead_first_connection(void *context, unsigned n, const Postern__V1__Request *request,
                                           Postern__V1__Reply *reply)
{
    struct peer *peer = context;
    pthread_mutex_lock(&peer->lock);
    bool is_first = peer->seen[n < PEER_SEEN_MAX ? n : PEER_SEEN_MAX - 1].pipe == peer->seen[0].pipe;
    pthread_mutex_unlock(&peer->lock);
    return is_first ? PEER_IGNORE : answer(request, reply);
}

static void a_silent_tcp_connection_is_replaced_before_the_deadline(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, "tcp://127.0.0.1:0", dead_first_connection, &peer);
    int port = 0;
    assert_int_equal(nng_listener_get_int(peer.listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    char at[48];
    snprintf(at, sizeof at, "tcp://127.0.0.1:%d", port);
    struct postern *client = opened(at, 8000, POSTERN_FAIL_CLOSED);
    assert_ptr_equal(ask_health(client), client);
    postern_close(client);
    peer_stop(&peer);
}

// ------------------------------------------------------------------------------------------------------ policy

static void open_policy_lets_in_when_nobody_can_be_asked(void **state)
{
    (void)state;
    struct postern *client = opened(url, 100, POSTERN_FAIL_OPEN);
    struct postern_verify_reply *reply = NULL;
    struct postern_error error;
    assert_int_equal(postern_verify(client, &(struct postern_verify_request){0}, &reply, &error), POSTERN_OK);
    assert_true(reply->allowed);
    assert_true(reply->decided_by_policy);
    assert_int_equal(reply->http_status, 200);
    assert_string_equal(reply->key_id, "");
    assert_int_equal(error.status, POSTERN_UNAVAILABLE); // why the policy decided
    postern_reply_free(reply);

    struct postern_rate_check_reply *checked = NULL;
    const uint8_t id[POSTERN_ID_SIZE] = {0};
    struct postern_rate_check_request request = {.account = "acme", .charge_id = id};
    assert_int_equal(postern_rate_check(client, &request, &checked, NULL), POSTERN_OK);
    assert_true(checked->allowed && checked->decided_by_policy);
    postern_reply_free(checked);
    request.mode = POSTERN_RATE_CHECK_REFUND; // nobody gave anything back
    assert_int_equal(postern_rate_check(client, &request, &checked, NULL), POSTERN_UNAVAILABLE);
    assert_null(checked);
    postern_close(client);
}

static void closed_policy_gives_no_reply_at_all(void **state)
{
    (void)state;
    struct postern *client = opened(url, 100, POSTERN_FAIL_CLOSED);
    struct postern_verify_reply *reply = NULL;
    struct postern_error error;
    assert_int_equal(postern_verify(client, &(struct postern_verify_request){0}, &reply, &error), POSTERN_UNAVAILABLE);
    assert_null(reply);
    postern_close(client);
}

static void open_policy_does_not_cover_the_callers_mistakes(void **state)
{
    (void)state;
    Postern__V1__Status status = POSTERN__V1__STATUS__INIT;
    status.code = POSTERN_UNAUTHENTICATED;
    struct peer peer;
    peer_start(&peer, url, always_fail, &status);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_OPEN);
    struct postern_verify_reply *reply = NULL;
    assert_int_equal(postern_verify(client, &(struct postern_verify_request){0}, &reply, NULL),
                     POSTERN_UNAUTHENTICATED);
    assert_null(reply);
    postern_close(client);
    peer_stop(&peer);
}

// ---------------------------------------------------------------------------------------------------- requests

static void a_request_that_is_too_large_is_not_sent(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, url, always_answer, NULL);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    char *large = calloc(1, POSTERN_REQUEST_MAX + 1);
    assert_non_null(large);
    memset(large, 'a', POSTERN_REQUEST_MAX);
    struct postern_verify_reply *reply = NULL;
    struct postern_error error;
    const struct postern_verify_request request = {.api_key = large};
    assert_int_equal(postern_verify(client, &request, &reply, &error), POSTERN_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "65532"));
    assert_false(error.answered);
    assert_int_equal(peer_count(&peer), 0);
    large[POSTERN_REQUEST_MAX - 200] = '\0';
    assert_int_equal(postern_verify(client, &request, &reply, &error), POSTERN_OK);
    postern_reply_free(reply);
    free(large);
    postern_close(client);
    peer_stop(&peer);
}

static void one_subject_has_to_be_named(void **state)
{
    (void)state;
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    struct postern_rate_check_reply *checked = NULL;
    struct postern_revoke_reply *revoked = NULL;
    struct postern_error error;
    const struct postern_rate_check_request none = {0}, both = {.account = "a", .key_id = "k"};
    assert_int_equal(postern_rate_check(client, &none, &checked, &error), POSTERN_INVALID_ARGUMENT);
    assert_string_equal(error.field, "rate_check.subject");
    assert_int_equal(postern_rate_check(client, &both, &checked, &error), POSTERN_INVALID_ARGUMENT);
    const struct postern_revoke_request neither = {0};
    assert_int_equal(postern_revoke(client, &neither, &revoked, &error), POSTERN_INVALID_ARGUMENT);
    const struct postern_rate_check_request refund = {.account = "a", .mode = POSTERN_RATE_CHECK_REFUND};
    assert_int_equal(postern_rate_check(client, &refund, &checked, &error), POSTERN_INVALID_ARGUMENT);
    assert_string_equal(error.field, "rate_check.charge_id");
    postern_close(client);
}

static enum peer_act check_create(void *context, unsigned n, const Postern__V1__Request *request,
                                  Postern__V1__Reply *reply)
{
    (void)n;
    const Postern__V1__CreateRequest *create = request->create;
    bool *right = context;
    *right = create->n_scopes == 2 && memcmp(create->scopes[1].data, "b:c", 3) == 0 && create->n_limits == 1 &&
             create->limits[0]->amount == 60 && create->limits[0]->resource.len == 8 && create->n_metadata == 1 &&
             create->metadata[0]->value.len == 1 && create->environment == POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE &&
             create->expires_at_ms == 5 && create->n_allowed_addresses == 1 && create->prefix.len == 0;
    return answer(request, reply);
}

static void a_create_arrives_as_it_was_asked(void **state)
{
    (void)state;
    bool right = false;
    struct peer peer;
    peer_start(&peer, url, check_create, &right);
    struct postern *client = NULL;
    const struct postern_options options = {.url = url, .api_key = "the-credential"};
    assert_int_equal(postern_open(&options, &client, NULL), POSTERN_OK);
    const char *const scopes[] = {"a", "b:c"};
    const char *const addresses[] = {"10.0.0.0/8"};
    const struct postern_limit limits[] = {{.resource = "requests", .amount = 60, .window_s = 60}};
    const struct postern_entry metadata[] = {{"k", "v"}};
    const struct postern_create_request request = {.account = "acme",
                                                   .name = "n",
                                                   .environment = POSTERN_ENVIRONMENT_LIVE,
                                                   .scopes = scopes,
                                                   .scope_count = 2,
                                                   .expires_at_ms = 5,
                                                   .metadata = metadata,
                                                   .metadata_count = 1,
                                                   .limits = limits,
                                                   .limit_count = 1,
                                                   .allowed_addresses = addresses,
                                                   .allowed_address_count = 1};
    struct postern_create_reply *reply = NULL;
    assert_int_equal(postern_create(client, &request, &reply, NULL), POSTERN_OK);
    assert_true(right);
    assert_string_equal(peer_saw(&peer, 0).credential, "the-credential");
    postern_reply_free(reply);
    postern_close(client);
    peer_stop(&peer);
}

// Also of a size whose length takes another byte: the timeout that the library writes behind it stays where it is.
static void a_call_may_have_a_credential_of_its_own(void **state)
{
    (void)state;
    static char long_token[20001];
    memset(long_token, 'x', sizeof long_token - 1);
    const char *const tokens[] = {"on-behalf-of", long_token, "", NULL};
    struct peer peer;
    peer_start(&peer, url, always_answer, NULL);
    struct postern *client = NULL;
    const struct postern_options options = {.url = url, .api_key = "the-handles"};
    assert_int_equal(postern_open(&options, &client, NULL), POSTERN_OK);
    for (unsigned i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        const struct postern_health_request request = {.call.api_key = tokens[i]};
        struct postern_health_reply *reply = NULL;
        assert_int_equal(postern_health(client, &request, &reply, NULL), POSTERN_OK);
        const char *wanted = tokens[i] != NULL ? tokens[i] : "the-handles";
        assert_int_equal(strncmp(peer_saw(&peer, i).credential, wanted, sizeof peer_saw(&peer, i).credential - 1), 0);
        assert_in_range(peer_saw(&peer, i).timeout_ms, 1, POSTERN_TIMEOUT_MS_DEFAULT);
        postern_reply_free(reply);
    }
    postern_close(client);
    peer_stop(&peer);
}

static void a_url_that_is_none_is_refused_at_once(void **state)
{
    (void)state;
    const char *const urls[] = {
        "", "http://localhost", "ipc://", "/run/socket", "tcp://no-port", "abstract://x", "ipc:///run/s;max=verifier"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct postern *client = NULL;
        struct postern_error error;
        const struct postern_options options = {.url = urls[i]};
        assert_int_equal(postern_open(&options, &client, &error), POSTERN_INVALID_ARGUMENT);
        assert_null(client);
        assert_non_null(strstr(error.message, "ipc:///"));
    }
}

static void the_environment_gives_url_and_credential(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, url, always_answer, NULL);
    assert_int_equal(setenv("POSTERN_URL", url, 1), 0);
    assert_int_equal(setenv("POSTERN_API_KEY", "from-outside", 1), 0);
    struct postern *client = NULL;
    assert_int_equal(postern_open(NULL, &client, NULL), POSTERN_OK);
    assert_string_equal(postern_url(client), url);
    assert_ptr_equal(ask_health(client), client);
    assert_string_equal(peer_saw(&peer, 0).credential, "from-outside");
    postern_close(client);
    assert_int_equal(unsetenv("POSTERN_URL"), 0);
    assert_int_equal(unsetenv("POSTERN_API_KEY"), 0);
    assert_int_equal(postern_open(NULL, &client, NULL), POSTERN_INVALID_ARGUMENT);
    peer_stop(&peer);
}

// ----------------------------------------------------------------------------------------------------- threads

enum { THREADS = 64, CALLS = 25 };

// Answers with the account that was asked for.
static enum peer_act echo_account(void *context, unsigned n, const Postern__V1__Request *request,
                                  Postern__V1__Reply *reply)
{
    (void)context;
    (void)n;
    static _Thread_local Postern__V1__VerifyReply mine;
    mine = allowed_verify;
    mine.account = request->verify->account;
    reply->result_case = POSTERN__V1__REPLY__RESULT_VERIFY;
    reply->verify = &mine;
    return PEER_ANSWER;
}

struct caller {
    pthread_t thread;
    struct postern *client;
    unsigned number;
    unsigned right;
};

static void *call_often(void *context)
{
    struct caller *caller = context;
    for (unsigned i = 0; i < CALLS; i++) {
        char account[32];
        snprintf(account, sizeof account, "account-%u-%u", caller->number, i);
        const struct postern_verify_request request = {.account = account};
        struct postern_verify_reply *reply = NULL;
        if (postern_verify(caller->client, &request, &reply, NULL) == POSTERN_OK)
            caller->right += strcmp(reply->account, account) == 0;
        postern_reply_free(reply);
    }
    return NULL;
}

static void many_threads_share_one_handle(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, url, echo_account, NULL);
    struct postern *client = opened(url, LONG_MS, POSTERN_FAIL_CLOSED);
    struct caller callers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.client = client, .number = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].right, CALLS);
    }
    postern_close(client);
    peer_stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_connection_is_repeated_with_the_same_request_id),
        cmocka_unit_test(an_answer_that_is_no_message_ends_the_call),
        cmocka_unit_test(an_answer_to_another_request_ends_the_call),
        cmocka_unit_test(a_verify_without_an_answer_is_repeated_with_the_same_charge_id),
        cmocka_unit_test(a_peek_carries_no_charge_id_and_a_callers_own_is_kept),
        cmocka_unit_test(unavailable_is_repeated_after_the_span_that_it_names),
        cmocka_unit_test(every_other_status_is_final_and_tells_what_the_server_said),
        cmocka_unit_test(a_server_that_never_answers_is_given_up_at_the_deadline),
        cmocka_unit_test(nobody_at_the_url_is_unavailable_and_says_what_to_do),
        cmocka_unit_test(waiting_longer_than_the_deadline_is_not_begun),
        cmocka_unit_test(a_call_waits_for_a_server_that_comes_late),
        cmocka_unit_test(a_restarted_server_is_found_again),
        cmocka_unit_test(a_silent_tcp_connection_is_replaced_before_the_deadline),
        cmocka_unit_test(open_policy_lets_in_when_nobody_can_be_asked),
        cmocka_unit_test(closed_policy_gives_no_reply_at_all),
        cmocka_unit_test(open_policy_does_not_cover_the_callers_mistakes),
        cmocka_unit_test(a_request_that_is_too_large_is_not_sent),
        cmocka_unit_test(one_subject_has_to_be_named),
        cmocka_unit_test(a_create_arrives_as_it_was_asked),
        cmocka_unit_test(a_url_that_is_none_is_refused_at_once),
        cmocka_unit_test(the_environment_gives_url_and_credential),
        cmocka_unit_test(a_call_may_have_a_credential_of_its_own),
        cmocka_unit_test(many_threads_share_one_handle),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
