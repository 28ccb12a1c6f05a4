// Counts keys by state and age, a part at a time, so that nobody has to walk over all of them to say how many there
// are. The counts of the last whole walk are kept; a walk sees changes made meanwhile or not, so they are of no one
// moment.
#include "registry/pack/pack.h"
#include "registry/state.h"
#include "registry/table.h"

#include <string.h>

enum { AT_ONCE = 2000, CHANGED_MS = 5 * 1000, AGED_MS = 60 * 1000 };

#define DAY_MS (UINT64_C(24) * 60 * 60 * 1000)

static bool lives(enum key_state state)
{
    return state == KEY_STATE_ACTIVE || state == KEY_STATE_DISABLED || state == KEY_STATE_PENDING;
}

static void count(struct registry_key_counts *counts, const struct registry_key *key, enum key_state state,
                  uint64_t now_ms)
{
    const struct key_facts *facts = &key->facts;
    counts->by_state[state]++;
    if (!lives(state))
        return;
    const uint64_t left_ms = facts->expires_at_ms != 0 ? facts->expires_at_ms - now_ms : UINT64_MAX;
    counts->expire_in_7_days += left_ms <= 7 * DAY_MS ? 1 : 0;
    counts->expire_in_30_days += left_ms <= 30 * DAY_MS ? 1 : 0;
    counts->older_than_90_days += now_ms > facts->created_at_ms + 90 * DAY_MS ? 1 : 0;
}

static enum status examine(struct key_count_walk *walk, struct store_txn *view, struct arena *arena, struct slice id,
                           struct slice value, uint64_t now_ms)
{
    struct registry_key key;
    struct registry_account account;
    arena_reset(arena);
    enum status status = id.size == KEY_ID_SIZE ? unpack_key(value, arena, &key) : STATUS_DATA_LOSS;
    if (status != STATUS_OK)
        return status;
    memcpy(walk->after, id.data, KEY_ID_SIZE);
    walk->after_set = true;
    if (key.deleted)
        return STATUS_OK;
    status = registry_find_any_account(view, key.account, arena, &account);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    const enum key_state state = registry_is_of_life(&account, &key)
                                     ? key_state(&key.facts, account.revoked_before_ms, now_ms)
                                     : KEY_STATE_REVOKED;
    count(&walk->counts, &key, state, now_ms);
    return STATUS_OK;
}

// NOT_FOUND: it has come to the end.
static enum status walk_some(struct registry *registry, struct store_txn *view, struct store_cursor *cursor,
                             struct arena *arena)
{
    struct key_count_walk *walk = &registry->key_counts.walk;
    const uint64_t now_ms = clock_now_ms(registry->clock);
    struct table_key from = {.size = 0};
    struct slice id, value;
    if (walk->after_set) {
        memcpy(from.bytes, walk->after, KEY_ID_SIZE);
        from.size = KEY_ID_SIZE;
        table_key_step(&from);
    }
    enum status status = store_cursor_seek(cursor, table_slice(&from), &id, &value);
    for (size_t n = 0; status == STATUS_OK && n < AT_ONCE; n++) {
        status = examine(walk, view, arena, id, value, now_ms);
        if (status == STATUS_OK)
            status = store_cursor_next(cursor, &id, &value);
    }
    return status;
}

static enum status walk_in_view(struct registry *registry, struct store_txn *view)
{
    struct store_cursor *cursor = NULL;
    struct arena *arena = arena_new(STATE_RECORD_BYTES);
    enum status status = arena != NULL ? store_view_begin(view) : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK) {
        status = store_cursor_open(view, TABLE_KEY, &cursor);
        if (status == STATUS_OK)
            status = walk_some(registry, view, cursor, arena);
        store_cursor_close(cursor);
        store_view_end(view);
    }
    arena_free(arena);
    return status;
}

static bool is_due(struct registry *registry, uint64_t now_ms)
{
    const struct key_count_walk *walk = &registry->key_counts.walk;
    const uint64_t past_ms = now_ms - walk->begun_ms;
    const bool has_changed = registry_committed_seq(registry) != walk->begun_seq;
    return walk->begun_ms == 0 || past_ms >= (has_changed ? CHANGED_MS : AGED_MS);
}

static void publish(struct key_counts *kept)
{
    pthread_mutex_lock(&kept->mutex);
    kept->last = kept->walk.counts;
    kept->last.counted_ms = kept->walk.begun_ms;
    pthread_mutex_unlock(&kept->mutex);
    kept->walk.is_under_way = false;
}

enum status registry_count_keys(struct registry *registry)
{
    struct store_txn *view = NULL;
    struct key_count_walk *walk = &registry->key_counts.walk;
    const uint64_t now_ms = clock_now_ms(registry->clock);
    if (!walk->is_under_way && !is_due(registry, now_ms))
        return STATUS_OK;
    if (!walk->is_under_way)
        *walk = (struct key_count_walk){
            .is_under_way = true, .begun_ms = now_ms, .begun_seq = registry_committed_seq(registry)};
    enum status status = registry_view_open(registry, &view);
    if (status == STATUS_OK)
        status = walk_in_view(registry, view);
    store_view_close(view);
    if (status != STATUS_NOT_FOUND)
        return status;
    publish(&registry->key_counts);
    return STATUS_OK;
}

struct registry_key_counts registry_key_counts(struct registry *registry)
{
    struct key_counts *kept = &registry->key_counts;
    pthread_mutex_lock(&kept->mutex);
    const struct registry_key_counts counts = kept->last;
    pthread_mutex_unlock(&kept->mutex);
    return counts;
}
