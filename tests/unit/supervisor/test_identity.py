"""trivet.supervisor.identity: names become numbers; tests/system become somebody else."""

import os
import pwd

import pytest

from trivet.errors import HostError
from trivet.supervisor.identity import find_identity


def test_nothing_is_asked_for() -> None:
    assert find_identity("", "") is None


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.usefixtures("as_root")
def test_a_user_brings_group_groups_and_home() -> None:
    entry = pwd.getpwnam("daemon")
    for user in ("daemon", str(entry.pw_uid)):
        found = find_identity(user, "")
        assert found is not None
        assert (found.uid, found.gid, found.home) == (entry.pw_uid, entry.pw_gid, entry.pw_dir)
        assert set(found.groups) == set(os.getgrouplist("daemon", entry.pw_gid))


@pytest.mark.usefixtures("as_root")
def test_a_group_takes_the_place_of_the_user_s_own() -> None:
    found = find_identity("daemon", "54321")
    assert found is not None
    assert found.gid == 54321
    assert 54321 in found.groups


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize(
    ("user", "group", "what"),
    [
        ("no-such-user", "", "there is no user no-such-user"),
        ("daemon", "no-such-group", "there is no group no-such-group"),
        ("54321", "", "user 54321 has no entry"),
    ],
)
def test_what_the_machine_does_not_know_is_told(user: str, group: str, what: str) -> None:
    with pytest.raises(HostError, match=what):
        find_identity(user, group)


def test_only_root_may_change_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(HostError, match="only root may run the application as daemon") as caught:
        find_identity("daemon", "")
    assert "User=" in str(caught.value.hint)


def test_who_is_that_user_already_needs_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.getpwnam("daemon")
    monkeypatch.setattr(os, "geteuid", lambda: entry.pw_uid)
    monkeypatch.setattr(os, "getegid", lambda: entry.pw_gid)
    found = find_identity("daemon", "")
    assert found is not None
    assert found.is_own
    found.assume()  # changes nothing, and asks for nothing that only root may
