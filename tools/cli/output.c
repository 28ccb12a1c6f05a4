// Answers: as JSON, and the pieces of which answers for people are made.
#include "cli.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// ------------------------------------------------------------------------------------------------------------- JSON

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

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, 0);
    putchar('\n');
    json_decref(object);
}

void output_json(const void *reply, const char *more_name, const char *more_text)
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
    if (more_name != NULL)
        json_object_set_new(builder.root, more_name, json_string(more_text));
    print_json(builder.root);
}

void output_json_error(const struct postern_error *error)
{
    json_t *inner = json_object();
    json_object_set_new(inner, "code", json_string(postern_status_name(error->status)));
    json_object_set_new(inner, "message", json_string(error->message));
    json_object_set_new(inner, "reason", json_string(error->reason));
    json_object_set_new(inner, "field", json_string(error->field));
    json_object_set_new(inner, "retry_after_ms", json_integer(error->retry_after_ms));
    json_object_set_new(inner, "answered", json_boolean(error->answered));
    json_object_set_new(inner, "outcome_unknown", json_boolean(error->outcome_unknown));
    json_t *outer = json_object();
    json_object_set_new(outer, "error", inner);
    print_json(outer);
}

// ------------------------------------------------------------------------------------------------------- for people

const char *output_time(uint64_t moment_ms, const char *none, char buffer[OUTPUT_TIME_SIZE])
{
    time_t seconds = (time_t)(moment_ms / 1000);
    struct tm tm;
    if (moment_ms == 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(buffer, OUTPUT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return none;
    return buffer;
}

const char *output_lower(const char *name, char *buffer, size_t room)
{
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < room; i++)
        buffer[i] = (char)tolower((unsigned char)name[i]);
    buffer[i] = '\0';
    return buffer;
}

void output_texts(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? ", " : "", texts[i]);
}

void output_limits(const struct postern_limit *limits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[POSTERN_LIMIT_TEXT_MAX + 1];
        postern_limit_format(&limits[i], text);
        printf("%s%s", i > 0 ? ", " : "", text);
    }
}

static void line(const char *name, const char *value)
{
    if (value[0] != '\0')
        printf("%-18s %s\n", name, value);
}

static void time_line(const char *name, uint64_t moment_ms)
{
    char buffer[OUTPUT_TIME_SIZE];
    line(name, output_time(moment_ms, "", buffer));
}

static void list_line(const char *name, const char *const *texts, size_t count)
{
    if (count == 0)
        return;
    printf("%-18s ", name);
    output_texts(texts, count);
    putchar('\n');
}

static void print_history(const struct postern_key *key)
{
    time_line("created", key->created_at_ms);
    line("created by", key->created_by);
    time_line("expires", key->expires_at_ms);
    time_line("revoked", key->revoked_at_ms);
    line("revoke reason", key->revoke_reason);
    line("successor", key->successor_key_id);
    line("predecessor", key->predecessor_key_id);
    time_line("last used", key->last_used_at_ms);
    line("last used from", key->last_used_address);
}

void output_key(const struct postern_key *key)
{
    char word[32];
    line("key id", key->key_id);
    line("account", key->account);
    line("name", key->name);
    line("state", output_lower(postern_key_state_name(key->state), word, sizeof word));
    line("environment", output_lower(postern_environment_name(key->environment), word, sizeof word));
    line("type", output_lower(postern_key_type_name(key->type), word, sizeof word));
    list_line("scopes", key->scopes, key->scope_count);
    if (key->limit_count > 0) {
        printf("%-18s ", "limits");
        output_limits(key->limits, key->limit_count);
        putchar('\n');
    }
    list_line("allowed addresses", key->allowed_addresses, key->allowed_address_count);
    for (size_t i = 0; i < key->metadata_count; i++)
        printf("%-18s %s=%s\n", i == 0 ? "metadata" : "", key->metadata[i].key, key->metadata[i].value);
    print_history(key);
    line("public token", key->public_token);
}
