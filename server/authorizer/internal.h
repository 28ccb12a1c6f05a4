// What the files of the authorizer share: authorizer.c decides, with the rules of rule.c and the scopes of scopes.c;
// answer.c says what the answers of the limits mean; usage.c notes decisions.
#ifndef AUTHORIZER_INTERNAL_H
#define AUTHORIZER_INTERNAL_H

#include "authorizer/authorizer.h"

#include <pthread.h>

enum { USAGE_VIEWS_MAX = 16 };

struct authorizer {
    struct registry *registry;
    struct meter_cache *meters;
    struct clock *clock;

    struct usage *usage;
    struct store *usage_store;
    pthread_mutex_t usage_views_lock;
    struct store_txn *usage_views[USAGE_VIEWS_MAX]; // not begun
    size_t usage_view_count;
};

// The questions of a batch to the limits, and their answers: one of each for each call.
struct authorizer_limits {
    struct limit_call *asks;
    struct limit_answer *answers;
    struct meter_load *loads;
    // Room for a single call, which then takes no memory from the arena.
    struct limit_call ask;
    struct limit_answer answer;
    struct meter_load load;
};

static inline bool authorizer_is_allowed(const struct authorizer_call *call)
{
    return call->status == STATUS_OK && call->decision.reason == REASON_ALLOWED;
}

static inline enum status authorizer_no_memory(struct authorizer_call *call)
{
    return status_fail(&call->failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
}

// --- scopes.c
// Lists in the decision what the key lacks of the scopes that the call needs.
// Errors: RESOURCE_EXHAUSTED when memory is out; those of registry_find_scope.
STATUS_MUST_CHECK enum status authorizer_list_missing_scopes(struct authorizer_batch *batch,
                                                             struct authorizer_call *call);

// --- answer.c
extern const struct limit_charge authorizer_one_request; // what a call without charges costs

// Says in batch->refused which call is the first that failed or was refused.
void authorizer_note_refusal(struct authorizer_batch *batch);
// Turns the verdict and answers of the limits into the decisions of the calls, or the failures of calls or batch.
void authorizer_conclude(struct authorizer *authorizer, struct authorizer_batch *batch,
                         const struct authorizer_limits *limits, enum limit_verdict verdict);

// --- usage.c
// Counts the decision of a finished call, unless authorizer.h says that it is not noted.
void authorizer_note_decision(struct authorizer *authorizer, const struct authorizer_call *call);
// Counts a use of the key that a call has as its credential, whatever the call is.
void authorizer_note_identity(struct authorizer *authorizer, const struct authorizer_decision *decision,
                              struct slice remote_address);

#endif
