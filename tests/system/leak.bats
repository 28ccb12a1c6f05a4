#!/usr/bin/env bats
# Clients that die in the middle of something cost nothing that lasts.

load ../support/daemon

setup() {
    note_failures_only
    start_daemon
    FIRST_PID=$DAEMON_PID
}

teardown() {
    drop_daemon
}

descriptors() {
    local open=("/proc/$DAEMON_PID/fd/"*)
    echo "${#open[@]}"
}

few_descriptors() {
    [ "$(descriptors)" -le "$1" ]
}

# A new client is served, by the daemon that was there.
served() {
    timeout 60 postern health >/dev/null || { echo "no answer within 60 s"; cat "$DAEMON_LOG"; return 1; }
    alive "$FIRST_PID"
}

# SIGTERM ends it with status 0, and not because it gave up waiting for its connections.
ends_in_time() {
    local ended=0
    kill -TERM "$DAEMON_PID"
    poll 60 gone "$DAEMON_PID" || { echo "still there after 60 s"; cat "$DAEMON_LOG"; return 1; }
    wait "$DAEMON_PID" || ended=$?
    cat "$DAEMON_LOG"
    [ "$ended" -eq 0 ]
    ! grep -q 'did not close in time' "$DAEMON_LOG"
}

@test "after 60 clients were killed in the middle of their calls as many descriptors are open as before" {
    local before
    before=$(descriptors)
    cut_calls "$DAEMON_SOCKET" 60
    # A few more: the daemon asks itself for its health now and then.
    poll 60 few_descriptors $((before + 8)) || { echo "$before before, $(descriptors) after"; return 1; }
    served
    ends_in_time
}

@test "clients that hang up before they are greeted cost nothing either, and disturb no other" {
    local before
    before=$(descriptors)
    python3 "$SUPPORT/frames.py" knock "$DAEMON_SOCKET" 50
    served
    cut_calls "$DAEMON_SOCKET" 20
    python3 "$SUPPORT/frames.py" knock "$DAEMON_SOCKET" 50
    served
    poll 60 few_descriptors $((before + 8)) || { echo "$before before, $(descriptors) after"; return 1; }
    ends_in_time
    ! grep -q 'opened anew' "$DAEMON_LOG"
}
