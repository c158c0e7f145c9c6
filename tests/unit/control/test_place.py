"""Where control sockets are: only a directory that is this user's alone is believed."""

import os
from pathlib import Path

import pytest

from trivet.control.place import (
    NotPrivate,
    directories_to_search,
    make_private,
    own_directories,
    sockets_in,
)

UID = os.getuid()


def test_the_runtime_directory_of_a_login_comes_first() -> None:
    assert own_directories({"XDG_RUNTIME_DIR": "/run/user/7"}, 7) == [
        "/run/user/7/trivet",
        "/tmp/trivet-7",
    ]


def test_a_relative_runtime_directory_is_passed_over() -> None:
    assert own_directories({"XDG_RUNTIME_DIR": "run"}, 7) == ["/tmp/trivet-7"]


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "trivet"
    make_private(str(directory), UID)
    assert directory.stat().st_mode & 0o777 == 0o700
    make_private(str(directory), UID)


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "trivet"
    directory.mkdir()
    directory.chmod(0o755)
    with pytest.raises(NotPrivate, match="can be entered by others"):
        make_private(str(directory), UID)


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "trivet"
    directory.mkdir(mode=0o700)
    with pytest.raises(NotPrivate, match="belongs to another user"):
        make_private(str(directory), UID + 1)


def test_a_symbolic_link_is_refused_wherever_it_points(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "trivet").symlink_to(tmp_path / "own")
    with pytest.raises(NotPrivate, match="is no directory"):
        make_private(str(tmp_path / "trivet"), UID)


def test_only_private_directories_are_searched(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    directory = tmp_path / "trivet"
    assert str(directory) not in directories_to_search(environ, UID)
    directory.mkdir(mode=0o700)
    assert str(directory) in directories_to_search(environ, UID)
    directory.chmod(0o777)
    assert str(directory) not in directories_to_search(environ, UID)


def test_a_socket_that_is_being_made_is_not_listed(tmp_path: Path) -> None:
    for name in ("12.sock", ".13", ".14.sock", "notes"):
        (tmp_path / name).touch()
    assert sockets_in(str(tmp_path)) == [str(tmp_path / "12.sock")]
