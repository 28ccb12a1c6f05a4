#!/usr/bin/env bats
# A decision asked with protoc and nngcat, without any Postern client.

load ../support/daemon

setup() {
    note_failures_only
}

setup_file() {
    start_daemon
    postern tier put free --limit requests=10/min --default
    postern account put acme
    make_key acme
    export TOKEN KEY_ID
}

teardown_file() {
    drop_daemon
}

# As README shows it.
ask() {
    printf '%s' "$1" | protocol encode Request |
        nngcat --req --dial "$POSTERN_URL" -F - --raw --recv-timeout 60 |
        protocol decode Reply
}

@test "a Verify asked with protoc and nngcat is answered" {
    run ask "request_id: \"0123456789abcdef\" verify { api_key: \"$TOKEN\" }"
    echo "$output"
    [[ "$output" == *'request_id: "0123456789abcdef"'* ]]
    [[ "$output" == *'server_time_ms: '* ]]
    [[ "$output" == *'allowed: true'* ]]
    [[ "$output" == *'reason: REASON_ALLOWED'* ]]
    [[ "$output" == *'http_status: 200'* ]]
    [[ "$output" == *"key_id: \"$KEY_ID\""* ]]
    [[ "$output" == *'account: "acme"'* ]]
    [[ "$output" == *'limit: 10'* ]]
    [[ "$output" == *'remaining: 9'* ]]
}

@test "a wrong token asked with protoc and nngcat is refused, and that is no failure" {
    run ask 'verify { api_key: "wrong" }'
    echo "$output"
    [[ "$output" == *'reason: REASON_INVALID_API_KEY'* ]]
    [[ "$output" == *'http_status: 401'* ]]
    [[ "$output" != *'allowed: true'* ]]
    [[ "$output" != *' code: '* ]]
}

@test "a key is created and revoked with protoc and nngcat" {
    run ask 'request_id: "a-create-request" create { account: "acme" name: "by-hand" }'
    echo "$output"
    local token id
    token=$(sed -n 's/^  api_key: "\(.*\)"$/\1/p' <<<"$output")
    id=$(sed -n 's/^    key_id: "\(.*\)"$/\1/p' <<<"$output")
    [ -n "$token" ]
    run ask "request_id: \"a-revoke-request\" revoke { key_id: \"$id\" reason: \"by hand\" }"
    [[ "$output" == *'state: KEY_STATE_REVOKED'* ]]
    run ask "verify { api_key: \"$token\" }"
    [[ "$output" == *'reason: REASON_REVOKED_API_KEY'* ]]
}

@test "README shows this very pipeline" {
    local readme=$POSTERN_SOURCE/README.md
    grep -q 'protoc -I proto -I /usr/include --encode=postern.v1.Request proto/postern.proto' "$readme"
    grep -q 'nngcat --req --dial "$POSTERN_URL" -F - --raw --recv-timeout' "$readme"
    grep -q 'protoc -I proto -I /usr/include --decode=postern.v1.Reply proto/postern.proto' "$readme"
}
