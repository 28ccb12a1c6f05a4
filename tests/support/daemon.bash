# Helpers for tests that drive the real programs. A daemon started here dies with the bats process that started it.
# shellcheck shell=bash

# shellcheck source=tests/support/failures.bash
. "${BASH_SOURCE[0]%/*}/failures.bash"

[ -n "${POSTERN_SOURCE-}" ] || POSTERN_SOURCE=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
POSTERN_BUILD=${POSTERN_BUILD:-$POSTERN_SOURCE/build/dev}
export POSTERN_BIN=${POSTERN_BIN:-$POSTERN_BUILD/bin}
SUPPORT=$POSTERN_SOURCE/tests/support
# In `quick` jq is gojq: the same language in a third of the time, of which most is its start. It sorts members by name.
# Debian's python3, not one from elsewhere.
PATH=$POSTERN_BUILD/quick:$POSTERN_BIN:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# These tests start the command line tool thousands of times, and with a sanitizer it takes three times as long. Those
# that are about the tool (they export ABOUT_THE_TOOL) get it with sanitizers, the others as people get it.
[ -n "${ABOUT_THE_TOOL-}" ] || [ -z "${POSTERN_RELEASED_TOOL-}" ] || PATH=$POSTERN_RELEASED_TOOL:$PATH
unset POSTERN_API_KEY
# Whoever runs this may have any locale, or none. This one is part of every C library.
export LC_ALL=C.UTF-8
unset LANGUAGE
# A machine that has much else to do may take its time.
export POSTERN_TIMEOUT=60s
# By default TSan lets every program sleep a second at its end, and these tests start hundreds.
export TSAN_OPTIONS="${TSAN_OPTIONS-} atexit_sleep_ms=0"

# To look for leaks takes a program with ASan longer than to start. It is done where the daemon ends, and for the
# commands in system/cli.
export ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=${POSTERN_LEAKS:-0}"

# A fresh home for a daemon, with a short path: a socket's has at most 107 bytes.
make_home() {
    DAEMON_HOME=$(mktemp -d /tmp/pt.XXXXXX)
    mkdir -m 0750 "$DAEMON_HOME/run"
    DAEMON_DATA=$DAEMON_HOME/data
    DAEMON_SOCKET=$DAEMON_HOME/run/postern.sock
    DAEMON_LOG=$DAEMON_HOME/log
    DAEMON_TOKENS=$DAEMON_HOME.tokens # not among the files that must not hold them
    export DAEMON_HOME DAEMON_DATA DAEMON_SOCKET DAEMON_LOG DAEMON_TOKENS
    export POSTERN_URL=ipc://$DAEMON_SOCKET
}

# start_daemon [ARGUMENT]...: on the home that is there, or a fresh one. Returns when it answers.
start_daemon() {
    [ -n "${DAEMON_HOME-}" ] || make_home
    launch "$@"
    wait_healthy 60
}

# noon_now: before a daemon starts whose tests spend limits of a day: it is noon there, so that no day ends meanwhile.
noon_now() {
    local ahead=$((12 - 10#$(date -u +%H)))
    DAEMON_UTC_OFFSET=$(printf '%+03d:00' "$ahead")
    export DAEMON_UTC_OFFSET
}

# It logs all that it can where a test says nothing of it, so that drop_daemon can see whether a token is in it.
launch() {
    local day=() level=()
    [ -z "${DAEMON_UTC_OFFSET-}" ] || day=(--utc-offset "$DAEMON_UTC_OFFSET")
    [[ " $*" == *" --log-level "* || " $*" == *" --config "* ]] || level=(--log-level debug)
    ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=1" setpriv --pdeathsig KILL \
        "$POSTERN_BIN/posternd" --data "$DAEMON_DATA" --listen "$POSTERN_URL" "${day[@]}" "${level[@]}" \
        "$@" >>"$DAEMON_LOG" 2>&1 3>&- &
    DAEMON_PID=$!
    export DAEMON_PID
}

# start_daemon_later SECONDS [ARGUMENT]...: in a time namespace whose boot was so many seconds earlier: its clock has
# gone on while the daemon was down.
start_daemon_later() {
    LATER_S=$1
    shift
    setpriv() {
        exec unshare --time --boottime "$LATER_S" setpriv "$@"
    }
    start_daemon "$@"
    unset -f setpriv
}

# For tests that call it.
need_time_namespace() {
    unshare --time --boottime 1 true 2>/dev/null || skip "needs root for a time namespace"
}

# preloadable NAME: where LD_PRELOAD finds a library of the tests. It takes a list, and would cut a path at its blanks.
preloadable() {
    ln -sf "$POSTERN_BIN/$1.so" "$DAEMON_HOME/$1.so"
    echo "$DAEMON_HOME/$1.so"
}

# try COMMAND...: bats' `run --separate-stderr`, with one process where that starts four; these tests do it thousands of
# times. Sets status, output, lines (without empty ones) and stderr.
try() {
    local errors=$BATS_TEST_TMPDIR/stderr
    status=0
    if declare -F "$1" >/dev/null; then
        output=$("$@" 2>"$errors") || status=$?
    else
        output=$(exec "$@" 2>"$errors") || status=$?
    fi
    IFS= read -rd '' stderr <"$errors" || true
    stderr=${stderr%$'\n'}
    IFS=$'\n' read -rd '' -a lines <<<"$output" || true
}

# pause_randomly LEAST MOST: for a random moment, so many milliseconds away.
pause_randomly() {
    local ms
    printf -v ms '%04d' $(($1 + RANDOM % ($2 - $1)))
    pause "${ms:0:1}.${ms:1}"
}

alive() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    [[ "$stat" != *') Z '* ]] # a zombie is not alive
}

# poll SECONDS COMMAND...: until the command succeeds; it is asked less and less often. The seconds end a test that
# would wait for ever: where being late is not the failure that is looked for, they are 60, for machines that have much
# else to do.
poll() {
    local deadline=$((SECONDS + $1)) waits=(0.01 0.02 0.04 0.06 0.1 0.15)
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -le "$deadline" ] || return 1
        pause "${waits[0]}"
        [ "${#waits[@]}" -eq 1 ] || waits=("${waits[@]:1}")
    done
}

# pause SECONDS: sleep, without a process. Nothing ever comes out of its pipe.
pause() {
    [ -n "${NEVER-}" ] || exec {NEVER}<> <(:)
    read -rt "$1" -u "$NEVER" || true
}

healthy_or_gone() {
    ! alive "$DAEMON_PID" || { listening && postern health; }
}

# A look that costs less than to ask.
listening() {
    [[ "$POSTERN_URL" != "ipc://$DAEMON_SOCKET" || -S "$DAEMON_SOCKET" ]]
}

wait_healthy() {
    if ! poll "$1" healthy_or_gone || ! alive "$DAEMON_PID"; then
        echo "posternd does not answer. It said:"
        cat "$DAEMON_LOG"
        return 1
    fi
}

gone() {
    ! alive "$1"
}

# Ends the daemon with a signal; its exit status (when this shell started it) is in DAEMON_STATUS.
end_daemon() {
    local signal=$1
    DAEMON_STATUS=0
    kill "-$signal" "$DAEMON_PID" || return 1
    if ! poll 60 gone "$DAEMON_PID"; then
        echo "posternd did not end within 60 s after SIG$signal. It said:"
        cat "$DAEMON_LOG"
        kill -KILL "$DAEMON_PID"
        return 1
    fi
    wait "$DAEMON_PID" 2>/dev/null || DAEMON_STATUS=$?
}

# A clean stop; the daemon must say so by its exit status.
stop_daemon() {
    end_daemon TERM || return 1
    if [ "$DAEMON_STATUS" -ne 0 ] && [ "$DAEMON_STATUS" -ne 127 ]; then # 127: another shell started it
        echo "posternd ended with $DAEMON_STATUS. It said:"
        cat "$DAEMON_LOG"
        return 1
    fi
}

kill_daemon() {
    end_daemon KILL
}

restart_daemon() {
    stop_daemon && start_daemon "$@"
}

# note_token TOKEN...: those that must be nowhere when the daemon is dropped.
note_token() {
    printf '%s\n' "$@" >>"$DAEMON_TOKENS"
}

# No secret key's token of this run can be read from the daemon's files, its log or a core file.
nothing_at_rest() {
    local cores=()
    [ -s "$DAEMON_TOKENS" ] || return 0
    mapfile -t cores < <(find . "$DAEMON_HOME" -maxdepth 1 -name 'core*' -type f)
    python3 "$SUPPORT/at_rest.py" "$DAEMON_TOKENS" "$DAEMON_DATA" "$DAEMON_LOG" "${cores[@]}"
}

# No log has a secret key's token, noted or not: nothing in it has the shape of one. Says of which key it is.
nothing_logged() {
    local found pattern logs=()
    mapfile -t logs < <(for pattern in log '*.log' '*/*.log'; do compgen -G "$DAEMON_HOME/$pattern"; done)
    [ "${#logs[@]}" -gt 0 ] || return 0
    found=$(grep -aoE '[a-z0-9]+_(live|test)_[0-9A-Za-z]{64}' "${logs[@]}" /dev/null | grep -v ':pub_') || return 0
    echo "logs have tokens:"
    sed -E 's/(_(live|test)_.{15}).*/\1.../' <<<"$found"
    return 1
}

# For teardown: nothing stays behind, what a sanitizer found is not passed over, nor a secret on the disk or in a log.
drop_daemon() {
    local found=0 log=
    if [ -n "${DAEMON_PID-}" ] && alive "$DAEMON_PID"; then
        kill -KILL "$DAEMON_PID"
        wait "$DAEMON_PID" 2>/dev/null || poll 60 gone "$DAEMON_PID"
    fi
    if [ -n "${DAEMON_HOME-}" ]; then
        { IFS= read -rd '' log <"$DAEMON_LOG"; } 2>/dev/null || true
        if [[ $log =~ Sanitizer|'runtime error' ]]; then
            found=1
            echo "$log"
        fi
        nothing_at_rest || found=1
        nothing_logged || found=1
        rm -rf "$DAEMON_HOME" "$DAEMON_HOME.tokens"
    fi
    unset DAEMON_PID DAEMON_HOME
    return "$found"
}

# told COMMAND...: quiet when it succeeds.
told() {
    "$@" >"$DAEMON_HOME/told" 2>&1 && return 0
    cat "$DAEMON_HOME/told" "$DAEMON_LOG"
    return 1
}

# answer FILTER: jq's FILTER is true of what `run` got from the command line tool.
answer() {
    jq -e "$1" <<<"$output" >/dev/null && return 0
    echo "not so: $1"
    echo "exit status $status, answer: $output"
    return 1
}

# The daemon's memory that is not a mapped file, in KiB.
rss_anon_kib() {
    sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$DAEMON_PID/status"
}

# Request text -> reply text, by protoc and frames.py alone. postern.pb is what protoc makes of proto/postern.proto.
protocol() {
    protoc "--descriptor_set_in=$POSTERN_BIN/postern.pb" "--$1=postern.v1.$2"
}

# start_worker LEDGER NAME: a client that creates and revokes keys until WORKER_PID is told to stop, and not while the
# file hold is there.
start_worker() {
    setpriv --pdeathsig KILL crash_worker "$POSTERN_URL" "$1" "$2" \
        "$DAEMON_HOME/hold" 2>>"$DAEMON_HOME/workers" 3>&- &
    WORKER_PID=$!
}

# workers_are_well PID...: they end by themselves when a call went wrong in a way that no crash explains.
workers_are_well() {
    local pid
    for pid; do
        alive "$pid" && continue
        cat "$DAEMON_HOME/workers"
        return 1
    done
}

# revoked_at_least COUNT LEDGER...: so many revocations have been acknowledged to workers.
revoked_at_least() {
    [ "$(cat "${@:2}" | grep -c '^R')" -ge "$1" ]
}

# stop_worker PID: it must not have met a failure that no crash explains.
stop_worker() {
    local ended=0
    kill -TERM "$1"
    wait "$1" || ended=$?
    [ "$ended" -eq 0 ] && return 0
    echo "a worker ended with $ended"
    cat "$DAEMON_HOME/workers"
    return 1
}

# Makes a key of $1 (account); sets TOKEN and KEY_ID. More arguments go to `postern create`.
make_key() {
    local made
    made=$(postern create --account "$1" --name "${2:-key}" "${@:3}" --json) || return 1
    [[ $made =~ '"api_key": "'([^\"]+) ]] && TOKEN=${BASH_REMATCH[1]}
    [[ $made =~ '"key_id": "'([^\"]+) ]] && KEY_ID=${BASH_REMATCH[1]}
    note_token "$TOKEN"
}
