#!/usr/bin/env bats
# The daemons of docs/embedding.md: they stand there word for word, and they work; and all that an event loop can start.

load ../support/keys

setup() {
    note_failures_only
    start_daemon
    postern tier put free --limit requests=1000000/day --default >/dev/null
    postern account put acme --no-default-public-key >/dev/null
    make_key acme
}

teardown() {
    [ -z "${EXAMPLE_PID-}" ] || kill "$EXAMPLE_PID" || true
    drop_daemon
}

# start_example NAME
start_example() {
    LINES_SOCKET=$DAEMON_HOME/lines
    setpriv --pdeathsig KILL "$POSTERN_BIN/example_$1" "$LINES_SOCKET" 3>&- &
    EXAMPLE_PID=$!
    poll 60 test -S "$LINES_SOCKET"
}

# ask VISITORS LINE...: so many visitors at once, each sends the lines and prints what it is told.
ask() {
    python3 - "$LINES_SOCKET" "$@" <<'PROGRAM'
import socket
import sys

lines = sys.argv[3:]
visitors = []
for _ in range(int(sys.argv[2])):
    visitor = socket.socket(socket.AF_UNIX)
    visitor.settimeout(60)
    visitor.connect(sys.argv[1])
    visitor.sendall("".join(line + "\n" for line in lines).encode())
    visitors.append(visitor.makefile())
for visitor in visitors:
    for _ in lines:
        print(visitor.readline(), end="")
PROGRAM
}

serves_visitors() {
    start_example "$1"
    run ask 1 "$TOKEN" nonsense "$TOKEN"
    [ "$output" = $'allowed acme\nrefused INVALID_API_KEY\nallowed acme' ]
    run ask 50 "$TOKEN" "$TOKEN"
    [ "$(grep -cx 'allowed acme' <<<"$output")" -eq 100 ]
    end_daemon KILL
    launch
    run ask 5 "$TOKEN" # over a new connection, once posternd is there again
    [ "$(grep -cx 'allowed acme' <<<"$output")" -eq 5 ]
}

@test "the daemon with threads serves visitors, also after posternd was killed" {
    serves_visitors threads
}

@test "the daemon on epoll serves visitors, also after posternd was killed" {
    serves_visitors epoll
}

# visitors_leave N: so many ask, and go before they are answered.
visitors_leave() {
    python3 - "$LINES_SOCKET" "$TOKEN" "$1" <<'PROGRAM'
import socket
import sys

for _ in range(int(sys.argv[3])):
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(sys.argv[1])
        visitor.sendall((sys.argv[2] + "\n").encode() * 3)
PROGRAM
}

survives_visitors_who_leave() {
    start_example "$1"
    visitors_leave 50
    run ask 1 "$TOKEN"
    [ "$output" = 'allowed acme' ]
    kill -0 "$EXAMPLE_PID"
}

@test "the daemon with threads goes on when visitors leave before they are answered" {
    survives_visitors_who_leave threads
}

@test "the daemon on epoll goes on when visitors leave before they are answered" {
    survives_visitors_who_leave epoll
}

# quoted FILE: the block of C that stands after its name.
quoted() {
    awk -v name="$1" '
        index($0, "`client/examples/" name "`") { found = 1 }
        found && inside && /^```$/ { exit }
        inside { print }
        found && /^```c$/ { inside = 1 }' "$POSTERN_SOURCE/docs/embedding.md"
}

@test "docs/embedding.md quotes them exactly" {
    for name in threads.c epoll.c; do
        diff "$POSTERN_SOURCE/client/examples/$name" <(quoted "$name")
    done
}

@test "every call can be started in an event loop, and calls back once with its answer" {
    local calls
    drop_daemon
    start_daemon # without anything in it
    mapfile -t calls < <(cat "$POSTERN_SOURCE"/client/src/*.c | sed -n 's/^POSTERN_CALL(\([a-z_]*\),.*/\1/p' | sort)
    [ "${#calls[@]}" -gt 20 ]
    try timeout 120 start_all "$POSTERN_URL"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    diff <(printf '%s OK \n' "${calls[@]}") <(sort <<<"$output")
    stop_daemon
}
