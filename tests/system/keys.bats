#!/usr/bin/env bats
# The life of a key: kinds, expiry, roll, revoke, delete, disable, and what is kept with it.

load ../support/keys

bats_require_minimum_version 1.5.0

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
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

teardown() {
    drop_own_daemon
}

# ends_exactly END_MS: TOKEN is allowed until then and expired from that very millisecond on.
ends_exactly() {
    PYTHONPATH=$SUPPORT TOKEN=$TOKEN python3 - "$POSTERN_URL" "$1" <<'PYTHON'
import os, sys, time
import client

url, end_ms = sys.argv[1], int(sys.argv[2])
body = client.encode(f'verify {{ api_key: "{os.environ["TOKEN"]}" peek: true }}')[0]
connection, bodies = client.Connection(url), []
time.sleep(max(0, end_ms / 1000 - time.time() - 0.1))
while time.time() * 1000 < end_ms + 50:
    bodies += connection.exchange([body])
replies = client.decode(*bodies)
earlier_ms = 0
for reply in replies:
    reason, answered_ms = reply["verify"]["reason"], reply["server_time_ms"]
    if answered_ms < end_ms and reason != "REASON_ALLOWED":
        sys.exit(f"{reason} at {answered_ms}, {end_ms - answered_ms} ms too early")
    if earlier_ms >= end_ms and reason != "REASON_EXPIRED_API_KEY":
        sys.exit(f"{reason} {earlier_ms - end_ms} ms after the end")
    earlier_ms = answered_ms
reasons = {reply["verify"]["reason"] for reply in replies}
if reasons != {"REASON_ALLOWED", "REASON_EXPIRED_API_KEY"}:
    sys.exit(f"{len(replies)} answers: {reasons}")
PYTHON
}

# ---------------------------------------------------------------------------------------------------- K2, K7, K8, K16

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

# -------------------------------------------------------------------------------------------------------------- K9

@test "K9 an expired key is refused from the first millisecond after its time" {
    make_key "$ACCOUNT" short --expires 700ms
    call get "$KEY_ID"
    local end_ms
    end_ms=$(field .key.expires_at_ms)
    ends_exactly "$end_ms"
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

# ------------------------------------------------------------------------------------------------------------- K10

@test "K10 a roll makes a successor with the same name, scopes, limits and metadata; the old key works 12 hours more" {
    make_key "$ACCOUNT" ingest --env live --scope read --scope jobs:run --limit requests=50/min --prefix acme \
        --metadata team=ops --address 10.0.0.0/8
    local old=$TOKEN old_id=$KEY_ID created_ms
    roll_key "$KEY_ID"
    answer "$(printf '[.key, .predecessor] | map({name, scopes, limits, metadata, allowed_addresses, environment, type, lineage_id}) | .[0] == .[1] and .[0].lineage_id == "%s"' "$old_id")"
    answer ".key.predecessor_key_id == \"$old_id\" and .predecessor.successor_key_id == \"$KEY_ID\""
    answer '.key.state == "ACTIVE" and .key.expires_at_ms == 0 and .predecessor.state == "ROLLING"'
    answer '.predecessor.expires_at_ms - .key.created_at_ms == 43200000'
    [[ "$TOKEN" == acme_live_* ]]
    [ "$TOKEN" != "$old" ]
    allowed --scope jobs:run --env live --address 10.1.2.3
    answer ".key_id == \"$KEY_ID\" and .successor_key_id == \"\""
    # The service that is shown the old one learns who replaces it, and until when.
    TOKEN=$old
    allowed --address 10.1.2.3
    answer ".key_id == \"$old_id\" and .successor_key_id == \"$KEY_ID\""
    call get "$old_id"
    local end_ms
    end_ms=$(field .key.expires_at_ms)
    verify --address 10.1.2.3
    answer ".expires_at_ms == $end_ms"
}

@test "K10 a rolled key is refused from the first millisecond after its grace" {
    make_key "$ACCOUNT"
    local old=$TOKEN end_ms
    roll_key "$KEY_ID" --grace 700ms
    end_ms=$(field .predecessor.expires_at_ms)
    allowed
    TOKEN=$old
    ends_exactly "$end_ms"
}

@test "K10 a grace of 0 ends the old key at once; one over 30 days is refused" {
    make_key "$ACCOUNT"
    local old=$TOKEN
    roll_key "$KEY_ID" --grace 0
    answer '.predecessor.state == "EXPIRED"'
    allowed
    call roll "$KEY_ID" --grace 2592000001ms
    failed INVALID_ARGUMENT roll.grace_ms
    roll_key "$KEY_ID" --grace 30d
    answer '.predecessor.expires_at_ms - .key.created_at_ms == 2592000000'
    TOKEN=$old
    refused EXPIRED_API_KEY 401
}

@test "K10 both sides of a roll draw on the same budgets, the key's own included" {
    make_key "$ACCOUNT" ingest --limit requests=3/min
    local old=$TOKEN n
    for n in 1 2; do
        postern verify - <<<"$old"
    done
    roll_key "$KEY_ID"
    verify
    answer '[.meters[] | select(.subject == "KEY")] | length == 1 and (.[0] | .limit == 3 and .remaining == 1)'
    answer '[.meters[] | select(.subject == "ACCOUNT")] | .[0].remaining == 98'
    postern verify - <<<"$TOKEN"
    refused RATE_LIMITED 429
    TOKEN=$old
    refused RATE_LIMITED 429
}

@test "K10 a key is rolled once; its successor can be rolled again, in the same lineage and on the same budget" {
    make_key "$ACCOUNT" ingest --limit requests=3/min
    local first=$TOKEN first_id=$KEY_ID second second_id
    roll_key "$first_id"
    second=$TOKEN second_id=$KEY_ID
    call roll "$first_id"
    failed FAILED_PRECONDITION roll.key_id "$second_id"
    roll_key "$second_id"
    answer ".key.lineage_id == \"$first_id\" and .key.predecessor_key_id == \"$second_id\""
    for TOKEN in "$TOKEN" "$second" "$first"; do
        postern verify - <<<"$TOKEN"
    done
    refused RATE_LIMITED 429
    call list --account "$ACCOUNT"
    done_so '[.keys[].state] | sort == ["ACTIVE", "ROLLING", "ROLLING"]'
}

@test "K10 revoking one side of a roll leaves the other" {
    make_key "$ACCOUNT" one
    local old=$TOKEN old_id=$KEY_ID
    roll_key "$KEY_ID"
    call revoke "$KEY_ID"
    done_so
    refused REVOKED_API_KEY 401
    TOKEN=$old
    allowed
    make_key "$ACCOUNT" two
    old=$TOKEN old_id=$KEY_ID
    roll_key "$KEY_ID"
    call revoke "$old_id"
    done_so '.key.state == "REVOKED"'
    allowed
    TOKEN=$old
    refused REVOKED_API_KEY 401
}

@test "K10 the expiry of a rolled key only ever gets shorter" {
    make_key "$ACCOUNT" dated --expires 1h
    local old_id=$KEY_ID end_ms
    call get "$KEY_ID"
    end_ms=$(field .key.expires_at_ms)
    roll_key "$KEY_ID"
    # An hour is less than the grace, and the successor keeps that expiry.
    answer ".predecessor.expires_at_ms == $end_ms and .key.expires_at_ms == $end_ms"
    call update "$old_id" --expires 2h
    failed FAILED_PRECONDITION update.expires_at_ms
    call update "$old_id" --no-expiry
    failed FAILED_PRECONDITION update.expires_at_ms
    call update "$old_id" --expires 30min
    done_so ".key.expires_at_ms < $end_ms and .key.state == \"ROLLING\""
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
    # Only to who has the right secret.
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
    wire "request_id: \"$(fresh_id)\" update { key_id: \"$KEY_ID\" }"
    wire_failed "$INVALID_ARGUMENT" update.update_mask
    wire "request_id: \"$(fresh_id)\" update { key_id: \"$KEY_ID\" update_mask: \"name\" update_mask: \"colour\" name: \"x\" }"
    wire_failed "$INVALID_ARGUMENT" 'update.update_mask[1]'
    wire "request_id: \"$(fresh_id)\" update { key_id: \"$KEY_ID\" update_mask: \"name\" }"
    wire_failed "$INVALID_ARGUMENT" update.name
    wire "request_id: \"$(fresh_id)\" update { key_id: \"$KEY_ID\" update_mask: \"allowed_addresses\" allowed_addresses: \"10.0.0.0/33\" }"
    wire_failed "$INVALID_ARGUMENT" 'update.allowed_addresses[0]'
    allowed
}
