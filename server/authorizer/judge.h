// The registry's half of a decision: who is it, and does any rule refuse?
#ifndef AUTHORIZER_JUDGE_H
#define AUTHORIZER_JUDGE_H

#include "authorizer/internal.h"

// Empties what an earlier try of the call left.
void judge_begin(struct authorizer_call *call);
// Is the registry's state as new as the call wants? UNAVAILABLE. To be asked before the snapshot is taken, which is
// then at least that new.
STATUS_MUST_CHECK enum status judge_seq(struct authorizer *authorizer, struct authorizer_call *call);
// Inside the call's snapshot: fills the decision and, when no rule refuses, the tier.
STATUS_MUST_CHECK enum status judge_call(struct authorizer *authorizer, struct authorizer_call *call,
                                         struct registry_tier *tier);

#endif
