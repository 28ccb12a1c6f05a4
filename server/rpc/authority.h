// Room-private: who is calling, and what the caller may do.
//
// A caller's authorities are a set, because one credential can be good for several things. A uid is an operator or a
// verifier. A credential has the authorities that its key's scopes in the namespace postern: name, each matched
// exactly. The listener's ceiling then cuts the set. The table of route.c says which authority each call needs.
#ifndef RPC_AUTHORITY_H
#define RPC_AUTHORITY_H

#include "rpc/call.h"

enum authority {             // or'ed; 0 = anyone
    AUTHORITY_VERIFY = 1,    // Verify, VerifyBatch, and RateCheck of its own account
    AUTHORITY_RATECHECK = 2, // RateCheck on any account
    AUTHORITY_ADMIN = 4,     // account-admin: the keys of its own account, and what is left of its limits
    AUTHORITY_OPERATOR = 8   // everything
};
enum { AUTHORITY_KEEPERS = AUTHORITY_ADMIN | AUTHORITY_OPERATOR }; // of keys

// --- pure

unsigned authority_of_key(const struct registry_key *key);
// Returns the most that a listener with this ceiling gives.
unsigned authority_under(enum rpc_ceiling ceiling);

// --- of a call

// Fills call->caller from the credential if one was sent (it overrides the uid, even root's), otherwise from the
// connection; then cuts its authorities by the ceiling.
// Errors:
//   UNAUTHENTICATED  the credential is refused; call->status_reason is the reason's name
//   others           as authorizer_identify
STATUS_MUST_CHECK enum status authority_resolve(struct call *call);
// Has the caller any of `needs` (0: nothing is needed)? If not, call->failure names what is missing.
// Errors:
//   PERMISSION_DENIED  it has none
//   UNAUTHENTICATED    it has none, and a credential must be sent
STATUS_MUST_CHECK enum status authority_require(struct call *call, unsigned needs);

// May the caller see and change what belongs to this account? All other callers are told NOT_FOUND.
bool authority_covers_account(const struct call *call, struct slice account);
// The same of a key: one that was made in a former life of its account's id is no key of the caller's.
bool authority_covers_key(const struct call *call, const struct registry_key *key);
// May the caller RateCheck this account, or this key? (An account-admin: look at what is left.)
bool authority_covers_rate_check(const struct call *call, struct slice account);
bool authority_covers_rate_check_of_key(const struct call *call, const struct registry_key *key);

#endif
