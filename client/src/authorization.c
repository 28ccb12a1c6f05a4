#include "authorization.h"

#include "error.h"

bool postern_policy_decides(const struct postern *client, enum postern_status status)
{
    bool could_not_ask = status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED;
    return could_not_ask && client->policy == POSTERN_FAIL_OPEN;
}

enum postern_status postern_perform_or_decide(struct postern *client, struct postern_ask *ask,
                                              const ProtobufCMessage *open, struct postern_reply_box **box,
                                              bool *by_policy, struct postern_error *error)
{
    enum postern_status status = postern_ask_perform(client, ask, box, error);
    *by_policy = open != NULL && postern_policy_decides(client, status);
    if (!*by_policy)
        return status;
    *box = postern_reply_made(open);
    return *box != NULL ? POSTERN_OK : postern_fail_memory(error);
}

const struct postern_meter *postern_binding_meter(const struct postern_meter *meters, size_t count, uint32_t position)
{
    return meters != NULL && position >= 1 && position <= count ? &meters[position - 1] : NULL;
}
