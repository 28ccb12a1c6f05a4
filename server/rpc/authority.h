// Room-private: who is calling, and what may he do.
#ifndef RPC_AUTHORITY_H
#define RPC_AUTHORITY_H

#include "rpc/call.h"

const char *authority_name(enum rpc_authority authority); // "verifier" …

// Fills call->caller from the credential, when one was sent (it overrides the uid, even root's), else from the
// connection; then caps it by the listener's ceiling. UNAUTHENTICATED: the credential is not valid.
STATUS_MUST_CHECK enum status authority_resolve(struct call *call);
// PERMISSION_DENIED with a note in call->note that names what is missing.
STATUS_MUST_CHECK enum status authority_require(struct call *call, enum rpc_authority least);
// May the caller see and change what belongs to this account? To anybody else it is NOT_FOUND.
bool authority_covers_account(const struct call *call, struct slice account);

#endif
