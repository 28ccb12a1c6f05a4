#!/usr/bin/env bats
# postern scan: leaked tokens are found in files, in standard input and in a history, and named without being shown.

load ../support/keys

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
    ACCOUNT=acct-$BATS_TEST_NUMBER
    PLACE=$BATS_TEST_TMPDIR/place
    mkdir "$PLACE"
    postern account put "$ACCOUNT" --no-default-public-key >/dev/null
}

teardown() {
    drop_own_daemon
}

# scan EXIT_STATUS WORD...: and no answer ever shows the token.
scan() {
    try postern scan "${@:2}"
    [ "$status" -eq "$1" ] || { echo "exit status $status: $output $stderr"; return 1; }
    [[ "$output$stderr" != *"$TOKEN"* ]]
    [[ "$output$stderr" != *"${TOKEN: -49:43}"* ]]
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
        echo "${TOKEN%?}$([ "$last" = a ] && echo b || echo a)"
        echo "${TOKEN%?}"
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

@test "K15 a real repository whose file is gone since, by git log -p" {
    command -v git >/dev/null || { echo "no git here; the test above has its words"; return 0; }
    make_key "$ACCOUNT" leaked
    local git=(git -C "$PLACE" -c user.name=x -c user.email=x@example.org -c commit.gpgsign=false)
    "${git[@]}" init -q
    echo "KEY=$TOKEN" >"$PLACE/settings"
    "${git[@]}" add settings
    "${git[@]}" commit -q -m settings
    "${git[@]}" rm -q settings
    "${git[@]}" commit -q -m gone
    scan 1 - --json < <("${git[@]}" log -p --all)
    [ "$(jq -r .path <<<"$output" | sort -u)" = settings ]
    [ "$(jq -r .commit <<<"$output" | sort -u)" = "$("${git[@]}" log --format=%H | sort -u)" ]
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
    POSTERN_URL=ipc:///tmp/there-is-no.sock scan 1 "$PLACE" --timeout 300ms
    [[ "$stderr" == *UNAVAILABLE* || "$stderr" == *"cannot"* ]]
    [[ "$stderr" == *"$KEY_ID"* ]]
}
