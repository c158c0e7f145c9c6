"""Where control sockets are: the private directories, and making sure that they are private.

A directory in /tmp can be made by anybody first, so nothing is believed of one that another user
owns or may write to.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Iterator, Mapping

#: The setting's words for "a private path" and for "no control socket".
AUTO = "auto"
OFF = "off"

ENDING = ".sock"

#: Where each user has a runtime directory under systemd; root looks at all of them.
RUNTIME_DIRECTORIES = "/run/user"

#: Not TMPDIR: the shell that asks often has another one than the service that is asked.
SHARED_DIRECTORY = "/tmp"


class NotPrivate(OSError):
    """The directory for control sockets belongs to somebody else, or lets others in."""


def own_directories(environ: Mapping[str, str], uid: int) -> list[str]:
    """The directories for control sockets of this user; the first that can be used is.

    XDG_RUNTIME_DIR is a login's, and a service seldom has it; who asks looks at both.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    first = [os.path.join(runtime, "trivet")] if os.path.isabs(runtime) else []
    return [*first, os.path.join(SHARED_DIRECTORY, f"trivet-{uid}")]


def make_private(directory: str, uid: int) -> None:
    """Make the directory, or see that it is this user's alone. Raises OSError, NotPrivate."""
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        pass
    complaint = why_not_private(directory, uid)
    if complaint:
        raise NotPrivate(f"{directory} {complaint}")


def why_not_private(directory: str, uid: int) -> str:
    """What is wrong with a directory for control sockets; empty when nothing is."""
    # Not what a symbolic link points to: whoever made the link can change it.
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode):
        return "is no directory"
    if found.st_uid != uid:
        return f"belongs to another user (uid {found.st_uid})"
    if found.st_mode & 0o077:
        return f"can be entered by others (mode {stat.S_IMODE(found.st_mode):o})"
    return ""


def directories_to_search(environ: Mapping[str, str], uid: int) -> Iterator[str]:
    """Every directory whose sockets this user may talk to: the own ones; for root all users'."""
    candidates = dict.fromkeys(
        [*own_directories(environ, uid), f"{RUNTIME_DIRECTORIES}/{uid}/trivet"]
    )
    if uid == 0:
        for parent, form in ((RUNTIME_DIRECTORIES, "{}/trivet"), (SHARED_DIRECTORY, "{}")):
            for name in _names_in(parent):
                if parent == RUNTIME_DIRECTORIES or name.startswith("trivet-"):
                    candidates[os.path.join(parent, form.format(name))] = None
    for directory in candidates:
        try:
            owner = os.lstat(directory).st_uid
            if owner in (uid, _owner_named_by(directory)) and not why_not_private(directory, owner):
                yield directory
        except OSError:
            continue  # not there


def sockets_in(directory: str) -> list[str]:
    """The paths of the control sockets in a directory, of living servers or not."""
    return [
        os.path.join(directory, name)
        for name in sorted(_names_in(directory))
        if name.endswith(ENDING) and not name.startswith(".")
    ]


def _names_in(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _owner_named_by(directory: str) -> int | None:
    """Whose a directory is by its name: trivet-1000, /run/user/1000/trivet. Only for root."""
    for part in (os.path.basename(directory), os.path.basename(os.path.dirname(directory))):
        number = part.removeprefix("trivet-")
        if number.isascii() and number.isdigit() and os.getuid() == 0:
            return int(number)
    return None
