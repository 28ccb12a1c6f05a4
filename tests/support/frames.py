#!/usr/bin/env python3
"""Speaks the nanomsg req/rep protocol over a Unix socket byte by byte, without nng: for bytes that no client sends.

    frames.py call SOCKET            one request from standard input, the reply to standard output.
                                     Exit 0 answered, 3 the connection was closed instead, 4 nothing came within 60 s
    frames.py knock SOCKET N         N times: connect, close
    frames.py claim SOCKET SIZE      begins a message of SIZE bytes, sends 64 KiB of it, waits up to 2 s
    frames.py visit SOCKET N         N connections at once: each sends the request of standard input, reads the reply,
                                     begins another request and is closed
    frames.py hoard SOCKET N         N connections, each with a request of 64 KiB that is never
                                     whole, until one is not greeted within 5 s; stays
    frames.py flood SOCKET CONNECTIONS SECONDS   sends the request of standard input again and again, never reads
"""
import select
import socket
import struct
import sys
import time

HELLO_REQ = b"\0SP\0\0\x30\0\0"  # SP, version 0, protocol 0x30 (REQ)
HELLO_REP = b"\0SP\0\0\x31\0\0"
WAIT_S, GREETED_S = 60.0, 5.0


def connect(path, wait_s=WAIT_S):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(wait_s)
    peer.connect(path)
    return peer


def greet(path, wait_s=WAIT_S):
    """A connection over which messages may be sent."""
    peer = connect(path, wait_s)
    peer.sendall(HELLO_REQ)
    hello = take(peer, len(HELLO_REP))
    if hello != HELLO_REP:
        raise ConnectionError(f"not a REP socket: {hello!r}")
    return peer


def take(peer, size):
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def header(size):
    return b"\x01" + struct.pack(">Q", size)  # 1: a message


def message(body, number=1):
    request_id = struct.pack(">I", 0x80000000 | number)
    return header(len(request_id) + len(body)) + request_id + body


def call(path):
    body = sys.stdin.buffer.read()
    try:
        peer = greet(path)
        try:
            peer.sendall(message(body))
        except (BrokenPipeError, ConnectionResetError):
            pass  # an oversize message is cut off while it is being sent; there may still be something to read
        kind, size = struct.unpack(">BQ", take(peer, 9))
        reply = take(peer, size)
    except TimeoutError:
        return 4
    except (ConnectionError, BrokenPipeError):
        return 3
    if kind != 1 or reply[:4] != b"\x80\0\0\x01":
        print(f"reply to another request: {reply[:4].hex()}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(reply[4:])
    return 0


def knock(path, count):
    for _ in range(count):
        connect(path).close()
    return 0


def claim(path, size):
    peer = greet(path)
    try:
        peer.sendall(header(size) + b"\x80\0\0\x01" + bytes(65536))
        select.select([peer], [], [], 2.0)
    except ConnectionError:
        pass
    return 0


def visit(path, count):
    body = sys.stdin.buffer.read()
    peers = [greet(path) for _ in range(count)]
    for peer in peers:
        peer.sendall(message(body) + message(body)[:-1])
    for peer in peers:
        take(peer, struct.unpack(">BQ", take(peer, 9))[1])
    for peer in peers:
        peer.close()
    return 0


def hoard(path, count):
    peers = []
    try:
        while len(peers) < count:
            peers.append(greet(path, GREETED_S))
            peers[-1].sendall(header(65000) + b"\x80\0\0\x01" + bytes(60000))
        why = "all of them"
    except OSError as error:
        why = repr(error)
    print(f"full: {len(peers)} connections, {why}", flush=True)
    time.sleep(3600)
    return 0


def flood(path, connections, seconds):
    burst = message(sys.stdin.buffer.read()) * 100
    peers, sent, cut, end = {}, 0, 0, time.monotonic() + seconds
    print("flooding", flush=True)
    while time.monotonic() < end:
        try:
            while len(peers) < connections:
                peer = greet(path)
                peer.setblocking(False)
                peers[peer] = b""
        except OSError:
            pass
        for peer in select.select([], list(peers), [], 0.05)[1]:
            rest = peers[peer] or burst
            try:
                done = peer.send(rest)
            except BlockingIOError:
                continue
            except OSError:
                peer.close()
                del peers[peer]
                cut += 1
                continue
            peers[peer] = rest[done:]
            sent += done
        time.sleep(0.005)  # hostile, but the test is not about sharing the processor
    print(f"sent {sent} bytes, about {sent * 100 // len(burst)} calls; cut off {cut} times")
    return 0


def main():
    words = sys.argv[1:]
    if words[:1] == ["call"]:
        return call(words[1])
    if words[:1] == ["knock"]:
        return knock(words[1], int(words[2]))
    if words[:1] == ["claim"]:
        return claim(words[1], int(words[2]))
    if words[:1] == ["visit"]:
        return visit(words[1], int(words[2]))
    if words[:1] == ["hoard"]:
        return hoard(words[1], int(words[2]))
    if words[:1] == ["flood"]:
        return flood(words[1], int(words[2]), float(words[3]))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
