// The limits' half of a decision: which limits apply, the meters brought into memory, and what they say.
#ifndef AUTHORIZER_CHARGE_H
#define AUTHORIZER_CHARGE_H

#include "authorizer/internal.h"

// A meter that is evicted again and again between load and decision; each turn needs an eviction by somebody else.
enum { CHARGE_LOADS_MAX = 64 };

// For a call whose facts are in its decision and that no rule refuses: charges all of it or nothing. As
// authorizer_decide.
enum authorizer_progress charge_decide(struct authorizer *authorizer, struct authorizer_call *call,
                                       const struct registry_tier *tier);

// Its parts: what the limits are asked, and what their answer means for the call. The statuses are the call's.
STATUS_MUST_CHECK enum status charge_prepare(struct authorizer_call *call, const struct registry_tier *tier,
                                             struct limit_call *ask);
STATUS_MUST_CHECK enum status charge_conclude(struct authorizer *authorizer, struct authorizer_call *call,
                                              const struct limit_call *ask, const struct limit_answer *answer);

#endif
