// Who was answered what, how often and when last: as Get, List and GetUsage tell it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rpc_asks.h"

static int set_up(void **state)
{
    static struct rpc_fixture fixture;
    open_with_accounts(&fixture, 1000);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

static void set_limit(struct rpc_fixture *fixture, uint64_t amount)
{
    (void)assert_ok(rpc_fixture_put_tier(fixture, "free", amount));
}

static Postern__V1__VerifyRequest verify_of(const Postern__V1__CreateReply *key, const char *address)
{
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.api_key = key->api_key;
    verify.remote_address = rpc_fixture_text(address);
    return verify;
}

static void assert_answer(struct rpc_fixture *fixture, const Postern__V1__VerifyRequest *verify, enum reason reason)
{
    assert_int_equal(assert_ok(ask(fixture, nothing(), ASK(VERIFY), verify))->verify->reason, reason);
}

static void verify_from(struct rpc_fixture *fixture, const Postern__V1__CreateReply *key, const char *address,
                        enum reason reason)
{
    Postern__V1__VerifyRequest verify = verify_of(key, address);
    assert_answer(fixture, &verify, reason);
}

static const Postern__V1__Key *look(struct rpc_fixture *fixture, const Postern__V1__CreateReply *key)
{
    return assert_ok(get_key(fixture, nothing(), key->key->key_id))->get->key;
}

static void assert_used_from(struct rpc_fixture *fixture, const Postern__V1__CreateReply *key, const char *address)
{
    const Postern__V1__Key *found = look(fixture, key);
    assert_text(found->last_used_address, address);
    assert_true(found->last_used_at_ms >= key->key->created_at_ms);
    assert_true(found->last_used_at_ms <= clock_now_ms(fixture->clock));
}

static void assert_never_used(struct rpc_fixture *fixture, const Postern__V1__CreateReply *key)
{
    const Postern__V1__Key *found = look(fixture, key);
    assert_int_equal(found->last_used_at_ms, 0);
    assert_int_equal(found->last_used_address.len, 0);
}

// --- last use

static void last_use_moves_with_what_is_allowed_or_refused_to_a_good_key(void **state)
{
    struct rpc_fixture *fixture = *state;
    set_limit(fixture, 1);
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    assert_never_used(fixture, key);
    verify_from(fixture, key, "192.0.2.1", REASON_ALLOWED);
    assert_used_from(fixture, key, "192.0.2.1");
    verify_from(fixture, key, "192.0.2.2", REASON_RATE_LIMITED);
    assert_used_from(fixture, key, "192.0.2.2");
    Postern__V1__VerifyRequest elsewhere = verify_of(key, "192.0.2.3");
    elsewhere.account = rpc_fixture_text("other");
    assert_answer(fixture, &elsewhere, REASON_WRONG_ACCOUNT);
    assert_used_from(fixture, key, "192.0.2.3");
}

static void peek_is_no_use(void **state)
{
    struct rpc_fixture *fixture = *state;
    set_limit(fixture, 10);
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    Postern__V1__VerifyRequest peek = verify_of(key, "192.0.2.1");
    peek.peek = true;
    assert_answer(fixture, &peek, REASON_ALLOWED);
    assert_never_used(fixture, key);
    verify_from(fixture, key, "192.0.2.2", REASON_ALLOWED);
    assert_answer(fixture, &peek, REASON_ALLOWED);
    assert_used_from(fixture, key, "192.0.2.2");
}

static void revoked_key_is_not_used_any_more(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    (void)assert_ok(revoke_key(fixture, nothing(), key->key->key_id));
    verify_from(fixture, key, "192.0.2.1", REASON_REVOKED_API_KEY);
    assert_never_used(fixture, key);
}

static void strangers_text_is_noted_for_no_key(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    char text[128];
    memcpy(text, key->api_key.data, key->api_key.len);
    char *last = &text[key->api_key.len - 1];
    *last = *last == 'a' ? 'b' : 'a';
    Postern__V1__VerifyRequest verify = verify_of(key, "192.0.2.1");
    verify.api_key = (ProtobufCBinaryData){key->api_key.len, (uint8_t *)text};
    assert_answer(fixture, &verify, REASON_INVALID_API_KEY);
    assert_never_used(fixture, key);
}

static size_t count_never_used(struct rpc_fixture *fixture, const Postern__V1__CreateReply *wanted)
{
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.account = rpc_fixture_text("acme");
    list.never_used = true;
    const Postern__V1__ListReply *reply = assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list;
    for (size_t i = 0; i < reply->n_keys; i++)
        assert_true(slice_equal(slice_of(reply->keys[i]->key_id), slice_of(wanted->key->key_id)));
    return reply->n_keys;
}

static void list_finds_keys_that_were_never_used(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *used = make(fixture, "acme", NULL);
    const Postern__V1__CreateReply *fresh = make(fixture, "acme", NULL);
    verify_from(fixture, used, "192.0.2.1", REASON_ALLOWED);
    assert_int_equal(count_never_used(fixture, fresh), 1);
    Postern__V1__ListRequest all = POSTERN__V1__LIST_REQUEST__INIT;
    all.account = rpc_fixture_text("acme");
    const Postern__V1__ListReply *reply = assert_ok(ask(fixture, nothing(), ASK(LIST), &all))->list;
    assert_int_equal(reply->n_keys, 2);
    for (size_t i = 0; i < 2; i++) {
        bool is_used = slice_equal(slice_of(reply->keys[i]->key_id), slice_of(used->key->key_id));
        assert_text(reply->keys[i]->last_used_address, is_used ? "192.0.2.1" : "");
    }
    verify_from(fixture, fresh, "192.0.2.1", REASON_ALLOWED);
    assert_int_equal(count_never_used(fixture, fresh), 0);
}

// --- counts

static const Postern__V1__GetUsageReply *usage_of(struct rpc_fixture *fixture, const char *account,
                                                  ProtobufCBinaryData key_id)
{
    Postern__V1__GetUsageRequest get = POSTERN__V1__GET_USAGE_REQUEST__INIT;
    get.bucket_s = 86400;
    get.subject_case = account != NULL ? POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_ACCOUNT
                                       : POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_KEY_ID;
    get.account = account != NULL ? rpc_fixture_text(account) : key_id;
    return assert_ok(ask(fixture, nothing(), ASK(GET_USAGE), &get))->get_usage;
}

static uint64_t total(const Postern__V1__GetUsageReply *reply, bool costs, const char *name)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < reply->n_buckets; i++) {
        const Postern__V1__UsageBucket *bucket = reply->buckets[i];
        Postern__V1__Counter **counters = costs ? bucket->costs : bucket->reasons;
        for (size_t j = 0; j < (costs ? bucket->n_costs : bucket->n_reasons); j++)
            sum += slice_equal(slice_of(counters[j]->name), slice_text(name)) ? counters[j]->value : 0;
    }
    return sum;
}

static void verify_costing(struct rpc_fixture *fixture, const Postern__V1__CreateReply *key, uint64_t cost,
                           enum reason reason)
{
    Postern__V1__VerifyRequest verify = verify_of(key, "192.0.2.1");
    Postern__V1__Charge charge = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[] = {&charge};
    charge.resource = rpc_fixture_text("requests");
    charge.cost = cost;
    verify.charges = charges;
    verify.n_charges = 1;
    assert_answer(fixture, &verify, reason);
}

static void usage_counts_answers_and_what_was_admitted(void **state)
{
    struct rpc_fixture *fixture = *state;
    set_limit(fixture, 10);
    const Postern__V1__CreateReply *first = make(fixture, "acme", NULL);
    const Postern__V1__CreateReply *second = make(fixture, "acme", NULL);
    verify_from(fixture, first, "192.0.2.1", REASON_ALLOWED);
    verify_costing(fixture, first, 4, REASON_ALLOWED);
    verify_costing(fixture, second, 5, REASON_ALLOWED);
    verify_costing(fixture, second, 1, REASON_RATE_LIMITED);
    const Postern__V1__GetUsageReply *usage = usage_of(fixture, NULL, first->key->key_id);
    assert_int_equal(total(usage, false, "ALLOWED"), 2);
    assert_int_equal(total(usage, true, "requests"), 5);
    usage = usage_of(fixture, NULL, second->key->key_id);
    assert_int_equal(total(usage, false, "ALLOWED"), 1);
    assert_int_equal(total(usage, false, "RATE_LIMITED"), 1);
    assert_int_equal(total(usage, true, "requests"), 5);
    usage = usage_of(fixture, "acme", nothing());
    assert_int_equal(total(usage, false, "ALLOWED"), 3);
    assert_int_equal(total(usage, false, "RATE_LIMITED"), 1);
    assert_int_equal(total(usage, true, "requests"), 10);
    assert_int_equal(usage_of(fixture, "other", nothing())->n_buckets, 0);
}

static void call_that_waited_for_the_disk_counts_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    set_limit(fixture, 100);
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    for (int i = 0; i < 20; i++) // nothing is set aside at first, and no more than an eighth at a time
        verify_costing(fixture, key, 5, REASON_ALLOWED);
    assert_int_equal(total(usage_of(fixture, NULL, key->key->key_id), false, "ALLOWED"), 20);
    assert_int_equal(total(usage_of(fixture, NULL, key->key->key_id), true, "requests"), 100);
}

static void rate_check_counts_for_the_account(void **state)
{
    struct rpc_fixture *fixture = *state;
    set_limit(fixture, 10);
    Postern__V1__RateCheckRequest check = POSTERN__V1__RATE_CHECK_REQUEST__INIT;
    Postern__V1__Charge charge = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[] = {&charge};
    charge.resource = rpc_fixture_text("requests");
    charge.cost = 3;
    check.subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT;
    check.account = rpc_fixture_text("acme");
    check.charges = charges;
    check.n_charges = 1;
    (void)assert_ok(ask(fixture, nothing(), ASK(RATE_CHECK), &check));
    check.mode = POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_PEEK;
    (void)assert_ok(ask(fixture, nothing(), ASK(RATE_CHECK), &check));
    assert_int_equal(total(usage_of(fixture, "acme", nothing()), true, "requests"), 3);
    assert_int_equal(total(usage_of(fixture, "acme", nothing()), false, "ALLOWED"), 1);
}

static void usage_outlives_a_restart(void **state)
{
    struct rpc_fixture *fixture = *state;
    set_limit(fixture, 10);
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    verify_from(fixture, key, "2001:db8::1", REASON_ALLOWED);
    uint64_t used_ms = look(fixture, key)->last_used_at_ms;
    rpc_fixture_restart(fixture);
    assert_int_equal(look(fixture, key)->last_used_at_ms, used_ms);
    assert_text(look(fixture, key)->last_used_address, "2001:db8::1");
    verify_costing(fixture, key, 2, REASON_ALLOWED);
    assert_int_equal(total(usage_of(fixture, NULL, key->key->key_id), false, "ALLOWED"), 2);
    assert_int_equal(total(usage_of(fixture, "acme", nothing()), true, "requests"), 3);
}

// --- who may ask

static const Postern__V1__Reply *ask_usage(struct rpc_fixture *fixture, ProtobufCBinaryData credential,
                                           const char *account)
{
    Postern__V1__GetUsageRequest get = POSTERN__V1__GET_USAGE_REQUEST__INIT;
    if (account != NULL) {
        get.subject_case = POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_ACCOUNT;
        get.account = rpc_fixture_text(account);
    }
    return ask(fixture, credential, ASK(GET_USAGE), &get);
}

static void admin_sees_the_usage_of_its_own_account_only(void **state)
{
    static const char *const scopes[3] = {"postern:account-admin"};
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *admin = make(fixture, "acme", scopes);
    const Postern__V1__CreateReply *theirs = make(fixture, "other", NULL);
    verify_from(fixture, theirs, "192.0.2.1", REASON_ALLOWED);
    (void)assert_ok(ask_usage(fixture, admin->api_key, "acme"));
    const Postern__V1__GetUsageReply *own = assert_ok(ask_usage(fixture, admin->api_key, NULL))->get_usage;
    assert_int_equal(own->n_buckets, 1); // its own calls, which cost nothing; theirs cost a request
    assert_int_equal(own->buckets[0]->n_costs, 0);
    assert_status(ask_usage(fixture, admin->api_key, "other"), STATUS_NOT_FOUND, "get_usage.account");
    Postern__V1__GetUsageRequest get = POSTERN__V1__GET_USAGE_REQUEST__INIT;
    get.subject_case = POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_KEY_ID;
    get.key_id = theirs->key->key_id;
    assert_status(ask(fixture, admin->api_key, ASK(GET_USAGE), &get), STATUS_NOT_FOUND, "get_usage.key_id");
}

static void key_that_is_used_as_a_credential_is_used(void **state)
{
    static const char *const scopes[3] = {"postern:account-admin"};
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *admin = make(fixture, "acme", scopes);
    assert_never_used(fixture, admin);
    (void)assert_ok(ask_usage(fixture, admin->api_key, "acme"));
    assert_used_from(fixture, admin, "");
}

static void wrong_questions_are_named(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__GetUsageRequest get = POSTERN__V1__GET_USAGE_REQUEST__INIT;
    assert_status(ask_usage(fixture, nothing(), NULL), STATUS_INVALID_ARGUMENT, "get_usage.subject");
    assert_status(ask_usage(fixture, nothing(), "nobody"), STATUS_NOT_FOUND, "get_usage.account");
    get.subject_case = POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_ACCOUNT;
    get.account = rpc_fixture_text("acme");
    get.bucket_s = 60;
    assert_status(ask(fixture, nothing(), ASK(GET_USAGE), &get), STATUS_INVALID_ARGUMENT, "get_usage.bucket_s");
    get.bucket_s = 3600;
    get.from_ms = clock_now_ms(fixture->clock);
    get.to_ms = get.from_ms - 1;
    assert_status(ask(fixture, nothing(), ASK(GET_USAGE), &get), STATUS_INVALID_ARGUMENT, "get_usage.to_ms");
}

// --- what stands out

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

static void wait_for(struct rpc_fixture *fixture, uint64_t span_ms)
{
    atomic_fetch_add(&fixture->ahead_ms, span_ms);
}

// What follows is all in one hour.
static void begin_hour(struct rpc_fixture *fixture)
{
    wait_for(fixture, HOUR_MS - clock_now_ms(fixture->clock) % HOUR_MS);
}

static void verify_times(struct rpc_fixture *fixture, const Postern__V1__CreateReply *key, unsigned count,
                         enum reason reason)
{
    for (unsigned i = 0; i < count; i++)
        verify_from(fixture, key, "192.0.2.1", reason);
}

static const Postern__V1__ListReply *list_unusual(struct rpc_fixture *fixture, ProtobufCBinaryData credential)
{
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.unusual = true;
    return assert_ok(ask(fixture, credential, ASK(LIST), &list))->list;
}

static void assert_unusual(const Postern__V1__ListReply *reply, const Postern__V1__CreateReply *key,
                           Postern__V1__Unusual what)
{
    assert_int_equal(reply->n_keys, 1);
    assert_true(slice_equal(slice_of(reply->keys[0]->key_id), slice_of(key->key->key_id)));
    assert_int_equal(reply->keys[0]->n_unusual, 1);
    assert_int_equal(reply->keys[0]->unusual[0], what);
    assert_true(reply->keys[0]->activity->judged);
}

// A key that was used once on each of five days: nothing about it is unusual. The hour has just begun.
static const Postern__V1__CreateReply *make_known(struct rpc_fixture *fixture, const char *account)
{
    const Postern__V1__CreateReply *key = make(fixture, account, NULL);
    begin_hour(fixture);
    for (unsigned day = 0; day < 5; day++) {
        verify_times(fixture, key, 1, REASON_ALLOWED);
        usage_tick(fixture->usage);
        wait_for(fixture, DAY_MS);
    }
    verify_times(fixture, key, 1, REASON_ALLOWED);
    return key;
}

static void list_finds_keys_with_far_more_calls_than_usual(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *key = make_known(fixture, "acme");
    (void)make(fixture, "acme", NULL);
    assert_int_equal(list_unusual(fixture, nothing())->n_keys, 0);
    verify_times(fixture, key, 40, REASON_ALLOWED);
    const Postern__V1__ListReply *reply = list_unusual(fixture, nothing());
    assert_unusual(reply, key, POSTERN__V1__UNUSUAL__UNUSUAL_VOLUME);
    assert_int_equal(reply->keys[0]->activity->calls, 41);
    assert_int_equal(reply->keys[0]->activity->refusals, 0);
    assert_int_equal(reply->keys[0]->activity->hour_start_ms, clock_now_ms(fixture->clock) / HOUR_MS * HOUR_MS);
    uint64_t at_ms = clock_now_ms(fixture->clock);
    wait_for(fixture, HOUR_MS);
    assert_int_equal(list_unusual(fixture, nothing())->n_keys, 0);
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.unusual = true;
    list.unusual_at_ms = at_ms;
    assert_unusual(assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list, key,
                   POSTERN__V1__UNUSUAL__UNUSUAL_VOLUME);
    list.unusual_at_ms = 1; // long before there was a key
    assert_int_equal(assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list->n_keys, 0);
    list.unusual_at_ms = UINT64_MAX;
    assert_status(ask(fixture, nothing(), ASK(LIST), &list), STATUS_INVALID_ARGUMENT, "list.unusual_at_ms");
}

static void list_finds_keys_that_are_refused_more_than_usual(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *key = make_known(fixture, "acme");
    (void)assert_ok(revoke_key(fixture, nothing(), key->key->key_id));
    verify_times(fixture, key, 18, REASON_REVOKED_API_KEY);
    const Postern__V1__ListReply *reply = list_unusual(fixture, nothing());
    assert_unusual(reply, key, POSTERN__V1__UNUSUAL__UNUSUAL_REFUSALS);
    assert_int_equal(reply->keys[0]->activity->refusals, 18);
    assert_int_equal(reply->keys[0]->activity->usual_refusals, 0);
}

static void list_finds_keys_at_a_new_address(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *key = make_known(fixture, "acme");
    verify_from(fixture, key, "198.51.100.7", REASON_ALLOWED);
    assert_unusual(list_unusual(fixture, nothing()), key, POSTERN__V1__UNUSUAL__UNUSUAL_NEW_ADDRESS);
}

static void list_tells_what_is_usual_when_it_is_asked(void **state)
{
    struct rpc_fixture *fixture = *state;
    (void)make_known(fixture, "acme");
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.account = rpc_fixture_text("acme");
    const Postern__V1__Key *key = assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list->keys[0];
    assert_null(key->activity);
    list.with_unusual = true;
    key = assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list->keys[0];
    assert_non_null(key->activity);
    assert_true(key->activity->judged);
    assert_int_equal(key->activity->calls, 1);
    assert_int_equal(key->n_unusual, 0);
    (void)make(fixture, "acme", NULL);
    assert_int_equal(assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list->n_keys, 2);
}

static void admin_sees_what_is_unusual_about_its_own_keys_only(void **state)
{
    static const char *const scopes[3] = {"postern:account-admin"};
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *admin = make(fixture, "acme", scopes);
    const Postern__V1__CreateReply *theirs = make_known(fixture, "other");
    verify_times(fixture, theirs, 40, REASON_ALLOWED);
    assert_int_equal(list_unusual(fixture, admin->api_key)->n_keys, 0);
    assert_unusual(list_unusual(fixture, nothing()), theirs, POSTERN__V1__UNUSUAL__UNUSUAL_VOLUME);
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.unusual = true;
    list.account = rpc_fixture_text("other");
    assert_status(ask(fixture, admin->api_key, ASK(LIST), &list), STATUS_NOT_FOUND, "list.account");
}

static void page_of_keys_that_are_compared_is_short_and_goes_on(void **state)
{
    enum { KEYS = 260 };
    struct rpc_fixture *fixture = *state;
    for (unsigned i = 0; i < KEYS; i++)
        (void)make(fixture, "acme", NULL);
    Postern__V1__ListRequest list = POSTERN__V1__LIST_REQUEST__INIT;
    list.page_size = 500;
    list.with_unusual = true;
    const Postern__V1__ListReply *reply = assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list;
    assert_int_equal(reply->n_keys, 100);
    assert_false(reply->keys[0]->activity->judged);
    for (size_t seen = reply->n_keys; seen < KEYS; seen += reply->n_keys) {
        assert_int_not_equal(reply->next_page_token.len, 0);
        list.page_token = reply->next_page_token;
        reply = assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list;
    }
    assert_int_equal(reply->n_keys, KEYS % 100);
    assert_int_equal(reply->next_page_token.len, 0);
    list = (Postern__V1__ListRequest)POSTERN__V1__LIST_REQUEST__INIT;
    list.page_size = 500;
    list.unusual = true;
    for (unsigned page = 0; page < 2; page++) {
        reply = assert_ok(ask(fixture, nothing(), ASK(LIST), &list))->list;
        assert_int_equal(reply->n_keys, 0);
        assert_int_equal(reply->next_page_token.len > 0, page == 0);
        list.page_token = reply->next_page_token;
    }
}

// --- Stats

static const Postern__V1__StatsReply *stats_of(struct rpc_fixture *fixture, uint32_t top)
{
    Postern__V1__StatsRequest get = POSTERN__V1__STATS_REQUEST__INIT;
    get.top = top;
    return assert_ok(ask(fixture, nothing(), ASK(STATS), &get))->stats;
}

static void stats_count_decisions_and_what_waits_for_the_disk(void **state)
{
    struct rpc_fixture *fixture = *state;
    set_limit(fixture, 3);
    begin_hour(fixture);
    const Postern__V1__StatsReply *stats = stats_of(fixture, 0);
    assert_int_equal(stats->decisions, 0);
    assert_int_equal(stats->n_counters, 0);
    const Postern__V1__CreateReply *key = make(fixture, "acme", NULL);
    verify_times(fixture, key, 3, REASON_ALLOWED);
    verify_times(fixture, key, 2, REASON_RATE_LIMITED);
    stats = stats_of(fixture, 0);
    assert_int_equal(stats->decisions, 5);
    assert_int_equal(stats->refusals, 2);
    assert_int_equal(stats->n_counters, 2);
    assert_text(stats->counters[1]->name, "RATE_LIMITED");
    assert_int_equal(stats->counters[1]->value, 2);
    assert_int_equal(stats->usage->waiting, 2); // the key's and the account's
    assert_int_equal(stats->usage->entries, 2);
    assert_int_equal(stats->meters->meters, 1);
    assert_true(stats->meters->bytes > 0);
    assert_int_equal(stats->n_accounts, 0);
    assert_text(stats->version, POSTERN_VERSION);
}

static void stats_tell_of_the_stores(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__StatsReply *stats = stats_of(fixture, 0);
    assert_int_equal(stats->n_stores, 2);
    assert_text(stats->stores[0]->name, "registry");
    assert_text(stats->stores[0]->last_commit, "OK");
    assert_true(stats->stores[0]->commits > 0 && stats->stores[0]->jobs >= stats->stores[0]->commits);
    assert_true(stats->stores[0]->used_bytes > 0 && stats->stores[0]->used_bytes < stats->stores[0]->size_bytes);
    assert_text(stats->stores[1]->name, "meters");
}

static void stats_name_the_busiest(void **state)
{
    struct rpc_fixture *fixture = *state;
    set_limit(fixture, 4);
    begin_hour(fixture);
    const Postern__V1__CreateReply *quiet = make(fixture, "other", NULL);
    const Postern__V1__CreateReply *busy = make(fixture, "acme", NULL);
    verify_times(fixture, quiet, 1, REASON_ALLOWED);
    verify_times(fixture, busy, 4, REASON_ALLOWED);
    verify_times(fixture, busy, 3, REASON_RATE_LIMITED);
    const Postern__V1__StatsReply *stats = stats_of(fixture, 256);
    assert_int_equal(stats->n_accounts, 2);
    assert_int_equal(stats->n_keys, 2);
    assert_text(stats->accounts[0]->account, "acme");
    assert_int_equal(stats->accounts[0]->calls, 7);
    assert_int_equal(stats->accounts[0]->refusals, 3);
    assert_text(stats->accounts[1]->account, "other");
    assert_true(slice_equal(slice_of(stats->keys[0]->key_id), slice_of(busy->key->key_id)));
    assert_text(stats->keys[0]->account, "acme");
    assert_text(stats->keys[0]->key_name, "a key");
    assert_int_equal(stats->keys[0]->calls, 7);
    stats = stats_of(fixture, 1);
    assert_int_equal(stats->n_accounts, 1);
    assert_int_equal(stats->n_keys, 1);
    assert_int_equal(stats->hour_start_ms % HOUR_MS, 0);
}

static void stats_are_for_operators_and_have_a_bound(void **state)
{
    static const char *const scopes[3] = {"postern:account-admin"};
    struct rpc_fixture *fixture = *state;
    Postern__V1__StatsRequest get = POSTERN__V1__STATS_REQUEST__INIT;
    const Postern__V1__CreateReply *admin = make(fixture, "acme", scopes);
    assert_status(ask(fixture, admin->api_key, ASK(STATS), &get), STATUS_PERMISSION_DENIED, "");
    get.top = 257;
    assert_status(ask(fixture, nothing(), ASK(STATS), &get), STATUS_INVALID_ARGUMENT, "stats.top");
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(last_use_moves_with_what_is_allowed_or_refused_to_a_good_key),
        WITH_FIXTURE(peek_is_no_use),
        WITH_FIXTURE(revoked_key_is_not_used_any_more),
        WITH_FIXTURE(strangers_text_is_noted_for_no_key),
        WITH_FIXTURE(list_finds_keys_that_were_never_used),
        WITH_FIXTURE(usage_counts_answers_and_what_was_admitted),
        WITH_FIXTURE(call_that_waited_for_the_disk_counts_once),
        WITH_FIXTURE(rate_check_counts_for_the_account),
        WITH_FIXTURE(usage_outlives_a_restart),
        WITH_FIXTURE(admin_sees_the_usage_of_its_own_account_only),
        WITH_FIXTURE(key_that_is_used_as_a_credential_is_used),
        WITH_FIXTURE(wrong_questions_are_named),
        WITH_FIXTURE(list_finds_keys_with_far_more_calls_than_usual),
        WITH_FIXTURE(list_finds_keys_that_are_refused_more_than_usual),
        WITH_FIXTURE(list_finds_keys_at_a_new_address),
        WITH_FIXTURE(list_tells_what_is_usual_when_it_is_asked),
        WITH_FIXTURE(admin_sees_what_is_unusual_about_its_own_keys_only),
        WITH_FIXTURE(page_of_keys_that_are_compared_is_short_and_goes_on),
        WITH_FIXTURE(stats_count_decisions_and_what_waits_for_the_disk),
        WITH_FIXTURE(stats_tell_of_the_stores),
        WITH_FIXTURE(stats_name_the_busiest),
        WITH_FIXTURE(stats_are_for_operators_and_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
