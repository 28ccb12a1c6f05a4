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
// What the answer of the limits means for the call: fills the decision, or says what has failed.
STATUS_MUST_CHECK enum status charge_conclude(struct authorizer *authorizer, struct authorizer_call *call,
                                              const struct limit_call *ask, const struct limit_answer *answer);

// --- usage_note.c
// Counts what a call that is done was answered, unless it leaves no trace (authorizer.h).
void usage_note_decision(struct authorizer *authorizer, const struct authorizer_call *call);
// A call made with a key as its credential is a use of the key, whatever the call.
void usage_note_identity(struct authorizer *authorizer, const struct authorizer_decision *decision,
                         struct slice remote_address);

#endif
