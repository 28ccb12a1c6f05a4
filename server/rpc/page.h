// Room-private: page tokens. They say where a list goes on, and are good only for the query and the caller that they
// were made for: format byte, master id, last id, and a MAC over those, the query and the caller.
#ifndef RPC_PAGE_H
#define RPC_PAGE_H

#include "key/key.h"
#include "secret/secret.h"

enum { PAGE_TOKEN_SIZE = 1 + 4 + KEY_ID_SIZE + SECRET_HASH_SIZE };

// What a token is bound to.
struct page_binding {
    struct slice query; // bytes of the list call, without page size and token
    struct slice caller;
};

// RESOURCE_EXHAUSTED when the binding does not fit.
STATUS_MUST_CHECK enum status page_token_format(const struct secret *secret, const struct page_binding *binding,
                                                const uint8_t last[KEY_ID_SIZE], uint8_t out[PAGE_TOKEN_SIZE]);
// False for a token that is not ours, or is another query's or caller's.
bool page_token_parse(const struct secret *secret, const struct page_binding *binding, struct slice token,
                      uint8_t last[KEY_ID_SIZE]) __attribute__((warn_unused_result));

#endif
