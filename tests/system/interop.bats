#!/usr/bin/env bats
# Clients that have nothing of Postern's: nngcat, nanocat, plain Python, nng's REQ sockets with contexts, and devices of
# nng on the way; over ipc, tcp and TLS, against the real daemon.

load ../support/keys
load ../support/ca

setup_file() {
    make_home
    make_certificates
    TCP_PORT=$(free_port)
    TLS_PORT=$(free_port)
    TCP_URL=tcp://127.0.0.1:$TCP_PORT
    TLS_URL=tls+tcp://localhost:$TLS_PORT
    TLS_CA=$CERTS/ca.pem
    export TCP_URL TLS_URL TLS_CA
    # By the name that is in the certificate: nng tries one address of a host, here and there the same.
    start_daemon --listen "$TCP_URL" --listen "$TLS_URL" \
        --tls-certificate "$CERTS/server.pem" --tls-key "$CERTS/server.key" --tls-client-ca "$CERTS/ca.pem" \
        --tls-peer "CN=billing verifier"
    postern tier put free --limit requests=1000/min --default
    postern account put acme
    make_key acme
    export TOKEN
    printf 'verify { api_key: "%s" peek: true }' "$TOKEN" | protocol encode Request >"$DAEMON_HOME/verify"
    printf 'health {}' | protocol encode Request >"$DAEMON_HOME/health"
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    HELPERS=()
}

teardown() {
    local pid
    for pid in "${HELPERS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# answered REPLY_TEXT: the last reply's bytes are in $DAEMON_HOME/reply.
answered() {
    run protocol decode Reply <"$DAEMON_HOME/reply"
    echo "$output"
    [[ "$output" == *"$1"* ]]
}

nng_cat() {
    timeout 120 nngcat --req --dial "$1" -F - --raw --recv-timeout 60 "${@:3}" <"$2" >"$DAEMON_HOME/reply"
}

@test "nngcat is answered over ipc, tcp and TLS" {
    nng_cat "$POSTERN_URL" "$DAEMON_HOME/verify"
    answered "reason: REASON_ALLOWED"
    nng_cat "$TCP_URL" "$DAEMON_HOME/health"
    answered "serving: true"
    nng_cat "$TLS_URL" "$DAEMON_HOME/health" --cacert "$CERTS/ca.pem"
    answered "serving: true"
    nng_cat "$TLS_URL" "$DAEMON_HOME/verify" --cacert "$CERTS/ca.pem" --cert "$CERTS/billing.pem" \
        --key "$CERTS/billing.key"
    answered "reason: REASON_ALLOWED"
}

@test "nanocat is answered over ipc and tcp" {
    local url
    for url in "$POSTERN_URL" "$TCP_URL"; do
        timeout 120 nanocat --req --connect "$url" --recv-timeout 60 -F "$DAEMON_HOME/health" --raw \
            >"$DAEMON_HOME/reply"
        answered "serving: true"
    done
}

@test "Python's standard library is answered over ipc, tcp and TLS" {
    local url
    for url in "$POSTERN_URL" "$TCP_URL"; do
        try python3 "$SUPPORT/client.py" "$url" ask <<<"health {}"
        done_so ".health.serving"
    done
    try python3 "$SUPPORT/tls_peer.py" "$TLS_URL" ask <<<"health {}"
    done_so ".health.serving"
}

@test "64 contexts of one REQ socket are answered, call for call, over ipc, tcp and TLS" {
    local url
    for url in "$POSTERN_URL" "$TCP_URL" "$TLS_URL"; do
        try timeout 120 req_client "$url" 64 30 <"$DAEMON_HOME/health"
        done_so
        [ "$output" -eq $((64 * 30)) ]
    done
}

# start_device FRONT BACK
start_device() {
    setpriv --pdeathsig KILL req_client device "$1" "$2" >"$DAEMON_HOME/device.${#HELPERS[@]}" 2>&1 3>&- &
    HELPERS+=($!)
    poll 60 grep -q ready "$DAEMON_HOME/device.$((${#HELPERS[@]} - 1))"
}

@test "through one device of nng and through two calls are answered" {
    local front=ipc://$DAEMON_HOME/run/front.sock far=tcp://127.0.0.1
    far+=:$(free_port)
    start_device "$front" "$POSTERN_URL"
    try timeout 120 req_client "$front" 16 30 <"$DAEMON_HOME/verify"
    done_so
    [ "$output" -eq $((16 * 30)) ]
    nng_cat "$front" "$DAEMON_HOME/verify"
    answered "reason: REASON_ALLOWED"
    start_device "$far" "$front"
    try timeout 120 req_client "$far" 16 30 <"$DAEMON_HOME/verify"
    done_so
    [ "$output" -eq $((16 * 30)) ]
    nng_cat "$far" "$DAEMON_HOME/verify"
    answered "reason: REASON_ALLOWED"
}

@test "a device of nng carries calls on to the daemon over TCP and over TLS" {
    local back front
    for back in "$TCP_URL" "$TLS_URL"; do
        front=ipc://$DAEMON_HOME/run/front.${#HELPERS[@]}
        start_device "$front" "$back"
        try timeout 120 req_client "$front" 16 30 <"$DAEMON_HOME/health"
        done_so
        [ "$output" -eq $((16 * 30)) ]
        nng_cat "$front" "$DAEMON_HOME/health"
        answered "serving: true"
        # Over ipc this machine's root may do more: the daemon has seen a peer that is nobody.
        nng_cat "$front" "$DAEMON_HOME/verify"
        answered "code: 16"
    done
}
