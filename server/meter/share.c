// Counts who made how many of the records of custom subjects.
//
// The problem: there is one bound for all of them, and whoever makes up names until it is reached would lock out
// everybody else, until those have recovered: up to 31 days. So while there is plenty of room anybody gets it; when the
// last 16th begins, a caller over its fair share waits, in those namespaces that are over their fair part of it, and
// from the last 32nd on in all. The rest of the room is for the others. So one caller keeps out nobody else, and one
// namespace no other namespace of its caller, unless the caller makes up namespaces as well.
//
// A fair share is the bound divided by the callers and one more, who may still come. Only callers with more than a
// 1024th of the bound are counted: the others take so little that nobody has to make room for them. The same holds for
// the namespaces of a caller, of which each has a part of the caller's share. Both need no more than two counts, so a
// flood does not make the look-up slow.
//
// The counts are those of the records on disk, as the store's writer knows them. They are in memory only: at the start
// the records are counted.
#include "meter/share.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE_PARTS = 1024, CROWDED_PARTS = 16, TIGHT_PARTS = 32, RELIEVED_PARTS = 64 };

// A caller, or one of its namespaces. There may be as many as records, so it is small; the bound fits its counts.
struct share {
    uint64_t space; // hash of the namespace; 0: the caller
    uint32_t maker;
    uint32_t count;
    uint32_t large; // namespaces of the caller with more than a 1024th of the bound
};

// --- names

// A name is: subject, size of its id, id; and an id is: namespace, NUL, identifier.
struct slice share_namespace(struct slice name)
{
    size_t size = name.size >= 2 && name.size >= 2 + (size_t)name.data[1] ? name.data[1] : 0;
    const uint8_t *end = size > 0 ? memchr(name.data + 2, 0, size) : NULL;
    return end != NULL ? slice_make(name.data + 2, (size_t)(end - (name.data + 2))) : slice_empty();
}

static uint64_t space_of(struct slice name)
{
    return slice_hash(share_namespace(name), SLICE_HASH_SEED) | 1;
}

// --- the tree

static int compare(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    if (a->maker != b->maker)
        return a->maker < b->maker ? -1 : 1;
    return (a->space > b->space) - (a->space < b->space);
}

static struct share *find(const struct shares *shares, uint32_t maker, uint64_t space)
{
    const struct share key = {.maker = maker, .space = space};
    struct share *const *node = tfind(&key, &shares->tree, compare);
    return node != NULL ? *node : NULL;
}

// NULL when memory is out.
static struct share *make(struct shares *shares, uint32_t maker, uint64_t space)
{
    struct share *share = calloc(1, sizeof *share);
    if (share == NULL)
        return NULL;
    *share = (struct share){.maker = maker, .space = space};
    if (tsearch(share, &shares->tree, compare) != NULL)
        return share;
    free(share);
    return NULL;
}

static void drop(struct shares *shares, struct share *share)
{
    (void)tdelete(share, &shares->tree, compare);
    free(share);
}

static void clear(struct shares *shares)
{
    while (shares->tree != NULL)
        drop(shares, *(struct share **)shares->tree); // a node begins with its key
    shares->callers = shares->large = 0;
    shares->is_out_of_step = false;
}

// --- counting

static bool is_large(const struct shares *shares, const struct share *share)
{
    return share->count > shares->max / LARGE_PARTS;
}

// Both, or none when memory is out.
static void add(struct shares *shares, uint32_t maker, uint64_t space)
{
    struct share *caller = find(shares, maker, 0);
    if (caller == NULL)
        caller = make(shares, maker, 0);
    struct share *part = find(shares, maker, space);
    if (part == NULL)
        part = make(shares, maker, space);
    if (caller == NULL || part == NULL) {
        shares->is_out_of_step = true;
        return;
    }
    bool was_large = is_large(shares, caller), part_was_large = is_large(shares, part);
    shares->callers += caller->count++ == 0;
    part->count++;
    shares->large += !was_large && is_large(shares, caller);
    caller->large += !part_was_large && is_large(shares, part);
}

static void take(struct shares *shares, struct share *caller, struct share *part)
{
    bool was_large = is_large(shares, caller), part_was_large = is_large(shares, part);
    part->count--;
    shares->callers -= --caller->count == 0;
    caller->large -= part_was_large && !is_large(shares, part);
    shares->large -= was_large && !is_large(shares, caller);
    if (part->count == 0)
        drop(shares, part);
    if (caller->count == 0)
        drop(shares, caller);
}

void share_add(struct shares *shares, uint32_t maker, struct slice name)
{
    if (maker == 0)
        return;
    pthread_mutex_lock(&shares->lock);
    add(shares, maker, space_of(name));
    pthread_mutex_unlock(&shares->lock);
}

void share_remove(struct shares *shares, uint32_t maker, struct slice name)
{
    if (maker == 0)
        return;
    pthread_mutex_lock(&shares->lock);
    struct share *caller = find(shares, maker, 0), *part = find(shares, maker, space_of(name));
    if (caller != NULL && part != NULL && caller->count > 0 && part->count > 0)
        take(shares, caller, part);
    else
        shares->is_out_of_step = true;
    pthread_mutex_unlock(&shares->lock);
}

void share_doubt(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    shares->is_out_of_step = true;
    pthread_mutex_unlock(&shares->lock);
}

bool share_is_doubtful(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    bool is_doubtful = shares->is_out_of_step;
    pthread_mutex_unlock(&shares->lock);
    return is_doubtful;
}

void share_clear(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    clear(shares);
    pthread_mutex_unlock(&shares->lock);
}

// --- the rule

uint64_t share_crowded_at(uint64_t max)
{
    return max - max / CROWDED_PARTS;
}

uint64_t share_relieved_at(uint64_t max)
{
    return share_crowded_at(max) - max / RELIEVED_PARTS;
}

enum crowd share_crowd(uint64_t max, uint64_t count)
{
    if (count >= max)
        return CROWD_FULL;
    if (count >= max - max / TIGHT_PARTS)
        return CROWD_SHARE;
    return count >= share_crowded_at(max) ? CROWD_SPACE : CROWD_NONE;
}

bool share_is_used_up(struct shares *shares, uint32_t maker, struct slice name, enum crowd crowd, struct share_use *use)
{
    *use = (struct share_use){0};
    pthread_mutex_lock(&shares->lock);
    const struct share *caller = maker != 0 ? find(shares, maker, 0) : NULL;
    const struct share *part = caller != NULL ? find(shares, maker, space_of(name)) : NULL;
    use->share = shares->max / (shares->large + 1);
    use->part = use->share / (caller != NULL ? caller->large + 1 : 1);
    use->share += use->share == 0; // a new caller and a new namespace have one
    use->part += use->part == 0;
    use->count = caller != NULL ? caller->count : 0;
    use->space_count = part != NULL ? part->count : 0;
    pthread_mutex_unlock(&shares->lock);
    if (crowd == CROWD_NONE || use->count < use->share)
        return false;
    return crowd >= CROWD_SHARE || use->space_count >= use->part;
}

uint64_t share_callers(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    uint64_t callers = shares->callers;
    pthread_mutex_unlock(&shares->lock);
    return callers;
}

// --- beginning and ending

void share_init(struct shares *shares, uint64_t max)
{
    *shares = (struct shares){.max = max};
    pthread_mutex_init(&shares->lock, NULL); // cannot fail with default attributes
}

void share_wipe(struct shares *shares)
{
    clear(shares);
    pthread_mutex_destroy(&shares->lock);
}
