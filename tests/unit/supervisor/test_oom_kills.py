"""trivet.supervisor.oom_kills: an OOM kill, told from another SIGKILL."""

from pathlib import Path

import pytest

from trivet.supervisor import oom_kills
from trivet.supervisor.oom_kills import OomKills, count_oom_kills


def cgroup(folder: Path, kills: int) -> tuple[str, str]:
    (folder / "self").write_text("1:cpu:/v1\n0::/shop.service\n")
    (folder / "shop.service").mkdir(exist_ok=True)
    (folder / "shop.service" / "memory.events").write_text(f"low 0\noom 7\noom_kill {kills}\n")
    return str(folder / "self"), str(folder)


def test_the_count_is_that_of_the_own_cgroup(tmp_path: Path) -> None:
    assert count_oom_kills(*cgroup(tmp_path, 3)) == 3


def test_nothing_is_known_without_the_file(tmp_path: Path) -> None:
    own, root = cgroup(tmp_path, 3)
    (tmp_path / "shop.service" / "memory.events").unlink()
    assert count_oom_kills(own, root) is None
    (tmp_path / "self").write_text("1:memory:/v1\n")
    assert count_oom_kills(own, root) is None


@pytest.mark.parametrize(
    ("counts", "answer"),
    [((1, 2), True), ((2, 2), False), ((None, 2), None), ((2, None), None)],
)
def test_a_rise_is_told(
    monkeypatch: pytest.MonkeyPatch, counts: tuple[int | None, int | None], answer: bool | None
) -> None:
    left = list(counts)
    monkeypatch.setattr(oom_kills, "count_oom_kills", lambda: left.pop(0))
    assert OomKills().has_risen() is answer
