"""The page about requests and their answers, made from the corpus and the table of rejections.

python -m tests.corpus.document [--write]
"""

import re
import sys
from pathlib import Path

from tests.corpus.reading import DIRECTORY, Case, read_case

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "http.md"
REJECTIONS = ROOT / "crates" / "trivet-http" / "src" / "error.rs"

INTRODUCTION = """\
# Requests and answers

What becomes of a request, rule by rule. Framing is exactly as RFC 9110 and RFC 9112 say; where
they leave a choice between strict and lenient, Trivet is strict, because two recipients that are
lenient in different ways are how requests are smuggled.

A refused request gets a short answer in plain text with `Connection: close`. Then Trivet shuts down
its side and reads on for a while, so that the answer is not lost in a reset (RFC 9112 section 9.6).
Requests before it on the same connection are answered; what comes behind it is not read.

## Every reason to refuse

Where the request was not understood, and with 400, the name stands in the access log in the place
of the target. Where the head was whole and the status says enough (408, 413, 503, 504) the line has
method, target and the time that it has waited.

| name | status | why | section |
|---|---|---|---|
"""

CASES = """
## Every case of the corpus

Each row is a file of `tests/corpus`, which runs through the parser whole and cut at every byte, and
against the built server over a socket. *kept* and *closed* are what becomes of the connection.

| input | answer | section |
|---|---|---|
"""

ROW = re.compile(
    r'^\s+[A-Z0-9_]+ = "(?P<name>[^"]+)", (?P<status>\d+), "(?P<section>[^"]+)",'
    r'\s+"(?P<why>(?:[^"\\]|\\.)*)";',
    re.MULTILINE,
)


def page() -> str:
    """The whole page."""
    rejections = [
        f"| `{row['name']}` | {row['status']} | {row['why']} | {row['section']} |"
        for row in ROW.finditer(REJECTIONS.read_text(encoding="utf-8"))
    ]
    cases = [_case_row(path) for path in sorted(DIRECTORY.glob("*.case"))]
    return INTRODUCTION + "\n".join(rejections) + "\n" + CASES + "\n".join(cases) + "\n"


def _case_row(path: Path) -> str:
    *comments, section = [
        line.removeprefix("# ")
        for line in path.read_text(encoding="ascii").split("\n\n")[0].splitlines()
    ]
    what = " ".join(comments).replace("|", "\\|")
    link = f"[{path.stem}](../../tests/corpus/{path.name})"
    return f"| {link}: {what} | {answer(read_case(path))} | {section} |"


def answer(case: Case) -> str:
    """What becomes of a case, in a phrase."""
    whole = [request for request in case.requests if request.is_whole]
    before = f"{len(whole)} × the app's, then " if whole else ""
    if case.rejection is not None:
        return f"{before}{case.rejection}, closed"
    if case.events[-1].startswith("awaits "):
        return f"{before}408 when nothing more comes, closed"
    return f"the app's, {'closed' if whole[-1].closes else 'kept'}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
