// The table of deciders: each kind of command has one function that checks authority and one that decides. A new
// command is one row here and one file or function beside it. Authority is checked first, also before a reply is given
// again.
#include "registry/decide/decide.h"

// PERMISSION_DENIED unless the caller is an operator.
static enum status check_operator(struct draft *draft)
{
    const struct registry_command *command = draft->command;
    if (command->caller.is_operator)
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, NULL,
                       "%s needs the authority operator: call over ipc as root or as the daemon's user, or with a "
                       "credential that has the scope postern:operator",
                       change_name(command->kind));
}

static const struct decider {
    enum status (*authority)(struct draft *draft);
    enum status (*decide)(struct draft *draft);
} deciders[] = {
    [REGISTRY_CREATE] = {decide_create_authority, decide_create},
    [REGISTRY_REVOKE] = {decide_revoke_authority, decide_revoke},
    [REGISTRY_PUT_ACCOUNT] = {check_operator, decide_put_account},
    [REGISTRY_PUT_TIER] = {check_operator, decide_put_tier},
    [REGISTRY_UPDATE] = {decide_update_authority, decide_update},
    [REGISTRY_DELETE] = {decide_delete_authority, decide_delete},
    [REGISTRY_PUT_SCOPE] = {check_operator, decide_put_scope},
    [REGISTRY_DELETE_SCOPE] = {check_operator, decide_delete_scope},
    [REGISTRY_IMPORT] = {check_operator, decide_import},
    [REGISTRY_ROLL] = {decide_roll_authority, decide_roll},
    [REGISTRY_PURGE] = {check_operator, decide_purge},
    [REGISTRY_RESET_METERS] = {decide_reset_authority, decide_reset_meters},
    [REGISTRY_REVOKE_ALL] = {check_operator, decide_revoke_all},
    [REGISTRY_DELETE_ACCOUNT] = {check_operator, decide_delete_account},
    [REGISTRY_DELETE_TIER] = {check_operator, decide_delete_tier},
};

// Returns NULL for a kind that has no decider.
static const struct decider *decider_of(const struct registry_command *command)
{
    size_t index = (size_t)command->kind;
    return index < sizeof deciders / sizeof deciders[0] && deciders[index].decide != NULL ? &deciders[index] : NULL;
}

enum status decide_authority(struct draft *draft)
{
    const struct decider *decider = decider_of(draft->command);
    if (decider == NULL)
        return status_fail(&draft->command->failure, STATUS_UNIMPLEMENTED, NULL,
                           "this posternd does not know commands of kind %d: start a newer one",
                           (int)draft->command->kind);
    enum status status = decide_caller(draft);
    return status == STATUS_OK ? decider->authority(draft) : status;
}

enum status decide_command(struct draft *draft)
{
    return decider_of(draft->command)->decide(draft);
}
