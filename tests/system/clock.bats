#!/usr/bin/env bats
# The wall clock is set back and forward, while the daemon runs and between its runs: no window opens again, nobody is
# locked out longer than a window, and what has expired stays expired.

load ../support/clock

setup() {
    note_failures_only
    make_clock_home
    start_shimmed
    postern tier put plain --limit requests=unlimited --default >/dev/null
}

teardown() {
    drop_daemon
}

# limited NAME LIMIT: an account with this limit on `requests`; its key's token is in TOKENS.
declare -gA TOKENS
limited() {
    postern account put "$1" --no-default-public-key >/dev/null
    postern account update "$1" --limit "requests=$2" >/dev/null # instead of those it had
    make_key "$1"
    TOKENS[$1]=$TOKEN
}

ask() {
    try postern verify - --json <<<"${TOKENS[$1]}"
}

admitted() {
    ask "$1"
    [ "$status" -eq 0 ] || { echo "$1: $output"; return 1; }
}

# refused NAME MS: and no longer than this.
refused() {
    ask "$1"
    was_refused "$1" "$2"
}

was_refused() {
    jq -e ".reason == \"RATE_LIMITED\" and .retry_after_ms <= $2" <<<"$output" >/dev/null && return 0
    echo "$1 should be refused for at most $2 ms: $output"
    return 1
}

# batch NAME...: one question about the key of each, in their order.
batch() {
    local name
    try postern verify --batch --json < <(for name in "$@"; do echo "${TOKENS[$name]}"; done)
}

spend_all() {
    batch "${!TOKENS[@]}" "${!TOKENS[@]}"
    [ "$status" -eq 0 ] || { echo "not all are admitted: $output"; return 1; }
    all_refused
}

# Of windows of an hour and a day, all spent.
all_refused() {
    batch hour day slide bucket
    jq -se --argjson most "[$HOUR_MS, $DAY_MS, $((HOUR_MS + HOUR_MS / 60)), $((HOUR_MS / 2))]" \
        'length == 4 and ([., $most] | transpose
            | all(.[0].reason == "RATE_LIMITED" and .[0].retry_after_ms <= .[1]))' \
        <<<"$output" >/dev/null && return 0
    echo "all should be refused, for an hour, a day, an hour and a minute, half an hour at most: $output"
    return 1
}

long_limits() {
    limited hour 2/h:fixed_window
    limited day 2/day
    limited slide 2/h:sliding_window
    limited bucket 2/h:token_bucket,burst=2
    spend_all
}

short_limits() {
    limited fixed 1/2s:fixed_window
    limited slide 1/2s:sliding_window
    limited bucket 1/2s:token_bucket,burst=1
}

# Spent anew: their windows are short, so that some time passes in any case, and one may end between two questions.
spend_short() {
    local name tries
    for name in fixed slide bucket; do
        until_admitted "$name"
        for tries in $(seq 20); do
            admitted "$name" >/dev/null || break
        done
        was_refused "$name" 2100
    done
}

until_admitted() {
    poll 60 admitted "$1" || { echo "$1 is locked out"; admitted "$1"; }
}

health() {
    try postern health --json
    jq -e "$1" <<<"$output" >/dev/null
}

# seen FILTER: Health says so at the ticker's next look.
seen() {
    poll 60 health "$1" || { echo "Health does not say $1: $output"; return 1; }
}

logged() {
    grep -qF "$1" "$DAEMON_LOG" || { echo "not logged: $1"; cat "$DAEMON_LOG"; return 1; }
}

@test "set back while it runs, by an hour and by two days: no window opens again, and it is logged and seen" {
    long_limits
    health '.clock_jumps == 0 and (.clock_ahead_ms | fabs) < 1000'
    set_wall -$HOUR_MS
    all_refused
    seen ".clock_jumps == 1 and .clock_ahead_ms > $HOUR_MS - 1000"
    logged "the wall clock was set back by"
    set_wall $((-2 * DAY_MS))
    all_refused
    seen ".clock_jumps == 2 and .clock_ahead_ms > 2 * $DAY_MS - 1000"
    kill_daemon
    start_shimmed
    all_refused
    restart_daemon_shimmed
    all_refused
    set_wall 0
    seen ".clock_jumps == 2 and (.clock_ahead_ms | fabs) < 1000" # noticed at the start, and now
    all_refused
}

restart_daemon_shimmed() {
    stop_daemon
    start_shimmed
}

@test "set back between two runs, after a stop, a kill and a reboot: no window opens again, and it is logged and seen" {
    long_limits
    stop_daemon
    set_wall -$HOUR_MS
    start_shimmed
    all_refused
    health ".clock_jumps == 1 and .clock_ahead_ms > $HOUR_MS - 1000"
    logged "behind the daemon's, which never goes back"
    kill_daemon
    set_wall $((-2 * DAY_MS))
    start_shimmed
    all_refused
    kill_daemon
    reboot $((-2 * DAY_MS))
    start_shimmed
    all_refused
    health ".clock_jumps == 1 and .clock_ahead_ms > 2 * $DAY_MS - 60000"
    stop_daemon
    reboot -$HOUR_MS
    start_shimmed
    all_refused
}

@test "set back, while it runs or between runs: nobody is locked out longer than a window" {
    short_limits
    spend_short
    set_wall $((-2 * DAY_MS))
    spend_short
    kill_daemon
    set_wall $((-3 * DAY_MS))
    start_shimmed
    spend_short
    stop_daemon
    reboot $((-4 * DAY_MS))
    start_shimmed
    spend_short
}

@test "set forward by an hour and back: it is followed once, and the windows of then stay spent" {
    long_limits
    set_wall "$HOUR_MS"
    seen '.clock_jumps == 1 and (.clock_ahead_ms | fabs) < 1000'
    logged "ahead of the daemon's; following it"
    refused day "$DAY_MS" # the same day
    admitted hour
    admitted hour
    refused hour "$HOUR_MS"
    set_wall 0
    seen ".clock_jumps == 2 and .clock_ahead_ms > $HOUR_MS - 1000"
    refused hour "$HOUR_MS"
    refused day "$DAY_MS"
    kill_daemon
    start_shimmed
    refused hour "$HOUR_MS"
    short_limits
    spend_short
}

@test "set forward between two runs and back: it is followed once, and the windows of then stay spent" {
    long_limits
    stop_daemon # a crash would forfeit some of the next window
    set_wall "$HOUR_MS"
    start_shimmed
    health '.clock_jumps == 1 and (.clock_ahead_ms | fabs) < 1000'
    admitted hour
    admitted hour
    refused hour "$HOUR_MS"
    stop_daemon
    set_wall 0
    start_shimmed
    refused hour "$HOUR_MS"
    refused day "$DAY_MS"
}

verdict() {
    try postern verify - --peek --json <<<"$TOKEN"
    jq -e ".reason == \"$1\"" <<<"$output" >/dev/null
}

@test "a key that has expired stays so, wherever the wall clock goes" {
    postern account put acme >/dev/null
    make_key acme soon --expires $((NOON_MS + HOUR_MS / 2))
    verdict ALLOWED
    set_wall "$HOUR_MS"
    poll 60 verdict EXPIRED_API_KEY
    kill_daemon # at once: nothing but this answer has been given
    set_wall 0
    start_shimmed
    verdict EXPIRED_API_KEY
    kill_daemon
    reboot $((-2 * DAY_MS))
    start_shimmed
    verdict EXPIRED_API_KEY
}

@test "a key that expired just before a reboot stays so, with a wall clock that knows nothing" {
    postern account put acme >/dev/null
    make_key acme soon --expires $((CLOCK_BASE_MS + $(date +%s%3N) + 6000))
    verdict ALLOWED
    poll 60 verdict EXPIRED_API_KEY
    kill_daemon
    reboot $((-2 * DAY_MS))
    start_shimmed
    verdict EXPIRED_API_KEY
}

@test "an operator resets a clock that was far ahead, and nobody is locked out" {
    set_wall $((72 * 365 * DAY_MS)) # 2099
    seen '.clock_jumps == 1 and (.clock_ahead_ms | fabs) < 1000'
    long_limits
    postern account put revoked >/dev/null
    postern account revoke-all revoked >/dev/null
    set_wall 0
    run shimmed posternd --clear-clock --data "$DAEMON_DATA"
    [ "$status" -eq 1 ]
    [[ "$output" == *"another posternd (pid $DAEMON_PID) is using"* ]]
    kill_daemon
    run shimmed posternd --clear-clock --data "$DAEMON_DATA"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"the daemon's time was 2098-12-"*" and is 2027-01-15T12:3"* ]]
    [[ "$output" == *"of 4 stored limits 4 were from the future and begin afresh"* ]]
    start_shimmed
    health '.clock_jumps == 0 and (.clock_ahead_ms | fabs) < 1000'
    spend_all
    make_key revoked
    verdict ALLOWED
    stop_daemon
    shimmed posternd --check "$DAEMON_DATA"
    run shimmed posternd --clear-clock --data "$DAEMON_DATA"
    [ "$status" -eq 0 ]
    [[ "$output" == *"nothing to reset"* ]]
    start_shimmed
    all_refused
}

@test "resetting the clock needs a directory that a daemon has served from" {
    run posternd --clear-clock --data "$DAEMON_HOME/none"
    [ "$status" -eq 1 ]
    [[ "$output" == *"holds no registry"* ]]
    [ ! -e "$DAEMON_HOME/none" ]
    run posternd --clear-clock
    [ "$status" -eq 2 ]
    [[ "$output" == *"no data directory: give --data DIR"* ]]
}

@test "a span counts from the daemon's clock, not from the caller's" {
    # Here it is another year; the daemon's clock says 2027-01-15, half past twelve.
    postern account put acme --no-default-public-key >/dev/null
    try postern create --account acme --name x --expires 1h --json
    jq -e '.key | .expires_at_ms - .created_at_ms | . > 3500000 and . <= 3600000' <<<"$output"
    try postern import --account acme --name y <<<'{"token": "a-token-of-another-system", "expires": "1h"}'
    [ "$status" -eq 0 ]
    try postern list --account acme --expires-within 61min --json
    jq -e '.keys | length == 2' <<<"$output"
    try postern list --account acme --older-than 1h --json
    jq -e '.keys == []' <<<"$output"
}
