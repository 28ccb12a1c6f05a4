// The table of rules: each kind of command has one function that checks authority and one that decides. A new command
// is one row here and one file or function beside it. Authority is checked first, also before a reply is given again.
#include "registry/decide/decide.h"

static const struct rule {
    enum status (*authority)(struct decision *decision);
    enum status (*decide)(struct decision *decision);
} rules[] = {
    [REGISTRY_CREATE] = {decide_create_authority, decide_create},
    [REGISTRY_REVOKE] = {decide_revoke_authority, decide_revoke},
    [REGISTRY_PUT_ACCOUNT] = {decide_put_account_authority, decide_put_account},
    [REGISTRY_PUT_TIER] = {decide_put_tier_authority, decide_put_tier},
    [REGISTRY_UPDATE] = {decide_update_authority, decide_update},
    [REGISTRY_DELETE] = {decide_delete_authority, decide_delete},
    [REGISTRY_PUT_SCOPE] = {decide_put_scope_authority, decide_put_scope},
    [REGISTRY_DELETE_SCOPE] = {decide_delete_scope_authority, decide_delete_scope},
    [REGISTRY_IMPORT] = {decide_import_authority, decide_import},
    [REGISTRY_ROLL] = {decide_roll_authority, decide_roll},
    [REGISTRY_PURGE] = {decide_purge_authority, decide_purge},
    [REGISTRY_REVOKE_ALL] = {decide_revoke_all_authority, decide_revoke_all},
    [REGISTRY_DELETE_ACCOUNT] = {decide_delete_account_authority, decide_delete_account},
    [REGISTRY_DELETE_TIER] = {decide_delete_tier_authority, decide_delete_tier},
};

// Returns NULL for a kind that has no rule.
static const struct rule *rule_of(const struct registry_command *command)
{
    size_t index = (size_t)command->kind;
    return index < sizeof rules / sizeof rules[0] && rules[index].decide != NULL ? &rules[index] : NULL;
}

enum status decide_authority(struct decision *decision)
{
    const struct rule *rule = rule_of(decision->command);
    if (rule == NULL)
        return status_fail(&decision->command->note, STATUS_UNIMPLEMENTED, NULL,
                           "this posternd does not know commands of kind %d: start a newer one",
                           (int)decision->command->kind);
    enum status status = decide_caller(decision);
    return status == STATUS_OK ? rule->authority(decision) : status;
}

enum status decide(struct decision *decision)
{
    return rule_of(decision->command)->decide(decision);
}
