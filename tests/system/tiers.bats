#!/usr/bin/env bats
# Limits as the two source documents ask for them: their tiers, what changes them, and how each algorithm counts.

load ../support/keys

setup_file() {
    noon_now
    start_daemon
    postern tier put free --limit requests=10/min --limit requests=100/day --limit productions=3/day --default
    postern tier put standard --limit requests=60/min --limit requests=2000/day --limit productions=20/day
    postern tier put enterprise --limit requests=300/min --limit productions=unlimited
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
}

teardown() {
    drop_own_daemon
}

# account [OPTION]...: the test's, with a key.
account() {
    postern account put "$ACCOUNT" --no-default-public-key "$@" >/dev/null
    make_key "$ACCOUNT"
}

# fits CHARGE: TOKEN's, in one call.
fits() {
    use --charge "$1"
    done_so .allowed
}

# limited CHARGE WINDOW_S: refused by the limit with this window, which says when to come back.
limited() {
    use --charge "$1"
    [ "$status" -eq 1 ]
    answer '.reason == "RATE_LIMITED" and .http_status == 429 and .retry_after_ms > 0'
    answer ".meters[.binding_meter - 1] | .window_s == $2 and .retry_after_ms > 0"
}

# left CHARGE EXPECTED: what remains of each limit on the resource, in their order, e.g. '[9, 99]'.
left() {
    verify --charge "$1"
    answer "[.meters[].remaining] == $2"
}

# ------------------------------------------------------------------------------------------------------------ tiers

@test "L1 Free: 10 requests a minute, 100 a day and 3 productions a day are each the end" {
    account --tier free
    fits requests=10
    limited requests 60
    fits productions=3
    limited productions 86400
    ACCOUNT=$ACCOUNT-day
    account --tier free --limit requests=1000/min # so that the day's end comes first
    fits requests=100
    limited requests 86400
}

@test "L1 Standard: 60 requests a minute, 2000 a day and 20 productions a day are each the end" {
    account --tier standard
    fits requests=60
    limited requests 60
    fits productions=20
    limited productions 86400
    ACCOUNT=$ACCOUNT-day
    account --tier standard --limit requests=10000/min
    fits requests=2000
    limited requests 86400
}

@test "L1 Enterprise: 300 requests a minute are the end, and nothing else is" {
    account --tier enterprise
    fits requests=300
    limited requests 60
    fits productions=1000000
    answer '.meters | length == 1 and .[0].unlimited'
}

@test "L2 another installation has tiers of its own: Free 100 a minute, Pro 1000, Enterprise by the account" {
    own_daemon
    postern tier put free --limit requests=100/min --default
    postern tier put pro --limit requests=1000/min
    postern tier put enterprise --limit requests=1000/min
    ACCOUNT=small
    account
    fits requests=100
    limited requests 60
    ACCOUNT=middle
    account --tier pro
    fits requests=1000
    limited requests 60
    ACCOUNT=large
    account --tier enterprise --limit requests=25000/min
    fits requests=25000
    limited requests 60
    ACCOUNT=larger
    account --tier enterprise --limit requests=50000/min
    fits requests=50000
    limited requests 60
}

@test "L3 all keys of an account draw on one budget, through verify and ratecheck alike" {
    local n
    account --tier standard
    fits productions=6
    make_key "$ACCOUNT" second
    fits productions=7
    call ratecheck --key "$KEY_ID" --charge productions=6
    done_so .allowed
    make_key "$ACCOUNT" third
    left productions '[1]'
    fits productions
    for n in 1 2; do
        make_key "$ACCOUNT" "more-$n"
        limited productions 86400
    done
}

@test "L5 every meter of every answer has its limit, what remains and when it is full again" {
    local exact='[.meters[] | .limit > 0 and .remaining >= 0 and .remaining <= .limit and .reset_at_ms > 0] | all'
    account --tier free
    use
    done_so "(.meters | length == 2) and ($exact)"
    fits requests=9
    use
    answer "(.meters | length == 2) and ($exact)"
    answer '.meters[0].remaining == 0 and .meters[1].remaining == 90'
    call ratecheck --account "$ACCOUNT" --charge productions
    done_so "(.meters | length == 1) and ($exact)"
}

@test "L6 a tier that is changed acts on the next call of its accounts and forgets nothing" {
    local tier=tier-$BATS_TEST_NUMBER
    postern tier put "$tier" --limit requests=5/day
    account --tier "$tier"
    fits requests=4
    postern tier put "$tier" --limit requests=9/day
    left requests '[5]'
    fits requests=5
    postern tier put "$tier" --limit requests=6/day # less than was spent
    left requests '[0]'
    limited requests 86400
    postern tier put "$tier" --limit requests=10/day
    left requests '[1]'
}

@test "L6 an override acts on the next call, keeps what was spent, and so does lifting it" {
    account --tier free
    fits productions=3
    limited productions 86400
    postern account put "$ACCOUNT" --tier free --limit productions=5/day >/dev/null
    left productions '[2]'
    fits productions=2
    limited productions 86400
    postern account update "$ACCOUNT" --no-limits >/dev/null
    left productions '[0]'
    answer '.meters[0].limit == 3'
}

@test "L4 a key's own limit adds to the account's: the narrower one is the end, and both are charged" {
    account --tier free
    make_key "$ACCOUNT" narrow --limit requests=2/day
    fits requests
    answer '[.meters[] | [.subject, .limit, .remaining]] ==
        [["ACCOUNT", 10, 9], ["ACCOUNT", 100, 99], ["KEY", 2, 1]]'
    fits requests
    use
    [ "$status" -eq 1 ]
    answer '.reason == "RATE_LIMITED" and (.meters[.binding_meter - 1] | .subject == "KEY" and .limit == 2)'
    make_key "$ACCOUNT" wide --limit requests=1000/day
    left requests '[8, 98, 1000]' # what the narrow key was denied cost nobody anything
}

@test "L7 unlimited is unlimited, and counted in the usage all the same" {
    account --tier enterprise
    fits productions=70000
    fits productions=7
    call usage --account "$ACCOUNT" --by day
    done_so '[.buckets[].costs[] | select(.name == "productions") | .value] | add == 70007'
}

# ----------------------------------------------------------------------------------------------------------- bounds

@test "a cost above a whole limit is refused for good, and charges nothing anywhere" {
    account --tier free
    use --charge requests --charge productions=4
    [ "$status" -eq 1 ]
    answer '.reason == "COST_EXCEEDS_LIMIT" and .http_status == 429 and .retry_after_ms == 0'
    answer '.meters[.binding_meter - 1].resource == "productions"'
    left requests '[10, 100]'
    left productions '[3]'
    # Also where another limit would only have to be waited for.
    fits requests=10
    use --charge requests --charge productions=4
    answer '.reason == "COST_EXCEEDS_LIMIT"'
}

@test "a limit of 0 forbids, now and for ever" {
    account --limit exports=0/day
    use --charge exports
    [ "$status" -eq 1 ]
    answer '(.allowed | not) and .reason == "COST_EXCEEDS_LIMIT" and .http_status == 429 and .retry_after_ms == 0'
    use --charge exports --charge requests
    [ "$status" -eq 1 ]
    left requests '[10, 100]'
}

@test "a resource that no limit declares is a failure, not a free ride" {
    account
    use --charge requestz
    failed NOT_FOUND verify.charges[0].resource "'requestz'"
}

@test "a fresh daemon takes an account without a tier: no limits, and everything is counted" {
    own_daemon
    call account put solo
    done_so '.account.tier // "" | . == ""'
    make_key solo k
    use --charge exports=7 --charge requests
    done_so '.allowed and (.meters // [] | length == 0)'
    use
    done_so .allowed
    call ratecheck --account solo --charge exports=3
    done_so .allowed
    call usage --account solo
    done_so '[.buckets[].costs[] | select(.name == "exports") | .value] | add == 10'
    # One limit, and a misspelt resource is none that it declares.
    call account put solo --limit exports=100/day
    use --charge export
    failed NOT_FOUND 'verify.charges[0].resource'
    drop_own_daemon
}

@test "a tier without limits limits nobody" {
    call tier put nothing
    call account put loose --tier nothing
    make_key loose k
    use --charge anything=1000000
    done_so .allowed
}

# ------------------------------------------------------------------------------------------------------- algorithms

@test "the algorithm is chosen by the limit's text, and by the window's length where the text has none" {
    account --limit a=5/h:fixed_window --limit b=5/h:sliding_window --limit c=5/h:token_bucket,burst=2 --limit d=5/h \
        --limit e=5/day --limit f=5/month --limit g=5/2h
    verify --charge a --charge b --charge c --charge d --charge e --charge f --charge g
    answer '[.meters[] | [.resource, .algorithm, .period]] == [["a", "FIXED_WINDOW", "HOUR"],
        ["b", "SLIDING_WINDOW", "UNSPECIFIED"], ["c", "TOKEN_BUCKET", "UNSPECIFIED"],
        ["d", "SLIDING_WINDOW", "UNSPECIFIED"], ["e", "FIXED_WINDOW", "DAY"], ["f", "FIXED_WINDOW", "MONTH"],
        ["g", "FIXED_WINDOW", "UNSPECIFIED"]]'
    local now
    now=$(date +%s%3N)
    use --charge a --charge b --charge e
    # At the end of the hour and the day, to the millisecond or two of a clock; an hour from now, and a sub-window more.
    answer '[.meters[0].reset_at_ms % 3600000, .meters[2].reset_at_ms % 86400000] | map((. + 5) % 3600000 <= 10) | all'
    answer ".meters[1].reset_at_ms > $now + 3590000 and .meters[1].reset_at_ms < $now + 3670000"
    # A bucket holds its burst, whatever the rate.
    fits c=2
    limited c 3600
    answer '.retry_after_ms > 700000 and .retry_after_ms <= 720000' # one unit in 12 minutes
    use --charge c=3
    answer '.reason == "COST_EXCEEDS_LIMIT"'
}

@test "X4 a shadow limit counts and reports, and never refuses" {
    account --limit requests=3/day:shadow --limit exports=5/day
    local i
    for i in 1 2 3; do
        use --charge requests --charge exports
        done_so '.allowed and ([.meters[] | select(.shadow) | .would_refuse // false] == [false])'
    done
    use --charge requests
    done_so '.allowed and ([.meters[] | select(.shadow) | [.remaining // 0, .would_refuse]] == [[0, true]])'
    answer '.meters[.binding_meter - 1].shadow | not' # never the one that decides
    use --charge requests=4
    done_so '.allowed and any(.meters[]; .would_refuse // false)'
    call usage --account "$ACCOUNT"
    done_so '[.buckets[].would_refuse] | add == 2'
    call stats
    done_so '.usage.would_refuse == 2'
    try postern usage --account "$ACCOUNT"
    [[ "$output" == *"Shadow limits would have refused 2 of these calls."* ]]
    try postern verify - --peek <<<"$TOKEN"
    [[ "$output" == *"requests 3/day:shadow: 0 left"*"would have refused this call"* ]]
    # It neither replaces nor shares the limit that holds.
    left requests '[2, 92, 0]'
    call account put "$ACCOUNT" --no-default-public-key --limit requests=unlimited:shadow
    [ "$status" -eq 2 ]
}

@test "X3 week, year and total: the calendar's, and what never begins again" {
    account --limit a=5/week --limit b=5/year --limit credits=10/total
    use --charge a --charge b --charge credits=7
    answer '[.meters[] | [.resource, .algorithm, .period]] == [["a", "FIXED_WINDOW", "WEEK"],
        ["b", "FIXED_WINDOW", "YEAR"], ["credits", "FIXED_WINDOW", "TOTAL"]]'
    # At the next midnight between Sunday and Monday there, which is 4 days after those of 1970-01-01.
    local offset=$((10#${DAEMON_UTC_OFFSET:1:2} * 3600000)) now
    [ "${DAEMON_UTC_OFFSET:0:1}" = + ] || offset=$((-offset))
    now=$(date +%s%3N)
    answer ".meters[0].reset_at_ms | ((. + $offset - 4 * 86400000) % 604800000 + 5) % 604800000 <= 10 and
        . > $now and . <= $now + 604800000"
    answer '(.meters[2].reset_at_ms // 0) == 0'
    use --charge credits=4
    [ "$status" -eq 1 ]
    answer '.reason == "RATE_LIMITED" and (.retry_after_ms // 0) == 0'
    try postern verify - --charge credits=4 <<<"$TOKEN"
    [[ "$output" == *"credits 10/total: 3 left"*"does not come back by itself"* ]]
    # Paid for again: a larger amount goes on with what was spent.
    postern account put "$ACCOUNT" --no-default-public-key --limit credits=20/total >/dev/null
    left credits '[13]'
    call ratecheck --custom x/y --limit a=5/total --charge a
    failed INVALID_ARGUMENT 'rate_check.custom.limits[0].period'
}

@test "a bucket's burst is shown beside its rate, by the answer and in words" {
    account --limit x=2/s:token_bucket,burst=5 --limit y=300/min:token_bucket,burst=50 --limit z=5/min
    use --charge x --charge y --charge z
    answer '[.meters[] | [.resource, .limit, .burst // 0, .remaining]] ==
        [["x", 2, 5, 4], ["y", 300, 50, 49], ["z", 5, 0, 4]]'
    try postern verify - --charge y=60 <<<"$TOKEN"
    [ "$status" -eq 1 ]
    [[ "$output" == *"COST_EXCEEDS_LIMIT"*"burst"* ]]
    [[ "$output" == *"y 300/min:token_bucket,burst=50: "[0-9]*" left"* ]] || { echo "$output"; return 1; }
    [[ "$output" != *"y 300/min:token_bucket: "* ]]
}

@test "L5 what is refused fits when the time that was named has come, by each algorithm" {
    local algorithm
    account --limit fixed_window=2/3s:fixed_window --limit sliding_window=2/3s:sliding_window \
        --limit token_bucket=2/3s:token_bucket
    for algorithm in fixed_window sliding_window token_bucket; do
        status=0
        while [ "$status" -eq 0 ]; do # a fixed window may end meanwhile
            use --charge "$algorithm=2"
        done
        answer '.reason == "RATE_LIMITED" and .retry_after_ms > 0 and .retry_after_ms <= 3100'
        sleep "$(jq -r '.retry_after_ms / 1000' <<<"$output")" # that long is the promise
        fits "$algorithm=2"
    done
}
