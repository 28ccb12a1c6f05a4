#!/usr/bin/env bats
# postern-gateway's /auth by itself: what a proxy may ask, routes of the file, forms of bodies, and bad input.

load ../support/gateway

setup_file() {
    make_home
    start_daemon
    postern tier put free --limit requests=1000/min --limit tokens=100/min --default
    postern scope put read --default --public-safe
    postern scope put write
    start_gateway --timeout-ms 60000 --trusted-proxy 127.0.0.0/8
}

teardown_file() {
    stop_gateway
    drop_daemon
}

setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

teardown() {
    [ -z "${OWN_GATEWAY-}" ] || stop_gateway
}

# own_gateway [OPTION]...: for this test alone.
own_gateway() {
    start_gateway --timeout-ms 60000 "$@"
    OWN_GATEWAY=yes
}

# routes LINE...: an own gateway with these routes.
routes() {
    { echo routes:; printf '  - %s\n' "$@"; } >"$BATS_TEST_TMPDIR/gateway.yaml"
    own_gateway --config "$BATS_TEST_TMPDIR/gateway.yaml"
}

with_key() {
    ask "$1" -H "Authorization: Bearer $TOKEN" "${@:2}"
}

# at METHOD PATH [CURL-OPTION]...: asks about a request, as Traefik and Caddy do.
at() {
    with_key /auth -H "X-Forwarded-Method: $1" -H "X-Forwarded-Uri: $2" "${@:3}"
}

@test "E3 the answer says who it is, what is left, and what was charged" {
    make_key "$ACCOUNT" one --scope read --env live
    with_key /auth
    said 200
    [ "$(header X-Postern-Account) $(header X-Postern-Key-Id)" = "$ACCOUNT $KEY_ID" ]
    [ "$(header X-Postern-Scopes) $(header X-Postern-Tier)" = 'read free' ]
    [ "$(header X-Postern-Environment) $(header X-Postern-Key-Type)" = 'live secret' ]
    [ "$(header X-RateLimit-Limit) $(header X-RateLimit-Remaining)" = '1000 999' ]
    [ "$(header Cache-Control)" = no-store ]
    postern ratecheck --account "$ACCOUNT" --peek --json >"$BATS_TEST_TMPDIR/peek"
    [ "$(jq '.meters[] | select(.resource == "requests") | .remaining' "$BATS_TEST_TMPDIR/peek")" = 999 ]
    [[ "$(header X-Postern-Charge-Id)" =~ ^[0-9a-f]{32}$ ]]
}

@test "the proxy asks by the query, and by headers only where it may" {
    make_key "$ACCOUNT" one --scope read
    with_key '/auth?scope=read&environment=test&charge=requests,tokens=30'
    said 200
    [[ "$(header RateLimit)" == *'"tokens/60s";r=70;'* ]]
    with_key '/auth?resource=tokens&cost=20'
    said 200
    [[ "$(header RateLimit)" == '"tokens/60s";r=50;'* ]]
    with_key '/auth?scope=read,write'
    said 403 '.error.details.missing_scopes == ["write"]'
    with_key '/auth?scope=write|read'
    said 200
    with_key '/auth?environment=live'
    said 403 '.error.code == "WRONG_ENVIRONMENT"'
    with_key '/auth?scopes=read'
    said 400 '.error.message | test("scopes")'
    with_key '/auth?cost=0'
    said 400
    with_key /auth -H 'X-Postern-Ask-Scope: write' # which anybody may send
    said 200
    own_gateway --ask-headers
    with_key /auth -H 'X-Postern-Ask-Scope: write'
    said 403
    with_key /auth -H 'X-Postern-Ask-Resource: tokens' -H 'X-Postern-Ask-Cost: 50'
    said 200
    [[ "$(header RateLimit)" == '"tokens/60s";r=0;'* ]]
}

@test "E3 a settable header has the key" {
    make_key "$ACCOUNT" one
    own_gateway --key-header X-API-Key
    ask /auth -H "X-API-Key: $TOKEN"
    said 200
    with_key /auth
    said 401 '.error.details.header == "X-API-Key"'
    [[ "$(header WWW-Authenticate)" = ApiKey* ]]
    ask /auth -H "X-API-Key: $TOKEN" -H "X-API-Key: $TOKEN"
    said 400
}

@test "E4 bodies have the form that was asked for" {
    own_gateway --error-body text
    ask /auth
    said 401 'keys == ["error", "success"] and .success == false and (.error | type) == "string"'
    stop_gateway
    own_gateway --error-body object
    ask /auth
    said 401 '.success == false and (.error | keys) == ["code", "details", "message"]'
    stop_gateway
    own_gateway --error-body problem
    ask /auth
    said 401 '.type == "about:blank" and .status == 401 and .title == "Unauthorized" and .code == "MISSING_API_KEY"'
    [ "$(header Content-Type)" = application/problem+json ]
}

@test "nginx=1: what nginx cannot pass on goes as 403, with status and body in headers" {
    make_key "$ACCOUNT" one --limit requests=1/day
    with_key '/auth?nginx=1'
    said 200
    with_key '/auth?nginx=1'
    said 403
    [ -z "$output" ]
    [ "$(header X-Postern-Status)" = 429 ]
    [ "$(header Retry-After)" -gt 0 ]
    output=$(header X-Postern-Body)
    answer '.error.code == "RATE_LIMITED"'
}

@test "routes: the first that fits says what is needed, and what fits none is refused" {
    routes '{path: /open/**, open: true}' '{path: /jobs/*, method: [GET], scope: read}' \
        '{path: /jobs/**, scope: [read, write], charge: [requests, tokens=5]}' '{path: /live, environment: live}' \
        '{path: /tried, scope: write, shadow: true}' '{path: /secret, secret_only: true}'
    make_key "$ACCOUNT" one --scope read
    at GET /jobs/1?x=/admin
    said 200
    at HEAD /jobs/1
    said 200
    at POST /jobs/1
    said 403 '.error.code == "INSUFFICIENT_SCOPE"'
    at GET /jobs/1/2
    said 403 '.error.code == "INSUFFICIENT_SCOPE"'
    at GET /live
    said 403 '.error.code == "WRONG_ENVIRONMENT"'
    with_key '/auth?environment=test' -H 'X-Forwarded-Method: GET' -H 'X-Forwarded-Uri: /live'
    said 400
    at GET /tried
    said 200
    [ "$(header X-Postern-Shadow)" = INSUFFICIENT_SCOPE ]
    at GET /nothing
    said 403 '.error.code == "NO_ROUTE"'
    ask /auth -H 'X-Forwarded-Method: GET' -H 'X-Forwarded-Uri: /open/x'
    said 200
    [ -z "$(header X-Postern-Account)" ]
    with_key /auth # the proxy forgot to say where
    said 400
    at GET /jobs/1 -H 'X-Forwarded-Uri: /open/x' # two
    said 400
    with_key /auth/jobs/1 # Envoy
    said 200
    with_key '/auth/jobs/1?scope=write' # the user's own query
    said 200
    with_key /auth/jobs/1 -X POST
    said 403
    with_key '/auth?nginx=1' -H 'X-Original-Method: GET' -H 'X-Original-URI: /jobs/1' -H 'X-Forwarded-Uri: /open/x'
    said 200
    [ "$(header X-Postern-Account)" = "$ACCOUNT" ]
}

@test "routes: paths that servers read in two ways pass no route" {
    routes '{path: /open/**, open: true}' '{path: /**, scope: write}'
    make_key "$ACCOUNT" one --scope read
    local path
    for path in /open/../admin /open/%2e%2e/admin /open/..%2fadmin /open//x //open/x '/open/x;y' /open/%5c..%5cadmin \
        /open/%252e%252e/admin /open/%00 http://x/open/x open/x '/open/x#y' /open/%zz; do
        at GET "$path"
        said 400
    done
    at GET /op%65n/x
    said 200
    at GET /Open/x
    said 403
}

@test "a configuration that is wrong says where, and nothing starts" {
    wrong() {
        printf '%s\n' "${@:2}" >"$BATS_TEST_TMPDIR/wrong.yaml"
        run timeout 60 "$POSTERN_BIN/postern-gateway" --url "$POSTERN_URL" --listen 127.0.0.1:0 \
            --config "$BATS_TEST_TMPDIR/wrong.yaml"
        [ "$status" -eq 2 ] || return 1
        [[ "$output" == *"$1"* ]] || { echo "$output"; return 1; }
    }
    wrong 'wrong.yaml:1: listn' 'listn: x'
    wrong 'wrong.yaml:2: ' 'error_body: text' 'error_body: text'
    wrong 'wrong.yaml:2: scop' 'routes:' '  - {path: /x, scop: read}'
    wrong 'wrong.yaml:2: path' 'routes:' '  - path: x'
    wrong 'wrong.yaml:2: routes: has no path' 'routes:' '  - scope: x'
    wrong 'wrong.yaml:1: trusted-proxy' 'trusted_proxy: [10.0.0.0/99]'
    wrong 'wrong.yaml:2: ' 'a: [' '}'
    run timeout 60 "$POSTERN_BIN/postern-gateway" --listen nowhere
    [ "$status" -eq 2 ]
    [[ "$output" == *'--listen: "nowhere" is no address'* ]]
}

@test "addresses: a proxy's word counts when it is trusted, and unknown is no address" {
    make_key "$ACCOUNT" net --address 192.0.2.0/24
    with_key /auth -H 'X-Forwarded-For: 192.0.2.7'
    said 200
    with_key /auth -H 'X-Forwarded-For: 192.0.2.7, 203.0.113.1'
    said 403 '.error.code == "ADDRESS_NOT_ALLOWED"'
    with_key /auth -H 'X-Forwarded-For: 192.0.2.7, unknown'
    said 403
    with_key /auth
    said 403
    own_gateway --trusted-proxy 10.0.0.0/8
    with_key /auth -H 'X-Forwarded-For: 192.0.2.7'
    said 403
}

@test "bad input: whatever comes, it is answered or closed, and nobody is let in" {
    local port=${GATEWAY##*:} long
    make_key "$ACCOUNT" one
    # raw WANTED TEXT: in printf's form.
    raw() {
        local got
        got=$(printf "$2" | timeout 600 python3 "$SUPPORT/raw_http.py" "$port")
        [[ " $1 " == *" $got "* ]] || { echo "wanted $1, got $got: ${2:0:200}"; return 1; }
    }
    local head="Host: x\r\nConnection: close\r\n" key="Authorization: Bearer $TOKEN\r\n"
    local post="POST /introspect HTTP/1.1\r\n$head$key" chunked="Transfer-Encoding: chunked\r\n"
    raw 200 "GET /auth HTTP/1.1\r\n$head$key\r\n"
    raw 400 "GET /auth HTTP/1.1\r\n$head$key$key\r\n"
    raw '400 401 none' "GET /auth HTTP/1.1\r\n${head}Authorization: Bearer x\r\n $TOKEN\r\n\r\n"
    raw '400 401 none' "GET /auth HTTP/1.1\r\n${head}Authorization: Bearer\r\n $TOKEN\r\n\r\n"
    raw '400 401 none' "GET /auth HTTP/1.1\r\n${head}Authorization: Bearer x\\000$TOKEN\r\n\r\n"
    raw '400 401 none' "GET /auth HTTP/1.1\r\n${head}Authorization : Bearer $TOKEN\r\n\r\n"
    raw '400 401' "GET /auth HTTP/1.1\r\n${head}Authorization: Basic $TOKEN\r\n\r\n"
    raw 200 "GET http://elsewhere/auth HTTP/1.1\r\n$head$key\r\n"
    raw '400 none' "GET auth HTTP/1.1\r\n$head$key\r\n"
    raw '200 400 none' "GET /auth\\000x HTTP/1.1\r\n$head$key\r\n" # libmicrohttpd ends it there
    raw '400 404' "GET /auth%%00 HTTP/1.1\r\n$head$key\r\n"
    raw '400 none' "GET /auth\r\n\r\n"
    raw '400 none' "\r\n\r\nnonsense\r\n\r\n"
    raw '400 505 none' "GET /auth HTTP/9.9\r\n$head$key\r\n"
    raw '400 none' "GET /auth HTTP/1.1\r\n$key\r\n" # no Host
    printf -v long '%065536d' 0
    raw '400 413 431 none' "GET /auth HTTP/1.1\r\n$head${key}X-Long: $long\r\n\r\n"
    raw '400 414 413 431 none' "GET /auth?$long HTTP/1.1\r\n$head$key\r\n"
    # Bodies with lies: the rest is no second request.
    raw '400 411 413 none' "$post$chunked\r\nZZ\r\nx\r\n0\r\n\r\n"
    raw '400 413 none' "$post$chunked\r\nFFFFFFFFFFFFFFFFF\r\nx"
    raw '400 none' "${post}Content-Length: -1\r\n\r\nx"
    raw '400 none' "${post}Content-Length: 5, 6\r\n\r\nhello"
    raw '413 none' "${post}Content-Length: 99999999999999999999\r\n\r\nx"
    raw 'none' "${post}Content-Length: 50\r\n\r\nshort"
    raw '400 none' "POST /introspect HTTP/1.1\r\nHost: x\r\n${key}Content-Length: 4\r\n$chunked\r\n0\r\n\r\n"\
"GET /auth HTTP/1.1\r\n$head$key\r\n"
    ask /healthz
    said 200
}

@test "slow clients hold nobody up" {
    local port=${GATEWAY##*:} fds=() fd i
    make_key "$ACCOUNT" one
    for i in {1..40}; do
        exec {fd}<>"/dev/tcp/127.0.0.1/$port"
        printf 'POST /introspect HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx' >&"$fd"
        fds+=("$fd")
    done
    for i in {1..5}; do
        with_key /auth
        said 200
        ask /healthz
        said 200
    done
    for fd in "${fds[@]}"; do
        exec {fd}>&-
    done
}
