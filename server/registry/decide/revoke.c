// REVOKE ends a key at once and for ever; it is found by key id, or by whoever holds the token of a secret key. DELETE
// revokes a key and hides it. The record stays in both cases, so the token is refused as revoked for ever.
#include "registry/decide/key.h"

// Uses the same words for a text that is no token, an unknown key and a wrong secret, and never the token itself. What
// is to be seen in the text alone tells nobody anything.
static enum status unknown_token(struct draft *draft)
{
    const char *hint = key_token_hint(draft->command->ask.revoke.token);
    if (hint != NULL)
        return status_fail(&draft->command->failure, STATUS_NOT_FOUND, "revoke.api_key",
                           "this %s and is no token: give the token alone", hint);
    return status_fail(&draft->command->failure, STATUS_NOT_FOUND, "revoke.api_key",
                       "this is not the token of a key of this installation: check that it is complete, or revoke the "
                       "key by its key_id");
}

// A public key's token is known to many, so even an operator must name such a key by its id.
static enum status check_holder(struct draft *draft, const struct registry_key *key)
{
    if (key->type == KEY_TYPE_PUBLIC)
        return status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, "revoke.api_key",
                           "this is a public key's token, which is known to many, so holding it proves nothing: revoke "
                           "the key by its key_id, as operator or as account-admin of its account");
    return STATUS_OK;
}

static enum status find_by_token(struct draft *draft, struct registry_key *key)
{
    struct registry_command *command = draft->command;
    struct registry_presented presented;
    enum status status =
        registry_find_presented(draft->registry, draft->txn, command->ask.revoke.token, command->arena, &presented);
    if (status != STATUS_OK)
        return status;
    if (!presented.known)
        return unknown_token(draft);
    *key = presented.key;
    return check_holder(draft, key);
}

enum status decide_revoke_authority(struct draft *draft)
{
    const struct registry_revoke *ask = &draft->command->ask.revoke;
    struct registry_key *key = &draft->command->result.key;
    return ask->by_token ? find_by_token(draft, key) : decide_find_key(draft, ask->key_id, "revoke.key_id", key);
}

enum status decide_revoke(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_key *key = &command->result.key; // found by decide_revoke_authority
    if (key->deleted)
        return command->ask.revoke.by_token ? unknown_token(draft)
                                            : decide_unknown_key(draft, key->id, "revoke.key_id");
    enum status status = decide_find_owner(draft, key, &command->result.account);
    if (status != STATUS_OK)
        return status;
    status = decide_version(draft, "revoke.if_version", key->version);
    if (status != STATUS_OK || key->facts.revoked_at_ms != 0)
        return status; // final: the first reason and time stay
    key->facts.revoked_at_ms = draft->now_ms;
    key->revoke_reason = command->ask.revoke.reason;
    key->version = draft->seq;
    draft->images[0] = (struct image){.kind = REGISTRY_KEY, .of.key = *key};
    draft->image_count = 1;
    return STATUS_OK;
}

// --- delete

enum status decide_delete_authority(struct draft *draft)
{
    struct registry_command *command = draft->command;
    return decide_find_key(draft, command->ask.delete.key_id, "delete.key_id", &command->result.key);
}

enum status decide_delete(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_key *key = &command->result.key; // found by decide_delete_authority
    if (key->deleted)
        return decide_unknown_key(draft, key->id, "delete.key_id");
    enum status status = decide_not_own(draft, key, "delete.key_id", "deleted");
    if (status == STATUS_OK)
        status = decide_find_owner(draft, key, &command->result.account);
    if (status == STATUS_OK)
        status = decide_version(draft, "delete.if_version", key->version);
    if (status != STATUS_OK)
        return status;
    if (key->facts.revoked_at_ms == 0)
        key->facts.revoked_at_ms = draft->now_ms;
    key->deleted = true;
    key->version = draft->seq;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_KEY, .of.key = *key};
    return STATUS_OK;
}
