// A table for people: columns as wide as their widest cell.
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "pool.h"

enum { TABLE_COLUMNS_MAX = 10 };

struct table {
    const char *const *heads; // the caller's, one for each column
    size_t columns;
    struct pool pool; // of the cells
    char **cells;
    size_t count;
    size_t room;
    size_t widths[TABLE_COLUMNS_MAX];
    size_t printed; // rows
};

void table_begin(struct table *table, const char *const *heads, size_t columns);
// The next cell, from left to right and then in the next row.
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Prints the rows and forgets them: a long table goes page by page, its head comes once and columns only get wider.
void table_print(struct table *table);
void table_end(struct table *table); // frees it

#endif
