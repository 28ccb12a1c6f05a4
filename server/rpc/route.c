// The table of calls: who may make each, and which handler answers it.
#include "rpc/authority.h"
#include "rpc/handler.h"

#define CALL(member) POSTERN__V1__REQUEST__CALL_##member

// Who may change keys: operators, and an account-admin those of its own account.
enum { KEEPERS = AUTHORITY_ADMIN | AUTHORITY_OPERATOR };

static const struct route routes[] = {
    [CALL(VERIFY)] = {"verify", AUTHORITY_VERIFY, false, handler_verify, 0},
    [CALL(VERIFY_BATCH)] = {"verify_batch", AUTHORITY_VERIFY, false, handler_verify_batch, 0},
    [CALL(RATE_CHECK)] = {"rate_check", AUTHORITY_VERIFY | AUTHORITY_RATECHECK, false, handler_rate_check, 0},

    [CALL(CREATE)] = {"create", KEEPERS, true, handler_create, 0},
    [CALL(GET)] = {"get", KEEPERS, false, handler_get, 0},
    [CALL(LIST)] = {"list", KEEPERS, false, handler_list, 0},
    [CALL(UPDATE)] = {"update", KEEPERS, true, handler_update, 0},
    [CALL(ROLL)] = {"roll", KEEPERS, true, handler_roll, 0},
    [CALL(REVOKE)] = {"revoke", 0, true, handler_revoke, 0}, // anyone: the holder of a token may revoke it
    [CALL(IMPORT)] = {"import", AUTHORITY_OPERATOR, true, handler_import, 0},
    [CALL(DELETE)] = {"delete", KEEPERS, true, handler_delete, 0},

    [CALL(PUT_ACCOUNT)] = {"put_account", AUTHORITY_OPERATOR, true, handler_put, REGISTRY_ACCOUNT},
    [CALL(GET_ACCOUNT)] = {"get_account", AUTHORITY_OPERATOR, false, handler_get_account, REGISTRY_ACCOUNT},
    [CALL(LIST_ACCOUNTS)] = {"list_accounts", AUTHORITY_OPERATOR, false, handler_list_named, REGISTRY_ACCOUNT},
    [CALL(PUT_TIER)] = {"put_tier", AUTHORITY_OPERATOR, true, handler_put, REGISTRY_TIER},
    [CALL(LIST_TIERS)] = {"list_tiers", AUTHORITY_OPERATOR, false, handler_list_named, REGISTRY_TIER},
    [CALL(PUT_SCOPE)] = {"put_scope", AUTHORITY_OPERATOR, true, handler_put, REGISTRY_SCOPE},
    [CALL(LIST_SCOPES)] = {"list_scopes", AUTHORITY_OPERATOR, false, handler_list_named, REGISTRY_SCOPE},
    [CALL(REVOKE_ALL)] = {"revoke_all", AUTHORITY_OPERATOR, true, handler_revoke_all, REGISTRY_ACCOUNT},
    [CALL(DELETE_ACCOUNT)] = {"delete_account", AUTHORITY_OPERATOR, true, handler_delete_named, REGISTRY_ACCOUNT},
    [CALL(DELETE_TIER)] = {"delete_tier", AUTHORITY_OPERATOR, true, handler_delete_named, REGISTRY_TIER},
    [CALL(DELETE_SCOPE)] = {"delete_scope", AUTHORITY_OPERATOR, true, handler_delete_named, REGISTRY_SCOPE},

    [CALL(HEALTH)] = {"health", 0, false, handler_health, 0},
    [CALL(STATS)] = {"stats", AUTHORITY_OPERATOR, false, handler_stats, 0},
    [CALL(GET_USAGE)] = {"get_usage", KEEPERS, false, handler_get_usage, 0},
    [CALL(LIST_CHANGES)] = {"list_changes", KEEPERS, false, handler_list_changes, 0},
    [CALL(BACKUP)] = {"backup", AUTHORITY_OPERATOR, false, NULL, 0},
    [CALL(GET_OPERATION)] = {"get_operation", AUTHORITY_OPERATOR, false, NULL, 0},
};

const struct route *route_find(Postern__V1__Request__CallCase which)
{
    size_t index = (size_t)which;
    return index < sizeof routes / sizeof *routes && routes[index].name != NULL ? &routes[index] : NULL;
}
