"""When a worker that ended is started again, and how its end is told; no processes, only values."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

#: A worker that ends sooner than this after its start counts towards a crash loop.
EARLY_SECONDS = 10.0

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0

#: A server without any worker answers nobody. If its last worker can serve at all, then it comes
#: back within this time of its start, however often it ends.
LAST_WORKER_DELAY_SECONDS = 1.0

#: What the operator should think of, by the signal that ended the worker.
ADVICE: Mapping[str, str] = {
    "SIGKILL": "the kernel's OOM killer does this, when a memory limit is reached",
    "SIGTERM": "somebody else than its supervisor has sent that",
    "SIGSEGV": "a C extension of the app has crashed",
    "SIGBUS": "a C extension of the app has crashed, or a file that was mapped became shorter",
    "SIGABRT": "a C library has given up, and usually says why on standard error",
    "SIGILL": "a C extension was built for another processor",
    "SIGFPE": "a C extension of the app has crashed",
    "SIGXCPU": "its limit of CPU time (ulimit -t) is used up",
}


def early_ends(before: int, *, became_ready: bool, lived_seconds: float) -> int:
    """How many times in a row a worker has now ended early, given how often `before` this time.

    A worker that never became ready has ended early, however long its app took to fail.
    """
    return 0 if became_ready and lived_seconds >= EARLY_SECONDS else before + 1


def restart_delay(
    ends: int, *, became_ready: bool, lived_seconds: float, others_ready: int
) -> float:
    """Seconds until the next start, after a worker ended early `ends` times in a row.

    At once the first time, then 1, 2, 4, 8, 16 and at most 30 seconds. When the worker that ended
    was the last one that served, then at most LAST_WORKER_DELAY_SECONDS after its own start.
    """
    if ends <= 1:
        # A worker whose app fails to load would fail again at once.
        return 0.0 if became_ready or ends == 0 else FIRST_DELAY_SECONDS
    # The exponent is bounded because 2.0 ** 1024 raises OverflowError.
    delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(ends - 2, 16))
    if became_ready and not others_ready:
        return min(delay, max(0.0, LAST_WORKER_DELAY_SECONDS - lived_seconds))
    return delay


def is_orderly(wait_status: int | None) -> bool:
    """Whether a worker that was told to stop ended as it should.

    While the app is being loaded SIGTERM takes its default action.
    """
    return wait_status in (None, 0, int(signal.SIGTERM))


def how_it_ended(wait_status: int | None) -> str:
    """What a status of waitpid() says, as the end of the sentence "worker 2 …"."""
    if wait_status is None:
        return "ended"
    name = ended_by_signal(wait_status)
    if name is not None:
        return f"was killed by {name}"
    return f"exited with code {os.waitstatus_to_exitcode(wait_status)}"


#: The same for SIGKILL, where the kernel says whether its OOM killer was at work.
ADVICE_ON_KILL: Mapping[bool, str] = {
    True: "it was the kernel's OOM killer: the memory limit of the cgroup, or of the machine, is "
    "reached. Raise it, or set max_memory or fewer workers",
    False: "it was not the OOM killer, so somebody has sent that",
}


def advice(wait_status: int | None, oom_killed: bool | None = None) -> str:
    """What the operator should think of; empty when nothing is known.

    `oom_killed`: whether the kernel has counted an OOM kill; None when it does not say.
    """
    name = None if wait_status is None else ended_by_signal(wait_status)
    if name == "SIGKILL" and oom_killed is not None:
        return ADVICE_ON_KILL[oom_killed]
    return ADVICE.get(name or "", "")


def ended_by_signal(wait_status: int) -> str | None:
    """The name of the signal that ended the process, if one did."""
    if not os.WIFSIGNALED(wait_status):
        return None
    number = os.WTERMSIG(wait_status)
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"


#: Reasons by which replaced workers are counted: it ended by itself, a reload, a limit, any other.
DIED = "died"
RELOADED = "reload"
LIMITS = ("max_requests", "max_memory", "max_age")
RETIRED = "retired"


def reason_of(retiring: str) -> str:
    """The reason to count for a worker that has a successor, from the text of its retirement."""
    if not retiring:
        return RELOADED
    return next((limit for limit in LIMITS if limit in retiring), RETIRED)
