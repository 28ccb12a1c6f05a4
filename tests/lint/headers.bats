#!/usr/bin/env bats
# Each header stands alone: what it needs, it includes.

load ../support/failures

setup() {
    note_failures_only
    SOURCE=$(cd "${POSTERN_SOURCE:-$BATS_TEST_DIRNAME/../..}" && pwd)
    BUILD=${POSTERN_BUILD:-$SOURCE/build/dev}
    # The project's own warnings, as CMakeLists.txt gives them to every target.
    mapfile -t WARNINGS < <(sed -n '/target_compile_options(postern_options/,/)/p' "$SOURCE/CMakeLists.txt" |
        grep -oE -- '-W[a-z0-9=-]{3,}' | sort -u)
    read -ra LIBRARIES < <(pkg-config --cflags libprotobuf-c lmdb libsodium yaml-0.1 jansson zlib smartcols cmocka)
}

# alone COMPILER... FILE: or several, each by itself.
alone() {
    "$1" -fsyntax-only -D_GNU_SOURCE -I "$SOURCE/server" -I "$SOURCE/client/include" -I "$SOURCE/client/src" \
        -I "$SOURCE/tools/cli" -I "$SOURCE/tests" -isystem "$BUILD/proto" "${LIBRARIES[@]}" "${@:2}"
}

c_alone() {
    alone gcc -std=c11 "${WARNINGS[@]}" -x c "$@"
}

headers() {
    mapfile -t HEADERS < <(find "$SOURCE/server" "$SOURCE/client" "$SOURCE/tools" "$SOURCE/tests" -name '*.h')
    [ "${#HEADERS[@]}" -gt 100 ]
}

@test "the warnings of CMakeLists.txt were read" {
    [ "${#WARNINGS[@]}" -ge 15 ]
    [[ " ${WARNINGS[*]} " == *" -Wconversion "* && " ${WARNINGS[*]} " == *" -Werror "* ]]
}

# leaning HEADER...: those that no source file of the same name includes first. The others stood alone in the build.
leaning() {
    local header line
    local -A first=()
    while IFS= read -r line; do # FILE:#include "HEADER"
        [[ "$line" =~ ^(.*)\.c:'#include "'(.*)'"' ]] && [[ "/${BASH_REMATCH[1]}.h" == */"${BASH_REMATCH[2]}" ]] &&
            first[${BASH_REMATCH[1]}]=yes
    done < <(printf '%s\0' "${@/%.h/.c}" | xargs -0 grep -sm 1 -H '^#include')
    for header; do
        [ -n "${first[${header%.h}]-}" ] || echo "$header"
    done
}

@test "each header compiles alone" {
    headers
    mapfile -t HEADERS < <(leaning "${HEADERS[@]}")
    c_alone "${HEADERS[@]}"
}

@test "a header that its source file does not include first, or that has none, is not taken for granted" {
    local at=$BATS_TEST_TMPDIR name
    for name in first second none; do
        touch "$at/$name.h"
    done
    printf '// Is first.\n#include "%s/first.h"\n#include <stdio.h>\n' "${at##*/}" >"$at/first.c"
    printf '#include <stdio.h>\n#include "second.h"\n' >"$at/second.c"
    [ "$(leaning "$at"/{first,second,none}.h)" = "$at/second.h"$'\n'"$at/none.h" ]
}

@test "a header that leans on its includer is found" {
    printf '#ifndef A_H\n#define A_H\n#include <stdint.h>\n#endif\n' >"$BATS_TEST_TMPDIR/a.h"
    printf '#ifndef B_H\n#define B_H\nuint64_t b(void);\n#endif\n' >"$BATS_TEST_TMPDIR/b.h"
    run c_alone "$BATS_TEST_TMPDIR/a.h" "$BATS_TEST_TMPDIR/b.h" "$BATS_TEST_TMPDIR/a.h"
    [ "$status" -ne 0 ]
    [[ "$output" == *"/b.h:3:"* ]]
}

@test "the public header compiles alone as C++" {
    [ -f "$SOURCE/client/include/postern/postern.h" ]
    alone g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -x c++ "$SOURCE/client/include/postern/postern.h"
}

@test "each header has a guard named after its path" {
    local header path guard text broken=0
    headers
    for header in "${HEADERS[@]}"; do
        path=${header#"$SOURCE"/}
        path=${path#server/} path=${path#client/include/} path=${path#client/src/}
        path=${path#tools/} path=${path#tests/}
        guard=${path^^}
        guard=${guard//[\/.-]/_}
        text=$'\n'$(<"$header")
        [[ "$text" =~ $'\n#ifndef '([A-Z]+_)?"$guard"$'\n' ]] || { echo "$header: no guard $guard"; broken=1; }
    done
    [ "$broken" -eq 0 ]
}
