// postern import: keys of another system, from CSV or JSON lines.
#ifndef CLI_IMPORT_IMPORT_H
#define CLI_IMPORT_IMPORT_H

#include "cli.h"

extern const struct command command_import;

#endif
