// The commands, each in the file of its subject.
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli.h"

extern const struct command command_verify;
extern const struct command command_ratecheck;
extern const struct command command_create;
extern const struct command command_get;
extern const struct command command_list;
extern const struct command command_update;
extern const struct command command_roll;
extern const struct command command_revoke;
extern const struct command command_disable;
extern const struct command command_enable;
extern const struct command command_delete;
extern const struct command command_account_put;
extern const struct command command_account_get;
extern const struct command command_account_list;
extern const struct command command_account_suspend;
extern const struct command command_account_resume;
extern const struct command command_account_revoke_all;
extern const struct command command_account_delete;
extern const struct command command_tier_put;
extern const struct command command_tier_get;
extern const struct command command_tier_list;
extern const struct command command_tier_delete;
extern const struct command command_scope_put;
extern const struct command command_scope_get;
extern const struct command command_scope_list;
extern const struct command command_scope_delete;
extern const struct command command_usage;
extern const struct command command_stats;
extern const struct command command_top;
extern const struct command command_audit;
extern const struct command command_health;

#endif
