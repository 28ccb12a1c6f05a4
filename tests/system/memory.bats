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
    local asked n
    # A thread that begins only now takes its stack of it, and then next to nobody is let in: once more, with more.
    for n in $(seq 20); do
        limit_memory 24
        python3 "$SUPPORT/frames.py" hoard "$DAEMON_SOCKET" 1500 >"$DAEMON_HOME/hoard" 3>&- &
        HOARD_PID=$!
        poll 60 hoard_is_full
        grep -qE '^full: [0-9]{2,}' "$DAEMON_HOME/hoard" && break
        kill -KILL "$HOARD_PID"
    done
    cat "$DAEMON_HOME/hoard"
    alive "$DAEMON_PID"
    kill -KILL "$HOARD_PID"
    wait_healthy 60
    # What the connections had is given back one after the other.
    poll 60 postern tier put free --limit requests=10/min --default
    poll 60 postern account put acme
    asked=$(postern create --account acme --name a | postern verify - --json)
    jq -e .allowed <<<"$asked"
    memory_was_out
    grep -qi "connection: out of memory: give the daemon more, or lower --max-connections" "$DAEMON_LOG"
    stop_daemon
    [ "$DAEMON_STATUS" -eq 0 ]
}

# callers URL: as many decisions outstanding as find memory, each of which waits for a write; each caller stays until it
# has its answers, or is told no. Then all of them leave. There are few meters: what they take stays for a while.
callers() {
    PYTHONPATH=$SUPPORT python3 - "$1" <<'PYTHON'
import select, sys, time
import client
CALLERS, CALLS, SUBJECTS = 64, 420, 30
limit = 'limits { resource: "requests" amount: 7 window_s: 3600 } } charges { resource: "requests" } }'
texts = [f'rate_check {{ custom {{ namespace: "s" identifier: "{i}-{n % SUBJECTS}" {limit}'
         for i in range(CALLERS) for n in range(CALLS)]
bodies = client.encode(*texts)
callers, refused = [], 0
for i in range(CALLERS):
    try:
        caller = client.Connection(sys.argv[1], timeout_s=10.0)
        caller.send(*bodies[i * CALLS:(i + 1) * CALLS])
        callers.append(caller)
    except OSError:
        refused += 1
end = time.monotonic() + 60
answers = 0
while callers and time.monotonic() < end:
    ready = select.select([c.socket for c in callers], [], [], 2)[0]
    if not ready:
        break
    for caller in [c for c in callers if c.socket in ready]:
        try:
            some = caller.socket.recv(65536)
        except OSError:
            some = b""
        answers += len(some) > 0
        if not some: # closed
            callers.remove(caller)
print(f"{refused} callers refused, {answers} answers read")
PYTHON
}

@test "decisions that find no memory to wait with fail, and the daemon decides and stops as before when there is some" {
    postern tier put free --limit requests=100/min --default
    postern account put acme
    local token asked
    token=$(postern create --account acme --name a)
    limit_memory 1
    callers "$POSTERN_URL"
    wait_healthy 60
    is_allowed() {
        postern verify - --json --timeout 60s <<<"$token" | tee "$DAEMON_HOME/asked" | jq -e .allowed
    }
    poll 60 is_allowed || { cat "$DAEMON_HOME/asked"; return 1; }
    postern stats --json | jq -c '{meters, connections}' || true
    stop_daemon
    [ "$DAEMON_STATUS" -eq 0 ]
    grep -c 'do not end' "$DAEMON_LOG" && return 1
    start_daemon
    asked=$(postern verify - --json <<<"$token")
    jq -e .allowed <<<"$asked"
}
