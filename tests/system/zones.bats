#!/usr/bin/env bats
# Time zones of calendar periods: of the installation, a tier, an account. What days of 23 and 25 hours are, and what a
# change of the zone does to a window, is in unit/limit_calendar_test and unit/limit_zone_test.

load ../support/keys

setup_file() {
    start_daemon --time-zone Asia/Kolkata
    postern tier put plain --limit requests=40/day --limit exports=3/week --default
    postern tier put west --limit requests=40/day --limit exports=3/week --time-zone America/New_York
}

teardown_file() {
    drop_daemon
}

# An account of this test alone.
setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
}

teardown() {
    drop_own_daemon
}

# account [OPTION]...: the test's.
account() {
    postern account put "$ACCOUNT" --no-default-public-key "$@" >/dev/null
}

charge() {
    call ratecheck --account "$ACCOUNT" "$@"
}

# left EXPECTED: of the account's requests.
left() {
    charge --charge requests --peek
    answer ".meters[0].remaining == $1"
}

# next ZONE DAY: the next midnight there before DAY (tomorrow, next Monday), in milliseconds.
next() {
    echo "$(TZ=$1 date -d "$2 00:00" +%s)000"
}

# ends_at_midnight ZONE: what is charged today is free again at the next midnight there, and what is charged this week
# at the one before Monday. The day may end while this looks.
ends_at_midnight() {
    local before after
    before="$(next "$1" tomorrow) $(next "$1" "next Monday")"
    charge --charge requests --charge exports
    done_so .allowed
    after="$(next "$1" tomorrow) $(next "$1" "next Monday")"
    is_one_of "${before% *}" "${after% *}" 0
    is_one_of "${before#* }" "${after#* }" 1
}

# is_one_of MS MS N: the N-th meter's reset is, but for what the daemon's clock is off.
is_one_of() {
    answer ".meters[$3].reset_at_ms | (. - $1 | fabs) < 5000 or (. - $2 | fabs) < 5000"
}

# noon HOURS: a zone where it is about noon, and so many hours more.
noon() {
    local ahead=$((12 - 10#$(date -u +%H) + $1))
    if [ "$ahead" -ge 0 ]; then echo "Etc/GMT-$ahead"; else echo "Etc/GMT+$((-ahead))"; fi
}

@test "X3 days and weeks begin in the account's zone, else in its tier's, else in the installation's" {
    account --tier plain
    ends_at_midnight Asia/Kolkata
    ACCOUNT=$ACCOUNT-west
    account --tier west
    ends_at_midnight America/New_York
    ACCOUNT=$ACCOUNT-own
    account --tier west --time-zone Pacific/Kiritimati
    ends_at_midnight Pacific/Kiritimati
}

@test "X3 a key's own limits follow its account's zone, and a custom subject's the installation's" {
    account --tier plain --time-zone Europe/Berlin
    make_key "$ACCOUNT" key --limit exports=1/day
    local before
    before=$(next Europe/Berlin tomorrow)
    call verify --charge exports - <<<"$TOKEN"
    done_so .allowed
    is_one_of "$before" "$(next Europe/Berlin tomorrow)" 1
    before=$(next Asia/Kolkata tomorrow)
    call ratecheck --custom zones/one --limit a=5/day --charge a
    done_so .allowed
    is_one_of "$before" "$(next Asia/Kolkata tomorrow)" 0
}

@test "X3 a change of the zone opens no window twice: there and back, by account and tier, over kill -9 and a stop" {
    own_daemon --time-zone "$(noon 0)"
    postern tier put plain --limit requests=40/day --default
    account --tier plain
    charge --charge requests=30
    done_so .allowed
    left 10
    local zone round
    for round in 1 2; do
        for zone in "$(noon 1)" "$(noon -1)" "$(noon 0)"; do
            account --time-zone "$zone"
            left 10
        done
        postern tier update plain --time-zone "$(noon "$round")"
        postern account update "$ACCOUNT" --no-time-zone
        left 10
        restart_daemon --time-zone "$(noon -1)"
        left 10
    done
    account --time-zone "$(noon 1)"
    kill_daemon
    start_daemon --time-zone "$(noon 0)"
    charge --charge requests --peek
    answer '.meters[0].remaining <= 10'
    charge --charge requests=11
    answer '.reason == "RATE_LIMITED"'
}

@test "X3 a zone that is not there is refused by name, and changes nothing" {
    account --tier plain --time-zone Europe/Berlin
    call account put "$ACCOUNT" --time-zone Mars/Olympus
    failed INVALID_ARGUMENT put_account.time_zone /usr/share/zoneinfo tzdata
    call tier put plain --time-zone Europe
    failed INVALID_ARGUMENT put_tier.time_zone /usr/share/zoneinfo
    local bad
    for bad in ../../etc/passwd /etc/localtime Europe//Berlin 'Europe/Berlin ' +02:00 zone.tab; do
        call account put "$ACCOUNT" --time-zone "$bad"
        failed INVALID_ARGUMENT put_account.time_zone "is not the name of a time zone"
    done
    call account get "$ACCOUNT"
    done_so '.account.time_zone == "Europe/Berlin"'
    try "$POSTERN_BIN/posternd" --data "$BATS_TEST_TMPDIR/d" --listen "ipc://$BATS_TEST_TMPDIR/s" \
        --time-zone Mars/Olympus
    [ "$status" -eq 2 ]
    [[ "$stderr" == *"--time-zone Mars/Olympus: there is no time zone of that name"* ]]
    try "$POSTERN_BIN/posternd" --data "$BATS_TEST_TMPDIR/d" --listen "ipc://$BATS_TEST_TMPDIR/s" \
        --time-zone Europe/Berlin --utc-offset +01:00
    [ "$status" -ne 0 ]
    [[ "$stderr" == *"not both"* ]]
}

@test "X3 a zone is shown, taken away, and its change is on the record" {
    account --tier west --time-zone Europe/Berlin
    try postern account get "$ACCOUNT"
    [[ "$output" == *"time zone "*"Europe/Berlin"* ]]
    try postern tier list
    [[ "$output" == *"TIME ZONE"*"America/New_York"* ]]
    call audit --account "$ACCOUNT"
    [[ "$output" == *time_zone*Europe/Berlin* ]]
    postern account put "$ACCOUNT" --no-default-public-key --display-name Acme >/dev/null # keeps what is not given
    call account get "$ACCOUNT"
    done_so '.account.time_zone == "Europe/Berlin"'
    try postern account update "$ACCOUNT" --no-time-zone
    [ "$status" -eq 0 ]
    call account get "$ACCOUNT"
    done_so '(.account.time_zone // "") == ""'
}

@test "X3 without its zone's file an account goes by the installation's, and the log says so once" {
    own_daemon
    postern tier put plain --limit requests=40/day --limit exports=3/week --default
    account --tier plain --time-zone Pacific/Kiritimati
    mkdir "$BATS_TEST_TMPDIR/none"
    stop_daemon
    TZDIR=$BATS_TEST_TMPDIR/none start_daemon
    ends_at_midnight UTC
    charge --charge requests
    done_so .allowed
    [ "$(grep -c 'time zone Pacific/Kiritimati is not in' "$DAEMON_LOG")" -eq 1 ]
}

@test "X3 help says from where windows are counted" {
    try postern tier put --help
    [[ "$output" == *"2h, 12h, 2d, 7d and the like are counted from 1970-01-01T00:00:00Z, whatever the zone"* ]]
    [[ "$output" == *"the time zone of the account, its tier or posternd"* ]]
    # And so they are: two days are two days of UTC, whatever the account's zone.
    account --time-zone Pacific/Kiritimati --limit steps=5/2d
    charge --charge steps
    done_so '(.meters[0].reset_at_ms + 5000) % 172800000 < 10000'
}
