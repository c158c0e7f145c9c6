"""The traceback of an app's error as its author wants it: without Trivet, without importlib.

Frames in the standard library and in installed packages are counted, not shown. Only where an
installed package raised the error, that last frame is shown too. A recursion is cut short.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from traceback import FrameSummary, extract_tb, format_exception_only, format_list

from trivet.app.whose_code import (
    is_import_system,
    is_library,
    is_of_trivet,
    is_standard_library,
    package_of,
)

_TEXTS_AT_EACH_END = 20  # of a recursion through several functions, which repeats no single frame

_CAUSES_AT_MOST = 5  # besides the first; a recursion that catches and raises has hundreds


def describe(error: BaseException) -> str:
    """Return the error, what it came from, and the user's own frames, in Python's own notation."""
    chain = _oldest_first(error)
    parts = [_describe_one(each) for each in chain[:1] + chain[1:][-_CAUSES_AT_MOST:]]
    left_out = len(chain) - len(parts)
    if left_out:
        parts.insert(1, f"  … {left_out} more errors")
    return "\nwhich led to:\n".join(parts)


def has_frames_of_the_user(error: BaseException) -> bool:
    """Return whether any code but Trivet's and the import system's took part."""
    return bool(_frames(error))


def file_of_last_frame(error: BaseException) -> str:
    """Return the file in which the error was raised, or nothing."""
    frames = _frames(error)
    return frames[-1].filename if frames else ""


def _oldest_first(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and all(current is not each for each in chain):
        chain.insert(0, current)
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return chain


def _describe_one(error: BaseException) -> str:
    shown = "".join(_cut(list(_shown(_frames(error)))))
    return (shown + "".join(format_exception_only(type(error), error))).rstrip("\n")


def _cut(texts: list[str]) -> list[str]:
    """Leave out the middle of a very long traceback."""
    left_out = len(texts) - 2 * _TEXTS_AT_EACH_END
    if left_out <= 1:
        return texts
    first, last = texts[:_TEXTS_AT_EACH_END], texts[-_TEXTS_AT_EACH_END:]
    return [*first, f"  … {left_out} more\n", *last]


def _frames(error: BaseException) -> list[FrameSummary]:
    return [
        frame
        for frame in extract_tb(error.__traceback__)
        if not is_of_trivet(frame.filename) and not is_import_system(frame.filename)
    ]


def _shown(frames: list[FrameSummary]) -> Iterator[str]:
    """Yield the text of each frame, with a count in the place of library frames in a row."""
    if all(is_library(frame.filename) for frame in frames):
        yield from format_list(frames)  # the app itself is an installed package
        return
    last = frames[-1]

    def is_hidden(frame: FrameSummary) -> bool:
        is_source = frame is last and not is_standard_library(frame.filename)
        return is_library(frame.filename) and not is_source

    for hidden, group in groupby(frames, is_hidden):
        # All of a row at once, so that format_list says "[Previous line repeated …]".
        row = list(group)
        yield from _counted(row) if hidden else format_list(row)


def _counted(hidden: list[FrameSummary]) -> Iterator[str]:
    packages = dict.fromkeys(package_of(frame.filename) for frame in hidden)
    count = f"{len(hidden)} frame{'s' if len(hidden) > 1 else ''}"
    yield f"  … {count} in {', '.join(packages)}\n"
