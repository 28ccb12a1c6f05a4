#!/usr/bin/env bats
# A stop of the real daemon under load: what is in flight is answered and delivered, what is new is refused, and no peer
# keeps it up.

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

carrier() {
    PYTHONPATH=$SUPPORT timeout 120 python3 -
}

@test "a stop in the middle of pipelined calls delivers every reply that was begun, and ends with 0" {
    start_daemon
    POSTERN_URL=$POSTERN_URL carrier <<PYTHON
import os, signal, struct, client
peers, body = [client.Connection("$POSTERN_URL", 60) for _ in range(4)], client.encode("health {}")[0]
asked = [peer.send(*[body] * 300) for peer in peers]
os.kill($DAEMON_PID, signal.SIGTERM)
for peer, numbers in zip(peers, asked):
    data, bodies, clean = b"", [], True
    while True:
        try:
            more = peer.socket.recv(65536)
        except ConnectionResetError:  # what was never begun is still there
            clean = False
            break
        if not more:
            break
        data += more
    while data:
        kind, size = struct.unpack(">BQ", data[:9])
        assert kind == 1 and len(data) >= 9 + size, "a reply was cut off"
        assert struct.unpack(">I", data[9:13])[0] == numbers[len(bodies)], "not the next one's reply"
        bodies.append(data[13:9 + size])
        data = data[9 + size:]
    assert bodies and (clean or len(bodies) < len(numbers)), len(bodies)
    for reply in client.decode(*bodies):
        assert client.code_of(reply) == 0 and reply["health"]["serving"] or \
            client.code_of(reply) == 14 and "is stopping" in reply["status"]["message"], reply
PYTHON
    poll 60 gone "$DAEMON_PID"
    wait "$DAEMON_PID"
    [ ! -e "$DAEMON_SOCKET" ]
    ! grep -q Sanitizer "$DAEMON_LOG"
}

# ask_while_it_stops: 75 when the daemon had ended before it could be asked.
ask_while_it_stops() {
    carrier <<PYTHON
import itertools, os, signal, sys, time, client
body = client.encode("health {}")[0]
stuck, peer = client.Connection("$POSTERN_URL"), client.Connection("$POSTERN_URL")
stuck.socket.settimeout(0.5)
try:
    while True:
        stuck.send(*[body] * 100)
except TimeoutError:  # the daemon does not read from whom it has much to send to
    pass
peer.exchange([body])
os.kill($DAEMON_PID, signal.SIGTERM)
while "stopping: signal" not in open("$DAEMON_LOG").read():
    time.sleep(0.001)
bodies = []
try:
    while len(bodies) < 3000:
        bodies += peer.exchange([body] * 100, outstanding=100)  # as many replies as requests, or none is counted
except OSError:
    pass
replies = client.decode(*bodies) if bodies else []
# It says that it stops a moment before it does.
stopping = list(itertools.dropwhile(lambda reply: client.code_of(reply) == 0, replies))
for reply in stopping:
    assert client.code_of(reply) == 14 and "health" not in reply, reply
    assert "the daemon is stopping; ask again" in reply["status"]["message"], reply
sys.exit(0 if stopping else 75)
PYTHON
}

# A peer that does not read its replies holds a stop up for two seconds. A machine for which these were too short has
# them again.
@test "new calls of a daemon that stops are answered UNAVAILABLE, as many as there are" {
    local round ended=75
    for round in 1 2 3 4 5 6 7 8; do
        start_daemon
        ended=0
        ask_while_it_stops || ended=$?
        poll 60 gone "$DAEMON_PID"
        wait "$DAEMON_PID"
        drop_daemon
        make_home
        [ "$ended" -eq 75 ] || break
    done
    [ "$ended" -eq 0 ]
}

@test "a stop with idle, half-open and stuck peers ends with 0 and leaves nothing behind" {
    start_daemon
    carrier <<PYTHON &
import socket, time, client
path = "$DAEMON_SOCKET"
silent = [client.socket.socket(socket.AF_UNIX) for _ in range(3)]
for peer in silent:
    peer.connect(path)
silent[1].sendall(b"\0SP")
idle, half, stuck = (client.Connection("$POSTERN_URL") for _ in range(3))
half.socket.sendall(b"\x01\0\0")
stuck.send(*[client.encode("health {}")[0]] * 1000)
open("$DAEMON_HOME/there", "w").close()
time.sleep(60)
PYTHON
    HELPERS+=($!)
    poll 60 test -e "$DAEMON_HOME/there"
    stop_daemon
    [ "$DAEMON_STATUS" -eq 0 ]
    ! grep -q Sanitizer "$DAEMON_LOG"
}
