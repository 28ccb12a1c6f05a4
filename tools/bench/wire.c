// Packs the requests that benchmarks send, and reads of the replies only what has to be checked.
#include "wire.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"

// --- requests

// All calls are pointers to messages, so any of them gives the call's.
static nng_msg *pack(Postern__V1__Request__CallCase which, ProtobufCMessage *call)
{
    uint8_t id[16];
    nng_msg *message = NULL;
    Postern__V1__Request request = POSTERN__V1__REQUEST__INIT;
    random_fill(id, sizeof id);
    request.request_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    request.call_case = which;
    request.verify = (Postern__V1__VerifyRequest *)call;
    if (nng_msg_alloc(&message, postern__v1__request__get_packed_size(&request)) == 0)
        postern__v1__request__pack(&request, nng_msg_body(message));
    return message;
}

// protobuf-c does not write through `data`, but says so nowhere in its types.
static ProtobufCBinaryData text(const char *from)
{
    ProtobufCBinaryData out = {.len = strlen(from)};
    memcpy(&out.data, &from, sizeof out.data);
    return out;
}

nng_msg *wire_health(void)
{
    Postern__V1__HealthRequest health = POSTERN__V1__HEALTH_REQUEST__INIT;
    return pack(POSTERN__V1__REQUEST__CALL_HEALTH, &health.base);
}

nng_msg *wire_put_tier(const char *tier, const Postern__V1__Limit *limits, size_t count)
{
    Postern__V1__Limit copies[WIRE_LIMITS_MAX];
    Postern__V1__Limit *list[WIRE_LIMITS_MAX];
    for (size_t i = 0; i < count && i < WIRE_LIMITS_MAX; i++) {
        copies[i] = limits[i];
        list[i] = &copies[i];
    }
    Postern__V1__PutTierRequest put = POSTERN__V1__PUT_TIER_REQUEST__INIT;
    put.tier = text(tier);
    put.n_limits = count;
    put.limits = list;
    return pack(POSTERN__V1__REQUEST__CALL_PUT_TIER, &put.base);
}

nng_msg *wire_put_scope(const char *scope)
{
    Postern__V1__PutScopeRequest put = POSTERN__V1__PUT_SCOPE_REQUEST__INIT;
    put.scope = text(scope);
    return pack(POSTERN__V1__REQUEST__CALL_PUT_SCOPE, &put.base);
}

nng_msg *wire_put_account(const char *account, const char *tier, uint32_t max_keys)
{
    Postern__V1__PutAccountRequest put = POSTERN__V1__PUT_ACCOUNT_REQUEST__INIT;
    put.account = text(account);
    put.tier = text(tier);
    put.max_keys = max_keys;
    put.no_default_public_key = 1;
    return pack(POSTERN__V1__REQUEST__CALL_PUT_ACCOUNT, &put.base);
}

nng_msg *wire_create(const char *account, const char *name, const char *scope)
{
    ProtobufCBinaryData scopes[1];
    Postern__V1__CreateRequest create = POSTERN__V1__CREATE_REQUEST__INIT;
    create.account = text(account);
    create.name = text(name);
    if (scope != NULL) {
        scopes[0] = text(scope);
        create.n_scopes = 1;
        create.scopes = scopes;
    }
    return pack(POSTERN__V1__REQUEST__CALL_CREATE, &create.base);
}

nng_msg *wire_verify(const char *token, const char *scope, const uint8_t *charge_id)
{
    ProtobufCBinaryData scopes[1];
    uint8_t id[WIRE_CHARGE_ID_SIZE];
    Postern__V1__VerifyRequest verify = POSTERN__V1__VERIFY_REQUEST__INIT;
    verify.api_key = text(token);
    if (scope != NULL) {
        scopes[0] = text(scope);
        verify.n_scopes = 1;
        verify.scopes = scopes;
    }
    if (charge_id != NULL) {
        memcpy(id, charge_id, sizeof id);
        verify.charge_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    }
    return pack(POSTERN__V1__REQUEST__CALL_VERIFY, &verify.base);
}

Postern__V1__Limit wire_ample_limit(Postern__V1__Algorithm algorithm)
{
    Postern__V1__Limit limit = POSTERN__V1__LIMIT__INIT;
    limit.resource = text("requests");
    limit.unlimited = algorithm == POSTERN__V1__ALGORITHM__ALGORITHM_UNSPECIFIED;
    if (limit.unlimited)
        return limit;
    limit.algorithm = algorithm;
    limit.amount = 1000000000;
    limit.window_s = 60;
    return limit;
}

// --- replies

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
enum { STATUS_FIELD = 2, VERIFY_FIELD = 16 };

struct reader {
    const uint8_t *at, *end;
};

struct field {
    uint64_t number;
    uint64_t value;        // VARINT
    struct reader content; // BYTES
};

static bool read_varint(struct reader *reader, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
        const uint8_t byte = *reader->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool skip(struct reader *reader, uint64_t size)
{
    if (size > (uint64_t)(reader->end - reader->at))
        return false;
    reader->at += size;
    return true;
}

static bool read_field(struct reader *reader, struct field *out)
{
    uint64_t tag = 0;
    uint64_t size = 0;
    if (!read_varint(reader, &tag))
        return false;
    *out = (struct field){.number = tag >> 3};
    switch (tag & 7) {
    case VARINT:
        return read_varint(reader, &out->value);
    case FIXED64:
        return skip(reader, 8);
    case FIXED32:
        return skip(reader, 4);
    case BYTES:
        if (!read_varint(reader, &size))
            return false;
        out->content = (struct reader){reader->at, reader->at + size};
        return skip(reader, size);
    default:
        return false;
    }
}

// Field 1 of a message as a number; 0 when it is absent. Fields are packed in the order of their numbers.
static uint64_t first_number(struct reader message)
{
    struct field field;
    return message.at < message.end && read_field(&message, &field) && field.number == 1 ? field.value : 0;
}

// Whether the reply is OK; and whether it says that a Verify was allowed.
static bool read_reply(struct reader reader, bool *allowed)
{
    struct field field;
    *allowed = false;
    while (reader.at < reader.end) {
        if (!read_field(&reader, &field) || (field.number == STATUS_FIELD && first_number(field.content) != 0))
            return false;
        if (field.number == VERIFY_FIELD)
            *allowed = first_number(field.content) == 1;
    }
    return true;
}

bool wire_is_allowed(const uint8_t *reply, size_t size)
{
    bool allowed;
    return read_reply((struct reader){reply, reply + size}, &allowed) && allowed;
}

bool wire_is_ok(const uint8_t *reply, size_t size)
{
    bool allowed;
    return size > 0 && read_reply((struct reader){reply, reply + size}, &allowed);
}

void wire_describe(const uint8_t *reply, size_t size, char out[WIRE_TEXT_MAX])
{
    Postern__V1__Reply *message = postern__v1__reply__unpack(NULL, size, reply);
    if (message == NULL)
        snprintf(out, WIRE_TEXT_MAX, "a reply of %zu bytes that does not decode", size);
    else if (message->status != NULL && message->status->code != 0)
        snprintf(out, WIRE_TEXT_MAX, "status %u: %.*s", message->status->code, (int)message->status->message.len,
                 message->status->message.len > 0 ? (const char *)message->status->message.data : "");
    else if (message->result_case == POSTERN__V1__REPLY__RESULT_VERIFY)
        snprintf(out, WIRE_TEXT_MAX, "refused, reason %d", (int)message->verify->reason);
    else
        snprintf(out, WIRE_TEXT_MAX, "an unexpected result (%d)", (int)message->result_case);
    postern__v1__reply__free_unpacked(message, NULL);
}
