// The bytes of the connection as libpostern reads and writes them, without a socket: pieces of any size, and a server
// that is none.
#include "../../client/src/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { HEADER_MIN = 8 };
#define ID UINT32_C(0x80000007)

static const uint8_t greeting[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

struct fixture {
    struct postern_target target;
    struct postern_link link;
};

// A connection that has not been greeted yet.
static void open_link(struct fixture *fixture, enum postern_scheme scheme)
{
    *fixture = (struct fixture){.target = {.scheme = scheme, .url = "ipc:///x"}};
    postern_link_init(&fixture->link, &fixture->target, false);
    fixture->link.state = POSTERN_LINK_GREETING;
}

static bool receive(struct postern_link *link, const void *bytes, size_t size)
{
    assert_true(postern_buffer_reserve(&link->in, size));
    memcpy(link->in.data + link->in.end, bytes, size);
    return postern_link_received(link, (ptrdiff_t)size, 0, 1);
}

// A reply as a server frames it; returns its size.
static size_t frame(enum postern_scheme scheme, uint32_t id, uint64_t length, const char *body, uint8_t *out)
{
    size_t at = 0;
    if (scheme == POSTERN_IPC)
        out[at++] = 1;
    for (int shift = 56; shift >= 0; shift -= 8)
        out[at++] = (uint8_t)(length >> shift);
    for (int shift = 24; shift >= 0; shift -= 8)
        out[at++] = (uint8_t)(id >> shift);
    memcpy(out + at, body, strlen(body));
    return at + strlen(body);
}

static void assert_reply(struct postern_link *link, uint32_t id, const char *body)
{
    struct postern_link_reply reply;
    assert_int_equal(postern_link_next(link, &reply), POSTERN_NEXT_REPLY);
    assert_int_equal(reply.id, id);
    assert_int_equal(reply.size, strlen(body));
    assert_memory_equal(reply.bytes, body, reply.size);
    postern_link_take(link, &reply);
}

static void replies_come_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const enum postern_scheme schemes[] = {POSTERN_IPC, POSTERN_TCP};
    for (size_t s = 0; s < 2; s++) {
        uint8_t bytes[128];
        memcpy(bytes, greeting, sizeof greeting);
        size_t size = sizeof greeting;
        size += frame(schemes[s], ID, 4 + 5, "first", bytes + size);
        size += frame(schemes[s], ID + 1, 4 + 0, "", bytes + size);
        size += frame(schemes[s], ID + 2, 4 + 6, "second", bytes + size);
        for (size_t piece = 1; piece <= size; piece++) {
            struct fixture fixture;
            struct postern_link_reply unused;
            open_link(&fixture, schemes[s]);
            for (size_t at = 0; at < size; at += piece) {
                assert_true(receive(&fixture.link, bytes + at, size - at < piece ? size - at : piece));
                if (at + piece < size && at + piece <= sizeof greeting + HEADER_MIN)
                    assert_int_equal(postern_link_next(&fixture.link, &unused), POSTERN_NEXT_NONE);
            }
            assert_reply(&fixture.link, ID, "first");
            assert_reply(&fixture.link, ID + 1, "");
            assert_reply(&fixture.link, ID + 2, "second");
            assert_int_equal(postern_link_next(&fixture.link, &unused), POSTERN_NEXT_NONE);
            postern_link_wipe(&fixture.link);
        }
    }
}

static void another_greeting_is_not_a_postern(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof greeting; i++) {
        struct fixture fixture;
        uint8_t bytes[sizeof greeting];
        open_link(&fixture, POSTERN_IPC);
        memcpy(bytes, greeting, sizeof bytes);
        bytes[i] ^= 1;
        assert_false(receive(&fixture.link, bytes, i + 1)); // at the first byte that differs
        assert_int_equal(fixture.link.state, POSTERN_LINK_DOWN);
        assert_non_null(strstr(fixture.link.failure.message, "is not posternd"));
        postern_link_wipe(&fixture.link);
    }
}

// An alert is what a server of TLS has to say to our greeting. Over ipc there is no TLS.
static void alert_is_a_tls_server_over_tcp_alone(void **state)
{
    (void)state;
    static const uint8_t alert[] = {0x15, 3, 1, 0, 2, 2, 70}, no_alert[] = {0x15, 2};
    struct fixture fixture;
    for (size_t size = 1; size <= sizeof alert; size++) {
        open_link(&fixture, POSTERN_TCP);
        assert_false(receive(&fixture.link, alert, size));
        assert_string_equal(fixture.link.failure.message, "what answers at ipc:///x speaks TLS: use tls+ipc:///x");
        assert_true(fixture.link.failure.final);
        open_link(&fixture, POSTERN_IPC);
        assert_false(receive(&fixture.link, alert, size));
        assert_non_null(strstr(fixture.link.failure.message, "is not posternd"));
    }
    open_link(&fixture, POSTERN_TCP);
    assert_false(receive(&fixture.link, no_alert, sizeof no_alert));
    assert_non_null(strstr(fixture.link.failure.message, "is not posternd"));
}

static void assert_bad(enum postern_scheme scheme, uint64_t length, uint32_t id, uint8_t type)
{
    struct fixture fixture;
    struct postern_link_reply unused;
    uint8_t bytes[64];
    open_link(&fixture, scheme);
    assert_true(receive(&fixture.link, greeting, sizeof greeting));
    size_t size = frame(scheme, id, length, "body", bytes);
    if (scheme == POSTERN_IPC)
        bytes[0] = type;
    assert_true(receive(&fixture.link, bytes, size));
    assert_int_equal(postern_link_next(&fixture.link, &unused), POSTERN_NEXT_BAD);
    assert_int_equal(fixture.link.state, POSTERN_LINK_DOWN);
    postern_link_wipe(&fixture.link);
}

static void frame_that_may_not_be_ends_the_connection(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {0, 3, 1024 * 1024 + 5, UINT64_MAX / 2, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_bad(POSTERN_IPC, lengths[i], ID, 1);
        assert_bad(POSTERN_TCP, lengths[i], ID, 1);
    }
    assert_bad(POSTERN_IPC, 8, ID, 0);
    assert_bad(POSTERN_IPC, 8, ID, 2);
    assert_bad(POSTERN_IPC, 8, 7, 1); // an id without its mark
    assert_bad(POSTERN_TCP, 8, 7, 1);
}

static void requests_of_several_callers_leave_in_one_piece(void **state)
{
    (void)state;
    struct fixture fixture;
    struct postern_link_piece piece;
    uint8_t first[POSTERN_FRAME_PREFIX + 1] = {0}, second[POSTERN_FRAME_PREFIX + 2] = {0}, expected[64];
    open_link(&fixture, POSTERN_IPC);
    first[POSTERN_FRAME_PREFIX] = 'a';
    memcpy(second + POSTERN_FRAME_PREFIX, "bc", 2);
    assert_true(postern_link_add(&fixture.link, ID, first, 1));
    assert_true(postern_link_add(&fixture.link, ID + 1, second, 2));
    assert_true(postern_link_begin_send(&fixture.link, &piece));
    size_t size = frame(POSTERN_IPC, ID, 4 + 1, "a", expected);
    size += frame(POSTERN_IPC, ID + 1, 4 + 2, "bc", expected + size);
    assert_int_equal(piece.size, size);
    assert_memory_equal(piece.bytes, expected, size);
    assert_false(postern_link_begin_send(&fixture.link, &piece)); // one sends
    assert_true(postern_link_sent(&fixture.link, 3, &piece));     // the kernel took three bytes
    assert_int_equal(piece.size, size - 3);
    assert_memory_equal(piece.bytes, expected + 3, size - 3);
    assert_false(postern_link_sent(&fixture.link, (ptrdiff_t)piece.size, &piece));
    postern_link_wipe(&fixture.link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_come_in_pieces_of_any_size),
        cmocka_unit_test(another_greeting_is_not_a_postern),
        cmocka_unit_test(alert_is_a_tls_server_over_tcp_alone),
        cmocka_unit_test(frame_that_may_not_be_ends_the_connection),
        cmocka_unit_test(requests_of_several_callers_leave_in_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
