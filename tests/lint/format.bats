#!/usr/bin/env bats
# The layout of .clang-format, everywhere.

load ../support/failures

setup() {
    note_failures_only
    SOURCE=${POSTERN_SOURCE:-$BATS_TEST_DIRNAME/../..}
    cd "$SOURCE"
    mapfile -t FILES < <(find server client tools tests -name '*.[ch]')
}

# The versions of Debian 12 and 13 agree about all that is here. Others may have opinions of their own.
need_known_version() {
    local version
    version=$(clang-format --version | sed -E 's/.* version ([0-9]+)\..*/\1/')
    [[ "$version" =~ ^(14|19)$ ]] || skip "clang-format $version is none of those that agree (14, 19)"
}

@test "all C files have the layout of .clang-format" {
    need_known_version
    [ "${#FILES[@]}" -gt 10 ]
    clang-format --dry-run -Werror "${FILES[@]}"
}

@test "another layout is found" {
    cp .clang-format "$BATS_TEST_TMPDIR/"
    printf 'int main(void) {\n  return 0;\n}\n' >"$BATS_TEST_TMPDIR/a.c"
    run clang-format --dry-run -Werror "$BATS_TEST_TMPDIR/a.c"
    [ "$status" -ne 0 ]
}
