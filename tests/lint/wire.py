#!/usr/bin/env python3
"""The .proto files, read as protoc compiles them. Usage: wire.py RULE FILE.proto [INCLUDE_DIR...]

numbers   the numbers that other people's programs rely on are the ones in TABLE
recursion no message contains itself, however deep (protobuf-c's decoder would run out of stack)
presence  no proto3 `optional` (protobuf-c does not know it)
Prints what breaks the rule, exit 1 if anything does.
"""
import subprocess
import sys
import tempfile

CALLS = {
    "verify": 16, "verify_batch": 17, "rate_check": 18, "create": 32, "get": 33, "list": 34, "update": 35, "roll": 36,
    "revoke": 37, "import": 38, "delete": 39, "put_account": 48, "get_account": 49, "list_accounts": 50, "put_tier": 51,
    "list_tiers": 52, "put_scope": 53, "list_scopes": 54, "revoke_all": 55, "delete_account": 56, "delete_tier": 57,
    "delete_scope": 58, "health": 64, "stats": 65, "get_usage": 66, "list_changes": 67, "backup": 68,
    "get_operation": 69,
}


def in_order(names, first=1):
    return {name: number for number, name in enumerate(names.split(), first)}


# Message or enum -> name -> number. A field that is not here may be added to the .proto; one that is here stays.
TABLE = {
    "Request": {"request_id": 1, "credential": 2, "timeout_ms": 3, "traceparent": 4, "min_seq": 5, **CALLS},
    "Reply": {"request_id": 1, "status": 2, "seq": 3, "server_time_ms": 4, **CALLS},
    "Status": in_order("code message reason field details retry_after_ms"),
    "Entry": in_order("key value"),
    "Charge": in_order("resource cost"),
    "VerifyRequest": in_order("api_key scopes account environment secret_only remote_address charges peek charge_id"),
    "VerifyReply": in_order(
        "allowed reason http_status key_id key_name account tier environment type scopes missing_scopes metadata "
        "expires_at_ms meters binding_meter retry_after_ms successor_key_id"),
    "Meter": in_order(
        "resource algorithm window_s period limit remaining reset_at_ms retry_after_ms subject unlimited"),
    "Limit": in_order("resource algorithm amount window_s period burst unlimited"),
    "RateCheckRequest": in_order("api_key key_id account custom charges mode charge_id"),
    "Reason": {
        "REASON_UNSPECIFIED": 0, "REASON_ALLOWED": 1, "REASON_MISSING_API_KEY": 10, "REASON_INVALID_API_KEY": 11,
        "REASON_REVOKED_API_KEY": 12, "REASON_EXPIRED_API_KEY": 13, "REASON_DISABLED_API_KEY": 14,
        "REASON_ACCOUNT_SUSPENDED": 30, "REASON_WRONG_ACCOUNT": 31, "REASON_WRONG_ENVIRONMENT": 32,
        "REASON_SECRET_KEY_REQUIRED": 33, "REASON_ADDRESS_NOT_ALLOWED": 34, "REASON_INSUFFICIENT_SCOPE": 35,
        "REASON_RATE_LIMITED": 50, "REASON_COST_EXCEEDS_LIMIT": 51,
    },
    "Environment": in_order("ENVIRONMENT_UNSPECIFIED ENVIRONMENT_TEST ENVIRONMENT_LIVE", 0),
    "KeyType": in_order("KEY_TYPE_UNSPECIFIED KEY_TYPE_SECRET KEY_TYPE_PUBLIC", 0),
    "Algorithm": in_order(
        "ALGORITHM_UNSPECIFIED ALGORITHM_FIXED_WINDOW ALGORITHM_SLIDING_WINDOW ALGORITHM_TOKEN_BUCKET", 0),
    "RateCheckMode": in_order(
        "RATE_CHECK_MODE_UNSPECIFIED RATE_CHECK_MODE_CONSUME RATE_CHECK_MODE_PEEK RATE_CHECK_MODE_REFUND", 0),
}

SERVICES = {
    "Authorization": "Verify VerifyBatch RateCheck",
    "Keys": "Create Get List Update Roll Revoke Import Delete",
    "Accounts": "PutAccount GetAccount ListAccounts PutTier ListTiers PutScope ListScopes RevokeAll DeleteAccount "
                "DeleteTier DeleteScope",
    "Operations": "Health Stats GetUsage ListChanges Backup GetOperation",
}

MESSAGE_TYPE = 11  # FieldDescriptorProto.Type.TYPE_MESSAGE


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def fields(data):
    """Field number -> list of values (bytes or integers) of one encoded message."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def name_of(message):
    return message[1][0].decode()


def read(proto, include_dirs):
    """The FileDescriptorProto of the file; field numbers below are those of google/protobuf/descriptor.proto."""
    folder = proto.rpartition("/")[0] or "."
    with tempfile.NamedTemporaryFile() as out:
        arguments = [f"-I{d}" for d in (folder, *include_dirs)]
        subprocess.run(["protoc", *arguments, f"--descriptor_set_out={out.name}", proto], check=True)
        return fields(fields(out.read())[1][0])


def messages(file):
    return {name_of(m): m for m in map(fields, file.get(4, []))}


def members(message):
    return [fields(f) for f in message.get(2, [])]


def numbers(file):
    actual = {name: {name_of(f): f[3][0] for f in members(m)} for name, m in messages(file).items()}
    for enum in map(fields, file.get(5, [])):
        actual[name_of(enum)] = {name_of(v): v.get(2, [0])[0] for v in map(fields, enum[2])}
    for owner, expected in TABLE.items():
        for name, number in expected.items():
            if actual.get(owner, {}).get(name) != number:
                yield f"{owner}.{name} is {actual.get(owner, {}).get(name)}, not {number}"
    known = messages(file)
    for call in CALLS:
        for owner, end in (("Request", "Request"), ("Reply", "Reply")):
            wanted = "".join(word.capitalize() for word in call.split("_")) + end
            types = [f[6][0].decode().rpartition(".")[2] for f in members(known[owner]) if name_of(f) == call]
            if types != [wanted]:
                yield f"{owner}.{call} is a {types}, not a {wanted}"
    services = {name_of(s): " ".join(name_of(fields(m)) for m in s.get(2, [])) for s in map(fields, file.get(6, []))}
    for name, methods in SERVICES.items():
        if services.get(name) != methods:
            yield f"service {name} offers {services.get(name)}, not {methods}"
    if file[2][0] != b"postern.v1":
        yield f"package {file[2][0].decode()}"


def recursion(file):
    inside = {n: {f[6][0].decode().rpartition(".")[2] for f in members(m) if f[5][0] == MESSAGE_TYPE}
              for n, m in messages(file).items()}
    for name in inside:
        seen, todo = set(), set(inside[name])
        while todo:
            seen |= todo
            todo = {deeper for n in todo for deeper in inside.get(n, ())} - seen
        if name in seen:
            yield f"{name} contains itself"
    for name, message in messages(file).items():
        if 3 in message:
            yield f"{name} declares a message inside: declare it at the top, where this check sees it"


def presence(file):
    for name, message in messages(file).items():
        for field in members(message):
            if field.get(17, [0])[0]:
                yield f"{name}.{name_of(field)} is optional: use a oneof with one member"


def main():
    rules = {"numbers": numbers, "recursion": recursion, "presence": presence}
    found = list(rules[sys.argv[1]](read(sys.argv[2], sys.argv[3:])))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
