// Room-private: who is calling, and what may he do.
//
// What a caller may be is a set, because one credential can be good for several things. A uid is an operator or a
// verifier; a credential is what the scopes of the namespace postern: say that its key has, each matched exactly. The
// listener's ceiling then cuts the set. What each call takes is in the table of route.c.
#ifndef RPC_AUTHORITY_H
#define RPC_AUTHORITY_H

#include "rpc/call.h"

enum authority {             // or'ed; 0 = anyone
    AUTHORITY_VERIFY = 1,    // Verify, VerifyBatch, and RateCheck of its own account
    AUTHORITY_RATECHECK = 2, // RateCheck on any account
    AUTHORITY_ADMIN = 4,     // account-admin: the keys of its own account
    AUTHORITY_OPERATOR = 8   // everything
};

// --- pure rules

unsigned authority_of_uid(const struct call_server *server, uint32_t uid);
// Of a verified certificate; 0 unless the configuration says more. An empty subject is nobody's.
unsigned authority_of_subject(const struct call_server *server, const char *subject);
unsigned authority_of_key(const struct registry_key *key);
// The most that a listener with this ceiling gives. An operator is a verifier there, but never an admin: of no account.
unsigned authority_under(enum rpc_authority ceiling);

// --- of a call

// Fills call->caller from the credential, when one was sent (it overrides the uid, even root's), else from the
// connection; then cuts it by the ceiling. UNAUTHENTICATED: the credential is no good; call->word says why, in the
// words of a decision. UNAVAILABLE and others as registry_find_*.
STATUS_MUST_CHECK enum status authority_resolve(struct call *call);
// Has the caller any of `needs` (0: nothing is needed)? PERMISSION_DENIED with a note in call->note that names what is
// missing; UNAUTHENTICATED where a credential is required and none was sent.
STATUS_MUST_CHECK enum status authority_require(struct call *call, unsigned needs);

// May the caller see and change what belongs to this account? To anybody else it is NOT_FOUND.
bool authority_covers_account(const struct call *call, struct slice account);
// May the caller RateCheck this account and its keys?
bool authority_covers_rate_check(const struct call *call, struct slice account);

#endif
