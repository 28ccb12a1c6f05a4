// UPDATE sets those fields of a key that its mask names. The resulting key is checked as a whole, as if it were new: a
// caller may not leave behind a key that it could not have made. An account-admin does not update its own key.
#include "registry/decide/key.h"

#include "base/text.h"

static const char key_field[] = "update.key_id";

enum status decide_update_authority(struct draft *draft)
{
    struct registry_command *command = draft->command;
    return decide_find_key(draft, command->ask.update.key_id, key_field, &command->result.key);
}

static bool is_set(const struct registry_update *ask, enum registry_update_field field)
{
    return (ask->fields & (unsigned)field) != 0;
}

// A key that was rolled must end with its grace period, or earlier.
static enum status check_rolled_expiry(struct draft *draft, const struct registry_key *key)
{
    uint64_t asked_ms = draft->command->ask.update.key.facts.expires_at_ms;
    bool is_shorter = asked_ms != 0 && asked_ms <= key->facts.expires_at_ms;
    if (!key->facts.has_successor || is_shorter)
        return STATUS_OK;
    char at[TEXT_TIME_SIZE];
    return status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, "update.expires_at_ms",
                       "the key was rolled and stops working at %s, which can only become earlier: use its successor "
                       "from then on",
                       text_format_moment(key->facts.expires_at_ms, at));
}

static enum status check_expiry(struct draft *draft, const struct registry_key *key)
{
    const struct registry_update *ask = &draft->command->ask.update;
    if (!is_set(ask, REGISTRY_UPDATE_EXPIRES_AT))
        return STATUS_OK;
    enum status status = decide_expiry(draft, ask->key.facts.expires_at_ms, "update.expires_at_ms");
    return status == STATUS_OK ? check_rolled_expiry(draft, key) : status;
}

static void set_lists(const struct registry_update *ask, struct registry_key *key)
{
    if (is_set(ask, REGISTRY_UPDATE_SCOPES)) {
        key->scopes = ask->key.scopes;
        key->scope_count = ask->key.scope_count;
    }
    if (is_set(ask, REGISTRY_UPDATE_METADATA)) {
        key->metadata = ask->key.metadata;
        key->metadata_count = ask->key.metadata_count;
    }
    if (is_set(ask, REGISTRY_UPDATE_ADDRESSES)) {
        key->addresses = ask->key.addresses;
        key->address_count = ask->key.address_count;
    }
    if (is_set(ask, REGISTRY_UPDATE_LIMITS)) {
        key->limits = ask->key.limits;
        key->limit_count = ask->key.limit_count;
    }
}

static void set_fields(const struct registry_update *ask, struct registry_key *key)
{
    if (is_set(ask, REGISTRY_UPDATE_NAME))
        key->name = ask->key.name;
    if (is_set(ask, REGISTRY_UPDATE_EXPIRES_AT))
        key->facts.expires_at_ms = ask->key.facts.expires_at_ms;
    if (is_set(ask, REGISTRY_UPDATE_NOT_BEFORE))
        key->facts.not_before_ms = ask->key.facts.not_before_ms;
    if (is_set(ask, REGISTRY_UPDATE_ENABLED))
        key->facts.disabled = ask->key.facts.disabled;
    set_lists(ask, key);
}

static enum status check_result(struct draft *draft, const struct registry_key *key)
{
    const struct registry_update *ask = &draft->command->ask.update;
    bool has_scopes = is_set(ask, REGISTRY_UPDATE_SCOPES);
    struct decide_fields fields = {
        .account = key_field,
        .environment = key_field,
        .scopes = has_scopes ? "update.scopes" : key_field,
        .limits = is_set(ask, REGISTRY_UPDATE_LIMITS) ? "update.limits" : key_field,
        .expires_at = is_set(ask, REGISTRY_UPDATE_EXPIRES_AT) ? "update.expires_at_ms" : key_field,
        .addresses = is_set(ask, REGISTRY_UPDATE_ADDRESSES) ? "update.allowed_addresses" : key_field};
    enum status status = decide_not_before(draft, key, "update.not_before_ms");
    if (status == STATUS_OK && has_scopes)
        status = decide_grants(draft, key, fields.scopes);
    return status == STATUS_OK ? decide_within_caller(draft, key, &fields) : status;
}

enum status decide_update(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_key *key = &command->result.key; // found by decide_update_authority
    enum status status = decide_not_own(draft, key, key_field, "updated");
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
    set_fields(&command->ask.update, key);
    status = check_result(draft, key);
    if (status != STATUS_OK)
        return status;
    key->version = draft->seq;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_KEY, .of.key = *key};
    return STATUS_OK;
}
