// Walks along the audit chain. Each link must follow the one before it. A record that a link was the last to change
// must be there as the link left it, or be gone if the link removed it. The walk also counts how many entries the
// indexes of changes must have.
#include "registry/fsck/fsck.h"

#include <inttypes.h>
#include <string.h>

// Is the record there, as its last change left it? fsck.c checks its content.
static enum status fsck_left(struct fsck *fsck, const struct image *image, uint64_t seq)
{
    struct slice value;
    struct image stored;
    struct slice id = image_id(image);
    enum status status = store_get(fsck->view, image_table(image->kind), id, &value);
    if (status == STATUS_NOT_FOUND)
        return image->removed ? STATUS_OK : fsck_fail_record(fsck, image->kind, id, "is missing");
    if (status == STATUS_OK && image->removed)
        return fsck_fail_record(fsck, image->kind, id, "is there, although a change removed it");
    if (status == STATUS_OK)
        status = unpack_image(image->kind, value, fsck->arena, &stored);
    if (status == STATUS_DATA_LOSS)
        return fsck_fail_record(fsck, image->kind, id, "does not decode");
    if (status == STATUS_OK && image_version(&stored) < seq)
        return fsck_fail_record(fsck, image->kind, id, "is older than the audit chain says");
    return status;
}

static enum status fsck_image(struct fsck *fsck, const struct image *image, uint64_t seq)
{
    uint64_t newest = 0;
    struct slice value;
    struct slice account = image_account(image);
    struct table_key by_record = table_by_record_key(image->kind, image_id(image), seq);
    struct table_key by_account = table_by_account_change_key(account, seq);
    enum status status = chain_find_change(fsck->view, image, UINT64_MAX, &newest);
    if (status == STATUS_OK && newest == seq)
        status = fsck_left(fsck, image, seq);
    if (status == STATUS_OK)
        status = store_get(fsck->view, TABLE_CHANGE_BY_RECORD, table_slice(&by_record), &value);
    if (status == STATUS_OK && account.size > 0)
        status = store_get(fsck->view, TABLE_CHANGE_BY_ACCOUNT, table_slice(&by_account), &value);
    if (status == STATUS_NOT_FOUND)
        return fsck_fail_record(fsck, image->kind, image_id(image), "is not in an index of changes");
    return status;
}

// The index has one entry for all images of an account.
static bool is_first_of_account(const struct change *change, size_t i)
{
    struct slice account = image_account(&change->images[i]);
    for (size_t j = 0; j < i; j++)
        if (slice_equal(image_account(&change->images[j]), account))
            return false;
    return account.size > 0;
}

static enum status fsck_images(struct fsck *fsck, const struct change *change)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < change->image_count && status == STATUS_OK; i++) {
        status = fsck_image(fsck, &change->images[i], change->seq);
        fsck->expected.images++;
        fsck->expected.accounts += is_first_of_account(change, i) ? 1 : 0;
    }
    return status;
}

static enum status fail_link(struct fsck *fsck, uint64_t seq, const char *what)
{
    return status_fail(fsck->failure, STATUS_DATA_LOSS, NULL,
                       "change %" PRIu64 " of the audit chain %s: restore a backup", seq, what);
}

static enum status fsck_link(struct fsck *fsck, uint64_t seq, uint8_t mac[SECRET_HASH_SIZE])
{
    struct chain_link link;
    struct change change;
    enum status status = chain_read_link(fsck->view, seq, fsck->arena, &link);
    if (status == STATUS_NOT_FOUND)
        return fail_link(fsck, seq, "is missing");
    if (status == STATUS_DATA_LOSS)
        return fail_link(fsck, seq, "does not decode");
    if (status != STATUS_OK)
        return status;
    if (chain_verify_link(fsck->registry->secret, mac, &link) != STATUS_OK)
        return fail_link(fsck, seq, "was altered, or its master secret is gone");
    status = unpack_change(link.change, fsck->arena, &change);
    if (status == STATUS_DATA_LOSS || (status == STATUS_OK && change.seq != seq))
        return fail_link(fsck, seq, "holds something else");
    if (status == STATUS_OK && change.idempotency_before_ms > change.time_ms)
        return fail_link(fsck, seq, "removed idempotency records that were not old");
    if (status == STATUS_OK && change.image_count + change.idempotency_count == 0)
        return fail_link(fsck, seq, "changed nothing");
    if (status == STATUS_OK)
        status = fsck_images(fsck, &change);
    memcpy(mac, link.mac, SECRET_HASH_SIZE);
    return status;
}

enum status fsck_chain(struct fsck *fsck)
{
    uint64_t links = 0;
    uint8_t mac[SECRET_HASH_SIZE] = {0};
    enum status status = chain_read_head(fsck->view, &fsck->head);
    if (status == STATUS_DATA_LOSS)
        return fsck_fail_table(fsck, "the audit chain's head does not decode");
    for (uint64_t seq = 1; status == STATUS_OK && seq <= fsck->head.seq; seq++) {
        arena_reset(fsck->arena);
        status = fsck_link(fsck, seq, mac);
        fsck->entries += status == STATUS_OK ? 1 : 0;
    }
    if (status == STATUS_OK && !secret_equal(mac, fsck->head.mac))
        return fsck_fail_table(fsck, "the audit chain's head does not fit its last entry");
    if (status == STATUS_OK)
        status = fsck_walk(fsck, TABLE_CHANGE, fsck_count_one, &links);
    if (status == STATUS_OK && links != fsck->head.seq)
        return fsck_fail_table(fsck, "the audit chain goes on behind its head");
    return status;
}
