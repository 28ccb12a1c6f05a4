#include "registry/decide/decide.h"

#include <inttypes.h>

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

// NULL for a kind that has no rule.
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

bool decide_may_touch(const struct registry_caller *caller, struct slice account)
{
    return caller->is_operator || (caller->account.size > 0 && slice_equal(caller->account, account));
}

enum status decide_operator_only(struct decision *decision, const char *what)
{
    if (decision->command->caller.is_operator)
        return STATUS_OK;
    return status_fail(&decision->command->note, STATUS_PERMISSION_DENIED, NULL,
                       "%s needs the authority operator: call over ipc as root or as the daemon's user, or with a "
                       "credential that has the scope postern:operator",
                       what);
}

enum status decide_version(struct decision *decision, const char *field, uint64_t version)
{
    uint64_t wanted = decision->command->if_version;
    if (wanted == 0 || wanted == version)
        return STATUS_OK;
    if (version == 0)
        return status_fail(&decision->command->note, STATUS_ABORTED, field,
                           "there is no such record, but if_version asks for version %" PRIu64
                           ": send if_version 0 to make it",
                           wanted);
    return status_fail(&decision->command->note, STATUS_ABORTED, field,
                       "the record has version %" PRIu64 ", not %" PRIu64 ": read it again, then repeat the change",
                       version, wanted);
}
