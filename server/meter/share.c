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
// the records are counted. A call that was let in has no record yet, and many calls come at the same time: so each name
// is promised one, which counts until the writer has written it, or what was wanted by then. Each is counted once at
// any moment: of a caller a record counts instead of its promise when it is put into the writer's transaction; of all
// it is `added` until the commit's end, whenever others can see it.
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

struct promise {
    struct slice name; // behind it
    uint64_t space;
    uint32_t maker;
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

// Both, or none when memory is out.
static bool count_up(void **tree, uint32_t maker, uint64_t space)
{
    struct share *caller = need(tree, maker, 0), *part = need(tree, maker, space);
    if (caller == NULL || part == NULL)
        return false;
    caller->count++;
    part->count++;
    return true;
}

// False when they were not counted.
static bool count_down(void **tree, uint32_t maker, uint64_t space)
{
    struct share *caller = find(tree, maker, 0), *part = find(tree, maker, space);
    if (caller == NULL || part == NULL || caller->count == 0 || part->count == 0)
        return false;
    if (--part->count == 0)
        drop(tree, part);
    if (--caller->count == 0)
        drop(tree, caller);
    return true;
}

// --- promises

static int compare_names(const void *left, const void *right)
{
    const struct promise *a = left, *b = right;
    return slice_compare(a->name, b->name);
}

static struct promise *find_promise(const struct share_promises *promises, struct slice name)
{
    const struct promise key = {.name = name};
    struct promise *const *node = tfind(&key, &promises->names, compare_names);
    return node != NULL ? *node : NULL;
}

static void end_promise(struct shares *shares, struct share_promises *promises, struct promise *promise)
{
    if (promise == NULL)
        return;
    (void)tdelete(promise, &promises->names, compare_names);
    promises->count--;
    if (promise->maker != 0)
        (void)count_down(&shares->promised, promise->maker, promise->space);
    free(promise);
}

static void end_all(struct shares *shares, struct share_promises *promises)
{
    while (promises->names != NULL)
        end_promise(shares, promises, *(struct promise **)promises->names); // a node begins with its key
}

static struct promise *new_promise(uint32_t maker, struct slice name)
{
    struct promise *promise = malloc(sizeof *promise + name.size);
    if (promise == NULL)
        return NULL;
    memcpy(promise + 1, name.data, name.size);
    *promise = (struct promise){.name = slice_make(promise + 1, name.size), .space = space_of(name), .maker = maker};
    return promise;
}

// Without memory for it this one is not counted.
static void make_promise(struct shares *shares, uint32_t maker, struct slice name)
{
    struct promise *promise = new_promise(maker, name);
    if (promise == NULL)
        return;
    if (tsearch(promise, &shares->open.names, compare_names) == NULL) {
        free(promise);
        return;
    }
    shares->open.count++;
    if (maker != 0 && !count_up(&shares->promised, maker, promise->space))
        promise->maker = 0;
}

// One that the writer has taken may be of a call that needed no record: this one is for the next batch.
void share_promise(struct shares *shares, uint32_t maker, struct slice name)
{
    pthread_mutex_lock(&shares->lock);
    end_promise(shares, &shares->taken, find_promise(&shares->taken, name));
    if (find_promise(&shares->open, name) == NULL)
        make_promise(shares, maker, name);
    pthread_mutex_unlock(&shares->lock);
}

void share_take_promises(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    end_all(shares, &shares->taken);
    shares->taken = shares->open;
    shares->open = (struct share_promises){.count = 0};
    pthread_mutex_unlock(&shares->lock);
}

void share_end_promises(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    end_all(shares, &shares->taken);
    pthread_mutex_unlock(&shares->lock);
}

// --- counting

static void add(struct shares *shares, uint32_t maker, struct slice name)
{
    bool is_new = count_in(&shares->tree, maker, 0) == 0;
    if (maker == 0)
        return;
    if (count_up(&shares->tree, maker, space_of(name)))
        shares->callers += is_new;
    else
        shares->is_out_of_step = true;
}

void share_count(struct shares *shares, uint32_t maker, struct slice name)
{
    pthread_mutex_lock(&shares->lock);
    add(shares, maker, name);
    pthread_mutex_unlock(&shares->lock);
}

void share_note_records(struct shares *shares, uint64_t count)
{
    pthread_mutex_lock(&shares->lock);
    shares->records = count + shares->removed - shares->added;
    pthread_mutex_unlock(&shares->lock);
}

void share_add(struct shares *shares, uint32_t maker, struct slice name)
{
    pthread_mutex_lock(&shares->lock);
    add(shares, maker, name);
    end_promise(shares, &shares->taken, find_promise(&shares->taken, name));
    end_promise(shares, &shares->open, find_promise(&shares->open, name));
    shares->added++;
    pthread_mutex_unlock(&shares->lock);
}

void share_remove(struct shares *shares, uint32_t maker, struct slice name)
{
    pthread_mutex_lock(&shares->lock);
    if (maker != 0 && !count_down(&shares->tree, maker, space_of(name)))
        shares->is_out_of_step = true;
    else if (maker != 0)
        shares->callers -= count_in(&shares->tree, maker, 0) == 0;
    shares->removed++;
    pthread_mutex_unlock(&shares->lock);
}

void share_end_commit(struct shares *shares, bool is_on_disk)
{
    pthread_mutex_lock(&shares->lock);
    if (is_on_disk)
        shares->records += shares->added - shares->removed;
    shares->added = shares->removed = 0;
    pthread_mutex_unlock(&shares->lock);
}

uint64_t share_records(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    uint64_t records = shares->records;
    pthread_mutex_unlock(&shares->lock);
    return records;
}

uint64_t share_total(struct shares *shares)
{
    pthread_mutex_lock(&shares->lock);
    uint64_t total = shares->records + shares->added + shares->open.count + shares->taken.count;
    pthread_mutex_unlock(&shares->lock);
    return total;
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
    clear(&shares->tree);
    shares->callers = 0;
    shares->is_out_of_step = false;
    pthread_mutex_unlock(&shares->lock);
}

// --- the rule

static uint64_t count_all(const struct shares *shares, uint32_t maker, uint64_t space)
{
    return count_in(&shares->tree, maker, space) + count_in(&shares->promised, maker, space);
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
    end_all(shares, &shares->open);
    end_all(shares, &shares->taken);
    clear(&shares->tree);
    clear(&shares->promised);
    pthread_mutex_destroy(&shares->lock);
}
