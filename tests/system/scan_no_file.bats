#!/usr/bin/env bats
# What scan does with pipes, sockets and devices: it never waits for them, and says that it did not read them.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/scan

setup_file() {
    start_with_leak
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    make_place
}

make_socket() {
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1"
}

@test "a pipe or a socket in a directory is named as what could not be read, and all files are" {
    mkfifo "$PLACE/pipe"
    make_socket "$PLACE/socket"
    echo "$TOKEN" >"$PLACE/token"
    echo nothing >"$PLACE/zero"
    scan 1 "$PLACE"
    [[ "$output" == "$PLACE/token:1: $KEY_ID "* ]]
    [[ "$stderr" == *"cannot read $PLACE/pipe: it is a named pipe"* ]]
    [[ "$stderr" == *"cannot read $PLACE/socket: it is a socket"* ]]
    [[ "$stderr" == *"2 files scanned, 1 token found"*"; 2 could not be read" ]]
    rm "$PLACE/token"
    scan 1 "$PLACE"
    scan 0 "$PLACE" --skip-unreadable
    [[ "$stderr" == *"; 2 could not be read and were skipped" ]]
    scan 1 "$PLACE" --json
    [ "$(jq -r 'select(.unreadable) | .file' <<<"$output" | sort)" = "$PLACE/pipe"$'\n'"$PLACE/socket" ]
}

@test "a named pipe, a socket or a device on the command line is not waited for" {
    mkfifo "$PLACE/pipe"
    make_socket "$PLACE/socket"
    ln -s "$PLACE/pipe" "$PLACE/link"
    local path
    for path in pipe link socket; do
        scan 1 "$PLACE/$path"
        [[ "$stderr" == *"cannot read $PLACE/$path: it is a "*"0 files scanned"*"; 1 could not be read" ]]
        scan 0 "$PLACE/$path" --skip-unreadable
    done
    scan 1 /dev/zero
    [[ "$stderr" == *"cannot read /dev/zero: it is a device"* ]]
    exec {writer}<>"$PLACE/pipe" # somebody may write to it, and does not
    scan 1 "$PLACE/pipe"
    exec {writer}>&-
}

@test "what a command writes is read, by <(command) and by standard input" {
    scan 1 <(echo "$TOKEN")
    [[ "$output" == *":1: $KEY_ID "* ]]
    scan 1 <(pause 0.3; echo "$TOKEN")
    [[ "$output" == *":1: $KEY_ID "* ]]
    mkfifo "$PLACE/pipe"
    echo "$TOKEN" >"$PLACE/pipe" &
    scan 1 - <"$PLACE/pipe"
    [[ "$output" == *":1: $KEY_ID "* ]]
}
