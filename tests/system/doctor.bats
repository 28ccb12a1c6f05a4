#!/usr/bin/env bats
# postern doctor: what it says of an installation that is well, and of what is wrong with others.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/keys
load ../support/ca

setup() {
    note_failures_only
    start_daemon
}

teardown() {
    drop_daemon
}

# doctor STATUS [OPTION]...: exits so.
doctor() {
    call doctor "${@:2}"
    [ "$status" -eq "$1" ] || { echo "exit status $status: $output $stderr"; return 1; }
}

# found CHECK STATE TEXT [ADVICE]
found() {
    answer "any(.checks[]; .check == \"$1\" and .state == \"$2\" and (.message | contains(\"$3\")) and
        (.advice | contains(\"${4-}\")))"
}

@test "an installation that is well: everything is looked at, as the running daemon was started" {
    doctor 0
    answer '.fine and .asked and ([.checks[].state] | index("WRONG") == null)'
    found posternd OK serving
    found clock OK agree
    found version OK "$(postern --version)"
    found store OK registry
    found socket OK "$DAEMON_SOCKET"
    found data OK "$DAEMON_DATA: only $(id -un) may open it"
    found keyring OK "$DAEMON_DATA/secrets/keyring"
    found disk OK "MiB are free"
    try postern doctor
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == "ok "*posternd*serving* ]]
}

@test "what others may open or change is wrong, with the command that mends it" {
    chmod 0755 "$DAEMON_DATA"
    chmod 0644 "$DAEMON_DATA/secrets/keyring"
    chmod 0777 "$DAEMON_HOME/run"
    doctor 1
    answer '.fine == false and .asked'
    found data WRONG "(0755)" "chmod 0700 $DAEMON_DATA"
    found keyring WRONG "(0644)" "chmod 0600 $DAEMON_DATA/secrets/keyring"
    found socket WRONG "everybody may write to $DAEMON_HOME/run" "chmod 0750 $DAEMON_HOME/run"
    found socket OK "(0660)"
    chmod 0666 "$DAEMON_SOCKET"
    doctor 1
    found socket NOTE "every user of this machine" "--socket-mode 0660"
    try postern doctor
    [ "$status" -eq 1 ]
    [[ "$output" == *"WRONG  keyring "*$'\n'*"-> chmod 0600 "* ]]
    # What it advises helps.
    eval "$(postern doctor --json | jq -r '.checks[].advice | select(startswith("chmod"))')"
    doctor 0
}

@test "a daemon that cannot be asked: the rest is looked at all the same" {
    stop_daemon
    doctor 3 --data "$DAEMON_DATA" --timeout 200ms
    answer '.fine == false and .asked == false'
    found posternd WRONG "cannot reach posternd"
    found data OK "$DAEMON_DATA"
    doctor 3 --data "$DAEMON_HOME/nowhere" --timeout 200ms
    found data WRONG "No such file"
}

@test "the data directory is found by the configuration file of the running daemon, and that is looked at" {
    local file=$DAEMON_HOME/posternd.yaml
    stop_daemon
    printf '%s\n' '# settings' "data: '$DAEMON_DATA'" 'listen:' "  - $POSTERN_URL" >"$file"
    chmod 0666 "$file"
    posternd --config "$file" >>"$DAEMON_LOG" 2>&1 3>&- &
    DAEMON_PID=$!
    wait_healthy 60
    doctor 1
    found config WRONG "everybody may change $file" "chmod o-w $file"
    found data OK "$DAEMON_DATA"
}

@test "certificates that run out are wrong, in files and as a daemon shows them" {
    local port
    make_ca ca
    make_ca stranger
    make_certificate ca server /CN=localhost DNS:localhost,IP:127.0.0.1
    make_certificate ca long /CN=localhost DNS:localhost,IP:127.0.0.1 -days 400
    doctor 1 --tls-certificate "$CERTS/server.pem"
    found certificate WRONG "posternd's $CERTS/server.pem: good until 20" "renew it"
    doctor 0 --tls-certificate "$CERTS/long.pem"
    found certificate OK "$CERTS/long.pem: good until 20"
    doctor 0 --tls-certificate "$DAEMON_LOG"
    found certificate NOTE "is no PEM"
    stop_daemon
    port=$(free_port)
    start_daemon --listen "tls+tcp://127.0.0.1:$port" \
        --tls-certificate "$CERTS/server.pem" --tls-key "$CERTS/server.key"
    doctor 1
    found certificate WRONG "posternd's $CERTS/server.pem: good until 20"
    doctor 1 --url "tls+tcp://localhost:$port" --tls-ca "$CERTS/ca.pem"
    found certificate WRONG "what is shown at tls+tcp://localhost:$port: good until 20"
    found version NOTE "operators alone" "ask as an operator"
    # It may be why posternd cannot be asked.
    doctor 3 --url "tls+tcp://localhost:$port" --tls-ca "$CERTS/stranger.pem" --timeout 1s
    found posternd WRONG "certificate"
    found certificate WRONG "what is shown at tls+tcp://localhost:$port: good until 20"
}
