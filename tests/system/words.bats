#!/usr/bin/env bats
# What the command line tool says when something is wrong: in the words of the command line, never in those of the
# protocol, and with advice that helps.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/keys

bats_require_minimum_version 1.5.0

setup_file() {
    start_daemon
    postern tier put free --limit requests=100/min --limit productions=5/day --default
    postern scope put read --default --public-safe
    postern account put acme --no-default-public-key
    KEY=$(postern create --account acme --name one --json | jq -r .key.key_id)
    TWICE=$(for _ in 1 2; do postern create --account acme --name many 2>/dev/null; done)
    export KEY TWICE
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
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

# wrong TEXT WORD...: the command fails, and says so. Everything that is said must be free of the protocol's names: no
# paths of fields, no units of them, no backticks. What people gave stands between quotes, and advice behind "postern".
wrong() {
    local text=$1 said
    shift
    try postern "$@" <<<"${INPUT-}"
    [ "$status" -ne 0 ] || { echo "it was taken: $*"; return 1; }
    said=$(sed -E 's/"[^"]*"//g; s/^How to use it: .*//; s/\be\.g\.//g' <<<"$output"$'\n'"$stderr")
    if grep -E '[a-z_]+\.[a-z_]+|\b[a-z_]+\[[0-9]|[a-z]_ms\b|`|\b(charge|key|account)_id\b|if_version' <<<"$said"; then
        echo "postern $* said: $output $stderr"
        return 1
    fi
    [[ "$output$stderr" == *"$text"* ]] || { echo "postern $*, not \"$text\": $output $stderr"; return 1; }
}

@test "0 or nothing is never taken for a default in silence" {
    misused account put "$ACCOUNT" --max-keys 0
    says '--max-keys "0" would leave no room'
    says "1000 is the default"
    misused account update acme --max-keys 0
    misused list --page-size 0
    says "from 1 to 500"
    misused top --rows 0
    misused top --count 0
    misused import --batch 0
    misused tier put free --if-version 0
    says "versions begin with 1"
    local words
    for words in "list --account" "list --scope" "usage --account" "audit --actor" "verify - --account" \
        "verify - --address" "account put $ACCOUNT --tier" "create --account acme --name x --prefix" \
        "create --account acme --name x --expires" "update $KEY --address" "ratecheck --charge x --account"; do
        # shellcheck disable=SC2086 # words
        misused $words ''
        says "has an empty value"
    done
    misused account update acme --display-name ''
    says "or --no-display-name to take it away"
    misused account get "$ACCOUNT" --url ''
    [ -n "$(postern list --account acme --name '')" ]
}

@test "the last environment of an account is not taken away" {
    local only
    for only in test live; do
        postern account put "$ACCOUNT-$only" --env "$only" --no-default-public-key
        try postern account update "$ACCOUNT-$only" --remove-env "$only"
        [ "$status" -eq 1 ]
        says "\"$only\" is the last env, and an account has at least one environment: add another one first"
        call account get "$ACCOUNT-$only"
        done_so ".account.environments == [\"${only^^}\"]"
    done
    call account update "$ACCOUNT-live" --remove-env live --add-env test
    done_so '.account.environments == ["TEST"]'
}

@test "a change that drops the last of something says what holds then" {
    postern account put "$ACCOUNT" --no-default-public-key --limit requests=7/min
    make_key "$ACCOUNT"
    postern update "$KEY_ID" --address 192.0.2.0/24 --address 198.51.100.0/24 --limit requests=9/min \
        --expires 2040-01-31T00:00:00Z --not-before 2039-01-31T00:00:00Z >/dev/null
    try postern update "$KEY_ID" --remove-address 192.0.2.0/24
    says "Dropped: address 192.0.2.0/24."
    [[ "$stderr" != *anywhere* ]]
    try postern update "$KEY_ID" --remove-address 198.51.100.0/24
    says "Dropped: address 198.51.100.0/24. It may be used from anywhere now."
    try postern update "$KEY_ID" --address 192.0.2.0/24
    try postern update "$KEY_ID" --no-addresses --remove-limit requests=9/min
    says "limit requests=9/min, address 192.0.2.0/24. It has no limits of its own any more"
    says "It may be used from anywhere now."
    try postern update "$KEY_ID" --no-not-before
    says "Dropped: not-before 2039-01-31T00:00:00Z. It works at once."
    try postern update "$KEY_ID" --expires never
    says "Dropped: expires 2040-01-31T00:00:00Z. It does not expire any more."
    try postern account update "$ACCOUNT" --no-limits --no-tier
    says "Dropped: tier free, limit requests=7/min. No limits of a tier hold for it any more."
    says "It has no limits of its own"
}

@test "that a date is in UTC is said once" {
    make_key acme
    try postern update "$KEY_ID" --not-before 2040-01-01 --expires 2041-01-01
    [ "$status" -eq 0 ]
    [ "$(grep -c 'is in UTC' <<<"$stderr")" -eq 2 ]
    [ "$(grep -c -- '--not-before "2040-01-01" is in UTC: 2040-01-01T00:00:00Z' <<<"$stderr")" -eq 1 ]
}

# successor KEY_ID: as get shows it.
successor() {
    postern get "$1" | sed -n 's/^successor *//p'
}

@test "no successor is named as one to use that does not work" {
    local old next
    make_key acme
    old=$KEY_ID
    next=$(postern roll "$old" --json | jq -r .key.key_id)
    [ "$(successor "$old")" = "$next" ]
    try postern update "$old" --expires 20h
    says "its successor works: from then on, use $next"
    postern disable "$next"
    [ "$(successor "$old")" = "$next (disabled)" ]
    postern enable "$next"
    postern revoke "$next"
    try postern update "$old" --expires 20h
    [ "$status" -eq 1 ]
    says "no successor of it works then: make a new key with: postern create"
    [[ "$stderr" != *"$next"* ]]
    [ "$(successor "$old")" = "$next (revoked)" ]
    try postern update "$old" --name renamed
    [[ "$output" == *"$next (revoked)"* ]]
    call get "$old"
    done_so ".key.successor_key_id == \"$next\""
    postern delete "$next"
    [[ "$(successor "$old")" =~ ^$next\ \((deleted|revoked)\)$ ]]
}

@test "advice fits what is wrong" {
    local word admin
    admin=$(postern create --account acme --name pinned --scope postern:account-admin --address 192.0.2.0/24)
    POSTERN_API_KEY=$admin try postern list
    [ "$status" -eq 1 ]
    says ADDRESS_NOT_ALLOWED
    says "works from its own addresses only: unset POSTERN_API_KEY to ask over ipc"
    [[ "$stderr" != *"no valid secret key"* ]]
    postern account put "$ACCOUNT" --no-default-public-key
    admin=$(postern create --account "$ACCOUNT" --name off --scope postern:account-admin)
    postern account suspend "$ACCOUNT"
    POSTERN_API_KEY=$admin try postern list
    says "does not work now"
    POSTERN_API_KEY=nonsense try postern list
    says "no valid secret key"
    for word in 1y 1Y 1mo 1month 2yrs; do
        misused create --account acme --name x --expires "$word"
        says "months and years differ in length: write days, 90d"
    done
    misused create --account acme --name x --expires soon
    says "Unix milliseconds, or never"
    misused list --older-than soon
    [[ "$stderr" != *never* ]]
}

@test "what a charge lacks is told by where the limits are" {
    postern account put "$ACCOUNT" --no-default-public-key
    postern account update "$ACCOUNT" --no-tier --add-limit other=5/min
    make_key "$ACCOUNT"
    try postern verify - --charge reqests <<<"$TOKEN"
    says "add one to the account, which has no tier, with: postern account update $ACCOUNT --add-limit reqests=unlim"
    make_key acme
    try postern verify - --charge reqests <<<"$TOKEN"
    says "add one to the tier, with: postern tier update free --add-limit reqests=unlimited"
    try postern ratecheck --custom n/i --limit a=1/min --charge b
    says "add one to --limit, e.g. b=unlimited"
}

# refused REASON TEXT [OPTION]...: verify of TOKEN, by words.
refused() {
    try postern verify - --peek "${@:3}" <<<"$TOKEN"
    [[ "$output" == "$1: "*"$2"* ]] || { echo "not \"$1 ... $2\": $output $stderr"; return 1; }
}

@test "a refusal says what helps" {
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
    make_key "$ACCOUNT" one --scope read
    refused WRONG_ACCOUNT "name its own one with --account, or none" --account other
    refused WRONG_ENVIRONMENT "postern create --env" --env live
    refused INSUFFICIENT_SCOPE "postern update KEY_ID --add-scope SCOPE (missing: adm)" --scope adm
    postern account suspend "$ACCOUNT" >/dev/null
    refused ACCOUNT_SUSPENDED "postern account resume ID"
    postern account resume "$ACCOUNT" >/dev/null
    make_key "$ACCOUNT" public --type public
    refused SECRET_KEY_REQUIRED "use a secret key" --secret-only
    make_key "$ACCOUNT" bound --address 198.51.100.0/24
    refused ADDRESS_NOT_ALLOWED "postern update KEY_ID --add-address NETWORK" --address 192.0.2.1
    refused ADDRESS_NOT_ALLOWED "was not given (--address)"
    try postern create --account "$ACCOUNT" --name later --not-before 2097-01-31T12:00:00Z
    says "works from 2097-01-31T12:00:00Z, expires never"
    TOKEN=$output
    refused NOT_YET_VALID_API_KEY "--no-not-before"
    refused NOT_YET_VALID_API_KEY "(it works from 2097-01-31"
}

@test "a charge that cannot be settled, and a resource that cannot be reset, say what helps" {
    try postern ratecheck --account acme --settle 0123456789abcdef0123456789abcdef --charge productions
    says "postern ratecheck --account ID --refund-amount RESOURCE=N"
    try postern ratecheck --account acme --refund 0123456789abcdef0123456789abcdef
    says "postern ratecheck --account ID --refund-amount RESOURCE=N"
    try postern ratecheck --account acme --reset nope
    says "postern ratecheck --account acme --peek"
}

@test "a scope that is always there is said to be so, whatever is done with it" {
    local words
    for words in "update admin --description x" "delete admin" "delete postern:verify"; do
        # shellcheck disable=SC2086 # words
        try postern scope $words
        [ "$status" -eq 1 ]
        says "is always there, in no catalogue, and cannot be changed or deleted"
        says "postern scope get "
    done
    try postern scope delete nosuch
    says "there is no scope"
}

@test "the audit's words for a reset look like no amount" {
    postern ratecheck --account acme --reset productions >/dev/null
    postern ratecheck --account acme --reset productions >/dev/null
    try postern audit --account acme
    local words='productions by change [0-9]+ -> productions by change [0-9]+'
    [[ "$output" =~ $words ]] || { echo "$output"; return 1; }
    [[ "$output" != *productions=[0-9]* ]]
}

@test "stats counts one as one" {
    try postern stats
    [ "$status" -eq 0 ]
    local plural='(^|[^0-9])1 (callers|calls|times|records|jobs|commits|requests)'
    [[ ! "$output" =~ $plural ]] || { echo "$output"; return 1; }
    [[ "$output" == *" 1 call in flight"* ]]
}

@test "the help of every command that takes a limit says how one is written, and where that is described" {
    local command
    for command in "account put" "account update" create update ratecheck "tier update"; do
        # shellcheck disable=SC2086 # words
        try postern $command --help
        [ "$status" -eq 0 ]
        [[ "$output" == *"[:ALGORITHM[,burst=N]][:shadow]"*"week"*"total"*"postern help"*"tier put"* ]] ||
            { echo "postern $command --help: $output"; return 1; }
    done
    try postern help tier put
    [[ "$output" == *"shadow limit never refuses"*"time zone"* || "$output" == *"time zone"*"shadow limit never"* ]]
}

@test "no message names a field of the protocol: accounts, tiers and scopes" {
    wrong 'ID is not a name' account put "bad id"
    wrong '(given: "bad id")' account put "bad id"
    wrong 'there is no account "nosuch"' account suspend nosuch
    wrong 'there is no account "nosuch"' account resume nosuch
    wrong 'there is no account "nosuch"' account update nosuch --max-keys 3
    wrong 'there is no account "nosuch"' account delete nosuch
    wrong 'there is no account "nosuch"' account get nosuch
    wrong 'there is no account "nosuch"' account revoke-all nosuch
    wrong '--time-zone "Mars/X"' account put acme --time-zone Mars/X
    wrong '--time-zone "Mars/X"' tier put free --time-zone Mars/X
    wrong '(--tier)' account put acme --tier nosuch
    wrong 'of --limit "x=5/min"' account put acme --limit x=5/min --limit x=6/min
    wrong '(--add-limit "x=6/min")' account update acme --add-limit x=5/min --add-limit x=6/min
    wrong '--created-before' account revoke-all acme --created-before 2040-01-01T00:00:00Z
    wrong 'NAME' tier put "bad name"
    wrong 'there is no tier "nosuch"' tier update nosuch --default
    wrong 'there is no tier "nosuch"' tier delete nosuch
    wrong 'is on the tier "free"' tier delete free
    wrong '--if-version' tier put free --if-version 3 --default
    wrong '"admin" is built in' scope put admin
    wrong '"admin" is always there' scope delete admin
    wrong 'there is no scope "nosuch"' scope delete nosuch
    wrong '--implies "a:*"' scope put more --implies read --implies 'a:*'
}

@test "no message names a field of the protocol: keys" {
    local key
    wrong '(--account)' create --account nosuch --name x
    wrong '--account' create --account "bad id" --name x
    wrong '--name' create --account acme --name "$(printf '%0300d' 0)"
    wrong '--name' create --account acme --name $'a\e[2Jb'
    [[ "$stderr" != *$'\e'* ]]
    wrong '--scope "bad one"' create --account acme --name x --scope read --scope "bad one"
    wrong '--address "here"' create --account acme --name x --address 10.0.0.0/8 --address here
    wrong '--not-before' create --account acme --name x --expires 1h --not-before 2h
    wrong '--env' create --account acme --name x --env live
    wrong '--prefix' create --account acme --name x --prefix Capital
    key=$(postern create --account acme --name two --json | jq -r .key.key_id)
    wrong '--not-before' update "$key" --expires 1h --not-before 2h
    wrong '(--add-scope "nosuch")' update "$key" --add-scope nosuch
    wrong '--add-scope "bad one"' update "$key" --add-scope read --add-scope jobs --add-scope "bad one"
    wrong '--set-metadata' update "$key" --set-metadata a=b --set-metadata $'c=\x01'
    wrong '--expires' update "$key" --expires 2020-01-01T00:00:00Z
    wrong '--if-version' update "$key" --name y --if-version 1
    wrong '(KEY_ID "key_000000000000000")' get key_000000000000000
    wrong 'KEY_ID is not a key id' get key_zzzzzzzzzzzzzzz
    wrong 'there is no key key_000000000000000' enable key_000000000000000
    wrong 'there is no key key_000000000000000' revoke key_000000000000000
    wrong 'there is no key key_000000000000000' delete key_000000000000000
    wrong '--reason' revoke "$key" --reason "$(printf '%0300d' 0)"
    wrong '--grace is longer than 30 days' roll "$key" --grace 31d
    INPUT='' wrong 'no token came by standard input' get --token -
    INPUT='' wrong 'no token came by standard input' revoke --token -
    INPUT=nonsense wrong NOT_FOUND revoke --token -
    INPUT=nonsense wrong NOT_FOUND get --token -
    POSTERN_API_KEY=nonsense wrong '(POSTERN_API_KEY)' get "$KEY"
    postern revoke "$key"
    wrong 'REVOKED' update "$key" --name z
    wrong 'REVOKED' roll "$key"
}

@test "no message names a field of the protocol: questions and lists" {
    local id=00000000000000000000000000000000 some=0123456789abcdef0123456789abcdef
    wrong '(--account "nosuch")' ratecheck --account nosuch --charge requests
    wrong '(--key "key_000000000000000")' ratecheck --key key_000000000000000 --charge requests
    wrong '(--charge "reqests")' ratecheck --account acme --charge requests --charge reqests
    wrong '(--refund' ratecheck --account acme --refund "$some"
    wrong '(--settle' ratecheck --account acme --settle "$some" --charge requests
    wrong '--settle' ratecheck --account acme --settle "$id" --charge requests
    wrong '--refund' ratecheck --account acme --refund "$id"
    postern ratecheck --account acme --charge requests --charge-id "$some"
    wrong '(--charge-id' ratecheck --account acme --charge requests=2 --charge-id "$some"
    wrong 'leave --charge out' ratecheck --account acme --charge requests=2 --refund "$some"
    postern ratecheck --account acme --settle "$some" --charge requests=2
    wrong 'was settled before' ratecheck --account acme --refund "$some"
    says 'with: postern ratecheck --account ID --refund-amount RESOURCE=N'
    [[ "$stderr" != *"leave --charge"* ]]
    wrong '(--reset)' ratecheck --account acme --reset reqests
    wrong '--limit "a=2/min"' ratecheck --custom n/i --limit a=1/min --limit a=2/min --charge a
    wrong '--custom' ratecheck --custom "bad space/i" --limit a=1/min --charge a
    INPUT=x wrong '--scope "bad one"' verify - --scope "a|read" --scope "bad one"
    INPUT=x wrong '--scope "read|"' verify - --scope 'read|'
    INPUT=x wrong '--account' verify - --account "bad id"
    INPUT=$'x\ny' wrong '--scope "bad one"' verify - --scope "bad one"
    wrong '--scope "read|admin": list takes one scope' list --scope 'read|admin'
    wrong '--scope' list --scope 'no scope'
    wrong '--account' list --account "bad id"
    wrong '--key' usage --key nokey
    wrong 'say whose: --account ID' usage
    wrong '--to must be later than --from' usage --account acme --from 2027-01-02 --to 2027-01-01
    wrong '--key' audit --key nokey
    wrong '--account' audit --account "bad id"
    wrong '"position"' events --after zz
    wrong '--page-token is not from' list --page-token AAAA
    wrong '--limit "a=1/year" is longer' ratecheck --custom n/i --limit a=1/year --charge a
    INPUT='{"token": "0123456789abcdef", "name": "x", "scopes": ["bad one"]}' \
        wrong 'line 1: INVALID_ARGUMENT: "scopes" is not a scope' import --account acme
    INPUT='{"token": "0123456789abcdef", "name": "x", "scopes": ["nosuch"], "addresses": ["10.0.0.0/8"]}' \
        wrong 'there is no scope "nosuch"' import --account acme
    INPUT=$TWICE wrong 'not charged: token 2 was refused' verify --batch --atomic --charge productions=3
}
