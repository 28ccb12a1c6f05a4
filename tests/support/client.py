#!/usr/bin/env python3
"""A Postern client as a stranger writes it who has read docs/protocol.md: a stream socket, and protoc for messages.

    client.py URL create ACCOUNT NAME [SCOPE]...   prints the token, then the key's id
    client.py URL verify                           the token from standard input; prints the reason, exit 1 if refused
    client.py URL revoke KEY_ID                    prints the key's state
    client.py URL each FILE...                     the bytes of each file as a request, over a connection of its own;
                                                   for each a line: closed, or the code of the reply's status
    client.py URL ask                              a Request in protobuf's text form from standard input; the Reply as
                                                   JSON (what is not set is left out, what is repeated once is no list)

URL is ipc://PATH or tcp://HOST:PORT. POSTERN_API_KEY is sent as the credential. The exit status is 2 when the call
failed. Other test programs use this file as a module.
"""
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time

# What protoc makes of many.proto, and with it of proto/postern.proto: it need not read them for each message.
DESCRIPTORS = os.path.join(os.environ.get("POSTERN_BIN", "build/dev/bin"), "postern.pb")
HELLO_REQ = b"\0SP\0" + struct.pack(">HH", 0x30, 0)
HELLO_REP = b"\0SP\0" + struct.pack(">HH", 0x31, 0)
REQUEST_MAX = 65536
REPLY_MAX = 1048576
UNAVAILABLE = 14


# ------------------------------------------------------------------------------------------------------ the messages

def protoc(action, message, data):
    command = ["protoc", f"--descriptor_set_in={DESCRIPTORS}", f"--{action}=many.{message}"]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def varint(number):
    data = b""
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def split(data):
    """The members of a message that has nothing but field 1, repeated."""
    members, at = [], 0
    while at < len(data):
        size, shift, at = 0, 0, at + 1
        while True:
            byte = data[at]
            size |= (byte & 127) << shift
            shift, at = shift + 7, at + 1
            if byte < 128:
                break
        members.append(data[at:at + size])
        at += size
    return members


def encode(*texts):
    return split(protoc("encode", "Requests", "".join(f"one {{ {text} }}\n" for text in texts).encode()))


def decode(*bodies):
    text = protoc("decode", "Replies", b"".join(b"\n" + varint(len(body)) + body for body in bodies)).decode()
    replies = parse(text).get("one", [])
    return replies if isinstance(replies, list) else [replies]


def value_of(text):
    if text.startswith('"'):
        return text[1:-1]  # escaped as protoc writes it, so that it can be put into a request as it is
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False}.get(text, text)


def add(message, name, value):
    if name not in message:
        message[name] = value
    elif isinstance(message[name], list):
        message[name].append(value)
    else:
        message[name] = [message[name], value]


def parse(text):
    """Protobuf's text form, as protoc prints it, as dictionaries."""
    stack = [{}]
    for line in text.splitlines():
        line = line.strip()
        if line.endswith("{"):
            message = {}
            add(stack[-1], line[:-1].strip(), message)
            stack.append(message)
        elif line == "}":
            stack.pop()
        elif line:
            name, value = line.split(": ", 1)
            add(stack[-1], name, value_of(value))
    return stack[0]


def quoted(data):
    """Bytes or text as protobuf's text form wants them."""
    data = data.encode() if isinstance(data, str) else data
    return '"' + "".join(f"\\{byte:03o}" for byte in data) + '"'


def code_of(reply):
    return reply.get("status", {}).get("code", 0)


# ------------------------------------------------------------------------------------------------------- the carrier

class Connection:
    def __init__(self, url, timeout_s=60.0):
        if url.startswith("ipc://"):
            self.kind = b"\x01"
            self.socket = socket.socket(socket.AF_UNIX)
            address = url[len("ipc://"):]
        else:
            self.kind = b""
            self.socket = socket.socket(socket.AF_INET)
            host, port = url[len("tcp://"):].rsplit(":", 1)
            address = (host, int(port))
        self.number = 0
        try:
            self.socket.settimeout(timeout_s)
            self.socket.connect(address)
            self.socket.sendall(HELLO_REQ)
            if self.take(len(HELLO_REP)) != HELLO_REP:
                raise ConnectionError("not a REP socket")
        except OSError:
            self.close()
            raise

    def close(self):
        self.socket.close()

    def take(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError("closed")
            data += more
        return data

    def send(self, *bodies):
        """Sends the messages in one piece; returns the number that pairs each with its reply."""
        numbers, data = [], b""
        for body in bodies:
            if len(body) + 4 > REQUEST_MAX:
                raise ValueError("the request is too large")
            self.number = self.number + 1 & 0x7FFFFFFF
            numbers.append(0x80000000 | self.number)
            data += self.kind + struct.pack(">QI", 4 + len(body), numbers[-1]) + body
        self.socket.sendall(data)
        return numbers

    def receive(self):
        head = self.take(len(self.kind) + 12)
        size, number = struct.unpack(">QI", head[len(self.kind):])
        if head[:len(self.kind)] != self.kind or not 4 <= size <= REPLY_MAX + 4:
            raise ConnectionError("not a message")
        return number, self.take(size - 4)

    def exchange(self, bodies, outstanding=32):
        """The replies in the order of the requests, which the daemon need not keep."""
        found, numbers = {}, []
        for begin in range(0, len(bodies), outstanding):
            part = self.send(*bodies[begin:begin + outstanding])
            numbers += part
            for _ in part:
                number, body = self.receive()
                found[number] = body
        return [found[number] for number in numbers]


def without_seat(url, body):
    """A newcomer when all connections are taken, with the reply to what it asked. The daemon closes one that has not
    asked within the time for a greeting, so on a slow machine this may take more than one."""
    while True:
        newcomer = Connection(url)
        try:
            return newcomer, newcomer.exchange([body])[0]
        except OSError:
            newcomer.close()


class Client:
    """One call after the other, each repeated with its own request_id while the protocol says so."""

    def __init__(self, url, retry_s=60.0):
        self.url = url
        self.retry_s = retry_s
        self.connection = None

    def once(self, body):
        try:
            if self.connection is None:
                self.connection = Connection(self.url)
            return self.connection.exchange([body])[0]
        except OSError:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return None

    def ask(self, text):
        credential = os.environ.get("POSTERN_API_KEY", "")
        body = encode(f"credential: {quoted(credential)} {text}" if credential else text)[0]
        end = time.monotonic() + self.retry_s
        pause_s = 0.01
        while True:
            data = self.once(body)
            reply = None if data is None else decode(data)[0]
            if reply is not None and code_of(reply) != UNAVAILABLE:
                return reply
            if time.monotonic() > end:
                return reply if reply is not None else {"status": {"code": UNAVAILABLE, "message": "no answer"}}
            time.sleep(max(pause_s, (reply or {}).get("status", {}).get("retry_after_ms", 0) / 1000))
            pause_s = min(2 * pause_s, 1.0)

    def change(self, text):
        return self.ask(f"request_id: {quoted(os.urandom(16))} {text}")


# ---------------------------------------------------------------------------------------------------- the command line

def result_of(reply, call):
    if code_of(reply) != 0:
        status = reply["status"]
        print(f"could not ask: {status['code']} {status.get('message', '')}", file=sys.stderr)
        sys.exit(2)
    return reply.get(call, {})


def create(client, account, name, *scopes):
    words = "".join(f" scopes: {quoted(scope)}" for scope in scopes)
    made = result_of(client.change(f"create {{ account: {quoted(account)} name: {quoted(name)}{words} }}"), "create")
    print(made["api_key"])
    print(made["key"]["key_id"])
    return 0


def verify(client):
    token = sys.stdin.readline().strip()
    decision = result_of(client.ask(f"verify {{ api_key: {quoted(token)} }}"), "verify")
    print(decision["reason"])
    return 0 if decision.get("allowed") else 1


def revoke(client, key_id):
    print(result_of(client.change(f"revoke {{ key_id: {quoted(key_id)} }}"), "revoke")["key"]["state"])
    return 0


def ask(client):
    reply = client.ask(sys.stdin.read())
    print(json.dumps(reply))
    return 2 if code_of(reply) != 0 else 0


def exchange_alone(url, body):
    """The reply, or None when the connection was closed instead."""
    connection = Connection(url)
    try:
        return connection.exchange([body])[0]
    except ConnectionError:
        return None
    finally:
        connection.close()


def each(client, *paths):
    replies = []
    for path in paths:
        with open(path, "rb") as file:
            replies.append(exchange_alone(client.url, file.read()))
    codes = iter(decode(*(reply for reply in replies if reply is not None)))
    for reply in replies:
        print("closed" if reply is None else code_of(next(codes)))
    return 0


def main():
    calls = {"create": create, "verify": verify, "revoke": revoke, "ask": ask, "each": each}
    words = sys.argv[1:]
    if len(words) < 2 or words[1] not in calls:
        print(__doc__, file=sys.stderr)
        return 2
    return calls[words[1]](Client(words[0]), *words[2:])


if __name__ == "__main__":
    sys.exit(main())
