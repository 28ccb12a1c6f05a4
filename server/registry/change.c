#include "registry/change.h"

enum table image_table(enum image_kind kind)
{
    switch (kind) {
    case IMAGE_KEY:
        return TABLE_KEY;
    case IMAGE_ACCOUNT:
        return TABLE_ACCOUNT;
    case IMAGE_TIER:
        return TABLE_TIER;
    case IMAGE_SCOPE:
        return TABLE_SCOPE;
    }
    return TABLE_KEY;
}

struct slice image_id(const struct image *image)
{
    switch (image->kind) {
    case IMAGE_KEY:
        return slice_make(image->of.key.id, KEY_ID_SIZE);
    case IMAGE_ACCOUNT:
        return image->of.account.id;
    case IMAGE_TIER:
        return image->of.tier.name;
    case IMAGE_SCOPE:
        return image->of.scope.name;
    }
    return slice_empty();
}

uint64_t image_version(const struct image *image)
{
    switch (image->kind) {
    case IMAGE_KEY:
        return image->of.key.version;
    case IMAGE_ACCOUNT:
        return image->of.account.version;
    case IMAGE_TIER:
        return image->of.tier.version;
    case IMAGE_SCOPE:
        return image->of.scope.version;
    }
    return 0;
}

bool change_counts(const struct registry_key *key)
{
    return key->facts.revoked_at_ms == 0 && !key->deleted;
}
