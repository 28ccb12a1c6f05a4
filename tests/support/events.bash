# Helpers for tests of events, and of readers that follow them.
# shellcheck shell=bash

# shellcheck source=tests/support/keys.bash
source "${BASH_SOURCE[0]%/*}/keys.bash"
# shellcheck source=tests/support/clock.bash
source "${BASH_SOURCE[0]%/*}/clock.bash"

start_lines() {
    LINES_FILE=$BATS_TEST_TMPDIR/lines
    : >"$LINES_FILE"
}

# furnish: a daemon that runs gets what the tests need.
furnish() {
    postern tier put free --limit requests=100000/day --default
    postern account put acme --env test --env live --no-default-public-key
}

# follow [OPTION]...: lines are added to LINES_FILE until stop_following.
follow() {
    setpriv --pdeathsig KILL postern events --follow "$@" >>"$LINES_FILE" 2>>"$LINES_FILE.errors" 3>&- &
    FOLLOWER=$!
}

# A kill, in the middle of whatever it does. Of a line that was not finished nothing is left.
stop_following() {
    [ -n "${FOLLOWER-}" ] || return 0
    kill -KILL "$FOLLOWER" 2>/dev/null || true
    wait "$FOLLOWER" 2>/dev/null || true
    FOLLOWER=
    [ ! -s "$LINES_FILE" ] || [ -z "$(tail -c 1 "$LINES_FILE")" ] || sed -i '$d' "$LINES_FILE"
}

# go_on [OPTION]...: follows behind the last line that there is.
go_on() {
    follow --after "$(tail -n 1 "$LINES_FILE" | jq -r .position)" "$@"
}

# lines_are FILTER: jq's FILTER is true of all lines as one list.
lines_are() {
    jq -se "$1" "$LINES_FILE" >/dev/null && return 0
    echo "not so: $1"
    cat "$LINES_FILE" "$LINES_FILE.errors" 2>/dev/null
    return 1
}

# soon FILTER: it becomes so.
soon() {
    poll 60 lines_are "$1" || lines_are "$1"
}

# notices COUNT FILTER: so many notices of expiries have come, and the newest is so.
notices() {
    soon "map(select(.event == \"expiry\")) | length == $1 and (.[-1] | $2)"
}

# So many calls wait or are under way, beside the one that asks.
calls_in_flight() {
    postern stats --json | jq -e ".connections.calls_in_flight - 1 >= $1"
}
