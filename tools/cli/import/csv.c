#include "import/csv.h"

#include <stdbool.h>
#include <string.h>

void csv_begin(struct csv *csv, FILE *in)
{
    memset(csv, 0, sizeof *csv);
    csv->in = in;
}

// A character; both ends of line are '\n'.
static int next(struct csv *csv)
{
    int c = getc_unlocked(csv->in);
    if (c == '\r') {
        int after = getc_unlocked(csv->in);
        if (after == '\n')
            c = after;
        else if (after != EOF)
            ungetc(after, csv->in);
    }
    csv->lines += c == '\n';
    return c;
}

static bool keep(struct csv *csv, int c)
{
    if (csv->used == sizeof csv->bytes)
        csv->wrong = "the record is longer than 65536 bytes";
    else if (c == '\0' && csv->wrong == NULL)
        csv->wrong = "there is a NUL in it: this is no text";
    if (csv->wrong != NULL)
        return false;
    csv->bytes[csv->used++] = (char)c;
    return true;
}

// Behind the opening quotation mark; leaves what follows the closing one in *c.
static bool read_quoted(struct csv *csv, int *c)
{
    for (*c = next(csv); *c != EOF; *c = next(csv)) {
        if (*c == '"') {
            *c = next(csv);
            if (*c != '"')
                return true;
        }
        if (!keep(csv, *c))
            return false;
    }
    csv->wrong = "a quotation mark is never closed";
    return false;
}

static bool read_plain(struct csv *csv, int *c)
{
    for (; *c != ',' && *c != '\n' && *c != EOF; *c = next(csv)) {
        if (*c == '"')
            csv->wrong = "a quotation mark in a field that does not begin with one: quote the field, and double it";
        else if (*c == '\r')
            csv->wrong = "a carriage return that ends no line";
        if (csv->wrong != NULL || !keep(csv, *c))
            return false;
    }
    return true;
}

// A field whose first character is *c; leaves what ends it in *c.
static bool read_field(struct csv *csv, int *c)
{
    size_t at = csv->used;
    if (csv->count == CSV_FIELDS_MAX) {
        csv->wrong = "there are more than 64 fields";
        return false;
    }
    bool read = *c == '"' ? read_quoted(csv, c) : read_plain(csv, c);
    if (!read)
        return false;
    if (*c != ',' && *c != '\n' && *c != EOF) {
        csv->wrong = "something follows a closing quotation mark: only a comma or the end of the line may";
        return false;
    }
    if (csv->used == sizeof csv->bytes)
        return keep(csv, 0);
    csv->bytes[csv->used++] = '\0';
    csv->fields[csv->count++] = csv->bytes + at;
    return true;
}

enum csv_result csv_read(struct csv *csv)
{
    int c = next(csv);
    while (c == '\n')
        c = next(csv);
    csv->line = csv->lines + 1;
    csv->count = 0;
    csv->used = 0;
    csv->wrong = NULL;
    if (c == EOF)
        return CSV_END;
    while (read_field(csv, &c)) {
        if (c != ',')
            return CSV_RECORD;
        c = next(csv);
    }
    while (c != '\n' && c != EOF)
        c = next(csv);
    return CSV_WRONG;
}
