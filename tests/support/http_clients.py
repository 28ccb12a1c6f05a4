#!/usr/bin/env python3
"""HTTP clients that ask /auth over connections of their own, each again and again. Usage: http_clients.py PORT COUNT
GOOD REVOKED, with two tokens, of which every other client has the second. Ends with SIGTERM; prints how often each
answer came, by token."""
import asyncio
import collections
import json
import signal
import sys


async def ask(reader, writer, token):
    writer.write(f"GET /auth HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    size = int(head.split("content-length:")[1].split()[0])
    await reader.readexactly(size)
    return head.split()[1]


async def client(port, name, token, seen, ending):
    reader = writer = None
    while not ending.is_set():
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            seen[name][await ask(reader, writer, token)] += 1
        except (OSError, asyncio.IncompleteReadError):
            seen[name]["cut"] += 1
            writer = None
        await asyncio.sleep(0.01)


async def main():
    port, count, tokens = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:5]
    seen, ending = {name: collections.Counter() for name in ("good", "revoked")}, asyncio.Event()
    clients = [asyncio.create_task(client(port, ("good", "revoked")[i % 2], tokens[i % 2], seen, ending))
               for i in range(count)]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    await asyncio.gather(*clients)
    print(json.dumps(seen))


asyncio.run(main())
