#!/usr/bin/env python3
"""client.py's carrier through TLS.

    tls_peer.py URL ask              a Request in protobuf's text form from standard input; the Reply as JSON
    tls_peer.py URL serial           the serial number of the certificate that the daemon shows
    tls_peer.py URL bytes            greeting and request in records of one byte each; the Reply's status as JSON
    tls_peer.py URL burst N          so many of the request of standard input at once; how many replies came
    tls_peer.py URL hold             asks health for each line of standard input; prints the serial number each time
    tls_peer.py URL leave            greets, asks, and is gone without a word

URL is tls+tcp://HOST:PORT. From the environment: TLS_CA, TLS_NAME (a client's certificate and key without .pem and
.key), TLS_VERSION (1.2 or 1.3), POSTERN_API_KEY. Exit status: 2 when the call failed, 3 when TLS or the connection did.
"""
import json
import os
import socket
import ssl
import struct
import sys

import client


class Connection(client.Connection):
    def __init__(self, url, timeout_s=60.0, greets=True):
        host, port = url[len("tls+tcp://"):].rsplit(":", 1)
        context = ssl.create_default_context(cafile=os.environ["TLS_CA"])
        if os.environ.get("TLS_NAME"):
            context.load_cert_chain(os.environ["TLS_NAME"] + ".pem", os.environ["TLS_NAME"] + ".key")
        if os.environ.get("TLS_VERSION"):
            version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[os.environ["TLS_VERSION"]]
            context.minimum_version = context.maximum_version = version
        self.kind = b""
        self.number = 0
        plain = socket.create_connection((host, int(port)), timeout_s)
        self.socket = context.wrap_socket(plain, server_hostname=host)
        if greets:
            self.socket.sendall(client.HELLO_REQ)
            self.hear_greeting()

    def hear_greeting(self):
        if self.take(len(client.HELLO_REP)) != client.HELLO_REP:
            raise ConnectionError("not a REP socket")

    def serial(self):
        return self.socket.getpeercert()["serialNumber"].lstrip("0")


def with_credential(text):
    credential = os.environ.get("POSTERN_API_KEY", "")
    return f"credential: {client.quoted(credential)} {text}" if credential else text


def ask(url):
    body = client.encode(with_credential(sys.stdin.read()))[0]
    reply = client.decode(Connection(url).exchange([body])[0])[0]
    print(json.dumps(reply))
    return 2 if client.code_of(reply) != 0 else 0


def serial(url):
    print(Connection(url).serial())
    return 0


def in_bytes(url):
    body = client.encode("health {}")[0]
    peer = Connection(url, greets=False)
    data = client.HELLO_REQ + struct.pack(">QI", 4 + len(body), 0x80000001) + body
    for at in range(len(client.HELLO_REQ)):
        peer.socket.sendall(data[at:at + 1])
    peer.hear_greeting()
    for at in range(len(client.HELLO_REQ), len(data)):
        peer.socket.sendall(data[at:at + 1])
    print(json.dumps(client.decode(peer.receive()[1])[0]))
    return 0


def burst(url, count):
    body = client.encode(with_credential(sys.stdin.read()))[0]
    peer = Connection(url)
    replies = peer.exchange([body] * count, outstanding=500)
    print(len(replies))
    return 0


def hold(url):
    body = client.encode("health {}")[0]
    peer = Connection(url)
    for _ in sys.stdin:
        client.decode(peer.exchange([body])[0])
        print(peer.serial(), flush=True)
    return 0


def leave(url):
    peer = Connection(url)
    peer.send(client.encode("health {}")[0])
    os._exit(0)


def main():
    url, word, *rest = sys.argv[1:]
    try:
        if word == "burst":
            return burst(url, int(rest[0]))
        return {"ask": ask, "serial": serial, "bytes": in_bytes, "hold": hold, "leave": leave}[word](url)
    except OSError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
