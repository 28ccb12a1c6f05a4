# Helpers for tests of limits under load: accounts with limits of every kind, clients that spend from them all the time,
# and the proof that nobody got more, nor less than LIMITS allows.
# shellcheck shell=bash

# shellcheck source=tests/support/daemon.bash
source "${BASH_SOURCE[0]%/*}/daemon.bash"

# account_of NAME LIMIT...: an account with these limits of its own.
account_of() {
    local limit words=()
    for limit in "${@:2}"; do
        words+=(--limit "$limit")
    done
    postern account put "$1" "${words[@]}" >/dev/null
}

# planned ACCOUNT CHARGES [OPTION]...: a new key of the account, and a call with it; its number in the plan is in CALL.
planned() {
    make_key "$1" "key$CALLS" "${@:3}" >/dev/null
    also_planned "$2"
}

# also_planned CHARGES: another call with the same key.
also_planned() {
    echo "$TOKEN $1" >>"$DAEMON_HOME/plan"
    CALL=$CALLS
    CALLS=$((CALLS + 1))
}

# limited NAME fixed|sliding|bucket AMOUNT BURST WINDOW_MS METER CALL:COST...: what limit_check is to prove.
limited() {
    echo "$*" >>"$DAEMON_HOME/specification"
}

# Windows of some seconds, so that many pass and most of them see a crash; reservations of one unit and of many.
set_up_limits() {
    local one two
    CALLS=0
    : >"$DAEMON_HOME/kills"
    postern tier put plain --limit unused=unlimited --default >/dev/null

    account_of few requests=5/2s:fixed_window
    planned few requests=1
    limited few-fixed fixed 5 0 2000 requests/1/2/1 "$CALL:1"

    account_of many requests=80/3s:fixed_window
    planned many requests=1
    limited many-fixed fixed 80 0 3000 requests/1/3/1 "$CALL:1"

    account_of few-slide requests=6/3s:sliding_window
    planned few-slide requests=1
    limited few-sliding sliding 6 0 3000 requests/2/3/1 "$CALL:1"

    account_of many-slide requests=96/4s:sliding_window
    planned many-slide requests=1
    limited many-sliding sliding 96 0 4000 requests/2/4/1 "$CALL:1"

    account_of slow-slide requests=400/20s:sliding_window
    planned slow-slide requests=1
    limited slow-sliding sliding 400 0 20000 requests/2/20/1 "$CALL:1"

    account_of few-bucket requests=7/2s:token_bucket,burst=3
    planned few-bucket requests=1
    limited few-bucket bucket 7 3 2000 requests/3/2/1 "$CALL:1"

    account_of many-bucket requests=48/3s:token_bucket,burst=40
    planned many-bucket requests=3
    limited many-bucket bucket 48 40 3000 requests/3/3/1 "$CALL:3"

    # Three limits in one decision; the costs differ.
    account_of both requests=24/2s:fixed_window requests=40/5s:sliding_window productions=24/3s:token_bucket,burst=9
    planned both requests=1,productions=2
    one=$CALL
    also_planned requests=2
    two=$CALL
    limited both-fixed fixed 24 0 2000 requests/1/2/1 "$one:1" "$two:2"
    limited both-sliding sliding 40 0 5000 requests/2/5/1 "$one:1" "$two:2"
    limited both-bucket bucket 24 9 3000 productions/3/3/1 "$one:2"

    # Two keys of one account: its limit and their own.
    account_of keys requests=32/3s:sliding_window
    planned keys requests=1 --limit requests=8/2s:fixed_window
    one=$CALL
    planned keys requests=1 --limit requests=20/4s:token_bucket,burst=5
    two=$CALL
    limited keys-account sliding 32 0 3000 requests/2/3/1 "$one:1" "$two:1"
    limited keys-first fixed 8 0 2000 requests/1/2/2 "$one:1"
    limited keys-second bucket 20 5 4000 requests/3/4/2 "$two:1"
}

# start_clients COUNT SEED
start_clients() {
    local n
    CLIENT_PIDS=() LEDGERS=()
    for n in $(seq "$1"); do
        LEDGERS+=("$DAEMON_HOME/limits.$n")
        setpriv --pdeathsig KILL limit_worker "$POSTERN_URL" "${LEDGERS[-1]}" \
            "$DAEMON_HOME/plan" "$(($2 * 100 + n))" 2>>"$DAEMON_HOME/workers" 3>&- &
        CLIENT_PIDS+=($!)
    done
    poll 60 test -s "${LEDGERS[-1]}"
}

stop_clients() {
    local pid
    for pid in "${CLIENT_PIDS[@]}"; do
        stop_worker "$pid"
    done
    CLIENT_PIDS=()
}

# For teardown.
end_clients() {
    local pid
    for pid in "${CLIENT_PIDS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# CLOCK_BOOTTIME in microseconds, cut to hundredths of a second.
boot_us() {
    local up
    read -r up _ </proc/uptime
    echo "${up/./}0000"
}

# kill -9, with the time for limit_check.
crash_daemon() {
    local begin
    begin=$(boot_us)
    kill_daemon
    echo "$begin $(($(boot_us) + 10000))" >>"$DAEMON_HOME/kills"
}

# seed NAME: from POSTERN_SEED, or at random; said, so that a failure can be had again.
seed() {
    SEED=${POSTERN_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
    RANDOM=$SEED
    echo "# $1: seed $SEED (POSTERN_SEED=$SEED makes it again)" >&3
}

check_limits() {
    limit_check "$DAEMON_HOME/specification" "$DAEMON_HOME/kills" "${LEDGERS[@]}" >"$DAEMON_HOME/figures"
}

# Over-admission, or a refusal without a reason, fails the test; the figures are shown in any case.
prove_limits() {
    local rc=0
    check_limits || rc=$?
    sed 's/^/# /' "$DAEMON_HOME/figures" >&3
    return "$rc"
}

# Whoever proves that nothing was exceeded must have tried: each limit has refused somebody, but for the large ones,
# which a slow machine never spends.
enough_was_asked_for() {
    [ "$(grep -c ' units admitted' "$DAEMON_HOME/figures")" -eq 13 ] &&
        ! grep -E '^(few|both|keys)-' "$DAEMON_HOME/figures" | grep -q ' 0 calls refused'
}

# The same of clients that are still at work.
enough_is_asked_for() {
    check_limits || true
    enough_was_asked_for
}
