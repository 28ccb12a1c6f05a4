#!/usr/bin/env bats
# The wire contract's numbers, and what protobuf-c cannot bear. Every check is shown to go red.

setup() {
    SOURCE=${POSTERN_SOURCE:-$BATS_TEST_DIRNAME/../..}
}

check() {
    python3 "$BATS_TEST_DIRNAME/wire.py" "$1" "${2:-$SOURCE/proto/postern.proto}" /usr/include
}

# red RULE SED_SCRIPT: the rule sees the changed protocol.
red() {
    sed "$2" "$SOURCE/proto/postern.proto" >"$BATS_TEST_TMPDIR/postern.proto"
    if cmp -s "$SOURCE/proto/postern.proto" "$BATS_TEST_TMPDIR/postern.proto"; then
        echo "the change '$2' changes nothing"
        return 1
    fi
    run check "$1" "$BATS_TEST_TMPDIR/postern.proto"
    [ "$status" -eq 1 ]
    [[ "$output" == *"$3"* ]]
}

@test "calls, reasons and fields have the numbers of the contract" {
    check numbers
}

@test "a changed number, name, type or service is found" {
    red numbers 's/RevokeRequest revoke = 37;/RevokeRequest revoke = 40;/' 'Request.revoke is 40, not 37'
    red numbers 's/REASON_REVOKED_API_KEY = 12;/REASON_REVOKED_API_KEY = 15;/' 'Reason.REASON_REVOKED_API_KEY is 15'
    red numbers 's/uint64 remaining = 6;/uint64 left = 6;/' 'Meter.remaining is None'
    red numbers 's/HealthReply health = 64;/StatsReply health = 64;/' 'Reply.health is a'
    red numbers '/rpc RateCheck/d' 'service Authorization offers'
}

@test "no message contains itself" {
    check recursion
    check recursion "$SOURCE/proto/records.proto"
}

@test "a message that contains itself is found, also in two steps" {
    red recursion 's/^message Entry {/&\n  Entry more = 9;/' 'Entry contains itself'
    red recursion 's/^message Charge {/&\n  VerifyRequest more = 9;/' 'Charge contains itself'
}

@test "no proto3 optional" {
    check presence
    check presence "$SOURCE/proto/records.proto"
    red presence 's/uint64 cost = 2;/optional uint64 cost = 2;/' 'Charge.cost is optional'
}

@test "the protocol's own comment says how a stranger compiles it, and that works" {
    protoc -I "$SOURCE/proto" -I /usr/include --python_out="$BATS_TEST_TMPDIR" "$SOURCE/proto/postern.proto"
    [ -s "$BATS_TEST_TMPDIR/postern_pb2.py" ]
}
