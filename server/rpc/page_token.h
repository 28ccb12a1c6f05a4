// Room-private: page tokens. They say where a list goes on, and are valid only for the call, the query and the caller
// that they were made for. A token is: format byte, master id, a MAC over all of these and the position, the position.
#ifndef RPC_PAGE_TOKEN_H
#define RPC_PAGE_TOKEN_H

#include "secret/secret.h"

enum {
    PAGE_POSITION_MAX = 64, // a name, a key id, a sequence …: each list chooses its own
    PAGE_TOKEN_HEAD = 1 + 4 + SECRET_HASH_SIZE,
    PAGE_TOKEN_MAX = PAGE_TOKEN_HEAD + PAGE_POSITION_MAX
};

// A token is valid for this only.
struct page_token_binding {
    struct slice call;  // its name
    struct slice query; // its bytes, without page size and token
    struct slice caller;
};

// Errors:
//   RESOURCE_EXHAUSTED  the binding does not fit
//   INTERNAL            the position does not fit
STATUS_MUST_CHECK enum status page_token_format(const struct secret *secret, const struct page_token_binding *binding,
                                                struct slice position, uint8_t out[PAGE_TOKEN_MAX], size_t *size);
// False for a token that is not ours, or is another call's, query's or caller's. `position` points into the token.
bool page_token_parse(const struct secret *secret, const struct page_token_binding *binding, struct slice token,
                      struct slice *position) __attribute__((warn_unused_result));

#endif
