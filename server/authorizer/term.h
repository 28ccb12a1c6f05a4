// Which limits apply: the tier's, an account override in place of the one with the same resource and window, the key's
// own on top. Pure.
#ifndef AUTHORIZER_TERM_H
#define AUTHORIZER_TERM_H

#include "authorizer/authorizer.h"

// `key` may be NULL (an account's own budget). Returns how many of `out` were filled; the slices point where the
// records' do. At most LIMIT_TERMS_MAX, which 8 + 8 + 8 cannot exceed.
size_t term_collect(const struct registry_tier *tier, const struct registry_account *account,
                    const struct registry_key *key, struct limit_term out[LIMIT_TERMS_MAX]);
// The same of a custom subject.
size_t term_collect_custom(const struct authorizer_custom *custom, struct limit_term out[LIMIT_TERMS_MAX]);

#endif
