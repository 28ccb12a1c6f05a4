// Makes the names of meters, and finds their places by them.
//
// A meter's name is the key of its record in the store, so it holds what tells meters apart and nothing that may
// change. In memory, the keyed hash of the owner chooses the shard, and that of the name finds the meter in it.
#include <string.h>

#include "limit/table.h"

// --- names

static size_t put_bytes(uint8_t *out, const void *data, size_t size)
{
    if (size > 0)
        memcpy(out, data, size);
    return size;
}

// A name is: subject, size of its id, id, algorithm, period (with a bit for a shadow), window (big-endian), resource.
// So the meters of one subject are neighbours in the store.
void limit_name_of(const struct limit_applicable *applicable, struct limit_name *out)
{
    const struct limit *limit = &applicable->limit;
    size_t id_size = limit_min(applicable->subject_id.size, UINT8_MAX);
    size_t resource_size = limit_min(limit->resource.size, LIMIT_RESOURCE_MAX);
    uint8_t *at = out->bytes;
    *at++ = (uint8_t)applicable->subject;
    *at++ = (uint8_t)id_size;
    at += put_bytes(at, applicable->subject_id.data, id_size);
    *at++ = (uint8_t)limit->algorithm;
    *at++ = (uint8_t)(limit->period | (limit->shadow ? LIMIT_NAME_SHADOW : 0));
    for (unsigned shift = 32; shift > 0; shift -= 8)
        *at++ = (uint8_t)(limit->window_s >> (shift - 8));
    at += put_bytes(at, limit->resource.data, resource_size);
    out->size = (size_t)(at - out->bytes);
}
_Static_assert(8 + UINT8_MAX + LIMIT_RESOURCE_MAX <= LIMIT_NAME_MAX, "a meter's name fits");

// --- hashes

// The seed is secret: names can come from strangers, who must not be able to make them collide.
uint64_t limit_table_hash(const struct limit_table *table, struct slice bytes)
{
    return slice_hash(bytes, table->hash_seed);
}

struct limit_shard *limit_table_shard(struct limit_table *table, struct slice owner)
{
    uint64_t hash = slice_hash(owner, ~table->hash_seed);
    return &table->shards[(hash ^ hash >> 32) % LIMIT_SHARD_COUNT];
}

static void look(const struct limit_table *table, struct limit_lookup *lookup)
{
    uint64_t hash = slice_hash(limit_name_slice(&lookup->name), table->hash_seed);
    lookup->hash = (uint32_t)(hash ^ hash >> 32);
}

void limit_table_look(const struct limit_table *table, const struct limit_applicable *applicable,
                      struct limit_lookup *out)
{
    limit_name_of(applicable, &out->name);
    look(table, out);
}

void limit_table_look_name(const struct limit_table *table, struct slice name, struct limit_lookup *out)
{
    out->name.size = limit_min(name.size, LIMIT_NAME_MAX);
    put_bytes(out->name.bytes, name.data, out->name.size);
    look(table, out);
}
