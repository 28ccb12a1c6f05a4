#!/usr/bin/env bats
# Rules of the house that a script can see. Every check is shown to go red.

load checks

setup() {
    start_checks style.py
    SOURCE=${POSTERN_SOURCE:-$BATS_TEST_DIRNAME/../..}
    BUILD=${POSTERN_BUILD:-$SOURCE/build/dev}
    TREE=$BATS_TEST_TMPDIR/tree
}

# red RULE FILE TEXT
red() {
    rm -rf "$TREE"
    mkdir -p "$(dirname "$TREE/$2")"
    printf '%b\n' "$3" >"$TREE/$2"
    run check "$1" "$TREE"
    [ "$status" -eq 1 ]
    [[ "$output" == "$2:"* ]]
}

# Names that a shared library offers, without those that must not be: prints what does not belong.
foreign_symbols() {
    nm -D --defined-only "$1" | awk '{ sub(/@.*/, "", $3); print $3 }' |
        grep -vE '^(postern_[a-z0-9]|_init$|_fini$|__(a|t|ub|l)san|__gcov|__bss_start$|_edata$|_end$)' || true
}

@test "structs, enums and unions have no typedefs" {
    check typedefs
    red typedefs server/key/key.h 'typedef struct key key_t;'
    red typedefs client/src/call.c 'typedef  enum { A } a;'
}

@test "nothing is marked as unfinished" {
    check unfinished
    local mark=TO
    red unfinished server/key/key.c "// ${mark}DO later"
    red unfinished docs/protocol.md "FIX${mark:+}ME"
}

@test "no file is longer than 400 lines" {
    check long_files
    red long_files server/key/key.c "$(printf 'int a;\\n%.0s' {1..401})"
}

@test "no line is wider than 120 columns" {
    check long_lines
    red long_lines tests/support/a.bash "$(printf 'a%.0s' {1..121})"
}

@test "no mutable variable outlives a call" {
    check globals
    local code
    for code in 'static int calls;' 'struct key *first = 0;' 'char buffer[16];' 'static const char *first;' \
        'const char *first = 0;' 'static const char *names[] = {' 'static struct {' 'static void (*handler)(int);' \
        'static _Alignas(64) int calls;' 'void f(void)\n{\n    static int calls;\n}' \
        'void f(void)\n{\n    static const char *last = 0;\n}' \
        'void f(void)\n{\n    static _Thread_local char buffer[16];\n}' \
        'static uint8_t b[sizeof(struct x)];' 'static char b[SIZE(3)];' 'static _Atomic(struct x *) p;' \
        'static const char *const a = "x", *b;' 'static const char *a = f(1, "x"), *const b;' \
        'static const int a = 1, *b = f(a, 2);' 'const char *const a = "{", *b;' 'int a, b;' \
        'static _Alignas(sizeof(int)) char b[2];' 'void f(void) { static int calls; }' \
        'static const int a = 1; static int calls;' 'static const int a[] = {1, 2}, *b;'; do
        red globals server/key/key.c "$code"
        red globals client/src/call.c "$code"
        red globals tools/bench/load.c "$code"
    done
    red globals tools/bench/load.c 'static char data_flag[] = "--data";' # which another file may have
}

@test "constants, functions, types and members do not count as variables that outlive a call" {
    local code
    for code in 'static const char *const names[] = {' 'static const int MOST = 3;' 'static int f(const char *a);' \
        'struct key;' 'struct key {\n    int a;\n};' 'extern char **environ;' 'static const struct {' \
        'static inline int g(void)' 'typedef int wide;' 'static void (*const h)(int) = f;' \
        'static const char *const a = "x, *b;", *const b = "{";' 'static const int a = f(1, 2), b[SIZE(3)] = {1, 2};' \
        'static int f(int a, char *b);' 'int f(int a, int b);' 'void f(void) { static const int a = 1; }' \
        'static inline int f(int a) { return a; }' 'static int f(int a[sizeof(int)], int b);' \
        'void f(void)\n{\n    int a;\n    return a;\n}'; do
        rm -rf "$TREE"
        mkdir -p "$TREE/tools/bench"
        printf '%b\n' "$code" >"$TREE/tools/bench/load.c"
        check globals "$TREE"
    done
}

@test "what leaves the tree alone says whose it is and under which licence" {
    check copyright
    red copyright client/include/postern/postern.h '// libpostern'
    red copyright compose.yaml 'services:'
    [[ "$output" == *"LICENSE:1: "* ]]
}

# plant_word FILE CODE: a glossary of its own, and this code.
plant_word() {
    rm -rf "$TREE"
    mkdir -p "$TREE/docs"
    [[ $1 != */* ]] || mkdir -p "$TREE/${1%/*}"
    {
        printf '## Words\n| word | meaning | not |\n| record diff | what | `image_text` |\n'
        printf '| evaluate | how | `judge` |\n| map page, meta page | what | `page` in store limit |\n'
        printf '| rule | what | `rule` outside authorizer |\n'
    } >"$TREE/docs/architecture.md"
    printf '%s\n' "$2" >"$TREE/$1"
}

@test "no name and no comment has a word for which the glossary has another" {
    check words
    local file code
    for file in server/key/key.c client/src/call.c client/include/postern/postern.h tools/cli/key.c \
        tests/unit/a_test.c; do
        plant_word "$file" 'int key_image_texts;'
        run check words "$TREE"
        [ "$status" -eq 1 ]
        [[ "$output" == "$file:1: "* ]]
    done
    for code in 'enum { IMAGE_TEXT_MAX };' 'int judge;' 'int is_judging;' 'int key_judges;' 'int a; int Judged_b;' \
        'int a; // an overdraw is judged'; do
        plant_word server/key/key.c "$code"
        run check words "$TREE"
        [ "$status" -eq 1 ]
    done
}

@test "a word is banned in the rooms that the glossary names, or outside of them, and in names of files" {
    local case file
    for case in 'server/store/txn.c int page_size;' 'tests/unit/limit_a_test.c int map_page_pages;' \
        'server/key/key.c int rule_of;' 'client/src/call.c int rules;' 'tools/cli/key.c int rule;' \
        'tests/integration/authority_a_test.c int rule;' 'server/key/rule.c int a;' \
        'tests/unit/a_test.c int a; // is judged' \
        'server/limit/image_texts.h int a;'; do
        file=${case%% *}
        plant_word "$file" "${case#* }"
        run check words "$TREE"
        [ "$status" -eq 1 ]
        [[ "$output" == "$file:1: "* ]]
    done
    for case in 'server/registry/find/list.c int page_size;' 'tests/unit/limit_a_test.c int map_pages;' \
        'server/store/txn.c enum { META_PAGE_COUNT };' 'server/authorizer/rule.c int rules;' \
        'server/key/key.c int a; // as a rule' 'tests/unit/a_test.c int a; // misjudged' \
        'tests/unit/authorizer_rule_test.c int rule;'; do
        plant_word "${case%% *}" "${case#* }"
        check words "$TREE"
    done
}

@test "no message, document, and no name or comment of a test has a word for which the glossary has another" {
    check prose
    local case file
    for case in 'server/key/key.c say("a record is judged");' 'tools/cli/key.c say(a, "judging // it");' \
        'server/key/key.h #define HELP "a \"judge\" of keys"' 'docs/limits.md Limits are judged.' \
        'README.md An image text.' 'tests/system/a.bats @test "a key is judged" {' 'tests/support/a.bash     # judged' \
        'tests/mutation/mutations mutation: a key is not judged'; do
        file=${case%% *}
        plant_word "$file" "${case#* }"
        run check prose "$TREE"
        [ "$status" -eq 1 ]
        [[ "$output" == "$file:1: "* ]]
    done
    for case in 'server/key/key.c say("misjudged");' 'server/key/key.c #include "judge.h"' 'docs/limits.md As a rule.' \
        'tests/unit/a_test.c say("judge");' 'tests/system/a.bats judge "$1"' 'server/limit/limit.c say("a page");' \
        'docs/limits.md A page.' 'docs/operations.md The option `--clear-clock`.'; do
        plant_word "${case%% *}" "${case#* }"
        check prose "$TREE"
    done
}

@test "strings, longer words, sentences of tests and what is listed may have it" {
    local code
    for code in 'int key_image_textual;' 'int a; // misjudged' 'say("image_text");' \
        'int misjudged;' 'bool judged;'; do
        plant_word server/key/key.c "$code"
        check words "$TREE"
    done
    plant_word tests/unit/a_test.c 'static void keys_that_we_judge_are_good(void **state)'
    check words "$TREE"
}

@test "a header says why what must be checked can fail" {
    check errors
    local header=server/key/key.h one='STATUS_MUST_CHECK enum status key_a(void);'
    red errors $header "// Reads.\\n$one"
    red errors $header "// Errors: NOT_FOUND when there is none.\\n$one\\n// Writes.\\n$one"
    red errors $header "// Errors of all of these: NOT_FOUND.\\n\\n$one"
    {
        printf '// Reads.\n// Errors:\n//   NOT_FOUND  there is none\n%s\n%s\n\n' "$one" "$one"
        printf '// Errors of all of these: INTERNAL.\n%s\n// Writes.\n%s\n' "$one" "$one"
    } >"$TREE/$header"
    check errors "$TREE"
}

@test "two statuses on one line of a header's Errors are found, and one within a sentence" {
    local path one='STATUS_MUST_CHECK enum status key_a(void);'
    for path in server/key/key.h client/src/key.h client/include/postern/postern.h tools/cli/list.h; do
        red errors $path "// Errors: NOT_FOUND when there is none; INTERNAL without a MAC.\\n$one"
        red errors $path "// Errors of all of these:\\n//   NOT_FOUND, INTERNAL  there is none\\n$one"
        red errors $path "// Errors: NOT_FOUND when there is none; those of the store.\\n$one"
        red errors $path "// Reads. Errors: NOT_FOUND when there is none.\\n$one"
        {
            printf '// Reads; NOT_FOUND and INTERNAL are logged.\n// Errors:\n'
            printf '//   NOT_FOUND  there is none; that is logged\n'
            printf '//   others     as key_b, except INTERNAL\n%s\n' "$one"
            printf '// Says NOT_FOUND or INTERNAL.\nint key_b(void);\n'
        } >"$TREE/$path"
        check errors "$TREE"
    done
}

@test "a header of the client library says why a call can fail" {
    local header=client/src/link.h one='enum postern_status postern_a(int a);'
    red errors $header "// Reads.\\n$one"
    red errors $header "// Reads.\\n// Errors: NOT_FOUND.\\n$one\\n\\n$one"
    red errors $header "struct a {\\n    // Adds.\\n    enum postern_status (*add)(int a);\\n};"
    printf '// Reads.\n// Errors: NOT_FOUND.\n%s\n// Fills in.\n%s\n' "$one" \
        'enum postern_status postern_fail_field(int a);' >"$TREE/$header"
    check errors "$TREE"
}

@test "a source file begins with what it is for" {
    check openings
    local path
    for path in server/key/key.c client/src/call.c tools/cli/import/read.c tools/bench/main.c; do
        red openings $path '#include "key.h"\n// Reads.'
        red openings $path '//'
        red openings $path ''
    done
    printf '// Reads keys.\n#include "key.h"\n' >"$TREE/tools/bench/main.c"
    check openings "$TREE"
}

@test "the command line knows every setting of a record" {
    check settings
    rm -rf "$TREE"
    mkdir -p "$TREE/client/include/postern" "$TREE/tools/cli"
    printf 'struct postern_put_tier_request {\n    struct postern_call call;\n    const int *a; // a\n    %s\n};\n' \
        'size_t b;' >"$TREE/client/include/postern/postern.h"
    echo '{FIELD(tier, a), .column = 1}, {FIELD(scope, b)}' >"$TREE/tools/cli/tier.c"
    run check settings "$TREE"
    [ "$status" -eq 1 ]
    [[ "$output" == "client/include/postern/postern.h:4: b: "* ]]
    echo '{FIELD_LIST(tier, a, b)}' >"$TREE/tools/cli/tier.c"
    check settings "$TREE"
    printf 'struct postern_update_request {\n    unsigned fields;\n    bool c;\n};\n' \
        >>"$TREE/client/include/postern/postern.h"
    echo '{CREATED(c)}' >"$TREE/tools/cli/key.c"
    run check settings "$TREE"
    [[ "$output" == *": c: no row of key_fields"* ]]
    echo '{UPDATED(c, C)}' >"$TREE/tools/cli/key.c"
    check settings "$TREE"
}

@test "no function is there for tests alone" {
    check only_tests
    red only_tests server/key/key.h 'int key_unused(void);'
    mkdir -p "$TREE/tools/bench"
    printf 'int main(void)\n{\n    return key_unused();\n}\n' >"$TREE/tools/bench/main.c"
    run check only_tests "$TREE"
    [ "$status" -eq 1 ]
    mv "$TREE/tools/bench/main.c" "$TREE/server/main.c"
    check only_tests "$TREE"
}

# plant_unused DECLARATION CODE: a header with the declaration of key_unused, and a file of the same room.
plant_unused() {
    rm -rf "$TREE"
    mkdir -p "$TREE/server/key"
    printf '%b\n' "$1" >"$TREE/server/key/key.h"
    printf '%b\n' "$2" >"$TREE/server/key/key.c"
}

@test "a function is found in every form of a declaration" {
    local declaration
    for declaration in 'STATUS_MUST_CHECK enum status key_unused(int a);' \
        '__attribute__((format(printf, 1, 2))) int key_unused(const char *a, ...);' \
        'STATUS_MUST_CHECK __attribute__((nonnull(1)))\nstruct a *key_unused(int a, int (*b)(int));' \
        'static inline int key_unused(int a)\n{\n    return a ? key_unused(a - 1) : 0;\n}' \
        '#ifdef __cplusplus\nextern "C" {\n#endif\nint key_unused(void);'; do
        plant_unused "$declaration" 'int main(void)\n{\n    return 0;\n}'
        run check only_tests "$TREE"
        [ "$status" -eq 1 ]
        [[ "$output" == "server/key/key.h:"*": key_unused() is called"* ]]
    done
}

@test "what only has the name of a function is no call" {
    local code
    for code in 'int f(void)\n{\n    say("key_unused()"); // key_unused()\n}' \
        'int f(struct a *a)\n{\n    return a->key_unused + a->b.key_unused;\n}' \
        'struct a f(void)\n{\n    return (struct a){.key_unused = 1};\n}' \
        'int f(void)\n{\n    int key_unused = 1;\n    return key_unused;\n}' \
        'int f(void)\n{\n    const struct b *a = 0, *key_unused = a;\n    return g(key_unused);\n}' \
        'int f(void)\n{\n    for (int key_unused = 0; key_unused < 1; key_unused++) {\n    }\n}' \
        'int f(const char *key_unused, int b[3])\n{\n    return g(key_unused, b);\n}' \
        'int f(int (*key_unused)(int))\n{\n    return key_unused(1);\n}' \
        'static int key_unused(void)\n{\n    return 1;\n}\nint f(void)\n{\n    return key_unused();\n}' \
        'static const int key_unused[] = {1};\nint f(void)\n{\n    return key_unused[0];\n}' \
        'int key_unused(int a)\n{\n    return a ? key_unused(a - 1) : 0;\n}' \
        'struct a {\n    int key_unused;\n    int (*b)(int key_unused);\n};' \
        'int f(void)\n{\n    struct key_unused *a = g(offsetof(struct b, key_unused));\n}' \
        '#define A(key_unused) g(key_unused)'; do
        plant_unused 'int key_unused(int a);' "$code"
        run check only_tests "$TREE"
        [ "$status" -eq 1 ]
        [[ "$output" == "server/key/key.h:1: key_unused() is called"* ]]
    done
    plant_unused 'int key_unused(int a);' '// A key.'
    echo 'int key_unused(int a);' >"$TREE/server/key/other.h" # a second declaration is no call
    run check only_tests "$TREE"
    [ "$status" -eq 1 ]
    mkdir -p "$TREE/tools/cli" "$TREE/tools/bench"
    rm "$TREE/server/key/other.h"
    mv "$TREE/server/key/key.h" "$TREE/tools/cli/key.h"
    printf 'int main(void)\n{\n    return key_unused(1);\n}\n' >"$TREE/tools/bench/main.c" # another program
    run check only_tests "$TREE"
    [ "$status" -eq 1 ]
}

@test "a call, a row of a table and a macro use a function" {
    local code
    for code in 'int f(int a)\n{\n    return a * key_unused(a);\n}' \
        'int f(int a)\n{\n    if (a)\n        key_unused(a);\n    else\n        key_unused(2);\n}' \
        'int f(int a)\n{\n    int b = 1, c = key_unused(a);\n    return b + c;\n}' \
        'int f(void)\n{\n    return g(&key_unused);\n}' \
        'static const struct {\n    int (*a)(int);\n} rows[] = {\n    {.a = key_unused},\n};' \
        'static const struct row rows[] = {\n    {"a", key_unused},\n};' \
        'static const size_t most = sizeof(key_unused(1));' \
        '#define A(a) \\\n    key_unused(a)'; do
        plant_unused 'STATUS_MUST_CHECK int key_unused(int a);' "$code"
        check only_tests "$TREE"
    done
}

@test "libpostern offers postern_* and nothing else" {
    local library=$BUILD/client/libpostern.so
    [ -f "$library" ]
    run foreign_symbols "$library"
    echo "$output"
    [ -z "$output" ]
}

@test "another name in a library is found" {
    echo 'int postern_a(void); int other(void); int postern_a(void) { return 0; } int other(void) { return 1; }' |
        gcc -shared -fPIC -x c -o "$BATS_TEST_TMPDIR/lib.so" -
    run foreign_symbols "$BATS_TEST_TMPDIR/lib.so"
    [ "$output" = other ]
}

@test "shell scripts parse" {
    local script
    for script in "$SOURCE"/tools/{run,test,fresh,packages-test} "$SOURCE"/tools/{,package/,manual/}*.sh \
        "$SOURCE"/proto/*.sh "$SOURCE"/tools/package/debian/{postinst,prerm,postrm} "$SOURCE"/tests/support/*.bash; do
        bash -n "$script"
    done
    sh -n "$SOURCE/.ci/run"
}
