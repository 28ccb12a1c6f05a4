// The rules that refuse a call before any limit is looked at, and the limits that apply to it. Everything is pure.
#ifndef AUTHORIZER_RULE_H
#define AUTHORIZER_RULE_H

#include "authorizer/authorizer.h"

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

// Collects the limits that apply: the tier's limits, each replaced by an account override with the same resource and
// window, and the key's own limits. `key` may be NULL (an account's own budget). Returns how many of `out` were filled;
// their slices point where the records' slices do. 8 + 8 + 8 limits always fit.
size_t rule_collect_limits(const struct registry_tier *tier, const struct registry_account *account,
                           const struct registry_key *key, struct limit_applicable out[LIMIT_APPLICABLE_MAX]);
// Does the same for a custom subject.
size_t rule_collect_custom_limits(const struct authorizer_custom *custom,
                                  struct limit_applicable out[LIMIT_APPLICABLE_MAX]);

#endif
