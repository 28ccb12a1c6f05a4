#!/usr/bin/env bats
# The manual says what the programs say, and nothing else.

POSTERN_SOURCE=${POSTERN_SOURCE:-$(cd "$(dirname "$BATS_TEST_FILENAME")/../.." && pwd)}
POSTERN_BUILD=${POSTERN_BUILD:-$POSTERN_SOURCE/build/dev}
POSTERN_BIN=${POSTERN_BIN:-$POSTERN_BUILD/bin}
MANUAL=$POSTERN_BUILD/manual

# plain PAGE: without roff's marks for bold and underlined text and for signs.
plain() {
    sed -E 's/\\f[BIRP]//g; s/\\(.)/\1/g; s/&//g' "$MANUAL/$1"
}

options_in() {
    grep -oE '(^|[^a-z-])--[a-z][a-z-]*' | sed 's/.*--/--/' | sort -u
}

same() {
    diff "$1" "$2"
    [ -s "$1" ]
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    export ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0"
}

@test "posternd(8) has the options of posternd --help, and no others" {
    "$POSTERN_BIN/posternd" --help | options_in >help
    plain posternd.8 | options_in >page
    same help page
}

@test "posternd.yaml(5) has the settings of posternd --help, and no others" {
    "$POSTERN_BIN/posternd" --help | sed -nE 's/^  --([a-z-]+).*/\1/p' |
        grep -vxE 'config|check|clear-clock|help|version' | tr - _ | sort >help
    plain posternd.yaml.5 | sed -n '/^.SH SETTINGS/,/^.SH EXAMPLE/p' | sed -nE 's/^([a-z_]+): .*/\1/p' | sort >page
    same help page
}

@test "postern-bench(1) has the options of postern-bench --help, and no others" {
    "$POSTERN_BIN/postern-bench" --help | options_in >help
    plain postern-bench.1 | options_in >page
    same help page
}

@test "postern-gateway(8) has the options of postern-gateway --help, and no others" {
    "$POSTERN_BIN/postern-gateway" --help | options_in >help
    plain postern-gateway.8 | sed -n '/^.SH OPTIONS/,/^.SH FILES/p' | options_in >page
    same help page
}

# section WORDS: what postern(1) says of this command.
section() {
    plain postern.1 | awk -v head="postern $1" '
        /^\.S[SH]/ { inside = 0 }
        inside
        /^\.SS/ { sub(/^\.SS /, ""); gsub(/"/, ""); inside = $0 == head || index($0 " ", head " ") == 1 }'
}

@test "postern(1) has the commands of postern help, each with its options, and no others" {
    local words
    "$POSTERN_BIN/postern" help >general
    sed -n '/^Commands:/,/^$/s/^  \([a-z]*\( [a-z][a-z-]*\)\{0,1\}\)  .*/\1/p' general >commands
    [ "$(wc -l <commands)" -gt 30 ]
    [ "$(plain postern.1 | grep -c '^\.SS')" -eq "$(wc -l <commands)" ]
    while read -r words; do
        # shellcheck disable=SC2086 # two words are two arguments
        "$POSTERN_BIN/postern" help $words | sed '/^ Options of every command/,/^$/d; / --help /d; / --version /d' |
            options_in >help || true
        section "$words" | options_in >page || true
        diff help page
        [ -n "$(section "$words")" ]
    done <commands
    sed '/^Data goes to/,$d' general | options_in >help
    plain postern.1 | sed -n '/^.SH OPTIONS OF/,/^.SH ENV/p' | options_in >page
    same help page
}

@test "every function of libpostern has a page, and there are no others" {
    grep -oE 'postern_[a-z_]+' "$POSTERN_SOURCE/client/libpostern.map" | sort -u >functions
    (cd "$MANUAL" && ls postern_*.3) | sed 's/\.3$//' | sort >pages
    same functions pages
    local name
    while read -r name; do
        plain libpostern.3 | grep -q "$name("
    done <functions
}

@test "an option that the manual lacks is found" {
    "$POSTERN_BIN/posternd" --help | sed 's/--prefix /--praefix /' | options_in >help
    plain posternd.8 | options_in >page
    ! diff help page
}
