#!/usr/bin/env bats
# What Stats counts on connections: each thing that can befall one is caused, and every counter says exactly what was
# seen from here. (For want of descriptors or memory: carrier.bats and memory.bats, where nobody can say how often.)

load ../support/keys
load ../support/ca

setup() {
    note_failures_only
    make_home
}

teardown() {
    drop_daemon
}

@test "every counter of connections counts what befell them, and nothing else" {
    local tls_port
    make_certificates
    tls_port=$(free_port)
    start_daemon --max-connections 6 --max-calls 2 --listen "tls+tcp://127.0.0.1:$tls_port" \
        --tls-certificate "$CERTS/server.pem" --tls-key "$CERTS/server.key"
    postern tier put free --limit requests=1000000/min --default
    postern account put acme
    make_key acme
    TOKEN=$TOKEN TLS_PORT=$tls_port PYTHONPATH=$SUPPORT timeout 300 python3 - <<'PYTHON'
import collections, os, socket, time, client

URL = os.environ["POSTERN_URL"]
TLS_PORT = int(os.environ["TLS_PORT"])
COUNTERS = ("accepted", "requests", "overloaded", "expired", "refused", "closed_no_greeting", "closed_bad_frame",
            "closed_half_frame", "closed_stuck", "closed_no_memory", "tls_failures", "accept_failures", "displaced")
seen = collections.Counter()


def connect():
    seen["accepted"] += 1
    return client.Connection(URL)


def ask(peer, *texts):
    """The replies' codes, in any order."""
    seen["requests"] += len(texts)
    bodies = client.encode(*texts)
    peer.send(*bodies)
    return [client.code_of(reply) for reply in client.decode(*(peer.receive()[1] for _ in bodies))]


def stats():
    seen["requests"] += 1
    reply = client.decode(watcher.exchange(client.encode("stats {}"))[0])[0]
    return reply["stats"]["connections"]


def until(name, value):
    begin = time.monotonic()
    while stats().get(name, 0) != value:
        assert time.monotonic() - begin < 120, (name, value)


def end(peer):
    """Reads until it is closed."""
    try:
        while peer.recv(65536):
            pass
    except ConnectionError:
        pass
    peer.close()


def compare():
    now = stats()
    for name in COUNTERS:
        count = now.get(name, 0) - before.get(name, 0)
        assert count == seen[name], f"{name}: {count}, and there were {seen[name]}"


watcher = client.Connection(URL)
until("connections", 1)  # those who came before are gone
before = stats()
seen.clear()
compare()

# Words that are no greeting, a frame of no size, plain words where TLS is spoken.
peer = socket.socket(socket.AF_UNIX)
peer.connect(URL[len("ipc://"):])
peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
end(peer)
seen.update(accepted=1, closed_no_greeting=1)
compare()
peer = connect()
peer.socket.sendall(b"\1" + bytes(8))
end(peer.socket)
seen.update(closed_bad_frame=1)
compare()
peer = socket.create_connection(("127.0.0.1", TLS_PORT))
peer.sendall(client.HELLO_REQ)
end(peer)
seen.update(accepted=1, tls_failures=1)
compare()

# Requests that are there at once, and may take a millisecond each: not all are in time.
peer = connect()
while seen["expired"] == 0:
    codes = ask(peer, *["timeout_ms: 1 health {}"] * 2000)
    assert set(codes) <= {0, 4}, set(codes)
    seen["expired"] += codes.count(4)
peer.close()
compare()

# Charges wait for the disk: more than two at once.
verify = f"verify {{ api_key: {client.quoted(os.environ['TOKEN'])} }}"
peers = [connect() for _ in range(4)]
while seen["overloaded"] == 0:
    bodies = client.encode(*[verify] * 20)
    for peer in peers:
        peer.send(*bodies)
    seen["requests"] += len(peers) * len(bodies)
    codes = [client.code_of(reply) for reply in
             client.decode(*(peer.receive()[1] for peer in peers for _ in bodies))]
    assert set(codes) <= {0, 8}, set(codes)
    seen["overloaded"] += codes.count(8)
for peer in peers:
    peer.close()
compare()

# The seventh of six.
until("connections", 1)
peers = [connect() for _ in range(5)]
assert all(ask(peer, "health {}") == [0] for peer in peers)
seventh = connect()
assert ask(seventh, "health {}") == [8]
end(seventh.socket)
seen.update(refused=1, overloaded=1)
for peer in peers:
    peer.close()
compare()

# Half a frame.
peer = connect()
peer.socket.sendall(b"\1\0\0")
end(peer.socket)
seen.update(closed_half_frame=1)
compare()

# One that never reads: how many of its requests were begun, nobody can say.
stuck = connect()
stuck.socket.setblocking(False)
body = client.encode("health {}")[0]
data = b"\1" + (4 + len(body)).to_bytes(8, "big") + b"\x80\0\0\1" + body
sent, begin = 0, time.monotonic()
while stats().get("closed_stuck", 0) == before.get("closed_stuck", 0):
    assert time.monotonic() - begin < 120
    try:
        while True:
            sent += stuck.socket.send((data * 1000)[sent % len(data):])
    except OSError:  # as much as it takes now, or closed
        pass
seen.update(closed_stuck=1)
seen["requests"] = stats()["requests"] - before["requests"]
compare()
PYTHON
    stop_daemon
}
