"""CPUs and memory of machines and containers, read from trees of files that tests write."""

import os
from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.project.limits import (
    MIB,
    Limit,
    choose_workers,
    decide_workers,
    usable_cpus,
    usable_memory,
)

VERSION_2_MOUNT = "31 23 0:28 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
VERSION_1_MOUNTS = (
    "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


def version_2(directory: Path, own: str, files: dict[str, str], memory_total: int = 8) -> Path:
    """Write a machine with cgroup version 2, `memory_total` in GiB."""
    return write_project(
        directory,
        {
            "proc/self/cgroup": f"0::{own}\n",
            "proc/self/mountinfo": VERSION_2_MOUNT,
            "proc/meminfo": f"MemTotal:       {memory_total * 1024 * 1024} kB\nMemFree: 1 kB\n",
            **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
        },
    )


def version_1(directory: Path, own: str, files: dict[str, str], mount_root: str = "/") -> Path:
    """Write a machine with cgroup version 1."""
    return write_project(
        directory,
        {
            "proc/self/cgroup": f"9:memory:{own}\n4:cpu,cpuacct:{own}\n1:name=systemd:{own}\n",
            "proc/self/mountinfo": VERSION_1_MOUNTS.format(root=mount_root),
            "proc/meminfo": "MemTotal:       8388608 kB\n",
            **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
        },
    )


def memory_of(root: Path) -> float:
    limit = usable_memory(root)
    assert limit is not None
    return limit.amount


def test_without_any_limit_the_cpus_are_those_of_the_affinity_mask(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path, affinity=3).amount == 3


def test_affinity_is_asked_of_the_system_when_not_given(tmp_path: Path) -> None:
    ask = getattr(os, "sched_getaffinity", None)
    expected = len(ask(0)) if ask else os.cpu_count()
    assert usable_cpus(tmp_path).amount == expected


def test_a_mask_of_fewer_cpus_than_the_machine_has_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert str(choose_workers(tmp_path, affinity=2)) == "workers: 2 (2 CPUs by affinity)"


def test_the_whole_machine_needs_no_explanation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert str(choose_workers(tmp_path, affinity=8)) == "workers: 8 (8 CPUs)"


@pytest.mark.parametrize(
    ("cpu_max", "workers"),
    [("50000 100000", 1), ("100000 100000", 1), ("150000 100000", 2), ("400000 100000", 4)],
)
def test_a_quota_of_version_2_is_rounded_up(tmp_path: Path, cpu_max: str, workers: int) -> None:
    root = version_2(tmp_path, "/", {"cpu.max": cpu_max})
    assert choose_workers(root, affinity=16).count == workers


def test_the_reason_names_the_quota(tmp_path: Path) -> None:
    root = version_2(tmp_path, "/", {"cpu.max": "50000 100000"})
    assert str(choose_workers(root, affinity=2)) == "workers: 1 (cgroup quota 0.5 CPU)"


def test_max_is_no_quota(tmp_path: Path) -> None:
    root = version_2(tmp_path, "/", {"cpu.max": "max 100000"})
    assert usable_cpus(root, affinity=16).amount == 16


def test_a_quota_above_the_affinity_does_not_matter(tmp_path: Path) -> None:
    root = version_2(tmp_path, "/", {"cpu.max": "800000 100000"})
    assert usable_cpus(root, affinity=2).amount == 2


def test_the_tightest_cgroup_on_the_way_up_counts(tmp_path: Path) -> None:
    root = version_2(
        tmp_path,
        "/system.slice/shop.service",
        {
            "system.slice/shop.service/cpu.max": "max 100000",
            "system.slice/cpu.max": "200000 100000",
            "system.slice/shop.service/memory.max": "max",
            "system.slice/memory.max": str(300 * MIB),
        },
    )
    assert usable_cpus(root, affinity=16).amount == 2
    assert memory_of(root) == 300 * MIB


def test_a_cgroup_of_another_process_does_not_count(tmp_path: Path) -> None:
    root = version_2(
        tmp_path, "/system.slice/shop.service", {"system.slice/other/cpu.max": "1000 100000"}
    )
    assert usable_cpus(root, affinity=16).amount == 16


def test_a_quota_of_version_1_counts(tmp_path: Path) -> None:
    root = version_1(
        tmp_path,
        "/docker/abc",
        {
            "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "150000",
            "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000",
        },
    )
    assert str(choose_workers(root, affinity=16)) == "workers: 2 (cgroup quota 1.5 CPUs)"


def test_minus_one_is_no_quota_in_version_1(tmp_path: Path) -> None:
    root = version_1(
        tmp_path,
        "/",
        {"cpu,cpuacct/cpu.cfs_quota_us": "-1", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
    )
    assert usable_cpus(root, affinity=16).amount == 16


def test_a_container_that_sees_its_own_cgroup_at_the_mount_point_finds_it(tmp_path: Path) -> None:
    # Docker with version 1: /proc/self/cgroup has the host's path, the mount begins there.
    root = version_1(
        tmp_path,
        "/docker/abc",
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "200000",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
            "memory/memory.limit_in_bytes": str(256 * MIB),
        },
        mount_root="/docker/abc",
    )
    assert usable_cpus(root, affinity=16).amount == 2
    assert memory_of(root) == 256 * MIB


def test_a_cgroup_outside_of_the_mount_falls_back_to_the_mount_point(tmp_path: Path) -> None:
    root = version_2(tmp_path, "/../elsewhere", {"cpu.max": "100000 100000"})
    assert usable_cpus(root, affinity=16).amount == 1


def test_both_versions_at_once_are_both_read(tmp_path: Path) -> None:
    # systemd's "hybrid" layout: version 2 is mounted, but the controllers are in version 1.
    root = version_1(
        tmp_path,
        "/",
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "100000",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
    )
    with (root / "proc/self/mountinfo").open("a") as mounts:
        mounts.write("41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
    with (root / "proc/self/cgroup").open("a") as own:
        own.write("0::/\n")
    assert usable_cpus(root, affinity=16).amount == 1


def test_no_memory_limit_leaves_the_memory_of_the_machine(tmp_path: Path) -> None:
    root = version_2(tmp_path, "/", {"memory.max": "max", "memory.high": "max"}, memory_total=4)
    assert memory_of(root) == 4 * 1024 * MIB


def test_the_huge_number_of_version_1_is_no_limit(tmp_path: Path) -> None:
    root = version_1(tmp_path, "/", {"memory/memory.limit_in_bytes": "9223372036854771712"})
    assert memory_of(root) == 8 * 1024 * MIB


def test_the_bound_at_which_the_kernel_begins_to_throttle_counts_as_a_limit(
    tmp_path: Path,
) -> None:
    files = {"memory.max": str(1024 * MIB), "memory.high": str(512 * MIB)}
    root = version_2(tmp_path, "/", files)
    assert memory_of(root) == 512 * MIB


def test_little_memory_means_fewer_workers_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    root = version_2(tmp_path, "/", {"memory.max": str(256 * MIB)})
    assert str(choose_workers(root, affinity=4)) == (
        "workers: 2 (cgroup memory limit 256MiB, at least 128MiB for each; 4 CPUs would allow 4)"
    )


def test_memory_for_half_a_worker_is_still_one_worker() -> None:
    chosen = decide_workers(Limit(4, "4 CPUs"), Limit(64 * MIB, "cgroup memory limit 64MiB"))
    assert str(chosen) == (
        "workers: 1 (cgroup memory limit 64MiB, at least 128MiB for each; 4 CPUs would allow 4)"
    )


def test_enough_memory_is_not_mentioned() -> None:
    chosen = decide_workers(Limit(4, "4 CPUs"), Limit(8192 * MIB, "memory of the machine"))
    assert str(chosen) == "workers: 4 (4 CPUs)"


def test_a_system_without_proc_and_sys_has_unknown_memory_and_one_worker_for_each_cpu(
    tmp_path: Path,
) -> None:
    assert usable_memory(tmp_path) is None
    assert choose_workers(tmp_path, affinity=3).count == 3


@pytest.mark.parametrize("text", ["", "garbage", "100000", "100000 0", "0x10 100000"])
def test_files_that_make_no_sense_are_no_limit(tmp_path: Path, text: str) -> None:
    root = version_2(tmp_path, "/", {"cpu.max": text})
    assert usable_cpus(root, affinity=4).amount == 4


def test_this_machine_has_at_least_one_worker() -> None:
    assert choose_workers().count >= 1
