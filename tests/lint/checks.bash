# For the lints whose rules are a Python module. To start Python takes longer than most checks, so one process answers
# all of a test's.
# shellcheck shell=bash

load ../support/failures

# start_checks MODULE: for setup.
start_checks() {
    note_failures_only
    coproc CHECKS { exec python3 -B "$BATS_TEST_DIRNAME/$1" - 3>&-; }
}

# check LINT [PATH]...: prints what breaks the rule, in the source tree if no path is given; fails if anything does.
check() {
    local line IFS=$'\t'
    [ $# -gt 1 ] || set -- "$1" "$SOURCE"
    echo "$*" >&"${CHECKS[1]}"
    while IFS= read -r line <&"${CHECKS[0]}"; do
        [[ $line != $'\f'* ]] || return "${line#?}"
        echo "$line"
    done
    echo "no answer to: $*"
    return 2
}
