"""The page about published vulnerabilities, made from advisories.toml; the proofs are not run here.

python -m tests.security.document [--write PATH]
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

# The same module under two names; tomli is there where there is no tomllib yet.
toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("advisories.toml")
PAGE = ROOT / "docs" / "reference" / "security.md"

INTRODUCTION = """\
# Published vulnerabilities

What went wrong in other servers and parsers since 2018, and what shows that it does not apply
here: a test in the tree, or the reason why there is nothing to test. Sources are the databases of
advisories of PyPI, RustSec and GitHub, and the servers' own changelogs. How to report something in
Trivet: [SECURITY.md](../../SECURITY.md).

Each corpus file runs through the parser, whole and cut at every byte
(`crates/trivet-http/tests/corpus.rs`), and against the built server over a socket
(`tests/system/test_corpus_on_the_wire.py`). Besides, requests as the reports describe them are sent
to the built server, each with a request hidden behind it that must never be run
(`tests/security/test_published_attacks.py`). Where no identifier was given out, the release or the
issue that tells of it stands in its place; for Node.js the list has what concerns HTTP.

A ✓ after the day: identifier and day have been compared with a record in {sources}.
The others are from release notes, changelogs and issues.
"""

#: Whose records the key `checked` of a row may name.
SOURCES = {
    "CVE": "the list of CVE records",
    "GitHub": "GitHub's database of advisories",
    "Node.js": "the Node.js project's announcements",
    "PyPA": "PyPA's database",
    "RustSec": "RustSec's database",
}


def read_table() -> list[dict[str, Any]]:
    """Every advisory, in the order of the file."""
    return list(toml.loads(TABLE.read_text(encoding="utf-8"))["advisory"])


def page() -> str:
    """The whole page."""
    *sources, last = SOURCES.values()
    lines = [INTRODUCTION.format(sources=f"{', '.join(sources)} or {last}")]
    product = None
    for row in read_table():
        if row["product"] != product:
            product = row["product"]
            lines += ["", f"## {product}", ""]
            lines += [
                "| published | advisory | class | what went wrong | here |",
                "|---|---|---|---|---|",
            ]
        lines.append(
            f"| {row.get('published', row.get('year', '–'))}{' ✓' if 'checked' in row else ''} "
            f"| {row['identifier']} "
            f"| {row['class'] or '–'} | {row['summary']} | {_here(row)} |"
        )
    return "\n".join(lines) + "\n"


def _here(row: Mapping[str, Any]) -> str:
    proofs = [_link(proof) for proof in row.get("proofs", ())]
    reason = row.get("not_applicable", "")
    return "; ".join([*proofs, *([reason] if reason else [])])


def _link(proof: str) -> str:
    path, _, test = proof.partition("::")
    return f"[{test or Path(path).stem}](../../{path})"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
