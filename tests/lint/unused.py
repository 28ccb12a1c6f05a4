"""Which functions of the headers nothing but tests and measurements calls (style.py only_tests).

A file is read as tokens, without comments and string contents. Outside of functions a token is part of a declaration,
of a type or of an initializer; only initializers, bodies and macros use functions. In a body a name is no use of a
function when it is a member, a variable of the body or of the file, a static function of the file, or the function
itself that the body belongs to."""
import re

from layers import code_of, sources

ATTRIBUTES = {"__attribute__", "_Alignas"}
TYPES = {"struct", "union", "enum"}
OPENING, CLOSING = set("([{"), set(")]}")
NO_TYPES = {"return", "goto", "case", "else", "sizeof", "do", "break", "continue", "default"}
QUALIFIER = ("(?:static|const|volatile|register|extern|inline|_Thread_local|unsigned|signed|long|short|struct|union|"
             "enum)")
# A declaration of variables: qualifiers, a type, and the first name.
VARIABLE = re.compile(rf"(?:for \( )?(?:{QUALIFIER} )*(\w+) (?:(?:const|long|int|char) )*(?:\* (?:const )?)*"
                      r"(?P<name>\w+)(?= [=,;\[]|$| \))(?P<rest>.*)")


class Token(str):
    line = 0


def tokens(code):
    for number, line in enumerate(code.split("\n"), 1):
        for text in re.findall(r"[A-Za-z_]\w*|\d[\w.]*|->|[^\s\w]", line):
            token = Token(text)
            token.line = number
            yield token


def is_name(token):
    return re.match(r"[A-Za-z_]", token) is not None


def group_end(toks, at):
    """Behind the bracket that closes the one at `at`."""
    depth = 0
    for index in range(at, len(toks)):
        depth += (toks[index] in OPENING) - (toks[index] in CLOSING)
        if depth == 0:
            return index + 1
    return len(toks)


def without_groups(toks):
    index, kept = 0, []
    while index < len(toks):
        if toks[index] in OPENING:
            index = group_end(toks, index)
        else:
            kept.append(toks[index])
            index += 1
    return kept


def variables(statement):
    """The names of the variables that a statement declares."""
    match = VARIABLE.match(" ".join(statement))
    if not match or match.group(1) in NO_TYPES or not is_name(match.group(1)):
        return set()
    more = " ".join(without_groups(match.group("rest").split())).split(" , ")[1:]
    return {match.group("name")} | {name for part in more for name in re.findall(r"^(?:\* |const )*(\w+)", part)}


def parameters(head):
    text = " ".join(head)
    return set(re.findall(r"(\w+)(?: \[[^\]]*\])? (?=[,)])", text)) | set(re.findall(r"\( \* (\w+) \)", text))


def uses(toks, own=()):
    """The names that an expression or a body uses: no members, no types, no own ones."""
    for before, token in zip([""] + toks, toks):
        if is_name(token) and before not in TYPES and before not in (".", "->") and token not in own:
            yield token


def body_uses(name, head, body):
    local, statement = {name} | parameters(head), []
    for token in body:
        if token in ("{", "}", ";") and statement[:2] != ["for", "("]:
            local |= variables(statement)
            statement = []
        elif token == ";":  # in the head of a for
            local |= variables(statement)
            statement = [""]
        else:
            statement.append(token)
    return uses(body, local)


def macros(code):
    """The code without directives of the preprocessor, and what the bodies of macros use."""
    used = []

    def blank(match):
        define = re.match(r"\s*#\s*define\s+\w+(\([^)]*\))?(.*)", match.group(0), re.S)
        if define:
            own = set(re.findall(r"\w+", define.group(1) or ""))
            used.extend(uses(list(tokens(define.group(2))), own))
        return "\n" * match.group(0).count("\n")
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, code, flags=re.M), used


class File:
    """What a file declares, has for itself, and uses."""

    def __init__(self, text):
        code, self.used = macros(re.sub(r"\boffsetof\([^)]*\)", "0", code_of(text)))
        self.functions, self.own = {}, set()  # name -> line of the first declaration
        self.read(list(tokens(code)))
        self.used = set(self.used) - self.own

    def read(self, toks):
        head, index = [], 0
        while index < len(toks):
            token = toks[index]
            end = group_end(toks, index) if token in OPENING else index + 1
            if token in ATTRIBUTES:
                index = group_end(toks, index + 1)
                continue
            if token == "{" and self.function(head):
                self.used += body_uses(self.function(head), head, toks[index:end])
                self.declare(head)
                head = []
            elif token == "{" and not TYPES & set(head):  # extern "C"
                end = index + 1
            elif token == "=":
                while end < len(toks) and toks[end] != ";":
                    end = group_end(toks, end) if toks[end] in OPENING else end + 1
                self.used += uses(toks[index:end])
                self.own |= variables(head)
                head = []
            elif token in (";", "}"):
                self.declare(head)
                head = []
            elif token != "{":
                head += toks[index:end]
            index = end

    @staticmethod
    def function(head):
        """The function that a head declares, or None."""
        at = head.index("(") if "(" in head else 0
        is_one = at > 1 and head[0] != "typedef" and is_name(head[at - 1]) and not head[at - 1].isupper()
        return head[at - 1] if is_one else None

    def declare(self, head):
        name = self.function(head)
        if name is None:
            self.own |= variables(head)
            self.used += uses(head) if "(" in head and head[0].isupper() else ()  # a macro that declares
        elif "static" in head and "inline" not in head:
            self.own.add(name)
        else:
            self.functions.setdefault(name, name.line)


def program(path):
    """What is linked as one."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "tools" else parts[0]


def only_tests(root):
    """Functions of the rooms', the client's and the tools' headers that nothing but tests calls. A measurement is no
    caller either: what tools/bench alone wants of the server is not part of it."""
    used, declared = set(), {}
    for path, text in sources(root, ("server", "client", "tools")):
        if path.startswith("client/include/"):
            continue
        file = File(text)
        used |= {(program(path), name) for name in file.used}
        if path.endswith(".h"):
            for name, line in file.functions.items():
                declared.setdefault((program(path), name), (path, line))
    for key, (path, line) in sorted(declared.items()):
        if key not in used:
            yield path, line, f"{key[1]}() is called by tests or measurements alone: it goes"
