#!/usr/bin/env python3
"""Verifies an exported witness file of signed checkpoints, by what it says itself and nothing else (Ed25519, RFC 8032).

    witness.py FILE     prints the sequence that it vouches for; exit 1 when a signature is wrong
"""
import hashlib
import re
import sys

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1
LINE = re.compile(r"(?P<text>postern-witness 1 seq=(?P<seq>\d+) mac=[0-9a-f]{64} time=\d+ master=\d+"
                  r" public=(?P<public>[0-9a-f]{64})) signature=(?P<signature>[0-9a-f]{128})")


def add(a, b):
    """Of points in extended coordinates."""
    one, two = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    three, four = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = two - one, four - three, four + three, two + one
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if y >= P or (x * x - square) % P:
        raise ValueError("no point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def is_signed(public, text, signature):
    base = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % ORDER
    left, right = multiply(s, base), add(decompress(signature[:32]), multiply(h, decompress(public)))
    return s < ORDER and (left[0] * right[2] - right[0] * left[2]) % P == 0 and \
        (left[1] * right[2] - right[1] * left[2]) % P == 0


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        lines = file.read().splitlines()
    found = set()
    for line in lines:
        match = LINE.fullmatch(line)
        if match is None:
            sys.exit(f"no checkpoint: {line}")
        if not is_signed(bytes.fromhex(match["public"]), match["text"].encode(), bytes.fromhex(match["signature"])):
            sys.exit(f"wrong signature: {line}")
        found.add(match["seq"])
    if len(found) != 1:
        sys.exit(f"checkpoints of {len(found)} sequences")
    print(found.pop())
    return 0


if __name__ == "__main__":
    sys.exit(main())
