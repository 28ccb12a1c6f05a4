#!/usr/bin/env bats
# The command, and so libpostern, against posternd over TLS: whom they trust, whom they show themselves to, and what is
# said where one of the two does not like the other's certificate, or the other speaks no TLS, or is no posternd.

ABOUT_THE_TOOL=yes
load ../support/keys
load ../support/ca

setup() {
    note_failures_only
    HELPERS=()
}

setup_file() {
    make_home
    make_certificates
    make_certificate ca admin /CN=admin
    make_certificate ca longer /CN=billing2
    make_certificate ca shorter /CN=bill
    make_certificate ca more /O=Tests/CN=billing # in RFC 2253's order CN=billing,O=Tests
    make_certificate ca case /CN=Billing
    TLS_PORT=$(free_port)
    TCP_PORT=$(free_port)
    TLS_URL=tls+tcp://localhost:$TLS_PORT
    export TLS_PORT TCP_PORT TLS_URL
    start_daemon --listen "tls+tcp://127.0.0.1:$TLS_PORT" --listen "tcp://127.0.0.1:$TCP_PORT" \
        --tls-certificate "$CERTS/server.pem" --tls-key "$CERTS/server.key" --tls-client-ca "$CERTS/ca.pem" \
        --tls-peer "CN=billing verifier" --tls-peer "CN=admin operator"
    postern tier put free --limit requests=1000/min --default
    postern account put acme
    make_key acme
    export TOKEN
}

teardown_file() {
    drop_daemon
}

teardown() {
    local pid
    for pid in "${HELPERS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    drop_own_daemon
}

# secure WORD...: the command over TLS.
secure() {
    call "$@" --url "$TLS_URL"
}

# says_no TEXT...: it could not ask, and says why. The command had a minute for that: nothing waits for its end.
says_no() {
    failed UNAVAILABLE "" "cannot reach posternd at $TLS_URL: " "$@"
    answer '(.error.answered or .error.outcome_unknown) | not'
}

# names_file OPTION... TEXT: a file cannot be used, which is told before anybody is asked.
names_file() {
    secure health "${@:1:$#-1}"
    [ "$status" -eq 2 ]
    answer ".error.code == \"INVALID_ARGUMENT\" and (.error.message | contains(\"${*: -1}\"))"
}

# show NAME: options with that certificate and its key.
show() {
    echo "--tls-ca=$CERTS/ca.pem" "--tls-cert=$CERTS/$1.pem" "--tls-key=$CERTS/$1.key"
}

# counted NAME: a count of the daemon's connections. Each look is a connection, and is accepted itself.
counted() {
    postern stats --json | jq ".connections.$1"
}

# --- whom the command trusts

@test "a daemon whose certificate is of the authority that is named is asked" {
    secure health --tls-ca "$CERTS/ca.pem"
    done_so .serving
    POSTERN_TLS_CA=$CERTS/ca.pem secure health
    done_so .serving
    try postern verify - --peek --json --url "$TLS_URL" --tls-ca "$CERTS/ca.pem" <<<"$TOKEN"
    failed UNAUTHENTICATED
    answer .error.answered
}

@test "without an authority those of the system are asked, and a certificate of another is refused" {
    secure health
    says_no 'its certificate \"/CN=localhost\" is signed by \"/O=Tests/CN=ca\", which the system does not trust' \
        "(--tls-ca, POSTERN_TLS_CA)"
    try postern doctor --url "$TLS_URL"
    [[ "$output" == *"(--tls-ca, POSTERN_TLS_CA)"* ]]
    SSL_CERT_FILE=$CERTS/ca.pem secure health
    done_so .serving
    secure health --tls-ca "$CERTS/stranger.pem"
    says_no 'is signed by \"/O=Tests/CN=ca\"' "which $CERTS/stranger.pem does not trust: name that authority's file"
}

@test "a daemon that shows a certificate of another authority is not asked" {
    own_daemon_with_tls foreign
    secure health --tls-ca "$CERTS/ca.pem"
    says_no 'its certificate \"/CN=localhost\" is signed by \"/O=Tests/CN=stranger\"' \
        "which $CERTS/ca.pem does not trust"
    secure health --tls-ca "$CERTS/stranger.pem"
    done_so .serving
    stop_daemon
}

@test "a certificate for another host is refused, and taken when that host is named" {
    secure health --tls-ca "$CERTS/ca.pem" --tls-server-name other.example
    says_no 'its certificate \"/CN=localhost\" is not for the host \"other.example\"'
    own_daemon_with_tls elsewhere
    secure health --tls-ca "$CERTS/ca.pem"
    says_no 'its certificate \"/CN=elsewhere.example\" is not for the host \"localhost\": use the name that it is for' \
        "give it as --tls-server-name"
    secure health --tls-ca "$CERTS/ca.pem" --tls-server-name elsewhere.example
    done_so .serving
    POSTERN_TLS_SERVER_NAME=elsewhere.example secure health --tls-ca "$CERTS/ca.pem"
    done_so .serving
    stop_daemon
}

@test "a daemon whose certificate a client refuses is told why, and logs it" {
    local failures
    failures=$(counted tls_failures)
    secure health --tls-ca "$CERTS/stranger.pem"
    says_no "does not trust"
    poll 60 grep -q "TLS with 127.0.0.1 failed: tlsv1 alert unknown ca" "$DAEMON_LOG"
    [ "$(counted tls_failures)" -eq $((failures + 1)) ]
}

@test "files that cannot be used are named before anybody is asked" {
    names_file --tls-ca "$CERTS/none.pem" "$CERTS/none.pem cannot be read: No such file"
    names_file --tls-ca "$CERTS/text.pem" "$CERTS/text.pem cannot be used: it is not PEM"
    names_file --tls-ca "$CERTS/ca.pem" --tls-cert "$CERTS/billing.pem" --tls-key "$CERTS/server.key" \
        "$CERTS/server.key does not belong to the certificate"
    names_file --tls-key "$CERTS/billing.key" "a TLS key without a certificate"
    names_file --tls-cert "$CERTS/billing.pem" \
        "$CERTS/billing.pem holds no key that can be used: name the key's file (--tls-key, "
    names_file $(show late) "$CERTS/late.pem expired on"
}

# --- whom the command shows itself to

@test "the certificate that the command shows says what it may" {
    try postern verify - --peek --json --url "$TLS_URL" $(show billing) <<<"$TOKEN"
    done_so '.reason == "ALLOWED"'
    secure tier put more --limit requests=1/min $(show billing)
    failed PERMISSION_DENIED "" "certificate"
    secure tier put more --limit requests=1/min $(show unknown)
    failed UNAUTHENTICATED credential "let a tls_peer of the configuration name your certificate (CN=unknown)"
    secure tier put more --limit requests=1/min $(show admin)
    done_so
    # A file may hold both.
    cat "$CERTS/admin.pem" "$CERTS/admin.key" >"$DAEMON_HOME/both.pem"
    chmod 600 "$DAEMON_HOME/both.pem"
    secure tier list --tls-ca "$CERTS/ca.pem" --tls-cert "$DAEMON_HOME/both.pem"
    done_so
    POSTERN_TLS_CA=$CERTS/ca.pem POSTERN_TLS_CERT=$CERTS/admin.pem POSTERN_TLS_KEY=$CERTS/admin.key secure tier list
    done_so
}

@test "a subject is compared as a whole: one that only begins so, or nearly is so, is bound to nothing" {
    local name
    for name in longer shorter more case; do
        try postern verify - --peek --json --url "$TLS_URL" $(show "$name") <<<"$TOKEN"
        failed UNAUTHENTICATED || { echo "with $name"; return 1; }
    done
}

@test "a certificate that the daemon refuses, and that it asks for one, are told at once" {
    secure health $(show impostor)
    says_no "it refuses our certificate, or how we ask"
    own_daemon_with_tls server --tls-client-ca "$CERTS/ca.pem" --tls-clients required
    secure health --tls-ca "$CERTS/ca.pem"
    says_no "it wants a certificate of ours: give --tls-cert and --tls-key"
    secure health $(show unknown)
    done_so .serving
    stop_daemon
}

# --- who does not speak TLS, or the protocol

@test "plain words to the TLS port, and TLS to the plain port, are told by the first attempt" {
    local accepted failures
    accepted=$(counted accepted)
    failures=$(counted tls_failures)
    call health --url "tcp://localhost:$TLS_PORT"
    failed UNAVAILABLE "" "what answers at tcp://localhost:$TLS_PORT speaks TLS: use tls+tcp://localhost:$TLS_PORT"
    [ "$(counted tls_failures)" -eq $((failures + 1)) ]
    TLS_URL=tls+tcp://localhost:$TCP_PORT secure health --tls-ca "$CERTS/ca.pem"
    failed UNAVAILABLE "" "what answers there does not speak TLS: use tcp:// if that is meant"
    # The two, and four looks, of which the first is counted already.
    [ "$(counted accepted)" -eq $((accepted + 2 + 3)) ]
    grep -q "TLS with 127.0.0.1 failed: it speaks no TLS: tls+tcp:// has to stand in its URL" "$DAEMON_LOG"
}

@test "a peer that speaks no TLS gets TLS's own refusal, and nothing else" {
    local words
    for words in '\0SP\0\0\x30\0\0' '\0' 'GET / HTTP/1.1\r\n\r\n' '\x15\x03\x01\0\x02\x02\x46' '\x17\x03\x03\0\x01a'; do
        run bash -c "exec 9<>/dev/tcp/localhost/$TLS_PORT; printf '%b' '$words' >&9; od -An -v -tx1 <&9 | tr -d ' \n'"
        [ "$output" = 15030100020246 ] || { echo "to $words: $output"; return 1; }
    done
    secure health --tls-ca "$CERTS/ca.pem"
    done_so .serving
}

@test "a REP socket of somebody else is told by its first answer" {
    local url=ipc://$DAEMON_HOME/run/other.sock
    nngcat --rep --listen "$url" -D "hello" --hex >"$DAEMON_HOME/heard" 3>&- &
    HELPERS+=($!)
    poll 60 test -S "$DAEMON_HOME/run/other.sock"
    call health --url "$url"
    failed UNAVAILABLE "" "what answers at $url is not posternd, or a newer one" "is the URL right?"
    answer '.error.outcome_unknown and (.error.answered | not)'
    call create --account acme --name more --url "$url"
    failed UNAVAILABLE "" "is not posternd" "the change may have been made all the same"
    [ "$(wc -l <"$DAEMON_HOME/heard")" -eq 2 ] || { cat "$DAEMON_HOME/heard"; return 1; }
}
