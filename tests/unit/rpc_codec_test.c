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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_read_as_it_was_written),
        cmocka_unit_test(request_cut_anywhere_is_read_or_refused),
        cmocka_unit_test(one_flipped_bit_never_breaks_the_walk),
        cmocka_unit_test(request_that_needs_too_much_memory_is_refused),
        cmocka_unit_test(salvage_finds_the_id_in_front_of_garbage),
        cmocka_unit_test(unknown_call_is_told_from_unknown_envelope_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
