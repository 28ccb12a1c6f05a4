#!/usr/bin/env bats
# Who may call what, with which credential; and ways to get more than one was given, which must not work.

load ../support/keys

setup_file() {
    make_home
    VERIFIER_URL=ipc://$DAEMON_HOME/run/verifier.sock
    TCP_URL=tcp://127.0.0.1:$(free_port)
    export VERIFIER_URL TCP_URL
    start_daemon --listen "$VERIFIER_URL;max=verifier" --listen "$TCP_URL"
    postern tier put free --limit requests=100/min --default
    postern scope put read --default --public-safe
    postern scope put write
    postern scope put jobs:run
    postern scope put jobs:read
    postern scope put role --implies write
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

teardown() {
    drop_own_daemon
}

# make_admin [OPTION]...: an account-admin's token in ADMIN, its key's id in ADMIN_ID.
make_admin() {
    make_key "$ACCOUNT" administrator --scope postern:account-admin "$@"
    ADMIN=$TOKEN ADMIN_ID=$KEY_ID
}

@test "every call by everybody, on an account of one's own and on another one" {
    run python3 "$SUPPORT/authority.py" "$POSTERN_URL" "$VERIFIER_URL" "$TCP_URL" "$DAEMON_TOKENS"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "a uid that is no operator's may verify and nothing more; one that is named may do everything" {
    make_key "$ACCOUNT"
    if [ "$(id -u)" -ne 0 ]; then # one user has one uid; the ceiling makes the same of it
        POSTERN_URL=$VERIFIER_URL allowed
        POSTERN_URL=$VERIFIER_URL call get "$KEY_ID"
        failed PERMISSION_DENIED '' 'at most verifier'
        return
    fi
    own_daemon
    make_account
    let_everybody_in
    try as_nobody verify - --peek --json <<<"$TOKEN"
    done_so '.allowed'
    try as_nobody get "$KEY_ID" --json
    failed PERMISSION_DENIED '' 'uid:65534' operator
    try as_nobody revoke --token - --json <<<"$TOKEN"
    done_so '.key.state == "REVOKED"'
    call audit --key "$KEY_ID"
    [ "$(tail -n 1 <<<"$output" | jq -r .actor)" = uid:65534 ]
    restart_daemon --operator-uid 65534
    let_everybody_in
    try as_nobody get "$KEY_ID" --json
    done_so
}

make_account() {
    postern tier put free --limit requests=100/min --default
    postern account put "$ACCOUNT" --no-default-public-key
    make_key "$ACCOUNT"
}

let_everybody_in() {
    chmod 0711 "$DAEMON_HOME" "$DAEMON_HOME/run"
    chmod 0666 "$DAEMON_SOCKET"
}

# Another user sees neither the build folder nor the sources: the program comes by a descriptor.
as_nobody() {
    setpriv --reuid 65534 --regid 65534 --clear-groups /proc/self/fd/9 "$@" 9<"$POSTERN_BIN/postern"
}

@test "the first operator's key is made by a trusted peer; with it everything works from elsewhere" {
    call create --account postern --name "first operator" --scope postern:operator
    done_so '.key.account == "postern"'
    local operator
    operator=$(field .api_key)
    note_token "$operator"
    export POSTERN_URL=$TCP_URL
    call account get "$ACCOUNT"
    [ "$status" -eq 1 ]
    as "$operator" account put "$ACCOUNT" --display-name "from afar"
    done_so '.account.display_name == "from afar"'
    as "$operator" create --account "$ACCOUNT" --name n --scope postern:account-admin
    done_so '.key.created_by | startswith("key_")'
    note_token "$(field .api_key)"
}

@test "the account postern is nobody's to change" {
    postern create --account postern --name operator --scope postern:operator >>"$DAEMON_TOKENS"
    call account put postern --suspended
    failed FAILED_PRECONDITION put_account.account
    call account delete postern
    failed FAILED_PRECONDITION delete_account.account
    # And nowhere else is there an operator.
    call create --account "$ACCOUNT" --name o --scope postern:operator
    failed INVALID_ARGUMENT 'create.scopes[0]' 'account postern'
}

# ------------------------------------------------------------------------------------------------------- escalations

@test "an account-admin grants no scope that it lacks, in itself or by what it implies" {
    make_admin --scope read --scope 'jobs:*'
    local scope
    for scope in write admin role postern:verify postern:operator postern:account-admin; do
        as "$ADMIN" create --account "$ACCOUNT" --name n --scope read --scope "$scope"
        failed PERMISSION_DENIED 'create.scopes[1]' "$scope"
    done
    for scope in read jobs:run 'jobs:*'; do
        as "$ADMIN" create --account "$ACCOUNT" --name n --scope "$scope"
        done_so
        note_token "$(field .api_key)"
    done
    KEY_ID=$(field .key.key_id)
    as "$ADMIN" update "$KEY_ID" --scope write
    failed PERMISSION_DENIED 'update.scopes[0]' write
    as "$ADMIN" update "$ADMIN_ID" --scope postern:account-admin --scope read --scope write
    failed PERMISSION_DENIED
    # Without scopes asked for it gives the defaults that it has itself.
    as "$ADMIN" create --account "$ACCOUNT" --name n
    done_so '.key.scopes == ["read"]'
    note_token "$(field .api_key)"
}

@test "admin and wildcards do not reach the daemon's own scopes" {
    make_admin --scope admin
    local scope
    for scope in postern:verify postern:operator 'postern:*'; do
        as "$ADMIN" create --account "$ACCOUNT" --name n --scope "$scope"
        [ "$status" -eq 1 ]
        answer '.error.field == "create.scopes[0]"'
    done
    as "$ADMIN" create --account "$ACCOUNT" --name n --scope admin
    done_so
    local powerful
    powerful=$(field .api_key)
    note_token "$powerful"
    as "$powerful" get "$ADMIN_ID"
    failed PERMISSION_DENIED
    # Not even an operator makes such a wildcard.
    call create --account "$ACCOUNT" --name n --scope 'postern:*'
    [ "$status" -eq 1 ]
}

@test "an account-admin rolls, enables and changes no key that is broader than its own" {
    make_admin --scope read
    make_key "$ACCOUNT" broad --scope read --scope write
    local broad=$KEY_ID
    as "$ADMIN" roll "$broad"
    failed PERMISSION_DENIED roll.key_id write
    postern disable "$broad"
    as "$ADMIN" enable "$broad"
    failed PERMISSION_DENIED update.key_id write
    as "$ADMIN" update "$broad" --name mine
    failed PERMISSION_DENIED update.key_id
    # To take away is no escalation.
    as "$ADMIN" update "$broad" --scope read
    done_so
    as "$ADMIN" enable "$broad"
    done_so '.key.state == "ACTIVE"'
    as "$ADMIN" roll "$broad"
    done_so '.key.scopes == ["read"]'
    note_token "$(field .api_key)"
    as "$ADMIN" revoke "$broad"
    done_so '.key.state == "REVOKED"'
}

@test "K6 an account-admin with a test key makes, rolls and enables no live key" {
    make_admin --scope read
    as "$ADMIN" create --account "$ACCOUNT" --name n --env live --scope read
    failed PERMISSION_DENIED create.environment
    make_key "$ACCOUNT" live --env live --scope read
    as "$ADMIN" roll "$KEY_ID"
    failed PERMISSION_DENIED roll.key_id
    local live=$KEY_ID
    postern disable "$live"
    as "$ADMIN" enable "$live"
    failed PERMISSION_DENIED update.key_id
    make_admin --scope read --env live
    as "$ADMIN" enable "$live"
    done_so
    as "$ADMIN" create --account "$ACCOUNT" --name n --scope read
    done_so '.key.environment == "TEST"'
    note_token "$(field .api_key)"
}

@test "an account-admin raises no limit of its own, and no other bound" {
    make_admin --scope read --limit requests=5/min
    as "$ADMIN" create --account "$ACCOUNT" --name n --scope read
    failed PERMISSION_DENIED create.limits 'requests=5/min'
    as "$ADMIN" create --account "$ACCOUNT" --name n --scope read --limit requests=6/min
    failed PERMISSION_DENIED create.limits
    as "$ADMIN" create --account "$ACCOUNT" --name n --scope read --limit requests=unlimited
    failed PERMISSION_DENIED create.limits
    as "$ADMIN" create --account "$ACCOUNT" --name n --scope read --limit requests=5/min
    done_so
    note_token "$(field .api_key)"
    KEY_ID=$(field .key.key_id)
    as "$ADMIN" update "$KEY_ID" --no-limits
    failed PERMISSION_DENIED update.limits
    as "$ADMIN" update "$KEY_ID" --limit requests=1/min
    done_so
    as "$ADMIN" account put "$ACCOUNT" --max-keys 100000
    failed PERMISSION_DENIED '' operator
    as "$ADMIN" tier put free --limit requests=unlimited
    failed PERMISSION_DENIED '' operator
    as "$ADMIN" scope put read --implies admin
    failed PERMISSION_DENIED '' operator
}

@test "an account-admin that expires and is pinned to an address does not free itself, nor what it makes" {
    local at=127.0.0.1 end
    make_admin --scope read --expires 1h --address "$at/32"
    end=$(postern get "$ADMIN_ID" --json | jq .key.expires_at_ms)
    over() { POSTERN_URL=$TCP_URL as "$ADMIN" "$@"; }
    local words
    for words in --no-expiry '--expires 90d' --no-addresses '--address 0.0.0.0/0' '--name mine' '--expires 1min'; do
        # shellcheck disable=SC2086
        over update "$ADMIN_ID" $words
        failed PERMISSION_DENIED update.key_id
    done
    over disable "$ADMIN_ID"
    failed PERMISSION_DENIED update.key_id
    over delete "$ADMIN_ID"
    failed PERMISSION_DENIED delete.key_id
    over create --account "$ACCOUNT" --name n --address "$at"
    failed PERMISSION_DENIED create.expires_at_ms
    over create --account "$ACCOUNT" --name n --expires 2h --address "$at"
    failed PERMISSION_DENIED create.expires_at_ms
    over create --account "$ACCOUNT" --name n --expires 30min
    failed PERMISSION_DENIED create.allowed_addresses anywhere
    over create --account "$ACCOUNT" --name n --expires 30min --address 127.0.0.0/8
    failed PERMISSION_DENIED create.allowed_addresses 127.0.0.0/8
    over create --account "$ACCOUNT" --name n --expires 30min --address "$at"
    done_so
    note_token "$(field .api_key)"
    KEY_ID=$(field .key.key_id)
    over update "$KEY_ID" --no-addresses
    failed PERMISSION_DENIED update.allowed_addresses
    over update "$KEY_ID" --no-expiry
    failed PERMISSION_DENIED update.expires_at_ms
    over roll "$ADMIN_ID"
    done_so ".key.expires_at_ms == $end and .key.allowed_addresses == [\"$at/32\"]"
    note_token "$(field .api_key)"
    ADMIN=$(field .api_key)
    over revoke "$(field .key.key_id)"
    done_so
}

@test "an account has no more keys than max_keys; revoked and expired ones make room" {
    postern account put "$ACCOUNT" --max-keys 2 --no-default-public-key
    make_key "$ACCOUNT" one
    make_key "$ACCOUNT" two
    call create --account "$ACCOUNT" --name three
    failed RESOURCE_EXHAUSTED create.account
    call roll "$KEY_ID"
    failed RESOURCE_EXHAUSTED
    roll_key "$KEY_ID" --grace 0
    postern revoke "$KEY_ID"
    make_key "$ACCOUNT" three
}

# ------------------------------------------------------------------------------------------------------- credentials

# rejected TOKEN REASON: as a credential, even over the operator's own socket.
rejected() {
    as "$1" get "$ADMIN_ID"
    failed UNAUTHENTICATED credential "$2"
}

@test "a credential that is public, revoked, expired, disabled, suspended or from a wrong address is UNAUTHENTICATED" {
    make_admin --scope read
    make_key "$ACCOUNT" site --type public
    rejected "$TOKEN" SECRET_KEY_REQUIRED
    make_key "$ACCOUNT" a --scope postern:account-admin
    postern revoke "$KEY_ID"
    rejected "$TOKEN" REVOKED_API_KEY
    make_key "$ACCOUNT" b --scope postern:account-admin
    postern disable "$KEY_ID"
    rejected "$TOKEN" DISABLED_API_KEY
    postern enable "$KEY_ID"
    as "$TOKEN" get "$ADMIN_ID"
    done_so
    local rolled=$TOKEN
    roll_key "$KEY_ID" --grace 0
    rejected "$rolled" EXPIRED_API_KEY
    as "$TOKEN" get "$ADMIN_ID"
    done_so
    make_key "$ACCOUNT" c --scope postern:account-admin --address 192.0.2.0/24
    rejected "$TOKEN" ADDRESS_NOT_ALLOWED
    POSTERN_URL=$TCP_URL rejected "$TOKEN" ADDRESS_NOT_ALLOWED
    make_key "$ACCOUNT" d --scope postern:account-admin --address 127.0.0.0/8
    POSTERN_URL=$TCP_URL as "$TOKEN" get "$ADMIN_ID"
    done_so
    rejected "$TOKEN" ADDRESS_NOT_ALLOWED # over ipc there is no address
    postern account suspend "$ACCOUNT"
    rejected "$ADMIN" ACCOUNT_SUSPENDED
    postern account resume "$ACCOUNT"
    as "$ADMIN" get "$ADMIN_ID"
    done_so
    rejected "${ADMIN%?}x" INVALID_API_KEY
    postern account revoke-all "$ACCOUNT"
    rejected "$ADMIN" REVOKED_API_KEY
}

@test "whoever holds a secret key's token may revoke that key, without any other authority" {
    make_key "$ACCOUNT"
    POSTERN_URL=$TCP_URL try postern revoke --token - --reason "found in a log" --json <<<"$TOKEN"
    done_so '.key.state == "REVOKED"'
    refused REVOKED_API_KEY 401
    make_key "$ACCOUNT"
    POSTERN_URL=$TCP_URL try postern revoke --token - --json <<<"${TOKEN%??????????}0000000000"
    [ "$status" -eq 1 ]
    allowed
    POSTERN_URL=$TCP_URL call revoke "$KEY_ID"
    failed UNAUTHENTICATED credential
    allowed
}

@test "K7 a public key is not revoked by its token, which everybody knows" {
    make_key "$ACCOUNT" site --type public
    local url
    for url in "$TCP_URL" "$VERIFIER_URL" "$POSTERN_URL"; do # the last one as operator
        POSTERN_URL=$url try postern revoke --token - --json <<<"$TOKEN"
        failed FAILED_PRECONDITION revoke.api_key
        [[ "$stderr" != *"$TOKEN"* ]]
    done
    allowed
    call revoke "$KEY_ID"
    done_so '.key.state == "REVOKED"'
}
