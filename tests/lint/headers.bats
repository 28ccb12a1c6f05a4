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

# alone COMPILER... FILE
alone() {
    "${@:1:$#-1}" -fsyntax-only -D_GNU_SOURCE -I "$SOURCE/server" -I "$SOURCE/client/include" -I "$SOURCE/client/src" \
        -I "$SOURCE/tools/cli" -I "$SOURCE/tests" -isystem "$BUILD/proto" "${LIBRARIES[@]}" "${@:$#}"
}

c_alone() {
    alone gcc -std=c11 "${WARNINGS[@]}" -x c "$1"
}

@test "the warnings of CMakeLists.txt were read" {
    [ "${#WARNINGS[@]}" -ge 15 ]
    [[ " ${WARNINGS[*]} " == *" -Wconversion "* && " ${WARNINGS[*]} " == *" -Werror "* ]]
}

@test "each header compiles alone" {
    local header broken=0
    while IFS= read -r header; do
        c_alone "$header" || { echo "does not compile alone: $header"; broken=1; }
    done < <(find "$SOURCE/server" "$SOURCE/client" "$SOURCE/tools" "$SOURCE/tests" -name '*.h')
    [ "$broken" -eq 0 ]
}

@test "a header that leans on its includer is found" {
    printf '#ifndef A_H\n#define A_H\nuint64_t a(void);\n#endif\n' >"$BATS_TEST_TMPDIR/a.h"
    run c_alone "$BATS_TEST_TMPDIR/a.h"
    [ "$status" -ne 0 ]
}

@test "the public header compiles alone as C++" {
    [ -f "$SOURCE/client/include/postern/postern.h" ]
    alone g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -x c++ "$SOURCE/client/include/postern/postern.h"
}

@test "each header has a guard named after its path" {
    local header path guard broken=0
    while IFS= read -r header; do
        path=${header#"$SOURCE"/}
        path=${path#server/} path=${path#client/include/} path=${path#client/src/}
        path=${path#tools/} path=${path#tests/}
        guard=$(tr '[:lower:]/.-' '[:upper:]___' <<<"$path")
        grep -qE "^#ifndef ([A-Z]+_)?${guard}\$" "$header" || { echo "$header: no guard $guard"; broken=1; }
    done < <(find "$SOURCE/server" "$SOURCE/client" "$SOURCE/tools" "$SOURCE/tests" -name '*.h')
    [ "$broken" -eq 0 ]
}
