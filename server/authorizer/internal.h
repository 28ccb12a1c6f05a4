// What the files of the authorizer share: authorizer.c decides, with the rules of rule.c, the scopes of scopes.c and
// the limits of applicable.c; answer.c says what the answers of the limits mean; usage.c notes decisions, refusal.c
// counts those that limits refuse.
#ifndef AUTHORIZER_INTERNAL_H
#define AUTHORIZER_INTERNAL_H

#include "authorizer/authorizer.h"

#include <pthread.h>
#include <stdatomic.h>

// --- refusal.c
struct refusal_entry;
struct refusals {
    pthread_mutex_t mutex; // of whoever adds one; entries stay until the end
    size_t count;
    _Atomic(struct refusal_entry *) slots[2 * AUTHORIZER_REFUSALS_MAX];
    atomic_uint_fast64_t others; // that are in no entry
};
void refusals_init(struct refusals *refusals); // it is zero
void refusals_wipe(struct refusals *refusals);
// Counts a decision that a limit has refused.
void refusal_note(struct refusals *refusals, const struct authorizer_decision *decision);

struct authorizer {
    struct zone_table *zones;
    struct registry *registry;
    struct meter_cache *meters;
    struct clock *clock;
    struct usage *usage;
    struct refusals refusals;
};

// The questions of a batch to the limits, and their answers: one of each for each call.
struct authorizer_limits {
    struct limit_call *limit_calls;
    struct limit_answer *answers;
    struct meter_load *loads;
    // Room for a single call, which then takes no memory from the arena.
    struct limit_call limit_call;
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

// --- rule.c
struct rule_facts {
    const struct authorizer_question *question;
    enum authorizer_subject subject;
    bool key_known;                         // it was found, and the presented secret is right (by key id: found)
    const struct registry_key *key;         // valid when key_known
    const struct registry_account *account; // valid when key_known, or by account
    uint64_t now_ms;
};

// Returns the broken rule with the lowest number, or REASON_ALLOWED; not for custom subjects. authorizer_decide checks
// scopes, which have the highest number and need the catalogue.
enum reason rule_evaluate(const struct rule_facts *facts);

// --- scopes.c
// Lists in the decision what the key lacks of the scopes that the call needs.
// Errors:
//   RESOURCE_EXHAUSTED  memory is out
//   others              those of registry_find_scope
STATUS_MUST_CHECK enum status authorizer_list_missing_scopes(struct authorizer_batch *batch,
                                                             struct authorizer_call *call);

// --- applicable.c
extern const struct limit_charge authorizer_one_request; // what a call without charges costs

// Lists the limits that apply: the tier's limits, each replaced by an account override with the same resource and
// window, and the key's own limits. `key` may be NULL (an account's own budget); `owner` is the account's name
// (registry_life_name). Returns how many of `out` were filled; their slices point where the records' slices do.
// 8 + 8 + 8 limits always fit.
size_t applicable_limits(const struct registry_tier *tier, const struct registry_account *account,
                         const struct registry_key *key, struct slice owner,
                         struct limit_applicable out[LIMIT_APPLICABLE_MAX]);
// Does the same for a custom subject.
size_t applicable_custom_limits(const struct authorizer_custom *custom,
                                struct limit_applicable out[LIMIT_APPLICABLE_MAX]);
// Fills in the question: the limits that apply to the call, and what it charges them. The batch's snapshot has begun.
// Sets call->status.
void authorizer_find_applicable_limits(struct zone_table *zones, struct authorizer_batch *batch,
                                       struct authorizer_call *call, struct limit_call *limit_call);

// --- answer.c
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
