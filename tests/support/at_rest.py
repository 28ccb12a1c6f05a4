#!/usr/bin/env python3
"""Looks for secrets in files: as text, as the bytes that the text stands for, and as hashes that anybody can make.

    at_rest.py TOKENS PATH...

TOKENS holds a token in each line; PATHs are files, or directories with all that is in them. Says where each find is,
without showing it; exit 1 when there is one.
"""
import hashlib
import os
import re
import sys

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SHAPE = re.compile(r"(?P<public>_pub)?_(?:live|test)_[0-9A-Za-z]{15}(?P<secret>[0-9A-Za-z]{43})[0-9A-Za-z]{6}$")


def forms(token):
    """What must not be found, and what to call it."""
    yield "the token", token.encode()
    digest = hashlib.sha256(token.encode())
    yield "its SHA-256", digest.digest()
    yield "its SHA-256 in hex", digest.hexdigest().encode()
    shape = SHAPE.search(token)
    if shape:
        number = 0
        for digit in shape["secret"]:
            number = number * 62 + DIGITS.index(digit)
        yield "its secret part", shape["secret"].encode()
        yield "the bytes of its secret part", number.to_bytes(32, "big")


def files(paths):
    for path in paths:
        if not os.path.isdir(path):
            yield path
        for directory, _, names in os.walk(path):
            for name in names:
                yield os.path.join(directory, name)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        tokens = sorted({line.strip() for line in file} - {""})
    wanted = [(f"token {number} of {len(tokens)}: {what}", data)
              for number, token in enumerate(tokens, 1) if not (SHAPE.search(token) or {"public": None})["public"]
              for what, data in forms(token)]
    found = False
    for path in files(sys.argv[2:]):
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            content = file.read()
        for what, data in wanted:
            if data in content:
                print(f"{path} holds {what}")
                found = True
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
