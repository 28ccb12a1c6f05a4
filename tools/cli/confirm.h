// Asks before a command does what cannot be undone: a key ends, or what was spent is forgotten. What can be put again
// (a tier that no account is on, a scope, whose keys keep its name) is not asked about.
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "cli.h"

// The option of a command that asks.
#define YES_FLAG "yes", NULL, "do it without asking, as it is done where no terminal is"

// Asks "Revoke key_...? [y/N]", unless --yes is given. It asks only where somebody can answer: where standard input and
// standard error are terminals. Call it last, when the command line is good.
// Errors: false after printing that nothing was done. False too, and nothing is asked, when the command line is wrong.
bool confirm(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
