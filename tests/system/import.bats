#!/usr/bin/env bats
# Keys of another system are taken over: their tokens go on working, and only a keyed hash of them is kept.

export ABOUT_THE_TOOL=yes # see daemon.bash
load ../support/keys

setup_file() {
    start_daemon
    postern tier put free --limit requests=1000/min --default
    postern scope put read --default --public-safe
    postern scope put write
}

teardown_file() {
    drop_daemon
}

setup() {
    note_failures_only
    ACCOUNT=acct-$BATS_TEST_NUMBER
    postern account put "$ACCOUNT" --env test --env live --no-default-public-key >/dev/null
}

teardown() {
    drop_own_daemon
}

# import [OPTION]...: from standard input, for this test's account.
import() {
    try postern import --account "$ACCOUNT" --name imported --json "$@"
}

# summary IMPORTED SKIPPED FAILED
summary() {
    answer ".imported == $1 and .skipped == $2 and .failed == $3"
}

sha256() {
    printf %s "$1" | sha256sum | cut -c 1-64
}

base64_of_hex() {
    python3 -c 'import base64, sys; print(base64.b64encode(bytes.fromhex(sys.stdin.read())).decode())'
}

# An old token of 32 random digits, in the shape of another house.
old_token() {
    TOKEN=sk_old_$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    note_token "$TOKEN"
}

@test "a token in clear, its SHA-256 in hex, and in Base64 are taken over from JSON Lines" {
    local clear hex base
    old_token
    clear=$TOKEN
    old_token
    hex=$TOKEN
    old_token
    base=$TOKEN
    import <<END
{"token": "$clear", "name": "clear"}
{"sha256": "$(sha256 "$hex")", "name": "hex", "environment": "live", "scopes": ["read", "write"]}

{"sha256": "$(sha256 "$base" | base64_of_hex)", "metadata": {"team": "ops"}, "limits": ["requests=9/min"]}
END
    done_so
    summary 3 0 0
    TOKEN=$clear
    allowed --scope read --account "$ACCOUNT"
    answer '.key_name == "clear" and .environment == "TEST" and (.key_id | startswith("key_"))'
    TOKEN=$hex
    allowed --scope write --env live
    TOKEN=$base
    allowed --secret-only
    answer '.key_name == "imported" and .metadata == [{key: "team", value: "ops"}]'
    answer '[.meters[].limit] | index(9) != null'
    TOKEN=${base%?}z
    refused INVALID_API_KEY 401
}

@test "CSV: columns by name, quotes, and what is missing by default" {
    local first second
    old_token
    first=$TOKEN
    old_token
    second=$TOKEN
    import <<END
name,sha256,scopes,expires,addresses,metadata
"one, two ""three""",$(sha256 "$first"),read write,90d,10.0.0.0/8,team=ops;floor=3
,$(sha256 "$second"),,,,
END
    done_so
    summary 2 0 0
    TOKEN=$first
    refused ADDRESS_NOT_ALLOWED 403
    allowed --address 10.2.3.4 --scope write
    answer '.key_name == "one, two \"three\"" and .expires_at_ms > 0 and (.metadata | length == 2)'
    TOKEN=$second
    allowed --scope read
    answer '.key_name == "imported" and .expires_at_ms == 0 and .scopes == ["read"]'
}

@test "tokens of any shape from 16 to 256 bytes verify, and no others are taken" {
    local shape shapes=("0123456789abcdef" "with blanks  and punctuation !\$%&'()*+,-./:;<=>?@[]^_{|}~" \
        "550e8400-e29b-41d4-a716-446655440000" "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w" \
        "$(head -c 256 /dev/zero | tr '\0' k)" "drei Größen Käse" \
        "acme_live_001TSm0PiyImxIY3oDH4mEVFvp7u7ED6UzpF5eHPrBI5AHumY7UBpOQIJz3xtgzj")
    for shape in "${shapes[@]}"; do
        jq -nc --arg token "$shape" '{token: $token}'
    done >"$BATS_TEST_TMPDIR/shapes"
    import <"$BATS_TEST_TMPDIR/shapes"
    done_so
    summary "${#shapes[@]}" 0 0
    for TOKEN in "${shapes[@]}"; do
        allowed
        note_token "$TOKEN"
    done
    import <<<'{"token": "fifteen-bytes-x"}'
    [ "$status" -eq 1 ]
    summary 0 0 1
    import <<<"{\"token\": \"$(head -c 257 /dev/zero | tr '\0' k)\"}"
    [ "$status" -eq 1 ]
    summary 0 0 1
}

@test "running it again skips what is there, and takes what is new" {
    local n tokens=() input
    for n in 1 2 3; do
        old_token
        tokens+=("$TOKEN")
    done
    input=$(printf '{"token": "%s"}\n' "${tokens[@]}")
    import <<<"$input"
    summary 3 0 0
    call list --account "$ACCOUNT"
    local before=$output
    import <<<"$input"
    done_so
    summary 0 3 0
    call list --account "$ACCOUNT"
    [ "$output" = "$before" ]
    old_token
    import <<<"$input"$'\n'"{\"token\": \"$TOKEN\"}"
    done_so
    summary 1 3 0
    # The same token twice in one batch is one key.
    old_token
    import < <(printf '{"token": "%s"}\n' "$TOKEN" "$TOKEN")
    summary 1 1 0
}

@test "a batch is all or nothing; each wrong line is named, and the other batches go in" {
    local n tokens=()
    for n in 1 2 3 4 5 6; do
        old_token
        tokens+=("$TOKEN")
    done
    import --batch 2 <<END
{"token": "${tokens[0]}"}
{"token": "${tokens[1]}"}
{"token": "${tokens[2]}"}
{"token": "${tokens[3]}", "scopes": ["no-such-scope"]}
{"token": "${tokens[4]}"}
{"token": "${tokens[5]}"}
END
    [ "$status" -eq 1 ]
    summary 4 0 2
    answer '.errors | length == 1'
    answer '.errors[0] | .line == 4 and (.field | startswith("scopes")) and (.message | contains("no-such-scope"))'
    [[ "$stderr" == *"line 4: NOT_FOUND"*no-such-scope* ]]
    [[ "$stderr" == *"lines 3 to 4 were not imported"* ]]
    for n in 2 3; do
        TOKEN=${tokens[n]}
        refused INVALID_API_KEY 401
    done
    for n in 0 1 4 5; do
        TOKEN=${tokens[n]}
        allowed
    done
}

@test "lines that cannot be read are each named with what is wrong, and no token is shown" {
    old_token
    import <<END
{"token": "$TOKEN"
{"token": "$TOKEN", "colour": "red"}
{"sha256": "abc"}
{"name": "nothing"}
{"token": "$TOKEN", "sha256": "$(sha256 "$TOKEN")"}
{"token": "$TOKEN", "expires": "yesterday"}
{"token": "$TOKEN", "addresses": ["10.0.0.0/33"]}
[]
END
    [ "$status" -eq 1 ]
    summary 0 0 8
    answer '[.errors[].line] | index(1, 2, 3, 4, 5, 6, 8) != null'
    local line
    for line in 1 2 3 4 5 6 8; do
        [[ "$stderr" == *"line $line: "* ]] || { echo "line $line is not named: $stderr"; return 1; }
    done
    [[ "$output$stderr" != *"$TOKEN"* ]]
    refused INVALID_API_KEY 401
    import <<<'nonsense'
    [ "$status" -ne 0 ]
    import </dev/null
    [[ "$status" -eq 0 || -n "$stderr" ]]
    try postern import --json <<<"{\"token\": \"$TOKEN\", \"name\": \"n\"}"
    [ "$status" -eq 1 ]
    [[ "$stderr" == *account* ]]
}

@test "an imported key lives like any other: disabled, rolled to a token of ours, revoked by its token" {
    old_token
    local old=$TOKEN
    import <<<"{\"token\": \"$old\"}"
    verify
    KEY_ID=$(field .key_id)
    call disable "$KEY_ID"
    refused DISABLED_API_KEY 401
    call enable "$KEY_ID"
    roll_key "$KEY_ID"
    [[ "$TOKEN" == postern_test_* ]]
    allowed
    TOKEN=$old
    allowed
    answer '.successor_key_id | startswith("key_")'
    try postern revoke --token - --json <<<"$old"
    done_so '.key.state == "REVOKED"'
    refused REVOKED_API_KEY 401
    postern delete "$KEY_ID"
    refused REVOKED_API_KEY 401
    # What was revoked is there, and stays so.
    import <<<"{\"token\": \"$old\"}"
    summary 0 1 0
    refused REVOKED_API_KEY 401
}

@test "a thousand keys go in with progress on standard error, over a restart each verifies" {
    own_daemon
    postern tier put free --limit requests=1000/min --default
    postern account put "$ACCOUNT" --no-default-public-key
    python3 - "$BATS_TEST_TMPDIR" <<'PYTHON'
import hashlib, json, os, sys

tokens = [f"bulk-{n:04}-{os.urandom(12).hex()}" for n in range(1000)]
with open(sys.argv[1] + "/tokens", "w") as file:
    file.write("\n".join(tokens) + "\n")
with open(sys.argv[1] + "/lines", "w") as file:
    for token in tokens:
        file.write(json.dumps({"sha256": hashlib.sha256(token.encode()).hexdigest(), "name": token[:9]}) + "\n")
PYTHON
    note_token "$(cat "$BATS_TEST_TMPDIR/tokens")"
    import --progress <"$BATS_TEST_TMPDIR/lines"
    done_so
    summary 1000 0 0
    restart_daemon
    PYTHONPATH=$SUPPORT run python3 - "$POSTERN_URL" "$BATS_TEST_TMPDIR/tokens" <<'PYTHON'
import sys
import client

tokens = open(sys.argv[2]).read().split()
bodies = client.encode(*(f'verify {{ api_key: "{token}" }}' for token in tokens))
for token, reply in zip(tokens, client.decode(*client.Connection(sys.argv[1]).exchange(bodies))):
    if not reply["verify"].get("allowed") or reply["verify"]["key_name"] != token[:9]:
        sys.exit(f"{token}: {reply}")
PYTHON
    echo "$output"
    [ "$status" -eq 0 ]
    # The bound on keys holds for imports, too.
    old_token
    import <<<"{\"token\": \"$TOKEN\"}"
    [ "$status" -eq 1 ]
    answer '.errors[0].code == "RESOURCE_EXHAUSTED"'
}

@test "importing takes an operator, and what was imported lies nowhere in the clear" {
    make_key "$ACCOUNT" administrator --scope postern:account-admin --scope admin
    local admin=$TOKEN
    old_token
    POSTERN_API_KEY=$admin import <<<"{\"token\": \"$TOKEN\"}"
    [ "$status" -eq 1 ]
    answer '.errors[0].code == "PERMISSION_DENIED"'
    refused INVALID_API_KEY 401
    import <<<"{\"token\": \"$TOKEN\"}"
    summary 1 0 0
    allowed
    nothing_at_rest # neither the token nor its SHA-256
}

@test "tokens with white space or Bearer around them are trimmed, said so, and verify" {
    local first second third wide=$'\xE3\x80\x80' narrow=$'\xE2\x80\xAF' # U+3000, U+202F
    old_token
    first=$TOKEN
    old_token
    second=$TOKEN
    old_token
    third=$TOKEN
    import <<END
token,name
 $first$wide ,spaces
Bearer $narrow$second,bearer
"bearer	$third
",both
END
    done_so
    summary 3 0 0
    answer '.trimmed == 3'
    [[ "$stderr" == *"line 2: taken without the white space"*"line 3: taken without the \"Bearer\""* ]]
    [[ "$stderr" == *"line 4: taken without the white space and the \"Bearer\""* ]]
    [[ "$output$stderr" != *sk_old_* ]]
    for TOKEN in "$first" "$second" "$third"; do
        allowed
    done
    # Whoever does not use this program is told.
    old_token
    local key="{ account: \"$ACCOUNT\" name: \"n\" }"
    wire "request_id: \"$(fresh_id)\" import { keys { api_key: \" $TOKEN\" key $key } }"
    wire_failed $INVALID_ARGUMENT 'import.keys[0].api_key'
}

@test "a token of this installation is skipped for its own account and refused for another, with its row" {
    make_key "$ACCOUNT" own
    local own=$TOKEN
    postern account put "$ACCOUNT-other" --no-default-public-key >/dev/null
    import <<<"{\"token\": \"$own\"}"
    done_so
    summary 0 1 0
    import <<END
{"token": "$own"}
{"token": "$own", "account": "$ACCOUNT-other"}
END
    [ "$status" -eq 1 ]
    summary 0 0 2
    answer ".errors[0] | .line == 2 and .field == \"account\" and (.message | contains(\"$ACCOUNT\"))"
    import <<<"{\"token\": \"$own\", \"account\": \"$ACCOUNT-other\"}"
    [ "$status" -eq 1 ]
    answer ".errors[0] | .code == \"ALREADY_EXISTS\" and .field == \"account\" and (.message | contains(\"$KEY_ID\"))"
    [[ "$stderr" == *"line 1: ALREADY_EXISTS"* && "$output$stderr" != *"$own"* ]]
    TOKEN=$own
    allowed --account "$ACCOUNT"
    # Nor does one that was imported change hands.
    old_token
    import <<<"{\"token\": \"$TOKEN\"}"
    summary 1 0 0
    import <<<"{\"sha256\": \"$(sha256 "$TOKEN")\", \"account\": \"$ACCOUNT-other\"}"
    [ "$status" -eq 1 ]
    answer '.errors[0].code == "ALREADY_EXISTS"'
    allowed --account "$ACCOUNT"
}

@test "by its SHA-256 alone a token made here is not known: that is said, and the token stays its own key's" {
    make_key "$ACCOUNT" own
    postern account put "$ACCOUNT-other" --no-default-public-key >/dev/null
    import <<<"{\"sha256\": \"$(sha256 "$TOKEN")\", \"account\": \"$ACCOUNT-other\"}"
    done_so ".imported == 1 and .by_sha256 == 1"
    [[ "$stderr" == *"1 of these came by SHA-256 alone"*"Give the token itself"* ]]
    allowed --account "$ACCOUNT"
    answer ".key_id == \"$KEY_ID\""
    import <<<"{\"token\": \"$TOKEN\"}"
    summary 0 1 0
    answer ".by_sha256 == 0"
    [[ "$stderr" != *"SHA-256"* ]]
    try postern help import
    [[ "$output" == *"By its SHA-256 alone a token that this"* ]]
}

@test "CSV with semicolons, as spreadsheets write it, is recognised" {
    old_token
    import <<END
token;name;scopes;metadata
$TOKEN;ingest, the old one;"read;write";team=ops
END
    done_so
    summary 1 0 0
    allowed --scope write
    answer '.key_name == "ingest, the old one" and .metadata == [{key: "team", value: "ops"}]'
}

@test "a column id|secret, tokens like id|secret, and what is a hash rather than a token get a hint" {
    local digest
    import <<<'id|secret,name'
    [ "$status" -eq 2 ]
    [[ "$output" == *'\"id|secret\", is none'*"name the column token"* ]]
    TOKEN=17\|$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
    note_token "$TOKEN"
    digest=$(sha256 "$RANDOM$RANDOM")
    import <<END
token
$TOKEN
18|${TOKEN:3}
$digest
END
    done_so
    summary 3 0 0
    [[ "$stderr" == *"line 2: the token is like id|secret"* && "$stderr" != *"line 3"* ]]
    [[ "$stderr" == *"line 4: the token is like a SHA-256"*sha256* ]]
    allowed
}
