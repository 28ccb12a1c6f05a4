#!/usr/bin/env bats
# Eight clients spend from every kind of limit while the daemon is killed at random moments: no window ever holds more
# than its limit, and nobody is refused but for what a limit, a crash or a lost answer explains.

load ../support/limit_load

ROUNDS=${POSTERN_CRASH_ROUNDS:-20}
CLIENTS=8

setup() {
    note_failures_only
    start_daemon
}

teardown() {
    end_clients
    drop_daemon
}

# A daemon that dies while it is starting.
crash_early() {
    launch
    pause_randomly 100 300
    crash_daemon
}

@test "eight clients over 20 rounds of kill -9 are never given more than a limit, nor refused without a reason" {
    local round
    seed limits_crash
    set_up_limits
    start_clients "$CLIENTS" "$SEED"
    for round in $(seq "$ROUNDS"); do
        pause_randomly 100 700
        crash_daemon
        [ $((RANDOM % 4)) -ne 0 ] || crash_early
        start_daemon
    done
    poll 600 enough_is_asked_for
    stop_clients
    prove_limits
    enough_was_asked_for
}
