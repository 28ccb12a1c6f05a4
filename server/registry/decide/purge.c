// PURGE removes data that nobody needs any more. A key that has been dead for long keeps only what is needed to refuse
// its token as before; idempotency records go when their retention has ended. It is the daemon's own command, and each
// does a bounded part, so that the writer is not held up.
#include "registry/apply/idempotency.h"
#include "registry/decide/decide.h"
#include "registry/pack/pack.h"

#include <string.h>

enum { EXAMINED_MAX = 500 };

struct purge {
    struct draft *draft;
    struct arena *arena; // of one record
    size_t examined;
    size_t max; // images
};

// --- keys

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
    if (a_ms == 0 || b_ms == 0)
        return a_ms != 0 ? a_ms : b_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

// Returns since when the key is revoked or expired; 0 when it is neither.
static uint64_t dead_since(const struct registry_key *key, const struct registry_account *account, uint64_t now_ms)
{
    const struct key_facts *facts = &key->facts;
    uint64_t dead_ms = facts->revoked_at_ms;
    if (facts->expires_at_ms != 0 && facts->expires_at_ms <= now_ms)
        dead_ms = earlier(dead_ms, facts->expires_at_ms);
    if (account->revoked_before_ms != 0 && facts->created_at_ms <= account->revoked_before_ms)
        dead_ms = earlier(dead_ms, account->revoked_before_ms);
    return dead_ms;
}

// Returns the part of the key that stays: its state and its token's hash. An expired key stays expired, without its
// successor and its own revocation.
static struct registry_key remains_of(const struct draft *draft, const struct registry_key *key)
{
    struct registry_key remains = {.environment = key->environment,
                                   .type = key->type,
                                   .facts = {.created_at_ms = key->facts.created_at_ms,
                                             .expires_at_ms = key->facts.expires_at_ms,
                                             .revoked_at_ms = key->facts.revoked_at_ms},
                                   .deleted = true,
                                   .purged = true,
                                   .imported = key->imported,
                                   .version = draft->seq,
                                   .life = key->life,
                                   .master_id = key->master_id};
    memcpy(remains.id, key->id, sizeof remains.id);
    memcpy(remains.lineage, key->lineage, sizeof remains.lineage);
    memcpy(remains.token_hash, key->token_hash, sizeof remains.token_hash);
    return remains;
}

static enum status add_remains(struct draft *draft, const struct registry_key *key)
{
    struct registry_key remains = remains_of(draft, key);
    if (!arena_copy(draft->registry->scratch, key->account, &remains.account))
        return STATUS_RESOURCE_EXHAUSTED;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_KEY, .of.key = remains};
    return STATUS_OK;
}

static enum status examine(struct purge *purge, struct slice id, struct slice value)
{
    struct draft *draft = purge->draft;
    struct registry_purge_result *result = &draft->command->result.purge;
    struct registry_key key;
    struct registry_account account;
    if (id.size != KEY_ID_SIZE)
        return STATUS_DATA_LOSS;
    arena_reset(purge->arena);
    enum status status = unpack_key(value, purge->arena, &key);
    if (status == STATUS_OK)
        status = registry_find_any_account(draft->txn, key.account, purge->arena, &account);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    purge->examined++;
    memcpy(result->last, id.data, sizeof result->last);
    uint64_t dead_ms = dead_since(&key, &account, draft->now_ms);
    bool is_due = !key.purged && dead_ms != 0 && dead_ms < draft->command->ask.purge.dead_before_ms;
    return is_due ? add_remains(draft, &key) : STATUS_OK;
}

static enum status walk(struct purge *purge, struct store_cursor *cursor)
{
    struct draft *draft = purge->draft;
    const struct registry_purge *ask = &draft->command->ask.purge;
    struct slice key;
    struct slice value;
    struct table_key from = {.size = 0};
    if (ask->after_set) {
        memcpy(from.bytes, ask->after, KEY_ID_SIZE);
        from.size = KEY_ID_SIZE;
        table_key_step(&from);
    }
    enum status status = store_cursor_seek(cursor, table_slice(&from), &key, &value);
    while (status == STATUS_OK && purge->examined < EXAMINED_MAX && draft->image_count < purge->max) {
        status = examine(purge, key, value);
        if (status != STATUS_OK)
            return status;
        status = store_cursor_next(cursor, &key, &value);
    }
    draft->command->result.purge.more = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status walk_keys(struct purge *purge)
{
    struct store_cursor *cursor = NULL;
    enum status status = store_cursor_open(purge->draft->txn, TABLE_KEY, &cursor);
    if (status == STATUS_OK)
        status = walk(purge, cursor);
    store_cursor_close(cursor);
    return status;
}

static enum status choose_keys(struct draft *draft)
{
    size_t max = draft->command->ask.purge.max;
    struct purge purge = {.draft = draft, .max = max < REGISTRY_PURGE_MAX ? max : REGISTRY_PURGE_MAX};
    draft->images = arena_array(draft->registry->scratch, REGISTRY_PURGE_MAX, sizeof *draft->images);
    purge.arena = arena_new(2 * STATE_RECORD_BYTES);
    enum status status = STATUS_RESOURCE_EXHAUSTED;
    if (draft->images != NULL && purge.arena != NULL)
        status = walk_keys(&purge);
    arena_free(purge.arena);
    draft->command->result.purge.count = draft->image_count;
    return status;
}

// --- idempotency records

static enum status choose_idempotency_records(struct draft *draft)
{
    struct idempotency_old *old = NULL;
    size_t count = 0;
    size_t min = draft->command->ask.purge.idempotency_min;
    uint64_t before_ms = idempotency_dead_before(draft->registry, draft->now_ms);
    enum status status = idempotency_collect(draft->txn, before_ms, REGISTRY_PURGE_IDEMPOTENCY_MAX,
                                             draft->registry->scratch, &old, &count);
    if (status != STATUS_OK || count < min)
        return status;
    draft->idempotency_before_ms = before_ms;
    draft->idempotency_count = count;
    draft->command->result.purge.idempotency_count = count;
    return STATUS_OK;
}

// --- both

enum status decide_purge(struct draft *draft)
{
    const struct registry_purge *ask = &draft->command->ask.purge;
    enum status status = ask->max > 0 ? choose_keys(draft) : STATUS_OK;
    return status == STATUS_OK && ask->idempotency_min > 0 ? choose_idempotency_records(draft) : status;
}
