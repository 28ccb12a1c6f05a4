#!/usr/bin/env bats
# What posternd tells a service manager, by the protocol of sd_notify(3).

load ../support/keys

setup() {
    note_failures_only
    make_home
    NOTES=$DAEMON_HOME/notes
    setpriv --pdeathsig KILL python3 -u -c '
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print("listening")
while True:
    print(manager.recv(4096).decode())
' "$DAEMON_HOME/notify" >"$NOTES" 3>&- &
    MANAGER=$!
    poll 60 noted listening
    export NOTIFY_SOCKET=$DAEMON_HOME/notify
}

teardown() {
    kill -KILL "$MANAGER"
    drop_daemon
}

# noted LINE [COUNT]: so many of them, 1 by default.
noted() {
    [ "$(grep -cx "$1" "$NOTES")" -ge "${2:-1}" ]
}

@test "posternd says READY when it answers, RELOADING at SIGHUP, STOPPING when it stops, and is not watched unasked" {
    start_daemon
    poll 60 noted READY=1
    kill -HUP "$DAEMON_PID"
    poll 60 noted READY=1 2
    noted RELOADING=1
    stop_daemon
    poll 60 noted STOPPING=1
    noted WATCHDOG=1 && return 1
    [ "$(tail -n 1 "$NOTES")" = STOPPING=1 ]
}

@test "posternd says WATCHDOG while it decides, not while decisions hang, and again when they go on" {
    local before
    export WATCHDOG_USEC=150000 HANG_SHIM=$DAEMON_HOME/hang
    LD_PRELOAD=$(preloadable hang_shim) ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" start_daemon
    poll 60 noted WATCHDOG=1 3
    : >"$HANG_SHIM"
    # One question may have been under way, and the scheduler hangs in the next one.
    pause 0.3
    before=$(grep -cx WATCHDOG=1 "$NOTES")
    pause 1
    [ "$(grep -cx WATCHDOG=1 "$NOTES")" -le $((before + 1)) ]
    rm "$HANG_SHIM"
    poll 60 noted WATCHDOG=1 $((before + 3))
    stop_daemon
}

@test "a watchdog that is meant for another process is left alone" {
    export WATCHDOG_USEC=30000 WATCHDOG_PID=1
    start_daemon
    poll 60 noted READY=1
    pause 0.3
    noted WATCHDOG=1 && return 1
    stop_daemon
}
