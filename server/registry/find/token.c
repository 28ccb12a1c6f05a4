// Finds the key that a presented token belongs to. A token of ours carries the id of its key, and its keyed hash is
// compared in constant time; an imported one is found by its hash. An imported token may look like one of ours, because
// it may come from another installation; so the second way follows the first.
#include "registry/pack/pack.h"
#include "registry/state.h"
#include "registry/table.h"

static enum status hash_import(const struct registry *registry, uint32_t master_id, struct slice token,
                               uint8_t out[SECRET_HASH_SIZE])
{
    uint8_t sha256[SECRET_HASH_SIZE];
    secret_sha256(token, sha256);
    enum status status = secret_import_hash(registry->secret, master_id, sha256, out);
    secret_wipe(sha256, sizeof sha256);
    return status;
}

bool registry_token_matches(const struct registry *registry, const struct registry_key *key, struct slice token)
{
    uint8_t hash[SECRET_HASH_SIZE];
    enum status status = key->imported ? hash_import(registry, key->master_id, token, hash)
                                       : secret_token_hash(registry->secret, key->master_id, token, hash);
    return status == STATUS_OK && secret_equal(hash, key->token_hash);
}

static enum status find_ours(const struct registry *registry, struct store_txn *view, struct slice token,
                             struct arena *arena, struct registry_presented *out)
{
    bool whole = false;
    out->id_known = key_token_find_id(token, out->id, &whole);
    if (!whole)
        return STATUS_OK;
    // Secret and checksum need no look of their own: the hash is over the whole text.
    enum status status = registry_find_key(view, out->id, arena, &out->key);
    if (status == STATUS_OK)
        out->known = registry_token_matches(registry, &out->key, token);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// --- imported keys

static enum status has_imported(struct store_txn *view, bool *any)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    *any = false;
    enum status status = store_cursor_open_at(view, TABLE_IMPORT, slice_empty(), &cursor, &key, &value);
    store_cursor_close(cursor);
    *any = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status find_imported(const struct registry *registry, struct store_txn *view,
                          const uint8_t sha256[SECRET_HASH_SIZE], struct arena *arena, struct registry_key *out)
{
    struct slice value;
    uint8_t hash[SECRET_HASH_SIZE];
    enum status status = STATUS_NOT_FOUND;
    for (size_t i = secret_count(registry->secret); i > 0 && status == STATUS_NOT_FOUND; i--) {
        if (secret_import_hash(registry->secret, secret_id_at(registry->secret, i - 1), sha256, hash) != STATUS_OK)
            return STATUS_INTERNAL;
        status = store_get(view, TABLE_IMPORT, slice_make(hash, sizeof hash), &value);
    }
    if (status != STATUS_OK)
        return status;
    if (value.size != KEY_ID_SIZE)
        return STATUS_DATA_LOSS;
    status = registry_find_key(view, value.data, arena, out);
    if (status == STATUS_OK && (!out->imported || !secret_equal(out->token_hash, hash)))
        return STATUS_DATA_LOSS;
    return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
}

static enum status find_foreign(const struct registry *registry, struct store_txn *view, struct slice token,
                                struct arena *arena, struct registry_presented *out)
{
    uint8_t sha256[SECRET_HASH_SIZE];
    bool any = false;
    enum status status = has_imported(view, &any);
    if (status != STATUS_OK || !any)
        return status;
    secret_sha256(token, sha256);
    status = find_imported(registry, view, sha256, arena, &out->key);
    secret_wipe(sha256, sizeof sha256);
    out->known = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// An imported token may have the shape of ours: it may come from another installation.
enum status registry_find_presented(const struct registry *registry, struct store_txn *view, struct slice token,
                                    struct arena *arena, struct registry_presented *out)
{
    struct registry_presented presented = {.known = false};
    enum status status = find_ours(registry, view, token, arena, &presented);
    if (status == STATUS_OK && !presented.known)
        status = find_foreign(registry, view, token, arena, &presented);
    if (status == STATUS_OK)
        *out = presented;
    return status;
}
