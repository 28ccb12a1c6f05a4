#!/usr/bin/env bats
# The life of a key: kinds, expiry, revoke, delete, disable, and what is kept with it. Its roll: roll.bats.

load ../support/keys

setup_file() {
    start_daemon
    postern tier put free --limit requests=100/min --default
    postern scope put read --description "see things" --default --public-safe
    postern scope put write --description "change things"
    postern scope put jobs:run
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

teardown() {
    drop_own_daemon
}

# ---------------------------------------------------------------------------------------------------- K2, K7, K8, K16

@test "K2 what a list of names says twice is taken once" {
    call scope put twice --implies read --implies write --implies read
    done_so '.scope.implies == ["read", "write"]'
    make_key "$ACCOUNT" doubled --scope read --scope read --address 192.0.2.1 --address 192.0.2.1
    call get "$KEY_ID"
    done_so '.key.scopes == ["read"] and .key.allowed_addresses == ["192.0.2.1"]'
    call update "$KEY_ID" --add-scope write --add-scope write
    done_so '.key.scopes == ["read", "write"]'
    call update "$KEY_ID" --scope jobs:run --scope jobs:run
    done_so '.key.scopes == ["jobs:run"]'
    postern scope delete twice
}

@test "K2 a key made without scopes has those that the catalogue marks as default, and no more" {
    make_key "$ACCOUNT"
    call get "$KEY_ID"
    done_so '.key.scopes == ["read"]'
    allowed --scope read
    refused INSUFFICIENT_SCOPE 403 --scope read --scope write
    answer '.missing_scopes == ["write"]'
    # What is asked for replaces the default.
    make_key "$ACCOUNT" writer --scope write
    refused INSUFFICIENT_SCOPE 403 --scope read
}

@test "K7 a public key identifies: its token can be read again, and a call can insist on a secret one" {
    make_key "$ACCOUNT" site --type public
    [[ "$TOKEN" =~ ^[a-z]+_pub_test_[0-9A-Za-z]{64}$ ]]
    call get "$KEY_ID"
    done_so ".key | .type == \"PUBLIC\" and .public_token == \"$TOKEN\""
    call list --account "$ACCOUNT"
    done_so ".keys[0].public_token == \"$TOKEN\""
    allowed --scope read
    answer '.type == "PUBLIC"'
    refused SECRET_KEY_REQUIRED 403 --secret-only
    make_key "$ACCOUNT" backend
    allowed --secret-only
    call get "$KEY_ID"
    done_so '.key | .type == "SECRET" and .public_token == ""'
}

@test "K7 a public key has scopes that are marked as safe for it, and no others" {
    call create --account "$ACCOUNT" --name site --type public --scope read --scope write
    failed FAILED_PRECONDITION 'create.scopes[1]' write
    local scope
    for scope in admin 'jobs:*' postern:verify; do
        call create --account "$ACCOUNT" --name site --type public --scope "$scope"
        failed INVALID_ARGUMENT 'create.scopes[0]' "$scope"
    done
    make_key "$ACCOUNT" site --type public
    call update "$KEY_ID" --scope write
    failed FAILED_PRECONDITION 'update.scopes[0]' write
    allowed --scope read
}

@test "K8 a new account gets a default public key, once, unless it is switched off" {
    call account put "$ACCOUNT-new" --tier free
    done_so '.default_public_key | .name == "Default public key" and .type == "PUBLIC" and .environment == "TEST"'
    TOKEN=$(field .default_public_key.public_token)
    KEY_ID=$(field .default_public_key.key_id)
    allowed --scope read
    answer ".account == \"$ACCOUNT-new\" and .key_id == \"$KEY_ID\""
    call account put "$ACCOUNT-new" --display-name again
    done_so '(.default_public_key.key_id // "") == ""'
    call list --account "$ACCOUNT-new"
    done_so '.keys | length == 1'
    call account put "$ACCOUNT-bare" --no-default-public-key
    done_so '(.default_public_key.key_id // "") == ""'
    call list --account "$ACCOUNT-bare"
    done_so '(.keys // []) | length == 0'
}

@test "K16 a name and metadata are kept with the key, and shown to whoever verifies it" {
    make_key "$ACCOUNT" "nightly export" --metadata team=ops --metadata "ticket=OPS-12 b"
    allowed
    answer '.key_name == "nightly export"'
    answer '.metadata | map({(.key): .value}) | add == {team: "ops", ticket: "OPS-12 b"}'
    call update "$KEY_ID" --name "weekly export" --metadata team=data
    done_so '.key.name == "weekly export" and .key.metadata == [{key: "team", value: "data"}]'
    allowed
    answer '.key_name == "weekly export" and (.metadata | length == 1)'
    call update "$KEY_ID" --no-metadata
    done_so '.key.metadata == []'
}

@test "K16 metadata over its bounds is refused" {
    local n many=() long
    for n in $(seq 17); do
        many+=(--metadata "key$n=value")
    done
    call create --account "$ACCOUNT" --name n "${many[@]}"
    failed INVALID_ARGUMENT create.metadata
    long=$(head -c 2048 /dev/zero | tr '\0' x)
    call create --account "$ACCOUNT" --name n --metadata "k=$long"
    failed INVALID_ARGUMENT
    call create --account "$ACCOUNT" --name n --metadata k=1 --metadata k=2
    failed INVALID_ARGUMENT
}

@test "a key is shown with all that is set, a line each, and what an update takes away is gone" {
    local key words
    make_key "$ACCOUNT" site --env live --scope read --scope write --limit requests=10/min --metadata a=1 \
        --metadata b=2 --address 10.0.0.0/8 --expires 90d
    key=$KEY_ID
    words="key id $key;account $ACCOUNT;name site;state active;environment live;type secret;scopes read, write;"
    words+="limits requests=10/min;allowed addresses 10.0.0.0/8;metadata a=1; b=2;created;created by uid:$UID;expires"
    [ "$(shown get "$key")" = "$words" ] || { shown get "$key"; return 1; }
    words="key id $key;account $ACCOUNT;name other;state active;environment live;type secret;"
    words+="created;created by uid:$UID"
    local none=(--no-scopes --no-limits --no-addresses --no-metadata --no-expiry)
    [ "$(shown update "$key" --name other "${none[@]}")" = "$words" ]
    try postern update "$key" --scope read --no-scopes
    [ "$status" -eq 2 ]
    [[ "$stderr" == *"--scope and --no-scopes exclude each other"* ]]
    try postern update "$key"
    [ "$status" -eq 2 ]
    try postern update "$key" --env test
    [ "$status" -eq 2 ]
}

# shown WORD...: what postern prints about a key, with one space between words, ";" between lines and no times.
shown() {
    postern "$@" | sed -E 's/ +20[0-9-]+T[0-9:]+Z \([^)]+\)$//; s/ +/ /g' | paste -sd ';'
}

# -------------------------------------------------------------------------------------------------------------- K9

make_short() {
    make_key "$ACCOUNT" "short $1" --expires "${1}ms"
    call get "$KEY_ID"
    END_MS=$(field .key.expires_at_ms)
}

@test "K9 an expired key is refused from the first millisecond after its time" {
    ends_exactly make_short
    call get "$KEY_ID"
    done_so '.key.state == "EXPIRED"'
    call update "$KEY_ID" --expires 1d
    failed FAILED_PRECONDITION update.key_id EXPIRED
    call roll "$KEY_ID"
    failed FAILED_PRECONDITION roll.key_id EXPIRED
}

@test "K9 an expiry can be set, moved and taken away, but not into the past" {
    make_key "$ACCOUNT"
    call update "$KEY_ID" --expires 1d
    done_so '.key.expires_at_ms > 0'
    call update "$KEY_ID" --expires 2d
    done_so
    call update "$KEY_ID" --no-expiry
    done_so '.key.expires_at_ms == 0'
    call update "$KEY_ID" --expires 2020-01-31T12:00:00Z
    failed INVALID_ARGUMENT update.expires_at_ms
    call create --account "$ACCOUNT" --name n --expires 2020-01-31T12:00:00Z
    failed INVALID_ARGUMENT create.expires_at_ms
}

@test "X6 a key can be made to work from a moment on" {
    make_key "$ACCOUNT" later --not-before 1h
    verify
    answer '(.allowed | not) and .reason == "NOT_YET_VALID_API_KEY" and .http_status == 401'
    call get "$KEY_ID"
    done_so '.key.state == "PENDING" and .key.not_before_ms > .key.created_at_ms'
    call list --account "$ACCOUNT" --state pending
    done_so "[.keys[].key_id] == [\"$KEY_ID\"]"
    call update "$KEY_ID" --no-not-before
    done_so '.key.state == "ACTIVE"'
    allowed
    call update "$KEY_ID" --not-before 1h
    done_so '.key.state == "PENDING"'
    # It never begins to work after its expiry.
    call create --account "$ACCOUNT" --name never --not-before 2h --expires 1h
    failed INVALID_ARGUMENT create.not_before_ms
    call update "$KEY_ID" --expires 30min
    failed INVALID_ARGUMENT update.not_before_ms
    try postern create --account "$ACCOUNT" --name never --not-before never
    [ "$status" -eq 2 ]
    # What it had to wait for has come.
    make_key "$ACCOUNT" soon --not-before 1s
    local tries
    for tries in {1..100}; do
        verify
        [ "$status" -ne 0 ] || break
        sleep 0.1
    done
    allowed
}

# ------------------------------------------------------------------------------------------------------- K11, K12, K13

@test "K11 revoked is final: no update, roll, enabling or second revocation brings it back" {
    make_key "$ACCOUNT"
    call revoke "$KEY_ID" --reason first
    done_so
    call update "$KEY_ID" --name other
    failed FAILED_PRECONDITION update.key_id REVOKED
    call enable "$KEY_ID"
    failed FAILED_PRECONDITION update.key_id REVOKED
    call roll "$KEY_ID"
    failed FAILED_PRECONDITION roll.key_id REVOKED
    call revoke "$KEY_ID" --reason second
    call get "$KEY_ID"
    done_so '.key.state == "REVOKED" and .key.revoke_reason == "first"'
    refused REVOKED_API_KEY 401
}

@test "K11 revoke-all is one change: all keys made until then are refused, and those made after work" {
    local n tokens=() last
    for n in 1 2 3; do
        make_key "$ACCOUNT" "key-$n"
        tokens+=("$TOKEN")
    done
    call account get "$ACCOUNT"
    call audit
    last=$(tail -n 1 <<<"$output" | jq .seq)
    call account revoke-all "$ACCOUNT" --reason "laptop stolen"
    done_so '.account.revoked_before_ms > 0'
    call audit
    [ "$(tail -n 1 <<<"$output" | jq .seq)" -eq $((last + 1)) ]
    for TOKEN in "${tokens[@]}"; do
        refused REVOKED_API_KEY 401
    done
    call enable "$KEY_ID"
    failed FAILED_PRECONDITION update.key_id REVOKED
    call list --account "$ACCOUNT" --state revoked
    done_so '.keys | length == 3'
    make_key "$ACCOUNT" fresh
    allowed
}

@test "K12 a deleted key is gone from lists, and its token is refused as revoked for ever" {
    own_daemon
    postern tier put free --limit requests=100/min --default
    postern account put "$ACCOUNT" --no-default-public-key
    make_key "$ACCOUNT"
    local deleted=$TOKEN deleted_id=$KEY_ID
    make_key "$ACCOUNT" stays
    call delete "$deleted_id"
    done_so '.key.state == "REVOKED"'
    call list --account "$ACCOUNT"
    done_so ".keys | map(.key_id) == [\"$KEY_ID\"]"
    call get "$deleted_id"
    failed NOT_FOUND get.key_id
    call delete "$deleted_id"
    failed NOT_FOUND delete.key_id
    call enable "$deleted_id"
    failed FAILED_PRECONDITION update.key_id deleted REVOKED
    TOKEN=$deleted
    refused REVOKED_API_KEY 401
    restart_daemon
    refused REVOKED_API_KEY 401
    # Only to a caller with the right secret.
    TOKEN=${TOKEN:0:-10}0000000000
    refused INVALID_API_KEY 401
}

@test "K13 a disabled key is refused, and works again when it is enabled" {
    make_key "$ACCOUNT"
    call disable "$KEY_ID"
    done_so '.key.state == "DISABLED" and (.key.enabled | not)'
    refused DISABLED_API_KEY 401
    call roll "$KEY_ID"
    failed FAILED_PRECONDITION roll.key_id DISABLED
    call enable "$KEY_ID"
    done_so '.key.state == "ACTIVE" and .key.enabled'
    allowed
    call disable "$KEY_ID"
    call revoke "$KEY_ID"
    done_so '.key.state == "REVOKED"'
    refused REVOKED_API_KEY 401
}

# --------------------------------------------------------------------------------------------------------- versions

@test "an update with a version that is not current is ABORTED, and of two in one group commit one is" {
    make_key "$ACCOUNT"
    call get "$KEY_ID"
    local version
    version=$(field .key.version)
    call update "$KEY_ID" --name second --if-version "$version"
    done_so ".key.version > $version"
    call update "$KEY_ID" --name third --if-version "$version"
    failed ABORTED update.if_version
    call get "$KEY_ID"
    version=$(field .key.version)
    PYTHONPATH=$SUPPORT python3 - "$POSTERN_URL" "$KEY_ID" "$version" <<'PYTHON'
import os, sys
import client

url, key, version = sys.argv[1:]
ask = 'request_id: {} update {{ key_id: "{}" if_version: {} update_mask: "name" name: "racer {}" }}'
bodies = client.encode(*(ask.format(client.quoted(os.urandom(16)), key, version, n) for n in range(8)))
codes = [client.code_of(reply) for reply in client.decode(*client.Connection(url).exchange(bodies))]
if sorted(codes) != [0] + 7 * [10]:
    sys.exit(f"codes {codes}")
PYTHON
    call roll "$KEY_ID" --if-version "$version"
    failed ABORTED
    call delete "$KEY_ID" --if-version "$version"
    failed ABORTED
    allowed
}

@test "an id in the wrong case is another id" {
    make_key "$ACCOUNT"
    local swapped
    swapped=key_$(tr a-zA-Z A-Za-z <<<"${KEY_ID#key_}")
    call get "$swapped"
    [ "$status" -eq 1 ]
    answer '.error.code == "NOT_FOUND" or .error.code == "INVALID_ARGUMENT"'
    call get "KEY_${KEY_ID#key_}"
    [ "$status" -ne 0 ]
    wire "get { key_id: \"KEY_${KEY_ID#key_}\" }"
    wire_failed "$INVALID_ARGUMENT" get.key_id
    call create --account "${ACCOUNT^^}" --name n
    failed INVALID_ARGUMENT create.account
}

@test "an update of nothing, of what is no field, or to a bad value is refused by name" {
    make_key "$ACCOUNT"
    update_fails '' update.update_mask
    update_fails 'update_mask: "name" update_mask: "colour" name: "x"' 'update.update_mask[1]'
    update_fails 'update_mask: "name"' update.name
    update_fails 'update_mask: "allowed_addresses" allowed_addresses: "10.0.0.0/33"' 'update.allowed_addresses[0]'
    allowed
}

# update_fails FIELDS FIELD_AT_FAULT
update_fails() {
    wire "request_id: \"$(fresh_id)\" update { key_id: \"$KEY_ID\" $1 }"
    wire_failed "$INVALID_ARGUMENT" "$2"
}
