"""trivet.supervisor.activation: for whom sockets are, and when they are used."""

import os
from pathlib import Path

import pytest

from trivet.settings.addresses import Address
from trivet.settings.resolve import resolve
from trivet.supervisor.activation import PassedSockets, take_passed_sockets, use_passed_sockets
from trivet.supervisor.systemd import ServiceManager


def test_sockets_for_this_process_are_taken_and_the_variables_with_them() -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:admin"}
    environ["HOME"] = "/"
    passed = take_passed_sockets(environ)
    assert [address.file_descriptor for address in passed.addresses] == [3, 4]
    assert passed.names == "web:admin"
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "many", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "-1", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_what_is_for_others_or_without_sense_is_no_socket(environ: dict[str, str]) -> None:
    assert take_passed_sockets(environ).addresses == ()
    assert not environ


@pytest.mark.parametrize(
    ("flags", "environ", "used"),
    [
        ({}, {}, True),
        ({}, {"PORT": "80"}, True),
        ({"port": "9000"}, {}, False),
        ({"bind": ["127.0.0.1:9000"]}, {}, False),
        ({}, {"TRIVET_HOST": "0.0.0.0"}, False),
    ],
)
def test_they_are_used_unless_somebody_says_where_to_listen(
    tmp_path: Path, flags: dict[str, str | list[str] | bool], environ: dict[str, str], used: bool
) -> None:
    resolved = resolve(flags=flags, keywords={}, environ=environ, directory=tmp_path)
    addresses = use_passed_sockets(resolved, PassedSockets((3,))).settings.addresses
    assert (addresses == (Address(file_descriptor=3),)) is used


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000", "NOTIFY_SOCKET": "/x"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "NOTIFY_SOCKET": "/x", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "30000000"}, None),
        ({"WATCHDOG_USEC": "0", "NOTIFY_SOCKET": "/x"}, None),
        ({"NOTIFY_SOCKET": "/x"}, None),
    ],
)
def test_the_watchdog_is_told_at_half_its_time_and_only_when_it_asks(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert ServiceManager(environ).watchdog_seconds == seconds
    assert not environ
