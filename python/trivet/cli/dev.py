"""`trivet dev`: from the command line to a development server; dev/run.py runs it."""

from __future__ import annotations

import os

from trivet.cli.flags import parse_flags
from trivet.settings.resolve import resolve
from trivet.supervisor.start import working_directory


def run(arguments: list[str]) -> int:
    """Serve until told to stop; the exit code."""
    directory = working_directory()
    parsed = parse_flags("dev", arguments, "dev")
    resolved = resolve(
        mode="dev",
        flags=parsed.flags,
        keywords={},
        environ=os.environ,
        directory=directory,
        config_file=parsed.config_file,
    )
    from trivet.dev.run import run_dev

    return run_dev(resolved, directory)
