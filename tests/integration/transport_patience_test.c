// How long the transport waits for a peer: never for ever, and never less than it says. All wait at the same time, each
// in a thread of its own: the longest of these waits is the time that the test takes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "support/transport_fixture.h"

enum { STEP_US = 50000, FAST_US = 200, REPLY_SIZE = 16 * 1024, TCP_MAX = 10 << 20, SLACK_MS = 5 };

struct waiter {
    struct transport_fixture *fixture;
    struct stream_place place;
    bool right;
};

// It is closed, and not before its time. Clocks that are cut to milliseconds may differ by some.
static bool ends_after(const struct stream_peer *peer, uint64_t begin_ms, uint64_t span_ms)
{
    return stream_peer_is_closed(peer) && raw_peer_now_ms() - begin_ms + SLACK_MS >= span_ms;
}

// --- the greeting

static void *says_nothing(void *context)
{
    struct waiter *waiter = context;
    const uint64_t begin_ms = raw_peer_now_ms();
    struct stream_peer peer = stream_peer_dial(waiter->place);
    waiter->right = ends_after(&peer, begin_ms, TRANSPORT_GREETING_MS);
    stream_peer_close(&peer);
    return NULL;
}

static void *greets_by_half(void *context)
{
    struct waiter *waiter = context;
    const uint64_t begin_ms = raw_peer_now_ms();
    struct stream_peer peer = stream_peer_dial(waiter->place);
    (void)stream_peer_write(&peer, "\0SP\0", 4);
    waiter->right = ends_after(&peer, begin_ms, TRANSPORT_GREETING_MS);
    stream_peer_close(&peer);
    return NULL;
}

// Each byte comes in time, the whole does not.
static void *greets_slowly(void *context)
{
    struct waiter *waiter = context;
    const uint64_t begin_ms = raw_peer_now_ms();
    struct stream_peer peer = stream_peer_dial(waiter->place);
    static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    bool open = true;
    for (size_t i = 0; i < sizeof hello && open; i++) {
        open = stream_peer_write(&peer, hello + i, 1);
        (void)poll(NULL, 0, TRANSPORT_GREETING_MS / 6);
    }
    waiter->right = ends_after(&peer, begin_ms, TRANSPORT_GREETING_MS);
    stream_peer_close(&peer);
    return NULL;
}

// --- frames

static void *sends_half_a_frame(void *context)
{
    struct waiter *waiter = context;
    uint8_t frame[64];
    struct stream_peer peer = stream_peer_open(waiter->place);
    waiter->right = transport_fixture_is_served(&peer, 1);
    const uint64_t begin_ms = raw_peer_now_ms();
    size_t size = stream_peer_frame(&peer, 2, "e and more", 10, frame);
    (void)stream_peer_write(&peer, frame, size - 1);
    waiter->right = waiter->right && ends_after(&peer, begin_ms, TRANSPORT_FRAME_MS);
    stream_peer_close(&peer);
    return NULL;
}

static void *sends_one_byte(void *context)
{
    struct waiter *waiter = context;
    struct stream_peer peer = stream_peer_open(waiter->place);
    const uint64_t begin_ms = raw_peer_now_ms();
    (void)stream_peer_write(&peer, peer.has_type ? "\1" : "\0", 1);
    waiter->right = ends_after(&peer, begin_ms, TRANSPORT_FRAME_MS);
    stream_peer_close(&peer);
    return NULL;
}

// A frame of 60,000 bytes whose bytes come one by one: not whole in time at any pace of these. (At one byte every 200
// us, which no sleep undercuts, it takes 12 s.)
static void *trickles(struct waiter *waiter, useconds_t pace_us)
{
    static uint8_t body[60000];
    uint8_t *frame = malloc(sizeof body + STREAM_PEER_PREFIX_MAX);
    raw_peer_demand(frame != NULL);
    struct stream_peer peer = stream_peer_open(waiter->place);
    size_t size = stream_peer_frame(&peer, 2, body, sizeof body, frame), sent = 0;
    const uint64_t begin_ms = raw_peer_now_ms();
    while (sent < size && stream_peer_write(&peer, frame + sent, 1)) {
        sent++;
        usleep(pace_us);
    }
    waiter->right = sent < size && ends_after(&peer, begin_ms, TRANSPORT_FRAME_MS);
    stream_peer_close(&peer);
    free(frame);
    return NULL;
}

static void *trickles_slowly(void *context)
{
    return trickles(context, STEP_US);
}

static void *trickles_fast(void *context)
{
    return trickles(context, FAST_US);
}

// --- those who are waited for

// Longer than any of the spans, between requests and after one that came in two pieces.
static void *is_idle(void *context)
{
    struct waiter *waiter = context;
    uint8_t frame[64], body[16];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    struct stream_peer peer = stream_peer_open(waiter->place);
    size_t size = stream_peer_frame(&peer, 2, "e", 1, frame);
    waiter->right = transport_fixture_is_served(&peer, 1) && stream_peer_write(&peer, frame, size - 1);
    (void)poll(NULL, 0, 10);
    waiter->right =
        waiter->right && stream_peer_write(&peer, frame + size - 1, 1) && stream_peer_receive(&peer, &reply);
    (void)poll(NULL, 0, TRANSPORT_FRAME_MS + 2000);
    waiter->right = waiter->right && transport_fixture_is_served(&peer, 3);
    stream_peer_close(&peer);
    return NULL;
}

// Frames in two pieces each, for longer than one of them may take.
static void *is_never_between_frames(void *context)
{
    struct waiter *waiter = context;
    const uint64_t begin_ms = raw_peer_now_ms();
    struct stream_peer peer = stream_peer_open(waiter->place);
    uint8_t frame[64], body[16];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    size_t size = stream_peer_frame(&peer, 1, "e", 1, frame);
    waiter->right = stream_peer_write(&peer, frame, 5);
    while (waiter->right && raw_peer_now_ms() - begin_ms < TRANSPORT_FRAME_MS + 2000) {
        usleep(STEP_US);
        waiter->right = stream_peer_write(&peer, frame + 5, size - 5) && stream_peer_write(&peer, frame, 5) &&
                        stream_peer_receive(&peer, &reply);
    }
    stream_peer_close(&peer);
    return NULL;
}

// --- replies

// Asks, and reads nothing: is not read from when its output is above the mark, and is closed when nothing of it was
// taken for some time.
static void *never_reads(void *context)
{
    struct waiter *waiter = context;
    struct stream_peer peer = stream_peer_open(waiter->place);
    const uint8_t wanted[] = {'b', 0, 0, REPLY_SIZE >> 8, 0};
    const uint64_t begin_ms = raw_peer_now_ms();
    size_t sent = 0;
    // The kernel holds some hundred KiB of requests, which are 14 bytes or more: a reader takes none of these.
    while (stream_peer_ask(&peer, (uint32_t)sent, wanted, sizeof wanted))
        sent++;
    waiter->right = raw_peer_now_ms() - begin_ms + SLACK_MS >= TRANSPORT_STUCK_MS && stream_peer_is_closed(&peer);
    stream_peer_close(&peer);
    return NULL;
}

// Takes a little, again and again: is waited for. The replies are larger than sockets and mark together.
static void *reads_slowly(void *context)
{
    struct waiter *waiter = context;
    static uint8_t room[1 << 20];
    enum { REPLIES = 6 };
    struct stream_reply reply = {.body = room, .room = sizeof room};
    struct stream_peer peer = stream_peer_open(waiter->place);
    waiter->right = true;
    for (uint32_t n = 0; n < REPLIES; n++)
        waiter->right = waiter->right && stream_peer_ask(&peer, n, "b\0\x10\0\0", 5);
    for (uint32_t n = 0; n < REPLIES && waiter->right; n++) {
        (void)poll(NULL, 0, (TRANSPORT_STUCK_MS + 2000) / REPLIES);
        waiter->right = stream_peer_receive(&peer, &reply) && reply.number == n;
    }
    waiter->right = waiter->right && transport_fixture_is_served(&peer, 99);
    stream_peer_close(&peer);
    return NULL;
}

struct kind {
    const char *name;
    void *(*run)(void *context);
    bool of_ipc, of_tcp;
};

static const struct kind kinds[] = {
    {"says nothing", says_nothing, true, true},
    {"greets by half", greets_by_half, true, true},
    {"greets slowly", greets_slowly, true, true},
    {"sends half a frame", sends_half_a_frame, true, true},
    {"sends one byte", sends_one_byte, true, true},
    {"trickles slowly", trickles_slowly, true, true},
    {"trickles fast", trickles_fast, true, false},
    {"is idle", is_idle, true, true},
    {"is never between frames", is_never_between_frames, true, true},
    {"reads slowly", reads_slowly, true, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void *watch(void *context)
{
    struct waiter *waiter = context;
    const uint64_t begin_ms = raw_peer_now_ms();
    struct stream_peer peer = stream_peer_open(waiter->place);
    waiter->right = true;
    for (uint32_t n = 0; raw_peer_now_ms() - begin_ms < TRANSPORT_STUCK_MS && waiter->right; n++) {
        waiter->right = transport_fixture_is_served(&peer, n);
        usleep(STEP_US / 10);
    }
    stream_peer_close(&peer);
    return NULL;
}

static void everybody_gets_his_time_and_no_more(void **state)
{
    (void)state;
    static struct transport_fixture fixture;
    struct waiter waiters[2][KINDS], watcher = {.fixture = &fixture};
    pthread_t threads[2][KINDS], watching;
    transport_fixture_open(&fixture);
    transport_fixture_serve(&fixture);
    watcher.place = fixture.ipc;
    assert_int_equal(pthread_create(&watching, NULL, watch, &watcher), 0);
    for (size_t i = 0; i < KINDS; i++) {
        waiters[0][i] = (struct waiter){.fixture = &fixture, .place = fixture.ipc, .right = true};
        waiters[1][i] = (struct waiter){.fixture = &fixture, .place = fixture.tcp, .right = true};
        if (kinds[i].of_ipc)
            assert_int_equal(pthread_create(&threads[0][i], NULL, kinds[i].run, &waiters[0][i]), 0);
        if (kinds[i].of_tcp)
            assert_int_equal(pthread_create(&threads[1][i], NULL, kinds[i].run, &waiters[1][i]), 0);
    }
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].of_ipc)
            pthread_join(threads[0][i], NULL);
        if (kinds[i].of_tcp)
            pthread_join(threads[1][i], NULL);
    }
    pthread_join(watching, NULL);
    for (size_t i = 0; i < KINDS; i++) {
        if (!waiters[0][i].right)
            print_error("over ipc, one who %s\n", kinds[i].name);
        if (!waiters[1][i].right)
            print_error("over tcp, one who %s\n", kinds[i].name);
        assert_true(waiters[0][i].right && waiters[1][i].right);
    }
    assert_true(watcher.right);
    struct transport_stats stats = transport_stats(fixture.transport);
    assert_int_equal(stats.closed_no_greeting, 2 * 3);
    assert_int_equal(stats.closed_half_frame, 2 * 3 + 1);
    assert_int_equal(stats.closed_stuck, 0);
    assert_true(transport_fixture_is_idle(&fixture));
    transport_fixture_close(&fixture);
}

// What a unix socket takes before it is full.
static size_t socket_size(void)
{
    size_t size = 0;
    FILE *file = fopen("/proc/sys/net/core/wmem_default", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &size), 1);
    fclose(file);
    return size;
}

static void who_never_reads_is_not_read_from_and_then_closed(void **state)
{
    (void)state;
    static struct transport_fixture fixture;
    struct waiter waiters[2];
    pthread_t threads[2];
    transport_fixture_open(&fixture);
    transport_fixture_serve(&fixture);
    for (int kind = 0; kind < 2; kind++) {
        waiters[kind] = (struct waiter){.fixture = &fixture, .place = kind == 0 ? fixture.ipc : fixture.tcp};
        assert_int_equal(pthread_create(&threads[kind], NULL, never_reads, &waiters[kind]), 0);
    }
    struct stream_peer other = stream_peer_open(fixture.ipc);
    size_t asked = 0;
    while (transport_stats(fixture.transport).closed_stuck < 2) {
        assert_true(transport_fixture_is_served(&other, (uint32_t)asked++));
        usleep(STEP_US);
    }
    for (int kind = 0; kind < 2; kind++) {
        pthread_join(threads[kind], NULL);
        assert_true(waiters[kind].right);
    }
    // What waits is at most the mark and one reply; before it, sockets have taken what they take.
    const size_t by_ipc = atomic_load(&fixture.served_by[0]) - asked, by_tcp = atomic_load(&fixture.served_by[1]);
    assert_in_range(by_ipc, 1, (TRANSPORT_OUTPUT_MARK + socket_size()) / REPLY_SIZE + 2);
    assert_in_range(by_tcp, 1, (TRANSPORT_OUTPUT_MARK + TCP_MAX) / REPLY_SIZE + 2);
    assert_int_equal(transport_stats(fixture.transport).closed_half_frame, 0);
    stream_peer_close(&other);
    assert_true(transport_fixture_is_idle(&fixture));
    transport_fixture_close(&fixture);
}

// --- beyond a bound

// A request that was refused for want of memory, and whose rest came later, owes nothing: its connection may be idle.
static void connection_whose_request_was_skipped_may_be_idle(void **state)
{
    (void)state;
    static struct transport_fixture fixture;
    static uint8_t body[60000];
    enum { MEMORY = 4 << 20, LEFT = 48 * 1024, STEP = 4096 }; // too little for that body
    transport_fixture_open(&fixture);
    fixture.options.memory_max_bytes = MEMORY;
    transport_fixture_serve(&fixture);
    struct stream_peer peer = stream_peer_open(fixture.ipc), greedy = stream_peer_open(fixture.ipc);
    assert_true(transport_fixture_is_served(&peer, 1));
    assert_true(transport_fixture_is_served(&greedy, 1));
    const size_t size = (MEMORY - transport_stats(fixture.transport).memory_bytes - LEFT) / STEP * STEP - STEP;
    const uint8_t wanted[] = {'b', (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    uint8_t first, back[8];
    struct stream_reply reply = {.body = back, .room = sizeof back};
    assert_true(stream_peer_ask(&greedy, 2, wanted, sizeof wanted));
    assert_int_equal(raw_peer_read(greedy.fd, &first, 1, STREAM_PEER_WAIT_MS), 1);
    assert_true(stream_peer_ask(&peer, 9, body, sizeof body));
    assert_true(stream_peer_receive(&peer, &reply));
    assert_int_equal(back[0], '!');
    stream_peer_close(&greedy);
    assert_true(transport_fixture_came(&fixture, transport_fixture_has_connections, 1));
    (void)poll(NULL, 0, TRANSPORT_FRAME_MS + 2000);
    assert_true(transport_fixture_is_served(&peer, 10));
    stream_peer_close(&peer);
    assert_true(transport_fixture_is_idle(&fixture));
    transport_fixture_close(&fixture);
}

// It would keep others from being told.
static void connection_beyond_the_maximum_that_asks_nothing_is_closed(void **state)
{
    (void)state;
    static struct transport_fixture fixture;
    transport_fixture_open(&fixture);
    fixture.options.max_connections = 1;
    transport_fixture_serve(&fixture);
    struct stream_peer first = stream_peer_open(fixture.ipc);
    assert_true(transport_fixture_is_served(&first, 1));
    const uint64_t begin_ms = raw_peer_now_ms();
    struct stream_peer more = stream_peer_open(fixture.ipc);
    assert_true(ends_after(&more, begin_ms, TRANSPORT_GREETING_MS));
    stream_peer_close(&more);
    more = stream_peer_open(fixture.tcp);
    stream_peer_close(&first);
    (void)poll(NULL, 0, TRANSPORT_GREETING_MS + 1000);
    assert_true(transport_fixture_is_served(&more, 1)); // there was room when its time was over
    stream_peer_close(&more);
    assert_true(transport_fixture_is_idle(&fixture));
    transport_fixture_close(&fixture);
}

// Each test in a process of its own, all at the same time. Nothing has used nng yet: it does not survive a fork.
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_his_time_and_no_more),
        cmocka_unit_test(who_never_reads_is_not_read_from_and_then_closed),
        cmocka_unit_test(connection_whose_request_was_skipped_may_be_idle),
        cmocka_unit_test(connection_beyond_the_maximum_that_asks_nothing_is_closed),
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
