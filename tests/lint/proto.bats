#!/usr/bin/env bats
# The wire contract's numbers, and what protobuf-c cannot bear. Every check is shown to go red.

load ../support/failures

setup() {
    note_failures_only
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

@test "every name, number and type is the one of the contract, and none is missing there" {
    check contract
}

@test "a changed number, name, type, oneof or service is found" {
    red contract 's/RevokeRequest revoke = 37;/RevokeRequest revoke = 40;/' 'Request.revoke is 40 RevokeRequest in call'
    red contract 's/REASON_REVOKED_API_KEY = 12;/REASON_REVOKED_API_KEY = 19;/' 'Reason.REASON_REVOKED_API_KEY is 19'
    red contract 's/uint64 remaining = 6;/uint64 left = 6;/' 'Meter.remaining is None'
    red contract 's/HealthReply health = 64;/StatsReply health = 64;/' 'Reply.health is 64 StatsReply'
    red contract 's/uint64 cost = 2;/uint32 cost = 2;/' 'Charge.cost is 2 uint32, not 2 uint64'
    red contract 's/repeated Meter meters = 14;/Meter meters = 14;/' 'VerifyReply.meters is 14 Meter, not'
    red contract 's/Custom custom = 4;/&\n  }\n  oneof more {\n    bytes other = 9;/' 'RateCheckRequest.other is not'
    red contract '/rpc RateCheck/d' 'Authorization.RateCheck is None'
}

@test "a message, value or method that the contract does not have yet is found" {
    red contract 's/^message Entry {/message New {}\n&/' "add 'New = message'"
    red contract 's/ALGORITHM_TOKEN_BUCKET = 3;/&\n  ALGORITHM_NEW = 4;/' "add 'Algorithm.ALGORITHM_NEW = 4'"
    red contract 's/uint64 cost = 2;/&\n  bool more = 3;/' "add 'Charge.more = 3 bool'"
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
