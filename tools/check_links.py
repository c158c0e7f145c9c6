"""Every relative link in the Markdown files leads to a file, and to a heading when it names one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def pages() -> list[Path]:
    """The Markdown files that belong to the project."""
    folders = ("docs", "examples", "benchmarks")
    found = [
        *ROOT.glob("*.md"),
        *(page for name in folders for page in (ROOT / name).rglob("*.md")),
    ]
    return sorted(page for page in found if ".environments" not in page.parts)


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be linked, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+?)\s*$", CODE.sub(_without_fences, text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    """One complaint for each link that leads nowhere."""
    for match in LINK.finditer(CODE.sub("", page.read_text())):
        target = match[1] or match[2]
        if re.match(r"[a-z]+:", target):
            continue  # another site's, or a mail address
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            yield f"{page.relative_to(ROOT)}: {target}: no such file"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
            yield f"{page.relative_to(ROOT)}: {target}: no such heading"


def main() -> int:
    """Print each broken link; 1 when there is one."""
    complaints = [complaint for page in pages() for complaint in broken_links(page)]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return int(bool(complaints))


def _without_fences(match: re.Match[str]) -> str:
    # Inline code in a heading is part of its anchor, a fenced block may hold lines with "#".
    return "" if match[0].startswith("```") else match[0].strip("`")


if __name__ == "__main__":
    sys.exit(main())
