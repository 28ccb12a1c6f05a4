// Builds the object of an answer while libpostern walks over it, member by member.
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 }; // the protocol has no recursive messages; replies go four deep

struct builder {
    json_t *open[DEPTH_MAX]; // the objects and lists that are not finished, outermost first; all belong to the first
    size_t depth;
    json_t *root;
};

static void add(struct builder *builder, const char *name, json_t *value)
{
    json_t *parent = builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;
    if (parent == NULL)
        builder->root = value;
    else if (name != NULL)
        json_object_set_new_nocheck(parent, name, value);
    else
        json_array_append_new(parent, value);
}

static void begin(struct builder *builder, const char *name, json_t *value)
{
    add(builder, name, value);
    if (builder->depth < DEPTH_MAX)
        builder->open[builder->depth] = value;
    builder->depth++;
}

static void on_object_begin(void *builder, const char *name)
{
    begin(builder, name, json_object());
}

static void on_list_begin(void *builder, const char *name)
{
    begin(builder, name, json_array());
}

static void on_end(void *builder)
{
    ((struct builder *)builder)->depth--;
}

static void on_text(void *builder, const char *name, const char *text)
{
    add(builder, name, json_string(text));
}

static void on_integer(void *builder, const char *name, int64_t value)
{
    add(builder, name, json_integer(value));
}

static void on_boolean(void *builder, const char *name, bool value)
{
    add(builder, name, json_boolean(value));
}

static void on_absent(void *builder, const char *name)
{
    add(builder, name, json_null());
}

json_t *json_text(const char *text)
{
    json_t *string = json_string(text);
    char *copy = string == NULL ? strdup(text) : NULL;
    for (char *at = copy; at != NULL && *at != '\0'; at++)
        if ((signed char)*at < 0x20)
            *at = '?';
    if (copy != NULL)
        string = json_string(copy);
    free(copy);
    return string;
}

void json_print(json_t *object)
{
    json_dumpf(object, stdout, JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(object);
}

json_t *json_reply(const void *reply)
{
    struct builder builder = {0};
    const struct postern_visitor visitor = {.context = &builder,
                                            .object_begin = on_object_begin,
                                            .object_end = on_end,
                                            .list_begin = on_list_begin,
                                            .list_end = on_end,
                                            .text = on_text,
                                            .integer = on_integer,
                                            .boolean = on_boolean,
                                            .absent = on_absent};
    postern_reply_walk(reply, &visitor);
    return builder.root;
}

// Beside its fields a refusal has details, which the protocol carries in the status.
static void add_details(json_t *root, const struct postern_reply_base *base)
{
    json_t *details = json_array();
    for (size_t i = 0; i < base->detail_count; i++)
        json_array_append_new(details, json_pack("{s:o, s:o}", "key", json_text(base->details[i].key), "value",
                                                 json_text(base->details[i].value)));
    if (base->detail_count > 0)
        json_object_set(root, "details", details);
    json_decref(details);
}

void json_print_reply(const void *reply)
{
    json_t *root = json_reply(reply);
    json_object_del(root, "complete_until_ms"); // for who follows changes, and another one each time
    add_details(root, reply);                   // its base is its first member
    json_print(root);
}

// What the library knows of a decision beside the protocol's fields.
static void add_decision(json_t *decision, const struct postern_reply_base *base, const char *charge_id, bool by_policy)
{
    add_details(decision, base);
    json_object_set_new(decision, "charge_id", json_string(charge_id));
    json_object_set_new(decision, "decided_by_policy", json_boolean(by_policy));
}

void json_print_decision(const void *reply, const char *charge_id, bool by_policy)
{
    json_t *root = json_reply(reply);
    add_decision(root, reply, charge_id, by_policy); // its base is its first member
    json_print(root);
}

void json_print_entries(const void *reply, const char *list)
{
    json_t *root = json_reply(reply);
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(root, list), index, entry) json_print(json_incref(entry));
    json_decref(root);
}

void json_print_entry(const void *reply, const char *list, size_t index, const char *name)
{
    json_t *root = json_reply(reply);
    json_t *outer = json_object();
    json_object_set(outer, name, json_array_get(json_object_get(root, list), index));
    json_print(outer);
    json_decref(root);
}

void json_print_error(const struct postern_error *error)
{
    json_print(json_pack("{s:{s:s, s:o, s:s, s:s, s:I, s:b, s:b}}", "error", "code", postern_status_name(error->status),
                         "message", json_text(error->message), "reason", error->reason, "field", error->field,
                         "retry_after_ms", (json_int_t)error->retry_after_ms, "answered", error->answered,
                         "outcome_unknown", error->outcome_unknown));
}

static void print_failed(const struct postern_batch_status *status)
{
    struct postern_error error = {.status = status->status, .answered = true, .retry_after_ms = status->retry_after_ms};
    snprintf(error.reason, sizeof error.reason, "%s", status->reason);
    snprintf(error.field, sizeof error.field, "%s", status->field);
    snprintf(error.message, sizeof error.message, "%s", status->message);
    json_print_error(&error);
}

void json_print_verify_batch(const struct postern_verify_batch_reply *reply, const char *const *charge_ids)
{
    json_t *root = json_reply(reply);
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(root, "replies"), index, entry)
    {
        const struct postern_verify_reply *decision = &reply->replies[index];
        add_decision(entry, &decision->base, charge_ids[index], decision->decided_by_policy);
        if (reply->statuses[index].status != POSTERN_OK)
            print_failed(&reply->statuses[index]);
        else
            json_print(json_incref(entry));
    }
    json_decref(root);
}
