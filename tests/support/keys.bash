# Helpers for tests of keys, of what they may do and of who may change them. Every answer is asked for as JSON.
# shellcheck shell=bash

# shellcheck source=tests/support/daemon.bash
source "${BASH_SOURCE[0]%/*}/daemon.bash"

# own_daemon: for this test alone, in place of the one of its file, which must not be restarted. For it, teardown calls
# drop_own_daemon.
own_daemon() {
    unset DAEMON_HOME DAEMON_PID
    start_daemon "$@"
    OWN_DAEMON=yes
}

drop_own_daemon() {
    [ -z "${OWN_DAEMON-}" ] || drop_daemon
}

# call WORD...: what `postern WORD...` answers is in $output.
call() {
    try postern "$@" --json
}

# as TOKEN WORD...: the same, with this token as the caller's credential.
as() {
    POSTERN_API_KEY=$1 call "${@:2}"
}

# done_so [FILTER]: the call worked, and jq's FILTER is true of its answer.
done_so() {
    if [ "$status" -ne 0 ]; then
        echo "exit status $status: $output $stderr"
        return 1
    fi
    [ $# -eq 0 ] || answer "$1"
}

# failed CODE [FIELD [TEXT]...]: the call failed with this status, at this field, and its message has each text.
failed() {
    local text exit_status=1
    case $1 in UNAVAILABLE | DEADLINE_EXCEEDED) exit_status=3 ;; esac # it could not be asked
    if [ "$status" -ne "$exit_status" ]; then
        echo "wanted $1, got exit status $status: $output $stderr"
        return 1
    fi
    answer ".error.code == \"$1\""
    [ $# -lt 2 ] || answer ".error.field == \"$2\""
    for text in "${@:3}"; do
        answer ".error.message | contains(\"$text\")"
    done
}

# verify [OPTION]...: asks about TOKEN; charges nothing.
verify() {
    try postern verify - --peek --json "$@" <<<"$TOKEN"
}

# use [OPTION]...: of TOKEN, not a peek.
use() {
    try postern verify - --json "$@" <<<"$TOKEN"
}

# allowed [OPTION]...
allowed() {
    verify "$@"
    done_so '.allowed and .reason == "ALLOWED" and .http_status == 200'
}

# refused REASON HTTP_STATUS [OPTION]...
refused() {
    verify "${@:3}"
    [ "$status" -eq 1 ] || { echo "exit status $status: $output"; return 1; }
    answer "(.allowed | not) and .reason == \"$1\" and .http_status == $2"
}

# roll_key KEY_ID [OPTION]...: sets TOKEN and KEY_ID to the successor's; the answer is in $output.
roll_key() {
    call roll "$@"
    done_so
    TOKEN=$(field .api_key)
    KEY_ID=$(field .key.key_id)
    note_token "$TOKEN"
}

# ends_exactly MAKE: `MAKE SPAN_MS` sets TOKEN and END_MS, of what ends so long from then. It is allowed until END_MS
# and expired from that very millisecond on. A machine that is too busy to be there in time gets a longer span.
ends_exactly() {
    local span_ms rc
    for span_ms in 1500 6000 24000 96000; do
        "$1" "$span_ms"
        rc=0
        python3 "$SUPPORT/ends.py" "$POSTERN_URL" "$END_MS" <<<"$TOKEN" || rc=$?
        [ "$rc" -eq 3 ] || return "$rc"
    done
    return 1
}

# free_port: of TCP, on this machine. None of those that the kernel gives to whoever connects, and seldom one that
# another test looks at now.
free_port() {
    python3 - <<'EOF'
import os, socket
for i in range(12000):
    port = 20000 + (os.getpid() * 7919 + i) % 12000
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
EOF
}

# field FILTER: of the last answer.
field() {
    jq -r "$1" <<<"$output"
}

# wire REQUEST: in protobuf's text form, by a client that has nothing of ours; the Reply as JSON is in $output.
wire() {
    try python3 "$SUPPORT/client.py" "$POSTERN_URL" ask <<<"$1"
}

# wire_failed CODE FIELD: the number of a status.
wire_failed() {
    [ "$status" -eq 2 ] || { echo "exit status $status: $output $stderr"; return 1; }
    answer ".status.code == $1 and .status.field == \"$2\" and (.status.message | length > 0)"
}

INVALID_ARGUMENT=3 NOT_FOUND=5 FAILED_PRECONDITION=9

# A request_id that nobody has used.
fresh_id() {
    od -An -N8 -tx1 /dev/urandom | tr -d ' \n'
}
