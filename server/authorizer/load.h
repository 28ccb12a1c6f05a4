// Meters that are not in memory, brought there from the store.
#ifndef AUTHORIZER_LOAD_H
#define AUTHORIZER_LOAD_H

#include "authorizer/internal.h"

// Reads what `answer` names as absent and installs it; then the decision is to be asked for again. With a note in the
// call's: UNAVAILABLE or DATA_LOSS (the store), RESOURCE_EXHAUSTED (memory, or too many meters of custom subjects),
// FAILED_PRECONDITION (no custom subjects here).
STATUS_MUST_CHECK enum status load_absent(struct authorizer *authorizer, struct authorizer_call *call,
                                          const struct limit_call *ask, const struct limit_answer *answer);

#endif
