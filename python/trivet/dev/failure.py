"""An exception in the few lines that a terminal shows: what, and the last frame of the project.

Made in the worker, where the exception is, and sent to the supervisor as plain data. The error
page in the browser shows all the rest.
"""

from __future__ import annotations

import linecache
import os
import traceback
from dataclasses import asdict, dataclass, fields

from trivet.app.whose_code import is_import_system, is_of_project, is_of_trivet
from trivet.startup import first_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Of a traceback: a recursion has a thousand frames, and the link to the supervisor is no place
#: for megabytes.
MOST_TRACEBACK_CHARACTERS = 20_000


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What went wrong, in one line, and where. Columns count characters of `source`, from 0."""

    error: str
    path: str = ""
    line: int = 0
    source: str = ""
    column: int = 0
    end_column: int = 0
    function: str = ""
    traceback: str = ""
    hint: str = ""
    #: The page with everything, once somebody has made it.
    url: str = ""

    def to_data(self) -> dict[str, object]:
        """Plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Failure:
        """Make a Failure of what `to_data` gave, also among other fields of a message."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})  # type: ignore[arg-type]  # our own data


def failure_of(
    error: BaseException, roots: Sequence[Path], *, url: str = "", hint: str = ""
) -> Failure:
    """Describe an exception. `roots` are the directories of the project's own code."""
    text = "".join(_without_noise(traceback.TracebackException.from_exception(error)).format())
    if len(text) > MOST_TRACEBACK_CHARACTERS:
        half = MOST_TRACEBACK_CHARACTERS // 2
        text = f"{text[:half]}\n  …\n{text[-half:]}"
    place = _place_of_syntax_error(error, roots) or _place_of_frame(error, roots)
    return Failure(error=_in_one_line(error), traceback=text, url=url, hint=hint, **place)  # type: ignore[arg-type]  # the parts are typed


def shown_path(path: str, roots: Sequence[Path]) -> str:
    """A file as a person in the project calls it."""
    for root in roots:
        try:
            inside = os.path.relpath(path, root)
        except ValueError:  # another drive
            continue
        if not inside.startswith(os.pardir):
            return inside
    # As a traceback on the page names it: who reads knows where packages are installed.
    _, installed, inside = path.rpartition(f"{os.sep}site-packages{os.sep}")
    return inside if installed else path


def _without_noise(told: traceback.TracebackException) -> traceback.TracebackException:
    """The same without what lies between the server and the app: frames of Trivet, of imports."""
    waiting: list[traceback.TracebackException | None] = [told]
    while waiting:
        each = waiting.pop()
        if each is None:
            continue
        each.stack[:] = [
            frame
            for frame in each.stack
            if not is_of_trivet(frame.filename) and not is_import_system(frame.filename)
        ]
        waiting += [each.__cause__, each.__context__, *(getattr(each, "exceptions", None) or ())]
    return told


def _in_one_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    if isinstance(error, ImportError):  # whose text alone would not say that it is one
        return f"{type(error).__name__}: {error}"
    if isinstance(error, SystemExit):
        return f"SystemExit: the code called sys.exit({error.code!r})"
    return first_line(error)


def _place_of_syntax_error(error: BaseException, roots: Sequence[Path]) -> dict[str, object]:
    if not isinstance(error, SyntaxError) or not error.filename or not error.lineno:
        return {}
    source = (error.text or linecache.getline(error.filename, error.lineno)).rstrip("\n")
    column = max(0, (error.offset or 1) - 1)
    same_line = error.end_lineno in (None, error.lineno)
    end = (error.end_offset or 0) - 1 if same_line else len(source)
    return _place(error.filename, error.lineno, source, column, end, "", roots)


def _place_of_frame(error: BaseException, roots: Sequence[Path]) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_of_project(frame.filename, roots)]
    others = [
        frame
        for frame in frames
        if not is_of_trivet(frame.filename) and not is_import_system(frame.filename)
    ]
    if not (own or others):
        return {}
    chosen = (own or others)[-1]
    line = chosen.lineno or 0
    source = linecache.getline(chosen.filename, line).rstrip("\n")
    # From Python 3.11 on, in bytes of UTF-8 (traceback.FrameSummary).
    encoded = source.encode("utf-8", "replace")
    column = getattr(chosen, "colno", None) or 0
    same_line = getattr(chosen, "end_lineno", None) in (None, line)
    end = (getattr(chosen, "end_colno", None) or 0) if same_line else len(encoded)
    return _place(
        chosen.filename,
        line,
        source,
        len(encoded[:column].decode("utf-8", "replace")),
        len(encoded[:end].decode("utf-8", "replace")),
        chosen.name if chosen.name != "<module>" else "",
        roots,
    )


def _place(
    path: str,
    line: int,
    source: str,
    column: int,
    end_column: int,
    function: str,
    roots: Sequence[Path],
) -> dict[str, object]:
    bare = source.lstrip()
    indent = len(source) - len(bare)
    column = max(0, column - indent)
    return {
        "path": shown_path(path, roots),
        "line": line,
        "source": bare.rstrip(),
        "column": min(column, len(bare)),
        "end_column": max(column, min(end_column - indent, len(bare.rstrip()))),
        "function": function,
    }


def _is_of_project(file: str, roots: Sequence[Path]) -> bool:
    return is_of_project(file) and any(file.startswith(f"{root}{os.sep}") for root in roots)
