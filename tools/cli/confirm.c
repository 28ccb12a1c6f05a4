// Asks for a yes on standard error, and reads it from standard input.
#include "confirm.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool is_yes(char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

bool confirm(struct cli *cli, const char *format, ...)
{
    char line[16];
    va_list arguments;
    if (!cli_good(cli))
        return false;
    if (argument_has(cli, "yes") || isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
        return true;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(" This cannot be undone. [y/N] ", stderr);
    fflush(stderr);
    if (fgets(line, sizeof line, stdin) != NULL && is_yes(line))
        return true;
    cli->error = (struct postern_error){.status = POSTERN_CANCELLED,
                                        .message = "nothing was done; where it is meant, answer y, or give --yes"};
    return call_done(cli, cli->error.status);
}
