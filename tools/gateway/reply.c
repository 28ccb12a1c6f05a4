// Builds the object while libpostern walks over the reply.
#include "reply.h"

#include <postern/postern.h>

#include <string.h>

enum { OPEN_MAX = 16 }; // the protocol has no recursive messages; replies go four deep

struct builder {
    json_t *open[OPEN_MAX]; // what is not finished, outermost first; all belong to the first
    size_t depth;
    json_t *whole;
};

static void add(void *context, const char *name, json_t *value)
{
    struct builder *builder = context;
    json_t *into = builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;
    if (into == NULL)
        builder->whole = value;
    else if (json_is_array(into))
        (void)json_array_append_new(into, value);
    else
        (void)json_object_set_new_nocheck(into, name, value);
}

static void begin(struct builder *builder, const char *name, json_t *value)
{
    add(builder, name, value);
    if (builder->depth < OPEN_MAX)
        builder->open[builder->depth] = value;
    builder->depth++;
}

static void begin_object(void *builder, const char *name)
{
    begin(builder, name, json_object());
}

static void begin_list(void *builder, const char *name)
{
    begin(builder, name, json_array());
}

static void end(void *builder)
{
    ((struct builder *)builder)->depth--;
}

static void add_text(void *builder, const char *name, const char *text)
{
    add(builder, name, json_string(text));
}

static void add_integer(void *builder, const char *name, int64_t value)
{
    add(builder, name, json_integer(value));
}

static void add_boolean(void *builder, const char *name, bool value)
{
    add(builder, name, json_boolean(value));
}

static void add_absent(void *builder, const char *name)
{
    add(builder, name, json_null());
}

// '+' and '/' mean something else in a query, and '=' needs an escape.
static void make_url_safe(json_t *page_token)
{
    char text[1024];
    size_t size = 0;
    for (const char *at = json_string_value(page_token); *at != '\0' && *at != '=' && size < sizeof text; at++)
        text[size++] = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    (void)json_string_setn(page_token, text, size);
}

json_t *reply_json(const void *reply)
{
    struct builder builder = {.depth = 0};
    const struct postern_visitor visitor = {
        .context = &builder,
        .object_begin = begin_object,
        .object_end = end,
        .list_begin = begin_list,
        .list_end = end,
        .text = add_text,
        .integer = add_integer,
        .boolean = add_boolean,
        .absent = add_absent,
    };
    const struct postern_reply_base *base = reply; // every reply's first member
    postern_reply_walk(reply, &visitor);
    json_t *page_token = json_object_get(builder.whole, "next_page_token");
    if (page_token != NULL)
        make_url_safe(page_token);
    (void)json_object_set_new(builder.whole, "server_time_ms", json_integer((json_int_t)base->server_time_ms));
    return builder.whole;
}
