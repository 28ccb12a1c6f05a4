// Packs tallies and last uses, the records of the two tables, into stored messages and back, and checks their bounds
// when it unpacks them. An hour that does not decode is logged and counted, and then taken as missing: usage decides
// nothing, so a lost hour is better than a daemon that stops.
#include "record/record.h"

#include <records.pb-c.h>
#include <string.h>

#include "usage/internal.h"

// --- tallies

static bool write_counts(const struct usage_tally *from, struct arena *arena, Postern__Records__UsageTallyRecord *to)
{
    to->counts = arena_array(arena, from->count_count, sizeof *to->counts);
    for (size_t i = 0; to->counts != NULL && i < from->count_count; i++) {
        Postern__Records__UsageCountRecord *count = arena_alloc(arena, sizeof *count);
        if (count == NULL)
            return false;
        postern__records__usage_count_record__init(count);
        count->reason = from->counts[i].reason;
        count->count = from->counts[i].count;
        to->counts[to->n_counts++] = count;
    }
    return to->counts != NULL;
}

static bool write_costs(const struct usage_tally *from, struct arena *arena, Postern__Records__UsageTallyRecord *to)
{
    to->costs = arena_array(arena, from->cost_count, sizeof *to->costs);
    for (size_t i = 0; to->costs != NULL && i < from->cost_count; i++) {
        Postern__Records__UsageCostRecord *cost = arena_alloc(arena, sizeof *cost);
        if (cost == NULL)
            return false;
        postern__records__usage_cost_record__init(cost);
        cost->resource = record_to_bytes(from->costs[i].resource);
        cost->cost = from->costs[i].cost;
        to->costs[to->n_costs++] = cost;
    }
    return to->costs != NULL;
}

bool usage_pack_tally(const struct usage_tally *tally, struct arena *arena, struct slice *out)
{
    Postern__Records__UsageTallyRecord message = POSTERN__RECORDS__USAGE_TALLY_RECORD__INIT;
    message.format = RECORD_FORMAT;
    message.would_refuse = tally->would_refuse;
    return write_counts(tally, arena, &message) && write_costs(tally, arena, &message) &&
           record_pack_message(&message.base, arena, out);
}

static bool is_tally(const Postern__Records__UsageTallyRecord *message)
{
    if (message->format != RECORD_FORMAT || message->n_counts > REASON_COUNT || message->n_costs > USAGE_COSTS + 1)
        return false;
    for (size_t i = 0; i < message->n_costs; i++) {
        if (message->costs[i]->resource.len == 0 || message->costs[i]->resource.len > USAGE_RESOURCE_MAX)
            return false;
    }
    return true;
}

enum status usage_unpack_tally(struct slice bytes, struct arena *arena, struct usage_tally *out)
{
    enum status status;
    const Postern__Records__UsageTallyRecord *message =
        record_unpack_message(&postern__records__usage_tally_record__descriptor, bytes, arena, &status);
    if (message == NULL)
        return status;
    if (!is_tally(message))
        return STATUS_DATA_LOSS;
    *out = (struct usage_tally){
        .count_count = message->n_counts, .cost_count = message->n_costs, .would_refuse = message->would_refuse};
    out->counts = arena_array(arena, out->count_count, sizeof *out->counts);
    out->costs = arena_array(arena, out->cost_count, sizeof *out->costs);
    if (out->counts == NULL || out->costs == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < out->count_count; i++)
        out->counts[i] = (struct usage_count){message->counts[i]->reason, message->counts[i]->count};
    for (size_t i = 0; i < out->cost_count; i++)
        out->costs[i] = (struct usage_cost){record_from_bytes(message->costs[i]->resource), message->costs[i]->cost};
    return STATUS_OK;
}

// --- last uses

bool usage_pack_last(const struct usage_last *last, struct arena *arena, struct slice *out)
{
    Postern__Records__UsageNetworkRecord networks[USAGE_NETWORKS];
    Postern__Records__UsageNetworkRecord *pointers[USAGE_NETWORKS];
    Postern__Records__UsageLastRecord message = POSTERN__RECORDS__USAGE_LAST_RECORD__INIT;
    for (size_t i = 0; i < last->network_count; i++) {
        postern__records__usage_network_record__init(&networks[i]);
        networks[i].network = last->networks[i].network;
        networks[i].first_ms = last->networks[i].first_ms;
        networks[i].last_ms = last->networks[i].last_ms;
        pointers[i] = &networks[i];
    }
    message.format = RECORD_FORMAT;
    message.first_ms = last->first_ms;
    message.last_ms = last->last_ms;
    message.networks_met = last->networks_met;
    message.n_networks = last->network_count;
    message.networks = pointers;
    message.address = record_to_bytes(slice_make(last->address, last->address_size));
    return record_pack_message(&message.base, arena, out);
}

enum status usage_unpack_last(struct slice bytes, struct arena *arena, struct usage_last *out)
{
    enum status status;
    const Postern__Records__UsageLastRecord *message =
        record_unpack_message(&postern__records__usage_last_record__descriptor, bytes, arena, &status);
    if (message == NULL)
        return status;
    if (message->format != RECORD_FORMAT || message->n_networks > USAGE_NETWORKS ||
        message->address.len > USAGE_ADDRESS_MAX)
        return STATUS_DATA_LOSS;
    *out = (struct usage_last){.first_ms = message->first_ms,
                               .last_ms = message->last_ms,
                               .networks_met = message->networks_met,
                               .network_count = message->n_networks,
                               .address_size = (uint8_t)message->address.len};
    for (size_t i = 0; i < out->network_count; i++)
        out->networks[i] = (struct usage_network){message->networks[i]->network, message->networks[i]->first_ms,
                                                  message->networks[i]->last_ms};
    if (message->address.len > 0)
        memcpy(out->address, message->address.data, message->address.len);
    return STATUS_OK;
}

// --- reading the tables

void usage_hour_key(uint32_t hour, struct usage_subject subject, struct usage_hour_key *out)
{
    for (size_t i = 0; i < 4; i++)
        out->bytes[i] = (uint8_t)(hour >> (24 - 8 * i));
    out->bytes[4] = (uint8_t)subject.kind;
    if (subject.id.size > 0)
        memcpy(out->bytes + 5, subject.id.data, subject.id.size);
    out->size = 5 + subject.id.size;
}

static struct slice get(struct usage *usage, struct store_txn *txn, enum usage_table table, struct slice key,
                        enum status *status)
{
    struct slice value;
    *status = store_get(txn, usage->options.table_base + (unsigned)table, key, &value);
    return value;
}

enum status usage_load_hour(struct usage *usage, struct store_txn *txn, uint32_t hour, struct usage_subject subject,
                            struct arena *scratch, struct usage_sums *out)
{
    struct usage_hour_key key;
    struct usage_tally tally;
    enum status status;
    memset(out, 0, sizeof *out);
    usage_hour_key(hour, subject, &key);
    struct slice value = get(usage, txn, USAGE_TABLE_HOUR, slice_make(key.bytes, key.size), &status);
    if (status != STATUS_OK)
        return status;
    status = usage_unpack_tally(value, scratch, &tally);
    if (status == STATUS_OK)
        usage_sums_from_tally(&tally, &usage->resources, out);
    arena_reset(scratch);
    if (status != STATUS_DATA_LOSS)
        return status;
    atomic_fetch_add(&usage->damaged, 1);
    log_line(usage->options.log, LOG_LEVEL_ERROR,
             "usage: the record of hour %u of %s is damaged or of another version; that hour counts from nothing", hour,
             subject.kind == USAGE_OF_KEY ? "a key" : "an account");
    return STATUS_NOT_FOUND;
}

enum status usage_load_last(struct usage *usage, struct store_txn *txn, struct slice key_id, struct arena *scratch,
                            struct usage_last *out)
{
    enum status status;
    memset(out, 0, sizeof *out);
    struct slice value = get(usage, txn, USAGE_TABLE_LAST, key_id, &status);
    if (status != STATUS_OK)
        return status;
    status = usage_unpack_last(value, scratch, out);
    arena_reset(scratch);
    if (status != STATUS_OK)
        memset(out, 0, sizeof *out);
    if (status == STATUS_DATA_LOSS)
        atomic_fetch_add(&usage->damaged, 1);
    return status;
}
