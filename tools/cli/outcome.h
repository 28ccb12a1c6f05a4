// How to look whether a change was made whose answer does not tell.
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include "cli.h"

// Returns the message with the command to look with in the place of what the protocol or the library says about it;
// another message as it is.
const char *outcome_word(struct cli *cli, const char *message);

#endif
