#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELL_SIZE_MAX = 4096, GAP = 2 };

void table_begin(struct table *table, const char *const *heads, size_t columns)
{
    *table = (struct table){.heads = heads, .columns = columns};
}

// In characters, as far as each of them takes one place on the screen.
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void widen(struct table *table, size_t column, const char *text)
{
    size_t width = width_of(text);
    if (width > table->widths[column])
        table->widths[column] = width;
}

void table_add(struct table *table, const char *format, ...)
{
    char text[CELL_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0)
        size = 0;
    if (table->count == table->room) {
        table->room = table->room * 2 + 64 * table->columns;
        char **cells = pool_take(&table->pool, table->room, sizeof *cells);
        for (size_t i = 0; i < table->count; i++)
            cells[i] = table->cells[i];
        table->cells = cells;
    }
    size_t kept = (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
    table->cells[table->count] = pool_text(&table->pool, text, kept);
    widen(table, table->count % table->columns, text);
    table->count++;
}

static void print_row(const struct table *table, const char *const *cells)
{
    size_t last = table->columns;
    while (last > 1 && cells[last - 1][0] == '\0')
        last--; // no blanks at the end of a line
    for (size_t i = 0; i + 1 < last; i++)
        printf("%s%*s", cells[i], (int)(table->widths[i] - width_of(cells[i]) + GAP), "");
    puts(cells[last - 1]);
}

void table_print(struct table *table)
{
    size_t rows = table->count / table->columns;
    if (rows == 0)
        return;
    for (size_t i = 0; i < table->columns; i++)
        widen(table, i, table->heads[i]);
    if (table->printed == 0)
        print_row(table, table->heads);
    for (size_t i = 0; i < rows; i++)
        print_row(table, (const char *const *)&table->cells[i * table->columns]);
    table->printed += rows;
    table_end(table);
}

void table_end(struct table *table)
{
    pool_wipe(&table->pool);
    table->cells = NULL;
    table->count = 0;
    table->room = 0;
}
