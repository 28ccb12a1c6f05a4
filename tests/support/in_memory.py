#!/usr/bin/env python3
"""Texts in the writable memory of a process. Usage: in_memory.py PID < TEXTS

Prints how many of the lines are there.
"""
import sys
from array import array
from itertools import groupby

PAGE = 4096
PRESENT = 1 << 63 | 1 << 62  # in the entries of /proc/PID/pagemap: in memory, or swapped


def regions(pid):
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            span, rights = line.split()[:2]
            begin, end = (int(part, 16) for part in span.split("-"))
            # A sanitizer's shadow is terabytes of nothing.
            if rights.startswith("rw") and end - begin < 1 << 32:
                yield begin, end


def touched(pagemap, begin, end):
    """What of it has ever been written: runs of pages."""
    pagemap.seek(begin // PAGE * 8)
    entries = array("Q", pagemap.read((end - begin) // PAGE * 8))
    for present, run in groupby(range(len(entries)), lambda n: bool(entries[n] & PRESENT)):
        pages = list(run)
        if present:
            yield begin + pages[0] * PAGE, len(pages) * PAGE


def held(pid):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory, \
            open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for begin, end in regions(pid):
            for at, size in touched(pagemap, begin, end):
                memory.seek(at)
                try:
                    yield memory.read(size)
                except OSError:
                    continue  # not readable, as the kernel's own pages are


def main():
    wanted = {line.strip().encode() for line in sys.stdin if line.strip()}
    print(len({text for bytes_ in held(sys.argv[1]) for text in wanted if text in bytes_}))


main()
