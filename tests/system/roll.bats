#!/usr/bin/env bats
# Rolling a key: a successor takes its place, the old one works for the grace, and both are one key to the limits.

load ../support/keys

bats_require_minimum_version 1.5.0

setup_file() {
    start_daemon
    postern tier put free --limit requests=100/min --default
    postern scope put read --default --public-safe
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

@test "K10 a roll makes a successor with the same name, scopes, limits and metadata; the old key works 12 hours more" {
    make_key "$ACCOUNT" ingest --env live --scope read --scope jobs:run --limit requests=50/min --prefix acme \
        --metadata team=ops --address 10.0.0.0/8
    local old=$TOKEN old_id=$KEY_ID created_ms
    roll_key "$KEY_ID"
    answer '[.key, .predecessor] |
        map({name, scopes, limits, metadata, allowed_addresses, environment, type, lineage_id}) | .[0] == .[1]'
    answer ".key.lineage_id == \"$old_id\""
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

make_rolled() {
    local old
    make_key "$ACCOUNT"
    old=$TOKEN
    roll_key "$KEY_ID" --grace "${1}ms"
    END_MS=$(field .predecessor.expires_at_ms)
    allowed
    TOKEN=$old
}

@test "K10 a rolled key is refused from the first millisecond after its grace" {
    ends_exactly make_rolled
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

# names SUCCESSOR: a Verify of TOKEN is allowed and names this one as what replaces it ("": none).
names() {
    allowed
    answer ".successor_key_id == \"$1\""
}

@test "K10 a successor that was revoked in the grace is named by nobody, and roll says what helps" {
    make_key "$ACCOUNT" ingest
    local old=$TOKEN old_id=$KEY_ID
    roll_key "$old_id"
    TOKEN=$old
    names "$KEY_ID"
    postern revoke "$KEY_ID" >/dev/null
    names ""
    try postern verify - <<<"$old"
    [ "$status" -eq 0 ]
    [[ "$stderr" != *"being replaced"* ]]
    call roll "$old_id"
    failed FAILED_PRECONDITION roll.key_id "ROLLING until 20" "no successor of it can be rolled" "postern create"
    [[ "$output" != *"$KEY_ID"* ]]
}

@test "K10 what roll and update advise is possible, also when the newest successor was revoked" {
    make_key "$ACCOUNT" ingest
    local first_id=$KEY_ID second=
    roll_key "$first_id" --grace 12h
    second=$TOKEN
    roll_key "$KEY_ID" --grace 6h
    postern revoke "$KEY_ID" >/dev/null
    TOKEN=$second
    allowed
    call roll "$first_id"
    failed FAILED_PRECONDITION roll.key_id "no successor of it can be rolled: make a new key with: postern create"
    call update "$first_id" --expires 2d
    failed FAILED_PRECONDITION update.expires_at_ms "no successor of it works then" "postern create"
    make_key "$ACCOUNT" other
    first_id=$KEY_ID
    roll_key "$first_id" --grace 12h --expires 1h
    call update "$first_id" --expires 2d
    failed FAILED_PRECONDITION update.expires_at_ms "no successor of it works then" "postern create"
}

@test "K10 with a successor that is disabled, roll and update advise to enable that one" {
    make_key "$ACCOUNT" ingest
    local old_id=$KEY_ID
    roll_key "$old_id"
    postern disable "$KEY_ID" >/dev/null
    call roll "$old_id"
    failed FAILED_PRECONDITION roll.key_id "ROLLING until 20" "is DISABLED" "postern enable $KEY_ID"
    call update "$old_id" --expires 90d
    failed FAILED_PRECONDITION update.expires_at_ms "is DISABLED" "postern enable $KEY_ID"
    postern enable "$KEY_ID" >/dev/null
    call roll "$old_id"
    failed FAILED_PRECONDITION roll.key_id "postern roll $KEY_ID"
}

@test "K10 with a successor that works only later, roll and update advise to let it work at once" {
    make_key "$ACCOUNT" ingest
    local old_id=$KEY_ID
    roll_key "$KEY_ID"
    postern update "$KEY_ID" --not-before 3d >/dev/null
    call roll "$old_id"
    failed FAILED_PRECONDITION roll.key_id "works only later" "postern update $KEY_ID --no-not-before"
    call update "$old_id" --expires 30d
    failed FAILED_PRECONDITION update.expires_at_ms "works only later" "postern update $KEY_ID --no-not-before"
}

@test "X6 roll of a key that works only later says when each of the two tokens works" {
    make_key "$ACCOUNT" later --not-before 3d
    local at
    at=$(postern get "$KEY_ID" | sed -n 's/^works from *\([^ ]*\).*/\1/p')
    try postern roll "$KEY_ID"
    done_so
    [[ "$stderr" == *", works from $at, expires never."* ]]
    [[ "$stderr" == *" The old token will not work: it would have from $at."* ]]
    make_key "$ACCOUNT" sooner --not-before 1h
    at=$(postern get "$KEY_ID" | sed -n 's/^works from *\([^ ]*\).*/\1/p')
    try postern roll "$KEY_ID" --grace 2h
    [[ "$stderr" == *" The old token works from $at until "* ]]
}

@test "K10 a key that is being rolled names the newest successor that works, over several rolls" {
    make_key "$ACCOUNT" ingest
    local first=$TOKEN first_id=$KEY_ID second_id third_id
    roll_key "$first_id" && second_id=$KEY_ID
    roll_key "$second_id" && third_id=$KEY_ID
    TOKEN=$first
    names "$third_id"
    try postern verify - <<<"$first"
    [[ "$stderr" == *"being replaced by $third_id"* ]]
    postern revoke "$second_id" >/dev/null # one between them does not matter
    names "$third_id"
    call roll "$first_id"
    failed FAILED_PRECONDITION roll.key_id "roll that one, with: postern roll $third_id"
    postern disable "$third_id" >/dev/null
    names ""
    postern enable "$third_id" >/dev/null
    names "$third_id"
    postern delete "$third_id" >/dev/null
    names ""
}

@test "K10 a batch names the successors that work" {
    make_key "$ACCOUNT" ingest
    local old=$TOKEN
    roll_key "$KEY_ID"
    try postern verify --batch --json < <(printf '%s\n' "$old" "$TOKEN")
    jq -se "map(.successor_key_id) == [\"$KEY_ID\", \"\"]" <<<"$output"
}

# expires_in SPAN_MS KEY: in the last answer; the clock was asked for before the roll, which may have had to wait.
expires_in() {
    answer "$2.expires_at_ms - $2.created_at_ms | . <= $1 and . > $1 - 60000"
}

@test "X6 a roll may set the expiry of the successor, in all words for times; the old key's stays" {
    make_key "$ACCOUNT" dated --expires 30d
    local day_ms=86400000
    roll_key "$KEY_ID" --expires 90d
    expires_in $((90 * day_ms)) .key
    answer '.predecessor.expires_at_ms - .key.created_at_ms == 43200000'
    allowed
    roll_key "$KEY_ID" --expires 2w
    expires_in $((14 * day_ms)) .key
    roll_key "$KEY_ID" --expires never
    answer '.key.expires_at_ms == 0'
    roll_key "$KEY_ID" --expires "2040-01-31 12:00:00"
    answer '.key.expires_at_ms == 2211624000000'
    roll_key "$KEY_ID"
    answer '.key.expires_at_ms == 2211624000000'
    call roll "$KEY_ID" --expires 2020-01-31
    failed INVALID_ARGUMENT roll.expires_at_ms "is in the past"
    try postern roll "$KEY_ID" --expires 2027-02-31
    [ "$status" -eq 2 ]
    [[ "$stderr" == *"there is no 31 February 2027"* ]]
    allowed
    answer '.successor_key_id == ""'
}

@test "X6 roll says what the expiry of the new key is" {
    make_key "$ACCOUNT" dated
    try postern roll "$KEY_ID"
    [ "$status" -eq 0 ]
    note_token "$output"
    [[ "$stderr" == *"its successor is key_"*", expires never. The old token works until"* ]]
    make_key "$ACCOUNT" other
    try postern roll "$KEY_ID" --expires 2040-01-31T12:00:00Z
    note_token "$output"
    [[ "$stderr" == *"its successor is key_"*", expires 2040-01-31T12:00:00Z. The old token works until"* ]]
}

@test "X6 an account-admin rolls no key to one that outlives its own" {
    make_key "$ACCOUNT" administrator --scope postern:account-admin --scope read --expires 30d
    local admin=$TOKEN own=$KEY_ID
    make_key "$ACCOUNT" ingest --expires 20d
    as "$admin" roll "$KEY_ID" --expires never
    failed PERMISSION_DENIED roll.expires_at_ms "would outlive it"
    as "$admin" roll "$KEY_ID" --expires 31d
    failed PERMISSION_DENIED roll.expires_at_ms
    as "$admin" roll "$own" --expires 31d
    failed PERMISSION_DENIED roll.expires_at_ms
    as "$admin" roll "$KEY_ID" --expires 29d
    done_so
    note_token "$(field .api_key)"
    # What outlives it already can be mended so.
    make_key "$ACCOUNT" eternal
    as "$admin" roll "$KEY_ID"
    failed PERMISSION_DENIED roll.key_id
    as "$admin" roll "$KEY_ID" --expires 10d
    done_so
    note_token "$(field .api_key)"
    as "$admin" roll "$own" --expires 10d
    done_so
    note_token "$(field .api_key)"
}

@test "X6 the successor of a key that works only later works no earlier" {
    make_key "$ACCOUNT" later --not-before 1h
    call get "$KEY_ID"
    local from_ms
    from_ms=$(field .key.not_before_ms)
    roll_key "$KEY_ID" --grace 2h
    answer ".key.state == \"PENDING\" and .key.not_before_ms == $from_ms"
    refused NOT_YET_VALID_API_KEY 401
    call roll "$KEY_ID" --expires 30min
    failed INVALID_ARGUMENT roll.expires_at_ms
}
