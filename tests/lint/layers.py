#!/usr/bin/env python3
"""Who may include and call what. Usage: layers.py RULE [ROOT]."""
import re
import sys
from pathlib import Path

from checks import main

TABLE = Path(__file__).parents[2] / "server/rooms.txt"


def read_rooms():
    """Room -> which doors it may open beside base/* and its own headers."""
    rows = [line.split("|") for line in TABLE.read_text(encoding="utf-8").splitlines() if re.match("[a-z]", line)]
    return {row[0].strip(): row[1].split() for row in rows}


ROOMS = read_rooms()

# Header (as included) -> where it may be included.
LIBRARIES = {
    r"lmdb\.h": [r"server/store/", r"tests/"],
    r"sodium(\.h|/.*)": [r"server/secret/", r"tests/"],
    r"nng/.*": [r"server/transport/", r"tools/bench/", r"tests/"],
    r"openssl/.*": [r"server/transport/tls\.c", r"client/src/tls\.c", r"tools/cli/doctor/certificate\.c", r"tests/"],
    r"yaml\.h": [r"server/config/file\.c", r"tools/gateway/file\.c"],
    r"jansson\.h": [r"tools/cli/", r"tools/gateway/", r"tests/"],
    r"microhttpd\.h": [r"tools/gateway/exchange\.h"],
    r"argp\.h": [r"tools/cli/argument\.c", r"tools/gateway/options\.c"],
    r"libsmartcols\.h": [r"tools/cli/table\.c"],
    r"csv\.h": [r"tools/cli/import/csv\.c"],
    r"archive(_entry)?\.h": [r"tools/cli/scan/libarchive\.h"],
    r"zlib\.h": [r"server/key/", r"tools/cli/scan/(find|packing)\.c", r"tests/"],  # CRC-32 of tokens
    r"protobuf-c/.*": [r"server/rpc/", r"server/record/", r"client/", r"tools/bench/", r"tests/"],
    r"postern\.pb-c\.h": [r"server/rpc/", r"client/src/", r"tools/bench/", r"tests/"],
    r"records\.pb-c\.h": [r"server/registry/pack/", r"server/meter/record\.c", r"server/usage/record\.c",
                           r"tests/"],
}

# Name of a library that one file alone knows -> that file.
NAMES = {
    r"\bargp_\w+": r"tools/(cli/argument|gateway/options)\.c",
    r"\b(MHD|mhd)_\w+": r"tools/gateway/(exchange\.[ch]|loop\.c)",
    r"\b(lib)?scols_\w+": r"tools/cli/table\.c",
    r"\bcsv_(init|parse|fini|free|set_\w+)\b": r"tools/cli/import/csv\.c",
    r"\barchive_(read|entry|errno|error|filter|set)\w*": r"tools/cli/scan/((unpack|packing)\.c|libarchive\.[ch])",
}

# Call -> where it may be made.
CALLS = {
    "time": (
        r"\b(time|clock_gettime|gettimeofday|timespec_get|ftime|clock)\s*\(",
        [
            r"server/base/clock[a-z_]*\.c",
            r"tools/cli/",  # when to look again; spans count from posternd's clock
            r"tools/bench/",
            r"tools/gateway/log\.c",
            r"tests/",
        ],
    ),
    "randomness": (
        r"\b(getrandom|getentropy|arc4random\w*|s?rand|rand_r|s?random|[dlm]rand48|nng_random)\s*\(",
        [r"server/base/random\.c", r"client/src/", r"tools/bench/", r"tests/"],
    ),
}

# How long something takes, not what time it is: deadlines and pauses may be measured with the monotonic clock.
MONOTONIC = [
    r"server/store/",         # how long to wait for views before the environment is opened again
    r"server/scheduler/",     # when a task is due
    r"server/rpc/watch\.c",   # when to look at calls that wait
    r"client/src/",           # one deadline per call
]


def sources(root, tops=("server", "client", "tools", "tests", "examples")):
    for top in tops:
        for path in sorted((root / top).rglob("*.[ch]")):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def code_of(text):
    """The text without comments and string contents, line numbers kept."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] * 2
        return " " + "\n" * found.count("\n")
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def may(path, places):
    return any(re.match(place, path) for place in places)


def room_error(path, room, name):
    """Why server/ROOM may not include "NAME", or None."""
    if "/" not in name:
        if room is None and name == "main.h":
            return None
        return None if name.endswith(".pb-c.h") else "say the room: #include \"room/file.h\""
    other, file = name.split("/", 1)
    if other not in ROOMS:
        return "no such room"
    if room is None:  # server/main.c
        return None if file == other + ".h" or other == "base" else f"enter a room by its door, {other}/{other}.h"
    if other in ("base", room):
        return None
    if other not in ROOMS[room]:
        return f"room {room} may not know {other}"
    return None if file == other + ".h" else f"enter a room by its door, {other}/{other}.h"


def check_rooms(root):
    for path, text in sources(root, ("server",)):
        parts = path.split("/")
        room = parts[1] if len(parts) > 2 else None
        if room is not None and room not in ROOMS:
            yield path, 1, f"room {room} is not in the table of server/{TABLE.name}"
            continue
        for number, quoted, name in includes(text):
            why = room_error(path, room, name) if quoted else None
            if why:
                yield path, number, f'"{name}": {why}'


def past_door(path, name):
    """Does this file of a tool include a header of a folder that it is not in, and not the door?"""
    folder, _, file = name.rpartition("/")
    return folder not in ("", "postern") and file != folder + ".h" and path.split("/")[2] != folder


def check_clients(root):
    """The tools see the public header alone, of their folders the door; the client library sees no room."""
    own = {top: {p.relative_to(root / top).as_posix() for p in (root / top).rglob("*.h")}
           for top in ("tools/cli", "tools/gateway", "client/src")}
    for top in own:
        for path, text in sources(root, (top,)):
            allowed = own[top] | {"postern/postern.h"} | ({"postern.pb-c.h"} if top == "client/src" else set())
            for number, quoted, name in includes(text):
                if quoted and name.removeprefix("src/") not in allowed:
                    yield path, number, f'"{name}": only postern/postern.h and its own headers'
                elif quoted and top != "client/src" and past_door(path, name):
                    folder = name.split("/", 1)[0]
                    yield path, number, f'"{name}": enter a folder by its door, {folder}/{folder}.h'
                elif not quoted and name.split("/")[0] in ROOMS:
                    yield path, number, f"<{name}>: a room of the server"


def check_libraries(root):
    for path, text in sources(root):
        for number, _, name in includes(text):
            for pattern, places in LIBRARIES.items():
                if re.fullmatch(pattern, name) and not may(path, places):
                    yield path, number, f"{name} may be included only in {', '.join(places)}"
    for path, text in sources(root, ("server", "client", "tools")):
        for number, line in enumerate(code_of(text).splitlines(), 1):
            for pattern, place in NAMES.items():
                match = re.search(pattern, line)
                if match and not may(path, [place]):
                    yield path, number, f"{match.group(0)} only in {place}"


def check_calls(root, rule):
    pattern, places = CALLS[rule]
    for path, text in sources(root):
        if may(path, places):
            continue
        for number, line in enumerate(code_of(text).splitlines(), 1):
            match = re.search(pattern, line)
            if match and not ("CLOCK_MONOTONIC" in line and may(path, MONOTONIC)):
                yield path, number, f"{match.group(1)}() only in {', '.join(places)}"


def defined(code):
    """The functions of a file that others may call."""
    return re.findall(r"^(?!static\b|typedef\b)[a-z][\w \*]*?\b(\w+)\([^;{}]*\)\s*\{", code, re.MULTILINE)


def calls_between(texts):
    """File -> the files of the same room whose functions it names -> one of these functions, and the line."""
    codes = {path: code_of(text) for path, text in texts.items()}
    home = {name: path for path, code in codes.items() for name in defined(code)}
    calls = {path: {} for path in codes}
    for path, code in codes.items():
        for number, line in enumerate(code.splitlines(), 1):
            for name in re.findall(r"\b[a-z]\w+\b", line):
                if home.get(name, path) != path:
                    calls[path].setdefault(home[name], (number, name))
    return calls


def reachable(calls, begin):
    seen, todo = set(), [begin]
    while todo:
        fresh = set(calls[todo.pop()]) - seen
        seen |= fresh
        todo += fresh
    return seen


def check_circles(root):
    """The files of a room, of the client and of each tool have an order: none calls a file that calls it, by whatever
    way."""
    of_room = {}
    for path, text in sources(root, ("server", "client/src", "tools/cli", "tools/bench", "tools/gateway")):
        if path.endswith(".c") and path.count("/") > 1:
            of_room.setdefault(path.split("/")[1], {})[path] = text
    for texts in of_room.values():
        calls = calls_between(texts)
        for path, others in calls.items():
            for other, (number, name) in others.items():
                if path in reachable(calls, other):
                    yield path, number, f"a circle of files: it calls {name}() of {other}, which calls back"


RULES = {"rooms": check_rooms, "clients": check_clients, "libraries": check_libraries, "circles": check_circles}


def check(rule, root):
    root = Path(root)
    found = RULES[rule](root) if rule in RULES else check_calls(root, rule)
    return (f"{path}:{number}: {why}" for path, number, why in found)


if __name__ == "__main__":
    sys.exit(main(check, Path(__file__).parents[2]))
