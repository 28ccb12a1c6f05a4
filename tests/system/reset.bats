#!/usr/bin/env bats
# Meters that are reset: by whom, whose, and what is left of it.

load ../support/keys

setup_file() {
    noon_now
    start_daemon
    postern tier put free --limit requests=10/min --limit requests=100/day --limit productions=5/day --default
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
}

teardown() {
    drop_own_daemon
}

# charge [OPTION]...: the account.
charge() {
    call ratecheck --account "$ACCOUNT" "$@"
}

# left RESOURCE EXPECTED: what remains to the account of each limit on it.
left() {
    charge --charge "$1" --peek
    answer "[.meters[].remaining] == $2"
}

@test "X2 a reset lets every meter of a resource begin anew, and no other one" {
    charge --charge requests=10 --charge productions=2
    done_so .allowed
    charge --charge requests
    answer '.reason == "RATE_LIMITED"'
    try postern ratecheck --account "$ACCOUNT" --reset requests
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = RESET ]
    left requests '[10, 100]'
    left productions '[3]'
    charge --charge requests=10
    done_so '.allowed and .meters[0].remaining == 0'
    call ratecheck --account "$ACCOUNT" --reset requests
    done_so ".account == \"$ACCOUNT\""
    left requests '[10, 100]'
}

@test "X2 a reset that was answered survives kill -9, and so does what is spent after it" {
    own_daemon
    postern tier put free --limit productions=5/day --default >/dev/null
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
    charge --charge productions=5
    call ratecheck --account "$ACCOUNT" --reset productions
    done_so
    kill_daemon
    start_daemon
    charge --charge productions=4
    done_so .allowed
    kill_daemon
    start_daemon
    left productions '[1]'
    charge --charge productions=2
    answer '.reason == "RATE_LIMITED"'
    postern account put "$ACCOUNT" --display-name Acme >/dev/null
    left productions '[1]'
}

@test "X2 what was charged before a reset is neither given back nor settled" {
    charge --charge productions=3
    done_so
    local id
    id=$(field .charge_id)
    postern ratecheck --account "$ACCOUNT" --reset productions >/dev/null
    charge --charge productions=4
    charge --refund "$id"
    failed FAILED_PRECONDITION
    answer '.error.reason == "CHARGE_WINDOW_OVER"'
    answer '.error.message | endswith("what is left now: postern ratecheck --account ID --peek")'
    left productions '[1]'
}

@test "X2 the audit says who reset what of whom" {
    call ratecheck --account "$ACCOUNT" --reset productions
    done_so
    try postern audit --account "$ACCOUNT" --json
    [ "$status" -eq 0 ]
    jq -es --arg who "uid:$(id -u)" 'last | .what == "reset_meters" and .actor == $who and
        (.after | from_entries | .meter_resets | startswith("productions="))' <<<"$output"
}

@test "X2 with a key its own limits are reset, too, and stay so when it is rolled" {
    make_key "$ACCOUNT" own --limit requests=3/day
    use --charge requests=3
    done_so .allowed
    call ratecheck --account "$ACCOUNT" --reset requests
    verify --charge requests
    answer '.reason == "RATE_LIMITED"'
    call ratecheck --key "$KEY_ID" --reset requests
    done_so ".account == \"$ACCOUNT\""
    use --charge requests=2
    done_so '[.meters[].remaining] == [8, 98, 1]'
    roll_key "$KEY_ID"
    use --charge requests
    done_so '[.meters[].remaining] == [7, 97, 0]'
}

@test "X2 operators reset, and account-admins with the scope postern:meter-reset, of their own account" {
    local plain admin
    make_key "$ACCOUNT" plain --scope postern:account-admin
    plain=$TOKEN
    make_key "$ACCOUNT" admin --scope postern:account-admin --scope postern:meter-reset
    admin=$TOKEN
    postern account put "other-$ACCOUNT" --no-default-public-key >/dev/null
    charge --charge productions=5
    as "$plain" ratecheck --account "$ACCOUNT" --reset productions
    failed PERMISSION_DENIED
    left productions '[0]'
    as "$admin" ratecheck --account "other-$ACCOUNT" --reset productions
    failed NOT_FOUND
    as "$admin" ratecheck --account "$ACCOUNT" --reset productions
    done_so
    left productions '[5]'
    # It grants nothing by itself, and account-admins do not pass it on.
    make_key "$ACCOUNT" alone --scope postern:meter-reset
    as "$TOKEN" ratecheck --account "$ACCOUNT" --reset productions
    failed PERMISSION_DENIED
    as "$admin" create --account "$ACCOUNT" --name more --scope postern:meter-reset
    failed PERMISSION_DENIED
}

@test "X2 what cannot be reset is refused by name" {
    call ratecheck --account "$ACCOUNT" --reset reqests
    failed NOT_FOUND reset_meters.resource reqests
    try postern ratecheck --account "$ACCOUNT" --reset reqests
    [[ "$stderr" == *"(--reset)"* ]] || { echo "$stderr"; return 1; }
    call ratecheck --account nobody-here --reset requests
    failed NOT_FOUND reset_meters.account
    try postern ratecheck --reset requests
    [ "$status" -eq 2 ]
    try postern ratecheck --account "$ACCOUNT" --reset requests --charge requests
    [ "$status" -eq 2 ]
}
