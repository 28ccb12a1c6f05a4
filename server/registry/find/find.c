// Finds single records by their names in a snapshot. Each record says itself which one it is; when that is not what was
// asked for, the store is damaged. A deleted account is found only as the owner of its keys, which it keeps revoked.
#include "registry/chain/chain.h"
#include "registry/pack/pack.h"
#include "registry/state.h"
#include "registry/table.h"

#include <string.h>

enum status registry_view_open(struct registry *registry, struct store_txn **out)
{
    return store_view_open(registry->store, out);
}

static enum status find(struct store_txn *view, enum registry_record_kind kind, struct slice id, struct arena *arena,
                        void *out)
{
    struct slice value;
    struct image image;
    enum status status = store_get(view, image_table(kind), id, &value);
    if (status == STATUS_OK)
        status = unpack_image(kind, value, arena, &image);
    if (status != STATUS_OK)
        return status;
    if (!slice_equal(image_id(&image), id))
        return STATUS_DATA_LOSS;
    memcpy(out, &image.of, registry_schema(kind)->size);
    return STATUS_OK;
}

enum status registry_find_key(struct store_txn *view, const uint8_t id[KEY_ID_SIZE], struct arena *arena,
                              struct registry_key *out)
{
    return find(view, REGISTRY_KEY, slice_make(id, KEY_ID_SIZE), arena, out);
}

enum status registry_find_any_account(struct store_txn *view, struct slice id, struct arena *arena,
                                      struct registry_account *out)
{
    return find(view, REGISTRY_ACCOUNT, id, arena, out);
}

enum status registry_find_account(struct store_txn *view, struct slice id, struct arena *arena,
                                  struct registry_account *out)
{
    struct registry_account account;
    enum status status = registry_find_any_account(view, id, arena, &account);
    if (status != STATUS_OK)
        return status;
    if (account.deleted)
        return STATUS_NOT_FOUND;
    *out = account;
    return STATUS_OK;
}

enum status registry_find_tier(struct store_txn *view, struct slice name, struct arena *arena,
                               struct registry_tier *out)
{
    return find(view, REGISTRY_TIER, name, arena, out);
}

enum status registry_find_scope(struct store_txn *view, struct slice name, struct arena *arena,
                                struct registry_scope *out)
{
    return find(view, REGISTRY_SCOPE, name, arena, out);
}

enum status registry_seq(struct store_txn *view, uint64_t *seq)
{
    struct chain_head head;
    enum status status = chain_read_head(view, &head);
    if (status == STATUS_OK)
        *seq = head.seq;
    return status;
}

// --- which key replaces one that is being rolled: a successor may have been revoked since, or rolled itself

enum { STEPS_MAX = 64 }; // as many rolls as one after the other within a grace make no sense

static enum status walk(struct store_txn *view, const struct registry_key *from,
                        const struct registry_successor_wanted *wanted, struct arena *arena,
                        struct registry_successor *out)
{
    uint8_t id[KEY_ID_SIZE];
    struct registry_key key = {.facts.has_successor = true};
    memcpy(key.successor, from->successor, sizeof key.successor);
    for (size_t step = 0; step < STEPS_MAX && key.facts.has_successor; step++) {
        memcpy(id, key.successor, sizeof id);
        arena_reset(arena);
        enum status status = registry_find_key(view, id, arena, &key);
        if (status != STATUS_OK)
            return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
        enum key_state state = key_state(&key.facts, wanted->account_revoked_before_ms, wanted->at_ms);
        bool works = state == KEY_STATE_ACTIVE || state == KEY_STATE_ROLLING;
        bool ever_works = key.facts.expires_at_ms == 0 || key.facts.not_before_ms < key.facts.expires_at_ms;
        bool may_work = ever_works && (state == KEY_STATE_DISABLED || state == KEY_STATE_PENDING);
        bool is_wanted = works || (may_work && !out->works);
        if (!is_wanted || (wanted->is_rollable && key.facts.has_successor))
            continue;
        out->works = works;
        out->is_disabled = state == KEY_STATE_DISABLED;
        out->is_pending = state == KEY_STATE_PENDING;
        out->expires_at_ms = key.facts.expires_at_ms;
        memcpy(out->id, id, sizeof out->id);
    }
    out->is_cut = key.facts.has_successor;
    return STATUS_OK;
}

enum status registry_find_successor(struct store_txn *view, const struct registry_key *key,
                                    const struct registry_successor_wanted *wanted, struct registry_successor *out)
{
    *out = (struct registry_successor){.works = false};
    if (!key->facts.has_successor)
        return STATUS_OK;
    struct arena *arena = arena_new(STATE_RECORD_BYTES);
    enum status status = arena != NULL ? walk(view, key, wanted, arena, out) : STATUS_RESOURCE_EXHAUSTED;
    arena_free(arena);
    return status;
}
