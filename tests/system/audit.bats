#!/usr/bin/env bats
# The audit chain: who changed what, when, on whose behalf, from what to what; and that nobody changes it unnoticed.

load ../support/keys

setup() {
    note_failures_only
    start_daemon
    ME=uid:$(id -u)
    postern tier put free --limit requests=100/min --default
    postern scope put read --default --public-safe
    postern account put acme --env test --env live --no-default-public-key
}

teardown() {
    drop_daemon
}

# audit [OPTION]...: CHANGES is all that was found, as one list.
audit() {
    try postern audit --json "$@"
    [ "$status" -eq 0 ] || { echo "exit status $status: $output $stderr"; return 1; }
    CHANGES=$(jq -s 'map(select(has("seq")))' <<<"$output") # for none there is the empty answer
}

changes_are() {
    jq -e "$1" <<<"$CHANGES" >/dev/null && return 0
    echo "not so: $1"
    echo "$CHANGES"
    return 1
}

# --------------------------------------------------------------------------------------------------------------- W4

@test "W4 each change says who, when, what, of what account and key, and the fields before and after" {
    local before_ms after_ms
    before_ms=$(date +%s%3N)
    make_key acme "first name" --scope read --limit requests=5/min --metadata team=ops
    postern update "$KEY_ID" --name "second name" --metadata team=data --expires 2040-01-01T00:00:00Z
    postern disable "$KEY_ID"
    postern revoke "$KEY_ID" --reason "left the company"
    after_ms=$(date +%s%3N)
    audit --key "$KEY_ID"
    changes_are '[.[].what] == ["create", "update", "update", "revoke"]'
    changes_are "all(.[]; .actor == \"$ME\" and .on_behalf_of == \"\")"
    changes_are "all(.[]; .account == \"acme\" and .key_id == \"$KEY_ID\")"
    changes_are "all(.[]; .time_ms >= $before_ms - 1000 and .time_ms <= $after_ms + 1000)"
    changes_are '[.[].seq] | . == sort and . == unique'
    changes_are 'map(.before |= from_entries | .after |= from_entries) |
        .[0].before == {} and .[0].after.name == "first name" and .[0].after.scopes == "read" and
        .[0].after.limits == "requests=5/min" and .[0].after."metadata.team" == "ops" and
        .[1].before == {"name": "first name", "expires_at_ms": "0", "metadata.team": "ops"} and
        .[1].after == {"name": "second name", "expires_at_ms": "2208988800000", "metadata.team": "data"} and
        .[2].before.enabled == "true" and .[2].after.enabled == "false" and
        .[3].after.revoke_reason == "left the company" and .[3].before.revoked_at_ms == "0"'
    try postern audit --key "$KEY_ID"
    [[ "${lines[0]}" == SEQ*TIME*WHO*WHAT*ACCOUNT*KEY*CHANGES ]]
    [[ "${lines[2]}" == *"$ME"*update*"name: first name -> second name"* ]]
}

@test "W4 every kind of change is in the audit chain, with what it changed" {
    make_key acme one
    local first=$KEY_ID
    roll_key "$first"
    postern delete "$KEY_ID"
    postern account suspend acme
    postern account resume acme
    postern account revoke-all acme --reason "laptop stolen"
    postern tier put gold --limit requests=7/min
    postern tier delete gold
    postern scope put jobs --implies read
    postern scope delete jobs
    postern account put gone --no-default-public-key
    postern account delete gone
    printf '%s\n' '{"token": "a-token-of-elsewhere", "account": "acme", "name": "moved"}' | postern import
    audit
    local what
    for what in create roll delete put_account revoke_all put_tier delete_tier put_scope delete_scope delete_account \
        import; do
        changes_are "any(.[]; .what == \"$what\")"
    done
    changes_are '[.[] | select(.what == "roll")] | length == 2 and (map(.seq) | unique | length == 1)'
    changes_are 'any(.[]; .what == "put_account" and .account == "acme" and
        (.after | from_entries.suspended == "true"))'
    changes_are 'any(.[]; .what == "revoke_all" and (.after | from_entries | .revoke_reason == "laptop stolen"))'
    changes_are 'any(.[]; .what == "delete_tier" and (.before | from_entries | .limits == "requests=7/min"))'
    # Nothing is left out between the first and the last.
    changes_are '[.[].seq] | unique | . == [range(1; length + 1)]'
}

@test "W4 a change by a credential names the key, and the account on whose behalf it acts" {
    make_key acme administrator --scope postern:account-admin --scope read
    local admin=$TOKEN admin_id=$KEY_ID
    as "$admin" create --account acme --name made
    done_so
    note_token "$(field .api_key)"
    local made
    made=$(field .key.key_id)
    audit --actor "$admin_id"
    changes_are 'length == 1 and .[0].on_behalf_of == "acme"'
    changes_are ".[0] | .actor == \"$admin_id\" and .key_id == \"$made\""
    # The holder of a token may revoke its key, and is in the audit chain too.
    postern revoke --token - <<<"$admin"
    audit --key "$admin_id"
    changes_are ".[-1] | .what == \"revoke\" and .actor == \"$ME\""
    try env POSTERN_API_KEY="$admin" postern audit --json
    failed UNAUTHENTICATED credential
}

@test "W4 changes are found by time, actor, account and key" {
    postern account put other --no-default-public-key
    make_key acme a
    local one=$KEY_ID
    make_key other b
    postern revoke "$one"
    audit
    local all=$CHANGES start end
    audit --account other
    changes_are 'length == 2 and all(.[]; .account == "other")'
    audit --account acme --key "$one"
    changes_are '[.[].what] == ["create", "revoke"]'
    audit --actor "$ME"
    [ "$CHANGES" = "$all" ]
    audit --actor uid:123456789
    changes_are 'length == 0'
    start=$(jq '.[-2].time_ms' <<<"$all") end=$(jq '.[-1].time_ms' <<<"$all")
    [ "$start" -lt "$end" ]
    audit --from "$start" --to "$end"
    changes_are "all(.[]; .time_ms >= $start and .time_ms < $end) and any(.[]; .time_ms == $start)"
    audit --from "$end"
    changes_are '[.[].what] == ["revoke"]'
    audit --to "$start"
    changes_are "length > 0 and all(.[]; .time_ms < $start)"
}

purged() {
    audit --actor posternd
    changes_are 'length > 0'
}

@test "W4 replies past their time are removed by a change that the audit shows" {
    need_time_namespace
    make_key acme one
    audit
    local count=${#lines[@]}
    stop_daemon
    start_daemon_later 960
    poll 60 purged
    changes_are "length == 1 and .[0].seq == $count + 1 and .[0].what == \"purge\" and .[0].account == \"\" and
        (.[0].before | from_entries | .idempotency_records == \"$count\")"
    try postern audit --actor posternd
    [[ "${lines[1]}" == *posternd*purge*"removed idempotency_records: $count; made_before_ms: 20"* ]]
    audit --account acme
    changes_are 'length == 2'
    stop_daemon
    run posternd --check "$DAEMON_DATA"
    [ "$status" -eq 0 ]
}

# The same Create, with the same request_id, each time: the token that it gives.
retried() {
    local text='request_id: "0123456789abcdef" create { account: "acme" name: "one" }'
    RETRIED=$(python3 "$SUPPORT/client.py" "$POSTERN_URL" ask <<<"$text" | jq -er .create.api_key)
    note_token "$RETRIED"
}

@test "replies are kept for a retry as long as the option says, and not longer" {
    need_time_namespace
    local first
    retried
    first=$RETRIED
    stop_daemon
    start_daemon_later 960 --replay-retention-minutes 17
    retried
    [ "$RETRIED" = "$first" ]
    stop_daemon
    start_daemon_later 1080 --replay-retention-minutes 17
    retried
    [ "$RETRIED" != "$first" ]
}

@test "W4 no change shows a secret" {
    make_key acme one
    local secret=$TOKEN
    roll_key "$KEY_ID"
    printf '{"token": "%s", "account": "acme", "name": "moved"}\n' a-token-of-elsewhere | postern import
    audit
    local text
    for text in "$secret" "$TOKEN" "${secret: -49:43}" a-token-of-elsewhere \
        "$(printf a-token-of-elsewhere | sha256sum | cut -c 1-64)"; do
        [[ "$CHANGES" != *"$text"* ]]
    done
    changes_are '[.[] | .before, .after | .[].key] | any(test("hash|token|secret")) | not'
}

@test "W4 a long audit chain comes in pages, without gaps" {
    PYTHONPATH=$SUPPORT python3 - "$POSTERN_URL" <<'PYTHON'
import os, sys
import client

texts = [f'request_id: {client.quoted(os.urandom(16))} put_scope {{ scope: "s{n % 7}" description: "d{n}" }}'
         for n in range(700)]
for reply in client.decode(*client.Connection(sys.argv[1]).exchange(client.encode(*texts))):
    assert client.code_of(reply) == 0, reply
PYTHON
    audit
    changes_are 'length >= 700 and ([.[].seq] | unique | . == [range(1; length + 1)])'
    # What one change left is what the next one to the same scope found.
    changes_are 'map(select(.what == "put_scope") | .before |= from_entries | .after |= from_entries) |
        group_by(.after.scope) | length == 8 and all(.[]; [.[:-1], .[1:]] | transpose |
        all(.[]; .[0].after.description == .[1].before.description))'
}

# ------------------------------------------------------------------------------------------------- nobody changes it

# checks_bad [TEXT]: --check of this directory finds fault, and says so.
checks_bad() {
    run posternd --check "$DAEMON_DATA"
    [ "$status" -eq 1 ] || { echo "exit status $status: $output"; return 1; }
    [ -n "$output" ]
    [ $# -eq 0 ] || [[ "$output" == *"$1"* ]] || { echo "does not say \"$1\": $output"; return 1; }
}

@test "one byte changed in one entry of any table is found by --check" {
    make_key acme one --metadata team=ops
    roll_key "$KEY_ID"
    make_key acme two --expires 30d
    make_key acme site --type public
    postern delete "$KEY_ID"
    printf '{"token": "a-token-of-elsewhere", "account": "acme", "name": "moved"}\n' | postern import
    postern tier put gold --limit requests=7/min
    stop_daemon
    posternd --check "$DAEMON_DATA"
    local registry=$DAEMON_DATA/registry dump
    mdb_dump -a "$registry" >"$DAEMON_HOME/dump"
    python3 - "$DAEMON_HOME/dump" <<'PYTHON'
# One file for each table, in which the last hex digit of its last entry differs: in the value, or in the key where
# values are empty.
import sys

lines = open(sys.argv[1]).read().split("\n")
table, changed = None, []
for number, line in enumerate(lines):
    if line.startswith("database="):
        table = line.split("=")[1]
    if line != "DATA=END" or lines[number - 1] == "HEADER=END":
        continue
    at = number - 1 if lines[number - 1].strip() else number - 2
    digit = "%x" % (int(lines[at][-1], 16) ^ 1)
    changed.append(table)
    with open(f"{sys.argv[1]}.{table}", "w") as file:
        file.write("\n".join(lines[:at] + [lines[at][:-1] + digit] + lines[at + 1:]))
assert len(set(changed)) == len(changed) >= 10, changed
PYTHON
    for dump in "$DAEMON_HOME"/dump.*; do
        load_store "$dump"
        checks_bad || { echo "a byte of ${dump##*.}"; return 1; }
    done
    load_store "$DAEMON_HOME/dump" # itself is sound
    posternd --check "$DAEMON_DATA"
}

# load_store DUMP: it is the whole store.
load_store() {
    rm -rf "$DAEMON_DATA/registry"
    mkdir -m 0700 "$DAEMON_DATA/registry"
    (umask 077 && mdb_load -f "$1" "$DAEMON_DATA/registry" 2>/dev/null)
}

@test "--check names the first broken entry of the chain" {
    make_key acme "before the marked one"
    make_key acme "a marked name"
    make_key acme "after the marked one"
    audit
    local seq
    seq=$(jq '.[] | select(.after | any(.value == "a marked name")) | .seq' <<<"$CHANGES")
    stop_daemon
    sed -i 's/a marked name/a market name/g' "$DAEMON_DATA/registry/data.mdb"
    checks_bad "$seq"
}

@test "a store of yesterday, put in place of today's, is noticed at the start" {
    make_key acme one
    stop_daemon
    cp -a "$DAEMON_DATA/registry" "$DAEMON_HOME/yesterday"
    start_daemon
    make_key acme two
    postern revoke "$KEY_ID"
    stop_daemon
    mv "$DAEMON_DATA/registry" "$DAEMON_HOME/today"
    cp -a "$DAEMON_HOME/yesterday" "$DAEMON_DATA/registry"
    run timeout 60 posternd --data "$DAEMON_DATA" --listen "$POSTERN_URL"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *witness* ]]
    checks_bad witness
    rm -rf "$DAEMON_DATA/registry"
    mv "$DAEMON_HOME/today" "$DAEMON_DATA/registry"
    start_daemon
    refused REVOKED_API_KEY 401
}

@test "the witness beside the keyring is signed, and anybody can verify an exported copy" {
    local witness=$DAEMON_DATA/secrets/witness seq
    make_key acme one
    stop_daemon
    [ "$(stat -c %a "$witness")" = 600 ]
    cp "$witness" "$DAEMON_HOME/exported"
    seq=$(python3 "$SUPPORT/witness.py" "$DAEMON_HOME/exported")
    [ "$seq" -eq 4 ] # tier, scope, account, key
    sed -i "s/seq=4/seq=5/" "$DAEMON_HOME/exported"
    run python3 "$SUPPORT/witness.py" "$DAEMON_HOME/exported"
    [ "$status" -eq 1 ]
    # Nor does the daemon take a forged one.
    cp "$witness" "$DAEMON_HOME/good"
    cp "$DAEMON_HOME/exported" "$witness"
    checks_bad witness
    cp "$DAEMON_HOME/good" "$witness"
    posternd --check "$DAEMON_DATA"
}

@test "the witness is kept where the keyring is" {
    stop_daemon
    mkdir -m 0700 "$DAEMON_HOME/elsewhere"
    mv "$DAEMON_DATA/secrets/keyring" "$DAEMON_DATA/secrets/witness" "$DAEMON_HOME/elsewhere/"
    start_daemon --secrets "$DAEMON_HOME/elsewhere/keyring"
    make_key acme one
    stop_daemon
    [ "$(python3 "$SUPPORT/witness.py" "$DAEMON_HOME/elsewhere/witness")" -eq 4 ]
    [ ! -e "$DAEMON_DATA/secrets/witness" ]
}
