#!/usr/bin/env bats
# Clients in other languages: what the build makes of proto/postern.proto for them, and those that docs/protocol.md
# shows, as they stand there.

load ../support/keys

PLAIN=${POSTERN_BUILD:-$BATS_TEST_DIRNAME/../../build/dev}/proto/plain/postern.proto

setup() {
    note_failures_only
}

# shown LANGUAGE: the code block of docs/protocol.md that begins with the name of the client's file.
shown() {
    awk -v fence="\`\`\`$1" '
        $0 == fence { first = 1; next }
        first { shown = /client\.(py|mjs) URL/; first = 0 }
        /^```$/ { shown = 0 }
        shown' "$POSTERN_SOURCE/docs/protocol.md"
}

setup_file() {
    make_home
    TCP_URL=tcp://127.0.0.1:$(free_port)
    export TCP_URL CLIENTS=$DAEMON_HOME/clients
    start_daemon --listen "$TCP_URL"
    postern tier put free --limit requests=2/total --default
    mkdir "$CLIENTS"
    cp "$PLAIN" "$CLIENTS/"
    protoc -I "$CLIENTS" --python_out="$CLIENTS" "$CLIENTS/postern.proto"
    shown python >"$CLIENTS/client.py"
    shown js >"$CLIENTS/client.mjs"
    ln -s "$POSTERN_SOURCE/build/node/node_modules" "$CLIENTS/node_modules"
}

teardown_file() {
    drop_daemon
}

need_node() {
    command -v node >/dev/null || skip "needs Node: Debian's nodejs"
    [ -d "$CLIENTS/node_modules/protobufjs" ] || skip "needs protobufjs from npm: tools/test puts it into build/node"
}

# answered STATUS OUTPUT URL TOKEN: what $CLIENT says.
answered() {
    try timeout 120 "${CLIENT[@]}" "$3" <<<"$4"
    echo "$output $stderr"
    [ "$status" -eq "$1" ]
    [[ "$output" == "$2" ]]
}

# asks COMMAND...: the client lets in, charges each call once, and says why it refuses and why it could not ask.
asks() {
    CLIENT=("$@")
    make_key postern operator --scope postern:operator
    local operator=$TOKEN
    postern account put "$1"
    make_key "$1"
    answered 0 "REASON_ALLOWED 200" "$POSTERN_URL" "$TOKEN"
    POSTERN_API_KEY=$operator answered 0 "REASON_ALLOWED 200" "$TCP_URL" "$TOKEN"
    answered 1 "REASON_RATE_LIMITED 429" "$POSTERN_URL" "$TOKEN"
    answered 1 "REASON_INVALID_API_KEY 401" "$POSTERN_URL" "no token"
    answered 3 "" "$TCP_URL" "$TOKEN"
    [[ "$stderr" == "could not ask: 16 "* ]]
    answered 3 "" "ipc://$DAEMON_HOME/nobody" "$TOKEN"
    [[ "$stderr" == "could not ask: "* ]]
}

@test "the client in Python that docs/protocol.md shows asks over ipc and tcp, and says why not" {
    asks python3 "$CLIENTS/client.py"
}

@test "the client in Node that docs/protocol.md shows asks over ipc and tcp, and says why not" {
    command -v node >/dev/null || skip "needs Node: Debian's nodejs"
    [ -d "$CLIENTS/node_modules/protobufjs" ] || skip "needs protobufjs from npm: tools/test puts it into build/node"
    asks node "$CLIENTS/client.mjs"
}

@test "protoc makes Go, Java, C#, PHP and Ruby of the plain postern.proto, without an include path" {
    cd "$BATS_TEST_TMPDIR"
    protoc -I "$CLIENTS" --go_out=. --java_out=. --csharp_out=. --php_out=. --ruby_out=. "$CLIENTS/postern.proto"
    grep -q '^package postern$' postern/v1/postern.pb.go
    [ -s postern/v1/VerifyRequest.java ]
    [ -s Postern.cs ]
    [ -s Postern/V1/VerifyRequest.php ]
    [ -s postern_pb.rb ]
}

@test "the plain postern.proto keeps the contract, and has nothing of protobuf-c" {
    python3 "$POSTERN_SOURCE/tests/lint/wire.py" contract "$PLAIN"
    grep -q pb_c "$PLAIN" && return 1
    return 0
}

@test "an option of protobuf-c that would stay is an error of the build" {
    sed 's/string account = 3 .*/string account = 3 [deprecated = true, (pb_c_field).string_as_bytes = true];/' \
        "$POSTERN_SOURCE/proto/postern.proto" >"$BATS_TEST_TMPDIR/postern.proto"
    try "$POSTERN_SOURCE/proto/plain.sh" "$BATS_TEST_TMPDIR/postern.proto" "$BATS_TEST_TMPDIR/plain.proto"
    [ "$status" -eq 1 ]
    [ ! -e "$BATS_TEST_TMPDIR/plain.proto" ]
}
