// The one file that knows libcsv. It is fed byte by byte, so that a bad row can be reported with its line and the
// reading goes on behind it, which libcsv itself does not offer.
#include "import/csv.h"

#include "pool.h"

#include <csv.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void import_free_wiped(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

// Blanks around a field belong to it.
static int is_trimmed(unsigned char c)
{
    (void)c;
    return 0;
}

static void begin_parser(struct csv_parser *parser, unsigned char delimiter)
{
    csv_init(parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL);
    csv_set_delim(parser, delimiter);
    csv_set_space_func(parser, is_trimmed);
    csv_set_blk_size(parser, CSV_ROW_SIZE_MAX + 1); // so that what it holds is never moved
    csv_set_free_func(parser, import_free_wiped);
}

void import_csv_begin(struct import_csv *csv, FILE *in)
{
    memset(csv, 0, sizeof *csv);
    csv->in = in;
    csv->delimiter = CSV_COMMA;
    csv->parser = pool_need(malloc(sizeof *csv->parser));
    begin_parser(csv->parser, csv->delimiter);
}

void import_csv_end(struct import_csv *csv)
{
    csv_free(csv->parser);
    free(csv->parser);
    explicit_bzero(csv, sizeof *csv);
}

// Returns the next character; both kinds of line end become '\n'.
static int next_character(struct import_csv *csv)
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

static void on_field(void *text, size_t size, void *context)
{
    struct import_csv *csv = context;
    if (csv->count == CSV_FIELDS_MAX) {
        csv->wrong = "there are more than 64 fields";
        return;
    }
    csv->fields[csv->count++] = memcpy(csv->bytes + csv->used, text, size + 1);
    csv->used += size + 1;
}

static void on_row(int c, void *context)
{
    (void)c;
    ((struct import_csv *)context)->is_whole = true;
}

// The first separator that no quotation marks enclose is the one of all rows.
static void find_delimiter(struct import_csv *csv, unsigned char byte)
{
    csv->in_quotes ^= byte == '"';
    if (csv->in_quotes || (byte != ',' && byte != ';' && byte != '\t'))
        return;
    csv->delimiter = byte;
    csv->delimiter_found = true;
    csv_set_delim(csv->parser, byte);
}

static void take_character(struct import_csv *csv, int c, size_t size)
{
    const unsigned char byte = (unsigned char)c;
    if (!csv->delimiter_found)
        find_delimiter(csv, byte);
    if (c == '\0')
        csv->wrong = "there is a NUL in it: this is no text";
    else if (c == '\r')
        csv->wrong = "a carriage return that ends no line";
    else if (size >= CSV_ROW_SIZE_MAX && c != '\n')
        csv->wrong = "the row is longer than 65536 bytes";
    else if (csv_parse(csv->parser, &byte, 1, on_field, on_row, csv) != 1)
        csv->wrong = "a quotation mark in the middle of a field: quote the whole field, and double the marks in it";
}

enum import_result import_csv_read(struct import_csv *csv)
{
    int c = '\n';
    size_t size = 0;
    csv->count = csv->used = 0;
    csv->wrong = NULL;
    csv->is_whole = false;
    while (csv->wrong == NULL && !csv->is_whole && (c = next_character(csv)) != EOF) {
        if (size == 0 && c == '\n')
            continue;
        if (size == 0)
            csv->line = csv->lines + 1;
        take_character(csv, c, ++size);
    }
    if (c == EOF && size == 0)
        return IMPORT_END;
    csv->delimiter_found = true; // of one column there is none
    if (c == EOF && csv_fini(csv->parser, on_field, on_row, csv) != 0)
        csv->wrong = "a quotation mark is never closed";
    if (csv->wrong == NULL)
        return IMPORT_ROW;
    while (c != '\n' && c != EOF)
        c = next_character(csv);
    csv_free(csv->parser);
    begin_parser(csv->parser, csv->delimiter);
    return IMPORT_WRONG;
}
