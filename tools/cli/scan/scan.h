// postern scan: finds tokens that leaked into files and their history, and has them revoked.
#ifndef CLI_SCAN_SCAN_H
#define CLI_SCAN_SCAN_H

#include "cli.h"

extern const struct command command_scan;

#endif
