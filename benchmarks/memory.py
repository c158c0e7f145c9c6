"""How much memory a server's processes have, by PSS: pages shared by n processes count 1/n."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from benchmarks.processes import RunningServer


def pss_bytes(pid: int) -> int:
    """Proportional set size of one process (proc(5), smaps_rollup); 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def worker_pss_bytes(server: RunningServer) -> int:
    """PSS of the process that serves: the last one that the server started, or its only one."""
    return pss_bytes(server.tree()[-1])


def whole_pss_bytes(server: RunningServer) -> int:
    """PSS of all the server's processes."""
    return sum(pss_bytes(pid) for pid in server.tree())
