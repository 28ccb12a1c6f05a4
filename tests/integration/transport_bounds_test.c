// What the transport does when connections, calls or memory are all taken, and that it recovers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/transport_fixture.h"

enum { MOST = 8 };

static void await(struct transport_fixture *fixture, bool (*holds)(const struct transport_stats *, size_t),
                  size_t number)
{
    assert_true(transport_fixture_came(fixture, holds, number));
}

static int set_up(void **state)
{
    static struct transport_fixture fixture;
    transport_fixture_open(&fixture);
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

// Requests are told apart by their numbers.
static bool is_refused(const struct stream_peer *peer, uint32_t number)
{
    uint8_t body[64];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    return stream_peer_ask(peer, number, "e", 1) && stream_peer_receive(peer, &reply) && reply.number == number &&
           reply.size == 1 && body[0] == '!';
}

static bool has_refused_connections(const struct transport_stats *stats, size_t number)
{
    return stats->connections_refused >= number;
}

static bool has_at_most(const struct transport_stats *stats, size_t number)
{
    return stats->connections <= number;
}

static bool has_accepted(const struct transport_stats *stats, size_t number)
{
    return stats->accepted >= number;
}

// --- connections

static void open_served(struct transport_fixture *fixture, struct stream_peer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        peers[i] = stream_peer_open(i % 2 == 0 ? fixture->ipc : fixture->tcp);
        assert_true(transport_fixture_is_served(&peers[i], 1));
    }
}

static void close_all(struct stream_peer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        stream_peer_close(&peers[i]);
}

static void connection_beyond_the_maximum_is_told_so_and_closed(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    struct stream_peer peers[MOST];
    open_served(fixture, peers, MOST);
    for (size_t i = 0; i < 10; i++) {
        struct stream_peer more = stream_peer_open(i % 2 == 0 ? fixture->ipc : fixture->tcp);
        assert_true(is_refused(&more, 7));
        assert_true(stream_peer_is_closed(&more));
        stream_peer_close(&more);
    }
    for (size_t i = 0; i < MOST; i++)
        assert_true(transport_fixture_is_served(&peers[i], 2));
    struct transport_stats stats = transport_stats(fixture->transport);
    assert_int_equal(stats.connections_refused, 10);
    assert_int_equal(stats.overloaded, 10);
    stream_peer_close(&peers[0]);
    await(fixture, transport_fixture_has_connections, MOST - 1);
    assert_true(transport_fixture_serves_new(fixture->ipc)); // there is room again
    close_all(peers + 1, MOST - 1);
}

// Peers that were there first pay nothing for those that come later.
static void connections_that_were_there_are_served_while_one_beyond_the_maximum_waits(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    struct stream_peer peers[MOST];
    open_served(fixture, peers, MOST);
    struct stream_peer more = stream_peer_open(fixture->ipc); // and asks nothing yet
    assert_int_equal(transport_stats(fixture->transport).connections, MOST + 1);
    for (size_t i = 0; i < MOST; i++)
        assert_true(transport_fixture_is_served(&peers[i], 2));
    assert_true(is_refused(&more, 3));
    assert_true(stream_peer_is_closed(&more));
    stream_peer_close(&more);
    close_all(peers, MOST);
}

static void connection_beyond_the_maximum_that_asks_when_there_is_room_is_served(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    struct stream_peer peers[MOST];
    open_served(fixture, peers, MOST);
    struct stream_peer more = stream_peer_open(fixture->tcp);
    stream_peer_close(&peers[0]);
    await(fixture, transport_fixture_has_connections, MOST);
    assert_true(transport_fixture_is_served(&more, 1));
    assert_true(transport_fixture_is_served(&more, 2));
    stream_peer_close(&more);
    close_all(peers + 1, MOST - 1);
}

static void oldest_that_has_not_greeted_goes_first(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    struct stream_peer served[MOST / 2], silent[MOST / 2];
    uint64_t dialled_ms[MOST / 2];
    open_served(fixture, served, MOST / 2);
    for (size_t i = 0; i < MOST / 2; i++) {
        dialled_ms[i] = raw_peer_now_ms();
        silent[i] = stream_peer_dial(i % 2 == 0 ? fixture->ipc : fixture->tcp);
        await(fixture, has_accepted, MOST / 2 + i + 1);
    }
    // Each newcomer is served in the place of a silent one, the oldest first.
    for (size_t i = 0; i < MOST / 2; i++) {
        struct stream_peer newcomer = stream_peer_open(fixture->ipc);
        assert_true(transport_fixture_is_served(&newcomer, 1));
        assert_true(stream_peer_is_closed(&silent[i]));
        if (i + 1 < MOST / 2) {
            struct pollfd others = {.fd = silent[i + 1].fd, .events = POLLRDHUP};
            // The next one is still there, unless its own time is over on a machine that is slow.
            assert_true(poll(&others, 1, 0) == 0 || raw_peer_now_ms() - dialled_ms[i + 1] >= TRANSPORT_GREETING_MS);
        }
        stream_peer_close(&silent[i]);
        silent[i] = newcomer;
    }
    for (size_t i = 0; i < MOST / 2; i++) {
        assert_true(transport_fixture_is_served(&served[i], 2));
        assert_true(transport_fixture_is_served(&silent[i], 2));
    }
    struct transport_stats stats = transport_stats(fixture->transport);
    assert_true(stats.connections_refused == MOST / 2 || stats.closed_no_greeting > 0);
    close_all(served, MOST / 2);
    close_all(silent, MOST / 2);
}

// Hundreds that never greet, and one that does.
static void silent_peers_cannot_keep_others_out(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    enum { SILENT = 200 };
    struct stream_peer silent[SILENT];
    for (size_t i = 0; i < SILENT; i++)
        silent[i] = stream_peer_dial(fixture->ipc);
    await(fixture, has_accepted, SILENT);
    for (size_t i = 0; i < 20; i++) {
        await(fixture, has_at_most, MOST); // those that were cut have been freed
        assert_true(transport_fixture_serves_new(i % 2 == 0 ? fixture->ipc : fixture->tcp));
    }
    close_all(silent, SILENT);
}

static bool has_displaced(const struct transport_stats *stats, size_t number)
{
    return stats->displaced >= number;
}

// As if so long nobody had asked anything.
static void wait_idle(struct transport_fixture *fixture, uint64_t ms)
{
    atomic_fetch_add(&fixture->boot_ms, ms);
}

static struct stream_peer open_and_ask(struct stream_place place)
{
    struct stream_peer peer = stream_peer_open(place);
    assert_true(transport_fixture_is_served(&peer, 1));
    return peer;
}

static void caller_with_the_most_connections_gives_up_its_longest_idle_ones_to_another(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    struct stream_peer greedy[MOST], others[MOST / 2];
    for (uint32_t i = 0; i < MOST; i++)
        greedy[i] = open_and_ask(fixture->tcp);
    // A call of the first is in flight; the others have asked one after the other.
    assert_true(stream_peer_ask(&greedy[0], 3, "h", 1));
    transport_fixture_await_held(fixture, 1);
    for (size_t i = 1; i < MOST; i++) {
        wait_idle(fixture, 1000);
        assert_true(transport_fixture_is_served(&greedy[i], 2));
    }
    // Nobody has been idle for long enough.
    struct stream_peer early = stream_peer_open(fixture->ipc);
    assert_true(is_refused(&early, 1));
    stream_peer_close(&early);
    wait_idle(fixture, TRANSPORT_IDLE_MS);
    for (size_t i = 0; i < MOST / 2; i++) {
        others[i] = open_and_ask(fixture->ipc);
        await(fixture, has_displaced, i + 1);
    }
    transport_fixture_release(fixture);
    struct stream_reply reply = {.body = (uint8_t[8]){0}, .room = 8};
    assert_true(stream_peer_receive(&greedy[0], &reply) && reply.number == 3);
    // Which of the others, that depends on whose replies had left altogether; but not who asked last.
    size_t gone = 0;
    for (size_t i = 0; i < MOST; i++)
        gone += transport_fixture_is_served(&greedy[i], 9) ? 0 : 1;
    assert_int_equal(gone, MOST / 2);
    assert_true(transport_fixture_is_served(&greedy[MOST - 1], 10));
    // Now they have as many each, and all have asked.
    struct stream_peer more[2];
    for (size_t i = 0; i < 2; i++) {
        more[i] = stream_peer_open(i == 0 ? fixture->ipc : fixture->tcp);
        assert_true(is_refused(&more[i], 1));
    }
    assert_int_equal(transport_stats(fixture->transport).displaced, MOST / 2);
    close_all(more, 2);
    close_all(others, MOST / 2);
    close_all(greedy, MOST);
}

static void caller_with_all_connections_gets_another_in_the_place_of_an_idle_one_of_its_own(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    struct stream_peer peers[MOST];
    for (uint32_t i = 0; i < MOST; i++)
        peers[i] = open_and_ask(i % 2 == 0 ? fixture->tcp : fixture->ipc);
    wait_idle(fixture, TRANSPORT_IDLE_MS);
    for (uint32_t i = 0; i < MOST; i++)
        if (i != 3)
            assert_true(transport_fixture_is_served(&peers[i], 2));
    struct stream_peer another = open_and_ask(fixture->ipc), one_more = stream_peer_open(fixture->ipc);
    assert_true(stream_peer_is_closed(&peers[3]));
    assert_true(is_refused(&one_more, 1));
    stream_peer_close(&one_more);
    stream_peer_close(&another);
    close_all(peers, MOST);
}

// They greet and ask nothing, as many as there is room for beyond the maximum, and come again when they are closed.
static void places_beyond_the_maximum_are_not_kept_by_who_asks_nothing(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    enum { CROWD = MOST + 2 * TRANSPORT_CONNECTIONS_BEYOND_MAX };
    struct stream_peer crowd[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = stream_peer_dial(fixture->tcp);
        (void)stream_peer_write(&crowd[i], "\0SP\0\0\x30\0\0", 8);
        await(fixture, has_accepted, i + 1);
    }
    wait_idle(fixture, TRANSPORT_IDLE_MS);
    for (size_t i = 0; i < MOST / 2; i++) {
        struct stream_peer newcomer = open_and_ask(fixture->ipc);
        await(fixture, has_displaced, i + 1);
        stream_peer_close(&crowd[i]);
        crowd[i] = newcomer;
    }
    close_all(crowd, CROWD);
}

static void what_comes_beyond_those_is_closed_and_not_kept(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_connections = MOST;
    transport_fixture_serve(fixture);
    enum { MORE = 3 * TRANSPORT_CONNECTIONS_BEYOND_MAX };
    struct stream_peer peers[MOST], more[MORE];
    open_served(fixture, peers, MOST);
    for (size_t i = 0; i < MORE; i++) {
        more[i] = stream_peer_dial(fixture->ipc);
        (void)stream_peer_write(&more[i], "\0SP\0\0\x30\0\0", 8);
        await(fixture, has_accepted, MOST + i + 1);
        assert_in_range(transport_stats(fixture->transport).connections, 0, MOST + TRANSPORT_CONNECTIONS_BEYOND_MAX);
    }
    await(fixture, has_refused_connections, MORE);
    for (size_t i = 0; i < MOST; i++)
        assert_true(transport_fixture_is_served(&peers[i], 2));
    close_all(peers, MOST);
    close_all(more, MORE);
    await(fixture, transport_fixture_has_connections, 0);
    assert_true(transport_fixture_serves_new(fixture->ipc));
}

// --- calls

static void calls_beyond_those_of_one_connection_are_refused(void **state)
{
    struct transport_fixture *fixture = *state;
    transport_fixture_serve(fixture);
    struct stream_peer greedy = stream_peer_open(fixture->ipc), other = stream_peer_open(fixture->ipc);
    for (uint32_t n = 0; n < TRANSPORT_CONNECTION_CALLS; n++)
        assert_true(stream_peer_ask(&greedy, n, "h", 1));
    transport_fixture_await_held(fixture, TRANSPORT_CONNECTION_CALLS);
    for (uint32_t n = 0; n < 10; n++) {
        assert_true(is_refused(&greedy, 5000 + n));
        assert_true(transport_fixture_is_served(&other, n));
    }
    assert_int_equal(transport_stats(fixture->transport).overloaded, 10);
    transport_fixture_release(fixture);
    for (uint32_t n = TRANSPORT_CONNECTION_CALLS; n-- > 0;) {
        uint8_t body[4];
        struct stream_reply reply = {.body = body, .room = sizeof body};
        assert_true(stream_peer_receive(&greedy, &reply));
        assert_int_equal(reply.number, n);
    }
    await(fixture, transport_fixture_has_calls, 0);
    assert_true(transport_fixture_is_served(&greedy, 1));
    stream_peer_close(&greedy);
    stream_peer_close(&other);
}

static void calls_beyond_those_of_all_are_refused(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.max_calls = 20;
    transport_fixture_serve(fixture);
    struct stream_peer peers[4];
    open_served(fixture, peers, 4);
    for (uint32_t n = 0; n < 20; n++)
        assert_true(stream_peer_ask(&peers[n % 4], n, "h", 1));
    transport_fixture_await_held(fixture, 20);
    for (size_t i = 0; i < 4; i++)
        assert_true(is_refused(&peers[i], 77));
    transport_fixture_release(fixture);
    await(fixture, transport_fixture_has_calls, 0);
    for (size_t i = 0; i < 4; i++) {
        for (size_t n = 0; n < 5; n++) {
            uint8_t body[4];
            struct stream_reply reply = {.body = body, .room = sizeof body};
            assert_true(stream_peer_receive(&peers[i], &reply));
        }
        assert_true(transport_fixture_is_served(&peers[i], 99));
    }
    close_all(peers, 4);
}

// --- memory

// A room for replies that is held takes no memory; one that is not read does.
static void without_memory_requests_are_refused_and_then_served_again(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.memory_max_bytes = 4 << 20;
    transport_fixture_serve(fixture);
    struct stream_peer peers[3], greedy[8];
    open_served(fixture, peers, 3);
    const uint64_t idle = transport_stats(fixture->transport).memory_bytes;
    size_t opened = 0;
    while (opened < 8 &&
           transport_stats(fixture->transport).memory_bytes / 3 <= fixture->options.memory_max_bytes / 4) {
        greedy[opened] = stream_peer_open(fixture->ipc);
        assert_true(stream_peer_ask(&greedy[opened], 1, "b\0\x10\0\0", 5)); // a megabyte, and reads nothing of it
        uint8_t first;
        assert_int_equal(raw_peer_read(greedy[opened].fd, &first, 1, STREAM_PEER_WAIT_MS), 1);
        opened++;
    }
    assert_in_range(opened, 1, 7);
    for (size_t i = 0; i < 3; i++)
        assert_true(is_refused(&peers[i], 5));
    close_all(greedy, opened);
    await(fixture, transport_fixture_has_connections, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(transport_fixture_is_served(&peers[i], 6));
    assert_int_equal(transport_stats(fixture->transport).memory_bytes, idle);
    close_all(peers, 3);
}

// A peer that asks for more than there is loses its connection, and no other peer does.
static void reply_for_which_there_is_no_memory_closes_its_connection(void **state)
{
    struct transport_fixture *fixture = *state;
    fixture->options.memory_max_bytes = 1 << 20;
    transport_fixture_serve(fixture);
    struct stream_peer peer = stream_peer_open(fixture->ipc), greedy = stream_peer_open(fixture->ipc);
    assert_true(stream_peer_ask(&greedy, 1, "b\0\x20\0\0", 5));
    assert_true(stream_peer_is_closed(&greedy));
    stream_peer_close(&greedy);
    greedy = stream_peer_open(fixture->tcp);
    assert_true(stream_peer_ask(&greedy, 1, "b\0\x20\0\0", 5));
    assert_true(stream_peer_is_closed(&greedy));
    stream_peer_close(&greedy);
    assert_true(transport_fixture_is_served(&peer, 1));
    assert_int_equal(transport_stats(fixture->transport).closed_memory, 2);
    while (atomic_load(&fixture->unheard) < 2) // it is told after they were closed
        usleep(1000);
    stream_peer_close(&peer);
}

// A large request whose rest does not fit: it is refused at once, its rest skipped, and the next one served.
static void request_for_which_there_is_no_memory_is_refused_and_the_next_one_read(void **state)
{
    struct transport_fixture *fixture = *state;
    static uint8_t body[60000];
    enum { MEMORY = 4 << 20, LEFT = 48 * 1024, STEP = 4096 }; // too little for that body
    fixture->options.memory_max_bytes = MEMORY;
    transport_fixture_serve(fixture);
    struct stream_peer peer = stream_peer_open(fixture->ipc), greedy = stream_peer_open(fixture->ipc);
    assert_true(transport_fixture_is_served(&peer, 1));
    assert_true(transport_fixture_is_served(&greedy, 1));
    // He takes all but that, by a reply that he does not read; sockets do not take it all either.
    const size_t size = (MEMORY - transport_stats(fixture->transport).memory_bytes - LEFT) / STEP * STEP - STEP;
    const uint8_t wanted[] = {'b', (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    uint8_t first;
    assert_true(stream_peer_ask(&greedy, 2, wanted, sizeof wanted));
    assert_int_equal(raw_peer_read(greedy.fd, &first, 1, STREAM_PEER_WAIT_MS), 1);
    memset(body, 'e', sizeof body);
    uint8_t back[8];
    struct stream_reply reply = {.body = back, .room = sizeof back};
    assert_true(stream_peer_ask(&peer, 9, body, sizeof body));
    assert_true(stream_peer_receive(&peer, &reply));
    assert_int_equal(reply.number, 9);
    assert_int_equal(reply.size, 1);
    assert_int_equal(back[0], '!');
    stream_peer_close(&greedy);
    await(fixture, transport_fixture_has_connections, 1);
    for (uint32_t n = 0; n < 3; n++)
        assert_true(transport_fixture_is_served(&peer, n));
    stream_peer_close(&peer);
}

// Frames that are not whole take half of the memory, and no more: others are served.
static void what_nobody_finishes_does_not_refuse_others(void **state)
{
    struct transport_fixture *fixture = *state;
    enum { MEMORY = 2 << 20, HALVES = 48, SIZE = 60000 };
    static uint8_t bytes[13 + SIZE], body[SIZE];
    struct stream_peer halves[HALVES], peer;
    fixture->options.memory_max_bytes = MEMORY;
    transport_fixture_serve(fixture);
    peer = stream_peer_open(fixture->ipc);
    assert_true(transport_fixture_is_served(&peer, 1));
    for (size_t i = 0; i < HALVES; i++) { // 2.8 MB of them
        halves[i] = stream_peer_open(fixture->ipc);
        const size_t size = stream_peer_frame(&halves[i], (uint32_t)i, body, SIZE, bytes);
        assert_true(stream_peer_write(&halves[i], bytes, size - 1));
        while (!stream_peer_was_read(&halves[i]))
            usleep(1000);
        assert_true(transport_fixture_is_served(&peer, (uint32_t)i + 2));
    }
    assert_true(transport_stats(fixture->transport).overloaded > 0); // some of them
    close_all(halves, HALVES);
    stream_peer_close(&peer);
}

// --- counters

static void statistics_count_what_happened(void **state)
{
    struct transport_fixture *fixture = *state;
    transport_fixture_serve(fixture);
    struct transport_stats stats = transport_stats(fixture->transport);
    static const struct transport_stats nothing;
    assert_memory_equal(&stats, &nothing, sizeof stats);
    struct stream_peer peers[2];
    open_served(fixture, peers, 2);
    assert_true(stream_peer_ask(&peers[0], 2, "h", 1));
    transport_fixture_await_held(fixture, 1);
    stats = transport_stats(fixture->transport);
    assert_int_equal(stats.connections, 2);
    assert_int_equal(stats.accepted, 2);
    assert_int_equal(stats.requests, 3);
    assert_int_equal(stats.calls_in_flight, 1);
    assert_true(stats.memory_bytes > 0);
    transport_fixture_release(fixture);
    close_all(peers, 2);
    await(fixture, transport_fixture_has_connections, 0);
    stats = transport_stats(fixture->transport);
    assert_int_equal(stats.accepted, 2);
    assert_int_equal(stats.calls_in_flight, 0);
    assert_int_equal(stats.memory_bytes, 0);
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(connection_beyond_the_maximum_is_told_so_and_closed),
        WITH(connections_that_were_there_are_served_while_one_beyond_the_maximum_waits),
        WITH(connection_beyond_the_maximum_that_asks_when_there_is_room_is_served),
        WITH(oldest_that_has_not_greeted_goes_first),
        WITH(silent_peers_cannot_keep_others_out),
        WITH(caller_with_the_most_connections_gives_up_its_longest_idle_ones_to_another),
        WITH(caller_with_all_connections_gets_another_in_the_place_of_an_idle_one_of_its_own),
        WITH(places_beyond_the_maximum_are_not_kept_by_who_asks_nothing),
        WITH(what_comes_beyond_those_is_closed_and_not_kept),
        WITH(calls_beyond_those_of_one_connection_are_refused),
        WITH(calls_beyond_those_of_all_are_refused),
        WITH(without_memory_requests_are_refused_and_then_served_again),
        WITH(reply_for_which_there_is_no_memory_closes_its_connection),
        WITH(request_for_which_there_is_no_memory_is_refused_and_the_next_one_read),
        WITH(what_nobody_finishes_does_not_refuse_others),
        WITH(statistics_count_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
