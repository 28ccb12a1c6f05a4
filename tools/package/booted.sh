#!/usr/bin/env bash
# In a container that systemd has booted (tools/packages-test): the service as it really runs. What it finds is in
# /src/booted, and "All good" there behind it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tools/packages.sh
exec >/src/booted 2>&1
trap 'journalctl -b -u posternd --no-pager; systemctl poweroff --force --force' EXIT

export HOME=/root POSTERN_URL=ipc:///run/postern/postern.sock POSTERN_TIMEOUT=60s

shows() {
    systemctl show --value --property="$1" posternd
}

# until COMMAND...: at most two minutes.
until_so() {
    local try
    for ((try = 0; try < 120; try++)); do
        ! "$@" || return 0
        sleep 1
    done
    fail "in vain: $*"
}

is_restarted() {
    [ "$(shows NRestarts)" -ge 1 ] && systemctl is-active --quiet posternd
}

until_so systemctl is-active --quiet posternd
[ "$(shows Type)" = notify ] || fail "its Type is $(shows Type)"
postern account put acme
pid=$(shows MainPID)
systemctl reload posternd
[ "$(shows MainPID)" = "$pid" ] || fail "a reload has ended it"
say "It runs as $(stat -c %U "/proc/$pid"):"
grep -E '^(CapEff|NoNewPrivs|Seccomp):' "/proc/$pid/status"
[ "$(stat -c %U "/proc/$pid")" = postern ] || fail "it runs as another user"
grep -qE '^CapEff:\s+0+$' "/proc/$pid/status" || fail "it has capabilities"
grep -qE '^Seccomp:\s+2$' "/proc/$pid/status" || fail "its calls are not filtered"
kill -STOP "$pid"
say "Stopped, it says nothing to the watchdog"
until_so is_restarted
[ "$(shows MainPID)" != "$pid" ] || fail "it is the same process"
postern account get acme
systemctl stop posternd
[ "$(shows Result)" = success ] || fail "it did not stop well: $(shows Result)"
say "All good"
