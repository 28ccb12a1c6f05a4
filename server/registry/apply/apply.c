// Writes a change that was decided. A transaction cannot take back half a command, so the work has two steps: preparing
// reads what the indexes need and packs every record, and may run out of memory; writing only writes, and any failure
// of it fails the whole batch at its commit. Records, indexes, counts and the link of the audit chain go together.
#include "registry/apply/apply.h"

#include "registry/table.h"

// Compares the key with its stored record: what changes in the indexes and in the account's count of live keys?
static enum status compare_key(struct store_txn *txn, const struct registry_key *key, struct arena *arena,
                               struct apply_image *out)
{
    struct registry_key before;
    enum status status = registry_find_key(txn, key->id, arena, &before);
    out->is_new_key = status == STATUS_NOT_FOUND;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    bool counted = !out->is_new_key && change_is_counted(&before);
    out->was_live = counted;
    out->live_before_ms = counted ? before.facts.expires_at_ms : 0;
    out->made_before_ms = counted ? before.facts.created_at_ms : 0;
    out->was_listed = !out->is_new_key && change_is_listed(&before);
    out->expiry_before_ms = out->is_new_key ? 0 : change_listed_expiry(&before);
    return STATUS_OK;
}

static enum status prepare_image(struct store_txn *txn, const struct image *image, struct arena *arena,
                                 struct apply_image *out)
{
    *out = (struct apply_image){.image = image};
    if (!pack_image(image, arena, &out->value))
        return STATUS_RESOURCE_EXHAUSTED;
    return image->kind == REGISTRY_KEY ? compare_key(txn, &image->of.key, arena, out) : STATUS_OK;
}

static enum status prepare_images(struct store_txn *txn, const struct change *change, struct arena *arena,
                                  struct apply_plan *out)
{
    enum status status = STATUS_OK;
    out->images = arena_array(arena, change->image_count, sizeof *out->images);
    if (out->images == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    out->image_count = change->image_count;
    for (size_t i = 0; i < change->image_count && status == STATUS_OK; i++)
        status = prepare_image(txn, &change->images[i], arena, &out->images[i]);
    return status;
}

static uint64_t read_number(struct store_txn *txn, enum table table, struct slice key)
{
    struct slice value;
    uint64_t number = 0;
    if (store_get(txn, table, key, &value) != STATUS_OK || !table_number_read(value, &number))
        return 0;
    return number;
}

static void write_number(struct store_txn *txn, enum table table, struct slice key, uint64_t number)
{
    uint8_t bytes[TABLE_NUMBER_SIZE];
    table_number_write(number, bytes);
    if (number > 0)
        store_put(txn, table, key, slice_make(bytes, sizeof bytes));
    else
        store_delete(txn, table, key);
}

// Operators have no share of what may be written, so theirs is not counted.
static void count_written(struct store_txn *txn, const struct change *change, size_t size, struct apply_plan *out)
{
    if (change->on_behalf_of.size == 0 || account_id_is_reserved(change->on_behalf_of))
        return;
    out->writer = change->on_behalf_of;
    out->written = read_number(txn, TABLE_WRITTEN, out->writer) + size;
}

enum status apply_prepare(struct store_txn *txn, const struct secret *secret, const struct change *change,
                          struct arena *arena, struct apply_plan *out)
{
    struct chain_head head;
    struct slice packed;
    *out = (struct apply_plan){.is_applied = false};
    enum status status = chain_read_head(txn, &head);
    if (status != STATUS_OK)
        return status;
    out->is_applied = change->seq <= head.seq;
    if (out->is_applied)
        return STATUS_OK;
    if (change->seq != head.seq + 1)
        return STATUS_INTERNAL;
    status = prepare_images(txn, change, arena, out);
    if (status == STATUS_OK && change->idempotency_count > 0)
        status = idempotency_collect(txn, change->idempotency_before_ms, change->idempotency_count, arena, &out->old,
                                     &out->old_count);
    if (status != STATUS_OK)
        return status;
    if (!pack_change(change, arena, &packed))
        return STATUS_RESOURCE_EXHAUSTED;
    count_written(txn, change, packed.size, out);
    return chain_extend(secret, &head, packed, arena, &out->link, &out->head);
}

void apply_write_count(struct store_txn *txn, struct slice account, const struct table_count *count)
{
    uint8_t bytes[TABLE_COUNT_SIZE];
    table_count_write(count, bytes);
    if (count->count == 0 && count->expires_after_ms == 0 && count->made_after_ms == 0)
        store_delete(txn, TABLE_KEY_COUNT, account);
    else
        store_put(txn, TABLE_KEY_COUNT, account, slice_make(bytes, sizeof bytes));
}

static void write_count(struct store_txn *txn, const struct apply_image *image)
{
    const struct registry_key *key = &image->image->of.key;
    struct slice value;
    struct table_count count = {.count = 0};
    if (store_get(txn, TABLE_KEY_COUNT, key->account, &value) == STATUS_OK && !table_count_read(value, &count))
        return; // fsck complains
    bool was_counted = image->was_live && table_count_has(&count, image->live_before_ms, image->made_before_ms);
    bool is_counted =
        change_is_counted(key) && table_count_has(&count, key->facts.expires_at_ms, key->facts.created_at_ms);
    if (was_counted == is_counted)
        return;
    if (is_counted)
        count.count++;
    else
        count.count -= count.count > 0 ? 1 : 0;
    apply_write_count(txn, key->account, &count);
}

static void write_by_account(struct store_txn *txn, const struct apply_image *image)
{
    const struct registry_key *key = &image->image->of.key;
    struct table_key index = table_by_account_key(key->account, key->id);
    if (change_is_listed(key) && !image->was_listed)
        store_put(txn, TABLE_KEY_BY_ACCOUNT, table_slice(&index), slice_empty());
    if (!change_is_listed(key) && image->was_listed)
        store_delete(txn, TABLE_KEY_BY_ACCOUNT, table_slice(&index));
}

static void write_by_expiry(struct store_txn *txn, const struct apply_image *image)
{
    const struct registry_key *key = &image->image->of.key;
    uint64_t before_ms = image->expiry_before_ms;
    uint64_t after_ms = change_listed_expiry(key);
    struct table_key before = table_by_expiry_key(before_ms, key->id);
    struct table_key after = table_by_expiry_key(after_ms, key->id);
    if (before_ms != after_ms && before_ms != 0)
        store_delete(txn, TABLE_KEY_BY_EXPIRY, table_slice(&before));
    if (before_ms != after_ms && after_ms != 0)
        store_put(txn, TABLE_KEY_BY_EXPIRY, table_slice(&after), slice_empty());
}

// Both accounts of a change are the same: a key keeps its own.
static void write_live(struct store_txn *txn, const struct apply_image *image)
{
    const struct registry_key *key = &image->image->of.key;
    uint8_t made[TABLE_NUMBER_SIZE];
    struct table_key before = table_live_key(key->account, image->live_before_ms, key->id);
    struct table_key after = table_live_key(key->account, key->facts.expires_at_ms, key->id);
    bool is_live = change_is_counted(key);
    bool stays = image->was_live && is_live && image->live_before_ms == key->facts.expires_at_ms;
    if (image->was_live && !stays)
        store_delete(txn, TABLE_KEY_LIVE, table_slice(&before));
    table_number_write(key->facts.created_at_ms, made);
    if (is_live && !stays)
        store_put(txn, TABLE_KEY_LIVE, table_slice(&after), slice_make(made, sizeof made));
}

static void write_key_derived(struct store_txn *txn, const struct apply_image *image)
{
    const struct registry_key *key = &image->image->of.key;
    if (image->is_new_key && key->imported)
        store_put(txn, TABLE_IMPORT, slice_make(key->token_hash, SECRET_HASH_SIZE), slice_make(key->id, KEY_ID_SIZE));
    write_by_account(txn, image);
    write_by_expiry(txn, image);
    write_live(txn, image);
    write_count(txn, image);
}

static void write_default_tier(struct store_txn *txn, const struct image *image)
{
    struct slice name;
    const struct registry_tier *tier = &image->of.tier;
    if (tier->is_default && !image->removed) {
        store_put(txn, TABLE_META, table_meta_default_tier(), tier->name);
        return;
    }
    if (store_get(txn, TABLE_META, table_meta_default_tier(), &name) == STATUS_OK && slice_equal(name, tier->name))
        store_delete(txn, TABLE_META, table_meta_default_tier());
}

static void write_default_scope(struct store_txn *txn, const struct image *image)
{
    const struct registry_scope *scope = &image->of.scope;
    if (scope->is_default && !image->removed)
        store_put(txn, TABLE_SCOPE_DEFAULT, scope->name, slice_empty());
    else
        store_delete(txn, TABLE_SCOPE_DEFAULT, scope->name);
}

// A new account, perhaps under an old id, has written nothing.
static void begin_written(struct store_txn *txn, const struct image *image, uint64_t seq)
{
    if (image->kind == REGISTRY_ACCOUNT && image->of.account.life == seq)
        store_delete(txn, TABLE_WRITTEN, image_id(image));
}

static void write_image(struct store_txn *txn, const struct apply_image *image)
{
    if (image->image->removed)
        store_delete(txn, image_table(image->image->kind), image_id(image->image));
    else
        store_put(txn, image_table(image->image->kind), image_id(image->image), image->value);
    switch (image->image->kind) {
    case REGISTRY_KEY:
        write_key_derived(txn, image);
        break;
    case REGISTRY_TIER:
        write_default_tier(txn, image->image);
        break;
    case REGISTRY_SCOPE:
        write_default_scope(txn, image->image);
        break;
    case REGISTRY_ACCOUNT:
        break;
    }
}

static void write_index(struct store_txn *txn, const struct image *image, uint64_t seq)
{
    struct slice account = image_account(image);
    struct table_key by_record = table_by_record_key(image->kind, image_id(image), seq);
    struct table_key by_account = table_by_account_change_key(account, seq);
    store_put(txn, TABLE_CHANGE_BY_RECORD, table_slice(&by_record), slice_empty());
    if (account.size > 0)
        store_put(txn, TABLE_CHANGE_BY_ACCOUNT, table_slice(&by_account), slice_empty());
}

void apply_write(struct store_txn *txn, const struct apply_plan *plan)
{
    if (plan->is_applied)
        return;
    for (size_t i = 0; i < plan->image_count; i++) {
        write_image(txn, &plan->images[i]);
        begin_written(txn, plan->images[i].image, plan->head.seq);
        write_index(txn, plan->images[i].image, plan->head.seq);
    }
    if (plan->writer.size > 0)
        write_number(txn, TABLE_WRITTEN, plan->writer, plan->written);
    idempotency_remove(txn, plan->old, plan->old_count);
    chain_write(txn, plan->link, &plan->head);
}

enum status apply_count_written(struct store_txn *txn, uint64_t seq, struct arena *arena)
{
    struct chain_link link;
    struct change change;
    struct apply_plan plan = {.is_applied = false};
    enum status status = chain_read_link(txn, seq, arena, &link);
    if (status == STATUS_OK)
        status = unpack_change(link.change, arena, &change);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    count_written(txn, &change, link.change.size, &plan);
    if (plan.writer.size > 0)
        write_number(txn, TABLE_WRITTEN, plan.writer, plan.written);
    for (size_t i = 0; i < change.image_count; i++)
        begin_written(txn, &change.images[i], seq);
    return STATUS_OK;
}
