"""Saying that descriptors have run out, for supervisor and workers; host.py raises the limit."""

from __future__ import annotations

import errno

from trivet.errors import TooFewFiles
from trivet.host import open_file_limits

#: EMFILE is this process's own limit, ENFILE the whole machine's (open(2)).
NO_MORE_FILES = (errno.EMFILE, errno.ENFILE)

#: Standard streams, signals, links, what the engine waits on, and a little for the app. A worker of
#: an app that opens nothing starts with 18 and then has one left for a connection.
LEAST_FILES = 32

HINT = (
    "raise the limit: `ulimit -n 4096` in a shell, LimitNOFILE= under systemd, "
    "--ulimit nofile= for a container"
)


def has_run_out(error: OSError) -> bool:
    """Whether an error says that no more files can be opened."""
    # The compiled engine's errors have the number in their text only.
    return error.errno in NO_MORE_FILES or f"(os error {errno.EMFILE})" in str(error)


def too_few_files() -> TooFewFiles:
    """The error for a process whose files have run out."""
    limit, _ = open_file_limits()
    return TooFewFiles(f"the system lets this process open no more than {limit} files", hint=HINT)


def check_limit(limit: int, needed: int) -> None:
    """Raise TooFewFiles when the limit is lower than what the server itself needs."""
    if 0 <= limit < needed:  # RLIM_INFINITY is -1
        raise TooFewFiles(
            f"the system lets this process open {limit} files, and Trivet needs {needed}",
            hint=HINT,
        )
