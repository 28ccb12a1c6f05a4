// The command that takes over keys of another system. The door of this folder: what is outside includes no other header
// of it.
#ifndef CLI_IMPORT_IMPORT_H
#define CLI_IMPORT_IMPORT_H

#include "cli.h"

// A table for command.c, ends with {0}. `import` reads keys from standard input, in bounded memory, and gives them to
// posternd in batches, each of which is imported as a whole or not at all. It may be run again after a failure.
// Errors:
//   CLI_FAILED   some key was not imported
//   CLI_MISUSED  the input cannot be an import
extern const struct command import_commands[];

#endif
