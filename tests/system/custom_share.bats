#!/usr/bin/env bats
# Whoever makes up subjects keeps out nobody else, and operators remove subjects.

load ../support/keys

setup() {
    note_failures_only
    unset DAEMON_HOME DAEMON_PID
}

teardown() {
    drop_daemon
}

# count NAMESPACE/IDENTIFIER: one of ten an hour.
count() {
    call ratecheck --custom "$1" --limit tries=10/hour --charge tries
}

# left NAMESPACE/IDENTIFIER EXPECTED
left() {
    call ratecheck --custom "$1" --limit tries=10/hour --charge tries --peek
    done_so ".meters[0].remaining == $2"
}

# Another user sees neither the build folder nor the sources: the program comes by a descriptor.
as_nobody() {
    try setpriv --reuid 65534 --regid 65534 --clear-groups /proc/self/fd/9 "$@" --json 9<"$POSTERN_BIN/postern"
}

# made_up NUMBER: a subject that nobody has named before, and of which too much is spent at once to be swept away.
made_up() {
    as_nobody ratecheck --custom "spam/$1" --limit tries=5/hour --charge tries
}

@test "a local user who makes up subjects locks out nobody" {
    [ "$(id -u)" -eq 0 ] || skip "needs root, to be another user"
    start_daemon --max-custom-meters 64
    chmod 0711 "$DAEMON_HOME" "$DAEMON_HOME/run"
    chmod 0666 "$DAEMON_SOCKET"
    postern tier put free --limit requests=10/min --default
    postern account put acme --no-default-public-key
    make_key acme service --scope postern:ratecheck
    count login/192.0.2.1
    done_so .allowed
    local n=0
    made_up 0
    while [ "$status" -eq 0 ] && [ "$n" -lt 100 ]; do
        n=$((n + 1))
        made_up "$n"
    done
    [ "$n" -eq 60 ]
    failed RESOURCE_EXHAUSTED rate_check.custom.identifier 'your share' 'namespace spam'
    answer '.error.retry_after_ms > 0'
    # Everybody else goes on: another user, a service by its key, who is known, and also this user's other namespaces.
    count login/192.0.2.2
    done_so .allowed
    as "$TOKEN" ratecheck --custom mail/ann --limit tries=10/hour --charge tries
    done_so .allowed
    left login/192.0.2.1 9
    made_up 0
    done_so ".meters[0].remaining == 3"
    as_nobody ratecheck --custom own/other --limit tries=10/hour --charge tries
    failed RESOURCE_EXHAUSTED rate_check.custom.identifier # by now the room is nearly gone, and he has taken most of it
    count mail/bob
    done_so .allowed
    try postern stats
    [[ "$output" == *'of custom subjects on disk, of 3 callers'* ]]
}

@test "a subject that an operator has removed begins full, also after kill -9, and the log says who did it" {
    start_daemon
    local i
    for i in 1 2 3 4; do
        count login/ann
        count login/bob
    done
    left login/ann 6
    call ratecheck --custom login/ann --remove
    done_so '.meters == 1'
    kill_daemon
    start_daemon
    left login/ann 10
    [ "$(postern ratecheck --custom login/bob --limit tries=10/hour --peek --json | jq '.meters[0].remaining')" -le 6 ]
    grep -q "uid:$(id -u) has removed the custom subject login/ann: 1 meters on disk" "$DAEMON_LOG"
    count login/ann
    done_so '.meters[0].remaining == 9'
    try postern ratecheck --custom login/ann --remove
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = REMOVED ]
    left login/ann 10
    try postern ratecheck --custom login/nobody --remove
    [ "$status" -eq 0 ]
    [[ "$output" == *'is it spelled right?'* ]]
}

@test "who is no operator removes nothing, and what makes no sense is misuse" {
    start_daemon
    postern tier put free --limit requests=10/min --default
    postern account put acme --no-default-public-key
    make_key acme admin --scope postern:account-admin --scope postern:meter-reset
    count login/ann
    as "$TOKEN" ratecheck --custom login/ann --remove
    failed PERMISSION_DENIED '' operator
    left login/ann 9
    local words
    for words in "--remove" "--custom login --remove" "--custom login/ann --remove --peek" \
        "--account acme --remove" "--custom login/ann --remove --limit tries=10/hour"; do
        # shellcheck disable=SC2086 # they are words
        try postern ratecheck $words
        [ "$status" -eq 2 ]
    done
    # The error names the option that was wrong.
    try postern ratecheck --custom "Log in/ann" --remove
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"--custom"* && "$stderr" != *"--reset"* ]] || { echo "$stderr"; return 1; }
}
