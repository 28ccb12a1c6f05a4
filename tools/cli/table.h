// Tables for people, by libsmartcols: on a terminal they fit its width, in a pipe no cell is cut. What is not printable
// is shown as \x.., so that no text steers the terminal.
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>

struct table;

// `heads` are separated by tabs, and marked by what is done with the column: ">CALLS" stands to the right, "+NAME" goes
// on in the next line where the terminal is too narrow (but not much too narrow: then lines are longer than it is),
// "-NAME" is cut there, "?TYPE" is left out there, which is said on stderr; others are always whole. "*STATE" has the
// states' colours on a terminal. Never NULL: without memory the program ends.
struct table *table_new(const char *heads);
// Adds a row, whose cells are separated by tabs: no text of posternd has any.
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Prints the rows and forgets them: a long table goes page by page, its head comes once and columns only get wider.
void table_print(struct table *table);
void table_free(struct table *table);

// Asks how much the terminal shows; elsewhere what COLUMNS and LINES of the environment say, or 80 and 24.
void table_room(size_t *columns, size_t *lines);

#endif
