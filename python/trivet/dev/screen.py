"""The text of the development terminal: start screen, reloads, errors, help; nothing is written.

Pure functions of facts, columns and colour. Requests are in request_lines.py.
"""

from __future__ import annotations

import platform
import textwrap
from dataclasses import dataclass

from trivet import __version__
from trivet.dev.cells import cells, cut, one_line, padded
from trivet.dev.request_lines import clock, duration
from trivet.dev.styles import paint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trivet.dev.failure import Failure

INDENT = "  "
LABEL_COLUMNS = 9

#: What a key does: the command, its word in the menu (empty: only in the help), and its help.
KEYS: dict[str, tuple[str, str, str]] = {
    "q": ("quit", "quit", "stop the server"),
    "r": ("restart", "restart", "import everything anew, also what lies outside the project"),
    "o": ("open", "open", "open the page in the browser, with the console unlocked"),
    "d": ("difference", "diff to production", "show which settings `trivet serve` would change"),
    "e": ("open-error", "", "open the last error in the browser"),
    "t": ("traceback", "", "show the whole traceback of the last error"),
    "v": ("static", "", "show or hide requests for static files"),
    "c": ("clear", "", "clear the screen"),
    "?": ("help", "more", "show these keys"),
}

MOST_PATHS_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class StartFacts:
    """What was chosen for this start, and why."""

    urls: tuple[str, ...]
    #: The application as a person calls it, and why this one.
    app: str
    reason: str
    workers: int = 1
    threads: int = 0
    #: Such as "Flask 3.1.3".
    framework: str = ""
    #: Files with variables, and the names in each; no values.
    environment: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: What is watched and how: "38 .py, 12 templates · inotify".
    watch: str = ""
    #: Where errors are shown: "in the browser, this machine only".
    errors: str = ""
    #: Behind the last URL: "this machine only (--lan for the network)".
    reach: str = ""
    #: Lines that a terminal shows under the URLs, for phones; empty when there are none.
    qr_code: str = ""
    #: What may surprise.
    notes: tuple[str, ...] = ()
    #: What gives a browser the token of this start; empty without a console.
    console_url: str = ""
    #: What `o` opens: it may carry the token of this start.
    open_url: str = ""

    @property
    def processes(self) -> str:
        workers = f"{self.workers} worker{'s' if self.workers != 1 else ''}"
        return f"{workers} × up to {self.threads} threads" if self.threads else workers


def start_screen(facts: StartFacts, columns: int, colour: bool, *, keys: bool) -> str:
    """What was chosen and why, on one short screen. `keys` says whether any are read."""
    title = f"{paint('trivet', 'brand', colour)} {__version__}  {paint('dev', 'heading', colour)}"
    title_columns = cells(f"trivet {__version__}  dev")
    about = " · ".join(
        part
        for part in (facts.framework, f"Python {platform.python_version()}", facts.processes)
        if part
    )
    lines = [""]
    if title_columns + 3 + cells(about) + len(INDENT) <= columns:
        lines.append(f"{INDENT}{title}   {paint(about, 'quiet', colour)}")
    else:
        lines += [f"{INDENT}{title}", *_wrapped(about, columns, INDENT)]
    lines.append("")
    for number, url in enumerate(facts.urls):
        last = number == len(facts.urls) - 1
        reach = f"   {facts.reach}" if facts.reach and last else ""
        arrow = paint("➜", "good", colour)
        if len(INDENT) + 3 + cells(url) + cells(reach) > columns:
            # An address is never broken: it is there to be copied.
            lines.append(f"{INDENT}{arrow}  {paint(url, 'name', colour)}")
            lines += _wrapped(reach.strip(), columns, INDENT + "   ")
        else:
            shown = paint(url, "name", colour)
            lines.append(f"{INDENT}{arrow}  {shown}{paint(reach, 'quiet', colour)}")
    lines += [f"{INDENT}   {line}" for line in facts.qr_code.splitlines()]
    for label, value in rows(facts):
        lines += _row(label, value, columns, colour)
    for note in facts.notes:
        lines += _row("note", note, columns, colour)
    if keys:
        lines += ["", *_wrapped(menu(), columns, INDENT)]
    lines.append("")
    return "\n".join(lines)


def rows(facts: StartFacts) -> list[tuple[str, str]]:
    """The facts that have a label, in the order of the screen; empty ones are left out."""
    environment = ", ".join(
        f"{file} ({', '.join(names) if names else 'empty'})" for file, names in facts.environment
    )
    chosen = f"{facts.app}   {facts.reason}" if facts.reason else facts.app
    labelled = [
        ("app", chosen),
        ("env", environment),
        ("watch", facts.watch),
        ("errors", facts.errors),
        ("console", facts.console_url),
    ]
    return [(label, one_line(value)) for label, value in labelled if value]


def menu() -> str:
    """The keys that everybody needs, in one line."""
    return " · ".join(f"{key} {word}" for key, (_, word, _) in KEYS.items() if word)


def help_screen(columns: int, colour: bool) -> str:
    """Every key and what it does."""
    lines = [""]
    for key, (_, _, about) in KEYS.items():
        wrapped = _wrapped(about, columns, INDENT + "   ")
        first = wrapped[0].strip() if wrapped else ""
        lines += [f"{INDENT}{paint(key, 'heading', colour)}  {first}", *wrapped[1:]]
    return "\n".join([*lines, ""])


def changed_line(paths: Sequence[str], action: str, at: float, columns: int, colour: bool) -> str:
    """A save was noticed: `14:02:19 changed shop/views.py   ↻ css only`."""
    shown = list(paths[:MOST_PATHS_SHOWN])
    if len(paths) > MOST_PATHS_SHOWN:
        shown.append(f"{len(paths) - MOST_PATHS_SHOWN} more")
    tail = f"   {action}" if action else ""
    beginning = f"{clock(at)} changed "
    names = cut(one_line(", ".join(shown)), max(8, columns - cells(beginning) - cells(tail)))
    return f"{paint(clock(at), 'quiet', colour)} changed {names}{paint(tail, 'quiet', colour)}"


def ready_line(seconds: float, at: float, columns: int, colour: bool) -> str:
    """The first worker answers."""
    return _arrived("✓", f"ready after {duration(seconds)}", "", at, columns, colour)


def reloaded_line(seconds: float, why_cold: str, at: float, columns: int, colour: bool) -> str:
    """The new code answers: `14:02:19 ↻ reloaded in 180 ms`."""
    return _arrived("↻", f"reloaded in {duration(seconds)}", why_cold, at, columns, colour)


def recovered_line(seconds: float, why_cold: str, at: float, columns: int, colour: bool) -> str:
    """The first working code after a broken one."""
    return _arrived("✓", f"back in {duration(seconds)}", why_cold, at, columns, colour)


def _arrived(mark: str, words: str, why_cold: str, at: float, columns: int, colour: bool) -> str:
    reason = f" (everything was imported: {one_line(why_cold)})" if why_cold else ""
    reason = cut(reason, max(0, columns - 11 - cells(words)))
    return (
        f"{paint(clock(at), 'quiet', colour)} {paint(mark, 'good', colour)} {words}"
        f"{paint(reason, 'quiet', colour)}"
    )


def note_line(text: str, at: float, columns: int, colour: bool) -> str:
    """Something to know; wrapped below itself."""
    indent = " " * 11
    wrapped = _wrapped(one_line(text), columns, indent)
    first = wrapped[0].strip() if wrapped else ""
    mark = paint("!", "warning", colour)
    return "\n".join([f"{paint(clock(at), 'quiet', colour)} {mark} {first}", *wrapped[1:]])


def failure_block(
    failure: Failure, after: Iterable[str], at: float, columns: int, colour: bool
) -> str:
    """What went wrong and where: the error, the line of the project, a caret, and what follows."""
    indent = "    "
    error = _wrapped(one_line(failure.error), columns, indent, first=" " * 11)
    mark = paint("✗", "error", colour)
    first = paint(error[0].strip() if error else "", "error", colour)
    lines = [f"{paint(clock(at), 'quiet', colour)} {mark} {first}"]
    lines += [paint(line, "error", colour) for line in error[1:]]
    if failure.path:
        lines += _source_lines(failure, indent, columns, colour)
    for text in (*([f"hint: {failure.hint}"] if failure.hint else []), *after):
        # An address is left whole.
        lines += _wrapped(one_line(text), columns, indent)
    return "\n".join(lines)


def _source_lines(failure: Failure, indent: str, columns: int, colour: bool) -> list[str]:
    where = f"{one_line(failure.path)}:{failure.line}"
    if failure.function:
        where += f" in {one_line(failure.function)}"
    lines = [f"{indent}{paint(where, 'name', colour)}"]
    if not failure.source:
        return lines
    inner = indent + "    "
    room = max(10, columns - len(inner))
    # Escaping must not move the caret away from what it marks.
    source = "".join(character if character.isprintable() else " " for character in failure.source)
    before = cells(source[: failure.column])
    marked = max(1, cells(source[failure.column : failure.end_column]))
    lines.append(f"{inner}{cut(source, room)}")
    if before < room:
        caret = " " * before + "^" * min(marked, room - before)
        lines.append(f"{inner}{paint(caret, 'error', colour)}")
    return lines


def _row(label: str, value: str, columns: int, colour: bool) -> list[str]:
    indent = INDENT + "   " + " " * LABEL_COLUMNS
    if columns < 50:
        indent = INDENT + "   "
        return [
            f"{indent}{paint(label, 'quiet', colour)}",
            *_wrapped(value, columns, indent + "  "),
        ]
    wrapped = _wrapped(value, columns, indent)
    shown = paint(padded(label, LABEL_COLUMNS), "quiet", colour)
    first = wrapped[0].strip() if wrapped else ""
    return [f"{INDENT}   {shown}{first}", *wrapped[1:]]


def _wrapped(text: str, columns: int, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        max(20, columns),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
