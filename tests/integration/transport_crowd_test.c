// Thousands of visitors who want nothing good, and a process whose descriptors are all taken: nothing is lost, nobody
// else's call fails, and newcomers are accepted afterwards.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "support/transport_fixture.h"

enum { VISITS = 9000, COMERS = 10000, CALLERS = 64, VISITORS = 4 };

static int set_up(void **state)
{
    static struct transport_fixture fixture;
    transport_fixture_open(&fixture);
    transport_fixture_serve(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct transport_fixture *fixture = *state;
    const bool is_idle = transport_fixture_is_idle(fixture);
    transport_fixture_close(fixture);
    return is_idle ? 0 : 1;
}

// --- visitors

struct visitor {
    struct transport_fixture *fixture;
    size_t begin, end;
};

static void claim_gigabytes(const struct stream_peer *peer)
{
    uint8_t claim[9] = {1};
    uint8_t *length = claim + (peer->has_type ? 1 : 0);
    length[3] = 2; // of 8 bytes: about 10 GB
    length[4] = 0x80;
    (void)stream_peer_write(peer, "\0SP\0\0\x30\0\0", 8);
    (void)stream_peer_write(peer, claim, peer->has_type ? 9 : 8);
}

static void visit(struct transport_fixture *fixture, size_t number)
{
    struct stream_peer peer = stream_peer_dial(number % 2 == 0 ? fixture->ipc : fixture->tcp);
    uint8_t answer[8];
    switch (number / 2 % 7) {
    case 0:
        break;
    case 1:
        (void)stream_peer_write(&peer, "\0SP\0", 4);
        break;
    case 2:
        claim_gigabytes(&peer);
        break;
    case 3:
        claim_gigabytes(&peer);
        (void)raw_peer_read(peer.fd, answer, sizeof answer, STREAM_PEER_WAIT_MS);
        break;
    case 4:
        (void)stream_peer_write(&peer, "\0SP\0\0\x30\0\0", 8);
        (void)stream_peer_ask(&peer, 1, "b\0\x01\0\0", 5);
        break;
    case 5:
        (void)stream_peer_write(&peer, "\0SP\0\0\x30\0\0", 8);
        (void)stream_peer_ask(&peer, 1, "w", 1);
        break;
    default:
        (void)stream_peer_write(&peer, "\0SP\0\0\x20\0\0", 8);
        break;
    }
    if (number / 14 % 2 == 0)
        stream_peer_reset(&peer);
    else
        stream_peer_close(&peer);
}

static void *visit_many(void *context)
{
    const struct visitor *visitor = context;
    for (size_t i = visitor->begin; i < visitor->end; i++)
        visit(visitor->fixture, i);
    return NULL;
}

// nng closes them in a thread of its own, some time after a stream was freed: also those of before the count was taken.
static bool descriptors_return_to(size_t count)
{
    const uint64_t begin_ms = raw_peer_now_ms();
    while (transport_fixture_descriptors() > count)
        if (raw_peer_now_ms() - begin_ms > STREAM_PEER_WAIT_MS || poll(NULL, 0, 1) != 0)
            return false;
    return true;
}

static void thousands_of_hostile_visits_lose_no_descriptor(void **state)
{
    struct transport_fixture *fixture = *state;
    pthread_t threads[VISITORS];
    struct visitor visitors[VISITORS];
    assert_true(transport_fixture_serves_new(fixture->ipc)); // what is opened once is open now
    assert_true(transport_fixture_serves_new(fixture->tcp));
    assert_true(transport_fixture_came(fixture, transport_fixture_has_connections, 0));
    const size_t before = transport_fixture_descriptors();
    for (size_t i = 0; i < VISITORS; i++) {
        visitors[i] = (struct visitor){fixture, VISITS / VISITORS * i, VISITS / VISITORS * (i + 1)};
        assert_int_equal(pthread_create(&threads[i], NULL, visit_many, &visitors[i]), 0);
    }
    for (size_t i = 0; i < VISITORS; i++)
        pthread_join(threads[i], NULL);
    assert_true(transport_fixture_serves_new(fixture->ipc));
    assert_true(transport_fixture_serves_new(fixture->tcp));
    assert_true(transport_fixture_came(fixture, transport_fixture_has_calls, 0));
    assert_true(transport_fixture_came(fixture, transport_fixture_has_connections, 0));
    assert_true(descriptors_return_to(before));
    assert_int_equal(transport_stats(fixture->transport).memory_bytes, 0);
}

// --- callers

struct caller {
    struct transport_fixture *fixture;
    struct stream_place place;
    const atomic_bool *ends;
    atomic_size_t answered;
    bool failed;
};

static void *call_until_told(void *context)
{
    struct caller *caller = context;
    struct stream_peer peer = stream_peer_open(caller->place);
    while (!atomic_load(caller->ends) && !caller->failed) {
        caller->failed = !transport_fixture_is_served(&peer, (uint32_t)atomic_load(&caller->answered));
        atomic_fetch_add(&caller->answered, 1);
    }
    stream_peer_close(&peer);
    return NULL;
}

static void no_call_fails_while_ten_thousand_connections_come_and_go(void **state)
{
    struct transport_fixture *fixture = *state;
    pthread_t threads[CALLERS], visiting[VISITORS];
    struct visitor visitors[VISITORS];
    struct caller callers[CALLERS];
    atomic_bool ends = false;
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){fixture, i % 2 == 0 ? fixture->ipc : fixture->tcp, &ends, 0, false};
        assert_int_equal(pthread_create(&threads[i], NULL, call_until_told, &callers[i]), 0);
    }
    // They work before the others come: who has not greeted yet may be one of those that make room.
    for (size_t i = 0; i < CALLERS; i++)
        while (atomic_load(&callers[i].answered) == 0)
            (void)poll(NULL, 0, 1);
    for (size_t i = 0; i < VISITORS; i++) {
        visitors[i] = (struct visitor){fixture, COMERS / VISITORS * i, COMERS / VISITORS * (i + 1)};
        assert_int_equal(pthread_create(&visiting[i], NULL, visit_many, &visitors[i]), 0);
    }
    for (size_t i = 0; i < VISITORS; i++)
        pthread_join(visiting[i], NULL);
    atomic_store(&ends, true);
    for (size_t i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_false(callers[i].failed);
        assert_true(callers[i].answered > 0);
    }
    assert_in_range(transport_stats(fixture->transport).accepted, CALLERS, CALLERS + COMERS);
}

// --- descriptors

// Takes all that the process may still open. Returns how many.
static size_t take_descriptors(int *out, size_t max)
{
    size_t count = 0;
    while (count < max && (out[count] = dup(STDERR_FILENO)) >= 0)
        count++;
    return count;
}

static bool has_failed_to_accept(const struct transport_stats *stats, size_t number)
{
    return stats->accept_failures >= number;
}

static void without_descriptors_those_who_are_there_are_served_and_others_afterwards(void **state)
{
    struct transport_fixture *fixture = *state;
    enum { FEW = 200, WAITING = 10 };
    struct rlimit before, few = {.rlim_cur = FEW};
    int taken[FEW];
    struct stream_peer old[2] = {stream_peer_open(fixture->ipc), stream_peer_open(fixture->tcp)}, fresh[WAITING];
    for (size_t i = 0; i < 2; i++) // so that they are identified, and need not make room
        assert_true(transport_fixture_is_served(&old[i], 1));
    for (size_t i = 0; i < WAITING; i++) {
        struct stream_place place = i % 2 == 0 ? fixture->ipc : fixture->tcp;
        fresh[i] = (struct stream_peer){stream_peer_socket(place), place.path != NULL};
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    const size_t count = take_descriptors(taken, FEW);
    for (size_t i = 0; i < WAITING; i++)
        stream_peer_connect(fresh[i].fd, i % 2 == 0 ? fixture->ipc : fixture->tcp);
    assert_true(transport_fixture_came(fixture, has_failed_to_accept, 4));
    for (uint32_t n = 0; n < 100; n++)
        assert_true(transport_fixture_is_served(&old[n % 2], n));
    for (size_t i = 0; i < count; i++)
        close(taken[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < WAITING; i++) {
        if (!stream_peer_greet(&fresh[i])) { // had found a descriptor that nng closed late, and made room for another
            stream_peer_close(&fresh[i]);
            fresh[i] = stream_peer_open(i % 2 == 0 ? fixture->ipc : fixture->tcp);
        }
        assert_true(transport_fixture_is_served(&fresh[i], 1));
        stream_peer_close(&fresh[i]);
    }
    stream_peer_close(&old[0]);
    stream_peer_close(&old[1]);
}

int main(void)
{
#define SERVING(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        // First: nng gives the descriptors of those who have gone back in its own time.
        SERVING(without_descriptors_those_who_are_there_are_served_and_others_afterwards),
        SERVING(thousands_of_hostile_visits_lose_no_descriptor),
        SERVING(no_call_fails_while_ten_thousand_connections_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
