#!/usr/bin/env python3
"""The .proto files, read as protoc compiles them. Usage: wire.py RULE FILE.proto [INCLUDE_DIR...]

contract  every name, number and type is the one in wire_v1.txt beside this script, and nothing is missing there: other
          people's programs rely on them
recursion no message contains itself, however deep (protobuf-c's decoder would run out of stack)
presence  no proto3 `optional` (protobuf-c does not know it)
print     what wire_v1.txt would say of this file; for adding lines to it, never for changing one
Prints what breaks the rule, exit 1 if anything does.
"""
import os
import subprocess
import sys
import tempfile

# FieldDescriptorProto.Type
TYPES = {3: "int64", 4: "uint64", 8: "bool", 9: "string", 11: "message", 12: "bytes", 13: "uint32", 14: "enum"}
MESSAGE_TYPE = 11
REPEATED = 3  # FieldDescriptorProto.Label.LABEL_REPEATED


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


def last_word(reference):
    return reference[0].decode().rpartition(".")[2]


def type_of(field):
    name = last_word(field[6]) if 6 in field else TYPES.get(field[5][0], f"type {field[5][0]}")
    return f"repeated {name}" if field[4][0] == REPEATED else name


def contract_of(file):
    """Path -> number and type, of all that a client may rely on."""
    found = {"package": file[2][0].decode()}
    for owner, message in messages(file).items():
        found[owner] = "message"
        for field in members(message):
            oneofs = [name_of(fields(o)) for o in message.get(8, [])]
            inside = f" in {oneofs[field[9][0]]}" if 9 in field else ""
            found[f"{owner}.{name_of(field)}"] = f"{field[3][0]} {type_of(field)}{inside}"
    for enum in map(fields, file.get(5, [])):
        for value in map(fields, enum[2]):
            found[f"{name_of(enum)}.{name_of(value)}"] = str(value.get(2, [0])[0])
    for service in map(fields, file.get(6, [])):
        for method in map(fields, service.get(2, [])):
            found[f"{name_of(service)}.{name_of(method)}"] = f"{last_word(method[2])} -> {last_word(method[3])}"
    return found


def contract(file):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "wire_v1.txt"), encoding="utf-8") as text:
        promised = dict(line.rstrip("\n").split(" = ") for line in text if line.strip() and line[0] != "#")
    offered = contract_of(file)
    for name, what in promised.items():
        if offered.get(name) != what:
            yield f"{name} is {offered.get(name)}, not {what}"
    for name in offered.keys() - promised.keys():
        yield f"{name} is not in tests/lint/wire_v1.txt: add '{name} = {offered[name]}'; from then on it stays"


def contract_lines(file):
    return [f"{name} = {what}" for name, what in contract_of(file).items()]


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
    rules = {"contract": contract, "recursion": recursion, "presence": presence, "print": contract_lines}
    found = list(rules[sys.argv[1]](read(sys.argv[2], sys.argv[3:])))
    if found:
        print("\n".join(found))
    return 1 if found and sys.argv[1] != "print" else 0


if __name__ == "__main__":
    sys.exit(main())
