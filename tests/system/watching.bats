#!/usr/bin/env bats
# What is seen of the use of keys: when and from where last, how often, and what was never used.

load ../support/keys

setup_file() {
    start_daemon
    postern tier put free --limit requests=3/day --default
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    note_failures_only
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
    output=$(jq -c 'def list: if type == "array" then .[] else . // empty end;
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

@test "W2 peeks, scans and health checks leave no trace" {
    make_key "$ACCOUNT"
    local before
    before=$(postern stats --json | jq .decisions)
    allowed --address 192.0.2.1
    postern health >/dev/null
    postern get "$KEY_ID" >/dev/null
    printf 'token = "%s"\n' "$TOKEN" >"$BATS_TEST_TMPDIR/leaked"
    try postern scan "$BATS_TEST_TMPDIR/leaked"
    [[ "$output" == *"$KEY_ID"* ]]
    rm "$BATS_TEST_TMPDIR/leaked"
    last_use '.last_used_at_ms == 0 and .last_used_address == ""'
    usage "key_id: \"$KEY_ID\""
    [ "$output" = '{}' ]
    usage "account: \"$ACCOUNT\""
    [ "$output" = '{}' ]
    call stats
    done_so ".decisions == $before"
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

# An own daemon with a tier that lets much through, and the test's account.
own_account() {
    own_daemon "$@"
    postern tier put free --limit requests=100000/day --default
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
}

# The disk has what was noted until now.
all_written() {
    postern stats --json | jq -e '.usage.waiting == 0'
}

@test "W2 last use outlives a restart, and a kill but for its last moments" {
    own_account
    make_key "$ACCOUNT"
    use --address 192.0.2.7
    restart_daemon
    last_use '.last_used_address == "192.0.2.7"'
    use --address 192.0.2.8
    poll 60 all_written
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
    try postern usage --key "$KEY_ID"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == FROM*CALLS*ALLOWED*REFUSED*ADMITTED* ]]
    [[ "${lines[1]}" == *' 1 '*' requests 1'* ]]
    try postern usage --account "$ACCOUNT" --by week
    [ "$status" -eq 2 ]
    [[ "$stderr" == *'"week"'*'hour or day'* ]]
    try postern usage --account "$ACCOUNT" --key "$KEY_ID"
    [ "$status" -eq 2 ]
}

@test "W1 a crash loses nothing that was counted a second before" {
    own_account
    make_key "$ACCOUNT"
    local round
    for round in 1 2 3; do
        use_often "$TOKEN" 7 --address "192.0.2.$round"
        poll 60 all_written
        kill_daemon
        start_daemon
        usage "key_id: \"$KEY_ID\""
        [ "$output" = "{\"ALLOWED\":$((round * 7)),\"requests\":$((round * 7))}" ]
        usage "account: \"$ACCOUNT\""
        [ "$output" = "{\"ALLOWED\":$((round * 7)),\"requests\":$((round * 7))}" ]
        last_use ".last_used_address == \"192.0.2.$round\""
    done
}

hours_gone() {
    postern stats --json | jq -e '.usage.removed == 2' # the key's and the account's
}

@test "W1 usage is kept for 90 days, or as many as the option says; a last use is kept with its key" {
    need_time_namespace
    local day=86400
    own_account
    make_key "$ACCOUNT"
    use --address 192.0.2.9
    stop_daemon
    start_daemon_later $((89 * day))
    usage "key_id: \"$KEY_ID\""
    [ "$output" = '{"ALLOWED":1,"requests":1}' ]
    stop_daemon
    start_daemon_later $((92 * day))
    usage "key_id: \"$KEY_ID\""
    [ "$output" = '{}' ]
    poll 60 hours_gone
    last_use '.last_used_address == "192.0.2.9"'
    use
    stop_daemon
    start_daemon_later $((95 * day)) --usage-retention-days 2
    usage "key_id: \"$KEY_ID\""
    [ "$output" = '{}' ]
}

# later_in_the_hour HOURS: starts the daemon so much later, ten minutes into an hour of its time: a test stays in it.
later_in_the_hour() {
    start_daemon_later $(($1 * 3600 + 600 - $(date +%s) % 3600))
}

# known_key NAME: a key that was used once, from 192.0.2.1; sets TOKEN and KEY_ID.
known_key() {
    make_key "$ACCOUNT" "$1"
    use --address 192.0.2.1
    done_so .allowed
}

# use_often TOKEN TIMES [OPTION]...
use_often() {
    try postern verify --batch "${@:3}" < <(yes "$1" | head -n "$2")
    [ "${#lines[@]}" -eq "$2" ]
}

@test "W3 unusual activity stands out: more calls, more refusals, a new address" {
    need_time_namespace
    own_account
    local loud refused roaming quiet
    known_key loud && loud=$TOKEN
    known_key refused && refused=$TOKEN
    known_key roaming && roaming=$TOKEN
    known_key quiet && quiet=$TOKEN
    use_often "$loud" 40 --address 192.0.2.1 # on its first day nothing is unusual about a key
    call list --unusual --account "$ACCOUNT"
    done_so '.keys == []'
    stop_daemon
    later_in_the_hour 30
    use_often "$quiet" 5 --address 192.0.2.1
    call list --unusual
    done_so '.keys == []'
    use_often "$loud" 30 --address 192.0.2.1
    use_often "$refused" 20 --address 192.0.2.1 --account somebody-else
    TOKEN=$roaming
    use --address 198.51.100.7
    call list --unusual
    done_so '[.keys[] | {(.name): .unusual}] | add == {
        "loud": ["VOLUME"], "refused": ["VOLUME", "REFUSALS"], "roaming": ["NEW_ADDRESS"]}'
    answer '.keys[] | select(.name == "loud").activity
        | .judged and .calls == 30 and .refusals == 0 and .usual_calls == 0'
    answer '.keys[] | select(.name == "refused").activity | .refusals == 20 and .usual_refusals == 0'
    try postern usage --unusual
    [ "$status" -eq 0 ]
    [[ "$output" == *loud*'30 calls (usual 0)'* ]]
    [[ "$output" == *refused*'20 refusals (usual 0)'* ]]
    [[ "$output" == *roaming*'from 198.51.100.7'*'a new address'* ]]
    [[ "$output" != *quiet* ]]
    try postern usage --unusual --json
    answer '.keys | map(.name) | sort == ["loud", "refused", "roaming"]'
    call list --with-unusual --account "$ACCOUNT"
    done_so '.keys | length == 4 and any(.[]; .name == "quiet" and .unusual == [] and .activity.calls == 5)'
    # It is of the hour: in the next one all is quiet, and it can still be looked at.
    local hour
    hour=$(field '.keys[0].activity.hour_start_ms')
    stop_daemon
    later_in_the_hour 31
    try postern usage --unusual
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [[ "$stderr" == 'Nothing is unusual in that hour.'* ]]
    try postern usage --unusual --json
    answer '.keys == []'
    try postern usage --unusual --json --at "$hour"
    answer '.keys | map(.name) | sort == ["loud", "refused", "roaming"]'
    run postern usage --account "$ACCOUNT" --at 1h
    [ "$status" -eq 2 ]
}

@test "W3 an account administrator sees what is unusual about its own keys only" {
    need_time_namespace
    own_account
    postern account put other --no-default-public-key >/dev/null
    local ours admin
    known_key ours && ours=$TOKEN
    make_key other admin --scope postern:account-admin
    admin=$TOKEN
    stop_daemon
    later_in_the_hour 30
    use_often "$ours" 30 --address 192.0.2.1
    call usage --unusual
    done_so '.keys | map(.name) == ["ours"]'
    as "$admin" usage --unusual
    done_so '.keys == []'
    as "$admin" usage --unusual --account "$ACCOUNT"
    failed NOT_FOUND
}
