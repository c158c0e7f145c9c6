"""Listening sockets that the service manager has opened: sd_listen_fds(3) without a library.

Only who they are; sockets.py takes them over as it does fd://NUMBER.
"""

from __future__ import annotations

import os
from dataclasses import replace

from trivet.settings.addresses import Address
from trivet.settings.sources import Layer

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import MutableMapping

    from trivet.observe.log import Log
    from trivet.settings.resolve import Resolved

#: SD_LISTEN_FDS_START of sd_listen_fds(3): descriptors are passed from here on.
FIRST_DESCRIPTOR = 3

VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


class PassedSockets:
    """The descriptors that were passed to this process, and what the manager calls them."""

    def __init__(self, descriptors: tuple[int, ...] = (), names: str = "") -> None:
        self.addresses = tuple(Address(file_descriptor=number) for number in descriptors)
        self.names = names


def take_passed_sockets(environ: MutableMapping[str, str]) -> PassedSockets:
    """Read the variables and take them out of the environment: they are for this process alone.

    Variables for another process, or without sense, are no sockets.
    """
    pid, count, names = (environ.pop(name, "") for name in VARIABLES)
    if pid != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return PassedSockets()
    descriptors = tuple(range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count)))
    for descriptor in descriptors:
        try:
            # What the app executes must not keep them.
            os.set_inheritable(descriptor, False)
        except OSError:
            pass  # it is not open; whoever wants to use it says that
    return PassedSockets(descriptors, names)


def use_passed_sockets(resolved: Resolved, passed: PassedSockets) -> Resolved:
    """The settings with the passed sockets as `bind`, unless somebody said where to listen.

    PORT of the platform is not somebody: it is set for every process of a container.
    """
    if not passed.addresses or are_not_wanted(resolved):
        return resolved
    return replace(resolved, settings=replace(resolved.settings, bind=passed.addresses))


def are_not_wanted(resolved: Resolved) -> bool:
    """Whether the settings say by themselves where to listen."""
    places = (resolved.sources[name] for name in ("bind", "host", "port"))
    return any(source.layer not in (Layer.DEFAULT, Layer.PLATFORM) for source in places)


def tell_of_passed_sockets(resolved: Resolved, passed: PassedSockets, log: Log) -> None:
    """Log that there are some, and whether they are used."""
    if not passed.addresses:
        return
    event = "sockets-not-used" if are_not_wanted(resolved) else "sockets-passed"
    log.emit(event, sockets=len(passed.addresses), names=passed.names or "unnamed")
