// Translates between the messages of the wire and the plain structs of the other rooms.
#include "rpc/wire.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)KEY_STATE_REVOKED == (int)POSTERN__V1__KEY_STATE__KEY_STATE_REVOKED, "numbers of the wire");
_Static_assert((int)KEY_ENVIRONMENT_LIVE == (int)POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE, "numbers of the wire");
_Static_assert((int)KEY_TYPE_PUBLIC == (int)POSTERN__V1__KEY_TYPE__KEY_TYPE_PUBLIC, "numbers of the wire");
_Static_assert((int)LIMIT_TOKEN_BUCKET == (int)POSTERN__V1__ALGORITHM__ALGORITHM_TOKEN_BUCKET, "numbers of the wire");
_Static_assert((int)LIMIT_MONTH == (int)POSTERN__V1__PERIOD__PERIOD_MONTH, "numbers of the wire");
_Static_assert((int)LIMIT_TOTAL == (int)POSTERN__V1__PERIOD__PERIOD_TOTAL, "numbers of the wire");
_Static_assert((int)LIMIT_OF_CUSTOM == (int)POSTERN__V1__SUBJECT__SUBJECT_CUSTOM, "numbers of the wire");

void *wire_member(ProtobufCMessage *message, const char *name)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    return field != NULL ? (uint8_t *)message + field->offset : NULL;
}

bool wire_set(ProtobufCMessage *message, const char *name, const void *value)
{
    memcpy(wire_member(message, name), &value, sizeof value);
    return value != NULL;
}

// --- to the wire

bool wire_texts(struct arena *arena, const struct slice *from, size_t count, ProtobufCBinaryData **out)
{
    ProtobufCBinaryData *texts = arena_array(arena, count, sizeof *texts);
    for (size_t i = 0; texts != NULL && i < count; i++)
        texts[i] = wire_text(from[i]);
    *out = texts;
    return texts != NULL;
}

bool wire_key_id(struct arena *arena, const uint8_t id[KEY_ID_SIZE], ProtobufCBinaryData *out)
{
    char *text = arena_alloc(arena, KEY_ID_TEXT_SIZE + 1);
    if (text == NULL)
        return false;
    key_id_format(id, text);
    *out = wire_text(slice_make(text, KEY_ID_TEXT_SIZE));
    return true;
}

Postern__V1__Entry *wire_entry(struct arena *arena, const char *key, struct slice value)
{
    Postern__V1__Entry *entry = arena_alloc(arena, sizeof *entry);
    if (entry == NULL)
        return NULL;
    postern__v1__entry__init(entry);
    entry->key = wire_text(slice_text(key));
    entry->value = wire_text(value);
    return entry;
}

bool wire_entries(struct arena *arena, const struct registry_entry *from, size_t count, Postern__V1__Entry ***out)
{
    Postern__V1__Entry **list = arena_array(arena, count, sizeof *list);
    Postern__V1__Entry *entries = arena_array(arena, count, sizeof *entries);
    if (list == NULL || entries == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        postern__v1__entry__init(&entries[i]);
        entries[i].key = wire_text(from[i].key);
        entries[i].value = wire_text(from[i].value);
        list[i] = &entries[i];
    }
    *out = list;
    return true;
}

static void fill_meter(Postern__V1__Meter *meter, const struct authorizer_meter *from)
{
    postern__v1__meter__init(meter);
    meter->resource = wire_text(from->limit.resource);
    meter->subject = (Postern__V1__Subject)from->subject;
    meter->unlimited = from->limit.unlimited;
    if (from->limit.unlimited)
        return;
    meter->algorithm = (Postern__V1__Algorithm)from->limit.algorithm;
    meter->window_s = from->limit.window_s;
    meter->period = (Postern__V1__Period)from->limit.period;
    meter->limit = from->standing.limit;
    meter->burst = from->limit.burst;
    meter->shadow = from->limit.shadow;
    meter->would_refuse = from->standing.would_refuse;
    meter->remaining = from->standing.remaining;
    meter->reset_at_ms = from->reset_at_wall_ms;
    meter->retry_after_ms = from->retry_after_ms;
}

bool wire_meters(struct arena *arena, const struct authorizer_meter *from, size_t count, Postern__V1__Meter ***out)
{
    Postern__V1__Meter **list = arena_array(arena, count, sizeof *list);
    Postern__V1__Meter *meters = arena_array(arena, count, sizeof *meters);
    if (list == NULL || meters == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        fill_meter(&meters[i], &from[i]);
        list[i] = &meters[i];
    }
    *out = list;
    return true;
}

static bool fill_key_ids(struct arena *arena, const struct registry_key *key, Postern__V1__Key *out)
{
    return wire_key_id(arena, key->id, &out->key_id) && wire_key_id(arena, key->lineage, &out->lineage_id) &&
           (!key->facts.has_successor || wire_key_id(arena, key->successor, &out->successor_key_id)) &&
           (!key->has_predecessor || wire_key_id(arena, key->predecessor, &out->predecessor_key_id));
}

Postern__V1__Key *wire_key(struct arena *arena, const struct registry_key *key, uint64_t account_revoked_before_ms,
                           uint64_t now_ms)
{
    Postern__V1__Key *out = record_write(registry_schema(REGISTRY_KEY), key, &postern__v1__key__descriptor, arena);
    if (out == NULL || !fill_key_ids(arena, key, out))
        return NULL;
    if (key->facts.revoked_at_ms == 0 && key->facts.created_at_ms <= account_revoked_before_ms)
        out->revoked_at_ms = account_revoked_before_ms; // with its account
    out->state = (Postern__V1__KeyState)key_state(&key->facts, account_revoked_before_ms, now_ms);
    return out;
}

static bool fill_environments(struct arena *arena, const struct registry_account *account, Postern__V1__Account *out)
{
    out->environments = arena_array(arena, 2, sizeof *out->environments);
    if (out->environments == NULL)
        return false;
    if (account->allows_test)
        out->environments[out->n_environments++] = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_TEST;
    if (account->allows_live)
        out->environments[out->n_environments++] = POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE;
    return true;
}

void *wire_record(struct arena *arena, enum registry_record_kind kind, const void *plain)
{
    static const ProtobufCMessageDescriptor *const messages[] = {
        [REGISTRY_ACCOUNT] = &postern__v1__account__descriptor,
        [REGISTRY_TIER] = &postern__v1__tier__descriptor,
        [REGISTRY_SCOPE] = &postern__v1__scope__descriptor,
    };
    void *out = record_write(registry_schema(kind), plain, messages[kind], arena);
    if (out == NULL || kind != REGISTRY_ACCOUNT)
        return out;
    Postern__V1__Account *account = out;
    if (account->revoked_before_ms < account->created_at_ms)
        account->revoked_before_ms = 0; // of the id's former life: nobody has revoked a key of this one
    return fill_environments(arena, plain, out) ? out : NULL;
}

bool wire_moment(struct arena *arena, uint64_t at_ms, struct slice *out)
{
    char *text = arena_alloc(arena, TEXT_TIME_SIZE);
    if (text == NULL)
        return false;
    *out = slice_text(text_format_moment(at_ms, text));
    return true;
}

// --- from the wire

bool wire_read_texts(struct arena *arena, const ProtobufCBinaryData *from, size_t count, struct slice **out)
{
    struct slice *texts = arena_array(arena, count, sizeof *texts);
    for (size_t i = 0; texts != NULL && i < count; i++)
        texts[i] = wire_slice(from[i]);
    *out = texts;
    return texts != NULL;
}

bool wire_read_charges(struct arena *arena, Postern__V1__Charge *const *from, size_t count, struct limit_charge **out)
{
    struct limit_charge *charges = arena_array(arena, count, sizeof *charges);
    for (size_t i = 0; charges != NULL && i < count; i++)
        charges[i] = (struct limit_charge){.resource = wire_slice(from[i]->resource), .cost = from[i]->cost};
    *out = charges;
    return charges != NULL;
}

// Limits that share a meter are one limit, said twice: which amount was meant?
static enum status refuse_twin(const struct limit *limits, size_t last, struct status_failure *failure)
{
    for (size_t i = 0; i < last; i++)
        if (limit_same_meter(&limits[i], &limits[last]))
            return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                               "this limit has the resource, algorithm and window of limits[%zu]: leave one of them "
                               "out",
                               i);
    return STATUS_OK;
}

static enum status complete_limits(struct limit *limits, size_t count, struct status_failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        struct status_failure inner = {0};
        enum status status = limit_complete(&limits[i], &inner);
        if (status == STATUS_OK)
            status = refuse_twin(limits, i, &inner);
        if (status == STATUS_OK)
            continue;
        char field[64];
        (void)snprintf(field, sizeof field, "limits[%zu]%s%.20s", i, inner.field[0] != '\0' ? "." : "", inner.field);
        return status_fail(failure, status, field, "%s", inner.message);
    }
    return STATUS_OK;
}

// A list without entries allows the environment test alone.
static void read_environments(const Postern__V1__PutAccountRequest *request, struct registry_account *out)
{
    out->allows_test = request->n_environments == 0;
    for (size_t i = 0; i < request->n_environments; i++) {
        if (request->environments[i] == POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE)
            out->allows_live = true;
        else
            out->allows_test = true;
    }
}

// A list of names is a set: what is said twice is taken once.
static void take_once(struct slice *names, size_t *count)
{
    size_t taken = 0;
    for (size_t i = 0; i < *count; i++) {
        size_t earlier = 0;
        while (earlier < taken && !slice_equal(names[earlier], names[i]))
            earlier++;
        if (earlier == taken)
            names[taken++] = names[i];
    }
    *count = taken;
}

enum status wire_read_record(struct arena *arena, enum registry_record_kind kind, const ProtobufCMessage *message,
                             void *plain, struct status_failure *failure)
{
    struct registry_key *key = plain;
    struct registry_account *account = plain;
    struct registry_tier *tier = plain;
    struct registry_scope *scope = plain;
    if (record_read(registry_schema(kind), message, arena, plain) != STATUS_OK)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "the call does not fit a request's memory");
    switch (kind) {
    case REGISTRY_KEY:
        take_once(key->scopes, &key->scope_count);
        take_once(key->addresses, &key->address_count);
        return complete_limits(key->limits, key->limit_count, failure);
    case REGISTRY_ACCOUNT:
        read_environments((const Postern__V1__PutAccountRequest *)message, account);
        return complete_limits(account->limits, account->limit_count, failure);
    case REGISTRY_TIER:
        return complete_limits(tier->limits, tier->limit_count, failure);
    case REGISTRY_SCOPE:
        take_once(scope->implies, &scope->implies_count);
        break;
    }
    return STATUS_OK;
}
