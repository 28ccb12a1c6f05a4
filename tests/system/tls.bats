#!/usr/bin/env bats
# tls+tcp:// of the daemon: which certificates it takes, shows and asks for, and who a client's certificate makes him.

load ../support/keys
load ../support/ca

setup() {
    note_failures_only
}

setup_file() {
    make_home
    make_certificates
    TLS_PORT=$(free_port)
    TCP_PORT=$(free_port)
    TLS_URL=tls+tcp://localhost:$TLS_PORT
    TLS_CA=$CERTS/ca.pem
    export TLS_PORT TCP_PORT TLS_URL TLS_CA
    start_daemon --listen "tls+tcp://127.0.0.1:$TLS_PORT" --listen "tcp://127.0.0.1:$TCP_PORT" \
        --tls-certificate "$CERTS/server.pem" --tls-key "$CERTS/server.key" --tls-client-ca "$CERTS/ca.pem" \
        --tls-peer "CN=billing verifier"
    postern tier put free --limit requests=1000/min --default
    postern account put acme
    make_key acme
    export TOKEN
}

teardown_file() {
    drop_daemon
}

teardown() {
    drop_own_daemon
}

# peer WORD...: through TLS, with the certificate that TLS_NAME names.
peer() {
    try timeout 120 python3 "$SUPPORT/tls_peer.py" "$TLS_URL" "$@"
}

# asks REQUEST: the Reply as JSON is in $output.
asks() {
    peer ask <<<"$1"
}

# --- what the daemon starts with

# refuses_to_start TEXT ARGUMENT...: it says so, and ends with 1.
refuses_to_start() {
    local text=$1
    shift
    try timeout 60 posternd --data "$DAEMON_HOME/other" --listen "ipc://$DAEMON_HOME/run/other.sock" \
        --listen "tls+tcp://127.0.0.1:$(free_port)" "$@"
    echo "exit status $status: $output $stderr"
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"$text"* ]]
}

@test "a file that is missing or is no certificate is named at the start" {
    refuses_to_start "$CERTS/none.pem: No such file" --tls-certificate "$CERTS/none.pem" --tls-key "$CERTS/server.key"
    refuses_to_start "$CERTS/none.key: No such file" --tls-certificate "$CERTS/server.pem" --tls-key "$CERTS/none.key"
    refuses_to_start "$CERTS/text.pem cannot be used" --tls-certificate "$CERTS/text.pem" --tls-key "$CERTS/server.key"
    cp "$CERTS/text.pem" "$CERTS/text.key"
    chmod 600 "$CERTS/text.key"
    refuses_to_start "$CERTS/text.key cannot be used" --tls-certificate "$CERTS/server.pem" --tls-key "$CERTS/text.key"
    refuses_to_start "$CERTS is not a file" --tls-certificate "$CERTS" --tls-key "$CERTS/server.key"
    refuses_to_start "$CERTS/text.pem cannot be used" --tls-certificate "$CERTS/server.pem" \
        --tls-key "$CERTS/server.key" --tls-client-ca "$CERTS/text.pem"
}

@test "a certificate that has expired, and a key of another one, are named at the start" {
    refuses_to_start "$CERTS/expired.pem has expired" --tls-certificate "$CERTS/expired.pem" \
        --tls-key "$CERTS/expired.key"
    refuses_to_start "$CERTS/billing.key cannot be used with the certificate $CERTS/server.pem" \
        --tls-certificate "$CERTS/server.pem" --tls-key "$CERTS/billing.key"
}

@test "a key that is encrypted, or none, is not taken, and nobody is asked for anything" {
    openssl pkey -in "$CERTS/server.key" -aes128 -passout pass:secret -out "$CERTS/locked.key"
    chmod 600 "$CERTS/locked.key"
    refuses_to_start "$CERTS/locked.key is encrypted" --tls-certificate "$CERTS/server.pem" \
        --tls-key "$CERTS/locked.key"
    cp "$CERTS/server.pem" "$CERTS/none-in-it.key"
    chmod 600 "$CERTS/none-in-it.key"
    refuses_to_start "$CERTS/none-in-it.key cannot be used: it holds none" --tls-certificate "$CERTS/server.pem" \
        --tls-key "$CERTS/none-in-it.key"
}

@test "a key that others can read is not taken" {
    refuses_to_start "$CERTS/open.key can be read by others (mode 644)" --tls-certificate "$CERTS/server.pem" \
        --tls-key "$CERTS/open.key"
}

# --- which clients are served

@test "TLS 1.2 and 1.3 are served, older ones are not" {
    local version
    for version in 1.2 1.3; do
        TLS_VERSION=$version asks "health {}"
        done_so ".health.serving"
    done
    run timeout 60 openssl s_client -connect "localhost:$TLS_PORT" -CAfile "$TLS_CA" -tls1_1 \
        -cipher "DEFAULT@SECLEVEL=0" </dev/null
    [ "$status" -ne 0 ]
    postern health
}

@test "openssl s_client is served when it speaks the protocol" {
    # The greeting, a request that is no Request, and a frame that may not be: it is answered and closed.
    local version
    for version in -tls1_2 -tls1_3; do
        run bash -c "printf '%b' '\0SP\0\0\x30\0\0' '\0\0\0\0\0\0\0\x08\x80\0\0\x01ping' \
            '\xff\xff\xff\xff\xff\xff\xff\xff' |
            timeout 60 openssl s_client -quiet -verify_return_error -CAfile '$TLS_CA' -connect 'localhost:$TLS_PORT' \
                $version 2>/dev/null | od -An -v -tx1 | tr -d ' \n'"
        echo "$output"
        [[ "$output" == 0053500000310000000000000000*80000001* ]]
    done
}

@test "records of one byte each make greetings and requests as well" {
    local version
    for version in 1.2 1.3; do
        TLS_VERSION=$version peer bytes
        done_so ".health.serving"
    done
}

@test "hundreds of requests at once are answered once each" {
    peer burst 3000 <<<"verify { api_key: \"$TOKEN\" peek: true }"
    done_so
    [ "$output" -eq 3000 ]
}

@test "a certificate of another CA or for another host is not what the client takes, and the daemon goes on" {
    TLS_CA=$CERTS/stranger.pem asks "health {}"
    [ "$status" -eq 3 ]
    [[ "$stderr" == *"certificate verify failed"* ]]
    asks "health {}"
    done_so
    own_daemon_with_tls elsewhere
    asks "health {}"
    [ "$status" -eq 3 ]
    [[ "$stderr" == *"ostname mismatch"* ]]
    postern health
}

# --- who a certificate makes a client

@test "a certificate that is bound to verifier may verify without a credential, and no more" {
    TLS_NAME=$CERTS/billing asks "verify { api_key: \"$TOKEN\" peek: true }"
    done_so '.verify.reason == "REASON_ALLOWED"'
    TLS_NAME=$CERTS/billing asks "request_id: \"$(fresh_id)\" create { account: \"acme\" name: \"more\" }"
    [ "$status" -eq 2 ]
    answer '.status.code == 7 and (.status.message | contains("certificate"))'
}

@test "a certificate that nothing is bound to, or none, needs a credential" {
    local name
    make_key postern operator --scope postern:operator
    for name in "$CERTS/unknown" ""; do
        TLS_NAME=$name asks "request_id: \"$(fresh_id)\" create { account: \"acme\" name: \"more\" }"
        [ "$status" -eq 2 ]
        answer ".status.code == 16"
        TLS_NAME=$name POSTERN_API_KEY=$TOKEN \
            asks "request_id: \"$(fresh_id)\" create { account: \"acme\" name: \"more\" }"
        done_so ".create.key.name == \"more\""
        note_token "$(field .create.api_key)"
    done
}

@test "a client's certificate of another CA, or one that has expired, fails the handshake" {
    local version name
    for version in 1.2 1.3; do
        for name in impostor late; do
            TLS_VERSION=$version TLS_NAME=$CERTS/$name asks "health {}"
            [ "$status" -eq 3 ]
            [ -z "$output" ]
        done
    done
    poll 60 grep -q "the client's certificate is refused" "$DAEMON_LOG"
    asks "health {}"
    done_so
}

@test "where certificates are required nobody is served without one" {
    local version
    own_daemon_with_tls server --tls-client-ca "$CERTS/ca.pem" --tls-clients required
    for version in 1.2 1.3; do
        TLS_VERSION=$version asks "health {}"
        [ "$status" -eq 3 ]
        TLS_VERSION=$version TLS_NAME=$CERTS/unknown asks "health {}"
        done_so
    done
}

# --- peers that do not speak TLS

@test "TLS to a plain port and plain bytes to the TLS port are closed without harm" {
    run timeout 60 openssl s_client -connect "localhost:$TCP_PORT" </dev/null
    [ "$status" -ne 0 ]
    run timeout 120 python3 - "$TLS_PORT" <<'PYTHON'
import socket, sys

for words in (b"\0SP\0\0\x30\0\0", b"GET / HTTP/1.1\r\n\r\n", bytes(20000), b"\x16\x03\x01\xff\xff" + bytes(100)):
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 15)
    try:
        peer.sendall(words)
        while peer.recv(4096):
            pass
    except ConnectionError:
        pass
PYTHON
    echo "$output"
    [ "$status" -eq 0 ]
    asks "health {}"
    done_so
    postern health
}

@test "clients that leave without a word at any moment cost no descriptor" {
    local n before
    before=$(find "/proc/$DAEMON_PID/fd" -mindepth 1 | wc -l)
    peer leave
    run timeout 120 python3 - "$TLS_PORT" <<'PYTHON'
import socket, ssl, struct, sys

hello, context = ssl.MemoryBIO(), ssl.create_default_context()
session = context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
try:
    session.do_handshake()
except ssl.SSLWantReadError:
    pass
hello = hello.read()
for cut in range(len(hello)):
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 15)
    peer.sendall(hello[:cut])
    if cut % 2:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
PYTHON
    [ "$status" -eq 0 ]
    descriptors_are() {
        [ "$(find "/proc/$DAEMON_PID/fd" -mindepth 1 | wc -l)" -le "$1" ]
    }
    poll 60 descriptors_are "$before"
    asks "health {}"
    done_so
}

@test "a client that ends TLS and goes on sending is closed, and takes no memory" {
    local before
    before=$(rss_anon_kib)
    run timeout 120 python3 - "$TLS_PORT" "$CERTS/ca.pem" <<'PYTHON'
import socket, ssl, sys

plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 15)
ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
context = ssl.create_default_context(cafile=sys.argv[2])
session = context.wrap_bio(theirs, ours, server_hostname="localhost")


def turn(step):
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            plain.sendall(ours.read())
            theirs.write(plain.recv(65536))


turn(session.do_handshake)
session.write(b"\0SP\0\0\x30\0\0")
plain.sendall(ours.read())
assert turn(lambda: session.read(8)) == b"\0SP\0\0\x31\0\0"
try:
    session.unwrap()
except ssl.SSLWantReadError:
    pass
plain.sendall(ours.read())  # its close_notify
try:
    for _ in range(200 << 4):
        plain.sendall(bytes(1 << 16))
    print("took all of it")
except OSError as error:
    print("closed:", error)
PYTHON
    [ "$status" -eq 0 ]
    [[ "$output" == "closed: "* ]] || { echo "$output"; return 1; }
    [ "$(rss_anon_kib)" -lt $((before + 32768)) ]
    asks "health {}"
    done_so
}

# --- SIGHUP

reload() {
    kill -HUP "$DAEMON_PID"
    poll 60 grep -q "$1" "$DAEMON_LOG"
}

@test "SIGHUP changes the certificate for those who come, and nobody is cut off" {
    own_daemon_with_tls server
    coproc HOLDER { exec timeout 120 python3 "$SUPPORT/tls_peer.py" "$TLS_URL" hold 3>&-; }
    local line pid=$HOLDER_PID
    echo once >&"${HOLDER[1]}"
    read -r -t 30 line <&"${HOLDER[0]}"
    [ "$line" = "$(serial_of server)" ]
    cp "$CERTS/server2.pem" "$DAEMON_HOME/tls.pem"
    cp -p "$CERTS/server2.key" "$DAEMON_HOME/tls.key"
    reload "reloaded"
    peer serial
    [ "$output" = "$(serial_of server2)" ]
    echo again >&"${HOLDER[1]}"
    read -r -t 30 line <&"${HOLDER[0]}"
    [ "$line" = "$(serial_of server)" ]
    kill "$pid"
    stop_daemon
}

@test "SIGHUP with a certificate that cannot be used says so and keeps the old one" {
    own_daemon_with_tls server
    cp "$CERTS/text.pem" "$DAEMON_HOME/tls.pem"
    reload "reloading failed: the TLS certificate $DAEMON_HOME/tls.pem cannot be used"
    peer serial
    [ "$output" = "$(serial_of server)" ]
    cp "$CERTS/server2.pem" "$DAEMON_HOME/tls.pem" # with the key of the first one
    reload "reloading failed: the TLS key $DAEMON_HOME/tls.key cannot be used"
    peer serial
    [ "$output" = "$(serial_of server)" ]
    cp -p "$CERTS/server2.key" "$DAEMON_HOME/tls.key"
    reload "reloaded"
    peer serial
    [ "$output" = "$(serial_of server2)" ]
    stop_daemon
}

@test "SIGHUP with a certificate that has expired names it, and shows the old one" {
    own_daemon_with_tls server
    cp "$CERTS/expired.pem" "$DAEMON_HOME/tls.pem"
    cp -p "$CERTS/expired.key" "$DAEMON_HOME/tls.key"
    reload "reloading failed: the TLS certificate $DAEMON_HOME/tls.pem has expired: renew it; nothing has changed"
    peer serial
    [ "$output" = "$(serial_of server)" ]
    stop_daemon
}

@test "SIGHUP reads the authorities of clients again, and keeps the old ones when it cannot" {
    cp "$CERTS/ca.pem" "$CERTS/clients.pem"
    own_daemon_with_tls server --tls-client-ca "$CERTS/clients.pem" --tls-clients required
    TLS_NAME=$CERTS/impostor asks "health {}"
    [ "$status" -eq 3 ]
    cp "$CERTS/text.pem" "$CERTS/clients.pem"
    reload "reloading failed: the CA file of TLS clients $CERTS/clients.pem cannot be used"
    TLS_NAME=$CERTS/unknown asks "health {}"
    done_so
    cp "$CERTS/stranger.pem" "$CERTS/clients.pem"
    reload "reloaded"
    TLS_NAME=$CERTS/impostor asks "health {}"
    done_so
    TLS_NAME=$CERTS/unknown asks "health {}"
    [ "$status" -eq 3 ]
    stop_daemon
}
