#include "table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELL_SIZE_MAX = 4096, GAP = 2 };

void table_begin(struct table *table, const char *const *heads, size_t columns)
{
    *table = (struct table){.heads = heads, .columns = columns};
}

// One character of UTF-8, which postern gets and gives checked; anything else counts byte by byte.
static uint32_t take_character(const char **text)
{
    unsigned char first = (unsigned char)*(*text)++;
    uint32_t character = first < 0xC0 ? first : first & (first < 0xE0 ? 0x1FU : first < 0xF0 ? 0x0FU : 0x07U);
    for (; first >= 0xC0 && ((unsigned char)**text & 0xC0) == 0x80; ++*text)
        character = character << 6 | ((unsigned char)**text & 0x3FU);
    return character;
}

// Places on the screen (UAX #11: wide and fullwidth take two, combining marks none), without a locale to be set.
static size_t places_of(uint32_t character)
{
    static const struct {
        uint32_t first, last, places;
    } ranges[] = {{0x300, 0x36F, 0},   {0x1100, 0x115F, 2}, {0x200B, 0x200F, 0},   {0x2E80, 0xA4CF, 2},
                  {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2}, {0xFE00, 0xFE0F, 0},   {0xFE30, 0xFE6F, 2},
                  {0xFF01, 0xFF60, 2}, {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return ranges[i].places;
    return 1;
}

static size_t width_of(const char *text)
{
    size_t width = 0;
    while (*text != '\0')
        width += places_of(take_character(&text));
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
