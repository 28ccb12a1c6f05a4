#!/usr/bin/env bats
# postern-gateway behind the real nginx, HAProxy and Caddy, with the sample configurations of docs/gateway: what their
# users see is what rows E1 to E4 promise.

load ../support/proxies

setup_file() {
    need_proxy nginx
    make_home
    start_daemon
    postern tier put free --limit requests=1000/min --default
    postern scope put read --default --public-safe
    postern scope put write
    cat >"$DAEMON_HOME/gateway.yaml" <<EOF
error_body: object
routes:
  - {path: /open/**, open: true}
  - {path: /admin/**, scope: write}
  - {path: /**, scope: read}
EOF
    start_gateway --timeout-ms 60000 --config "$DAEMON_HOME/gateway.yaml"
    start_application
    local name
    for name in nginx haproxy caddy; do
        command -v "$name" >/dev/null || continue
        printf -v "${name}_port" '%s' "$(free_port)"
        export "${name?}_port"
        "start_sample_$name" "$(eval "echo \$${name}_port")" "${GATEWAY#http://}"
    done
}

teardown_file() {
    [ -z "${PROXY_HOME-}" ] || stop_proxies
    [ -z "${GATEWAY-}" ] || stop_gateway
    [ -z "${DAEMON_HOME-}" ] || drop_daemon
}

setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

# through PROXY: the next questions go there.
through() {
    local port=$1_port
    need_proxy "$1"
    GATEWAY=http://127.0.0.1:${!port}
}

with_key() {
    ask "$1" -H "Authorization: Bearer $TOKEN" "${@:2}"
}

# object CODE [FILTER]: the body is E4's second shape.
object() {
    answer ".success == false and .error.code == \"$1\" and (.error.message | length > 0)"
    [ $# -lt 2 ] || answer ".error.details | $2"
}

# Rows E1 to E4, as a user of the proxy sees them.
rows() {
    local good
    make_key "$ACCOUNT" good --scope read
    good=$TOKEN
    with_key /things/1?a=b -H 'X-Postern-Account: root' -H 'X-Postern-Scopes: everything' -H 'X-Postern-Shadow: x'
    said 200 ".path == \"/things/1?a=b\" and .account == \"$ACCOUNT\" and .key == \"$KEY_ID\" and .scopes == \"read\""
    answer '.shadow == "" and .authorization == ""'
    [ "$(header X-RateLimit-Limit)" = 1000 ]
    [ "$(header X-RateLimit-Remaining)" = 999 ]
    [ "$(header X-RateLimit-Reset)" -gt 1700000000 ]
    [ "$(header RateLimit-Policy)" = '"requests/60s";q=1000;w=60' ]
    [[ "$(header RateLimit)" == '"requests/60s";r=999;t='* ]]

    ask /open/x -H 'X-Postern-Account: root'
    said 200 '.account == ""'
    ask /things
    said 401
    object MISSING_API_KEY '. == {"header": "Authorization"}'
    [ "$(header WWW-Authenticate)" = 'Bearer realm="api"' ]
    TOKEN=wrong with_key /things
    said 401
    object INVALID_API_KEY
    [[ "$(header WWW-Authenticate)" == *'error="invalid_token"'* ]]
    TOKEN=${good%??????}zzzzzz with_key /things
    said 401
    object INVALID_API_KEY ".key_id == \"$KEY_ID\""
    with_key /admin/x
    said 403
    object INSUFFICIENT_SCOPE '.missing_scopes == ["write"]'
    postern disable "$KEY_ID" >/dev/null
    with_key /things
    said 401
    object DISABLED_API_KEY
    postern revoke "$KEY_ID" >/dev/null
    with_key /things
    said 401
    object REVOKED_API_KEY

    make_key "$ACCOUNT" short --scope read --limit requests=1/day
    with_key /things
    said 200
    with_key /things
    said 429
    object RATE_LIMITED '.retry_after_s > 0'
    [ "$(header Retry-After)" -gt 0 ]
    [ "$(header X-RateLimit-Remaining)" = 0 ]
    [[ "$(header RateLimit)" == *'"key:requests/day";r=0;t='* ]]

    ask /things -H "Authorization: Bearer $good" -H "Authorization: Bearer $good"
    said 400
    TOKEN=$good with_key '/open/%2e%2e/admin/x'
    said 400
    TOKEN=$good with_key '/open/..%2fadmin/x'
    said 400
}

@test "E1 E2 E3 E4 nginx: the user sees 401, 403 and 429 with headers and bodies, the application who it is" {
    through nginx
    rows
}

@test "E1 E2 E3 E4 HAProxy: the user sees 401, 403 and 429 with headers and bodies, the application who it is" {
    through haproxy
    rows
}

@test "E1 E2 E3 E4 Caddy: the user sees 401, 403 and 429 with headers and bodies, the application who it is" {
    through caddy
    rows
}

@test "a key that has expired, and an address that the proxy saw" {
    through nginx
    make_key "$ACCOUNT" elsewhere --scope read --address 192.0.2.0/24
    with_key /things -H 'X-Forwarded-For: 192.0.2.1' # the user's own word
    said 403
    object ADDRESS_NOT_ALLOWED
    make_key "$ACCOUNT" here --scope read --address 127.0.0.0/8 --expires 1s
    expired() {
        with_key /things
        [ "$code" = 401 ]
    }
    poll 60 expired
    object EXPIRED_API_KEY '.expired_at | test("^20[0-9-]+T[0-9:.]+Z$")'
}

@test "a gateway that is away is a 503 of each proxy, and lets nobody in" {
    local port
    port=$(free_port)
    make_key "$ACCOUNT" good --scope read
    start_sample_nginx "$port" "127.0.0.1:$(free_port)"
    GATEWAY=http://127.0.0.1:$port
    with_key /things
    said 503
}
