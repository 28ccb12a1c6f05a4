#!/usr/bin/env bats
# What is seen of the use of keys: when and from where last, how often, and what was never used.

load ../support/keys

bats_require_minimum_version 1.5.0

setup_file() {
    start_daemon
    postern tier put free --limit requests=3/day --default
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

teardown() {
    drop_own_daemon
}

# last_use FILTER: jq's FILTER is true of the key.
last_use() {
    call get "$KEY_ID"
    done_so ".key | $1"
}

# usage SUBJECT [SPAN]: sets $output to the sum of each reason and cost, e.g. {"ALLOWED":2,"requests":2}. Both are the
# wire's text, e.g. 'account: "acme"'.
usage() {
    wire "get_usage { $1 ${2-} bucket_s: 86400 }"
    [ "$status" -eq 0 ] || { echo "exit status $status: $output $stderr"; return 1; }
    output=$(jq -cS 'def list: if type == "array" then .[] else . // empty end;
        [.get_usage.buckets | list | (.reasons | list), (.costs | list)]
        | reduce .[] as $counter ({}; .[$counter.name] += $counter.value)' <<<"$output")
}

@test "W2 a key's last use has its time and address, and only the key's own use counts" {
    make_key "$ACCOUNT"
    last_use '.last_used_at_ms == 0 and .last_used_address == ""'
    allowed --address 192.0.2.1 # a peek
    last_use '.last_used_at_ms == 0'
    local before now
    before=$(date +%s%3N)
    use --address 192.0.2.2
    done_so .allowed
    now=$(date +%s%3N)
    last_use ".last_used_address == \"192.0.2.2\""
    answer ".key.last_used_at_ms >= $before - 1000 and .key.last_used_at_ms <= $now + 1000"
    # Refused, but the key was good: 403, then 429.
    use --address 192.0.2.3 --account somebody-else
    answer '.http_status == 403'
    last_use '.last_used_address == "192.0.2.3"'
    for _ in 1 2 3; do use --address 192.0.2.4; done
    answer '.reason == "RATE_LIMITED"'
    last_use '.last_used_address == "192.0.2.4"'
    # 401: whoever asks with a revoked key does not use it.
    postern revoke "$KEY_ID" >/dev/null
    use --address 192.0.2.5
    answer '.reason == "REVOKED_API_KEY"'
    last_use '.last_used_address == "192.0.2.4"'
}

@test "W2 keys that were never used can be listed" {
    make_key "$ACCOUNT" idle
    local idle=$KEY_ID
    make_key "$ACCOUNT" busy
    use
    call list --account "$ACCOUNT" --never-used
    done_so "[.keys[].key_id] == [\"$idle\"]"
    call list --account "$ACCOUNT"
    done_so '[.keys[] | select(.last_used_at_ms > 0) | .name] == ["busy"]'
}

@test "W2 last use outlives a restart, and a kill but for its last moments" {
    own_daemon
    postern tier put free --limit requests=100/day --default
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
    make_key "$ACCOUNT"
    use --address 192.0.2.7
    restart_daemon
    last_use '.last_used_address == "192.0.2.7"'
    use --address 192.0.2.8
    sleep 2 # what a crash may forget
    kill_daemon
    start_daemon
    last_use '.last_used_address == "192.0.2.8"'
    usage "key_id: \"$KEY_ID\""
    [ "$output" = '{"ALLOWED":2,"requests":2}' ]
}

@test "W1 usage is counted by reason and by resource, for keys and for their account" {
    make_key "$ACCOUNT" one
    local one=$KEY_ID
    use --charge requests=2
    make_key "$ACCOUNT" two
    use
    use
    answer '.reason == "RATE_LIMITED"'
    use --peek
    usage "key_id: \"$one\""
    [ "$output" = '{"ALLOWED":1,"requests":2}' ]
    usage "key_id: \"$KEY_ID\""
    [ "$output" = '{"ALLOWED":1,"RATE_LIMITED":1,"requests":1}' ]
    usage "account: \"$ACCOUNT\""
    [ "$output" = '{"ALLOWED":2,"RATE_LIMITED":1,"requests":3}' ]
}

@test "W1 usage has bounds: only the span that is asked for, only hours or days" {
    make_key "$ACCOUNT"
    use
    usage "account: \"$ACCOUNT\"" "from_ms: 1000 to_ms: 86400000"
    [ "$output" = '{}' ]
    wire "get_usage { account: \"$ACCOUNT\" bucket_s: 60 }"
    wire_failed "$INVALID_ARGUMENT" get_usage.bucket_s
    wire 'get_usage { account: "nobody" }'
    wire_failed "$NOT_FOUND" get_usage.account
    wire 'get_usage { }'
    wire_failed "$INVALID_ARGUMENT" get_usage.subject
}

@test "W1 the command line shows usage by the day, and says what it does not understand" {
    make_key "$ACCOUNT"
    use
    call usage --account "$ACCOUNT" --from 2d --by day
    done_so '.buckets | length == 1 and .[0].reasons == [{"name": "ALLOWED", "value": 1}]
        and .[0].costs == [{"name": "requests", "value": 1}] and .[0].start_ms % 86400000 == 0'
    run --separate-stderr postern usage --key "$KEY_ID"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == FROM*CALLS*ALLOWED*REFUSED*ADMITTED* ]]
    [[ "${lines[1]}" == *' 1 '*' requests 1'* ]]
    run --separate-stderr postern usage --account "$ACCOUNT" --by week
    [ "$status" -eq 2 ]
    [[ "$stderr" == *'"week"'*'hour or day'* ]]
    run --separate-stderr postern usage --account "$ACCOUNT" --key "$KEY_ID"
    [ "$status" -eq 2 ]
}
