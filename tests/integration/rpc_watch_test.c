// Calls that wait for a change: what ends their wait, and how many may wait.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rpc_fixture.h"

enum { PLACES = 2, LONG_MS = 60000, SHORT_MS = 50 };

static int set_up(void **state)
{
    static struct rpc_fixture fixture;
    rpc_fixture_open(&fixture);
    fixture.options.transport.max_calls = 4 * PLACES;
    rpc_fixture_serve(&fixture);
    assert_int_equal(rpc_fixture_put_tier(&fixture, "free", 10)->status->code, STATUS_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    rpc_fixture_close(*state);
    return 0;
}

// --- asking and hearing apart

static nng_socket start_for(struct rpc_fixture *fixture, const char *account, uint64_t after_seq, uint32_t wait_ms)
{
    nng_socket client = rpc_fixture_dial(fixture->url);
    Postern__V1__Request request = rpc_fixture_request(fixture);
    Postern__V1__ListChangesRequest changes = POSTERN__V1__LIST_CHANGES_REQUEST__INIT;
    changes.account = rpc_fixture_text(account);
    changes.after_seq = after_seq;
    changes.wait_ms = wait_ms;
    request.call_case = POSTERN__V1__REQUEST__CALL_LIST_CHANGES;
    request.list_changes = &changes;
    struct slice bytes = rpc_fixture_pack(fixture, &request);
    nng_msg *msg = NULL;
    assert_int_equal(nng_msg_alloc(&msg, bytes.size), 0);
    memcpy(nng_msg_body(msg), bytes.data, bytes.size);
    assert_int_equal(nng_sendmsg(client, msg, 0), 0);
    return client;
}

static nng_socket start(struct rpc_fixture *fixture, uint64_t after_seq, uint32_t wait_ms)
{
    return start_for(fixture, "", after_seq, wait_ms);
}

// NULL: no answer within that time; then the call is given up.
static Postern__V1__Reply *hear(struct rpc_fixture *fixture, nng_socket client, nng_duration within_ms)
{
    nng_msg *msg = NULL;
    struct slice bytes;
    assert_int_equal(nng_socket_set_ms(client, NNG_OPT_RECVTIMEO, within_ms), 0);
    if (nng_recvmsg(client, &msg, 0) != 0)
        return NULL;
    assert_true(arena_copy(fixture->arena, slice_make(nng_msg_body(msg), nng_msg_len(msg)), &bytes));
    nng_msg_free(msg);
    return rpc_fixture_read(fixture, bytes);
}

static void assert_no_change(const Postern__V1__Reply *reply, uint64_t seq)
{
    assert_non_null(reply);
    assert_int_equal(reply->status->code, STATUS_OK);
    assert_int_equal(reply->list_changes->n_changes, 0);
    assert_int_equal(reply->seq, seq);
}

// --- what ends a wait

static void change_that_is_there_is_answered_at_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    nng_socket client = start(fixture, 0, LONG_MS);
    const Postern__V1__Reply *reply = hear(fixture, client, RPC_FIXTURE_TIMEOUT_MS);
    assert_non_null(reply);
    assert_int_equal(reply->list_changes->n_changes, 1);
    nng_close(client);
}

static void wait_ends_with_the_change(void **state)
{
    struct rpc_fixture *fixture = *state;
    nng_socket client = start(fixture, 1, LONG_MS);
    assert_null(hear(fixture, client, SHORT_MS));
    nng_close(client);
    client = start(fixture, 1, LONG_MS);
    assert_int_equal(rpc_fixture_put_account(fixture, "acme")->status->code, STATUS_OK);
    const Postern__V1__Reply *reply = hear(fixture, client, RPC_FIXTURE_TIMEOUT_MS);
    assert_non_null(reply);
    assert_int_equal(reply->list_changes->n_changes, 1);
    assert_int_equal(reply->list_changes->changes[0]->seq, 2);
    nng_close(client);
}

static void change_that_is_not_asked_for_ends_no_wait(void **state)
{
    struct rpc_fixture *fixture = *state;
    nng_socket client = start_for(fixture, "acme", 1, LONG_MS);
    assert_int_equal(rpc_fixture_put_account(fixture, "other")->status->code, STATUS_OK);
    assert_null(hear(fixture, client, SHORT_MS));
    nng_close(client);
    client = start_for(fixture, "acme", 1, LONG_MS);
    assert_int_equal(rpc_fixture_put_tier(fixture, "free", 11)->status->code, STATUS_OK);
    assert_int_equal(rpc_fixture_put_account(fixture, "acme")->status->code, STATUS_OK);
    const Postern__V1__Reply *reply = hear(fixture, client, RPC_FIXTURE_TIMEOUT_MS);
    assert_non_null(reply);
    assert_int_equal(reply->list_changes->n_changes, 1);
    assert_int_equal(reply->list_changes->changes[0]->seq, 4);
    nng_close(client);
}

static void note_heard(void *is_heard)
{
    atomic_store((atomic_bool *)is_heard, true);
}

// Each look costs memory, so that after some of them the caller has to ask again.
static void wait_ends_after_many_looks_in_vain(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct slice bytes;
    nng_aio *heard = NULL;
    atomic_bool is_heard = false;
    nng_socket client = start_for(fixture, "acme", 1, LONG_MS);
    assert_int_equal(nng_socket_set_ms(client, NNG_OPT_RECVTIMEO, LONG_MS / 2), 0);
    assert_int_equal(nng_aio_alloc(&heard, note_heard, &is_heard), 0);
    nng_recv_aio(client, heard);
    for (uint64_t amount = 11; !atomic_load(&is_heard); amount++)
        assert_int_equal(rpc_fixture_put_tier(fixture, "free", amount)->status->code, STATUS_OK);
    assert_int_equal(nng_aio_result(heard), 0);
    nng_msg *msg = nng_aio_get_msg(heard);
    assert_true(arena_copy(fixture->arena, slice_make(nng_msg_body(msg), nng_msg_len(msg)), &bytes));
    nng_msg_free(msg);
    nng_aio_free(heard);
    const Postern__V1__Reply *reply = rpc_fixture_read(fixture, bytes);
    assert_int_equal(reply->status->code, STATUS_OK);
    assert_int_equal(reply->list_changes->n_changes, 0);
    assert_true(reply->seq > 10);
    nng_close(client);
}

static void wait_ends_with_its_time(void **state)
{
    struct rpc_fixture *fixture = *state;
    nng_socket client = start(fixture, 1, SHORT_MS);
    assert_no_change(hear(fixture, client, RPC_FIXTURE_TIMEOUT_MS), 1);
    nng_close(client);
}

static void wait_ends_when_the_room_closes(void **state)
{
    struct rpc_fixture *fixture = *state;
    nng_socket client = start(fixture, 1, LONG_MS);
    assert_null(hear(fixture, client, SHORT_MS));
    uint64_t began_ms = clock_now_ms(fixture->clock);
    // It waits for its calls: ten seconds, when they do not end.
    rpc_close(fixture->rpc);
    fixture->rpc = NULL;
    assert_true(clock_now_ms(fixture->clock) - began_ms < 9000);
    nng_close(client);
}

// --- how many wait

static void more_than_there_are_places_are_told_to_come_again(void **state)
{
    struct rpc_fixture *fixture = *state;
    nng_socket clients[PLACES];
    for (size_t i = 0; i < PLACES; i++) {
        clients[i] = start(fixture, 1, LONG_MS);
        assert_null(hear(fixture, clients[i], SHORT_MS));
    }
    const Postern__V1__Reply *reply = NULL;
    uint64_t began_ms = clock_now_ms(fixture->clock);
    while (reply == NULL) { // until the others have come to wait
        assert_true(clock_now_ms(fixture->clock) - began_ms < LONG_MS / 2);
        nng_socket more = start(fixture, 1, LONG_MS);
        reply = hear(fixture, more, SHORT_MS);
        nng_close(more);
    }
    assert_int_equal(reply->status->code, STATUS_RESOURCE_EXHAUSTED);
    assert_true(
        slice_equal(slice_make(reply->status->reason.data, reply->status->reason.len), slice_text("SHARE_USED_UP")));
    assert_true(reply->status->retry_after_ms > 0);
    // What does not wait is answered.
    assert_int_equal(rpc_fixture_health(fixture)->status->code, STATUS_OK);
    // The place of a peer that has gone is free, a moment later.
    nng_close(clients[0]);
    began_ms = clock_now_ms(fixture->clock);
    do {
        assert_true(clock_now_ms(fixture->clock) - began_ms < LONG_MS / 2);
        clients[0] = start(fixture, 1, LONG_MS);
        reply = hear(fixture, clients[0], SHORT_MS);
        if (reply != NULL)
            nng_close(clients[0]);
    } while (reply != NULL);
    for (size_t i = 0; i < PLACES; i++)
        nng_close(clients[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(change_that_is_there_is_answered_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wait_ends_with_the_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(change_that_is_not_asked_for_ends_no_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wait_ends_after_many_looks_in_vain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wait_ends_with_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wait_ends_when_the_room_closes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_there_are_places_are_told_to_come_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
