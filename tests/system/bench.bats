#!/usr/bin/env bats
# postern-bench: what it prints, how it ends, and that nothing of it stays behind. Never how fast anything was.

load ../support/daemon

setup() {
    note_failures_only
    BENCH=$(command -v postern-bench) # the released one, where there is one: with sanitizers it takes ten times as long
    HOME_DIR=$(mktemp -d /tmp/pt.XXXXXX) # where its directory goes: a short path
}

teardown() {
    rm -rf "$HOME_DIR"
}

bench() {
    "$BENCH" "$@" --dir "$HOME_DIR" 3>&-
}

need_redis() {
    command -v redis-server >/dev/null || skip "needs redis-server (Debian's package redis-server)"
}

# No directory, and no process that works in it.
nothing_left() {
    [ -z "$(ls -A "$HOME_DIR")" ] || { ls -A "$HOME_DIR"; return 1; }
    ! pgrep -f "$HOME_DIR/" || return 1
}

# started PATTERN: a process of the benchmark's. Its address or data directory is in its command line.
started() {
    pgrep -f "$1.*$HOME_DIR/"
}

# bench_in_background COMMAND...: BENCH_PID. What it says goes to a file.
bench_in_background() {
    "$BENCH" "$@" --dir "$HOME_DIR" >"$BATS_TEST_TMPDIR/output" 2>&1 3>&- &
    BENCH_PID=$!
}

# ends_with STATUS
ends_with() {
    local ended=0
    wait "$BENCH_PID" || ended=$?
    cat "$BATS_TEST_TMPDIR/output"
    [ "$ended" -eq "$1" ]
}

@test "compare prints each figure of both sides, and whether the floor was reached" {
    need_redis
    run bench compare --seconds 0.05 --rounds 1
    echo "$output"
    [ "$status" -eq 0 ]
    local row
    for row in 'Verify, 64 outstanding on one connection / nng pair' "the same by nng's REQ / nng pair" \
        'libpostern, one call at a time, p50 / nng pair' 'the same / Redis\+Lua' \
        'libpostern, 64 threads, one handle / Redis\+Lua' '8 processes, one call at a time / nng pair' \
        "server's CPU a call, 64 outstanding / nng pair"; do
        grep -E "^  $row +[0-9.]+ / +[0-9.]+ (calls/s|us) +[0-9.]+  at (least|most) [0-9.]+: (not )?reached$" \
            <<<"$output"
    done
    nothing_left
}

@test "compare --json has the same figures" {
    need_redis
    bench compare --seconds 0.05 --rounds 2 --json >"$BATS_TEST_TMPDIR/json"
    cat "$BATS_TEST_TMPDIR/json"
    jq -e '[.outstanding, .nng_client, .one_nng, .one_redis, .threads, .processes, .server_cpu] |
        all(.ours > 0 and .theirs > 0 and .ratio > 0 and (.reached | type == "boolean"))' "$BATS_TEST_TMPDIR/json"
    jq -e '[to_entries[] | select(.key | endswith("_rounds")) | .value | length == 2] | length == 10 and all' \
        "$BATS_TEST_TMPDIR/json"
}

@test "a compare without redis-server says which package is missing" {
    mkdir "$BATS_TEST_TMPDIR/empty"
    PATH_BEFORE=$PATH
    PATH=$BATS_TEST_TMPDIR/empty
    run bench compare
    PATH=$PATH_BEFORE
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"package redis-server"* ]]
    nothing_left
}

@test "a benchmark that is interrupted leaves no process and no directory" {
    bench_in_background verify --seconds 60
    poll 60 started echo-server
    kill -TERM "$BENCH_PID"
    ends_with 143
    nothing_left
}

@test "verify ends with 1 when posternd dies" {
    bench_in_background verify --seconds 1 --rounds 60
    poll 60 started echo-server
    kill -KILL "$(started 'posternd --data')"
    ends_with 1
    grep -Eq '^postern-bench: .*(calls failed; the first: |Connection refused|the server has ended)' \
        "$BATS_TEST_TMPDIR/output"
    nothing_left
}

@test "start ends with 1 when posternd dies" {
    bench_in_background start --keys 200000
    poll 60 started 'posternd --data'
    poll 60 grep -rqs . "$HOME_DIR" # its directory is filled
    kill -KILL "$(started 'posternd --data')"
    ends_with 1
    nothing_left
}

@test "store and custom work in a directory that is gone afterwards" {
    BENCH=$POSTERN_BIN/postern-bench # with sanitizers
    bench store --seconds 0.05
    bench custom --meters 2000 --resident 500
    nothing_left
}
