// The decision: may this key do this, now? Facts from the registry, pure rules, then all limits at once.
//
// Notes each decision in the usage, once, except peeks, repeated charges, settlements and custom subjects.
// Threads: authorizer_decide, authorizer_identify: any thread, with a batch and a view of its own; never block on I/O.
// When units have to be set aside on disk first, the answer is AUTHORIZER_WAITING and `resume` is called from the
// meters' writer thread.
// Time: the fenced clock; expiry and limits use the same.
#ifndef AUTHORIZER_AUTHORIZER_H
#define AUTHORIZER_AUTHORIZER_H

#include "base/reason.h"
#include "meter/meter.h"
#include "registry/registry.h"
#include "usage/usage.h"

struct authorizer;

struct authorizer_options {
    struct registry *registry;  // outlives the authorizer, as do the others
    struct meter_cache *meters; // of all limits
    struct usage *usage;        // NULL: nothing is noted
    struct clock *clock;
    struct zone_table *zones; // of accounts and tiers; NULL: all have the installation's
};

// Errors: RESOURCE_EXHAUSTED when memory is out.
STATUS_MUST_CHECK enum status authorizer_open(const struct authorizer_options *options, struct authorizer **out,
                                              struct status_failure *failure);
void authorizer_close(struct authorizer *authorizer); // calls must have ended; NULL-safe

// Refusals by limits since the start, by the account's tier and the resource of the limit that decided. As a decision
// is noted in the usage, so is it here. Both names are empty for what is not counted apart: pairs beyond the maximum,
// and resources that only keys' own limits have.
enum { AUTHORIZER_REFUSALS_MAX = 256 };
struct authorizer_refusal {
    struct slice tier; // of an account without one: empty
    struct slice resource;
    uint64_t count;
};
// Returns how many it has written. The names live as long as the authorizer. Any thread.
size_t authorizer_list_refusals(struct authorizer *authorizer,
                                struct authorizer_refusal out[AUTHORIZER_REFUSALS_MAX + 1]);

// Scopes of which any one is enough.
struct authorizer_need {
    struct slice *any_of;
    size_t count;
};

// A call's question, beyond the subject.
struct authorizer_question {
    struct slice token;            // the presented token; empty = missing
    struct authorizer_need *needs; // scopes: all of these
    size_t need_count;
    struct slice account;             // empty = any
    enum key_environment environment; // 0 = any
    bool secret_only;
    struct slice remote_address;  // empty = not given
    bool names_no_address;        // the call has no such field: a key's address list is not looked at
    struct limit_charge *charges; // none: one `requests`
    size_t charge_count;
    bool peek;
    bool shows_all; // a peek without charges: it reports of every limit that applies
    // As in struct limit_call. To settle a charge or give it back, only the rules are asked that find out whose key it
    // is; an overdraw is evaluated like any charge, but no limit refuses it.
    enum limit_mode mode;
    struct slice charge_id; // as in struct limit_call, or empty; ignored when peeking
    bool charge_is_lasting; // as is_lasting there
};

enum authorizer_subject { AUTHORIZER_BY_TOKEN, AUTHORIZER_BY_KEY_ID, AUTHORIZER_BY_ACCOUNT, AUTHORIZER_BY_CUSTOM };

// The subject of AUTHORIZER_BY_CUSTOM, whose limits come with the call. The registry is not asked.
struct authorizer_custom {
    struct slice name;          // namespace, NUL, identifier
    const struct limit *limits; // complete; at most LIMIT_PER_RECORD_MAX
    size_t limit_count;
    bool relaxed;   // do not wait for the disk
    uint32_t maker; // as in struct limit_call
};

struct authorizer_meter {
    struct limit_standing standing; // its times are daemon time
    enum limit_subject subject;
    struct limit limit;
    uint64_t reset_at_wall_ms;
    uint64_t retry_after_ms; // 0 = fits now or never
};

struct authorizer_decision {
    enum reason reason;
    bool has_key_id; // also with INVALID_API_KEY, when the text carried one
    uint8_t key_id[KEY_ID_SIZE];
    bool has_key; // the presenter knows the key: everything below is set
    struct registry_key key;
    struct registry_successor successor; // of a token's key that is rolling; `works` is false for all others
    bool has_account;
    struct registry_account account;
    struct slice *missing_scopes; // for each need that is not met: its scopes, with '|' between them
    size_t missing_scope_count;
    struct authorizer_meter *meters;
    size_t meter_count;
    size_t binding_meter; // index + 1, 0 none
    uint64_t retry_after_ms;
    bool repeated;   // an earlier call with this charge_id was allowed: nothing was charged
    uint64_t now_ms; // when the key was evaluated
    uint64_t seq;    // sequence of the snapshot, or a slightly older one
};

struct authorizer_call {
    // in
    enum authorizer_subject subject;
    uint8_t key_id[KEY_ID_SIZE]; // AUTHORIZER_BY_KEY_ID
    struct authorizer_custom custom;
    struct authorizer_question question;
    // out
    // OK: `decision` is valid.
    // Errors:
    //   NOT_FOUND            there is no such key id or account, or no limit declares the resource
    //   ALREADY_EXISTS       charge_id names another charge, or one that was given back
    //   FAILED_PRECONDITION  there is nothing to settle, or this daemon has no custom subjects
    //   others               as registry_find_* and the loads of meter_decide
    enum status status;
    struct status_failure failure; // field is relative to the call: "charges[0].resource", "account", "key_id"
    const char *status_reason;     // for programs: the case of FAILED_PRECONDITION ("CHARGE_UNKNOWN"), that of a
                                   // meter_load; or NULL
    uint32_t retry_after_ms;       // as in struct meter_load
    struct authorizer_decision decision;
};

// Calls that are decided as one, over one snapshot: either all are allowed and charged, or none is charged. One call is
// a batch of one. Zero it before the first authorizer_decide, and leave it alone between repetitions.
struct authorizer_batch {
    // in
    struct authorizer_call *calls; // 1 to LIMIT_CALLS_MAX; all peek or none; of several, none is custom, all consume
    size_t call_count;
    struct store_txn *view; // of the registry, not begun: each try begins and ends it
    struct arena *arena;    // holds the decisions; each try takes its memory anew
    struct arena *scratch;  // holds what only the rules need, emptied for each call; NULL: `arena` is used
    // Called after AUTHORIZER_WAITING. OK: call authorizer_decide again; otherwise answer that status. It may be called
    // on another thread before authorizer_decide has returned.
    void (*resume)(struct authorizer_batch *batch, enum status status);
    // out
    // OK: see the calls; otherwise the batch as a whole has failed, and nothing was charged.
    // Errors:
    //   RESOURCE_EXHAUSTED  memory or the store's readers are out
    //   UNAVAILABLE         the registry cannot be read, or meters are evicted too fast
    enum status status;
    struct status_failure failure; // says why; field is relative to the call
    // Index + 1 of the first call that failed or was refused; 0 when all are allowed. If there is one, calls that say
    // ALLOWED were not charged and do not count as allowed.
    size_t refused;
    struct limit_waiter waiter; // used by the authorizer only
};

enum authorizer_progress { AUTHORIZER_DONE, AUTHORIZER_WAITING };

// Decides and charges. After AUTHORIZER_WAITING nothing in `batch` may be touched until `resume`.
enum authorizer_progress authorizer_decide(struct authorizer *authorizer, struct authorizer_batch *batch);

// The owner of a credential.
struct authorizer_identity {
    enum reason reason; // ALLOWED, or why the credential is refused; then the rest is not set
    struct registry_key key;
    struct registry_account account;
};
// Finds the owner of a credential, which is evaluated like a presented key that must be secret: state, account,
// address. Charges nothing, but notes the use of the key. `view` is not begun. `address` is the caller's; empty =
// unknown (a key with an address list is then refused). Errors:
//   RESOURCE_EXHAUSTED  the arena is out
//   UNAVAILABLE         the registry cannot be read
//   DATA_LOSS           a record does not decode, or the key's account is missing
STATUS_MUST_CHECK enum status authorizer_identify(struct authorizer *authorizer, struct store_txn *view,
                                                  struct arena *arena, struct slice token, struct slice address,
                                                  struct authorizer_identity *out);

#endif
