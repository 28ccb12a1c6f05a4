// The limits' half of a decision: which limits apply, the meters brought into memory, and what they say.
#ifndef AUTHORIZER_CHARGE_H
#define AUTHORIZER_CHARGE_H

#include "authorizer/authorizer.h"

// For a call whose facts are in its decision and that no rule refuses: charges all of it or nothing. As
// authorizer_decide.
enum authorizer_progress charge_decide(struct authorizer *authorizer, struct authorizer_call *call,
                                       const struct registry_tier *tier);

#endif
