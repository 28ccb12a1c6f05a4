#!/usr/bin/env bats
# Charges that have an id, what can be given back, and subjects of one's own.

load ../support/keys

setup_file() {
    noon_now
    start_daemon
    postern tier put free --limit requests=10/min --limit requests=100/day --limit productions=5/day --default
}

teardown_file() {
    drop_daemon
}

# An account of this test alone, with a key.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    SPACE=space-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
    make_key "$ACCOUNT"
    ID=$(charge_id)
}

teardown() {
    drop_own_daemon
}

# A charge_id that nobody has used.
charge_id() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# The same for protobuf's text form.
escaped() {
    sed 's/../\\x&/g' <<<"$1"
}

# charge [OPTION]...: the account.
charge() {
    call ratecheck --account "$ACCOUNT" "$@"
}

# free IDENTIFIER [OPTION]...: one of five units a day of a subject of one's own.
free() {
    call ratecheck --custom "$SPACE/$1" --charge units "${@:2}"
}

# left RESOURCE EXPECTED: what remains to the account of each limit on it.
left() {
    call ratecheck --account "$ACCOUNT" --charge "$1" --peek
    answer "[.meters[].remaining] == $2"
}

# nothing_back REASON: the refund was no good.
nothing_back() {
    failed FAILED_PRECONDITION
    answer ".error.reason == \"$1\" and (.error.message | length > 0)"
}

# meters: of the last answer, without their moments.
meters() {
    jq -c '[.meters[] | del(.reset_at_ms, .retry_after_ms)]' <<<"$output"
}

# ------------------------------------------------------------------------------------------------------- charged once

@test "X7 a peek without a charge shows what is left of all limits" {
    postern account put "$ACCOUNT" --no-default-public-key --limit bytes=1000/day --limit never=0/day
    make_key "$ACCOUNT" own --limit productions=2/day
    call ratecheck --account "$ACCOUNT" --charge requests=4 --charge bytes=10
    done_so .allowed
    call ratecheck --account "$ACCOUNT" --peek
    done_so '.allowed and ([.meters[] | [.resource, .remaining // 0]] | sort) ==
        [["bytes", 990], ["never", 0], ["productions", 5], ["requests", 6], ["requests", 96]]'
    # Of a key its own limits, too; and nothing was charged.
    call ratecheck --key "$KEY_ID" --peek
    done_so '[.meters[] | select(.resource == "productions") | [.limit, .subject]] | length == 2'
    try postern ratecheck --api-key - --peek <<<"$TOKEN"
    [ "$status" -eq 0 ]
    [[ "$output" == "What is left:"*"requests 10/min: 6 left"* ]]
    call ratecheck --account "$ACCOUNT"
    [ "$status" -eq 2 ]
    call tier put bare
    call account put unlimited --tier bare --no-default-public-key
    try postern ratecheck --account unlimited --peek
    [ "$output" = "No limit applies." ]
}

@test "a charge that is repeated with its id is charged once, and answered as the first time" {
    local first
    charge --charge productions=2 --charge-id "$ID"
    done_so ".allowed and .charge_id == \"$ID\" and .meters[0].remaining == 3"
    first=$(meters)
    charge --charge productions
    done_so '.meters[0].remaining == 2'
    charge --charge productions=2 --charge-id "$ID"
    done_so '.allowed and .reason == "ALLOWED" and .http_status == 200'
    [ "$(meters)" = "$first" ]
    left productions '[2]'
}

@test "a verify that is repeated with its id is charged once, and the key decided anew" {
    local n
    for n in 1 2 3; do
        use --charge-id "$ID"
        done_so ".allowed and .charge_id == \"$ID\" and .key_id == \"$KEY_ID\""
    done
    left requests '[9, 99]'
    call usage --account "$ACCOUNT" --by day
    done_so '[.buckets[].costs[] | select(.name == "requests") | .value] | add == 1'
    postern revoke "$KEY_ID" >/dev/null
    use --charge-id "$ID"
    [ "$status" -eq 1 ]
    answer '.reason == "REVOKED_API_KEY"'
}

@test "many clients that repeat one charge at once charge it once" {
    local n pids=()
    for n in 1 2 3 4 5 6 7 8; do
        postern ratecheck --account "$ACCOUNT" --charge productions --charge-id "$ID" >"$BATS_TEST_TMPDIR/$n" 3>&- &
        pids+=($!)
    done
    for n in "${pids[@]}"; do
        wait "$n"
    done
    [ "$(cat "$BATS_TEST_TMPDIR"/[1-8] | grep -c '^ALLOWED$')" -eq 8 ]
    left productions '[4]'
}

@test "a charge_id names one charge: with other resources or costs it fails and charges nothing" {
    charge --charge productions --charge-id "$ID"
    done_so
    charge --charge productions=2 --charge-id "$ID"
    failed ALREADY_EXISTS
    charge --charge requests --charge-id "$ID"
    failed ALREADY_EXISTS
    left productions '[4]'
    left requests '[10, 100]'
    # What was refused is not kept: the id is as good as new.
    ID=$(charge_id)
    charge --charge productions=5 --charge-id "$ID"
    answer '.reason == "RATE_LIMITED"'
    charge --charge productions --charge-id "$ID"
    done_so '.meters[0].remaining == 3'
}

@test "the same charge_id from another caller, or to another account, is another charge" {
    local other=$ACCOUNT-other
    make_key "$ACCOUNT" checker --scope postern:ratecheck
    postern account put "$other" --no-default-public-key >/dev/null
    charge --charge productions --charge-id "$ID"
    done_so '.meters[0].remaining == 4'
    as "$TOKEN" ratecheck --account "$ACCOUNT" --charge productions --charge-id "$ID"
    done_so '.meters[0].remaining == 3'
    call ratecheck --account "$other" --charge productions --charge-id "$ID"
    done_so '.meters[0].remaining == 4'
    as "$TOKEN" ratecheck --account "$other" --refund "$ID"
    nothing_back CHARGE_UNKNOWN
}

@test "an id that nobody filled in is refused" {
    charge --charge productions --charge-id 00000000000000000000000000000000
    failed INVALID_ARGUMENT rate_check.charge_id
    left productions '[5]'
}

# ------------------------------------------------------------------------------------------------------------ refunds

@test "the command line shows the id of a charge, and gives it back by that id, once" {
    try postern ratecheck --account "$ACCOUNT" --charge productions=4
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == ALLOWED ]]
    [[ "${lines[-1]}" =~ ^charge\ id\ ([0-9a-f]{32})$ ]]
    ID=${BASH_REMATCH[1]}
    left productions '[1]'
    try postern ratecheck --account "$ACCOUNT" --refund "$ID"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == REFUNDED ]]
    [[ "${lines[1]}" == "productions 5/day: 5 left"* ]]
    left productions '[5]'
    charge --refund "$ID"
    nothing_back CHARGE_GIVEN_BACK
    charge --charge productions=4 --charge-id "$ID"
    failed ALREADY_EXISTS
    left productions '[5]'
}

@test "a refund gives back all limits of a call: tier, override and key" {
    postern account put "$ACCOUNT" --limit productions=7/min >/dev/null
    make_key "$ACCOUNT" own --limit productions=4/day
    use --charge productions=3 --charge requests
    done_so '[.meters[].remaining] == [9, 99, 2, 4, 1]'
    ID=$(field .charge_id)
    call ratecheck --api-key - --refund "$ID" --charge productions=3 --charge requests <<<"$TOKEN"
    done_so '[.meters[].remaining] == [10, 100, 5, 7, 4]'
    verify --charge productions --charge requests
    answer '[.meters[].remaining] == [10, 100, 5, 7, 4]'
}

@test "what was charged to a key can be given back when the key has been revoked since" {
    use --charge productions
    ID=$(field .charge_id)
    postern revoke "$KEY_ID" >/dev/null
    call ratecheck --key "$KEY_ID" --refund "$ID"
    done_so '.meters[0].remaining == 5'
}

@test "a refund needs the charge as it was: unknown, different, or of a refused call gives nothing" {
    charge --refund "$ID"
    nothing_back CHARGE_UNKNOWN
    charge --charge productions=6 --charge-id "$ID"
    answer '.allowed | not'
    charge --refund "$ID"
    nothing_back CHARGE_UNKNOWN
    charge --charge productions=2 --charge-id "$ID"
    done_so
    charge --refund "$ID" --charge productions=3
    nothing_back CHARGE_DIFFERS
    charge --charge productions --peek
    done_so '.charge_id == "" and .meters[0].remaining == 3'
    charge --refund "$ID" --charge productions=2
    done_so '.allowed and .meters[0].remaining == 5'
}

@test "when the window has ended there is nothing to give back, and never more than the limit is left" {
    postern account put "$ACCOUNT" --limit bursts=3/1s:fixed_window --limit flow=40/40s:token_bucket >/dev/null
    charge --charge bursts=3
    done_so
    ID=$(field .charge_id)
    sleep 1.1 # the window's length
    charge --refund "$ID"
    nothing_back CHARGE_WINDOW_OVER
    left bursts '[3]'
    charge --charge flow=40
    ID=$(field .charge_id)
    sleep 1 # one of the forty has flowed back
    charge --refund "$ID"
    done_so '.meters[0].remaining == 40'
    charge --charge flow=40
    done_so .allowed
    charge --charge flow=20 # until there is so much again, 20 s would have to pass
    answer '.reason == "RATE_LIMITED"'
}

@test "a refund is of this run of the daemon only" {
    own_daemon
    postern tier put free --limit productions=5/day --default
    postern account put "$ACCOUNT" >/dev/null
    charge --charge productions=2
    ID=$(field .charge_id)
    restart_daemon
    charge --refund "$ID"
    nothing_back CHARGE_UNKNOWN
    left productions '[3]'
}

# --------------------------------------------------------------------------------------------- subjects of one's own

@test "a subject of one's own is limited as the call says, each by itself" {
    local n
    for n in 4 3 2 1 0; do
        free 192.0.2.7 --limit units=5/day
        done_so ".allowed and .account == \"\" and .tier == \"\"
            and (.meters[0] | .remaining == $n and .limit == 5 and .subject == \"CUSTOM\")"
    done
    free 192.0.2.7 --limit units=5/day
    [ "$status" -eq 1 ]
    answer '.reason == "RATE_LIMITED" and .http_status == 429 and .retry_after_ms > 0'
    free 192.0.2.8 --limit units=5/day
    done_so '.meters[0].remaining == 4'
    SPACE=$SPACE-other
    free 192.0.2.7 --limit units=5/day
    done_so '.meters[0].remaining == 4'
}

@test "several limits of a subject of one's own hold together, and none is charged by a refusal" {
    free a --limit units=3/h --limit units=10/day --limit mails=1/day --charge mails
    done_so '[.meters[].remaining] == [2, 9, 0]'
    free a --limit units=3/h --limit units=10/day --limit mails=1/day --charge mails
    answer '.reason == "RATE_LIMITED" and .meters[.binding_meter - 1].resource == "mails"'
    free a --limit units=3/h --limit units=10/day --limit mails=1/day --peek
    done_so '[.meters[].remaining] == [2, 9]'
}

@test "another amount acts on the next call of a subject of one's own and forgets nothing" {
    free a --limit units=5/day --charge-id "$ID"
    free a --limit units=3/day
    done_so '.meters[0] | .limit == 3 and .remaining == 1'
    free a --limit units=1/day
    answer '.reason == "RATE_LIMITED"'
    call ratecheck --custom "$SPACE/a" --limit units=5/day --refund "$ID"
    done_so '.meters[0].remaining == 4'
}

@test "a subject of one's own keeps what was spent over a clean stop, and gains nothing by a kill" {
    local n allowed=0
    own_daemon
    free a --limit units=5/day
    free b --limit units=5/day --relaxed
    restart_daemon
    for n in a b; do
        free "$n" --limit units=5/day --peek
        done_so '.meters[0].remaining == 4'
    done
    for n in 1 2 3 4 5 6; do
        free a --limit units=5/day
        [ "$status" -ne 0 ] || allowed=$((allowed + 1))
        kill_daemon
        start_daemon
    done
    [ "$allowed" -le 4 ]
}

@test "a relaxed subject is limited all the same while the daemon runs" {
    local n
    for n in 1 2 3 4 5; do
        free a --limit units=5/day --relaxed
        done_so .allowed
    done
    free a --limit units=5/day --relaxed
    answer '.reason == "RATE_LIMITED"'
}

@test "what makes no sense for a subject of one's own is refused and says where" {
    free a --limit units=5/day --limit units=6/day
    failed INVALID_ARGUMENT
    free a --limit other=5/day
    failed NOT_FOUND
    call ratecheck --custom "$(printf 'Large/%s' a)" --limit units=5/day --charge units
    failed INVALID_ARGUMENT rate_check.custom.namespace
    free "$(printf 'a%.0s' {1..129})" --limit units=5/day
    failed INVALID_ARGUMENT rate_check.custom.identifier
    try postern ratecheck --custom "$SPACE/a" --limit units=5/fortnight --charge units
    [ "$status" -eq 2 ]
    [[ "$stderr" == *'"5/fortnight"'* || "$stderr" == *'"fortnight"'* ]]
}

# ask TEXT: a Request in text form, by protoc and nngcat alone.
ask() {
    printf '%s' "$1" | protocol encode Request |
        nngcat --req --dial "$POSTERN_URL" -F - --raw --recv-timeout 60 |
        protocol decode Reply
}

@test "a subject of one's own is limited, and refunded, with protoc and nngcat alone" {
    local subject request id
    id=$(escaped "$ID")
    subject="custom { namespace: \"$SPACE\" identifier: \"x\" limits { resource: \"mails\" amount: 2 window_s: 3600 } }"
    request="rate_check { $subject charges { resource: \"mails\" cost: 2 } charge_id: \"$id\" }"
    run ask "$request"
    echo "$output"
    [[ "$output" == *'allowed: true'*'resource: "mails"'*'limit: 2'*'subject: SUBJECT_CUSTOM'* ]]
    [[ "$output" != *'remaining:'* ]]
    run ask "rate_check { $subject charges { resource: \"mails\" } }"
    [[ "$output" == *'reason: REASON_RATE_LIMITED'*'http_status: 429'*'retry_after_ms: '* ]]
    run ask "rate_check { $subject mode: RATE_CHECK_MODE_REFUND charge_id: \"$id\" }"
    echo "$output"
    [[ "$output" == *'allowed: true'*'remaining: 2'* ]]
    run ask "rate_check { $subject mode: RATE_CHECK_MODE_REFUND charge_id: \"$id\" }"
    [[ "$output" == *'code: 9'*'reason: "CHARGE_GIVEN_BACK"'* ]]
}

@test "what contradicts itself is misuse" {
    try postern verify --peek --charge-id new - <<<"$TOKEN"
    [ "$status" -eq 2 ]
    try postern ratecheck --api-key "$TOKEN" --charge requests
    [ "$status" -eq 2 ]
    [[ "$stderr" == *'ratecheck --api-key -'* ]]
    [[ "$stderr" != *"$TOKEN"* ]]
    try postern ratecheck --account a --charge requests --peek --refund "$ID"
    [ "$status" -eq 2 ]
}

@test "a key with a list of addresses is charged by its token, too: RateCheck names no address" {
    make_key "$ACCOUNT" pinned --address 198.51.100.0/24
    call ratecheck --api-key - --charge requests <<<"$TOKEN"
    done_so .allowed
    refused ADDRESS_NOT_ALLOWED 403
}
