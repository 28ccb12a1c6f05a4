// The commands. To add one: write its options and its function, and put a row into the table of its file.
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli.h"

// The tables of the files, each ends with {0}.
extern const struct command verify_commands[];
extern const struct command ratecheck_commands[];
extern const struct command key_commands[];
extern const struct command key_list_commands[];
extern const struct command import_commands[];
extern const struct command account_commands[];
extern const struct command catalogue_commands[];
extern const struct command usage_commands[];
extern const struct command audit_commands[];
extern const struct command scan_commands[];
extern const struct command stats_commands[];
extern const struct command top_commands[];

// Does what argv says; cli->status is the exit status.
void command_run(struct cli *cli, int argc, char **argv);

#endif
