#include "rpc/route.h"

#include "rpc/handler.h"

#define CALL(member) POSTERN__V1__REQUEST__CALL_##member

static const struct route routes[] = {
    [CALL(VERIFY)] = {"verify", RPC_VERIFIER, false, handler_verify},
    [CALL(VERIFY_BATCH)] = {"verify_batch", RPC_VERIFIER, false, NULL},
    [CALL(RATE_CHECK)] = {"rate_check", RPC_VERIFIER, false, handler_rate_check},

    [CALL(CREATE)] = {"create", RPC_ACCOUNT_ADMIN, true, handler_create},
    [CALL(GET)] = {"get", RPC_ACCOUNT_ADMIN, false, handler_get},
    [CALL(LIST)] = {"list", RPC_ACCOUNT_ADMIN, false, handler_list},
    [CALL(UPDATE)] = {"update", RPC_ACCOUNT_ADMIN, true, NULL},
    [CALL(ROLL)] = {"roll", RPC_ACCOUNT_ADMIN, true, NULL},
    [CALL(REVOKE)] = {"revoke", RPC_ANYONE, true, handler_revoke}, // by its token: whoever holds it
    [CALL(IMPORT)] = {"import", RPC_OPERATOR, true, NULL},
    [CALL(DELETE)] = {"delete", RPC_ACCOUNT_ADMIN, true, NULL},

    [CALL(PUT_ACCOUNT)] = {"put_account", RPC_OPERATOR, true, handler_put_account},
    [CALL(GET_ACCOUNT)] = {"get_account", RPC_OPERATOR, false, NULL},
    [CALL(LIST_ACCOUNTS)] = {"list_accounts", RPC_OPERATOR, false, NULL},
    [CALL(PUT_TIER)] = {"put_tier", RPC_OPERATOR, true, handler_put_tier},
    [CALL(LIST_TIERS)] = {"list_tiers", RPC_OPERATOR, false, NULL},
    [CALL(PUT_SCOPE)] = {"put_scope", RPC_OPERATOR, true, NULL},
    [CALL(LIST_SCOPES)] = {"list_scopes", RPC_OPERATOR, false, NULL},
    [CALL(REVOKE_ALL)] = {"revoke_all", RPC_OPERATOR, true, NULL},
    [CALL(DELETE_ACCOUNT)] = {"delete_account", RPC_OPERATOR, true, NULL},
    [CALL(DELETE_TIER)] = {"delete_tier", RPC_OPERATOR, true, NULL},
    [CALL(DELETE_SCOPE)] = {"delete_scope", RPC_OPERATOR, true, NULL},

    [CALL(HEALTH)] = {"health", RPC_ANYONE, false, handler_health},
    [CALL(STATS)] = {"stats", RPC_OPERATOR, false, NULL},
    [CALL(GET_USAGE)] = {"get_usage", RPC_ACCOUNT_ADMIN, false, NULL},
    [CALL(LIST_CHANGES)] = {"list_changes", RPC_ACCOUNT_ADMIN, false, NULL},
    [CALL(BACKUP)] = {"backup", RPC_OPERATOR, false, NULL},
    [CALL(GET_OPERATION)] = {"get_operation", RPC_OPERATOR, false, NULL},
};

const struct route *route_find(Postern__V1__Request__CallCase which)
{
    size_t index = (size_t)which;
    return index < sizeof routes / sizeof *routes && routes[index].name != NULL ? &routes[index] : NULL;
}
