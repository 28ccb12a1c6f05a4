#!/usr/bin/env bats
# Many tokens in one call, each decided by itself or all or nothing.

load ../support/keys

setup_file() {
    noon_now
    start_daemon
    postern tier put free --limit requests=10/min --limit requests=100/day --limit productions=5/day --default
}

teardown_file() {
    drop_daemon
}

# An account of this test alone, with a key.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
    make_key "$ACCOUNT"
}

# left RESOURCE EXPECTED: what remains to the account of each limit on it.
left() {
    call ratecheck --account "$ACCOUNT" --charge "$1" --peek
    answer "[.meters[].remaining] == $2"
}

# TOKENS of three keys of the account, with their IDS.
three_keys() {
    local n
    TOKENS=()
    IDS=()
    for n in 1 2 3; do
        make_key "$ACCOUNT" "batch-$n"
        TOKENS+=("$TOKEN")
        IDS+=("$KEY_ID")
    done
}

# batch [OPTION]...: about TOKENS; each answer as JSON on a line of its own.
batch() {
    try postern verify --batch --json "$@" < <(printf '%s\n' "${TOKENS[@]}")
}

# answers FILTER: jq's FILTER is true of the list of answers.
answers() {
    jq -es "$1" <<<"$output" >/dev/null && return 0
    echo "not so: $1"
    echo "exit status $status, answers: $output $stderr"
    return 1
}

@test "a batch answers each token on its line, and one that is refused does not touch the others" {
    three_keys
    postern revoke "${IDS[1]}" >/dev/null
    TOKENS+=(nonsense)
    batch
    [ "$status" -eq 1 ]
    answers '[.[].reason] == ["ALLOWED", "REVOKED_API_KEY", "ALLOWED", "INVALID_API_KEY"]'
    answers "[.[].key_id][0:3] == [\"${IDS[0]}\", \"${IDS[1]}\", \"${IDS[2]}\"]"
    left requests '[8, 98]'
    try postern verify --batch < <(printf '%s\n' "${TOKENS[@]}")
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 4 ]
    [[ "${lines[0]}" == "ALLOWED ${IDS[0]} (batch-1), account $ACCOUNT, tier free, test" ]]
    [[ "${lines[1]}" == "REVOKED_API_KEY: "* ]]
    [[ "${lines[3]}" == "INVALID_API_KEY: "* ]]
}

@test "a batch of any length is asked in parts, and each answer stays in its place" {
    local n
    TOKENS=()
    for n in $(seq 150); do
        TOKENS+=("wrong-$n")
    done
    TOKENS[99]=$TOKEN
    batch
    [ "$status" -eq 1 ]
    answers 'length == 150 and ([range(150) as $n | select(.[$n].allowed) | $n] == [99])'
    try postern verify --batch </dev/null
    [ "$status" -eq 2 ]
}

@test "a call of a batch that fails says why in its place" {
    three_keys
    batch --charge requestz
    [ "$status" -eq 1 ]
    answers '[.[].error.code] == ["NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]'
    answers '.[2].error.field == "verify_batch.calls[2].charges[0].resource"'
    try postern verify --batch --charge requestz <<<"$TOKEN"
    [[ "$output" == "NOT_FOUND: "*"'requestz'"* ]]
}

@test "an atomic batch is charged as a whole when all are allowed" {
    three_keys
    batch --atomic
    [ "$status" -eq 0 ]
    answers '[.[].allowed] == [true, true, true]'
    local id
    id=$(jq -sr '.[1].charge_id' <<<"$output")
    left requests '[7, 97]'
    # Each has an id of its own, and can be given back by it.
    call ratecheck --account "$ACCOUNT" --refund "$id"
    done_so .allowed
    left requests '[8, 98]'
}

@test "an atomic batch charges nobody when one is refused, and lets nobody in" {
    three_keys
    postern revoke "${IDS[1]}" >/dev/null
    batch --atomic
    [ "$status" -eq 1 ]
    answers '.[0].error.code == "ABORTED" and .[1].reason == "REVOKED_API_KEY" and .[2].error.code == "ABORTED"'
    left requests '[10, 100]'
    try postern verify --batch --atomic < <(printf '%s\n' "${TOKENS[@]}")
    [ "$status" -eq 1 ]
    [[ "${lines[0]}" == "ABORTED: "* ]]
    [[ "${lines[1]}" == "REVOKED_API_KEY: "* ]]
}

@test "an atomic batch that needs more than is left charges nobody, where a plain one charges what fits" {
    three_keys
    batch --atomic --charge productions=2
    [ "$status" -eq 1 ]
    answers '[.[] | .allowed // false] == [false, false, false] and ([.[].reason] | index("RATE_LIMITED") != null)'
    left productions '[5]'
    batch --charge productions=2
    [ "$status" -eq 1 ]
    answers '[.[].allowed] == [true, true, false]'
    left productions '[1]'
}

@test "an atomic batch over several accounts charges all of them or none" {
    local mine=$TOKEN
    postern account put "$ACCOUNT-other" --no-default-public-key --limit productions=1/day >/dev/null
    make_key "$ACCOUNT-other"
    TOKENS=("$mine" "$TOKEN" "$TOKEN")
    batch --atomic --charge productions
    [ "$status" -eq 1 ]
    left productions '[5]'
    TOKENS=("$mine" "$TOKEN")
    batch --atomic --charge productions
    [ "$status" -eq 0 ]
    left productions '[4]'
    ACCOUNT=$ACCOUNT-other
    left productions '[0]'
}

@test "what is no batch is misuse, and asks nobody" {
    local n
    TOKENS=()
    for n in $(seq 65); do
        TOKENS+=("wrong-$n")
    done
    batch --atomic
    [ "$status" -eq 2 ]
    [[ "$output" == *'at most 64'* ]]
    batch --charge-id 0123456789abcdef0123456789abcdef
    [ "$status" -eq 2 ]
    try postern verify --atomic - <<<"$TOKEN"
    [ "$status" -eq 2 ]
}

@test "a batch that is all or nothing, by a client that has nothing of ours" {
    local call other=$TOKEN
    make_key "$ACCOUNT" second
    call="calls { api_key: \"$TOKEN\" charges { resource: \"productions\" cost: 3 } }"
    wire "verify_batch { atomic: true $call $call }"
    [ "$status" -eq 0 ]
    answer '(.status.code // 0) == 0 and (.verify_batch.statuses[0].code // 0) == 10
        and (.verify_batch.statuses[1].code // 0) == 0 and .verify_batch.replies[1].reason == "REASON_RATE_LIMITED"'
    answer '[.verify_batch.replies[] | .allowed // false] == [false, false]'
    left productions '[5]'
    other="calls { api_key: \"$other\" charges { resource: \"productions\" cost: 2 } }"
    wire "verify_batch { atomic: true $call $other }"
    answer '[.verify_batch.replies[].allowed] == [true, true]'
    left productions '[0]'
}
