// Reads comma-separated values by libcsv, as RFC 4180 has them, row by row (its "record") in bounded memory. Lines may
// end with CRLF or LF; empty lines are skipped. Where the first row has semicolons or tabs, these separate the fields.
#ifndef CLI_IMPORT_CSV_H
#define CLI_IMPORT_CSV_H

#include <stdbool.h>
#include <stdio.h>

enum { CSV_FIELDS_MAX = 64, CSV_ROW_SIZE_MAX = 65536 };

enum import_result {
    IMPORT_ROW,
    IMPORT_END,
    IMPORT_WRONG // `wrong` says what is wrong, `line` where; reading may go on with the next line
};

struct csv_parser;

struct import_csv {
    struct csv_parser *parser; // libcsv's
    FILE *in;
    size_t lines; // read so far
    unsigned char delimiter;
    bool delimiter_found;
    bool in_quotes; // while the delimiter is looked for
    // of the row:
    size_t line; // its first one, from 1
    const char *fields[CSV_FIELDS_MAX];
    size_t count;
    const char *wrong;
    bool is_whole;
    char bytes[CSV_ROW_SIZE_MAX];
    size_t used;
};

// Begins to read `in`, until import_csv_end. Without memory the program ends.
void import_csv_begin(struct import_csv *csv, FILE *in);
// Reads the next row; its fields stay valid until the next read. After an error of the stream it says IMPORT_END:
// ask ferror.
enum import_result import_csv_read(struct import_csv *csv);
void import_csv_end(struct import_csv *csv); // wipes it

void import_free_wiped(void *memory); // rows may hold tokens

#endif
