"""Another user for the processes that run the app: find the numbers, take them on. Unix only."""

from __future__ import annotations

import os

from trivet.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from pwd import struct_passwd


class Identity:
    """A user and the groups of a process, by number. `name` and `home` are empty when unknown."""

    def __init__(
        self, uid: int, gid: int, groups: tuple[int, ...], name: str = "", home: str = ""
    ) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.name = name
        self.home = home

    @property
    def is_own(self) -> bool:
        """Whether this process has it already, so that nothing needs root."""
        return (os.geteuid(), os.getegid()) == (self.uid, self.gid)

    def assume(self) -> None:
        """Become it, for good. For a process that runs nothing else of this server.

        Raises HostError. HOME, USER and LOGNAME follow, as with su and systemd: what is root's the
        app can no longer read.
        """
        if self.is_own and os.geteuid() != 0:
            return
        # What it takes to tell of a failure: afterwards the library may be out of reach.
        import json  # noqa: F401 - imported for the process, not for this module
        import traceback  # noqa: F401 - as above

        try:
            # In this order: without root the groups cannot be changed any more.
            os.setgroups(self.groups)
            os.setresgid(self.gid, self.gid, self.gid)
            os.setresuid(self.uid, self.uid, self.uid)
        except OSError as error:
            raise HostError(
                f"a process could not become user {self.name or self.uid}, group {self.gid}: "
                f"{error.strerror}",
                hint="look at the capabilities of the service and its limit of processes (ulimit)",
            ) from error
        for file in (os.__file__, __file__):
            # Modules that are imported at the first request would fail there.
            if not os.access(file, os.R_OK):
                raise HostError(
                    f"user {self.name or self.uid} cannot read {file}, which the workers need",
                    hint="install Python and the environment where that user can read them",
                )
        if self.name:
            os.environ.update(HOME=self.home, USER=self.name, LOGNAME=self.name)

    def own_file(self, path: str) -> None:
        """Give a file that was just made to this user and group."""
        if not self.is_own:
            os.chown(path, self.uid, self.gid)


def find_identity(user: str, group: str) -> Identity | None:
    """What the settings `user` and `group` ask for; None when they ask for nothing.

    Raises HostError for names that this machine does not know, and without the right to change.
    """
    if not user and not group:
        return None
    entry = _user(user) if user else None
    uid = entry.pw_uid if entry else int(user) if user else os.geteuid()
    gid = _group(group) if group else entry.pw_gid if entry else -1
    if gid < 0:
        raise HostError(
            f"user {user} has no entry on this machine, so its group is not known",
            hint="give the group too, such as --group 1000",
        )
    groups = tuple(os.getgrouplist(entry.pw_name, gid)) if entry else (gid,)
    name, home = (entry.pw_name, entry.pw_dir) if entry else ("", "")
    identity = Identity(uid, gid, groups, name, home)
    if os.geteuid() != 0 and not identity.is_own:
        raise HostError(
            f"only root may run the application as {user or 'the same user'}"
            + (f" with group {group}" if group else ""),
            hint="start it as root, or leave user and group out and start it as that user; under "
            "systemd User= and Group= do that",
        )
    return identity


def _user(user: str) -> struct_passwd | None:
    """The entry of a user; None for a number without one, as many containers have it."""
    import pwd  # who changes no user pays for no import

    try:
        return pwd.getpwuid(int(user)) if _is_number(user) else pwd.getpwnam(user)
    except KeyError:
        if _is_number(user):
            return None
        raise HostError(
            f"there is no user {user} on this machine",
            hint="`getent passwd` lists them; a number is taken too",
        ) from None


def _group(group: str) -> int:
    if _is_number(group):
        return int(group)
    import grp  # as above

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise HostError(
            f"there is no group {group} on this machine",
            hint="`getent group` lists them; a number is taken too",
        ) from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
