// UPDATE sets those fields of a key that its mask names. The resulting key is checked as a whole, as if it were new: a
// caller may not leave behind a key that it could not have made. An account-admin does not update its own key.
#include "registry/decide/key.h"

#include "base/text.h"

#include <stdio.h>

static const char key_field[] = "update.key_id";

enum status decide_update_authority(struct draft *draft)
{
    struct registry_command *command = draft->command;
    return decide_find_key(draft, command->ask.update.key_id, key_field, &command->result.key);
}

// Everything else of a key is for good, or changed by other commands.
static enum status check_mask(const struct draft *draft)
{
    static const char *const settings[] = {
        "name", "scopes", "metadata", "expires_at_ms", "not_before_ms", "allowed_addresses", "limits", "enabled"};
    struct registry_command *command = draft->command;
    if (command->mask_count == 0)
        return status_fail(&command->failure, STATUS_INVALID_ARGUMENT, "update.update_mask",
                           "is empty: name the fields that are to be set");
    for (size_t i = 0; i < command->mask_count; i++) {
        size_t n = 0;
        while (n < sizeof settings / sizeof settings[0] && !slice_equal(command->mask[i], slice_text(settings[n])))
            n++;
        if (n < sizeof settings / sizeof settings[0])
            continue;
        char field[48];
        (void)snprintf(field, sizeof field, "update.update_mask[%zu]", i);
        return status_fail(&command->failure, STATUS_INVALID_ARGUMENT, field,
                           "is none of name, scopes, metadata, expires_at_ms, not_before_ms, allowed_addresses, "
                           "limits, enabled");
    }
    return STATUS_OK;
}

// A key that was rolled must end with its grace period, or earlier.
static enum status check_rolled_expiry(struct draft *draft, const struct registry_key *key)
{
    const struct registry_command *command = draft->command;
    uint64_t asked_ms = command->ask.update.key.facts.expires_at_ms;
    bool is_shorter = asked_ms != 0 && asked_ms <= key->facts.expires_at_ms;
    if (!key->facts.has_successor || is_shorter)
        return STATUS_OK;
    char at[TEXT_TIME_SIZE], head[160];
    text_format_moment(key->facts.expires_at_ms, at);
    (void)snprintf(head, sizeof head, "the key was rolled and stops working at %s, which can only become earlier", at);
    const struct decide_rolled why = {.field = "update.expires_at_ms",
                                      .head = head,
                                      .advice = "from then on, use",
                                      .none = "no successor of it works then",
                                      .wanted = {.account_revoked_before_ms = command->result.account.revoked_before_ms,
                                                 .at_ms = key->facts.expires_at_ms}};
    return decide_refuse_rolled(draft, key, &why);
}

static enum status check_expiry(struct draft *draft, const struct registry_key *key)
{
    if (!decide_mask_names(draft->command, "expires_at_ms"))
        return STATUS_OK;
    uint64_t asked_ms = draft->command->ask.update.key.facts.expires_at_ms;
    enum status status = decide_expiry(draft, asked_ms, "update.expires_at_ms");
    return status == STATUS_OK ? check_rolled_expiry(draft, key) : status;
}

static enum status check_result(struct draft *draft, const struct registry_key *key)
{
    const struct registry_command *command = draft->command;
    bool has_scopes = decide_mask_names(command, "scopes");
    struct decide_fields fields = {
        .account = key_field,
        .environment = key_field,
        .scopes = has_scopes ? "update.scopes" : key_field,
        .limits = decide_mask_names(command, "limits") ? "update.limits" : key_field,
        .expires_at = decide_mask_names(command, "expires_at_ms") ? "update.expires_at_ms" : key_field,
        .addresses = decide_mask_names(command, "allowed_addresses") ? "update.allowed_addresses" : key_field};
    enum status status = decide_not_before(draft, key, "update.not_before_ms");
    if (status == STATUS_OK && has_scopes)
        status = decide_grants(draft, key, fields.scopes);
    return status == STATUS_OK ? decide_within_caller(draft, key, &fields) : status;
}

enum status decide_update(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_key *key = &command->result.key; // found by decide_update_authority
    enum status status = check_mask(draft);
    if (status == STATUS_OK)
        status = decide_not_own(draft, key, key_field, "updated");
    if (status == STATUS_OK)
        status = decide_find_owner(draft, key, &command->result.account);
    if (status == STATUS_OK)
        status = decide_version(draft, "update.if_version", key->version);
    if (status == STATUS_OK)
        status = decide_not_final(draft, key, &command->result.account, key_field, "updated");
    if (status == STATUS_OK)
        status = check_expiry(draft, key);
    if (status != STATUS_OK)
        return status;
    const uint64_t expires_before_ms = key->facts.expires_at_ms;
    decide_set_masked(draft, REGISTRY_KEY, &command->ask.update.key, key);
    decide_note_expiry(draft, expires_before_ms, key);
    status = check_result(draft, key);
    if (status != STATUS_OK)
        return status;
    key->version = draft->seq;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_KEY, .of.key = *key};
    return STATUS_OK;
}
