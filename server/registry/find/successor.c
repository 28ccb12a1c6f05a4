// Which key replaces one that is being rolled out: a successor may have been revoked since, or rolled itself.
#include "registry/state.h"

#include <string.h>

enum { STEPS_MAX = 64 }; // as many rolls as one after the other within a grace make no sense

static enum status walk(struct store_txn *view, const struct registry_key *from, uint64_t account_revoked_before_ms,
                        uint64_t now_ms, struct arena *arena, struct registry_successor *out)
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
        enum key_state state = key_state(&key.facts, account_revoked_before_ms, now_ms);
        if (state != KEY_STATE_ACTIVE && state != KEY_STATE_ROLLING)
            continue;
        out->works = true;
        memcpy(out->id, id, sizeof out->id);
    }
    return STATUS_OK;
}

enum status registry_find_successor(struct store_txn *view, const struct registry_key *key,
                                    uint64_t account_revoked_before_ms, uint64_t now_ms, struct registry_successor *out)
{
    *out = (struct registry_successor){.works = false};
    if (!key->facts.has_successor)
        return STATUS_OK;
    struct arena *arena = arena_new(STATE_RECORD_BYTES);
    enum status status =
        arena != NULL ? walk(view, key, account_revoked_before_ms, now_ms, arena, out) : STATUS_RESOURCE_EXHAUSTED;
    arena_free(arena);
    return status;
}
