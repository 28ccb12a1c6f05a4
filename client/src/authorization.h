// What Verify, VerifyBatch and RateCheck share: the policy, and which meter decides.
#ifndef POSTERN_AUTHORIZATION_H
#define POSTERN_AUTHORIZATION_H

#include "call.h"

// Does the policy answer a call that ended so?
bool postern_policy_decides(enum postern_policy policy, enum postern_status status);
// The meter at `position` - 1, NULL when there is none.
const struct postern_meter *postern_binding_meter(const struct postern_meter *meters, size_t count, uint32_t position);

// One Verify, alone or in a batch. `own_id` is the charge's id where the caller gives none; it has to live as long as
// the message.
void postern_verify_to_wire(struct postern_arena *arena, const struct postern_verify_request *request,
                            const uint8_t own_id[POSTERN_ID_SIZE], Postern__V1__VerifyRequest *wire);
// All of the reply but its base.
void postern_verify_of(struct postern_arena *arena, const Postern__V1__VerifyReply *wire,
                       const Postern__V1__VerifyRequest *asked, bool by_policy, struct postern_verify_reply *reply);
// What POSTERN_FAIL_OPEN answers.
Postern__V1__VerifyReply postern_verify_open(void);

#endif
