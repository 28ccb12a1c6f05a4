#!/usr/bin/env bats
# Usage that people can see: stats, top, charts, and keys with an unusual hour.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/keys

setup() {
    note_failures_only
}

setup_file() {
    start_daemon
    postern tier put free --limit requests=4/day --default
    postern account put acme --env test --env live --no-default-public-key
    local n
    make_key acme busy
    for ((n = 0; n < 6; n++)); do postern verify - <<<"$TOKEN" >/dev/null || true; done
    export TOKEN KEY_ID
}

teardown_file() {
    drop_daemon
}

teardown() {
    drop_own_daemon
}

# on_terminal SIZE STEP... -- COMMAND...: what it wrote is in $output.
on_terminal() {
    try python3 "$SUPPORT/terminal.py" "$@"
}

@test "stats tell what was decided, what is held and who is busiest" {
    call stats --top 1
    done_so '.decisions == 6 and .refusals == 2 and .version != "" and .uptime_ms > 0'
    answer '.counters == [{"name": "ALLOWED", "value": 4}, {"name": "RATE_LIMITED", "value": 2}]'
    answer '.meters.meters == 1 and .meters.bytes > 0 and .meters.decisions >= 6 and .meters.records > 0'
    answer '[.stores[].name] == ["registry", "meters"] and all(.stores[]; .last_commit == "OK" and .commits > 0)'
    answer '[.accounts[] | .account, .calls, .refusals] == ["acme", 6, 2]'
    answer ".keys | length == 1 and .[0].key_id == \"$KEY_ID\" and .[0].key_name == \"busy\""
    try postern stats
    [ "$status" -eq 0 ]
    [[ "$output" == *'6, refused 2 (33.3 %): RATE_LIMITED 2'* ]]
    [[ "$output" == *"$KEY_ID  acme "* ]]
    run postern stats --top 257
    [ "$status" -eq 2 ]
}

custom_counted() {
    postern stats --json | jq -e '.meters.custom_meters == 1'
}

@test "stats tell how many meters of custom subjects are on disk" {
    own_daemon
    postern ratecheck --custom login/192.0.2.7 --limit attempts=5/min --charge attempts
    poll 60 custom_counted
    try postern stats
    [[ "$output" == *'; 1 of custom subjects on disk'* ]]
}

@test "stats are for operators" {
    local made
    postern account put other --no-default-public-key
    made=$(postern create --account other --name admin --scope postern:account-admin --json)
    note_token "$(jq -r .api_key <<<"$made")"
    as "$(jq -r .api_key <<<"$made")" stats
    failed PERMISSION_DENIED
}

@test "usage is drawn as a chart that fits the terminal, in plain ASCII where the locale has nothing else" {
    LC_ALL=C COLUMNS=60 try postern usage --account acme --plot
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == 'acme, calls per hour' ]]
    [[ "$output" == *'# allowed 4   x refused 2'* ]]
    [[ "$output" == *'6 +'*x* ]]
    [[ "$output" != *[![:print:][:space:]]* ]]
    local line
    for line in "${lines[@]}"; do [ "${#line}" -le 60 ]; done
    LC_ALL=C.UTF-8 try postern usage --key "$KEY_ID" --plot --by day
    [[ "${lines[0]}" == "$KEY_ID, calls per day" ]]
    [[ "$output" == *'█ allowed 4   ░ refused 2'* ]]
    on_terminal 100x30 -- postern usage --account acme --plot --from 90d
    [ "$status" -eq 0 ]
    [[ "$output" == *'calls per 2'[4-8]' hours'* || "$output" == *'calls per 24 hours'* ]]
    run postern usage --account acme --plot --json
    [ "$status" -eq 2 ]
}

@test "top shows the busiest once, for scripts" {
    try postern top --once
    [ "$status" -eq 0 ]
    [[ "$output" == *ACCOUNT*CALLS/S*CALLS*REFUSED*SHARE* ]]
    [[ "$output" =~ acme\ +-\ +6\ +2\ +33.3\ % ]]
    call top --once --keys
    done_so ".keys[0].key_id == \"$KEY_ID\" and .keys[0].calls == 6 and .keys[0].calls_per_s == null"
}

@test "top counts calls per second from look to look, one object a line" {
    local looks=$BATS_TEST_TMPDIR/looks n
    postern top --json --interval 200ms >"$looks" 3>&- &
    local top=$!
    poll 60 test -s "$looks"
    for ((n = 0; n < 5; n++)); do postern verify - <<<"$TOKEN" >/dev/null || true; done
    poll 60 grep -q '"calls": 11,' "$looks"
    kill -INT "$top"
    wait "$top" # a clean exit
    # All five are seen, by second times seconds.
    jq -se '[.[] | select(.interval_ms != null) | .calls_per_s * .interval_ms / 1000] | add
        | . > 4.9 and . < 5.1' "$looks"
    jq -se '[.[].accounts[] | select(.calls_per_s != null) | .calls_per_s] | max > 0' "$looks"
}

@test "top redraws in place, switches by a key and leaves the terminal as it was" {
    on_terminal 80x10 'see:SHARE' 'type:k' "see:$KEY_ID" 'type:a' 'see:ACCOUNT  ' 'type:q' -- postern top
    [ "$status" -eq 0 ]
    [[ "$output" == *$'\e[H\e[J'* ]]
    on_terminal 80x10 'see:SHARE' 'type:\x03' -- postern top --keys
    [ "$status" -eq 0 ]
    on_terminal 80x10 'see:SHARE' 'signal:SIGTERM' -- postern top
    [ "$status" -eq 0 ]
    TERM=dumb try postern top --count 1
    [[ "$output" != *$'\e'* ]]
}

@test "top on a terminal waits for a posternd that is started again; elsewhere it fails" {
    own_daemon
    on_terminal 80x10 'see:Nobody' 'signal:SIGCONT' 'see:calls/s' 'type:q' -- postern top
    [ "$status" -eq 0 ]
    stop_daemon
    try postern top --timeout 200ms
    [ "$status" -eq 3 ]
    [[ "$stderr" == *'cannot reach posternd'* ]]
    on_terminal 80x10 'see:no answer' 'type:q' -- postern top --timeout 200ms
    [ "$status" -eq 0 ]
}

@test "top says what it does not understand" {
    local wrong
    for wrong in '--interval 1ms' '--interval soon' '--count x' '--rows 1000' '--once --count 2'; do
        # shellcheck disable=SC2086 # several words
        try postern top $wrong
        [ "$status" -eq 2 ]
        [[ "$stderr" == *"${wrong%% *}"* ]]
    done
}

@test "X6 operators and the account's own administrators see the usage of a deleted key" {
    postern account put gone --no-default-public-key >/dev/null
    make_key gone k
    use
    done_so .allowed
    call delete "$KEY_ID"
    done_so
    call usage --key "$KEY_ID"
    done_so '[.buckets[].reasons[] | select(.name == "ALLOWED") | .value] | add == 1'
    local deleted=$KEY_ID
    make_key gone admin --scope postern:account-admin
    as "$TOKEN" usage --key "$deleted"
    done_so '[.buckets[].reasons[] | select(.name == "ALLOWED") | .value] | add == 1'
    postern account put stranger --no-default-public-key >/dev/null
    make_key stranger admin --scope postern:account-admin
    as "$TOKEN" usage --key "$deleted"
    failed NOT_FOUND get_usage.key_id
}
