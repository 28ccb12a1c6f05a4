// The rules, one small function for each, in one table by the number of their reason. All are pure.
#include "authorizer/internal.h"

static bool token_is_missing(const struct rule_facts *f)
{
    return f->subject == AUTHORIZER_BY_TOKEN && f->question->token.size == 0;
}

static bool key_is_unknown(const struct rule_facts *f)
{
    return f->subject != AUTHORIZER_BY_ACCOUNT && !f->key_known;
}

static bool key_is_in_state(const struct rule_facts *f, enum key_state state)
{
    if (f->subject == AUTHORIZER_BY_ACCOUNT)
        return false;
    return key_state(&f->key->facts, f->account->revoked_before_ms, f->now_ms) == state;
}

static bool key_is_revoked(const struct rule_facts *f)
{
    return key_is_in_state(f, KEY_STATE_REVOKED);
}

static bool key_is_expired(const struct rule_facts *f)
{
    return key_is_in_state(f, KEY_STATE_EXPIRED);
}

static bool key_is_disabled(const struct rule_facts *f)
{
    return key_is_in_state(f, KEY_STATE_DISABLED);
}

static bool key_is_pending(const struct rule_facts *f)
{
    return key_is_in_state(f, KEY_STATE_PENDING);
}

static bool account_is_suspended(const struct rule_facts *f)
{
    return f->account->suspended;
}

static bool account_is_another(const struct rule_facts *f)
{
    return f->question->account.size != 0 && !slice_equal(f->question->account, f->account->id);
}

static bool environment_is_another(const struct rule_facts *f)
{
    return f->question->environment != 0 && f->key_known && f->question->environment != f->key->environment;
}

static bool secret_key_is_required(const struct rule_facts *f)
{
    return f->question->secret_only && f->key_known && f->key->type != KEY_TYPE_SECRET;
}

static bool address_is_not_allowed(const struct rule_facts *f)
{
    if (f->subject != AUTHORIZER_BY_TOKEN || f->question->names_no_address || f->key->address_count == 0)
        return false;
    for (size_t i = 0; i < f->key->address_count; i++)
        if (key_network_contains(f->key->addresses[i], f->question->remote_address))
            return false;
    return true;
}

// The rows are in ascending order, because the lowest number wins. A rule may rely on the rules above it.
static const struct {
    enum reason reason;
    bool (*is_broken)(const struct rule_facts *facts);
} rules[] = {
    {REASON_MISSING_API_KEY, token_is_missing},
    {REASON_INVALID_API_KEY, key_is_unknown},
    {REASON_REVOKED_API_KEY, key_is_revoked},
    {REASON_EXPIRED_API_KEY, key_is_expired},
    {REASON_DISABLED_API_KEY, key_is_disabled},
    {REASON_NOT_YET_VALID_API_KEY, key_is_pending},
    {REASON_ACCOUNT_SUSPENDED, account_is_suspended},
    {REASON_WRONG_ACCOUNT, account_is_another},
    {REASON_WRONG_ENVIRONMENT, environment_is_another},
    {REASON_SECRET_KEY_REQUIRED, secret_key_is_required},
    {REASON_ADDRESS_NOT_ALLOWED, address_is_not_allowed},
};

// A charge can be settled even if the key has been revoked or changed since.
static bool is_asked(enum reason reason, const struct rule_facts *facts)
{
    enum limit_mode mode = facts->question->mode;
    bool settles = mode == LIMIT_SETTLE || mode == LIMIT_REFUND || mode == LIMIT_REFUND_AMOUNT;
    return !settles || reason <= REASON_INVALID_API_KEY;
}

enum reason rule_evaluate(const struct rule_facts *facts)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (is_asked(rules[i].reason, facts) && rules[i].is_broken(facts))
            return rules[i].reason;
    return REASON_ALLOWED;
}
