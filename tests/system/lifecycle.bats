#!/usr/bin/env bats
# Starting, stopping, and what stands in the way of starting.

load ../support/daemon

setup() {
    note_failures_only
    make_home
}

teardown() {
    drop_daemon
}

set_up_account() {
    postern tier put free --limit requests=10/min --limit productions=3/day --default
    postern account put acme
    make_key acme
}

# refuses WORD...: posternd does not start, ends with a status, and says each word.
refuses() {
    local word
    run timeout 60 posternd --data "$DAEMON_DATA" --listen "$POSTERN_URL"
    echo "status $status: $output"
    [ "$status" -ne 0 ]
    [ "$status" -ne 124 ] # did not end
    [ "$status" -lt 128 ] # crashed
    for word in "$@"; do
        [[ "$output" == *"$word"* ]] || { echo "does not say: $word"; return 1; }
    done
}

@test "SIGTERM ends the daemon with status 0 and takes the socket away" {
    start_daemon
    stop_daemon
    [ "$DAEMON_STATUS" -eq 0 ]
    [ ! -e "$DAEMON_SOCKET" ]
}

@test "SIGINT ends the daemon with status 0" {
    start_daemon
    end_daemon INT
    [ "$DAEMON_STATUS" -eq 0 ]
}

@test "SIGTERM in the middle of work drains: whoever was told that it is done finds it done" {
    start_daemon
    crash_check setup "$POSTERN_URL"
    local ledger=$DAEMON_HOME/ledger worker
    start_worker "$ledger" worker
    worker=$WORKER_PID
    local round
    for round in 1 2 3; do
        poll 60 test -s "$ledger"
        stop_daemon
        [ "$DAEMON_STATUS" -eq 0 ]
        posternd --check "$DAEMON_DATA"
        start_daemon
    done
    stop_worker "$worker"
    crash_check keys "$POSTERN_URL" "$ledger"
    crash_check names "$POSTERN_URL"
}

@test "a restart keeps everything" {
    start_daemon
    set_up_account
    local active=$TOKEN revoked before
    make_key acme gone
    revoked=$TOKEN
    postern revoke "$KEY_ID"
    postern verify - --charge productions=2 <<<"$active"
    before=$(postern list --account acme --json | jq .keys)
    restart_daemon
    [ "$(postern list --account acme --json | jq .keys)" = "$before" ]
    try postern verify - --charge productions --peek --json <<<"$active"
    answer '.allowed and .meters[0].remaining == 1'
    try postern verify - --json <<<"$revoked"
    answer '.reason == "REVOKED_API_KEY"'
    try postern verify - --charge productions=2 --json <<<"$active"
    answer '.reason == "RATE_LIMITED"'
}

@test "a second daemon on the same data refuses, says why, and does not disturb the first" {
    start_daemon
    set_up_account
    refuses "$DAEMON_DATA"
    postern verify - <<<"$TOKEN"
    # Nor with a socket of its own.
    local first=$POSTERN_URL
    POSTERN_URL=ipc://$DAEMON_HOME/run/second.sock refuses "$DAEMON_DATA"
    [ ! -e "$DAEMON_HOME/run/second.sock" ]
    POSTERN_URL=$first
    postern verify - <<<"$TOKEN"
}

@test "posternd --check of a directory in use, of a sound one and of none" {
    start_daemon
    set_up_account
    run posternd --check "$DAEMON_DATA"
    [ "$status" -ne 0 ]
    stop_daemon
    run posternd --check "$DAEMON_DATA"
    [ "$status" -eq 0 ]
    run posternd --check "$DAEMON_HOME/nothing-here"
    [ "$status" -ne 0 ]
    [[ "$output" == *nothing-here* ]]
    [ ! -e "$DAEMON_HOME/nothing-here" ]
}

@test "posternd --check finds a changed store" {
    start_daemon
    set_up_account
    stop_daemon
    posternd --check "$DAEMON_DATA"
    # The account's name in every record and entry of the chain, same length.
    sed -i 's/acme/acmf/g' "$DAEMON_DATA/registry/data.mdb"
    run posternd --check "$DAEMON_DATA"
    echo "$output"
    [ "$status" -ne 0 ]
    [ -n "$output" ]
}

@test "another daemon's socket is not taken over" {
    start_daemon
    set_up_account
    local data=$DAEMON_DATA
    DAEMON_DATA=$DAEMON_HOME/other refuses "$DAEMON_SOCKET"
    DAEMON_DATA=$data
    postern verify - <<<"$TOKEN"
}

@test "a socket that a killed daemon left behind is used again" {
    start_daemon
    kill_daemon
    [ -S "$DAEMON_SOCKET" ]
    start_daemon
    postern health
}

@test "a regular file at the socket's path is not deleted" {
    echo precious >"$DAEMON_SOCKET"
    refuses "$DAEMON_SOCKET"
    [ "$(cat "$DAEMON_SOCKET")" = precious ]
}

@test "a keyring that is missing is an error, not a store without valid keys" {
    start_daemon
    set_up_account
    stop_daemon
    mv "$DAEMON_DATA/secrets/keyring" "$DAEMON_HOME/keyring"
    refuses keyring
    [ ! -e "$DAEMON_DATA/secrets/keyring" ]
    mv "$DAEMON_HOME/keyring" "$DAEMON_DATA/secrets/keyring"
    start_daemon
    postern verify - <<<"$TOKEN"
}

@test "a keyring that others may read is an error" {
    start_daemon
    stop_daemon
    chmod 0644 "$DAEMON_DATA/secrets/keyring"
    refuses keyring
    chmod 0600 "$DAEMON_DATA/secrets/keyring"
    start_daemon
}

@test "the keyring of another store is an error" {
    start_daemon
    set_up_account
    stop_daemon
    mv "$DAEMON_DATA" "$DAEMON_HOME/mine"
    start_daemon
    stop_daemon
    cp "$DAEMON_DATA/secrets/keyring" "$DAEMON_HOME/mine/secrets/keyring"
    rm -rf "$DAEMON_DATA"
    mv "$DAEMON_HOME/mine" "$DAEMON_DATA"
    refuses keyring
}

@test "a keyring that is not one is an error" {
    start_daemon
    stop_daemon
    echo nonsense >"$DAEMON_DATA/secrets/keyring"
    refuses keyring
}

@test "what the daemon makes is for nobody else's eyes" {
    start_daemon
    set_up_account
    [ "$(stat -c %a "$DAEMON_DATA/secrets/keyring")" = 600 ]
    local loose
    loose=$(find "$DAEMON_DATA" -perm /0007)
    [ -z "$loose" ] || { echo "$loose"; return 1; }
    [ "$(find "$DAEMON_SOCKET" -perm /0007)" = "" ]
}

@test "misuse is status 2 and says what to do; --help and --version are 0" {
    run posternd --no-such-option
    [ "$status" -eq 2 ]
    [ -n "$output" ]
    run posternd --data "$DAEMON_DATA" --listen "ftp://x"
    [ "$status" -eq 2 ]
    [[ "$output" == *'"ftp://x" is not an address'* ]]
    run posternd --help
    [ "$status" -eq 0 ]
    [[ "$output" == *--data* && "$output" == *--listen* && "$output" == *--check* ]]
    run posternd --version
    [ "$status" -eq 0 ]
}

@test "a listener with the ceiling verifier lets the operator's uid verify and nothing more" {
    start_daemon --listen "ipc://$DAEMON_HOME/run/verify.sock;max=verifier"
    set_up_account
    export POSTERN_URL=ipc://$DAEMON_HOME/run/verify.sock
    postern verify - <<<"$TOKEN"
    run postern create --account acme --name more
    [ "$status" -eq 1 ]
    [[ "$output" == *PERMISSION_DENIED* ]]
}

@test "a token is not in the daemon's log, nor is its secret half" {
    start_daemon --log-level debug
    set_up_account
    postern verify - <<<"$TOKEN"
    postern revoke --token - <<<"$TOKEN"
    run postern verify - <<<"$TOKEN"
    stop_daemon
    run grep -F "${TOKEN##*_}" "$DAEMON_LOG"
    [ "$status" -eq 1 ]
    local body=${TOKEN##*_}
    run grep -F "${body:15:43}" "$DAEMON_LOG"
    [ "$status" -eq 1 ]
}

@test "a full map stops no revocation: every key in it is revoked, and its account suspended and deleted" {
    start_daemon --registry-map-size 2MiB
    PYTHONPATH=$SUPPORT python3 - "$POSTERN_URL" <<'PYTHON'
import os, sys
import client

connection = client.Connection(sys.argv[1])


def ask(*calls):
    texts = [f"request_id: {client.quoted(os.urandom(16))} {call}" for call in calls]
    return client.decode(*connection.exchange(client.encode(*texts)))


RESOURCE_EXHAUSTED = 8
keys, refused = [], set()
assert client.code_of(ask('put_account { account: "acme" }')[0]) == 0
while not refused:
    replies = ask(*["create { account: \"acme\" name: \"n\" }"] * 32)
    keys += [reply["create"]["key"]["key_id"] for reply in replies if client.code_of(reply) == 0]
    refused = {client.code_of(reply) for reply in replies} - {0}
assert refused == {RESOURCE_EXHAUSTED} and len(keys) > 100, (refused, len(keys))
codes = {client.code_of(reply) for reply in ask(*(f'revoke {{ key_id: "{key}" }}' for key in keys))}
assert codes == {0}, codes
PYTHON
    postern account suspend acme
    postern account revoke-all acme
    postern account delete acme
    # How many pages are free now depends on how the revocations came together in commits; in the end it is full again.
    local n=0
    run postern account put other-0
    while [ "$status" -eq 0 ] && [ "$n" -lt 500 ]; do
        n=$((n + 1))
        run postern account put "other-$n"
    done
    [ "$status" -eq 1 ]
    [[ "$output" == *RESOURCE_EXHAUSTED* ]]
    stop_daemon
    posternd --check "$DAEMON_DATA"
}
