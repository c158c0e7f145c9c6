"""`trivet dev`: from the command line to a development server; dev/run.py runs it."""

from __future__ import annotations

import os
import sys

from trivet.cli.flags import Parsed, parse_flags
from trivet.dev.configuration import Configuration, Reading, all_paths
from trivet.dev.environment_files import places as places_of_variables
from trivet.dev.environment_files import read_environment_files
from trivet.dev.run import run_dev
from trivet.dev.script import AGAIN, from_data
from trivet.errors import TrivetError
from trivet.observe.log import wants_colour
from trivet.settings.configuration_file import places as places_of_settings
from trivet.settings.resolve import Resolved, resolve
from trivet.supervisor.start import working_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.settings.table import Mode


def run(arguments: list[str]) -> int:
    """Serve until told to stop; the exit code."""
    if arguments[:1] == [AGAIN]:
        return _run_script(arguments[1])
    parsed = parse_flags("dev", arguments, "dev")
    return _run(parsed, {}, script_data=None)


def _run_script(data: str) -> int:
    """Go on for a program that has called serve(app, dev=True); see dev/script.py."""
    _, keywords = from_data(data)
    return _run(Parsed(), keywords, script_data=data)


def _run(parsed: Parsed, keywords: Mapping[str, object], *, script_data: str | None) -> int:
    directory = working_directory()
    # In production nobody reads these files, or types these flags: what it would be there is asked
    # without them.
    real_environment = dict(os.environ)
    app_alone = {name: value for name, value in parsed.flags.items() if name == "app"}

    def read() -> Reading:
        files = read_environment_files(directory, real_environment)
        environ = {**files.variables, **real_environment}
        resolved = resolved_for("dev", parsed.flags, environ)
        return Reading(resolved=resolved, files=files, environ=environ)

    def resolved_for(
        mode: Mode, flags: Mapping[str, str | list[str] | bool], environ: Mapping[str, str]
    ) -> Resolved:
        return resolve(
            mode=mode,
            flags=flags,
            keywords=keywords if mode == "dev" else {},
            environ=environ,
            directory=directory,
            config_file=parsed.config_file,
        )

    # The variables of the files name no other file of settings later on; at the start they may.
    first = read_environment_files(directory, real_environment)
    configuration = Configuration(
        read,
        all_paths(
            places_of_variables(directory),
            places_of_settings(
                directory, parsed.config_file, {**first.variables, **real_environment}
            ),
        ),
    )
    configuration.reading.files.apply(os.environ)

    def difference() -> str:
        from trivet.cli.settings import difference as text_of_difference

        try:
            production = resolved_for("serve", app_alone, real_environment)
        except TrivetError as error:
            return f"trivet serve would refuse these settings: {error}"
        return text_of_difference(
            configuration.reading.resolved, production, wants_colour(sys.stderr, os.environ)
        )

    return run_dev(
        configuration,
        directory,
        script=from_data(script_data)[0] if script_data is not None else None,
        difference=difference,
    )
