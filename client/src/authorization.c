#include "authorization.h"

bool postern_policy_decides(enum postern_policy policy, enum postern_status status)
{
    bool could_not_ask = status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED;
    return could_not_ask && policy == POSTERN_FAIL_OPEN;
}

const struct postern_meter *postern_binding_meter(const struct postern_meter *meters, size_t count, uint32_t position)
{
    return meters != NULL && position >= 1 && position <= count ? &meters[position - 1] : NULL;
}
