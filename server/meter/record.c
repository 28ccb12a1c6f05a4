// Packs a meter and the clock's mark into the messages of proto/records.proto, and back.
//
// The unpacker takes its memory from an arena, so nothing has to be freed, and damaged bytes cannot make it take more
// than the arena holds.
#include "meter/record.h"

#include "record/record.h"

#include <records.pb-c.h>
#include <string.h>

bool meter_record_pack(const struct limit_record *record, struct arena *arena, struct slice *out)
{
    Postern__Records__MeterRecord message = POSTERN__RECORDS__METER_RECORD__INIT;
    message.format = RECORD_FORMAT;
    message.algorithm = (uint32_t)record->algorithm;
    message.t_ms = record->t_ms;
    message.reserved = record->reserved;
    message.index = record->index;
    message.used = record->used;
    message.n_counters = record->counter_count;
    message.counters =
        (uint64_t *)(uintptr_t)record->counters; // the message type serves both directions; packing only reads
    message.tat_ms = record->tat_ms;
    message.tat_fraction = record->tat_fraction;
    message.amount = record->amount;
    message.burst = record->burst;
    message.begin_ms = record->begin_ms;
    message.end_ms = record->end_ms;
    message.held = record->held;
    message.held_until_ms = record->held_until_ms;
    if (record->algorithm == LIMIT_FIXED_WINDOW)
        message.time_zone = record_to_bytes(slice_text(zone_name(record->zone)));
    message.maker = record->maker;
    message.magnitude = record->maker != 0 ? record->magnitude : 0;
    return record_pack_message(&message.base, arena, out);
}

static const struct zone *find_zone(const struct meter_zones *zones, ProtobufCBinaryData name)
{
    const struct zone *zone = NULL;
    if (zones == NULL)
        return NULL;
    bool found = name.len > 0 && zones->table != NULL && zone_find(zones->table, record_from_bytes(name), &zone);
    return found ? zone : zones->installation;
}

enum status meter_record_unpack(struct slice bytes, const struct meter_zones *zones, struct arena *arena,
                                struct limit_record *out)
{
    enum status status;
    const Postern__Records__MeterRecord *message =
        record_unpack_message(&postern__records__meter_record__descriptor, bytes, arena, &status);
    if (message == NULL)
        return status;
    if (message->format != RECORD_FORMAT || message->n_counters > LIMIT_COUNTERS_MAX ||
        message->algorithm < LIMIT_FIXED_WINDOW || message->algorithm > LIMIT_TOKEN_BUCKET ||
        message->magnitude > LIMIT_MAGNITUDE_MAX)
        return STATUS_DATA_LOSS;
    *out = (struct limit_record){.algorithm = (enum limit_algorithm)message->algorithm,
                                 .t_ms = message->t_ms,
                                 .amount = message->amount,
                                 .burst = message->burst,
                                 .reserved = message->reserved,
                                 .index = message->index,
                                 .used = message->used,
                                 .begin_ms = message->begin_ms,
                                 .end_ms = message->end_ms,
                                 .held = message->held,
                                 .held_until_ms = message->held_until_ms,
                                 .zone = find_zone(zones, message->time_zone),
                                 .counter_count = message->n_counters,
                                 .tat_ms = message->tat_ms,
                                 .tat_fraction = message->tat_fraction,
                                 .maker = message->maker,
                                 .magnitude = (uint8_t)message->magnitude};
    if (message->n_counters > 0)
        memcpy(out->counters, message->counters, message->n_counters * sizeof out->counters[0]);
    return STATUS_OK;
}

bool meter_mark_pack(const struct clock_mark *mark, struct arena *arena, struct slice *out)
{
    Postern__Records__ClockRecord message = POSTERN__RECORDS__CLOCK_RECORD__INIT;
    message.format = RECORD_FORMAT;
    message.boot_id = record_to_bytes(slice_make(mark->boot_id, sizeof mark->boot_id));
    message.boot_ms = mark->boot_ms;
    message.high_ms = mark->high_ms;
    return record_pack_message(&message.base, arena, out);
}

enum status meter_mark_unpack(struct slice bytes, struct arena *arena, struct clock_mark *out)
{
    enum status status;
    const Postern__Records__ClockRecord *message =
        record_unpack_message(&postern__records__clock_record__descriptor, bytes, arena, &status);
    if (message == NULL)
        return status;
    out->boot_ms = message->boot_ms;
    out->high_ms = message->high_ms;
    bool is_whole =
        message->format == RECORD_FORMAT && record_copy_exact(message->boot_id, sizeof out->boot_id, out->boot_id);
    return is_whole ? STATUS_OK : STATUS_DATA_LOSS;
}
