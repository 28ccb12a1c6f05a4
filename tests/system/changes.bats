#!/usr/bin/env bats
# Changing accounts, tiers, scopes and keys: what a command was not told about stays, and what it drops is said.

load ../support/keys

setup_file() {
    make_home
    start_daemon
    postern tier put free --limit requests=100/min --default
    postern tier put big --limit requests=1000/min
    postern scope put read --default --public-safe
    postern scope put write
    postern scope put jobs
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
}

# tier FILTER: of tier $TIER.
tier() {
    call tier get "$TIER"
    done_so ".tier | $1"
}

# ---------------------------------------------------------------------------------------------------------------- put

@test "another tier does not lift a suspension" {
    make_key_in_account
    postern account suspend "$ACCOUNT"
    postern account put "$ACCOUNT" --tier big
    refused ACCOUNT_SUSPENDED 403
    call account get "$ACCOUNT"
    done_so '.account.suspended and .account.tier == "big"'
    # Nor does a client that knows no masks, which replaces all else.
    wire 'request_id: "0123456789abcdef" put_account { account: "'"$ACCOUNT"'" tier: "free" }'
    answer '.put_account.account.suspended and .put_account.account.tier == "free"'
    postern account resume "$ACCOUNT"
    allowed
}

make_key_in_account() {
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
    make_key "$ACCOUNT"
}

@test "another name for an account takes nothing away" {
    postern account put "$ACCOUNT" --env test --env live --limit requests=7/min --max-keys 5 --metadata k=v \
        --no-default-public-key
    call account get "$ACCOUNT"
    local before
    before=$(jq -c '.account | del(.version, .display_name)' <<<"$output")
    call account put "$ACCOUNT" --display-name A
    done_so '.account.display_name == "A"'
    [ "$(jq -c '.account | del(.version, .display_name)' <<<"$output")" = "$before" ]
    call account put "$ACCOUNT" # nothing is given
    done_so '.account.display_name == "A"'
    [ "$(jq -c '.account | del(.version, .display_name)' <<<"$output")" = "$before" ]
}

@test "another limit for a tier leaves its other limits and its default mark" {
    TIER=tier-$BATS_TEST_NUMBER
    postern tier put "$TIER" --limit requests=10/min --limit exports=5/day --default
    postern tier put "$TIER" --limit requests=20/min
    tier '.is_default and ([.limits[] | "\(.resource) \(.amount)"] | sort) == ["exports 5", "requests 20"]'
    postern tier put "$TIER" # nothing is given
    tier '.is_default and (.limits | length) == 2'
    try postern tier put free --default
    [[ "$stderr" == *"The tier $TIER is no longer the default."* ]]
    tier '(.is_default | not) and (.limits | length) == 2'
}

@test "a limit takes the place of one with the same window alone: months, years, totals and shadows stand apart" {
    TIER=tier-$BATS_TEST_NUMBER
    postern tier put "$TIER" --limit x=1/month --limit x=2/week
    local limit
    for limit in x=3/year x=4/total x=5/total:shadow x=6/week:shadow x=7/week; do
        postern tier put "$TIER" --limit "$limit"
    done
    tier '[.limits[].amount] | sort == [1, 3, 4, 5, 6, 7]'
}

@test "another mark for a scope leaves what it implies" {
    postern scope put worker --implies read --implies jobs --description "works"
    postern scope put worker --default
    call scope get worker
    done_so '.scope | .is_default and .description == "works" and .implies == ["read", "jobs"]'
    postern scope put worker --implies write
    call scope get worker
    done_so '.scope.implies == ["read", "jobs", "write"]'
    postern scope delete worker
}

@test "put on the wire sets what its mask names, and refuses a name that is no field" {
    postern account put "$ACCOUNT" --limit requests=7/min --display-name A
    wire 'request_id: "0123456789abcde1" put_account { account: "'"$ACCOUNT"'" max_keys: 3 update_mask: "max_keys" }'
    answer '.put_account.account | .max_keys == 3 and .display_name == "A" and .limits.amount == 7'
    local wrong
    for wrong in limit if_version update_mask created_at_ms version ''; do
        wire 'request_id: "0123456789abcde2" put_account { account: "'"$ACCOUNT"'" update_mask: "tier"
            update_mask: "'"$wrong"'" }'
        wire_failed "$INVALID_ARGUMENT" 'put_account.update_mask[1]'
    done
    wire 'request_id: "0123456789abcde3" put_tier { tier: "free" update_mask: "is_defaultt" }'
    wire_failed "$INVALID_ARGUMENT" 'put_tier.update_mask[0]'
}

# ------------------------------------------------------------------------------------------------------------- update

@test "update adds and removes one entry of each list, and says what it dropped" {
    make_key_in_account
    postern update "$KEY_ID" --scope read --metadata team=a --metadata owner=ops --address 192.0.2.0/24 \
        --limit requests=9/min >/dev/null
    call update "$KEY_ID" --add-scope jobs --remove-scope read --set-metadata team=b --unset-metadata owner \
        --add-address 198.51.100.0/24 --add-limit exports=1/day
    done_so '.key | .scopes == ["jobs"] and .metadata == [{"key": "team", "value": "b"}]
        and .allowed_addresses == ["192.0.2.0/24", "198.51.100.0/24"]
        and [.limits[].resource] == ["requests", "exports"]'
    try postern update "$KEY_ID" --remove-address 192.0.2.0/24 --remove-limit requests=9/min --no-metadata
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"Dropped: limit requests=9/min, address 192.0.2.0/24, metadata team=b."* ]]
    call get "$KEY_ID"
    done_so '.key | .allowed_addresses == ["198.51.100.0/24"] and [.limits[].resource] == ["exports"]
        and .metadata == []'
}

@test "update of accounts, tiers and scopes does the same" {
    postern account put "$ACCOUNT" --limit requests=7/min --metadata k=v --display-name A
    call account update "$ACCOUNT" --add-env live --add-limit exports=1/day --set-metadata x=y --unset-metadata k
    done_so '.account | .environments == ["TEST", "LIVE"] and (.limits | length) == 2
        and .metadata == [{"key": "x", "value": "y"}] and .display_name == "A"'
    try postern account update "$ACCOUNT" --remove-env test --no-limits --no-display-name --no-tier
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"Dropped: "*"display-name A"*"tier free"*"env test"*"limit requests=7/min, limit exports=1/day"* ]]
    TIER=tier-$BATS_TEST_NUMBER
    postern tier put "$TIER" --limit requests=10/min --limit exports=5/day
    call tier update "$TIER" --remove-limit exports=5/day --add-limit requests=11/min
    done_so '.tier.limits | length == 1 and .[0].amount == 11'
    postern scope put lead --implies read --implies jobs
    call scope update lead --remove-implies read --add-implies write
    done_so '.scope.implies == ["jobs", "write"]'
    try postern scope update lead --no-implies
    [[ "$stderr" == *"Dropped: implies jobs, implies write."* ]]
}

@test "a list that is given to update replaces what was there, and that is said" {
    TIER=tier-$BATS_TEST_NUMBER
    postern tier put "$TIER" --limit requests=10/min --limit exports=5/day
    try postern tier update "$TIER" --limit requests=20/min
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"Dropped: limit requests=10/min, limit exports=5/day."* ]]
    tier '.limits | length == 1'
}

@test "an entry that is not there is not removed, and what is not there is not updated" {
    make_key_in_account
    call update "$KEY_ID" --remove-scope jobs
    failed NOT_FOUND '' jobs read
    call tier update missing --no-default
    failed NOT_FOUND '' missing
    call account update "$ACCOUNT-none" --max-keys 3
    failed NOT_FOUND get_account.account "$ACCOUNT-none"
    call account suspend "$ACCOUNT-none"
    failed NOT_FOUND get_account.account "$ACCOUNT-none"
    call account get "$ACCOUNT-none"
    failed NOT_FOUND
}

@test "what contradicts itself is a misuse" {
    make_key_in_account
    local words
    for words in '--scope read --add-scope jobs' '--no-scopes --remove-scope read' '--scope read --no-scopes' ''; do
        # shellcheck disable=SC2086
        try postern update "$KEY_ID" $words
        [ "$status" -eq 2 ]
    done
    try postern tier update free
    [ "$status" -eq 2 ]
    try postern account put "$ACCOUNT" --add-env live # a put takes nothing away, and adds what it is given
    [ "$status" -eq 2 ]
}

@test "two people who add to one list keep what the other has added" {
    make_key_in_account
    local n
    for n in 1 2 3 4 5 6; do
        postern update "$KEY_ID" --set-metadata "k$n=v" >/dev/null &
    done
    wait
    call get "$KEY_ID"
    done_so '[.key.metadata[].key] | sort == ["k1", "k2", "k3", "k4", "k5", "k6"]'
}
