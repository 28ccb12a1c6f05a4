// A change is what one command leaves behind: the new state ("image") of every record that it touched. This file
// answers the questions that deciding, applying, listing and fsck all ask about an image: which table holds it, under
// which key, whose record it is, and in which indexes it must stand. Each answer is here once, so the indexes cannot
// drift apart.
#include "registry/change.h"

#include <stddef.h>

// Beside registry_schema: which table of the store holds a record, and where its version is in the plain struct.
static const struct {
    enum table table;
    size_t version_at;
} kinds[] = {
    [REGISTRY_KEY] = {TABLE_KEY, offsetof(struct registry_key, version)},
    [REGISTRY_ACCOUNT] = {TABLE_ACCOUNT, offsetof(struct registry_account, version)},
    [REGISTRY_TIER] = {TABLE_TIER, offsetof(struct registry_tier, version)},
    [REGISTRY_SCOPE] = {TABLE_SCOPE, offsetof(struct registry_scope, version)},
};

enum table image_table(enum registry_record_kind kind)
{
    return kinds[kind].table;
}

uint64_t image_version(const struct image *image)
{
    const void *version = (const uint8_t *)&image->of + kinds[image->kind].version_at;
    return *(const uint64_t *)version;
}

struct slice image_id(const struct image *image)
{
    switch (image->kind) {
    case REGISTRY_KEY:
        return slice_make(image->of.key.id, KEY_ID_SIZE);
    case REGISTRY_ACCOUNT:
        return image->of.account.id;
    case REGISTRY_TIER:
        return image->of.tier.name;
    case REGISTRY_SCOPE:
        return image->of.scope.name;
    }
    return slice_empty();
}

bool change_is_counted(const struct registry_key *key)
{
    return key->facts.revoked_at_ms == 0 && !key->deleted;
}

struct slice image_account(const struct image *image)
{
    if (image->kind == REGISTRY_KEY)
        return image->of.key.account;
    return image->kind == REGISTRY_ACCOUNT ? image->of.account.id : slice_empty();
}

const struct image *change_find(const struct change *change, enum registry_record_kind kind, struct slice id)
{
    for (size_t i = 0; i < change->image_count; i++)
        if (change->images[i].kind == kind && slice_equal(image_id(&change->images[i]), id))
            return &change->images[i];
    return NULL;
}

const char *change_name(enum registry_command_kind kind)
{
    static const char *const names[] = {
        [REGISTRY_CREATE] = "create",
        [REGISTRY_REVOKE] = "revoke",
        [REGISTRY_PUT_ACCOUNT] = "put_account",
        [REGISTRY_PUT_TIER] = "put_tier",
        [REGISTRY_UPDATE] = "update",
        [REGISTRY_ROLL] = "roll",
        [REGISTRY_DELETE] = "delete",
        [REGISTRY_PUT_SCOPE] = "put_scope",
        [REGISTRY_DELETE_SCOPE] = "delete_scope",
        [REGISTRY_DELETE_TIER] = "delete_tier",
        [REGISTRY_DELETE_ACCOUNT] = "delete_account",
        [REGISTRY_REVOKE_ALL] = "revoke_all",
        [REGISTRY_IMPORT] = "import",
        [REGISTRY_PURGE] = "purge",
        [REGISTRY_RESET_METERS] = "reset_meters",
    };
    return names[kind];
}

bool change_is_listed(const struct registry_key *key)
{
    return !key->deleted;
}

uint64_t change_listed_expiry(const struct registry_key *key)
{
    return change_is_listed(key) ? key->facts.expires_at_ms : 0;
}
