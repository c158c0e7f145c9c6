"""Whether the kernel's OOM killer has killed a process of this server, or somebody else did.

Linux only; elsewhere nothing is known. Reads files of the kernel, decides nothing.
"""

from __future__ import annotations

CGROUP_ROOT = "/sys/fs/cgroup"


class OomKills:
    """Looks at the kernel's count of OOM kills, from the time when this was made."""

    def __init__(self) -> None:
        self._count = count_oom_kills()

    def has_risen(self) -> bool | None:
        """Whether there was an OOM kill since the last call; None where the kernel does not say."""
        before, self._count = self._count, count_oom_kills()
        if before is None or self._count is None:
            return None
        return self._count > before


def count_oom_kills(own_cgroup: str = "/proc/self/cgroup", root: str = CGROUP_ROOT) -> int | None:
    """How many processes of this process's cgroup, or of those below it, were killed so far.

    By any kind of OOM killer: `oom_kill` of memory.events in cgroup-v2.rst of the kernel.
    """
    try:
        with open(own_cgroup) as file:
            # A line "0::/path" is that of version 2 (cgroups(7)).
            path = next((line[3:].strip() for line in file if line.startswith("0::")), None)
        if path is None:
            return None
        with open(f"{root}{path.rstrip('/')}/memory.events") as file:
            counts = dict(line.split() for line in file)
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None
