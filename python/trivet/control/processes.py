"""What the kernel says of a process: how much memory it has, and since when it runs; Linux only.

Elsewhere there is no /proc, and the answers are None.
"""

from __future__ import annotations

#: Lines of /proc/PID/status and smaps_rollup are "Name:   1234 kB".
KIB = 1024


def memory_bytes(pid: int) -> int | None:
    """The proportional set size, in which shared pages count in part; or the resident size.

    PSS is what a worker costs: workers are forked and share pages. The kernel walks the page
    tables for it, some milliseconds for a large process, so it is read only when somebody asks.
    """
    for file, name in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        size = _field(f"/proc/{pid}/{file}", name)
        if size is not None:
            return size * KIB
    return None


def _field(path: str, name: str) -> int | None:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name):
                    return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        return None  # it has ended, or is another user's
    return None
