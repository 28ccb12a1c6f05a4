// The transport's promises where TLS is in between: its patience, and what a stop delivers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "support/transport_tls.h"

enum { HELD = 200, REPLIES = 4, MEGABYTE = 1 << 20, CALLERS = 8, OUTSTANDING = 16, TURNS = 50, SLACK_MS = 5 };

static struct transport_fixture fixture;
static struct transport_tls tls;

static int set_up(void **state)
{
    (void)state;
    transport_fixture_open(&fixture);
    transport_tls_add(&tls, &fixture);
    transport_fixture_serve(&fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    transport_fixture_close(&fixture);
    transport_tls_remove(&tls);
    return 0;
}

// -------------------------------------------------------------------------------------------------------- patience

struct waiter {
    pthread_t thread;
    const char *name;
    bool right;
};

// It is closed, and not before its time. Clocks that are cut to milliseconds may differ by some.
static bool ends_after(struct transport_tls_peer *peer, uint64_t begin_ms, uint64_t span_ms)
{
    const bool ends = stream_peer_is_closed(&peer->plain); // what TLS says at the end is not looked at
    const uint64_t took_ms = raw_peer_now_ms() - begin_ms;
    transport_tls_close(peer);
    return ends && took_ms + SLACK_MS >= span_ms;
}

static void *says_nothing(void *context)
{
    struct waiter *waiter = context;
    const uint64_t begin_ms = raw_peer_now_ms();
    struct transport_tls_peer peer = {.plain = stream_peer_dial(tls.place)};
    waiter->right = ends_after(&peer, begin_ms, TRANSPORT_GREETING_MS);
    return NULL;
}

static void *begins_to_shake_hands(void *context)
{
    struct waiter *waiter = context;
    static const uint8_t part_of_hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    const uint64_t begin_ms = raw_peer_now_ms();
    struct transport_tls_peer peer = {.plain = stream_peer_dial(tls.place)};
    waiter->right = stream_peer_write(&peer.plain, part_of_hello, sizeof part_of_hello);
    waiter->right = ends_after(&peer, begin_ms, TRANSPORT_GREETING_MS) && waiter->right;
    return NULL;
}

static void *shakes_hands_and_says_nothing(void *context)
{
    struct waiter *waiter = context;
    const uint64_t begin_ms = raw_peer_now_ms();
    struct transport_tls_peer peer = transport_tls_dial(&tls);
    waiter->right = ends_after(&peer, begin_ms, TRANSPORT_GREETING_MS);
    return NULL;
}

static void *sends_half_a_frame(void *context)
{
    struct waiter *waiter = context;
    uint8_t frame[64];
    struct transport_tls_peer peer = transport_tls_open(&tls);
    waiter->right = transport_tls_is_served(&peer, 1);
    const uint64_t begin_ms = raw_peer_now_ms();
    size_t size = stream_peer_frame(&peer.plain, 2, "e and more", 10, frame);
    waiter->right = transport_tls_write(&peer, frame, size - 1) && waiter->right;
    waiter->right = ends_after(&peer, begin_ms, TRANSPORT_FRAME_MS) && waiter->right;
    return NULL;
}

// A frame is not whole either while a record that may hold it is not.
static bool ends_after_part_of_record(const uint8_t *part, size_t size)
{
    struct transport_tls_peer peer = transport_tls_open(&tls);
    bool right = transport_tls_is_served(&peer, 1);
    const uint64_t begin_ms = raw_peer_now_ms();
    right = stream_peer_write(&peer.plain, part, size) && right;
    return ends_after(&peer, begin_ms, TRANSPORT_FRAME_MS) && right;
}

static const uint8_t part_of_record[] = {0x17, 3, 3, 0, 64, 'p', 'a', 'r', 't'};

static void *sends_half_a_record(void *context)
{
    struct waiter *waiter = context;
    waiter->right = ends_after_part_of_record(part_of_record, sizeof part_of_record);
    return NULL;
}

static void *sends_the_header_of_a_record(void *context)
{
    struct waiter *waiter = context;
    waiter->right = ends_after_part_of_record(part_of_record, 5);
    return NULL;
}

// The record has no byte of a frame: the peer owes nothing any more when it is whole.
static void *sends_half_a_record_then_the_rest_and_is_idle(void *context)
{
    struct waiter *waiter = context;
    uint8_t record[256];
    struct transport_tls_peer peer = transport_tls_open(&tls);
    waiter->right = transport_tls_is_served(&peer, 1);
    SSL_set0_wbio(peer.ssl, BIO_new(BIO_s_mem()));
    raw_peer_demand(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(peer.ssl) == 1);
    const int size = BIO_read(SSL_get_wbio(peer.ssl), record, sizeof record);
    raw_peer_demand(size > 8);
    SSL_set0_wbio(peer.ssl, BIO_new_socket(peer.plain.fd, BIO_NOCLOSE));
    waiter->right = stream_peer_write(&peer.plain, record, 8) && waiter->right;
    (void)poll(NULL, 0, 500);
    waiter->right = stream_peer_write(&peer.plain, record + 8, (size_t)size - 8) && waiter->right;
    (void)poll(NULL, 0, TRANSPORT_FRAME_MS + 1000);
    waiter->right = transport_tls_is_served(&peer, 2) && waiter->right;
    transport_tls_close(&peer);
    return NULL;
}

static void *is_idle(void *context)
{
    struct waiter *waiter = context;
    struct transport_tls_peer peer = transport_tls_open(&tls);
    waiter->right = transport_tls_is_served(&peer, 1);
    (void)poll(NULL, 0, TRANSPORT_FRAME_MS + 2000);
    waiter->right = transport_tls_is_served(&peer, 2) && waiter->right;
    transport_tls_close(&peer);
    return NULL;
}

static void everybody_gets_his_time_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void *(*run)(void *context);
    } kinds[] = {
        {"says nothing", says_nothing},
        {"begins to shake hands", begins_to_shake_hands},
        {"shakes hands and says nothing", shakes_hands_and_says_nothing},
        {"sends half a frame", sends_half_a_frame},
        {"sends half a record", sends_half_a_record},
        {"sends the header of a record", sends_the_header_of_a_record},
        {"sends half a record, then the rest, and is idle", sends_half_a_record_then_the_rest_and_is_idle},
        {"is idle", is_idle},
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    struct waiter waiters[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        waiters[i] = (struct waiter){.name = kinds[i].name};
        assert_int_equal(pthread_create(&waiters[i].thread, NULL, kinds[i].run, &waiters[i]), 0);
    }
    for (size_t i = 0; i < KINDS; i++) {
        pthread_join(waiters[i].thread, NULL);
        if (!waiters[i].right)
            fail_msg("over TLS, one who %s", waiters[i].name);
    }
    struct transport_stats stats = transport_stats(fixture.transport);
    assert_int_equal(stats.closed_no_greeting, 3);
    assert_int_equal(stats.closed_half_frame, 3);
    assert_int_equal(stats.closed_stuck, 0);
    assert_int_equal(stats.tls_failures, 0);
    assert_true(transport_fixture_is_idle(&fixture));
}

// Asks, and reads nothing: what it asked for waits up to the mark, and then the connection is closed.
static void who_never_reads_is_not_read_from_and_then_closed(void **state)
{
    (void)state;
    enum { REPLY = 16 * 1024, TCP_MAX = 10 << 20 };
    static const uint8_t wanted[] = {'b', 0, 0, REPLY >> 8, 0};
    const struct timeval no_wait = {.tv_usec = 1000};
    struct transport_tls_peer peer = transport_tls_open(&tls), other = transport_tls_open(&tls);
    assert_int_equal(setsockopt(peer.plain.fd, SOL_SOCKET, SO_SNDTIMEO, &no_wait, sizeof no_wait), 0);
    SSL_set_mode(peer.ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER); // what was not written is tried again
    const uint64_t begin_ms = raw_peer_now_ms();
    uint32_t asked = 0, served = 0;
    while (transport_stats(fixture.transport).closed_stuck == 0) {
        assert_true(raw_peer_now_ms() - begin_ms < STREAM_PEER_WAIT_MS);
        asked += transport_tls_ask(&peer, asked, wanted, sizeof wanted) ? 1 : 0;
        assert_true(transport_tls_is_served(&other, served++));
    }
    assert_true(raw_peer_now_ms() - begin_ms + SLACK_MS >= TRANSPORT_STUCK_MS);
    assert_true(stream_peer_is_closed(&peer.plain));
    // What waits is at most the mark, one flight and one reply; before it, sockets have taken what they take.
    assert_in_range(atomic_load(&fixture.served_by[2]) - served, 1, (2 * TRANSPORT_OUTPUT_MARK + TCP_MAX) / REPLY + 2);
    assert_int_equal(transport_stats(fixture.transport).closed_half_frame, 0);
    transport_tls_close(&peer);
    transport_tls_close(&other);
    assert_true(transport_fixture_is_idle(&fixture));
}

// ------------------------------------------------------------------------------------------------------------ a stop

static void *close_it(void *context)
{
    (void)context;
    return transport_fixture_stop(&fixture) ? &fixture : NULL; // not NULL: all calls had ended
}

static pthread_t begin_to_close(void)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_it, NULL), 0);
    return thread;
}

static void is_closed_in_the_end(pthread_t thread)
{
    void *ended = NULL;
    pthread_join(thread, &ended);
    assert_non_null(ended);
}

static void what_is_in_flight_at_a_stop_is_answered_and_delivered(void **state)
{
    (void)state;
    uint8_t body[16];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    struct transport_tls_peer peer = transport_tls_open(&tls);
    for (uint32_t n = 0; n < HELD; n++)
        assert_true(transport_tls_ask(&peer, n, "h", 1));
    transport_fixture_await_held(&fixture, HELD);
    pthread_t closing = begin_to_close();
    while (access(fixture.path, F_OK) == 0) // nobody can come any more: it is being closed
        usleep(1000);
    assert_true(transport_tls_is_served(&peer, 999)); // and so are those that ask meanwhile
    transport_fixture_release(&fixture);
    is_closed_in_the_end(closing);
    bool answered[HELD] = {false};
    for (uint32_t n = 0; n < HELD; n++) {
        assert_true(transport_tls_receive(&peer, &reply));
        assert_true(reply.number < HELD && !answered[reply.number]);
        answered[reply.number] = true;
    }
    assert_true(stream_peer_is_closed(&peer.plain));
    transport_tls_close(&peer);
}

struct reader {
    struct transport_tls_peer peer;
    size_t received;
};

static void *read_megabytes(void *context)
{
    struct reader *reader = context;
    uint8_t *room = malloc(MEGABYTE);
    struct stream_reply reply = {.body = room, .room = MEGABYTE};
    raw_peer_demand(room != NULL);
    while (transport_tls_receive(&reader->peer, &reply)) {
        for (size_t i = 0; i < MEGABYTE; i++)
            raw_peer_demand(room[i] == transport_fixture_pattern(i));
        reader->received += reply.size == MEGABYTE ? 1 : 0;
    }
    free(room);
    return NULL;
}

// More than one flight of TLS waits when the stop begins, and nothing has been read.
static void replies_that_wait_at_a_stop_leave_before_it_closes(void **state)
{
    (void)state;
    struct reader reader = {.peer = transport_tls_open(&tls)};
    pthread_t thread;
    assert_true(transport_tls_is_served(&reader.peer, 0));
    assert_true(transport_tls_ask(&reader.peer, 1, "b\0\x10\0\0", 5));
    while (atomic_load(&fixture.replied) < 2)
        usleep(1000);
    assert_true(transport_stats(fixture.transport).memory_bytes > 0);
    pthread_t closing = begin_to_close();
    assert_int_equal(pthread_create(&thread, NULL, read_megabytes, &reader), 0);
    is_closed_in_the_end(closing);
    pthread_join(thread, NULL);
    assert_int_equal(reader.received, 1);
    transport_tls_close(&reader.peer);
}

// A peer that does not read holds the close up for some seconds, and not for ever.
static void peer_that_does_not_read_does_not_keep_it_open(void **state)
{
    (void)state;
    struct transport_tls_peer peer = transport_tls_open(&tls);
    for (uint32_t n = 0; n < REPLIES; n++)
        assert_true(transport_tls_ask(&peer, n, "b\0\x10\0\0", 5));
    while (atomic_load(&fixture.served) == 0)
        usleep(1000);
    is_closed_in_the_end(begin_to_close());
    transport_tls_close(&peer);
}

struct caller {
    pthread_t thread;
    struct transport_tls_peer peer;
    atomic_size_t *answered;
};

// Some calls are always under way, until it is over. When a write has failed nothing more is written: after a second
// one OpenSSL would not read either (bad write retry), and there may be replies to read.
static void *call_until_closed(void *context)
{
    struct caller *caller = context;
    uint8_t body[16];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    bool writes = true;
    for (uint32_t n = 0; n < OUTSTANDING; n++)
        writes = writes && transport_tls_ask(&caller->peer, n, "w...", 4);
    for (uint32_t n = OUTSTANDING; transport_tls_receive(&caller->peer, &reply); n++) {
        raw_peer_demand(reply.size == 4 && memcmp(body, "w...", 4) == 0);
        atomic_fetch_add(caller->answered, 1);
        writes = writes && transport_tls_ask(&caller->peer, n, "w...", 4);
    }
    return NULL;
}

static void every_reply_that_was_begun_is_delivered(void **state)
{
    (void)state;
    atomic_size_t answered = 0;
    struct caller callers[CALLERS];
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.peer = transport_tls_open(&tls), .answered = &answered};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_until_closed, &callers[i]), 0);
    }
    while (atomic_load(&answered) < TURNS * CALLERS)
        usleep(1000);
    is_closed_in_the_end(begin_to_close());
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        transport_tls_close(&callers[i].peer);
    }
    assert_int_equal(atomic_load(&answered), atomic_load(&fixture.replied));
    assert_int_equal(atomic_load(&fixture.unheard), 0);
}

// Each test in a process of its own, all at the same time. Nothing has used nng yet: it does not survive a fork.
int main(void)
{
#define SERVING(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVING(everybody_gets_his_time_and_no_more),
        SERVING(who_never_reads_is_not_read_from_and_then_closed),
        SERVING(what_is_in_flight_at_a_stop_is_answered_and_delivered),
        SERVING(replies_that_wait_at_a_stop_leave_before_it_closes),
        SERVING(peer_that_does_not_read_does_not_keep_it_open),
        SERVING(every_reply_that_was_begun_is_delivered),
    };
    enum { TESTS = sizeof tests / sizeof *tests };
    int failed = 0, ended;
    for (size_t i = 0; i < TESTS; i++) {
        const struct CMUnitTest one[] = {tests[i]};
        pid_t child = fork();
        raw_peer_demand(child >= 0);
        if (child == 0)
            return cmocka_run_group_tests(one, NULL, NULL);
    }
    while (wait(&ended) > 0)
        failed += ended != 0 ? 1 : 0;
    return failed;
}
