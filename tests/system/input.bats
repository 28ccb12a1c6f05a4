#!/usr/bin/env bats
# What people type, paste and pipe: many tokens, dates, white space, words.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/keys

bats_require_minimum_version 1.5.0

setup_file() {
    start_daemon
    postern tier put free --limit requests=100/min --limit productions=5/day --default
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
}

# says TEXT: the words of the last command have it.
says() {
    [[ "$stderr" == *"$1"* ]] || { echo "exit status $status, it said: $output $stderr"; return 1; }
}

misused() {
    try postern "$@"
    [ "$status" -eq 2 ] || { echo "exit status $status: $output $stderr"; return 1; }
    [ -z "$output" ]
}

# TOKENS and IDS of so many keys of the account.
keys() {
    local n
    TOKENS=() IDS=()
    for n in $(seq "$1"); do
        make_key "$ACCOUNT" "key-$n"
        TOKENS+=("$TOKEN") IDS+=("$KEY_ID")
    done
}

# ------------------------------------------------------------------------------------------------------ many tokens

@test "of many tokens revoke takes all, says so of each, and fails when one fails" {
    keys 3
    try postern revoke --token - --reason leaked < <(printf '%s\n\n' "${TOKENS[0]}" nonsense "${TOKENS[1]}")
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 3 ]
    [[ "${lines[0]}" == "revoked ${IDS[0]} "* ]]
    [[ "${lines[1]}" == "token 2: NOT_FOUND: "* ]]
    [[ "${lines[2]}" == "revoked ${IDS[1]} "* ]]
    for TOKEN in "${TOKENS[@]:0:2}"; do
        refused REVOKED_API_KEY 401
    done
    TOKEN=${TOKENS[2]}
    allowed
    try postern revoke --token - --json < <(printf '%s\n' "${TOKENS[2]}" nonsense)
    [ "$status" -eq 1 ]
    jq -se '.[0].key.state == "REVOKED" and .[1].error.code == "NOT_FOUND"' <<<"$output"
    try postern revoke --token - < <(printf '%s\n' "${TOKENS[@]}")
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 3 ]
}

@test "where no token comes by standard input, each command is misused in the same words" {
    local words input
    for words in "verify -" "get --token -" "revoke --token -" "ratecheck --api-key - --charge requests" \
        "verify --batch"; do
        for input in '' ' ' $'\n\n'; do
            # Each line of a batch has its answer.
            [[ "$words" != *--batch || -z "$input" ]] || continue
            # shellcheck disable=SC2086 # words
            misused $words < <(printf %s "$input")
            [[ "$stderr" == *'no token came by standard input: give it there, printf %s "$TOKEN" | postern '* ]]
        done
    done
}

@test "no token, one that is none, or a version of many: revoke is misused and revokes nothing" {
    keys 2
    misused revoke --token - </dev/null
    misused revoke --token - < <(printf '%s\n\0\n' "${TOKENS[0]}")
    misused revoke --token - --if-version 3 < <(printf '%s\n' "${TOKENS[@]}")
    TOKEN=${TOKENS[0]}
    allowed
}

@test "revoking many stops when the daemon cannot be asked, and says which are left" {
    try postern revoke --token - --url ipc:///tmp/there-is-no.sock --timeout 100ms < <(printf '%s\n' one two three)
    [ "$status" -eq 3 ]
    says "tokens 2 to 3 were not revoked"
}

@test "of many tokens verify answers each on its line" {
    keys 2
    try postern verify - < <(printf '%s\n' "${TOKENS[0]}" nonsense "${TOKENS[1]}")
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 3 ]
    [[ "${lines[0]}" == "ALLOWED ${IDS[0]} "* && "${lines[2]}" == "ALLOWED ${IDS[1]} "* ]]
    [[ "${lines[1]}" == "INVALID_API_KEY: "* ]]
    try postern verify - --json < <(printf '%s\n' "${TOKENS[@]}")
    [ "$status" -eq 0 ]
    jq -se 'map(.allowed) == [true, true]' <<<"$output"
    misused verify - --charge-id 0123456789abcdef0123456789abcdef < <(printf '%s\n' "${TOKENS[@]}")
    TOKEN=${TOKENS[0]}
    verify
    answer '[.meters[] | select(.resource == "requests")][0].remaining == 96'
}

@test "many tokens are misuse where the question is about one" {
    keys 2
    misused ratecheck --api-key - --charge productions < <(printf '%s\n' "${TOKENS[@]}")
    says "2 tokens"
    misused get --token - < <(printf '%s\n' "${TOKENS[@]}")
    says "2 tokens"
    call ratecheck --account "$ACCOUNT" --charge productions --peek
    answer '.meters[0].remaining == 5'
    try postern ratecheck --api-key - --charge productions < <(printf '%s\n\n' "${TOKENS[0]}")
    [ "$status" -eq 0 ]
}

# ------------------------------------------------------------------------------------------------------------ times

@test "a date that does not exist is refused by its name, wherever a time is read" {
    make_key "$ACCOUNT"
    local command
    for command in "create --account $ACCOUNT --name x --expires" "update $KEY_ID --expires" "list --older-than" \
        "list --expires-within" "list --not-rolled-since" "usage --account $ACCOUNT --from" \
        "usage --account $ACCOUNT --to" "usage --unusual --at" "audit --from" "audit --to" \
        "account revoke-all $ACCOUNT --created-before"; do
        # shellcheck disable=SC2086 # words
        misused $command 2027-02-31T00:00:00Z
        says "there is no 31 February 2027, which has 28 days"
        # shellcheck disable=SC2086
        misused $command 2027-01-31T00:00:61Z
        says "there is no second 61"
    done
    try postern import --account "$ACCOUNT" --name x \
        <<<'{"token": "a-token-of-another-system", "expires": "2027-04-31"}'
    [ "$status" -eq 1 ]
    says "there is no 31 April 2027"
    allowed
}

@test "a date without a zone is taken in UTC, which is said" {
    try postern create --account "$ACCOUNT" --name x --expires 2040-01-31 --json
    answer '.key.expires_at_ms == 2211580800000'
    says '"2040-01-31" is in UTC: 2040-01-31T00:00:00Z'
    try postern create --account "$ACCOUNT" --name x --expires "2040-01-31 12:00:00" --json
    answer '.key.expires_at_ms == 2211624000000'
    says 'in UTC: 2040-01-31T12:00:00Z'
    try postern create --account "$ACCOUNT" --name x --expires 2040-01-31T12:00:00Z --json
    answer '.key.expires_at_ms == 2211624000000'
    [ -z "$stderr" ]
}

@test "an import says once that a time without a zone is in UTC" {
    local token
    token=sk_old_$(fresh_id | tr -cd 'a-z0-9')0123456789
    try postern import --account "$ACCOUNT" --name n <<END
token,expires
${token}a,2037-01-31T12:00:00Z
${token}b,2037-01-31 12:00
${token}c,2037-02-01
END
    [ "$status" -eq 0 ]
    [ "$stderr" = "postern import: line 3: expires names no zone and is in UTC: 2037-01-31T12:00:00Z" ]
}

@test "never and weeks are times, and weeks are windows too" {
    call create --account "$ACCOUNT" --name x --expires 2w
    answer '.key | .expires_at_ms - .created_at_ms | . > 1209000000 and . <= 1209600000'
    KEY_ID=$(field .key.key_id)
    call update "$KEY_ID" --expires never
    done_so '.key.expires_at_ms == 0'
    call create --account "$ACCOUNT" --name x --expires never
    done_so '.key.expires_at_ms == 0'
    call create --account "$ACCOUNT" --name x --limit productions=3/2w
    done_so '.key.limits[0].window_s == 1209600'
    roll_key "$KEY_ID" --grace 2weeks
    answer '.predecessor.expires_at_ms - .key.created_at_ms == 1209600000'
    call list --older-than 2w
    done_so
    misused list --older-than never
    says "leave the option out"
}

@test "no message shows milliseconds" {
    make_key "$ACCOUNT"
    try postern roll "$KEY_ID" --grace 31d
    [ "$status" -eq 1 ]
    says "--grace is longer than 30 days"
    [[ "$stderr" != *000* ]]
    try postern create --account "$ACCOUNT" --name x --expires 2020-01-01T00:00:00Z
    says "2020-01-01T00:00:00Z is in the past (now is 20"
    says "(--expires)"
    try postern account revoke-all "$ACCOUNT" --created-before 2040-01-01T00:00:00Z
    says "2040-01-01T00:00:00Z is in the future"
    roll_key "$KEY_ID"
    try postern update "$(field .predecessor.key_id)" --expires never
    says "stops working at 20"
    [[ ! "$stderr" =~ [0-9]{12} ]]
}

# ------------------------------------------------------------------------------------------------------ white space

@test "white space that a file, a variable or echo adds behind a token does not count" {
    make_key "$ACCOUNT" ops --scope postern:account-admin
    try postern verify - --peek < <(printf '%s \t\r\n\n' "$TOKEN")
    [ "$status" -eq 0 ]
    POSTERN_TOKEN=$TOKEN$'\r\n' try postern verify --peek
    [ "$status" -eq 0 ]
    as "$TOKEN"$' \n' get "$KEY_ID"
    done_so
    try postern ratecheck --api-key - --charge productions < <(printf '%s \n' "$TOKEN")
    [ "$status" -eq 0 ]
    try postern revoke --token - < <(printf '%s\r\n' "$TOKEN")
    [ "$status" -eq 0 ]
}

@test "a token with white space or Bearer before it is refused with that hint, and is not shown" {
    make_key "$ACCOUNT"
    local given
    local hint
    for given in " $TOKEN" $'\xEF\xBB\xBF'"$TOKEN" $'\t'"$TOKEN" "${TOKEN:0:20} ${TOKEN:20}" "$TOKEN"$'\xC2\xA0' \
        $'\xE2\x80\x8B'"$TOKEN"; do
        hint="has white space"
        [[ "$given" != $'\xEF\xBB\xBF'* ]] || hint="has a byte order mark"
        try postern verify - <<<"$given"
        [ "$status" -eq 1 ]
        [[ "$output" == "INVALID_API_KEY: "*"(the token $hint)" ]]
        [[ "$output$stderr" != *"${TOKEN:20}"* ]]
    done
    for given in "Bearer $TOKEN" "bearer $TOKEN"; do
        try postern verify - <<<"$given"
        [[ "$output" == "INVALID_API_KEY: "*"(the token begins with Bearer)" ]]
    done
    try postern verify - <<<nonsense
    [[ "$output" != *"(the token"* ]]
    try postern verify --batch < <(printf '%s\n' "Bearer $TOKEN" "$TOKEN")
    [[ "${lines[0]}" == *"(the token begins with Bearer)" && "${lines[1]}" == "ALLOWED "* ]]
    try postern ratecheck --api-key - --charge productions <<<" $TOKEN"
    [[ "$output" == "INVALID_API_KEY: "*"(the token has white space)" ]]
    try postern revoke --token - <<<"Bearer $TOKEN"
    says "begins with Bearer"
    POSTERN_API_KEY="Bearer $TOKEN" try postern get "$KEY_ID"
    says "begins with Bearer"
    wire "verify { api_key: \"$TOKEN\\n\" }"
    answer '.status.details == [{"key": "key_id", "value": "'"$KEY_ID"'"}, {"key": "hint", "value": "has white space"}]'
    wire "verify { api_key: \"Bearer $TOKEN\" }"
    answer '.status.details == {"key": "hint", "value": "begins with Bearer"}'
}

@test "what a refusal has beside its reason is in JSON too, of verify, of each token of many, and of ratecheck" {
    postern scope put read
    make_key "$ACCOUNT"
    local bearer="Bearer $TOKEN" space=" $TOKEN"
    TOKEN=$bearer
    verify
    answer '.reason == "INVALID_API_KEY" and .details == [{"key": "hint", "value": "begins with Bearer"}]'
    try postern verify - --batch --json < <(printf '%s\n' "$bearer")
    answer '.details == [{"key": "hint", "value": "begins with Bearer"}]'
    try postern ratecheck --api-key - --charge productions --json <<<"$space"
    answer '.reason == "INVALID_API_KEY" and any(.details[]; . == {"key": "hint", "value": "has white space"})'
    TOKEN=${bearer#Bearer }x # its id can be read, but it is not the token
    verify
    answer ".key_id == \"$KEY_ID\" and .details == [{\"key\": \"key_id\", \"value\": \"$KEY_ID\"}]"
    try postern ratecheck --api-key - --charge productions --json <<<"$TOKEN"
    answer ".details == [{\"key\": \"key_id\", \"value\": \"$KEY_ID\"}]"
    make_key "$ACCOUNT"
    postern roll "$KEY_ID" --grace 0 >/dev/null 2>&1
    verify
    answer '.reason == "EXPIRED_API_KEY" and .expires_at_ms > 0 and .details[0].key == "expired_at"'
    try postern ratecheck --api-key - --charge productions --json <<<"$TOKEN"
    answer '.reason == "EXPIRED_API_KEY" and (.details[0] | .key == "expired_at" and (.value | startswith("20")))'
    try postern ratecheck --key "$KEY_ID" --charge productions --json
    answer '.reason == "EXPIRED_API_KEY" and .details[0].key == "expired_at"'
    make_key "$ACCOUNT" later --not-before 2h
    try postern ratecheck --api-key - --charge productions --json <<<"$TOKEN"
    answer '.reason == "NOT_YET_VALID_API_KEY" and .details[0].key == "not_before"'
    make_key "$ACCOUNT"
    verify
    answer '.allowed and (has("details") | not)'
}

# ------------------------------------------------------------------------------------------------------------ words

@test "messages name the options that were given, not the fields of the protocol" {
    try postern usage
    [ "$status" -eq 1 ]
    says "say whose: --account ID, or --key KEY_ID"
    try postern create --account "$ACCOUNT" --name x --scope no-such-scope
    says '(--scope "no-such-scope")'
    try postern get key_zzzzzzzzzzzzzzz
    says "KEY_ID is not a key id"
    try postern create --account "$ACCOUNT" --name x --prefix Capital
    says "--prefix is not a prefix"
    call usage
    failed INVALID_ARGUMENT get_usage.subject
}

@test "how long to wait is said in words" {
    postern account put "$ACCOUNT" --no-default-public-key --limit requests=1/day >/dev/null
    make_key "$ACCOUNT"
    postern verify - <<<"$TOKEN"
    try postern verify - <<<"$TOKEN"
    [ "$status" -eq 1 ]
    [[ "${lines[-1]}" =~ ^retry\ in\ ([0-9]+\ h(\ [0-9]+\ min)?|[0-9]+\ min(\ [0-9]+\ s)?|[0-9]+\.[0-9]\ s)$ ]]
}

@test "the first word of a command alone lists what may follow" {
    misused account
    says "Give one more word"
    says "account suspend "
    misused account suspent
    says 'there is no command "account suspent"'
    make_key "$ACCOUNT"
    misused "$TOKEN"
    [[ "$stderr" != *"$TOKEN"* ]]
}

@test "scopes that are always there can be looked at" {
    try postern scope get admin
    [ "$status" -eq 0 ]
    [[ "$output" == "scope admin (always there: "* ]]
    call scope get postern:operator
    done_so '.scope.scope == "postern:operator" and (.scope.description | length > 0)'
    try postern scope get no-such-scope
    [ "$status" -eq 1 ]
}

@test "an option that has one value is refused when it is given twice, by posternd too" {
    misused create --account "$ACCOUNT" --name a --name b
    says "--name is given more than once"
    misused verify - --peek --peek
    says "--peek is given more than once"
    try posternd --data /a --data /b
    [ "$status" -eq 2 ]
    says "--data is given more than once"
    try posternd --config /a --config /b
    [ "$status" -eq 2 ]
    says "--config is given more than once"
}
