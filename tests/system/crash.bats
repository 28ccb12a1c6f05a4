#!/usr/bin/env bats
# kill -9 at random moments, under load: what was acknowledged is still true.

load ../support/daemon

ROUNDS=${POSTERN_CRASH_ROUNDS:-50}
WORKERS=4

setup() {
    note_failures_only
    start_daemon
}

teardown() {
    local pid
    for pid in "${WORKER_PIDS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    drop_daemon
}

start_workers() {
    local n
    WORKER_PIDS=() LEDGERS=()
    for n in $(seq "$WORKERS"); do
        LEDGERS+=("$DAEMON_HOME/ledger.$n")
        start_worker "${LEDGERS[-1]}" "worker$n"
        WORKER_PIDS+=("$WORKER_PID")
    done
    poll 60 test -s "${LEDGERS[0]}"
}

@test "K11 over 50 rounds of kill -9 every acknowledged key verifies and every acknowledged revocation refuses" {
    local round pid
    crash_check setup "$POSTERN_URL"
    start_workers
    for round in $(seq "$ROUNDS"); do
        rm -f "$DAEMON_HOME/hold"
        poll 60 revoked_at_least "$round" "${LEDGERS[@]}" # there is something to lose
        pause_randomly 10 160
        kill_daemon
        told posternd --check "$DAEMON_DATA"
        start_daemon
        workers_are_well "${WORKER_PIDS[@]}"
        touch "$DAEMON_HOME/hold" # what is under way is finished, with the same request_id
        told crash_check keys "$POSTERN_URL" "${LEDGERS[@]}" || { echo "in round $round"; return 1; }
    done
    rm -f "$DAEMON_HOME/hold"
    for pid in "${WORKER_PIDS[@]}"; do
        stop_worker "$pid"
    done
    crash_check keys "$POSTERN_URL" "${LEDGERS[@]}"
    crash_check names "$POSTERN_URL"
    stop_daemon
    posternd --check "$DAEMON_DATA"
    revoked_at_least "$ROUNDS" "${LEDGERS[@]}"
}
