#!/usr/bin/env bats
# The documents and the source tree say the same. Every check is shown to go red.

load checks

setup() {
    start_checks docs.py
    SOURCE=$(cd "${POSTERN_SOURCE:-$BATS_TEST_DIRNAME/../..}" && pwd)
    TREE=$BATS_TEST_TMPDIR/tree
}

# The folder of the programs, or no test.
programs() {
    BIN=${POSTERN_BIN:-$SOURCE/build/dev/bin}
    [ -x "$BIN/posternd" ] && [ -x "$BIN/postern" ] || skip "not built"
}

# plant README_LINE: a tree with this README, one document, one system test and one unit test.
plant() {
    rm -rf "$TREE"
    mkdir -p "$TREE/docs" "$TREE/tests/system" "$TREE/tests/unit"
    printf '%s\n' "$1" >"$TREE/README.md"
    printf '# Page\n\n## One, two\n' >"$TREE/docs/document.md"
    printf '@%s "%s" {\n}\n' test 'K1 a key is made' test 'it works' >"$TREE/tests/system/keys.bats"
    echo 'cmocka_unit_test(a_limit_holds)' >"$TREE/tests/unit/limit_test.c"
}

# red RULE README_LINE WHAT_IS_FOUND
red() {
    plant "$2"
    run check "$1" "$TREE"
    [ "$status" -eq 1 ]
    [[ "$output" == *"$3"* ]]
}

green() {
    plant "$2"
    check "$1" "$TREE"
}

@test "each row of the requirements has a system test that is named after it" {
    check rows
}

@test "a row without a test is found, also where another one begins alike" {
    red rows '' 'no test is named after K2'
    [[ "$output" != *"after K1"$'\n'* ]]
    [[ "$output" == *"after K10"$'\n'* ]]
}

@test "the tests that the documents name are there" {
    check tests
}

@test "a test that is named and not there is found" {
    red tests 'proved by `system/gone`' 'there is no system/gone'
    red tests '`system/keys`: "K1 a key is lost"' 'system/keys has no test "K1 a key is lost"'
    red tests '`system/keys`: "K1 a key is made", "it fails"' 'system/keys has no test "it fails"'
    red tests '`unit/limit`: "a_limit_breaks"' 'unit/limit has no test "a_limit_breaks"'
    mkdir "$TREE/tests/mutation"
    echo 'mutation: one' >"$TREE/tests/mutation/mutations"
    echo 'it breaks 2 of these promises' >"$TREE/README.md"
    run check tests "$TREE"
    [ "$output" = "README.md: 2 mutations, but tests/mutation/mutations has 1" ]
    green tests '`system/keys`: "K1 a key is made", "it works"; `unit/limit`: "a_limit_holds"; `unit/limit`: words'
}

@test "what the documents link to or name is there" {
    check links
}

@test "a link or a file that leads nowhere is found" {
    red links '[document](docs/other.md)' 'the link to docs/other.md leads nowhere'
    red links '[document](docs/document.md#three)' 'docs/document.md#three has no such heading'
    red links '[document](../outside.md)' 'leads nowhere'
    red links 'see `server/gone.c`' 'there is no server/gone.c'
    green links '[document](docs/document.md#one-two), `tests/unit/limit_test.c`, [far](https://example.org/a)'
}

@test "files that comments name are there" {
    check comments
}

@test "a file that a comment names and that is gone is found" {
    plant ''
    mkdir -p "$TREE/server/base" "$TREE/server/key"
    touch "$TREE/server/base/slice.c"
    printf 'int a; // see %s\n' slice.c base/slice.c server/base/slice.c base/gone.c '"slice.c"' \
        >"$TREE/server/key/key.c"
    printf '# see %s\n' key_gone.bats >"$TREE/tests/system/keys.bats"
    run check comments "$TREE"
    [ "$status" -eq 1 ]
    [ "$output" = "server/key/key.c:1: there is no slice.c
server/key/key.c:4: there is no base/gone.c
server/key/key.c:5: there is no slice.c
tests/system/keys.bats:1: there is no key_gone.bats" ]
}

@test "the programs have the commands and options that the documents show" {
    programs
    check commands "$SOURCE" "$BIN"
}

@test "a command or an option that a document invents is found" {
    programs
    local wrong
    for wrong in 'postern tear' 'echo a | postern verify - --sciope b' 'x=$(postern account put a --colour red)'; do
        plant "$(printf '```sh\n%s   # words\n```' "$wrong")"
        run check commands "$TREE" "$BIN"
        [ "$status" -eq 1 ]
    done
    plant "$(printf '`postern list --account a | sort --reverse` and\n\n    postern account put a --tier b   # --c\n')"
    check commands "$TREE" "$BIN"
}

@test "operations.md has the options of posternd, and no others" {
    programs
    check flags "$SOURCE" "$BIN"
    plant ''
    grep -v '^| `--prefix' "$SOURCE/docs/operations.md" >"$TREE/docs/operations.md"
    echo '| `--colour WORD` | | |' >>"$TREE/docs/operations.md"
    run check flags "$TREE" "$BIN"
    [ "$output" = $'operations.md: posternd has no --colour\noperations.md: --prefix is missing' ]
}

@test "docs/architecture.md has the rooms of server/rooms.txt, and its tour's functions" {
    check rooms
}

# plant_rooms STOP...: a tree with two rooms, and README and docs/architecture.md with these stops.
plant_rooms() {
    plant "$(printf '%s\n' "$@")"
    mkdir -p "$TREE/server/base"
    printf 'base | |\nkey | |\n' >"$TREE/server/rooms.txt"
    echo 'int b(void);' >"$TREE/server/base/a.c"
    {
        printf '%s\n' "$@"
        printf '## Rooms\n| base | | x |\n| key | | x |\n## Words\n'
    } >"$TREE/docs/architecture.md"
}

@test "a room that may open another door than is told is found" {
    plant_rooms '| 1 | `server/base/a.c`, `b` | x |'
    check rooms "$TREE"
    printf 'base | |\nkey | base |\n' >"$TREE/server/rooms.txt"
    run check rooms "$TREE"
    [ "$status" -eq 1 ]
    [[ "$output" == *"room key"* && "$output" != *"room base"* ]]
}

@test "a stop of the tour that is not there, names no function or is one too many is found" {
    local stop='`server/base/a.c`, `b` | x |' n stops=()
    plant_rooms "| 1 | $stop" '| → | `server/base/a.c`, `a` | x |'
    run check rooms "$TREE"
    [ "$output" = "architecture.md: server/base/a.c has no a()
README.md: server/base/a.c has no a()" ]
    plant_rooms "| 1 | $stop" '| 2 | `server/base/a.c` | x |'
    run check rooms "$TREE"
    [[ "$output" == *"stop 2 names no function"* ]]
    for n in {1..11}; do
        stops+=("| $n | $stop")
    done
    plant_rooms "${stops[@]}"
    run check rooms "$TREE"
    [[ "$output" == *"not 1 to at most 10"* ]]
    plant_rooms "${stops[@]:0:10}"
    check rooms "$TREE"
}
