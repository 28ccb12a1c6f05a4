#!/usr/bin/env bats
# The console of postern-gateway: a person's whole way through it, in Chromium (support/console/drive.js).

load ../support/clock
load ../support/gateway

setup_file() {
    make_clock_home
    start_shimmed
    postern tier put free --limit requests=1000/min --limit productions=20/day --default
    postern scope put read --default --description "Read reports"
    postern scope put write --implies read --description "Write reports"
    postern account put acme --display-name "Acme Analytics" --env test --env live --no-default-public-key
    postern account put bare --no-default-public-key
    make_key acme veteran
    stop_daemon
    reboot $((100 * DAY_MS))
    start_shimmed
    make_key acme resting
    postern disable "$KEY_ID"
    make_key acme ending --expires 20d
    postern ratecheck --account acme --charge productions=17
    start_gateway --timeout-ms 60000
    install_driver
}

# In the build folder, which keeps it: drive.js with what it needs of others, by digests (package-lock.json).
install_driver() {
    local into=$POSTERN_BUILD/console
    mkdir -p "$into"
    cp "$SUPPORT"/console/* "$into"
    cmp -s "$into/package-lock.json" "$into/installed" ||
        (cd "$into" && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline && cp package-lock.json installed)
}

teardown_file() {
    stop_gateway
    drop_daemon
}

@test "K1 K3 K10 K11 K13 K14 P2 L5 W1 W4 a person manages keys in the console, and nobody else does" {
    make_key acme plain
    local plain=$TOKEN admin
    make_key acme settings --env live --scope postern:account-admin --scope admin
    admin=$TOKEN
    make_key postern operator --scope postern:operator
    run node "$POSTERN_BUILD/console/drive.js" "$GATEWAY" "$admin" "$TOKEN" "$plain" "$DAEMON_TOKENS"
    echo "$output"
    [ "$status" -eq 0 ]
}

# is_served PATH TYPE
is_served() {
    ask "$1"
    said 200
    [ "$(header Content-Type)" = "$2" ]
    [ "$(header X-Content-Type-Options)" = nosniff ]
    [[ "$(header Content-Security-Policy)" == "default-src 'none'; script-src 'self'; "*"frame-ancestors 'none'"* ]]
}

@test "the console's files come under a strict policy, and no others come" {
    is_served /console 'text/html; charset=utf-8'
    is_served /console/main.js 'text/javascript; charset=utf-8'
    is_served /console/style.css 'text/css; charset=utf-8'
    is_served /console/icon.svg image/svg+xml
    ask /console/..%2fendpoint.c
    said 400
    ask /console/none.js
    said 404
    # Nothing from outside.
    ! grep -rnE '(src|href|url|from|import)[=( "]+(https?:)?//' "$POSTERN_SOURCE/tools/gateway/console"
}
