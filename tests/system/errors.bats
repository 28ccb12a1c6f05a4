#!/usr/bin/env bats
# Bad input, byte by byte: it is answered with what was wrong, or the connection closes; the daemon goes on.

load ../support/daemon

INVALID_ARGUMENT=3 NOT_FOUND=5 ALREADY_EXISTS=6 UNIMPLEMENTED=12
# Sixteen bytes, fresh for each test.
ID=$(printf '%08d%08d' "$RANDOM" "$RANDOM")

setup() {
    note_failures_only
}

setup_file() {
    noon_now
    start_daemon
    postern tier put free --limit requests=10/min --limit productions=3/day --limit forbidden=0/day --default
    postern account put acme
    make_key acme
    export TOKEN KEY_ID
}

teardown_file() {
    drop_daemon
}

# The daemon goes on after each of these: the same process answers, and decides as before.
teardown() {
    alive "$DAEMON_PID"
    postern verify - --peek <<<"$TOKEN"
}

# The bytes of standard input as a request; the reply's text, or the exit status of frames.py.
bytes() {
    local code=0
    python3 "$SUPPORT/frames.py" call "$DAEMON_SOCKET" >"$BATS_TEST_TMPDIR/reply" || code=$?
    output=
    status=$code
    [ "$code" -ne 0 ] || output=$(protocol decode Reply <"$BATS_TEST_TMPDIR/reply")
}

# each FILE...: a line in `lines` for each, of what became of its bytes as a request.
each() {
    try python3 "$SUPPORT/client.py" "$POSTERN_URL" each "$@"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq $# ]
}

# text REQUEST: in protobuf's text format.
text() {
    protocol encode Request <<<"$1" >"$BATS_TEST_TMPDIR/request"
    bytes <"$BATS_TEST_TMPDIR/request"
}

# has LINE: the reply's text has it.
has() {
    [[ $'\n'"$output"$'\n' == *$'\n'"$1"$'\n'* ]]
}

# failed CODE [FIELD]: the status has this code, names this field, and says something to people.
failed() {
    [ "$status" -eq 0 ] && has "  code: $1" && [[ "$output" == *$'\n  message: "'[^\"]* ]] &&
        { [ $# -lt 2 ] || has "  field: \"$2\""; } && return 0
    echo "wanted code $1 ${2:+and field $2}, got ($status): $output"
    return 1
}

# decided REASON: no failure, a refusal for this reason.
decided() {
    [ "$status" -eq 0 ] && [[ "$output" != *$'\n  code:'* && "$output" != *'allowed: true'* ]] &&
        has "  reason: REASON_$1" && return 0
    echo "wanted $1, got ($status): $output"
    return 1
}

succeeded() {
    [ "$status" -eq 0 ] && [[ "$output" != *$'\n  code:'* ]] && return 0
    echo "wanted success, got ($status): $output"
    return 1
}

# refused_or_closed: one of the answers to what cannot be read.
refused_or_closed() {
    [ "$status" -eq 3 ] || failed "$INVALID_ARGUMENT" || failed "$UNIMPLEMENTED"
}

letters() {
    head -c "$1" /dev/zero | tr '\0' a
}

@test "an empty body: no call" {
    bytes </dev/null
    failed "$INVALID_ARGUMENT"
}

@test "an envelope without a call" {
    text "request_id: \"$ID\" timeout_ms: 60000"
    failed "$INVALID_ARGUMENT"
}

@test "random bytes, many times" {
    local n
    cd "$BATS_TEST_TMPDIR"
    for n in {0..59}; do
        head -c $((RANDOM % 600 + 1)) /dev/urandom >"noise.$n"
    done
    each noise.{0..59}
    for n in {0..59}; do
        # Some noise is an envelope without a call, or one with unknown fields: every answer has a status all the same.
        [[ "${lines[n]}" =~ ^(closed|3|4|12|14|16)$ ]] || { echo "${lines[n]}"; od -tx1 "noise.$n"; return 1; }
    done
}

@test "a message that ends too early, at every length" {
    local size n begins=()
    cd "$BATS_TEST_TMPDIR"
    protocol encode Request <<<"request_id: \"$ID\" create { account: \"acme\" name: \"n\" }" >whole
    size=$(stat -c %s whole)
    for ((n = 1; n < size; n++)); do
        head -c "$n" whole >"begin.$n"
        begins+=("begin.$n")
    done
    each "${begins[@]}"
    for ((n = 1; n < size; n++)); do
        [ "${lines[n - 1]}" = "$INVALID_ARGUMENT" ] || { echo "the first $n bytes: ${lines[n - 1]}"; return 1; }
    done
}

@test "a frame of 1 MiB closes the connection" {
    bytes < <(head -c 1048576 /dev/zero)
    [ "$status" -eq 3 ]
}

@test "60 KiB of empty submessages" {
    # verify (tag 16) of 61440 bytes: 30720 times an empty charge (field 7).
    local before
    before=$(rss_anon_kib)
    bytes < <(printf '\x82\x01\x80\xe0\x03'; head -c 30720 /dev/zero | sed 's/\x00/\x3a\x00/g')
    failed "$INVALID_ARGUMENT"
    # put_tier (tag 51): the same of limits (field 2).
    bytes < <(printf '\x9a\x03\x80\xe0\x03'; head -c 30720 /dev/zero | sed 's/\x00/\x12\x00/g')
    failed "$INVALID_ARGUMENT"
    [ $(($(rss_anon_kib) - before)) -lt 32768 ]
}

@test "a NUL and control characters inside identifiers and names" {
    text "request_id: \"$ID\" put_account { account: \"ac\\000me\" }"
    failed "$INVALID_ARGUMENT" put_account.account
    text "request_id: \"$ID\" put_account { account: \"acme\\n\" }"
    failed "$INVALID_ARGUMENT" put_account.account
    text "request_id: \"$ID\" create { account: \"acme\" name: \"a\\033[2Jb\" }"
    failed "$INVALID_ARGUMENT" create.name
    text "request_id: \"$ID\" create { account: \"acme\" name: \"a\\000\" }"
    failed "$INVALID_ARGUMENT" create.name
    text "request_id: \"$ID\" create { account: \"acme\" name: \"\\302\\205\" }" # U+0085
    failed "$INVALID_ARGUMENT" create.name
}

@test "text that is not UTF-8" {
    # create (tag 32) { account: "acme" name: … }
    bytes < <(printf '\x0a\x10%s\x82\x02\x0b\x0a\x04acme\x12\x03a\xffb' "$ID")
    failed "$INVALID_ARGUMENT" create.name
    bytes < <(printf '\x0a\x10%s\x82\x02\x0b\x0a\x04acme\x12\x03\xed\xa0\x80' "$ID") # half of a surrogate pair
    failed "$INVALID_ARGUMENT" create.name
    bytes < <(printf '\x0a\x10%s\x82\x02\x0a\x0a\x04acme\x12\x02\xc0\x80' "$ID") # NUL in two bytes
    failed "$INVALID_ARGUMENT" create.name
}

@test "an unknown call is UNIMPLEMENTED" {
    bytes < <(printf '\xa2\x06\x00') # tag 100
    failed "$UNIMPLEMENTED"
}

@test "calls that are known and not built yet are answered" {
    text "request_id: \"$ID\" backup { name: \"b\" }"
    failed "$UNIMPLEMENTED"
}

@test "an unknown field of the envelope is ignored, one inside a call is refused" {
    bytes < <(printf '\x38\x01\x82\x04\x00') # field 7 of the envelope, health
    succeeded
    bytes < <(printf '\x82\x01\x03\x98\x06\x01') # field 99 of verify
    failed "$UNIMPLEMENTED" verify
    bytes < <(printf '\x82\x01\x05\x3a\x03\x98\x06\x01') # field 99 of verify.charges[0]
    failed "$UNIMPLEMENTED" 'verify.charges[0]'
}

@test "names of 0 and of 300 bytes" {
    text "request_id: \"$ID\" create { account: \"acme\" name: \"\" }"
    failed "$INVALID_ARGUMENT" create.name
    text "request_id: \"$ID\" create { account: \"acme\" name: \"$(letters 300)\" }"
    failed "$INVALID_ARGUMENT" create.name
    text "request_id: \"$ID\" put_account { account: \"\" }"
    failed "$INVALID_ARGUMENT" put_account.account
    text "request_id: \"$ID\" put_account { account: \"$(letters 300)\" }"
    failed "$INVALID_ARGUMENT" put_account.account
    text "request_id: \"$ID\" put_tier { tier: \"$(letters 300)\" }"
    failed "$INVALID_ARGUMENT" put_tier.tier
    text "request_id: \"$ID\" revoke { key_id: \"$KEY_ID\" reason: \"$(letters 300)\" }"
    failed "$INVALID_ARGUMENT" revoke.reason
}

@test "an account id with a slash" {
    text "request_id: \"$ID\" put_account { account: \"../acme\" }"
    failed "$INVALID_ARGUMENT" put_account.account
    text "request_id: \"$ID\" create { account: \"ac/me\" name: \"n\" }"
    failed "$INVALID_ARGUMENT" create.account
}

@test "a limit or a cost over 2^53 - 1" {
    text "request_id: \"$ID\" put_tier { tier: \"t\" limits { resource: \"r\" amount: 9007199254740992 window_s: 60 } }"
    failed "$INVALID_ARGUMENT" 'put_tier.limits[0].amount'
    text "request_id: \"$ID\" put_tier { tier: \"t\" limits { resource: \"r\" amount: 5 window_s: 60 }
          limits { resource: \"s\" algorithm: ALGORITHM_TOKEN_BUCKET amount: 5 window_s: 1
                   burst: 18446744073709551615 } }"
    failed "$INVALID_ARGUMENT" 'put_tier.limits[1].burst'
    text "verify { api_key: \"$TOKEN\" charges { resource: \"requests\" cost: 9007199254740992 } }"
    failed "$INVALID_ARGUMENT" 'verify.charges[0].cost'
    text "rate_check { account: \"acme\" charges { resource: \"requests\" cost: 18446744073709551615 } }"
    failed "$INVALID_ARGUMENT" 'rate_check.charges[0].cost'
}

@test "a time over its bound" {
    text "request_id: \"$ID\" create { account: \"acme\" name: \"n\" expires_at_ms: 253402300800000 }"
    failed "$INVALID_ARGUMENT" create.expires_at_ms
}

@test "a window over its bound, or none" {
    text "request_id: \"$ID\" put_tier { tier: \"t\" limits { resource: \"r\" amount: 5 window_s: 2678401 } }"
    failed "$INVALID_ARGUMENT" 'put_tier.limits[0].window_s'
    text "request_id: \"$ID\" put_tier { tier: \"t\" limits { resource: \"r\" amount: 5 } }"
    failed "$INVALID_ARGUMENT" 'put_tier.limits[0].window_s'
}

@test "two limits that count on the same meter" {
    for twice in "requests=1/min requests=5/min" "a=unlimited b=1/day a=unlimited" "a=3/day a=9/day:fixed_window"; do
        # shellcheck disable=SC2046 # one --limit for each word
        try postern tier put twice $(printf -- '--limit %s ' $twice)
        [ "$status" -eq 1 ]
        [[ "$stderr" == *"INVALID_ARGUMENT"*"leave one of them out (--limit \""* ]]
    done
    try postern ratecheck --custom n/i --limit a=1/min --limit a=2/min --charge a
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'(--limit "a=2/min")'* ]]
    postern tier put several --limit a=1/min --limit a=5/min:fixed_window --limit a=9/2min --limit a=unlimited
}

@test "nine limits, nine charges" {
    local n limits='' charges=''
    for n in 1 2 3 4 5 6 7 8 9; do
        limits+=" limits { resource: \"r$n\" amount: 5 window_s: 60 }"
        charges+=' charges { resource: "requests" }'
    done
    text "request_id: \"$ID\" put_tier { tier: \"t\" $limits }"
    failed "$INVALID_ARGUMENT" put_tier.limits
    text "request_id: \"$ID\" put_account { account: \"nine\" $limits }"
    failed "$INVALID_ARGUMENT" put_account.limits
    text "request_id: \"$ID\" create { account: \"acme\" name: \"n\" $limits }"
    failed "$INVALID_ARGUMENT" create.limits
    text "verify { api_key: \"$TOKEN\" $charges }"
    failed "$INVALID_ARGUMENT" verify.charges
}

@test "numbers that no enum has" {
    text "request_id: \"$ID\" create { account: \"acme\" name: \"n\" environment: 7 }"
    failed "$INVALID_ARGUMENT" create.environment
    text "request_id: \"$ID\" create { account: \"acme\" name: \"n\" type: -1 }"
    failed "$INVALID_ARGUMENT" create.type
    text "request_id: \"$ID\" put_tier { tier: \"t\" limits { resource: \"r\" amount: 5 window_s: 60 algorithm: 9 } }"
    failed "$INVALID_ARGUMENT" 'put_tier.limits[0].algorithm'
}

@test "a change needs a request_id of 16 bytes, and one that was used for another call is refused" {
    text 'put_account { account: "no-id" }'
    failed "$INVALID_ARGUMENT" request_id
    text 'request_id: "short" put_account { account: "no-id" }'
    failed "$INVALID_ARGUMENT" request_id
    text "request_id: \"$ID\" put_account { account: \"with-id\" }"
    succeeded
    text "request_id: \"$ID\" put_account { account: \"another\" }"
    failed "$ALREADY_EXISTS"
}

@test "a repeated change is one change: the same token comes again" {
    local first
    text "request_id: \"$ID\" create { account: \"acme\" name: \"repeated\" }"
    succeeded
    first=$(grep api_key <<<"$output")
    [ -n "$first" ]
    text "request_id: \"$ID\" create { account: \"acme\" name: \"repeated\" }"
    [ "$(grep api_key <<<"$output")" = "$first" ]
}

@test "NOT_FOUND: a tier, an account, a key that does not exist" {
    text "request_id: \"$ID\" put_account { account: \"new\" tier: \"no-such-tier\" }"
    failed "$NOT_FOUND" put_account.tier
    text "request_id: \"$ID\" create { account: \"no-such-account\" name: \"n\" }"
    failed "$NOT_FOUND" create.account
    text 'get { key_id: "key_000000000000000" }'
    failed "$NOT_FOUND" get.key_id
    text "request_id: \"$ID\" revoke { key_id: \"key_000000000000000\" }"
    failed "$NOT_FOUND" revoke.key_id
    text 'rate_check { account: "no-such-account" charges { resource: "requests" } }'
    failed "$NOT_FOUND" rate_check.account
}

@test "NOT_FOUND: a resource that no limit declares, and nothing is charged" {
    text "verify { api_key: \"$TOKEN\" charges { resource: \"requests\" } charges { resource: \"reqests\" } }"
    failed "$NOT_FOUND" 'verify.charges[1].resource'
    text "rate_check { account: \"acme\" charges { resource: \"requests\" } charges { resource: \"reqests\" } }"
    failed "$NOT_FOUND" 'rate_check.charges[1].resource'
    text "verify { api_key: \"$TOKEN\" peek: true }"
    [[ "$output" == *'remaining: 10'* ]]
}

@test "any wrong token text is INVALID_API_KEY, not a failure" {
    local wrong
    for wrong in x postern_live_ "$TOKEN$TOKEN" "${TOKEN}x" "x$TOKEN" "${TOKEN%?}" "$TOKEN " \
        "${TOKEN%_*}_$(letters 64)" \
        "$(letters 256)" "$(letters 300)" ../../etc/passwd "acme_live_$(letters 63)" ' ' '\000' '\n' '\303\244'; do
        text "verify { api_key: \"$wrong\" peek: true }"
        decided INVALID_API_KEY || { echo "of: $wrong"; return 1; }
    done
    bytes < <(printf '\x82\x01\x04\x0a\x02\xff\xfe') # not UTF-8 either
    decided INVALID_API_KEY
}

@test "a token with one wrong character is INVALID_API_KEY, and nothing is told about the key" {
    local last=${TOKEN: -1} wrong
    wrong=${TOKEN%?}$([ "$last" = a ] && echo b || echo a)
    text "verify { api_key: \"$wrong\" }"
    decided INVALID_API_KEY
    [[ "$output" != *acme* || "$TOKEN" == acme* ]]
    [[ "$output" != *'account:'* ]]
    [[ "$output" != *'key_name:'* ]]
}

@test "no token is MISSING_API_KEY" {
    text 'verify { }'
    decided MISSING_API_KEY
    [[ "$output" == *'key: "header"'* ]]
}

@test "a token of another installation is INVALID_API_KEY" {
    local home=$DAEMON_HOME pid=$DAEMON_PID socket=$DAEMON_SOCKET url=$POSTERN_URL log=$DAEMON_LOG foreign
    unset DAEMON_HOME
    start_daemon
    postern tier put free --limit requests=10/min --default
    postern account put acme
    foreign=$(postern create --account acme --name foreign --json | jq -r .api_key)
    stop_daemon
    drop_daemon
    DAEMON_HOME=$home DAEMON_PID=$pid DAEMON_SOCKET=$socket POSTERN_URL=$url DAEMON_LOG=$log
    text "verify { api_key: \"$foreign\" }"
    decided INVALID_API_KEY
}

@test "a cost above the limit is COST_EXCEEDS_LIMIT, and is not worth coming back for" {
    text "verify { api_key: \"$TOKEN\" charges { resource: \"productions\" cost: 4 } }"
    decided COST_EXCEEDS_LIMIT
    [[ "$output" != *retry_after_ms* ]]
    text "rate_check { account: \"acme\" charges { resource: \"productions\" cost: 9007199254740991 } }"
    decided COST_EXCEEDS_LIMIT
}

@test "a limit of 0 refuses always" {
    text "verify { api_key: \"$TOKEN\" charges { resource: \"forbidden\" } }"
    decided COST_EXCEEDS_LIMIT || decided RATE_LIMITED
    text "verify { api_key: \"$TOKEN\" peek: true charges { resource: \"forbidden\" } }"
    decided COST_EXCEEDS_LIMIT || decided RATE_LIMITED
}

@test "a bad credential is UNAUTHENTICATED, also for the uid that may do everything" {
    text "credential: \"wrong\" get { key_id: \"$KEY_ID\" }"
    failed 16
}

@test "a page token that was made up is INVALID_ARGUMENT" {
    text 'list { account: "acme" page_token: "made up" }'
    failed "$INVALID_ARGUMENT" list.page_token
    text 'list { account: "acme" page_size: 501 }'
    failed "$INVALID_ARGUMENT" list.page_size
}
