#!/usr/bin/env bats
# Events: changes, coming expiries and unusual activity as JSON lines; a reader that follows waits on the server.

load ../support/events

bats_require_minimum_version 1.5.0

setup() {
    note_failures_only
    start_lines
}

teardown() {
    stop_following
    [ -z "${HOOK_GROUP-}" ] || kill -KILL -- "-$HOOK_GROUP" 2>/dev/null || true
    drop_daemon
}

@test "X8 events prints what is there, a line for each, and ends" {
    start_daemon
    furnish
    make_key acme one
    postern revoke "$KEY_ID" --reason leaked
    postern events >"$LINES_FILE"
    lines_are '[.[].event] | unique == ["change"]'
    lines_are '[.[].what] == ["put_tier", "put_account", "create", "revoke"] and [.[].seq] == [1, 2, 3, 4]'
    lines_are 'all(.[]; (.time | test("^20[0-9-]{8}T[0-9:]{8}Z$")) and (.position | type == "string"))'
    lines_are ".[2] | .account == \"acme\" and .key_id == \"$KEY_ID\" and (.position | startswith(\"3/\"))"
    # It says what audit says.
    local audit
    audit=$(postern audit --json)
    [ "$(jq -c 'del(.event, .time, .position)' "$LINES_FILE")" = "$(jq -c . <<<"$audit")" ]
    # From anywhere on, also by a number alone; of one account; or from now on.
    try postern events --after 3
    [ "${#lines[@]}" -eq 1 ]
    try postern events --after "$(jq -r 'select(.seq == 2).position' "$LINES_FILE")"
    [ "${#lines[@]}" -eq 2 ]
    try postern events --after now
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    postern account put other --no-default-public-key
    try postern events --account other
    [ "${#lines[@]}" -eq 1 ]
    answer '.what == "put_account" and .account == "other"'
    try postern events --after yesterday
    [ "$status" -eq 2 ]
    [[ "$stderr" == *'--after "yesterday"'*now* ]]
}

@test "X8 change events come at once while following" {
    start_daemon
    furnish
    follow --interval 1h
    soon 'length == 2'
    poll 60 calls_in_flight 1
    local began=$SECONDS
    make_key acme one
    soon 'length == 3 and .[2].what == "create"'
    postern disable "$KEY_ID"
    soon 'length == 4 and .[3].what == "update"'
    postern enable "$KEY_ID"
    soon 'length == 5'
    roll_key "$KEY_ID"
    soon 'length == 8 and .[5].what == "roll" and .[5].seq == .[6].seq and .[5].position != .[6].position'
    lines_are '.[7].event == "expiry" and .[7].days == 1' # of the old key, whose grace is 12 hours
    # Far less than the minute that a wait may last.
    [ $((SECONDS - began)) -lt 40 ]
    alive "$FOLLOWER"
}

@test "X8 a follower ends when nobody reads it" {
    start_daemon
    furnish
    timeout 60 sh -c 'postern events --follow --interval 1s | head -n 1' >"$LINES_FILE"
    lines_are 'length == 1'
}

# Changes of one record and of two, for so many rounds.
make_changes() {
    local round
    for ((round = 0; round < $1; round++)); do
        postern scope put "s$round" >/dev/null
        make_key acme "k$round"
        note_token "$(postern roll "$KEY_ID" 2>/dev/null)"
    done
}

@test "X8 a follower that is killed and started again with --after loses nothing and repeats nothing" {
    start_daemon
    furnish
    follow --interval 1s
    soon 'length == 2'
    make_changes 12 &
    local changes=$! round
    for round in 1 2 3 4 5 6; do
        pause "0.$((RANDOM % 7 + 1))"
        stop_following
        go_on --interval 1s
    done
    wait "$changes"
    local records
    records=$(postern audit --json | jq -s length)
    [ "$records" -eq 50 ]
    # Each roll sets an expiry that is near, and has a notice of its own.
    soon "map(select(.event == \"change\")) | length >= $records"
    soon 'map(select(.event == "expiry")) | length >= 12'
    stop_following
    lines_are 'map(select(.event == "expiry").key_id) | length == 12 and unique == sort'
    # Behind any line the rest begins, also between two records of one change.
    postern audit --json | jq -c . >"$BATS_TEST_TMPDIR/audit"
    jq -c 'select(.event == "change") | del(.event, .time, .position)' "$LINES_FILE" >"$BATS_TEST_TMPDIR/printed"
    diff "$BATS_TEST_TMPDIR/audit" "$BATS_TEST_TMPDIR/printed"
    local n
    for n in 1 17 30 31 49 62; do
        postern events --after "$(sed -n "${n}p" "$LINES_FILE" | jq -r .position)" >"$BATS_TEST_TMPDIR/rest"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/rest")" -eq $((records + 12 - n)) ]
    done
}

@test "X8 an account-admin follows its own account alone, and no longer than its key works" {
    start_daemon
    furnish
    make_key acme administrator --scope postern:account-admin
    local admin=$TOKEN admin_id=$KEY_ID
    postern account put other --no-default-public-key
    POSTERN_API_KEY=$admin follow
    soon 'length == 2 and .[1].key_id == "'"$admin_id"'"'
    make_key other theirs
    postern scope put read
    make_key acme ours
    soon 'length == 3 and .[2].key_id == "'"$KEY_ID"'"'
    lines_are 'all(.[]; .account == "acme")'
    try env POSTERN_API_KEY="$admin" postern events --account other
    [ "$status" -eq 1 ]
    [[ "$stderr" == *NOT_FOUND* ]]
    # Its own end is no event that it gets to see.
    postern revoke "$admin_id"
    poll 60 gone "$FOLLOWER"
    lines_are 'length == 3'
    grep -q 'UNAUTHENTICATED' "$LINES_FILE.errors"
}

daemon_time_is() {
    [ "$(postern top --once --json | jq .time_ms)" -ge "$1" ]
}

@test "X8 expiry notices come 30, 7 and 1 days before, once each, over restarts of the follower too" {
    make_clock_home
    start_shimmed
    furnish
    make_key acme long --expires 40d
    local long=$KEY_ID
    make_key acme short --expires 8d
    local short=$KEY_ID
    make_key acme revoked --expires 40d
    postern revoke "$KEY_ID"
    make_key acme eternal
    follow --interval 1s
    soon 'length == 8'
    # Of the short one 30 days before has passed when it is made: it is told then.
    notices 1 "(.event == \"expiry\" and .days == 30 and .key_id == \"$short\" and .account == \"acme\" and
        .name == \"short\" and .state == \"ACTIVE\" and .time_ms >= $NOON_MS and
        .time_ms < $NOON_MS + $HOUR_MS)"
    set_wall $((2 * DAY_MS)) # 7 days and less before the end of the short one
    notices 2 "(.days == 7 and .key_id == \"$short\" and .expires_at_ms == .time_ms + 7 * $DAY_MS)"
    stop_following
    go_on --interval 1s
    set_wall $((7 * DAY_MS + HOUR_MS)) # a day before
    notices 3 ".days == 1 and .key_id == \"$short\""
    set_wall $((11 * DAY_MS)) # 30 days before the end of the long one
    notices 4 ".days == 30 and .key_id == \"$long\""
    stop_following
    # What becomes due while nobody listens is not lost.
    set_wall $((34 * DAY_MS))
    go_on --interval 1s
    notices 5 ".days == 7 and .key_id == \"$long\""
    stop_following
    go_on --interval 1s
    set_wall $((39 * DAY_MS + HOUR_MS))
    notices 6 ".days == 1 and .key_id == \"$long\""
    set_wall $((60 * DAY_MS))
    poll 60 daemon_time_is $((NOON_MS + 60 * DAY_MS))
    make_key acme last --expires 2d
    notices 7 '.name == "last" and .days == 7'
    set_wall $((61 * DAY_MS + HOUR_MS))
    notices 8 '.name == "last" and .days == 1 and .seq >= 8'
    stop_following
    # Who begins afresh hears of what is to come, not of what has expired.
    postern events >"$LINES_FILE"
    notices 2 '.name == "last"'
    # An account-admin hears of its own keys.
    make_key acme administrator --scope postern:account-admin
    POSTERN_API_KEY=$TOKEN postern events >"$LINES_FILE"
    notices 2 '.name == "last"'
    postern account put other --no-default-public-key
    make_key other administrator --scope postern:account-admin
    POSTERN_API_KEY=$TOKEN postern events >"$LINES_FILE"
    notices 0 '. == null'
}

# of_expiries FILE: its notices, without what depends on who prints them and when.
of_expiries() {
    jq -c 'select(.event == "expiry") | [.time_ms, .key_id, .days]' "$1"
}

# others_hear_the_same [STEP]: a reader that begins, and one that goes on behind a line (each STEPth), hear what
# LINES_FILE has.
others_hear_the_same() {
    local line all=$BATS_TEST_TMPDIR/all some=$BATS_TEST_TMPDIR/some
    of_expiries "$LINES_FILE" >"$all"
    postern events >"$some"
    diff "$all" <(of_expiries "$some")
    for ((line = 1; line <= $(wc -l <"$LINES_FILE"); line += ${1-1})); do
        postern events --after "$(sed -n "${line}p" "$LINES_FILE" | jq -r .position)" >"$some"
        diff <(tail -n "+$((line + 1))" "$LINES_FILE" | of_expiries -) <(of_expiries "$some")
    done
    # Behind a change, by its number alone: what has come since the next one.
    postern events --after 2 >"$some"
    diff "$all" <(of_expiries "$some")
}

@test "X8 an expiry that is brought nearer is noticed at once, then in its time, by every reader alike" {
    make_clock_home
    start_shimmed
    furnish
    make_key acme old
    local old=$KEY_ID
    make_key acme moved --expires 400d
    local moved=$KEY_ID
    set_wall $((100 * DAY_MS))
    poll 60 daemon_time_is $((NOON_MS + 100 * DAY_MS))
    follow --interval 1h
    soon 'map(select(.what == "create")) | length == 2'
    # At once, though it looks but once in an hour. The time is that of the change.
    roll_key "$old"
    notices 1 ".key_id == \"$old\" and .days == 1 and .state == \"ROLLING\" and
        .successor_key_id == \"$KEY_ID\" and .expires_at_ms == .time_ms + $DAY_MS / 2"
    soon '([.[] | select(.what == "roll")][0].time_ms) == ([.[] | select(.event == "expiry")][-1].time_ms)'
    postern update "$moved" --expires 5d
    notices 2 ".key_id == \"$moved\" and .days == 7"
    soon '([.[] | select(.what == "update")][0].time_ms) == ([.[] | select(.event == "expiry")][-1].time_ms)'
    make_key acme hours --expires 13h
    notices 3 '.name == "hours" and .days == 1'
    make_key acme days --expires 6d
    notices 4 '.name == "days" and .days == 7'
    # Neither a later expiry nor another setting tells it again.
    postern update "$moved" --name moved
    make_key acme far --expires 60d
    soon 'any(.[]; .after[]? == {"key": "name", "value": "far"})'
    others_hear_the_same
    stop_following
    go_on --interval 1s
    # What an import brings.
    local hash
    hash=$(printf other_token_of_enough_letters | sha256sum | cut -d ' ' -f 1)
    postern import --account acme --env live \
        <<<"{\"name\": \"imported\", \"expires_at_ms\": $((NOON_MS + 103 * DAY_MS)), \"sha256\": \"$hash\"}"
    notices 5 '.name == "imported" and .days == 7'
    # 12 hours before nobody's end: the one that was moved is a day away.
    set_wall $((104 * DAY_MS + HOUR_MS))
    poll 60 daemon_time_is $((NOON_MS + 104 * DAY_MS))
    notices 7 ".key_id == \"$moved\" and .days == 1"
    # Neither the roll nor the successor says anything more, and of what has expired only a follower has heard.
    postern events >"$BATS_TEST_TMPDIR/some"
    diff <(of_expiries "$LINES_FILE" | grep -v -e "$old" -e "$(jq -r 'select(.name == "hours").key_id' "$LINES_FILE")" \
        -e "$(jq -r 'select(.name == "imported").key_id' "$LINES_FILE")") <(of_expiries "$BATS_TEST_TMPDIR/some")
}

@test "X8 no notice is lost or doubled while expiries are set all the time" {
    start_daemon
    furnish
    follow --interval 1s
    soon 'length == 2'
    local worker
    for worker in 1 2 3; do
        (for _ in 1 2 3 4 5 6 7 8; do postern create --account acme --name k --expires 3h >/dev/null 2>&1; done) &
    done
    pause 0.4
    stop_following
    go_on --interval 1s
    soon 'map(select(.event == "expiry")) | length == 24'
    stop_following
    lines_are 'map(select(.event == "expiry") | .key_id) | length == (unique | length)'
    lines_are 'map(select(.event == "expiry") | [.time_ms, .key_id]) | . == sort'
    others_hear_the_same 7
}

# use_often TIMES [OPTION]...: the key of TOKEN is used.
use_often() {
    try postern verify --batch "${@:2}" < <(yes "$TOKEN" | head -n "$1")
    [ "${#lines[@]}" -eq "$1" ]
}

@test "X8 unusual activity shows, once in an hour for each key and kind" {
    need_time_namespace
    start_daemon
    furnish
    make_key acme loud
    postern verify - --address 192.0.2.1 <<<"$TOKEN" >/dev/null
    stop_daemon
    start_daemon_later $((30 * 3600 + 600 - $(date +%s) % 3600))
    follow --after now --interval 1s
    use_often 30 --address 192.0.2.1
    local unusual='map(select(.event == "unusual"))'
    soon "$unusual | length == 1 and (.[0] | .unusual == [\"VOLUME\"] and .key_id == \"$KEY_ID\" and
        .name == \"loud\" and .account == \"acme\" and .activity.calls >= 20 and .activity.usual_calls == 0)"
    stop_following
    go_on --interval 1s
    use_often 1 --address 198.51.100.7
    soon "$unusual | length == 2 and (.[1] | .unusual == [\"NEW_ADDRESS\"] and .last_used_address == \"198.51.100.7\")"
    stop_following
    # Another look tells nothing twice; a reader that knows nothing is told all.
    postern events --after "$(tail -n 1 "$LINES_FILE" | jq -r .position)" >>"$LINES_FILE"
    lines_are "$unusual | length == 2"
    postern events >"$LINES_FILE"
    lines_are "$unusual | length == 1 and (.[0].unusual | sort) == [\"NEW_ADDRESS\", \"VOLUME\"]"
}

@test "X8 five lines of shell make a webhook" {
    start_daemon
    furnish
    cd "$BATS_TEST_TMPDIR"
    cat >hook <<'HOOK'
postern events --follow --after "$(cat position 2>/dev/null || echo 0)" | while read -r event; do
    printf %s "$event" | ./deliver || exit 1
    printf %s "$event" | jq -r .position >position.new && mv position.new position
done
HOOK
    printf '#!/bin/sh\ncat >>delivered && echo >>delivered\n' >deliver
    chmod +x deliver
    setsid sh ./hook 3>&- &
    HOOK_GROUP=$!
    poll 60 test -s position
    postern scope put read
    poll 60 grep -q ^3/ position
    grep -q '"what": "put_scope"' delivered
    [ "$(wc -l <delivered)" -eq 3 ]
}
