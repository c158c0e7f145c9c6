"""The page on limits says in words what the settings are, so it must name them as they are."""

import re
from pathlib import Path

from trivet.settings.table import SPECS

PAGE = Path(__file__).parents[2] / "docs/reference/limits.md"


def rows() -> dict[str, str]:
    """The defaults that the page's tables give, by the setting's name."""
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE))


def test_the_page_has_every_limit_and_timeout_with_its_default() -> None:
    limits = {
        name: spec.show(spec.default)
        for name, spec in SPECS.items()
        # How long a stop takes is the operator's affair, and no client's.
        if spec.group in ("Timeouts", "Limits") and name != "graceful_timeout"
    }
    assert rows() == limits, (
        "the rows of docs/reference/limits.md must be the settings of the groups Timeouts and "
        f"Limits; differing: {dict(set(rows().items()) ^ set(limits.items()))}"
    )
