# Helpers for tests of scan.
# shellcheck shell=bash

# shellcheck source=tests/support/keys.bash
source "${BASH_SOURCE[0]%/*}/keys.bash"

# start_with_leak: for setup_file: a daemon, and a key of acme whose TOKEN is to be found.
start_with_leak() {
    start_daemon
    postern account put acme --no-default-public-key
    postern tier put free --limit requests=100/min --default
    make_key acme leaked
    export TOKEN KEY_ID
}

# make_place [NAME]: an empty directory, PLACE.
make_place() {
    PLACE=$BATS_TEST_TMPDIR/${1-place}
    mkdir "$PLACE"
}

# make_account: ACCOUNT, of this test alone.
make_account() {
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
}

# scan EXIT_STATUS WORD...: it ends by itself, whoever writes to a pipe or not, and no answer ever shows the token.
scan() {
    try timeout 600 postern scan "${@:2}"
    [ "$status" -eq "$1" ] || { echo "exit status $status: $output $stderr"; return 1; }
    [[ "$output$stderr" != *"$TOKEN"* ]]
    [[ "$output$stderr" != *"${TOKEN: -49:43}"* ]]
}
