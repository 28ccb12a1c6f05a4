#!/usr/bin/env bats
# The layout of .clang-format, everywhere.

setup() {
    SOURCE=${POSTERN_SOURCE:-$BATS_TEST_DIRNAME/../..}
    cd "$SOURCE"
    mapfile -t FILES < <(find server client tools tests -name '*.[ch]')
}

@test "all C files have the layout of .clang-format" {
    [ "${#FILES[@]}" -gt 10 ]
    clang-format-14 --dry-run -Werror "${FILES[@]}"
}

@test "another layout is found" {
    cp .clang-format "$BATS_TEST_TMPDIR/"
    printf 'int main(void) {\n  return 0;\n}\n' >"$BATS_TEST_TMPDIR/a.c"
    run clang-format-14 --dry-run -Werror "$BATS_TEST_TMPDIR/a.c"
    [ "$status" -ne 0 ]
}
