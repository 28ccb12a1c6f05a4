#!/usr/bin/env python3
"""Stands between a client and the daemon, and loses replies: what the daemon has answered is committed, and the client
does not hear of it.

    proxy.py LISTEN TARGET LOST [PID]

Unix sockets both. The first LOST replies are kept back and their connections cut; with PID that process is killed
(-9) before the first of them is. Everything else passes. Says "ready", then a line for each lost reply.
"""
import os
import selectors
import signal
import socket
import sys

HELLO_SIZE = 8


class Link:
    """One client's connection and its counterpart to the daemon."""

    def __init__(self, client, target):
        self.client = client
        self.server = socket.socket(socket.AF_UNIX)
        self.hello_left = HELLO_SIZE  # the daemon's greeting is no reply
        try:
            self.server.connect(target)
        except OSError:
            self.close()
            raise

    def close(self):
        self.client.close()
        self.server.close()


class Proxy:
    def __init__(self, listen, target, lost, pid):
        self.target, self.lost, self.pid = target, lost, pid
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(listen)
        self.listener.listen()
        self.selector.register(self.listener, selectors.EVENT_READ)

    def accept(self):
        client, _ = self.listener.accept()
        try:
            link = Link(client, self.target)
        except OSError:
            return  # no daemon there: to the client it is as if nobody listened
        self.selector.register(link.client, selectors.EVENT_READ, link)
        self.selector.register(link.server, selectors.EVENT_READ, link)

    def cut(self, link):
        self.selector.unregister(link.client)
        self.selector.unregister(link.server)
        link.close()

    def loses(self, link, data):
        """Is this to be kept from the client?"""
        reply_size = len(data) - link.hello_left
        link.hello_left -= min(link.hello_left, len(data))
        if reply_size <= 0 or self.lost == 0:
            return False
        self.lost -= 1
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = 0
        print("lost a reply", flush=True)
        return True

    def pass_on(self, link, source):
        try:
            data = source.recv(65536)
            if not data or source is link.server and self.loses(link, data):
                self.cut(link)
                return
            (link.client if source is link.server else link.server).sendall(data)
        except OSError:
            self.cut(link)

    def run(self):
        print("ready", flush=True)
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    self.accept()
                elif key.fileobj.fileno() >= 0:  # else: cut a moment ago
                    self.pass_on(key.data, key.fileobj)


def main():
    if len(sys.argv) not in (4, 5):
        print(__doc__, file=sys.stderr)
        return 2
    Proxy(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) == 5 else 0).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
