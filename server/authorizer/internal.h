// What the files of the authorizer share: authorizer.c decides, with the rules of rule.c; charge.c says what the
// limits' answers mean; usage_note.c notes decisions.
#ifndef AUTHORIZER_INTERNAL_H
#define AUTHORIZER_INTERNAL_H

#include "authorizer/authorizer.h"

#include <pthread.h>

enum { USAGE_VIEWS_KEPT = 16 };

struct authorizer {
    struct registry *registry;
    struct meter_cache *meters;
    struct clock *clock;

    struct usage *usage;
    struct store *usage_store;
    pthread_mutex_t usage_views_lock;
    struct store_txn *usage_views[USAGE_VIEWS_KEPT]; // not begun
    size_t usage_view_count;
};

extern const struct limit_charge charge_one_request; // what a call without charges costs

// --- charge.c
// Turns the answer of the limits into the call's decision. When that is none, call->failure says why.
// Errors:
//   NOT_FOUND            no limit declares the resource of a charge
//   ALREADY_EXISTS       charge_id names another charge, or one that was given back
//   FAILED_PRECONDITION  there is nothing to give back, or other charges are; call->word says which
//   INTERNAL             the answer is of the whole batch, not of one call
STATUS_MUST_CHECK enum status charge_conclude(struct authorizer *authorizer, struct authorizer_call *call,
                                              const struct limit_call *ask, const struct limit_answer *answer);

// --- usage_note.c
// Counts the decision of a finished call, unless authorizer.h says that it is not noted.
void usage_note_decision(struct authorizer *authorizer, const struct authorizer_call *call);
// Counts a use of the key that a call has as its credential, whatever the call is.
void usage_note_identity(struct authorizer *authorizer, const struct authorizer_decision *decision,
                         struct slice remote_address);

#endif
