// Snapshots for reading. LMDB must be closed and opened again after a fatal error, and nobody may read meanwhile: so
// each view says when it is in use, and the writer can shut all of them.
#include "store/parts.h"

#include <stdlib.h>
#include <time.h>

static int take_slot(struct store_txn *view)
{
    view->txn = NULL;
    return mdb_txn_begin(view->store->environment.env, NULL, MDB_RDONLY, &view->txn);
}

// Called with the mutex held: once it is released, the writer may take the slot away.
static int add_view(struct store_views *views, struct store_txn *view)
{
    if (!atomic_load(&views->shut)) {
        const int code = take_slot(view);
        if (code == 0)
            mdb_txn_reset(view->txn);
        else if (code != MDB_PANIC) // in a panic store_view_begin takes the slot, after the writer's recovery
            return code;
    }
    view->next = views->first;
    views->first = view;
    return 0;
}

enum status store_view_open(struct store *store, struct store_txn **out)
{
    *out = NULL;
    struct store_txn *view = calloc(1, sizeof *view);
    if (view == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    view->store = store;
    pthread_mutex_lock(&store->views.mutex);
    const int code = add_view(&store->views, view);
    pthread_mutex_unlock(&store->views.mutex);
    if (code != 0) {
        free(view);
        return environment_status(code);
    }
    *out = view;
    return STATUS_OK;
}

static void unlink_view(struct store_views *views, struct store_txn *view)
{
    struct store_txn **link = &views->first;
    while (*link != view)
        link = &(*link)->next;
    *link = view->next;
}

void store_view_close(struct store_txn *view)
{
    if (view == NULL)
        return;
    if (atomic_load(&view->busy))
        store_view_end(view);
    struct store_views *views = &view->store->views;
    pthread_mutex_lock(&views->mutex);
    unlink_view(views, view);
    mdb_txn_abort(view->txn); // NULL is fine
    pthread_mutex_unlock(&views->mutex);
    free(view);
}

enum status store_view_begin(struct store_txn *view)
{
    // This thread sets `busy` and then looks at `shut`; the writer sets `shut` and then looks at `busy`. Both are
    // sequentially consistent, so one of the two sees the other.
    atomic_store(&view->busy, true);
    if (atomic_load(&view->store->views.shut)) {
        atomic_store(&view->busy, false);
        return STATUS_UNAVAILABLE;
    }
    // The view has no slot when the environment was opened again since the last time.
    const int code = view->txn != NULL ? mdb_txn_renew(view->txn) : take_slot(view);
    if (code != 0) {
        atomic_store(&view->busy, false);
        return STATUS_UNAVAILABLE;
    }
    return STATUS_OK;
}

void store_view_end(struct store_txn *view)
{
    mdb_txn_reset(view->txn);
    atomic_store_explicit(&view->busy, false, memory_order_release);
}

// A snapshot lives microseconds; the wait is bounded for a view whose owner hangs.
static bool wait_until_idle(const struct store_txn *view)
{
    enum { TRIES_MAX = 1000 };
    const struct timespec one_ms = {.tv_nsec = 1000000};
    for (int tries = 0; atomic_load(&view->busy); tries++) {
        if (tries == TRIES_MAX)
            return false;
        nanosleep(&one_ms, NULL);
    }
    return true;
}

bool store_views_shut(struct store *store)
{
    struct store_views *views = &store->views;
    bool idle = true;
    atomic_store(&views->shut, true);
    pthread_mutex_lock(&views->mutex);
    for (struct store_txn *view = views->first; view != NULL && idle; view = view->next) {
        idle = wait_until_idle(view);
        if (idle) {
            mdb_txn_abort(view->txn);
            view->txn = NULL;
        }
    }
    pthread_mutex_unlock(&views->mutex);
    if (!idle)
        store_views_reopen(store);
    return idle;
}

void store_views_reopen(struct store *store)
{
    atomic_store(&store->views.shut, false);
}
