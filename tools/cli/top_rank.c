#include "top_rank.h"

#include <stdlib.h>
#include <string.h>

struct list {
    const struct postern_busy *busiest;
    size_t count;
};

static struct list list_of(const struct postern_stats_reply *reply, enum top_kind kind)
{
    if (kind == TOP_KEYS)
        return (struct list){reply->keys, reply->key_count};
    return (struct list){reply->accounts, reply->account_count};
}

static const struct postern_busy *find(const struct list *list, const struct postern_busy *wanted)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->busiest[i].key_id, wanted->key_id) == 0 &&
            (wanted->key_id[0] != '\0' || strcmp(list->busiest[i].account, wanted->account) == 0))
            return &list->busiest[i];
    return NULL;
}

static double per_second(uint64_t now, uint64_t before, uint64_t interval_ms)
{
    return now > before ? (double)(now - before) * 1000.0 / (double)interval_ms : 0.0;
}

// With a new hour counts begin anew; what came at the end of the old one is missing then.
static void rate(struct top_row *row, const struct list *before, uint64_t interval_ms, bool same_hour)
{
    const struct postern_busy *earlier = find(before, row->busy);
    row->has_rate = earlier != NULL;
    if (row->has_rate)
        row->calls_per_s = per_second(row->busy->calls, same_hour ? earlier->calls : 0, interval_ms);
}

static int compare(const void *a, const void *b)
{
    const struct top_row *x = a, *y = b;
    if (x->calls_per_s < y->calls_per_s || x->calls_per_s > y->calls_per_s)
        return x->calls_per_s > y->calls_per_s ? -1 : 1;
    if (x->busy->calls != y->busy->calls)
        return x->busy->calls > y->busy->calls ? -1 : 1;
    int order = strcmp(x->busy->account, y->busy->account);
    return order != 0 ? order : strcmp(x->busy->key_id, y->busy->key_id);
}

static bool is_same_run(const struct postern_stats_reply *now, const struct postern_stats_reply *before)
{
    return before != NULL && now->uptime_ms > before->uptime_ms && now->decisions >= before->decisions;
}

void top_rank(const struct postern_stats_reply *now, const struct postern_stats_reply *before, enum top_kind kind,
              struct top_view *view)
{
    struct list list = list_of(now, kind);
    *view = (struct top_view){.has_rates = is_same_run(now, before)};
    view->count = list.count < TOP_ROWS_MAX ? list.count : TOP_ROWS_MAX;
    for (size_t i = 0; i < view->count; i++)
        view->rows[i].busy = &list.busiest[i];
    if (view->has_rates) {
        struct list earlier = list_of(before, kind);
        bool same_hour = now->hour_start_ms == before->hour_start_ms;
        view->interval_ms = now->uptime_ms - before->uptime_ms;
        view->calls_per_s = per_second(now->decisions, before->decisions, view->interval_ms);
        view->refusals_per_s = per_second(now->refusals, before->refusals, view->interval_ms);
        for (size_t i = 0; i < view->count; i++)
            rate(&view->rows[i], &earlier, view->interval_ms, same_hour);
    }
    qsort(view->rows, view->count, sizeof view->rows[0], compare);
}

double top_share(const struct postern_busy *busy)
{
    return busy->calls > 0 ? 100.0 * (double)busy->refusals / (double)busy->calls : 0.0;
}
