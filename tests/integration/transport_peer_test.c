// What peers of the transport say and hear: good ones at every pace, and those who break off or break the protocol.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/transport_fixture.h"

enum { PIPELINED = 10000, BIG = 1024 * 1024, MAX_THREADS = 64, ROUNDS = 50 };

static void await(struct transport_fixture *fixture, bool (*holds)(const struct transport_stats *, size_t),
                  size_t number)
{
    assert_true(transport_fixture_came(fixture, holds, number));
}

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

static struct stream_place place_of(const struct transport_fixture *fixture, int kind)
{
    return kind == 0 ? fixture->ipc : fixture->tcp;
}

static uint64_t number_of(const struct stream_reply *reply)
{
    uint64_t number = 0;
    assert_int_equal(reply->size, 8);
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | reply->body[i];
    return number;
}

// --- good peers

static void frame_that_comes_byte_by_byte_is_served(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
        uint8_t frame[STREAM_PEER_PREFIX_MAX + 5], answer[8], body[16];
        struct stream_peer peer = stream_peer_dial(place_of(fixture, kind));
        for (size_t i = 0; i < sizeof hello; i++)
            assert_true(stream_peer_write(&peer, hello + i, 1));
        assert_int_equal(raw_peer_read(peer.fd, answer, sizeof answer, STREAM_PEER_WAIT_MS), sizeof answer);
        assert_memory_equal(answer, "\0SP\0\0\x31\0\0", 8);
        for (uint32_t n = 1; n <= 3; n++) {
            struct stream_reply reply = {.body = body, .room = sizeof body};
            size_t size = stream_peer_frame(&peer, n, "e, so", 5, frame);
            for (size_t i = 0; i < size; i++)
                assert_true(stream_peer_write(&peer, frame + i, 1));
            assert_true(stream_peer_receive(&peer, &reply));
            assert_int_equal(reply.number, n);
            assert_int_equal(reply.size, 5);
            assert_memory_equal(body, "e, so", 5);
        }
        stream_peer_close(&peer);
    }
}

static void greeting_and_frames_that_are_cut_anywhere_are_served(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        uint8_t bytes[8 + 3 * (STREAM_PEER_PREFIX_MAX + 8)] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}, answer[8], body[16];
        struct stream_peer sizes = {.has_type = kind == 0};
        size_t size = 8;
        for (uint32_t n = 1; n <= 3; n++)
            size += stream_peer_frame(&sizes, n, "e, 4567", n, bytes + size);
        for (size_t cut = 0; cut <= size; cut++) {
            struct stream_peer peer = stream_peer_dial(place_of(fixture, kind));
            assert_true(stream_peer_write(&peer, bytes, cut));
            if (cut % 2 == 0) // so that the first part is there before the second
                assert_int_equal(raw_peer_read(peer.fd, answer, sizeof answer, STREAM_PEER_WAIT_MS), sizeof answer);
            assert_true(stream_peer_write(&peer, bytes + cut, size - cut));
            if (cut % 2 != 0)
                assert_int_equal(raw_peer_read(peer.fd, answer, sizeof answer, STREAM_PEER_WAIT_MS), sizeof answer);
            for (uint32_t n = 1; n <= 3; n++) {
                struct stream_reply reply = {.body = body, .room = sizeof body};
                assert_true(stream_peer_receive(&peer, &reply));
                assert_int_equal(reply.number, n);
                assert_int_equal(reply.size, n);
            }
            stream_peer_close(&peer);
        }
    }
}

struct sender {
    const struct stream_peer *peer;
    const char *body;
    size_t size;
    size_t count;
};

static void *send_many(void *context)
{
    const struct sender *sender = context;
    uint8_t *frames = malloc(sender->count * (STREAM_PEER_PREFIX_MAX + sender->size));
    size_t size = 0;
    raw_peer_demand(frames != NULL);
    for (size_t i = 0; i < sender->count; i++)
        size += stream_peer_frame(sender->peer, (uint32_t)i, sender->body, sender->size, frames + size);
    (void)stream_peer_write(sender->peer, frames, size);
    free(frames);
    return NULL;
}

// Each of `count` requests is answered exactly once.
static void exchange_many(const struct stream_peer *peer, const char *body, size_t count)
{
    static bool seen[PIPELINED];
    uint8_t room[64];
    pthread_t thread;
    struct sender sender = {.peer = peer, .body = body, .size = strlen(body), .count = count};
    memset(seen, 0, sizeof seen);
    assert_int_equal(pthread_create(&thread, NULL, send_many, &sender), 0);
    for (size_t i = 0; i < count; i++) {
        struct stream_reply reply = {.body = room, .room = sizeof room};
        assert_true(stream_peer_receive(peer, &reply));
        assert_true(reply.number < count && !seen[reply.number]);
        seen[reply.number] = true;
        assert_int_equal(reply.size, sender.size);
        assert_memory_equal(room, body, sender.size);
    }
    pthread_join(thread, NULL);
}

static void ten_thousand_pipelined_requests_are_answered_once_each(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
        exchange_many(&peer, "e, and what belongs to it", PIPELINED);
        stream_peer_close(&peer);
    }
}

// At most as many as a connection may have in flight; each round the connection is another one.
static void replies_of_other_threads_in_another_order_find_their_requests(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        for (size_t round = 0; round < 5; round++) {
            struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
            exchange_many(&peer, "w, by another thread", TRANSPORT_CONNECTION_CALLS / 2);
            stream_peer_close(&peer);
        }
    }
}

static void what_is_held_is_answered_when_it_is_released_and_the_newest_first(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        enum { HELD = 100 };
        uint8_t body[8];
        struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
        for (uint32_t n = 0; n < HELD; n++)
            assert_true(stream_peer_ask(&peer, n, "h", 1));
        transport_fixture_await_held(fixture, HELD);
        assert_int_equal(transport_stats(fixture->transport).calls_in_flight, HELD);
        assert_true(transport_fixture_is_served(&peer, 12345)); // meanwhile
        transport_fixture_release(fixture);
        for (uint32_t n = HELD; n-- > 0;) {
            struct stream_reply reply = {.body = body, .room = sizeof body};
            assert_true(stream_peer_receive(&peer, &reply));
            assert_int_equal(reply.number, n);
        }
        stream_peer_close(&peer);
    }
}

static void replies_of_a_megabyte_arrive_as_they_were_written(void **state)
{
    struct transport_fixture *fixture = *state;
    static uint8_t body[BIG + 1];
    static const char *const wanted[] = {"b\0\x10\0\0", "b\0\x10\0\0", "b\0\0\0\1", "b\0\x0f\xff\xff", "e...."};
    for (int kind = 0; kind < 2; kind++) {
        struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
        for (uint32_t n = 0; n < 20; n++)
            assert_true(stream_peer_ask(&peer, n, wanted[n % 5], 5));
        for (uint32_t n = 0; n < 20; n++) {
            static const size_t sizes[] = {BIG, BIG, 1, BIG - 1, 5};
            struct stream_reply reply = {.body = body, .room = sizeof body};
            assert_true(stream_peer_receive(&peer, &reply));
            assert_int_equal(reply.number, n);
            assert_int_equal(reply.size, sizes[n % 5]);
            for (size_t i = 0; n % 5 != 4 && i < reply.size; i++)
                if (body[i] != transport_fixture_pattern(i))
                    fail_msg("byte %zu of reply %u is wrong", i, n);
        }
        stream_peer_close(&peer);
    }
}

static void ids_of_devices_on_the_way_come_back(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        for (size_t ids = 1; ids <= 16; ids++) {
            uint8_t frame[9 + 64 + 1], back[sizeof frame];
            struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
            const size_t type = peer.has_type ? 1 : 0, size = type + 8 + 4 * ids + 1;
            memset(frame, 0, sizeof frame);
            frame[0] = peer.has_type ? 1 : 0;
            frame[type + 7] = (uint8_t)(4 * ids + 1);
            for (size_t i = 0; i < ids; i++)
                frame[type + 8 + 4 * i + 3] = (uint8_t)(i + 1);
            frame[type + 8 + 4 * (ids - 1)] = 0x80;
            frame[size - 1] = 'e';
            assert_true(stream_peer_write(&peer, frame, size));
            assert_int_equal(raw_peer_read(peer.fd, back, size, STREAM_PEER_WAIT_MS), size);
            assert_memory_equal(frame, back, size);
            stream_peer_close(&peer);
        }
    }
}

// --- one connection and the others

static size_t count_threads(const char *name)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/task");
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[64], text[32] = "";
        if (entry->d_name[0] == '.' || snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", entry->d_name) < 0)
            continue;
        FILE *file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fgets(text, sizeof text, file) != NULL && strncmp(text, name, strlen(name)) == 0)
            count++;
        fclose(file);
    }
    closedir(directory);
    return count;
}

// Every thread that serves waits at the gate, with more requests than a batch in its hands. Then one request of another
// comes, and the gate is opened. Returns how many the thread that served it had served before.
static uint64_t race(struct transport_fixture *fixture, const struct stream_peer *crowd, size_t threads,
                     const struct stream_peer *single)
{
    enum { IN_HAND = 200, READ = 4096 };
    uint8_t body[16], frames[READ];
    struct stream_reply reply = {.body = body, .room = sizeof body};
    for (size_t i = 0; i < threads; i++) {
        size_t size = stream_peer_frame(&crowd[i], 0, "g", 1, frames);
        for (uint32_t n = 1; n < IN_HAND; n++)
            size += stream_peer_frame(&crowd[i], n, "s", 1, frames + size);
        assert_true(stream_peer_write(&crowd[i], frames, size)); // fits one read
    }
    transport_fixture_await_gated(fixture, threads);
    assert_true(stream_peer_ask(single, 1, "s", 1));
    while (!stream_peer_was_read(single))
        sched_yield();
    transport_fixture_set_gate(fixture, true);
    assert_true(stream_peer_receive(single, &reply));
    const uint64_t served = number_of(&reply);
    for (size_t i = 0; i < threads; i++)
        for (size_t n = 0; n < IN_HAND; n++)
            assert_true(stream_peer_receive(&crowd[i], &reply));
    transport_fixture_await_gated(fixture, 0);
    transport_fixture_set_gate(fixture, false);
    return served;
}

// Between nng's read of the single request and its place in the queue there is a moment that the test cannot see, so
// it has some attempts. A thread that served all that it has in hand would have served 200 in each of them.
static void one_request_does_not_wait_for_all_that_another_connection_has_sent(void **state)
{
    struct transport_fixture *fixture = *state;
    const size_t threads = count_threads("nng:task");
    struct stream_peer crowd[MAX_THREADS], single = stream_peer_open(fixture->ipc);
    assert_in_range(threads, 1, MAX_THREADS);
    for (size_t i = 0; i < threads; i++)
        crowd[i] = stream_peer_open(fixture->ipc);
    uint64_t served = UINT64_MAX;
    for (size_t i = 0; i < ROUNDS && served > TRANSPORT_TURN_MAX; i++)
        served = race(fixture, crowd, threads, &single);
    assert_in_range(served, 0, TRANSPORT_TURN_MAX);
    for (size_t i = 0; i < threads; i++)
        stream_peer_close(&crowd[i]);
    stream_peer_close(&single);
}

// --- peers that go

static void replies_to_a_peer_that_has_gone_end_their_calls(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        enum { HELD = 50 };
        struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
        for (uint32_t n = 0; n < HELD; n++)
            assert_true(stream_peer_ask(&peer, n, "h", 1));
        transport_fixture_await_held(fixture, HELD);
        if (kind == 0)
            stream_peer_close(&peer);
        else
            stream_peer_reset(&peer);
        assert_true(transport_fixture_serves_new(place_of(fixture, kind)));
        assert_int_equal(transport_stats(fixture->transport).calls_in_flight, HELD);
        transport_fixture_release(fixture);
        await(fixture, transport_fixture_has_calls, 0);
        await(fixture, transport_fixture_has_connections, 0);
    }
}

// The bytes of a conversation up to any of them, and then it goes: with or without a good-bye, with or without having
// read what there was to read.
static void peer_may_go_at_any_byte(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        uint8_t bytes[256] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}, answer[8];
        struct stream_peer sizes = {.has_type = kind == 0};
        size_t size = 8;
        size += stream_peer_frame(&sizes, 1, "e", 1, bytes + size);
        size += stream_peer_frame(&sizes, 2, "b\0\1\0\0", 5, bytes + size);
        size += stream_peer_frame(&sizes, 3, "w", 1, bytes + size);
        size += stream_peer_frame(&sizes, 4, "h", 1, bytes + size);
        for (size_t cut = 0; cut <= size; cut++) {
            for (int how = 0; how < 4; how++) {
                struct stream_peer peer = stream_peer_dial(place_of(fixture, kind));
                assert_true(stream_peer_write(&peer, bytes, cut));
                if (how / 2 == 1)
                    assert_int_equal(raw_peer_read(peer.fd, answer, 8, STREAM_PEER_WAIT_MS), 8);
                if (how % 2 == 1)
                    stream_peer_reset(&peer);
                else
                    stream_peer_close(&peer);
            }
            transport_fixture_release(fixture);
        }
        assert_true(transport_fixture_serves_new(place_of(fixture, kind)));
    }
}

// --- peers that break the protocol

// Says so, and is closed.
static void is_closed_for(const struct stream_peer *peer, const void *bytes, size_t size)
{
    (void)stream_peer_write(peer, bytes, size);
    assert_true(stream_peer_is_closed(peer));
}

static void who_greets_in_another_way_is_closed_and_counted(void **state)
{
    struct transport_fixture *fixture = *state;
    static const char *const others[] = {
        "\0SP\0\0\x10\0\0", "\0SP\0\0\x20\0\0", "\0SP\x01\0\x30\0\0",
        "\0SP\0\0\x31\0\0", "GET / HT",         "\x16\x03\x01\0\xa5\x01\0\0",
    };
    enum { OTHERS = sizeof others / sizeof *others };
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < OTHERS; i++) {
            struct stream_peer peer = stream_peer_dial(place_of(fixture, kind));
            is_closed_for(&peer, others[i], 8);
            stream_peer_close(&peer);
        }
    }
    assert_int_equal(transport_stats(fixture->transport).closed_no_greeting, 2 * OTHERS);
    assert_int_equal(transport_stats(fixture->transport).requests, 0);
}

static void put_length(uint8_t *out, uint64_t length)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(length >> (56 - 8 * i));
}

static void frame_that_may_not_be_closes_its_connection_at_the_header(void **state)
{
    struct transport_fixture *fixture = *state;
    static const uint64_t lengths[] = {
        0, 3, TRANSPORT_FIXTURE_REQUEST_MAX + 5, UINT64_C(10) << 30, UINT64_C(1) << 63, UINT64_MAX,
    };
    enum { LENGTHS = sizeof lengths / sizeof *lengths };
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < LENGTHS; i++) {
            uint8_t bytes[9 + 4] = {1};
            struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
            uint8_t *at = bytes + (peer.has_type ? 1 : 0);
            put_length(at, lengths[i]);
            at[8] = 0x80;
            is_closed_for(&peer, bytes, (size_t)(at - bytes) + 12);
            stream_peer_close(&peer);
        }
    }
    struct stream_peer peer = stream_peer_open(fixture->ipc);
    is_closed_for(&peer, "\x02", 1);
    stream_peer_close(&peer);
    assert_int_equal(transport_stats(fixture->transport).closed_bad_frame, 2 * LENGTHS + 1);
    assert_int_equal(transport_stats(fixture->transport).requests, 0);
}

static void ten_thousand_ids_close_their_connection(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        static uint8_t bytes[9 + 4 * 10000];
        struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
        const size_t type = peer.has_type ? 1 : 0;
        bytes[0] = 1;
        put_length(bytes + type, 4 * 10000);
        is_closed_for(&peer, bytes, type + 8 + 4 * 10000);
        stream_peer_close(&peer);
    }
    assert_int_equal(transport_stats(fixture->transport).closed_bad_frame, 2);
}

static void request_of_the_largest_size_is_served(void **state)
{
    struct transport_fixture *fixture = *state;
    static uint8_t body[TRANSPORT_FIXTURE_REQUEST_MAX], back[sizeof body];
    memset(body, 'e', sizeof body);
    for (int kind = 0; kind < 2; kind++) {
        struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
        struct stream_reply reply = {.body = back, .room = sizeof back};
        for (uint32_t n = 0; n < 8; n++) {
            assert_true(stream_peer_ask(&peer, n, body, sizeof body));
            assert_true(stream_peer_receive(&peer, &reply));
            assert_int_equal(reply.size, sizeof body);
        }
        stream_peer_close(&peer);
    }
}

static void good_requests_before_a_bad_one_are_answered(void **state)
{
    struct transport_fixture *fixture = *state;
    for (int kind = 0; kind < 2; kind++) {
        enum { GOOD = 20 };
        uint8_t bytes[(GOOD + 2) * (STREAM_PEER_PREFIX_MAX + 1)], body[8];
        struct stream_peer peer = stream_peer_open(place_of(fixture, kind));
        size_t size = 0;
        for (uint32_t n = 0; n < GOOD; n++)
            size += stream_peer_frame(&peer, n, "e", 1, bytes + size);
        const size_t bad = size;
        size += stream_peer_frame(&peer, 0, "e", 1, bytes + size);
        memset(bytes + bad, 0xFF, 9);
        size += stream_peer_frame(&peer, GOOD, "e", 1, bytes + size);
        assert_true(stream_peer_write(&peer, bytes, size));
        for (uint32_t n = 0; n < GOOD; n++) {
            struct stream_reply reply = {.body = body, .room = sizeof body};
            assert_true(stream_peer_receive(&peer, &reply));
            assert_int_equal(reply.number, n);
        }
        assert_true(stream_peer_is_closed(&peer));
        stream_peer_close(&peer);
    }
    assert_int_equal(transport_stats(fixture->transport).requests, 2 * 20);
    assert_int_equal(transport_stats(fixture->transport).closed_bad_frame, 2);
}

int main(void)
{
#define SERVING(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVING(frame_that_comes_byte_by_byte_is_served),
        SERVING(greeting_and_frames_that_are_cut_anywhere_are_served),
        SERVING(ten_thousand_pipelined_requests_are_answered_once_each),
        SERVING(replies_of_other_threads_in_another_order_find_their_requests),
        SERVING(what_is_held_is_answered_when_it_is_released_and_the_newest_first),
        SERVING(replies_of_a_megabyte_arrive_as_they_were_written),
        SERVING(ids_of_devices_on_the_way_come_back),
        SERVING(one_request_does_not_wait_for_all_that_another_connection_has_sent),
        SERVING(replies_to_a_peer_that_has_gone_end_their_calls),
        SERVING(peer_may_go_at_any_byte),
        SERVING(who_greets_in_another_way_is_closed_and_counted),
        SERVING(frame_that_may_not_be_closes_its_connection_at_the_header),
        SERVING(ten_thousand_ids_close_their_connection),
        SERVING(request_of_the_largest_size_is_served),
        SERVING(good_requests_before_a_bad_one_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
