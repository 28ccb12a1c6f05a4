#!/usr/bin/env python3
"""Runs a command on a terminal of its own and types. Usage: terminal.py COLUMNSxLINES STEP... -- COMMAND...

STEP is see:TEXT (wait until the command has written it, since the last step), type:TEXT (with Python's escapes), or
signal:NAME. Prints what was written; the exit status is the command's, 98 when a step was in vain, 99 when the
terminal was left in another state than before.
"""
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time

LIMIT_S = 60


def read(master, seconds):
    ready, _, _ = select.select([master], [], [], seconds)
    if not ready:
        return b""
    try:
        return os.read(master, 65536)
    except OSError:
        return b""


def await_text(master, text, written):
    seen, end = b"", time.monotonic() + LIMIT_S
    while text not in seen:
        if time.monotonic() > end:
            return False
        more = read(master, 0.1)
        seen += more
        written.append(more)
    return True


def take_step(step, master, child, written):
    kind, _, text = step.partition(":")
    if kind == "see":
        return await_text(master, text.encode(), written)
    if kind == "type":
        os.write(master, text.encode().decode("unicode_escape").encode())
    else:
        child.send_signal(getattr(signal, text))
    return True


def await_end(master, child, written):
    end = time.monotonic() + LIMIT_S
    while child.poll() is None and time.monotonic() < end:
        written.append(read(master, 0.1))
    written.append(read(master, 0))
    return child.poll()


def main():
    columns, lines = map(int, sys.argv[1].split("x"))
    steps = sys.argv[2:sys.argv.index("--")]
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    before = termios.tcgetattr(slave)
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("COLUMNS", None)
    environment.pop("LINES", None)
    child = subprocess.Popen(sys.argv[sys.argv.index("--") + 1:], stdin=slave, stdout=slave, stderr=slave,
                             env=environment, start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    written = []
    vain = next((step for step in steps if not take_step(step, master, child, written)), None)
    status = await_end(master, child, written) if vain is None else None
    if status is None:
        child.kill()
        child.wait()
    sys.stdout.buffer.write(b"".join(written))
    if status is None:
        print(f"in vain: {vain or 'waiting for its end'}", file=sys.stderr)
        return 98
    return 99 if termios.tcgetattr(slave) != before else status


if __name__ == "__main__":
    sys.exit(main())
