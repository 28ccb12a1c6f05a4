#!/usr/bin/env bats
# A change whose reply is lost is repeated, and is one change; what answers the repetition can be read by nobody else.

load ../support/keys

setup() {
    note_failures_only
    HELPERS=()
    start_daemon
    postern tier put free --limit requests=100/min --default
    postern account put acme --no-default-public-key
}

teardown() {
    local pid
    for pid in "${HELPERS[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    drop_daemon
}

# stand_between LOST [PID]: a proxy at PROXY_URL that loses the first replies, and kills the process with the first one.
stand_between() {
    PROXY_URL=ipc://$DAEMON_HOME/run/proxy.sock
    PROXY_LOG=$DAEMON_HOME/proxy
    setpriv --pdeathsig KILL python3 "$SUPPORT/proxy.py" "${PROXY_URL#ipc://}" "$DAEMON_SOCKET" "$@" \
        >"$PROXY_LOG" 2>&1 3>&- &
    HELPERS+=($!)
    poll 60 grep -q ready "$PROXY_LOG"
}

lost() {
    [ "$(grep -c 'lost a reply' "$PROXY_LOG")" -eq "$1" ]
}

# one_key NAME: the account has one key of this name, TOKEN is its token, and the audit chain knows one creation.
one_key() {
    call list --account acme
    done_so "[.keys[] | select(.name == \"$1\")] | length == 1"
    KEY_ID=$(field ".keys[] | select(.name == \"$1\") | .key_id")
    allowed
    answer ".key_id == \"$KEY_ID\""
    call audit --key "$KEY_ID"
    [ "$(jq -r .what <<<"$output")" = create ]
}

@test "the connection is cut between commit and reply: the retry gives the token, and one key exists" {
    stand_between 3
    TOKEN=$(postern create --account acme --name once --url "$PROXY_URL")
    note_token "$TOKEN"
    lost 3
    one_key once
}

@test "the same with a client that is not ours" {
    stand_between 2
    TOKEN=$(python3 "$SUPPORT/client.py" "$PROXY_URL" create acme once | head -n 1)
    note_token "$TOKEN"
    lost 2
    one_key once
}

@test "the daemon is killed between commit and reply: the retry gives the token, and one key exists" {
    stand_between 1 "$DAEMON_PID"
    postern create --account acme --name once --url "$PROXY_URL" --timeout 60s >"$DAEMON_HOME/made" 3>&- &
    local client=$!
    poll 60 lost 1
    poll 60 gone "$DAEMON_PID"
    alive "$client"
    start_daemon
    wait "$client"
    TOKEN=$(cat "$DAEMON_HOME/made")
    note_token "$TOKEN"
    one_key once
    stop_daemon
    posternd --check "$DAEMON_DATA"
}

@test "a roll and an import whose replies are lost happen once" {
    make_key acme rolled
    local old_id=$KEY_ID
    stand_between 2
    TOKEN=$(postern roll "$old_id" --url "$PROXY_URL")
    note_token "$TOKEN"
    lost 2
    allowed
    call get "$old_id"
    done_so '.key.state == "ROLLING"'
    call list --account acme
    done_so '.keys | length == 2'
    kill "${HELPERS[@]}"
    rm "${PROXY_URL#ipc://}"
    stand_between 2
    note_token a-token-of-elsewhere
    try postern import --url "$PROXY_URL" --json \
        <<<'{"token": "a-token-of-elsewhere", "account": "acme", "name": "moved"}'
    done_so '.imported == 1 and .skipped == 0' # as the first answer was
    lost 2
    call list --account acme
    done_so '.keys | length == 3'
}

@test "a charge whose answer is lost is repeated, and charged once" {
    make_key acme
    stand_between 2
    try postern verify - --charge requests=10 --url "$PROXY_URL" --json <<<"$TOKEN"
    done_so '.allowed and .meters[0].remaining == 90'
    lost 2
    verify
    answer '.meters[0].remaining == 90'
    kill "${HELPERS[@]}"
    rm "${PROXY_URL#ipc://}"
    stand_between 2
    call ratecheck --account acme --charge requests=20 --url "$PROXY_URL"
    done_so '.allowed and .meters[0].remaining == 70'
    lost 2
    verify
    answer '.meters[0].remaining == 70'
}

@test "nobody else gets anything of it: the same request_id is another one from another caller" {
    make_key postern operator --scope postern:operator
    local operator=$TOKEN id ask other
    id=$(fresh_id)
    ask="request_id: \"$id\" create { account: \"acme\" name: \"mine\" }"
    wire "$ask"
    TOKEN=$(field .create.api_key)
    KEY_ID=$(field .create.key.key_id)
    note_token "$TOKEN"
    # The same caller gets the same again, and for nothing else.
    wire "$ask"
    answer ".create.api_key == \"$TOKEN\" and .create.key.key_id == \"$KEY_ID\""
    wire "request_id: \"$id\" create { account: \"acme\" name: \"other\" }"
    [ "$status" -eq 2 ]
    answer '.status.code == 6 and (tostring | contains("'"$TOKEN"'") | not)'
    # Another one, with the same authority, makes a key of his own.
    POSTERN_API_KEY=$operator wire "$ask"
    other=$(field .create.api_key)
    note_token "$other"
    [ "$other" != null ]
    [ "$other" != "$TOKEN" ]
    answer ".create.key.key_id != \"$KEY_ID\""
    [[ "$output" != *"$TOKEN"* ]]
    # And one without authority gets a refusal, as does one who has lost it since.
    make_key acme plain
    POSTERN_API_KEY=$TOKEN wire "$ask"
    answer '.status.code == 7 and (.create | not)'
    call list --account postern
    postern revoke "$(field '.keys[0].key_id')"
    POSTERN_API_KEY=$operator wire "$ask"
    answer '.status.code == 16 and (.create | not)'
}

@test "a refused change is not remembered: the same request_id may come again" {
    local id
    id=$(fresh_id)
    wire "request_id: \"$id\" create { account: \"later\" name: \"n\" }"
    answer '.status.code == 5'
    postern account put later --no-default-public-key
    wire "request_id: \"$id\" create { account: \"later\" name: \"n\" }"
    [ "$status" -eq 0 ]
    note_token "$(field .create.api_key)"
}

@test "what answers a repetition survives a restart, and nothing readable lies on the disk" {
    local id ask
    id=$(fresh_id)
    ask="request_id: \"$id\" create { account: \"acme\" name: \"kept\" }"
    wire "$ask"
    TOKEN=$(field .create.api_key)
    note_token "$TOKEN"
    kill_daemon
    nothing_at_rest
    start_daemon --log-level debug
    wire "$ask"
    answer ".create.api_key == \"$TOKEN\""
    stop_daemon
    nothing_at_rest
}

@test "the search for secrets on the disk finds one that is there" {
    make_key acme
    local body=${TOKEN##*_}
    stop_daemon
    nothing_at_rest
    printf 'junk%sjunk' "$TOKEN" >"$DAEMON_DATA/leak"
    run nothing_at_rest
    [ "$status" -eq 1 ]
    [[ "$output" == *leak* ]]
    [[ "$output" != *"${body:15:43}"* ]]
    printf '%s' "${body:15:43}" >"$DAEMON_DATA/leak"
    run nothing_at_rest
    [ "$status" -eq 1 ]
    printf '%s' "$TOKEN" | sha256sum | cut -c 1-64 | tr -d '\n' >"$DAEMON_DATA/leak"
    run nothing_at_rest
    [ "$status" -eq 1 ]
    rm "$DAEMON_DATA/leak"
    nothing_at_rest
}

# in_memory: how many of the lines on standard input are in the daemon's memory.
in_memory() {
    python3 "$SUPPORT/in_memory.py" "$DAEMON_PID"
}

@test "tokens that were made and presented do not stay in the daemon's memory" {
    local i tokens=$BATS_TEST_TMPDIR/tokens
    for i in {1..50}; do
        postern create --account acme --name "k$i" 2>/dev/null
    done >"$tokens"
    [ "$(sort -u "$tokens" | wc -l)" -eq 50 ]
    postern verify --batch <"$tokens" >/dev/null
    postern verify - <<<"$(head -n 1 "$tokens")" >/dev/null
    [ "$(in_memory <"$tokens")" -eq 0 ]
    # What it does hold is found.
    [ "$(in_memory <<<"$POSTERN_URL")" -eq 1 ]
}

@test "a daemon that is aborted leaves no core file" {
    make_key acme
    [ "$(awk '/^Max core file size/ { print $5 }' "/proc/$DAEMON_PID/limits")" -le 1 ]
    end_daemon ABRT
    [ "$DAEMON_STATUS" -ne 0 ]
    [ -z "$(find . "$DAEMON_HOME" -maxdepth 1 -name 'core*' -type f -newer "$DAEMON_TOKENS")" ]
}
