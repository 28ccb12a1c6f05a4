#!/usr/bin/env bats
# Calls that wait for a change: they cost no thread, are not sent again, and end in time.

load ../support/events

bats_require_minimum_version 1.5.0

setup() {
    note_failures_only
    start_lines
}

teardown() {
    stop_following
    drop_daemon
}

requests() {
    postern stats --json | jq .connections.requests
}

@test "X8 a wait is no missing answer: the call is not sent again, however short the timeout is" {
    start_daemon
    furnish
    follow --interval 20s --timeout 4s
    soon 'length == 2'
    poll 60 calls_in_flight 1
    local before
    before=$(requests)
    pause 7 # more than a quarter of both
    [ "$(requests)" -eq $((before + 1)) ]
    alive "$FOLLOWER"
}

@test "X8 a follower outlives a restart of the daemon, whose clean stop ends the wait at once" {
    start_daemon
    furnish
    follow
    soon 'length == 2'
    poll 60 calls_in_flight 1
    local began=$SECONDS
    stop_daemon
    # It waits up to ten seconds for calls that do not end, and says so.
    [ $((SECONDS - began)) -lt 9 ] || { cat "$DAEMON_LOG"; return 1; }
    run grep -c 'calls in flight do not end' "$DAEMON_LOG"
    [ "$output" = 0 ]
    start_daemon
    make_key acme one
    soon 'length == 3 and .[2].what == "create"'
    alive "$FOLLOWER"
}

@test "X8 sixty-four wait without a thread while Verify goes on; one more is told to come again; who goes makes room" {
    start_daemon
    furnish
    make_key acme one
    postern verify - <<<"$TOKEN" >/dev/null
    PYTHONPATH=$SUPPORT python3 - "$POSTERN_URL" "$DAEMON_PID" "$TOKEN" <<'PYTHON'
import select, sys, time
import client

url, pid, token = sys.argv[1:]
SHARE = 64
wait, verify, stats = client.encode("list_changes { after_seq: 3 wait_ms: 60000 }",
                                    f"verify {{ api_key: {client.quoted(token)} }}", "stats {}")

def threads():
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))

def answer(connection):
    return client.decode(connection.receive()[1])[0]

def start():
    connection = client.Connection(url)
    connection.send(wait)
    return connection

asker = client.Connection(url)
before = threads()
waiting = [start() for _ in range(SHARE)]
# Each of them waits, beside the call that asks: one more is refused.
end = time.monotonic() + 60
while int(client.decode(asker.exchange([stats])[0])[0]["stats"]["connections"]["calls_in_flight"]) <= SHARE:
    assert time.monotonic() < end, "not all wait"
    time.sleep(0.02)
while True:
    one_more = client.Connection(url, timeout_s=1.0)
    one_more.send(wait)
    try:
        late = answer(one_more)
    except TimeoutError:
        late = None
    one_more.close()
    if late is not None or time.monotonic() > end:
        break
assert late is not None, "none was refused"
status = late["status"]
assert status["code"] == 8 and status["reason"] == "SHARE_USED_UP" and status["retry_after_ms"] > 0, late
assert threads() == before, (threads(), before)
replies = client.decode(*[asker.exchange([verify])[0] for _ in range(200)])
assert all(reply["verify"]["allowed"] for reply in replies), replies
assert not select.select([c.socket for c in waiting], [], [], 0)[0], "a wait has ended"
# Who has gone makes room.
for connection in waiting:
    connection.close()
while True:
    connection = start()
    if not select.select([connection.socket], [], [], 3)[0]:
        break
    assert answer(connection)["status"]["reason"] == "SHARE_USED_UP"
    assert time.monotonic() < end + 60, "no room"
waiting = [connection] + [start() for _ in range(SHARE // 2)]
# A change ends all waits, and each gets it.
made = client.Client(url).change('put_scope { scope: "new" }')
for connection in waiting:
    reply = answer(connection)
    assert reply["list_changes"]["changes"]["what"] == "put_scope" and reply["seq"] == made["seq"], reply
    connection.close()
PYTHON
}

@test "X8 a wait ends when its time is over, or the call's is; what is wrong is refused" {
    start_daemon
    furnish
    wire 'list_changes { after_seq: 2 wait_ms: 300 }'
    [ "$status" -eq 0 ]
    answer '.list_changes == null or .list_changes == {}'
    answer '.seq == 2'
    wire 'timeout_ms: 5000 list_changes { after_seq: 2 wait_ms: 60000 }'
    [ "$status" -eq 0 ]
    wire 'list_changes { after_seq: 1 wait_ms: 60000 }'
    answer '.list_changes.changes.seq == 2'
    wire 'list_changes { wait_ms: 60001 }'
    wire_failed "$INVALID_ARGUMENT" list_changes.wait_ms
}
