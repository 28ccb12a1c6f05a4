// ROLL replaces a key without an interruption: it makes a successor with the same settings, but for an expiry that was
// asked for, links the two, and lets the old key work until the end of a grace period. Only an active key can be
// rolled, or one that works later, and only once.
#include "registry/decide/key.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char key_field[] = "roll.key_id";
static const char expiry_field[] = "roll.expires_at_ms";
static const struct decide_fields fields = {key_field, key_field, key_field, key_field, key_field, key_field};
static const struct decide_fields fields_with_expiry = {key_field, key_field,    key_field,
                                                        key_field, expiry_field, key_field};

enum status decide_roll_authority(struct draft *draft)
{
    struct registry_command *command = draft->command;
    return decide_find_key(draft, command->ask.roll.key_id, key_field, &command->result.predecessor);
}

static enum status check_grace(struct draft *draft)
{
    const struct registry_roll *ask = &draft->command->ask.roll;
    if (!ask->has_grace || ask->grace_ms <= REGISTRY_GRACE_MAX_MS)
        return STATUS_OK;
    char grace[TEXT_TIME_SIZE];
    return status_fail(&draft->command->failure, STATUS_INVALID_ARGUMENT, "roll.grace_ms",
                       "%s is longer than 30 days: give 0 to 30 days, or leave it out for 12 hours",
                       text_format_span(ask->grace_ms, grace));
}

static enum status refuse_again(struct draft *draft, const struct registry_key *key,
                                const struct registry_account *account)
{
    char text[KEY_ID_TEXT_SIZE + 1], end[TEXT_TIME_SIZE], head[160];
    key_id_format(key->id, text);
    text_format_moment(key->facts.expires_at_ms, end);
    (void)snprintf(head, sizeof head, "the key %s is %s until %s", text, key->facts.disabled ? "DISABLED" : "ROLLING",
                   end);
    const struct decide_rolled why = {.field = key_field,
                                      .head = head,
                                      .advice = "roll that one, with: postern roll",
                                      .none = "no successor of it can be rolled",
                                      .wanted = {.account_revoked_before_ms = account->revoked_before_ms,
                                                 .at_ms = draft->now_ms,
                                                 .is_rollable = true}};
    return decide_refuse_rolled(draft, key, &why);
}

// Only a key that works, or will, can be replaced.
static enum status check_state(struct draft *draft, const struct registry_key *key,
                               const struct registry_account *account)
{
    char text[KEY_ID_TEXT_SIZE + 1];
    enum status status = decide_not_final(draft, key, account, key_field, "rolled");
    if (status != STATUS_OK)
        return status;
    if (key->facts.has_successor)
        return refuse_again(draft, key, account);
    key_id_format(key->id, text);
    if (key->facts.disabled)
        return status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, key_field,
                           "the key %s is DISABLED: enable it first, with: postern enable %s", text, text);
    return STATUS_OK;
}

// Returns when the old key stops working; a roll never makes its expiry later.
static uint64_t end_of_grace(const struct draft *draft, const struct registry_key *key)
{
    const struct registry_roll *ask = &draft->command->ask.roll;
    uint64_t end_ms = draft->now_ms + (ask->has_grace ? ask->grace_ms : REGISTRY_GRACE_DEFAULT_MS);
    return key->facts.expires_at_ms != 0 && key->facts.expires_at_ms < end_ms ? key->facts.expires_at_ms : end_ms;
}

// The account must allow the successor as if it were created; a key that stops working at once makes room for it.
static enum status check_room(struct draft *draft, const struct registry_key *key,
                              const struct registry_account *account)
{
    enum status status = decide_account_allows(draft, account, key->environment, &fields);
    if (status != STATUS_OK)
        return status;
    return decide_max_keys(draft, account, end_of_grace(draft, key) <= draft->now_ms ? 1 : 0, key_field);
}

// Returns the key's settings, without what identifies it, and with the expiry that was asked for.
static struct registry_key successor_of(const struct registry_key *key, const struct registry_roll *ask)
{
    struct registry_key next = *key;
    next.facts = (struct key_facts){.expires_at_ms = ask->has_expiry ? ask->expires_at_ms : key->facts.expires_at_ms,
                                    .not_before_ms = key->facts.not_before_ms};
    next.expiry_set_at_ms = 0;
    next.revoke_reason = slice_empty();
    next.has_predecessor = true;
    memcpy(next.predecessor, key->id, sizeof next.predecessor);
    memset(next.successor, 0, sizeof next.successor);
    return next;
}

// May there be such a successor? What the old key has was checked when it got it.
static enum status check_successor(struct draft *draft, const struct registry_key *old)
{
    const struct registry_roll *ask = &draft->command->ask.roll;
    const struct registry_key next = successor_of(old, ask);
    enum status status = STATUS_OK;
    if (ask->has_expiry)
        status = decide_expiry(draft, ask->expires_at_ms, expiry_field);
    if (status == STATUS_OK && ask->has_expiry)
        status = decide_not_before(draft, &next, expiry_field);
    return status == STATUS_OK ? decide_within_caller(draft, &next, ask->has_expiry ? &fields_with_expiry : &fields)
                               : status;
}

static enum status make_successor(struct draft *draft)
{
    struct registry_result *result = &draft->command->result;
    struct registry_key *old = &result->predecessor;
    result->key = successor_of(old, &draft->command->ask.roll);
    enum status status = decide_make_key(draft, &result->account, &result->key, &result->token);
    if (status != STATUS_OK)
        return status;
    const uint64_t expires_before_ms = old->facts.expires_at_ms;
    old->facts.expires_at_ms = end_of_grace(draft, old);
    decide_note_expiry(draft, expires_before_ms, old);
    old->facts.has_successor = true;
    memcpy(old->successor, result->key.id, sizeof old->successor);
    old->version = draft->seq;
    draft->images[0] = (struct image){.kind = REGISTRY_KEY, .of.key = *old};
    draft->images[1] = (struct image){.kind = REGISTRY_KEY, .of.key = result->key};
    draft->image_count = 2;
    return STATUS_OK;
}

enum status decide_roll(struct draft *draft)
{
    struct registry_result *result = &draft->command->result;
    const struct registry_key *key = &result->predecessor; // found by decide_roll_authority
    enum status status = check_grace(draft);
    if (status == STATUS_OK)
        status = decide_find_owner(draft, key, &result->account);
    if (status == STATUS_OK)
        status = decide_version(draft, "roll.if_version", key->version);
    if (status == STATUS_OK)
        status = check_state(draft, key, &result->account);
    if (status == STATUS_OK)
        status = check_successor(draft, key);
    if (status == STATUS_OK)
        status = check_room(draft, key, &result->account);
    return status == STATUS_OK ? make_successor(draft) : status;
}
