# Helpers for tests of postern-gateway. A gateway started here dies with the bats process that started it.
# shellcheck shell=bash

# shellcheck source=tests/support/keys.bash
source "${BASH_SOURCE[0]%/*}/keys.bash"

# start_gateway [OPTION]...: on a port that the kernel gives; GATEWAY is its URL. Returns when it listens.
start_gateway() {
    GATEWAY_LOG=$DAEMON_HOME/gateway.log
    : >"$GATEWAY_LOG"
    ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=1" setpriv --pdeathsig KILL "$POSTERN_BIN/postern-gateway" \
        --url "$POSTERN_URL" --listen 127.0.0.1:0 "$@" >>"$GATEWAY_LOG" 2>&1 3>&- &
    GATEWAY_PID=$!
    poll 60 gateway_is_ready
    GATEWAY=http://127.0.0.1:$(sed -n 's/.*ready: .* port \([0-9]*\),.*/\1/p' "$GATEWAY_LOG")
    export GATEWAY GATEWAY_LOG GATEWAY_PID
}

gateway_is_ready() {
    grep -q ' ready: ' "$GATEWAY_LOG" || ! alive "$GATEWAY_PID"
}

# stop_gateway: it ends by itself, well.
stop_gateway() {
    local rc=0
    [ -n "${GATEWAY_PID-}" ] || return 0
    kill "$GATEWAY_PID"
    wait "$GATEWAY_PID" || rc=$?
    [ "$rc" -eq 0 ] || cat "$GATEWAY_LOG"
    unset GATEWAY_PID
    return "$rc"
}

# ask PATH [CURL-OPTION]...: the answer's status is in $code, its head in $head, its body in $output.
ask() {
    code=$(curl -sS --max-time 60 --path-as-is -D "$BATS_TEST_TMPDIR/head" -o "$BATS_TEST_TMPDIR/body" \
        -w '%{http_code}' "${@:2}" "$GATEWAY$1")
    head=$(tr -d '\r' <"$BATS_TEST_TMPDIR/head")
    output=$(cat "$BATS_TEST_TMPDIR/body")
}

# said CODE [FILTER]: the last answer has this status, and jq's FILTER is true of its body.
said() {
    if [ "$code" != "$1" ]; then
        echo "wanted $1, got $code: $head $output"
        return 1
    fi
    [ $# -lt 2 ] || answer "$2"
}

# header NAME: its value in the last answer.
header() {
    sed -n "s/^$1: //Ip" <<<"$head"
}
