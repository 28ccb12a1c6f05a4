#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "transport/frame.h"
#include "transport/transport.h"

#define ID UINT32_C(0x80000001) // a request's; an enum may not hold it
enum { BODY_MAX = 1000, TYPE = 1, HOP = 7, ROOM = 4096 };

static const struct frame_format ipc = {.has_type = true, .body_max = BODY_MAX};
static const struct frame_format tcp = {.has_type = false, .body_max = BODY_MAX};
static const struct frame_format *const formats[] = {&ipc, &tcp};
enum { FORMATS = sizeof formats / sizeof *formats };

struct bytes {
    size_t size;
    uint8_t data[ROOM];
};

static void put(struct bytes *bytes, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0;)
        bytes->data[bytes->size++] = (uint8_t)(value >> (8 * i));
}

static struct bytes begin(const struct frame_format *format, uint64_t length)
{
    struct bytes bytes = {.size = 0};
    if (format->has_type)
        put(&bytes, TYPE, 1);
    put(&bytes, length, 8);
    return bytes;
}

// A frame with so many ids, the last of them the request's, and a body of this size.
static struct bytes make(const struct frame_format *format, size_t ids, size_t body)
{
    struct bytes bytes = begin(format, 4 * ids + body);
    for (size_t i = 1; i <= ids; i++)
        put(&bytes, i < ids ? HOP : ID, 4);
    for (size_t i = 0; i < body; i++)
        put(&bytes, i, 1);
    return bytes;
}

// In memory of exactly its size, so that a read beyond it is seen.
static enum frame_result parse(const struct frame_format *format, const uint8_t *data, size_t size, struct frame *out)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, data, size);
    enum frame_result result = frame_parse(format, slice_make(exact, size), out);
    if (out->ids.size > 0) { // to where it can still be looked at
        out->ids.data = data + (out->ids.data - exact);
        out->body.data = data + (out->body.data - exact);
    }
    free(exact);
    return result;
}

static enum frame_result parse_all(const struct frame_format *format, const struct bytes *bytes, struct frame *out)
{
    return parse(format, bytes->data, bytes->size, out);
}

// --- greetings

static enum frame_result greet(const char *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    enum frame_result result = frame_check_greeting(slice_make(exact, size));
    free(exact);
    return result;
}

static void greeting_of_a_requester_is_taken(void **state)
{
    (void)state;
    assert_int_equal(greet("\0SP\0\0\x30\0\0", 8), FRAME_WHOLE);
    assert_int_equal(greet("\0SP\0\0\x30\0\0what follows", 20), FRAME_WHOLE);
}

static void greeting_that_is_cut_at_any_byte_is_a_part(void **state)
{
    (void)state;
    assert_int_equal(frame_check_greeting(slice_empty()), FRAME_PART);
    for (size_t cut = 0; cut < FRAME_GREETING_SIZE; cut++)
        assert_int_equal(greet("\0SP\0\0\x30\0\0", cut), FRAME_PART);
}

static void greeting_with_any_other_byte_is_bad_as_soon_as_that_byte_is_there(void **state)
{
    (void)state;
    for (size_t at = 0; at < FRAME_GREETING_SIZE; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            char greeting[] = "\0SP\0\0\x30\0\0";
            greeting[at] = (char)(greeting[at] ^ (char)flip);
            assert_int_equal(greet(greeting, at), FRAME_PART);
            assert_int_equal(greet(greeting, at + 1), FRAME_BAD);
            assert_int_equal(greet(greeting, FRAME_GREETING_SIZE), FRAME_BAD);
        }
    }
}

static void greetings_of_other_protocols_and_versions_are_bad(void **state)
{
    (void)state;
    static const char *const others[] = {
        "\0SP\0\0\x10\0\0", // pair
        "\0SP\0\0\x11\0\0", // pair of version 1
        "\0SP\0\0\x20\0\0", // pub
        "\0SP\0\0\x21\0\0", // sub
        "\0SP\0\0\x31\0\0", // another server
        "\0SP\0\0\x50\0\0", // push
        "\0SP\0\0\x62\0\0", // surveyor
        "\0SP\0\0\x70\0\0", // bus
        "\0SP\x01\0\x30\0\0", "\0SP\0\0\x30\0\x01", "GET / HT", "\x16\x03\x01\x02\0\x01\0\x01", "\0SQ\0\0\x30\0\0",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(greet(others[i], FRAME_GREETING_SIZE), FRAME_BAD);
}

static void server_greets_as_a_replier(void **state)
{
    (void)state;
    assert_memory_equal(frame_greeting, "\0SP\0\0\x31\0\0", FRAME_GREETING_SIZE);
}

// --- lengths

static void frame_of_every_size_up_to_the_bound_is_whole(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        for (size_t body = 0; body <= BODY_MAX; body++) {
            struct bytes bytes = make(format, 1, body);
            struct frame frame;
            assert_int_equal(parse_all(format, &bytes, &frame), FRAME_WHOLE);
            assert_int_equal(frame.size, bytes.size);
            assert_int_equal(frame.ids.size, 4);
            assert_int_equal(frame.body.size, body);
            assert_ptr_equal(frame.body.data + frame.body.size, bytes.data + bytes.size);
        }
    }
}

static void length_that_leaves_no_room_for_a_request_id_is_bad(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        for (uint64_t length = 0; length < 4; length++) {
            struct bytes bytes = begin(format, length);
            struct frame frame;
            assert_int_equal(parse_all(format, &bytes, &frame), FRAME_BAD); // nothing has to come for it
            put(&bytes, ID, 4);
            assert_int_equal(parse_all(format, &bytes, &frame), FRAME_BAD);
        }
    }
}

static void length_over_the_bound_is_bad_before_the_body_comes(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        struct frame frame;
        struct bytes most = begin(format, 4 + BODY_MAX), over = begin(format, 4 + BODY_MAX + 1);
        put(&most, ID, 4);
        assert_int_equal(parse_all(format, &most, &frame), FRAME_PART);
        put(&over, ID, 4);
        assert_int_equal(parse_all(format, &over, &frame), FRAME_BAD);
    }
}

static void length_that_no_ids_explain_is_bad_at_its_header(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        BODY_MAX + FRAME_IDS_MAX + 1,
        UINT32_MAX,
        UINT64_C(10) << 30,
        INT64_MAX,
        UINT64_C(1) << 63,
        UINT64_MAX - 8,
        UINT64_MAX - 3,
        UINT64_MAX,
    };
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            struct bytes bytes = begin(format, lengths[i]);
            struct frame frame;
            assert_int_equal(parse_all(format, &bytes, &frame), FRAME_BAD);
            assert_int_equal(parse(format, bytes.data, bytes.size - 1, &frame), FRAME_PART);
        }
    }
}

static void bound_counts_the_body_without_its_ids(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        for (size_t ids = 1; ids <= FRAME_HOPS_MAX; ids++) {
            struct frame frame;
            struct bytes most = make(format, ids, BODY_MAX), over = make(format, ids, BODY_MAX + 1);
            assert_int_equal(parse_all(format, &most, &frame), FRAME_WHOLE);
            assert_int_equal(frame.body.size, BODY_MAX);
            assert_int_equal(parse_all(format, &over, &frame), FRAME_BAD);
        }
    }
}

static void type_byte_other_than_a_message_is_bad_at_once(void **state)
{
    (void)state;
    struct bytes bytes = make(&ipc, 1, 3);
    for (unsigned type = 0; type < 256; type++) {
        struct frame frame;
        bytes.data[0] = (uint8_t)type;
        assert_int_equal(parse(&ipc, bytes.data, 1, &frame), type == TYPE ? FRAME_PART : FRAME_BAD);
        assert_int_equal(parse_all(&ipc, &bytes, &frame), type == TYPE ? FRAME_WHOLE : FRAME_BAD);
    }
}

// --- ids

static void message_without_a_request_id_is_bad(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        static const size_t hops[] = {0, 1, 2, 8, 15};
        for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
            struct bytes bytes = begin(format, 4 * hops[i]);
            struct frame frame;
            for (size_t n = 0; n < hops[i]; n++)
                put(&bytes, HOP, 4);
            assert_int_equal(parse_all(format, &bytes, &frame), FRAME_BAD);
        }
    }
}

static void ids_up_to_the_request_id_are_taken(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 8, 16};
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            struct bytes bytes = make(format, counts[i], 5);
            struct frame frame;
            assert_int_equal(parse_all(format, &bytes, &frame), FRAME_WHOLE);
            assert_int_equal(frame.ids.size, 4 * counts[i]);
            assert_ptr_equal(frame.ids.data, bytes.data + (format->has_type ? 9 : 8));
            assert_ptr_equal(frame.body.data, frame.ids.data + frame.ids.size);
            assert_int_equal(frame.body.size, 5);
        }
    }
}

static void id_behind_the_request_id_belongs_to_the_body(void **state)
{
    (void)state;
    struct bytes bytes = make(&tcp, 1, 0);
    struct frame frame;
    bytes.data[7] = 12;
    put(&bytes, ID, 4);
    put(&bytes, HOP, 4);
    assert_int_equal(parse_all(&tcp, &bytes, &frame), FRAME_WHOLE);
    assert_int_equal(frame.ids.size, 4);
    assert_int_equal(frame.body.size, 8);
}

static void too_many_ids_are_bad_when_the_last_that_may_be_is_there(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        struct bytes bytes = make(format, 17, 5);
        const size_t header = format->has_type ? 9 : 8;
        struct frame frame;
        assert_int_equal(parse_all(format, &bytes, &frame), FRAME_BAD);
        assert_int_equal(parse(format, bytes.data, header + 64, &frame), FRAME_BAD);
        assert_int_equal(parse(format, bytes.data, header + 63, &frame), FRAME_PART);
    }
}

static void ten_thousand_ids_are_bad(void **state)
{
    (void)state;
    enum { IDS = 10000 };
    static uint8_t message[8 + 4 * IDS]; // no id of these has its high bit set
    const struct frame_format wide = {.has_type = false, .body_max = 65536};
    struct frame frame;
    for (size_t i = 0; i < 8; i++)
        message[i] = (uint8_t)((uint64_t)4 * IDS >> (8 * (7 - i)));
    assert_int_equal(parse(&wide, message, sizeof message, &frame), FRAME_BAD);
    assert_int_equal(parse(&wide, message, 8 + 64, &frame), FRAME_BAD);
    message[8 + 4 * (IDS - 1)] = 0x80; // a good one at the end changes nothing
    assert_int_equal(parse(&wide, message, sizeof message, &frame), FRAME_BAD);
}

static void way_has_room_for_the_ids_of_every_good_frame(void **state)
{
    (void)state;
    struct transport_return_path return_path;
    assert_true(sizeof return_path.ids >= FRAME_IDS_MAX);
}

// --- parts

static void good_frame_that_is_cut_anywhere_is_a_part(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        for (size_t ids = 1; ids <= FRAME_HOPS_MAX; ids += 5) {
            struct bytes bytes = make(format, ids, 37);
            const size_t prefix = (format->has_type ? 9 : 8) + 4 * ids;
            struct frame frame;
            for (size_t cut = 0; cut < bytes.size; cut++) {
                assert_int_equal(parse(format, bytes.data, cut, &frame), FRAME_PART);
                assert_int_equal(frame.size, cut >= prefix ? bytes.size : 0);
                assert_int_equal(frame.ids.size, cut >= prefix ? 4 * ids : 0);
                assert_int_equal(frame.body.size, cut >= prefix ? cut - prefix : 0);
            }
            assert_int_equal(parse_all(format, &bytes, &frame), FRAME_WHOLE);
            assert_int_equal(frame.body.size, 37);
        }
    }
}

static void prefix_of_a_good_frame_fits_the_room_that_is_made_for_it(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        struct bytes bytes = make(format, FRAME_HOPS_MAX, 1);
        struct frame frame;
        assert_int_equal(parse(format, bytes.data, FRAME_PREFIX_MAX, &frame),
                         bytes.size > FRAME_PREFIX_MAX ? FRAME_PART : FRAME_WHOLE);
        assert_int_not_equal(frame.size, 0); // so that the whole frame's size is known by then
    }
}

static void what_follows_a_frame_does_not_matter(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        struct bytes bytes = make(format, 2, 5);
        const size_t size = bytes.size;
        struct frame frame;
        for (unsigned next = 0; next < 256; next++) {
            bytes.data[size] = (uint8_t)next;
            assert_int_equal(parse(format, bytes.data, size + 1, &frame), FRAME_WHOLE);
            assert_int_equal(frame.size, size);
            assert_int_equal(frame.body.size, 5);
        }
    }
}

// --- prefixes

static void reply_is_written_as_it_is_parsed(void **state)
{
    (void)state;
    for (size_t r = 0; r < FORMATS; r++) {
        const struct frame_format *format = formats[r];
        for (size_t ids = 1; ids <= FRAME_HOPS_MAX; ids++) {
            struct bytes bytes = make(format, ids, 300);
            struct frame frame;
            assert_int_equal(parse_all(format, &bytes, &frame), FRAME_WHOLE);
            const size_t prefix = frame_prefix_size(format, frame.ids.size);
            assert_int_equal(prefix + frame.body.size, bytes.size);
            assert_true(prefix <= FRAME_PREFIX_MAX);
            uint8_t *written = malloc(prefix); // exactly
            assert_non_null(written);
            frame_write_prefix(format, frame.ids, frame.body.size, written);
            assert_memory_equal(written, bytes.data, prefix);
            free(written);
        }
    }
}

static void length_of_a_reply_takes_all_its_bytes(void **state)
{
    (void)state;
    uint8_t out[FRAME_PREFIX_MAX];
    const uint8_t id[] = {0x80, 0, 0, 1};
    frame_write_prefix(&tcp, slice_make(id, 4), 0x010203040506 - 4, out);
    assert_memory_equal(out, "\0\0\x01\x02\x03\x04\x05\x06\x80\0\0\x01", 12);
    frame_write_prefix(&ipc, slice_make(id, 4), 0, out);
    assert_memory_equal(out, "\x01\0\0\0\0\0\0\0\x04\x80\0\0\x01", 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greeting_of_a_requester_is_taken),
        cmocka_unit_test(greeting_that_is_cut_at_any_byte_is_a_part),
        cmocka_unit_test(greeting_with_any_other_byte_is_bad_as_soon_as_that_byte_is_there),
        cmocka_unit_test(greetings_of_other_protocols_and_versions_are_bad),
        cmocka_unit_test(server_greets_as_a_replier),
        cmocka_unit_test(frame_of_every_size_up_to_the_bound_is_whole),
        cmocka_unit_test(length_that_leaves_no_room_for_a_request_id_is_bad),
        cmocka_unit_test(length_over_the_bound_is_bad_before_the_body_comes),
        cmocka_unit_test(length_that_no_ids_explain_is_bad_at_its_header),
        cmocka_unit_test(bound_counts_the_body_without_its_ids),
        cmocka_unit_test(type_byte_other_than_a_message_is_bad_at_once),
        cmocka_unit_test(message_without_a_request_id_is_bad),
        cmocka_unit_test(ids_up_to_the_request_id_are_taken),
        cmocka_unit_test(id_behind_the_request_id_belongs_to_the_body),
        cmocka_unit_test(too_many_ids_are_bad_when_the_last_that_may_be_is_there),
        cmocka_unit_test(ten_thousand_ids_are_bad),
        cmocka_unit_test(way_has_room_for_the_ids_of_every_good_frame),
        cmocka_unit_test(good_frame_that_is_cut_anywhere_is_a_part),
        cmocka_unit_test(prefix_of_a_good_frame_fits_the_room_that_is_made_for_it),
        cmocka_unit_test(what_follows_a_frame_does_not_matter),
        cmocka_unit_test(reply_is_written_as_it_is_parsed),
        cmocka_unit_test(length_of_a_reply_takes_all_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
