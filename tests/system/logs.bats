#!/usr/bin/env bats
# The log: its formats, the decisions in it, and what is never in it.

load ../support/keys

TRACE=4bf92f3577b34da6a3ce929d0e0e4736

setup() {
    note_failures_only
    make_home
}

teardown() {
    drop_daemon
}

furnish() {
    postern tier put free --limit requests=5/day --default
    postern account put acme
    make_key acme
}

# ask [TEXT]: Verify of TOKEN with a trace; TEXT is what the request has beside it.
ask() {
    wire "traceparent: \"00-$TRACE-00f067aa0ba902b7-01\" verify { api_key: \"$TOKEN\" } ${1-}"
}

# says COUNT PATTERN: so many lines of the log have it.
says() {
    [ "$(grep -cE "$2" "$DAEMON_LOG")" -eq "$1" ] && return 0
    cat "$DAEMON_LOG"
    return 1
}

@test "the access log has every refusal and one of so many allowed calls, with key, reason and trace" {
    local i
    noon_now
    start_daemon --access-log 3 --log-level info
    furnish
    for i in 1 2 3 4 5 6 7 8; do
        ask
    done
    postern verify --peek - <<<"$TOKEN" >/dev/null || true # is no decision
    printf nonsense | postern verify - >/dev/null || true
    local line="info decision call=verify reason=%s key=$KEY_ID account=acme caller=uid:$(id -u) trace=$TRACE\$"
    says 2 "$(printf "$line" ALLOWED)"
    says 3 "$(printf "$line" RATE_LIMITED)"
    says 1 "info decision call=verify reason=INVALID_API_KEY caller=uid:$(id -u)\$"
    says 6 decision
}

@test "refusals alone, everything, or nothing is logged, and a SIGHUP changes it" {
    noon_now
    local file=$DAEMON_HOME/posternd.yaml
    echo 'access_log: refusals' >"$file"
    start_daemon --config "$file"
    furnish
    ask
    TOKEN=nonsense ask
    says 1 'info decision call=verify reason=INVALID_API_KEY'
    says 1 decision
    printf '%s\n' 'access_log: all' 'log_format: logfmt' >"$file"
    kill -HUP "$DAEMON_PID"
    poll 60 grep -q 'message=reloaded' "$DAEMON_LOG"
    printf '%s\n%s\n' "$TOKEN" "$TOKEN" | postern verify --batch >/dev/null
    ask
    says 2 'level=info message=decision call=verify_batch reason=ALLOWED'
    says 1 'level=info message=decision call=verify reason=ALLOWED'
    echo 'access_log: off' >"$file"
    kill -HUP "$DAEMON_PID"
    poll 60 grep -q 'info reloaded' "$DAEMON_LOG"
    ask
    says 4 decision
}

@test "every line is an object of JSON, or pairs of logfmt, where it is asked for" {
    start_daemon --log-format json --access-log all
    furnish
    ask
    wire 'verify { api_key: "a" scopes: "no scope" }'
    postern ratecheck --account nobody --charge requests || true
    stop_daemon
    [ "$(wc -l <"$DAEMON_LOG")" -ge 6 ]
    jq -es 'all(.[]; (.time | test("^20[0-9-]+T[0-9:.]+Z$")) and (.level | length > 3) and (.message | length > 3))' \
        "$DAEMON_LOG"
    jq -es "any(.[]; .message == \"decision\" and .key == \"$KEY_ID\" and .trace == \"$TRACE\")" "$DAEMON_LOG"
    jq -es 'any(.[]; .level == "debug" and .status == "NOT_FOUND" and .field == "rate_check.account")' "$DAEMON_LOG"
    : >"$DAEMON_LOG"
    start_daemon --log-format logfmt
    stop_daemon
    [ "$(grep -cvE '^time=[^ ]+ level=(info|warning|debug) message=([^" ]+|"[^"]+")( |$)' "$DAEMON_LOG")" -eq 0 ]
    says 1 'level=info message="ready: listening on '
}

@test "debug says which calls fail, and no level or format what callers have sent" {
    local format
    for format in text logfmt json; do
        start_daemon --log-format "$format" --access-log all --log-level debug
        [ "$format" != text ] || furnish
        ask
        wire "verify { api_key: \"$TOKEN\" account: \"$TOKEN\" }"
        wire "traceparent: \"$TOKEN\" verify { api_key: \"$TOKEN\" }"
        wire "credential: \"$TOKEN\" stats {}"
        wire "rate_check { account: \"$TOKEN\" }"
        wire "verify { api_key: \"$TOKEN\" scopes: \"$TOKEN\" charges { resource: \"$TOKEN\" cost: 1 } }"
        wire "get { key_id: \"$TOKEN\" }"
        postern list --account "$TOKEN" || true
        printf %s "$TOKEN" | postern verify --charge "$TOKEN" - || true
        stop_daemon
    done
    says 3 'debug.*call failed.*status.*PERMISSION_DENIED.*caller.*'"$KEY_ID"
    # drop_daemon looks for the token.
}

@test "every test with a daemon finds a token in a log, a public one excepted" {
    local made
    start_daemon
    made=$(postern tier put free --default && postern account put acme 2>&1)
    make_key acme
    stop_daemon
    [[ "$made" == *_pub_test_* ]]
    echo "$made" >>"$DAEMON_LOG"
    nothing_logged
    echo "look: $TOKEN" >"$DAEMON_HOME/other.log"
    run nothing_logged
    rm "$DAEMON_HOME/other.log"
    [ "$status" -eq 1 ]
    [[ "$output" == *other.log:postern_test_* && "$output" != *"$TOKEN"* ]]
}
