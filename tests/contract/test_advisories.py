"""The table of published vulnerabilities and the tests that it names."""

import re
from datetime import date
from typing import Any

import pytest

from tests.security.attacks import SMUGGLING, WEDGING
from tests.security.document import PAGE, ROOT, SOURCES, page, read_table

ROWS = read_table()

#: Those whose vulnerabilities the page promises to list.
PROMISED = {
    "gunicorn",
    "waitress",
    "uWSGI",
    "granian",
    "hypercorn",
    "uvicorn",
    "Werkzeug",
    "cheroot",
    "hyper",
    "h11",
    "llhttp",
    "Node.js",
}

REPLAYS = "tests/security/test_published_attacks.py"
REPLAYED = {
    f"{REPLAYS}::test_what_is_hidden_in_a_request_is_never_run": set(SMUGGLING),
    f"{REPLAYS}::test_a_request_made_to_wedge_the_server_is_answered": set(WEDGING),
}

#: A proof in Rust is a function that cargo runs.
RUST_TEST = r"#\[test\]\s+(?:pub(?:\([a-z]+\))? )?fn {}\("
PYTHON_TEST = r"^def {}\("


def test_every_promised_product_has_a_row() -> None:
    assert {row["product"] for row in ROWS} >= PROMISED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['product']} {row['identifier']}")
def test_an_advisory_has_a_proof_that_exists_or_a_reason(row: dict[str, Any]) -> None:
    proofs = row.get("proofs", [])
    assert proofs or row.get("not_applicable"), "name a test, or say why there is none"
    for proof in proofs:
        path, _, test = proof.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        pattern = RUST_TEST if path.endswith(".rs") else PYTHON_TEST
        assert not test or re.search(pattern.format(re.escape(test)), text, re.MULTILINE), (
            f"{proof}: no such test; name another in tests/security/advisories.toml"
        )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['product']} {row['identifier']}")
def test_an_advisory_says_when_it_was_published_and_what_was_wrong(row: dict[str, Any]) -> None:
    assert isinstance(row.get("published"), date) or isinstance(row.get("year"), int)
    assert row.get("checked", "CVE") in SOURCES, "name it in tests/security/document.py"
    assert row["summary"].endswith(".")
    assert "|" not in row["summary"] + row.get("not_applicable", ""), "it is a row of a table"


def test_no_advisory_is_listed_twice() -> None:
    numbers = r"CVE-\d+-\d+|GHSA(?:-\w{4}){3}|RUSTSEC-\d+-\d+"
    found = [name for row in ROWS for name in re.findall(numbers, row["identifier"])]
    assert sorted(set(found)) == sorted(found)


@pytest.mark.parametrize("test", REPLAYED)
def test_the_attacks_that_are_replayed_are_those_that_the_table_says(test: str) -> None:
    named = {row["identifier"] for row in ROWS if test in row.get("proofs", [])}
    for name in REPLAYED[test]:
        mine = {one for one in named if one == name or one.startswith((f"{name}, ", f"{name} "))}
        assert mine, f"{name} is in tests/security/attacks.py: name {test} in its row"
        named -= mine
    assert not named, "these have no request in tests/security/attacks.py"


def test_the_parser_forbids_unsafe_code() -> None:
    """The compiler then refuses it; the attribute can be taken out only in plain sight of this."""
    crate = ROOT / "crates" / "trivet-http"
    assert "#![forbid(unsafe_code)]\n" in (crate / "src" / "lib.rs").read_text(encoding="utf-8")
    manifest = (crate / "Cargo.toml").read_text(encoding="utf-8")
    assert "\n[dependencies]" not in manifest, "and it has no dependency that could have some"


def test_the_page_about_vulnerabilities_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make generate"
