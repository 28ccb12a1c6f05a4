#!/usr/bin/env bats
# Clients that misbehave, and what the others notice of it.

load ../support/daemon

setup() {
    note_failures_only
    HELPERS=()
    start_daemon
    FIRST_PID=$DAEMON_PID
    crash_check setup "$POSTERN_URL"
    make_key crash
}

teardown() {
    local pid
    for pid in "${HELPERS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    drop_daemon
}

frames() {
    python3 "$SUPPORT/frames.py" "$@"
}

# A new client is served, by the daemon that was there.
served() {
    timeout 60 postern health >/dev/null || { echo "no answer within 60 s"; cat "$DAEMON_LOG"; return 1; }
    alive "$FIRST_PID"
}

flood() {
    printf 'verify { api_key: "%s" peek: true }' "$TOKEN" | protocol encode Request >"$DAEMON_HOME/request"
    setpriv --pdeathsig KILL python3 "$SUPPORT/frames.py" flood "$DAEMON_SOCKET" "$1" "$2" \
        <"$DAEMON_HOME/request" >"$DAEMON_HOME/flood" 3>&- &
    HELPERS+=($!)
    poll 60 grep -q flooding "$DAEMON_HOME/flood"
}

@test "after 50 rounds of connect-and-close a new client is served" {
    frames knock "$DAEMON_SOCKET" 50
    served
    frames knock "$DAEMON_SOCKET" 1
    served
}

@test "clients at work lose no acknowledged change over 50 rounds of connect-and-close" {
    local n ledgers=()
    for n in 1 2; do
        ledgers+=("$DAEMON_HOME/ledger.$n")
        start_worker "${ledgers[-1]}" "worker$n"
        HELPERS+=("$WORKER_PID")
    done
    poll 60 test -s "${ledgers[1]}"
    for n in $(seq 10); do
        frames knock "$DAEMON_SOCKET" 5
        served
    done
    for n in "${HELPERS[@]}"; do
        stop_worker "$n"
    done
    HELPERS=()
    crash_check keys "$POSTERN_URL" "${ledgers[@]}"
    crash_check names "$POSTERN_URL"
    alive "$FIRST_PID"
}

# What the daemon's stats say of its connections: how many NAME.
connection_count() {
    postern stats --json | jq ".connections.$1"
}

@test "clients that send thousands of calls and never read are not read from, and do not stall the others" {
    local served stuck
    flood 4 60
    served=$(timeout 300 req_client "$POSTERN_URL" 4 2000 <"$DAEMON_HOME/request")
    [ "$served" -eq 8000 ]
    kill "${HELPERS[@]}"
    stuck=$(connection_count closed_stuck)
    served=$(($(connection_count requests) - 8000))
    echo "requests of those that do not read, or of the set-up: $served; connections of theirs that were closed: $stuck"
    # 256 KiB of replies wait in the daemon and about as much in the socket: of 60 bytes each.
    [ "$served" -le $(((4 + stuck) * 10000)) ]
    alive "$FIRST_PID"
    served
}

@test "the flood of that test is one: thousands of calls" {
    flood 4 1
    wait "${HELPERS[0]}"
    cat "$DAEMON_HOME/flood"
    [ "$(sed -n 's/.*about \([0-9]*\) calls.*/\1/p' "$DAEMON_HOME/flood")" -ge 1000 ]
    served
}

@test "a frame that claims 10 GB costs nothing" {
    local before after n pids=()
    before=$(rss_anon_kib)
    for n in 1 2 3 4; do
        frames claim "$DAEMON_SOCKET" 10000000000 3>&- &
        pids+=($!)
    done
    served
    wait "${pids[@]}"
    after=$(rss_anon_kib)
    echo "RssAnon: $before KiB before, $after KiB after"
    [ $((after - before)) -lt 32768 ]
    served
}

# The daemon's open files, but for those of connections that have just come or gone.
descriptors_are() {
    [ "$(find "/proc/$DAEMON_PID/fd" -mindepth 1 | wc -l)" -le "$1" ]
}

@test "thousands of connections that come and go leave nothing behind, memory and descriptors" {
    local n before after files
    stop_daemon
    # What is free is not kept, and no stack is copied to the heap.
    export ASAN_OPTIONS="${ASAN_OPTIONS-}:quarantine_size_mb=1:thread_local_quarantine_size_kb=16"
    ASAN_OPTIONS+=:detect_stack_use_after_return=0
    start_daemon
    FIRST_PID=$DAEMON_PID
    files=$(find "/proc/$DAEMON_PID/fd" -mindepth 1 | wc -l)
    printf 'verify { api_key: "%s" peek: true }' "$TOKEN" | protocol encode Request >"$DAEMON_HOME/request"
    for n in 1 2 3 4; do
        frames visit "$DAEMON_SOCKET" 400 <"$DAEMON_HOME/request"
    done
    poll 60 descriptors_are $((files + 4))
    before=$(rss_anon_kib)
    for n in $(seq 10); do
        frames visit "$DAEMON_SOCKET" 400 <"$DAEMON_HOME/request"
    done
    poll 60 descriptors_are $((files + 4))
    after=$(rss_anon_kib)
    echo "RssAnon: $before KiB before, $after KiB after"
    [ $((after - before)) -lt 8192 ]
    served
}

@test "a client that reads is not cut, with 64 calls outstanding on each of four connections of a busy machine" {
    local n burners=()
    for n in 1 2 3 4; do
        (while :; do :; done) 3>&- &
        burners+=($!)
    done
    run timeout 120 "$POSTERN_BIN/postern-bench" start --rounds 1 --keys 4000
    kill "${burners[@]}"
    echo "$output"
    [ "$status" -eq 0 ]
}
