// What a meter is called, and where it is found by that.
//
// A meter's name is the key of its record in the store, so it holds what tells meters apart and nothing that may
// change. In memory everything is found by a keyed hash: the shard by the owner's, the meter in it by its name's.
#include <string.h>

#include "limit/table.h"

// --- names

static size_t put_bytes(uint8_t *out, const void *data, size_t size)
{
    if (size > 0)
        memcpy(out, data, size);
    return size;
}

// subject, size of its id, id, algorithm, period, window (big-endian), resource: what belongs to one subject is
// together.
void limit_name_of(const struct limit_term *term, struct limit_name *out)
{
    const struct limit *limit = &term->limit;
    size_t id_size = limit_min(term->subject_id.size, UINT8_MAX);
    size_t resource_size = limit_min(limit->resource.size, LIMIT_RESOURCE_MAX);
    uint8_t *at = out->bytes;
    *at++ = (uint8_t)term->subject;
    *at++ = (uint8_t)id_size;
    at += put_bytes(at, term->subject_id.data, id_size);
    *at++ = (uint8_t)limit->algorithm;
    *at++ = (uint8_t)limit->period;
    for (unsigned shift = 32; shift > 0; shift -= 8)
        *at++ = (uint8_t)(limit->window_s >> (shift - 8));
    at += put_bytes(at, limit->resource.data, resource_size);
    out->size = (size_t)(at - out->bytes);
}
_Static_assert(8 + UINT8_MAX + LIMIT_RESOURCE_MAX <= LIMIT_NAME_MAX, "a meter's name fits");

// --- hashes

// Both halves of a 128-bit product, folded: the mixing step of wyhash (https://github.com/wangyi-fudan/wyhash).
static uint64_t fold(uint64_t a, uint64_t b)
{
    limit_wide product = (limit_wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const uint8_t *data)
{
    uint64_t word = 0;
    memcpy(&word, data, sizeof word);
    return word;
}

// As wyhash: sixteen bytes at a time, with a secret seed in place of its constants: names can come from strangers, who
// must not be able to make them collide. The last two words may overlap those before; the size tells them apart.
static uint64_t hash_bytes(const uint8_t *data, size_t size, uint64_t seed)
{
    const uint64_t key = seed ^ UINT64_C(0x8ebc6af09c88c6e3);
    uint64_t hash = seed ^ size, first = 0, last = 0;
    for (; size > 16; data += 16, size -= 16)
        hash = fold(word_at(data) ^ key, word_at(data + 8) ^ hash);
    if (size >= 8) {
        first = word_at(data);
        last = word_at(data + size - 8);
    } else if (size > 0) {
        memcpy(&first, data, size);
    }
    hash = fold(first ^ key, last ^ hash);
    return fold(hash ^ UINT64_C(0xe7037ed1a0b428db), seed | 1);
}

uint64_t limit_table_hash(const struct limit_table *table, struct slice bytes)
{
    return hash_bytes(bytes.data, bytes.size, table->hash_seed);
}

struct limit_shard *limit_table_shard(struct limit_table *table, struct slice owner)
{
    uint64_t hash = hash_bytes(owner.data, owner.size, ~table->hash_seed);
    return &table->shards[(hash ^ hash >> 32) % LIMIT_SHARD_COUNT];
}

static void look(const struct limit_table *table, struct limit_lookup *lookup)
{
    uint64_t hash = hash_bytes(lookup->name.bytes, lookup->name.size, table->hash_seed);
    lookup->hash = (uint32_t)(hash ^ hash >> 32);
}

void limit_table_look(const struct limit_table *table, const struct limit_term *term, struct limit_lookup *out)
{
    limit_name_of(term, &out->name);
    look(table, out);
}

void limit_table_look_name(const struct limit_table *table, struct slice name, struct limit_lookup *out)
{
    out->name.size = limit_min(name.size, LIMIT_NAME_MAX);
    put_bytes(out->name.bytes, name.data, out->name.size);
    look(table, out);
}
