# Helpers for tests that set the wall clock of the daemon, or have its machine boot again (support/clock_shim.c).
# shellcheck shell=bash

# shellcheck source=tests/support/daemon.bash
source "${BASH_SOURCE[0]%/*}/daemon.bash"

HOUR_MS=$((60 * 60 * 1000))
DAY_MS=$((24 * HOUR_MS))
# Far from the end of any window that a test spends from: half past noon, in the middle of a month (2027-01-15).
NOON_MS=1800016200000

# A home whose clock says NOON_MS.
make_clock_home() {
    make_home
    export CLOCK_SHIM=$DAEMON_HOME/clock CLOCK_SHIM_BOOT=$DAEMON_HOME/boot_id
    head -c 16 /dev/zero >"$CLOCK_SHIM"
    cat /proc/sys/kernel/random/boot_id >"$CLOCK_SHIM_BOOT"
    CLOCK_BASE_MS=$((NOON_MS - ${EPOCHREALTIME/[.,]/} / 1000))
    BOOT_OFFSET_MS=0
    set_wall 0
}

# set_wall MS: the wall clock from now on, against one that began at NOON_MS and was never set. The file stays the same
# one: the daemon has it mapped.
set_wall() {
    local number hex bytes='' at
    for number in $((CLOCK_BASE_MS + $1)) "$BOOT_OFFSET_MS"; do
        printf -v hex '%016x' "$number"
        for at in 14 12 10 8 6 4 2 0; do # the machine's order of bytes
            bytes+="\\x${hex:at:2}"
        done
    done
    printf '%b' "$bytes" 1<>"$CLOCK_SHIM"
}

# reboot MS: between two runs, with the wall clock as set_wall has it.
reboot() {
    local up
    read -r up _ </proc/uptime
    cat /proc/sys/kernel/random/uuid >"$CLOCK_SHIM_BOOT"
    BOOT_OFFSET_MS=$((5000 - ${up/./}0)) # booted five seconds ago
    set_wall "$1"
}

# shimmed COMMAND...: with the clocks as they are set.
shimmed() {
    LD_PRELOAD=$(preloadable clock_shim) ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" "$@"
}

start_shimmed() {
    shimmed launch
    wait_healthy 60
}
