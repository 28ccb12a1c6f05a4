#!/usr/bin/env bats
# What work really cost: an estimate that is settled, and a cost that is known only afterwards.

load ../support/keys

setup_file() {
    noon_now
    start_daemon
    postern tier put free --limit tokens=1000/day --limit requests=100/day --default
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
    ID=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
}

teardown() {
    drop_own_daemon
}

# charge [OPTION]...: the account.
charge() {
    call ratecheck --account "$ACCOUNT" "$@"
}

# left RESOURCE EXPECTED: what remains to the account of its limit on it.
left() {
    charge --charge "$1" --peek
    answer "[.meters[].remaining] == [$2]"
}

# not_settled REASON
not_settled() {
    failed FAILED_PRECONDITION
    answer ".error.reason == \"$1\" and (.error.message | length > 0)"
}

@test "X1 an estimate is settled to less, and the difference can be spent at once" {
    charge --charge tokens=500 --charge requests
    done_so '.allowed and (.charge_id | length) == 32'
    ID=$(field .charge_id)
    try postern ratecheck --account "$ACCOUNT" --settle "$ID" --charge tokens=120
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = SETTLED ]
    [[ "${lines[1]}" == "tokens 1000/day: 880 left"* ]]
    left requests 99
    charge --settle "$ID" --charge tokens=120
    done_so '.allowed and .meters[0].remaining == 880'
    charge --settle "$ID" --charge tokens=121
    not_settled CHARGE_DIFFERS
    charge --refund "$ID"
    not_settled CHARGE_DIFFERS
    charge --charge tokens=880
    done_so '.allowed and .meters[0].remaining == 0'
}

@test "X1 an estimate is settled to more, also beyond the limit: nothing fits until that is paid off" {
    charge --charge tokens=500 --charge-id "$ID"
    charge --settle "$ID" --charge tokens=1700
    done_so '.allowed and .reason == "ALLOWED" and .meters[0].remaining == 0'
    charge --charge tokens
    answer '(.allowed | not) and .reason == "RATE_LIMITED" and .retry_after_ms > 0'
    postern account put "$ACCOUNT" --limit tokens=1701/day >/dev/null
    charge --charge tokens
    done_so '.allowed and .meters[0].remaining == 0'
    charge --settle "$ID" --charge tokens=1700
    done_so
}

@test "X1 a settled debt that was answered survives kill -9, in every algorithm" {
    local algorithm
    own_daemon
    postern tier put free --default >/dev/null
    for algorithm in fixed_window sliding_window token_bucket; do
        postern account put "$ACCOUNT" --limit "$algorithm=100/3600s:$algorithm" >/dev/null
        charge --charge "$algorithm=40"
        done_so .allowed
        charge --settle "$(field .charge_id)" --charge "$algorithm=150"
        done_so '.meters[0].remaining == 0'
        kill_daemon
        start_daemon
        charge --charge "$algorithm"
        answer '.reason == "RATE_LIMITED"'
    done
    charge --settle "$ID" --charge "$algorithm=150"
    not_settled CHARGE_UNKNOWN
}

@test "X1 a charge is settled once, in its window, and only for what it charged" {
    postern account put "$ACCOUNT" --limit bursts=3/1s:fixed_window >/dev/null
    charge --settle "$ID" --charge tokens=5
    not_settled CHARGE_UNKNOWN
    charge --charge tokens=10 --charge-id "$ID"
    charge --settle "$ID" --charge requests=5
    not_settled CHARGE_DIFFERS
    charge --settle "$ID" --charge tokens=0
    done_so '.meters[0].remaining == 1000'
    charge --refund "$ID"
    not_settled CHARGE_GIVEN_BACK
    charge --charge tokens=10 --charge-id "$ID"
    failed ALREADY_EXISTS
    charge --charge bursts=3
    done_so
    ID=$(field .charge_id)
    sleep 1.1 # the window's length
    charge --settle "$ID" --charge bursts=9
    not_settled CHARGE_WINDOW_OVER
    left bursts 3
}

@test "X1 what is known only afterwards is charged beyond the limit, once under its id, and is in the usage" {
    local again
    charge --charge tokens=2500 --overdraw --charge-id "$ID"
    done_so ".allowed and .charge_id == \"$ID\" and .meters[0].remaining == 0"
    again=$output
    charge --charge tokens=2500 --overdraw --charge-id "$ID"
    done_so '.allowed'
    [ "$(jq -c '[.meters[].remaining]' <<<"$again")" = "$(jq -c '[.meters[].remaining]' <<<"$output")" ]
    charge --charge tokens=2501 --overdraw --charge-id "$ID"
    failed ALREADY_EXISTS
    charge --charge tokens
    answer '.reason == "RATE_LIMITED"'
    call usage --account "$ACCOUNT" --by day
    done_so '[.buckets[].costs[] | select(.name == "tokens") | .value] | add == 2500'
    charge --settle "$ID" --charge tokens=400
    done_so '.meters[0].remaining == 600'
}

@test "X1 an overdraw that was answered survives kill -9" {
    own_daemon
    postern tier put free --limit tokens=1000/day --default >/dev/null
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
    charge --charge tokens=1500 --overdraw
    done_so '.allowed and (.charge_id | length) == 32'
    kill_daemon
    start_daemon
    charge --charge tokens
    answer '.reason == "RATE_LIMITED"'
}

@test "X1 a charge by verify, and one of a subject of one's own, are settled likewise" {
    local free=(ratecheck --custom "space/$ACCOUNT" --limit units=5/day)
    make_key "$ACCOUNT"
    use --charge tokens=10
    call ratecheck --key "$KEY_ID" --settle "$(field .charge_id)" --charge tokens=30
    done_so '.meters[0].remaining == 970'
    call "${free[@]}" --charge units=2
    call "${free[@]}" --settle "$(field .charge_id)" --charge units=7
    done_so '.meters[0].remaining == 0'
    call "${free[@]}" --charge units
    answer '.reason == "RATE_LIMITED"'
}

@test "X1 what makes no sense is refused by name" {
    local words
    for words in "--settle $ID" "--settle $ID --peek --charge tokens" "--settle $ID --overdraw --charge tokens" \
        "--settle new --charge tokens" "--overdraw --peek --charge tokens" "--overdraw"; do
        # shellcheck disable=SC2086
        try postern ratecheck --account "$ACCOUNT" $words
        [ "$status" -eq 2 ] || { echo "$words: $status"; return 1; }
    done
}

@test "X1 a look without a charge refuses nobody: neither in debt nor under a limit that was lowered" {
    charge --charge tokens=1500 --overdraw
    done_so .allowed
    charge --charge requests=50
    postern account put "$ACCOUNT" --limit requests=40/day >/dev/null
    charge --peek
    done_so '.allowed and .reason == "ALLOWED" and [.meters[].remaining // 0] == [0, 0]'
    charge --charge tokens --peek
    answer '.reason == "RATE_LIMITED"'
    charge --charge requests
    answer '.reason == "RATE_LIMITED"'
}

# --- an amount without a charge

@test "X3 prepaid credit is topped up by an amount, once under its id, and kill -9 leaves it" {
    own_daemon
    postern account put "$ACCOUNT" --no-default-public-key --limit credits=10/total >/dev/null
    charge --charge credits=10
    try postern ratecheck --account "$ACCOUNT" --refund-amount credits=4
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = REFUNDED ]
    [[ "${lines[1]}" == "credits 10/total: 4 left"* ]]
    charge --refund-amount credits=3 --charge-id "$ID"
    done_so '.meters[0].remaining == 7'
    charge --refund-amount credits=3 --charge-id "$ID"
    done_so '.meters[0].remaining == 7'
    left credits 7
    kill_daemon
    start_daemon
    charge --charge credits=6 # but for what a crash forfeits
    done_so .allowed
    charge --refund-amount credits=5000
    left credits 10
}

@test "X3 an amount is given back by operators alone, and of what is declared" {
    charge --charge tokens=500
    make_key "$ACCOUNT" verifier --scope postern:verify
    POSTERN_API_KEY=$TOKEN charge --refund-amount tokens=1
    failed PERMISSION_DENIED
    charge --refund-amount tokns=1
    failed NOT_FOUND
    left tokens 500
    local words
    try postern ratecheck --account "$ACCOUNT" --refund-amount tokens=18446744073709551615
    [[ "$status $stderr" == "2 "*"a cost of 1 to 9007199254740991"* ]]
    for words in "--refund-amount tokens=0" "--refund-amount tokens --charge tokens" "--refund-amount tokens --peek" \
        "--refund-amount tokens --overdraw" "--refund-amount tokens --refund $ID"; do
        # shellcheck disable=SC2086
        try postern ratecheck --account "$ACCOUNT" $words
        [ "$status" -eq 2 ] || { echo "$words: $status"; return 1; }
    done
}

# --- halves of a charge

@test "X1 what a key's own limits were charged, too, is settled and given back by naming that key alone" {
    make_key "$ACCOUNT" other --limit tokens=50/day
    local other=$KEY_ID
    make_key "$ACCOUNT" mine --limit tokens=50/day
    use --charge tokens=10
    ID=$(field .charge_id)
    charge --settle "$ID" --charge tokens=2
    not_settled CHARGE_OF_KEY
    charge --refund "$ID"
    not_settled CHARGE_OF_KEY
    call ratecheck --key "$other" --refund "$ID"
    not_settled CHARGE_OF_KEY
    call ratecheck --key "$KEY_ID" --settle "$ID" --charge tokens=2
    done_so '[.meters[].remaining] == [998, 48]'
    use --charge tokens=10
    ID=$(field .charge_id)
    postern roll "$KEY_ID" --grace 1h >/dev/null
    call ratecheck --key "$KEY_ID" --refund "$ID"
    done_so '[.meters[].remaining] == [998, 48]'
}

@test "X4 what no limit refuses a shadow counts, and would not have refused" {
    postern account put "$ACCOUNT" --limit tokens=10/day:shadow >/dev/null
    charge --charge tokens=30 --overdraw
    done_so '[.meters[] | .would_refuse // false] == [false, false]'
    ID=$(field .charge_id)
    charge --charge tokens
    done_so '[.meters[] | select(.shadow) | .would_refuse] == [true]'
    charge --settle "$ID" --charge tokens=4
    done_so '[.meters[] | .would_refuse // false] == [false, false]'
    answer '[.meters[] | select(.shadow) | .remaining] == [6]'
}
