#!/usr/bin/env bats
# The one public header: alone, in C and in C++; what is exported; what the library assumes of the protocol.

POSTERN_SOURCE=${POSTERN_SOURCE:-$(cd "$(dirname "$BATS_TEST_FILENAME")/../.." && pwd)}
HEADER=$POSTERN_SOURCE/client/include/postern/postern.h

@test "the header compiles alone as C11 and C17" {
    for standard in c11 c17; do
        gcc -std=$standard -Wall -Wextra -Wpedantic -Wstrict-prototypes -Werror -fsyntax-only -x c "$HEADER"
    done
}

@test "the header compiles alone as C++11 and C++20" {
    for standard in c++11 c++20; do
        g++ -std=$standard -Wall -Wextra -Wpedantic -Wshadow -Wold-style-cast -Werror -fsyntax-only -x c++ "$HEADER"
    done
}

library() {
    echo "${POSTERN_BUILD:-$POSTERN_SOURCE/build/dev}/client/libpostern.so"
}

# The sanitizer that the library was built with, as an option of the compiler.
sanitizer() {
    ldd "$(library)" | sed -nE 's/.*lib(a|t)san\.so.*/-fsanitize=\1/p' | sed 's/=a$/=address/; s/=t$/=thread/'
}

@test "a C++ program is compiled, linked and run with it" {
    cat >"$BATS_TEST_TMPDIR/program.cc" <<'PROGRAM'
#include <postern/postern.h>
int main()
{
    struct postern *client = nullptr;
    struct postern_error error;
    struct postern_options options = postern_options();
    options.url = "ipc:///nobody/listens/here";
    options.timeout_ms = 50;
    options.policy = POSTERN_FAIL_CLOSED;
    if (postern_open(&options, &client, &error) != POSTERN_OK)
        return 2;
    postern_verify_request request = postern_verify_request();
    request.api_key = "token";
    struct postern_verify_reply *reply = nullptr;
    bool refused = postern_verify(client, &request, &reply, &error) == POSTERN_UNAVAILABLE && reply == nullptr;
    postern_reply_free(reply);
    postern_close(client);
    return refused ? 0 : 1;
}
PROGRAM
    local options=(-std=c++11 -Wall -Wextra -Wshadow -Werror -I "$POSTERN_SOURCE/client/include")
    g++ "${options[@]}" -fsyntax-only "$BATS_TEST_TMPDIR/program.cc"
    [ -e "$(library)" ] || skip "not built"
    mapfile -t -O "${#options[@]}" options < <(sanitizer)
    g++ "${options[@]}" -o "$BATS_TEST_TMPDIR/program" "$BATS_TEST_TMPDIR/program.cc" "$(library)" \
        -Wl,-rpath,"$(dirname "$(library)")"
    "$BATS_TEST_TMPDIR/program"
}

@test "what the header declares is what the shared library exports" {
    grep -oE 'postern_[a-z_]+\(' "$HEADER" | tr -d '(' | sort -u >"$BATS_TEST_TMPDIR/header"
    grep -oE '\bpostern_[a-z_]+;' "$POSTERN_SOURCE/client/libpostern.map" | tr -d ';' | sort -u >"$BATS_TEST_TMPDIR/map"
    diff "$BATS_TEST_TMPDIR/header" "$BATS_TEST_TMPDIR/map"
    [ -e "$(library)" ] || skip "not built"
    nm -D --defined-only "$(library)" | awk '$3 ~ /^postern/ { print $3 }' | sort -u | diff - "$BATS_TEST_TMPDIR/map"
}

# Prints the functions without a comment: above them, above the group that they stand in, or above their request.
undocumented() {
    python3 - "$1" <<'PROGRAM'
import re
import sys
text = open(sys.argv[1], encoding="utf-8").read()
for found in re.finditer(r"^POSTERN_API.*?\b(postern_\w+)\(", text, re.MULTILINE | re.DOTALL):
    group = text[:found.start()].split("\n\n")[-1]
    request = re.search(rf"(.*)\nstruct {found.group(1)}_request {{", text)
    if not group.startswith("//") and not (request and request.group(1).startswith("//")):
        print(found.group(1))
PROGRAM
}

@test "every function that is exported is documented" {
    run undocumented "$HEADER"
    [ -z "$output" ]
    sed 's|^// NOT_FOUND: no such key.*||' "$HEADER" >"$BATS_TEST_TMPDIR/postern.h"
    run undocumented "$BATS_TEST_TMPDIR/postern.h"
    [ "$output" = postern_get ]
}

@test "the library knows every field of the protocol's replies that is bytes and not text" {
    # In requests only: credential, page_token, charge_id, sha256.
    local fields
    fields=$(grep -oE '^ +(repeated )?bytes [a-z0-9_]+' "$POSTERN_SOURCE/proto/postern.proto" | awk '{ print $NF }' |
        grep -vxE 'credential|page_token|charge_id|sha256' | sort -u)
    [ "$fields" = $'next_page_token\nrequest_id' ]
    for field in $fields; do
        grep -q "\"$field\"" "$POSTERN_SOURCE/client/src/walk.c"
    done
}
