#include <string.h>

#include "usage/internal.h"

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
