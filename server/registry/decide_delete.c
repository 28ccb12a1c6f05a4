// DELETE: revokes a key and hides it. Its record stays, so that its token is refused as revoked for ever.
#include "registry/decide_key.h"

static const char key_field[] = "delete.key_id";

enum status decide_delete_authority(struct decision *decision)
{
    struct registry_command *command = decision->command;
    return decide_find_key(decision, command->ask.delete.key_id, key_field, &command->result.key);
}

enum status decide_delete(struct decision *decision)
{
    struct registry_command *command = decision->command;
    struct registry_key *key = &command->result.key; // found by decide_delete_authority
    if (key->deleted)
        return decide_unknown_key(decision, key->id, key_field);
    enum status status = decide_find_owner(decision, key, &command->result.account);
    if (status == STATUS_OK)
        status = decide_version(decision, "delete.if_version", key->version);
    if (status != STATUS_OK)
        return status;
    if (key->facts.revoked_at_ms == 0)
        key->facts.revoked_at_ms = decision->now_ms;
    key->deleted = true;
    key->version = decision->seq;
    decision->images[decision->image_count++] = (struct image){.kind = IMAGE_KEY, .of.key = *key};
    return STATUS_OK;
}
