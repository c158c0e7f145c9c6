"""What one start of `trivet dev` has in common, as every process of it knows it; values only."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class DevSession:
    """Made by the supervisor before the first fork, and inherited by all workers."""

    #: What the console asks for: secrets.token_urlsafe(24), new at each start.
    token: str
    #: Private to the user (0700), removed at the end.
    state_directory: Path
    #: The first is the project's own, the others are editable installs.
    project_roots: tuple[Path, ...]
    #: False with --lan, or when the environment looks like production.
    console: bool
    console_off_reason: str
    #: False with --lan.
    locals_shown: bool
    #: Whether browsers are to refresh themselves.
    refresh: bool
    #: TRIVET_EDITOR, or empty.
    editor: str
    #: Path here and path on the developer's machine, for containers.
    path_map: tuple[tuple[str, str], ...]
    urls: tuple[str, ...]
    app_name: str
