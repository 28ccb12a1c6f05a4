#include "command.h"

const struct command *const commands[] = {
    &command_verify,         &command_ratecheck,
    &command_create,         &command_get,
    &command_list,           &command_update,
    &command_roll,           &command_revoke,
    &command_disable,        &command_enable,
    &command_delete,         &command_import,
    &command_account_put,    &command_account_get,
    &command_account_list,   &command_account_suspend,
    &command_account_resume, &command_account_revoke_all,
    &command_account_delete, &command_tier_put,
    &command_tier_get,       &command_tier_list,
    &command_tier_delete,    &command_scope_put,
    &command_scope_get,      &command_scope_list,
    &command_scope_delete,   &command_usage,
    &command_audit,          &command_scan,
    &command_health,         NULL,
};
