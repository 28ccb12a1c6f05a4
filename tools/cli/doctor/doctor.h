// The command that looks at a running installation. The door of this folder: what is outside includes no other header
// of it.
#ifndef CLI_DOCTOR_DOCTOR_H
#define CLI_DOCTOR_DOCTOR_H

#include "cli.h"

// A table for command.c, ends with {0}. `doctor` says of everything that it looks at whether it is as it should be, and
// if not, what to do.
// Errors:
//   CLI_FAILED     something is wrong
//   CLI_NOT_ASKED  posternd could not be asked; what else was found is printed all the same
extern const struct command doctor_commands[];

#endif
