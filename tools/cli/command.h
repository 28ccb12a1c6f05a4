// The commands, each in the file of its subject.
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli.h"

extern const struct command command_verify;
extern const struct command command_ratecheck;
extern const struct command command_create;
extern const struct command command_get;
extern const struct command command_list;
extern const struct command command_revoke;
extern const struct command command_account_put;
extern const struct command command_tier_put;
extern const struct command command_health;

#endif
