#include "rpc/authority.h"

#include <stdio.h>
#include <string.h>

const char *authority_name(enum rpc_authority authority)
{
    switch (authority) {
    case RPC_ANYONE:
        return "anyone";
    case RPC_VERIFIER:
        return "verifier";
    case RPC_ACCOUNT_ADMIN:
        return "account-admin";
    case RPC_OPERATOR:
        return "operator";
    }
    return "nobody";
}

static bool is_operator_uid(const struct call_server *server, uint32_t uid)
{
    if (uid == 0 || uid == server->own_uid)
        return true;
    for (size_t i = 0; i < server->operator_uid_count; i++)
        if (server->operator_uids[i] == uid)
            return true;
    return false;
}

static void resolve_connection(const struct call *call, struct call_caller *caller)
{
    if (!call->peer.has_uid) {
        caller->authority = RPC_ANYONE;
        memcpy(caller->name, "anyone", sizeof "anyone");
        return;
    }
    caller->authority = is_operator_uid(call->server, call->peer.uid) ? RPC_OPERATOR : RPC_VERIFIER;
    (void)snprintf(caller->name, sizeof caller->name, "uid:%u", call->peer.uid);
}

// The key that a credential is of gives authority, account and name.
static enum status resolve_credential(struct call *call, struct slice credential, struct call_caller *caller)
{
    (void)credential;
    (void)caller;
    return status_fail(&call->note, STATUS_UNAUTHENTICATED, "credential",
                       "this server does not take credentials; leave the field empty and connect over ipc as an "
                       "operator's user");
}

enum status authority_resolve(struct call *call)
{
    struct call_caller *caller = &call->caller;
    *caller = (struct call_caller){.authority = RPC_ANYONE};
    const ProtobufCBinaryData *credential = &call->request->credential;
    if (credential->len > 0) {
        enum status status = resolve_credential(call, slice_make(credential->data, credential->len), caller);
        if (status != STATUS_OK)
            return status;
    } else {
        resolve_connection(call, caller);
    }
    if (caller->authority > call->peer.ceiling)
        caller->authority = call->peer.ceiling;
    // A ceiling may have made an operator an admin, but of no account.
    if (caller->authority == RPC_ACCOUNT_ADMIN && caller->account.size == 0)
        caller->authority = RPC_VERIFIER;
    return STATUS_OK;
}

enum status authority_require(struct call *call, enum rpc_authority least)
{
    if (call->caller.authority >= least)
        return STATUS_OK;
    const char *what = authority_name(call->caller.authority);
    if (call->peer.has_uid && call->caller.authority < call->peer.ceiling)
        return status_fail(&call->note, STATUS_PERMISSION_DENIED, NULL,
                           "this call needs %s authority; you are %s (%s). Operators are root, the daemon's user and "
                           "those of operator_uid",
                           authority_name(least), what, call->caller.name);
    if (call->peer.has_uid)
        return status_fail(&call->note, STATUS_PERMISSION_DENIED, NULL,
                           "this call needs %s authority; this listener gives at most %s (you are %s)",
                           authority_name(least), authority_name(call->peer.ceiling), call->caller.name);
    return status_fail(&call->note, STATUS_PERMISSION_DENIED, NULL,
                       "this call needs %s authority; over this connection, without a credential, you are %s",
                       authority_name(least), what);
}

bool authority_covers_account(const struct call *call, struct slice account)
{
    return call->caller.authority == RPC_OPERATOR || slice_equal(call->caller.account, account);
}
