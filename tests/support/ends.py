#!/usr/bin/env python3
"""Asks about a token over and over around the moment in which it ends: allowed until then, expired from that very
millisecond on, by the daemon's own time.

    ends.py URL END_MS     the token comes by standard input; exit 3: it had ended when the first answer was given
"""
import sys
import time

import client

EARLY_S, LATE_MS, TOO_LATE = 0.1, 50, 3


def main():
    url, end_ms = sys.argv[1], int(sys.argv[2])
    body = client.encode(f"verify {{ api_key: {client.quoted(sys.stdin.readline().strip())} peek: true }}")[0]
    connection, bodies = client.Connection(url), []
    time.sleep(max(0, end_ms / 1000 - time.time() - EARLY_S))
    while time.time() * 1000 < end_ms + LATE_MS:
        bodies += connection.exchange([body])
    bodies += connection.exchange([body])  # however long the last one took
    earlier_ms, reasons, replies = 0, set(), client.decode(*bodies)
    if replies[0]["server_time_ms"] >= end_ms:
        return TOO_LATE
    for reply in replies:
        reason, answered_ms = reply["verify"]["reason"], reply["server_time_ms"]
        if answered_ms < end_ms and reason != "REASON_ALLOWED":
            sys.exit(f"{reason} at {answered_ms}, {end_ms - answered_ms} ms too early")
        if earlier_ms >= end_ms and reason != "REASON_EXPIRED_API_KEY":
            sys.exit(f"{reason} {earlier_ms - end_ms} ms after the end")
        earlier_ms = answered_ms
        reasons.add(reason)
    if reasons != {"REASON_ALLOWED", "REASON_EXPIRED_API_KEY"}:
        sys.exit(f"{len(bodies)} answers: {reasons}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
