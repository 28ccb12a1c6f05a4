// Accounts, tiers and the catalogue of scopes.
#include "call.h"

// What says of a record that is put which of its fields are set, and of which version.
#define ROWS_MASK(of) ROW(of, if_version), ROW_TEXTS(of, update_mask, update_mask_count)

// ---------------------------------------------------------------------------------------------------- accounts

#define ACCOUNT_SETTINGS(of)                                                                                           \
    ROW(of, account), ROW(of, display_name), ROW(of, tier), ROW_ENUMS(of, environments, environment_count),            \
        ROW(of, suspended), ROW_STRUCTS(of, limits, limit_count, limit), ROW(of, max_keys),                            \
        ROW(of, no_default_public_key), ROW_STRUCTS(of, metadata, metadata_count, entry), ROW(of, time_zone)

static const struct postern_table postern_account_table =
    TABLE(account, ROWS(ACCOUNT_SETTINGS(account), ROW(account, created_at_ms), ROW(account, version),
                        ROW(account, revoked_before_ms)));

POSTERN_CALL(put_account, PUT_ACCOUNT, ROWS(ACCOUNT_SETTINGS(put_account_request), ROWS_MASK(put_account_request)),
             ROWS(ROW_STRUCT(put_account_reply, account, account),
                  ROW_OPTIONAL(put_account_reply, default_public_key, key)),
             .changes_registry = true);

POSTERN_CALL(get_account, GET_ACCOUNT, ROWS(ROW(get_account_request, account)),
             ROWS(ROW_STRUCT(get_account_reply, account, account)), .changes_registry = false);

POSTERN_CALL(list_accounts, LIST_ACCOUNTS, ROWS(ROWS_PAGE(list_accounts_request)),
             ROWS(ROW_STRUCTS(list_accounts_reply, accounts, account_count, account),
                  ROWS_NEXT_PAGE(list_accounts_reply)),
             .changes_registry = false);

POSTERN_CALL(revoke_all, REVOKE_ALL,
             ROWS(ROW(revoke_all_request, account), ROW(revoke_all_request, created_before_ms),
                  ROW(revoke_all_request, reason)),
             ROWS(ROW_STRUCT(revoke_all_reply, account, account)), .changes_registry = true);

POSTERN_CALL(delete_account, DELETE_ACCOUNT,
             ROWS(ROW(delete_account_request, account), ROW(delete_account_request, if_version)),
             ROWS(ROW_STRUCT(delete_account_reply, account, account)), .changes_registry = true);

POSTERN_CALL(reset_meters, RESET_METERS,
             ROWS(ROW(reset_meters_request, account), ROW(reset_meters_request, key_id),
                  ROW(reset_meters_request, resource), ROW_AS(reset_meters_request, space, namespace_),
                  ROW(reset_meters_request, identifier)),
             ROWS(ROW(reset_meters_reply, account), ROW(reset_meters_reply, meters)), .changes_registry = true);

// ------------------------------------------------------------------------------------------------------- tiers

#define TIER_SETTINGS(of)                                                                                              \
    ROW(of, tier), ROW_STRUCTS(of, limits, limit_count, limit), ROW(of, is_default), ROW(of, time_zone)

static const struct postern_table postern_tier_table = TABLE(tier, ROWS(TIER_SETTINGS(tier), ROW(tier, version)));

POSTERN_CALL(put_tier, PUT_TIER, ROWS(TIER_SETTINGS(put_tier_request), ROWS_MASK(put_tier_request)),
             ROWS(ROW_STRUCT(put_tier_reply, tier, tier)), .changes_registry = true);

POSTERN_CALL(list_tiers, LIST_TIERS, ROWS(ROWS_PAGE(list_tiers_request)),
             ROWS(ROW_STRUCTS(list_tiers_reply, tiers, tier_count, tier), ROWS_NEXT_PAGE(list_tiers_reply)),
             .changes_registry = false);

POSTERN_CALL(delete_tier, DELETE_TIER, ROWS(ROW(delete_tier_request, tier), ROW(delete_tier_request, if_version)),
             ROWS(ROW_STRUCT(delete_tier_reply, tier, tier)), .changes_registry = true);

// ------------------------------------------------------------------------------------------------------ scopes

#define SCOPE_SETTINGS(of)                                                                                             \
    ROW(of, scope), ROW(of, description), ROW_TEXTS(of, implies, implies_count), ROW(of, is_default),                  \
        ROW(of, public_safe)

static const struct postern_table postern_scope_table = TABLE(scope, ROWS(SCOPE_SETTINGS(scope), ROW(scope, version)));

POSTERN_CALL(put_scope, PUT_SCOPE, ROWS(SCOPE_SETTINGS(put_scope_request), ROWS_MASK(put_scope_request)),
             ROWS(ROW_STRUCT(put_scope_reply, scope, scope)), .changes_registry = true);

POSTERN_CALL(list_scopes, LIST_SCOPES, ROWS(ROWS_PAGE(list_scopes_request)),
             ROWS(ROW_STRUCTS(list_scopes_reply, scopes, scope_count, scope), ROWS_NEXT_PAGE(list_scopes_reply)),
             .changes_registry = false);

POSTERN_CALL(delete_scope, DELETE_SCOPE, ROWS(ROW(delete_scope_request, scope), ROW(delete_scope_request, if_version)),
             ROWS(ROW_STRUCT(delete_scope_reply, scope, scope)), .changes_registry = true);
