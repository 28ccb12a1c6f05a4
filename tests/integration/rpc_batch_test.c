// Atomic batches: several Verifys are one decision. Over the wire, with the real meters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>

#include "support/rpc_charges.h"

enum { LIMIT = 100, CALLS_MAX = 64, TIMEOUT_MS = 60000 };

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

// --- asking

static const Postern__V1__Reply *ask_batch(struct rpc_fixture *fixture, Postern__V1__VerifyRequest **calls,
                                           size_t count)
{
    Postern__V1__VerifyBatchRequest batch = POSTERN__V1__VERIFY_BATCH_REQUEST__INIT;
    batch.calls = calls;
    batch.n_calls = count;
    batch.atomic = true;
    return ask(fixture, nothing(), ASK(VERIFY_BATCH), &batch);
}

static const Postern__V1__VerifyBatchReply *decide(struct rpc_fixture *fixture, Postern__V1__VerifyRequest **calls,
                                                   size_t count)
{
    const Postern__V1__VerifyBatchReply *reply = assert_ok(ask_batch(fixture, calls, count))->verify_batch;
    assert_int_equal(reply->n_replies, count);
    assert_int_equal(reply->n_statuses, count);
    return reply;
}

static void assert_allowed(const Postern__V1__VerifyBatchReply *reply, size_t n)
{
    assert_int_equal(reply->statuses[n]->code, STATUS_OK);
    assert_true(reply->replies[n]->allowed);
    assert_int_equal(reply->replies[n]->reason, REASON_ALLOWED);
}

static void assert_refused(const Postern__V1__VerifyBatchReply *reply, size_t n, enum reason reason)
{
    assert_int_equal(reply->statuses[n]->code, STATUS_OK);
    assert_false(reply->replies[n]->allowed);
    assert_int_equal(reply->replies[n]->reason, reason);
}

static void assert_uncharged(const Postern__V1__VerifyBatchReply *reply, size_t n, const char *words)
{
    const Postern__V1__Reply as_reply = {.status = reply->statuses[n]};
    assert_int_equal(reply->statuses[n]->code, STATUS_ABORTED);
    assert_true(says(&as_reply, words));
    assert_false(reply->replies[n]->allowed);
    assert_int_equal(reply->replies[n]->reason, 0);
    assert_int_equal(reply->replies[n]->key_id.len + reply->replies[n]->n_meters, 0);
}

static ProtobufCBinaryData token_of(struct rpc_fixture *fixture, const char *account)
{
    return make(fixture, account, NULL)->api_key;
}

static void assert_left(struct rpc_fixture *fixture, uint64_t acme, uint64_t other)
{
    assert_int_equal(left_of(fixture, "acme"), acme);
    assert_int_equal(left_of(fixture, "other"), other);
}

// --- all

static void batch_that_is_allowed_charges_every_call(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData acme = token_of(fixture, "acme"), other = token_of(fixture, "other");
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, acme, 3, nothing()),
                                           verify_for(fixture, other, 4, nothing()),
                                           verify_for(fixture, acme, 5, nothing())};
    const Postern__V1__Reply *whole = ask_batch(fixture, calls, 3);
    const Postern__V1__VerifyBatchReply *reply = assert_ok(whole)->verify_batch;
    assert_true(whole->seq > 0);
    for (size_t i = 0; i < 3; i++)
        assert_allowed(reply, i);
    assert_text(reply->replies[0]->account, "acme");
    assert_text(reply->replies[1]->account, "other");
    assert_int_equal(reply->replies[0]->meters[0]->remaining, LIMIT - 3);
    assert_int_equal(reply->replies[1]->meters[0]->remaining, LIMIT - 4);
    assert_int_equal(reply->replies[2]->meters[0]->remaining, LIMIT - 8); // the first one's charge counts
    assert_left(fixture, LIMIT - 8, LIMIT - 4);
}

static void batch_of_one_is_a_verify(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, token_of(fixture, "acme"), LIMIT, nothing())};
    assert_allowed(decide(fixture, calls, 1), 0);
    assert_refused(decide(fixture, calls, 1), 0, REASON_RATE_LIMITED);
    assert_status(ask_batch(fixture, calls, 0), STATUS_INVALID_ARGUMENT, "verify_batch.calls");
}

// --- or nothing

static void one_key_that_is_refused_charges_nobody(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Postern__V1__CreateReply *revoked = make(fixture, "acme", NULL);
    ProtobufCBinaryData acme = token_of(fixture, "acme"), other = token_of(fixture, "other");
    (void)assert_ok(revoke_key(fixture, nothing(), revoked->key->key_id));
    Postern__V1__VerifyRequest *calls[] = {
        verify_for(fixture, acme, 3, nothing()), verify_for(fixture, revoked->api_key, 4, nothing()),
        verify_for(fixture, other, 5, nothing()), verify_for(fixture, nothing(), 5, nothing())};
    const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, 4);
    assert_uncharged(reply, 0, "calls[1] was refused (REVOKED_API_KEY)");
    assert_refused(reply, 1, REASON_REVOKED_API_KEY);
    assert_text(reply->replies[1]->account, "acme");
    assert_uncharged(reply, 2, "calls[1] was refused (REVOKED_API_KEY)");
    assert_refused(reply, 3, REASON_MISSING_API_KEY);
    assert_text(reply->statuses[3]->details[0]->key, "header");
    assert_left(fixture, LIMIT, LIMIT);
}

static void one_scope_that_is_missing_charges_nobody(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData acme = token_of(fixture, "acme");
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, acme, 3, nothing()),
                                           verify_for(fixture, acme, 4, nothing())};
    static const char *const scopes[] = {"mail", "docs"};
    calls[1]->scopes = texts(fixture, scopes, 2);
    calls[1]->n_scopes = 2;
    const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, 2);
    assert_uncharged(reply, 0, "calls[1] was refused (INSUFFICIENT_SCOPE)");
    assert_refused(reply, 1, REASON_INSUFFICIENT_SCOPE);
    assert_int_equal(reply->replies[1]->n_missing_scopes, 2);
    assert_text(reply->replies[1]->missing_scopes[1], "docs");
    assert_left(fixture, LIMIT, LIMIT);
}

static void one_resource_that_is_unknown_charges_nobody(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData acme = token_of(fixture, "acme");
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, acme, 3, nothing()),
                                           verify_for(fixture, acme, 4, nothing()),
                                           verify_for(fixture, acme, LIMIT, nothing())};
    calls[1]->charges = charge_of(fixture, "typing-error", 1);
    const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, 3);
    assert_uncharged(reply, 0, "calls[1] failed (NOT_FOUND)");
    assert_int_equal(reply->statuses[1]->code, STATUS_NOT_FOUND);
    assert_text(reply->statuses[1]->field, "verify_batch.calls[1].charges[0].resource");
    assert_int_equal(reply->replies[1]->reason, 0);
    assert_uncharged(reply, 2, "calls[1] failed (NOT_FOUND)");
    assert_left(fixture, LIMIT, LIMIT);
}

static void calls_that_fit_only_alone_charge_nobody(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData acme = token_of(fixture, "acme"), other = token_of(fixture, "other");
    Postern__V1__VerifyRequest *calls[] = {
        verify_for(fixture, other, 1, nothing()), verify_for(fixture, acme, 60, nothing()),
        verify_for(fixture, acme, 60, nothing()), verify_for(fixture, acme, LIMIT + 1, nothing())};
    const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, 4);
    assert_uncharged(reply, 0, "calls[2] was refused (RATE_LIMITED)");
    assert_uncharged(reply, 1, "calls[2] was refused (RATE_LIMITED)");
    assert_refused(reply, 2, REASON_RATE_LIMITED);
    assert_int_equal(reply->replies[2]->binding_meter, 1);
    assert_true(reply->replies[2]->retry_after_ms > 0);
    assert_refused(reply, 3, REASON_COST_EXCEEDS_LIMIT);
    assert_left(fixture, LIMIT, LIMIT);
    assert_allowed(decide(fixture, calls, 2), 1);
    assert_left(fixture, 40, LIMIT - 1);
}

// Everything is set aside an eighth at a time: such a batch waits for the disk, and then finds enough or nothing.
static void batch_that_waits_for_the_disk_is_decided_as_a_whole(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__VerifyRequest *calls[CALLS_MAX];
    ProtobufCBinaryData tokens[] = {token_of(fixture, "acme"), token_of(fixture, "other")};
    for (size_t i = 0; i < CALLS_MAX; i++)
        calls[i] = verify_for(fixture, tokens[i % 2], 1, nothing());
    for (uint64_t left = LIMIT; left >= 32; left -= 32) {
        assert_allowed(decide(fixture, calls, CALLS_MAX), CALLS_MAX - 1);
        assert_left(fixture, left - 32, left - 32);
    }
    const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, CALLS_MAX);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        if (i < 8)
            assert_uncharged(reply, i, "calls[8] was refused (RATE_LIMITED)");
        else
            assert_refused(reply, i, REASON_RATE_LIMITED);
    }
    assert_left(fixture, 4, 4);
}

// --- peeks and charge ids

static void batch_of_peeks_charges_nothing_and_none_is_mixed(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData acme = token_of(fixture, "acme");
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, acme, 60, nothing()),
                                           verify_for(fixture, acme, 40, nothing()),
                                           verify_for(fixture, acme, 1, nothing())};
    calls[0]->peek = calls[1]->peek = true;
    const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, 2);
    assert_allowed(reply, 0);
    assert_allowed(reply, 1);
    assert_status(ask_batch(fixture, calls, 3), STATUS_INVALID_ARGUMENT, "verify_batch.calls[2].peek");
    calls[2]->peek = true;
    assert_refused(decide(fixture, calls, 3), 2, REASON_RATE_LIMITED);
    assert_left(fixture, LIMIT, LIMIT);
}

static void repeated_batch_with_charge_ids_charges_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData acme = token_of(fixture, "acme"), other = token_of(fixture, "other");
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, acme, 60, charge_id(fixture, 'a')),
                                           verify_for(fixture, other, 70, charge_id(fixture, 'b')),
                                           verify_for(fixture, acme, 60, charge_id(fixture, 'a'))};
    for (int turn = 0; turn < 3; turn++) {
        const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, 3);
        for (size_t i = 0; i < 3; i++)
            assert_allowed(reply, i);
        assert_int_equal(reply->replies[1]->meters[0]->remaining, 30);
        assert_int_equal(reply->replies[2]->meters[0]->remaining, 40);
    }
    assert_left(fixture, 40, 30);
    Postern__V1__RateCheckRequest refund = refund_of(fixture, "other", charge_id(fixture, 'b'));
    checked(fixture, &refund, REASON_ALLOWED);
    assert_left(fixture, 40, LIMIT);
}

static void charge_id_of_another_charge_charges_nobody(void **state)
{
    struct rpc_fixture *fixture = *state;
    ProtobufCBinaryData acme = token_of(fixture, "acme"), other = token_of(fixture, "other");
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, other, 5, nothing()),
                                           verify_for(fixture, acme, 5, charge_id(fixture, 'a')),
                                           verify_for(fixture, acme, 6, charge_id(fixture, 'a'))};
    const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, 3);
    assert_uncharged(reply, 0, "calls[2] failed (ALREADY_EXISTS)");
    assert_uncharged(reply, 1, "calls[2] failed (ALREADY_EXISTS)");
    assert_int_equal(reply->statuses[2]->code, STATUS_ALREADY_EXISTS);
    assert_text(reply->statuses[2]->field, "verify_batch.calls[2].charge_id");
    assert_left(fixture, LIMIT, LIMIT);
    // What was not charged is not kept: the id is free.
    assert_allowed(decide(fixture, &calls[2], 1), 0);
    assert_left(fixture, LIMIT - 6, LIMIT);
    reply = decide(fixture, calls, 2);
    assert_uncharged(reply, 0, "calls[1] failed (ALREADY_EXISTS)");
    assert_int_equal(reply->statuses[1]->code, STATUS_ALREADY_EXISTS);
    assert_left(fixture, LIMIT - 6, LIMIT);
}

// --- usage

static uint64_t counted(struct rpc_fixture *fixture, const char *account, const char *reason)
{
    Postern__V1__GetUsageRequest get = POSTERN__V1__GET_USAGE_REQUEST__INIT;
    uint64_t sum = 0;
    get.bucket_s = 86400;
    get.subject_case = POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_ACCOUNT;
    get.account = rpc_fixture_text(account);
    const Postern__V1__GetUsageReply *usage = assert_ok(ask(fixture, nothing(), ASK(GET_USAGE), &get))->get_usage;
    for (size_t i = 0; i < usage->n_buckets; i++)
        for (size_t j = 0; j < usage->buckets[i]->n_reasons; j++)
            if (slice_equal(slice_of(usage->buckets[i]->reasons[j]->name), slice_text(reason)))
                sum += usage->buckets[i]->reasons[j]->value;
    return sum;
}

static void usage_counts_what_was_answered_and_not_what_was_aborted(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, token_of(fixture, "acme"), 60, nothing()),
                                           verify_for(fixture, token_of(fixture, "other"), 60, nothing())};
    assert_allowed(decide(fixture, calls, 2), 0);
    calls[0]->charges[0]->cost = 40;
    assert_uncharged(decide(fixture, calls, 2), 0, "calls[1] was refused");
    assert_int_equal(counted(fixture, "acme", "ALLOWED"), 1);
    assert_int_equal(counted(fixture, "acme", "RATE_LIMITED"), 0);
    assert_int_equal(counted(fixture, "other", "ALLOWED"), 1);
    assert_int_equal(counted(fixture, "other", "RATE_LIMITED"), 1);
}

// --- who may ask

static void atomic_batch_takes_a_verifier(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const struct {
        const char *scope;
        enum status status;
    } cases[] = {{"postern:verify", STATUS_OK},
                 {"postern:ratecheck", STATUS_PERMISSION_DENIED},
                 {"postern:account-admin", STATUS_PERMISSION_DENIED}};
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, token_of(fixture, "acme"), 1, nothing())};
    Postern__V1__VerifyBatchRequest batch = POSTERN__V1__VERIFY_BATCH_REQUEST__INIT;
    batch.calls = calls;
    batch.n_calls = 1;
    batch.atomic = true;
    for (size_t i = 0; i < 3; i++) {
        const char *const scopes[3] = {cases[i].scope};
        ProtobufCBinaryData credential = make(fixture, "other", scopes)->api_key;
        assert_status(ask(fixture, credential, ASK(VERIFY_BATCH), &batch), cases[i].status, "");
    }
    assert_left(fixture, LIMIT - 1, LIMIT);
}

// --- memory

static Postern__V1__Entry **much_metadata(struct rpc_fixture *fixture)
{
    enum { ENTRIES = 16, VALUE = 120 };
    Postern__V1__Entry **list = take(fixture, ENTRIES, sizeof *list);
    for (size_t i = 0; i < ENTRIES; i++) {
        char *text = take(fixture, VALUE + 1, 1);
        memset(text, 'a' + (int)i, VALUE);
        list[i] = take(fixture, 1, sizeof *list[i]);
        postern__v1__entry__init(list[i]);
        list[i]->key = (ProtobufCBinaryData){2, (uint8_t *)text};
        list[i]->value = (ProtobufCBinaryData){VALUE, (uint8_t *)text};
    }
    return list;
}

// A key with as much of everything as a key may have; so has its account.
static ProtobufCBinaryData largest_key(struct rpc_fixture *fixture)
{
    enum { SCOPES = 64, NETWORKS = 32 };
    Postern__V1__CreateRequest create = create_of(fixture, "acme", NULL);
    char(*names)[65] = take(fixture, SCOPES, sizeof *names);
    const char **list = take(fixture, SCOPES, sizeof *list);
    for (size_t i = 0; i < SCOPES; i++) {
        (void)snprintf(names[i], sizeof names[i], "scope-%02zu-%055d", i, 0);
        list[i] = names[i];
        (void)assert_ok(put_scope(fixture, names[i], i > 0 ? names[i - 1] : NULL));
    }
    create.scopes = texts(fixture, list, SCOPES);
    create.n_scopes = SCOPES;
    create.metadata = much_metadata(fixture);
    create.n_metadata = 16;
    create.limits = take(fixture, 8, sizeof *create.limits);
    for (uint32_t i = 0; i < 8; i++) {
        create.limits[i] = hourly(fixture, 1000 + i)[0];
        create.limits[i]->window_s = 3600 + i;
    }
    create.n_limits = 8;
    for (size_t i = 0; i < NETWORKS; i++)
        list[i] = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/112";
    create.allowed_addresses = texts(fixture, list, NETWORKS);
    create.n_allowed_addresses = NETWORKS;
    return assert_ok(ask(fixture, nothing(), ASK(CREATE), &create))->create->api_key;
}

static void sixty_four_of_the_largest_keys_fit_a_requests_memory(void **state)
{
    struct rpc_fixture *fixture = *state;
    Postern__V1__VerifyRequest *calls[CALLS_MAX];
    Postern__V1__PutAccountRequest put = account_of("acme");
    put.metadata = much_metadata(fixture);
    put.n_metadata = 16;
    (void)assert_ok(ask(fixture, nothing(), ASK(PUT_ACCOUNT), &put));
    ProtobufCBinaryData token = largest_key(fixture);
    static const char *const needed[] = {"scope-00-0000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < CALLS_MAX; i++) {
        calls[i] = verify_for(fixture, token, 1, nothing());
        calls[i]->remote_address = rpc_fixture_text("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1");
        calls[i]->scopes = texts(fixture, needed, 1);
        calls[i]->n_scopes = 1;
    }
    const Postern__V1__VerifyBatchReply *reply = decide(fixture, calls, CALLS_MAX);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        assert_allowed(reply, i);
        assert_int_equal(reply->replies[i]->n_scopes, 64);
        assert_int_equal(reply->replies[i]->n_meters, 9);
        assert_int_equal(reply->replies[i]->meters[0]->remaining, LIMIT - 1 - i);
    }
    assert_int_equal(left_of(fixture, "acme"), LIMIT - CALLS_MAX);
}

// --- at once

// A note: all or nothing.
static void count_batch(struct asker *asker, const Postern__V1__Reply *reply)
{
    size_t allowed = 0;
    if (reply->status->code != 0) {
        asker_note_failure(asker, reply->status);
        return;
    }
    for (size_t i = 0; i < reply->verify_batch->n_replies; i++)
        allowed += reply->verify_batch->replies[i]->allowed ? 1 : 0;
    if (allowed == reply->verify_batch->n_replies)
        asker->allowed++;
    else if (allowed == 0)
        asker->refused++;
    else
        asker->failed++;
}

// Batches that charge acme 1 and other 2, while others drain either account: what is left afterwards is what those who
// were allowed have left, to the unit, and the accounts are drained.
static void batches_over_two_accounts_never_charge_a_part_while_others_drain(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { ASKERS = 8, BATCHES = 4, TURNS = 400, AMOUNT = 1000 };
    struct asker askers[ASKERS];
    (void)assert_ok(rpc_fixture_put_tier(fixture, "free", AMOUNT));
    ProtobufCBinaryData acme = token_of(fixture, "acme"), other = token_of(fixture, "other");
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, acme, 1, nothing()),
                                           verify_for(fixture, other, 2, nothing())};
    Postern__V1__VerifyRequest *turned[] = {calls[1], calls[0]};
    Postern__V1__VerifyBatchRequest batch = POSTERN__V1__VERIFY_BATCH_REQUEST__INIT;
    batch.n_calls = 2;
    batch.atomic = true;
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.turns = TURNS, .note = i < BATCHES ? count_batch : count_decision};
        batch.calls = i % 2 == 0 ? calls : turned;
        askers[i].bytes = i < BATCHES ? request_of(fixture, ASK(VERIFY_BATCH), &batch)
                                      : request_of(fixture, ASK(VERIFY), calls[i % 2]);
        asker_start(fixture, &askers[i]);
    }
    uint64_t in_batch = 0, alone[2] = {0, 0};
    for (size_t i = 0; i < ASKERS; i++) {
        asker_join(&askers[i]);
        assert_int_equal(askers[i].failed, 0);
        if (i < BATCHES)
            in_batch += askers[i].allowed;
        else
            alone[i % 2] += askers[i].allowed;
    }
    assert_true(in_batch > 0 && alone[0] > 0 && alone[1] > 0);
    assert_left(fixture, AMOUNT - in_batch - alone[0], AMOUNT - 2 * in_batch - 2 * alone[1]);
    assert_true(left_of(fixture, "acme") == 0 || left_of(fixture, "other") < 2);
}

// --- the disk

// A note: counts the calls of a batch that failed, and keeps the failure, which must be one for all.
static void count_late_items(struct asker *asker, const Postern__V1__Reply *reply)
{
    rpc_fixture_demand(reply->status->code == 0 && reply->verify_batch != NULL, "the batch has failed as a whole");
    for (size_t i = 0; i < reply->verify_batch->n_statuses; i++) {
        struct asker last = *asker;
        if (reply->verify_batch->statuses[i]->code == 0)
            continue;
        asker_note_failure(asker, reply->verify_batch->statuses[i]);
        rpc_fixture_demand(i == 0 ||
                               (strcmp(asker->field, last.field) == 0 && strcmp(asker->message, last.message) == 0),
                           "calls that fail alike say so in other words");
    }
}

// Keeps the writer of the meters busy until it is let go; `spoils`: then breaks the commit that it is part of.
struct stall {
    struct store_job job;
    bool spoils;
    atomic_bool runs;
    atomic_bool may_end;
    enum status status; // of its commit
    atomic_bool ended;
};

static void stall_run(struct store_job *job, struct store_txn *txn)
{
    struct stall *stall = (struct stall *)(void *)job;
    atomic_store(&stall->runs, true);
    while (!atomic_load(&stall->may_end))
        sched_yield();
    if (stall->spoils)
        store_put(txn, 0, slice_empty(), slice_empty()); // no key: an error that sticks to the transaction
}

static void stall_done(struct store_job *job, enum status status)
{
    struct stall *stall = (struct stall *)(void *)job;
    stall->status = status;
    atomic_store(&stall->ended, true);
}

static void stall_submit(struct rpc_fixture *fixture, struct stall *stall)
{
    stall->job = (struct store_job){.run = stall_run, .done = stall_done};
    store_submit(fixture->meters_store, &stall->job);
}

static void wait_for(atomic_bool *flag)
{
    while (!atomic_load(flag))
        sched_yield();
}

// Starts a call, and returns when it waits for the disk, which `stall` keeps busy.
static void start_waiting(struct rpc_fixture *fixture, struct asker *asker)
{
    uint64_t waits = meter_stats(fixture->meters).limits.waits;
    asker_start(fixture, asker);
    while (meter_stats(fixture->meters).limits.waits == waits)
        sched_yield();
}

// Of two accounts.
static void start_waiting_batch(struct rpc_fixture *fixture, struct asker *asker, uint32_t timeout_ms, bool atomic)
{
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, token_of(fixture, "acme"), 1, nothing()),
                                           verify_for(fixture, token_of(fixture, "other"), 2, nothing())};
    Postern__V1__VerifyBatchRequest batch = POSTERN__V1__VERIFY_BATCH_REQUEST__INIT;
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    batch.calls = calls;
    batch.n_calls = 2;
    batch.atomic = atomic;
    request.timeout_ms = timeout_ms;
    request.call_case = ASK(VERIFY_BATCH);
    request.verify_batch = &batch;
    *asker = (struct asker){
        .bytes = rpc_fixture_pack(fixture, &request), .turns = 1, .note = atomic ? count_batch : count_late_items};
    start_waiting(fixture, asker);
}

static void start_waiting_verify(struct rpc_fixture *fixture, struct asker *asker, uint32_t timeout_ms)
{
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    request.timeout_ms = timeout_ms;
    request.call_case = ASK(VERIFY);
    request.verify = verify_for(fixture, token_of(fixture, "acme"), 1, nothing());
    *asker = (struct asker){.bytes = rpc_fixture_pack(fixture, &request), .turns = 1, .note = count_decision};
    start_waiting(fixture, asker);
}

// Lets the time of a call that waits pass, and then the disk go on.
static void end_too_late(struct rpc_fixture *fixture, struct asker *asker, struct stall *stall)
{
    atomic_fetch_add(&fixture->ahead_ms, TIMEOUT_MS + 1);
    atomic_store(&stall->may_end, true);
    asker_join(asker);
    wait_for(&stall->ended);
}

// One failure, whatever call it was and wherever its time has passed. timeout_ms is the envelope's, not the call's.
static void assert_late(const struct asker *asker, unsigned count)
{
    assert_int_equal(asker->failed, count);
    assert_int_equal(asker->code, STATUS_DEADLINE_EXCEEDED);
    assert_string_equal(asker->field, "timeout_ms");
    assert_string_equal(asker->message, "its time of 1 min has passed: nothing was done, nothing was charged");
}

static void batch_that_waited_too_long_charges_nobody(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct stall stall = {.spoils = false};
    struct asker asker;
    stall_submit(fixture, &stall);
    wait_for(&stall.runs);
    start_waiting_batch(fixture, &asker, TIMEOUT_MS, true);
    end_too_late(fixture, &asker, &stall);
    assert_late(&asker, 1);
    assert_left(fixture, LIMIT, LIMIT);
}

static void verify_that_waited_too_long_fails_in_the_same_words(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct stall stall = {.spoils = false};
    struct asker asker;
    stall_submit(fixture, &stall);
    wait_for(&stall.runs);
    start_waiting_verify(fixture, &asker, TIMEOUT_MS);
    end_too_late(fixture, &asker, &stall);
    assert_late(&asker, 1);
    assert_left(fixture, LIMIT, LIMIT);
}

static void calls_of_a_batch_that_are_too_late_fail_in_the_same_words(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct stall stall = {.spoils = false};
    struct asker asker;
    stall_submit(fixture, &stall);
    wait_for(&stall.runs);
    start_waiting_batch(fixture, &asker, TIMEOUT_MS, false);
    end_too_late(fixture, &asker, &stall);
    assert_late(&asker, 2); // the one that waited, and the one behind it
    assert_left(fixture, LIMIT, LIMIT);
}

static void batch_whose_commit_fails_charges_nobody(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct stall stall = {.spoils = false}, spoil = {.spoils = true, .may_end = true};
    struct asker asker;
    stall_submit(fixture, &stall);
    wait_for(&stall.runs);
    start_waiting_batch(fixture, &asker, 0, true);
    stall_submit(fixture, &spoil); // into the commit that the batch waits for
    atomic_store(&stall.may_end, true);
    asker_join(&asker);
    wait_for(&spoil.ended);
    wait_for(&stall.ended);
    assert_int_equal(spoil.status, STATUS_UNAVAILABLE);
    assert_int_equal(asker.failed, 1);
    assert_int_equal(asker.code, STATUS_UNAVAILABLE);
    assert_left(fixture, LIMIT, LIMIT);
    Postern__V1__VerifyRequest *calls[] = {verify_for(fixture, token_of(fixture, "acme"), 1, nothing())};
    assert_allowed(decide(fixture, calls, 1), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(batch_that_is_allowed_charges_every_call),
        TEST(batch_of_one_is_a_verify),
        TEST(one_key_that_is_refused_charges_nobody),
        TEST(one_scope_that_is_missing_charges_nobody),
        TEST(one_resource_that_is_unknown_charges_nobody),
        TEST(calls_that_fit_only_alone_charge_nobody),
        TEST(batch_that_waits_for_the_disk_is_decided_as_a_whole),
        TEST(batch_of_peeks_charges_nothing_and_none_is_mixed),
        TEST(repeated_batch_with_charge_ids_charges_once),
        TEST(charge_id_of_another_charge_charges_nobody),
        TEST(usage_counts_what_was_answered_and_not_what_was_aborted),
        TEST(atomic_batch_takes_a_verifier),
        TEST(sixty_four_of_the_largest_keys_fit_a_requests_memory),
        TEST(batch_that_waited_too_long_charges_nobody),
        TEST(verify_that_waited_too_long_fails_in_the_same_words),
        TEST(calls_of_a_batch_that_are_too_late_fail_in_the_same_words),
        TEST(batch_whose_commit_fails_charges_nobody),
        TEST(batches_over_two_accounts_never_charge_a_part_while_others_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
