"""trivet.settings.rules: what --lan and --port next mean, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trivet.errors import ConflictingSettings
from trivet.settings.resolve import resolve
from trivet.settings.table import Settings

if TYPE_CHECKING:
    from trivet.settings.table import Mode


def settings(tmp_path: Path, mode: Mode, **flags: str | bool) -> Settings:
    return resolve(mode=mode, flags=flags, keywords={}, environ={}, directory=tmp_path).settings


def test_lan_means_every_address_unless_one_was_given(tmp_path: Path) -> None:
    assert settings(tmp_path, "dev", lan=True).host == "0.0.0.0"
    assert settings(tmp_path, "dev", lan=True, host="10.0.0.1").host == "10.0.0.1"
    assert settings(tmp_path, "dev").host == "127.0.0.1"


def test_the_next_port_is_for_development(tmp_path: Path) -> None:
    assert settings(tmp_path, "dev", port="next").port == "next"
    with pytest.raises(ConflictingSettings, match="next, which is for trivet dev alone"):
        settings(tmp_path, "serve", port="next")
