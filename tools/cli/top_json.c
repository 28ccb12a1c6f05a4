// A look of top as one JSON object on a line.
#include "top_rank.h"

#include <jansson.h>
#include <stdio.h>

static json_t *rate_of(bool known, double per_s)
{
    return known ? json_real(per_s) : json_null();
}

static json_t *row_of(const struct top_row *row, enum top_kind kind)
{
    json_t *object = json_object();
    json_object_set_new(object, "account", json_string(row->busy->account));
    if (kind == TOP_KEYS) {
        json_object_set_new(object, "key_id", json_string(row->busy->key_id));
        json_object_set_new(object, "key_name", json_string(row->busy->key_name));
    }
    json_object_set_new(object, "calls_per_s", rate_of(row->has_rate, row->calls_per_s));
    json_object_set_new(object, "calls", json_integer((json_int_t)row->busy->calls));
    json_object_set_new(object, "refusals", json_integer((json_int_t)row->busy->refusals));
    json_object_set_new(object, "refused_percent", json_real(top_share(row->busy)));
    return object;
}

void top_json(const struct postern_stats_reply *now, const struct top_view *view, enum top_kind kind, size_t rows)
{
    json_t *object = json_object();
    json_t *list = json_array();
    for (size_t i = 0; i < view->count && i < rows; i++)
        json_array_append_new(list, row_of(&view->rows[i], kind));
    json_object_set_new(object, "time_ms", json_integer((json_int_t)now->base.server_time_ms));
    json_object_set_new(object, "interval_ms",
                        view->has_rates ? json_integer((json_int_t)view->interval_ms) : json_null());
    json_object_set_new(object, "calls_per_s", rate_of(view->has_rates, view->calls_per_s));
    json_object_set_new(object, "refusals_per_s", rate_of(view->has_rates, view->refusals_per_s));
    json_object_set_new(object, "hour_start_ms", json_integer((json_int_t)now->hour_start_ms));
    json_object_set_new(object, kind == TOP_KEYS ? "keys" : "accounts", list);
    json_dumpf(object, stdout, JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(object);
}
