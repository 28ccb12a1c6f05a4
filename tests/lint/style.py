#!/usr/bin/env python3
"""Rules of the house that a script can see. Usage: style.py RULE [ROOT]."""
import functools
import re
import sys
from pathlib import Path

from checks import main
from layers import code_of
from unused import only_tests

TOPS = ("server", "client", "tools", "tests", "proto", "docs", "examples", ".ci")
TEXT = {".c", ".h", ".py", ".sh", ".bats", ".bash", ".proto", ".cmake", ".txt", ".md", ""}
LINES_MAX = 400
TEST_LINES_MAX = 1000  # tests of a room may stay together
LONG = (
    "client/include/postern/postern.h",  # the one public header: most of it is its manual
    "tests/lint/wire_v1.txt",  # a list
    "tests/mutation/mutations",  # likewise
)


def files(root):
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            if path.is_file() and path.suffix in TEXT and not {"corpus", "__pycache__"} & set(path.parts):
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8").splitlines()
    for name in ("CMakeLists.txt", "CMakePresets.json", "README.md"):
        if (root / name).is_file():
            yield name, (root / name).read_text(encoding="utf-8").splitlines()


def matching(root, pattern, ends):
    for path, lines in files(root):
        if path.endswith(ends):
            for number, line in enumerate(lines, 1):
                if re.search(pattern, line):
                    yield path, number, line.strip()


def typedefs(root):
    yield from matching(root, r"\btypedef\s+(struct|enum|union)\b(\s+\w+)?\s*(\{|\w+\s*;|$)", (".c", ".h"))


def unfinished(root):
    marks = r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b"
    yield from matching(root, marks, tuple(TEXT))


def long_files(root):
    for path, lines in files(root):
        most = TEST_LINES_MAX if path.endswith("_test.c") else LINES_MAX
        if len(lines) > most and not path.endswith((".md", ".proto")) and path not in LONG:
            yield path, len(lines), f"more than {most} lines"


def long_lines(root):
    """Of scripts and the protocol; clang-format sees to the others."""
    for path, lines in files(root):
        if path.endswith((".sh", ".bash", ".bats", ".py", ".proto")):
            for number, line in enumerate(lines, 1):
                if len(line) > 120:
                    yield path, number, f"{len(line)} columns"


# Mutable variables that may outlive a call: file and name -> why.
_ARGUMENT = "posix_spawn and its like want arguments that are not const, and leave them alone"
STATICS = {
    ("tools/bench/daemon.c", "data_flag"): _ARGUMENT,
    ("tools/bench/daemon.c", "listen_flag"): _ARGUMENT,
    ("tools/bench/crowd.c", "command"): _ARGUMENT,
    ("tools/bench/echo.c", "command"): _ARGUMENT,
}


def declarators(code):
    """What stands between the commas of a declaration: the first with the type, all without what they begin with."""
    code, nested = re.match(r"[^;{]*", re.sub(r"\{[^{}]*\}", "", code)).group(0), None
    while nested != code:
        code, nested = re.sub(r"(=[^,]*)\([^()]*\)", r"\1", code), code
    return [declarator.split("=")[0] for declarator in code.split(",")]


def may_outlive(head, end):
    """Does a declaration with this head, which `end` follows, make a variable that outlives a call?"""
    is_static = re.match(r"\s*(static|_Thread_local|thread_local)\b(?! inline)", head)
    is_global = (end in ("=", ";") and re.match(r"[A-Za-z_][\w\s*\[\]]*[\s*]\w+[\s\[\]\w]*$", head)
                 and not re.match(r"(struct|enum|union)\s+\w+\s*$|(return|typedef|extern|goto|__extension__)\b", head))
    is_function = re.search(r"\w\s*\((?!\s*\*)", head) and not re.search(r"\(\s*\*", head)
    return (is_static or is_global) and not is_function


def mutable_names(code):
    """The variables that a line of code declares, which outlive a call and can be changed."""
    code = re.sub(r"__attribute__\s*\(\(.*?\)\)|_Alignas\((?:[^()]|\([^()]*\))*\)", "", code)
    code = re.sub(r"\b(_Atomic|__typeof__)\s*\([^()]*\)", "type", re.sub(r"\[[^\]]*\]", "[]", code))
    for declaration in re.split(r"[{;]\s*(?=(?:static|_Thread_local|thread_local)\b)", code):
        found, end = declarators(declaration), re.match(r"[^=;{]*(.?)", declaration).group(1)
        if not may_outlive(found[0], end):
            continue
        is_const = re.search(r"\bconst\b", found[0].partition("*")[0])
        for declarator in found:
            _, star, rest = declarator.rpartition("*")  # what may be const is the pointer, not what it points to
            if not (re.search(r"\bconst\b", rest) or (is_const and not star)):
                yield (re.findall(r"\w+(?=\s*(?:\[|\)|$))", rest) or ["?"])[0]


def globals_(root):
    """Mutable variables that outlive a call, outside of functions and inside (constants and tables are fine)."""
    for path, lines in files(root):
        if path.startswith(("server/", "client/", "tools/")) and path.endswith((".c", ".h")):
            for number, code in enumerate(code_of("\n".join(lines)).split("\n"), 1):
                for name in mutable_names(code):
                    if (path, name) not in STATICS:
                        yield path, number, f"mutable, and outlives a call: {lines[number - 1].strip()}"


# Names that keep a word which the glossary has another one for: name -> why. What is stored or said to people stands in
# strings, which are not looked at: the tables "replay", "replay_by_time", "replay_count", the option's name, messages.
WORDS_KEPT = {
    "judged": "a field of the wire, and so of libpostern",
    "replay_file": "tests/fuzz: a fuzzer replays its corpus, in everybody's words",
    "replay_directory": "the same",
    "replay.c": "the same",
    "ms_branch_pages": "LMDB's name",
    "ms_leaf_pages": "the same",
    "ms_overflow_pages": "the same",
    "json_error_code": "jansson's name",
    "calls_in_flight": "a field of the wire, and so of libpostern",
    "records": "a field of the wire, and so of libpostern",
}
OTHER_WORD = "the glossary of docs/architecture.md has another word than"
SENTENCE_WORDS = 5  # a name of so many words is a test's, and a sentence of plain English


def forms(word):
    """A word of the glossary and its inflections; of several words only the plural."""
    if "_" in word:
        return rf"{word}s?"
    stem = word.removesuffix("e").removesuffix("y")
    return rf"{word}(?:s|es|ed|ing|r|er)?|{stem}(?:e[sd]|ing|ie[sd])"


# Words that a sentence may have in their everyday meaning.
PLAIN_WORDS = {"decision", "page", "record", "rule", "together"}
# What sentences keep of the glossary's other words: as a pattern -> why.
SENTENCES_KEPT = {
    r"--clear-clock|\"clear-clock\"": "an option, older than the word",
    r"--replay-retention-minutes|\"replay_retention_minutes\"": "the same",
    r"\"replay(_by_time|_count)?\"": "tables of the store",
    r"\bTERM\b": "the environment's variable",
    r"\blimit decision\b": "a decision of the limits, not the struct that had this name",
    r"tests/mutation|\b[Mm]utation": "of a line, in the tests",
}


def comment_words(lines):
    """The words of the comments behind //."""
    for number, line in enumerate(lines, 1):
        for word in re.findall(r"[A-Za-z]\w*", line.partition("//")[2]):
            yield number, word


def names_in(lines):
    """The names in the code, without comments and strings."""
    code = code_of("\n".join(lines))
    for number, line in enumerate(code.split("\n"), 1):
        for name in re.findall(r"\b[A-Za-z_]\w*", line):
            yield number, name


def part(word):
    """What finds the word in a name, as a part of it."""
    return re.compile(rf"(?<![a-z0-9])(?:{forms(word)})(?![a-z0-9])", re.IGNORECASE)


class Ban:
    """A word of the column "not" in code form; "in" or "outside" some rooms, when that stands behind it. The row's own
    words may have it as a part: a map page is no page."""

    def __init__(self, terms, word, where, rooms):
        self.word, self.where, self.rooms, self.pattern = word, where, rooms.split(), part(word)
        self.terms = [part(term.strip().replace(" ", "_")) for term in terms.split(",") if term.strip() != word]

    def forbids(self, name, room):
        if self.where and (room in self.rooms) != (self.where == "in"):
            return False
        for term in self.terms:
            name = term.sub("", name)
        return self.pattern.search(name)


def bans(root):
    text = (root / "docs/architecture.md").read_text(encoding="utf-8").split("## Words")[1]
    for row in text.splitlines():
        if row.count("|") == 4:
            _, terms, _, cell, _ = row.split("|")
            for found in re.findall(r"`(\w+)`(?: (in|outside) ([a-z]+(?: [a-z]+)*))?", cell):
                yield Ban(terms, *found)


def room_of(path):
    """The room of a file; of a test or its support the one that its name begins with."""
    parts = path.split("/")
    return re.split(r"[_.]", parts[-1])[0] if parts[0] == "tests" else parts[0] if parts[0] == "client" else parts[1]


def words(root):
    """What the glossary's column "not" has in code form is part of no name in the code, of no file's name, and of no
    comment but in everyday meaning."""
    banned = list(bans(root))
    any_ban = re.compile("|".join(ban.pattern.pattern for ban in banned) or "(?!)", re.IGNORECASE)
    may_break = functools.cache(any_ban.search)
    for path, lines in files(root):
        if not path.startswith(("server/", "client/", "tools/", "tests/")) or not path.endswith((".c", ".h")):
            continue
        for number, name in [(1, path.split("/")[-1]), *names_in(lines)]:
            is_sentence = path.startswith("tests/") and len(name.split("_")) >= SENTENCE_WORDS
            for ban in banned if may_break(name) else ():
                if ban.forbids(name, room_of(path)) and name not in WORDS_KEPT and not is_sentence:
                    yield path, number, f"{name}: {OTHER_WORD} {ban.word}"
        for number, word in comment_words(lines):
            for ban in banned if may_break(word) else ():
                if ban.word not in PLAIN_WORDS and ban.forbids(word, room_of(path)):
                    yield path, number, f"{word}: {OTHER_WORD} {ban.word}"


def sentences(path, lines):
    """What a file says to people, beside comments behind //: the messages of the programs, the names and comments of
    tests that are scripts, documents without their glossary."""
    text = "\n".join(lines)
    if path.endswith(".md"):
        glossary = re.compile(r"^## Words$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
        text = glossary.sub(lambda match: "\n" * match.group(0).count("\n"), text)
        yield from enumerate(text.split("\n"), 1)
    elif path.startswith("tests/") and not path.endswith((".c", ".h")):
        yield from ((number, line) for number, line in enumerate(lines, 1) if re.match(r"@test|\s*#|mutation: ", line))
    elif path.endswith((".c", ".h")) and not path.startswith("tests/"):
        for number, line in enumerate(lines, 1):
            for found in re.findall(r'^#include.*|"(?:\\.|[^"\\])*"|//.*', line):
                if found[0] == '"':
                    yield number, found


def prose(root):
    """The same of sentences. Words that only some rooms may not have are looked for in their messages alone."""
    kept = re.compile("|".join(SENTENCES_KEPT) or "(?!)")
    banned = [ban for ban in bans(root) if ban.word not in PLAIN_WORDS]
    for path, lines in files(root):
        room = room_of(path) if path.endswith((".c", ".h")) else None
        for number, sentence in sentences(path, lines):
            text = kept.sub("", sentence)
            for ban in banned:
                found = ban.forbids(re.sub(r"[ -]", "_", text), room) if "_" in ban.word else ban.forbids(text, room)
                if found and (room or not ban.where):
                    yield path, number, f"{found.group(0)}: {OTHER_WORD} {ban.word}: {sentence.strip()}"


# What must be checked. The client's postern_fail... only return the status that they are given.
MUST_CHECK = {
    "server/": r"^(?!#).*STATUS_MUST_CHECK",
    "client/src/": r"^ *enum postern_status (postern_(?!fail|status_of)\w+|\(\*\w+\))\(",
}


STATUS = (r"\b(?:CANCELLED|INVALID_ARGUMENT|DEADLINE_EXCEEDED|NOT_FOUND|ALREADY_EXISTS|PERMISSION_DENIED|"
          r"UNAUTHENTICATED|RESOURCE_EXHAUSTED|FAILED_PRECONDITION|ABORTED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|"
          r"DATA_LOSS)\b")
# Several statuses on one line of Errors, or one within a sentence.
CROWDED = re.compile(rf"{STATUS}.*(?:{STATUS}|; (?:those|as|of)\b)|//\s*\S.*\bErrors\b.*{STATUS}")


def crowded_errors(path, lines):
    """In `Errors:` each status has a line of its own."""
    inside = False
    for number, line in enumerate(lines, 1):
        inside = line.lstrip().startswith("//") and (inside or re.search(r"\bErrors\b.*:", line) is not None)
        if inside and CROWDED.search(line):
            yield path, number, "a line for each status: " + line.strip()


def errors(root):
    """In the headers of the server and the client library, what must be checked says why it can fail: `Errors:` in the
    comment above a declaration, which holds up to the next comment, or "Errors of all of these" above a group, which
    ends at an empty line. Each status has a line of its own."""
    for path, lines in files(root):
        if path.startswith(("server/", "client/", "tools/")) and path.endswith(".h"):
            yield from crowded_errors(path, lines)
        room = next((top for top in MUST_CHECK if path.startswith(top)), None)
        if room is None or not path.endswith(".h"):
            continue
        own = group = in_comment = False
        for number, line in enumerate(lines, 1):
            if line.lstrip().startswith("//"):
                own = "Errors:" in line or (own and in_comment)
                group = group or "Errors of" in line
                in_comment = True
                continue
            in_comment = False
            if not line.strip():
                own = group = False
            elif re.search(MUST_CHECK[room], line) and not (own or group):
                yield path, number, "no Errors in the comment above: " + line.strip()


def openings(root):
    """Each source file says first which problem it solves."""
    for path, lines in files(root):
        if re.match(r"(server|client/src|tools/(cli|bench|gateway))/.*\.c$", path):
            if not lines or not re.match(r"// \S|/\* ?\S", lines[0]):
                yield path, 1, "begins without a comment that says which problem the file solves"


# Of requests, what is no setting of a record, or has an option or a command of its own.
NO_SETTINGS = {"call", "if_version", "key_id", "fields", "enabled", "prefix", "update_mask", "update_mask_count"}


def settings(root):
    """What a put request, Create and Update have is a row of the command line's table: `account suspend` writes back
    what the table has."""
    header = (root / "client/include/postern/postern.h").read_text(encoding="utf-8")
    rows = "".join(path.read_text(encoding="utf-8") for path in (root / "tools/cli").glob("*.c"))
    for request in re.finditer(r"struct postern_(put_\w+|create|update)_request \{\n(.*?)\n\};", header, re.S):
        kind, _, record = request.group(1).partition("_")
        macro = {"put": rf"FIELD(?:_LIST)?\({record}, ", "create": r"(?:CREATED|UPDATED(?:_LIST)?)\("}
        placed = re.findall(rf"\b{macro.get(kind, r'UPDATED(?:_LIST)?[(]')}(\w+)(?:, (\w+))?", rows)
        known = NO_SETTINGS.union(*placed)
        for line in re.finditer(r"^    [^/;]*?(\w+);", request.group(2), re.M):
            if line.group(1) not in known:
                number = header.count("\n", 0, request.start(2) + line.start()) + 1
                why = f"{line.group(1)}: no row of {record or 'key'}_fields in tools/cli"
                yield "client/include/postern/postern.h", number, why


COPYRIGHT = "Copyright 2026 The Postern authors. SPDX-License-Identifier: Apache-2.0"
# What leaves the tree without it; REUSE.toml speaks for all other files.
ALONE = ("client/include/postern/*.h", "proto/postern.proto", "tools/cli/completion.bash",
         "tools/package/posternd.*", "Dockerfile", "compose.yaml")


def copyright_(root):
    """What leaves the tree alone says whose it is in its first two lines; the licence and REUSE.toml name the same."""
    for pattern in ALONE:
        for path in sorted(root.glob(pattern)):
            if not any(COPYRIGHT in line for line in path.read_text(encoding="utf-8").splitlines()[:2]):
                yield path.relative_to(root).as_posix(), 1, f"says not: {COPYRIGHT}"
    for name, text in (("LICENSE", "Apache License"), ("REUSE.toml", 'SPDX-License-Identifier = "Apache-2.0"')):
        if not (root / name).is_file() or text not in (root / name).read_text(encoding="utf-8"):
            yield name, 1, f"is missing or says not: {text}"


RULES = {"typedefs": typedefs, "unfinished": unfinished, "long_files": long_files, "long_lines": long_lines,
         "globals": globals_, "only_tests": only_tests,
         "words": words, "prose": prose, "errors": errors, "openings": openings,
         "settings": settings, "copyright": copyright_}


def check(rule, root):
    return (f"{path}:{number}: {why}" for path, number, why in RULES[rule](Path(root)))


if __name__ == "__main__":
    sys.exit(main(check, Path(__file__).parents[2]))
