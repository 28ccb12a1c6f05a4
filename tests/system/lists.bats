#!/usr/bin/env bats
# Lists: reminders about keys that want attention, tables for people, and pages that belong to one query and caller.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/keys

setup_file() {
    start_daemon
    postern tier put free --limit requests=100/min --default
    postern scope put read --default --public-safe
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

# lists NAMES [OPTION]...: the names of the keys that are found, in this order.
lists() {
    call list --account "$ACCOUNT" "${@:2}"
    done_so
    [ "$(jq -r '[.keys[].name] | join(" ")' <<<"$output")" = "$1" ] || { echo "wanted $1, got: $output"; return 1; }
}

# sorted NAMES [OPTION]...: the same in any order.
sorted() {
    call list --account "$ACCOUNT" "${@:2}"
    done_so
    [ "$(jq -r '[.keys[].name] | sort | join(" ")' <<<"$output")" = "$1" ] && return 0
    echo "wanted $1, got: $output"
    return 1
}

created_ms() {
    postern get "$1" --json | jq .key.created_at_ms
}

@test "K14 keys older than a span or a moment are listed" {
    make_key "$ACCOUNT" older
    make_key "$ACCOUNT" newer
    local moment
    moment=$(created_ms "$KEY_ID")
    lists older --older-than "$moment"
    sorted "newer older" --older-than $((moment + 1))
    lists "" --older-than 90d
    try postern list --account "$ACCOUNT" --older-than 90d
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [[ "$stderr" == *"No such keys"* ]]
}

@test "X6 keys are found by the beginning of their name, by scope and by metadata" {
    postern scope put jobs:run --default >/dev/null
    make_key "$ACCOUNT" prod-ingest --scope jobs:run --metadata team=data --metadata owner=ann
    make_key "$ACCOUNT" prod-export --scope 'jobs:*' --metadata team=data
    make_key "$ACCOUNT" staging --scope admin --metadata team=web --metadata owner=ann
    make_key "$ACCOUNT" reader --scope read
    sorted "prod-export prod-ingest" --name prod-
    sorted "prod-export prod-ingest reader staging" --name ''
    lists "" --name rod
    sorted "prod-export prod-ingest staging" --scope jobs:run
    sorted "reader staging" --scope read
    sorted "prod-export prod-ingest" --metadata team=data
    lists staging --metadata team=web --metadata owner=ann
    lists prod-ingest --name prod --scope jobs:run --metadata owner=ann
    lists "" --metadata team=
    call list --account "$ACCOUNT" --scope 'no scope'
    failed INVALID_ARGUMENT list.scope
}

@test "X6 a token says whose it is, without a charge, in any state" {
    make_key "$ACCOUNT" found --limit requests=1/day
    local i
    for i in 1 2; do
        try postern get --token - --json <<<"$TOKEN"
        done_so ".key.key_id == \"$KEY_ID\" and .key.name == \"found\""
    done
    allowed
    postern revoke "$KEY_ID"
    try postern get --token - <<<"$TOKEN"
    [ "$status" -eq 0 ]
    [[ "$output" == *"$KEY_ID"* ]]
    try postern get --token - --json <<<"${TOKEN%?}"
    failed NOT_FOUND get.api_key
    try postern get "$KEY_ID" --token - --json <<<"$TOKEN"
    [ "$status" -eq 2 ]
    try postern get --json
    [ "$status" -eq 2 ]
    # An account-admin learns it of its own account's keys only.
    local token=$TOKEN
    make_key "$ACCOUNT" admin --scope postern:account-admin
    POSTERN_API_KEY=$TOKEN try postern get --token - --json <<<"$token"
    done_so
    postern account put "$ACCOUNT-other" --no-default-public-key >/dev/null
    make_key "$ACCOUNT-other" admin --scope postern:account-admin
    POSTERN_API_KEY=$TOKEN try postern get --token - --json <<<"$token"
    failed NOT_FOUND get.api_key
}

@test "K14 keys that expire soon are listed, the soonest first" {
    make_key "$ACCOUNT" lasting
    make_key "$ACCOUNT" later --expires 40d
    make_key "$ACCOUNT" soon --expires 20d
    make_key "$ACCOUNT" sooner --expires 2d
    sorted "soon sooner" --expires-within 30d
    lists sooner --expires-within 3d
    lists "" --expires-within 1h
    # Over all accounts by the index of expiries.
    call list --expires-within 30d
    done_so '[.keys[] | select(.account == "'"$ACCOUNT"'") | .name] == ["sooner", "soon"]'
    # An expiry that was moved is listed where it is now.
    postern update "$KEY_ID" --expires 50d
    lists soon --expires-within 30d
    postern update "$KEY_ID" --no-expiry
    sorted "later soon" --expires-within 60d
}

@test "K14 keys whose secret was not renewed for long are listed: a roll counts, an update does not" {
    make_key "$ACCOUNT" rolled
    local old=$KEY_ID moment
    make_key "$ACCOUNT" kept
    postern update "$KEY_ID" --name renamed
    roll_key "$old"
    moment=$(created_ms "$KEY_ID")
    lists renamed --not-rolled-since "$moment"
    sorted "renamed rolled" --not-rolled-since $((moment + 1)) --state active
    lists "" --not-rolled-since 90d
}

@test "K14 keys that were never used are listed" {
    make_key "$ACCOUNT" used
    postern verify - <<<"$TOKEN"
    make_key "$ACCOUNT" looked-at
    postern verify - --peek <<<"$TOKEN"
    make_key "$ACCOUNT" unused
    poll 60 only_used_left
    call list --account "$ACCOUNT" --never-used
    done_so '[.keys[].name] | index("unused") != null and index("used") == null'
}

only_used_left() {
    ! postern list --account "$ACCOUNT" --never-used --json | jq -e '[.keys[].name] | index("used")'
}

@test "K14 filters are combined, and the table shows age, expiry and last use" {
    make_key "$ACCOUNT" test-key --expires 20d
    make_key "$ACCOUNT" live-key --env live --expires 10d
    lists live-key --expires-within 30d --env live
    postern disable "$KEY_ID"
    lists live-key --expires-within 30d --state disabled
    lists test-key --expires-within 30d --state active
    try postern list --account "$ACCOUNT" --expires-within 30d
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == KEY_ID*ACCOUNT*NAME*STATE*ENV*TYPE*CREATED*EXPIRES*"LAST USED"* ]]
    [ "${#lines[@]}" -eq 3 ]
    [[ "$output" == *live-key*disabled*live*secret* ]]
    # Columns stand under their heads.
    local at=${lines[0]%%STATE*}
    [[ "${lines[1]:${#at}}" == active* || "${lines[1]:${#at}}" == disabled* ]]
    [[ "${lines[2]:${#at}}" == active* || "${lines[2]:${#at}}" == disabled* ]]
}

@test "pages follow each other and each key is in one of them, whatever happens in between" {
    local n names=()
    for n in 1 2 3 4 5 6 7; do
        make_key "$ACCOUNT" "key-$n"
    done
    call list --account "$ACCOUNT" --page-size 3
    done_so '.keys | length == 3'
    mapfile -t names < <(field '.keys[].name')
    local token
    token=$(field .next_page_token)
    postern delete "$(field '.keys[2].key_id')"
    for n in 1 2; do
        call list --account "$ACCOUNT" --page-size 3 --page-token "$token"
        done_so
        mapfile -t -O "${#names[@]}" names < <(field '.keys[].name')
        token=$(field .next_page_token)
    done
    [ -z "$token" ]
    [ "$(printf '%s\n' "${names[@]}" | sort -u | wc -l)" -eq 7 ]
    [ "${#names[@]}" -eq 7 ]
}

@test "a page token is refused when it is forged, of another query, of another caller or of another call" {
    local n token other
    for n in 1 2 3; do
        make_key "$ACCOUNT" "key-$n" --scope read
    done
    make_key "$ACCOUNT" administrator --scope postern:account-admin
    local admin=$TOKEN
    wire "list { account: \"$ACCOUNT\" page_size: 1 }"
    token=$(field .list.next_page_token)
    wire "list { account: \"$ACCOUNT\" page_size: 2 page_token: \"$token\" }" # its size may change
    [ "$status" -eq 0 ]
    wire "list { account: \"$ACCOUNT\" state: KEY_STATE_ACTIVE page_token: \"$token\" }"
    wire_failed "$INVALID_ARGUMENT" list.page_token
    wire "list { page_token: \"$token\" }"
    wire_failed "$INVALID_ARGUMENT" list.page_token
    wire "list { account: \"$ACCOUNT\" page_token: \"x$token\" }"
    wire_failed "$INVALID_ARGUMENT" list.page_token
    wire "list { account: \"$ACCOUNT\" page_token: \"$token\\000\" }"
    wire_failed "$INVALID_ARGUMENT" list.page_token
    wire "list_changes { account: \"$ACCOUNT\" page_token: \"$token\" }"
    wire_failed "$INVALID_ARGUMENT" list_changes.page_token
    wire "list_accounts { page_token: \"$token\" }"
    wire_failed "$INVALID_ARGUMENT" list_accounts.page_token
    POSTERN_API_KEY=$admin wire "list { account: \"$ACCOUNT\" page_token: \"$token\" }"
    wire_failed "$INVALID_ARGUMENT" list.page_token
    POSTERN_API_KEY=$admin wire "list { account: \"$ACCOUNT\" page_size: 1 }"
    other=$(field .list.next_page_token)
    POSTERN_API_KEY=$admin wire "list { account: \"$ACCOUNT\" page_token: \"$other\" }"
    [ "$status" -eq 0 ]
}

@test "every bit of a page token counts" {
    make_key "$ACCOUNT" one
    make_key "$ACCOUNT" two
    PYTHONPATH=$SUPPORT run python3 - "$POSTERN_URL" "$ACCOUNT" <<'PYTHON'
import json, subprocess, sys, base64
import client

url, account = sys.argv[1:]
words = ["postern", "list", "--account", account, "--page-size", "1", "--json"]
page = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
token = base64.b64decode(page["next_page_token"])
forged = [token[:n] + bytes([token[n] ^ 1 << n % 8]) + token[n + 1:] for n in range(len(token))]
forged += [token[:n] for n in range(1, len(token))] + [token + b"\0", token * 2]
asks = [f'list {{ account: "{account}" page_size: 1 page_token: {client.quoted(data)} }}' for data in [token] + forged]
bodies = client.encode(*asks)
codes = [client.code_of(reply) for reply in client.decode(*client.Connection(url).exchange(bodies))]
if codes[0] != 0 or set(codes[1:]) != {3}:
    sys.exit(f"codes {codes}")
PYTHON
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "accounts, tiers and scopes are listed in pages, in the order of their names" {
    local n
    for n in 1 2 3 4 5; do
        postern account put "zz-$n" --no-default-public-key
        postern tier put "zz-$n"
        postern scope put "zz-$n"
    done
    local what field
    for what in account tier scope; do
        call "$what" list --page-size 2
        done_so ".${what}s | length == 2"
        try postern "$what" list --page-size 2 --all --json
        [ "$status" -eq 0 ]
        [ "$(jq -r ".${what}s[].$what" <<<"$output" | grep -c '^zz-')" -eq 5 ]
        jq -r ".${what}s[].$what" <<<"$output" | LC_ALL=C sort -c
    done
}

@test "a tier and a scope are shown by their name, as one line or as one object, and one that is not there is said" {
    local what n
    for what in tier scope; do
        call "$what" get no-such-name
        failed NOT_FOUND "" "$what \\\"no-such-name\\\"" "postern $what list"
        for n in 1 2 3; do
            postern "$what" put "shown-$n" >/dev/null
        done
        call "$what" get shown-2
        done_so ".$what.$what == \"shown-2\" and (keys == [\"$what\"])"
    done
    try postern tier get free
    [ "$output" = "tier free: requests=100/min (default)" ]
    try postern scope get read
    [ "$output" = "scope read, default, public-safe" ]
}

@test "the tables of accounts, tiers and scopes have a head, and a line for each with what matters" {
    postern tier put pair --limit requests=1/min --limit productions=2/day
    postern scope put table:read --implies read --description "tables" --public-safe
    postern account put "$ACCOUNT" --tier pair --env test --env live --no-default-public-key
    try postern account list --all
    [[ "${lines[0]}" == ACCOUNT*"DISPLAY NAME"*TIER*ENVIRONMENTS*STATE*CREATED* ]]
    grep -qE "^$ACCOUNT +pair +test, live +active " <<<"$output"
    try postern tier list --all
    [[ "${lines[0]}" == TIER*LIMITS* ]]
    grep -qE '^free +default +requests=100/min' <<<"$output"
    grep -qE '^pair +requests=1/min, productions=2/day' <<<"$output"
    try postern scope list --all
    [[ "${lines[0]}" == SCOPE*DEFAULT*PUBLIC*IMPLIES*DESCRIPTION* ]]
    grep -qE '^table:read +yes +read +tables' <<<"$output"
}
