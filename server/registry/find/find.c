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

enum status registry_find_key(struct store_txn *view, const uint8_t id[KEY_ID_SIZE], struct arena *arena,
                              struct registry_key *out)
{
    struct slice value;
    struct registry_key key;
    enum status status = store_get(view, TABLE_KEY, slice_make(id, KEY_ID_SIZE), &value);
    if (status == STATUS_OK)
        status = unpack_key(value, arena, &key);
    if (status != STATUS_OK)
        return status;
    if (memcmp(key.id, id, KEY_ID_SIZE) != 0)
        return STATUS_DATA_LOSS;
    *out = key;
    return STATUS_OK;
}

enum status registry_find_owner(struct store_txn *view, struct slice id, struct arena *arena,
                                struct registry_account *out)
{
    struct slice value;
    struct registry_account account;
    enum status status = store_get(view, TABLE_ACCOUNT, id, &value);
    if (status == STATUS_OK)
        status = unpack_account(value, arena, &account);
    if (status != STATUS_OK)
        return status;
    if (!slice_equal(account.id, id))
        return STATUS_DATA_LOSS;
    *out = account;
    return STATUS_OK;
}

enum status registry_find_account(struct store_txn *view, struct slice id, struct arena *arena,
                                  struct registry_account *out)
{
    struct registry_account account;
    enum status status = registry_find_owner(view, id, arena, &account);
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
    struct slice value;
    struct registry_tier tier;
    enum status status = store_get(view, TABLE_TIER, name, &value);
    if (status == STATUS_OK)
        status = unpack_tier(value, arena, &tier);
    if (status != STATUS_OK)
        return status;
    if (!slice_equal(tier.name, name))
        return STATUS_DATA_LOSS;
    *out = tier;
    return STATUS_OK;
}

enum status registry_find_scope(struct store_txn *view, struct slice name, struct arena *arena,
                                struct registry_scope *out)
{
    struct slice value;
    struct registry_scope scope;
    enum status status = store_get(view, TABLE_SCOPE, name, &value);
    if (status == STATUS_OK)
        status = unpack_scope(value, arena, &scope);
    if (status != STATUS_OK)
        return status;
    if (!slice_equal(scope.name, name))
        return STATUS_DATA_LOSS;
    *out = scope;
    return STATUS_OK;
}

enum status registry_seq(struct store_txn *view, uint64_t *seq)
{
    struct chain_head head;
    enum status status = chain_read_head(view, &head);
    if (status == STATUS_OK)
        *seq = head.seq;
    return status;
}
