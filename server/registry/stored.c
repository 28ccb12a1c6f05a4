// What a stored record says of itself: whether a key is of this life of its account, and which meters were reset.
//
// The id of a deleted account may be taken again, by somebody else: so what belongs to an account belongs to one life
// of its id, which the change that made the account numbers.
//
// A record of an account or a key notes each resource whose meters were reset, with the change that did it last:
// "requests=12 tokens=15". That number is a part of the meters' names, so from that change on decisions count on meters
// that nobody has spent from yet.
#include "registry/stored.h"

#include <string.h>

// --- lives

// Accounts of older versions have no number, nor have their keys; but the former one's keys are older than such an
// account, and revoked with theirs.
bool registry_is_of_life(const struct registry_account *account, const struct registry_key *key)
{
    uint64_t created_at_ms = key->facts.created_at_ms;
    if (account->life != 0)
        return key->life == account->life;
    return key->life == 0 && (created_at_ms >= account->created_at_ms || created_at_ms > account->revoked_before_ms);
}

struct slice registry_life_name(const struct registry_account *account, uint8_t out[REGISTRY_LIFE_NAME_MAX])
{
    size_t size = account->id.size < ACCOUNT_ID_MAX ? account->id.size : ACCOUNT_ID_MAX;
    if (size > 0)
        memcpy(out, account->id.data, size);
    for (unsigned shift = 64; account->life != 0 && shift > 0; shift -= 8)
        out[size++] = (uint8_t)(account->life >> (shift - 8));
    return slice_make(out, size);
}

struct slice registry_life_account(struct slice life_name)
{
    const uint8_t *end = life_name.size > 0 ? memchr(life_name.data, '\0', life_name.size) : NULL;
    return end != NULL ? slice_make(life_name.data, (size_t)(end - life_name.data)) : life_name;
}

// --- resets

static struct slice rest_behind(struct slice text, size_t size)
{
    return size < text.size ? slice_make(text.data + size, text.size - size) : slice_empty();
}

bool registry_reset_next(struct slice *resets, struct slice *resource, struct slice *seq)
{
    const uint8_t *equals = resets->size > 0 ? memchr(resets->data, '=', resets->size) : NULL;
    if (equals == NULL)
        return false;
    *resource = slice_make(resets->data, (size_t)(equals - resets->data));
    struct slice rest = rest_behind(*resets, resource->size + 1);
    const uint8_t *space = rest.size > 0 ? memchr(rest.data, ' ', rest.size) : NULL;
    *seq = space != NULL ? slice_make(rest.data, (size_t)(space - rest.data)) : rest;
    *resets = rest_behind(rest, seq->size + 1);
    return true;
}

struct slice registry_reset_of(struct slice resets, struct slice resource)
{
    struct slice found, seq;
    while (registry_reset_next(&resets, &found, &seq))
        if (slice_equal(found, resource))
            return seq;
    return slice_empty();
}
