"""`python app.py` with serve(app, dev=True): the script's process becomes the supervisor, and each
worker runs the script again, as far as its call of serve().

The first process has imported the app already. It executes Trivet in its own place, so that the
supervisor never has: the pid, the terminal and the environment stay.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType

from trivet.app.load import check_app
from trivet.app.run_guard import guard_run
from trivet.app.script_app import ServeReached, Switch
from trivet.errors import AppImportFailed, AppNotFound, ConflictingSettings
from trivet.project.find_app import AppChoice
from trivet.startup import first_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

#: Stands before the data on the command line of the new process; not for people.
AGAIN = "--again"

#: Options of Python that are followed by their value.
WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")


@dataclass(frozen=True, kw_only=True)
class Script:
    """A program as it was started: a file, or a module after -m, and its arguments."""

    path: str
    module: str
    arguments: tuple[str, ...]

    @property
    def choice(self) -> AppChoice:
        """The script in the place of an APP, for whatever names one."""
        file = Path(self.path)
        return AppChoice(
            module=self.module or file.stem,
            directory_to_add=Path.cwd() if self.module else file.parent,
            attribute=None,
            call=None,
            reason="serve() was called with dev=True",
        )


def run_again(keywords: Mapping[str, object]) -> NoReturn:
    """Become the supervisor of `trivet dev` for the script that runs. Main thread only.

    Raises ConflictingSettings when no script runs that could be run again, or for a keyword that
    is no plain value.
    """
    script = running_script()
    try:
        data = json.dumps([script.path, script.module, script.arguments, dict(keywords)])
    except TypeError as error:
        raise ConflictingSettings(
            f"serve(dev=True) takes plain values only: {error}",
            hint="give numbers, texts, booleans and lists of them",
        ) from None
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    options = python_options(sys.orig_argv)
    command = [sys.executable, *options, "-m", "trivet", "dev", AGAIN, data]
    os.execv(sys.executable, command)


def from_data(data: str) -> tuple[Script, dict[str, object]]:
    """The script and the keywords of its serve(), out of what `run_again` has written."""
    path, module, arguments, keywords = json.loads(data)
    return Script(path=path, module=module, arguments=tuple(arguments)), keywords


def running_script() -> Script:
    """The program that this process was started with."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if main is None or path is None or not os.path.isfile(path):
        raise ConflictingSettings(
            "serve(dev=True) was not called by a program in a file, which could be run again",
            hint="write it into a file and run that, or use trivet dev",
        )
    spec = getattr(main, "__spec__", None)
    return Script(
        path=os.path.abspath(path),
        module=spec.name if spec is not None else "",
        arguments=tuple(sys.argv[1:]),
    )


def python_options(command: Sequence[str]) -> list[str]:
    """The options of Python itself in the command that started it: `-X dev -W error`."""
    options: list[str] = []
    rest = iter(command[1:])
    for word in rest:
        if not word.startswith("-") or word in ("-m", "-c", "-"):
            break
        options.append(word)
        if word in WITH_VALUE:
            options.append(next(rest, ""))
    return options


def load_script(script: Script) -> tuple[object, list[str]]:
    """Run a script as far as its serve(); the application, and places of ignored `run()` calls.

    Runs in a worker, in its main thread. Raises AppImportFailed with what the script raised, and
    AppNotFound when it ends without serve().
    """
    name = os.path.basename(script.path)
    guard = guard_run(leave=("trivet.api",))
    sys.argv = [script.path, *script.arguments]
    if not script.module:
        sys.path.insert(0, os.path.dirname(script.path))
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    Switch.wanted = True
    try:
        exec(_code_of(script, main), main.__dict__)
    except ServeReached as reached:
        app = check_app(reached.app, "the first argument of serve()")
        return app, [f"{ignored.place} calls {ignored.call}" for ignored in guard.ignored]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() in a script is one more way to fail
        from trivet.app.hints import hint_for
        from trivet.app.user_frames import describe

        raise AppImportFailed(
            f"running {name} failed: {first_line(error)}",
            details=describe(error),
            hint=hint_for(error, os.environ),
        ) from error
    raise AppNotFound(
        f"{name} has ended without calling serve()",
        hint="does it ask for __name__ == '__main__', or for an argument? It is run as it was",
    )


def _code_of(script: Script, main: ModuleType) -> CodeType:
    """The program, compiled; `main` gets the names that Python gives to a program."""
    main.__file__ = script.path
    if script.module:
        spec = find_spec(script.module)
        if spec is not None and spec.loader is not None:
            main.__spec__ = spec
            main.__package__ = spec.parent
            main.__loader__ = spec.loader
    source = Path(script.path).read_bytes()
    code: CodeType = compile(source, script.path, "exec", dont_inherit=True)
    return code
