# shellcheck shell=bash
# Sourced by tools/run: a daemon in the foreground that keeps its data.

# serve DIR: '' is the user's state directory.
serve() {
    local home=${1:-${XDG_STATE_HOME:-${HOME:-/var/lib}/.local/state}/postern}
    mkdir -p "$home"
    home=$(cd "$home" && pwd -P)
    local socket=$home/run/postern.sock
    [ "${#socket}" -le 107 ] ||
        fail "$socket is too long for a socket (107 bytes): name a shorter directory, tools/run --serve DIR"
    install -d -m 0750 "$home/run"
    say "== Serving. Stop with Ctrl-C."
    say "   data    $home/data"
    say "   socket  $socket"
    say "   try     export POSTERN_URL=ipc://$socket"
    say "           $PWD/build/release/bin/postern health"
    # Ctrl-C reaches the daemon as well, which then drains and ends.
    exec build/release/bin/posternd --data "$home/data" --listen "ipc://$socket"
}
