#!/usr/bin/env bats
# posternd away and back, the gateway's own end, and what may pass meanwhile.

load ../support/gateway

setup() {
    note_failures_only
    make_home
    start_daemon
    postern tier put free --limit requests=400/day --default
    postern account put acme --no-default-public-key >/dev/null
    make_key acme revoked
    REVOKED=$TOKEN
    postern revoke "$KEY_ID" >/dev/null
    make_key acme good
}

teardown() {
    stop_gateway
    drop_daemon
}

with_key() {
    ask "$1" -H "Authorization: Bearer $TOKEN" "${@:2}"
}

# answers CODE: /auth says so now.
answers() {
    with_key /auth
    [ "$code" = "$1" ]
}

@test "posternd is killed and comes back under 64 clients: no 5xx but 503, none let in who may not" {
    local clients
    start_gateway
    setpriv --pdeathsig KILL python3 "$SUPPORT/http_clients.py" "${GATEWAY##*:}" 64 "$TOKEN" "$REVOKED" \
        >"$BATS_TEST_TMPDIR/seen" 3>&- &
    clients=$!
    poll 60 answers 429
    for _ in 1 2; do
        kill_daemon
        poll 60 answers 503
        start_daemon
        poll 60 not_503
    done
    kill "$clients"
    wait "$clients"
    output=$(cat "$BATS_TEST_TMPDIR/seen")
    echo "$output"
    answer '(.revoked | keys - ["401", "503"]) == [] and .revoked["401"] > 0 and .revoked["503"] > 0'
    answer '(.good | keys - ["200", "429", "503"]) == [] and .good["200"] > 0 and .good["503"] > 0'
    answer '.good["200"] <= 400'
}

not_503() {
    ! answers 503
}

@test "what passes while posternd cannot be asked is what the configuration says" {
    printf '%s\n' 'routes:' '  - {path: /search, when_unavailable: allow}' '  - {path: /tried, shadow: true}' \
        '  - {path: /open, open: true}' '  - {path: /**}' >"$BATS_TEST_TMPDIR/gateway.yaml"
    start_gateway --config "$BATS_TEST_TMPDIR/gateway.yaml"
    stop_daemon
    with_key /auth/search
    said 200
    [ "$(header X-Postern-Decided-By)" = policy ]
    [ -z "$(header X-Postern-Account)" ]
    with_key /auth/tried
    said 200
    with_key /auth/open
    said 200
    with_key /auth/other
    said 503 '.error.code == "UNAVAILABLE"'
    [ "$(header Retry-After)" -ge 1 ]
    ask /healthz
    said 503
    ask '/healthz?live'
    said 200
    ask /introspect -H "Authorization: Bearer $TOKEN" -d token=x
    said 503
    stop_gateway
    start_gateway --when-unavailable allow
    with_key /auth
    said 200
}

@test "a gateway that is told to end answers what it has begun" {
    start_gateway
    exec 8<>"/dev/tcp/127.0.0.1/${GATEWAY##*:}"
    printf 'POST /introspect HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n' >&8
    printf 'Content-Type: application/x-www-form-urlencoded\r\n\r\n' >&8
    answers 200 # so the other has been begun, too
    kill "$GATEWAY_PID"
    poll 60 grep -q stopping "$GATEWAY_LOG"
    printf 'token=x' >&8
    IFS= read -r line <&8
    [[ "$line" == 'HTTP/1.1 401 '* ]]
    exec 8>&-
    wait "$GATEWAY_PID"
    unset GATEWAY_PID
    grep -q ' stopped' "$GATEWAY_LOG"
}
