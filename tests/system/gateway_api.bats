#!/usr/bin/env bats
# Self-service over HTTP: /v1 of postern-gateway, in the name of the caller's own key.

load ../support/gateway

setup_file() {
    make_home
    start_daemon
    postern tier put free --limit requests=1000/min --limit productions=3/day --default
    postern scope put read --default --public-safe --description "Read reports"
    postern scope put write --implies read
    postern account put own --env test --env live --no-default-public-key
    postern account put other --env test --no-default-public-key
    make_key own settings --env live --scope postern:account-admin --scope admin
    ADMIN=$TOKEN
    make_key postern operator --scope postern:operator
    OPERATOR=$TOKEN
    make_key other theirs
    THEIRS=$KEY_ID
    export ADMIN OPERATOR THEIRS
    start_gateway --timeout-ms 60000
}

teardown_file() {
    stop_gateway
    drop_daemon
}

setup() {
    note_failures_only
    BEARER=$ADMIN
}

# v1 METHOD PATH [CURL-OPTION]...: with the token in BEARER.
v1() {
    ask "/v1/$2" -X "$1" -H "Authorization: Bearer $BEARER" "${@:3}"
}

# send METHOD PATH JSON [CURL-OPTION]...
send() {
    v1 "$1" "$2" -H 'Content-Type: application/json' --data-binary "$3" "${@:4}"
}

# made NAME: a key of the account own; its id in KEY_ID, its token in TOKEN.
made() {
    send POST keys "{\"name\":\"$1\"}"
    said 201
    KEY_ID=$(field .key.key_id)
    TOKEN=$(field .api_key)
    note_token "$TOKEN"
}

@test "E3 the OpenAPI document and the running gateway say the same" {
    run python3 "$SUPPORT/openapi.py" "$GATEWAY" "$POSTERN_SOURCE/tools/gateway/endpoint.c" "$ADMIN" "$OPERATOR" \
        "$DAEMON_TOKENS"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "E3 a key that was made over HTTP verifies, is rolled with a grace, and is refused once it is revoked" {
    made ingest
    allowed
    v1 GET "keys/$KEY_ID"
    said 200 '.key.name == "ingest" and .key.scopes == ["read"] and (has("api_key") | not)'
    local old=$TOKEN
    send POST "keys/$KEY_ID/roll" '{"grace_ms":3600000}'
    said 201 '.predecessor.state == "ROLLING" and .key.state == "ACTIVE"'
    note_token "$(field .api_key)"
    TOKEN=$old allowed
    send POST "keys/$KEY_ID/revoke" '{"reason":"leaked"}'
    said 200 '.key.state == "REVOKED" and .key.revoke_reason == "leaked"'
    TOKEN=$old refused REVOKED_API_KEY 401
}

@test "E3 lists come in pages, which belong to their query" {
    local names=() page_token=""
    made page-a
    made page-b
    made page-c
    while :; do
        v1 GET "keys?name_prefix=page-&page_size=1&page_token=$page_token"
        said 200
        mapfile -t -O ${#names[@]} names < <(jq -r '.keys[].name' <<<"$output")
        page_token=$(field .next_page_token)
        [ -n "$page_token" ] || break
    done
    [ "$(printf '%s\n' "${names[@]}" | sort | paste -sd ' ')" = "page-a page-b page-c" ]
    v1 GET 'keys?name_prefix=page-&page_size=1'
    v1 GET "keys?name_prefix=other&page_size=1&page_token=$(field .next_page_token)"
    said 400 '.field == "page_token" or .field == "list.page_token"'
    v1 GET 'keys?page_token=%2B%2B'
    said 400 '.field == "page_token"'
}

@test "E3 a change to what has changed since it was read is refused" {
    made versioned
    v1 GET "keys/$KEY_ID"
    local etag
    etag=$(header ETag)
    [ "$etag" = "\"$(field .key.version)\"" ]
    send PATCH "keys/$KEY_ID" '{"name":"renamed"}' -H "If-Match: $etag"
    said 200 '.key.name == "renamed"'
    [ "$(header ETag)" != "$etag" ]
    send PATCH "keys/$KEY_ID" '{"name":"late"}' -H "If-Match: $etag"
    said 412 '.code == "ABORTED"'
    v1 DELETE "keys/$KEY_ID" -H "If-Match: $etag"
    said 412
    send PATCH "keys/$KEY_ID" '{}' -H 'If-Match: W/"1"'
    said 400 '.field == "If-Match"'
    v1 DELETE "keys/$KEY_ID" -H 'If-Match: *'
    said 200
}

@test "E3 a change that is repeated with its Idempotency-Key is one change, with the same token" {
    local id='Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324"' token
    send POST keys '{"name":"once"}' -H "$id"
    said 201
    token=$(field .api_key)
    note_token "$token"
    send POST keys '{"name":"once"}' -H "$id"
    said 201 ".api_key == \"$token\""
    v1 GET 'keys?name_prefix=once'
    said 200 '.keys | length == 1'
    send POST keys '{"name":"twice"}' -H "$id"
    said 409 '.code == "ALREADY_EXISTS"'
    send POST keys '{"name":"x"}' -H 'Idempotency-Key: 1'
    said 400 '.field == "Idempotency-Key"'
}

@test "E3 the gateway adds no authority: no token, another account's, a plain key's and a revoked one" {
    local header
    for header in 'X: y' 'Authorization:' 'Authorization: Bearer' 'Authorization: Bearer  ' 'Authorization: Basic x'; do
        ask /v1/keys -H "$header"
        said 401 '.code == "UNAUTHENTICATED"'
        [[ "$(header WWW-Authenticate)" == Bearer* ]]
    done
    ask /v1/keys -H "Authorization: Bearer $ADMIN" -H "Authorization: Bearer $OPERATOR"
    said 401
    v1 GET "keys/$THEIRS"
    said 404
    send POST keys '{"account":"other","name":"n"}'
    said 404
    v1 GET 'usage?account=other'
    said 404
    v1 GET 'account?account=other'
    said 404
    v1 GET 'limits?account=other'
    said 404
    BEARER=$OPERATOR v1 GET 'account?account=other'
    said 200 '.account.account == "other" and .caller.role == "OPERATOR"'
    made plain
    BEARER=$TOKEN v1 GET keys
    said 403 '.code == "PERMISSION_DENIED" and (.detail | contains("postern:account-admin"))'
    v1 POST "keys/$KEY_ID/revoke"
    said 200
    BEARER=$TOKEN v1 GET keys
    said 401 '.code == "REVOKED_API_KEY"'
    [[ "$(header WWW-Authenticate)" == *invalid_token* ]]
}

@test "E3 an account-admin sees what is left of its account's limits, and takes nothing" {
    v1 GET limits
    said 200 '[.meters[] | select(.resource == "productions")][0] | .limit == 3 and .remaining == 3'
    postern ratecheck --account own --charge productions=2 >/dev/null
    v1 GET limits
    v1 GET limits
    said 200 '[.meters[] | select(.resource == "productions")][0].remaining == 1'
}

# no_json TEXT PART: the body is refused, and the answer says why.
no_json() {
    send POST keys "$1"
    said 400 "(.field + \" \" + .detail) | contains(\"$2\")"
}

@test "JSON that is deep, huge, doubled or not what is taken is refused by name" {
    no_json '{"name":"a","name":"b"}' 'duplicate object key'
    no_json "$(printf '[%.0s' {1..5000})" 'depth'
    no_json '{"name":"a"}x' 'line 1'
    no_json '' 'name'
    no_json '[]' 'no JSON object'
    no_json '{"naem":"a"}' 'naem is not known here'
    no_json '{"name":5}' 'name is no text'
    no_json '{"name":"a\u0000b"}' 'the body'
    no_json '{"name":"a","expires_at_ms":1e99}' 'expires_at_ms'
    no_json '{"name":"a","expires_at_ms":-1}' 'expires_at_ms'
    no_json '{"name":"a","expires_at_ms":99999999999999999999}' 'the body'
    no_json '{"name":"a","limits":["requests=5/min","requests"]}' 'limits[1]'
    no_json '{"name":"a","limits":{}}' 'limits is no list'
    no_json '{"name":"a","metadata":[{"key":"k"}]}' 'metadata[0]'
    no_json '{"name":"a","environment":"prod"}' 'TEST, LIVE'
    no_json '{"name":"a","scopes":[{}]}' 'scopes[0]'
    send POST keys "{\"name\":\"$(head -c 70000 /dev/zero | tr '\0' a)\"}"
    said 413
    v1 POST keys --data-binary '{"name":"a"}'
    said 415
    v1 GET 'keys?state=ACTIVE&state=REVOKED'
    said 400 '.field == "state"'
    v1 GET 'keys?never_used=maybe'
    said 400 '.field == "never_used"'
    v1 GET 'keys?page_size=99999999999'
    said 400 '.field == "page_size"'
    v1 GET 'limits?account=own&key_id=x'
    said 400 '.field == "key_id"'
}

@test "a page of another site is refused, and told nothing that would let it read" {
    local header
    for header in 'Origin: https://evil.example' 'Origin: null' "Origin: $GATEWAY.example" \
        'Sec-Fetch-Site: cross-site'; do
        v1 GET keys -H "$header"
        said 403 '.code == "CROSS_ORIGIN"'
        [ -z "$(header Access-Control-Allow-Origin)" ]
    done
    v1 OPTIONS keys -H 'Origin: https://evil.example' -H 'Access-Control-Request-Method: POST'
    said 405
    [ -z "$(header Access-Control-Allow-Origin)" ]
    v1 GET keys -H "Origin: $GATEWAY" -H 'Sec-Fetch-Site: same-origin'
    said 200
    [ "$(header Cache-Control)" = no-store ]
}

@test "when posternd is away, /v1 says 503" {
    POSTERN_URL=ipc://$DAEMON_HOME/run/nobody.sock start_gateway --timeout-ms 200
    ask /v1/keys -H "Authorization: Bearer $ADMIN"
    said 503 '.code == "UNAVAILABLE"'
    stop_gateway
}
