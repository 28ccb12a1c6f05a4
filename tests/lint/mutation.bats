#!/usr/bin/env bats
# The mutations still fit the tree. (tests/mutation/run tries them, which takes minutes.)

load ../support/failures

bats_require_minimum_version 1.5.0

setup() {
    note_failures_only
    RUN=$BATS_TEST_DIRNAME/../mutation/run
}

@test "every mutation finds its line" {
    "$RUN" --check
}

# table LINE: a list of one mutation of this file.
table() {
    printf 'mutation: something\nfile: tests/lint/mutation.bats\n- %s\n+ else\ntest: unit_x_test\n' "$1" \
        >"$BATS_TEST_TMPDIR/mutations"
}

@test "a mutation whose line is not there, or there twice, is an error" {
    table "    RUN=\$BATS_TEST_DIRNAME/../mutation/run"
    "$RUN" --check --table "$BATS_TEST_TMPDIR/mutations"
    table '    no such line'
    run "$RUN" --check --table "$BATS_TEST_TMPDIR/mutations"
    [ "$status" -eq 2 ]
    [[ "$output" == *"something: its line is 0 times in tests/lint/mutation.bats"* ]]
    table '}'
    run "$RUN" --check --table "$BATS_TEST_TMPDIR/mutations"
    [ "$status" -eq 2 ]
}

@test "a list that is not understood is an error, with its line" {
    printf 'mutation: something\nfle: x\n' >"$BATS_TEST_TMPDIR/mutations"
    run "$RUN" --check --table "$BATS_TEST_TMPDIR/mutations"
    [ "$status" -eq 2 ]
    [[ "$output" == *"mutations:2: not understood"* ]]
}
