#include "rpc/wire.h"

#include <stdio.h>
#include <time.h>

_Static_assert((int)KEY_STATE_REVOKED == (int)POSTERN__V1__KEY_STATE__KEY_STATE_REVOKED, "numbers of the wire");
_Static_assert((int)KEY_ENVIRONMENT_LIVE == (int)POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE, "numbers of the wire");
_Static_assert((int)KEY_TYPE_PUBLIC == (int)POSTERN__V1__KEY_TYPE__KEY_TYPE_PUBLIC, "numbers of the wire");
_Static_assert((int)LIMIT_TOKEN_BUCKET == (int)POSTERN__V1__ALGORITHM__ALGORITHM_TOKEN_BUCKET, "numbers of the wire");
_Static_assert((int)LIMIT_MONTH == (int)POSTERN__V1__PERIOD__PERIOD_MONTH, "numbers of the wire");
_Static_assert((int)LIMIT_OF_CUSTOM == (int)POSTERN__V1__SUBJECT__SUBJECT_CUSTOM, "numbers of the wire");

ProtobufCBinaryData wire_text(struct slice s)
{
    // Messages that are only packed do not write to their bytes, but protobuf-c has no const form of them.
    return (ProtobufCBinaryData){.len = s.size, .data = (uint8_t *)(uintptr_t)s.data};
}

struct slice wire_slice(ProtobufCBinaryData bytes)
{
    return slice_make(bytes.data, bytes.len);
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

bool wire_limits(struct arena *arena, const struct limit *from, size_t count, Postern__V1__Limit ***out)
{
    Postern__V1__Limit **list = arena_array(arena, count, sizeof *list);
    Postern__V1__Limit *limits = arena_array(arena, count, sizeof *limits);
    if (list == NULL || limits == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        Postern__V1__Limit *limit = list[i] = &limits[i];
        postern__v1__limit__init(limit);
        limit->resource = wire_text(from[i].resource);
        limit->unlimited = from[i].unlimited;
        if (from[i].unlimited)
            continue; // everything else is 0
        limit->algorithm = (Postern__V1__Algorithm)from[i].algorithm;
        limit->amount = from[i].amount;
        limit->window_s = from[i].window_s;
        limit->period = (Postern__V1__Period)from[i].period;
        limit->burst = from[i].burst;
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
    meter->limit = from->view.limit;
    meter->remaining = from->view.remaining;
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

static bool fill_key_lists(struct arena *arena, const struct registry_key *key, Postern__V1__Key *out)
{
    out->n_scopes = key->scope_count;
    out->n_limits = key->limit_count;
    out->n_allowed_addresses = key->address_count;
    out->n_metadata = key->metadata_count;
    return wire_texts(arena, key->scopes, key->scope_count, &out->scopes) &&
           wire_limits(arena, key->limits, key->limit_count, &out->limits) &&
           wire_texts(arena, key->addresses, key->address_count, &out->allowed_addresses) &&
           wire_entries(arena, key->metadata, key->metadata_count, &out->metadata);
}

Postern__V1__Key *wire_key(struct arena *arena, const struct registry_key *key, uint64_t account_revoked_before_ms,
                           uint64_t now_ms)
{
    Postern__V1__Key *out = arena_alloc(arena, sizeof *out);
    if (out == NULL)
        return NULL;
    postern__v1__key__init(out);
    if (!fill_key_ids(arena, key, out) || !fill_key_lists(arena, key, out))
        return NULL;
    bool revoked_with_account = key->facts.revoked_at_ms == 0 && key->facts.created_at_ms <= account_revoked_before_ms;
    out->account = wire_text(key->account);
    out->name = wire_text(key->name);
    out->state = (Postern__V1__KeyState)key_state(&key->facts, account_revoked_before_ms, now_ms);
    out->environment = (Postern__V1__Environment)key->environment;
    out->type = (Postern__V1__KeyType)key->type;
    out->created_at_ms = key->facts.created_at_ms;
    out->created_by = wire_text(key->created_by);
    out->expires_at_ms = key->facts.expires_at_ms;
    out->revoked_at_ms = revoked_with_account ? account_revoked_before_ms : key->facts.revoked_at_ms;
    out->revoke_reason = wire_text(key->revoke_reason);
    out->enabled = !key->facts.disabled;
    out->version = key->version;
    out->public_token = wire_text(key->public_token);
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

Postern__V1__Account *wire_account(struct arena *arena, const struct registry_account *account)
{
    Postern__V1__Account *out = arena_alloc(arena, sizeof *out);
    if (out == NULL)
        return NULL;
    postern__v1__account__init(out);
    out->account = wire_text(account->id);
    out->display_name = wire_text(account->display_name);
    out->tier = wire_text(account->tier);
    out->suspended = account->suspended;
    out->n_limits = account->limit_count;
    out->max_keys = account->max_keys;
    out->no_default_public_key = account->no_default_public_key;
    out->n_metadata = account->metadata_count;
    out->created_at_ms = account->created_at_ms;
    out->version = account->version;
    out->revoked_before_ms = account->revoked_before_ms;
    bool filled = fill_environments(arena, account, out) &&
                  wire_limits(arena, account->limits, account->limit_count, &out->limits) &&
                  wire_entries(arena, account->metadata, account->metadata_count, &out->metadata);
    return filled ? out : NULL;
}

Postern__V1__Tier *wire_tier(struct arena *arena, const struct registry_tier *tier)
{
    Postern__V1__Tier *out = arena_alloc(arena, sizeof *out);
    if (out == NULL)
        return NULL;
    postern__v1__tier__init(out);
    out->tier = wire_text(tier->name);
    out->n_limits = tier->limit_count;
    out->is_default = tier->is_default;
    out->version = tier->version;
    return wire_limits(arena, tier->limits, tier->limit_count, &out->limits) ? out : NULL;
}

Postern__V1__Scope *wire_scope(struct arena *arena, const struct registry_scope *scope)
{
    Postern__V1__Scope *out = arena_alloc(arena, sizeof *out);
    if (out == NULL)
        return NULL;
    postern__v1__scope__init(out);
    out->scope = wire_text(scope->name);
    out->description = wire_text(scope->description);
    out->n_implies = scope->implies_count;
    out->is_default = scope->is_default;
    out->public_safe = scope->public_safe;
    out->version = scope->version;
    return wire_texts(arena, scope->implies, scope->implies_count, &out->implies) ? out : NULL;
}

bool wire_moment(struct arena *arena, uint64_t at_ms, struct slice *out)
{
    enum { MOMENT_SIZE = 40 };
    time_t at_s = (time_t)(at_ms / 1000);
    struct tm parts;
    char *text = arena_alloc(arena, MOMENT_SIZE);
    if (text == NULL || gmtime_r(&at_s, &parts) == NULL)
        return false;
    size_t used = strftime(text, MOMENT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    unsigned rest_ms = (unsigned)(at_ms % 1000);
    int rest = rest_ms > 0 ? snprintf(text + used, MOMENT_SIZE - used, ".%03uZ", rest_ms)
                           : snprintf(text + used, MOMENT_SIZE - used, "Z");
    *out = slice_make(text, used + (rest > 0 ? (size_t)rest : 0));
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

bool wire_read_entries(struct arena *arena, Postern__V1__Entry *const *from, size_t count, struct registry_entry **out)
{
    struct registry_entry *entries = arena_array(arena, count, sizeof *entries);
    for (size_t i = 0; entries != NULL && i < count; i++)
        entries[i] = (struct registry_entry){wire_slice(from[i]->key), wire_slice(from[i]->value)};
    *out = entries;
    return entries != NULL;
}

bool wire_read_charges(struct arena *arena, Postern__V1__Charge *const *from, size_t count, struct limit_charge **out)
{
    struct limit_charge *charges = arena_array(arena, count, sizeof *charges);
    for (size_t i = 0; charges != NULL && i < count; i++)
        charges[i] = (struct limit_charge){.resource = wire_slice(from[i]->resource), .cost = from[i]->cost};
    *out = charges;
    return charges != NULL;
}

static struct limit read_limit(const Postern__V1__Limit *from)
{
    return (struct limit){
        .resource = wire_slice(from->resource),
        .algorithm = (enum limit_algorithm)from->algorithm,
        .amount = from->amount,
        .window_s = from->window_s,
        .period = (enum limit_period)from->period,
        .burst = from->burst,
        .unlimited = from->unlimited,
    };
}

// Limits that share a meter are one limit, said twice: which amount was meant?
static enum status refuse_twin(const struct limit *limits, size_t last, struct status_note *note)
{
    for (size_t i = 0; i < last; i++)
        if (limit_same_meter(&limits[i], &limits[last]))
            return status_fail(note, STATUS_INVALID_ARGUMENT, NULL,
                               "has the resource, algorithm and window of limits[%zu]: leave one of them out", i);
    return STATUS_OK;
}

enum status wire_read_limits(struct arena *arena, Postern__V1__Limit *const *from, size_t count, struct limit **out,
                             struct status_note *note)
{
    struct limit *limits = arena_array(arena, count, sizeof *limits);
    if (limits == NULL)
        return status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "the limits do not fit a request's memory");
    for (size_t i = 0; i < count; i++) {
        struct status_note inner = {0};
        limits[i] = read_limit(from[i]);
        enum status status = limit_complete(&limits[i], &inner);
        if (status == STATUS_OK)
            status = refuse_twin(limits, i, &inner);
        if (status == STATUS_OK)
            continue;
        char field[64];
        (void)snprintf(field, sizeof field, "limits[%zu]%s%.20s", i, inner.field[0] != '\0' ? "." : "", inner.field);
        return status_fail(note, status, field, "%s", inner.message);
    }
    *out = limits;
    return STATUS_OK;
}
