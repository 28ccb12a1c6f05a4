#include "wire.h"

#include "error.h"

#include <string.h>

// protobuf-c has one struct for bytes that it reads and bytes that it writes; what we send it only reads.
static uint8_t *borrow(const void *bytes)
{
    union {
        const void *constant;
        uint8_t *bytes;
    } same = {.constant = bytes};
    return same.bytes;
}

ProtobufCBinaryData postern_wire_bytes(const uint8_t *bytes, size_t size)
{
    return (ProtobufCBinaryData){.data = borrow(bytes), .len = bytes != NULL ? size : 0};
}

ProtobufCBinaryData postern_wire_text(const char *text)
{
    return (ProtobufCBinaryData){.data = borrow(text), .len = text != NULL ? strlen(text) : 0};
}

ProtobufCBinaryData *postern_wire_texts(struct postern_arena *arena, const char *const *texts, size_t count)
{
    ProtobufCBinaryData *wire = postern_arena_array(arena, count, sizeof *wire);
    for (size_t i = 0; wire != NULL && i < count; i++)
        wire[i] = postern_wire_text(texts[i]);
    return wire;
}

Postern__V1__Entry **postern_wire_entries(struct postern_arena *arena, const struct postern_entry *entries,
                                          size_t count)
{
    Postern__V1__Entry **wire = postern_arena_array(arena, count, sizeof *wire);
    Postern__V1__Entry *messages = postern_arena_array(arena, count, sizeof *messages);
    for (size_t i = 0; wire != NULL && messages != NULL && i < count; i++) {
        postern__v1__entry__init(&messages[i]);
        messages[i].key = postern_wire_text(entries[i].key);
        messages[i].value = postern_wire_text(entries[i].value);
        wire[i] = &messages[i];
    }
    return wire;
}

Postern__V1__Charge **postern_wire_charges(struct postern_arena *arena, const struct postern_charge *charges,
                                           size_t count)
{
    Postern__V1__Charge **wire = postern_arena_array(arena, count, sizeof *wire);
    Postern__V1__Charge *messages = postern_arena_array(arena, count, sizeof *messages);
    for (size_t i = 0; wire != NULL && messages != NULL && i < count; i++) {
        postern__v1__charge__init(&messages[i]);
        messages[i].resource = postern_wire_text(charges[i].resource);
        messages[i].cost = charges[i].cost;
        wire[i] = &messages[i];
    }
    return wire;
}

static void limit_to_wire(const struct postern_limit *limit, Postern__V1__Limit *wire)
{
    postern__v1__limit__init(wire);
    size_t size = strnlen(limit->resource, sizeof limit->resource);
    wire->resource = (ProtobufCBinaryData){.data = borrow(limit->resource), .len = size};
    wire->algorithm = (Postern__V1__Algorithm)limit->algorithm;
    wire->amount = limit->amount;
    wire->window_s = limit->window_s;
    wire->period = (Postern__V1__Period)limit->period;
    wire->burst = limit->burst;
    wire->unlimited = limit->unlimited;
}

Postern__V1__Limit **postern_wire_limits(struct postern_arena *arena, const struct postern_limit *limits, size_t count)
{
    Postern__V1__Limit **wire = postern_arena_array(arena, count, sizeof *wire);
    Postern__V1__Limit *messages = postern_arena_array(arena, count, sizeof *messages);
    for (size_t i = 0; wire != NULL && messages != NULL && i < count; i++) {
        limit_to_wire(&limits[i], &messages[i]);
        wire[i] = &messages[i];
    }
    return wire;
}

void postern_wire_create(struct postern_arena *arena, const struct postern_create_request *request,
                         Postern__V1__CreateRequest *wire)
{
    postern__v1__create_request__init(wire);
    wire->account = postern_wire_text(request->account);
    wire->name = postern_wire_text(request->name);
    wire->environment = (Postern__V1__Environment)request->environment;
    wire->type = (Postern__V1__KeyType)request->type;
    wire->scopes = postern_wire_texts(arena, request->scopes, request->scope_count);
    wire->n_scopes = request->scope_count;
    wire->expires_at_ms = request->expires_at_ms;
    wire->prefix = postern_wire_text(request->prefix);
    wire->metadata = postern_wire_entries(arena, request->metadata, request->metadata_count);
    wire->n_metadata = request->metadata_count;
    wire->limits = postern_wire_limits(arena, request->limits, request->limit_count);
    wire->n_limits = request->limit_count;
    wire->allowed_addresses = postern_wire_texts(arena, request->allowed_addresses, request->allowed_address_count);
    wire->n_allowed_addresses = request->allowed_address_count;
}

const struct postern_counter *postern_counters_of(struct postern_arena *arena, Postern__V1__Counter *const *wire,
                                                  size_t count)
{
    struct postern_counter *counters = postern_arena_array(arena, count, sizeof *counters);
    for (size_t i = 0; counters != NULL && i < count; i++)
        counters[i] = (struct postern_counter){.name = postern_text_of(wire[i]->name), .value = wire[i]->value};
    return counters;
}

const char *postern_text_of(ProtobufCBinaryData text)
{
    return text.len > 0 ? (const char *)text.data : "";
}

const char *const *postern_texts_of(struct postern_arena *arena, const ProtobufCBinaryData *texts, size_t count)
{
    const char **out = postern_arena_array(arena, count, sizeof *out);
    for (size_t i = 0; out != NULL && i < count; i++)
        out[i] = postern_text_of(texts[i]);
    return out;
}

const struct postern_entry *postern_entries_of(struct postern_arena *arena, Postern__V1__Entry *const *entries,
                                               size_t count)
{
    struct postern_entry *out = postern_arena_array(arena, count, sizeof *out);
    for (size_t i = 0; out != NULL && i < count; i++)
        out[i] = (struct postern_entry){.key = postern_text_of(entries[i]->key),
                                        .value = postern_text_of(entries[i]->value)};
    return out;
}

static struct postern_limit limit_of(const Postern__V1__Limit *wire)
{
    struct postern_limit limit = {.algorithm = (enum postern_algorithm)wire->algorithm,
                                  .amount = wire->amount,
                                  .window_s = wire->window_s,
                                  .period = (enum postern_period)wire->period,
                                  .burst = wire->burst,
                                  .unlimited = wire->unlimited != 0};
    postern_copy_text(limit.resource, sizeof limit.resource, postern_text_of(wire->resource));
    return limit;
}

const struct postern_limit *postern_limits_of(struct postern_arena *arena, Postern__V1__Limit *const *limits,
                                              size_t count)
{
    struct postern_limit *out = postern_arena_array(arena, count, sizeof *out);
    for (size_t i = 0; out != NULL && i < count; i++)
        out[i] = limit_of(limits[i]);
    return out;
}

static struct postern_meter meter_of(const Postern__V1__Meter *wire)
{
    return (struct postern_meter){.resource = postern_text_of(wire->resource),
                                  .algorithm = (enum postern_algorithm)wire->algorithm,
                                  .window_s = wire->window_s,
                                  .period = (enum postern_period)wire->period,
                                  .limit = wire->limit,
                                  .remaining = wire->remaining,
                                  .reset_at_ms = wire->reset_at_ms,
                                  .retry_after_ms = wire->retry_after_ms,
                                  .subject = (enum postern_subject)wire->subject,
                                  .unlimited = wire->unlimited != 0};
}

const struct postern_meter *postern_meters_of(struct postern_arena *arena, Postern__V1__Meter *const *meters,
                                              size_t count)
{
    struct postern_meter *out = postern_arena_array(arena, count, sizeof *out);
    for (size_t i = 0; out != NULL && i < count; i++)
        out[i] = meter_of(meters[i]);
    return out;
}

static const enum postern_unusual *unusual_of(struct postern_arena *arena, const Postern__V1__Unusual *wire,
                                              size_t count)
{
    enum postern_unusual *unusual = postern_arena_array(arena, count, sizeof *unusual);
    for (size_t i = 0; unusual != NULL && i < count; i++)
        unusual[i] = (enum postern_unusual)wire[i];
    return unusual;
}

static const struct postern_activity *activity_of(struct postern_arena *arena, const Postern__V1__Activity *wire)
{
    struct postern_activity *activity = wire != NULL ? postern_arena_take(arena, sizeof *activity) : NULL;
    if (activity != NULL)
        *activity = (struct postern_activity){.hour_start_ms = wire->hour_start_ms,
                                              .calls = wire->calls,
                                              .refusals = wire->refusals,
                                              .judged = wire->judged != 0,
                                              .usual_calls = wire->usual_calls,
                                              .usual_refusals = wire->usual_refusals};
    return activity;
}

void postern_key_of(struct postern_arena *arena, const Postern__V1__Key *wire, struct postern_key *key)
{
    const Postern__V1__Key none = POSTERN__V1__KEY__INIT;
    if (wire == NULL)
        wire = &none;
    *key = (struct postern_key){
        .key_id = postern_text_of(wire->key_id),
        .account = postern_text_of(wire->account),
        .name = postern_text_of(wire->name),
        .state = (enum postern_key_state)wire->state,
        .environment = (enum postern_environment)wire->environment,
        .type = (enum postern_key_type)wire->type,
        .scopes = postern_texts_of(arena, wire->scopes, wire->n_scopes),
        .scope_count = wire->n_scopes,
        .created_at_ms = wire->created_at_ms,
        .created_by = postern_text_of(wire->created_by),
        .expires_at_ms = wire->expires_at_ms,
        .revoked_at_ms = wire->revoked_at_ms,
        .revoke_reason = postern_text_of(wire->revoke_reason),
        .enabled = wire->enabled != 0,
        .successor_key_id = postern_text_of(wire->successor_key_id),
        .predecessor_key_id = postern_text_of(wire->predecessor_key_id),
        .lineage_id = postern_text_of(wire->lineage_id),
        .limits = postern_limits_of(arena, wire->limits, wire->n_limits),
        .limit_count = wire->n_limits,
        .allowed_addresses = postern_texts_of(arena, wire->allowed_addresses, wire->n_allowed_addresses),
        .allowed_address_count = wire->n_allowed_addresses,
        .metadata = postern_entries_of(arena, wire->metadata, wire->n_metadata),
        .metadata_count = wire->n_metadata,
        .last_used_at_ms = wire->last_used_at_ms,
        .last_used_address = postern_text_of(wire->last_used_address),
        .version = wire->version,
        .public_token = postern_text_of(wire->public_token),
        .unusual = unusual_of(arena, wire->unusual, wire->n_unusual),
        .unusual_count = wire->n_unusual,
        .activity = activity_of(arena, wire->activity),
    };
}

const struct postern_key *postern_keys_of(struct postern_arena *arena, Postern__V1__Key *const *wire, size_t count)
{
    struct postern_key *keys = postern_arena_array(arena, count, sizeof *keys);
    for (size_t i = 0; keys != NULL && i < count; i++)
        postern_key_of(arena, wire[i], &keys[i]);
    return keys;
}
