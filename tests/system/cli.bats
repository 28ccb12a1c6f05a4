#!/usr/bin/env bats
# The command line tool towards people and scripts: what goes to which stream, exit statuses, hints.

export POSTERN_LEAKS=1
export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/daemon

setup() {
    note_failures_only
}

setup_file() {
    start_daemon
    postern tier put free --limit requests=10/min --limit requests=100/day --limit productions=3/day --default
    postern account put acme
    TOKEN=$(postern create --account acme --name shared)
    export TOKEN
}

teardown_file() {
    drop_daemon
}

# says TEXT: the words of the last command have it.
says() {
    [[ "$stderr" == *"$1"* ]] || { echo "it said: $stderr"; return 1; }
}

misused() {
    try postern "$@"
    [ "$status" -eq 2 ] || { echo "exit status $status: $output $stderr"; return 1; }
    [ -z "$output" ]
}

@test "create puts the token alone on standard output, and words elsewhere" {
    try postern create --account acme --name "a name"
    [ "$status" -eq 0 ]
    [[ "$output" =~ ^[a-z]+_test_[0-9A-Za-z]{64}$ ]]
    says "Created key_"
    says "a name"
    try postern verify - <<<"$output"
    [ "$status" -eq 0 ]
}

@test "a token that could not be written is a failure" {
    try bash -c 'postern create --account acme --name lost >/dev/full'
    [ "$status" -eq 1 ]
    says "cannot write"
}

@test "verify says ALLOWED and then what is left" {
    try postern verify - <<<"$TOKEN"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == "ALLOWED key_"*"(shared), account acme, tier free, test" ]]
    [[ "${lines[1]}" =~ ^requests\ 10/min:\ [0-9]+\ left,\ full\ again\ at\ 20[0-9-]+T[0-9:]+Z$ ]]
    [[ "${lines[2]}" == "requests 100/day: "* ]]
}

@test "verify says why not, and when to come back" {
    postern account put limited --limit requests=1/min
    token=$(postern create --account limited --name one)
    postern verify - <<<"$token"
    try postern verify - <<<"$token"
    [ "$status" -eq 1 ]
    [[ "${lines[0]}" == "RATE_LIMITED: "* ]]
    [[ "${lines[-1]}" =~ ^retry\ in\ [0-9]+\.[0-9]\ s$ ]]
    try postern verify - <<<nonsense
    [ "$status" -eq 1 ]
    [[ "$output" == "INVALID_API_KEY: "* ]]
}

@test "the token may come by the environment, but not on the command line" {
    POSTERN_TOKEN=$TOKEN try postern verify --peek
    [ "$status" -eq 0 ]
    misused verify "$TOKEN"
    says "standard input"
    [[ "$stderr" != *"$TOKEN"* ]]
    misused verify - "$TOKEN"
    says "standard input"
    misused revoke "$TOKEN"
    says "revoke --token -"
    misused revoke --token "$TOKEN"
    says "revoke --token -"
    misused get "$TOKEN"
    misused verify
    says POSTERN_TOKEN
}

@test "a failure says what and where, as JSON on standard output when that was asked for" {
    try postern get key_000000000000000
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    says NOT_FOUND
    try postern get key_000000000000000 --json
    [ "$status" -eq 1 ]
    answer '.error | .code == "NOT_FOUND" and (.message | length > 0) and .field == "get.key_id" and .answered'
    try postern health --url ipc:///tmp/there-is-no.sock --timeout 100ms --json
    [ "$status" -eq 3 ]
    answer '.error | .code == "UNAVAILABLE" and (.answered | not) and (.message | contains("posternd --data DIR"))'
}

@test "no URL, or one that is none, is misuse and says what to give" {
    try env -u POSTERN_URL postern health
    [ "$status" -eq 2 ]
    says POSTERN_URL
    try postern health --url localhost:80
    [ "$status" -eq 2 ]
    says "ipc:///"
}

@test "values that make no sense are misuse and shown" {
    misused create --account acme --name x --expires yesterday
    says '"yesterday"'
    misused create --account acme --name x --expires 1700000000
    says "Unix milliseconds"
    misused create --account acme --name x --env staging
    says "test, live"
    misused create --account acme
    says "--name"
    misused create --account acme --account other --name x
    says "more than once"
    misused create --account acme --name x --metadata nothing
    says "KEY=VALUE"
    misused tier put x --limit requests=60/fortnight
    says '"fortnight"'
    misused verify - --charge requests=0
    says '"requests=0"'
    misused list --page-size many
    misused ratecheck --charge productions
    says "--account"
    misused ratecheck --account acme
    says "--charge"
    misused ratecheck --account acme --charge x --refund 12
    misused health --timeout soon
    says '"soon"'
    POSTERN_TIMEOUT=soon misused health
    says 'POSTERN_TIMEOUT "soon"'
    misused verify --scopes x
    says "--scopes"
    misused health now
    says '"now"'
}

@test "options stand anywhere, may be shortened and end at two dashes; what is wrong is said without its value" {
    try postern --json get key_000000000000000
    answer '.error.code == "NOT_FOUND"'
    try postern get key_000000000000000 --js
    answer '.error.code == "NOT_FOUND"'
    misused get -- --json
    says '"--json" is not the id of a key'
    misused health --tls x
    says "several that begin so"
    misused list --account
    says "--account needs a value: --account ID"
    misused list --never-used=yes
    says "--never-used has no value"
    misused list -xh
    says "there is no option -xh"
    misused revoke --tokn="$TOKEN"
    says "there is no option --tokn"
    [[ "$stderr" != *"$TOKEN"* ]]
    [[ "$stderr" == *"How to use it: postern help revoke" ]]
    misused --acount acme list
    says "there is no option --acount"
}

@test "help knows every command, and the commands that there are" {
    try postern --version
    [[ "$output" =~ ^postern\ [0-9]+\.[0-9]+ ]]
    try postern help
    [ "$status" -eq 0 ]
    local command
    for command in verify ratecheck create get list revoke "account put" "tier put" health; do
        [[ "$output" == *"  $command "* ]]
        # shellcheck disable=SC2086 # two words
        [[ "$(postern help $command)" == "Usage: postern $command"* ]]
        # shellcheck disable=SC2086
        [[ "$(postern $command --help)" == "Usage: postern $command"* ]]
    done
    misused
    misused tier
    says "tier put "
    misused help no-such-command
    says 'there is no command "no-such-command"'
    for words in "help tier" "tier --help"; do
        # shellcheck disable=SC2086
        try postern $words
        [ "$status" -eq 0 ]
        [[ "$output" == "Usage: postern tier COMMAND"*"tier put "*"tier delete "* ]]
        [[ "$output" != *"account put"* ]]
    done
    misused tier puts
    says 'there is no command "tier puts"'
    says "tier put "
    [ "$(postern help --help)" = "$(postern help)" ]
}

@test "a table stands straight whatever script a name is written in" {
    local name
    postern account put scripts --no-default-public-key
    for name in abcdef 日本語 ёлочка $'e\u0301tude x'; do
        postern create --account scripts --name "$name" 2>/dev/null >&2
    done
    try postern list --account scripts
    [ "$status" -eq 0 ]
    [[ "$output" == *"abcdef   active"* && "$output" == *"日本語   active"* && "$output" == *"ёлочка   active"* ]]
    [[ "$output" == *$'e\u0301tude x  active'* ]]
}

@test "on a terminal a table fits: what is too long goes on in the next line; in a pipe nothing is cut" {
    local text line
    text=$(printf 'word-%s ' {01..15})
    postern scope put wide --description "$text" >/dev/null
    [[ "$(postern scope list --all)" == *"${text% }"* ]]
    try python3 "$SUPPORT/terminal.py" 80x24 -- postern scope list --all
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -gt 3 ]
    for line in "${lines[@]%$'\r'}"; do [ "${#line}" -le 80 ]; done
    [ "$(tr -d ' \r\n' <<<"$output" | grep -o 'word-[0-9]*' | sort -u | wc -l)" -eq 15 ]
}

@test "a list is a table for people; all pages are followed" {
    local n
    postern account put many
    for n in 1 2 3 4 5; do
        postern create --account many --name "key-$n" 2>/dev/null >&2
    done
    try postern list --account many --page-size 2
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == KEY_ID*ACCOUNT*NAME*STATE* ]]
    [ "${#lines[@]}" -eq 3 ]
    says "--all"
    [ "$(postern list --account many --page-size 2 --all | grep -c '^key_')" -ge 5 ]
    try postern list --account many --page-size 2 --json
    local token
    token=$(jq -r .next_page_token <<<"$output")
    try postern list --account many --page-size 2 --page-token "$token" --json
    [ "$status" -eq 0 ]
    answer '.keys | length == 2'
    try postern list --account many --state revoked
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    says "No such keys"
}

@test "a span, RFC 3339 and Unix milliseconds are times" {
    try postern create --account acme --name t --expires 2040-01-31T12:00:00.250+02:00 --json
    answer '.key.expires_at_ms == 2211616800250'
    try postern create --account acme --name t --expires 2211616800250 --json
    answer '.key.expires_at_ms == 2211616800250'
    try postern create --account acme --name t --expires 2d --json
    answer '.key | .expires_at_ms - .created_at_ms | . > 172700000 and . <= 172810000'
}

@test "completion offers commands and options" {
    # shellcheck source=/dev/null
    source "$POSTERN_SOURCE/tools/cli/completion.bash"
    COMP_WORDS=(postern ver) COMP_CWORD=1 COMPREPLY=()
    _postern
    [ "${COMPREPLY[*]}" = verify ]
    COMP_WORDS=(postern tier "") COMP_CWORD=2 COMPREPLY=()
    _postern
    [ "${COMPREPLY[*]}" = "put update get list delete" ]
    COMP_WORDS=(postern verify - --pe) COMP_CWORD=3 COMPREPLY=()
    _postern
    [ "${COMPREPLY[*]}" = --peek ]
    COMP_WORDS=(postern tier put x --def) COMP_CWORD=4 COMPREPLY=()
    _postern
    [ "${COMPREPLY[*]}" = --default ]
}
