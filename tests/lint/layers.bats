#!/usr/bin/env bats
# The layer table: which room may know which, and where each library lives. Every check is shown to go red.

load checks

setup() {
    start_checks layers.py
    SOURCE=${POSTERN_SOURCE:-$BATS_TEST_DIRNAME/../..}
    TREE=$BATS_TEST_TMPDIR/tree
}

# plant FILE LINE: a source tree of one file with one line.
plant() {
    rm -rf "$TREE"
    mkdir -p "$TREE/${1%/*}"
    printf '%s\n' "$2" >"$TREE/$1"
}

# red RULE FILE LINE
red() {
    plant "$2" "$3"
    run check "$1" "$TREE"
    [ "$status" -eq 1 ]
    [[ "$output" == "$2:1: "* ]]
}

green() {
    plant "$2" "$3"
    check "$1" "$TREE"
}

@test "a room includes only the rooms below it, and those through their door" {
    check rooms
}

@test "an include of a room above, past a door or without a room is found" {
    red rooms server/limit/meter.c '#include "store/store.h"'
    red rooms server/key/key.c '#include "account/account.h"'
    red rooms server/registry/pack/record.c '#include "limit/ring.h"'
    red rooms server/rpc/codec.c '#include "config/config.h"'
    red rooms server/authorizer/rule.c '#include "secret/secret.h"'
    red rooms server/main.c '#include "rpc/codec.h"'
    red rooms server/store/writer.c '#include "parts.h"'
    red rooms server/misc/misc.c '#include "base/slice.h"'
    green rooms server/registry/pack/record.c '#include "limit/limit.h"'
    green rooms server/store/writer.c '#include "store/parts.h"'
    green rooms server/store/writer.c '#include "base/slice.h"'
    green rooms server/main.c '#include "rpc/rpc.h"'
}

@test "the command line tool knows the public header alone, the client library no room" {
    check clients
}

@test "a client that looks into the server is found" {
    red clients tools/cli/main.c '#include "base/slice.h"'
    red clients tools/cli/main.c '#include "postern.pb-c.h"'
    red clients client/src/call.c '#include "base/status.h"'
    red clients client/src/call.c '#include <base/status.h>'
    green clients tools/cli/main.c '#include "postern/postern.h"'
    green clients client/src/call.c '#include "postern.pb-c.h"'
}

@test "a file of the command line tool that enters a folder past its door is found" {
    local line
    for line in 'red command.c scan/find.h' 'red import/read.c scan/scan_find.h' 'green command.c scan/scan.h' \
        'green import/read.c scan/scan.h' 'green scan/scan.c scan/find.h'; do
        set -- $line
        plant tools/cli/scan/find.h ''
        plant_file tools/cli/scan/scan.h ''
        plant_file tools/cli/scan/scan_find.h ''
        plant_file "tools/cli/$2" "#include \"$3\"\n"
        run check clients "$TREE"
        if [ "$1" = green ]; then
            [ "$status" -eq 0 ]
        else
            [ "$status" -eq 1 ]
            [[ "$output" == "tools/cli/$2:1: \"$3\": enter a folder by its door, scan/scan.h" ]]
        fi
    done
}

@test "LMDB, libsodium, nng and the generated messages live each in their one place" {
    check libraries
}

@test "a library outside its place is found" {
    red libraries server/registry/find/find.c '#include <lmdb.h>'
    red libraries client/src/call.c '#include <sodium.h>'
    red libraries server/rpc/route.c '#include <nng/nng.h>'
    red libraries server/authorizer/rule.c '#include "postern.pb-c.h"'
    red libraries server/registry/decide/decide.c '#include "records.pb-c.h"'
    red libraries tools/cli/main.c '#include <nng/nng.h>'
    red libraries tools/cli/list.c '#include <libsmartcols.h>'
    red libraries tools/cli/list.h 'struct libscols_table *table_new(const char *heads);'
    red libraries tools/cli/import/csv.h '#include <csv.h>'
    red libraries tools/cli/import/read.c 'csv_init(parser, 0);'
    red libraries tools/cli/scan/scan.c '#include <archive.h>'
    red libraries tools/cli/scan/scan.c 'archive_read_new();'
    red libraries tools/cli/command.c 'argp_help(&argp, to, 0, name);'
    green libraries server/transport/listener.c '#include <nng/nng.h>'
    green libraries server/registry/pack/record.c '#include "records.pb-c.h"'
    green libraries tools/cli/table.c 'scols_new_table();'
    green libraries tools/cli/import/csv.c '#include <csv.h>'
    red libraries tools/cli/scan/unpack.c '#include <archive.h>'
    green libraries tools/cli/scan/libarchive.h '#include <archive_entry.h>'
    green libraries tools/cli/import/read.c 'import_csv_init(csv); // csv_init'
    green libraries server/meter/record.c '#include "records.pb-c.h"'
}

@test "only base/clock reads the time" {
    check time
}

@test "another reader of the time is found" {
    red time server/limit/meter.c 'now = time(NULL);'
    red time server/rpc/route.c 'clock_gettime(CLOCK_REALTIME, &now);'
    red time server/limit/meter.c 'clock_gettime(CLOCK_MONOTONIC, &now);'
    green time server/scheduler/scheduler.c 'clock_gettime(CLOCK_MONOTONIC, &now);'
    green time server/limit/meter.c '// time(NULL) is not asked here'
    green time server/limit/meter.c 'log("time(NULL)"); at_time(3);'
}

@test "only base/random draws random bytes" {
    check randomness
}

@test "another source of randomness is found" {
    red randomness server/registry/decide/decide.c 'getrandom(buffer, size, 0);'
    red randomness server/transport/listener.c 'x = nng_random();'
    red randomness server/key/key.c 'return rand();'
    green randomness client/src/call.c 'getrandom(buffer, size, 0);'
}

# plant_file FILE TEXT: one more file in the tree.
plant_file() {
    mkdir -p "$TREE/${1%/*}"
    printf '%b' "$2" >"$TREE/$1"
}

@test "the files of a room have an order: none calls a file that calls it" {
    check circles
}

@test "a circle of files is found, also over a third one and by a callback" {
    plant server/key/a.c ''
    plant_file server/key/a.c 'int key_a(void)\n{\n    return key_b();\n}\n'
    plant_file server/key/deep/b.c 'int key_b(void)\n{\n    return run(key_c);\n}\n'
    plant_file server/key/c.c 'int key_c(int a,\n          int b)\n{\n    return 0;\n}\n'
    plant_file server/base/d.c 'int base_d(void)\n{\n    return key_a();\n}\n'
    check circles "$TREE"
    plant_file server/key/c.c 'int key_c(int a,\n          int b)\n{\n    return key_a();\n}\n'
    run check circles "$TREE"
    [ "$status" -eq 1 ]
    [[ "$output" == *"server/key/a.c:3: "*"server/key/c.c:4: "*"server/key/deep/b.c:3: "* ]]
    plant_file server/key/c.c '// key_a()\nint key_c(void)\n{\n    return puts("key_a()");\n}\n'
    check circles "$TREE"
}
