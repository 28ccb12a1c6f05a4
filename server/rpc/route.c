// The table of calls.
#include "rpc/route.h"

#include "rpc/authority.h"
#include "rpc/handler.h"

#define CALL(member) POSTERN__V1__REQUEST__CALL_##member

// Who may change keys: operators, and an account-admin those of its own account.
enum { KEEPERS = AUTHORITY_ADMIN | AUTHORITY_OPERATOR };

static const struct route routes[] = {
    [CALL(VERIFY)] = {"verify", AUTHORITY_VERIFY, false, handler_verify},
    [CALL(VERIFY_BATCH)] = {"verify_batch", AUTHORITY_VERIFY, false, handler_verify_batch},
    [CALL(RATE_CHECK)] = {"rate_check", AUTHORITY_VERIFY | AUTHORITY_RATECHECK, false, handler_rate_check},

    [CALL(CREATE)] = {"create", KEEPERS, true, handler_create},
    [CALL(GET)] = {"get", KEEPERS, false, handler_get},
    [CALL(LIST)] = {"list", KEEPERS, false, handler_list},
    [CALL(UPDATE)] = {"update", KEEPERS, true, handler_update},
    [CALL(ROLL)] = {"roll", KEEPERS, true, handler_roll},
    [CALL(REVOKE)] = {"revoke", 0, true, handler_revoke}, // anyone: the holder of a token may revoke it
    [CALL(IMPORT)] = {"import", AUTHORITY_OPERATOR, true, handler_import},
    [CALL(DELETE)] = {"delete", KEEPERS, true, handler_delete},

    [CALL(PUT_ACCOUNT)] = {"put_account", AUTHORITY_OPERATOR, true, handler_put_account},
    [CALL(GET_ACCOUNT)] = {"get_account", AUTHORITY_OPERATOR, false, handler_get_account},
    [CALL(LIST_ACCOUNTS)] = {"list_accounts", AUTHORITY_OPERATOR, false, handler_list_accounts},
    [CALL(PUT_TIER)] = {"put_tier", AUTHORITY_OPERATOR, true, handler_put_tier},
    [CALL(LIST_TIERS)] = {"list_tiers", AUTHORITY_OPERATOR, false, handler_list_tiers},
    [CALL(PUT_SCOPE)] = {"put_scope", AUTHORITY_OPERATOR, true, handler_put_scope},
    [CALL(LIST_SCOPES)] = {"list_scopes", AUTHORITY_OPERATOR, false, handler_list_scopes},
    [CALL(REVOKE_ALL)] = {"revoke_all", AUTHORITY_OPERATOR, true, handler_revoke_all},
    [CALL(DELETE_ACCOUNT)] = {"delete_account", AUTHORITY_OPERATOR, true, handler_delete_account},
    [CALL(DELETE_TIER)] = {"delete_tier", AUTHORITY_OPERATOR, true, handler_delete_tier},
    [CALL(DELETE_SCOPE)] = {"delete_scope", AUTHORITY_OPERATOR, true, handler_delete_scope},

    [CALL(HEALTH)] = {"health", 0, false, handler_health},
    [CALL(STATS)] = {"stats", AUTHORITY_OPERATOR, false, handler_stats},
    [CALL(GET_USAGE)] = {"get_usage", KEEPERS, false, handler_get_usage},
    [CALL(LIST_CHANGES)] = {"list_changes", KEEPERS, false, handler_list_changes},
    [CALL(BACKUP)] = {"backup", AUTHORITY_OPERATOR, false, NULL},
    [CALL(GET_OPERATION)] = {"get_operation", AUTHORITY_OPERATOR, false, NULL},
};

const struct route *route_find(Postern__V1__Request__CallCase which)
{
    size_t index = (size_t)which;
    return index < sizeof routes / sizeof *routes && routes[index].name != NULL ? &routes[index] : NULL;
}
