// The command that finds leaked tokens. The door of this folder: what is outside includes no other header of it.
#ifndef CLI_SCAN_SCAN_H
#define CLI_SCAN_SCAN_H

#include "cli.h"

// A table for command.c, ends with {0}. `scan` reads the files that its operands name, or standard input, in bounded
// memory; asks posternd about each token that it finds and prints what it knows; revokes only with --revoke.
// Errors:
//   CLI_FAILED   a token of a secret key that works or may work again was found, or something was not read or not asked
//   CLI_MISUSED  an operand is a token, or the options contradict each other
extern const struct command scan_commands[];

#endif
