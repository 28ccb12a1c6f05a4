// Nobody makes more of a credential than it is: over the wire, with the real registry.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rpc_asks.h"

static const char *const admin_scopes[3] = {"postern:account-admin", "docs:*", "mail"};

struct scene {
    struct rpc_fixture fixture;
    struct rpc_listener listeners[3];
    char tcp[RPC_FIXTURE_TCP_URL_SIZE];
    const Postern__V1__CreateReply *admin; // of acme: docs:* and mail, test
    const Postern__V1__CreateReply *other; // a key of the account other
};

static void fill(struct scene *scene)
{
    struct rpc_fixture *fixture = &scene->fixture;
    (void)assert_ok(rpc_fixture_put_tier(fixture, "free", 1000));
    put_account(fixture, "acme");
    put_account(fixture, "other");
    (void)assert_ok(put_scope(fixture, "mail", NULL));
    (void)assert_ok(put_scope(fixture, "docs:read", NULL));
    (void)assert_ok(put_scope(fixture, "billing", NULL));
    (void)assert_ok(put_scope(fixture, "docs:publish", "billing")); // more than its name says
    scene->admin = make(fixture, "acme", admin_scopes);
    scene->other = make(fixture, "other", NULL);
}

static int set_up(void **state)
{
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    rpc_fixture_open(&scene.fixture);
    rpc_fixture_tcp_url(scene.tcp);
    memcpy(scene.listeners, scene.fixture.listeners, sizeof scene.fixture.listeners);
    scene.listeners[2] = (struct rpc_listener){scene.tcp, RPC_OPERATOR};
    scene.fixture.options.listeners = scene.listeners;
    scene.fixture.options.listener_count = 3;
    rpc_fixture_serve(&scene.fixture);
    fill(&scene);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    rpc_fixture_close(&scene->fixture);
    return 0;
}

// The fixture's client, from now on over this address.
static void dial(struct scene *scene, const char *url)
{
    nng_close(scene->fixture.client);
    scene->fixture.client = rpc_fixture_dial(url);
}

// --- every call, with every credential

// A call without any content: what it takes is asked before what it says.
static const Postern__V1__Reply *ask_empty(struct scene *scene, ProtobufCBinaryData credential, unsigned tag)
{
    Postern__V1__Request request = rpc_fixture_request(&scene->fixture);
    request.credential = credential;
    struct slice head = rpc_fixture_pack(&scene->fixture, &request);
    uint8_t *bytes = arena_alloc(scene->fixture.arena, head.size + 3);
    memcpy(bytes, head.data, head.size);
    bytes[head.size] = (uint8_t)((tag << 3 | 2) & 0x7F) | 0x80;
    bytes[head.size + 1] = (uint8_t)(tag >> 4);
    bytes[head.size + 2] = 0;
    return rpc_fixture_read(&scene->fixture, rpc_fixture_exchange(&scene->fixture, scene->fixture.client,
                                                                  slice_make(bytes, head.size + 3)));
}

static void credential_opens_its_calls_and_no_other(void **state)
{
    struct scene *scene = *state;
    static const unsigned tags[] = {16, 17, 18, 32, 33, 34, 35, 36, 37, 38, 39, 48, 49, 50,
                                    51, 52, 53, 54, 55, 56, 57, 58, 64, 65, 66, 67, 68, 69};
    static const struct {
        const char *account;
        const char *scopes[3];
        const char *opens; // one letter for each tag: x = may call
    } cases[] = {
        {"acme", {"mail"}, "......................x....."},
        {"acme", {"admin"}, "......................x....."},
        {"acme", {"postern:verify"}, "xxx...................x....."},
        {"acme", {"postern:ratecheck"}, "..x...................x....."},
        {"acme", {"postern:account-admin"}, "...xxxxxx.x.x....x....x.xx.."},
        {"acme", {"postern:account-admin", "postern:verify"}, "xxxxxxxxx.x.x....x....x.xx.."},
        {"postern", {"postern:operator"}, "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ProtobufCBinaryData token = make(&scene->fixture, cases[i].account, cases[i].scopes)->api_key;
        for (size_t j = 0; j < sizeof tags / sizeof *tags; j++) {
            const Postern__V1__Reply *reply = ask_empty(scene, token, tags[j]);
            bool denied = reply->status->code == STATUS_PERMISSION_DENIED;
            if (denied != (cases[i].opens[j] == '.'))
                fail_msg("%s, tag %u: %s", cases[i].scopes[0], tags[j], status_name((enum status)reply->status->code));
        }
    }
}

static void off_ipc_a_credential_is_required(void **state)
{
    struct scene *scene = *state;
    const char *const verify[3] = {"postern:verify"};
    ProtobufCBinaryData token = make(&scene->fixture, "acme", verify)->api_key;
    dial(scene, scene->tcp);
    const Postern__V1__Reply *reply = ask_empty(scene, nothing(), ASK(VERIFY));
    assert_status(reply, STATUS_UNAUTHENTICATED, "credential");
    assert_text(reply->status->reason, "MISSING_API_KEY");
    (void)assert_ok(ask_empty(scene, nothing(), ASK(HEALTH)));
    (void)assert_ok(ask_empty(scene, token, ASK(VERIFY)));
    assert_status(ask_empty(scene, token, ASK(LIST_TIERS)), STATUS_PERMISSION_DENIED, "");
}

static void holder_of_a_secret_token_may_revoke_its_key_without_authority(void **state)
{
    struct scene *scene = *state;
    dial(scene, scene->tcp);
    Postern__V1__RevokeRequest request = POSTERN__V1__REVOKE_REQUEST__INIT;
    request.which_case = POSTERN__V1__REVOKE_REQUEST__WHICH_API_KEY;
    request.api_key = scene->other->api_key;
    const Postern__V1__Reply *reply = assert_ok(ask(&scene->fixture, nothing(), ASK(REVOKE), &request));
    assert_int_equal(reply->revoke->key->state, POSTERN__V1__KEY_STATE__KEY_STATE_REVOKED);
}

// --- credentials that are no good

static void assert_refused(struct scene *scene, ProtobufCBinaryData token, const char *reason)
{
    const Postern__V1__Reply *reply = ask_empty(scene, token, ASK(HEALTH)); // open to anyone, also to root
    assert_status(reply, STATUS_UNAUTHENTICATED, "credential");
    assert_text(reply->status->reason, reason);
    assert_true(says(reply, reason));
}

static void bad_credential_is_unauthenticated_with_its_reason(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    static const char *const network[] = {"127.0.0.0/8"};
    assert_refused(scene, rpc_fixture_text("nonsense"), "INVALID_API_KEY");

    Postern__V1__CreateRequest create = create_of(fixture, "acme", NULL);
    create.type = POSTERN__V1__KEY_TYPE__KEY_TYPE_PUBLIC;
    assert_refused(scene, assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create->api_key,
                   "SECRET_KEY_REQUIRED");

    create = create_of(fixture, "acme", admin_scopes);
    create.allowed_addresses = texts(fixture, network, 1);
    create.n_allowed_addresses = 1;
    assert_refused(scene, assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create->api_key,
                   "ADDRESS_NOT_ALLOWED"); // over ipc none is known

    create = create_of(fixture, "acme", admin_scopes);
    create.expires_at_ms = clock_now_ms(fixture->clock) + 60000;
    ProtobufCBinaryData token = assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create->api_key;
    (void)assert_ok(ask_empty(scene, token, ASK(HEALTH)));
    atomic_fetch_add(&fixture->ahead_ms, 60000);
    assert_refused(scene, token, "EXPIRED_API_KEY");

    const Postern__V1__CreateReply *key = make(fixture, "acme", admin_scopes);
    (void)assert_ok(set_enabled(fixture, nothing(), key->key->key_id, false));
    assert_refused(scene, key->api_key, "DISABLED_API_KEY");
    (void)assert_ok(set_enabled(fixture, nothing(), key->key->key_id, true));
    (void)assert_ok(ask_empty(scene, key->api_key, ASK(HEALTH)));
    (void)assert_ok(delete_key(fixture, nothing(), key->key->key_id));
    assert_refused(scene, key->api_key, "REVOKED_API_KEY");

    (void)assert_ok(revoke_key(fixture, nothing(), scene->other->key->key_id));
    assert_refused(scene, scene->other->api_key, "REVOKED_API_KEY");

    Postern__V1__PutAccountRequest put = account_of("acme");
    put.suspended = true;
    (void)assert_ok(ask(fixture, nothing(), ASK(PUT_ACCOUNT), &put));
    assert_refused(scene, scene->admin->api_key, "ACCOUNT_SUSPENDED");
}

static void address_list_of_a_credential_counts_over_tcp(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    static const char *const networks[] = {"127.0.0.0/8", "10.0.0.0/8"};
    ProtobufCBinaryData tokens[2];
    for (size_t i = 0; i < 2; i++) {
        Postern__V1__CreateRequest create = create_of(fixture, "acme", admin_scopes);
        create.allowed_addresses = texts(fixture, &networks[i], 1);
        create.n_allowed_addresses = 1;
        tokens[i] = assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create->api_key;
    }
    dial(scene, scene->tcp);
    (void)assert_ok(ask_empty(scene, tokens[0], ASK(LIST)));
    assert_refused(scene, tokens[1], "ADDRESS_NOT_ALLOWED");
}

// --- scopes

static void admin_grants_no_scope_that_it_lacks(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    static const char *const beyond[][3] = {{"mail", "billing"}, {"admin"}, {"docs:read", "docs:publish"}};
    static const size_t at[] = {1, 0, 1};
    const char *const fine[3] = {"docs:read", "mail"};
    ProtobufCBinaryData admin = scene->admin->api_key;
    Postern__V1__CreateRequest create = create_of(fixture, "acme", fine);
    const Postern__V1__CreateReply *made = assert_ok(ask(fixture, admin, ASK(CREATE), &create))->create;
    assert_true(slice_equal(slice_of(made->key->created_by), slice_of(scene->admin->key->key_id)));
    for (size_t i = 0; i < 3; i++) {
        char field[32];
        create = create_of(fixture, "acme", beyond[i]);
        (void)snprintf(field, sizeof field, "create.scopes[%zu]", at[i]);
        assert_status(ask(fixture, admin, ASK(CREATE), &create), STATUS_PERMISSION_DENIED, field);
        (void)snprintf(field, sizeof field, "update.scopes[%zu]", at[i]);
        assert_status(update_scopes(fixture, admin, made->key->key_id, beyond[i]), STATUS_PERMISSION_DENIED, field);
        assert_status(update_scopes(fixture, admin, scene->admin->key->key_id, beyond[i]), STATUS_PERMISSION_DENIED,
                      "update.key_id"); // its own
    }
}

static void nobody_but_operators_grants_the_scopes_of_the_daemon(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    static const char *const scopes[][3] = {
        {"postern:verify"}, {"postern:ratecheck"}, {"postern:account-admin"}, {"postern:operator"}};
    for (size_t i = 0; i < 4; i++) {
        Postern__V1__CreateRequest create = create_of(fixture, "acme", scopes[i]);
        assert_status(ask(fixture, scene->admin->api_key, ASK(CREATE), &create), STATUS_PERMISSION_DENIED,
                      "create.scopes[0]");
        assert_status(update_scopes(fixture, scene->admin->api_key, scene->admin->key->key_id, scopes[i]),
                      STATUS_PERMISSION_DENIED, "update.key_id");
    }
    Postern__V1__CreateRequest create = create_of(fixture, "acme", scopes[3]);
    assert_status(ask(fixture, nothing(), ASK(CREATE), &create), STATUS_INVALID_ARGUMENT, "create.scopes[0]");
    create = create_of(fixture, "acme", scopes[0]);
    create.type = POSTERN__V1__KEY_TYPE__KEY_TYPE_PUBLIC;
    assert_status(ask(fixture, nothing(), ASK(CREATE), &create), STATUS_INVALID_ARGUMENT, "create.scopes[0]");
}

static void no_wildcard_reaches_the_scopes_of_the_daemon(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    const char *const wildcard[3] = {"postern:*"};
    Postern__V1__CreateRequest create = create_of(fixture, "acme", wildcard);
    assert_int_not_equal(ask(fixture, nothing(), ASK(CREATE), &create)->status->code, STATUS_OK);
    assert_int_not_equal(ask(fixture, scene->admin->api_key, ASK(CREATE), &create)->status->code, STATUS_OK);
    const char *const star[3] = {"*"};
    create = create_of(fixture, "acme", star);
    assert_status(ask(fixture, nothing(), ASK(CREATE), &create), STATUS_INVALID_ARGUMENT, "create.scopes[0]");
    assert_status(put_scope(fixture, "postern:mine", NULL), STATUS_INVALID_ARGUMENT, "put_scope.scope");
    assert_status(put_scope(fixture, "tools", "postern:operator"), STATUS_INVALID_ARGUMENT, "put_scope.implies[0]");
    assert_status(put_scope(fixture, "tools", "postern:*"), STATUS_INVALID_ARGUMENT, "put_scope.implies[0]");
}

static void admin_scope_is_no_authority_over_the_daemon(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    const char *const admin[3] = {"admin"};
    const char *const needed[] = {"billing", "postern:operator"};
    const Postern__V1__CreateReply *key = make(fixture, "acme", admin);
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.api_key = key->api_key;
    verify.scopes = texts(fixture, needed, 2);
    verify.n_scopes = 2;
    const Postern__V1__Reply *reply = assert_ok(ask(fixture, nothing(), ASK(VERIFY), &verify));
    assert_int_equal(reply->verify->reason, REASON_INSUFFICIENT_SCOPE);
    assert_int_equal(reply->verify->n_missing_scopes, 1);
    assert_text(reply->verify->missing_scopes[0], "postern:operator");
    reply = ask_empty(scene, key->api_key, ASK(LIST));
    assert_status(reply, STATUS_PERMISSION_DENIED, "");
    assert_true(says(reply, "postern:account-admin"));
}

// --- broader and live keys

static void admin_neither_rolls_nor_enables_a_broader_key(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    const char *const broader[3] = {"mail", "billing"};
    const Postern__V1__CreateReply *key = make(fixture, "acme", broader);
    ProtobufCBinaryData admin = scene->admin->api_key, id = key->key->key_id;
    assert_status(roll_key(fixture, admin, id), STATUS_PERMISSION_DENIED, "roll.key_id");
    (void)assert_ok(set_enabled(fixture, nothing(), id, false));
    assert_status(set_enabled(fixture, admin, id, true), STATUS_PERMISSION_DENIED, "update.key_id");
    (void)assert_ok(revoke_key(fixture, admin, id)); // taking away is no escalation
}

static void test_key_as_credential_touches_no_live_key(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    const char *const mail[3] = {"mail"};
    ProtobufCBinaryData admin = scene->admin->api_key;
    Postern__V1__CreateRequest create = create_of(fixture, "acme", mail);
    create.environment = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE;
    assert_status(ask(fixture, admin, ASK(CREATE), &create), STATUS_PERMISSION_DENIED, "create.environment");
    const Postern__V1__CreateReply *live = assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create;
    assert_status(roll_key(fixture, admin, live->key->key_id), STATUS_PERMISSION_DENIED, "roll.key_id");
    (void)assert_ok(set_enabled(fixture, nothing(), live->key->key_id, false));
    assert_status(set_enabled(fixture, admin, live->key->key_id, true), STATUS_PERMISSION_DENIED, "update.key_id");

    create = create_of(fixture, "acme", admin_scopes); // a live credential makes both
    create.environment = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE;
    admin = assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create->api_key;
    create = create_of(fixture, "acme", mail);
    (void)assert_ok(ask(fixture, admin, ASK(CREATE), &create));
    create.environment = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE;
    (void)assert_ok(ask(fixture, admin, ASK(CREATE), &create));
}

// --- limits and settings

static void admin_raises_no_limit_of_its_own(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    static const char *const mask[] = {"limits"};
    Postern__V1__CreateRequest create = create_of(fixture, "acme", admin_scopes);
    create.limits = hourly(fixture, 10);
    create.n_limits = 1;
    const Postern__V1__CreateReply *bounded = assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create;
    const char *const mail[3] = {"mail"};
    create = create_of(fixture, "acme", mail);
    assert_status(ask(fixture, bounded->api_key, ASK(CREATE), &create), STATUS_PERMISSION_DENIED, "create.limits");
    create.limits = hourly(fixture, 11);
    create.n_limits = 1;
    assert_status(ask(fixture, bounded->api_key, ASK(CREATE), &create), STATUS_PERMISSION_DENIED, "create.limits");
    create.limits = hourly(fixture, 10);
    (void)assert_ok(ask(fixture, bounded->api_key, ASK(CREATE), &create));

    Postern__V1__UpdateRequest update = POSTERN__V1__UPDATE_REQUEST__INIT;
    update.key_id = bounded->key->key_id;
    update.update_mask = texts(fixture, mask, 1);
    update.n_update_mask = 1;
    assert_status(ask(fixture, bounded->api_key, ASK(UPDATE), &update), STATUS_PERMISSION_DENIED, "update.key_id");
    update.limits = hourly(fixture, 11);
    update.n_limits = 1;
    assert_status(ask(fixture, bounded->api_key, ASK(UPDATE), &update), STATUS_PERMISSION_DENIED, "update.key_id");
    update.limits = hourly(fixture, 9); // its own key it does not change at all
    assert_status(ask(fixture, bounded->api_key, ASK(UPDATE), &update), STATUS_PERMISSION_DENIED, "update.key_id");
}

static void admin_changes_no_setting_of_its_account(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    const char *const mail[3] = {"mail"};
    Postern__V1__PutAccountRequest put = account_of("acme");
    put.max_keys = 2;
    (void)assert_ok(ask(fixture, nothing(), ASK(PUT_ACCOUNT), &put));
    Postern__V1__CreateRequest create = create_of(fixture, "acme", mail);
    (void)assert_ok(ask(fixture, scene->admin->api_key, ASK(CREATE), &create));
    assert_status(ask(fixture, scene->admin->api_key, ASK(CREATE), &create), STATUS_RESOURCE_EXHAUSTED,
                  "create.account");
    put.max_keys = 100;
    const Postern__V1__Reply *reply = ask(fixture, scene->admin->api_key, ASK(PUT_ACCOUNT), &put);
    assert_status(reply, STATUS_PERMISSION_DENIED, "");
    assert_true(says(reply, "postern:operator"));
}

// --- other accounts

static void what_is_anothers_is_not_there(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    ProtobufCBinaryData admin = scene->admin->api_key;
    // the same whether the key is somebody else's or nobody's
    ProtobufCBinaryData ids[] = {scene->other->key->key_id, rpc_fixture_text("key_000000000000001")};
    for (size_t i = 0; i < 2; i++) {
        assert_status(get_key(fixture, admin, ids[i]), STATUS_NOT_FOUND, "get.key_id");
        assert_status(set_enabled(fixture, admin, ids[i], true), STATUS_NOT_FOUND, "update.key_id");
        assert_status(roll_key(fixture, admin, ids[i]), STATUS_NOT_FOUND, "roll.key_id");
        assert_status(revoke_key(fixture, admin, ids[i]), STATUS_NOT_FOUND, "revoke.key_id");
        assert_status(delete_key(fixture, admin, ids[i]), STATUS_NOT_FOUND, "delete.key_id");
    }
    static const char *const accounts[] = {"other", "nobody"};
    for (size_t i = 0; i < 2; i++) {
        Postern__V1__CreateRequest create = create_of(fixture, accounts[i], NULL);
        Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
        Postern__V1__ListChangesRequest changes = POSTERN__V1__LIST_CHANGES_REQUEST__INIT;
        list.account = changes.account = create.account;
        assert_status(ask(fixture, admin, ASK(CREATE), &create), STATUS_NOT_FOUND, "create.account");
        assert_status(ask(fixture, admin, ASK(LIST), &list), STATUS_NOT_FOUND, "list.account");
        assert_status(ask(fixture, admin, ASK(LIST_CHANGES), &changes), STATUS_NOT_FOUND, "list_changes.account");
    }
    (void)assert_ok(get_key(fixture, nothing(), scene->other->key->key_id));
}

static void lists_of_an_admin_hold_its_own_account_only(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    Postern__V1__ListChangesRequest changes = POSTERN__V1__LIST_CHANGES_REQUEST__INIT;
    const Postern__V1__Reply *reply = assert_ok(ask(fixture, scene->admin->api_key, ASK(LIST), &list));
    assert_int_equal(reply->list->n_keys, 1);
    assert_text(reply->list->keys[0]->account, "acme");
    reply = assert_ok(ask(fixture, scene->admin->api_key, ASK(LIST_CHANGES), &changes));
    assert_int_equal(reply->list_changes->n_changes, 2); // the account, and its key
    for (size_t i = 0; i < reply->list_changes->n_changes; i++)
        assert_text(reply->list_changes->changes[i]->account, "acme");
    changes.key_id = scene->other->key->key_id;
    reply = assert_ok(ask(fixture, scene->admin->api_key, ASK(LIST_CHANGES), &changes));
    assert_int_equal(reply->list_changes->n_changes, 0);
}

static const Postern__V1__Reply *rate_check(struct scene *scene, ProtobufCBinaryData credential, int by,
                                            ProtobufCBinaryData whom)
{
    Postern__V1__RateCheckRequest check = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    Postern__V1__Charge charge = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[] = {&charge};
    charge.resource = rpc_fixture_text("requests");
    check.charges = charges;
    check.n_charges = 1;
    check.subject_case = (Postern__V1__RateCheckRequest__SubjectCase)by;
    check.account = whom; // whichever member it is
    return ask(&scene->fixture, credential, ASK(RATE_CHECK), &check);
}

static void verifier_checks_the_rates_of_its_own_account(void **state)
{
    struct scene *scene = *state;
    enum {
        BY_TOKEN = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_API_KEY,
        BY_ID = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_KEY_ID,
        BY_ACCOUNT = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT
    };
    const char *const verify[3] = {"postern:verify"}, *const check[3] = {"postern:ratecheck"};
    ProtobufCBinaryData verifier = make(&scene->fixture, "acme", verify)->api_key;
    ProtobufCBinaryData checker = make(&scene->fixture, "acme", check)->api_key;
    const struct {
        int by;
        ProtobufCBinaryData own, other;
        const char *field;
    } cases[] = {
        {BY_TOKEN, scene->admin->api_key, scene->other->api_key, "rate_check.api_key"},
        {BY_ID, scene->admin->key->key_id, scene->other->key->key_id, "rate_check.key_id"},
        {BY_ACCOUNT, rpc_fixture_text("acme"), rpc_fixture_text("other"), "rate_check.account"},
    };
    for (size_t i = 0; i < 3; i++) {
        assert_true(assert_ok(rate_check(scene, verifier, cases[i].by, cases[i].own))->rate_check->allowed);
        assert_status(rate_check(scene, verifier, cases[i].by, cases[i].other), STATUS_NOT_FOUND, cases[i].field);
        assert_true(assert_ok(rate_check(scene, checker, cases[i].by, cases[i].other))->rate_check->allowed);
        assert_true(assert_ok(rate_check(scene, nothing(), cases[i].by, cases[i].other))->rate_check->allowed);
    }
    const Postern__V1__Reply *reply = assert_ok(rate_check(scene, verifier, BY_TOKEN, rpc_fixture_text("wrong")));
    assert_int_equal(reply->rate_check->reason, REASON_INVALID_API_KEY);
    assert_status(rate_check(scene, verifier, BY_ID, rpc_fixture_text("key_000000000000001")), STATUS_NOT_FOUND,
                  "rate_check.key_id");
}

// --- retries

static void request_id_of_another_caller_gives_nothing(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    const char *const mail[3] = {"mail"};
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__CreateRequest create = create_of(fixture, "acme", mail);
    request.call_case = ASK(CREATE);
    request.create = &create;
    request.credential = scene->admin->api_key;
    const Postern__V1__Reply *first = assert_ok(rpc_fixture_ask(fixture, &request));
    const Postern__V1__Reply *again = assert_ok(rpc_fixture_ask(fixture, &request));
    assert_true(slice_equal(slice_of(first->create->api_key), slice_of(again->create->api_key)));
    request.credential = nothing(); // the operator, by his uid
    const Postern__V1__Reply *other = assert_ok(rpc_fixture_ask(fixture, &request));
    assert_false(slice_equal(slice_of(first->create->api_key), slice_of(other->create->api_key)));
    request.credential = scene->admin->api_key; // and not after it was revoked
    (void)assert_ok(revoke_key(fixture, nothing(), scene->admin->key->key_id));
    assert_status(rpc_fixture_ask(fixture, &request), STATUS_UNAUTHENTICATED, "credential");
}

static void page_of_another_caller_is_refused(void **state)
{
    struct scene *scene = *state;
    struct rpc_fixture *fixture = &scene->fixture;
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    (void)make(fixture, "acme", NULL);
    list.account = rpc_fixture_text("acme");
    list.page_size = 1;
    list.page_token = assert_ok(ask(fixture, scene->admin->api_key, ASK(LIST), &list))->list->next_page_token;
    assert_int_not_equal(list.page_token.len, 0);
    assert_status(ask(fixture, nothing(), ASK(LIST), &list), STATUS_INVALID_ARGUMENT, "list.page_token");
    (void)assert_ok(ask(fixture, scene->admin->api_key, ASK(LIST), &list));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(credential_opens_its_calls_and_no_other),
        TEST(off_ipc_a_credential_is_required),
        TEST(holder_of_a_secret_token_may_revoke_its_key_without_authority),
        TEST(bad_credential_is_unauthenticated_with_its_reason),
        TEST(address_list_of_a_credential_counts_over_tcp),
        TEST(admin_grants_no_scope_that_it_lacks),
        TEST(nobody_but_operators_grants_the_scopes_of_the_daemon),
        TEST(no_wildcard_reaches_the_scopes_of_the_daemon),
        TEST(admin_scope_is_no_authority_over_the_daemon),
        TEST(admin_neither_rolls_nor_enables_a_broader_key),
        TEST(test_key_as_credential_touches_no_live_key),
        TEST(admin_raises_no_limit_of_its_own),
        TEST(admin_changes_no_setting_of_its_account),
        TEST(what_is_anothers_is_not_there),
        TEST(lists_of_an_admin_hold_its_own_account_only),
        TEST(verifier_checks_the_rates_of_its_own_account),
        TEST(request_id_of_another_caller_gives_nothing),
        TEST(page_of_another_caller_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
