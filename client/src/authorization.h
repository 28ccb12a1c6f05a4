// What Verify, VerifyBatch and RateCheck share: the policy, and which meter decides.
#ifndef POSTERN_AUTHORIZATION_H
#define POSTERN_AUTHORIZATION_H

#include "call.h"

// Does the policy answer a call that ended so?
bool postern_policy_decides(const struct postern *client, enum postern_status status);
// As postern_ask_perform; when posternd could not be asked, under POSTERN_FAIL_OPEN the answer is `open` and *by_policy
// true. NULL: the policy has no say.
enum postern_status postern_perform_or_decide(struct postern *client, struct postern_ask *ask,
                                              const ProtobufCMessage *open, struct postern_reply_box **box,
                                              bool *by_policy, struct postern_error *error);
// The meter at `position` - 1, NULL when there is none.
const struct postern_meter *postern_binding_meter(const struct postern_meter *meters, size_t count, uint32_t position);

#endif
