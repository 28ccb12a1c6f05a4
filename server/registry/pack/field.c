// Reads and writes the lists that several stored messages have: texts, metadata entries and limits.
#include "registry/pack/field.h"

enum status pack_read_texts(const ProtobufCBinaryData *from, size_t count, size_t count_max, struct arena *arena,
                            struct slice **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > count_max)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        (*to)[i] = record_from_bytes(from[i]);
    return STATUS_OK;
}

bool pack_write_texts(const struct slice *from, size_t count, struct arena *arena, ProtobufCBinaryData **to)
{
    *to = arena_array(arena, count, sizeof **to);
    for (size_t i = 0; *to != NULL && i < count; i++)
        (*to)[i] = record_to_bytes(from[i]);
    return *to != NULL;
}

enum status pack_read_entries(Postern__Records__EntryRecord *const *from, size_t count, struct arena *arena,
                              struct registry_entry **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > REGISTRY_METADATA_MAX)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        (*to)[i] =
            (struct registry_entry){.key = record_from_bytes(from[i]->key), .value = record_from_bytes(from[i]->value)};
    return STATUS_OK;
}

bool pack_write_entries(const struct registry_entry *from, size_t count, struct arena *arena,
                        Postern__Records__EntryRecord ***to)
{
    Postern__Records__EntryRecord *records = arena_array(arena, count, sizeof *records);
    *to = arena_array(arena, count, sizeof **to);
    if (records == NULL || *to == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        postern__records__entry_record__init(&records[i]);
        records[i].key = record_to_bytes(from[i].key);
        records[i].value = record_to_bytes(from[i].value);
        (*to)[i] = &records[i];
    }
    return true;
}

static bool read_limit(const Postern__Records__LimitRecord *from, struct limit *to)
{
    *to = (struct limit){.resource = record_from_bytes(from->resource),
                         .algorithm = (enum limit_algorithm)from->algorithm,
                         .amount = from->amount,
                         .window_s = from->window_s,
                         .period = (enum limit_period)from->period,
                         .burst = from->burst,
                         .unlimited = from->unlimited != 0};
    uint32_t lowest = to->unlimited ? 0 : LIMIT_FIXED_WINDOW;
    return from->algorithm >= lowest && from->algorithm <= LIMIT_TOKEN_BUCKET && from->period <= LIMIT_MONTH;
}

enum status pack_read_limits(Postern__Records__LimitRecord *const *from, size_t count, struct arena *arena,
                             struct limit **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > LIMIT_PER_OWNER_MAX)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        if (!read_limit(from[i], &(*to)[i]))
            return STATUS_DATA_LOSS;
    return STATUS_OK;
}

bool pack_write_limits(const struct limit *from, size_t count, struct arena *arena, Postern__Records__LimitRecord ***to)
{
    Postern__Records__LimitRecord *records = arena_array(arena, count, sizeof *records);
    *to = arena_array(arena, count, sizeof **to);
    if (records == NULL || *to == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        postern__records__limit_record__init(&records[i]);
        records[i].resource = record_to_bytes(from[i].resource);
        records[i].algorithm = (uint32_t)from[i].algorithm;
        records[i].amount = from[i].amount;
        records[i].window_s = from[i].window_s;
        records[i].period = (uint32_t)from[i].period;
        records[i].burst = from[i].burst;
        records[i].unlimited = from[i].unlimited;
        (*to)[i] = &records[i];
    }
    return true;
}
