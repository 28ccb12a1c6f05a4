#!/usr/bin/env bats
# The carrier of the real daemon: SIGHUP, bounds as clients see them, and peers that break off. For a stop: stop.bats;
# for addresses: sockets.bats.

load ../support/keys

setup() {
    note_failures_only
    HELPERS=()
    make_home
}

teardown() {
    local pid
    for pid in "${HELPERS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    drop_daemon
}

frames() {
    python3 "$SUPPORT/frames.py" "$@"
}

carrier() {
    PYTHONPATH=$SUPPORT timeout 120 python3 -
}

logged() {
    grep -q "$1" "$DAEMON_LOG"
}

reload() {
    local before
    before=$(grep -c "reload" "$DAEMON_LOG" || true)
    kill -HUP "$DAEMON_PID"
    has_answered() {
        [ "$(grep -cE "reloaded|reloading failed" "$DAEMON_LOG")" -gt "$1" ]
    }
    poll 60 has_answered "$((before / 2))"
}

# --- SIGHUP

@test "SIGHUP does not stop the daemon and cuts nobody off" {
    start_daemon
    POSTERN_URL=$POSTERN_URL carrier <<PYTHON
import os, signal, client
peer, body = client.Connection("$POSTERN_URL"), client.encode("health {}")[0]
for _ in range(20):
    os.kill($DAEMON_PID, signal.SIGHUP)
    assert client.decode(*peer.exchange([body] * 20))[0]["health"]["serving"]
PYTHON
    alive "$DAEMON_PID"
    stop_daemon
    [ "$DAEMON_STATUS" -eq 0 ]
}

@test "SIGHUP reads the log level and the operators again; what is wrong changes nothing" {
    local file=$DAEMON_HOME/posternd.conf
    [ "$(id -u)" -eq 0 ] || skip "needs root to be somebody else"
    echo 'log_level: info' >"$file"
    chmod 755 "$DAEMON_HOME" "$DAEMON_HOME/run"
    start_daemon --config "$file" --socket-mode 0666
    as_nobody() {
        try setpriv --reuid 65534 --clear-groups postern tier put "$1" --limit requests=1/min --json
    }
    as_nobody one
    [ "$status" -ne 0 ]
    echo 'operator_uid: [65534]' >>"$file"
    reload
    as_nobody one
    done_so
    echo 'log_level: no such level' >"$file"
    reload
    logged "reloading failed"
    as_nobody two
    done_so
    echo 'log_level: error' >"$file"
    kill -HUP "$DAEMON_PID" # says that it does, and then no more
    poll 60 cannot_be_operator
    local lines
    lines=$(wc -l <"$DAEMON_LOG")
    stop_daemon
    [ "$(wc -l <"$DAEMON_LOG")" -eq "$lines" ]
}

cannot_be_operator() {
    as_nobody three
    [ "$status" -ne 0 ]
}

@test "SIGHUP says so when something has changed that only a restart takes over" {
    local file=$DAEMON_HOME/posternd.conf
    echo 'log_level: info' >"$file"
    start_daemon --config "$file"
    printf 'operator_uid: [65534]\nlog_level: debug\n' >"$file"
    reload
    [[ "$(tail -n 1 "$DAEMON_LOG")" == *" reloaded" ]]
    echo 'socket_mode: "0600"' >>"$file"
    reload
    [[ "$(tail -n 1 "$DAEMON_LOG")" == *" reloaded; what else has changed in the file needs a restart" ]]
    # With what is wrong the daemon would not start again.
    local wrong
    for wrong in 'time_zone: No/Where' 'socket_group: no-such-group'; do
        printf 'operator_uid: [65534]\n%s\n' "$wrong" >"$file"
        reload
        [[ "$(tail -n 1 "$DAEMON_LOG")" == *" reloading failed: the configuration is wrong; nothing has changed" ]]
    done
    printf 'operator_uid: [65534]\nmax_calls: 77\n' >"$file"
    reload
    [[ "$(tail -n 1 "$DAEMON_LOG")" == *" reloaded; what else has changed in the file needs a restart" ]]
    stop_daemon
}

@test "a daemon that was started with SIGHUP ignored does not hear it" {
    trap '' HUP
    start_daemon
    trap - HUP
    kill -HUP "$DAEMON_PID"
    postern health
    kill -TERM "$DAEMON_PID"
    poll 60 gone "$DAEMON_PID"
    ! logged reload
}

# --- bounds

@test "beyond max-connections a newcomer is told to come later, and those who are there are served" {
    start_daemon --max-connections 4
    POSTERN_URL=$POSTERN_URL carrier <<PYTHON
import client, time
body = client.encode("health {}")[0]
def ask(peer):
    return client.decode(peer.exchange([body])[0])[0]
def seat():
    # the one who asked whether the daemon is healthy may not be gone yet
    while True:
        peer = client.Connection("$POSTERN_URL")
        if client.code_of(ask(peer)) == 0:
            return peer
peers = [seat() for _ in range(4)]
assert all(client.code_of(ask(peer)) == 0 for peer in peers)
more, reply = client.without_seat("$POSTERN_URL", body)
told = client.decode(reply)[0]["status"]
assert told["code"] == 8 and told["retry_after_ms"] > 0, told
assert more.socket.recv(1) == b""
assert all(client.code_of(ask(peer)) == 0 for peer in peers)
peers.pop().close()
seat()
PYTHON
    stop_daemon
}

@test "that all connections are taken is logged, with what to do" {
    start_daemon --max-connections 4
    carrier <<PYTHON
import client
body = client.encode("health {}")[0]
peers = [client.Connection("$POSTERN_URL") for _ in range(4)]
reply = client.decode(client.without_seat("$POSTERN_URL", body)[1])[0]
assert client.code_of(reply) == 8, reply
PYTHON
    logged "all 4 connections are taken: raise --max-connections, or look who holds them (ss -xp, ss -tp)"
    [ "$(grep -c "connections are taken" "$DAEMON_LOG")" -le 5 ]
    stop_daemon
}

@test "beyond max-calls calls are answered RESOURCE_EXHAUSTED with retry_after_ms, and later served" {
    start_daemon --max-calls 2
    postern tier put free --limit requests=100000/min --default
    postern account put acme
    make_key acme
    POSTERN_URL=$POSTERN_URL TOKEN=$TOKEN carrier <<'PYTHON'
import os, client
# Charges wait for the disk: they are in flight for some time, and the next requests come meanwhile.
url, token = os.environ["POSTERN_URL"], os.environ["TOKEN"]
body = client.encode(f"verify {{ api_key: {client.quoted(token)} }}")[0]
peers, refused = [client.Connection(url, 60) for _ in range(4)], 0
for _ in range(50):
    for peer in peers:
        peer.send(*[body] * 20)
    replies = [peer.receive()[1] for peer in peers for _ in range(20)]
    for reply in client.decode(*replies):
        if client.code_of(reply) == 8:
            refused += 1
            assert reply["status"]["retry_after_ms"] > 0, reply
    if refused > 0:
        break
assert refused > 0
assert client.code_of(client.decode(peers[0].exchange([body])[0])[0]) == 0
PYTHON
    stop_daemon
}

# --- peers that break off

@test "with few files no more connections are promised than fit, and peers that never greet keep nobody out" {
    local round
    setpriv() {
        ulimit -n 100
        exec setpriv "$@"
    }
    start_daemon --max-connections 40
    unset -f setpriv
    ! logged "connections: the limit of open files"
    python3 - "$DAEMON_SOCKET" 3>&- <<'PYTHON' &
import socket, sys, time
peers = []
while True:
    try:
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(1)
        peer.connect(sys.argv[1])
        peers.append(peer)
    except OSError:
        time.sleep(0.005)
    if len(peers) >= 300:
        peers.pop(0).close()
PYTHON
    HELPERS+=($!)
    refuses_files() {
        postern stats --json --timeout 20s | jq -e '.connections.accept_failures > 0'
    }
    poll 60 refuses_files
    logged "cannot accept a connection: .*: raise the limit of open files"
    for round in 1 2 3 4 5; do
        postern health --timeout 20s || { echo "in round $round"; return 1; }
    done
}

@test "with very few files fewer connections are taken, and that is said" {
    setpriv() {
        ulimit -n 60
        exec setpriv "$@"
    }
    start_daemon --max-connections 40
    unset -f setpriv
    logged "only 30 connections: the limit of open files is 60"
}

# --- who cannot be reached

@test "that nobody listens at a TCP port is told as it is, with TLS and without" {
    local port
    make_home
    port=$(free_port)
    for url in "tcp://127.0.0.1:$port" "tls+tcp://127.0.0.1:$port"; do
        run postern health --url "$url" --timeout 300ms
        [ "$status" -eq 3 ]
        [[ "$output" == *"cannot reach posternd at $url: Connection refused: is it running?"* ]] ||
            { echo "$output"; return 1; }
    done
    run postern health --url tcp://127.0.0.1:99999
    [ "$status" -ne 0 ]
    [[ "$output" == *"cannot use the URL"* ]]
    touch "$DAEMON_HOME/run/file"
    run postern health --url "ipc://$DAEMON_HOME/run/file" --timeout 300ms
    [[ "$output" == *"that is no socket"* ]]
}

@test "a program that takes connections and says nothing is told as it is, also by a short deadline" {
    ABOUT_THE_TOOL=yes
    mkdir -p "$DAEMON_HOME/run"
    python3 - "$DAEMON_HOME/run/silent.sock" 3>&- <<'PYTHON' &
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(8)
time.sleep(600)
PYTHON
    HELPERS+=($!)
    poll 60 test -S "$DAEMON_HOME/run/silent.sock"
    try postern health --timeout 1s --json --url "ipc://$DAEMON_HOME/run/silent.sock"
    failed UNAVAILABLE "" "it takes connections and does not answer within 1 s; look at its log"
}

@test "a host of two addresses is reached when nobody listens at the first" {
    local port
    unshare -m true 2>/dev/null || skip "needs root for a mount namespace"
    [ -e /proc/sys/net/ipv6 ] || skip "needs IPv6"
    make_home
    port=$(free_port)
    start_daemon --listen "tcp://127.0.0.1:$port"
    printf '::1 two.example\n127.0.0.1 two.example\n' >"$DAEMON_HOME/hosts"
    unshare -m mount --bind "$DAEMON_HOME/hosts" /etc/hosts || skip "may not mount"
    run unshare -m sh -c 'mount --bind "$1" /etc/hosts && exec postern health --url "$2" --timeout 20s' sh \
        "$DAEMON_HOME/hosts" "tcp://two.example:$port"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "clients that are killed with 256 calls outstanding harm nobody" {
    start_daemon
    postern tier put free --limit requests=100000/min --default
    postern account put acme
    make_key acme
    printf 'health {}' | protocol encode Request >"$DAEMON_HOME/health"
    local n pid
    for n in $(seq 10); do
        TOKEN=$TOKEN POSTERN_URL=$POSTERN_URL carrier >"$DAEMON_HOME/sent" <<'PYTHON' &
import os, signal, client
body = client.encode(f"verify {{ api_key: {client.quoted(os.environ['TOKEN'])} }}")[0]
peer = client.Connection(os.environ["POSTERN_URL"])
peer.send(*[body] * 256)
os.kill(os.getpid(), signal.SIGKILL)
PYTHON
        HELPERS+=($!)
    done
    for n in $(seq 20); do
        timeout 60 postern health >/dev/null
    done
    for pid in "${HELPERS[@]}"; do
        wait "$pid" || true
    done
    timeout 120 nngcat --req --dial "$POSTERN_URL" -F - --raw --recv-timeout 60 <"$DAEMON_HOME/health" |
        protocol decode Reply | grep -q "serving: true"
    stop_daemon
}

@test "good frames before a bad one are answered, and the next connection starts anew" {
    start_daemon
    POSTERN_URL=$POSTERN_URL carrier <<'PYTHON'
import os, struct, client
url, body = os.environ["POSTERN_URL"], client.encode("health {}")[0]
def frame(number, data, kind=b"\x01", size=None):
    return kind + struct.pack(">QI", 4 + len(data) if size is None else size, 0x80000000 | number) + data
for bad in (frame(9, body, kind=b"\x02"), frame(9, b"", size=0), frame(9, b"", size=3), frame(9, b"", size=1 << 63),
            frame(9, b"", size=(1 << 64) - 1), frame(9, b"", size=65537 + 64)):
    peer = client.Connection(url)
    # not a Request, a call that there is not, an empty one: each is answered; and then the frame that may not be
    peer.socket.sendall(frame(1, body) + frame(2, b"ping") + frame(3, b"") + frame(4, body) + bad + frame(5, body))
    assert [peer.receive()[0] & 0xFFFF for _ in range(4)] == [1, 2, 3, 4]
    try:
        assert peer.socket.recv(1) == b""
    except ConnectionResetError:
        pass
    assert client.decode(client.Connection(url).exchange([body])[0])[0]["health"]["serving"]
PYTHON
    stop_daemon
}
