// What is known of each reason: one row each.
#include "base/reason.h"

static const char NO_KEY[] = "it is not the token of a key of this installation: check that it is complete";

static const struct {
    enum reason reason;
    unsigned http_status;
    const char *name, *of_credential;
} rows[] = {
    {REASON_ALLOWED, 200, "ALLOWED", NO_KEY},
    {REASON_MISSING_API_KEY, 401, "MISSING_API_KEY", NO_KEY},
    {REASON_INVALID_API_KEY, 401, "INVALID_API_KEY", NO_KEY},
    {REASON_REVOKED_API_KEY, 401, "REVOKED_API_KEY", "its key is revoked, which is final: use another one"},
    {REASON_EXPIRED_API_KEY, 401, "EXPIRED_API_KEY",
     "its key has expired: use another one, or the successor that it was rolled to"},
    {REASON_DISABLED_API_KEY, 401, "DISABLED_API_KEY", "its key is disabled: enable it, or use another one"},
    {REASON_NOT_YET_VALID_API_KEY, 401, "NOT_YET_VALID_API_KEY", "its key does not work yet: wait, or use another one"},
    {REASON_ACCOUNT_SUSPENDED, 403, "ACCOUNT_SUSPENDED", "its key's account is suspended"},
    {REASON_WRONG_ACCOUNT, 403, "WRONG_ACCOUNT", NO_KEY},
    {REASON_WRONG_ENVIRONMENT, 403, "WRONG_ENVIRONMENT", NO_KEY},
    {REASON_SECRET_KEY_REQUIRED, 403, "SECRET_KEY_REQUIRED",
     "it is a public key's token, which many know: use a secret key's"},
    {REASON_ADDRESS_NOT_ALLOWED, 403, "ADDRESS_NOT_ALLOWED",
     "its key may not be used from this address (over ipc none is known)"},
    {REASON_INSUFFICIENT_SCOPE, 403, "INSUFFICIENT_SCOPE", NO_KEY},
    {REASON_RATE_LIMITED, 429, "RATE_LIMITED", NO_KEY},
    {REASON_COST_EXCEEDS_LIMIT, 429, "COST_EXCEEDS_LIMIT", NO_KEY},
};
_Static_assert(sizeof rows / sizeof rows[0] == REASON_COUNT, "each reason has a row");

enum reason reason_at(size_t index)
{
    return rows[index].reason;
}

size_t reason_index(uint32_t reason)
{
    size_t i = 0;
    while (i < REASON_COUNT && (uint32_t)rows[i].reason != reason)
        i++;
    return i;
}

const char *reason_name(enum reason reason)
{
    size_t i = reason_index((uint32_t)reason);
    return i < REASON_COUNT ? rows[i].name : "UNSPECIFIED";
}

// A number that we do not know must never read as allowed.
unsigned reason_http_status(enum reason reason)
{
    size_t i = reason_index((uint32_t)reason);
    return i < REASON_COUNT ? rows[i].http_status : 403;
}

const char *reason_of_credential(enum reason reason)
{
    size_t i = reason_index((uint32_t)reason);
    return i < REASON_COUNT ? rows[i].of_credential : NO_KEY;
}
