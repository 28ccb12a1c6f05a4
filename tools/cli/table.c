// The one file that knows libsmartcols: columns are added by the marks in the heads, cells by splitting a line at tabs.
#include "table.h"

#include "pool.h"
#include "terminal.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

struct table {
    struct libscols_table *scols;
    bool is_coloured, is_fitted;
    size_t state;        // the column of it; SIZE_MAX: there is none
    unsigned expendable; // the columns that may be left out, as bits
};

// A column on a terminal.
struct fitted_column {
    struct libscols_column *column;
    size_t whole, width; // places: with nothing cut, and at least
};

enum {
    COLUMNS_MAX = 16,
    COLUMN_LEAST = 15, // places: text in columns of a few letters cannot be read
    GAP = 2            // between columns
};

static void add_column(struct table *table, const char *head)
{
    int flags = head[0] == '>' ? SCOLS_FL_RIGHT : head[0] == '+' ? SCOLS_FL_WRAP : head[0] == '-' ? SCOLS_FL_TRUNC : 0;
    size_t at = scols_table_get_ncols(table->scols);
    if (head[0] == '*')
        table->state = at;
    if (head[0] == '?')
        table->expendable |= 1U << at;
    pool_need(scols_table_new_column(table->scols, head + (strchr(">+-*?", head[0]) != NULL), 0, flags));
}

struct table *table_new(const char *heads)
{
    struct table *table = pool_need(malloc(sizeof *table));
    *table =
        (struct table){.scols = pool_need(scols_new_table()), .is_coloured = terminal_has_colours(), .state = SIZE_MAX};
    scols_table_enable_colors(table->scols, table->is_coloured);
    char *copy = pool_need(strdup(heads)), *rest = copy;
    for (const char *head; (head = strsep(&rest, "\t")) != NULL;)
        add_column(table, head);
    free(copy);
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
    for (size_t i = 0; i < scols_table_get_ncols(table->scols) && rest != NULL; i++) {
        const char *cell = strsep(&rest, "\t"), *colour = i == table->state ? terminal_state_colour(cell) : "";
        pool_need(scols_line_set_data(line, i, cell) == 0 ? line : NULL);
        if (table->is_coloured && colour[0] != '\0')
            pool_need(scols_cell_set_color(scols_line_get_cell(line, i), colour) == 0 ? line : NULL);
    }
    free(cells);
}

static size_t width_of(const char *text)
{
    wchar_t wide[256] = L"";
    if (text == NULL)
        return 0;
    size_t count = mbstowcs(wide, text, sizeof wide / sizeof wide[0]);
    int width = count != (size_t)-1 ? wcswidth(wide, count) : -1;
    return width >= 0 ? (size_t)width : strlen(text);
}

// Returns how wide a column is when all its cells are whole.
static size_t whole_width(struct table *table, struct libscols_column *column, size_t at)
{
    size_t width = width_of(scols_cell_get_data(scols_column_get_header(column)));
    for (size_t i = 0; i < scols_table_get_nlines(table->scols); i++) {
        struct libscols_cell *cell = scols_line_get_cell(scols_table_get_line(table->scols, i), at);
        size_t needed = width_of(scols_cell_get_data(cell));
        width = needed > width ? needed : width;
    }
    return width;
}

static struct fitted_column look_at(struct table *table, size_t at)
{
    struct libscols_column *column = scols_table_get_column(table->scols, at);
    size_t whole = whole_width(table, column, at);
    bool gives_way = (scols_column_get_flags(column) & (SCOLS_FL_WRAP | SCOLS_FL_TRUNC)) != 0;
    return (struct fitted_column){column, whole, gives_way && whole > COLUMN_LEAST ? COLUMN_LEAST : whole};
}

// Leaves columns out, the last one first, until the table is no wider than the terminal. Returns how wide it then is.
static size_t leave_out(const struct table *table, const struct fitted_column *columns, size_t count, size_t room)
{
    size_t needed = 0;
    const char *before = "Left out, as the terminal is narrow: ", *after = "";
    for (size_t i = 0; i < count; i++)
        needed += columns[i].width + (i > 0 ? GAP : 0);
    for (size_t i = count; i-- > 0 && needed > room;) {
        struct libscols_column *column = columns[i].column;
        if (!(table->expendable & 1U << i))
            continue;
        needed -= columns[i].width + GAP;
        scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
        fprintf(stderr, "%s%s", before, scols_cell_get_data(scols_column_get_header(column)));
        before = ", ";
        after = "\n";
    }
    fputs(after, stderr);
    return needed;
}

// Fits the table to the terminal: leaves columns out, and has those that are long go on in the next line. What has to
// stay may be wider all the same: then lines are longer than the terminal.
static void fit(struct table *table)
{
    struct fitted_column columns[COLUMNS_MAX];
    size_t count = scols_table_get_ncols(table->scols), room = scols_table_get_termwidth(table->scols);
    for (size_t i = 0; i < count; i++)
        columns[i] = look_at(table, i);
    size_t needed = leave_out(table, columns, count, room);
    for (size_t i = 0; i < count; i++) {
        struct libscols_column *column = columns[i].column;
        if (columns[i].whole == columns[i].width) // else libsmartcols takes places from it all the same
            scols_column_set_flags(column, scols_column_get_flags(column) & ~SCOLS_FL_WRAP);
        scols_column_set_whint(column, (double)columns[i].width);
    }
    if (needed > room)
        scols_table_set_termwidth(table->scols, needed);
}

void table_print(struct table *table)
{
    if (scols_table_is_empty(table->scols))
        return;
    if (!table->is_fitted && isatty(STDOUT_FILENO) == 1)
        fit(table);
    table->is_fitted = true;
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
