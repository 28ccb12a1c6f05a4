// The rules: which of them refuse a call before any limit is looked at, and which limits apply to it. All of it pure.
#ifndef AUTHORIZER_RULE_H
#define AUTHORIZER_RULE_H

#include "authorizer/authorizer.h"

struct rule_facts {
    const struct authorizer_question *question;
    enum authorizer_subject subject;
    bool key_known;                         // found, and the presented secret is its own (by key id: found)
    const struct registry_key *key;         // valid when key_known
    const struct registry_account *account; // valid when key_known, or by account
    uint64_t now_ms;
};

// REASON_ALLOWED, or the broken rule with the lowest number; not for custom subjects. Scopes, which have the highest
// one, need the catalogue and are looked at by authorizer_decide.
enum reason rule_judge(const struct rule_facts *facts);

// Which limits apply: the tier's, an account override in place of the one with the same resource and window, the key's
// own on top. `key` may be NULL (an account's own budget). Returns how many of `out` were filled; the slices point
// where the records' do. At most LIMIT_APPLICABLE_MAX, which 8 + 8 + 8 cannot exceed.
size_t rule_collect_limits(const struct registry_tier *tier, const struct registry_account *account,
                           const struct registry_key *key, struct limit_applicable out[LIMIT_APPLICABLE_MAX]);
// The same of a custom subject.
size_t rule_collect_custom_limits(const struct authorizer_custom *custom,
                                  struct limit_applicable out[LIMIT_APPLICABLE_MAX]);

#endif
