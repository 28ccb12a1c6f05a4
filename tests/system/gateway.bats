#!/usr/bin/env bats
# postern-gateway by itself: its paths, introspection, the requests of people with bad manners.

load ../support/gateway

setup_file() {
    make_home
    start_daemon
    postern tier put free --limit requests=1000/min --default
    postern scope put read --default --public-safe
    start_gateway --timeout-ms 60000
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

@test "healthz says whether posternd serves" {
    ask /healthz
    said 200 '.status == "serving"'
    ask /healthz -I
    said 200
    ask '/healthz?live'
    said 200 '.status == "live"'
}

@test "what is not there, or not so, is a problem (RFC 9457)" {
    ask /nothing
    said 404 '.status == 404 and .title == "Not Found" and .code == "NOT_FOUND"'
    [ "$(header Content-Type)" = application/problem+json ]
    ask /healthz -X POST
    said 405 '.code == "METHOD_NOT_ALLOWED"'
    [ "$(header Allow)" = GET ]
}

@test "introspection tells keys that work from others, to those who may verify" {
    make_key "$ACCOUNT" asker --scope postern:verify
    local asker=$TOKEN
    make_key "$ACCOUNT" asked --scope read --expires 9d
    ask /introspect -H "Authorization: Bearer $asker" -d "token=$TOKEN"
    said 200 ".active and .scope == \"read\" and .client_id == \"$KEY_ID\" and .sub == \"$ACCOUNT\""
    answer '.exp > 1700000000'
    [ "$(header Cache-Control)" = no-store ]
    ask /introspect -H "Authorization: Bearer $TOKEN" -d "token=$TOKEN"
    said 403 '.code == "PERMISSION_DENIED"'
    ask /introspect -d "token=$TOKEN"
    said 401 '.code == "UNAUTHENTICATED"'
    [[ "$(header WWW-Authenticate)" = Bearer* ]]
    ask /introspect -H "Authorization: Bearer nobody" -d "token=$TOKEN"
    said 401 '.code == "INVALID_API_KEY"'
    ask /introspect -H "Authorization: Bearer $asker" -d "token=$TOKEN" -d "token=$TOKEN"
    said 400
    ask /introspect -H "Authorization: Bearer $asker" -H 'Content-Type: text/plain' -d "token=$TOKEN"
    said 400
    postern revoke "$KEY_ID" >/dev/null
    ask /introspect -H "Authorization: Bearer $asker" -d "token=$TOKEN"
    said 200 '. == {"active": false}'
    ask /introspect -H "Authorization: Bearer $asker" -d "token=anything"
    said 200 '. == {"active": false}'
}

@test "metrics are those of postern stats --prometheus, for operators" {
    make_key "$ACCOUNT" nobody
    ask /metrics
    said 401
    ask /metrics -H "Authorization: Bearer $TOKEN"
    said 403 '.code == "PERMISSION_DENIED"'
    make_key postern scraper --scope postern:operator
    ask /metrics -H "Authorization: Bearer $TOKEN"
    said 200
    [[ "$(header Content-Type)" == "text/plain; version=0.0.4"* ]]
    promtool check metrics <"$BATS_TEST_TMPDIR/body"
    # The same figures by name and label; their values go on.
    diff <(sed 's/ [^ ]*$//' "$BATS_TEST_TMPDIR/body") <("$POSTERN_BIN/postern" stats --prometheus | sed 's/ [^ ]*$//')
}
