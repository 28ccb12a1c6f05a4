// The audit chain makes tampering visible: each link holds a change and a MAC over that change and the MAC before it,
// so nobody without the keyring can alter, insert or drop one. The head names the newest link. This file appends links,
// reads and verifies them, and compares the head with the end of the chain when a store is opened.
#include "registry/chain/chain.h"

#include "registry/table.h"

#include <inttypes.h>
#include <string.h>

enum status chain_read_head(struct store_txn *txn, struct chain_head *out)
{
    struct slice value;
    memset(out, 0, sizeof *out);
    enum status status = store_get(txn, TABLE_META, table_meta_head(), &value);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    return status == STATUS_OK ? unpack_head(value, out) : status;
}

enum status chain_extend(const struct secret *secret, const struct chain_head *previous, struct slice change,
                         struct arena *arena, struct slice *link, struct chain_head *next)
{
    struct chain_link record = {.change = change, .master_id = secret_newest_id(secret)};
    enum status status = secret_chain_mac(secret, record.master_id, previous->mac, change, record.mac);
    if (status != STATUS_OK)
        return STATUS_INTERNAL;
    next->seq = previous->seq + 1;
    memcpy(next->mac, record.mac, sizeof next->mac);
    return pack_link(&record, arena, link) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

void chain_write(struct store_txn *txn, struct slice link, const struct chain_head *head)
{
    uint8_t bytes[PACK_HEAD_MAX];
    struct table_key key = table_change_key(head->seq);
    store_put(txn, TABLE_CHANGE, table_slice(&key), link);
    store_put(txn, TABLE_META, table_meta_head(), slice_make(bytes, pack_head(head, bytes)));
}

enum status chain_read_link(struct store_txn *txn, uint64_t seq, struct arena *arena, struct chain_link *out)
{
    struct slice value;
    struct table_key key = table_change_key(seq);
    enum status status = store_get(txn, TABLE_CHANGE, table_slice(&key), &value);
    return status == STATUS_OK ? unpack_link(value, arena, out) : status;
}

enum status chain_find_change(struct store_txn *txn, const struct image *image, uint64_t seq, uint64_t *out)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct table_key from = table_by_record_key(image->kind, image_id(image), seq);
    *out = 0;
    enum status status = store_cursor_open_at(txn, TABLE_CHANGE_BY_RECORD, table_slice(&from), &cursor, &key, &value);
    if (status == STATUS_OK && slice_starts_with(key, table_change_prefix(&from)) && !table_by_record_seq(key, out))
        status = STATUS_DATA_LOSS;
    store_cursor_close(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status chain_verify_link(const struct secret *secret, const uint8_t previous[SECRET_HASH_SIZE],
                              const struct chain_link *link)
{
    uint8_t mac[SECRET_HASH_SIZE];
    enum status status = secret_chain_mac(secret, link->master_id, previous, link->change, mac);
    return status == STATUS_OK && secret_equal(mac, link->mac) ? STATUS_OK : STATUS_DATA_LOSS;
}

// Is there a link at `seq` or behind it?
static enum status has_more(struct store_txn *txn, uint64_t seq, bool *more)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct table_key from = table_change_key(seq);
    *more = false;
    enum status status = store_cursor_open_at(txn, TABLE_CHANGE, table_slice(&from), &cursor, &key, &value);
    store_cursor_close(cursor);
    *more = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status check_last(const struct secret *secret, struct store_txn *txn, const struct chain_head *head,
                              struct arena *arena)
{
    struct chain_link before = {.master_id = 0};
    struct chain_link last;
    enum status status = chain_read_link(txn, head->seq, arena, &last);
    if (status == STATUS_OK && head->seq > 1)
        status = chain_read_link(txn, head->seq - 1, arena, &before);
    if (status == STATUS_OK)
        status = chain_verify_link(secret, before.mac, &last);
    if (status == STATUS_OK && !secret_equal(last.mac, head->mac))
        return STATUS_DATA_LOSS;
    return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
}

enum status chain_verify_end(const struct secret *secret, struct store_txn *txn, struct arena *arena,
                             struct status_failure *failure)
{
    struct chain_head head;
    bool more = false;
    enum status status = chain_read_head(txn, &head);
    if (status == STATUS_DATA_LOSS)
        return status_fail(failure, status, NULL, "the audit chain's head does not decode: restore a backup");
    if (status == STATUS_OK && head.seq > 0)
        status = check_last(secret, txn, &head, arena);
    if (status == STATUS_OK)
        status = has_more(txn, head.seq + 1, &more);
    if (status == STATUS_DATA_LOSS || more)
        return status_fail(failure, STATUS_DATA_LOSS, NULL,
                           "the audit chain's head (change %" PRIu64 ") does not fit its last entry: the store was "
                           "damaged or changed from outside; restore a backup",
                           head.seq);
    return status;
}
