// The transport is closed while there is work: what is in flight is answered, and what is answered is delivered.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/transport_fixture.h"

enum { CALLERS = 64, OUTSTANDING = 16, MEGABYTE = 1 << 20 };

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
    transport_fixture_close(*state);
    return 0;
}

static void *close_it(void *context)
{
    struct transport_fixture *fixture = context;
    return transport_fixture_stop(fixture) ? fixture : NULL; // not NULL: all calls had ended
}

static pthread_t begin_to_close(struct transport_fixture *fixture)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_it, fixture), 0);
    return thread;
}

static void is_closed_in_the_end(pthread_t thread)
{
    void *ended = NULL;
    pthread_join(thread, &ended);
    assert_non_null(ended);
}

// Nobody can come any more: the transport is being closed.
static void await_input_ended(struct transport_fixture *fixture)
{
    while (access(fixture->path, F_OK) == 0)
        usleep(1000);
}

static void with_nobody_there_it_closes(void **state)
{
    struct transport_fixture *fixture = *state;
    is_closed_in_the_end(begin_to_close(fixture));
    assert_int_not_equal(access(fixture->path, F_OK), 0);
}

static void idle_and_half_open_connections_are_closed(void **state)
{
    struct transport_fixture *fixture = *state;
    struct stream_peer idle = stream_peer_open(fixture->ipc), silent = stream_peer_dial(fixture->tcp);
    struct stream_peer half = stream_peer_open(fixture->tcp);
    assert_true(transport_fixture_is_served(&idle, 1));
    assert_true(stream_peer_write(&half, "\0\0", 2));
    is_closed_in_the_end(begin_to_close(fixture));
    assert_true(stream_peer_is_closed(&idle));
    assert_true(stream_peer_is_closed(&silent));
    assert_true(stream_peer_is_closed(&half));
    stream_peer_close(&idle);
    stream_peer_close(&silent);
    stream_peer_close(&half);
}

static void what_is_in_flight_is_answered_and_delivered(void **state)
{
    struct transport_fixture *fixture = *state;
    enum { HELD = 200 };
    struct stream_peer peers[2] = {stream_peer_open(fixture->ipc), stream_peer_open(fixture->tcp)};
    for (uint32_t n = 0; n < HELD; n++)
        assert_true(stream_peer_ask(&peers[n % 2], n, "h", 1));
    transport_fixture_await_held(fixture, HELD);
    pthread_t closing = begin_to_close(fixture);
    await_input_ended(fixture);
    assert_true(transport_fixture_is_served(&peers[0], 999)); // and so are those that ask meanwhile
    transport_fixture_release(fixture);
    is_closed_in_the_end(closing);
    for (uint32_t n = 0; n < HELD; n++) {
        uint8_t body[8];
        struct stream_reply reply = {.body = body, .room = sizeof body};
        assert_true(stream_peer_receive(&peers[n % 2], &reply));
    }
    for (int i = 0; i < 2; i++) {
        assert_true(stream_peer_is_closed(&peers[i]));
        stream_peer_close(&peers[i]);
    }
}

struct reader {
    struct stream_peer peer;
    size_t received;
};

static void *read_megabytes(void *context)
{
    struct reader *reader = context;
    uint8_t *room = malloc(MEGABYTE);
    struct stream_reply reply = {.body = room, .room = MEGABYTE};
    raw_peer_demand(room != NULL);
    while (stream_peer_receive(&reader->peer, &reply))
        reader->received += reply.size == MEGABYTE ? 1 : 0;
    free(room);
    return NULL;
}

static void replies_of_megabytes_leave_before_it_closes(void **state)
{
    struct transport_fixture *fixture = *state;
    enum { REPLIES = 4 };
    struct reader readers[2] = {{.peer = stream_peer_open(fixture->ipc)}, {.peer = stream_peer_open(fixture->tcp)}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_true(transport_fixture_is_served(&readers[i].peer, 0));
        for (uint32_t n = 0; n < REPLIES; n++)
            assert_true(stream_peer_ask(&readers[i].peer, n, "b\0\x10\0\0", 5));
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_megabytes, &readers[i]), 0);
    while (atomic_load(&fixture->served) < 2 * (1 + REPLIES)) // a peer that does not read is not read from
        usleep(1000);
    is_closed_in_the_end(begin_to_close(fixture));
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].received, REPLIES);
        stream_peer_close(&readers[i].peer);
    }
}

// A peer that does not read holds the close up for some seconds, and not for ever.
static void peer_that_does_not_read_does_not_keep_it_open(void **state)
{
    struct transport_fixture *fixture = *state;
    struct stream_peer peer = stream_peer_open(fixture->ipc);
    for (uint32_t n = 0; n < 3; n++)
        assert_true(stream_peer_ask(&peer, n, "b\0\x10\0\0", 5));
    while (atomic_load(&fixture->served) == 0)
        usleep(1000);
    is_closed_in_the_end(begin_to_close(fixture));
    stream_peer_close(&peer);
}

struct caller {
    struct stream_peer peer;
    const char *body;
    atomic_size_t *answered;
};

// Some calls are always under way, until it is over. What was sent to him can be read afterwards, too.
static void *call_until_closed(void *context)
{
    struct caller *caller = context;
    uint8_t body[16];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    for (uint32_t n = 0; n < OUTSTANDING; n++)
        (void)stream_peer_ask(&caller->peer, n, caller->body, 4);
    for (uint32_t n = OUTSTANDING; stream_peer_receive(&caller->peer, &reply); n++) {
        raw_peer_demand(reply.size == 4 && memcmp(body, caller->body, 4) == 0);
        atomic_fetch_add(caller->answered, 1);
        (void)stream_peer_ask(&caller->peer, n, caller->body, 4);
    }
    return NULL;
}

static void close_at_work(struct transport_fixture *fixture, size_t count, const char *const bodies[2])
{
    atomic_size_t answered = 0;
    pthread_t threads[CALLERS];
    struct caller callers[CALLERS];
    for (size_t i = 0; i < count; i++) {
        struct stream_peer peer = stream_peer_open(i % 2 == 0 ? fixture->ipc : fixture->tcp);
        callers[i] = (struct caller){peer, bodies[i / 2 % 2], &answered};
        assert_int_equal(pthread_create(&threads[i], NULL, call_until_closed, &callers[i]), 0);
    }
    while (atomic_load(&answered) < 20 * count)
        usleep(1000);
    is_closed_in_the_end(begin_to_close(fixture));
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        stream_peer_close(&callers[i].peer);
    }
    assert_int_equal(atomic_load(&answered), atomic_load(&fixture->replied));
    assert_int_equal(atomic_load(&fixture->unheard), 0);
}

static void every_reply_that_was_begun_is_delivered(void **state)
{
    close_at_work(*state, CALLERS, (const char *const[]){"e...", "w..."});
}

// There is no moment at which nothing is in flight: the longest that a close may take.
static void requests_that_never_cease_are_answered_as_far_as_they_were_begun(void **state)
{
    close_at_work(*state, CALLERS / 8, (const char *const[]){"l...", "l..."});
}

int main(void)
{
#define SERVING(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVING(with_nobody_there_it_closes),
        SERVING(idle_and_half_open_connections_are_closed),
        SERVING(what_is_in_flight_is_answered_and_delivered),
        SERVING(replies_of_megabytes_leave_before_it_closes),
        SERVING(peer_that_does_not_read_does_not_keep_it_open),
        SERVING(every_reply_that_was_begun_is_delivered),
        SERVING(requests_that_never_cease_are_answered_as_far_as_they_were_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
