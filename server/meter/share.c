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
// the records are counted. A call that was let in has no record yet, and many calls come at the same time: so each is
// promised one, which counts until the writer has written what was wanted by then.
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

static struct share *find(void *const *tree, uint32_t maker, uint64_t space)
{
    const struct share key = {.maker = maker, .space = space};
    struct share *const *node = tfind(&key, tree, compare);
    return node != NULL ? *node : NULL;
}

// Finds it or makes it; NULL when memory is out.
static struct share *need(void **tree, uint32_t maker, uint64_t space)
{
    struct share *share = find(tree, maker, space);
    if (share != NULL || (share = calloc(1, sizeof *share)) == NULL)
        return share;
    *share = (struct share){.maker = maker, .space = space};
    if (tsearch(share, tree, compare) != NULL)
        return share;
    free(share);
    return NULL;
}

static void drop(void **tree, struct share *share)
{
    (void)tdelete(share, tree, compare);
    free(share);
}

static void clear(void **tree)
{
    while (*tree != NULL)
        drop(tree, *(struct share **)*tree); // a node begins with its key
}

static uint64_t count_in(void *const *tree, uint32_t maker, uint64_t space)
{
    const struct share *share = find(tree, maker, space);
    return share != NULL ? share->count : 0;
}

static void clear_counts(struct shares *shares)
{
    clear(&shares->tree);
    shares->callers = 0;
    shares->is_out_of_step = false;
}

// --- counting

// Both, or none when memory is out.
static void add(struct shares *shares, uint32_t maker, uint64_t space)
{
    struct share *caller = need(&shares->tree, maker, 0), *part = need(&shares->tree, maker, space);
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
        drop(&shares->tree, part);
    if (--caller->count > 0)
        return;
    drop(&shares->tree, caller);
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
    struct share *caller = find(&shares->tree, maker, 0), *part = find(&shares->tree, maker, space_of(name));
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
    clear_counts(shares);
    pthread_mutex_unlock(&shares->lock);
}

// --- promises

// Without memory for it this one is not counted.
void share_promise(struct shares *shares, uint32_t maker, struct slice name)
{
    pthread_mutex_lock(&shares->lock);
    struct share *caller = maker != 0 ? need(&shares->open.tree, maker, 0) : NULL;
    struct share *part = maker != 0 ? need(&shares->open.tree, maker, space_of(name)) : NULL;
    shares->open.count++;
    if (caller != NULL)
        caller->count++;
    if (part != NULL)
        part->count++;
    pthread_mutex_unlock(&shares->lock);
}

uint64_t share_promised(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    uint64_t promised = shares->open.count + shares->taken.count;
    pthread_mutex_unlock(&shares->lock);
    return promised;
}

static void end_taken(struct shares *shares)
{
    clear(&shares->taken.tree);
    shares->taken.count = 0;
}

void share_take_promises(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    end_taken(shares);
    shares->taken = shares->open;
    shares->open = (struct share_promises){.count = 0};
    pthread_mutex_unlock(&shares->lock);
}

void share_end_promises(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    end_taken(shares);
    pthread_mutex_unlock(&shares->lock);
}

// --- the rule

static uint64_t count_all(const struct shares *shares, uint32_t maker, uint64_t space)
{
    return count_in(&shares->tree, maker, space) + count_in(&shares->open.tree, maker, space) +
           count_in(&shares->taken.tree, maker, space);
}

bool share_is_used_up(struct shares *shares, uint32_t maker, struct slice name, uint64_t free_count,
                      struct share_use *use)
{
    *use = (struct share_use){0};
    if (maker == 0)
        return false;
    pthread_mutex_lock(&shares->lock);
    use->count = count_all(shares, maker, 0);
    use->space_count = count_all(shares, maker, space_of(name));
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
    clear(&shares->tree);
    clear(&shares->open.tree);
    clear(&shares->taken.tree);
    pthread_mutex_destroy(&shares->lock);
}
