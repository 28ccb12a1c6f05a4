#!/usr/bin/env python3
"""What is left of a store's file when the power goes.

  power_cut.py FILE BASE LOG SEED

Writes to FILE: BASE, what LOG (of power_log) says was synced, and of every later write a random part: each sector
of 512 bytes, or each map page of 4,096, has reached the disk or has not, in any order. Prints one line of figures.
"""

import random
import struct
import sys

EVENT = struct.Struct("=QQQ")
WRITE, DIRECT, DIRECT_DONE, SYNC = (ord(c) for c in "WDdS")


def events(log):
    """The last one may be unfinished: it was being noted, so the write itself had not begun."""
    at = 0
    while at + EVENT.size <= len(log):
        kind, offset, size = EVENT.unpack_from(log, at)
        at += EVENT.size
        if at + size > len(log):
            return
        yield kind, offset, log[at : at + size]
        at += size


def put(image, offset, data):
    if len(image) < offset + len(data):
        image.extend(bytes(offset + len(data) - len(image)))
    image[offset : offset + len(data)] = data


def replay(image, log):
    """Applies what is surely there; returns the writes that are not."""
    open_writes, syncs = [], 0
    for kind, offset, data in events(log):
        if kind in (WRITE, DIRECT):
            open_writes.append((offset, data))
        elif kind == DIRECT_DONE:
            put(image, *open_writes.pop())
        elif kind == SYNC:
            for write in open_writes:
                put(image, *write)
            open_writes, syncs = [], syncs + 1
        else:
            sys.exit("power_cut: the log holds an event that it cannot")
    return open_writes, syncs


def tear(image, writes, dice):
    unit = dice.choice((512, 4096))
    chance = dice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
    parts = []
    for offset, data in writes:
        at = 0
        while at < len(data):
            size = unit - (offset + at) % unit
            parts.append((offset + at, data[at : at + size]))
            at += size
    landed = [part for part in parts if dice.random() < chance]
    for part in landed:
        put(image, *part)
    return len(landed), len(parts)


def main():
    out, base, log, seed = sys.argv[1:]
    dice = random.Random(seed)
    with open(base, "rb") as file:
        image = bytearray(file.read())
    with open(log, "rb") as file:
        writes, syncs = replay(image, file.read())
    landed, parts = tear(image, writes, dice)
    with open(out, "wb") as file:
        file.write(image)
    print(f"{syncs} syncs, {landed} of {parts} unsynced parts landed")


main()
