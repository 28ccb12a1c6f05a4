# shellcheck shell=bash
# Sourced by tools/run: the main job, step by step, every answer checked.

WALK_HOME= # temporary directory
WALK_PID=  # the daemon's
ANSWER=    # of the last command
STEP=0

walk_clean_up() {
    if [ -n "$WALK_PID" ]; then
        kill -KILL "$WALK_PID" 2>/dev/null || true
        wait "$WALK_PID" 2>/dev/null || true
    fi
    [ -z "$WALK_HOME" ] || rm -rf "$WALK_HOME"
}

walk_fail() {
    printf '\nNOT as expected: %s\n' "$*" >&2
    [ -z "$ANSWER" ] || printf 'The answer was: %s\n' "$ANSWER" >&2
    if [ -s "$WALK_HOME/log" ]; then
        printf 'The daemon said:\n' >&2
        sed 's/^/    /' "$WALK_HOME/log" >&2
    fi
    exit 1
}

step() {
    STEP=$((STEP + 1))
    printf '\n%s. %s\n' "$STEP" "$*"
}

# ask EXIT_CODE ARGUMENT...: shows the command, runs it and keeps its answer.
ask() {
    local words
    printf -v words ' %q' "${@:2}"
    printf '   $ postern%s\n' "$words"
    quiet_ask "$@" </dev/null
}

# ask_about_token EXIT_CODE ARGUMENT...: the same with the token on standard input, where no shell history keeps it.
ask_about_token() {
    printf '   $ printf %%s "$TOKEN" | postern %s\n' "${*:2}"
    quiet_ask "$@" <<<"$TOKEN"
}

quiet_ask() {
    local expected=$1 rc=0
    shift
    ANSWER=$(build/release/bin/postern "$@" 2>"$WALK_HOME/words") || rc=$?
    [ "$rc" -eq "$expected" ] ||
        walk_fail "exit status $expected of 'postern $*', but it was $rc: $(cat "$WALK_HOME/words")"
}

# expect WORDS FILTER: jq's FILTER must be true of the answer.
expect() {
    jq -e "$2" <<<"$ANSWER" >/dev/null 2>&1 || walk_fail "$1 ($2)"
}

# show FILTER: a line of the answer in words.
show() {
    jq -r "$1" <<<"$ANSWER" | sed 's/^/   -> /'
}

healthy() {
    kill -0 "$WALK_PID" 2>/dev/null || walk_fail "a running daemon, but it has ended"
    build/release/bin/postern health >/dev/null 2>&1
}

walk_start() {
    local base=${TMPDIR:-/tmp}
    [ "${#base}" -le 60 ] || base=/tmp # a socket's path has at most 107 bytes
    WALK_HOME=$(mktemp -d "$base/postern-run.XXXXXX")
    trap walk_clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir -m 0750 "$WALK_HOME/run"
    export POSTERN_URL="ipc://$WALK_HOME/run/postern.sock"
    unset POSTERN_API_KEY
    step "Start the daemon on a fresh data directory. It stores everything by itself; there is no database to set up."
    printf '   $ posternd --data %s --listen %s\n' "$WALK_HOME/data" "$POSTERN_URL"
    build/release/bin/posternd --data "$WALK_HOME/data" --listen "$POSTERN_URL" >"$WALK_HOME/log" 2>&1 &
    WALK_PID=$!
    local deadline=$((SECONDS + 10))
    until healthy; do
        [ "$SECONDS" -lt "$deadline" ] || walk_fail "an answer to 'postern health' within 10 s"
        sleep 0.02
    done
    ask 0 health --json
    expect "a daemon that serves" '.serving'
    show '"It serves, version \(.version)."'
}

walk_set_up() {
    step "Two tiers: what an account may spend. New accounts start on the one marked as default."
    ask 0 tier put free --limit requests=10/min --limit requests=100/day --limit productions=3/day --default --json
    expect "the tier 'free' with three limits, default" \
        '.tier | .tier == "free" and .is_default and (.limits | length) == 3'
    show '"Tier \(.tier.tier): 10 requests a minute, 100 a day, 3 productions a day. It is the default."'
    ask 0 tier put standard --limit requests=60/min --limit requests=2000/day --limit productions=20/day --json
    expect "the tier 'standard' with three limits, not default" \
        '.tier | .tier == "standard" and (.is_default | not) and (.limits | length) == 3'
    show '"Tier \(.tier.tier): 60 requests a minute, 2000 a day, 20 productions a day."'

    step "An account: the customer. It owns keys, and all its keys share one budget."
    ask 0 account put acme --json
    expect "an account 'acme' on the tier 'free'" '.account | .account == "acme" and .tier == "free"'
    show '"Account \(.account.account) is on the tier \(.account.tier)."'

    step "A key for the account. The token is shown now and never again; the daemon keeps only a keyed hash of it."
    ask 0 create --account acme --name first-key --json
    expect "a token for a test key" '.api_key | test("^[a-z][a-z0-9]*_test_[0-9A-Za-z]{64}$")'
    expect "the key's record, ACTIVE" '.key | (.key_id | test("^key_[0-9A-Za-z]{15}$")) and .state == "ACTIVE"'
    TOKEN=$(jq -r .api_key <<<"$ANSWER")
    KEY_ID=$(jq -r .key.key_id <<<"$ANSWER")
    show '"TOKEN=\(.api_key)", "The key is called \(.key.key_id); that is no secret."'
    ask 0 get "$KEY_ID" --json
    expect "the record without the token" '.key.name == "first-key"'
    [[ "$ANSWER" != *"$TOKEN"* ]] || walk_fail "a record that does not hold the token"
    show '"Asked for again, the record has the name \(.key.name) and no token."'
}

# The meter of `requests` over a minute.
MINUTE='.meters[] | select(.resource == "requests" and .window_s == 60)'

walk_spend() {
    step "May this key do this, now? A service that was handed the token asks."
    ask_about_token 0 verify - --json
    expect "ALLOWED for acme" '.allowed and .reason == "ALLOWED" and .http_status == 200 and .account == "acme"'
    expect "9 of 10 requests left" "[$MINUTE] | length == 1 and (.[0] | .limit == 10 and .remaining == 9)"
    show "\"Allowed: \\(.allowed). \\($MINUTE | .remaining) of \\($MINUTE | .limit) requests are left in this minute.\""

    step "The tenth request spends the last of the minute; the eleventh is one too many."
    local n
    for n in 2 3 4 5 6 7 8 9 10; do
        quiet_ask 0 verify - --json <<<"$TOKEN"
        expect "request $n of 10 to be allowed, $((10 - n)) left" ".allowed and ($MINUTE | .remaining == $((10 - n)))"
    done
    printf '   (the same command, nine times more)\n'
    show "\"Ten were allowed; \\($MINUTE | .remaining) are left.\""
    ask_about_token 1 verify - --json
    expect "RATE_LIMITED, HTTP 429" '(.allowed | not) and .reason == "RATE_LIMITED" and .http_status == 429'
    expect "when to come back, at most a minute ahead" '.retry_after_ms > 0 and .retry_after_ms <= 61000'
    show '"Refused: \(.reason) (HTTP \(.http_status)). Come back in \(.retry_after_ms / 1000 | ceil) s."'

    step "Another resource of the same account has a budget of its own: productions."
    ask 0 ratecheck --account acme --charge productions --json
    expect "ALLOWED with 2 of 3 productions left" \
        '.allowed and ([.meters[] | [.resource, .limit, .remaining]] == [["productions", 3, 2]])'
    show '"Allowed: \(.allowed). \(.meters[0].remaining) of \(.meters[0].limit) productions are left today."'

    step "That production did not work out: what it was charged is given back, by the id of the charge."
    ask 0 ratecheck --account acme --refund "$(jq -r .charge_id <<<"$ANSWER")" --json
    expect "3 of 3 productions left" \
        '.allowed and ([.meters[] | [.resource, .limit, .remaining]] == [["productions", 3, 3]])'
    show '"Given back: \(.meters[0].remaining) of \(.meters[0].limit) productions are left today."'

    step "Postern limits anything of yours, without an account: here logins from one address, one a minute."
    ask 0 ratecheck --custom login/192.0.2.7 --limit attempts=1/min --charge attempts --json
    expect "ALLOWED with nothing left" '.allowed and .meters[0].remaining == 0 and .meters[0].subject == "CUSTOM"'
    ask 1 ratecheck --custom login/192.0.2.7 --limit attempts=1/min --charge attempts --json
    expect "RATE_LIMITED, HTTP 429" '(.allowed | not) and .reason == "RATE_LIMITED" and .http_status == 429'
    show '"The first was allowed, the second refused: \(.reason). Come back in \(.retry_after_ms / 1000 | ceil) s."'

    step "The account moves to the tier 'standard'. That counts at once, and what was spent stays spent."
    ask 0 account put acme --tier standard --json
    expect "the tier 'standard'" '.account.tier == "standard"'
    ask_about_token 0 verify - --json
    expect "49 of 60 requests left" ".allowed and ($MINUTE | .limit == 60 and .remaining == 49)"
    show "\"Allowed: \\(.allowed). \\($MINUTE | .remaining) of \\($MINUTE | .limit) requests are left in this minute.\""
}

walk_revoke() {
    step "The key has leaked: revoke it. That is final, and holds for every request from now on."
    ask 0 revoke "$KEY_ID" --reason leaked --json
    expect "the key to be REVOKED" '.key.state == "REVOKED" and .key.revoked_at_ms > 0'
    show '"Key \(.key.key_id) is \(.key.state): \(.key.revoke_reason)."'
    ask_about_token 1 verify - --json
    expect "REVOKED_API_KEY, HTTP 401" '(.allowed | not) and .reason == "REVOKED_API_KEY" and .http_status == 401'
    show '"Refused: \(.reason) (HTTP \(.http_status))."'
}

walk_stop() {
    local rc=0
    ANSWER=
    step "Stop the daemon. It finishes what it has begun; everything is on disk."
    printf '   $ kill -TERM %s\n' "$WALK_PID"
    kill -TERM "$WALK_PID"
    wait "$WALK_PID" || rc=$?
    WALK_PID=
    [ "$rc" -eq 0 ] || walk_fail "exit status 0 of the daemon, but it was $rc"
    build/release/bin/posternd --check "$WALK_HOME/data" >"$WALK_HOME/words" 2>&1 ||
        walk_fail "a sound data directory, but posternd --check said: $(cat "$WALK_HOME/words")"
    printf '   -> It ended with status 0, and its data directory checks out.\n'
    printf '\nAll %s steps answered as expected. To keep a daemon running: tools/run --serve\n' "$STEP"
}

walk() {
    walk_start
    walk_set_up
    walk_spend
    walk_revoke
    walk_stop
}
