#!/usr/bin/env python3
"""What README.md and docs/*.md say of this source tree. Usage: docs.py RULE [ROOT [BIN]]

rows   each row of the requirements has a system test that begins with its id
tests  the tests that the documents name are there, and those quoted after them by their words stand in them; README has
       the number of mutations right
links  files that the documents link to or name, and headings, are there
comments  files that comments of the sources name are there
commands  the programs in BIN have the commands and options that the documents show
flags  docs/operations.md has the options of posternd in BIN, and no others
rooms  docs/architecture.md has the rooms of server/rooms.txt; its tour and README's have at most ten stops, each of
       which names a function, and the functions are where they say
"""
import functools
import re
import subprocess
import sys
from pathlib import Path

from checks import main

# The promises that the source documents ask for: keys, permissions, limits, answers, watching.
ROWS = [f"{group}{number}" for group, last in (("K", 16), ("P", 5), ("L", 7), ("E", 2), ("W", 4))
        for number in range(1, last + 1)]
SUITES = "unit|integration|system|fault|lint"
CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def documents(root):
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        yield path, path.read_text(encoding="utf-8")


def names_in(path):
    """Names of the tests of a file: sentences of bats, functions of cmocka."""
    text = path.read_text(encoding="utf-8")
    return re.findall(r'^@test "(.*)" \{$', text, re.MULTILINE) + re.findall(r"cmocka_unit_test\w*\((\w+)", text)


def rows(root):
    tested = {name.split(" ")[0] for path in (root / "tests/system").glob("*.bats") for name in names_in(path)}
    for row in ROWS:
        if row not in tested:
            yield f"tests/system: no test is named after {row}"


def test_file(root, suite, name):
    for path in (root / "tests" / suite / f"{name}_test.c", root / "tests" / suite / f"{name}.bats"):
        if path.is_file():
            return path
    return None


def tests(root):
    """`suite/name`: "a test", "another one"; each is optional behind the name."""
    for count in re.findall(r"breaks (\d+) of these promises", (root / "README.md").read_text(encoding="utf-8")):
        real = len(re.findall(r"^mutation: ", (root / "tests/mutation/mutations").read_text(encoding="utf-8"), re.M))
        if int(count) != real:
            yield f"README.md: {count} mutations, but tests/mutation/mutations has {real}"
    named = re.compile(rf'`({SUITES})/(\w+)`(:(?: ?,? ?"[^"]+")+)?')
    for document, text in documents(root):
        for suite, name, quoted in named.findall(text):
            path = test_file(root, suite, name)
            if path is None:
                yield f"{document.name}: there is no {suite}/{name}"
                continue
            for sentence in re.findall(r'"([^"]+)"', quoted):
                if sentence not in names_in(path):
                    yield f"{document.name}: {suite}/{name} has no test \"{sentence}\""


def anchors(text):
    """As GitHub makes them of headings."""
    for heading in re.findall(r"^#+ (.*)$", CODE_BLOCK.sub("", text), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(root, document, text):
    for target in re.findall(r"\]\(([^)]+)\)", CODE_BLOCK.sub("", text)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = document.parent / name if name else document
        if not path.is_file() or root.resolve() not in path.resolve().parents:
            yield f"{document.name}: the link to {target} leads nowhere"
        elif anchor and anchor not in anchors(path.read_text(encoding="utf-8")):
            yield f"{document.name}: {target} has no such heading"


def missing_files(root, document, text):
    tops = "server|client|proto|docs|tools|tests"
    for name in re.findall(rf"(?<![\w/.<-])(?:\./)?((?:{tops})/[\w./-]*\w)", text):
        if not (root / name).exists():
            yield f"{document.name}: there is no {name}"


def links(root):
    for document, text in documents(root):
        yield from broken_links(root, document, text)
        yield from missing_files(root, document, text)


SOURCES = {".c": "//", ".h": "//", ".proto": "//", ".py": "# ", ".sh": "# ", ".bash": "# ", ".bats": "# ",
           ".cmake": "# ", ".txt": "# "}
FILE_NAME = re.compile(r"(?<![\w/.*<~$}-])([a-z][a-z0-9_/-]*\.(?:c|h|py|bats|bash|proto|txt|md))\b(?![\w(/])")
INSTALLED = {"protobuf-c/protobuf-c.proto"}


def comments_of(path):
    mark = SOURCES[path.suffix]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = re.search(rf"(?<![:\w\"']){mark}(.*)", line)
        if match:
            yield number, match.group(1)


def room_of(path):
    """Where the file names of comments are looked up that come without a folder."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in ("server", "tools") and len(parts) > 2 else parts[0]


def comments(root):
    """A name with a folder begins anywhere in a path, a bare one is in the same room."""
    tops = ("server", "client", "proto", "docs", "tools", "tests", "examples")
    paths = {path.relative_to(root).as_posix(): path for top in tops for path in sorted((root / top).rglob("*"))
             if path.is_file() and not {"corpus", "__pycache__"} & set(path.parts)}
    for own, path in paths.items():
        for number, comment in comments_of(path) if path.suffix in SOURCES else ():
            for name in FILE_NAME.findall(comment):
                near = [p for p in paths if "/" in name or room_of(p) == room_of(own)]
                if name not in INSTALLED and not any(f"/{p}".endswith(f"/{name}") for p in near):
                    yield f"{own}:{number}: there is no {name}"


def words_of(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout


def options_in(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def shown_code(text):
    """Lines of code blocks, and code within a line."""
    for block in CODE_BLOCK.findall(text):
        yield from block.splitlines()
    yield from re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", CODE_BLOCK.sub("", text))


def commands(root, folder):
    program = folder / "postern"
    general = words_of(program, "help")
    known = re.findall(r"^  ([a-z]+(?: [a-z-]+)?)  ", general, re.MULTILINE)
    options = functools.cache(lambda name: options_in(words_of(program, "help", *name.split())))
    for document, text in documents(root):
        for line in shown_code(text):
            for words in re.findall(r"(?:^|[|(] ?|\$\()postern ([a-z].*?)(?: [|;&] |  +#|\)|$)", line):
                name = max((n for n in known if f"{words} ".startswith(f"{n} ")), key=len, default=None)
                if name is None and not words.startswith("help"):
                    yield f"{document.name}: there is no command: postern {words}"
                elif name is not None:
                    for option in sorted(options_in(words) - options(name) - options_in(general)):
                        yield f"{document.name}: postern {name} has no {option}"


def flags(root, folder):
    document = (root / "docs/operations.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(--[a-z-]+)", document, re.MULTILINE))
    offered = options_in(words_of(folder / "posternd", "--help")) - {"--config", "--help", "--version"}
    for flag in sorted(listed - offered):
        yield f"operations.md: posternd has no {flag}"
    for flag in sorted(offered - listed):
        yield f"operations.md: {flag} is missing"


def rooms(root):
    document = (root / "docs/architecture.md").read_text(encoding="utf-8")
    table = (root / "server/rooms.txt").read_text(encoding="utf-8")
    told = re.findall(r"^\| ([a-z]+) \| ([a-z ]*)\|", document.split("## Rooms")[1].split("## Words")[0], re.MULTILINE)
    real = re.findall(r"^([a-z]+) \| ([a-z ]*)\|", table, re.MULTILINE)
    told, real = ({name: set(doors.split()) for name, doors in rows if name != "room"} for rows in (told, real))
    for name in sorted(told.keys() | real.keys()):
        if told.get(name) != real.get(name):
            yield f"architecture.md: room {name}: {told.get(name)}, but server/rooms.txt has {real.get(name)}"
    yield from tour(root, "architecture.md", document)
    yield from tour(root, "README.md", (root / "README.md").read_text(encoding="utf-8"))


TOUR_STOPS_MAX = 10


def tour(root, name, document):
    """Each stop names a function, and each function that stands behind a file is in it."""
    stops = re.findall(r"^\| (\d+|→) \| (.*)$", document, re.MULTILINE)
    for number, row in stops:
        if not re.match(r"`[\w/.]+`, `\w+`", row):
            yield f"{name}: stop {number} names no function: {row}"
        for file, function in re.findall(r"`([\w/]+\.c)`, `(\w+)`", row):
            text = (root / file).read_text(encoding="utf-8") if (root / file).is_file() else ""
            if not re.search(rf"^\w.*\b{function}\(", text, re.MULTILINE):
                yield f"{name}: {file} has no {function}()"
    numbers = [number for number, _ in stops if number != "→"]
    if numbers != [str(n + 1) for n in range(len(numbers))] or not 0 < len(numbers) <= TOUR_STOPS_MAX:
        yield f"{name}: the tour has the stops {' '.join(numbers)}, not 1 to at most {TOUR_STOPS_MAX}"


RULES = {"rows": rows, "tests": tests, "links": links, "comments": comments, "commands": commands, "flags": flags,
         "rooms": rooms}


def check(rule, *paths):
    return RULES[rule](*map(Path, paths))


if __name__ == "__main__":
    sys.exit(main(check, "."))
