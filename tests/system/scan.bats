#!/usr/bin/env bats
# postern scan: leaked tokens are found in files, in standard input and in a history, and named without being shown.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/scan

setup_file() {
    start_daemon
    postern tier put free --limit requests=100/min --default
    postern scope put read --default --public-safe
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    make_place
    make_account
}

teardown() {
    drop_own_daemon
}

@test "K15 a leaked token is found in files and directories: key id, account and state, not the token" {
    make_key "$ACCOUNT" leaked --prefix acme
    mkdir -p "$PLACE/deep/deeper"
    printf 'first line\nexport KEY="%s"; # todo\n' "$TOKEN" >"$PLACE/deep/deeper/config.env"
    echo nothing here >"$PLACE/readme"
    scan 1 "$PLACE"
    [ "${#lines[@]}" -eq 1 ]
    [[ "${lines[0]}" == "$PLACE/deep/deeper/config.env:2: $KEY_ID (leaked) account $ACCOUNT, secret, test, active" ]]
    [[ "$stderr" == *"2 files scanned, 1 token found"* ]]
    scan 1 "$PLACE/deep/deeper/config.env" --json
    answer ".key_id == \"$KEY_ID\" and .account == \"$ACCOUNT\""
    answer '.state == "ACTIVE" and .type == "SECRET" and .line == 2 and (.file | endswith("config.env"))'
    scan 0 "$PLACE/readme"
    [ -z "$output" ]
}

@test "K15 it is found wherever it stands: binary, at both ends, glued to text, across blocks" {
    make_key "$ACCOUNT" leaked
    printf '%s' "$TOKEN" >"$PLACE/alone"
    printf '\000\001%s\000\377' "$TOKEN" >"$PLACE/binary"
    printf 'https://x/?key=%s&y=1' "$TOKEN" >"$PLACE/url"
    printf '{"k":"%s","l":"%s"}' "$TOKEN" "$TOKEN" >"$PLACE/twice"
    local at
    for at in 4095 8150 16380 32700 65500 65536 131040; do
        { head -c "$at" /dev/zero | tr '\0' ' '; printf '%s\n' "$TOKEN"; } >"$PLACE/at-$at"
    done
    scan 1 "$PLACE" --json
    [ "$(jq -r .key_id <<<"$output" | sort -u)" = "$KEY_ID" ]
    [ "$(jq -r .file <<<"$output" | sort -u | wc -l)" -eq 11 ]
    [ "$(jq -r .file <<<"$output" | grep -c twice)" -eq 2 ]
}

@test "K15 what only looks like a token is not taken for one: the checksum decides" {
    make_key "$ACCOUNT" leaked
    local last=${TOKEN: -1}
    {
        echo "${TOKEN%?}$([ "$last" = a ] && echo b || echo a)_"
        echo "${TOKEN%?}_" # what follows is not its end
        echo "${TOKEN/_test_/_live_}"
        echo "postern_test_$(head -c 64 /dev/zero | tr '\0' a)"
        head -c 100000 /dev/urandom
        echo "_test_${TOKEN##*_}"
    } >"$PLACE/noise"
    scan 0 "$PLACE"
    [ -z "$output" ]
    # One of another installation is a token, and said to be unknown.
    echo acme_live_001TSm0PiyImxIY3oDH4mEVFvp7u7ED6UzpF5eHPrBI5AHumY7UBpOQIJz3xtgzj >"$PLACE/noise"
    scan 0 "$PLACE" --json
    answer '.key_id == "key_001TSm0PiyImxIY" and .state == "UNKNOWN" and .account == ""'
}

@test "K15 exit status 1 is for secret keys that work or may work again" {
    make_key "$ACCOUNT" site --type public
    echo "$TOKEN" >"$PLACE/page.html"
    scan 0 "$PLACE" --json
    answer ".key_id == \"$KEY_ID\" and .type == \"PUBLIC\" and .state == \"ACTIVE\""
    make_key "$ACCOUNT" one
    echo "$TOKEN" >"$PLACE/secret"
    postern disable "$KEY_ID"
    scan 1 "$PLACE/secret" --json
    answer '.state == "DISABLED"'
    postern enable "$KEY_ID"
    postern account suspend "$ACCOUNT"
    scan 1 "$PLACE/secret" --json
    answer '.state == "SUSPENDED"'
    postern account resume "$ACCOUNT"
    postern revoke "$KEY_ID"
    scan 0 "$PLACE/secret" --json
    answer '.state == "REVOKED"'
    make_key "$ACCOUNT" two
    echo "$TOKEN" >"$PLACE/secret"
    postern roll "$KEY_ID" --grace 0 >>"$DAEMON_TOKENS"
    scan 0 "$PLACE/secret" --json
    answer '.state == "EXPIRED"'
}

@test "scan says of a key that is not valid yet that it is pending, and revokes it, as it will work" {
    make_key "$ACCOUNT" later --not-before 1h
    echo "$TOKEN" >"$PLACE/secret"
    scan 1 "$PLACE/secret" --json
    answer ".key_id == \"$KEY_ID\" and .state == \"PENDING\""
    scan 1 "$PLACE/secret"
    [[ "$output" == *", secret, test, pending" ]]
    scan 1 "$PLACE/secret" --revoke
    [[ "$output" == *", revoked just now" ]]
    scan 0 "$PLACE/secret"
}

# A history as `git log -p` tells it: added in one commit, taken away in the next.
history_of() {
    cat <<END
commit 2222222222222222222222222222222222222222
Author: Somebody <somebody@example.org>

    Take the key out

diff --git a/deploy/settings.py b/deploy/settings.py
index 1111111..2222222 100644
--- a/deploy/settings.py
+++ b/deploy/settings.py
@@ -1,2 +1,2 @@
 import os
-KEY = "$1"
+KEY = os.environ["KEY"]

commit 1111111111111111111111111111111111111111
Author: Somebody <somebody@example.org>

    Settings

diff --git a/deploy/settings.py b/deploy/settings.py
new file mode 100644
index 0000000..1111111
--- /dev/null
+++ b/deploy/settings.py
@@ -0,0 +1,2 @@
+import os
+KEY = "$1"
END
}

@test "K15 a git history on standard input: the commit and the file are named" {
    make_key "$ACCOUNT" leaked
    scan 1 - --json < <(history_of "$TOKEN")
    [ "$(jq -r .commit <<<"$output" | sort -u | tr '\n' ' ')" = \
        "1111111111111111111111111111111111111111 2222222222222222222222222222222222222222 " ]
    [ "$(jq -r .path <<<"$output" | sort -u)" = deploy/settings.py ]
    [ "$(jq -r .key_id <<<"$output" | sort -u)" = "$KEY_ID" ]
    scan 1 - < <(history_of "$TOKEN")
    [[ "$output" == *"in commit 111111111111 deploy/settings.py"* ]]
}

@test "K15 --revoke revokes the secret keys that it finds, and no public ones" {
    make_key "$ACCOUNT" site --type public
    local site=$TOKEN
    make_key "$ACCOUNT" leaked
    printf '%s\n%s\n%s\n' "$TOKEN" "$site" "$TOKEN" >"$PLACE/dump"
    scan 1 "$PLACE" --revoke --reason "found on a share"
    [[ "${lines[0]}" == *"revoked just now"* ]]
    refused REVOKED_API_KEY 401
    call get "$KEY_ID"
    done_so '.key.revoke_reason == "found on a share"'
    TOKEN=$site
    allowed
    scan 0 "$PLACE"
    scan 0 "$PLACE" --revoke
}

@test "K15 scanning changes nothing and is no use of the key" {
    own_daemon
    postern tier put free --limit requests=100/min --default
    postern account put "$ACCOUNT" --no-default-public-key
    make_key "$ACCOUNT" leaked --limit requests=3/min
    echo "$TOKEN" >"$PLACE/secret"
    call get "$KEY_ID"
    local before=$output seq
    call audit
    seq=$(wc -l <<<"$output")
    scan 1 "$PLACE"
    scan 1 "$PLACE"
    restart_daemon # what is noted of use is on disk now
    call get "$KEY_ID"
    [ "$output" = "$before" ]
    done_so '.key.last_used_at_ms == 0'
    verify
    answer '[.meters[] | select(.limit == 3)] | .[0].remaining == 3'
    call audit
    [ "$(wc -l <<<"$output")" -eq "$seq" ]
}

@test "K15 what cannot be read, or not asked about, is no clean bill" {
    make_key "$ACCOUNT" leaked
    scan 1 "$PLACE/there-is-none"
    [[ "$stderr" == *there-is-none* ]]
    echo "$TOKEN" >"$PLACE/secret"
    POSTERN_URL=ipc:///tmp/there-is-no.sock scan 3 "$PLACE" --timeout 300ms
    [[ "$stderr" == *UNAVAILABLE* || "$stderr" == *"cannot"* ]]
    [[ "$stderr" == *"$KEY_ID"* ]]
}

@test "scan reads UTF-16 of both orders, with and without a byte order mark" {
    make_key "$ACCOUNT" leaked
    local encoding
    for encoding in UTF-16LE UTF-16BE UTF-16 UTF-32LE; do
        python3 -c 'import sys; sys.stdout.buffer.write(sys.stdin.read().encode(sys.argv[1]))' "$encoding" \
            >"$PLACE/$encoding" <<<"first line"$'\r\n'"KEY=$TOKEN"
    done
    printf '\376\377' | cat - "$PLACE/UTF-16BE" >"$PLACE/UTF-16BE-mark"
    scan 1 "$PLACE" --json
    [ "$(jq -r .file <<<"$output" | sort -u | wc -l)" -eq 5 ]
    [ "$(jq -r '"\(.line) \(.key_id)"' <<<"$output" | sort -u)" = "2 $KEY_ID" ]
    [ "${#lines[@]}" -eq 5 ]
}

@test "scan finds base64 of a token wherever it begins, folded or not, and a token split by line ends or backslashes" {
    make_key "$ACCOUNT" leaked
    local before
    for before in "" k ke key "user:"; do
        printf '%s%s\n' "$before" "$TOKEN" | base64 >"$PLACE/base64-$before"
        printf '%s%s' "$before" "$TOKEN" | base64 -w 0 | tr '+/' '-_' >"$PLACE/url-$before"
    done
    scan 1 "$PLACE" --json
    [ "$(jq -r .file <<<"$output" | sort -u | wc -l)" -eq 10 ]
    [ "$(jq -r '"\(.base64) \(.key_id)"' <<<"$output" | sort -u)" = "true $KEY_ID" ]
    rm -r "$PLACE" && mkdir "$PLACE"
    fold -w 40 <<<"$TOKEN" >"$PLACE/folded"
    printf 'KEY=%s\\\n%s\n' "${TOKEN::30}" "${TOKEN:30}" >"$PLACE/shell"
    printf '"%s" \\\r\n  "%s"' "${TOKEN::30}" "${TOKEN:30}" >"$PLACE/strings"
    printf '{"key": "%s\\n%s"}' "${TOKEN::30}" "${TOKEN:30}" >"$PLACE/json"
    printf '%s' "${TOKEN//_/\\_}" >"$PLACE/markdown"
    scan 1 "$PLACE" --json
    [ "$(jq -r .file <<<"$output" | sort -u | wc -l)" -eq 5 ]
    [ "${#lines[@]}" -eq 5 ]
}

@test "scan finds base64 and split tokens in a history, too" {
    make_key "$ACCOUNT" leaked
    local folded
    folded=$(printf 'KEY=%s\n' "$TOKEN" | base64 -w 40 | sed 's/^/+/')
    scan 1 - --json < <(history_of nothing; printf -- '--- a/x\n+++ b/x\n%s\n' "$folded")
    answer ".key_id == \"$KEY_ID\" and .path == \"x\" and .base64"
    scan 1 - --json < <(history_of nothing; printf '+%s\\\n+%s\n' "${TOKEN::30}" "${TOKEN:30}")
    answer ".key_id == \"$KEY_ID\" and (.base64 | not)"
}

@test "a token that was imported from another Postern is shown by scan, get and revoke under the id that works here" {
    TOKEN=acme_live_001TSm0PiyImxIY3oDH4mEVFvp7u7ED6UzpF5eHPrBI5AHumY7UBpOQIJz3xtgzj
    postern account put "$ACCOUNT" --env live >/dev/null
    postern import --account "$ACCOUNT" --name moved --env live <<<"{\"token\": \"$TOKEN\"}"
    call list --account "$ACCOUNT"
    KEY_ID=$(jq -r ".keys[0].key_id" <<<"$output")
    [ "$KEY_ID" != key_001TSm0PiyImxIY ]
    echo "$TOKEN" >"$PLACE/secret"
    scan 1 "$PLACE" --json
    answer ".key_id == \"$KEY_ID\" and .state == \"ACTIVE\" and .name == \"moved\" and .account == \"$ACCOUNT\""
    call get "$KEY_ID"
    done_so '.key.name == "moved"'
    scan 1 "$PLACE" --revoke
    [[ "$output" == *": $KEY_ID (moved) account $ACCOUNT, secret, live, revoked just now" ]]
    try postern revoke --token - --json <<<"$TOKEN"
    done_so ".key.key_id == \"$KEY_ID\" and .key.revoke_reason == \"found by postern scan\""
    scan 0 "$PLACE" --json
    answer ".key_id == \"$KEY_ID\" and .state == \"REVOKED\""
}

@test "scan names a key whose limits do not know requests" {
    postern tier put odd --limit productions=5/day
    postern account put "$ACCOUNT" --tier odd >/dev/null
    make_key "$ACCOUNT" leaked
    echo "$TOKEN" >"$PLACE/secret"
    scan 1 "$PLACE" --json
    answer ".key_id == \"$KEY_ID\" and .state == \"ACTIVE\" and .name == \"leaked\""
}
