#!/usr/bin/env bats
# What a key may do: scopes and their catalogue, accounts, addresses; and how each refusal reads.

load ../support/keys

bats_require_minimum_version 1.5.0

setup_file() {
    noon_now
    start_daemon
    postern tier put free --limit requests=100/min --limit productions=3/day --default
    postern scope put read --description "see everything" --default --public-safe
    postern scope put write --description "change things"
    postern scope put webhook --description "receive events"
    postern scope put jobs:run
    postern scope put jobs:read
    postern scope put worker --implies jobs:run --implies jobs:read
    postern scope put lead --implies worker --implies write
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

# --------------------------------------------------------------------------------------------------------------- P1

@test "P1 the catalogue tells what each scope means" {
    call scope list
    done_so '[.scopes[].scope] == ["jobs:read", "jobs:run", "lead", "read", "webhook", "worker", "write"]'
    answer '.scopes[] | select(.scope == "read") | .description == "see everything" and .is_default and .public_safe'
    answer '.scopes[] | select(.scope == "lead") | .implies == ["worker", "write"] and (.is_default | not)'
    try postern scope list
    [[ "$output" == *webhook*"receive events"* ]]
}

@test "P1 a key has the scopes that it was given, and those that they imply" {
    make_key "$ACCOUNT" hooks --scope webhook --scope worker
    allowed --scope webhook --scope worker --scope jobs:run --scope jobs:read
    answer '.scopes == ["webhook", "worker"]'
    refused INSUFFICIENT_SCOPE 403 --scope webhook --scope read --scope lead
    answer '.missing_scopes == ["read", "lead"]'
    make_key "$ACCOUNT" boss --scope lead
    allowed --scope jobs:run --scope write
    refused INSUFFICIENT_SCOPE 403 --scope webhook
}

@test "X5 of alternative scopes one is enough, and each group needs one" {
    make_key "$ACCOUNT" hooks --scope webhook --scope worker
    allowed --scope 'read|webhook'
    allowed --scope 'read|jobs:run' --scope webhook --scope 'worker|write'
    refused INSUFFICIENT_SCOPE 403 --scope 'read|write' --scope webhook
    answer '.missing_scopes == ["read|write"]'
    refused INSUFFICIENT_SCOPE 403 --scope 'webhook|read' --scope 'read|write' --scope lead
    answer '.missing_scopes == ["lead", "read|write"]'
    refused INSUFFICIENT_SCOPE 403 --scope 'postern:operator|postern:verify'
    verify --scope 'read|*'
    failed INVALID_ARGUMENT 'verify.scope_alternatives[0].scopes[1]'
    local wrong
    for wrong in 'read|' '|' 'read||write'; do
        verify --scope "$wrong"
        [[ "$status $output" == "2 "*'lacks a scope beside a |'* ]]
    done
    wire "verify { api_key: \"$TOKEN\" scope_alternatives { scopes: \"read\" scopes: \"\" } }"
    wire_failed "$INVALID_ARGUMENT" "verify.scope_alternatives[0].scopes[1]"
    verify $(printf -- '--scope read|webhook %.0s' {1..9})
    failed INVALID_ARGUMENT verify.scope_alternatives
    # Nothing is never enough.
    wire "verify { api_key: \"$TOKEN\" peek: true scope_alternatives { } }"
    answer '.verify.reason == "REASON_INSUFFICIENT_SCOPE"'
}

@test "P1 admin is everything, but never the daemon's own scopes" {
    make_key "$ACCOUNT" root --scope admin
    allowed --scope read --scope write --scope webhook --scope jobs:run --scope lead --scope not:in:the:catalogue
    local scope
    for scope in postern:verify postern:ratecheck postern:account-admin postern:operator; do
        refused INSUFFICIENT_SCOPE 403 --scope "$scope"
    done
    call scope put admin --description mine
    failed INVALID_ARGUMENT
    call scope put postern:mine
    failed INVALID_ARGUMENT
    call scope put mine --implies postern:operator
    failed INVALID_ARGUMENT
}

@test "P1 a wildcard covers what begins so, and no more" {
    make_key "$ACCOUNT" jobs --scope 'jobs:*'
    allowed --scope jobs:run --scope jobs:read --scope jobs:made:later
    refused INSUFFICIENT_SCOPE 403 --scope jobs
    refused INSUFFICIENT_SCOPE 403 --scope read
    call create --account "$ACCOUNT" --name n --scope 'postern:*'
    [ "$status" -eq 1 ]
    answer '.error.field == "create.scopes[0]"'
    call create --account "$ACCOUNT" --name n --scope '*'
    failed INVALID_ARGUMENT 'create.scopes[0]'
    call create --account "$ACCOUNT" --name n --scope 'nothing:*'
    failed NOT_FOUND 'create.scopes[0]' 'nothing:'
}

@test "P1 a scope that is not in the catalogue is refused by name, at creation and later" {
    call create --account "$ACCOUNT" --name n --scope read --scope wriet
    failed NOT_FOUND 'create.scopes[1]' wriet 'postern scope put wriet'
    make_key "$ACCOUNT"
    call update "$KEY_ID" --scope read --scope write --scope wriet
    failed NOT_FOUND 'update.scopes[2]' wriet
    call get "$KEY_ID"
    done_so '.key.scopes == ["read"]'
    call update "$KEY_ID" --scope write
    done_so '.key.scopes == ["write"]'
    allowed --scope write
    call update "$KEY_ID" --no-scopes
    done_so '.key.scopes == []'
    refused INSUFFICIENT_SCOPE 403 --scope read
}

@test "P1 scopes that imply each other in a circle end, and hold only each other" {
    postern scope put round-a
    postern scope put round-b --implies round-a
    postern scope put round-c --implies round-b
    postern scope put round-a --implies round-c --implies round-a
    make_key "$ACCOUNT" round --scope round-b
    allowed --scope round-a --scope round-b --scope round-c
    refused INSUFFICIENT_SCOPE 403 --scope read
}

@test "P1 what a scope implies can change, and then changes what keys may do at once" {
    postern scope put role --implies read
    make_key "$ACCOUNT" r --scope role
    allowed --scope read
    postern scope update role --implies write
    allowed --scope write
    refused INSUFFICIENT_SCOPE 403 --scope read
    call scope delete role
    done_so
    refused INSUFFICIENT_SCOPE 403 --scope write
    call create --account "$ACCOUNT" --name n --scope role
    failed NOT_FOUND 'create.scopes[0]' role
}

@test "P1 a batch with as many scopes as the bounds allow is answered" {
    local calls
    calls=$(printf ' scopes: "a"%.0s' $(seq 64))
    calls=$(printf " calls { api_key: \"x\" $calls }%.0s" $(seq 64))
    wire "verify_batch { $calls }"
    [ "$status" -eq 0 ]
    answer '.verify_batch.replies | length == 64'
}

@test "P1 ten thousand scopes: in one call, and in the catalogue" {
    local all
    all=$(printf ' scopes: "a"%.0s' $(seq 10000))
    wire "request_id: \"$(fresh_id)\" create { account: \"$ACCOUNT\" name: \"n\" $all }"
    wire_failed "$INVALID_ARGUMENT" create.scopes
    answer '.status.message | test("more elements than 64")'
    wire "verify { api_key: \"x\" $all }"
    wire_failed "$INVALID_ARGUMENT" verify.scopes
    wire "verify_batch { calls { api_key: \"x\" } calls { api_key: \"x\" $all } }"
    wire_failed "$INVALID_ARGUMENT" 'verify_batch.calls[1].scopes'
    all=$(for n in $(seq 1000); do printf ' metadata { key: "k%d" value: "v" }' "$n"; done)
    wire "request_id: \"$(fresh_id)\" create { account: \"$ACCOUNT\" name: \"n\" $all }"
    wire_failed "$INVALID_ARGUMENT" create.metadata
    all=$(printf ' limits { resource: "r" amount: 1 window_s: 60 }%.0s' $(seq 1000))
    wire "request_id: \"$(fresh_id)\" put_tier { tier: \"t\" $all }"
    wire_failed "$INVALID_ARGUMENT" put_tier.limits
    all=$(printf ' scopes: "read"%.0s' $(seq 65))
    wire "request_id: \"$(fresh_id)\" create { account: \"$ACCOUNT\" name: \"n\" $all }"
    wire_failed "$INVALID_ARGUMENT" create.scopes
    PYTHONPATH=$SUPPORT python3 - "$POSTERN_URL" <<'PYTHON'
import os, sys
import client

# Of 10,000 that are put, those fit that the bound lets in, with what was there before.
texts = [f'request_id: {client.quoted(os.urandom(16))} put_scope {{ scope: "s{n}" }}' for n in range(10000)]
replies = client.decode(*client.Connection(sys.argv[1]).exchange(client.encode(*texts), outstanding=64))
codes = [client.code_of(reply) for reply in replies]
if set(codes) != {0, 8} or not 4000 < codes.count(0) < 4096:
    sys.exit(f"{ {code: codes.count(code) for code in set(codes)} }")
page, seen, token = None, 0, ""
while page is None or token:
    page = client.Client(sys.argv[1]).ask(f'list_scopes {{ page_size: 500 page_token: "{token}" }}')["list_scopes"]
    seen += len(page["scopes"])
    token = page.get("next_page_token", "")
if seen != 4096:
    sys.exit(f"{seen} are listed")
PYTHON
    make_key "$ACCOUNT" still --scope lead
    allowed --scope jobs:run
}

# --------------------------------------------------------------------------------------------------------- P2 and P3

@test "P2 creating and revoking takes the account's administrator, and a refusal says so" {
    make_key "$ACCOUNT" administrator --scope postern:account-admin --scope read
    local admin=$TOKEN
    make_key "$ACCOUNT" worker --scope read --scope write
    local plain=$TOKEN plain_id=$KEY_ID
    as "$plain" create --account "$ACCOUNT" --name more
    failed PERMISSION_DENIED '' account-admin 'postern:account-admin'
    as "$plain" revoke "$KEY_ID"
    failed PERMISSION_DENIED '' account-admin
    as "$admin" create --account "$ACCOUNT" --name more --scope read
    done_so
    note_token "$(field .api_key)"
    answer ".key.created_by | startswith(\"key_\")"
    as "$admin" revoke "$plain_id" --reason unused
    done_so '.key.state == "REVOKED"'
    TOKEN=$plain
    refused REVOKED_API_KEY 401
}

@test "P3 what belongs to another account is not there, whatever a key asks for" {
    postern account put "$ACCOUNT-b" --env test --env live --no-default-public-key
    make_key "$ACCOUNT-b" theirs --scope read
    local theirs=$KEY_ID theirs_token=$TOKEN word
    make_key "$ACCOUNT" administrator --scope postern:account-admin --scope admin
    local admin=$TOKEN
    for word in get "revoke" delete roll disable enable "update --name mine"; do
        # shellcheck disable=SC2086 # a command and its options
        as "$admin" ${word%% *} "$theirs" ${word#"${word%% *}"}
        failed NOT_FOUND
        [[ "$output" != *"$ACCOUNT-b"* ]]
    done
    as "$admin" create --account "$ACCOUNT-b" --name mine
    failed NOT_FOUND create.account
    as "$admin" list --account "$ACCOUNT-b"
    failed NOT_FOUND list.account
    as "$admin" list
    done_so '[.keys[].account] | unique == ["'"$ACCOUNT"'"]'
    as "$admin" audit --account "$ACCOUNT-b"
    failed NOT_FOUND list_changes.account
    as "$admin" audit
    [ "$status" -eq 0 ]
    [ "$(jq -r .account <<<"$output" | sort -u)" = "$ACCOUNT" ]
    TOKEN=$theirs_token
    allowed --account "$ACCOUNT-b"
    refused WRONG_ACCOUNT 403 --account "$ACCOUNT"
}

# --------------------------------------------------------------------------------------------------------------- P4

@test "P4 a suspended account's keys are all refused at once, and work again when it is lifted" {
    make_key "$ACCOUNT" one
    local one=$TOKEN
    make_key "$ACCOUNT" two
    call account suspend "$ACCOUNT"
    done_so '.account.suspended'
    for TOKEN in "$TOKEN" "$one"; do
        refused ACCOUNT_SUSPENDED 403
    done
    call create --account "$ACCOUNT" --name three
    failed FAILED_PRECONDITION create.account
    # What was revoked meanwhile stays so.
    call revoke "$KEY_ID"
    done_so
    call account resume "$ACCOUNT"
    done_so '.account.suspended | not'
    allowed
    call get "$KEY_ID"
    done_so '.key.state == "REVOKED"'
}

@test "P4 suspending keeps the account's other settings" {
    call account put "$ACCOUNT" --env live --display-name "Acme Inc" --limit requests=7/min --max-keys 5 --metadata k=v
    call account get "$ACCOUNT"
    local before
    before=$(jq -c '.account | del(.version, .suspended)' <<<"$output")
    call account suspend "$ACCOUNT"
    [ "$(jq -c '.account | del(.version, .suspended)' <<<"$output")" = "$before" ]
    call account resume "$ACCOUNT"
    [ "$(jq -c '.account | del(.version, .suspended)' <<<"$output")" = "$before" ]
}

# --------------------------------------------------------------------------------------------------------------- P5

@test "P5 a key with an address list is allowed from there alone, v4 and v6" {
    make_key "$ACCOUNT" edge --address 192.0.2.0/24 --address 2001:db8:1::/48 --address 203.0.113.7
    local address
    for address in 192.0.2.1 192.0.2.255 203.0.113.7 2001:db8:1::1 2001:DB8:1:ffff:0:0:0:9 ::ffff:192.0.2.9; do
        allowed --address "$address"
    done
    for address in 192.0.3.1 203.0.113.8 2001:db8:2::1 ::1 ::ffff:192.0.3.9 0.0.0.0; do
        refused ADDRESS_NOT_ALLOWED 403 --address "$address"
    done
    refused ADDRESS_NOT_ALLOWED 403 # none was given
    call update "$KEY_ID" --address 198.51.100.0/24
    done_so
    refused ADDRESS_NOT_ALLOWED 403 --address 192.0.2.1
    allowed --address 198.51.100.1
    call update "$KEY_ID" --no-addresses
    allowed
}

@test "P5 networks and addresses that are none are refused by name" {
    local wrong
    for wrong in 10.0.0.0/33 10.0.0.1/8 10.0.0/8 2001:db8::/129 300.1.1.1 all '10.0.0.0/08' ' 10.0.0.0/8' 10.0.0.0/; do
        call create --account "$ACCOUNT" --name n --address 10.0.0.0/8 --address "$wrong"
        failed INVALID_ARGUMENT 'create.allowed_addresses[1]'
    done
}

@test "P5 an address that is none refuses only a key that has a list, and is noted as unknown" {
    local given
    make_key "$ACCOUNT" anywhere
    local anywhere=$TOKEN anywhere_id=$KEY_ID
    make_key "$ACCOUNT" edge --address 10.0.0.0/8
    for given in unknown _hidden 10.0.0.1/32 localhost '10.0.0.1, 10.0.0.2' "$(printf 'a%.0s' {1..5000})" $'\xff'; do
        TOKEN=$anywhere allowed --address "$given"
        refused ADDRESS_NOT_ALLOWED 403 --address "$given"
    done
    TOKEN=$anywhere use --address unknown
    done_so .allowed
    call get "$anywhere_id"
    done_so '.key.last_used_address == "unknown"'
}

@test "P5 an address may have a port and a zone" {
    local given
    make_key "$ACCOUNT" edge --address 10.0.0.0/8 --address 2001:db8::/32 --address fe80::/64
    for given in 10.0.0.1:443 '[2001:db8::1]:443' '[2001:db8::1]' fe80::1%eth0 '[fe80::1%eth0]:80' \
        '[::ffff:10.0.0.1]:80'; do
        allowed --address "$given"
    done
    for given in 192.0.2.1:443 '[2001:db9::1]:443' fe81::1%eth0; do
        refused ADDRESS_NOT_ALLOWED 403 --address "$given"
    done
}

# --------------------------------------------------------------------------------------------------------- E1 and E2

@test "E1 every refusal of a key is 401, of a permission 403, of too many 429" {
    make_key "$ACCOUNT" k --limit requests=1/min --scope read
    local id=$KEY_ID
    refused INSUFFICIENT_SCOPE 403 --scope write
    refused WRONG_ENVIRONMENT 403 --env live
    refused WRONG_ACCOUNT 403 --account somebody-else
    refused COST_EXCEEDS_LIMIT 429 --charge requests=2
    postern verify - <<<"$TOKEN"
    refused RATE_LIMITED 429
    answer '.retry_after_ms > 0'
    # Who the key is comes before what it may, and that before how often.
    refused INSUFFICIENT_SCOPE 403 --scope write
    call disable "$id"
    refused DISABLED_API_KEY 401 --scope write
    postern enable "$id"
    postern account suspend "$ACCOUNT"
    refused ACCOUNT_SUSPENDED 403 --scope write
    call roll "$id"
    failed FAILED_PRECONDITION
    postern account resume "$ACCOUNT"
    roll_key "$id" --grace 0
    allowed --charge productions
    postern revoke "$KEY_ID"
    refused REVOKED_API_KEY 401
    POSTERN_TOKEN='' try postern verify --json
    answer '.reason == "MISSING_API_KEY" and .http_status == 401'
    TOKEN=acme_live_x
    refused INVALID_API_KEY 401
}

# details KEY VALUE: of the refusal that the wire's answer is.
details() {
    [ "$status" -eq 0 ]
    answer ".status.details == {key: \"$1\", value: \"$2\"} and ((.status.code // 0) == 0)"
}

@test "E2 the refusals carry what a gateway needs for its answer: header, key_id, expired_at" {
    wire 'verify { }'
    answer '.verify.reason == "REASON_MISSING_API_KEY"'
    details header Authorization
    make_key "$ACCOUNT" short --expires 300ms
    wire "verify { api_key: \"${TOKEN%??????????}0000000000\" }"
    answer '.verify.reason == "REASON_INVALID_API_KEY"'
    wire 'verify { api_key: "nothing-like-a-token" }'
    answer '.verify.reason == "REASON_INVALID_API_KEY" and (.status.details | not) and (.verify.key_id | not)'
    # The text carries an id, and its checksum is right: of a key that another installation has.
    local foreign=acme_live_001TSm0PiyImxIY3oDH4mEVFvp7u7ED6UzpF5eHPrBI5AHumY7UBpOQIJz3xtgzj
    wire "verify { api_key: \"$foreign\" }"
    answer '.verify.reason == "REASON_INVALID_API_KEY" and .verify.key_id == "key_001TSm0PiyImxIY"'
    details key_id key_001TSm0PiyImxIY
    poll 60 is_expired
    call get "$KEY_ID"
    local end_ms moment
    end_ms=$(field .key.expires_at_ms)
    moment=$(date -u -d "@$((end_ms / 1000))" +%Y-%m-%dT%H:%M:%S)
    wire "verify { api_key: \"$TOKEN\" }"
    answer '.verify.reason == "REASON_EXPIRED_API_KEY"'
    answer '.status.details.key == "expired_at"'
    answer ".status.details.value | test(\"^$moment(\\\\.[0-9]+)?Z$\")"
}

is_expired() {
    ! postern verify - --peek <<<"$TOKEN"
}
