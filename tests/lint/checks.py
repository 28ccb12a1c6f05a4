"""What the lints' modules have in common: their command line, and many checks by one process."""
import sys


def main(check, root):
    """check(rule, path...) gives lines that say what breaks the rule. Usage: MODULE RULE [PATH]..., which prints them,
    exit 1 if any; or MODULE - (lint/checks.bash), whose input has RULE and PATHs in each line, with tabs between them:
    each answer ends with a line of a form feed and the exit status."""
    if sys.argv[1:] != ["-"]:
        return answer(check(sys.argv[1], *(sys.argv[2:] or [root])))
    for line in sys.stdin:
        print(f"\f{answer(check(*line.rstrip().split(chr(9))))}", flush=True)
    return 0


def answer(found):
    found = list(found)
    if found:
        print("\n".join(found))
    return 1 if found else 0
