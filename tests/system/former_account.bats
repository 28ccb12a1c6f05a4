#!/usr/bin/env bats
# A new account under the id of a deleted one sees and inherits nothing of the former life; operators still find that.

load ../support/keys

setup() {
    note_failures_only
    own_daemon
    postern tier put free --limit requests=100/day --limit productions=3/day --default
    postern scope put read --default --public-safe
}

teardown() {
    drop_own_daemon
}

# live_twice: an account `r` with a key that was used, its end, and another account `r`. The former key is FORMER with
# its token FORMER_TOKEN, the new one's account-admin is ADMIN.
live_twice() {
    postern account put r --metadata owner=former --display-name "Former Inc"
    make_key r confidential --metadata contact=a@example.org --address 198.51.100.0/24
    FORMER=$KEY_ID FORMER_TOKEN=$TOKEN
    use --address 198.51.100.7 --charge requests=40 --charge productions=3
    done_so .allowed
    use --address 198.51.100.7 --charge productions
    answer '.reason == "RATE_LIMITED"'
    postern account revoke-all r --reason "they left"
    postern account delete r
    postern account put r --no-default-public-key
    make_key r a --scope postern:account-admin --scope read
    ADMIN=$TOKEN ADMIN_ID=$KEY_ID
}

# tells_nothing: the last answer has nothing of the former life in it.
tells_nothing() {
    local word
    for word in confidential example.org contact 198.51.100 former "Former Inc" "they left" "account deleted" \
        "$FORMER" revoked_before; do
        [[ $output != *"$word"* ]] || { echo "\"$word\" is in: $output"; return 1; }
    done
}

@test "a former account's keys, uses and changes are not those of the account that has its id now" {
    live_twice
    as "$ADMIN" list
    done_so ".keys | length == 1 and .[0].key_id == \"$ADMIN_ID\""
    tells_nothing
    as "$ADMIN" list --unusual
    tells_nothing
    as "$ADMIN" list --expires-within 900d --state revoked
    done_so '.keys | length == 0'
    as "$ADMIN" audit
    done_so
    tells_nothing
    [[ $output == *put_account* && $output == *"$ADMIN_ID"* ]]
    as "$ADMIN" audit --key "$FORMER"
    [[ $output != *example.org* ]]
    local words
    for words in "get $FORMER" "usage --key $FORMER" "update $FORMER --name mine" "roll $FORMER" "revoke $FORMER" \
        "delete $FORMER"; do
        # shellcheck disable=SC2086
        as "$ADMIN" $words
        failed NOT_FOUND
    done
}

@test "a former account's usage is not the new account's, also in the hour of the change" {
    live_twice
    as "$ADMIN" usage --account r
    done_so '[.buckets[].costs[]? | select(.name == "productions")] == []'
    answer '[.buckets[].reasons[]? | select(.name == "RATE_LIMITED")] == []'
    TOKEN=$FORMER_TOKEN
    use --address 198.51.100.7 # somebody still has the old token
    answer '.reason == "REVOKED_API_KEY" and .tier == ""' # nor does it learn what the new account has
    as "$ADMIN" usage
    done_so '[.buckets[].reasons[]? | select(.name == "REVOKED_API_KEY")] == []'
    restart_daemon
    as "$ADMIN" usage
    done_so '[.buckets[].costs[]? | select(.name == "productions")] == []'
}

@test "what a former account has spent is not spent by the new account" {
    live_twice
    local turn
    for turn in 1 2; do
        call ratecheck --account r --peek --charge productions --charge requests
        done_so '[.meters[] | .remaining == .limit] | all'
        restart_daemon
    done
    call ratecheck --account r --charge productions=3
    done_so
    call ratecheck --account r --charge productions
    answer '.reason == "RATE_LIMITED"'
}

@test "a change to a former account's key is no change of the new account" {
    live_twice
    postern delete "$FORMER"
    as "$ADMIN" audit
    done_so
    tells_nothing
}

@test "operators still find the former account's keys and changes" {
    live_twice
    call account get r
    done_so '(.account.revoked_before_ms // 0) == 0' # which was the former one's
    call list --account r
    done_so ".keys | map(.key_id) | contains([\"$FORMER\"])"
    call get "$FORMER"
    done_so '.key.state == "REVOKED" and .key.name == "confidential" and .key.last_used_address == "198.51.100.7"'
    call usage --key "$FORMER"
    done_so '[.buckets[].costs[] | select(.name == "productions") | .value] == [3]'
    call audit --account r
    done_so
    [[ $output == *example.org* && $output == *"they left"* ]]
}

@test "operators find the usage of a former account by the change that made it, others do not" {
    local former now
    call account put m1 --tier free --no-default-public-key
    call ratecheck --account m1 --charge requests=4
    done_so .allowed
    postern account revoke-all m1
    postern account delete m1
    former=$(postern audit --account m1 --json | jq -s 'map(select(.what == "put_account"))[0].seq')
    call usage --account m1 --life "$former" # nobody has the id
    done_so '[.buckets[].costs[] | select(.name == "requests") | .value] == [4]'
    postern account put m1 --no-default-public-key
    call usage --account m1
    done_so '.buckets == []'
    call usage --account m1 --life "$former"
    done_so '[.buckets[].costs[] | select(.name == "requests") | .value] == [4]'
    now=$(postern audit --account m1 --json | jq -s 'map(select(.what == "put_account"))[-1].seq')
    call ratecheck --account m1 --charge requests=7
    call usage --account m1 --life "$now"
    done_so '[.buckets[].costs[] | select(.name == "requests") | .value] == [7]'
    call usage --account m1 --life 1
    failed NOT_FOUND get_usage.life "postern audit --account m1"
    make_key m1 admin --scope postern:account-admin
    as "$TOKEN" usage --account m1 --life "$former"
    failed NOT_FOUND
    as "$TOKEN" usage --account m1 --life "$now"
    done_so '[.buckets[].costs[] | select(.name == "requests") | .value] == [7]'
    try postern usage --life "$now"
    [ "$status" -eq 2 ]
}
