"""CPUs and memory that this machine or container really gives, and how many workers fit in them.

Reads /proc and /sys through a `root` that tests replace; changes nothing. `os.cpu_count()` sees
neither the affinity mask nor a container's quota, which is how servers come to start 160 workers
in a container of two CPUs (benoitc/gunicorn#2877).

Sources: cgroups(7); the kernel's Documentation/admin-guide/cgroup-v2.rst (cpu.max, memory.max,
memory.high) and cgroup-v1/{memory,../../scheduler/sched-bwc}.rst (cpu.cfs_quota_us).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

MIB = 1024 * 1024

MEMORY_FOR_ONE_WORKER = 128 * MIB
"""What a worker is given at least, in bytes.

Measured (PSS after 50 requests, CPython 3.11): Flask 30 MiB, with SQLAlchemy 54 MiB, with pandas
102 MiB; the rest is room for requests. The size of an app cannot be known before it has been
loaded, so a larger one must say `--workers` itself.
"""


class Limit:
    """How much there is of something, and what set that bound, in one phrase."""

    __slots__ = ("amount", "reason")

    def __init__(self, amount: float, reason: str) -> None:
        self.amount = amount
        self.reason = reason


class WorkerCount:
    """How many workers to run, and why."""

    __slots__ = ("count", "reason")

    def __init__(self, count: int, reason: str) -> None:
        self.count = count
        self.reason = reason

    def __str__(self) -> str:
        return f"workers: {self.count} ({self.reason})"


def choose_workers(root: Path = Path("/"), *, affinity: int | None = None) -> WorkerCount:
    """Return the number of workers for this machine: one for each usable CPU, if memory allows."""
    return decide_workers(usable_cpus(root, affinity=affinity), usable_memory(root))


def decide_workers(cpus: Limit, memory: Limit | None) -> WorkerCount:
    """Return the number of workers for so many CPUs and so many bytes of memory.

    Parts of a CPU are rounded up: a quota of 1.5 CPUs cannot be used up by one worker, whose
    Python runs in one thread at a time.
    """
    by_cpus = rounded_up(cpus.amount)
    if memory is None:
        return WorkerCount(by_cpus, cpus.reason)
    by_memory = max(1, int(memory.amount // MEMORY_FOR_ONE_WORKER))
    if by_memory >= by_cpus:
        return WorkerCount(by_cpus, cpus.reason)
    return WorkerCount(
        by_memory,
        f"{memory.reason}, at least {in_mebibytes(MEMORY_FOR_ONE_WORKER)} for each;"
        f" {cpus.reason} would allow {by_cpus}",
    )


def usable_cpus(root: Path = Path("/"), *, affinity: int | None = None) -> Limit:
    """Return the CPUs that this process may use: the lower of affinity and cgroup quota.

    `affinity` is the number of CPUs in the affinity mask; the system is asked when it is None.
    """
    in_machine = os.cpu_count() or 1
    in_mask = affinity or _affinity() or in_machine
    by = " by affinity" if in_mask < in_machine else ""
    limits = [Limit(in_mask, f"{_count_of_cpus(in_mask)}{by}")]
    limits += [Limit(quota, f"cgroup quota {_count_of_cpus(quota)}") for quota in _cpu_quotas(root)]
    return min(limits, key=lambda limit: limit.amount)


def usable_memory(root: Path = Path("/")) -> Limit | None:
    """Return the memory in bytes that this process and its children share; None if unknown."""
    limits = [
        Limit(amount, f"cgroup memory limit {in_mebibytes(amount)}")
        for amount in _memory_limits(root)
    ]
    total = _memory_of_machine(root)
    if total is not None:
        limits.append(Limit(total, f"memory of the machine {in_mebibytes(total)}"))
    return min(limits, key=lambda limit: limit.amount, default=None)


def rounded_up(amount: float) -> int:
    """Return the whole number at or above `amount`, at least 1."""
    return max(1, -int(-amount // 1))


def in_mebibytes(amount: float) -> str:
    """Return a number of bytes in MiB, as `trivet.toml` would have it."""
    return f"{amount / MIB:.0f}MiB"


def _count_of_cpus(amount: float) -> str:
    return f"{amount:.3g} {'CPU' if amount <= 1 else 'CPUs'}"


def _affinity() -> int | None:
    """Return the number of CPUs in the affinity mask, where the system has one (not macOS)."""
    ask = getattr(os, "sched_getaffinity", None)
    return len(ask(0)) if ask else None


def _cpu_quotas(root: Path) -> Iterator[float]:
    """Yield each CPU quota from the own cgroup up to the top; any of them may be the tightest."""
    for folder in _cgroup_folders(root, "cpu"):
        if folder.version == 2:
            words = _read(folder.path / "cpu.max").split()
            quota, period = [*words, "", ""][:2]
        else:
            quota = _read(folder.path / "cpu.cfs_quota_us")
            period = _read(folder.path / "cpu.cfs_period_us")
        # "max" in version 2 and -1 in version 1 stand for no quota.
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)


def _memory_limits(root: Path) -> Iterator[int]:
    """Yield each memory limit in bytes from the own cgroup up to the top.

    `memory.high` counts as one: beyond it the kernel slows the process down until it is useless.
    Version 1 writes 2^63 rounded down to a page for no limit; the machine's memory is below that.
    """
    for folder in _cgroup_folders(root, "memory"):
        names = ("memory.max", "memory.high") if folder.version == 2 else ("memory.limit_in_bytes",)
        for name in names:
            text = _read(folder.path / name)
            if text.isdecimal():
                yield int(text)


def _memory_of_machine(root: Path) -> int | None:
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, amount = line.partition(":")
        if name == "MemTotal":
            return int(amount.split()[0]) * 1024
    return None


class _Mount:
    __slots__ = ("controllers", "point", "root", "version")

    def __init__(self, version: int, controllers: frozenset[str], root: str, point: str) -> None:
        self.version = version
        self.controllers = controllers
        self.root = root
        self.point = point


class _Folder:
    __slots__ = ("path", "version")

    def __init__(self, version: int, path: Path) -> None:
        self.version = version
        self.path = path


def _cgroup_folders(root: Path, controller: str) -> Iterator[_Folder]:
    """Yield the folders that bound this process for one controller, its own cgroup first."""
    own = _own_cgroups(root)
    for mount in _cgroup_mounts(root):
        key = "" if mount.version == 2 else controller
        if key not in own or (mount.version == 1 and controller not in mount.controllers):
            continue
        point = root / mount.point.lstrip("/")
        # In a container without a cgroup namespace the path names folders of the host: only what
        # is below the mount's own root can be seen.
        inside = _path_below(own[key], mount.root)
        for depth in range(len(inside), -1, -1):
            yield _Folder(mount.version, point.joinpath(*inside[:depth]))


def _path_below(path: str, mount_root: str) -> list[str]:
    """Return the folders of `path` below `mount_root`; none when it lies elsewhere."""
    parts = [name for name in path.split("/") if name]
    above = [name for name in mount_root.split("/") if name]
    if ".." in parts or parts[: len(above)] != above:
        return []
    return parts[len(above) :]


def _own_cgroups(root: Path) -> dict[str, str]:
    """Return controller → path of this process's cgroup; the key of version 2 is empty."""
    found: dict[str, str] = {}
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in [""] if number == "0" else controllers.split(","):
            found[controller] = path
    return found


def _cgroup_mounts(root: Path) -> Iterator[_Mount]:
    """Yield the cgroup file systems in /proc/self/mountinfo; its fields are in proc(5)."""
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        version = 2 if kind[0] == "cgroup2" else 1
        yield _Mount(version, frozenset(kind[2].split(",")), fields[3], fields[4])


def _read(path: Path) -> str:
    """Return a file's text, or nothing when there is no such file or it may not be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
