// The decision: may this key do this, now? Facts from the registry, pure rules, then all limits at once.
//
// Notes each decision in the usage, once, but for peeks, repeated charges, refunds and custom subjects.
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
    struct store *usage_store;  // the one that `usage` is in; NULL when there is none
    struct clock *clock;
};

STATUS_MUST_CHECK enum status authorizer_open(const struct authorizer_options *options, struct authorizer **out,
                                              struct status_note *note);
void authorizer_close(struct authorizer *authorizer); // calls must have ended; NULL-safe

// What a call asks, beyond the subject.
struct authorizer_question {
    struct slice token; // the presented token; empty = missing
    struct slice *scopes;
    size_t scope_count;
    struct slice account;             // empty = any
    enum key_environment environment; // 0 = any
    bool secret_only;
    struct slice remote_address;  // empty = not given
    struct limit_charge *charges; // none: one `requests`
    size_t charge_count;
    bool peek;
    // Give back what charge_id was charged, instead of charging; no charges: all of it. Of the rules only those are
    // asked that say whose key it is.
    bool refund;
    struct slice charge_id; // as struct limit_call's, or empty; not looked at when peeking
    bool charge_is_lasting; // likewise
};

enum authorizer_subject { AUTHORIZER_BY_TOKEN, AUTHORIZER_BY_KEY_ID, AUTHORIZER_BY_ACCOUNT, AUTHORIZER_BY_CUSTOM };

// AUTHORIZER_BY_CUSTOM: a subject of its own, whose limits come with the call. The registry is not asked.
struct authorizer_custom {
    struct slice name;          // namespace, NUL, identifier
    const struct limit *limits; // complete; at most LIMIT_PER_OWNER_MAX
    size_t limit_count;
    bool relaxed; // do not wait for the disk
};

struct authorizer_meter {
    struct limit_view view; // its times are daemon time
    enum limit_subject subject;
    struct limit limit;
    uint64_t reset_at_wall_ms;
    uint64_t retry_after_ms; // 0 = fits now or never
};

struct authorizer_decision {
    enum reason reason;
    bool has_key_id; // also with INVALID_API_KEY, when the text carried one
    uint8_t key_id[KEY_ID_SIZE];
    bool has_key; // key is known to the presenter: everything below is set
    struct registry_key key;
    bool has_account;
    struct registry_account account;
    struct slice *missing_scopes;
    size_t missing_scope_count;
    struct authorizer_meter *meters;
    size_t meter_count;
    size_t binding_meter; // index + 1, 0 none
    uint64_t retry_after_ms;
    bool repeated;   // allowed by an earlier call with this charge_id: nothing was charged
    uint64_t now_ms; // when the key was judged
    uint64_t seq;    // of the snapshot, or a little older
};

struct authorizer_call {
    // in
    enum authorizer_subject subject;
    uint8_t key_id[KEY_ID_SIZE]; // AUTHORIZER_BY_KEY_ID
    struct authorizer_custom custom;
    struct authorizer_question question;
    // out
    // OK: `decision` is valid; NOT_FOUND (key id, account, resource), ALREADY_EXISTS (charge_id is of another charge),
    // FAILED_PRECONDITION (nothing to give back), RESOURCE_EXHAUSTED, UNAVAILABLE, …
    enum status status;
    struct status_note note; // field is relative to the call: "charges[0].resource", "account", "key_id"
    const char *word;        // with FAILED_PRECONDITION: which, for programs ("CHARGE_UNKNOWN"); else NULL
    struct authorizer_decision decision;
};

// Calls that are decided as one, over one snapshot: all are allowed and charged, or nobody is charged. One call is a
// batch of one. Zeroed before the first authorizer_decide, and left alone between its repetitions.
struct authorizer_batch {
    // in
    struct authorizer_call *calls; // 1 to LIMIT_CALLS_MAX; all peek or none; of several, none is custom or a refund
    size_t call_count;
    struct store_txn *view; // of the registry, not begun: each try begins and ends it
    struct arena *arena;    // what is found out; each try takes its memory anew
    struct arena *scratch;  // for what only judging needs, emptied for each call; NULL: from `arena`
    // After AUTHORIZER_WAITING: OK = call authorizer_decide again; else answer that status. May be called before
    // authorizer_decide has returned to the caller on another thread.
    void (*resume)(struct authorizer_batch *batch, enum status status);
    void *context;
    // out
    enum status status;      // OK: see the calls; else a failure that is about none of them, and nothing was charged
    struct status_note note; // then why; field is relative to the call
    // Index + 1 of the first call that failed or was refused. Then those that say ALLOWED were not charged, and are not
    // allowed either. 0: all are.
    size_t refused;
    struct limit_waiter waiter; // the authorizer's
};

enum authorizer_progress { AUTHORIZER_DONE, AUTHORIZER_WAITING };

// Decides and charges. After AUTHORIZER_WAITING nothing in `batch` may be touched until `resume`.
enum authorizer_progress authorizer_decide(struct authorizer *authorizer, struct authorizer_batch *batch);

// Who a credential belongs to, judged like a presented key that must be secret: state, account, address. Charges
// nothing.
struct authorizer_identity {
    enum reason reason; // ALLOWED, else why it is no good; then the rest is not set
    struct registry_key key;
    struct registry_account account;
};
// `view` is not begun. OK, or as registry_find_*. `address`: where the caller is, empty = unknown (a key with an
// address list is then refused).
STATUS_MUST_CHECK enum status authorizer_identify(struct authorizer *authorizer, struct store_txn *view,
                                                  struct arena *arena, struct slice token, struct slice address,
                                                  struct authorizer_identity *out);

// What was noted, for reading: the usage with a snapshot of its store. `usage` is NULL where nothing is noted, and then
// there is no snapshot.
struct authorizer_usage {
    struct usage *usage;
    struct store_txn *view;
};
// Any thread; end it within a second. RESOURCE_EXHAUSTED, UNAVAILABLE: there is nothing to end.
STATUS_MUST_CHECK enum status authorizer_usage_begin(struct authorizer *authorizer, struct authorizer_usage *out);
void authorizer_usage_end(struct authorizer *authorizer, struct authorizer_usage *usage);

#endif
