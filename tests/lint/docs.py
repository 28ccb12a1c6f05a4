#!/usr/bin/env python3
"""What README.md and docs/*.md say of this source tree. Usage: docs.py RULE [ROOT]

rows   each row of the requirements has a system test that begins with its id
tests  the tests that the pages name are there, and those quoted after them by their words stand in them
links  files that the pages link to or name, and headings, are there
Prints what breaks the rule, exit 1 if anything does.
"""
import re
import sys
from pathlib import Path

# The promises that the source documents ask for: keys, permissions, limits, answers, watching.
ROWS = [f"{group}{number}" for group, last in (("K", 16), ("P", 5), ("L", 7), ("E", 2), ("W", 4))
        for number in range(1, last + 1)]
SUITES = "unit|integration|system|fault|lint"
CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def pages(root):
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
    named = re.compile(rf'`({SUITES})/(\w+)`(:(?: ?,? ?"[^"]+")+)?')
    for page, text in pages(root):
        for suite, name, quoted in named.findall(text):
            path = test_file(root, suite, name)
            if path is None:
                yield f"{page.name}: there is no {suite}/{name}"
                continue
            for sentence in re.findall(r'"([^"]+)"', quoted):
                if sentence not in names_in(path):
                    yield f"{page.name}: {suite}/{name} has no test \"{sentence}\""


def anchors(text):
    """As GitHub makes them of headings."""
    for heading in re.findall(r"^#+ (.*)$", CODE_BLOCK.sub("", text), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(root, page, text):
    for target in re.findall(r"\]\(([^)]+)\)", CODE_BLOCK.sub("", text)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.is_file() or root.resolve() not in path.resolve().parents:
            yield f"{page.name}: the link to {target} leads nowhere"
        elif anchor and anchor not in anchors(path.read_text(encoding="utf-8")):
            yield f"{page.name}: {target} has no such heading"


def missing_files(root, page, text):
    tops = "server|client|proto|docs|tools|tests"
    for name in re.findall(rf"(?<![\w/.<-])(?:\./)?((?:{tops})/[\w./-]*\w)", text):
        if not (root / name).exists():
            yield f"{page.name}: there is no {name}"


def links(root):
    for page, text in pages(root):
        yield from broken_links(root, page, text)
        yield from missing_files(root, page, text)


def main():
    rules = {"rows": rows, "tests": tests, "links": links}
    found = list(rules[sys.argv[1]](Path(sys.argv[2] if len(sys.argv) > 2 else ".")))
    if found:
        print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
