// Computes rates from two answers of Stats: takes off what a key or an account had in the older one, then sorts them.
#include "top_rank.h"

#include <stdlib.h>
#include <string.h>

// Finds the same account or key in an earlier answer; NULL: it is not there.
static const struct postern_busy *find(const struct postern_stats_reply *reply, enum top_kind kind,
                                       const struct postern_busy *wanted)
{
    const struct postern_busy *busiest = kind == TOP_KEYS ? reply->keys : reply->accounts;
    size_t count = kind == TOP_KEYS ? reply->key_count : reply->account_count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(kind == TOP_KEYS ? busiest[i].key_id : busiest[i].account,
                   kind == TOP_KEYS ? wanted->key_id : wanted->account) == 0)
            return &busiest[i];
    return NULL;
}

static double per_second(uint64_t now, uint64_t before, uint64_t interval_ms)
{
    return now > before ? (double)(now - before) * 1000.0 / (double)interval_ms : 0.0;
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

void top_rank(const struct postern_stats_reply *now, const struct postern_stats_reply *before, enum top_kind kind,
              struct top_view *view)
{
    const struct postern_busy *busiest = kind == TOP_KEYS ? now->keys : now->accounts;
    size_t count = kind == TOP_KEYS ? now->key_count : now->account_count;
    bool same_run = before != NULL && now->uptime_ms > before->uptime_ms && now->decisions >= before->decisions;
    *view = (struct top_view){.has_rates = same_run};
    view->count = count < TOP_ROWS_MAX ? count : TOP_ROWS_MAX;
    for (size_t i = 0; i < view->count; i++)
        view->rows[i].busy = &busiest[i];
    if (view->has_rates) {
        bool same_hour = now->hour_start_ms == before->hour_start_ms;
        view->interval_ms = now->uptime_ms - before->uptime_ms;
        view->calls_per_s = per_second(now->decisions, before->decisions, view->interval_ms);
        view->refusals_per_s = per_second(now->refusals, before->refusals, view->interval_ms);
        for (size_t i = 0; i < view->count; i++) {
            const struct postern_busy *earlier = find(before, kind, &busiest[i]);
            view->rows[i].has_rate = earlier != NULL;
            // With a new hour counts begin anew; what came at the end of the old one is missing then.
            if (earlier != NULL)
                view->rows[i].calls_per_s =
                    per_second(busiest[i].calls, same_hour ? earlier->calls : 0, view->interval_ms);
        }
    }
    qsort(view->rows, view->count, sizeof view->rows[0], compare);
}

double top_share(const struct postern_busy *busy)
{
    return busy->calls > 0 ? 100.0 * (double)busy->refusals / (double)busy->calls : 0.0;
}
