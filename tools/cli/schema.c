// Goes through a schema's fields (schema.h). The kind of a field says how its option is read and how its
// value becomes text; everything else about it is in its row.
#include "schema.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------------- members

static const void *in(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

// Pointers to all kinds of things: copied, because the compiler takes those to different types for different things.
static const void *list_of(const struct field *field, const void *from)
{
    const void *list;
    memcpy(&list, in(from, field->at), sizeof list);
    return list;
}

static size_t count_of(const struct field *field, const void *from)
{
    return *(const size_t *)in(from, field->count_at);
}

static size_t size_of(const struct field *field)
{
    static const size_t sizes[] = {
        [FIELD_BOOL] = sizeof(bool), [FIELD_NUMBER] = sizeof(uint32_t), [FIELD_TIME] = sizeof(uint64_t)};
    return field->kind < FIELD_TEXT ? sizes[field->kind] : sizeof(void *);
}

static void put(const struct field *field, void *request, const void *value, size_t count)
{
    memcpy((char *)request + field->put_at, value, size_of(field));
    if (field->kind >= FIELD_TEXTS)
        memcpy((char *)request + field->put_count_at, &count, sizeof count);
}

static void put_version(const struct schema *schema, void *request, uint64_t version)
{
    memcpy((char *)request + schema->if_version_at, &version, sizeof version);
}

// ---------------------------------------------------------------------------------------------------------- reading

static const enum postern_environment *read_environments(struct cli *cli, const char *flag, size_t *count)
{
    const char *const *texts = argument_all(cli, flag, count);
    enum postern_environment *environments = cli_keep(cli, *count + 1, sizeof *environments);
    for (size_t i = 0; i < *count; i++)
        environments[i] = value_environment(cli, texts[i]);
    return environments;
}

static const void *read_list(struct cli *cli, const struct field *field, size_t *count)
{
    if (field->kind == FIELD_TEXTS)
        return argument_all(cli, field->flag.name, count);
    if (field->kind == FIELD_ENVIRONMENTS)
        return read_environments(cli, field->flag.name, count);
    return field->kind == FIELD_LIMITS ? (const void *)value_limits(cli, count) : value_metadata(cli, count);
}

static void read_field(struct cli *cli, const struct field *field, void *request)
{
    size_t count = 0;
    const char *flag = field->flag.name;
    if (field->kind == FIELD_BOOL) {
        put(field, request, &(bool){argument_has(cli, flag)}, 0);
    } else if (field->kind == FIELD_NUMBER) {
        put(field, request, &(uint32_t){(uint32_t)value_number(cli, flag, UINT32_MAX)}, 0);
    } else {
        const void *value = flag == NULL                ? cli->operands[0]
                            : field->kind == FIELD_TEXT ? argument_text(cli, flag)
                                                        : read_list(cli, field, &count);
        put(field, request, &value, count);
    }
}

void schema_read(struct cli *cli, const struct schema *schema, void *request)
{
    for (const struct field *field = schema->fields; field->kind != FIELD_END; field++)
        if (field->is_setting)
            read_field(cli, field, request);
    put_version(schema, request, value_version(cli));
}

void schema_copy(const struct schema *schema, const void *from, void *request)
{
    for (const struct field *field = schema->fields; field->kind != FIELD_END; field++)
        if (field->is_setting)
            put(field, request, in(from, field->at), field->kind >= FIELD_TEXTS ? count_of(field, from) : 0);
    put_version(schema, request, *(const uint64_t *)in(from, schema->version_at));
}

// --------------------------------------------------------------------------------------------------------- printing

static const char *environments_text(const enum postern_environment *environments, size_t count, char *buffer)
{
    char word[OUTPUT_WORD_SIZE];
    buffer[0] = '\0';
    for (size_t i = 0; i < count; i++)
        output_append(buffer, ", ", "%s", output_lower(postern_environment_name(environments[i]), word));
    return buffer;
}

static const char *metadata_text(const struct postern_entry *entries, size_t count, char *buffer)
{
    buffer[0] = '\0';
    for (size_t i = 0; i < count; i++)
        output_append(buffer, "\n                   ", "%s=%s", entries[i].key, entries[i].value);
    return buffer;
}

// A field's value; "" when it is not set. A time as it is without `now_ms`, else as its distance from there.
static const char *text_of(const struct field *field, const void *from, uint64_t now_ms, char buffer[OUTPUT_LIST_SIZE])
{
    const void *at = in(from, field->at);
    const char *text;
    switch ((enum field_kind)field->kind) {
    case FIELD_END:
        break;
    case FIELD_BOOL:
        text = *(const bool *)at ? field->yes : field->no;
        return text != NULL ? text : "";
    case FIELD_NUMBER:
        snprintf(buffer, OUTPUT_LIST_SIZE, "%u", *(const uint32_t *)at);
        return buffer;
    case FIELD_TIME:
        return now_ms > 0 ? output_when(*(const uint64_t *)at, now_ms, "", buffer)
                          : output_time(*(const uint64_t *)at, "", buffer);
    case FIELD_TEXT:
        return *(const char *const *)at;
    case FIELD_TEXTS:
        return output_texts(list_of(field, from), count_of(field, from), buffer);
    case FIELD_ENVIRONMENTS:
        return environments_text(list_of(field, from), count_of(field, from), buffer);
    case FIELD_LIMITS:
        return output_limits(list_of(field, from), count_of(field, from), buffer);
    case FIELD_METADATA:
        return metadata_text(list_of(field, from), count_of(field, from), buffer);
    }
    return "";
}

// Prints `line` with the text in the place of its "%s", if it has one.
static void print_with(const char *line, const char *text)
{
    const char *hole = strstr(line, "%s");
    if (hole != NULL)
        printf("%.*s%s%s", (int)(hole - line), line, text, hole + 2);
    else
        fputs(line, stdout);
}

void schema_print_line(const struct schema *schema, const void *from)
{
    char buffer[OUTPUT_LIST_SIZE];
    for (const struct field *field = schema->fields; field->kind != FIELD_END; field++) {
        const char *text = text_of(field, from, 0, buffer);
        bool is_set = field->kind == FIELD_BOOL ? *(const bool *)in(from, field->at) : text[0] != '\0';
        const char *line = is_set ? field->line : field->line_unset;
        if (line != NULL)
            print_with(line, text);
    }
    putchar('\n');
}

void schema_print(const struct schema *schema, const void *from)
{
    char buffer[OUTPUT_LIST_SIZE];
    for (const struct field *field = schema->fields; field->kind != FIELD_END; field++)
        if (field->label != NULL)
            output_line(field->label, text_of(field, from, 0, buffer));
}

// ----------------------------------------------------------------------------------------------------------- tables

// The field of the n-th column, from 1; NULL: there are fewer.
static const struct field *column(const struct schema *schema, unsigned n)
{
    const struct field *field = schema->fields;
    while (field->kind != FIELD_END && field->column != n)
        field++;
    return field->kind != FIELD_END ? field : NULL;
}

struct table *schema_table_new(const struct schema *schema)
{
    char heads[OUTPUT_LIST_SIZE] = "";
    const struct field *field;
    for (unsigned n = 1; (field = column(schema, n)) != NULL; n++)
        output_append(heads, "\t", "%s", field->head);
    return table_new(heads);
}

void schema_add_row(struct table *table, const struct schema *schema, const void *from, uint64_t now_ms)
{
    char buffer[OUTPUT_LIST_SIZE], *row = NULL;
    size_t size = 0;
    const struct field *field;
    FILE *to = pool_need(open_memstream(&row, &size));
    for (unsigned n = 1; (field = column(schema, n)) != NULL; n++)
        fprintf(to, "%s%s", n > 1 ? "\t" : "", text_of(field, from, now_ms, buffer));
    pool_need(fclose(to) == 0 ? row : NULL);
    table_add(table, "%s", row);
    free(row);
}
