#include "authorizer/term.h"

_Static_assert(LIMIT_TERMS_MAX >= 3 * LIMIT_PER_OWNER_MAX, "tier, account and key limits must fit");

static bool is_overridden(const struct limit *limit, const struct registry_account *account)
{
    for (size_t i = 0; i < account->limit_count; i++) {
        if (limit_same_window(limit, &account->limits[i])) {
            return true;
        }
    }
    return false;
}

static size_t at_most(size_t count)
{
    return count < LIMIT_PER_OWNER_MAX ? count : LIMIT_PER_OWNER_MAX;
}

size_t term_collect(const struct registry_tier *tier, const struct registry_account *account,
                    const struct registry_key *key, struct limit_term out[LIMIT_TERMS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < at_most(tier->limit_count); i++) {
        if (!is_overridden(&tier->limits[i], account)) {
            out[count++] = (struct limit_term){tier->limits[i], LIMIT_OF_ACCOUNT, account->id};
        }
    }
    for (size_t i = 0; i < at_most(account->limit_count); i++) {
        out[count++] = (struct limit_term){account->limits[i], LIMIT_OF_ACCOUNT, account->id};
    }
    for (size_t i = 0; key != NULL && i < at_most(key->limit_count); i++) {
        struct slice lineage = slice_make(key->lineage, sizeof key->lineage);
        out[count++] = (struct limit_term){key->limits[i], LIMIT_OF_KEY, lineage};
    }
    return count;
}

size_t term_collect_custom(const struct authorizer_custom *custom, struct limit_term out[LIMIT_TERMS_MAX])
{
    size_t count = at_most(custom->limit_count);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct limit_term){custom->limits[i], LIMIT_OF_CUSTOM, custom->name};
    return count;
}
