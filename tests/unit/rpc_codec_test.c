#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/check.h"
#include "rpc/codec.h"

enum { BUDGET = 256 * 1024, REQUEST_MAX = 1024 };

static ProtobufCBinaryData text(const char *s)
{
    return (ProtobufCBinaryData){strlen(s), (uint8_t *)(uintptr_t)s};
}

// A Verify with something in every kind of field. Returns its size.
static size_t pack_verify(uint8_t out[REQUEST_MAX])
{
    Postern__V1__Charge charge = POSTERN__V1__CHARGE__INIT;
    Postern__V1__Charge *charges[] = {&charge};
    ProtobufCBinaryData scopes[] = {text("read"), text("write:all")};
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    charge.resource = text("productions");
    charge.cost = 3;
    verify.api_key = text("postern_test_xyz");
    verify.scopes = scopes;
    verify.n_scopes = 2;
    verify.environment = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE;
    verify.charges = charges;
    verify.n_charges = 1;
    request.request_id = text("0123456789abcdef");
    request.timeout_ms = 1000;
    request.call_case = POSTERN__V1__REQUEST__CALL_VERIFY;
    request.verify = &verify;
    size_t size = postern__v1__request__get_packed_size(&request);
    assert_true(size <= REQUEST_MAX);
    return postern__v1__request__pack(&request, out);
}

static void request_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[REQUEST_MAX];
    size_t size = pack_verify(bytes);
    struct arena *arena = arena_new(BUDGET);
    Postern__V1__Request *request = codec_decode(arena, slice_make(bytes, size));
    memset(bytes, 0, sizeof bytes); // what was read is a copy
    assert_non_null(request);
    assert_int_equal(request->call_case, POSTERN__V1__REQUEST__CALL_VERIFY);
    assert_int_equal(request->timeout_ms, 1000);
    assert_memory_equal(request->request_id.data, "0123456789abcdef", 16);
    assert_memory_equal(request->verify->scopes[1].data, "write:all", 9);
    assert_int_equal(request->verify->charges[0]->cost, 3);
    arena_free(arena);
}

// Each cut is copied to memory of exactly its size, so that a read beyond it is seen by the sanitizer.
static void request_cut_anywhere_is_read_or_refused(void **state)
{
    (void)state;
    uint8_t bytes[REQUEST_MAX];
    size_t size = pack_verify(bytes);
    struct arena *arena = arena_new(BUDGET);
    size_t refused = 0;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        uint8_t *end = realloc(exact, cut > 0 ? cut : 1);
        assert_non_null(end);
        Postern__V1__Request *request = codec_decode(arena, slice_make(end, cut));
        struct status_failure failure;
        if (request == NULL)
            refused++;
        else if (request->verify != NULL)
            (void)!check_call("verify", &request->verify->base, &failure);
        struct slice id = codec_salvage_id(slice_make(end, cut));
        assert_int_equal(id.size, cut >= 18 ? 16 : 0);
        free(end);
        arena_reset(arena);
    }
    assert_true(refused > size / 2);
    arena_free(arena);
}

static void one_flipped_bit_never_breaks_the_walk(void **state)
{
    (void)state;
    uint8_t bytes[REQUEST_MAX];
    size_t size = pack_verify(bytes);
    struct arena *arena = arena_new(BUDGET);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        Postern__V1__Request *request = codec_decode(arena, slice_make(bytes, size));
        struct status_failure failure;
        // All members of the union are pointers to messages.
        if (request != NULL && request->call_case != POSTERN__V1__REQUEST__CALL__NOT_SET)
            (void)!check_call("call", &request->verify->base, &failure);
        (void)codec_salvage_id(slice_make(bytes, size));
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void request_that_needs_too_much_memory_is_refused(void **state)
{
    (void)state;
    enum { SUBMESSAGES = 30000 };
    static uint8_t bytes[2 * SUBMESSAGES + 8];
    const size_t inner = 2 * SUBMESSAGES;
    size_t used = 0;
    bytes[used++] = 0x82; // verify
    bytes[used++] = 0x01;
    bytes[used++] = (uint8_t)(inner & 0x7F) | 0x80;
    bytes[used++] = (uint8_t)(inner >> 7 & 0x7F) | 0x80;
    bytes[used++] = (uint8_t)(inner >> 14);
    for (size_t i = 0; i < SUBMESSAGES; i++) {
        bytes[used++] = 0x3A; // an empty charge
        bytes[used++] = 0;
    }
    struct arena *arena = arena_new(BUDGET);
    assert_null(codec_decode(arena, slice_make(bytes, used)));
    arena_free(arena);
    arena = arena_new(64 * 1024 * 1024); // it is the budget that refuses
    assert_non_null(codec_decode(arena, slice_make(bytes, used)));
    arena_free(arena);
}

static void salvage_finds_the_id_in_front_of_garbage(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        size_t id_size;
    } cases[] = {
        {"", 0, 0},
        {"\x0A\x03"
         "abc\xFF\xFF",
         7, 3},
        {"\x18\x05\x0A\x03"
         "abc\x07",
         8, 3},             // behind a varint, in front of a group
        {"\x0A\x7F", 2, 0}, // longer than the rest
        {"\x08\x01", 2, 0}, // tag 1, but a number
        {"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, 0},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 11, 0},
        {"\x0D\x01\x02\x03\x04\x0A\x01z", 8, 1}, // behind a fixed32
        {"\x09\x01\x02\x03\x04\x05\x06\x07\x08\x0A\x01z", 12, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(codec_salvage_id(slice_make(cases[i].bytes, cases[i].size)).size, cases[i].id_size);
}

static void unknown_call_is_told_from_unknown_envelope_field(void **state)
{
    (void)state;
    static const uint8_t envelope[] = {0x72, 0x00};   // tag 14
    static const uint8_t call[] = {0xA2, 0x06, 0x00}; // tag 100
    struct arena *arena = arena_new(BUDGET);
    Postern__V1__Request *request = codec_decode(arena, slice_make(envelope, sizeof envelope));
    assert_non_null(request);
    assert_int_equal(request->call_case, POSTERN__V1__REQUEST__CALL__NOT_SET);
    assert_false(codec_has_unknown_call(request));
    request = codec_decode(arena, slice_make(call, sizeof call));
    assert_non_null(request);
    assert_true(codec_has_unknown_call(request));
    arena_free(arena);
}

// A reply with something in every kind of field.
static Postern__V1__Reply *make_reply(struct arena *arena, size_t scopes)
{
    Postern__V1__Reply *reply = arena_alloc(arena, sizeof *reply);
    Postern__V1__VerifyReply *verify = arena_alloc(arena, sizeof *verify);
    Postern__V1__Meter *meter = arena_alloc(arena, sizeof *meter);
    Postern__V1__Meter **meters = arena_alloc(arena, sizeof *meters);
    Postern__V1__Status *status = arena_alloc(arena, sizeof *status);
    assert_true(reply != NULL && verify != NULL && meter != NULL && meters != NULL && status != NULL);
    postern__v1__reply__init(reply);
    postern__v1__verify_reply__init(verify);
    postern__v1__meter__init(meter);
    postern__v1__status__init(status);
    meters[0] = meter;
    meter->resource = text("requests");
    meter->limit = UINT64_MAX;
    meter->remaining = 127;
    meter->reset_at_ms = 128;
    verify->allowed = true;
    verify->http_status = 200;
    verify->environment = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE;
    verify->n_meters = 1;
    verify->meters = meters;
    verify->n_scopes = scopes;
    verify->scopes = arena_array(arena, scopes, sizeof *verify->scopes);
    for (size_t i = 0; i < scopes; i++)
        verify->scopes[i] = text(i % 2 == 0 ? "read" : "");
    reply->status = status; // empty, but set
    reply->request_id = text("0123456789abcdef");
    reply->server_time_ms = UINT64_C(1767225600000);
    reply->result_case = POSTERN__V1__REPLY__RESULT_VERIFY;
    reply->verify = verify;
    return reply;
}

static void short_reply_is_packed_as_protobuf_packs_it(void **state)
{
    (void)state;
    uint8_t expected[REQUEST_MAX], buffer[REQUEST_MAX];
    struct arena *arena = arena_new(BUDGET);
    for (size_t scopes = 0; scopes < 40; scopes++) { // lengths of one byte, then of two
        const Postern__V1__Reply *reply = make_reply(arena, scopes);
        size_t size = postern__v1__reply__pack(reply, expected);
        struct slice packed = codec_pack_short(&reply->base, buffer, sizeof buffer);
        assert_int_equal(packed.size, size);
        assert_memory_equal(packed.data, expected, size);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void reply_that_does_not_fit_is_not_packed_short(void **state)
{
    (void)state;
    struct arena *arena = arena_new(BUDGET);
    const Postern__V1__Reply *reply = make_reply(arena, 3);
    size_t size = postern__v1__reply__get_packed_size(reply);
    for (size_t room = 0; room <= size; room++) {
        uint8_t *exact = malloc(room + 1); // so that a byte in front of it is seen by the sanitizer
        assert_non_null(exact);
        assert_int_equal(codec_pack_short(&reply->base, exact, room).size, room == size ? size : 0);
        free(exact);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_read_as_it_was_written),
        cmocka_unit_test(request_cut_anywhere_is_read_or_refused),
        cmocka_unit_test(one_flipped_bit_never_breaks_the_walk),
        cmocka_unit_test(request_that_needs_too_much_memory_is_refused),
        cmocka_unit_test(salvage_finds_the_id_in_front_of_garbage),
        cmocka_unit_test(unknown_call_is_told_from_unknown_envelope_field),
        cmocka_unit_test(short_reply_is_packed_as_protobuf_packs_it),
        cmocka_unit_test(reply_that_does_not_fit_is_not_packed_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
