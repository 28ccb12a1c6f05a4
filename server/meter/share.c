// Counts who made how many of the records of custom subjects.
//
// The problem: there is one bound for all of them, and whoever makes up names until it is reached would lock out
// everybody else, until those have recovered: up to 31 days. A fixed share for each would waste what nobody wants, and
// nobody knows how many callers will come. So what one may have depends on what is free (the dynamic thresholds of
// Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998): each caller at most 31 times, and in each
// namespace at most 15 times as many records as are free. A single namespace so comes to 15/16 of the bound, its caller
// with others to 31/32; the next caller to as much of the rest, and so on: a caller with many records is refused first,
// so something is always left for a caller with few, and nobody has to know how many callers there are. It takes two
// counts, so a flood does not make the look-up slow.
//
// The counts are those of the records on disk, as the store's writer knows them. They are in memory only: at the start
// the records are counted.
#include "meter/share.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { CALLER_TIMES = 31, SPACE_TIMES = 15 };

// A caller, or one of its namespaces. There may be as many as records, so it is small; the bound fits its counts.
struct share {
    uint64_t space; // hash of the namespace; 0: the caller
    uint32_t maker;
    uint32_t count;
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
    shares->callers = 0;
    shares->is_out_of_step = false;
}

// --- counting

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
    shares->callers += caller->count++ == 0;
    part->count++;
}

static void take(struct shares *shares, struct share *caller, struct share *part)
{
    if (--part->count == 0)
        drop(shares, part);
    if (--caller->count > 0)
        return;
    drop(shares, caller);
    shares->callers--;
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

bool share_is_used_up(struct shares *shares, uint32_t maker, struct slice name, uint64_t free_count,
                      struct share_use *use)
{
    *use = (struct share_use){0};
    if (maker == 0)
        return false;
    pthread_mutex_lock(&shares->lock);
    const struct share *caller = find(shares, maker, 0), *part = find(shares, maker, space_of(name));
    use->count = caller != NULL ? caller->count : 0;
    use->space_count = part != NULL ? part->count : 0;
    pthread_mutex_unlock(&shares->lock);
    return use->count >= CALLER_TIMES * free_count || use->space_count >= SPACE_TIMES * free_count;
}

uint64_t share_callers(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    uint64_t callers = shares->callers;
    pthread_mutex_unlock(&shares->lock);
    return callers;
}

// --- beginning and ending

void share_init(struct shares *shares)
{
    *shares = (struct shares){.callers = 0};
    pthread_mutex_init(&shares->lock, NULL); // cannot fail with default attributes
}

void share_wipe(struct shares *shares)
{
    clear(shares);
    pthread_mutex_destroy(&shares->lock);
}
