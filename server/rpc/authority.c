// Finds out who is calling, by credential or connection, and refuses in words that say what is missing.
#include "rpc/authority.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define OPERATOR_SCOPE "postern:operator"

// The authorities, the least first.
static const struct grade {
    enum authority authority;
    const char *name;
    const char *scope;
} grades[] = {
    {AUTHORITY_VERIFY, "verifier", "postern:verify"},
    {AUTHORITY_RATECHECK, "verifier", "postern:ratecheck"},
    {AUTHORITY_ADMIN, "account-admin", "postern:account-admin"},
    {AUTHORITY_OPERATOR, "operator", OPERATOR_SCOPE},
};

enum {
    GRADES = sizeof grades / sizeof *grades,
    // Operators may do what verifiers may. They are no admins, because an admin belongs to one account.
    AUTHORITIES_OF_VERIFIER = AUTHORITY_VERIFY | AUTHORITY_RATECHECK,
    AUTHORITIES_OF_OPERATOR = AUTHORITIES_OF_VERIFIER | AUTHORITY_OPERATOR
};

// --- pure

static unsigned of_uid(const struct call_server *server, uint32_t uid)
{
    if (uid == 0 || uid == server->own_uid)
        return AUTHORITIES_OF_OPERATOR;
    const struct call_operators *operators = atomic_load_explicit(&server->operators, memory_order_acquire);
    for (size_t i = 0; operators != NULL && i < operators->count; i++)
        if (operators->uids[i] == uid)
            return AUTHORITIES_OF_OPERATOR;
    return AUTHORITIES_OF_VERIFIER;
}

// A verified certificate's subject has no authority unless the configuration names it.
static unsigned of_subject(const struct call_server *server, const char *subject)
{
    for (size_t i = 0; i < server->tls_peer_count; i++)
        if (strcmp(server->tls_peers[i].subject, subject) == 0)
            return server->tls_peers[i].authority == RPC_OPERATOR ? AUTHORITIES_OF_OPERATOR : AUTHORITIES_OF_VERIFIER;
    return 0;
}

// Compares the exact name: nothing implies a scope of this namespace.
static bool has_scope(const struct registry_key *key, const char *scope)
{
    for (size_t i = 0; i < key->scope_count; i++)
        if (slice_equal(key->scopes[i], slice_text(scope)))
            return true;
    return false;
}

unsigned authority_of_key(const struct registry_key *key)
{
    unsigned found = 0;
    for (size_t i = 0; i < GRADES; i++)
        if (has_scope(key, grades[i].scope))
            found |= (unsigned)grades[i].authority;
    if ((found & AUTHORITY_OPERATOR) == 0)
        return found;
    bool reserved = account_id_is_reserved(key->account);
    return reserved ? found | AUTHORITIES_OF_OPERATOR : found & ~(unsigned)AUTHORITY_OPERATOR;
}

unsigned authority_under(enum rpc_ceiling ceiling)
{
    switch (ceiling) {
    case RPC_ANYONE:
        return 0;
    case RPC_VERIFIER:
        return AUTHORITIES_OF_VERIFIER;
    case RPC_ACCOUNT_ADMIN:
        return AUTHORITIES_OF_VERIFIER | AUTHORITY_ADMIN;
    case RPC_OPERATOR:
        return AUTHORITIES_OF_OPERATOR | AUTHORITY_ADMIN;
    }
    return 0;
}

// --- who it is

// Writes "uid:1000", by hand because every call pays for it.
static void name_uid(struct call_caller *caller, uint32_t uid)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + uid % 10);
        uid /= 10;
    } while (uid > 0);
    memcpy(caller->name, "uid:", 4);
    for (size_t i = 0; i < count; i++)
        caller->name[4 + i] = digits[count - 1 - i];
    caller->name[4 + count] = '\0';
}

static void name_subject(struct call_caller *caller, const char *subject)
{
    (void)snprintf(caller->name, sizeof caller->name, "tls:%.*s", (int)RPC_SUBJECT_MAX, subject);
}
_Static_assert((int)CALL_CALLER_NAME_SIZE > (int)RPC_SUBJECT_MAX + 4,
               "a subject of the configuration is a caller's name");

// Writes "ip:192.0.2.7" or "ip:2001:db8:0:1::/64", as an IPv6 host usually has a network of its own: strangers are told
// apart, so that none uses up what is kept for the retries of another.
static void name_address(struct call_caller *caller, const char *address)
{
    struct in6_addr v6;
    char network[INET6_ADDRSTRLEN] = "";
    bool is_v6 = inet_pton(AF_INET6, address, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6);
    if (is_v6) {
        memset(&v6.s6_addr[8], 0, 8);
        (void)inet_ntop(AF_INET6, &v6, network, sizeof network);
    }
    (void)snprintf(caller->name, sizeof caller->name, "ip:%.*s%s", INET6_ADDRSTRLEN, is_v6 ? network : address,
                   is_v6 ? "/64" : "");
}
_Static_assert((int)CALL_CALLER_NAME_SIZE > 3 + (int)INET6_ADDRSTRLEN + 3, "a network is a caller's name");

static void resolve_connection(const struct call *call, struct call_caller *caller)
{
    const struct transport_peer *peer = call->peer;
    if (peer->has_uid) {
        caller->granted = of_uid(call->server, peer->uid);
        name_uid(caller, peer->uid);
        return;
    }
    caller->granted = of_subject(call->server, peer->subject);
    if (caller->granted != 0)
        name_subject(caller, peer->subject);
    else
        name_address(caller, peer->address);
}

// Takes authority, account and name from the credential's key.
static enum status resolve_credential(struct call *call, struct slice credential, struct call_caller *caller)
{
    struct authorizer_identity *identity = arena_alloc(call->arena, sizeof *identity);
    if (identity == NULL)
        return status_fail(&call->failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
    enum status status = authorizer_identify(call->server->authorizer, call->view, call->arena, credential,
                                             slice_text(call->peer->address), identity);
    if (status != STATUS_OK)
        return status_fail(&call->failure, status, NULL, "the credential cannot be looked up now: %s",
                           status_name(status));
    if (identity->reason != REASON_ALLOWED) {
        const char *hint = identity->reason == REASON_INVALID_API_KEY ? key_token_hint(credential) : NULL;
        call->status_reason = reason_name(identity->reason);
        return status_fail(&call->failure, STATUS_UNAUTHENTICATED, "credential", "the credential is refused (%s): %s%s",
                           call->status_reason, hint != NULL ? "give the token alone; this " : "",
                           hint != NULL ? hint : reason_of_credential(identity->reason));
    }
    caller->key = &identity->key;
    caller->account = identity->key.account;
    caller->account_record = &identity->account;
    caller->granted = authority_of_key(&identity->key);
    key_id_format(identity->key.id, caller->name);
    return STATUS_OK;
}

_Static_assert((int)CALL_CALLER_NAME_SIZE > (int)KEY_ID_TEXT_SIZE, "a key id is a caller's name");

enum status authority_resolve(struct call *call)
{
    struct call_caller *caller = &call->caller;
    *caller = (struct call_caller){.granted = 0};
    const ProtobufCBinaryData *credential = &call->request->credential;
    if (credential->len > 0) {
        enum status status = resolve_credential(call, slice_make(credential->data, credential->len), caller);
        if (status != STATUS_OK)
            return status;
    } else {
        resolve_connection(call, caller);
    }
    caller->authorities = caller->granted & authority_under(call->ceiling);
    return STATUS_OK;
}

// --- what it may do

// Returns the least of the authorities that would do; `highest` returns the most that the caller has.
static const struct grade *lowest(unsigned authorities)
{
    size_t i = 0;
    while (i < GRADES - 1 && (authorities & (unsigned)grades[i].authority) == 0)
        i++;
    return &grades[i];
}

static const char *highest(unsigned authorities)
{
    size_t i = GRADES;
    while (i > 0 && (authorities & (unsigned)grades[i - 1].authority) == 0)
        i--;
    return i > 0 ? grades[i - 1].name : "anyone";
}

static enum status refuse_key(struct call *call, const struct grade *needed)
{
    const struct call_caller *caller = &call->caller;
    if (needed->authority == AUTHORITY_OPERATOR && has_scope(caller->key, OPERATOR_SCOPE))
        return status_fail(&call->failure, STATUS_PERMISSION_DENIED, NULL,
                           "%s needs operator authority; your key %s has the scope " OPERATOR_SCOPE
                           ", which counts only for keys of the account postern",
                           call->route->name, caller->name);
    return status_fail(&call->failure, STATUS_PERMISSION_DENIED, NULL,
                       "%s needs %s authority; your key %s lacks the scope %s", call->route->name, needed->name,
                       caller->name, needed->scope);
}

enum status authority_require(struct call *call, unsigned needs)
{
    const struct call_caller *caller = &call->caller;
    if (needs == 0 || (caller->authorities & needs) != 0)
        return STATUS_OK;
    const struct grade *needed = lowest(needs);
    if ((caller->granted & needs) != 0)
        return status_fail(&call->failure, STATUS_PERMISSION_DENIED, NULL,
                           "%s needs %s authority; this listener gives at most %s (you are %s)", call->route->name,
                           needed->name, highest(authority_under(call->ceiling)), caller->name);
    if (caller->key != NULL)
        return refuse_key(call, needed);
    if (call->peer->has_uid)
        return status_fail(&call->failure, STATUS_PERMISSION_DENIED, NULL,
                           "%s needs %s authority; you are %s (%s). Operators are root, the daemon's user and those of "
                           "operator_uid; or send a credential with the scope %s",
                           call->route->name, needed->name, highest(caller->authorities), caller->name, needed->scope);
    if (caller->granted != 0)
        return status_fail(
            &call->failure, STATUS_PERMISSION_DENIED, NULL,
            "%s needs %s authority; your certificate makes you %s (%s). Let tls_peer of the configuration "
            "say otherwise, or send a credential with the scope %s",
            call->route->name, needed->name, highest(caller->authorities), caller->name, needed->scope);
    call->status_reason = reason_name(REASON_MISSING_API_KEY);
    if (call->peer->subject[0] != '\0') // last, because it may be long
        return status_fail(&call->failure, STATUS_UNAUTHENTICATED, "credential",
                           "%s needs %s authority: send the token of a key with the scope %s, or let a tls_peer of the "
                           "configuration name your certificate (%s)",
                           call->route->name, needed->name, needed->scope, call->peer->subject);
    return status_fail(&call->failure, STATUS_UNAUTHENTICATED, "credential",
                       "%s needs %s authority, and off ipc that takes a credential: send the token of a key with the "
                       "scope %s",
                       call->route->name, needed->name, needed->scope);
}

bool authority_covers_account(const struct call *call, struct slice account)
{
    const struct call_caller *caller = &call->caller;
    if ((caller->authorities & AUTHORITY_OPERATOR) != 0)
        return true;
    return (caller->authorities & AUTHORITY_ADMIN) != 0 && slice_equal(caller->account, account);
}

// A former account's keys are another account's, although its id is the same.
static bool is_of_callers_life(const struct call_caller *caller, const struct registry_key *key)
{
    return caller->account_record != NULL && registry_is_of_life(caller->account_record, key);
}

bool authority_covers_key(const struct call *call, const struct registry_key *key)
{
    if ((call->caller.authorities & AUTHORITY_OPERATOR) != 0)
        return true;
    return authority_covers_account(call, key->account) && is_of_callers_life(&call->caller, key);
}

bool authority_covers_rate_check(const struct call *call, struct slice account)
{
    const struct call_caller *caller = &call->caller;
    if ((caller->authorities & AUTHORITY_RATECHECK) != 0)
        return true;
    return (caller->authorities & (AUTHORITY_VERIFY | AUTHORITY_ADMIN)) != 0 && slice_equal(caller->account, account);
}

bool authority_covers_rate_check_of_key(const struct call *call, const struct registry_key *key)
{
    if ((call->caller.authorities & AUTHORITY_RATECHECK) != 0)
        return true;
    return authority_covers_rate_check(call, key->account) && is_of_callers_life(&call->caller, key);
}
