// The keys of an import, read one by one from JSON Lines or CSV.
//
// JSON: an object on each line. CSV, with commas, semicolons or tabs: the first row names the columns. The names are
// the same; docs of the command list them. Memory is bounded, whatever comes.
#ifndef CLI_IMPORT_READ_H
#define CLI_IMPORT_READ_H

#include "cli.h"
#include "import/csv.h"
#include "import/token.h"

enum import_format { IMPORT_FORMAT_UNKNOWN, IMPORT_FORMAT_JSON, IMPORT_FORMAT_CSV };

enum {
    IMPORT_ROW_SIZE_MAX = 32768, // of a request; what the bounds of the protocol allow is far below
    IMPORT_WRONG_SIZE = 480
};

struct import_row {
    size_t line;             // of the input, from 1
    size_t size_bytes;       // about what it takes in a request, rather more
    unsigned token_findings; // enum import_token_finding, or'ed
    uint64_t utc_expiry_ms;  // its expiry, if no zone was named, and so UTC is meant; or 0
    struct postern_import_key key;
};

struct import_reader {
    enum import_format format;
    FILE *in;
    size_t lines;                        // JSON: read so far
    struct postern_create_request start; // what a row is in the fields that it does not name
    uint64_t now_ms;                     // from which spans of time count
    const void *columns[CSV_FIELDS_MAX]; // CSV: the field of each column
    const char *headings[CSV_FIELDS_MAX];
    size_t column_count;
    struct import_csv csv;
    char line[CSV_ROW_SIZE_MAX + 1]; // JSON
    char wrong[IMPORT_WRONG_SIZE];   // never holds a token
    struct pool pool;
};

// Readies `reader` (which is large) and reads what comes before the first row. With IMPORT_FORMAT_UNKNOWN, input that
// begins with "{" is JSON, else CSV.
// Errors: false when the input cannot be an import; reader->wrong says why.
bool import_begin(struct import_reader *reader, FILE *in, enum import_format format);
// Reads the next row into memory of `pool`.
// Errors: IMPORT_WRONG when the row cannot be used; reader->wrong says why, row->line where.
enum import_result import_read(struct import_reader *reader, struct pool *pool, struct import_row *row);
void import_end(struct import_reader *reader); // wipes it

#endif
