#!/usr/bin/env bats
# What people expect of a command line tool: it guesses what was meant, asks before it cannot go back, shows states in
# colours where there are any, tells a refusal from a question that could not be asked, and looks at its installation.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/keys

setup() {
    note_failures_only
}

setup_file() {
    start_daemon
    postern tier put free --limit requests=1000/min --default
    postern account put acme --no-default-public-key
    make_key acme shared
    export TOKEN KEY_ID
}

teardown_file() {
    drop_daemon
}

teardown() {
    drop_own_daemon
}

# says TEXT: the words of the last command have it.
says() {
    [[ "$stderr" == *"$1"* ]] || { echo "it said: $stderr"; return 1; }
}

misused() {
    try postern "$@"
    [ "$status" -eq 2 ] || { echo "exit status $status: $output $stderr"; return 1; }
}

# on_terminal STEP... -- COMMAND...
on_terminal() {
    try python3 "$SUPPORT/terminal.py" "${WIDTH:-120}x24" "$@"
}

@test "a command or an option that was mistyped gets the one that was meant" {
    misused teir put x
    says 'there is no command "teir put"; did you mean postern tier put?'
    misused acount list
    says 'did you mean postern account list?'
    misused verfy -
    says 'did you mean postern verify?'
    misused hlep
    says 'did you mean postern help?'
    misused frobnicate
    [[ "$stderr" != *"did you mean"* ]]
    misused list --acount acme
    says 'there is no option --acount; did you mean --account?'
    misused revoke --tokn="$TOKEN"
    says 'did you mean --token?'
    misused "$TOKEN"
    [[ "$stderr" != *"$TOKEN"* && "$stderr" != *"did you mean"* ]]
    misused health --tls x
    says 'several that begin so: --tls-ca, --tls-cert, --tls-key, --tls-server-name'
}

@test "-v and --version show the version, alone and behind a command" {
    local version words
    version=$(postern --version)
    [[ "$version" =~ ^postern\ [0-9]+\.[0-9]+ ]]
    for words in -v "list -v" "tier put --version" "--json -v"; do
        # shellcheck disable=SC2086 # words
        [ "$(postern $words)" = "$version" ]
    done
}

@test "what is wrong with a command line is JSON with --json, wherever that stands" {
    local words
    while read -r words; do
        # shellcheck disable=SC2086 # words
        misused $words
        answer '.error | .code == "INVALID_ARGUMENT" and (.message | length > 0) and (.answered | not)'
        [ "${#lines[@]}" -eq 1 ]
        [ -z "$stderr" ]
    done <<'END'
--json
--json lisst
lisst --json
tier --json
tier puts --json
list --json --acount x
list --acount x --json
--json list --page-size many
get --json
create --account acme --json
verify - - --json
ratecheck --account acme --json
import --json nofile
--json health --timeout soon
END
    answer '.error.message | contains("\"soon\"")'
    try postern create --account acme --name --json
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"(--json)"* ]] # it was the name
}

@test "what could not be asked has an exit status of its own" {
    local words
    while read -r words; do
        # shellcheck disable=SC2086 # words
        try postern $words --url ipc:///tmp/there-is-no.sock --timeout 100ms <<<"$TOKEN"
        [ "$status" -eq 3 ] || { echo "$words: exit status $status: $output $stderr"; return 1; }
    done <<'END'
health
list
verify -
verify --batch
verify - --json
ratecheck --account acme --charge requests
create --account acme --name x --expires 2d
revoke --token -
account put x
tier get x
scope list --json
usage --account acme
audit
events
stats
top --once
scan -
import
END
    try postern get key_000000000000000
    [ "$status" -eq 1 ]
    try postern verify - <<<nonsense
    [ "$status" -eq 1 ]
}

@test "every command that lists prints one JSON object when there is nothing" {
    own_daemon
    local words
    postern account put empty --no-default-public-key >/dev/null
    while read -r words; do
        # shellcheck disable=SC2086 # words
        try postern $words --json
        [ "$status" -eq 0 ] || { echo "$words: exit status $status: $output $stderr"; return 1; }
        [ "${#lines[@]}" -eq 1 ] || { echo "$words: $output"; return 1; }
        answer 'type == "object" and (has("error") | not)'
    done <<'END'
list
list --all
list --account empty --state revoked
tier list
tier list --all
scope list
account list
account list --all
audit --account nobody
audit --key key_000000000000000
usage --account empty
usage --unusual
usage --unusual --account empty
stats
top --once
END
    [ "$(postern list --json | jq -c .keys)" = "[]" ]
    [ "$(postern audit --account nobody --json | jq -c .changes)" = "[]" ]
    # As many lines as changes otherwise.
    [ "$(postern audit --json | jq -s 'map(has("seq")) | all')" = true ]
}

@test "an account that is not there is told alike by list and usage" {
    local said
    try postern list --account nope
    [ "$status" -eq 1 ]
    said=${stderr#postern list: }
    [[ "$said" == 'NOT_FOUND: there is no account "nope": look it up with: postern account list'* ]]
    try postern usage --account nope
    [ "$status" -eq 1 ]
    [ "${stderr#postern usage: }" = "$said" ]
    try postern usage --unusual --account nope
    [ "$status" -eq 1 ]
    [ "${stderr#postern usage: }" = "$said" ]
    # One that is there and has no such keys is another matter.
    try postern list --account acme --state revoked
    [ "$status" -eq 0 ]
}

@test "no message advises a command to somebody who may not use it, without saying who may" {
    local admin
    make_key acme admin --scope postern:account-admin
    admin=$TOKEN
    as "$admin" create --account other --name x
    failed NOT_FOUND create.account 'there is no account \"other\" that you may make keys for: name your own, \"acme\"'
    as "$admin" create --account postern --name x
    failed NOT_FOUND create.account
    [[ "$output" != *"postern account put"* && "$output" != *"create --account postern"* ]]
    as "$admin" create --account acme --name x --scope nowhere
    failed NOT_FOUND "create.scopes[0]" "make it, as an operator, with: postern scope put nowhere"
    as "$admin" create --account acme --name x --env live
    failed FAILED_PRECONDITION create.environment "allow them too, as an operator, with: postern account update acme"
    as "$admin" list --account other
    failed NOT_FOUND list.account "look it up, as an operator, with: postern account list"
    as "$admin" get key_000000000000000
    failed NOT_FOUND get.key_id "look it up with: postern list"
    call create --account acme --name x --scope nowhere
    failed NOT_FOUND "create.scopes[0]" "make it with: postern scope put nowhere"
}

@test "an expiry beyond all calendars names the latest moment, and the longest span" {
    misused create --account acme --name x --expires 99999999d
    says '--expires "99999999d" is no time: the latest moment is 9999-12-31T23:59:59Z, so that a span is 29'
    misused create --account acme --name x --expires 253402300800000
    says 'the latest moment is 9999-12-31T23:59:59Z'
}

@test "JSON of a decision says whether the policy made it, as posternd could not be asked" {
    call verify - --peek <<<"$TOKEN"
    answer '.decided_by_policy == false'
    call verify --batch --peek <<<"$TOKEN"
    answer '.decided_by_policy == false'
    call ratecheck --account acme --peek
    answer '.decided_by_policy == false'
}

@test "what cannot be undone is asked about at a terminal: no, then yes" {
    local words question
    make_key acme doomed
    while IFS='|' read -r words question; do
        # shellcheck disable=SC2086 # words
        on_terminal 'see:cannot be undone. [y/N]' 'type:n\n' -- postern $words
        [ "$status" -eq 1 ] || { echo "$words: exit status $status: $output"; return 1; }
        [[ "$output" == *"$question"*"nothing was done"* ]]
    done <<END
revoke $KEY_ID|Revoke $KEY_ID, at once
delete $KEY_ID|Revoke $KEY_ID, and take
roll $KEY_ID --grace 0|Roll $KEY_ID, so that its present token stops working at once
roll $KEY_ID --grace 0s|Roll $KEY_ID, so that
account revoke-all acme|Revoke all keys of account acme
account delete acme|Delete account acme?
ratecheck --account acme --reset requests|Let nothing of requests be spent of acme
ratecheck --custom login/x --remove|Forget login/x
scan --revoke $BATS_TEST_FILENAME|Revoke the secret keys of all tokens
END
    # Nobody answers: that is no yes.
    on_terminal 'see:[y/N]' 'type:\x04' -- postern revoke "$KEY_ID"
    [ "$status" -eq 1 ]
    call get "$KEY_ID"
    answer '.key.state == "ACTIVE"'
    on_terminal 'see:[y/N]' 'type:y\n' -- postern revoke "$KEY_ID"
    [ "$status" -eq 0 ]
    call get "$KEY_ID"
    answer '.key.state == "REVOKED"'
}

@test "nothing is asked with --yes, nor where no terminal is" {
    make_key acme first
    on_terminal -- postern revoke "$KEY_ID" --yes
    [ "$status" -eq 0 ]
    [[ "$output" != *"[y/N]"* ]]
    make_key acme second
    try postern delete "$KEY_ID" </dev/null
    [ "$status" -eq 0 ]
    [[ "$stderr" != *"[y/N]"* ]]
    misused scan --yes "$BATS_TEST_FILENAME"
    says "--yes belongs to --revoke"
}

@test "what can be put again, and a roll with a grace, is not asked about" {
    local words
    postern tier put unused --limit requests=1/min
    postern scope put unused
    make_key acme third
    local third=$KEY_ID
    make_key acme fourth
    for words in "tier delete unused" "scope delete unused" "roll $third" "roll $KEY_ID --grace 0 --yes"; do
        # shellcheck disable=SC2086 # words
        on_terminal -- postern $words
        [ "$status" -eq 0 ] || { echo "$words: $output"; return 1; }
        [[ "$output" != *"[y/N]"* ]]
    done
}

@test "states have colours on a terminal, but not in a pipe, not with NO_COLOR, not where TERM is dumb" {
    local green=$'\e[32m' red=$'\e[31m'
    make_key acme gone
    postern revoke "$KEY_ID" >/dev/null
    on_terminal -- postern list --account acme --all
    [[ "$output" == *"${green}active"* && "$output" == *"${red}revoked"* ]]
    on_terminal -- postern get "$KEY_ID"
    [[ "$output" == *"state"*"${red}revoked"* ]]
    on_terminal -- postern account list
    [[ "$output" == *"${green}active"* ]]
    NO_COLOR=1 on_terminal -- postern list --account acme --all
    [[ "$output" == *revoked* && "$output" != *$'\e['* ]]
    on_terminal -- env TERM=dumb postern list --account acme --all
    [[ "$output" == *revoked* && "$output" != *$'\e['* ]]
    try postern list --account acme --all
    [[ "$output" == *revoked* && "$output" != *$'\e'* ]]
}

@test "a list of keys fits 80 columns: what is left out is said, ids and states are whole" {
    local line
    make_key acme "a name of many words that goes on in the next line"
    export NO_COLOR=1
    WIDTH=80 on_terminal -- postern list --account acme --all
    [[ "$output" == *"Left out, as the terminal is narrow: CREATED"* ]]
    for line in "${lines[@]%$'\r'}"; do [ "${#line}" -le 80 ] || { echo "$line"; return 1; }; done
    [[ "$output" == *"$KEY_ID"* && "$output" == *"active"* ]]
    WIDTH=200 on_terminal -- postern list --account acme --all
    [[ "$output" != *"Left out"* && "$output" == *"CREATED"* ]]
    try postern list --account acme --all
    [[ "$output" == *"CREATED"* ]]
    [ -z "$stderr" ]
}

@test "scan shows on a terminal how far it is, and nothing of it elsewhere" {
    on_terminal -- postern scan "$POSTERN_SOURCE/proto"
    [ "$status" -eq 0 ]
    [[ "$output" == *" MiB, 0 tokens: $POSTERN_SOURCE/proto/"* ]]
    [[ "$output" == *$'\r\e[K'*"files scanned, 0 tokens found"* ]]
    try postern scan "$POSTERN_SOURCE/proto"
    [ "${stderr%% scanned*}" != "$stderr" ]
    [[ "$stderr" != *MiB* ]]
}

@test "import takes away quotation marks and the header's name around a token, and refuses a mark on one side" {
    local tokens=() n
    for n in 1 2 3 4; do
        tokens+=("sk_old_$n$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')")
        note_token "${tokens[-1]}"
    done
    try postern import --account acme --json <<END
token;name
'${tokens[0]}';single
"""${tokens[1]}""";double
Authorization: Bearer ${tokens[2]};header
END
    done_so '.imported == 3 and .trimmed == 3'
    says 'line 2: taken without the quotation marks that stood with the token'
    says 'line 3: taken without the quotation marks'
    says 'line 4: taken without the "Authorization:" and the "Bearer"'
    for TOKEN in "${tokens[@]::3}"; do
        allowed
    done
    try postern import --account acme --json <<<"{\"token\": \"\\\"${tokens[3]}\", \"name\": \"one side\"}"
    [ "$status" -eq 1 ]
    answer '.imported == 0 and .failed == 1 and .errors[0].line == 1'
    says 'line 1: the token has a quotation mark on one side: take it away'
    [[ "$output$stderr" != *sk_old_* ]]
}
