// Makes a key to import of a line of JSON or of a row of CSV, field by field.
#include "import/read.h"

#include "import/field.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_SIZE_START = 128 };

// ------------------------------------------------------------------------------------------------------------- begin

// Skips U+FEFF, which some programs write before the text.
static bool skip_mark(struct import_reader *reader)
{
    int c = getc(reader->in);
    if (c == 0xEF)
        return (getc(reader->in) == 0xBB && getc(reader->in) == 0xBF) ||
               import_wrong(reader->wrong, "the input is no UTF-8 text");
    ungetc(c, reader->in);
    return true;
}

// Finds the format by the first character that is not blank.
static bool find_format(struct import_reader *reader)
{
    int c = getc(reader->in);
    for (; c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = getc(reader->in))
        reader->lines += c == '\n';
    ungetc(c, reader->in);
    if (reader->format == IMPORT_FORMAT_UNKNOWN)
        reader->format = c == '{' || c == '[' ? IMPORT_FORMAT_JSON : IMPORT_FORMAT_CSV;
    if (reader->format == IMPORT_FORMAT_JSON && c == '[')
        return import_wrong(reader->wrong,
                            "the input is one JSON array: write an object on each line, as does jq -c '.[]'");
    return true;
}

static const char metadata_prefix[] = "metadata.";
enum { METADATA_PREFIX_SIZE = sizeof metadata_prefix - 1 };

// Says what the heading may have meant; "" when nothing is likely.
static const char *heading_hint(const char *heading)
{
    static const struct {
        const char *part;
        const char *hint;
    } hints[] = {
        {"|", "; fields are separated by commas, semicolons or tabs. Of tokens like id|secret all of that text is the "
              "token, "
              "as clients send it: name the column token"},
        {"hash", "; if it is the SHA-256 of what clients send, all of it, name the column sha256; no other hash can be "
                 "taken over"},
        {"secret", "; if it is what clients send, all of it, name the column token"},
        {"key", "; if it is what clients send, all of it, name the column token"}};
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (strstr(heading, hints[i].part) != NULL)
            return hints[i].hint;
    return "";
}

static bool note_column(struct import_reader *reader, size_t at, const char *given)
{
    const char *heading = import_without_blanks(&reader->pool, pool_text(&reader->pool, given, strlen(given)));
    const struct import_field *field = import_field_find(heading);
    bool is_metadata = strncmp(heading, metadata_prefix, METADATA_PREFIX_SIZE) == 0 && heading[METADATA_PREFIX_SIZE];
    if (field == NULL && !is_metadata)
        return import_wrong(reader->wrong,
                            "column %zu, \"%s\", is none; the first line names the columns: token sha256 account name "
                            "environment type scopes expires prefix limits addresses metadata metadata.KEY%s",
                            at + 1, import_shown(heading), heading_hint(heading));
    for (size_t i = 0; i < at; i++)
        if (strcmp(reader->headings[i], heading) == 0 || (field != NULL && reader->columns[i] == field))
            return import_wrong(reader->wrong, "the column \"%.60s\" is there twice", heading);
    reader->columns[at] = field;
    reader->headings[at] = heading;
    return true;
}

static bool read_headings(struct import_reader *reader)
{
    enum import_result result = import_csv_read(&reader->csv);
    if (result == IMPORT_WRONG)
        return import_wrong(reader->wrong, "the first line, which names the columns, cannot be read: %s",
                            reader->csv.wrong);
    if (result == IMPORT_END)
        return true;
    for (size_t i = 0; i < reader->csv.count; i++)
        if (!note_column(reader, i, reader->csv.fields[i]))
            return false;
    reader->column_count = reader->csv.count;
    return true;
}

bool import_begin(struct import_reader *reader, FILE *in, enum import_format format)
{
    memset(reader, 0, sizeof *reader);
    reader->in = in;
    reader->format = format;
    import_csv_begin(&reader->csv, in);
    json_set_alloc_funcs(malloc, import_free_wiped);
    if (!skip_mark(reader) || !find_format(reader))
        return false;
    reader->csv.lines = reader->lines;
    return reader->format == IMPORT_FORMAT_JSON || read_headings(reader);
}

void import_end(struct import_reader *reader)
{
    pool_wipe(&reader->pool);
    import_csv_end(&reader->csv);
    explicit_bzero(reader, sizeof *reader);
}

// --------------------------------------------------------------------------------------------------------------- CSV

static bool set_cell(struct import_reader *reader, struct import_build *build, size_t at)
{
    const struct import_field *field = reader->columns[at];
    const char *text = reader->csv.fields[at];
    if (field != NULL)
        return import_field_set(build, field, text);
    const char *key = reader->headings[at] + METADATA_PREFIX_SIZE;
    return text[0] == '\0' || import_metadata_add(build, key, strlen(key), text);
}

static bool set_cells(struct import_reader *reader, struct import_build *build)
{
    if (reader->csv.count != reader->column_count)
        return import_wrong(build->wrong, "it has %zu fields, the first line names %zu columns", reader->csv.count,
                            reader->column_count);
    for (size_t i = 0; i < reader->column_count; i++)
        if (!set_cell(reader, build, i))
            return false;
    return true;
}

static enum import_result read_csv(struct import_reader *reader, struct import_build *build)
{
    enum import_result result = import_csv_read(&reader->csv);
    build->row->line = reader->csv.line;
    if (result == IMPORT_WRONG)
        import_wrong(build->wrong, "%s", reader->csv.wrong);
    if (result != IMPORT_ROW)
        return result;
    return set_cells(reader, build) && import_build_finish(build) ? IMPORT_ROW : IMPORT_WRONG;
}

// -------------------------------------------------------------------------------------------------------------- JSON

// Reads a line without its end and without the blanks before it. A line that is too long gets *size > CSV_ROW_SIZE_MAX.
// False: the input is at its end.
static bool read_line(struct import_reader *reader, size_t *size)
{
    int c = getc_unlocked(reader->in);
    *size = 0;
    if (c == EOF)
        return false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(reader->in)) {
        if (*size == 0 && (c == ' ' || c == '\t' || c == '\r'))
            continue;
        if (*size <= CSV_ROW_SIZE_MAX)
            reader->line[(*size)++] = (char)c;
    }
    reader->lines++;
    return true;
}

static bool set_metadata(struct import_build *build, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value))
            return import_wrong(build->wrong, "the metadata \"%.60s\" is no text", key);
        if (!import_metadata_add(build, key, strlen(key), json_string_value(value)))
            return false;
    }
    return true;
}

static bool set_items(struct import_build *build, const struct import_field *field, const json_t *array)
{
    size_t index;
    json_t *item;
    json_array_foreach(array, index, item)
    {
        if (!json_is_string(item))
            return import_wrong(build->wrong, "%s has an entry that is no text", field->name);
        if (!field->set(build, json_string_value(item)))
            return false;
    }
    return true;
}

static bool set_member(struct import_build *build, const char *name, json_t *value)
{
    const struct import_field *field = import_field_find(name);
    char number[32];
    if (field == NULL)
        return import_wrong(build->wrong, "there is no field \"%s\"", import_shown(name));
    if (json_is_null(value))
        return true;
    if (json_is_string(value))
        return import_field_set(build, field, json_string_value(value));
    if (json_is_object(value) && strcmp(field->name, "metadata") == 0)
        return set_metadata(build, value);
    if (json_is_array(value) && field->separators != NULL && strcmp(field->name, "metadata") != 0)
        return set_items(build, field, value);
    if (!json_is_integer(value) || strcmp(field->name, "expires") != 0)
        return import_wrong(build->wrong, "%s has a value of a type that does not belong there", field->name);
    snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return import_field_set(build, field, number);
}

static bool set_members(struct import_build *build, json_t *object)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return import_wrong(build->wrong, "it is no JSON object");
    json_object_foreach(object, name, value)
    {
        if (!set_member(build, name, value))
            return false;
    }
    return import_build_finish(build);
}

static enum import_result read_json(struct import_reader *reader, struct import_build *build)
{
    size_t size;
    do {
        if (!read_line(reader, &size))
            return IMPORT_END;
    } while (size == 0);
    build->row->line = reader->lines;
    if (size > CSV_ROW_SIZE_MAX) {
        import_wrong(build->wrong, "the line is longer than %d bytes", CSV_ROW_SIZE_MAX);
        return IMPORT_WRONG;
    }
    json_error_t error; // its text may show a token: only the place is told
    json_t *object = json_loadb(reader->line, size, JSON_REJECT_DUPLICATES, &error);
    bool twice = object == NULL && json_error_code(&error) == json_error_duplicate_key;
    bool good = object != NULL ? set_members(build, object)
                               : import_wrong(build->wrong, "%s, at character %d",
                                              twice ? "a field is there twice" : "it is no JSON object", error.column);
    json_decref(object);
    return good ? IMPORT_ROW : IMPORT_WRONG;
}

enum import_result import_read(struct import_reader *reader, struct pool *pool, struct import_row *row)
{
    struct import_build build = {.row = row, .pool = pool, .now_ms = reader->now_ms, .wrong = reader->wrong};
    *row = (struct import_row){.size_bytes = ROW_SIZE_START, .key = {.key = reader->start}};
    reader->wrong[0] = '\0';
    return reader->format == IMPORT_FORMAT_JSON ? read_json(reader, &build) : read_csv(reader, &build);
}
