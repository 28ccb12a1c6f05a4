// Shows how far a command is: on a terminal the line is written again and again, elsewhere line after line.
#include "progress.h"

#include "table.h"
#include "terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
    TERMINAL_MS_MIN = 200,
    LINES_MS_MIN = 1000,
    TEXT_SIZE = 256,
};

struct progress progress_begin(bool always)
{
    bool on_terminal = isatty(STDERR_FILENO) == 1;
    return (struct progress){.is_shown = on_terminal || always, .on_terminal = on_terminal};
}

bool progress_is_due(const struct progress *progress)
{
    return progress->is_shown &&
           terminal_clock_ms() - progress->shown_ms >= (progress->on_terminal ? TERMINAL_MS_MIN : LINES_MS_MIN);
}

void progress_show(struct progress *progress, const char *format, ...)
{
    char text[TEXT_SIZE];
    size_t columns, lines;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    table_room(&columns, &lines);
    if (progress->on_terminal) // a line that goes on in the next one could not be cleared
        fprintf(stderr, "\r%.*s\033[K", (int)columns - 1, text);
    else
        fprintf(stderr, "%s\n", text);
    fflush(stderr);
    progress->shown_ms = terminal_clock_ms();
    progress->line_open = progress->on_terminal;
}

void progress_clear(struct progress *progress)
{
    if (progress->line_open)
        fputs("\r\033[K", stderr);
    progress->line_open = false;
}
