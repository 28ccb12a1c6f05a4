# The real proxies of Debian in front of a small application, with the sample configurations of docs/gateway.
# shellcheck shell=bash

# shellcheck source=tests/support/gateway.bash
source "${BASH_SOURCE[0]%/*}/gateway.bash"

need_proxy() {
    command -v "$1" >/dev/null || skip "needs $1 (Debian's package $1)"
}

# until_open PORT: something listens there.
until_open() {
    (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# sample FILE PORT APPLICATION GATEWAY: a sample whose ports are these, and whose files are in $PROXY_HOME.
sample() {
    sed -e "s/listen 80;/listen 127.0.0.1:$2;/; s/bind :80$/bind 127.0.0.1:$2/; s/^:80 /http:\/\/127.0.0.1:$2 /" \
        -e "s/127.0.0.1:8080/127.0.0.1:$3/; s/127.0.0.1:8099/$4/; s|/etc/haproxy/postern.lua|$PROXY_HOME/postern.lua|" \
        "$POSTERN_SOURCE/docs/gateway/$1" >"$PROXY_HOME/$1"
}

# start_proxy NAME PORT COMMAND...
start_proxy() {
    setpriv --pdeathsig KILL "${@:3}" >"$PROXY_HOME/$1.log" 2>&1 3>&- &
    PROXY_PIDS+=" $!"
    poll 60 until_open "$2" || { cat "$PROXY_HOME/$1.log"; return 1; }
}

# start_nginx NAME PORT HTTP-BLOCK
start_nginx() {
    local at=$PROXY_HOME/$1 part temporary=''
    mkdir -p "$at"
    for part in client_body proxy fastcgi uwsgi scgi; do
        temporary+="${part}_temp_path $at/$part;"
    done
    cat >"$at.nginx" <<EOF
daemon off;
pid $at/pid;
error_log stderr;
events {}
http {
access_log off;
$temporary
$3
}
EOF
    start_proxy "$1" "$2" nginx -e stderr -p "$at" -c "$at.nginx"
}

# start_application: an nginx that says what it is told. APPLICATION is its port.
start_application() {
    PROXY_HOME=$DAEMON_HOME.proxies
    PROXY_PIDS=''
    mkdir "$PROXY_HOME"
    APPLICATION=$(free_port)
    # shellcheck disable=SC2016 # variables of nginx
    start_nginx application "$APPLICATION" 'server {
    listen 127.0.0.1:'"$APPLICATION"';
    location / {
        default_type application/json;
        return 200 "{\"path\":\"$request_uri\",\"account\":\"$http_x_postern_account\",'\
'\"key\":\"$http_x_postern_key_id\",\"scopes\":\"$http_x_postern_scopes\",\"shadow\":\"$http_x_postern_shadow\",'\
'\"authorization\":\"$http_authorization\"}";
    }
}'
    export PROXY_HOME PROXY_PIDS APPLICATION
}

stop_proxies() {
    local pid
    for pid in $PROXY_PIDS; do
        kill "$pid" 2>/dev/null || true
        poll 60 gone "$pid"
    done
    rm -rf "$PROXY_HOME"
}

# The three, each on a port of its own; the second argument of each is the gateway's HOST:PORT.
start_sample_nginx() {
    sample nginx.conf "$1" "$APPLICATION" "$2"
    start_nginx "nginx-$1" "$1" "include $PROXY_HOME/nginx.conf;"
}

start_sample_haproxy() {
    sample haproxy.cfg "$1" "$APPLICATION" "$2"
    sample postern.lua "$1" "$APPLICATION" "$2"
    start_proxy haproxy "$1" haproxy -db -f "$PROXY_HOME/haproxy.cfg"
}

start_sample_caddy() {
    sample Caddyfile "$1" "$APPLICATION" "$2"
    { printf '{\n\tadmin off\n\tauto_https off\n}\n'; cat "$PROXY_HOME/Caddyfile"; } >"$PROXY_HOME/Caddyfile.full"
    XDG_CONFIG_HOME=$PROXY_HOME XDG_DATA_HOME=$PROXY_HOME HOME=$PROXY_HOME \
        start_proxy caddy "$1" caddy run --adapter caddyfile --config "$PROXY_HOME/Caddyfile.full"
}
