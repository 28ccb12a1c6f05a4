#!/usr/bin/env bats
# Stores that older versions have written. tests/support/stores/VERSION.tar.gz holds a data directory, and the tokens of
# its keys by name. 0.1.0 is of the first format, before accounts had lives. For the daemon it is always the same day,
# some weeks after the store was written.

load ../support/keys
load ../support/clock

setup() {
    note_failures_only
    make_clock_home
    tar -C "$DAEMON_HOME" -xzf "$SUPPORT/stores/0.1.0.tar.gz"
    mv "$DAEMON_HOME/tokens" "$DAEMON_HOME/run/tokens"
    local name token
    while read -r name token; do
        declare -g "TOKEN_$name=$token"
        note_token "$token"
    done <"$DAEMON_HOME/run/tokens"
    start_shimmed
}

teardown() {
    drop_daemon
}

# token NAME
token() {
    local name=TOKEN_$1
    TOKEN=${!name}
}

@test "a store of 0.1.0 is opened as it is, by each start, and is sound" {
    stop_daemon
    start_shimmed
    stop_daemon
    posternd --check "$DAEMON_DATA"
}

@test "its keys are what they were: good, rolled, revoked, disabled, of a deleted account" {
    token works
    allowed --address 198.51.100.7 --scope read --scope write
    answer '.account == "acme" and .tier == "free" and .key_name == "works"'
    answer '[.metadata[] | [.key, .value]] == [["team", "ops"]]'
    refused ADDRESS_NOT_ALLOWED 403 --address 192.0.2.1
    token successor
    allowed
    token revoked
    refused REVOKED_API_KEY 401
    token disabled
    refused DISABLED_API_KEY 401
    token former
    refused REVOKED_API_KEY 401
    token present
    allowed
    answer '.account == "gone" and .tier == "big"'
}

@test "its limits and the last uses of its keys are there" {
    token present
    verify --charge exports
    answer '[.meters[] | [.resource, .limit, .algorithm]] == [["exports", 40, "SLIDING_WINDOW"]]'
    token works
    call get --token - <<<"$TOKEN"
    done_so '.key.last_used_at_ms > 1796000000000 and .key.last_used_address == "198.51.100.7"'
}

@test "what is changed in it is changed for good, and an account that is made anew has a life of its own" {
    postern account revoke-all gone
    postern account delete gone
    postern account put gone --no-default-public-key
    make_key gone administrator --scope postern:account-admin
    as "$TOKEN" list
    done_so '[.keys[].name] == ["administrator"]'
    as "$TOKEN" audit
    jq -es 'map(.what) == ["put_account", "create"]' <<<"$output"
    token present
    refused REVOKED_API_KEY 401
    postern enable "$(postern list --account acme --name disabled --json | jq -r '.keys[0].key_id')"
    kill_daemon
    start_shimmed
    token disabled
    allowed
    stop_daemon
    posternd --check "$DAEMON_DATA"
}
