"""Random and damaged heads read by three parsers; each difference must be of an explained kind.

A short run here; `make differential` makes a long one.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.differential.generator import heads
from tests.differential.parsers import Trivet, Verdict, read_with_h11, read_with_llhttp

PEERS = {"h11": read_with_h11, "llhttp": read_with_llhttp}
# The same module under two names; tomli is there where there is no tomllib yet.
toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
EXPLAINED = toml.loads(Path(__file__).with_name("explained.toml").read_text())["difference"]

HEADS = int(os.environ.get("TRIVET_TEST_HEADS", "10000"))
SEED = int(os.environ.get("TRIVET_TEST_SEED", "7"))


@pytest.fixture(scope="module")
def trivet() -> Iterator[Trivet]:
    build = ["cargo", "build", "--quiet", "--release", "-p", "trivet-http", "--example", "verdicts"]
    subprocess.run(build, cwd=REPOSITORY, check=True, timeout=600)
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    parser = Trivet(target / "release" / "examples" / "verdicts")
    yield parser
    parser.close()


def test_every_difference_between_parsers_is_explained(trivet: Trivet) -> None:
    seen: Counter[str] = Counter()
    for head in heads(SEED, HEADS):
        ours = trivet.read(head)
        for peer, read in PEERS.items():
            theirs = read(head)
            if same(ours, theirs):
                seen["same"] += 1
                continue
            row = explanation(peer, ours, theirs)
            assert row is not None, f"{head!r}\nhere: {ours}\n{peer}: {theirs}"
            seen[f"{peer}: {row['why']}"] += 1
    for what, count in seen.most_common():
        print(f"{count:8}  {what}")
    # Damage that leaves nothing alike, or nothing different, would test nothing.
    assert seen["same"] > HEADS // 2
    assert len(seen) > 10


def test_nothing_that_h11_refuses_is_accepted(trivet: Trivet) -> None:
    for head in heads(SEED + 1, HEADS):
        if read_with_h11(head).kind == "reject":
            assert trivet.read(head).kind != "complete", head


def same(ours: Verdict, theirs: Verdict) -> bool:
    if ours.kind != theirs.kind:
        return False
    alike = (ours.method, ours.target, ours.fields) == (theirs.method, theirs.target, theirs.fields)
    return ours.kind != "complete" or alike


def explanation(peer: str, ours: Verdict, theirs: Verdict) -> dict[str, Any] | None:
    """The row that a difference falls under."""
    mine = ours.why or ours.kind
    if ours.kind == theirs.kind == "complete":
        mine = "reads-differently"
        lower = tuple((n, v.lower() if n == b"transfer-encoding" else v) for n, v in ours.fields)
        if (lower, ours.target, ours.method) != (theirs.fields, theirs.target, theirs.method):
            return None
    for row in EXPLAINED:
        if (
            peer in row["peers"]
            and (mine in row["ours"] or (row["ours"] == ["*"] and ours.kind == "reject"))
            and theirs.kind == row["theirs"]
            and re.search(row.get("theirs_why", ""), theirs.why)
        ):
            found: dict[str, Any] = row
            return found
    return None
