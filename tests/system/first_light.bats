#!/usr/bin/env bats
# The main job through the command line tool: tiers, accounts, keys, decisions, limits.

load ../support/daemon

setup_file() {
    noon_now
    start_daemon
    postern tier put free --limit requests=10/min --limit requests=100/day --limit productions=3/day --default
    postern tier put standard --limit requests=60/min --limit requests=2000/day --limit productions=20/day
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
}

meter() {
    printf '[.meters[] | select(.resource == "%s" and .window_s == %s)] | length == 1 and (.[0] | %s)' "$1" "$2" "$3"
}

verify() {
    try postern verify - "$@" --json <<<"$TOKEN"
}

# spend N: N requests are allowed.
spend() {
    local n
    for n in $(seq "$1"); do
        postern verify - <<<"$TOKEN" >/dev/null || { echo "request $n of $1 was refused"; return 1; }
    done
}

@test "K1 a key is created at once, with a descriptive name and the scopes that were chosen, and is allowed" {
    postern account put "$ACCOUNT"
    postern scope put ingest
    postern scope put export
    try postern create --account "$ACCOUNT" --name "Nightly ingest" --scope ingest --json
    [ "$status" -eq 0 ]
    answer '.key | .name == "Nightly ingest" and .state == "ACTIVE" and .environment == "TEST" and .type == "SECRET"'
    TOKEN=$(jq -r .api_key <<<"$output")
    KEY_ID=$(jq -r .key.key_id <<<"$output")
    verify
    [ "$status" -eq 0 ]
    answer '.allowed and .reason == "ALLOWED" and .http_status == 200 and .key_name == "Nightly ingest"'
    answer ".account == \"$ACCOUNT\" and .key_id == \"$KEY_ID\" and .tier == \"free\""
    verify --scope ingest
    answer '.allowed and .scopes == ["ingest"]'
    verify --scope ingest --scope export
    answer '.reason == "INSUFFICIENT_SCOPE" and .missing_scopes == ["export"]'
}

@test "K3 the token is shown once: no other answer holds it, nor does any file of the daemon" {
    postern account put "$ACCOUNT"
    make_key "$ACCOUNT"
    run postern get "$KEY_ID" --json
    [ "$status" -eq 0 ]
    [[ "$output" != *"$TOKEN"* ]]
    run postern list --account "$ACCOUNT" --json
    [ "$status" -eq 0 ]
    answer ".keys | map(.key_id) | index(\"$KEY_ID\") != null"
    [[ "$output" != *"$TOKEN"* ]]
    # Nor the secret half of its body (characters 16 to 58).
    local body=${TOKEN##*_}
    run grep -rlaF -e "$TOKEN" -e "${body:15:43}" "$DAEMON_HOME"
    [ "$status" -eq 1 ]
}

@test "K4 an account has several keys, and revoking one leaves the others" {
    postern account put "$ACCOUNT"
    make_key "$ACCOUNT" one
    local first=$TOKEN first_id=$KEY_ID
    make_key "$ACCOUNT" two
    [ "$first_id" != "$KEY_ID" ]
    postern revoke "$first_id"
    verify
    answer '.allowed'
    TOKEN=$first
    verify
    [ "$status" -eq 1 ]
    answer '.reason == "REVOKED_API_KEY"'
}

@test "K5 the prefix tells product and environment" {
    postern account put "$ACCOUNT" --env test --env live
    make_key "$ACCOUNT" a --prefix jarai
    [[ "$TOKEN" =~ ^jarai_test_[0-9A-Za-z]{64}$ ]]
    make_key "$ACCOUNT" b --prefix jarai --env live
    [[ "$TOKEN" =~ ^jarai_live_[0-9A-Za-z]{64}$ ]]
    make_key "$ACCOUNT" c --prefix jsk --env live
    [[ "$TOKEN" =~ ^jsk_live_[0-9A-Za-z]{64}$ ]]
    verify --env test
    [ "$status" -eq 1 ]
    answer '.reason == "WRONG_ENVIRONMENT" and .http_status == 403'
    verify --env live
    answer '.allowed and .environment == "LIVE"'
}

@test "K6 an account that allows test keys alone gets no live key" {
    postern account put "$ACCOUNT"
    run postern create --account "$ACCOUNT" --name a --env live --json
    [ "$status" -eq 1 ]
    [[ "$output" == *FAILED_PRECONDITION* ]]
}

@test "K9 a key does not expire by itself, and one with an expiry is refused after it" {
    postern account put "$ACCOUNT"
    make_key "$ACCOUNT" lasting
    try postern get "$KEY_ID" --json
    answer '.key.expires_at_ms == 0'
    make_key "$ACCOUNT" short --expires 5s
    verify --peek
    answer '.allowed and .expires_at_ms > 0'
    poll 60 expired
    verify
    [ "$status" -eq 1 ]
    answer '.reason == "EXPIRED_API_KEY" and .http_status == 401'
}

expired() {
    ! postern verify - --peek <<<"$TOKEN"
}

@test "K11 revoked key is refused at once and for ever, with the reason kept" {
    postern account put "$ACCOUNT"
    make_key "$ACCOUNT"
    verify
    answer '.allowed'
    try postern revoke "$KEY_ID" --reason "left the company" --json
    [ "$status" -eq 0 ]
    answer '.key.state == "REVOKED" and .key.revoke_reason == "left the company" and .key.revoked_at_ms > 0'
    verify
    [ "$status" -eq 1 ]
    answer '(.allowed | not) and .reason == "REVOKED_API_KEY" and .http_status == 401'
    try postern get "$KEY_ID" --json
    answer '.key.state == "REVOKED"'
}

@test "K15 a leaked secret key is revoked by its token" {
    postern account put "$ACCOUNT"
    make_key "$ACCOUNT"
    try postern revoke --token - --json <<<"$TOKEN"
    [ "$status" -eq 0 ]
    answer ".key.key_id == \"$KEY_ID\" and .key.state == \"REVOKED\""
    verify
    answer '.reason == "REVOKED_API_KEY"'
}

@test "P3 a key of one account is refused for another" {
    postern account put "$ACCOUNT"
    make_key "$ACCOUNT"
    verify --account somebody-else
    [ "$status" -eq 1 ]
    answer '.reason == "WRONG_ACCOUNT" and .http_status == 403'
    verify --account "$ACCOUNT"
    answer '.allowed'
}

@test "L1 the tier Free allows 10 requests a minute and 3 productions a day" {
    postern account put "$ACCOUNT" --tier free
    make_key "$ACCOUNT"
    spend 10
    verify
    [ "$status" -eq 1 ]
    answer '.reason == "RATE_LIMITED" and .http_status == 429'
    verify --charge productions=3
    [ "$status" -eq 0 ]
    verify --charge productions
    [ "$status" -eq 1 ]
    answer '.reason == "RATE_LIMITED"'
}

@test "L1 the tier Free allows 100 requests a day, the tier Standard 60 a minute, 2000 a day and 20 productions" {
    postern account put "$ACCOUNT" --tier free
    make_key "$ACCOUNT"
    verify --peek
    answer "$(meter requests 60 '.limit == 10 and .remaining == 10')"
    answer "$(meter requests 86400 '.limit == 100 and .remaining == 100')"
    postern account put "$ACCOUNT" --tier standard
    verify --peek
    answer "$(meter requests 60 '.limit == 60 and .remaining == 60')"
    answer "$(meter requests 86400 '.limit == 2000 and .remaining == 2000')"
    verify --peek --charge productions
    answer "$(meter productions 86400 '.limit == 20')"
    spend 60
    verify
    answer '.reason == "RATE_LIMITED"'
}

@test "L3 the budget is shared by all keys of an account; more keys do not raise it" {
    local n
    local -a tokens
    postern account put "$ACCOUNT" --tier free
    for n in 1 2 3; do
        make_key "$ACCOUNT" "key-$n"
        tokens+=("$TOKEN")
    done
    for n in 0 1 2 0 1 2 0 1 2 0; do
        TOKEN=${tokens[n]}
        spend 1
    done
    for TOKEN in "${tokens[@]}"; do
        verify
        answer '.reason == "RATE_LIMITED"'
    done
}

@test "L4 minute and day hold together: a refusal by one charges neither" {
    postern account put "$ACCOUNT" --tier free
    make_key "$ACCOUNT"
    spend 10
    for _ in 1 2 3; do
        verify
        answer '.reason == "RATE_LIMITED"'
    done
    verify --peek
    answer "$(meter requests 60 '.remaining == 0')"
    answer "$(meter requests 86400 '.remaining == 90')"
}

@test "L4 a named limit stands beside the requests: one call charges both or neither" {
    postern account put "$ACCOUNT" --tier free
    make_key "$ACCOUNT"
    verify --charge requests --charge productions=2
    answer '.allowed'
    answer "$(meter requests 60 '.remaining == 9')"
    answer "$(meter productions 86400 '.remaining == 1')"
    verify --charge requests --charge productions=2
    [ "$status" -eq 1 ]
    answer '.reason == "RATE_LIMITED"'
    try postern ratecheck --account "$ACCOUNT" --charge requests --charge productions --peek --json
    answer "$(meter requests 60 '.remaining == 9')"
    answer "$(meter productions 86400 '.remaining == 1')"
}

@test "L5 every answer carries limit, remaining and reset; a refusal says when to come back" {
    local now
    postern account put "$ACCOUNT" --tier free
    make_key "$ACCOUNT"
    now=$(date +%s%3N)
    verify
    answer "$(meter requests 60 '.limit == 10 and .remaining == 9')"
    answer "$(meter requests 60 ".reset_at_ms > $now and .reset_at_ms < $now + 75000")"
    answer "$(meter requests 86400 ".limit == 100 and .remaining == 99 and .reset_at_ms > $now")"
    answer '.binding_meter >= 1 and (.meters[.binding_meter - 1] | .limit == 10)'
    spend 9
    verify
    answer '.reason == "RATE_LIMITED" and .retry_after_ms > 0 and .retry_after_ms <= 61000'
    answer '.meters[.binding_meter - 1] | .limit == 10 and .remaining == 0 and .retry_after_ms > 0'
}

@test "L5 an allowed call works again when the time that was named has come" {
    postern account put "$ACCOUNT" --tier free --limit requests=2/3s
    make_key "$ACCOUNT"
    status=0
    while [ "$status" -eq 0 ]; do # on a slow machine some of it comes back meanwhile
        verify
    done
    answer '.reason == "RATE_LIMITED" and .retry_after_ms > 0 and .retry_after_ms <= 3100'
    sleep "$(jq -r '.retry_after_ms / 1000' <<<"$output")" # that long is the promise
    spend 1
}

@test "L6 a new account starts on the tier marked default, and changing the tier acts at once" {
    try postern account put "$ACCOUNT" --json
    answer '.account.tier == "free"'
    make_key "$ACCOUNT"
    spend 10
    verify
    answer '.reason == "RATE_LIMITED"'
    postern account put "$ACCOUNT" --tier standard
    verify
    answer '.allowed'
    answer "$(meter requests 60 '.limit == 60 and .remaining == 49')" # what was spent stays spent
    postern account put "$ACCOUNT" --tier free
    verify
    answer '.reason == "RATE_LIMITED"'
}

@test "L2 an account's own limit replaces the tier's of the same resource and window" {
    postern account put "$ACCOUNT" --tier free --limit requests=3/min
    make_key "$ACCOUNT"
    spend 3
    verify
    answer '.reason == "RATE_LIMITED"'
    answer "$(meter requests 60 '.limit == 3')"
    answer "$(meter requests 86400 '.limit == 100 and .remaining == 97')"
}

@test "L7 unlimited is unlimited" {
    postern tier put boundless --limit requests=unlimited
    postern account put "$ACCOUNT" --tier boundless
    make_key "$ACCOUNT"
    spend 30
    verify
    answer '.allowed and (.meters[0] | .unlimited and .limit == 0)'
}

@test "RateCheck on productions charges the account and says what remains" {
    postern account put "$ACCOUNT" --tier free
    try postern ratecheck --account "$ACCOUNT" --charge productions --json
    [ "$status" -eq 0 ]
    answer '.allowed and .http_status == 200'
    answer "$(meter productions 86400 '.limit == 3 and .remaining == 2')"
    try postern ratecheck --account "$ACCOUNT" --charge productions --peek --json
    answer "$(meter productions 86400 '.remaining == 2')"
    try postern ratecheck --account "$ACCOUNT" --charge productions=3 --json
    [ "$status" -eq 1 ]
    answer '.reason == "RATE_LIMITED" and .http_status == 429 and .retry_after_ms > 0'
}

@test "E1 a wrong token is INVALID_API_KEY, no token MISSING_API_KEY, both 401" {
    TOKEN=acme_live_nonsense
    verify
    [ "$status" -eq 1 ]
    answer '(.allowed | not) and .reason == "INVALID_API_KEY" and .http_status == 401'
    POSTERN_TOKEN='' try postern verify --json
    [ "$status" -eq 1 ]
    answer '.reason == "MISSING_API_KEY" and .http_status == 401'
}

@test "a list is paged, in the order of the ids, and each key is in it once" {
    local n
    postern account put "$ACCOUNT"
    for n in 1 2 3 4 5; do
        make_key "$ACCOUNT" "key-$n"
    done
    try postern list --account "$ACCOUNT" --json
    [ "$status" -eq 0 ]
    answer '[.keys[].name | select(startswith("key-"))] | sort == ["key-1", "key-2", "key-3", "key-4", "key-5"]'
    answer '[.keys[].key_id] | . == unique'
}

@test "misuse of the command line tool is exit status 2 and says what to do" {
    run postern no-such-command
    [ "$status" -eq 2 ]
    [ -n "$output" ]
    run postern verify --no-such-option
    [ "$status" -eq 2 ]
    run postern tier put x --limit requests
    [ "$status" -eq 2 ]
    [[ "$output" == *requests* ]]
}

@test "no daemon: the command line tool fails, does not hang and does not say refused" {
    POSTERN_TIMEOUT=1s POSTERN_URL=ipc:///tmp/there-is-no.sock run timeout 60 postern verify - <<<abc
    [ "$status" -eq 3 ]
    [[ "$output" == *UNAVAILABLE* ]]
    [[ "$output" != *INVALID_API_KEY* ]]
}
