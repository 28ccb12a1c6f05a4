// Goes through the table of a record's fields (schema.h). The kind of a field says how its option is read and how its
// value becomes text; everything else about it is in its row.
#include "schema.h"

#include "terminal.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------------- members

static const void *in(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

// Pointers to all kinds of things: copied, because the compiler takes those to different types for different things.
const void *schema_list(const struct field *field, const void *from)
{
    const void *list;
    memcpy(&list, in(from, field->in.at), sizeof list);
    return list;
}

size_t schema_count(const struct field *field, const void *from)
{
    return *(const size_t *)in(from, field->in.count_at);
}

static size_t member_size(const struct field *field)
{
    static const size_t sizes[] = {
        [FIELD_BOOL] = sizeof(bool), [FIELD_NUMBER] = sizeof(uint32_t), [FIELD_TIME] = sizeof(uint64_t)};
    return field->kind < FIELD_TEXT ? sizes[field->kind] : sizeof(void *);
}

void schema_put(const struct field *field, const struct place *place, void *request, const void *value, size_t count)
{
    memcpy((char *)request + place->at, value, member_size(field));
    if (field_is_list(field))
        memcpy((char *)request + place->count_at, &count, sizeof count);
}

// ---------------------------------------------------------------------------------------------------------- reading

static const enum postern_environment *read_environments(struct cli *cli, const char *flag, size_t *count)
{
    const char *const *texts = argument_all(cli, flag, count);
    enum postern_environment *environments = cli_keep(cli, *count + 1, sizeof *environments);
    for (size_t i = 0; i < *count; i++)
        environments[i] = (enum postern_environment)value_word(cli, &value_environments, texts[i]);
    return environments;
}

const void *schema_read_list(struct cli *cli, const struct field *field, const char *flag, size_t *count)
{
    if (field->kind == FIELD_TEXTS)
        return argument_all(cli, flag, count);
    if (field->kind == FIELD_ENVIRONMENTS)
        return read_environments(cli, flag, count);
    if (field->kind == FIELD_LIMITS)
        return value_limits(cli, flag, count);
    return value_metadata(cli, flag, count);
}

static uint32_t read_number(struct cli *cli, const struct field *field)
{
    const char *flag = field->flag.name, *text = argument_text(cli, flag);
    if (field->words != NULL)
        return value_word(cli, field->words, text);
    if (text != NULL && strcmp(text, "0") == 0 && field->if_zero != NULL)
        misuse(cli, "--%s \"0\" %s", flag, field->if_zero);
    return (uint32_t)value_number(cli, flag, 0, UINT32_MAX);
}

void schema_read_field(struct cli *cli, const struct field *field, const struct place *place, void *request)
{
    size_t count = 0;
    const char *flag = field->flag.name;
    if (field->kind == FIELD_BOOL) {
        schema_put(field, place, request, &(bool){argument_has(cli, flag)}, 0);
    } else if (field->kind == FIELD_NUMBER) {
        schema_put(field, place, request, &(uint32_t){read_number(cli, field)}, 0);
    } else if (field->kind == FIELD_TIME) {
        schema_put(field, place, request,
                   &(uint64_t){field->no != NULL ? moment_flag_or_never(cli, flag) : moment_flag(cli, flag, false)}, 0);
    } else {
        const void *value = flag == NULL                ? cli->operands[0]
                            : field->kind == FIELD_TEXT ? argument_text(cli, flag)
                                                        : schema_read_list(cli, field, flag, &count);
        schema_put(field, place, request, &value, count);
    }
}

void schema_read(struct cli *cli, const struct schema *schema, void *request)
{
    for (const struct field *field = schema->fields; field->kind != FIELD_END; field++)
        if (field->put.at > 0)
            schema_read_field(cli, field, &field->put, request);
}

// --------------------------------------------------------------------------------------------------------- printing

static const char *environments_text(const enum postern_environment *environments, size_t count, char *buffer)
{
    buffer[0] = '\0';
    for (size_t i = 0; i < count; i++)
        output_append(buffer, ", ", "%s", value_word_text(&value_environments, environments[i]));
    return buffer;
}

static const char *metadata_text(const struct postern_entry *entries, size_t count, char *buffer)
{
    buffer[0] = '\0';
    for (size_t i = 0; i < count; i++)
        output_append(buffer, "\n                   ", "%s=%s", entries[i].key, entries[i].value);
    return buffer;
}

// Returns a field's value as text; "" when it is not set. A time becomes its distance from `now_ms`.
static const char *text_of(const struct field *field, const void *from, uint64_t now_ms, char buffer[OUTPUT_LIST_SIZE])
{
    const void *at = in(from, field->in.at);
    const char *text;
    switch ((enum field_kind)field->kind) {
    case FIELD_END:
        break;
    case FIELD_BOOL:
        text = *(const bool *)at ? field->yes : field->no;
        return text != NULL ? text : "";
    case FIELD_NUMBER:
        if (field->words != NULL)
            return value_word_text(field->words, *(const uint32_t *)at);
        snprintf(buffer, OUTPUT_LIST_SIZE, "%u", *(const uint32_t *)at);
        return buffer;
    case FIELD_TIME:
        return output_when(*(const uint64_t *)at, now_ms, field->no != NULL ? field->no : "", buffer);
    case FIELD_TEXT:
        return *(const char *const *)at;
    case FIELD_MADE:
        return field->make(from, now_ms, buffer);
    case FIELD_TEXTS:
        return output_texts(schema_list(field, from), schema_count(field, from), buffer);
    case FIELD_ENVIRONMENTS:
        return environments_text(schema_list(field, from), schema_count(field, from), buffer);
    case FIELD_LIMITS:
        return output_limits(schema_list(field, from), schema_count(field, from), buffer);
    case FIELD_METADATA:
        return metadata_text(schema_list(field, from), schema_count(field, from), buffer);
    }
    return "";
}

uint64_t schema_time(const struct field *field, const void *from)
{
    return *(const uint64_t *)in(from, field->in.at);
}

bool schema_is_set(const struct field *field, const void *from, char text[OUTPUT_LIST_SIZE])
{
    const char *shown = text_of(field, from, 0, text);
    if (shown != text)
        snprintf(text, OUTPUT_LIST_SIZE, "%s", shown);
    if (field->kind == FIELD_BOOL)
        return *(const bool *)in(from, field->in.at);
    return field->kind == FIELD_TIME ? *(const uint64_t *)in(from, field->in.at) != 0 : text[0] != '\0';
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
        bool is_set = field->kind == FIELD_BOOL ? *(const bool *)in(from, field->in.at) : text[0] != '\0';
        const char *line = is_set ? field->line : field->line_unset;
        if (line != NULL)
            print_with(line, text);
    }
    putchar('\n');
}

static void print_value(const struct field *field, const char *text)
{
    bool is_state = strcmp(field->label, "state") == 0 && terminal_has_colours();
    const char *colour = is_state ? terminal_state_colour(text) : "";
    printf("%-18s %s%s%s\n", field->label, colour, text, colour[0] != '\0' ? TERMINAL_COLOUR_END : "");
}

// Prints a field that is set; a time with its distance from `now_ms`.
static void print_field(const struct field *field, const void *from, uint64_t now_ms)
{
    char buffer[OUTPUT_LIST_SIZE], at[OUTPUT_TIME_SIZE];
    const char *text = text_of(field, from, now_ms, buffer);
    if (text[0] == '\0' || (field->kind == FIELD_TIME && *(const uint64_t *)in(from, field->in.at) == 0))
        return;
    if (field->kind == FIELD_TIME)
        printf("%-18s %s (%s)\n", field->label, output_time(*(const uint64_t *)in(from, field->in.at), "", at), text);
    else
        print_value(field, text);
}

void schema_print(const struct schema *schema, const void *from, uint64_t now_ms)
{
    for (const struct field *field = schema->fields; field->kind != FIELD_END; field++)
        if (field->label != NULL)
            print_field(field, from, now_ms);
}

// ----------------------------------------------------------------------------------------------------------- tables

// Returns the field of the n-th column, from 1; NULL: there are fewer.
static const struct field *column_field(const struct schema *schema, unsigned n)
{
    const struct field *field = schema->fields;
    while (field->kind != FIELD_END && field->column != n)
        field++;
    return field->kind != FIELD_END ? field : NULL;
}

struct table *schema_table_new(const struct schema *schema, unsigned columns)
{
    char heads[OUTPUT_LIST_SIZE] = "";
    const struct field *field;
    for (unsigned n = 1; (columns == 0 || n <= columns) && (field = column_field(schema, n)) != NULL; n++)
        output_append(heads, "\t", "%s", field->head);
    return table_new(heads);
}

void schema_add_row(struct table *table, const struct schema *schema, const void *from, uint64_t now_ms)
{
    char buffer[OUTPUT_LIST_SIZE], *row = NULL;
    size_t size = 0;
    const struct field *field;
    FILE *to = pool_need(open_memstream(&row, &size));
    for (unsigned n = 1; (field = column_field(schema, n)) != NULL; n++)
        fprintf(to, "%s%s", n > 1 ? "\t" : "", text_of(field, from, now_ms, buffer));
    pool_need(fclose(to) == 0 ? row : NULL);
    table_add(table, "%s", row);
    free(row);
}
