// The name and the HTTP status of each reason.
#include "base/reason.h"

const char *reason_name(enum reason reason)
{
    switch (reason) {
    case REASON_ALLOWED:
        return "ALLOWED";
    case REASON_MISSING_API_KEY:
        return "MISSING_API_KEY";
    case REASON_INVALID_API_KEY:
        return "INVALID_API_KEY";
    case REASON_REVOKED_API_KEY:
        return "REVOKED_API_KEY";
    case REASON_EXPIRED_API_KEY:
        return "EXPIRED_API_KEY";
    case REASON_DISABLED_API_KEY:
        return "DISABLED_API_KEY";
    case REASON_NOT_YET_VALID_API_KEY:
        return "NOT_YET_VALID_API_KEY";
    case REASON_ACCOUNT_SUSPENDED:
        return "ACCOUNT_SUSPENDED";
    case REASON_WRONG_ACCOUNT:
        return "WRONG_ACCOUNT";
    case REASON_WRONG_ENVIRONMENT:
        return "WRONG_ENVIRONMENT";
    case REASON_SECRET_KEY_REQUIRED:
        return "SECRET_KEY_REQUIRED";
    case REASON_ADDRESS_NOT_ALLOWED:
        return "ADDRESS_NOT_ALLOWED";
    case REASON_INSUFFICIENT_SCOPE:
        return "INSUFFICIENT_SCOPE";
    case REASON_RATE_LIMITED:
        return "RATE_LIMITED";
    case REASON_COST_EXCEEDS_LIMIT:
        return "COST_EXCEEDS_LIMIT";
    }
    return "UNSPECIFIED";
}

unsigned reason_http_status(enum reason reason)
{
    switch (reason) {
    case REASON_ALLOWED:
        return 200;
    case REASON_MISSING_API_KEY:
    case REASON_INVALID_API_KEY:
    case REASON_REVOKED_API_KEY:
    case REASON_EXPIRED_API_KEY:
    case REASON_DISABLED_API_KEY:
    case REASON_NOT_YET_VALID_API_KEY:
        return 401;
    case REASON_ACCOUNT_SUSPENDED:
    case REASON_WRONG_ACCOUNT:
    case REASON_WRONG_ENVIRONMENT:
    case REASON_SECRET_KEY_REQUIRED:
    case REASON_ADDRESS_NOT_ALLOWED:
    case REASON_INSUFFICIENT_SCOPE:
        return 403;
    case REASON_RATE_LIMITED:
    case REASON_COST_EXCEEDS_LIMIT:
        return 429;
    }
    return 403; // a number that we do not know must never read as allowed
}
