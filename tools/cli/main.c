// postern: administers posternd and asks it.
#include "cli.h"

#include <errno.h>
#include <locale.h>
#include <string.h>

// A command whose answer could not be written has failed: a token would be lost.
static int finish_output(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    fprintf(stderr, "postern: cannot write the answer: %s\n", strerror(errno));
    return CLI_FAILED;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    setlocale(LC_CTYPE, "C.UTF-8"); // posternd's text is UTF-8, whatever the terminal's user has set
    command_run(&cli, argc, argv);
    int status = finish_output(cli.status);
    postern_close(cli.client);
    pool_wipe(&cli.pool);
    return status;
}
