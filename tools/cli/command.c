#include "command.h"

const struct command *const commands[] = {
    &command_verify, &command_ratecheck,   &command_create,   &command_get,    &command_list,
    &command_revoke, &command_account_put, &command_tier_put, &command_health, NULL,
};
