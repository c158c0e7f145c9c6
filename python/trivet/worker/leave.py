"""End a forked process: atexit functions of the app run, yet nothing of the app can hold it up."""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable
    from typing import NoReturn


def leave_process(
    exit_code: int, patience_seconds: float, on_hindered: Callable[[str], None]
) -> NoReturn:
    """End this process as the interpreter would, within `patience_seconds`. Main thread only.

    SystemExit cannot be used: on its way up it would run `finally` clauses of the supervisor, or of
    the script that called serve(), in a process that they were not written for. multiprocessing
    ends its forked processes by the same three steps. `on_hindered` is told, from another thread
    and just before the process ends, what was not waited for.
    """
    # _thread instead of threading: an app without threads should not pay for the import.
    import _thread

    _thread.start_new_thread(_leave_late, (exit_code, patience_seconds, on_hindered))
    threading = sys.modules.get("threading")
    try:
        if threading is not None:
            # Not public, but the only way to end the threads of concurrent.futures, which wait for
            # it, and to wait for threads that are no daemons. The interpreter itself calls it.
            threading._shutdown()
        import atexit

        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 - the app's own code runs here, and nothing may follow it
        import traceback

        traceback.print_exc()
    flush_standard_streams()
    os._exit(exit_code)


def flush_standard_streams() -> None:
    """Write out what is buffered; a stream that is closed or broken has nobody who waits for it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            pass


def _leave_late(
    exit_code: int, patience_seconds: float, on_hindered: Callable[[str], None]
) -> None:
    """Runs in a thread of its own, and is cut off by os._exit() when all goes well."""
    time.sleep(patience_seconds)
    try:
        on_hindered(_hindrance())
        flush_standard_streams()
    finally:
        os._exit(exit_code)


def _hindrance() -> str:
    """What still runs, in words."""
    threading = sys.modules.get("threading")
    if threading is None:
        return "an atexit function"
    names = [
        thread.name
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread()
    ]
    return f"threads {', '.join(names)}" if names else "an atexit function"
