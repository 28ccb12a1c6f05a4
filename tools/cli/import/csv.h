// Comma-separated values as RFC 4180 has them, read record by record in bounded memory. Lines may end with CRLF or LF;
// empty lines are skipped.
#ifndef CLI_IMPORT_CSV_H
#define CLI_IMPORT_CSV_H

#include <stddef.h>
#include <stdio.h>

enum { CSV_FIELDS_MAX = 64, CSV_RECORD_SIZE_MAX = 65536 };

enum csv_result {
    CSV_RECORD,
    CSV_END,
    CSV_WRONG // `wrong` says why; the next read goes on behind the end of the line
};

struct csv {
    FILE *in;
    size_t lines; // read so far
    // of the record:
    size_t line; // its first one, from 1
    const char *fields[CSV_FIELDS_MAX];
    size_t count;
    const char *wrong;
    char bytes[CSV_RECORD_SIZE_MAX];
    size_t used;
};

void csv_begin(struct csv *csv, FILE *in);
// The fields stay valid until the next read. After an error of the stream it is the end: ask ferror.
enum csv_result csv_read(struct csv *csv);

#endif
