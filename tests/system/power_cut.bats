#!/usr/bin/env bats
# The power goes at random moments, under load: the stores are put back to what had been synced, with a random part of
# what had been written since. No limit is exceeded, nothing acknowledged is lost.

load ../support/limit_load

CUTS=${POSTERN_POWER_CUTS:-20}
SPENDERS=6
CHANGERS=2

setup() {
    note_failures_only
    start_daemon
    POWER_LOG=$DAEMON_HOME/power
    mkdir "$POWER_LOG"
    export POWER_LOG
}

teardown() {
    end_clients
    drop_daemon
}

# What is on the disk now is where the next power cut begins.
note_disk() {
    local store
    for store in registry meters; do
        cp "$DAEMON_DATA/$store/data.mdb" "$POWER_LOG/$store.base"
        : >"$POWER_LOG/$store.log"
    done
}

start_logged() {
    note_disk
    LD_PRELOAD=$(preloadable power_log) ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" launch
    wait_healthy 60
}

# cut_power NUMBER: the keyring and its witness stay as they are: that they are newer than the stores is the worst case.
cut_power() {
    local store
    crash_daemon
    for store in registry meters; do
        python3 "$SUPPORT/power_cut.py" "$DAEMON_DATA/$store/data.mdb" "$POWER_LOG/$store.base" \
            "$POWER_LOG/$store.log" "$SEED.$1.$store" >>"$DAEMON_HOME/cuts"
    done
}

start_changers() {
    local n
    CHANGES=()
    for n in $(seq "$CHANGERS"); do
        CHANGES+=("$DAEMON_HOME/changes.$n")
        start_worker "${CHANGES[-1]}" "changer$n"
        CLIENT_PIDS+=("$WORKER_PID")
    done
}

@test "over 20 power cuts no limit is exceeded, and every acknowledged key and revocation is there" {
    local cut
    seed power_cut
    set_up_limits
    crash_check setup "$POSTERN_URL"
    stop_daemon
    start_logged
    start_clients "$SPENDERS" "$SEED"
    start_changers
    for cut in $(seq "$CUTS"); do
        rm -f "$DAEMON_HOME/hold"
        poll 60 revoked_at_least "$cut" "${CHANGES[@]}" # there is something to lose
        pause_randomly 20 220
        cut_power "$cut"
        told posternd --check "$DAEMON_DATA"
        start_logged
        workers_are_well "${CLIENT_PIDS[@]}"
        touch "$DAEMON_HOME/hold" # what is under way is finished, with the same request_id
        told crash_check keys "$POSTERN_URL" "${CHANGES[@]}" || { echo "after cut $cut"; return 1; }
    done
    rm -f "$DAEMON_HOME/hold"
    sleep 0.5
    stop_clients
    prove_limits
    told crash_check keys "$POSTERN_URL" "${CHANGES[@]}"
    told crash_check names "$POSTERN_URL"
    stop_daemon
    posternd --check "$DAEMON_DATA"
    revoked_at_least "$CUTS" "${CHANGES[@]}"
    awk '{ syncs += $1; landed += $3; parts += $5 } END {
        print "# " NR " files cut: " syncs " syncs, " landed " of " parts " unsynced parts landed"
    }' "$DAEMON_HOME/cuts" >&3
}
