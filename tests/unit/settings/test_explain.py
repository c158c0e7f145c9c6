"""trivet.settings.explain: values and sources in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from trivet.settings import explain
from trivet.settings.resolve import Resolved, resolve
from trivet.settings.table import SPECS

if TYPE_CHECKING:
    from trivet.settings.table import Mode


def resolved(
    directory: Path,
    flags: dict[str, str | list[str] | bool] | None = None,
    environ: dict[str, str] | None = None,
    mode: Mode = "serve",
) -> Resolved:
    return resolve(
        mode=mode, flags=flags or {}, keywords={}, environ=environ or {}, directory=directory
    )


def line(name: str, result: Resolved) -> str:
    return explain.line(name, result.sources[name])


def test_a_default_is_called_that(tmp_path: Path) -> None:
    assert line("keep_alive", resolved(tmp_path)) == "keep_alive = 75s (default)"


def test_a_line_tells_what_was_overridden(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("workers = 2\n")
    result = resolved(tmp_path, {"workers": "4"})
    assert line("workers", result) == "workers = 4 (from --workers; trivet.toml says 2)"


def test_a_line_tells_why_a_rule_chose_the_value(tmp_path: Path) -> None:
    result = resolved(tmp_path, environ={"PORT": "5000"})
    assert line("host", result) == (
        "host = 0.0.0.0 (because of PORT: whoever sets PORT connects from outside)"
    )


def test_an_empty_value_is_shown_as_what_it_means(tmp_path: Path) -> None:
    assert line("body_limit", resolved(tmp_path)) == "body_limit = no limit (default)"


def test_differences_are_the_settings_whose_values_differ(tmp_path: Path) -> None:
    names = explain.differences(resolved(tmp_path, mode="dev"), resolved(tmp_path))
    assert names == ["workers", "reload", "refresh"]


def test_every_setting_is_in_one_group(tmp_path: Path) -> None:
    groups = explain.by_group(resolved(tmp_path))
    assert sorted(name for _, entries in groups for name, _ in entries) == sorted(SPECS)


def test_the_data_is_what_json_can_hold(tmp_path: Path) -> None:
    data = json.loads(json.dumps(explain.as_data(resolved(tmp_path, {"bind": ["unix:x"]}))))
    assert data["settings"]["bind"] == {
        "value": ["unix:x"],
        "shown": "unix:x",
        "from": "--bind",
        "reason": None,
        "overridden": [{"value": [], "shown": "host and port", "from": "default"}],
    }
