#!/usr/bin/env bats
# docs/protocol.md promises that a stranger can write a client: this one has Python's standard library and protoc.

load ../support/keys

setup() {
    note_failures_only
}

setup_file() {
    make_home
    TCP_URL=tcp://127.0.0.1:$(free_port)
    export TCP_URL
    start_daemon --listen "$TCP_URL"
    postern tier put free --limit requests=100/min --default
    postern scope put read
    postern account put acme
}

teardown_file() {
    drop_daemon
}

stranger() {
    try python3 "$SUPPORT/client.py" "$@"
}

# The whole life of a key, over one URL.
life_of_a_key() {
    stranger "$1" create acme "from far away" read
    [ "$status" -eq 0 ]
    local token=${lines[0]} id=${lines[1]}
    note_token "$token"
    [[ "$token" =~ ^postern_test_[0-9A-Za-z]{64}$ ]]
    [ "key_${token:13:15}" = "$id" ]
    stranger "$1" verify <<<"$token"
    [ "$status" -eq 0 ]
    [ "$output" = REASON_ALLOWED ]
    TOKEN=$token
    allowed --scope read
    answer '.key_name == "from far away"'
    stranger "$1" revoke "$id"
    [ "$status" -eq 0 ]
    [ "$output" = KEY_STATE_REVOKED ]
    stranger "$1" verify <<<"$token"
    [ "$status" -eq 1 ]
    [ "$output" = REASON_REVOKED_API_KEY ]
}

@test "a client of Python's standard library and protoc does Create, Verify and Revoke" {
    life_of_a_key "$POSTERN_URL"
}

@test "the same client does it over tcp, with a credential" {
    make_key postern operator --scope postern:operator
    POSTERN_API_KEY=$TOKEN life_of_a_key "$TCP_URL"
    stranger "$TCP_URL" create acme nobody
    [ "$status" -eq 2 ]
    [[ "$stderr" == *"could not ask: 16"* ]]
}

@test "that client uses nothing but the standard library" {
    run python3 -c '
import ast, sys
for node in ast.walk(ast.parse(open(sys.argv[1]).read())):
    if isinstance(node, ast.Import):
        print(*(name.name for name in node.names), sep="\n")
    if isinstance(node, ast.ImportFrom):
        print(node.module)
' "$SUPPORT/client.py"
    local name
    [ -n "$output" ]
    for name in "${lines[@]}"; do
        python3 -c 'import sys; sys.exit(sys.argv[1] not in sys.stdlib_module_names)' "$name"
    done
}

@test "the bytes on the wire are those that docs/protocol.md shows" {
    local guide=$POSTERN_SOURCE/docs/protocol.md
    grep -q 'client  00 53 50 00 00 30 00 00' "$guide"
    grep -q 'daemon  00 53 50 00 00 31 00 00' "$guide"
    grep -q 'ipc     01  00 00 00 00 00 00 00 08  80 00 00 01  70 69 6e 67' "$guide"
    grep -q 'tcp         00 00 00 00 00 00 00 08  80 00 00 01  70 69 6e 67' "$guide"
    run python3 - "$POSTERN_URL" "$TCP_URL" <<'PYTHON'
import socket, sys

path, (host, port) = sys.argv[1].split("//")[1], sys.argv[2].split("//")[1].split(":")
for family, address, first in ((socket.AF_UNIX, path, "01"), (socket.AF_INET, (host, int(port)), "")):
    peer = socket.socket(family)
    peer.settimeout(60)
    peer.connect(address)
    peer.sendall(bytes.fromhex("0053500000300000"))
    assert peer.recv(8) == bytes.fromhex("0053500000310000")
    peer.sendall(bytes.fromhex(first + "0000000000000008 80000001 70696e67"))  # "ping" is no Request
    reply = peer.recv(65536)
    assert reply.startswith(bytes.fromhex(first + "000000000000")), reply
    assert bytes.fromhex("80000001") in reply[:13], reply
PYTHON
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "the worked example of a token in docs/protocol.md is right" {
    run python3 - "$POSTERN_SOURCE/docs/protocol.md" <<'PYTHON'
import re, sys, zlib

text = open(sys.argv[1]).read()
token = re.search(r"^    token     (\S+)$", text, re.M)[1]
digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
def number(part):
    value = 0
    for digit in part:
        value = value * 62 + digits.index(digit)
    return value
body = token.rsplit("_", 1)[1]
assert number(body[:15]).to_bytes(11, "big") == bytes(range(11))
assert number(body[15:58]).to_bytes(32, "big") == bytes(range(16, 48))
assert number(body[58:]) == zlib.crc32(token[:-6].encode())
PYTHON
    echo "$output"
    [ "$status" -eq 0 ]
    wire "verify { api_key: \"$(sed -n 's/^    token     //p' "$POSTERN_SOURCE/docs/protocol.md")\" }"
    answer '.verify.key_id == "key_001TSm0PiyImxIY"'
}

@test "every call says in proto/postern.proto who may make it and what it does, every reason its HTTP status" {
    run python3 - "$POSTERN_SOURCE/proto/postern.proto" <<'PYTHON'
import re, sys

lines = open(sys.argv[1]).read().splitlines()
calls = re.findall(r"rpc \w+\((\w+)\)", "\n".join(lines))
assert len(calls) == 29, calls
for call in calls:
    at = lines.index(f"message {call} {{")
    if not lines[at - 1].startswith("// "):
        print(f"{call} has no comment")
for line in lines:
    if re.match(r"  REASON_\w+ = [1-9]", line) and not re.search(r"// (200|401|403|429)\b", line):
        print(f"no HTTP status: {line}")
PYTHON
    echo "$output"
    [ -z "$output" ]
}
