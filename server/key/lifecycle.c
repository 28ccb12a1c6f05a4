// Derives the state of a key from what is stored about it.
#include "key/key.h"

enum key_state key_state(const struct key_facts *facts, uint64_t account_revoked_before_ms, uint64_t now_ms)
{
    bool revoked_with_account = account_revoked_before_ms != 0 && facts->created_at_ms <= account_revoked_before_ms;
    if (facts->revoked_at_ms != 0 || revoked_with_account)
        return KEY_STATE_REVOKED;
    if (facts->expires_at_ms != 0 && now_ms >= facts->expires_at_ms)
        return KEY_STATE_EXPIRED;
    if (facts->disabled)
        return KEY_STATE_DISABLED;
    if (now_ms < facts->not_before_ms)
        return KEY_STATE_PENDING;
    return facts->has_successor ? KEY_STATE_ROLLING : KEY_STATE_ACTIVE;
}

const char *key_state_name(enum key_state state)
{
    switch (state) {
    case KEY_STATE_ACTIVE:
        return "ACTIVE";
    case KEY_STATE_ROLLING:
        return "ROLLING";
    case KEY_STATE_DISABLED:
        return "DISABLED";
    case KEY_STATE_EXPIRED:
        return "EXPIRED";
    case KEY_STATE_REVOKED:
        return "REVOKED";
    case KEY_STATE_PENDING:
        return "PENDING";
    }
    return "UNSPECIFIED";
}
