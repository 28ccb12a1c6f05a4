#!/usr/bin/env python3
"""Sends what no HTTP client would. Usage: raw_http.py PORT, the bytes on standard input; prints the status of each
answer until the server closes, "none" without any. A refusal that comes several times is printed once: some versions of
libmicrohttpd send the head of their own errors twice."""
import re
import socket
import sys


def main():
    data = sys.stdin.buffer.read()
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=600) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already, perhaps with an answer
        came = b""
        while True:
            try:
                part = s.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                break
            came += part
    found = re.findall(r"^HTTP/1\.[01] (\d{3})", came.decode("latin-1"), re.M)
    print(" ".join(s for i, s in enumerate(found) if i == 0 or s != found[i - 1] or s < "400") or "none")


main()
