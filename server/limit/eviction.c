// Meters come into memory and leave it.
//
// The problem: there may be more subjects than fit in memory, but a meter that is let go must come back knowing no less
// than it did. So a meter whose exact state the disk knows is let go at once, and any other is written first and let go
// after the commit. A meter comes back as after a crash: what its record sets aside counts as spent. Between the
// reading of a record and the installing of its meter somebody else may have installed, spent and evicted the same
// meter, so that the record is old; each shard counts evictions and remembers the newest, and such a record is not
// taken.
#include <stdlib.h>
#include <string.h>

#include "limit/table.h"

enum {
    FORGET_QUEUED_MAX = 256, // per shard: a batch is held in memory
    LET_GO_PER_INSTALL = 2,  // more than one, so that a crowded shard becomes smaller
    SCAN_METERS = 16,        // how many meters are compared to choose the one to let go
    SCAN_BUCKETS = 64,
    REST_MS = 100 // a meter that was used so shortly ago is not at rest: a call may be about to ask again
};

// --- letting go

// Forgets the meter when the disk knows its exact state, and otherwise queues it to be written first. False when it
// cannot be queued.
static bool let_go(struct limit_table *table, struct limit_shard *shard, struct limit_meter *meter)
{
    if (!meter->dirty) {
        limit_table_forget(shard, meter);
        return true;
    }
    if (shard->queued_count >= FORGET_QUEUED_MAX || !limit_write_open(meter))
        return false;
    meter->retiring = true;
    limit_write_queue(table, shard, meter);
    return true;
}

// Is nothing queued or in flight, and has nobody asked since? A meter that a failed commit has left uncertain is dirty.
static bool has_rested(const struct limit_meter *meter, uint64_t before_ms)
{
    return limit_meter_is_idle(meter) && meter->t_ms <= before_ms;
}

static size_t forget_in_bucket(struct limit_table *table, struct limit_shard *shard, size_t bucket, uint64_t before_ms)
{
    size_t count = 0;
    struct limit_meter *next = NULL;
    for (struct limit_meter *meter = shard->buckets[bucket]; meter != NULL; meter = next) {
        next = meter->next;
        if (has_rested(meter, before_ms))
            count += let_go(table, shard, meter);
    }
    return count;
}

size_t limit_evict_idle(struct limit_table *table, uint64_t idle_ms)
{
    size_t count = 0;
    uint64_t now_ms = clock_now_ms(table->clock);
    for (size_t i = 0; i < LIMIT_SHARD_COUNT && idle_ms <= now_ms; i++) {
        struct limit_shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->mutex);
        for (size_t bucket = 0; bucket < shard->bucket_count; bucket++)
            count += forget_in_bucket(table, shard, bucket, now_ms - idle_ms);
        pthread_mutex_unlock(&shard->mutex);
    }
    return count;
}

// --- a bound on memory

// Returns the meter that has rested longest among the next few behind the hand, which goes round the buckets; so no
// install looks at more than a few.
static struct limit_meter *find_rested(struct limit_shard *shard, uint64_t before_ms)
{
    struct limit_meter *oldest = NULL;
    size_t seen = 0;
    for (size_t i = 0; i < SCAN_BUCKETS && seen < SCAN_METERS; i++) {
        shard->hand = (shard->hand + 1) & (shard->bucket_count - 1);
        for (struct limit_meter *meter = shard->buckets[shard->hand]; meter != NULL; meter = meter->next, seen++)
            if (has_rested(meter, before_ms) && (oldest == NULL || meter->t_ms < oldest->t_ms))
                oldest = meter;
    }
    return oldest;
}

// A full shard lets meters go before it takes another one. Meters that must be written first stay until then, so the
// shard may grow to twice its bound, but no further.
static bool make_room(struct limit_table *table, struct limit_shard *shard)
{
    uint64_t now_ms = clock_now_ms(table->clock);
    size_t max = table->shard_max_meters;
    for (int i = 0; i < LET_GO_PER_INSTALL && max > 0 && shard->meter_count >= max; i++) {
        bool crowded = shard->meter_count >= 2 * max;
        struct limit_meter *rested = find_rested(shard, now_ms - (crowded ? 1 : limit_min(REST_MS, now_ms)));
        if (rested != NULL)
            (void)let_go(table, shard, rested);
    }
    return max == 0 || shard->meter_count < 2 * max;
}

// --- installing

static struct limit_meter *new_meter(const struct limit_table *table, const struct limit_applicable *applicable,
                                     const struct limit_lookup *lookup)
{
    struct limit_meter *meter = calloc(1, limit_meter_size(lookup->name.size));
    if (meter == NULL)
        return NULL;
    meter->hash = lookup->hash;
    meter->name_size = (uint16_t)lookup->name.size;
    memcpy(meter->name, lookup->name.bytes, lookup->name.size);
    meter->algorithm = applicable->limit.algorithm & LIMIT_ALGORITHM_BITS;
    meter->period = applicable->limit.period & LIMIT_PERIOD_BITS;
    meter->window_s = applicable->limit.window_s & LIMIT_WINDOW_BITS;
    meter->amount = applicable->limit.amount;
    meter->burst = applicable->limit.burst;
    if (applicable->limit.algorithm == LIMIT_FIXED_WINDOW)
        meter->state.fixed.zone = limit_zone_of(table, applicable);
    meter->superseded = true; // others may have been spent from
    return meter;
}

// Fills the meter as after a crash, in the zone of its record: what was reserved counts as spent, now. Nothing is
// written, so doing it twice changes nothing.
static bool recover(const struct limit_table *table, const struct limit_shard *shard, struct limit_meter *meter,
                    const struct limit_found *found)
{
    struct limit_rate rate = limit_meter_rate(meter);
    const struct limit_record *record = found != NULL ? found->record : NULL;
    meter->t_ms = clock_now_ms(table->clock);
    meter->maker = found != NULL ? found->maker : 0;
    if (record != NULL) {
        meter->maker = record->maker;
        meter->magnitude = (unsigned)record->magnitude & LIMIT_MAGNITUDE_BITS;
        rate.zone = limit_record_zone(record, rate.period);
        meter->t_ms = limit_max(meter->t_ms, record->t_ms);
        meter->durable_ms = record->t_ms;
        meter->dirty = record->reserved > 0;
    }
    return limit_recover(&meter->state, (enum limit_algorithm)meter->algorithm, &rate, meter->t_ms, record) &&
           (found == NULL || limit_carry_over_records(table, shard, meter, found));
}

static bool install_locked(struct limit_table *table, struct limit_shard *shard,
                           const struct limit_applicable *applicable, const struct limit_lookup *lookup,
                           const struct limit_found *found)
{
    struct limit_meter *meter = make_room(table, shard) ? new_meter(table, applicable, lookup) : NULL;
    if (meter == NULL)
        return false;
    if (recover(table, shard, meter, found) && limit_table_insert(shard, meter))
        return true;
    limit_meter_free(meter);
    return false;
}

// May the meter of this hash have been in memory, and left it, since `generation`? Then a record that was read before
// may be old.
static bool may_have_left(const struct limit_shard *shard, uint32_t hash, uint64_t generation)
{
    if (shard->generation - generation > LIMIT_FORGOTTEN_MAX)
        return true;
    for (uint64_t i = generation; i < shard->generation; i++)
        if (shard->forgotten[i % LIMIT_FORGOTTEN_MAX] == hash)
            return true;
    return false;
}

// May any of the records be old?
static bool are_old(const struct limit_table *table, const struct limit_shard *shard, const struct limit_lookup *lookup,
                    const struct limit_found *found, uint64_t generation)
{
    bool old = may_have_left(shard, lookup->hash, generation);
    for (size_t i = 0; found != NULL && i < found->former_count && !old; i++) {
        struct limit_lookup former;
        limit_table_look_name(table, limit_name_slice(&found->formers[i].name), &former);
        old = may_have_left(shard, former.hash, generation);
    }
    return old;
}

bool limit_install(struct limit_table *table, struct slice owner, const struct limit_applicable *applicable,
                   const struct limit_found *found, uint64_t generation)
{
    struct limit_shard *shard = limit_table_shard(table, owner);
    struct limit_lookup lookup;
    limit_table_look(table, applicable, &lookup);
    bool installed = true;
    pthread_mutex_lock(&shard->mutex);
    if (!are_old(table, shard, &lookup, found, generation) && limit_table_find(shard, &lookup) == NULL)
        installed = install_locked(table, shard, applicable, &lookup, found);
    struct limit_meter *meter = limit_table_find(shard, &lookup);
    if (meter != NULL)
        meter->admitted = true;
    pthread_mutex_unlock(&shard->mutex);
    return installed;
}

// --- records of meters that are not in memory

bool limit_is_resident(struct limit_table *table, struct slice owner, struct slice name)
{
    struct limit_shard *shard = limit_table_shard(table, owner);
    struct limit_lookup lookup;
    limit_table_look_name(table, name, &lookup);
    pthread_mutex_lock(&shard->mutex);
    bool is_resident = limit_table_find(shard, &lookup) != NULL;
    pthread_mutex_unlock(&shard->mutex);
    return is_resident;
}
