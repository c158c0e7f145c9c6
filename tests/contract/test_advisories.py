"""The table of published vulnerabilities and the tests that it names."""

import re
from typing import Any

import pytest

from tests.security.document import PAGE, ROOT, page, read_table

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
}


def test_every_promised_product_has_a_row() -> None:
    assert {row["product"] for row in ROWS} >= PROMISED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['product']} {row['identifier']}")
def test_an_advisory_has_a_proof_that_exists_or_a_reason(row: dict[str, Any]) -> None:
    proofs = row.get("proofs", [])
    assert proofs or row.get("not_applicable"), "name a test, or say why there is none"
    for proof in proofs:
        path, _, test = proof.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not test or re.search(rf"\b(def|fn) {re.escape(test)}\(", text), (
            f"{proof}: no such test; name another in tests/security/advisories.toml"
        )


def test_the_page_about_vulnerabilities_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make generate"
