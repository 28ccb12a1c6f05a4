#!/usr/bin/env bats
# The daemon's address space is at its end while it serves. Not for a sanitizer, which takes far more than it may have:
# tools/test runs this with the release build.

load ../support/daemon

setup() {
    note_failures_only
    start_daemon
    HOARD_PID=
}

teardown() {
    [ -z "$HOARD_PID" ] || kill -KILL "$HOARD_PID" 2>/dev/null || true
    drop_daemon
}

# limit_memory MIB: so much more than it has now.
limit_memory() {
    local kib
    kib=$(sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$DAEMON_PID/status")
    prlimit --pid "$DAEMON_PID" --as="$(((kib + $1 * 1024) * 1024))"
}

hoard_is_full() {
    grep -q '^full' "$DAEMON_HOME/hoard"
}

memory_was_out() {
    postern stats --json | jq -e '.connections.accept_failures + .connections.closed_no_memory > 0'
}

@test "without memory those who are there are served, the daemon goes on, and newcomers are served when there is some" {
    local asked
    limit_memory 24
    python3 "$SUPPORT/frames.py" hoard "$DAEMON_SOCKET" 1500 >"$DAEMON_HOME/hoard" 3>&- &
    HOARD_PID=$!
    poll 60 hoard_is_full
    cat "$DAEMON_HOME/hoard"
    alive "$DAEMON_PID"
    kill -KILL "$HOARD_PID"
    wait_healthy 60
    postern tier put free --limit requests=10/min --default
    postern account put acme
    asked=$(postern create --account acme --name a | postern verify - --json)
    jq -e .allowed <<<"$asked"
    memory_was_out
    stop_daemon
    [ "$DAEMON_STATUS" -eq 0 ]
}
