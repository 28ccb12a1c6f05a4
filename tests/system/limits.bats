#!/usr/bin/env bats
# Limits over restarts: a crash may forfeit allowance, never add any; a clean stop forfeits none.

load ../support/daemon

setup() {
    note_failures_only
    noon_now
    start_daemon
}

teardown() {
    drop_daemon
}

# spend N: asks N times; adds those that were allowed to ALLOWED.
spend() {
    local n answers
    answers=$(for ((n = 0; n < $1; n++)); do echo "$TOKEN"; done | postern verify --batch) || [ $? -eq 1 ]
    [ "$(wc -l <<<"$answers")" -eq "$1" ]
    ALLOWED=$((ALLOWED + $(grep -c '^ALLOWED ' <<<"$answers" || true)))
}

# remaining N: of the only meter, by a look that charges nothing.
remaining() {
    try postern verify - --peek --json <<<"$TOKEN"
    answer "[.meters[].remaining] == [$1]"
}

account_with() {
    postern tier put only --limit "$1" --default
    postern account put acme
    make_key acme
    ALLOWED=0
}

@test "never more than the limit over kill -9 and restart, in whatever order" {
    account_with requests=40/day
    local round
    for round in 1 2 3 4 5 6 7 8; do
        spend $((RANDOM % 7 + 3))
        kill_daemon
        start_daemon
    done
    spend 45
    echo "$ALLOWED were allowed"
    [ "$ALLOWED" -le 40 ]
    # A crash forfeits at most the reservation, an eighth of the limit; eight did.
    [ "$ALLOWED" -ge 1 ]
    remaining 0
}

@test "one crash forfeits at most an eighth of the limit" {
    account_with requests=80/day
    spend 3 # less than half a reservation: nothing of it is on disk yet
    kill_daemon
    start_daemon
    try postern verify - --peek --json <<<"$TOKEN"
    answer '.meters[0] | .remaining <= 77 and .remaining >= 67'
    spend 90
    [ "$ALLOWED" -le 80 ]
    [ "$ALLOWED" -ge 70 ]
}

@test "a limit of few units is exact over kill -9" {
    account_with requests=3/day
    spend 2
    [ "$ALLOWED" -eq 2 ]
    kill_daemon
    start_daemon
    spend 3
    [ "$ALLOWED" -le 3 ]
}

@test "a sliding window and a token bucket do not open over kill -9 either" {
    postern tier put only --limit slide=40/h:sliding_window --limit bucket=40/h:token_bucket,burst=40 --default
    postern account put acme
    make_key acme
    local n slide=0 bucket=0
    for n in $(seq 44); do
        # Two of a reservation of five: nothing of it is on disk yet.
        [ $((n % 2)) -ne 0 ] || [ "$n" -gt 20 ] || { kill_daemon; start_daemon; }
        ! postern verify - --charge slide <<<"$TOKEN" >/dev/null || slide=$((slide + 1))
        ! postern verify - --charge bucket <<<"$TOKEN" >/dev/null || bucket=$((bucket + 1))
    done
    echo "slide $slide, bucket $bucket"
    [ "$slide" -le 40 ]
    [ "$bucket" -le 40 ]
    [ "$slide" -ge 8 ]
    [ "$bucket" -ge 8 ]
}

@test "a limit whose algorithm is changed again and again admits no more than once" {
    account_with requests=60/h:fixed_window
    local n algorithms=(sliding_window token_bucket fixed_window)
    spend 12
    for n in {0..6}; do
        postern tier update only --limit "requests=60/h:${algorithms[n % 3]}" >/dev/null
        case $n in
        2) restart_daemon ;;
        4) kill_daemon; start_daemon ;;
        esac
        spend 12
    done
    echo "$ALLOWED were allowed"
    # A unit of the bucket may have flowed back; the crash forfeits what was set aside.
    [ "$ALLOWED" -le 62 ]
    [ "$ALLOWED" -ge 40 ]
}

@test "a clean restart forfeits nothing" {
    account_with requests=80/day
    spend 5
    remaining 75
    restart_daemon
    remaining 75
    spend 1
    restart_daemon
    remaining 74
}

@test "many clients at once get exactly the limit" {
    account_with requests=50/day
    local n pids=()
    for n in 1 2 3 4; do
        ( # 20 requests each
            count=0
            for _ in $(seq 20); do
                ! postern verify - <<<"$TOKEN" >/dev/null || count=$((count + 1))
            done
            echo "$count" >"$BATS_TEST_TMPDIR/count.$n"
        ) 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    [ "$(awk '{ sum += $1 } END { print sum }' "$BATS_TEST_TMPDIR"/count.*)" -eq 50 ]
}

@test "a day ends at midnight to the millisecond, however often it is asked, over a restart too" {
    account_with requests=40/day
    for _ in 1 2; do
        for _ in $(seq 15); do
            postern verify - --peek --json <<<"$TOKEN"
        done | jq -es --argjson offset_h "$((10#${DAEMON_UTC_OFFSET:1:2} * ${DAEMON_UTC_OFFSET:0:1}1))" \
            'length == 15 and all(.[].meters[]; (.reset_at_ms + $offset_h * 3600000) % 86400000 == 0)'
        restart_daemon
    done
}
