// Keeps snapshots of the store for those who read usage, so that a call need not open one: a handful serve them all,
// because a call reads for a moment only.
#include "usage/internal.h"

static struct store_txn *take(struct usage *usage)
{
    pthread_mutex_lock(&usage->views_mutex);
    struct store_txn *view = usage->view_count > 0 ? usage->views[--usage->view_count] : NULL;
    pthread_mutex_unlock(&usage->views_mutex);
    return view;
}

static void give_back(struct usage *usage, struct store_txn *view)
{
    pthread_mutex_lock(&usage->views_mutex);
    bool has_room = usage->view_count < USAGE_VIEWS_MAX;
    if (has_room)
        usage->views[usage->view_count++] = view;
    pthread_mutex_unlock(&usage->views_mutex);
    if (!has_room)
        store_view_close(view);
}

enum status usage_view_begin(struct usage *usage, struct usage_view *out)
{
    *out = (struct usage_view){.usage = NULL};
    if (usage == NULL)
        return STATUS_OK;
    struct store_txn *txn = take(usage);
    enum status status = txn != NULL ? STATUS_OK : store_view_open(usage->options.store, &txn);
    if (status != STATUS_OK)
        return status;
    status = store_view_begin(txn);
    if (status != STATUS_OK) {
        give_back(usage, txn);
        return status;
    }
    *out = (struct usage_view){usage, txn};
    return STATUS_OK;
}

void usage_view_end(struct usage_view *view)
{
    if (view->usage == NULL)
        return;
    store_view_end(view->txn);
    give_back(view->usage, view->txn);
    *view = (struct usage_view){.usage = NULL};
}

void usage_views_close(struct usage *usage)
{
    while (usage->view_count > 0)
        store_view_close(usage->views[--usage->view_count]);
}
