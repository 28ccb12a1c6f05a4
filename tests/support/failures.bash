# For tests of bats that run many commands.
# shellcheck shell=bash

# Before every command bats notes where it is, for the report of a failure. That takes a tenth of the time of these
# tests, so from here on it does so only when a command has failed. Each setup calls it.
note_failures_only() {
    declare -F bats_debug_trap bats_error_trap >/dev/null || return 0 # a bats that does this in another way
    trap - DEBUG
    # A test that ends by `return` has no command that failed: without a note bats names none.
    BATS_DEBUG_LAST_STACK_TRACE=() BATS_DEBUG_LASTLAST_STACK_TRACE=()
    # Twice: bats reports the last note but one.
    trap 'bats_debug_trap "$BASH_SOURCE"; bats_debug_trap "$BASH_SOURCE"; bats_error_trap' ERR
}
