#!/usr/bin/env bats
# The addresses that the real daemon listens on: directories, groups, refusals, and sockets that are handed over.

load ../support/keys

setup() {
    note_failures_only
    make_home
}

teardown() {
    drop_daemon
}

logged() {
    grep -q "$1" "$DAEMON_LOG"
}

@test "the directory of a socket is made 0750, and both are of the group that is asked for" {
    local group url
    group=$(id -gn)
    if [ "$(id -u)" -eq 0 ]; then
        group=$(getent group nogroup | cut -d: -f1)
    fi
    url=ipc://$DAEMON_HOME/made/postern.sock
    POSTERN_URL=$url start_daemon --socket-group "$group" --socket-mode 0660
    [ "$(stat -c '%a %G' "$DAEMON_HOME/made")" = "750 $group" ]
    [ "$(stat -c '%a %G' "$DAEMON_HOME/made/postern.sock")" = "660 $group" ]
    stop_daemon
    run timeout 60 posternd --data "$DAEMON_DATA" --listen "$POSTERN_URL" --socket-group no-such-group
    [ "$status" -eq 2 ]
    [[ "$output" == *'there is no group "no-such-group"'*"make it (groupadd)"* ]]
}

@test "an address that is none of this machine is refused with what to give instead" {
    run timeout 60 posternd --data "$DAEMON_DATA" --listen tcp://192.0.2.1:7117 --allow-plain-tcp
    [ "$status" -eq 1 ]
    [[ "$output" == *"cannot listen on tcp://192.0.2.1:7117: "*"give an address, or a host's name, of this machine"* ]]
}

@test "an address that the flags do not allow is misuse, and nothing is made for it" {
    local text url
    while read -r url text; do
        run timeout 60 posternd --data "$DAEMON_DATA" --listen "$url"
        [ "$status" -eq 2 ]
        [[ "$output" == *"$url"*"$text"* ]]
        [ ! -e "$DAEMON_DATA" ]
    done <<'END'
tls+tcp://127.0.0.1:7117 give --tls-certificate FILE and --tls-key FILE
tcp://0.0.0.0:7117 allow it with --allow-plain-tcp
ipc:///nowhere/s;max=all behind an address comes ;max=anyone
udp://127.0.0.1:7117 is not an address; write for example ipc:///run/postern/postern.sock
END
}

@test "a zone, a group that there is not and an address given twice are misuse, and nothing is made for them" {
    local text flags
    while IFS='|' read -r flags text; do
        # shellcheck disable=SC2086
        run timeout 60 posternd --data "$DAEMON_DATA" --listen ipc:///nowhere/s $flags
        [ "$status" -eq 2 ]
        [[ "$output" == *"$text"* ]] || { echo "$output"; return 1; }
        [ ! -e "$DAEMON_DATA" ]
    done <<'END'
--time-zone No/Where|--time-zone No/Where: 
--socket-group no-such-group|there is no group "no-such-group"
--listen ipc:///nowhere/s|--listen ipc:///nowhere/s is given twice
END
}

# may_not_give MODE TEXT: of a daemon of nobody's, whose directory has that mode, or is not there, with root's group.
may_not_give() {
    local nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    [ "$(id -u)" -eq 0 ] || nobody=()
    try timeout 60 "${nobody[@]}" posternd --data "$DAEMON_HOME/its/data" --listen "ipc://$1" --socket-group root
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"$2"* ]] || { echo "$stderr"; return 1; }
}

@test "a group that the daemon is no member of is named, with the socket or the directory that it cannot have" {
    id -nG | tr ' ' '\n' | grep -qx root && [ "$(id -u)" -ne 0 ] && skip "is a member of root's group"
    chmod 755 "$DAEMON_HOME"
    mkdir "$DAEMON_HOME/its"
    [ "$(id -u)" -ne 0 ] || chown 65534 "$DAEMON_HOME/its"
    local its=$DAEMON_HOME/its
    may_not_give "$its/postern.sock" "cannot give $its/postern.sock to the group root: Operation not permitted: the \
daemon's user has to be a member of it"
    may_not_give "$its/made/postern.sock" "cannot give $its/made to the group of --socket-group (0): Operation not \
permitted: the daemon's user has to be a member of it"
}

# handed WORD...: the daemon, as the service manager starts it with sockets in its hands.
handed() {
    export HANDED_PID=$1 HANDED_FDS=$2
    setpriv() {
        exec setpriv "${@:1:2}" bash -c 'pid=$HANDED_PID
            [ "$pid" != own ] || pid=$$
            LISTEN_PID=$pid LISTEN_FDS=$HANDED_FDS exec "$@"' sh "${@:3}" 3</dev/null
    }
    start_daemon
    unset -f setpriv
    stop_daemon
}

@test "sockets that the service manager hands over are not taken, and that is said" {
    local says="the service manager hands over"
    handed own 1
    logged "$says 1 socket (LISTEN_FDS), which posternd cannot take: it listens on what --listen names"
    : >"$DAEMON_LOG"
    handed own 2
    logged "$says 2 sockets"
    : >"$DAEMON_LOG"
    handed 1 2 # another process's
    ! logged "$says"
    handed own 0
    ! logged "$says"
    handed own nonsense
    ! logged "$says"
}
