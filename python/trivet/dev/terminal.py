"""The terminal of `trivet dev`: what the supervisor tells, and the keys that it is told.

Lives in the supervisor, in its only thread. Commands that concern the terminal alone are done
here; `read_keys` gives the supervisor the others.
"""

from __future__ import annotations

import subprocess
import sys

from trivet.dev.failure import Failure
from trivet.dev.keys import KeyReader
from trivet.dev.request_lines import SeenRequest, is_own, is_static
from trivet.dev.screen import KEYS
from trivet.dev.voices import LogVoice, ScreenVoice
from trivet.errors import TrivetError, escape_controls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import TextIO

    from trivet.dev.screen import StartFacts
    from trivet.observe.log import Log

#: What keys ask of the supervisor; all other commands are the terminal's own.
QUIT = "quit"
RESTART = "restart"
FOR_THE_SUPERVISOR = (QUIT, RESTART)


class Terminal:
    """Tells what happens, to a person or as events, and reads single keys.

    `difference` gives the text of `d`; `opens` shows an address to the user.
    """

    def __init__(
        self,
        log: Log,
        keyboard: TextIO | None = None,
        *,
        show_static: bool = False,
        show_requests: bool = True,
        difference: Callable[[], str] = lambda: "",
        opens: Callable[[str], str] | None = None,
        as_screen: bool | None = None,
    ) -> None:
        self._for_person = log.terminal if as_screen is None else as_screen
        self._voice = ScreenVoice(log) if self._for_person else LogVoice(log)
        self._show_static = show_static
        self._show_requests = show_requests
        self._difference = difference
        self._opens = opens or open_in_browser
        self._open_url = ""
        #: What a person is told after the start screen, which comes first.
        self._held: list[Callable[[], None]] | None = [] if self._for_person else None
        self._last: Failure | None = None
        self._keys = self._key_reader(keyboard)
        self._commands: dict[str, Callable[[], object]] = {
            "open": lambda: self._open(self._open_url),
            "difference": self._show_difference,
            "open-error": self._open_error,
            "traceback": self._show_traceback,
            "static": self._toggle_static,
            "clear": self._voice.clear,
            "help": self._voice.help,
        }

    # --- the keyboard -------------------------------------------------------------------------

    def __enter__(self) -> Terminal:
        if self._keys is not None:
            self._keys.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._tell_what_was_held()
        if self._keys is not None:
            self._keys.close()
            self._keys = None

    def fileno(self) -> int:
        """For a selector that polls; -1 when no keys are read."""
        return -1 if self._keys is None else self._keys.fileno()

    def read_keys(self) -> list[str]:
        """Do what keys ask of the terminal; return what they ask of the supervisor."""
        asked = []
        for key in "" if self._keys is None else self._keys.read():
            command = KEYS.get(key, ("", "", ""))[0]
            if command in FOR_THE_SUPERVISOR:
                asked.append(command)
            elif command:
                self._commands[command]()
        return asked

    def lend(self) -> None:
        """Let a worker's debugger have the keyboard, until `take_back`."""
        if self._keys is not None:
            self._keys.lend()

    def take_back(self) -> None:
        """The end of `lend`."""
        if self._keys is not None:
            self._keys.take_back()

    def _key_reader(self, keyboard: TextIO | None) -> KeyReader | None:
        """No keys where nobody reads the screen, or where the input is a file or a pipe."""
        try:
            if not self._for_person or keyboard is None or not keyboard.isatty():
                return None
            return KeyReader(keyboard.fileno())
        except (OSError, ValueError):
            return None

    # --- what is told -------------------------------------------------------------------------

    def starting(self, facts: StartFacts) -> None:
        """Everything is bound and decided, but who watches is still looking at the files.

        A person gets the address now. A log has the start when it is complete: whoever reads there
        that it has started may save a file, and it is seen.
        """
        if self._for_person:
            self._show_start(facts)

    def started(self, facts: StartFacts) -> None:
        """Everything is bound and decided, and files are watched."""
        if self._for_person and self._held is None:
            self._voice.note(f"watching {facts.watch}")
        else:
            self._show_start(facts)

    def _show_start(self, facts: StartFacts) -> None:
        self._open_url = facts.open_url or (facts.urls[0] if facts.urls else "")
        self._voice.started(facts, keys=self._keys is not None)
        self._tell_what_was_held()

    def _tell(self, tell: Callable[[], None]) -> None:
        if self._held is None:
            tell()
        else:
            self._held.append(tell)

    def _tell_what_was_held(self) -> None:
        held, self._held = self._held or [], None
        for tell in held:
            tell()

    def ready(self, seconds: float) -> None:
        """The first worker answers."""
        self._tell(lambda: self._voice.ready(seconds))

    def reloading(self, paths: Sequence[str]) -> None:
        """These files changed, and the next worker is on its way."""
        self._tell(lambda: self._voice.changed(paths, ""))

    def swapped(self, paths: Sequence[str], action: str) -> None:
        """These files changed and need no new worker; `action` says what browsers do."""
        shown = f"↻ {action}" if self._for_person else action
        self._tell(lambda: self._voice.changed(paths, shown))

    def reloaded(self, seconds: float, warm: bool = True, why_cold: str = "") -> None:
        """The next worker answers. `why_cold` is told when it had to import everything."""
        self._last = None
        self._tell(lambda: self._voice.reloaded(seconds, "" if warm else why_cold))

    def failed(self, error: Failure | TrivetError | Mapping[str, object]) -> None:
        """The new code does not load. A mapping has the fields of a Failure."""
        self._last = failure = as_failure(error)
        self._tell(lambda: self._voice.failed(failure))

    def recovered(self, seconds: float, warm: bool = True, why_cold: str = "") -> None:
        """The code loads again."""
        self._last = None
        self._tell(lambda: self._voice.recovered(seconds, "" if warm else why_cold))

    def raised(self, data: Failure | Mapping[str, object]) -> None:
        """A view has raised: the fields of a Failure."""
        self._last = failure = as_failure(data)
        self._tell(lambda: self._voice.raised(failure))

    def warmed(self, modules: int, seconds: float) -> None:
        """From now on the next worker imports only the project's modules."""
        self._voice.warmed(modules, seconds)

    def note(self, text: str) -> None:
        """Something to know."""
        self._tell(lambda: self._voice.note(text))

    def request(self, data: SeenRequest | Mapping[str, object]) -> None:
        """A request was answered: the fields of a SeenRequest."""
        request = data if isinstance(data, SeenRequest) else SeenRequest.from_data(data)
        if self._keys is not None:
            self._keys.look()
        if not self._show_requests or is_own(request):
            return
        if self._show_static or not is_static(request):
            self._tell(lambda: self._voice.request(request))

    def open_page(self, url: str) -> None:
        """Open the app in the browser, for --open."""
        self._open(url)

    # --- what keys ask for ----------------------------------------------------------------------

    def _open(self, url: str) -> None:
        problem = self._opens(url) if url else "there is no address to open"
        if problem:
            self._voice.note(problem)

    def _open_error(self) -> None:
        if self._last is None:
            self._voice.note("there is no error to open")
        else:
            self._open(self._last.url or self._open_url)

    def _show_traceback(self) -> None:
        if self._last is None or not self._last.traceback:
            self._voice.note("there is no traceback to show")
        else:
            self._voice.write(escape_controls(self._last.traceback.rstrip("\n")))

    def _show_difference(self) -> None:
        self._voice.write(self._difference())

    def _toggle_static(self) -> None:
        self._show_static = not self._show_static
        state = "shown" if self._show_static else "hidden"
        self._voice.note(f"requests for static files are {state}")


def as_failure(error: Failure | TrivetError | Mapping[str, object]) -> Failure:
    """A Failure, from whatever form the error has come in."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, TrivetError):
        return Failure(error=error.what, hint=error.hint or "", traceback=error.details)
    return Failure.from_data(error)


#: Run with the address as its argument. It leaves at once, and its child, which is nobody's to
#: wait for, finds the browser: some run in the terminal, some take long to start.
BROWSER_PROGRAM = """
import os, sys
if os.fork() == 0:
    import webbrowser
    webbrowser.open(sys.argv[1])
os._exit(0)
"""


def open_in_browser(url: str) -> str:
    """Let the user's browser show an address; what went wrong, or nothing."""
    try:
        subprocess.run(
            [sys.executable, "-c", BROWSER_PROGRAM, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )
    except OSError as error:
        return f"no browser could be started: {error.strerror}; the address is {url}"
    return ""
