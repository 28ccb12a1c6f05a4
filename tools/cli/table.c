// The one file that knows libsmartcols: columns are added by the marks in the heads, cells by splitting a line at tabs.
#include "table.h"

#include "pool.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
    struct libscols_table *scols;
};

enum { COLUMN_LEAST = 15 }; // places: text in columns of a few letters cannot be read

static void add_column(struct table *table, const char *head)
{
    int flags = head[0] == '>' ? SCOLS_FL_RIGHT : head[0] == '+' ? SCOLS_FL_WRAP : head[0] == '-' ? SCOLS_FL_TRUNC : 0;
    pool_need(scols_table_new_column(table->scols, head + (flags != 0), 0, flags));
}

struct table *table_new(const char *heads)
{
    struct table *table = pool_need(malloc(sizeof *table));
    table->scols = pool_need(scols_new_table());
    char *copy = pool_need(strdup(heads)), *rest = copy;
    for (const char *head; (head = strsep(&rest, "\t")) != NULL;)
        add_column(table, head);
    free(copy);
    size_t least = strchr(heads, '+') != NULL ? COLUMN_LEAST * scols_table_get_ncols(table->scols) : 0;
    if (scols_table_get_termwidth(table->scols) < least)
        scols_table_set_termwidth(table->scols, least);
    pool_need(scols_table_set_column_separator(table->scols, "  ") == 0 ? table : NULL);
    return table;
}

void table_add(struct table *table, const char *format, ...)
{
    char *cells = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&cells, format, arguments);
    va_end(arguments);
    struct libscols_line *line = pool_need(size >= 0 ? scols_table_new_line(table->scols, NULL) : NULL);
    char *rest = cells;
    for (size_t i = 0; i < scols_table_get_ncols(table->scols) && rest != NULL; i++)
        pool_need(scols_line_set_data(line, i, strsep(&rest, "\t")) == 0 ? line : NULL);
    free(cells);
}

void table_print(struct table *table)
{
    if (scols_table_is_empty(table->scols))
        return;
    pool_need(scols_print_table(table->scols) == 0 ? table : NULL);
    scols_table_remove_lines(table->scols);
    scols_table_enable_noheadings(table->scols, 1);
    for (size_t i = 0; i + 1 < scols_table_get_ncols(table->scols); i++) { // the last one is as wide as the terminal
        struct libscols_column *column = scols_table_get_column(table->scols, i);
        scols_column_set_whint(column, (double)scols_column_get_width(column));
    }
}

void table_free(struct table *table)
{
    scols_unref_table(table->scols);
    free(table);
}

void table_room(size_t *columns, size_t *lines)
{
    struct libscols_table *table = pool_need(scols_new_table());
    *columns = scols_table_get_termwidth(table);
    *lines = scols_table_get_termheight(table);
    scols_unref_table(table);
}
