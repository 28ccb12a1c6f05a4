// The rules that decide before any limit is looked at: pure, in the order of their reasons' numbers.
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
// one, need the catalogue and are looked at by the recipe.
enum reason rule_judge(const struct rule_facts *facts);

#endif
